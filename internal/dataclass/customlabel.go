package dataclass

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// The bounds of an organisation's own label.
const (
	maxWords    = 2000
	maxPatterns = 50
	maxTerm     = 512 // bytes of one word or pattern
)

// CustomLabel is a class of an organisation's own, and what it is found by:
// words and patterns. Content that holds one of them has the class custom:<name>.
type CustomLabel struct {
	ID    string `json:"-" yaml:"-"` // 1–64 of a–z, 0–9, underscore and hyphen
	Title string `json:"title,omitempty" yaml:"title,omitempty"`
	// Level of content that has the label; empty means confidential.
	Level     string `json:"level,omitempty" yaml:"level,omitempty"`
	Regulated bool   `json:"regulated,omitempty" yaml:"regulated,omitempty"` // it counts as regulated data
	// Words are whole words or phrases; Patterns are regular expressions in
	// RE2's syntax (https://github.com/google/re2/wiki/Syntax).
	Words         []string `json:"words,omitempty" yaml:"words,omitempty"`
	Patterns      []string `json:"patterns,omitempty" yaml:"patterns,omitempty"`
	CaseSensitive bool     `json:"caseSensitive,omitempty" yaml:"caseSensitive,omitempty"`
}

// Class is the class of content that has the label.
func (c *CustomLabel) Class() Class { return Class(customPrefix + c.ID) }

// Sensitivity is the level of content that has the label.
func (c *CustomLabel) Sensitivity() Level {
	if l, err := ParseLevel(c.Level); err == nil {
		return l
	}
	return Confidential
}

// Validate reports everything that is wrong with a label, or nil. No message
// repeats a word or pattern: they may be secrets themselves.
func (c *CustomLabel) Validate() error {
	var errs []error
	if !validLabel(c.ID) {
		errs = append(errs, fmt.Errorf("name %q: want 1–64 of a–z 0–9 _ -", c.ID))
	}
	if c.Level != "" {
		_, err := ParseLevel(c.Level)
		errs = append(errs, err)
	}
	if len(c.Words)+len(c.Patterns) == 0 {
		errs = append(errs, errors.New("words or patterns must name at least one"))
	}
	errs = append(errs, eachTerm("words", c.Words, maxWords, validWord), eachTerm("patterns", c.Patterns, maxPatterns, validPattern))
	return errors.Join(errs...)
}

func eachTerm(field string, terms []string, most int, valid func(string) error) error {
	if len(terms) > most {
		return fmt.Errorf("%s: %d are too many: at most %d", field, len(terms), most)
	}
	var errs []error
	seen := make(map[string]bool, len(terms))
	for i, t := range terms {
		err := valid(t)
		switch {
		case len(t) > maxTerm:
			err = fmt.Errorf("it is longer than %d bytes", maxTerm)
		case seen[t]:
			err = errors.New("it is there twice")
		}
		if seen[t] = true; err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", field, i, err))
		}
	}
	return errors.Join(errs...)
}

func validWord(s string) error {
	switch {
	case strings.TrimSpace(s) != s || s == "":
		return errors.New("it is empty, or begins or ends with a space")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }):
		return errors.New("it is not plain text")
	}
	return nil
}

// validPattern accepts what both Go's regexp/syntax and RE2 read. A pattern that
// matches nothing at all would mark everything.
func validPattern(s string) error {
	if s == "" || len(s) > maxTerm || !utf8.ValidString(s) {
		return errors.New("it is empty, or not plain text")
	}
	parsed, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		var bad *syntax.Error
		if errors.As(err, &bad) {
			return fmt.Errorf("it is not a pattern: %s", bad.Code)
		}
		return errors.New("it is not a pattern")
	}
	compiled, err := regexp.Compile(s)
	switch {
	case err != nil:
		return errors.New("it is not a pattern")
	case compiled.MatchString(""):
		return errors.New("it matches the empty text, and so everything")
	case !steady(parsed):
		return errors.New("text could make it slow: use * or + for what stands between two parts in place of a count such as {0,200}")
	}
	return nil
}

// Within reports whether content that has an earlier form of the label has it,
// at least as sensitive, in this one too: whether nothing was taken away.
func (c *CustomLabel) Within(now *CustomLabel) bool {
	if now == nil || now.Sensitivity() < c.Sensitivity() || c.Regulated && !now.Regulated || now.CaseSensitive && !c.CaseSensitive {
		return false
	}
	return holdsAll(now.Words, c.Words) && (now.CaseSensitive == c.CaseSensitive || len(c.Patterns) == 0) && holdsAll(now.Patterns, c.Patterns)
}

func holdsAll(list, wanted []string) bool {
	there := make(map[string]bool, len(list))
	for _, s := range list {
		there[s] = true
	}
	for _, s := range wanted {
		if !there[s] {
			return false
		}
	}
	return true
}
