package glob

import (
	"fmt"
	"math/bits"
	"slices"
)

// product is the automaton of several ones that read the same string. It is
// walked breadth first, so that the first state of a class that it comes to
// gives a shortest witness.
type product struct {
	alphabet *alphabet
	meter    *meter
	parts    []*automaton
	wanted   int    // parts[:wanted] have to match, or the string does not count
	decided  int    // parts[wanted:decided] must not; the rest tells classes apart
	states   *rows  // one state of every part
	origins  []step // of every state
	classes  *rows  // the indexes that match, by class
	atoms    []Atom
	current  []uint32 // the state being left
	target   []uint32
	accepts  []uint32
	others   []uint32 // what the current state becomes at symbol 0
	moves    []move   // where it goes at others
	heads    []uint32 // per symbol that matters, the first of its moves
	matters  []uint64 // the set of these symbols
}

// move is what one part does at a symbol that it names.
type move struct {
	part, to uint32
	link     uint32 // the next move at the same symbol, or 0
}

// step is how a state was first come to.
type step struct {
	from   uint32
	symbol uint16
}

// newProduct returns a product without parts, for entries of the lists.
func newProduct(limit Limit, lists ...[]*entry) (*product, error) {
	entries := slices.Concat(lists...)
	m := newMeter(limit, entries)
	if err := m.check(0, 0); err != nil {
		return nil, err
	}
	a, ok := newAlphabet(entries)
	if !ok {
		return nil, fmt.Errorf("patterns of more than %d different characters: %w", maxSymbols, ErrTooMany)
	}
	return &product{
		alphabet: a, meter: m, states: newRows(), classes: newRows(),
		matters: make([]uint64, a.words), heads: make([]uint32, len(a.symbols)),
	}, nil
}

// want adds what has to match: one of the entries. It comes before forbid.
func (x *product) want(entries []*entry) {
	if len(entries) > 0 {
		x.join(entries, true)
		x.wanted, x.decided = len(x.parts), len(x.parts)
	}
}

// forbid adds what must not match: any of the entries. It comes before tell.
func (x *product) forbid(entries []*entry) {
	if len(entries) > 0 {
		x.join(entries, true)
		x.decided = len(x.parts)
	}
}

// tell adds what classes are told apart by: an automaton of all entries that are
// literal, and one of each that is not.
func (x *product) tell(entries []*entry) {
	var literal []*entry
	for _, e := range entries {
		if e.wild() {
			x.join([]*entry{e}, false)
		} else {
			literal = append(literal, e)
		}
	}
	if len(literal) > 0 {
		x.join(literal, false)
	}
}

// join adds an automaton, and its first state to the product's.
func (x *product) join(entries []*entry, union bool) {
	t, first := newAutomaton(x.alphabet, x.meter, entries, union)
	x.parts = append(x.parts, t)
	x.target = append(x.target, first)
}

// run walks all states and returns the classes.
func (x *product) run() ([]Atom, error) {
	x.others = make([]uint32, len(x.parts))
	if err := x.reach(step{}); err != nil {
		return nil, err
	}
	for n := 0; n < x.states.count(); n++ {
		if err := x.leave(uint32(n)); err != nil {
			return nil, err
		}
	}
	return x.atoms, nil
}

// leave tries every symbol that matters in a state.
func (x *product) leave(n uint32) error {
	x.current = append(x.current[:0], x.states.row(n)...)
	if !x.prepare() {
		return nil
	}
	if err := x.try(n, 0); err != nil {
		return err
	}
	for i, word := range x.matters {
		for ; word != 0; word &= word - 1 {
			if err := x.try(n, 64*i+bits.TrailingZeros64(word)); err != nil {
				return err
			}
		}
	}
	return nil
}

// prepare finds the moves out of the current state, and what every part does
// at a symbol that it does not name. It is false if nothing can change what
// matches.
func (x *product) prepare() bool {
	clear(x.matters)
	x.moves = append(x.moves[:0], move{}) // so that a link of 0 is none
	copy(x.others, x.current)
	unsettled := false
	for i, t := range x.parts {
		n := x.current[i]
		if s := &t.states[n]; s.dead || s.sure {
			continue
		}
		unsettled = true
		x.others[i] = t.after(n, 0, 0)
		x.prepareMoves(uint32(i), t, n)
	}
	return unsettled
}

// prepareMoves adds the moves of one part, in state n.
func (x *product) prepareMoves(part uint32, t *automaton, n uint32) {
	rank := 0
	for i, word := range t.symbolsOf(n) {
		for rest := word; rest != 0; rest &= rest - 1 {
			rank++
			bit := bits.TrailingZeros64(rest)
			symbol := 64*i + bit
			link := uint32(0)
			if x.matters[i]>>bit&1 == 1 {
				link = x.heads[symbol]
			}
			x.heads[symbol] = uint32(len(x.moves))
			x.moves = append(x.moves, move{part: part, to: t.after(n, symbol, rank), link: link})
		}
		x.matters[i] |= word
	}
}

// try follows one symbol from the current state.
func (x *product) try(from uint32, symbol int) error {
	copy(x.target, x.others)
	if symbol != 0 {
		for at := x.heads[symbol]; at != 0; at = x.moves[at].link {
			x.target[x.moves[at].part] = x.moves[at].to
		}
	}
	x.meter.steps += len(x.parts)
	return x.reach(step{from, uint16(symbol)})
}

// reach notes the target state, and its class if it is a new one.
func (x *product) reach(by step) error {
	if x.hopeless() {
		return x.check()
	}
	n, isNew := x.states.number(x.target, hash(x.target))
	if !isNew {
		return nil
	}
	x.origins = append(x.origins, by)
	x.meter.cells += len(x.target)
	x.classify(n)
	return x.check()
}

func (x *product) check() error { return x.meter.check(x.states.count(), len(x.atoms)) }

// hopeless reports whether no string counts that leads through the target state.
func (x *product) hopeless() bool {
	for i, t := range x.parts[:x.decided] {
		s := &t.states[x.target[i]]
		if i < x.wanted && s.dead || i >= x.wanted && s.sure {
			return true
		}
	}
	return false
}

// counts reports whether the strings that lead to the target state count.
func (x *product) counts() bool {
	for i, t := range x.parts[:x.decided] {
		if t.states[x.target[i]].matches != (i < x.wanted) {
			return false
		}
	}
	return true
}

// classify makes an atom of the class of the target state, unless it is known
// or does not count.
func (x *product) classify(n uint32) {
	if !x.counts() {
		return
	}
	x.accepts = x.accepts[:0]
	for i, t := range x.parts[x.decided:] {
		if s := &t.states[x.target[x.decided+i]]; s.matches {
			x.accepts = append(x.accepts, t.accepted[s.from:s.end]...)
		}
	}
	if _, isNew := x.classes.number(x.accepts, hash(x.accepts)); isNew {
		x.atoms = append(x.atoms, Atom{Accepts: bitsOf(x.accepts), Witness: x.witness(n)})
	}
}

// witness returns the string by which a state was first come to.
func (x *product) witness(n uint32) string {
	var chars []rune
	for ; n != 0; n = x.origins[n].from {
		chars = append(chars, x.alphabet.symbols[x.origins[n].symbol].char)
	}
	slices.Reverse(chars)
	return string(chars)
}
