package sod

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func has(duties ...Duty) (out []Held) {
	for _, d := range duties {
		out = append(out, Held{Duty: d})
	}
	return out
}

func over(d Duty, object string) Held { return Held{Duty: d, Object: object} }

// brief says a conflict in a line.
func brief(all []Conflict) []string {
	var out []string
	for _, c := range all {
		line := c.Subject + " " + c.Rule + ": " + string(c.Left.Duty) + " " + c.Left.Object + " + " + string(c.Right.Duty) + " " + c.Right.Object
		if c.Waiver != "" {
			line += " waived by " + c.Waiver
		}
		out = append(out, line)
	}
	return out
}

func find(f Facts, waivers ...Waiver) []Conflict { return Conflicts(Builtin(), f, waivers, noon) }

// TestEveryPairIsFound: one for each of the pairs that must not meet, by the rule
// that says so.
func TestEveryPairIsFound(t *testing.T) {
	for _, c := range []struct {
		hand        string
		left, right Duty
		rule        string
		prevent     bool
	}{
		{HandPerson, ChangeModel, Own, "change-model-invoke", true},
		{HandPerson, ChangeModel, Invoke, "change-model-invoke", true},
		{HandPerson, ChangeGuardrail, Own, "change-guardrail-invoke", true},
		{HandPerson, ChangeLogging, Own, "change-logging-invoke", true},
		{HandPerson, ChangeBinding, Own, "change-path-invoke", true},
		{HandPerson, ChangeProxy, Invoke, "change-path-invoke", true},
		{HandPerson, Approve, Operate, "approve-operate", true},
		{HandPerson, Approve, Own, "approve-own", false},
		{HandPerson, Administer, Approve, "administer-approve", true},
		{HandPerson, EditPolicy, Own, "edit-policy-own", true},
		{HandPerson, EditEntitlement, Own, "edit-policy-own", true},
		{HandPerson, EditPolicy, Approve, "edit-approve", false},
		{HandPerson, RaiseBudget, Spend, "raise-budget-spend", true},
		{HandPerson, EditPrompt, PublishPrompt, "prompt-edit-publish", false},
		{HandPerson, CreateBedrockKey, UseBedrockKey, "key-create-use", false},
		{HandPerson, BreakGlass, ReviewBreakGlass, "break-glass-review", false},
		{HandPerson, Attest, ChangeModel, "attest-change", false},
		{HandPerson, Attest, Own, "attest-own", true},
		{HandPerson, ReleaseHold, Own, "hold-own", false},
		{HandIdentity, ChangeModel, Invoke, "identity-change-invoke", true},
		{HandIdentity, ChangeGuardrail, Invoke, "identity-change-invoke", true},
		{HandIdentity, ChangeLogging, Invoke, "identity-change-invoke", true},
		{HandIdentity, Invoke, WriteBack, "identity-invoke-write-back", true},
		{HandIdentity, RaiseBudget, Spend, "identity-raise-budget-spend", true},
		{HandIdentity, EditPrompt, PublishPrompt, "identity-prompt-edit-publish", false},
		{HandIdentity, CreateBedrockKey, UseBedrockKey, "identity-key-create-use", false},
	} {
		f := Facts{Identities: map[string][]Held{"x": has(c.left, c.right)}}
		if c.hand == HandPerson {
			f = Facts{Persons: map[string][]Held{"x": has(c.left, c.right)}}
		}
		got := find(f)
		if len(got) != 1 || got[0].Rule != c.rule || got[0].Prevent != c.prevent || got[0].Left.Duty != c.left || got[0].Right.Duty != c.right {
			t.Errorf("%s with %s and %s: %q, want %s", c.hand, c.left, c.right, brief(got), c.rule)
		}
	}
}

func TestDutiesOfOneAreNoConflict(t *testing.T) {
	for _, d := range Duties {
		f := Facts{
			Persons:    map[string][]Held{"x": {over(d, "Model/a"), over(d, "Model/b")}},
			Identities: map[string][]Held{"x": {over(d, "Model/a"), over(d, "Model/b")}},
		}
		if got := find(f); len(got) > 0 {
			t.Errorf("%s alone: %q", d, brief(got))
		}
	}
}

func TestDutiesOfDifferentHandsDoNotMeet(t *testing.T) {
	f := Facts{
		Persons:    map[string][]Held{"ann": has(Approve), "ben": has(Operate)},
		Identities: map[string][]Held{"ann": has(Operate, Approve)},
	}
	if got := find(f); len(got) > 0 {
		t.Errorf("%q", brief(got))
	}
}

func TestR1_APersonIsOneHandByAllAccounts(t *testing.T) {
	f := Facts{
		Persons: map[string][]Held{"ben": has(Approve), "ops-ben": has(Operate)},
		Behind:  map[string]string{"ben": "Ben@example.com", "ops-ben": "ben@example.com", "a-ben": "ben@example.com"},
	}
	want := []string{"Operator/a-ben approve-operate: approve  + operate "}
	if d := cmp.Diff(want, brief(find(f))); d != "" {
		t.Error(d)
	}
}

func TestSameObject(t *testing.T) {
	for _, c := range []struct {
		left, right string
		meet        bool
	}{
		{"Identity/a", "Identity/a", true},
		{"Identity/a", "Identity/b", false},
		{"", "Identity/b", true}, // everything
		{"Identity/a", "", true},
	} {
		f := Facts{Persons: map[string][]Held{"ben": {over(Approve, c.left), over(Own, c.right)}}}
		if got := find(f); (len(got) > 0) != c.meet {
			t.Errorf("approving for %q and answering for %q: %q", c.left, c.right, brief(got))
		}
	}
	f := Facts{Persons: map[string][]Held{"ben": {over(ChangeModel, "Model/a"), over(Own, "Identity/b")}}}
	if got := find(f); len(got) != 1 {
		t.Errorf("a rule about any two finds %q", brief(got))
	}
}

func TestAWaiverExcusesUntilItExpires(t *testing.T) {
	f := Facts{
		Persons: map[string][]Held{"ben": has(Approve, Operate), "ops-ben": nil, "ann": has(Approve, Operate)},
		Behind:  map[string]string{"ben": "ben@example.com", "ops-ben": "ben@example.com"},
	}
	waiver := func(edit func(*Waiver)) Waiver {
		w := Waiver{ID: "w", Rule: "approve-operate", Subject: "Operator/ben", Approvers: []string{"ann"}, From: noon.Add(-time.Hour), Expires: noon.Add(time.Hour)}
		edit(&w)
		return w
	}
	same := func(*Waiver) {}
	for name, c := range map[string]struct {
		edit    func(*Waiver)
		excused bool
	}{
		"as it is":                    {same, true},
		"by another account":          {func(w *Waiver) { w.Subject = "Operator/ops-ben" }, true},
		"expired":                     {func(w *Waiver) { w.Expires = noon }, false},
		"to come":                     {func(w *Waiver) { w.From = noon.Add(1) }, false},
		"of another rule":             {func(w *Waiver) { w.Rule = "approve-own" }, false},
		"of an identity of that name": {func(w *Waiver) { w.Subject = "Identity/ben" }, false},
		"of nobody":                   {func(w *Waiver) { w.Subject = "ben" }, false},
		"approved by the subject":     {func(w *Waiver) { w.Approvers = []string{"ann", "ops-ben"} }, false},
	} {
		got := find(f, waiver(c.edit))
		if len(got) != 2 || got[0].Waiver != "" || (got[1].Waiver == "w") != c.excused {
			t.Errorf("a waiver %s: %q", name, brief(got))
		}
		want := 2
		if c.excused {
			want = 1
		}
		if p := Preventing(got); len(p) != want {
			t.Errorf("a waiver %s: %q stand in the way", name, brief(p))
		}
	}
	two := []Waiver{waiver(func(w *Waiver) { w.ID = "z" }), waiver(func(w *Waiver) { w.ID = "a" })}
	if got := find(f, two...); got[1].Waiver != "a" {
		t.Errorf("of two waivers %q is named", got[1].Waiver)
	}
}

func TestAWaivedDetectiveRuleIsNotPreventing(t *testing.T) {
	f := Facts{Persons: map[string][]Held{"ben": has(Approve, Own)}}
	if got := find(f); len(got) != 1 || Preventing(got) != nil {
		t.Errorf("%q", brief(got))
	}
}

func TestWouldNamesOnlyWhatIsNew(t *testing.T) {
	f := Facts{
		Persons: map[string][]Held{"ben": {over(ChangeModel, ""), over(Own, "Identity/a")}, "ann": has(Approve, Operate)},
		Behind:  map[string]string{"ben": "ben@example.com", "ben2": "ben@example.com"},
	}
	got := Would(Builtin(), f, []Hand{
		{Kind: HandPerson, Name: "ben2", Held: over(Own, "Identity/b")},
		{Kind: HandPerson, Name: "ben", Held: over(Own, "Identity/a")}, // has it
		{Kind: HandIdentity, Name: "b", Held: over(Invoke, "")},
	}, nil, noon)
	want := []string{"Operator/ben change-model-invoke: change_model  + own Identity/b"}
	if d := cmp.Diff(want, brief(got)); d != "" {
		t.Error(d)
	}
}

func TestWouldOfTwoAddedDutiesTogether(t *testing.T) {
	got := Would(Builtin(), Facts{}, []Hand{
		{Kind: HandIdentity, Name: "bot", Held: over(Invoke, "")}, {Kind: HandIdentity, Name: "bot", Held: over(WriteBack, "")},
	}, nil, noon)
	if len(got) != 1 || got[0].Subject != "Identity/bot" {
		t.Errorf("%q", brief(got))
	}
}

func TestAskingLeavesTheFactsAsTheyAre(t *testing.T) {
	list := []Held{over(WriteBack, ""), over(Invoke, "Model/b"), over(Spend, "kept")}
	f := Facts{Identities: map[string][]Held{"bot": list[:2]}}
	Would(Builtin(), f, []Hand{{Kind: HandIdentity, Name: "bot", Held: over(Invoke, "Model/a")}}, nil, noon)
	Conflicts(Builtin(), f, nil, noon)
	if d := cmp.Diff([]Held{over(WriteBack, ""), over(Invoke, "Model/b"), over(Spend, "kept")}, list); d != "" {
		t.Error(d)
	}
}

func TestAnOrganisationsRulesLieOverTheBuiltIn(t *testing.T) {
	mine := Rule{ID: "mine", Title: "ours", Left: []Duty{Request}, Right: []Duty{Administer}, Hand: HandPerson, Severity: "low"}
	softer := Builtin()[0]
	softer.Prevent = false
	got := InForce([]Rule{mine, softer, {ID: "approve-operate", Off: true}, {ID: "unheard-of", Off: true}})
	by := make(map[string]Rule)
	for _, r := range got {
		by[r.ID] = r
	}
	if len(got) != len(Builtin()) || by["mine"].Title != "ours" || by[softer.ID].Prevent || by["approve-operate"].ID != "" {
		t.Errorf("%d rules of %d: %+v", len(got), len(Builtin()), by)
	}
	if !slices.IsSortedFunc(got, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("they are in no order")
	}
	off := []Rule{{ID: "x", Left: []Duty{Approve}, Right: []Duty{Operate}, Hand: HandPerson, Off: true}}
	if got := Conflicts(off, Facts{Persons: map[string][]Held{"b": has(Approve, Operate)}}, nil, noon); got != nil {
		t.Errorf("a rule that is off finds %q", brief(got))
	}
}

func TestARuleWithBothDutiesOnBothSidesFindsAPairOnce(t *testing.T) {
	r := []Rule{{ID: "r", Left: []Duty{Approve, Operate}, Right: []Duty{Approve, Operate}, Hand: HandPerson}}
	if got := Conflicts(r, Facts{Persons: map[string][]Held{"b": has(Approve, Operate)}}, nil, noon); len(got) != 1 {
		t.Errorf("%q", brief(got))
	}
}

func TestWhatCannotBeKnownIsNeverSilentlyClean(t *testing.T) {
	got := make(map[string]Gap)
	f := Facts{Unknown: Unseen(), Persons: map[string][]Held{"ann": has(ChangeModel)}}
	for _, g := range NotEvaluable(InForce(nil), f) {
		got[g.Rule+" "+string(g.Duty)] = g
	}
	for key, whole := range map[string]bool{
		"identity-invoke-write-back write_back": true,
		"key-create-use use_bedrock_key":        true,
		"change-model-invoke change_model":      false, // somebody is known to
		"identity-change-invoke change_logging": true,
		"change-path-invoke change_proxy":       false, // bindings are known
		"prompt-edit-publish publish_prompt":    true,
	} {
		g, found := got[key]
		if !found || g.Whole != whole || g.Reason == "" || g.Title == "" {
			t.Errorf("%s: %+v", key, g)
		}
	}
	for _, known := range []string{"approve-operate approve", "approve-operate operate", "hold-own own", "hold-own release_hold", "raise-budget-spend raise_budget", "raise-budget-spend spend"} {
		if g, found := got[known]; found {
			t.Errorf("%s is said to be unknown: %+v", known, g)
		}
	}
	if gaps := NotEvaluable([]Rule{{ID: "x", Left: []Duty{Spend}, Off: true}}, f); gaps != nil {
		t.Errorf("a rule that is off has gaps: %+v", gaps)
	}
}

func TestWhatIsOnlyPartlyKnownIsStillFound(t *testing.T) {
	f := Facts{Unknown: Unseen(), Identities: map[string][]Held{"bot": has(Invoke, WriteBack)}}
	if got := find(f); len(got) != 1 {
		t.Errorf("%q", brief(got))
	}
}

func TestBuiltinRulesAreRules(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range Builtin() {
		if err := r.Validate(); err != nil || seen[r.ID] {
			t.Errorf("%s, twice %v: %v", r.ID, seen[r.ID], err)
		}
		seen[r.ID] = true
	}
	Builtin()[0].Left[0] = "changed"
	if Builtin()[0].Left[0] == "changed" {
		t.Error("a caller can change the built-in rules")
	}
}

func TestRuleValidate(t *testing.T) {
	good := Rule{ID: "r", Title: "t", Left: []Duty{Approve}, Right: []Duty{Operate}, Hand: HandPerson, Severity: "low"}
	for name, edit := range map[string]func(*Rule){
		"name":     func(r *Rule) { r.ID = "R 1" },
		"title":    func(r *Rule) { r.Title = "" },
		"left":     func(r *Rule) { r.Left = nil },
		"duty":     func(r *Rule) { r.Right = []Duty{"aprove"} },
		"hand":     func(r *Rule) { r.Hand = "team" },
		"severity": func(r *Rule) { r.Severity = "bad" },
	} {
		r := good
		if edit(&r); r.Validate() == nil {
			t.Errorf("a rule with a bad %s is valid", name)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	if err := (&Rule{ID: "approve-operate", Off: true}).Validate(); err != nil {
		t.Errorf("switching off: %v", err)
	}
}

func TestWaiverValidate(t *testing.T) {
	good := Waiver{ID: "w", Rule: "r", Subject: "Operator/ben", Reason: "small team", Approvers: []string{"ann"}, Request: "q", From: noon, Expires: noon.Add(time.Hour)}
	for name, edit := range map[string]func(*Waiver){
		"name":      func(w *Waiver) { w.ID = "" },
		"rule":      func(w *Waiver) { w.Rule = "" },
		"subject":   func(w *Waiver) { w.Subject = "" },
		"reason":    func(w *Waiver) { w.Reason = "" },
		"approvers": func(w *Waiver) { w.Approvers = nil },
		"request":   func(w *Waiver) { w.Request = "" },
		"from":      func(w *Waiver) { w.From = time.Time{} },
		"expires":   func(w *Waiver) { w.Expires = noon },
	} {
		w := good
		if edit(&w); w.Validate() == nil {
			t.Errorf("a waiver with a bad %s is valid", name)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}
