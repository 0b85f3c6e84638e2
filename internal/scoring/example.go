package scoring

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/dataclass"
)

// Unit is what the offsets of a file count.
type Unit int

// The units of offsets.
const (
	Bytes      Unit = iota // of the text's UTF-8
	CodePoints             // as Python, and Amazon Comprehend
)

// Example is one labelled document.
type Example struct {
	ID    string // as the file has it, a number in its own spelling; may be empty
	Line  int    // where it was read, when the reader says so
	Text  string
	Spans []Span
	// Labelled says that the document's spans are known, if only to be none. A
	// case of something that is left out, or that nobody knows, is not labelled.
	Labelled bool
	// Only is the one entity that the document is a case of: others may occur
	// and are not labelled. Empty: all are.
	Only dataclass.Entity
	// Unknown are labels of spans that the file of labels does not have; they are
	// left out.
	Unknown []string
	// Secret says whether the document holds a secret, where there are no spans.
	Secret *bool
}

// Span is a labelled part of a text.
type Span struct {
	Start, End int // byte offsets, end exclusive
	Meaning
}

type rawExample struct {
	ID     json.RawMessage `json:"id"`
	Text   *string         `json:"text"`
	Spans  *[]rawSpan      `json:"spans"`
	Entity string          `json:"entity"`
	Secret *bool           `json:"secret"`
}

type rawSpan struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Type  string `json:"type"`
}

// ReadExample reads a line of labelled JSON:
//
//	{"id": …, "text": "…", "spans": [{"start": 0, "end": 4, "type": "LABEL"}]}
//
// or, where nothing but the presence of a secret is known, {"text": "…",
// "secret": true}. An "entity" member names the one label that the document is
// a case of; other members are not read. Spans that lie outside the text, or
// that begin or end within a character, are errors. A label that the labels do
// not have is left out and told; without labels it is an error.
func ReadExample(line []byte, labels Labels, unit Unit) (*Example, error) {
	if !utf8.Valid(line) {
		return nil, errors.New("the line is not UTF-8, so that its offsets say nothing")
	}
	var raw rawExample
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, fmt.Errorf("not a labelled document: %w", err)
	}
	if raw.Text == nil {
		return nil, errors.New("text is missing")
	}
	id, err := ReadID(raw.ID)
	if err != nil {
		return nil, err
	}
	e := &Example{ID: id, Text: *raw.Text, Secret: raw.Secret}
	if raw.Entity != "" {
		m, _ := labels.of(raw.Entity)
		e.Only = m.Entity
	}
	if raw.Spans != nil {
		e.Labelled = raw.Entity == "" || e.Only != ""
		if err := e.read(*raw.Spans, labels, unit); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// ReadID reads a document's id: a JSON string, a number, which keeps its
// spelling, or nothing.
func ReadID(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var n json.Number
	if raw[0] != '"' && json.Unmarshal(raw, &n) == nil {
		return n.String(), nil
	}
	return "", errors.New("id: want a string or a number")
}

func (e *Example) read(raw []rawSpan, labels Labels, unit Unit) error {
	if unit == CodePoints {
		if err := toBytes(raw, e.Text); err != nil {
			return err
		}
	}
	for i, r := range raw {
		if r.Start < 0 || r.Start >= r.End || r.End > len(e.Text) || !boundary(e.Text, r.Start) || !boundary(e.Text, r.End) {
			return fmt.Errorf("span %d: %d to %d is no part of the text: are the offsets in the unit that --offsets names?", i, r.Start, r.End)
		}
		m, err := labels.of(r.Type)
		switch {
		case err != nil && labels == nil:
			return fmt.Errorf("span %d: %w", i, err)
		case err != nil:
			e.Unknown = append(e.Unknown, r.Type)
		}
		e.Spans = append(e.Spans, Span{r.Start, r.End, m})
	}
	slices.SortStableFunc(e.Spans, func(a, b Span) int { return a.Start - b.Start })
	return nil
}

func boundary(text string, at int) bool { return at == len(text) || utf8.RuneStart(text[at]) }

// toBytes turns offsets in code points into offsets in bytes.
func toBytes(raw []rawSpan, text string) error {
	at := make([]int, 0, 2*len(raw))
	for _, r := range raw {
		at = append(at, r.Start, r.End)
	}
	if !convert(at, text, CodePoints) {
		return errors.New("a span lies outside the text: are the offsets in the unit that --offsets names?")
	}
	for i := range raw {
		raw[i].Start, raw[i].End = at[2*i], at[2*i+1]
	}
	return nil
}

// InCodePoints turns byte offsets of a text, in any order, into offsets in code
// points, in place. An offset within a character counts as its end.
func InCodePoints(at []int, text string) { convert(at, text, Bytes) }

// convert changes offsets in one unit into the other, in one pass over the text;
// false: some lie outside it.
func convert(at []int, text string, from Unit) bool {
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return at[a] - at[b] })
	bytes, points := 0, 0
	for _, i := range order {
		for bytes < len(text) && *pick(from, &bytes, &points) < at[i] {
			_, n := utf8.DecodeRuneInString(text[bytes:])
			bytes, points = bytes+n, points+1
		}
		if at[i] < 0 || *pick(from, &bytes, &points) < at[i] {
			return false
		}
		at[i] = *pick(1-from, &bytes, &points)
	}
	return true
}

func pick(u Unit, bytes, points *int) *int {
	if u == Bytes {
		return bytes
	}
	return points
}
