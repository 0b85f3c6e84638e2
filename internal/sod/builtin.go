package sod

import (
	"maps"
	"slices"
)

// Builtin are the rules that hold in every installation, by name. An installation
// changes one with a rule of its own of the same name, or switches it off so.
func Builtin() []Rule { return slices.Concat(ofPersons(), ofIdentities()) }

// InForce lays an organisation's rules over the built-in ones, by name, and leaves
// out what is off.
func InForce(own []Rule) []Rule {
	by := make(map[string]Rule)
	for _, r := range slices.Concat(Builtin(), own) {
		by[r.ID] = r
	}
	var out []Rule
	for _, id := range slices.Sorted(maps.Keys(by)) {
		if !by[id].Off {
			out = append(out, by[id])
		}
	}
	return out
}

func ofPersons() []Rule {
	invoking := []Duty{Own, Invoke}
	rules := []Rule{
		{ID: "administer-approve", Title: "who configures Writ does not approve", Left: []Duty{Administer}, Right: []Duty{Approve}, Severity: "high", Prevent: true},
		{ID: "approve-operate", Title: "who approves rights does not operate them", Left: []Duty{Approve}, Right: []Duty{Operate}, Severity: "high", Prevent: true},
		{ID: "approve-own", Title: "who approves does not answer for the identity (a decision on one's own is refused in any case)", Left: []Duty{Approve}, Right: []Duty{Own}, Severity: "medium", SameObject: true},
		{ID: "attest-change", Title: "who vouches for a model does not change it", Left: []Duty{Attest}, Right: []Duty{ChangeModel}, Severity: "medium", SameObject: true},
		{ID: "attest-own", Title: "who vouches for a model does not answer for an identity that uses it", Left: []Duty{Attest}, Right: []Duty{Own}, Severity: "high", Prevent: true, SameObject: true},
		{ID: "break-glass-review", Title: "who takes an emergency does not review it (closing one's own is refused in any case)", Left: []Duty{BreakGlass}, Right: []Duty{ReviewBreakGlass}, Severity: "medium", SameObject: true},
		{ID: "change-guardrail-invoke", Title: "who changes guardrails does not invoke through them", Left: []Duty{ChangeGuardrail}, Right: invoking, Severity: "high", Prevent: true},
		{ID: "change-logging-invoke", Title: "who changes logging does not do what is logged", Left: []Duty{ChangeLogging}, Right: invoking, Severity: "high", Prevent: true},
		{ID: "change-model-invoke", Title: "who changes models does not invoke them", Left: []Duty{ChangeModel}, Right: invoking, Severity: "high", Prevent: true},
		{ID: "change-path-invoke", Title: "who changes how callers are known does not call", Left: []Duty{ChangeBinding, ChangeProxy}, Right: invoking, Severity: "high", Prevent: true},
		{ID: "edit-approve", Title: "who writes a rule does not approve by it (by whoever wrote it last, that is refused in any case)", Left: []Duty{EditPolicy, EditEntitlement}, Right: []Duty{Approve}, Severity: "medium", SameObject: true},
		{ID: "edit-policy-own", Title: "who writes a rule is not approved by it", Left: []Duty{EditPolicy, EditEntitlement}, Right: []Duty{Own}, Severity: "high", Prevent: true, SameObject: true},
		{ID: "hold-own", Title: "who releases an answer does not answer for who asked (a release of one's own is refused in any case)", Left: []Duty{ReleaseHold}, Right: []Duty{Own}, Severity: "medium", SameObject: true},
		{ID: "key-create-use", Title: "who creates a Bedrock API key is not its only user", Left: []Duty{CreateBedrockKey}, Right: []Duty{UseBedrockKey}, Severity: "high", SameObject: true},
		{ID: "prompt-edit-publish", Title: "who edits a prompt, flow or agent does not publish it", Left: []Duty{EditPrompt}, Right: []Duty{PublishPrompt}, Severity: "medium", SameObject: true},
		{ID: "raise-budget-spend", Title: "who raises a budget does not spend it", Left: []Duty{RaiseBudget}, Right: []Duty{Spend}, Severity: "high", Prevent: true, SameObject: true},
	}
	return held(HandPerson, rules)
}

func ofIdentities() []Rule {
	return held(HandIdentity, []Rule{
		{ID: "identity-change-invoke", Title: "what invokes does not change models, guardrails or logging", Left: []Duty{ChangeModel, ChangeGuardrail, ChangeLogging}, Right: []Duty{Invoke}, Severity: "high", Prevent: true},
		{ID: "identity-invoke-write-back", Title: "what invokes does not write back to the system of record", Left: []Duty{Invoke}, Right: []Duty{WriteBack}, Severity: "high", Prevent: true},
		{ID: "identity-key-create-use", Title: "what creates a Bedrock API key is not its only user", Left: []Duty{CreateBedrockKey}, Right: []Duty{UseBedrockKey}, Severity: "high", SameObject: true},
		{ID: "identity-prompt-edit-publish", Title: "what edits a prompt, flow or agent does not publish it", Left: []Duty{EditPrompt}, Right: []Duty{PublishPrompt}, Severity: "medium", SameObject: true},
		{ID: "identity-raise-budget-spend", Title: "what raises a budget does not spend it", Left: []Duty{RaiseBudget}, Right: []Duty{Spend}, Severity: "high", Prevent: true, SameObject: true},
	})
}

func held(hand string, rules []Rule) []Rule {
	for i := range rules {
		rules[i].Hand = hand
	}
	return rules
}
