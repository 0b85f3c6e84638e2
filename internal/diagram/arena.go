package diagram

import "slices"

const (
	firstSlots = 64      // of both tables; a power of two
	mostMemos  = 1 << 20 // slots of the memo: 16 MB
)

// unique is an open-addressing table of nodes by what they test and their
// children. It has twice as many slots as nodes, or more.
type unique struct {
	slots  []Node   // False: empty
	hashes []uint32 // of each node
}

// operation names what a memo remembers the result of.
type operation int32

const (
	opNone operation = iota
	opAnd
	opOr
	opDiff
	opExists
	opForall
)

// memo remembers results of operations; each slot only the last that fell on
// it. Losing one costs time, never the answer.
type memo []result

type result struct {
	op   operation
	a, b int32
	node Node
}

// arrange makes the tables and the two constants.
func (s *Space) arrange() {
	past := int32(len(s.sizes))
	s.vars = append(make([]int32, 0, firstSlots/2), past, past)
	s.starts = append(make([]int32, 0, firstSlots/2), 0, 0)
	s.kids = make([]Node, 0, 2*firstSlots)
	s.unique.slots = make([]Node, firstSlots)
	s.unique.hashes = append(make([]uint32, 0, firstSlots/2), 0, 0)
	s.memo = make(memo, firstSlots)
}

// node is the function that tests v and goes on as kids say, by atom: the
// one child if all are the same, a node made before if there is one.
func (s *Space) node(v int, kids []Node) Node {
	if s.err != nil {
		return False
	}
	if uniform(kids) {
		return kids[0]
	}
	h := hashOf(v, kids)
	mask := len(s.unique.slots) - 1
	at := int(h) & mask
	for ; s.unique.slots[at] != False; at = (at + 1) & mask {
		n := s.unique.slots[at]
		if s.unique.hashes[n] == h && s.variable(n) == v && slices.Equal(s.children(n), kids) {
			return n
		}
	}
	if s.Nodes() >= s.limit || len(s.kids)+len(kids) > s.kidLimit {
		s.err = ErrTooBig
		return False
	}
	return s.add(at, h, v, kids)
}

// add makes a node in a free slot.
func (s *Space) add(at int, h uint32, v int, kids []Node) Node {
	n := Node(len(s.vars))
	s.vars = append(s.vars, int32(v))
	s.starts = append(s.starts, int32(len(s.kids)))
	s.kids = append(s.kids, kids...)
	s.unique.hashes = append(s.unique.hashes, h)
	s.unique.slots[at] = n
	if 2*len(s.vars) > len(s.unique.slots) {
		s.unique.grow()
		s.memo = s.memo.grown()
	}
	return n
}

func uniform(kids []Node) bool {
	for _, k := range kids[1:] {
		if k != kids[0] {
			return false
		}
	}
	return true
}

func hashOf(v int, kids []Node) uint32 {
	h := uint64(v) + 1
	for _, k := range kids {
		h = (h ^ uint64(k)) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return uint32(h)
}

func (u *unique) grow() {
	u.slots = make([]Node, 2*len(u.slots))
	mask := len(u.slots) - 1
	for n := 2; n < len(u.hashes); n++ {
		at := int(u.hashes[n]) & mask
		for u.slots[at] != False {
			at = (at + 1) & mask
		}
		u.slots[at] = Node(n)
	}
}

func (m memo) slot(op operation, a, b int32) *result {
	h := uint64(uint32(a))<<32 | uint64(uint32(b))
	h = (h ^ uint64(op)<<60) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return &m[(h>>32)&uint64(len(m)-1)]
}

func (m memo) find(op operation, a, b int32) (Node, bool) {
	r := m.slot(op, a, b)
	return r.node, r.op == op && r.a == a && r.b == b
}

func (m memo) keep(op operation, a, b int32, n Node) {
	*m.slot(op, a, b) = result{op, a, b, n}
}

// grown is the memo at twice the size, unless it is as large as may be.
func (m memo) grown() memo {
	if len(m) >= mostMemos {
		return m
	}
	g := make(memo, 2*len(m))
	for _, r := range m {
		if r.op != opNone {
			g.keep(r.op, r.a, r.b, r.node)
		}
	}
	return g
}
