package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
)

func TestEntrancesTellWhoFromOutsideGetsIn(t *testing.T) {
	const github = "arn:aws:iam::" + home + ":oidc-provider/token.actions.githubusercontent.com"
	web := func(provider string, more ...string) string {
		return string(trustFor("sts:AssumeRoleWithWebIdentity", `{"Federated":"`+provider+`"}`, more...))
	}
	sub := func(op, value string) string {
		return condition(`{"` + op + `":{"token.actions.githubusercontent.com:sub":"` + value + `"},"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`)
	}
	outsider := `{"AWS":"arn:aws:iam::` + away + `:root"}`
	for _, test := range []struct{ name, trust, want string }{
		{"nobody outside", string(trusting(byAccount(home))), ""},
		{"a service", string(byService("lambda.amazonaws.com")), ""},
		{"another account", string(trusting(outsider)), "account " + away + " allowed open"},
		{"another account with an external id", string(trusting(outsider, condition(`{"StringEquals":{"sts:ExternalId":"x1"}}`))), "account " + away + " conditional"},
		{"another account, of our organisation", string(trusting(outsider, condition(`{"StringEquals":{"aws:PrincipalOrgID":"o-ours000000"}}`))), ""},
		{"anyone", string(trusting(`"*"`)), "anyone allowed open"},
		{"anyone of our organisation", string(trusting(`"*"`, condition(`{"StringEquals":{"aws:PrincipalOrgID":"o-ours000000"}}`))), ""},
		{"anyone, by account", string(trusting(`{"AWS":"*"}`, condition(`{"StringEquals":{"aws:PrincipalAccount":"`+away+`"}}`))), "account " + away + " allowed open"},
		{"GitHub without sub", web(github, condition(`{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}`)), github + " conditional open"},
		{"GitHub with a repository", web(github, sub("StringLike", "repo:acme/app:*")), github + " conditional"},
		{"GitHub with any repository", web(github, sub("StringLike", "repo:*")), github + " conditional open"},
		{"GitHub by another claim", web(github, condition(`{"StringEquals":{"token.actions.githubusercontent.com:repository_owner":"acme"}}`)), github + " conditional"},
		{"GitHub with a set operator that holds without sub", web(github, condition(`{"ForAllValues:StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/app:*"}}`)), github + " conditional"},
		{"a cluster's issuer without sub", web("arn:aws:iam::" + home + ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC"), "arn:aws:iam::" + home + ":oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABC allowed open"},
		{"Cognito without aud", web("cognito-identity.amazonaws.com"), "cognito-identity.amazonaws.com allowed open"},
		{"Cognito with guests", web("cognito-identity.amazonaws.com", condition(`{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"}}`)), "cognito-identity.amazonaws.com conditional open"},
		{"Cognito without guests", web("cognito-identity.amazonaws.com", condition(`{"StringEquals":{"cognito-identity.amazonaws.com:aud":"us-east-1:1"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}`)), "cognito-identity.amazonaws.com conditional"},
		{"SAML with aud", string(trustFor("sts:AssumeRoleWithSAML", `{"Federated":"arn:aws:iam::`+home+`:saml-provider/corp"}`, condition(`{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}`))), "arn:aws:iam::" + home + ":saml-provider/corp conditional"},
		{"SAML without", string(trustFor("sts:AssumeRoleWithSAML", `{"Federated":"arn:aws:iam::`+home+`:saml-provider/corp"}`)), "arn:aws:iam::" + home + ":saml-provider/corp allowed open"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCast()
			c.role("r", []byte(test.trust), allow(invokes, haikuAt))
			a := c.analysis(t, nil)
			var got []string
			for _, e := range a.Entrances(who(t, a, "role/r")) {
				line := e.Hop.From + " " + string(e.Hop.Decision)
				if e.Open != "" {
					line += " open"
				}
				got = append(got, line)
			}
			if strings.Join(got, "; ") != test.want {
				t.Errorf("entrances %q, want %q", strings.Join(got, "; "), test.want)
			}
		})
	}
}

func TestAccountsOfTheOrganisationAreNotOutside(t *testing.T) {
	c := newCast()
	c.role("r", trusting(byAccount(away)), allow(invokes, haikuAt))
	org := `{"Organization":{"Id":"o-exampleorgid","MasterAccountId":"` + home + `"},"Roots":[{"Id":"r-ab12"}],
 "Accounts":[{"Id":"` + home + `","ParentId":"r-ab12","Status":"ACTIVE"},{"Id":"` + away + `","ParentId":"r-ab12","Status":"ACTIVE"}]}`
	a := c.analysis(t, func(s *estate.Sources) { s.Org = fileOf(t, "org.json", org) })
	if got := a.Entrances(who(t, a, "role/r")); len(got) != 0 {
		t.Errorf("entrances %+v", got)
	}
}
