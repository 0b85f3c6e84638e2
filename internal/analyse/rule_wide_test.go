package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
)

func TestWide01_AllOfBedrockUnlessAdministrator(t *testing.T) {
	c := newCast()
	c.role("Admin", byService("ec2.amazonaws.com"), allow("*", "*"))
	c.role("Full", byService("ec2.amazonaws.com"), allow("bedrock:*", "*"))
	c.role("Power", byService("ec2.amazonaws.com"), `{"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"}`)
	c.role("Conditional", byService("ec2.amazonaws.com"), allow("bedrock:*", "*", condition(`{"StringEquals":{"aws:SourceVpce":"vpce-1"}}`)))
	c.role("Invoker", byService("ec2.amazonaws.com"), allow("bedrock:Invoke*", "*"))
	c.role("OneModel", byService("ec2.amazonaws.com"), allow("bedrock:*", everywhere))
	c.role("Bounded", byService("ec2.amazonaws.com"), allow("bedrock:*", "*"))["PermissionsBoundary"] = map[string]any{
		"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.policy("limit", allow("bedrock:InvokeModel", "*"))}
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-WIDE-01", ScanOptions{})
	want(t, found, "Conditional Full Power")
	if f := of(t, found, "Conditional"); f.Condition != "aws:SourceVpce = vpce-1" {
		t.Errorf("condition %q", f.Condition)
	}
}

func TestWide02_EveryModelIsProvenNotListed(t *testing.T) {
	c := newCast()
	c.role("Star", byService("ec2.amazonaws.com"), allow(calls, "*"))
	c.role("Models", byService("ec2.amazonaws.com"), allow(calls, "arn:aws:bedrock:*::foundation-model/*"))
	c.role("Profiles", byService("ec2.amazonaws.com"), allow(calls, "arn:aws:bedrock:*:111122223333:inference-profile/*"),
		allow(calls, "arn:aws:bedrock:*::foundation-model/*", condition(`{"Null":{"bedrock:InferenceProfileArn":"false"}}`)))
	c.role("OneRegion", byService("ec2.amazonaws.com"), allow(calls, "arn:aws:bedrock:us-east-1::foundation-model/*"))
	c.role("ButOne", byService("ec2.amazonaws.com"), allow(calls, "*"), deny(calls, "arn:aws:bedrock:*::foundation-model/no-such.model-v1"))
	c.role("Listed", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	c.role("Providers", byService("ec2.amazonaws.com"), allow(calls, strings.Join(providers(), " ")))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-WIDE-02", ScanOptions{})
	want(t, found, "Models Profiles Star")
}

// providers are patterns that meet every model of the catalogue, and not every
// model.
func providers() (out []string) {
	for c := 'a'; c <= 'z'; c++ {
		out = append(out, "arn:aws:bedrock:*::foundation-model/"+string(c)+"*")
	}
	return out
}

func TestWide02_ADenyOfAModelThatDoesNotExistYetCounts(t *testing.T) {
	c := newCast()
	c.role("Gateway", byService("ec2.amazonaws.com"), allow(calls, "*"))
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, "*"))
	a := c.analysis(t, withFile(t, func(s *estate.Sources) *[]string { return &s.SCPs }, `[{"Version":"2012-10-17","Statement":[`+allow("*", "*")+`,`+deny(calls, "arn:aws:bedrock:*::foundation-model/next.*")+`]}]`))
	if found := scanned(t, a, "BR-WIDE-02", ScanOptions{}); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	a = c.analysis(t, nil)
	want(t, scanned(t, a, "BR-WIDE-02", ScanOptions{Gateway: []string{c.arn("role", "Gateway")}}), "App")
}

func TestWide02_WhatARegionSCPLeaves(t *testing.T) {
	c := newCast()
	c.role("Star", byService("ec2.amazonaws.com"), allow(calls, "*"))
	c.role("OwnRegion", byService("ec2.amazonaws.com"), allow(calls, "arn:aws:bedrock:us-east-1::foundation-model/*"))
	c.role("ButOne", byService("ec2.amazonaws.com"), allow(calls, "*"), deny(calls, "arn:aws:bedrock:*::foundation-model/no-such.model-v1"))
	a := c.analysis(t, scps(t, string(body(allow("*", "*"), deny("*", "*", condition(`{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","unspecified"]}}`))))))
	found := scanned(t, a, "BR-WIDE-02", ScanOptions{})
	want(t, found, "Star")
	if f := of(t, found, "Star"); !strings.Contains(f.Title, "that SCPs and its boundary leave") {
		t.Errorf("title %q", f.Title)
	}
	want(t, scanned(t, a, "BR-WIDE-01", ScanOptions{}), "")
}

func TestWide03_ModelsOutsideTheApprovedList(t *testing.T) {
	c := newCast()
	c.role("Fine", byService("ec2.amazonaws.com"), allow(calls, everywhere+" "+usProfile))
	c.role("More", byService("ec2.amazonaws.com"), allow(calls, everywhere+" arn:aws:bedrock:*::foundation-model/"+nova))
	a := c.analysis(t, nil)
	if why := open(t, a, "BR-WIDE-03", ScanOptions{}); !strings.Contains(why, "approved") {
		t.Errorf("not evaluable because %q", why)
	}
	found := scanned(t, a, "BR-WIDE-03", ScanOptions{Approved: []string{haiku}})
	want(t, found, "More")
	if f := of(t, found, "More"); !strings.Contains(f.Title, "1 model ") || !strings.Contains(f.Detail, "Of 2 models") || !strings.Contains(f.Detail, nova) {
		t.Errorf("%s: %s", f.Title, f.Detail)
	}
	want(t, scanned(t, a, "BR-WIDE-03", ScanOptions{Approved: []string{"family:anthropic.claude", "provider:amazon"}}), "")
	want(t, scanned(t, a, "BR-WIDE-03", ScanOptions{Approved: []string{haikuUS}}), "Fine More")
	if why := open(t, a, "BR-WIDE-03", ScanOptions{Approved: []string{"family:none"}}); !strings.Contains(why, "family") {
		t.Errorf("a list with a slip of the pen: %q", why)
	}
}

func TestWide04_ByExclusion(t *testing.T) {
	c := newCast()
	c.role("NotAction", byService("ec2.amazonaws.com"), `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`)
	c.role("NotResource", byService("ec2.amazonaws.com"), `{"Effect":"Allow","Action":"bedrock:InvokeModel","NotResource":"arn:aws:bedrock:*::foundation-model/anthropic.*"}`)
	c.role("NotBedrock", byService("ec2.amazonaws.com"), `{"Effect":"Allow","NotAction":"bedrock:*","Resource":"*"}`, allow(calls, everywhere))
	c.role("Denied", byService("ec2.amazonaws.com"), allow(calls, everywhere), `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`, `{"Effect":"Deny","Action":"bedrock:*","NotResource":"`+everywhere+`"}`)
	c.role("Emptied", byService("ec2.amazonaws.com"), `{"Effect":"Allow","NotAction":"iam:*","Resource":"arn:aws:s3:::*"}`, allow(calls, everywhere))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-WIDE-04", ScanOptions{})
	want(t, found, "Denied NotAction NotResource")
	if f := of(t, found, "Denied"); len(f.Statements) == 0 || f.Statements[0].Index != 1 {
		t.Errorf("statements %+v", f.Statements)
	}
}

func TestWide05_OnlyByAPolicyThatDoesNotLookLikeIt(t *testing.T) {
	c := newCast()
	const tier = "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"
	c.policies = append(c.policies, map[string]any{"PolicyName": "AWSElasticBeanstalkWebTier", "PolicyId": "ANPATIER", "Arn": tier, "Path": "/", "DefaultVersionId": "v1",
		"PolicyVersionList": []any{map[string]any{"Document": body(allow("bedrock:InvokeModel", "arn:aws:bedrock:*::foundation-model/anthropic.claude-*")), "VersionId": "v1", "IsDefaultVersion": true}}})
	c.role("Web", byService("ec2.amazonaws.com"), allow("s3:GetObject", "*"))["AttachedManagedPolicies"] = attached(tier)
	c.role("Both", byService("ec2.amazonaws.com"), allow(calls, everywhere))["AttachedManagedPolicies"] = attached(tier)
	c.role("Own", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-WIDE-05", ScanOptions{})
	want(t, found, "Web")
	if f := of(t, found, "Web"); !strings.Contains(f.Title, "AWSElasticBeanstalkWebTier") || len(f.Statements) != 1 {
		t.Errorf("%s: %+v", f.Title, f.Statements)
	}
}

func TestWide06_MantlePastTheList(t *testing.T) {
	c := newCast()
	mantle := func(more ...string) string {
		return allow("bedrock-mantle:CreateInference", "arn:aws:bedrock-mantle:*:111122223333:project/*", more...)
	}
	c.role("Past", byService("ec2.amazonaws.com"), allow(calls, everywhere), mantle())
	c.role("OneProject", byService("ec2.amazonaws.com"), allow(calls, everywhere), allow("bedrock-mantle:CreateInference", "arn:aws:bedrock-mantle:eu-west-1:111122223333:project/p1"))
	c.role("Held", byService("ec2.amazonaws.com"), allow(calls, everywhere), mantle(condition(`{"StringEquals":{"bedrock-mantle:Model":"`+haiku+`"}}`)))
	c.role("Denied", byService("ec2.amazonaws.com"), allow(calls, everywhere), mantle(), deny("bedrock-mantle:*", "*"))
	c.role("Wide", byService("ec2.amazonaws.com"), allow(calls, "*"), mantle())
	a := c.analysis(t, nil)
	want(t, scanned(t, a, "BR-WIDE-06", ScanOptions{}), "OneProject Past")
}
