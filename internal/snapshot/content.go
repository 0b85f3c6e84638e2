package snapshot

import (
	"slices"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
)

// content is every resource, by kind and name. Requests are not among it: no
// decision of the gateway depends on one.
type content struct {
	issuers      shelf[identity.Issuer]
	networks     shelf[identity.Network]
	models       shelf[bedrock.Model]
	profiles     shelf[bedrock.Profile]
	identities   shelf[identity.Identity]
	bindings     shelf[identity.Binding]
	validations  shelf[bedrock.Validation]
	labels       shelf[dataclass.CustomLabel]
	entitlements shelf[rights.Entitlement]
	budgets      shelf[budget.Budget]
	grants       shelf[rights.Grant]
	policies     shelf[manifest.Policy]
	operators    shelf[operator.Operator]
	duties       shelf[sod.Rule]
	tokens       shelf[operator.Token]
	delegations  shelf[operator.Delegation]
	waivers      shelf[sod.Waiver]
	quarantines  shelf[rights.Quarantine]

	staff []*operator.Operator // by name: every list of requests goes through them
}

// kindShelf is a shelf whose type is known by its kind.
type kindShelf interface {
	put(name string, spec any) // nil takes away
	fill(names []string, specs []any)
	spec(name string) (any, bool)
	names() []string
	settle()
}

// on returns the shelf of a kind; nil where a snapshot holds none.
func (c *content) on(kind manifest.Kind) kindShelf {
	switch kind {
	case manifest.Issuer:
		return &c.issuers
	case manifest.Network:
		return &c.networks
	case manifest.Model:
		return &c.models
	case manifest.Profile:
		return &c.profiles
	case manifest.Identity:
		return &c.identities
	case manifest.Binding:
		return &c.bindings
	case manifest.Validation:
		return &c.validations
	case manifest.DataLabel:
		return &c.labels
	case manifest.Entitlement:
		return &c.entitlements
	case manifest.Budget:
		return &c.budgets
	case manifest.Grant:
		return &c.grants
	case manifest.PolicyKind:
		return &c.policies
	}
	return c.onPeople(kind)
}

// onPeople is on for the kinds of the people's road.
func (c *content) onPeople(kind manifest.Kind) kindShelf {
	switch kind {
	case manifest.Operator:
		return &c.operators
	case manifest.SoDRule:
		return &c.duties
	case manifest.Token:
		return &c.tokens
	case manifest.Delegation:
		return &c.delegations
	case manifest.Waiver:
		return &c.waivers
	case manifest.Quarantine:
		return &c.quarantines
	}
	return nil
}

// settle makes every shelf copy itself before its next change.
func (c *content) settle() {
	for _, kind := range manifest.Kinds {
		if on := c.on(kind); on != nil {
			on.settle()
		}
	}
}

// of lists the resources of a kind by name, as resources.
func (c *content) of(kind manifest.Kind) []manifest.Resource {
	on := c.on(kind)
	var out []manifest.Resource
	for _, name := range on.names() {
		spec, _ := on.spec(name)
		out = append(out, manifest.Resource{Kind: kind, Name: name, Spec: spec})
	}
	return out
}

// Identity returns an identity by name.
func (c *content) Identity(name string) (*identity.Identity, bool) { return c.identities.get(name) }

// IdentitiesTagged returns the names of the identities with a tag, in order. It
// looks at every identity: it is for people's questions.
func (c *content) IdentitiesTagged(tag string) []string {
	var out []string
	for name, i := range c.identities.each() {
		if slices.Contains(i.Tags, tag) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Binding returns a binding by name.
func (c *content) Binding(name string) (*identity.Binding, bool) { return c.bindings.get(name) }

// Bindings returns every binding, by name.
func (c *content) Bindings() []*identity.Binding { return c.bindings.all() }

// Issuer returns an issuer by name.
func (c *content) Issuer(name string) (*identity.Issuer, bool) { return c.issuers.get(name) }

// IssuerOf returns the issuer whose URL is exactly the `iss` of a token; none
// when several claim it.
func (c *content) IssuerOf(iss string) (*identity.Issuer, bool) {
	var found *identity.Issuer
	for _, i := range c.issuers.each() {
		if i.URL != iss {
			continue
		}
		if found != nil {
			return nil, false
		}
		found = i
	}
	return found, found != nil
}

// Issuers returns every issuer, by name.
func (c *content) Issuers() []*identity.Issuer { return c.issuers.all() }

// Network returns a network by name.
func (c *content) Network(name string) (*identity.Network, bool) { return c.networks.get(name) }

// Models returns the organisation's own entries of models, by name: what lies
// over the embedded catalogue.
func (c *content) Models() []*bedrock.Model { return c.models.all() }

// Profiles returns the organisation's own entries of profiles, by name.
func (c *content) Profiles() []*bedrock.Profile { return c.profiles.all() }

// Entitlement returns an entitlement by name.
func (c *content) Entitlement(name string) (*rights.Entitlement, bool) {
	return c.entitlements.get(name)
}

// Entitlements returns every entitlement, by name.
func (c *content) Entitlements() []*rights.Entitlement { return c.entitlements.all() }

// Budget returns a budget by name.
func (c *content) Budget(name string) (*budget.Budget, bool) { return c.budgets.get(name) }

// AllBudgets returns every budget, by name.
func (c *content) AllBudgets() []*budget.Budget { return c.budgets.all() }

// Grant returns a grant by name.
func (c *content) Grant(name string) (*rights.Grant, bool) { return c.grants.get(name) }

// Grants returns every grant, by name.
func (c *content) Grants() []*rights.Grant { return c.grants.all() }

// Validations returns every validation, by name.
func (c *content) Validations() []*bedrock.Validation { return c.validations.all() }

// Labels returns the organisation's own classes of data, by name; the same
// pointers while they are unchanged.
func (c *content) Labels() []*dataclass.CustomLabel { return c.labels.all() }

// Policies returns the organisation's own policies, by name.
func (c *content) Policies() []*manifest.Policy { return c.policies.all() }

// Operator returns an account of the control plane by name.
func (c *content) Operator(name string) (*operator.Operator, bool) { return c.operators.get(name) }

// Operators returns every account of the control plane, by name.
func (c *content) Operators() []*operator.Operator { return slices.Clip(c.staff) }

// Token returns an API token by id.
func (c *content) Token(id string) (*operator.Token, bool) { return c.tokens.get(id) }

// Tokens returns every API token, by id.
func (c *content) Tokens() []*operator.Token { return c.tokens.all() }

// Delegations returns every delegation, by name.
func (c *content) Delegations() []*operator.Delegation { return c.delegations.all() }

// Waivers returns every waiver, by name.
func (c *content) Waivers() []*sod.Waiver { return c.waivers.all() }

// SoDRules returns the organisation's rules of separation of duties, by name.
func (c *content) SoDRules() []*sod.Rule { return c.duties.all() }

// Quarantine returns a quarantine by name.
func (c *content) Quarantine(name string) (*rights.Quarantine, bool) { return c.quarantines.get(name) }

// Quarantines returns every quarantine, by name.
func (c *content) Quarantines() []*rights.Quarantine { return c.quarantines.all() }
