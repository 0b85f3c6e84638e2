package awsiam

import (
	"strings"
	"testing"
)

func TestResourceTypesOfARNs(t *testing.T) {
	const here = "arn:aws:bedrock:us-east-1:111122223333:"
	for arn, want := range map[string]string{
		"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0": "bedrock foundation-model",
		"arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0":          "bedrock foundation-model",
		"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0":           "bedrock foundation-model",
		here + "inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0":                 "bedrock inference-profile",
		here + "application-inference-profile/abcdefghijkl":                                     "bedrock application-inference-profile",
		here + "provisioned-model/abcdefghijkl":                                                 "bedrock provisioned-model",
		here + "imported-model/pricing0001":                                                     "bedrock imported-model",
		here + "custom-model/amazon.nova-lite-v1:0/abcdefghijkl":                                "bedrock custom-model",
		here + "custom-model/abcdefghijkl":                                                      "bedrock custom-model",
		here + "custom-model-deployment/abcdefghijkl":                                           "bedrock custom-model-deployment",
		here + "marketplace/model-endpoint/all-access":                                          "bedrock bedrock-marketplace-model-endpoint",
		here + "prompt/ABCDEFGHIJ":                                                              "bedrock prompt",
		here + "prompt/ABCDEFGHIJ:3":                                                            "bedrock prompt-version",
		here + "flow/ABCDEFGHIJ":                                                                "bedrock flow",
		here + "flow/ABCDEFGHIJ/alias/KLMNOPQRST":                                               "bedrock flow-alias",
		here + "flow/ABCDEFGHIJ/alias/KLMNOPQRST/execution/x":                                   "bedrock flow-execution",
		here + "agent-alias/ABCDEFGHIJ/KLMNOPQRST":                                              "bedrock agent-alias",
		here + "automated-reasoning-policy/abc:2":                                               "bedrock automated-reasoning-policy-version",
		here + "project/default":                                                                "bedrock project",
		"arn:aws:bedrock::111122223333:system-tool/amazon.search":                               "bedrock system-tool",
		"arn:aws:bedrock-mantle:us-east-1:111122223333:project/default":                         "bedrock-mantle project",
		"arn:aws:bedrock-agentcore:us-east-1:111122223333:runtime/r/runtime-endpoint/e":         "bedrock-agentcore runtime-endpoint",
		"arn:aws:bedrock-agentcore:us-east-1:aws:code-interpreter/aws.codeinterpreter.v1":       "bedrock-agentcore code-interpreter",
		"arn:aws:bedrock-agentcore:us-east-1:111122223333:tool/web-search.v1":                   "bedrock-agentcore web-search",
		"arn:aws:aws-external-anthropic:us-east-1:111122223333:workspace/w":                     "aws-external-anthropic workspace",
		"arn:aws:sagemaker:us-east-1:111122223333:endpoint/e":                                   "sagemaker endpoint",
	} {
		r, ok := EmbeddedFacts().Resource(arn)
		if got := r.Service + " " + r.Type; !ok || got != want {
			t.Errorf("%s: %s, not %s", arn, got, want)
		}
	}
}

func TestWhatIsNoListedARNHasNoType(t *testing.T) {
	for _, arn := range []string{
		"", "*", "arn", "arn:aws:bedrock",
		"arn:aws:bedrock:us-east-1:111122223333:foundation-model/amazon.nova-pro-v1:0", // models have no account
		"arn:aws:bedrock:::inference-profile/us.amazon.nova-pro-v1:0",
		"arn:aws:bedrock::111122223333:guardrail/abc",
		"arn:aws:bedrock:us-east-1:1111:guardrail/abc",
		"arn:aws:bedrock:*::foundation-model/*",
		"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-*",
		"arn:aws:bedrock:us-east-1::Foundation-Model/amazon.nova-pro-v1:0",
		"arn:gcp:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
		"arn:aws:bedrock:us-east-1:111122223333:flow/ABCDEFGHIJ/elsewhere/x",
		"arn:aws:bedrock:us-east-1:111122223333:marketplace/model-endpoint/other",
		"arn:aws:bedrock:us-east-1:111122223333:guardrail/",
		"arn:aws:s3:::bucket/key",
		"arn:aws:bedrock:us-east-1::foundation-model/" + strings.Repeat("a", maxARN),
	} {
		if r, ok := EmbeddedFacts().Resource(arn); ok {
			t.Errorf("%.100s is a %s", arn, r.Type)
		}
	}
}

// TestEveryFormRecognisesItself: an ARN made from a form is of the form's type.
func TestEveryFormRecognisesItself(t *testing.T) {
	fill := strings.NewReplacer("${Partition}", "aws", "${Region}", "eu-central-1", "${Account}", "111122223333")
	n := 0
	for _, forms := range EmbeddedFacts().resources {
		for _, form := range forms {
			arn := placeholder.ReplaceAllString(fill.Replace(form.fact.Form), "x1")
			r, ok := EmbeddedFacts().Resource(arn)
			if !ok || r.Type != form.fact.Type || r.Service != form.fact.Service {
				t.Errorf("%s (%s): %s, %v", form.fact.Form, form.fact.Type, r.Type, ok)
			}
			n++
		}
	}
	if n < 70 {
		t.Errorf("only %d forms", n)
	}
}

func TestWhichResourcesCanBeInvokedAndShared(t *testing.T) {
	const here = "arn:aws:bedrock:us-east-1:111122223333:"
	for _, test := range []struct {
		arn       string
		invocable bool
		policy    Truth
		tagged    bool
	}{
		{"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", true, False, false},
		{here + "inference-profile/us.amazon.nova-pro-v1:0", true, False, false},
		{here + "application-inference-profile/abc", true, False, true},
		{here + "provisioned-model/abc", true, False, true},
		{here + "custom-model/abc", false, True, true},
		{here + "guardrail/abc", false, True, true},
		{here + "knowledge-base/abc", false, True, true},
		{here + "project/default", false, False, true},
		{"arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/g", false, True, true},
		{"arn:aws:bedrock-agentcore:us-east-1:111122223333:memory/m", false, False, true},
	} {
		r, ok := EmbeddedFacts().Resource(test.arn)
		if !ok || r.Invocable != test.invocable || r.Policy != test.policy || r.Tagged != test.tagged {
			t.Errorf("%s: %+v", test.arn, r)
		}
	}
}
