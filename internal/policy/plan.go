package policy

import (
	"fmt"
	"slices"

	"github.com/writ-project/writ/internal/bedrock"
)

// plan is what an entitlement's actions ask to be permitted.
type plan struct {
	invoke       []uid
	count, apply bool

	start, get, list, tag bool // asynchronous invocations
}

// planOf reads the entitlement's actions; none means both ways to invoke, and
// nothing else: what an entitlement gave before there were more actions, it
// gives after.
func planOf(names []string) (plan, error) {
	if len(names) == 0 {
		return plan{invoke: []uid{actInvoke, actInvokeStream}}, nil
	}
	var p plan
	for _, name := range names {
		switch a := action(name); a {
		case actInvoke, actInvokeStream:
			p.invoke = append(p.invoke, a)
		case actCountTokens:
			p.count = true
		case actApplyGuardrail:
			p.apply = true
		case actStartAsync:
			p.start, p.get, p.list = true, true, true
		case actGetAsync:
			p.get = true
		case actListAsync:
			p.list = true
		case actTag:
			p.tag = true
		default:
			return plan{}, fmt.Errorf("action %q: want one of %s", name, list(bedrock.Actions()))
		}
	}
	return p, nil
}

// during ties a permit to operations of a kind: what one call may make use of,
// a grant for another kind of call must not lend it (security S3).
func during(kind func(bedrock.Operation) bool) clause {
	var names []string
	for _, o := range bedrock.Operations() {
		if kind(o) {
			names = append(names, string(o))
		}
	}
	return onContext(textSet(names).Contains(at("request", "operation")), "must be one of "+list(names), "request", "operation")
}

func duringOne(op bedrock.Operation) clause {
	return during(func(o bedrock.Operation) bool { return o == op })
}

// counting adds the permits of CountTokens. It shows the model a prompt, so
// what an entitlement says of prompts, tools and places holds for it too; what
// it says of how a model is run (the length, tier and guarding of an answer)
// has nothing to hold for.
func (t *template) counting(cat *bedrock.Catalogue) error {
	targets, err := countedOf(t.ent.Models, cat)
	if err != nil {
		return err
	}
	c := t.ent.Conditions
	c.MaxTokens, c.ServiceTiers, c.Guardrails, c.RequireGuardrail = 0, nil, nil, false
	shared := append([]clause{accountClause(t.ent.Account)}, conditionClauses(c)...)
	t.addRedaction(append(slices.Clip(shared), duringOne(bedrock.CountTokens)), targets)
	prompted := append(slices.Clip(shared), promptClauses(c.Data)...)
	for _, w := range targets {
		t.add([]uid{actCountTokens}, w.resource, prompted, w.clauses...)
	}
	t.addUses(&c, append(slices.Clip(prompted), duringOne(bedrock.CountTokens)), targets)
	return nil
}

// countedOf is targetsOf for counting, which knows no profiles: one that is
// named stands for the models behind it.
func countedOf(names []string, cat *bedrock.Catalogue) ([]target, error) {
	var models []string
	for _, name := range names {
		if p, ok := cat.Profile(name); ok {
			models = append(models, p.Model)
			models = append(models, p.Routes...)
			continue
		}
		models = append(models, name)
	}
	slices.Sort(models)
	return targetsOf(slices.Compact(models), cat)
}

// applying adds the permit to have content checked by the entitlement's
// guardrails, outside any invocation. The guardrail is the resource, by ARN,
// however the caller named it.
func (t *template) applying() {
	c := t.ent.Conditions
	clauses := append([]clause{accountClause(t.ent.Account)}, whereClauses(c)...)
	clauses = append(clauses,
		within(c.Extras, "request", "extras"),
		within(c.UnknownFields, "request", "unknownFields"),
		duringOne(bedrock.ApplyGuardrail))
	clauses = append(clauses, promptClauses(c.Data)...)
	t.add([]uid{actApplyGuardrail}, scope{op: scopeIs, typ: guardrailType}, clauses, guardrailResource(c.Guardrails))
}
