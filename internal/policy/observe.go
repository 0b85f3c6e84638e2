package policy

import (
	"slices"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// CodeObserved is the code of a decision that was let through only because
// enforcement was switched off for a time: Would says what it would have been.
const CodeObserved = "observed"

// Observe answers a request in observe mode: what Decide denies for want of a
// permit, or by a forbid, is let through until a time, and marked. Nothing else
// is: a request that cannot be put to the rules, a forbid that cannot be
// evaluated and an obligation that is not met refuse as they always do, and
// obligations are asked also of what no rule permits: a prompt that must be
// redacted gets CodeRedact, and is asked about anew. So do a halted identity,
// what a body switches on without anybody knowing what it is (security S2), and
// what it would have Writ's own role fetch or run inside AWS (security S3).
//
// Like every Permit, the one that it mints covers one digest. It rests on no grant.
func (b *Bundle) Observe(r Request, until time.Time) Decision {
	d := b.Decide(r)
	if d.Code != CodeDefaultDeny && d.Code != CodeForbid || !observable(&r, d.Legs) {
		return d
	}
	h, err := b.hear(&r)
	if err != nil {
		return refused(err)
	}
	h.redaction()
	answer := h.legs()
	h.passOver()
	h.duties()
	if r.Operation.Generates() {
		h.release(answer, h.foreseen())
	}
	if len(h.unmet) > 0 { // which no mode passes over
		d.Reasons = unique(slices.Concat(d.Reasons, h.decision.Reasons), compareReasons)
		return d
	}
	h.passOver()
	if h.code() != CodePermit {
		return h.close(nil)
	}
	would, reasons := d.Code, d.Reasons
	d = h.close(nil)
	d.Code, d.Would, d.Reasons = CodeObserved, would, reasons
	d.Grants, d.Until = nil, until
	if h.redacting {
		d.Code = CodeRedact
		return d
	}
	d.Permit = mint(&h.r, nil, nil, until)
	d.Permit.observed = true
	return d
}

// passOver forgets what observe mode lets pass: that nothing permits, or that
// a rule forbids. A forbid that could not be evaluated it does not.
func (h *hearing) passOver() { h.denied, h.forbade = false, false }

// observable reports whether only the right to the models is missing.
func observable(r *Request, legs []LegDecision) bool {
	if r.Operation.Async() || r.Identity == nil || r.Identity.Current().Halted() || len(r.Caps.UnknownFields) > 0 {
		return false
	}
	return !slices.ContainsFunc(legs, func(l LegDecision) bool {
		k := l.Leg.Kind
		return !l.Allowed && k != rights.ProfileLeg && k != rights.GuardrailLeg && !modelLeg(k)
	})
}

// Observed reports whether the permit exists only because of observe mode: no
// rule permits the call.
func (p *Permit) Observed() bool { return p != nil && p.observed }
