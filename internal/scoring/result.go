package scoring

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/dataclass"
)

// Result is how good a classifier was on one file.
type Result struct {
	Documents int            `json:"documents"`
	Bytes     int            `json:"bytes"`
	Entities  []EntityScore  `json:"entities"`                 // those that the file's labels use
	Unscored  []Unlabelled   `json:"unlabelled"`               // found, and never used by the file's labels
	Unknown   []UnknownLabel `json:"unknown_labels,omitempty"` // spans left out, since the file of labels does not have their label
	Classes   *ClassScores   `json:"classes,omitempty"`
	Secrets   *SecretScore   `json:"secrets,omitempty"`
	Clean     *Clean         `json:"clean,omitempty"` // documents without any labelled span
	Cases     *Cases         `json:"cases,omitempty"` // documents that are labelled for one entity only
	Slips     []Slip         `json:"-"`
	Speed     Speed          `json:"speed"`
}

// EntityScore is how spans of one entity were found, and in how many of the
// documents that have some at least one was.
type EntityScore struct {
	Entity dataclass.Entity `json:"entity"`
	Score
	Documents      int     `json:"documents"`
	DocumentRecall float64 `json:"document_recall"`
}

// Score is a count with what it comes to.
type Score struct {
	N int `json:"n"`
	Count
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

func scoreOf(c Count) Score {
	return Score{c.N(), c, rounded(c.Precision()), rounded(c.Recall()), rounded(c.F1())}
}

// rounded keeps four decimals; no file has labels for more.
func rounded(f float64) float64 { return math.Round(f*1e4) / 1e4 }

// Unlabelled is an entity that was found in a file whose labels never use it, so
// that nobody can say whether it is there.
type Unlabelled struct {
	Entity dataclass.Entity `json:"entity"`
	Found  int              `json:"found"`
}

// UnknownLabel is a label that nobody knows the meaning of.
type UnknownLabel struct {
	Label string `json:"label"`
	Spans int    `json:"spans"`
}

// ClassScores are about documents: which classes they have.
type ClassScores struct {
	Documents int          `json:"documents"`
	Exact     float64      `json:"exact"`                // share of documents whose set is the labelled one
	Among     float64      `json:"exact_among_labelled"` // the same, of the classes that the file's labels use
	Each      []ClassScore `json:"each"`
}

// ClassScore is in how many documents a class was found.
type ClassScore struct {
	Class dataclass.Class `json:"class"`
	Score
}

// SecretScore is about documents of which only that is known: whether they hold
// a secret.
type SecretScore struct {
	Secrets     int     `json:"secrets"`
	Others      int     `json:"others"`
	Recall      float64 `json:"recall"`
	Specificity float64 `json:"specificity"` // share of the others in which none was found
}

// Grave are the classes that a document without anything to find must not have.
func Grave() []dataclass.Class {
	return []dataclass.Class{dataclass.Credential, dataclass.FinancialAccount, dataclass.Health, dataclass.PaymentCard, dataclass.RegulatedPersonal}
}

// Clean is what was found in documents that are labelled to hold nothing.
type Clean struct {
	Documents int                     `json:"documents"`
	Alarms    int                     `json:"alarms"` // with at least one of the grave classes
	Rate      float64                 `json:"rate"`
	Each      map[dataclass.Class]int `json:"each,omitempty"` // documents by class found, of all classes
}

func (c *Clean) add(found []dataclass.Class) {
	c.Documents++
	if slices.ContainsFunc(found, func(k dataclass.Class) bool { return slices.Contains(Grave(), k) }) {
		c.Alarms++
	}
	if c.Each == nil {
		c.Each = make(map[dataclass.Class]int)
	}
	for _, k := range found {
		c.Each[k]++
	}
}

// Cases are documents that show one entity, or something that must not be taken
// for it: such a document is as expected when all its spans were found and
// nothing else of that entity.
type Cases struct {
	Documents int                      `json:"documents"`
	Right     int                      `json:"right"`
	Rate      float64                  `json:"rate"`
	Wrong     map[dataclass.Entity]int `json:"wrong,omitempty"`
}

func (c *Cases) add(e *Example, missed []Span, alarms []dataclass.Finding) {
	c.Documents++
	if len(missed)+len(alarms) == 0 {
		c.Right++
		return
	}
	if c.Wrong == nil {
		c.Wrong = make(map[dataclass.Entity]int)
	}
	c.Wrong[e.Only]++
}

// Speed is what the caller's clocks say. Times are microseconds.
type Speed struct {
	PerKiB float64 `json:"cpu_us_per_kib"` // CPU time; 0: not known
	P50    float64 `json:"p50_us"`         // of a document, on the clock
	P99    float64 `json:"p99_us"`
}

// Result is what the tally comes to; cpu is the CPU time that all documents took.
func (t *Tally) Result(cpu time.Duration) Result {
	r := Result{Documents: t.documents, Bytes: t.bytes, Entities: []EntityScore{}, Unscored: []Unlabelled{}, Speed: t.speed(cpu)}
	for _, e := range slices.Sorted(maps.Keys(t.spans)) {
		c := *t.spans[e]
		if c.N() == 0 {
			r.Unscored = append(r.Unscored, Unlabelled{e, c.False})
			continue
		}
		present := *at(&t.present, e)
		r.Entities = append(r.Entities, EntityScore{e, scoreOf(c), present.N(), rounded(present.Recall())})
	}
	for _, label := range slices.Sorted(maps.Keys(t.unknown)) {
		r.Unknown = append(r.Unknown, UnknownLabel{label, t.unknown[label]})
	}
	r.Classes, r.Secrets = t.classScores(), t.secretScore()
	if t.clean.Documents > 0 {
		c := t.clean
		c.Rate = rounded(share(c.Alarms, c.Documents))
		r.Clean = &c
	}
	if t.cases.Documents > 0 {
		c := t.cases
		c.Rate = rounded(share(c.Right, c.Documents))
		r.Cases = &c
	}
	r.Slips = t.sortedSlips()
	return r
}

func (t *Tally) classScores() *ClassScores {
	if t.labelled == 0 {
		return nil
	}
	out := &ClassScores{Documents: t.labelled, Exact: rounded(share(t.wrong[""], t.labelled)), Among: rounded(share(t.rightAmong(), t.labelled)), Each: []ClassScore{}}
	for _, c := range slices.Sorted(maps.Keys(t.classes)) {
		out.Each = append(out.Each, ClassScore{c, scoreOf(*t.classes[c])})
	}
	return out
}

// rightAmong counts the documents whose classes are right but for those that the
// file's labels never use.
func (t *Tally) rightAmong() (n int) {
	for wrong, documents := range t.wrong {
		if !slices.ContainsFunc(strings.Fields(wrong), func(c string) bool { return t.classes[dataclass.Class(c)].N() > 0 }) {
			n += documents
		}
	}
	return n
}

func (t *Tally) secretScore() *SecretScore {
	if t.secrets.N()+t.secretFree == 0 {
		return nil
	}
	return &SecretScore{t.secrets.N(), t.secretFree, rounded(t.secrets.Recall()), rounded(share(t.secretFree-t.secrets.False, t.secretFree))}
}

func (t *Tally) speed(cpu time.Duration) (s Speed) {
	sorted := slices.Sorted(slices.Values(t.took))
	if len(sorted) > 0 {
		s.P50, s.P99 = quantile(sorted, 0.5), quantile(sorted, 0.99)
	}
	if t.bytes > 0 {
		s.PerKiB = math.Round(float64(cpu.Nanoseconds())/1000/(float64(t.bytes)/1024)*10) / 10
	}
	return s
}

func quantile(sorted []time.Duration, q float64) float64 {
	d := sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
	return math.Round(float64(d.Nanoseconds())/100) / 10
}

// sortedSlips are by entity, then class, what was missed first, in the order of
// the file.
func (t *Tally) sortedSlips() (out []Slip) {
	for _, k := range slices.SortedFunc(maps.Keys(t.slips), func(a, b slipKind) int {
		return cmp.Or(cmp.Compare(a.entity, b.entity), cmp.Compare(a.class, b.class), -compareBool(a.missed, b.missed))
	}) {
		out = append(out, t.slips[k]...)
	}
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
