package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/scoring"
)

// mostLine bounds one document of a stream: more than any request's body.
const mostLine = 64 << 20

// classifyIn and classifyOut are the contract of `writ classify --json`.
type classifyIn struct {
	ID   json.RawMessage `json:"id"`
	Text *string         `json:"text"`
}

type classifyOut struct {
	ID         json.RawMessage   `json:"id,omitempty"`
	Entities   []classifyEntity  `json:"entities"`
	Classes    []dataclass.Class `json:"classes"`
	Level      string            `json:"level"`
	Regulated  bool              `json:"regulated,omitempty"`
	Confidence int               `json:"confidence,omitempty"` // 0–100, of what is regulated
	Unscanned  []string          `json:"unscanned,omitempty"`
	Hidden     bool              `json:"hidden,omitempty"` // characters that hide or disguise others
	Detectors  string            `json:"detectors,omitempty"`
}

type classifyEntity struct {
	Type  dataclass.Entity `json:"type"`
	Start int              `json:"start"` // code points
	End   int              `json:"end"`
	Score float64          `json:"score"`           // 0–1
	Class dataclass.Class  `json:"class,omitempty"` // of an organisation's label, which has no other name
}

// lineReader reads lines of any number in memory for one. A line that is too
// long is passed over and reported.
type lineReader struct {
	in   *bufio.Reader
	line []byte
	n    int // of the line read last
}

var errLongLine = fmt.Errorf("longer than %d MB", mostLine>>20)

func newLineReader(r io.Reader) *lineReader { return &lineReader{in: bufio.NewReaderSize(r, 64<<10)} }

// next is the next line without its end, valid until the next call.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	l.n++
	long := false
	for {
		piece, err := l.in.ReadSlice('\n')
		if long = long || len(l.line)+len(piece) > mostLine; !long {
			l.line = append(l.line, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (!errors.Is(err, io.EOF) || len(l.line) == 0 && !long):
			return nil, err
		case long:
			return nil, errLongLine
		}
		return trimEnd(l.line), nil
	}
}

func trimEnd(line []byte) []byte {
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line
}

// idle reports that no further line has come yet.
func (l *lineReader) idle() bool { return l.in.Buffered() == 0 }

// classifyLines answers a stream of documents, a line each. A line that is no
// document is said on stderr, and the rest is still done.
func classifyLines(c *classifier.Classifier, name string, in io.Reader, w io.Writer) (wrong int, err error) {
	lines, out := newLineReader(in), bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return wrong, out.Flush()
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return wrong, errors.Join(fmt.Errorf("%s: %w", name, err), out.Flush())
		}
		if err == nil && len(line) == 0 {
			continue
		}
		if err == nil {
			err = classifyLine(c, line, enc)
		}
		var write *os.PathError
		if errors.As(err, &write) {
			return wrong, err
		}
		if err != nil {
			wrong++
			fmt.Fprintf(os.Stderr, "error: %s, line %d: %v\n", name, lines.n, err)
		}
		if lines.idle() {
			if err := out.Flush(); err != nil {
				return wrong, err
			}
		}
	}
}

func classifyLine(c *classifier.Classifier, line []byte, enc *json.Encoder) error {
	var in classifyIn
	if err := json.Unmarshal(line, &in); err != nil || in.Text == nil {
		return errors.New(`not a JSON object {"id": …, "text": "…"}`)
	}
	if _, err := scoring.ReadID(in.ID); err != nil {
		return err
	}
	return enc.Encode(classified(in.ID, *in.Text, c.Text([]byte(*in.Text))))
}

func classified(id json.RawMessage, text string, r classifier.Result) classifyOut {
	out := classifyOut{
		ID: id, Entities: []classifyEntity{}, Classes: r.Label.Classes, Level: r.Label.Level.String(), Regulated: r.Label.Regulated,
		Confidence: r.Label.Confidence, Unscanned: r.Label.Unscanned, Hidden: r.Hidden, Detectors: r.Label.Detectors,
	}
	if out.Classes == nil {
		out.Classes = []dataclass.Class{}
	}
	found := sure(r.Findings)
	at := places(found, text)
	for i, f := range found {
		e := classifyEntity{Type: f.Entity, Start: at[2*i], End: at[2*i+1], Score: share(f.Score)}
		if f.Entity == dataclass.Custom {
			e.Class = f.Class()
		}
		out.Entities = append(out.Entities, e)
	}
	return out
}

// sure are the findings that count.
func sure(all []classifier.Found) (out []classifier.Found) {
	for _, f := range all {
		if f.Counts() {
			out = append(out, f)
		}
	}
	return out
}

// places are the starts and ends of findings, in code points.
func places(found []classifier.Found, text string) []int {
	at := make([]int, 0, 2*len(found))
	for _, f := range found {
		at = append(at, f.Start, f.End)
	}
	scoring.InCodePoints(at, text)
	return at
}
