package document

import (
	"bytes"
	"strconv"
)

// pdfKind is the type of a PDF value (ISO 32000-2, 7.3).
type pdfKind uint8

const (
	pdfNothing pdfKind = iota // null, or the end
	pdfNumber
	pdfString
	pdfName
	pdfArray
	pdfDict
	pdfRef
	pdfWord // true, false, an operator, obj, stream …
)

// pdfValue is one value; a dictionary's list has names and values by turns.
type pdfValue struct {
	kind  pdfKind
	num   float64
	bytes []byte
	list  []pdfValue
}

func (v pdfValue) is(kind pdfKind, text string) bool {
	return v.kind == kind && string(v.bytes) == text
}

// get is the entry of a dictionary, unresolved.
func (v pdfValue) get(key string) pdfValue {
	if v.kind == pdfDict {
		for i := 0; i+1 < len(v.list); i += 2 {
			if string(v.list[i].bytes) == key {
				return v.list[i+1]
			}
		}
	}
	return pdfValue{}
}

const (
	pdfDepth   = 64      // how deep arrays and dictionaries may be nested
	pdfEntries = 1 << 14 // names and values of a dictionary, which is searched in order
	pdfValues  = 1 << 20 // values of a file kept at the same time
)

// pdfLexer reads values. room counts those that may still be kept in memory.
type pdfLexer struct {
	r    *reading
	b    []byte
	at   int
	room *int
	refs bool // "1 0 R" is a reference; content streams have none
	end  bool // the bytes ran out
}

func isPDFSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0 || c == '\f'
}

func isPDFDelimiter(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '[', ']', '{', '}', '/', '%':
		return true
	}
	return false
}

func (l *pdfLexer) space() {
	for l.at < len(l.b) {
		switch c := l.b[l.at]; {
		case isPDFSpace(c):
			l.at++
		case c == '%':
			for l.at < len(l.b) && l.b[l.at] != '\n' && l.b[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

// value reads the next value. Closing brackets come as words.
func (l *pdfLexer) value(depth int) pdfValue {
	l.space()
	if *l.room--; *l.room < 0 || depth > pdfDepth {
		l.r.miss(TooLarge)
		l.end, l.at = true, len(l.b)
	}
	if l.at >= len(l.b) {
		l.end = true
		return pdfValue{}
	}
	c := l.b[l.at]
	switch {
	case c == '(':
		return pdfValue{kind: pdfString, bytes: l.literal()}
	case c == '<' && l.at+1 < len(l.b) && l.b[l.at+1] == '<':
		l.at += 2
		return l.dict(depth)
	case c == '<':
		return pdfValue{kind: pdfString, bytes: l.hex()}
	case c == '/':
		l.at++
		return pdfValue{kind: pdfName, bytes: unescapeName(l.token())}
	case c == '[':
		l.at++
		return pdfValue{kind: pdfArray, list: l.until("]", depth)}
	case c == '>' && l.at+1 < len(l.b) && l.b[l.at+1] == '>':
		l.at += 2
		return pdfValue{kind: pdfWord, bytes: l.b[l.at-2 : l.at]}
	case isPDFDelimiter(c):
		l.at++
		return pdfValue{kind: pdfWord, bytes: l.b[l.at-1 : l.at]}
	}
	return l.plain()
}

func (l *pdfLexer) token() []byte {
	start := l.at
	for l.at < len(l.b) && !isPDFSpace(l.b[l.at]) && !isPDFDelimiter(l.b[l.at]) {
		l.at++
	}
	return l.b[start:l.at]
}

// plain reads a number, a reference or a word.
func (l *pdfLexer) plain() pdfValue {
	t := l.token()
	if c := t[0]; c != '+' && c != '-' && c != '.' && (c < '0' || c > '9') {
		return pdfValue{kind: pdfWord, bytes: t}
	}
	n, err := strconv.ParseFloat(string(t[:min(len(t), 40)]), 64)
	if err != nil || n != n || n > 1e15 || n < -1e15 {
		return pdfValue{kind: pdfNumber}
	}
	if l.refs && n >= 0 && l.reference() {
		return pdfValue{kind: pdfRef, num: n}
	}
	return pdfValue{kind: pdfNumber, num: n}
}

// reference takes the generation and the R that make a number a reference.
func (l *pdfLexer) reference() bool {
	i := l.at
	for i < len(l.b) && isPDFSpace(l.b[i]) {
		i++
	}
	start := i
	for i < len(l.b) && i < start+6 && l.b[i] >= '0' && l.b[i] <= '9' {
		i++
	}
	if i == start {
		return false
	}
	for i < len(l.b) && isPDFSpace(l.b[i]) {
		i++
	}
	if i >= len(l.b) || l.b[i] != 'R' || i+1 < len(l.b) && !isPDFSpace(l.b[i+1]) && !isPDFDelimiter(l.b[i+1]) {
		return false
	}
	l.at = i + 1
	return true
}

func (l *pdfLexer) until(end string, depth int) []pdfValue {
	var list []pdfValue
	for {
		v := l.value(depth + 1)
		if l.end || v.is(pdfWord, end) || v.is(pdfWord, "endobj") {
			return list
		}
		list = append(list, v)
	}
}

func (l *pdfLexer) dict(depth int) pdfValue {
	list := l.until(">>", depth)
	if len(list) > pdfEntries {
		l.r.miss(TooLarge)
		list = list[:pdfEntries]
	}
	return pdfValue{kind: pdfDict, list: list[:len(list)&^1]}
}

// literal reads a string in parentheses.
func (l *pdfLexer) literal() []byte {
	var out []byte
	depth := 0
	for l.at < len(l.b) {
		c := l.b[l.at]
		l.at++
		switch c {
		case '(':
			if depth++; depth == 1 {
				continue
			}
		case ')':
			if depth--; depth == 0 {
				return out
			}
		case '\\':
			out = l.escape(out)
			continue
		}
		out = append(out, c)
	}
	l.r.miss(MalformedDocument)
	return out
}

func (l *pdfLexer) escape(out []byte) []byte {
	if l.at >= len(l.b) {
		return out
	}
	c := l.b[l.at]
	l.at++
	if n := bytes.IndexByte([]byte("nrtbf"), c); n >= 0 {
		return append(out, "\n\r\t\b\f"[n])
	}
	switch {
	case c == '\r' && l.at < len(l.b) && l.b[l.at] == '\n':
		l.at++
		return out
	case c == '\r', c == '\n':
		return out
	case c < '0' || c > '7':
		return append(out, c)
	}
	n := int(c - '0')
	for i := 0; i < 2 && l.at < len(l.b) && l.b[l.at] >= '0' && l.b[l.at] <= '7'; i++ {
		n = n*8 + int(l.b[l.at]-'0')
		l.at++
	}
	return append(out, byte(n))
}

// hex reads a string in angle brackets.
func (l *pdfLexer) hex() []byte {
	l.at++
	n := bytes.IndexByte(l.b[l.at:], '>')
	if n < 0 {
		l.r.miss(MalformedDocument)
		n = len(l.b) - l.at
	}
	out := unhex(l.b[l.at : l.at+n])
	l.at = min(len(l.b), l.at+n+1)
	return out
}

func unhex(b []byte) []byte {
	out := make([]byte, 0, len(b)/2+1)
	high := -1
	for _, c := range b {
		v := hexValue(c)
		switch {
		case v < 0:
		case high < 0:
			high = v
		default:
			out = append(out, byte(high<<4|v))
			high = -1
		}
	}
	if high >= 0 {
		out = append(out, byte(high<<4))
	}
	return out
}

func unescapeName(b []byte) []byte {
	if bytes.IndexByte(b, '#') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '#' && i+2 < len(b) && hexValue(b[i+1]) >= 0 && hexValue(b[i+2]) >= 0 {
			out = append(out, byte(hexValue(b[i+1])<<4|hexValue(b[i+2])))
			i += 2
			continue
		}
		out = append(out, b[i])
	}
	return out
}
