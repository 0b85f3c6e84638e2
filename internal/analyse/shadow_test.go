package analyse

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

// confined is as narrow as AWS can make a right that an entitlement without
// conditions gives.
const confined = `{"StringEqualsIfExists":{"bedrock:ServiceTier":"default"},"Null":{"bedrock:GuardrailIdentifier":"true"}}`

// ledger is who holds what in Writ.
type ledger struct {
	policy.Sources
	identities map[string]*identity.Identity
}

func newLedger() *ledger {
	return &ledger{Sources: policy.Sources{Catalogue: bedrock.Embedded()}, identities: map[string]*identity.Identity{}}
}

// holds grants an identity, which is made if it is new, an entitlement of its
// own from an hour ago to an hour from now.
func (l *ledger) holds(name string, models []string, change func(*rights.Entitlement, *rights.Grant)) {
	l.is(name, "prod")
	e := rights.Entitlement{ID: fmt.Sprintf("e%d", len(l.Entitlements)), Models: models}
	g := rights.Grant{ID: "grant-of-" + e.ID, Identity: name, Entitlement: e.ID, NotBefore: pathsNow.Add(-time.Hour), NotAfter: pathsNow.Add(time.Hour)}
	if change != nil {
		change(&e, &g)
	}
	l.Entitlements, l.Grants = append(l.Entitlements, e), append(l.Grants, g)
}

func (l *ledger) is(name, environment string) {
	if l.identities[name] == nil {
		l.identities[name] = &identity.Identity{ID: name, Kind: identity.Workload, Environment: environment}
		l.Identities = append(l.Identities, name)
	}
}

// options map role/NAME to the identity of the same name.
func (l *ledger) options(t testing.TB) ShadowOptions {
	t.Helper()
	b, err := policy.NewBundle(l.Sources)
	if err != nil {
		t.Fatal(err)
	}
	o := ShadowOptions{Bundle: b, Identities: l.identities, Account: home, Gateway: []string{"arn:aws:iam::*:role/gateway"}}
	for _, name := range l.Identities {
		o.Mapping = append(o.Mapping, Mapping{Principal: "arn:aws:iam::*:role/" + name, Identity: name})
	}
	return o
}

func shadowOf(t *testing.T, a *Analysis, o ShadowOptions) *Shadow {
	t.Helper()
	s, err := a.Shadow(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lines writes shadow rights of InvokeModel on one model for comparison.
func (x *Shadow) lines(model string) (out []string) {
	for _, r := range x.Rights {
		if r.Action == rights.InvokeActions[0] && r.Target.ID == model {
			out = append(out, strings.Join([]string{r.Principal.Name, r.Identity, string(r.Coverage), strings.Join(r.Grants, ",")}, " "))
		}
	}
	return out
}

func TestShadowIsWhatAWSAllowsAndNobodyGranted(t *testing.T) {
	c, l := newCast(), newLedger()
	for _, name := range []string{"wide", "elsewhere", "expired", "gateway", "promised", "stranger", "unmatched"} {
		c.role(name, byService("lambda.amazonaws.com"), allow(invokes, haikuAt))
	}
	c.role("confined", byService("lambda.amazonaws.com"), allow(invokes, haikuAt, condition(confined)))
	c.role("nothing", byService("lambda.amazonaws.com"), allow("s3:*", "*"))
	c.user("person", allow(invokes, haikuAt))
	l.holds("confined", []string{haiku}, nil)
	l.holds("wide", []string{haiku}, nil)
	l.holds("nothing", []string{haiku}, nil)
	l.holds("elsewhere", []string{haiku}, func(e *rights.Entitlement, _ *rights.Grant) { e.Account = away })
	l.holds("expired", []string{haiku}, func(_ *rights.Entitlement, g *rights.Grant) { g.NotAfter = pathsNow })
	l.holds("promised", []string{haiku}, func(_ *rights.Entitlement, g *rights.Grant) { g.NotBefore = pathsNow.Add(time.Minute) })
	l.holds("unmatched", []string{haiku}, func(e *rights.Entitlement, _ *rights.Grant) { e.Conditions.Environments = []string{"dev"} })
	x := shadowOf(t, c.analysis(t, nil), l.options(t))
	want := []string{
		"confined confined narrower grant-of-e0",
		"elsewhere elsewhere uncovered grant-of-e3",
		"expired expired uncovered ",
		"promised promised uncovered ",
		"stranger  uncovered ",
		"unmatched unmatched uncovered grant-of-e6",
		"wide wide partly grant-of-e1",
		"person  uncovered ",
	}
	if d := cmp.Diff(want, x.lines(haiku)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(ShadowTotals{Principals: 8, Mapped: 6, Rights: 16, Narrower: 2, Partly: 2, Uncovered: 12}, x.Totals); d != "" {
		t.Error(d)
	}
	if share, ok := x.Totals.GovernedShare(); !ok || math.Abs(share-4.0/16) > 1e-9 {
		t.Errorf("governed share %v", share)
	}
	if share, ok := x.Totals.MatchedShare(); !ok || math.Abs(share-2.0/16) > 1e-9 {
		t.Errorf("matched share %v", share)
	}
}

func TestShadowSaysWhenAndShowsARequest(t *testing.T) {
	c, l := newCast(), newLedger()
	c.role("wide", byService("lambda.amazonaws.com"), allow(invokes, haikuAt))
	c.role("confined", byService("lambda.amazonaws.com"), allow(invokes, haikuAt, condition(confined)))
	l.holds("wide", []string{haiku}, nil)
	l.holds("confined", []string{haiku}, nil)
	a := c.analysis(t, nil)
	for _, r := range shadowOf(t, a, l.options(t)).Rights {
		text := rights.Terms(r.Condition)
		if r.Coverage == rights.Partly && (!strings.Contains(text, "bedrock:ServiceTier") || strings.Contains(text, "writ:")) {
			t.Errorf("%s: what AWS could tell apart is not said: %s", r.Principal.Name, text)
		}
		if r.Coverage == rights.Narrower && !strings.Contains(text, "writ:prompt.regulated") {
			t.Errorf("%s: what AWS cannot tell is not said: %s", r.Principal.Name, text)
		}
		if !slices.Contains(r.Remainder, "writ:prompt.classes") {
			t.Errorf("%s: remainder %v", r.Principal.Name, r.Remainder)
		}
		if r.Witness == nil {
			t.Errorf("%s has no witness", r.Principal.Name)
			continue
		}
		ctx := awsiam.Context{}
		for key, v := range r.Witness.Context {
			if s, single := v.(string); single {
				ctx.Set(key, awsiam.One(s))
			}
		}
		d := awsiam.Evaluate(awsiam.Request{Principal: r.Principal.Principal, Action: r.Action, Resource: r.Witness.Resource, Context: ctx}, a.Layers(r.Principal))
		if d.Outcome != awsiam.Allowed {
			t.Errorf("%s: AWS does not allow the witness %+v", r.Principal.Name, r.Witness)
		}
	}
}

// A profile that is granted covers its models through it, and no model.
func TestShadowOfAProfile(t *testing.T) {
	profile := "us." + haiku
	c, l := newCast(), newLedger()
	c.role("wide", byService("lambda.amazonaws.com"), allow(invokes, "*", condition(confined)))
	l.holds("wide", []string{profile}, nil)
	x := shadowOf(t, c.analysis(t, nil), l.options(t))
	for target, want := range map[string]string{profile: "narrower", haiku: "uncovered", "global." + haiku: "uncovered"} {
		if d := cmp.Diff([]string{"wide wide " + want + " grant-of-e0"}, x.lines(target)); d != "" {
			t.Errorf("%s: %s", target, d)
		}
	}
}

func TestShadowCountsForbids(t *testing.T) {
	for name, tc := range map[string]struct {
		rule        string
		want        string
		unconverted int
	}{
		"of the family":         {`forbid (principal, action, resource in Writ::Family::"anthropic.claude");`, "uncovered", 0},
		"of another family":     {`forbid (principal, action in [Writ::Action::"Invoke"], resource in Writ::Family::"amazon.nova");`, "narrower", 0},
		"of another identity":   {`forbid (principal == Writ::Identity::"other", action, resource);`, "narrower", 0},
		"of the environment":    {`forbid (principal, action, resource) when { principal.environment == "prod" };`, "uncovered", 0},
		"of another one":        {`forbid (principal, action, resource) when { principal.environment == "dev" };`, "narrower", 0},
		"of the region":         {`forbid (principal, action, resource) unless { context.request.regions.contains("eu-west-1") };`, "uncovered", 0},
		"by address":            {`forbid (principal, action, resource) unless { context.network has ip && context.network.ip.isInRange(ip("10.0.0.0/8")) };`, "partly", 0},
		"that IAM cannot state": {`forbid (principal, action in [Writ::Action::"Invoke"], resource) when { context.prompt.counts.health > 3 };`, "narrower", 1},
		"of an answer":          {`forbid (principal, action == Writ::Action::"Release", resource) when { context.output.regulated };`, "narrower", 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, l := newCast(), newLedger()
			c.role("agent", byService("lambda.amazonaws.com"), allow(invokes, haikuAt, condition(confined)))
			l.holds("agent", []string{haiku}, nil)
			l.is("other", "prod")
			l.Organisation = []policy.Document{{Name: "law", Text: tc.rule}}
			x := shadowOf(t, c.analysis(t, nil), l.options(t))
			if d := cmp.Diff([]string{"agent agent " + tc.want + " grant-of-e0"}, x.lines(haiku)); d != "" {
				t.Error(d)
			}
			if n := len(x.Unconverted["agent"]); n != tc.unconverted {
				t.Errorf("unconverted: %v", x.Unconverted)
			}
		})
	}
}

// Of principals without grants everything remains; what, is said when asked.
func TestShadowRemainsOnRequest(t *testing.T) {
	c, l := newCast(), newLedger()
	c.role("stranger", byService("lambda.amazonaws.com"), allow(invokes, haikuAt, condition(`{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`)))
	x := shadowOf(t, c.analysis(t, nil), l.options(t))
	if len(x.Rights) != 2 || x.Rights[0].InAWS != rights.Conditional {
		t.Fatalf("%+v", x.Rights)
	}
	r := x.Remains(x.Rights[0])
	if r.Coverage != rights.Uncovered || r.Witness == nil || !strings.Contains(rights.Terms(r.Condition), "198.51.100.0/24") {
		t.Errorf("%+v", r)
	}
	other := x.Rights[0]
	other.Target.Region = "eu-west-1"
	if r := x.Remains(other); r.Coverage != rights.UnknownCover {
		t.Errorf("a right of another subtraction: %+v", r)
	}
}

// A document that the input lacks makes a right undetermined, never governed.
func TestShadowOfWhatIsNotKnown(t *testing.T) {
	c, l := newCast(), newLedger()
	c.role("agent", byService("lambda.amazonaws.com"), allow("s3:*", "*"))["AttachedManagedPolicies"] = attached(c.arn("policy", "missing"))
	l.holds("agent", []string{haiku}, nil)
	x := shadowOf(t, c.analysis(t, nil), l.options(t))
	if d := cmp.Diff([]string{"agent agent undetermined grant-of-e0"}, x.lines(haiku)); d != "" {
		t.Error(d)
	}
	if share, ok := x.Totals.GovernedShare(); !ok || share != 0 {
		t.Errorf("governed share %v of %+v", share, x.Totals)
	}
}

func TestShadowOfNothing(t *testing.T) {
	c, l := newCast(), newLedger()
	c.role("nothing", byService("lambda.amazonaws.com"), allow("s3:*", "*"))
	x := shadowOf(t, c.analysis(t, nil), l.options(t))
	if _, ok := x.Totals.GovernedShare(); ok || len(x.Rights) > 0 {
		t.Errorf("%+v", x.Totals)
	}
}

func TestShadowTakesTheFirstMapping(t *testing.T) {
	c, l := newCast(), newLedger()
	c.role("agent", byService("lambda.amazonaws.com"), allow(invokes, haikuAt, condition(confined)))
	l.holds("agent", []string{haiku}, nil)
	o := l.options(t)
	o.Mapping = slices.Insert(o.Mapping, 0, Mapping{Principal: "arn:aws:iam::111122223333:role/a*"})
	if d := cmp.Diff([]string{"agent  uncovered "}, shadowOf(t, c.analysis(t, nil), o).lines(haiku)); d != "" {
		t.Error(d)
	}
}

func TestShadowRefusesWhatMeansNothing(t *testing.T) {
	c, l := newCast(), newLedger()
	c.role("agent", byService("lambda.amazonaws.com"), allow(invokes, haikuAt))
	l.holds("agent", []string{haiku}, nil)
	a := c.analysis(t, nil)
	for name, change := range map[string]func(*ShadowOptions){
		"no rules":         func(o *ShadowOptions) { o.Bundle = nil },
		"no account":       func(o *ShadowOptions) { o.Account = "" },
		"unknown identity": func(o *ShadowOptions) { o.Mapping[0].Identity = "nobody" },
	} {
		o := l.options(t)
		change(&o)
		if _, err := a.Shadow(context.Background(), o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Shadow(ctx, l.options(t)); err == nil {
		t.Error("a cancelled subtraction has a result")
	}
}

// BenchmarkShadow subtracts for 50 roles, each with a grant, over every target.
func BenchmarkShadow(b *testing.B) {
	c, l := newCast(), newLedger()
	for i := range 50 {
		name := fmt.Sprintf("agent%d", i)
		c.role(name, byService("lambda.amazonaws.com"), allow(invokes, "*"))
		l.holds(name, []string{"provider:anthropic"}, nil)
	}
	a, o := c.analysis(b, nil), l.options(b)
	for b.Loop() {
		if _, err := a.Shadow(context.Background(), o); err != nil {
			b.Fatal(err)
		}
	}
}
