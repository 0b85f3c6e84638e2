package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/rights"
)

// found labels content that was read in full, whose findings can be replaced.
func found(classes ...dataclass.Class) dataclass.Label {
	l := dataclass.Declared(classes...)
	l.Redactable = true
	return l
}

func unmet(d Decision) string {
	for _, r := range d.Reasons {
		if r.Effect == EffectUnmet {
			return r.Policy + ": " + r.Text
		}
	}
	return ""
}

const redactRegulated = `@id("clean") permit (principal, action == Writ::Action::"oblige:redact", resource) when { context.prompt.regulated };`

// A prompt that must be redacted is judged as it would be then, and nothing may be
// sent before that.
func TestS8_APromptIsRedactedBeforeItIsSent(t *testing.T) {
	byRight := newTestWorld(t).may("chat", rights.Conditions{Data: rights.Data{Redact: true}}, haiku)
	byRule := newTestWorld(t).may("chat", rights.Conditions{}, haiku).rule("org", redactRegulated)
	for name, w := range map[string]*testWorld{"by the right": byRight, "by the organisation": byRule} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			b := w.bundle()
			for range 2 { // the second is remembered
				d := w.denies(b, w.call(haiku, prompt(found(dataclass.RegulatedPersonal))), CodeRedact)
				if diff := cmp.Diff([]string{ObligeRedact}, obligationNames(d)); diff != "" || len(d.Grants) != 1 || d.Until.IsZero() {
					t.Errorf("grants %v until %v, obligations %s", d.Grants, d.Until, diff)
				}
				for _, l := range d.Legs {
					if !l.Allowed {
						t.Errorf("leg %v is judged on what will not be sent", l.Leg)
					}
				}
			}
			if d := w.permits(b, w.call(haiku)); len(d.Obligations) != 0 {
				t.Errorf("nothing is left to redact, and still: %v", d.Obligations)
			}
			loose := dataclass.Declared(dataclass.RegulatedPersonal)
			for _, l := range []dataclass.Label{loose, found(dataclass.Health).Join(dataclass.Unscanned("image")), {Classes: loose.Classes, Regulated: true, Redactable: true, Truncated: true}} {
				if d := w.denies(b, w.call(haiku, prompt(l)), CodeForbid); unmet(d) == "" {
					t.Errorf("%+v: reasons %v", l, d.Reasons)
				}
			}
		})
	}
	w := newTestWorld(t).may("chat", rights.Conditions{Data: rights.Data{Redact: true, Forbid: []string{"source_code"}}}, haiku)
	w.denies(w.bundle(), w.call(haiku, prompt(found(dataclass.SourceCode, dataclass.Health))), CodeDefaultDeny) // code stays
}

// TestRedactionGivesWhatTheRedactedPromptWouldGet: no more, and nothing else.
func TestRedactionGivesWhatTheRedactedPromptWouldGet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := rights.Data{Redact: true, Regulated: rapid.Bool().Draw(rt, "regulated"), MaxLevel: rapid.SampledFrom([]string{"", "public", "internal", "confidential"}).Draw(rt, "level")}
		data.Forbid = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"health", "source_code", "custom:falcon"}), rapid.ID[string]).Draw(rt, "forbid")
		w := newTestWorld(t).may("chat", rights.Conditions{Data: data}, haiku)
		b := w.bundle()
		classes := rapid.SliceOfDistinct(rapid.SampledFrom(append(dataclass.Classes(), "custom:falcon")), rapid.ID[dataclass.Class]).Draw(rt, "classes")
		l := found(classes...)
		got, later := b.Decide(w.call(haiku, prompt(l))), b.Decide(w.call(haiku, prompt(l.Redacted())))
		switch {
		case got.Code == CodeRedact && later.Code != CodePermit, got.Code == CodePermit && l.ToRedact(),
			got.Code != CodeRedact && got.Code != later.Code:
			rt.Fatalf("%v: %s, redacted %s", classes, got.Code, later.Code)
		}
		if (got.Permit != nil) != (got.Code == CodePermit) {
			rt.Fatalf("%s with permit %v", got.Code, got.Permit != nil)
		}
	})
}

func TestS7_AnswersAreLetOutByTheirOwnRule(t *testing.T) {
	ssn, contact, code := found(dataclass.RegulatedPersonal), found(dataclass.PersonalContact), found(dataclass.SourceCode)
	key := found(dataclass.Credential)
	unread := dataclass.Unscanned("opaque_body")
	for name, tc := range map[string]struct {
		data rights.Data
		out  dataclass.Label
		want string
	}{
		"clean":                      {rights.Data{}, clean, CodePermit},
		"as for prompts":             {rights.Data{}, ssn, CodeDefaultDeny},
		"as prompts may":             {rights.Data{Regulated: true}, ssn, CodePermit},
		"stricter than prompts":      {rights.Data{Regulated: true, Output: &rights.Output{}}, ssn, CodeDefaultDeny},
		"looser than prompts":        {rights.Data{Output: &rights.Output{Regulated: true}}, ssn, CodePermit},
		"unread":                     {rights.Data{}, unread, CodeDefaultDeny},
		"unread, of prompts":         {rights.Data{Unscanned: true, Output: &rights.Output{}}, unread, CodeDefaultDeny},
		"unread, of answers":         {rights.Data{Output: &rights.Output{Unscanned: true}}, unread, CodePermit},
		"forbidden":                  {rights.Data{Output: &rights.Output{Forbid: []string{"source_code"}}}, code, CodeDefaultDeny},
		"forbidden in prompts":       {rights.Data{Forbid: []string{"source_code"}, Output: &rights.Output{}}, code, CodePermit},
		"level":                      {rights.Data{Output: &rights.Output{MaxLevel: "internal"}}, contact, CodeDefaultDeny},
		"credentials, whatever":      {rights.Data{Regulated: true, Unscanned: true}, key, CodeDefaultDeny},
		"redacted":                   {rights.Data{Output: &rights.Output{Redact: true}}, ssn, CodePermit},
		"redacted as prompts are":    {rights.Data{Redact: true}, ssn, CodePermit},
		"credentials, redacted":      {rights.Data{Output: &rights.Output{Redact: true}}, key, CodePermit},
		"redacted, and not allowed":  {rights.Data{Output: &rights.Output{Redact: true, MaxLevel: "public"}}, ssn.Join(code), CodeDefaultDeny},
		"not to be redacted":         {rights.Data{Output: &rights.Output{Redact: true}}, dataclass.Declared(dataclass.Health), CodeForbid},
		"not read, to be redacted":   {rights.Data{Output: &rights.Output{Redact: true}}, unread, CodeForbid},
		"nothing found, to redact":   {rights.Data{Output: &rights.Output{Redact: true}}, clean, CodePermit},
		"prompts redacted, not this": {rights.Data{Redact: true, Output: &rights.Output{}}, ssn, CodeDefaultDeny},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("chat", rights.Conditions{Data: tc.data}, haiku)
			b, r := w.bundle(), w.call(haiku)
			p := w.permits(b, r).Permit
			d := b.Release(p, r, tc.out)
			if d.Code != tc.want || d.Permit != nil {
				t.Fatalf("%s %v, want %s", d.Code, d.Reasons, tc.want)
			}
			owed := d.Code == CodePermit && tc.out.ToRedact() && tc.data.Answer().Redact
			if slices.Equal(obligationNames(d), []string{ObligeRedactAnswer}) != owed {
				t.Errorf("obligations %v", d.Obligations)
			}
			if !b.ReadsOutput(p, r) {
				t.Error("it depends on the answer, and ReadsOutput denies it")
			}
		})
	}
}

// An answer that only a rule without a look at it lets out needs no look.
func TestReadsOutput(t *testing.T) {
	w := newTestWorld(t).rule("org", `permit (principal == Writ::Identity::"agent", action in [Writ::Action::"Invoke", Writ::Action::"Release"], resource in Writ::Provider::"anthropic");`)
	for rule, want := range map[string]bool{
		"": false,
		`forbid (principal, action == Writ::Action::"Release", resource) when { context.time.hour == 3 };`:                             false,
		`forbid (principal, action == Writ::Action::"Release", resource in Writ::Provider::"meta") when { context.output.regulated };`: false,
		`forbid (principal, action == Writ::Action::"Release", resource) when { context.output.regulated };`:                           true,
		`permit (principal, action == Writ::Action::"oblige:redact_answer", resource);`:                                                true,
		`permit (principal, action == Writ::Action::"oblige:redact_answer", resource == Writ::Model::"` + novaLite + `");`:             false,
		`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.prompt.regulated };`:                          false,
	} {
		with := *w
		with.Organisation = slices.Clone(w.Organisation)
		if rule != "" {
			with.rule("more", rule)
		}
		b, r := with.bundle(), with.call(haiku)
		if got := b.ReadsOutput(with.permits(b, r).Permit, r); got != want {
			t.Errorf("%s: %v", rule, got)
		}
	}
	b, r := w.bundle(), w.call(haiku)
	if !b.ReadsOutput(nil, r) {
		t.Error("without a permit")
	}
}

// What can be foreseen of an answer is decided on before it is asked for.
func TestS7_WhatCouldNeverBeLetOutIsNotAskedFor(t *testing.T) {
	const image, embedding = "amazon.nova-canvas-v1:0", "amazon.titan-embed-text-v2:0"
	for _, tc := range []struct {
		model string
		data  rights.Data
		want  string
	}{
		{haiku, rights.Data{}, CodePermit},
		{embedding, rights.Data{}, CodePermit},
		{image, rights.Data{}, CodeDefaultDeny},
		{image, rights.Data{Unscanned: true}, CodePermit},
		{image, rights.Data{Output: &rights.Output{Unscanned: true}}, CodePermit},
		{image, rights.Data{Unscanned: true, Output: &rights.Output{}}, CodeDefaultDeny},
		{image, rights.Data{Unscanned: true, Output: &rights.Output{Unscanned: true, MaxLevel: "internal"}}, CodeDefaultDeny},
		{reel, rights.Data{}, CodeDefaultDeny},
		{reel, rights.Data{Output: &rights.Output{Redact: true}}, CodeForbid},
	} {
		w := newTestWorld(t).may("use", rights.Conditions{Data: tc.data}, tc.model)
		r := testCall(t, w.Catalogue, bedrock.InvokeModel, tc.model, bedrock.Capabilities{})
		if d := w.bundle().Decide(r); d.Code != tc.want {
			t.Errorf("%s under %+v: %s, want %s", tc.model, tc.data, d.Code, tc.want)
		}
	}
}

func TestS8_ALimitOnTheAnswerMustBeStated(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku).
		rule("org", `@id("wide") @max_output_tokens("4096") permit (principal, action == Writ::Action::"oblige:max_output_tokens", resource);
		@id("narrow") @max_output_tokens("1024") permit (principal, action == Writ::Action::"oblige:max_output_tokens", resource) when { principal.environment == "prod" };`)
	b := w.bundle()
	for n, met := range map[int64]bool{0: false, -1: false, 1: true, 1024: true, 1025: false, 4096: false} {
		r := w.callWith(haiku, capsWithTokens(n))
		if !met {
			if d := w.denies(b, r, CodeForbid); !strings.Contains(unmet(d), "1024") {
				t.Errorf("%d tokens: the reason does not say which number to state: %v", n, d.Reasons)
			}
			continue
		}
		if d := w.permits(b, r); len(d.Obligations) != 0 {
			t.Errorf("obligations %v", d.Obligations)
		}
	}
	w.permits(b, w.callWith(haiku, capsWithTokens(4096), func(r *Request) { r.Identity.Environment = "dev" }))
	law := b.Laws()
	if !slices.ContainsFunc(law, func(l Law) bool { return strings.HasPrefix(l.Text, `@max_output_tokens("1024")`) }) {
		t.Errorf("a law's text leaves out its bound: %v", law)
	}
}

func TestABadBoundDoesNotLoad(t *testing.T) {
	head := ` permit (principal, action == Writ::Action::"oblige:max_output_tokens", resource);`
	for name, text := range map[string]string{
		"none": head, "empty": `@max_output_tokens("")` + head, "zero": `@max_output_tokens("0")` + head, "negative": `@max_output_tokens("-5")` + head,
		"word": `@max_output_tokens("many")` + head, "too large": `@max_output_tokens("99999999999")` + head,
		"of another":  `@max_output_tokens("5") permit (principal, action == Writ::Action::"oblige:hold", resource);`,
		"of a forbid": `@max_output_tokens("5") forbid (principal, action, resource);`,
		"of all":      `permit (principal, action in [Writ::Action::"Oblige"], resource);`,
	} {
		w := newTestWorld(t).rule("org", text)
		if _, err := NewBundle(w.Sources); err == nil {
			t.Errorf("%s: it loads", name)
		}
	}
}

// Explain says what will be redacted, as if it had been.
func TestExplainRedaction(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Data: rights.Data{Redact: true}}, haiku)
	e := w.explain(w.bundle(), haiku, `{"prompt":{"classes":["health"]}}`)
	if e.Decision != ExplainPermit || e.Code != CodeRedact || len(e.Obligations) != 1 || e.Obligations[0].Name != ObligeRedact || e.Grant != "g-chat" {
		t.Errorf("%+v", e)
	}
	e = w.explain(w.bundle(), haiku, `{"prompt":{"classes":["health"],"redactable":false}}`)
	if e.Decision != ExplainDeny || !strings.Contains(texts(e), "must be redacted") {
		t.Errorf("%s because\n%s", e.Decision, texts(e))
	}
}

// BenchmarkRelease is what each change of an answer's label costs.
func BenchmarkRelease(b *testing.B) {
	w := newTestWorld(b).may("chat", rights.Conditions{Data: rights.Data{Output: &rights.Output{Redact: true}}}, sonnetUS).
		rule("org", `forbid (principal, action == Writ::Action::"Release", resource) when { context.output.counts.payment_card > 3 };`)
	bundle, r := w.bundle(), w.call(sonnetUS)
	p := bundle.Decide(r).Permit
	l := found(dataclass.PersonalContact, dataclass.RegulatedPersonal)
	l.Entities, l.Counts = []string{"EMAIL", "NAME", "US_SOCIAL_SECURITY_NUMBER"}, map[dataclass.Class]int{dataclass.PersonalContact: 4, dataclass.RegulatedPersonal: 1}
	b.ReportAllocs()
	for b.Loop() {
		if d := bundle.Release(p, r, l); d.Code != CodePermit {
			b.Fatal(d.Code)
		}
	}
}
