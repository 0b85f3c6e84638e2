package analyse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/glob"
	"github.com/writ-project/writ/internal/rights"
)

// ProofVerdict is what became of an assertion.
type ProofVerdict string

// The verdicts. A vacuous assertion is about no principal of the input, and
// counts as one that failed.
const (
	Proved   ProofVerdict = "proved"
	Refuted  ProofVerdict = "refuted"
	Unproved ProofVerdict = "undetermined"
	Vacuous  ProofVerdict = "vacuous"
)

// Proof is an assertion decided.
type Proof struct {
	Name       string          `json:"name"`
	Position   awsiam.Position `json:"position,omitzero"`
	Verdict    ProofVerdict    `json:"verdict"`
	Principals int             `json:"principals"` // that it is about
	Reason     string          `json:"reason"`
	// Against are the principals that refute it, or that leave it open; at most
	// maxAgainst of them, and how many there are more.
	Against []Against `json:"against,omitempty"`
	More    int       `json:"more,omitempty"`
	// Until is when the verdict may change by the policies' own dates; zero: never.
	Until      time.Time `json:"until,omitzero"`
	Incomplete []string  `json:"incomplete,omitempty"` // what the input does not hold
}

// Against is one principal that an assertion does not hold for, or may not.
type Against struct {
	Principal string          `json:"principal"`
	Path      []Hop           `json:"path,omitempty"`
	Action    string          `json:"action"`
	Target    string          `json:"target,omitempty"`
	Decision  rights.Decision `json:"decision"`
	Condition string          `json:"condition,omitempty"`
	Why       string          `json:"why,omitempty"`     // it is not known
	Witness   *rights.Witness `json:"witness,omitempty"` // a request that is allowed
}

const maxAgainst = 20

// Prove decides assertions, in their order. Its error says that one cannot be
// asked, such as of a model that the catalogue does not list.
func (a *Analysis) Prove(ctx context.Context, list []Assertion) ([]Proof, error) {
	out := make([]Proof, 0, len(list))
	for i := range list {
		p, err := a.prove(ctx, &list[i])
		if err != nil {
			return out, fmt.Errorf("%s: assertion %q: %w", placeOf(list[i].Position), list[i].Name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (a *Analysis) prove(ctx context.Context, x *Assertion) (Proof, error) {
	proof := Proof{Name: x.Name, Position: x.Position, Verdict: Proved}
	chosen := a.selected(&x.Principals)
	if proof.Principals = len(chosen); len(chosen) == 0 {
		proof.Verdict, proof.Reason = Vacuous, "no principal of the input is meant: nothing was shown"
		return proof, nil
	}
	q, err := a.inquiry(x)
	if err != nil {
		return proof, err
	}
	asked := chosen
	if x.Hops > 0 {
		asked = slices.Clone(chosen)
		for _, p := range a.Principals() {
			if !slices.Contains(chosen, p) {
				asked = append(asked, p)
			}
		}
	}
	holders := make([]Holder, len(asked))
	found := make([]reply, len(asked))
	err = inParallel(ctx, len(asked), func(i int) {
		found[i] = q.ask(asked[i])
		holders[i] = Holder{Principal: asked[i], Answer: found[i].answer}
	})
	if err == nil && x.Hops > 0 {
		err = a.chain(ctx, holders, x.Hops)
	}
	if err != nil {
		return proof, err
	}
	for i, p := range asked {
		if i < len(chosen) {
			proof.weigh(q.can, holders[i], found[i])
		}
		proof.missing(a.Incomplete(p, rights.InvokeActions[0]))
	}
	proof.conclude(q.can)
	if proof.Verdict == Proved && !q.can && !x.Principals.roots() {
		proof.Reason += "; root users were not asked (kinds: [root])"
	}
	return proof, nil
}

// reply is what one principal comes to.
type reply struct {
	action, target string
	answer         rights.Answer
	until          time.Time // when a right begins, or ends
}

// weigh takes up one principal: against a can-assertion is who cannot, against a
// cannot-assertion who can.
func (p *Proof) weigh(can bool, h Holder, f reply) {
	d := h.Answer.Decision
	if !f.until.IsZero() && (p.Until.IsZero() || f.until.Before(p.Until)) {
		p.Until = f.until
	}
	if can == (d == rights.Allowed || d == rights.Conditional) && d != rights.Undetermined {
		return
	}
	x := Against{Principal: h.Principal.ARN, Path: h.Path, Action: f.action, Target: f.target, Decision: d, Condition: rights.Terms(h.Answer.Condition), Witness: h.Answer.Witness}
	if w := x.Witness; len(h.Path) > 0 && w != nil {
		x.Action, x.Target = w.Action, w.Resource
	}
	if x.Why = strings.Join(h.Answer.Doubts, "; "); d == rights.Undetermined {
		x.Witness = nil
		if p.Verdict == Proved {
			p.Verdict = Unproved
		}
	} else if p.Verdict != Refuted {
		p.Verdict, p.Against = Refuted, slices.DeleteFunc(p.Against, func(o Against) bool { return o.Decision == rights.Undetermined })
		p.More = 0
	}
	if p.Verdict == Refuted && d == rights.Undetermined {
		return
	}
	if len(p.Against) == maxAgainst {
		p.More++
		return
	}
	p.Against = append(p.Against, x)
}

func (p *Proof) missing(what []string) {
	for _, s := range what {
		if !slices.Contains(p.Incomplete, s) {
			p.Incomplete = append(p.Incomplete, s)
		}
	}
}

func (p *Proof) conclude(can bool) {
	word := "can"
	if can {
		word = "cannot"
	}
	n := len(p.Against) + p.More
	switch p.Verdict {
	case Proved:
		p.Reason = fmt.Sprintf("it holds for all %d principals that are meant", p.Principals)
	case Refuted:
		p.Reason = fmt.Sprintf("%d of %d principals %s", n, p.Principals, word)
	case Unproved:
		p.Reason = fmt.Sprintf("of %d of %d principals it is not known: %s", n, p.Principals, cmp.Or(p.Against[0].Why, "policies leave it open"))
	}
}

// selected are the principals that a selection means. Root users are not among
// what the input lists: they are meant only where kinds says so.
func (a *Analysis) selected(s *Selection) []*estate.Principal {
	all := a.Principals()
	if s.roots() {
		for _, acct := range a.Estate.Accounts {
			all = append(all, Root(acct))
		}
	}
	return slices.DeleteFunc(all, func(p *estate.Principal) bool { return !s.means(p) })
}

func (s *Selection) roots() bool { return slices.Contains(s.Kinds, string(RootKind)) }

func (s *Selection) means(p *estate.Principal) bool {
	like := func(patterns []string, what string) bool {
		return slices.ContainsFunc(patterns, func(x string) bool { return glob.Parse(x).Match(what) })
	}
	switch {
	case len(s.ARNs) > 0 && !like(s.ARNs, p.ARN), like(s.Except, p.ARN):
		return false
	case len(s.Kinds) > 0 && !slices.Contains(s.Kinds, string(p.Kind)):
		return false
	case len(s.Accounts) > 0 && !slices.Contains(s.Accounts, p.Principal.Account):
		return false
	}
	for key, values := range s.Tags {
		if !slices.ContainsFunc(tagValues(p, key), func(v string) bool { return like(values, v) }) {
			return false
		}
	}
	return true
}

// tagValues are the values of a tag, whose key has no case.
func tagValues(p *estate.Principal, key string) (out []string) {
	for k, v := range p.Tags {
		if strings.EqualFold(k, key) {
			out = append(out, v)
		}
	}
	return out
}

// inquiry is an assertion made ready to be asked of principals.
type inquiry struct {
	*atlas
	can     bool
	actions []string
	models  *modelSet // nil: resources
	access  *Access
	known   awsiam.Context
	regions []string

	resolving sync.Mutex // guards resolved
	resolved  map[string]Checks
}

func (a *Analysis) inquiry(x *Assertion) (*inquiry, error) {
	q := &inquiry{atlas: a.atlas(), access: x.Cannot, known: awsiam.Context{}, can: x.Can != nil, resolved: map[string]Checks{}}
	if q.can {
		q.access = x.Can
	}
	for key, v := range q.access.When {
		q.known.Set(key, v)
	}
	for _, s := range q.access.Actions {
		switch s {
		case "invoke":
			q.actions = append(q.actions, rights.InvokeActions...)
		case "inference":
			q.actions = append(q.actions, a.Inference()...)
		default:
			q.actions = append(q.actions, permission(s))
		}
	}
	if q.regions = q.access.Regions; len(q.regions) == 0 {
		q.regions = []string{defaultRegion}
	}
	if q.can {
		return q, nil
	}
	if len(q.access.Models) == 0 {
		return q, q.checkable()
	}
	if slices.ContainsFunc(q.actions, func(s string) bool { return !slices.Contains(rights.InvokeActions, s) }) {
		return nil, errors.New("models go with the actions that invoke: name resources instead")
	}
	var err error
	q.models, err = a.modelSet(q.access.Models)
	return q, err
}

// checkable refuses a resource that none of the actions is ever checked on: that
// nobody can would show nothing.
func (q *inquiry) checkable() error {
	for _, r := range q.access.Resources {
		ok := slices.ContainsFunc(q.actions, func(action string) bool {
			names, _ := q.resourceClasses(action, likePeople(r), nil, nil, q.forms(action, "*", "*")...)
			return len(names) > 0 || r == "*"
		})
		if !ok {
			return fmt.Errorf("resource %q has not the form of anything that the actions are checked on", r)
		}
	}
	return nil
}

// ask asks it of one principal: for the first action and target that speaks
// against it, or else one that leaves it open.
func (q *inquiry) ask(p *estate.Principal) reply {
	if q.can {
		return q.askCan(p)
	}
	worst := reply{answer: rights.Answer{Decision: rights.ImplicitDeny}}
	for _, action := range q.actions {
		f := q.askCannot(p, action)
		if f.answer.Decision == rights.Allowed || f.answer.Decision == rights.Conditional {
			return f
		}
		if f.answer.Decision == rights.Undetermined && worst.answer.Decision != rights.Undetermined {
			f.until = worst.until
			worst = f
		}
		if !f.answer.From.IsZero() && (worst.until.IsZero() || f.answer.From.Before(worst.until)) {
			worst.until = f.answer.From
		}
	}
	return worst
}

func (q *inquiry) askCannot(p *estate.Principal, action string) reply {
	if q.models != nil {
		return q.reach(p, action)
	}
	best := reply{action: action, answer: rights.Answer{Decision: rights.ImplicitDeny}}
	for _, r := range q.access.Resources {
		on := q.everywhere(p, action)
		if r != "*" {
			on = ground{within: likePeople(r), shared: likePeople(r), also: on.shared}
		}
		best.take(r, q.anywhere(p, action, on, q.known))
		if best.decided() {
			break
		}
	}
	return best
}

// likePeople reads a pattern of an assertion segment by segment, as people do
// and IAM does not.
func likePeople(pattern string) []glob.Pattern {
	p, ok := glob.SegmentWise(pattern)
	if !ok {
		p = glob.Parse(pattern)
	}
	return []glob.Pattern{p}
}

// take takes an answer up if it weighs more than what there is.
func (f *reply) take(target string, ans rights.Answer) {
	rank := func(d rights.Decision) int {
		return slices.Index([]rights.Decision{rights.Undetermined, rights.Conditional, rights.Allowed}, d)
	}
	from := f.answer.From
	if rank(ans.Decision) > rank(f.answer.Decision) {
		f.target, f.answer = target, ans
		if ans.Witness != nil && strings.Contains(target, "*") {
			f.target = ans.Witness.Resource
		}
	}
	if !from.IsZero() && (ans.From.IsZero() || from.Before(ans.From)) {
		ans.From = from
	}
	f.answer.From = ans.From
}

func (f *reply) decided() bool {
	return f.answer.Decision == rights.Allowed || f.answer.Decision == rights.Conditional
}

// askCan wants every action on every target; it returns the first that is not
// there.
func (q *inquiry) askCan(p *estate.Principal) reply {
	last := reply{answer: rights.Answer{Decision: rights.Allowed}}
	var until time.Time
	for _, action := range q.actions {
		for _, target := range slices.Concat(q.access.Models, q.access.Resources) {
			for _, region := range q.regions {
				ans, err := q.Can(p, Question{Action: action, Resource: target, Region: region, Known: q.known})
				if err != nil {
					ans = rights.Answer{Decision: rights.Undetermined, Doubts: []string{err.Error()}}
				}
				last = reply{action: action, target: target, answer: ans}
				if !last.decided() {
					return last
				}
				if !ans.Until.IsZero() && (until.IsZero() || ans.Until.Before(until)) {
					until = ans.Until
				}
			}
		}
	}
	last.until = until
	return last
}

// with lays keys over those that the assertion gives, which win.
func (q *inquiry) with(key string, v awsiam.Value) awsiam.Context {
	c := awsiam.Context{}
	c.Set(key, v)
	maps.Copy(c, q.known)
	return c
}
