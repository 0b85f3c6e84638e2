// Package personal finds what has no check digit and is known by the words
// around it: names, postal addresses, diagnoses, medicines and figures that are
// not public.
//
// Three things speak for a name: a list of given and family names of many
// languages, the words around it ("Dear", "Patient:", "said"), and the name of
// the field that holds it. A list alone makes a finding possible, which implies
// no class; a cue or a full name out of the lists makes it likely; both, or an
// e-mail address or telephone number close by, very likely.
//
// The room trusts nothing about the text but that it is valid UTF-8, looks at
// every word a bounded number of times and reads 256 words at a time.
package personal

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/dataclass"
)

// Version names the rule set of this room.
const Version = "1"

// detector is the name of this room in findings.
const detector = "personal"

// lead is the number of words of a window that are read again with the next one,
// so that it knows what stands before.
const lead = 24

// scanner is the state of one Scan.
type scanner struct {
	text    []byte
	names   *gazetteer
	lexicon *lexicon
	letters *letters
	tokens  []token // of the window
	seen    role    // roles of its words and of the phrases that begin with them
	numbers bool    // it has some
	flat    bool    // the text has no capitals: small words may be names
	unnamed bool    // it has no fields

	found  []dataclass.Finding // of the identifiers' detector
	dst    []dataclass.Finding
	first  int // in dst, of this room
	budget *dataclass.Budget

	known   keySet    // of names that count
	linked  keySet    // of the words in e-mail addresses
	pending []pending // names that are only possible so far
	last    int       // where the last name that counts ended
}

// pending is a name that becomes likely if its owner's full name turns up.
type pending struct {
	at  int // in dst
	key hash
}

// Scan appends what it finds in t to dst, by Start, without overlaps among
// itself; found is what the identifiers' detector saw in the same text, by
// Start. It appends at most b.Findings, and leaves b.Overspent set if there was
// more.
func Scan(dst []dataclass.Finding, t *dataclass.Text, found []dataclass.Finding, b *dataclass.Budget) []dataclass.Finding {
	s := scanners.Get().(*scanner)
	defer s.release()
	s.text, s.found, s.dst, s.first, s.budget, s.last = t.Bytes, found, dst, len(dst), b, -1
	s.flat, s.unnamed = !s.hasCapital(t.Bytes), len(t.Fields) == 0
	s.link()
	s.scanFields(t)
	fields := s.dst[s.first:len(s.dst):len(s.dst)]
	for at := 0; at < len(s.text); {
		end := s.read(at)
		to := len(s.tokens)
		if end < len(s.text) {
			to -= lead
		}
		from := 0
		if at > 0 {
			from = lead
		}
		s.goOn(fields)
		s.cover(found)
		s.cover(fields)
		s.scanWindow(min(from, to), to)
		if end == len(s.text) {
			break
		}
		at = s.tokens[to-lead].start
		s.last -= to - lead
	}
	return s.finish()
}

// scanners are idle: a window of words is worth using again.
var scanners = sync.Pool{New: func() any {
	return &scanner{names: names(), lexicon: roles(), letters: alphabets(), tokens: make([]token, 0, window)}
}}

// release forgets the text. The sets of names are large: they are emptied where
// they were used.
func (s *scanner) release() {
	s.text, s.found, s.dst, s.budget, s.flat = nil, nil, nil, nil, false
	s.tokens, s.pending = s.tokens[:0], s.pending[:0]
	s.known.empty()
	s.linked.empty()
	scanners.Put(s)
}

func (s *scanner) scanWindow(from, to int) {
	if s.numbers || s.seen&streetAny != 0 {
		s.scanAddresses(from, to)
	}
	s.scanNames(from, to)
	if s.numbers || s.seen&(diagnosis|medication|healthCue|healthLabel) != 0 {
		s.scanHealth(from, to)
	}
	if s.numbers && s.seen&figure != 0 {
		s.scanFigures(from, to)
	}
}

// cover marks the words that are part of something else already.
func (s *scanner) cover(spans []dataclass.Finding) {
	if len(s.tokens) == 0 || len(spans) == 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(spans, s.tokens[0].start, func(f dataclass.Finding, at int) int { return cmp.Compare(f.End, at) })
	i = firm(spans, i)
	for k := range s.tokens {
		t := &s.tokens[k]
		for i < len(spans) && spans[i].End <= t.start {
			i = firm(spans, i+1)
		}
		if i == len(spans) {
			return
		}
		if spans[i].Start < t.end {
			t.glued = true
		}
	}
}

// firm is the first of spans, from i on, that gives way to nothing.
func firm(spans []dataclass.Finding, i int) int {
	for i < len(spans) && yields(&spans[i]) {
		i++
	}
	return i
}

// yields reports whether a finding gives way to an address: the numbers in it may
// look like a telephone number or a postcode.
func yields(f *dataclass.Finding) bool {
	switch f.Entity {
	case dataclass.Email, dataclass.URL, dataclass.Username, dataclass.Name, dataclass.Address, dataclass.Diagnosis, dataclass.Medication:
		return false
	}
	return f.Score < dataclass.VeryLikely || f.Entity == dataclass.Postcode
}

// add appends a finding, if the budget has room for it.
func (s *scanner) add(e dataclass.Entity, start, end, score int, check, cue string) bool {
	if !s.budget.Spend(&s.budget.Findings, 1) {
		return false
	}
	s.dst = append(s.dst, dataclass.Finding{Entity: e, Start: start, End: end, Score: score, Detector: detector, Check: check, Cue: cue})
	return true
}

// finish raises what became likely by the rest of the text, sorts and drops the
// lesser one of two that overlap.
func (s *scanner) finish() []dataclass.Finding {
	for _, p := range s.pending {
		if f := &s.dst[p.at]; f.Score < dataclass.Likely && s.known.has(p.key) {
			f.Score, f.Cue = dataclass.Likely, "named in full elsewhere"
		}
	}
	mine := s.dst[s.first:]
	slices.SortFunc(mine, func(a, b dataclass.Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(b.Score, a.Score))
	})
	mine = withoutOverlaps(mine)
	s.near(mine)
	return s.dst[:s.first+len(mine)]
}

// withoutOverlaps keeps, of sorted findings that overlap, the one that counts,
// then the longest.
func withoutOverlaps(mine []dataclass.Finding) []dataclass.Finding {
	kept := mine[:0]
	for _, f := range mine {
		if n := len(kept); n > 0 && kept[n-1].End > f.Start {
			if better(f, kept[n-1]) {
				kept[n-1] = f
			}
			continue
		}
		kept = append(kept, f)
	}
	return kept
}

func better(f, than dataclass.Finding) bool {
	if f.Counts() != than.Counts() {
		return f.Counts()
	}
	return f.End-f.Start > than.End-than.Start
}

// nearby is the number of bytes within which an address of the net or a
// telephone number speaks for a name.
const nearby = 200

// near raises listed names that stand close to a way to reach somebody.
func (s *scanner) near(mine []dataclass.Finding) {
	i := 0
	for k := range mine {
		f := &mine[k]
		if f.Entity != dataclass.Name || !f.Counts() || f.Check == "" {
			continue
		}
		for i < len(s.found) && (s.found[i].End+nearby < f.Start || !reaches(s.found[i])) {
			i++
		}
		if i < len(s.found) && s.found[i].Start <= f.End+nearby {
			f.Score = max(f.Score, dataclass.VeryLikely)
		}
	}
}

func reaches(f dataclass.Finding) bool {
	return f.Counts() && (f.Entity == dataclass.Email || f.Entity == dataclass.Phone)
}

// hasCapital reports whether a text has a letter in upper case.
func (s *scanner) hasCapital(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for i := 0; i < len(b); {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			if low := w &^ tops; w&tops == 0 && ((low+ones*(0x80-'A'))&^(low+ones*(0x7f-'Z')))&tops == 0 {
				i += 8
				continue
			}
		}
		switch c := b[i]; {
		case c-'A' < 26:
			return true
		case c < 0xC3, c >= 0xD6 && c < 0xE1, c >= 0xE3 && c < 0xEA, c == 0xEF && i+1 < len(b) && b[i+1] != 0xBC: // ASCII, and scripts without case by their first byte
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if l := s.letters.of(r); l.upper {
			return true
		}
		i += n
	}
	return false
}
