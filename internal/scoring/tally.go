// Package scoring says how good a classifier is on documents whose contents
// somebody labelled: per entity, per class of a document, for secrets, and for
// documents that hold nothing. It knows neither the classifier nor the clock:
// who runs them hands in what was found and how long it took. It trusts the
// labels, and refuses those that cannot be meant.
package scoring

import (
	"slices"
	"time"

	"github.com/writ-project/writ/internal/dataclass"
)

// Overlap is the least intersection over union, exclusive, at which a finding
// and a labelled span are the same thing.
const Overlap = 0.75

// Guess is what a classifier said of a document.
type Guess struct {
	Findings []dataclass.Finding // byte offsets in the example's text; those that do not count are passed over
	Classes  []dataclass.Class   // of the whole document
}

// Count is how often something was found that is there, found that is not
// there, and missed.
type Count struct {
	Hits   int `json:"hits"`
	False  int `json:"false"`
	Missed int `json:"missed"`
}

// N is how often it is there.
func (c Count) N() int { return c.Hits + c.Missed }

// Precision is the share of what was found that is there; 1 where nothing was
// found, and likewise for the others.
func (c Count) Precision() float64 { return share(c.Hits, c.Hits+c.False) }

// Recall is the share of what is there that was found.
func (c Count) Recall() float64 { return share(c.Hits, c.N()) }

// F1 is the harmonic mean of precision and recall.
func (c Count) F1() float64 { return share(2*c.Hits, 2*c.Hits+c.False+c.Missed) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

func (c *Count) add(there, found bool) {
	switch {
	case there && found:
		c.Hits++
	case there:
		c.Missed++
	case found:
		c.False++
	}
}

// Slip is one thing that was missed or falsely found. It holds no text.
type Slip struct {
	ID     string           `json:"id,omitempty"`
	Line   int              `json:"line"`
	Missed bool             `json:"missed"` // otherwise: falsely found
	Entity dataclass.Entity `json:"entity,omitempty"`
	Class  dataclass.Class  `json:"class,omitempty"` // in place of an entity: of the document as a whole
	Start  int              `json:"start"`           // in the tally's unit
	End    int              `json:"end"`
}

// Tally counts over the documents of one file. Each has to be added once.
type Tally struct {
	// Keep is how many slips of a kind are kept: of each entity and class, so
	// many that were missed and so many that were falsely found.
	Keep int
	// Unit is what the offsets of slips count.
	Unit Unit

	documents, bytes int
	spans            map[dataclass.Entity]*Count
	present          map[dataclass.Entity]*Count // per document: is it there, was it found
	classes          map[dataclass.Class]*Count
	labelled         int            // documents whose classes are known
	wrong            map[string]int // of them, by the classes missed or falsely found, with a space before each
	unknown          map[string]int // spans by label that nobody knows
	secrets          Count
	secretFree       int // documents that are said to hold no secret
	clean            Clean
	cases            Cases
	took             []time.Duration
	slips            map[slipKind][]Slip
}

type slipKind struct {
	missed bool
	entity dataclass.Entity
	class  dataclass.Class
}

// Add counts one document, and how long classifying it took.
func (t *Tally) Add(e *Example, g Guess, took time.Duration) {
	t.documents++
	t.bytes += len(e.Text)
	t.took = append(t.took, took)
	if e.Secret != nil {
		t.secret(e, g)
	}
	if !e.Labelled {
		return
	}
	found := counted(e, g.Findings)
	missed, alarms := compare(e, found)
	for _, label := range e.Unknown {
		if t.unknown == nil {
			t.unknown = make(map[string]int)
		}
		t.unknown[label]++
	}
	t.countSpans(e, missed, alarms)
	t.countPresent(e, found)
	if e.Only != "" {
		t.cases.add(e, missed, alarms)
		return
	}
	t.countClasses(e, g)
	if len(e.Spans) == 0 {
		t.clean.add(g.Classes)
	}
}

// counted are the findings that the document's labels speak about.
func counted(e *Example, all []dataclass.Finding) []dataclass.Finding {
	var out []dataclass.Finding
	for _, f := range all {
		if f.Counts() && (e.Only == "" || f.Entity == e.Only) {
			out = append(out, f)
		}
	}
	return out
}

// compare gives each scored span the finding that fits best, each finding once.
// Findings that lie on a span that is left out are no false alarms.
func compare(e *Example, found []dataclass.Finding) (missed []Span, alarms []dataclass.Finding) {
	used := make([]bool, len(found))
	for _, s := range e.Spans {
		if !s.Scored() {
			continue
		}
		if i := fitting(s, found, used); i >= 0 {
			used[i] = true
		} else {
			missed = append(missed, s)
		}
	}
	for i, f := range found {
		if !used[i] && !leftOut(e.Spans, f) {
			alarms = append(alarms, f)
		}
	}
	return missed, alarms
}

func fitting(s Span, found []dataclass.Finding, used []bool) int {
	best, at := Overlap, -1
	for i, f := range found {
		if used[i] || f.Entity != s.Entity {
			continue
		}
		if o := overlap(s, f); o > best {
			best, at = o, i
		}
	}
	return at
}

func leftOut(spans []Span, f dataclass.Finding) bool {
	return slices.ContainsFunc(spans, func(s Span) bool { return !s.Scored() && overlap(s, f) > Overlap })
}

// overlap is intersection over union.
func overlap(s Span, f dataclass.Finding) float64 {
	both := min(s.End, f.End) - max(s.Start, f.Start)
	if both <= 0 {
		return 0
	}
	return float64(both) / float64(s.End-s.Start+f.End-f.Start-both)
}

func (t *Tally) countSpans(e *Example, missed []Span, alarms []dataclass.Finding) {
	for _, s := range e.Spans {
		if s.Scored() {
			at(&t.spans, s.Entity).Hits++
		}
	}
	for _, s := range missed {
		c := at(&t.spans, s.Entity)
		c.Hits--
		c.Missed++
		t.slip(e, Slip{Missed: true, Entity: s.Entity, Start: s.Start, End: s.End})
	}
	for _, f := range alarms {
		at(&t.spans, f.Entity).False++
		t.slip(e, Slip{Entity: f.Entity, Start: f.Start, End: f.End})
	}
}

// countPresent counts which entities a document has at all, and of which
// something was found, wherever.
func (t *Tally) countPresent(e *Example, found []dataclass.Finding) {
	has, got := make(map[dataclass.Entity]bool), make(map[dataclass.Entity]bool)
	for _, s := range e.Spans {
		has[s.Entity] = s.Scored()
	}
	for _, f := range found {
		got[f.Entity] = true
	}
	for entity, there := range has {
		if there {
			at(&t.present, entity).add(true, got[entity])
		}
	}
}

func (t *Tally) countClasses(e *Example, g Guess) {
	t.labelled++
	want := classesOf(e)
	wrong := ""
	for _, c := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(want, g.Classes)))) {
		there, found := slices.Contains(want, c), slices.Contains(g.Classes, c)
		at(&t.classes, c).add(there, found)
		if there != found {
			wrong += " " + string(c)
			t.slip(e, Slip{Missed: there, Class: c})
		}
	}
	if t.wrong == nil {
		t.wrong = make(map[string]int)
	}
	t.wrong[wrong]++
}

func classesOf(e *Example) (out []dataclass.Class) {
	for _, s := range e.Spans {
		if s.Scored() && s.Class != "" {
			out = append(out, s.Class)
		}
	}
	return out
}

func (t *Tally) secret(e *Example, g Guess) {
	found := slices.Contains(g.Classes, dataclass.Credential)
	t.secrets.add(*e.Secret, found)
	if !*e.Secret {
		t.secretFree++
	}
	if *e.Secret != found {
		t.slip(e, Slip{Missed: *e.Secret, Class: dataclass.Credential})
	}
}

// slip keeps the first few of each kind.
func (t *Tally) slip(e *Example, s Slip) {
	k := slipKind{s.Missed, s.Entity, s.Class}
	if len(t.slips[k]) >= t.Keep {
		return
	}
	if t.slips == nil {
		t.slips = make(map[slipKind][]Slip)
	}
	s.ID, s.Line = e.ID, e.Line
	if t.Unit == CodePoints {
		at := []int{s.Start, s.End}
		InCodePoints(at, e.Text)
		s.Start, s.End = at[0], at[1]
	}
	t.slips[k] = append(t.slips[k], s)
}

// at is the count of a key, made when it is new.
func at[K comparable](m *map[K]*Count, k K) *Count {
	if *m == nil {
		*m = make(map[K]*Count)
	}
	c := (*m)[k]
	if c == nil {
		c = new(Count)
		(*m)[k] = c
	}
	return c
}
