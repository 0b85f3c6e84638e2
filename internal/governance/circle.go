package governance

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// circle is a request among people: whom it is about, and so who is too close to
// it to decide, and who its selectors name.
type circle struct {
	state       *snapshot.Snapshot
	requester   request.Party
	identity    *identity.Identity  // nil where the request is about none
	entitlement *rights.Entitlement // likewise
	subject     string              // Operator/name, where the request is about a person
	editors     map[string]string   // by account: what of the request they wrote
	close       map[string]string   // by person: why they may not decide; see tooClose
	object      authority.Object    // the request, as the rules of the control plane know it
	action      authority.Action    // what deciding on it is
	rules       *authority.Rules
	may         map[string][]string // who may decide, by what a stage asks for
}

// circleOf gathers whom a request is about. editors are found by the caller, who
// can read the log.
func (o *Office) circleOf(s *snapshot.Snapshot, r *request.Request, editors map[string]string) *circle {
	c := &circle{
		state: s, requester: r.Requester, editors: editors, rules: o.cfg.Authority, action: authority.Decide, may: make(map[string][]string),
	}
	if r.Kind == request.ForReview {
		c.action = authority.CloseReview
	}
	switch ask := r.Ask; {
	case ask.Grant != nil:
		c.identity, _ = s.Identity(ask.Grant.Identity)
		c.entitlement, _ = s.Entitlement(ask.Grant.Entitlement)
	case ask.Lift != nil && ask.Lift.Target.Kind == rights.TargetIdentity:
		c.identity, _ = s.Identity(ask.Lift.Target.Name)
	case ask.Waiver != nil:
		if name, ok := strings.CutPrefix(ask.Waiver.Subject, "Identity/"); ok {
			c.identity, _ = s.Identity(name)
		}
		c.subject = ask.Waiver.Subject
	case ask.Review != nil:
		c.identity, _ = s.Identity(ask.Review.Identity)
		if g, ok := s.Grant(ask.Review.Grant); ok {
			c.entitlement, _ = s.Entitlement(g.Entitlement)
		}
	}
	c.close = c.tooClose(r)
	c.object = requestObject(s, r)
	return c
}

// tooClose is everyone for whom the request is their own (rule R2): who asked, who
// answers for the identity, who answers for another with the same sponsor, and
// who last wrote the rules that it is judged by. By person, so that a second
// account does not help.
func (c *circle) tooClose(r *request.Request) map[string]string {
	out := make(map[string]string)
	add := func(name, why string) {
		if name == "" {
			return
		}
		for _, person := range c.persons(name) {
			if _, ok := out[person]; !ok {
				out[person] = why
			}
		}
	}
	add(r.Requester.Operator, "they asked for it")
	if p := r.Requester.Person; p != "" {
		out[p] = "they asked for it"
	}
	if r.Ask.Review != nil {
		add(r.Ask.Review.By.Operator, "they took the emergency grant")
		if p := r.Ask.Review.By.Person; p != "" {
			out[p] = "they took the emergency grant"
		}
	}
	if name, ok := strings.CutPrefix(c.subject, "Operator/"); ok {
		add(name, "it is about them")
	}
	if r.Ask.Change != nil {
		for _, w := range r.Ask.Change.Widens {
			add(w.Operator, "it is about their roles")
		}
	}
	if i := c.identity; i != nil {
		add(i.Sponsor, "they sponsor the identity")
		add(i.Owner, "they own the identity")
		add(i.Deputy, "they are the identity's deputy")
		if i.Sponsor != "" {
			for _, sibling := range c.state.AnsweredBy(i.Sponsor) {
				if !strings.EqualFold(sibling.Sponsor, i.Sponsor) {
					continue
				}
				add(sibling.Owner, "they own an identity with the same sponsor")
				add(sibling.Deputy, "they are deputy of an identity with the same sponsor")
				add(sibling.ID, "it is an agent with the same sponsor")
			}
		}
	}
	for _, account := range sortedKeys(c.editors) {
		add(account, c.editors[account])
	}
	return out
}

// persons are the people behind a name as sponsors and owners are written: those
// of the accounts it names, or the name itself, which may belong to nobody here.
func (c *circle) persons(name string) []string {
	var out []string
	for _, op := range c.state.Operators() {
		if op.Is(name) {
			out = append(out, op.Behind())
		}
	}
	return append(out, strings.ToLower(name))
}

// excludes says why an operator may not decide, or "".
func (c *circle) excludes(op *operator.Operator) string {
	for _, name := range []string{op.Behind(), op.ID, op.Email} {
		if why, ok := c.close[strings.ToLower(name)]; ok {
			return why
		}
		if why, ok := c.close[name]; ok {
			return why
		}
	}
	return ""
}

// eligible are the operators that may decide on a stage, by name, and those it
// names that may not, with the reason. Being named is not enough: the rules of the
// control plane have to allow it too.
func (c *circle) eligible(selectors []string) (may []string, excluded map[string]string) {
	excluded = make(map[string]string)
	for _, op := range c.state.Operators() {
		if op.Disabled || !slices.ContainsFunc(selectors, func(sel string) bool { return c.matches(sel, op) }) {
			continue
		}
		if why := c.excludes(op); why != "" {
			excluded[op.ID] = why
			continue
		}
		if d := c.decides(authority.Subject{Operator: op}); !d.Allowed {
			excluded[op.ID] = notAllowed(d)
			continue
		}
		may = append(may, op.ID)
	}
	slices.Sort(may)
	return may, excluded
}

// decides asks the rules whether somebody may decide, as one of the eligible.
func (c *circle) decides(who authority.Subject) authority.Decision {
	on := c.object
	on.Eligible = []string{who.Operator.ID}
	if who.Place != nil {
		on.Eligible = []string{who.Place.ID}
	}
	return c.rules.Decide(who, c.action, on)
}

func notAllowed(d authority.Decision) string {
	if len(d.Reasons) == 0 {
		return "no role of theirs covers it"
	}
	return strings.Join(d.Reasons, "; ")
}

// at is the circle as a stage sees it: one that is about an entitlement is decided
// on by those who decide on that entitlement's grants.
func (c *circle) at(st *request.Stage) *circle {
	e, ok := c.state.Entitlement(st.Entitlement)
	if !ok {
		return c
	}
	there := *c
	there.entitlement = e
	if g, ok := c.state.Grant(st.Grant); ok {
		there.identity, _ = c.state.Identity(g.Identity)
	}
	var who string
	if there.identity != nil {
		who = there.identity.ID
	}
	there.object = objectOf(c.state, c.object.Kind, c.object.Name, who, e.ID)
	there.object.Requester = c.object.Requester
	return &there
}

// deciders are the operators that may decide on a stage now. Rules are asked about
// each once, however often one request is looked at.
func (c *circle) deciders(st *request.Stage, escalated bool) []string {
	selectors := stageSelectors(st, escalated)
	key := strings.Join(append([]string{st.Entitlement, st.Grant}, selectors...), "\x00")
	if _, known := c.may[key]; !known {
		may, _ := c.at(st).eligible(selectors)
		c.may[key] = slices.Clip(may)
	}
	return c.may[key]
}

// stageSelectors are the selectors that the open stage goes by now.
func stageSelectors(st *request.Stage, escalated bool) []string {
	if escalated {
		return append(slices.Clip(st.Approvers), st.Escalate...)
	}
	return st.Approvers
}

// matches reports whether a selector (see rights.ParsePeople) names an operator.
// A role counts within its own scope.
func (c *circle) matches(selector string, op *operator.Operator) bool {
	p, err := rights.ParsePeople(selector)
	if err != nil {
		return false // it was validated; what is not understood names nobody
	}
	switch p.Kind {
	case rights.PeopleRole:
		return authority.Holds(op, operator.Role(p.Name), c.object)
	case rights.PeopleTeam:
		return slices.Contains(op.Teams, p.Name)
	case rights.PeopleOperator:
		return op.ID == p.Name
	case rights.PeopleIdentityTeam:
		return c.identity != nil && c.identity.Team != "" && slices.Contains(op.Teams, c.identity.Team)
	case rights.PeopleAnyone:
		return true
	}
	return slices.ContainsFunc(c.named(p.Kind), op.Is)
}

// named are the people that a selector without a name means.
func (c *circle) named(kind rights.PeopleKind) []string {
	switch {
	case kind == rights.PeopleOwner && c.entitlement != nil:
		return []string{c.entitlement.Owner}
	case kind == rights.PeopleModelOwner && c.entitlement != nil:
		return c.modelOwners()
	case c.identity == nil:
		return nil
	}
	switch kind {
	case rights.PeopleSponsor:
		return []string{c.identity.Sponsor}
	case rights.PeopleIdentityOwner:
		return []string{c.identity.Owner}
	case rights.PeopleDeputy:
		return []string{c.identity.Deputy}
	}
	return nil
}

func (c *circle) modelOwners() []string {
	var out []string
	for _, m := range c.entitlement.Models {
		if entry, ok := c.state.Catalogue.Model(m); ok && entry.Owner != "" {
			out = append(out, entry.Owner)
		}
	}
	return out
}
