package glob

import (
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxSymbols bounds the alphabet, so that a symbol's number fits 16 bits and a
// letter that no pattern names can always be found.
const maxSymbols = 1 << 14

// preferred are the characters that stand for "any other", best first: letters
// that ARNs rarely name.
const preferred = "xzqjvwykghfpbumldctnrsoiea" + "9876543210" + "XZQJVWYKGHFPBUMLDCTNRSOIEA"

// alphabet numbers the characters that patterns tell apart. Number 0 is the
// character that stands for all that no pattern names; letters and digits come
// before the rest, so that witnesses prefer them.
type alphabet struct {
	symbols []symbol
	numbers []uint16               // of the symbols: 0, 1, 2 …
	words   int                    // that a set of symbols takes
	plain   map[rune]uint16        // number by character
	folded  map[rune][]uint16      // numbers by lower case, of what a folded pattern names
	colon   bool                   // a wildcard keeps to a segment
	ascii   [2][utf8.RuneSelf]bool // named by a pattern that is not folded, or is
}

// newAlphabet returns false if the patterns name too many characters.
func newAlphabet(entries []*entry) (*alphabet, bool) {
	a := &alphabet{plain: map[rune]uint16{}, folded: map[rune][]uint16{}}
	for _, e := range entries {
		a.addLiterals(e.Pattern)
	}
	if a.colon {
		a.plain[':'] = 0
	}
	a.addVariants()
	if len(a.plain) >= maxSymbols {
		return nil, false
	}
	a.number()
	return a, true
}

// addLiterals notes the characters that one pattern names. As most are ASCII and
// named before, it looks them up in a small table first.
func (a *alphabet) addLiterals(p Pattern) {
	known := &a.ascii[0]
	if p.folded {
		known = &a.ascii[1]
	}
	for _, t := range p.tokens {
		switch {
		case t == StarInSegment || t == OneInSegment:
			a.colon = true
		case t < 0:
		case t >= utf8.RuneSelf:
			a.addLiteral(rune(t), p.folded)
		case !known[t]:
			known[t] = true
			a.addLiteral(rune(t), p.folded)
		}
	}
}

func (a *alphabet) addLiteral(r rune, folded bool) {
	if folded {
		a.folded[r] = nil
	} else {
		a.plain[r] = 0
	}
}

// addVariants adds, for each character that a folded pattern names, one that
// only folded patterns match, if there is one, besides those that others name.
func (a *alphabet) addVariants() {
	for low := range a.folded {
		for _, r := range caseVariants(low) {
			if _, named := a.plain[r]; !named {
				a.plain[r] = 0
				break
			}
		}
	}
}

// number gives every character its symbol, the one that stands for all others
// first.
func (a *alphabet) number() {
	chars := make([]rune, 0, len(a.plain))
	for r := range a.plain {
		chars = append(chars, r)
	}
	slices.SortFunc(chars, func(r, s rune) int {
		return cmp.Or(cmp.Compare(rank(r), rank(s)), cmp.Compare(r, s))
	})
	a.symbols = append(make([]symbol, 0, len(chars)+1), newSymbol(a.other()))
	for _, r := range chars {
		a.plain[r] = uint16(len(a.symbols))
		if numbers, ok := a.folded[unicode.ToLower(r)]; ok {
			a.folded[unicode.ToLower(r)] = append(numbers, a.plain[r])
		}
		a.symbols = append(a.symbols, newSymbol(r))
	}
	for n := range a.symbols {
		a.numbers = append(a.numbers, uint16(n))
	}
	a.words = (len(a.symbols) + 63) / 64
}

// rank orders characters by how they look in a witness.
func rank(r rune) int {
	if unicode.IsLetter(r) || unicode.IsDigit(r) {
		return 0
	}
	return 1
}

func newSymbol(r rune) symbol { return symbol{r, unicode.ToLower(r)} }

// other returns a character that no pattern names.
func (a *alphabet) other() rune {
	for _, r := range preferred {
		if a.free(r) {
			return r
		}
	}
	r := 'à'
	for !unicode.IsLetter(r) || !a.free(r) {
		r++ // far more letters exist than maxSymbols
	}
	return r
}

// free reports whether no pattern tells a character from any that none names.
func (a *alphabet) free(r rune) bool {
	_, plain := a.plain[r]
	_, folded := a.folded[unicode.ToLower(r)]
	return !plain && !folded
}

// named returns the symbols that a cell tells from symbol 0.
func (a *alphabet) named(c cell) []uint16 {
	switch {
	case c.tok == StarInSegment || c.tok == OneInSegment:
		return a.single(':')
	case c.tok < 0:
		return nil
	case c.folded:
		return a.folded[rune(c.tok)]
	}
	return a.single(rune(c.tok))
}

// single returns the symbol of a character that a pattern names.
func (a *alphabet) single(r rune) []uint16 {
	n := a.plain[r]
	return a.numbers[n : n+1]
}
