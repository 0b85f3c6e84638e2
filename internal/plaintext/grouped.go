package plaintext

import "bytes"

const (
	minGroups = 9  // bytes written apart, as many as the shortest number worth hiding has digits
	stride    = 12 // a run of that many groups holds two of any twelve bytes in a row
	maxHinted = 15 // characters of base64 that are read only because a word says what they are
	hintReach = 32 // bytes between such a word and the run
)

// apart has the bytes of a run of hex in groups of two.
var apart = func() (t [256]bool) {
	for _, c := range []byte("0123456789abcdefABCDEF :-") {
		t[c] = true
	}
	return t
}()

// grouped finds hex in groups of two, "34 31 31" or "34:31:31". It looks at four
// bytes in every twelve first.
func (d *decoder) grouped() {
	done := 0
	for i := 0; i+4 <= len(d.b); i += stride {
		if !apart[d.b[i]] || !apart[d.b[i+1]] || !apart[d.b[i+2]] || !apart[d.b[i+3]] {
			continue
		}
		start := i
		for start > done && apart[d.b[start-1]] {
			start--
		}
		end := i
		for end < len(d.b) && apart[d.b[end]] {
			end++
		}
		d.groups(start, end)
		done, i = end, max(i, end-stride)
	}
}

// groups reads the groups in [start, end) that have the same byte between them.
func (d *decoder) groups(start, end int) {
	for at := start; at+3*minGroups-1 <= end; at++ {
		if hexValue(d.b[at]) < 0 || isAlnum(d.b[at+2]) {
			continue
		}
		from, next := len(d.text), at
		for next+2 <= end && (next == at || d.b[next-1] == d.b[at+2]) && (next+2 >= end || !isAlnum(d.b[next+2])) {
			c, ok := hexByte(d.b, next)
			if !ok {
				break
			}
			d.text = append(d.text, c)
			next += 3
		}
		d.stretches(at, from)
		at = max(at, next-1)
	}
}

// stretches adds what d.text[from:] has of printable text, in which each byte
// stands for three from at on. Words of two letters ("be") look like groups, so
// there may be others around it; less than minGroups would happen by chance.
func (d *decoder) stretches(at, from int) {
	text, before := d.text[from:], len(d.found)
	for i := 0; i+minGroups <= len(text); i++ {
		n := clearPrefix(text[i:])
		if n >= minGroups && readable(text[i:i+n]) && d.spend(n) {
			d.found = append(d.found, Decoding{at + 3*i, at + 3*(i+n) - 1, text[i : i+n : i+n], "hex"})
		}
		i += n
	}
	if len(d.found) == before {
		d.text = d.text[:from]
	}
}

// quotedPrintable finds runs in which every character is written as =34
// (RFC 2045, section 6.7), over soft line breaks.
func (d *decoder) quotedPrintable() {
	for at := 0; ; {
		n := bytes.IndexByte(d.b[at:], '=')
		if n < 0 {
			return
		}
		start := at + n
		if at = start + 1; at+3 <= len(d.b) && d.b[at+2] == '=' {
			at = max(at, d.quoted(start))
		}
	}
}

// quoted reads the run that begins at start and returns where it ends.
func (d *decoder) quoted(start int) int {
	from, end := len(d.text), start
	for end < len(d.b) && d.b[end] == '=' {
		if size := softBreak(d.b[end+1:]); size > 0 {
			end += 1 + size
			continue
		}
		c, ok := hexByte(d.b, end+1)
		if !ok {
			break
		}
		d.text = append(d.text, c)
		end += 3
	}
	text := d.text[from:]
	if len(text) < minGroups || clearPrefix(text) < len(text) || !d.spend(len(text)) {
		d.text = d.text[:from]
		return end
	}
	d.keep(start, end, from, "quoted_printable")
	return end
}

// softBreak is the length of the line's end that b begins with.
func softBreak(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("\n")):
		return 1
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	}
	return 0
}

// hinted reads short base64 where a word before it ("base64", "b64") says that
// it is some: for words and numbers look like it.
func (d *decoder) hinted() {
	for at := 0; ; {
		n := bytes.Index(d.b[at:], []byte("64"))
		if n < 0 {
			return
		}
		word := at + n
		if at = word + 2; word > 0 && d.b[word-1]|0x20 == 'b' || word > 3 && bytes.EqualFold(d.b[word-4:word], []byte("base")) {
			d.short(at)
		}
	}
}

// short decodes the first short run after a hint that makes ASCII text. A run
// that is not short is read without a hint.
func (d *decoder) short(i int) {
	for limit := min(len(d.b), i+hintReach); i < limit; {
		end := i
		for end < len(d.b) && end <= i+maxHinted && inAlphabet[d.b[end]] {
			end++
		}
		run, last := d.b[i:end], end
		for last < len(d.b) && last < end+2 && d.b[last] == '=' {
			last++
		}
		if len(run) > maxHinted || len(run) >= 6 && (last-i)%4 == 0 && d.decodeShort(i, last, run) {
			return
		}
		i = max(last, i+1)
	}
}

func (d *decoder) decodeShort(start, end int, run []byte) bool {
	from := len(d.text)
	d.text = appendBase64(d.text, run)
	text := d.text[from:]
	if len(text) == 0 || plainLength(text) < len(text) || !d.spend(len(text)) {
		d.text = d.text[:from]
		return false
	}
	return d.keep(start, end, from, "base64")
}
