package glob

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Bits is a set of small numbers, such as indexes of patterns. Trailing zero
// words make no difference.
type Bits []uint64

// Has reports whether i is in the set.
func (b Bits) Has(i int) bool {
	return i >= 0 && i>>6 < len(b) && b[i>>6]>>(i&63)&1 == 1
}

// Set adds i, which must not be negative.
func (b *Bits) Set(i int) {
	for len(*b) <= i>>6 {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

// Count returns the number of members.
func (b Bits) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Equal reports whether both sets have the same members.
func (b Bits) Equal(c Bits) bool { return slices.Equal(b.trimmed(), c.trimmed()) }

// Key identifies the set: equal sets have equal keys.
func (b Bits) Key() string {
	t := b.trimmed()
	key := make([]byte, 0, 8*len(t))
	for _, w := range t {
		key = binary.LittleEndian.AppendUint64(key, w)
	}
	return string(key)
}

// trimmed returns the set without trailing zero words.
func (b Bits) trimmed() Bits {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}
