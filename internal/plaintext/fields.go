package plaintext

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// Fields finds the values that a text itself names: members of JSON objects
// (also in lines, pretty-printed, with single quotes, escaped in a string),
// cells of tables with a header line (RFC 4180, tabs, semicolons, pipes,
// Markdown, HTML) or with names in the first of two columns, "label: value" and
// "label = value", key=value pairs, YAML, elements and attributes of XML and
// HTML, lists of definitions, INSERT statements of SQL, and labels with the
// value on the next line.
// Fields are sorted, do not overlap and lie on character boundaries. Names are
// canonical: words in lower case, one space between, at most 48 bytes and six
// words; what has no such name is no field.
func Fields(b []byte) (names []string, fields []dataclass.Field) {
	var r Reader
	return r.Fields(b)
}

// Reader finds fields in one text after another and uses its memory again.
type Reader struct {
	b         []byte
	names     []string
	index     map[string]int
	spellings [64]spelling
	fields    []dataclass.Field

	pending int // name of a label that had nothing after it on its line
	open    int // field whose end is not known yet
	header  []cell
	row     []cell
	columns []int
	paired  bool  // the table's first column names what is in the second
	heads   []int // names of the columns of an HTML table
	rowEnd  int   // up to here the cells of its rows were read

	unclosed [4]unclosed // by quote
}

const noField = -1

// Fields finds the fields of b, as the function of the same name. What it
// returns is good until the next call.
func (r *Reader) Fields(b []byte) (names []string, fields []dataclass.Field) {
	r.b, r.names, r.fields = b, r.names[:0], r.fields[:0]
	r.pending, r.open, r.unclosed = noName, noField, [4]unclosed{}
	r.heads, r.rowEnd = r.heads[:0], 0
	for i := 0; i < len(b); {
		i = r.line(i)
	}
	r.forget()
	return r.names, r.fields
}

// line reads what begins at i, at most the rest of a line unless it is a table
// or JSON, and returns where to go on.
func (r *Reader) line(i int) int {
	end := r.lineEnd(i)
	start := r.skipBlanks(i, end)
	if start == end {
		return end + 1
	}
	if next := r.insert(start, end); next > start {
		r.pending = noName
		return next
	}
	if next := r.table(start, end); next > start {
		r.pending = noName
		return next
	}
	if r.pipedPair(start) {
		r.pending = noName
		return end + 1
	}
	pending, before := r.pending, len(r.fields)
	r.pending = noName
	next := r.labels(start, end)
	if pending != noName && len(r.fields) == before && r.pending == noName && next >= end {
		r.belongs(pending, start, end)
	}
	return next
}

// belongs makes a line the value of the label before it. Items of a list all
// belong to the label above the list.
func (r *Reader) belongs(name, start, end int) {
	at := r.skipBullet(start, end)
	if at > start {
		r.pending = name
	}
	if end-at <= 160 {
		r.add(name, at, end)
	}
}

func (r *Reader) lineEnd(i int) int {
	if n := bytes.IndexByte(r.b[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(r.b)
}

func (r *Reader) skipBlanks(i, end int) int {
	for i < end && isBlank(r.b[i]) {
		i++
	}
	return i
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// skipBullet skips what marks an item of a list: "- ", "* ", "1. ".
func (r *Reader) skipBullet(i, end int) int {
	at := i
	for at < end && at < i+3 && isDigit(r.b[at]) {
		at++
	}
	if at+1 >= end || r.b[at+1] != ' ' {
		return i
	}
	switch r.b[at] {
	case '.', ')':
		if at == i {
			return i
		}
	case '-', '*', '+':
		if at > i {
			return i
		}
	default:
		return i
	}
	return r.skipBlanks(at+1, end)
}

// add adds a field with the blanks and punctuation at its ends left out, and
// returns its number, noField if nothing is left.
func (r *Reader) add(name, start, end int) int {
	r.close(start)
	start, end = r.trimValue(name, start, end)
	if name == noName || start >= end || len(r.fields) > 0 && start < r.fields[len(r.fields)-1].End {
		return noField
	}
	r.fields = append(r.fields, dataclass.Field{Start: start, End: end, Name: name})
	return len(r.fields) - 1
}

// close ends the open field at the given offset, or takes it back if nothing is
// left of it.
func (r *Reader) close(at int) {
	if r.open == noField {
		return
	}
	f := &r.fields[r.open]
	f.Start, f.End = r.trimValue(f.Name, f.Start, max(at, f.Start))
	if f.Start == f.End {
		r.fields = r.fields[:r.open]
	}
	r.open = noField
}

// trimValue leaves out the blanks and punctuation at the ends of a value. In
// quotes, a password or key is all that stands there; without, the full stop of
// a sentence and the like are not part of it, other marks are.
func (r *Reader) trimValue(name, start, end int) (int, int) {
	from, to := r.trim(start, end)
	if from == start && to == end || name == noName || !isSecret([]byte(r.names[name])) {
		return from, to
	}
	if start > 0 && end < len(r.b) && r.b[start-1] == r.b[end] && (r.b[end] == '"' || r.b[end] == '\'' || r.b[end] == '`') {
		return start, end
	}
	for end > start && (isBlank(r.b[end-1]) || r.b[end-1] == '\n') {
		end--
	}
	for _, mark := range []string{".", ",", ";", "\"", "`", "**", " |"} {
		if bytes.HasSuffix(r.b[start:end], []byte(mark)) {
			end -= len(mark)
			break
		}
	}
	return min(from, end), end
}

func (r *Reader) trim(start, end int) (int, int) {
	for start < end && trims(r.b[start]) && r.b[start] != '.' {
		start++
	}
	for end > start && trims(r.b[end-1]) {
		end--
	}
	return start, end
}

func trims(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', ',', ';', '.', '|', '*', '`', '"':
		return true
	}
	return false
}
