package rights

import (
	"fmt"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

// Verdict is whether one set of policies allows what another does not.
type Verdict string

// The verdicts.
const (
	NewAccess   Verdict = "NEW_ACCESS"
	NoNewAccess Verdict = "NO_NEW_ACCESS"
	Undecided   Verdict = "UNDETERMINED"
)

// Comparison is the difference of two sets of policies: what the second allows
// and the first does not.
type Comparison struct {
	Verdict Verdict
	Witness *Witness // a request that is new, when there is one
	Reason  string
	// Condition says which requests of the witness's action are new.
	Condition []Term
	// Count is how many of the resources counted are new for some action: how
	// much wider the second is. It is zero if nothing is counted.
	Count int
}

// InvokeActions are the actions that AWS checks for a model's answer.
var InvokeActions = []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}

// Policies are what a comparison compares: layers, and the keys that are known.
type Policies struct {
	Layers awsiam.Layers
	Known  awsiam.Context
}

// Compare says whether next allows a request, of one of the actions on any
// resource, that base does not: exactly, over all values of all keys. It is
// NoNewAccess only if that is proven.
func Compare(u Universe, base, next Policies, actions []string) Comparison {
	forth, _ := compare(u, base, next, actions, false)
	return forth
}

// CompareBoth compares in both directions at once.
func CompareBoth(u Universe, base, next Policies, actions []string) (forth, back Comparison) {
	return compare(u, base, next, actions, true)
}

func compare(u Universe, base, next Policies, actions []string, both bool) (forth, back Comparison) {
	f := NewFrame(u)
	cases := make([]Case, 2*len(actions))
	for i, action := range actions {
		check := []Check{{Action: action}}
		cases[2*i] = Case{Layers: base.Layers, Known: base.Known, Checks: check}
		cases[2*i+1] = Case{Layers: next.Layers, Known: next.Known, Checks: check}
		f.Add(&cases[2*i])
		f.Add(&cases[2*i+1])
	}
	f.Close()
	forth, back = Comparison{Verdict: NoNewAccess}, Comparison{Verdict: NoNewAccess}
	for i := range actions {
		forth = forth.or(func() Comparison { return f.Compare(&cases[2*i], &cases[2*i+1]) })
		if both {
			back = back.or(func() Comparison { return f.Compare(&cases[2*i+1], &cases[2*i]) })
		}
	}
	if forth.Verdict == NewAccess {
		forth.Count = f.counted(cases)
	}
	return forth, back
}

// counted is how many resources some pair of cases, old and new by turns, makes
// new.
func (f *Frame) counted(cases []Case) int {
	found := map[string]bool{}
	for i := 0; i < len(cases); i += 2 {
		a, b := f.whole(&cases[i]), f.whole(&cases[i+1])
		f.count(f.space.And(f.space.Diff(b.Must, a.May), f.possible), found)
	}
	return len(found)
}

// or is the verdict over one more action: one that is new settles it, one that
// is open keeps it open.
func (c Comparison) or(next func() Comparison) Comparison {
	if c.Verdict == NewAccess {
		return c
	}
	if n := next(); n.Verdict != NoNewAccess {
		return n
	}
	return c
}

// Compare says whether the second case of a frame allows what the first does
// not.
func (f *Frame) Compare(old, fresh *Case) Comparison {
	a, b := f.whole(old), f.whole(fresh)
	sure := f.space.And(f.space.Diff(b.Must, a.May), f.possible)
	perhaps := f.space.And(f.space.Diff(b.May, a.Must), f.possible)
	if err := f.err(); err != nil {
		return Comparison{Verdict: Undecided, Reason: err.Error()}
	}
	if vector, ok := f.pick(sure); ok && f.confirms(fresh, vector, true) && f.confirms(old, vector, false) {
		return Comparison{Verdict: NewAccess, Witness: f.describe(fresh, vector), Condition: f.terms(sure, f.possible),
			Reason: fmt.Sprintf("%s is allowed by the candidate and not by the base", fresh.Checks[0].Action)}
	}
	switch {
	case perhaps != diagram.False && len(f.doubts) > 0:
		return Comparison{Verdict: Undecided, Reason: f.doubts[0]}
	case perhaps != diagram.False:
		return Comparison{Verdict: Undecided, Reason: f.why(old, fresh)}
	case len(f.doubts) > 0:
		return Comparison{Verdict: Undecided, Reason: f.doubts[0]}
	}
	return Comparison{Verdict: NoNewAccess}
}

// whole is the conjunction of a case's checks.
func (f *Frame) whole(c *Case) Bounds {
	all := always
	for i := range c.Checks {
		all = f.and(all, f.build(c, &c.Checks[i]).result)
	}
	return all
}

// why is a doubt that keeps a comparison open.
func (f *Frame) why(cases ...*Case) string {
	for _, c := range cases {
		for i := range c.Checks {
			if d := f.build(c, &c.Checks[i]).doubts; len(d) > 0 {
				return d[0]
			}
		}
	}
	return "it depends on how two free keys compare with one another"
}

// confirms asks the plain evaluator whether a case allows what a vector stands
// for.
func (f *Frame) confirms(c *Case, vector []int, allowed bool) bool {
	for i := range c.Checks {
		ctx, resource := f.concrete(c, &c.Checks[i], vector)
		o := awsiam.Evaluate(c.request(&c.Checks[i], ctx, resource), c.layers(&c.Checks[i])).Outcome
		if allowed && o != awsiam.Allowed {
			return false
		}
		if !allowed && (o == awsiam.ImplicitDeny || o == awsiam.ExplicitDeny) {
			return true
		}
	}
	return allowed
}
