package diagram

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestExpressionsMeanWhatTheirTablesSay(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		if d := cmp.Diff(tf, w.of(f)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestEqualFunctionsAreEqualNodes(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		if n := w.build(tf); n != f {
			t.Fatalf("node %d, built vector by vector %d", f, n)
		}
		g, tg := drawFunction(t, w, 4)
		if slices.Equal(tf, tg) != (f == g) {
			t.Fatalf("nodes %d and %d of tables %v and %v", f, g, tf, tg)
		}
	})
}

func TestNodesAreReducedAndOrdered(t *testing.T) {
	check(t, func(t *rapid.T, w *world, _ Node, _ table) {
		for n := True + 1; int(n) < w.Nodes()+2; n++ {
			kids := w.children(n)
			if len(kids) != w.Size(w.variable(n)) || len(slices.Compact(slices.Sorted(slices.Values(kids)))) < 2 {
				t.Fatalf("node %d has children %v", n, kids)
			}
			for _, k := range kids {
				if k >= n || w.variable(k) <= w.variable(n) {
					t.Fatalf("node %d has child %d", n, k)
				}
			}
		}
	})
}

func TestQuantifiersAskForSomeOrEveryValue(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		var vars []int
		if w.Vars() > 0 {
			vars = rapid.SliceOf(rapid.IntRange(0, w.Vars()-1)).Draw(t, "vars")
		}
		like := func(x, y []int) bool {
			for v := range x {
				if x[v] != y[v] && !slices.Contains(vars, v) {
					return false
				}
			}
			return true
		}
		some := w.tabulate(func(x []int) bool {
			for i, y := range w.vectors {
				if tf[i] && like(x, y) {
					return true
				}
			}
			return false
		})
		every := w.tabulate(func(x []int) bool {
			for i, y := range w.vectors {
				if !tf[i] && like(x, y) {
					return false
				}
			}
			return true
		})
		if d := cmp.Diff(some, w.of(w.Exists(f, vars...))); d != "" {
			t.Fatal("some:", d)
		}
		if d := cmp.Diff(every, w.of(w.Forall(f, vars...))); d != "" {
			t.Fatal("every:", d)
		}
	})
}

func TestWideDomainsWork(t *testing.T) {
	s := New([]int{300, 70, 128}, 0)
	a, b := Full(300).Intersect(SetOf(3, 64, 299)), SetOf(0, 69)
	f := s.And(s.In(0, a), s.Or(s.In(1, b), s.Not(s.In(2, SetOf(127)))))
	if got := s.Count(f).Int64(); got != 3*(2*128+68*127) {
		t.Errorf("count %d", got)
	}
	if got := s.Allowed(f, 0); !got.Equal(a) {
		t.Errorf("allowed %v, want %v", got, a)
	}
	if !s.Eval(f, []int{299, 1, 126}) || s.Eval(f, []int{299, 1, 127}) || s.Eval(f, []int{298, 0, 0}) {
		t.Error("a vector is on the wrong side")
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestNumbersOutOfRangePanic(t *testing.T) {
	for name, act := range map[string]func(s *Space){
		"variable":          func(s *Space) { s.In(1, nil) },
		"negative variable": func(s *Space) { s.Exists(True, -1) },
		"projected":         func(s *Space) { s.Forall(True, 1) },
		"evaluated":         func(s *Space) { s.Eval(s.In(0, SetOf(1)), []int{2}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			act(New([]int{2}, 0))
		})
	}
}
