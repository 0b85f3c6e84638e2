package identifier

import (
	"bytes"
	"unicode/utf8"
)

// How far back text that may go on is held: groups with separators between
// them, and runs without a space, as tokens and URLs are.
const (
	maxHeld  = 64
	maxRun   = 256
	maxWords = 2 // short words in a row that may still begin something
)

// Tail is the smallest offset from which the end of b could become, or become
// part of, an identifier, a telephone number or an e-mail address if more text
// came; len(b) if nothing could. It holds back the last run of characters, at
// most 256 bytes, and what groups of digits, short words and names of months
// stand before it, at most 64 bytes. A comma, a semicolon or the end of a
// sentence ends what stands before it.
func Tail(b []byte) int {
	at := runStart(b)
	run := runPiece(b[at:])
	if run == noPiece {
		return at
	}
	held, words, p := at, 0, at
	if run == shortPiece {
		words = 1
	}
	for p > 0 {
		end := gapStart(b, p)
		start := tokenStart(b, end)
		if start == end || end == p && p != len(b) || len(b)-end >= maxHeld {
			break
		}
		kind := kindOf(b[start:end], b[at:])
		switch {
		case kind == noPiece, kind == shortPiece && (words == maxWords || run == longPiece):
			return held
		case kind == shortPiece:
			if first := wordStart(b[start:end]); first > 0 {
				return start + first
			}
			words++
		case kind == firmPiece && (run == longPiece || len(b)-start > maxHeld):
			return runeFrom(b, max(start, len(b)-maxHeld))
		default:
			words = 0
		}
		held, p = start, start
	}
	return held
}

// gapStart steps back over spaces between two tokens, or over the end of a line
// between digits.
func gapStart(b []byte, p int) int {
	end := p
	for end > 0 && p-end < 3 && (b[end-1] == ' ' || b[end-1] == '\t') {
		end--
	}
	if end == p && end > 1 && b[end-1] == '\n' && isDigit(b[end-2]) && (p == len(b) || isDigit(b[p])) {
		end--
	}
	return end
}

// runStart is where the last run without a space begins, on a character's
// first byte; past what no identifier has in it.
func runStart(b []byte) int {
	i, plain := len(b), true
	for i > 0 && len(b)-i < maxRun && !isSpace(b[i-1]) {
		i--
		plain = plain && b[i] < 0x80 || b[i] == '@'
	}
	if bytes.IndexByte(b[i:], '/') < 0 {
		i = lastCut(b, i)
	}
	if !plain {
		i = max(i, len(b)-maxHeld)
	}
	return runeFrom(b, i)
}

// runeFrom is the first offset from i on where a character begins.
func runeFrom(b []byte, i int) int {
	for i < len(b) && !utf8.RuneStart(b[i]) {
		i++
	}
	return i
}

// cuts are the bytes that only URLs have in them.
var cuts = byteSet(`,;"{}|<>[]=`)

// lastCut is behind the last byte of b[i:] that ends what stands before it. A
// comma behind a digit may be a date's or come before an extension.
func lastCut(b []byte, i int) int {
	for j := len(b) - 1; j >= i; j-- {
		if cuts[b[j]] && (b[j] != ',' || j == i || !goesOnAfterComma(b[:j], b[j+1:])) {
			return j + 1
		}
	}
	return i
}

// goesOnAfterComma reports whether what begins behind a comma may belong to what
// stands before it: the year of a date, or an extension.
func goesOnAfterComma(before, rest []byte) bool {
	switch {
	case len(rest) == 0:
	case isDigit(rest[0]):
		return digitRun(rest, 0) == len(rest) || !isDigitAt(rest, 4) // a year
	case rest[0]|0x20 != 'e' && rest[0]|0x20 != 'x':
		return false
	}
	return isDigit(before[len(before)-1]) || len(rest) == 0 || isDigit(rest[0])
}

func tokenStart(b []byte, end int) int {
	i := end
	for i > 0 && end-i <= maxHeld && !isSpace(b[i-1]) {
		i--
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

const (
	noPiece = iota
	firmPiece
	shortPiece
	joiningPiece
	longPiece // may be a month or a unit behind a number, nothing else
)

// maxUnit is the length of the longest name of a month or unit of age.
const maxUnit = 12

// runPiece says what the last run may be part of, beside what stands before it.
func runPiece(run []byte) int {
	switch n := letterRun(run); {
	case digitIn(run) || len(run) == 0:
		return firmPiece
	case n <= 4:
		return shortPiece
	case n <= maxUnit && n == len(run):
		return longPiece
	}
	return noPiece
}

// kindOf says what part of an identifier a token may be: one with a digit or
// the name of a month, a word of at most four letters, or one that joins
// others; after is the last run.
func kindOf(t, after []byte) int {
	last := t[len(t)-1]
	if last == ',' || last == '.' || last == ':' {
		t = t[:len(t)-1]
	}
	word := t[wordStart(t):]
	dated := month(word, 0) == len(word) && len(word) > 0
	switch {
	case last == ',':
		if len(t) > 0 && goesOnAfterComma(t, after) && (dated || digitIn(t)) {
			return firmPiece
		}
		return noPiece
	case last == ';' || last == '!' || last == '?' || last == '"':
		return noPiece
	case digitIn(t):
		if last == '.' && digitsBefore(t, len(t)) > 2 || last == ':' && !isExtension(word) {
			return noPiece // a sentence ends
		}
		return firmPiece
	case dated:
		return firmPiece
	case isExtension(word), isJoint(word):
		return joiningPiece
	case last != '.' && last != ':' && len(word) > 0 && len(word) <= 5:
		return shortPiece
	}
	return noPiece
}

// wordStart is where the word that ends the token begins in it; letters of
// scripts without spaces are no part of one.
func wordStart(t []byte) int {
	i := len(t)
	for i > 0 && (isLetter(t[i-1]) || letterBefore(t, i)) {
		_, n := utf8.DecodeLastRune(t[:i])
		i -= n
	}
	return i
}

// letterRun counts the bytes of the word that begins the token.
func letterRun(t []byte) int {
	n := 0
	for n < len(t) && (isLetter(t[n]) || t[n] >= 0x80) {
		n++
	}
	return n
}

func isExtension(word []byte) bool {
	switch string(bytes.ToLower(word)) {
	case "x", "ext", "extension":
		return true
	}
	return false
}

func isJoint(word []byte) bool {
	switch string(word) {
	case "of", "de", "di", "del":
		return true
	}
	return false
}
