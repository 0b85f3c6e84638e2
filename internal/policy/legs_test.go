package policy

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/cedarset"
	"github.com/writ-project/writ/internal/rights"
)

func TestReadsLeg(t *testing.T) {
	for condition, want := range map[string]bool{
		"":                                         false,
		`when { true }`:                            false,
		`when { principal.shared }`:                false,
		`when { resource.family == "x" }`:          false,
		`when { context.prompt.regulated }`:        false,
		`when { context.asserted has purpose }`:    false,
		`when { context.leg.profile == "" }`:       false,
		`when { context["leg"]["profile"] == "" }`: false,
		`when { context.leg.kind == "source" }`:    true,
		`unless { context.leg.region == "x" }`:     true,
		`when { context["leg"].kind == "x" }`:      true,
		`when { context.leg has kind }`:            true,
		`when { context has leg }`:                 true,
		`when { context.leg == context.leg }`:      true,
		`when { [context].contains(context) }`:     true,
		`when { {a: context.leg}.a.kind == "x" }`:  true,
		`when { (if context.leg.profile == "" then context else context).leg.kind == "x" }`:  true,
		`when { true } when { context.leg.profile == "" } unless { context.leg.kind == "" }`: true,
		`when { ["x"].contains(context.leg.region) || context.leg.kind like "s*" }`:          true,
		`when { decimal(context.leg.region) == decimal("1.0") }`:                             true,
		`when { context.time.now < datetime("2026-01-01") && -context.leg.kind == 0 }`:       true,
	} {
		parsed, err := cedarset.Parse("p", "permit (principal, action, resource) "+condition+";")
		if err != nil {
			t.Fatalf("%s: %v", condition, err)
		}
		if got := newRule("p", "", treeOf(parsed[0])).partial; got != want {
			t.Errorf("%q: partial %v, want %v", condition, got, want)
		}
	}
}

func TestGrantsDoNotTellLegsApart(t *testing.T) {
	b := newTestWorld(t).may("chat", rights.Conditions{HoldAnswer: true}, sonnetUS, haiku, "family:meta.llama").bundle()
	for _, r := range b.roster.holder("agent").rules {
		if r.partial {
			t.Errorf("rule %s: it is asked of every leg anew", r.id)
		}
	}
}

// legCondition draws conditions that are alike on every leg, and others that
// are not; none reads what the schema does not hold.
func legCondition(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		"", "unless { principal.shared }", `when { context.request.regions.contains("us-west-2") }`,
		`when { context.leg.profile == "` + sonnetUS + `" }`, `when { context.leg.kind == "destination" }`, `unless { context.leg.kind == "source" }`,
		`when { context.leg.region == "us-west-2" }`, `unless { context.leg.region == "us-east-1" }`, `when { context.leg has kind && context.leg.kind == "profile" }`,
	}).Draw(t, "condition")
}

func drawLaw(t *rapid.T) string {
	law := ""
	for i := range rapid.IntRange(0, 4).Draw(t, "rules") {
		action := rapid.SampledFrom([]string{`action in Writ::Action::"Invoke"`, `action == Writ::Action::"Release"`, `action == Writ::Action::"oblige:hold"`, `action == Writ::Action::"oblige:guardrail"`}).Draw(t, "action")
		resource := rapid.SampledFrom([]string{"resource", "resource is Writ::Model", `resource == Writ::Model::"` + sonnet + `"`}).Draw(t, "resource")
		effect := "permit"
		if action[:9] != "action ==" || action[len(action)-9:] == `"Release"` {
			effect = rapid.SampledFrom([]string{"permit", "forbid"}).Draw(t, "effect")
		}
		law += fmt.Sprintf("@id(\"r%d\") %s (principal, %s, %s) %s;\n", i, effect, action, resource, legCondition(t))
	}
	return law
}

// askEveryLeg makes a bundle treat every rule as one that tells legs apart.
func askEveryLeg(b *Bundle) {
	for _, x := range []*index{b.decide, b.oblige, b.roster.holder("agent").decide, b.roster.holder("agent").oblige} {
		for action := range b.atlas.actions {
			if x.about(action) {
				x.byAction[action].each(func(r *rule) { r.partial = true })
			}
		}
	}
}

func (s *shelf) each(visit func(*rule)) {
	all := [][]*rule{s.rest}
	for _, rules := range s.byPrincipal {
		all = append(all, rules)
	}
	for _, rules := range s.byResource {
		all = append(all, rules)
	}
	for _, rules := range s.byType {
		all = append(all, rules)
	}
	for _, rules := range all {
		for _, r := range rules {
			visit(r)
		}
	}
}

// Asking once about legs that no rule tells apart changes nothing.
func TestS1_LegsAskedOnceAnswerAsLegsAskedEach(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newTestWorld(t)
		if rapid.Bool().Draw(rt, "granted") {
			w.may("chat", rights.Conditions{HoldAnswer: true}, sonnetUS)
		} else {
			w.may("chat", rights.Conditions{MaxTokens: 1}, haiku)
		}
		w.rule("org", drawLaw(rt))
		once, each := w.bundle(), w.bundle()
		askEveryLeg(each)
		r := w.call(rapid.SampledFrom([]string{sonnetUS, sonnet, haiku}).Draw(rt, "model"))
		if diff := cmp.Diff(each.Decide(r), once.Decide(r), cmp.AllowUnexported(Permit{})); diff != "" {
			rt.Errorf("each leg − once +:\n%s\n%s", diff, w.Organisation[0].Text)
		}
	})
}
