package widening

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

const (
	townAccount = "111122223333"
	townHaiku   = "anthropic.claude-haiku-4-5-20251001-v1:0"
	townLlama   = "meta.llama3-1-70b-instruct-v1:0"
	townModel   = "arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001"
	townProfile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/app0001"
)

var townNoon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func ranges(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func dollars(f float64) *float64 { return &f }

// town is a state to make changes to: bot holds chat, from the office; other holds
// list, from anywhere.
func town() []manifest.Resource {
	until := townNoon.Add(24 * time.Hour)
	specs := []struct {
		name string
		kind manifest.Kind
		spec any
	}{
		{"office", manifest.Network, &identity.Network{CIDRs: ranges("203.0.113.0/24")}},
		{"vpn", manifest.Network, &identity.Network{CIDRs: ranges("198.51.100.0/24")}},
		{"edge", manifest.Network, &identity.Network{CIDRs: ranges("192.0.2.0/28")}},
		{"idp", manifest.Issuer, &identity.Issuer{URL: "https://idp.example"}},
		{townModel, manifest.Model, &bedrock.Model{Kind: bedrock.ImportedModel, Base: townLlama, Regions: []string{"us-east-1"},
			Requires: []string{bedrock.PromptHandling}, Price: bedrock.Price{Input: dollars(2), Output: dollars(4)}}},
		{townProfile, manifest.Profile, &bedrock.Profile{Model: townHaiku, Destinations: map[string][]string{"us-east-1": {"us-east-1", "us-west-2"}}}},
		{"bot", manifest.Identity, &identity.Identity{Kind: identity.Agent, Environment: "prod", Team: "payments", Purposes: []string{"support"}}},
		{"other", manifest.Identity, &identity.Identity{Kind: identity.Workload, Environment: "prod"}},
		{"bot-oidc", manifest.Binding, &identity.Binding{Identity: "bot", Issuer: "idp", Audience: "writ", Subject: "repo:acme/bot:*", Claims: map[string]string{"ref": "main"}, Networks: []string{"vpn"}}},
		{"other-oidc", manifest.Binding, &identity.Binding{Identity: "other", Issuer: "idp", Audience: "writ", Subject: "repo:acme/other"}},
		{"chat", manifest.Entitlement, &rights.Entitlement{Models: []string{townHaiku, "family:meta.llama", townProfile}, Conditions: rights.Conditions{
			Networks: []string{"office"}, Environments: []string{"prod"}, Purposes: []string{"support"}, MaxTokens: 1000, HoldAnswer: true,
			Tools: rights.Tools{Read: []string{"search"}, Write: []string{"post"}}, Data: rights.Data{MaxLevel: "internal"}, Regions: []string{"us-east-1", "us-west-2"},
		}}},
		{"list", manifest.Entitlement, &rights.Entitlement{Models: []string{"amazon.nova-lite-v1:0"}}},
		{"bot.chat", manifest.Grant, &rights.Grant{Identity: "bot", Entitlement: "chat", NotAfter: until}},
		{"other.list", manifest.Grant, &rights.Grant{Identity: "other", Entitlement: "list", NotAfter: until}},
		{"org", manifest.PolicyKind, &manifest.Policy{Text: `
@id("teams") forbid (principal, action in Writ::Action::"Invoke", resource in Writ::Family::"meta.llama") unless { principal.team == "payments" };
@id("tokens") forbid (principal, action in Writ::Action::"Invoke", resource) when { context.request.maxTokens > 500 };
@id("redact") permit (principal, action == Writ::Action::"oblige:redact", resource);`}},
	}
	var out []manifest.Resource
	for _, s := range specs {
		out = append(out, resourceOf(s.kind, s.name, s.spec))
	}
	return out
}

// theTown is its snapshot, which tests share.
var theTown = sync.OnceValue(func() *snapshot.Snapshot {
	s, err := snapshot.Of(town(), townNoon)
	if err != nil {
		panic(err)
	}
	return s
})

// resourceOf is a resource as it comes out of the store.
func resourceOf(kind manifest.Kind, name string, spec any) manifest.Resource {
	text, err := (manifest.Resource{Kind: kind, Name: name, Spec: spec}).Encode()
	if err != nil {
		panic(err)
	}
	r, err := manifest.Decode(kind, name, text)
	if err != nil {
		panic(err)
	}
	return r
}

// edit is a change of one resource; a nil change takes it away.
func edit[T any](kind manifest.Kind, name string, change func(*T)) func(*snapshot.Snapshot) store.Change {
	return func(s *snapshot.Snapshot) store.Change {
		if change == nil {
			return store.Change{Op: manifest.Delete, Kind: kind, Name: name}
		}
		c := store.Change{Op: manifest.Create, Kind: kind, Name: name}
		spec := new(T)
		if r, ok := s.Resource(kind, name); ok {
			c.Op = manifest.Update
			text, _ := r.Encode()
			if err := json.Unmarshal(text, spec); err != nil {
				panic(err)
			}
		}
		change(spec)
		c.Spec, _ = (manifest.Resource{Kind: kind, Name: name, Spec: spec}).Encode()
		return c
	}
}

type edits []func(*snapshot.Snapshot) store.Change

// widened applies edits to the town, after those that prepare it.
func widened(t *testing.T, prepare, change edits) []request.Widens {
	t.Helper()
	before, _ := changed(t, theTown(), prepare)
	after, changes := changed(t, before, change)
	found, err := Find(before, after, changes, rights.Place{Account: townAccount}, townNoon)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func changed(t *testing.T, s *snapshot.Snapshot, e edits) (*snapshot.Snapshot, []store.Change) {
	t.Helper()
	if len(e) == 0 {
		return s, nil
	}
	var changes []store.Change
	for _, f := range e {
		changes = append(changes, f(s))
	}
	after, err := s.With(changes, townNoon)
	if err != nil {
		t.Fatal(err)
	}
	return after, changes
}

func entitled(change func(*rights.Entitlement)) edits {
	return edits{edit(manifest.Entitlement, "chat", change)}
}

func bound(change func(*identity.Binding)) edits {
	return edits{edit(manifest.Binding, "bot-oidc", change)}
}

func bearing(change func(*identity.Identity)) edits {
	return edits{edit(manifest.Identity, "bot", change)}
}

func networked(name string, change func(*identity.Network)) edits {
	return edits{edit(manifest.Network, name, change)}
}

func modelled(change func(*bedrock.Model)) edits {
	return edits{edit(manifest.Model, townModel, change)}
}

func ruled(change func(*manifest.Policy)) edits {
	return edits{edit(manifest.PolicyKind, "org", change)}
}

// replacing rewords a policy.
func replacing(old, new string) edits {
	return ruled(func(p *manifest.Policy) { p.Text = strings.Replace(p.Text, old, new, 1) })
}

// TestS18_WhatWidensALiveGrantIsFound: each item of S18's list, and what else gives
// more than was approved, is named with the change that does it.
func TestS18_WhatWidensALiveGrantIsFound(t *testing.T) {
	const none = "-"
	for name, tc := range map[string]struct {
		prepare, change edits
		cause, text     string // none: not asked
	}{
		"a CIDR":               {nil, networked("office", func(n *identity.Network) { n.CIDRs = append(n.CIDRs, ranges("100.64.0.0/10")...) }), "Network/office", "100.64.0.0/10"},
		"a wider CIDR":         {nil, networked("office", func(n *identity.Network) { n.CIDRs = ranges("203.0.112.0/23") }), "Network/office", "203.0.112.0/23"},
		"a CIDR of a binding":  {nil, networked("vpn", func(n *identity.Network) { n.CIDRs = ranges("198.51.0.0/16") }), "Network/vpn", "binding bot-oidc"},
		"a proxy":              {nil, networked("edge", func(n *identity.Network) { n.TrustedProxy = true }), "Network/edge", "is believed"},
		"a proxy that is none": {networked("office", func(n *identity.Network) { n.TrustedProxy = true }), networked("office", func(n *identity.Network) { n.TrustedProxy = false }), "Network/office", "counts as coming from there"},
		"a model":              {nil, entitled(func(e *rights.Entitlement) { e.Models = append(e.Models, "amazon.nova-pro-v1:0") }), "Entitlement/chat", "amazon.nova-pro-v1:0"},
		"a family":             {nil, entitled(func(e *rights.Entitlement) { e.Models = append(e.Models, "family:amazon.nova") }), "Entitlement/chat", "family:amazon.nova"},
		"a model of the family": {nil, edits{edit(manifest.Model, strings.Replace(townModel, "0001", "0002", 1), func(m *bedrock.Model) {
			*m = bedrock.Model{Kind: bedrock.ImportedModel, Base: townLlama, Regions: []string{"us-east-1"}}
		})}, "Model/arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0002", "becomes possible"},
		"another base":        {nil, modelled(func(m *bedrock.Model) { m.Base = "meta.llama3-8b-instruct-v1:0" }), "Model/" + townModel, "is made from"},
		"a region of a model": {nil, modelled(func(m *bedrock.Model) { m.Regions = append(m.Regions, "us-west-2") }), "Model/" + townModel, "us-west-2 too"},
		"a region of a profile": {nil, edits{edit(manifest.Profile, townProfile, func(p *bedrock.Profile) {
			p.Destinations["us-east-1"] = append(p.Destinations["us-east-1"], "us-east-2")
		})}, "Profile/" + townProfile, "other regions"},
		"a price lowered": {nil, modelled(func(m *bedrock.Model) { m.Price.Output = dollars(3) }), "Model/" + townModel, "falls from 4 to 3"},
		"a price to fall": {nil, modelled(func(m *bedrock.Model) {
			m.Prices = []bedrock.DatedPrice{{From: "2030-01-01", Price: bedrock.Price{Input: dollars(1), Output: dollars(4)}}}
		}), "Model/" + townModel, "falls from 2 to 1"},
		"a price removed":      {nil, modelled(func(m *bedrock.Model) { m.Price = bedrock.Price{} }), "Model/" + townModel, "not known any more"},
		"half a price removed": {nil, modelled(func(m *bedrock.Model) { m.Price.Input = nil }), "Model/" + townModel, "unknown"},
		"a validation dropped": {nil, modelled(func(m *bedrock.Model) { m.Requires = nil }), "Model/" + townModel, bedrock.PromptHandling},
		"any network":          {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Networks = nil }), "Entitlement/chat", "conditions.networks"},
		"another network":      {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Networks = []string{"office", "vpn"} }), "Entitlement/chat", "vpn"},
		"tokens":               {nil, entitled(func(e *rights.Entitlement) { e.Conditions.MaxTokens = 1001 }), "Entitlement/chat", "1000 → 1001"},
		"no limit of tokens":   {nil, entitled(func(e *rights.Entitlement) { e.Conditions.MaxTokens = 0 }), "Entitlement/chat", "1000 → none"},
		"a region":             {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Regions = append(e.Conditions.Regions, "eu-west-1") }), "Entitlement/chat", "eu-west-1"},
		"a level":              {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Data.MaxLevel = "restricted" }), "Entitlement/chat", "restricted"},
		"regulated data":       {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Data.Regulated = true }), "Entitlement/chat", "regulated"},
		"a tool":               {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Tools.Read = []string{"search", "browse"} }), "Entitlement/chat", "browse"},
		"a tool not held":      {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Tools = rights.Tools{Read: []string{"search", "post"}} }), "Entitlement/chat", "post are not held"},
		"answers not held":     {nil, entitled(func(e *rights.Entitlement) { e.Conditions.HoldAnswer = false }), "Entitlement/chat", "not held"},
		"fewer to release":     {entitled(func(e *rights.Entitlement) { e.Conditions.Hold.Needed = 2 }), entitled(func(e *rights.Entitlement) { e.Conditions.Hold.Needed = 1 }), "Entitlement/chat", "conditions.hold.needed"},
		"other approvers":      {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Hold.Approvers = []string{"team:sales"} }), "Entitlement/chat", "conditions.hold.approvers"},
		"a threshold raised":   {entitled(over("100")), entitled(over("1000")), "Entitlement/chat", "conditions.hold.thresholds"},
		"longer receipts":      {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Hold.Receipt = identity.Duration(time.Hour) }), "Entitlement/chat", "conditions.hold.receipt"},
		"another account":      {nil, entitled(func(e *rights.Entitlement) { e.Account, e.Models = "444455556666", []string{townHaiku} }), "Entitlement/chat", "444455556666"},
		"an action": {nil, entitled(func(e *rights.Entitlement) {
			e.Actions = []string{"InvokeModel", "InvokeModelWithResponseStream", "CountTokens"}
		}), "Entitlement/chat", "CountTokens"},
		"a new binding": {nil, edits{edit(manifest.Binding, "second", func(b *identity.Binding) {
			*b = identity.Binding{Identity: "bot", Issuer: "idp", Audience: "writ", Subject: "someone"}
		})}, "Binding/second", "someone"},
		"a binding moved":     {nil, edits{edit(manifest.Binding, "other-oidc", func(b *identity.Binding) { b.Identity = "bot" })}, "Binding/other-oidc", "which was identity other's"},
		"a wider subject":     {nil, bound(func(b *identity.Binding) { b.Subject = "repo:acme/*" }), "Binding/bot-oidc", "repo:acme/*"},
		"another subject":     {nil, bound(func(b *identity.Binding) { b.Subject = "repo:evil/bot:main" }), "Binding/bot-oidc", "repo:evil"},
		"another audience":    {nil, bound(func(b *identity.Binding) { b.Audience = "writ2" }), "Binding/bot-oidc", "audience"},
		"a claim dropped":     {nil, bound(func(b *identity.Binding) { b.Claims = nil }), "Binding/bot-oidc", "claim ref"},
		"a claim widened":     {nil, bound(func(b *identity.Binding) { b.Claims["ref"] = "ma*" }), "Binding/bot-oidc", "claim ref"},
		"a binding anywhere":  {nil, bound(func(b *identity.Binding) { b.Networks = nil }), "Binding/bot-oidc", "anywhere"},
		"a binding elsewhere": {nil, bound(func(b *identity.Binding) { b.Networks = []string{"office"} }), "Binding/bot-oidc", "203.0.113.0/24"},
		"longer sessions":     {bound(func(b *identity.Binding) { b.MaxSession = identity.Duration(time.Minute) }), bound(func(b *identity.Binding) { b.MaxSession = 0 }), "Binding/bot-oidc", "1h0m0s"},
		"an unblocked binding": {edits{edit(manifest.Binding, "blocker", func(b *identity.Binding) {
			*b = identity.Binding{Identity: "other", Issuer: "idp", Audience: "writ", Subject: "repo:acme/bot:*"}
		})}, edits{edit[identity.Binding](manifest.Binding, "blocker", nil)}, "Binding/blocker", "were refused"},
		"an issuer's URL":       {nil, edits{edit(manifest.Issuer, "idp", func(i *identity.Issuer) { i.URL = "https://evil.example" })}, "Issuer/idp", "URL"},
		"an issuer's keys":      {nil, edits{edit(manifest.Issuer, "idp", func(i *identity.Issuer) { i.JWKS = "https://idp.example/k" })}, "Issuer/idp", "key set"},
		"an issuer's algorithm": {nil, edits{edit(manifest.Issuer, "idp", func(i *identity.Issuer) { i.Algorithms = []string{"RS256", "PS256"} })}, "Issuer/idp", "PS256"},
		"local keys":            {nil, edits{edit(manifest.Issuer, "idp", func(i *identity.Issuer) { i.AllowLocal = true })}, "Issuer/idp", "local"},
		"a longer identity":     {nil, bearing(func(i *identity.Identity) { i.MaxSession = identity.Duration(2 * time.Hour) }), "Identity/bot", "2h0m0s"},
		"an environment":        {bearing(func(i *identity.Identity) { i.Environment = "dev" }), bearing(func(i *identity.Identity) { i.Environment = "prod" }), "Identity/bot", "becomes possible"},
		"a purpose":             {bearing(func(i *identity.Identity) { i.Purposes = []string{"sales"} }), bearing(func(i *identity.Identity) { i.Purposes = []string{"sales", "support"} }), "Identity/bot", none},
		"a team a rule reads":   {bearing(func(i *identity.Identity) { i.Team = "sales" }), bearing(func(i *identity.Identity) { i.Team = "payments" }), "Identity/bot", "org/teams"},
		"out of a state":        {bearing(func(i *identity.Identity) { i.State = identity.Quarantined }), bearing(func(i *identity.Identity) { i.State = identity.Governed }), "Identity/bot", none},
		"a forbid removed": {nil, ruled(func(p *manifest.Policy) {
			p.Text = p.Text[:strings.Index(p.Text, `@id("tokens")`)] + p.Text[strings.Index(p.Text, `@id("redact")`):]
		}), "Policy/org", "org/tokens does not forbid"},
		"a policy removed":                          {nil, edits{edit[manifest.Policy](manifest.PolicyKind, "org", nil)}, "Policy/org", "org/tokens"},
		"a forbid narrowed":                         {nil, replacing("> 500", "> 600"), "Policy/org", "org/tokens"},
		"an obligation dropped":                     {nil, replacing(`"oblige:redact", resource);`, `"oblige:redact", resource) when { principal.shared };`), "Policy/org", "obligation"},
		"a fact of a rule that no policy expresses": {slices.Concat(oddly, bearing(func(i *identity.Identity) { i.Shared = true })), bearing(func(i *identity.Identity) { i.Shared = false }), "Identity/bot", "org/odd"},
		"another wording of one":                    {slices.Concat(oddly, bearing(func(i *identity.Identity) { i.Shared = true })), replacing("bytes > 5", "bytes > 6"), "Policy/org", "cannot be excluded"},
		"a fact of an obligation":                   {replacing(`"oblige:redact", resource);`, `"oblige:redact", resource) when { principal.team == "payments" };`), bearing(func(i *identity.Identity) { i.Team = "sales" }), "Identity/bot", "demands less"},
		"a tag that a quarantine goes by": {edits{edit(manifest.Identity, "bot", func(i *identity.Identity) { i.Tags = []string{"leaked"} }), edit(manifest.Quarantine, "q1", func(q *rights.Quarantine) {
			*q = rights.Quarantine{Target: rights.Target{Kind: rights.TargetTag, Name: "leaked"}, Reason: "odd", By: "dana", At: townNoon}
		})}, bearing(func(i *identity.Identity) { i.Tags = nil }), "Identity/bot", "quarantine q1"},
		"no redaction": {entitled(func(e *rights.Entitlement) { e.Conditions.Data.Redact = true }), entitled(func(e *rights.Entitlement) { e.Conditions.Data.Redact = false }), "Entitlement/chat", "redact true → none"},
		"no redaction of answers": {entitled(func(e *rights.Entitlement) { e.Conditions.Data.Output = &rights.Output{Redact: true} }),
			entitled(func(e *rights.Entitlement) { e.Conditions.Data.Output = &rights.Output{} }), "Entitlement/chat", "answers are not redacted any more"},
		"answers of their own rule": {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Data.Output = &rights.Output{} }), "Entitlement/chat", "becomes possible"},
		"regulated answers": {entitled(func(e *rights.Entitlement) { e.Conditions.Data.Output = &rights.Output{} }),
			entitled(func(e *rights.Entitlement) { e.Conditions.Data.Output = &rights.Output{Regulated: true} }), "Entitlement/chat", "becomes possible"},
		"a longer answer": {ruled(func(p *manifest.Policy) {
			p.Text += `@id("short") @max_output_tokens("100") permit (principal, action == Writ::Action::"oblige:max_output_tokens", resource);`
		}), replacing(`"100"`, `"200"`), "Policy/org", "an obligation"},
		"a permit added": {nil, ruled(func(p *manifest.Policy) {
			p.Text += `@id("free") permit (principal, action == Writ::Action::"InvokeModel", resource);`
		}), "Policy/org", "no grant stands behind"},
		"the grant's end":       {nil, edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.NotAfter = g.NotAfter.Add(time.Hour) })}, "Grant/bot.chat", "notAfter"},
		"the grant's right":     {nil, edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Entitlement = "list" })}, "Grant/bot.chat", "entitlement"},
		"the grant's narrowing": {edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Narrow = &rights.Narrowing{MaxTokens: 10} })}, edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Narrow = &rights.Narrowing{MaxTokens: 20} })}, "Grant/bot.chat", "narrow.maxTokens 10 → 20"},
	} {
		t.Run(name, func(t *testing.T) {
			found := widened(t, tc.prepare, tc.change)
			if !slices.ContainsFunc(found, func(w request.Widens) bool {
				return w.Cause == tc.cause && w.Grant == "bot.chat" && (tc.text == none || strings.Contains(w.Text, tc.text))
			}) {
				t.Errorf("found %s, want %s: …%s…", toldOf(found), tc.cause, tc.text)
			}
		})
	}
}

// over has two people agree to a payment of more than an amount.
func over(amount string) func(*rights.Entitlement) {
	return func(e *rights.Entitlement) {
		e.Conditions.Hold.Thresholds = []rights.Threshold{{Tool: "post", Argument: "/amount", Over: amount, Needed: 2}}
	}
}

func toldOf(found []request.Widens) string {
	var out []string
	for _, w := range found {
		out = append(out, fmt.Sprintf("%s of %s by %s", w.Text, w.Grant, w.Cause))
	}
	return "[" + strings.Join(out, " | ") + "]"
}

// TestS18_NarrowingIsNoWidening: what only takes away needs nobody's consent.
func TestS18_NarrowingIsNoWidening(t *testing.T) {
	for name, tc := range map[string]struct{ prepare, change edits }{
		"a CIDR":              {nil, networked("office", func(n *identity.Network) { n.CIDRs = ranges("203.0.113.0/25") })},
		"a CIDR in halves":    {nil, networked("office", func(n *identity.Network) { n.CIDRs = ranges("203.0.113.0/25", "203.0.113.128/25") })},
		"a binding's CIDR":    {nil, networked("vpn", func(n *identity.Network) { n.CIDRs = ranges("198.51.100.0/25", "198.51.100.128/25") })},
		"a model":             {nil, entitled(func(e *rights.Entitlement) { e.Models = e.Models[:1] })},
		"tokens":              {nil, entitled(func(e *rights.Entitlement) { e.Conditions.MaxTokens = 10 })},
		"a region":            {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Regions = []string{"us-east-1"} })},
		"no tools":            {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Tools = rights.Tools{} })},
		"a tool held":         {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Tools = rights.Tools{Write: []string{"search", "post"}} })},
		"a level":             {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Data.MaxLevel = "public" })},
		"classes":             {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Data.Forbid = []string{"health"} })},
		"redaction":           {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Data.Redact = true })},
		"answers, as prompts": {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Data.Output = &rights.Output{MaxLevel: "internal"} })},
		"answers redacted": {entitled(func(e *rights.Entitlement) { e.Conditions.Data.Output = &rights.Output{MaxLevel: "internal"} }),
			entitled(func(e *rights.Entitlement) {
				e.Conditions.Data.Output = &rights.Output{MaxLevel: "internal", Redact: true, Forbid: []string{"health"}}
			})},
		"more to release":    {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Hold.Needed = 2 })},
		"a threshold":        {nil, entitled(over("100"))},
		"holds that end":     {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Hold.Expires = identity.Duration(time.Minute) })},
		"unknown is refused": {nil, entitled(func(e *rights.Entitlement) { e.Conditions.Hold.Unknown = rights.UnknownRefuse })},
		"how it is asked for": {nil, entitled(func(e *rights.Entitlement) {
			e.Title, e.Owner, e.Access.Requesters = "Chat", "dana", []string{"anyone"}
		})},
		"an asynchronous right": {entitled(asynchronous), entitled(func(e *rights.Entitlement) {
			asynchronous(e)
			e.Models = e.Models[:1]
			e.Conditions.Regions = []string{"us-east-1"}
		})},
		"a longer subject":      {nil, bound(func(b *identity.Binding) { b.Subject = "repo:acme/bot:main" })},
		"a narrower pattern":    {nil, bound(func(b *identity.Binding) { b.Subject = "repo:acme/bot:ref-*" })},
		"a further claim":       {nil, bound(func(b *identity.Binding) { b.Claims["actor"] = "ci" })},
		"shorter sessions":      {nil, bound(func(b *identity.Binding) { b.MaxSession = identity.Duration(time.Minute) })},
		"a binding gone":        {nil, edits{edit[identity.Binding](manifest.Binding, "bot-oidc", nil)}},
		"fewer algorithms":      {nil, edits{edit(manifest.Issuer, "idp", func(i *identity.Issuer) { i.Algorithms = []string{"ES256"} })}},
		"a price raised":        {nil, modelled(func(m *bedrock.Model) { m.Price.Output = dollars(5) })},
		"a validation required": {nil, modelled(func(m *bedrock.Model) { m.Requires = bedrock.ValidationKinds })},
		"a forbid added":        {nil, ruled(func(p *manifest.Policy) { p.Text += `forbid (principal, action, resource) when { principal.shared };` })},
		"a forbid widened":      {nil, replacing("> 500", "> 400")},
		"an obligation added": {nil, ruled(func(p *manifest.Policy) {
			p.Text += `permit (principal, action == Writ::Action::"oblige:hold_answer", resource);`
		})},
		"a comment":           {nil, ruled(func(p *manifest.Policy) { p.Text = "// why\n" + p.Text })},
		"an environment":      {nil, bearing(func(i *identity.Identity) { i.Environment = "dev" })},
		"a purpose":           {nil, bearing(func(i *identity.Identity) { i.Purposes = nil })},
		"a team":              {nil, bearing(func(i *identity.Identity) { i.Team = "sales" })},
		"a quarantine":        {nil, bearing(func(i *identity.Identity) { i.State = identity.Quarantined })},
		"facts no rule reads": {nil, bearing(func(i *identity.Identity) { i.Owner, i.Deputy, i.Tags, i.Epoch = "dana", "erin", []string{"x"}, 7 })},
		"the grant's end":     {nil, edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.NotAfter = g.NotAfter.Add(-time.Hour) })}},
		"the grant narrowed":  {nil, edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Narrow = &rights.Narrowing{MaxTokens: 10, NoTools: true} })}},
		"the grant gone":      {nil, edits{edit[rights.Grant](manifest.Grant, "bot.chat", nil)}},
	} {
		t.Run(name, func(t *testing.T) {
			if found := widened(t, tc.prepare, tc.change); len(found) > 0 {
				t.Errorf("found %s", toldOf(found))
			}
		})
	}
}

// oddly adds a rule that no policy expresses.
var oddly = ruled(func(p *manifest.Policy) {
	p.Text += `@id("odd") forbid (principal, action in [Writ::Action::"Invoke"], resource) when { principal.shared && context.request.bytes > 5 && context.request.bytes < context.request.maxTokens };`
})

func asynchronous(e *rights.Entitlement) {
	e.Actions, e.Conditions.Outputs = []string{"InvokeModel", "StartAsyncInvoke"}, []string{"s3://answers/*"}
}

// TestS18_WhatIsUnrelatedIsNoWidening, and what is nobody's yet.
func TestS18_WhatIsUnrelatedIsNoWidening(t *testing.T) {
	for name, change := range map[string]edits{
		"another network":      networked("edge", func(n *identity.Network) { n.CIDRs = ranges("0.0.0.0/0") }),
		"another model":        {edit(manifest.Model, "mistral.mistral-large-2402-v1:0", func(m *bedrock.Model) { m.Price = bedrock.Price{Input: dollars(0)} })},
		"a right nobody holds": {edit(manifest.Entitlement, "free", func(e *rights.Entitlement) { e.Models = []string{"provider:amazon"} })},
		"a new identity":       {edit(manifest.Identity, "third", func(i *identity.Identity) { i.Kind, i.Environment = identity.Agent, "prod" })},
		"its binding": {edit(manifest.Identity, "third", func(i *identity.Identity) { i.Kind, i.Environment = identity.Agent, "prod" }),
			edit(manifest.Binding, "third", func(b *identity.Binding) {
				*b = identity.Binding{Identity: "third", Issuer: "idp", Audience: "writ", Subject: "third"}
			})},
		"a validation": {edit(manifest.Validation, "v1", func(v *bedrock.Validation) {
			*v = bedrock.Validation{Model: townModel, Kind: bedrock.PromptHandling, By: "risk", At: townNoon.Add(-time.Hour), Expires: townNoon.Add(time.Hour)}
		})},
		"an operator": {edit(manifest.Operator, "dana", func(o *operator.Operator) { o.Email = "dana@example.com" })},
	} {
		t.Run(name, func(t *testing.T) {
			if found := widened(t, nil, change); len(found) > 0 {
				t.Errorf("found %s", toldOf(found))
			}
		})
	}
}

// TestS18_OnlyTheGrantConcernedIsNamed.
func TestS18_OnlyTheGrantConcernedIsNamed(t *testing.T) {
	all := slices.Concat(
		networked("office", func(n *identity.Network) { n.CIDRs = append(n.CIDRs, ranges("100.64.0.0/10")...) }),
		bound(func(b *identity.Binding) { b.Subject = "*a*" }),
		modelled(func(m *bedrock.Model) { m.Price = bedrock.Price{} }),
		bearing(func(i *identity.Identity) { i.MaxSession = identity.Duration(2 * time.Hour) }),
	)
	found := widened(t, nil, all)
	causes := map[string]bool{}
	for _, w := range found {
		causes[w.Cause] = true
		if w.Grant != "bot.chat" {
			t.Errorf("grant %s is named: %s", w.Grant, toldOf(found))
		}
	}
	if len(causes) != 4 {
		t.Errorf("causes %v, want one for each change", causes)
	}
}

// TestS18_AGrantThatDoesNotLiveIsNotWidened; one that is approved for later is.
func TestS18_AGrantThatDoesNotLiveIsNotWidened(t *testing.T) {
	wider := entitled(func(e *rights.Entitlement) { e.Conditions.MaxTokens = 0 })
	for name, tc := range map[string]struct {
		change func(*rights.Grant)
		lives  bool
	}{
		"expired":   {func(g *rights.Grant) { g.NotAfter = townNoon }, false},
		"revoking":  {func(g *rights.Grant) { g.State, g.End = rights.GrantRevoking, rights.EndRevoked }, false},
		"failed":    {func(g *rights.Grant) { g.State = rights.GrantActivationFailed }, false},
		"scheduled": {func(g *rights.Grant) { g.State, g.NotBefore = rights.GrantScheduled, townNoon.Add(time.Hour) }, true},
		"active":    {func(g *rights.Grant) { g.State = rights.GrantActive }, true},
		"narrowed":  {func(g *rights.Grant) { g.Narrow = &rights.Narrowing{MaxTokens: 10} }, false}, // it stays at ten
	} {
		found := widened(t, edits{edit(manifest.Grant, "bot.chat", tc.change)}, wider)
		if len(found) > 0 != tc.lives {
			t.Errorf("%s: found %s", name, toldOf(found))
		}
	}
}

// TestS18_ManyGrantsAreComparedOnce, and told of once.
func TestS18_ManyGrantsAreComparedOnce(t *testing.T) {
	all := town()
	for n := range 10_000 {
		name := fmt.Sprintf("bot-%d", n)
		all = append(all, resourceOf(manifest.Identity, name, &identity.Identity{Kind: identity.Agent, Environment: "prod", Purposes: []string{"support"}, Team: "payments", Sponsor: name}),
			resourceOf(manifest.Grant, name, &rights.Grant{Identity: name, Entitlement: "chat", NotAfter: townNoon.Add(time.Hour)}))
	}
	before, err := snapshot.Of(all, townNoon)
	if err != nil {
		t.Fatal(err)
	}
	after, changes := changed(t, before, slices.Concat(entitled(func(e *rights.Entitlement) { e.Conditions.MaxTokens = 2000 }), replacing("> 500", "> 600")))
	w := newWidening(before, after, changes, rights.Place{Account: townAccount}, townNoon)
	found, err := w.judge()
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 || !strings.Contains(found[0].Text, "10000 more grants of entitlement chat") || found[0].Witness == nil {
		t.Errorf("found %s", toldOf(found))
	}
	if len(w.compared) > 5 {
		t.Errorf("%d comparisons", len(w.compared))
	}
}

func TestCoveredRanges(t *testing.T) {
	for name, tc := range map[string]struct {
		of   string
		by   []netip.Prefix
		want bool
	}{
		"itself":      {"10.0.0.0/8", ranges("10.0.0.0/8"), true},
		"part":        {"10.1.0.0/16", ranges("10.0.0.0/8"), true},
		"halves":      {"10.0.0.0/8", ranges("10.0.0.0/9", "10.128.0.0/9"), true},
		"a hole":      {"10.0.0.0/24", ranges("10.0.0.0/25", "10.0.0.128/26", "10.0.0.192/27"), false},
		"no hole":     {"10.0.0.0/24", ranges("10.0.0.0/25", "10.0.0.128/26", "10.0.0.192/26"), true},
		"one address": {"2001:db8::1/128", ranges("2001:db8::/127"), true},
		"beside":      {"10.0.0.0/8", ranges("11.0.0.0/8"), false},
		"v6 halves":   {"2001:db8::/32", ranges("2001:db8::/33", "2001:db8:8000::/33"), true},
		"nothing":     {"0.0.0.0/0", nil, false},
	} {
		if got := covered(netip.MustParsePrefix(tc.of), tc.by); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
