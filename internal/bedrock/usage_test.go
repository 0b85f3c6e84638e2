package bedrock

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func known(source string, in, out, read, write int64) Usage {
	return Usage{Tokens: Tokens{Input: in, Output: out, CacheRead: read, CacheWrite: write}, Known: true, Source: source}
}

func split(in, out, read, five, hour int64) Usage {
	return Usage{Tokens: Tokens{in, out, read, five, hour}, Known: true, Source: "body", Split: true}
}

func TestReadAnswer(t *testing.T) {
	for _, c := range []struct {
		name string
		op   Operation
		body string
		want Answer
	}{
		{"Converse", Converse, `{"metrics":{"latencyMs":5},"output":{"message":{"role":"assistant","content":[{"text":"ok"},{"toolUse":{"toolUseId":"1","name":"post_payment","input":{"name":"not this"}}},{"toolUse":{"name":"lookup"}}]}},
			"stopReason":"tool_use","usage":{"inputTokens":10,"outputTokens":20,"totalTokens":37,"cacheReadInputTokens":3,"cacheWriteInputTokens":4,"cacheDetails":[{"ttl":"1h","inputTokens":4}]},
			"trace":{"promptRouter":{"invokedModelId":"arn:aws:bedrock:us-east-1::foundation-model/m"}},"newField":[1],"NewField":{}}`,
			Answer{Usage: split(10, 20, 3, 0, 4), StopReason: "tool_use", ToolUses: []string{"post_payment", "lookup"}, InvokedModel: "arn:aws:bedrock:us-east-1::foundation-model/m"}},
		{"Anthropic", InvokeModel, `{"type":"message","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"i","name":"t","input":{"name":"no"}},{"name":"s","type":"server_tool_use"}],"stop_reason":"tool_use","stop_sequence":null,
			"usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":4}}}`,
			Answer{Usage: split(1, 2, 3, 4, 0), StopReason: "tool_use", ToolUses: []string{"t", "s"}}},
		{"Nova", InvokeModel, `{"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":2,"cacheReadInputTokenCount":3,"cacheWriteInputTokenCount":0}}`,
			Answer{Usage: known("body", 1, 2, 3, 0), StopReason: "end_turn"}},
		{"Titan text", InvokeModel, `{"inputTextTokenCount":5,"results":[{"tokenCount":6,"outputText":"x","completionReason":"FINISH"}]}`,
			Answer{Usage: known("body", 5, 6, 0, 0), StopReason: "FINISH"}},
		{"Titan embedding", InvokeModel, `{"embedding":[0.1,-2e3],"inputTextTokenCount":5}`, Answer{Usage: known("body", 5, 0, 0, 0)}},
		{"Meta", InvokeModel, `{"generation":"x","prompt_token_count":5,"generation_token_count":6,"stop_reason":"stop"}`,
			Answer{Usage: known("body", 5, 6, 0, 0), StopReason: "stop"}},
		{"OpenAI", InvokeModel, `{"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[{"type":"function","function":{"name":"f","arguments":"{}"}}]}}],"usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}`,
			Answer{Usage: known("body", 6, 2, 4, 0), StopReason: "tool_calls", ToolUses: []string{"f"}}},
		{"Cohere", InvokeModel, `{"text":"x","finish_reason":"COMPLETE","tool_calls":[{"name":"f","parameters":{"name":1}}],"meta":{"billed_units":{"input_tokens":3,"output_tokens":4}}}`,
			Answer{Usage: known("body", 3, 4, 0, 0), StopReason: "COMPLETE", ToolUses: []string{"f"}}},
		{"Mistral without usage", InvokeModel, `{"outputs":[{"text":"x","stop_reason":"length"}]}`, Answer{StopReason: "length"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadAnswer(c.op, nil, []byte(c.body))
			if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); err != nil || d != "" {
				t.Errorf("%v\n%s", err, d)
			}
		})
	}
}

func TestReadAnswerHeaders(t *testing.T) {
	h := header(headerInputTokens, "7", headerOutputTokens, "8", headerCacheRead, "1", headerCacheWrite, "2")
	body := []byte(`{"stop_reason":"stop","prompt_token_count":99,"generation_token_count":99}`)
	got, err := ReadAnswer(InvokeModel, h, body)
	if want := known("header", 7, 8, 1, 2); err != nil || got.Usage != want || got.StopReason != "stop" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, _ := ReadAnswer(InvokeModel, header(headerInputTokens, "7"), body); got.Usage != known("body", 99, 99, 0, 0) {
		t.Errorf("no output: got %+v", got.Usage)
	}
	for name, h := range map[string]http.Header{
		"negative": header(headerInputTokens, "-7", headerOutputTokens, "8"),
		"huge":     header(headerInputTokens, "7", headerOutputTokens, "9999999999"),
		"too many": header(headerInputTokens, "7", headerOutputTokens, fmt.Sprint(maxPlausible+1)),
		"twice":    header(headerInputTokens, "7", headerInputTokens, "7", headerOutputTokens, "8"),
	} {
		if got, _ := ReadAnswer(InvokeModel, h, body); got.Usage.Known || got.Usage.Tokens != (Tokens{}) {
			t.Errorf("%s: got %+v", name, got.Usage)
		}
	}
	if got, _ := ReadAnswer(InvokeModel, header(headerInputTokens, "7"), []byte(`{"embedding":[]}`)); got.Usage != known("header", 7, 0, 0, 0) {
		t.Errorf("embedding: got %+v", got.Usage)
	}
	if got, _ := ReadAnswer(Converse, h, []byte(`{}`)); got.Usage.Known {
		t.Error("Converse has no usage in headers")
	}
}

func TestS22_ImplausibleUsageIsUnknown(t *testing.T) {
	for _, body := range []string{
		`{"usage":{"inputTokens":-1,"outputTokens":2}}`, `{"usage":{"inputTokens":1,"outputTokens":9223372036854775807}}`, `{"usage":{"inputTokens":1.5,"outputTokens":2}}`,
		`{"usage":{"inputTokens":"1","outputTokens":2}}`, `{"usage":{"inputTokens":1}}`, `{"usage":{"outputTokens":1}}`, `{"usage":{}}`, `{}`,
		`{"usage":{"inputTokens":1,"inputTokens":2,"outputTokens":2}}`, `{"usage":{"inputTokens":1,"outputTokens":2}`, `{"usage":{"inputTokens":1,"outputTokens":2}}{}`,
		`{"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":3}}}`, `[]`, ``, `<html>`,
		`{"usage":{"inputTokens":null,"outputTokens":2}}`, fmt.Sprintf(`{"usage":{"inputTokens":1,"outputTokens":%d}}`, maxPlausible+1),
	} {
		got, _ := ReadAnswer(Converse, nil, []byte(body))
		if got.Usage.Known || got.Usage.Tokens != (Tokens{}) {
			t.Errorf("%s: got %+v", body, got.Usage)
		}
	}
}

// collect feeds events, each "type payload", to a collector of op.
func collect(t *testing.T, op Operation, events ...string) (Answer, error) {
	t.Helper()
	var stream []byte
	for _, e := range events {
		typ, payload, _ := strings.Cut(e, " ")
		if typ == "chunk" {
			payload = fmt.Sprintf(`{"bytes":"%s","p":"abcdefgh"}`, base64.StdEncoding.EncodeToString([]byte(payload)))
		}
		stream = AppendEvent(stream, typ, []byte(payload))
	}
	c := NewCollector(op)
	r := NewFrameReader(bytes.NewReader(stream))
	var failed error
	for {
		f, err := r.Next()
		if err != nil {
			return c.Answer(), failed
		}
		if err := c.Add(f); err != nil {
			failed = err
		}
	}
}

func TestCollectConverseStream(t *testing.T) {
	got, err := collect(t, ConverseStream,
		`messageStart {"role":"assistant","p":"ab"}`,
		`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"stopReason"},"p":"abcd"}`,
		`contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"1","name":"post_payment"}},"p":"abc"}`,
		`contentBlockStop {"contentBlockIndex":1}`,
		`messageStop {"stopReason":"tool_use","p":"abcdef"}`,
		`metadata {"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7},"metrics":{"latencyMs":9},"trace":{"promptRouter":{"invokedModelId":"m"}},"p":"a"}`)
	want := Answer{Usage: known("stream", 3, 4, 0, 0), StopReason: "tool_use", ToolUses: []string{"post_payment"}, InvokedModel: "m", Final: true}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

func TestCollectInvokeStreams(t *testing.T) {
	metrics := `"amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":20,"invocationLatency":1,"firstByteLatency":1,"cacheReadInputTokenCount":5}`
	for _, c := range []struct {
		name   string
		events []string
		want   Answer
	}{
		{"Anthropic", []string{
			`chunk {"type":"message_start","message":{"content":[],"stop_reason":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}}}`,
			`chunk {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"1","name":"t","input":{}}}`,
			`chunk {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\"stop_reason\":\"fake\" usage"}}`,
			`chunk {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":19}}`,
			`chunk {"type":"message_stop",` + metrics + `}`,
		}, Answer{Usage: known("stream", 10, 20, 5, 0), StopReason: "tool_use", ToolUses: []string{"t"}, Final: true}},
		{"Anthropic without metrics", []string{
			`chunk {"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}}`,
			`chunk {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":19}}`,
		}, Answer{Usage: known("stream", 10, 19, 0, 0), StopReason: "end_turn"}},
		{"Nova", []string{
			`chunk {"contentBlockStart":{"start":{"toolUse":{"name":"t"}}}}`, `chunk {"messageStop":{"stopReason":"tool_use"}}`,
			`chunk {"metadata":{"usage":{"inputTokens":1,"outputTokens":2}},` + metrics + `}`,
		}, Answer{Usage: known("stream", 10, 20, 5, 0), StopReason: "tool_use", ToolUses: []string{"t"}, Final: true}},
		{"Meta", []string{`chunk {"generation":"x","stop_reason":null}`, `chunk {"generation":"","prompt_token_count":1,"generation_token_count":2,"stop_reason":"stop",` + metrics + `}`},
			Answer{Usage: known("stream", 10, 20, 5, 0), StopReason: "stop", Final: true}},
		{"OpenAI", []string{
			`chunk {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]},"finish_reason":null}]}`,
			`chunk {"choices":[{"delta":{},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":12,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2}},` + metrics + `}`,
		}, Answer{Usage: known("stream", 10, 20, 5, 0), StopReason: "tool_calls", ToolUses: []string{"f"}, Final: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := collect(t, InvokeModelWithResponseStream, c.events...)
			if d := cmp.Diff(c.want, got); err != nil || d != "" {
				t.Errorf("%v\n%s", err, d)
			}
		})
	}
}

func TestS22_BrokenStreamUsageIsUnknown(t *testing.T) {
	good := `metadata {"usage":{"inputTokens":3,"outputTokens":4}}`
	for _, events := range [][]string{{`messageStop {"stopReason":`, good}, {`metadata []`, good}, {`messageStop {"stopReason":"x"}`}} {
		got, err := collect(t, ConverseStream, events...)
		if got.Usage.Known || len(events) == 2 && err == nil {
			t.Errorf("%v: got %+v, %v", events, got.Usage, err)
		}
	}
	started := `chunk {"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}}`
	if got, err := collect(t, InvokeModelWithResponseStream, started); err != nil || got.Usage.Known || got.Final {
		t.Errorf("broken off after its start: got %+v, %v", got, err)
	}
	c := NewCollector(InvokeModelWithResponseStream)
	for _, payload := range []string{`{}`, `{"bytes":5}`, `{"bytes":"!"}`, `[]`, ``} {
		if err := c.Add(Frame{Message: "event", Type: "chunk", Payload: []byte(payload)}); err == nil {
			t.Errorf("chunk %s: no error", payload)
		}
	}
}

func TestCollectException(t *testing.T) {
	r := NewFrameReader(bytes.NewReader(unhex(t, goldenException)))
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	c := NewCollector(ConverseStream)
	if err := c.Add(f); err != nil || c.Answer().Exception != "throttlingException" || c.Answer().Usage.Known {
		t.Errorf("got %+v, %v", c.Answer(), err)
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte(`{"usage":{"inputTokens":3,"outputTokens":4},"stopReason":"x"}`), "1", "2")
	f.Add([]byte(`{"content":[{"type":"tool_use","name":"x"}],"usage":{"input_tokens":-3}}`), "-1", "")
	f.Add([]byte(`{"choices":[{"message":{"tool_calls":[{"function":{"name":"f"}}]}}]}`), "99999999999999999999", "x")
	f.Fuzz(func(t *testing.T, body []byte, in, out string) {
		for _, op := range []Operation{Converse, InvokeModel} {
			a, err := ReadAnswer(op, header(headerInputTokens, in, headerOutputTokens, out), body)
			u := a.Usage
			for _, n := range []int64{u.Input, u.Output, u.CacheRead, u.CacheWrite} {
				if n < 0 || n > maxPlausible || n != 0 && !u.Known {
					t.Fatalf("%q: usage %+v", body, u)
				}
			}
			if err != nil && u.Known && u.Source != "header" {
				t.Fatalf("%q: usage believed in spite of %v", body, err)
			}
		}
	})
}

func FuzzCollector(f *testing.F) {
	f.Add("chunk", []byte(`{"bytes":"eyJzdG9wX3JlYXNvbiI6IngifQ=="}`))
	f.Add("metadata", []byte(`{"usage":{"inputTokens":3,"outputTokens":4}}`))
	f.Fuzz(func(t *testing.T, typ string, payload []byte) {
		for _, op := range []Operation{ConverseStream, InvokeModelWithResponseStream} {
			c := NewCollector(op)
			err := c.Add(Frame{Message: "event", Type: typ, Payload: payload})
			if err != nil && c.Answer().Usage.Known {
				t.Fatalf("%s %q: usage believed in spite of %v", typ, payload, err)
			}
		}
	})
}

func TestClientFamily(t *testing.T) {
	for ua, want := range map[string]string{
		"Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux": "boto3",
		"Botocore/1.43.11":                                  "boto3",
		"aws-cli/2.30.0 md/awscrt#0.27":                     "aws-cli",
		"aws-sdk-go-v2/1.47.7 ua/2.1 os/linux lang/go#1.26": "aws-sdk-go-v2",
		"aws-sdk-js/3.1163.0 ua/2.1":                        "aws-sdk-js",
		"AnthropicBedrock/JS 1.1.3":                         "anthropic-bedrock",
		"OpenAI/JS 6.49.0":                                  "openai",
		"Boto3/1.43.11 md/Botocore#1.43.11 x-client-framework:langchain-aws": "langchain",
		"curl/8.5.0": "curl",
		"":           "other",
		"Mozilla/5.0" + strings.Repeat(" ", 600) + "curl/8": "other",
	} {
		if got := ClientFamily(ua); got != want {
			t.Errorf("%q: got %s, want %s", ua, got, want)
		}
	}
}

func BenchmarkCollector(b *testing.B) {
	delta := Frame{Message: "event", Type: "chunk", Payload: []byte(`{"bytes":"` + base64.StdEncoding.EncodeToString([]byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"The invoice"}}`)) + `","p":"abcdefghijklm"}`)}
	c := NewCollector(InvokeModelWithResponseStream)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Add(delta); err != nil {
			b.Fatal(err)
		}
	}
}
