package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
)

// guarded is a condition on the guardrail.
func guarded(operator, value string) string {
	return condition(`{"` + operator + `":{"bedrock:GuardrailIdentifier":"` + value + `"}}`)
}

func TestGuard01_WithoutTheMandatoryGuardrail(t *testing.T) {
	c := newCast()
	c.role("Without", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	c.role("With", byService("ec2.amazonaws.com"), allow(calls, everywhere, guarded("StringEquals", guardrail+":1")))
	c.role("Denied", byService("ec2.amazonaws.com"), allow(calls, everywhere), deny(calls, "*", guarded("StringNotEquals", guardrail+":1")))
	c.role("Streams", byService("ec2.amazonaws.com"), allow(calls, everywhere), deny("bedrock:InvokeModel", "*", guarded("StringNotEquals", guardrail+":1")))
	a := c.analysis(t, nil)
	if why := open(t, a, "BR-GUARD-01", ScanOptions{}); !strings.Contains(why, "mandatory") {
		t.Errorf("not evaluable because %q", why)
	}
	want(t, scanned(t, a, "BR-GUARD-01", ScanOptions{Guardrail: true}), "Streams Without")
}

func TestGuard01_AnSCPThatDemandsItIsEnough(t *testing.T) {
	c := newCast()
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	a := c.analysis(t, withFile(t, func(s *estate.Sources) *[]string { return &s.SCPs }, string(body(allow("*", "*"), deny(calls, "*", condition(`{"Null":{"bedrock:GuardrailIdentifier":"true"}}`))))))
	want(t, scanned(t, a, "BR-GUARD-01", ScanOptions{Guardrail: true}), "")
}

func TestGuard02_ConditionsThatDoNotBind(t *testing.T) {
	one := guardrail + ":1"
	c := newCast()
	c.role("IfExists", byService("ec2.amazonaws.com"), allow(calls, everywhere, guarded("StringEqualsIfExists", one)))
	c.role("ForAll", byService("ec2.amazonaws.com"), allow(calls, everywhere, guarded("ForAllValues:StringEquals", one)))
	c.role("AnyDeny", byService("ec2.amazonaws.com"), allow(calls, everywhere), deny(calls, "*", guarded("ForAnyValue:StringNotEquals", one)))
	c.role("Beside", byService("ec2.amazonaws.com"), allow(calls, everywhere, guarded("StringEquals", one)), allow("bedrock:*", "*"))
	c.role("Draft", byService("ec2.amazonaws.com"), allow(calls, everywhere, guarded("StringEquals", guardrail)))
	c.role("Binds", byService("ec2.amazonaws.com"), allow(calls, everywhere, guarded("StringEquals", one)), deny(calls, "*", guarded("StringNotEquals", one)))
	c.role("IfExistsDeny", byService("ec2.amazonaws.com"), allow(calls, everywhere), deny(calls, "*", guarded("StringNotEqualsIfExists", one)))
	c.role("Rescued", byService("ec2.amazonaws.com"), allow(calls, everywhere, guarded("StringEqualsIfExists", one)), deny(calls, "*", condition(`{"Null":{"bedrock:GuardrailIdentifier":"true"}}`)))
	c.role("Never", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-GUARD-02", ScanOptions{})
	want(t, found, "AnyDeny Beside Draft ForAll IfExists")
	for name, why := range map[string]string{"IfExists": "IfExists", "ForAll": "ForAllValues", "AnyDeny": "in a Deny is false", "Beside": "Another statement", "Draft": "no version"} {
		if f := of(t, found, name); !strings.Contains(f.Detail, why) {
			t.Errorf("%s: %s", name, f.Detail)
		}
	}
}

func TestGuard03_AnotherRouteWithout(t *testing.T) {
	one := guarded("StringEquals", guardrail+":1")
	c := newCast()
	c.role("Streams", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere, one), allow("bedrock:InvokeModelWithResponseStream", everywhere))
	c.role("Agents", byService("ec2.amazonaws.com"), allow(calls, everywhere, one), allow("bedrock:InvokeAgent bedrock:RetrieveAndGenerate", "*"))
	c.role("OneAlias", byService("ec2.amazonaws.com"), allow(calls, everywhere, one), allow("bedrock:InvokeAgent", "arn:aws:bedrock:eu-west-1:111122223333:agent-alias/A/B"))
	c.role("Mantle", byService("ec2.amazonaws.com"), allow(calls, everywhere, one), allow("bedrock-mantle:*", "*"))
	c.role("Both", byService("ec2.amazonaws.com"), allow(calls, everywhere, one))
	c.role("DeniedAgents", byService("ec2.amazonaws.com"), allow(calls, everywhere, one), allow("bedrock:InvokeAgent", "*"), deny("bedrock:InvokeAgent", "*"))
	c.role("NoGuard", byService("ec2.amazonaws.com"), allow(calls, everywhere), allow("bedrock:InvokeAgent", "*"))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-GUARD-03", ScanOptions{})
	want(t, found, "Agents Mantle OneAlias Streams")
	for _, f := range found {
		if strings.Contains(f.Resource, "RetrieveAndGenerate") {
			t.Errorf("RetrieveAndGenerate needs the caller's InvokeModel, and the same guardrail: %s", f.Title)
		}
	}
}
