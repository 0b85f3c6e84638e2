package rights

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/identity"
)

func TestFilterMatches(t *testing.T) {
	yes, no := true, false
	some, more := int64(100), int64(101)
	facts := FilterFacts{Tier: "high", Environment: "prod", Kind: "agent", Level: "confidential", Regulated: true, Duration: time.Hour, SpendUSD: &some}
	for name, tc := range map[string]struct {
		filter Filter
		change func(*FilterFacts)
		want   bool
	}{
		"nothing is asked":       {Filter{}, nil, true},
		"tier":                   {Filter{Tiers: []string{"medium", "high"}}, nil, true},
		"another tier":           {Filter{Tiers: []string{"low"}}, nil, false},
		"environment":            {Filter{Environments: []string{"prod"}}, nil, true},
		"another environment":    {Filter{Environments: []string{"dev"}}, nil, false},
		"kind":                   {Filter{Kinds: []string{"agent"}}, nil, true},
		"another kind":           {Filter{Kinds: []string{"workload"}}, nil, false},
		"level":                  {Filter{Levels: []string{"confidential", "restricted"}}, nil, true},
		"another level":          {Filter{Levels: []string{"restricted"}}, nil, false},
		"regulated":              {Filter{Regulated: &yes}, nil, true},
		"not regulated":          {Filter{Regulated: &no}, nil, false},
		"emergency":              {Filter{Emergency: &yes}, nil, false},
		"no emergency":           {Filter{Emergency: &no}, nil, true},
		"longer":                 {Filter{Longer: identity.Duration(time.Minute)}, nil, true},
		"exactly as long":        {Filter{Longer: identity.Duration(time.Hour)}, nil, false},
		"spends over":            {Filter{SpendOver: &some}, func(f *FilterFacts) { f.SpendUSD = &more }, true},
		"spends exactly":         {Filter{SpendOver: &some}, nil, false},
		"an unstated spend":      {Filter{SpendOver: &more}, func(f *FilterFacts) { f.SpendUSD = nil }, true},
		"every field must match": {Filter{Tiers: []string{"high"}, Kinds: []string{"workload"}}, nil, false},
	} {
		f := facts
		if tc.change != nil {
			tc.change(&f)
		}
		if got := tc.filter.Matches(f); got != tc.want {
			t.Errorf("%s: matches %v, want %v", name, got, tc.want)
		}
	}
}

func TestFactsOfWhatIsAskedFor(t *testing.T) {
	e := Entitlement{ID: "e", Models: []string{plainNova}, Conditions: Conditions{Data: Data{Regulated: true}}}
	who := &identity.Identity{ID: "agent", Kind: identity.Agent, Environment: "prod"}
	if got, want := FactsOf(&e, who), (FilterFacts{Tier: "medium", Environment: "prod", Kind: "agent", Level: "restricted", Regulated: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	less, err := Narrow(e, &Narrowing{MaxLevel: "internal", NoRegulated: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := FactsOf(&less, who); got.Level != "internal" || got.Regulated {
		t.Errorf("a request for less is taken for %+v", got)
	}
	e.Conditions.Data = Data{MaxLevel: "internal", Output: &Output{Regulated: true, MaxLevel: "confidential"}}
	if got := FactsOf(&e, who); got.Level != "confidential" || !got.Regulated {
		t.Errorf("what may come out counts too: %+v", got)
	}
}

func TestAccessValidate(t *testing.T) {
	hour := identity.Duration(time.Hour)
	sound := func() Entitlement {
		e := entitlement()
		e.Access = Access{
			Requesters: []string{"sponsor", "team:payments", "role:requester"},
			Stages: []Stage{
				{Name: "owner", Approvers: []string{"model-owner", "owner"}, Timeout: hour, Escalate: []string{"role:approver"}},
				{Name: "risk", Approvers: []string{"operator:dana"}, Needed: 1, When: Filter{Tiers: []string{"high"}, Levels: []string{"restricted"}, Kinds: []string{"agent"}, Longer: hour}},
			},
			Automatic:  []Automatic{{Name: "no-dev", Verdict: "deny", When: Filter{Environments: []string{"dev"}}}},
			BreakGlass: hour, Waits: hour,
		}
		return e
	}
	if err := sound().Validate(organisation(t)); err != nil {
		t.Fatal(err)
	}
	standing := sound()
	standing.Access.Standing, standing.Access.Recertify = true, hour
	if err := standing.Validate(organisation(t)); err != nil {
		t.Errorf("a standing entitlement: %v", err)
	}
	minus := int64(-1)
	for name, tc := range map[string]struct {
		change func(*Access)
		want   string
	}{
		"requester":             {func(a *Access) { a.Requesters = []string{"everybody"} }, "selector"},
		"stage unnamed":         {func(a *Access) { a.Stages[0].Name = "" }, "name"},
		"stage twice":           {func(a *Access) { a.Stages[1].Name = "owner" }, "taken"},
		"nobody approves":       {func(a *Access) { a.Stages[0].Approvers = nil }, "approvers is required"},
		"unknown role":          {func(a *Access) { a.Stages[0].Approvers = []string{"role:boss"} }, "roles"},
		"escalates to nobody":   {func(a *Access) { a.Stages[0].Escalate = []string{"team:"} }, "escalate"},
		"escalates at no time":  {func(a *Access) { a.Stages[0].Timeout = 0 }, "timeout is required"},
		"negative timeout":      {func(a *Access) { a.Stages[0].Timeout = -1 }, "negative"},
		"negative approvals":    {func(a *Access) { a.Stages[0].Needed = -1 }, "negative"},
		"tier":                  {func(a *Access) { a.Stages[1].When.Tiers = []string{""} }, "tiers"},
		"kind":                  {func(a *Access) { a.Stages[1].When.Kinds = []string{"human"} }, "kinds"},
		"level":                 {func(a *Access) { a.Stages[1].When.Levels = []string{"secret"} }, "levels"},
		"environment":           {func(a *Access) { a.Automatic[0].When.Environments = []string{""} }, "environments"},
		"spend":                 {func(a *Access) { a.Automatic[0].When.SpendOver = &minus }, "spendOver"},
		"verdict":               {func(a *Access) { a.Automatic[0].Verdict = "maybe" }, "verdict"},
		"rule named as a stage": {func(a *Access) { a.Automatic[0].Name = "risk" }, "taken"},
		"standing for ever":     {func(a *Access) { a.Standing = true }, "recertify is required"},
		"recertify what ends":   {func(a *Access) { a.Recertify = hour }, "only standing"},
		"a long emergency":      {func(a *Access) { a.BreakGlass = identity.Duration(100 * time.Hour) }, "maxDuration"},
		"a negative emergency":  {func(a *Access) { a.BreakGlass = -1 }, "negative"},
		"waits backwards":       {func(a *Access) { a.Waits = -1 }, "negative"},
	} {
		e := sound()
		tc.change(&e.Access)
		if err := e.Validate(organisation(t)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, tc.want)
		}
	}
}

func TestParsePeople(t *testing.T) {
	for text, want := range map[string]People{
		"role:approver": {PeopleRole, "approver"}, "team:Card Payments": {PeopleTeam, "Card Payments"}, "operator:dana": {PeopleOperator, "dana"},
		"owner": {Kind: PeopleOwner}, "model-owner": {Kind: PeopleModelOwner}, "identity-team": {Kind: PeopleIdentityTeam}, "anyone": {Kind: PeopleAnyone},
	} {
		if got, err := ParsePeople(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", ":", "role", "role:", "role:Approver", "team: x", "operator:Dana X", "owner:dana", "anyone:", "user:dana", "*"} {
		if got, err := ParsePeople(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func FuzzParsePeople(f *testing.F) {
	for _, s := range []string{"role:approver", "team:a:b", "operator:dana", "sponsor", "anyone", "role:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParsePeople(s); err == nil && p.String() != s {
			t.Errorf("%q reads as %q", s, p)
		}
	})
}

func TestGrantOfThePeoplesRoadValidate(t *testing.T) {
	e := Entitlement{ID: "e", Models: []string{plainNova}, MaxDuration: identity.Duration(time.Hour)}
	sound := func() Grant {
		return Grant{ID: "g", Identity: "agent", Entitlement: "e", NotBefore: grantedNoon, NotAfter: grantedNoon.Add(time.Hour), Origin: OriginRequested,
			State: GrantActive, Duration: identity.Duration(time.Hour), Narrow: &Narrowing{MaxTokens: 10}, From: &Provenance{Request: "r1", Requester: "dana"}}
	}
	longer := sound()
	longer.NotAfter = grantedNoon.Add(2 * time.Hour)
	if err := longer.Validate(e); err != nil {
		t.Errorf("a grant approved before the entitlement became shorter: %v", err)
	}
	longer.From = nil
	if longer.Validate(e) == nil {
		t.Error("a grant that nobody approved is longer than its entitlement allows")
	}
	for name, change := range map[string]func(*Grant){
		"state":               func(g *Grant) { g.State = "sleeping" },
		"origin":              func(g *Grant) { g.Origin = "found" },
		"ends for no reason":  func(g *Grant) { g.State = GrantRevoking },
		"an end while active": func(g *Grant) { g.End = EndExpired },
		"unknown end":         func(g *Grant) { g.State, g.End = GrantRevoking, "bored" },
		"negative duration":   func(g *Grant) { g.Duration = -1 },
		"narrowing":           func(g *Grant) { g.Narrow.MaxTokens = -1 },
		"no request":          func(g *Grant) { g.From.Request = "" },
		"long detail":         func(g *Grant) { g.Detail = strings.Repeat("x", maxReason+1) },
	} {
		g := sound()
		change(&g)
		if g.Validate(e) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	ending := sound()
	ending.State, ending.End = GrantRevoking, EndRevoked
	if err := ending.Validate(e); err != nil {
		t.Errorf("a grant that is being revoked: %v", err)
	}
}

func TestLongest(t *testing.T) {
	hour := identity.Duration(time.Hour)
	e := Entitlement{MaxDuration: 8 * hour, Access: Access{BreakGlass: hour}}
	if e.Longest(false) != 8*time.Hour || e.Longest(true) != time.Hour {
		t.Errorf("just in time %v, in an emergency %v", e.Longest(false), e.Longest(true))
	}
	e.Access = Access{Standing: true, Recertify: 4 * hour}
	if e.Longest(false) != 4*time.Hour || e.Longest(true) != 0 {
		t.Errorf("standing %v, in an emergency %v", e.Longest(false), e.Longest(true))
	}
}

// TestOnlyStatesThatConferGiveAnything: a grant whose time has not come, or that
// is being taken away, allows nothing in the algebra.
func TestOnlyStatesThatConferGiveAnything(t *testing.T) {
	e, g := grantedEntitlement(nil)
	for _, s := range grantStates {
		g.State = s
		p, err := grantedPlace().Granted(e, g)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Contains([]GrantState{"", GrantActivating, GrantActive}, s)
		if got := grantPasses(t, p, grantedSonnet, nil); got != want {
			t.Errorf("state %q: allowed %v, want %v", s, got, want)
		}
	}
}

func TestPropertyAFilterWithMoreFieldsPicksLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pickOf := func(what string, list ...string) string { return rapid.SampledFrom(list).Draw(t, what) }
		f := Filter{Tiers: few(t, "tiers", riskTiers[1:]), Environments: few(t, "environments", []string{"prod", "dev"}), Levels: few(t, "levels", narrowingFields.levels[1:])}
		facts := FilterFacts{Tier: pickOf("tier", "low", "medium", "high"), Environment: pickOf("environment", "prod", "dev", "test"), Level: pickOf("level", "public", "internal", "restricted")}
		less := f
		less.Kinds = []string{"agent"}
		if less.Matches(facts) {
			t.Fatal("a field that is set does not count")
		}
		for _, more := range []Filter{{Tiers: f.Tiers}, {Environments: f.Environments}, {Levels: f.Levels}, {}} {
			if f.Matches(facts) && !more.Matches(facts) {
				t.Fatalf("%+v picks %+v, and less of it does not", f, facts)
			}
		}
	})
}
