package classifier

import (
	"cmp"
	"encoding/base64"
	"errors"
	"slices"
	"sync"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/document"
	"github.com/writ-project/writ/internal/identifier"
	"github.com/writ-project/writ/internal/personal"
	"github.com/writ-project/writ/internal/plaintext"
	"github.com/writ-project/writ/internal/secret"
	"github.com/writ-project/writ/internal/sourcecode"
)

// seen is what was found in one part. Part numbers are not set.
type seen struct {
	found  []Found
	unread []string
	hidden bool
}

// read looks into one part.
func (w *work) read(p *Part) (s seen) {
	if p.File {
		return w.readFile(p)
	}
	l := look{c: w.c, tools: w.tools, budget: w.budget, into: &s, exact: true}
	l.text(p.Text, p.Field, 0)
	if p.Sealed {
		s.unread = slices.DeleteFunc(s.unread, func(reason string) bool { return reason == encoded })
	}
	return s
}

// encoded is why content cannot be read that is in no encoding known here.
const encoded = "encoded"

var errFailed = errors.New("a detector failed")

// failed turns a detector's panic into an error: what it failed on is unscanned.
func failed(err *error) {
	if recover() != nil {
		*err = errFailed
	}
}

// readFile reads the text of a file given in base64. Where in the file an
// entity stands is not where it is in the part, so nothing in it can be
// replaced.
func (w *work) readFile(p *Part) (s seen) {
	text, unread, err := extract(p.Text)
	switch {
	case err != nil:
		return seen{unread: []string{"detector_failed"}}
	case unread != "":
		s.unread = append(s.unread, unread)
	}
	grant(w.budget, len(text))
	l := look{c: w.c, tools: w.tools, budget: w.budget, into: &s, by: "document", whole: len(p.Text)}
	l.text(text, "", 0)
	return s
}

// extract is a file's text, and why there is more that is not in it.
func extract(file []byte) (text []byte, unread string, err error) {
	defer failed(&err)
	raw, bad := decode(file)
	if bad != nil {
		return nil, encoded, nil
	}
	text, unread = document.Read(raw, document.DefaultLimits)
	return text, unread, nil
}

// decode reads base64 as SDKs write it: padded, without line breaks.
func decode(text []byte) ([]byte, error) {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(raw, text)
	return raw[:n], err
}

// look is one reading of a part.
type look struct {
	c      *Classifier
	tools  *tools
	budget *dataclass.Budget
	into   *seen
	exact  bool   // offsets are the part's own
	by     string // how the text was encoded
	whole  int    // bytes of the part, where offsets are not its own
}

// text puts a text to every detector, and what is encoded in it again.
func (l *look) text(b []byte, field string, depth int) {
	if len(b) == 0 {
		return
	}
	if err := l.looked(b, field, depth); err != nil {
		l.into.unread = append(l.into.unread, "detector_failed")
	}
}

func (l *look) looked(b []byte, field string, depth int) (err error) {
	defer failed(&err)
	view := plaintext.Normalise(b)
	l.into.hidden = l.into.hidden || view.Hidden
	found, err := l.detect(view.Text, field)
	l.into.found = slices.Grow(l.into.found, len(found))
	for _, f := range found {
		f.Start, f.End = view.Original(f.Start, f.End)
		l.add(f)
	}
	l.decoded(&view, field, depth)
	return err
}

// decoded reads what the text holds in another encoding, and what is spelt in
// tag characters, which no reader sees and a model reads.
func (l *look) decoded(view *plaintext.View, field string, depth int) {
	if depth == maxDepth {
		return
	}
	runs, opaque := plaintext.Decodings(view.Text, l.budget)
	if opaque {
		l.into.unread = append(l.into.unread, encoded)
	}
	for i := range runs {
		runs[i].Start, runs[i].End = view.Original(runs[i].Start, runs[i].End)
	}
	if runs = append(runs, view.Tagged...); len(runs) > 0 {
		l.within(runs, field, depth+1)
	}
}

// within reads what runs say, each as a line of one text: there may be
// thousands. Found in there, an entity stands for the whole of its run.
func (l *look) within(runs []plaintext.Decoding, field string, depth int) {
	text, starts := slices.Clip(runs[0].Text), []int{0}
	for _, run := range runs[1:] {
		text = append(append(text, '\n'), run.Text...)
		starts = append(starts, len(text)-len(run.Text))
	}
	inner := seen{}
	in := look{c: l.c, tools: l.tools, budget: l.budget, into: &inner, exact: true}
	in.text(text, field, depth)
	l.into.unread = append(l.into.unread, inner.unread...)
	l.into.hidden = l.into.hidden || inner.hidden
	for _, f := range inner.found {
		first, last := &runs[runAt(starts, f.Start)], &runs[runAt(starts, f.End-1)]
		f.Start, f.End = min(first.Start, last.Start), max(first.End, last.End)
		l.addBy(f.Finding, cmp.Or(first.By, f.By))
	}
}

// runAt is the number of the last run that begins at or before an offset.
func runAt(starts []int, at int) int {
	i, exact := slices.BinarySearch(starts, at)
	if exact {
		return i
	}
	return max(i-1, 0)
}

func (l *look) add(f dataclass.Finding) { l.addBy(f, "") }

func (l *look) addBy(f dataclass.Finding, by string) {
	if !l.exact {
		f.Start, f.End = 0, l.whole
	}
	l.into.found = append(l.into.found, Found{Finding: f, Exact: l.exact, By: cmp.Or(l.by, by)})
}

// detect runs the detectors over one normalised text. What it returns is good
// until the next call.
func (l *look) detect(b []byte, field string) ([]dataclass.Finding, error) {
	t := dataclass.Text{Bytes: b}
	t.Names, t.Fields = l.tools.fields.Fields(b)
	if len(t.Fields) == 0 && field != "" && len(b) <= maxField {
		if name := plaintext.Name(field); name != "" {
			t.Names, t.Fields = []string{name}, []dataclass.Field{{Start: 0, End: len(b)}}
		}
	}
	found := identifier.Scan(l.tools.found[:0], &t, l.budget)
	found = personal.Scan(found, &t, found, l.budget)
	found, err := secret.Scan(found, &t, l.budget)
	found = sourcecode.Scan(found, &t)
	own, ownErr := l.c.ownFindings(&t, l.budget)
	found = append(found, own...)
	l.tools.found = found
	return l.tools.settled(found), cmp.Or(err, ownErr)
}

// tools is the memory that readings use one after another.
type tools struct {
	fields      plaintext.Reader
	found, kept []dataclass.Finding
	order       []int32
}

var toolboxes = sync.Pool{New: func() any { return new(tools) }}
