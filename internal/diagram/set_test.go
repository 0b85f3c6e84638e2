package diagram

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawAtoms is a set beside the same atoms as a map.
func drawAtoms(t *rapid.T, size int) (Set, map[int]bool) {
	atoms := rapid.SliceOf(rapid.IntRange(0, size-1)).Draw(t, "atoms")
	in := make(map[int]bool)
	for _, a := range atoms {
		in[a] = true
	}
	return SetOf(atoms...), in
}

func TestSetsAreSetsOfAtoms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 200).Draw(t, "size")
		a, inA := drawAtoms(t, size)
		b, inB := drawAtoms(t, size)
		for name, c := range map[string]struct {
			set  Set
			want func(x int) bool
		}{
			"set":          {a, func(x int) bool { return inA[x] }},
			"union":        {a.Union(b), func(x int) bool { return inA[x] || inB[x] }},
			"intersection": {a.Intersect(b), func(x int) bool { return inA[x] && inB[x] }},
			"complement":   {a.Complement(size), func(x int) bool { return !inA[x] && x >= 0 && x < size }},
			"full":         {Full(size), func(x int) bool { return x >= 0 && x < size }},
		} {
			var want []int
			for x := -1; x < 300; x++ {
				if c.set.Has(x) != c.want(x) {
					t.Fatalf("%s: has %d: %v", name, x, c.set.Has(x))
				}
				if c.want(x) {
					want = append(want, x)
				}
			}
			if d := cmp.Diff(want, slices.Collect(c.set.All())); d != "" || c.set.Len() != len(want) {
				t.Fatal(name, c.set.Len(), d)
			}
		}
	})
}

func TestEqualSetsHaveTheSameAtoms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{2, 200}).Draw(t, "size")
		a, inA := drawAtoms(t, size)
		b, inB := drawAtoms(t, size)
		if a.Equal(b) != (cmp.Diff(inA, inB) == "") {
			t.Fatalf("%v and %v", a, b)
		}
		if long := a.Union(Set{0, 0, 0, 0, 0}); !a.Equal(long) || !long.Equal(a) {
			t.Fatalf("%v differs from itself with zeros after it", a)
		}
	})
}

func TestAllStopsWhenTold(t *testing.T) {
	var seen []int
	for a := range SetOf(3, 70, 71).All() {
		if seen = append(seen, a); a == 70 {
			break
		}
	}
	if d := cmp.Diff([]int{3, 70}, seen); d != "" {
		t.Error(d)
	}
}
