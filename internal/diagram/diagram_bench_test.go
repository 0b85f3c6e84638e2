package diagram

import (
	"slices"
	"testing"
)

// fifteen is a sum of five products of three literals, shaped like statements
// over six keys of ten atoms.
func fifteen(s *Space, shift int) Node {
	f := False
	for i := range 5 {
		f = s.Or(f, allOf(s,
			s.In(i%6, SetOf(i, (i+shift)%10)),
			s.In((i+2)%6, SetOf(1, 2, (i+3)%10)),
			s.In((i+shift)%6, SetOf(i+4, 7)),
		))
	}
	return f
}

var sixKeys = slices.Repeat([]int{10}, 6)

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(sixKeys, 0)
	}
}

func BenchmarkBuildFifteenLeaves(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if s := New(sixKeys, 0); fifteen(s, 1) == False {
			b.Fatal(s.Err())
		}
	}
}

func BenchmarkAndOfTwo(b *testing.B) {
	s := New(sixKeys, 0)
	f, g := fifteen(s, 1), fifteen(s, 3)
	b.ReportAllocs()
	for b.Loop() {
		clear(s.memo) // the work, not the memory of it
		s.And(f, g)
	}
}

func BenchmarkCover(b *testing.B) {
	s := New(sixKeys, 0)
	f := fifteen(s, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Cover(f, True, 100); !ok {
			b.Fatal(s.Err())
		}
	}
}
