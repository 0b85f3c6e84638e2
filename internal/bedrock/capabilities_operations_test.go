package bedrock

import (
	"encoding/base64"
	"testing"
)

func countBody(inner string) string {
	return `{"input":{"invokeModel":{"body":"` + base64.StdEncoding.EncodeToString([]byte(inner)) + `"}}}`
}

// TestS2_CountedRequestReadsAsTheRequestItself: what a count shows a model is
// held to the same rules, under the same names.
func TestS2_CountedRequestReadsAsTheRequestItself(t *testing.T) {
	for _, body := range []string{
		`{` + hi + `}`,
		`{` + hi + `,"system":[{"text":"s"}],"toolConfig":{"tools":[{"toolSpec":{"name":"pay"}},{"systemTool":{"name":"web"}}]}}`,
		`{` + hi + `,"additionalModelRequestFields":{"anthropic_beta":["x"],"mcp_servers":[],"odd":"arn:aws:kms:us-east-1:111122223333:key/k"}}`,
		`{` + hi + `,"odd":"s3://b/k"}`,
		`{"messages":[{"role":"user","content":[{"image":{"source":{"s3Location":{"uri":"s3://b/k"}}}},{"odd":1}]}]}`,
	} {
		checkRead(t, CountTokens, "anthropic", nil, `{"input":{"converse":`+body+`}}`, mustRead(t, Converse, "anthropic", nil, body))
	}
	for _, body := range []string{
		`{"anthropic_version":"x","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`,
		`{"max_tokens":5,"messages":[],"mcp_servers":[{"url":"https://x"}],"anthropic_beta":["b"],"odd":"s3://b/k"}`,
		`{"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"pay","input_schema":{}}]}`,
	} {
		checkRead(t, CountTokens, "anthropic", nil, countBody(body), mustRead(t, InvokeModel, "anthropic", nil, body))
	}
}

func TestCountTokensRefused(t *testing.T) {
	for body, problem := range map[string]string{
		`{}`:             "no input",
		`{"input":null}`: "no input",
		`{"input":{}}`:   "exactly one member",
		`{"input":{"converse":{},"invokeModel":{"body":"e30="}}}`: "exactly one member",
		`{"input":{"invokeModel":{}}}`:                            "exactly one member",
		`{"input":{"invokeModel":{"body":""}}}`:                   "empty",
		`{"input":{"invokeModel":{"body":7}}}`:                    "base64",
		`{"input":{"invokeModel":{"body":"e30"}}}`:                "base64",
		`{"input":{"invokeModel":{"body":"e3\n0="}}}`:             "base64",
		`{"input":{"invokeModel":{"body":"e31="}}}`:               "base64", // a second spelling of {}
		countBody(`{"a":1,"a":2}`):                                "repeated",
		countBody(`{}{}`):                                         "after the end",
		countBody(`{"Messages":[]}`):                              "only in case",
		`{"input":{"converse":{}}}{}`:                             "after the end",
		`{"Input":{}}`:                                            "only in case",
		``:                                                        "empty",
	} {
		refuse(t, CountTokens, "anthropic", nil, body, problem)
	}
	refuse(t, CountTokens, "anthropic", header("X-Amzn-Bedrock-Trace", "ENABLED"), `{"input":{"converse":{}}}`, "has no meaning for CountTokens")
	checkRead(t, CountTokens, "anthropic", nil, `{"input":{"converse":{}},"odd":1}`, Capabilities{UnknownFields: []string{"odd"}})
	checkRead(t, CountTokens, "anthropic", nil, `{"input":{"converse":{},"odd":null}}`, Capabilities{UnknownFields: []string{"input.odd"}})
}

func TestApplyGuardrailCapabilities(t *testing.T) {
	image := `{"image":{"format":"png","source":{"bytes":"aGk="}}}`
	checkRead(t, ApplyGuardrail, "", nil, `{"source":"INPUT","outputScope":"FULL","content":[{"text":{"text":"s3://b/k is a text"}},`+image+`]}`,
		Capabilities{Guardrail: &Guardrail{}})
	checkRead(t, ApplyGuardrail, "", nil, `{"source":"OUTPUT","content":[{"text":{"text":"a","qualifiers":["grounding_source","guard_content","odd"]}}],"odd":1}`,
		Capabilities{Guardrail: &Guardrail{Narrowed: true}, UnknownFields: []string{"odd"}, UnknownContent: []string{"content.text.qualifiers:odd"}})
	checkRead(t, ApplyGuardrail, "", nil, `{"source":"INPUT","content":[{"image":{"source":{"s3Location":{"uri":"s3://b/k"}}}}]}`,
		Capabilities{Guardrail: &Guardrail{}, S3: []string{"s3://b/k"}, UnknownContent: []string{"content.image.source.s3Location"}})
	for body, problem := range map[string]string{
		`{"source":"BOTH"}`:                 "want INPUT or OUTPUT",
		`{"outputScope":"SOME"}`:            "want INTERVENTIONS or FULL",
		`{"content":[{}]}`:                  "exactly one member",
		`{"content":{}}`:                    "an array",
		`{"content":[{"text":{"text":7}}]}`: "want a string",
		``:                                  "empty",
	} {
		refuse(t, ApplyGuardrail, "", nil, body, problem)
	}
	refuse(t, ApplyGuardrail, "", header("X-Amzn-Bedrock-GuardrailIdentifier", "abc"), `{}`, "has no meaning for ApplyGuardrail")
	c := Capabilities{}
	Target{Operation: ApplyGuardrail, GuardrailID: "g", GuardrailVersion: "1"}.Join(&c)
	if c.Guardrail == nil || *c.Guardrail != (Guardrail{ID: "g", Version: "1"}) {
		t.Errorf("joined: %+v", c.Guardrail)
	}
}

// TestS2_ChatCompletionsAreReadByTheirOwnShape: whoever made the model, the
// body is OpenAI's, and what it switches on is told.
func TestS2_ChatCompletionsAreReadByTheirOwnShape(t *testing.T) {
	body := `{"model":"m","stream":true,"max_completion_tokens":9,"n":2,"store":true,"odd":1,"prompt":"p","service_tier":"flex",
	"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x"}}]}],
	"tools":[{"type":"function","function":{"name":"pay","parameters":{}}},{"type":"custom","custom":{"name":"c"}}]}`
	want := Capabilities{
		MaxTokens: 9, ServiceTier: "flex", Extras: []string{"n", "server_tool:custom", "source:url", "store"},
		UnknownFields: []string{"odd", "prompt"}, Tools: []Tool{{Name: "pay"}},
	}
	for _, provider := range []string{"openai", "anthropic", ""} {
		got := mustRead(t, ChatCompletionsStream, provider, nil, body)
		want.Tools[0].Digest = got.Tools[0].Digest
		checkRead(t, ChatCompletionsStream, provider, nil, body, want)
	}
	h := header("X-Amzn-Bedrock-GuardrailIdentifier", "abc", "X-Amzn-Bedrock-GuardrailVersion", "1", "OpenAI-Project", "default", "OpenAI-Organization", "o")
	checkRead(t, ChatCompletions, "openai", h, `{"model":"m"}`, Capabilities{Guardrail: &Guardrail{ID: "abc", Version: "1"}})
	refuse(t, ChatCompletions, "openai", header("OpenAI-Project", "proj_1"), `{"model":"m"}`, "default only")
	refuse(t, ChatCompletions, "openai", header("OpenAI-Project", "default", "OpenAI-Project", "proj_1"), `{"model":"m"}`, "default only")
	refuse(t, ChatCompletions, "openai", header("X-Amzn-Bedrock-Request-Metadata", `{"a":"b"}`), `{"model":"m"}`, "has no meaning")
	refuse(t, ChatCompletions, "openai", nil, `{"model":"m","amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}`, "without naming one")
	if got := mustRead(t, InvokeModel, "openai", nil, `{"model":"m"}`); len(got.Extras) != 1 {
		t.Errorf("in an InvokeModel body the model is an extra: %+v", got)
	}
}

func TestCompleteTarget(t *testing.T) {
	at := Target{Operation: ChatCompletions, Path: "/p"}
	for body, want := range map[string]Target{
		`{"model":"us.openai.gpt-5.6-sol"}`:         {Operation: ChatCompletions, ModelID: "us.openai.gpt-5.6-sol", Path: "/p"},
		`{"stream":true,"model":"m:0"}`:             {Operation: ChatCompletionsStream, ModelID: "m:0", Path: "/p"},
		`{"stream":false,"model":"m"}`:              {Operation: ChatCompletions, ModelID: "m", Path: "/p"},
		`{"stream":null,"model":"m","x":[{"a":1}]}`: {Operation: ChatCompletions, ModelID: "m", Path: "/p"},
	} {
		got, err := at.Complete([]byte(body))
		again, err2 := got.Complete([]byte(body))
		if err != nil || err2 != nil || got != want || again != want {
			t.Errorf("%s: got %+v, %v, then %+v, %v", body, got, err, again, err2)
		}
	}
	for _, body := range []string{``, `{}`, `{"model":""}`, `{"model":null}`, `{"model":["m"]}`, `{"model":"a b"}`, `{"model":"a%2Fb"}`, `{"model":"a//b"}`, `{"model":"m","stream":"true"}`,
		`{"model":"m","stream":1}`, `{"model":"m","model":"m"}`, `{"model":"m","STREAM":true}`, `{"model":"m"} x`, `{"model":"m","a":{"b":1,"b":2}}`} {
		if got, err := at.Complete([]byte(body)); err == nil {
			t.Errorf("%s: got %+v", body, got)
		}
	}
	converse := Target{Operation: Converse, ModelID: "m"}
	if got, err := converse.Complete([]byte(`{"model":"x","stream":true}`)); err != nil || got != converse {
		t.Errorf("a path that names everything: got %+v, %v", got, err)
	}
}
