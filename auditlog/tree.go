package auditlog

import (
	"crypto/sha256"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// TileData is a tile with its bytes.
type TileData struct {
	Tile
	Data []byte
}

// Tree grows the tree of a log leaf by leaf. It keeps the right edge only,
// about 8 KiB for each level of tiles. The zero value is the empty tree.
type Tree struct {
	size uint64
	// roots[i] is the root of the perfect subtree of 2^i leaves at the right
	// edge; it is valid where bit i of size is set.
	roots [64]Hash
	// rows[l] holds the hashes of the unfinished tile of level l.
	rows [][]byte
}

// LeafHash is the hash of an entry (RFC 6962, section 2.1).
func LeafHash(entry []byte) Hash { return tlog.RecordHash(entry) }

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Add appends a leaf and returns the hash tiles that it completed, lowest
// level first: mostly none.
func (t *Tree) Add(leaf Hash) []TileData {
	done := t.push(0, leaf, nil)
	h, n := leaf, t.size
	for level := 0; ; level++ {
		if n&1 == 0 {
			t.roots[level] = h
			break
		}
		// The left sibling is complete: RFC 6962 joins the two.
		h = tlog.NodeHash(t.roots[level], h)
		n >>= 1
		if (level+1)%tileHeight == 0 {
			done = t.push((level+1)/tileHeight, h, done)
		}
	}
	t.size++
	return done
}

// push appends a hash to the row of a tile level.
func (t *Tree) push(level int, h Hash, done []TileData) []TileData {
	if level == len(t.rows) {
		t.rows = append(t.rows, nil)
	}
	row := append(t.rows[level], h[:]...)
	if len(row) < TileWidth*tlog.HashSize {
		t.rows[level] = row
		return done
	}
	t.rows[level] = nil
	// Bits above this level count the hashes of the level before this one.
	n := t.size >> (tileHeight * (level + 1))
	return append(done, TileData{Tile{Level: level, N: n, Width: TileWidth}, row})
}

// Root is the root hash.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	low := bits.TrailingZeros64(t.size)
	h := t.roots[low]
	for level := low + 1; level < bits.Len64(t.size); level++ {
		if t.size>>level&1 == 1 {
			h = tlog.NodeHash(t.roots[level], h)
		}
	}
	return h
}

// Edge returns copies of the partial hash tiles at the current size.
func (t *Tree) Edge() []TileData {
	var out []TileData
	for level, row := range t.rows {
		if len(row) > 0 {
			n := t.size >> (tileHeight * (level + 1))
			out = append(out, TileData{Tile{Level: level, N: n, Width: len(row) / tlog.HashSize}, slices.Clone(row)})
		}
	}
	return out
}

// Clone returns an independent copy.
func (t *Tree) Clone() *Tree {
	c := *t
	c.rows = make([][]byte, len(t.rows))
	for i, row := range t.rows {
		c.rows[i] = slices.Clone(row)
	}
	return &c
}
