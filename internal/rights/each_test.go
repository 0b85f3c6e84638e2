package rights

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
)

// TestPropertyComparingEachResourceFindsTheSame as comparing all at once, of
// policies that grants come to.
func TestPropertyComparingEachResourceFindsTheSame(t *testing.T) {
	verdicts := map[Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		drawn := func() Entitlement {
			e := drawEntitlement(t)
			e.Conditions.Objects = few(t, "objects", []string{"s3://bucket/*", "s3://bucket/in/*", "s3://bucket/x", "s3://bucket/x*", "s3://other/*"})
			return e
		}
		policies := func(e Entitlement) Policies {
			g := Grant{ID: "g", Identity: "agent", Entitlement: "chat", NotAfter: grantedNoon.Add(time.Hour)}
			p, err := grantedPlace().Granted(e.Alone(), g)
			if err != nil {
				t.Fatal(err)
			}
			return Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{p.Document}}}
		}
		of := drawn()
		n := drawNarrowing(t)
		less, left := of.Under(&n)
		if !left || rapid.Bool().Draw(t, "another") {
			less = drawn()
		}
		base, next := policies(of), policies(less)
		u := Universe{Facts: awsiam.EmbeddedFacts()}
		actions := append([]string{actionReadObject, actionWriteObject}, InvokeActions...)
		all, each := Compare(u, base, next, actions), CompareEach(u, base, next, actions)
		if all.Verdict != Undecided && all.Verdict != each.Verdict {
			t.Fatalf("at once %s (%s, %+v), each %s (%s, %+v)", all.Verdict, all.Reason, all.Witness, each.Verdict, each.Reason, each.Witness)
		}
		verdicts[all.Verdict]++
	})
	t.Logf("%v", verdicts)
	if verdicts[NewAccess] < 5 || verdicts[NoNewAccess] < 5 {
		t.Errorf("%v: the test compares hardly anything", verdicts)
	}
}

// TestComparingEachResourceKnowsBeginnings: of what begins alike, only the rest is new.
func TestComparingEachResourceKnowsBeginnings(t *testing.T) {
	objects := func(list ...string) Policies {
		return Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{mustGrant(t, func(e *Entitlement) { e.Conditions.Objects = list }).Document}}}
	}
	u := Universe{Facts: awsiam.EmbeddedFacts()}
	for name, tc := range map[string]struct {
		base, next Policies
		want       Verdict
	}{
		"the same":           {objects("s3://b/*"), objects("s3://b/*"), NoNewAccess},
		"less":               {objects("s3://b/*"), objects("s3://b/in/*", "s3://b/one"), NoNewAccess},
		"more":               {objects("s3://b/in/*"), objects("s3://b/*"), NewAccess},
		"all but one letter": {objects("s3://b/x*", "s3://b/q*", "s3://b/z*"), objects("s3://b/*"), NewAccess},
		"a star that is one": {objects("s3://b/*"), objects("s3://b/a?b"), NoNewAccess},
	} {
		if got := CompareEach(u, tc.base, tc.next, []string{actionReadObject}); got.Verdict != tc.want {
			t.Errorf("%s: %s %s %+v", name, got.Verdict, got.Reason, got.Witness)
		}
	}
}

func TestAloneStartsNothingWhereAnswersAreHeld(t *testing.T) {
	e := entitlement()
	starting(&e)
	for name, tc := range map[string]struct {
		change func(*Entitlement)
		starts bool
	}{
		"held tools": {func(*Entitlement) {}, false},
		"no tools":   {func(e *Entitlement) { e.Conditions.Tools, e.Conditions.Data.Forbid = Tools{}, nil }, true},
		"held": {func(e *Entitlement) {
			e.Conditions.Tools, e.Conditions.Data.Forbid, e.Conditions.HoldAnswer = Tools{}, nil, true
		}, false},
		"ruled on": {func(e *Entitlement) { e.Conditions.Tools = Tools{} }, false},
	} {
		of := e
		tc.change(&of)
		got := of.Alone()
		if starts := len(got.Conditions.Outputs) > 0; starts != tc.starts {
			t.Errorf("%s: starts %v, actions %v", name, starts, got.Actions)
		}
	}
}
