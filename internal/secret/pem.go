package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

const (
	maxLabel   = 64       // of a PEM block
	maxPEM     = 16 << 10 // the longest private key that is taken as one
	minPEMLine = 24       // of base64 without a break, for a block to hold a key and not words
)

// privateKey finds an encoded private key from its first line (RFC 7468, RFC
// 4716, RFC 4880, PuTTY), also where line ends are written as \n, and also
// where the end is missing: a key cut off is most of a key.
func (s *scan) privateKey(start, end int) {
	if start < s.last[ownPEM] {
		return
	}
	head := s.text[start:min(len(s.text), end+maxLabel)]
	putty := lower(head[0]) == 'p'
	if !putty && !holdsFold(head, "private key") && !holdsFold(head, "static key") && !holdsFold(head, "ssh2 encrypted") {
		return
	}
	stop, line := s.keyBody(end)
	s.last[ownPEM] = stop
	if line < minPEMLine {
		return
	}
	s.keep(dataclass.Secret, start, stop, 95, "private-key", "")
}

// keyBody is where the block ends, and the longest run of base64 in it.
func (s *scan) keyBody(at int) (stop, longest int) {
	b := s.text[:min(len(s.text), at+maxPEM)]
	if label := bytes.Index(b[at:min(len(b), at+maxLabel)], []byte("---")); label >= 0 {
		at += label + 3
	}
	line := 0
	for stop = at; at < len(b); at++ {
		switch c := b[at]; {
		case c == '-' && closes(b[at:]):
			return lineEnd(b, at), longest
		case isLetter(c) || isDigit(c) || c == '+' || c == '/' || c == '=':
			line++
			longest = max(longest, line)
			stop = at + 1
		case c == '\\':
			line = 0
			at++ // with the letter of the escape
		case inKey.has(c):
			line = 0
		default:
			return stop, longest
		}
	}
	return stop, longest
}

// inKey is what stands between the lines of a key: white space, headers, and
// how a language quotes and joins lines.
var inKey = setOf(" \t\n\r\"':,>|.()@_+;#*-")

func closes(b []byte) bool {
	return len(b) > 8 && bytes.HasPrefix(b, []byte("----")) && holdsFold(b[:min(len(b), 12)], "end")
}

// lineEnd is the end of the dashes that close a block.
func lineEnd(b []byte, at int) int {
	stop := min(len(b), at+maxLabel+12)
	last := at
	for p := at; p < stop && b[p] != '\n' && b[p] != '\\' && b[p] != '"'; p++ {
		if b[p] == '-' {
			last = p
		}
	}
	return last + 1
}

// holdsFold reports whether b holds the lower-case word, in any case.
func holdsFold(b []byte, word string) bool {
	for at := 0; at+len(word) <= len(b); at++ {
		if hasFold(b[at:], word) {
			return true
		}
	}
	return false
}

func hasFold(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(b[i]) != word[i] {
			return false
		}
	}
	return true
}
