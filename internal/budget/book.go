package budget

import (
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Book is every budget, found by what it covers. It is immutable and safe to use
// from many goroutines.
type Book struct {
	budgets []entry // by name
	// places are the budgets that can cover a call, by the rarest thing that each
	// asks for: each is looked for in one place only.
	places       map[place][]int
	entitlements map[string][]entry
	memo         memo
}

// entry is terms made ready.
type entry struct {
	name   string
	covers Covers
	split  string
	lines  []Line // without their keys
}

// place is one thing that a budget asks for; the zero value is nothing.
type place struct{ field, name string }

// NewBook makes a book of budgets and of the limits of entitlements, by name. It
// keeps what it is given. All of it is valid: terms of a zone that is not known
// allow nothing.
func NewBook(budgets []*Budget, entitlements map[string][]Terms) *Book {
	b := &Book{places: map[place][]int{}, entitlements: map[string][]entry{}}
	zones := zones{}
	for _, v := range slices.SortedFunc(slices.Values(budgets), func(x, y *Budget) int { return strings.Compare(x.ID, y.ID) }) {
		for _, p := range v.Covers.places() {
			b.places[p] = append(b.places[p], len(b.budgets))
		}
		b.budgets = append(b.budgets, entry{v.ID, v.Covers, v.Split(), zones.lines(v.ID, &v.Terms)})
	}
	for name, all := range entitlements {
		for i := range all {
			split := ""
			if all[i].Window == Session {
				split = PerSession
			}
			id := "entitlement:" + name
			b.entitlements[name] = append(b.entitlements[name], entry{name: id, split: split, lines: zones.lines(id, &all[i])})
		}
	}
	return b
}

// zones are the time zones that were read; nil for one that is not known.
type zones map[string]*time.Location

func (z zones) of(t *Terms) *time.Location {
	zone, had := z[t.TimeZone]
	if !had {
		zone, _ = t.Zone()
		z[t.TimeZone] = zone
	}
	return zone
}

// lines are the limits of terms, in the order of Units.
func (z zones) lines(name string, t *Terms) (out []Line) {
	zone := z.of(t)
	for _, u := range Units {
		limit, ok := t.Of(u)
		if !ok {
			continue
		}
		l := Line{Budget: name, Unit: u, Limit: limit, Window: t.Window, Zone: zone, Notify: t.Percents()}
		if zone == nil {
			l.Zone, l.Limit = time.UTC, 0
		}
		out = append(out, l)
	}
	return out
}

// places are where a budget is looked for: the names in one of its lists.
func (c *Covers) places() (out []place) {
	for _, list := range []struct {
		field string
		names []string
	}{{"identity", c.Identities}, {"grant", c.Grants}, {"entitlement", c.Entitlements}, {"team", c.Teams}, {"model", c.Models}} {
		for _, n := range list.names {
			out = append(out, place{list.field, n})
		}
		if len(out) > 0 {
			return out
		}
	}
	return []place{{}}
}

// places are where the budgets are that can cover a call.
func (s *Subject) places() []place {
	out := []place{{}, {"identity", s.Identity}, {"team", s.Team}}
	for _, h := range s.Held {
		out = append(out, place{"grant", h.Grant}, place{"entitlement", h.Entitlement})
	}
	for _, m := range s.selectors() {
		out = append(out, place{"model", m})
	}
	return out
}

// Covering lists every limit that covers a call, in an order that is always the
// same: budgets by name, then those of entitlements and of grants. It is nil where
// nothing limits the call. What it returns is shared and must not be changed.
func (b *Book) Covering(s *Subject) []Line {
	at, hash := b.memo.at(s)
	if had := at.Load(); had != nil && had.hash == hash && had.of(s) {
		return had.lines
	}
	lines := b.covering(s)
	at.Store(newPage(s, hash, lines))
	return lines
}

func (b *Book) covering(s *Subject) (out []Line) {
	found := map[int]bool{}
	for _, p := range s.places() {
		for _, i := range b.places[p] {
			found[i] = true
		}
	}
	for _, i := range slices.Sorted(maps.Keys(found)) {
		e := &b.budgets[i]
		if held, ok := e.covers.held(s); ok {
			for _, key := range s.keys(e.split, held) {
				out = append(out, e.under(key, s)...)
			}
		}
	}
	return append(out, b.grants(s)...)
}

// grants are the limits that come with the grants that give the right to a call.
func (b *Book) grants(s *Subject) (out []Line) {
	held := slices.SortedFunc(slices.Values(s.Held), func(x, y Held) int { return strings.Compare(x.Grant, y.Grant) })
	held = slices.CompactFunc(held, func(x, y Held) bool { return x.Grant == y.Grant })
	for _, h := range held {
		for i := range b.entitlements[h.Entitlement] {
			e := &b.entitlements[h.Entitlement][i]
			key := h.Grant
			if e.split == PerSession {
				key += "/" + s.Session
			}
			out = append(out, e.under(key, s)...)
		}
	}
	for _, h := range held {
		if h.Monthly != nil {
			l := Line{Budget: "grant:" + h.Grant, Unit: USD, Limit: int64(*h.Monthly), Window: Month, Zone: time.UTC, Notify: DefaultNotify, last: new(atomic.Pointer[Account])}
			out = append(out, l)
		}
	}
	return out
}

// keys are whose accounts a call is counted in, of a budget that is split; what
// has no such thing shares the account of nothing.
func (s *Subject) keys(split string, held []Held) []string {
	switch split {
	case PerIdentity:
		return []string{s.Identity}
	case PerSession:
		return []string{s.Session}
	case PerTeam:
		return []string{s.Team}
	case PerModel:
		return []string{s.Model}
	case PerFamily:
		return []string{s.Family}
	case PerGrant, PerEntitlement:
		return heldKeys(split, held)
	}
	return []string{""}
}

func heldKeys(split string, held []Held) (out []string) {
	for _, h := range held {
		name := h.Grant
		if split == PerEntitlement {
			name = h.Entitlement
		}
		out = append(out, name)
	}
	if len(out) == 0 {
		return []string{""}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// under are the lines for one key.
func (e *entry) under(key string, s *Subject) []Line {
	out := slices.Clone(e.lines)
	for i := range out {
		out[i].Key, out[i].last = key, new(atomic.Pointer[Account])
		if out[i].Window == Session {
			out[i].Ends = s.SessionEnds
		}
	}
	return out
}
