package classifier

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"github.com/writ-project/writ/internal/dataclass"
)

// Replaced reports whether redaction replaces a finding: all that counts,
// except passages, whose sense is not in a value that could be cut out.
func Replaced(f dataclass.Finding) bool {
	return f.Counts() && f.Class().Redactable()
}

// Redactor replaces values by placeholders such as {NAME_1}. In a conversation
// the same value always gets the same placeholder, and what is sent again gets
// the placeholders it had, so that the model can refer to them and a prompt
// cache still serves. One Redactor serves one request and its answer.
type Redactor struct {
	numbers map[string]int // by entity and canonical value
	last    map[dataclass.Entity]int
}

// NewRedactor makes a Redactor that has seen nothing.
func NewRedactor() *Redactor {
	return &Redactor{numbers: make(map[string]int), last: make(map[dataclass.Entity]int)}
}

// Replacement is the text that takes the place of a part's.
type Replacement struct {
	Part int
	Text []byte
}

// Redact replaces what was found in parts. It returns the parts that change, by
// number, and how many findings were replaced. Findings that are not Exact
// stay: the label says whether there are any.
func (r *Redactor) Redact(parts []Part, found []Found) (out []Replacement, replaced int) {
	cuts := make(map[int][]cut)
	for i := range found {
		f := &found[i]
		if !f.Exact || !Replaced(f.Finding) {
			continue
		}
		replaced++
		cuts[f.Part] = append(cuts[f.Part], cut{f.Start, f.End, f})
		for _, rest := range f.Rest {
			cuts[rest.Part] = append(cuts[rest.Part], cut{start: rest.Start, end: rest.End})
		}
	}
	for i := range parts {
		if here := cuts[i]; len(here) > 0 {
			out = append(out, Replacement{i, r.splice(parts, i, here)})
		} else {
			r.reserve(parts[i].Text)
		}
	}
	return out, replaced
}

// cut is a range to take out; what nothing was found in by itself is the rest
// of what was found before.
type cut struct {
	start, end int
	found      *Found
}

func (r *Redactor) splice(parts []Part, i int, cuts []cut) []byte {
	slices.SortFunc(cuts, func(a, b cut) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	text := parts[i].Text
	var out []byte
	at := 0
	for _, c := range cuts {
		if c.end <= at {
			continue // inside what is gone already
		}
		start := max(c.start, at)
		r.reserve(text[at:start])
		out = append(out, text[at:start]...)
		if c.found != nil && c.start >= at {
			out = append(out, r.Placeholder(c.found.Entity, valueOf(parts, c.found))...)
		}
		at = c.end
	}
	r.reserve(text[at:])
	return append(out, text[at:]...)
}

// valueOf is the text of a finding, over all the parts that it lies in.
func valueOf(parts []Part, f *Found) []byte {
	value := parts[f.Part].Text[f.Start:f.End]
	for _, rest := range f.Rest {
		value = append(slices.Clip(value), parts[rest.Part].Text[rest.Start:rest.End]...)
	}
	return value
}

// Placeholder is what stands for a value, the same each time.
func (r *Redactor) Placeholder(e dataclass.Entity, value []byte) string {
	key := string(e) + "\x00" + canonical(value)
	n, ok := r.numbers[key]
	if !ok {
		r.last[e]++
		n = r.last[e]
		r.numbers[key] = n
	}
	return "{" + string(e) + "_" + strconv.Itoa(n) + "}"
}

// canonical is a value without what people write differently: separators and
// case.
func canonical(value []byte) string {
	out := make([]byte, 0, len(value))
	for _, c := range bytes.ToLower(value) {
		if c >= 0x80 || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			out = append(out, c)
		}
	}
	return string(out)
}

// reserve keeps the numbers of placeholders that a text holds already, which
// an earlier answer brought into the conversation.
func (r *Redactor) reserve(text []byte) {
	for {
		open := bytes.IndexByte(text, '{')
		if open < 0 {
			return
		}
		text = text[open+1:]
		if e, n, ok := placeholder(text); ok {
			r.last[e] = max(r.last[e], n)
		}
	}
}

// placeholder reads what follows the brace of a placeholder.
func placeholder(text []byte) (dataclass.Entity, int, bool) {
	const longest = 64
	end := bytes.IndexByte(text[:min(len(text), longest)], '}')
	if end < 0 {
		return "", 0, false
	}
	bar := bytes.LastIndexByte(text[:end], '_')
	if bar < 0 || end-bar > 7 {
		return "", 0, false
	}
	n, err := strconv.Atoi(string(text[bar+1 : end]))
	e := dataclass.Entity(text[:bar])
	return e, n, err == nil && n > 0 && e.Known()
}
