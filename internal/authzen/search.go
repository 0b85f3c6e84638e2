package authzen

import (
	"iter"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// checkEvery is how many candidates are looked at between two looks at whether
// anybody still waits for the answer.
const checkEvery = 256

// subjects answers who may do something to a resource: every identity, by name,
// of which an evaluation would say yes.
func (p *point) subjects(s *session, m *message) (any, error) {
	if name := m.missing(false, true, true); name != "" {
		return nil, bad("%s is required", name)
	}
	c, err := cursorOf("subject", m)
	if err != nil {
		return nil, err
	}
	if !subjectType(m.Subject.Type) {
		return results{Results: []found{}}, nil
	}
	q, refused := s.read(&m.tuple, "")
	if refused != nil {
		return nothing(refused)
	}
	seen := 0
	return gather(c, s.candidates(q, c.after), nameItself, func(name string) (found, bool, error) {
		if seen++; seen%checkEvery == 0 && s.http.Context().Err() != nil {
			return found{}, false, s.http.Context().Err()
		}
		who, ok := s.state.Identity(name)
		return found{Type: m.Subject.Type, ID: name}, ok && s.decide(q, who).allowed, nil
	})
}

func nameItself(s string) string { return s }

// nothing is the answer to a search for what is not known here: no results,
// unless what was asked makes no sense.
func nothing(why *refusal) (any, error) {
	if why.code == codeInvalid {
		return nil, bad("%s", why.text)
	}
	return results{Results: []found{}}, nil
}

// candidates are the identities, by name, that may do something because of a
// grant that has a say in the question; all of them where rules of the
// organisation permit without a grant. They begin behind a name.
func (s *session) candidates(q *question, after string) iter.Seq[string] {
	if s.state.Bundle.PermitsWithoutGrant() {
		return s.state.IdentitiesAfter(after)
	}
	touches := s.touching(q)
	var key []string
	for _, e := range s.state.Entitlements() {
		if touches(e) {
			key = append(key, e.ID)
		}
	}
	return s.state.HoldersAfter(after, key)
}

// resources answers what an identity may do something to: the catalogue's models
// or profiles, or the guardrails that entitlements name.
func (p *point) resources(s *session, m *message) (any, error) {
	if name := m.missing(true, true, false); name != "" {
		return nil, bad("%s is required", name)
	}
	c, err := cursorOf("resource", m)
	if err != nil {
		return nil, err
	}
	who, refused := s.subject(m.Subject)
	if refused != nil {
		return nothing(refused)
	}
	if _, refused := operationOf(m.Action); refused != nil {
		return nothing(refused)
	}
	return gather(c, slices.Values(s.catalogued(m.Resource.Type)), nameItself, func(id string) (found, bool, error) {
		t := m.tuple
		r := *m.Resource
		r.ID = id
		t.Resource = &r
		q, refused := s.read(&t, "")
		if refused != nil {
			_, err := nothing(refused)
			return found{}, false, err
		}
		return found{Type: r.Type, ID: id}, s.decide(q, who).allowed, nil
	})
}

// catalogued lists what there is of a type of resource, sorted.
func (s *session) catalogued(kind string) []string {
	var ids []string
	switch kind {
	case resourceModel:
		for _, m := range s.state.Catalogue.Models() {
			ids = append(ids, m.ID)
		}
	case resourceProfile:
		for _, f := range s.state.Catalogue.Profiles() {
			ids = append(ids, f.ID)
		}
	case resourceGuardrail:
		for _, e := range s.state.Entitlements() {
			ids = append(ids, e.Conditions.Guardrails...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// actions answers what an identity may do to a resource.
func (p *point) actions(s *session, m *message) (any, error) {
	m.Action = nil // what is searched for is ignored if it is sent
	if name := m.missing(true, false, true); name != "" {
		return nil, bad("%s is required", name)
	}
	c, err := cursorOf("action", m)
	if err != nil {
		return nil, err
	}
	who, refused := s.subject(m.Subject)
	if refused != nil {
		return nothing(refused)
	}
	ops := operations(m.Resource.Type)
	slices.SortFunc(ops, func(a, b bedrock.Operation) int { return strings.Compare(actionName(a), actionName(b)) })
	return gather(c, slices.Values(ops), actionName, func(op bedrock.Operation) (found, bool, error) {
		q, refused := s.read(&m.tuple, op)
		if refused != nil {
			_, err := nothing(refused)
			return found{}, false, err
		}
		return found{Name: actionName(op)}, s.decide(q, who).allowed, nil
	})
}
