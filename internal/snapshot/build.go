package snapshot

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// ErrUnauthorised marks rows that the audit log does not vouch for.
var ErrUnauthorised = errors.New("the audit log does not vouch for the row")

// verify returns a row's spec, nil for a deletion, once its content is that of
// its digest and the log vouches for it.
func verify(row store.Row, authorised func(store.Ref, store.Change) error) (any, error) {
	id := fmt.Sprintf("%s/%s (record %v)", row.Kind, row.Name, row.Record)
	if row.Stored != row.Digest() {
		return nil, fmt.Errorf("%s: %w: its content is not that of its digest", id, ErrUnauthorised)
	}
	if err := authorised(row.Record, row.Change); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", id, ErrUnauthorised, err)
	}
	if row.Deleted() {
		return nil, nil
	}
	r, err := row.Resource()
	if err != nil {
		return nil, err
	}
	return r.Spec, nil
}

// builder makes the next snapshot out of the last one and what changed.
type builder struct {
	old, next *Snapshot
	touched   map[manifest.Kind]bool
	cast      bool // an identity came or went
	gone      []rights.Grant
	added     []rights.Grant
	errs      []error
}

// build applies verified rows to old, which may be nil. All problems are
// reported at once, and then there is no snapshot.
func build(old *Snapshot, rows []store.Row, revision int64, at time.Time, authorised func(store.Ref, store.Change) error) (*Snapshot, error) {
	b := &builder{old: old, next: &Snapshot{}, touched: make(map[manifest.Kind]bool)}
	if old != nil {
		*b.next = *old
	}
	b.next.Revision, b.next.At = revision, at
	for _, row := range rows {
		spec, err := verify(row, authorised)
		if err != nil {
			b.errs = append(b.errs, err)
			continue
		}
		b.apply(row, spec)
	}
	if err := errors.Join(b.errs...); err != nil {
		return nil, err
	}
	if err := b.derive(); err != nil {
		return nil, err
	}
	b.next.settle()
	return b.next, nil
}

func (b *builder) apply(row store.Row, spec any) {
	b.touched[row.Kind] = true
	switch row.Kind {
	case manifest.Identity:
		b.noteIdentity(row.Name, spec)
	case manifest.Grant:
		b.noteGrant(row.Name, spec)
	}
	b.next.set(row.Kind, row.Name, spec)
}

func (b *builder) noteIdentity(name string, spec any) {
	was, had := b.next.Identity(name)
	now, has := spec.(*identity.Identity)
	if had != has {
		b.cast = true
	}
	if had && has && now.Epoch < was.Epoch {
		b.errs = append(b.errs, fmt.Errorf("identity %q: %w: epoch %d is below %d", name, store.ErrEpoch, now.Epoch, was.Epoch))
	}
}

func (b *builder) noteGrant(name string, spec any) {
	if was, had := b.next.Grant(name); had {
		b.gone = append(b.gone, *was)
	}
	if now, has := spec.(*rights.Grant); has {
		b.added = append(b.added, *now)
	}
}

// derive computes what follows from the resources, as far as it changed.
func (b *builder) derive() error {
	n, first := b.next, b.old == nil
	if first || b.touched[manifest.Network] {
		n.Networks = identity.NewNetworks(n.networks.values())
	}
	if first || b.touched[manifest.Model] || b.touched[manifest.Profile] {
		var err error
		if n.Catalogue, err = bedrock.Embedded().With(n.models.values(), n.profiles.values()); err != nil {
			return fmt.Errorf("building the catalogue: %w", err)
		}
	}
	if first || b.touched[manifest.Binding] {
		n.bound = make(map[string][]*identity.Binding)
		for _, v := range n.bindings.all() {
			n.bound[v.Issuer] = append(n.bound[v.Issuer], v)
		}
	}
	return b.deriveBundle()
}

// deriveBundle compiles the rules anew when anything but grants changed that
// they are made of; a change of grants alone costs what those grants cost.
func (b *builder) deriveBundle() error {
	n := b.next
	var err error
	switch {
	case b.old == nil || b.cast || b.rulesTouched():
		n.Bundle, err = policy.NewBundle(policy.Sources{
			Catalogue:    n.Catalogue,
			Validations:  n.validations.values(),
			Entitlements: n.entitlements.values(),
			Grants:       n.grants.unordered(),
			Identities:   slices.Collect(maps.Keys(n.identities.rows)),
			Networks:     n.Networks,
			Organisation: documents(n.policies.all()),
		})
	case b.touched[manifest.Grant]:
		n.Bundle, err = b.old.Bundle.With(b.gone, b.added)
	}
	return err
}

// rulesTouched reports a change in what rules are compiled from, grants apart.
func (b *builder) rulesTouched() bool {
	return slices.ContainsFunc([]manifest.Kind{
		manifest.Network, manifest.Model, manifest.Profile, manifest.Validation, manifest.Entitlement, manifest.PolicyKind,
	}, func(k manifest.Kind) bool { return b.touched[k] })
}

func documents(policies []*manifest.Policy) []policy.Document {
	out := make([]policy.Document, 0, len(policies))
	for _, p := range policies {
		out = append(out, policy.Document{Name: p.ID, Text: p.Text})
	}
	return out
}
