package awsiam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrincipalsAreRead(t *testing.T) {
	for s, want := range map[string]Principal{
		bob:  {ARN: bob, Account: home},
		app:  {ARN: app, Account: home},
		root: {ARN: root, Account: home},
		home: {ARN: root, Account: home},
		"arn:aws-cn:iam::111122223333:role/a/b/app": {ARN: "arn:aws-cn:iam::111122223333:role/a/b/app", Account: home},
		session:                {ARN: app, Session: session, Account: home},
		guest:                  {ARN: guest, Session: guest, Account: home},
		"lambda.amazonaws.com": {Service: "lambda.amazonaws.com"},
		"arn:aws:iam::111122223333:saml-provider/idp":       {Federated: "arn:aws:iam::111122223333:saml-provider/idp", Account: home},
		"arn:aws:iam::111122223333:oidc-provider/host/id/1": {Federated: "arn:aws:iam::111122223333:oidc-provider/host/id/1", Account: home},
	} {
		got, err := ParsePrincipal(s)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", s, err, diff)
		}
	}
	for _, s := range []string{
		"", "*", "bob", "11112222333", "1111222233334", "arn:aws:iam::111122223333:group/g", "arn:aws:iam::111122223333:user/",
		"arn:aws:iam:us-east-1:111122223333:user/bob", "arn:aws:iam::aws:role/x", "arn:aws:sts::111122223333:assumed-role/app",
		"arn:aws:sts::111122223333:assumed-role/app/", "arn:aws:s3:::b", "urn:aws:iam::111122223333:user/bob", "AROAEXAMPLE",
	} {
		if p, err := ParsePrincipal(s); err == nil || !strings.Contains(err.Error(), "principal") {
			t.Errorf("%q: %+v, %v", s, p, err)
		}
	}
}

func TestKindsOfPrincipals(t *testing.T) {
	for s, want := range map[string][3]bool{
		bob: {true, false, false}, app: {false, true, false}, session: {false, true, false}, root: {false, false, true},
		guest: {}, "lambda.amazonaws.com": {},
	} {
		p := principal(t, s)
		if got := [3]bool{p.User(), p.Role(), p.Root()}; got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
}

func TestPrincipalElementNamesInAForm(t *testing.T) {
	for _, x := range []struct {
		element, who string
		want         Form
	}{
		{`"*"`, bob, ByAnyone},
		{`"*"`, "lambda.amazonaws.com", ByAnyone},
		{`{"AWS":"*"}`, app, ByAnyone},
		{`{"AWS":"111122223333"}`, bob, ByAccount},
		{`{"AWS":"arn:aws:iam::111122223333:root"}`, session, ByAccount},
		{`{"AWS":"arn:aws:iam::111122223333:root"}`, root, ByAccount},
		{`{"AWS":"arn:aws:iam::444455556666:root"}`, bob, NotNamed},
		{`{"AWS":"` + bob + `"}`, bob, ByARN},
		{`{"AWS":"` + bob + `"}`, "arn:aws:iam::111122223333:user/Bob", NotNamed},
		{`{"AWS":"arn:aws:iam::111122223333:user/guest"}`, guest, NotNamed}, // it is not the user of that name
		{`{"AWS":"` + guest + `"}`, guest, BySession},
		{`{"AWS":"` + app + `"}`, session, ByARN},
		{`{"AWS":["` + home + `","` + app + `","` + session + `"]}`, session, BySession},
		{`{"AWS":"` + session + `"}`, app, NotNamed},
		{`{"AWS":"AROAEXAMPLEEXAMPLE"}`, app, NotNamed}, // what a deleted role leaves
		{`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`, "lambda.amazonaws.com", ByService},
		{`{"Service":"lambda.amazonaws.com"}`, app, NotNamed},
		{`{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"}`, "arn:aws:iam::111122223333:saml-provider/idp", ByService},
		{`{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"}`, "arn:aws:iam::111122223333:saml-provider/IDP", NotNamed},
		{`{"CanonicalUser":"79a59d"}`, bob, NotNamed},
	} {
		s := &policy(t, `{"Effect":"Allow","Action":"*","Resource":"*","Principal":`+x.element+`}`).Statements[0]
		truth, form := s.MatchPrincipal(principal(t, x.who))
		if form != x.want || truth != Of(x.want != NotNamed) {
			t.Errorf("%s of %s: %v in form %d, want %d", x.element, x.who, truth, form, x.want)
		}
	}
}

// NotPrincipal spares whom it lists in full, denies whom it does not list, and
// of what is between AWS does not say enough.
func TestNotPrincipal(t *testing.T) {
	for _, x := range []struct {
		list, who string
		bounded   bool
		want      Truth // of the deny
	}{
		{`"AWS":["` + home + `","` + bob + `"]`, bob, false, False},
		{`"AWS":["` + home + `","` + bob + `"]`, bob, true, True},
		{`"AWS":["` + home + `","` + bob + `"]`, app, false, True},
		{`"AWS":"` + bob + `"`, bob, false, Unknown},
		{`"AWS":"` + home + `"`, bob, false, True},
		{`"AWS":"` + root + `"`, root, false, False},
		{`"AWS":["` + home + `","` + app + `","` + session + `"]`, session, false, False},
		{`"AWS":["` + app + `","` + session + `"]`, session, false, Unknown},
		{`"AWS":["` + home + `","` + session + `"]`, session, false, Unknown},
		{`"AWS":["` + home + `","` + app + `"]`, app, false, Unknown},
		{`"AWS":"*"`, bob, false, False},
		{`"AWS":"` + away + `"`, bob, false, True},
		{`"Service":"lambda.amazonaws.com"`, "lambda.amazonaws.com", false, False},
		{`"Service":"ec2.amazonaws.com"`, "lambda.amazonaws.com", false, True},
	} {
		s := &policy(t, `{"Effect":"Deny","Action":"*","Resource":"*","NotPrincipal":{`+x.list+`}}`).Statements[0]
		p := principal(t, x.who)
		p.Bounded = x.bounded
		if got, _ := s.MatchPrincipal(p); got != x.want {
			t.Errorf("NotPrincipal %s of %s: %v, want %v", x.list, x.who, got, x.want)
		}
	}
	s := odd(t, `{"Effect":"Allow","Action":"*","Resource":"*","NotPrincipal":{"AWS":"`+away+`"}}`, "NotPrincipal stands with Allow")
	if got, _ := s.MatchPrincipal(principal(t, bob)); got != Unknown {
		t.Errorf("NotPrincipal with Allow: %v", got)
	}
}

func TestPrincipalThatCannotBeReadIsUnknown(t *testing.T) {
	for element, want := range map[string]string{
		`"arn:aws:iam::111122223333:root"`: "neither",
		`{}`:                               "neither",
		`[]`:                               "neither",
		`{"AWS":"arn:aws:iam::111122223333:role/*"}`: "wildcard",
		`{"Service":"*"}`: "wildcard",
		`{"aws":"*"}`:     "no kind of principal",
		`{"AWS":[]}`:      "empty list",
		`{"AWS":[1,"*"]}`: "no string",
		`{"AWS":"111122223333","AWS":"444455556666"}`: "stands twice",
	} {
		s := odd(t, `{"Effect":"Allow","Action":"*","Resource":"*","Principal":`+element+`}`, want)
		if got, form := s.MatchPrincipal(principal(t, bob)); got != Unknown || form != ByService {
			t.Errorf("%s: %v, form %d", element, got, form)
		}
	}
}
