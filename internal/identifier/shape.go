package identifier

import (
	"slices"
	"sync"

	"github.com/writ-project/writ/internal/dataclass"
)

// Shapes are the outlines of identifiers as people write them: d a digit,
// l a letter, x either, a space any one separator (space, hyphen, dot), and
// - . / themselves; a question mark makes the character before it optional. All shapes of
// all specs are one deterministic automaton, so that a candidate is read once
// however many there are.

// The classes of bytes that shapes tell apart.
const (
	digitClass = iota
	letterClass
	spaceClass
	hyphenClass
	dotClass
	slashClass
	plusClass
	otherClass
	classes
)

var classOf = func() (t [256]uint8) {
	for i := range t {
		t[i] = otherClass
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = digitClass
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-0x20] = letterClass, letterClass
	}
	t[' '], t['-'], t['.'], t['/'], t['+'] = spaceClass, hyphenClass, dotClass, slashClass, plusClass
	return t
}()

// admits are the classes that a shape's character matches.
func admits(c byte) []int {
	switch c {
	case 'd':
		return []int{digitClass}
	case 'l':
		return []int{letterClass}
	case 'x':
		return []int{digitClass, letterClass}
	case ' ':
		return []int{spaceClass, hyphenClass, dotClass}
	case '-':
		return []int{hyphenClass}
	case '.':
		return []int{dotClass}
	case '/':
		return []int{slashClass}
	case '+':
		return []int{plusClass}
	}
	panic("identifier: shape character " + string(c))
}

// position is a place in the shape of a spec.
type position struct{ spec, shape, at int16 }

// automaton is the machine of all shapes. State 0 is dead, 1 the start.
type automaton struct {
	next   [][classes]uint16
	accept [][]uint16 // specs whose shape ends in the state
	sure   [][]uint16 // those of them that are possible without a cue
	cues   []topicSet // what speaks for any of them
}

var shapes = sync.OnceValue(func() *automaton { return compile(specs) })

// builder makes an automaton by following sets of positions.
type builder struct {
	specs  []spec
	out    *automaton
	states map[string]uint16
	sets   [][]position
}

func compile(all []spec) *automaton {
	m := &builder{all, &automaton{}, map[string]uint16{}, nil}
	m.state(nil)
	var first []position
	for i := range all {
		for j := range all[i].shapes {
			first = append(first, position{int16(i), int16(j), 0})
		}
	}
	m.state(first)
	for s := 1; s < len(m.sets); s++ {
		for class := range classes - 1 {
			m.out.next[s][class] = m.state(m.step(m.sets[s], class))
		}
	}
	return m.out
}

// step follows one class of bytes from a set of positions.
func (m *builder) step(set []position, class int) []position {
	var out []position
	for _, p := range set {
		shape := m.specs[p.spec].shapes[p.shape]
		if int(p.at) < len(shape) && slices.Contains(admits(shape[p.at]), class) {
			p.at++
			if int(p.at) < len(shape) && shape[p.at] == '?' {
				p.at++
			}
			out = append(out, p)
		}
	}
	return out
}

// state numbers a set of positions, with those that optional characters open.
func (m *builder) state(set []position) uint16 {
	for i := 0; i < len(set); i++ {
		p := set[i]
		shape := m.specs[p.spec].shapes[p.shape]
		if int(p.at)+1 < len(shape) && shape[p.at+1] == '?' {
			p.at += 2
			set = append(set, p)
		}
	}
	slices.SortFunc(set, comparePositions)
	set = slices.Compact(set)
	key := make([]byte, 0, len(set)*5)
	for _, p := range set {
		key = append(key, byte(p.spec), byte(p.spec>>8), byte(p.shape), byte(p.at))
	}
	if n, ok := m.states[string(key)]; ok {
		return n
	}
	n := uint16(len(m.sets))
	m.states[string(key)] = n
	m.sets = append(m.sets, set)
	m.out.next = append(m.out.next, [classes]uint16{})
	ended, cues := m.ended(set), topicSet{}
	for _, k := range ended {
		cues[0] |= m.specs[k].cues[0]
		cues[1] |= m.specs[k].cues[1]
	}
	m.out.cues = append(m.out.cues, cues)
	m.out.accept = append(m.out.accept, ended)
	m.out.sure = append(m.out.sure, slices.DeleteFunc(slices.Clone(ended), func(k uint16) bool { return m.specs[k].own < dataclass.Possible }))
	return n
}

// ended lists the specs that have a shape which ends here.
func (m *builder) ended(set []position) []uint16 {
	var out []uint16
	for _, p := range set {
		if int(p.at) == len(m.specs[p.spec].shapes[p.shape]) {
			out = append(out, uint16(p.spec))
		}
	}
	return slices.Compact(out)
}

func comparePositions(a, b position) int {
	if a.spec != b.spec {
		return int(a.spec) - int(b.spec)
	}
	if a.shape != b.shape {
		return int(a.shape) - int(b.shape)
	}
	return int(a.at) - int(b.at)
}
