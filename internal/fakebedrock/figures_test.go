package fakebedrock

import (
	"io"
	"strings"
	"testing"
)

// TestScriptSaysWhatWasUsed holds that a prompt can make the stand-in say
// anything of its use, several times over or never.
func TestScriptSaysWhatWasUsed(t *testing.T) {
	body := func(script string) string {
		return `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"inferenceConfig":{"maxTokens":9},"messages":[{"role":"user","content":[{"type":"text","text":"[[say: ok]]` + script + `"}]}]}`
	}
	const negative, twice = `[[usage: {\"inputTokens\":-3,\"outputTokens\":1.5}]]`, `[[usage: {\"inputTokens\":4,\"outputTokens\":4}]]`
	r := post(t, Config{}, modelPath(nova, "converse"), body(negative))
	if u, _ := readObject(t, r)["usage"].(map[string]any); u["inputTokens"] != -3.0 || u["outputTokens"] != 1.5 {
		t.Errorf("Converse says %v", u)
	}
	if u, ok := readObject(t, post(t, Config{}, modelPath(nova, "converse"), body(`[[usage: none]]`)))["usage"]; ok {
		t.Errorf("Converse says %v", u)
	}
	read := func(action, script string) string {
		raw, err := io.ReadAll(post(t, Config{}, modelPath(claude, action), body(script)).Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	if got := strings.Count(read("converse-stream", negative+twice), `"inputTokens"`); got != 2 {
		t.Errorf("ConverseStream says it %d times", got)
	}
	raw := read("invoke-with-response-stream", negative+twice)
	var said []any
	for _, c := range chunksOf(t, []byte(raw)) {
		if m, ok := c["amazon-bedrock-invocationMetrics"].(map[string]any); ok {
			said = append(said, m["inputTokenCount"])
		}
	}
	if len(said) != 2 || said[0] != -3.0 || said[1] != 4.0 {
		t.Errorf("the stream says %v", said)
	}
	h := post(t, Config{}, modelPath(claude, "invoke"), body(negative)).Header
	if got := h.Get("X-Amzn-Bedrock-Input-Token-Count"); got != "-3" || h.Get("X-Amzn-Bedrock-Cache-Read-Input-Token-Count") != "" {
		t.Errorf("headers %v", h)
	}
}
