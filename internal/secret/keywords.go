package secret

// keywords finds all of a list of words in a text in one pass, ASCII letters
// without regard to case: the automaton of Aho and Corasick (1975), with its
// failure links worked into the table, over classes of bytes.
type keywords struct {
	class  [256]uint8
	width  int      // count of classes
	next   []uint32 // per state and class: where its row begins, doubled, and 1 where words end
	first  []uint16 // per state, one more than its first word, or 0
	chain  []uint16 // per word, one more than the next word that ends there, or 0
	suffix []uint16 // per state, the nearest state on its failure path that ends a word, or 0
}

// newKeywords takes lower-case words, none of them empty.
func newKeywords(words []string) *keywords {
	k := &keywords{width: 1}
	for _, w := range words {
		for i := range len(w) {
			k.classify(w[i])
		}
	}
	for c := 'A'; c <= 'Z'; c++ {
		k.class[c] = k.class[c|0x20]
	}
	k.grow()
	for _, w := range words {
		k.insert(w)
	}
	k.link()
	k.finish()
	return k
}

func (k *keywords) classify(c byte) {
	if k.class[c] == 0 {
		k.class[c] = uint8(k.width)
		k.width++
	}
}

func (k *keywords) grow() uint32 {
	k.next = append(k.next, make([]uint32, k.width)...)
	k.first = append(k.first, 0)
	k.suffix = append(k.suffix, 0)
	return uint32(len(k.first) - 1)
}

func (k *keywords) insert(word string) {
	state := uint32(0)
	for i := range len(word) {
		at := int(state)*k.width + int(k.class[word[i]])
		if k.next[at] == 0 {
			to := k.grow()
			k.next[at] = to
		}
		state = k.next[at]
	}
	k.chain = append(k.chain, k.first[state])
	k.first[state] = uint16(len(k.chain))
}

// link turns the tree of words into an automaton, in order of depth.
func (k *keywords) link() {
	fail := make([]uint32, len(k.first))
	var queue []uint32
	for c := range k.width {
		if to := k.next[c]; to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		for c := range k.width {
			at, fallback := int(state)*k.width+c, k.next[int(fail[state])*k.width+c]
			to := k.next[at]
			if to == 0 {
				k.next[at] = fallback
				continue
			}
			fail[to] = fallback
			k.suffix[to] = uint16(fallback)
			if k.first[fallback] == 0 {
				k.suffix[to] = k.suffix[fallback]
			}
			queue = append(queue, to)
		}
	}
}

// finish makes of each number of a state what step needs: the place of its row
// and whether words end there.
func (k *keywords) finish() {
	for i, state := range k.next {
		row := state * uint32(k.width) << 1
		if k.first[state] != 0 || k.suffix[state] != 0 {
			row |= 1
		}
		k.next[i] = row
	}
}

// step is the place after c; it is odd where words end.
func (k *keywords) step(place uint32, c byte) uint32 {
	return k.next[place>>1+uint32(k.class[c])]
}

// state is the number of the state at a place.
func (k *keywords) state(place uint32) uint16 { return uint16(int(place>>1) / k.width) }

// within reports whether one of the words is in b.
func (k *keywords) within(b []byte) bool {
	place := uint32(0)
	for _, c := range b {
		if place = k.step(place, c); place&1 != 0 {
			return true
		}
	}
	return false
}
