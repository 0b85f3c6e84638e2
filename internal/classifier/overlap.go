package classifier

import (
	"cmp"
	"slices"

	"github.com/writ-project/writ/internal/dataclass"
)

// settled leaves of findings that overlap the better one: what counts before
// what does not, what names one thing before words that are a name too, then
// the longer, then the surer. Source code and an organisation's labels speak
// of whole passages, and stand beside whatever is in them. What it returns is
// good until the next call.
func (t *tools) settled(found []dataclass.Finding) []dataclass.Finding {
	kept := t.kept[:0]
	last := -1 // index in kept of the last finding that others may not overlap
	for _, i := range t.inOrder(found) {
		f := &found[i]
		switch {
		case passage(f):
			kept = append(kept, *f)
		case last < 0 || f.Start >= kept[last].End:
			last = len(kept)
			kept = append(kept, *f)
		case better(f, &kept[last]):
			kept[last] = *f
		}
	}
	t.kept = kept
	if !slices.IsSortedFunc(kept, byStart) {
		slices.SortStableFunc(kept, byStart)
	}
	return kept
}

// inOrder is the numbers of findings by their start, the longer first: findings
// are large, and several detectors' lists are rarely one in order.
func (t *tools) inOrder(found []dataclass.Finding) []int32 {
	t.order = t.order[:0]
	for i := range found {
		t.order = append(t.order, int32(i))
	}
	slices.SortFunc(t.order, func(i, j int32) int {
		a, b := &found[i], &found[j]
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(i, j))
	})
	return t.order
}

func byStart(a, b dataclass.Finding) int { return cmp.Compare(a.Start, b.Start) }

func passage(f *dataclass.Finding) bool {
	return f.Entity == dataclass.SourceText || f.Entity == dataclass.Custom
}

func better(a, b *dataclass.Finding) bool {
	return cmp.Or(
		compareBool(a.Counts(), b.Counts()),
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(a.End-a.Start, b.End-b.Start),
		cmp.Compare(a.Score, b.Score),
	) > 0
}

// rank orders findings by how much their text can be anything else.
func rank(f *dataclass.Finding) int {
	switch {
	case f.Entity.Kind().Class == dataclass.Credential:
		return 3
	case f.Check != "":
		return 2
	case f.Entity == dataclass.URL:
		return 0
	default:
		return 1
	}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

func byPlace(a, b *Found) int {
	return cmp.Or(cmp.Compare(a.Part, b.Part), cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
}

// sort orders what was found by place. What was decoded comes after the text
// that it was decoded from, so it is often not in order.
func (w *work) sort() {
	if slices.IsSortedFunc(w.found, func(a, b Found) int { return byPlace(&a, &b) }) {
		return
	}
	order := w.tools.order[:0]
	for i := range w.found {
		order = append(order, int32(i))
	}
	slices.SortFunc(order, func(i, j int32) int { return cmp.Or(byPlace(&w.found[i], &w.found[j]), cmp.Compare(i, j)) })
	sorted := make([]Found, len(order))
	for to, from := range order {
		sorted[to] = w.found[from]
	}
	w.found, w.tools.order = sorted, order
}
