package analyse

import (
	"context"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

func differences(t *testing.T, base, next trial) map[string]AccountDifference {
	t.Helper()
	list, err := next.load(t).CompareAccounts(context.Background(), base.load(t))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]AccountDifference{}
	for _, d := range list {
		out[strings.TrimPrefix(d.Principal, roleARN(""))] = d
	}
	return out
}

func TestAccountsAreComparedPrincipalByPrincipal(t *testing.T) {
	claude := `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.*"}`
	base := trial{roles: map[string]trialRole{
		"same":    {policies: []string{invokeAll}},
		"written": {policies: []string{claude}},
		"wider":   {policies: []string{claude}},
		"less":    {policies: []string{invokeAll}},
		"gone":    {policies: []string{invokeAll}},
		"idle":    {policies: []string{`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`}},
		"door":    {policies: []string{`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`}},
		"tag":     {policies: []string{`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/env":"prod"}}}`}, tags: map[string]string{"env": "dev"}},
	}}
	next := trial{roles: map[string]trialRole{
		"same": {policies: []string{invokeAll}},
		"written": {policies: []string{`{"Sid":"Other","Effect":"Allow","Action":["bedrock:InvokeModel"],"Resource":["arn:aws:bedrock:us-east-1::foundation-model/anthropic.*"]},` +
			`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-*"}`}},
		"wider": {policies: []string{strings.Replace(claude, "us-east-1", "*", 1)}},
		"less":  {policies: []string{claude}},
		"added": {policies: []string{invokeAll}},
		"idle":  {policies: []string{`{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`}},
		"door":  {policies: []string{`{"Effect":"Allow","Action":"sagemaker:InvokeEndpoint","Resource":"arn:aws:sagemaker:us-east-1:111122223333:endpoint/x"}`}},
		"tag":   {policies: base.roles["tag"].policies, tags: map[string]string{"env": "prod"}},
	}}
	got := differences(t, base, next)
	for name, want := range map[string][2]rights.Verdict{
		"wider": {rights.NewAccess, rights.NoNewAccess},
		"less":  {rights.NoNewAccess, rights.NewAccess},
		"gone":  {rights.NoNewAccess, rights.NewAccess},
		"added": {rights.NewAccess, rights.NoNewAccess},
		"door":  {rights.NewAccess, rights.NoNewAccess},
		"tag":   {rights.NewAccess, rights.NoNewAccess},
	} {
		if d := got[name]; d.New.Verdict != want[0] || d.Lost.Verdict != want[1] {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if len(got) != 6 || !got["added"].Added || !got["gone"].Gone || got["wider"].New.Witness == nil {
		t.Errorf("%v", got)
	}
	if r := got["wider"].New.Witness.Resource; strings.Contains(r, ":us-east-1:") || !strings.Contains(r, "foundation-model/anthropic.") {
		t.Errorf("witness on %s", r)
	}
}

func TestAnSCPThatIsLiftedIsNewAccess(t *testing.T) {
	x := trial{roles: map[string]trialRole{"app": {policies: []string{invokeAll}}}}
	limited := x
	limited.scp = []string{`[{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"bedrock:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"eu-central-1"}}}]}]`}
	if d := differences(t, limited, x)["app"]; d.Verdict() != rights.NewAccess || strings.Contains(d.New.Witness.Resource, "eu-central-1") {
		t.Errorf("%+v", d)
	}
	if d := differences(t, limited, limited); len(d) != 0 {
		t.Errorf("%v", d)
	}
}
