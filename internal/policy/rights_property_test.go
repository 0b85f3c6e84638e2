package policy

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

const (
	foreign     = "444455556666"
	endpoint    = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/market"
	endpoint2   = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/another"
	application = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/app0001"
	router      = "arn:aws:bedrock:us-east-1:111122223333:prompt-router/route0001"
	globalOne   = "global." + sonnet
)

// wideCatalogue has every kind of model and profile.
func wideCatalogue(t testing.TB) *bedrock.Catalogue {
	t.Helper()
	at := map[string][]string{region: {region, "us-west-2"}}
	cat, err := testCatalogue(t).With([]bedrock.Model{
		{ID: endpoint, Kind: bedrock.MarketplaceModel, Base: llama, Regions: []string{region}},
		{ID: endpoint2, Kind: bedrock.MarketplaceModel, Base: llama, Regions: []string{region}},
	}, []bedrock.Profile{
		{ID: application, Model: sonnet, Destinations: at},
		{ID: router, Model: novaLite, Routes: []string{novaPro}, Destinations: map[string][]string{region: {region}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

var (
	drawnModels    = []string{reel, haiku, sonnet, sonnetUS, globalOne, novaLite, "us." + novaLite, llama, imported, endpoint, endpoint2, application, router}
	drawnSelectors = append([]string{"family:amazon.nova", "family:meta.llama", "provider:anthropic", "provider:amazon"}, drawnModels...)
	drawnNetworks  = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("10.2.2.3"), netip.MustParseAddr("203.0.113.9"), {}}
	drawnTool      = bedrock.Tool{Name: "search", Digest: [32]byte{7}}
	drawnPin       = fmt.Sprintf("search@%x", drawnTool.Digest)
)

// drawnRules are forbids that convert exactly.
var drawnRules = []string{
	`forbid (principal, action, resource) when { context.time.now > datetime("2026-11-18T12:30:00Z") };`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource in Writ::Provider::"anthropic") unless { principal.environment == "prod" };`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.request.regions.contains("us-west-2") };`,
	`forbid (principal, action, resource) unless { ["us-east-1", "us-east-2", "us-west-2"].containsAll(context.request.regions) };`,
	`forbid (principal == Writ::Identity::"other", action, resource);`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource is Writ::Profile) when { resource.global };`,
	`forbid (principal, action, resource) when { context.network has ip && context.network.ip.isInRange(ip("10.1.0.0/16")) };`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource) unless { context.network.names.containsAny(["office", "partner-egress"]) };`,
	`forbid (principal, action in [Writ::Action::"Use"], resource) when { context.request.model in Writ::Family::"amazon.nova" || context.request.maxTokens > 50 };`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { if resource.family == "amazon.nova" then context.session.age > 60 else context.asserted.classes.contains("x") };`,
	`forbid (principal, action in [Writ::Action::"Invoke", Writ::Action::"Release"], resource in Writ::Family::"amazon.nova") when { !context.request.home };`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.leg.region == "us-west-2" && context.request.streaming };`,
	`forbid (principal, action == Writ::Action::"InvokeModel", resource) unless { !context.request.guardrail.present || context.request.guardrail.numeric };`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.request.model == Writ::Model::"` + sonnet + `" && context.request.profile != "" && context.request.tools.containsAll(["search", "post"]) };`,
	`forbid (principal, action in [Writ::Action::"Invoke"], resource) unless { principal.purposes.contains("support") && 3 >= context.prompt.level };`,
	`forbid (principal, action in [Writ::Action::"Async"], resource) when { ["eu-west-1", ""].contains(context.request.region) || context.request.extras.isEmpty() == false };`,
}

type drawing struct{ *rapid.T }

// odds draws true once in n times.
func (d drawing) odds(n int, what string) bool { return rapid.IntRange(1, n).Draw(d.T, what) == 1 }

func oneOf[T any](d drawing, what string, list ...T) T {
	return rapid.SampledFrom(list).Draw(d.T, what)
}

// some draws a few of a list, each once; mostly more than none.
func some(d drawing, what string, list ...string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(list), 1, 3, rapid.ID[string]).Draw(d.T, what)
}

func (d drawing) entitlement(id string) rights.Entitlement {
	e := rights.Entitlement{ID: id, Models: some(d, "models", drawnSelectors...)}
	if d.odds(4, "home") {
		e.Account = oneOf(d, "account", account, foreign)
	}
	e.Actions = []string{"InvokeModel", "InvokeModelWithResponseStream"}
	if d.odds(2, "actions") {
		e.Actions = some(d, "actions", "InvokeModel", "InvokeModelWithResponseStream", "CountTokens", "ApplyGuardrail", "GetAsyncInvoke", "ListAsyncInvokes", "StartAsyncInvoke", "TagResource")
	}
	e.Conditions = d.conditions()
	if slices.Contains(e.Actions, "StartAsyncInvoke") {
		e.Conditions.Outputs = some(d, "outputs", "s3://answers/*", "s3://answers/a/", "s3://other/x*")
	}
	return e
}

func (d drawing) conditions() (c rights.Conditions) {
	list := func(into *[]string, n int, what string, values ...string) {
		if d.odds(n, what) {
			*into = some(d, what, values...)
		}
	}
	list(&c.Networks, 6, "networks", "office", "partner-egress")
	list(&c.Environments, 8, "environments", "prod", "dev")
	list(&c.Purposes, 8, "purposes", "support", "sales", oddPurpose)
	list(&c.Regions, 8, "regions", "us-east-1", "us-east-2", "us-west-2", "unspecified")
	list(&c.Guardrails, 2, "guardrails", guardrail1+":3", guardrail1+":4", guardrail1+"x:1")
	c.RequireGuardrail = len(c.Guardrails) > 0 && d.odds(3, "required")
	list(&c.ServiceTiers, 5, "tiers", "default", "flex", "priority")
	list(&c.Extras, 3, "extras", "thinking", "beta:x")
	list(&c.UnknownFields, 3, "fields", "top_a", "top_b")
	list(&c.SystemTools, 3, "system", "nova_code", "nova_web")
	list(&c.Objects, 3, "objects", "s3://bucket/*", "s3://bucket/a", "s3://bucket/in/*")
	list(&c.Tools.Read, 3, "read", "search", drawnPin, "odd*", "look?")
	if d.odds(5, "write") {
		c.Tools.Write = []string{"post"}
	}
	c.Tools.Any = d.odds(8, "any tool")
	list(&c.Data.Forbid, 10, "forbid", "health", "source_code")
	c.Data.Unscanned, c.Data.Regulated = d.odds(2, "unscanned"), d.odds(2, "regulated")
	c.Data.MaxLevel = oneOf(d, "level", "", "", "", "internal", "restricted")
	c.Data.Redact = d.odds(5, "redact")
	if d.odds(3, "output") {
		c.Data.Output = &rights.Output{Regulated: d.odds(2, "out regulated"), Unscanned: d.odds(2, "out unscanned"), Redact: d.odds(6, "out redact")}
		list(&c.Data.Output.Forbid, 6, "out forbid", "health", "source_code")
		c.Data.Output.MaxLevel = oneOf(d, "out level", "", "", "internal", "restricted")
	}
	c.MaxTokens = oneOf[int64](d, "max tokens", 0, 0, 0, 100)
	c.MaxSessionAge = identity.Duration(oneOf(d, "session age", 0, 0, 0, time.Minute))
	c.HoldAnswer = d.odds(10, "hold")
	return c
}

const oddPurpose = "odd ${aws:username} * purpose"

func (d drawing) bundle(t testing.TB, cat *bedrock.Catalogue) (*Bundle, []rights.Entitlement) {
	src := Sources{Catalogue: cat, Networks: testNetworks(), Identities: []string{"agent", "other"}}
	for n := range rapid.IntRange(1, 3).Draw(d.T, "entitlements") {
		e := d.entitlement(fmt.Sprintf("e%d", n))
		g := rights.Grant{ID: fmt.Sprintf("g%d", n), Identity: "agent", Entitlement: e.ID, NotAfter: noon.Add(time.Hour + 1500*time.Microsecond)}
		if d.odds(3, "narrowed") {
			g.Narrow = d.narrowing(&e)
		}
		if d.odds(4, "begins") {
			g.NotBefore = noon.Add(oneOf(d, "not before", -time.Hour, 500*time.Microsecond, time.Millisecond))
		}
		src.Entitlements, src.Grants = append(src.Entitlements, e), append(src.Grants, g)
	}
	if d.odds(2, "validated") {
		src.Validations = allValidations(noon.Add(-time.Hour), noon.Add(30*time.Minute))
	}
	if d.odds(3, "rules") {
		for n, text := range some(d, "rules", drawnRules...) {
			src.Organisation = append(src.Organisation, Document{Name: fmt.Sprintf("d%d", n), Text: text})
		}
	}
	b, err := NewBundle(src)
	if err != nil {
		t.Fatal(err)
	}
	return b, src.Entitlements
}

// near draws one of what is allowed, or now and then anything.
func near[T any](d drawing, what string, allowed []T, any ...T) T {
	if len(allowed) == 0 || d.odds(12, what+" at random") {
		return oneOf(d, what, any...)
	}
	return oneOf(d, what, allowed...)
}

func (d drawing) operation(actions []string) bedrock.Operation {
	all := []bedrock.Operation{bedrock.Converse, bedrock.ConverseStream, bedrock.InvokeModel, bedrock.ChatCompletions, bedrock.CountTokens, bedrock.ApplyGuardrail, bedrock.StartAsyncInvoke, bedrock.GetAsyncInvoke, bedrock.ListAsyncInvokes}
	var allowed []bedrock.Operation
	for _, o := range all {
		action := o.Action()
		if o.Async() {
			action = string(o)
		}
		if slices.Contains(actions, action) {
			allowed = append(allowed, o)
		}
	}
	return near(d, "operation", allowed, all...)
}

// model draws a model or profile that selectors cover.
func (d drawing) model(cat *bedrock.Catalogue, selectors []string) string {
	var allowed []string
	for _, s := range selectors {
		switch s {
		case "family:amazon.nova", "provider:amazon":
			allowed = append(allowed, novaLite, novaPro, "us."+novaLite)
		case "family:meta.llama":
			allowed = append(allowed, llama, imported, endpoint)
		case "provider:anthropic":
			allowed = append(allowed, haiku, sonnetUS)
		default:
			allowed = append(allowed, s)
		}
	}
	return near(d, "model", allowed, drawnModels...)
}

// request draws a call, mostly one that an entitlement allows.
func (d drawing) request(cat *bedrock.Catalogue, who *identity.Identity, e *rights.Entitlement) (Request, bool) {
	called := []string{account}
	if e.Account != "" {
		called = []string{e.Account}
	}
	r := Request{
		Identity: who, Operation: d.operation(e.Actions), Account: near(d, "called", called, account, foreign), Home: account,
		Now:    noon.Add(near(d, "now", []time.Duration{time.Minute}, 0, 600*time.Microsecond, 31*time.Minute, time.Hour, time.Hour+time.Millisecond, time.Hour+2*time.Millisecond)),
		Region: near(d, "region", []string{region}, region, "us-west-2"), BodyBytes: 10, Digest: Digest{1}, Prompt: d.label(),
	}
	r.Session = identity.Session{Identity: "agent", Proof: identity.ProofOIDC, Issued: r.Now.Add(-near(d, "age", []time.Duration{30 * time.Second}, time.Hour))}
	if a := near(d, "address", drawnNetworks[:3], drawnNetworks...); a.IsValid() {
		r.Origin = testNetworks().Locate(a, http.Header{})
	}
	if d.odds(8, "asserted") {
		r.Asserted.Purpose = oneOf(d, "purpose", "support", "sales")
	}
	d.caps(&r, &e.Conditions)
	inv := rights.Invocation{Operation: r.Operation, ModelID: d.model(cat, e.Models), Region: r.Region, Account: r.Account, Caps: r.Caps}
	var err error
	r.Legs, err = rights.Legs(inv, cat)
	return r, err == nil
}

func (d drawing) caps(r *Request, cond *rights.Conditions) {
	c := &r.Caps
	list := func(into *[]string, allowed []string, what string, values ...string) {
		if len(allowed) > 0 && d.odds(2, what) || d.odds(15, what+" not allowed") {
			*into = []string{near(d, what, allowed, values...)}
		}
	}
	d.guardrail(r, cond)
	list(&c.Extras, cond.Extras, "uses extras", "thinking", "beta:x")
	list(&c.UnknownFields, cond.UnknownFields, "uses fields", "top_a", "top_b")
	list(&c.SystemTools, cond.SystemTools, "uses system", "nova_code", "nova_web")
	if len(cond.Objects) > 0 && d.odds(2, "uses objects") || d.odds(20, "uses objects not allowed") {
		c.S3 = some(d, "objects", "s3://bucket/a", "s3://bucket/in/b", "s3://bucket/b")
	}
	c.ServiceTier = near(d, "tier", append([]string{""}, cond.ServiceTiers...), "default", "flex", "priority")
	c.MaxTokens = near(d, "tokens", []int64{40, 100}, 0, 101, -1)
	if len(cond.Tools.Read)+len(cond.Tools.Write) > 0 && d.odds(2, "tools") || d.odds(12, "tools not allowed") {
		c.Tools = oneOf(d, "which", []bedrock.Tool{drawnTool}, []bedrock.Tool{{Name: "search"}}, []bedrock.Tool{{Name: "post"}, drawnTool}, []bedrock.Tool{{Name: "odd*"}}, []bedrock.Tool{{Name: "oddly"}}, []bedrock.Tool{{Name: "search@x"}})
	}
	if d.odds(20, "unknown content") {
		c.UnknownContent = []string{"hologram"}
	}
	if r.Operation == bedrock.StartAsyncInvoke {
		c.Output = &bedrock.Output{URI: oneOf(d, "output", "s3://answers/a/", "s3://answers/a", "s3://other/xyz")}
		if d.odds(4, "tagged") {
			c.Tags = []string{"team=a"}
		}
	}
}

func (d drawing) guardrail(r *Request, cond *rights.Conditions) {
	if len(cond.Guardrails) == 0 && !d.odds(15, "guarded at random") && r.Operation != bedrock.ApplyGuardrail || !cond.RequireGuardrail && d.odds(2, "unguarded") && r.Operation != bedrock.ApplyGuardrail {
		return
	}
	named := near(d, "guardrail", cond.Guardrails, guardrail1+":3", guardrail1+"x:1", "abc123:3", guardrail1+":DRAFT")
	i := strings.LastIndexByte(named, ':')
	r.Caps.Guardrail = &bedrock.Guardrail{ID: named[:i], Version: named[i+1:], Async: d.odds(8, "async"), Narrowed: d.odds(8, "narrowed")}
}

func (d drawing) label() dataclass.Label {
	contact, number := dataclass.Declared(dataclass.PersonalContact), dataclass.Declared(dataclass.RegulatedPersonal, dataclass.SourceCode)
	contact.Redactable, number.Redactable = true, true
	return near(d, "prompt", []dataclass.Label{clean, clean, contact}, clean, contact, number, dataclass.Declared(dataclass.Health), dataclass.Declared(dataclass.SourceCode), dataclass.Declared(dataclass.Credential),
		dataclass.Unscanned("image"), dataclass.Label{Truncated: true}, dataclass.Declared(dataclass.OnlineIdentifier))
}

// converted asks the policies about every leg of a request.
func converted(t testing.TB, b *Bundle, p *Permits, r *Request) (allowed bool, why awsiam.Decision) {
	t.Helper()
	layers := awsiam.Layers{Identity: p.Documents()}
	keys := b.Keys(r)
	for _, k := range rights.ChecksOf(awsiam.EmbeddedFacts(), r.Legs) {
		ctx := awsiam.Context{}
		for _, c := range []awsiam.Context{keys, k.Known} {
			for key, v := range c {
				ctx[key] = v
			}
		}
		who := awsiam.Principal{ARN: "arn:aws:iam::" + r.Account + ":role/writ", Account: r.Account}
		d := awsiam.Evaluate(awsiam.Request{Principal: who, Action: k.Action, Resource: k.Resource, Account: k.Account, Context: ctx}, layers)
		switch d.Outcome {
		case awsiam.Allowed:
		case awsiam.Undetermined:
			t.Fatalf("undetermined: %v", d.Doubts)
		default:
			return false, d
		}
	}
	return true, awsiam.Decision{}
}

// TestWhatCedarPermitsIsWhatTheAlgebraAllows: the gateway and the analyser mean
// the same by a grant.
func TestWhatCedarPermitsIsWhatTheAlgebraAllows(t *testing.T) {
	cat := wideCatalogue(t)
	permitted, asked, operations := 0, 0, map[bedrock.Operation]int{}
	rapid.Check(t, func(rt *rapid.T) {
		d := drawing{rt}
		b, ents := d.bundle(t, cat)
		who := &identity.Identity{ID: "agent", Kind: identity.Agent, Environment: oneOf(d, "environment", "prod", "prod", "dev"), Purposes: some(d, "of", "support", "sales", oddPurpose)}
		if d.odds(15, "halted") {
			who.State = identity.Quarantined
		}
		p, err := b.Permits(who, rights.Place{Account: account})
		if err != nil || len(p.Unconverted) > 0 {
			rt.Fatalf("%v, unconverted: %v", err, p.Unconverted)
		}
		for range 12 {
			r, ok := d.request(cat, who, &ents[rapid.IntRange(0, len(ents)-1).Draw(rt, "like")])
			if !ok {
				continue
			}
			got := b.Decide(r)
			if got.Code == CodeInvalidRequest {
				rt.Fatalf("%v", got.Reasons)
			}
			allowed, why := converted(t, b, p, &r)
			if allowed != (got.Code == CodePermit) {
				rt.Fatalf("Cedar says %s, the policies allow: %v (%+v)\nreasons %v\nentitlements %+v\nlegs %v", got.Code, allowed, why, got.Reasons, ents, got.Legs)
			}
			if asked++; allowed {
				permitted++
				operations[r.Operation]++
			}
		}
	})
	t.Logf("permitted %d of %d: %v", permitted, asked, operations)
	if permitted*20 < asked || len(operations) < 4 {
		t.Errorf("permitted %d of %d: the test hardly compares anything", permitted, asked)
	}
}
