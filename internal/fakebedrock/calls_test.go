package fakebedrock

import (
	"strings"
	"testing"
)

// TestScriptsMakeParallelBrokenAndServerCalls, whole, where each has its place.
func TestScriptsMakeParallelBrokenAndServerCalls(t *testing.T) {
	const prompt = `[[call: look {\"a\":1}]] [[broken: pay {\"n\": ]] [[server: search {}]]`
	anthropic := readObject(t, post(t, Config{}, modelPath(claude, "invoke"), strings.Replace(native[claude], "Name three rivers.", prompt, 1)))
	for place, want := range map[[2]any]any{
		{0, "name"}: "look", {1, "name"}: "pay", {1, "input"}: `{"n": `, {2, "type"}: "server_tool_use", {3, "type"}: "search_tool_result",
	} {
		if got := at(anthropic, "content", place[0], place[1]); got != want {
			t.Errorf("anthropic %v: %v, want %v", place, got, want)
		}
	}
	if a, b := at(anthropic, "content", 0, "id"), at(anthropic, "content", 1, "id"); a == b {
		t.Errorf("two calls of one id: %v", a)
	}
	converse := readObject(t, post(t, Config{}, modelPath(claude, "converse"), strings.Replace(hello, "Name three rivers.", prompt, 1)))
	if got := at(converse, "output", "message", "content", 3, "toolResult", "toolUseId"); got != at(converse, "output", "message", "content", 2, "toolUse", "toolUseId") {
		t.Errorf("converse: the result is of %v", got)
	}
}

// TestNativeChatAndCohereCall: by InvokeModel, in the shapes of their providers.
func TestNativeChatAndCohereCall(t *testing.T) {
	for model, c := range map[string]struct {
		body string
		name []any
	}{
		"openai.gpt-oss-120b-1:0":   {`{"messages":[{"role":"user","content":"[[call: pay {}]]"}]}`, []any{"choices", 0, "message", "tool_calls", 0, "function", "name"}},
		"ai21.jamba-1-5-large-v1:0": {`{"messages":[{"role":"user","content":"[[call: pay {}]]"}]}`, []any{"choices", 0, "message", "tool_calls", 0, "function", "name"}},
		"cohere.command-r-v1:0":     {`{"message":"[[call: pay {}]]"}`, []any{"tool_calls", 0, "name"}},
	} {
		if got := at(readObject(t, post(t, Config{}, modelPath(model, "invoke"), c.body)), c.name...); got != "pay" {
			t.Errorf("%s: %v", model, got)
		}
		if events := chunksOf(t, read(t, post(t, Config{}, modelPath(model, "invoke-with-response-stream"), c.body))); len(events) < 3 {
			t.Errorf("%s: %v", model, events)
		}
	}
}
