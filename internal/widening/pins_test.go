package widening

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

var townAsk = request.Ask{Grant: &request.GrantAsk{
	Identity: "bot", Entitlement: "chat", Duration: time.Hour, Replaces: "bot.chat", Narrow: &rights.Narrowing{Networks: []string{"office"}},
}}

func pinned(t *testing.T, s *snapshot.Snapshot, ask request.Ask) map[string]string {
	t.Helper()
	pins, err := Pins(s, ask)
	if err != nil {
		t.Fatal(err)
	}
	return pins
}

// TestS18_PinsCoverWhatAGrantRefersTo, and nothing else.
func TestS18_PinsCoverWhatAGrantRefersTo(t *testing.T) {
	was := pinned(t, theTown(), townAsk)
	want := []string{
		"Binding/bot-oidc", "Catalogue/reached", "Entitlement/chat", "Grant/bot.chat", "Identity/bot", "Issuer/idp",
		"Model/" + townModel, "Network/office", "Network/vpn", "Policy/*", "Profile/" + townProfile,
	}
	if got := slices.Sorted(maps.Keys(was)); !slices.Equal(got, want) {
		t.Errorf("pinned %v, want %v", got, want)
	}
	for name, tc := range map[string]struct {
		change edits
		pin    string // empty: none changes
	}{
		"entitlement": {entitled(func(e *rights.Entitlement) { e.Conditions.MaxTokens = 1 }), "Entitlement/chat"},
		"identity":    {bearing(func(i *identity.Identity) { i.Sponsor = "dana" }), "Identity/bot"},
		"binding":     {bound(func(b *identity.Binding) { b.Subject = "repo:acme/bot:main" }), "Binding/bot-oidc"},
		"a new binding": {edits{edit(manifest.Binding, "second", func(b *identity.Binding) {
			*b = identity.Binding{Identity: "bot", Issuer: "idp", Audience: "writ", Subject: "x"}
		})}, "Binding/second"},
		"binding gone":        {edits{edit[identity.Binding](manifest.Binding, "bot-oidc", nil)}, "Binding/bot-oidc"},
		"issuer":              {edits{edit(manifest.Issuer, "idp", func(i *identity.Issuer) { i.URL = "https://evil.example" })}, "Issuer/idp"},
		"network":             {networked("office", func(n *identity.Network) { n.CIDRs = ranges("203.0.113.0/25") }), "Network/office"},
		"binding's network":   {networked("vpn", func(n *identity.Network) { n.CIDRs = ranges("198.51.100.0/25") }), "Network/vpn"},
		"price":               {modelled(func(m *bedrock.Model) { m.Price = bedrock.Price{} }), "Model/" + townModel},
		"requirement":         {modelled(func(m *bedrock.Model) { m.Requires = nil }), "Catalogue/reached"},
		"a model of a family": {edits{edit(manifest.Model, "meta.llama3-3-70b-instruct-v1:0", func(m *bedrock.Model) { m.Impact = "high" })}, "Catalogue/reached"},
		"profile":             {edits{edit(manifest.Profile, townProfile, func(p *bedrock.Profile) { p.Price.Input = dollars(1) })}, "Profile/" + townProfile},
		"policy":              {replacing("> 500", "> 400"), "Policy/*"},
		"a new policy":        {edits{edit(manifest.PolicyKind, "more", func(p *manifest.Policy) { p.Text = "// none yet" })}, "Policy/*"},
		"what it replaces":    {edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Reason = "x" })}, "Grant/bot.chat"},
		"another network":     {networked("edge", func(n *identity.Network) { n.TrustedProxy = true }), ""},
		"another identity":    {edits{edit(manifest.Identity, "other", func(i *identity.Identity) { i.Sponsor = "dana" })}, ""},
		"another's binding":   {edits{edit(manifest.Binding, "other-oidc", func(b *identity.Binding) { b.Subject = "x" })}, ""},
		"another model":       {edits{edit(manifest.Model, "amazon.nova-lite-v1:0", func(m *bedrock.Model) { m.Impact = "high" })}, ""},
		"another grant":       {edits{edit(manifest.Grant, "other.list", func(g *rights.Grant) { g.Reason = "x" })}, ""},
		"an attestation": {edits{edit(manifest.Validation, "v1", func(v *bedrock.Validation) {
			*v = bedrock.Validation{Model: townModel, Kind: bedrock.PromptHandling, By: "risk", At: townNoon, Expires: townNoon.Add(time.Hour)}
		})}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			after, _ := changed(t, theTown(), tc.change)
			now := pinned(t, after, townAsk)
			if got := now[tc.pin] != was[tc.pin]; tc.pin != "" && !got {
				t.Errorf("pin %s did not change", tc.pin)
			}
			if same := maps.Equal(now, was); same != (tc.pin == "") || same != (PinDigest(now) == PinDigest(was)) {
				t.Errorf("the pins are the same: %v", same)
			}
		})
	}
}

func TestPinsOfOtherAsks(t *testing.T) {
	s, _ := changed(t, theTown(), edits{edit(manifest.Quarantine, "q1", func(q *rights.Quarantine) {
		*q = rights.Quarantine{Target: rights.Target{Kind: rights.TargetIdentity, Name: "bot"}, Reason: "odd", By: "dana", At: townNoon}
	})})
	for name, tc := range map[string]struct {
		ask  request.Ask
		want []string
	}{
		"change": {request.Ask{Change: &request.ChangeAsk{Changes: []request.Change{{Op: "update", Kind: "Network", Name: "office"}, {Op: "create", Kind: "Network", Name: "new"}},
			Widens: []request.Widens{{Grant: "bot.chat"}, {Operator: "dana"}}}}, []string{"Entitlement/chat", "Network/new", "Network/office"}},
		"lift":   {request.Ask{Lift: &request.LiftAsk{Quarantine: "q1"}}, []string{"Quarantine/q1"}},
		"waiver": {request.Ask{Waiver: &request.WaiverAsk{Rule: "maker-checker"}}, []string{"SoDRule/maker-checker"}},
		"review": {request.Ask{Review: &request.ReviewAsk{Grant: "bot.chat"}}, []string{"Grant/bot.chat"}},
	} {
		if got := slices.Sorted(maps.Keys(pinned(t, s, tc.ask))); !slices.Equal(got, tc.want) {
			t.Errorf("%s: pinned %v, want %v", name, got, tc.want)
		}
	}
	for name, ask := range map[string]request.Ask{
		"nothing":        {},
		"no entitlement": {Grant: &request.GrantAsk{Identity: "bot", Entitlement: "none"}},
		"no identity":    {Grant: &request.GrantAsk{Identity: "nobody", Entitlement: "chat"}},
		"no network":     {Grant: &request.GrantAsk{Identity: "bot", Entitlement: "chat", Narrow: &rights.Narrowing{Networks: []string{"nowhere"}}}},
		"no quarantine":  {Lift: &request.LiftAsk{Quarantine: "none"}},
	} {
		if pins, err := Pins(s, ask); err == nil {
			t.Errorf("%s: pinned %v", name, pins)
		}
	}
}

// TestPropertyAPinDigestTellsPinsApart: no two sets of pins share one, however names
// and digests could be cut.
func TestPropertyAPinDigestTellsPinsApart(t *testing.T) {
	text := rapid.StringMatching(`[ab/]{0,3}`)
	pins := rapid.MapOfN(text, text, 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := pins.Draw(t, "a"), pins.Draw(t, "b")
		if maps.Equal(a, b) != (PinDigest(a) == PinDigest(b)) {
			t.Fatalf("%v and %v", a, b)
		}
	})
}
