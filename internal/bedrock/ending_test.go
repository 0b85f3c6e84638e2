package bedrock

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var refusal = Error{Type: AccessDeniedException, Message: "the answer was stopped"}

// saidAtTheEnd is what a stream of frames says, one event a line; of chunks
// the provider's event.
func saidAtTheEnd(t *testing.T, stream []byte) string {
	t.Helper()
	frames, _ := readFrames(bytes.NewReader(stream))
	var b strings.Builder
	for _, f := range frames {
		byAWS(t, f.Raw)
		payload := f.Payload
		if f.Type == "chunk" {
			var chunk struct{ Bytes []byte }
			if err := json.Unmarshal(payload, &chunk); err != nil {
				t.Fatal(err)
			}
			payload = chunk.Bytes
		}
		b.WriteString(f.Type + " " + string(payload) + "\n")
	}
	return b.String()
}

const anException = `modelStreamErrorException {"message":"the answer was stopped","originalStatusCode":403,"originalMessage":"the answer was stopped"}` + "\n"

// TestS23_StreamsEndAsTheirModelWouldEndThem: a native end closes what is open,
// and says that a filter made it.
func TestS23_StreamsEndAsTheirModelWouldEndThem(t *testing.T) {
	for name, c := range map[string]struct {
		op     Operation
		before []string // "event payload"
		want   string
	}{
		"converse": {ConverseStream, []string{`messageStart {"role":"assistant"}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"a"}}`, `contentBlockStop {"contentBlockIndex":0}`, `contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"name":"f"}}}`},
			`contentBlockStop {"contentBlockIndex":1}` + "\n" + `messageStop {"stopReason":"content_filtered"}` + "\n"},
		"anthropic": {invokeStream, []string{`chunk {"type":"message_start","message":{"role":"assistant","content":[]}}`, `chunk {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`},
			`chunk {"type":"content_block_stop","index":0}` + "\n" + `chunk {"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null},"usage":{"output_tokens":0}}` + "\n" + `chunk {"type":"message_stop"}` + "\n"},
		"nova": {invokeStream, []string{`chunk {"messageStart":{"role":"assistant"}}`, `chunk {"contentBlockDelta":{"delta":{"text":"a"},"contentBlockIndex":0}}`},
			`chunk {"contentBlockStop":{"contentBlockIndex":0}}` + "\n" + `chunk {"messageStop":{"stopReason":"content_filtered"}}` + "\n"},
		"titan":          {invokeStream, []string{`chunk {"index":0,"outputText":"a","completionReason":null}`}, `chunk {"outputText":"","index":0,"completionReason":"CONTENT_FILTERED"}` + "\n"},
		"llama has none": {invokeStream, []string{`chunk {"generation":"a","stop_reason":null}`}, anException},
		"nothing passed": {ConverseStream, nil, anException},
	} {
		t.Run(name, func(t *testing.T) {
			e := NewEnding(c.op)
			for _, b := range c.before {
				event, payload, _ := strings.Cut(b, " ")
				if event == "chunk" {
					payload = chunkOf(payload)
				}
				e.PassFrame(frameOf(t, event, payload))
			}
			if d := cmp.Diff(c.want, saidAtTheEnd(t, e.Append(nil, EndNative, refusal))); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(anException, saidAtTheEnd(t, e.Append(nil, EndException, refusal))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestS23_ChatCompletionsEndForEachChoice(t *testing.T) {
	e := NewEnding(chatStream)
	for _, data := range []string{
		`{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`,
		`{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":1,"delta":{"content":"a"}}]}`,
		`{"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
	} {
		e.PassEvent(eventOf(t, "data: "+data+"\n\n"))
	}
	want := `data: {"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":1,"delta":{},"finish_reason":"content_filter"}]}` + "\n\ndata: [DONE]\n\n"
	if d := cmp.Diff(want, string(e.Append(nil, EndNative, refusal))); d != "" {
		t.Error(d)
	}
	if got := string(NewEnding(chatStream).Append(nil, EndNative, refusal)); got != string(AppendErrorEvent(nil, refusal)) {
		t.Errorf("nothing passed: %s", got)
	}
	if got := string(e.Append([]byte("x"), EndException, refusal)); got != "x"+string(AppendErrorEvent(nil, refusal)) {
		t.Errorf("got %s", got)
	}
}

// TestAnEndingIsBounded: a stream that opens blocks without end costs no memory
// without end.
func TestAnEndingIsBounded(t *testing.T) {
	e := NewEnding(ConverseStream)
	e.PassFrame(frameOf(t, "messageStart", `{"role":"assistant"}`))
	for i := range 10 * maxListed {
		e.PassFrame(frameOf(t, "contentBlockDelta", `{"contentBlockIndex":`+strconv.Itoa(i)+`,"delta":{"text":"a"}}`))
	}
	if len(e.open) > maxListed {
		t.Errorf("%d blocks kept", len(e.open))
	}
}
