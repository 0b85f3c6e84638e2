package plaintext

import "bytes"

// maxStatement is how far the columns of an INSERT statement, or one value of it,
// may reach, in bytes.
const maxStatement = 4096

// insert reads the statement of SQL that begins at start, as dumps of databases
// have them: INSERT INTO t (a, b) VALUES ('x', 7), ('y', 8). It returns the
// offset after the last value that it read; start if it is another text.
func (r *Reader) insert(start, end int) int {
	at := r.keyword(r.keyword(start, "insert"), "into")
	if at < 0 {
		return start
	}
	open := bytes.IndexByte(r.b[at:min(end, at+maxName*2)], '(')
	if open < 0 {
		return start
	}
	if at = r.insertColumns(at + open + 1); at < 0 {
		return start
	}
	for at < len(r.b) && r.b[at] == '(' {
		next := r.skipSpace(r.tuple(at+1), len(r.b), 0)
		if next >= len(r.b) || r.b[next] != ',' {
			return next
		}
		at = r.skipSpace(next+1, len(r.b), 0)
	}
	return at
}

// keyword is the offset after a word in lower case that stands at i in any case,
// and the blanks and lines after it; -1 if it does not.
func (r *Reader) keyword(i int, word string) int {
	if i < 0 || i+len(word) > len(r.b) || r.b[i]|0x20 != word[0] || !bytes.EqualFold(r.b[i:i+len(word)], []byte(word)) {
		return -1
	}
	return r.skipSpace(i+len(word), len(r.b), 0)
}

// insertColumns reads the names of columns from i on into r.columns, up to the
// bracket that closes them, and returns the offset of the values that follow; -1
// if none do, which costs no more than to look.
func (r *Reader) insertColumns(i int) int {
	r.columns = r.columns[:0]
	n := bytes.IndexByte(r.b[i:min(len(r.b), i+maxStatement)], ')')
	if n < 0 {
		return -1
	}
	values := r.keyword(r.skipSpace(i+n+1, len(r.b), 0), "values")
	if values < 0 {
		return -1
	}
	for name := range bytes.SplitSeq(r.b[i:i+n], []byte{','}) {
		if len(r.columns) == maxColumns {
			break
		}
		r.columns = append(r.columns, r.intern(bytes.Trim(name, " \t\r\n`\"[]")))
	}
	return values
}

// tuple reads the values from i on under the names of r.columns and returns the
// offset after the bracket that closes them, or where they are no longer those.
func (r *Reader) tuple(i int) int {
	for _, name := range r.columns {
		c, next := r.sqlValue(r.skipSpace(i, len(r.b), 0))
		r.add(name, c.start, c.end)
		if next = r.skipSpace(next, len(r.b), 0); next >= len(r.b) || r.b[next] != ',' {
			i = next
			break
		}
		i = next + 1
	}
	if i < len(r.b) && r.b[i] == ')' {
		return i + 1
	}
	return i
}

// sqlValue reads a value, in quotes or bare, and returns the offset after it.
// NULL and calls of functions are no values: their cells are empty.
func (r *Reader) sqlValue(i int) (cell, int) {
	limit := min(len(r.b), i+maxStatement)
	if i < limit && r.b[i] == '\'' {
		for at := i + 1; at < limit; at++ {
			switch {
			case r.b[at] == '\\', r.b[at] == '\'' && at+1 < limit && r.b[at+1] == '\'':
				at++
			case r.b[at] == '\'':
				return cell{i + 1, at}, at + 1
			}
		}
		return cell{i, i}, i
	}
	n := bytes.IndexAny(r.b[i:limit], ",)(")
	if n < 0 {
		return cell{i, i}, i
	}
	if bytes.EqualFold(bytes.TrimSpace(r.b[i:i+n]), []byte("null")) || r.b[i+n] == '(' {
		return cell{i, i}, i + n
	}
	return cell{i, i + n}, i + n
}
