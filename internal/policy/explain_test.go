package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

func (w *testWorld) question(model, context string) Question {
	return Question{
		Identity: &identity.Identity{ID: "agent", Kind: identity.Agent, Environment: "prod", Purposes: []string{"support"}},
		Model:    model, Region: region, Account: account, Now: noon, Context: []byte(context),
	}
}

func (w *testWorld) explain(b *Bundle, model, context string) Explanation {
	w.t.Helper()
	r, err := b.Request(w.question(model, context))
	if err != nil {
		w.t.Fatal(err)
	}
	return b.Explain(r)
}

func texts(e Explanation) string {
	var out []string
	for _, r := range e.Reasons {
		out = append(out, r.Policy+" "+r.Effect+" "+r.Text)
	}
	return strings.Join(out, "\n")
}

const otherThings = "the identity's grants are about other things: [g-chat]"

func TestExplain(t *testing.T) {
	w := newTestWorld(t).
		may("chat", rights.Conditions{Networks: []string{"partner-egress"}, Tools: rights.Tools{Read: []string{"search"}, Write: []string{"post"}}}, sonnetUS).
		rule("org", `@id("level") forbid (principal, action in Writ::Action::"Invoke", resource) when { context.prompt.level > 2 };`)
	b := w.bundle()
	for name, tc := range map[string]struct{ model, context, decision, mentions string }{
		"permit":         {sonnetUS, "", "permit", "grant:g-chat/1 permit"},
		"hold":           {sonnetUS, `{"request":{"tools":["search","post"]}}`, "hold", ""},
		"regulated":      {sonnetUS, `{"prompt":{"regulated":true,"level":1}}`, "deny", "context.prompt.regulated is true: it must be false"},
		"class":          {sonnetUS, `{"prompt":{"classes":["custom:x"],"level":1,"unscanned":true}}`, "deny", "context.prompt.unscanned is true"},
		"network":        {sonnetUS, `{"network":{"ip":"192.0.2.1"}}`, "deny", "context.network.names is []: it must include one of [partner-egress]"},
		"named network":  {sonnetUS, `{"network":{"ip":"192.0.2.1","names":["partner-egress"]}}`, "permit", ""},
		"unknown client": {sonnetUS, `{"network":{"known":false}}`, "deny", "context.network.names is []"},
		"tool":           {sonnetUS, `{"request":{"tools":["other"]}}`, "deny", `context.request.tools is ["other"]: it must be within [post, search]`},
		"time":           {sonnetUS, `{"time":{"now":"2030-01-01T00:00:00Z"}}`, "deny", "must be before 2026-11-18T13:00:00Z"},
		"other model":    {haiku, "", "deny", otherThings},
		"not profile":    {sonnet, "", "deny", `context.leg.profile is ""`},
		"forbid":         {sonnetUS, `{"prompt":{"level":3}}`, "deny", "org/level forbid"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			e := w.explain(b, tc.model, tc.context)
			if spurious := strings.Contains(texts(e), "default deny") && tc.mentions != otherThings; spurious {
				t.Errorf("a reason that is none:\n%s", texts(e))
			}
			if e.Decision != tc.decision || !strings.Contains(texts(e), tc.mentions) {
				t.Errorf("%s because\n%s\nwant %s because %q", e.Decision, texts(e), tc.decision, tc.mentions)
			}
		})
	}
}

func TestExplainReleaseNearMiss(t *testing.T) {
	w := newTestWorld(t).may("draw", rights.Conditions{}, reel)
	e := w.explain(w.bundle(), reel, "")
	if e.Decision != ExplainDeny || !strings.Contains(texts(e), "context.output.unscanned is true") {
		t.Errorf("%s because\n%s", e.Decision, texts(e))
	}
}

func TestExplainOrganisationPermit(t *testing.T) {
	w := newTestWorld(t).rule("org", `@id("ops") permit (principal == Writ::Identity::"agent", action in Writ::Action::"Invoke", resource)
		when { principal.team == "ops" && context.network.known } unless { context.session.impersonated };`)
	e := w.explain(w.bundle(), haiku, `{"session":{"impersonated":true}}`)
	for _, want := range []string{`does not hold: principal.team == "ops"`, "does not hold: not (context.session.impersonated)"} {
		if !strings.Contains(texts(e), want) {
			t.Errorf("%q is not among\n%s", want, texts(e))
		}
	}
	if strings.Contains(texts(e), "network.known") {
		t.Errorf("a condition that holds is listed:\n%s", texts(e))
	}
}

// An answer that is supposed is judged as one that came.
func TestExplainASupposedAnswer(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Data: rights.Data{Output: &rights.Output{MaxLevel: "confidential"}}}, haiku)
	b := w.bundle()
	for context, want := range map[string]string{
		``:                                     "",
		`{"output":{}}`:                        "",
		`{"output":{"classes":["health"]}}`:    "context.output.regulated is true",
		`{"output":{"level":3}}`:               "context.output.level is 3: it must be at most 2",
		`{"output":{"unscanned":true}}`:        "context.output.unscanned is true",
		`{"output":{"classes":["financial"]}}`: "",
	} {
		e := w.explain(b, haiku, context)
		if (e.Decision == ExplainPermit) != (want == "") || !strings.Contains(texts(e), want) {
			t.Errorf("%s: %s because\n%s", context, e.Decision, texts(e))
		}
	}
	for _, context := range []string{`{"output":{"level":4}}`, `{"output":{"classes":["x"]}}`, `{"output":{"odd":1}}`} {
		if _, err := b.Request(Question{Identity: w.call(haiku).Identity, Model: haiku, Region: region, Account: account, Now: noon, Context: []byte(context)}); err == nil {
			t.Errorf("%s is accepted", context)
		}
	}
}

// Scripts rely on these names.
func TestExplanationJSON(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{HoldAnswer: true}, haiku)
	text, err := json.Marshal(w.explain(w.bundle(), haiku, ""))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "reasons")
	want := map[string]any{
		"decision": "hold", "code": "permit", "grant": "g-chat", "until": "2026-11-18T13:00:00Z",
		"legs": []any{map[string]any{
			"kind": "source", "action": "bedrock:InvokeModel", "resource": "arn:aws:bedrock:us-east-1::foundation-model/" + haiku,
			"region": region, "model": haiku, "allowed": true,
			"reasons": []any{map[string]any{"policy": "grant:g-chat/1", "effect": "permit", "text": "grant g-chat of entitlement chat"}},
		}},
		"obligations": []any{map[string]any{"name": "hold_answer", "policies": []any{"grant:g-chat/3"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuestionReadsContext(t *testing.T) {
	w := newTestWorld(t)
	b := w.bundle()
	r, err := b.Request(w.question(haiku, `{
		"network":{"ip":"10.1.2.3"}, "session":{"age":90,"issuer":"https://i","binding":"b"},
		"request":{"maxTokens":7,"extras":["thinking"],"guardrail":{"id":"abc123","version":"1"},"objects":["s3://docs/a"],"bytes":12,"latency":"optimized"},
		"asserted":{"purpose":"support","classes":["health"],"metadata":{"k":"v"}},
		"prompt":{"classes":["source_code","health"],"entities":["EMAIL"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Origin.Networks, []string{"office"}) || r.Session.Issued != noon.Add(-90*time.Second) || len(r.Legs) != 3 {
		t.Errorf("origin %v, issued %v, legs %v", r.Origin, r.Session.Issued, r.Legs)
	}
	want := bedrock.Capabilities{MaxTokens: 7, Extras: []string{"thinking"}, Guardrail: &bedrock.Guardrail{ID: "abc123", Version: "1"}, S3: []string{"s3://docs/a"}, Latency: "optimized"}
	if diff := cmp.Diff(want, r.Caps); diff != "" {
		t.Error(diff)
	}
	label := dataclass.Declared(dataclass.Health, dataclass.SourceCode)
	label.Entities, label.Redactable = []string{"EMAIL"}, true
	if diff := cmp.Diff(label, r.Prompt); diff != "" {
		t.Error(diff)
	}
	for name, context := range map[string]string{
		"misspelt": `{"prompt":{"regulatd":true}}`, "two values": `{} {}`, "not JSON": `{`, "type": `{"prompt":{"regulated":"yes"}}`,
		"level": `{"prompt":{"level":4}}`, "class": `{"prompt":{"classes":["gossip"]}}`, "age": `{"session":{"age":-1}}`,
		"known": `{"network":{"ip":"fe80::1%eth0","known":true}}`, "object": `{"request":{"objects":["s3://docs/../x"]}}`,
	} {
		if _, err := b.Request(w.question(haiku, context)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTryCases(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{HoldAnswer: true}, haiku)
	cases, err := ParseCases([]byte(`
- name: may chat
  identity: agent
  model: ` + haiku + `
  expect: hold
  policies: ["grant:g-chat"]
  obligations: [hold_answer]
- name: not with health data
  identity: agent
  model: ` + haiku + `
  context: {prompt: {classes: [health]}}
  expect: deny
- name: wrong
  identity: agent
  model: ` + haiku + `
  at: 2026-11-18T14:00:00Z
  expect: hold
  policies: ["org/x"]
  obligations: [redact]
- name: wrong
  identity: ghost
  model: ` + haiku + `
  expect: allow
- name: unresolved
  identity: agent
  model: nope
  expect: deny
`))
	if err != nil {
		t.Fatal(err)
	}
	on := Bench{Identities: map[string]*identity.Identity{"agent": w.question("", "").Identity}, Region: region, Account: account, Now: noon}
	results := w.bundle().Try(cases, on)
	var got []int
	for _, r := range results {
		if r.Passed != (len(r.Failures) == 0) {
			t.Errorf("%s: passed %v with %v", r.Case.Name, r.Passed, r.Failures)
		}
		got = append(got, len(r.Failures))
	}
	if diff := cmp.Diff([]int{0, 0, 3, 3, 1}, got); diff != "" {
		t.Errorf("failures per case: %s\n%+v", diff, results)
	}
	for _, text := range []string{"- name: a\n  wish: x", "{", "name: a", "- name: a\n  name: b"} {
		if _, err := ParseCases([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestLint(t *testing.T) {
	got := Lint([]Document{
		{Name: "a.cedar", Text: "@id(\"x\")\npermit (principal, action, resource);\n\nforbid (principal, action, resource)\nwhen { principal.salary > 3 };\n"},
		{Name: "b.cedar", Text: "forbid (principal, action, resource)\n  when {\n    oops oops };"},
		{Name: "c.cedar", Text: `forbid (principal, action in Writ::Action::"Invoke", resource) unless { context.asserted has purpose };`},
		{Name: "d.cedar", Text: `permit (principal == Writ::Identity::"agent", action, resource);`},
		{Name: "e.cedar", Text: `forbid (principal, action in Writ::Action::"Invoke", resource) when { context.request.bytes > 10 };`},
	})
	var lines []string
	for _, p := range got {
		lines = append(lines, strings.Join(strings.SplitN(p.String(), ": ", 3)[:2], ": "))
	}
	want := []string{"a.cedar:1: warning", "a.cedar:4: error", "b.cedar:3: error", "c.cedar:1: warning", "d.cedar:1: warning"}
	if diff := cmp.Diff(want, slices.Compact(lines)); diff != "" {
		t.Errorf("%s\n%v", diff, got)
	}
}
