// Package plaintext makes text readable for detectors. It folds what hides
// characters (invisible ones, look-alikes, digits of other scripts) and keeps
// the way back to the original, finds the values that a text itself names
// (members, columns, labels, elements), and reads what is written in another
// alphabet (base64, hex, percent, entities).
//
// It trusts nothing in the text: any bytes may come in, work is linear in their
// number, and what it cannot read it reports rather than skips.
package plaintext

import (
	"encoding/binary"
	"sort"
	"unicode/utf8"
)

// View is a text as detectors see it: valid UTF-8, one character for what looks
// like one character, nothing invisible.
type View struct {
	Text []byte
	// Hidden says that something invisible was taken out of a word or number,
	// or that a letter or digit in it only looked like one. Ordinary
	// typography (curly quotes, no-break spaces, accents) hides nothing.
	Hidden bool
	// Tagged are texts written in invisible tag characters (U+E0020–U+E007E),
	// which models read as ASCII. Start and End are in the original; By is "tag".
	Tagged []Decoding

	original []byte
	blocks   []block // empty: Text is the original
}

// block says where a stretch of View.Text came from: units of step bytes, each
// from units of from bytes, beginning at offsets text and original. It is in
// force until the next block's text offset.
type block struct {
	text, original int32
	step, from     uint16
}

// Normalise folds b. ASCII text without control characters inside words comes
// back as it is, with no allocation. Otherwise: invalid UTF-8 becomes U+FFFD,
// one per byte; compatibility characters become what they stand for (NFKC,
// Unicode Standard Annex 15, except signs such as ™ and º that are no
// disguise); decimal digits of every script become ASCII; Unicode dashes,
// spaces and curly quotes become ASCII; letters of other scripts that look
// Latin are folded inside words that also hold ASCII letters or digits.
// b is not changed, and must be shorter than 512 MiB.
func Normalise(b []byte) View {
	n := plainLength(b)
	if n == len(b) {
		return View{Text: b, original: b}
	}
	f := folder{src: b, out: make([]byte, 0, len(b)+len(b)/16+16)}
	f.fold(n)
	return View{Text: f.out, Hidden: f.hidden, Tagged: f.tagged, original: b, blocks: f.blocks}
}

// Original maps the range [start, end) of Text to the bytes of the original
// that it came from. Offsets outside of Text are taken as its ends; the result
// lies on character boundaries of valid original text. The whole of Text maps
// to the whole of the original.
func (v *View) Original(start, end int) (int, int) {
	start = min(max(start, 0), len(v.Text))
	end = min(max(end, start), len(v.Text))
	if len(v.blocks) == 0 {
		return v.snap(start, end)
	}
	from, to := 0, len(v.original)
	if start > 0 {
		from = v.unitStart(start)
	}
	if end < len(v.Text) {
		to = from
		if end > start {
			to = v.unitEnd(end - 1)
		}
	}
	return v.snap(from, max(from, to))
}

// unitStart is where the unit that holds Text[at] begins in the original.
func (v *View) unitStart(at int) int {
	if at >= len(v.Text) {
		return len(v.original)
	}
	b := v.blockAt(at)
	return int(b.original) + (at-int(b.text))/int(b.step)*int(b.from)
}

// unitEnd is where it ends.
func (v *View) unitEnd(at int) int {
	b := v.blockAt(at)
	return int(b.original) + ((at-int(b.text))/int(b.step)+1)*int(b.from)
}

func (v *View) blockAt(at int) block {
	i := sort.Search(len(v.blocks), func(i int) bool { return int(v.blocks[i].text) > at })
	return v.blocks[i-1]
}

// snap widens a range to whole characters of the original.
func (v *View) snap(start, end int) (int, int) {
	for back := 1; back < utf8.UTFMax && !onBoundary(v.original, start); back++ {
		start--
	}
	for ahead := 1; ahead < utf8.UTFMax && !onBoundary(v.original, end); ahead++ {
		end++
	}
	return start, end
}

func onBoundary(b []byte, at int) bool {
	return at <= 0 || at >= len(b) || utf8.RuneStart(b[at])
}

// plainLength is the length of the prefix of b that needs no folding: ASCII
// without control characters other than white space.
func plainLength(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 {
		v := b[i : i+32 : i+32]
		w0, w1 := binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[8:])
		w2, w3 := binary.LittleEndian.Uint64(v[16:]), binary.LittleEndian.Uint64(v[24:])
		if (unprinted(w0)|unprinted(w1)|unprinted(w2)|unprinted(w3))&tops != 0 && !(allPlain(w0) && allPlain(w1) && allPlain(w2) && allPlain(w3)) {
			break
		}
	}
	for i+8 <= len(b) && allPlain(binary.LittleEndian.Uint64(b[i:])) {
		i += 8
	}
	for i < len(b) && isPlain(b[i]) {
		i++
	}
	return i
}

// A byte's own bit, and its highest, in each of the eight bytes of a word.
const ones, tops = 0x0101010101010101, 0x8080808080808080

// unprinted has a highest bit set if some byte of w is below ' ' or above '~'.
// What one byte carries or borrows from the next only adds to a word in which
// there is such a byte already.
func unprinted(w uint64) uint64 { return w | (w + ones) | (w - ones*' ') }

// allPlain reports whether isPlain holds for each byte of w.
func allPlain(w uint64) bool {
	if unprinted(w)&tops == 0 {
		return true
	}
	if (w|(w&^tops+ones))&tops != 0 { // not ASCII, or DEL
		return false
	}
	printable := (w | tops) - ones*' '
	space := ((w | tops) - ones*'\t') &^ ((w | tops) - ones*('\r'+1))
	return (printable|space)&tops == tops
}

// isPlain reports whether a byte needs no folding.
func isPlain(c byte) bool {
	return c < 0x7f && (c >= ' ' || c >= '\t' && c <= '\r')
}
