package request

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

func TestTextThatDeceivesIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"too long":        strings.Repeat("x", MaxText+1),
		"a megabyte":      strings.Repeat("ü", 1<<19),
		"not UTF-8":       "ab\xffcd",
		"escape":          "\x1b[2Japproved",
		"carriage return": "denied\rapproved",
		"NUL":             "a\x00b",
		"C1":              "a\u009bb",
		"override":        "safe \u202eevil",
		"isolate":         "safe \u2067evil",
		"paragraph":       "a\u2029b",
		"invisible tags":  "a\U000e0041b",
	} {
		if err := CheckText("justification", text); err == nil || !strings.HasPrefix(err.Error(), "justification: ") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := New(ForGrant, askGrant(), person("ann"), Words{Justification: text}, noon); err == nil {
			t.Errorf("%s: a request is made of it", name)
		}
		d := no("ben")
		d.Reason = text
		if _, err := submitted(t, stage("team", nil)).Decide(d, noon); err == nil {
			t.Errorf("%s: a decision is made of it", name)
		}
	}
}

func TestTextOfEveryLanguageIsAccepted(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("x", MaxText), "one\n\ttwo", "מבחן עברי", "العربية", "日本語のテスト", "नमस्ते", "👩‍💻 needs it", "'; DROP TABLE requests; --",
	} {
		if err := CheckText("justification", text); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func TestOneLineIsOneLine(t *testing.T) {
	if _, err := New(ForGrant, askGrant(), person("ann"), Words{Ticket: "OPS-1\nDenied"}, noon); err == nil {
		t.Error("a ticket of two lines is accepted")
	}
}

func TestAnAskIsOfItsKind(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	spec := json.RawMessage(`{}`)
	widens := []Widens{{Grant: "g", Cause: "Network/n", Text: "more addresses"}}
	minus := int64(-1)
	untold := int64(rights.MaxSpendUSD + 1)
	grant := func(edit func(*GrantAsk)) Ask { a := askGrant(); edit(a.Grant); return a }
	change := func(c Change) Ask { return Ask{Change: &ChangeAsk{Changes: []Change{c}, Widens: widens}} }
	waiver := func(edit func(*WaiverAsk)) Ask {
		w := &WaiverAsk{Rule: "approve-operate", Subject: "Operator/ann", Duration: time.Hour}
		edit(w)
		return Ask{Waiver: w}
	}
	for _, c := range []struct {
		name string
		kind Kind
		ask  Ask
		ok   bool
	}{
		{"grant", ForGrant, askGrant(), true},
		{"a later start", ForGrant, grant(func(a *GrantAsk) { a.Start = after(24 * time.Hour) }), true},
		{"nothing", ForGrant, Ask{}, false},
		{"two things", ForGrant, Ask{Grant: askGrant().Grant, Lift: &LiftAsk{}}, false},
		{"another kind", ForLift, askGrant(), false},
		{"no kind", "", askGrant(), false},
		{"no duration", ForGrant, grant(func(a *GrantAsk) { a.Duration = 0 }), false},
		{"for ever", ForGrant, grant(func(a *GrantAsk) { a.Duration = MaxLife + 1 }), false},
		{"a name that is none", ForGrant, grant(func(a *GrantAsk) { a.Identity = "' OR 1=1" }), false},
		{"no entitlement", ForGrant, grant(func(a *GrantAsk) { a.Entitlement = "" }), false},
		{"replaces what is no name", ForGrant, grant(func(a *GrantAsk) { a.Replaces = "A B" }), false},
		{"untold dollars", ForGrant, grant(func(a *GrantAsk) { a.SpendUSD = &untold }), false},
		{"minus dollars", ForGrant, grant(func(a *GrantAsk) { a.SpendUSD = &minus }), false},
		{"in two years", ForGrant, grant(func(a *GrantAsk) { a.Start = after(2 * MaxAhead) }), false},
		{"a bad narrowing", ForGrant, grant(func(a *GrantAsk) { a.Narrow = &rights.Narrowing{MaxTokens: -1} }), false},
		{"create", ForChange, change(Change{Op: "create", Kind: "Network", Name: "n", Spec: spec}), true},
		{"update", ForChange, change(Change{Op: "update", Kind: "Network", Name: "n", Spec: spec, Before: digest}), true},
		{"delete", ForChange, change(Change{Op: "delete", Kind: "Network", Name: "n", Before: digest}), true},
		{"create over something", ForChange, change(Change{Op: "create", Kind: "Network", Name: "n", Spec: spec, Before: digest}), false},
		{"update of nothing", ForChange, change(Change{Op: "update", Kind: "Network", Name: "n", Spec: spec}), false},
		{"delete with a spec", ForChange, change(Change{Op: "delete", Kind: "Network", Name: "n", Spec: spec, Before: digest}), false},
		{"another op", ForChange, change(Change{Op: "upsert", Kind: "Network", Name: "n", Spec: spec}), false},
		{"no digest", ForChange, change(Change{Op: "delete", Kind: "Network", Name: "n", Before: "yes"}), false},
		{"no name", ForChange, change(Change{Op: "create", Kind: "Network", Spec: spec}), false},
		{"no changes", ForChange, Ask{Change: &ChangeAsk{Widens: widens}}, false},
		{"nothing widened", ForChange, Ask{Change: &ChangeAsk{Changes: []Change{{Op: "create", Kind: "Network", Name: "n", Spec: spec}}}}, false},
		{"a widening without words", ForChange, Ask{Change: &ChangeAsk{Changes: []Change{{Op: "create", Kind: "Network", Name: "n", Spec: spec}}, Widens: []Widens{{Grant: "g"}}}}, false},
		{"lift", ForLift, Ask{Lift: &LiftAsk{Quarantine: "q", Target: rights.Target{Kind: rights.TargetModel, Name: "m"}}}, true},
		{"lift of nothing", ForLift, Ask{Lift: &LiftAsk{Quarantine: "q"}}, false},
		{"lift of a grant", ForLift, Ask{Lift: &LiftAsk{Quarantine: "q", Target: rights.Target{Kind: rights.TargetGrant, Name: "g"}}}, false},
		{"waiver", ForWaiver, waiver(func(*WaiverAsk) {}), true},
		{"waiver for a team", ForWaiver, waiver(func(w *WaiverAsk) { w.Subject = "Team/x" }), false},
		{"waiver for nobody", ForWaiver, waiver(func(w *WaiverAsk) { w.Subject = "Operator/" }), false},
		{"waiver for ever", ForWaiver, waiver(func(w *WaiverAsk) { w.Duration = 0 }), false},
		{"review", ForReview, Ask{Review: &ReviewAsk{Grant: "g", Identity: "bot", By: person("ann")}}, true},
		{"review of nobody", ForReview, Ask{Review: &ReviewAsk{Grant: "g", Identity: "bot"}}, false},
	} {
		_, err := New(c.kind, c.ask, person("ann"), Words{Justification: "because"}, noon)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestR17_AnEmergencyNeedsAJustification(t *testing.T) {
	ask := askGrant()
	ask.Grant.Emergency = true
	for _, words := range []Words{{}, {Justification: " \n"}} {
		if _, err := New(ForGrant, ask, person("ann"), words, noon); err == nil {
			t.Error("an emergency without a justification is accepted")
		}
	}
}

// TestAStateThatDoesNotFollowIsInvalid: what somebody wrote into a row is not
// believed for the word of its state.
func TestAStateThatDoesNotFollowIsInvalid(t *testing.T) {
	twice := stage("team", func(s *Stage) { s.Needed = 2 })
	waiting := decide(t, submitted(t, twice, stage("security", nil)), yes("ben"))
	approved := decide(t, submitted(t, stage("team", nil)), yes("ben"))
	for name, forge := range map[string]func() Request{
		"approved without approvals": func() Request { r := waiting; r.State, r.Ended = Approved, noon; return r },
		"approved by one voice twice": func() Request {
			r := submitted(t, twice)
			r.Decisions = []Decision{yes("ben"), yes("ben")}
			r.Decisions[0].At, r.Decisions[1].At = noon, noon
			r.State, r.Ended = Approved, noon
			return r
		},
		"approved by the requester":  func() Request { r := approved; r.Requester = person("ben"); return r },
		"approved in a round before": func() Request { r := approved; r.Round = 1; return r },
		"approved for longer": func() Request {
			r := approved
			r.Decisions = []Decision{yes("ben")}
			r.Decisions[0].At = noon
			r.Decisions[0].Duration = 9 * time.Hour
			return r
		},
		"a stage skipped":            func() Request { r := waiting; r.Stage = 1; return r },
		"a stage that is not there":  func() Request { r := waiting; r.Stage = 2; return r },
		"a negative stage":           func() Request { r := waiting; r.Stage = -1; return r },
		"denied without denials":     func() Request { r := waiting; r.State, r.Ended = Denied, noon; return r },
		"over without an end":        func() Request { r := approved; r.Ended = time.Time{}; return r },
		"an end and not over":        func() Request { r := waiting; r.Ended = noon; return r },
		"never submitted":            func() Request { r := waiting; r.Submitted = time.Time{}; return r },
		"a draft that was submitted": func() Request { r := waiting; r.State = Draft; return r },
		"without an end to wait for": func() Request { r := waiting; r.Expires = time.Time{}; return r },
		"no state":                   func() Request { r := waiting; r.State = ""; return r },
		"a decision of a round to come": func() Request {
			r := approved
			r.Decisions = append([]Decision(nil), r.Decisions...)
			r.Decisions[0].Round = 1
			return r
		},
		"a decision without a time": func() Request {
			r := approved
			r.Decisions = []Decision{yes("ben")}
			return r
		},
		"a decision on no stage": func() Request {
			r := approved
			d := yes("ben")
			d.At, d.Stage = noon, 7
			r.Decisions = append([]Decision{d}, r.Decisions...)
			return r
		},
		"a negative round": func() Request { r := waiting; r.Round, r.Decisions = -1, nil; return r },
		"decided as a draft": func() Request {
			r := approved
			r.State, r.Submitted, r.Ended = Draft, time.Time{}, time.Time{}
			return r
		},
		"a review that expired": func() Request {
			r := approved
			r.Kind, r.Ask, r.Expires, r.State = ForReview, Ask{Review: &ReviewAsk{Grant: "g", Identity: "bot", By: person("ann")}}, time.Time{}, Expired
			return r
		},
		"waiting without stages": func() Request { r := waiting; r.Stages, r.Decisions, r.Stage = nil, nil, 0; return r },
		"denied, and in the next stage": func() Request {
			r := waiting
			r.Decisions = append(append([]Decision(nil), r.Decisions...), yes("cora"), no("eve"))
			r.Decisions[1].At, r.Decisions[2].At = noon, noon
			r.Stage = 1
			return r
		},
		"approvals that leave nothing": func() Request {
			r := submitted(t, twice)
			r.Decisions = []Decision{yes("ben"), yes("cora")}
			r.Decisions[0].At, r.Decisions[1].At = noon, noon
			r.Decisions[0].Narrow, r.Decisions[1].Narrow = &rights.Narrowing{Models: []string{"a"}}, &rights.Narrowing{Models: []string{"b"}}
			r.State, r.Ended = Approved, noon
			return r
		},
		"a grant approved by no rule": func() Request { r := submitted(t); r.State, r.Ended = Approved, noon; return r },
		"created never":               func() Request { r := waiting; r.Created = time.Time{}; return r },
		"no name":                     func() Request { r := waiting; r.ID = ""; return r },
		"a pin that is no digest":     func() Request { r := waiting; r.Pins = map[string]string{"a": "b"}; return r },
		"two stages of one name": func() Request {
			return Request{ID: "r", Kind: ForGrant, Ask: askGrant(), Requester: person("ann"), Created: noon, Submitted: noon, Expires: noon, Since: noon, State: InStage, Stages: []Stage{stage("a", nil), stage("a", nil)}}
		},
		"a stage that needs nobody": func() Request {
			r := submitted(t, stage("team", nil))
			r.Stages = []Stage{stage("team", func(s *Stage) { s.Needed = 0 })}
			return r
		},
		"a selector that is none": func() Request {
			r := submitted(t, stage("team", nil))
			r.Stages = []Stage{stage("team", func(s *Stage) { s.Approvers = []string{"everyone"} })}
			return r
		},
	} {
		if r := forge(); r.Validate() == nil {
			t.Errorf("%s is valid", name)
		}
	}
	for _, r := range []Request{waiting, approved} {
		if err := r.Validate(); err != nil {
			t.Errorf("%s is not valid: %v", r.State, err)
		}
	}
}

func TestADecisionHasItsForm(t *testing.T) {
	r := submitted(t, stage("team", nil))
	ben := person("ben")
	for name, edit := range map[string]func(*Decision){
		"nobody":                   func(d *Decision) { d.By = Party{} },
		"nobody's account":         func(d *Decision) { d.By.Operator = "" },
		"an account of nobody":     func(d *Decision) { d.By.Person = "" },
		"in nobody's place":        func(d *Decision) { d.For = &Party{Operator: "ben"} },
		"in no account's place":    func(d *Decision) { d.For = &Party{Person: "ben@example.com"} },
		"no verdict":               func(d *Decision) { d.Verdict = "" },
		"a duration that is none":  func(d *Decision) { d.Duration = -1 },
		"a narrowing that is none": func(d *Decision) { d.Narrow = &rights.Narrowing{MaxTokens: -1} },
		"two lines of account":     func(d *Decision) { d.By.Operator = "a\nb" },
		"a long way":               func(d *Decision) { d.By.Via = strings.Repeat("x", 33) },
	} {
		d := Decision{By: person("cora"), Verdict: Approve}
		edit(&d)
		if got, err := r.Decide(d, noon); err == nil || got.State != InStage {
			t.Errorf("%s: %v, %s", name, err, got.State)
		}
	}
	lift, err := draft(t, ForLift, Ask{Lift: &LiftAsk{Quarantine: "q", Target: rights.Target{Kind: rights.TargetModel, Name: "m"}}}).Submit([]Stage{stage("a", nil)}, nil, after(time.Hour), noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lift.Decide(Decision{By: ben, Verdict: Approve, Narrow: &rights.Narrowing{NoTools: true}}, noon); err == nil {
		t.Error("the end of a quarantine is narrowed")
	}
	if _, err := lift.Decide(Decision{By: ben, Verdict: Approve, Duration: 1}, noon); err == nil {
		t.Error("the end of a quarantine is given for a time")
	}
}

func TestAStageHasItsForm(t *testing.T) {
	r := draft(t, ForGrant, askGrant())
	for name, edit := range map[string]func(*Stage){
		"no name":              func(s *Stage) { s.Name = "" },
		"a name of two lines":  func(s *Stage) { s.Name = "a\nb" },
		"no approvers":         func(s *Stage) { s.Approvers = nil },
		"nobody needed":        func(s *Stage) { s.Needed = 0 },
		"no denials":           func(s *Stage) { s.Denials = 0 },
		"a timeout before":     func(s *Stage) { s.Timeout = -1 },
		"a timeout for ever":   func(s *Stage) { s.Timeout = MaxLife + 1 },
		"a role that is none":  func(s *Stage) { s.Approvers = []string{"role:king"} },
		"escalation to no one": func(s *Stage) { s.Escalate = []string{""} },
	} {
		got, err := r.Submit([]Stage{stage("team", edit)}, nil, after(time.Hour), noon)
		if err == nil || got.State != Draft {
			t.Errorf("%s: %v, %s", name, err, got.State)
		}
	}
	for name, expires := range map[string]time.Time{"never": {}, "before now": after(-1), "now": noon} {
		if _, err := r.Submit([]Stage{stage("team", nil)}, nil, expires, noon); err == nil {
			t.Errorf("a request that ends %s is accepted", name)
		}
	}
	if _, err := r.Submit([]Stage{stage("team", nil)}, map[string]string{"": "x"}, after(time.Hour), noon); err == nil {
		t.Error("a pin without a digest is accepted")
	}
}

func TestAReviewDoesNotExpire(t *testing.T) {
	r := draft(t, ForReview, Ask{Review: &ReviewAsk{Grant: "g", Identity: "bot", By: person("ann")}})
	if _, err := r.Submit([]Stage{stage("review", nil)}, nil, after(time.Hour), noon); err == nil {
		t.Error("one that expires is accepted")
	}
	timed := stage("review", func(s *Stage) { s.Timeout = time.Hour })
	if _, err := r.Submit([]Stage{timed}, nil, time.Time{}, noon); err == nil {
		t.Error("one whose stage expires is accepted")
	}
	timed.Escalate = []string{"role:auditor"}
	r, err := r.Submit([]Stage{timed}, nil, time.Time{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if r, _ = r.Tick(after(time.Hour)); r.State != InStage || !r.Escalated {
		t.Errorf("after its timeout it is %s", r.State)
	}
}

func TestVoidingCanChangeTheStages(t *testing.T) {
	r := decide(t, submitted(t, stage("team", nil), stage("security", nil)), yes("ben"))
	strict := stage("board", func(s *Stage) { s.Needed = 2 })
	got, err := r.Void([]Stage{strict}, nil, "the entitlement asks for more", noon)
	if err != nil || len(got.Stages) != 1 || got.Stages[0].Name != "board" || got.Voided == "" || got.Validate() != nil {
		t.Errorf("%+v: %v, %v", got.Stages, err, got.Validate())
	}
	strict.Eligible = nil
	if got, err := r.Void([]Stage{strict}, nil, "x", noon); err == nil || got.Round != 0 {
		t.Errorf("stages that nobody can decide: %v", err)
	}
}
