package personal

import (
	"cmp"
	"slices"

	"github.com/writ-project/writ/internal/dataclass"
)

// speaks is how much the words around a run say for a person.
type speaks int

const (
	silent speaks = iota
	weakly        // they make a listed name likely
	fairly        // they make two words with capitals likely, and a listed name that is a word too
	firmly        // they make any word with a capital likely
)

// score weighs a run; zero means that it is no name.
func (s *scanner) score(r *run) (int, string) {
	around, why := s.around(r)
	if (r.org || r.orgAfter) && around < firmly && !(r.org && !r.orgAfter && r.full == 2 && around > silent && s.tokens[r.lastWord].marks&(given|surname) != 0) {
		return 0, ""
	}
	if r.full == 1 {
		return s.scoreWord(r, around, why), why
	}
	return s.scorePair(r, around), why
}

// scoreWord weighs a single name.
func (s *scanner) scoreWord(r *run, around speaks, why string) int {
	t := &s.tokens[r.lastWord]
	listed, doubtful := t.marks&(given|surname) != 0, t.marks&word != 0
	switch {
	case t.marks&(given|surname|place) == place, t.end-t.start < 3 && !listed, t.shape == upper && !shouted(t, around, why):
		return 0
	case around == firmly && listed && !doubtful:
		return dataclass.VeryLikely
	case around == firmly, around == fairly && t.marks&given != 0:
		return dataclass.Likely
	case r.initials && t.marks&surname != 0 && !doubtful && !r.lone && t.shape == capital,
		why == "list" && listed && !r.lone, around >= weakly && listed && !doubtful && (t.marks&place == 0 || why != "cue"), r.refs && !doubtful && !r.lone:
		return dataclass.Likely
	case t.marks&given != 0 && !doubtful && t.marks&place == 0 && t.shape != upper:
		return dataclass.Possible
	}
	return 0
}

// shouted reports whether a single word in capitals may be a name: most such
// words are short forms.
func shouted(t *token, around speaks, why string) bool {
	return around == firmly && t.end-t.start > 3 && (t.marks&(given|surname) != 0 || why == "title")
}

// scorePair weighs a run of two names and more.
func (s *scanner) scorePair(r *run, around speaks) int {
	listed := (r.first | r.last) & (given | surname)
	plainFirst := r.first&given != 0 && r.first&(word|place) == 0
	plainLast := r.last&surname != 0 && r.last&(word|place) == 0
	switch {
	case around == firmly && listed != 0:
		return dataclass.VeryLikely
	case around == firmly, around > silent && (plainFirst || plainLast), around == fairly, r.refs && !r.lone:
		return dataclass.Likely + 10
	case r.allUpper && !(plainFirst && plainLast):
		return 0
	case plainFirst && r.last&(surname|given) != 0 && !(r.lone && r.last&word != 0):
		return dataclass.Likely + 5
	case plainFirst && r.last == 0 && !r.lone && s.tokens[r.lastWord].shape == capital:
		return dataclass.Likely
	case (r.first&given != 0 || r.first == 0) && plainLast && !r.lone:
		return dataclass.Likely
	case r.first&(surname|word|place) == surname && r.last&(given|word|place) == given:
		return dataclass.Likely
	case listed != 0 && r.unknown, plainFirst, plainLast:
		return dataclass.Possible
	}
	return 0
}

// around finds what speaks for a person before and after a run.
func (s *scanner) around(r *run) (speaks, string) {
	if w, why := s.before(r); w == firmly {
		return w, why
	} else if v, what := s.after(r); v > w || v == w && v > silent && why != "list" {
		return v, what
	} else {
		return w, why
	}
}

func (s *scanner) before(r *run) (speaks, string) {
	i := r.i
	if i == 0 {
		return s.listed(r)
	}
	p, g := &s.tokens[i-1], s.tokens[i].gap
	switch {
	case p.roles&title != 0 && (g == 0 && p.end-p.start > 1 || g == gapStop && s.tokens[i].start-p.end <= 2 && (p.shape != small || p.end-p.start > 1)):
		if p.shape != small || p.roles&stop == 0 {
			return firmly, "title"
		}
		return fairly, "title"
	case g&(gapColon|gapDash) != 0 && g&(gapBlank|gapStop|gapOpen) == 0 && (g&gapLine == 0 || g&gapColon != 0) && s.phraseBefore(i, label):
		if g&gapLine != 0 {
			return weakly, "label"
		}
		return firmly, "label"
	case g&(gapComma|gapLine) != 0 && g&(gapColon|gapStop) == 0 && s.phraseBefore(i, closing):
		return firmly, "closing"
	case g&^gapComma == 0 && s.phraseBefore(i, greeting):
		return firmly2(s.tokens[i].marks), "greeting"
	}
	if g&^(gapQuote|gapOpen) == 0 {
		if n := s.phraseLength(i, cue); n > 0 {
			return s.cueStrength(i, n), "cue"
		}
	}
	if g == gapComma && p.roles&cue != 0 {
		return weakly, "cue"
	}
	return s.listed(r)
}

// firmly2: a greeting before a word that is in no list may greet anything.
func firmly2(m mark) speaks {
	if m&(given|surname) != 0 {
		return firmly
	}
	return weakly
}

// cueStrength: a phrase of several words leaves no doubt, unless it ends in one
// that may lead to anything, and "my son" leaves none; other single words leave
// some.
func (s *scanner) cueStrength(i, words int) speaks {
	last := s.tokens[i-1].key
	switch {
	case words > 1 && (last == toKey || last == byKey || last == withKey):
		return fairly
	case words > 1:
		return firmly
	case last == calledKey || last == namedKey:
		return fairly
	case i > 1 && s.tokens[i].gap == 0 && s.tokens[i-1].gap == 0 && possessives[s.tokens[i-2].key]:
		return firmly
	}
	return weakly
}

var calledKey, namedKey = hashOf("called"), hashOf("named")

// possessives are the words that make a word for somebody one's own: my son.
var possessives = map[hash]bool{hashOf("my"): true, hashOf("his"): true, hashOf("her"): true}

var toKey, byKey, withKey = hashOf("to"), hashOf("by"), hashOf("with")

// listed reports whether the run goes on a list of names, or is a speaker's.
func (s *scanner) listed(r *run) (speaks, string) {
	i := r.i
	g := s.tokens[i].gap
	if s.unnamed && i == 0 && g&gapStart != 0 && r.j == len(s.tokens) && s.tokens[r.j-1].end+2 >= len(s.text) {
		return weakly, "alone"
	}
	if i > 0 && s.last >= 0 && s.last == i-1 && g == gapComma {
		return weakly, "list"
	}
	if i > 1 && s.last >= 0 && s.last == i-2 && g == 0 && s.tokens[i-1].end-s.tokens[i-1].start <= 4 && s.tokens[i-1].roles&stop != 0 {
		return weakly, "list"
	}
	if g&(gapLine|gapStart|gapClose) != 0 && g&(gapComma|gapOther|gapOpen) == 0 && r.j < len(s.tokens) {
		if n := &s.tokens[r.j]; n.gap&gapColon != 0 && n.start-s.tokens[r.j-1].end <= 3 {
			if g&gapClose != 0 {
				return fairly, "speaker" // [09:15] Mark:
			}
			return weakly, "speaker"
		}
	}
	return silent, ""
}

func (s *scanner) after(r *run) (speaks, string) {
	if r.j >= len(s.tokens) {
		return silent, ""
	}
	n := &s.tokens[r.j]
	switch {
	case n.shape == small && n.gap == 0 && n.roles&verb != 0 && !s.tokens[r.j-1].owns:
		return weakly, "verb"
	case s.tokens[r.j-1].owns && n.roles&kin != 0:
		return weakly, "possession"
	case (r.first|r.last)&(given|surname) != 0 && s.described(s.tokens[r.j-1].end, regulated):
		return fairly, "description"
	case s.paired(r.j):
		return weakly, "pair"
	case n.gap&(gapDash|gapComma|gapColon|gapOpen) != 0 && s.described(s.tokens[r.j-1].end, reaches):
		return weakly, "reach"
	}
	return silent, ""
}

// regulated reports whether a finding is an age or an official number or date of
// a person.
func regulated(f dataclass.Finding) bool {
	return f.Counts() && (f.Entity == dataclass.Age || f.Class() == dataclass.RegulatedPersonal)
}

// described reports whether a finding of a kind that people have stands right
// behind the offset, on its line: Anna, 34.
func (s *scanner) described(at int, kind func(dataclass.Finding) bool) bool {
	const reach = 14
	i, _ := slices.BinarySearchFunc(s.found, at, func(f dataclass.Finding, at int) int { return cmp.Compare(f.Start, at) })
	for ; i < len(s.found) && s.found[i].Start <= at+reach; i++ {
		if f := s.found[i]; kind(f) && oneWord(s.text[at:f.Start]) {
			return true
		}
	}
	return false
}

// oneWord reports whether no more than one word, and no line break, is in what
// parts a name from what describes it.
func oneWord(b []byte) bool {
	words := 0
	for i, c := range b {
		if c == '\n' {
			return false
		}
		if classes[c] == inLetter && (i == 0 || classes[b[i-1]] != inLetter) {
			words++
		}
	}
	return words < 2
}

// paired reports whether the word at k joins what stands before to a given name
// that is nothing else.
func (s *scanner) paired(k int) bool {
	if k+1 >= len(s.tokens) || s.tokens[k].gap != 0 || s.tokens[k+1].gap != 0 || !joiners[s.tokens[k].key] {
		return false
	}
	n := &s.tokens[k+1]
	return n.shape == capital && n.marks&given != 0 && n.marks&(word|place) == 0 && n.roles&(stop|org) == 0
}

var joiners = map[hash]bool{hashOf("and"): true, hashOf("und"): true, hashOf("et"): true, hashOf("y"): true, hashOf("e"): true, hashOf("i"): true, hashOf("en"): true, hashOf("och"): true, hashOf("og"): true, hashOf("ja"): true}

// phraseBefore reports whether a phrase with the role ends before word i.
func (s *scanner) phraseBefore(i int, r role) bool { return s.phraseLength(i, r) > 0 }

// phraseLength is the number of words of the longest phrase with the role that
// ends before word i.
func (s *scanner) phraseLength(i int, r role) int {
	if i == 0 || s.tokens[i-1].shape >= number {
		return 0
	}
	best := 0
	if s.tokens[i-1].roles&r != 0 {
		best = 1
	}
	for k := 2; k <= maxPhrase && k <= i; k++ {
		if s.tokens[i-k+1].gap&(gapLine|gapBlank) != 0 {
			break
		}
		if s.tokens[i-k].first&r == 0 {
			continue
		}
		if is, _ := s.lexicon.get(phrase(s.tokens[i-k : i])); is&r != 0 {
			best = k
		}
	}
	return best
}
