package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

const accessKeys = `{"AccessKeyMetadata":[
 {"UserName":"Anywhere","AccessKeyId":"EXAMPLE1","Status":"Active","CreateDate":"2025-01-01T00:00:00Z"},
 {"UserName":"AtHome","AccessKeyId":"EXAMPLE2","Status":"Active","CreateDate":"2025-01-01T00:00:00Z"},
 {"UserName":"Off","AccessKeyId":"EXAMPLE3","Status":"Inactive","CreateDate":"2025-01-01T00:00:00Z"}]}`

func TestCond01_FromAnyNetworkWithAKey(t *testing.T) {
	c := newCast()
	c.user("Anywhere", allow(calls, everywhere))
	c.user("AtHome", allow(calls, everywhere, condition(`{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`)))
	c.user("Off", allow(calls, everywhere))
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	if why := open(t, c.analysis(t, nil), "BR-COND-01", ScanOptions{}); !strings.Contains(why, "--credentials") {
		t.Errorf("not evaluable because %q", why)
	}
	a := c.analysis(t, withFile(t, func(s *estate.Sources) *[]string { return &s.Credentials }, accessKeys))
	found := scanned(t, a, "BR-COND-01", ScanOptions{})
	want(t, found, "Anywhere")
	if f := of(t, found, "Anywhere"); f.Severity != report.Medium {
		t.Errorf("the rule is about such credentials: severity %s", f.Severity)
	}
}

func TestCond01_ADenyOutsideTheNetworkIsEnough(t *testing.T) {
	c := newCast()
	c.user("Anywhere", allow(calls, everywhere), deny("*", "*", condition(`{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`)))
	a := c.analysis(t, withFile(t, func(s *estate.Sources) *[]string { return &s.Credentials }, accessKeys))
	want(t, scanned(t, a, "BR-COND-01", ScanOptions{}), "")
}

func TestCond02_ForAllValuesIsTrueOfNothing(t *testing.T) {
	c := newCast()
	c.role("Hollow", byService("ec2.amazonaws.com"), allow(calls, everywhere, condition(`{"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-a/r-b/*"}}`)))
	c.role("Null", byService("ec2.amazonaws.com"), allow(calls, everywhere, condition(`{"ForAllValues:StringLike":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}}`)))
	c.role("Any", byService("ec2.amazonaws.com"), allow(calls, everywhere, condition(`{"ForAnyValue:StringLike":{"aws:TagKeys":"a"}}`)))
	c.role("Deny", byService("ec2.amazonaws.com"), allow(calls, everywhere), deny(calls, "*", condition(`{"ForAllValues:StringLike":{"aws:TagKeys":"a"},"Null":{"aws:TagKeys":"false"}}`)))
	c.role("Elsewhere", byService("ec2.amazonaws.com"), allow(calls, everywhere), allow("s3:*", "*", condition(`{"ForAllValues:StringLike":{"aws:TagKeys":"a"}}`)))
	c.role("Tagged", byService("ec2.amazonaws.com"), allow(calls, everywhere, condition(`{"ForAllValues:StringLike":{"aws:TagKeys":"a"}}`)))
	c.role("Trusting", trusting(`{"AWS":"*"}`, condition(`{"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-a/*"}}`)), allow(calls, everywhere))
	a := c.analysis(t, nil)
	want(t, scanned(t, a, "BR-COND-02", ScanOptions{}), "Hollow Tagged Trusting")
}

func TestCond03_StatementsWithoutEffect(t *testing.T) {
	for name, x := range map[string]struct{ statement, why string }{
		"converse":         {deny("bedrock:Converse bedrock:ConverseStream", "*"), "is no action"},
		"bearer on invoke": {deny(calls, "*", condition(`{"StringEquals":{"bedrock:BearerTokenType":"LONG_TERM"}}`)), "bedrock:BearerTokenType"},
		"no such key":      {deny(calls, "*", condition(`{"StringNotLike":{"aws:PrincipalArn":"x"},"StringEquals":{"aws:InferenceProfileArn":"x"}}`)), "no condition key"},
		"gate on an ARN":   {deny("bedrock:CallWithBearerToken", "arn:aws:bedrock:*:*:*"), "only \"*\" meets it"},
		"other region":     {allow(calls, "arn:aws:bedrock:us-east-1::foundation-model/*", condition(`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`)), "exclude one another"},
		"two endpoints":    {allow(calls, "*", condition(`{"StringEquals":{"aws:SourceVpce":"vpce-1"},"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`)), "exclude one another"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCast()
			c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere), x.statement)
			found := scanned(t, c.analysis(t, nil), "BR-COND-03", ScanOptions{})
			if len(found) != 1 || !strings.Contains(found[0].Detail, x.why) || found[0].Statements[0].Index != 1 {
				t.Errorf("found %+v", found)
			}
		})
	}
}

func TestCond03_StatementsWithAnEffect(t *testing.T) {
	for name, statement := range map[string]string{
		"bearer on its gate":      deny("bedrock:CallWithBearerToken", "*", condition(`{"StringEquals":{"bedrock:BearerTokenType":"LONG_TERM"}}`)),
		"bearer on all":           deny("bedrock:*", "*", condition(`{"StringEquals":{"bedrock:BearerTokenType":"LONG_TERM"}}`)),
		"no guardrail":            deny(calls, "*", condition(`{"StringNotEquals":{"bedrock:GuardrailIdentifier":"`+guardrail+`:1"}}`)),
		"on behalf":               allow("bedrock:*", "*", condition(`{"ForAnyValue:StringEquals":{"aws:CalledVia":"cloudformation.amazonaws.com"}}`)),
		"expired":                 allow(calls, "*", condition(`{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}`)),
		"an agent":                allow("bedrock:InvokeAgent", "arn:aws:bedrock:us-east-1:111122223333:agent-alias/A/B", condition(`{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}`)),
		"global":                  allow(calls, "arn:aws:bedrock:*::foundation-model/*", condition(`{"StringEquals":{"aws:RequestedRegion":"unspecified"}}`)),
		"an organisation":         deny(calls, "*", condition(`{"StringNotEquals":{"aws:PrincipalOrgID":"o-abc"}}`)),
		"not about Bedrock":       allow("s3:GetObject", "*", condition(`{"StringEquals":{"s3:Whatever":"x"}}`)),
		"converse and invocation": allow("bedrock:Converse bedrock:InvokeModel", "*"),
		"variable":                allow(calls, "*", condition(`{"StringEquals":{"aws:SourceVpc":"${aws:PrincipalTag/vpc}"}}`)),
	} {
		t.Run(name, func(t *testing.T) {
			c := newCast()
			c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere), statement)
			for _, f := range scanned(t, c.analysis(t, nil), "BR-COND-03", ScanOptions{}) {
				t.Errorf("found %s", f.Detail)
			}
		})
	}
}

func TestCond03_AllowAndDenyExcludeOneAnother(t *testing.T) {
	vpce := func(op, id string) string { return condition(`{"` + op + `":{"aws:SourceVpce":"` + id + `"}}`) }
	c := newCast()
	c.role("Dead", byService("ec2.amazonaws.com"), allow(calls, everywhere, vpce("StringEquals", "vpce-1")), deny(calls, "*", vpce("StringNotEquals", "vpce-2")))
	c.role("Alive", byService("ec2.amazonaws.com"), allow(calls, everywhere, vpce("StringEquals", "vpce-1")), deny(calls, "*", vpce("StringNotEquals", "vpce-1")))
	want(t, scanned(t, c.analysis(t, nil), "BR-COND-03", ScanOptions{}), "Dead")
}

func TestCond04_DatedGrants(t *testing.T) {
	date := func(op, at string) string { return condition(`{"` + op + `":{"aws:CurrentTime":"` + at + `"}}`) }
	c := newCast()
	c.role("Ended", byService("ec2.amazonaws.com"), allow(calls, everywhere, date("DateLessThan", "2026-01-01T00:00:00Z")))
	c.role("Latent", byService("ec2.amazonaws.com"), allow(calls, everywhere, date("DateGreaterThan", "2030-01-01T00:00:00Z")))
	c.role("Ends", byService("ec2.amazonaws.com"), allow(calls, everywhere, date("DateLessThan", "2030-01-01T00:00:00Z")))
	c.role("Endless", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	c.role("Other", byService("ec2.amazonaws.com"), allow("s3:*", "*", date("DateLessThan", "2020-01-01T00:00:00Z")))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-COND-04", ScanOptions{})
	want(t, found, "Ended Latent")
	if f := of(t, found, "Latent"); !strings.Contains(f.Title, "2030-01-01") {
		t.Errorf("title %q", f.Title)
	}
	if f := of(t, found, "Ended"); !strings.Contains(f.Title, "has ended") {
		t.Errorf("title %q", f.Title)
	}
	want(t, scanned(t, a, "BR-COND-04", ScanOptions{NeedsEnd: true}), "Ended Endless Latent")
}
