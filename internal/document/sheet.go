package document

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// workbook is what the cells of a spreadsheet refer to.
type workbook struct {
	strings [][]byte
	used    []bool // by index of strings
	dates   []bool // by style: the number is a date
}

// learn reads shared strings and styles; other parts are left.
func (w *workbook) learn(r *reading, p part) {
	text, _ := plain(p.data)
	switch root(r, text) {
	case "sst":
		if r.spend(len(text)) {
			w.shared(&xmlPart{r: r, b: text})
		}
	case "styleSheet":
		if r.spend(len(text)) {
			w.styles(&xmlPart{r: r, b: text})
		}
	}
}

func (w *workbook) shared(x *xmlPart) {
	var item []byte
	phonetic := false
	for {
		e, name, _, empty := x.next()
		switch {
		case e == ended:
			w.used = make([]bool, len(w.strings))
			return
		case e == opened && string(name) == "si":
			item = nil
			if empty {
				w.strings = append(w.strings, nil)
			}
		case e == opened && string(name) == "rPh":
			phonetic = !empty
		case e == closed && string(name) == "rPh":
			phonetic = false
		case e == closed && string(name) == "si":
			w.strings = append(w.strings, item)
		case e == content && phonetic, e == comment:
			x.r.note(x.buf)
		case e == content:
			if !(bytes.IndexByte(x.buf, '\n') >= 0 && len(bytes.TrimSpace(x.buf)) == 0) {
				item = append(item, x.buf...)
			}
		}
	}
}

// strings writes those that no cell has shown: they are in the file all the same.
func (r *reading) strings(w *workbook) {
	for i, s := range w.strings {
		if !w.used[i] {
			r.note(s)
		}
	}
}

// styles learns which formats show a number as a date.
func (w *workbook) styles(x *xmlPart) {
	custom := make(map[string]bool)
	cells := false
	for {
		e, name, attributes, _ := x.next()
		switch {
		case e == ended:
			return
		case string(name) == "cellXfs":
			cells = e == opened
		case e == opened && string(name) == "numFmt":
			custom[string(x.value(attributes, "numFmtId"))] = dateFormat(string(x.value(attributes, "formatCode")))
		case e == opened && string(name) == "xf" && cells:
			id := string(x.value(attributes, "numFmtId"))
			n := number([]byte(id))
			w.dates = append(w.dates, custom[id] || n >= 14 && n <= 17 || n == 22 || n >= 27 && n <= 36 || n >= 50 && n <= 58)
		}
	}
}

// dateFormat reports whether a format shows years or days: y or d outside of
// quotes and brackets.
func dateFormat(code string) bool {
	quote := byte(0)
	for i := range len(code) {
		switch c := code[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"':
			quote = '"'
		case c == '[':
			quote = ']'
		case c == 'y', c == 'd', c == 'Y', c == 'D':
			return true
		}
	}
	return false
}

// sheet writes the rows of a worksheet as CSV.
func (w *workbook) sheet(x *xmlPart) {
	s := sheetText{w: w, r: x.r}
	for {
		e, name, attributes, empty := x.next()
		switch e {
		case ended:
			x.r.newline()
			return
		case comment:
			x.r.note(x.buf)
		case content:
			s.text(x.buf)
		case opened:
			s.open(x, string(name), attributes)
			if empty {
				s.close(string(name))
			}
		case closed:
			s.close(string(name))
		}
	}
}

type sheetText struct {
	w      *workbook
	r      *reading
	column int // of the last cell of the row, from 1
	kind   string
	style  int
	value  []byte
	in     string // the element of a cell whose text comes
}

func (s *sheetText) open(x *xmlPart, name string, attributes []byte) {
	switch name {
	case "row":
		s.r.newline()
		s.column = 0
	case "c":
		s.kind = string(x.value(attributes, "t"))
		s.style = number(x.value(attributes, "s"))
		s.place(columnOf(x.value(attributes, "r")))
		s.value = s.value[:0]
	default:
		s.in = name
		s.r.attributes(x, attributes)
	}
}

// place writes the commas up to a column; a cell that does not say where it is
// follows the last one, and a wide gap is written short.
func (s *sheetText) place(column int) {
	if column <= s.column {
		column = s.column + 1
	}
	gap := column - s.column
	if s.column == 0 {
		gap--
	}
	s.r.write(bytes.Repeat([]byte{','}, min(gap, 64)))
	s.column = column
}

// number is a small number in digits, 0 where there is none.
func number(b []byte) int {
	n := 0
	for _, c := range b[:min(len(b), 9)] {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

func columnOf(ref []byte) int {
	n := 0
	for _, c := range ref {
		if !letter(c) || n > 1<<14 {
			break
		}
		n = n*26 + int(c&^0x20-'A') + 1
	}
	return n
}

func (s *sheetText) text(b []byte) {
	switch s.in {
	case "v", "t":
		s.value = append(s.value, b...)
	default:
		s.r.note(b)
	}
}

func (s *sheetText) close(name string) {
	switch name {
	case "c":
		s.r.write(quoted(s.shown()))
	case "row":
		s.r.newline()
	}
	s.in = ""
}

// shown is the cell's value as a reader sees it.
func (s *sheetText) shown() []byte {
	switch s.kind {
	case "s":
		n, err := strconv.Atoi(string(bytes.TrimSpace(s.value)))
		if err != nil || n < 0 || n >= len(s.w.strings) {
			s.r.miss(MalformedDocument)
			return s.value
		}
		s.w.used[n] = true
		return s.w.strings[n]
	case "", "n":
		return s.number()
	}
	return s.value
}

// number undoes the exponent of long numbers and the serial of dates.
func (s *sheetText) number() []byte {
	if len(s.value) == 0 || len(s.value) > 64 {
		return s.value
	}
	f, err := strconv.ParseFloat(string(s.value), 64)
	if err != nil {
		return s.value
	}
	if s.style > 0 && s.style < len(s.w.dates) && s.w.dates[s.style] && f >= 1 && f < 2958466 {
		return serial(int(f))
	}
	if strings.ContainsAny(string(s.value), "eE") && f > -1e19 && f < 1e19 {
		return strconv.AppendFloat(nil, f, 'f', -1, 64)
	}
	return s.value
}

// serial is a day counted from 1900 as a date. The count has a 29 February
// 1900 that never was, so days before it are one less.
func serial(n int) []byte {
	if n < 61 {
		n++
	}
	return time.Date(1899, 12, 30+n, 0, 0, 0, 0, time.UTC).AppendFormat(nil, time.DateOnly)
}
