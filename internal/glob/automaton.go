package glob

import "math/bits"

// entry is one distinct pattern of a question.
type entry struct {
	Pattern
	accepts []uint32 // its indexes in the list that classes are told apart by
	within  bool     // it is one of those that a string must match one of
}

// automaton is the deterministic automaton of one wild pattern, or of any
// number of patterns that are not, built as far as it is asked. Its states are
// sets of positions, as advance has them.
type automaton struct {
	alphabet *alphabet
	meter    *meter
	ordered  bool
	cells    []cell
	symbols  [][]uint16 // per cell, the symbols that it names
	owners   []*entry   // per cell
	sets     *rows
	states   []state
	matters  []uint64 // per state, the symbols that it may tell from symbol 0
	next     []uint32 // per state, one more than the next state, or 0 when unknown: after symbol 0, then after those that matter
	spare    []uint32
}

// state is what is known of a state once and for all.
type state struct {
	next    uint32   // where its part of automaton.next begins
	settled bool     // nothing, or everything, matches from here on
	hope    bool     // a pattern of within may yet match
	within  bool     // a pattern of within matches
	accepts []uint32 // the indexes that match
}

// newAutomaton returns an automaton and its first state.
func newAutomaton(a *alphabet, m *meter, entries []*entry) (*automaton, uint32) {
	t := &automaton{alphabet: a, meter: m, ordered: true, sets: newRows()}
	var first []uint32
	for _, e := range entries {
		first = append(first, uint32(len(t.cells)))
		t.cells = appendCells(t.cells, e.tokens, e.folded)
		t.ordered = t.ordered && e.ordered
		for range len(e.tokens) + 1 {
			t.owners = append(t.owners, e)
		}
	}
	t.symbols = make([][]uint16, len(t.cells))
	for i, c := range t.cells {
		t.symbols[i] = a.named(c)
	}
	m.cells += 4 * len(t.cells)
	return t, t.add(first)
}

// add returns the state of a set of positions.
func (t *automaton) add(set []uint32) uint32 {
	n, isNew := t.sets.number(set, hash(set))
	if !isNew {
		return n
	}
	w := t.alphabet.words
	at := len(t.matters)
	t.matters = append(t.matters, make([]uint64, w)...)
	s := state{next: uint32(len(t.next)), settled: len(set) == 0}
	for _, pos := range set {
		t.note(&s, t.matters[at:], pos)
	}
	ways := 1
	for _, word := range t.matters[at:] {
		ways += bits.OnesCount64(word)
	}
	t.next = append(t.next, make([]uint32, ways)...)
	t.states = append(t.states, s)
	t.meter.cells += len(set) + 2*w + ways
	return n
}

// note adds to a state what one of its positions says.
func (t *automaton) note(s *state, matters []uint64, pos uint32) {
	at := reading(t.cells, pos)
	for p := pos; p <= at; p++ {
		for _, sym := range t.symbols[p] {
			matters[sym>>6] |= 1 << (sym & 63)
		}
	}
	owner := t.owners[pos]
	s.hope = s.hope || owner.within
	if t.cells[at].tok == end {
		s.accepts = append(s.accepts, owner.accepts...)
		s.within = s.within || owner.within
		s.settled = t.cells[pos].tok == Star
	}
}

// after returns the state that a symbol leads to. It is the one that matters in
// the state with the rank given, counted from 1, or symbol 0 with the rank 0.
func (t *automaton) after(from uint32, symbol, rank int) uint32 {
	at := int(t.states[from].next) + rank
	if n := t.next[at]; n != 0 {
		return n - 1
	}
	set := t.sets.row(from)
	t.meter.steps += len(set)
	t.spare = advance(t.cells, t.ordered, set, t.spare[:0], t.alphabet.symbols[symbol])
	n := t.add(t.spare)
	t.next[at] = n + 1
	return n
}

// symbolsOf returns the set of symbols that matter in a state.
func (t *automaton) symbolsOf(n uint32) []uint64 {
	w := t.alphabet.words
	return t.matters[int(n)*w : int(n)*w+w]
}
