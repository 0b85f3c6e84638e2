package analyse

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// gain is a policy that somebody who writes policies can come to.
type gain struct {
	arn string // attached; empty: written
	doc *awsiam.Document
}

// limitedAccess is what matters of AmazonBedrockLimitedAccess, which AWS attaches
// to the users of its API keys, and of AmazonBedrockFullAccess.
var limitedAccess = func() *awsiam.Document {
	d, _ := awsiam.Parse("AmazonBedrockLimitedAccess", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow",
 "Action":["bedrock:InvokeModel","bedrock:InvokeModelWithResponseStream","bedrock:CallWithBearerToken"],"Resource":"*"}}`), awsiam.Position{})
	return d
}()

// writable is what an account has that policies can be changed to.
type writable struct{ gains, groups []gain }

// gains are the policies that it is worth trying to attach: AWS's own, then the
// account's.
func gains(acct *estate.Account) []gain {
	aws := "arn:" + acct.Partition + ":iam::aws:policy/"
	list := []gain{{aws + "AdministratorAccess", everything}, {aws + "AmazonBedrockFullAccess", limitedAccess}, {aws + "AmazonBedrockLimitedAccess", limitedAccess}}
	var own []gain
	for arn, d := range acct.Policies {
		if awsiam.AccountOf(arn) == acct.ID && mentions(d, rights.InvokeActions[0]) {
			own = append(own, gain{arn, d})
		}
	}
	slices.SortFunc(own, func(x, y gain) int { return strings.Compare(x.arn, y.arn) })
	return append(list, own[:min(len(own), mostGains)]...)
}

// mostGains bounds how many of an account's policies are tried.
const mostGains = 32

// writeActions change what a user or role may do.
func writeActions() []string {
	return []string{"iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutGroupPolicy", "iam:AttachGroupPolicy",
		"iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:AddUserToGroup",
		"iam:DeleteUserPermissionsBoundary", "iam:PutUserPermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"}
}

// kindName is how the actions of IAM call a kind of principal.
func kindName(p *estate.Principal) string {
	if p.Kind == estate.User {
		return "User"
	}
	return "Role"
}

// change is one way to change the rights of a principal.
type change struct {
	by     string
	check  rights.Check
	doc    *awsiam.Document // that it comes to have
	drop   *awsiam.Document // that it no longer has
	doubt  string
	bounds bool // it changes the boundary: to none
}

// apply is the case of a principal after the change.
func (ch change) apply(c *rights.Case) {
	if ch.bounds {
		c.Layers.Boundary = nil
		return
	}
	kept := slices.DeleteFunc(slices.Clone(c.Layers.Identity), func(d *awsiam.Document) bool { return d == ch.drop })
	c.Layers.Identity = append(kept, ch.doc)
}

// changes are the ways in which one principal may change what another, or it
// itself, may do, as far as its own policies speak of them.
func (f *pathfinder) changes(act *actor, target *estate.Principal) (list []change) {
	kind := kindName(target)
	put := func(action, resource string) {
		if act.touches(action, resource) {
			list = append(list, change{by: action, check: f.onIAM(act.p, action, resource), doc: everything})
		}
	}
	attach := func(action, resource string) {
		if !act.touches(action, resource) {
			return
		}
		for _, g := range f.written[target.Account].gains {
			k := f.onIAM(act.p, action, resource)
			k.Known.Set("iam:PolicyARN", awsiam.One(g.arn))
			list = append(list, change{by: action, check: k, doc: g.doc})
		}
	}
	put("iam:Put"+kind+"Policy", target.ARN)
	attach("iam:Attach"+kind+"Policy", target.ARN)
	for _, name := range target.Groups {
		group := "arn:" + target.Account.Partition + ":iam::" + target.Account.ID + ":group/" + name
		put("iam:PutGroupPolicy", group)
		attach("iam:AttachGroupPolicy", group)
	}
	for i := range list {
		if list[i].check.Resource == target.ARN {
			tagged(&list[i].check, target)
		}
	}
	list = append(list, f.versions(act, target)...)
	return append(list, f.joins(act, target)...)
}

// versions are the changes of managed policies that hang on a principal.
func (f *pathfinder) versions(act *actor, target *estate.Principal) (list []change) {
	for _, arn := range target.Attached {
		if awsiam.AccountOf(arn) != target.Account.ID {
			continue
		}
		doc := target.Account.Policies[arn]
		for action, doubt := range map[string]string{"iam:CreatePolicyVersion": "", "iam:SetDefaultPolicyVersion": "what the other versions of " + arn + " allow is not known"} {
			if act.touches(action, arn) {
				list = append(list, change{by: action, check: f.onIAM(act.p, action, arn), doc: everything, drop: doc, doubt: doubt})
			}
		}
	}
	slices.SortFunc(list, func(x, y change) int { return strings.Compare(x.by+x.check.Resource, y.by+y.check.Resource) })
	return list
}

// joins are the groups that a user can be put into, by the inline policies that
// they are known to have.
func (f *pathfinder) joins(act *actor, target *estate.Principal) (list []change) {
	if target.Kind != estate.User || !act.may("iam:AddUserToGroup") {
		return nil
	}
	for _, g := range f.written[target.Account].groups {
		if !slices.Contains(target.Identity, g.doc) && act.touches("iam:AddUserToGroup", g.arn) {
			list = append(list, change{by: "iam:AddUserToGroup", check: f.onIAM(act.p, "iam:AddUserToGroup", g.arn), doc: g.doc})
		}
	}
	return list
}

// groups are the policies of an account's groups that let models be invoked:
// those that stand in the group, as their name says, and those that all its
// members have.
func groups(acct *estate.Account) (list []gain) {
	members := map[string][]*estate.Principal{}
	for _, p := range acct.Principals {
		for _, g := range p.Groups {
			members[g] = append(members[g], p)
		}
	}
	prefix := "arn:" + acct.Partition + ":iam::" + acct.ID + ":group/"
	for name, of := range members {
		for _, d := range of[0].Identity {
			inside := strings.HasPrefix(d.Name, prefix)
			if inside && !strings.Contains(d.Name, "/"+name+" ") || !mentions(d, rights.InvokeActions[0]) {
				continue
			}
			if !slices.ContainsFunc(of, func(p *estate.Principal) bool { return !slices.Contains(p.Identity, d) }) && (inside || len(of) > 1) {
				list = append(list, gain{prefix + name, d})
			}
		}
	}
	slices.SortFunc(list, func(x, y gain) int { return strings.Compare(x.arn+x.doc.Name, y.arn+y.doc.Name) })
	return list
}

// unbinds are the ways to take away the boundary of a principal.
func (f *pathfinder) unbinds(act *actor, target *estate.Principal) (list []change) {
	if target.Boundary == nil || f.Estate.Boundary != nil {
		return nil
	}
	kind := kindName(target)
	for _, action := range []string{"iam:Delete" + kind + "PermissionsBoundary", "iam:Put" + kind + "PermissionsBoundary"} {
		k := f.onPrincipal(act.p, action, target)
		if strings.HasPrefix(action, "iam:Put") {
			k.Known.Set("iam:PermissionsBoundary", awsiam.One("arn:"+target.Account.Partition+":iam::aws:policy/AdministratorAccess"))
		}
		list = append(list, change{by: action, check: k, bounds: true})
	}
	if awsiam.AccountOf(target.BoundaryARN) == target.Account.ID {
		list = append(list, change{by: "iam:CreatePolicyVersion", check: f.onIAM(act.p, "iam:CreatePolicyVersion", target.BoundaryARN), bounds: true})
	}
	return list
}

// rewrites are the ways in which somebody who is, or becomes, a principal
// changes what that one may do until it can do what is asked.
func (f *pathfinder) rewrites(act *actor, target *estate.Principal, before []Hop) (out []ending) {
	for _, ch := range f.changes(act, target) {
		out = appendEnding(out, f.rewrite(act, target, before, ch), before)
	}
	for _, ch := range f.unbinds(act, target) {
		if act.may(ch.by) {
			out = appendEnding(out, f.rewrite(act, target, before, ch), before)
		}
	}
	if len(out) == 0 && target == act.p {
		out = f.both(act)
	}
	return out
}

func appendEnding(out []ending, e *ending, before []Hop) []ending {
	if e == nil || slices.ContainsFunc(out, func(x ending) bool { return x.hops[len(before)].By == e.hops[len(before)].By }) {
		return out
	}
	return append(out, *e)
}

// rewrite is what one change comes to.
func (f *pathfinder) rewrite(act *actor, target *estate.Principal, before []Hop, ch change) *ending {
	hop, ok := hopOf(PolicyEdge, act.p.ARN, target.ARN, ch.by, f.may(act.p, ch.check))
	if !ok {
		return nil
	}
	end := f.goal.with(target, ch.apply)
	if !end.Decision.Can() {
		return nil
	}
	return endingOf(slices.Concat(before, []Hop{doubted(hop, ch.doubt)}), end)
}

// both is a policy and then the boundary of one's own, where either alone is
// not enough.
func (f *pathfinder) both(act *actor) []ending {
	for _, ch := range f.changes(act, act.p) {
		hop, ok := hopOf(PolicyEdge, act.p.ARN, act.p.ARN, ch.by, f.may(act.p, ch.check))
		if !ok {
			continue
		}
		for _, un := range f.unbinds(act, act.p) {
			c := f.Case(act.p, []rights.Check{un.check}, nil)
			ch.apply(c)
			next, ok := hopOf(PolicyEdge, act.p.ARN, act.p.ARN, un.by, rights.Solve(f.universe(), c))
			if !ok {
				continue
			}
			end := f.goal.with(act.p, func(c *rights.Case) { ch.apply(c); un.apply(c) })
			if end.Decision.Can() {
				return []ending{*endingOf([]Hop{doubted(hop, ch.doubt), next}, end)}
			}
		}
	}
	return nil
}

func endingOf(hops []Hop, end rights.Answer) *ending {
	end = weakened(end, hops)
	return &ending{hops: hops, end: end, sure: end.Decision != rights.Undetermined}
}
