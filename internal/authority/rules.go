package authority

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/writ-project/writ/internal/cedarset"
	"github.com/writ-project/writ/internal/operator"
)

// Schema is the vocabulary of the rules, in Cedar's notation.
//
//go:embed authority.cedarschema
var Schema string

// Builtin is the text of the rules that hold in every installation.
//
//go:embed authority.cedar
var Builtin string

const builtinName = "builtin"

// theVocabulary parses the schema once. It is part of the program, so an error
// in it is not one of the caller's.
var theVocabulary = sync.OnceValue(func() *cedarset.Vocabulary {
	v, err := cedarset.ParseVocabulary("authority.cedarschema", []byte(Schema))
	if err != nil {
		panic(err)
	}
	return v
})

// Document is a text of Cedar policies written by the organisation.
type Document = cedarset.Document

// Rules decide. They are immutable and safe for concurrent use.
type Rules struct{ set *cedarset.Set }

// New compiles and strictly validates the built-in rules and an organisation's
// own, which can forbid and not permit: what the roles promise holds everywhere.
func New(extra []Document) (*Rules, error) {
	set := cedarset.NewSet(theVocabulary())
	errs := []error{set.Add(Document{Name: builtinName, Text: Builtin}, false)}
	for _, d := range extra {
		if d.Name == "" || d.Name == builtinName {
			errs = append(errs, fmt.Errorf("policy document %q: the name is empty or reserved", d.Name))
			continue
		}
		errs = append(errs, set.Add(d, true))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("loading the rules of authority: %w", err)
	}
	return &Rules{set}, nil
}

// Subject is who asks, with facts that its caller has established.
type Subject struct {
	Operator *operator.Operator // nil: nobody, who may do nothing
	Scopes   []string           // of the API token acted by; nil: signed in, all
	// Place is the operator in whose place Operator decides, by a delegation that
	// holds now; nil: in one's own.
	Place *operator.Operator
	// Maker is the account that made the credential acted by, where that was not the
	// operator: it may hold it too.
	Maker string
}

// AllScopes in a token stands for every action.
const AllScopes = "*"

// Decision is the answer to one question.
type Decision struct {
	Allowed bool
	Reasons []string  // what the rules that settled it say; empty: no rule permits it
	Errors  []Failure // rules that could not be evaluated
}

// Failure is a rule that could not be evaluated; a forbid denies then.
type Failure struct{ Rule, Message string }

// Decide answers whether a subject may do something to an object. What cannot be
// put to the rules is refused.
func (r *Rules) Decide(a Subject, act Action, on Object) Decision {
	switch {
	case a.Operator == nil:
		return Decision{Reasons: []string{"nobody acts"}}
	case a.Scopes != nil && !InScope(a.Scopes, act):
		return Decision{Reasons: []string{"the token's scopes leave it out"}}
	case a.Place != nil && a.Place.ID == a.Operator.ID:
		a.Place = nil
	}
	answer, err := r.set.Ask(question(a, act, on), entities(a, on)...)
	if err != nil {
		return Decision{Errors: []Failure{{Message: err.Error()}}}
	}
	d := Decision{Allowed: answer.Allowed}
	for _, reason := range answer.Reasons {
		d.Reasons = append(d.Reasons, reason.Text)
	}
	for _, e := range answer.Errors {
		d.Errors = append(d.Errors, Failure{e.Rule, e.Text})
	}
	return d
}

// InScope reports whether scopes, as tokens have them, contain an action.
func InScope(scopes []string, act Action) bool {
	return slices.Contains(scopes, string(act)) || slices.Contains(scopes, AllScopes)
}

// ValidScope reports whether a scope is one that a token can have.
func ValidScope(scope string) bool {
	return scope == AllScopes || slices.Contains(Actions, Action(scope))
}

// Holds reports whether an operator holds a role over an object: every list that
// the role is held within must name it, and all of its models.
func Holds(o *operator.Operator, role operator.Role, on Object) bool {
	return slices.ContainsFunc(o.Roles, func(h operator.Held) bool { return h.Role == role && over(h, on) })
}

func over(h operator.Held, on Object) bool {
	return within(h.Tiers, on.Tier) && within(h.Teams, on.Team) && within(h.Entitlements, on.Entitlement) &&
		(len(h.Models) == 0 || len(on.Models) > 0 && !slices.ContainsFunc(on.Models, func(m string) bool { return !slices.Contains(h.Models, m) }))
}

func within(list []string, name string) bool {
	return len(list) == 0 || name != "" && slices.Contains(list, name)
}
