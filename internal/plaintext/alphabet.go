package plaintext

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"unicode/utf8"
)

const (
	minBase64 = 14  // characters, 16 with the padding
	minHex    = 24  // digits
	minLine   = 40  // characters of a line of base64 that goes on in the next
	maxClear  = 200 // bytes of an unreadable run that nobody minds
	probed    = 48  // characters decoded to see whether the rest is worth it
)

// inAlphabet has the characters of base64, both alphabets, without padding.
var inAlphabet = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_") {
		t[c] = true
	}
	return t
}()

// alphabets finds the runs of base64 and hex. It looks at every sixteenth byte
// first: in prose, most are in no long run.
func (d *decoder) alphabets() {
	for i := 0; i+minBase64 <= len(d.b); {
		k := i + minBase64 - 1
		for k >= i && inAlphabet[d.b[k]] {
			k--
		}
		if k >= i {
			i = k + 1
			continue
		}
		i = d.run(i)
	}
}

// run reads the run that begins at i and returns where it ends.
func (d *decoder) run(i int) int {
	end := d.runEnd(i)
	run, last := d.b[i:end], end
	if end-i >= minLine {
		run, last = d.unwrap(i, end)
	}
	for n := 0; n < 2 && last < len(d.b) && d.b[last] == '='; n++ {
		last++
	}
	if last-i < 16 {
		return last
	}
	if d.hex(i, last, run) || d.base64(i, last, run) || d.pieces(i, run) {
		return last
	}
	d.opaque = d.opaque || d.hides(i, run)
	return last
}

func (d *decoder) runEnd(i int) int {
	for i < len(d.b) && inAlphabet[d.b[i]] {
		i++
	}
	return i
}

// unwrap joins the lines of a run that is wrapped: lines of the same length,
// perhaps indented, of which only the last is shorter.
func (d *decoder) unwrap(i, end int) (run []byte, last int) {
	width := end - i
	next, nextEnd := d.nextLine(end)
	if next == nextEnd || nextEnd-next > width {
		return d.b[i:end], end
	}
	d.packed = append(d.packed[:0], d.b[i:end]...)
	for next < nextEnd && nextEnd-next <= width {
		d.packed = append(d.packed, d.b[next:nextEnd]...)
		end = nextEnd
		if nextEnd-next < width {
			break
		}
		next, nextEnd = d.nextLine(end)
	}
	return d.packed, end
}

// nextLine is the run that fills the line after the one that ends at i; empty
// if there is none.
func (d *decoder) nextLine(i int) (start, end int) {
	if i < len(d.b) && d.b[i] == '\r' {
		i++
	}
	if i >= len(d.b) || d.b[i] != '\n' {
		return i, i
	}
	i++
	for n := 0; n < 16 && i < len(d.b) && (d.b[i] == ' ' || d.b[i] == '\t'); n++ {
		i++
	}
	end = d.runEnd(i)
	if end < len(d.b) && d.b[end] != '\n' && d.b[end] != '\r' && d.b[end] != '=' {
		return i, i
	}
	return i, end
}

// hex decodes a run of hex digits, perhaps after 0x.
func (d *decoder) hex(start, end int, run []byte) bool {
	if len(run) > 2 && run[0] == '0' && run[1]|0x20 == 'x' {
		run = run[2:]
	}
	if len(run) < minHex || len(run)%2 != 0 || !allHex(run) || !d.spend(len(run)/2) {
		return false
	}
	from := len(d.text)
	d.text, _ = hex.AppendDecode(d.text, run)
	d.narrow(from)
	return d.keep(start, end, from, "hex")
}

func allHex(b []byte) bool {
	for _, c := range b {
		if hexValue(c) < 0 {
			return false
		}
	}
	return true
}

// base64 decodes a run, also when up to three characters stand glued before it.
func (d *decoder) base64(start, end int, run []byte) bool {
	for shift := 0; shift < 4 && len(run)-shift >= minBase64; shift++ {
		if shift > 0 && len(run) < minHex {
			break
		}
		if d.promises(run[shift:]) {
			return d.decode(start+shift, end, run[shift:])
		}
	}
	return false
}

// pieces decodes the parts of a run that glue together what belongs apart, such
// as the parts of a path.
func (d *decoder) pieces(start int, run []byte) bool {
	found, at := false, 0
	for end := 0; end <= len(run); end++ {
		if end < len(run) && isAlnum(run[end]) {
			continue
		}
		if piece := run[at:end]; len(piece) >= minBase64 && len(piece) < len(run) && d.promises(piece) {
			found = d.decode(start+at, start+end, piece) || found
		}
		at = end + 1
	}
	return found
}

// glance reports whether the first eight characters of a run may begin text.
// Those of words and random data hardly ever do, and it is cheap to ask.
func glance(run []byte) bool {
	var head [6]byte
	for n := 0; n < 2; n++ {
		q := run[4*n : 4*n+4]
		v := uint(sextets[q[0]])<<18 | uint(sextets[q[1]])<<12 | uint(sextets[q[2]])<<6 | uint(sextets[q[3]])
		head[3*n], head[3*n+1], head[3*n+2] = byte(v>>16), byte(v>>8), byte(v)
	}
	if head[1]|head[3]|head[5] == 0 {
		return true // it may be UTF-16
	}
	odd := 0
	for i := 0; i < len(head); {
		if head[i] < utf8.RuneSelf {
			if !isPlain(head[i]) {
				odd++
			}
			i++
			continue
		}
		if !utf8.FullRune(head[i:]) {
			break
		}
		r, size := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && size == 1 {
			return false
		}
		i += size
	}
	return odd <= probed*3/4/10
}

// sextets are the values of the characters of base64, in both alphabets.
var sextets = func() (t [256]byte) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['-'], t['_'] = t['+'], t['/']
	return t
}()

// promises reports whether the beginning of a run decodes to text.
func (d *decoder) promises(run []byte) bool {
	if !glance(run) {
		return false
	}
	from := len(d.text)
	d.text = appendBase64(d.text, run[:min(len(run), probed)])
	d.narrow(from)
	good := len(d.text) > from && readable(cutRune(d.text[from:]))
	d.text = d.text[:from]
	return good
}

// cutRune leaves out a character that is cut off at the end.
func cutRune(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n < len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if c >= 0xc0 && !utf8.FullRune(b[len(b)-n:]) {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}

// decode adds what a run says, as far as it is text.
func (d *decoder) decode(start, end int, run []byte) bool {
	if !d.spend(len(run)/4*3 + 3) {
		return false
	}
	from := len(d.text)
	d.text = appendBase64(d.text, run)
	d.narrow(from)
	text := cutRune(d.text[from:])
	if good := clearPrefix(text); good < len(text) && !readable(text) {
		d.opaque = d.opaque || len(text)-good > maxClear
		text = text[:good]
	}
	d.text = d.text[:from+len(text)]
	return d.keep(start, end, from, "base64")
}

// clearPrefix is the length of the text before what is none.
func clearPrefix(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 || r < ' ' && !isPlain(byte(r)) {
			return i
		}
		i += size
	}
	return len(b)
}

// narrow makes UTF-16 of ASCII letters (as PowerShell encodes commands) into
// UTF-8.
func (d *decoder) narrow(from int) {
	wide := d.text[from:]
	if len(wide) < 8 || wide[1] != 0 || wide[3] != 0 || wide[5] != 0 || wide[7] != 0 {
		return
	}
	out := from
	for i := 0; i < len(wide); i += 2 {
		if i+1 < len(wide) && wide[i+1] != 0 || wide[i] >= utf8.RuneSelf {
			return
		}
		d.text[out] = wide[i]
		out++
	}
	d.text = d.text[:out]
}

// appendBase64 decodes either alphabet; characters that are left over at the
// end are dropped.
func appendBase64(dst, run []byte) []byte {
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	coding := base64.RawStdEncoding
	if bytes.IndexByte(run, '-') >= 0 || bytes.IndexByte(run, '_') >= 0 {
		coding = base64.RawURLEncoding
	}
	out, err := coding.AppendDecode(dst, run)
	if err != nil {
		return dst
	}
	return out
}

// hides reports whether text may hide in an unreadable run.
func (d *decoder) hides(start int, run []byte) bool {
	var head [36]byte
	n := len(appendBase64(head[:0], run[:min(len(run), probed)]))
	if isPacked(head[:n], len(run)) {
		return true
	}
	return len(run) > maxClear && !isKey(head[:n]) && !d.expected(start) && looksRandom(run)
}

// isPacked reports whether data begins as gzip, bzip2, zip, Zstandard or, if
// long enough for two bytes to mean something, zlib do.
func isPacked(head []byte, size int) bool {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}), bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return true
	case bytes.HasPrefix(head, []byte("BZh")):
		return len(head) > 9 && head[3] >= '1' && head[3] <= '9' && head[4] == 0x31 && head[5] == 0x41
	}
	return size >= 64 && len(head) > 2 && head[0] == 0x78 && (int(head[0])<<8|int(head[1]))%31 == 0
}

// isKey reports whether data is a public key as SSH writes it.
func isKey(head []byte) bool {
	return len(head) > 10 && head[0] == 0 && head[1] == 0 && (bytes.HasPrefix(head[4:], []byte("ssh-")) || bytes.HasPrefix(head[4:], []byte("ecdsa-")))
}

// looksRandom reports whether capitals, small letters and digits change as often
// as in encoded data. In words, even joined ones, they hardly do, and joined
// words in camelCase have hardly any digits.
func looksRandom(run []byte) bool {
	changes, digits, before := 0, 0, charClass(run[0])
	for _, c := range run[1:] {
		class := charClass(c)
		if class != before {
			changes++
		}
		if before = class; class == 0 {
			digits++
		}
	}
	return changes*100 >= len(run)*28 && digits*20 >= len(run)
}

func charClass(c byte) int {
	switch {
	case isDigit(c):
		return 0
	case c >= 'a':
		return 1
	}
	return 2
}

// expected reports whether what stands before an unreadable run says what it is:
// a PEM header, the readable part of a JSON Web Token, a data: URI of a picture.
func (d *decoder) expected(start int) bool {
	before := d.b[max(0, start-96):start]
	if text := bytes.TrimRight(before, " \t\r\n"); bytes.HasSuffix(text, []byte("-----")) {
		return true
	}
	if n := len(d.found); n > 0 && bytes.HasSuffix(before, []byte(".")) && d.found[n-1].End == start-1 {
		return true
	}
	if !bytes.HasSuffix(before, []byte(";base64,")) {
		return false
	}
	at := bytes.LastIndex(before, []byte("data:"))
	for _, kind := range []string{"image/", "audio/", "video/"} {
		if at >= 0 && bytes.HasPrefix(before[at+5:], []byte(kind)) {
			return true
		}
	}
	return false
}
