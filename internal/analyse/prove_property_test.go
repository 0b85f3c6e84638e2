package analyse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// What random policies are made of.
var (
	someActions = []string{`"bedrock:InvokeModel"`, `"bedrock:InvokeModelWithResponseStream"`, `"bedrock:Invoke*"`, `"bedrock:*"`, `"*"`, `"bedrock-mantle:CreateInference"`,
		`"sagemaker:InvokeEndpoint"`, `["bedrock:ApplyGuardrail","s3:GetObject"]`, `"bedrock:*Model*"`}
	someResources = []string{`"*"`, `"arn:aws:bedrock:*::foundation-model/*"`, `"arn:aws:bedrock:us-east-1::foundation-model/anthropic.*"`, `"arn:aws:bedrock:*:111122223333:inference-profile/*"`,
		`["arn:aws:bedrock:*::foundation-model/` + sonnet + `","arn:aws:bedrock:*:*:inference-profile/us.*"]`, `"arn:aws:bedrock:us-*:*:*"`, `"arn:aws:sagemaker:*:*:endpoint/*"`}
	someConditions = []string{`"StringEquals":{"aws:SourceVpce":"vpce-1"}`, `"Bool":{"aws:MultiFactorAuthPresent":"true"}`, `"StringEquals":{"aws:RequestedRegion":["us-east-1","us-east-2"]}`,
		`"ArnLike":{"bedrock:GuardrailIdentifier":"arn:aws:bedrock:us-east-1:111122223333:guardrail/g1*"}`, `"Null":{"bedrock:InferenceProfileArn":"false"}`, `"StringNotLike":{"bedrock:InferenceProfileArn":"*global*"}`,
		`"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}`, `"StringLike":{"aws:PrincipalArn":"*role/a*"}`, `"BoolIfExists":{"aws:ViaAWSService":"false"}`, `"StringNotEquals":{"aws:SourceVpce":"vpce-2"}`}
	askedActions   = []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock-mantle:CreateInference", "sagemaker:InvokeEndpoint", "bedrock:ApplyGuardrail", "bedrock:InvokeAgent", "s3:GetObject", "bedrock:ListFoundationModels"}
	askedResources = []string{"arn:aws:bedrock:us-east-1::foundation-model/" + sonnet, "arn:aws:bedrock:us-west-2::foundation-model/" + sonnet, "arn:aws:bedrock:::foundation-model/" + sonnet,
		"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", profileFor, "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global." + sonnet,
		"arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/x", "arn:aws:bedrock-mantle:us-east-1:111122223333:project/p", "*",
		"arn:aws:bedrock:us-east-1:111122223333:guardrail/g1"}
)

func drawStatement(t *rapid.T) string {
	s := `{"Effect":"` + rapid.SampledFrom([]string{"Allow", "Allow", "Allow", "Allow", "Deny"}).Draw(t, "effect") + `"`
	action := rapid.SampledFrom([]string{"Action", "Action", "Action", "Action", "NotAction"}).Draw(t, "action")
	s += fmt.Sprintf(`,%q:%s`, action, rapid.SampledFrom(someActions).Draw(t, "actions"))
	resource := rapid.SampledFrom([]string{"Resource", "Resource", "Resource", "Resource", "NotResource"}).Draw(t, "resource")
	s += fmt.Sprintf(`,%q:%s`, resource, rapid.SampledFrom(someResources).Draw(t, "resources"))
	if c := rapid.SliceOfNDistinct(rapid.SampledFrom(someConditions), 0, 2, func(c string) string { return c[:strings.IndexByte(c, ':')] }).Draw(t, "conditions"); len(c) > 0 {
		s += `,"Condition":{` + strings.Join(c, ",") + `}`
	}
	return s + "}"
}

func drawTrial(t *rapid.T) trial {
	x := trial{roles: map[string]trialRole{}}
	for _, name := range []string{"alpha", "beta"} {
		n := rapid.IntRange(1, 3).Draw(t, "statements")
		var list []string
		for range n {
			list = append(list, drawStatement(t))
		}
		x.roles[name] = trialRole{policies: []string{strings.Join(list, ",")}}
	}
	if rapid.Bool().Draw(t, "limited") {
		x.scp = []string{`[` + string(policyOf([]statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}})) + `,` + string(policyText(drawStatement(t))) + `]`}
	}
	return x
}

// drawContext is the keys that the random policies ask about.
func drawContext(t *rapid.T, resource string) awsiam.Context {
	c := awsiam.Context{}
	pick := func(key string, values ...string) {
		if v := rapid.SampledFrom(values).Draw(t, key); v != "" {
			c.Set(key, awsiam.One(v))
		} else {
			c.Set(key, awsiam.Value{})
		}
	}
	pick("aws:SourceVpce", "", "vpce-1", "vpce-2")
	pick("aws:MultiFactorAuthPresent", "", "true", "false")
	pick("bedrock:GuardrailIdentifier", "", "arn:aws:bedrock:us-east-1:111122223333:guardrail/g1:1", "arn:aws:bedrock:us-east-1:111122223333:guardrail/g2")
	pick("bedrock:InferenceProfileArn", "", profileFor, "arn:aws:bedrock:us-east-1:111122223333:inference-profile/global."+sonnet)
	pick("aws:CurrentTime", "2026-11-26T12:00:00Z")
	region := regionIn(resource)
	switch {
	case regionless(resource):
		region = rights.UnspecifiedRegion
	case region == "":
		region = "us-west-2"
	}
	c.Set("aws:RequestedRegion", awsiam.One(region))
	return c
}

// possible leaves out the keys that checks of an action never have.
func possible(a *Analysis, action string, c awsiam.Context) awsiam.Context {
	for key := range a.Facts.Absent(action) {
		c[key] = awsiam.Value{}
	}
	return c
}

func TestAProposalNeverAllowsMoreAndAlwaysWhatStays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := drawTrial(rt).load(t)
		p := a.role(t, "alpha")
		var given []GivenRight
		for range rapid.IntRange(1, 3).Draw(rt, "rights") {
			given = append(given, GivenRight{rapid.SampledFrom(bothActions).Draw(rt, "action"), rapid.SampledFrom([]string{sonnet, sonnetUS, "global." + sonnet, "amazon.nova-lite-v1:0"}).Draw(rt, "target"), "us-east-1"})
		}
		x := tightening{atlas: a.atlas(), p: p, o: TightenOptions{Rights: given}, scope: a.tightened()}
		if err := x.keep(); err != nil {
			return // nothing of it is there
		}
		x.guardrails()
		if err := x.plan(); err != nil {
			rt.Fatal(err)
		}
		got := x.result()
		if !got.Proven() {
			rt.Fatalf("not proven: %+v %+v", got.Proof, got.Coverage)
		}
		before, after := a.Layers(p), a.Layers(p)
		after.Identity = x.after
		for range 40 {
			action, resource := rapid.SampledFrom(askedActions).Draw(rt, "asked"), rapid.SampledFrom(askedResources).Draw(rt, "on")
			ctx := drawContext(rt, resource)
			old, now := a.plainly(p, before, action, resource, ctx), a.plainly(p, after, action, resource, ctx)
			if now == awsiam.Allowed && old != awsiam.Allowed {
				rt.Fatalf("%s on %s is new with %v: %s", action, resource, ctx, got.Policy)
			}
			if !slices.Contains(a.tightened(), action) && old != now {
				rt.Fatalf("%s on %s was %s, is %s: %+v", action, resource, old, now, got.Edits)
			}
		}
		for i := range x.kept {
			for j := range x.kept[i].checks {
				k := &x.kept[i].checks[j]
				ctx := drawContext(rt, k.Resource)
				for key, v := range k.Known {
					ctx[key] = v
				}
				if old, now := a.plainly(p, before, k.Action, k.Resource, ctx), a.plainly(p, after, k.Action, k.Resource, ctx); old != now {
					rt.Fatalf("%s on %s was %s, is %s with %v: %s", k.Action, k.Resource, old, now, ctx, got.Policy)
				}
			}
		}
	})
}

func TestBehindAChokepointNobodyElsePasses(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := drawTrial(rt).load(t)
		kind := rapid.SampledFrom([]string{SCPKind, BoundaryKind}).Draw(rt, "kind")
		c, err := a.Chokepoint(context.Background(), ChokepointOptions{Roles: []string{roleARN("alpha")}, Kind: kind})
		if err != nil || !c.Proven() || !c.Passes[0].Lost.Proven() {
			rt.Fatalf("%v %+v %+v", err, c.Closed, c.Passes)
		}
		d, _ := awsiam.Parse("chokepoint", c.Policy, awsiam.Position{})
		gateway, other := a.role(t, "alpha"), a.role(t, "beta")
		broken := map[string]bool{}
		for _, b := range c.Breaks {
			broken[b.Principal] = true
		}
		for range 30 {
			action, resource := rapid.SampledFrom(askedActions).Draw(rt, "asked"), rapid.SampledFrom(askedResources).Draw(rt, "on")
			ctx := possible(a, action, drawContext(rt, resource))
			was := a.plainly(other, a.Layers(other), action, resource, ctx)
			is := a.plainly(other, bounded(a.Layers(other), d, kind), action, resource, ctx)
			if denied := slices.Contains(a.Inference(), action); denied && is == awsiam.Allowed || !denied && kind == SCPKind && was != is {
				rt.Fatalf("%s on %s: %s, %s behind the chokepoint", action, resource, was, is)
			} else if denied && was == awsiam.Allowed && checkedOn(a, action, resource) && !broken[other.ARN] {
				rt.Fatalf("%s on %s breaks, and is not named", action, resource)
			}
			if x, y := a.plainly(gateway, a.Layers(gateway), action, resource, ctx), a.plainly(gateway, bounded(a.Layers(gateway), d, kind), action, resource, ctx); x != y {
				rt.Fatalf("the gateway: %s on %s was %s, is %s", action, resource, x, y)
			}
		}
	})
}

func bounded(l awsiam.Layers, d *awsiam.Document, kind string) awsiam.Layers {
	if kind == BoundaryKind {
		l.Boundary = d
		return l
	}
	return withSCP(l, d)
}

// checkedOn reports whether AWS checks an action on such a resource.
func checkedOn(a *Analysis, action, resource string) bool {
	for _, p := range a.atlas().forms(action, "aws", trialAccount) {
		if p.Match(resource) {
			return true
		}
	}
	return false
}

func TestProofsAgreeWithPlainRequests(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := drawTrial(rt).load(t)
		actions := rapid.SampledFrom([][]string{{"invoke"}, {"inference"}, {"bedrock:InvokeModel"}}).Draw(rt, "actions")
		x := Assertion{Name: "n", Cannot: &Access{Actions: actions, Resources: []string{rapid.SampledFrom([]string{"*", "arn:aws:bedrock:*::foundation-model/anthropic.*", profileFor}).Draw(rt, "resources")}}}
		if rapid.Bool().Draw(rt, "models") && actions[0] != "inference" {
			x.Cannot.Resources, x.Cannot.Models = nil, []string{rapid.SampledFrom([]string{"*", "family:anthropic.claude", "amazon.nova-lite-v1:0"}).Draw(rt, "model")}
		}
		out, err := a.Prove(context.Background(), []Assertion{x})
		if err != nil {
			rt.Fatal(err)
		}
		if out[0].Verdict == Refuted {
			for _, y := range out[0].Against {
				p := a.Estate.Principal(y.Principal)
				confirm(t, a, p, a.Layers(p), y.Witness, true)
			}
			return
		}
		for _, p := range a.Principals() {
			for range 20 {
				refutes(rt, a, p, &x)
			}
		}
	})
}

// refutes fails if a random invocation is allowed that a proof excludes.
func refutes(rt *rapid.T, a *Analysis, p *estate.Principal, x *Assertion) {
	action := rapid.SampledFrom(bothActions[:1]).Draw(rt, "asked")
	target := rapid.SampledFrom([]string{sonnet, sonnetUS, "global." + sonnet, "amazon.nova-lite-v1:0"}).Draw(rt, "target")
	if len(x.Cannot.Models) > 0 && strings.Contains(x.Cannot.Models[0], "nova") != strings.Contains(target, "nova") && x.Cannot.Models[0] != "*" {
		return
	}
	if r := x.Cannot.Resources; len(r) > 0 && r[0] == profileFor && target != sonnetUS || len(r) > 0 && strings.Contains(r[0], "anthropic.*") && strings.Contains(target, "nova") {
		return
	}
	checks, err := a.Checks(Question{Action: action, Resource: target, Region: "us-east-1"}, trialAccount)
	if err != nil {
		rt.Fatal(err)
	}
	ctx := drawContext(rt, "")
	for _, k := range checks.List {
		all := awsiam.Context{}
		for key, v := range ctx {
			all[key] = v
		}
		for key, v := range k.Known {
			all[key] = v
		}
		if a.plainly(p, a.Layers(p), k.Action, k.Resource, all) != awsiam.Allowed {
			return
		}
	}
	rt.Fatalf("%s can %s %s with %v", p.ARN, action, target, ctx)
}

func TestNoNewAccessBetweenAccountsMeansNone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		base, next := drawTrial(rt).load(t), drawTrial(rt).load(t)
		list, err := next.CompareAccounts(context.Background(), base)
		if err != nil {
			rt.Fatal(err)
		}
		found := map[string]AccountDifference{}
		for _, d := range list {
			found[d.Principal] = d
		}
		for _, p := range next.Principals() {
			q, d := base.Estate.Principal(p.ARN), found[p.ARN]
			if d.New.Witness != nil {
				confirm(t, next, p, next.Layers(p), d.New.Witness, true)
				confirm(t, base, q, base.Layers(q), d.New.Witness, false)
				continue
			}
			for range 20 {
				action, resource := rapid.SampledFrom(next.Inference()).Draw(rt, "asked"), rapid.SampledFrom(askedResources).Draw(rt, "on")
				ctx := possible(next, action, drawContext(rt, resource))
				if d.New.Verdict != rights.Undecided && checkedOn(next, action, resource) &&
					next.plainly(p, next.Layers(p), action, resource, ctx) == awsiam.Allowed && base.plainly(q, base.Layers(q), action, resource, ctx) != awsiam.Allowed {
					rt.Fatalf("%s on %s is new", action, resource)
				}
			}
		}
	})
}
