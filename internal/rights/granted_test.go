package rights

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
)

const (
	grantedSonnet    = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	grantedGuardrail = "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc123"
)

var grantedNoon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func grantedPlace() Place {
	return Place{Catalogue: bedrock.Embedded(), Account: "111122223333", Endpoints: map[string][]string{"vpc": {"vpce-0abc"}},
		Networks: identity.NewNetworks([]identity.Network{
			{ID: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
			{ID: "vpc", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		})}
}

func grantedEntitlement(change func(*Entitlement)) (Entitlement, Grant) {
	e := Entitlement{ID: "chat", Models: []string{grantedSonnet}}
	if change != nil {
		change(&e)
	}
	return e, Grant{ID: "g", Identity: "agent", Entitlement: "chat", NotBefore: grantedNoon.Add(-time.Hour), NotAfter: grantedNoon.Add(time.Hour)}
}

func mustGrant(t *testing.T, change func(*Entitlement)) GrantedPolicy {
	t.Helper()
	p, err := grantedPlace().Granted(grantedEntitlement(change))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plainGrantedCall is what the gateway knows of an ordinary call.
func plainGrantedCall() awsiam.Context {
	c := awsiam.Context{}
	for key, value := range map[string]string{
		"aws:PrincipalAccount": "111122223333", "aws:CurrentTime": "2026-11-18T12:00:00Z", "aws:SourceIp": "198.51.100.7",
		"writ:request.operation": "Converse", "writ:request.maxTokens": "10", "writ:prompt.unscanned": "false", "writ:prompt.truncated": "false",
		"writ:output.unscanned": "false", "writ:output.truncated": "false", "writ:output.regulated": "false", "writ:output.level": "0",
		"writ:prompt.regulated": "false", "writ:prompt.level": "0", "writ:session.age": "1",
	} {
		c.Set(key, awsiam.One(value))
	}
	return c
}

// grantPasses asks a granted policy about a call of a model or profile.
func grantPasses(t *testing.T, p GrantedPolicy, model string, change func(awsiam.Context)) bool {
	t.Helper()
	legs, err := Legs(Invocation{Operation: bedrock.Converse, ModelID: model, Region: "us-east-1", Account: "111122223333"}, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range ChecksOf(awsiam.EmbeddedFacts(), legs) {
		c := plainGrantedCall()
		maps.Copy(c, CallKeys(legs, "us-east-1"))
		if change != nil {
			change(c)
		}
		maps.Copy(c, k.Known)
		who := awsiam.Principal{ARN: "arn:aws:iam::111122223333:role/agent", Account: "111122223333"}
		d := awsiam.Evaluate(awsiam.Request{Principal: who, Action: k.Action, Resource: k.Resource, Account: k.Account, Context: c}, awsiam.Layers{Identity: []*awsiam.Document{p.Document}})
		if d.Outcome == awsiam.Undetermined {
			t.Fatalf("undetermined: %v", d.Doubts)
		}
		if d.Outcome != awsiam.Allowed {
			return false
		}
	}
	return true
}

func withKey(name string, values ...string) func(awsiam.Context) {
	return func(c awsiam.Context) {
		switch len(values) {
		case 0:
			c.Set(name, awsiam.Value{})
		case 1:
			c.Set(name, awsiam.One(values[0]))
		default:
			c.Set(name, awsiam.Many(values...))
		}
	}
}

func withSet(name string, values ...string) func(awsiam.Context) {
	return func(c awsiam.Context) { c.Set(name, awsiam.Many(values...)) }
}

// Every condition of an entitlement, by a call that meets it and one that does
// not. The calls differ in nothing else.
func TestGrantedConditions(t *testing.T) {
	nothing := func(awsiam.Context) {}
	through := func(vpce, address string) func(awsiam.Context) {
		return func(c awsiam.Context) {
			withKey("aws:SourceIp")(c)
			withKey("aws:SourceVpce", vpce)(c)
			withKey("aws:VpcSourceIp", address)(c)
		}
	}
	for name, tc := range map[string]struct {
		c           Conditions
		allow, deny func(awsiam.Context)
	}{
		"begins":              {Conditions{}, withKey("aws:CurrentTime", "2026-11-18T11:00:00Z"), withKey("aws:CurrentTime", "2026-11-18T10:59:59.999Z")},
		"ends":                {Conditions{}, withKey("aws:CurrentTime", "2026-11-18T12:59:59.999Z"), withKey("aws:CurrentTime", "2026-11-18T13:00:00Z")},
		"account":             {Conditions{}, nothing, withKey("aws:PrincipalAccount", "444455556666")},
		"network":             {Conditions{Networks: []string{"office"}}, nothing, withKey("aws:SourceIp", "198.51.101.1")},
		"no address":          {Conditions{Networks: []string{"office"}}, nothing, withKey("aws:SourceIp")},
		"endpoint":            {Conditions{Networks: []string{"vpc"}}, through("vpce-0abc", "10.1.2.3"), through("vpce-0def", "10.1.2.3")},
		"inside the endpoint": {Conditions{Networks: []string{"office", "vpc"}}, through("vpce-0abc", "10.1.2.3"), through("vpce-0abc", "198.51.100.7")},
		"operation":           {Conditions{}, withKey("writ:request.operation", "ChatCompletions"), withKey("writ:request.operation", "StartAsyncInvoke")},
		"tier":                {Conditions{}, withKey("bedrock:ServiceTier", "default"), withKey("bedrock:ServiceTier", "priority")},
		"tier must be named":  {Conditions{ServiceTiers: []string{"flex"}}, withKey("bedrock:ServiceTier", "flex"), nothing},
		"guardrail unlisted":  {Conditions{}, nothing, withKey("bedrock:GuardrailIdentifier", grantedGuardrail+":3")},
		"tokens":              {Conditions{MaxTokens: 10}, nothing, withKey("writ:request.maxTokens", "11")},
		"tokens unstated":     {Conditions{MaxTokens: 10}, nothing, withKey("writ:request.maxTokens", "0")},
		"session age":         {Conditions{MaxSessionAge: identity.Duration(time.Minute)}, withKey("writ:session.age", "60"), withKey("writ:session.age", "61")},
		"environment":         {Conditions{Environments: []string{"prod"}}, withKey("writ:principal.environment", "prod"), withKey("writ:principal.environment", "dev")},
		"purpose":             {Conditions{Purposes: []string{"a ${aws:username}"}}, withSet("writ:principal.purposes", "x", "a ${aws:username}"), withSet("writ:principal.purposes", "x")},
		"extras":              {Conditions{Extras: []string{"thinking"}}, withSet("writ:request.extras", "thinking"), withSet("writ:request.extras", "thinking", "beta")},
		"no extras":           {Conditions{}, nothing, withSet("writ:request.extras", "thinking")},
		"regulated":           {Conditions{}, nothing, withKey("writ:prompt.regulated", "true")},
		"unscanned":           {Conditions{}, nothing, withKey("writ:prompt.unscanned", "true")},
		"level":               {Conditions{Data: Data{MaxLevel: "internal"}}, withKey("writ:prompt.level", "1"), withKey("writ:prompt.level", "2")},
		"credentials always":  {Conditions{Data: Data{Regulated: true, Unscanned: true}}, nothing, withSet("writ:prompt.classes", "credential")},
		"answers, likewise":   {Conditions{}, nothing, withKey("writ:output.regulated", "true")},
		"answers unscanned":   {Conditions{Data: Data{Unscanned: true, Output: &Output{}}}, withKey("writ:prompt.unscanned", "true"), withKey("writ:output.unscanned", "true")},
		"answers' level":      {Conditions{Data: Data{Output: &Output{MaxLevel: "internal"}}}, withKey("writ:prompt.level", "3"), withKey("writ:output.level", "2")},
		"answers' classes":    {Conditions{Data: Data{Forbid: []string{"health"}, Output: &Output{}}}, withSet("writ:output.classes", "health"), withSet("writ:prompt.classes", "health")},
		"answers' keys":       {Conditions{Data: Data{Output: &Output{Regulated: true, Unscanned: true}}}, nothing, withSet("writ:output.classes", "credential")},
		"answers redacted":    {Conditions{Data: Data{Output: &Output{Redact: true, Unscanned: true}}}, nothing, withKey("writ:output.unscanned", "true")},
		"answers cut short":   {Conditions{Data: Data{Output: &Output{Redact: true, Unscanned: true}}}, nothing, withKey("writ:output.truncated", "true")},
		"nothing to redact":   {Conditions{Data: Data{Redact: true}}, withKey("writ:oblige.redact", "true"), withKey("writ:oblige.redact", "false")},
		"tool by name":        {Conditions{Tools: Tools{Read: []string{"a*"}}}, withSet("writ:request.toolDigests", "a*@"+strings.Repeat("0", 64)), withSet("writ:request.toolDigests", "ab@"+strings.Repeat("0", 64))},
		"tool by digest":      {Conditions{Tools: Tools{Read: []string{"a@" + strings.Repeat("1", 64)}}}, withSet("writ:request.toolDigests", "a@"+strings.Repeat("1", 64)), withSet("writ:request.toolDigests", "a@"+strings.Repeat("0", 64))},
		"hold":                {Conditions{HoldAnswer: true}, withKey("writ:oblige.hold_answer", "true"), withKey("writ:oblige.hold_answer", "false")},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustGrant(t, func(e *Entitlement) { e.Conditions = tc.c })
			if !grantPasses(t, p, grantedSonnet, tc.allow) {
				t.Errorf("the call is denied by\n%s", p.Text)
			}
			if grantPasses(t, p, grantedSonnet, tc.deny) {
				t.Errorf("the call is allowed by\n%s", p.Text)
			}
		})
	}
}

func TestGrantedGuardrailByVersion(t *testing.T) {
	called := func(id string) func(awsiam.Context) {
		return func(c awsiam.Context) {
			withKey("bedrock:GuardrailIdentifier", id)(c)
			withKey("writ:request.guardrail", id)(c)
			withKey("writ:request.guardrail.async", "false")(c)
			withKey("writ:request.guardrail.narrowed", "false")(c)
		}
	}
	for name, tc := range map[string]struct {
		required bool
		call     func(awsiam.Context)
		want     bool
	}{
		"listed, optional": {false, called(grantedGuardrail + ":3"), true},
		"none, optional":   {false, nil, true},
		"other, optional":  {false, called(grantedGuardrail + ":4"), false},
		"listed, required": {true, called(grantedGuardrail + ":3"), true},
		"none, required":   {true, nil, false},
		"draft, required":  {true, called(grantedGuardrail), false},
		"by id, required": {true, func(c awsiam.Context) {
			called(grantedGuardrail + ":3")(c)
			withKey("writ:request.guardrail", "abc123:3")(c)
		}, false},
		"narrowed, meets 0": {true, func(c awsiam.Context) {
			called(grantedGuardrail + ":3")(c)
			withKey("writ:request.guardrail.narrowed", "true")(c)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustGrant(t, func(e *Entitlement) {
				e.Conditions = Conditions{Guardrails: []string{grantedGuardrail + ":3"}, RequireGuardrail: tc.required}
			})
			if got := grantPasses(t, p, grantedSonnet, tc.call); got != tc.want {
				t.Errorf("allowed %v, want %v, by\n%s", got, tc.want, p.Text)
			}
		})
	}
}

// A profile's models are granted through it only, and a model only by itself.
func TestGrantedReach(t *testing.T) {
	profile, global := "us."+grantedSonnet, "global."+grantedSonnet
	for name, tc := range map[string]struct {
		models      []string
		allow, deny []string
	}{
		"model":    {[]string{grantedSonnet}, []string{grantedSonnet}, []string{profile, global, "amazon.nova-lite-v1:0"}},
		"profile":  {[]string{profile}, []string{profile}, []string{grantedSonnet, global}},
		"global":   {[]string{global}, []string{global}, []string{profile}},
		"both":     {[]string{profile, grantedSonnet}, []string{profile, grantedSonnet}, []string{global}},
		"family":   {[]string{"family:amazon.nova"}, []string{"amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"}, []string{grantedSonnet, profile}},
		"provider": {[]string{"provider:anthropic"}, []string{grantedSonnet, profile, global}, []string{"amazon.nova-lite-v1:0"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustGrant(t, func(e *Entitlement) { e.Models = tc.models })
			for _, m := range tc.allow {
				if !grantPasses(t, p, m, nil) {
					t.Errorf("%s is denied", m)
				}
			}
			for _, m := range tc.deny {
				if grantPasses(t, p, m, nil) {
					t.Errorf("%s is allowed", m)
				}
			}
		})
	}
}

// Every region that a call may run in must be listed.
func TestGrantedRegionsBindEveryLeg(t *testing.T) {
	profile := "us." + grantedSonnet
	for _, tc := range []struct {
		regions []string
		want    bool
	}{
		{[]string{"us-east-1"}, false},
		{[]string{"us-east-1", "us-east-2", "us-west-2"}, true},
	} {
		p := mustGrant(t, func(e *Entitlement) { e.Models, e.Conditions.Regions = []string{profile}, tc.regions })
		if got := grantPasses(t, p, profile, nil); got != tc.want {
			t.Errorf("regions %v: allowed %v", tc.regions, got)
		}
	}
	p := mustGrant(t, func(e *Entitlement) {
		e.Models, e.Conditions.Regions = []string{"global." + grantedSonnet}, []string{"us-east-1"}
	})
	if grantPasses(t, p, "global."+grantedSonnet, nil) {
		t.Error("a list of regions covers a global profile")
	}
}

func TestGrantedNamesWhatAWSCannotExpress(t *testing.T) {
	p := mustGrant(t, func(e *Entitlement) {
		e.Conditions = Conditions{Networks: []string{"office"}, HoldAnswer: true, MaxTokens: 5}
	})
	want := []string{
		"writ:oblige.hold_answer", "writ:output.classes", "writ:output.regulated", "writ:output.truncated", "writ:output.unscanned", "writ:prompt.classes", "writ:prompt.regulated", "writ:prompt.truncated", "writ:prompt.unscanned",
		"writ:request.extras", "writ:request.guardrail", "writ:request.maxTokens", "writ:request.operation", "writ:request.systemTools",
		"writ:request.toolDigests", "writ:request.unknownFields",
	}
	if d := cmp.Diff(want, p.Remainder); d != "" {
		t.Error(d)
	}
	nameless, err := Granted(Entitlement{ID: "chat", Models: []string{grantedSonnet}, Conditions: Conditions{Networks: []string{"office"}}}, Grant{NotAfter: grantedNoon}, bedrock.Embedded(), "111122223333")
	if err != nil || !slices.Contains(nameless.Remainder, "writ:network.names") {
		t.Errorf("%v: a network without ranges is no key of its own among %v", err, nameless.Remainder)
	}
}

// The document is IAM's: it reads back as it was written, alike every time.
func TestGrantedTextIsStableIAM(t *testing.T) {
	wide := func(e *Entitlement) {
		e.Models = []string{"provider:anthropic", "us." + grantedSonnet}
		e.Actions = bedrock.Actions()
		e.Conditions = Conditions{Networks: []string{"vpc"}, Guardrails: []string{grantedGuardrail + ":3"}, Objects: []string{"s3://bucket/*"}, Outputs: []string{"s3://out/a/", "s3://out/b*"}, SystemTools: []string{"nova_code"}}
	}
	p, q := mustGrant(t, wide), mustGrant(t, wide)
	if string(p.Text) != string(q.Text) {
		t.Error("two conversions differ")
	}
	var again any
	if err := json.Unmarshal(p.Text, &again); err != nil {
		t.Fatal(err)
	}
	d, problems := awsiam.Parse("again", p.Text, awsiam.Position{})
	if len(problems) > 0 || d.Version != "2012-10-17" || len(d.Statements) != len(p.Document.Statements) {
		t.Errorf("%v, version %s, %d statements", problems, d.Version, len(d.Statements))
	}
	for _, want := range []string{`"arn:aws:s3:::out/a/${*}"`, `"arn:aws:s3:::out/b*"`, `"arn:aws:bedrock::111122223333:system-tool/nova_code"`, `"arn:aws:bedrock:*:111122223333:async-invoke/*"`} {
		if !strings.Contains(string(p.Text), want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestGrantedRefusesWhatMeansNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Entitlement, *Grant)
		want   string
	}{
		"unknown model":    {func(e *Entitlement, _ *Grant) { e.Models = []string{"anthropic.nothing"} }, "not in the catalogue"},
		"no models":        {func(e *Entitlement, _ *Grant) { e.Models = nil }, "models is required"},
		"unknown action":   {func(e *Entitlement, _ *Grant) { e.Actions = []string{"Converse"} }, "want some of"},
		"unknown network":  {func(e *Entitlement, _ *Grant) { e.Conditions.Networks = []string{"moon"} }, "does not exist"},
		"for ever":         {func(_ *Entitlement, g *Grant) { g.NotAfter = time.Time{} }, "notAfter is required"},
		"ends before":      {func(_ *Entitlement, g *Grant) { g.NotAfter = g.NotBefore }, "after notBefore"},
		"account":          {func(e *Entitlement, _ *Grant) { e.Account = "1" }, "twelve digits"},
		"guardrail":        {func(e *Entitlement, _ *Grant) { e.Conditions.Guardrails = []string{"abc"} }, "want <ARN>:<version>"},
		"text not UTF-8":   {func(e *Entitlement, _ *Grant) { e.Conditions.Purposes = []string{"a\xff"} }, "UTF-8"},
		"resource not one": {func(e *Entitlement, _ *Grant) { e.Conditions.SystemTools = []string{"a\xff"} }, "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			e, g := grantedEntitlement(nil)
			tc.change(&e, &g)
			if _, err := grantedPlace().Granted(e, g); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestWritePolicyRefusesWhatAStatementCannotHold(t *testing.T) {
	for name, when := range map[string]Term{
		"inverted": {{Op: "StringEquals", Key: "aws:username", Values: []string{"a"}, Inverted: true}},
		"twice":    {{Op: "StringEquals", Key: "aws:username", Values: []string{"a"}}, {Op: "StringEquals", Key: "aws:username", Values: []string{"b"}}},
		"operator": {{Op: "StringSounds", Key: "aws:username", Values: []string{"a"}}},
	} {
		if _, err := WritePolicy(name, []Statement{{Sid: "A", Effect: awsiam.Deny, Actions: []string{"*"}, Resources: []string{"*"}, When: when}}); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}
