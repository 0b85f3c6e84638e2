package plaintext

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/dataclass"
)

// Decoding is a run of a text that is written in another alphabet, and what it
// says.
type Decoding struct {
	Start, End int // byte offsets of the run, end exclusive
	Text       []byte
	By         string // base64, hex, percent, quoted_printable, html, escape; tag (only in View.Tagged)
}

// Decodings finds the runs of b that decode to readable text, one level deep:
// base64 (RFC 4648, both alphabets, padded or not, wrapped in lines) of 16
// characters and more, or of eight where a word before it says so, hex of 24
// digits and more, or of nine bytes written apart, percent-encoding (RFC 3986),
// quoted-printable of nine characters and more, character references of HTML,
// and escapes of JSON and C (\u0031, \x31) that were left in a text. Runs are sorted by Start and may overlap if an encoding
// stands within another. Decoded bytes are taken from budget.Decodings; nothing
// is decoded once that is used up.
//
// opaque says that some run is long (more than 200 bytes), looks random and
// decodes to nothing readable, or is the encoding of compressed data: text may
// hide there. Digests up to 128 hex digits, PEM blocks, public SSH keys,
// signatures of JSON Web Tokens and data: URIs of pictures, sound and video are
// not opaque.
func Decodings(b []byte, budget *dataclass.Budget) (found []Decoding, opaque bool) {
	d := decoder{b: b, budget: budget}
	d.alphabets()
	d.escapes(percentEscape)
	d.escapes(htmlEscape)
	d.escapes(slashEscape)
	d.grouped()
	d.quotedPrintable()
	d.hinted()
	slices.SortStableFunc(d.found, func(x, y Decoding) int { return cmp.Compare(x.Start, y.Start) })
	return d.found, d.opaque
}

// decoder gathers the decodings of one text.
type decoder struct {
	b      []byte
	budget *dataclass.Budget
	found  []Decoding
	opaque bool
	packed []byte // one base64 run without its line ends
	text   []byte // all decoded text; decodings are slices of it
}

// spend takes n bytes from the budget.
func (d *decoder) spend(n int) bool { return d.budget.Spend(&d.budget.Decodings, n) }

// keep adds d.text[from:] as what the run [start, end) says, if it is readable.
func (d *decoder) keep(start, end, from int, by string) bool {
	text := d.text[from:len(d.text):len(d.text)]
	if !readable(text) {
		d.text = d.text[:from]
		return false
	}
	d.found = append(d.found, Decoding{start, end, text, by})
	return true
}

// readable reports whether b is text: valid UTF-8, nine of ten characters
// printable.
func readable(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	good, all := 0, 0
	for i := 0; i < len(b); all++ {
		c := b[i]
		if c < utf8.RuneSelf {
			if isPlain(c) {
				good++
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return false
		}
		if r >= 0xa0 && r != utf8.RuneError && (r < 0xe000 || r > 0xf8ff) && r < 0x30000 {
			good++
		}
		i += size
	}
	return good*10 >= all*9
}
