package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

// asynchronous adds the permits of asynchronous invocations: starting them
// where the entitlement names it, and then, or where it names those, reading
// and listing them. Reading one needs the right to its model as it stands now,
// and listing only who asks, from where and when.
func (t *template) asynchronous(p *plan, cat *bedrock.Catalogue) error {
	c := &t.ent.Conditions
	invocation := scope{op: scopeIs, typ: asyncType}
	where := append([]clause{accountClause(t.ent.Account)}, whereClauses(*c)...)
	if p.list {
		t.add([]uid{actListAsync}, invocation, where)
	}
	if !p.get {
		return nil
	}
	targets, err := targetsOf(t.ent.Models, cat)
	if err != nil {
		return err
	}
	t.add([]uid{actGetAsync}, invocation, where, aimedAt(targets))
	if p.start {
		t.starting(p, targets)
	}
	return nil
}

// starting adds the permits of StartAsyncInvoke: on the models, on the
// invocation, on where the answer goes, and on what else the body names.
func (t *template) starting(p *plan, targets []target) {
	c := &t.ent.Conditions
	prompted := append([]clause{accountClause(t.ent.Account)}, conditionClauses(*c)...)
	prompted = append(prompted, promptClauses(c.Data)...)
	for _, w := range targets {
		t.add([]uid{actStartAsync}, w.resource, prompted, w.clauses...)
	}
	prompted = append(slices.Clip(prompted), duringOne(bedrock.StartAsyncInvoke))
	aimed := append(slices.Clip(prompted), aimedAt(targets))
	t.add([]uid{actStartAsync}, scope{op: scopeIs, typ: asyncType}, aimed)
	t.add([]uid{actWriteObject}, scope{op: scopeIs, typ: objectType}, aimed, objectClause(c.Outputs))
	if p.tag {
		t.add([]uid{actTag}, scope{op: scopeIs, typ: asyncType}, aimed)
	}
	t.addUses(c, prompted, targets)
	t.addObligations(prompted, targets)
	t.addRedaction(append(append([]clause{accountClause(t.ent.Account)}, conditionClauses(*c)...), duringOne(bedrock.StartAsyncInvoke)), targets)
	if len(p.invoke) == 0 { // else they are there
		t.addReleases(targets)
	}
}

// checkOutputs refuses output locations that name less than a bucket.
func checkOutputs(listed []string) error {
	for _, item := range listed {
		prefix, _ := strings.CutSuffix(item, "*")
		rest, ok := strings.CutPrefix(prefix, "s3://")
		if bucket, _, slash := strings.Cut(rest, "/"); !ok || bucket == "" || !slash && prefix != item || strings.Contains(prefix, "*") {
			return fmt.Errorf("output %q: want s3://bucket/ and the beginning of a key, or a prefix of that ending in *", item)
		}
	}
	return nil
}

// detachedSubject is the subject of a leg that only asynchronous invocations have.
func (h *hearing) detachedSubject(l *rights.Leg) (act uid, resource entity, err error) {
	if l.Kind == rights.OutputLeg {
		_, path, ok := strings.Cut(l.Resource, ":s3:::")
		path, star := strings.CutSuffix(path, "*")
		if !ok || !star || path == "" {
			return act, resource, fmt.Errorf("%q is no S3 location to write to", l.Resource)
		}
		uri := newRecord(fields{"uri": textValue("s3://" + path)})
		return actWriteObject, entity{UID: newUID(objectType, l.Resource), Attributes: uri}, nil
	}
	act = action(string(h.r.Operation))
	if l.Kind == rights.TagLeg {
		act = actTag
	}
	tags := newRecord(fields{"tags": setValue(h.r.Caps.Tags)})
	return act, entity{UID: newUID(asyncType, l.Resource), Attributes: tags}, nil
}

// startedWith is the model and profile that a call speaks of without invoking
// them: those of the invocation that it names.
func startedWith(legs []rights.Leg) (model, profile string) {
	for i := range legs {
		if l := &legs[i]; l.Kind == rights.AsyncLeg && l.Model != "" {
			return l.Model, l.Profile
		}
	}
	return noModel, ""
}

// notForbidden asks about a model's leg of StartAsyncInvoke as InvokeModel,
// which is what IAM calls it, and lets only forbids count: a rule on Invoke
// reaches every way to invoke, also one that was not there when it was written.
func (h *hearing) notForbidden(l *rights.Leg) bool {
	if l.Kind != rights.ProfileLeg && !modelLeg(l.Kind) {
		return true
	}
	q := h.query(l)
	q.Action = actInvoke
	h.gather(h.decide, &q)
	h.rules = slices.DeleteFunc(h.rules, func(r *rule) bool { return !r.forbid })
	if len(h.rules) == 0 {
		return true
	}
	v := h.ask(h.prompted(q, l))
	if len(v.reasons) == 0 && len(v.errors) == 0 {
		return true
	}
	return h.weigh(verdict{reasons: v.reasons, errors: v.errors})
}

// detached refuses a call whose answer never passes here where the right to it
// has anything that only an answer could meet (security S3): rules on output,
// and holds. A limit in USD belongs here too once there are budgets: what an
// asynchronous invocation will cost cannot be bounded beforehand.
func (h *hearing) detached(grants []string) {
	q := h.query(h.facts.named(h.r.Legs))
	q.Action = actRelease
	h.gatherOf(h.decide, &q, grants)
	for _, r := range h.rules {
		named := r.forbid && r.head.action.op != scopeAny && !strings.HasPrefix(r.id, builtinName+"/")
		if named || r.grant == nil && r.output {
			h.cannotMeet(r.id, "it is a rule on output, and the answer would be written to S3 without passing here")
		}
	}
	for _, o := range h.decision.Obligations {
		if o.Name == ObligeHold || o.Name == ObligeHoldAnswer {
			h.cannotMeet(strings.Join(o.Policies, ", "), "it holds an answer that would be written to S3 without passing here")
		}
	}
	for _, g := range h.holder.held(grants) {
		if h.bundle.stamper.of(g).ent.Conditions.HoldsAnswers() {
			h.cannotMeet(grantPrefix+g.ID, "its entitlement holds answers or tool calls, or rules on what answers hold, and the answer would be written to S3 without passing here")
		}
	}
}

func (h *hearing) cannotMeet(policy, why string) {
	h.denied, h.forbade = true, true
	h.unmet = append(h.unmet, policy)
	h.decision.Reasons = append(h.decision.Reasons, Reason{Policy: policy, Effect: EffectUnmet, Text: why})
}

// held are the grants of these names. A nil holder has none.
func (h *holder) held(names []string) []*rights.Grant {
	if h == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(h.grants), func(g *rights.Grant) bool { return !slices.Contains(names, g.ID) })
}
