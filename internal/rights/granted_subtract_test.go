package rights

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
)

func awsPolicy(t testing.TB, text string) *awsiam.Document {
	t.Helper()
	d, problems := awsiam.Parse("aws", []byte(`{"Version":"2012-10-17","Statement":[`+text+`]}`), awsiam.Position{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return d
}

// awsCase asks an identity policy about a call of a model or profile.
func awsCase(t testing.TB, doc *awsiam.Document, model string) (*Case, awsiam.Context) {
	t.Helper()
	legs, err := Legs(Invocation{Operation: bedrock.InvokeModel, ModelID: model, Region: "us-east-1", Account: "111122223333"}, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	known := Direct()
	known.Set("aws:PrincipalAccount", awsiam.One("111122223333"))
	who := awsiam.Principal{ARN: "arn:aws:iam::111122223333:role/agent", Account: "111122223333"}
	return &Case{Principal: who, Layers: awsiam.Layers{Identity: []*awsiam.Document{doc}}, Checks: ChecksOf(awsiam.EmbeddedFacts(), legs), Known: known}, CallKeys(legs, "us-east-1")
}

func subtracted(t testing.TB, aws *awsiam.Document, model string, granted ...*awsiam.Document) Remains {
	t.Helper()
	c, fixed := awsCase(t, aws, model)
	g := GrantedCase(c, granted, fixed)
	f := NewFrame(Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true, Now: grantedNoon})
	f.Add(c)
	f.Add(g)
	f.Close()
	return f.Subtract(c, g)
}

const (
	awsEverything = `{"Effect":"Allow","Action":"bedrock:*","Resource":"*"}`
	awsFromOffice = `{"Effect":"Allow","Action":"bedrock:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}}`
	awsNothing    = `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`
	// awsGrantless is a policy of AWS's own form on the granted side: it has no
	// writ: keys, so it can cover in full.
	awsModelOnly = `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/` + grantedSonnet + `","Condition":{"Null":{"bedrock:InferenceProfileArn":"true"}}}`
)

func TestSubtract(t *testing.T) {
	grant := func(change func(*Entitlement)) *awsiam.Document { return mustGrant(t, change).Document }
	office := func(e *Entitlement) { e.Conditions.Networks = []string{"office"} }
	inside := func(e *Entitlement) { e.Conditions.Networks = []string{"vpc"} }
	quarters := func(e *Entitlement) { e.Conditions.ServiceTiers = []string{"flex"} }
	profile := func(e *Entitlement) { e.Models = []string{"us." + grantedSonnet} }
	for name, tc := range map[string]struct {
		aws, model string
		granted    []*awsiam.Document
		want       Coverage
		condition  string // part of what remains
	}{
		"nothing in AWS":               {awsNothing, grantedSonnet, []*awsiam.Document{grant(nil)}, NothingToCover, ""},
		"nothing granted":              {awsEverything, grantedSonnet, nil, Uncovered, ""},
		"another model granted":        {awsEverything, grantedSonnet, []*awsiam.Document{grant(profile)}, Uncovered, ""},
		"the profile granted":          {awsEverything, "us." + grantedSonnet, []*awsiam.Document{grant(profile)}, Partly, "ServiceTier"},
		"granted from the office only": {awsEverything, grantedSonnet, []*awsiam.Document{grant(office)}, Partly, "aws:SourceIp"},
		"another tier granted":         {awsEverything, grantedSonnet, []*awsiam.Document{grant(quarters)}, Partly, "bedrock:ServiceTier"},
		"only inside the VPC granted":  {awsFromOffice, grantedSonnet, []*awsiam.Document{grant(inside)}, Uncovered, "198.51.100.0/24"},
		"the same without writ: keys":  {awsModelOnly, grantedSonnet, []*awsiam.Document{awsPolicy(t, awsModelOnly)}, Covered, ""},
		"wider without writ: keys":     {awsModelOnly, grantedSonnet, []*awsiam.Document{awsPolicy(t, awsEverything)}, Covered, ""},
		"narrower by an opaque key": {awsModelOnly, grantedSonnet, []*awsiam.Document{awsPolicy(t, awsEverything+`,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"writ:prompt.regulated":"true"}}}`)},
			Narrower, "writ:prompt.regulated"},
		"forbidden after all": {awsModelOnly, grantedSonnet, []*awsiam.Document{awsPolicy(t, awsEverything+`,{"Effect":"Deny","Action":"*","Resource":"*"}`)}, Uncovered, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := subtracted(t, awsPolicy(t, tc.aws), tc.model, tc.granted...)
			if r.Coverage != tc.want || !strings.Contains(Terms(r.Condition), tc.condition) {
				t.Errorf("%s, want %s when %q: %s, doubts %v", r.Coverage, tc.want, tc.condition, Terms(r.Condition), r.Doubts)
			}
			if open := tc.want == Uncovered || tc.want == Partly || tc.want == Narrower; open != (r.Witness != nil) {
				t.Errorf("witness %+v", r.Witness)
			}
		})
	}
}

// Two grants cover what neither does.
func TestSubtractAddsGrantsUp(t *testing.T) {
	in := func(block string) *awsiam.Document {
		return awsPolicy(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"`+block+`"}}}`)
	}
	office := awsPolicy(t, awsFromOffice)
	if r := subtracted(t, office, grantedSonnet, in("198.51.100.0/25")); r.Coverage != Partly {
		t.Errorf("half: %s", r.Coverage)
	}
	if r := subtracted(t, office, grantedSonnet, in("198.51.100.0/25"), in("198.51.100.128/25")); r.Coverage != Covered {
		t.Errorf("both halves: %s when %s", r.Coverage, Terms(r.Condition))
	}
}

// A grant is over when its time is.
func TestSubtractAsksAtATime(t *testing.T) {
	e, g := grantedEntitlement(nil)
	g.NotBefore, g.NotAfter = grantedNoon.AddDate(0, 0, 1), grantedNoon.AddDate(0, 0, 2)
	p, err := grantedPlace().Granted(e, g)
	if err != nil {
		t.Fatal(err)
	}
	if r := subtracted(t, awsPolicy(t, awsEverything), grantedSonnet, p.Document); r.Coverage != Uncovered {
		t.Errorf("a grant of tomorrow: %s", r.Coverage)
	}
}

// What AWS does not say clearly enough is not taken for covered.
func TestSubtractDoubts(t *testing.T) {
	odd := awsPolicy(t, `{"Effect":"Allow","Action":"bedrock:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceAccount":"111122223333"}}}`)
	r := subtracted(t, odd, grantedSonnet, mustGrant(t, nil).Document)
	if r.Coverage != UnknownCover || len(r.Doubts) == 0 {
		t.Errorf("%s, doubts %v", r.Coverage, r.Doubts)
	}
}

// TestSubtractIsWhatEvaluateSays: whatever remains or does not, the plain
// evaluator agrees on single requests.
func TestSubtractIsWhatEvaluateSays(t *testing.T) {
	layers := []string{awsEverything, awsFromOffice, awsModelOnly,
		awsEverything + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"bedrock:ServiceTier":["default","flex"]}}}`}
	rapid.Check(t, func(rt *rapid.T) {
		aws := awsPolicy(t, rapid.SampledFrom(layers).Draw(rt, "aws"))
		granted := mustGrant(t, func(e *Entitlement) {
			e.Conditions.Networks = rapid.SampledFrom([][]string{nil, {"office"}, {"vpc"}, {"office", "vpc"}}).Draw(rt, "networks")
			e.Conditions.ServiceTiers = rapid.SampledFrom([][]string{nil, {"flex"}, {"default", "priority"}}).Draw(rt, "tiers")
			e.Models = rapid.SampledFrom([][]string{{grantedSonnet}, {"us." + grantedSonnet}, {"provider:anthropic"}}).Draw(rt, "models")
		})
		r := subtracted(t, aws, grantedSonnet, granted.Document)
		c, fixed := awsCase(t, aws, grantedSonnet)
		request := plainGrantedCall()
		maps.Copy(request, fixed)
		request.Set("aws:SourceIp", awsiam.One(rapid.SampledFrom([]string{"198.51.100.7", "203.0.113.1"}).Draw(rt, "address")))
		if tier := rapid.SampledFrom([]string{"", "default", "flex", "priority"}).Draw(rt, "tier"); tier != "" {
			request.Set("bedrock:ServiceTier", awsiam.One(tier))
		}
		by := func(docs ...*awsiam.Document) bool {
			k := &c.Checks[0]
			ctx := over(over(c.Known, request), k.Known)
			return awsiam.Evaluate(c.request(k, ctx, k.Resource), awsiam.Layers{Identity: docs}).Outcome == awsiam.Allowed
		}
		inAWS, inWrit := by(aws), by(granted.Document)
		switch {
		case inAWS && !inWrit && !slices.Contains([]Coverage{Uncovered, Partly, Narrower}, r.Coverage):
			rt.Fatalf("%s, and this request is allowed by AWS alone", r.Coverage)
		case inAWS && inWrit && r.Coverage == Uncovered:
			rt.Fatalf("%s, and this request is allowed by both", r.Coverage)
		case inAWS && r.Coverage == NothingToCover:
			rt.Fatalf("%s, and AWS allows this request", r.Coverage)
		}
	})
}

func TestCallKeys(t *testing.T) {
	legs, err := Legs(Invocation{Operation: bedrock.InvokeModel, ModelID: "us." + grantedSonnet, Region: "us-east-1", Account: "111122223333"}, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	c := CallKeys(legs, "us-east-1")
	if v, _ := c.Get("writ:request.model"); !v.Equal(awsiam.One(grantedSonnet)) {
		t.Errorf("model %v", v)
	}
	if v, _ := c.Get("writ:request.profile"); !v.Equal(awsiam.One("us." + grantedSonnet)) {
		t.Errorf("profile %v", v)
	}
	if v, _ := c.Get("writ:request.regions"); !v.Equal(awsiam.Many("us-east-1", "us-east-2", "us-west-2")) {
		t.Errorf("regions %v", v)
	}
	if _, present := CallKeys(legs[1:2], "us-east-1").Get("writ:request.profile"); !present {
		t.Error("a leg behind a profile lost it")
	}
}
