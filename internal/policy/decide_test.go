package policy

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/cedarset"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

func TestDigestTellsCallsApart(t *testing.T) {
	body := bedrock.NewBody([]byte("{}"))
	header := func(kv ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(kv); i += 2 {
			h.Add(kv[i], kv[i+1])
		}
		return h
	}
	first := DigestOf("POST", "/a", "x", "r", header("A", "b"), body)
	if again := DigestOf("POST", "/a", "x", "r", header("A", "b"), bedrock.NewBody([]byte("{}"))); again != first {
		t.Error("the same call has two digests")
	}
	for name, other := range map[string]Digest{
		"method":         DigestOf("GET", "/a", "x", "r", header("A", "b"), body),
		"path":           DigestOf("POST", "/a%2F", "x", "r", header("A", "b"), body),
		"account":        DigestOf("POST", "/a", "y", "r", header("A", "b"), body),
		"region":         DigestOf("POST", "/a", "x", "s", header("A", "b"), body),
		"shifted fields": DigestOf("POST", "/a", "xr", "", header("A", "b"), body),
		"header value":   DigestOf("POST", "/a", "x", "r", header("A", "c"), body),
		"header twice":   DigestOf("POST", "/a", "x", "r", header("A", "b", "A", "b"), body),
		"header gone":    DigestOf("POST", "/a", "x", "r", nil, body),
		"name and value": DigestOf("POST", "/a", "x", "r", header("Ab", ""), body),
		"body":           DigestOf("POST", "/a", "x", "r", header("A", "b"), bedrock.NewBody([]byte("{} "))),
	} {
		if other == first {
			t.Errorf("%s: the digest did not change", name)
		}
	}
}

func TestPermitCoversOneCall(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS)
	d := w.permits(w.bundle(), w.call(sonnetUS, func(r *Request) { r.Digest = Digest{7} }))
	if d.Permit.Covers(Digest{8}) || d.Permit.Covers(Digest{}) {
		t.Error("the permit covers another call")
	}
	if d.Permit.Region() != region || !slices.Equal(d.Permit.Grants(), []string{"g-chat"}) {
		t.Errorf("region %s, grants %v", d.Permit.Region(), d.Permit.Grants())
	}
	if (&Permit{}).Covers(Digest{}) || (*Permit)(nil).Covers(Digest{}) {
		t.Error("a permit that Decide did not make covers something")
	}
	if len(d.Legs) != 4 || !d.Legs[3].Allowed || len(d.Reasons) != 3 {
		t.Errorf("%d legs, reasons %v", len(d.Legs), d.Reasons)
	}
}

func TestNothingGrantedNothingAllowed(t *testing.T) {
	w := newTestWorld(t)
	b := w.bundle()
	w.denies(b, w.call(haiku), CodeDefaultDeny)
	w.may("chat", rights.Conditions{}, haiku)
	w.Grants[0].Identity = "other"
	w.denies(w.bundle(), w.call(haiku), CodeDefaultDeny)
}

func TestS1_EveryLegIsNeeded(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, sonnetUS).rule("org",
		`forbid (principal, action in Writ::Action::"Invoke", resource) when { context.leg.kind == "destination" && context.leg.region == "us-west-2" };`)
	d := w.denies(w.bundle(), w.call(sonnetUS), CodeForbid)
	var refused []string
	for _, l := range d.Legs {
		if !l.Allowed {
			refused = append(refused, string(l.Leg.Kind)+" "+l.Leg.Region)
		}
	}
	if diff := cmp.Diff([]string{"destination us-west-2"}, refused); diff != "" {
		t.Error(diff)
	}
}

func TestS1_RuleOnAFamilyReachesCustomModelsAndProfiles(t *testing.T) {
	w := newTestWorld(t).may("any", rights.Conditions{}, imported, llama, "us."+llama)
	w.Validations = allValidations(noon.Add(-time.Hour), noon.Add(time.Hour))
	b := w.bundle()
	for _, m := range []string{imported, llama, "us." + llama} {
		w.permits(b, w.call(m))
	}
	b = w.rule("org", `forbid (principal, action, resource in Writ::Family::"meta.llama");`).bundle()
	for _, m := range []string{imported, llama, "us." + llama} {
		w.denies(b, w.call(m), CodeForbid)
	}
}

func TestS1_UnknownResourceIsRefused(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku).rule("org", `permit (principal, action, resource);`)
	b := w.bundle()
	for name, change := range map[string]func(*Request){
		"unlisted model":    func(r *Request) { r.Legs[0].Model = "anthropic.none" },
		"no model leg":      func(r *Request) { r.Legs[0].Kind = rights.GuardrailLeg },
		"prompt leg":        func(r *Request) { r.Legs[0].Kind = rights.PromptLeg },
		"unknown kind":      func(r *Request) { r.Legs = append(r.Legs, rights.Leg{Kind: "moon"}) },
		"another action":    func(r *Request) { r.Legs[0].Action = "bedrock:InvokeModelWithResponseStream" },
		"another profile":   func(r *Request) { r.Legs = append(r.Legs, r.Legs[0]); r.Legs[1].Profile = "us.x" },
		"no legs":           func(r *Request) { r.Legs = nil },
		"no time":           func(r *Request) { r.Now = time.Time{} },
		"no region":         func(r *Request) { r.Region = "" },
		"no identity":       func(r *Request) { r.Identity = nil },
		"another's session": func(r *Request) { r.Session.Identity = "other" },
		"unknown operation": func(r *Request) { r.Operation = "Foretell" },
		"bad object":        func(r *Request) { r.Legs = append(r.Legs, rights.Leg{Kind: rights.ObjectLeg, Resource: "x"}) },
		"bad system tool":   func(r *Request) { r.Legs = append(r.Legs, rights.Leg{Kind: rights.SystemToolLeg, Resource: "x"}) },
		"tool twice":        func(r *Request) { r.Caps.Tools = []bedrock.Tool{tool("a", 1), tool("a", 2)} },
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			d := w.denies(b, w.call(haiku, change), CodeInvalidRequest)
			if len(d.Reasons) != 1 || d.Reasons[0].Effect != EffectDeny {
				t.Errorf("reasons %v", d.Reasons)
			}
		})
	}
}

func TestS5_AssertedPurposeMustBeApproved(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	b := w.bundle()
	purpose := func(p string) func(*Request) { return func(r *Request) { r.Asserted.Purpose = p } }
	w.permits(b, w.call(haiku, purpose("support")))
	d := w.denies(b, w.call(haiku, purpose("sales")), CodeForbid)
	if len(d.Reasons) != 1 || d.Reasons[0].Policy != "builtin/purpose" {
		t.Errorf("reasons %v", d.Reasons)
	}
}

func TestHaltedIdentityIsForbidden(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	b := w.bundle()
	for _, s := range []identity.State{identity.Quarantined, identity.Decommissioned} {
		w.denies(b, w.call(haiku, func(r *Request) { r.Identity.State = s }), CodeForbid)
	}
	w.permits(b, w.call(haiku, func(r *Request) { r.Identity.State = identity.Dormant }))

	// The same value, changed in place, must be seen too.
	r := w.call(haiku)
	w.permits(b, r)
	r.Identity.State = identity.Quarantined
	w.denies(b, r, CodeForbid)
}

// failing is a rule that cannot be evaluated. The validator would refuse it,
// so tests slip it past.
func failing(t *testing.T, b *Bundle, id, effect, head string) *Bundle {
	t.Helper()
	parsed, err := cedarset.Parse("broken", effect+" ("+head+") when { context.request.bytes + 9223372036854775807 > 0 };")
	if err != nil {
		t.Fatal(err)
	}
	r := newRule(id, "broken", treeOf(parsed[0]))
	next := *b
	if some, _ := obligationsNamed(r, b.atlas.actions); some {
		next.oblige = newIndex([]*rule{r}, b.stamper.duties)
	} else {
		next.decide = newIndex([]*rule{r}, b.stamper.decisions)
	}
	return &next
}

const anyHead = "principal, action, resource"

func TestS6_FailingForbidDenies(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	for _, head := range []string{anyHead, `principal, action == Writ::Action::"Release", resource`} {
		d := w.denies(failing(t, w.bundle(), "broken/1", "forbid", head), w.call(haiku), CodePolicyError)
		if len(d.Errors) != 1 || d.Errors[0].Policy != "broken/1" || d.Errors[0].Effect != EffectForbid {
			t.Errorf("errors %+v", d.Errors)
		}
	}
}

func TestS6_FailingPermitIsVoid(t *testing.T) {
	w := newTestWorld(t)
	d := w.denies(failing(t, w.bundle(), "broken/1", "permit", anyHead), w.call(haiku), CodeDefaultDeny)
	if len(d.Errors) != 1 || d.Errors[0].Effect != EffectPermit {
		t.Errorf("errors %+v", d.Errors)
	}
	w.may("chat", rights.Conditions{}, haiku)
	w.permits(failing(t, w.bundle(), "broken/1", "permit", anyHead), w.call(haiku))
}

func TestS6_RequestThatDoesNotConformIsRefused(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	b := w.bundle()
	r := w.call(haiku)
	h, err := b.hear(&r)
	if err != nil {
		t.Fatal(err)
	}
	delete(h.facts.parts, "time")
	h.legs()
	if d := h.close(nil); d.Code != CodeInvalidRequest || d.Permit != nil {
		t.Errorf("code %s", d.Code)
	}
}

func TestS7_OutputRulesNeedAReadAnswer(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Data: rights.Data{Forbid: []string{"health"}}}, haiku, reel)
	b := w.bundle()
	w.denies(b, w.call(reel), CodeDefaultDeny) // nobody reads what is drawn
	r := w.call(haiku)
	d := w.permits(b, r)
	if got := b.Release(d.Permit, r, clean); got.Code != CodePermit || got.Permit != nil {
		t.Errorf("clean output: %s", got.Code)
	}
	if got := b.Release(d.Permit, r, dataclass.Declared(dataclass.Health)); got.Code != CodeDefaultDeny {
		t.Errorf("health in the output: %s", got.Code)
	}
	r.Digest = Digest{9}
	if got := b.Release(d.Permit, r, clean); got.Code != CodeInvalidRequest {
		t.Errorf("another call's permit: %s", got.Code)
	}
}

// A grant without output rules must not release the answer of a call that only
// another grant permitted.
func TestS7_OnlyTheGrantsThatPermittedRelease(t *testing.T) {
	w := newTestWorld(t).
		may("strict", rights.Conditions{Data: rights.Data{Unscanned: true, Regulated: true, Forbid: []string{"source_code"}}}, haiku).
		may("free", rights.Conditions{Networks: []string{"office"}}, haiku)
	b := w.bundle()
	r := w.call(haiku)
	d := w.permits(b, r)
	if !slices.Equal(d.Grants, []string{"g-strict"}) {
		t.Fatalf("grants %v", d.Grants)
	}
	if got := b.Release(d.Permit, r, dataclass.Declared(dataclass.SourceCode)); got.Code != CodeDefaultDeny {
		t.Errorf("released by another grant: %s %v", got.Code, got.Reasons)
	}
}

func TestS7_OrganisationForbidsRelease(t *testing.T) {
	w := newTestWorld(t).may("draw", rights.Conditions{Data: rights.Data{Unscanned: true}}, reel).rule("org",
		`@id("out") forbid (principal, action == Writ::Action::"Release", resource) when { context.output.unscanned };`)
	d := w.denies(w.bundle(), w.call(reel), CodeForbid)
	if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Policy == "org/out" && r.Effect == EffectForbid }) {
		t.Errorf("reasons %v", d.Reasons)
	}
}

func obligationNames(d Decision) []string {
	var out []string
	for _, o := range d.Obligations {
		out = append(out, o.Name)
	}
	return out
}

func TestS8_Obligations(t *testing.T) {
	offer := func(names ...string) func(*Request) {
		return func(r *Request) {
			for _, n := range names {
				r.Caps.Tools = append(r.Caps.Tools, tool(n, 1))
			}
		}
	}
	tools := rights.Conditions{Tools: rights.Tools{Read: []string{"search"}, Write: []string{"post"}}}
	for name, tc := range map[string]struct {
		c    rights.Conditions
		call func(*Request)
		rule string
		want []string
	}{
		"none":                {tools, offer(), "", nil},
		"read":                {tools, offer("search"), "", nil},
		"write":               {tools, offer("search", "post"), "", []string{"hold"}},
		"any, unknown":        {rights.Conditions{Tools: rights.Tools{Any: true, Read: []string{"search"}}}, offer("other"), "", []string{"hold"}},
		"any, read":           {rights.Conditions{Tools: rights.Tools{Any: true, Read: []string{"search"}}}, offer("search"), "", nil},
		"any, changed":        {rights.Conditions{Tools: rights.Tools{Any: true, Read: []string{"search@" + strings.Repeat("0", 64)}}}, offer("search"), "", []string{"hold"}},
		"answer":              {rights.Conditions{HoldAnswer: true}, offer(), "", []string{"hold_answer"}},
		"by the organisation": {rights.Conditions{}, offer(), `permit (principal, action == Writ::Action::"oblige:hold_answer", resource) when { context.prompt.level == 0 };`, []string{"hold_answer"}},
		"union": {rights.Conditions{HoldAnswer: true}, offer(), `permit (principal, action in [Writ::Action::"oblige:redact", Writ::Action::"oblige:hold"], resource);`,
			[]string{"hold", "hold_answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("chat", tc.c, sonnetUS)
			if tc.rule != "" {
				w.rule("org", tc.rule)
			}
			d := w.permits(w.bundle(), w.call(sonnetUS, tc.call))
			if diff := cmp.Diff(tc.want, obligationNames(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What a grant demands goes with what it permits: a grant that did not permit
// the call demands nothing of it.
func TestS8_AGrantThatDoesNotApplyObligesNothing(t *testing.T) {
	w := newTestWorld(t).may("plain", rights.Conditions{}, haiku).
		may("held", rights.Conditions{HoldAnswer: true, Networks: []string{"office"}}, haiku)
	b := w.bundle()
	if d := w.permits(b, w.call(haiku)); len(d.Obligations) != 0 {
		t.Errorf("obligations %v", d.Obligations)
	}
	d := w.permits(b, w.call(haiku, func(r *Request) { r.Origin.Networks = []string{"office"} }))
	if diff := cmp.Diff([]string{"hold_answer"}, obligationNames(d)); diff != "" {
		t.Error(diff)
	}
}

func TestS8_FailingObligationApplies(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	b := failing(t, w.bundle(), "broken/1", "permit", `principal, action == Writ::Action::"oblige:hold_answer", resource`)
	d := w.permits(b, w.call(haiku))
	want := []Obligation{{Name: ObligeHoldAnswer, Policies: []string{"broken/1"}}}
	if diff := cmp.Diff(want, d.Obligations); diff != "" {
		t.Error(diff)
	}
	if len(d.Errors) != 1 || d.Errors[0].Effect != "oblige" {
		t.Errorf("errors %+v", d.Errors)
	}
}

func TestS8_ObligationThatCannotBeMetRefuses(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Guardrails: []string{guardrail1 + ":3"}}, haiku).
		rule("org", `@id("guard") permit (principal, action == Writ::Action::"oblige:guardrail", resource);`)
	b := w.bundle()
	d := w.denies(b, w.call(haiku), CodeForbid)
	if !slices.ContainsFunc(d.Reasons, func(r Reason) bool { return r.Policy == "org/guard" && r.Effect == EffectUnmet }) {
		t.Errorf("reasons %v", d.Reasons)
	}
	use := func(g bedrock.Guardrail) Request { return w.callWith(haiku, bedrock.Capabilities{Guardrail: &g}) }
	if d := w.permits(b, use(bedrock.Guardrail{ID: guardrail1, Version: "3"})); len(d.Obligations) != 0 {
		t.Errorf("obligations %v: the guardrail is there", d.Obligations)
	}
	w.denies(b, use(bedrock.Guardrail{ID: guardrail1, Version: "3", Async: true}), CodeForbid)
}

func TestS9_UntilIsTheEarliestEnd(t *testing.T) {
	w := newTestWorld(t).may("short", rights.Conditions{}, imported).may("long", rights.Conditions{}, imported)
	w.Grants[1].NotAfter = noon.Add(3 * time.Hour)
	w.Validations = allValidations(noon.Add(-time.Hour), noon.Add(24*time.Hour))
	b := w.bundle()
	if d := w.permits(b, w.call(imported)); !d.Until.Equal(noon.Add(3 * time.Hour)) {
		t.Errorf("until %v: want the end of the grant that lasts longest", d.Until)
	}
	w.Validations[1].Expires = noon.Add(2 * time.Hour)
	if d := w.permits(w.bundle(), w.call(imported)); !d.Until.Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("until %v: want the end of the validation", d.Until)
	}
	open := newTestWorld(t).rule("org", `permit (principal == Writ::Identity::"agent", action, resource);`)
	if d := open.permits(open.bundle(), open.call(haiku)); !d.Until.IsZero() {
		t.Errorf("until %v: want none", d.Until)
	}
}

func TestValidationsComeAndGo(t *testing.T) {
	w := newTestWorld(t).may("price", rights.Conditions{}, imported)
	w.Grants[0].NotAfter = noon.Add(1000 * time.Hour)
	w.denies(w.bundle(), w.call(imported), CodeForbid) // none recorded
	w.Validations = allValidations(noon, noon.Add(10*time.Hour))[:2]
	w.denies(w.bundle(), w.call(imported), CodeForbid) // one missing
	w.Validations = allValidations(noon, noon.Add(10*time.Hour))
	renewal := w.Validations[0]
	renewal.ID, renewal.At, renewal.Expires = "v-again", noon.Add(9*time.Hour), noon.Add(30*time.Hour)
	w.Validations = append(w.Validations, renewal)
	b := w.bundle()
	at := func(d time.Duration) Request { return w.call(imported, func(r *Request) { r.Now = noon.Add(d) }) }
	w.denies(b, at(-time.Second), CodeForbid)
	w.permits(b, at(0))
	w.permits(b, at(10*time.Hour-time.Millisecond))
	d := w.denies(b, at(10*time.Hour), CodeForbid)
	if d.Reasons[0].Policy != "builtin/validation" {
		t.Errorf("reasons %v", d.Reasons)
	}
}

func TestForbidWins(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku).
		rule("org", `@id("shared") @text("shared identities stay out") forbid (principal, action, resource) when { principal.shared };`)
	b := w.bundle()
	w.permits(b, w.call(haiku))
	d := w.denies(b, w.call(haiku, func(r *Request) { r.Identity.Shared = true }), CodeForbid)
	if diff := cmp.Diff([]Reason{{Policy: "org/shared", Effect: EffectForbid, Text: "shared identities stay out"}}, d.Reasons); diff != "" {
		t.Error(diff)
	}
	if d.Grants != nil || d.Obligations != nil {
		t.Errorf("a refusal names grants %v or obligations %v", d.Grants, d.Obligations)
	}
}
