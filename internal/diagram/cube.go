package diagram

import (
	"cmp"
	"iter"
	"slices"
)

// Literal says that a variable takes one of some atoms, but not all of its.
type Literal struct {
	Var   int
	Atoms Set
}

// Cube is a product: the vectors on which every literal holds. Literals are
// sorted by variable, one for each that is constrained; without any, the cube
// is everything. Cubes may share their sets, which must not be changed.
type Cube []Literal

// Product is the function of a cube.
func (s *Space) Product(c Cube) Node {
	product := s.settle(True)
	for _, l := range slices.Backward(c) {
		product = s.And(s.In(l.Var, l.Atoms), product)
	}
	return product
}

// Cubes goes through the paths of f to True: disjoint cubes that together are
// exactly f. Atoms that lead to the same child share a cube. There can be
// exponentially many; the caller stops when it has enough.
func (s *Space) Cubes(f Node) iter.Seq[Cube] {
	return func(yield func(Cube) bool) {
		s.paths(s.settle(f), nil, yield)
	}
}

// paths yields the paths from n, each after the literals before it, until told
// to stop.
func (s *Space) paths(n Node, before Cube, yield func(Cube) bool) bool {
	if n == True {
		return yield(slices.Clone(before))
	}
	for _, b := range s.branches(n) {
		if !s.paths(b.to, append(before, b.Literal), yield) {
			return false
		}
	}
	return true
}

// branch is the atoms with which a node leads to one child.
type branch struct {
	Literal
	to Node
}

// branches are those of n that do not lead to False, in the order of their
// lowest atoms.
func (s *Space) branches(n Node) []branch {
	var all []branch
	at := make(map[Node]int)
	for a, k := range s.children(n) {
		if k == False {
			continue
		}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, branch{Literal{Var: s.variable(n)}, k})
		}
		all[i].Atoms.Add(a)
	}
	return all
}

// CubesOf is all the Cubes of f, or false if there are more than most or the
// space is broken.
func (s *Space) CubesOf(f Node, most int) ([]Cube, bool) {
	if s.err != nil {
		return nil, false
	}
	var all []Cube
	for c := range s.Cubes(f) {
		if len(all) >= most {
			return nil, false
		}
		all = append(all, c)
	}
	return all, true
}

// compareCubes puts fewer literals first, then wider ones; the rest of the
// order only has to be the same every time.
func compareCubes(a, b Cube) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	if c := cmp.Compare(b.atoms(), a.atoms()); c != 0 {
		return c
	}
	return slices.CompareFunc(a, b, func(l, m Literal) int {
		return cmp.Or(cmp.Compare(l.Var, m.Var), slices.Compare(slices.Collect(l.Atoms.All()), slices.Collect(m.Atoms.All())))
	})
}

// atoms is how many the literals name in all.
func (c Cube) atoms() int {
	n := 0
	for _, l := range c {
		n += l.Atoms.Len()
	}
	return n
}
