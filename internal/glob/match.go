package glob

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// inOrder reports whether tokens have this property: of two ways to match the
// start of a string, the one that has come to a later star is at least as good,
// that is, whatever the other one can still match, it can.
//
// It always holds for a Star, which takes any text. It also holds for a
// StarInSegment s2 if no Star comes before it and no One stands between it and
// a StarInSegment s1 before it. For let two ways come to s1 in the same segment
// of the string, as they do at the first one, before which every token takes
// one character. If the tokens between s1 and s2 include the literal ':', then
// the next colon of the string must be the first of them, and both ways come to
// s2 at the same place. If not, neither s1 nor these tokens take a colon, so
// that both come to s2 in the same segment, and the earlier one can take the
// text up to the later one.
//
// The segment-wise reading of a pattern without other wildcards is in order.
func inOrder(tokens []Token) bool {
	star, seg, one := false, false, false
	for _, t := range tokens {
		switch t {
		case Star:
			star = true
		case One:
			one = seg
		case StarInSegment:
			if star || one {
				return false
			}
			seg = true
		}
	}
	return true
}

// Match reports whether the pattern matches the whole of s. It takes at most
// len(s) times the number of tokens steps, and about len(s) for common ones.
func (p Pattern) Match(s string) bool {
	if !strings.HasPrefix(s, p.prefix) {
		return false
	}
	s = s[len(p.prefix):]
	if len(p.rest) == 0 {
		return s == ""
	}
	switch {
	case p.pieces != nil:
		return find(p.pieces, s)
	case p.ordered:
		return p.scan(s)
	}
	return p.simulate(s)
}

// find matches pieces in order, each where it first occurs, but the last at the
// end of s. It compares bytes: the first byte of a character cannot be found
// within another one.
func find(pieces []piece, s string) bool {
	last := len(pieces) - 1
	for _, p := range pieces[:last] {
		at := strings.Index(s, p.text)
		if at < 0 || !p.skips(s[:at]) {
			return false
		}
		s = s[at+len(p.text):]
	}
	rest, ok := strings.CutSuffix(s, pieces[last].text)
	return ok && pieces[last].skips(rest)
}

// skips reports whether a piece's star takes s.
func (p piece) skips(s string) bool {
	return p.star == Star || strings.IndexByte(s, ':') < 0
}

// scan matches the tokens after the prefix. As they are in order, it has to
// come back to the last star only.
func (p Pattern) scan(s string) bool {
	toks := p.rest
	pos, next := 0, 0    // of s in bytes, and of toks
	star, taken := -1, 0 // the last star, and the end of what it takes
	for pos < len(s) {
		r, size := p.char(s, pos)
		switch {
		case next < len(toks) && toks[next].takes(r):
			pos, next = pos+size, next+1
		case next < len(toks) && isStar(toks[next]):
			if next == len(toks)-1 && toks[next] == Star {
				return true
			}
			star, taken, next = next, pos, next+1
		case star < 0:
			return false
		default:
			r, size = p.char(s, taken)
			if toks[star] == StarInSegment && r == ':' {
				return false
			}
			taken += size
			pos, next = taken, star+1
		}
	}
	if next < len(toks) && isStar(toks[next]) {
		next++
	}
	return next == len(toks)
}

// char returns the character of s at pos, in lower case when p is folded, and
// its size in bytes.
func (p *Pattern) char(s string, pos int) (rune, int) {
	r, size := rune(s[pos]), 1
	if r >= utf8.RuneSelf {
		r, size = utf8.DecodeRuneInString(s[pos:])
	}
	if p.folded {
		r = unicode.ToLower(r)
	}
	return r, size
}

// takes reports whether a token that is no star matches r.
func (t Token) takes(r rune) bool {
	switch t {
	case One:
		return true
	case OneInSegment:
		return r != ':'
	}
	return t == Token(r)
}

// simulate matches the tokens after the prefix by following all ways at once.
func (p Pattern) simulate(s string) bool {
	cells := appendCells(nil, p.rest, p.folded)
	set, spare := []uint32{0}, []uint32(nil)
	for pos := 0; pos < len(s) && len(set) > 0; {
		r, size := utf8.DecodeRuneInString(s[pos:])
		set, spare = advance(cells, false, set, spare[:0], symbol{r, unicode.ToLower(r)}), set
		pos += size
	}
	for _, at := range set {
		if cells[reading(cells, at)].tok == end {
			return true
		}
	}
	return false
}

// cell is one token of the list that positions count in. Several patterns may
// share a list; each is followed by an end.
type cell struct {
	tok    Token
	folded bool
}

func appendCells(cells []cell, tokens []Token, folded bool) []cell {
	for _, t := range tokens {
		cells = append(cells, cell{t, folded})
	}
	return append(cells, cell{tok: end})
}

// symbol is a character and its lower case.
type symbol struct{ char, low rune }

// takes reports whether a cell that is no star matches the character.
func (c cell) takes(s symbol) bool {
	if c.folded {
		return c.tok.takes(s.low)
	}
	return c.tok.takes(s.char)
}

// reading returns the cell that takes the next character at a position: a
// star's position also stands for the one after it, which is never a star.
func reading(cells []cell, at uint32) uint32 {
	if isStar(cells[at].tok) {
		return at + 1
	}
	return at
}

// advance appends to out the positions after a character, given those before
// it. Both are in ascending order and leave out what a star stands for: the
// position after it, and whatever it is at least as good as, which is every
// position before a Star and, in a pattern in order, before any star. They are
// of one pattern, unlike what is in out before.
func advance(cells []cell, ordered bool, set, out []uint32, s symbol) []uint32 {
	first := len(out)
	for _, at := range set {
		tok := cells[at].tok
		if tok == Star || tok == StarInSegment && s.char != ':' {
			out = arrive(cells, ordered, out, first, at)
		}
		if next := reading(cells, at); cells[next].takes(s) {
			out = arrive(cells, ordered, out, first, next+1)
		}
	}
	return out
}

// arrive adds a position to a set, of which out[first:] are of the same pattern.
// From one position to the next, those added never descend: a position adds
// itself, if it is a star, and at most two more.
func arrive(cells []cell, ordered bool, out []uint32, first int, at uint32) []uint32 {
	tok := cells[at].tok
	if tok == Star || ordered && tok == StarInSegment {
		return append(out[:first], at)
	}
	if n := len(out); n > first {
		last := out[n-1]
		if last == at || last == at-1 && isStar(cells[last].tok) {
			return out
		}
	}
	return append(out, at)
}
