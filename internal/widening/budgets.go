package widening

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// judgeLimits counts limits that come with a grant, by its entitlement or by what
// was said that it costs, and that hold back less than they did.
func (w *widening) judgeLimits(c *class) error {
	now, ok := w.after.Grant(c.first.ID)
	if !ok || len(c.causes) == 0 {
		return nil
	}
	ofGrant, ofEntitlement := resourceID(manifest.Grant, now.ID), resourceID(manifest.Entitlement, now.Entitlement)
	if now.Entitlement != c.first.Entitlement {
		ofEntitlement = ofGrant
	}
	if why := budget.LooserAll(limitsOf(w.before, c.first), limitsOf(w.after, now)); len(why) > 0 {
		w.note(c, ofEntitlement, topicBudget, "the entitlement "+strings.Join(why, ", and "), nil)
	}
	was, is := c.first.Held().Monthly, now.Held().Monthly
	switch {
	case was == nil:
	case is == nil:
		w.note(c, ofGrant, topicBudget, fmt.Sprintf("the grant may cost anything, and could cost %v a month", *was), nil)
	case *is > *was:
		w.note(c, ofGrant, topicBudget, fmt.Sprintf("the grant may cost %v a month, and could cost %v", *is, *was), nil)
	}
	return nil
}

func limitsOf(s *snapshot.Snapshot, g *rights.Grant) []budget.Terms {
	if e, ok := s.Entitlement(g.Entitlement); ok {
		return e.Limits
	}
	return nil
}

// judgeBudgets counts budgets that hold back less than they did, for the live
// grants that they cover: those that changed, and those that an identity or a model
// slipped out of.
func (w *widening) judgeBudgets() {
	b := budgeting{widening: w, named: map[string]map[string]bool{}}
	for _, name := range w.changed[manifest.Budget] {
		was, had := w.before.Budget(name)
		now, has := w.after.Budget(name)
		switch {
		case !had:
			continue
		case !has:
			now = nil
		}
		if why := budget.Looser(was, now); len(why) > 0 {
			text := fmt.Sprintf("budget %s %s", name, strings.Join(why, ", and "))
			b.note(was, resourceID(manifest.Budget, name), text, func(*rights.Grant) bool { return true })
		}
	}
	b.judgeTeams()
	b.judgeFamilies()
}

// budgeting finds the grants that budgets cover.
type budgeting struct {
	*widening
	named map[string]map[string]bool // by entitlement: the names that budgets can have for its models
}

// judgeTeams counts identities that went from one team to another, and so out of an
// account or out of a budget.
func (b *budgeting) judgeTeams() {
	for _, name := range b.changed[manifest.Identity] {
		was, had := b.before.Identity(name)
		now, has := b.after.Identity(name)
		if !had || !has || was.Team == now.Team {
			continue
		}
		for _, v := range b.before.AllBudgets() {
			leaves := len(v.Covers.Teams) > 0 && !slices.Contains(v.Covers.Teams, now.Team)
			if leaves || v.Split() == budget.PerTeam {
				text := fmt.Sprintf("budget %s does not count the identity under team %s any more", v.ID, orNone(was.Team))
				b.note(v, resourceID(manifest.Identity, name), text, func(g *rights.Grant) bool { return g.Identity == name })
			}
		}
	}
}

func orNone(name string) string {
	if name == "" {
		return "none"
	}
	return name
}

// judgeFamilies does so for models that became another family's or provider's.
func (b *budgeting) judgeFamilies() {
	for _, name := range b.changed[manifest.Model] {
		was, had := b.before.Catalogue.Model(name)
		now, has := b.after.Catalogue.Model(name)
		if !had || !has || was.Family == now.Family && was.Provider == now.Provider {
			continue
		}
		for _, v := range b.before.AllBudgets() {
			named := slices.Contains(v.Covers.Models, "family:"+was.Family) || slices.Contains(v.Covers.Models, "provider:"+was.Provider)
			if named || v.Split() == budget.PerFamily && was.Family != now.Family {
				text := fmt.Sprintf("budget %s does not count model %s under family %s of %s any more", v.ID, name, was.Family, was.Provider)
				b.note(v, resourceID(manifest.Model, name), text, func(g *rights.Grant) bool { return b.names(g.Entitlement)[name] })
			}
		}
	}
}

// note keeps what was found of a budget, once for each entitlement of the live
// grants that it covers and that are among some. One that covers no grant widens
// what is permitted without one, if anything is.
func (b *budgeting) note(v *budget.Budget, cause, text string, among func(*rights.Grant) bool) {
	found := map[string]*class{}
	for g := range b.before.EachGrant() {
		if !b.covers(v, g) || !among(g) || !b.lives(g) {
			continue
		}
		c := found[g.Entitlement]
		if c == nil {
			c = &class{first: g}
			found[g.Entitlement] = c
		}
		if c.n++; g.ID < c.first.ID {
			c.first = g
		}
	}
	if len(found) == 0 && len(v.Covers.Grants)+len(v.Covers.Entitlements) == 0 && b.permitsWithout() {
		b.tallies[tallyKey{cause: cause, topic: topicBudget + " " + v.ID}] = &tally{Widens: request.Widens{Cause: cause, Text: text}, n: 1}
	}
	for _, c := range found {
		// Each budget is told of, also where one change loosens several.
		b.widening.note(c, cause, topicBudget+" "+v.ID, text, nil)
	}
}

// permitsWithout reports whether a rule permits something that no grant stands behind.
func (b *budgeting) permitsWithout() bool {
	for _, l := range b.laws.was {
		if l.Effect == policy.EffectPermit {
			return true
		}
	}
	return false
}

// covers reports whether a budget may cover a call by a grant, as things were.
func (b *budgeting) covers(v *budget.Budget, g *rights.Grant) bool {
	lists := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	who, ok := b.before.Identity(g.Identity)
	if !ok {
		who = &identity.Identity{}
	}
	of := &v.Covers
	return lists(of.Identities, g.Identity) && lists(of.Grants, g.ID) && lists(of.Entitlements, g.Entitlement) && lists(of.Teams, who.Team) &&
		(len(of.Models) == 0 || slices.ContainsFunc(of.Models, func(m string) bool { return b.names(g.Entitlement)[m] }))
}

// names are those that budgets can have for the models that an entitlement reaches.
func (b *budgeting) names(entitlement string) map[string]bool {
	if had, ok := b.named[entitlement]; ok {
		return had
	}
	names := map[string]bool{}
	b.named[entitlement] = names
	e, ok := b.before.Entitlement(entitlement)
	if !ok {
		return names
	}
	cat := b.before.Catalogue
	leads := leadsOf(cat)
	models, profiles := reachOf(cat, e)
	for _, m := range models {
		for _, s := range selectorsOf(cat, leads, m.ID) {
			names[s] = true
		}
	}
	for _, p := range profiles {
		for _, s := range selectorsOf(cat, leads, p.ID) {
			names[s] = true
		}
	}
	return names
}
