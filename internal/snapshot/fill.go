package snapshot

import (
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
)

// spread runs f for 0 to n−1, on every processor.
func spread(n int, f func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}

// fill puts many resources of one kind in their places at once, in the order
// given; nil specs take away.
func (s *shelf[T]) fill(names []string, specs []any) {
	at := make([]uint16, len(names))
	spread((len(names)+crowd-1)/crowd, func(k int) {
		for i := k * crowd; i < min((k+1)*crowd, len(names)); i++ {
			at[i] = uint16(partOf(names[i]))
		}
	})
	var todo [parts][]int32
	for i, p := range at {
		if todo[p] == nil {
			todo[p] = make([]int32, 0, len(names)/parts+len(names)/(4*parts)+4)
		}
		todo[p] = append(todo[p], int32(i))
	}
	s.rows = new([parts]map[string]*T)
	spread(parts, func(p int) {
		if len(todo[p]) == 0 {
			return
		}
		m := make(map[string]*T, len(todo[p]))
		for _, i := range todo[p] {
			if v, _ := specs[i].(*T); v != nil {
				m[names[i]] = v
			} else {
				delete(m, names[i])
			}
		}
		s.rows[p] = m
	})
	s.n = 0
	for _, m := range s.rows {
		s.n += len(m)
	}
}

// fill is apply for the rows of a first snapshot: a million of them cost what a
// million cost, but on every processor.
func (b *builder) fill(all []verified) {
	names, specs := map[manifest.Kind][]string{}, map[manifest.Kind][]any{}
	for i := range all {
		switch v := &all[i]; {
		case v.err != nil:
			b.errs = append(b.errs, v.err)
		case b.next.on(v.row.Kind) != nil:
			names[v.row.Kind], specs[v.row.Kind] = append(names[v.row.Kind], v.row.Name), append(specs[v.row.Kind], v.spec)
		}
	}
	for kind := range names {
		b.touched[kind] = true
		b.next.on(kind).fill(names[kind], specs[kind])
	}
}

// newIndex indexes everything at once.
func newIndex(c *content) index {
	var x index
	gather(&x.bound, &c.bindings, func(b *identity.Binding) string { return b.Issuer }, bindingID)
	gather(&x.prove, &c.bindings, func(b *identity.Binding) string { return b.Identity }, bindingID)
	gather(&x.held, &c.grants, func(g *rights.Grant) string { return g.Identity }, grantID)
	owned := make(map[string][]*identity.Identity)
	everybody := make([]*identity.Identity, 0, c.identities.len())
	for _, i := range c.identities.each() {
		everybody = append(everybody, i)
		for _, name := range answering(i) {
			owned[name] = append(owned[name], i)
		}
	}
	for name, list := range owned {
		list = slices.Clip(list)
		sortByID(list, identityID)
		x.owned.set(name, &list)
	}
	slices.SortFunc(everybody, byIdentityID)
	x.cast = newRoll(everybody)
	x.layUnder(c)
	return x
}

// layUnder lists every entitlement's grants: holders in order, each with its
// grants in order, so that nothing has to be sorted.
func (x *index) layUnder(c *content) {
	lists := make(map[string][]*rights.Grant)
	for i := range x.cast.from(func(*identity.Identity) bool { return true }) {
		for _, g := range x.GrantsOf(i.ID) {
			lists[g.Entitlement] = append(lists[g.Entitlement], g)
		}
	}
	for name, list := range lists {
		r := newRoll(list)
		x.under.set(name, &r)
	}
}

// gather lists things by what they name, each list by ID, on every processor.
func gather[T any](into *shelf[[]*T], from *shelf[T], key, id func(*T) string) {
	if from.rows == nil {
		return
	}
	sorted := make([][parts][]*T, runtime.GOMAXPROCS(0)) // by the part that the key is in
	spread(len(sorted), func(w int) {
		for p := w; p < parts; p += len(sorted) {
			for _, v := range from.rows[p] {
				to := &sorted[w][partOf(key(v))]
				*to = append(*to, v)
			}
		}
	})
	into.rows = new([parts]map[string]*[]*T)
	spread(parts, func(p int) {
		counts := make(map[string]int)
		for w := range sorted {
			for _, v := range sorted[w][p] {
				counts[key(v)]++
			}
		}
		if len(counts) == 0 {
			return
		}
		lists := make(map[string]*[]*T, len(counts))
		for w := range sorted {
			for _, v := range sorted[w][p] {
				list := lists[key(v)]
				if list == nil {
					made := make([]*T, 0, counts[key(v)])
					list = &made
					lists[key(v)] = list
				}
				*list = append(*list, v)
			}
		}
		for _, list := range lists {
			sortByID(*list, id)
		}
		into.rows[p] = lists
	})
	into.n = 0
	for _, m := range into.rows {
		into.n += len(m)
	}
}

func sortByID[T any](list []*T, id func(*T) string) {
	slices.SortFunc(list, func(a, b *T) int { return strings.Compare(id(a), id(b)) })
}

// lists yields who holds grants, with them, in no order.
func (x *index) lists() iter.Seq2[string, []*rights.Grant] {
	return func(yield func(string, []*rights.Grant) bool) {
		for name, list := range x.held.each() {
			if !yield(name, *list) {
				return
			}
		}
	}
}
