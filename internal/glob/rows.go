package glob

import "slices"

const golden = 0x9e3779b97f4a7c15

// rows numbers distinct rows of numbers in the order of their first addition.
// They lie one after the other in a single slice, found by an open hash table.
type rows struct {
	cells  []uint32
	starts []uint32 // of each row in cells, and then their length
	hashes []uint32 // of each row
	slots  []uint32 // number of a row plus one, or zero; a power of two of them
}

func newRows() *rows {
	return &rows{starts: make([]uint32, 1, 64), slots: make([]uint32, 128)}
}

func (t *rows) count() int { return len(t.hashes) }

// row returns the numbers of one row, which must not be changed.
func (t *rows) row(n uint32) []uint32 { return t.cells[t.starts[n]:t.starts[n+1]] }

// number returns the number of a row with the hash h, copying it if it is new.
func (t *rows) number(row []uint32, h uint32) (n uint32, isNew bool) {
	mask := uint32(len(t.slots) - 1)
	at := h & mask
	for ; t.slots[at] != 0; at = (at + 1) & mask {
		n := t.slots[at] - 1
		if t.hashes[n] == h && slices.Equal(t.row(n), row) {
			return n, false
		}
	}
	n = uint32(t.count())
	t.slots[at] = n + 1
	t.cells = append(t.cells, row...)
	t.starts = append(t.starts, uint32(len(t.cells)))
	t.hashes = append(t.hashes, h)
	if 2*t.count() > len(t.slots) {
		t.grow()
	}
	return n, true
}

// grow doubles the hash table, and makes room for as many rows.
func (t *rows) grow() {
	t.cells = slices.Grow(t.cells, len(t.cells))
	t.starts = slices.Grow(t.starts, len(t.starts))
	t.hashes = slices.Grow(t.hashes, len(t.hashes))
	t.slots = make([]uint32, 2*len(t.slots))
	mask := uint32(len(t.slots) - 1)
	for n, h := range t.hashes {
		at := h & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = uint32(n) + 1
	}
}

// hash mixes by multiplication with the odd number next to 2⁶⁴ divided by the
// golden ratio.
func hash(row []uint32) uint32 {
	h := uint64(len(row))
	for _, v := range row {
		h = (h ^ uint64(v)) * golden
		h ^= h >> 32
	}
	return uint32(h)
}
