package cedarset

import (
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// Document is a text of Cedar policies.
type Document struct {
	Name string // required, unique: names the policies in reasons
	Text string
}

// rule is one policy of a set. It is named <document>/<@id, else its number
// from 1>.
type rule struct {
	id, text string
	forbid   bool
	compiled *cedar.Policy
}

// Set is an immutable, validated set of rules, safe for concurrent use.
type Set struct {
	vocabulary *Vocabulary
	actions    cedar.EntityMap
	rules      []*rule
	named      map[cedar.PolicyID]*rule
}

// NewSet makes an empty set over a vocabulary.
func NewSet(v *Vocabulary) *Set {
	return &Set{vocabulary: v, actions: v.ActionEntities(), named: map[cedar.PolicyID]*rule{}}
}

// Add loads a document. With forbidsOnly a permit in it is an error.
func (s *Set) Add(d Document, forbidsOnly bool) error {
	parsed, err := Parse(d.Name, d.Text)
	if err != nil {
		return err
	}
	var errs []error
	for i, p := range parsed {
		r := &rule{id: nameOf(d.Name, p, i), text: string(p.Annotations()["text"]), forbid: p.Effect() == cedar.Forbid, compiled: p}
		switch {
		case s.named[cedar.PolicyID(r.id)] != nil:
			errs = append(errs, fmt.Errorf("policy %s: the name is taken", r.id))
		case forbidsOnly && !r.forbid:
			errs = append(errs, fmt.Errorf("policy %s: only a forbid may be added here", r.id))
		}
		if err := s.vocabulary.CheckPolicy(r.id, (*ast.Policy)(p.AST())); err != nil {
			errs = append(errs, fmt.Errorf("policy %s: %w", r.id, err))
		}
		s.rules, s.named[cedar.PolicyID(r.id)] = append(s.rules, r), r
	}
	return errors.Join(errs...)
}

func nameOf(document string, p *cedar.Policy, i int) string {
	if id := p.Annotations()["id"]; id != "" {
		return document + "/" + string(id)
	}
	return document + "/" + strconv.Itoa(i+1)
}

// all offers the rules to cedar-go one by one, in order.
type all []*rule

// All implements cedar.PolicyIterator.
func (l all) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range l {
			if !yield(cedar.PolicyID(r.id), r.compiled) {
				return
			}
		}
	}
}

// Answer is what a set says to a question.
type Answer struct {
	Allowed bool
	Reasons []Reason // the forbids if any held, else the permits that held
	Errors  []Reason // rules that could not be evaluated, and why
}

// Reason is a rule with what it says, or what was wrong with it.
type Reason struct{ Rule, Text string }

// Ask evaluates every rule. A question, or an entity that it brings, that does
// not conform to the schema is an error; a forbid that fails to evaluate denies,
// a permit that does is void (security S6).
func (s *Set) Ask(q cedar.Request, brought ...cedar.Entity) (Answer, error) {
	if err := s.vocabulary.CheckQuery(q); err != nil {
		return Answer{}, err
	}
	for _, e := range brought {
		if err := s.vocabulary.CheckEntity(e); err != nil {
			return Answer{}, err
		}
	}
	decision, diagnostic := cedar.Authorize(all(s.rules), scene{s.actions, brought}, q)
	a := Answer{Allowed: decision == cedar.Allow}
	for _, r := range diagnostic.Reasons {
		a.Reasons = append(a.Reasons, Reason{string(r.PolicyID), s.named[r.PolicyID].text})
	}
	for _, e := range diagnostic.Errors {
		a.Errors = append(a.Errors, Reason{string(e.PolicyID), e.Message})
		a.Allowed = a.Allowed && !s.named[e.PolicyID].forbid
	}
	return a, nil
}

// scene is the entities of one question: the actions, and what it brings.
type scene struct {
	actions cedar.EntityMap
	brought []cedar.Entity
}

// Get implements cedar's EntityGetter.
func (s scene) Get(id cedar.EntityUID) (cedar.Entity, bool) {
	for _, e := range s.brought {
		if e.UID == id {
			return e, true
		}
	}
	e, ok := s.actions[id]
	return e, ok
}
