package dataclass

import "slices"

// Redactable reports whether redaction replaces what a class is found by. Code
// and figures are not spans that a placeholder could stand for, and what an
// organisation's own label means only the organisation knows.
func (c Class) Redactable() bool {
	_, builtin := facts[c]
	return builtin && c != SourceCode && c != Financial
}

// ToRedact reports whether redaction would take a class away.
func (l Label) ToRedact() bool { return slices.ContainsFunc(l.Classes, Class.Redactable) }

// Redacted is the label as it would be once every span that can be replaced is:
// never above the original. A label without exact offsets, and one with nothing
// to replace, stay as they are. How much of level and regulation is an
// organisation's own label's a label does not tell: beside one, both stay.
func (l Label) Redacted() Label {
	if !l.Redactable || !l.ToRedact() {
		return l
	}
	out := l
	out.Classes = without(l.Classes, Class.Redactable)
	out.Entities = without(l.Entities, func(e string) bool { return Entity(e).Kind().Class.Redactable() })
	out.Counts = nil
	for c, n := range l.Counts {
		if c.Redactable() {
			continue
		}
		if out.Counts == nil {
			out.Counts = make(map[Class]int, len(l.Counts))
		}
		out.Counts[c] = n
	}
	if slices.ContainsFunc(out.Classes, func(c Class) bool { _, builtin := facts[c]; return !builtin }) {
		return out
	}
	out.Regulated, out.Confidence = false, 0
	if len(l.Unscanned) == 0 {
		out.Level = Public
	}
	for _, c := range out.Classes {
		out.Level = min(max(out.Level, c.Level()), l.Level)
	}
	return out
}

// without is a list without the items of a kind; nil when none is left.
func without[T any](list []T, gone func(T) bool) []T {
	var out []T
	for _, item := range list {
		if !gone(item) {
			out = append(out, item)
		}
	}
	return out
}
