package rights

import (
	"fmt"

	"github.com/writ-project/writ/internal/bedrock"
)

// Invocation is a call to a model as far as its legs depend on it.
type Invocation struct {
	Operation bedrock.Operation
	// ModelID is as the caller named it, percent-decoded; for GetAsyncInvoke,
	// as who started the invocation named it.
	ModelID string
	// Target is the ARN of the asynchronous invocation named; empty: any.
	Target    string
	Region    string // the region called
	Account   string // the account whose rights the call uses; twelve digits
	Partition string // empty means the region's
	Caps      bedrock.Capabilities
}

// UnresolvedError says that an invocation cannot be turned into legs, and is
// therefore refused before any policy is asked (security S1, S3).
type UnresolvedError struct {
	ModelID string // as the caller named it; empty when the call invokes none
	Reason  string // what is wrong
	Hint    string // what would help; may be empty
}

func (e *UnresolvedError) Error() string {
	if e.ModelID == "" {
		return "resolving the call: " + e.Reason
	}
	return fmt.Sprintf("resolving model %.120q: %s", e.ModelID, e.Reason)
}

// The IAM actions that legs check
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html).
const (
	actionApplyGuardrail = "bedrock:ApplyGuardrail"
	actionInvokeTool     = "bedrock:InvokeTool"
	actionReadObject     = "s3:GetObject"
	actionUseKey         = "kms:GenerateDataKey"
	actionOpenKey        = "kms:Decrypt"
	actionWriteObject    = "s3:PutObject"
	actionTag            = "bedrock:TagResource"
)

// Legs resolves an invocation into the checks it stands on: the profile, the
// model in the region called, the model in every region the call may be routed
// to, and every guardrail, system tool, object and key that the body names.
// All of them must be allowed for the invocation to be.
//
// The order is stable: profile, source, destinations as listed, then what the
// body names, in its order. No leg occurs twice: a destination that is the
// region called is its source leg. Whatever cannot be resolved exactly is an
// *UnresolvedError: an ARN that the catalogue does not list, a profile whose
// destinations from the region are unknown, another account or region.
func Legs(inv Invocation, cat *bedrock.Catalogue) ([]Leg, error) {
	r := resolver{Invocation: inv, cat: cat, action: inv.Operation.Permission()}
	if !inv.Operation.Known() {
		return nil, r.refuse(fmt.Sprintf("%.64q is no operation that Writ serves", inv.Operation), "")
	}
	if err := r.place(); err != nil {
		return nil, err
	}
	if inv.Operation.Invokes() {
		if err := r.invoked(); err != nil {
			return nil, err
		}
	}
	if err := r.async(); err != nil {
		return nil, err
	}
	if inv.Operation == bedrock.ApplyGuardrail {
		if err := r.applied(); err != nil {
			return nil, err
		}
	}
	if err := r.named(); err != nil {
		return nil, err
	}
	return r.legs, nil
}

// resolver gathers the legs of one invocation.
type resolver struct {
	Invocation
	cat    *bedrock.Catalogue
	action string
	legs   []Leg
}

func (r *resolver) refuse(reason, hint string) error {
	return &UnresolvedError{ModelID: r.ModelID, Reason: reason, Hint: hint}
}

// place checks where the call is made, and fills in the partition.
func (r *resolver) place() error {
	switch {
	case !bedrock.ValidRegion(r.Region):
		return r.refuse(fmt.Sprintf("the region called, %q, is not one", r.Region), "")
	case !bedrock.ValidAccount(r.Account):
		return r.refuse(fmt.Sprintf("the account, %q, is not twelve digits", r.Account), "configure the AWS account that calls are made in")
	case r.Partition == "":
		r.Partition = bedrock.PartitionOf(r.Region)
	case r.Partition != bedrock.PartitionOf(r.Region):
		return r.refuse(fmt.Sprintf("region %s is not in partition %q", r.Region, r.Partition), "")
	}
	return nil
}

// sameHome refuses a resource outside the partition, region or account of the
// call. An empty account is a foundation model's.
func (r *resolver) sameHome(what, partition, region, account string) error {
	switch {
	case partition != r.Partition:
		return r.refuse(fmt.Sprintf("%s is in partition %s, the call in %s", what, partition, r.Partition), "")
	case region != r.Region:
		return r.refuse(fmt.Sprintf("%s is in region %s, the call in %s", what, region, r.Region), "call that region's endpoint")
	case account != "" && account != r.Account:
		return r.refuse(fmt.Sprintf("%s is in account %s, the call in another", what, account), "")
	}
	return nil
}

// invoked adds the legs of what the call invokes.
func (r *resolver) invoked() error {
	ref, err := bedrock.ParseModelID(r.ModelID)
	if err != nil {
		return r.refuse(err.Error(), "")
	}
	if !ref.Bare() {
		if err := r.sameHome("the ARN", ref.Partition, ref.Region, ref.Account); err != nil {
			return err
		}
	}
	if r.Operation.Direct() {
		if err := r.direct(ref); err != nil {
			return err
		}
	}
	return r.model(ref)
}

// direct refuses whatever is not a foundation model, and names the one behind a
// profile.
func (r *resolver) direct(ref bedrock.ModelRef) error {
	p, profile := r.cat.Profile(ref.CatalogueID())
	if ref.Kind == bedrock.FoundationRef && !profile {
		return nil
	}
	hint := "name the foundation model itself"
	if p.Model != "" {
		hint = fmt.Sprintf("name the model behind it, %s", p.Model)
	}
	return r.refuse(fmt.Sprintf("%s takes a foundation model only", r.Operation), hint)
}

// applied checks that a guardrail is applied on its own by a fixed version:
// what DRAFT checks can change after it was approved (security S4).
func (r *resolver) applied() error {
	switch g := r.Caps.Guardrail; {
	case g == nil || g.ID == "":
		return r.refuse("no guardrail is named", "")
	case !only(g.Version, 8, digits):
		return r.refuse(fmt.Sprintf("version %.20q of the guardrail is not a number: what it checks can change after it was approved", g.Version),
			"create a version of the guardrail and name its number")
	}
	return nil
}

// model adds the legs of the model or profile that the call names.
func (r *resolver) model(ref bedrock.ModelRef) error {
	id := ref.CatalogueID()
	switch ref.Kind {
	case bedrock.PromptRef:
		return r.refuse("a managed prompt chooses the model inside it", "call the model itself")
	case bedrock.CustomModelRef:
		return r.refuse("a custom model runs through a deployment or provisioned throughput", "name that ARN instead")
	case bedrock.FoundationRef, bedrock.ProfileRef:
		if p, ok := r.cat.Profile(id); ok && (ref.Bare() || ref.Kind == bedrock.ProfileRef) {
			return r.profile(p, "arn:"+r.Partition+":bedrock:"+r.Region+":"+r.Account+":inference-profile/"+id)
		}
		if m, ok := r.cat.Model(id); ok && ref.Kind == bedrock.FoundationRef {
			r.add(Leg{Kind: SourceLeg, Action: r.action, Resource: r.foundation(r.Region, m.ID), Region: r.Region, Model: m.ID})
			return nil
		}
		return r.unlisted(id)
	case bedrock.ApplicationProfileRef, bedrock.PromptRouterRef, bedrock.DefaultPromptRouterRef:
		if p, ok := r.cat.Profile(id); ok {
			return r.profile(p, id)
		}
		return r.refuse("the catalogue does not list this profile", "`writ apply` a Profile with its model and destinations")
	}
	return r.custom(ref, id)
}

func (r *resolver) unlisted(id string) error {
	hint := "`writ apply` a Model or a Profile for it"
	if near := r.cat.Near(id); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return r.refuse("the catalogue does not list it", hint)
}

// foundation is a foundation model's ARN; an empty region is the region-less
// model of a global profile.
func (r *resolver) foundation(region, model string) string {
	return "arn:" + r.Partition + ":bedrock:" + region + "::foundation-model/" + model
}

// profile adds the legs of a call through an inference profile or a router
// (https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html).
func (r *resolver) profile(p bedrock.Profile, resource string) error {
	destinations := p.Destinations[r.Region]
	if !p.Global && len(destinations) == 0 {
		return r.refuse(fmt.Sprintf("where profile %s routes calls from %s is not known", p.ID, r.Region),
			"`writ apply` a Profile with the destinations that GetInferenceProfile names there, or call a region it lists")
	}
	models := 1 + len(p.Routes)
	r.legs = make([]Leg, 0, 1+models*(2+len(destinations)))
	r.add(Leg{Kind: ProfileLeg, Action: r.action, Resource: resource, Region: r.Region, Profile: p.ID})
	r.through(p, p.Model, destinations)
	for _, m := range p.Routes {
		r.through(p, m, destinations)
	}
	return nil
}

// through adds the legs of one model that a profile may end at.
func (r *resolver) through(p bedrock.Profile, model string, destinations []string) {
	leg := Leg{Kind: SourceLeg, Action: r.action, Resource: r.foundation(r.Region, model), Region: r.Region, Model: model, Profile: p.ID}
	r.add(leg)
	for _, region := range destinations {
		if region != r.Region {
			leg.Kind, leg.Resource, leg.Region = DestinationLeg, r.foundation(region, model), region
			r.add(leg)
		}
	}
	if p.Global {
		leg.Kind, leg.Resource, leg.Region = GlobalLeg, r.foundation("", model), UnspecifiedRegion
		r.add(leg)
	}
}

// marketplaceResource is what IAM checks for every Marketplace endpoint, in
// place of the endpoint's own ARN.
const marketplaceResource = "marketplace/model-endpoint/all-access"

// custom adds the legs of an account's own model, one per region in which the
// call may run; the region called, which is the ARN's, is always one of them.
func (r *resolver) custom(ref bedrock.ModelRef, id string) error {
	m, ok := r.cat.Model(id)
	if !ok {
		return r.refuse("the catalogue does not list this ARN, so its base model and regions are unknown", "`writ apply` a Model with its base and regions")
	}
	resource := id
	if ref.Kind == bedrock.MarketplaceEndpointRef {
		resource = "arn:" + r.Partition + ":bedrock:" + r.Region + ":" + r.Account + ":" + marketplaceResource
	}
	leg := Leg{Kind: CustomLeg, Action: r.action, Resource: resource, Region: r.Region, Model: id}
	r.legs = make([]Leg, 0, len(m.Regions))
	r.add(leg)
	for _, region := range m.Regions {
		if region != r.Region {
			leg.Region = region
			r.add(leg)
		}
	}
	return nil
}

// add appends a leg. The catalogue names no region, and no router a model,
// twice.
func (r *resolver) add(l Leg) { r.legs = append(r.legs, l) }
