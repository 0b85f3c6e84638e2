package analyse

import (
	"cmp"
	"maps"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// endings are the ways of a principal to the goal that end in no other
// principal's own right: by what it writes, by whom it makes, by another door.
// They are looked for once, shorter ones first.
func (f *pathfinder) endings(act *actor) []ending {
	if act.ended {
		return act.endings
	}
	act.ended = true
	if act.mayAny(writeActions()) {
		act.endings = append(act.endings, f.rewrites(act, act.p, nil)...)
		act.endings = append(act.endings, f.others(act)...)
	}
	act.endings = append(act.endings, f.creations(act)...)
	act.endings = append(act.endings, f.doors(act)...)
	slices.SortStableFunc(act.endings, func(x, y ending) int {
		return cmp.Or(len(x.hops)-len(y.hops), certainty(y.end.Decision)-certainty(x.end.Decision))
	})
	return act.endings
}

// mostOthers bounds how many principals are tried whose policies may be written
// and whom one can become.
const mostOthers = 16

// others are the ways through a principal that one can become and whose policies
// one can write. One is enough: another adds nothing.
func (f *pathfinder) others(act *actor) []ending {
	tried := 0
	for _, p := range act.p.Account.Principals {
		if p == act.p || p.ServiceLinked || tried >= mostOthers || f.ctx.Err() != nil {
			continue
		}
		kind := kindName(p)
		if !act.touches("iam:Put"+kind+"Policy", p.ARN) && !act.touches("iam:Attach"+kind+"Policy", p.ARN) && !slices.ContainsFunc(p.Attached, func(arn string) bool { return act.touches("iam:CreatePolicyVersion", arn) }) {
			continue
		}
		hop, ok := f.becomes(act, p)
		if !ok {
			continue
		}
		tried++
		if list := f.rewrites(act, p, []Hop{hop}); len(list) > 0 {
			return list[:1]
		}
	}
	return nil
}

// becomes is the hop into a principal's rights, whatever those are.
func (f *pathfinder) becomes(act *actor, p *estate.Principal) (Hop, bool) {
	to := &node{p: p, depth: 1}
	for _, find := range []func(*actor, *node) (Hop, bool){f.assumes, f.credential, f.retrust} {
		if hop, ok := find(act, to); ok {
			return hop, true
		}
	}
	return Hop{}, false
}

// creation is a way to make a principal of one's own.
type creation struct {
	kind    estate.Kind
	form    string
	create  string
	grants  []string // one of which gives it rights
	becomes string
}

var creationWays = []creation{
	{estate.Role, arnHead + "iam::{account}:role/?*", "iam:CreateRole", []string{"iam:PutRolePolicy", "iam:AttachRolePolicy"}, assumeRole},
	{estate.User, arnHead + "iam::{account}:user/?*", "iam:CreateUser", []string{"iam:PutUserPolicy", "iam:AttachUserPolicy"}, "iam:CreateAccessKey"},
	{estate.User, arnHead + "iam::{account}:user/?*", "iam:CreateUser", []string{"iam:PutUserPolicy", "iam:AttachUserPolicy"}, createServiceCredential},
}

// creations are the ways through a principal that one makes, gives rights and
// becomes.
func (f *pathfinder) creations(act *actor) (out []ending) {
	for _, w := range creationWays {
		if !act.may(w.create) {
			continue
		}
		for _, grant := range w.grants {
			if e := f.created(act, w, grant); e != nil {
				out = append(out, *e)
				break
			}
		}
	}
	return out
}

// created is one way, for the first name that can be taken.
func (f *pathfinder) created(act *actor, w creation, grant string) *ending {
	if !act.may(grant) {
		return nil
	}
	for _, arn := range f.fits(act.p, []string{w.create, grant, w.becomes}, w.form, f.regions[:1]) {
		if act.p.Account.Principal(arn) != nil { // that name is taken
			arn += "-2"
		}
		for _, g := range f.granted(act.p.Account, grant) {
			ans := f.may(act.p, f.making(act.p, w, grant, arn, g)...)
			hop, ok := hopOf(PolicyEdge, act.p.ARN, arn, w.create+" + "+grant+" + "+w.becomes, ans)
			if !ok {
				continue
			}
			fresh := f.fresh(act.p, w.kind, arn)
			if end := f.goal.with(fresh, func(c *rights.Case) { c.Layers.Identity = []*awsiam.Document{g.doc} }); end.Decision.Can() {
				return endingOf([]Hop{hop}, end)
			}
		}
	}
	return nil
}

// granted are the policies that a way of granting can give.
func (f *pathfinder) granted(acct *estate.Account, grant string) []gain {
	if grant == "iam:PutRolePolicy" || grant == "iam:PutUserPolicy" {
		return []gain{{doc: everything}}
	}
	return f.written[acct].gains
}

// making is the checks of making a principal without a boundary, giving it a
// policy and becoming it.
func (f *pathfinder) making(p *estate.Principal, w creation, grant, arn string, g gain) []rights.Check {
	create, give := f.onIAM(p, w.create, arn), f.onIAM(p, grant, arn)
	create.Known.Set("iam:PermissionsBoundary", awsiam.Value{})
	give.Known.Set("iam:PermissionsBoundary", awsiam.Value{})
	if g.arn != "" {
		give.Known.Set("iam:PolicyARN", awsiam.One(g.arn))
	}
	become := f.onIAM(p, w.becomes, arn)
	switch w.becomes {
	case assumeRole:
		become = f.becoming(f.fresh(p, w.kind, arn), naming(p))
	case createServiceCredential:
		become.Known.Set("iam:ServiceSpecificCredentialServiceName", awsiam.One(bedrockService))
	}
	return []rights.Check{create, give, become}
}

// fresh is a principal that somebody makes.
func (f *pathfinder) fresh(by *estate.Principal, kind estate.Kind, arn string) *estate.Principal {
	return &estate.Principal{Principal: awsiam.Principal{ARN: arn, Account: by.Principal.Account}, Kind: kind, Name: arn[len(arn)-1:], Path: "/", Account: by.Account}
}

// door is another surface that calls models.
type door struct {
	action, form string
	model        string // condition key that names the model
	doubt        string // why it may be none
	provider     string // whose models alone; empty: of several
}

// otherDoors are the surfaces beside bedrock-runtime, none of which a statement
// about bedrock:InvokeModel binds.
var otherDoors = []door{
	{action: "bedrock-mantle:CreateInference", form: arnHead + "bedrock-mantle" + here + "project/?*", model: "bedrock-mantle:Model"},
	{action: "aws-external-anthropic:CreateInference", form: arnHead + "aws-external-anthropic" + here + "workspace/?*", provider: "anthropic",
		doubt: "whether the account has subscribed to the Claude Platform, the input does not say"},
	{action: "bedrock-agentcore:InvokeGateway", form: agentGateway, doubt: "whether a gateway has a model as its target, the input does not say"},
	{action: "sagemaker:InvokeEndpoint", form: arnHead + "sagemaker" + here + "endpoint/?*", doubt: "which models the account's endpoints serve, the input does not say"},
	{action: "bedrock:InvokeInlineAgent", form: noResource, doubt: "whose rights the model of an inline agent is checked on, AWS does not say"},
}

func doorActions() (actions []string) {
	for _, d := range otherDoors {
		actions = append(actions, d.action)
	}
	return actions
}

// doors are the other surfaces that a principal may call.
func (f *pathfinder) doors(act *actor) (out []ending) {
	for i := range otherDoors {
		if d := &otherDoors[i]; act.may(d.action) && f.serves(d) {
			if e := f.opens(act, d); e != nil {
				out = append(out, *e)
			}
		}
	}
	return out
}

// serves reports whether a door may lead to the model that is asked about.
func (f *pathfinder) serves(d *door) bool {
	if d.provider == "" || f.goal.model == "" {
		return true
	}
	m, ok := f.Catalogue.Model(f.goal.model)
	return !ok || m.Provider == d.provider
}

func (f *pathfinder) opens(act *actor, d *door) *ending {
	done := f.run(act.p, &recipe{{d.action, d.form}}, f.regions)
	ans, doubt := done.answer, d.doubt
	if !ans.Decision.Can() {
		return nil
	}
	if d.model != "" && f.goal.model != "" {
		k := done.checks[0]
		k.Known = maps.Clone(k.Known)
		k.Known.Set(d.model, awsiam.One(f.goal.model))
		ans, doubt = f.may(act.p, k), cmp.Or(doubt, "whether it serves "+f.goal.model+", the catalogue does not say")
	}
	hop, ok := hopOf(DoorEdge, act.p.ARN, done.checks[0].Resource, d.action, ans)
	if !ok {
		return nil
	}
	return endingOf([]Hop{doubted(hop, doubt)}, ans)
}
