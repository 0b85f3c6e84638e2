package awsiam

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/glob"
)

// currentVersion is the version of the language that knows variables. A
// document without a version has the older one.
const (
	currentVersion = "2012-10-17"
	olderVersion   = "2008-10-17"
)

// Text is a string of a policy that may hold wildcards and variables.
type Text struct {
	Source string
	parts  []textPart   // of a text with variables
	fixed  bool         // no variables
	exact  bool         // fixed, and without wildcards: Source is all that matches
	pat    glob.Pattern // when fixed and not exact
}

var anything = glob.Parse("*")

// textPart is a run of tokens, or a variable.
type textPart struct {
	tokens   []glob.Token
	variable string // key in lower case; empty: tokens
	fallback string
	hasElse  bool
}

// ParseText reads a text. Wildcards count when wild, variables when variables:
// they are ${key}, ${key, 'default'} and the characters ${*}, ${?} and ${$}
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
func ParseText(s string, wild, variables bool) (Text, error) {
	if !variables || !strings.Contains(s, "${") {
		return plainText(s, wild), nil
	}
	t := Text{Source: s, fixed: true}
	var run []glob.Token
	flush := func() {
		if len(run) > 0 {
			t.parts, run = append(t.parts, textPart{tokens: run}), nil
		}
	}
	for rest := s; rest != ""; {
		at := strings.Index(rest, "${")
		if at < 0 {
			run = appendTokens(run, rest, wild)
			break
		}
		run = appendTokens(run, rest[:at], wild)
		inside, after, closed := strings.Cut(rest[at+2:], "}")
		if !closed {
			return t, fmt.Errorf("%.120q opens a variable and does not close it", s)
		}
		rest = after
		if len(inside) == 1 && strings.Contains("*?$", inside) {
			run = append(run, glob.Token(inside[0]))
			continue
		}
		v, err := parseVariable(inside)
		if err != nil {
			return t, fmt.Errorf("%.120q: %w", s, err)
		}
		flush()
		t.parts, t.fixed = append(t.parts, v), false
	}
	flush()
	if t.fixed {
		t.pat, t.parts = glob.Compile(t.joined(nil)), nil
	}
	return t, nil
}

// plainText is a text in which no ${ is special.
func plainText(s string, wild bool) Text {
	t := Text{Source: s, fixed: true}
	switch {
	case s == "*" && wild:
		t.pat = anything
	case wild && strings.ContainsAny(s, "*?"):
		t.pat = glob.Parse(s)
	case !strings.ContainsRune(s, utf8.RuneError):
		t.exact = true
	default: // stands for bytes that are not UTF-8 as well
		t.pat = glob.Literal(s)
	}
	return t
}

func appendTokens(run []glob.Token, s string, wild bool) []glob.Token {
	for _, r := range s {
		switch {
		case wild && r == '*':
			run = append(run, glob.Star)
		case wild && r == '?':
			run = append(run, glob.One)
		default:
			run = append(run, glob.Token(r))
		}
	}
	return run
}

func parseVariable(inside string) (textPart, error) {
	key, fallback, has := strings.Cut(inside, ",")
	v := textPart{variable: strings.ToLower(strings.TrimSpace(key)), hasElse: has}
	if v.variable == "" || strings.ContainsAny(v.variable, "${*?'\"") {
		return v, fmt.Errorf("${%.60s} names no key", inside)
	}
	if !has {
		return v, nil
	}
	fallback = strings.TrimSpace(fallback)
	if len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\'' {
		return v, fmt.Errorf("the default of ${%.60s} is not in single quotes", inside)
	}
	v.fallback = fallback[1 : len(fallback)-1]
	return v, nil
}

// joined is all tokens, variables replaced by their values, which are literal.
func (t Text) joined(values []string) []glob.Token {
	var all []glob.Token
	for _, p := range t.parts {
		if p.variable == "" {
			all = append(all, p.tokens...)
			continue
		}
		for _, r := range values[0] {
			all = append(all, glob.Token(r))
		}
		values = values[1:]
	}
	return all
}

// Fixed returns the pattern of a text without variables.
func (t Text) Fixed() (glob.Pattern, bool) {
	if t.exact {
		return glob.Literal(t.Source), true
	}
	return t.pat, t.fixed
}

// match is whether a text without variables matches.
func (t *Text) match(s string) bool {
	if t.exact {
		return s == t.Source
	}
	return t.pat.Match(s)
}

// Variables lists the keys that the text's variables name, in lower case.
func (t Text) Variables() []string {
	var keys []string
	for _, p := range t.parts {
		if p.variable != "" {
			keys = append(keys, p.variable)
		}
	}
	return keys
}

// Resolve replaces variables by what a context says. It is False when one has
// neither a value nor a default: such a text matches nothing. It is Unknown
// when one has several values, or one that is not known.
func (t Text) Resolve(ctx Context) (glob.Pattern, Truth) {
	if p, fixed := t.Fixed(); fixed {
		return p, True
	}
	tokens, known := t.resolveTokens(ctx)
	if known != True {
		return glob.Pattern{}, known
	}
	return glob.Compile(tokens), True
}

func (t Text) resolveTokens(ctx Context) ([]glob.Token, Truth) {
	var values []string
	for _, p := range t.parts {
		if p.variable == "" {
			continue
		}
		switch v, ok := ctx[p.variable]; {
		case ok && (v.Doubt != "" || v.Multi):
			return nil, Unknown
		case ok && len(v.Items) == 1:
			values = append(values, v.Items[0])
		case p.hasElse:
			values = append(values, p.fallback)
		default:
			return nil, False
		}
	}
	return t.joined(values), True
}
