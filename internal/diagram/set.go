package diagram

import (
	"iter"
	"math/bits"
)

// Set is a set of atoms of one variable: bit a%64 of word a/64 for atom a.
// Words that are missing at the end are zero. The zero value is empty.
type Set []uint64

// SetOf is the set of the atoms given, which must not be negative.
func SetOf(atoms ...int) Set {
	var s Set
	for _, a := range atoms {
		s.Add(a)
	}
	return s
}

// Full is the set of all atoms of a variable that has size of them.
func Full(size int) Set { return Set(nil).Complement(size) }

// Add puts an atom into the set.
func (s *Set) Add(atom int) {
	for len(*s) <= atom/64 {
		*s = append(*s, 0)
	}
	(*s)[atom/64] |= 1 << (atom % 64)
}

// Has reports whether the atom is in the set.
func (s Set) Has(atom int) bool {
	return atom >= 0 && atom/64 < len(s) && s[atom/64]>>(atom%64)&1 == 1
}

// Len is the number of atoms in the set.
func (s Set) Len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Equal reports whether both sets have the same atoms.
func (s Set) Equal(t Set) bool {
	for i := range max(len(s), len(t)) {
		if s.word(i) != t.word(i) {
			return false
		}
	}
	return true
}

// Complement is the set of the atoms below size that are not in s.
func (s Set) Complement(size int) Set {
	c := make(Set, (size+63)/64)
	for i := range c {
		c[i] = ^s.word(i)
	}
	if size%64 != 0 {
		c[len(c)-1] &= 1<<(size%64) - 1
	}
	return c
}

// Union is the set of the atoms in s or t.
func (s Set) Union(t Set) Set {
	u := make(Set, max(len(s), len(t)))
	for i := range u {
		u[i] = s.word(i) | t.word(i)
	}
	return u
}

// Intersect is the set of the atoms in s and t.
func (s Set) Intersect(t Set) Set {
	u := make(Set, min(len(s), len(t)))
	for i := range u {
		u[i] = s[i] & t[i]
	}
	return u
}

// All goes through the atoms, lowest first.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(64*i + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// word is the i-th, zero past the end.
func (s Set) word(i int) uint64 {
	if i < len(s) {
		return s[i]
	}
	return 0
}

// remove takes an atom out of a set that has a word for it.
func (s Set) remove(atom int) { s[atom/64] &^= 1 << (atom % 64) }
