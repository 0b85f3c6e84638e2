package analyse

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Entrance is how somebody outside what the input describes comes to a role.
type Entrance struct {
	Role *estate.Principal
	Hop  Hop // From is an account, a provider, or "anyone"
	// Open says why the entrance is not limited to whom one can name; empty: it
	// is.
	Open string
}

// Entrances lists who from outside may assume a role: accounts that the input
// does not hold, anyone, and the users of identity providers. Of whom a trust
// policy names, nothing is known but that: they are taken to have every right at
// home, and to be in no organisation of ours.
func (a *Analysis) Entrances(role *estate.Principal) (out []Entrance) {
	if role.Trust == nil || role.ServiceLinked {
		return nil
	}
	f := a.prober(context.Background())
	for _, who := range a.strangersIn(role) {
		if e, ok := f.entrance(role, who); ok {
			out = append(out, e)
		}
	}
	return out
}

// outside is somebody outside whom a trust policy may let in.
type outside struct {
	awsiam.Principal
	name   string
	action string
	known  awsiam.Context
}

// elsewhere is an account that stands for all accounts that nobody named.
const elsewhere = "000000000000"

// strangersIn are those whom a trust policy names, in its order.
func (a *Analysis) strangersIn(role *estate.Principal) (out []outside) {
	add := func(o outside) {
		if !slices.ContainsFunc(out, func(x outside) bool { return x.name == o.name && x.action == o.action }) {
			out = append(out, o)
		}
	}
	if role.Trust.Doubt != "" {
		return nil
	}
	for i := range role.Trust.Statements {
		s := &role.Trust.Statements[i]
		if s.Effect == awsiam.Deny || s.Principal == nil {
			continue
		}
		if s.Principal.Anyone || s.Principal.Not || slices.Contains(s.Principal.AWS, "*") {
			add(a.foreign("anyone", "arn:"+role.Account.Partition+":iam::"+elsewhere+":role/anyone"))
			for _, id := range accountsIn(s) {
				if a.Estate.Account(id) == nil {
					add(a.foreign("account "+id, "arn:"+role.Account.Partition+":iam::"+id+":role/anyone"))
				}
			}
		}
		for _, name := range s.Principal.AWS {
			if p, err := awsiam.ParsePrincipal(name); err == nil && a.Estate.Account(p.Account) == nil && !a.family(p.Account) {
				if p.Root() {
					p.ARN = "arn:" + role.Account.Partition + ":iam::" + p.Account + ":role/anyone"
				}
				o := a.foreign("account "+p.Account, p.ARN)
				o.Session = p.Session
				add(o)
			}
		}
		for _, provider := range s.Principal.Federated {
			add(federated(provider))
		}
	}
	return out
}

// accountsIn are the accounts that a statement's conditions name.
func accountsIn(s *awsiam.Statement) (ids []string) {
	for i := range s.Conditions {
		for _, v := range s.Conditions[i].Values {
			id := cmp.Or(awsiam.AccountOf(v), v)
			if p, err := awsiam.ParsePrincipal(id); err == nil && p.Root() && !slices.Contains(ids, p.Account) {
				ids = append(ids, p.Account)
			}
		}
	}
	return ids
}

// family reports whether an account is of the organisation that was given.
func (a *Analysis) family(account string) bool {
	return a.Estate.Org != nil && (a.Estate.Org.Accounts[account] != nil || a.Estate.Org.Management == account)
}

func (a *Analysis) foreign(name, arn string) outside {
	o := outside{Principal: awsiam.Principal{ARN: arn, Account: awsiam.AccountOf(arn)}, name: name, action: assumeRole, known: rights.Direct()}
	o.known.Set("aws:PrincipalArn", awsiam.One(arn))
	o.known.Set("aws:PrincipalAccount", awsiam.One(o.Account))
	o.known.Set("aws:PrincipalOrgID", awsiam.One("o-outside000"))
	o.known.Set("aws:PrincipalOrgPaths", awsiam.Many("o-outside000/r-none/"))
	return o
}

func federated(provider string) outside {
	o := outside{Principal: awsiam.Principal{Federated: provider, Account: awsiam.AccountOf(provider)}, name: provider, action: "sts:AssumeRoleWithWebIdentity", known: rights.Direct()}
	if strings.Contains(provider, ":saml-provider/") {
		o.action = "sts:AssumeRoleWithSAML"
	}
	return o
}

// entrance decides whether a stranger gets in, and how openly.
func (f *pathfinder) entrance(role *estate.Principal, who outside) (Entrance, bool) {
	ans := f.enters(role, who.Principal, who.action, who.known)
	hop, ok := hopOf(AssumeEdge, who.name, role.ARN, who.action, ans)
	if !ok {
		return Entrance{}, false
	}
	e := Entrance{Role: role, Hop: hop}
	switch {
	case who.name == "anyone":
		e.Open = "anyone in any account may assume it"
	case who.Federated == "":
		if ans.Decision == rights.Allowed {
			e.Open = "no sts:ExternalId and nothing else is asked of the other account"
		}
	default:
		e.Open = f.openTo(role, who)
	}
	return e, true
}

// enters decides whether somebody outside may assume a role.
func (f *pathfinder) enters(role *estate.Principal, who awsiam.Principal, action string, known awsiam.Context) rights.Answer {
	k := f.becoming(role, nil)
	k.Action = action
	c := &rights.Case{Principal: who, Layers: awsiam.Layers{Identity: []*awsiam.Document{everything}}, Checks: []rights.Check{k}, Known: known}
	if known == nil {
		c.Known = rights.Direct()
	}
	return rights.Solve(f.universe(), c)
}

// issuer is what is known of an identity provider that serves many customers:
// what a token says of a customer whom nobody named.
type issuer struct {
	host  string // or how it begins
	claim string
	value string // the claim of somebody else's token
	whom  string
}

// issuers are the providers that anyone can have a token of. Of all others the
// users are those of one customer
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html).
var issuers = []issuer{
	{"token.actions.githubusercontent.com", "sub", "repo:somebody-else/anything:ref:refs/heads/main", "every repository of GitHub"},
	{"gitlab.com", "sub", "project_path:somebody-else/anything:ref_type:branch:ref:main", "every project of gitlab.com"},
	{"app.terraform.io", "sub", "organization:somebody-else:project:anything:workspace:anything:run_phase:apply", "every organisation of Terraform Cloud"},
	{"cognito-identity.amazonaws.com", "aud", "us-east-1:00000000-0000-0000-0000-000000000000", "every Cognito identity pool"},
	{"accounts.google.com", "aud", "somebody-elses-client-id", "every client of Google's accounts"},
	{"graph.facebook.com", "app_id", "somebody-elses-app", "every app of Facebook's"},
	{"www.amazon.com", "app_id", "somebody-elses-app", "every app of Login with Amazon"},
}

// openTo says why a federated entrance is open to more than whom one can name;
// empty: it is not.
func (f *pathfinder) openTo(role *estate.Principal, who outside) string {
	host := hostOf(who.Federated)
	if who.action == "sts:AssumeRoleWithSAML" {
		return openIf(f.unlimited(role, who, "saml", nil), "its trust policy asks for no SAML:aud and nothing else of the assertion: the provider alone decides")
	}
	for _, i := range issuers {
		if host != i.host {
			continue
		}
		claims := map[string]awsiam.Value{i.claim: awsiam.One(i.value)}
		if why := openIf(f.unlimited(role, who, host, claims, i.claim, "aud", "amr"), i.whom+" may assume it: its trust policy does not limit "+host+":"+i.claim); why != "" {
			return why
		}
		if host != "cognito-identity.amazonaws.com" {
			return ""
		}
		guest := map[string]awsiam.Value{"amr": awsiam.Many("unauthenticated")}
		return openIf(f.unlimited(role, who, host, guest, "amr", "aud", "sub"), "guests of the identity pool, who do not sign in, may assume it")
	}
	any := map[string]awsiam.Value{"sub": awsiam.One("a-subject-that-nobody-named")}
	return openIf(f.unlimited(role, who, host, any, "sub", "aud"), "every subject of "+host+" may assume it: its trust policy does not limit "+host+":sub")
}

func openIf(open bool, why string) string {
	if !open {
		return ""
	}
	return why
}

// hostOf is how condition keys call a provider.
func hostOf(provider string) string {
	if _, host, ok := strings.Cut(provider, ":oidc-provider/"); ok {
		return host
	}
	return provider
}

// unlimited reports whether somebody with some claims gets in without any other
// claim being asked for, beside those that anyone can have.
func (f *pathfinder) unlimited(role *estate.Principal, who outside, host string, claims map[string]awsiam.Value, given ...string) bool {
	known := awsiam.Context{}
	for k, v := range who.known {
		known[k] = v
	}
	for claim, v := range claims {
		known.Set(host+":"+claim, v)
	}
	ans := f.enters(role, who.Principal, who.action, known)
	if !ans.Decision.Can() {
		return false
	}
	if ans.Decision == rights.Allowed {
		return true
	}
	return slices.ContainsFunc(ans.Condition, func(t rights.Term) bool { return !asksFor(t, host, given) })
}

// asksFor reports whether a term tests a claim of a host that is not given.
func asksFor(t rights.Term, host string, given []string) bool {
	return slices.ContainsFunc(t, func(x rights.Test) bool {
		claim, ok := strings.CutPrefix(strings.ToLower(x.Key), strings.ToLower(host)+":")
		return ok && !slices.Contains(given, claim)
	})
}
