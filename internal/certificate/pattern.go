package certificate

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/writ-project/writ/internal/awsiam"
)

// token is one character of a pattern, or a wildcard: '*' or '?'.
type token struct {
	char rune
	wild rune // 0: the character itself
	stay bool // the wildcard does not match a colon
}

// pattern is a list of tokens, read by the checker itself; fold: blind to case.
type pattern struct {
	tokens []token
	fold   bool
}

// matches reports whether a token other than a star matches a character.
func (p *pattern) matches(t token, r rune) bool {
	switch {
	case t.wild != 0:
		return !t.stay || r != ':'
	case p.fold:
		return unicode.ToLower(t.char) == unicode.ToLower(r)
	}
	return t.char == r
}

// The places in a pattern that the characters so far may have come to, in
// ascending order. A star's place is also that of what follows it.
type places []uint16

// maxTokens bounds a pattern, so that places fit.
const maxTokens = 60_000

func (p *pattern) start() places { return p.arrive(nil, 0) }

// arrive adds a place, and those after stars that may match nothing.
func (p *pattern) arrive(out places, at int) places {
	for ; ; at++ {
		if !slices.Contains(out, uint16(at)) {
			out = append(out, uint16(at))
		}
		if at == len(p.tokens) || p.tokens[at].wild != '*' {
			return out
		}
	}
}

// after is where a character leads. Whatever a place before a star that matches
// everything can still match, the star can, so that such places are left out.
func (p *pattern) after(from places, r rune) places {
	var out places
	for _, at := range from {
		if int(at) == len(p.tokens) {
			continue
		}
		switch t := p.tokens[at]; {
		case !p.matches(t, r):
		case t.wild == '*':
			out = p.arrive(out, int(at))
		default:
			out = p.arrive(out, int(at)+1)
		}
	}
	slices.Sort(out)
	for i, at := range slices.Backward(out) {
		if int(at) < len(p.tokens) && p.tokens[at].wild == '*' && !p.tokens[at].stay {
			return out[i:]
		}
	}
	return out
}

func (p *pattern) accepts(at places) bool {
	return len(at) > 0 && int(at[len(at)-1]) == len(p.tokens)
}

// match reports whether the pattern matches the whole of s.
func (p *pattern) match(s string) bool {
	at := p.start()
	for _, r := range s {
		if at = p.after(at, r); len(at) == 0 {
			return false
		}
	}
	return p.accepts(at)
}

// literal is the one string that matches, when there is one.
func (p *pattern) literal() (string, bool) {
	var b strings.Builder
	for _, t := range p.tokens {
		if t.wild != 0 || p.fold && unicode.IsLetter(t.char) {
			return "", false
		}
		b.WriteRune(t.char)
	}
	return b.String(), true
}

func literal(s string) []token {
	var out []token
	for _, r := range s {
		out = append(out, token{char: r})
	}
	return out
}

func colons(tokens []token) (n int) {
	for _, t := range tokens {
		if t.wild == 0 && t.char == ':' {
			n++
		}
	}
	return n
}

// bySegment makes the wildcards before the fifth colon keep to their segment.
func bySegment(tokens []token) []token {
	out, n := slices.Clone(tokens), 0
	for i := range out {
		if out[i].wild == 0 && out[i].char == ':' {
			n++
		}
		out[i].stay = out[i].wild != 0 && n < 5
	}
	return out
}

// read returns the pattern of a shape.
func (s Shape) read() (pattern, error) {
	t, err := readText(s.Pattern, true, true, nil, func(string) bool { return true })
	switch {
	case err != nil:
		return pattern{}, err
	case t.dead || t.hole != "":
		return pattern{}, errors.New("a shape holds a variable")
	case s.Segments:
		return pattern{tokens: bySegment(t.tokens)}, nil
	}
	return pattern{tokens: t.tokens}, nil
}

func readShapes(shapes []Shape) (out []pattern, err error) {
	for _, s := range shapes {
		p, err := s.read()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// text is a string of a policy, its variables replaced. One variable may be
// open: a hole between tokens and rest.
type text struct {
	tokens, rest []token
	hole         string // key in lower case; empty: none
	dead         bool   // a variable has no single value: it matches nothing, or is Unknown, whatever is free
}

var errHoles = errors.New("a text refers to free keys more than once")

// readText reads a string of a policy as the language has it: wildcards if
// wild, variables if variables. known says which keys the context knows, be it
// as absent; the others are free.
func readText(s string, wild, variables bool, ctx awsiam.Context, known func(string) bool) (t text, err error) {
	into := &t.tokens
	for s != "" {
		before, rest, opened := s, "", false
		if variables {
			before, rest, opened = strings.Cut(s, "${")
		}
		*into = append(*into, characters(before, wild)...)
		if !opened {
			break
		}
		inside, after, closed := strings.Cut(rest, "}")
		if !closed {
			return t, errors.New("a variable is not closed")
		}
		s = after
		if inside == "*" || inside == "?" || inside == "$" {
			*into = append(*into, literal(inside)...)
			continue
		}
		key, fallback, has := strings.Cut(inside, ",")
		key = awsiam.Key(strings.TrimSpace(key))
		switch v := ctx[key]; {
		case !known(key) && t.hole != "":
			return t, errHoles
		case !known(key):
			t.hole, into = key, &t.rest
		case v.Doubt != "" || v.Multi || len(v.Items) == 0 && !has:
			t.dead = true
		case len(v.Items) == 1:
			*into = append(*into, literal(v.Items[0])...)
		default:
			*into = append(*into, literal(unquoted(fallback))...)
		}
	}
	return t, nil
}

func unquoted(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSuffix(strings.TrimPrefix(s, "'"), "'")
}

func characters(s string, wild bool) []token {
	out := literal(s)
	for i := range out {
		if wild && (out[i].char == '*' || out[i].char == '?') {
			out[i].wild = out[i].char
		}
	}
	return out
}

// fillings are the values of the hole with which the text may match s.
func (t *text) fillings(s string, fold bool) (out []pattern) {
	before, after := pattern{t.tokens, fold}, pattern{t.rest, fold}
	var ends []int
	for j := range len(s) + 1 {
		if after.match(s[j:]) {
			ends = append(ends, j)
		}
	}
	for i := range len(s) + 1 {
		if !before.match(s[:i]) {
			continue
		}
		for _, j := range ends {
			if i <= j && len(out) <= maxItems { // more are refused
				out = append(out, pattern{literal(s[i:j]), fold})
			}
		}
	}
	return out
}
