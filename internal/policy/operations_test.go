package policy

import (
	"slices"
	"testing"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/rights"
)

// entitled grants agent an entitlement with the actions given.
func (w *testWorld) entitled(name string, actions []string, c rights.Conditions, models ...string) *testWorld {
	w.may(name, c, models...)
	w.Entitlements[len(w.Entitlements)-1].Actions = actions
	return w
}

func (w *testWorld) count(model string, caps bedrock.Capabilities, change ...func(*Request)) Request {
	w.t.Helper()
	return testCall(w.t, w.Catalogue, bedrock.CountTokens, model, caps, change...)
}

func (w *testWorld) apply(id string, change ...func(*Request)) Request {
	w.t.Helper()
	caps := bedrock.Capabilities{Guardrail: &bedrock.Guardrail{ID: id, Version: "1"}}
	return testCall(w.t, w.Catalogue, bedrock.ApplyGuardrail, "", caps, change...)
}

func TestActionsOfAnEntitlement(t *testing.T) {
	guarded := rights.Conditions{Guardrails: []string{guardrail1 + ":1"}}
	for name, c := range map[string]struct {
		actions            []string
		call, stream       string
		counts, appliesToo string
	}{
		"none":           {nil, CodePermit, CodePermit, CodeDefaultDeny, CodeDefaultDeny},
		"invoke":         {[]string{"InvokeModel"}, CodePermit, CodeDefaultDeny, CodeDefaultDeny, CodeDefaultDeny},
		"count":          {[]string{"CountTokens"}, CodeDefaultDeny, CodeDefaultDeny, CodePermit, CodeDefaultDeny},
		"apply":          {[]string{"ApplyGuardrail"}, CodeDefaultDeny, CodeDefaultDeny, CodeDefaultDeny, CodePermit},
		"invoke + count": {[]string{"CountTokens", "InvokeModelWithResponseStream"}, CodeDefaultDeny, CodePermit, CodePermit, CodeDefaultDeny},
	} {
		w := newTestWorld(t).entitled("e", c.actions, guarded, haiku)
		b := w.bundle()
		for what, r := range map[string]struct {
			r    Request
			want string
		}{
			"call":   {w.call(haiku), c.call},
			"stream": {testCall(t, w.Catalogue, bedrock.ChatCompletionsStream, haiku, bedrock.Capabilities{}), c.stream},
			"count":  {w.count(haiku, bedrock.Capabilities{}), c.counts},
			"apply":  {w.apply("abc123"), c.appliesToo},
		} {
			if d := b.Decide(r.r); d.Code != r.want || (d.Permit != nil) != (r.want == CodePermit) {
				t.Errorf("%s, %s: %s, want %s; %v", name, what, d.Code, r.want, d.Reasons)
			}
		}
	}
	w := newTestWorld(t).entitled("e", []string{"GetFoundationModel"}, guarded, haiku)
	if _, err := NewBundle(w.Sources); err == nil {
		t.Error("an action that nothing is decided on is compiled")
	}
}

// What an entitlement says of how a model is run has nothing to hold for when
// tokens are counted; what it says of the prompt has.
func TestCountingConditions(t *testing.T) {
	w := newTestWorld(t).entitled("e", []string{"CountTokens"}, rights.Conditions{
		MaxTokens: 10, ServiceTiers: []string{"flex"}, Guardrails: []string{guardrail1 + ":1"}, RequireGuardrail: true, HoldAnswer: true,
		Data: rights.Data{Forbid: []string{"health"}}, Tools: rights.Tools{Write: []string{"pay"}}, Objects: []string{"s3://bkt/*"},
	}, sonnetUS)
	b := w.bundle()
	d := w.permits(b, w.count(sonnet, bedrock.Capabilities{Tools: []bedrock.Tool{{Name: "pay"}}, S3: []string{"s3://bkt/k"}}))
	if len(d.Obligations) > 0 {
		t.Errorf("obligations %v about an answer that there is none of", d.Obligations)
	}
	w.denies(b, w.count(sonnet, bedrock.Capabilities{Tools: []bedrock.Tool{{Name: "other"}}}), CodeDefaultDeny)
	w.denies(b, w.count(sonnet, bedrock.Capabilities{S3: []string{"s3://elsewhere/k"}}), CodeDefaultDeny)
	w.denies(b, w.count(sonnet, bedrock.Capabilities{UnknownFields: []string{"odd"}}), CodeDefaultDeny)
	w.denies(b, w.count(haiku, bedrock.Capabilities{}), CodeDefaultDeny)
	unread := func(r *Request) { r.Prompt = dataclass.Unscanned("no_classifier") }
	w.denies(b, w.count(sonnet, bedrock.Capabilities{}, unread), CodeDefaultDeny)
}

// A rule on Invoke reaches counting: it shows the model the prompt.
func TestRulesOnInvokeReachCounting(t *testing.T) {
	w := newTestWorld(t).entitled("e", []string{"CountTokens"}, rights.Conditions{}, haiku, imported)
	w.rule("r", `@id("no") forbid (principal, action in Writ::Action::"Invoke", resource in Writ::Family::"anthropic.claude");`)
	if !slices.Contains(w.Catalogue.Families(), "anthropic.claude") {
		w.Organisation[0].Text = `@id("no") forbid (principal, action in Writ::Action::"Invoke", resource in Writ::Provider::"anthropic");`
	}
	b := w.bundle()
	w.denies(b, w.count(haiku, bedrock.Capabilities{}), CodeForbid)
}

// Obligations on answers have none to hold back, but a prompt that must be
// redacted must be so here too (security S8).
func TestS8_CountingOwesRedactionOnly(t *testing.T) {
	w := newTestWorld(t).entitled("e", []string{"CountTokens"}, rights.Conditions{}, haiku)
	w.rule("o", `@id("all") @max_output_tokens("1") permit (principal, action in Writ::Action::"Oblige", resource);`)
	b := w.bundle()
	w.permits(b, w.count(haiku, bedrock.Capabilities{}))
	d := w.denies(b, w.count(haiku, bedrock.Capabilities{}, func(r *Request) {
		r.Prompt = dataclass.Declared(dataclass.PersonalContact)
		r.Prompt.Redactable = true
	}), CodeRedact)
	if len(d.Obligations) != 1 || d.Obligations[0].Name != ObligeRedact {
		t.Errorf("obligations %v, want redact alone", d.Obligations)
	}
}

// A call that invokes no model has the model "none" in its context: rules that
// read it are evaluated, and none fails (security S6).
func TestS6_RulesOnTheModelHoldForACallWithoutOne(t *testing.T) {
	w := newTestWorld(t).entitled("e", []string{"ApplyGuardrail"}, rights.Conditions{Guardrails: []string{guardrail1 + ":1"}})
	w.rule("r", `@id("tier") forbid (principal, action in Writ::Action::"Use", resource)
		when { context.request.model.impact == "high" || context.request.model in Writ::Provider::"anthropic" };
	@id("missing") forbid (principal, action in Writ::Action::"Use", resource)
		unless { context.request.model.missingValidations.isEmpty() && context.time.now < context.request.model.validUntil };`)
	b := w.bundle()
	w.permits(b, w.apply(guardrail1))
	w.rule("s", `@id("named") forbid (principal, action, resource) when { context.request.model == Writ::Model::"none" && context.request.operation == "ApplyGuardrail" };`)
	w.denies(w.bundle(), w.apply(guardrail1), CodeForbid)
}

func TestApplyingConditions(t *testing.T) {
	w := newTestWorld(t).entitled("e", []string{"ApplyGuardrail"}, rights.Conditions{
		Networks: []string{"office"}, Guardrails: []string{guardrail1 + ":1"}, RequireGuardrail: true, MaxTokens: 5,
	})
	b := w.bundle()
	office := func(r *Request) { r.Origin.Networks = []string{"office"} }
	w.permits(b, w.apply(guardrail1, office))
	w.permits(b, w.apply("abc123", office)) // by its id: the leg is the ARN
	w.denies(b, w.apply(guardrail1), CodeDefaultDeny)
	w.denies(b, w.apply("abc124", office), CodeDefaultDeny)
	w.denies(b, w.apply(guardrail1, office, func(r *Request) { r.Caps.Guardrail.Version = "2" }), CodeDefaultDeny)
	w.denies(b, w.apply(guardrail1, office, func(r *Request) { r.Prompt = dataclass.Declared(dataclass.Credential) }), CodeDefaultDeny)
	w.denies(b, w.apply(guardrail1, office, func(r *Request) { r.Caps.UnknownFields = []string{"odd"} }), CodeDefaultDeny)
}

// What one grant lets an invocation use is not lent to a call of another kind,
// nor the other way round (security S3).
func TestS3_UsesAreNotLentToOtherOperations(t *testing.T) {
	w := newTestWorld(t).
		may("talk", rights.Conditions{Objects: []string{"s3://bkt/*"}, Guardrails: []string{guardrail1 + ":1"}}, haiku).
		entitled("count", []string{"CountTokens"}, rights.Conditions{}, haiku)
	b := w.bundle()
	w.denies(b, w.count(haiku, bedrock.Capabilities{S3: []string{"s3://bkt/k"}}), CodeDefaultDeny)
	w.denies(b, w.apply(guardrail1), CodeDefaultDeny)

	w = newTestWorld(t).may("talk", rights.Conditions{}, haiku).
		entitled("apply", []string{"ApplyGuardrail"}, rights.Conditions{Guardrails: []string{guardrail1 + ":1"}})
	guard := bedrock.Capabilities{Guardrail: &bedrock.Guardrail{ID: guardrail1, Version: "1"}}
	w.denies(w.bundle(), w.callWith(haiku, guard), CodeDefaultDeny)
}

// A model leg in a call that has none, or none in one that has, is no request.
func TestLegsMustFitTheOperation(t *testing.T) {
	w := newTestWorld(t).may("talk", rights.Conditions{Guardrails: []string{guardrail1 + ":1"}}, haiku)
	b := w.bundle()
	w.denies(b, w.call(haiku, func(r *Request) { r.Operation = bedrock.ApplyGuardrail }), CodeInvalidRequest)
	w.denies(b, w.apply(guardrail1, func(r *Request) { r.Operation = bedrock.Converse }), CodeInvalidRequest)
	w.denies(b, w.call(haiku, func(r *Request) { r.Operation = bedrock.CountTokens }), CodeInvalidRequest)
	w.denies(b, w.call(haiku, func(r *Request) { r.Operation = "InvokeAgent" }), CodeInvalidRequest)
	profile := w.call(sonnetUS, func(r *Request) {
		r.Operation = bedrock.CountTokens
		for i := range r.Legs {
			r.Legs[i].Action = "bedrock:CountTokens"
		}
	})
	w.denies(b, profile, CodeInvalidRequest)
}

// There is nothing to release of a call that no model answers.
func TestReleaseIsForAnswersOnly(t *testing.T) {
	w := newTestWorld(t).entitled("e", []string{"CountTokens"}, rights.Conditions{}, haiku)
	b := w.bundle()
	r := w.count(haiku, bedrock.Capabilities{})
	if d := b.Release(w.permits(b, r).Permit, r, clean); d.Code != CodeInvalidRequest {
		t.Errorf("code %s", d.Code)
	}
}
