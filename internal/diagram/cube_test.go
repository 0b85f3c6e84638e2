package diagram

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkForm looks at what every cube promises of its literals.
func checkForm(t *rapid.T, w *world, c Cube) {
	t.Helper()
	for i, l := range c {
		if i > 0 && c[i-1].Var >= l.Var {
			t.Fatalf("literals out of order: %v", c)
		}
		if n := l.Atoms.Len(); n == 0 || n == w.Size(l.Var) || !l.Atoms.Intersect(Full(w.Size(l.Var))).Equal(l.Atoms) {
			t.Fatalf("literal %v of a variable of size %d", l, w.Size(l.Var))
		}
	}
}

func TestCubesAreDisjointAndExact(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		cubes := slices.Collect(w.Cubes(f))
		for _, c := range cubes {
			checkForm(t, w, c)
		}
		for i, x := range w.vectors {
			if n := holders(cubes, x); n > 1 || n == 1 != tf[i] {
				t.Fatalf("%v is in %d cubes of %v", x, n, cubes)
			}
		}
	})
}

func TestCubesJoinAtomsThatLeadToTheSame(t *testing.T) {
	s := New([]int{4, 3}, 0)
	f := s.Or(s.In(0, SetOf(0, 3)), s.And(s.In(0, SetOf(1)), s.In(1, SetOf(1, 2))))
	want := []Cube{{{0, SetOf(0, 3)}}, {{0, SetOf(1)}, {1, SetOf(1, 2)}}}
	if d := cmp.Diff(want, slices.Collect(s.Cubes(f))); d != "" {
		t.Error(d)
	}
}

func TestCubesStopWhenTold(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		all := slices.Collect(w.Cubes(f))
		enough := rapid.IntRange(1, 5).Draw(t, "enough")
		var some []Cube
		for c := range w.Cubes(f) {
			if some = append(some, c); len(some) == enough {
				break
			}
		}
		if d := cmp.Diff(all[:min(enough, len(all))], some); d != "" && len(all) > 0 {
			t.Fatal(d)
		}
	})
}

func TestCubesOfIsAllOrNone(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		all := slices.Collect(w.Cubes(f))
		if got, ok := w.CubesOf(f, len(all)); !ok || cmp.Diff(all, got) != "" {
			t.Fatal("not all though they fit:", got, ok)
		}
		if got, ok := w.CubesOf(f, len(all)-1); len(all) > 0 && (ok || got != nil) {
			t.Fatal("some though they do not fit:", got, ok)
		}
	})
}

func TestProductIsTheVectorsOfTheCube(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		for c := range w.Cubes(f) {
			if d := cmp.Diff(w.cubes([]Cube{c}), w.of(w.Product(c))); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// checkCover looks at everything that Cover promises, vector by vector.
func checkCover(t *rapid.T, w *world, cubes []Cube, tf, care table) {
	t.Helper()
	wanted, upper := zip(tf, care, and), zip(tf, negate(care), or)
	if !inside(w.cubes(cubes), upper) {
		t.Fatalf("%v leaves the function", cubes)
	}
	if !inside(wanted, w.cubes(cubes)) {
		t.Fatalf("%v leaves something out", cubes)
	}
	for i, c := range cubes {
		checkForm(t, w, c)
		if inside(wanted, w.cubes(slices.Delete(slices.Clone(cubes), i, i+1))) {
			t.Fatalf("%v is not needed in %v", c, cubes)
		}
		for j, l := range c {
			for a := range w.Size(l.Var) {
				wider := slices.Clone(c)
				wider[j].Atoms = l.Atoms.Union(SetOf(a))
				if !l.Atoms.Has(a) && inside(w.cubes([]Cube{wider}), upper) {
					t.Fatalf("%v could take atom %d of %d", c, a, l.Var)
				}
			}
		}
	}
	if !slices.IsSortedFunc(cubes, func(a, b Cube) int { return len(a) - len(b) }) {
		t.Fatalf("%v does not begin with the shortest", cubes)
	}
}

func inside(a, b table) bool {
	return !slices.Contains(zip(a, b, diff), true)
}

func TestCoverIsPrimeAndIrredundant(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		care, tcare := drawFunction(t, w, 2)
		cubes, ok := w.Cover(f, care, 1000)
		if !ok {
			t.Fatal("no cover")
		}
		checkCover(t, w, cubes, tf, tcare)
		again, _ := w.Cover(f, care, 1000)
		if d := cmp.Diff(cubes, again); d != "" {
			t.Fatal("another cover the second time:", d)
		}
		if some, ok := w.Cover(f, care, len(cubes)-1); ok || some != nil {
			t.Fatalf("%v though they do not fit", some)
		}
	})
}

// Of two products and their consensus, which the order of leaving out looks at
// last, only the consensus is needless, and only beside both others.
func TestNoCubeIsKeptThatTheOthersHave(t *testing.T) {
	s := New([]int{2, 2, 2}, 0)
	sum := []Cube{{{0, SetOf(0)}, {2, SetOf(0)}}, {{1, SetOf(0)}, {2, SetOf(1)}}}
	cubes := slices.Insert(slices.Clone(sum), 1, Cube{{0, SetOf(0)}, {1, SetOf(0)}})
	for range len(cubes) {
		cubes = append(cubes[1:], cubes[0])
		var products []Node
		for _, c := range cubes {
			products = append(products, s.Product(c))
		}
		got := s.irredundant(cubes, products, anyOf(s, products...))
		slices.SortFunc(got, compareCubes)
		if d := cmp.Diff(sum, got); d != "" {
			t.Error(d)
		}
	}
}

func TestCoverOfEverythingIsTheCubeWithoutLiterals(t *testing.T) {
	s := New([]int{2, 3}, 0)
	x := s.In(0, SetOf(1))
	for name, c := range map[string]struct{ f, care Node }{"true": {True, True}, "true where it matters": {x, x}} {
		t.Run(name, func(t *testing.T) {
			got, ok := s.Cover(c.f, c.care, 1)
			if !ok || len(got) != 1 || len(got[0]) != 0 {
				t.Errorf("got %v, %v", got, ok)
			}
		})
	}
	if got, ok := s.Cover(x, s.Not(x), 0); !ok || len(got) != 0 {
		t.Errorf("of nothing: %v, %v", got, ok)
	}
}

func TestCoverFindsTheSumItWasMadeFrom(t *testing.T) {
	s := New([]int{5, 4, 3, 6}, 0)
	want := []Cube{
		{{3, SetOf(0, 1)}},
		{{0, SetOf(1, 2)}, {1, SetOf(0)}},
		{{1, SetOf(3)}, {2, SetOf(2)}},
	}
	f := False
	for _, c := range want {
		f = s.Or(f, s.Product(c))
	}
	got, ok := s.Cover(f, True, 10)
	if d := cmp.Diff(want, got); d != "" || !ok {
		t.Error(ok, d)
	}
}

// A cube around one vector can be widened to either of two primes; the shorter
// begins at the last variable in one case, at the first in the other.
func TestCoverWidensFromTheEndThatIsBetter(t *testing.T) {
	s := New([]int{2, 2, 2}, 0)
	zero := func(v int) Node { return s.In(v, SetOf(0)) }
	point := allOf(s, zero(0), zero(1), zero(2))
	for v, upper := range map[int]Node{
		0: s.Or(zero(0), s.And(zero(1), zero(2))),
		2: s.Or(zero(2), s.And(zero(0), zero(1))),
	} {
		got, ok := s.Cover(upper, s.Or(point, s.Not(upper)), 1)
		if d := cmp.Diff([]Cube{{{v, SetOf(0)}}}, got); d != "" || !ok {
			t.Error(v, ok, d)
		}
	}
}
