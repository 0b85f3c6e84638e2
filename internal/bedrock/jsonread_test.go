package bedrock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestGHSA_4gph_2hhr_5mwg_CaseVariantRefused is named after the advisory on a
// gateway whose JSON library took "Name" for "name" while the model did not.
func TestGHSA_4gph_2hhr_5mwg_CaseVariantRefused(t *testing.T) {
	for _, body := range []string{
		`{"Messages":[]}`,
		`{"messages":[],"MESSAGES":[]}`,
		`{"meſſages":[]}`, // U+017F folds to s
		`{"toolConfig":{"tools":[{"toolspec":{"name":"a"}}]}}`,
		`{"toolConfig":{"tools":[{"toolSpec":{"name":"a","Name":"b"}}]}}`,
		`{"toolConfig":{"tools":[{"tool\u0053pec":{"na\u004de":"b"}}]}}`,
		`{"inferenceConfig":{"maxtokens":1}}`,
		`{"additionalModelRequestFields":{"Anthropic_Beta":["x"]}}`,
		`{"additionalModelRequestFields":{"\u212Aey":1,"key":2}}`, // the Kelvin sign folds to k
		`{"guardrailConfig":{"guardrailidentifier":"a"}}`,
		`{"future":1,"Future":2}`,
		`{"messages":[{"role":"user","Content":[]}]}`,
		`{"messages":[{"role":"user","content":[{"Text":"x"}]}]}`,
		`{"messages":[{"role":"User","content":[]}]}`,
		`{"requestMetadata":{"team":"a","Team":"b"}}`,
	} {
		refuse(t, Converse, "anthropic", nil, body, "only in case")
	}
	refuse(t, InvokeModel, "anthropic", nil, `{"tools":[{"name":"a","Input_schema":{}}]}`, "/tools/0/Input_schema")
	// A caller's own documents may use case as they like, but not repeat a name.
	mustRead(t, Converse, "anthropic", nil, `{"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"a":1,"A":2}}}}]}}`)
	refuse(t, Converse, "anthropic", nil, `{"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"a":1,"a":2}}}}]}}`, "repeated")
}

func TestS2_AmbiguousJSONRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct{ body, problem string }{
		{``, "empty"}, {` `, "not valid"}, {`null`, "want an object"}, {`[]`, "want an object"}, {`"x"`, "want an object"}, {`{`, "not valid"},
		{`{"messages":[],"messages":[]}`, "repeated"},
		{`{"messages":[],"mess\u0061ges":[]}`, "repeated"},
		{`{"x":{"a":1,"a":2}}`, "repeated"},
		{`{} {}`, "after the end"}, {`{},`, "after the end"}, {"{}\x00", "after the end"},
		{"\xef\xbb\xbf{}", "not valid"}, {"{\"x\":\"\xff\"}", "not valid"}, {`{"x":"\ud800"}`, "not valid"}, {"{\"x\":\"\n\"}", "not valid"},
		{`{'x':1}`, "not valid"}, {`{"x":01}`, "not valid"}, {`{"x":NaN}`, "not valid"}, {`{"x":1,}`, "not valid"}, {`{/**/}`, "not valid"},
		{`{"x":` + deep(maxDepth) + `}`, "nested deeper"},
		{`{"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":` + deep(maxDepth) + `}}}]}}`, "nested deeper"},
		{`{"` + strings.Repeat("n", maxName+1) + `":1}`, "longer than 256"},
		{`{"inferenceConfig":{"maxTokens":-1}}`, "whole number"}, {`{"inferenceConfig":{"maxTokens":1.5}}`, "whole number"},
		{`{"inferenceConfig":{"maxTokens":1e3}}`, "whole number"}, {`{"inferenceConfig":{"maxTokens":2147483648}}`, "whole number"},
		{`{"inferenceConfig":{"maxTokens":"1"}}`, "want a number"}, {`{"inferenceConfig":{"maxTokens":0}}`, "at least 1"},
		{`{"inferenceConfig":[]}`, "want an object"}, {`{"messages":{}}`, "want an array"}, {`{"messages":[1]}`, "want an object"},
		{`{"messages":[{"role":1}]}`, "want a string"}, {`{"messages":[{"content":[{"text":1}]}]}`, "want a string"},
		{`{"messages":[{"content":[{"text":"a","toolUse":{}}]}]}`, "exactly one"}, {`{"messages":[{"content":[{}]}]}`, "exactly one"},
		{`{"toolConfig":{"tools":[{"toolSpec":{"name":"a"},"systemTool":{"name":"b"}}]}}`, "exactly one"},
		{`{"toolConfig":{"tools":[{"toolSpec":{"name":"a"}},{"toolSpec":{"name":"a","description":"other"}}]}}`, "same name"},
		{`{"toolConfig":{"tools":[{"toolSpec":{"description":"a"}}]}}`, "needs a name"},
		{`{"toolConfig":{"tools":[{"systemTool":{}}]}}`, "want a name"},
		{`{"additionalModelRequestFields":{"anthropic_beta":["a b"]}}`, "symbolic"},
	} {
		refuse(t, Converse, "anthropic", nil, c.body, c.problem)
	}
	mustRead(t, Converse, "anthropic", nil, `{"x":`+deep(maxDepth-1)+`}`)
}

func TestNullIsAbsent(t *testing.T) {
	checkRead(t, Converse, "anthropic", nil, `{"guardrailConfig":null,"inferenceConfig":{"maxTokens":null},"messages":[{"role":"user","content":[{"text":"x","image":null}]}]}`, Capabilities{})
}

func TestTooManyUnknownNamesRefused(t *testing.T) {
	var b strings.Builder
	for i := range maxUnknown + 1 {
		fmt.Fprintf(&b, `"u%d":0,`, i)
	}
	refuse(t, InvokeModel, "anthropic", nil, `{`+strings.TrimSuffix(b.String(), ",")+`}`, "more than 64")
}

func TestErrorsQuoteNoValue(t *testing.T) {
	const canary = "canary"
	for _, body := range []string{
		`{"messages":[{"role":"` + canary + ` x"}]}`, `{"inferenceConfig":{"maxTokens":"` + canary + `"}}`, `{"x":"` + canary + "\xff" + `"}`,
		`{"guardrailConfig":{"guardrailIdentifier":"` + canary + `/","guardrailVersion":"1"}}`, `{"x":` + canary + `}`,
	} {
		_, err := ReadCapabilities(Converse, "anthropic", nil, []byte(body))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

// TestReaderKeepsNothing: what one request says never shows in another's result.
func TestReaderKeepsNothing(t *testing.T) {
	noisy := `{"toolConfig":{"tools":[{"toolSpec":{"name":"a"}}]},"guardrailConfig":{"guardrailIdentifier":"a","guardrailVersion":"1"},"x":"s3://b","system":[{"guardContent":{}}]`
	for range 10 {
		_, _ = ReadCapabilities(Converse, "anthropic", nil, []byte(noisy))
		mustRead(t, Converse, "anthropic", nil, noisy+`}`)
		checkRead(t, Converse, "anthropic", nil, `{}`, Capabilities{})
	}
}

// TestOrderDoesNotMatter: the members of an object come in any order.
func TestOrderDoesNotMatter(t *testing.T) {
	parts := []string{hi, `"inferenceConfig":{"maxTokens":3}`, `"zeta":1`, `"alpha":"s3://b/k"`, `"serviceTier":{"type":"flex"}`,
		`"guardrailConfig":{"guardrailVersion":"1","guardrailIdentifier":"a"}`, `"toolConfig":{"tools":[{"toolSpec":{"name":"b"}},{"systemTool":{"name":"s"}},{"toolSpec":{"name":"a"}}]}`}
	want := mustRead(t, Converse, "anthropic", nil, `{`+strings.Join(parts, ",")+`}`)
	rapid.Check(t, func(r *rapid.T) {
		body := `{` + strings.Join(rapid.Permutation(parts).Draw(r, "order"), ",") + `}`
		checkRead(t, Converse, "anthropic", nil, body, want)
	})
}

func FuzzReadCapabilities(f *testing.F) {
	for _, body := range []string{`{` + hi + `}`, `{"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{}}}}]}}`, `{"Messages":1}`, `{"a":1,"a":2}`,
		`{"messages":[{"role":"user","content":[{"image":{"source":{"s3Location":{"uri":"s3://b/k"}}}}]}]}`, `{"tools":[{"type":"x","name":"y"}],"max_tokens":5}`,
		`{"additionalModelRequestFields":{"anthropic_beta":["x"],"u":["arn:aws:kms:a:b:key/c"]}}`, `{"amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}`, "{\"x\":\"\xff\"}",
		`{"input":{"converse":{` + hi + `}}}`, `{"input":{"invokeModel":{"body":"eyJtZXNzYWdlcyI6W119"}}}`, `{"source":"INPUT","content":[{"text":{"text":"a","qualifiers":["query"]}}]}`,
		`{"model":"openai.gpt-oss-120b-1:0","stream":true,"messages":[{"role":"user","content":"hi"}]}`} {
		for _, provider := range []string{"anthropic", "amazon", "openai", "cohere", ""} {
			f.Add(body, provider, "DISABLED")
		}
	}
	f.Fuzz(func(t *testing.T, body, provider, trace string) {
		for _, op := range Operations() {
			h := header()
			if hasHeader(op, "X-Amzn-Bedrock-Trace") {
				h = header("X-Amzn-Bedrock-Trace", trace)
			}
			raw := []byte(body)
			got, err := ReadCapabilities(op, provider, h, raw)
			if !bytes.Equal(raw, []byte(body)) {
				t.Fatal("the body was changed")
			}
			again, err2 := ReadCapabilities(op, provider, h, raw)
			if (err == nil) != (err2 == nil) || fmt.Sprint(got.Tools, got.Extras, got.UnknownFields, got.S3, got.MaxTokens) != fmt.Sprint(again.Tools, again.Extras, again.UnknownFields, again.S3, again.MaxTokens) {
				t.Fatalf("read twice: %+v, %v and %+v, %v", got, err, again, err2)
			}
			// Whitespace after the body changes nothing; a second value does.
			if _, err3 := ReadCapabilities(op, provider, h, append(raw, " \n"...)); (err == nil) != (err3 == nil) {
				t.Fatalf("trailing space: %v, then %v", err, err3)
			}
			if _, err := ReadCapabilities(op, provider, h, append(raw, "0"...)); err == nil {
				t.Fatalf("trailing data accepted: %q", body)
			}
		}
	})
}

// FuzzCompleteTarget holds that a model and a mode read from a body are the ones
// that any strict reader of JSON finds there.
func FuzzCompleteTarget(f *testing.F) {
	for _, body := range []string{`{"model":"a.b","stream":true}`, `{"model":"a.b"}`, `{"model":"a","model":"b"}`, `{"Model":"a"}`, `{"model":"a%2fb"}`, `{"stream":false,"model":"\u0061"}`, `{"model":"a"}x`, `[]`, ``} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := Target{Operation: ChatCompletions, Path: "/p"}.Complete([]byte(body))
		if err != nil {
			return
		}
		var plain struct {
			Model  string `json:"model"`
			Stream bool   `json:"stream"`
		}
		if err := json.Unmarshal([]byte(body), &plain); err != nil || plain.Model != got.ModelID || plain.Stream != got.Operation.Streams() || got.ModelID == "" || got.Path != "/p" {
			t.Fatalf("%q: got %+v, plainly %+v, %v", body, got, plain, err)
		}
	})
}

func benchBody(size int) []byte {
	tool := `{"toolSpec":{"name":"lookup","description":"Looks a customer up by number","inputSchema":{"json":{"type":"object","properties":{"number":{"type":"string"}},"required":["number"]}}}}`
	text := strings.Repeat("The customer asked about invoice 17. ", 1+size/37)[:size]
	return []byte(`{"system":[{"text":"Be brief."}],"messages":[{"role":"user","content":[{"text":"` + text + `"}]},{"role":"assistant","content":[{"text":"Yes."}]},{"role":"user","content":[{"text":"And now?"}]}],"inferenceConfig":{"maxTokens":512,"temperature":0.2},"toolConfig":{"tools":[` + tool + `]}}`)
}

func BenchmarkReadCapabilities(b *testing.B) {
	for _, size := range []int{1500, 1 << 20} {
		body := benchBody(size)
		b.Run(fmt.Sprintf("%dB", len(body)), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ReadCapabilities(Converse, "anthropic", nil, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
