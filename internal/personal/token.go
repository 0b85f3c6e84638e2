package personal

import "unicode/utf8"

// shape is how a token is written.
type shape uint8

const (
	small   shape = iota // lower case, or a script without case
	capital              // Anna, O'Brien, McDonald
	upper                // ANNA
	initial              // A
	number               // 12, 12b
	code                 // letters and digits mixed
)

// gap is what stands between a token and the one before.
type gap uint16

const (
	gapLine  gap = 1 << iota // a line break
	gapBlank                 // two or more of them
	gapComma
	gapStop // . ! ?
	gapColon
	gapQuote
	gapOpen  // ( [ <
	gapClose // ) ] >
	gapDash
	gapOther // & / and all else
	gapStart // nothing stands before
	gapNone  // not even a space
	gapWide  // more than two spaces, or a tab
)

// token is a word or number of a text.
type token struct {
	start, end int
	key        hash
	roles      role
	gap        gap
	shape      shape
	marks      mark
	first      role // of the phrases that begin with it
	owns       bool // 's follows
	glued      bool // part of a path, an address of the net or a name of code
}

// class of a byte, for the reader.
const (
	inLetter byte = iota + 1
	inDigit
	inWord // may go on a word: a hyphen, an apostrophe, an underscore, any byte that is not ASCII
)

var classes, folded = func() (class, fold [256]byte) {
	for i := range class {
		switch c := byte(i); {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			class[i], fold[i] = inLetter, lower(c)
		case c >= '0' && c <= '9':
			class[i] = inDigit
		case c == '-' || c == '\'' || c == '_' || c >= utf8.RuneSelf:
			class[i] = inWord
		}
	}
	return class, fold
}()

// window is the number of tokens looked at in one go.
const window = 256

// read fills the window with the tokens from offset at on, and returns where it
// stopped.
func (s *scanner) read(at int) int {
	if s.tokens == nil {
		s.tokens = make([]token, 0, min(window, len(s.text)/3+8))
	}
	tokens, text := s.tokens[:0], s.text
	var seen role
	s.numbers = false
	from := at
	for at < len(text) && len(tokens) < window {
		c := text[at]
		if class := classes[c]; class == 0 || class == inWord && (c < 0xC0 || s.unreadable(at) || !s.letterAt(at)) {
			at++
			continue
		}
		if len(tokens) == cap(tokens) {
			tokens = append(tokens, token{})
		} else {
			tokens = tokens[:len(tokens)+1]
		}
		t := &tokens[len(tokens)-1]
		*t = token{start: at}
		at = s.word(t)
		if from+1 != t.start || text[from] != ' ' {
			t.gap = s.between(from, t.start)
		}
		if from == 0 && len(tokens) == 1 {
			t.gap |= gapStart
		}
		from = t.end
		seen |= t.roles | t.first
		s.numbers = s.numbers || t.shape >= number
	}
	s.tokens, s.seen = tokens, seen
	return at
}

// word reads the token at t.start and returns where to go on.
func (s *scanner) word(t *token) int {
	text := s.text[t.start:]
	if classes[text[0]] == inDigit {
		return s.digits(t)
	}
	h, n := newHash(), 0
	for n < len(text) && folded[text[n]] != 0 {
		h = h.add(folded[text[n]])
		n++
	}
	if n < len(text) && classes[text[n]] > inLetter {
		return s.longWord(t, h, t.start+n)
	}
	t.end, t.key, t.shape = t.start+n, h, asciiShape(text[:n])
	s.look(t, 0)
	return t.end
}

// asciiShape is the shape of a word of plain letters.
func asciiShape(w []byte) shape {
	switch {
	case w[0] > 'Z':
		return small
	case len(w) == 1:
		return initial
	case w[1] <= 'Z' && w[len(w)-1] <= 'Z':
		return upper
	}
	return capital
}

// longWord reads on from i in a word that is more than plain letters: with
// single hyphens and apostrophes between, and letters of any script.
func (s *scanner) longWord(t *token, h hash, i int) int {
	part, parts, split := h, mark(0), false
	uppers, count, next := 0, 0, -1
	for _, c := range s.text[t.start:i] {
		count++
		uppers += int((c&0x20 ^ 0x20) >> 5)
	}
	for i < len(s.text) {
		c := s.text[i]
		if classes[c] == inDigit || c == '_' {
			return s.mixed(t, i)
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(s.text[i:])
		}
		l := s.letters.of(r)
		if l.goesOn {
			h = h.addLetter(&l)
			if split {
				part = part.addLetter(&l)
			}
			count++
			if l.upper {
				uppers++
			}
			i += n
			continue
		}
		if r != '-' && r != '\'' && r != '’' || !s.letterAt(i+n) {
			break
		}
		if r != '-' && s.possessive(i+n) {
			t.owns, next = true, i+n+1
			break
		}
		if !split {
			part, split = h, true
		}
		if r == '-' {
			parts |= s.names.marks(part)
			part = newHash()
		}
		h = h.addLetter(&l)
		i += n
	}
	t.end, t.key, t.shape = i, h, s.wideShape(t.start, uppers, count)
	if split {
		parts |= s.names.marks(part)
	}
	s.look(t, parts)
	return max(i, next)
}

func (s *scanner) wideShape(start, uppers, count int) shape {
	r, _ := utf8.DecodeRune(s.text[start:])
	l := s.letters.of(r)
	switch {
	case !l.upper:
		return small
	case count == 1:
		return initial
	case uppers == count:
		return upper
	}
	return capital
}

// look completes a word with its marks and roles; parts are the marks of the
// parts of a word with hyphens.
func (s *scanner) look(t *token, parts mark) {
	t.roles, t.first = s.lexicon.get(t.key)
	if t.shape == small && !s.flat {
		return
	}
	if t.marks = s.names.marks(t.key); t.marks == 0 {
		t.marks = parts
	}
	if t.marks == 0 && t.shape == capital && familyEnding(s.text[t.start:t.end]) {
		t.marks = surname
	}
	t.glued = s.gluedAt(t.start, t.end)
}

// possessive reports whether the letter at i is an s that ends its word.
func (s *scanner) possessive(i int) bool {
	return lower(s.text[i]) == 's' && !s.letterAt(i+1) && (i+1 == len(s.text) || classes[s.text[i+1]] != inDigit)
}

func (s *scanner) letterAt(i int) bool {
	if i >= len(s.text) {
		return false
	}
	if c := s.text[i]; c < utf8.RuneSelf {
		return classes[c] == inLetter
	}
	r, _ := utf8.DecodeRune(s.text[i:])
	return s.isLetter(r)
}

// unreadable reports whether U+FFFD stands at i, which what is no UTF-8 is full of.
func (s *scanner) unreadable(i int) bool {
	return s.text[i] == 0xEF && i+2 < len(s.text) && s.text[i+1] == 0xBF && s.text[i+2] == 0xBD
}

// isLetter reports whether a character beyond ASCII is a letter; an accent by
// itself is none.
func (s *scanner) isLetter(r rune) bool {
	l := s.letters.of(r)
	return l.goesOn && (r < 0x300 || r >= 0x370)
}

// digits reads a number with at most one letter behind it.
func (s *scanner) digits(t *token) int {
	i := t.start
	for i < len(s.text) && classes[s.text[i]] == inDigit {
		i++
	}
	t.end, t.shape = i, number
	if s.letterAt(i) || i < len(s.text) && s.text[i] == '_' {
		if s.mixed(t, i); t.end-i == 1 && s.text[i] != '_' {
			t.shape = number
		}
	}
	t.glued = s.gluedAt(t.start, t.end)
	return t.end
}

// mixed reads on over letters, digits and underscores.
func (s *scanner) mixed(t *token, i int) int {
	for i < len(s.text) {
		c := s.text[i]
		if classes[c] == inLetter || classes[c] == inDigit || c == '_' {
			i++
			continue
		}
		r, n := utf8.DecodeRune(s.text[i:])
		if c < utf8.RuneSelf || !s.isLetter(r) {
			break
		}
		i += n
	}
	t.end, t.shape, t.glued = i, code, true
	return i
}

// gluedAt reports whether a word is part of something longer: of a path, an
// address of the net, a tag, a name of code.
func (s *scanner) gluedAt(start, end int) bool {
	if start > 0 {
		switch s.text[start-1] {
		case '@', '_', '/', '\\', '#', '$', '=', '%', '~':
			return true
		case '.':
			if start > 1 && (classes[s.text[start-2]] == inLetter || classes[s.text[start-2]] == inDigit) && !s.abbreviated(start-1) {
				return true
			}
		}
	}
	if end == len(s.text) {
		return false
	}
	switch s.text[end] {
	case '@', '_', '/', '\\', '(', '=':
		return true
	case '.':
		return end-start > 1 && end+1 < len(s.text) && (classes[s.text[end+1]] == inLetter && s.text[end+1] >= 'a' || classes[s.text[end+1]] == inDigit)
	}
	return false
}

// abbreviated reports whether the full stop at dot ends a short form such as an
// initial or "Dr", after which people leave the space out.
func (s *scanner) abbreviated(dot int) bool {
	i := dot
	for i > 0 && dot-i < 5 && classes[s.text[i-1]] == inLetter {
		i--
	}
	return dot-i <= 4 && s.text[i] <= 'Z'
}

// between sums up what stands between two tokens.
func (s *scanner) between(from, to int) gap {
	if from == to {
		return gapNone
	}
	if to == from+2 && s.text[from+1] == ' ' && s.text[from] != '\n' {
		return gaps[s.text[from]]
	}
	var g gap
	width := uint64(0)
	for _, c := range s.text[from:to] {
		g |= gaps[c]
		width += widths[c]
	}
	lines, spaces := width>>32, uint32(width)
	if lines > 1 {
		g |= gapBlank
	}
	if spaces > 2 {
		g |= gapWide
	}
	return g
}

// widths is how wide each byte is, in spaces, and in the upper half how many
// lines it ends.
var widths = [256]uint64{' ': 1, '\t': 3, '\n': 1 << 32}

// gaps is what each byte between two tokens says.
var gaps = func() (g [256]gap) {
	for c := range g {
		g[c] = gapOther
	}
	for class, bytes := range map[gap]string{
		0:        " \t\r\xe2\x80\xc2\xa0", // the latter four: what curly quotes, dashes and hard spaces begin with
		gapLine:  "\n",
		gapComma: ",;",
		gapStop:  ".!?",
		gapColon: ":",
		gapQuote: "\"'`*\x98\x99\x9c\x9d\x9e\xab\xbb",
		gapOpen:  "([<{",
		gapClose: ")]>}",
		gapDash:  "-\x93\x94",
	} {
		for i := range len(bytes) {
			g[bytes[i]] = class
		}
	}
	return g
}()
