package rights

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
)

func TestNarrow(t *testing.T) {
	for name, tc := range map[string]struct {
		of   func(*Entitlement)
		by   Narrowing
		want func(*Entitlement) // what of the entitlement changes
	}{
		"nothing":          {by: Narrowing{}, want: func(*Entitlement) {}},
		"models":           {by: Narrowing{Models: []string{imported}}, want: func(e *Entitlement) { e.Models = []string{imported} }},
		"networks":         {by: Narrowing{Networks: []string{"office"}}, want: func(*Entitlement) {}},
		"regions":          {by: Narrowing{Regions: []string{"us-east-1"}}, want: func(e *Entitlement) { e.Conditions.Regions = []string{"us-east-1"} }},
		"a network of any": {of: func(e *Entitlement) { e.Conditions.Networks = nil }, by: Narrowing{Networks: []string{"vpn"}}, want: func(e *Entitlement) { e.Conditions.Networks = []string{"vpn"} }},
		"a purpose of any": {of: func(e *Entitlement) { e.Conditions.Purposes = nil }, by: Narrowing{Purposes: []string{"x"}}, want: func(e *Entitlement) { e.Conditions.Purposes = []string{"x"} }},
		"level":            {by: Narrowing{MaxLevel: "internal"}, want: func(e *Entitlement) { e.Conditions.Data.MaxLevel = "internal" }},
		"a higher level":   {by: Narrowing{MaxLevel: "restricted"}, want: func(*Entitlement) {}},
		"a level of any":   {of: func(e *Entitlement) { e.Conditions.Data.MaxLevel = "" }, by: Narrowing{MaxLevel: "public"}, want: func(e *Entitlement) { e.Conditions.Data.MaxLevel = "public" }},
		"classes":          {by: Narrowing{Forbid: []string{"health", "source_code"}}, want: func(e *Entitlement) { e.Conditions.Data.Forbid = []string{"health", "custom:deal", "source_code"} }},
		"regulated": {of: func(e *Entitlement) { e.Conditions.Data.Regulated, e.Conditions.Data.Unscanned = true, true }, by: Narrowing{NoRegulated: true, NoUnscanned: true},
			want: func(e *Entitlement) { e.Conditions.Data.Regulated, e.Conditions.Data.Unscanned = false, false }},
		"redacted": {by: Narrowing{Redact: true}, want: func(e *Entitlement) { e.Conditions.Data.Redact = true }},
		"answers too": {of: func(e *Entitlement) {
			e.Conditions.Data.Output = &Output{Regulated: true, Unscanned: true, MaxLevel: "restricted", Forbid: []string{"financial"}}
		}, by: Narrowing{NoRegulated: true, NoUnscanned: true, MaxLevel: "internal", Forbid: []string{"health"}, Redact: true},
			want: func(e *Entitlement) {
				e.Conditions.Data.Output = &Output{MaxLevel: "internal", Forbid: []string{"financial", "health"}, Redact: true}
				d := &e.Conditions.Data
				d.Regulated, d.Unscanned, d.Redact, d.MaxLevel = false, false, true, "internal"
			}},
		"tokens":         {by: Narrowing{MaxTokens: 100}, want: func(e *Entitlement) { e.Conditions.MaxTokens = 100 }},
		"more tokens":    {by: Narrowing{MaxTokens: 1 << 20}, want: func(*Entitlement) {}},
		"age":            {by: Narrowing{MaxSession: identity.Duration(time.Minute)}, want: func(e *Entitlement) { e.Conditions.MaxSessionAge = identity.Duration(time.Minute) }},
		"hold":           {by: Narrowing{HoldAnswer: true}, want: func(e *Entitlement) { e.Conditions.HoldAnswer = true }},
		"spend":          {by: Narrowing{SpendUSD: new(int64(5))}, want: func(*Entitlement) {}},
		"tier":           {by: Narrowing{ServiceTiers: []string{"flex"}}, want: func(e *Entitlement) { e.Conditions.ServiceTiers = []string{"flex"} }},
		"default tier":   {of: func(e *Entitlement) { e.Conditions.ServiceTiers = nil }, by: Narrowing{ServiceTiers: []string{"default"}}, want: func(e *Entitlement) { e.Conditions.ServiceTiers = []string{"default"} }},
		"tools":          {by: Narrowing{NoTools: true}, want: func(e *Entitlement) { e.Conditions.Tools = Tools{} }},
		"default action": {of: func(e *Entitlement) { e.Actions = nil }, by: Narrowing{Actions: []string{"InvokeModel"}}, want: func(e *Entitlement) { e.Actions = []string{"InvokeModel"} }},
		"what comes with starting": {of: starting, by: Narrowing{Actions: []string{"GetAsyncInvoke"}},
			want: func(e *Entitlement) { e.Actions, e.Conditions.Outputs = []string{"GetAsyncInvoke"}, nil }},
		"S3 held tools start nothing, nor does their absence": {of: starting, by: Narrowing{NoTools: true},
			want: func(e *Entitlement) {
				e.Actions, e.Conditions.Outputs = []string{"GetAsyncInvoke", "InvokeModel", "ListAsyncInvokes"}, nil
				e.Conditions.Tools = Tools{}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			of := entitlement()
			if tc.of != nil {
				tc.of(&of)
			}
			want := of
			tc.want(&want)
			got, err := Narrow(of, &tc.by)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("narrowed entitlement (-want +got):\n%s", diff)
			}
			if again, ok := of.Under(&tc.by); !ok || cmp.Diff(got, again) != "" {
				t.Error("a live grant gives something else than was approved")
			}
			if err := got.Validate(organisation(t)); err != nil {
				t.Errorf("what is left is not valid: %v", err)
			}
		})
	}
}

func starting(e *Entitlement) {
	e.Actions, e.Conditions.Outputs = []string{"InvokeModel", "StartAsyncInvoke", "TagResource"}, []string{"s3://answers/*"}
}

// TestR10_NarrowRefusesWhatIsNotGiven: who decides may grant less, and nothing
// else.
func TestR10_NarrowRefusesWhatIsNotGiven(t *testing.T) {
	for name, tc := range map[string]struct {
		by   Narrowing
		want error
	}{
		"model":           {Narrowing{Models: []string{plainNova}}, ErrWider},
		"action":          {Narrowing{Actions: []string{"InvokeModelWithResponseStream"}}, ErrWider},
		"network":         {Narrowing{Networks: []string{"vpn"}}, ErrWider},
		"region":          {Narrowing{Regions: []string{"eu-west-1"}}, ErrWider},
		"purpose":         {Narrowing{Purposes: []string{"sales"}}, ErrWider},
		"tier":            {Narrowing{ServiceTiers: []string{"priority"}}, ErrWider},
		"one of two":      {Narrowing{Models: []string{imported, plainNova}}, ErrWider},
		"an empty name":   {Narrowing{Models: []string{""}}, nil},
		"negative tokens": {Narrowing{MaxTokens: -1}, nil},
		"unknown level":   {Narrowing{MaxLevel: "secret"}, nil},
		"unknown class":   {Narrowing{Forbid: []string{"gossip"}}, nil},
		"minus dollars":   {Narrowing{SpendUSD: new(int64(-1))}, nil},
		"untold dollars":  {Narrowing{SpendUSD: new(int64(MaxSpendUSD + 1))}, nil},
		"no region":       {Narrowing{Regions: []string{"us-*"}}, nil},
	} {
		got, err := Narrow(entitlement(), &tc.by)
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
		if diff := cmp.Diff(Entitlement{}, got); diff != "" {
			t.Errorf("%s: something is left: %s", name, diff)
		}
	}
}

// TestUnderNothingIsNotEverything: where entitlement and narrowing have nothing
// in common, an empty list must not come to mean anywhere.
func TestUnderNothingIsNotEverything(t *testing.T) {
	for name, n := range map[string]Narrowing{
		"models":   {Models: []string{plainNova}},
		"networks": {Networks: []string{"vpn"}},
		"regions":  {Regions: []string{"eu-west-1"}},
		"purposes": {Purposes: []string{"sales"}},
		"actions":  {Actions: []string{"CountTokens"}},
		"tiers":    {ServiceTiers: []string{"reserved"}},
	} {
		if _, left := entitlement().Under(&n); left {
			t.Errorf("%s: something is left", name)
		}
	}
	e := entitlement()
	starting(&e)
	if _, left := e.Under(&Narrowing{Actions: []string{"TagResource"}}); left {
		t.Error("tags are left, with nothing to tag")
	}
}

const plainNova = "amazon.nova-pro-v1:0"

var narrowingFields = struct{ models, actions, networks, regions, purposes, tiers, classes, levels []string }{
	models:   []string{usSonnet, "family:amazon.nova", plainNova, "anthropic.claude-sonnet-4-5-20250929-v1:0"},
	actions:  []string{"InvokeModel", "InvokeModelWithResponseStream", "CountTokens", "StartAsyncInvoke", "TagResource", "GetAsyncInvoke"},
	networks: []string{"office", "vpc"}, regions: []string{"us-east-1", "us-east-2", "us-west-2", "unspecified"},
	purposes: []string{"support", "sales"}, tiers: []string{"default", "flex", "priority"},
	classes: []string{"health", "source_code"}, levels: []string{"", "public", "internal", "restricted"},
}

func few(t *rapid.T, what string, list []string) []string {
	if rapid.IntRange(0, 2).Draw(t, what+" named") > 0 {
		return nil
	}
	return several(t, what, list)
}

func several(t *rapid.T, what string, list []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(list), 1, 3, rapid.ID[string]).Draw(t, what)
}

func drawNarrowing(t *rapid.T) Narrowing {
	f := &narrowingFields
	flag := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	return Narrowing{
		Models: few(t, "models", f.models), Actions: few(t, "actions", f.actions), Networks: few(t, "networks", f.networks),
		Regions: few(t, "regions", f.regions), Purposes: few(t, "purposes", f.purposes), ServiceTiers: few(t, "tiers", f.tiers),
		Forbid: few(t, "classes", f.classes), MaxLevel: rapid.SampledFrom(f.levels).Draw(t, "level"),
		NoRegulated: flag("not regulated"), NoUnscanned: flag("not unscanned"), Redact: flag("redact"), NoTools: flag("no tools"), HoldAnswer: flag("hold"),
		MaxTokens:  rapid.SampledFrom([]int64{0, 0, 100, 2000}).Draw(t, "tokens"),
		MaxSession: rapid.SampledFrom([]identity.Duration{0, 0, identity.Duration(time.Minute), identity.Duration(time.Hour)}).Draw(t, "age"),
	}
}

func drawEntitlement(t *rapid.T) Entitlement {
	f := &narrowingFields
	flag := func(what string) bool { return rapid.Bool().Draw(t, what) }
	e := Entitlement{ID: "chat", Models: several(t, "its models", f.models), Actions: few(t, "its actions", f.actions)}
	e.Conditions = Conditions{
		Networks: few(t, "its networks", f.networks), Regions: few(t, "its regions", f.regions), Purposes: few(t, "its purposes", f.purposes),
		ServiceTiers: few(t, "its tiers", f.tiers), MaxTokens: rapid.SampledFrom([]int64{0, 1000}).Draw(t, "its tokens"),
		Data: Data{Regulated: flag("regulated"), Unscanned: flag("unscanned"), MaxLevel: rapid.SampledFrom(f.levels).Draw(t, "its level"), Redact: flag("its redact")},
		// The names are of all kinds, so that a difference shows.
		Tools: Tools{Read: few(t, "read", []string{"search"}), Write: few(t, "write", []string{"post"}), Any: rapid.IntRange(0, 4).Draw(t, "any") == 0},
	}
	if slices.Contains(e.Actions, "StartAsyncInvoke") {
		// With tools whose calls are held, or answers to be redacted, it starts
		// nothing, which the policies say by a deny: what it denies is for package
		// policy to compare.
		e.Conditions.Outputs, e.Conditions.Tools = []string{"s3://answers/*"}, Tools{Read: e.Conditions.Tools.Read}
		e.Conditions.Data.Redact = false
	}
	return e
}

// allowsMore compares two entitlements by what grants of them come to.
func allowsMore(t *rapid.T, less, more Entitlement, by *Narrowing) Comparison {
	g := Grant{ID: "g", Identity: "agent", Entitlement: "chat", NotAfter: grantedNoon.Add(time.Hour)}
	base, err := grantedPlace().Granted(more, g)
	if err != nil {
		t.Fatal(err)
	}
	g.Narrow = by
	next, err := grantedPlace().Granted(less, g)
	if err != nil {
		t.Fatal(err)
	}
	keys := awsiam.Context{}
	if by != nil && by.NoTools {
		SetText(keys, Opaque("oblige", "hold"), "true") // where no tool is offered there is nothing to hold
	}
	known := func(p GrantedPolicy) Policies {
		return Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{p.Document}}, Known: keys}
	}
	var actions []string
	for _, o := range bedrock.Operations() {
		actions = append(actions, o.Permission())
	}
	actions = append(slices.Compact(slices.Sorted(slices.Values(actions))), actionTag, actionWriteObject)
	return Compare(Universe{Facts: awsiam.EmbeddedFacts()}, known(base), known(next), actions)
}

// TestPropertyANarrowedGrantNeverAllowsMore: by the algebra, over all requests.
func TestPropertyANarrowedGrantNeverAllowsMore(t *testing.T) {
	strict, nothing := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		e, n := drawEntitlement(t), drawNarrowing(t)
		c := allowsMore(t, e, e, &n)
		if c.Verdict != NoNewAccess {
			t.Fatalf("%s: %s, witness %+v", c.Verdict, c.Reason, c.Witness)
		}
		left, err := Narrow(e, &n)
		under, ok := e.Under(&n)
		switch {
		case err == nil && (!ok || cmp.Diff(left, under) != ""):
			t.Fatal("what was approved is not what is given")
		case !ok:
			nothing++
		case strict < 5 && allowsMore(t, e, under, nil).Verdict == NewAccess:
			strict++
		}
	})
	t.Logf("%d narrowings took something, %d everything", strict, nothing)
	if strict < 3 || nothing < 3 {
		t.Errorf("%d narrowings took something, %d everything: the test compares hardly anything", strict, nothing)
	}
}

// TestPropertyAndIsIntersection: one narrowing after another is both at once, in
// either order, and an empty one changes nothing.
func TestPropertyAndIsIntersection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, n, m := drawEntitlement(t), drawNarrowing(t), drawNarrowing(t)
		both, err := n.And(m)
		first, left := e.Under(&n)
		if left {
			first, left = first.Under(&m)
		}
		if err != nil {
			if left {
				t.Fatalf("the two exclude one another, and leave %+v", first)
			}
			return
		}
		together, ok := e.Under(&both)
		if ok != left || ok && cmp.Diff(meaning(first), meaning(together)) != "" {
			t.Fatalf("one after the other leaves %v, both at once %v: %s", left, ok, cmp.Diff(meaning(first), meaning(together)))
		}
		if back, err := m.And(n); err != nil || cmp.Diff(meaningOf(both), meaningOf(back)) != "" {
			t.Fatalf("the order matters: %v", err)
		}
		for _, same := range [][2]Narrowing{{n, {}}, {{}, n}, {n, n}} {
			if got, err := same[0].And(same[1]); err != nil || cmp.Diff(meaningOf(n), meaningOf(got)) != "" {
				t.Fatalf("%+v and %+v is %+v, %v", same[0], same[1], got, err)
			}
		}
		if got, ok := e.Under(&Narrowing{}); !ok || cmp.Diff(e, got) != "" {
			t.Fatal("an empty narrowing changes something")
		}
	})
}

// meaning is an entitlement whose lists are in order, with defaults filled in.
func meaning(e Entitlement) Entitlement {
	c := &e.Conditions
	e.Actions, c.ServiceTiers = e.gives(), tiersOf(c)
	for _, list := range []*[]string{&e.Models, &e.Actions, &c.Networks, &c.Regions, &c.Purposes, &c.ServiceTiers, &c.Data.Forbid} {
		*list = slices.Compact(slices.Sorted(slices.Values(*list)))
	}
	return e
}

func meaningOf(n Narrowing) Narrowing {
	for _, list := range []*[]string{&n.Models, &n.Actions, &n.Networks, &n.Regions, &n.Purposes, &n.ServiceTiers, &n.Forbid} {
		*list = slices.Compact(slices.Sorted(slices.Values(*list)))
	}
	return n
}

func TestNarrowingEmpty(t *testing.T) {
	if (*Narrowing)(nil).Empty() != true || !(&Narrowing{}).Empty() {
		t.Error("nothing takes something away")
	}
	rapid.Check(t, func(t *rapid.T) {
		n := drawNarrowing(t)
		if n.Empty() != (cmp.Diff(Narrowing{}, n) == "") {
			t.Fatalf("%+v: Empty() = %v", n, n.Empty())
		}
	})
}

// TestWhatAGrantMayCostIsForBudgets: the least of what was said holds, rules know
// nothing of it, and it is a narrowing all the same.
func TestWhatAGrantMayCostIsForBudgets(t *testing.T) {
	five, nine := Narrowing{SpendUSD: new(int64(5))}, Narrowing{SpendUSD: new(int64(9)), NoTools: true}
	for name, pair := range map[string][2]Narrowing{"less first": {five, nine}, "less last": {nine, five}} {
		if got, err := pair[0].And(pair[1]); err != nil || *got.SpendUSD != 5 || !got.NoTools {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if got, _ := five.And(Narrowing{}); *got.SpendUSD != 5 {
		t.Error("what is not said takes away what is")
	}
	if five.Empty() || !five.Ruled().Empty() || nine.Ruled().Empty() || *nine.SpendUSD != 9 || (*Narrowing)(nil).Ruled() != nil {
		t.Error("what rules see of it is mistaken")
	}
	g := Grant{ID: "g", Entitlement: "e", Narrow: &nine}
	if h := g.Held(); h.Grant != "g" || h.Entitlement != "e" || *h.Monthly != 9*budget.Dollar {
		t.Errorf("held as %+v", h)
	}
	if h := (&Grant{ID: "g"}).Held(); h.Monthly != nil {
		t.Errorf("a grant of which nothing is said may cost %v", *h.Monthly)
	}
}
