package widening

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// dice draws small worlds, changes of them, and calls in them.
type dice struct{ *rapid.T }

func (d dice) once(in int, what string) bool { return rapid.IntRange(1, in).Draw(d.T, what) == 1 }

func throw[T any](d dice, what string, list ...T) T { return rapid.SampledFrom(list).Draw(d.T, what) }

func (d dice) few(what string, list ...string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(list), 1, 2, rapid.ID[string]).Draw(d.T, what)
}

var (
	diceModels    = []string{townHaiku, townLlama, townModel, townProfile, "amazon.nova-lite-v1:0"}
	diceSelectors = append([]string{"family:meta.llama", "provider:amazon", "family:amazon.nova"}, diceModels...)
	diceAddresses = []string{"203.0.113.7", "203.0.113.200", "198.51.100.9", "192.0.2.3", "100.64.1.1"}
	diceRanges    = []string{"203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/25", "198.51.100.0/24", "192.0.2.0/28", "100.64.0.0/10"}
	dicePolicies  = []string{
		`forbid (principal, action in [Writ::Action::"Invoke"], resource in Writ::Family::"meta.llama") unless { principal.team == "payments" };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.request.maxTokens > 500 };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.request.maxTokens > 50 };`,
		`forbid (principal == Writ::Identity::"i1", action, resource);`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) unless { context.network.names.contains("office") };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { resource.impact == "high" };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.network has ip && context.network.ip.isInRange(ip("203.0.113.128/25")) };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { principal.shared && context.request.bytes > 5 && context.request.bytes < context.request.maxTokens };`,
		`permit (principal, action == Writ::Action::"oblige:guardrail", resource in Writ::Provider::"amazon");`,
		`permit (principal, action == Writ::Action::"oblige:guardrail", resource) when { principal.team == "sales" };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.time.hour == 12 && context.prompt.level > 1 };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.prompt.classes.contains("custom:deal") };`,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) unless { context.prompt.classes.contains("custom:deal") };`,
		`permit (principal, action == Writ::Action::"oblige:redact", resource) when { context.prompt.counts.personal_contact > 0 };`,
		`@max_output_tokens("100") permit (principal, action == Writ::Action::"oblige:max_output_tokens", resource);`,
		`@max_output_tokens("500") permit (principal, action == Writ::Action::"oblige:max_output_tokens", resource);`,
	}
)

func (d dice) network() *identity.Network {
	return &identity.Network{CIDRs: ranges(d.few("cidrs", diceRanges...)...), TrustedProxy: d.once(6, "proxy")}
}

func (d dice) identity() *identity.Identity {
	return &identity.Identity{
		Kind: throw(d, "kind", identity.Agent, identity.Workload), Environment: throw(d, "environment", "prod", "prod", "dev"), Team: throw(d, "team", "payments", "sales"),
		Purposes: d.few("purposes", "support", "sales"), Shared: d.once(3, "shared"), State: throw(d, "state", "", "", "", identity.Quarantined),
	}
}

func (d dice) entitlement() *rights.Entitlement {
	e := &rights.Entitlement{Models: d.few("models", diceSelectors...)}
	c := &e.Conditions
	set := func(into *[]string, in int, what string, list ...string) {
		if d.once(in, what) {
			*into = d.few(what, list...)
		}
	}
	set(&c.Networks, 3, "networks", "office", "vpn")
	set(&c.Environments, 4, "environments", "prod", "dev")
	set(&c.Purposes, 4, "purposes", "support", "sales")
	set(&c.Regions, 5, "regions", "us-east-1", "us-west-2", "us-east-2")
	set(&c.ServiceTiers, 6, "tiers", "default", "flex")
	set(&c.Tools.Read, 3, "read", "search", "browse")
	set(&c.Tools.Write, 6, "write", "post")
	set(&c.Data.Forbid, 4, "forbid", "health", "custom:deal")
	c.Data.Redact = d.once(6, "redact")
	if d.once(5, "output") {
		c.Data.Output = &rights.Output{Regulated: d.once(2, "out regulated"), Unscanned: d.once(2, "out unscanned"), Redact: d.once(4, "out redact")}
		set(&c.Data.Output.Forbid, 3, "out forbid", "health", "custom:deal")
	}
	c.MaxTokens = throw[int64](d, "tokens", 0, 0, 60, 600)
	c.Data.MaxLevel = throw(d, "level", "", "", "internal")
	c.Data.Regulated = d.once(3, "regulated")
	c.HoldAnswer = d.once(8, "hold")
	set(&e.Actions, 4, "actions", "InvokeModel", "InvokeModelWithResponseStream")
	return e
}

func (d dice) model() *bedrock.Model {
	return &bedrock.Model{Kind: bedrock.ImportedModel, Base: throw(d, "base", townLlama, "amazon.nova-lite-v1:0"), Regions: d.few("regions", "us-east-1"),
		Impact: throw(d, "impact", "low", "high"), Requires: throw(d, "requires", nil, nil, []string{bedrock.PromptHandling})}
}

func (d dice) profile() *bedrock.Profile {
	return &bedrock.Profile{Model: throw(d, "profiled", townHaiku, townLlama), Destinations: map[string][]string{"us-east-1": d.few("destinations", "us-east-1", "us-west-2", "us-east-2")}}
}

func (d dice) policy() *manifest.Policy {
	return &manifest.Policy{Text: throw(d, "policy", dicePolicies...)}
}

func (d dice) grant(holder, of string) *rights.Grant {
	g := &rights.Grant{Identity: holder, Entitlement: of, NotAfter: townNoon.Add(time.Hour), State: throw(d, "grant", "", rights.GrantActive, rights.GrantActivating)}
	if d.once(4, "narrowed") {
		g.Narrow = &rights.Narrowing{MaxTokens: throw[int64](d, "tokens left", 0, 40, 400), NoTools: d.once(2, "no tools")}
	}
	return g
}

var diceKinds = []struct {
	kind manifest.Kind
	name string
}{
	{manifest.Network, "office"}, {manifest.Network, "vpn"}, {manifest.Model, townModel}, {manifest.Profile, townProfile}, {manifest.Identity, "i0"}, {manifest.Identity, "i1"},
	{manifest.DataLabel, "deal"}, {manifest.DataLabel, "deal"}, {manifest.Entitlement, "e0"}, {manifest.Entitlement, "e1"}, {manifest.PolicyKind, "p0"}, {manifest.PolicyKind, "p1"}, {manifest.Grant, "g0"}, {manifest.Grant, "g1"}, {manifest.Grant, "g2"},
}

// resource draws one of the world's resources.
func (d dice) resource(kind manifest.Kind, name string) manifest.Resource {
	var spec any
	switch kind {
	case manifest.Network:
		spec = d.network()
	case manifest.Model:
		spec = d.model()
	case manifest.Profile:
		spec = d.profile()
	case manifest.Identity:
		spec = d.identity()
	case manifest.DataLabel:
		spec = d.label()
	case manifest.Entitlement:
		spec = d.entitlement()
	case manifest.PolicyKind:
		spec = d.policy()
	case manifest.Grant:
		spec = d.grant(map[string]string{"g0": "i0", "g1": "i1", "g2": "i0"}[name], map[string]string{"g0": "e0", "g1": "e0", "g2": "e1"}[name])
	}
	return resourceOf(kind, name, spec)
}

func (d dice) world() []manifest.Resource {
	var out []manifest.Resource
	for i, k := range diceKinds {
		if i > 0 && diceKinds[i-1] == k {
			continue
		}
		if k.kind != manifest.PolicyKind || d.once(2, "there is "+k.name) {
			out = append(out, d.resource(k.kind, k.name))
		}
	}
	return out
}

// changes draws changes of a world, mostly one.
func (d dice) changes(s *snapshot.Snapshot) []store.Change {
	var out []store.Change
	for range throw(d, "changes", 1, 1, 1, 2) {
		k := throw(d, "changed", diceKinds...)
		if slices.ContainsFunc(out, func(c store.Change) bool { return c.Name == k.name }) {
			continue
		}
		c := store.Change{Op: manifest.Update, Kind: k.kind, Name: k.name}
		_, there := s.Resource(k.kind, k.name)
		switch {
		case !there:
			c.Op = manifest.Create
		case (k.kind == manifest.PolicyKind || k.kind == manifest.DataLabel) && d.once(2, "gone"):
			c.Op = manifest.Delete
		}
		if c.Op != manifest.Delete {
			c.Spec, _ = d.resource(k.kind, k.name).Encode()
		}
		out = append(out, c)
	}
	return out
}

// asking is one call, whatever the state it is made in.
type asking struct {
	who, model, tier string
	op               bedrock.Operation
	peer             netip.Addr
	forwarded        string
	tokens           int64
	tools            []bedrock.Tool
	prompt           dataclass.Label
	said             string // what the organisation's labels may be found in
	purpose          string
}

// asking draws a call that is like what somebody holds.
func (d dice) asking(s *snapshot.Snapshot) asking {
	g, _ := s.Grant(throw(d, "held", "g0", "g1", "g2"))
	e, _ := s.Entitlement(g.Entitlement)
	a := asking{
		who: g.Identity, model: throw(d, "model", d.named(e.Models)...), tier: throw(d, "tier", "", "", "", "flex"),
		op: throw(d, "operation", bedrock.Converse, bedrock.Converse, bedrock.ConverseStream), peer: netip.MustParseAddr(throw(d, "peer", diceAddresses...)),
		tokens: throw[int64](d, "tokens", 30, 30, 55, 450, 550), prompt: throw(d, "prompt", dataclass.Label{}, dataclass.Label{}, dataclass.Declared(dataclass.SourceCode), dataclass.Declared(dataclass.Health), contact),
		said: throw(d, "said", "", "", "Project Falcon", "a kite"),
	}
	if d.once(4, "forwarded") {
		a.forwarded = throw(d, "for", diceAddresses...)
	}
	if d.once(4, "tools") {
		a.tools = []bedrock.Tool{{Name: throw(d, "tool", "search", "browse", "post")}}
	}
	if d.once(6, "stated") {
		a.purpose = throw(d, "purpose", "support", "sales")
	}
	return a
}

// contact is a prompt that can be redacted.
var contact = dataclass.Label{Level: dataclass.Confidential, Classes: []dataclass.Class{dataclass.PersonalContact}, Redactable: true}

func (d dice) label() *dataclass.CustomLabel {
	return &dataclass.CustomLabel{
		Level: throw(d, "label's level", "", "internal", "restricted"), Regulated: d.once(3, "label's regulation"),
		Words: d.few("words", "falcon", "kite", "osprey"), CaseSensitive: d.once(4, "case"),
	}
}

// labelled is the prompt with what a state's labels say of it, found by the
// plainest of means.
func (a *asking) labelled(s *snapshot.Snapshot) dataclass.Label {
	out := a.prompt
	for _, l := range s.Labels() {
		said := strings.ToLower(a.said)
		if l.CaseSensitive {
			said = a.said
		}
		if slices.ContainsFunc(l.Words, func(w string) bool { return strings.Contains(said, w) }) {
			found := dataclass.Label{Level: l.Sensitivity(), Classes: []dataclass.Class{l.Class()}, Regulated: l.Regulated, Redactable: true}
			if l.Regulated {
				found.Confidence = 100
			}
			out = out.Join(found)
		}
	}
	return out
}

// named lists models that selectors reach.
func (d dice) named(selectors []string) (out []string) {
	reached := map[string][]string{"family:meta.llama": {townLlama, townModel}, "provider:amazon": {"amazon.nova-lite-v1:0", townModel}, "family:amazon.nova": {"amazon.nova-lite-v1:0", townModel}}
	for _, s := range selectors {
		if models := reached[s]; models != nil {
			out = append(out, models...)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// permitted decides a call in a state.
func (a *asking) permitted(s *snapshot.Snapshot) bool {
	who, ok := s.Identity(a.who)
	if !ok {
		return false
	}
	caps := bedrock.Capabilities{MaxTokens: a.tokens, Tools: a.tools, ServiceTier: a.tier}
	legs, err := rights.Legs(rights.Invocation{Operation: a.op, ModelID: a.model, Region: "us-east-1", Account: townAccount, Caps: caps}, s.Catalogue)
	if err != nil {
		return false
	}
	h := http.Header{}
	if a.forwarded != "" {
		h.Set("X-Forwarded-For", a.forwarded)
	}
	d := s.Bundle.Decide(policy.Request{
		Identity: who, Session: identity.Session{Identity: who.ID, Proof: identity.ProofOIDC, Issued: townNoon.Add(-time.Minute)}, Origin: s.Networks.Locate(a.peer, h),
		Now: townNoon, Operation: a.op, Account: townAccount, Home: townAccount, Region: "us-east-1", Caps: caps, BodyBytes: 10, Legs: legs, Prompt: a.labelled(s),
		Asserted: policy.Asserted{Purpose: a.purpose}, Digest: policy.Digest{1},
	})
	return d.Code == policy.CodePermit
}

// rightsOf are the entitlements of an identity's live grants.
func rightsOf(s *snapshot.Snapshot, who string) (out []string) {
	for _, g := range s.GrantsOf(who) {
		out = append(out, g.Entitlement)
	}
	return out
}

// oracleWorlds is how many worlds one run looks at: each is hundreds of comparisons.
// It looks at more, up to rapid's hundred, for as long as the dice showed too little.
const oracleWorlds = 30

// TestS18_WhateverBecomesPossibleIsFound: when some call of a live grant's identity
// was refused and is permitted after the changes, they are found to widen a grant of
// what the identity holds.
func TestS18_WhateverBecomesPossibleIsFound(t *testing.T) {
	flips, clean := 0, 0
	byKind := map[manifest.Kind]int{}
	worlds := 0
	enough := func() bool { return flips >= 20 && len(byKind) >= 4 && clean >= 20 }
	rapid.Check(t, func(rt *rapid.T) {
		if worlds++; worlds > oracleWorlds && enough() {
			return
		}
		d := dice{rt}
		before, err := snapshot.Of(d.world(), townNoon)
		if err != nil {
			rt.Skip(err.Error()) // a model in a region that it cannot have, say
		}
		for range 4 {
			changes := d.changes(before)
			after, err := before.With(changes, townNoon)
			if err != nil {
				continue
			}
			found, err := Find(before, after, changes, rights.Place{Account: townAccount}, townNoon)
			if err != nil {
				rt.Fatal(err)
			}
			if len(found) == 0 {
				clean++
			}
			for range 30 {
				a := d.asking(throw(d, "like", before, after))
				if a.permitted(before) || !a.permitted(after) {
					continue
				}
				flips++
				byKind[changes[0].Kind]++
				held := rightsOf(before, a.who)
				if !slices.ContainsFunc(found, func(w request.Widens) bool { return concerns(before, w, held) }) {
					rt.Fatalf("%+v is possible now, found is %s\nchanges %s", a, toldOf(found), madeBy(before, changes))
				}
			}
		}
	})
	t.Logf("%d calls became possible %v, %d changes widen nothing", flips, byKind, clean)
	if !enough() {
		t.Errorf("%d calls became possible, by %v, and %d changes widen nothing: the test hardly compares anything", flips, byKind, clean)
	}
}

// concerns reports whether a widening is of one of these entitlements.
func concerns(s *snapshot.Snapshot, w request.Widens, entitlements []string) bool {
	g, ok := s.Grant(w.Grant)
	return w.Grant == "" || ok && slices.Contains(entitlements, g.Entitlement)
}

func madeBy(s *snapshot.Snapshot, changes []store.Change) (text string) {
	for _, c := range changes {
		was := []byte("nothing")
		if r, ok := s.Resource(c.Kind, c.Name); ok {
			was, _ = r.Encode()
		}
		text += fmt.Sprintf("\n%s %s/%s: %s → %s", c.Op, c.Kind, c.Name, was, c.Spec)
	}
	return text
}
