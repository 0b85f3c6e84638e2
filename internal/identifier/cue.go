package identifier

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// A cue is a word or a phrase near a number that says what the number is. The
// cues are data, written without accents and in lower case; text is folded the
// same way as it is read.

// maxPhrase is how many words a cue may have.
const maxPhrase = 6

// cueEntry is what the table says of the hash of some words.
type cueEntry struct {
	hash   uint64
	topic  topic
	more   bool // a longer cue begins with these words
	phrase string
}

// cueTable finds cues by hash: open addressing, a power of two of entries.
type cueTable struct {
	entries []cueEntry
	mask    uint64
	// sieve has a bit for each hash that the table holds: most words of a text
	// are no cue, and learn so without a look at the large table.
	sieve [1 << 10]uint64
	blank cueEntry
}

var cues = sync.OnceValue(func() *cueTable {
	t := &cueTable{entries: make([]cueEntry, 1<<13), mask: 1<<13 - 1}
	for topic, phrases := range cueWords {
		for phrase := range strings.SplitSeq(phrases, ",") {
			t.add(topic, strings.TrimSpace(phrase))
		}
	}
	return t
})

func (t *cueTable) add(topic topic, phrase string) {
	words := strings.Fields(phrase)
	h := uint64(0)
	for i, w := range words {
		h = joinHash(h, wordHash(w))
		e := t.slot(h)
		e.hash = h
		t.sieve[h>>6&(1<<10-1)] |= 1 << (h & 63)
		if i < len(words)-1 {
			e.more = true
			continue
		}
		e.topic, e.phrase = topic, phrase
	}
}

// find is the entry of a hash, a blank one if there is none.
func (t *cueTable) find(h uint64) *cueEntry {
	if t.sieve[h>>6&(1<<10-1)]&(1<<(h&63)) == 0 {
		return &t.blank
	}
	return t.slot(h)
}

// slot is the entry of a hash, or the free one where it would be.
func (t *cueTable) slot(h uint64) *cueEntry {
	for i := h & t.mask; ; i = (i + 1) & t.mask {
		if e := &t.entries[i]; e.hash == h || e.hash == 0 {
			return e
		}
	}
}

const (
	hashSeed  = 0xcbf29ce484222325
	hashPrime = 0x100000001b3
)

func wordHash(w string) uint64 {
	h := uint64(hashSeed)
	for i := range len(w) {
		h = (h ^ uint64(w[i])) * hashPrime
	}
	return h
}

func joinHash(h, w uint64) uint64 {
	h = (h*0x9e3779b97f4a7c15 ^ w) * 0xff51afd7ed558ccd
	return h ^ h>>29 | 1<<63
}

// hit is a cue found in a text.
type hit struct {
	start, end int
	topic      topic
	phrase     string
}

// lexer reads text for cues, each byte once however many candidates ask.
type lexer struct {
	table  *cueTable
	pos    int
	hits   [16]hit // the last ones, a ring
	count  int
	open   [maxPhrase]partial // phrases that may go on
	opened int
	end    int // of the last word
}

// partial is a phrase that may go on.
type partial struct {
	hash  uint64
	start int
}

// advance reads on up to the offset to; what lies further back than reach before
// it is passed over.
func (l *lexer) advance(b []byte, to, reach int) {
	if from := to - reach; from > l.pos {
		for from < to && isWordByte(b[from]) {
			from++
		}
		l.pos, l.opened = from, 0
	}
	for l.pos < to {
		switch c := b[l.pos]; {
		case isLetter(c):
			l.word(b, to)
		case c == 0xE2: // punctuation and symbols
			l.pos += 3
		case c >= 0xE0:
			l.unspaced(b, to)
		case c >= 0xC3 && c < 0xE0:
			l.word(b, to)
		case isDigit(c) && l.opened > 0: // ICD-10 code
			l.word(b, to)
		case isDigit(c) || c == '\n':
			l.opened = 0
			l.pos++
		case c == '#':
			l.close(joinSymbol, l.pos, l.pos+1)
			l.pos++
		default:
			l.pos++
		}
	}
}

var joinSymbol = wordHash("#")

// word reads one word: letters, digits after them, up to a change from lower
// to upper case.
func (l *lexer) word(b []byte, to int) {
	start, h, lower := l.pos, uint64(hashSeed), false
	i := start
	for i < to {
		c := b[i]
		switch {
		case c >= 'a' && c <= 'z':
			h, lower = (h^uint64(c))*hashPrime, true
			i++
			continue
		case c >= 'A' && c <= 'Z':
			if lower {
				break
			}
			h = (h ^ uint64(c|0x20)) * hashPrime
			i++
			continue
		case isDigit(c):
			h = (h ^ uint64(c)) * hashPrime
			i++
			continue
		case c >= 0xC3 && c < 0xE0 && i+1 < len(b):
			h = foldPair(h, c, b[i+1])
			i += 2
			continue
		}
		break
	}
	l.pos = max(i, start+1)
	l.close(h, start, l.pos)
}

// foldPair folds a letter of two bytes: a Latin one to its base letter, any
// other is taken as it is.
func foldPair(h uint64, c, d byte) uint64 {
	if c <= 0xC5 {
		if base := latinFold(rune(c&0x1F)<<6 | rune(d&0x3F)); base != 0 {
			return (h ^ uint64(base)) * hashPrime
		}
	}
	h = (h ^ uint64(c)) * hashPrime
	return (h ^ uint64(d)) * hashPrime
}

// bases are the base letters of U+00C0 to U+017F; a star stands for none.
const bases = "aaaaaaaceeeeiiii*nooooo*ouuuuy*saaaaaaaceeeeiiii*nooooo*ouuuuy*y" +
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii**jjkk*llllll*" +
	"*llnnnnnn***oooooooorrrrrrsssssssstttt**uuuuuuuuuuuuwwyyyzzzzzz*"

func latinFold(r rune) byte {
	i := int(r) - 0xC0
	if i < 0 || i >= len(bases) || bases[i] == '*' {
		return 0
	}
	return bases[i]
}

// close ends a word: every phrase that it ends is a hit.
func (l *lexer) close(h uint64, start, end int) {
	if start-l.end > 3 {
		l.opened = 0
	}
	l.end = end
	if l.opened == 0 {
		l.alone(h, start, end)
		return
	}
	var next [maxPhrase]partial
	n := 0
	best := hit{start: end}
	for i := 0; i <= l.opened && i <= maxPhrase; i++ {
		p := partial{0, start}
		if i < l.opened {
			p = l.open[i]
		}
		p.hash = joinHash(p.hash, h)
		e := l.table.find(p.hash)
		if e.topic != none && p.start < best.start && !l.inside(p.start) {
			best = hit{p.start, end, e.topic, e.phrase}
		}
		if e.more && n < maxPhrase {
			next[n] = p
			n++
		}
	}
	l.open, l.opened = next, n
	if best.topic != none {
		l.note(best)
	}
}

// alone ends a word that continues no phrase.
func (l *lexer) alone(h uint64, start, end int) {
	h = joinHash(0, h)
	e := l.table.find(h)
	if e.more {
		l.open[0], l.opened = partial{h, start}, 1
	}
	if e.topic != none {
		l.note(hit{start, end, e.topic, e.phrase})
	}
}

// reset makes the lexer read another text.
func (l *lexer) reset() { l.pos, l.count, l.opened, l.end = 0, 0, 0, 0 }

// inside reports whether the offset is within the last hit, past its first word.
func (l *lexer) inside(at int) bool {
	h, ok := l.back(0)
	return ok && at > h.start && at < h.end
}

// note adds a hit and drops what it contains.
func (l *lexer) note(h hit) {
	for l.count > 0 && l.hits[(l.count-1)&15].start >= h.start && h.end > l.hits[(l.count-1)&15].end {
		l.count--
	}
	l.hits[l.count&15] = h
	l.count++
}

// unspaced reads a character of a script that parts no words by spaces: a cue
// may begin at any of its characters.
func (l *lexer) unspaced(b []byte, to int) {
	const longest = 60
	h, best := uint64(hashSeed), hit{}
	for i := l.pos; i < min(l.pos+longest, len(b)) && i < to && b[i] >= 0x80; i++ {
		h = (h ^ uint64(b[i])) * hashPrime
		if i+1 < len(b) && !utf8.RuneStart(b[i+1]) {
			continue
		}
		if e := l.table.find(joinHash(0, h)); e.topic != none {
			best = hit{l.pos, i + 1, e.topic, e.phrase}
		}
	}
	if best.topic != none && (l.count == 0 || l.hits[(l.count-1)&15].end < best.end) {
		l.note(best)
	}
	_, n := utf8.DecodeRune(b[l.pos:])
	l.pos += n
	l.opened = 0
}

// at is the i-th last hit, or nil.
func (l *lexer) at(i int) *hit {
	if i >= l.count || i >= len(l.hits) {
		return nil
	}
	return &l.hits[(l.count-1-i)&15]
}

// back yields the i-th last hit.
func (l *lexer) back(i int) (hit, bool) {
	if i >= l.count || i >= len(l.hits) {
		return hit{}, false
	}
	return l.hits[(l.count-1-i)&15], true
}
