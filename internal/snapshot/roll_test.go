package snapshot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// TestARollIsASortedList: whatever comes and goes, and every version stays what
// it was.
func TestARollIsASortedList(t *testing.T) {
	order := func(a, b *int) int { return *a - *b }
	rapid.Check(t, func(t *rapid.T) {
		var want []int
		for i := range rapid.IntRange(0, 3*piece).Draw(t, "first") {
			want = append(want, 2*i)
		}
		var first []*int
		for _, v := range want {
			first = append(first, &v)
		}
		versions, wants := []roll[int]{newRoll(first)}, [][]int{want}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			r, want := versions[len(versions)-1], slices.Clone(wants[len(wants)-1])
			v := rapid.IntRange(-1, 6*piece).Draw(t, "value")
			i, found := slices.BinarySearch(want, v)
			if rapid.Bool().Draw(t, "away") {
				if r = r.without(&v, order); found {
					want = slices.Delete(want, i, i+1)
				}
			} else if r = r.with(&v, order); !found {
				want = slices.Insert(want, i, v)
			}
			versions, wants = append(versions, r), append(wants, want)
		}
		from := rapid.IntRange(-1, 6*piece).Draw(t, "from")
		for i, r := range versions {
			rolled(t, r, wants[i], from)
		}
	})
}

func rolled(t *rapid.T, r roll[int], want []int, from int) {
	if r.n != len(want) || !slices.EqualFunc(r.all(), want, func(p *int, v int) bool { return *p == v }) {
		t.Fatalf("%d things, want %v", r.n, want)
	}
	at, _ := slices.BinarySearch(want, from)
	var tail []int
	for v := range r.from(func(v *int) bool { return *v >= from }) {
		tail = append(tail, *v)
	}
	if !slices.Equal(tail, want[at:]) {
		t.Fatalf("from %d: %v, want %v", from, tail, want[at:])
	}
	for _, p := range r.pieces {
		if len(p) == 0 || len(p) > piece {
			t.Fatalf("a piece of %d", len(p))
		}
	}
}

// TestHoldersComeInOrderAndOnce: as if every identity had been looked at.
func TestHoldersComeInOrderAndOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := heldBy(t)
		after := rapid.SampledFrom([]string{"", "i2", "i31", "z"}).Draw(t, "after")
		asked := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"e0", "e1", "e2", "none"}), rapid.ID[string]).Draw(t, "entitlements")
		want, everybody := []string{}, []string{}
		for _, i := range s.Identities() {
			if i.ID <= after {
				continue
			}
			everybody = append(everybody, i.ID)
			if slices.ContainsFunc(s.GrantsOf(i.ID), func(g *rights.Grant) bool { return slices.Contains(asked, g.Entitlement) }) {
				want = append(want, i.ID)
			}
		}
		if d := cmp.Diff(want, slices.AppendSeq([]string{}, s.HoldersAfter(after, asked))); d != "" {
			t.Fatalf("holders of %v after %q: %s", asked, after, d)
		}
		if d := cmp.Diff(everybody, slices.AppendSeq([]string{}, s.IdentitiesAfter(after))); d != "" || !slices.IsSortedFunc(s.Identities(), byIdentityID) {
			t.Fatalf("identities after %q: %s", after, d)
		}
		for range s.HoldersAfter("", []string{"e0"}) {
			break // whoever stops in the middle is let go
		}
	})
}

// heldBy is a snapshot of drawn grants, part of them loaded at once and part added.
func heldBy(t *rapid.T) *Snapshot {
	var all []manifest.Resource
	for i := range 3 {
		all = append(all, manifest.Resource{Kind: manifest.Entitlement, Name: fmt.Sprint("e", i), Spec: &rights.Entitlement{ID: fmt.Sprint("e", i), Models: []string{"amazon.nova-lite-v1:0"}}})
	}
	for i := range 40 {
		all = append(all, manifest.Resource{Kind: manifest.Identity, Name: fmt.Sprint("i", i), Spec: &identity.Identity{ID: fmt.Sprint("i", i), Kind: identity.Agent, Environment: "prod"}})
	}
	var later []store.Change
	for n := range rapid.IntRange(0, 60).Draw(t, "grants") {
		g := &rights.Grant{ID: fmt.Sprint("g", n), Identity: fmt.Sprint("i", rapid.IntRange(0, 39).Draw(t, "who")), Entitlement: fmt.Sprint("e", rapid.IntRange(0, 2).Draw(t, "what")), NotAfter: then.AddDate(0, 1, 0)}
		r := manifest.Resource{Kind: manifest.Grant, Name: g.ID, Spec: g}
		if rapid.Bool().Draw(t, "later") {
			spec, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			later = append(later, store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec})
			continue
		}
		all = append(all, r)
	}
	s, err := Of(all, then)
	if err == nil {
		s, err = s.With(later, then)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTheFirstSnapshotIsThatOfItsResources: filled at once, it is the one that is
// made of them one by one.
func TestTheFirstSnapshotIsThatOfItsResources(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		var all []manifest.Resource
		var rows []store.Row
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			all, _ = change(t, all)
		}
		for _, r := range all {
			spec, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			row := store.Row{Change: store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec}}
			row.Stored = row.Digest()
			rows = append(rows, row)
		}
		whole, wholeErr := Of(all, then)
		first, err := build(nil, rows, 1, then, func(store.Ref, store.Change) error { return nil })
		if (wholeErr == nil) != (err == nil) {
			t.Fatalf("one by one: %v; at once: %v", wholeErr, err)
		}
		if err == nil {
			taken++
			alike(t, whole, first)
		}
	})
	if taken == 0 {
		t.Error("nothing was ever taken: the test draws too narrowly")
	}
}

// TestS17_AFirstLoadNamesEveryRowThatIsNotBelieved: and then there is no snapshot.
func TestS17_AFirstLoadNamesEveryRowThatIsNotBelieved(t *testing.T) {
	var rows []store.Row
	for i := range 2 * crowd {
		r := manifest.Resource{Kind: manifest.Identity, Name: fmt.Sprintf("i%04d", i), Spec: &identity.Identity{Kind: identity.Agent, Environment: "prod"}}
		spec, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		row := store.Row{Change: store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec}}
		row.Stored = row.Digest()
		rows = append(rows, row)
	}
	rows[7].Spec = []byte(strings.Replace(string(rows[7].Spec), "prod", "test", 1))
	rows[crowd+7].Stored[0] ^= 1
	s, err := build(nil, rows, 1, then, func(store.Ref, store.Change) error { return nil })
	if s != nil || err == nil || !strings.Contains(err.Error(), "Identity/i0007") || !strings.Contains(err.Error(), fmt.Sprintf("Identity/i%04d", crowd+7)) {
		t.Errorf("built %v: %v", s != nil, err)
	}
}
