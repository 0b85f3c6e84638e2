package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/rights"
)

// Decide answers a request: every leg must be allowed, and the release of the
// answer as far as it can be foreseen, since what could never be let out must
// not be asked for. A prompt that must be redacted first is decided on as it would
// be then, and gets no permit: CodeRedact. Callers must not change the decision's slices: like
// requests share them.
func (b *Bundle) Decide(r Request) Decision {
	if err := decidable(&r); err != nil {
		return refused(err)
	}
	before, c := b.recall(&r, b.roster.holder(r.Identity.ID))
	if before != nil {
		return before.again(&r)
	}
	d, answer := b.decideAnew(&r)
	c.keep(&r, d, answer)
	return d
}

// decideAnew works a decision out, and returns beside it the grants that may
// release the answer.
func (b *Bundle) decideAnew(r *Request) (Decision, []string) {
	h, err := b.hear(r)
	if err != nil {
		return refused(err), nil
	}
	h.redaction()
	answer := h.legs()
	if h.code() == CodePermit {
		h.duties()
	}
	if h.code() == CodePermit && r.Operation.Async() {
		h.detached(answer)
	}
	if h.code() == CodePermit && h.answers() {
		h.release(answer, h.foreseen())
	}
	return h.close(answer), answer
}

// answers reports whether the call asks a model for something.
func (h *hearing) answers() bool {
	return h.r.Operation.Generates() || h.r.Operation == bedrock.StartAsyncInvoke
}

// refused is the answer to a request that cannot be put to the rules.
func refused(err error) Decision {
	return Decision{Code: CodeInvalidRequest, Reasons: []Reason{{Policy: "writ", Effect: EffectDeny, Text: err.Error()}}}
}

// hearing is one request on its way through the rules.
type hearing struct {
	bundle *Bundle
	holder *holder // nil when the identity holds nothing
	r      Request
	facts  facts
	scene  scene
	self   [1]uid    // the identity with its ancestors: itself
	decide [2]*index // the rules of the decision: the bundle's, the holder's
	oblige [2]*index // and those of obligations
	rules  ruleList  // the slice for the question at hand
	room   [16]*rule // for rules, as long as they are not more
	limits limits

	decision  Decision
	redacting bool     // the prompt must be redacted before the call goes on
	unmet     []string // obligations that cannot be met
	denied    bool     // something was not permitted
	forbade   bool
	failed    bool // a forbid could not be evaluated
	// malformed is why a question did not conform to the schema.
	malformed error
}

// decidable reports why a request cannot be put to the rules, or nil.
func decidable(r *Request) error {
	switch {
	case r.Identity == nil:
		return errors.New("no identity")
	case r.Session.Identity != r.Identity.ID:
		return errors.New("the session is another identity's")
	case r.Now.IsZero() || r.Region == "" || len(r.Legs) == 0:
		return errors.New("time, region or legs are missing")
	case !r.Operation.Known():
		return fmt.Errorf("operation %q is not one that rules can speak about", r.Operation)
	}
	return nil
}

// hear checks that a request can be put to the rules, and prepares it.
func (b *Bundle) hear(r *Request) (*hearing, error) {
	if err := decidable(r); err != nil {
		return nil, err
	}
	f, err := factsOf(r, b.atlas)
	if err != nil {
		return nil, err
	}
	h := &hearing{bundle: b, r: *r, facts: f, holder: b.roster.holder(r.Identity.ID)}
	h.decide[0], h.oblige[0] = b.decide, b.oblige
	if h.holder != nil {
		h.decide[1], h.oblige[1] = h.holder.decide, h.holder.oblige
	}
	h.scene = scene{atlas: b.atlas, now: r.Now, principal: h.holder.principal(r.Identity)}
	h.self[0] = h.scene.principal.UID
	h.rules = h.room[:0]
	for i := range r.Legs {
		if _, _, err := h.subject(&r.Legs[i]); err != nil {
			return nil, fmt.Errorf("leg %d: %w", i+1, err)
		}
	}
	return h, nil
}

// legs asks about every leg, and returns the grants that permitted the
// resource the call names. Legs that no rule tells apart are asked about once.
func (h *hearing) legs() (answer []string) {
	named := h.facts.named(h.r.Legs)
	h.decision.Legs = make([]LegDecision, 0, len(h.r.Legs))
	var before *LegDecision // nil when a rule might tell it from the next
	for i := range h.r.Legs {
		l := &h.r.Legs[i]
		if before != nil && sameModel(&before.Leg, l) {
			h.decision.Legs = append(h.decision.Legs, LegDecision{Leg: *l, Allowed: before.Allowed, Reasons: before.Reasons})
			continue
		}
		q := h.query(l)
		h.gather(h.decide, &q)
		v := h.ask(h.prompted(q, l))
		allowed := h.weigh(v)
		partial := h.partial()
		if h.r.Operation.Async() {
			allowed = h.notForbidden(l) && allowed
			partial = partial || h.partial()
		}
		h.decision.Legs = append(h.decision.Legs, LegDecision{Leg: *l, Allowed: allowed, Reasons: addReasons(nil, v.reasons)})
		if allowed && l == named {
			answer = addGrants(nil, v.reasons)
		}
		if before = nil; !partial {
			before = &h.decision.Legs[i]
		}
	}
	return answer
}

// sameModel reports whether two legs of a call ask about one model, and so
// differ in nothing but context.leg.
func sameModel(a, b *rights.Leg) bool {
	return modelLeg(a.Kind) && modelLeg(b.Kind) && a.Model == b.Model
}

// partial reports whether a rule of the slice might tell legs apart that ask
// about one resource.
func (h *hearing) partial() bool {
	return slices.ContainsFunc(h.rules, func(r *rule) bool { return r.partial })
}

// prompted completes a question about a leg, once its rules are gathered.
func (h *hearing) prompted(q query, l *rights.Leg) query {
	if h.partial() {
		q.Context = h.facts.prompted(*l)
	} else {
		q.Context = h.facts.promptedAny(*l)
	}
	return q
}

// release asks whether an output may be let out, of the grants named.
func (h *hearing) release(grants []string, output dataclass.Label) {
	output = h.answerRedaction(grants, output)
	l := h.facts.named(h.r.Legs)
	q := h.query(l)
	q.Action = actRelease
	h.gatherOf(h.decide, &q, grants)
	q.Context = h.facts.answered(*l, h.bundle.atlas.records.content(output))
	h.weigh(h.ask(q))
}

// gatherOf gathers the rules of the grants named, and of no grant.
func (h *hearing) gatherOf(from [2]*index, q *query, grants []string) {
	h.gather(from, q)
	h.rules = slices.DeleteFunc(h.rules, func(r *rule) bool { return r.grant != nil && !slices.Contains(grants, r.grant.ID) })
}

// gather slices the rules whose head matches a question.
func (h *hearing) gather(from [2]*index, q *query) {
	resources := h.bundle.atlas.lineageOf(q.Resource)
	h.rules = from[0].slice(h.rules[:0], q, h.self[:], resources)
	h.rules = from[1].slice(h.rules, q, h.self[:], resources)
}

// ask puts a question to the rules gathered for it.
func (h *hearing) ask(q query) verdict {
	if !h.conforms(&q) {
		return verdict{}
	}
	return ask(h.rules, &h.scene, q)
}

// conforms checks a question against the schema (security S6).
func (h *hearing) conforms(q *query) bool {
	s := shape{action: q.Action, resource: q.Resource.Type, known: h.r.Origin.Addr.IsValid(), purpose: h.r.Asserted.Purpose != ""}
	if err := h.bundle.atlas.conforms(s, q); err != nil {
		h.malformed = err
		return false
	}
	return true
}

// query is a leg as Cedar's request, without its context.
func (h *hearing) query(l *rights.Leg) query {
	act, resource, _ := h.subject(l) // hear has checked every leg
	h.scene.brought = resource
	if s, ok := h.bundle.atlas.stageAt(resource.UID, h.r.Now); ok {
		h.limits.validation(s.until)
	}
	return query{Principal: h.scene.principal.UID, Action: act, Resource: resource.UID}
}

// weigh turns a verdict into facts of the decision.
func (h *hearing) weigh(v verdict) (allowed bool) {
	allowed = v.allowed
	for _, e := range v.errors {
		h.decision.Errors = append(h.decision.Errors, Failure{Policy: e.rule.id, Effect: e.rule.effect(), Message: e.message})
		if e.rule.forbid {
			h.failed, allowed = true, false
		}
	}
	h.forbade = h.forbade || slices.ContainsFunc(v.reasons, func(r *rule) bool { return r.forbid })
	if n := len(v.reasons); n > 0 && h.decision.Reasons == nil {
		h.decision.Reasons = make([]Reason, 0, n*(1+len(h.r.Legs))) // as many for the other legs and the answer
	}
	h.decision.Reasons = addReasons(h.decision.Reasons, v.reasons)
	if !allowed {
		h.denied = true
		return false
	}
	h.decision.Grants = addGrants(h.decision.Grants, v.reasons)
	h.limits.leg(v.reasons)
	return true
}

func addReasons(reasons []Reason, rules []*rule) []Reason {
	reasons = slices.Grow(reasons, len(rules))
	for _, r := range rules {
		reasons = append(reasons, r.reason())
	}
	return reasons
}

// duties asks the obligations for the legs that end at models, in a set of their
// own (security S8). One that fails to evaluate applies. What is to be redacted is
// settled before, and of the answer when there is one.
func (h *hearing) duties() {
	if !generating(h.r.Operation) {
		return // they are about an answer, and there is none
	}
	for _, name := range []string{ObligeGuardrail, ObligeHold, ObligeHoldAnswer} {
		if by := h.obliged(obligation(name)); len(by) > 0 {
			h.decision.Obligations = append(h.decision.Obligations, Obligation{Name: name, Policies: by})
		}
	}
	h.requireGuardrail()
	h.limitOutput()
}

// imposed asks one obligation for the legs that end at models.
func (h *hearing) imposed(action uid) (by []*rule) {
	var before *rights.Leg // nil when a rule might tell it from the next
	for i := range h.r.Legs {
		l := &h.r.Legs[i]
		if l.Kind != rights.ProfileLeg && !modelLeg(l.Kind) || before != nil && sameModel(before, l) {
			continue
		}
		q := h.query(l)
		q.Action = action
		h.gather(h.oblige, &q)
		if len(h.rules) > 0 {
			by = append(by, h.asked(h.prompted(q, l))...)
		}
		if before = nil; !h.partial() {
			before = l
		}
	}
	return by
}

// asked puts a question to the obligations gathered for it.
func (h *hearing) asked(q query) (imposed []*rule) {
	v := h.ask(q)
	imposed = append(imposed, v.reasons...)
	for _, e := range v.errors {
		imposed = append(imposed, e.rule)
		h.decision.Errors = append(h.decision.Errors, Failure{Policy: e.rule.id, Effect: EffectOblige, Message: e.message})
	}
	return imposed
}

// requireGuardrail settles the obligation to be guarded, which only the caller
// can meet: Writ adds nothing to a body. A call that meets it owes nothing
// more; one that does not is refused.
func (h *hearing) requireGuardrail() {
	i := slices.IndexFunc(h.decision.Obligations, func(o Obligation) bool { return o.Name == ObligeGuardrail })
	if i < 0 {
		return
	}
	if !guarded(h.r.Caps.Guardrail) {
		for _, id := range h.decision.Obligations[i].Policies {
			h.cannotMeet(id, "a guardrail is required: by ARN and numeric version, synchronous, over all content")
		}
	}
	h.decision.Obligations = slices.Delete(h.decision.Obligations, i, i+1)
}

// guarded reports whether a guardrail checks everything before it passes
// (security S4).
func guarded(g *bedrock.Guardrail) bool {
	return g != nil && strings.HasPrefix(g.ID, "arn:") && numeric(g.Version) && !g.Async && !g.Narrowed
}

// code is the answer so far.
func (h *hearing) code() string {
	switch {
	case h.malformed != nil:
		return CodeInvalidRequest
	case h.failed:
		return CodePolicyError
	case h.forbade:
		return CodeForbid
	case h.denied:
		return CodeDefaultDeny
	default:
		return CodePermit
	}
}

// close puts the decision in order, and mints the permit if there is to be one.
func (h *hearing) close(answer []string) Decision {
	if h.malformed != nil {
		return refused(h.malformed)
	}
	d := h.decision
	d.Code = h.code()
	d.Reasons = unique(d.Reasons, compareReasons)
	d.Errors = unique(d.Errors, compareFailures)
	d.Grants = unique(d.Grants, strings.Compare)
	if d.Code != CodePermit {
		d.Grants, d.Obligations = nil, nil
		return d
	}
	d.Until = h.limits.end()
	if h.redacting {
		d.Code = CodeRedact
		return d
	}
	d.Permit = mint(&h.r, d.Grants, answer, d.Until)
	return d
}

// mint makes the permit for a request that every rule allowed.
func mint(r *Request, grants, answer []string, until time.Time) *Permit {
	return &Permit{
		minted: true, digest: r.Digest, account: r.Account, region: r.Region,
		identity: r.Identity.ID, legs: r.Legs, grants: grants, answer: answer, until: until,
	}
}

// limits finds when an answer ends by itself.
type limits struct{ grants, validations time.Time }

// leg takes the grant that permits a leg for longest; a leg that a rule
// without a grant permits has no end.
func (l *limits) leg(permits []*rule) {
	var last time.Time
	for _, r := range permits {
		end := r.ends()
		if end.IsZero() {
			return
		}
		if end.After(last) {
			last = end
		}
	}
	l.grants = earlier(l.grants, last)
}

func (l *limits) validation(until time.Time) {
	if !until.Equal(forever) {
		l.validations = earlier(l.validations, until)
	}
}

func (l *limits) end() time.Time { return earlier(l.grants, l.validations) }

// earlier is the earlier of two ends; the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// addGrants appends the grants of rules that names does not hold yet.
func addGrants(names []string, rules []*rule) []string {
	for _, r := range rules {
		if r.grant != nil && !slices.Contains(names, r.grant.ID) {
			names = append(names, r.grant.ID)
		}
	}
	return names
}

func unique[T comparable](items []T, compare func(a, b T) int) []T {
	slices.SortFunc(items, compare)
	return slices.Compact(items)
}

func compareReasons(a, b Reason) int {
	return cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.Effect, b.Effect), strings.Compare(a.Text, b.Text))
}

func compareFailures(a, b Failure) int {
	return cmp.Or(strings.Compare(a.Policy, b.Policy), strings.Compare(a.Effect, b.Effect), strings.Compare(a.Message, b.Message))
}
