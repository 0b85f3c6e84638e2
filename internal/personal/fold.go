package personal

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// latin is what the letters from U+00C0 to U+023F are looked up as; a blank
// stands for itself in lower case, a star for what takes two letters.
const latin = "aaaaaa*ceeeeiiiidnooooo ouuuuy**aaaaaa*ceeeeiiiidnooooo ouuuuy*y" + // C0
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii**jjkkkllllll " + // 100
	" llnnnnnnnnnoooooo**rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs" + // 140
	"                                oo             uu               " + // 180
	"             aaiioouuuuuuuuuu aaaa    ggkkoooo  j   gg  nnaa    " + // 1C0
	"aaaaeeeeiiiioooorrrruuuusstt  hh      aaeeooooooooyy            " // 200

// fold appends a letter without case and accents. Combining accents add nothing.
func fold(dst []byte, r rune) []byte {
	switch {
	case r < utf8.RuneSelf:
		return append(dst, lower(byte(r)))
	case r >= 0x300 && r < 0x370:
		return dst
	case r == '’' || r == 'ʼ':
		return append(dst, '\'')
	case r >= 0xC0 && int(r-0xC0) < len(latin) && latin[r-0xC0] != ' ':
		if c := latin[r-0xC0]; c != '*' {
			return append(dst, c)
		}
		return append(dst, pair(r)...)
	}
	if base, ok := extended(r); ok {
		return append(dst, base)
	}
	if small := unicode.ToLower(r); small != r {
		return fold(dst, small)
	}
	return utf8.AppendRune(dst, r)
}

func pair(r rune) string {
	switch r {
	case 'Æ', 'æ':
		return "ae"
	case 'Œ', 'œ':
		return "oe"
	case 'ß':
		return "ss"
	case 'Þ', 'þ':
		return "th"
	case 'Ĳ', 'ĳ':
		return "ij"
	}
	return ""
}

// letter is what reading a word takes of one character.
type letter struct {
	goesOn bool // it is a letter, or an accent on one
	upper  bool
	length uint8
	folded [utf8.UTFMax]byte
}

func letterOf(r rune) (l letter) {
	switch {
	case r == utf8.RuneError || r >= 0x1f000 && r < 0x1fc00: // pictures
		return l
	case r >= 0x4e00 && r < 0xa000, r >= 0xac00 && r < 0xd7a4: // Han and Hangul: nothing but letters
		l.goesOn, l.length = true, uint8(utf8.EncodeRune(l.folded[:], r))
		return l
	default:
		l.goesOn = unicode.IsLetter(r) || r >= 0x300 && r < 0x370
		l.upper = unicode.IsUpper(r)
	}
	l.length = uint8(len(fold(l.folded[:0], r)))
	return l
}

// letters has the alphabets: looking up each letter by its ranges takes more
// time than all the rest.
type letters [0x3000]letter

var alphabets = sync.OnceValue(func() *letters {
	t := new(letters)
	for r := range t {
		t[r] = letterOf(rune(r))
	}
	return t
})

func (t *letters) of(r rune) letter {
	if int(r) < len(t) {
		return t[r]
	}
	return letterOf(r)
}

func (h hash) addLetter(l *letter) hash {
	for _, c := range l.folded[:l.length] {
		h = h.add(c)
	}
	return h
}

// extended is the letter under the accents of Vietnamese and of the few others
// that stand outside the table.
func extended(r rune) (byte, bool) {
	switch {
	case r == 'ə' || r == 'Ə':
		return 'e', true
	case r >= 'Ạ' && r <= 'ặ':
		return 'a', true
	case r >= 'Ẹ' && r <= 'ệ':
		return 'e', true
	case r >= 'Ỉ' && r <= 'ị':
		return 'i', true
	case r >= 'Ọ' && r <= 'ợ':
		return 'o', true
	case r >= 'Ụ' && r <= 'ự':
		return 'u', true
	case r >= 'Ỳ' && r <= 'ỹ':
		return 'y', true
	}
	return 0, false
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// hashOf is the hash of one word of a list.
func hashOf(s string) hash {
	h := newHash()
	for _, r := range s {
		l := letterOf(r)
		h = h.addLetter(&l)
	}
	return h
}
