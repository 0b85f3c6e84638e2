package bedrock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// callAt is a call as ReadToolCalls lists it at a place.
func callAt(index int, id, name, arguments string) ToolCall {
	return ToolCall{ID: id, Name: name, Arguments: []byte(arguments), Index: index}
}

// wholeCalls are answers with calls, in the shape of each provider.
var wholeCalls = map[string]struct {
	op   Operation
	body string
	want []ToolCall
}{
	"converse": {Converse, `{"output":{"message":{"role":"assistant","content":[{"text":"so"},{"toolUse":{"toolUseId":"t1","name":"pay","input":{"n":1}}},{"toolUse":{"toolUseId":"t2","name":"look","input":{}}}]}},"stopReason":"tool_use","usage":{"inputTokens":1}}`,
		[]ToolCall{callAt(0, "t1", "pay", `{"n":1}`), callAt(1, "t2", "look", `{}`)}},
	"nova": {InvokeModel, `{"output":{"message":{"content":[{"toolUse":{"name":"pay","toolUseId":"t1","input":{"n": 1}}}],"role":"assistant"}},"stopReason":"tool_use"}`,
		[]ToolCall{callAt(0, "t1", "pay", `{"n": 1}`)}},
	"anthropic": {InvokeModel, `{"type":"message","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t1","name":"pay","input":{"x":"toolUse"}}],"stop_reason":"tool_use","usage":{"server_tool_use":{"web_search_requests":0}}}`,
		[]ToolCall{callAt(0, "t1", "pay", `{"x":"toolUse"}`)}},
	"mistral": {InvokeModel, `{"choices":[{"index":0,"message":{"role":"assistant","content":"","tool_calls":[{"id":"t1","type":"function","function":{"name":"pay","arguments":"{\"n\":1}"}}]},"stop_reason":"tool_calls"}]}`,
		[]ToolCall{callAt(0, "t1", "pay", `{"n":1}`)}},
	"chat": {ChatCompletions, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"pay","arguments":""}},{"id":"t2","type":"custom","custom":{"name":"q","input":"free text"}}]},"finish_reason":"tool_calls"}]}`,
		[]ToolCall{callAt(0, "t1", "pay", `{}`), {ID: "t2", Name: "q", Arguments: []byte("free text"), Malformed: true, Index: 1}}},
	"chat, as it was": {ChatCompletions, `{"choices":[{"message":{"content":null,"function_call":{"name":"pay","arguments":"{\"n\":1}"}},"finish_reason":"function_call"}]}`,
		[]ToolCall{callAt(0, "", "pay", `{"n":1}`)}},
	"cohere": {InvokeModel, `{"text":"","generation_id":"g","finish_reason":"COMPLETE","tool_calls":[{"name":"pay","parameters":{"n":1}}],"chat_history":[{"role":"USER","message":"hi"},{"role":"CHATBOT","message":"","tool_calls":[{"name":"old","parameters":{}}]},{"role":"CHATBOT","tool_calls":[{"name":"pay","parameters":{"n":1}}]}]}`,
		[]ToolCall{callAt(0, "", "pay", `{"n":1}`), callAt(1, "", "old", `{}`)}},
	"cohere, newer": {InvokeModel, `{"id":"i","message":{"role":"assistant","tool_plan":"I will","tool_calls":[{"id":"t1","type":"function","function":{"name":"pay","arguments":"{\"n\":1}"}}]},"finish_reason":"TOOL_CALL"}`,
		[]ToolCall{callAt(0, "t1", "pay", `{"n":1}`)}},
}

func TestToolCallsAreReadInEveryShape(t *testing.T) {
	for name, c := range wholeCalls {
		got, err := ReadToolCalls(c.op, []byte(c.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// TestS24_WhatMightBeACallIsOne: a call that no known reader would find there
// is listed, as one that cannot be taken out.
func TestS24_WhatMightBeACallIsOne(t *testing.T) {
	const call = `{"name":"pay","input":{"n":1}}`
	for _, body := range []string{
		`{"toolUse":` + call + `}`,
		`{"output":{"toolUse":` + call + `}}`,
		`{"output":{"message":{"toolUse":` + call + `}}}`,
		`{"output":{"message":{"content":[{"x":{"toolUse":` + call + `}}]}}}`,
		`{"output":{"message":{"content":[{"ToolUse":` + call + `}]}}}`,
		`{"a":[{"t\u0079pe":"tool\u005fuse","name":"pay","input":{"n":1}}]}`,
		`{"additionalModelResponseFields":{"tool_use":` + call + `}}`,
		`{"additionalModelResponseFields":{"content":[{"type":"tool_use","name":"pay","input":{"n":1}}]}}`,
		`{"outputs":[{"tool_calls":[` + call + `]}]}`,
		`{"output":[{"type":"function_call","name":"pay","arguments":{"n":1}}]}`,
		`{"a":{"type":"mcp_call","name":"pay","input":{"n":1}}}`,
		`{"content":[{"type":"text","text":"x","toolCalls":[` + call + `]}]}`,
		`{"functionCall":` + call + `}`,
		`{"choices":[{"tool_calls":[` + call + `]}]}`,
		`{"generations":[{"tool-calls":[` + call + `]}]}`,
	} {
		got, err := ReadToolCalls(InvokeModel, []byte(body))
		if err != nil || len(got) != 1 || !got[0].Fixed || got[0].Name != "pay" || string(got[0].Arguments) != `{"n":1}` {
			t.Errorf("%s: %+v, %v", body, got, err)
			continue
		}
		if _, err := RewriteToolCalls(InvokeModel, []byte(body), []Verdict{{Drop: true}}, ""); !errors.As(err, new(*FixedError)) {
			t.Errorf("%s: dropped, %v", body, err)
		}
		if out, err := RewriteToolCalls(InvokeModel, []byte(body), []Verdict{{}}, ""); err != nil || string(out) != body {
			t.Errorf("%s: let out as %s, %v", body, out, err)
		}
	}
}

// TestS24_DoubtIsAnError: where two parsers could see two calls, none is listed.
func TestS24_DoubtIsAnError(t *testing.T) {
	block := func(s string) string { return `{"content":[` + s + `]}` }
	many := strings.Repeat(`{"type":"tool_use","name":"a"},`, maxTools+1)
	for name, body := range map[string]string{
		"repeated name":      block(`{"type":"tool_use","name":"look","name":"pay","input":{}}`),
		"name in two cases":  block(`{"type":"tool_use","name":"look","Name":"pay","input":{}}`),
		"name in other case": block(`{"type":"tool_use","NAME":"look","input":{}}`),
		"two arguments":      block(`{"type":"tool_use","name":"look","input":{},"arguments":{}}`),
		"two names":          `{"choices":[{"message":{"tool_calls":[{"name":"look","function":{"name":"pay"}}]}}]}`,
		"a call in a call":   block(`{"type":"tool_use","name":"look","toolUse":{"name":"pay"}}`),
		"a number as name":   block(`{"type":"tool_use","name":7}`),
		"too many":           block(strings.TrimSuffix(many, ",")),
		"data behind":        block(`{"type":"tool_use","name":"a"}`) + "{}",
		"UTF-16":             "{\x00\"\x00}\x00",
		"no JSON":            `{"content":[{"type":"tool_use"`,
	} {
		if got, err := ReadToolCalls(InvokeModel, []byte(body)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestMalformedArgumentsAreSaidToBe(t *testing.T) {
	for arguments, malformed := range map[string]bool{
		`{}`: false, ``: false, ` {"a":[1]} `: false, `{"a":1,"a":2}`: true, `[]`: true, `{"a":`: true, `{}{}`: true,
		`null`: true, `"x"`: true, "{\"a\":\"\xff\"}": true, strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200): true,
	} {
		text, _ := json.Marshal(arguments)
		if strings.Contains(arguments, "\xff") {
			text = []byte(`"{\"a\":\"\ud800\"}"`) // no parser of the answer lets bytes through that are not UTF-8
		}
		got, err := ReadToolCalls(ChatCompletions, []byte(`{"choices":[{"message":{"tool_calls":[{"function":{"name":"pay","arguments":`+string(text)+`}}]}}]}`))
		if strings.Contains(arguments, "\xff") {
			if err == nil {
				t.Errorf("%q: %+v", arguments, got)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0].Malformed != malformed {
			t.Errorf("%q: %+v, %v", arguments, got, err)
		}
	}
}

func TestOddNamesAreSaidToBe(t *testing.T) {
	for name, want := range map[string]bool{"post_payment": false, "a-B9": false, "post_p\u0430yment": true, "a b": true, "": true, "a.b": true, "pay\u200b": true} {
		text, _ := json.Marshal(name)
		got, err := ReadToolCalls(Converse, []byte(`{"output":{"message":{"content":[{"toolUse":{"name":`+string(text)+`}}]}}}`))
		if err != nil || len(got) != 1 || got[0].Name != name || got[0].Odd != want {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
}

// TestServerToolsGoWithWhatTheyFound: the result of a dropped call is dropped.
func TestServerToolsGoWithWhatTheyFound(t *testing.T) {
	body := []byte(`{"content":[{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"canary"}},{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"title":"canary"}]},{"type":"mcp_tool_use","id":"m1","name":"other","server_name":"x","input":{}},{"type":"text","text":"done"}],"stop_reason":"end_turn"}`)
	calls, err := ReadToolCalls(InvokeModel, body)
	if err != nil || len(calls) != 2 || !calls[0].Server || !calls[1].Server {
		t.Fatalf("%+v, %v", calls, err)
	}
	out, err := RewriteToolCalls(InvokeModel, body, []Verdict{{Drop: true}, {}}, "")
	if err != nil || bytes.Contains(out, []byte("canary")) || !bytes.Contains(out, []byte(`"m1"`)) || !bytes.Contains(out, []byte("end_turn")) {
		t.Errorf("%s, %v", out, err)
	}
}

// TestRewrittenAnswers: what is left when the first call is dropped, and when it
// is edited, byte for byte.
func TestRewrittenAnswers(t *testing.T) {
	for name, want := range map[string]struct{ dropped, edited string }{
		"converse": {
			`{"output":{"message":{"role":"assistant","content":[{"text":"so"},{"toolUse":{"toolUseId":"t2","name":"look","input":{}}},{"text":"NOTE"}]}},"stopReason":"tool_use","usage":{"inputTokens":1}}`,
			`{"output":{"message":{"role":"assistant","content":[{"text":"so"},{"toolUse":{"toolUseId":"t1","name":"pay","input":{"e":2}}},{"toolUse":{"toolUseId":"t2","name":"look","input":{}}}]}},"stopReason":"tool_use","usage":{"inputTokens":1}}`},
		"nova": {
			`{"output":{"message":{"content":[{"text":"NOTE"}],"role":"assistant"}},"stopReason":"end_turn"}`,
			`{"output":{"message":{"content":[{"toolUse":{"name":"pay","toolUseId":"t1","input":{"e":2}}}],"role":"assistant"}},"stopReason":"tool_use"}`},
		"anthropic": {
			`{"type":"message","content":[{"type":"text","text":"a"},{"type":"text","text":"NOTE"}],"stop_reason":"end_turn","usage":{"server_tool_use":{"web_search_requests":0}}}`,
			`{"type":"message","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t1","name":"pay","input":{"e":2}}],"stop_reason":"tool_use","usage":{"server_tool_use":{"web_search_requests":0}}}`},
		"mistral": {
			`{"choices":[{"index":0,"message":{"role":"assistant","content":"NOTE"},"stop_reason":"stop"}]}`,
			`{"choices":[{"index":0,"message":{"role":"assistant","content":"","tool_calls":[{"id":"t1","type":"function","function":{"name":"pay","arguments":"{\"e\":2}"}}]},"stop_reason":"tool_calls"}]}`},
		"chat": {
			`{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"NOTE","tool_calls":[{"id":"t2","type":"custom","custom":{"name":"q","input":"free text"}}]},"finish_reason":"tool_calls"}]}`,
			`{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"pay","arguments":"{\"e\":2}"}},{"id":"t2","type":"custom","custom":{"name":"q","input":"free text"}}]},"finish_reason":"tool_calls"}]}`},
		"chat, as it was": {
			`{"choices":[{"message":{"content":"NOTE"},"finish_reason":"stop"}]}`,
			`{"choices":[{"message":{"content":null,"function_call":{"name":"pay","arguments":"{\"e\":2}"}},"finish_reason":"function_call"}]}`},
		"cohere": {
			`{"text":"NOTE","generation_id":"g","finish_reason":"COMPLETE","chat_history":[{"role":"USER","message":"hi"},{"role":"CHATBOT","message":"","tool_calls":[{"name":"old","parameters":{}}]},{"role":"CHATBOT"}]}`,
			`{"text":"","generation_id":"g","finish_reason":"COMPLETE","tool_calls":[{"name":"pay","parameters":{"e":2}}],"chat_history":[{"role":"USER","message":"hi"},{"role":"CHATBOT","message":"","tool_calls":[{"name":"old","parameters":{}}]},{"role":"CHATBOT","tool_calls":[{"name":"pay","parameters":{"e":2}}]}]}`},
		"cohere, newer": {
			`{"id":"i","message":{"role":"assistant","tool_plan":"I will","content":"NOTE"},"finish_reason":"COMPLETE"}`,
			`{"id":"i","message":{"role":"assistant","tool_plan":"I will","tool_calls":[{"id":"t1","type":"function","function":{"name":"pay","arguments":"{\"e\":2}"}}]},"finish_reason":"TOOL_CALL"}`},
	} {
		c := wholeCalls[name]
		verdicts := make([]Verdict, len(c.want))
		verdicts[0] = Verdict{Drop: true}
		out, err := RewriteToolCalls(c.op, []byte(c.body), verdicts, "NOTE")
		if d := cmp.Diff(want.dropped, string(out)); d != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, d)
		}
		verdicts[0] = Verdict{Arguments: []byte(" {\"e\":2}\n")}
		out, err = RewriteToolCalls(c.op, []byte(c.body), verdicts, "")
		if d := cmp.Diff(want.edited, string(out)); d != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
}

func TestVerdictsMustFit(t *testing.T) {
	body := []byte(wholeCalls["nova"].body)
	for name, v := range map[string][]Verdict{
		"too few": nil, "too many": {{}, {}}, "no object": {{Arguments: []byte("[]")}}, "empty": {{Arguments: []byte{}}}, "twice": {{Arguments: []byte(`{"a":1,"a":2}`)}},
	} {
		if _, err := RewriteToolCalls(InvokeModel, body, v, "note"); !errors.Is(err, ErrVerdicts) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := RewriteToolCalls(InvokeModel, []byte(`{"embedding":[1]}`), nil, "note"); !errors.As(err, new(*FixedError)) {
		t.Errorf("a note in no message: %v", err)
	}
}

// canary is in what must not be let out.
const canary = "c4n4ry"

// drawnAnswer draws an answer with n calls in one of the shapes; those of
// dropped have the canary in their arguments and their ids.
func drawnAnswer(t *rapid.T, dropped []bool) (Operation, []byte) {
	marked := func(i int, s string) string {
		if dropped[i] {
			return s + canary
		}
		return s
	}
	space := rapid.SampledFrom([]string{"", " ", "\n\t"})
	shape := rapid.SampledFrom([]string{"converse", "anthropic", "chat", "cohere"}).Draw(t, "shape")
	var items []string
	for i := range dropped {
		if rapid.Bool().Draw(t, "text before") && shape != "chat" && shape != "cohere" {
			items = append(items, map[string]string{"converse": `{"text":"tool_use\" ] }"}`, "anthropic": `{"type":"text","text":",{"}`}[shape])
		}
		arguments, _ := json.Marshal(map[string]any{marked(i, "k"): rapid.String().Draw(t, "value"), "z": []any{map[string]string{"toolUse": "x"}}})
		quoted, _ := json.Marshal(string(arguments))
		items = append(items, space.Draw(t, "space")+map[string]string{
			"converse":  fmt.Sprintf(`{"toolUse":{"toolUseId":%q,"name":"tool%d","input":%s}}`, marked(i, "id"), i, arguments),
			"anthropic": fmt.Sprintf(`{"name":"tool%[2]d","id":%[1]q, "input": %[3]s,"type":"tool_use"}`, marked(i, "id"), i, arguments),
			"chat":      fmt.Sprintf(`{"id":%q,"type":"function","function":{"arguments":%s,"name":"tool%d"}}`, marked(i, "id"), quoted, i),
			"cohere":    fmt.Sprintf(`{"name":"tool%d","parameters":%s}`, i, arguments),
		}[shape]+space.Draw(t, "space"))
	}
	list := "[" + strings.Join(items, ",") + "]"
	switch shape {
	case "converse":
		return Converse, []byte(`{"output":{"message":{"content":` + list + `,"role":"assistant"}},"stopReason":"tool_use"}`)
	case "anthropic":
		return InvokeModel, []byte(`{"content": ` + list + ` ,"stop_reason":"tool_use"}`)
	case "chat":
		return ChatCompletions, []byte(`{"choices":[{"index":0,"message":{"content":null,"tool_calls":` + list + `},"finish_reason":"tool_calls"}]}`)
	}
	return InvokeModel, []byte(`{"tool_calls":` + list + `,"text":"a","finish_reason":"COMPLETE"}`)
}

// TestOnlyWhatIsLetOutIsLeft: of random answers and verdicts, every call that is
// let out is there, as it was or as edited, and nothing of any other.
func TestOnlyWhatIsLetOutIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dropped := rapid.SliceOfN(rapid.Bool(), 1, 5).Draw(t, "dropped")
		op, body := drawnAnswer(t, dropped)
		calls, err := ReadToolCalls(op, body)
		if err != nil || len(calls) != len(dropped) {
			t.Fatalf("%s: %d calls, %v", body, len(calls), err)
		}
		verdicts, want, none := make([]Verdict, len(calls)), []ToolCall{}, true
		for i, c := range calls {
			if verdicts[i].Drop = dropped[i]; dropped[i] {
				continue
			}
			if rapid.Bool().Draw(t, "edit") {
				verdicts[i].Arguments = []byte(`{"edited":"\"{"}`)
				c.Arguments = verdicts[i].Arguments
			}
			c.Index, none = len(want), false
			want = append(want, c)
		}
		note := rapid.SampledFrom([]string{"", "a \"note\""}).Draw(t, "note")
		out, err := RewriteToolCalls(op, body, verdicts, note)
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		got, err := ReadToolCalls(op, out)
		if d := cmp.Diff(want, append([]ToolCall{}, got...)); d != "" || err != nil {
			t.Fatalf("%s\n%s: %v %s", body, out, err, d)
		}
		if bytes.Contains(out, []byte(canary)) {
			t.Fatalf("%s\n%s: the canary is left", body, out)
		}
		a, err := ReadAnswer(op, nil, out)
		if err != nil || none && plainEnds[a.StopReason] != "" || note != "" && !bytes.Contains(out, []byte(`a \"note\"`)) {
			t.Fatalf("%s\n%s: %+v %v", body, out, a, err)
		}
	})
}

// FuzzReadToolCalls: nothing panics, the look over the bytes misses no call, and
// what is dropped is gone.
func FuzzReadToolCalls(f *testing.F) {
	for _, c := range wholeCalls {
		f.Add([]byte(c.body))
	}
	f.Add([]byte(`{"a":[{"t\u0079pe":"tool_use"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := readCalling(body); err == nil && len(a.calls) > 0 && !mayCall(body) {
			t.Fatalf("%s: missed %+v", body, a.calls)
		}
		for _, op := range []Operation{Converse, InvokeModel, ChatCompletions} {
			calls, err := ReadToolCalls(op, body)
			if err != nil || len(calls) == 0 {
				continue
			}
			all := make([]Verdict, len(calls))
			for i := range all {
				all[i].Drop = true
			}
			out, err := RewriteToolCalls(op, body, all, "")
			if err != nil {
				continue
			}
			if left, err := ReadToolCalls(op, out); err != nil || len(left) > 0 {
				t.Fatalf("%s\n%s: %v, %v", body, out, left, err)
			}
		}
	})
}

// TestArgumentsWhereThereWereNone: an edit can give a call its first arguments.
func TestArgumentsWhereThereWereNone(t *testing.T) {
	for _, c := range []struct {
		op         Operation
		body, want string
	}{
		{Converse, `{"output":{"message":{"content":[{"toolUse":{"name":"pay"}}]}}}`, `{"output":{"message":{"content":[{"toolUse":{"name":"pay","input":{"e":2}}}]}}}`},
		{InvokeModel, `{"content":[{"type":"tool_use","name":"pay"}]}`, `{"content":[{"type":"tool_use","name":"pay","input":{"e":2}}]}`},
		{ChatCompletions, `{"choices":[{"message":{"tool_calls":[{"function":{"name":"pay"}}]}}]}`, `{"choices":[{"message":{"tool_calls":[{"function":{"name":"pay","arguments":"{\"e\":2}"}}]}}]}`},
		{ChatCompletions, `{"choices":[{"message":{"function_call":{"name":"pay"}}}]}`, `{"choices":[{"message":{"function_call":{"name":"pay","arguments":"{\"e\":2}"}}}]}`},
	} {
		out, err := RewriteToolCalls(c.op, []byte(c.body), []Verdict{{Arguments: []byte(`{"e":2}`)}}, "")
		if d := cmp.Diff(c.want, string(out)); d != "" || err != nil {
			t.Errorf("%v %s", err, d)
		}
	}
}
