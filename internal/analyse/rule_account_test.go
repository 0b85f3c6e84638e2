package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
)

func TestOutsidersOfInvokingRolesAreFound(t *testing.T) {
	c := newCast()
	federated := `{"Federated":"arn:aws:iam::` + home + `:oidc-provider/token.actions.githubusercontent.com"}`
	sub := condition(`{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}`)
	outsider := `{"AWS":"arn:aws:iam::` + away + `:root"}`
	c.target("open", `"*"`)
	c.target("partner", outsider)
	c.role("partner-id", trusting(outsider, condition(`{"StringEquals":{"sts:ExternalId":"abc"}}`)), allow(invokes, haikuAt))
	c.role("github", trustFor("sts:AssumeRoleWithWebIdentity", federated), allow(invokes, haikuAt))
	c.role("github-acme", trustFor("sts:AssumeRoleWithWebIdentity", federated, sub), allow(invokes, haikuAt))
	c.role("idle", trusting(outsider), allow("s3:GetObject", "*"))
	c.role("denied", trusting(outsider), allow(invokes, haikuAt), deny("bedrock:*", "*"))
	a := c.analysis(t, nil)
	found, why := findings(t, a, "BR-XACC-01", ScanOptions{})
	if why != "" {
		t.Fatal(why)
	}
	wantLines(t, found,
		"high role/github: users of token.actions.githubusercontent.com whom nobody named can assume this role, which invokes models",
		"critical role/open: anyone can assume this role, which invokes models",
		"high role/partner: account "+away+" can assume this role, which invokes models",
		"medium role/partner-id: account "+away+" can assume this role, which invokes models")
	for _, f := range found {
		confirmed(t, a, f)
		if len(f.Statements) != 1 || f.Statements[0].Layer != "trust" || f.Statements[0].Position.Line == 0 {
			t.Errorf("%s: statements %+v", f.Principal, f.Statements)
		}
	}
	if found[3].Condition != "sts:ExternalId = abc" {
		t.Errorf("condition %q", found[3].Condition)
	}
}

func TestSharedResourcesOfBedrockAreFound(t *testing.T) {
	model := "arn:aws:bedrock:us-east-1:" + home + ":custom-model/amazon.nova-lite-v1:0/abcdefghijkl"
	gateway := "arn:aws:bedrock-agentcore:us-east-1:" + home + ":gateway/g1"
	grant := func(who, action, resource string, more ...string) string {
		return string(body(`{"Effect":"Allow","Principal":` + who + `,"Action":"` + action + `","Resource":"` + resource + `"` + strings.Join(append([]string{""}, more...), ",") + `}`))
	}
	outsider := `{"AWS":"arn:aws:iam::` + away + `:root"}`
	for _, test := range []struct{ name, arn, policy, want string }{
		{"a model with another account", model, grant(outsider, "bedrock:CreateModelCopyJob", model), "medium custom-model"},
		{"a gateway with anyone", gateway, grant(`"*"`, "bedrock-agentcore:InvokeGateway", gateway), "high gateway/g1 is shared with anyone"},
		{"a gateway with the organisation", gateway, grant(`"*"`, "bedrock-agentcore:InvokeGateway", gateway, condition(`{"StringEquals":{"aws:PrincipalOrgID":"o-ours000000"}}`)), ""},
		{"a model with the account itself", model, grant(byAccount(home), "bedrock:*", model), ""},
		{"an unlisted action", model, grant(outsider, "bedrock:DescribeSomethingNew", model), "medium custom-model"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCast()
			c.user("u", allow("s3:GetObject", "*"))
			a := c.analysis(t, func(s *estate.Sources) {
				s.Resource = []string{fileOf(t, "resource.json", `{"`+test.arn+`":`+test.policy+`}`)}
			})
			found, why := findings(t, a, "BR-XACC-02", ScanOptions{})
			if why != "" {
				t.Fatal(why)
			}
			got := ""
			for _, f := range found {
				got += string(f.Severity) + " " + f.Title
				if len(f.Statements) != 1 || len(f.Witness) == 0 {
					t.Errorf("finding %+v", f)
				}
			}
			if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
	if _, why := findings(t, newCastOf("u").analysis(t, nil), "BR-XACC-02", ScanOptions{}); !strings.Contains(why, "--resource-policy") {
		t.Errorf("without resource policies: %q", why)
	}
}

func newCastOf(user string) *cast {
	c := newCast()
	c.user(user, allow("s3:GetObject", "*"))
	return c
}
