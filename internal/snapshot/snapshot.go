// Package snapshot holds the view of the control plane that the gateway
// decides on: everything that is granted, bound and ruled, in memory, as of
// one revision of the store.
//
// A Snapshot is immutable and safe to use from many goroutines; a change makes
// a new one that shares with the old what did not change. A Source follows the
// store and swaps the current snapshot whole.
//
// The package does not trust the store. A row counts only when its digest is
// that of its content and the audit log holds the record that authorised
// exactly this change (security S17). When a row does not, the whole change is
// refused: the snapshot before it stays, the Source says why, and once that
// snapshot is older than its freshness limit it is no longer good for
// decisions. So whoever can write the database, but not the log, can stop
// calls and cannot allow one.
package snapshot

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// Snapshot is the control plane at one revision. What its methods return is
// shared and must not be changed.
type Snapshot struct {
	Revision  int64
	At        time.Time          // when it was built
	Networks  *identity.Networks // never nil
	Catalogue *bedrock.Catalogue // never nil: the embedded one with the organisation's overlay
	Bundle    *policy.Bundle     // never nil

	content
	bound map[string][]*identity.Binding // by issuer name, each list by ID
}

// content is every resource, by kind and name.
type content struct {
	issuers      shelf[identity.Issuer]
	networks     shelf[identity.Network]
	models       shelf[bedrock.Model]
	profiles     shelf[bedrock.Profile]
	identities   shelf[identity.Identity]
	bindings     shelf[identity.Binding]
	validations  shelf[bedrock.Validation]
	entitlements shelf[rights.Entitlement]
	grants       shelf[rights.Grant]
	policies     shelf[manifest.Policy]
}

// Identity returns an identity by name.
func (s *Snapshot) Identity(name string) (*identity.Identity, bool) { return s.identities.get(name) }

// Identities returns every identity, by name.
func (s *Snapshot) Identities() []*identity.Identity { return s.identities.all() }

// Binding returns a binding by name.
func (s *Snapshot) Binding(name string) (*identity.Binding, bool) { return s.bindings.get(name) }

// BindingsOf returns the bindings that name an issuer, by name.
func (s *Snapshot) BindingsOf(issuer string) []*identity.Binding { return s.bound[issuer] }

// Issuer returns an issuer by name.
func (s *Snapshot) Issuer(name string) (*identity.Issuer, bool) { return s.issuers.get(name) }

// IssuerOf returns the issuer whose URL is exactly the `iss` of a token; none
// when several claim it.
func (s *Snapshot) IssuerOf(iss string) (*identity.Issuer, bool) {
	var found *identity.Issuer
	for _, i := range s.issuers.rows {
		if i.URL != iss {
			continue
		}
		if found != nil {
			return nil, false
		}
		found = i
	}
	return found, found != nil
}

// Issuers returns every issuer, by name.
func (s *Snapshot) Issuers() []*identity.Issuer { return s.issuers.all() }

// Entitlement returns an entitlement by name.
func (s *Snapshot) Entitlement(name string) (*rights.Entitlement, bool) {
	return s.entitlements.get(name)
}

// Entitlements returns every entitlement, by name.
func (s *Snapshot) Entitlements() []*rights.Entitlement { return s.entitlements.all() }

// Grant returns a grant by name.
func (s *Snapshot) Grant(name string) (*rights.Grant, bool) { return s.grants.get(name) }

// GrantsOf returns an identity's grants, by name. It looks at every grant: it
// is for people's questions, not for the request path.
func (s *Snapshot) GrantsOf(identity string) []*rights.Grant {
	var out []*rights.Grant
	for _, g := range s.grants.rows {
		if g.Identity == identity {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b *rights.Grant) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Grants returns every grant, by name.
func (s *Snapshot) Grants() []*rights.Grant { return s.grants.all() }

// Counts returns how many identities and grants there are.
func (s *Snapshot) Counts() (identities, grants int) {
	return len(s.identities.rows), len(s.grants.rows)
}

// Validations returns every validation, by name.
func (s *Snapshot) Validations() []*bedrock.Validation { return s.validations.all() }

// Policies returns the organisation's own policies, by name.
func (s *Snapshot) Policies() []*manifest.Policy { return s.policies.all() }

// set puts a resource in its place; a nil spec takes it away.
func (c *content) set(kind manifest.Kind, name string, spec any) {
	switch kind {
	case manifest.Issuer:
		put(&c.issuers, name, spec)
	case manifest.Network:
		put(&c.networks, name, spec)
	case manifest.Model:
		put(&c.models, name, spec)
	case manifest.Profile:
		put(&c.profiles, name, spec)
	case manifest.Identity:
		put(&c.identities, name, spec)
	case manifest.Binding:
		put(&c.bindings, name, spec)
	case manifest.Validation:
		put(&c.validations, name, spec)
	case manifest.Entitlement:
		put(&c.entitlements, name, spec)
	case manifest.Grant:
		put(&c.grants, name, spec)
	case manifest.PolicyKind:
		put(&c.policies, name, spec)
	}
}

func put[T any](s *shelf[T], name string, spec any) {
	v, _ := spec.(*T) // nil for nil
	s.set(name, v)
}

// settle makes every shelf copy itself before its next change.
func (c *content) settle() {
	c.issuers.shared, c.networks.shared, c.models.shared, c.profiles.shared, c.identities.shared = true, true, true, true, true
	c.bindings.shared, c.validations.shared, c.entitlements.shared, c.grants.shared, c.policies.shared = true, true, true, true, true
}

// shelf is the resources of one kind, by name.
type shelf[T any] struct {
	rows   map[string]*T
	shared bool // a snapshot holds rows: copy them before changing
}

func (s *shelf[T]) get(name string) (*T, bool) {
	v, ok := s.rows[name]
	return v, ok
}

// all returns the resources in the order of their names.
func (s *shelf[T]) all() []*T {
	out := make([]*T, 0, len(s.rows))
	for _, name := range slices.Sorted(maps.Keys(s.rows)) {
		out = append(out, s.rows[name])
	}
	return out
}

// values returns the resources themselves, in the order of their names.
func (s *shelf[T]) values() []T {
	out := make([]T, 0, len(s.rows))
	for _, v := range s.all() {
		out = append(out, *v)
	}
	return out
}

// unordered is values for the many, where the order does not matter.
func (s *shelf[T]) unordered() []T {
	out := make([]T, 0, len(s.rows))
	for _, v := range s.rows {
		out = append(out, *v)
	}
	return out
}

func (s *shelf[T]) set(name string, v *T) {
	if s.shared || s.rows == nil {
		s.rows, s.shared = maps.Clone(s.rows), false
		if s.rows == nil {
			s.rows = make(map[string]*T)
		}
	}
	if v == nil {
		delete(s.rows, name)
		return
	}
	s.rows[name] = v
}
