package document

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestABombIsNotUnpacked(t *testing.T) {
	limits := DefaultLimits
	limits.Unpacked = 4 << 20 // the proportions are the same, the test is quicker
	zeros := strings.Repeat(" ", 5<<20)
	for name, file := range map[string][]byte{
		"docx":           docx(t, "", "word/header1.xml", "<w:hdr>"+zeros+"</w:hdr>"),
		"many small":     docx(t, "", manyParts(t)...),
		"pdf":            onePagePDF(stream("/Filter/FlateDecode", deflated(zeros)), helvetica),
		"pdf, chained":   onePagePDF(stream("/Filter[/FlateDecode/FlateDecode]", deflated(deflated(zeros))), helvetica),
		"pdf, runs":      onePagePDF(stream("/Filter[/FlateDecode/RunLengthDecode]", deflated(strings.Repeat("\x81 ", 1<<16))), helvetica),
		"shared strings": xlsx(t, strings.Repeat(`<row><c t="s"><v>0</v></c></row>`, 400), "xl/sharedStrings.xml", "<sst><si><t>"+strings.Repeat("x", 1<<15)+"</t></si></sst>"),
	} {
		text, unread := Read(file, limits)
		if unread != TooLarge || len(text) > 2*limits.Unpacked {
			t.Errorf("%s: %d bytes, unread %q", name, len(text), unread)
		}
	}
}

func manyParts(t *testing.T) []string {
	t.Helper()
	part := "<w:hdr>" + strings.Repeat(" ", 1<<17) + "</w:hdr>"
	var parts []string
	for i := range 40 {
		parts = append(parts, fmt.Sprintf("word/header%d.xml", i), part)
	}
	return parts
}

func TestTheRatioIsBoundBeyondAMegabyte(t *testing.T) {
	body := strings.Repeat("<w:p><w:r><w:t>aaaaaaaaaaaaaaaa</w:t></w:r></w:p>", 1<<20/49)
	if _, unread := Read(docx(t, body[:1<<19/49*49]), DefaultLimits); unread != "" {
		t.Errorf("half a megabyte: %q", unread)
	}
	if _, unread := Read(docx(t, strings.Repeat(body, 3)), DefaultLimits); unread != TooLarge {
		t.Errorf("three megabytes from %d bytes: %q", len(docx(t, strings.Repeat(body, 3))), unread)
	}
}

func TestLimits(t *testing.T) {
	parts := make([]string, 0, 4002)
	for i := range 2001 {
		parts = append(parts, fmt.Sprintf("word/header%d.xml", i), "<w:hdr/>")
	}
	for name, file := range map[string][]byte{
		"bytes":   bytes.Repeat([]byte("a"), DefaultLimits.Input+1),
		"entries": docx(t, "", parts...),
		"depth":   docx(t, strings.Repeat("<w:p>", 300)+strings.Repeat("</w:p>", 300)),
		"arrays":  onePagePDF(stream("", "BT /F1 10 Tf "+strings.Repeat("[", 100_000)), helvetica),
		"values":  onePagePDF(stream("", shown), helvetica, "["+strings.Repeat("1 ", pdfValues+10)+"]"),
	} {
		if text, unread := Read(file, DefaultLimits); unread != TooLarge {
			t.Errorf("%s: %d bytes, unread %q", name, len(text), unread)
		}
	}
}

func TestEntitiesOfEntitiesAreNotExpanded(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><w:document><w:p><w:r><w:t>&b;&b;</w:t></w:r></w:p></w:document>`
	text, unread := Read(zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", bomb), DefaultLimits)
	if unread != MalformedDocument || len(text) > len(bomb) {
		t.Errorf("%q, unread %q", text, unread)
	}
}

func TestATwoThousandPagePDF(t *testing.T) {
	objects := []string{catalogue, "<</Type/Pages/Kids[]/Count 2000/Resources<</Font<</F1 3 0 R>>>>>>", helvetica}
	for i := range 2000 {
		objects = append(objects, fmt.Sprintf("<</Type/Page/Parent 2 0 R/Contents %d 0 R>>", len(objects)+2), stream("", fmt.Sprintf("BT /F1 10 Tf (page %d.) Tj ET", i+1)))
	}
	text, unread := Read(pdfOf("", objects...), DefaultLimits)
	if unread != TooLarge {
		t.Errorf("unread %q", unread)
	}
	has(t, text, "page 1.\n", "page 1000.\n")
	if bytes.Contains(text, []byte("page 1001.")) {
		t.Error("more pages were read than the limit")
	}
}

// TestTheSamePageAgainAndAgain: pages that share one long stream are unpacked
// no more than the limit.
func TestTheSamePageAgainAndAgain(t *testing.T) {
	long := stream("/Filter/FlateDecode", deflated(strings.Repeat("BT /F1 9 Tf (x) Tj ET ", 20_000)))
	objects := []string{catalogue, "<</Type/Pages/Resources<</Font<</F1 3 0 R>>>>>>", helvetica, long}
	for range 500 {
		objects = append(objects, "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>")
	}
	if _, unread := Read(pdfOf("", objects...), DefaultLimits); unread != TooLarge {
		t.Errorf("unread %q", unread)
	}
}

func samples(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"docx":           docx(t, strings.Repeat(`<w:p><w:r><w:t>Card 5105105105105100 &amp; more</w:t></w:r></w:p>`, 8), "docProps/core.xml", `<coreProperties><creator>Bo</creator></coreProperties>`),
		"xlsx":           xlsx(t, `<row><c r="A1" t="s"><v>0</v></c><c r="B1"><v>5</v></c></row>`, "xl/sharedStrings.xml", `<sst><si><t>Name</t></si></sst>`, "xl/styles.xml", `<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>`),
		"odt":            zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", `<office:document-content><text:p>One</text:p></office:document-content>`),
		"html":           []byte("<!doctype html><table><tr><td>a<td>b</table><p title=x>text &amp; more</p>"),
		"rtf":            []byte(`{\rtf1\ansi caf\'e9 \u8364?text\par}`),
		"pdf":            onePagePDF(stream("/Filter/FlateDecode", deflated(shown)), composite(6), stream("", unicodeMap), "<</T(ssn)/V(524-71-8836)>>"),
		"pdf in streams": packedPDF(),
		"lzw":            onePagePDF(stream("/Filter/LZWDecode", string(lzwLiterals(shown))), helvetica),
		"utf-16":         []byte("\xff\xfeh\x00\xe9\x00"),
		"text":           []byte("plain text, 524-71-8836"),
		"png":            []byte("\x89PNG\r\n\x1a\n"),
		"ole":            []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
	}
}

// TestAFileCutShortIsNeverClean: whatever is left of a container is the same
// text or comes with a reason.
func TestAFileCutShortIsNeverClean(t *testing.T) {
	for name, file := range samples(t) {
		if name == "text" || name == "html" || name == "utf-16" || name == "png" {
			continue // whatever is left of these is a file of its own
		}
		whole, _ := Read(file, DefaultLimits)
		for n := 8; n < len(file); n += 64 {
			if text, unread := Read(file[:n], DefaultLimits); unread == "" && !bytes.Equal(text, whole) {
				t.Errorf("%s cut at %d is clean: %q", name, n, text)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, file := range samples(f) {
		f.Add(file)
	}
	known := make(map[string]bool)
	for _, why := range reasons {
		known[why] = true
	}
	small := Limits{Input: 1 << 20, Unpacked: 1 << 20, Ratio: 50, Entries: 20, Pages: 20, Depth: 32}
	f.Fuzz(func(t *testing.T, b []byte) {
		text, unread := Read(b, small)
		if !utf8.Valid(text) {
			t.Fatal("the text is not UTF-8")
		}
		if unread != "" && !known[unread] {
			t.Fatalf("the reason is %q", unread)
		}
		if len(text) > 2*small.Unpacked+len(b) {
			t.Fatalf("%d bytes of text from %d", len(text), len(b))
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for name, file := range samples(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				Read(file, DefaultLimits)
			}
		})
	}
}
