package analyse

import (
	"strings"
	"testing"
)

func TestRolesOfSeveralWorkloadsAreFound(t *testing.T) {
	c := newCast()
	c.target("both", `{"Service":["lambda.amazonaws.com","ecs-tasks.amazonaws.com"]}`)
	c.target("edge", `{"Service":["lambda.amazonaws.com","edgelambda.amazonaws.com"]}`)
	c.target("one", `{"Service":"lambda.amazonaws.com","AWS":"arn:aws:iam::`+home+`:root"}`)
	c.target("roles", `{"AWS":["arn:aws:iam::`+home+`:role/one","arn:aws:iam::`+home+`:role/edge"]}`)
	c.target("agent", `{"Service":"bedrock.amazonaws.com"}`)
	c.role("idle", trusting(`{"Service":["lambda.amazonaws.com","ecs-tasks.amazonaws.com"]}`), allow("s3:GetObject", "*"))
	a := c.analysis(t, withBedrock(t, strings.ReplaceAll(agents(haiku), "role/flow", "role/agent")))
	found, why := findings(t, a, "BR-SHARE-01", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found,
		"medium role/agent: is the service role of 2 resources of Bedrock",
		"medium role/both: trusts 2 workloads at once",
		"medium role/roles: trusts 2 workloads at once")
	for _, f := range found {
		confirmed(t, a, f)
	}
	if found, why := findings(t, a, "BR-SHARE-01", ScanOptions{Gateway: []string{c.arn("role", "both"), c.arn("role", "agent"), c.arn("role", "roles")}}); len(found) > 0 || why != "" {
		t.Errorf("of the gateway's roles: %s %s", lines(found), why)
	}
}

func TestServiceRolesBeyondTheirWorkAreFound(t *testing.T) {
	own := `"Condition":{"StringEquals":{"aws:SourceAccount":"` + home + `"}}`
	byArn := `"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:bedrock:*:` + home + `:agent/*"}}`
	bedrock := `{"Service":"bedrock.amazonaws.com"}`
	c := newCast()
	c.role("agent", trusting(bedrock, own), allow(invokes, haikuAt+" arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0"))
	c.role("flow", trusting(bedrock, byArn), allow(invokes, haikuAt))
	c.role("deputy", trusting(bedrock), allow(invokes, haikuAt))
	c.role("full", trusting(bedrock, own), allow("s3:*", "*"))["AttachedManagedPolicies"] = attached(c.policy("TeamBedrockFullAccess", allow("bedrock:*", "*")))
	c.role("runtime", trusting(`{"Service":"bedrock-agentcore.amazonaws.com"}`, own), allow(invokes, haikuAt))
	c.role("lambda", byService("lambda.amazonaws.com"), allow("bedrock:*", "*"))
	a := c.analysis(t, withBedrock(t, agents(haiku)))
	found, why := findings(t, a, "BR-AGENT-01", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found,
		"high role/agent: a service role that may invoke 1 model beyond what it is set up for",
		"high role/deputy: its trust policy lets bedrock.amazonaws.com act for any account",
		"high role/full: a service role with TeamBedrockFullAccess")
	confirmed(t, a, found[0])
	if !strings.Contains(found[0].Detail, "amazon.nova-lite-v1:0") {
		t.Errorf("detail %q", found[0].Detail)
	}
	if _, why := findings(t, c.analysis(t, nil), "BR-AGENT-01", ScanOptions{}); !strings.Contains(why, "--bedrock") {
		t.Errorf("without --bedrock: %q", why)
	}
}

func TestRightsOfTheWorkshopInProductionAreFound(t *testing.T) {
	tags := func(value string) []any { return []any{map[string]any{"Key": "Environment", "Value": value}} }
	lambda := byService("lambda.amazonaws.com")
	c := newCast()
	c.role("prod", lambda, allow("bedrock:InvokeInlineAgent bedrock:OptimizePrompt", "*"), allow("iam:PassRole", "*", condition(`{"StringEquals":{"iam:PassedToService":"bedrock.amazonaws.com"}}`)))["Tags"] = tags("Production")
	c.role("prod-fine", lambda, allow(invokes, "*"), allow("iam:PassRole", "*", condition(`{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}`)))["Tags"] = tags("prod")
	c.role("dev", lambda, allow("bedrock:InvokeInlineAgent", "*"))["Tags"] = tags("dev")
	a := c.analysis(t, nil)
	found, why := findings(t, a, "BR-AGENT-02", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found, "medium role/prod: a role of production may use bedrock:InvokeInlineAgent, bedrock:OptimizePrompt, iam:PassRole")
	confirmed(t, a, found[0])
	if _, why := findings(t, newCastOf("u").analysis(t, nil), "BR-AGENT-02", ScanOptions{}); !strings.Contains(why, "tags") {
		t.Errorf("without tags: %q", why)
	}
}
