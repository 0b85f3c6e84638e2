package analyse

import (
	"slices"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Semantics of IAM that tools were seen to fall over, each a test, where no row
// of regression_test.go has it.

func TestPitfall01_AllowWithNotActionGrantsTheRest(t *testing.T) {
	for name, not := range map[string]string{"IAM": `"iam:*"`, "an action that does not exist": `"iam:NoSuchThing"`, "one Bedrock action": `"bedrock:Converse"`} {
		a := one(t, `{"Effect":"Allow","NotAction":[`+not+`],"Resource":"*"}`)
		if ans := asked(t, a, "role/r", haiku); ans.Decision != rights.Allowed {
			t.Errorf("%s: %s", name, ans.Decision)
		}
	}
	nobody(t, one(t, `{"Effect":"Allow","NotAction":["iam:*","bedrock:Invoke*"],"Resource":"*"}`), "role/r", haiku)
}

func TestPitfall03_AConditionIsNeitherSafetyNorNothing(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`)))
	if ans := decides(t, a, "role/r", haiku, rights.Conditional); rights.Terms(ans.Condition) != "aws:SourceVpce = vpce-1" {
		t.Errorf("when %s", rights.Terms(ans.Condition))
	}
	always := one(t, allow("bedrock:*", "*", condition(`{"StringLike":{"aws:PrincipalArn":"*"}}`)))
	if ans := decides(t, always, "role/r", haiku, rights.Allowed); ans.Condition != nil {
		t.Errorf("when %s", rights.Terms(ans.Condition))
	}
}

func TestPitfall04_AKeyThatIsNotThere(t *testing.T) {
	absent := func(key string) awsiam.Context { return awsiam.Context{key: awsiam.Value{}} }
	for when, holds := range map[string]bool{
		`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`:                                                 false,
		`{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`:                                              true,
		`{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}`:                                         true,
		`{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}`:                                      true,
		`{"IpAddress":{"aws:SourceVpce":"10.0.0.0/8"}}`:                                                false,
		`{"Null":{"aws:SourceVpce":"true"}}`:                                                           true,
		`{"Null":{"aws:SourceVpce":"false"}}`:                                                          false,
		`{"ForAllValues:StringEquals":{"aws:SourceVpce":"vpce-1"}}`:                                    true,
		`{"ForAnyValue:StringEquals":{"aws:SourceVpce":"vpce-1"}}`:                                     false,
		`{"ForAnyValue:StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`:                                  false,
		`{"Bool":{"aws:SourceVpce":"false"}}`:                                                          false,
		`{"StringNotLike":{"aws:SourceVpce":"vpce-*"},"NumericNotEquals":{"aws:SourceVpce":"1"}}`:      true,
		`{"StringNotEquals":{"aws:SourceVpce":"vpce-1"},"StringEquals":{"aws:SourceVpce":["vpce-1"]}}`: false,
	} {
		granted := one(t, allow("bedrock:*", "*", condition(when)))
		if ans := asked(t, granted, "role/r", haiku, absent("aws:SourceVpce")); ans.Decision.Can() != holds {
			t.Errorf("allow if %s: %s", when, ans.Decision)
		}
		denied := one(t, allow("bedrock:*", "*"), deny("bedrock:*", "*", condition(when)))
		if ans := asked(t, denied, "role/r", haiku, absent("aws:SourceVpce")); ans.Decision.Can() == holds {
			t.Errorf("deny if %s: %s", when, ans.Decision)
		}
	}
}

func TestPitfall05_ForAllValuesWithoutNullIsForEveryone(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"ForAllValues:StringEquals":{"aws:CalledVia":["athena.amazonaws.com"]}}`)))
	decides(t, a, "role/r", haiku, rights.Allowed) // a direct call has no aws:CalledVia
}

func TestPitfall07_AVariableThatCannotBeResolved(t *testing.T) {
	const variable = "arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/model}"
	not := func(effect string) string {
		return `{"Effect":"` + effect + `","Action":"bedrock:*","NotResource":"` + variable + `"}`
	}
	nobody(t, one(t, allow("bedrock:*", variable)), "role/r", haiku)
	decides(t, one(t, allow("bedrock:*", "*"), deny("bedrock:*", variable)), "role/r", haiku, rights.Allowed)
	decides(t, one(t, not("Allow")), "role/r", haiku, rights.Undetermined)
	decides(t, one(t, allow("bedrock:*", "*"), not("Deny")), "role/r", haiku, rights.Undetermined)
}

func TestPitfall08_ForAnyValueIfExistsOnAKeyThatIsNotThere(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"ForAnyValue:StringEqualsIfExists":{"aws:CalledVia":["athena.amazonaws.com"]}}`)))
	if ans := decides(t, a, "role/r", haiku, rights.Undetermined); len(ans.Doubts) == 0 {
		t.Error("it does not say why")
	}
}

func TestPitfall10_AWildcardInAServiceEndsOneStatementOnly(t *testing.T) {
	c := newCast()
	c.role("odd", byLambda, allow("bed*:InvokeModel", "*"))
	c.role("both", byLambda, allow("bed*:InvokeModel", "*"), allow(invokes, haikuAt))
	c.role("plain", byLambda, allow(invokes, haikuAt))
	a, problems := flawed(t, c, nil)
	if len(problems) != 2 || problems[0].Line == 0 {
		t.Errorf("problems %+v", problems)
	}
	decides(t, a, "role/odd", haiku, rights.Undetermined)
	decides(t, a, "role/both", haiku, rights.Allowed)
	decides(t, a, "role/plain", haiku, rights.Allowed)
}

func TestPitfall11_WhatIsBlindToCase(t *testing.T) {
	decides(t, one(t, allow("BEDROCK:invokemodel", haikuAt)), "role/r", haiku, rights.Allowed)
	decides(t, one(t, allow("Bedrock:INVOKE*", haikuAt, condition(`{"stringequals":{"AWS:principalARN":"arn:aws:iam::`+home+`:role/r"}}`))), "role/r", haiku, rights.Allowed)
	nobody(t, one(t, allow(invokes, "arn:aws:bedrock:*::foundation-model/Anthropic.*")), "role/r", haiku)
	nobody(t, one(t, allow(invokes, haikuAt, condition(`{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::`+home+`:role/R"}}`))), "role/r", haiku)
	c := newCast()
	c.role("r", byLambda, allow(invokes, haikuAt, condition(`{"StringEquals":{"aws:PrincipalTag/TEAM":"ml"}}`)))["Tags"] = []any{map[string]string{"Key": "Team", "Value": "ml"}}
	decides(t, c.analysis(t, nil), "role/r", haiku, rights.Allowed)
}

func TestPitfall12_AnArnOperatorOnWhatIsNoARN(t *testing.T) {
	for _, op := range []string{"ArnLike", "ArnNotLike"} {
		decides(t, one(t, allow("bedrock:*", "*", condition(`{"`+op+`":{"aws:PrincipalArn":"role/r"}}`))), "role/r", haiku, rights.Undetermined)
	}
}

func TestPitfall14_AGlobalProfileNeedsTheModelWithoutARegion(t *testing.T) {
	profile := "arn:aws:bedrock:us-east-1:" + home + ":inference-profile/" + haikuGlobal
	nobody(t, one(t, allow(invokes, profile+" "+haikuAt)), "role/r", haikuGlobal)
	ans := decides(t, one(t, allow(invokes, profile+" "+everywhere)), "role/r", haikuGlobal, rights.Allowed)
	if len(ans.Legs) != 3 || !slices.ContainsFunc(ans.Legs, func(l rights.LegAnswer) bool {
		return l.Region == "unspecified" && l.Resource == "arn:aws:bedrock:::foundation-model/"+haiku
	}) {
		t.Errorf("legs %+v", ans.Legs)
	}
}

func TestPitfall16_ConverseIsInvokeModel(t *testing.T) {
	a := one(t, allow("bedrock:InvokeModel", haikuAt))
	for op, want := range map[string]rights.Decision{"Converse": rights.Allowed, "bedrock:Converse": rights.Allowed, "ConverseStream": rights.ImplicitDeny, "InvokeModel": rights.Allowed} {
		ans, err := a.Can(who(t, a, "role/r"), Question{Action: op, Resource: haiku})
		if err != nil || ans.Decision != want {
			t.Errorf("%s: %s %v, want %s", op, ans.Decision, err, want)
		}
	}
}

const orgOf = `{"Organization":{"Id":"o-exampleorgid","MasterAccountId":"` + away + `"},"Roots":[{"Id":"r-ab12","PolicyTypes":[{"Type":"SERVICE_CONTROL_POLICY","Status":"ENABLED"}]}],
 "Accounts":[{"Id":"` + home + `","ParentId":"r-ab12","Status":"ACTIVE"},{"Id":"` + away + `","ParentId":"r-ab12","Status":"ACTIVE"}],
 "Policies":[{"PolicySummary":{"Id":"p-FullAWSAccess","Name":"FullAWSAccess","Type":"SERVICE_CONTROL_POLICY","AwsManaged":true},"Content":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}","Targets":[{"TargetId":"r-ab12"},{"TargetId":"` + home + `"},{"TargetId":"` + away + `"}]},
  {"PolicySummary":{"Id":"p-nomodels","Name":"nomodels","Type":"SERVICE_CONTROL_POLICY","AwsManaged":false},"Content":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"bedrock:*\",\"Resource\":\"*\"}]}","Targets":[{"TargetId":"r-ab12"}]}]}`

func TestPitfall17_WhomAnSCPDoesNotBind(t *testing.T) {
	c := newCast()
	c.role("r", byLambda, allow("bedrock:*", "*"))
	linked := c.role("AWSServiceRoleForX", byService("x.amazonaws.com"), allow("bedrock:*", "*"))
	linked["Path"], linked["Arn"] = "/aws-service-role/x.amazonaws.com/", c.arn("role", "aws-service-role/x.amazonaws.com/AWSServiceRoleForX")
	payer := newCast()
	payer.account = away
	payer.role("boss", byLambda, allow("bedrock:*", "*"))
	a := c.analysis(t, func(s *estate.Sources) {
		s.Accounts, s.Org = append(s.Accounts, payer.file(t)), fileOf(t, "org.json", orgOf)
	})
	decides(t, a, "role/r", haiku, rights.ExplicitDeny)
	decides(t, a, "role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX", haiku, rights.Allowed)
	decides(t, a, "role/boss", haiku, rights.Allowed)
}

func TestPitfall18_AnSCPBindsRootAndABoundaryDoesNot(t *testing.T) {
	c := newCast()
	c.role("r", byLambda, allow("bedrock:*", "*"))
	boundary := func(s *estate.Sources) { s.Boundary = fileOf(t, "boundary.json", string(body(allow("s3:*", "*")))) }
	for name, x := range map[string]struct {
		change func(*estate.Sources)
		want   rights.Decision
	}{"alone": {nil, rights.Allowed}, "SCP": {under(t, allow("*", "*"), deny("bedrock:*", "*")), rights.ExplicitDeny}, "boundary": {boundary, rights.Allowed}} {
		a := c.analysis(t, x.change)
		ans, err := a.Can(Root(a.Estate.Account(home)), Question{Action: "bedrock:InvokeModel", Resource: haiku})
		if err != nil || ans.Decision != x.want {
			t.Errorf("%s: %s %v, want %s", name, ans.Decision, err, x.want)
		}
	}
}

func TestPitfall19_ABoundaryIsInForceAtEveryHop(t *testing.T) {
	for name, x := range map[string]struct{ allows, want string }{"that allows the hop": {"sts:AssumeRole", "first'' middle' model"}, "that does not": {"s3:*", "model"}} {
		c := newCast()
		c.role("model", trusting(byAccount(home)), allow(invokes, haikuAt))
		middle := c.role("middle", trusting(byAccount(home)), allow("sts:AssumeRole", c.arn("role", "model")))
		c.role("first", byLambda, allow("sts:AssumeRole", c.arn("role", "middle")))
		middle["PermissionsBoundary"] = map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.policy("edge", allow(x.allows, "*"))}
		if got := holders(t, c.analysis(t, nil), haiku); got != x.want {
			t.Errorf("a boundary %s: %q, want %q", name, got, x.want)
		}
	}
}

func TestPitfall21_AnAdministratorIsBoundToo(t *testing.T) {
	c := newCast()
	c.role("admin", byLambda, allow("*", "*"))
	decides(t, c.analysis(t, under(t, allow("*", "*"), deny("bedrock:*", "*"))), "role/admin", haiku, rights.ExplicitDeny)
	decides(t, c.analysis(t, under(t, allow("s3:*", "*"))), "role/admin", haiku, rights.ImplicitDeny)
}

func TestPitfall22_AHopNeedsTrustAndPermission(t *testing.T) {
	for name, x := range map[string]struct {
		trust     string
		statement string
		want      string
	}{
		"both":                         {byAccount(home), allow("sts:AssumeRole", "*"), "caller' model"},
		"permission alone":             {`{"AWS":"arn:aws:iam::` + home + `:role/else"}`, allow("sts:AssumeRole", "*"), "else' model"},
		"trust of the account alone":   {byAccount(home), allow("s3:*", "*"), "model"},
		"trust of the role itself":     {`{"AWS":"arn:aws:iam::` + home + `:role/caller"}`, allow("s3:*", "*"), "caller' model"},
		"trust of the role and a deny": {`{"AWS":"arn:aws:iam::` + home + `:role/caller"}`, deny("sts:*", "*"), "model"},
	} {
		c := newCast()
		c.role("else", byLambda)
		c.role("model", trusting(x.trust), allow(invokes, haikuAt))
		c.role("caller", byLambda, x.statement)
		if got := holders(t, c.analysis(t, nil), haiku); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

func TestPitfall23_TrustInAnAccountIsNotTrustInEveryoneThere(t *testing.T) {
	c := newCast()
	c.role("model", trusting(byAccount(home)), allow(invokes, haikuAt))
	c.user("with", allow("sts:AssumeRole", c.arn("role", "model")))
	c.user("without", allow("s3:*", "*"))
	if got := holders(t, c.analysis(t, nil), haiku); got != "model with'" {
		t.Errorf("%s", got)
	}
}

func TestPitfall24_AServiceLinkedRoleIsNobodysHop(t *testing.T) {
	c := newCast()
	linked := c.role("AWSServiceRoleForX", byService("x.amazonaws.com"), allow("bedrock:*", "*"))
	linked["Path"], linked["Arn"] = "/aws-service-role/x.amazonaws.com/", c.arn("role", "aws-service-role/x.amazonaws.com/AWSServiceRoleForX")
	c.user("admin-of-roles", allow("sts:AssumeRole", "*"))
	if got := holders(t, c.analysis(t, nil), haiku); got != "AWSServiceRoleForX" {
		t.Errorf("%s", got)
	}
}

func TestPitfall25_AResourceOfAnUnexpectedTypeIsNotLeftOut(t *testing.T) {
	for _, arn := range []string{"provisioned-model/abcdefghijkl", "project/default", "custom-model-deployment/abcdefghijkl", "marketplace/model-endpoint/all-access"} {
		ans := asked(t, one(t, allow("bedrock:*", "*")), "role/r", "arn:aws:bedrock:us-east-1:"+home+":"+arn)
		if !ans.Decision.Can() || ans.Legs[0].Decision != rights.Allowed {
			t.Errorf("%s: %s, on itself %s", arn, ans.Decision, ans.Legs[0].Decision)
		}
	}
}

func TestPitfall26_AQuestionWithAWildcardIsRefused(t *testing.T) {
	a := one(t, allow("bedrock:*", "*"))
	for _, q := range []Question{{Action: "bedrock:Invoke*", Resource: haiku}, {Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:*::foundation-model/*"}} {
		if _, err := a.Can(who(t, a, "role/r"), q); err == nil || !strings.Contains(err.Error(), "wildcard") {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestPitfall27_ABoundaryThatTheInputLacksIsUnknown(t *testing.T) {
	c := newCast()
	c.role("r", byLambda, allow("bedrock:*", "*"))["PermissionsBoundary"] = map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.arn("policy", "gone")}
	c.role("s", byLambda, allow("s3:*", "*"))["PermissionsBoundary"] = map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.arn("policy", "gone")}
	a, _ := flawed(t, c, nil)
	decides(t, a, "role/r", haiku, rights.Undetermined)
	nobody(t, a, "role/s", haiku)
	if what := a.Incomplete(who(t, a, "role/r"), "bedrock:InvokeModel"); !slices.ContainsFunc(what, func(s string) bool { return strings.Contains(s, "policy/gone") }) {
		t.Errorf("incomplete: %q", what)
	}
}

func TestPitfall29_ABedrockKeyNeedsItsGateAndTheModel(t *testing.T) {
	a := one(t, allow("bedrock:InvokeModel", "*"))
	decides(t, a, "role/r", haiku, rights.Allowed)
	ans, err := a.Can(who(t, a, "role/r"), Question{Action: "bedrock:CallWithBearerToken", Resource: "*"})
	if err != nil || ans.Decision != rights.ImplicitDeny {
		t.Errorf("the gate: %s %v", ans.Decision, err)
	}
}
