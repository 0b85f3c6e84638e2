package fakebedrock

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	hereArn  = "arn:aws:bedrock:us-east-1:444455556666:"
	modelArn = "arn:aws:bedrock:us-east-1::foundation-model/"
)

// allowing writes a policy that allows pairs of action and resource.
func allowing(pairs [][2]string) string {
	type statement struct{ Effect, Action, Resource string }
	doc := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for _, p := range pairs {
		doc.Statement = append(doc.Statement, statement{"Allow", p[0], p[1]})
	}
	text, _ := json.Marshal(doc)
	return string(text)
}

// Each operation needs everything that it is said to, and nothing more.
func TestWhatEveryOperationNeeds(t *testing.T) {
	v := newVault(t)
	start := `{"modelId":"amazon.nova-reel-v1:1","modelInput":{"image":{"s3Location":{"uri":"s3://in/frame"}}},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://out/a/","kmsKeyId":"k-1"}},"tags":[{"key":"a","value":"b"}]}`
	for name, c := range map[string]struct {
		path, body string
		needs      [][2]string
	}{
		"Converse": {"/model/" + liteModel + "/converse", `{"messages":[{"role":"user","content":[{"text":"x"}]}],"guardrailConfig":{"guardrailIdentifier":"g1","guardrailVersion":"1"},"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]}}`, [][2]string{
			{"bedrock:InvokeModel", modelArn + liteModel}, {"bedrock:ApplyGuardrail", hereArn + "guardrail/g1"}, {"bedrock:InvokeTool", "arn:aws:bedrock::444455556666:system-tool/nova_grounding"}}},
		"ConverseStream": {"/model/" + liteModel + "/converse-stream", greeting, [][2]string{{"bedrock:InvokeModelWithResponseStream", modelArn + liteModel}}},
		"CountTokens": {"/model/" + liteModel + "/count-tokens", `{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"x"},{"image":{"format":"png","source":{"s3Location":{"uri":"s3://in/a"}}}}]}]}}}`, [][2]string{
			{"bedrock:CountTokens", modelArn + liteModel}, {"s3:GetObject", "arn:aws:s3:::in/a"}}},
		"ApplyGuardrail":         {"/guardrail/g1/version/1/apply", `{"source":"INPUT","content":[{"text":{"text":"x"}}]}`, [][2]string{{"bedrock:ApplyGuardrail", hereArn + "guardrail/g1"}}},
		"ApplyGuardrail, by ARN": {"/guardrail/" + strings.ReplaceAll(hereArn, ":", "%3A") + "guardrail%2Fg1/version/1/apply", `{"source":"INPUT","content":[{"text":{"text":"x"}}]}`, [][2]string{{"bedrock:ApplyGuardrail", hereArn + "guardrail/g1"}}},
		"chat":                   {chatPath, `{"model":"openai.gpt-oss-120b-1:0","messages":[{"role":"user","content":"x"}]}`, [][2]string{{"bedrock:InvokeModel", modelArn + "openai.gpt-oss-120b-1:0"}}},
		"chat, streaming":        {chatPath, `{"model":"openai.gpt-oss-120b-1:0","stream":true,"messages":[{"role":"user","content":"x"}]}`, [][2]string{{"bedrock:InvokeModelWithResponseStream", modelArn + "openai.gpt-oss-120b-1:0"}}},
		"StartAsyncInvoke": {"/async-invoke", start, [][2]string{
			{"bedrock:InvokeModel", modelArn + "amazon.nova-reel-v1:1"}, {"bedrock:InvokeModel", hereArn + "async-invoke/*"}, {"bedrock:TagResource", hereArn + "async-invoke/*"},
			{"s3:PutObject", "arn:aws:s3:::out/a/*"}, {"s3:GetObject", "arn:aws:s3:::in/frame"}, {"kms:GenerateDataKey", "arn:aws:kms:us-east-1:444455556666:key/k-1"}, {"kms:Decrypt", "arn:aws:kms:us-east-1:444455556666:key/k-1"}}},
	} {
		if _, k := v.sts(t, base, assumeForm("Policy", allowing(c.needs))); k.Key != "" {
			if status, text := v.post(t, k, "bedrock", c.path, c.body); status != 200 {
				t.Errorf("%s, with all it needs: %d %s", name, status, text)
			}
		}
		for i, n := range c.needs {
			others := append(slices.Delete(slices.Clone(c.needs), i, i+1), [2]string{"bedrock:Nothing", "arn:aws:s3:::x"})
			_, k := v.sts(t, base, assumeForm("Policy", allowing(others)))
			if status, text := v.post(t, k, "bedrock", c.path, c.body); status != 403 || !strings.Contains(text, "no session policy allows the "+n[0]) {
				t.Errorf("%s, without %v: %d %s", name, n, status, text)
			}
		}
	}
}

// Invocations are their account's, and reading one needs the right to that one.
func TestInvocationsAreTheirAccounts(t *testing.T) {
	v := newVault(t)
	_, starts := v.sts(t, base, assumeForm("Policy", allowing([][2]string{
		{"bedrock:InvokeModel", "*"}, {"s3:PutObject", "arn:aws:s3:::out/*"}, {"bedrock:ListAsyncInvokes", "*"}})))
	_, text := v.post(t, starts, "bedrock", "/async-invoke", startOf("a", "x"))
	var out struct{ InvocationArn string }
	if err := json.Unmarshal([]byte(text), &out); err != nil || !strings.HasPrefix(out.InvocationArn, hereArn+"async-invoke/") {
		t.Fatalf("%v: %s", err, text)
	}
	path := "/async-invoke/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(out.InvocationArn)
	for resource, want := range map[string]int{out.InvocationArn: 200, hereArn + "async-invoke/*": 200, hereArn + "async-invoke/000000000000": 403} {
		_, k := v.sts(t, base, assumeForm("Policy", allowing([][2]string{{"bedrock:GetAsyncInvoke", resource}})))
		if status, text := v.send(t, k, http.MethodGet, "bedrock", path, ""); status != want {
			t.Errorf("%s: %d %s", resource, status, text)
		}
	}
	if status, text := v.send(t, starts, http.MethodGet, "bedrock", path, ""); status != 403 {
		t.Errorf("by a session that may only start: %d %s", status, text)
	}
	// The account of a key is not the role's.
	if status, text := v.send(t, base, http.MethodGet, "bedrock", path, ""); status != 400 {
		t.Errorf("from another account: %d %s", status, text)
	}
	for who, want := range map[keys]bool{base: false, starts: true} {
		if _, text := v.send(t, who, http.MethodGet, "bedrock", "/async-invoke", ""); strings.Contains(text, out.InvocationArn) != want {
			t.Errorf("listed %s", text)
		}
	}
}
