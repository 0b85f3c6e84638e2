package sourcecode

import "bytes"

const maxAside = 100 // lines of a comment; what is longer is no comment

// aside is a comment or documentation of several lines within code: prose that
// does not speak against code.
type aside struct {
	until string // what ends it; empty: none is open
	lines int
}

// asides reports whether a line belongs to such a comment.
func (s *scanner) asides(text []byte, indent int) bool {
	if s.aside.until != "" {
		if s.aside.lines++; s.aside.lines > maxAside {
			s.aside = aside{}
			s.end()
			return false
		}
		if bytes.Contains(text, []byte(s.aside.until)) {
			s.aside = aside{}
		}
		return true
	}
	s.aside.until = s.opensAside(text, indent)
	return s.aside.until != "" || indent%2 == 1 && text[0] == '*' && (len(text) == 1 || text[1] == ' ')
}

// opensAside is what ends the comment that begins with a line; empty if none
// begins or it ends there. Quotes in threes begin one only after code.
func (s *scanner) opensAside(text []byte, indent int) string {
	s.aside.lines = 0
	switch c := text[0]; {
	case c == '/' && len(text) > 1 && text[1] == '*' && !bytes.Contains(text, []byte("*/")):
		return "*/"
	case c == '=' && indent == 0 && isPod(text[1:]):
		return "=cut"
	case c == '"' || c == '\'' || c == 'r' && len(text) > 3 && (text[1] == '"' || text[1] == '\''):
		for _, quotes := range []string{`"""`, "'''"} {
			if b := bytes.TrimPrefix(text, []byte("r")); bytes.HasPrefix(b, []byte(quotes)) && !bytes.Contains(b[3:], []byte(quotes)) && s.block.code > 0 && s.block.prose == 0 {
				return quotes
			}
		}
	}
	return ""
}

// isPod reports whether a line begins documentation of Perl.
func isPod(b []byte) bool {
	for _, w := range []string{"head", "item", "over", "back", "pod", "begin", "for", "encoding"} {
		if bytes.HasPrefix(b, []byte(w)) {
			return true
		}
	}
	return false
}
