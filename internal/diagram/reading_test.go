package diagram

import (
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSupportIsTheVariablesThatMatter(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		var want []int
		for v := range w.Vars() {
			if slices.ContainsFunc(w.vectors, func(x []int) bool {
				y := slices.Clone(x)
				y[v] = 0
				return w.Eval(f, x) != w.Eval(f, y)
			}) {
				want = append(want, v)
			}
		}
		if d := cmp.Diff(want, w.Support(f)); d != "" {
			t.Fatal(d)
		}
	})
}

func TestAllowedIsTheAtomsOfSomeVector(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		for v := range w.Vars() {
			var want Set
			for i, x := range w.vectors {
				if tf[i] {
					want.Add(x[v])
				}
			}
			if got := w.Allowed(f, v); !got.Equal(want) {
				t.Fatalf("variable %d: %v, want %v", v, got, want)
			}
		}
	})
}

func TestCountIsTheNumberOfVectors(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		if got, want := w.Count(f), tf.count(); got.Cmp(want) != 0 {
			t.Fatalf("%s, want %s", got, want)
		}
	})
}

func TestCountGoesPastMachineWords(t *testing.T) {
	s := New(slices.Repeat([]int{300}, 40), 0)
	want := new(big.Int).Exp(big.NewInt(300), big.NewInt(39), nil)
	want.Mul(want, big.NewInt(3))
	if got := s.Count(s.In(20, SetOf(0, 1, 2))); got.Cmp(want) != 0 {
		t.Errorf("%s, want %s", got, want)
	}
}

// Pick's promise is the first vector when each variable's atoms are ranked:
// the preferred ones as listed, then the rest as numbered.
func TestPickIsTheMostPreferredVector(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		wanted := make([][]int, w.Vars())
		for v := range wanted {
			wanted[v] = rapid.SliceOf(rapid.IntRange(-1, w.Size(v))).Draw(t, "wanted")
		}
		rank := func(v, a int) int {
			if i := slices.Index(wanted[v], a); i >= 0 {
				return i
			}
			return len(wanted[v]) + a
		}
		var want []int
		for i, x := range w.vectors {
			if tf[i] && (want == nil || slices.Compare(ranks(x, rank), ranks(want, rank)) < 0) {
				want = x
			}
		}
		got, ok := w.Pick(f, func(v int) []int { return wanted[v] })
		if d := cmp.Diff(want, got); d != "" || ok != (want != nil) {
			t.Fatal(ok, d)
		}
	})
}

func ranks(vector []int, rank func(v, a int) int) []int {
	r := make([]int, len(vector))
	for v, a := range vector {
		r[v] = rank(v, a)
	}
	return r
}

func TestPickWithoutPreferenceIsTheLowestVector(t *testing.T) {
	check(t, func(t *rapid.T, w *world, f Node, tf table) {
		got, ok := w.Pick(f, nil)
		first := slices.Index(tf, true)
		if ok != (first >= 0) {
			t.Fatalf("found: %v", ok)
		}
		if ok && !slices.Equal(got, w.vectors[first]) {
			t.Fatalf("%v, want %v", got, w.vectors[first])
		}
	})
}
