// Package diagram holds functions from vectors of finite choices to true or
// false as reduced, ordered, multi-valued decision diagrams: what the analyser
// knows of a right is one function over a handful of keys, each of which has
// finitely many atoms, and every question about it (is it empty, who is in it,
// is it inside that one) is a walk or one operation.
//
// Variables are numbered from 0 in a fixed order; variable v takes one of
// Size(v) atoms, numbered from 0. A node tests one variable and has a child per
// atom. Nodes are hash-consed and no node has only one child, so that, in one
// space, two functions are equal if and only if their nodes are (Bryant 1986;
// Srinivasan, Kam, Malik and Brayton 1990 for several values).
//
// The package is mathematics: it knows nothing of AWS and trusts its caller
// with numbers in range and with nodes of the right space. A variable or an
// atom out of range is a mistake in the program and panics. A function that
// grows too big is not: it breaks its space, which says so by Err. An answer
// read off a broken space is no answer.
package diagram

import (
	"errors"
	"fmt"
)

// Node is a function in the Space that made it. Equal functions are equal
// nodes; a node means nothing in another space.
type Node int32

// The two constant functions, in every space.
const (
	False Node = 0
	True  Node = 1
)

const (
	defaultLimit = 1 << 20 // nodes
	highestLimit = 1 << 22 // nodes: children and steps must be countable in an int32
	mostAtoms    = 1 << 16 // of one variable
	mostVars     = 1 << 12 // operations recurse once per variable
)

// ErrTooBig says that a function needed more nodes than the space may hold, or
// an operation more steps than it may take.
var ErrTooBig = errors.New("the decision diagram is too big")

// Space holds the nodes of functions over one list of variables. Nodes are
// never freed: a space is made for a question and dropped with it.
//
// A space that hit a limit stays broken: Err is set, every operation returns
// False, and every reading comes out empty. False then does not mean empty, nor
// Diff(a, b) == False that a is inside b. Look at Err before reading an answer.
//
// A Space is not safe for concurrent use.
type Space struct {
	sizes []int

	vars   []int32 // of each node, the variable it tests; Vars() for a constant
	starts []int32 // of each node, where its children start
	kids   []Node
	unique unique
	memo   memo

	limit    int    // nodes
	kidLimit int    // children of all nodes
	budget   int    // children that one operation may visit
	left     int    // of the budget of the operation under way
	pending  []Node // children of the nodes being made, innermost last
	err      error
}

// New makes a space of len(sizes) variables, of which variable v takes one of
// sizes[v] atoms. It may come to hold limit nodes, at most about four million;
// 0 means about a million.
// The room for children and the steps of one operation are bounded in
// proportion. A space of a variable without atoms, or of more atoms or
// variables than the package handles, is broken from the start.
func New(sizes []int, limit int) *Space {
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, highestLimit)
	n := len(sizes)
	s := &Space{
		sizes:    make([]int, n),
		limit:    limit,
		kidLimit: 32*limit + mostAtoms,
		budget:   256*limit + 1<<20,
	}
	copy(s.sizes, sizes)
	s.err = s.checkSizes()
	s.arrange()
	return s
}

// checkSizes reports sizes that no space can have.
func (s *Space) checkSizes() error {
	if len(s.sizes) > mostVars {
		return fmt.Errorf("%d variables: want at most %d", len(s.sizes), mostVars)
	}
	for v, size := range s.sizes {
		if size < 1 || size > mostAtoms {
			return fmt.Errorf("variable %d of %d atoms: want 1 to %d", v, size, mostAtoms)
		}
	}
	return nil
}

// Vars is the number of variables.
func (s *Space) Vars() int { return len(s.sizes) }

// Size is the number of atoms of variable v.
func (s *Space) Size(v int) int { return s.sizes[v] }

// Nodes is the number of nodes made so far, without the two constants.
func (s *Space) Nodes() int { return len(s.vars) - 2 }

// Err is nil as long as answers may be believed: ErrTooBig once a limit was
// hit, another error if New was given sizes it cannot handle.
func (s *Space) Err() error { return s.err }

// begin gives an operation its budget.
func (s *Space) begin() { s.left = s.budget }

// spend takes steps from the budget of the operation under way, and reports
// whether it may go on.
func (s *Space) spend(steps int) bool {
	s.left -= steps
	if s.left < 0 && s.err == nil {
		s.err = ErrTooBig
	}
	return s.err == nil
}

// settle is the result of an operation: False if the space broke under it.
func (s *Space) settle(n Node) Node {
	if s.err != nil {
		return False
	}
	return n
}

// variable is the one that n tests: past the last for a constant.
func (s *Space) variable(n Node) int { return int(s.vars[n]) }

// children of n by atom; none for a constant. They never change.
func (s *Space) children(n Node) []Node {
	if n <= True {
		return nil
	}
	from := int(s.starts[n])
	to := from + s.sizes[s.vars[n]]
	return s.kids[from:to:to]
}
