package request

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	strict "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/rights"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return noon.Add(d) }

func person(name string) Party {
	return Party{Operator: name, Person: name + "@example.com", Via: "cli"}
}

func askGrant() Ask {
	return Ask{Grant: &GrantAsk{Identity: "bot", Entitlement: "chat", Duration: 8 * time.Hour}}
}

func stage(name string, edit func(*Stage)) Stage {
	s := Stage{Name: name, Approvers: []string{"role:approver"}, Needed: 1, Denials: 1, Eligible: []string{"ben", "cora", "eve"}}
	if edit != nil {
		edit(&s)
	}
	return s
}

func draft(t testing.TB, kind Kind, ask Ask) Request {
	t.Helper()
	r, err := New(kind, ask, person("ann"), Words{Justification: "the nightly report fails"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	r.ID = "req-1"
	return r
}

// submitted is a request for a grant that waits in the first of its stages for a week.
func submitted(t testing.TB, stages ...Stage) Request {
	t.Helper()
	r, err := draft(t, ForGrant, askGrant()).Submit(stages, nil, after(7*24*time.Hour), noon)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func yes(by string) Decision { return Decision{By: person(by), Verdict: Approve} }
func no(by string) Decision {
	return Decision{By: person(by), Verdict: Deny, Reason: "not for this purpose"}
}

func decide(t testing.TB, r Request, d Decision) Request {
	t.Helper()
	n, err := r.Decide(d, after(time.Hour))
	if err != nil {
		t.Fatalf("%s: %v", d.By.Operator, err)
	}
	return n
}

func TestARequestPassesItsStagesInOrder(t *testing.T) {
	r := submitted(t, stage("team", nil), stage("security", func(s *Stage) { s.Needed = 2 }))
	r = decide(t, r, yes("ben"))
	if r.State != InStage || r.Stage != 1 || !r.Since.Equal(after(time.Hour)) {
		t.Fatalf("after the first stage: %s %d since %v", r.State, r.Stage, r.Since)
	}
	d := yes("ben")
	d.Stage = 1
	r = decide(t, r, d)
	if r.State != InStage {
		t.Fatalf("one of two approvals makes it %s", r.State)
	}
	d = yes("cora")
	d.Stage, d.Reason = 1, "fine"
	r = decide(t, r, d)
	if r.State != Approved || r.Reason != "fine" || !r.Ended.Equal(after(time.Hour)) || r.Validate() != nil {
		t.Fatalf("it ends %s %q at %v: %v", r.State, r.Reason, r.Ended, r.Validate())
	}
	if d := cmp.Diff([]string{"ben", "cora"}, r.Approvers()); d != "" {
		t.Error(d)
	}
}

func TestDenialsEndARequest(t *testing.T) {
	r := submitted(t, stage("team", func(s *Stage) { s.Needed, s.Denials = 2, 2 }))
	r = decide(t, decide(t, r, no("ben")), yes("cora"))
	if r.State != InStage {
		t.Fatalf("one of two denials makes it %s", r.State)
	}
	if r = decide(t, r, no("eve")); r.State != Denied || r.Reason != "not for this purpose" {
		t.Errorf("it ends %s %q", r.State, r.Reason)
	}
}

func TestR1_NobodyDecidesOnTheirOwn(t *testing.T) {
	r := submitted(t, stage("team", nil))
	second := Party{Operator: "ann-admin", Person: "Ann@Example.com", Via: "api"}
	other := person("ben")
	for name, d := range map[string]Decision{
		"the account":          yes("ann"),
		"a second account":     {By: second, Verdict: Approve},
		"by denying":           no("ann"),
		"a deputy":             {By: other, For: &second, Verdict: Approve},
		"as somebody's deputy": {By: second, For: &other, Verdict: Approve},
		"the account renamed":  {By: Party{Operator: "ann", Person: "someone@example.com"}, Verdict: Approve},
	} {
		if _, err := r.Decide(d, noon); !errors.Is(err, ErrSelf) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestR17_WhoTookAnEmergencyDoesNotReviewIt(t *testing.T) {
	ask := Ask{Review: &ReviewAsk{Grant: "g", Identity: "bot", By: person("ann")}}
	r, err := New(ForReview, ask, Party{Operator: "writ", Via: "writ"}, Words{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	r.ID = "rev-1"
	nobody := stage("review", func(s *Stage) { s.Eligible = nil })
	if r, err = r.Submit([]Stage{nobody}, nil, time.Time{}, noon); err != nil {
		t.Fatalf("a review that nobody can close yet: %v", err)
	}
	if _, err := r.Decide(yes("ann"), noon); !errors.Is(err, ErrSelf) {
		t.Errorf("the taker closes it: %v", err)
	}
	if _, err := r.Cancel("never mind", noon); !errors.Is(err, ErrState) {
		t.Errorf("it is withdrawn: %v", err)
	}
	if n, changed := r.Tick(after(20 * 365 * 24 * time.Hour)); changed {
		t.Errorf("time makes it %s", n.State)
	}
	if r = decide(t, r, yes("ben")); r.State != Approved {
		t.Errorf("somebody else's judgement makes it %s", r.State)
	}
}

func TestR3_AProgramIsNotTheSoleApprover(t *testing.T) {
	r := submitted(t, stage("team", func(s *Stage) { s.Human = true }))
	bot := yes("bot-approver")
	bot.Automation = true
	if r = decide(t, r, bot); r.State != InStage {
		t.Fatalf("a program alone makes it %s", r.State)
	}
	if r = decide(t, r, yes("ben")); r.State != Approved {
		t.Errorf("with a human it is %s", r.State)
	}
}

func TestR4_ASubmissionThatTooFewCouldDecideIsRefused(t *testing.T) {
	two := stage("team", func(s *Stage) { s.Needed, s.Eligible = 2, []string{"ben"} })
	r := draft(t, ForGrant, askGrant())
	got, err := r.Submit([]Stage{two}, nil, after(time.Hour), noon)
	if !errors.Is(err, ErrNobody) || got.State != Draft {
		t.Errorf("%v, %s", err, got.State)
	}
}

func TestOnePersonHasOneVoiceInAStage(t *testing.T) {
	r := submitted(t, stage("team", func(s *Stage) { s.Needed = 3 }))
	cora := person("cora")
	r = decide(t, r, Decision{By: person("ben"), For: &cora, Verdict: Approve})
	for name, d := range map[string]Decision{
		"again":                     yes("ben"),
		"whom he stood in for":      yes("cora"),
		"by another account":        {By: Party{Operator: "ben2", Person: "BEN@example.com"}, Verdict: Approve},
		"by denying":                no("ben"),
		"by another deputy of hers": {By: person("eve"), For: &cora, Verdict: Approve},
	} {
		if _, err := r.Decide(d, noon); !errors.Is(err, ErrAlready) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTwoApproversAtOnceSeeOneStage(t *testing.T) {
	r := submitted(t, stage("team", nil), stage("security", nil))
	passed := decide(t, r, yes("ben"))
	if _, err := passed.Decide(yes("cora"), noon); !errors.Is(err, ErrStale) {
		t.Errorf("a decision on a stage that has passed: %v", err)
	}
}

func TestWhatIsOverStaysOver(t *testing.T) {
	withdrawn, err := submitted(t, stage("team", nil)).Cancel("no longer needed", noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func() (Request, error){
		"decide": func() (Request, error) { return withdrawn.Decide(yes("ben"), noon) },
		"cancel": func() (Request, error) { return withdrawn.Cancel("again", noon) },
		"fail":   func() (Request, error) { return withdrawn.Fail("gone", noon) },
		"void":   func() (Request, error) { return withdrawn.Void(nil, nil, "changed", noon) },
	} {
		if got, err := try(); !errors.Is(err, ErrOver) || cmp.Diff(withdrawn, got) != "" {
			t.Errorf("%s: %v, %s", name, err, got.State)
		}
	}
	if _, err := withdrawn.Submit(nil, nil, after(time.Hour), noon); !errors.Is(err, ErrOver) {
		t.Errorf("submit: %v", err)
	}
}

func TestADecisionAfterItsTimeIsNone(t *testing.T) {
	r := submitted(t, stage("team", nil))
	if _, err := r.Decide(yes("ben"), r.Expires); !errors.Is(err, ErrOver) {
		t.Errorf("at its expiry: %v", err)
	}
	r = submitted(t, stage("team", func(s *Stage) { s.Timeout = time.Hour }))
	if _, err := r.Decide(yes("ben"), after(time.Hour)); !errors.Is(err, ErrOver) {
		t.Errorf("at its stage's: %v", err)
	}
}

func TestTimeEscalatesAStageOnceAndThenEndsIt(t *testing.T) {
	r := submitted(t, stage("team", func(s *Stage) { s.Timeout, s.Escalate = time.Hour, []string{"role:auditor"} }))
	if _, changed := r.Tick(after(time.Hour - 1)); changed || !r.Due().Equal(after(time.Hour)) {
		t.Errorf("before its time; due %v", r.Due())
	}
	r, changed := r.Tick(after(time.Hour))
	if !changed || !r.Escalated || r.State != InStage || !r.Due().Equal(r.Expires) {
		t.Fatalf("at its time: %v %s, due %v", r.Escalated, r.State, r.Due())
	}
	if _, changed := r.Tick(after(2 * time.Hour)); changed {
		t.Error("it escalates twice")
	}
	r, changed = r.Tick(r.Expires)
	if !changed || r.State != Expired || !r.Due().IsZero() || r.Validate() != nil {
		t.Errorf("at its end: %s, %v", r.State, r.Validate())
	}
}

func TestAClockThatGoesBackEndsNothing(t *testing.T) {
	r := submitted(t, stage("team", func(s *Stage) { s.Timeout = time.Hour }))
	if n, changed := r.Tick(after(-24 * time.Hour)); changed {
		t.Errorf("it is %s", n.State)
	}
}

func TestS18_WhatChangedIsDecidedAnew(t *testing.T) {
	r := submitted(t, stage("team", nil), stage("security", nil))
	r = decide(t, r, yes("ben"))
	pins := map[string]string{"Entitlement/chat": strings.Repeat("ab", 32)}
	r, err := r.Void(nil, pins, "Entitlement/chat has changed", after(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if r.Stage != 0 || r.Round != 1 || r.Pins["Entitlement/chat"] == "" || len(r.Approvals()) != 0 || len(r.Decisions) != 1 {
		t.Errorf("stage %d round %d pins %v approvals %d", r.Stage, r.Round, r.Pins, len(r.Approvals()))
	}
	if _, err := r.Decide(yes("ben"), after(3*time.Hour)); !errors.Is(err, ErrStale) {
		t.Errorf("a decision of the round before: %v", err)
	}
	first, second := yes("ben"), yes("cora")
	first.Round, second.Round, second.Stage = 1, 1, 1
	if r = decide(t, decide(t, r, first), second); r.State != Approved || r.Validate() != nil {
		t.Errorf("it is %s: %v", r.State, r.Validate())
	}
}

func TestR10_AnApprovalGivesNoMoreThanWasAsked(t *testing.T) {
	ask := askGrant()
	ask.Grant.Narrow = &rights.Narrowing{Models: []string{"a", "b"}, MaxTokens: 1000}
	r, err := draft(t, ForGrant, ask).Submit([]Stage{stage("team", func(s *Stage) { s.Needed = 2 })}, nil, after(time.Hour*24), noon)
	if err != nil {
		t.Fatal(err)
	}
	longer, other, nothing := yes("ben"), yes("ben"), yes("cora")
	longer.Duration = 9 * time.Hour
	other.Narrow = &rights.Narrowing{Models: []string{"a", "c"}}
	for _, d := range []Decision{longer, other} {
		if _, err := r.Decide(d, noon); !errors.Is(err, ErrWider) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	less := yes("ben")
	less.Narrow, less.Duration = &rights.Narrowing{Models: []string{"b"}, NoTools: true, MaxTokens: 5000}, 2*time.Hour
	r = decide(t, r, less)
	nothing.Narrow = &rights.Narrowing{Models: []string{"a"}}
	if _, err := r.Decide(nothing, noon); !errors.Is(err, rights.ErrNothingLeft) {
		t.Errorf("two approvals of different things: %v", err)
	}
	r = decide(t, r, yes("cora"))
	narrow, d, err := r.Granted()
	want := &rights.Narrowing{Models: []string{"b"}, NoTools: true, MaxTokens: 1000}
	if diff := cmp.Diff(want, narrow); diff != "" || d != 2*time.Hour || err != nil {
		t.Errorf("granted for %v, %v:\n%s", d, err, diff)
	}
}

// TestAStatedSpendIsALimitOnceApproved: who approves may allow less, and not more.
func TestAStatedSpendIsALimitOnceApproved(t *testing.T) {
	figure := func(n int64) *int64 { return &n }
	for name, tc := range map[string]struct{ stated, asked, allowed, want *int64 }{
		"unstated":              {nil, nil, nil, nil},
		"stated":                {figure(200), nil, nil, figure(200)},
		"stated, and asked for": {figure(200), figure(100), nil, figure(100)},
		"less is allowed":       {figure(200), nil, figure(50), figure(50)},
		"more is not":           {figure(200), nil, figure(500), figure(200)},
		"unstated, but limited": {nil, nil, figure(50), figure(50)},
		"nothing":               {figure(0), nil, figure(50), figure(0)},
	} {
		ask := askGrant()
		ask.Grant.Narrow, ask.Grant.SpendUSD = nil, tc.stated
		if tc.asked != nil {
			ask.Grant.Narrow = &rights.Narrowing{SpendUSD: tc.asked}
		}
		r, err := draft(t, ForGrant, ask).Submit([]Stage{stage("team", func(*Stage) {})}, map[string]string{"a": strings.Repeat("00", 32)}, after(24*time.Hour), noon)
		if err != nil {
			t.Fatal(err)
		}
		d := yes("ben")
		if tc.allowed != nil {
			d.Narrow = &rights.Narrowing{SpendUSD: tc.allowed}
		}
		narrow, _, err := decide(t, r, d).Granted()
		if err != nil {
			t.Fatal(err)
		}
		var got *int64
		if narrow != nil {
			got = narrow.SpendUSD
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestR11_ARuleDecidesOnlyAtSubmission(t *testing.T) {
	r := submitted(t)
	ok, err := r.Automatic("low-tier", Approve, "low tier, short", noon)
	if err != nil || ok.State != Approved || ok.Validate() != nil {
		t.Fatalf("%s: %v", ok.State, err)
	}
	if _, d, _ := ok.Granted(); d != 8*time.Hour || ok.Approvers()[0] != "automatic:low-tier" {
		t.Errorf("granted for %v by %v", d, ok.Approvers())
	}
	if denied, err := r.Automatic("dev", Deny, "", noon); err != nil || denied.State != Denied || denied.Reason != `by the rule "dev"` {
		t.Errorf("%s %q: %v", denied.State, denied.Reason, err)
	}
	if _, err := submitted(t, stage("team", nil)).Automatic("low-tier", Approve, "", noon); !errors.Is(err, ErrState) {
		t.Errorf("past a stage: %v", err)
	}
	both := ok
	both.Decisions = append(both.Decisions, Decision{By: Party{Operator: "writ"}, Verdict: Deny, At: noon, Automatic: "dev"})
	if both.Validate() == nil {
		t.Error("one rule's approval stands against another's denial")
	}
	lift, err := draft(t, ForLift, Ask{Lift: &LiftAsk{Quarantine: "q", Target: rights.Target{Kind: rights.TargetModel, Name: "m"}}}).Submit(nil, nil, after(time.Hour), noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []Verdict{Approve, Deny} {
		if got, err := lift.Automatic("x", v, "", noon); err == nil {
			t.Errorf("a rule decides on the end of a quarantine: %s", got.State)
		}
	}
	self := yes("ben")
	self.Automatic = "made-up"
	if _, err := submitted(t, stage("team", nil)).Decide(self, noon); err == nil {
		t.Error("a person's decision passes for a rule's")
	}
}

func TestAnApprovalOfWhatCanNoLongerBeFails(t *testing.T) {
	r := submitted(t, stage("team", nil))
	got, err := r.DecideFailed(yes("ben"), "the identity is decommissioned", noon)
	if err != nil || got.State != Failed || len(got.Decisions) != 1 || got.Reason != "the identity is decommissioned" {
		t.Errorf("%s %q: %v", got.State, got.Reason, err)
	}
	if _, err := r.DecideFailed(no("ben"), "gone", noon); !errors.Is(err, ErrState) {
		t.Errorf("a denial: %v", err)
	}
	if _, _, err := got.Granted(); !errors.Is(err, ErrState) {
		t.Errorf("it grants: %v", err)
	}
}

func TestADenialNeedsAReason(t *testing.T) {
	d := no("ben")
	d.Reason = " \n"
	if _, err := submitted(t, stage("team", nil)).Decide(d, noon); !errors.Is(err, ErrReason) {
		t.Error(err)
	}
}

func TestTransitionsNeverChangeWhatTheyAreGiven(t *testing.T) {
	r := submitted(t, stage("team", func(s *Stage) { s.Needed = 3; s.Timeout, s.Escalate = time.Hour, []string{"anyone"} }))
	r = decide(t, r, Decision{By: person("eve"), Verdict: Approve, Narrow: &rights.Narrowing{Models: []string{"a"}}})
	before, _ := json.Marshal(r)
	_, _ = r.Decide(yes("ben"), noon)
	_, _ = r.Decide(yes("cora"), noon)
	_, _ = r.Void([]Stage{stage("other", nil)}, map[string]string{"a": strings.Repeat("00", 32)}, "x", noon)
	_, _ = r.Cancel("x", noon)
	r.Tick(after(2 * time.Hour))
	if now, _ := json.Marshal(r); string(now) != string(before) {
		t.Errorf("%s\nwas\n%s", now, before)
	}
}

func TestTwoStepsFromOneRequestAreApart(t *testing.T) {
	r := submitted(t, stage("team", func(s *Stage) { s.Needed = 9; s.Eligible = make([]string, 9) }))
	for _, who := range []string{"ben", "cora", "eve"} { // leaves room behind the last
		r = decide(t, r, yes(who))
	}
	one, other := decide(t, r, yes("ivo")), decide(t, r, yes("jan"))
	if one.Decisions[3].By.Operator != "ivo" || other.Decisions[3].By.Operator != "jan" {
		t.Errorf("they share %s and %s", one.Decisions[3].By.Operator, other.Decisions[3].By.Operator)
	}
}

func TestARequestReadsBackAsWritten(t *testing.T) {
	spend := int64(200)
	ask := askGrant()
	ask.Grant.SpendUSD, ask.Grant.Start, ask.Grant.Narrow = &spend, after(time.Hour), &rights.Narrowing{Regions: []string{"eu-central-1"}}
	r, err := draft(t, ForGrant, ask).Submit([]Stage{stage("team", func(s *Stage) { s.Timeout, s.Escalate = time.Hour, []string{"anyone"} })}, map[string]string{"a": strings.Repeat("00", 32)}, after(24*time.Hour), noon)
	if err != nil {
		t.Fatal(err)
	}
	d := yes("ben")
	d.Duration = time.Hour
	r, _ = r.Tick(after(2 * time.Hour))
	r = decide(t, r, d)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	back := Request{ID: r.ID}
	if err := strict.Unmarshal(text, &back, strict.RejectUnknownMembers(true), jsonv1.FormatDurationAsNano(true)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, back); d != "" || back.Validate() != nil {
		t.Errorf("%v\n%s", back.Validate(), d)
	}
}

func TestWire(t *testing.T) {
	want := map[State]string{
		Draft: "pending", Submitted: "pending", InStage: "pending", Approved: "approved", Denied: "denied",
		Expired: "expired", Cancelled: "cancelled", Failed: "failed", "unheard-of": "failed",
	}
	for s, w := range want {
		if got := Wire(s); got != w {
			t.Errorf("%s is %s on the wire, want %s", s, got, w)
		}
	}
	for _, s := range States {
		if _, ok := want[s]; !ok {
			t.Errorf("%s is not in the table", s)
		}
	}
}
