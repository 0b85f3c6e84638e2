package compat

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/writ-project/writ/internal/bedrock"
)

// ending is a way in which a gateway can end a stream whose right has ended.
type ending struct {
	name   string
	title  string // in docs/clients.md
	frames func(native bool) []eventstream.Message
	broken bool // then the connection breaks off
}

const endedMessage = "cut: the right behind this call has ended"

// endings are what Writ could send; models are named after them.
var endings = []ending{
	{name: "modelStreamErrorException", title: "`modelStreamErrorException` with status 403", frames: exception("modelStreamErrorException", `,"originalStatusCode":403`)},
	{name: "accessDeniedException", title: "`accessDeniedException`", frames: exception("accessDeniedException", "")},
	{name: "validationException", title: "`validationException`", frames: exception("validationException", "")},
	{name: "error", title: "a frame of type `error`", frames: func(bool) []eventstream.Message {
		return []eventstream.Message{message("error", "error-code", "AccessDeniedException", "", ":error-message", endedMessage)}
	}},
	{name: "content-filtered", title: "the model's own end, content filtered", frames: nativeEnd},
	{name: "broken-off", title: "the connection breaks off", frames: func(bool) []eventstream.Message { return nil }, broken: true},
	{name: "throttlingException", title: "`throttlingException`", frames: exception("throttlingException", "")},
	{name: "serviceUnavailableException", title: "`serviceUnavailableException`", frames: exception("serviceUnavailableException", "")},
}

func exception(name, more string) func(bool) []eventstream.Message {
	return func(bool) []eventstream.Message {
		return []eventstream.Message{message("exception", "exception-type", name, `{"message":"`+endedMessage+`"`+more+`}`)}
	}
}

// nativeEnd is how a model ends an answer that its provider's filter stopped.
func nativeEnd(native bool) []eventstream.Message {
	if native {
		return []eventstream.Message{
			chunk(`{"type":"content_block_stop","index":0}`),
			chunk(`{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null},"usage":{"output_tokens":2}}`),
			chunk(`{"type":"message_stop"}`),
		}
	}
	return []eventstream.Message{
		message("event", "event-type", "contentBlockStop", `{"contentBlockIndex":0}`),
		message("event", "event-type", "messageStop", `{"stopReason":"content_filtered"}`),
		message("event", "event-type", "metadata", `{"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5},"metrics":{"latencyMs":1}}`),
	}
}

func message(kind, header, name, payload string, more ...string) eventstream.Message {
	var m eventstream.Message
	m.Headers.Set(":"+header, eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	for i := 0; i+1 < len(more); i += 2 {
		m.Headers.Set(more[i], eventstream.StringValue(more[i+1]))
	}
	m.Payload = []byte(payload)
	return m
}

func chunk(event string) eventstream.Message {
	payload, err := json.Marshal(map[string][]byte{"bytes": []byte(event)})
	if err != nil {
		panic(err)
	}
	return message("event", "event-type", "chunk", string(payload))
}

// begun is the part of the answer that arrived before the end.
func begun(native bool) []eventstream.Message {
	if native {
		return []eventstream.Message{
			chunk(`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],` +
				`"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}`),
			chunk(`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`),
			chunk(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Half"}}`),
		}
	}
	return []eventstream.Message{
		message("event", "event-type", "messageStart", `{"role":"assistant"}`),
		message("event", "event-type", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Half"}}`),
	}
}

// ender is an upstream whose streams end as the model says, and counts calls.
type ender struct {
	mu    sync.Mutex
	calls map[string]int
}

func (e *ender) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	if parts[1] == "openai" {
		e.chat(w, r)
		return
	}
	model, native := parts[2], parts[3] != "converse-stream"
	e.count(model)
	for _, way := range endings {
		if way.name != model {
			continue
		}
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		var b bytes.Buffer
		for _, m := range append(begun(native), way.frames(native)...) {
			if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
				panic(err)
			}
		}
		w.Write(b.Bytes())
		http.NewResponseController(w).Flush()
		if way.broken {
			panic(http.ErrAbortHandler)
		}
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

func (e *ender) count(model string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls[model]++
}

// chat ends a stream of OpenAI's kind, which knows three of the ways.
func (e *ender) chat(w http.ResponseWriter, r *http.Request) {
	var body struct{ Model string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	e.count(body.Model)
	const head = `data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":`
	w.Header().Set("Content-Type", "text/event-stream")
	io.WriteString(w, head+`{"role":"assistant","content":"Half"},"finish_reason":null}]}`+"\n\n")
	switch body.Model {
	case "modelStreamErrorException":
		w.Write(bedrock.AppendErrorEvent(nil, bedrock.Error{Type: bedrock.AccessDeniedException, Message: endedMessage}))
	case "content-filtered":
		io.WriteString(w, head+`{},"finish_reason":"content_filter"}]}`+"\n\ndata: [DONE]\n\n")
	default:
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// seen is what a caller notices of how a stream ended.
func (s step) seen() string {
	switch {
	case s.Class != "":
		return "`" + strings.TrimPrefix(s.Class, "*") + "`"
	case s.StopReason != "":
		return "ends with `" + s.StopReason + "`"
	}
	return "nothing"
}

// shown is what each client makes of the endings, in their order.
var shown = map[string][]string{
	"go": {"`types.ModelStreamErrorException`", "`smithy.GenericAPIError`", "`types.ValidationException`", "`smithy.GenericAPIError`",
		"ends with `content_filtered`", "nothing", "`types.ThrottlingException`", "`types.ServiceUnavailableException`"},
	"js": {"`ModelStreamErrorException`", "`Error`", "`ValidationException`", "`Error`",
		"ends with `content_filtered`", "`Error`", "`ThrottlingException`", "`ServiceUnavailableException`"},
	python: {"`EventStreamError`", "`EventStreamError`", "`EventStreamError`", "`EventStreamError`",
		"ends with `content_filtered`", "`ProtocolError`", "`EventStreamError`", "`EventStreamError`"},
	"anthropic": {"`APIError`", "`APIError`", "`APIError`", "`APIError`",
		"ends with `refusal`", "`AnthropicError`", "`APIError`", "`APIError`"},
	"ai": {"`StreamProviderError`", "ends with `other`", "`StreamProviderError`", "ends with `other`",
		"ends with `content-filter`", "`TypeError`", "`StreamProviderError`", "`StreamProviderError`"},
	"langchain": {"`ModelStreamErrorException`", "`Error`", "`ValidationException`", "`Error`",
		"ends with `content_filtered`", "`Error`", "`ThrottlingException`", "`ServiceUnavailableException`"},
	"openai": {"`APIError`", "–", "–", "–", "ends with `content_filter`", "`TypeError`", "–", "–"},
	"curl": {"`modelStreamErrorException`", "`accessDeniedException`", "`validationException`", "`AccessDeniedException`",
		"ends with `content_filtered`", "`exit status 18`", "`throttlingException`", "`serviceUnavailableException`"},
}

// TestS23_HowClientsShowTheEnd finds what each client makes of every way to end
// a stream that is cut. None calls again, though it may. Writ sends the first:
// the only one that every client shows as an error of the service, with its
// message.
func TestS23_HowClientsShowTheEnd(t *testing.T) {
	for _, c := range present(t) {
		if shown[c.name] == nil {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			e := &ender{calls: map[string]int{}}
			var models, want []string
			for i, way := range endings {
				if shown[c.name][i] != "–" {
					models, want = append(models, way.name), append(want, shown[c.name][i])
				}
			}
			env := append(at(overHTTP(t, e), models...), "AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=B", "AWS_SESSION_TOKEN=C", "OPENAI_API_KEY=D", "AWS_MAX_ATTEMPTS=3")
			got := c.run(t, "stream", env, nil)
			if len(got) != len(want) {
				t.Fatalf("got %d steps, want %d: %+v", len(got), len(want), got)
			}
			for i, s := range got {
				if s.seen() != want[i] || s.Text != "Half" {
					t.Errorf("%s: got %+v, want %q and then %s", models[i], s, "Half", want[i])
				}
				if n := e.calls[models[i]]; n != 1 {
					t.Errorf("%s: called %d times", models[i], n)
				}
				if models[i] == "modelStreamErrorException" && !strings.Contains(s.Message, endedMessage) {
					t.Errorf("the message does not show: %+v", s)
				}
			}
		})
	}
}

// overHTTP serves HTTP/1.1 and HTTP/2 on one plain port.
func overHTTP(t *testing.T, h http.Handler) string {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}
