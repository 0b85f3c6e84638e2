package awsiam

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const denyAll = `{"Effect":"Deny","Action":"*","Resource":"*"}`

// to is a resource policy that allows whom it names.
func to(t *testing.T, names string) *Document {
	t.Helper()
	return policy(t, `{"Effect":"Allow","Action":"*","Resource":"*","Principal":`+names+`}`)
}

func aws(s string) string { return `{"AWS":"` + s + `"}` }

func ask(t *testing.T, who string) Request {
	t.Helper()
	return Request{Principal: principal(t, who), Action: "bedrock:InvokeModel", Resource: model, Context: Context{}}
}

func decides(t *testing.T, name string, r Request, l Layers, want Outcome) {
	t.Helper()
	got := Evaluate(r, l)
	if got.Outcome != want {
		t.Errorf("%s: %+v, want %s", name, got, want)
	}
	if (got.Outcome == Undetermined) != (len(got.Doubts) > 0) || (got.Outcome == ImplicitDeny) != (len(got.Missing) > 0) {
		t.Errorf("%s says too much or too little: %+v", name, got)
	}
}

// What a resource policy grants past identity, boundary and session policies
// that allow nothing, by the form in which it names the principal
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
// and access_policies.html#policies_session).
func TestResourcePolicyGrantsByTheFormOfNaming(t *testing.T) {
	const na = Outcome("") // users have no session policies
	for _, x := range []struct {
		who, names                  string
		identity, boundary, session Outcome
	}{
		{bob, aws(bob), Allowed, Allowed, na},
		{app, aws(app), Allowed, ImplicitDeny, ImplicitDeny},
		{session, aws(app), Allowed, ImplicitDeny, ImplicitDeny},
		{session, aws(session), Allowed, Allowed, Allowed},
		{guest, aws(guest), Allowed, Allowed, Allowed},
		{bob, aws(home), ImplicitDeny, ImplicitDeny, na},
		{session, aws(root), ImplicitDeny, ImplicitDeny, ImplicitDeny},
		{bob, `"*"`, Allowed, Undetermined, na}, // of a boundary AWS does not say
		{session, `"*"`, Allowed, ImplicitDeny, ImplicitDeny},
		{session, aws("*"), Allowed, ImplicitDeny, ImplicitDeny},
		{session, aws(bob), ImplicitDeny, ImplicitDeny, ImplicitDeny},
	} {
		name := x.who + " named " + x.names
		all, none := []*Document{policy(t, everything)}, policy(t)
		r, resource := ask(t, x.who), to(t, x.names)
		decides(t, name, r, Layers{Resource: resource}, x.identity)
		decides(t, name+", boundary", r, Layers{Identity: all, Resource: resource, Boundary: none}, x.boundary)
		if x.session != na {
			decides(t, name+", session", r, Layers{Identity: all, Resource: resource, Sessions: []*Document{none}}, x.session)
		}
		decides(t, name+", SCP", r, Layers{Identity: all, Resource: resource, SCPs: [][]*Document{{}}}, ImplicitDeny)
		decides(t, name+", RCP", r, Layers{Identity: all, Resource: resource, RCPs: [][]*Document{{}}}, ImplicitDeny)
	}
}

// Across accounts both sides have to allow, whatever the form.
func TestAcrossAccountsBothSidesAllow(t *testing.T) {
	all, none := []*Document{policy(t, everything)}, policy(t)
	for _, who := range []string{bob, app, session, guest, root} {
		r := ask(t, who)
		r.Account = away
		decides(t, who+", no resource policy", r, Layers{Identity: all}, ImplicitDeny)
		decides(t, who+", another named", r, Layers{Identity: all, Resource: to(t, aws(away))}, ImplicitDeny)
		for _, names := range []string{`"*"`, aws(home), aws(root), aws(who)} {
			name, resource := who+" named "+names, to(t, names)
			decides(t, name, r, Layers{Identity: all, Resource: resource}, Allowed)
			decides(t, name+", no identity policy", r, Layers{Resource: resource}, ImplicitDeny)
			decides(t, name+", boundary", r, Layers{Identity: all, Resource: resource, Boundary: none}, ImplicitDeny)
			decides(t, name+", session", r, Layers{Identity: all, Resource: resource, Sessions: []*Document{none}}, ImplicitDeny)
		}
	}
}

// A trust policy always has to allow; in one account it may do so alone, by
// naming the identity, or leave it to the identity's policies, by the account.
func TestTrustPolicy(t *testing.T) {
	all, none := []*Document{policy(t, everything)}, policy(t)
	trust := func(names string) *Document {
		return policy(t, `{"Effect":"Allow","Action":"sts:AssumeRole","Principal":`+names+`}`)
	}
	for _, x := range []struct {
		name, who, account string
		l                  Layers
		want               Outcome
	}{
		{"no trust", app, "", Layers{Identity: all, Resource: none}, ImplicitDeny},
		{"another trusted", app, "", Layers{Identity: all, Resource: trust(aws(bob))}, ImplicitDeny},
		{"account trusted, identity allows", app, "", Layers{Identity: all, Resource: trust(aws(home))}, Allowed},
		{"account trusted, identity silent", app, "", Layers{Resource: trust(aws(home))}, ImplicitDeny},
		{"account trusted, boundary silent", app, "", Layers{Identity: all, Boundary: none, Resource: trust(aws(home))}, ImplicitDeny},
		{"role trusted, identity silent", app, "", Layers{Resource: trust(aws(app))}, Allowed},
		{"role trusted, boundary silent", app, "", Layers{Boundary: none, Resource: trust(aws(app))}, ImplicitDeny},
		{"session trusted, boundary silent", session, "", Layers{Boundary: none, Resource: trust(aws(session))}, Allowed},
		{"user trusted, boundary silent", bob, "", Layers{Boundary: none, Resource: trust(aws(bob))}, Allowed},
		{"elsewhere, role trusted, identity silent", app, away, Layers{Resource: trust(aws(app))}, ImplicitDeny},
		{"elsewhere, role trusted, identity allows", app, away, Layers{Identity: all, Resource: trust(aws(app))}, Allowed},
		{"elsewhere, account trusted, identity allows", app, away, Layers{Identity: all, Resource: trust(aws(home))}, Allowed},
		{"service trusted", "lambda.amazonaws.com", home, Layers{Resource: trust(`{"Service":"lambda.amazonaws.com"}`)}, Allowed},
		{"other service trusted", "ec2.amazonaws.com", home, Layers{Resource: trust(`{"Service":"lambda.amazonaws.com"}`)}, ImplicitDeny},
	} {
		r := Request{Principal: principal(t, x.who), Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/worker", Account: x.account}
		x.l.Trust = true
		decides(t, x.name, r, x.l, x.want)
	}
}

func TestFederatedPrincipalsAreTrustedByTheirProvider(t *testing.T) {
	const idp = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
	trust := policy(t, `{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"`+idp+`"},"Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:example/*"}}}`)
	for sub, want := range map[string]Outcome{"repo:example/app": Allowed, "repo:exam/app": ImplicitDeny} {
		r := Request{Principal: principal(t, idp), Action: "sts:AssumeRoleWithWebIdentity", Resource: "arn:aws:iam::111122223333:role/ci", Context: context("token.actions.githubusercontent.com:sub=" + sub)}
		decides(t, sub, r, Layers{Resource: trust, Trust: true}, want)
		decides(t, sub+" with SCP", r, Layers{Resource: trust, Trust: true, SCPs: [][]*Document{{policy(t, denyAll)}}}, ExplicitDeny)
	}
}

// Every level of SCPs needs an allow; a level without policies has none.
func TestEveryLevelOfSCPsAllows(t *testing.T) {
	all := policy(t, everything)
	east := policy(t, `{"Effect":"Allow","Action":"bedrock:*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}`)
	other := policy(t, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)
	for _, x := range []struct {
		name   string
		levels [][]*Document
		want   Outcome
	}{
		{"none", nil, Allowed},
		{"no level", [][]*Document{}, Allowed},
		{"one", [][]*Document{{all}}, Allowed},
		{"three", [][]*Document{{all}, {other, east}, {all}}, Allowed},
		{"an empty level", [][]*Document{{all}, {}, {all}}, ImplicitDeny},
		{"one without an allow", [][]*Document{{all}, {other}, {all}}, ImplicitDeny},
		{"a deny at the root", [][]*Document{{all, policy(t, denyAll)}, {all}}, ExplicitDeny},
		{"a deny below", [][]*Document{{all}, {all, policy(t, denyAll)}}, ExplicitDeny},
	} {
		for _, who := range []string{bob, session, root} {
			r := ask(t, who)
			r.Context = context("aws:RequestedRegion=us-east-1")
			decides(t, "SCPs: "+x.name, r, Layers{Identity: []*Document{all}, SCPs: x.levels}, x.want)
			decides(t, "RCPs: "+x.name, r, Layers{Identity: []*Document{all}, RCPs: x.levels}, x.want)
		}
	}
}

// The policy of an endpoint binds the calls that come through one.
func TestEndpointPolicyBindsCallsThroughIt(t *testing.T) {
	l := Layers{Identity: []*Document{policy(t, everything)}}
	for _, x := range []struct {
		name     string
		ctx      Context
		endpoint *Document
		want     Outcome
	}{
		{"not through it", nil, policy(t, denyAll), Allowed},
		{"through it, no policy", context("aws:SourceVpce=vpce-1"), nil, Allowed},
		{"through it, allowed", context("aws:SourceVpce=vpce-1"), to(t, `"*"`), Allowed},
		{"through it, not allowed", context("aws:SourceVpce=vpce-1"), to(t, aws(away)), ImplicitDeny},
		{"through it, denied", context("aws:SourceVpce=vpce-1"), policy(t, denyAll), ExplicitDeny},
		{"perhaps, allowed", Context{"aws:sourcevpce": {Doubt: "?"}}, to(t, `"*"`), Allowed},
		{"perhaps, not allowed", Context{"aws:sourcevpce": {Doubt: "?"}}, to(t, aws(away)), Undetermined},
		{"perhaps, denied", Context{"aws:sourcevpce": {Doubt: "?"}}, policy(t, denyAll), Undetermined},
	} {
		r := ask(t, session)
		r.Context, l.Endpoint = x.ctx, x.endpoint
		decides(t, x.name, r, l, x.want)
	}
}

func TestExplicitDenyWinsInEveryLayer(t *testing.T) {
	all, deny := policy(t, everything), policy(t, denyAll)
	both := policy(t, everything, denyAll)
	for layer, l := range map[Layer]Layers{
		IdentityLayer: {Identity: []*Document{all, deny}},
		BoundaryLayer: {Identity: []*Document{all}, Boundary: both},
		SessionLayer:  {Identity: []*Document{all}, Sessions: []*Document{all, deny}},
		SCPLayer:      {Identity: []*Document{all}, SCPs: [][]*Document{{all}, {both}}},
		RCPLayer:      {Identity: []*Document{all}, RCPs: [][]*Document{{all}, {all, deny}}},
		ResourceLayer: {Identity: []*Document{all}, Resource: policy(t, `{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}`)},
		EndpointLayer: {Identity: []*Document{all}, Endpoint: both},
	} {
		r := ask(t, session)
		r.Context.Set("aws:SourceVpce", One("vpce-1"))
		got := Evaluate(r, l)
		if got.Outcome != ExplicitDeny || len(got.Statements) != 1 || got.Statements[0].Layer != layer || got.Statements[0].Effect != "Deny" {
			t.Errorf("%s: %+v", layer, got)
		}
	}
}

// NotPrincipal with Deny spares nobody who has a boundary, whomever it lists.
func TestNotPrincipalDeniesWhoHasABoundary(t *testing.T) {
	all := []*Document{policy(t, everything)}
	resource := policy(t, `{"Effect":"Deny","Action":"*","Resource":"*","NotPrincipal":{"AWS":["`+home+`","`+bob+`"]}}`)
	decides(t, "no boundary", ask(t, bob), Layers{Identity: all, Resource: resource}, Allowed)
	decides(t, "boundary", ask(t, bob), Layers{Identity: all, Resource: resource, Boundary: all[0]}, ExplicitDeny)
}

func TestResourcePolicyThatNamesNobodyIsUndetermined(t *testing.T) {
	r := ask(t, bob)
	r.Account = away
	decides(t, "allow", r, Layers{Identity: []*Document{policy(t, everything)}, Resource: policy(t, everything)}, Undetermined)
}

func TestFoundationModelsCountAsTheCallers(t *testing.T) {
	all := []*Document{policy(t, everything)}
	for _, account := range []string{"", home} {
		r := ask(t, session)
		r.Account = account
		decides(t, "account "+account, r, Layers{Identity: all}, Allowed)
	}
}

func TestAnswersSayWhatTheyRestOn(t *testing.T) {
	d := policy(t, `{"Sid":"Other","Effect":"Allow","Action":"s3:*","Resource":"*"}`, `{"Sid":"Invoke","Effect":"Allow","Action":"bedrock:Invoke*","Resource":"*"}`)
	got := Evaluate(ask(t, bob), Layers{Identity: []*Document{d}, SCPs: [][]*Document{{policy(t, everything)}, {policy(t, everything)}}})
	want := Decision{Outcome: Allowed, Statements: []Ref{
		{IdentityLayer, 0, "policy", 1, "Invoke", "Allow"},
		{SCPLayer, 0, "policy", 0, "", "Allow"},
		{SCPLayer, 1, "policy", 0, "", "Allow"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = Evaluate(ask(t, bob), Layers{Identity: []*Document{policy(t)}, Boundary: policy(t), Sessions: []*Document{}, SCPs: [][]*Document{{}}})
	want = Decision{Outcome: ImplicitDeny, Missing: []Layer{IdentityLayer, BoundaryLayer, SessionLayer, SCPLayer}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
