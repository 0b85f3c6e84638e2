package policy

import (
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

// Whatever text a document holds: Lint says the same as a bundle, and what
// loads can be asked.
func FuzzDocument(f *testing.F) {
	f.Add(Builtin)
	f.Add(`permit (principal, action, resource) when { context.prompt.counts.total < 3 };`)
	f.Add(`@id("a") forbid (principal is Writ::Identity, action in [Writ::Action::"Invoke"], resource in Writ::Family::"x") unless { resource.custom };`)
	f.Add(`permit (principal, action == Writ::Action::"oblige:hold", resource) when { context.request.tools.contains("t") };`)
	f.Add("forbid (principal, action, resource) when { 1 + 2 - -9223372036854775808 == 3 };")
	w := newTestWorld(f).may("chat", rights.Conditions{}, haiku)
	base, call := w.bundle(), w.call(haiku)
	f.Fuzz(func(t *testing.T, text string) {
		refused := false
		for _, p := range Lint([]Document{{Name: "org", Text: text}}) {
			refused = refused || p.Severity == SeverityError
		}
		b := *base
		err := b.addLaws(theVocabulary(), []Document{{Name: "org", Text: text}})
		if refused != (err != nil) {
			t.Fatalf("lint refuses: %v, bundle: %v", refused, err)
		}
		if err == nil {
			b.Explain(call)
		}
	})
}

// Whatever a context says: it is refused, or it makes a request whose
// questions conform to the schema.
func FuzzContext(f *testing.F) {
	f.Add([]byte(`{"prompt":{"regulated":true,"classes":["health"]}}`))
	f.Add([]byte(`{"network":{"ip":"10.0.0.1","known":true,"names":["a"]},"time":{"now":"2026-01-01T00:00:00Z"},"session":{"age":5}}`))
	f.Add([]byte(`{"request":{"tools":["a","a"],"guardrail":{"id":"abc"},"objects":["s3://docs/k"],"systemTools":["x"],"maxTokens":-1}}`))
	f.Add([]byte(`{"asserted":{"purpose":"p","classes":["x"],"metadata":{"a":"b"}}}`))
	w := newTestWorld(f).may("chat", rights.Conditions{}, haiku)
	b, question := w.bundle(), w.question(haiku, "")
	f.Fuzz(func(t *testing.T, context []byte) {
		asked := question
		asked.Context = context
		r, err := b.Request(asked)
		if err != nil {
			return
		}
		if d := b.Decide(r); len(d.Errors) > 0 {
			t.Fatalf("%s: %+v", context, d.Errors)
		}
		h, err := b.hear(&r)
		if err != nil {
			return
		}
		q := h.query(&r.Legs[0])
		q.Context = h.facts.prompted(r.Legs[0])
		if err := theVocabulary().CheckQuery(q); err != nil {
			t.Fatalf("%s: %v", context, err)
		}
	})
}

func FuzzParseCases(f *testing.F) {
	f.Add([]byte("- name: a\n  identity: agent\n  model: " + haiku + "\n  expect: deny\n"))
	f.Add([]byte(`[{"name":"a","context":{"prompt":{"level":3}}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		cases, err := ParseCases(data)
		if err != nil && cases != nil {
			t.Fatal("cases beside an error")
		}
	})
}
