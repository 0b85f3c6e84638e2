package snapshot

import (
	"slices"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// CheckReferences judges, in the snapshot that changes led to, what manifest.Check
// judges in a whole set, as far as the changes can have touched it: that what
// they refer to is there and fits, and that what refers to them still does.
func (s *Snapshot) CheckReferences(changes []store.Change) error {
	w := wake{s: s, seen: make(map[string]bool)}
	for _, c := range changes {
		if r, lives := s.Resource(c.Kind, c.Name); lives {
			w.add(r)
		}
		w.referring(c.Kind, c.Name)
	}
	return manifest.CheckAmong(w.found, s.Resource, s.Catalogue)
}

// wake is what changes may have touched.
type wake struct {
	s     *Snapshot
	seen  map[string]bool
	found []manifest.Resource
}

func (w *wake) add(r manifest.Resource) {
	if !w.seen[r.ID()] {
		w.seen[r.ID()] = true
		w.found = append(w.found, r)
	}
}

func (w *wake) all(kind manifest.Kind) {
	for _, r := range w.s.of(kind) {
		w.add(r)
	}
}

// referring adds what refers, or may refer, to a resource.
func (w *wake) referring(kind manifest.Kind, name string) {
	switch kind {
	case manifest.Identity:
		w.budgeted(kind, name)
		w.grants(w.s.GrantsOf(name))
		w.bindings(w.s.BindingsOfIdentity(name))
	case manifest.Issuer:
		w.all(manifest.Issuer) // two may claim one name of proofs
		w.bindings(w.s.BindingsOf(name))
	case manifest.Network:
		w.networked(name)
	case manifest.Model, manifest.Profile:
		w.all(manifest.Entitlement)
		w.all(manifest.Budget)
		w.all(manifest.Validation)
	case manifest.Entitlement:
		w.budgeted(kind, name)
		w.grants(w.s.GrantsUnder(name))
	case manifest.Operator:
		w.all(manifest.Token)
		w.all(manifest.Delegation)
	}
}

// networked adds what names a network.
func (w *wake) networked(name string) {
	w.all(manifest.Entitlement)
	w.all(manifest.Quarantine)
	for id, b := range w.s.bindings.each() {
		if slices.Contains(b.Networks, name) {
			w.add(manifest.Resource{Kind: manifest.Binding, Name: id, Spec: b})
		}
	}
	for id, g := range w.s.grants.each() {
		if g.Narrow != nil && slices.Contains(g.Narrow.Networks, name) {
			w.add(manifest.Resource{Kind: manifest.Grant, Name: id, Spec: g})
		}
	}
}

// budgeted adds the budgets that name what is gone.
func (w *wake) budgeted(kind manifest.Kind, name string) {
	if _, lives := w.s.Resource(kind, name); lives {
		return
	}
	for id, b := range w.s.budgets.each() {
		if slices.Contains(b.Covers.Identities, name) || slices.Contains(b.Covers.Entitlements, name) {
			w.add(manifest.Resource{Kind: manifest.Budget, Name: id, Spec: b})
		}
	}
}

func (w *wake) grants(list []*rights.Grant) {
	for _, g := range list {
		w.add(manifest.Resource{Kind: manifest.Grant, Name: g.ID, Spec: g})
	}
}

func (w *wake) bindings(list []*identity.Binding) {
	for _, b := range list {
		w.add(manifest.Resource{Kind: manifest.Binding, Name: b.ID, Spec: b})
	}
}
