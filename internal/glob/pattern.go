// Package glob matches strings against patterns with the wildcards * and ?,
// and finds the classes of strings that a list of patterns tells apart.
//
// AWS IAM compares actions, resources and condition values with such patterns
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html);
// nothing else here knows about IAM. The package is pure and trusts nothing:
// patterns and strings may come from anybody, need not be UTF-8, and cost no
// more than a bounded count of steps.
//
// A character is a Unicode code point. Each byte that is not part of valid
// UTF-8 counts as one utf8.RuneError, in patterns as in strings.
package glob

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Token is one element of a pattern: a character (≥ 0), or a wildcard.
type Token rune

// The wildcards.
const (
	Star          Token = -1 // any run of characters, also none
	One           Token = -2 // any one character
	StarInSegment Token = -3 // any run of characters other than ':', also none
	OneInSegment  Token = -4 // any one character other than ':'
)

// end follows the last token where several patterns share a list.
const end Token = -5

// The bytes that stand for wildcards and for folding in a key. None of them
// occurs in UTF-8.
const (
	keyFolded    = 0xfe
	keyWildcards = 0xf8 // the wildcard w is keyWildcards - w
)

// firstSegments is the number of colon-separated segments that wildcards do
// not leave when a pattern is read segment-wise: all of an ARN's but the last.
const firstSegments = 5

// Pattern is a set of strings. It does not change; the zero Pattern matches
// the empty string only. Use Key, or Equal, to compare two.
type Pattern struct {
	tokens  []Token // in normal form; in lower case when folded
	folded  bool
	ordered bool   // see inOrder
	prefix  string // the characters that every match begins with; empty when folded
	rest    []Token
	pieces  []piece // of rest, when it is but stars and UTF-8; see find
	key     string
}

// Parse reads a pattern in which * and ? are wildcards and every other
// character stands for itself.
func Parse(s string) Pattern {
	tokens := make([]Token, 0, len(s))
	for _, r := range s {
		switch r {
		case '*':
			tokens = append(tokens, Star)
		case '?':
			tokens = append(tokens, One)
		default:
			tokens = append(tokens, Token(r))
		}
	}
	return Compile(tokens)
}

// Literal returns the pattern in which every character stands for itself.
func Literal(s string) Pattern {
	tokens := make([]Token, 0, len(s))
	for _, r := range s {
		tokens = append(tokens, Token(r))
	}
	return Compile(tokens)
}

// Compile returns the pattern of a list of tokens, which it does not keep.
// Runs of wildcards are brought into a normal form, so that spellings such as
// ** and *, or *? and ?*, give equal patterns. A token that is no character
// and no wildcard stands for utf8.RuneError.
func Compile(tokens []Token) Pattern {
	out := make([]Token, 0, len(tokens))
	for _, t := range tokens {
		if t < OneInSegment || t >= 0 && !utf8.ValidRune(rune(t)) {
			t = utf8.RuneError
		}
		out = push(out, t)
	}
	return build(out, false)
}

// push appends a token to a list in normal form: no two stars are neighbours,
// and a star follows the single characters of its own kind.
func push(out []Token, t Token) []Token {
	if len(out) == 0 {
		return append(out, t)
	}
	last := len(out) - 1
	switch top := out[last]; {
	case t == Star && top == StarInSegment:
		return push(out[:last], t)
	case isStar(t) && isStar(top):
		return out
	case t == One && top == Star, t == OneInSegment && top == StarInSegment:
		return append(out[:last], t, top)
	}
	return append(out, t)
}

func isStar(t Token) bool { return t == Star || t == StarInSegment }

// build completes a pattern from tokens in normal form.
func build(tokens []Token, folded bool) Pattern {
	p := Pattern{tokens: tokens, folded: folded, ordered: inOrder(tokens), rest: tokens}
	p.key = encode(tokens, folded)
	if folded {
		return p
	}
	p.prefix = literalStart(tokens)
	p.rest = tokens[utf8.RuneCountInString(p.prefix):]
	if p.ordered {
		p.pieces = cut(p.rest)
	}
	return p
}

// literalStart returns the characters before the first token that is a wildcard
// or stands for several strings of bytes.
func literalStart(tokens []Token) string {
	n := slices.IndexFunc(tokens, func(t Token) bool { return t < 0 || t == utf8.RuneError })
	if n < 0 {
		n = len(tokens)
	}
	return encode(tokens[:n], false)
}

// piece is a star and the literal text after it.
type piece struct {
	star Token
	text string
}

// cut returns the pieces that tokens consist of, or nil if they do not.
func cut(tokens []Token) []piece {
	var pieces []piece
	for len(tokens) > 0 {
		if !isStar(tokens[0]) {
			return nil
		}
		text := literalStart(tokens[1:])
		pieces = append(pieces, piece{tokens[0], text})
		tokens = tokens[1+utf8.RuneCountInString(text):]
	}
	return pieces
}

// encode returns the key of tokens. Without wildcards and folding it is the
// literal text itself.
func encode(tokens []Token, folded bool) string {
	b := make([]byte, 0, len(tokens)+1)
	if folded {
		b = append(b, keyFolded)
	}
	for _, t := range tokens {
		if t < 0 {
			b = append(b, byte(keyWildcards-int(t)))
			continue
		}
		b = utf8.AppendRune(b, rune(t))
	}
	return string(b)
}

// Fold returns the pattern that is blind to case: it matches the strings that
// equal a match of p once both are in lower case, character by character as
// unicode.ToLower has it.
func (p Pattern) Fold() Pattern {
	lower, cased := make([]Token, len(p.tokens)), false
	for i, t := range p.tokens {
		lower[i] = t
		if t >= 0 {
			low := unicode.ToLower(rune(t))
			lower[i] = Token(low)
			cased = cased || len(caseVariants(low)) > 1
		}
	}
	return build(lower, cased)
}

// caseVariants returns every character whose lower case is low, which is the
// lower case of some character; low comes first.
func caseVariants(low rune) []rune {
	variants := []rune{low}
	for r := unicode.SimpleFold(low); r != low; r = unicode.SimpleFold(r) {
		if unicode.ToLower(r) == low {
			variants = append(variants, r)
		}
	}
	if low == 'i' {
		variants = append(variants, 'İ') // the only one that SimpleFold keeps apart
	}
	return variants
}

// SegmentWise reads s as Parse does, and then segment-wise.
func SegmentWise(s string) (Pattern, bool) { return Parse(s).SegmentWise() }

// SegmentWise returns the reading of an ARN pattern in which the wildcards of
// the first five colon-separated segments do not match a colon, while those of
// the sixth, which is all the rest, match anything. It is false when p has
// fewer than six segments.
func (p Pattern) SegmentWise() (Pattern, bool) {
	out, colons := make([]Token, 0, len(p.tokens)), 0
	for _, t := range p.tokens {
		switch {
		case t == ':':
			colons++
		case t == Star && colons < firstSegments:
			t = StarInSegment
		case t == One && colons < firstSegments:
			t = OneInSegment
		}
		out = push(out, t)
	}
	if colons < firstSegments {
		return Pattern{}, false
	}
	return build(out, p.folded), true
}

// IsLiteral reports whether exactly one string matches, and which. A folded
// pattern with a letter in it is not literal, nor is one of bytes that are not
// UTF-8, which stand for each other.
func (p Pattern) IsLiteral() (string, bool) {
	if p.folded || len(p.rest) > 0 {
		return "", false
	}
	return p.prefix, true
}

// wild reports whether p has a wildcard.
func (p Pattern) wild() bool {
	return slices.ContainsFunc(p.tokens, func(t Token) bool { return t < 0 })
}

// text returns the characters of a pattern that is not wild.
func (p Pattern) text() string {
	if p.folded {
		return p.key[1:]
	}
	return p.key
}

// Key identifies the pattern: equal patterns have equal keys. It is not UTF-8
// and not for people.
func (p Pattern) Key() string { return p.key }

// Equal reports whether p and q are the same pattern.
func (p Pattern) Equal(q Pattern) bool { return p.key == q.key }

// String spells the pattern in normal form, wildcards as * and ?, and a
// character that is one of these as ${*} or ${?}, as IAM does. It shows
// neither the kind of a wildcard nor, but for lower case, folding.
func (p Pattern) String() string {
	var b strings.Builder
	for _, t := range p.tokens {
		switch t {
		case Star, StarInSegment:
			b.WriteByte('*')
		case One, OneInSegment:
			b.WriteByte('?')
		case '*', '?':
			b.WriteString("${" + string(rune(t)) + "}")
		default:
			b.WriteRune(rune(t))
		}
	}
	return b.String()
}
