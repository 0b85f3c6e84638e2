package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

func (w *testWorld) converted(b *Bundle) *Permits {
	w.t.Helper()
	p, err := b.Permits(w.call(haiku).Identity, rights.Place{Account: account})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// called is a call in the gateway's own account, which keys name.
func (w *testWorld) called(model string, change ...func(*Request)) Request {
	return w.call(model, append(change, func(r *Request) { r.Account, r.Home = account, account })...)
}

func TestPermitsListsEveryGrantWithItsRights(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Tools: rights.Tools{Write: []string{"post"}}}, haiku).may("apply", rights.Conditions{Guardrails: []string{guardrail1 + ":3"}})
	w.Entitlements[1].Actions = []string{"ApplyGuardrail"}
	w.Grants[1].NotAfter = noon.Add(-time.Hour)
	p := w.converted(w.bundle())
	if len(p.Granted) != 2 || len(p.Unconverted) > 0 {
		t.Fatalf("%+v", p)
	}
	apply, chat := p.Granted[0], p.Granted[1]
	if apply.Grant != "g-apply" || chat.Grant != "g-chat" || chat.Entitlement != "chat" || chat.Account != account || !chat.Until.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v, %+v", apply, chat)
	}
	if d := cmp.Diff([]string{"grant:g-chat/1", "grant:g-chat/2"}, chat.Rules); d != "" {
		t.Errorf("rules but obligations: %s", d)
	}
	if !slices.Contains(chat.Remainder, "writ:oblige.hold") || slices.Contains(apply.Remainder, "writ:oblige.hold") {
		t.Errorf("remainders %v and %v", chat.Remainder, apply.Remainder)
	}
	names := []string{}
	for _, f := range p.Forbids {
		names = append(names, f.Rule)
	}
	if d := cmp.Diff([]string{"builtin/purpose", "builtin/validation"}, names); d != "" {
		t.Errorf("forbids in force: %s", d)
	}
	if len(p.Documents()) != 4 {
		t.Errorf("%d documents", len(p.Documents()))
	}
}

func TestPermitsOfAnIdentityWithoutGrantsAllowNothing(t *testing.T) {
	w := newTestWorld(t)
	b := w.bundle()
	p := w.converted(b)
	if r := w.called(haiku); len(p.Granted) > 0 {
		t.Errorf("%+v", p.Granted)
	} else if allowed, _ := converted(t, b, p, &r); allowed {
		t.Error("a call is allowed without a grant")
	}
}

func TestPermitsRefusesAPlaceThatIsNone(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	if _, err := w.bundle().Permits(&identity.Identity{ID: "agent"}, rights.Place{Account: "here"}); err == nil || !strings.Contains(err.Error(), "twelve digits") {
		t.Errorf("error %v", err)
	}
}

// A rule that no policy expresses is named, and what it forbids is not taken
// for allowed.
func TestWhatCannotBeConvertedIsNamedAndNarrows(t *testing.T) {
	for name, tc := range map[string]struct{ rule, effect, why string }{
		"counts":             {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.prompt.counts.health > 3 };`, "forbid", "no key of IAM"},
		"two attributes":     {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.request.latency == context.request.serviceTier };`, "forbid", "two attributes of the call"},
		"a pattern":          {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.session.issuer like "https://*" };`, "forbid", "no key of IAM"},
		"an answer":          {`forbid (principal, action == Writ::Action::"Release", resource) when { context.output.regulated };`, "forbid", "about answers"},
		"one guardrail":      {`forbid (principal, action in [Writ::Action::"Use"], resource == Writ::Guardrail::"` + guardrail1 + `");`, "forbid", "names a Writ::Guardrail"},
		"one object":         {`forbid (principal, action in [Writ::Action::"UseObject"], resource) when { resource.uri like "s3://secret/*" };`, "forbid", "which Writ::Object"},
		"a hand-made permit": {`permit (principal, action == Writ::Action::"InvokeModel", resource == Writ::Model::"` + novaPro + `");`, "permit", "no grant stands behind"},
		"a guardrail owed":   {`permit (principal, action == Writ::Action::"oblige:guardrail", resource);`, "oblige", "demands a guardrail"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("chat", rights.Conditions{}, haiku).rule("law", tc.rule)
			b := w.bundle()
			p := w.converted(b)
			if len(p.Unconverted) != 1 || p.Unconverted[0].Rule != "law/1" || p.Unconverted[0].Effect != tc.effect || !strings.Contains(p.Unconverted[0].Reason, tc.why) {
				t.Fatalf("%+v", p.Unconverted)
			}
			rough := slices.ContainsFunc(p.Forbids, func(f Forbidden) bool {
				return f.Rule == "law/1" && !f.Exact && strings.Contains(string(f.Text), `"writ:rule.law/1":["true"]`)
			})
			if rough != (tc.effect == "forbid") {
				t.Errorf("forbids %+v", p.Forbids)
			}
		})
	}
}

// Each forbid of the property is exact, decides differently for two calls, and
// so does its policy.
func TestForbidsConvertExactly(t *testing.T) {
	in := func(region string) func(*Request) { return func(r *Request) { r.Region = region } }
	for name, tc := range map[string]struct {
		rule         string
		allow, deny  string // models
		allowN, bend func(*Request)
	}{
		"of a family":      {`forbid (principal, action, resource in Writ::Family::"anthropic.claude");`, novaLite, haiku, nil, nil},
		"of a profile":     {`forbid (principal, action in [Writ::Action::"Invoke"], resource == Writ::Profile::"` + sonnetUS + `");`, sonnet, sonnetUS, nil, nil},
		"of the global":    {`forbid (principal, action in [Writ::Action::"Invoke"], resource is Writ::Profile) when { resource.global };`, sonnetUS, globalOne, nil, nil},
		"by region":        {`forbid (principal, action, resource) unless { ["us-east-1"].containsAll(context.request.regions) };`, sonnet, sonnetUS, nil, nil},
		"by leg":           {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.leg.region == "us-west-2" };`, sonnet, sonnetUS, nil, nil},
		"by time":          {`forbid (principal, action, resource) when { context.time.now >= datetime("2026-11-18T12:10:00Z") };`, haiku, haiku, nil, func(r *Request) { r.Now = noon.Add(10 * time.Minute) }},
		"by address":       {`forbid (principal, action, resource) when { context.network has ip && context.network.ip.isInRange(ip("10.0.0.0/8")) };`, haiku, haiku, nil, func(r *Request) { r.Origin = testNetworks().Locate(drawnNetworks[1], nil) }},
		"by network":       {`forbid (principal, action, resource) when { context.network.names.contains("office") };`, haiku, haiku, nil, func(r *Request) { r.Origin = testNetworks().Locate(drawnNetworks[1], nil) }},
		"by environment":   {`forbid (principal, action, resource) when { principal.environment == "dev" };`, haiku, haiku, nil, func(r *Request) { r.Identity.Environment = "dev" }},
		"by state":         {`forbid (principal, action, resource) when { principal.state == "dormant" };`, haiku, haiku, nil, func(r *Request) { r.Identity.State = identity.Dormant }},
		"built in: state":  {`forbid (principal, action, resource) when { false };`, haiku, haiku, nil, func(r *Request) { r.Identity.State = identity.Quarantined }},
		"built in: aim":    {`forbid (principal, action, resource) when { false };`, haiku, haiku, nil, func(r *Request) { r.Asserted.Purpose = "sales" }},
		"built in: review": {`forbid (principal, action, resource) when { false };`, llama, imported, nil, nil},
		"unless one holds": {`forbid (principal, action in [Writ::Action::"Invoke"], resource) unless { context.request.extras.contains("a") };`, haiku, haiku, func(r *Request) { r.Caps.Extras = []string{"a", "bc"} }, func(r *Request) { r.Caps.Extras = []string{"bc"} }},
		"unless so many":   {`forbid (principal, action in [Writ::Action::"Invoke"], resource) unless { context.request.maxTokens >= 100 };`, haiku, haiku, func(r *Request) { r.Caps.MaxTokens = 100 }, func(r *Request) { r.Caps.MaxTokens = 99 }},
		"so many or more":  {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { 100 <= context.request.maxTokens };`, haiku, haiku, func(r *Request) { r.Caps.MaxTokens = 99 }, func(r *Request) { r.Caps.MaxTokens = 100 }},
		"two tools":        {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.request.extras.containsAll(["a", "b*"]) };`, haiku, haiku, func(r *Request) { r.Caps.Extras = []string{"a", "bc"} }, func(r *Request) { r.Caps.Extras = []string{"a", "b*"} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("all", rights.Conditions{Extras: []string{"a", "b*", "bc"}}, "provider:anthropic", "provider:amazon", "provider:meta").rule("law", tc.rule)
			b := w.bundle()
			ask := func(model string, change func(*Request), want bool) {
				changes := []func(*Request){in(region)}
				if change != nil {
					changes = append(changes, change)
				}
				r := w.called(model, changes...)
				p, err := b.Permits(r.Identity, rights.Place{Account: account})
				if err != nil || len(p.Unconverted) > 0 {
					t.Fatalf("%v %+v", err, p.Unconverted)
				}
				if got := b.Decide(r); (got.Code == CodePermit) != want {
					t.Errorf("%s: Cedar says %s: %v", model, got.Code, got.Reasons)
				}
				if allowed, why := converted(t, b, p, &r); allowed != want {
					t.Errorf("%s: the policies allow %v: %+v", model, allowed, why)
				}
			}
			ask(tc.allow, tc.allowN, true)
			ask(tc.deny, tc.bend, false)
		})
	}
}

// An entitlement that holds answers keeps its holder from starting what would
// not pass the gateway, also by another grant.
func TestAHoldForbidsToStart(t *testing.T) {
	start := func(hold bool) (*testWorld, *Bundle) {
		w := newTestWorld(t).may("a", rights.Conditions{Outputs: []string{"s3://out/*"}, Data: rights.Data{Unscanned: true}}, novaLite).
			may("b", rights.Conditions{Outputs: []string{"s3://out/*"}, HoldAnswer: hold}, novaLite)
		for i := range w.Entitlements {
			w.Entitlements[i].Actions = []string{"StartAsyncInvoke"}
		}
		return w, w.bundle()
	}
	caps := bedrock.Capabilities{Output: &bedrock.Output{URI: "s3://out/x"}}
	for _, hold := range []bool{false, true} {
		w, b := start(hold)
		r := testCall(t, w.Catalogue, bedrock.StartAsyncInvoke, novaLite, caps, func(r *Request) { r.Account, r.Home = account, account })
		allowed, why := converted(t, b, w.converted(b), &r)
		if got := b.Decide(r); allowed == hold || (got.Code == CodePermit) == hold {
			t.Errorf("hold %v: Cedar says %s, the policies allow %v: %+v", hold, got.Code, allowed, why)
		}
	}
}

// An answer that must be redacted and cannot be read is not asked for, also
// where another grant would let it out unread. A grant that does not permit the
// call demands nothing of its answer.
func TestARightThatRedactsAnswersForbidsWhatCannotBeRead(t *testing.T) {
	redacts := rights.Data{Output: &rights.Output{Redact: true}}
	unread := rights.Data{Output: &rights.Output{Unscanned: true}}
	for name, tc := range map[string]struct {
		second rights.Conditions
		models string // of the second grant
		narrow *rights.Narrowing
		call   string
		want   bool
	}{
		"unread by both":            {rights.Conditions{Data: unread}, reel, nil, reel, true},
		"redacted by one":           {rights.Conditions{Data: redacts}, reel, nil, reel, false},
		"redacted by a provider's":  {rights.Conditions{Data: redacts}, "provider:amazon", nil, reel, false},
		"redacted as prompts are":   {rights.Conditions{Data: rights.Data{Redact: true}}, reel, nil, reel, false},
		"prompts redacted only":     {rights.Conditions{Data: rights.Data{Redact: true, Output: &rights.Output{Unscanned: true}}}, reel, nil, reel, true},
		"redacted by a narrowing":   {rights.Conditions{Data: unread}, reel, &rights.Narrowing{Redact: true}, reel, false},
		"redacted of another model": {rights.Conditions{Data: redacts}, novaLite, nil, reel, true},
		"redacted elsewhere":        {rights.Conditions{Data: redacts, Environments: []string{"dev"}}, reel, nil, reel, true},
		"redacted of other prompts": {rights.Conditions{Data: redacts, MaxTokens: 10}, reel, nil, reel, true},
		"text is read":              {rights.Conditions{Data: redacts}, "provider:amazon", nil, novaLite, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("a", rights.Conditions{Data: unread}, reel).may("b", tc.second, tc.models)
			w.Grants[1].Narrow = tc.narrow
			b := w.bundle()
			r := testCall(t, w.Catalogue, bedrock.InvokeModel, tc.call, bedrock.Capabilities{}, func(r *Request) { r.Account, r.Home = account, account })
			if got := b.Decide(r); (got.Code == CodePermit) != tc.want {
				t.Errorf("Cedar says %s: %v", got.Code, got.Reasons)
			}
			if allowed, why := converted(t, b, w.converted(b), &r); allowed != tc.want {
				t.Errorf("the policies allow %v: %+v", allowed, why)
			}
		})
	}
}

// A rule on answers keeps what it is about from being started: its answer would
// not pass the gateway.
func TestARuleOnAnswersForbidsToStart(t *testing.T) {
	rule := `forbid (principal, action in [Writ::Action::"Invoke", Writ::Action::"Release"], resource in Writ::Family::"%s") when { context.request.maxTokens > 1000 };`
	for family, want := range map[string]bool{"amazon.nova": false, "anthropic.claude": true} {
		w := newTestWorld(t).may("a", rights.Conditions{Outputs: []string{"s3://out/*"}, Data: rights.Data{Unscanned: true}}, novaLite).rule("law", fmt.Sprintf(rule, family))
		w.Entitlements[0].Actions = []string{"StartAsyncInvoke"}
		b := w.bundle()
		caps := bedrock.Capabilities{Output: &bedrock.Output{URI: "s3://out/x"}}
		r := testCall(t, w.Catalogue, bedrock.StartAsyncInvoke, novaLite, caps, func(r *Request) { r.Account, r.Home = account, account })
		allowed, why := converted(t, b, w.converted(b), &r)
		if got := b.Decide(r); allowed != want || (got.Code == CodePermit) != want {
			t.Errorf("a rule on %s: Cedar says %s, the policies allow %v: %+v", family, got.Code, allowed, why)
		}
	}
}

// Two keys of one request never share a name, and sets are sets.
func TestKeysOfARequest(t *testing.T) {
	w := newTestWorld(t)
	r := w.callWith(haiku, bedrock.Capabilities{Guardrail: &bedrock.Guardrail{ID: "abc123", Version: "3"}, Extras: []string{"b", "a", "b"}, UnknownContent: []string{"x"}}, func(r *Request) { r.Account = account })
	keys := w.bundle().Keys(&r)
	for key, want := range map[string]string{
		"aws:currenttime": "2026-11-18T12:00:00Z", "aws:sourceip": "127.0.0.1", "aws:principalaccount": account,
		"bedrock:guardrailidentifier": guardrail1 + ":3", "writ:request.guardrail": "abc123:3", "writ:request.extras": "a b",
		"writ:prompt.unscanned": "true", "writ:session.age": "60", "writ:time.weekday": "3", "writ:request.servicetier": "default",
		"writ:request.model": haiku, "writ:request.profile": "", "bedrock:servicetier": "", "writ:asserted.purpose": "",
	} {
		if v, _ := keys.Get(key); strings.Join(v.Items, " ") != want {
			t.Errorf("%s = %q, want %q", key, v.Items, want)
		}
	}
	twice := w.callWith(haiku, bedrock.Capabilities{Tools: []bedrock.Tool{tool("a", 1), tool("a", 2)}})
	if v := w.bundle().Keys(&twice)["writ:request.tooldigests"]; v.Doubt == "" {
		t.Error("a tool that is defined twice is taken for one")
	}
}
