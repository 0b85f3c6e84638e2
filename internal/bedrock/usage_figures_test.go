package bedrock

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestS22_UsageSaidTwice holds what counts of figures that come more than once:
// of AWS's own the larger of each, whatever order they come in, and before any
// provider's; of a provider's the largest, as it counts while it answers.
func TestS22_UsageSaidTwice(t *testing.T) {
	const start, stop = `messageStart {"role":"assistant"}`, `messageStop {"stopReason":"end_turn"}`
	for _, c := range []struct {
		name     string
		op       Operation
		events   []string
		want     Tokens
		disputed bool
	}{
		{"AWS twice, the same", ConverseStream, []string{start, stop, `metadata {"usage":{"inputTokens":5,"outputTokens":6}}`, `metadata {"usage":{"inputTokens":5,"outputTokens":6}}`}, Tokens{Input: 5, Output: 6}, false},
		{"AWS twice, less the second time", ConverseStream, []string{start, stop, `metadata {"usage":{"inputTokens":5,"outputTokens":600}}`, `metadata {"usage":{"inputTokens":7,"outputTokens":1}}`}, Tokens{Input: 7, Output: 600}, true},
		{"AWS twice, another split", ConverseStream, []string{start, stop, `metadata {"usage":{"inputTokens":1,"outputTokens":1,"cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"5m","inputTokens":9}]}}`, `metadata {"usage":{"inputTokens":1,"outputTokens":1,"cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"1h","inputTokens":4},{"ttl":"5m","inputTokens":5}]}}`},
			Tokens{Input: 1, Output: 1, CacheWrite: 9, CacheWriteHour: 4}, true},
		{"a provider, then AWS with less", InvokeModelWithResponseStream, []string{`chunk {"usage":{"input_tokens":900,"output_tokens":900},"stop_reason":"x"}`, `chunk {"amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":4}}`}, Tokens{Input: 3, Output: 4}, false},
		{"AWS, then a provider with less", InvokeModelWithResponseStream, []string{`chunk {"amazon-bedrock-invocationMetrics":{"inputTokenCount":30,"outputTokenCount":40}}`, `chunk {"usage":{"input_tokens":1,"output_tokens":1}}`}, Tokens{Input: 30, Output: 40}, false},
		{"AWS's metrics twice", InvokeModelWithResponseStream, []string{`chunk {"amazon-bedrock-invocationMetrics":{"inputTokenCount":30,"outputTokenCount":4}}`, `chunk {"amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":40}}`}, Tokens{Input: 30, Output: 40}, true},
		{"a provider counts up, and then less", InvokeModelWithResponseStream, []string{`chunk {"type":"message_start","message":{"usage":{"input_tokens":8,"output_tokens":1}}}`, `chunk {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":50}}`, `chunk {"type":"message_delta","usage":{"output_tokens":2}}`}, Tokens{Input: 8, Output: 50}, false},
		{"AWS's total and a provider's split", InvokeModelWithResponseStream, []string{`chunk {"message":{"usage":{"input_tokens":8,"output_tokens":1,"cache_creation_input_tokens":90,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":60}}}}`, `chunk {"amazon-bedrock-invocationMetrics":{"inputTokenCount":8,"outputTokenCount":4,"cacheReadInputTokenCount":0,"cacheWriteInputTokenCount":100}}`},
			Tokens{Input: 8, Output: 4, CacheWrite: 40, CacheWriteHour: 60}, false},
		{"AWS says nothing of the cache", InvokeModelWithResponseStream, []string{`chunk {"message":{"usage":{"input_tokens":8,"output_tokens":1,"cache_read_input_tokens":70}}}`, `chunk {"amazon-bedrock-invocationMetrics":{"inputTokenCount":8,"outputTokenCount":4}}`}, Tokens{Input: 8, Output: 4, CacheRead: 70}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := collect(t, c.op, c.events...)
			if d := cmp.Diff(c.want, got.Usage.Tokens); err != nil || d != "" || !got.Usage.Known || got.Disputed != c.disputed {
				t.Errorf("%v, known %v, disputed %v\n%s", err, got.Usage.Known, got.Disputed, d)
			}
		})
	}
}

func TestS22_AbsurdUsageInStreamsIsUnknown(t *testing.T) {
	for _, usage := range []string{
		`{"inputTokens":-1,"outputTokens":2}`, `{"inputTokens":1,"outputTokens":1e30}`, `{"inputTokens":1.5,"outputTokens":2}`, `{"inputTokens":"7","outputTokens":2}`, `{"inputTokens":1}`, `{}`, `[]`,
		`{"inputTokens":1,"outputTokens":2,"cacheWriteInputTokens":-3}`, `{"inputTokens":1,"outputTokens":2,"cacheDetails":[{"ttl":"1h","inputTokens":-4}]}`, `{"inputTokens":1,"outputTokens":2,"cacheDetails":[{"ttl":"1h","inputTokens":"4"}]}`,
	} {
		got, err := collect(t, ConverseStream, `messageStop {"stopReason":"end_turn"}`, `metadata {"usage":`+usage+`}`)
		if got.Usage.Known || got.Usage.Tokens != (Tokens{}) {
			t.Errorf("%s: %+v, %v", usage, got.Usage, err)
		}
	}
	// A sound figure afterwards does not make the absurd one unsaid.
	got, _ := collect(t, ConverseStream, `messageStop {"stopReason":"x"}`, `metadata {"usage":{"inputTokens":-1,"outputTokens":2}}`, `metadata {"usage":{"inputTokens":1,"outputTokens":2}}`)
	if got.Usage.Known {
		t.Errorf("%+v", got.Usage)
	}
}

// TestASplitNeverLowersTheBill: parts that are more than their whole count.
func TestASplitNeverLowersTheBill(t *testing.T) {
	for body, want := range map[string]Tokens{
		`{"usage":{"input_tokens":1,"output_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4}}}`:                                 {1, 2, 0, 3, 4},
		`{"usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":4}}}`: {1, 2, 0, 3, 4},
		`{"usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_1h_input_tokens":4}}}`:                               {1, 2, 0, 5, 4},
		`{"usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":9,"cache_creation":null}}`:                                                          {1, 2, 0, 9, 0},
	} {
		got, err := ReadAnswer(InvokeModel, nil, []byte(body))
		if got.Usage.Tokens != want || !got.Usage.Known || err != nil {
			t.Errorf("%s: %+v, %v", body, got.Usage, err)
		}
	}
}

func TestHourlyWritesAreChargedWhereNobodySaysWhich(t *testing.T) {
	u := Usage{Tokens: Tokens{Input: 1, CacheWrite: 5}}
	if got := u.For(Load{CacheWrite: true}); got != u.Tokens {
		t.Errorf("not asked for: %+v", got)
	}
	if got, want := u.For(Load{CacheHour: true}), (Tokens{Input: 1, CacheWriteHour: 5}); got != want {
		t.Errorf("asked for: %+v", got)
	}
	u.Split = true
	if got := u.For(Load{CacheHour: true}); got != u.Tokens {
		t.Errorf("said: %+v", got)
	}
}

func TestHeadersKeepTheBodysSplit(t *testing.T) {
	h := http.Header{headerInputTokens: {"7"}, headerOutputTokens: {"8"}, headerCacheRead: {"0"}, headerCacheWrite: {"9"}}
	body := `{"usage":{"input_tokens":1,"output_tokens":1,"cache_read_input_tokens":50,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":6}}}`
	got, err := ReadAnswer(InvokeModel, h, []byte(body))
	if want := (Tokens{7, 8, 0, 3, 6}); got.Usage.Tokens != want || got.Usage.Source != "header" || err != nil {
		t.Errorf("%+v, %v", got.Usage, err)
	}
}

func TestAnswersSayWhatServedThem(t *testing.T) {
	const trace = `{"guardrail":{"modelOutput":["x"],"inputAssessment":{"g1":{"invocationMetrics":{"usage":{"topicPolicyUnits":2,"contentPolicyUnits":3,"wordPolicyUnits":99,"contentPolicyImageUnits":1}}}},
		"outputAssessments":{"g1":[{"topicPolicy":{},"invocationMetrics":{"usage":{"sensitiveInformationPolicyUnits":4}}},{"invocationMetrics":{"usage":{"contextualGroundingPolicyUnits":1}}}]}}}`
	want := Answer{Usage: known("body", 1, 2, 0, 0), ServiceTier: "flex", Latency: "optimized", GuardrailUnits: 3 + perPicture + 4 + 1}
	got, err := ReadAnswer(Converse, nil, []byte(`{"usage":{"inputTokens":1,"outputTokens":2},"serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"},"trace":`+trace+`}`))
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	got, err = collect(t, ConverseStream, `messageStop {"stopReason":"end_turn"}`, `metadata {"usage":{"inputTokens":1,"outputTokens":2},"serviceTier":{"type":"flex"},"performanceConfig":{"latency":"optimized"},"trace":`+trace+`}`)
	if err != nil || got.ServiceTier != "flex" || got.Latency != "optimized" || got.GuardrailUnits != want.GuardrailUnits {
		t.Errorf("in a stream: %+v, %v", got, err)
	}
	got, err = ReadAnswer(ApplyGuardrail, nil, []byte(`{"usage":{"topicPolicyUnits":3,"wordPolicyUnits":9,"sensitiveInformationPolicyFreeUnits":9},"action":"NONE","outputs":[]}`))
	if err != nil || !got.Usage.Known || got.Usage.Tokens != (Tokens{}) || got.GuardrailUnits != 3 {
		t.Errorf("ApplyGuardrail: %+v, %v", got, err)
	}
	for _, body := range []string{`{}`, `{"usage":{"topicPolicyUnits":-3}}`, `{"usage":[]}`, `{"usage":{"topicPolicyUnits":1}`} {
		if got, _ := ReadAnswer(ApplyGuardrail, nil, []byte(body)); got.Usage.Known {
			t.Errorf("ApplyGuardrail %s: %+v", body, got)
		}
	}
}

// TestMostOfFiguresIsNeverLess: whatever AWS says twice, no figure falls.
func TestMostOfFiguresIsNeverLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) figures {
			n := func(part string) int64 { return rapid.Int64Range(0, 50).Draw(t, name+part) }
			return figures{Tokens: Tokens{Input: n("in"), Output: n("out"), CacheRead: n("read"), CacheWrite: n("write")}, five: n("five"), hour: n("hour"), split: true}
		}
		a, b := draw("a "), draw("b ")
		both, _ := a.most(b)
		got, x, y := both.tokens(), a.tokens(), b.tokens()
		if got.Output < max(x.Output, y.Output) || got.Input < max(x.Input, y.Input) || got.CacheWriteHour < max(x.CacheWriteHour, y.CacheWriteHour) ||
			got.CacheWrite+got.CacheWriteHour < max(x.CacheWrite+x.CacheWriteHour, y.CacheWrite+y.CacheWriteHour) {
			t.Fatalf("%+v of %+v and %+v", got, x, y)
		}
	})
}
