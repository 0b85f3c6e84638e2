package snapshot

import (
	"iter"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// index finds resources by what they name, without looking at the others. It
// follows from content.
type index struct {
	held  shelf[[]*rights.Grant]      // by identity, each list by ID
	bound shelf[[]*identity.Binding]  // by issuer, each list by ID
	prove shelf[[]*identity.Binding]  // by identity, each list by ID
	owned shelf[[]*identity.Identity] // by sponsor, owner and deputy in lower case, each list by ID
	under shelf[roll[rights.Grant]]   // by entitlement, each in the order of byHolder
	cast  roll[identity.Identity]     // by name
}

// GrantsOf returns an identity's grants, in whatever state, by name.
func (x *index) GrantsOf(identity string) []*rights.Grant { return listed(&x.held, identity) }

// BindingsOf returns the bindings that name an issuer, by name.
func (x *index) BindingsOf(issuer string) []*identity.Binding { return listed(&x.bound, issuer) }

// BindingsOfIdentity returns an identity's bindings, by name.
func (x *index) BindingsOfIdentity(identity string) []*identity.Binding {
	return listed(&x.prove, identity)
}

// AnsweredBy returns the identities whose sponsor, owner or deputy is written as a
// name, whatever its case, by name.
func (x *index) AnsweredBy(name string) []*identity.Identity {
	return listed(&x.owned, strings.ToLower(name))
}

// EachGrant yields every grant, in no order.
func (s *Snapshot) EachGrant() iter.Seq[*rights.Grant] {
	return func(yield func(*rights.Grant) bool) {
		for _, g := range s.grants.each() {
			if !yield(g) {
				return
			}
		}
	}
}

func (x *index) settle() {
	x.held.settle()
	x.bound.settle()
	x.prove.settle()
	x.owned.settle()
	x.under.settle()
}

// regrant moves a grant from where it was to where it is; nil is nowhere.
func (x *index) regrant(was, now *rights.Grant) {
	if was != nil {
		remove(&x.held, was.Identity, was.ID, grantID)
		x.lay(was.Entitlement, func(r roll[rights.Grant]) roll[rights.Grant] { return r.without(was, byHolder) })
	}
	if now != nil {
		insert(&x.held, now.Identity, now, grantID)
		x.lay(now.Entitlement, func(r roll[rights.Grant]) roll[rights.Grant] { return r.with(now, byHolder) })
	}
}

// lay changes the grants under an entitlement.
func (x *index) lay(entitlement string, change func(roll[rights.Grant]) roll[rights.Grant]) {
	var r roll[rights.Grant]
	if old, ok := x.under.get(entitlement); ok {
		r = *old
	}
	if r = change(r); r.n == 0 {
		x.under.set(entitlement, nil)
		return
	}
	x.under.set(entitlement, &r)
}

// rebind moves a binding likewise.
func (x *index) rebind(was, now *identity.Binding) {
	if was != nil {
		remove(&x.bound, was.Issuer, was.ID, bindingID)
		remove(&x.prove, was.Identity, was.ID, bindingID)
	}
	if now != nil {
		insert(&x.bound, now.Issuer, now, bindingID)
		insert(&x.prove, now.Identity, now, bindingID)
	}
}

// reown moves an identity among those who answer for it.
func (x *index) reown(was, now *identity.Identity) {
	if was != nil {
		x.cast = x.cast.without(was, byIdentityID)
		for _, name := range answering(was) {
			remove(&x.owned, name, was.ID, identityID)
		}
	}
	if now != nil {
		x.cast = x.cast.with(now, byIdentityID)
		for _, name := range answering(now) {
			insert(&x.owned, name, now, identityID)
		}
	}
}

// answering are the people that an identity names, each once.
func answering(i *identity.Identity) []string {
	var out []string
	for _, name := range []string{i.Sponsor, i.Owner, i.Deputy} {
		if name = strings.ToLower(name); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func identityID(i *identity.Identity) string { return i.ID }
func grantID(g *rights.Grant) string         { return g.ID }
func bindingID(b *identity.Binding) string   { return b.ID }

func listed[T any](s *shelf[[]*T], key string) []*T {
	if list, ok := s.get(key); ok {
		return *list
	}
	return nil
}

// insert and remove make a new list: other versions go on reading the old one.
func insert[T any](s *shelf[[]*T], key string, v *T, id func(*T) string) {
	old := listed(s, key)
	i, _ := slices.BinarySearchFunc(old, id(v), func(e *T, name string) int { return strings.Compare(id(e), name) })
	list := make([]*T, 0, len(old)+1)
	list = append(append(append(list, old[:i]...), v), old[i:]...)
	s.set(key, &list)
}

func remove[T any](s *shelf[[]*T], key, name string, id func(*T) string) {
	old := listed(s, key)
	list := make([]*T, 0, len(old))
	for _, e := range old {
		if id(e) != name {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		s.set(key, nil)
		return
	}
	s.set(key, &list)
}
