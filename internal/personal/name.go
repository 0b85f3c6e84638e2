package personal

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// maxName is the number of words that a name may have.
const maxName = 7

// scanNames judges every run of words that may be a name.
func (s *scanner) scanNames(from, to int) {
	for i := from; i < to; {
		if s.tokens[i].shape == small && !s.flat && (i == 0 || s.tokens[i-1].roles&(title|cue) == 0 && s.tokens[i-1].key != isKey) {
			i++
			continue
		}
		if !s.begins(i) {
			i++
			continue
		}
		j := s.extend(i)
		s.judge(i, j)
		i = j
	}
}

// begins reports whether a name may start with a word.
func (s *scanner) begins(i int) bool {
	t := &s.tokens[i]
	if t.glued || t.shape >= number {
		return false
	}
	if t.shape == small {
		return s.smallName(i) || s.particleName(i)
	}
	if t.roles&title != 0 && t.shape != initial && (!s.fullName(i) || s.tokens[i+1].marks&given != 0) {
		return false
	}
	if t.roles&(stop|greeting) != 0 {
		return s.fullName(i) || s.titled(i)
	}
	return nameable(t) && (t.marks != 0 || t.shape != capital || !s.camel(t))
}

// titled reports whether a listed family name stands behind a title: Ms Jenkins.
func (s *scanner) titled(i int) bool {
	t := &s.tokens[i]
	return i > 0 && t.shape == capital && t.marks&surname != 0 && t.gap&^gapStop == 0 && s.tokens[i-1].roles&title != 0 && s.tokens[i-1].shape == capital
}

// fullName reports whether a word that is usually no name is the given name
// before a plain family name: Will Smith, Don Johnson.
func (s *scanner) fullName(i int) bool {
	if t := &s.tokens[i]; t.marks&given == 0 || t.roles&greeting != 0 || t.shape != capital || i+1 >= len(s.tokens) {
		return false
	}
	n := &s.tokens[i+1]
	return n.gap == 0 && !n.glued && n.shape == capital && n.marks&(surname|word|place) == surname && n.roles&(stop|org) == 0
}

// nameable reports whether a word with a capital may be part of a name.
func nameable(t *token) bool {
	if t.glued || t.shape == small || t.shape >= number || t.roles&stop != 0 {
		return false
	}
	return t.marks&word == 0 || t.marks&(given|surname) != 0 || t.shape == initial
}

// camel reports whether a word has a capital inside, as names of code and
// products have, and is no DeShawn, MacDonald or FitzGerald.
func (s *scanner) camel(t *token) bool {
	w := s.text[t.start:t.end]
	for i := 2; i < len(w); i++ {
		if w[i] < 'A' || w[i] > 'Z' || w[i-1] == '-' || w[i-1] == '\'' || w[i-1] >= 'A' && w[i-1] <= 'Z' {
			continue
		}
		switch string(w[:i]) {
		case "Mac", "Van", "Von", "Del", "Ben", "Fitz":
			return false
		}
		return i > 2 && w[i-1] != 0x99 // the end of a curly apostrophe
	}
	return false
}

// smallName reports whether a word without a capital is a name all the same:
// the text has no capitals, or the words before leave no doubt.
func (s *scanner) smallName(i int) bool {
	t := &s.tokens[i]
	if t.roles&(stop|greeting|title|particle|org) != 0 || t.end-t.start < 3 {
		return false
	}
	if s.flat {
		return t.marks&(given|surname) != 0 && t.marks&word == 0 && (t.marks&place == 0 || s.phraseBefore(i, cue))
	}
	if i == 0 || t.gap&^gapStop != 0 {
		return false
	}
	p := &s.tokens[i-1]
	if p.roles&title == 0 && (p.key != isKey && p.key != tellKey && p.key != askKey || t.gap != 0 || !s.phraseBefore(i, cue)) {
		return false
	}
	if p.roles&title != 0 && (p.shape == small && t.gap == 0 || p.end-p.start < 2) {
		return false
	}
	m := s.names.marks(t.key)
	t.marks = m
	return m&(given|surname) != 0 && m&(word|place) == 0
}

// particleName reports whether a particle begins a name behind a title: heer de
// Vries.
func (s *scanner) particleName(i int) bool {
	if i == 0 || s.tokens[i].roles&particle == 0 || s.tokens[i-1].roles&title == 0 || s.tokens[i].gap&^gapStop != 0 {
		return false
	}
	k := s.particles(i)
	return k > i && k < len(s.tokens) && s.joined(k) && s.tokens[k].shape == capital && nameable(&s.tokens[k])
}

var isKey, tellKey, askKey = hashOf("is"), hashOf("tell"), hashOf("ask")

// extend is the end of the run of words that starts at i.
func (s *scanner) extend(i int) int {
	j := i + 1
	for j < len(s.tokens) && j-i < maxName && s.joined(j) {
		t := &s.tokens[j]
		if t.roles&suffix != 0 && t.shape != small {
			return j + 1
		}
		if s.continues(i, j) {
			j++
			continue
		}
		k := s.particles(j)
		if k == j || k >= len(s.tokens) || !s.joined(k) || !nameable(&s.tokens[k]) {
			break
		}
		j = k + 1
	}
	return j
}

// continues reports whether the word at j can go on a name that starts at i.
func (s *scanner) continues(i, j int) bool {
	t, p := &s.tokens[j], &s.tokens[j-1]
	if p.owns || p.shape == upper != (t.shape == upper) && p.shape != initial && t.shape != initial && !s.flat && j-i < 2 && t.marks == 0 {
		return false
	}
	if t.shape == small {
		return s.flat && !t.glued && t.roles&^particle == 0 && t.marks&(word|place) == 0 && (t.marks != 0 || !s.inflected(t)) ||
			!s.flat && s.tokens[i].shape == small && s.names.marks(t.key)&(surname|word|place) == surname
	}
	if t.roles&title != 0 && t.shape != initial && t.marks&surname == 0 {
		return false
	}
	if t.roles&stop != 0 && t.shape == capital && t.marks&surname != 0 && t.marks&word == 0 && !t.glued {
		return p.marks&(given|word) == given
	}
	return nameable(t) && (t.marks != 0 || t.shape != capital || !s.camel(t))
}

// inflected reports whether a word without a capital ends as English verbs and
// plurals do, which the list of words leaves out.
func (s *scanner) inflected(t *token) bool {
	w := s.text[t.start:t.end]
	for _, e := range [...]string{"ing", "ed", "ly", "s", "'t"} {
		if bytes.HasSuffix(w, []byte(e)) {
			return true
		}
	}
	return false
}

// joined reports whether only a space, or the full stop of an initial, parts the
// word at j from the one before.
func (s *scanner) joined(j int) bool {
	t, p := &s.tokens[j], &s.tokens[j-1]
	if t.start-p.end > 2 {
		return false
	}
	return t.gap == 0 || t.gap == gapStop && p.shape == initial
}

// particles is the index behind the particles from j on: van der, de la.
func (s *scanner) particles(j int) int {
	k := j
	for k < len(s.tokens) && k-j < 3 && s.joined(k) && s.tokens[k].shape == small && s.tokens[k].roles&particle != 0 {
		k++
	}
	return k
}

// judge decides on the run [i, j) and notes it if it may be a name. Without a
// word at its start that only the beginning of a sentence may have given its
// capital, the rest is tried again.
func (s *scanner) judge(i, j int) {
	for ; i < j; i++ {
		r := s.measure(i, j)
		if !r.refused {
			if score, why := s.score(&r); score > 0 {
				s.note(&r, score, why)
				return
			}
		}
		if s.tokens[i].marks&word == 0 || r.org || i+1 < j && !s.begins(i+1) {
			return
		}
	}
}

// run is a candidate with what speaks for and against it.
type run struct {
	i, j     int // words
	full     int // words but initials, particles and suffixes
	first    mark
	last     mark
	lastWord int  // index of the family name, or of the only word
	unknown  bool // a word that is in no list
	org      bool // one of its words is an organisation's
	orgAfter bool
	refused  bool
	refs     bool // a word of it was named before, or is in an e-mail address
	allUpper bool
	lone     bool // capitals of a heading stand on either side
	initials bool // it begins with one, and a full stop
}

func (s *scanner) measure(i, j int) run {
	r := run{i: i, j: j, lastWord: i, allUpper: true}
	for k := i; k < j; k++ {
		t := &s.tokens[k]
		if t.shape == small && t.roles&particle != 0 && !s.flat || t.roles&suffix != 0 && k > i {
			continue
		}
		r.org = r.org || t.roles&org != 0
		r.allUpper = r.allUpper && t.shape == upper
		if t.shape == initial {
			continue
		}
		if r.full == 0 {
			r.first = t.marks
		}
		r.full++
		r.last, r.lastWord = t.marks, k
		r.unknown = r.unknown || t.marks == 0
		r.refs = r.refs || t.marks&word == 0 && (s.known.has(t.key) || s.linked.has(t.key))
	}
	r.initials = s.tokens[i].shape == initial && j == i+2 && s.tokens[i+1].gap == gapStop
	r.refused = r.full == 0 || s.isPlace(&r) || s.beside(&r)
	return r
}

// isPlace reports whether the whole run, or its first two words, is a place.
func (s *scanner) isPlace(r *run) bool {
	if r.j-r.i < 2 {
		return false
	}
	if s.names.marks(phrase(s.tokens[r.i:r.i+2]))&place != 0 {
		return true
	}
	return r.j-r.i < maxPhrase && s.names.marks(phrase(s.tokens[r.i:r.j]))&place != 0
}

// beside looks at the words on either side: an organisation's, a heading's.
func (s *scanner) beside(r *run) bool {
	if r.j < len(s.tokens) && s.joined(r.j) {
		n := &s.tokens[r.j]
		if n.shape != small && n.shape < number && n.roles&(org|streetSuf) != 0 && n.roles&title == 0 {
			r.orgAfter = true
		}
		r.lone = n.shape == capital && n.roles&(verb|greeting) == 0
		if r.j+1 < len(s.tokens) && joiners[n.key] && s.tokens[r.j+1].gap == 0 && s.tokens[r.j+1].shape == capital && s.tokens[r.j+1].roles&org != 0 {
			r.orgAfter = true // Borer and Sons
		}
	}
	if r.i == 0 || s.tokens[r.i].gap&^gapStop != 0 || s.tokens[r.i].gap == gapStop {
		return false
	}
	p := &s.tokens[r.i-1]
	if p.shape == capital && p.roles&orgBefore != 0 || p.key == ofKey && r.i > 1 && s.tokens[r.i-2].roles&org != 0 && s.tokens[r.i-2].shape != small {
		return true
	}
	r.lone = r.lone || p.shape == capital && p.marks&word != 0 && p.roles&(title|stop|greeting|cue|label) == 0
	return false
}

var ofKey = hashOf("of")

// ageBehind notes the age that stands between commas or in brackets behind a name
// that ends before k: Anna Long, 34, said.
func (s *scanner) ageBehind(k int) {
	if k >= len(s.tokens) || s.tokens[k].shape != number || s.tokens[k].glued {
		return
	}
	t := &s.tokens[k]
	if t.gap != gapComma && t.gap != gapOpen || t.end-t.start != 2 || s.text[t.start] == '0' || t.end == len(s.text) {
		return
	}
	if after := s.text[t.end]; t.gap == gapOpen && after == ')' || t.gap == gapComma && after == ',' && !s.letterAt(t.end+1) && (k+1 == len(s.tokens) || s.tokens[k+1].shape < number) {
		s.add(dataclass.Age, t.start, t.end, dataclass.Likely+10, "", "behind a name")
	}
}

// note appends the finding and remembers its words.
func (s *scanner) note(r *run, score int, why string) {
	start, end := s.tokens[r.i].start, s.tokens[r.j-1].end
	check := ""
	if (r.first|r.last)&(given|surname) != 0 {
		check = "gazetteer"
	}
	if !s.add(dataclass.Name, start, end, score, check, why) {
		return
	}
	if score < dataclass.Likely {
		if len(s.pending) < 256 && r.full == 1 {
			s.pending = append(s.pending, pending{len(s.dst) - 1, s.tokens[r.lastWord].key})
		}
		return
	}
	s.last = r.j - 1
	s.ageBehind(r.j)
	for k := r.i; k < r.j; k++ {
		if t := &s.tokens[k]; t.shape != initial && t.roles&(particle|suffix) == 0 && t.marks&word == 0 {
			s.known.add(t.key)
		}
	}
}
