package secret

import (
	"bytes"

	"github.com/writ-project/writ/internal/dataclass"
)

// Dumps of databases name their columns once, before the rows.

const (
	maxColumns = 4096     // of text, in which the columns of a table are named
	maxRows    = 16 << 10 // of text, in which its rows are read
)

// column is where a table has passwords.
type column struct {
	table  string // without quotes; empty: there is none
	number int    // from 0
}

var tableName = setOf("A-Za-z0-9_.$`\"[]")

// table reads which column of a new table holds passwords.
func (s *scan) table(end int) {
	if end < s.last[ownTable] {
		return
	}
	b := s.text
	if rest := b[end:]; hasFold(rest, "if not exists ") {
		end += len("if not exists ")
	}
	stop := runUpTo(b, end, &tableName, nameSpan)
	open := skip(b, stop, &gaps, 8)
	if stop == end || open == len(b) || b[open] != '(' {
		return
	}
	number, read := s.passwordColumn(open + 1)
	s.last[ownTable] = read
	s.column = column{number: number}
	if number >= 0 {
		s.column.table = bare(b[end:stop])
	}
}

// bare is the name of a table without the quotes around it.
func bare(name []byte) string {
	return string(bytes.Map(func(r rune) rune {
		if r == '`' || r == '"' || r == '[' || r == ']' {
			return -1
		}
		return r
	}, name))
}

// passwordColumn is the number of the first column of a list whose name is one
// of a password, or -1, and how far the list was read.
func (s *scan) passwordColumn(at int) (number, read int) {
	b := s.text[:min(len(s.text), at+maxColumns)]
	depth, begins := 0, true
	for ; at < len(b) && depth >= 0; at++ {
		switch c := b[at]; {
		case begins && isWord(c):
			stop := run(b, at, &columnName)
			if columnOfPasswords(b[at:stop]) {
				return number, stop
			}
			begins, at = false, stop-1
		case c == '\'':
			at = quoteEnd(b, at)
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			number, begins = number+1, true
		}
	}
	return -1, at
}

var columnName = setOf("A-Za-z0-9_")

func columnOfPasswords(name []byte) bool {
	for _, w := range []string{"password", "passwd", "passwort", "pwd", "user_pass", "userpass", "passhash", "pass_hash"} {
		if at := len(name) - len(w); at >= 0 && hasFold(name[at:], w) {
			return true
		}
	}
	return hasFold(name, "pass") && len(name) == 4 || hasFold(name, "password_hash") || hasFold(name, "encrypted_password")
}

// rows reads what the rows that are inserted have in the column of passwords.
func (s *scan) rows(end int) {
	if end < s.last[ownRows] {
		return
	}
	b := s.text[:min(len(s.text), end+maxRows)]
	stop := runUpTo(b, end, &tableName, nameSpan)
	at := skip(b, stop, &gaps, 8)
	number := -1
	if at < len(b) && b[at] == '(' {
		number, s.last[ownRows] = s.passwordColumn(at + 1)
		at += bytes.IndexByte(b[at:min(len(b), at+maxColumns)], ')') + 1
		at = skip(b, at, &gaps, 8)
	} else if s.column.table != "" && s.column.table == bare(b[end:stop]) {
		number = s.column.number
	}
	if number < 0 || at >= len(b) || !hasFold(b[at:], "values") {
		return
	}
	at += len("values")
	for at = skip(b, at, &gaps, 8); at < len(b) && b[at] == '(' && !s.full; at = skip(b, at, &rowGap, 8) {
		at = s.row(b, at+1, number)
	}
	s.last[ownRows] = at
}

var rowGap = setOf(", \t\r\n")

// row reads one row from behind its bracket on, and says where it ends.
func (s *scan) row(b []byte, at, number int) int {
	for n := 0; at < len(b); at++ {
		switch c := b[at]; {
		case c == '\'' || c == '"':
			stop := quoteEnd(b, at)
			if n == number {
				s.cell(at+1, stop)
			}
			at = stop
		case c == ',':
			n++
		case c == ')' || c == ';' || c == '\n':
			return at + 1
		}
	}
	return at
}

func (s *scan) cell(from, to int) {
	if to-from < 4 || to-from > maxPassword || to >= len(s.text) || s.rules.placeholder(s.text[from:to]) || bytes.IndexByte(s.text[from:to], ' ') >= 0 {
		return
	}
	s.keep(dataclass.Password, from, to, assigned, "database-row", "insert into")
}
