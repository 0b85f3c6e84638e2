package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
)

// Check judges a whole set of resources together: no name twice, everything
// referred to is there, and models, entitlements and grants are sound against
// the catalogue that the set itself makes up. The error joins *Problems.
// Policies are judged by the policy package.
func Check(all []Resource) error {
	named := make(map[string]Resource, len(all))
	c := &checker{find: func(kind Kind, name string) (Resource, bool) {
		r, ok := named[string(kind)+"/"+name]
		return r, ok
	}}
	for _, r := range all {
		if first, twice := named[r.ID()]; twice {
			c.report(r, "", "the name is taken"+standing(first), "give one of the two another name")
			continue
		}
		named[r.ID()] = r
	}
	c.buildCatalogue(all)
	return c.checkAll(all)
}

// CheckAmong judges some resources of a larger set: what they refer to is found
// by find, in the set as it is with them, and models in its catalogue. Issuers
// are held against each other as far as they are among some.
func CheckAmong(some []Resource, find func(Kind, string) (Resource, bool), catalogue *bedrock.Catalogue) error {
	c := &checker{find: find, catalogue: catalogue}
	return c.checkAll(some)
}

func (c *checker) checkAll(all []Resource) error {
	c.issuers = make(map[string]Resource)
	for _, r := range all {
		c.check(r)
	}
	return errors.Join(c.errs...)
}

// Catalogue lays the models and profiles among resources over the embedded
// tables.
func Catalogue(all []Resource) (*bedrock.Catalogue, error) {
	var models []bedrock.Model
	var profiles []bedrock.Profile
	for _, r := range all {
		switch s := r.Spec.(type) {
		case *bedrock.Model:
			models = append(models, *s)
		case *bedrock.Profile:
			profiles = append(profiles, *s)
		}
	}
	return bedrock.Embedded().With(models, profiles)
}

type checker struct {
	find      func(Kind, string) (Resource, bool)
	issuers   map[string]Resource // by URL
	catalogue *bedrock.Catalogue
	errs      []error
}

func (c *checker) report(r Resource, field, text, hint string) {
	about := r.ID()
	if field != "" {
		about += ": " + field
	}
	c.errs = append(c.errs, &Problem{File: r.File, Line: r.Line, About: about, Text: text, Hint: hint})
}

// reportAll reports each part of a joined error.
func (c *checker) reportAll(r Resource, err error) {
	for _, p := range Problems(err) {
		c.report(r, "", p.Text, "")
	}
}

func standing(r Resource) string {
	if r.File == "" {
		return ""
	}
	return fmt.Sprintf(" by %s:%d", r.File, r.Line)
}

// buildCatalogue lays models and profiles down one by one, so that each
// complaint has its resource: what others are made of first.
func (c *checker) buildCatalogue(all []Resource) {
	c.catalogue = bedrock.Embedded()
	lay := func(r Resource, models []bedrock.Model, profiles []bedrock.Profile) {
		next, err := c.catalogue.With(models, profiles)
		if err != nil {
			c.reportAll(r, err)
			return
		}
		c.catalogue = next
	}
	for _, custom := range []bool{false, true} {
		for _, r := range all {
			if m, ok := r.Spec.(*bedrock.Model); ok && m.Custom() == custom {
				lay(r, []bedrock.Model{*m}, nil)
			}
		}
	}
	for _, r := range all {
		if p, ok := r.Spec.(*bedrock.Profile); ok {
			lay(r, nil, []bedrock.Profile{*p})
		}
	}
}

func (c *checker) check(r Resource) {
	switch s := r.Spec.(type) {
	case *identity.Issuer:
		// A proof names its issuer by URL or trust domain: two would leave open
		// which rules hold.
		field, what, key := "url", "URL", s.URL
		if s.TrustDomain != "" {
			field, what, key = "trustDomain", "trust domain", identity.SPIFFEScheme+s.TrustDomain
		}
		if first, twice := c.issuers[key]; twice && first.Name != r.Name {
			c.report(r, field, "the "+what+" is taken"+standing(first), "bindings of both can name one issuer")
			return
		}
		c.issuers[key] = r
	case *identity.Binding:
		c.checkProof(r, s)
		c.wants(r, "identity", Identity, s.Identity)
		c.wants(r, "issuer", Issuer, s.Issuer)
		c.wants(r, "networks", Network, s.Networks...)
	case *bedrock.Validation:
		if _, ok := c.catalogue.Model(s.Model); !ok {
			c.report(r, "model", fmt.Sprintf("%q is not in the catalogue%s", s.Model, c.catalogue.Suggest(s.Model)), "apply a Model for it")
		}
	case *rights.Entitlement:
		c.wants(r, "conditions.networks", Network, s.Conditions.Networks...)
		if err := s.Validate(c.catalogue); err != nil {
			c.reportAll(r, err)
		}
	case *rights.Grant:
		c.wants(r, "identity", Identity, s.Identity)
		c.wants(r, "entitlement", Entitlement, s.Entitlement)
		if s.Narrow != nil {
			c.wants(r, "narrow.networks", Network, s.Narrow.Networks...)
		}
		e, ok := c.find(Entitlement, s.Entitlement)
		if !ok {
			return
		}
		if err := s.Validate(*e.Spec.(*rights.Entitlement)); err != nil {
			c.reportAll(r, err)
		}
	case *budget.Budget:
		c.checkBudget(r, s)
	default:
		c.checkPeople(r)
	}
}

// checkBudget holds what a budget covers against what there is. Grants end, and
// the budget may still name them.
func (c *checker) checkBudget(r Resource, b *budget.Budget) {
	c.wants(r, "covers.identities", Identity, b.Covers.Identities...)
	c.wants(r, "covers.entitlements", Entitlement, b.Covers.Entitlements...)
	for _, m := range b.Covers.Models {
		if _, err := rights.ParseSelector(m, c.catalogue); err != nil {
			c.report(r, "covers.models", err.Error(), "")
		}
	}
}

// checkPeople is check for the kinds of the people's road.
func (c *checker) checkPeople(r Resource) {
	switch s := r.Spec.(type) {
	case *operator.Token:
		c.wants(r, "operator", Operator, s.Operator)
	case *operator.Delegation:
		c.wants(r, "from", Operator, s.From)
		c.wants(r, "to", Operator, s.To)
	case *rights.Quarantine:
		// One of a network that is not there would stop nothing.
		if _, addresses := s.Target.Prefix(); s.Target.Kind == rights.TargetNetwork && !addresses {
			c.wants(r, "target", Network, s.Target.Name)
		}
	}
}

// checkProof holds a binding against the kind of proof that its issuer gives.
func (c *checker) checkProof(r Resource, b *identity.Binding) {
	found, _ := c.find(Issuer, b.Issuer)
	issuer, ok := found.Spec.(*identity.Issuer)
	switch {
	case !ok: // reported as missing
	case issuer.TrustDomain == "" && b.Audience == "":
		c.report(r, "audience", "audience is required: the issuer's proofs are tokens", "")
	case issuer.TrustDomain != "" && !b.ForCertificates():
		c.report(r, "subject", "the issuer is a trust domain, whose proofs are certificates", "name a subject such as "+identity.SPIFFEScheme+issuer.TrustDomain+"/ns/team/sa/name, and no audience")
	case issuer.TrustDomain != "" && !strings.HasPrefix(b.Subject, identity.SPIFFEScheme+issuer.TrustDomain+"/"):
		c.report(r, "subject", fmt.Sprintf("%q is not in the trust domain %s", b.Subject, issuer.TrustDomain), "")
	}
}

// wants reports names that no resource of the kind has.
func (c *checker) wants(r Resource, field string, kind Kind, names ...string) {
	for i, name := range names {
		if _, ok := c.find(kind, name); !ok && slices.Index(names, name) == i {
			c.report(r, field, fmt.Sprintf("%s %q does not exist", kind, name), fmt.Sprintf("a resource of kind %s with that name must exist before, or be applied together with it", kind))
		}
	}
}
