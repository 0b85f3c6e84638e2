package bedrock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frameOf makes a frame as it is read from a stream.
func frameOf(t interface{ Fatal(...any) }, event, payload string) Frame {
	f, err := NewFrameReader(bytes.NewReader(AppendEvent(nil, event, []byte(payload)))).Next()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// chunkOf is a chunk's payload with a provider's event inside, padded.
func chunkOf(event string) string {
	return `{"bytes":"` + inBase64(event) + `","p":"abcdefghijklm"}`
}

// eventOf makes a server-sent event as it is read from a stream.
func eventOf(t interface{ Fatal(...any) }, raw string) Event {
	e, err := NewEventReader(strings.NewReader(raw)).Next()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// described writes pieces down, one a line, and then what ends.
func described(p Pieces) string {
	var b strings.Builder
	for _, piece := range p.List {
		whole := ""
		if piece.Whole {
			whole = " whole"
		}
		fmt.Fprintf(&b, "%s %s%s = %s\n", piece.Kind, piece.Channel, whole, piece.Value)
	}
	for _, c := range p.Closed {
		fmt.Fprintf(&b, "ends %s\n", c)
	}
	return b.String()
}

// TestEveryPieceOfAStreamIsListed: a table of the events that streams have.
func TestEveryPieceOfAStreamIsListed(t *testing.T) {
	for _, c := range streamEvents {
		t.Run(c.name, func(t *testing.T) {
			var p Pieces
			var err error
			switch c.op {
			case ConverseStream:
				p, err = FramePieces(c.op, frameOf(t, c.event, c.json))
			case InvokeModelWithResponseStream:
				p, err = FramePieces(c.op, frameOf(t, "chunk", chunkOf(c.json)))
			default:
				p, err = EventPieces(eventOf(t, "data: "+c.json+"\n\n"))
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, described(p)); d != "" {
				t.Error(d)
			}
			checkPieces(t, p)
		})
	}
}

// checkPieces holds that every piece is where it says.
func checkPieces(t interface{ Fatalf(string, ...any) }, p Pieces) {
	for _, piece := range p.List {
		if piece.End == 0 {
			continue
		}
		raw := p.JSON[piece.Start:piece.End]
		var s string
		if piece.Kind != Number && json.Unmarshal(raw, &s) != nil || piece.Kind == Number && !bytes.Equal(raw, piece.Value) {
			t.Fatalf("%s: %q is no text", piece.Channel, raw)
		}
		if piece.Kind != Number && !strings.HasSuffix(s, string(piece.Value)) {
			t.Fatalf("%s: %q is not %q", piece.Channel, s, piece.Value)
		}
	}
}

const (
	invokeStream = InvokeModelWithResponseStream
	chatStream   = ChatCompletionsStream
)

var streamEvents = []struct {
	name  string
	op    Operation
	event string
	json  string
	want  string
}{
	{"converse start", ConverseStream, "messageStart", `{"role":"assistant","p":"abc"}`, ""},
	{"converse text", ConverseStream, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"H\u0069"},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123"}`, "prose 0.text = Hi\n"},
	{"converse text, index last", ConverseStream, "contentBlockDelta", `{"delta":{"text":"Hi"},"contentBlockIndex":12}`, "prose 12.text = Hi\n"},
	{"converse reasoning", ConverseStream, "contentBlockDelta", `{"contentBlockIndex":1,"delta":{"reasoningContent":{"text":"hm"}}}`, "prose 1.reasoningContent.text = hm\n"},
	{"converse signature", ConverseStream, "contentBlockDelta", `{"contentBlockIndex":1,"delta":{"reasoningContent":{"signature":"c2ln"}}}`, "opaque 1.reasoningContent.signature = c2ln\n"},
	{"converse tool", ConverseStream, "contentBlockStart", `{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}`, "prose 1.toolUse.name whole = f\n"},
	{"converse input", ConverseStream, "contentBlockDelta", `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"a\":"}}}`, "data 1.toolUse.input = {\"a\":\n"},
	{"converse citation", ConverseStream, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"citation":{"title":"T","sourceContent":[{"text":"s"}]}}}`, "prose 0.citation.title whole = T\nprose 0.citation.sourceContent.0.text = s\n"},
	{"converse image", ConverseStream, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":"QUJD"}}}}`, "bytes 0.image.source.bytes = QUJD\n"},
	{"converse block's end", ConverseStream, "contentBlockStop", `{"contentBlockIndex":1}`, "ends 1.\n"},
	{"converse end", ConverseStream, "messageStop", `{"stopReason":"end_turn"}`, "ends \n"},
	{"converse metadata", ConverseStream, "metadata", `{"usage":{"inputTokens":10000000},"metrics":{"latencyMs":100}}`, ""},
	{"converse, unknown", ConverseStream, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"novel":"x"}}`, "name 0.\"name novel\" whole = novel\nprose 0.novel = x\n"},
	{"padding that is none", ConverseStream, "messageStart", `{"role":"assistant","p":"078-05-1120"}`, "prose p whole = 078-05-1120\n"},

	{"anthropic start", invokeStream, "", `{"type":"message_start","message":{"id":"msg_a","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":1}}}`, ""},
	{"anthropic block", invokeStream, "", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, "prose 0.text = \n"},
	{"anthropic text", invokeStream, "", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}`, "prose 0.text = Hi\n"},
	{"anthropic thinking", invokeStream, "", `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`, "prose 0.thinking = hm\n"},
	{"anthropic input", invokeStream, "", `{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}`, "data 1.partial_json = {\"a\n"},
	{"anthropic tool", invokeStream, "", `{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`, "prose 1.name whole = f\n"},
	{"anthropic block's end", invokeStream, "", `{"type":"content_block_stop","index":1}`, "ends 1.\n"},
	{"anthropic reason", invokeStream, "", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}`, "ends \n"},
	{"anthropic end", invokeStream, "", `{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":10}}`, "ends \n"},
	{"nova text", invokeStream, "", `{"contentBlockDelta":{"delta":{"text":"Hi"},"contentBlockIndex":2}}`, "prose 2.text = Hi\n"},
	{"nova block's end", invokeStream, "", `{"contentBlockStop":{"contentBlockIndex":2}}`, "ends 2.\n"},
	{"nova end", invokeStream, "", `{"messageStop":{"stopReason":"end_turn"}}`, "ends \n"},
	{"titan", invokeStream, "", `{"index":0,"outputText":"Hi","completionReason":null}`, "prose 0.outputText = Hi\n"},
	{"titan end", invokeStream, "", `{"index":0,"outputText":"!","completionReason":"FINISH"}`, "prose 0.outputText = !\nends 0.\n"},
	{"llama", invokeStream, "", `{"generation":"Hi","stop_reason":null}`, "prose generation = Hi\n"},
	{"llama end", invokeStream, "", `{"generation":"","stop_reason":"stop"}`, "prose generation = \nends \n"},
	{"mistral", invokeStream, "", `{"outputs":[{"text":"Hi","stop_reason":null}]}`, "prose outputs.0.text = Hi\n"},
	{"mistral end", invokeStream, "", `{"outputs":[{"text":"","stop_reason":"stop"}]}`, "prose outputs.0.text = \nends outputs.0.\n"},
	{"cohere", invokeStream, "", `{"is_finished":false,"event_type":"text-generation","text":"Hi"}`, "prose text = Hi\n"},

	{"openai role", chatStream, "", `{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`, "prose choices.0.content = \n"},
	{"openai text", chatStream, "", `{"choices":[{"index":1,"delta":{"content":"Hi"}}]}`, "prose choices.1.content = Hi\n"},
	{"openai tool", chatStream, "", `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"f","arguments":"{\"a"}}]}}]}`,
		"prose choices.0.tool_calls.1.function.name whole = f\ndata choices.0.tool_calls.1.function.arguments = {\"a\n"},
	{"openai end", chatStream, "", `{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`, "ends choices.1.\n"},
	{"openai done", chatStream, "", `[DONE]`, "ends \n"},
}

// TestAnExceptionsMessageIsAPiece: what an exception says is text like any other.
func TestAnExceptionsMessageIsAPiece(t *testing.T) {
	f, err := NewFrameReader(bytes.NewReader(AppendException(nil, ConverseStream, Error{Type: AccessDeniedException, Message: "of 078-05-1120"}))).Next()
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []Operation{ConverseStream, invokeStream} {
		p, err := FramePieces(op, f)
		if err != nil || !strings.HasPrefix(described(p), "prose message whole = of 078-05-1120\n") || p.Closed[0] != "" {
			t.Errorf("%s: %s, %v", op, described(p), err)
		}
	}
}

// TestUnreadableFramesAreErrors: nothing that was not read passes for empty.
func TestUnreadableFramesAreErrors(t *testing.T) {
	for _, payload := range []string{`{"bytes":"e30`, `{"bytes":"?"}`, `{"p":"abc"}`, `[]`, `{"bytes":1}`, `{"bytes":"aGk="}`, `{"bytes":""}`, `{"a":{"bytes":"e30="}}`, `no`} {
		if p, err := FramePieces(invokeStream, frameOf(t, "chunk", payload)); err == nil {
			t.Errorf("%s: %+v", payload, p)
		}
	}
	if p, err := EventPieces(eventOf(t, "data: {\n\n")); err == nil {
		t.Errorf("%+v", p)
	}
	if p, err := EventPieces(eventOf(t, ": keep-alive\n\n")); err != nil || p.List != nil {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestWhatIsBesideTheChunkIsListed: AWS's own envelope is no place to hide in.
func TestWhatIsBesideTheChunkIsListed(t *testing.T) {
	p, err := FramePieces(invokeStream, frameOf(t, "chunk", `{"bytes":"`+inBase64(`{"generation":"Hi"}`)+`","note":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := "prose generation = Hi\nname \"name note\" whole = note\nprose note whole = x\n"; described(p) != want || p.List[2].Spliceable() {
		t.Errorf("got %s", described(p))
	}
}

// TestChannelsAreBounded: names without end make no channels without end.
func TestChannelsAreBounded(t *testing.T) {
	long := strings.Repeat("ü", 1000)
	p, err := FramePieces(ConverseStream, frameOf(t, "contentBlockDelta", strings.Repeat(`{"`+long+`":`, 100)+`["a","b"]`+strings.Repeat("}", 100)))
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range p.List {
		if len(piece.Channel) > maxChannel {
			t.Fatalf("a channel of %d bytes", len(piece.Channel))
		}
	}
}

func FuzzFramePieces(f *testing.F) {
	for _, c := range streamEvents {
		f.Add(c.event, c.json)
		f.Add("chunk", chunkOf(c.json))
	}
	f.Fuzz(func(t *testing.T, event, payload string) {
		if event == "" || len(event) > 60_000 {
			return
		}
		frame := frameOf(t, event, payload)
		for _, op := range []Operation{ConverseStream, invokeStream} {
			p, err := FramePieces(op, frame)
			if err != nil {
				continue
			}
			checkPieces(t, p)
			out, err := RewriteFrame(op, frame, unchanged(p))
			if err != nil {
				t.Fatalf("%s %q: %v", op, payload, err)
			}
			again, err := NewFrameReader(bytes.NewReader(out)).Next()
			if err != nil {
				t.Fatal(err)
			}
			q, err := FramePieces(op, again)
			if err != nil || described(p) != described(q) {
				t.Fatalf("%s %q became %q, %v", op, payload, again.Payload, err)
			}
			NewEnding(op).PassFrame(frame)
		}
	})
}

// unchanged are edits that put the same text in every text's place.
func unchanged(p Pieces) []Edit {
	var edits []Edit
	for i := range p.List {
		if piece := &p.List[i]; piece.Spliceable() && piece.Kind != Bytes {
			edits = append(edits, Edit{piece.Start, piece.End, piece.Value})
		}
	}
	return edits
}

func FuzzEventPieces(f *testing.F) {
	for _, c := range streamEvents {
		f.Add("id: 1\ndata: " + c.json + "\n\n")
	}
	f.Add("data: {\"a\":\r\ndata: \"b\"}\r\n\r\n")
	f.Fuzz(func(t *testing.T, stream string) {
		e, err := NewEventReader(strings.NewReader(stream)).Next()
		if err != nil {
			return
		}
		NewEnding(chatStream).PassEvent(e)
		p, err := EventPieces(e)
		if err != nil {
			return
		}
		checkPieces(t, p)
		out, err := RewriteEvent(e, unchanged(p))
		if err != nil {
			t.Fatalf("%q: %v", stream, err)
		}
		again, err := NewEventReader(bytes.NewReader(out)).Next()
		if err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		q, err := EventPieces(again)
		if err != nil || described(p) != described(q) || len(again.Raw) != len(out) {
			t.Fatalf("%q became %q, %v", stream, out, err)
		}
	})
}

func BenchmarkFramePieces(b *testing.B) {
	for _, c := range streamEvents {
		if c.name != "converse text" && c.name != "anthropic text" {
			continue
		}
		op, event, payload := c.op, c.event, c.json
		if op == invokeStream {
			event, payload = "chunk", chunkOf(c.json)
		}
		frame := frameOf(b, event, payload)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := FramePieces(op, frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
