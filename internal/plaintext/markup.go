package plaintext

import "bytes"

const (
	maxRowCells = 64
	maxInline   = 8 // tags around the text of one cell
)

// tagRow reads the cells of a row of an HTML table, or a term of a list of
// definitions and what it means, from the tag at i on; it returns the offset
// after the cell that it read last, i if it knows no names for them. A row of
// <th> names the columns of those that follow; else the first of two cells
// names the second. A row is read once, from its first cell.
func (r *Reader) tagRow(i int) int {
	if i < r.rowEnd {
		return i
	}
	heads := r.rowCells(i)
	n := len(r.row)
	switch {
	case n > 1 && heads == n:
		r.nameHeads()
		return i
	case n == 2 && (heads == 1 || len(r.heads) != n || r.heads[1] != noName && holdsValues(r.names[r.heads[1]])):
		r.addPair(r.row)
	case n > 1 && n == len(r.heads):
		for k, c := range r.row {
			r.add(r.heads[k], c.start, c.end)
		}
	default:
		return i
	}
	return r.rowEnd
}

// rowCells reads the cells from i on into r.row, up to r.rowEnd, and returns how
// many of them are heads or terms.
func (r *Reader) rowCells(i int) (heads int) {
	r.row, r.rowEnd = r.row[:0], i
	for len(r.row) < maxRowCells {
		c, kind, next := r.tagCell(r.skipSpace(r.rowEnd, len(r.b), 0))
		if kind == noCell {
			break
		}
		if kind == headCell || kind == term {
			heads++
		}
		r.row, r.rowEnd = append(r.row, c), next
		if kind == meaning {
			break
		}
	}
	return heads
}

func (r *Reader) nameHeads() {
	r.heads = r.heads[:0]
	for _, c := range r.row {
		r.heads = append(r.heads, r.intern(r.b[c.start:c.end]))
	}
}

// The kinds of cells.
const (
	noCell = iota
	dataCell
	headCell
	term
	meaning
)

func cellKind(tag []byte) int {
	if len(tag) != 2 {
		return noCell
	}
	switch [2]byte{tag[0] | 0x20, tag[1] | 0x20} {
	case [2]byte{'t', 'd'}:
		return dataCell
	case [2]byte{'t', 'h'}:
		return headCell
	case [2]byte{'d', 't'}:
		return term
	case [2]byte{'d', 'd'}:
		return meaning
	}
	return noCell
}

// tagCell reads one cell that holds text, perhaps within tags such as <b>.
func (r *Reader) tagCell(i int) (c cell, kind, next int) {
	tag, at := r.openingTag(i)
	if kind = cellKind(tag); kind == noCell {
		return cell{}, noCell, i
	}
	for n := 0; n < maxInline; n++ {
		if at = r.skipSpace(at, len(r.b), 0); at >= len(r.b) || r.b[at] != '<' {
			break
		}
		inner, after := r.openingTag(at)
		if len(inner) == 0 || cellKind(inner) != noCell {
			break
		}
		at = after
	}
	size := bytes.IndexByte(r.b[at:min(len(r.b), at+maxContent)], '<')
	if size < 0 {
		return cell{}, noCell, i
	}
	c, next = cell{at, at + size}, at+size
	for n := 0; n <= maxInline && bytes.HasPrefix(r.b[next:], []byte("</")); n++ {
		name := r.tagName(next + 2)
		if name >= len(r.b) || r.b[name] != '>' {
			break
		}
		if bytes.Equal(r.b[next+2:name], tag) {
			return c, kind, name + 1
		}
		next = r.skipSpace(name+1, len(r.b), 0)
	}
	return cell{}, noCell, i
}

// openingTag is the name of the tag that opens at i, and the offset after the
// tag; the name is empty if none does.
func (r *Reader) openingTag(i int) (name []byte, next int) {
	if i+1 >= len(r.b) || r.b[i] != '<' || !isLetter(r.b[i+1]) {
		return nil, i
	}
	end := r.tagName(i + 1)
	n := bytes.IndexByte(r.b[end:min(len(r.b), i+maxTag)], '>')
	if n < 0 {
		return nil, i
	}
	return r.b[i+1 : end], end + n + 1
}
