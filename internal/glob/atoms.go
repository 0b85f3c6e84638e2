package glob

import (
	"errors"
	"fmt"
)

// ErrTooMany says that the classes of a list of patterns, or the states it
// takes to find them, are more than the limit.
var ErrTooMany = errors.New("too many classes of strings")

// Limit bounds the work of Atoms. A zero field means the default.
type Limit struct {
	States int // of the patterns' product; 200,000 by default
	Atoms  int // classes; 10,000 by default
}

const (
	defaultStates = 200_000
	defaultAtoms  = 10_000
	cellsPerState = 128  // numbers of 32 bits kept, on average
	stepsPerState = 1000 // of one pattern or position, on average
)

// Atom is a class of strings that none of a list of patterns tells apart.
type Atom struct {
	Accepts Bits   // the indexes of the patterns that match
	Witness string // a shortest string of the class, in characters
}

// Atoms returns every class of strings that is not empty, in the order of their
// witnesses: shorter ones first, then those whose characters come first,
// letters and digits before others. Strings that match no pattern are a class
// too, if there are any. When within is not empty, only strings that match one
// of it count, for the classes as for their witnesses.
//
// Witnesses consist of characters that a pattern names and of one letter or
// digit that stands for all others. When all patterns are literal and within is
// empty, the classes come in the order of the patterns, and last the one
// outside them, whose witness is that letter and not the empty string.
//
// The error is ErrTooMany when a limit is exceeded; then there are no atoms.
func Atoms(patterns, within []Pattern, limit Limit) ([]Atom, error) {
	return Domain{Within: within}.Atoms(patterns, limit)
}

// Domain is a set of strings: those that match a pattern of Within, or all if
// there is none, and that match no pattern of Without.
type Domain struct{ Within, Without []Pattern }

// Atoms is like the function Atoms; only strings of the domain count, for the
// classes as for their witnesses.
func (d Domain) Atoms(patterns []Pattern, limit Limit) ([]Atom, error) {
	told, within, without := distinct(patterns), distinct(d.Within), distinct(d.Without)
	x, err := newProduct(limit, told, within, without)
	switch {
	case err != nil:
		return nil, err
	case len(within) == 0 && len(without) == 0 && apart(told):
		return literalAtoms(told, x.alphabet, x.meter)
	}
	x.want(within)
	x.forbid(without)
	x.tell(told)
	return x.run()
}

// meter counts what a question costs.
type meter struct {
	Limit
	cells int // numbers kept
	steps int // of one pattern, or one position of one
}

// newMeter returns a meter that has counted the entries' tokens.
func newMeter(limit Limit, entries []*entry) *meter {
	if limit.States <= 0 {
		limit.States = defaultStates
	}
	if limit.Atoms <= 0 {
		limit.Atoms = defaultAtoms
	}
	m := &meter{Limit: limit}
	for _, e := range entries {
		m.cells += len(e.tokens)
	}
	return m
}

// check returns an error when a limit is exceeded.
func (m *meter) check(states, atoms int) error {
	switch {
	case states > m.States:
		return fmt.Errorf("more than %d states: %w", m.States, ErrTooMany)
	case m.cells/cellsPerState > m.States:
		return fmt.Errorf("more memory than %d states are granted: %w", m.States, ErrTooMany)
	case m.steps/stepsPerState > m.States:
		return fmt.Errorf("more steps than %d states are granted: %w", m.States, ErrTooMany)
	case atoms > m.Atoms:
		return fmt.Errorf("more than %d classes: %w", m.Atoms, ErrTooMany)
	}
	return nil
}

// distinct returns the different patterns of a list in the order of their first
// occurrence.
func distinct(patterns []Pattern) []*entry {
	byKey := make(map[string]*entry, len(patterns))
	entries := make([]*entry, 0, len(patterns))
	for i, p := range patterns {
		e := byKey[p.key]
		if e == nil {
			e = &entry{Pattern: p}
			byKey[p.key] = e
			entries = append(entries, e)
		}
		e.accepts = append(e.accepts, uint32(i))
	}
	return entries
}

// apart reports whether no string can match two of the entries because all are
// literal and blind to case alike.
func apart(entries []*entry) bool {
	for _, e := range entries {
		if e.wild() || e.folded != entries[0].folded {
			return false
		}
	}
	return true
}

// literalAtoms returns the classes of literals that are apart: each its own.
func literalAtoms(entries []*entry, a *alphabet, m *meter) ([]Atom, error) {
	if err := m.check(0, len(entries)+1); err != nil {
		return nil, err
	}
	atoms := make([]Atom, 0, len(entries)+1)
	for _, e := range entries {
		atoms = append(atoms, Atom{Accepts: bitsOf(e.accepts), Witness: e.text()})
	}
	return append(atoms, Atom{Witness: string(a.symbols[0].char)}), nil
}

// bitsOf returns the set of the members.
func bitsOf(members []uint32) Bits {
	var b Bits
	for _, i := range members {
		b.Set(int(i))
	}
	return b
}
