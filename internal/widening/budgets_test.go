package widening

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

func budgeted(change func(*budget.Budget)) edits { return edits{edit(manifest.Budget, "b", change)} }

func usd(n budget.Money) *budget.Money { n *= budget.Dollar; return &n }

// aBudget is of ten dollars a day, for what it covers.
func aBudget(covers budget.Covers) edits {
	return budgeted(func(b *budget.Budget) {
		*b = budget.Budget{Covers: covers, Terms: budget.Terms{Limits: budget.Limits{USD: usd(10)}, Window: budget.Day}}
	})
}

// TestS18_ABudgetThatHoldsBackLessWidens the live grants that it covers, and no others.
func TestS18_ABudgetThatHoldsBackLessWidens(t *testing.T) {
	higher := budgeted(func(b *budget.Budget) { b.USD = usd(11) })
	gone := budgeted(nil)
	for name, tc := range map[string]struct {
		covers budget.Covers
		change edits
		grants string // that are told of, in order
		text   string
	}{
		"raised":                      {budget.Covers{}, higher, "bot.chat other.list", "budget b limits usd to 11.00 USD, and did to 10.00 USD"},
		"gone":                        {budget.Covers{}, gone, "bot.chat other.list", "budget b is gone"},
		"for longer":                  {budget.Covers{}, budgeted(func(b *budget.Budget) { b.Window = budget.Month }), "bot.chat other.list", "counts over a month of UTC"},
		"split":                       {budget.Covers{}, budgeted(func(b *budget.Budget) { b.Per = budget.PerIdentity }), "bot.chat other.list", "is counted per identity"},
		"for fewer":                   {budget.Covers{}, budgeted(func(b *budget.Budget) { b.Covers.Teams = []string{"payments"} }), "bot.chat other.list", "covers fewer teams"},
		"lowered":                     {budget.Covers{}, budgeted(func(b *budget.Budget) { b.USD = usd(9) }), "", ""},
		"told of more":                {budget.Covers{}, budgeted(func(b *budget.Budget) { b.Notify = []int{10, 50, 80, 100} }), "", ""},
		"another title":               {budget.Covers{}, budgeted(func(b *budget.Budget) { b.Title = "B" }), "", ""},
		"for more":                    {budget.Covers{Teams: []string{"payments"}}, budgeted(func(b *budget.Budget) { b.Covers.Teams = nil }), "", ""},
		"an identity's":               {budget.Covers{Identities: []string{"other"}}, higher, "other.list", "budget b"},
		"a team's":                    {budget.Covers{Teams: []string{"payments"}}, higher, "bot.chat", "budget b"},
		"nobody's team":               {budget.Covers{Teams: []string{"legal"}}, higher, "", ""},
		"a grant's":                   {budget.Covers{Grants: []string{"bot.chat"}}, gone, "bot.chat", "budget b"},
		"an entitlement's":            {budget.Covers{Entitlements: []string{"list"}}, gone, "other.list", "budget b"},
		"a family's":                  {budget.Covers{Models: []string{"family:amazon.nova"}}, higher, "other.list", "budget b"},
		"a provider's":                {budget.Covers{Models: []string{"provider:meta"}}, higher, "bot.chat", "budget b"},
		"a profile's":                 {budget.Covers{Models: []string{townProfile}}, higher, "bot.chat", "budget b"},
		"a model's, through a family": {budget.Covers{Models: []string{townModel}}, higher, "bot.chat", "budget b"},
		"a model nobody may invoke":   {budget.Covers{Models: []string{"mistral.mistral-large-2402-v1:0"}}, higher, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := widened(t, aBudget(tc.covers), tc.change)
			var grants []string
			for _, w := range found {
				grants = append(grants, w.Grant)
				if w.Cause != "Budget/b" || !strings.Contains(w.Text, tc.text) {
					t.Errorf("told %s: %s, want %q", w.Cause, w.Text, tc.text)
				}
			}
			if got := strings.Join(grants, " "); got != tc.grants {
				t.Errorf("widens %q, want %q: %s", got, tc.grants, toldOf(found))
			}
		})
	}
	if found := widened(t, nil, aBudget(budget.Covers{})); len(found) > 0 {
		t.Errorf("a new budget widens: %s", toldOf(found))
	}
}

// TestS18_ABudgetOfNobodysGrantWidensWhatNeedsNone.
func TestS18_ABudgetOfNobodysGrantWidensWhatNeedsNone(t *testing.T) {
	open := ruled(func(p *manifest.Policy) {
		p.Text += `@id("open") permit (principal == Writ::Identity::"third", action in [Writ::Action::"Invoke"], resource);`
	})
	third := edits{edit(manifest.Identity, "third", func(i *identity.Identity) { i.Kind, i.Environment = identity.Agent, "prod" })}
	forThird := aBudget(budget.Covers{Identities: []string{"third"}})
	for name, tc := range map[string]struct {
		prepare edits
		want    int
	}{
		"a rule permits":      {slices.Concat(third, forThird, open), 1},
		"nothing is given":    {slices.Concat(third, forThird), 0},
		"it asks for a grant": {slices.Concat(open, aBudget(budget.Covers{Grants: []string{"gone"}})), 0},
	} {
		found := widened(t, tc.prepare, budgeted(nil))
		if len(found) != tc.want || tc.want > 0 && (found[0].Grant != "" || found[0].Cause != "Budget/b") {
			t.Errorf("%s: found %s", name, toldOf(found))
		}
	}
}

// TestS18_LimitsThatComeWithAGrantWiden when they rise or go.
func TestS18_LimitsThatComeWithAGrantWiden(t *testing.T) {
	limited := entitled(func(e *rights.Entitlement) {
		e.Limits = []budget.Terms{{Limits: budget.Limits{USD: usd(5)}, Window: budget.Day}, {Limits: budget.Limits{Streams: new(int64(2))}}}
	})
	costly := func(n int64) edits {
		return edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Narrow = &rights.Narrowing{SpendUSD: &n} })}
	}
	for name, tc := range map[string]struct {
		prepare, change edits
		cause, text     string // empty: nothing is told
	}{
		"raised":            {limited, entitled(func(e *rights.Entitlement) { e.Limits[0].USD = usd(6) }), "Entitlement/chat", "limits usd over a day of UTC to 6.00 USD, and did to 5.00 USD"},
		"gone":              {limited, entitled(func(e *rights.Entitlement) { e.Limits = e.Limits[:1] }), "Entitlement/chat", "does not limit streams any more"},
		"another window":    {limited, entitled(func(e *rights.Entitlement) { e.Limits[0].Window = budget.Month }), "Entitlement/chat", "does not limit usd over a day"},
		"lowered":           {limited, entitled(func(e *rights.Entitlement) { e.Limits[0].USD = usd(4) }), "", ""},
		"a further limit":   {nil, limited, "", ""},
		"may cost more":     {costly(20), costly(30), "Grant/bot.chat", "the grant may cost 30.00 USD a month, and could cost 20.00 USD"},
		"may cost anything": {costly(20), edits{edit(manifest.Grant, "bot.chat", func(g *rights.Grant) { g.Narrow = nil })}, "Grant/bot.chat", "the grant may cost anything"},
		"may cost less":     {costly(20), costly(10), "", ""},
		"may cost so much":  {nil, costly(10), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			found := widened(t, tc.prepare, tc.change)
			if tc.cause == "" {
				if len(found) > 0 {
					t.Errorf("found %s", toldOf(found))
				}
				return
			}
			if len(found) != 1 || found[0].Cause != tc.cause || found[0].Grant != "bot.chat" || !strings.Contains(found[0].Text, tc.text) {
				t.Errorf("found %s, want %s: %q", toldOf(found), tc.cause, tc.text)
			}
		})
	}
}

// TestS18_WhoeverSlipsOutOfABudgetIsWidened: by another team, and by a model of
// another family.
func TestS18_WhoeverSlipsOutOfABudgetIsWidened(t *testing.T) {
	ofTeam := aBudget(budget.Covers{Teams: []string{"payments"}})
	perTeam := budgeted(func(b *budget.Budget) {
		*b = budget.Budget{Per: budget.PerTeam, Terms: budget.Terms{Limits: budget.Limits{USD: usd(1)}, Window: budget.Day}}
	})
	toSales := bearing(func(i *identity.Identity) { i.Team = "sales" })
	ofFamily := aBudget(budget.Covers{Models: []string{"family:meta.llama"}})
	toOther := modelled(func(m *bedrock.Model) { m.Base = "amazon.nova-lite-v1:0" })
	for name, tc := range map[string]struct {
		prepare, change edits
		cause           string // empty: nothing is told of a budget
	}{
		"out of the team's":          {ofTeam, toSales, "Identity/bot"},
		"into another account":       {perTeam, toSales, "Identity/bot"},
		"into the team's":            {aBudget(budget.Covers{Teams: []string{"sales"}}), toSales, ""},
		"from team to team":          {aBudget(budget.Covers{Teams: []string{"payments", "sales"}}), toSales, ""},
		"of everybody":               {aBudget(budget.Covers{}), toSales, ""},
		"out of the family's":        {ofFamily, toOther, "Model/" + townModel},
		"of a family, and everybody": {aBudget(budget.Covers{}), toOther, ""},
	} {
		t.Run(name, func(t *testing.T) {
			told := slices.DeleteFunc(widened(t, tc.prepare, tc.change), func(w request.Widens) bool { return !strings.HasPrefix(w.Text, "budget b ") })
			if tc.cause == "" && len(told) > 0 || tc.cause != "" && (len(told) != 1 || told[0].Cause != tc.cause) {
				t.Errorf("found %s, want %q", toldOf(told), tc.cause)
			}
		})
	}
}

// budget draws a budget that meets the dice's world.
func (d dice) budget() *budget.Budget {
	some := func(what string, list ...string) []string {
		if d.once(3, what+" named") {
			return d.few(what, list...)
		}
		return nil
	}
	b := &budget.Budget{Per: throw(d, "per", "", "", budget.PerIdentity, budget.PerTeam, budget.PerGrant, budget.PerFamily), Covers: budget.Covers{
		Identities: some("identities", "i0", "i1"), Grants: some("grants", "g0", "g1", "g2"), Entitlements: some("entitlements", "e0", "e1"),
		Teams: some("teams", "payments", "sales"), Models: some("models", diceSelectors...),
	}}
	b.Terms = d.terms()
	return b
}

func (d dice) terms() budget.Terms {
	out := budget.Terms{Window: throw(d, "window", budget.Day, budget.Day, budget.Month), Limits: budget.Limits{USD: usd(throw[budget.Money](d, "usd", 1, 2, 3))}}
	if d.once(3, "streams") {
		out.Streams = new(throw[int64](d, "streams at once", 1, 2))
	}
	return out
}

// spending draws a world in which calls are limited, or something of it anew.
func (d dice) spending(kind manifest.Kind, name string) manifest.Resource {
	r := d.resource(kind, name)
	switch s := r.Spec.(type) {
	case *rights.Entitlement:
		*s = rights.Entitlement{ID: s.ID, Models: s.Models}
		if d.once(2, "limits") {
			s.Limits = []budget.Terms{d.terms()}
		}
	case *rights.Grant:
		s.Narrow = nil
		if d.once(2, "cost") {
			s.Narrow = &rights.Narrowing{SpendUSD: new(throw[int64](d, "costs", 1, 2))}
		}
	}
	return r
}

var spendingKinds = []struct {
	kind manifest.Kind
	name string
}{
	{manifest.Identity, "i0"}, {manifest.Identity, "i1"}, {manifest.Entitlement, "e0"}, {manifest.Entitlement, "e1"}, {manifest.Grant, "g0"}, {manifest.Grant, "g1"}, {manifest.Grant, "g2"},
	{manifest.Budget, "b0"}, {manifest.Budget, "b1"},
}

func (d dice) anew(kind manifest.Kind, name string, s *snapshot.Snapshot) store.Change {
	c := store.Change{Op: manifest.Update, Kind: kind, Name: name}
	old, there := s.Resource(kind, name)
	switch {
	case !there:
		c.Op = manifest.Create
	case kind == manifest.Budget && d.once(4, "gone"):
		c.Op = manifest.Delete
		return c
	}
	var r manifest.Resource
	switch now := old.Spec.(type) {
	case *budget.Budget:
		next := *now
		if d.once(2, "other terms") {
			next.Terms = d.terms()
		} else {
			next.Covers = d.budget().Covers
		}
		r = resourceOf(kind, name, &next)
	case *identity.Identity: // what rules read of it stays
		next := *now
		next.Team = throw(d, "team", "payments", "sales")
		r = resourceOf(kind, name, &next)
	case *rights.Entitlement:
		next := *now
		next.Limits = []budget.Terms{d.terms()}
		r = resourceOf(kind, name, &next)
	case *rights.Grant:
		next := *now
		next.Narrow = d.spending(kind, name).Spec.(*rights.Grant).Narrow
		r = resourceOf(kind, name, &next)
	default:
		r = resourceOf(kind, name, d.budget())
	}
	c.Spec, _ = r.Encode()
	return c
}

// callOf is a call by a live grant, as budgets know it in a state.
func callOf(s *snapshot.Snapshot, g, model string) (*budget.Subject, bool) {
	held, ok := s.Grant(g)
	if !ok {
		return nil, false
	}
	who, _ := s.Identity(held.Identity)
	out := &budget.Subject{Identity: held.Identity, Team: who.Team, Held: []budget.Held{held.Held()}, Model: model}
	if p, ok := s.Catalogue.Profile(model); ok {
		out.Model, out.Profile = p.Model, model
	}
	m, _ := s.Catalogue.Model(out.Model)
	out.Family, out.Provider = m.Family, m.Provider
	return out, true
}

// modelsOf lists the models and profiles that selectors name.
func modelsOf(s *snapshot.Snapshot, selectors []string) (out []string) {
	for _, name := range selectors {
		kind, id, several := strings.Cut(name, ":")
		if !several || kind != "family" && kind != "provider" {
			out = append(out, name)
			continue
		}
		for _, m := range s.Catalogue.Models() {
			if kind == "family" && m.Family == id || kind == "provider" && m.Provider == id {
				out = append(out, m.ID)
			}
		}
	}
	return out
}

// TestS18_WhateverIsLimitedLessIsFound: where a limit that covered a call of a live
// grant is not there any more, in the same account, or is higher, the changes are
// found to widen a grant of that entitlement.
func TestS18_WhateverIsLimitedLessIsFound(t *testing.T) {
	less, clean := 0, 0
	byKind := map[manifest.Kind]int{}
	rapid.Check(t, func(rt *rapid.T) {
		d := dice{rt}
		all := []manifest.Resource{resourceOf(manifest.Model, townModel, &bedrock.Model{Kind: bedrock.ImportedModel, Base: townLlama, Regions: []string{"us-east-1"}}),
			resourceOf(manifest.Profile, townProfile, &bedrock.Profile{Model: townHaiku, Destinations: map[string][]string{"us-east-1": {"us-east-1"}}})}
		for _, k := range spendingKinds {
			if k.kind == manifest.Budget {
				all = append(all, resourceOf(k.kind, k.name, d.budget()))
			} else {
				all = append(all, d.spending(k.kind, k.name))
			}
		}
		before, err := snapshot.Of(all, townNoon)
		if err != nil {
			rt.Fatal(err)
		}
		k := throw(d, "changed", spendingKinds...)
		changes := []store.Change{d.anew(k.kind, k.name, before)}
		after, err := before.With(changes, townNoon)
		if err != nil {
			rt.Fatal(err)
		}
		found, err := Find(before, after, changes, rights.Place{Account: townAccount}, townNoon)
		if err != nil {
			rt.Fatal(err)
		}
		if len(found) == 0 {
			clean++
		}
		for _, g := range before.Grants() {
			e, _ := before.Entitlement(g.Entitlement)
			for _, model := range modelsOf(before, e.Models) {
				was, _ := callOf(before, g.ID, model)
				now, still := callOf(after, g.ID, model)
				lost := ""
				if still {
					lost = limitedLess(before.Budgets.Covering(was), after.Budgets.Covering(now))
				}
				if lost == "" {
					continue
				}
				less++
				byKind[k.kind]++
				if !slices.ContainsFunc(found, func(w request.Widens) bool { return concerns(before, w, []string{g.Entitlement}) }) {
					rt.Fatalf("%s of grant %s is limited less, found is %s\nchanges %s", lost, g.ID, toldOf(found), madeBy(before, changes))
				}
			}
		}
	})
	t.Logf("%d calls are limited less %v, %d changes widen nothing", less, byKind, clean)
	if less < 20 || len(byKind) < 4 || clean < 10 {
		t.Errorf("%d calls are limited less, by %v, and %d changes widen nothing: the test hardly compares anything", less, byKind, clean)
	}
}

// limitedLess names an account that had a lower limit before.
func limitedLess(was, now []budget.Line) string {
	for _, l := range was {
		same := func(n budget.Line) bool {
			return n.Account(townNoon).ID == l.Account(townNoon).ID && n.Limit <= l.Limit
		}
		if !slices.ContainsFunc(now, same) {
			return fmt.Sprintf("%s to %d", l.Account(townNoon).ID, l.Limit)
		}
	}
	return ""
}
