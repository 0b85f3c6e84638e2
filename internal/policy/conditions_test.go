package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

func prompt(l dataclass.Label) func(*Request) { return func(r *Request) { r.Prompt = l } }

func tool(name string, digest byte) bedrock.Tool {
	return bedrock.Tool{Name: name, Digest: [32]byte{digest}}
}

// Every condition of an entitlement, by a call that meets it and one that does
// not. The denied call differs in nothing else.
func TestConditions(t *testing.T) {
	at := func(d time.Duration) func(*Request) { return func(r *Request) { r.Now = noon.Add(d) } }
	from := func(nets ...string) func(*Request) {
		return func(r *Request) { r.Origin = identity.Origin{Networks: nets} }
	}
	who := func(change func(*identity.Identity)) func(*Request) {
		return func(r *Request) { change(r.Identity) }
	}
	aged := func(d time.Duration) func(*Request) { return func(r *Request) { r.Session.Issued = noon.Add(-d) } }
	caps := func(c bedrock.Capabilities) func(*Request) { return func(r *Request) { r.Caps = c } }
	tools := func(list ...bedrock.Tool) func(*Request) { return caps(bedrock.Capabilities{Tools: list}) }
	pin := "search@" + strings.Repeat("07", 1) + strings.Repeat("00", 31)
	nothing := func(*Request) {}

	for name, tc := range map[string]struct {
		c           rights.Conditions
		allow, deny func(*Request)
	}{
		"window":           {rights.Conditions{}, at(time.Hour - time.Millisecond), at(time.Hour)},
		"networks":         {rights.Conditions{Networks: []string{"partner-egress", "office"}}, from("office"), from()},
		"environments":     {rights.Conditions{Environments: []string{"prod"}}, nothing, who(func(i *identity.Identity) { i.Environment = "dev" })},
		"purposes":         {rights.Conditions{Purposes: []string{"support", "sales"}}, nothing, who(func(i *identity.Identity) { i.Purposes = []string{"billing"} })},
		"session age":      {rights.Conditions{MaxSessionAge: identity.Duration(15 * time.Minute)}, aged(15 * time.Minute), aged(15*time.Minute + time.Millisecond)},
		"max tokens":       {rights.Conditions{MaxTokens: 100}, caps(capsWithTokens(100)), caps(capsWithTokens(101))},
		"tokens unstated":  {rights.Conditions{MaxTokens: 100}, caps(capsWithTokens(1)), nothing},
		"tokens negative":  {rights.Conditions{MaxTokens: 100}, caps(capsWithTokens(1)), caps(capsWithTokens(-1))},
		"tier default":     {rights.Conditions{}, caps(bedrock.Capabilities{ServiceTier: "default"}), caps(bedrock.Capabilities{ServiceTier: "priority"})},
		"tier listed":      {rights.Conditions{ServiceTiers: []string{"flex"}}, caps(bedrock.Capabilities{ServiceTier: "flex"}), nothing},
		"extras":           {rights.Conditions{Extras: []string{"thinking"}}, caps(bedrock.Capabilities{Extras: []string{"thinking"}}), caps(bedrock.Capabilities{Extras: []string{"beta:x", "thinking"}})},
		"extras none":      {rights.Conditions{}, nothing, caps(bedrock.Capabilities{Extras: []string{"thinking"}})},
		"unknown fields":   {rights.Conditions{UnknownFields: []string{"top_a"}}, caps(bedrock.Capabilities{UnknownFields: []string{"top_a"}}), caps(bedrock.Capabilities{UnknownFields: []string{"top_b"}})},
		"unknown none":     {rights.Conditions{}, nothing, caps(bedrock.Capabilities{UnknownFields: []string{"top_a"}})},
		"system tools":     {rights.Conditions{}, nothing, caps(bedrock.Capabilities{SystemTools: []string{"nova_code"}})},
		"tools none":       {rights.Conditions{}, nothing, tools(tool("search", 1))},
		"tools read":       {rights.Conditions{Tools: rights.Tools{Read: []string{"search"}}}, tools(tool("search", 1)), tools(tool("search", 1), tool("post", 1))},
		"tools write":      {rights.Conditions{Tools: rights.Tools{Write: []string{"post"}}}, tools(tool("post", 1)), tools(tool("other", 1))},
		"tools pinned":     {rights.Conditions{Tools: rights.Tools{Read: []string{pin}}}, tools(tool("search", 7)), tools(tool("search", 8))},
		"regulated":        {rights.Conditions{}, nothing, prompt(dataclass.Declared(dataclass.Health))},
		"regulated ok":     {rights.Conditions{Data: rights.Data{Regulated: true}}, prompt(dataclass.Declared(dataclass.Health)), prompt(dataclass.Declared(dataclass.Credential))},
		"credential":       {rights.Conditions{}, nothing, prompt(dataclass.Declared(dataclass.Credential))},
		"unscanned":        {rights.Conditions{}, nothing, prompt(dataclass.Unscanned("image"))},
		"truncated":        {rights.Conditions{}, nothing, prompt(dataclass.Label{Truncated: true})},
		"unscanned ok":     {rights.Conditions{Data: rights.Data{Unscanned: true}}, prompt(dataclass.Unscanned("image")), prompt(dataclass.Unscanned("image").Join(dataclass.Declared(dataclass.Health)))},
		"unknown content":  {rights.Conditions{}, nothing, caps(bedrock.Capabilities{UnknownContent: []string{"messages[0].content[1].hologram"}})},
		"level":            {rights.Conditions{Data: rights.Data{MaxLevel: "internal"}}, prompt(dataclass.Declared(dataclass.OnlineIdentifier)), prompt(dataclass.Declared(dataclass.SourceCode))},
		"forbidden class":  {rights.Conditions{Data: rights.Data{Unscanned: true, Forbid: []string{"source_code"}}}, nothing, prompt(dataclass.Declared(dataclass.SourceCode))},
		"environment case": {rights.Conditions{Environments: []string{"prod"}}, nothing, who(func(i *identity.Identity) { i.Environment = "Prod" })},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("chat", tc.c, haiku)
			b := w.bundle()
			w.permits(b, w.call(haiku, tc.allow))
			w.denies(b, w.call(haiku, tc.deny), CodeDefaultDeny)
		})
	}
}

func TestRegions(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Regions: []string{"us-east-1", "us-east-2"}}, sonnetUS, sonnet)
	b := w.bundle()
	w.permits(b, w.call(sonnet))
	w.denies(b, w.call(sonnetUS), CodeDefaultDeny) // it may also run in us-west-2
}

// A global profile runs anywhere, so a list of regions never covers it unless
// it says "unspecified".
func TestS1_GlobalProfileIsInNoListOfRegions(t *testing.T) {
	global := "global." + sonnet
	w := newTestWorld(t)
	if _, ok := w.Catalogue.Profile(global); !ok {
		t.Fatal("the catalogue lists no global profile of this model")
	}
	w.may("chat", rights.Conditions{Regions: []string{region}}, global)
	w.denies(w.bundle(), w.call(global), CodeDefaultDeny)
	w = newTestWorld(t).may("chat", rights.Conditions{Regions: []string{region, rights.UnspecifiedRegion}}, global)
	w.permits(w.bundle(), w.call(global))
}

func TestWindowBegins(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	w.Grants[0].NotBefore = noon.Add(time.Microsecond)
	b := w.bundle()
	w.denies(b, w.call(haiku, func(r *Request) { r.Now = noon.Add(900 * time.Microsecond) }), CodeDefaultDeny)
	w.permits(b, w.call(haiku, func(r *Request) { r.Now = noon.Add(time.Millisecond) }))
}

func TestSelectors(t *testing.T) {
	w := newTestWorld(t)
	w.Validations = allValidations(noon.Add(-time.Hour), noon.Add(time.Hour))
	for name, tc := range map[string]struct {
		models      []string
		allow, deny []string
	}{
		"model only directly":     {[]string{sonnet}, []string{sonnet}, []string{sonnetUS, haiku}},
		"profile only through it": {[]string{sonnetUS}, []string{sonnetUS}, []string{sonnet}},
		"family either way":       {[]string{"family:amazon.nova"}, []string{novaLite, "us." + novaLite}, []string{llama, sonnetUS}},
		"family reaches a custom": {[]string{"family:meta.llama"}, []string{llama, imported}, []string{novaPro}},
		"provider":                {[]string{"provider:anthropic"}, []string{haiku, sonnetUS}, []string{novaPro}},
		"own model by ARN":        {[]string{imported}, []string{imported}, []string{llama}},
		"several":                 {[]string{haiku, novaPro}, []string{haiku, novaPro}, []string{novaLite}},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.t = t
			w.Entitlements, w.Grants = nil, nil
			b := w.may("e", rights.Conditions{}, tc.models...).bundle()
			for _, m := range tc.allow {
				w.permits(b, w.call(m))
			}
			for _, m := range tc.deny {
				w.denies(b, w.call(m), CodeDefaultDeny)
			}
		})
	}
}

func TestActions(t *testing.T) {
	for op, allowed := range map[bedrock.Operation]bool{
		bedrock.Converse: true, bedrock.InvokeModel: true, bedrock.ConverseStream: false, bedrock.InvokeModelWithResponseStream: false,
	} {
		w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
		w.Entitlements[0].Actions = []string{"InvokeModel"}
		d := w.bundle().Decide(testCall(t, w.Catalogue, op, haiku, bedrock.Capabilities{}))
		if (d.Permit != nil) != allowed {
			t.Errorf("%s: code %s, want allowed %v", op, d.Code, allowed)
		}
	}
}

func TestS4_GuardrailMetOnlyInFullAndInStep(t *testing.T) {
	listed := rights.Conditions{Guardrails: []string{guardrail1 + ":3"}, RequireGuardrail: true}
	w := newTestWorld(t).may("chat", listed, haiku)
	b := w.bundle()
	use := func(g bedrock.Guardrail) Request {
		return w.callWith(haiku, bedrock.Capabilities{Guardrail: &g})
	}
	w.permits(b, use(bedrock.Guardrail{ID: guardrail1, Version: "3"}))
	for name, g := range map[string]bedrock.Guardrail{
		"by bare id":      {ID: "abc123", Version: "3"},
		"another version": {ID: guardrail1, Version: "4"},
		"draft":           {ID: guardrail1, Version: "DRAFT"},
		"asynchronous":    {ID: guardrail1, Version: "3", Async: true},
		"narrowed":        {ID: guardrail1, Version: "3", Narrowed: true},
		"another one":     {ID: guardrail1 + "4", Version: "3"},
	} {
		t.Run(name, func(t *testing.T) { w.t = t; w.denies(b, use(g), CodeDefaultDeny) })
	}
	w.denies(b, w.call(haiku), CodeDefaultDeny) // none at all

	optional := newTestWorld(t).may("chat", rights.Conditions{Guardrails: []string{guardrail1 + ":3"}}, haiku)
	optional.permits(optional.bundle(), optional.call(haiku))
	none := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	none.denies(none.bundle(), use(bedrock.Guardrail{ID: guardrail1, Version: "3"}), CodeDefaultDeny)
}

func TestS3_EveryResourceNamedNeedsItsOwnRight(t *testing.T) {
	c := rights.Conditions{Objects: []string{"s3://docs/in/*", "s3://docs/one.txt"}, SystemTools: []string{"nova_grounding"}}
	w := newTestWorld(t).may("chat", c, haiku)
	b := w.bundle()
	for uri, allowed := range map[string]bool{
		"s3://docs/in/a.pdf": true, "s3://docs/one.txt": true,
		"s3://docs/inner": false, "s3://docs/one.txt2": false, "s3://other/in/a.pdf": false,
	} {
		d := b.Decide(w.callWith(haiku, bedrock.Capabilities{S3: []string{uri}}))
		if (d.Permit != nil) != allowed {
			t.Errorf("%s: %s, want allowed %v", uri, d.Code, allowed)
		}
	}
	w.permits(b, w.callWith(haiku, bedrock.Capabilities{SystemTools: []string{"nova_grounding"}}))
	w.denies(b, w.callWith(haiku, bedrock.Capabilities{SystemTools: []string{"nova_code"}}), CodeDefaultDeny)
	w.denies(b, w.callWith(haiku, bedrock.Capabilities{KMSKeys: []string{"1234abcd-12ab-34cd-56ef-1234567890ab"}}), CodeDefaultDeny)
}

// A tool granted with one model must not be carried over to another model that
// was granted without it.
func TestS3_RightsOfTwoGrantsDoNotMix(t *testing.T) {
	w := newTestWorld(t).
		may("with-tool", rights.Conditions{SystemTools: []string{"nova_grounding"}, Objects: []string{"s3://docs/*"}}, novaPro).
		may("without", rights.Conditions{}, haiku)
	b := w.bundle()
	w.permits(b, w.callWith(novaPro, bedrock.Capabilities{SystemTools: []string{"nova_grounding"}}))
	w.denies(b, w.callWith(haiku, bedrock.Capabilities{SystemTools: []string{"nova_grounding"}}), CodeDefaultDeny)
	w.denies(b, w.callWith(haiku, bedrock.Capabilities{S3: []string{"s3://docs/a"}}), CodeDefaultDeny)
}
