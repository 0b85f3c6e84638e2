package bedrock

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

// saidIn is the text of an answer's pieces, in order.
func saidIn(t *testing.T, op Operation, body []byte) string {
	t.Helper()
	var b strings.Builder
	if !op.Streams() {
		texts, err := ReadAnswerTexts(op, body)
		if err != nil {
			t.Fatalf("%s: %v\n%s", op, err, body)
		}
		for i := range texts.List {
			if texts.List[i].Spliceable() && strings.Contains(string(texts.List[i].Value), " ") {
				b.Write(texts.List[i].Value)
			}
		}
		return b.String()
	}
	add := func(p Pieces, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range p.List {
			if strings.Contains(string(piece.Value), " ") {
				b.Write(piece.Value)
			}
		}
	}
	if op.OpenAI() {
		for r := NewEventReader(bytes.NewReader(body)); ; {
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				return b.String()
			}
			if err != nil {
				t.Fatal(err)
			}
			add(EventPieces(e))
		}
	}
	for r := NewFrameReader(bytes.NewReader(body)); ; {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		add(FramePieces(op, f))
	}
}

// TestWithheldAnswersAreWholeAnswers: what stands in an answer's place is read by
// the same readers as any, says the note and nothing else, and is complete.
func TestWithheldAnswersAreWholeAnswers(t *testing.T) {
	const note = `it waits, "hold 1" <ü>`
	used := Tokens{Input: 7, Output: 3}
	for op, families := range map[Operation][]string{
		Converse: {""}, ConverseStream: {"anything"}, ChatCompletions: {"openai.gpt-oss"}, ChatCompletionsStream: {""},
		InvokeModel:                   {"anthropic.claude", "amazon.nova", "amazon.titan", "meta.llama", "qwen.qwen"},
		InvokeModelWithResponseStream: {"anthropic.claude", "amazon.nova", "amazon.titan", "meta.llama", "qwen.qwen"},
	} {
		for _, family := range families {
			body, contentType, ok := Withheld(op, Model{ID: "m", Family: family}, note, used)
			if !ok || contentType == "" {
				t.Errorf("%s, %s: none", op, family)
				continue
			}
			if got := saidIn(t, op, body); got != note {
				t.Errorf("%s, %s: says %q\n%s", op, family, got, body)
			}
			checkComplete(t, op, family, body)
		}
	}
}

func checkComplete(t *testing.T, op Operation, family string, body []byte) {
	t.Helper()
	var a Answer
	switch {
	case !op.Streams():
		if !json.Valid(body) {
			t.Errorf("%s, %s: %s", op, family, body)
		}
		a, _ = ReadAnswer(op, nil, body)
	case op.OpenAI():
		c := NewEventCollector()
		for r := NewEventReader(bytes.NewReader(body)); ; {
			e, err := r.Next()
			if err != nil {
				break
			}
			if err := c.Add(e); err != nil {
				t.Error(err)
			}
		}
		a = c.Answer()
	default:
		c := NewCollector(op)
		for r := NewFrameReader(bytes.NewReader(body)); ; {
			f, err := r.Next()
			if err != nil {
				break
			}
			if err := c.Add(f); err != nil {
				t.Error(err)
			}
		}
		a = c.Answer()
	}
	if a.StopReason == "" || len(a.ToolUses) > 0 {
		t.Errorf("%s, %s: read as %+v\n%s", op, family, a, body)
	}
}

func TestWithheldIsHonestAboutShapesItDoesNotKnow(t *testing.T) {
	for _, family := range []string{"cohere.command", "mistral.mistral", ""} {
		if _, _, ok := Withheld(InvokeModel, Model{Family: family}, "n", Tokens{}); ok {
			t.Errorf("%q: an answer in a shape that is made up", family)
		}
	}
}

// Request metadata of chat completions is read where it is what request metadata
// is, and otherwise passed on unread.
func TestChatMetadata(t *testing.T) {
	for body, want := range map[string]int{
		`{"model":"m","metadata":{"writ.hold":"h1","n":5,"deep":{"a":"b"},"long":"` + strings.Repeat("x", 300) + `","odd":"ü"}}`: 1,
		`{"model":"m","metadata":{"a":"1","writ.hold":"h1"}}`:                                                                    2,
		`{"model":"m","metadata":"text"}`:                                                                                        0,
		`{"model":"m","metadata":null}`:                                                                                          0,
	} {
		caps, err := ReadCapabilities(ChatCompletions, "openai", nil, []byte(body))
		if err != nil || len(caps.Metadata) != want || want > 0 && caps.Metadata["writ.hold"] != "h1" {
			t.Errorf("%s: %v, %v", body, caps.Metadata, err)
		}
	}
}
