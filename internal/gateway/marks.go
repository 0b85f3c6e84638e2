package gateway

import (
	"cmp"
	"slices"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/classifier"
)

// marks are what is to be replaced of a streamed answer.
type marks struct {
	found int              // findings of the answer that were looked at
	by    map[string][]cut // by channel, in order
}

// cut is a range of a channel's text, and what takes its place.
type cut struct {
	start, end  int
	placeholder string
}

// mark marks what was found since the last time. It reports whether all of it
// can be replaced.
func (s *sluice) mark() bool {
	found := s.reading.stream.Findings(s.marks.found)
	s.marks.found += len(found)
	for i := range found {
		f := &found[i]
		if f.Late || !classifier.Replaced(f.Finding) {
			continue // it has gone, or stays
		}
		if !f.Exact {
			return false
		}
		channel := s.reading.names[f.Part]
		c := cut{f.Start, f.End, s.r.x.redactor().Placeholder(f.Entity, s.text(channel, f.Start, f.End))}
		s.marks.by[channel] = append(s.marks.by[channel], c)
		slices.SortStableFunc(s.marks.by[channel], func(a, b cut) int { return cmp.Compare(a.start, b.start) })
		s.r.x.answered.redacted++
	}
	return true
}

// text is what is held of a range of a channel's text.
func (s *sluice) text(channel string, start, end int) (text []byte) {
	for _, h := range s.queue {
		for _, r := range h.runs {
			if r.channel == channel && r.start < end && start < r.end {
				text = append(text, r.piece.Value[max(start, r.start)-r.start:min(end, r.end)-r.start]...)
			}
		}
	}
	return text
}

// rewritten is a unit with what was marked in it replaced. It reports whether
// that could be done.
func (s *sluice) rewritten(h *heldUnit) ([]byte, bool) {
	var edits []bedrock.Edit
	for _, r := range h.runs {
		value, changed := s.marks.apply(r)
		if !changed {
			continue
		}
		if !r.piece.Spliceable() {
			return nil, false
		}
		edits = append(edits, bedrock.Edit{Start: r.piece.Start, End: r.piece.End, Value: value})
	}
	if len(edits) == 0 {
		return h.unit.raw(), true
	}
	raw, err := s.r.in.rewrite(&h.unit, edits)
	if err != nil {
		s.r.x.g.cfg.Log.Error("a streamed answer could not be redacted", "id", s.r.x.id, "err", err)
	}
	return raw, err == nil
}

// apply is a piece of a channel's text with what is marked in it replaced: the
// placeholder stands where the finding begins.
func (m *marks) apply(r run) (value []byte, changed bool) {
	at := r.start
	for _, c := range m.by[r.channel] {
		if c.end <= at || c.start >= r.end {
			continue
		}
		changed = true
		if c.start >= at {
			value = append(value, r.piece.Value[at-r.start:c.start-r.start]...)
			value = append(value, c.placeholder...)
		}
		at = min(c.end, r.end)
	}
	if !changed {
		return nil, false
	}
	return append(value, r.piece.Value[at-r.start:]...), true
}
