package analyse

import (
	"context"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
)

// target adds a role that may invoke the model, and trusts as it is told.
func (c *cast) target(name string, trust string) map[string]any {
	return c.role(name, trusting(trust), allow(invokes, haikuAt))
}

func byAccount(id string) string { return `{"AWS":"arn:aws:iam::` + id + `:root"}` }

func TestEveryKindOfHopIsFoundAndItsNearMissIsNot(t *testing.T) {
	const region = "arn:aws:*:*:" + home + ":"
	target := "arn:aws:iam::" + home + ":role/target"
	for _, test := range []struct {
		name  string
		trust string // of the role that invokes
		with  func(*cast)
		can   []string // statements of the principal that gets there
		want  string
		not   []string // statements of one that does not
	}{{
		name: "assume", trust: byAccount(home),
		can:  []string{allow("sts:AssumeRole", target)},
		want: "allowed: sts:AssumeRole → role/target",
		not:  []string{allow("sts:AssumeRole", target+"-2")},
	}, {
		name: "assume under a condition", trust: byAccount(home),
		can:  []string{allow("sts:AssumeRole", target, condition(`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`))},
		want: "conditional: sts:AssumeRole → role/target",
		not:  []string{allow("sts:AssumeRole", target, condition(`{"StringEquals":{"aws:ResourceTag/team":"blue"}}`))},
	}, {
		name: "pass to lambda", trust: `{"Service":"lambda.amazonaws.com"}`,
		can:  []string{allow("iam:PassRole", target), allow("lambda:CreateFunction lambda:InvokeFunction", "*")},
		want: "allowed: iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction → role/target",
		not:  []string{allow("iam:PassRole", target, condition(`{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}`)), allow("lambda:CreateFunction lambda:InvokeFunction", "*")},
	}, {
		name: "pass to lambda, by name", trust: `{"Service":"lambda.amazonaws.com"}`,
		can:  []string{allow("iam:PassRole", target), allow("lambda:CreateFunction", region+"function:a*"), allow("lambda:InvokeFunction", region+"function:ab*")},
		want: "allowed: iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction → role/target",
		not:  []string{allow("iam:PassRole", target), allow("lambda:CreateFunction", region+"function:a*"), allow("lambda:InvokeFunction", region+"function:b*")},
	}, {
		name: "pass to a service that the role does not trust", trust: `{"Service":"glue.amazonaws.com"}`,
		can:  []string{allow("iam:PassRole", "*"), allow("glue:CreateJob glue:StartJobRun", "*")},
		want: "allowed: iam:PassRole + glue:CreateJob + glue:StartJobRun → role/target",
		not:  []string{allow("iam:PassRole", "*"), allow("lambda:* ec2:* ecs:* states:*", "*")},
	}, {
		name: "pass in the region that is allowed", trust: `{"Service":"states.amazonaws.com"}`,
		can:  []string{allow("iam:PassRole", "*"), allow("states:*", "*", condition(`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`))},
		want: "allowed: iam:PassRole + states:CreateStateMachine + states:StartExecution → role/target",
		not:  []string{allow("iam:PassRole", "*"), allow("states:CreateStateMachine", "*", condition(`{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}`)), allow("states:StartExecution", "arn:aws:states:us-east-1:*:*")},
	}, {
		name: "pass to an agent", trust: `{"Service":"bedrock.amazonaws.com"}`,
		can:  []string{allow("iam:PassRole", "*"), allow("bedrock:CreateAgent bedrock:PrepareAgent bedrock:InvokeAgent", "*")},
		want: "allowed: iam:PassRole + bedrock:CreateAgent + bedrock:PrepareAgent + bedrock:InvokeAgent → role/target",
		not:  []string{allow("iam:PassRole", "*"), allow("bedrock:CreateAgent bedrock:PrepareAgent", "*")},
	}, {
		name: "pass to a batch job", trust: `{"Service":"bedrock.amazonaws.com"}`,
		can:  []string{allow("iam:PassRole", "*"), allow("bedrock:CreateModelInvocationJob", "arn:aws:bedrock:*:*:model-invocation-job/* "+haikuAt)},
		want: "allowed: iam:PassRole + bedrock:CreateModelInvocationJob → role/target",
		not:  []string{allow("iam:PassRole", "*"), allow("bedrock:CreateModelInvocationJob", "arn:aws:bedrock:*:*:model-invocation-job/* arn:aws:bedrock:*::foundation-model/amazon.*")},
	}, {
		name: "pass to a code interpreter", trust: `{"Service":"bedrock-agentcore.amazonaws.com"}`,
		can:  []string{allow("iam:PassRole", "*"), allow("bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter", "*")},
		want: "allowed: iam:PassRole + bedrock-agentcore:CreateCodeInterpreter + bedrock-agentcore:StartCodeInterpreterSession + bedrock-agentcore:InvokeCodeInterpreter → role/target",
		not:  []string{allow("bedrock-agentcore:CreateCodeInterpreter", "*"), allow("iam:PassRole", "*")},
	}, {
		name: "change the trust policy", trust: `{"Service":"ec2.amazonaws.com"}`,
		can:  []string{allow("iam:UpdateAssumeRolePolicy", target)},
		want: "allowed: iam:UpdateAssumeRolePolicy + sts:AssumeRole → role/target",
		not:  []string{allow("iam:UpdateAssumeRolePolicy", target), deny("sts:AssumeRole", "*")},
	}, {
		name: "write a policy of one's own", trust: byAccount(away),
		can:  []string{allow("iam:PutUserPolicy", "arn:aws:iam::"+home+":user/${aws:username}")},
		want: "allowed: iam:PutUserPolicy → user/can",
		not:  []string{allow("iam:PutUserPolicy", "arn:aws:iam::"+home+":user/*"), deny("bedrock:*", "*")},
	}, {
		name: "attach a policy to oneself", trust: byAccount(away),
		can:  []string{allow("iam:AttachUserPolicy", "*", condition(`{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AmazonBedrockFullAccess"}}`))},
		want: "allowed: iam:AttachUserPolicy → user/can",
		not:  []string{allow("iam:AttachUserPolicy", "*", condition(`{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}`))},
	}, {
		name: "make a role", trust: byAccount(away),
		can:  []string{allow("iam:CreateRole iam:AttachRolePolicy", "arn:aws:iam::*:role/dev-*")},
		want: "allowed: iam:CreateRole + iam:AttachRolePolicy + sts:AssumeRole → role/dev-",
		not:  []string{allow("iam:CreateRole iam:AttachRolePolicy", "*", condition(`{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111122223333:policy/b"}}`))},
	}, {
		name: "make a user with an API key", trust: byAccount(away),
		can:  []string{allow("iam:CreateUser iam:AttachUserPolicy iam:CreateServiceSpecificCredential", "arn:aws:iam::*:user/BedrockAPIKey-*", condition(`{"ArnEqualsIfExists":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AmazonBedrockLimitedAccess"}}`))},
		want: "allowed: iam:CreateUser + iam:AttachUserPolicy + iam:CreateServiceSpecificCredential → user/BedrockAPIKey-",
		not:  []string{allow("iam:CreateUser iam:CreateServiceSpecificCredential", "*")},
	}, {
		name: "an access key of another user", trust: byAccount(away),
		with: func(c *cast) { c.user("invoker", allow(invokes, haikuAt)) },
		can:  []string{allow("iam:CreateAccessKey", "arn:aws:iam::*:user/invoker")},
		want: "allowed: iam:CreateAccessKey → user/invoker",
		not:  []string{allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}")},
	}, {
		name: "an API key of another user", trust: byAccount(away),
		with: func(c *cast) { c.user("invoker", allow(invokes, haikuAt), allow("bedrock:CallWithBearerToken", "*")) },
		can:  []string{allow("iam:CreateServiceSpecificCredential", "*", condition(`{"StringEquals":{"iam:ServiceSpecificCredentialServiceName":"bedrock.amazonaws.com"}}`))},
		want: "allowed: iam:CreateServiceSpecificCredential → user/invoker",
		not:  []string{allow("iam:CreateServiceSpecificCredential", "*", condition(`{"StringEquals":{"iam:ServiceSpecificCredentialServiceName":"codecommit.amazonaws.com"}}`))},
	}, {
		name: "an API key of a user who may not use one", trust: byAccount(away),
		with: func(c *cast) { c.user("invoker", allow(invokes, haikuAt)) },
		can:  []string{allow("iam:CreateLoginProfile", "*")},
		want: "undetermined: iam:CreateLoginProfile → user/invoker",
		not:  []string{allow("iam:CreateServiceSpecificCredential", "*")},
	}, {
		name:  "the keys of a SAML provider",
		trust: `{"Federated":"arn:aws:iam::` + home + `:saml-provider/corp"}`,
		with: func(c *cast) {
			c.roles[0]["AssumeRolePolicyDocument"] = trustFor("sts:AssumeRoleWithSAML", `{"Federated":"arn:aws:iam::`+home+`:saml-provider/corp"}`)
		},
		can:  []string{allow("iam:UpdateSAMLProvider", "arn:aws:iam::*:saml-provider/corp")},
		want: "allowed: iam:UpdateSAMLProvider + sts:AssumeRoleWithSAML → role/target",
		not:  []string{allow("iam:UpdateSAMLProvider", "arn:aws:iam::*:saml-provider/other")},
	}, {
		name: "code that runs as the role, perhaps", trust: `{"Service":"lambda.amazonaws.com"}`,
		can:  []string{allow("lambda:UpdateFunctionCode", "*")},
		want: "undetermined: lambda:UpdateFunctionCode → role/target",
		not:  []string{allow("lambda:GetFunction lambda:InvokeFunction", "*")},
	}, {
		name: "an agent, perhaps", trust: `{"Service":"bedrock.amazonaws.com"}`,
		can:  []string{allow("bedrock:InvokeAgent", "*")},
		want: "undetermined: bedrock:InvokeAgent → role/target",
		not:  []string{allow("bedrock:GetAgent bedrock:RetrieveAndGenerate", "*")},
	}, {
		name: "the door of mantle", trust: byAccount(away),
		can:  []string{allow("bedrock-mantle:CreateInference", "*")},
		want: "undetermined: bedrock-mantle:CreateInference → project/",
		not:  []string{allow("bedrock-mantle:CreateInference", "*", condition(`{"StringLike":{"bedrock-mantle:Model":"openai.*"}}`))},
	}} {
		t.Run(test.name, func(t *testing.T) {
			c := newCast()
			c.target("target", test.trust)
			if test.with != nil {
				test.with(c)
			}
			c.user("can", test.can...)
			c.user("not", test.not...)
			a := c.analysis(t, nil)
			if got := way(reach(t, a, "user/can", 2)); !strings.HasPrefix(got, test.want) {
				t.Errorf("reached by %q, want %q", got, test.want)
			}
			if got := way(reach(t, a, "user/not", 2)); got != "none" {
				t.Errorf("near miss reached by %q", got)
			}
		})
	}
}

func TestLimitsOfEveryLayerHoldAtEveryHop(t *testing.T) {
	denyPass := body(allow("*", "*"), deny("iam:PassRole sts:AssumeRole", "*"))
	build := func() *cast {
		c := newCast()
		c.role("worker", trusting(`{"Service":"lambda.amazonaws.com"}`), allow(invokes, haikuAt))
		c.role("assumed", trusting(byAccount(home)), allow(invokes, haikuAt))
		c.user("u", allow("iam:PassRole sts:AssumeRole lambda:*", "*"))
		return c
	}
	if got := way(reach(t, build().analysis(t, nil), "user/u", 1)); got != "allowed: sts:AssumeRole → role/assumed" {
		t.Errorf("without limits: %q", got)
	}
	scp := func(s *estate.Sources) { s.SCPs = []string{fileOf(t, "scp.json", string(denyPass))} }
	if p := reach(t, build().analysis(t, scp), "user/u", 1); p != nil && p.End.Decision != "undetermined" {
		t.Errorf("under the SCP: %q", way(p))
	}
	c := build()
	c.users[0]["PermissionsBoundary"] = map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.policy("bound", allow("lambda:*", "*"))}
	if p := reach(t, c.analysis(t, nil), "user/u", 1); p != nil && p.End.Decision != "undetermined" {
		t.Errorf("under the boundary: %q", way(p))
	}
}

func TestChainsAreShortestAndCyclesEnd(t *testing.T) {
	c := newCast()
	c.target("end", byAccount(home))
	c.role("b", trusting(byAccount(home)), allow("sts:AssumeRole", "arn:aws:iam::*:role/end arn:aws:iam::*:role/a"))
	c.role("a", trusting(byAccount(home)), allow("sts:AssumeRole", "arn:aws:iam::*:role/b"))
	c.user("far", allow("sts:AssumeRole", "arn:aws:iam::*:role/a"))
	c.user("near", allow("sts:AssumeRole", "arn:aws:iam::*:role/a arn:aws:iam::*:role/b"))
	a := c.analysis(t, nil)
	if got, want := way(reach(t, a, "user/far", 4)), "allowed: sts:AssumeRole → role/a; sts:AssumeRole → role/b; sts:AssumeRole → role/end"; got != want {
		t.Errorf("far: %q, want %q", got, want)
	}
	if p := reach(t, a, "user/far", 2); p != nil {
		t.Errorf("in two hops: %q", way(p))
	}
	paths, err := a.Paths(context.Background(), who(t, a, "user/near"), Question{Action: "bedrock:InvokeModel", Resource: haiku}, 4)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range paths {
		got = append(got, way(&paths[i]))
	}
	want := []string{"allowed: sts:AssumeRole → role/b; sts:AssumeRole → role/end", "allowed: sts:AssumeRole → role/a; sts:AssumeRole → role/b; sts:AssumeRole → role/end"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("paths:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if own, _ := a.Paths(context.Background(), who(t, a, "role/end"), Question{Action: "bedrock:InvokeModel", Resource: haiku}, 4); len(own) != 1 || len(own[0].Hops) != 0 || own[0].End.Decision != "allowed" {
		t.Errorf("of one who can: %+v", own)
	}
}
