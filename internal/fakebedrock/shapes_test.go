package fakebedrock

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// whereText says where each family keeps its words, whole and streamed, its
// stop reason, and its count of output tokens.
var whereText = map[string]struct{ whole, stop, count, streamed []any }{
	claude: {[]any{"content", 0, "text"}, []any{"stop_reason"}, []any{"usage", "output_tokens"}, []any{"delta", "text"}},
	nova: {[]any{"output", "message", "content", 0, "text"}, []any{"stopReason"}, []any{"usage", "outputTokens"},
		[]any{"contentBlockDelta", "delta", "text"}},
	titan: {[]any{"results", 0, "outputText"}, []any{"results", 0, "completionReason"}, []any{"results", 0, "tokenCount"}, []any{"outputText"}},
	llama: {[]any{"generation"}, []any{"stop_reason"}, []any{"generation_token_count"}, []any{"generation"}},
	large: {[]any{"choices", 0, "message", "content"}, []any{"choices", 0, "stop_reason"}, []any{"usage", "completion_tokens"},
		[]any{"choices", 0, "message", "content"}},
}

// chunksOf decodes the models' own events out of an InvokeModel stream.
func chunksOf(t testing.TB, raw []byte) []object {
	t.Helper()
	var out []object
	for _, m := range frames(t, raw) {
		var part struct {
			Bytes []byte `json:"bytes"`
		}
		var own object
		if err := json.Unmarshal(m.Payload, &part); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(part.Bytes, &own); err != nil {
			t.Fatal(err)
		}
		if got := m.Headers.Get(":event-type").String(); got != "chunk" {
			t.Errorf("event type %q", got)
		}
		out = append(out, own)
	}
	return out
}

func TestFamilies(t *testing.T) {
	for model, body := range native {
		where := whereText[model]
		r := post(t, Config{}, modelPath(model, "invoke"), body)
		whole := readObject(t, r)
		text, _ := at(whole, where.whole...).(string)
		count, _ := at(whole, where.count...).(float64)
		if !strings.Contains(text, "Name three rivers.") || count == 0 {
			t.Errorf("%s: got text %q in %v tokens: %v", model, text, count, whole)
		}
		if reason := at(whole, where.stop...); !map[any]bool{"end_turn": true, "FINISH": true, "stop": true}[reason] {
			t.Errorf("%s: stop reason %v", model, reason)
		}
		r2 := post(t, Config{}, modelPath(model, "invoke-with-response-stream"), body)
		events := chunksOf(t, read(t, r2))
		var streamed strings.Builder
		for _, e := range events {
			s, _ := at(e, where.streamed...).(string)
			streamed.WriteString(s)
		}
		if streamed.String() != text {
			t.Errorf("%s: streamed %q, whole %q", model, streamed.String(), text)
		}
		metrics := at(events[len(events)-1], "amazon-bedrock-invocationMetrics")
		if at(metrics, "outputTokenCount") != count || at(metrics, "inputTokenCount") == 0.0 {
			t.Errorf("%s: metrics %v, want %v output tokens", model, metrics, count)
		}
		for _, name := range []string{"Input-Token-Count", "Output-Token-Count", "Invocation-Latency"} {
			if r.Header.Get("X-Amzn-Bedrock-"+name) == "" {
				t.Errorf("%s: no %s header", model, name)
			}
		}
		if got := r2.Header.Get("X-Amzn-Bedrock-Content-Type"); got != "application/json" {
			t.Errorf("%s: stream content type %q", model, got)
		}
	}
}

func TestAnthropicEventOrder(t *testing.T) {
	var kinds []string
	for _, e := range chunksOf(t, read(t, post(t, Config{}, modelPath(claude, "invoke-with-response-stream"), native[claude]))) {
		if kind, _ := e["type"].(string); len(kinds) == 0 || kinds[len(kinds)-1] != kind {
			kinds = append(kinds, kind)
		}
	}
	want := []string{"message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestMistralCompletion(t *testing.T) {
	body := `{"prompt":"<s>[INST] Name three rivers. [/INST]","max_tokens":3}`
	got := readObject(t, post(t, Config{}, modelPath("mistral.mistral-7b-instruct-v0:2", "invoke"), body))
	want := []any{object{"text": "This is a ", "stop_reason": "length"}}
	if diff := cmp.Diff(want, got["outputs"]); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	events := chunksOf(t, read(t, post(t, Config{}, modelPath("mistral.mistral-7b-instruct-v0:2", "invoke-with-response-stream"), body)))
	if len(events) != 4 || at(events[0], "outputs", 0, "text") != "This " {
		t.Errorf("events %v", events)
	}
}

func TestEmbedding(t *testing.T) {
	a := readObject(t, post(t, Config{}, modelPath(embed, "invoke"), `{"inputText":"rivers","dimensions":256}`))
	b := readObject(t, post(t, Config{}, modelPath(embed, "invoke"), `{"inputText":"lakes"}`))
	first, _ := a["embedding"].([]any)
	second, _ := b["embedding"].([]any)
	if len(first) != 256 || len(second) != 1024 {
		t.Fatalf("lengths %d and %d, want 256 and 1024", len(first), len(second))
	}
	if first[0] == second[0] && first[1] == second[1] && first[2] == second[2] {
		t.Error("two texts have one vector")
	}
	sum := 0.0
	for _, x := range first {
		f, _ := x.(float64)
		sum += f * f
	}
	if sum < 0.999 || sum > 1.001 {
		t.Errorf("length %v, want 1", sum)
	}
}

func TestLimitsAndStops(t *testing.T) {
	say := Config{Answer: func(string, string) string { return "one two three four" }}
	for _, c := range []struct {
		config, text, stop string
		tokens             float64
	}{
		{`{}`, "one two three four", "end_turn", 4},
		{`{"maxTokens":2}`, "one two ", "max_tokens", 2},
		{`{"maxTokens":4}`, "one two three four", "end_turn", 4},
		{`{"stopSequences":["three","two"]}`, "one ", "stop_sequence", 1},
		{`{"stopSequences":["absent"]}`, "one two three four", "end_turn", 4},
	} {
		body := strings.Replace(hello, "{", `{"inferenceConfig":`+c.config+`,`, 1)
		got := readObject(t, post(t, say, modelPath(claude, "converse"), body))
		if at(got, "output", "message", "content", 0, "text") != c.text || got["stopReason"] != c.stop || at(got, "usage", "outputTokens") != c.tokens {
			t.Errorf("%s: got %v", c.config, got)
		}
	}
}

const weather = `"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":` +
	`{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":3},"unit":{"enum":["C","F"]},` +
	`"dry":{"type":"boolean"},"hours":{"type":"array","items":{"type":"number"}}}}}}},` +
	`{"toolSpec":{"name":"other","inputSchema":{"json":{"type":"object"}}}}]`

func TestConverseTools(t *testing.T) {
	wantInput := object{"city": "stand-in", "days": 3.0, "unit": "C", "dry": true, "hours": []any{1.0}}
	for choice, want := range map[string]struct {
		tool  any
		text  bool
		input object
	}{
		`}`:                          {"get_weather", true, wantInput},
		`,"toolChoice":{"auto":{}}}`: {"get_weather", true, wantInput},
		`,"toolChoice":{"any":{}}}`:  {"get_weather", false, wantInput},
		`,"toolChoice":{"tool":{"name":"other"}}} `: {"other", false, object{}},
	} {
		body := strings.Replace(hello, "{", "{"+weather+choice+",", 1)
		got := readObject(t, post(t, Config{}, modelPath(claude, "converse"), body))
		content, _ := at(got, "output", "message", "content").([]any)
		call := at(content[len(content)-1], "toolUse")
		if at(call, "name") != want.tool || (len(content) == 2) != want.text || got["stopReason"] != "tool_use" {
			t.Errorf("%s: got %v", choice, got)
		}
		if diff := cmp.Diff(want.input, at(call, "input")); diff != "" {
			t.Errorf("%s: input (-want +got):\n%s", choice, diff)
		}
		checkToolStream(t, body, call)
	}
}

// checkToolStream puts the streamed fragments together again.
func checkToolStream(t *testing.T, body string, call any) {
	t.Helper()
	var input strings.Builder
	var start any
	for _, m := range frames(t, read(t, post(t, Config{}, modelPath(claude, "converse-stream"), body))) {
		var e object
		if err := json.Unmarshal(m.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if s := at(e, "start", "toolUse"); s != nil {
			start = s
		}
		s, _ := at(e, "delta", "toolUse", "input").(string)
		input.WriteString(s)
	}
	var whole any
	if err := json.Unmarshal([]byte(input.String()), &whole); err != nil {
		t.Fatalf("reading the fragments %q: %v", input.String(), err)
	}
	got := object{"input": whole, "name": at(start, "name"), "toolUseId": at(start, "toolUseId")}
	if diff := cmp.Diff(call, any(got)); diff != "" {
		t.Errorf("stream (-whole +streamed):\n%s", diff)
	}
}

func TestCallThatDoesNotFitIsNotMade(t *testing.T) {
	say := Config{Answer: func(string, string) string { return "one two three four" }}
	for _, limit := range []string{"2", "5"} {
		body := strings.Replace(hello, "{", "{"+weather+`},"inferenceConfig":{"maxTokens":`+limit+`},`, 1)
		got := readObject(t, post(t, say, modelPath(claude, "converse"), body))
		if content, _ := at(got, "output", "message", "content").([]any); len(content) != 1 || got["stopReason"] != "max_tokens" {
			t.Errorf("limit %s: got %v", limit, got)
		}
	}
}

func TestToolResultEndsTheLoop(t *testing.T) {
	converse := `{` + weather + `},"messages":[{"role":"user","content":[{"text":"x"}]},` +
		`{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"get_weather","input":{}}}]},` +
		`{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"rain"}]}}]}]}`
	if got := readObject(t, post(t, Config{}, modelPath(claude, "converse"), converse)); got["stopReason"] != "end_turn" {
		t.Errorf("Converse: got %v", got)
	}
	tools := `"tools":[{"name":"get_weather","input_schema":{"type":"object"}}]`
	asks := strings.Replace(native[claude], "{", "{"+tools+",", 1)
	got := readObject(t, post(t, Config{}, modelPath(claude, "invoke"), asks))
	if got["stop_reason"] != "tool_use" || at(got, "content", 1, "name") != "get_weather" {
		t.Errorf("Anthropic: got %v", got)
	}
	answered := strings.Replace(asks, `"Name three rivers."`, `[{"type":"tool_result","tool_use_id":"t","content":"rain"}]`, 1)
	if got := readObject(t, post(t, Config{}, modelPath(claude, "invoke"), answered)); got["stop_reason"] != "end_turn" {
		t.Errorf("Anthropic, answered: got %v", got)
	}
	chat := `{"messages":[{"role":"user","content":"x"}],"tools":[{"function":{"name":"get_weather","parameters":{}}}]}`
	got = readObject(t, post(t, Config{}, modelPath(large, "invoke"), chat))
	if at(got, "choices", 0, "message", "tool_calls", 0, "function", "name") != "get_weather" {
		t.Errorf("Mistral: got %v", got)
	}
}

func TestCacheUsage(t *testing.T) {
	first := `{"system":[{"text":"one two three"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"four"}]}]}`
	got := readObject(t, post(t, Config{}, modelPath(claude, "converse"), first))
	want := object{"inputTokens": 5.0, "cacheReadInputTokens": 0.0, "cacheWriteInputTokens": 3.0,
		"cacheDetails": []any{object{"ttl": "5m", "inputTokens": 3.0}}}
	usage, _ := got["usage"].(object)
	delete(usage, "outputTokens")
	delete(usage, "totalTokens")
	if diff := cmp.Diff(want, usage); diff != "" {
		t.Errorf("first turn (-want +got):\n%s", diff)
	}
	later := strings.Replace(first, `]}]}`, `]},{"role":"assistant","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}]}]}`, 1)
	got = readObject(t, post(t, Config{}, modelPath(claude, "converse"), later))
	if at(got, "usage", "cacheReadInputTokens") != 3.0 || at(got, "usage", "cacheWriteInputTokens") != 0.0 {
		t.Errorf("later turn: %v", got["usage"])
	}
	own := strings.Replace(native[claude], "{", `{"system":[{"type":"text","text":"one two","cache_control":{"type":"ephemeral"}}],`, 1)
	r := post(t, Config{}, modelPath(claude, "invoke"), own)
	if at(readObject(t, r), "usage", "cache_creation_input_tokens") != 2.0 || r.Header.Get("X-Amzn-Bedrock-Cache-Write-Input-Token-Count") != "2" {
		t.Errorf("Anthropic: headers %v", r.Header)
	}
}

func TestEchoesTier(t *testing.T) {
	body := strings.Replace(hello, "{", `{"serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"},`, 1)
	got := readObject(t, post(t, Config{}, modelPath(claude, "converse"), body))
	if at(got, "serviceTier", "type") != "flex" || at(got, "performanceConfig", "latency") != "optimized" {
		t.Errorf("got %v", got)
	}
}

// TestTokensStayInBounds: the limit holds, and no body counts more input
// tokens than it has bytes, so a caller may take its length as the worst case.
func TestTokensStayInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		text := rapid.String().Draw(t, "text")
		offered := rapid.Bool().Draw(t, "tools")
		body := object{
			"messages":        []object{{"role": "user", "content": []object{{"text": text}}}},
			"inferenceConfig": object{"maxTokens": limit},
		}
		if offered {
			schema := object{"type": "object", "properties": object{rapid.String().Draw(t, "property"): object{"type": "string"}}}
			body["toolConfig"] = object{"tools": []object{{"toolSpec": object{"name": "t", "inputSchema": object{"json": schema}}}}}
		}
		raw := encode(body)
		tally := newTally(claude)
		if refused := readConverse(tally, raw); refused != nil {
			t.Fatalf("%s: %s", raw, refused.message)
		}
		a := compose(tally.finish(), nil)
		if a.usage.output > limit {
			t.Errorf("%d output tokens, limit %d", a.usage.output, limit)
		}
		if a.usage.input > len(raw) {
			t.Errorf("%d input tokens from %d bytes", a.usage.input, len(raw))
		}
		for _, c := range a.calls {
			if strings.Join(c.fragments, "") != string(c.input) {
				t.Errorf("fragments %q of %s", c.fragments, c.input)
			}
		}
	})
}
