package analyse

import (
	"strings"
	"testing"
)

func TestDetoursOfThoseWhoCannotInvokeAreFound(t *testing.T) {
	c := newCast()
	c.role("worker", byService("lambda.amazonaws.com"), allow(invokes, haikuAt))
	c.user("deployer", allow("iam:PassRole", "arn:aws:iam::*:role/worker"), allow("lambda:CreateFunction lambda:InvokeFunction", "*"))
	c.user("invoker", allow(invokes, haikuAt), allow("iam:PassRole lambda:*", "*"))
	c.user("tester", allow("lambda:UpdateFunctionCode", "*"))
	c.user("scientist", allow("sagemaker:InvokeEndpoint", "*"))
	c.user("mantle", allow("bedrock-mantle:CreateInference", "*"))
	c.user("bystander", allow("lambda:InvokeFunction", "*"))
	a := c.analysis(t, nil)
	found, why := findings(t, a, "BR-PATH-01", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	got := strings.Split(lines(found), "\n")
	want := []string{
		"high user/deployer: reaches model invocation in 1 hop by iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction",
		"high user/mantle: reaches models by another door, bedrock-mantle:CreateInference",
		"medium user/tester: may reach model invocation in 1 hop by lambda:UpdateFunctionCode",
		"low user/scientist: may reach models by another door, sagemaker:InvokeEndpoint",
	}
	for _, line := range want {
		if !strings.Contains(strings.Join(got, "\n")+"\n", line+"\n") {
			t.Errorf("not found: %s", line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found\n%s", strings.Join(got, "\n"))
	}
	for _, f := range found {
		if len(f.Path) != 1 || len(f.Path[0].Statements) == 0 || f.Path[0].Statements[0].Position.Line == 0 || len(f.Statements) == 0 {
			t.Errorf("%s: path %+v", f.Principal, f.Path)
		}
		if !strings.Contains(f.Title, "door") {
			confirmed(t, a, f)
		}
	}
}

func TestTrustStatementsOfAPathAreThoseOfTheRole(t *testing.T) {
	c := newCast()
	c.target("end", byAccount(home))
	c.user("u", allow("sts:AssumeRole", "*"))
	found, _ := findings(t, c.analysis(t, nil), "BR-PATH-01", ScanOptions{})
	if len(found) != 1 {
		t.Fatalf("found %d", len(found))
	}
	last := found[0].Path[0].Statements[len(found[0].Path[0].Statements)-1]
	if last.Layer != "trust" || !strings.HasSuffix(last.Policy, "role/end trust") || last.Position.Line == 0 || len(last.Text) == 0 {
		t.Errorf("statement %+v", last)
	}
}

func TestCodeInAgentCoreUnderAnInvokingRoleIsFound(t *testing.T) {
	const verbs = "bedrock-agentcore:CreateCodeInterpreter bedrock-agentcore:StartCodeInterpreterSession bedrock-agentcore:InvokeCodeInterpreter"
	core := byService("bedrock-agentcore.amazonaws.com")
	c := newCast()
	c.role("code", core, allow(invokes, haikuAt))
	c.role("idle", core, allow("s3:GetObject", "*"))
	c.user("builder", allow("iam:PassRole", "arn:aws:iam::*:role/code"), allow(verbs, "*"))
	c.user("builder-of-idle", allow("iam:PassRole", "arn:aws:iam::*:role/idle"), allow(verbs, "*"))
	c.user("gateways", allow("iam:PassRole", "*"), allow("bedrock-agentcore:CreateGateway bedrock-agentcore:CreateGatewayTarget bedrock-agentcore:InvokeGateway", "*"))
	c.user("commander", allow("bedrock-agentcore:InvokeAgentRuntimeCommand", "*"))
	c.user("admin", allow("*", "*"))
	a := c.analysis(t, withBedrock(t, strings.NewReplacer("role/code", "role/idle", "role/runtime", "role/code").Replace(agents(haiku))))
	found, why := findings(t, a, "BR-PATH-02", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found,
		"high user/builder: has the credentials of an invoking role by iam:PassRole + "+strings.ReplaceAll(verbs, " ", " + "),
		"high user/commander: has the credentials of an invoking role by bedrock-agentcore:InvokeAgentRuntimeCommand")
	for _, f := range found {
		confirmed(t, a, f)
	}
}
