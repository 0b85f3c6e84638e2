package main

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/request"
)

// heldView is a hold of two calls, of which Alex edited the first.
func heldView(t *testing.T) governance.HoldView {
	t.Helper()
	less := []byte(`{"amount":1}`)
	digest, err := hold.Digest(less)
	if err != nil {
		t.Fatal(err)
	}
	return governance.HoldView{
		ID: "h1", Version: 7, Given: 1, Wanted: 2, Shown: true, May: []string{"decide"}, Eligible: []string{"sam"},
		Hold: hold.Hold{
			Identity: "payer", State: hold.Pending, Needed: 2,
			Calls: []hold.Call{{Index: 0, Tool: "post_payment", Why: hold.Write, Digest: "d"}, {Index: 2, Tool: "wire", Why: hold.Malformed}},
			Decisions: []hold.Decision{{By: request.Party{Operator: "alex", Person: "alex"}, Verdict: hold.Release, Calls: []hold.CallChoice{
				{Index: 0, Verdict: hold.Edit, Edited: digest}, {Index: 2, Verdict: hold.Reject},
			}}},
		},
		Asked: []governance.CallView{
			{Index: 0, Tool: "post_payment", Why: hold.Write, Raw: []byte(`{"amount":9}`), Agreed: less, Arguments: []string{"{", "}"}},
			{Index: 2, Tool: "wire", Why: hold.Malformed, Raw: []byte(`{`)},
		},
	}
}

func TestAReleaseJoinsWhatOthersAgreedOn(t *testing.T) {
	v := heldView(t)
	joined := standingChoices(&v)
	want := []api.CallDecision{{Index: 0, Verdict: hold.Edit, Arguments: []byte(`{"amount":1}`)}, {Index: 2, Verdict: hold.Reject}}
	if diff := cmp.Diff(want, joined); diff != "" {
		t.Error(diff)
	}
	if !sameAs(&v, joined) {
		t.Error("it is not what the others agreed on")
	}
	v.Decisions = nil
	if diff := cmp.Diff([]api.CallDecision{{Index: 0, Verdict: hold.Release}, {Index: 2, Verdict: hold.Release}}, standingChoices(&v)); diff != "" {
		t.Errorf("before anybody has: %s", diff)
	}
}

func TestCallsThatAreNotNamedAreRejected(t *testing.T) {
	v := heldView(t)
	got, err := chosen(&v, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]api.CallDecision{{Index: 0, Verdict: hold.Release}, {Index: 2, Verdict: hold.Reject}}, got); diff != "" {
		t.Error(diff)
	}
	if text := choicesShown(&v, &api.HoldDecision{Verdict: hold.Release, Calls: got}); !strings.Contains(text, "call 2: wire: reject") || !strings.Contains(text, "count no more") {
		t.Errorf("it is shown as %q", text)
	}
	if _, err := chosen(&v, []int{1}); err == nil {
		t.Error("a call that does not wait was chosen")
	}
}

func TestAHoldSaysWhatCannotBecomeOfACall(t *testing.T) {
	v := heldView(t)
	v.Calls[0].Digest = ""
	text := shownHold(t, &v)
	for _, want := range []string{"state  waits, 1 of 2 have agreed, for sam", "you ", "may decide", "it can only be edited or rejected", "it can only be rejected", "releases  alex at"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func shownHold(t testing.TB, v *governance.HoldView) string {
	var b strings.Builder
	if err := printHold(&b, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNothingShownMovesTheCursor: whatever a model, a caller or another decider
// wrote, what is printed has no control and no invisible character, and no line
// that is not where it was put.
func TestNothingShownMovesTheCursor(t *testing.T) {
	hostile := rapid.StringOf(rapid.SampledFrom([]rune("a\x1b[2J\r\n\t\u202e\u200b\u0085\u2028\ufffdя")))
	rapid.Check(t, func(r *rapid.T) {
		v := heldView(t)
		text := func(name string) string { return hostile.Draw(r, name) }
		v.State, v.Reason, v.WhyNot, v.May = hold.Pending, text("reason"), text("why"), nil
		v.Decisions[0].Reason, v.Calls[0].Tool, v.Asked[0].Tool, v.Calls[0].Why = text("word"), text("tool"), text("asked"), text("held")
		v.Model, v.Kind, v.Answer = text("model"), text("kind"), text("answer")
		v.Rights = []governance.HoldRight{{Approvers: []string{text("approver")}}}
		v.Shown = rapid.Bool().Draw(r, "shown")
		shown := shownHold(t, &v)
		for _, c := range shown {
			if c != '\n' && !unicode.IsPrint(c) {
				r.Fatalf("%U is printed: %q", c, shown)
			}
		}
		plain := heldView(t)
		plain.May, plain.Shown, plain.Rights, plain.Answer = nil, v.Shown, []governance.HoldRight{{}}, strings.Repeat("\n", strings.Count(v.Answer, "\n"))
		if v.Answer != "" && plain.Answer == "" {
			plain.Answer = "x"
		}
		if got, want := strings.Count(shown, "\n"), strings.Count(shownHold(t, &plain), "\n"); got != want {
			r.Fatalf("%d lines, want %d: %q", got, want, shown)
		}
	})
}

func TestEditedArgumentsAreJSONThatEverybodyReadsAlike(t *testing.T) {
	for given, good := range map[string]bool{
		` {"a": 1}`: true, `{}`: true, `{"a":1,"a":2}`: false, `{"a":9007199254740993}`: false, `{"a"`: false, `no-such-file.json`: false, ``: false,
	} {
		if _, err := argumentsIn(given); (err == nil) != good {
			t.Errorf("%q: %v", given, err)
		}
	}
}
