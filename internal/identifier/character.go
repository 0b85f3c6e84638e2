package identifier

import (
	"unicode"
	"unicode/utf8"
)

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(c byte) bool { return (c|0x20)-'a' < 26 }

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

func isHex(c byte) bool { return isDigit(c) || (c|0x20)-'a' < 6 }

// isWordByte reports whether c belongs to a word; every byte of a character
// beyond ASCII counts as one.
func isWordByte(c byte) bool { return isAlnum(c) || c == '_' || c >= 0x80 }

func upper(c byte) byte {
	if c-'a' < 26 {
		return c - 0x20
	}
	return c
}

// spacedLetter reports whether the character is a letter of a script that parts
// words by spaces: what stands beside it belongs to its word.
func spacedLetter(r rune) bool { return r < 0x0E00 && unicode.IsLetter(r) }

// letterBefore reports whether b[:at] ends in a letter beyond ASCII of such a script.
func letterBefore(b []byte, at int) bool {
	if at == 0 || b[at-1] < 0x80 {
		return false
	}
	r, _ := utf8.DecodeLastRune(b[max(0, at-utf8.UTFMax):at])
	return spacedLetter(r)
}

// letterAfter is letterBefore of what follows.
func letterAfter(b []byte, at int) bool {
	if at >= len(b) || b[at] < 0x80 {
		return false
	}
	r, _ := utf8.DecodeRune(b[at:])
	return spacedLetter(r)
}

// opens reports whether an identifier may begin at the offset: what stands
// before it is not part of the same number, word, path or amount.
func opens(b []byte, at int) bool {
	if at == 0 {
		return true
	}
	c := b[at-1]
	switch c {
	case '$', '%', '@', '\\', '~', '^':
		return false
	case '_':
		return at < 2 || !isAlnum(b[at-2]) && b[at-2] != '_' // emphasis, and no part of a name
	case ',':
		return at < 2 || !isDigit(b[at-2]) || !continuesAmount(b, at)
	case '.', '/', ':':
		return at < 2 || !isDigit(b[at-2])
	case '-', '+':
		return at < 2 || !isDigit(b[at-2]) && b[at-2] != '_' && !mixedBefore(b, at-1)
	}
	if c >= 0x80 {
		return !letterBefore(b, at) && !currencyBefore(b, at)
	}
	return !isAlnum(c) || escapeBefore(b, at)
}

// escapeBefore reports whether what ends at the offset is the escape of a blank,
// as JSON in a JSON string has it.
func escapeBefore(b []byte, at int) bool {
	return at >= 2 && b[at-2] == '\\' && (b[at-1] == 'n' || b[at-1] == 'r' || b[at-1] == 't')
}

// mixedBefore reports whether the word that ends at the offset has a digit in
// it or is long: then what follows a hyphen continues a code.
func mixedBefore(b []byte, end int) bool {
	i := end
	for i > 0 && end-i < 16 && isAlnum(b[i-1]) {
		i--
		if isDigit(b[i]) {
			return true
		}
	}
	return end-i >= 16
}

func currencyBefore(b []byte, at int) bool {
	r, _ := utf8.DecodeLastRune(b[max(0, at-utf8.UTFMax):at])
	return unicode.Is(unicode.Sc, r)
}

// closes reports whether an identifier may end at the offset.
func closes(b []byte, at int) bool {
	if at == len(b) {
		return true
	}
	c := b[at]
	next := byte(' ')
	if at+1 < len(b) {
		next = b[at+1]
	}
	switch c {
	case '%', '@':
		return false
	case '\\': // an escape: JSON in a JSON string
		return true
	case '-', '+', '_':
		return !isAlnum(next)
	case ',':
		return !isDigit(next) || digitsBefore(b, at) >= 4
	case '.', '/', ':':
		return !isDigit(next)
	}
	if c >= 0x80 {
		return !letterAfter(b, at)
	}
	return !isAlnum(c)
}

// continuesAmount reports whether what stands after a comma behind a digit goes
// on with a number ("1,250", "12,5"). A longer run of digits, or anything else,
// is the next cell of a row.
func continuesAmount(b []byte, at int) bool {
	end := at
	for end < len(b) && end-at < 4 && isDigit(b[end]) {
		end++
	}
	return end > at && end-at < 4 && !(end+1 < len(b) && b[end] == '-' && isDigit(b[end+1]))
}

// digitsBefore counts the digits that end at the offset, up to four: an amount
// has groups of three.
func digitsBefore(b []byte, at int) (n int) {
	for n < 4 && at > n && isDigit(b[at-n-1]) {
		n++
	}
	return n
}
