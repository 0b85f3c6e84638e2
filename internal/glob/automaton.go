package glob

import (
	"math/bits"
	"slices"
)

// entry is one distinct pattern of a list.
type entry struct {
	Pattern
	accepts []uint32 // its indexes in the list
}

// automaton is the deterministic automaton of one pattern or several, built as
// far as it is asked. Its states are sets of positions: for each of the
// patterns, as advance has them.
type automaton struct {
	alphabet *alphabet
	meter    *meter
	union    bool // only whether a pattern matches is asked, not which
	cells    []cell
	symbols  [][]uint16 // per cell, the symbols that it names
	owners   []*entry   // per cell
	sets     *rows
	states   []state
	matters  []uint64 // per state, the symbols that it may tell from symbol 0
	next     []uint32 // per state, one more than the next state, or 0 when unknown: after symbol 0, then after those that matter
	accepted []uint32 // per state, the indexes that match
	spare    []uint32
	all      []uint32 // of a union, the one set that matches everything, once it is found
}

// state is what is known of a state once and for all.
type state struct {
	next      uint32 // where its part of automaton.next begins
	from, end uint32 // its part of automaton.accepted; empty for a union
	matches   bool   // a pattern matches
	dead      bool   // nothing matches from here on
	sure      bool   // everything matches from here on
}

// newAutomaton returns an automaton and its first state.
func newAutomaton(a *alphabet, m *meter, entries []*entry, union bool) (*automaton, uint32) {
	t := &automaton{alphabet: a, meter: m, union: union, sets: newRows()}
	var first []uint32
	for _, e := range entries {
		first = append(first, uint32(len(t.cells)))
		t.cells = appendCells(t.cells, e.tokens, e.folded)
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
	if t.union {
		set = t.simplify(set)
	}
	n, isNew := t.sets.number(set, hash(set))
	if !isNew {
		return n
	}
	w := t.alphabet.words
	at := len(t.matters)
	t.matters = append(t.matters, make([]uint64, w)...)
	s := state{next: uint32(len(t.next)), from: uint32(len(t.accepted)), dead: len(set) == 0}
	for _, pos := range set {
		t.note(&s, t.matters[at:], pos)
	}
	s.end = uint32(len(t.accepted))
	ways := 1
	for _, word := range t.matters[at:] {
		ways += bits.OnesCount64(word)
	}
	t.next = append(t.next, make([]uint32, ways)...)
	t.states = append(t.states, s)
	t.meter.cells += len(set) + 2*w + ways + int(s.end-s.from)
	return n
}

// simplify returns, for every set of a union from which everything matches, the
// same one, so that it does not matter which of the patterns got there.
func (t *automaton) simplify(set []uint32) []uint32 {
	i := slices.IndexFunc(set, t.everything)
	switch {
	case i < 0:
		return set
	case t.all == nil:
		t.all = []uint32{set[i]}
	}
	return t.all
}

// everything reports whether everything matches from a position on.
func (t *automaton) everything(pos uint32) bool {
	return t.cells[pos].tok == Star && t.cells[pos+1].tok == end
}

// note adds to a state what one of its positions says.
func (t *automaton) note(s *state, matters []uint64, pos uint32) {
	at := reading(t.cells, pos)
	for p := pos; p <= at; p++ {
		for _, sym := range t.symbols[p] {
			matters[sym>>6] |= 1 << (sym & 63)
		}
	}
	if t.cells[at].tok != end {
		return
	}
	s.matches = true
	s.sure = t.everything(pos)
	if !t.union {
		t.accepted = append(t.accepted, t.owners[pos].accepts...)
	}
}

// after returns the state that a symbol leads to. It is the one that matters in
// the state with the rank given, counted from 1, or symbol 0 with the rank 0.
func (t *automaton) after(from uint32, symbol, rank int) uint32 {
	at := int(t.states[from].next) + rank
	if n := t.next[at]; n != 0 {
		return n - 1
	}
	n := t.add(t.advance(t.sets.row(from), t.alphabet.symbols[symbol]))
	t.next[at] = n + 1
	return n
}

// advance returns the positions after a character, given those before it.
func (t *automaton) advance(set []uint32, s symbol) []uint32 {
	t.meter.steps += len(set)
	t.spare = t.spare[:0]
	for len(set) > 0 {
		owner, n := t.owners[set[0]], 1
		for n < len(set) && t.owners[set[n]] == owner {
			n++
		}
		t.spare = advance(t.cells, owner.ordered, set[:n], t.spare, s)
		set = set[n:]
	}
	return t.spare
}

// symbolsOf returns the set of symbols that matter in a state.
func (t *automaton) symbolsOf(n uint32) []uint64 {
	w := t.alphabet.words
	return t.matters[int(n)*w : int(n)*w+w]
}
