package dataclass

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
)

// The bounds on what a pattern may make of a text. An engine with an automaton
// is as fast as reading while it knows the state it is in; a pattern such as
// x[a-z]{20}y has a state for every arrangement of the x's before, and text made
// for it costs thousandfold. Such patterns are refused when they are loaded.
const (
	walkSteps = 4000 // characters of the text that is tried
	mostSets  = 500  // states that it may lead to
)

// steady reports whether a pattern leads to few states on text that follows its
// own ways. It is a trial, not a proof: what it walks is drawn from the
// characters that could go on, the same each time.
func steady(re *syntax.Regexp) bool {
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return false
	}
	w := walk{prog: prog, on: make([]bool, len(prog.Inst)), seen: make(map[string]bool), dice: 1}
	for range walkSteps {
		w.step(w.draw())
		if len(w.seen) > mostSets {
			return false
		}
	}
	return true
}

// walk is a simulation of all ways through a pattern at once, beginning anew at
// every character.
type walk struct {
	prog *syntax.Prog
	live []uint32 // instructions that read a character next, sorted
	on   []bool   // the same as a set
	seen map[string]bool
	dice uint32
}

func (w *walk) roll(n int) int {
	w.dice = w.dice*1664525 + 1013904223
	return int(w.dice>>8) % n
}

// draw is a character that one of the ways goes on with.
func (w *walk) draw() rune {
	w.begin()
	if len(w.live) == 0 {
		return 'a'
	}
	ranges := w.prog.Inst[w.live[w.roll(len(w.live))]].Rune
	switch {
	case len(ranges) == 0: // any
		return rune('a' + w.roll(26))
	case len(ranges) == 1:
		return ranges[0]
	}
	at := 2 * w.roll(len(ranges)/2)
	return ranges[at] + rune(w.roll(min(int(ranges[at+1]-ranges[at])+1, 1<<16)))
}

func (w *walk) begin() { w.add(uint32(w.prog.Start)) }

// add enters an instruction, and those that follow without a character.
func (w *walk) add(pc uint32) {
	if w.on[pc] {
		return
	}
	w.on[pc] = true
	switch i := &w.prog.Inst[pc]; i.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		w.add(i.Out)
		w.add(i.Arg)
	case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth:
		w.add(i.Out)
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		w.live = append(w.live, pc)
	}
}

// step reads a character and notes the state that it leads to.
func (w *walk) step(r rune) {
	before := slices.Clone(w.live)
	w.live = w.live[:0]
	clear(w.on)
	for _, pc := range before {
		if i := &w.prog.Inst[pc]; i.MatchRune(r) {
			w.add(i.Out)
		}
	}
	slices.Sort(w.live)
	key := make([]byte, 0, 4*len(w.live))
	for _, pc := range w.live {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	w.seen[string(key)] = true
}
