package rights

import (
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
)

// What is new may be on any resource that the action can be about: other
// services', other partitions', a Marketplace endpoint.
func TestNewAccessIsFoundOnEveryKindOfResource(t *testing.T) {
	const base = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	for resource, action := range map[string]string{
		"arn:aws:sagemaker:us-east-1:111122223333:endpoint/x":                           "sagemaker:InvokeEndpoint",
		"arn:aws:bedrock-mantle:us-east-1:111122223333:project/default":                 "bedrock-mantle:CreateInference",
		"arn:aws:bedrock:us-east-1:111122223333:agent-alias/AGENT00001/ALIAS00001":      "bedrock:InvokeAgent",
		"arn:aws:bedrock:us-east-1:111122223333:marketplace/model-endpoint/all-access":  "bedrock:InvokeModel",
		"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0":   "bedrock:InvokeModel",
		"arn:aws:bedrock:::foundation-model/amazon.nova-pro-v1:0":                       "bedrock:InvokeModel",
		"arn:aws:bedrock:eu-west-1:111122223333:provisioned-model/abcdefghijkl":         "bedrock:InvokeModelWithResponseStream",
		"arn:aws:aws-external-anthropic:us-east-1:111122223333:workspace/wrkspc_000001": "aws-external-anthropic:CreateInference",
		"*": "bedrock:OptimizePrompt",
	} {
		next := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}}`
		old, _ := awsiam.Parse("base", []byte(base), awsiam.Position{})
		fresh, _ := awsiam.Parse("candidate", []byte(next), awsiam.Position{})
		side := func(d *awsiam.Document) Policies {
			return Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{d}}}
		}
		u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true}
		c := Compare(u, side(old), side(fresh), []string{action})
		if c.Verdict != NewAccess || c.Witness == nil || (c.Witness.Resource != resource && resource != "*") {
			t.Errorf("%s on %s: %s %+v", action, resource, c.Verdict, c.Witness)
		}
		if back := Compare(u, side(fresh), side(old), []string{action}); back.Verdict != NoNewAccess {
			t.Errorf("%s on %s, the other way: %s", action, resource, back.Verdict)
		}
	}
}

func TestAComparisonCountsWhatIsNew(t *testing.T) {
	const model = "arn:aws:bedrock:us-east-1::foundation-model/"
	counted := []string{model + "amazon.nova-pro-v1:0", model + "amazon.nova-lite-v1:0", model + "anthropic.claude-haiku-4-5-20251001-v1:0",
		"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0", "arn:aws:bedrock:::foundation-model/amazon.nova-pro-v1:0"}
	for _, x := range []struct {
		next string
		want int
	}{{model + "amazon.*", 1}, {model + "*", 2}, {"arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0", 2}, {"*", 4}} {
		document := func(resource string) Policies {
			d, _ := awsiam.Parse("p", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:Invoke*","Resource":"`+resource+`"}}`), awsiam.Position{})
			return Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{d}}}
		}
		u := Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true, Counted: counted}
		if c := Compare(u, document(counted[0]), document(x.next), InvokeActions); c.Verdict != NewAccess || c.Count != x.want {
			t.Errorf("%s: %s, %d new, want %d", x.next, c.Verdict, c.Count, x.want)
		}
	}
}

func TestADenyNamesTheStatementsThatDeny(t *testing.T) {
	d, _ := awsiam.Parse("p", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}},
		{"Sid":"Matters","Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-2"}}},
		{"Sid":"Elsewhere","Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-3"}}}]}`), awsiam.Position{})
	c := &Case{Principal: awsiam.Principal{ARN: "arn:aws:iam::111122223333:role/r", Account: "111122223333"}, Layers: awsiam.Layers{Identity: []*awsiam.Document{d}},
		Checks: []Check{{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"}}}
	a := Solve(Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true}, c)
	if a.Decision != ExplicitDeny || len(a.Statements) != 1 || a.Statements[0].Sid != "Matters" {
		t.Errorf("%s by %v", a.Decision, a.Statements)
	}
}
