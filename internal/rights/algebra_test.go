package rights

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/awsiam"
)

// policy is a document of statements, each without its braces.
func policy(t testing.TB, statements ...string) *awsiam.Document {
	t.Helper()
	text := `{"Version":"2012-10-17","Statement":[{` + strings.Join(statements, "},\n{") + `}]}`
	d, problems := awsiam.Parse("policy", []byte(text), awsiam.Position{})
	if d.Doubt != "" {
		t.Fatalf("%v in %s", problems, text)
	}
	return d
}

const allowAll = `"Effect":"Allow","Action":"*","Resource":"*"`

// of is a role that asks for a model, with identity policies.
func of(docs ...*awsiam.Document) *Case {
	return &Case{
		Principal: awsiam.Principal{ARN: roleARN, Account: "111122223333"}, Layers: awsiam.Layers{Identity: docs},
		Checks: []Check{{Action: "bedrock:InvokeModel", Resource: modelEast}}, Known: awsiam.Context{},
	}
}

// inTwoRegions makes a case one of two legs, in two regions.
func inTwoRegions(c *Case) *Case {
	c.Checks = nil
	for _, arn := range []string{modelEast, modelWest} {
		c.Checks = append(c.Checks, Check{Action: "bedrock:InvokeModel", Resource: arn, Known: awsiam.Context{regionKey: awsiam.One(regionOf(arn))}})
	}
	return c
}

func exact() Universe { return Universe{Facts: awsiam.EmbeddedFacts()} }

func TestALegFixesItsOwnVariables(t *testing.T) {
	for _, x := range []struct {
		name, condition string
		want            Decision
	}{
		{"a value that names the region", `"StringLike":{"bedrock:GuardrailIdentifier":"arn:aws:bedrock:${aws:RequestedRegion}:*"}`, ImplicitDeny},
		{"a value that names the region and another key", `"StringLike":{"bedrock:GuardrailIdentifier":"arn:aws:bedrock:${aws:RequestedRegion}:*:guardrail/${aws:PrincipalTag/team}"}`, Undetermined},
		{"the region and another key in a set", `"ForAnyValue:StringEquals":{"aws:TagKeys":["${aws:RequestedRegion}"]}`, Conditional},
	} {
		got := Solve(exact(), inTwoRegions(of(policy(t, `"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+x.condition+`}`))))
		if got.Decision != x.want {
			t.Errorf("%s: %s when %s, want %s", x.name, got.Decision, Terms(got.Condition), x.want)
		}
	}
}

// TestWhatTwoLegsCompareIsNotOneThing: that a tag and a guardrail go together in
// one region says nothing of another region.
func TestWhatTwoLegsCompareIsNotOneThing(t *testing.T) {
	condition := `"Condition":{"StringLike":{"aws:SourceVpce":"${aws:RequestedRegion}-${aws:PrincipalTag/team}"}}`
	got := Solve(exact(), inTwoRegions(of(policy(t, `"Effect":"Allow","Action":"*","Resource":"`+modelEast+`",`+condition, `"Effect":"Allow","Action":"*","Resource":"`+modelWest+`"`, `"Effect":"Deny","Action":"*","Resource":"`+modelWest+`",`+condition))))
	if !got.Decision.Can() {
		t.Errorf("%s, but vpce us-east-1-a and team a pass both", got.Decision)
	}
}

func TestAKeyIsComparedBlindToCaseThroughAVariable(t *testing.T) {
	c := of(policy(t, allowAll, `"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEqualsIgnoreCase":{"aws:username":"${aws:PrincipalTag/owner}"}}`))
	c.Known.Set("aws:username", awsiam.One("ANN"))
	f := NewFrame(exact())
	f.Add(c)
	f.Close()
	v := f.byKey["aws:principaltag/owner"]
	if v == nil || len(v.atoms) != 3 || !v.cuts.Patterns[0].Match("aNn") {
		t.Fatalf("the tag has atoms %v, want absent, ann in any case, and another", v)
	}
	a := f.Answer(c)
	if a.Decision != Conditional || !strings.EqualFold(a.Witness.Context["aws:principaltag/owner"].(string), "ann") {
		t.Errorf("%s with %v", a.Decision, a.Witness)
	}
}

// TestTimeInAnotherKeyIsUndetermined: what an ARN that names the second would
// match, no class of time says.
func TestTimeInAnotherKeyIsUndetermined(t *testing.T) {
	for _, key := range []string{"aws:EpochTime", "aws:CurrentTime"} {
		got := Solve(exact(), of(policy(t, `"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:us-east-1::foundation-model/${`+key+`}"`)))
		if got.Decision != Undetermined {
			t.Errorf("%s: %s", key, got.Decision)
		}
	}
}

func TestKeysOfTwoTypesAreUndetermined(t *testing.T) {
	for _, two := range []string{
		`"Bool":{"custom:x":"true"},"StringEquals":{"custom:x":"yes"}`,
		`"NumericLessThan":{"custom:x":"5"},"DateLessThan":{"custom:x":"2030-01-01"}`,
		`"NumericLessThan":{"custom:x":"5"},"StringLike":{"custom:x":"a*"}`,
		`"StringLike":{"aws:CurrentTime":"2026*"}`,
		`"StringLike":{"aws:SourceIp":"10.*"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`,
		`"BinaryEquals":{"custom:x":"YQ=="},"StringLike":{"custom:x":"a*"}`,
		`"NumericLessThan":{"aws:TokenIssueTime":"5"}`,
	} {
		got := Solve(exact(), of(policy(t, `"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+two+`}`)))
		if got.Decision != Undetermined || len(got.Doubts) == 0 {
			t.Errorf("%s: %s, doubts %q", two, got.Decision, got.Doubts)
		}
	}
}

func TestAConditionIsWrittenInTheWordsOfThePolicies(t *testing.T) {
	when := func(condition string) string {
		return `"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + condition + `}`
	}
	region := func(value string) string { return when(`"StringLike":{"aws:RequestedRegion":"` + value + `"}`) }
	tag := func(value string) string { return when(`"StringEquals":{"aws:PrincipalTag/team":"` + value + `"}`) }
	for _, x := range []struct {
		statements []string
		want       string
	}{
		{[]string{region("us-*"), region("eu-*")}, "aws:RequestedRegion ~ eu-* OR aws:RequestedRegion ~ us-*"},
		{[]string{when(`"StringLike":{"aws:SourceVpce":"a*"},"StringNotEquals":{"aws:SourceVpce":"ab"}`), when(`"StringEquals":{"aws:SourceVpce":"x"}`)}, "(aws:SourceVpce ~ a* AND aws:SourceVpce ≠ ab) OR aws:SourceVpce = x"},
		{[]string{tag("a"), tag("b")}, "aws:PrincipalTag/team = a or b"},
		{[]string{when(`"StringEquals":{"aws:PrincipalTag/team":["a","b"]}`)}, "aws:PrincipalTag/team = a or b"},
		{[]string{allowAll, `"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"a"}}`}, "aws:PrincipalTag/team ≠ a"},
		{[]string{when(`"StringLike":{"aws:SourceVpce":"vpce-${aws:PrincipalTag/own}"}`)}, "aws:SourceVpce ~ vpce-7"},
		{[]string{`"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/team}"`}, "aws:principaltag/team = anthropic.claude-x"},
		{[]string{allowAll, `"Effect":"Deny","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/team}"`}, "aws:principaltag/team ≠ anthropic.claude-x"},
	} {
		c := of(policy(t, x.statements...))
		c.Known.Set("aws:PrincipalTag/own", awsiam.One("7"))
		got := Solve(exact(), c)
		alternatives := strings.Split(Terms(got.Condition), " OR ")
		slices.Sort(alternatives)
		if strings.Join(alternatives, " OR ") != x.want {
			t.Errorf("%s: %s when %s, want %s", x.statements, got.Decision, Terms(got.Condition), x.want)
		}
	}
}

func TestARightEndsAndBegins(t *testing.T) {
	now, day := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		condition   string
		decision    Decision
		from, until time.Time
	}{
		{`"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}`, Allowed, time.Time{}, day},
		{`"DateGreaterThanEquals":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}`, ImplicitDeny, day, time.Time{}},
		{`"NumericLessThan":{"aws:EpochTime":"1893456000"}`, Allowed, time.Time{}, day},
		{`"DateLessThan":{"aws:CurrentTime":"2020-01-01"}`, ImplicitDeny, time.Time{}, time.Time{}},
		{`"DateGreaterThan":{"aws:CurrentTime":"2020-01-01"}`, Allowed, time.Time{}, time.Time{}},
	} {
		u := exact()
		u.Now = now
		got := Solve(u, of(policy(t, `"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+x.condition+`}`)))
		if got.Decision != x.decision || !got.From.Equal(x.from) || !got.Until.Equal(x.until) {
			t.Errorf("%s: %s from %v until %v", x.condition, got.Decision, got.From, got.Until)
		}
	}
}

func TestWhatIsNotRequiredIsSaid(t *testing.T) {
	for _, x := range []struct {
		name, deny string
		want       []string
	}{
		{"nothing", `"Null":{"aws:username":"false"}`, []string{"mfa", "guardrail", "network"}},
		{"MFA, which BoolIfExists does not ask of keys that last", `"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}`, []string{"guardrail", "network"}},
		{"a guardrail", `"StringNotEquals":{"bedrock:GuardrailIdentifier":"` + guardrail1 + `"}`, []string{"mfa", "network"}},
		{"MFA, however long ago", `"Null":{"aws:MultiFactorAuthAge":"true"}`, []string{"guardrail", "network"}},
		{"a guardrail that a tag names", `"ArnNotEquals":{"bedrock:GuardrailIdentifier":"arn:aws:bedrock:us-east-1:111122223333:guardrail/${aws:PrincipalTag/team}"}`, []string{"mfa", "network"}},
		{"an endpoint", `"StringNotEquals":{"aws:SourceVpce":"vpce-1"}`, []string{"mfa", "guardrail"}},
		{"an address or an endpoint", `"NotIpAddressIfExists":{"aws:SourceIp":"192.0.2.0/24"},"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}`, []string{"mfa", "guardrail"}},
	} {
		u := exact()
		u.Correlated = true
		got := Solve(u, of(policy(t, allowAll, `"Effect":"Deny","Action":"*","Resource":"*","Condition":{`+x.deny+`}`)))
		if diff := cmp.Diff(x.want, got.NotRequired); diff != "" {
			t.Errorf("%s: -want +got\n%s", x.name, diff)
		}
	}
}

// TestAClassOfResourcesIsOfOneRegion: of a model without a region AWS reports
// the word unspecified, and of no other.
func TestAClassOfResourcesIsOfOneRegion(t *testing.T) {
	u := exact()
	u.Correlated = true
	models := func(op, region string) Policies {
		return Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{policy(t, `"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/*","Condition":{"`+op+`":{"aws:RequestedRegion":"`+region+`"}}`)}}}
	}
	nothing := Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{policy(t, `"Effect":"Deny","Action":"*","Resource":"*"`)}}}
	for _, x := range []struct {
		op, region string
		want       bool // of a model without a region
	}{{"StringEquals", "unspecified", true}, {"StringNotEquals", "unspecified", false}, {"StringEquals", "eu-west-1", false}, {"StringLike", "un*d", true}} {
		got := Compare(u, nothing, models(x.op, x.region), InvokeActions)
		if got.Verdict != NewAccess || strings.HasPrefix(got.Witness.Resource, "arn:aws:bedrock:::") != x.want {
			t.Errorf("%s %s: %s %v", x.op, x.region, got.Verdict, got.Witness)
		}
	}
}

// TestAClassOfResourcesIsShownByOneThatCanBe: no model's id holds the path of a
// profile, though a * may stand for it.
func TestAClassOfResourcesIsShownByOneThatCanBe(t *testing.T) {
	u := exact()
	u.Correlated = true
	of := func(statements ...string) Policies {
		return Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{policy(t, statements...)}}}
	}
	both := of(`"Effect":"Allow","Action":"*","Resource":"arn:aws:bedrock:*::foundation-model/*"`, `"Effect":"Deny","Action":"*","NotResource":"arn:aws:bedrock:*:inference-profile/*"`)
	if got := Compare(u, of(`"Effect":"Deny","Action":"*","Resource":"*"`), both, InvokeActions); got.Verdict != NoNewAccess {
		t.Errorf("%s %v", got.Verdict, got.Witness)
	}
}

// TestACheckKeepsWhatItKnows: a key that another check leaves free is not free
// for it.
func TestACheckKeepsWhatItKnows(t *testing.T) {
	c := inTwoRegions(of(policy(t, `"Effect":"Allow","Action":"*","Resource":"`+modelEast+`","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}`,
		`"Effect":"Allow","Action":"*","Resource":"`+modelWest+`","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`)))
	c.Checks[1].Known = nil
	if got := Solve(exact(), c); got.Decision != Conditional || got.Witness.Context["aws:RequestedRegion"] != "eu-west-1" {
		t.Errorf("%s %v, doubts %q", got.Decision, got.Witness, got.Doubts)
	}
}

// TestAnyoneInAResourcePolicyPastABoundary: what AWS does not say is not decided.
func TestAnyoneInAResourcePolicyPastABoundary(t *testing.T) {
	for arn, want := range map[string]Decision{annARN: Undetermined, roleARN: ImplicitDeny} {
		c := of(policy(t, `"Effect":"Allow","Action":"s3:*","Resource":"*"`))
		c.Principal.ARN, c.Layers.Boundary = arn, policy(t, `"Effect":"Allow","Action":"s3:*","Resource":"*"`)
		c.Checks[0].Policy = policy(t, `"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"`)
		if got := Solve(exact(), c); got.Decision != want {
			t.Errorf("%s: %s, want %s", arn, got.Decision, want)
		}
	}
}

func TestABenchmarkedInvocationIsConditional(t *testing.T) {
	if got := Solve(invocation(t)); got.Decision != Conditional || len(got.Legs) != 4 {
		t.Errorf("%s of %d legs when %s", got.Decision, len(got.Legs), Terms(got.Condition))
	}
}

// invocation is a conditional right to a profile with three destinations.
func invocation(t testing.TB) (Universe, *Case) {
	facts := awsiam.EmbeddedFacts()
	list := []Leg{{Kind: ProfileLeg, Action: "bedrock:InvokeModel", Resource: profileARN, Region: "us-east-1"}}
	for i, region := range []string{"us-east-1", "us-east-2", "us-west-2"} {
		list = append(list, Leg{Kind: []LegKind{SourceLeg, DestinationLeg, DestinationLeg}[i], Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:" + region + "::foundation-model/anthropic.claude-x", Region: region})
	}
	c := of(policy(t, `"Effect":"Allow","Action":["bedrock:InvokeModel","bedrock:InvokeModelWithResponseStream"],"Resource":["arn:aws:bedrock:*::foundation-model/anthropic.*","arn:aws:bedrock:*:*:inference-profile/us.*"]`,
		`"Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":["vpce-1","vpce-2"]}}`,
		`"Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`,
		`"Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}`))
	c.Layers.SCPs = [][]*awsiam.Document{{full}, {full, policy(t, `"Effect":"Deny","NotAction":"iam:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","us-east-2","us-west-2"]}}`)}}
	c.Known = Direct()
	c.Checks = ChecksOf(facts, list)
	return Universe{Facts: facts, Correlated: true, Now: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}, c
}

func BenchmarkSolve(b *testing.B) {
	u, c := invocation(b)
	for b.Loop() {
		if a := Solve(u, c); a.Decision != Conditional {
			b.Fatal(a.Decision)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	_, c := invocation(b)
	base := Policies{Layers: c.Layers}
	next := Policies{Layers: awsiam.Layers{Identity: append([]*awsiam.Document{policy(b, `"Effect":"Allow","Action":"bedrock:*","Resource":"arn:aws:bedrock:*:*:provisioned-model/*"`)}, c.Layers.Identity...), SCPs: c.Layers.SCPs}}
	u := exact()
	for b.Loop() {
		if forth, back := CompareBoth(u, base, next, InvokeActions); forth.Verdict != NewAccess || back.Verdict != NoNewAccess {
			b.Fatal(forth.Verdict, back.Verdict)
		}
	}
}

// twoWays checks what becomes of a policy that is too much for the algebra: it
// is undetermined, alone and compared, and never denied.
func twoWays(t *testing.T, d *awsiam.Document) {
	t.Helper()
	if got := Solve(exact(), of(d)); got.Decision != Undetermined || len(got.Doubts) == 0 {
		t.Errorf("%s, doubts %.200q", got.Decision, got.Doubts)
	}
	none := Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{policy(t, `"Effect":"Deny","Action":"*","Resource":"*"`)}}}
	if got := Compare(exact(), none, Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{d}}}, InvokeActions); got.Verdict == NoNewAccess {
		t.Errorf("compared: %s", got.Verdict)
	}
}

// bombs are patterns whose product has more states than may be looked at.
func bombs(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%q", strings.Repeat(fmt.Sprintf("*%c*%c", 'a'+i%26, 'a'+(i*7+3)%26), 12)+"*"))
	}
	return "[" + strings.Join(list, ",") + "]"
}
