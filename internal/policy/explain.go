package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// The words of an explanation's decision.
const (
	ExplainPermit = "permit" // also of a prompt that is redacted first: then the code and an obligation say so
	ExplainDeny   = "deny"
	ExplainHold   = "hold" // permitted, and a human must release the answer or its tool calls
)

// Explanation says what would be decided, and why. Its JSON is a contract that
// scripts rely on.
type Explanation struct {
	Decision    string         `json:"decision"`
	Code        string         `json:"code"`
	Legs        []ExplainedLeg `json:"legs"`
	Reasons     []Reason       `json:"reasons"`
	Obligations []Obligation   `json:"obligations"`
	Grant       string         `json:"grant,omitempty"` // the grant it rests on; the first by name if several
	Errors      []Failure      `json:"errors,omitempty"`
	Until       time.Time      `json:"until,omitzero"`
}

// ExplainedLeg is one leg of an explanation.
type ExplainedLeg struct {
	rights.Leg
	Allowed bool     `json:"allowed"`
	Reasons []Reason `json:"reasons,omitempty"`
}

// Explain decides a request as Decide does, and on a refusal adds what each
// grant of the identity lacked. It is for operators: a caller must not see it
// (security S20).
func (b *Bundle) Explain(r Request) Explanation {
	d := b.Decide(r)
	e := Explanation{
		Decision: ExplainDeny, Code: d.Code, Errors: d.Errors, Until: d.Until,
		Legs: []ExplainedLeg{}, Reasons: append([]Reason{}, d.Reasons...), Obligations: append([]Obligation{}, d.Obligations...),
	}
	for _, l := range d.Legs {
		e.Legs = append(e.Legs, ExplainedLeg{Leg: l.Leg, Allowed: l.Allowed, Reasons: l.Reasons})
	}
	if d.Code == CodePermit || d.Code == CodeRedact {
		e.Decision = ExplainPermit
		for _, o := range d.Obligations {
			if o.Name == ObligeHold || o.Name == ObligeHoldAnswer {
				e.Decision = ExplainHold
			}
		}
		if len(d.Grants) > 0 {
			e.Grant = d.Grants[0]
		}
		return e
	}
	if d.Code != CodeInvalidRequest {
		e.Reasons = append(e.Reasons, b.nearMisses(&r, &d)...)
	}
	return e
}

// nearMisses says, for every leg that no rule permitted, which condition of
// which permit did not hold; and the same for the release of the answer when
// only that was refused.
func (b *Bundle) nearMisses(r *Request, d *Decision) []Reason {
	h, err := b.hear(r)
	if err != nil {
		return nil
	}
	h.redaction()
	var out []Reason
	legsAllowed := true
	for _, l := range d.Legs {
		if !l.Allowed && !forbidden(l.Reasons) {
			q := h.query(&l.Leg)
			q.Context = h.facts.prompted(l.Leg)
			out = append(out, h.missed(q)...)
		}
		legsAllowed = legsAllowed && l.Allowed
	}
	if l := h.facts.named(r.Legs); h.answers() && legsAllowed && d.Code == CodeDefaultDeny {
		q := h.query(l)
		q.Action, q.Context = actRelease, h.facts.answered(*l, b.atlas.records.content(h.foreseen()))
		out = append(out, h.missed(q)...)
	}
	return unique(out, compareReasons)
}

func forbidden(reasons []Reason) bool {
	return slices.ContainsFunc(reasons, func(r Reason) bool { return r.Effect == EffectForbid })
}

// missed explains one question that no rule answered with a permit.
func (h *hearing) missed(q query) []Reason {
	h.gather(h.decide, &q)
	var out []Reason
	for _, r := range h.rules {
		if !r.forbid {
			out = append(out, h.failing(r, q)...)
		}
	}
	if len(out) == 0 {
		out = append(out, Reason{Policy: "default", Effect: EffectDeny, Text: h.unheld(q)})
	}
	return out
}

// failing lists the conditions of a rule that do not hold.
func (h *hearing) failing(r *rule, q query) []Reason {
	var out []Reason
	for _, c := range r.clauses {
		ok, err := holds(c.node, &h.scene, q)
		if err != nil || !ok {
			out = append(out, Reason{Policy: r.id, Effect: EffectNearMiss, Text: h.tell(c, q, err)})
		}
	}
	return out
}

// tell says what a clause found and what it wants.
func (h *hearing) tell(c clause, q query, err error) string {
	switch {
	case err != nil:
		return "cannot be evaluated: " + err.Error()
	case len(c.path) == 0:
		return "does not hold: " + c.text
	}
	return fmt.Sprintf("%s is %s: it %s", strings.Join(c.path, "."), h.found(c.path, q), c.text)
}

// found is the value at a path, as Cedar writes it.
func (h *hearing) found(path []string, q query) string {
	root := q.Context
	switch path[0] {
	case "principal":
		root = h.scene.principal.Attributes
	case "resource":
		root = h.scene.brought.Attributes
	}
	return lookup(root, path[1:])
}

// unheld says that nothing the identity holds is about the resource.
func (h *hearing) unheld(q query) string {
	what := fmt.Sprintf("%s on %s", q.Action.ID, q.Resource)
	if h.holder == nil {
		return "the identity holds no grant; nothing permits " + what
	}
	names := make([]string, 0, len(h.holder.grants))
	for _, g := range h.holder.grants {
		if h.bundle.stamper.of(g) != nil {
			names = append(names, g.ID)
		}
	}
	if len(names) == 0 {
		return "no grant of the identity is in force; nothing permits " + what
	}
	return "nothing permits " + what + "; the identity's grants are about other things: " + list(names)
}
