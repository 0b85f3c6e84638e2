package secret

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// shape is a regular expression, or one way through its alternatives, as a row
// of byte sets with counts. Most tokens of services are just that, and a row
// is checked at a known place in nanoseconds, where a call of a regular
// expression costs microseconds.
type shape struct {
	steps     []step
	exact     bool // false: the steps are only what every match begins with
	wordStart bool // \b before, behind
	wordEnd   bool
	textStart bool // ^ before, $ behind
	textEnd   bool
	from, to  int  // the steps that are the secret; from < 0: all
	long      bool // a step may take so much that it is not taken twice
}

type step struct {
	set      byteSet
	min, max int // max < 0: without bound
}

// maxShapes bounds the ways through one expression.
const maxShapes = 64

// shapesOf reads an expression in Go's syntax; the shapes together match what
// it matches where all are exact.
func shapesOf(expr string) ([]shape, error) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	x := expansion{shapes: []shape{{exact: true, from: -1, to: -1}}}
	x.walk(tree)
	var out []shape
	for i := range x.shapes {
		s := &x.shapes[i]
		s.settle()
		s.long = slices.ContainsFunc(s.steps, func(st step) bool { return st.max < 0 || st.max-st.min > 64 })
		if !slices.ContainsFunc(out, s.same) {
			out = append(out, *s)
		}
	}
	return out, nil
}

// same reports whether two shapes are one, as ways through an expression may
// be once they are cut.
func (s *shape) same(o shape) bool {
	return s.exact == o.exact && s.wordStart == o.wordStart && s.wordEnd == o.wordEnd && s.textStart == o.textStart && s.textEnd == o.textEnd &&
		(!s.exact || s.from == o.from && s.to == o.to) && slices.Equal(s.steps, o.steps)
}

// expansion is a list of shapes that grow together.
type expansion struct{ shapes []shape }

func (x *expansion) each(f func(*shape)) {
	for i := range x.shapes {
		if s := &x.shapes[i]; s.exact {
			f(s)
		}
	}
}

func (x *expansion) walk(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpEmptyMatch:
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			x.one(literalSet(r, re.Flags&syntax.FoldCase != 0), 1, 1)
		}
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		x.one(classSet(re), 1, 1)
	case syntax.OpCapture:
		x.capture(re)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			x.walk(sub)
		}
	case syntax.OpAlternate:
		x.fork(re.Sub)
	case syntax.OpQuest, syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		x.repeat(re)
	default:
		x.assert(re.Op)
	}
}

func (x *expansion) one(set byteSet, from, to int) {
	x.each(func(s *shape) {
		if s.wordEnd || s.textEnd {
			s.exact = false
			return
		}
		s.steps = append(s.steps[:len(s.steps):len(s.steps)], step{set, from, to})
	})
}

func (x *expansion) capture(re *syntax.Regexp) {
	open := make([]int, len(x.shapes))
	for i, s := range x.shapes {
		open[i] = len(s.steps)
	}
	before := len(x.shapes)
	x.walk(re.Sub[0])
	if re.Cap != 1 || len(x.shapes)%before != 0 {
		return
	}
	for i := range x.shapes {
		if s := &x.shapes[i]; s.from < 0 {
			s.from, s.to = open[i%before], len(s.steps)
		}
	}
}

// fork follows each alternative on its own. The shapes of one alternative
// follow those of the other, each in the order before, so that shape i stems
// from shape i modulo their count as long as alternatives do not fork.
func (x *expansion) fork(subs []*syntax.Regexp) {
	if len(x.shapes)*len(subs) > maxShapes {
		x.each(func(s *shape) { s.exact = false })
		return
	}
	before := x.shapes
	var all []shape
	for _, sub := range subs {
		way := expansion{shapes: append([]shape(nil), before...)}
		way.walk(sub)
		all = append(all, way.shapes...)
	}
	x.shapes = all
	if len(all) > maxShapes {
		x.shapes = before
		x.each(func(s *shape) { s.exact = false })
	}
}

func (x *expansion) repeat(re *syntax.Regexp) {
	low, high := counts(re)
	sub := re.Sub[0]
	for sub.Op == syntax.OpCapture && sub.Cap > 1 {
		sub = sub.Sub[0]
	}
	switch {
	case low == 0 && high == 1:
		x.fork([]*syntax.Regexp{sub, {Op: syntax.OpEmptyMatch}})
	case low == high && low <= 4:
		for range low {
			x.walk(sub)
		}
	case sub.Op == syntax.OpCharClass || sub.Op == syntax.OpAnyChar || sub.Op == syntax.OpAnyCharNotNL:
		x.one(classSet(sub), low, high)
	case sub.Op == syntax.OpLiteral && len(sub.Rune) == 1:
		x.one(literalSet(sub.Rune[0], sub.Flags&syntax.FoldCase != 0), low, high)
	case low == high && low <= 8:
		for range low {
			x.walk(sub)
		}
	default:
		x.each(func(s *shape) { s.exact = false })
	}
}

func counts(re *syntax.Regexp) (low, high int) {
	switch re.Op {
	case syntax.OpQuest:
		return 0, 1
	case syntax.OpStar:
		return 0, -1
	case syntax.OpPlus:
		return 1, -1
	}
	return re.Min, re.Max
}

func (x *expansion) assert(op syntax.Op) {
	x.each(func(s *shape) {
		first := len(s.steps) == 0
		switch {
		case op == syntax.OpWordBoundary && first:
			s.wordStart = true
		case op == syntax.OpWordBoundary:
			s.wordEnd = true
		case op == syntax.OpBeginText && first:
			s.textStart = true
		case op == syntax.OpEndText:
			s.textEnd = true
		default:
			s.exact = false
		}
	})
}

// settle cuts the shape where following it greedily could miss a match: after
// a step of open length that shares bytes with what comes next.
func (s *shape) settle() {
	for i := range s.steps {
		if st := &s.steps[i]; st.min != st.max && !s.greedy(i) {
			s.steps = s.steps[:i+1]
			st.max = st.min
			s.exact = false
			return
		}
	}
}

func (s *shape) greedy(i int) bool {
	set := &s.steps[i].set
	for j := i + 1; j < len(s.steps); j++ {
		if set.meets(&s.steps[j].set) {
			return false
		}
		if s.steps[j].min > 0 {
			return true
		}
	}
	word := setOf("A-Za-z0-9_")
	return !s.wordEnd || i < len(s.steps)-1 || set[0]&^word[0]|set[1]&^word[1]|set[2]&^word[2]|set[3]&^word[3] == 0
}

// offset is where the keyword is in every match, counted from its start; -1
// where that is not known.
func (s *shape) offset(keyword string) int {
	at := 0
	for i := range s.steps {
		if s.spells(i, keyword) {
			return at
		}
		if s.steps[i].min != s.steps[i].max {
			return -1
		}
		at += s.steps[i].min
	}
	return -1
}

// behind is what may follow the first bytes of a match, as many as at.
func (s *shape) behind(at int) byteSet {
	var set byteSet
	for i, n := 0, 0; i < len(s.steps); i++ {
		if n < at {
			n += s.steps[i].min
			continue
		}
		if set.join(&s.steps[i].set); s.steps[i].min > 0 {
			return set
		}
	}
	set.addRange(0, 255)
	return set
}

// spells reports whether the steps from i on are the word: one byte each, at
// least half of them no more than a letter in its two cases, so that no word is
// seen in a row of wide classes.
func (s *shape) spells(i int, word string) bool {
	if i+len(word) > len(s.steps) {
		return false
	}
	sure := 0
	for j := range len(word) {
		st, c := &s.steps[i+j], word[j]
		if !st.set.has(c) && !(isLetter(c) && st.set.has(c&^0x20)) || st.min != 1 || st.max != 1 {
			return false
		}
		if st.set.size() <= 2 {
			sure++
		}
	}
	return 2*sure >= len(word)
}

// match follows the shape from b[at] and says where it ends, or how far it came,
// and where the secret is.
func (s *shape) match(b []byte, at int) (end, from, to int, ok bool) {
	if at < 0 || s.textStart && at > 0 || s.wordStart && !boundary(b, at) {
		return 0, 0, 0, false
	}
	from = at
	p := at
	for i := range s.steps {
		if i == s.from {
			from = p
		}
		n := s.steps[i].run(b[p:])
		p += n
		if n < s.steps[i].min {
			return p, 0, 0, false
		}
		if i == s.to-1 {
			to = p
		}
	}
	if s.from < 0 || s.to < 1 {
		from, to = at, p
	}
	if s.exact && (s.wordEnd && !boundary(b, p) || s.textEnd && p < len(b)) {
		return p, 0, 0, false
	}
	return p, from, to, true
}

func (st *step) run(b []byte) int {
	n := 0
	for n < len(b) && n != st.max && st.set.has(b[n]) {
		n++
	}
	return n
}

func literalSet(r rune, fold bool) byteSet {
	var s byteSet
	if r >= 0x80 {
		return s
	}
	s.add(byte(r))
	if fold && isLetter(byte(r)) {
		s.add(byte(r) ^ 0x20)
	}
	return s
}

// classSet takes bytes for runes, as patterns are compiled (Latin-1): a class
// with any character beyond ASCII has all such bytes.
func classSet(re *syntax.Regexp) byteSet {
	var s byteSet
	if re.Op != syntax.OpCharClass {
		s.addRange(0, 255)
		if re.Op == syntax.OpAnyCharNotNL {
			s[0] &^= 1 << '\n'
		}
		return s
	}
	for i := 0; i < len(re.Rune); i += 2 {
		low, high := re.Rune[i], re.Rune[i+1]
		if low < 0x80 {
			s.addRange(byte(low), byte(min(high, unicode.MaxASCII)))
		}
		if high >= 0x100 && high-low > 0x40 {
			s.addRange(0x80, 0xff)
		}
	}
	return s
}

// spaced reports whether a match of the expression may hold white space.
func spaced(expr string) bool {
	tree, err := syntax.Parse(strings.ReplaceAll(expr, ending, ""), syntax.Perl)
	return err != nil || mayHoldSpace(tree)
}

func mayHoldSpace(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		s := classSet(re)
		return s.has(' ')
	case syntax.OpLiteral:
		return strings.ContainsRune(string(re.Rune), ' ')
	}
	for _, sub := range re.Sub {
		if mayHoldSpace(sub) {
			return true
		}
	}
	return false
}
