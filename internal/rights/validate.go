package rights

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
)

var (
	riskTiers    = []string{"", "low", "medium", "high"}
	serviceTiers = []string{"default", "flex", "priority", "reserved"}
)

// Validate reports everything that is wrong with an entitlement, or nil. Every
// model it names must be in the catalogue.
func (e Entitlement) Validate(cat *bedrock.Catalogue) error {
	var errs problems
	if !identity.ValidName(e.ID) {
		errs.add("name %q: want 1–64 of a–z 0–9 . _ -", e.ID)
	}
	if e.Account != "" && !bedrock.ValidAccount(e.Account) {
		errs.add("account %q: want twelve digits", e.Account)
	}
	errs.among("actions", e.Actions, bedrock.Actions())
	errs.unique("actions", e.Actions)
	errs = append(errs, e.validateAsync()...)
	if !slices.Contains(riskTiers, e.RiskTier) {
		errs.add("riskTier %q: want low, medium or high", e.RiskTier)
	}
	if e.MaxDuration < 0 {
		errs.add("maxDuration %v: want 0 or more", e.MaxDuration)
	}
	if len(e.Models) == 0 && e.NeedsModels() {
		errs.add("models is required")
	}
	if slices.Contains(e.Actions, bedrock.ApplyGuardrail.Action()) && len(e.Conditions.Guardrails) == 0 {
		errs.add("conditions.guardrails must name at least one for the action ApplyGuardrail")
	}
	errs.unique("models", e.Models)
	for _, m := range e.Models {
		if _, err := ParseSelector(m, cat); err != nil {
			errs = append(errs, fmt.Errorf("models: %w", err))
		} else if other := e.elsewhere(m); other != "" {
			errs.add("models: %q is in account %s, the entitlement is for %s", m, other, e.Account)
		}
	}
	if err := budget.ValidateAll(e.Limits); err != nil {
		errs = append(errs, fmt.Errorf("limits: %w", err))
	}
	if err := e.Access.Validate(e.MaxDuration); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, e.Conditions.validate()...)...)
}

// NeedsModels reports whether any of the entitlement's actions is about a model:
// all are, but applying a guardrail.
func (e Entitlement) NeedsModels() bool {
	other := func(action string) bool { return action != bedrock.ApplyGuardrail.Action() }
	return len(e.Actions) == 0 || slices.ContainsFunc(e.Actions, other)
}

// elsewhere is the account of a model that an entitlement for another account
// names, and could therefore never permit.
func (e Entitlement) elsewhere(model string) string {
	ref, err := bedrock.ParseModelID(model)
	if err != nil || e.Account == "" || ref.Account == e.Account {
		return ""
	}
	return ref.Account
}

// validate reports what is wrong with conditions. Networks, environments and
// purposes are checked for form only: other facts say whether they exist.
func (c Conditions) validate() problems {
	var errs problems
	for field, names := range map[string][]string{"networks": c.Networks, "environments": c.Environments} {
		for _, n := range names {
			if !identity.ValidName(n) {
				errs.add("%s: %q is not a name", field, n)
			}
		}
	}
	for _, r := range c.Regions {
		if r != UnspecifiedRegion && !bedrock.ValidRegion(r) {
			errs.add("regions: %q is neither a region nor %q", r, UnspecifiedRegion)
		}
	}
	for field, list := range c.lists() {
		errs.unique(field, list)
	}
	errs.among("serviceTiers", c.ServiceTiers, serviceTiers)
	if c.MaxTokens < 0 {
		errs.add("maxTokens %d: want 0 or more", c.MaxTokens)
	}
	if c.MaxSessionAge < 0 {
		errs.add("maxSessionAge %v: want 0 or more", c.MaxSessionAge)
	}
	errs = append(errs, c.validateGuardrails()...)
	for _, o := range c.Objects {
		if err := validObjects(o); err != nil {
			errs = append(errs, err)
		}
	}
	for _, o := range c.Outputs {
		if err := validOutputs(o); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, c.Data.validate()...)
	errs = append(errs, c.Tools.validate()...)
	errs = append(errs, c.Hold.validate()...)
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// lists are the conditions that are sets of names.
func (c Conditions) lists() map[string][]string {
	return map[string][]string{
		"networks": c.Networks, "environments": c.Environments, "purposes": c.Purposes, "regions": c.Regions,
		"guardrails": c.Guardrails, "serviceTiers": c.ServiceTiers, "extras": c.Extras,
		"unknownFields": c.UnknownFields, "systemTools": c.SystemTools, "objects": c.Objects, "outputs": c.Outputs,
		"tools.read": c.Tools.Read, "tools.write": c.Tools.Write, "data.forbid": c.Data.Forbid,
		"data.output.forbid": c.Data.outputForbids(),
	}
}

// outputForbids are the classes that may not come out, where that is said apart.
func (d Data) outputForbids() []string {
	if d.Output == nil {
		return nil
	}
	return d.Output.Forbid
}

func (c Conditions) validateGuardrails() problems {
	var errs problems
	if c.RequireGuardrail && len(c.Guardrails) == 0 {
		errs.add("requireGuardrail: guardrails must name at least one")
	}
	for _, g := range c.Guardrails {
		if _, _, err := ParseGuardrail(g); err != nil {
			errs = append(errs, fmt.Errorf("guardrails: %w", err))
		}
	}
	return errs
}

// ParseGuardrail splits an entry of Conditions.Guardrails, which is a
// guardrail's ARN, a colon and a version number. DRAFT is refused: what it
// checks can change after the grant was approved (security S4).
func ParseGuardrail(s string) (guardrail, version string, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", "", fmt.Errorf("guardrail %q: want <ARN>:<version number>", s)
	}
	guardrail, version = s[:i], s[i+1:]
	a, ok := splitARN(guardrail)
	id, isGuardrail := strings.CutPrefix(a.resource, "guardrail/")
	switch {
	case !ok || a.service != "bedrock" || !bedrock.ValidRegion(a.region) || !bedrock.ValidAccount(a.account) || !isGuardrail || !only(id, 64, letters+digits):
		return "", "", fmt.Errorf("guardrail %q: want <ARN>:<version number>", s)
	case !only(version, 8, digits) || version[0] == '0':
		return "", "", fmt.Errorf("guardrail %q: want a version number after the ARN, not %q", s, version)
	}
	return guardrail, version, nil
}

// validObjects checks an s3:// URI, or the beginning of one ending in *. A
// beginning must hold a whole bucket.
func validObjects(s string) error {
	start, prefix := strings.CutSuffix(s, "*")
	if prefix {
		start += "x" // any first character of what the star stands for
	}
	if bucket, _, whole := strings.Cut(strings.TrimPrefix(start, "s3://"), "/"); !whole {
		return fmt.Errorf("objects: %q names no whole bucket: end it in %q", s, bucket+"/*")
	}
	if _, reason := ObjectPath(start); reason != "" {
		return fmt.Errorf("objects: %q %s", s, reason)
	}
	return nil
}

func (d Data) validate() problems {
	out := d.Output
	d.Output = nil
	errs := d.Answer().validate("data")
	if out != nil {
		errs = append(errs, out.validate("data.output")...)
	}
	return errs
}

func (o Output) validate(field string) problems {
	var errs problems
	if o.MaxLevel != "" {
		if _, err := dataclass.ParseLevel(o.MaxLevel); err != nil {
			errs = append(errs, fmt.Errorf("%s.maxLevel: %w", field, err))
		}
	}
	for _, c := range o.Forbid {
		if _, err := dataclass.ParseClass(c); err != nil {
			errs = append(errs, fmt.Errorf("%s.forbid: %w", field, err))
		}
	}
	if o.Redact && o.Unscanned {
		errs.add("%s: what was not read cannot be redacted: state redact or unscanned, not both", field)
	}
	return errs
}

func (t Tools) validate() problems {
	var errs problems
	for _, name := range t.Read {
		if slices.Contains(t.Write, name) {
			errs.add("tools: %q is both read and write", name)
		}
	}
	return errs
}

// problems gathers what is wrong.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// among reports values that are not in a closed list.
func (p *problems) among(field string, values, known []string) {
	for _, v := range values {
		if !slices.Contains(known, v) {
			p.add("%s: %q: want one of %s", field, v, strings.Join(known, ", "))
		}
	}
}

// unique reports empty and repeated values.
func (p *problems) unique(field string, values []string) {
	seen := make(map[string]bool, len(values))
	for _, v := range values {
		switch {
		case v == "":
			p.add("%s: an entry is empty", field)
		case seen[v]:
			p.add("%s: %q is named twice", field, v)
		}
		seen[v] = true
	}
}
