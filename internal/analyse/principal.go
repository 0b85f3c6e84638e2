package analyse

import (
	"maps"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/glob"
	"github.com/writ-project/writ/internal/rights"
)

// everything is what an account's root user may do: all that nothing denies.
var everything = func() *awsiam.Document {
	d, _ := awsiam.Parse("the root user's own rights", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`), awsiam.Position{})
	return d
}()

// Root is an account's root user: no identity policy and no boundary binds it,
// only SCPs do.
func Root(acct *estate.Account) *estate.Principal {
	arn := "arn:" + acct.Partition + ":iam::" + acct.ID + ":root"
	return &estate.Principal{
		Principal: awsiam.Principal{ARN: arn, Account: acct.ID}, Kind: RootKind, Name: "root", Path: "/", Account: acct,
		Identity: []*awsiam.Document{everything},
	}
}

// RootKind is the kind of an account's root user.
const RootKind estate.Kind = "root"

// Layers are the policies that bind a principal. SCPs do not bind service-linked
// roles; the estate leaves them away for a management account.
func (a *Analysis) Layers(p *estate.Principal) awsiam.Layers {
	l := awsiam.Layers{Identity: p.Identity, Boundary: p.Boundary, Sessions: a.Estate.Sessions, Endpoint: p.Account.Endpoint}
	if a.Estate.Boundary != nil && p.Kind != RootKind { // which none can be set on
		l.Boundary = a.Estate.Boundary
	}
	if l.Endpoint == nil {
		l.Endpoint = a.Estate.Endpoint
	}
	if !p.ServiceLinked {
		l.SCPs = p.Account.SCPs
	}
	if l.Identity == nil {
		l.Identity = []*awsiam.Document{}
	}
	return l
}

// Known are the condition keys that who a principal is fixes
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties).
// Its tags are its own; others can only come with a session, if its trust policy
// lets sessions be tagged.
func (a *Analysis) Known(p *estate.Principal) awsiam.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, ok := a.known[p]; ok {
		return c
	}
	c := maps.Clone(rights.Direct())
	c.Set("aws:PrincipalArn", awsiam.One(p.ARN))
	c.Set("aws:PrincipalAccount", awsiam.One(p.Principal.Account))
	a.ofKind(p, c)
	a.ofOrganization(p.Account, c)
	tagged := p.Trust != nil && mentions(p.Trust, "sts:TagSession")
	if !tagged {
		for k, v := range p.Tags {
			c.Set("aws:PrincipalTag/"+k, awsiam.One(v))
		}
		c.Set("aws:PrincipalTag/*", awsiam.Value{})
	}
	a.known[p] = c
	return c
}

func (a *Analysis) ofKind(p *estate.Principal, c awsiam.Context) {
	switch p.Kind {
	case estate.User:
		c.Set("aws:PrincipalType", awsiam.One("User"))
		c.Set("aws:username", awsiam.One(p.Name))
		if p.UniqueID != "" {
			c.Set("aws:userid", awsiam.One(p.UniqueID))
		}
		for _, key := range []string{"aws:SourceIdentity", "aws:FederatedProvider", "ec2:SourceInstanceArn", "aws:Ec2InstanceSourceVpc", "aws:Ec2InstanceSourcePrivateIPv4", "lambda:SourceFunctionArn", "aws:AssumedRoot"} {
			c.Set(key, awsiam.Value{})
		}
	case RootKind:
		c.Set("aws:PrincipalType", awsiam.One("Account"))
		c.Set("aws:userid", awsiam.One(p.Account.ID))
		c.Set("aws:username", awsiam.Value{})
	default:
		c.Set("aws:PrincipalType", awsiam.One("AssumedRole"))
		c.Set("aws:username", awsiam.Value{})
	}
}

func (a *Analysis) ofOrganization(acct *estate.Account, c awsiam.Context) {
	if acct.OrgID != "" {
		c.Set("aws:PrincipalOrgID", awsiam.One(acct.OrgID))
	}
	if acct.OrgPath != "" {
		c.Set("aws:PrincipalOrgPaths", awsiam.Many(acct.OrgPath))
	}
}

// mentions reports whether a policy may allow an action.
func mentions(d *awsiam.Document, action string) bool {
	if d.Doubt != "" {
		return true
	}
	for i := range d.Statements {
		if s := &d.Statements[i]; s.Effect != awsiam.Deny && s.MatchAction(action) != awsiam.False {
			return true
		}
	}
	return false
}

// Case asks whether a principal passes checks.
func (a *Analysis) Case(p *estate.Principal, checks []rights.Check, more awsiam.Context) *rights.Case {
	c := &rights.Case{Principal: p.Principal, Layers: a.Layers(p), Checks: checks, Known: a.Known(p)}
	if len(more) > 0 {
		c.Known = maps.Clone(c.Known)
		maps.Copy(c.Known, more)
	}
	if p.Kind == estate.Role && p.UniqueID != "" {
		c.Within = map[string][]glob.Pattern{"aws:userid": {glob.Parse(strings.ReplaceAll(p.UniqueID, "*", "?") + ":*")}}
	}
	return c
}
