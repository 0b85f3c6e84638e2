package document

import "bytes"

// rows writes the cells of tables as rows of CSV, so that what a column is
// called stays with what is in it.
type rows struct {
	r     *reading
	cells []cell // one for each table around the place, innermost last
}

// cell is where the open cell of a table starts in the flow.
type cell struct {
	start int
	first bool
	open  bool
}

func (t *rows) table() {
	t.r.newline()
	t.cells = append(t.cells, cell{first: true})
}

func (t *rows) endTable() {
	if n := len(t.cells); n > 0 {
		t.endCell()
		t.cells = t.cells[:n-1]
		t.r.newline()
	}
}

// top is the innermost table; a row or cell without one makes one.
func (t *rows) top() *cell {
	if len(t.cells) == 0 {
		t.cells = append(t.cells, cell{first: true})
	}
	return &t.cells[len(t.cells)-1]
}

func (t *rows) row() {
	t.endCell()
	t.r.newline()
	t.top().first = true
}

func (t *rows) cell() {
	t.endCell()
	c := t.top()
	if !c.first {
		t.r.write([]byte{','})
	}
	c.first, c.open, c.start = false, true, len(t.r.out)
}

// endCell quotes the cell where it must be. What is in a table in a table is
// left as it is, or its text would be gone over again for each table around it.
func (t *rows) endCell() {
	if len(t.cells) == 0 || !t.top().open {
		return
	}
	c := t.top()
	c.open = false
	r := t.r
	for len(r.out) > c.start && r.out[len(r.out)-1] == '\n' {
		r.out = r.out[:len(r.out)-1]
	}
	if len(t.cells) == 1 && bytes.ContainsAny(r.out[c.start:], ",\"\n") {
		text := bytes.Clone(r.out[c.start:])
		r.out = r.out[:c.start]
		r.write(quoted(text))
	}
}

func quoted(text []byte) []byte {
	if !bytes.ContainsAny(text, ",\"\n") {
		return text
	}
	text = bytes.ReplaceAll(text, []byte{'"'}, []byte(`""`))
	return append(append([]byte{'"'}, text...), '"')
}
