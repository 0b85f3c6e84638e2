package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
)

const (
	throughUS = `{"ArnLike":{"bedrock:InferenceProfileArn":"arn:aws:bedrock:*:111122223333:inference-profile/us.*"}}`
	globalARN = "arn:aws:bedrock:*:111122223333:inference-profile/global.*"
)

func TestXreg01_CallsThatLeaveTheRegions(t *testing.T) {
	c := newCast()
	c.role("Global", byService("ec2.amazonaws.com"), allow(calls, "arn:aws:bedrock:*::foundation-model/* "+globalARN))
	c.role("Us", byService("ec2.amazonaws.com"), allow(calls, everywhere+" "+usProfile))
	c.role("Latent", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	c.role("Inside", byService("ec2.amazonaws.com"), allow(calls, "arn:aws:bedrock:us-east-1::foundation-model/"+haiku))
	c.role("Denied", byService("ec2.amazonaws.com"), allow(calls, "*"), deny(calls, "*", condition(`{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}`)))
	a := c.analysis(t, nil)
	if why := open(t, a, "BR-XREG-01", ScanOptions{}); !strings.Contains(why, "regions") {
		t.Errorf("not evaluable because %q", why)
	}
	found := scanned(t, a, "BR-XREG-01", ScanOptions{Residency: []string{"us-east-1"}})
	want(t, found, "Global Latent Us")
	if f := of(t, found, "Latent"); !strings.Contains(f.Title, "region-less") {
		t.Errorf("title %q", f.Title)
	}
	found = scanned(t, a, "BR-XREG-01", ScanOptions{Residency: []string{"us-east-1", "us-east-2", "us-west-2"}})
	if whose(found) != "Global Latent Us" || !strings.Contains(of(t, found, "Us").Title, "region-less") {
		t.Errorf("with every region of the us profile allowed: %q, %q", whose(found), of(t, found, "Us").Title)
	}
}

func TestXreg02_AProfileThatCannotWork(t *testing.T) {
	c := newCast()
	c.role("OnlyProfile", byService("ec2.amazonaws.com"), allow(calls, usProfile))
	c.role("OneRegion", byService("ec2.amazonaws.com"), allow(calls, usProfile+" arn:aws:bedrock:us-east-1::foundation-model/"+haiku))
	c.role("Works", byService("ec2.amazonaws.com"), allow(calls, usProfile+" "+everywhere))
	c.role("OnlyModel", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-XREG-02", ScanOptions{})
	want(t, found, "OneRegion OnlyProfile")
	if f := of(t, found, "OneRegion"); !strings.Contains(f.Detail, "us-east-2") || !strings.Contains(f.Detail, "not allowed by identity policies") {
		t.Errorf("detail %q", f.Detail)
	}
	if f := of(t, found, "OnlyProfile"); len(f.Statements) != 1 || len(f.Witness) > 0 {
		t.Errorf("%+v", f)
	}
}

func TestXreg02_ARegionSCPBreaksTheHop(t *testing.T) {
	c := newCast()
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, usProfile+" "+everywhere))
	a := c.analysis(t, withFile(t, func(s *estate.Sources) *[]string { return &s.SCPs },
		string(body(allow("*", "*"), deny("*", "*", condition(`{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","us-west-2"]}}`))))))
	found := scanned(t, a, "BR-XREG-02", ScanOptions{})
	want(t, found, "App")
	if f := of(t, found, "App"); !strings.Contains(f.Detail, "us-east-2") || !strings.Contains(f.Detail, "explicitly denied") {
		t.Errorf("detail %q", f.Detail)
	}
}

func TestXreg03_DirectlyPastTheProfile(t *testing.T) {
	c := newCast()
	c.role("Direct", byService("ec2.amazonaws.com"), allow(calls, usProfile+" "+everywhere))
	c.role("Gated", byService("ec2.amazonaws.com"), allow(calls, usProfile), allow(calls, everywhere, condition(throughUS)))
	c.role("ModelOnly", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	c.role("Star", byService("ec2.amazonaws.com"), allow(calls, "*"))
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-XREG-03", ScanOptions{})
	want(t, found, "Direct")
	if f := of(t, found, "Direct"); f.Proposal == nil || !strings.Contains(f.Proposal.Text, "bedrock:InferenceProfileArn") || !strings.Contains(f.Detail, haiku) {
		t.Errorf("%+v", f)
	}
}
