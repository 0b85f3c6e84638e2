package rights

import (
	"slices"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

// Decision is the answer to a question with free keys.
type Decision string

// The decisions. Allowed holds whatever the free keys are, Conditional for some
// of their values.
const (
	Allowed      Decision = "allowed"
	Conditional  Decision = "conditional"
	Undetermined Decision = "undetermined"
	ImplicitDeny Decision = "implicit_deny"
	ExplicitDeny Decision = "explicit_deny"
)

// Can reports whether the decision is that someone can, or that it cannot be
// excluded.
func (d Decision) Can() bool { return d == Allowed || d == Conditional || d == Undetermined }

// LegAnswer is what one check of an invocation comes to on its own.
type LegAnswer struct {
	Kind     LegKind        `json:"kind,omitempty"`
	Action   string         `json:"action"`
	Resource string         `json:"resource"`
	Region   string         `json:"region,omitempty"`
	Decision Decision       `json:"decision"`
	Missing  []awsiam.Layer `json:"missing,omitempty"` // layers that allow nothing
}

// Answer is what a case comes to.
type Answer struct {
	Decision Decision
	// Condition says when, as alternatives of tests that must all hold; nil when
	// the decision is not Conditional.
	Condition []Term
	// From and Until bound when it holds, given the time asked about: it begins
	// at From if it does not hold yet, and ends at Until if it does. Zero: no bound.
	From, Until time.Time
	Legs        []LegAnswer
	Statements  []awsiam.Ref // those that allow, then those that limit
	NotRequired []string     // controls that the right does without
	Doubts      []string     // why it is undetermined, or less than exact
	Warnings    []string
	Witness     *Witness // a request that is allowed, for every leg; nil when none is
}

// Witness is a concrete request, which the plain evaluator confirmed.
type Witness struct {
	Principal string `json:"principal,omitempty"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
	AccountID string `json:"accountId,omitempty"`
	// Context holds a string for every key, a list for a multivalued one.
	Context map[string]any `json:"context"`
	Absent  []string       `json:"keysAbsent"` // keys that must be absent
}

// Solve answers a case on its own.
func Solve(u Universe, c *Case) Answer {
	f := NewFrame(u)
	f.Add(c)
	f.Close()
	return f.Answer(c)
}

// Answer reads the answer to a case off the frame.
func (f *Frame) Answer(c *Case) Answer {
	r := reading{Frame: f, c: c, at: f.possible, all: always}
	for i := range c.Checks {
		fn := f.build(c, &c.Checks[i])
		r.fns = append(r.fns, fn)
		r.all = f.and(r.all, fn.result)
	}
	r.now()
	a := Answer{Decision: r.decision(r.all)}
	r.legs(&a)
	if a.Decision == Undetermined || len(f.doubts) > 0 {
		a.Doubts = r.doubts()
	}
	r.times(&a)
	if a.Decision.Can() {
		r.explain(&a)
	} else {
		r.deny(&a)
	}
	if err := f.err(); err != nil { // then nothing that was read holds
		return Answer{Decision: Undetermined, Doubts: []string{err.Error()}, Legs: a.Legs}
	}
	return a
}

// reading is an answer in the making.
type reading struct {
	*Frame
	c   *Case
	fns []*function
	all Bounds
	// at is where the question is asked: what is possible, at the time asked.
	at   diagram.Node
	time *variable
}

// now narrows the question to the time it is asked at.
func (r *reading) now() {
	v := r.byKey[timeKey]
	if v == nil || r.u.Now.IsZero() {
		return
	}
	i := slices.IndexFunc(v.atoms, func(a atom) bool { return a.holds(r.u.Now) })
	if i >= 0 {
		r.time = v
		r.at = r.space.And(r.at, r.space.In(v.index, diagram.SetOf(i)))
	}
}

func (r *reading) decision(b Bounds) Decision {
	must, may := r.space.And(b.Must, r.at), r.space.And(b.May, r.at)
	switch {
	case may == diagram.False:
		return ImplicitDeny
	case must == diagram.False || len(r.Frame.doubts) > 0:
		return Undetermined
	case must == r.at:
		return Allowed
	}
	return Conditional
}

// legs decides each check on its own, and tells an explicit deny from a right
// that is not there.
func (r *reading) legs(a *Answer) {
	for i, fn := range r.fns {
		k := &r.c.Checks[i]
		d := r.decision(fn.result)
		if d == ImplicitDeny && r.explicit(fn) {
			d = ExplicitDeny
		}
		region := ""
		if v := k.Known[regionKey]; len(v.Items) == 1 {
			region = v.Items[0]
		}
		leg := LegAnswer{Kind: k.Kind, Action: k.Action, Resource: k.Resource, Region: region, Decision: d}
		if d == ImplicitDeny {
			leg.Missing = fn.missing
		}
		a.Legs = append(a.Legs, leg)
		if a.Decision == ImplicitDeny && d == ExplicitDeny {
			a.Decision = ExplicitDeny
		}
	}
}

// explicit reports whether denies are why a check fails: they always match, or
// they match wherever it would be allowed.
func (r *reading) explicit(fn *function) bool {
	return r.space.Diff(r.at, fn.denied.Must) == diagram.False || r.space.And(fn.allowed.May, r.at) != diagram.False
}

// times reads off when the right ends, or begins.
func (r *reading) times(a *Answer) {
	v := r.byKey[timeKey]
	if v == nil || r.time == nil {
		return
	}
	here := slices.IndexFunc(v.atoms, func(x atom) bool { return x.holds(r.u.Now) })
	can := func(i int) bool {
		at := r.space.And(r.possible, r.space.In(v.index, diagram.SetOf(i)))
		return r.space.And(r.all.May, at) != diagram.False
	}
	now := a.Decision.Can()
	for i := here + 1; i < len(v.atoms); i++ {
		if can(i) == now {
			continue
		}
		if now {
			a.Until = v.atoms[i].from
		} else {
			a.From = v.atoms[i].from
		}
		return
	}
}

func (r *reading) doubts() []string {
	out := slices.Clone(r.Frame.doubts)
	for _, fn := range r.fns {
		for _, d := range fn.doubts {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
		}
	}
	return out
}

// explain says when, by what, and without what.
func (r *reading) explain(a *Answer) {
	may := r.space.And(r.all.May, r.at)
	w, confirmed := r.witness(r.all)
	a.Witness = w
	if a.Decision != Undetermined && !confirmed {
		a.Decision = Undetermined
		a.Doubts = append(r.doubts(), "no request could be found that shows it")
	}
	if a.Decision != Allowed {
		a.Condition = r.terms(may, r.at)
	}
	for i, fn := range r.fns {
		a.Statements = appendRefs(a.Statements, r, fn.allows, may)
		for _, cl := range fn.allows {
			if resource := r.c.Checks[i].Resource; resource != "" && cl.statement.SegmentsDiffer(resource) {
				a.Warnings = appendOnce(a.Warnings, "reading "+cl.ref.Document+" segment by segment, as some tools do, gives another answer for "+r.c.Checks[i].Resource)
			}
		}
	}
	for _, fn := range r.fns {
		a.Statements = appendRefs(a.Statements, r, fn.denies, r.space.And(fn.allowed.May, r.at))
	}
	a.NotRequired = r.notRequired(may)
}

// deny names the statements that deny where it would be allowed, or deny always.
func (r *reading) deny(a *Answer) {
	for _, fn := range r.fns {
		where := r.space.And(fn.allowed.May, r.at)
		if where == diagram.False {
			where = r.at
		}
		a.Statements = appendRefs(a.Statements, r, fn.denies, where)
	}
}

func appendRefs(refs []awsiam.Ref, r *reading, clauses []clause, where diagram.Node) []awsiam.Ref {
	for _, cl := range clauses {
		if !cl.leavesAll() && r.space.And(cl.at.May, where) != diagram.False && !slices.Contains(refs, cl.ref) {
			refs = append(refs, cl.ref)
		}
	}
	return refs
}

func appendOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// leavesAll reports whether a statement is one by which a layer of limits limits
// nothing, as AWS attaches it to every account: it explains no answer.
func (c clause) leavesAll() bool {
	s := c.statement
	return (c.ref.Layer == awsiam.SCPLayer || c.ref.Layer == awsiam.RCPLayer) && s.Effect == awsiam.Allow && s.Doubts.First() == "" && len(s.Conditions) == 0 && !s.NotAction && !s.NotResource &&
		slices.ContainsFunc(s.Actions, func(a awsiam.Action) bool { return a.Source == "*" }) &&
		slices.ContainsFunc(s.Resources, func(t awsiam.Text) bool { return t.Source == "*" })
}
