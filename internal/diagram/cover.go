package diagram

import "slices"

// Cover writes f as a small sum of products, where only what is in care
// matters: every cube is inside f or outside care, and together they have all
// of f that is in care. No cube can be left out, and no literal could take one
// more atom, let alone be left out (the cube is prime). Fewest literals
// come first; the result is the same every time. It is small, not smallest:
// the search is greedy.
//
// It reports false, and no cubes, if the search needs more than most or gives
// up on the work, and if the space is broken. Running out of nodes breaks the
// space, as with any operation.
func (s *Space) Cover(f, care Node, most int) ([]Cube, bool) {
	wanted := s.And(f, care)
	w := newWidening(s, s.Or(f, s.Not(care)))
	var cubes []Cube
	var products []Node
	for rest := wanted; rest != False; {
		// Later cubes may make earlier ones needless, so that a few more than
		// most are worth the try.
		if len(cubes)/4 >= most || w.tired() || s.err != nil {
			return nil, false
		}
		c := w.prime(s.shortPath(rest))
		product := s.Product(c)
		cubes, products = append(cubes, c), append(products, product)
		rest = s.Diff(rest, product)
	}
	cubes = s.irredundant(cubes, products, wanted)
	if s.err != nil || w.tired() || len(cubes) > most {
		return nil, false
	}
	slices.SortFunc(cubes, compareCubes)
	return cubes, true
}

// shortPath is one path of f to True: at each node straight to True if that
// is possible, otherwise where most atoms lead.
func (s *Space) shortPath(f Node) Cube {
	var path Cube
	for n := f; n > True; {
		best := branch{}
		for _, b := range s.branches(n) {
			if best.to != True && (b.to == True || b.Atoms.Len() > best.Atoms.Len()) {
				best = b
			}
		}
		path = append(path, best.Literal)
		n = best.to
	}
	return path
}

// irredundant leaves out, longest first, every cube whose part of wanted the
// others have.
func (s *Space) irredundant(cubes []Cube, products []Node, wanted Node) []Cube {
	order := make([]int, len(cubes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return compareCubes(cubes[j], cubes[i]) })
	after := make([]Node, len(order)+1) // after[i]: the sum of order[i:]
	for i, c := range slices.Backward(order) {
		after[i] = s.Or(products[c], after[i+1])
	}
	var kept []Cube
	sum := False
	for i, c := range order {
		if s.Diff(wanted, s.Or(sum, after[i+1])) != False {
			kept = append(kept, cubes[c])
			sum = s.Or(sum, products[c])
		}
	}
	return kept
}

// widening makes cubes inside a function as wide as they can be.
//
// A cube is inside the function if and only if it is so with each single atom
// of one of its literals. The widest literal of a variable, given the others,
// is therefore unique, and widening the variables one after the other, once
// each, ends in a prime.
type widening struct {
	space *Space
	upper Node
	atoms []Set    // of the cube under way, by variable; nil: all
	marks []uint32 // by node: the round that saw it, twice, plus 1 if it holds
	round uint32
	left  int // steps
}

func newWidening(s *Space, upper Node) *widening {
	return &widening{space: s, upper: upper, atoms: make([]Set, s.Vars()), marks: make([]uint32, upper+1), left: s.budget}
}

// tired reports that the steps ran out: what was widened may not be prime.
func (w *widening) tired() bool { return w.left < 0 }

// prime is the better of two primes around a cube inside the function: the
// one that widens first variables first, and the one that widens last first.
func (w *widening) prime(c Cube) Cube {
	order := make([]int, len(c))
	for i, l := range c {
		order[i] = l.Var
	}
	forward := w.around(c, order)
	slices.Reverse(order)
	if backward := w.around(c, order); compareCubes(backward, forward) < 0 {
		return backward
	}
	return forward
}

// around widens the variables in order: first those that can be let go
// altogether, then the others as far as they can.
func (w *widening) around(c Cube, order []int) Cube {
	clear(w.atoms)
	for _, l := range c {
		w.atoms[l.Var] = l.Atoms
	}
	for _, v := range order {
		if w.widest(v).Len() == w.space.sizes[v] {
			w.atoms[v] = nil
		}
	}
	for _, v := range order {
		if w.atoms[v] != nil {
			w.atoms[v] = w.widest(v)
		}
	}
	return w.cube()
}

func (w *widening) cube() Cube {
	var c Cube
	for v, atoms := range w.atoms {
		if atoms != nil {
			c = append(c, Literal{v, atoms})
		}
	}
	return c
}

// widest is every atom of v with which the cube, otherwise as it is, stays
// inside the function.
func (w *widening) widest(v int) Set {
	w.round++
	atoms := Full(w.space.sizes[v])
	w.narrow(w.upper, v, atoms)
	return atoms
}

// narrow takes out the atoms of v with which the cube leaves n. The cube as it
// is lies inside, so that a node past v, which no atom of v changes, has it.
func (w *widening) narrow(n Node, v int, atoms Set) {
	at := w.space.variable(n)
	if at > v || w.marks[n]>>1 == w.round {
		return
	}
	w.marks[n] = w.round << 1
	w.left -= w.space.sizes[at]
	for a, k := range w.space.children(n) {
		switch {
		case at == v && !w.holds(k):
			atoms.remove(a)
		case at < v && w.inside(at, a):
			w.narrow(k, v, atoms)
		}
	}
}

// inside reports whether the cube has the atom of v.
func (w *widening) inside(v, atom int) bool { return w.atoms[v] == nil || w.atoms[v].Has(atom) }

// holds reports whether all of the cube, from the variable of n on, is in n.
func (w *widening) holds(n Node) bool {
	if n <= True || w.tired() {
		return n == True
	}
	if mark := w.marks[n]; mark>>1 == w.round {
		return mark&1 == 1
	}
	at := w.space.variable(n)
	w.left -= w.space.sizes[at]
	mark := w.round<<1 | 1
	for a, k := range w.space.children(n) {
		if w.inside(at, a) && !w.holds(k) {
			mark = w.round << 1
			break
		}
	}
	w.marks[n] = mark
	return mark&1 == 1
}
