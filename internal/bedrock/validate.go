package bedrock

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// customKinds maps the ARNs that can be invoked as a model of an account's own
// to their kind. A custom model is invoked through a deployment or provisioned
// throughput; prompts and routers choose their model elsewhere.
var customKinds = map[RefKind]ModelKind{
	ImportedRef:            ImportedModel,
	CustomDeploymentRef:    CustomDeployment,
	ProvisionedRef:         ProvisionedModel,
	MarketplaceEndpointRef: MarketplaceModel,
}

// impacts are the impact tiers; empty means medium.
var impacts = []string{"", "low", "medium", "high"}

// maxRetentionDays is a century: a longer retention is a slip of the pen.
const maxRetentionDays = 36500

// Custom reports whether the entry is an account's own model, by ARN.
func (m *Model) Custom() bool { return strings.HasPrefix(m.ID, "arn:") }

// ProviderOf is the provider that a foundation model's id says. Moonshot AI
// has two first segments and is one provider, so that a rule about it reaches
// all its models.
func ProviderOf(modelID string) string {
	provider, _, _ := strings.Cut(modelID, ".")
	if provider == "moonshot" {
		return "moonshotai"
	}
	return provider
}

// Validate reports what is wrong with a complete entry, or nil. With completes
// an organisation's entries before it validates them.
func (m *Model) Validate() error {
	ref, err := ParseModelID(m.ID)
	if err != nil {
		return err
	}
	var errs []error
	if m.Custom() {
		errs = append(errs, m.validateCustom(ref))
	} else {
		errs = append(errs, m.validateFoundation(ref))
	}
	if !slices.Contains(Modalities, m.Modality) {
		errs = append(errs, fmt.Errorf("modality %q: want one of %v", m.Modality, Modalities))
	}
	if !slices.Contains(impacts, m.Impact) {
		errs = append(errs, fmt.Errorf("impact %q: want low, medium or high", m.Impact))
	}
	for _, v := range m.Requires {
		if !slices.Contains(ValidationKinds, v) {
			errs = append(errs, fmt.Errorf("requires %q: want one of %v", v, ValidationKinds))
		}
	}
	if m.MaxInput < 0 || m.MaxOutput < 0 {
		errs = append(errs, errors.New("token limits must not be negative"))
	}
	if d := m.DataHandling.RetentionDays; d < 0 || d > maxRetentionDays {
		errs = append(errs, fmt.Errorf("retentionDays %d: want 0 to %d", d, maxRetentionDays))
	}
	return errors.Join(append(errs, m.Price.Validate(), validatePrices(m.Prices))...)
}

// validateFoundation checks the identity of a foundation model.
func (m *Model) validateFoundation(ref ModelRef) error {
	switch provider := ProviderOf(m.ID); {
	case ref.Kind != FoundationRef:
		return errors.New("the id is a profile's: apply it as a Profile")
	case m.Kind != FoundationModel:
		return fmt.Errorf("kind %q: a bare id is a foundation model's", m.Kind)
	case m.Provider != provider:
		return fmt.Errorf("provider %q: the id says %q", m.Provider, provider)
	case !dotted(m.Family) || !strings.HasPrefix(m.Family, provider+"."):
		return fmt.Errorf("family %q: want %s.<name>", m.Family, provider)
	}
	return nil
}

// validateCustom checks the identity of an account's own model.
func (m *Model) validateCustom(ref ModelRef) error {
	switch {
	case customKinds[ref.Kind] == "" || m.Kind != customKinds[ref.Kind]:
		return fmt.Errorf("kind %q: does not fit an ARN of %s", m.Kind, ref.Kind)
	case m.Base == "":
		return errors.New("base is required: rules on families must reach the model")
	case len(m.Regions) == 0:
		return errors.New("regions is required")
	case !slices.Contains(m.Regions, ref.Region):
		return fmt.Errorf("regions: %s, which the ARN names, is missing", ref.Region)
	}
	return distinctRegions("regions", ref.Partition, m.Regions)
}

// Validate reports what is wrong with a profile, or nil. A profile without
// destinations is valid but resolves to nothing, unless it is global.
func (p *Profile) Validate() error {
	ref, err := ParseModelID(p.ID)
	if err != nil {
		return err
	}
	errs := []error{p.validateKind(ref), p.Price.Validate(), validatePrices(p.Prices)}
	models := append([]string{p.Model}, p.Routes...)
	for i, id := range models {
		if m, err := ParseModelID(id); err != nil || m.Kind != FoundationRef || !m.Bare() {
			errs = append(errs, fmt.Errorf("model %q: want a foundation model's bare id", id))
		}
		if slices.Contains(models[:i], id) {
			errs = append(errs, fmt.Errorf("model %q is named twice", id))
		}
	}
	if p.Global && len(p.Destinations) > 0 {
		errs = append(errs, errors.New("a global profile has no destinations: they are unbounded"))
	}
	for source, to := range p.Destinations {
		errs = append(errs, validateRoute(ref, source, to))
	}
	slices.SortFunc(errs, compareErrors)
	return errors.Join(errs...)
}

// validateKind checks the form of the profile's id against the rest.
func (p *Profile) validateKind(ref ModelRef) error {
	switch ref.Kind {
	case FoundationRef, ProfileRef:
		prefix, model, _ := strings.Cut(p.ID, ".")
		switch {
		case !ref.Bare():
			return errors.New("a system-defined profile is listed by its bare id")
		case model != p.Model:
			return fmt.Errorf("id: want <geography>.%s", p.Model)
		case (prefix == globalPrefix) != p.Global:
			return errors.New("global: holds for ids that begin with global, and for no others")
		}
	case ApplicationProfileRef, PromptRouterRef, DefaultPromptRouterRef:
	default:
		return fmt.Errorf("a %s is not a profile", ref.Kind)
	}
	if router := ref.Kind == PromptRouterRef || ref.Kind == DefaultPromptRouterRef; router != (len(p.Routes) > 0) {
		return errors.New("routes: required for a prompt router, and for nothing else")
	}
	return nil
}

// validateRoute checks the destinations from one source region.
func validateRoute(ref ModelRef, source string, to []string) error {
	partition := ref.Partition
	if ref.Bare() {
		partition = PartitionOf(source)
	}
	switch {
	case !ValidRegion(source):
		return fmt.Errorf("destinations: source %q is not a region", source)
	case !ref.Bare() && source != ref.Region:
		return fmt.Errorf("destinations: source %s: the ARN is of %s", source, ref.Region)
	case len(to) == 0:
		return fmt.Errorf("destinations: none from %s", source)
	}
	return distinctRegions("destinations from "+source, partition, to)
}

// distinctRegions checks that regions are well formed, of one partition, and
// named once.
func distinctRegions(what, partition string, regions []string) error {
	seen := make(map[string]bool, len(regions))
	for _, r := range regions {
		switch {
		case !ValidRegion(r):
			return fmt.Errorf("%s: %q is not a region", what, r)
		case PartitionOf(r) != partition:
			return fmt.Errorf("%s: %s is not in partition %s", what, r, partition)
		case seen[r]:
			return fmt.Errorf("%s: %s is named twice", what, r)
		}
		seen[r] = true
	}
	return nil
}

// Validate reports what is wrong with a validation, or nil. Whether its model
// exists is for a catalogue to say.
func (v *Validation) Validate() error {
	var errs []error
	if ref, err := ParseModelID(v.Model); err != nil {
		errs = append(errs, err)
	} else if v.Model != ref.CatalogueID() || ref.Kind == ProfileRef {
		errs = append(errs, fmt.Errorf("model %q: want a foundation model's bare id, or the ARN of an account's own model", v.Model))
	}
	if !slices.Contains(ValidationKinds, v.Kind) {
		errs = append(errs, fmt.Errorf("kind %q: want one of %v", v.Kind, ValidationKinds))
	}
	if v.By == "" {
		errs = append(errs, errors.New("by is required: someone attests"))
	}
	if v.At.IsZero() || !v.Expires.After(v.At) {
		errs = append(errs, errors.New("at and expires are required, and expires is after at: there are no validations for ever"))
	}
	return errors.Join(errs...)
}

// compareErrors orders messages, so that joined ones come out the same twice.
func compareErrors(a, b error) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
