package policy

import (
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

var tomorrow = noon.Add(24 * time.Hour)

func (w *testWorld) observes(b *Bundle, r Request, would string) Decision {
	w.t.Helper()
	if d := b.Decide(r); d.Code != would || d.Permit != nil {
		w.t.Errorf("Decide says %s with permit %v, want %s", d.Code, d.Permit != nil, would)
	}
	d := b.Observe(r, tomorrow)
	if d.Code != CodeObserved || d.Would != would || !d.Permit.Covers(r.Digest) || !d.Permit.Observed() {
		w.t.Errorf("code %s, would %s, observed %v; reasons %v", d.Code, d.Would, d.Permit.Observed(), d.Reasons)
	}
	if !d.Until.Equal(tomorrow) || d.Grants != nil {
		w.t.Errorf("until %v on grants %v", d.Until, d.Grants)
	}
	return d
}

func (w *testWorld) refusesToObserve(b *Bundle, r Request) {
	w.t.Helper()
	if d := b.Observe(r, tomorrow); d.Permit != nil || d.Code == CodePermit || d.Code == CodeObserved {
		w.t.Errorf("let through as %s, would %s; reasons %v", d.Code, d.Would, d.Reasons)
	}
}

func TestObserveLetsDenialsThroughAndMarksThem(t *testing.T) {
	w := newTestWorld(t)
	w.observes(w.bundle(), w.call(haiku), CodeDefaultDeny)
	w.observes(w.bundle(), w.call(sonnetUS), CodeDefaultDeny)
	w.may("chat", rights.Conditions{}, haiku).rule("org", `@id("shared") forbid (principal, action, resource) when { principal.shared };`)
	b := w.bundle()
	d := w.observes(b, w.call(haiku, func(r *Request) { r.Identity.Shared = true }), CodeForbid)
	if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Policy == "org/shared" && r.Effect == EffectForbid }) {
		t.Errorf("what would have denied is not told: %v", d.Reasons)
	}
	out := newTestWorld(t).may("draw", rights.Conditions{}, reel)
	out.observes(out.bundle(), out.call(reel), CodeDefaultDeny) // its answer may not be released

	r := w.call(haiku)
	if d := b.Observe(r, tomorrow); d.Code != CodePermit || d.Would != "" || d.Permit == nil || d.Permit.Observed() || !d.Until.Equal(noon.Add(time.Hour)) {
		t.Errorf("a call that is granted: %s, would %s", d.Code, d.Would)
	}
}

func TestObservedPermitCoversOneCall(t *testing.T) {
	w := newTestWorld(t)
	p := w.bundle().Observe(w.call(haiku), tomorrow).Permit
	if p.Covers(Digest{2}) || p.Covers(Digest{}) {
		t.Error("the permit covers another call")
	}
	if (&Permit{}).Covers(Digest{}) || (&Permit{}).Observed() || (*Permit)(nil).Observed() {
		t.Error("the zero permit covers something")
	}
}

// Observe mode passes over the right to a model, and over nothing else.
func TestObserveRefusesEverythingElse(t *testing.T) {
	w := newTestWorld(t)
	b := w.bundle()
	for name, change := range map[string]func(*Request){
		"no identity":        func(r *Request) { r.Identity = nil },
		"quarantined":        func(r *Request) { r.Identity.State = identity.Quarantined },
		"decommissioned":     func(r *Request) { r.Identity.State = identity.Decommissioned },
		"another's session":  func(r *Request) { r.Session.Identity = "other" },
		"no legs":            func(r *Request) { r.Legs = nil },
		"an unknown leg":     func(r *Request) { r.Legs[0].Kind = "surprise" },
		"unknown fields":     func(r *Request) { r.Caps.UnknownFields = []string{"surprise"} },
		"a malformed prompt": func(r *Request) { r.Operation = "Surprise" },
	} {
		t.Run(name, func(t *testing.T) { w.refusesToObserve(b, w.call(haiku, change)) })
	}
	for name, caps := range map[string]bedrock.Capabilities{
		"a system tool": {SystemTools: []string{"nova_grounding"}},
		"an object":     {S3: []string{"s3://bucket/key"}},
	} {
		t.Run(name, func(t *testing.T) { w.refusesToObserve(b, w.callWith(haiku, caps)) })
	}
}

func TestObserveNeverPassesOverAnError(t *testing.T) {
	w := newTestWorld(t)
	for _, head := range []string{anyHead, `principal, action == Writ::Action::"Release", resource`} {
		w.refusesToObserve(failing(t, w.bundle(), "broken/1", "forbid", head), w.call(haiku))
	}
}

// What is imposed on a call is imposed on one that no rule permits, too.
func TestObserveKeepsObligations(t *testing.T) {
	for _, o := range []string{ObligeHold, ObligeHoldAnswer} {
		w := newTestWorld(t).rule("org", `permit (principal, action == Writ::Action::"oblige:`+o+`", resource);`)
		if d := w.bundle().Observe(w.call(haiku), tomorrow); !slices.Equal(obligationNames(d), []string{o}) {
			t.Errorf("obligations %v, want %s", d.Obligations, o)
		}
	}
	w := newTestWorld(t).rule("org", `@id("guard") permit (principal, action == Writ::Action::"oblige:guardrail", resource);`)
	b := w.bundle()
	w.refusesToObserve(b, w.call(haiku))
	if d := b.Observe(w.callWith(haiku, bedrock.Capabilities{Guardrail: &bedrock.Guardrail{ID: guardrail1, Version: "3"}}), tomorrow); d.Code != CodeObserved {
		t.Errorf("with the guardrail that is required: %s %v", d.Code, d.Reasons)
	}
	broken := failing(t, newTestWorld(t).bundle(), "broken/1", "permit", `principal, action == Writ::Action::"oblige:hold_answer", resource`)
	if d := broken.Observe(w.call(haiku), tomorrow); !slices.Equal(obligationNames(d), []string{ObligeHoldAnswer}) {
		t.Errorf("an obligation that fails: %v", d.Obligations)
	}
}

// What observe mode let through is let out: but for what an obligation keeps in.
func TestAnObservedCallsAnswerIsLetOut(t *testing.T) {
	w := newTestWorld(t).rule("org", `forbid (principal, action == Writ::Action::"Release", resource) when { context.output.regulated };`)
	b, r := w.bundle(), w.call(haiku)
	ill := dataclass.Declared(dataclass.Health)
	p := b.Observe(r, tomorrow).Permit
	if got := b.Release(p, r, ill); got.Code != CodePermit || got.Permit != nil || b.ReadsOutput(p, r) {
		t.Errorf("%s %v, reads output: %v", got.Code, got.Reasons, b.ReadsOutput(p, r))
	}
	b = w.rule("redact", `permit (principal, action == Writ::Action::"oblige:redact_answer", resource);`).bundle()
	p = b.Observe(r, tomorrow).Permit
	if got := b.Release(p, r, ill); got.Code != CodeForbid || !b.ReadsOutput(p, r) {
		t.Errorf("an answer that cannot be redacted: %s", got.Code)
	}
	ill.Redactable = true
	if got := b.Release(p, r, ill); got.Code != CodePermit || !slices.Equal(obligationNames(got), []string{ObligeRedactAnswer}) {
		t.Errorf("an answer that can: %s %v", got.Code, got.Obligations)
	}
}

// A prompt that must be redacted is, before observe mode lets it through.
func TestObserveRedacts(t *testing.T) {
	w := newTestWorld(t).rule("org", `permit (principal, action == Writ::Action::"oblige:redact", resource) when { context.prompt.regulated };`)
	b := w.bundle()
	ill := dataclass.Declared(dataclass.Health)
	w.refusesToObserve(b, w.call(haiku, func(r *Request) { r.Prompt = ill }))
	ill.Redactable = true
	d := b.Observe(w.call(haiku, func(r *Request) { r.Prompt = ill }), tomorrow)
	if d.Code != CodeRedact || d.Permit != nil || !slices.Equal(obligationNames(d), []string{ObligeRedact}) {
		t.Errorf("%s with permit %v, obligations %v", d.Code, d.Permit != nil, d.Obligations)
	}
	w.observes(b, w.call(haiku, func(r *Request) { r.Prompt = ill.Redacted() }), CodeDefaultDeny)
}
