package diagram

import "math/big"

// Support is the variables that f depends on, in order.
func (s *Space) Support(f Node) []int {
	var used, seen Set
	var walk func(Node)
	walk = func(n Node) {
		if n <= True || seen.Has(int(n)) {
			return
		}
		seen.Add(int(n))
		used.Add(s.variable(n))
		for _, k := range s.children(n) {
			walk(k)
		}
	}
	walk(s.settle(f))
	var vars []int
	for v := range used.All() {
		vars = append(vars, v)
	}
	return vars
}

// Allowed is the atoms of v with which f can be true: none if f is False, all
// if f is not and does not depend on v.
func (s *Space) Allowed(f Node, v int) Set {
	if s.err != nil {
		return nil
	}
	allowed := make(Set, (s.sizes[v]+63)/64)
	var seen Set
	var walk func(Node)
	walk = func(n Node) {
		if n == False || seen.Has(int(n)) {
			return
		}
		seen.Add(int(n))
		at := s.variable(n)
		if at > v {
			copy(allowed, Full(s.sizes[v]))
			return
		}
		for atom, k := range s.children(n) {
			if at < v {
				walk(k)
			} else if k != False {
				allowed.Add(atom)
			}
		}
	}
	walk(f)
	return allowed
}

// Pick is a vector that makes f true: one atom for every variable, also for
// those that f does not depend on. In the order of the variables, each takes
// the first atom of prefer(v) with which f can still be true, or else the
// lowest. A nil prefer, and atoms out of range, prefer nothing. It reports
// false if f is False.
func (s *Space) Pick(f Node, prefer func(v int) []int) ([]int, bool) {
	n := s.settle(f)
	if n == False {
		return nil, false
	}
	vector := make([]int, s.Vars())
	for v := range vector {
		var wanted []int
		if prefer != nil {
			wanted = prefer(v)
		}
		kids := s.below(n, v)
		vector[v] = s.choose(v, kids, wanted)
		if kids != nil {
			n = kids[vector[v]]
		}
	}
	return vector, true
}

// choose is the best atom of v that does not lead to False; kids is nil if
// none does.
func (s *Space) choose(v int, kids []Node, wanted []int) int {
	for _, a := range wanted {
		if a >= 0 && a < s.sizes[v] && (kids == nil || kids[a] != False) {
			return a
		}
	}
	for a, k := range kids {
		if k != False {
			return a
		}
	}
	return 0
}

// Eval is the value of f on a vector of one atom per variable.
func (s *Space) Eval(f Node, atoms []int) bool {
	n := s.settle(f)
	for n > True {
		n = s.children(n)[atoms[s.variable(n)]]
	}
	return n == True
}

// Count is the number of vectors, over all variables, on which f is true.
func (s *Space) Count(f Node) *big.Int {
	known := map[Node]*big.Int{False: new(big.Int), True: big.NewInt(1)}
	var count func(Node) *big.Int // over the variables from n's on
	count = func(n Node) *big.Int {
		if c, ok := known[n]; ok {
			return c
		}
		sum, term := new(big.Int), new(big.Int)
		v := s.variable(n)
		for _, k := range s.children(n) {
			sum.Add(sum, term.Mul(count(k), s.vectors(v+1, s.variable(k))))
		}
		known[n] = sum
		return sum
	}
	f = s.settle(f)
	return new(big.Int).Mul(count(f), s.vectors(0, s.variable(f)))
}

// vectors is how many there are over the variables from one up to another.
func (s *Space) vectors(from, to int) *big.Int {
	n := big.NewInt(1)
	for v := from; v < to; v++ {
		n.Mul(n, big.NewInt(int64(s.sizes[v])))
	}
	return n
}
