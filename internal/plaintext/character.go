package plaintext

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func isDigit(c byte) bool { return c-'0' < 10 }

func isLetter(c byte) bool { return c|0x20-'a' < 26 }

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

// isInert reports whether a character of the common scripts is what it looks
// like and stays as it is. It may miss some; those take the longer way.
func isInert(r rune) bool {
	switch {
	case r < 0xc0:
		return false
	case r < 0x180: // Latin, without the ligatures and the long s
		return r != 0x132 && r != 0x133 && r != 0x13f && r != 0x140 && r != 0x149 && r != 0x17f
	case r >= 0x3041 && r <= 0x3096, r >= 0x30a1 && r <= 0x30fa: // kana
		return true
	case r >= 0x4e00 && r <= 0x9fff, r >= 0xac00 && r <= 0xd7a3: // Han, Hangul
		return true
	case r >= 0x620 && r <= 0x64a, r >= 0x5d0 && r <= 0x5ea: // Arabic, Hebrew
		return true
	case r >= 0x1e00 && r <= 0x1e99, r >= 0x1ea0 && r <= 0x1eff: // Vietnamese
		return true
	}
	return false
}

// isInvisible reports whether a character shows nothing by itself: format
// controls, fillers, variation selectors, tags.
func isInvisible(r rune) bool {
	switch {
	case r < 0xa0:
		return r >= 0x80 && r != 0x85 // C1 controls; NEL is a line's end
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5:
		return true
	case r >= 0x180b && r <= 0x180f, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0x20e3, r == 0x3164, r == 0xfeff, r == 0xffa0:
		return true // U+20E3 is the frame of a keycap: the digit before it is what is read
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xfff9 && r <= 0xfffb:
		return true
	}
	return r >= 0x1bca0 && r <= 0x1bca3 || r >= 0x1d173 && r <= 0x1d17a || r >= 0xe0000 && r <= 0xe0fff
}

func isTag(r rune) bool { return r >= 0xe0000 && r <= 0xe007f }

// isMark reports whether a character combines with the letter before it.
func isMark(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r < 0x370:
		return r != 0x34f
	case r < 0x483:
		return false
	case r >= 0x1161 && r <= 0x11ff: // vowels and finals of Hangul syllables
		return true
	case r >= 0x20d0 && r <= 0x20f0:
		return r != 0x20e3
	case r >= 0x3041 && r <= 0x3098, r >= 0x30a1 && r <= 0xa66e, r >= 0xac00 && r <= 0xd7a3, r >= 0xff01 && r < 0x10000:
		return false
	}
	return unicode.Is(unicode.Mn, r) && !isInvisible(r)
}

// isCombiningLead reports whether a combining mark may begin with c.
func isCombiningLead(c byte) bool { return c >= 0xcc }

// composes reports whether a letter and marks may make one character: those of
// Latin, Greek, Cyrillic, kana and Hangul.
func composes(r rune) bool {
	return r < 0x530 || r >= 0x1e00 && r < 0x2000 || r >= 0x3041 && r < 0x3100 || r >= 0x1100 && r < 0x1200 || r >= 0xac00 && r <= 0xd7a3
}

// compositions are the characters of Latin, Greek, Cyrillic and kana that a
// letter and one mark make, by letter and mark.
var compositions = sync.OnceValue(func() map[[2]rune]rune {
	out := make(map[[2]rune]rune)
	for r := rune(0xc0); r < 0x3100; r++ {
		parts := norm.NFC.PropertiesString(string(r)).Decomposition()
		mark, size := utf8.DecodeLastRune(parts)
		letter := []rune(norm.NFC.String(string(parts[:len(parts)-size])))
		if len(letter) == 1 && norm.NFC.String(string(letter)+string(mark)) == string(r) {
			out[[2]rune{letter[0], mark}] = r
		}
	}
	return out
})

// composition is the character that a letter and a mark make, or 0. Syllables of
// Hangul are computed (The Unicode Standard, section 3.12).
func composition(letter, mark rune) rune {
	switch {
	case letter >= 0x1100 && letter <= 0x1112:
		if mark >= 0x1161 && mark <= 0x1175 {
			return 0xac00 + ((letter-0x1100)*21+mark-0x1161)*28
		}
		return 0
	case letter >= 0xac00:
		if (letter-0xac00)%28 == 0 && mark > 0x11a7 && mark <= 0x11c2 {
			return letter + mark - 0x11a7
		}
		return 0
	}
	return compositions()[[2]rune{letter, mark}]
}

// hasLookAlikes reports whether a character is of a script that has letters
// which look Latin.
func hasLookAlikes(r rune) bool {
	switch {
	case r < 0x250 || r >= 0xab00:
		return false
	case r < 0x590:
		return r < 0x2b0 || r >= 0x370
	}
	return r >= 0x13a0 && r < 0x1400 || r >= 0x1c80 && r < 0x1c90 || r >= 0x1f00 && r < 0x2000 || r >= 0xa4d0 && r < 0xa500 || r >= 0xa640 && r < 0xa6a0
}

// punctuation is the ASCII form of Unicode's dashes, spaces, quotes and slashes,
// 0 if the character is none of them.
func punctuation(r rune) byte {
	switch r {
	case 0xa0, 0x1680, 0x202f, 0x205f, 0x2800, 0x3000:
		return ' '
	case 0x85, 0x2028, 0x2029:
		return '\n'
	case 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2043, 0x2212, 0xfe58, 0xfe63, 0x2d7, 0x1806, 0x2e3a, 0x2e3b, 0x30a0:
		return '-'
	case 0x2018, 0x2019, 0x201a, 0x201b, 0x2032, 0x2bc:
		return '\''
	case 0x201c, 0x201d, 0x201e, 0x201f, 0x2033:
		return '"'
	case 0x2044, 0x2215, 0x29f8:
		return '/'
	case 0x2236, 0xa789, 0x2d0:
		return ':'
	case 0x2024, 0x66b:
		return '.'
	case 0x66c:
		return ','
	case 0x204e, 0x2217:
		return '*'
	}
	if r >= 0x2000 && r <= 0x200a {
		return ' '
	}
	return 0
}

// digitRanges are the decimal digits of all scripts but ASCII, each range a
// multiple of ten that begins with a zero.
var digitRanges = sync.OnceValue(func() []unicode.Range32 {
	var out []unicode.Range32
	for _, r := range unicode.Nd.R16 {
		if r.Lo > '9' {
			out = append(out, unicode.Range32{Lo: uint32(r.Lo), Hi: uint32(r.Hi)})
		}
	}
	return append(out, unicode.Nd.R32...)
})

// decimal is the value of a decimal digit of any script, -1 for other
// characters.
func decimal(r rune) int {
	if r < 0x660 || r > 0x1fbff {
		return -1
	}
	ranges := digitRanges()
	lo, hi := 0, len(ranges)
	for lo < hi {
		m := (lo + hi) / 2
		switch {
		case uint32(r) > ranges[m].Hi:
			lo = m + 1
		case uint32(r) < ranges[m].Lo:
			hi = m
		default:
			return int(uint32(r)-ranges[m].Lo) % 10
		}
	}
	return -1
}

func isMathematical(r rune) bool { return r >= 0x1d400 && r <= 0x1d7ff }

// isDecorated reports whether a compatibility character is a letter or digit in
// fancy dress: mathematical, in a circle, in a square.
func isDecorated(r rune) bool {
	return isMathematical(r) || r >= 0x2460 && r <= 0x24ff || r >= 0x1f100 && r <= 0x1f1e5
}

// keepsItsForm lists signs whose plain form would glue letters to the word
// before them: ª º ™ ℠ and the fractions.
func keepsItsForm(r rune) bool {
	switch {
	case r == 0xaa, r == 0xba, r == 0x2122, r == 0x2120:
		return true
	}
	return r >= 0xbc && r <= 0xbe || r >= 0x2150 && r <= 0x215f
}

// The kinds of character that a word is made of.
type charKind uint8

const (
	outside charKind = iota
	latinLetter
	digitOf
	foreignLetter // of a script with look-alikes, but looking like no Latin letter
	lookAlikeLetter
	neutral // an accented letter, a mark, something invisible
)

func wordKind(r rune) charKind {
	switch {
	case r < utf8.RuneSelf:
		return asciiKind(byte(r))
	case hasLookAlikes(r):
		if confusable(r) != 0 {
			return lookAlikeLetter
		}
		return foreignLetter
	case r >= 0xc0 && r < 0x370:
		return neutral
	case isMathematical(r), r >= 0xff21 && r <= 0xff3a, r >= 0xff41 && r <= 0xff5a:
		return latinLetter
	case r >= 0xff10 && r <= 0xff19:
		return digitOf
	case isInvisible(r):
		return neutral
	}
	return outside
}

func asciiKind(c byte) charKind {
	switch {
	case isDigit(c):
		return digitOf
	case isLetter(c):
		return latinLetter
	case c < ' ' && !isPlain(c):
		return neutral
	}
	return outside
}

// lookAlikes are letters of other scripts beside the Latin letters they look
// like in common typefaces (after Unicode Technical Standard 39).
const lookAlikes = "АAВBСCЕEНHІIЈJКKМMОOРPЅSТTУYХXԌGԚQԜW" + "аaеeоoрpсcуyхxіiјjѕsԁdԛqԝwһhѵv" +
	"ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧX" + "αaοoνvιiρpυuχxϲcϳj" + "օoսuհhոnցg" + "ɑaɡg" + "ꓐBꓑPꓓDꓔTꓖGꓗKꓙJꓚCꓜZꓝFꓟMꓠNꓡLꓢSꓣRꓦVꓧHꓪWꓫXꓬYꓮAꓰEꓲIꓳOꓴU" + "ᎪAᎠDᎬEᎻHᎫJᏦKᏞLᎷMᏢPᏚSᎢTᏙVᎳWᏃZ"

// confusables has the look-alikes below U+0590, where almost all are, and the
// others.
type confusables struct {
	low  [0x590 - 0x250]byte
	high map[rune]byte
}

var confusableTable = sync.OnceValue(func() *confusables {
	t := &confusables{high: make(map[rune]byte)}
	runes := []rune(lookAlikes)
	for i := 0; i+1 < len(runes); i += 2 {
		if r := runes[i]; r < 0x590 {
			t.low[r-0x250] = byte(runes[i+1])
		} else {
			t.high[r] = byte(runes[i+1])
		}
	}
	return t
})

// confusable is the ASCII letter that a letter of another script looks like, or
// 0.
func confusable(r rune) byte {
	switch {
	case r < 0x250:
		return 0
	case r < 0x590:
		return confusableTable().low[r-0x250]
	case r >= 0x13a0 && r < 0x1400, r >= 0xa4d0 && r < 0xa500:
		return confusableTable().high[r]
	}
	return 0
}
