package bedrock

import (
	"errors"
	"fmt"
	"strings"
)

// RefKind says which kind of resource a model identifier names.
type RefKind string

// The kinds of resource that a runtime call's modelId may name, by the ARN's
// resource type.
const (
	FoundationRef          RefKind = "foundation-model"
	ProfileRef             RefKind = "inference-profile"
	ApplicationProfileRef  RefKind = "application-inference-profile"
	ProvisionedRef         RefKind = "provisioned-model"
	CustomModelRef         RefKind = "custom-model"
	CustomDeploymentRef    RefKind = "custom-model-deployment"
	ImportedRef            RefKind = "imported-model"
	PromptRef              RefKind = "prompt"
	PromptRouterRef        RefKind = "prompt-router"
	DefaultPromptRouterRef RefKind = "default-prompt-router"
	MarketplaceEndpointRef RefKind = "endpoint" // SageMaker's ARN of a Marketplace endpoint
)

const (
	longestID        = 2048 // bytes: InvokeModelIdentifier's length
	maxResource      = 256  // bytes: longest resource id accepted
	bedrockService   = "bedrock"
	sagemakerService = "sagemaker"
)

// resourceForms holds, per kind, the form of the id that follows the resource
// type. They are as narrow as AWS's published patterns, but let the ids of an
// account's own resources have any length up to 63.
var resourceForms = map[RefKind]func(string) bool{
	FoundationRef:          dotted,
	ProfileRef:             dotted,
	ApplicationProfileRef:  opaque,
	ProvisionedRef:         opaque,
	CustomModelRef:         customModel,
	CustomDeploymentRef:    opaque,
	ImportedRef:            opaque,
	PromptRef:              promptID,
	PromptRouterRef:        routerID,
	DefaultPromptRouterRef: routerID,
}

// ModelRef is a parsed model identifier: a bare foundation model or profile
// id, or the ARN of any kind of model resource. Only ParseModelID makes one
// that is not empty.
type ModelRef struct {
	Kind      RefKind
	Partition string // of an ARN; empty for a bare id
	Region    string // of an ARN; empty for a bare id
	Account   string // of an ARN; empty for a bare id and for a foundation model
	ID        string // what follows the resource type, or the bare id
}

// ParseModelID reads a model identifier as it stands in a request's path, once
// percent-decoded. It knows the forms that the API documents
// (InvokeModelIdentifier) and, unlike AWS's own pattern, no catch-all: ids are
// lower case, without wildcards, empty segments or path tricks. It does not
// say that the model exists: a catalogue does.
func ParseModelID(s string) (ModelRef, error) {
	if len(s) == 0 || len(s) > longestID {
		return ModelRef{}, fmt.Errorf("model id of %d bytes: want 1 to %d", len(s), longestID)
	}
	if strings.HasPrefix(s, "arn:") {
		ref, err := parseModelARN(s)
		if err != nil {
			return ModelRef{}, fmt.Errorf("reading model ARN %.80q: %w", s, err)
		}
		return ref, nil
	}
	if !dotted(s) {
		return ModelRef{}, fmt.Errorf("model id %.80q: want provider.model in lower case, a profile id, or an ARN", s)
	}
	if _, ok := profileModel(s); ok {
		return ModelRef{Kind: ProfileRef, ID: s}, nil
	}
	return ModelRef{Kind: FoundationRef, ID: s}, nil
}

// parseModelARN reads arn:partition:service:region:account:type/id.
func parseModelARN(s string) (ModelRef, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 {
		return ModelRef{}, errors.New("want six parts")
	}
	kind, id, _ := strings.Cut(parts[5], "/")
	r := ModelRef{Kind: RefKind(kind), Partition: parts[1], Region: parts[3], Account: parts[4], ID: id}
	switch {
	case !ValidPartition(r.Partition):
		return ModelRef{}, errors.New("the partition is unknown")
	case !ValidRegion(r.Region):
		return ModelRef{}, errors.New("the region is not one")
	case r.Kind == FoundationRef && r.Account != "":
		return ModelRef{}, errors.New("a foundation model has no account")
	case r.Kind != FoundationRef && !ValidAccount(r.Account):
		return ModelRef{}, errors.New("the account is not twelve digits")
	}
	return r, checkResource(parts[2], r)
}

// checkResource reports what is wrong with an ARN's service, type or id.
func checkResource(service string, r ModelRef) error {
	form := resourceForms[r.Kind]
	if service == sagemakerService && r.Kind == MarketplaceEndpointRef {
		service, form = bedrockService, endpointName
	}
	switch {
	case service != bedrockService || form == nil:
		return errors.New("the resource is not a model's")
	case len(r.ID) > maxResource || !form(r.ID):
		return fmt.Errorf("the id of the %s has the wrong form", r.Kind)
	}
	return nil
}

// Bare reports whether the identifier is an id rather than an ARN.
func (r ModelRef) Bare() bool { return r.Partition == "" }

// String is the identifier as it was parsed.
func (r ModelRef) String() string {
	if r.Bare() {
		return r.ID
	}
	return r.arn(r.Partition, r.Region, r.Account)
}

// CatalogueID is what the catalogue lists the resource by: the bare id of a
// foundation model or a system-defined profile, the ARN of everything else.
func (r ModelRef) CatalogueID() string {
	if r.Kind == FoundationRef || r.Kind == ProfileRef {
		return r.ID
	}
	return r.String()
}

// ARN is the resource's ARN: an ARN as it was parsed, a bare id in the given
// region and account. A foundation model's has no account.
func (r ModelRef) ARN(region, account string) string {
	if !r.Bare() {
		return r.String()
	}
	if r.Kind == FoundationRef {
		account = ""
	}
	return r.arn(PartitionOf(region), region, account)
}

func (r ModelRef) arn(partition, region, account string) string {
	service := bedrockService
	if r.Kind == MarketplaceEndpointRef {
		service = sagemakerService
	}
	return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + string(r.Kind) + "/" + r.ID
}

// profileModel is the model part of a profile id with a known prefix.
func profileModel(id string) (model string, ok bool) {
	prefix, model, _ := strings.Cut(id, ".")
	return model, profilePrefixes[prefix] && dotted(model)
}

// dotted reports whether s is a foundation model's or a system-defined
// profile's id: lower-case segments joined by '.' or ':', at least two, the
// first joint a dot. No segment is empty or begins or ends with a hyphen.
func dotted(s string) bool {
	provider, rest, ok := strings.Cut(s, ".")
	if !ok || len(s) > maxResource || !segment(provider) {
		return false
	}
	for {
		i := strings.IndexAny(rest, ".:")
		if i < 0 {
			return segment(rest)
		}
		if !segment(rest[:i]) {
			return false
		}
		rest = rest[i+1:]
	}
}

// segment reports whether s is 1–63 lower-case letters, digits and inner hyphens.
func segment(s string) bool {
	return within(s, 1, 63, segmentSet) && s[0] != '-' && s[len(s)-1] != '-'
}

// opaque reports whether s is an id that AWS made up for an account's resource.
func opaque(s string) bool { return within(s, 1, 63, opaqueSet) }

// customModel reports whether s is base-model/id.
func customModel(s string) bool {
	model, id, ok := strings.Cut(s, "/")
	return ok && dotted(model) && opaque(id)
}

// promptID reports whether s is a prompt's id with an optional version.
func promptID(s string) bool {
	id, version, versioned := strings.Cut(s, ":")
	return within(id, 10, 10, promptSet) && (!versioned || digits(version, 1, 5))
}

// routerID reports whether s is a prompt router's id: opaque, or like
// anthropic.claude:1.
func routerID(s string) bool { return opaque(s) || dotted(s) }

// endpointName reports whether s names a SageMaker endpoint.
func endpointName(s string) bool {
	return within(s, 1, 63, endpointSet) && s[0] != '-' && s[len(s)-1] != '-'
}
