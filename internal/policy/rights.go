package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// Permits is what the rules let one identity do, in the terms of the algebra of
// rights: as IAM policies, which awsiam decides leg by leg and rights compares
// with what AWS allows. Keys makes the context that they are asked with.
type Permits struct {
	Identity string
	Granted  []Granted   // one per grant that gives something, whatever its time, by name
	Forbids  []Forbidden // one per rule that may forbid the identity something
	// Unconverted are rules that policies cannot express. A forbid among them
	// is there all the same, under a key writ:rule.<name> that says whether its
	// conditions hold; a permit is not, so the policies allow less than it.
	Unconverted []Unconverted
}

// Granted is what Cedar permits by one grant.
type Granted struct {
	Rules []string // names of the permits, as reasons have them
	rights.GrantedPolicy
}

// Forbidden is a forbid as a policy that denies.
type Forbidden struct {
	Rule string
	rights.PolicyText
	Exact bool // false: its conditions are a key of their own
}

// Unconverted is a rule that no policy expresses, and why.
type Unconverted struct {
	Rule   string
	Effect string // permit, forbid or oblige
	Reason string
}

// Documents are all the policies: the identity may do what one allows and none
// denies.
func (p *Permits) Documents() []*awsiam.Document {
	docs := make([]*awsiam.Document, 0, len(p.Granted)+len(p.Forbids))
	for i := range p.Granted {
		docs = append(docs, p.Granted[i].Document)
	}
	for i := range p.Forbids {
		docs = append(docs, p.Forbids[i].Document)
	}
	return docs
}

// Permits converts the rules in force for an identity. The place says which
// account is the gateway's own, and which VPC endpoints networks have; its
// catalogue and networks are the bundle's. The error names a grant that has no
// meaning there.
func (b *Bundle) Permits(i *identity.Identity, place rights.Place) (*Permits, error) {
	p := &Permits{Identity: i.ID}
	if err := p.grants(b.roster.holder(i.ID), b.at(place)); err != nil {
		return nil, err
	}
	return p, p.laws(b, i, b.at(place), func(string) bool { return true })
}

// Forbids converts some laws for an identity, by the names of their rules, without
// any grant.
func (b *Bundle) Forbids(i *identity.Identity, place rights.Place, rules []string) (*Permits, error) {
	p := &Permits{Identity: i.ID}
	return p, p.laws(b, i, b.at(place), func(rule string) bool { return slices.Contains(rules, rule) })
}

// at is a place with what the bundle knows of it.
func (b *Bundle) at(place rights.Place) rights.Place {
	place.Catalogue, place.Networks = b.catalogue, b.networks
	if place.Networks == nil {
		place.Networks = identity.NewNetworks(nil)
	}
	place.Partition = cmp.Or(place.Partition, "aws")
	return place
}

func (p *Permits) laws(b *Bundle, i *identity.Identity, place rights.Place, wanted func(rule string) bool) error {
	f := newForbidding(b, i, place)
	for _, r := range b.decide.rules() {
		if !wanted(r.id) || !r.head.principal.matches(f.principal.UID, []uid{f.principal.UID}) {
			continue
		}
		if err := p.law(f, r); err != nil {
			return err
		}
	}
	for _, r := range b.oblige.rules() {
		if wanted(r.id) && demand(r) != "" && r.head.principal.matches(f.principal.UID, []uid{f.principal.UID}) {
			p.Unconverted = append(p.Unconverted, Unconverted{Rule: r.id, Effect: "oblige", Reason: demand(r)})
		}
	}
	return nil
}

// demand says what a rule may demand that a call can fail to meet, or "".
func demand(r *rule) string {
	for _, d := range []struct{ name, text string }{
		{ObligeGuardrail, "it demands a guardrail, and refuses calls without"},
		{ObligeMaxOutputTokens, "it demands a limit on the answer, and refuses calls without"},
		{ObligeRedact, "it demands that prompts are redacted, and refuses those that cannot be"},
		{ObligeRedactAnswer, "it demands that answers are redacted, and refuses those that cannot be"},
	} {
		if r.head.action.matches(obligation(d.name), []uid{obligation(d.name), groupOblige}) {
			return d.text
		}
	}
	return ""
}

func (p *Permits) grants(h *holder, place rights.Place) error {
	if h == nil {
		return nil
	}
	for _, g := range h.grants {
		if h.deps.of(g) == nil {
			continue
		}
		converted, err := place.Granted(h.deps.templates[g.Entitlement].ent, *g)
		if err != nil {
			return err
		}
		granted := Granted{GrantedPolicy: converted}
		for _, r := range h.rules {
			if r.grant == g && !strings.HasPrefix(actionName(r), "oblige:") {
				granted.Rules = append(granted.Rules, r.id)
			}
		}
		p.Granted = append(p.Granted, granted)
	}
	return nil
}

// actionName is the first action of a grant's rule.
func actionName(r *rule) string { return string(r.head.action.ids[0].ID) }

// law converts a rule that is no grant's.
func (p *Permits) law(f *forbidding, r *rule) error {
	if !r.forbid {
		p.Unconverted = append(p.Unconverted, Unconverted{Rule: r.id, Effect: EffectPermit, Reason: "it is a permit that no grant stands behind"})
		return nil
	}
	statements, err := f.exactly(r)
	exact := err == nil
	if !exact {
		p.Unconverted = append(p.Unconverted, Unconverted{Rule: r.id, Effect: EffectForbid, Reason: err.Error()})
		if statements, err = f.roughly(r); err != nil {
			return fmt.Errorf("converting policy %s: %w", r.id, err)
		}
	}
	if len(statements) == 0 {
		return nil
	}
	text, err := rights.WritePolicy("rule "+r.id, statements)
	if err != nil {
		return fmt.Errorf("converting policy %s: %w", r.id, err)
	}
	p.Forbids = append(p.Forbids, Forbidden{Rule: r.id, PolicyText: text, Exact: exact})
	return nil
}

// rules are all the rules of an index, each once, by name. A nil index has none.
func (x *index) rules() []*rule {
	if x == nil {
		return nil
	}
	var all []*rule
	for _, s := range x.byAction {
		all = append(all, s.rest...)
		for _, rules := range s.byPrincipal {
			all = append(all, rules...)
		}
		for _, rules := range s.byResource {
			all = append(all, rules...)
		}
		for _, rules := range s.byType {
			all = append(all, rules...)
		}
	}
	slices.SortFunc(all, func(a, b *rule) int { return strings.Compare(a.id, b.id) })
	return slices.Compact(all)
}
