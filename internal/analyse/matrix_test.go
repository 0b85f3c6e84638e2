package analyse

import (
	"context"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/estate"
)

// checkMatrix compares every cell of some targets with the answer to its
// question asked alone.
func checkMatrix(t interface {
	Fatal(...any)
	Errorf(string, ...any)
}, a *Analysis, targets []Target) (can int) {
	all := a.Principals()
	m, err := a.Matrix(context.Background(), all, targets, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		for j, target := range targets {
			for k, action := range m.Actions {
				ans, err := a.Can(p, Question{Action: action, Resource: target.ID, Region: target.Region})
				if err != nil {
					t.Fatal(err)
				}
				got := m.At(i, j, k)
				if want := cellOf(ans.Decision); got != want {
					t.Errorf("%s %s %s in %s: %s in the matrix, %s alone", p.ARN, action, target.ID, target.Region, got.Decision(), ans.Decision)
				}
				if got.Can() {
					can++
				}
			}
		}
	}
	return can
}

// each takes one target in so many.
func each(targets []Target, n int) (out []Target) {
	for i := 0; i < len(targets); i += n {
		out = append(out, targets[i])
	}
	return out
}

func TestTheMatrixSaysWhatEveryQuestionDoes(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "iam-example")
	e, err := estate.Load(context.Background(), estate.Sources{Accounts: []string{filepath.Join(dir, "account.json")}, Org: filepath.Join(dir, "organization.json")})
	if err != nil {
		t.Fatal(err)
	}
	a := New(Config{Estate: e, Now: pathsNow})
	if can := checkMatrix(t, a, each(a.Targets([]string{"us-east-1", "eu-west-1"}), 17)); can < 100 {
		t.Errorf("only %d cells can", can)
	}
}

// awkward are statements whose parts depend on the leg, on the principal, on
// both or on neither.
var awkward = []string{
	allow(invokes, "*"),
	allow("bedrock:InvokeModel", "arn:aws:bedrock:*::foundation-model/anthropic.* arn:aws:bedrock:*:*:inference-profile/us.*"),
	allow(invokes, "arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/vendor}.*"),
	allow(invokes, "arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/none}*"),
	allow(invokes, "*", condition(`{"StringEquals":{"aws:RequestedRegion":["us-east-1","us-west-2"]}}`)),
	allow(invokes, "*", condition(`{"StringLike":{"aws:RequestedRegion":"us-*"},"StringEquals":{"aws:SourceVpce":"vpce-1"}}`)),
	allow(invokes, "*", condition(`{"ArnLike":{"bedrock:InferenceProfileArn":"arn:aws:bedrock:*:*:inference-profile/us.*"}}`)),
	allow(invokes, "*", condition(`{"Null":{"bedrock:InferenceProfileArn":"true"}}`)),
	allow(invokes, "*", condition(`{"StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}}`)),
	allow(invokes, "*", condition(`{"StringEquals":{"aws:RequestedRegion":"${aws:PrincipalTag/region}"}}`)),
	allow(invokes, "*", condition(`{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"},"Bool":{"aws:MultiFactorAuthPresent":"true"}}`)),
	deny("bedrock:InvokeModelWithResponseStream", "*"),
	deny("bedrock:*", "*", condition(`{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","us-east-2","us-west-2"]}}`)),
	deny("bedrock:*", "*", condition(`{"StringEquals":{"aws:RequestedRegion":"unspecified"}}`)),
	deny(invokes, "*", condition(`{"StringNotEquals":{"bedrock:GuardrailIdentifier":"arn:aws:bedrock:us-east-1:111122223333:guardrail/g:1"}}`)),
	deny(invokes, "arn:aws:bedrock:us-east-2::foundation-model/*"),
	`{"Effect":"Deny","Action":"bedrock:*","NotResource":["arn:aws:bedrock:*::foundation-model/amazon.*","arn:aws:bedrock:*:*:inference-profile/*"]}`,
}

func TestTheMatrixSaysWhatEveryQuestionDoesOfAwkwardPolicies(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := newCast()
		for _, name := range []string{"one", "two", "three"} {
			role := c.role(name, byService("lambda.amazonaws.com"), rapid.SliceOfN(rapid.SampledFrom(awkward), 1, 4).Draw(r, name)...)
			role["Tags"] = []map[string]string{{"Key": "vendor", "Value": "amazon"}, {"Key": "region", "Value": "us-east-1"}}
		}
		a := c.analysis(t, nil)
		all := a.Targets([]string{"us-east-1"})
		var some []Target
		for range 6 {
			some = append(some, rapid.SampledFrom(all).Draw(r, "target"))
		}
		checkMatrix(r, a, some)
	})
}
