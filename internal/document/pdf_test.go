package document

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"
)

// pdfOf writes objects, numbered from 1, with a table of them; the first is
// the catalogue.
func pdfOf(trailer string, objects ...string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	starts := make([]int, len(objects))
	for i, o := range objects {
		starts[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, s := range starts {
		fmt.Fprintf(&out, "%010d 00000 n \n", s)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, table)
	return out.Bytes()
}

func stream(dict, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dict, len(data), data)
}

func deflated(data string) string {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return out.String()
}

const (
	catalogue = "<</Type/Catalog/Pages 2 0 R>>"
	pageTree  = "<</Type/Pages/Kids[3 0 R]/Count 1/Resources<</Font<</F1 5 0 R>>>>>>"
	onePage   = "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>"
	helvetica = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
)

// onePagePDF shows a content stream in a font, with more objects from 6 on.
func onePagePDF(content, font string, more ...string) []byte {
	return pdfOf("", append([]string{catalogue, pageTree, onePage, content, font}, more...)...)
}

const shown = "BT /F1 10 Tf 72 700 Td (Card 5105105105105100) Tj ET"

func TestPDFTextIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"plain":       {onePagePDF(stream("", shown), helvetica), "Card 5105105105105100\n"},
		"flate":       {onePagePDF(stream("/Filter/FlateDecode", deflated(shown)), helvetica), "Card 5105105105105100\n"},
		"hexadecimal": {onePagePDF(stream("/Filter[/AHx]", fmt.Sprintf("%x>", shown)), helvetica), "Card 5105105105105100\n"},
		"chained":     {onePagePDF(stream("/Filter[/ASCIIHexDecode/FlateDecode]", fmt.Sprintf("%x>", deflated(shown))), helvetica), "Card 5105105105105100\n"},
		"run length":  {onePagePDF(stream("/Filter/RunLengthDecode", "\x05BT /F1\x06 10 Tf \x0272 \x12700 Td (Card 51) Tj\xfd \x02 ET\x80"), helvetica), "Card 51\n"},
		"lzw":         {onePagePDF(stream("/Filter/LZWDecode", string(lzwLiterals(shown))), helvetica), "Card 5105105105105100\n"},
		"ascii85":     {onePagePDF(stream("/Filter/ASCII85Decode", string(encode85(shown))), helvetica), "Card 5105105105105100\n"},
		"in pieces":   {onePagePDF(stream("", "BT /F1 10 Tf 72 700 Td [(51) -20 (05) 30 (10)] TJ ET"), helvetica), "510510\n"},
		"in words":    {onePagePDF(stream("", "BT /F1 10 Tf 72 700 Td [(Ada) -400 (Orr)] TJ ET"), helvetica), "Ada Orr\n"},
		"in lines":    {onePagePDF(stream("", "BT /F1 10 Tf 12 TL 72 700 Td (one) Tj T* (two) Tj (three) ' 1 2 (four) \" ET"), helvetica), "one\ntwo\nthree\nfour\n"},
		"in letters":  {onePagePDF(stream("", "BT /F1 10 Tf 1 0 0 1 72 700 Tm (5) Tj 1 0 0 1 77 700 Tm (1) Tj 1 0 0 1 82 700 Tm (0) Tj ET"), helvetica), "510\n"},
		"in columns":  {onePagePDF(stream("", "BT /F1 10 Tf 72 700 Td (5105) Tj 100 0 Td (1051) Tj -150 0 Td (left) Tj ET"), helvetica), "5105\t1051\nleft\n"},
		"moved pages": {onePagePDF(stream("", "q 1 0 0 1 0 700 cm BT /F1 10 Tf (one) Tj ET Q q 1 0 0 1 0 600 cm BT /F1 10 Tf (two) Tj ET Q"), helvetica), "one\ntwo\n"},
		"rotated":     {onePagePDF(stream("", "BT /F1 10 Tf 0 1 -1 0 72 700 Tm (up) Tj 0 1 -1 0 72 710 Tm (ward) Tj ET"), helvetica), "upward\n"},
		"escapes": {onePagePDF(stream("", `BT /F1 10 Tf (a\(b\)\\ \101\
c (nested) \351) Tj <4142 4> Tj ET`), helvetica), "a(b)\\ Ac (nested) éAB@\n"},
		"stands for":   {onePagePDF(stream("", "BT /F1 10 Tf /Span<</ActualText<FEFF0066006600660066>>>BDC (xy) Tj EMC ( z) Tj ET"), helvetica), "ffff z\nxy\n"},
		"two streams":  {pdfOf("", catalogue, pageTree, "<</Type/Page/Parent 2 0 R/Contents[4 0 R 6 0 R]>>", stream("", "BT /F1 10 Tf (one) Tj"), helvetica, stream("", "(two) Tj ET")), "onetwo\n"},
		"form":         {onePagePDF(stream("", "/X Do"), helvetica, stream("/Type/XObject/Subtype/Form/Resources<</Font<</F1 5 0 R>>>>", "BT /F1 9 Tf (in a form) Tj ET")), "in a form\n"},
		"field":        {onePagePDF(stream("", shown), helvetica, "<</FT/Tx/T(ssn)/V(524-71-8836)>>"), "ssn: 524-71-8836\n"},
		"annotation":   {onePagePDF(stream("", shown), helvetica, "<</Type/Annot/Contents(\xfe\xff\x00a\x00 \x20\xac)/A<</URI(mailto:a@example.org)>>>>"), "a €\nmailto:a@example.org\n"},
		"script":       {onePagePDF(stream("", shown), helvetica, "<</S/JavaScript/JS 7 0 R>>", stream("", "app.alert('hi')")), "app.alert('hi')\n"},
		"metadata":     {onePagePDF(stream("", shown), helvetica, stream("/Type/Metadata/Subtype/XML", "<x:xmpmeta><dc:creator>Bo Reed</dc:creator></x:xmpmeta>")), "creator: Bo Reed\n"},
		"attachment":   {onePagePDF(stream("", shown), helvetica, stream("/Type/EmbeddedFile", "name,card\nAda,1\n")), "name,card\nAda,1\n"},
		"differences":  {onePagePDF(stream("", "BT /F1 10 Tf <0102030405> Tj ET"), "<</Type/Font/Subtype/Type1/Encoding<</Differences[1/five/one/eacute/uni20AC/zero.taboldstyle]>>>>"), "51é€0\n"},
		"unicode map":  {onePagePDF(stream("", "BT /F1 10 Tf <000100020003000a000b0100> Tj ET"), composite(6), stream("", unicodeMap)), "51xyABǩ\n"},
		"of utf-16":    {onePagePDF(stream("", "BT /F1 10 Tf <00350031> Tj ET"), "<</Type/Font/Subtype/Type0/Encoding/UniJIS-UTF16-H/DescendantFonts[<<>>]>>"), "51\n"},
		"own encoding": {onePagePDF(stream("", "BT /F1 10 Tf <0102> Tj ET"), "<</Type/Font/Subtype/Type1/FontDescriptor<</Flags 4/FontFile 6 0 R>>>>", stream("", "%!PS\n/Encoding 256 array\ndup 1/five put\ndup 2/one put\nreadonly def")), "51\n"},
		"mac":          {onePagePDF(stream("", "BT /F1 10 Tf (caf\x8e) Tj ET"), "<</Type/Font/Subtype/TrueType/Encoding/MacRomanEncoding>>"), "café\n"},
	} {
		text, unread := Read(c.file, DefaultLimits)
		if !strings.Contains(string(text), c.want) || unread != "" {
			t.Errorf("%s: %q lacks %q; unread %q", name, text, c.want, unread)
		}
	}
}

func composite(toUnicode int) string {
	return fmt.Sprintf("<</Type/Font/Subtype/Type0/Encoding/Identity-H/ToUnicode %d 0 R/DescendantFonts[<</DW 500/W[1[500 500]3 10 500]>>]>>", toUnicode)
}

const unicodeMap = `/CIDInit/ProcSet findresource begin 1 begincodespacerange <0000><ffff> endcodespacerange
2 beginbfchar <0001><0035> <0002><0031> endbfchar
3 beginbfrange <0003><0003>[<00780079>] <000a><000b><0041> <0010><1fff><00f9> endbfrange`

// lzwLiterals encodes without a table: it is cleared before it could grow.
func lzwLiterals(text string) []byte {
	var out []byte
	bits, have := 0, 0
	put := func(code int) {
		bits, have = bits<<9|code, have+9
		for have >= 8 {
			out = append(out, byte(bits>>(have-8)))
			have -= 8
			bits &= 1<<have - 1
		}
	}
	for i, c := range []byte(text) {
		if i%100 == 0 {
			put(256)
		}
		put(int(c))
	}
	put(257)
	put(0)
	return out
}

func encode85(text string) []byte {
	var out []byte
	for b := []byte(text); len(b) > 0; {
		n := min(4, len(b))
		group := uint32(0)
		for i := range 4 {
			group <<= 8
			if i < n {
				group |= uint32(b[i])
			}
		}
		digits := [5]byte{}
		for i := 4; i >= 0; i-- {
			digits[i] = byte(group%85) + '!'
			group /= 85
		}
		out = append(out, digits[:n+1]...)
		b = b[n:]
	}
	return append(out, "~>"...)
}

// packedPDF keeps its objects in a stream, and the table of them in another.
func packedPDF() []byte {
	objects := []string{catalogue, pageTree, onePage, helvetica}
	numbers := []int{1, 2, 3, 5}
	head, body := "", ""
	for i, o := range objects {
		head += fmt.Sprintf("%d %d ", numbers[i], len(body))
		body += o + " "
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	four := out.Len()
	fmt.Fprintf(&out, "4 0 obj\n%s\nendobj\n", stream("/Filter/FlateDecode", deflated(shown)))
	six := out.Len()
	fmt.Fprintf(&out, "6 0 obj\n%s\nendobj\n", stream(fmt.Sprintf("/Type/ObjStm/N 4/First %d/Filter/FlateDecode", len(head)), deflated(head+body)))
	seven := out.Len()
	row := func(kind, offset, index int) string {
		return string([]byte{2, byte(kind), byte(offset >> 8), byte(offset), byte(index)}) // predictor: as above
	}
	table := [][3]int{{0, 0, 0}, {2, 6, 0}, {2, 6, 1}, {2, 6, 2}, {1, four, 0}, {2, 6, 3}, {1, six, 0}, {1, seven, 0}}
	rows, above := "", []byte{0, 0, 0, 0}
	for _, e := range table {
		r := []byte(row(e[0], e[1], e[2]))
		for i := range above {
			above[i], r[1+i] = r[1+i], r[1+i]-above[i]
		}
		rows += string(r)
	}
	fmt.Fprintf(&out, "7 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", stream("/Type/XRef/Size 8/W[1 2 1]/Root 1 0 R/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 4>>", deflated(rows)), seven)
	return out.Bytes()
}

func TestPDFObjectsInStreams(t *testing.T) {
	has(t, clean(t, packedPDF()), "Card 5105105105105100\n")
}

func TestPDFThatIsNotReadInFull(t *testing.T) {
	good := onePagePDF(stream("", shown), helvetica)
	hiding := bytes.Replace(good, []byte("0000000000 65535 f"), []byte("0000000009 00000 n"), 1)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"encrypted":              {pdfOf("/Encrypt 6 0 R", catalogue, pageTree, onePage, stream("", shown), helvetica, "<</Filter/Standard>>"), Encrypted},
		"encrypted in streams":   {bytes.Replace(packedPDF(), []byte("/Type/XRef"), []byte("/Encrypt 9 0 R/Type/XRef"), 1), Encrypted},
		"only a picture":         {onePagePDF(stream("", "/I Do"), helvetica, stream("/Subtype/Image/Filter/DCTDecode", "\xff\xd8")), Image},
		"picture in its text":    {onePagePDF(stream("", "BI /W 1 /H 1 ID \x00\x01 EI "+shown), helvetica), Image},
		"only shapes":            {onePagePDF(stream("", "0 0 m 10 10 l 5 5 l f"), helvetica), UnknownContent},
		"codes without a map":    {onePagePDF(stream("", "BT /F1 10 Tf <00010002> Tj ET"), "<</Type/Font/Subtype/Type0/Encoding/Identity-H/DescendantFonts[<<>>]>>"), UnknownContent},
		"font that is not":       {onePagePDF(stream("", "BT /F9 10 Tf (x) Tj ET"), helvetica), UnknownContent},
		"glyphs without names":   {onePagePDF(stream("", "BT /F1 10 Tf <01> Tj ET"), "<</Type/Font/Subtype/Type3/Encoding<</Differences[1/g17]>>>>"), UnknownContent},
		"unknown filter":         {onePagePDF(stream("/Filter/Brotli", "x"), helvetica), UnknownContent},
		"form of XFA":            {onePagePDF(stream("", shown), helvetica, "<</XFA 4 0 R>>"), UnknownContent},
		"attachment of bytes":    {onePagePDF(stream("", shown), helvetica, stream("/Type/EmbeddedFile", "\x00\x01")), UnknownContent},
		"flate cut short":        {onePagePDF(stream("/Filter/FlateDecode", deflated(strings.Repeat(shown+"\n", 9))[:40]), helvetica), MalformedDocument},
		"stream that is not":     {pdfOf("", catalogue, pageTree, "<</Type/Page/Contents 9 0 R>>"), MalformedDocument},
		"no pages":               {pdfOf("", catalogue), MalformedDocument},
		"no end":                 {good[:len(good)-12], MalformedDocument},
		"table points elsewhere": {hiding, MalformedDocument},
	} {
		if text, unread := Read(c.file, DefaultLimits); unread != c.want {
			t.Errorf("%s: %q, want %q; text %q", name, unread, c.want, text)
		}
	}
}

// TestAnObjectHiddenInAnother: readers go by the table, which may point into a
// stream that the scan has passed over.
func TestAnObjectHiddenInAnother(t *testing.T) {
	hidden := "4 0 obj\n" + stream("", "BT /F1 9 Tf (what readers see) Tj ET") + "\nendobj"
	file := onePagePDF(stream("", shown), helvetica, fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(hidden), hidden))
	table := fmt.Sprintf("%010d 00000 n", bytes.Index(file, []byte("\n4 0 obj"))+1)
	elsewhere := fmt.Sprintf("%010d 00000 n", bytes.LastIndex(file, []byte("4 0 obj")))
	file = bytes.Replace(file, []byte(table), []byte(elsewhere), 1)
	if _, unread := Read(file, DefaultLimits); unread != MalformedDocument {
		t.Errorf("unread %q", unread)
	}
}
