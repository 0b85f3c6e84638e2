package bedrock

import (
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// boundOf reads a request and bounds it, as the gateway does.
func boundOf(t *testing.T, cat *Catalogue, op Operation, model string, h http.Header, body string) (Bound, error) {
	t.Helper()
	m, profile := cat.Find(model)
	caps, err := ReadCapabilities(op, m.Provider, h, []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return cat.Bound(op, m, profile, &caps, []byte(body))
}

const (
	llama  = "meta.llama3-1-8b-instruct-v1:0"
	novaID = "amazon.nova-pro-v1:0"
	gptOSS = "openai.gpt-oss-120b-1:0"
)

func TestOutputIsBoundByWhatIsStatedOrByTheModel(t *testing.T) {
	for _, tt := range []struct {
		name, model string
		op          Operation
		body        string
		want        int64
	}{
		{"Converse", sonnet, Converse, `{"inferenceConfig":{"maxTokens":512}}`, 512},
		{"Converse, nothing stated", sonnet, Converse, `{"messages":[]}`, 64000},
		{"more stated than the table's ceiling", novaID, ConverseStream, `{"inferenceConfig":{"maxTokens":20000}}`, 20000},
		{"Anthropic", sonnet, InvokeModel, `{"max_tokens":100}`, 100},
		{"Anthropic, text completions", "anthropic.claude-v2:1", InvokeModel, `{"max_tokens_to_sample":300}`, 300},
		{"Nova", novaID, InvokeModel, `{"inferenceConfig":{"max_new_tokens":7}}`, 7},
		{"Titan", "amazon.titan-text-premier-v1:0", InvokeModel, `{"textGenerationConfig":{"maxTokenCount":8}}`, 8},
		{"Llama", llama, InvokeModel, `{"prompt":"x","max_gen_len":9}`, 9},
		{"Mistral", "mistral.mistral-7b-instruct-v0:2", InvokeModel, `{"max_tokens":10}`, 10},
		{"Jamba", "ai21.jamba-1-5-large-v1:0", InvokeModel, `{"maxTokens":11}`, 11},
		{"Cohere, several", "cohere.command-text-v14", InvokeModel, `{"max_tokens":10,"num_generations":3}`, 30},
		{"OpenAI, several", gptOSS, InvokeModel, `{"max_completion_tokens":10,"n":4}`, 40},
		{"chat completions", gptOSS, ChatCompletions, `{"model":"openai.gpt-oss-120b-1:0","max_tokens":10,"max_completion_tokens":25}`, 25},
		{"several, nothing stated", gptOSS, ChatCompletionsStream, `{"model":"openai.gpt-oss-120b-1:0","stream":true,"n":2}`, 2 * 16384},
		{"thinking within the limit", sonnet, InvokeModel, `{"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000}}`, 4000},
		{"thinking beyond the limit", sonnet, InvokeModel, `{"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":5000}}`, 200_000},
		{"thinking between calls of tools", sonnet, InvokeModel, `{"max_tokens":4000,"anthropic_beta":["interleaved-thinking-2025-05-14"]}`, 200_000},
		{"thinking by Converse", sonnet, Converse, `{"inferenceConfig":{"maxTokens":9},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":10}}}`, 200_000},
		{"Nova's reasoning", novaID, Converse, `{"inferenceConfig":{"maxTokens":9},"additionalModelRequestFields":{"reasoningConfig":{"type":"enabled"}}}`, 300_000},
		{"a budget that is no number", sonnet, InvokeModel, `{"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":"9"}}`, 200_000},
		{"embeddings", "amazon.titan-embed-text-v1", InvokeModel, `{"inputText":"x"}`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if b, err := boundOf(t, Embedded(), tt.op, tt.model, nil, tt.body); err != nil || b.Output != tt.want {
				t.Errorf("%+v, %v, want %d", b, err, tt.want)
			}
		})
	}
}

func TestInputIsBoundByBytesOrByTheModel(t *testing.T) {
	text := func(s string) string { return `{"prompt":"` + s + `","max_gen_len":1}` }
	long := strings.Repeat("a", 200_000)
	for _, tt := range []struct {
		name, model, body string
		want              int64 // beside the length of the body; -1: the model's
		how               string
	}{
		{"ASCII", llama, text("hello"), templateTokens, HowBytes},
		{"others, byte by byte", llama, text("héllo"), templateTokens, HowBytes},
		{"others, normalised", sonnet, `{"max_tokens":1,"prompt":"é"}`, 2*10 + templateTokens, HowBytes},
		{"others, composed", "qwen.qwen3-32b-v1:0", `{"max_tokens":1,"prompt":"é"}`, 2*2 + templateTokens, HowBytes},
		{"escapes, normalised", sonnet, `{"max_tokens":1,"prompt":"\ufdfa"}`, 27 + templateTokens, HowBytes},
		{"longer than the model reads", llama, text(long), -1, HowModel},
		{"a picture", sonnet, `{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}]}]}`, -1, HowModel},
		{"what the provider signed", sonnet, `{"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"aGk="}]}]}`, -1, HowModel},
		{"a block that is not known", sonnet, `{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"hologram"}]}]}`, -1, HowModel},
		{"a document that is text", sonnet, `{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"x"}}]}]}`, templateTokens, HowBytes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := boundOf(t, Embedded(), InvokeModel, tt.model, nil, tt.body)
			want := int64(len(tt.body)) + tt.want
			if m, _ := Embedded().Model(tt.model); tt.want < 0 {
				want = m.MaxInput
			}
			if err != nil || b.Input != want || b.How != tt.how {
				t.Errorf("%+v, %v, want %d by %s", b, err, want, tt.how)
			}
		})
	}
}

// TestContentThatIsNoTextCountsAsAllThatAModelReads goes through every place of
// Converse and of chat in which there is more than the body's own text.
func TestContentThatIsNoTextCountsAsAllThatAModelReads(t *testing.T) {
	for _, content := range []string{
		`{"image":{"format":"png","source":{"bytes":"aGk="}}}`, `{"document":{"format":"pdf","name":"d","source":{"s3Location":{"uri":"s3://b/k"}}}}`,
		`{"document":{"name":"d","source":{"text":"x"}}}`, `{"video":{"format":"mp4","source":{"bytes":"aGk="}}}`, `{"audio":{"format":"wav","source":{"bytes":"aGk="}}}`,
		`{"toolResult":{"toolUseId":"1","content":[{"image":{"format":"png","source":{"bytes":"aGk="}}}]}}`,
		`{"reasoningContent":{"redactedContent":"aGk="}}`, `{"hologram":{}}`,
	} {
		b, err := boundOf(t, Embedded(), Converse, novaID, nil, `{"inferenceConfig":{"maxTokens":1},"messages":[{"role":"user","content":[`+content+`]}]}`)
		if err != nil || b.Input != 300_000 || b.How != HowModel {
			t.Errorf("%s: %+v, %v", content, b, err)
		}
	}
	for _, part := range []string{`{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}`, `{"type":"image_url","image_url":{"url":"https://x/y"}}`, `{"type":"input_audio","input_audio":{"data":"aGk="}}`} {
		b, err := boundOf(t, Embedded(), ChatCompletions, gptOSS, nil, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[`+part+`]}]}`)
		if err != nil || b.Input != 128_000 || b.How != HowModel {
			t.Errorf("%s: %+v, %v", part, b, err)
		}
	}
}

func TestToolsWeighMoreThanTheirText(t *testing.T) {
	const tool = `{"toolSpec":{"name":"pay","description":"d","inputSchema":{"json":{"type":"object"}}}}`
	body := `{"inferenceConfig":{"maxTokens":1},"toolConfig":{"tools":[` + tool + `]}}`
	b, err := boundOf(t, Embedded(), Converse, novaID, nil, body)
	least := int64(len(body)+len(tool)-len(`{"toolSpec":}`)) + templateTokens + toolUseTokens + eachToolTokens
	if err != nil || b.Input < least || b.Input > least+16 {
		t.Errorf("%+v, %v, want about %d", b, err, least)
	}
	typed := `{"max_tokens":1,"tools":[{"type":"bash_20250124","name":"bash"}]}`
	if b, err := boundOf(t, Embedded(), InvokeModel, sonnet, nil, typed); err != nil || b.Input < int64(len(typed))+toolUseTokens+definedTokens {
		t.Errorf("a tool that the provider defined: %+v, %v", b, err)
	}
}

func TestS22_WhatNothingBoundsIsUnbounded(t *testing.T) {
	unknown := Model{ID: "anthropic.claude-next", Family: "anthropic.claude", MaxOutput: 10}
	cat := mustWith(t, Embedded(), []Model{unknown}, nil)
	for _, tt := range []struct {
		name, model string
		op          Operation
		body        string
		why         string
	}{
		{"asynchronous", novaID, StartAsyncInvoke, `{"modelId":"x","modelInput":{"taskType":"TEXT_VIDEO"},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://b"}}}`, "written elsewhere"},
		{"a system tool", novaID, Converse, `{"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]}}`, "system tool"},
		{"a web search", sonnet, InvokeModel, `{"max_tokens":1,"tools":[{"type":"web_search_20250305","name":"web_search"}]}`, "runs a tool"},
		{"servers of tools", sonnet, InvokeModel, `{"max_tokens":1,"mcp_servers":[]}`, "mcp_server"},
		{"a container", sonnet, InvokeModel, `{"max_tokens":1,"container":{}}`, "container"},
		{"compaction", sonnet, InvokeModel, `{"max_tokens":1,"anthropic_beta":["compact-2026-01-12"]}`, "compact"},
		{"an earlier answer", gptOSS, ChatCompletions, `{"model":"m","max_tokens":1,"previous_response_id":"r"}`, "previous_response_id"},
		{"in the background", gptOSS, ChatCompletions, `{"model":"m","max_tokens":1,"background":true}`, "background"},
		{"searching the web", gptOSS, ChatCompletions, `{"model":"m","max_tokens":1,"web_search_options":{}}`, "web_search_options"},
		{"an unknown field", gptOSS, ChatCompletions, `{"model":"m","max_tokens":1,"best_of":20}`, "best_of"},
		{"how many answers, as a text", gptOSS, ChatCompletions, `{"model":"m","max_tokens":1,"n":"20"}`, "plain number"},
		{"how many answers, huge", gptOSS, ChatCompletions, `{"model":"m","max_tokens":1,"n":1e9}`, "plain number"},
		{"no limit and no ceiling", "openai.gpt-5.6-sol", Converse, `{"messages":[]}`, "states no limit"},
		{"a raised ceiling and no limit", sonnet, InvokeModel, `{"anthropic_beta":["output-128k-2025-02-19"]}`, "states none"},
		{"pictures from a model of unknown size", unknown.ID, Converse, `{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"aGk="}}}]}]}`, "more than text"},
		{"thinking in a model of unknown size", unknown.ID, InvokeModel, `{"max_tokens":1,"anthropic_beta":["interleaved-thinking-2025-05-14"]}`, "thinking"},
		{"an embedding of a picture", "amazon.titan-embed-image-v1", InvokeModel, `{"inputImage":"aGk="}`, "charged by the token"},
		{"a model of pictures", "stability.sd3-large-v1:0", Converse, `{}`, "charged by the token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := boundOf(t, cat, tt.op, tt.model, nil, tt.body)
			u, ok := errors.AsType[*UnboundedError](err)
			if !ok || !strings.Contains(u.Why, tt.why) || b != (Bound{}) {
				t.Errorf("%+v, %v, want one about %q", b, err, tt.why)
			}
		})
	}
}

func TestOperationsThatReadNoTokens(t *testing.T) {
	for op, body := range map[Operation]string{CountTokens: `{"input":{"converse":{"messages":[]}}}`, GetAsyncInvoke: ``, ListAsyncInvokes: ``} {
		if b, err := boundOf(t, Embedded(), op, sonnet, nil, body); err != nil || b != (Bound{How: HowOperation}) {
			t.Errorf("%s: %+v, %v", op, b, err)
		}
	}
	body := `{"source":"INPUT","content":[{"text":{"text":"` + strings.Repeat("x", 3000) + `"}}]}`
	b, err := boundOf(t, Embedded(), ApplyGuardrail, "", nil, body)
	if err != nil || b.Input != 0 || b.GuardrailUnits != b.GuardrailInput || b.GuardrailInput < 4 || b.GuardrailInput > 12 {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestGuardrailsAreBoundWithTheCall(t *testing.T) {
	body := `{"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":1000},"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1"}}`
	b, err := boundOf(t, Embedded(), Converse, novaID, nil, body)
	if err != nil || b.GuardrailUnits != b.GuardrailInput+128 || b.GuardrailInput < 1 {
		t.Errorf("%+v, %v", b, err)
	}
	for answer, want := range map[int64]int64{-1: 0, 0: 0, 1: 1, 1000: 1, 1001: 2, math.MaxInt64: 128} {
		if got := b.Guarded(answer) - b.GuardrailInput; got != want {
			t.Errorf("an answer of %d bytes: %d units, want %d", answer, got, want)
		}
	}
}

func TestCacheWritesAreBoundWhereTheyCanHappen(t *testing.T) {
	for _, tt := range []struct {
		name, model, body string
		write, hour       bool
	}{
		{"not asked for", sonnet, `{"messages":[]}`, false, false},
		{"asked for", sonnet, `{"system":[{"cachePoint":{"type":"default"}}]}`, true, false},
		{"for five minutes", sonnet, `{"messages":[{"role":"user","content":[{"cachePoint":{"type":"default","ttl":"5m"}}]}]}`, true, false},
		{"for an hour", sonnet, `{"toolConfig":{"tools":[{"cachePoint":{"type":"default","ttl":"1h"}}]}}`, true, true},
		{"for who knows how long", sonnet, `{"system":[{"cachePoint":{"ttl":7}}]}`, true, true},
		{"by itself", "openai.gpt-5.6-sol", `{"inferenceConfig":{"maxTokens":1}}`, true, false},
		{"at no price of its own", novaID, `{"messages":[]}`, false, false},
	} {
		if b, err := boundOf(t, Embedded(), Converse, tt.model, nil, tt.body); err != nil || b.CacheWrite != tt.write || b.CacheHour != tt.hour {
			t.Errorf("%s: %+v, %v", tt.name, b, err)
		}
	}
	for _, c := range []string{`"cache_control":{"type":"ephemeral","ttl":"1h"}`, `"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}]`, `"tools":[{"name":"t","cache_control":{"ttl":"1h"}}]`} {
		if b, err := boundOf(t, Embedded(), InvokeModel, sonnet, nil, `{"max_tokens":1,`+c+`}`); err != nil || !b.CacheWrite || !b.CacheHour {
			t.Errorf("%s: %+v, %v", c, b, err)
		}
	}
}

func TestRouterIsBoundByEveryRoute(t *testing.T) {
	router := Profile{ID: "arn:aws:bedrock:us-east-1:111122223333:prompt-router/a1b2c3d4e5f6", Model: llama, Routes: []string{sonnet}}
	cat := mustWith(t, Embedded(), nil, []Profile{router})
	b, err := boundOf(t, cat, Converse, router.ID, nil, `{"messages":[{"role":"user","content":[{"text":"é"}]}]}`)
	if alone, _ := boundOf(t, cat, Converse, sonnet, nil, `{"messages":[{"role":"user","content":[{"text":"é"}]}]}`); err != nil || b != alone {
		t.Errorf("%+v, %v, want %+v", b, err, alone)
	}
}

func TestALongWindowRaisesWhatAModelReads(t *testing.T) {
	body := `{"max_tokens":1,"anthropic_beta":["context-1m-2025-08-07"],"prompt":"` + strings.Repeat("a", 300_000) + `"}`
	if b, err := boundOf(t, Embedded(), InvokeModel, sonnet, nil, body); err != nil || b.Input < 300_000 || b.How != HowBytes {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestOverIsTheRatioOfBoundToUse(t *testing.T) {
	b := Bound{Input: 1000}
	if got := b.Over(Tokens{Input: 100, CacheRead: 100, CacheWriteHour: 50}); got != 4 {
		t.Errorf("%v", got)
	}
	if got := b.Over(Tokens{Output: 5}); got != 0 {
		t.Errorf("%v", got)
	}
}

// TestWeighCountsEveryByte compares the counting by words with one by bytes.
func TestWeighCountsEveryByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		want := weight{bytes: int64(len(body)), escapes: int64(strings.Count(string(body), `\u`))}
		for _, c := range body {
			if c >= 0x80 {
				want.others++
			}
		}
		if got := weigh(body); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}

// FuzzBound holds that no body, in any dialect, makes the bound panic, negative,
// or larger than what its length or the model allow, and that what was bounded
// has a worst price that does not overflow silently.
func FuzzBound(f *testing.F) {
	ops := Operations()
	for i, body := range []string{
		`{"messages":[{"role":"user","content":[{"text":"hi"},{"cachePoint":{"type":"default","ttl":"1h"}},{"image":{"source":{"bytes":"aGk="}}}]}],"inferenceConfig":{"maxTokens":5}}`,
		`{"max_tokens":2147483647,"n":2147483646}`, `{"prompt":"\ufdfa","max_gen_len":1}`, `{"inputText":"x","textGenerationConfig":{"maxTokenCount":3}}`,
		`{"thinking":{"budget_tokens":1e99},"max_tokens":1}`, `{"tools":[{"type":"bash_1","name":"b"}],"max_tokens":1}`, `{"model":"m","messages":[{"role":"user","content":"x"}],"n":2}`,
		`{"source":"INPUT","content":[{"text":{"text":"x"}}]}`, `{"input":{"converse":{}}}`, ``,
	} {
		f.Add(uint8(i), uint8(i*17), body)
	}
	models := Embedded().Models()
	f.Fuzz(func(t *testing.T, op, model uint8, body string) {
		o, m := ops[int(op)%len(ops)], models[int(model)%len(models)]
		caps, err := ReadCapabilities(o, m.Provider, nil, []byte(body))
		if err != nil {
			return
		}
		b, err := Embedded().Bound(o, m, "", &caps, []byte(body))
		if err != nil {
			if _, ok := errors.AsType[*UnboundedError](err); !ok || b != (Bound{}) {
				t.Fatalf("%+v, %v", b, err)
			}
			return
		}
		most := max(window(&m, &caps), nfkc*int64(len(body))+int64(len(body))+templateTokens+toolUseTokens+(eachToolTokens+definedTokens)*int64(len(caps.Tools)+len(caps.Extras)))
		if b.Input < 0 || b.Output < 0 || b.GuardrailUnits < b.GuardrailInput || b.GuardrailInput < 0 || b.How == "" || b.Input > most {
			t.Fatalf("%+v, at most %d", b, most)
		}
		if q, ok := Embedded().Quote(PriceQuestion{Model: m.ID}); ok {
			if cost, ok := q.Worst(b); ok && cost < 0 {
				t.Fatalf("worst %d of %+v", cost, b)
			}
		}
	})
}

func BenchmarkBound(b *testing.B) {
	body := []byte(`{"messages":[{"role":"user","content":[{"text":"` + strings.Repeat("word ", 2000) + `"}]}],"inferenceConfig":{"maxTokens":512}}`)
	m, profile := Embedded().Find(usSonnet)
	caps, err := ReadCapabilities(Converse, m.Provider, nil, body)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := Embedded().Bound(Converse, m, profile, &caps, body); err != nil {
			b.Fatal(err)
		}
	}
}
