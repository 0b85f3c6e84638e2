package analyse

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// step is a way in which one principal comes to the rights of another.
type step struct {
	find     func(f *pathfinder, act *actor, to *node) (Hop, bool)
	actions  []string // one of which the principal's own policies allow; none: whatever they are
	possible bool     // never certain
	trusted  bool     // it takes a trust policy that lets the principal in
}

// steps are the ways, in the order in which they are looked for.
func steps() []step {
	return []step{
		{find: (*pathfinder).assumes, trusted: true},
		{find: (*pathfinder).use, actions: workerActions()},
		{find: (*pathfinder).pass, actions: []string{passRole}},
		{find: (*pathfinder).credential, actions: credentialActions},
		{find: (*pathfinder).apiKey, actions: []string{createServiceCredential}},
		{find: (*pathfinder).retrust, actions: []string{updateTrust}},
		{find: (*pathfinder).provide, actions: []string{updateProvider}},
		{find: (*pathfinder).useUnknown, actions: workerActions(), possible: true},
		{find: (*pathfinder).enter, actions: actionsIn(running), possible: true},
	}
}

// leadingActions are all actions that lead on, kind by kind.
func leadingActions() [][]string {
	return [][]string{
		{assumeRole, passRole, createServiceCredential, updateTrust, updateProvider, "iam:CreateRole", "iam:CreateUser", "iam:AddUserToGroup", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"},
		credentialActions, workerActions(), actionsIn(passed), actionsIn(running), writeActions(), doorActions(),
	}
}

func actionsIn(list []service) (actions []string) {
	for _, s := range list {
		actions = append(actions, actionsOfAll(s.runs)...)
	}
	return actions
}

func workerActions() (actions []string) {
	for _, k := range workerKinds {
		actions = append(actions, actionsOfAll(k.runs)...)
	}
	return actions
}

func actionsOfAll(list []recipe) (actions []string) {
	for _, r := range list {
		for _, c := range r {
			actions = append(actions, c.action)
		}
	}
	return actions
}

// assumes is the hop of assuming a role.
func (f *pathfinder) assumes(act *actor, to *node) (Hop, bool) {
	if to.p.Kind != estate.Role || !mayAssume(act.p, to.p, act.assumes && act.touches(assumeRole, to.p.ARN)) {
		return Hop{}, false
	}
	return hopOf(AssumeEdge, act.p.ARN, to.p.ARN, assumeRole, f.may(act.p, f.becoming(to.p, nil)))
}

const (
	createServiceCredential = "iam:CreateServiceSpecificCredential"
	updateTrust             = "iam:UpdateAssumeRolePolicy"
	updateProvider          = "iam:UpdateSAMLProvider"
)

// credentialActions give out or replace what a user signs in with.
var credentialActions = []string{"iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"}

// credential is the hop of making a credential for another user.
func (f *pathfinder) credential(act *actor, to *node) (Hop, bool) {
	if to.p.Kind != estate.User || to.p == act.p || to.p.Account != act.p.Account {
		return Hop{}, false
	}
	for _, action := range credentialActions {
		doubt, ok := f.password(to.p, action)
		if !ok || !act.touches(action, to.p.ARN) {
			continue
		}
		if hop, ok := hopOf(CredentialEdge, act.p.ARN, to.p.ARN, action, f.may(act.p, f.onPrincipal(act.p, action, to.p))); ok {
			return doubted(hop, doubt), true
		}
	}
	return Hop{}, false
}

// password says whether an action on a user's password can succeed: one is
// created only where there is none, and changed only where there is one.
func (f *pathfinder) password(p *estate.Principal, action string) (doubt string, ok bool) {
	if action == "iam:CreateAccessKey" {
		return "", true
	}
	if f.Estate.Credentials != nil {
		if u := f.Estate.Credentials.Of(p); u != nil && u.Reported {
			return "", u.Password == (action == "iam:UpdateLoginProfile")
		}
	}
	return "whether the user has a password, the input does not say (--credentials does)", true
}

// bedrockService is what a Bedrock API key's service is called.
const bedrockService = "bedrock.amazonaws.com"

// apiKey is the hop of making a Bedrock API key for another user: it is worth
// what the user may do with a key.
func (f *pathfinder) apiKey(act *actor, to *node) (Hop, bool) {
	if to.p.Kind != estate.User || to.p == act.p || to.depth > 0 || to.p.Account != act.p.Account || !act.touches(createServiceCredential, to.p.ARN) {
		return Hop{}, false
	}
	k := f.onPrincipal(act.p, createServiceCredential, to.p)
	k.Known.Set("iam:ServiceSpecificCredentialServiceName", awsiam.One(bedrockService))
	return hopOf(CredentialEdge, act.p.ARN, to.p.ARN, createServiceCredential, f.may(act.p, k), f.bearer(to.p))
}

// bearer decides whether a user may use a long-term Bedrock API key at all.
func (a *Analysis) bearer(p *estate.Principal) rights.Answer {
	k := a.deed(p, "bedrock:CallWithBearerToken", noResource, defaultRegion)
	k.Known.Set("bedrock:BearerTokenType", awsiam.One("LONG_TERM"))
	return a.may(p, k)
}

// retrust is the hop of writing oneself into a role's trust policy and then
// assuming it.
func (f *pathfinder) retrust(act *actor, to *node) (Hop, bool) {
	if to.p.Kind != estate.Role || to.p == act.p || to.p.Account != act.p.Account || !act.touches(updateTrust, to.p.ARN) {
		return Hop{}, false
	}
	ans := f.may(act.p, f.onPrincipal(act.p, updateTrust, to.p), f.becoming(to.p, naming(act.p)))
	return hopOf(TrustEdge, act.p.ARN, to.p.ARN, updateTrust+" + "+assumeRole, ans)
}

// namingName is how the names of trust policies begin that somebody would write.
const namingName = "the trust policy that names "

// naming is a trust policy that names one principal.
func naming(p *estate.Principal) *awsiam.Document {
	return &awsiam.Document{Name: namingName + p.ARN, Version: "2012-10-17", Statements: []awsiam.Statement{{
		Effect: awsiam.Allow, Actions: everything.Statements[0].Actions, Principal: &awsiam.Principals{AWS: []string{p.ARN}},
	}}}
}

// provide is the hop of putting one's own keys into a SAML provider and then
// signing in as whom it vouches for.
func (f *pathfinder) provide(act *actor, to *node) (Hop, bool) {
	if to.p.Kind != estate.Role || to.p.Account != act.p.Account || to.p.Trust == nil {
		return Hop{}, false
	}
	for _, provider := range federatedIn(to.p.Trust) {
		if !strings.Contains(provider, ":saml-provider/") || awsiam.AccountOf(provider) != act.p.Principal.Account || !act.touches(updateProvider, provider) {
			continue
		}
		in := f.enters(to.p, awsiam.Principal{Federated: provider, Account: awsiam.AccountOf(provider)}, "sts:AssumeRoleWithSAML", nil)
		if hop, ok := hopOf(TrustEdge, act.p.ARN, to.p.ARN, updateProvider+" + sts:AssumeRoleWithSAML", f.may(act.p, f.onIAM(act.p, updateProvider, provider)), in); ok {
			return hop, true
		}
	}
	return Hop{}, false
}

// federatedIn are the providers that a trust policy names.
func federatedIn(trust *awsiam.Document) (providers []string) {
	for i := range trust.Statements {
		s := &trust.Statements[i]
		if s.Effect == awsiam.Deny || s.Principal == nil {
			continue
		}
		for _, p := range s.Principal.Federated {
			if !slices.Contains(providers, p) {
				providers = append(providers, p)
			}
		}
	}
	return providers
}
