package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// builder makes the next snapshot out of the last one and what changed.
type builder struct {
	old, next *Snapshot
	touched   map[manifest.Kind]bool
	cast      bool     // an identity came or went
	left      []string // identities that went
	// gone and added are what happens to the grants in the bundle.
	gone, added []*rights.Grant
	errs        []error
}

// newBuilder begins from old, which may be nil.
func newBuilder(old *Snapshot, at time.Time) *builder {
	b := &builder{old: old, next: &Snapshot{}, touched: make(map[manifest.Kind]bool)}
	if old != nil {
		*b.next = *old
	}
	b.next.At = at
	return b
}

// build applies verified rows to old, which may be nil. All problems are
// reported at once, and then there is no snapshot.
func build(old *Snapshot, rows []store.Row, revision int64, at time.Time, authorised func(store.Ref, store.Change) error) (*Snapshot, error) {
	b := newBuilder(old, at)
	b.next.Revision = revision
	all := verifyAll(rows, authorised)
	if old == nil {
		b.fill(all)
		return b.finish()
	}
	for _, v := range all {
		if v.err != nil {
			b.errs = append(b.errs, v.err)
			continue
		}
		b.apply(v.row.Kind, v.row.Name, v.spec)
	}
	return b.finish()
}

// finish derives what follows from the resources and hands the snapshot over.
func (b *builder) finish() (*Snapshot, error) {
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	if err := b.derive(); err != nil {
		return nil, err
	}
	b.next.content.settle()
	b.next.index.settle()
	return b.next, nil
}

// apply puts a resource in its place; a nil spec takes it away.
func (b *builder) apply(kind manifest.Kind, name string, spec any) {
	on := b.next.on(kind)
	if on == nil {
		return // of no concern to a snapshot
	}
	b.touched[kind] = true
	switch kind {
	case manifest.Identity:
		b.noteIdentity(name, spec)
	case manifest.Grant:
		b.noteGrant(name, spec)
	case manifest.Binding:
		b.noteBinding(name, spec)
	}
	on.put(name, spec)
}

func (b *builder) noteIdentity(name string, spec any) {
	was, had := b.next.Identity(name)
	now, has := spec.(*identity.Identity)
	if b.old != nil {
		b.next.reown(was, now)
	}
	if had != has {
		b.cast = true
	}
	if had && !has {
		b.left = append(b.left, name)
	}
	if had && has && now.Epoch < was.Epoch {
		b.errs = append(b.errs, fmt.Errorf("identity %q: %w: epoch %d is below %d", name, store.ErrEpoch, now.Epoch, was.Epoch))
	}
}

func (b *builder) noteGrant(name string, spec any) {
	was, _ := b.next.Grant(name)
	now, _ := spec.(*rights.Grant)
	if b.old != nil {
		b.next.regrant(was, now)
	}
	if was != nil {
		b.gone = append(b.gone, was)
	}
	if now != nil {
		b.added = append(b.added, now)
	}
}

func (b *builder) noteBinding(name string, spec any) {
	if b.old == nil {
		return
	}
	was, _ := b.next.Binding(name)
	now, _ := spec.(*identity.Binding)
	b.next.rebind(was, now)
}

// derive computes what follows from the resources, as far as it changed.
func (b *builder) derive() error {
	n, first := b.next, b.old == nil
	if first {
		n.index = newIndex(&n.content)
	}
	if first || b.touched[manifest.Network] {
		n.Networks = identity.NewNetworks(n.networks.values())
	}
	if first || b.touched[manifest.Model] || b.touched[manifest.Profile] {
		var err error
		if n.Catalogue, err = bedrock.Embedded().With(n.models.values(), n.profiles.values()); err != nil {
			return fmt.Errorf("building the catalogue: %w", err)
		}
	}
	if first || b.touched[manifest.DataLabel] {
		var err error
		if n.Classifier, err = classifier.New(n.labels.values()); err != nil {
			return fmt.Errorf("building the classifier: %w", err)
		}
	}
	if first || b.touched[manifest.Operator] {
		n.staff = n.operators.all()
	}
	if first || b.touched[manifest.Quarantine] {
		n.Stops = newStops(n.quarantines.all())
	}
	if first || b.touched[manifest.Budget] || b.touched[manifest.Entitlement] {
		if err := b.deriveBudgets(); err != nil {
			return err
		}
	}
	return b.deriveBundle()
}

// deriveBudgets makes the book of what limits calls. It knows no grants: those
// bring their limits with each call.
func (b *builder) deriveBudgets() error {
	limits := map[string][]budget.Terms{}
	var errs []error
	for name, e := range b.next.entitlements.each() {
		if len(e.Limits) == 0 {
			continue
		}
		limits[name] = e.Limits
		if err := budget.ValidateAll(e.Limits); err != nil {
			errs = append(errs, fmt.Errorf("entitlement %q: limits: %w", name, err))
		}
	}
	b.next.Budgets = budget.NewBook(b.next.budgets.all(), limits)
	return errors.Join(errs...)
}

// deriveBundle compiles the laws anew when anything that they are made of
// changed; a change of grants or identities costs what it touches.
func (b *builder) deriveBundle() error {
	n, gone := b.next, b.gone
	var err error
	switch {
	case b.old == nil:
		n.Bundle, err = policy.NewBundle(b.sources())
	case b.lawsTouched():
		// What goes with the laws that it stood on goes first.
		if n.Bundle, err = b.old.Bundle.With(gone, nil); err == nil {
			n.Bundle, err = n.Bundle.Under(b.sources())
		}
		gone = nil
	}
	if err != nil {
		return err
	}
	if b.old == nil || b.cast {
		identities := n.identities
		n.Bundle = n.Bundle.Cast(func(name string) bool { _, ok := identities.get(name); return ok })
	}
	switch {
	case b.old == nil:
		n.Bundle, err = n.Bundle.Filled(n.lists())
		return err
	case b.touched[manifest.Grant]:
		if n.Bundle, err = n.Bundle.With(gone, b.added); err != nil {
			return err
		}
	}
	return b.deserted()
}

// sources is what the laws are made of.
func (b *builder) sources() policy.Sources {
	n := b.next
	return policy.Sources{
		Catalogue:    n.Catalogue,
		Validations:  n.validations.values(),
		Entitlements: n.entitlements.values(),
		Networks:     n.Networks,
		Organisation: documents(n.policies.all()),
	}
}

// deserted reports grants whose identity went.
func (b *builder) deserted() error {
	var errs []error
	for _, name := range b.left {
		if _, back := b.next.Identity(name); back {
			continue
		}
		for _, g := range b.next.GrantsOf(name) {
			errs = append(errs, fmt.Errorf("grant %q: identity %q does not exist", g.ID, name))
		}
	}
	return errors.Join(errs...)
}

// lawsTouched reports a change in what rules are compiled from, grants apart.
func (b *builder) lawsTouched() bool {
	return slices.ContainsFunc(laws, func(k manifest.Kind) bool { return b.touched[k] })
}

// laws are the kinds that are of no one grant: a change of one may affect any call.
var laws = []manifest.Kind{
	manifest.Network, manifest.Model, manifest.Profile, manifest.Validation, manifest.Entitlement, manifest.PolicyKind,
}

func documents(policies []*manifest.Policy) []policy.Document {
	out := make([]policy.Document, 0, len(policies))
	for _, p := range policies {
		out = append(out, policy.Document{Name: p.ID, Text: p.Text})
	}
	return out
}
