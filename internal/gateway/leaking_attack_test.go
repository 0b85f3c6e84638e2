package gateway_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/upstream"
)

// mouth is an upstream that answers every call with what it is told to.
type mouth struct {
	says atomic.Pointer[spoken]
}

type spoken struct{ contentType, body string }

func (m *mouth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	said := m.says.Load()
	w.Header().Set("Content-Type", said.contentType)
	_, _ = io.WriteString(w, said.body)
}

// spokenTo is a gateway before such an upstream.
func spokenTo(t *testing.T) (*inside, *mouth) {
	t.Helper()
	m := new(mouth)
	srv := httptest.NewServer(m)
	t.Cleanup(srv.Close)
	up, err := upstream.New(upstream.Config{Account: demo.Account, Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(upstreamKeyID, "x", "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	return everyFamily(t, func(c *gateway.Config) { c.Upstream = up }), m
}

// The questions that are answered below, by path.
var asked = map[string]string{
	novaPath + "converse": `{` + askNova + `}`, claudePath + "converse": `{` + askNova + `}`, novaPath + "converse-stream": `{` + askNova + `}`,
	claudePath + "invoke":  `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,` + askPlain + `}`,
	novaPath + "invoke":    `{` + askNova + `}`,
	titanPath + "invoke":   `{"inputText":"hello"}`,
	llamaPath + "invoke":   `{"prompt":"hello"}`,
	mistralPath + "invoke": `{"prompt":"hello"}`,
	commandPath + "invoke": `{"message":"hello"}`,
	chatPath:               `{"model":"` + oss + `",` + askPlain + `}`,
}

// question is what is asked at a path, streamed or not.
func question(path string, stream bool) string {
	if body, ok := asked[strings.TrimSuffix(path, "-with-response-stream")]; ok && path != chatPath {
		return body
	}
	if stream {
		return strings.Replace(asked[chatPath], "{", `{"stream":true,`, 1)
	}
	return asked[chatPath]
}

// wholePlaces are all places that an answer has for what a model says.
var wholePlaces = []place{
	{"converse text", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"text":"CARD"}]}},"stopReason":"end_turn"}`, ""},
	{"converse over two blocks", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"text":"HALF"},{"text":"REST"}]}},"stopReason":"end_turn"}`, ""},
	{"converse base64", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"text":"here: TEXT"}]}},"stopReason":"end_turn"}`, ""},
	{"converse reasoning", claudePath + "converse", `{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"CARD"}}},{"text":"no"}]}},"stopReason":"end_turn"}`, ""},
	{"converse tool input", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"lookup","input":{"a":["CARD"]}}}]}},"stopReason":"tool_use"}`, ""},
	{"converse tool input number", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"lookup","input":{"card_number":NUMBER}}}]}},"stopReason":"tool_use"}`, ""},
	{"converse tool input name", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"lookup","input":{"CARD":1}}}]}},"stopReason":"tool_use"}`, ""},
	{"converse citations", claudePath + "converse", `{"output":{"message":{"role":"assistant","content":[{"citationsContent":{"content":[{"text":"so"}],"citations":[{"title":"t","sourceContent":[{"text":"CARD"}]}]}}]}},"stopReason":"end_turn"}`, ""},
	{"converse additional fields", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"text":"no"}]}},"stopReason":"end_turn","additionalModelResponseFields":{"x":{"y":"CARD"}}}`, ""},
	{"converse trace", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"text":"no"}]}},"stopReason":"end_turn","trace":{"guardrail":{"modelOutput":["CARD"]}}}`, ""},
	{"converse block nobody knows", novaPath + "converse", `{"output":{"message":{"role":"assistant","content":[{"hologram":{"caption":"CARD"}}]}},"stopReason":"end_turn"}`, ""},
	{"anthropic text", claudePath + "invoke", `{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"CARD"}],"stop_reason":"end_turn"}`, ""},
	{"anthropic thinking", claudePath + "invoke", `{"id":"m","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"CARD","signature":"c2ln"},{"type":"text","text":"no"}],"stop_reason":"end_turn"}`, ""},
	{"anthropic tool input", claudePath + "invoke", `{"id":"m","type":"message","role":"assistant","content":[{"type":"tool_use","id":"t","name":"lookup","input":{"a":"CARD"}}],"stop_reason":"tool_use"}`, ""},
	{"anthropic stop sequence", claudePath + "invoke", `{"id":"m","type":"message","role":"assistant","content":[{"type":"text","text":"no"}],"stop_reason":"stop_sequence","stop_sequence":"CARD"}`, ""},
	{"nova", novaPath + "invoke", `{"output":{"message":{"role":"assistant","content":[{"text":"CARD"}]}},"stopReason":"end_turn"}`, ""},
	{"titan", titanPath + "invoke", `{"inputTextTokenCount":1,"results":[{"tokenCount":1,"outputText":"CARD","completionReason":"FINISH"}]}`, ""},
	{"llama", llamaPath + "invoke", `{"generation":"CARD","prompt_token_count":1,"generation_token_count":1,"stop_reason":"stop"}`, ""},
	{"mistral", mistralPath + "invoke", `{"outputs":[{"text":"CARD","stop_reason":"stop"}]}`, ""},
	{"cohere text", commandPath + "invoke", `{"response_id":"r","text":"CARD","generation_id":"g","finish_reason":"COMPLETE"}`, ""},
	{"cohere history", commandPath + "invoke", `{"response_id":"r","text":"no","chat_history":[{"role":"CHATBOT","message":"CARD"}],"finish_reason":"COMPLETE"}`, ""},
	{"chat content", chatPath, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"CARD"},"finish_reason":"stop"}]}`, ""},
	{"chat second choice", chatPath, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"no"},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":"CARD"},"finish_reason":"stop"}]}`, ""},
	{"chat refusal", chatPath, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"CARD"},"finish_reason":"stop"}]}`, ""},
	{"chat reasoning", chatPath, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"no","reasoning_content":"CARD"},"finish_reason":"stop"}]}`, ""},
	{"chat tool arguments", chatPath, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"lookup","arguments":"{\"a\":\"CARD\"}"}}]},"finish_reason":"tool_calls"}]}`, ""},
	{"chat tokens", chatPath, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"no"},"logprobs":{"content":[{"token":"HALF"},{"token":"REST"}]},"finish_reason":"stop"}]}`, ""},
}

// TestACardIsWithheldWhereverAnAnswerHasIt, and the same answer without it is
// passed on, so that nothing else is what withheld it.
func TestACardIsWithheldWhereverAnAnswerHasIt(t *testing.T) {
	t.Parallel()
	in, m := spokenTo(t)
	for _, p := range wholePlaces {
		t.Run(p.name, func(t *testing.T) {
			ask := place{path: p.path, body: question(p.path, false)}
			m.says.Store(&spoken{"application/json", filled(t, p.body, false)})
			a := in.put(t, ask, false)
			if a.Status != http.StatusForbidden || !strings.Contains(a.Body, "payment_card") || strings.Contains(a.Body, "0510 5100") || strings.Contains(a.Body, "5105105105") {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			m.says.Store(&spoken{"application/json", filled(t, p.body, true)})
			if a := in.put(t, ask, true); a.Status != http.StatusOK || a.Body != filled(t, p.body, true) {
				t.Errorf("without it: %d %s", a.Status, a.Body)
			}
		})
	}
	if _, text := in.records(t); strings.Contains(text, "0510 5100") || strings.Contains(text, "5105105105105100") {
		t.Error("the record holds the number")
	}
}

// An answer that is no JSON is read as the text that it may be, and does not
// count as read.
func TestAnAnswerThatIsNoJSONIsNotCalledClean(t *testing.T) {
	t.Parallel()
	in, m := spokenTo(t)
	ask := place{path: novaPath + "converse", body: question(novaPath+"converse", false)}
	for text, want := range map[string]string{sentence: "payment_card", innocuous: "cannot be read (opaque_body)"} {
		m.says.Store(&spoken{"text/plain", "the answer:\n" + text})
		if a := in.put(t, ask, true); a.Status != http.StatusForbidden || !strings.Contains(a.Body, want) {
			t.Errorf("%d %s, want %s", a.Status, a.Body, want)
		}
	}
}

// surface is how a stream says one sentence: what stands before it, the event
// that has a part of it, PART, and what stands behind.
type surface struct {
	name, path     string
	before, behind []string // events: what begins with a word and a blank is a frame of that type
	event          string
}

var surfaces = []surface{
	{"converse text", novaPath + "converse-stream", []string{`messageStart {"role":"assistant"}`}, []string{`contentBlockStop {"contentBlockIndex":0}`, `messageStop {"stopReason":"end_turn"}`},
		`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"PART"}}`},
	{"converse reasoning", novaPath + "converse-stream", []string{`messageStart {"role":"assistant"}`}, []string{`contentBlockStop {"contentBlockIndex":0}`, `messageStop {"stopReason":"end_turn"}`},
		`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"PART"}}}`},
	{"converse tool input", novaPath + "converse-stream", []string{`messageStart {"role":"assistant"}`, `contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"lookup"}}}`}, []string{`contentBlockStop {"contentBlockIndex":1}`, `messageStop {"stopReason":"tool_use"}`},
		`contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":"PART"}}}`},
	{"anthropic text", claudePath + "invoke-with-response-stream", []string{`{"type":"message_start","message":{"id":"m","role":"assistant","content":[]}}`}, []string{`{"type":"content_block_stop","index":0}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, `{"type":"message_stop"}`},
		`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"PART"}}`},
	{"anthropic thinking", claudePath + "invoke-with-response-stream", nil, []string{`{"type":"content_block_stop","index":0}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, `{"type":"message_stop"}`},
		`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"PART"}}`},
	{"anthropic tool input", claudePath + "invoke-with-response-stream", nil, []string{`{"type":"content_block_stop","index":0}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, `{"type":"message_stop"}`},
		`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"PART"}}`},
	{"nova", novaPath + "invoke-with-response-stream", []string{`{"messageStart":{"role":"assistant"}}`}, []string{`{"contentBlockStop":{"contentBlockIndex":0}}`, `{"messageStop":{"stopReason":"end_turn"}}`},
		`{"contentBlockDelta":{"contentBlockIndex":0,"delta":{"text":"PART"}}}`},
	{"titan", titanPath + "invoke-with-response-stream", nil, []string{`{"outputText":"","index":0,"completionReason":"FINISH"}`}, `{"outputText":"PART","index":0,"completionReason":null}`},
	{"llama", llamaPath + "invoke-with-response-stream", nil, []string{`{"generation":"","stop_reason":"stop"}`}, `{"generation":"PART","stop_reason":null}`},
	{"mistral", mistralPath + "invoke-with-response-stream", nil, []string{`{"outputs":[{"text":"","stop_reason":"stop"}]}`}, `{"outputs":[{"text":"PART","stop_reason":null}]}`},
	{"cohere", commandPath + "invoke-with-response-stream", nil, []string{`{"event_type":"stream-end","finish_reason":"COMPLETE","is_finished":true}`}, `{"event_type":"text-generation","text":"PART","is_finished":false}`},
	{"an event nobody knows", novaPath + "invoke-with-response-stream", nil, []string{`{"messageStop":{"stopReason":"end_turn"}}`}, `{"hologramDelta":{"caption":"PART"}}`},
	{"chat content", chatPath, nil, []string{`{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`}, `{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":0,"delta":{"content":"PART"},"finish_reason":null}]}`},
	{"chat second choice", chatPath, nil, []string{`{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`}, `{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":0,"delta":{"content":"and "}},{"index":1,"delta":{"content":"PART"}}]}`},
	{"chat reasoning", chatPath, nil, []string{`{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`}, `{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":0,"delta":{"reasoning_content":"PART"}}]}`},
	{"chat tool arguments", chatPath, nil, []string{`{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`}, `{"id":"chatcmpl-52f90d77a1c84be6b0e3d5f1a9c2e684","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"PART"}}]}}]}`},
}

// streamed is the body of a stream that says text so many bytes at a time.
func (s *surface) streamed(text string, size int) spoken {
	events := append([]string(nil), s.before...)
	for i := 0; i < len(text); i += size {
		events = append(events, strings.ReplaceAll(s.event, "PART", text[i:min(i+size, len(text))]))
	}
	var body []byte
	for _, e := range append(events, s.behind...) {
		switch name, payload, _ := strings.Cut(e, " "); {
		case s.path == chatPath:
			body = append(body, "data: "+e+"\n\n"...)
		case !strings.HasPrefix(e, "{"):
			body = bedrock.AppendEvent(body, name, []byte(payload))
		default:
			body = bedrock.AppendEvent(body, "chunk", []byte(`{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(e))+`"}`))
		}
	}
	if s.path == chatPath {
		return spoken{"text/event-stream", string(body) + "data: [DONE]\n\n"}
	}
	return spoken{"application/vnd.amazon.eventstream", string(body)}
}

// heard is the text that a client has of a stream, with the name and message of
// the error that ended it.
func (s *surface) heard(t *testing.T, body string) (text, failed string) {
	t.Helper()
	head, tail, _ := strings.Cut(s.event, "PART")
	if _, payload, framed := strings.Cut(s.event, " "); framed && s.path != chatPath && !strings.HasPrefix(s.event, "{") {
		head, tail, _ = strings.Cut(payload, "PART")
	}
	take := func(event string) {
		if rest, ok := strings.CutPrefix(event, head); ok && strings.HasSuffix(rest, tail) {
			text += strings.TrimSuffix(rest, tail)
		}
	}
	if s.path == chatPath {
		for e := range strings.SplitSeq(body, "\n\n") {
			e = strings.TrimPrefix(e, "data: ")
			if take(e); strings.HasPrefix(e, `{"error"`) {
				failed = e
			}
		}
		return text, failed
	}
	for frames := bedrock.NewFrameReader(strings.NewReader(body)); ; {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return text, failed
		}
		if err != nil {
			t.Fatal(err)
		}
		var chunk struct{ Bytes []byte }
		switch err := json.Unmarshal(f.Payload, &chunk); {
		case f.Message == "exception":
			failed += f.Type + " " + string(f.Payload)
		case err == nil && chunk.Bytes != nil:
			take(string(chunk.Bytes))
		default:
			take(string(f.Payload))
		}
	}
}

// TestS23_ACardIsCutOutOfEveryStream: bypasses of guardrails on streams had the
// number parted by chunks, or in the arguments of tools. What stands before the
// number arrived, nothing of it did, the end is an error that names the class,
// and an innocent stream arrives as it is.
func TestS23_ACardIsCutOutOfEveryStream(t *testing.T) {
	t.Parallel()
	in, m := spokenTo(t)
	for _, s := range surfaces {
		t.Run(s.name, func(t *testing.T) {
			ask := place{path: s.path, body: question(s.path, true)}
			for _, size := range []int{1, 7, len(sentence)} {
				said := s.streamed(sentence, size)
				m.says.Store(&said)
				a := in.put(t, ask, true)
				text, failed := s.heard(t, a.Body)
				if a.Status != http.StatusOK || !strings.Contains(failed, "payment_card") || strings.ContainsAny(text, "0123456789") || !strings.HasPrefix(sentence, text) {
					t.Errorf("%d at a time: %d, heard %q, then %q", size, a.Status, text, failed)
				}
				if size == 1 && len(text) == 0 {
					t.Errorf("%d at a time: nothing arrived", size)
				}
				said = s.streamed(innocuous, size)
				m.says.Store(&said)
				if a := in.put(t, ask, true); a.Body != said.body {
					t.Errorf("%d at a time: an innocent answer became %q", size, a.Body)
				}
			}
		})
	}
}
