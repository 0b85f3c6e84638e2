package analyse

import (
	"maps"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Evidence is what a comparison of two sets of policies came to, and what it
// was taken over: every action named, every class of resources that the
// policies tell apart, every value of every condition key.
type Evidence struct {
	Verdict   rights.Verdict  `json:"verdict"`
	Actions   int             `json:"actions"`         // compared
	Classes   int             `json:"resourceClasses"` // of all actions together
	Action    string          `json:"action,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Condition string          `json:"condition,omitempty"`
	Witness   *rights.Witness `json:"witness,omitempty"`
	Facts     string          `json:"facts"` // day of the tables of actions and keys
	At        time.Time       `json:"at"`
}

// Proven reports that nothing is new.
func (e Evidence) Proven() bool { return e.Verdict == rights.NoNewAccess }

func (a *Analysis) evidence() Evidence {
	return Evidence{Verdict: rights.NoNewAccess, Facts: a.Facts.Date(), At: a.Now}
}

// note takes up the comparison for one more action. What is new outweighs what
// is not known.
func (e *Evidence) note(action string, c rights.Comparison) {
	if c.Verdict == rights.NoNewAccess || e.Verdict == rights.NewAccess || e.Verdict == rights.Undecided && c.Verdict == rights.Undecided {
		return
	}
	e.Verdict, e.Action, e.Reason, e.Condition, e.Witness = c.Verdict, action, c.Reason, rights.Terms(c.Condition), c.Witness
}

// side is one of two sets of policies that are compared.
type side struct {
	layers awsiam.Layers
	known  awsiam.Context
	on     *Analysis // whose resource policies and RCPs apply
	acct   *estate.Account
}

// contest compares what two sets of policies allow one principal.
type contest struct {
	*atlas
	who       *estate.Principal
	old, next side
	both      bool // also what is lost
	loose     bool // a check may have keys that, by the facts, it never has
}

// run compares over every resource of every action. New is what the next side
// allows and the old one does not, lost the opposite.
func (c *contest) run(actions []string) (fresh, lost Evidence) {
	fresh, lost = c.evidence(), c.evidence()
	fresh.Actions, lost.Actions = len(actions), len(actions)
	for _, action := range actions {
		forth := c.next.speaks(action) && fresh.Verdict != rights.NewAccess
		back := c.both && c.old.speaks(action) && lost.Verdict != rights.NewAccess
		if forth || back {
			c.compare(action, forth, back, &fresh, &lost)
		}
	}
	return fresh, lost
}

// speaks reports whether a side can allow an action at all.
func (s *side) speaks(action string) bool {
	return len(s.acct.Resource) > 0 || slices.ContainsFunc(s.layers.Identity, func(d *awsiam.Document) bool { return mentions(d, action) })
}

func (c *contest) compare(action string, forth, back bool, fresh, lost *Evidence) {
	within := c.forms(action, c.who.Account.Partition, "*")
	known := maps.Clone(c.old.known)
	maps.DeleteFunc(known, func(k string, v awsiam.Value) bool { return !v.Equal(c.next.known[k]) })
	names, doubt := c.resourceClasses(action, within, known, policiesOf(c.old.layers, c.next.layers))
	names = append(names, c.old.on.shared(within)...)
	names = append(names, c.next.on.shared(within)...)
	fresh.Classes += len(names)
	lost.Classes += len(names)
	if doubt != "" {
		c.doubtful(action, doubt, forth, back, fresh, lost)
		return
	}
	for _, name := range names {
		c.compareOn(action, name, forth, back, fresh, lost)
	}
}

// compareOn compares on one resource, in a frame of its own: there, what a check
// fixes is fixed for both sides.
func (c *contest) compareOn(action, resource string, forth, back bool, fresh, lost *Evidence) {
	f := rights.NewFrame(c.timeless())
	old, next := c.caseOf(&c.old, action, resource), c.caseOf(&c.next, action, resource)
	f.Add(old)
	f.Add(next)
	f.Close()
	if forth {
		fresh.note(action, f.Compare(old, next))
	}
	if back {
		lost.note(action, f.Compare(next, old))
	}
}

func (c *contest) doubtful(action, doubt string, forth, back bool, fresh, lost *Evidence) {
	open := rights.Comparison{Verdict: rights.Undecided, Reason: doubt}
	if forth {
		fresh.note(action, open)
	}
	if back {
		lost.note(action, open)
	}
}

// caseOf asks for one resource. A resource of an account that the estate does
// not hold counts as the caller's own: whether that account shares it is not
// known, and would only take away.
func (c *contest) caseOf(s *side, action, resource string) *rights.Case {
	k := c.openCheck(action, resource)
	if s.acct == placeless || s.on.Estate.Account(k.Account) == nil {
		k.Account = ""
		delete(k.Known, "aws:resourceaccount")
	}
	if c.loose {
		for key := range c.without(action) {
			delete(k.Known, key)
		}
	}
	x := &rights.Case{Principal: c.who.Principal, Layers: s.layers, Checks: s.on.bind([]rights.Check{k}, s.acct), Known: s.known}
	if c.who.UniqueID != "" {
		x.Within = c.Case(c.who, nil, nil).Within
	}
	return x
}

// undirected is what is known of a principal however its calls come: also of
// those that a service passes on.
func (a *Analysis) undirected(p *estate.Principal) awsiam.Context {
	known := maps.Clone(a.Known(p))
	for k := range rights.Direct() {
		delete(known, k)
	}
	return known
}
