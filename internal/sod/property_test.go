package sod

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var someDuties = []Duty{Approve, Operate, Own, ChangeModel, EditEntitlement, Invoke, WriteBack, Spend, RaiseBudget}

func drawHeld(t *rapid.T) Held {
	return Held{
		Duty:   rapid.SampledFrom(someDuties).Draw(t, "duty"),
		Object: rapid.SampledFrom([]string{"", "Identity/a", "Identity/b"}).Draw(t, "object"),
		Source: rapid.SampledFrom([]string{"", "Grant/g"}).Draw(t, "source"),
	}
}

func drawHand(t *rapid.T) Hand {
	return Hand{
		Kind: rapid.SampledFrom([]string{HandPerson, HandIdentity}).Draw(t, "kind"),
		Name: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name"), Held: drawHeld(t),
	}
}

// drawFacts draws who does what; accounts a and b, at times, are of one person.
func drawFacts(t *rapid.T) Facts {
	f := Facts{Persons: map[string][]Held{}, Identities: map[string][]Held{}, Behind: map[string]string{}, Unknown: map[Duty]string{}}
	if rapid.Bool().Draw(t, "joined") {
		f.Behind["a"], f.Behind["b"] = "p@example.com", "P@example.com"
	}
	// As the caller must, every account is in Behind: which is the first of a
	// person's does not depend on who has duties.
	for _, account := range []string{"a", "b", "c", "d"} {
		if f.Behind[account] == "" {
			f.Behind[account] = account
		}
	}
	return f.with(rapid.SliceOfN(rapid.Custom(drawHand), 0, 8).Draw(t, "facts"))
}

func drawRules(t *rapid.T) []Rule {
	rules := InForce(nil)
	for i := range rapid.IntRange(0, 2).Draw(t, "own rules") {
		side := rapid.SliceOfNDistinct(rapid.SampledFrom(someDuties), 1, 3, rapid.ID)
		rules = append(rules, Rule{
			ID: fmt.Sprint("own", i), Left: side.Draw(t, "left"), Right: side.Draw(t, "right"), SameObject: rapid.Bool().Draw(t, "same object"),
			Hand: rapid.SampledFrom([]string{HandPerson, HandIdentity}).Draw(t, "hand"), Off: rapid.IntRange(0, 4).Draw(t, "off") == 0,
		})
	}
	return rules
}

func drawWaivers(t *rapid.T) []Waiver {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Waiver {
		return Waiver{
			ID: rapid.StringMatching("[a-z]").Draw(t, "waiver"), Rule: rapid.SampledFrom([]string{"approve-operate", "change-model-invoke", "own0"}).Draw(t, "rule"),
			Subject:   rapid.SampledFrom([]string{"Operator/a", "Operator/b", "Identity/a"}).Draw(t, "subject"),
			Approvers: []string{rapid.SampledFrom([]string{"a", "c"}).Draw(t, "approver")},
			From:      noon.Add(-time.Hour), Expires: noon.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "expires")) * time.Minute),
		}
	}), 0, 3).Draw(t, "waivers")
}

func TestWouldIsTheDifferenceOfConflicts(t *testing.T) {
	news := 0
	rapid.Check(t, func(t *rapid.T) {
		rules, f, waivers := drawRules(t), drawFacts(t), drawWaivers(t)
		added := rapid.SliceOfN(rapid.Custom(drawHand), 0, 3).Draw(t, "added")
		before := Conflicts(rules, f, waivers, noon)
		want := slices.DeleteFunc(Conflicts(rules, f.with(added), waivers, noon), func(c Conflict) bool { return slices.Contains(before, c) })
		got := Would(rules, f, added, waivers, noon)
		if d := cmp.Diff(want, got); d != "" && len(want)+len(got) > 0 {
			t.Fatal(d)
		}
		if d := cmp.Diff(before, Conflicts(rules, f, waivers, noon)); d != "" {
			t.Fatalf("asking what would be changed what is:\n%s", d)
		}
		if len(got) > 0 {
			news++
		}
	})
	if news == 0 {
		t.Error("no run adds a conflict")
	}
}

// TestConflictsAreWhatTheRulesSay: an oracle that asks of every two duties of every
// two accounts.
func TestConflictsAreWhatTheRulesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, f := drawRules(t), drawFacts(t)
		want := make(map[string]bool)
		for _, r := range rules {
			for _, pair := range pairs(f, r.Hand) {
				l, rt := pair[0], pair[1]
				same := !r.SameObject || l.Object == rt.Object || l.Object == "" || rt.Object == ""
				if !r.Off && same && slices.Contains(r.Left, l.Duty) && slices.Contains(r.Right, rt.Duty) {
					want[unordered(r.ID, l, rt)] = true
				}
			}
		}
		got := make(map[string]bool)
		for _, c := range Conflicts(rules, f, nil, noon) {
			got[unordered(c.Rule, c.Left, c.Right)] = true
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

// pairs are every two different duties of one hand.
func pairs(f Facts, kind string) (out [][2]Held) {
	by, same := f.Identities, func(a, b string) bool { return a == b }
	if kind == HandPerson {
		by, same = f.Persons, func(a, b string) bool {
			return a == b || a+b == "ab" && f.Behind["a"] != "a" || a+b == "ba" && f.Behind["a"] != "a"
		}
	}
	for a, left := range by {
		for b, right := range by {
			for _, l := range left {
				for _, r := range right {
					if same(a, b) && l != r {
						out = append(out, [2]Held{l, r})
					}
				}
			}
		}
	}
	return out
}

func unordered(rule string, a, b Held) string {
	if compareHeld(a, b) > 0 {
		a, b = b, a
	}
	return fmt.Sprint(rule, a, b)
}

func TestTheOrderOfTheAnswerDoesNotDependOnTheOrderOfTheQuestion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules, f, waivers := drawRules(t), drawFacts(t), drawWaivers(t)
		want := Conflicts(rules, f, waivers, noon)
		if !slices.IsSortedFunc(want, compare) {
			t.Fatal("it is in no order")
		}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		shuffle := func(n int, swap func(i, j int)) { rng.Shuffle(n, swap) }
		shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
		shuffle(len(waivers), func(i, j int) { waivers[i], waivers[j] = waivers[j], waivers[i] })
		for _, held := range f.Persons {
			shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
		}
		if d := cmp.Diff(want, Conflicts(rules, f, waivers, noon)); d != "" {
			t.Fatal(d)
		}
	})
}
