package budget

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
)

// memo is what Covering found lately. It is a table without chains: a subject
// takes the place of the one that was there, so that it never grows.
type memo struct {
	pages [1 << 13]atomic.Pointer[page]
}

// page is what was found for one subject.
type page struct {
	hash    uint64
	subject Subject
	lines   []Line
}

// seed makes it unknown which subjects share a place.
var seed = maphash.MakeSeed()

// at is the place of a subject: by what the rest of it mostly follows from.
func (m *memo) at(s *Subject) (*atomic.Pointer[page], uint64) {
	hash := maphash.String(seed, s.Identity)
	hash = hash*prime ^ maphash.String(seed, s.Session)
	hash = hash*prime ^ maphash.String(seed, s.Model)
	hash = hash*prime ^ maphash.String(seed, s.Profile)
	for i := range s.Held {
		hash = hash*prime ^ maphash.String(seed, s.Held[i].Grant)
	}
	return &m.pages[hash%uint64(len(m.pages))], hash
}

// prime keeps texts that change places apart (that of FNV-1a, 64 bits).
const prime = 1099511628211

// newPage keeps a copy: the caller may use his subject again.
func newPage(s *Subject, hash uint64, lines []Line) *page {
	p := &page{hash, *s, lines}
	p.subject.Held = slices.Clone(s.Held)
	for i, h := range p.subject.Held {
		if h.Monthly != nil {
			monthly := *h.Monthly
			p.subject.Held[i].Monthly = &monthly
		}
	}
	return p
}

// of reports whether a page is that of a subject, in all that budgets go by.
func (p *page) of(s *Subject) bool {
	was := &p.subject
	return was.Identity == s.Identity && was.Session == s.Session && was.Team == s.Team && was.SessionEnds.Equal(s.SessionEnds) &&
		was.Model == s.Model && was.Profile == s.Profile && was.Family == s.Family && was.Provider == s.Provider &&
		slices.EqualFunc(was.Held, s.Held, sameHeld)
}

func sameHeld(a, b Held) bool {
	return a.Grant == b.Grant && a.Entitlement == b.Entitlement && (a.Monthly == b.Monthly || a.Monthly != nil && b.Monthly != nil && *a.Monthly == *b.Monthly)
}
