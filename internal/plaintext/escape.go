package plaintext

import (
	"bytes"
	"unicode/utf8"
)

// escapeKind is a way to write single characters within ordinary text.
type escapeKind struct {
	by   string
	lead byte
	// read appends to dst the character that the escape at b[i] stands for, and
	// returns the length of the escape, 0 if there is none. Strong says that
	// nobody needs to write that character so.
	read func(dst, b []byte, i int) (out []byte, size int, strong bool)
}

var (
	percentEscape = escapeKind{"percent", '%', readPercent}
	htmlEscape    = escapeKind{"html", '&', readReference}
	slashEscape   = escapeKind{"escape", '\\', readSlash}
)

// escapes decodes the runs that hold escapes of one kind. A run is what stands
// between blanks, quotes and angle brackets; runs with one blank between them
// that begin with an escape are one.
func (d *decoder) escapes(kind escapeKind) {
	for at := 0; at < len(d.b); {
		n := bytes.IndexByte(d.b[at:], kind.lead)
		if n < 0 {
			return
		}
		i := at + n
		from := len(d.text)
		if _, size, _ := kind.read(d.text, d.b, i); size == 0 {
			at = i + 1
			continue
		}
		start := i
		for start > at && !partsRun(d.b[start-1]) {
			start--
		}
		end, worth := d.unescape(start, kind)
		at = end
		if worth && d.spend(len(d.text)-from) {
			d.keep(start, end, from, kind.by)
		} else {
			d.text = d.text[:from]
		}
	}
}

func partsRun(c byte) bool { return c <= ' ' || c == '"' || c == '<' || c == '>' }

// unescape appends the run that begins at i to d.text, decoded. It returns where
// the run ends, and whether its escapes are worth a look: three of them, or one
// that nobody needs.
func (d *decoder) unescape(i int, kind escapeKind) (end int, worth bool) {
	count, strong := 0, false
	for i < len(d.b) {
		c := d.b[i]
		if c == kind.lead {
			out, size, means := kind.read(d.text, d.b, i)
			if size > 0 {
				d.text = out
				i += size
				count, strong = count+1, strong || means
				continue
			}
		}
		if partsRun(c) && !(c == ' ' && d.goesOn(i+1, kind)) {
			break
		}
		next := i + 1
		for next < len(d.b) && d.b[next] != kind.lead && !partsRun(d.b[next]) {
			next++
		}
		d.text = append(d.text, d.b[i:next]...)
		i = next
	}
	return i, strong || count >= 3
}

// goesOn reports whether an escape begins at i.
func (d *decoder) goesOn(i int, kind escapeKind) bool {
	if i >= len(d.b) || d.b[i] != kind.lead {
		return false
	}
	_, size, _ := kind.read(d.text, d.b, i)
	return size > 0
}

// readPercent reads %41. It is strong for letters, digits and the dash, and
// within a word.
func readPercent(dst, b []byte, i int) ([]byte, int, bool) {
	c, ok := hexByte(b, i+1)
	if !ok {
		return dst, 0, false
	}
	within := i > 0 && isAlnum(b[i-1]) && i+3 < len(b) && isAlnum(b[i+3])
	return append(dst, c), 3, within || isAlnum(c) || c == '-'
}

// hexByte is the byte that two hex digits at i stand for.
func hexByte(b []byte, i int) (byte, bool) {
	if i+2 > len(b) {
		return 0, false
	}
	hi, lo := hexValue(b[i]), hexValue(b[i+1])
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

// hexValue is the value of a hex digit, -1 for other bytes.
func hexValue(c byte) int { return int(hexValues[c]) }

var hexValues = func() (t [256]int8) {
	for c := range t {
		t[c] = -1
	}
	for v, c := range []byte("0123456789abcdef") {
		t[c] = int8(v)
	}
	for v, c := range []byte("ABCDEF") {
		t[c] = int8(v + 10)
	}
	return t
}()

// readSlash reads \u0031, \u{31}, \U00000031, \x31 (all strong), and the short
// escapes of JSON.
func readSlash(dst, b []byte, i int) ([]byte, int, bool) {
	if i+1 >= len(b) {
		return dst, 0, false
	}
	switch c := b[i+1]; c {
	case 'n', 't', 'r':
		return append(dst, "\n\t\r"[bytes.IndexByte([]byte("ntr"), c)]), 2, false
	case '"', '/', '\\', '\'':
		return append(dst, c), 2, false
	case 'x':
		if v, ok := hexByte(b, i+2); ok {
			return append(dst, v), 4, true
		}
	case 'U':
		if r, ok := hexRune(b, i+2, 8); ok {
			return utf8.AppendRune(dst, r), 10, true
		}
	case 'u':
		r, size := readUnicode(b, i+2)
		if size > 0 {
			return utf8.AppendRune(dst, r), size + 2, true
		}
	}
	return dst, 0, false
}

// readUnicode reads what follows \u: four digits (two such escapes for a
// surrogate pair) or digits in braces.
func readUnicode(b []byte, i int) (rune, int) {
	if i < len(b) && b[i] == '{' {
		n := bytes.IndexByte(b[i:min(len(b), i+10)], '}')
		if n < 2 {
			return 0, 0
		}
		r, ok := hexRune(b, i+1, n-1)
		if !ok {
			return 0, 0
		}
		return r, n + 1
	}
	r, ok := hexRune(b, i, 4)
	if !ok {
		return 0, 0
	}
	if r >= 0xd800 && r < 0xdc00 && i+6 <= len(b) && b[i+4] == '\\' && b[i+5] == 'u' {
		if low, ok := hexRune(b, i+6, 4); ok && low >= 0xdc00 && low < 0xe000 {
			return 0x10000 + (r-0xd800)<<10 + (low - 0xdc00), 10
		}
	}
	return r, 4
}

// hexRune is the character that n hex digits at i stand for.
func hexRune(b []byte, i, n int) (rune, bool) {
	if i+n > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+n] {
		v := hexValue(c)
		if v < 0 || r > utf8.MaxRune>>4 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, r <= utf8.MaxRune
}

// readReference reads a character reference of HTML: &#49; &#x31; (strong), and
// the named ones for what hides in numbers and addresses.
func readReference(dst, b []byte, i int) ([]byte, int, bool) {
	limit := min(len(b), i+12)
	if i+2 >= limit {
		return dst, 0, false
	}
	if b[i+1] == '#' {
		r, size := numericReference(b[:limit], i+2)
		if size == 0 {
			return dst, 0, false
		}
		return utf8.AppendRune(dst, r), size + 2, true
	}
	n := bytes.IndexByte(b[i:limit], ';')
	if n < 0 || !isLetter(b[i+1]) {
		return dst, 0, false
	}
	c, strong := namedReference(string(b[i+1 : i+n]))
	if c == 0 {
		return dst, 0, false
	}
	return append(dst, c), n + 1, strong
}

// numericReference reads what follows "&#"; the semicolon may be missing, as
// browsers allow it.
func numericReference(b []byte, i int) (rune, int) {
	at, base := i, rune(10)
	if at < len(b) && b[at]|0x20 == 'x' {
		at, base = at+1, 16
	}
	begin := at
	var r rune
	for ; at < len(b) && r <= utf8.MaxRune; at++ {
		v := rune(hexValue(b[at]))
		if v < 0 || v >= base {
			break
		}
		r = r*base + v
	}
	if at == begin || r > utf8.MaxRune || r == 0 {
		return 0, 0
	}
	if at < len(b) && b[at] == ';' {
		at++
	}
	return r, at - i
}

func namedReference(name string) (c byte, strong bool) {
	switch name {
	case "amp":
		return '&', false
	case "lt":
		return '<', false
	case "gt":
		return '>', false
	case "quot":
		return '"', false
	case "apos":
		return '\'', false
	case "nbsp", "ensp", "emsp", "thinsp":
		return ' ', true
	case "commat":
		return '@', true
	case "period":
		return '.', true
	case "hyphen", "dash", "ndash", "minus":
		return '-', true
	case "colon":
		return ':', true
	case "sol":
		return '/', true
	case "lowbar":
		return '_', true
	case "num":
		return '#', true
	case "equals":
		return '=', true
	case "plus":
		return '+', true
	}
	return 0, false
}
