package analyse

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// What other analysers of IAM were measured to get wrong or to leave out, each
// row a test.

const (
	sonnetAt  = "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet
	sonnetAny = "arn:aws:bedrock:*::foundation-model/" + sonnet
	sonnetARN = "arn:aws:bedrock:us-east-1:" + home + ":inference-profile/" + sonnetUS
)

var byLambda = byService("lambda.amazonaws.com")

// asked is what a role or user of an estate may do with a model or a profile.
func asked(t *testing.T, a *Analysis, name, resource string, known ...awsiam.Context) rights.Answer {
	t.Helper()
	q := Question{Action: "bedrock:InvokeModel", Resource: resource, Region: "us-east-1", Known: awsiam.Context{}}
	for _, k := range known {
		for key, v := range k {
			q.Known.Set(key, v)
		}
	}
	ans, err := a.Can(who(t, a, name), q)
	if err != nil {
		t.Fatal(err)
	}
	return ans
}

func decides(t *testing.T, a *Analysis, name, resource string, want rights.Decision, known ...awsiam.Context) rights.Answer {
	t.Helper()
	ans := asked(t, a, name, resource, known...)
	if ans.Decision != want {
		t.Errorf("%s on %s: %s when %s, doubts %q, want %s", name, resource, ans.Decision, rights.Terms(ans.Condition), ans.Doubts, want)
	}
	return ans
}

func nobody(t *testing.T, a *Analysis, name, resource string, known ...awsiam.Context) rights.Answer {
	t.Helper()
	ans := asked(t, a, name, resource, known...)
	if ans.Decision.Can() {
		t.Errorf("%s on %s: %s when %s, doubts %q, want a deny", name, resource, ans.Decision, rights.Terms(ans.Condition), ans.Doubts)
	}
	return ans
}

// holders are who can, in one line: names, with the hops it takes.
func holders(t *testing.T, a *Analysis, resource string) string {
	t.Helper()
	var names []string
	err := a.WhoCan(context.Background(), Question{Action: "bedrock:InvokeModel", Resource: resource, Region: "us-east-1"}, a.Principals(), 3, func(h Holder) error {
		names = append(names, h.Principal.Name+strings.Repeat("'", len(h.Path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// one is an estate of one role "r".
func one(t *testing.T, statements ...string) *Analysis {
	t.Helper()
	c := newCast()
	c.role("r", byLambda, statements...)
	return c.analysis(t, nil)
}

func under(t *testing.T, statements ...string) func(*estate.Sources) {
	return func(s *estate.Sources) { s.SCPs = append(s.SCPs, fileOf(t, "scp.json", string(body(statements...)))) }
}

// regionsOnly is an SCP that keeps to some regions.
func regionsOnly(t *testing.T, list string) func(*estate.Sources) {
	return under(t, allow("*", "*"), deny("*", "*", condition(`{"StringNotEquals":{"aws:RequestedRegion":[`+list+`]}}`)))
}

// flawed loads an estate that has problems, and returns them.
func flawed(t *testing.T, c *cast, change func(*estate.Sources)) (*Analysis, []awsiam.Problem) {
	t.Helper()
	s := estate.Sources{Accounts: []string{c.file(t)}}
	if change != nil {
		change(&s)
	}
	e, err := estate.Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Estate: e, Now: pathsNow}), e.Problems
}

func TestRow01_TwoEndpointsThatExcludeEachOther(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`)), deny("bedrock:*", "*", condition(`{"StringNotEquals":{"aws:SourceVpce":"vpce-2"}}`)))
	nobody(t, a, "role/r", haiku)
}

func TestRow02_TwoNetworksThatExcludeEachOther(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)), deny("bedrock:*", "*", condition(`{"NotIpAddress":{"aws:SourceIp":"192.168.0.0/16"}}`)))
	nobody(t, a, "role/r", haiku)
}

var year2030 = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func TestRow03_ARightThatEndsSaysWhen(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}`)))
	if ans := decides(t, a, "role/r", haiku, rights.Allowed); !ans.Until.Equal(year2030) {
		t.Errorf("until %v", ans.Until)
	}
}

func TestRow04_ARightThatBeginsLaterSaysWhen(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"DateGreaterThanEquals":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}`)))
	if ans := nobody(t, a, "role/r", haiku); !ans.From.Equal(year2030) {
		t.Errorf("from %v", ans.From)
	}
	if got := holders(t, a, haiku); got != "" {
		t.Errorf("holders today: %s", got)
	}
}

func TestRow05_ARegionThatIsNotTheModels(t *testing.T) {
	a := one(t, allow("bedrock:*", haikuAt, condition(`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`)))
	nobody(t, a, "role/r", haikuAt)
}

func TestRow06_ARegionThatIsAllowedIsNoCondition(t *testing.T) {
	c := newCast()
	c.role("r", byLambda, allow("bedrock:*", "*"))
	a := c.analysis(t, regionsOnly(t, `"us-east-1","eu-west-1"`))
	if ans := decides(t, a, "role/r", haikuAt, rights.Allowed); ans.Condition != nil {
		t.Errorf("when %s", rights.Terms(ans.Condition))
	}
}

func TestRow07_AModelByAProfileThatIsDenied(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"ArnLike":{"bedrock:InferenceProfileArn":"`+sonnetARN+`"}}`)), allow("bedrock:*", sonnetARN), deny("bedrock:*", sonnetARN))
	nobody(t, a, "role/r", sonnetUS)
	nobody(t, a, "role/r", sonnet)
	if ans := asked(t, a, "role/r", sonnetUS); ans.Decision != rights.ExplicitDeny {
		t.Errorf("%s", ans.Decision)
	}
}

func TestRow08_AProfileWithoutItsModels(t *testing.T) {
	a := one(t, allow("bedrock:*", sonnetARN))
	ans := nobody(t, a, "role/r", sonnetUS)
	for _, l := range ans.Legs {
		if l.Decision.Can() != (l.Kind == rights.ProfileLeg) {
			t.Errorf("leg %s on %s: %s", l.Kind, l.Resource, l.Decision)
		}
	}
}

func TestRow09_AProfileWithOneOfItsDestinations(t *testing.T) {
	nobody(t, one(t, allow("bedrock:*", sonnetARN+" "+sonnetAt)), "role/r", sonnetUS)
	decides(t, one(t, allow("bedrock:*", sonnetARN+" "+sonnetAny)), "role/r", sonnetUS, rights.Allowed)
}

// twelve is an account of twelve, of which five can use a profile with three
// destinations.
func twelve() *cast {
	c := newCast()
	for _, name := range []string{"a", "b", "c"} {
		c.role(name, byLambda, allow("bedrock:*", "*"))
	}
	c.user("d", allow("*", "*"))
	c.role("e", byLambda, allow(invokes, sonnetARN+" "+sonnetAny))
	for _, name := range []string{"f", "g"} {
		c.role(name, byLambda, allow(invokes, sonnetARN+" "+sonnetAt))
	}
	c.role("h", byLambda, allow(invokes, sonnetARN))
	c.role("i", byLambda, allow(invokes, sonnetAny))
	c.role("j", byLambda, allow("s3:*", "*"))
	c.user("k", allow("bedrock:List*", "*"))
	c.role("l", byLambda, allow("bedrock:*", "*"), deny("bedrock:Invoke*", "arn:aws:bedrock:us-west-2:*"))
	return c
}

func TestRow10_AnSCPOnOneDestinationEndsTheProfileForAll(t *testing.T) {
	if got := holders(t, twelve().analysis(t, nil), sonnetUS); got != "a b c d e" {
		t.Errorf("without an SCP: %s", got)
	}
	if got := holders(t, twelve().analysis(t, regionsOnly(t, `"us-east-1","us-west-2"`)), sonnetUS); got != "" {
		t.Errorf("without us-east-2: %s", got)
	}
	if got := holders(t, twelve().analysis(t, regionsOnly(t, `"us-east-1","us-east-2","us-west-2"`)), sonnetUS); got != "a b c d e" {
		t.Errorf("with all destinations: %s", got)
	}
}

func TestRow11_ARoleThatMayAssumeOneThatMayInvoke(t *testing.T) {
	c := newCast()
	c.role("model", trusting(byAccount(home)), allow(invokes, haikuAt))
	c.role("caller", byLambda, allow("sts:AssumeRole", c.arn("role", "model")))
	c.role("other", byLambda, allow("sts:AssumeRole", c.arn("role", "else")))
	if got := holders(t, c.analysis(t, nil), haiku); got != "caller' model" {
		t.Errorf("%s", got)
	}
}

func TestRow12_AllOfAllServicesEndsNothing(t *testing.T) {
	c := newCast()
	c.role("odd", byLambda, allow("*:*", "*"))
	c.role("plain", byLambda, allow(invokes, haikuAt))
	a, problems := flawed(t, c, nil)
	if len(problems) != 1 || !strings.Contains(problems[0].Reason, "*:*") {
		t.Errorf("problems %+v", problems)
	}
	if got := holders(t, a, haiku); got != "odd plain" {
		t.Errorf("%s", got)
	}
}

func TestRow13_AnSCPWithAConditionLimitsWhatOneCan(t *testing.T) {
	c := newCast()
	c.role("r", byLambda, allow("bedrock:*", "*"))
	a := c.analysis(t, regionsOnly(t, `"us-east-1"`))
	decides(t, a, "role/r", haikuAt, rights.Allowed)
	decides(t, a, "role/r", strings.Replace(haikuAt, "us-east-1", "eu-west-1", 1), rights.ExplicitDeny)
}

func TestRow14_AStarCrossesColons(t *testing.T) {
	for _, pattern := range []string{"arn:aws:bedrock:*:foundation-model/*", "arn:aws:bedrock:*claude*", "arn:aws:bedrock:*:*:*-model/*"} {
		ans := decides(t, one(t, allow(invokes, pattern)), "role/r", haikuAt, rights.Allowed)
		crosses := pattern != "arn:aws:bedrock:*:*:*-model/*"
		if warned := slices.ContainsFunc(ans.Warnings, func(w string) bool { return strings.Contains(w, "segment by segment") }); warned != crosses {
			t.Errorf("%s: warnings %q", pattern, ans.Warnings)
		}
	}
}

func TestRowIAMSpy_NotResourceIsNoneOfTheList(t *testing.T) {
	not := func(list string) string {
		return `{"Effect":"Allow","Action":"bedrock:*","NotResource":` + list + `}`
	}
	nobody(t, one(t, not(`"arn:aws:bedrock:*::foundation-model/*"`)), "role/r", haiku)
	nobody(t, one(t, not(`["arn:aws:s3:::x","`+haikuAt+`"]`)), "role/r", haiku)
	decides(t, one(t, not(`["arn:aws:s3:::x","`+sonnetAt+`"]`)), "role/r", haiku, rights.Allowed)
}

func TestRowIAMSpy_SetOperatorsAreEvaluated(t *testing.T) {
	tags := func(items ...string) awsiam.Context {
		return awsiam.Context{"aws:TagKeys": awsiam.Many(items...)}
	}
	all := one(t, allow("bedrock:*", "*", condition(`{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]},"Null":{"aws:TagKeys":"false"}}`)))
	decides(t, all, "role/r", haiku, rights.Allowed, tags("a", "b"))
	nobody(t, all, "role/r", haiku, tags("a", "c"))
	some := one(t, allow("bedrock:*", "*", condition(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["a"]}}`)))
	decides(t, some, "role/r", haiku, rights.Allowed, tags("a", "c"))
	nobody(t, some, "role/r", haiku, tags("c"))
}

// TestRowIAMSpy_ARoleThatWasNeverUsed: the member RoleLastUsed may be missing,
// as in this fixture, or empty.
func TestRowIAMSpy_ARoleThatWasNeverUsed(t *testing.T) {
	c := newCast()
	c.role("r", byLambda, allow(invokes, haikuAt))["RoleLastUsed"] = map[string]any{}
	c.role("s", byLambda, allow(invokes, haikuAt))
	if got := holders(t, c.analysis(t, nil), haiku); got != "r s" {
		t.Errorf("%s", got)
	}
}

func TestRowIAMSpy_WhatCannotHoldIsNotPossible(t *testing.T) {
	for name, when := range map[string]string{
		"expired":          `{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`,
		"without TLS":      `{"Bool":{"aws:SecureTransport":"false"}}`,
		"not yet":          `{"DateGreaterThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}`,
		"through services": `{"Bool":{"aws:ViaAWSService":"true"}}`,
	} {
		t.Run(name, func(t *testing.T) { nobody(t, one(t, allow("bedrock:*", "*", condition(when))), "role/r", haiku) })
	}
}

func TestRowPMapper_IfExistsWithTheKeyPresent(t *testing.T) {
	age := one(t, allow("bedrock:*", "*"), deny("bedrock:*", "*", condition(`{"NumericLessThanEqualsIfExists":{"aws:MultiFactorAuthAge":"3600"}}`)))
	decides(t, age, "role/r", haiku, rights.ExplicitDeny, awsiam.Context{"aws:MultiFactorAuthAge": awsiam.One("60")})
	decides(t, age, "role/r", haiku, rights.Allowed, awsiam.Context{"aws:MultiFactorAuthAge": awsiam.One("7200")})
	ip := one(t, allow("bedrock:*", "*"), deny("bedrock:*", "*", condition(`{"IpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"}}`)))
	decides(t, ip, "role/r", haiku, rights.ExplicitDeny, awsiam.Context{"aws:SourceIp": awsiam.One("192.0.2.9")})
	decides(t, ip, "role/r", haiku, rights.Allowed, awsiam.Context{"aws:SourceIp": awsiam.One("198.51.100.9")})
}

func TestRowPMapper_ATagInStringEqualsIsItsValue(t *testing.T) {
	c := newCast()
	when := condition(`{"StringEquals":{"bedrock:ServiceTier":"${aws:PrincipalTag/tier}"}}`)
	c.role("r", byLambda, allow("bedrock:*", "*", when))["Tags"] = []any{map[string]string{"Key": "tier", "Value": "flex"}}
	c.role("s", byLambda, allow("bedrock:*", "*", when))
	a := c.analysis(t, nil)
	tier := func(s string) awsiam.Context { return awsiam.Context{"bedrock:ServiceTier": awsiam.One(s)} }
	decides(t, a, "role/r", haiku, rights.Allowed, tier("flex"))
	nobody(t, a, "role/r", haiku, tier("priority"))
	nobody(t, a, "role/s", haiku, tier("flex"))
}
