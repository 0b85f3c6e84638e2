package personal

import (
	_ "embed"
	"sync"
)

// mark says which lists a word is in.
type mark uint8

const (
	given   mark = 1 << iota // a given name
	surname                  // a family name
	word                     // a word of everyday English, or one that is no name where it stands alone
	place                    // a city, region or country
)

var (
	//go:embed data/given.txt
	givenText string
	//go:embed data/surnames.txt
	surnameText string
	//go:embed data/words.txt
	wordText string
	//go:embed data/places.txt
	placeText string
)

// gazetteerBits is the size of the gazetteer's table: four times what is in it.
const gazetteerBits = 18

// gazetteer is an open table of fingerprints: the upper 28 bits of a slot are of
// the word's hash, the lower four its marks. The hash's other bits choose the
// slot, so one word is taken for another once in some hundred million.
type gazetteer struct{ slots [1 << gazetteerBits]uint32 }

var names = sync.OnceValue(func() *gazetteer {
	g := new(gazetteer)
	g.addLines(givenText, given)
	g.addLines(surnameText, surname)
	g.addLines(wordText, word)
	g.addLines(placeText, place)
	return g
})

// addLines adds a list: one name a line, in lower case and without accents, the
// words of a longer one parted by spaces.
func (g *gazetteer) addLines(text string, m mark) {
	var before hash
	h := newHash()
	for i := range len(text) {
		switch c := text[i]; c {
		case ' ', '\n':
			if before != 0 {
				h = before.join(h)
			}
			before = h
			if c == '\n' {
				g.add(h, m)
				before = 0
			}
			h = newHash()
		default:
			h = h.add(c)
		}
	}
}

func (g *gazetteer) add(h hash, m mark) {
	i, print := h.place()
	for ; ; i = (i + 1) % len(g.slots) {
		if s := g.slots[i]; s == 0 || s>>4 == print {
			g.slots[i] = print<<4 | s&15 | uint32(m)
			return
		}
	}
}

// marks of the word with this hash.
func (g *gazetteer) marks(h hash) mark {
	i, print := h.place()
	for ; ; i = (i + 1) % len(g.slots) {
		s := g.slots[i]
		if s == 0 {
			return 0
		}
		if s>>4 == print {
			return mark(s & 15)
		}
	}
}

// hash is of a word without case and accents, FNV-1a with 64 bits.
type hash uint64

func newHash() hash { return 0xcbf29ce484222325 }

func (h hash) add(c byte) hash { return (h ^ hash(c)) * 0x100000001b3 }

// join makes the hash of "a b" from that of "a" and that of b alone, so that
// phrases are looked up without reading their letters again.
func (h hash) join(b hash) hash { return (h*31 ^ b) * 0x9e3779b97f4a7c15 }

func (h hash) mixed() uint64 {
	x := uint64(h)
	x ^= x >> 32
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>29
}

// place is the slot where a hash belongs, and 28 bits that are not those of the
// slot.
func (h hash) place() (int, uint32) {
	x := h.mixed()
	return int(x >> (64 - gazetteerBits)), uint32(x) & (1<<28 - 1)
}
