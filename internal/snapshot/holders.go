package snapshot

import (
	"cmp"
	"container/heap"
	"iter"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// IdentitiesAfter yields the names of identities in order, from the first that
// follows a name.
func (x *index) IdentitiesAfter(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range x.cast.from(func(i *identity.Identity) bool { return i.ID > name }) {
			if !yield(i.ID) {
				return
			}
		}
	}
}

// Identities returns every identity, by name.
func (x *index) Identities() []*identity.Identity { return x.cast.all() }

// HoldersAfter yields the names of the identities that have a grant of any of some
// entitlements, in whatever state, in order and each once, from the first that
// follows a name. It looks at no other identity.
func (x *index) HoldersAfter(name string, entitlements []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var m merging
		for _, e := range entitlements {
			if all, ok := x.under.get(e); ok {
				m.add(all, name)
			}
		}
		heap.Init(&m)
		for last := name; len(m) > 0; m.step() {
			if who := m[0].grant().Identity; who != last {
				if last = who; !yield(who) {
					return
				}
			}
		}
	}
}

// GrantsUnder returns the grants of an entitlement, by name.
func (x *index) GrantsUnder(entitlement string) []*rights.Grant {
	all, ok := x.under.get(entitlement)
	if !ok {
		return nil
	}
	out := all.all()
	slices.SortFunc(out, func(a, b *rights.Grant) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// byHolder is the order of an entitlement's grants: by identity, and by name.
func byHolder(a, b *rights.Grant) int {
	return cmp.Or(strings.Compare(a.Identity, b.Identity), strings.Compare(a.ID, b.ID))
}

func byIdentityID(a, b *identity.Identity) int { return strings.Compare(a.ID, b.ID) }

// reader is a place in one entitlement's grants.
type reader struct {
	pieces [][]*rights.Grant
	at     int // in the first piece
}

func (r *reader) grant() *rights.Grant { return r.pieces[0][r.at] }

// merging reads several entitlements' grants as one; it is a heap of those that
// have some left.
type merging []reader

func (m *merging) add(all *roll[rights.Grant], after string) {
	if p, i := all.seek(func(g *rights.Grant) bool { return g.Identity > after }); p < len(all.pieces) {
		*m = append(*m, reader{all.pieces[p:], i})
	}
}

// step goes past the first grant.
func (m *merging) step() {
	r := &(*m)[0]
	if r.at++; r.at == len(r.pieces[0]) {
		r.pieces, r.at = r.pieces[1:], 0
	}
	if len(r.pieces) == 0 {
		heap.Pop(m)
		return
	}
	heap.Fix(m, 0)
}

func (m merging) Len() int           { return len(m) }
func (m merging) Less(i, j int) bool { return m[i].grant().Identity < m[j].grant().Identity }
func (m merging) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merging) Push(r any)        { *m = append(*m, r.(reader)) }

// Pop takes the last away.
func (m *merging) Pop() any {
	last := len(*m) - 1
	r := (*m)[last]
	*m = (*m)[:last]
	return r
}
