package plaintext

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folder builds a View from left to right.
type folder struct {
	src    []byte
	out    []byte
	blocks []block
	hidden bool
	tagged []Decoding

	suspect  bool // what came just before hides something if a letter or digit follows
	runEnd   int  // up to here in src the verdict on look-alikes holds
	looks    bool // the verdict: look-alikes are folded
	disguise bool // and they stand among ASCII letters
	copied   bool // nothing in the word changes unless they are
	flag     int  // the tags of a flag's emoji go on here
	tmp      []byte
}

var replacement = []byte("\uFFFD")

// fold folds the whole of src, of which the first n bytes are plain.
func (f *folder) fold(n int) {
	if n > 0 && n < len(f.src) && isCombiningLead(f.src[n]) {
		n-- // the mark may go on this letter
	}
	f.keep(0, n)
	for i := n; i < len(f.src); {
		i = f.next(i)
	}
}

// next folds what begins at i and returns where it ends.
func (f *folder) next(i int) int {
	c := f.src[i]
	if c < utf8.RuneSelf {
		return f.ascii(i)
	}
	r, size := utf8.DecodeRune(f.src[i:])
	if r == utf8.RuneError && size == 1 {
		f.put(i, 1, replacement)
		return i + 1
	}
	if end := f.inert(i, r, size); end > i {
		f.keep(i, end)
		return end
	}
	end := i + size
	if end < len(f.src) && isCombiningLead(f.src[end]) && composes(r) {
		if marks := f.marks(end); marks > end {
			return f.compose(i, end, marks)
		}
	}
	if hasLookAlikes(r) {
		return f.letter(i, end, r)
	}
	f.rune(i, end, r)
	return end
}

// inert is the end of the run of characters that begins with r at i, of which
// each is what it looks like and carries no mark.
func (f *folder) inert(i int, r rune, size int) int {
	for isInert(r) {
		end := i + size
		if end == len(f.src) {
			return end
		}
		if r, size = rune(f.src[end]), 1; r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(f.src[end:])
		}
		if isMark(r) {
			break
		}
		i = end
	}
	return i
}

// letter folds or keeps a letter of a script that has look-alikes, with the
// rest of its word where that can be copied.
func (f *folder) letter(i, end int, r rune) int {
	if i >= f.runEnd {
		f.judge(i)
		if !f.looks && f.copied {
			f.keep(i, f.runEnd)
			return f.runEnd
		}
	}
	if latin := confusable(r); latin != 0 && f.looks {
		f.hidden = f.hidden || f.disguise
		f.emit(i, end-i, latin)
		return end
	}
	f.compatible(i, end, r)
	return end
}

// ascii copies a run of ASCII that begins at i. It leaves the last letter to be
// composed when a combining mark follows.
func (f *folder) ascii(i int) int {
	if !isPlain(f.src[i]) {
		return f.control(i)
	}
	end := i + plainLength(f.src[i:])
	if end < len(f.src) && isCombiningLead(f.src[end]) {
		if marks := f.marks(end); marks > end {
			f.keep(i, end-1)
			return f.compose(end-1, end, marks)
		}
	}
	f.keep(i, end)
	return end
}

// control drops a control character; the separators FS, GS, RS and US become a
// space, as they part fields.
func (f *folder) control(i int) int {
	if c := f.src[i]; c >= 0x1c && c <= 0x1f {
		f.emit(i, 1, ' ')
		return i + 1
	}
	f.drop()
	return i + 1
}

// rune folds one character that is not ASCII.
func (f *folder) rune(i, end int, r rune) {
	switch {
	case isInert(r):
		f.keep(i, end)
	case isInvisible(r):
		f.invisible(i, end, r)
	case r >= 0xff01 && r <= 0xff5e:
		f.lookAlike(i, end, byte(r-0xff01+'!'))
	default:
		f.special(i, end, r)
	}
}

func (f *folder) special(i, end int, r rune) {
	if c := punctuation(r); c != 0 {
		f.emit(i, end-i, c)
		return
	}
	if digit := decimal(r); digit >= 0 {
		f.digit(i, end, r, byte('0'+digit))
		return
	}
	f.compatible(i, end, r)
}

// digit folds a digit of another script. Among ASCII digits it is a disguise.
func (f *folder) digit(i, end int, r rune, c byte) {
	if isMathematical(r) || i > 0 && isDigit(f.src[i-1]) || end < len(f.src) && isDigit(f.src[end]) {
		f.lookAlike(i, end, c)
		return
	}
	f.emit(i, end-i, c)
}

// lookAlike emits the ASCII character that a fancy one stands for.
func (f *folder) lookAlike(i, end int, c byte) {
	if isAlnum(c) && f.afterAlnum() {
		f.hidden = true
	}
	f.emit(i, end-i, c)
	f.suspect = isAlnum(c)
}

// compatible replaces a compatibility character by what it stands for, where
// that is short and readable; others stay as they are.
func (f *folder) compatible(i, end int, r rune) {
	form := norm.NFKC.Properties(f.src[i:end]).Decomposition()
	if len(form) == 0 || len(form) > 8 || form[0] == ' ' || keepsItsForm(r) || isComposed(f.src[i:end], form) {
		f.keep(i, end)
		return
	}
	if len(form) == 1 && isAlnum(form[0]) && isDecorated(r) {
		f.lookAlike(i, end, form[0])
		return
	}
	f.put(i, end-i, form)
}

// isComposed reports whether form is only how the character is put together
// from a letter and its marks: NFKC keeps those.
func isComposed(b, form []byte) bool {
	canonical := norm.NFC.Properties(b).Decomposition()
	return string(canonical) == string(form) && utf8.RuneCount(form) > 1
}

// compose folds a letter [i, base) and the combining marks [base, end) on it to
// one character where there is one. Marks that hang loose on ASCII letters and
// digits are dropped: nothing is spelled with them.
func (f *folder) compose(i, base, end int) int {
	r, _ := utf8.DecodeRune(f.src[i:])
	f.tmp = f.tmp[:0]
	for at := base; at < end; {
		mark, size := utf8.DecodeRune(f.src[at:])
		if c := composition(r, mark); c != 0 {
			r = c
		} else if f.src[i] >= utf8.RuneSelf {
			f.tmp = utf8.AppendRune(f.tmp, mark)
		}
		at += size
	}
	if r < utf8.RuneSelf {
		f.hidden = f.hidden || isAlnum(byte(r)) && (f.afterAlnum() || f.alnumAt(end))
	}
	var letter [utf8.UTFMax]byte
	f.put(i, end-i, append(utf8.AppendRune(letter[:0], r), f.tmp...))
	return end
}

// marks returns the end of the combining marks that begin at i, at most 30 of
// them (the limit of Unicode's stream-safe text).
func (f *folder) marks(i int) int {
	for n := 0; n < 30 && i < len(f.src); n++ {
		r, size := utf8.DecodeRune(f.src[i:])
		if !isMark(r) {
			break
		}
		i += size
	}
	return i
}

func (f *folder) alnumAt(i int) bool { return i < len(f.src) && isAlnum(f.src[i]) }

func (f *folder) afterAlnum() bool { return len(f.out) > 0 && isAlnum(f.out[len(f.out)-1]) }

// invisible drops a character that shows nothing.
func (f *folder) invisible(i, end int, r rune) {
	switch {
	case isTag(r):
		f.tag(i, end, r)
	case r == 0x202d || r == 0x202e:
		f.hidden = true
	}
	f.drop()
}

// tag gathers the text that tag characters spell. In the emoji of a flag, which
// begins with U+1F3F4, they are what they were made for.
func (f *folder) tag(i, end int, r rune) {
	n := len(f.tagged)
	if i > 0 && i == f.flag {
		f.flag = end
		return
	}
	if n == 0 || f.tagged[n-1].End != i {
		if before, _ := utf8.DecodeLastRune(f.src[:i]); before == 0x1f3f4 {
			f.flag = end
			return
		}
		f.tagged = append(f.tagged, Decoding{Start: i, By: "tag"})
		n++
	}
	f.hidden = true
	d := &f.tagged[n-1]
	d.End = end
	if r >= 0xe0020 && r < 0xe007f {
		d.Text = append(d.Text, byte(r-0xe0000))
	}
}

// drop leaves a character out: it hid something if it parted two letters or
// digits.
func (f *folder) drop() {
	f.suspect = f.suspect || f.afterAlnum()
}

// keep copies src[i:end] as it is.
func (f *folder) keep(i, end int) {
	if i == end {
		return
	}
	f.settle(f.src[i])
	f.mark(i, 1, 1)
	f.out = append(f.out, f.src[i:end]...)
}

// emit writes one ASCII character for the n bytes at i.
func (f *folder) emit(i, n int, c byte) {
	f.settle(c)
	f.mark(i, 1, n)
	f.out = append(f.out, c)
}

// put writes s for the n bytes at i.
func (f *folder) put(i, n int, s []byte) {
	f.settle(s[0])
	f.mark(i, len(s), n)
	f.out = append(f.out, s...)
}

// settle decides whether what was suspect hid something.
func (f *folder) settle(c byte) {
	if f.suspect {
		f.hidden = f.hidden || isAlnum(c)
		f.suspect = false
	}
}

// mark begins a block unless the last one goes on.
func (f *folder) mark(i, step, from int) {
	if n := len(f.blocks); n > 0 {
		b := f.blocks[n-1]
		units := (len(f.out) - int(b.text)) / int(b.step)
		if int(b.step) == step && int(b.from) == from && int(b.original)+units*from == i {
			return
		}
	}
	f.blocks = append(f.blocks, block{int32(len(f.out)), int32(i), uint16(step), uint16(from)})
}

// judge decides for the word around i whether its look-alikes are folded: when
// it holds ASCII letters or digits, and no letter that is plainly of the other
// script. It looks at each character once.
func (f *folder) judge(i int) {
	var ascii, digits, foreign bool
	f.copied = true
	for j := len(f.out) - 1; j >= 0 && j >= len(f.out)-64; j-- {
		c := f.out[j]
		if c < utf8.RuneSelf && !isAlnum(c) {
			break
		}
		digits = digits || isDigit(c)
		ascii = ascii || isAlnum(c) && !isDigit(c)
	}
	end := i
	for n := 0; end < len(f.src) && n < 256; n++ {
		r, size := utf8.DecodeRune(f.src[end:])
		k := wordKind(r)
		if k == outside {
			break
		}
		ascii, digits, foreign = ascii || k == latinLetter, digits || k == digitOf, foreign || k == foreignLetter
		f.copied = f.copied && (k == foreignLetter || k == lookAlikeLetter || k == digitOf && size == 1 || k == latinLetter && size == 1)
		end += size
	}
	f.runEnd = end
	f.looks = (ascii || digits) && !foreign && !f.foreignBefore()
	f.disguise = ascii
}

// foreignBefore reports whether a letter of another script that looks like none
// of ours stands in the same word just before.
func (f *folder) foreignBefore() bool {
	rest := f.out
	for n := 0; n < 64 && len(rest) > 0; n++ {
		r, size := utf8.DecodeLastRune(rest)
		switch wordKind(r) {
		case foreignLetter:
			return true
		case outside:
			return false
		}
		rest = rest[:len(rest)-size]
	}
	return false
}
