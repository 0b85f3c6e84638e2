package plaintext

import (
	"bytes"
	"unicode/utf8"
)

// cell is a cell of a table row, as byte offsets without its quotes.
type cell struct{ start, end int }

const (
	maxColumns = 256
	maxQuoted  = 4096 // bytes of a quoted cell
	maxHeader  = 4096 // bytes of a header line
)

// table reads a table whose header line is [start, end) and returns the offset
// after its last row; start if there is no table. A table has two columns or
// more, and at least one row with as many cells as the header.
func (r *Reader) table(start, end int) int {
	delim := r.delimiter(start, end)
	if delim == 0 {
		return start
	}
	next := r.readHeader(start, delim)
	if next == start {
		return start
	}
	next = r.skipRule(next)
	rows, at := 0, next
	for at < len(r.b) {
		r.row, next = r.cells(r.row[:0], at, delim)
		if len(r.row) != len(r.header) {
			break
		}
		if rows == 0 {
			r.nameColumns()
		}
		rows++
		r.addRow()
		at = next
	}
	if rows == 0 {
		return start
	}
	return at
}

// delimiter is what parts the cells of a line that may be a header, 0 if it can
// be none.
func (r *Reader) delimiter(start, end int) byte {
	if end-start > maxHeader || end == len(r.b) {
		return 0
	}
	for i, c := range r.b[start:min(end, start+65)] {
		switch {
		case !inHeader[c]:
		case c == ',', c == ';', c == '\t':
			return c
		case c == '|':
			if i > 0 {
				return c
			}
		default:
			return 0
		}
	}
	return 0
}

// inHeader has the bytes that tell a header from other lines.
var inHeader = [256]bool{',': true, ';': true, '\t': true, '|': true, ':': true, '=': true, '{': true, '[': true, '<': true, '.': true, '!': true, '?': true}

// cells appends the cells of the row that begins at i to dst, and returns the
// offset of the next row.
func (r *Reader) cells(dst []cell, i int, delim byte) ([]cell, int) {
	if delim == '|' {
		return r.pipedCells(dst, i)
	}
	for {
		c, next := r.cell(i, delim)
		dst = append(dst, c)
		if next >= len(r.b) || r.b[next] == '\n' || len(dst) > maxColumns {
			return dst, next + 1
		}
		i = next + 1
	}
}

// cell reads one cell and returns the offset of what ends it.
func (r *Reader) cell(i int, delim byte) (cell, int) {
	for i < len(r.b) && (r.b[i] == ' ' || r.b[i] == '\t' && delim != '\t') {
		i++
	}
	if i < len(r.b) && r.b[i] == '"' {
		if end := r.quoteEnd(i + 1); end >= 0 {
			next := end + 1
			for next < len(r.b) && r.b[next] != delim && r.b[next] != '\n' {
				next++
			}
			return cell{i + 1, end}, next
		}
	}
	end := i
	for end < len(r.b) && r.b[end] != delim && r.b[end] != '\n' {
		end++
	}
	return cell{i, end}, end
}

// quoteEnd is the offset of the quote that ends a cell, in which quotes are
// doubled; -1 if it is too far away.
func (r *Reader) quoteEnd(i int) int {
	for limit := min(len(r.b), i+maxQuoted); i < limit; i++ {
		if r.b[i] != '"' {
			continue
		}
		if i+1 < len(r.b) && r.b[i+1] == '"' {
			i++
			continue
		}
		return i
	}
	return -1
}

// pipedCells reads a row of cells with pipes between, and perhaps around.
func (r *Reader) pipedCells(dst []cell, i int) ([]cell, int) {
	end := r.lineEnd(i)
	first, last := r.trimBlanks(i, end)
	if first < last && r.b[first] == '|' {
		first++
	}
	if first < last && r.b[last-1] == '|' {
		last--
	}
	for len(dst) <= maxColumns {
		n := bytes.IndexByte(r.b[first:last], '|')
		if n < 0 {
			return append(dst, cell{first, last}), end + 1
		}
		dst = append(dst, cell{first, first + n})
		first += n + 1
	}
	return dst, end + 1
}

func (r *Reader) trimBlanks(start, end int) (int, int) {
	start = r.skipBlanks(start, end)
	for end > start && isBlank(r.b[end-1]) {
		end--
	}
	return start, end
}

// skipRule skips the line of dashes under a header.
func (r *Reader) skipRule(i int) int {
	if i >= len(r.b) {
		return i
	}
	end := r.lineEnd(i)
	if end == i || len(bytes.Trim(r.b[i:end], "|-+:= \t\r")) > 0 {
		return i
	}
	return end + 1
}

// readHeader reads the line at i as r.header and returns the offset of the next
// line; i if a cell is no name.
func (r *Reader) readHeader(i int, delim byte) int {
	r.header = r.header[:0]
	if delim == '|' {
		cells, next := r.pipedCells(r.header, i)
		for n := range cells {
			if !r.namesColumn(&cells[n], delim) {
				return i
			}
		}
		r.header = cells
		return r.twoOrMore(i, next)
	}
	for at := i; ; {
		c, next := r.cell(at, delim)
		if !r.namesColumn(&c, delim) || len(r.header) == maxColumns {
			return i
		}
		r.header = append(r.header, c)
		if next >= len(r.b) || r.b[next] == '\n' {
			return r.twoOrMore(i, next+1)
		}
		at = next + 1
	}
}

func (r *Reader) twoOrMore(i, next int) int {
	if len(r.header) < 2 || len(r.header) > maxColumns {
		return i
	}
	return next
}

// namesColumn reports whether a cell may head a column: it is short and begins
// with a letter. A cell between pipes may be empty.
func (r *Reader) namesColumn(c *cell, delim byte) bool {
	c.start, c.end = r.trim(c.start, c.end)
	text := r.b[c.start:c.end]
	if len(text) == 0 {
		return delim == '|'
	}
	if len(text) > maxName || !isLetter(text[0]) && text[0] != '_' && text[0] != '#' && text[0] < 0xc3 {
		return false
	}
	words := 1
	for n, ch := range text {
		if isLetter(ch) {
			continue
		}
		switch ch {
		case ' ':
			words++
		case '\n', '=', ':', '!', '{', '}':
			return false
		case '.', '?':
			if n+1 < len(text) && text[n+1] == ' ' && delim == ',' {
				return false
			}
		}
	}
	return words <= 4 || words <= maxWords && delim != ','
}

// nameColumns makes names of the header's cells, and decides by the first row
// whether the table is one of pairs: two columns, of which the first holds the
// names. Its header then is a pair too, unless it says "value".
func (r *Reader) nameColumns() {
	r.columns = r.columns[:0]
	for _, c := range r.header {
		r.columns = append(r.columns, r.intern(r.b[c.start:c.end]))
	}
	r.paired = false
	if len(r.columns) != 2 {
		return
	}
	switch second := r.columns[1]; {
	case second == noName:
		r.paired = r.columns[0] == noName
	case holdsValues(r.names[second]):
		r.paired = true
	case r.isLabelled(r.header[0]) && r.isLabelled(r.row[0]) && !describes(r.names[second]):
		r.paired = true
		r.addPair(r.header)
	}
}

// isLabelled reports whether a cell holds a name that forms have.
func (r *Reader) isLabelled(c cell) bool {
	var buf [maxName + 2*utf8.UTFMax]byte
	return isLabel(canonical(buf[:0], r.b[c.start:c.end]))
}

// addRow adds the cells of r.row.
func (r *Reader) addRow() {
	if r.paired {
		r.addPair(r.row)
		return
	}
	for n, c := range r.row {
		r.add(r.columns[n], c.start, c.end)
	}
}

// addPair adds the second of two cells under the name in the first.
func (r *Reader) addPair(row []cell) {
	r.add(r.intern(bytes.Trim(r.b[row[0].start:row[0].end], " *`")), row[1].start, row[1].end)
}

// pipedPair reads a line between pipes that holds a label and its value, and
// reports whether it is one.
func (r *Reader) pipedPair(start int) bool {
	if r.b[start] != '|' {
		return false
	}
	r.row, _ = r.pipedCells(r.row[:0], start)
	if len(r.row) != 2 || !r.isLabelled(r.row[0]) {
		return false
	}
	r.addPair(r.row)
	return true
}
