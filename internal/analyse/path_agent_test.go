package analyse

import (
	"context"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
)

// agents is an input of Bedrock's own resources: an agent of a model, a flow, a
// runtime and an interpreter, each with a role of its own.
func agents(model string) string {
	at := "arn:aws:bedrock:us-east-1:" + home + ":"
	core := "arn:aws:bedrock-agentcore:us-east-1:" + home + ":"
	role := "arn:aws:iam::" + home + ":role/"
	return `{"account":"` + home + `","region":"us-east-1",
 "agents":[{"agent":{"agentArn":"` + at + `agent/AAAAAAAAAA","agentName":"helper","agentResourceRoleArn":"` + role + `agent","foundationModel":"` + model + `"}}],
 "flows":[{"arn":"` + at + `flow/FFFFFFFFFF","name":"steps","executionRoleArn":"` + role + `flow"}],
 "knowledgeBases":[],
 "agentRuntimes":[{"agentRuntimeArn":"` + core + `runtime/run-1","agentRuntimeName":"run","roleArn":"` + role + `runtime"}],
 "codeInterpreters":[{"codeInterpreterArn":"` + core + `code-interpreter-custom/code-1","name":"code","executionRoleArn":"` + role + `code"}]}`
}

func withBedrock(t *testing.T, text string) func(*estate.Sources) {
	return func(s *estate.Sources) { s.Bedrock = []string{fileOf(t, "bedrock.json", text)} }
}

func TestResourcesThatWorkAsARoleLeadToItWhereTheInputListsThem(t *testing.T) {
	const core = "arn:aws:bedrock-agentcore:*:*:"
	for _, test := range []struct{ name, model, can, want string }{
		{"the agent's model", haiku, allow("bedrock:InvokeAgent", "arn:aws:bedrock:*:*:agent-alias/AAAAAAAAAA/*"), "allowed: bedrock:InvokeAgent → role/agent"},
		{"another model", "amazon.nova-lite-v1:0", allow("bedrock:InvokeAgent", "*"), "none"},
		{"another agent", haiku, allow("bedrock:InvokeAgent", "arn:aws:bedrock:*:*:agent-alias/BBBBBBBBBB/*"), "none"},
		{"a flow, whose models are not known", haiku, allow("bedrock:InvokeFlow", "*"), "undetermined: bedrock:InvokeFlow → role/flow"},
		{"commands in a runtime", haiku, allow("bedrock-agentcore:InvokeAgentRuntimeCommand", core+"runtime/run-1"), "allowed: bedrock-agentcore:InvokeAgentRuntimeCommand → role/runtime"},
		{"a runtime, whose models are not known", haiku, allow("bedrock-agentcore:InvokeAgentRuntime", "*"), "undetermined: bedrock-agentcore:InvokeAgentRuntime → role/runtime"},
		{"code in an interpreter", haiku, allow("bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter", core+"code-interpreter-custom/*"),
			"allowed: bedrock-agentcore:StartCodeInterpreterSession + bedrock-agentcore:InvokeCodeInterpreter → role/code"},
		{"the interpreter without a role", haiku, allow("bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter", "arn:aws:bedrock-agentcore:*:aws:code-interpreter/*"), "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCast()
			for name, service := range map[string]string{"agent": "bedrock", "flow": "bedrock", "runtime": "bedrock-agentcore", "code": "bedrock-agentcore"} {
				c.target(name, `{"Service":"`+service+`.amazonaws.com"}`)
			}
			c.user("u", test.can)
			a := c.analysis(t, withBedrock(t, agents(test.model)))
			if got := way(reach(t, a, "user/u", 1)); got != test.want {
				t.Errorf("reached by %q, want %q", got, test.want)
			}
		})
	}
}

func TestPathsNameStatementsAndConditionsOfEveryHop(t *testing.T) {
	c := newCast()
	c.target("target", `{"Service":"lambda.amazonaws.com"}`)
	c.user("u", allow("iam:PassRole", "*", condition(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)), allow("lambda:*", "*"))
	a := c.analysis(t, nil)
	p := reach(t, a, "user/u", 1)
	if p == nil || len(p.Hops) != 1 {
		t.Fatalf("reached by %q", way(p))
	}
	h := p.Hops[0]
	if h.Condition != "aws:SourceIp in 10.0.0.0/8" || h.Edge != PassEdge {
		t.Errorf("condition %q of a hop of kind %q", h.Condition, h.Edge)
	}
	var layers []string
	for _, s := range h.Statements {
		layers = append(layers, string(s.Layer)+" "+s.Document[strings.LastIndexByte(s.Document, '/')+1:])
	}
	if got, want := strings.Join(layers, ", "), "identity u inline own, identity u inline own, resource target trust"; got != want {
		t.Errorf("statements %q, want %q", got, want)
	}
	if p.End.Witness == nil || p.End.Witness.Principal != "arn:aws:iam::"+home+":role/target" {
		t.Fatalf("witness %+v", p.End.Witness)
	}
	confirmedFor(t, a, who(t, a, "role/target"), *p.End.Witness)
}

func TestServiceLinkedRolesAreNoHop(t *testing.T) {
	c := newCast()
	r := c.target("AWSServiceRoleForX", `{"Service":"lambda.amazonaws.com"}`)
	r["Arn"], r["Path"] = c.arn("role/aws-service-role/x.amazonaws.com", "AWSServiceRoleForX"), "/aws-service-role/x.amazonaws.com/"
	c.user("u", allow("iam:PassRole sts:AssumeRole iam:UpdateAssumeRolePolicy lambda:*", "*"))
	if got := way(reach(t, c.analysis(t, nil), "user/u", 3)); got != "none" {
		t.Errorf("reached by %q", got)
	}
}

func TestBoundaryIsTakenOffWhereItIsAllThatHolds(t *testing.T) {
	build := func(statements ...string) *Analysis {
		c := newCast()
		u := c.user("u", allow(invokes, haikuAt), allow("iam:*", "arn:aws:iam::*:user/u"))
		u["PermissionsBoundary"] = map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.policy("bound", statements...)}
		return c.analysis(t, nil)
	}
	if got := way(reach(t, build(allow("iam:*", "*")), "user/u", 1)); got != "allowed: iam:DeleteUserPermissionsBoundary → user/u" {
		t.Errorf("with IAM inside the boundary: %q", got)
	}
	if got := way(reach(t, build(allow("iam:*", "*"), deny("iam:*PermissionsBoundary", "*")), "user/u", 1)); got != "none" {
		t.Errorf("with the boundary's deny: %q", got)
	}
}

func TestPolicyAndBoundaryAreTwoHops(t *testing.T) {
	c := newCast()
	u := c.user("u", allow("iam:PutUserPolicy iam:DeleteUserPermissionsBoundary", "arn:aws:iam::*:user/u"))
	u["PermissionsBoundary"] = map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.policy("bound", allow("iam:*", "*"))}
	a := c.analysis(t, nil)
	want := "allowed: iam:PutUserPolicy → user/u; iam:DeleteUserPermissionsBoundary → user/u"
	if got := way(reach(t, a, "user/u", 2)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := way(reach(t, a, "user/u", 1)); got != "none" {
		t.Errorf("in one hop: %q", got)
	}
}

func TestWritingAnothersPolicyTakesBeingIt(t *testing.T) {
	build := func(more ...string) *Analysis {
		c := newCast()
		c.role("poor", trusting(`{"AWS":"`+c.arn("user", "u")+`"}`), allow("s3:GetObject", "*"))
		c.role("out-of-reach", byService("ec2.amazonaws.com"), allow("s3:GetObject", "*"))
		c.user("u", more...)
		return c.analysis(t, nil)
	}
	if got, want := way(reach(t, build(allow("iam:PutRolePolicy", "*")), "user/u", 2)), "allowed: sts:AssumeRole → role/poor; iam:PutRolePolicy → role/poor"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := way(reach(t, build(allow("iam:PutRolePolicy", "arn:aws:iam::*:role/out-of-reach")), "user/u", 2)); got != "none" {
		t.Errorf("of a role that it cannot be: %q", got)
	}
}

func TestSearchEndsWhenItsContextDoes(t *testing.T) {
	c := newCast()
	c.target("target", byAccount(home))
	c.user("u", allow("sts:AssumeRole", "*"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.analysis(t, nil).Reach(ctx, Question{Action: "bedrock:InvokeModel", Resource: haiku}, 4); err == nil {
		t.Error("no error after the context ended")
	}
}
