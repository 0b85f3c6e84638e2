package sourcecode

import (
	"bytes"
	"math/bits"
)

// feature is a set of what speaks for code.
type feature uint16

const (
	ending    feature = 1 << iota // a line ends with ; or {
	keyword                       // a line begins with a word that begins statements
	call                          // name(
	operator                      // == := -> && …
	assign                        // name = value
	sigil                         // $name, @name
	comment                       // // or /*
	directive                     // #include, #define, #!
	markup                        // a tag of HTML
	query                         // SQL
	command                       // a shell command, a line of a Dockerfile, an instruction
	patch                         // the headers of a diff
	indented                      // code that is indented
)

func (f feature) count() int { return bits.OnesCount16(uint16(f)) }

// names says features in words, the strongest first.
var names = []struct {
	f    feature
	name string
}{
	{patch, "patch"}, {directive, "directive"}, {query, "query"}, {keyword, "keywords"}, {markup, "markup"}, {call, "calls"}, {ending, "endings"},
	{operator, "operators"}, {command, "commands"}, {sigil, "sigils"}, {assign, "assignments"}, {comment, "comments"}, {indented, "indents"},
}

func (f feature) name() string {
	for _, n := range names {
		if f&n.f != 0 {
			return n.name
		}
	}
	return ""
}

type lineKind uint8

const (
	proseLine lineKind = iota
	dataLine
	entryLine   // an entry of YAML
	closer      // what belongs to code if it stands within code: a comment, a part of a literal
	bracketLine // nothing but brackets
	hintLine
	codeLine
)

// lineOf is what one line says.
type lineOf struct {
	kind     lineKind
	points   int
	features feature
}

// marks are what one pass over a line counts.
type marks struct {
	calls, operators, sigils int
	joints                   int // blanks between words: what prose is made of
	equals                   int // offset of the first single =, -1 if none
	colon                    int // offset of the first colon, -1 if none
	quotes, ticks            int
	tight                    int  // commas with no blank after them
	closed                   bool // nothing but brackets and commas
}

// look says what one line is. text has no blanks around it and is not empty.
func look(text []byte, indent int) lineOf {
	if l, done := lookAtStart(text); done {
		return l
	}
	if len(text) == 1 && bytes.IndexByte([]byte("{}()[];"), text[0]) < 0 {
		return lineOf{kind: proseLine}
	}
	m := count(text)
	if m.closed {
		return lineOf{kind: bracketLine}
	}
	if isPart(text, &m) {
		return lineOf{kind: closer}
	}
	if isData(text, &m) {
		return lineOf{kind: dataLine}
	}
	if isEntry(text, &m) {
		return lineOf{kind: entryLine}
	}
	var l lineOf
	l.shape(text, &m)
	l.words(text, &m)
	if l.points > 0 && indent >= 2 {
		l.features |= indented
	}
	switch last := text[len(text)-1]; {
	case m.ticks > 1 && m.joints > 1 && last != ';' && last != '{' && last != ')' && last != ',':
		l = lineOf{kind: proseLine}
	case l.points*3 < m.joints || m.joints > 4 && (last == '.' || last == '?') && l.points < 6:
		l = lineOf{kind: proseLine}
	case l.points >= 2:
		l.kind = codeLine
	case l.points == 1:
		l.kind = hintLine
	}
	return l
}

// isPart reports whether a line is a part of a list or a literal, which code has
// and data too: "name," or "name: value,".
func isPart(text []byte, m *marks) bool {
	if text[len(text)-1] != ',' || m.operators > 0 || m.calls > 0 || m.equals > 0 || m.quotes > 2 {
		return false
	}
	return m.colon > 0 && isKey(text[:m.colon]) && text[0] != '-' || m.joints == 0 && m.colon < 0 && m.tight == 0
}

func (l *lineOf) is(f feature, points int) {
	l.features |= f
	l.points += points
}

// shape counts what a line is made of.
func (l *lineOf) shape(text []byte, m *marks) {
	if m.calls > 0 {
		l.is(call, min(2*m.calls, 4))
	}
	if m.operators > 0 {
		l.is(operator, min(2*m.operators, 4))
	}
	if m.sigils > 0 {
		l.is(sigil, min(m.sigils, 2))
	}
	if m.equals > 0 && isTarget(text[:m.equals]) {
		l.is(assign, 1)
	}
	switch text[len(text)-1] {
	case ';':
		if m.joints < 4 || l.points > 1 {
			l.is(ending, 2)
		}
	case '{':
		if m.joints < 4 || l.points > 1 {
			l.is(ending, 2)
		}
	case '\\':
		l.points++
	}
}

// isTarget reports whether what stands before = can be assigned to: one or two
// words, of letters, digits and a few signs.
func isTarget(b []byte) bool {
	b = trimRight(b)
	if len(b) == 0 || len(b) > 64 {
		return false
	}
	words := 1
	for _, c := range b {
		switch {
		case c == ' ':
			words++
		case isAlnum(c) || c == '_' || c == '.' || c == '[' || c == ']' || c == '$' || c == '*' || c == '@' || c == '\'' || c == '"' || c == ',' || c == '-' || c == '&' || c == '>' || c == ':':
		default:
			return false
		}
	}
	return words <= 3 && !isDigit(b[0])
}

// maxLook bounds the part of a line that is looked at: what code looks like
// shows at once.
const maxLook = 320

// inWord has the bytes of words: they decide nothing by themselves.
var inWord = func() (t [256]bool) {
	for c := range t {
		t[c] = isName(byte(c)) || c >= 0x80
	}
	return t
}()

// count makes one pass over a line.
func count(text []byte) marks {
	m := marks{equals: -1, colon: -1, closed: true}
	text = text[:min(len(text), maxLook)]
	for i := 0; i < len(text); i++ {
		begin := i
		for i < len(text) && inWord[text[i]] {
			i++
		}
		if i > begin {
			m.closed = false
		}
		if i == len(text) {
			break
		}
		next, before := byte(' '), byte(' ')
		if i+1 < len(text) {
			next = text[i+1]
		}
		if i > 0 {
			before = text[i-1]
		}
		if text[i] == ' ' {
			if (isLetter(before) || before == ',') && isLetter(next) {
				if m.joints++; m.isProse() {
					break
				}
			}
			continue
		}
		i = m.sign(text, i, before, next)
	}
	return m
}

// isProse reports whether so many words without a sign of code went by that the
// rest of the line will not change it.
func (m *marks) isProse() bool {
	return m.joints >= 14 && m.calls+m.operators+m.sigils == 0
}

// sign counts the byte at i, which is neither of a word nor a blank, and returns
// the last byte that belongs to it.
func (m *marks) sign(text []byte, i int, before, next byte) int {
	c := text[i]
	switch c {
	case '(':
		if isName(before) && !isPlural(text[i:]) && (i < 2 || isName(text[i-2]) || next == ')') {
			m.calls++
		}
		return i
	case '{', '}', '[', ']', ')', ';':
		return i
	case ',':
		if next != ' ' && i+1 < len(text) {
			m.tight++
		}
		return i
	case '"', '\'':
		m.quotes++
	case '`':
		m.ticks++
	case '$':
		if isLetter(next) || next == '{' || next == '_' || next == '(' || next == '$' {
			m.sigils++
		}
	case '@':
		if isLetter(next) && !isName(before) {
			m.sigils++
		}
	case '=':
		if next == '=' || next == '>' || next == '~' {
			m.operators++
			i++
		} else if m.equals < 0 {
			m.equals = i
		}
	case ':':
		if m.colon < 0 {
			m.colon = i
		}
		if next == ':' && (isName(before) || before == ' ') && i+2 < len(text) && isName(text[i+2]) || next == '=' {
			m.operators++
			i++
		}
	default:
		if isPair(before, c, next, i+2 < len(text) && !isName(text[i+2]) && text[i+2] != '<') {
			m.operators++
			i++
		}
	}
	m.closed = false
	return i
}

// isPair reports whether two bytes make an operator that prose does not use.
// apart says that no word follows at once.
func isPair(before, c, next byte, apart bool) bool {
	switch c {
	case '-':
		return next == '>' && before != '-' || next == '=' || next == '-' && isName(before)
	case '&':
		return next == '&'
	case '|':
		return next == '|' && before != '|'
	case '+':
		return next == '=' || next == '+' && isName(before)
	case '<':
		return next == '<' && apart || next == '=' || next == '-' && apart
	case '>':
		return next == '&' || next == '>' && before != '>' && apart && before == ' ' || next == '='
	case '!', '*', '/', '%', '^', '~':
		return next == '=' && before != '='
	case '?':
		return next == '.' || next == '?' && isName(before) || next == ':'
	}
	return false
}

// isPlural reports whether a bracket only holds the ending of a word: item(s).
func isPlural(b []byte) bool {
	return len(b) >= 3 && b[2] == ')' && (b[1] == 's' || b[1] == 'e' || b[1] == 'n') || len(b) >= 4 && b[3] == ')' && (b[1] == 'e' || b[1] == 'i' || b[1] == 'a')
}

func isName(c byte) bool   { return isAlnum(c) || c == '_' }
func isDigit(c byte) bool  { return c-'0' < 10 }
func isLetter(c byte) bool { return c|0x20-'a' < 26 }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }

// isData reports whether a line is a member of JSON, an entry of YAML, a row or
// a line of a log.
func isData(text []byte, m *marks) bool {
	last := text[len(text)-1]
	switch c := text[0]; {
	case c == '"' && isMember(text):
		return true
	case c == '"' || c == '\'':
		return last != ';' && last != '{' && m.calls == 0 && m.operators == 0
	case c == '{' && len(text) > 1 && (text[1] == '"' || text[1] == '\'' || text[1] == '\\'):
		return last != ';' && last != ')'
	case isDigit(c):
		return last != ';' && m.calls == 0
	case c == '[' && len(text) > 1 && (isDigit(text[1]) || text[1] == '"' || text[1] == '{'):
		return last != ';' && last != ')'
	case c == '|', c == '>':
		return true
	case (c == '-' || c == '*' || c == '+') && len(text) > 1 && text[1] == ' ':
		return last != ';' && last != '{'
	}
	if m.tight >= 3 && m.tight > m.joints && last != ';' && last != '{' && last != '(' && m.calls == 0 {
		return true
	}
	return bytes.HasPrefix(text, []byte("at ")) || bytes.HasPrefix(text, []byte("File \""))
}

// isEntry reports whether a line is "key: value", or "key:" and begins no block
// of code.
func isEntry(text []byte, m *marks) bool {
	if m.colon <= 0 || m.colon > 40 || !isKey(text[:m.colon]) {
		return false
	}
	if m.colon+1 == len(text) {
		return !beginsBlock(text)
	}
	if last := text[len(text)-1]; last == ';' || last == '{' || last == '(' || last == ',' && m.operators > 0 {
		return false
	}
	return text[m.colon+1] == ' ' && (m.calls == 0 || m.joints > 3)
}

// isMember reports whether a line is a member of JSON: a string and a colon.
func isMember(text []byte) bool {
	end := bytes.IndexByte(text[1:], '"') + 2
	return end > 1 && end < len(text) && (text[end] == ':' || text[end] == ' ' && end+1 < len(text) && text[end+1] == ':')
}

// isKey reports whether b can be the key of an entry: one word.
func isKey(b []byte) bool {
	for _, c := range b {
		if !isAlnum(c) && c != '_' && c != '-' && c != '.' && c != '/' {
			return false
		}
	}
	return true
}

func beginsBlock(text []byte) bool {
	switch string(text) {
	case "else:", "try:", "finally:", "except:", "default:", "public:", "private:", "protected:":
		return true
	}
	return false
}
