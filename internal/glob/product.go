package glob

import (
	"math/bits"
	"slices"
)

// product is the automaton of several ones that read the same string. It is
// walked breadth first, so that the first state of a class that it comes to
// gives a shortest witness.
type product struct {
	alphabet *alphabet
	meter    *meter
	bounded  bool // only strings that match a pattern of within count
	parts    []*automaton
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

// newProduct prepares the product of the entries' automata: one of all that are
// literal, and one of each that is not.
func newProduct(a *alphabet, m *meter, entries []*entry, bounded bool) *product {
	x := &product{alphabet: a, meter: m, bounded: bounded, states: newRows(), classes: newRows()}
	x.matters, x.heads = make([]uint64, a.words), make([]uint32, len(a.symbols))
	var literal []*entry
	for _, e := range entries {
		if e.wild() {
			x.join(e)
		} else {
			literal = append(literal, e)
		}
	}
	if len(literal) > 0 {
		x.join(literal...)
	}
	x.others = make([]uint32, len(x.parts))
	return x
}

// join adds an automaton, and its first state to the product's.
func (x *product) join(entries ...*entry) {
	t, first := newAutomaton(x.alphabet, x.meter, entries)
	x.parts = append(x.parts, t)
	x.target = append(x.target, first)
}

// run walks all states and returns the classes.
func (x *product) run() ([]Atom, error) {
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
		if t.states[n].settled {
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
	if x.bounded && !x.hopeful() {
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

// hopeful reports whether a pattern of within may yet match.
func (x *product) hopeful() bool {
	for i, t := range x.parts {
		if t.states[x.target[i]].hope {
			return true
		}
	}
	return false
}

// classify makes an atom of the class of the target state, unless it is known
// or does not count.
func (x *product) classify(n uint32) {
	x.accepts = x.accepts[:0]
	within := !x.bounded
	for i, t := range x.parts {
		s := &t.states[x.target[i]]
		x.accepts = append(x.accepts, s.accepts...)
		within = within || s.within
	}
	if !within {
		return
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
