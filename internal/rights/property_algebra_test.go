package rights

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
)

// TestPropertyADiagramAgreesWithThePlainEvaluator: whatever a request holds,
// its place in the diagram says what the plain evaluator says of it.
func TestPropertyADiagramAgreesWithThePlainEvaluator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := speechOf(t)
		c := s.asks(t)
		f := NewFrame(Universe{Facts: awsiam.EmbeddedFacts(), Correlated: rapid.Bool().Draw(t, "correlated")})
		f.Add(c)
		f.Close()
		all := f.whole(c)
		for range 12 {
			ctx := over(s.request(t), c.Known)
			vectors, where := f.locate(t, ctx)
			if vectors == nil {
				continue
			}
			truth := outcome(c, ctx)
			if !f.says(all, vectors, truth) {
				t.Fatalf("the evaluator says %v of a request in atoms %v, the diagram otherwise\ncontext %v\nfree %s\n%s", truth, vectors[0], ctx, where, told(c))
			}
			if why := f.tieable(c, ctx).Impossible(); f.u.Correlated && c.Known.Impossible() == "" && slices.ContainsFunc(vectors, f.can) != (why == "") {
				t.Fatalf("a request is impossible because %q, in the diagram: %v\ncontext %v", why, why == "", ctx)
			}
		}
	})
}

// locate finds the atoms that a request falls in: those to which every
// condition answers alike. What two free keys come to together may be either,
// so that there is a vector for each. There is none where the universe rules the
// request out.
func (f *Frame) locate(t *rapid.T, ctx awsiam.Context) (vectors [][]int, where string) {
	vector := make([]int, len(f.vars))
	var opaque []int
	for _, v := range f.vars {
		switch {
		case v.opaque != "":
			opaque = append(opaque, v.index)
			continue
		case v.doubt != "":
			return nil, ""
		}
		at := slices.IndexFunc(v.atoms, func(a atom) bool { return a.value.Equal(ctx[v.key]) })
		if at < 0 {
			at = slices.IndexFunc(v.atoms, func(a atom) bool { return v.same(a.value, ctx[v.key]) })
		}
		if value := ctx[v.key]; at < 0 && !f.u.Correlated && len(value.Items) == 1 && strings.Contains(value.Items[0], "2001:db") {
			return nil, "" // IPv6 counts there only when a policy names it
		}
		if at < 0 {
			t.Fatalf("no atom of %s is like %v: %v", v.key, ctx[v.key], v.atoms)
		}
		vector[v.index] = at
		where += fmt.Sprintf("%s=%v ", v.key, v.atoms[at].value)
	}
	for mask := range 1 << len(opaque) {
		with := append([]int(nil), vector...)
		for i, v := range opaque {
			with[v] = mask >> i & 1
		}
		vectors = append(vectors, with)
	}
	return vectors, where
}

// same reports whether nothing tells two values of a variable apart.
func (v *variable) same(a, b awsiam.Value) bool {
	if absentValue(a) != absentValue(b) || !v.alike(a, b) {
		return false
	}
	if absentValue(a) || a.Multi {
		return true
	}
	for _, p := range v.cuts.Patterns {
		if p.Match(a.Items[0]) != p.Match(b.Items[0]) {
			return false
		}
	}
	return true
}

// says reports whether a function holds, cannot be known, or does not hold, at
// one of the vectors.
func (f *Frame) says(b Bounds, vectors [][]int, truth awsiam.Truth) bool {
	for _, v := range vectors {
		if !f.can(v) && slices.ContainsFunc(vectors, f.can) {
			continue
		}
		must, may := f.space.Eval(b.Must, v), f.space.Eval(b.May, v)
		if awsiam.Of(must) == truth && awsiam.Of(may) == truth || truth == awsiam.Unknown && may && !must || len(vectors) > 1 && truth == awsiam.Unknown {
			return true
		}
	}
	return false
}

// tieable is what a request holds for the keys that the frame ties together:
// those that are free, or that all of its cases know.
func (f *Frame) tieable(c *Case, ctx awsiam.Context) awsiam.Context {
	out := over(c.Known, nil)
	for key, v := range ctx {
		if f.byKey[key] != nil {
			out[key] = v
		}
	}
	return out
}

// told is a case for people to read.
func told(c *Case) string {
	text := fmt.Sprintf("principal %+v\nknown %v", c.Principal, c.Known)
	for i := range c.Checks {
		k := &c.Checks[i]
		text += fmt.Sprintf("\ncheck %s on %s of %q, known %v, trust %v", k.Action, k.Resource, k.Account, k.Known, k.Trust)
		for _, d := range documents(c.layers(k)) {
			text += "\n  " + d.Name
		}
	}
	return text
}

func (f *Frame) can(vector []int) bool { return f.space.Eval(f.possible, vector) }
