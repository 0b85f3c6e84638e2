package identity

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheLifeOfAnIdentity(t *testing.T) {
	can := map[State]string{
		Discovered: "claimed decommissioned", Claimed: "governed dormant decommissioned", Governed: "claimed dormant decommissioned",
		Dormant: "claimed governed decommissioned", Quarantined: "", Decommissioned: "",
	}
	for _, from := range States {
		for _, to := range States {
			i := Identity{State: from, Sponsor: "dana@example.com"}
			want := slices.Contains(strings.Fields(can[from]), string(to))
			if err := i.CanBecome(to, Held{Live: 1}); (err == nil) != want {
				t.Errorf("%s to %s: %v, want allowed: %t", from, to, err, want)
			}
			if from.May(to) != want {
				t.Errorf("%s may become %s: %t", from, to, !want)
			}
		}
	}
}

func TestAStateNeedsItsFacts(t *testing.T) {
	for _, c := range []struct {
		name string
		i    Identity
		to   State
		held Held
		want string
	}{
		{"claimed by nobody", Identity{State: Discovered}, Claimed, Held{}, "sponsor"},
		{"governed by nobody", Identity{State: Claimed}, Governed, Held{Live: 1}, "sponsor"},
		{"governed without rights", Identity{State: Claimed, Sponsor: "d"}, Governed, Held{}, "needs a grant"},
		{"governed with a stray right", Identity{State: Claimed, Sponsor: "d"}, Governed, Held{Live: 2, Untraced: []string{"g"}}, "[g]"},
		{"out of quarantine by a state", Identity{State: Quarantined, Sponsor: "d"}, Claimed, Held{}, "quarantine"},
		{"into quarantine by a state", Identity{Sponsor: "d"}, Quarantined, Held{}, "quarantine"},
		{"back from the end", Identity{State: Decommissioned, Sponsor: "d"}, Claimed, Held{}, "decommissioned"},
	} {
		if err := c.i.CanBecome(c.to, c.held); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestFlagsAreFoundFromFacts(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	known := map[string]Standing{"dana": Live, "erik": Live, "left": Disabled, "gone": Disabled}
	fresh := Identity{Sponsor: "dana", Confirmed: now.AddDate(0, 0, -1)}
	with := func(change func(*Identity)) Identity { i := fresh; change(&i); return i }
	for _, c := range []struct {
		name     string
		i        Identity
		bindings []*Binding
		want     []string
	}{
		{"nothing to see", fresh, []*Binding{{ID: "b", Issuer: "x", Subject: "s"}}, nil},
		{"no sponsor", with(func(i *Identity) { i.Sponsor, i.Owner = "", "erik" }), nil, []string{Orphaned}},
		{"the sponsor left", with(func(i *Identity) { i.Sponsor = "left" }), nil, []string{Orphaned}},
		{"the sponsor left and so did the deputy", with(func(i *Identity) { i.Sponsor, i.Deputy = "left", "gone" }), nil, []string{Orphaned}},
		{"the sponsor left and nobody knows the owner", with(func(i *Identity) { i.Sponsor, i.Owner = "left", "who" }), nil, []string{Orphaned}},
		{"the sponsor left and a deputy stayed", with(func(i *Identity) { i.Sponsor, i.Deputy = "left", "erik" }), nil, nil},
		{"a sponsor nobody knows", with(func(i *Identity) { i.Sponsor = "who" }), nil, []string{UnknownSponsor}},
		{"never confirmed", with(func(i *Identity) { i.Confirmed = time.Time{} }), nil, []string{Unconfirmed}},
		{"confirmed long ago", with(func(i *Identity) { i.Confirmed = now.Add(-ConfirmEvery - 1) }), nil, []string{Unconfirmed}},
		{"confirmed just in time", with(func(i *Identity) { i.Confirmed = now.Add(-ConfirmEvery) }), nil, nil},
		{"declared shared", with(func(i *Identity) { i.Shared = true }), nil, []string{SharedFlag}},
		{"two subjects", fresh, []*Binding{{ID: "b", Issuer: "x", Subject: "s"}, {ID: "c", Issuer: "x", Subject: "t"}}, []string{SharedFlag}},
		{"one subject on two roads", fresh, []*Binding{{ID: "b", Issuer: "x", Subject: "s"}, {ID: "c", Issuer: "x", Subject: "s", Audience: "w"}}, nil},
		{"a wide binding", fresh, []*Binding{{ID: "b", Issuer: "x", Subject: "repo:org/*"}}, []string{SharedFlag}},
		{"two principals", with(func(i *Identity) { i.Principals = []string{"arn:a", "arn:b"} }), nil, []string{SharedFlag}},
		{"everything at once", Identity{Shared: true}, nil, []string{Orphaned, Unconfirmed, SharedFlag}},
	} {
		var got []string
		for _, f := range c.i.Flags(FlagFacts{Of: func(n string) Standing { return known[n] }, Bindings: c.bindings, Now: now}) {
			got = append(got, f.Name)
			if len(f.Reasons) == 0 || f.Reasons[0] == "" {
				t.Errorf("%s: %s has no reason", c.name, f.Name)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
