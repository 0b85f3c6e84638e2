package document

import "unicode/utf8"

// rtf strips the control words of a Rich Text file (RTF 1.9.1) and keeps its
// text, also that of destinations that are not shown. Pictures and objects are
// not read.
func (r *reading) rtf(b []byte) {
	s := rtfText{r: r, b: b, skip: 1}
	for s.at < len(s.b) {
		s.step()
	}
	if s.depth != 0 {
		r.miss(MalformedDocument)
	}
}

type rtfText struct {
	r     *reading
	b     []byte
	at    int
	depth int
	skip  int  // characters that stand for a Unicode one, after it
	owed  int  // of those, still to come
	high  rune // first half of a surrogate pair
}

func (s *rtfText) step() {
	c := s.b[s.at]
	s.at++
	switch c {
	case '{':
		s.depth++
	case '}':
		s.depth--
		s.owed = 0
	case '\\':
		s.control()
	case '\r', '\n':
	default:
		s.character(winAnsi(c))
	}
}

// character writes one, unless it stands for a Unicode one already written.
func (s *rtfText) character(c rune) {
	if s.owed > 0 {
		s.owed--
		return
	}
	var buf [utf8.UTFMax]byte
	s.r.write(utf8.AppendRune(buf[:0], c))
}

// control reads what follows a backslash.
func (s *rtfText) control() {
	if s.at >= len(s.b) {
		s.r.miss(MalformedDocument)
		return
	}
	c := s.b[s.at]
	if !letter(c) {
		s.at++
		s.symbol(c)
		return
	}
	start := s.at
	for s.at < len(s.b) && letter(s.b[s.at]) {
		s.at++
	}
	word := string(s.b[start:min(s.at, start+32)])
	s.word(word, s.parameter())
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// parameter reads the number after a control word and the space that ends it.
func (s *rtfText) parameter() int {
	n, sign := 0, 1
	if s.at+1 < len(s.b) && s.b[s.at] == '-' && s.b[s.at+1] >= '0' && s.b[s.at+1] <= '9' {
		sign = -1
		s.at++
	}
	for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' {
		n = min(n*10+int(s.b[s.at]-'0'), 1<<30)
		s.at++
	}
	if s.at < len(s.b) && s.b[s.at] == ' ' {
		s.at++
	}
	return sign * n
}

func (s *rtfText) symbol(c byte) {
	switch c {
	case '\'':
		s.hex()
	case '~':
		s.character(' ')
	case '_':
		s.character('-')
	case '\\', '{', '}':
		s.character(rune(c))
	case '\r', '\n':
		s.character('\n')
	}
}

func (s *rtfText) hex() {
	if s.at+2 > len(s.b) || hexValue(s.b[s.at]) < 0 || hexValue(s.b[s.at+1]) < 0 {
		s.r.miss(MalformedDocument)
		return
	}
	c := byte(hexValue(s.b[s.at])<<4 | hexValue(s.b[s.at+1]))
	s.at += 2
	s.character(winAnsi(c))
}

func (s *rtfText) word(word string, n int) {
	switch word {
	case "par", "line", "row", "sect", "page", "pard":
		s.owed = 0
		s.r.newline()
	case "tab", "cell", "nestcell":
		s.character('\t')
	case "uc":
		s.skip = max(0, min(n, 16))
	case "u":
		s.unicode(rune(uint16(n)))
	case "bin":
		s.at = min(len(s.b), s.at+max(0, n))
		s.r.miss(UnknownContent)
	case "pict":
		s.r.miss(Image)
	case "objdata", "ansicpg":
		if word == "objdata" || n != 1252 && n != 0 {
			s.r.miss(UnknownContent)
		}
	case "emdash", "endash":
		s.character('-')
	}
}

// unicode writes a character of \\u, whose halves come one by one.
func (s *rtfText) unicode(c rune) {
	s.owed = 0
	switch {
	case c >= 0xd800 && c < 0xdc00:
		s.high = c
	case c >= 0xdc00 && c < 0xe000 && s.high != 0:
		s.character(0x10000 + (s.high-0xd800)<<10 + c - 0xdc00)
		s.high = 0
	default:
		s.character(c)
	}
	s.owed = s.skip
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
