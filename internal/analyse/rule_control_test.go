package analyse

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

func scps(t *testing.T, levels ...string) func(*estate.Sources) {
	return func(s *estate.Sources) {
		for _, l := range levels {
			withFile(t, func(s *estate.Sources) *[]string { return &s.SCPs }, l)(s)
		}
	}
}

func TestSCP01_WhatAnSCPTakesAway(t *testing.T) {
	c := newCast()
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	c.role("Twin", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	c.role("None", byService("ec2.amazonaws.com"), allow("s3:*", "*"))
	root := string(body(allow("*", "*")))
	a := c.analysis(t, scps(t, root, "["+string(body(allow("*", "*")))+","+string(body(deny("bedrock:InvokeModel", "*")))+","+string(body(deny("s3:*", "*")))+"]"))
	found := scanned(t, a, "BR-SCP-01", ScanOptions{})
	if len(found) != 2 {
		t.Fatalf("found %+v", found)
	}
	var removes, idle bool
	for _, f := range found {
		switch {
		case strings.Contains(f.Title, "takes 2 rights"):
			removes = true
			if !strings.Contains(f.Detail, "2 principals of 3") || len(f.Statements) != 1 || f.Statements[0].Layer != "scp" {
				t.Errorf("%s %+v", f.Detail, f.Statements)
			}
			var w rights.Witness
			if err := json.Unmarshal(f.Witness, &w); err != nil {
				t.Fatal(err)
			}
			p := a.Estate.Principal(w.Principal)
			with := a.Layers(p)
			without := with
			without.SCPs = nil
			r := requestOf(a, p, w)
			if x, y := awsiam.Evaluate(r, with).Outcome, awsiam.Evaluate(r, without).Outcome; x != awsiam.ExplicitDeny || y != awsiam.Allowed {
				t.Errorf("with the SCP %s, without %s", x, y)
			}
		case strings.Contains(f.Title, "takes no right"):
			idle = true
		}
	}
	if !removes || !idle {
		t.Errorf("found %+v", found)
	}
}

func TestSCP01_ABoundaryAndAnAllowList(t *testing.T) {
	c := newCast()
	bound := map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": c.policy("limit", allow(calls, "arn:aws:bedrock:*::foundation-model/"+nova), allow("s3:*", "*"))}
	c.role("Bounded", byService("ec2.amazonaws.com"), allow(calls, everywhere))["PermissionsBoundary"] = bound
	c.role("Free", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	a := c.analysis(t, scps(t, string(body(allow("s3:*", "*")))))
	found := scanned(t, a, "BR-SCP-01", ScanOptions{})
	if len(found) != 2 || !strings.Contains(found[0].Title+found[1].Title, "takes 2 rights") || !strings.Contains(found[0].Title+found[1].Title, "takes no right") {
		t.Errorf("a level of its own goes as a whole; the boundary behind it takes nothing more away: %+v", found)
	}
	a = c.analysis(t, nil)
	found = scanned(t, a, "BR-SCP-01", ScanOptions{})
	if len(found) != 1 || !strings.Contains(found[0].Title, "boundary") || !strings.Contains(found[0].Title, "2 rights") {
		t.Errorf("found %+v", found)
	}
}

func TestSCP01_NothingSetNothingSaid(t *testing.T) {
	c := newCast()
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	if why := open(t, c.analysis(t, nil), "BR-SCP-01", ScanOptions{}); !strings.Contains(why, "--org") {
		t.Errorf("not evaluable because %q", why)
	}
	if found := scanned(t, c.analysis(t, scps(t, string(body(allow("*", "*"))))), "BR-SCP-01", ScanOptions{}); len(found) > 0 {
		t.Errorf("FullAWSAccess takes nothing away: %+v", found)
	}
}

func TestSub01_WhoSwitchesModelsOn(t *testing.T) {
	c := newCast()
	c.role("Switch", byService("ec2.amazonaws.com"), allow("bedrock:PutFoundationModelEntitlement aws-marketplace:Subscribe", "*"))
	c.role("OnBehalf", byService("ec2.amazonaws.com"), allow("aws-marketplace:Subscribe", "*", condition(`{"StringEquals":{"aws:CalledViaLast":"bedrock.amazonaws.com"}}`)))
	c.role("Narrow", byService("ec2.amazonaws.com"), allow("bedrock:CreateFoundationModelAgreement", "arn:aws:bedrock:*:*:x/y"))
	c.role("Admin", byService("ec2.amazonaws.com"), allow("*", "*"))
	found := scanned(t, c.analysis(t, nil), "BR-SUB-01", ScanOptions{})
	want(t, found, "Switch")
	if f := of(t, found, "Switch"); !strings.Contains(f.Title, "aws-marketplace:Subscribe, bedrock:PutFoundationModelEntitlement") {
		t.Errorf("title %q", f.Title)
	}
}

func TestLog01_InvokersThatHideIt(t *testing.T) {
	c := newCast()
	c.role("Hides", byService("ec2.amazonaws.com"), allow(calls, everywhere), allow("bedrock:DeleteModelInvocationLoggingConfiguration", "*"))
	c.role("OneGuardrail", byService("ec2.amazonaws.com"), allow(calls, everywhere), allow("bedrock:DeleteGuardrail", guardrail))
	c.role("OnlyHides", byService("ec2.amazonaws.com"), allow("bedrock:DeleteModelInvocationLoggingConfiguration", "*"))
	c.role("Invokes", byService("ec2.amazonaws.com"), allow(calls, everywhere), allow("logs:DeleteLogGroup", "*"))
	c.role("Admin", byService("ec2.amazonaws.com"), allow("*", "*"))
	want(t, scanned(t, c.analysis(t, nil), "BR-LOG-01", ScanOptions{}), "Hides OneGuardrail")
	logged := withFile(t, func(s *estate.Sources) *[]string { return &s.Bedrock },
		`{"account":"111122223333","region":"us-east-1","loggingConfig":{"cloudWatchConfig":{"logGroupName":"/bedrock","roleArn":"arn:aws:iam::111122223333:role/Log"},"textDataDeliveryEnabled":true}}`)
	want(t, scanned(t, c.analysis(t, logged), "BR-LOG-01", ScanOptions{}), "Hides Invokes OneGuardrail")
}

func TestData01_WhatTheInputLacks(t *testing.T) {
	c := newCast()
	c.role("Lacks", byService("ec2.amazonaws.com"), allow(calls, everywhere))["AttachedManagedPolicies"] = attached("arn:aws:iam::aws:policy/ReadOnlyAccess")
	a := c.analysis(t, nil)
	found := scanned(t, a, "BR-DATA-01", ScanOptions{})
	if f := of(t, found, "Lacks"); !strings.Contains(f.Title, "ReadOnlyAccess") || f.Position.Line == 0 {
		t.Errorf("%+v", f)
	}
	if whose(scanned(t, a, "BR-GUARD-01", ScanOptions{Guardrail: true})) != "Lacks" {
		t.Error("what the documents say that are there must still be looked at")
	}
}

func TestData01_AProblemHasItsPlace(t *testing.T) {
	c := newCast()
	c.role("Odd", byService("ec2.amazonaws.com"), `{"Effect":"Allow","Action":"bed*:InvokeModel","Resource":"*"}`)
	e, err := estate.Load(t.Context(), estate.Sources{Accounts: []string{c.file(t)}})
	if err != nil {
		t.Fatal(err)
	}
	found := scanned(t, New(Config{Estate: e, Now: pathsNow}), "BR-DATA-01", ScanOptions{})
	at := false
	for _, f := range found {
		at = at || strings.Contains(f.Title, "wildcard in its service") && f.Position.Line > 0 && len(f.Statements) == 0
	}
	if !at {
		t.Errorf("found %+v", found)
	}
}
