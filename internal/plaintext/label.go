package plaintext

import (
	"bytes"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/dataclass"
)

// What a byte of a line may do.
const (
	begins = 1 << iota // begin a field, or end one
	ends               // end an open field
)

var stops = [256]byte{':': begins, '=': begins, '<': begins, '{': begins, '[': begins, '.': ends, '!': ends, '?': ends}

// labels reads one line with no table in it and returns where to go on: after
// the line, or further where JSON went on.
func (r *Reader) labels(start, end int) int {
	from := r.dash(start, end)
	for i := r.nextStop(from, end); i < end; i = r.nextStop(i+1, end) {
		c := r.b[i]
		next := r.stop(c, i, from, start, end)
		if next > end {
			r.close(min(i, end))
			return next
		}
		if next > i {
			i = next - 1
		}
		if c == ':' || c == '=' || next > i+1 {
			from = i + 1
		}
	}
	r.close(end)
	return end + 1
}

// nextStop is the next offset from i on that may begin a field or end the open
// one; end if there is none.
func (r *Reader) nextStop(i, end int) int {
	kinds := byte(begins)
	if r.open != noField {
		kinds |= ends
	}
	if i >= end {
		return end
	}
	b := r.b[i:end]
	for len(b) >= 8 && (stops[b[0]]|stops[b[1]]|stops[b[2]]|stops[b[3]]|stops[b[4]]|stops[b[5]]|stops[b[6]]|stops[b[7]])&kinds == 0 {
		b = b[8:]
	}
	for n, c := range b {
		if stops[c]&kinds != 0 {
			return end - len(b) + n
		}
	}
	return end
}

// stop deals with one byte that may begin or end a field, and returns where to
// go on; i means that it was nothing.
func (r *Reader) stop(c byte, i, from, start, end int) int {
	switch c {
	case ':':
		return r.colon(i, from, start, end)
	case '=':
		return r.equals(i, from, start, end)
	case '<':
		return r.element(i)
	case '{', '[':
		return r.json(i, len(r.b), noName, 0)
	}
	if r.open != noField && r.endsSentence(i, end) {
		r.close(i)
	}
	return i
}

// endsSentence reports whether the stop at i ends a sentence: a blank and a
// capital follow, and the word before it is no abbreviation or initial.
func (r *Reader) endsSentence(i, end int) bool {
	if i+2 >= end || r.b[i+1] != ' ' || !startsUpper(r.b[i+2:]) {
		return false
	}
	if r.b[i] != '.' {
		return true
	}
	at := i
	for at > 0 && i-at <= 5 && isLetter(r.b[at-1]) {
		at--
	}
	inside := at > 0 && (isAlnum(r.b[at-1]) || r.b[at-1] >= utf8.RuneSelf)
	return inside || !isAbbreviation(r.b[at:i])
}

// isAbbreviation reports whether a word is an initial, or is often written with
// a full stop before a name.
func isAbbreviation(word []byte) bool {
	switch string(word) {
	case "Dr", "Dra", "Mr", "Mrs", "Ms", "Sr", "Sra", "Srta", "Jr", "St", "Ste", "Av", "Ave", "Avda", "Rd", "Blvd", "Prof", "No", "Nr", "Hr", "Fr",
		"Mme", "Mlle", "Ing", "Lic", "Apt", "Str", "Pl", "Pza", "Ctra", "Urb", "Hno", "Hnos", "Gen", "Col", "Capt", "Lt", "Mt", "Ft", "Rev", "Hon",
		"Sig", "Dott", "ul", "al", "os", "pl", "Dipl", "Mag", "vs", "approx":
		return true
	}
	return len(word) == 1
}

func startsUpper(b []byte) bool { return b[0] >= 'A' && b[0] <= 'Z' || b[0] >= 0xc3 }

// colon reads "label: value".
func (r *Reader) colon(i, from, start, end int) int {
	if i+1 < end && (r.b[i+1] == ':' || r.b[i+1] == '/' && i+2 < end && r.b[i+2] == '/') {
		return i + 2
	}
	if i+1 < end && r.b[i+1] == '=' || i > start && isDigit(r.b[i-1]) && i+1 < end && isDigit(r.b[i+1]) {
		return i
	}
	at, name := r.labelBefore(i, from, start)
	if name == noName {
		return i
	}
	r.close(at)
	return r.value(name, i+1, end)
}

// value opens the field that begins after a label's separator.
func (r *Reader) value(name, i, end int) int {
	before := i
	for i < end && (isBlank(r.b[i]) || r.b[i] == '*' || r.b[i] == '_') {
		i++
	}
	if i == end {
		r.pending = name
		return i
	}
	switch c := r.b[i]; c {
	case '"', '\'', '`':
		if n := r.closingQuote(i+1, end, c); n >= 0 {
			r.quoted(name, i+1, i+1+n, 0)
			return i + n + 2
		}
	case '{', '[':
		if next := r.json(i, len(r.b), name, 0); next > i+1 {
			return next
		}
	case '|', '>', '&':
		if i+1 >= end || isBlank(r.b[i+1]) {
			r.pending = name // a block of YAML follows
			return end
		}
	}
	if r.b[before-2] == '"' {
		return r.bare(name, false, i, end) // a member of JSON that was cut
	}
	r.open = r.openAt(name, i)
	return i
}

// openAt adds a field whose end is found later, and returns its number.
func (r *Reader) openAt(name, i int) int {
	r.close(i)
	if n := len(r.fields); n > 0 && i < r.fields[n-1].End {
		return noField
	}
	r.fields = append(r.fields, dataclass.Field{Start: i, End: i, Name: name})
	return len(r.fields) - 1
}

// closingQuote is the distance from i to the quote that ends a string before
// limit, -1 if none does. It remembers that there is none, so as not to look
// again for each quote that opens and is never closed.
func (r *Reader) closingQuote(i, limit int, quote byte) int {
	u := &r.unclosed[quote%4] // " is 2, ' is 3, ` is 0
	if u.limit == limit && i >= u.from {
		return -1
	}
	for at := i; at < limit; at++ {
		switch r.b[at] {
		case '\\':
			at++
		case quote:
			if quote == '"' || at+1 == limit || !isLetter(r.b[at+1]) {
				return at - i
			}
		}
	}
	*u = unclosed{i, limit}
	return -1
}

// unclosed says that no quote of a kind ends a string between two offsets.
type unclosed struct{ from, limit int }

// equals reads key=value and "label = value".
func (r *Reader) equals(i, from, start, end int) int {
	if i == start || i+1 >= end {
		return i
	}
	if r.b[i+1] == '=' || r.b[i+1] == '~' || bytes.IndexByte(operators, r.b[i-1]) >= 0 {
		return i + 2
	}
	after := i + 1
	if r.b[after] == '>' {
		if after++; after == end {
			return i
		}
	}
	if r.b[after] == ' ' || isBlank(r.b[i-1]) {
		at, name := r.assigned(i, from, start)
		if name == noName {
			return i
		}
		r.close(at)
		return r.value(name, after, end)
	}
	at := r.identifierBefore(i, from)
	name := r.intern(r.b[at:i])
	if name == noName {
		return i
	}
	r.close(at)
	return r.pair(name, at == start, after, end)
}

var operators = []byte("=!<>~+*/%|&^")

// assigned is the label before " = ": the last word of a declaration in code,
// or all of a short label.
func (r *Reader) assigned(i, from, start int) (int, int) {
	if i > from && r.b[i-1] == ':' {
		i--
	}
	at, name := r.labelBefore(i, from, start)
	if name == noName {
		return at, name
	}
	for n := 0; n < 3; n++ {
		word := bytes.IndexByte(r.b[at:i], ' ')
		if word < 0 || !declares(r.b[at:at+word]) {
			break
		}
		at += word + 1
	}
	return at, r.intern(r.b[at:i])
}

func declares(word []byte) bool {
	switch string(word) {
	case "let", "const", "var", "my", "our", "local", "export", "set", "final", "static", "public", "private", "val", "auto", "string", "String", "int", "char":
		return true
	}
	return false
}

// identifierBefore is where the identifier that ends at i begins, with quotes
// around it left in.
func (r *Reader) identifierBefore(i, from int) int {
	at := i
	for at > from && i-at < maxName+2 {
		c := r.b[at-1]
		if !isAlnum(c) && c != '_' && c != '-' && c != '.' && c != '"' && c != '\'' && c != '[' && c != ']' && c < utf8.RuneSelf {
			break
		}
		at--
	}
	return at
}

// pair reads the value of key=value: up to a blank or a separator, or to the
// end of a line that is nothing but this one pair.
func (r *Reader) pair(name int, whole bool, i, end int) int {
	if c := r.b[i]; c == '"' || c == '\'' || c == '{' || c == '[' {
		return r.value(name, i, end)
	}
	return r.bare(name, whole, i, end)
}

// bare reads a value without quotes.
func (r *Reader) bare(name int, whole bool, i, end int) int {
	at := i
	for at < end && !endsPair(r.b[at]) {
		at++
	}
	if whole && at < end && r.b[at] == ' ' && bytes.IndexByte(r.b[at:end], '=') < 0 {
		at = end
	}
	r.add(name, i, at)
	return max(at, i)
}

func endsPair(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '&', ';', ',', '"', '\'', '<', '>', ')', ']', '}', '|':
		return true
	}
	return false
}

// dash reads "Label - value" at the beginning of a short line and returns where
// the search for labels goes on.
func (r *Reader) dash(start, end int) int {
	if end-start > 120 || !startsUpper(r.b[start:]) {
		return start
	}
	n := bytes.Index(r.b[start:min(end, start+32)], []byte(" - "))
	if n <= 0 || bytes.IndexByte(r.b[start:start+n], ':') >= 0 || bytes.Count(r.b[start:start+n], []byte(" ")) > 2 {
		return start
	}
	name, value := r.intern(r.b[start:start+n]), r.skipBlanks(start+n+3, end)
	if name == noName || value == end {
		return start
	}
	r.open = r.openAt(name, value)
	return start + n + 3
}

// labelBefore is the label that ends at i: where it begins, and its name.
func (r *Reader) labelBefore(i, from, start int) (int, int) {
	last := i
	for last > from && (isBlank(r.b[last-1]) || r.b[last-1] == '*' || r.b[last-1] == '_') {
		last--
	}
	if last == from {
		return i, noName
	}
	if q := r.b[last-1]; q == '"' || q == '\'' || q == '`' {
		return r.quotedLabel(last-1, from, q)
	}
	at := last
	for at > from && last-at <= maxName+8 && (!mayPart[r.b[at-1]] || !r.parts(at-1, last)) {
		at--
	}
	if last-at > maxName+8 {
		return i, noName
	}
	at = r.skipMarks(at, last)
	if from > start && at <= r.skipBlanks(from, last) && r.open != noField {
		at = r.lastLabel(at, last)
	}
	return at, r.intern(r.b[at:last])
}

// mayPart has the bytes for which parts may say yes.
var mayPart = func() (t [256]bool) {
	for _, c := range []byte(",;!?|{}[]<>\"=:\n\t\\. (") {
		t[c] = true
	}
	return t
}()

// parts reports whether the byte at i cannot be in a label that ends at last.
func (r *Reader) parts(i, last int) bool {
	switch c := r.b[i]; c {
	case ',', ';', '!', '?', '|', '{', '}', '[', ']', '<', '>', '"', '=', ':', '\n', '\t', '\\':
		return true
	case '.':
		return i+1 < last && r.b[i+1] == ' '
	case ' ':
		return i+1 < last && r.b[i+1] == ' '
	case '(':
		return bytes.IndexByte(r.b[i:last], ')') < 0
	}
	return false
}

func (r *Reader) quotedLabel(last, from int, quote byte) (int, int) {
	n := bytes.LastIndexByte(r.b[max(from, last-maxName-8):last], quote)
	if n < 0 {
		return last, noName
	}
	at := max(from, last-maxName-8) + n
	return at, r.intern(bytes.TrimRight(r.b[at+1:last], `\`))
}

// skipMarks skips bullets, numbers and Markdown's marks before a label.
func (r *Reader) skipMarks(at, last int) int {
	for at < last {
		switch c := r.b[at]; {
		case isBlank(c), c == '-', c == '*', c == '#', c == '>', c == '+', c == '_', c == '`', c == '\'', c == ')', c == '(':
			at++
		default:
			return at
		}
	}
	return at
}

// lastLabel finds the label at the end of text that also holds the value before
// it ("29 years Sex", "John Smith Date of birth"): the last word, back to a
// capital, with the words that usually go before it.
func (r *Reader) lastLabel(at, last int) int {
	begin, capital := last, false
	for n := 0; n < maxWords && begin > at; n++ {
		word := r.wordBefore(at, begin)
		text := bytes.TrimRight(r.b[word:begin], " ")
		if n > 0 && (capital || n > 3) && !qualifies(text) {
			break
		}
		if n > 0 && !capital && !qualifies(text) && !startsUpper(text) {
			break
		}
		begin, capital = word, capital || startsUpper(text)
	}
	return begin
}

func (r *Reader) wordBefore(at, end int) int {
	for end > at && r.b[end-1] == ' ' {
		end--
	}
	for end > at && r.b[end-1] != ' ' {
		end--
	}
	return end
}
