package rights

import (
	"testing"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
)

// specimen is a question whose certificate the tests change.
type specimen struct {
	identity, boundary, scp, endpoint, resource string // statements
	next                                        string // identity statements of a candidate; not empty: a comparison
	open                                        bool   // any resource
	known                                       awsiam.Context
	want                                        string
}

const (
	certAllowModels = `{"Sid":"Models","Effect":"Allow","Action":["bedrock:InvokeModel"],"Resource":["arn:aws:bedrock:*::foundation-model/anthropic.*","arn:aws:bedrock:eu-*::foundation-model/*"]}`
	certAllowAll    = `{"Effect":"Allow","Action":["bedrock:*"],"Resource":["*"]}`
)

func certAllowIf(conditions string) string {
	return `{"Effect":"Allow","Action":["bedrock:Invoke*"],"Resource":["arn:aws:bedrock:*::foundation-model/*"],"Condition":{` + conditions + `}}`
}

func certDenyIf(conditions string) string {
	return `{"Effect":"Deny","NotAction":["s3:*"],"Resource":["*"],"Condition":{` + conditions + `}}`
}

var specimenList = map[string]specimen{
	"plain":  {identity: certAllowModels, want: "allowed"},
	"denied": {identity: certAllowModels, scp: `{"Effect":"Deny","Action":["*"],"Resource":["*"]},` + certAllowAll, want: "denied"},
	"tags": {
		identity: certAllowIf(`"StringLike":{"aws:PrincipalTag/team":["ml-*","*-ml"]}`) + "," + certDenyIf(`"StringEqualsIgnoreCase":{"aws:PrincipalTag/team":["ML-x"]}`),
		want:     "conditional",
	},
	"time": {
		identity: certAllowIf(`"DateLessThan":{"aws:CurrentTime":["2030-01-01T00:00:00Z"]},"NumericGreaterThan":{"aws:EpochTime":["1700000000"]}`),
		want:     "allowed",
	},
	"network": {
		identity: certAllowIf(`"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8"]}`), endpoint: `{"Effect":"Allow","Principal":"*","Action":["*"],"Resource":["*"],"Condition":{"StringEquals":{"aws:SourceVpce":["vpce-1"]}}}`,
		want: "conditional",
	},
	"mfa": {
		identity: certAllowIf(`"Bool":{"aws:MultiFactorAuthPresent":["true"]},"NumericLessThanEquals":{"aws:MultiFactorAuthAge":["3600"]}`), boundary: certAllowAll,
		want: "conditional",
	},
	"sets": {
		identity: certAllowIf(`"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":["o-1/a/","o-1/b/"]},"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":["o-1/*"]}`),
		want:     "conditional",
	},
	"guardrail": {
		identity: certAllowAll + "," + certDenyIf(`"ArnNotLikeIfExists":{"bedrock:GuardrailIdentifier":["arn:aws:bedrock:*:111122223333:guardrail/gr1:*"]}`) + "," + certDenyIf(`"Null":{"bedrock:GuardrailIdentifier":["true"]}`),
		want:     "conditional",
	},
	"variable": {
		identity: `{"Effect":"Allow","Action":["bedrock:*"],"Resource":["arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/provider}.*"]}`,
		want:     "conditional",
	},
	"known": {
		identity: certAllowIf(`"StringEquals":{"aws:PrincipalTag/team":["${aws:PrincipalTag/env}","ml"]}`), known: awsiam.Context{"aws:principaltag/env": awsiam.One("prod")},
		want: "conditional",
	},
	"undetermined": {
		identity: certAllowIf(`"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":["a"]}`), known: awsiam.Context{"aws:tagkeys": {}},
		want: "undetermined",
	},
	"resource policy": {
		identity: `{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["*"]}`, boundary: certAllowAll,
		resource: `{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/app"]},"Action":["bedrock:InvokeModel"],"Resource":["*"],"Condition":{"StringEquals":{"aws:SourceVpc":["vpc-1"]}}}`,
		want:     "conditional",
	},
	"open":       {identity: certAllowModels, open: true, want: "conditional"},
	"narrower":   {identity: certAllowAll, next: certAllowModels + "," + certDenyIf(`"StringNotEquals":{"aws:RequestedRegion":["us-east-1","eu-west-1"]}`), open: true, want: "NO_NEW_ACCESS"},
	"wider":      {identity: certAllowModels, next: certAllowIf(`"StringLike":{"aws:RequestedRegion":["us-*"]}`), open: true, want: "NEW_ACCESS"},
	"unreadable": {identity: certAllowModels, next: certAllowModels + "," + certAllowIf(`"StringSmells":{"aws:RequestedRegion":["us-*"]}`), open: true, want: "UNDETERMINED"},
	"same":       {identity: certAllowIf(`"StringEquals":{"aws:PrincipalTag/team":["a","b"]}`), next: certAllowIf(`"StringEquals":{"aws:PrincipalTag/team":["b"]}`), open: true, want: "NO_NEW_ACCESS"},
}

// specimens are the certificates of the questions.
func specimens(t *testing.T) map[string]*certificate.Certificate {
	t.Helper()
	out := map[string]*certificate.Certificate{}
	for name, s := range specimenList {
		u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true, Now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
		old := s.asked(s.identity)
		f := alone(u, old)
		got, cert, err := string(f.Answer(old).Decision), (*certificate.Certificate)(nil), error(nil)
		if s.next == "" {
			cert, err = f.Certify(old, f.Answer(old))
			got = decisions[Decision(got)]
		} else {
			fresh := s.asked(s.next)
			both := alone(u, old, fresh)
			x := both.Compare(old, fresh)
			got = string(x.Verdict)
			cert, err = both.CertifyComparison(old, fresh, x)
		}
		if err != nil || got != s.want {
			t.Fatalf("%s: %s, want %s: %v", name, got, s.want, err)
		}
		out[name] = cert
	}
	return out
}

func (s *specimen) asked(identity string) *Case {
	k := Check{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude", Known: awsiam.Context{"aws:requestedregion": awsiam.One("us-east-1")}, Policy: certPolicy("resource", s.resource)}
	if s.open {
		k.Resource, k.Known = "", nil
	}
	c := &Case{Principal: awsiam.Principal{ARN: "arn:aws:iam::111122223333:role/app", Account: "111122223333"}, Checks: []Check{k}, Known: s.known}
	c.Layers = awsiam.Layers{Identity: []*awsiam.Document{certPolicy("identity", identity)}, Boundary: certPolicy("boundary", s.boundary), Endpoint: certPolicy("endpoint", s.endpoint)}
	if s.scp != "" {
		c.Layers.SCPs = [][]*awsiam.Document{{certPolicy("scp", s.scp)}}
	}
	return c
}

func certPolicy(name, statements string) *awsiam.Document {
	if statements == "" {
		return nil
	}
	d, _ := awsiam.Parse(name, []byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`), awsiam.Position{})
	return d
}
