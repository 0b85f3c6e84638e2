package policy

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/rights"
)

// listed are grants as Filled takes them.
func listed(grants []rights.Grant) iter.Seq2[string, []*rights.Grant] {
	return func(yield func(string, []*rights.Grant) bool) {
		lists := map[string][]*rights.Grant{}
		for i := range grants {
			lists[grants[i].Identity] = append(lists[grants[i].Identity], &grants[i])
		}
		for who, list := range lists {
			slices.SortFunc(list, func(a, b *rights.Grant) int { return strings.Compare(a.ID, b.ID) })
			if !yield(who, list) {
				return
			}
		}
	}
}

// drawGrants are grants of the entitlements "chat" and "write" to two identities.
func drawGrants(t *rapid.T) []rights.Grant {
	grants := make([]rights.Grant, rapid.IntRange(0, 8).Draw(t, "grants"))
	for i := range grants {
		g := grantOf(rapid.SampledFrom([]string{"chat", "write"}).Draw(t, "entitlement"))
		g.ID, g.Identity = fmt.Sprintf("g%d", i), rapid.SampledFrom([]string{"agent", "other"}).Draw(t, "identity")
		g.State = rapid.SampledFrom([]rights.GrantState{"", rights.GrantScheduled}).Draw(t, "state")
		grants[i] = g
	}
	return grants
}

// TestFilledIsTheBundleOfTheSameGrants: filled at once or with grant after grant,
// it is one bundle, and stays one under what happens to it afterwards.
func TestFilledIsTheBundleOfTheSameGrants(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku).may("write", rights.Conditions{}, sonnet)
	w.Grants = nil
	laws := w.bundle()
	fewer := w.Sources
	fewer.Entitlements = w.Entitlements[:1]
	rapid.Check(t, func(rt *rapid.T) {
		grants := drawGrants(rt)
		with, err := laws.With(nil, pointers(grants))
		if err != nil {
			rt.Fatal(err)
		}
		filled, err := laws.Filled(listed(grants))
		if err != nil {
			rt.Fatal(err)
		}
		for len(grants) >= 0 {
			sameBundles(rt, w, with, filled)
			_, withErr := with.Under(fewer)
			_, filledErr := filled.Under(fewer)
			if lost := slices.ContainsFunc(grants, func(g rights.Grant) bool { return g.Entitlement == "write" }); (withErr != nil) != lost || (filledErr != nil) != lost {
				rt.Fatalf("without an entitlement of %d grants: %v, %v", len(grants), withErr, filledErr)
			}
			if len(grants) == 0 {
				break
			}
			last := []*rights.Grant{&grants[len(grants)-1]}
			grants = grants[:len(grants)-1]
			if with, err = with.With(last, nil); err != nil {
				rt.Fatal(err)
			}
			if filled, err = filled.With(last, nil); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func sameBundles(t *rapid.T, w *testWorld, a, b *Bundle) {
	if a.Digest() != b.Digest() {
		t.Fatal("the digests differ")
	}
	for _, model := range []string{haiku, sonnet} {
		r := w.call(model)
		if x, y := a.Decide(r), b.Decide(r); x.Code != y.Code || !slices.Equal(x.Grants, y.Grants) {
			t.Fatalf("%s: %s by %v, and %s by %v", model, x.Code, x.Grants, y.Code, y.Grants)
		}
	}
}

func TestFilledRefusesWhatWithRefuses(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	b := w.bundle()
	for want, change := range map[string]func(*rights.Grant){
		`identity "ghost" does not exist`:   func(g *rights.Grant) { g.Identity = "ghost" },
		`entitlement "none" does not exist`: func(g *rights.Grant) { g.Entitlement = "none" },
		"notAfter is required":              func(g *rights.Grant) { g.NotAfter = g.NotBefore },
	} {
		g := grantOf("chat")
		change(&g)
		if _, err := b.Filled(listed([]rights.Grant{g})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// TestBothLawsAreAskedInTurn: a bundle goes on answering by its own laws when
// another is made from it, whichever of the two was asked last.
func TestBothLawsAreAskedInTurn(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{MaxTokens: 100}, haiku)
	b := w.bundle()
	asking := func(n int64) Request { return w.callWith(haiku, capsWithTokens(n)) }
	w.permits(b, asking(50))
	more := w.Sources
	more.Entitlements = []rights.Entitlement{{ID: "chat", Models: []string{haiku}, Conditions: rights.Conditions{MaxTokens: 200}}}
	next, err := b.Under(more)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.permits(next, asking(150))
		w.denies(b, asking(150), CodeDefaultDeny)
	}
	first := next.roster.holder("agent")
	if again := next.roster.holder("agent"); again != first {
		t.Error("what was compiled is not kept")
	}
}

// TestAnEntitlementThatStaysIsNotCompiledAnew: unless what it is compiled from
// beside itself changed.
func TestAnEntitlementThatStaysIsNotCompiledAnew(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku).may("write", rights.Conditions{Networks: []string{"office"}}, sonnet)
	b := w.bundle()
	changed := w.Sources
	changed.Entitlements = slices.Clone(w.Entitlements)
	changed.Entitlements[1].Conditions.MaxTokens = 5
	next, err := b.Under(changed)
	if err != nil {
		t.Fatal(err)
	}
	was, now := b.stamper.templates, next.stamper.templates
	if was["chat"] != now["chat"] {
		t.Error("an entitlement that stayed was compiled anew")
	}
	if was["write"] == now["write"] || now["write"].ent.Conditions.MaxTokens != 5 {
		t.Error("an entitlement that changed was not")
	}
	changed.Networks = testNetworks()
	if next, err = b.Under(changed); err != nil || next.stamper.templates["chat"] == was["chat"] {
		t.Errorf("other networks made no difference: %v", err)
	}
}
