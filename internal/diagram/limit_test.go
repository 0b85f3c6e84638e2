package diagram

import (
	"errors"
	"slices"
	"testing"
)

// pairs says that variables i and n+i agree, for all i below n: every order
// that has the first n variables first needs size^n nodes.
func pairs(s *Space, n, size int) Node {
	f := True
	for i := range n {
		agree := False
		for a := range size {
			agree = s.Or(agree, s.And(s.In(i, SetOf(a)), s.In(n+i, SetOf(a))))
		}
		f = s.And(f, agree)
	}
	return f
}

// checkBroken looks at everything that a broken space promises; f was made
// before it broke, and was not False then.
func checkBroken(t *testing.T, s *Space, f Node) {
	t.Helper()
	for name, n := range map[string]Node{
		"In": s.In(0, SetOf(0)), "And": s.And(True, True), "Or": s.Or(f, True), "Diff": s.Diff(True, False), "Not": s.Not(False),
		"Exists": s.Exists(f, 0), "Forall": s.Forall(f),
		"Product": s.Product(nil),
	} {
		if n != False {
			t.Errorf("%s: node %d", name, n)
		}
	}
	if s.Eval(f, make([]int, s.Vars())) || s.Count(f).Sign() != 0 || s.Allowed(f, 0).Len() != 0 || len(s.Support(f)) != 0 {
		t.Error("a reading says something")
	}
	if v, ok := s.Pick(f, nil); ok || v != nil {
		t.Errorf("picked %v", v)
	}
	for c := range s.Cubes(f) {
		t.Errorf("cube %v", c)
	}
	if c, ok := s.CubesOf(f, 10); ok || c != nil {
		t.Errorf("cubes %v", c)
	}
	if c, ok := s.Cover(f, True, 10); ok || c != nil {
		t.Errorf("cover %v", c)
	}
}

func TestTooManyNodesBreakTheSpace(t *testing.T) {
	s := New(slices.Repeat([]int{4}, 20), 1000)
	f := s.In(0, SetOf(0))
	pairs(s, 10, 4)
	if err := s.Err(); !errors.Is(err, ErrTooBig) {
		t.Fatalf("error %v", err)
	}
	if s.Nodes() > 1000 {
		t.Errorf("%d nodes", s.Nodes())
	}
	checkBroken(t, s, f)
}

func TestTooManyChildrenBreakTheSpace(t *testing.T) {
	s := New([]int{60000, 2}, 1)
	s.limit = 100
	f := s.In(0, SetOf(0))
	s.In(0, SetOf(1))
	if err := s.Err(); !errors.Is(err, ErrTooBig) {
		t.Fatalf("error %v", err)
	}
	checkBroken(t, s, f)
}

func TestTooManyStepsBreakTheSpace(t *testing.T) {
	for name, act := range map[string]func(s *Space, f, g Node){
		"combine": func(s *Space, f, g Node) { s.And(f, g) },
		"project": func(s *Space, f, g Node) { s.Exists(f, 9) },
	} {
		t.Run(name, func(t *testing.T) {
			s := New(slices.Repeat([]int{2}, 10), 0)
			f, g := pairs(s, 5, 2), s.Not(pairs(s, 4, 2))
			s.budget = 20
			act(s, f, g)
			if err := s.Err(); !errors.Is(err, ErrTooBig) {
				t.Fatalf("error %v", err)
			}
			checkBroken(t, s, f)
		})
	}
}

func TestTheBudgetIsOneOperations(t *testing.T) {
	s := New(slices.Repeat([]int{2}, 10), 0)
	s.budget = 100
	f := s.In(0, SetOf(0))
	for v := 1; v < 10; v++ {
		for range 20 {
			f = s.And(s.In(v, SetOf(1)), f)
		}
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestSizesThatCannotBeAreRefused(t *testing.T) {
	for name, sizes := range map[string][]int{
		"no atom":            {2, 0},
		"fewer than none":    {-1000, 2},
		"too many atoms":     {mostAtoms + 1},
		"too many variables": slices.Repeat([]int{2}, mostVars+1),
	} {
		t.Run(name, func(t *testing.T) {
			s := New(sizes, 0)
			if s.Err() == nil || errors.Is(s.Err(), ErrTooBig) {
				t.Fatalf("error %v", s.Err())
			}
			checkBroken(t, s, True)
		})
	}
}

func TestCoverThatTiresHasNoCubesAndBreaksNothing(t *testing.T) {
	s := New(slices.Repeat([]int{3}, 8), 0)
	f := pairs(s, 4, 3)
	if _, ok := s.Cover(f, True, 100); !ok {
		t.Fatal("no cover even with all the steps it needs")
	}
	s.budget = 60 // enough for what the memo does not know
	if got, ok := s.Cover(f, True, 100); ok || got != nil {
		t.Errorf("got %v", got)
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestSearchGivesUpOnHugeCovers(t *testing.T) {
	s := New(slices.Repeat([]int{4}, 12), 0)
	f := pairs(s, 6, 4) // 4096 cubes
	if got, ok := s.Cover(f, True, 50); ok || got != nil {
		t.Errorf("%d cubes", len(got))
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
}

func TestTablesKeepTheirWordAsTheyGrow(t *testing.T) {
	s := New(slices.Repeat([]int{4}, 12), 0)
	f := pairs(s, 6, 4)
	nodes := s.Nodes()
	if nodes < 4*firstSlots {
		t.Fatalf("only %d nodes: the tables did not grow", nodes)
	}
	clear(s.memo)
	if g := pairs(s, 6, 4); g != f || s.Nodes() != nodes {
		t.Errorf("built again: node %d not %d, %d nodes not %d", g, f, s.Nodes(), nodes)
	}
	if got := s.Count(f).Int64(); got != 4096 {
		t.Errorf("count %d", got)
	}
}

func TestMemoStopsGrowing(t *testing.T) {
	if n := len(make(memo, mostMemos/2).grown().grown()); n != mostMemos {
		t.Errorf("%d slots", n)
	}
}
