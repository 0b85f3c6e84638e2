package budget

import (
	"slices"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// Covers says which calls a budget is about: those that every list with anything in
// it names something of.
type Covers struct {
	Identities   []string `json:"identities,omitempty" yaml:"identities,omitempty"`
	Grants       []string `json:"grants,omitempty" yaml:"grants,omitempty"` // that give the right to the call
	Entitlements []string `json:"entitlements,omitempty" yaml:"entitlements,omitempty"`
	Teams        []string `json:"teams,omitempty" yaml:"teams,omitempty"` // of the identity
	// Models: bare model ids, whichever way they are reached, profile ids,
	// "family:<id>" or "provider:<id>".
	Models []string `json:"models,omitempty" yaml:"models,omitempty"`
}

// Subject is what budgets can know of a call. The gateway has established all of it.
type Subject struct {
	Identity, Session, Team     string
	Environment, Owner, Sponsor string // of the identity; no budget goes by them
	SessionEnds                 time.Time
	Held                        []Held // the grants that give the right to the call
	// Model is the bare id of the model, Profile the profile it is reached through;
	// all are empty where a call is about no model.
	Model, Profile, Family, Provider string
}

// Held is a grant that gives the right to a call.
type Held struct {
	Grant, Entitlement string
	Monthly            *Money // what it may cost a month of UTC; nil: no such limit
}

// validate checks form only.
func (c *Covers) validate() (errs problems) {
	for _, list := range []struct {
		field string
		names []string
	}{{"covers.identities", c.Identities}, {"covers.grants", c.Grants}, {"covers.entitlements", c.Entitlements}} {
		for _, n := range list.names {
			if !identity.ValidName(n) {
				errs.add("%s: %q is not a name", list.field, n)
			}
		}
	}
	for _, list := range []struct {
		field string
		names []string
	}{
		{"covers.identities", c.Identities}, {"covers.grants", c.Grants}, {"covers.entitlements", c.Entitlements}, {"covers.teams", c.Teams}, {"covers.models", c.Models},
	} {
		for i, n := range list.names {
			if n == "" || len(n) > maxCovered {
				errs.add("%s: want names of 1–%d bytes", list.field, maxCovered)
			}
			if slices.Index(list.names, n) != i {
				errs.add("%s: %q is given twice", list.field, n)
			}
		}
	}
	return errs
}

// maxCovered is the longest name in a list, in bytes: an ARN fits.
const maxCovered = 256

// Held lists the subject's grants that the budget covers; ok is false where it does
// not cover the call at all. A budget that asks for no grant covers calls without one.
func (c *Covers) held(s *Subject) (held []Held, ok bool) {
	if !names(c.Identities, s.Identity) || !names(c.Teams, s.Team) || !c.model(s) {
		return nil, false
	}
	if len(c.Grants)+len(c.Entitlements) == 0 {
		return s.Held, true
	}
	for _, h := range s.Held {
		if names(c.Grants, h.Grant) && names(c.Entitlements, h.Entitlement) {
			held = append(held, h)
		}
	}
	return held, len(held) > 0
}

// names reports whether a list has a name in it, or is empty.
func names(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }

// model reports whether a call is about a model that the budget covers.
func (c *Covers) model(s *Subject) bool {
	if len(c.Models) == 0 {
		return true
	}
	return slices.ContainsFunc(s.selectors(), func(m string) bool { return slices.Contains(c.Models, m) })
}

// selectors are the names under which a call's model can be covered.
func (s *Subject) selectors() []string {
	out := make([]string, 0, 4)
	for _, named := range []struct{ prefix, name string }{{"", s.Model}, {"", s.Profile}, {"family:", s.Family}, {"provider:", s.Provider}} {
		if named.name != "" {
			out = append(out, named.prefix+named.name)
		}
	}
	return out
}
