package bedrock

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// readEvents copies every event out of src.
func readEvents(src io.Reader) (events []Event, err error) {
	r := NewEventReader(src)
	for {
		e, err := r.Next()
		if err != nil {
			return events, err
		}
		e.Raw, e.Data = bytes.Clone(e.Raw), bytes.Clone(e.Data)
		events = append(events, e)
	}
}

func TestEventReader(t *testing.T) {
	for stream, want := range map[string][]string{
		"data: {\"a\":1}\n\ndata: [DONE]\n\n":           {`{"a":1}`, "[DONE]"},
		"data:x\r\n\r\ndata: y\n\n":                     {"x", "y"},
		": keep-alive\n\ndata: x\n\n":                   {"", "x"},
		"event: error\nid: 1\ndata: x\n\n":              {"x"},
		"data: a\ndata: b\r\ndata\n\n":                  {"a\nb\n"},
		"\n\ndata:  two blanks\n\n":                     {"", "", " two blanks"},
		"datax: no\nDATA: no\n\n":                       {""},
		"":                                              nil,
		"data: " + strings.Repeat("x", 20_000) + "\n\n": {strings.Repeat("x", 20_000)},
	} {
		for name, src := range map[string]io.Reader{
			"whole":          strings.NewReader(stream),
			"byte by byte":   iotest.OneByteReader(strings.NewReader(stream)),
			"with last data": iotest.DataErrReader(strings.NewReader(stream)),
		} {
			events, err := readEvents(src)
			var got []string
			var raw []byte
			for _, e := range events {
				got, raw = append(got, string(e.Data)), append(raw, e.Raw...)
			}
			if d := cmp.Diff(want, got); err != io.EOF || d != "" || string(raw) != stream {
				t.Errorf("%.60q %s: %v %s", stream, name, err, d)
			}
		}
	}
}

func TestEventReaderRefuses(t *testing.T) {
	for stream, want := range map[string]error{
		"data: x\n":                              io.ErrUnexpectedEOF,
		"data: x":                                io.ErrUnexpectedEOF,
		"data: x\n\ndata: y\r":                   io.ErrUnexpectedEOF,
		"data: x\rdata: y\n\n":                   ErrBadFrame,
		"data: x\r\r\n\n":                        ErrBadFrame,
		"data: x\r\r":                            io.ErrUnexpectedEOF,
		"data: " + strings.Repeat("x", maxFrame): ErrBadFrame,
	} {
		if _, err := readEvents(strings.NewReader(stream)); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", stream, err, want)
		}
	}
	failing := errors.New("gone")
	if _, err := readEvents(iotest.ErrReader(failing)); !errors.Is(err, failing) {
		t.Errorf("got %v", err)
	}
}

// TestEventsDoNotDependOnArrival: however a stream is cut up on its way, the
// events and their bytes are the same, and Ready tells of whole events only.
func TestEventsDoNotDependOnArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.SampledFrom([]string{"data: a\n", "data: b\r\n", "\n", "\r\n", ": c\n", "data\n", "data: [DONE]\n"})).Draw(t, "lines")
		stream := strings.Join(lines, "")
		want, wantErr := readEvents(strings.NewReader(stream))
		got, err := readEvents(&pieceReader{rest: stream, draw: func(most int) int { return rapid.IntRange(1, most).Draw(t, "piece") }})
		if d := cmp.Diff(want, got); d != "" || errors.Is(err, io.EOF) != errors.Is(wantErr, io.EOF) {
			t.Fatalf("%q: %v, %v %s", stream, err, wantErr, d)
		}
		if !strings.HasSuffix(stream, "\n\n") && !strings.HasSuffix(stream, "\n\r\n") && len(lines) > 1 && errors.Is(err, io.EOF) {
			t.Fatalf("%q: the end of an event is missing, and it was not missed", stream)
		}
	})
}

type pieceReader struct {
	rest string
	draw func(int) int
}

func (p *pieceReader) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:p.draw(len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

func TestEventReaderIsReadyForWholeEvents(t *testing.T) {
	r := NewEventReader(strings.NewReader("data: a\n\ndata: b\n\ndata: c\n"))
	for _, want := range []bool{true, false} {
		if _, err := r.Next(); err != nil || r.Ready() != want {
			t.Errorf("ready %v, %v; want %v", r.Ready(), err, want)
		}
	}
}

func collectEvents(t *testing.T, datas ...string) (Answer, error) {
	t.Helper()
	c := NewEventCollector()
	var all error
	for _, d := range datas {
		all = errors.Join(all, c.Add(Event{Data: []byte(d)}))
	}
	return c.Answer(), all
}

func TestEventCollector(t *testing.T) {
	first := `{"choices":[{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":0,"function":{"name":"lookup","arguments":""}}]},"finish_reason":null}],"usage":null}`
	more := `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},"finish_reason":null}]}`
	stop := `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`
	usage := `{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}}`
	got, err := collectEvents(t, first, more, stop, usage, "[DONE]")
	want := Answer{
		Usage:      Usage{Tokens: Tokens{Input: 6, Output: 3, CacheRead: 4}, Known: true, Source: "stream"},
		StopReason: "tool_calls", ToolUses: []string{"lookup"}, Final: true,
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
}

func TestS22_ChatUsageIsUnknownUnlessTold(t *testing.T) {
	stop := `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	usage := `{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3}}`
	for name, datas := range map[string][]string{
		"never told":       {stop, "[DONE]"},
		"null":             {stop, `{"choices":[],"usage":null}`, "[DONE]"},
		"half of it":       {stop, `{"usage":{"prompt_tokens":10}}`, "[DONE]"},
		"before it broke":  {usage},
		"not a count":      {stop, `{"usage":{"prompt_tokens":"10","completion_tokens":3}}`, "[DONE]"},
		"more than can be": {stop, `{"usage":{"prompt_tokens":10,"completion_tokens":99999999999}}`, "[DONE]"},
		"beside garbage":   {stop, usage, `{"choices":[`, "[DONE]"},
	} {
		if got, _ := collectEvents(t, datas...); got.Usage.Known || got.Usage.Tokens != (Tokens{}) {
			t.Errorf("%s: %+v", name, got.Usage)
		}
	}
	if got, _ := collectEvents(t, `{"error":{"message":"m","type":"server_error","code":"InternalServerException"}}`); got.Exception != "InternalServerException" {
		t.Errorf("got %+v", got)
	}
}

// FuzzEventReader holds that every byte before an error comes out again, once
// and in order, in events that each end in an empty line.
func FuzzEventReader(f *testing.F) {
	for _, s := range []string{"data: {}\n\ndata: [DONE]\n\n", "data: a\r\n\r\n", ":\n\n", "data\ndata: x\n\n", "a\rb\n\n", "\r\n\r", "\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		events, err := readEvents(iotest.HalfReader(bytes.NewReader(stream)))
		var raw []byte
		c := NewEventCollector()
		for _, e := range events {
			raw = append(raw, e.Raw...)
			if !bytes.HasSuffix(e.Raw, []byte("\n")) || len(e.Data) > len(e.Raw) {
				t.Fatalf("event %q with data %q", e.Raw, e.Data)
			}
			_ = c.Add(e) // must not panic
		}
		if !bytes.HasPrefix(stream, raw) || err == io.EOF && len(raw) != len(stream) {
			t.Fatalf("%q came out as %q, %v", stream, raw, err)
		}
		if u := c.Answer().Usage; !u.Known && u.Tokens != (Tokens{}) {
			t.Fatalf("unknown usage of %+v", u)
		}
	})
}
