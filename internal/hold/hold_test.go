package hold

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return noon.Add(d) }

func person(name string) request.Party {
	return request.Party{Operator: name, Person: name + "@example.com", Via: "cli"}
}

// payments are the calls of the tests: two that write, one with arguments that
// readers read differently, one that is no JSON.
func payments() []Asked {
	return []Asked{
		{Index: 0, ID: "use-0", Tool: "post_payment", Why: Write, Arguments: []byte(`{"amount": 900, "to": "DE1"}`)},
		{Index: 2, ID: "use-2", Tool: "send_mail", Why: Unknown, Arguments: []byte(`{}`)},
	}
}

// fataller is a test, or a course of one.
type fataller interface {
	Helper()
	Fatal(...any)
}

func opened(t fataller, terms rights.Hold, calls ...Asked) Hold {
	t.Helper()
	if len(calls) == 0 {
		calls = payments()
	}
	h, _, err := New(Opening{
		Identity: "bot", Model: "m", Operation: "Converse", Decision: "d1", Terms: Strictest([]Source{{"g", "e", terms}}), Calls: calls,
		Content: Content{Status: 200, Answer: []byte("{}")},
	}, noon)
	if err != nil {
		t.Fatal(err)
	}
	h.ID = "h1"
	return h
}

// all is a release of every call as it is.
func all(h Hold) (out []CallChoice) {
	for _, c := range h.Calls {
		out = append(out, CallChoice{Index: c.Index, Verdict: Release})
	}
	return out
}

func release(by string, choices []CallChoice) Decision {
	return Decision{By: person(by), Verdict: Release, Calls: choices}
}

func reject(by string) Decision {
	return Decision{By: person(by), Verdict: Reject, Reason: "not this one"}
}

func decided(t testing.TB, h Hold, d Decision, at time.Time) Hold {
	t.Helper()
	n, err := h.Decide(d, at)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOnePersonReleasesWhereOneIsNeeded(t *testing.T) {
	h := opened(t, rights.Hold{})
	n := decided(t, h, release("ben", all(h)), after(time.Minute))
	if n.State != Released || n.Calls[0].Verdict != Release || !slices.Equal(n.Approvers(), []string{"ben"}) || n.Ended != after(time.Minute) {
		t.Fatalf("%+v", n)
	}
	if err := n.Validate(); err != nil {
		t.Error(err)
	}
	if h.State != Pending || h.Calls[0].Verdict != "" {
		t.Error("the hold before has changed")
	}
	for name, d := range map[string]Decision{"again": release("cora", all(h)), "rejected after": reject("cora")} {
		if got, err := n.Decide(d, after(2*time.Minute)); !errors.Is(err, ErrOver) || cmp.Diff(n, got) != "" {
			t.Errorf("%s: %v, and is %s", name, err, got.State)
		}
	}
	if got, err := n.Withdraw("the grant has ended", after(time.Hour)); !errors.Is(err, ErrOver) || got.State != Released {
		t.Errorf("withdrawn after: %v", err)
	}
}

func TestTheInstantOfExpiryIsTooLate(t *testing.T) {
	h := opened(t, rights.Hold{Expires: identity.Duration(time.Hour)})
	for at, want := range map[time.Duration]error{time.Hour - 1: nil, time.Hour: ErrExpired, time.Hour + 1: ErrExpired} {
		n, err := h.Decide(release("ben", all(h)), after(at))
		if !errors.Is(err, want) || (n.State == Released) != (want == nil) {
			t.Errorf("a release at %v: %v, and is %s", at, err, n.State)
		}
		if _, err := h.Decide(reject("ben"), after(at)); !errors.Is(err, want) {
			t.Errorf("a rejection at %v: %v", at, err)
		}
	}
	if h.At(after(time.Hour-1)).State != Pending || h.At(after(time.Hour)).State != Expired {
		t.Error("it does not stand as its time says")
	}
	if _, err := h.Expire(after(time.Hour - 1)); err == nil {
		t.Error("it expires before its time")
	}
	n, err := h.Expire(after(2 * time.Hour))
	if err != nil || n.State != Expired || n.Ended != after(time.Hour) {
		t.Errorf("expired: %v, %s at %v", err, n.State, n.Ended)
	}
}

func TestOneRejectionRejectsAndSaysWhy(t *testing.T) {
	h := opened(t, rights.Hold{Needed: 3})
	h = decided(t, h, release("ben", all(h)), after(1))
	if _, err := h.Decide(Decision{By: person("cora"), Verdict: Reject, Reason: " "}, after(2)); !errors.Is(err, ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
	n := decided(t, h, reject("cora"), after(2))
	if n.State != Rejected || n.Reason != "not this one" || n.Calls[0].Verdict != "" || n.Approvers() != nil {
		t.Errorf("%+v", n)
	}
	if n = decided(t, h, reject("ben"), after(2)); n.State != Rejected {
		t.Error("who released it cannot think again")
	}
}

func TestTwoPeopleMustAgreeOnTheSame(t *testing.T) {
	h := opened(t, rights.Hold{Needed: 2})
	first := all(h)
	other := []CallChoice{{Index: 0, Verdict: Release}, {Index: 2, Verdict: Reject}}
	edited := func(text string) []CallChoice {
		return []CallChoice{{Index: 0, Verdict: Edit, Arguments: []byte(text)}, {Index: 2, Verdict: Release}}
	}
	h = decided(t, h, release("ben", first), after(1))
	if given, wanted := h.Given(); h.State != Pending || given != 1 || wanted != 2 {
		t.Fatalf("%s, %d of %d", h.State, given, wanted)
	}
	if _, err := h.Decide(release("ben", first), after(2)); !errors.Is(err, ErrAlready) {
		t.Errorf("twice by one: %v", err)
	}
	second := release("ben-2", first)
	second.By.Person = "Ben@Example.com"
	if _, err := h.Decide(second, after(2)); !errors.Is(err, ErrAlready) {
		t.Errorf("by one's second account: %v", err)
	}
	ben := person("ben")
	deputy := release("cora", first)
	deputy.For = &ben
	if _, err := h.Decide(deputy, after(2)); !errors.Is(err, ErrAlready) {
		t.Errorf("in the place of one who agreed: %v", err)
	}
	h = decided(t, h, release("cora", other), after(2))
	if given, _ := h.Given(); h.State != Pending || given != 1 || h.Round != 1 {
		t.Fatalf("after disagreeing: %s, %d agreed, round %d", h.State, given, h.Round)
	}
	h = decided(t, h, release("ben", edited(`{"to": "DE1", "amount": 90}`)), after(3))
	h = decided(t, h, release("cora", edited(`{"amount":91,"to":"DE1"}`)), after(4))
	if h.State != Pending {
		t.Fatal("two edits that differ release it")
	}
	h = decided(t, h, release("ben", edited("{\"amount\":91.0,\n \"to\":\"DE1\"}")), after(5))
	want, _ := Digest([]byte(`{"amount":91,"to":"DE1"}`))
	if h.State != Released || h.Calls[0].Verdict != Edit || h.Calls[0].Edited != want || h.Calls[1].Verdict != Release {
		t.Errorf("%+v", h)
	}
	if got := h.Approvers(); !slices.Equal(got, []string{"cora", "ben"}) {
		t.Errorf("released by %v", got)
	}
}

func TestAnEditThatChangesNothingIsARelease(t *testing.T) {
	h := opened(t, rights.Hold{})
	h = decided(t, h, release("ben", []CallChoice{{Index: 2, Verdict: Reject}, {Index: 0, Verdict: Edit, Arguments: []byte(`{"to":"DE1","amount":9e2}`)}}), after(1))
	if h.Calls[0].Verdict != Release || h.Calls[0].Edited != "" || h.Calls[1].Verdict != Reject {
		t.Errorf("%+v", h.Calls)
	}
}

func TestADecisionSpeaksOfEveryCallAndOfNoOther(t *testing.T) {
	h := opened(t, rights.Hold{})
	for name, choices := range map[string][]CallChoice{
		"of none":          nil,
		"of one":           {{Index: 0, Verdict: Release}},
		"of one twice":     {{Index: 0, Verdict: Release}, {Index: 0, Verdict: Release}},
		"of another":       {{Index: 0, Verdict: Release}, {Index: 1, Verdict: Release}},
		"of three":         {{Index: 0, Verdict: Release}, {Index: 2, Verdict: Release}, {Index: 3, Verdict: Release}},
		"all rejected":     {{Index: 0, Verdict: Reject}, {Index: 2, Verdict: Reject}},
		"another verdict":  {{Index: 0, Verdict: "yes"}, {Index: 2, Verdict: Release}},
		"an edit to none":  {{Index: 0, Verdict: Edit}, {Index: 2, Verdict: Release}},
		"an edit no JSON":  {{Index: 0, Verdict: Edit, Arguments: []byte("{")}, {Index: 2, Verdict: Release}},
		"a name twice":     {{Index: 0, Verdict: Edit, Arguments: []byte(`{"a":1,"a":2}`)}, {Index: 2, Verdict: Release}},
		"a figure rounded": {{Index: 0, Verdict: Edit, Arguments: []byte(`{"a":9007199254740993}`)}, {Index: 2, Verdict: Release}},
		"a huge edit":      {{Index: 0, Verdict: Edit, Arguments: []byte(`"` + strings.Repeat("x", MaxArguments) + `"`)}, {Index: 2, Verdict: Release}},
	} {
		if n, err := h.Decide(release("ben", choices), after(1)); err == nil || n.State != Pending {
			t.Errorf("%s: %v, and is %s", name, err, n.State)
		}
	}
}

func TestMalformedArgumentsAreNeverReleased(t *testing.T) {
	broken := Asked{Index: 0, Tool: "post_payment", Why: Malformed, Arguments: []byte(`{"amount": `)}
	odd := Asked{Index: 1, Tool: "post_payment", Why: Write, Arguments: []byte(`{"amount": 1, "amount": 2}`)}
	h := opened(t, rights.Hold{}, broken, odd)
	right := []byte(`{"amount":1}`)
	for name, choices := range map[string][]CallChoice{
		"no JSON released":      {{Index: 0, Verdict: Release}, {Index: 1, Verdict: Reject}},
		"no JSON edited":        {{Index: 0, Verdict: Edit, Arguments: right}, {Index: 1, Verdict: Reject}},
		"two readings released": {{Index: 0, Verdict: Reject}, {Index: 1, Verdict: Release}},
	} {
		if n, err := h.Decide(release("ben", choices), after(1)); !errors.Is(err, ErrMalformed) || n.State != Pending {
			t.Errorf("%s: %v", name, err)
		}
	}
	h = decided(t, h, release("ben", []CallChoice{{Index: 0, Verdict: Reject}, {Index: 1, Verdict: Edit, Arguments: right}}), after(1))
	if h.State != Released || h.Calls[1].Verdict != Edit {
		t.Errorf("two readings, edited to one: %+v", h)
	}
}

func TestAnEditOverAThresholdNeedsMorePeople(t *testing.T) {
	terms := rights.Hold{Thresholds: []rights.Threshold{{Tool: "post_payment", Argument: "/amount", Over: "1000", Needed: 2}}}
	h := opened(t, terms)
	if h.Needed != 1 {
		t.Fatalf("900 needs %d people", h.Needed)
	}
	more := []CallChoice{{Index: 0, Verdict: Edit, Arguments: []byte(`{"amount": 1000.01}`)}, {Index: 2, Verdict: Reject}}
	h = decided(t, h, release("ben", more), after(1))
	if given, wanted := h.Given(); h.State != Pending || wanted != 2 {
		t.Fatalf("edited to more it is %s, by %d of %d", h.State, given, wanted)
	}
	if h = decided(t, h, release("cora", more), after(2)); h.State != Released {
		t.Errorf("by two it is %s", h.State)
	}
}

func TestAThresholdCountsWhatItCannotCompareAsOver(t *testing.T) {
	over := func(arguments string) bool {
		list := []rights.Threshold{{Argument: "/pay/0/am~1ount", Over: "1000.50", Needed: 3}}
		return NeededFor(list, "any", []byte(arguments)) == 3
	}
	for arguments, want := range map[string]bool{
		`{"pay":[{"am/ount":1000.50}]}`: false, `{"pay":[{"am/ount":1000.51}]}`: true, `{"pay":[{"am/ount":1e3}]}`: false, `{"pay":[{"am/ount":1.1E+3}]}`: true,
		`{"pay":[{"am/ount":-5000}]}`: true, `{"pay":[{"am/ount":-5}]}`: false, `{"pay":[{"am/ount":0}]}`: false,
		`{"pay":[{"am/ount":"1000"}]}`: true, `{"pay":[{"am/ount":null}]}`: true, `{"pay":[{"am/ount":[1]}]}`: true,
		`{"pay":[{}]}`: true, `{"pay":[]}`: true, `{"pay":{"0":{"am/ount":1}}}`: false, `{}`: true, ``: true, `[`: true, `7`: true,
		`{"pay":[{"am/ount":1,"am/ount":9999}]}`: true, `{"pay":[{"am/ount":1e999999999}]}`: true, `{"pay":[{"am/ount":1e-999999999}]}`: true,
		`{"pay":[{"am/ount":1` + strings.Repeat("0", 5000) + `}]}`: true, `{"pay":[{"Am/ount":1}]}`: true,
	} {
		if got := over(arguments); got != want {
			t.Errorf("%.80s: over %v, want %v", arguments, got, want)
		}
	}
	if NeededFor([]rights.Threshold{{Tool: "a", Argument: "/x", Over: "1", Needed: 2}}, "b", nil) != 0 {
		t.Error("it counts for another tool")
	}
}

func TestTheStrictestTermsHold(t *testing.T) {
	d := func(d time.Duration) identity.Duration { return identity.Duration(d) }
	low := rights.Threshold{Argument: "/a", Over: "1", Needed: 2}
	got := Strictest([]Source{
		{"g1", "e1", rights.Hold{Mode: rights.HoldWait, Wait: d(40 * time.Second), Expires: d(2 * time.Hour), Receipt: d(time.Minute), Needed: 2, Thresholds: []rights.Threshold{low}}},
		{"g2", "e2", rights.Hold{Approvers: []string{"team:finance"}, Unknown: rights.UnknownRefuse, Thresholds: []rights.Threshold{low}}},
	})
	want := Terms{
		Mode: rights.HoldPending, Wait: 30 * time.Second, Expires: time.Hour, Receipt: time.Minute, Needed: 2, Unknown: rights.UnknownRefuse,
		Thresholds: []rights.Threshold{low}, Panels: []Panel{{"g1", "e1", []string{"role:approver"}}, {"g2", "e2", []string{"team:finance"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := Strictest([]Source{{"g", "e", rights.Hold{}}, {"g", "e", rights.Hold{}}}); len(got.Panels) != 1 {
		t.Errorf("one grant of two legs: %+v", got.Panels)
	}
	if got := Strictest(nil); got.Mode != rights.HoldPending || got.Needed != 1 || len(got.Panels) != 1 || got.Expires != time.Hour || got.Receipt != 15*time.Minute {
		t.Errorf("where nothing is said: %+v", got)
	}
	if got := Strictest([]Source{{Terms: rights.Hold{Mode: rights.HoldWait}}}); got.Mode != rights.HoldWait || got.Wait != 30*time.Second {
		t.Errorf("a call that may wait: %+v", got)
	}
}

func TestWhatCannotBeHeldIsAnError(t *testing.T) {
	call := func(edit func(*Asked)) []Asked { c := payments()[:1]; edit(&c[0]); return c }
	many := make([]Asked, MaxCalls+1)
	for i := range many {
		many[i] = Asked{Index: i, Tool: "t", Why: Write}
	}
	for name, o := range map[string]Opening{
		"nothing":          {},
		"too many calls":   {Calls: many},
		"a name no text":   {Calls: call(func(a *Asked) { a.Tool = "a\xff" })},
		"a name too long":  {Calls: call(func(a *Asked) { a.Tool = strings.Repeat("x", MaxName+1) })},
		"an id too long":   {Calls: call(func(a *Asked) { a.ID = strings.Repeat("x", MaxName+1) })},
		"no reason":        {Calls: call(func(a *Asked) { a.Why = "" })},
		"two at one place": {Calls: append(call(func(*Asked) {}), call(func(*Asked) {})...)},
		"before the first": {Calls: call(func(a *Asked) { a.Index = -1 })},
		"nobody's":         {Calls: payments(), Identity: "-"},
	} {
		if o.Identity == "" {
			o.Identity = "bot"
		} else {
			o.Identity = ""
		}
		o.Model, o.Operation, o.Decision, o.Terms = "m", "Converse", "d", Strictest(nil)
		if h, _, err := New(o, noon); err == nil {
			t.Errorf("%s is held: %+v", name, h)
		}
	}
}

func TestContentThatIsNotWhatTheHoldNamesIsRefused(t *testing.T) {
	o := Opening{Identity: "bot", Model: "m", Operation: "Converse", Decision: "d1", Terms: Strictest(nil), Calls: payments()}
	h, c, err := New(o, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.CheckContent(&c); err != nil {
		t.Fatal(err)
	}
	h = decided(t, h, release("ben", []CallChoice{{Index: 0, Verdict: Edit, Arguments: []byte(`{"amount":1}`)}, {Index: 2, Verdict: Release}}), after(1))
	if err := h.CheckContent(&c); err == nil {
		t.Error("an edited call without its edit is what was released")
	}
	c.Edited = map[int][]byte{0: []byte(`{"amount":1}`)}
	if err := h.CheckContent(&c); err != nil {
		t.Error(err)
	}
	c.Edited[0] = []byte(`{"amount":1000000}`)
	if err := h.CheckContent(&c); err == nil {
		t.Error("another edit is what was released")
	}
	c.Edited[0], c.Calls[2] = []byte(`{"amount":1}`), []byte(`{"to":"everybody"}`)
	if err := h.CheckContent(&c); err == nil || strings.Contains(err.Error(), "everybody") {
		t.Errorf("other arguments: %v", err)
	}
}
