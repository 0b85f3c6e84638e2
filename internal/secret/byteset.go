package secret

import "math/bits"

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *byteSet) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func (s *byteSet) addRange(from, to byte) {
	for c := int(from); c <= int(to); c++ {
		s.add(byte(c))
	}
}

func (s *byteSet) join(o *byteSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s *byteSet) meets(o *byteSet) bool {
	return s[0]&o[0]|s[1]&o[1]|s[2]&o[2]|s[3]&o[3] != 0
}

func (s *byteSet) size() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}

// setOf reads a list of bytes in which a-z stands for a range; a hyphen is
// itself only at the end.
func setOf(list string) byteSet {
	var s byteSet
	for i := 0; i < len(list); i++ {
		if i+2 < len(list) && list[i+1] == '-' {
			s.addRange(list[i], list[i+2])
			i += 2
			continue
		}
		s.add(list[i])
	}
	return s
}

func isLower(c byte) bool  { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return isLower(c | 0x20) }
func isSpace(c byte) bool  { return c == ' ' || c >= '\t' && c <= '\r' }

// isWord is \w of the rules.
func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' }

// isName are the bytes that names of settings are made of.
func isName(c byte) bool { return isWord(c) || c == '-' || c == '.' }

func lower(c byte) byte {
	if isUpper(c) {
		return c | 0x20
	}
	return c
}

// boundary reports whether \b matches before b[at].
func boundary(b []byte, at int) bool {
	before := at > 0 && isWord(b[at-1])
	after := at < len(b) && isWord(b[at])
	return before != after
}
