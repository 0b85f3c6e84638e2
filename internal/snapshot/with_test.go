package snapshot

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
)

var then = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// drawn is a resource of a small world, whose references may lead nowhere.
func drawn(t *rapid.T) manifest.Resource {
	name := rapid.SampledFrom([]string{"a", "b"})
	kind := rapid.SampledFrom([]manifest.Kind{
		manifest.Issuer, manifest.Network, manifest.Identity, manifest.Binding, manifest.Entitlement, manifest.Grant, manifest.Grant,
		manifest.Operator, manifest.Token, manifest.Delegation, manifest.Quarantine, manifest.Validation, manifest.Budget,
	}).Draw(t, "kind")
	r := manifest.Resource{Kind: kind, Name: name.Draw(t, "name")}
	one := func(what string) string { return name.Draw(t, what) }
	some := func(what string) []string { return rapid.SliceOfNDistinct(name, 0, 1, rapid.ID[string]).Draw(t, what) }
	switch kind {
	case manifest.Issuer:
		r.Spec = &identity.Issuer{ID: r.Name, URL: "https://" + one("url") + ".example"}
	case manifest.Network:
		r.Spec = &identity.Network{ID: r.Name, CIDRs: prefixesOf("10.0.0.0/8")}
	case manifest.Identity:
		r.Spec = &identity.Identity{ID: r.Name, Kind: identity.Agent, Environment: "prod", Tags: some("tags")}
	case manifest.Binding:
		r.Spec = &identity.Binding{ID: r.Name, Identity: one("identity"), Issuer: one("issuer"), Audience: "writ", Subject: "s", Networks: some("networks")}
	case manifest.Entitlement:
		r.Spec = &rights.Entitlement{ID: r.Name, Models: []string{"amazon.nova-lite-v1:0"}, Conditions: rights.Conditions{Networks: some("networks")}}
		if rapid.Bool().Draw(t, "limits") {
			r.Spec.(*rights.Entitlement).Limits = []budget.Terms{{Limits: budget.Limits{Streams: new(rapid.Int64Range(0, 3).Draw(t, "streams"))}}}
		}
	case manifest.Budget:
		v := &budget.Budget{ID: r.Name, Covers: budget.Covers{Identities: some("identities"), Entitlements: some("entitlements"), Grants: some("grants")}}
		v.Requests, v.Window = new(rapid.Int64Range(0, 3).Draw(t, "requests")), budget.Hour
		r.Spec = v
	case manifest.Grant:
		g := &rights.Grant{ID: r.Name, Identity: one("identity"), Entitlement: one("entitlement"), NotBefore: then, NotAfter: then.AddDate(0, 1, 0)}
		g.State = rapid.SampledFrom([]rights.GrantState{"", rights.GrantActive, rights.GrantRevoking}).Draw(t, "state")
		r.Spec = g
	case manifest.Operator:
		r.Spec = &operator.Operator{ID: r.Name, Email: r.Name + "@example.com"}
	case manifest.Token:
		r.Spec = &operator.Token{ID: r.Name, Operator: one("operator"), Scopes: []string{"*"}, Created: then, Expires: then.AddDate(0, 1, 0), Digest: fmt.Sprintf("%064d", 0)}
	case manifest.Delegation:
		r.Spec = &operator.Delegation{ID: r.Name, From: "a", To: "b", NotBefore: then, NotAfter: then.AddDate(0, 1, 0)}
	case manifest.Quarantine:
		r.Spec = &rights.Quarantine{ID: r.Name, Target: rights.Target{Kind: rights.TargetNetwork, Name: one("target")}, Reason: "r", By: "a", At: then}
	case manifest.Validation:
		r.Spec = &bedrock.Validation{ID: r.Name, Model: "amazon.nova-lite-v1:0", Kind: "data_retention", By: "a", At: then, Expires: then.AddDate(0, 1, 0)}
	}
	return r
}

// change makes a resource come, change or go in a set.
func change(t *rapid.T, all []manifest.Resource) ([]manifest.Resource, store.Change) {
	r := drawn(t)
	i := slices.IndexFunc(all, func(o manifest.Resource) bool { return o.ID() == r.ID() })
	c := store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name}
	all = slices.Clone(all)
	if i >= 0 {
		c.Op = rapid.SampledFrom([]manifest.Op{manifest.Update, manifest.Delete, manifest.Close}).Draw(t, "op")
		if all = slices.Delete(all, i, i+1); c.Op.Ends() {
			return all, c
		}
	}
	var err error
	if c.Spec, err = r.Encode(); err != nil {
		t.Fatal(err)
	}
	if r, err = manifest.Decode(r.Kind, r.Name, c.Spec); err != nil {
		t.Fatal(err)
	}
	return append(all, r), c
}

// TestWithIsTheWholeMadeAnew: a change that is looked at alone is taken exactly
// when the whole set with it is, and then makes the same snapshot.
func TestWithIsTheWholeMadeAnew(t *testing.T) {
	taken, refused := 0, 0
	empty, err := Of(nil, then)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var all []manifest.Resource
		s := empty
		for range rapid.IntRange(1, 10).Draw(t, "changes") {
			next, c := change(t, all)
			var whole *Snapshot
			wholeErr := manifest.Check(next)
			if wholeErr == nil {
				whole, wholeErr = Of(next, then)
			}
			part, partErr := s.With([]store.Change{c}, then)
			if partErr == nil {
				partErr = part.CheckReferences([]store.Change{c})
			}
			if (wholeErr == nil) != (partErr == nil) {
				t.Fatalf("%s %s/%s\nwhole: %v\nalone: %v", c.Op, c.Kind, c.Name, wholeErr, partErr)
			}
			if wholeErr != nil {
				refused++
				continue
			}
			taken++
			alike(t, whole, part)
			all, s = next, part
		}
	})
	if taken == 0 || refused == 0 {
		t.Errorf("%d changes taken, %d refused: the test draws too narrowly", taken, refused)
	}
}

var byZone = cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })

var byValue = cmpopts.EquateComparable(netip.Prefix{})

// alike compares two snapshots by everything that can be asked of them.
func alike(t *rapid.T, whole, part *Snapshot) {
	t.Helper()
	if whole.Bundle.Digest() != part.Bundle.Digest() {
		t.Fatal("the bundles differ")
	}
	for _, kind := range manifest.Kinds {
		if whole.on(kind) == nil {
			continue
		}
		if d := cmp.Diff(specs(whole, kind), specs(part, kind), byValue); d != "" {
			t.Fatalf("%s: %s", kind, d)
		}
	}
	for _, name := range []string{"a", "b"} {
		for what, pair := range map[string][2]any{
			"grants of": {whole.GrantsOf(name), part.GrantsOf(name)}, "grants under": {whole.GrantsUnder(name), part.GrantsUnder(name)},
			"bindings of issuer": {whole.BindingsOf(name), part.BindingsOf(name)}, "bindings of identity": {whole.BindingsOfIdentity(name), part.BindingsOfIdentity(name)},
			"holders":   {slices.Collect(whole.HoldersAfter("", []string{name})), slices.Collect(part.HoldersAfter("", []string{name}))},
			"after":     {slices.Collect(whole.IdentitiesAfter(name)), slices.Collect(part.IdentitiesAfter(name))},
			"operators": {whole.Operators(), part.Operators()},
			"tagged":    {whole.IdentitiesTagged(name), part.IdentitiesTagged(name)},
			"stops":     {whole.Stops.Caller(&identity.Identity{}, "", identity.Origin{}), part.Stops.Caller(&identity.Identity{}, "", identity.Origin{})},
		} {
			if d := cmp.Diff(pair[0], pair[1], byValue); d != "" {
				t.Fatalf("%s %s: %s", what, name, d)
			}
		}
	}
	for _, s := range []*budget.Subject{{}, {Identity: "a", Held: []budget.Held{{Grant: "a", Entitlement: "b"}}}, {Identity: "b", Held: []budget.Held{{Grant: "b", Entitlement: "a"}}}} {
		if d := cmp.Diff(whole.Budgets.Covering(s), part.Budgets.Covering(s), cmpopts.IgnoreUnexported(budget.Line{}), byZone); d != "" {
			t.Fatalf("what limits %+v: %s", s, d)
		}
	}
	wi, wg := whole.Counts()
	if pi, pg := part.Counts(); wi != pi || wg != pg {
		t.Fatalf("counted %d and %d, and %d and %d", wi, wg, pi, pg)
	}
}

func specs(s *Snapshot, kind manifest.Kind) map[string]any {
	out := map[string]any{}
	for _, r := range s.of(kind) {
		out[r.Name] = r.Spec
	}
	return out
}

// TestASnapshotDoesNotChange: what is made out of one leaves it as it was.
func TestASnapshotDoesNotChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s shelf[int]
		want := map[string]int{}
		versions, wants := []shelf[int]{s}, []map[string]int{{}}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			name := fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "name"))
			if rapid.Bool().Draw(t, "away") {
				s.set(name, nil)
				delete(want, name)
			} else {
				v := i
				s.set(name, &v)
				want[name] = i
			}
			if rapid.Bool().Draw(t, "settled") {
				s.settle()
				kept := map[string]int{}
				for k, v := range want {
					kept[k] = v
				}
				versions, wants = append(versions, s), append(wants, kept)
			}
		}
		for i, v := range versions {
			got := map[string]int{}
			for name, p := range v.each() {
				got[name] = *p
			}
			if d := cmp.Diff(wants[i], got); d != "" || v.len() != len(got) {
				t.Fatalf("version %d has %d: %s", i, v.len(), d)
			}
		}
	})
}

func TestEveryKindHasItsShelf(t *testing.T) {
	s, err := Of([]manifest.Resource{dana(), {Kind: manifest.Waiver, Name: "w", Spec: &sod.Waiver{ID: "w"}}, {Kind: manifest.SoDRule, Name: "r", Spec: &sod.Rule{ID: "r"}}}, then)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range manifest.Kinds {
		if has := s.on(kind) != nil; has == (kind == manifest.Request || kind == manifest.Hold) {
			t.Errorf("%s: a snapshot holds it: %v", kind, has)
		}
	}
	if r, ok := s.Resource(manifest.Operator, "dana"); !ok || r.Spec.(*operator.Operator).Email != "dana@example.com" {
		t.Errorf("found %+v", r)
	}
	if _, ok := s.Resource(manifest.Request, "dana"); ok {
		t.Error("a request was found")
	}
	if len(s.Waivers()) != 1 || len(s.SoDRules()) != 1 || len(s.Operators()) != 1 {
		t.Error("something is not listed")
	}
}

func prefixesOf(cidr string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(cidr)} }
