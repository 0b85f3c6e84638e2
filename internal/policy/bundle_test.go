package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

func TestBundleRefuses(t *testing.T) {
	condition := func(c rights.Conditions) func(*testWorld) {
		return func(w *testWorld) { w.may("e", c, haiku) }
	}
	law := func(text string) func(*testWorld) { return func(w *testWorld) { w.rule("org", text) } }
	grant := func(change func(*rights.Grant)) func(*testWorld) {
		return func(w *testWorld) { w.may("e", rights.Conditions{}, haiku); change(&w.Grants[0]) }
	}
	for name, tc := range map[string]struct {
		change func(*testWorld)
		want   string
	}{
		"no catalogue":      {func(w *testWorld) { w.Catalogue = nil }, "no catalogue"},
		"unknown model":     {func(w *testWorld) { w.may("e", rights.Conditions{}, "anthropic.none") }, "not in the catalogue"},
		"unknown family":    {func(w *testWorld) { w.may("e", rights.Conditions{}, "family:acme") }, "acme"},
		"no models":         {func(w *testWorld) { w.may("e", rights.Conditions{}) }, "models is required"},
		"entitlement twice": {func(w *testWorld) { w.may("e", rights.Conditions{}, haiku).may("e", rights.Conditions{}, haiku) }, "taken"},
		"unknown action": {func(w *testWorld) {
			w.may("e", rights.Conditions{}, haiku)
			w.Entitlements[0].Actions = []string{"Release"}
		}, `action "Release"`},
		"unknown network":      {condition(rights.Conditions{Networks: []string{"nowhere"}}), "nowhere"},
		"unknown level":        {condition(rights.Conditions{Data: rights.Data{MaxLevel: "secret"}}), "secret"},
		"unknown class":        {condition(rights.Conditions{Data: rights.Data{Forbid: []string{"gossip"}}}), "gossip"},
		"negative tokens":      {condition(rights.Conditions{MaxTokens: -1}), "negative"},
		"guardrail by id":      {condition(rights.Conditions{Guardrails: []string{"abc:1"}}), "want ARN:version"},
		"guardrail version":    {condition(rights.Conditions{Guardrails: []string{guardrail1}}), "version"},
		"only drafts":          {condition(rights.Conditions{Guardrails: []string{guardrail1 + ":DRAFT"}, RequireGuardrail: true}), "numeric"},
		"no guardrail":         {condition(rights.Conditions{RequireGuardrail: true}), "numeric"},
		"every bucket":         {condition(rights.Conditions{Objects: []string{"s3://*"}}), "s3://"},
		"cut bucket":           {condition(rights.Conditions{Objects: []string{"s3://doc*"}}), "s3://"},
		"grant to nobody":      {grant(func(g *rights.Grant) { g.Identity = "ghost" }), "ghost"},
		"grant of nothing":     {grant(func(g *rights.Grant) { g.Entitlement = "none" }), "none"},
		"grant for ever":       {grant(func(g *rights.Grant) { g.NotAfter = time.Time{} }), "notAfter"},
		"grant backwards":      {grant(func(g *rights.Grant) { g.NotBefore = g.NotAfter }), "notAfter"},
		"grant beyond time":    {grant(func(g *rights.Grant) { g.NotAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), "range"},
		"grant unnamed":        {grant(func(g *rights.Grant) { g.ID = "" }), "no name"},
		"grant twice":          {func(w *testWorld) { w.may("e", rights.Conditions{}, haiku); w.Grants = append(w.Grants, w.Grants[0]) }, "twice"},
		"validation of none":   {func(w *testWorld) { w.Validations = []bedrock.Validation{{ID: "v", Model: "anthropic.none"}} }, "not in the catalogue"},
		"validation for ever":  {func(w *testWorld) { w.Validations = allValidations(noon, time.Time{}) }, "expires"},
		"not Cedar":            {law("permit"), "org"},
		"unknown attribute":    {law(`forbid (principal, action, resource) when { principal.salary > 3 };`), "salary"},
		"S7 output in Invoke":  {law(`forbid (principal, action in Writ::Action::"Invoke", resource) when { context.output.regulated };`), "output"},
		"S7 prompt everywhere": {law(`forbid (principal, action, resource) when { context.prompt.regulated };`), "prompt"},
		"S6 one environment":   {law(`forbid (principal, action in Writ::Action::"Use", resource) when { resource.uri like "s3://x*" };`), "uri"},
		"S6 optional":          {law(`forbid (principal, action == Writ::Action::"InvokeModel", resource) when { context.network.ip.isLoopback() };`), "ip"},
		"S6 arithmetic":        {law(`forbid (principal, action == Writ::Action::"InvokeModel", resource) when { context.request.bytes * 2 > 10 };`), "arithmetic"},
		"S5 asserted":          {law(`permit (principal, action == Writ::Action::"InvokeModel", resource) when { context.asserted has purpose };`), "asserted"},
		"S8 forbidden duty":    {law(`forbid (principal, action == Writ::Action::"oblige:hold", resource);`), "cannot be forbidden"},
		"S8 mixed":             {law(`permit (principal, action in [Writ::Action::"oblige:hold", Writ::Action::"InvokeModel"], resource);`), "not both"},
		"wrong type":           {law(`forbid (principal, action == Writ::Action::"InvokeModel", resource) when { principal.team == 3 };`), "org"},
		"unknown entity":       {law(`forbid (principal == User::"x", action, resource);`), "User"},
		"id twice":             {law(`@id("a") forbid (principal, action, resource); @id("a") forbid (principal, action, resource);`), "taken"},
		"id across": {func(w *testWorld) {
			w.rule("a", `@id("b/c") forbid (principal, action, resource);`).rule("a/b", `@id("c") forbid (principal, action, resource);`)
		}, "taken"},
		"document twice":   {func(w *testWorld) { w.rule("org", "").rule("org", "") }, "taken"},
		"document unnamed": {func(w *testWorld) { w.rule("", "") }, "empty"},
		"reserved name":    {func(w *testWorld) { w.rule("grant:g", "") }, "reserved"},
		"builtin's name":   {func(w *testWorld) { w.rule("builtin", "") }, "taken"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t)
			tc.change(w)
			b, err := NewBundle(w.Sources)
			if err == nil || b != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that mentions %q", err, tc.want)
			}
		})
	}
}

func TestWithChangesOnlyWhatItTouches(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	other := grantOf("chat")
	other.ID, other.Identity = "g-other", "other"
	w.Grants = append(w.Grants, other)
	first := w.bundle()
	w.permits(first, w.call(haiku))

	gone, err := first.With([]*rights.Grant{&w.Grants[0]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.denies(gone, w.call(haiku), CodeDefaultDeny)
	w.permits(first, w.call(haiku)) // the old one is as it was
	if gone.roster.holder("other") != first.roster.holder("other") {
		t.Error("another identity's grants were compiled anew")
	}
	if gone.roster.holder("agent") != nil {
		t.Error("an identity without grants is still held")
	}

	longer := w.Grants[0]
	longer.NotAfter = noon.Add(5 * time.Hour)
	back, err := gone.With(nil, []*rights.Grant{&longer})
	if err != nil {
		t.Fatal(err)
	}
	if d := w.permits(back, w.call(haiku)); !d.Until.Equal(longer.NotAfter) {
		t.Errorf("until %v", d.Until)
	}
	again, err := back.With(nil, []*rights.Grant{&w.Grants[0]}) // replaces longer
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest() != first.Digest() {
		t.Error("the same rules have two digests")
	}
	if _, err := first.With(nil, []*rights.Grant{{ID: "x", Identity: "ghost"}}); err == nil {
		t.Error("a grant to nobody was accepted")
	}
}

// Run with -race: what is compiled and remembered on the way is shared.
func TestDecideConcurrently(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS)
	b := w.bundle()
	var group errgroup.Group
	for i := range 16 {
		r := w.call(sonnetUS, func(r *Request) { r.Identity.Team = fmt.Sprint(i % 2) })
		group.Go(func() error {
			for range 20 {
				if d := b.Decide(r); d.Permit == nil {
					return fmt.Errorf("%s: %v", d.Code, d.Reasons)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

func TestBundleDigest(t *testing.T) {
	make := func(change func(*testWorld)) string {
		w := newTestWorld(t).may("a", rights.Conditions{}, haiku).may("b", rights.Conditions{}, novaPro).rule("org", "")
		change(w)
		return w.bundle().Digest()
	}
	first := make(func(*testWorld) {})
	if make(func(w *testWorld) { slices.Reverse(w.Grants); slices.Reverse(w.Entitlements) }) != first {
		t.Error("the order of grants or entitlements matters")
	}
	for name, change := range map[string]func(*testWorld){
		"grant":       func(w *testWorld) { w.Grants[1].NotAfter = noon.Add(2 * time.Hour) },
		"grant gone":  func(w *testWorld) { w.Grants = w.Grants[:1] },
		"entitlement": func(w *testWorld) { w.Entitlements[0].Conditions.MaxTokens = 5 },
		"rule":        func(w *testWorld) { w.rule("more", "") },
		"validation":  func(w *testWorld) { w.Validations = allValidations(noon, noon.Add(time.Hour)) },
		"catalogue":   func(w *testWorld) { w.Catalogue = bedrock.Embedded() },
	} {
		if make(change) == first {
			t.Errorf("%s: the digest did not change", name)
		}
	}
}

// Whatever a request says, its questions conform to the schema; so the one
// question per shape that Decide validates speaks for all.
func TestS6_EveryQuestionConforms(t *testing.T) {
	w := newTestWorld(t)
	b := w.bundle()
	words := rapid.SliceOfN(rapid.String(), 0, 3)
	rapid.Check(t, func(rt *rapid.T) {
		r := w.call(sonnetUS)
		r.Now = time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(rt, "now"))
		r.Session = identity.Session{Identity: "agent", Issuer: rapid.String().Draw(rt, "issuer"), Issued: r.Now.Add(-time.Duration(rapid.Int64().Draw(rt, "age")))}
		r.Caps = bedrock.Capabilities{MaxTokens: rapid.Int64().Draw(rt, "max"), Extras: words.Draw(rt, "extras"), UnknownFields: words.Draw(rt, "fields"),
			SystemTools: words.Draw(rt, "system"), UnknownContent: words.Draw(rt, "content"), Tools: []bedrock.Tool{{Name: rapid.String().Draw(rt, "tool")}}}
		if rapid.Bool().Draw(rt, "guarded") {
			r.Caps.Guardrail = &bedrock.Guardrail{ID: rapid.String().Draw(rt, "guardrail")}
		}
		r.Prompt = dataclass.Declared(rapid.SliceOf(rapid.SampledFrom(append(dataclass.Classes(), "custom:x"))).Draw(rt, "classes")...)
		r.Asserted = Asserted{Purpose: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "purpose"), Classes: words.Draw(rt, "asserted"), Metadata: map[string]string{rapid.String().Draw(rt, "k"): "v"}}
		if rapid.Bool().Draw(rt, "nowhere") {
			r.Origin = identity.Origin{}
		}
		h, err := b.hear(&r)
		if err != nil {
			rt.Fatal(err)
		}
		if err := b.atlas.vocabulary.CheckEntity(h.scene.principal); err != nil {
			rt.Error(err)
		}
		for i := range r.Legs {
			q := h.query(&r.Legs[i])
			q.Context = h.facts.prompted(r.Legs[i])
			if err := b.atlas.vocabulary.CheckQuery(q); err != nil {
				rt.Error(err)
			}
		}
		q := h.query(&r.Legs[0])
		q.Action, q.Context = actRelease, h.facts.answered(r.Legs[0], contentRecord(r.Prompt))
		if err := b.atlas.vocabulary.CheckQuery(q); err != nil {
			rt.Error(err)
		}
	})
}

func TestSchemaCountsEveryBuiltinClass(t *testing.T) {
	for _, c := range dataclass.Classes() {
		if !strings.Contains(Schema, fmt.Sprintf("    %s: Long,", c)) {
			t.Errorf("the schema has no count of %s", c)
		}
	}
	l := dataclass.Declared(dataclass.Health, "custom:a", "custom:b")
	l.Counts = map[dataclass.Class]int{dataclass.Health: 3, "custom:a": 2}
	got := lookup(newRecord(fields{"c": countsRecord(l)}), []string{"c"})
	for _, want := range []string{`"health":3`, `"custom":3`, `"total":6`, `"credential":0`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

// An upgrade of cedar-go must touch three files (security S6).
func TestS6_CedarIsWrapped(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"github.com/cedar-policy/`+`cedar-go`) && !slices.Contains([]string{"cedar.go", "cedarast.go", "reads.go", "corpus_test.go"}, f) {
			t.Errorf("%s imports cedar-go", f)
		}
	}
}
