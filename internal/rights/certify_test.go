package rights

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
)

// The words that random policies are made of.
var (
	certActions   = []string{"bedrock:InvokeModel", "bedrock:InvokeModel*", "bedrock:*", "BEDROCK:invokemodel", "*", "s3:GetObject", "bedrock:InvokeModelWithResponseStream"}
	certResources = []string{
		"*", "arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:us-east-1::foundation-model/anthropic.*", "arn:aws:bedrock:*:*:inference-profile/us.*",
		"arn:aws:bedrock:*:111122223333:*", "arn:aws:bedrock:us-*::foundation-model/?nthropic.claude", "arn:aws:bedrock:${aws:RequestedRegion}::foundation-model/*",
		"arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/team}.*", "arn:aws:bedrock:::foundation-model/*",
	}
	certAsked = []string{
		"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude", "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/us.anthropic.claude",
		"arn:aws:bedrock:::foundation-model/anthropic.claude",
	}
)

// certConditions are conditions of every kind, each an operator, a key and values.
var certConditions = [][]string{
	{"StringEquals", "aws:PrincipalTag/team", "ml"},
	{"StringEquals", "aws:PrincipalTag/team", "anthropic", "m*"},
	{"StringNotLike", "aws:PrincipalTag/Team", "m*", "?"},
	{"StringEqualsIgnoreCase", "aws:PrincipalTag/team", "ML"},
	{"StringLikeIfExists", "aws:PrincipalTag/env", "prod-*-x", "*dev*"},
	{"StringEquals", "aws:PrincipalTag/env", "${aws:PrincipalTag/team}"},
	{"StringEquals", "aws:PrincipalTag/env", "${aws:username, 'prod'}", "${*}"},
	{"StringEquals", "aws:RequestedRegion", "us-east-1", "unspecified"},
	{"StringNotEquals", "aws:RequestedRegion", "us-east-1", "eu-west-1"},
	{"StringLike", "aws:RequestedRegion", "us-*"},
	{"IpAddress", "aws:SourceIp", "10.0.0.0/8", "192.0.2.1"},
	{"NotIpAddressIfExists", "aws:SourceIp", "2001:db8::/32", "0.0.0.0/1"},
	{"StringEquals", "aws:SourceVpce", "vpce-1"},
	{"StringNotEqualsIfExists", "aws:SourceVpc", "vpc-1"},
	{"IpAddress", "aws:VpcSourceIp", "10.1.0.0/16"},
	{"DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"},
	{"DateGreaterThanEquals", "aws:CurrentTime", "2026-06-01"},
	{"DateNotEquals", "aws:TokenIssueTime", "2026-01-01T00:00:00Z"},
	{"NumericLessThanEquals", "aws:EpochTime", "1900000000"},
	{"NumericLessThan", "aws:MultiFactorAuthAge", "3600"},
	{"NumericGreaterThanIfExists", "aws:MultiFactorAuthAge", "60", "3601"},
	{"NumericEquals", "ec2:RoleDelivery", "2.0"},
	{"Bool", "aws:MultiFactorAuthPresent", "true"},
	{"BoolIfExists", "aws:MultiFactorAuthPresent", "false"},
	{"Bool", "aws:SecureTransport", "true"},
	{"Null", "aws:TokenIssueTime", "true"},
	{"Null", "bedrock:GuardrailIdentifier", "false"},
	{"ArnLike", "bedrock:GuardrailIdentifier", "arn:aws:bedrock:*:111122223333:guardrail/gr1:*"},
	{"ArnNotEquals", "bedrock:InferenceProfileArn", "arn:aws:bedrock:*:*:inference-profile/us.*"},
	{"ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-1/r-1/*", "o-1/r-2/ou-2/"},
	{"ForAllValues:StringEquals", "aws:PrincipalOrgPaths", "o-1/r-1/", "${aws:PrincipalTag/env}"},
	{"ForAnyValue:StringNotEqualsIfExists", "aws:TagKeys", "a", "b"},
	{"ForAllValues:StringLike", "aws:TagKeys", "a*"},
	{"BinaryEquals", "custom:blob", "AQI="},
	{"StringEquals", "nonsense", "x"},
	{"NumericSmallerThan", "aws:MultiFactorAuthAge", "7"},
}

// anyStatement draws a statement; one in a while cannot be read.
func anyStatement(t *rapid.T, principal bool) map[string]any {
	s := map[string]any{"Effect": rapid.SampledFrom([]string{"Allow", "Allow", "Allow", "Deny"}).Draw(t, "effect")}
	words := func(name, label string, from []string, most int) {
		if rapid.IntRange(0, 9).Draw(t, "not "+label) == 0 {
			name = "Not" + name
		}
		s[name] = rapid.SliceOfN(rapid.SampledFrom(from), 1, most).Draw(t, label)
	}
	words("Action", "actions", certActions, 2)
	words("Resource", "resources", certResources, 2)
	if principal {
		s["Principal"] = rapid.SampledFrom([]any{"*", map[string]any{"AWS": "111122223333"}, map[string]any{"AWS": "arn:aws:iam::111122223333:role/app"}, map[string]any{"AWS": "arn:aws:iam::111122223333:user/eve"}}).Draw(t, "principal")
	}
	conditions := map[string]map[string]any{}
	for _, c := range rapid.SliceOfN(rapid.SampledFrom(certConditions), 0, 2).Draw(t, "conditions") {
		if conditions[c[0]] == nil {
			conditions[c[0]] = map[string]any{}
		}
		conditions[c[0]][c[1]] = c[2:]
	}
	if len(conditions) > 0 {
		s["Condition"] = conditions
	}
	if rapid.IntRange(0, 30).Draw(t, "odd") == 0 {
		s[rapid.SampledFrom([]string{"Effect", "Action", "Resource", "Surprise"}).Draw(t, "odd element")] = rapid.SampledFrom([]any{"x", nil, []any{"a:b", 1}}).Draw(t, "odd value")
	}
	return s
}

func anyDocument(t *rapid.T, name string, principal bool) *awsiam.Document {
	var statements []any
	for range rapid.IntRange(1, 2).Draw(t, "statements") {
		statements = append(statements, anyStatement(t, principal))
	}
	text, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	d, _ := awsiam.Parse(name, text, awsiam.Position{})
	return d
}

func anyLayers(t *rapid.T) awsiam.Layers {
	l := awsiam.Layers{Identity: []*awsiam.Document{anyDocument(t, "identity", false)}}
	for _, layer := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 2, rapid.ID).Draw(t, "layers") {
		switch layer {
		case 0:
			l.Boundary = anyDocument(t, "boundary", false)
		case 1:
			l.Sessions = []*awsiam.Document{anyDocument(t, "session", false)}
		case 2:
			l.SCPs = [][]*awsiam.Document{{anyDocument(t, "root", false)}, {anyDocument(t, "unit", false), anyDocument(t, "other", false)}}
		case 3:
			l.Endpoint = anyDocument(t, "endpoint", true)
		case 4:
			l.Identity = append(l.Identity, anyDocument(t, "second", false))
		case 5:
			l.Sessions = []*awsiam.Document{}
		}
	}
	return l
}

func anyCase(t *rapid.T) *Case {
	c := &Case{Principal: awsiam.Principal{ARN: "arn:aws:iam::111122223333:role/app", Account: "111122223333"}, Layers: anyLayers(t), Known: anyKnown(t)}
	for range rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "checks") {
		k := Check{Action: rapid.SampledFrom(InvokeActions).Draw(t, "action"), Resource: rapid.SampledFrom(append(certAsked, "")).Draw(t, "resource"), Known: awsiam.Context{}}
		if k.Resource != "" {
			k.Known.Set("aws:RequestedRegion", awsiam.One(regionOf(k.Resource)))
		}
		if rapid.Bool().Draw(t, "policy") {
			k.Policy, k.Account = anyDocument(t, "resource", true), "111122223333"
		}
		c.Checks = append(c.Checks, k)
	}
	return c
}

func anyKnown(t *rapid.T) awsiam.Context {
	known := awsiam.Context{}
	if rapid.Bool().Draw(t, "direct") {
		known = Direct()
	}
	for _, of := range []struct {
		key    string
		values []awsiam.Value
	}{
		{"aws:PrincipalTag/team", []awsiam.Value{awsiam.One("ml"), {}, {Doubt: "nobody says"}}},
		{"aws:PrincipalTag/env", []awsiam.Value{awsiam.One("prod"), {}}},
		{"aws:SourceVpce", []awsiam.Value{{}, awsiam.One("vpce-1")}},
		{"aws:PrincipalOrgPaths", []awsiam.Value{awsiam.Many("o-1/r-1/"), {}}},
		{"aws:TokenIssueTime", []awsiam.Value{{}}},
	} {
		if i := rapid.IntRange(0, 3*len(of.values)).Draw(t, of.key); i < len(of.values) {
			known.Set(of.key, of.values[i])
		}
	}
	return known
}

func anyUniverse(t *rapid.T) Universe {
	u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: rapid.Bool().Draw(t, "correlated")}
	if rapid.Bool().Draw(t, "now") {
		u.Now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	}
	return u
}

func TestEveryAnswerHasACertificateThatIsAccepted(t *testing.T) {
	tally := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		a, cert, err := Certified(anyUniverse(t), anyCase(t))
		tally[accepted(t, cert, err)]++
		tally[string(a.Decision)]++
	})
	enough(t, tally)
}

func TestEveryComparisonHasCertificatesThatAreAccepted(t *testing.T) {
	tally := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		base, next := Policies{Layers: anyLayers(t), Known: anyKnown(t)}, Policies{Layers: anyLayers(t)}
		next.Known = base.Known
		x, certs, err := CompareCertified(anyUniverse(t), base, next, InvokeActions)
		for _, cert := range certs {
			tally[accepted(t, cert, nil)]++
		}
		if err != nil {
			tally[accepted(t, nil, err)]++
		}
		tally[string(x.Verdict)]++
	})
	enough(t, tally)
}

// accepted has the checker read a certificate from its bytes.
func accepted(t *rapid.T, cert *certificate.Certificate, err error) string {
	switch {
	case errors.Is(err, ErrNoCertificate):
		return "none: " + strings.SplitN(err.Error(), "[", 2)[0]
	case err != nil:
		t.Fatal(err)
	case cert != nil:
		data, err := cert.Encode()
		if err == nil {
			err = certificate.Check(data)
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
	}
	return "accepted"
}

// enough fails a test whose random answers hardly ever had certificates.
// Which verdicts they come to, chance decides; specimens come to all.
func enough(t *testing.T, tally map[string]int) {
	t.Helper()
	t.Log(tally)
	none := 0
	for what, n := range tally {
		if strings.HasPrefix(what, "none") {
			none += n
		}
	}
	if none > 4*tally["accepted"] {
		t.Errorf("%d have no certificate, %d have", none, tally["accepted"])
	}
}
