package bedrock

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// digestOf is the digest of a tool, written out independently.
func digestOf(description, schema string) [sha256.Size]byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(description)))
	return sha256.Sum256(append(append(b, description...), schema...))
}

func header(kv ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(kv); i += 2 {
		h.Add(kv[i], kv[i+1])
	}
	return h
}

func mustRead(t *testing.T, op Operation, provider string, h http.Header, body string) Capabilities {
	t.Helper()
	got, err := ReadCapabilities(op, provider, h, []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return got
}

func checkRead(t *testing.T, op Operation, provider string, h http.Header, body string, want Capabilities) {
	t.Helper()
	if d := cmp.Diff(want, mustRead(t, op, provider, h, body), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Capabilities{}, "Load")); d != "" {
		t.Errorf("%s\n%s", body, d)
	}
}

// refuse checks that a request is refused, with problem in the reason.
func refuse(t *testing.T, op Operation, provider string, h http.Header, body, problem string) {
	t.Helper()
	got, err := ReadCapabilities(op, provider, h, []byte(body))
	if _, ok := errors.AsType[*RequestError](err); !ok || !strings.Contains(err.Error(), problem) {
		t.Errorf("%.300s\ngot %+v, %v; want a RequestError with %q", body, got, err, problem)
	}
}

const hi = `"messages":[{"role":"user","content":[{"text":"hi"}]}]`

func TestConverseCapabilities(t *testing.T) {
	body := `{` + hi + `, "system":[{"text":"s"},{"cachePoint":{"type":"default"}}],
	"inferenceConfig":{"maxTokens":512,"temperature":0.5,"topP":1,"stopSequences":["x"]},
	"toolConfig":{"tools":[
		{"toolSpec":{"inputSchema": {"json":{"type":"object","Type":1}} ,"name":"post_payment","description" : "pays"}},
		{"toolSpec":{"name":"lookup","inputSchema":{"json":{}},"strict":true}},
		{"systemTool":{"name":"nova_grounding"}},
		{"cachePoint":{"type":"default","ttl":"1h"}}],"toolChoice":{"auto":{}}},
	"guardrailConfig":{"guardrailIdentifier":"abc123","guardrailVersion":"7","trace":"disabled"},
	"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1024},"top_k":5,"anthropic_beta":["b-2","a-1"],
		"tools":[{"type":"computer_20250124","name":"computer","display_width_px":800},{"type":"web_search_20250305","name":"web_search"}],
		"mcp_servers":[{"type":"url","url":"https://x"}],"mystery":{"k":"arn:aws:kms:us-east-1:111122223333:key/1","o":["s3://hidden/object"]}},
	"promptVariables":{"v":{"text":"x"}},"additionalModelResponseFieldPaths":["/stop_sequence"],
	"requestMetadata":{"team":"a b","Purpose":"x"},"performanceConfig":{"latency":"optimized"},"serviceTier":{"type":"flex"},
	"outputConfig":{"effort":"low","textFormat":{"type":"json_schema"}}}`
	checkRead(t, Converse, "anthropic", nil, body, Capabilities{
		MaxTokens: 512,
		Tools: []Tool{
			{Name: "computer", Digest: sha256.Sum256([]byte(`{"type":"computer_20250124","name":"computer","display_width_px":800}`))},
			{Name: "lookup", Digest: digestOf("", `{"json":{}}`)},
			{Name: "post_payment", Digest: digestOf(`"pays"`, `{"json":{"type":"object","Type":1}}`)},
			{Name: "web_search", Digest: sha256.Sum256([]byte(`{"type":"web_search_20250305","name":"web_search"}`))},
		},
		SystemTools:   []string{"nova_grounding"},
		Guardrail:     &Guardrail{ID: "abc123", Version: "7"},
		ServiceTier:   "flex",
		Latency:       "optimized",
		Extras:        []string{"beta:a-1", "beta:b-2", "latency:optimized", "mcp_server", "server_tool:computer_20250124", "server_tool:web_search_20250305", "thinking"},
		UnknownFields: []string{"additionalModelRequestFields.mystery"},
		S3:            []string{"s3://hidden/object"},
		KMSKeys:       []string{"arn:aws:kms:us-east-1:111122223333:key/1"},
		Metadata:      map[string]string{"team": "a b", "Purpose": "x"},
	})
}

func TestConverseContent(t *testing.T) {
	body := `{"messages":[
		{"role":"user","content":[
			{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/i.png","bucketOwner":"111122223333"}}}},
			{"document":{"format":"pdf","name":"d","source":{"content":[{"text":"s3://not/fetched"}]},"citations":{"enabled":true}}},
			{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/v.mp4"}}}},
			{"audio":{"format":"mp3","source":{"bytes":"AAAA"}}},
			{"text":"s3://in/text"},{"cachePoint":{"type":"default"}},{"searchResult":{"source":"s3://label","title":"t","content":[{"text":"x"}]}},
			{"hologram":{"source":{"s3Location":{"uri":"s3://b/h"}}}}]},
		{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"r"}}},{"toolUse":{"toolUseId":"1","name":"n","input":{"a":1,"A":2}}}]},
		{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"json":{"uri":"s3://data"}},{"text":"x"},
			{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/r.png"}}}},{"future":1}]}}]},
		{"role":"critic","content":[{"toolAddition":{"tool":{"name":"x"}}}],"weight":1}],"system":[{"voice":{}}]}`
	want := Capabilities{
		Extras:         []string{"tool_addition"},
		S3:             []string{"s3://b/h", "s3://b/i.png", "s3://b/r.png", "s3://b/v.mp4"},
		UnknownContent: []string{"messages.content.hologram", "messages.content.toolResult.content.future", "messages.role:critic", "messages.weight", "system.voice"},
	}
	checkRead(t, Converse, "anthropic", nil, body, want)
	checkRead(t, InvokeModel, "amazon", nil, body, want)
}

func TestS2_UnknownFieldsReported(t *testing.T) {
	checkRead(t, Converse, "nobody", nil, `{`+hi+`,"modelId":"x","inferenceConfig":{"n":2},"toolConfig":{"x":1,"tools":[{"remoteTool":{}},{"toolSpec":{"name":"a","exec":1}}]},
		"guardrailConfig":{"guardrailIdentifier":"a","guardrailVersion":"1","streamProcessingMode":"async"},"additionalModelRequestFields":{"top_k":1},"a.b":1,"store":true}`,
		Capabilities{
			Tools:     []Tool{{Name: "a", Digest: digestOf("", "")}},
			Guardrail: &Guardrail{ID: "a", Version: "1"},
			UnknownFields: []string{`"a.b"`, "additionalModelRequestFields.top_k", "guardrailConfig.streamProcessingMode", "inferenceConfig.n",
				"modelId", "store", "toolConfig.tools.remoteTool", "toolConfig.tools.toolSpec.exec", "toolConfig.x"},
		})
	checkRead(t, Converse, "anthropic", nil, `{"additionalModelRequestFields":"s3://x"}`, Capabilities{UnknownFields: []string{"additionalModelRequestFields"}, S3: []string{"s3://x"}})
	checkRead(t, InvokeModel, "nobody", nil, `{"prompt":"x","file":"s3:\/\/b\/k"}`, Capabilities{UnknownFields: []string{"file", "prompt"}, S3: []string{"s3://b/k"}})
}

func TestInvokeCapabilities(t *testing.T) {
	for _, c := range []struct {
		name, provider, body string
		want                 Capabilities
	}{
		{"Anthropic", "anthropic", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
			"messages":[{"role":"user","content":"hi"},{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x"}},{"type":"container_upload","file_id":"f"}]}],
			"thinking":{"type":"disabled"},"anthropic_beta":"b","container":"c","model":"m",
			"tools":[{"name":"a","description":"d","input_schema":{}},{"type":"custom","name":"b","input_schema":{},"run":1},{"type":"code_execution_20250522","name":"code"},{"type":"mcp_toolset"}]}`,
			Capabilities{MaxTokens: 9,
				Tools:         []Tool{{"a", digestOf(`"d"`, `{}`)}, {"b", digestOf("", `{}`)}, {"code", sha256.Sum256([]byte(`{"type":"code_execution_20250522","name":"code"}`))}},
				Extras:        []string{"beta:b", "container", "server_tool:code_execution_20250522", "server_tool:mcp_toolset", "source:url"},
				UnknownFields: []string{"model", "tools.run"}, UnknownContent: []string{"messages.content.file_id", "messages.content:container_upload"}}},
		{"Nova", "amazon", `{"schemaVersion":"messages-v1",` + hi + `,"inferenceConfig":{"max_new_tokens":7,"topK":1},"toolConfig":{"tools":[{"toolSpec":{"name":"t"}}]}}`,
			Capabilities{MaxTokens: 7, Tools: []Tool{{"t", digestOf("", "")}}}},
		{"Titan text", "amazon", `{"inputText":"x","textGenerationConfig":{"maxTokenCount":3,"topP":1}}`, Capabilities{MaxTokens: 3}},
		{"Titan embedding", "amazon", `{"inputText":"x","dimensions":256,"normalize":true}`, Capabilities{}},
		{"Meta", "meta", `{"prompt":"x","max_gen_len":4,"temperature":1,"top_p":1}`, Capabilities{MaxTokens: 4}},
		{"Mistral", "mistral", `{"prompt":"x","max_tokens":5,"top_k":1,"safe_prompt":true}`, Capabilities{MaxTokens: 5, UnknownFields: []string{"safe_prompt"}}},
		{"Cohere", "cohere", `{"message":"x","max_tokens":6,"num_generations":3,"tools":[{"name":"t","description":"d","parameter_definitions":{"p":1}}],"connectors":[{"id":"web"}]}`,
			Capabilities{MaxTokens: 6, Tools: []Tool{{"t", digestOf(`"d"`, `{"p":1}`)}}, Extras: []string{"n"}, UnknownFields: []string{"connectors"}}},
		{"AI21", "ai21", `{"messages":[{"role":"user","content":"x"}],"max_tokens":8,"n":2}`, Capabilities{MaxTokens: 8, Extras: []string{"n"}}},
		{"DeepSeek", "deepseek", `{"prompt":"x","max_tokens":2,"stop":["a"]}`, Capabilities{MaxTokens: 2}},
		{"Qwen", "qwen", `{"messages":[{"role":"system","content":"x"}],"max_tokens":2}`, Capabilities{MaxTokens: 2}},
		{"OpenAI", "openai", `{"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"https://x"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"file","file":{}}]}],
			"max_tokens":2,"max_completion_tokens":20,"store":true,"background":false,"previous_response_id":"r","service_tier":"flex",
			"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"a":1}}},{"type":"web_search"}]}`,
			Capabilities{MaxTokens: 20, ServiceTier: "flex", Tools: []Tool{{"f", digestOf(`"d"`, `{"a":1}`)}},
				Extras: []string{"previous_response_id", "server_tool:web_search", "source:url", "store"}, UnknownContent: []string{"messages.content.file", "messages.content:file"}}},
	} {
		t.Run(c.name, func(t *testing.T) { checkRead(t, InvokeModel, c.provider, nil, c.body, c.want) })
	}
}

// The AI SDK puts its topK where Converse has none: a number that chooses among
// words, not something that is switched on.
func TestTopKAmongTheSettings(t *testing.T) {
	checkRead(t, Converse, "anthropic", nil, `{"inferenceConfig":{"topK":5}}`, Capabilities{})
}

func TestNovaAdditionalFields(t *testing.T) {
	checkRead(t, Converse, "amazon", nil, `{"additionalModelRequestFields":{"inferenceConfig":{"topK":1,"maxTokens":9},"reasoningConfig":{"type":"enabled"}}}`,
		Capabilities{Extras: []string{"reasoningConfig"}, UnknownFields: []string{"additionalModelRequestFields.inferenceConfig.maxTokens"}})
}

func TestAdditionalFieldsHaveTheirPath(t *testing.T) {
	extra := `"thinking":{"type":"enabled","deep":1},"tools":[{"name":"a","exec":1}]`
	want := Capabilities{Extras: []string{"thinking"}, Tools: []Tool{{Name: "a", Digest: digestOf("", "")}}, UnknownFields: []string{"thinking.deep", "tools.exec"}}
	checkRead(t, InvokeModel, "anthropic", nil, `{`+extra+`}`, want)
	want.UnknownFields = []string{"additionalModelRequestFields.thinking.deep", "additionalModelRequestFields.tools.exec"}
	checkRead(t, Converse, "anthropic", nil, `{"additionalModelRequestFields":{`+extra+`}}`, want)
}

func TestInvokeHeaders(t *testing.T) {
	h := header("Content-Type", "application/json; charset=UTF-8", "Accept", "*/*", "X-Amzn-Bedrock-Trace", "ENABLED_FULL",
		"X-Amzn-Bedrock-GuardrailIdentifier", "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc", "X-Amzn-Bedrock-GuardrailVersion", "DRAFT",
		"X-Amzn-Bedrock-PerformanceConfig-Latency", "optimized", "X-Amzn-Bedrock-Service-Tier", "priority",
		"X-Amzn-Bedrock-Request-Metadata", `{"team":"a"}`, "User-Agent", "x", "X-Forwarded-For", "a", "X-Forwarded-For", "b")
	want := Capabilities{
		MaxTokens: 1, Guardrail: &Guardrail{ID: "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc", Version: "DRAFT"},
		ServiceTier: "priority", Latency: "optimized", Extras: []string{"guardrail_trace", "latency:optimized"}, Metadata: map[string]string{"team": "a"},
	}
	checkRead(t, InvokeModel, "anthropic", h, `{"max_tokens":1}`, want)
	want.Guardrail.Async, want.Guardrail.Narrowed = true, true
	checkRead(t, InvokeModelWithResponseStream, "anthropic", h, `{"max_tokens":1,"amazon-bedrock-guardrailConfig":{"tagSuffix":"x","streamProcessingMode":"ASYNCHRONOUS"}}`, want)
}

func TestS4_GuardrailNarrowingIsSeen(t *testing.T) {
	g := `"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1","streamProcessingMode":"async"}`
	guarded := `"messages":[{"role":"user","content":[{"guardContent":{"text":{"text":"x"}}}]}]`
	for _, body := range []string{`{` + guarded + `,` + g + `}`, `{` + g + `,"system":[{"guardContent":{"text":{"text":"x"}}}]}`} {
		checkRead(t, ConverseStream, "anthropic", nil, body, Capabilities{Guardrail: &Guardrail{ID: "abc", Version: "1", Async: true, Narrowed: true}})
	}
	checkRead(t, Converse, "anthropic", nil, `{`+guarded+`}`, Capabilities{Extras: []string{"guard_content"}})
	checkRead(t, Converse, "anthropic", nil, `{"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1","trace":"enabled_full"}}`,
		Capabilities{Guardrail: &Guardrail{ID: "abc", Version: "1"}, Extras: []string{"guardrail_trace"}})
}

func TestS4_HalfAGuardrailRefused(t *testing.T) {
	for _, g := range []string{`{"guardrailIdentifier":"abc"}`, `{"guardrailVersion":"1"}`, `{}`, `{"guardrailIdentifier":"","guardrailVersion":""}`,
		`{"guardrailIdentifier":"abc","guardrailVersion":null}`} {
		refuse(t, Converse, "anthropic", nil, `{"guardrailConfig":`+g+`}`, "both an identifier and a version")
	}
	for _, g := range []string{`{"guardrailIdentifier":"a/b","guardrailVersion":"1"}`, `{"guardrailIdentifier":"abc","guardrailVersion":"01"}`, `{"guardrailIdentifier":"abc","guardrailVersion":"draft"}`} {
		refuse(t, Converse, "anthropic", nil, `{"guardrailConfig":`+g+`}`, "want an id or ARN")
	}
	refuse(t, InvokeModel, "anthropic", header("X-Amzn-Bedrock-GuardrailIdentifier", "abc"), `{}`, "both an identifier and a version")
	refuse(t, InvokeModel, "anthropic", header("X-Amzn-Bedrock-GuardrailVersion", "1"), `{}`, "both an identifier and a version")
	refuse(t, InvokeModel, "anthropic", header("X-Amzn-Bedrock-GuardrailVersion", ""), `{}`, "empty")
	refuse(t, InvokeModel, "anthropic", nil, `{"amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}`, "without naming one")
	refuse(t, InvokeModel, "anthropic", nil, `{"amazon-bedrock-guardrailConfig":{}}`, "without naming one")
}

func TestHeadersRefused(t *testing.T) {
	for problem, h := range map[string]http.Header{
		"given more than once": header("X-Amzn-Bedrock-Trace", "DISABLED", "X-Amzn-Bedrock-Trace", "ENABLED"),
		"has no meaning":       header("X-Amzn-Bedrock-Autopilot", "on"),
		"control character":    header("Accept", "a\r\nb"),
		"want ENABLED":         header("X-Amzn-Bedrock-Trace", "enabled"),
		"symbolic name":        header("X-Amzn-Bedrock-Service-Tier", "a b"),
		"want application":     header("Content-Type", "text/plain"),
		"in UTF-8":             header("Content-Type", "application/json; charset=utf-16"),
		"not valid JSON":       header("X-Amzn-Bedrock-Request-Metadata", `{"a":"b"`),
		"after the end":        header("X-Amzn-Bedrock-Request-Metadata", `{"a":"b"}{}`),
		"name is repeated":     header("X-Amzn-Bedrock-Request-Metadata", `{"a":"b","a":"c"}`),
	} {
		refuse(t, InvokeModel, "anthropic", h, `{}`, problem)
	}
	for _, name := range []string{"X-Amzn-Bedrock-GuardrailIdentifier", "X-Amzn-Bedrock-GuardrailVersion", "X-Amzn-Bedrock-Service-Tier", "X-Amzn-Bedrock-Trace"} {
		refuse(t, Converse, "anthropic", header(name, "1"), `{}`, "has no meaning for Converse")
	}
	refuse(t, InvokeModel, "openai", header("X-Amzn-Bedrock-Service-Tier", "default"), `{"service_tier":"priority"}`, "differs from the service tier")
	refuse(t, "InvokeAgent", "openai", nil, `{}`, "operation")
}

func TestS3_ResourcesRefusedUnlessWellFormed(t *testing.T) {
	for _, uri := range []string{`"https://x"`, `"S3://b/k"`, `"s3://b/\u000a"`, `5`, `""`} {
		refuse(t, Converse, "anthropic", nil, `{"messages":[{"role":"user","content":[{"image":{"source":{"s3Location":{"uri":`+uri+`}}}}]}]}`, "/messages/0/content/0/image/source/s3Location/uri")
	}
}

func TestS3_TooManyNamesRefused(t *testing.T) {
	var b strings.Builder
	for i := range maxListed + 1 {
		b.WriteString(`{"image":{"source":{"s3Location":{"uri":"s3://b/` + strings.Repeat("k", i+1) + `"}}}},`)
	}
	refuse(t, Converse, "anthropic", nil, `{"messages":[{"role":"user","content":[`+strings.TrimSuffix(b.String(), ",")+`]}]}`, "more than 64")
}

func TestMetadataLimits(t *testing.T) {
	many := strings.Builder{}
	for i := range 17 {
		many.WriteString(`"` + string(rune('a'+i)) + `":"",`)
	}
	for _, m := range []string{`{"":"x"}`, `{"a":"` + strings.Repeat("x", 257) + `"}`, `{"` + strings.Repeat("x", 257) + `":""}`, `{"a":"é"}`, `{"a":1}`, `{"a":"b","A":"c"}`, `[]`, `{` + strings.TrimSuffix(many.String(), ",") + `}`} {
		refuse(t, Converse, "anthropic", nil, `{"requestMetadata":`+m+`}`, "body")
	}
}

func TestS3_ResourcesFoundWhateverTheirSpelling(t *testing.T) {
	body := `{"a":[" s3://b/1 ",{"k":"S3://b/2"}],"b":"s3:\/\/b\/3","c":"\u0073\u0033://b/4","d":"arn:aws:s3:::b/5","e":"ARN:aws:KMS:r:a:key/6",
		"f":"arn:aws:bedrock:r:a:prompt/7","g":"arn:x","h":"text about s3://b/8","i":"` + strings.Repeat("s3://", 3000) + `"}`
	got := mustRead(t, InvokeModel, "nobody", nil, body)
	if d := cmp.Diff([]string{"S3://b/2", "arn:aws:s3:::b/5", "s3://b/1", "s3://b/3", "s3://b/4"}, got.S3); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"ARN:aws:KMS:r:a:key/6"}, got.KMSKeys); d != "" {
		t.Error(d)
	}
}

func TestInvokeBodySwitches(t *testing.T) {
	g := header("X-Amzn-Bedrock-GuardrailIdentifier", "abc", "X-Amzn-Bedrock-GuardrailVersion", "1")
	checkRead(t, InvokeModel, "meta", nil, `{"amazon-bedrock-trace":"DISABLED"}`, Capabilities{})
	checkRead(t, InvokeModel, "meta", nil, `{"amazon-bedrock-trace":"ENABLED"}`, Capabilities{Extras: []string{"guardrail_trace"}})
	checkRead(t, InvokeModel, "meta", g, `{"amazon-bedrock-guardrailConfig":{"streamProcessingMode":"SYNCHRONOUS"}}`, Capabilities{Guardrail: &Guardrail{ID: "abc", Version: "1"}})
	checkRead(t, InvokeModel, "openai", nil, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"s3://b/k"}]}]}`, Capabilities{Extras: []string{"source:url"}, S3: []string{"s3://b/k"}})
	checkRead(t, InvokeModel, "anthropic", nil, `{"messages":[{"role":"user","content":[{"type":"search_result","source":"s3://label"},{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}}]}]}`,
		Capabilities{Extras: []string{"source:file"}})
	for _, c := range []struct{ provider, body, problem string }{
		{"meta", `{"amazon-bedrock-trace":"on"}`, "want ENABLED"},
		{"meta", `{"amazon-bedrock-guardrailConfig":{"streamProcessingMode":"async"}}`, "want SYNCHRONOUS"},
		{"openai", `{"messages":[{"content":[{"type":"image_url","image_url":{"url":5}}]}]}`, "want a string"},
		{"anthropic", `{"anthropic_beta":[1]}`, "want a string"},
		{"anthropic", `{"anthropic_beta":["` + strings.Repeat("b", 300) + `"]}`, "longer than 256"},
		{"anthropic", `{"thinking":{"type":1}}`, "want a string"},
		{"anthropic", `{"tools":[{"name":"a\nb"}]}`, "control character"},
		{"anthropic", `{"tools":[{"type":"a b","name":"c"}]}`, "symbolic"},
		{"anthropic", `{"tools":[{}]}`, "needs a name"},
		{"anthropic", `{"messages":[{"content":[{"type":5}]}]}`, "want a string"},
	} {
		refuse(t, InvokeModel, c.provider, nil, c.body, c.problem)
	}
	refuse(t, ConverseStream, "anthropic", nil, `{"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1","streamProcessingMode":"lax"}}`, "want sync or async")
	refuse(t, Converse, "anthropic", nil, `{"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1","trace":"ENABLED"}}`, "want enabled")
	refuse(t, InvokeModel, "anthropic", header("X-Amzn-Bedrock-GuardrailIdentifier", ""), `{}`, "empty")
	refuse(t, InvokeModel, "anthropic", header("X-Amzn-Bedrock-PerformanceConfig-Latency", ""), `{}`, "symbolic")
}
