package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// narrowing draws one that takes something of most entitlements, and rarely all.
func (d drawing) narrowing(e *rights.Entitlement) *rights.Narrowing {
	n := &rights.Narrowing{}
	list := func(into *[]string, odds int, what string, values ...string) {
		if len(values) > 0 && d.odds(odds, what+" narrowed") {
			*into = some(d, what+" left", values...)
		}
	}
	if len(e.Models) > 2 || d.odds(3, "few models") {
		list(&n.Models, 2, "models", slices.Concat(e.Models, e.Models, []string{haiku})...)
	}
	list(&n.Actions, 4, "actions", slices.Concat(e.Actions, e.Actions, []string{"InvokeModel", "GetAsyncInvoke"})...)
	list(&n.Networks, 6, "networks", "office", "partner-egress")
	list(&n.Regions, 6, "regions", "us-east-1", "us-east-2", "us-west-2", "unspecified")
	list(&n.Purposes, 6, "purposes", "support", "sales", oddPurpose)
	list(&n.ServiceTiers, 6, "tiers", "default", "flex")
	list(&n.Forbid, 6, "forbid", "health", "source_code")
	n.MaxLevel = oneOf(d, "level left", "", "", "internal", "restricted")
	n.MaxTokens = oneOf[int64](d, "tokens left", 0, 0, 50, 1000)
	n.MaxSession = identity.Duration(oneOf(d, "age left", 0, 0, 40*time.Second))
	n.NoRegulated, n.NoUnscanned = d.odds(4, "no regulated"), d.odds(4, "no unscanned")
	n.Redact = d.odds(5, "redacted")
	n.NoTools, n.HoldAnswer = d.odds(3, "no tools"), d.odds(6, "hold left")
	return n
}

// TestR10_ANarrowedGrantPermitsNoMoreThanItsEntitlement: whatever is asked, of
// the rules as they decide. (What the algebra says of them is compared in
// TestWhatCedarPermitsIsWhatTheAlgebraAllows.)
func TestR10_ANarrowedGrantPermitsNoMoreThanItsEntitlement(t *testing.T) {
	cat := wideCatalogue(t)
	both, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		d := drawing{rt}
		e := d.entitlement("e")
		g := rights.Grant{ID: "g", Identity: "agent", Entitlement: "e", NotAfter: noon.Add(time.Hour)}
		src := Sources{Catalogue: cat, Networks: testNetworks(), Identities: []string{"agent"}, Entitlements: []rights.Entitlement{e}, Grants: []rights.Grant{g}}
		src.Validations = allValidations(noon.Add(-time.Hour), noon.Add(time.Hour))
		whole, err := NewBundle(src)
		if err != nil {
			rt.Fatal(err)
		}
		g.Narrow = d.narrowing(&e)
		less, err := whole.With(nil, []*rights.Grant{&g})
		if err != nil {
			rt.Fatal(err)
		}
		who := &identity.Identity{ID: "agent", Kind: identity.Agent, Environment: "prod", Purposes: some(d, "of", "support", "sales", oddPurpose)}
		for range 12 {
			r, ok := d.request(cat, who, &e)
			if !ok {
				continue
			}
			was, is := whole.Decide(r), less.Decide(r)
			switch {
			case is.Code == CodePermit && was.Code != CodePermit:
				rt.Fatalf("narrowed, %+v permits what %+v does not (%s): %+v\nreasons %v", g.Narrow, e, was.Code, r, was.Reasons)
			case is.Code == CodePermit:
				both++
			case was.Code == CodePermit:
				refused++
			}
		}
	})
	t.Logf("%d calls permitted, %d by the entitlement only", both, refused)
	if both < 10 || refused < 10 {
		t.Errorf("%d calls permitted, %d by the entitlement only: the test hardly compares anything", both, refused)
	}
}

func TestANarrowedGrant(t *testing.T) {
	narrowed := func(n rights.Narrowing) *testWorld {
		w := newTestWorld(t).may("chat", rights.Conditions{Tools: rights.Tools{Read: []string{"search"}}}, haiku, novaLite)
		w.Grants[0].Narrow = &n
		return w
	}
	w := narrowed(rights.Narrowing{Models: []string{haiku}, MaxTokens: 50, Networks: []string{"partner-egress"}, NoTools: true})
	b := w.bundle()
	w.permits(b, w.callWith(haiku, capsWithTokens(50)))
	w.denies(b, w.callWith(novaLite, capsWithTokens(50)), CodeDefaultDeny)
	w.denies(b, w.callWith(haiku, capsWithTokens(51)), CodeDefaultDeny)
	w.denies(b, w.callWith(haiku, bedrock.Capabilities{MaxTokens: 50, Tools: []bedrock.Tool{{Name: "search"}}}), CodeDefaultDeny)
	w.denies(b, w.callWith(haiku, capsWithTokens(50), func(r *Request) { r.Origin.Networks = []string{"office"} }), CodeDefaultDeny)

	w = narrowed(rights.Narrowing{HoldAnswer: true})
	if d := w.permits(w.bundle(), w.call(novaLite)); len(d.Obligations) != 1 || d.Obligations[0].Name != ObligeHoldAnswer {
		t.Errorf("obligations %v, want that the answer is held", d.Obligations)
	}
}

// TestANarrowingThatLeavesNothingGivesNothing, and does not keep the bundle from
// being built: an entitlement must be able to become smaller.
func TestANarrowingThatLeavesNothingGivesNothing(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	w.Grants[0].Narrow = &rights.Narrowing{Models: []string{novaLite}}
	b := w.bundle()
	w.denies(b, w.call(haiku), CodeDefaultDeny)
	w.denies(b, w.call(novaLite), CodeDefaultDeny)
	if p, err := b.Permits(w.call(haiku).Identity, rights.Place{Account: account}); err != nil || len(p.Granted) != 0 {
		t.Errorf("granted %v, %v", p, err)
	}
	if got := b.Accounts("agent"); len(got) != 0 {
		t.Errorf("accounts %v of a grant that gives nothing", got)
	}
}

func TestANarrowingMustMeanSomething(t *testing.T) {
	for _, n := range []rights.Narrowing{{Networks: []string{"nowhere"}}, {MaxTokens: -1}, {Models: []string{""}}} {
		w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
		w.Grants[0].Narrow = &n
		if _, err := NewBundle(w.Sources); err == nil {
			t.Errorf("%+v was accepted", n)
		}
	}
}

// TestGrantsOfOneNarrowingShareWhatIsCompiled, so that a million of them stay rows.
func TestGrantsOfOneNarrowingShareWhatIsCompiled(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku, novaLite)
	same, another := w.Grants[0], w.Grants[0]
	same.ID, another.ID = "g-same", "g-another"
	w.Grants[0].Narrow = &rights.Narrowing{Models: []string{haiku}}
	same.Narrow, another.Narrow = &rights.Narrowing{Models: []string{haiku}}, &rights.Narrowing{Models: []string{novaLite}}
	s := w.bundle().stamper
	if s.of(&w.Grants[0]) != s.of(&same) || s.of(&same) == s.of(&another) {
		t.Error("templates are not one per narrowing")
	}
	empty := w.Grants[0]
	empty.Narrow = &rights.Narrowing{}
	if s.of(&empty) != s.templates["chat"] {
		t.Error("an empty narrowing has a template of its own")
	}
}

// TestGrantsPermitOnlyInStatesThatConfer holds the people's road's promise that
// nothing is given before its time, nor while it is taken away.
func TestGrantsPermitOnlyInStatesThatConfer(t *testing.T) {
	for state, gives := range map[rights.GrantState]bool{
		"": true, rights.GrantActivating: true, rights.GrantActive: true,
		rights.GrantScheduled: false, rights.GrantActivationFailed: false, rights.GrantRevoking: false, rights.GrantRevokeFailed: false, rights.GrantEnded: false,
	} {
		w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
		w.Grants[0].State = state
		b := w.bundle()
		if d := b.Decide(w.call(haiku)); (d.Code == CodePermit) != gives {
			t.Errorf("state %q: %s", state, d.Code)
		}
		p, err := b.Permits(w.call(haiku).Identity, rights.Place{Account: account})
		if err != nil || len(p.Granted) == 1 != gives {
			t.Errorf("state %q: granted %v, %v", state, p, err)
		}
	}
}

// TestTheDigestTellsWhatGrantsGive apart, and nothing that changes no rule.
func TestTheDigestTellsWhatGrantsGive(t *testing.T) {
	digest := func(change func(*rights.Grant)) string {
		w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
		w.Grants[0].State = rights.GrantActivating
		change(&w.Grants[0])
		return w.bundle().Digest()
	}
	was := digest(func(*rights.Grant) {})
	for name, change := range map[string]func(*rights.Grant){
		"narrowed": func(g *rights.Grant) { g.Narrow = &rights.Narrowing{MaxTokens: 10} },
		"revoking": func(g *rights.Grant) { g.State = rights.GrantRevoking },
	} {
		if digest(change) == was {
			t.Errorf("%s: the digest is the same", name)
		}
	}
	if digest(func(g *rights.Grant) { g.State = rights.GrantActive }) != was {
		t.Error("the digest changes where no rule does")
	}
}
