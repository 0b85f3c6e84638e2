// Package cedarset is what Writ's two sets of Cedar rules have in common: a
// schema with its strict validator, documents of policies, and the question
// itself with the care that it takes. The rules for calls are in package policy,
// those for the control plane in package authority.
//
// The package is pure. It trusts nobody for rules: a set loads only when every
// rule passes Cedar's strict validator in every environment that its scope
// allows, and a question that does not conform to the schema is refused. In
// Cedar a policy that errs is skipped, a forbid too; here a forbid that errs
// denies (security S6). The validator of cedar-go is experimental, so that its
// use is in one place.
package cedarset

import (
	"fmt"
	"slices"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"
)

// Vocabulary is a schema, with Cedar's strict validator for it.
type Vocabulary struct {
	schema    *resolved.Schema
	validator *validate.Validator
}

// ParseVocabulary reads a schema in Cedar's own notation.
func ParseVocabulary(name string, text []byte) (*Vocabulary, error) {
	var s schema.Schema
	s.SetFilename(name)
	if err := s.UnmarshalCedar(text); err != nil {
		return nil, fmt.Errorf("parsing schema: %w", err)
	}
	r, err := s.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolving schema: %w", err)
	}
	return &Vocabulary{schema: r, validator: validate.New(r, validate.WithStrict())}, nil
}

// CheckPolicy validates a policy in every environment that its scope allows.
func (v *Vocabulary) CheckPolicy(id string, p *ast.Policy) error { return v.validator.Policy(id, p) }

// CheckEntity validates an entity's type, parents and attributes.
func (v *Vocabulary) CheckEntity(e cedar.Entity) error { return v.validator.Entity(e) }

// CheckQuery validates a question: its action, what it applies to, its context.
func (v *Vocabulary) CheckQuery(q cedar.Request) error { return v.validator.Request(q) }

// Actions returns every action and group with all groups it is in, itself first.
func (v *Vocabulary) Actions() map[cedar.EntityUID][]cedar.EntityUID {
	out := make(map[cedar.EntityUID][]cedar.EntityUID, len(v.schema.Actions))
	for id := range v.schema.Actions {
		out[id] = v.lineage(id, nil)
	}
	return out
}

func (v *Vocabulary) lineage(id cedar.EntityUID, seen []cedar.EntityUID) []cedar.EntityUID {
	if slices.Contains(seen, id) {
		return seen
	}
	seen = append(seen, id)
	for parent := range v.schema.Actions[id].Entity.Parents.All() {
		seen = v.lineage(parent, seen)
	}
	return seen
}

// ActionEntities returns the actions as entities, so that `action in` a group
// can be evaluated.
func (v *Vocabulary) ActionEntities() cedar.EntityMap {
	out := make(cedar.EntityMap, len(v.schema.Actions))
	for id, a := range v.schema.Actions {
		out[id] = cedar.Entity{UID: id, Parents: a.Entity.Parents}
	}
	return out
}

// Concrete reports whether an action can be asked for, and is not a group.
func (v *Vocabulary) Concrete(action cedar.EntityUID) bool {
	return v.schema.Actions[action].AppliesTo != nil
}

// Parse reads a text of Cedar policies; positions carry the name.
func Parse(name, text string) ([]*cedar.Policy, error) {
	list, err := cedar.NewPolicyListFromBytes(name, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("parsing policy %s: %w", name, err)
	}
	return list, nil
}
