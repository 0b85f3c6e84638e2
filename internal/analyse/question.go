package analyse

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Question asks for an action on a resource. A model or profile makes it the
// question of a whole invocation, with every leg.
type Question struct {
	Action   string         // IAM action, or an operation such as Converse
	Resource string         // ARN, or the id of a model or profile; "*" for actions without one
	Region   string         // called; empty: the ARN's, or us-east-1 for a bare id
	Known    awsiam.Context // condition keys that are given
}

// Checks are what AWS asks for a question when the caller is in an account.
type Checks struct {
	List []rights.Check
	// Doubt says why the checks are not known, such as a profile whose
	// destinations no input names; then List is what is known of them.
	Doubt string
}

// permission is the IAM action behind an operation's name, or the action itself.
// Converse and its like have no action of their own.
func permission(action string) string {
	name := action
	if service, n, ok := strings.Cut(action, ":"); ok {
		if !strings.EqualFold(service, "bedrock") {
			return action
		}
		name = n
	}
	if strings.EqualFold(name, "InvokeModelWithBidirectionalStream") { // not served here, and authorised alike
		return bedrock.InvokeModel.Permission()
	}
	for _, o := range bedrock.Operations() {
		if strings.EqualFold(string(o), name) {
			return o.Permission()
		}
	}
	if !strings.Contains(action, ":") {
		return "bedrock:" + action
	}
	return action
}

// operationOf is an operation that an action authorises.
func operationOf(action string) (bedrock.Operation, bool) {
	for _, o := range []bedrock.Operation{bedrock.InvokeModel, bedrock.InvokeModelWithResponseStream, bedrock.CountTokens} {
		if strings.EqualFold(o.Permission(), action) {
			return o, true
		}
	}
	return "", false
}

// Checks resolves a question for a caller in an account. Its error says that
// the question cannot be asked.
func (a *Analysis) Checks(q Question, account string) (Checks, error) {
	action := permission(q.Action)
	if strings.ContainsAny(action, "*?") {
		return Checks{}, fmt.Errorf("action %q holds a wildcard: ask for one action", q.Action)
	}
	op, invokes := operationOf(action)
	if !invokes {
		return a.single(action, q.Resource, q.Region)
	}
	ref, err := bedrock.ParseModelID(q.Resource)
	if err != nil {
		return a.single(action, q.Resource, q.Region)
	}
	return a.invocation(op, ref, q, account)
}

// invocation resolves the legs of a call to a model or profile.
func (a *Analysis) invocation(op bedrock.Operation, ref bedrock.ModelRef, q Question, account string) (Checks, error) {
	region := cmp.Or(ref.Region, q.Region, defaultRegion)
	if !ref.Bare() && ref.Account != "" && ref.Account != account {
		return a.single(op.Permission(), q.Resource, region)
	}
	legs, err := rights.Legs(rights.Invocation{Operation: op, ModelID: q.Resource, Region: region, Account: account, Partition: ref.Partition}, a.Catalogue)
	if err == nil {
		return Checks{List: rights.ChecksOf(a.Facts, legs)}, nil
	}
	if ref.Bare() {
		return Checks{}, fmt.Errorf("%w%s; an ARN can be asked about whether it is listed or not", err, a.Catalogue.Suggest(q.Resource))
	}
	resource := ref.ARN(region, account)
	if ref.Kind == bedrock.MarketplaceEndpointRef {
		resource = strings.Replace(resource, ":sagemaker:", ":bedrock:", 1)
		resource = resource[:strings.LastIndexByte(resource, ':')+1] + "marketplace/model-endpoint/all-access"
	}
	one, _ := a.single(op.Permission(), resource, region)
	if leadsOn(ref.Kind) {
		one.Doubt = err.Error()
	}
	return one, nil
}

// leadsOn reports whether a kind of resource leads on to models, which are checked
// too. What an account runs itself is one check, whatever is behind it.
func leadsOn(kind bedrock.RefKind) bool {
	switch kind {
	case bedrock.FoundationRef, bedrock.ProvisionedRef, bedrock.CustomDeploymentRef, bedrock.ImportedRef, bedrock.MarketplaceEndpointRef:
		return false
	}
	return true
}

// defaultRegion is where a bare model id is called when nobody says.
const defaultRegion = "us-east-1"

// single is one check, as AWS makes it for everything that is no invocation.
func (a *Analysis) single(action, resource, region string) (Checks, error) {
	if strings.ContainsAny(resource, "?*") && resource != "*" {
		return Checks{}, fmt.Errorf("resource %q holds a wildcard: ask for one resource", resource)
	}
	if resource != "*" && (!strings.HasPrefix(resource, "arn:") || strings.Count(resource, ":") < 5) {
		return Checks{}, fmt.Errorf("resource %q is neither an ARN nor a model or profile that the catalogue knows%s", resource, a.Catalogue.Suggest(resource))
	}
	if r := regionIn(resource); r != "" {
		region = r
	}
	k := rights.CheckOf(a.Facts, rights.Leg{Action: action, Resource: resource, Region: cmp.Or(region, defaultRegion)}, "")
	if regionless(resource) {
		k.Known.Set("aws:RequestedRegion", awsiam.One(rights.UnspecifiedRegion))
	}
	if strings.Contains(resource, "::foundation-model/") {
		// Through which profile the model is reached, the question leaves open.
		delete(k.Known, awsiam.Key("bedrock:InferenceProfileArn"))
		if !regionless(resource) {
			k.Known.Set("bedrock:InferenceProfileArn", awsiam.Value{})
		}
	}
	return Checks{List: []rights.Check{k}}, nil
}

func regionIn(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

// regionless reports whether an ARN is that of a global profile's model.
func regionless(arn string) bool {
	return strings.HasPrefix(arn, "arn:") && strings.Contains(arn, ":bedrock:::foundation-model/")
}

// bind gives every check what binds its resource: the resource's policy, and
// the RCPs of the account that owns it, if they bind its service.
func (a *Analysis) bind(checks []rights.Check, acct *estate.Account) []rights.Check {
	out := slices.Clone(checks)
	for i := range out {
		k := &out[i]
		owner := acct
		if k.Account != "" && k.Account != acct.ID {
			owner = a.Estate.Account(k.Account)
		}
		if strings.HasPrefix(strings.ToLower(k.Action), "sts:assumerole") {
			*k = a.assuming(k)
			continue
		}
		if owner == nil {
			continue
		}
		if k.Policy == nil {
			k.Policy = owner.Resource[k.Resource]
		}
		if k.Policy == nil && i == 0 {
			k.Policy = owner.Resource[""]
		}
		service, _, _ := strings.Cut(k.Action, ":")
		if k.Account != "" && a.Facts.RCP(service) == awsiam.True {
			k.RCPs = owner.RCPs
		}
	}
	return out
}

// assuming is the check of assuming a role, which its trust policy has to allow:
// that of a role that the input does not hold is not known.
func (a *Analysis) assuming(k *rights.Check) rights.Check {
	role := a.Estate.Principal(k.Resource)
	if role == nil || role.Kind != estate.Role {
		out := *k
		out.Trust, out.Policy = true, &awsiam.Document{Name: "trust policy of " + k.Resource, Doubt: "it is not in the input"}
		return out
	}
	out := a.becoming(role, nil)
	out.Action = k.Action
	return out
}
