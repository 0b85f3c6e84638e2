// Package classifier says what data is in content: it puts every text of a
// request or an answer to the detectors and joins what they find into one
// dataclass.Label, which policies read.
//
// It trusts nothing in what it reads. Work is bounded by counting, so that the
// same content gets the same answer on every machine; whatever a bound, a
// format or a failing detector keeps from being read makes the content
// unscanned, never clean. Findings say what and where, and never hold the text.
package classifier

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identifier"
	"github.com/writ-project/writ/internal/personal"
	"github.com/writ-project/writ/internal/secret"
)

// Classifier labels content. It is immutable and safe for concurrent use.
type Classifier struct {
	own     []ownLabel // the organisation's labels, by name
	version string
}

// New makes a Classifier with an organisation's own labels. One that is not
// valid, or has a pattern that RE2 does not compile, is an error, which never
// repeats the pattern. The order of the labels does not matter.
func New(labels []dataclass.CustomLabel) (*Classifier, error) {
	c := &Classifier{}
	labels = slices.SortedFunc(slices.Values(labels), func(a, b dataclass.CustomLabel) int { return strings.Compare(a.ID, b.ID) })
	sum := sha256.New()
	for _, l := range labels {
		own, err := compile(l)
		if err != nil {
			return nil, err
		}
		c.own = append(c.own, own)
		sum.Write(own.digest[:])
	}
	c.version = "identifier/" + identifier.Version + " personal/" + personal.Version + " secret/" + secret.Version()
	if len(c.own) > 0 {
		c.version += " labels/" + hex.EncodeToString(sum.Sum(nil)[:6])
	}
	return c, nil
}

// Version names the rules that a label was made by: detectors and the
// organisation's labels.
func (c *Classifier) Version() string { return c.version }

// Part is one text of what is classified: a JSON string of a body, a line.
type Part struct {
	Text  []byte
	Field string // the name of the member that holds it, as it is spelt; empty: none
	// Runs says that a reader may take the text to go on from the end of
	// another, After, so that an entity may be split over the two.
	Runs  bool
	After int // number of an earlier part
	// File says that the text is base64 of a file, to be known by its content.
	File bool
	// Fixed says that the text cannot be replaced: a number, a member's name.
	Fixed bool
	// Sealed says that the text is the model provider's own and encrypted: that
	// it cannot be read does not make the whole unscanned.
	Sealed bool
	// Unread is why the content that the text stands for cannot be read; empty:
	// the text is the content.
	Unread string
}

// Span is a range of bytes of one part.
type Span struct{ Part, Start, End int }

// Found is a finding and where it is.
type Found struct {
	dataclass.Finding // its Start and End are bytes of the part's Text
	Part              int
	// Rest is where the entity goes on in later parts.
	Rest []Span
	// Exact says that the span is exactly what has to be replaced to be rid of
	// the finding. What was found inside a file, a number or a name is not.
	Exact bool
	// By is how the text was encoded that it was found in; empty: it was not.
	By string
	// Late says, of a stream, that the text was decided on before the finding
	// was: only what followed said what it is.
	Late bool
}

// Result is what is in some content.
type Result struct {
	Label    dataclass.Label
	Findings []Found // by part and start; also those that are merely possible
	Hidden   bool    // characters were hidden or disguised beside letters or digits
}

// The bounds on one classification.
const (
	maxFindings = 4096
	maxDepth    = 3       // base64 of base64 of base64
	maxField    = 4 << 10 // a longer text is not the value of the member that holds it, but a text of its own

	// What a text may have done to it beside being read once, by its length:
	// telephone numbers validated, at 12 µs each; bytes put to expressions; and
	// bytes decoded, of which base64 of base64 has five for four. Texts that are
	// encoded in several ways at once would be read many times.
	bytesPerPhone, phonesAtLeast      = 256, 128
	patternsPerByte, patternsAtLeast  = 64, 64 << 10
	decodingsPerTwo, decodingsAtLeast = 3, 4 << 10
)

// budget is the work that so many bytes of content may make.
func budget(size int) *dataclass.Budget {
	b := &dataclass.Budget{Findings: maxFindings, Phones: phonesAtLeast, Patterns: patternsAtLeast, Decodings: decodingsAtLeast}
	grant(b, size)
	return b
}

// grant adds to a budget what more bytes of content may make.
func grant(b *dataclass.Budget, size int) {
	b.Phones += size / bytesPerPhone
	b.Patterns += patternsPerByte * size
	b.Decodings += decodingsPerTwo * size / 2
}

// Text classifies one text that stands for itself.
func (c *Classifier) Text(text []byte) Result { return c.Classify([]Part{{Text: text}}, nil) }

// Classify labels the parts of a whole together. The memory may be nil; it
// saves reading again what was read before.
func (c *Classifier) Classify(parts []Part, m *Scope) Result {
	size := 0
	for i := range parts {
		size += len(parts[i].Text)
	}
	w := work{c: c, budget: budget(size), tools: toolboxes.Get().(*tools)}
	defer toolboxes.Put(w.tools)
	for i := range parts {
		w.part(i, &parts[i], m)
	}
	w.runs(parts)
	return w.result()
}

// work is one classification.
type work struct {
	c      *Classifier
	budget *dataclass.Budget
	tools  *tools
	found  []Found
	unread []string // why something could not be read
	hidden bool
}

// part reads one part, or recalls what was found when it was read before.
func (w *work) part(i int, p *Part, m *Scope) {
	if p.Unread != "" {
		w.unread = append(w.unread, p.Unread)
	}
	if len(p.Text) == 0 {
		return
	}
	key, known := m.key(w.c, p)
	seen, ok := m.recall(key, known)
	if !ok {
		seen = w.read(p)
		m.keep(key, known, seen, w.budget)
	}
	w.found = slices.Grow(w.found, len(seen.found))
	for _, f := range seen.found {
		f.Part, f.Exact = i, f.Exact && !p.Fixed
		w.found = append(w.found, f)
	}
	w.unread = append(w.unread, seen.unread...)
	w.hidden = w.hidden || seen.hidden
}

// result joins what was found.
func (w *work) result() Result {
	if w.budget.Overspent {
		w.unread = append(w.unread, "budget")
	}
	w.sort()
	l := labelOf(w.c, w.found, w.unread)
	l.Truncated = w.budget.Overspent
	return Result{Label: l, Findings: w.found, Hidden: w.hidden}
}
