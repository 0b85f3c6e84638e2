package diagram

import "slices"

// In is the function "variable v takes one of the atoms". Atoms past the size
// of v are nothing it could take.
func (s *Space) In(v int, atoms Set) Node {
	mark := len(s.pending)
	for a := range s.sizes[v] {
		s.pending = append(s.pending, constant(atoms.Has(a)))
	}
	return s.close(v, mark)
}

func constant(b bool) Node {
	if b {
		return True
	}
	return False
}

// close makes the node of v whose children are pending since mark.
func (s *Space) close(v, mark int) Node {
	n := s.node(v, s.pending[mark:])
	s.pending = s.pending[:mark]
	return n
}

// And is true where both are.
func (s *Space) And(a, b Node) Node { return s.apply(opAnd, a, b) }

// Or is true where either is.
func (s *Space) Or(a, b Node) Node { return s.apply(opOr, a, b) }

// Diff is true where a is and b is not.
func (s *Space) Diff(a, b Node) Node { return s.apply(opDiff, a, b) }

// Not is true where a is not.
func (s *Space) Not(a Node) Node { return s.apply(opDiff, True, a) }

func (s *Space) apply(op operation, a, b Node) Node {
	s.begin()
	return s.settle(s.combine(op, a, b))
}

// combine is Bryant's apply: it goes down both functions at once.
func (s *Space) combine(op operation, a, b Node) Node {
	if n, ok := shortcut(op, a, b); ok {
		return n
	}
	if op != opDiff && a > b {
		a, b = b, a
	}
	if n, ok := s.memo.find(op, int32(a), int32(b)); ok {
		return n
	}
	v := min(s.variable(a), s.variable(b))
	if !s.spend(s.sizes[v]) {
		return False
	}
	n := s.descend(op, a, b, v)
	s.memo.keep(op, int32(a), int32(b), n)
	return n
}

// descend combines what a and b become at each atom of v, the first variable
// that either tests. Neighbouring atoms often agree, and are then asked once.
func (s *Space) descend(op operation, a, b Node, v int) Node {
	as, bs := s.below(a, v), s.below(b, v)
	x, y, last := a, b, False
	mark := len(s.pending)
	for i := range s.sizes[v] {
		wasX, wasY := x, y
		if as != nil {
			x = as[i]
		}
		if bs != nil {
			y = bs[i]
		}
		if i == 0 || x != wasX || y != wasY {
			last = s.combine(op, x, y)
		}
		s.pending = append(s.pending, last)
	}
	return s.close(v, mark)
}

// below has the children of n if it tests v; otherwise n stays as it is.
func (s *Space) below(n Node, v int) []Node {
	if s.variable(n) != v {
		return nil
	}
	return s.children(n)
}

// shortcut knows the results that need no look inside.
func shortcut(op operation, a, b Node) (Node, bool) {
	switch op {
	case opAnd:
		return shortcutAnd(a, b)
	case opOr:
		return shortcutOr(a, b)
	default:
		return shortcutDiff(a, b)
	}
}

func shortcutAnd(a, b Node) (Node, bool) {
	switch {
	case a == False || b == False:
		return False, true
	case a == True || a == b:
		return b, true
	case b == True:
		return a, true
	}
	return False, false
}

func shortcutOr(a, b Node) (Node, bool) {
	switch {
	case a == True || b == True:
		return True, true
	case a == False || a == b:
		return b, true
	case b == False:
		return a, true
	}
	return False, false
}

func shortcutDiff(a, b Node) (Node, bool) {
	switch {
	case a == False || b == True || a == b:
		return False, true
	case b == False:
		return a, true
	}
	return False, false
}

// Exists is true where some value of the variables makes f true: it no longer
// depends on them.
func (s *Space) Exists(f Node, vars ...int) Node { return s.quantify(opExists, f, vars) }

// Forall is true where every value of the variables makes f true: it no longer
// depends on them.
func (s *Space) Forall(f Node, vars ...int) Node { return s.quantify(opForall, f, vars) }

// quantify takes the last variable first: what lies below it is smallest.
func (s *Space) quantify(op operation, f Node, vars []int) Node {
	s.begin()
	order := slices.Sorted(slices.Values(vars))
	for _, v := range slices.Backward(order) {
		_ = s.sizes[v] // panics if out of range, whatever f is
		f = s.project(op, f, v)
	}
	return s.settle(f)
}

// project removes one variable from f.
func (s *Space) project(op operation, f Node, v int) Node {
	at := s.variable(f)
	if at > v {
		return f
	}
	if at < v {
		return s.rebuild(op, f, int32(v), func(k Node) Node { return s.project(op, k, v) })
	}
	if n, ok := s.memo.find(op, int32(f), int32(v)); ok {
		return n
	}
	join := opOr
	if op == opForall {
		join = opAnd
	}
	n := s.children(f)[0]
	for _, k := range s.children(f)[1:] {
		n = s.combine(join, n, k)
	}
	s.memo.keep(op, int32(f), int32(v), n)
	return n
}

// rebuild is f with its children changed; key tells apart the changes of one
// operation.
func (s *Space) rebuild(op operation, f Node, key int32, change func(Node) Node) Node {
	if n, ok := s.memo.find(op, int32(f), key); ok {
		return n
	}
	v := s.variable(f)
	if !s.spend(s.sizes[v]) {
		return False
	}
	mark := len(s.pending)
	for _, k := range s.children(f) {
		s.pending = append(s.pending, change(k))
	}
	n := s.close(v, mark)
	s.memo.keep(op, int32(f), key, n)
	return n
}
