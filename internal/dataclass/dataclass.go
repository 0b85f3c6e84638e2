// Package dataclass is the vocabulary of data sensitivity: classes, levels and
// the lattice they form. Detectors produce labels; policies read them.
//
// A label only ever rises: Join takes the higher level and the union of the
// classes, so merging parts of a request never makes it look safer. Content
// that nobody read is Unscanned, which is a fact of its own and counts as
// restricted unless a policy says otherwise.
package dataclass

import (
	"fmt"
	"slices"
	"strings"
)

// Level orders sensitivity.
type Level int

// The levels, lowest first.
const (
	Public Level = iota
	Internal
	Confidential
	Restricted
)

var levelNames = [...]string{"public", "internal", "confidential", "restricted"}

func (l Level) String() string {
	if l < Public || l > Restricted {
		return fmt.Sprintf("Level(%d)", int(l))
	}
	return levelNames[l]
}

// ParseLevel reads a level's name.
func ParseLevel(s string) (Level, error) {
	i := slices.Index(levelNames[:], s)
	if i < 0 {
		return 0, fmt.Errorf("level %q: want one of %s", s, strings.Join(levelNames[:], ", "))
	}
	return Level(i), nil
}

// Class is a kind of sensitive data.
type Class string

// The built-in classes; an organisation adds its own as "custom:<label>".
const (
	RegulatedPersonal Class = "regulated_personal"
	PaymentCard       Class = "payment_card"
	FinancialAccount  Class = "financial_account"
	Health            Class = "health"
	PersonalContact   Class = "personal_contact"
	OnlineIdentifier  Class = "online_identifier"
	Credential        Class = "credential"
	SourceCode        Class = "source_code"
	Financial         Class = "financial"
)

const customPrefix = "custom:"

// facts is the lattice as data: each class's default level, and whether it
// counts as regulated data.
var facts = map[Class]struct {
	level     Level
	regulated bool
}{
	RegulatedPersonal: {Restricted, true},
	PaymentCard:       {Restricted, true},
	FinancialAccount:  {Restricted, true},
	Health:            {Restricted, true},
	PersonalContact:   {Confidential, false},
	OnlineIdentifier:  {Internal, false},
	Credential:        {Restricted, false},
	SourceCode:        {Confidential, false},
	Financial:         {Confidential, false},
}

// Classes lists the built-in classes, sorted.
func Classes() []Class {
	out := make([]Class, 0, len(facts))
	for c := range facts {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// ParseClass reads a class's name: a built-in one, or custom:<label> with a
// label of 1–64 of a–z, 0–9, underscore and hyphen.
func ParseClass(s string) (Class, error) {
	if _, ok := facts[Class(s)]; ok {
		return Class(s), nil
	}
	if label, ok := strings.CutPrefix(s, customPrefix); ok && validLabel(label) {
		return Class(s), nil
	}
	return "", fmt.Errorf("data class %q: want one of %v or custom:<label>", s, Classes())
}

func validLabel(s string) bool {
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// Level is the class's default level; custom classes are confidential until
// configured.
func (c Class) Level() Level {
	if f, ok := facts[c]; ok {
		return f.level
	}
	return Confidential
}

// Regulated reports whether the class is regulated data.
func (c Class) Regulated() bool { return facts[c].regulated }

// Label is what is known about the sensitivity of one piece of content. Its
// zero value says: read in full, nothing found.
type Label struct {
	Level      Level
	Classes    []Class       // sorted, unique
	Entities   []string      // entity types, in Bedrock Guardrails' names; sorted, unique
	Counts     map[Class]int // findings per class; nil when nobody counted
	Regulated  bool
	Confidence int      // 0–100, the lowest among what made Regulated true
	Unscanned  []string // why parts could not be read; empty means all was read
	Truncated  bool     // a limit stopped the reading
	Redactable bool     // every entity has exact offsets in the original
	Detectors  string   // version of the rule set that made the label
}

// Unscanned labels content nobody read, for the given reason.
func Unscanned(reason string) Label {
	return Label{Level: Restricted, Unscanned: []string{reason}}
}

// Declared labels content by a caller's own word. It can only raise: join it
// with what was detected, never put it in its place.
func Declared(classes ...Class) Label {
	var l Label
	for _, c := range classes {
		l.Level = max(l.Level, c.Level())
		l.Regulated = l.Regulated || c.Regulated()
		l.Classes = append(l.Classes, c)
	}
	slices.Sort(l.Classes)
	l.Classes = slices.Compact(l.Classes)
	if l.Regulated {
		l.Confidence = 100
	}
	return l
}

// Join merges two labels: the higher level, the union of everything else.
// Counts add up, since the labels are of different parts.
func (l Label) Join(m Label) Label {
	out := Label{
		Level:      max(l.Level, m.Level),
		Classes:    union(l.Classes, m.Classes),
		Entities:   union(l.Entities, m.Entities),
		Counts:     sum(l.Counts, m.Counts),
		Regulated:  l.Regulated || m.Regulated,
		Unscanned:  union(l.Unscanned, m.Unscanned),
		Truncated:  l.Truncated || m.Truncated,
		Redactable: l.Redactable && m.Redactable,
		Detectors:  l.Detectors,
	}
	if out.Detectors == "" {
		out.Detectors = m.Detectors
	}
	switch {
	case l.Regulated && m.Regulated:
		out.Confidence = min(l.Confidence, m.Confidence)
	case l.Regulated:
		out.Confidence = l.Confidence
	case m.Regulated:
		out.Confidence = m.Confidence
	}
	return out
}

func sum(a, b map[Class]int) map[Class]int {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := make(map[Class]int, max(len(a), len(b)))
	for _, counts := range []map[Class]int{a, b} {
		for c, n := range counts {
			out[c] += n
		}
	}
	return out
}

func union[T ~string](a, b []T) []T {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
