package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

func TestAFindingIsWrittenForEveryoneAlike(t *testing.T) {
	c := newCast()
	for _, name := range []string{"A", "B"} {
		c.role(name, byService("ec2.amazonaws.com"), allow("s3:Get"+name, "*"), `{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}`)
	}
	found := scanned(t, c.analysis(t, nil), "BR-WIDE-04", ScanOptions{})
	want(t, found, "A B")
	for _, name := range []string{"A", "B"} {
		f := of(t, found, name)
		if !strings.Contains(f.Resource, "role/"+name) || !strings.Contains(f.Statements[0].Policy, "role/"+name) || !strings.Contains(string(f.Witness), "role/"+name) {
			t.Errorf("%s: %s, %+v, %s", name, f.Resource, f.Statements, f.Witness)
		}
	}
	if of(t, found, "A").Statements[0].Position == of(t, found, "B").Statements[0].Position {
		t.Error("the statements stand in two places")
	}
}

func TestAlikeAreOnlyThoseWithEqualRights(t *testing.T) {
	tagged := condition(`{"StringEquals":{"aws:PrincipalTag/team":"ml"}}`)
	c := newCast()
	for _, name := range []string{"Ml", "Hr"} {
		c.role(name, byService("ec2.amazonaws.com"), allow(calls, "*", tagged))["Tags"] = []map[string]string{{"Key": "team", "Value": strings.ToLower(name)}}
	}
	c.role("Named", byService("ec2.amazonaws.com"), allow(calls, "*", condition(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Named"}}`)))
	c.role("Other", byService("ec2.amazonaws.com"), allow(calls, "*", condition(`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Named"}}`)))
	want(t, scanned(t, c.analysis(t, nil), "BR-WIDE-02", ScanOptions{}), "Ml Named")
}

func TestExposedIsOneStepMoreSevere(t *testing.T) {
	c := newCast()
	own := allow(calls, "*")
	c.user("Anywhere", own)
	c.user("Off", own)
	c.role("Inside", trusting(`{"AWS":"arn:aws:iam::111122223333:root"}`), own)
	c.role("Account", trusting(`{"AWS":"arn:aws:iam::444455556666:root"}`), own)
	c.role("Anyone", trusting(`{"AWS":"*"}`), own)
	c.role("Organisation", trusting(`{"AWS":"*"}`, condition(`{"StringEquals":{"aws:PrincipalOrgID":"o-abc"}}`)), own)
	oidc := `{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}`
	c.role("Subject", trustFor("sts:AssumeRoleWithWebIdentity", oidc, condition(`{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:a/b:ref:refs/heads/main"}}`)), own)
	c.role("AnySubject", trustFor("sts:AssumeRoleWithWebIdentity", oidc), own)
	a := c.analysis(t, withFile(t, func(s *estate.Sources) *[]string { return &s.Credentials }, accessKeys))
	for _, f := range scanned(t, a, "BR-WIDE-02", ScanOptions{}) {
		name := f.Principal[strings.LastIndexByte(f.Principal, '/')+1:]
		raised := name == "Anywhere" || name == "Account" || name == "Anyone" || name == "AnySubject"
		if (f.Severity == report.Critical) != raised || strings.Contains(f.Detail, "One step more severe") != raised {
			t.Errorf("%s: %s, %s", name, f.Severity, f.Detail)
		}
	}
}

func TestEveryRuleIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || r.Title == "" || r.Severity.Rank() == 0 || len(r.Reference) == 0 {
			t.Errorf("rule %+v", r)
		}
		seen[r.ID] = true
		if n := strings.Count(r.Help, ". ") + 1; n < 2 || n > 5 || !strings.HasSuffix(r.Help, ".") {
			t.Errorf("%s: help of %d sentences: %s", r.ID, n, r.Help)
		}
	}
}
