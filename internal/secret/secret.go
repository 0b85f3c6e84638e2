// Package secret finds credentials in text: keys and tokens of services by
// gitleaks' published rules and by rules of our own, private keys, tokens of
// the web, connection strings, and passwords that somebody told.
//
// One pass finds the words that a rule cannot do without; only where one
// stands is its rule tried, first as a row of byte sets, and by RE2 only where
// the expression is more than that. Nothing in the text can switch a rule off.
// The package is pure; it trusts the rules that it carries and nothing of the
// text, not even that it is UTF-8.
package secret

import (
	"cmp"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/dataclass"
)

const detector = "secret"

// Scan appends the credentials in t to dst, sorted by Start; none overlaps
// another. It takes from b.Findings for each one, and from b.Patterns the
// bytes of text that are put to regular expressions, with callCost for each
// call. The rules are read on first use. After an error, or when b is
// overspent, the text has not been looked at in full.
func Scan(dst []dataclass.Finding, t *dataclass.Text, b *dataclass.Budget) ([]dataclass.Finding, error) {
	rules, err := loaded()
	if err != nil {
		return dst, err
	}
	s := scans.Get().(*scan)
	defer s.release()
	s.rules, s.text, s.budget = rules, t.Bytes, b
	if err := s.run(); err != nil {
		return dst, err
	}
	s.fields(t)
	return s.emit(dst), nil
}

// maxForms is how many forms of rules there is room for.
const maxForms = 512

// maxCandidates bounds what is kept before overlaps are resolved, for each
// finding wanted.
const maxCandidates = 8

// scan is one pass over one text.
type scan struct {
	rules  *ruleset
	text   []byte
	budget *dataclass.Budget
	found  []dataclass.Finding
	order  []int32
	full   bool
	used   bool           // what follows, which is much to clear, is not as it was
	tried  [maxForms]int  // per form, up to where it has been tried
	began  [maxForms]int  // per form, where its last long try began
	last   [lastKinds]int // per detector in code, up to where it has looked
	blocks [4]block       // the ones that were last asked about company
	frame  framing        // the last one that was followed
	word   span           // the last value without quotes
	column column         // of passwords, of the table that was last made
}

// scans are idle; of one that was used, the room for findings is worth keeping.
var scans = sync.Pool{New: func() any { return new(scan) }}

// release forgets the text.
func (s *scan) release() {
	if s.used {
		*s = scan{found: s.found[:0], order: s.order[:0]}
	}
	s.text, s.budget = nil, nil
	scans.Put(s)
}

func (s *scan) run() error {
	words, place := s.rules.words, uint32(0)
	for i, c := range s.text {
		if place = words.step(place, c); place&1 == 0 {
			continue
		}
		for at := words.state(place); at != 0; at = words.suffix[at] {
			for w := words.first[at]; w != 0; w = words.chain[w-1] {
				if err := s.hit(&s.rules.calls[w-1], i+1); err != nil {
					return err
				}
			}
		}
		if s.full {
			return nil
		}
	}
	return nil
}

// hit does what a word that ends at end calls for.
func (s *scan) hit(c *calls, end int) error {
	s.used = true
	start := end - len(c.word)
	for i := range c.trials {
		if err := s.try(&c.trials[i], start, end); err != nil {
			return err
		}
	}
	for _, kind := range c.own {
		s.own(kind, c.word, start, end)
	}
	return nil
}

// add keeps a finding, with its ends on the boundaries of characters.
func (s *scan) add(f dataclass.Finding) {
	for f.Start > 0 && !utf8.RuneStart(s.text[f.Start]) {
		f.Start--
	}
	for f.End < len(s.text) && !utf8.RuneStart(s.text[f.End]) {
		f.End++
	}
	if f.Start >= f.End || s.covered(f) {
		return
	}
	if len(s.found) >= maxCandidates*s.budget.Findings {
		s.budget.Overspent, s.full = true, true
		return
	}
	f.Detector = detector
	s.found = append(s.found, f)
}

// covered reports whether a recent finding says all that f would.
func (s *scan) covered(f dataclass.Finding) bool {
	for i := len(s.found) - 1; i >= max(0, len(s.found)-4); i-- {
		if g := &s.found[i]; g.Start <= f.Start && g.End >= f.End && g.Score >= f.Score {
			return true
		}
	}
	return false
}

// again reports whether the last finding is of the same rule, overlaps what was
// matched now, and is no shorter: of the two it is the one that stays.
func (s *scan) again(rule string, from, to int) bool {
	if len(s.found) == 0 {
		return false
	}
	g := &s.found[len(s.found)-1]
	return g.Rule == rule && g.Start <= from && g.End > from && g.End-g.Start >= to-from
}

// emit resolves overlaps: what counts before what does not, then the longest,
// then the surest.
func (s *scan) emit(dst []dataclass.Finding) []dataclass.Finding {
	from := len(dst)
	for _, i := range s.inOrder() {
		f := s.found[i]
		if last := len(dst) - 1; last >= from && dst[last].End > f.Start {
			if better(&f, &dst[last]) {
				dst[last] = f
			}
			continue
		}
		if !s.budget.Spend(&s.budget.Findings, 1) {
			break
		}
		dst = append(dst, f)
	}
	return dst
}

// inOrder is the numbers of what was found, by Start. Findings are large, and
// stand almost in order: sorting them themselves is the slower way.
func (s *scan) inOrder() []int32 {
	s.order = s.order[:0]
	for i := range s.found {
		s.order = append(s.order, int32(i))
	}
	slices.SortFunc(s.order, func(i, j int32) int {
		return cmp.Or(cmp.Compare(s.found[i].Start, s.found[j].Start), cmp.Compare(i, j))
	})
	return s.order
}

func better(f, g *dataclass.Finding) bool {
	if f.Counts() != g.Counts() {
		return f.Counts()
	}
	if f.End-f.Start != g.End-g.Start {
		return f.End-f.Start > g.End-g.Start
	}
	return f.Score > g.Score
}
