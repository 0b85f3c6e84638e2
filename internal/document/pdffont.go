package document

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// pdfFont turns the codes of a string into text and widths.
type pdfFont struct {
	size    int               // bytes of a code
	unicode map[uint32]string // of the font's own map
	ranges  []pdfRange        // of the same, by code
	utf16   bool              // codes are UTF-16
	simple  [256]rune         // where size is 1; 0: not known
	widths  map[int]float64   // in thousandths of the size
	width   float64           // of codes without one
	guessed bool              // nothing says what the codes mean
}

type pdfRange struct {
	low, high uint32
	text      []byte // of low, in UTF-16; the last unit counts up
}

// font is the font of a resource, read once.
func (f *pdfFile) font(v pdfValue) *pdfFont {
	if v.kind == pdfRef {
		if known := f.fonts[int(v.num)]; known != nil {
			return known
		}
	}
	font := f.newFont(f.resolve(v))
	if v.kind == pdfRef {
		f.fonts[int(v.num)] = font
	}
	return font
}

func (f *pdfFile) newFont(dict pdfValue) *pdfFont {
	font := &pdfFont{size: 1, width: 500, widths: make(map[int]float64), unicode: make(map[uint32]string)}
	if o, ok := f.object(dict.get("ToUnicode")); ok && o.data {
		f.unicodeMap(font, f.decode(o))
	}
	if dict.get("Subtype").is(pdfName, "Type0") {
		f.composite(font, dict)
		return font
	}
	f.encoding(font, dict)
	first, unit := int(f.resolve(dict.get("FirstChar")).num), 1.0
	if m := f.all(dict.get("FontMatrix")); len(m) == 6 {
		unit = f.resolve(m[0]).num * 1000 // of Type 3, whose widths are its own
	}
	for i, w := range f.all(dict.get("Widths")) {
		if i < 256 {
			font.widths[first+i] = f.resolve(w).num * unit
		}
	}
	return font
}

// composite fonts have codes of two bytes as far as they are known here.
func (f *pdfFile) composite(font *pdfFont, dict pdfValue) {
	font.size, font.width = 2, 1000
	name := string(f.resolve(dict.get("Encoding")).bytes)
	font.utf16 = strings.HasPrefix(name, "Uni") && (strings.Contains(name, "UCS2") || strings.Contains(name, "UTF16"))
	font.guessed = !font.utf16 && len(font.unicode)+len(font.ranges) == 0
	if !font.utf16 && !strings.HasPrefix(name, "Identity") {
		font.guessed = true // codes of other lengths, or a map in a stream
	}
	below := f.all(dict.get("DescendantFonts"))
	if len(below) == 0 {
		return
	}
	child := f.resolve(below[0])
	if v := f.resolve(child.get("DW")); v.kind == pdfNumber {
		font.width = v.num
	}
	f.compositeWidths(font, f.all(child.get("W")))
}

// compositeWidths reads "c [w1 w2 …]" and "first last w".
func (f *pdfFile) compositeWidths(font *pdfFont, list []pdfValue) {
	for i := 0; i+1 < len(list); {
		first, next := int(f.resolve(list[i]).num), f.resolve(list[i+1])
		if next.kind == pdfArray {
			for j, w := range next.list[:min(len(next.list), 1<<16)] {
				font.widths[first+j] = f.resolve(w).num
			}
			i += 2
			continue
		}
		if i+2 >= len(list) {
			return
		}
		last, w := int(next.num), f.resolve(list[i+2]).num
		if !f.r.spend(max(0, last-first)) {
			return
		}
		for c := first; c <= min(last, first+1<<16); c++ {
			font.widths[c] = w
		}
		i += 3
	}
}

// encoding fills the table of a font of one-byte codes.
func (f *pdfFile) encoding(font *pdfFont, dict pdfValue) {
	e := f.resolve(dict.get("Encoding"))
	for c := range 256 {
		font.simple[c] = winAnsi(byte(c))
	}
	named := f.builtIn(font, dict) || e.kind == pdfName || e.get("BaseEncoding").kind == pdfName
	if e.is(pdfName, "MacRomanEncoding") || f.resolve(e.get("BaseEncoding")).is(pdfName, "MacRomanEncoding") {
		for i, c := range []rune(macRoman) {
			font.simple[0x80+i] = c
		}
	}
	code, unknown := 0, false
	for _, v := range f.all(e.get("Differences")) {
		switch v = f.resolve(v); v.kind {
		case pdfNumber:
			code = int(v.num)
		case pdfName:
			if code >= 0 && code < 256 {
				font.simple[code] = glyph(string(v.bytes))
				unknown = unknown || font.simple[code] == 0
			}
			code++
		}
	}
	mapped := len(font.unicode)+len(font.ranges) > 0
	drawn := dict.get("Subtype").is(pdfName, "Type3")
	font.guessed = !mapped && (drawn && unknown || !named && f.symbolic(dict) && len(f.all(e.get("Differences"))) == 0)
}

// builtIn takes the encoding that a Type 1 font brings along: its program
// starts in clear text, with "dup 65 /A put" for each code.
func (f *pdfFile) builtIn(font *pdfFont, dict pdfValue) bool {
	o, ok := f.object(f.resolve(dict.get("FontDescriptor")).get("FontFile"))
	if !ok || !o.data {
		return false
	}
	program := f.decode(o)
	n := bytes.Index(program, []byte("/Encoding"))
	if n < 0 {
		return false
	}
	room := 4096
	l := &pdfLexer{r: &reading{why: make(map[string]bool)}, b: program[n+len("/Encoding"):], room: &room}
	for v := l.value(0); !l.end && !v.is(pdfWord, "def"); v = l.value(0) {
		if !v.is(pdfWord, "dup") {
			continue
		}
		code, name := l.value(0), l.value(0)
		if code.kind == pdfNumber && code.num >= 0 && code.num < 256 && name.kind == pdfName {
			font.simple[int(code.num)] = glyph(string(name.bytes))
		}
	}
	return true
}

// symbolic fonts that are embedded have codes of their own.
func (f *pdfFile) symbolic(dict pdfValue) bool {
	d := f.resolve(dict.get("FontDescriptor"))
	flags := int(f.resolve(d.get("Flags")).num)
	embedded := d.get("FontFile").kind != pdfNothing || d.get("FontFile2").kind != pdfNothing || d.get("FontFile3").kind != pdfNothing
	return embedded && flags&4 != 0
}

// macRoman is the upper half of that encoding.
const macRoman = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u00a0ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\uf8ffÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ"

// unicodeMap reads a ToUnicode map (ISO 32000-2, 9.10.3): the operands of
// bfchar and bfrange are all that matters in it.
func (f *pdfFile) unicodeMap(font *pdfFont, data []byte) {
	room := pdfValues
	l := &pdfLexer{r: f.r, b: data, room: &room}
	var list []pdfValue
	for {
		v := l.value(0)
		switch {
		case l.end:
			return
		case v.is(pdfWord, "beginbfchar"), v.is(pdfWord, "beginbfrange"):
			list = list[:0]
		case v.is(pdfWord, "endbfchar"):
			for i := 0; i+1 < len(list); i += 2 {
				font.unicode[code(list[i].bytes)] = string(utf16Text(list[i+1].bytes))
			}
		case v.is(pdfWord, "endbfrange"):
			unicodeRanges(font, list)
		default:
			list = append(list, v)
		}
	}
}

func unicodeRanges(font *pdfFont, list []pdfValue) {
	for i := 0; i+2 < len(list); i += 3 {
		low, high := code(list[i].bytes), code(list[i+1].bytes)
		if list[i+2].kind == pdfArray {
			for j, v := range list[i+2].list {
				font.unicode[low+uint32(j)] = string(utf16Text(v.bytes))
			}
			continue
		}
		if high >= low {
			font.ranges = append(font.ranges, pdfRange{low, high, list[i+2].bytes})
		}
	}
	slices.SortStableFunc(font.ranges, func(a, b pdfRange) int { return cmp.Compare(a.low, b.low) })
}

func code(b []byte) uint32 {
	n := uint32(0)
	for _, c := range b {
		n = n<<8 | uint32(c)
	}
	return n
}

func utf16Text(b []byte) []byte {
	text, _ := wide(b, binary.BigEndian)
	return text
}

// append writes the text of a code in a range: the range's own, with the
// distance from its first code added to the last unit.
func (t pdfRange) append(out []byte, c uint32) []byte {
	b := t.text
	if len(b) < 2 {
		return out
	}
	unit := uint32(b[len(b)-2])<<8 + uint32(b[len(b)-1]) + c - t.low
	if len(b) == 2 {
		return utf8.AppendRune(out, rune(unit&0xffff))
	}
	b = bytes.Clone(b)
	b[len(b)-2], b[len(b)-1] = byte(unit>>8), byte(unit)
	return append(out, utf16Text(b)...)
}

// append writes the text of one code; known is false where nothing says what
// it means.
func (t *pdfFont) append(out []byte, c uint32) (text []byte, known bool) {
	if s, ok := t.unicode[c]; ok && s != "" {
		return append(out, s...), true
	}
	after := sort.Search(len(t.ranges), func(i int) bool { return t.ranges[i].low > c })
	if after > 0 && c <= t.ranges[after-1].high {
		return t.ranges[after-1].append(out, c), true
	}
	switch {
	case t.utf16:
		return utf8.AppendRune(out, rune(c)), true
	case t.size == 1 && t.simple[c&255] != 0:
		return utf8.AppendRune(out, t.simple[c&255]), !t.guessed
	}
	return out, c == 0
}

func (t *pdfFont) widthOf(c uint32) float64 {
	if w, ok := t.widths[int(c)]; ok {
		return w
	}
	return t.width
}
