package document

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"
)

// zipped makes an archive of names and contents by turns.
func zipped(t testing.TB, members ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(members); i += 2 {
		m, err := w.Create(members[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const wordHead = `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`

func docx(t testing.TB, body string, more ...string) []byte {
	t.Helper()
	return zipped(t, append([]string{"[Content_Types].xml", `<Types/>`, "word/document.xml", wordHead + body + `</w:body></w:document>`}, more...)...)
}

func xlsx(t testing.TB, rows string, more ...string) []byte {
	t.Helper()
	return zipped(t, append([]string{"[Content_Types].xml", `<Types/>`, "xl/worksheets/sheet1.xml", `<worksheet><sheetData>` + rows + `</sheetData></worksheet>`}, more...)...)
}

// has fails where the text lacks one of the wanted pieces.
func has(t *testing.T, text []byte, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(string(text), w) {
			t.Errorf("%q is not in %q", w, text)
		}
	}
}

func clean(t *testing.T, b []byte) []byte {
	t.Helper()
	text, unread := Read(b, DefaultLimits)
	if unread != "" {
		t.Errorf("unread: %s", unread)
	}
	return text
}

func TestWordTextIsWhole(t *testing.T) {
	text := clean(t, docx(t, `
		<w:p><w:r><w:t>Card 5105 10</w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>51 0510 5100</w:t></w:r></w:p>
		<w:p><w:r><w:t>A &amp; B</w:t><w:tab/><w:t>caf&#233;</w:t></w:r></w:p>
		<w:p><w:del><w:r><w:delText>struck out</w:delText></w:r></w:del><w:r><w:instrText>HYPERLINK mailto</w:instrText></w:r></w:p>
		<wp:docPr id="1" descr="a badge"/><wp:posOffset>123456789</wp:posOffset>
		<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Name</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Birth, date</w:t></w:r></w:p></w:tc></w:tr>
		<w:tr><w:tc><w:p><w:r><w:t>Ada</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>1990-02-03</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`,
		"word/header1.xml", `<w:hdr xmlns:w="w"><w:p><w:r><w:t>In the header</w:t></w:r></w:p></w:hdr>`,
		"word/footnotes.xml", `<w:footnotes><w:footnote><w:p><w:r><w:t>In a note</w:t></w:r></w:p></w:footnote></w:footnotes>`,
		"word/comments.xml", `<w:comments><w:comment w:author="Eve Moss"><w:p><w:r><w:t>In a comment</w:t></w:r></w:p></w:comment></w:comments>`,
		"word/_rels/document.xml.rels", `<Relationships><Relationship Target="mailto:ada@example.org" TargetMode="External"/><Relationship Target="styles.xml"/></Relationships>`,
		"docProps/core.xml", `<cp:coreProperties><dc:creator>Bo Reed</dc:creator></cp:coreProperties>`,
		"docProps/custom.xml", `<Properties><property fmtid="{D5}" pid="2" name="Patient"><vt:lpwstr>Cy Hall</vt:lpwstr></property></Properties>`,
		"customXml/item1.xml", `<case><ssn>524-71-8836</ssn><owner mail="bo@example.org"/></case>`,
	))
	has(t, text, "Card 5105 1051 0510 5100\n", "A & B\tcafé", "struck out", "HYPERLINK mailto", "a badge", "Name,\"Birth, date\"\nAda,1990-02-03\n",
		"In the header", "In a note", "In a comment", "Eve Moss", "mailto:ada@example.org", "creator: Bo Reed", "Patient: Cy Hall", "ssn: 524-71-8836", "mail: bo@example.org")
	for _, w := range []string{"123456789", "styles.xml"} {
		if bytes.Contains(text, []byte(w)) {
			t.Errorf("%q is in %q", w, text)
		}
	}
}

func TestSheetsKeepTheirColumns(t *testing.T) {
	text := clean(t, xlsx(t, `
		<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="inlineStr"><is><t>Card</t></is></c></row>
		<row r="2"><c r="A2" t="str"><f>CONCATENATE("Ada"," Orr")</f><v>Ada Orr</v></c><c r="B2" s="1"><v>32874</v></c><c r="D2"><v>5.1051051051051E+15</v></c></row>
		<row r="3"><c r="A3" t="b"><v>1</v></c><c r="B3" s="2"><v>61</v></c><c r="C3" s="0"><v>12.5</v></c></row>`,
		"xl/sharedStrings.xml", `<sst><si><t>Name</t></si><si><r><t>Date of </t></r><r><t>birth</t></r><rPh><t>reading</t></rPh></si><si><t>nobody shows this</t></si></sst>`,
		"xl/styles.xml", `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-409]d\ mmm"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>`,
		"xl/comments1.xml", `<comments><commentList><comment><text><r><t>a remark</t></r></text></comment></commentList></comments>`,
		"xl/workbook.xml", `<workbook><sheets><sheet name="x"/></sheets></workbook>`,
	))
	has(t, text, "Name,Date of birth,,Card\nAda Orr,1990-01-01,,5105105105105100\n1,1900-03-01,12.5\n", "nobody shows this", "reading", "a remark", `CONCATENATE("Ada"`)
}

func TestSlidesAndOpenDocument(t *testing.T) {
	slide := zipped(t, "[Content_Types].xml", `<Types/>`, "ppt/slides/slide1.xml", `<p:sld><a:p><a:r><a:t>On a </a:t></a:r><a:r><a:t>slide</a:t></a:r></a:p><a:p/></p:sld>`,
		"ppt/notesSlides/notesSlide1.xml", `<p:notes><a:p><a:r><a:t>said aloud</a:t></a:r></a:p></p:notes>`, "docProps/thumbnail.jpeg", "\xff\xd8\xff\xe0")
	has(t, clean(t, slide), "On a slide\n", "said aloud")
	odt := zipped(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", `<office:document-content><office:text><text:p>One<text:s/>two <text:span>th</text:span>ree</text:p>
		<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell><text:p>b "c"</text:p></table:table-cell></table:table-row></table:table></office:text></office:document-content>`,
		"meta.xml", `<office:document-meta><dc:creator>Di Fox</dc:creator></office:document-meta>`)
	has(t, clean(t, odt), "One two three\n", "a,\"b \"\"c\"\"\"\n", "creator: Di Fox")
}

func TestWhatIsNotRead(t *testing.T) {
	locked := docx(t, "")
	for i := range len(locked) - 8 { // the flag of encryption, in the local header and in the directory
		if string(locked[i:i+4]) == "PK\x03\x04" {
			locked[i+6] |= 1
		}
		if string(locked[i:i+4]) == "PK\x01\x02" {
			locked[i+8] |= 1
		}
	}
	package2 := []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 64) + "E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00")
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"picture in a text":            {docx(t, "", "word/media/image1.png", "\x89PNG\r\n\x1a\n"), Image},
		"macros":                       {docx(t, "", "word/vbaProject.bin", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), UnknownContent},
		"unknown bytes":                {docx(t, "", "word/x.bin", "\x00\x01\x02\xff"), UnknownContent},
		"member encrypted":             {locked, Encrypted},
		"office encrypted":             {package2, Encrypted},
		"office of before 2007":        {[]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 WordDocument"), UnknownFormat},
		"OpenDocument encrypted":       {zipped(t, "mimetype", "x", "META-INF/manifest.xml", `<m:manifest><m:encryption-data/></m:manifest>`), Encrypted},
		"archive":                      {zipped(t, "a.txt", "text"), Archive},
		"gzip":                         {[]byte("\x1f\x8b\x08\x00"), Archive},
		"png called text":              {[]byte("\x89PNG\r\n\x1a\nIHDR"), Image},
		"jpeg":                         {[]byte("\xff\xd8\xff\xe0\x00\x10JFIF"), Image},
		"webp":                         {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 \x00"), Image},
		"wave":                         {[]byte("RIFF\x00\x00\x00\x00WAVEfmt \x00"), Audio},
		"mp3":                          {[]byte("ID3\x04\x00\x00\xff"), Audio},
		"mp4":                          {[]byte("\x00\x00\x00\x18ftypisom\x00\x00"), Video},
		"heic":                         {[]byte("\x00\x00\x00\x18ftypheic\x00\x00"), Image},
		"bytes":                        {[]byte("\x00\x01\x02"), UnknownFormat},
		"text of another code page":    {[]byte("caf\xe9 524-71-8836"), UnknownFormat},
		"an entity of its own":         {docx(t, `<w:p><w:r><w:t>&lol;</w:t></w:r></w:p>`), MalformedDocument},
		"part cut short":               {docx(t, "", "word/header1.xml", `<w:hdr><w:p>`), MalformedDocument},
		"part in another encoding":     {docx(t, "", "word/header1.xml", `<?xml version="1.0" encoding="ISO-2022-JP"?><w:hdr/>`), UnknownContent},
		"zip cut short":                {docx(t, "")[:100], MalformedDocument},
		"string that there is not":     {xlsx(t, `<row><c t="s"><v>7</v></c></row>`), MalformedDocument},
		"pdf and zip at the same time": {append([]byte("%PDF-1.7\n"), docx(t, "")...), MalformedDocument},
	} {
		if _, unread := Read(c.file, DefaultLimits); unread != c.want {
			t.Errorf("%s: %q, want %q", name, unread, c.want)
		}
	}
}

func TestPartialTextStandsBesideTheReason(t *testing.T) {
	text, unread := Read([]byte("caf\xe9 \x80 524-71-8836"), DefaultLimits)
	if string(text) != "café € 524-71-8836" || unread != UnknownFormat {
		t.Errorf("%q %s", text, unread)
	}
	text, unread = Read(docx(t, `<w:p><w:r><w:t>seen</w:t></w:r></w:p>`, "word/media/a.gif", "GIF89a\x01\x00"), DefaultLimits)
	if !bytes.Contains(text, []byte("seen")) || unread != Image {
		t.Errorf("%q %s", text, unread)
	}
}

// TestAPartMayHaveAnyName: its type is declared elsewhere, and what it is counts.
func TestAPartMayHaveAnyName(t *testing.T) {
	body := wordHead + `<w:p><w:r><w:t>5105 10</w:t></w:r><w:r><w:t>51 0510 5100</w:t></w:r></w:p></w:body></w:document>`
	for _, name := range []string{"word/document.dat", "word/DOCUMENT.XML", "x"} {
		has(t, clean(t, zipped(t, "[Content_Types].xml", "<Types/>", name, body)), "5105 1051 0510 5100\n")
	}
}

func TestDocumentsInDocuments(t *testing.T) {
	inner := xlsx(t, `<row><c t="str"><v>deep inside</v></c></row>`)
	has(t, clean(t, docx(t, "", "word/embeddings/Book.xlsx", string(inner), "word/embeddings/readme.txt", "a plain note")), "deep inside", "a plain note")
	nested := docx(t, `<w:p><w:r><w:t>innermost</w:t></w:r></w:p>`)
	for range filesInFiles + 1 {
		nested = docx(t, "", "word/embeddings/d.docx", string(nested))
	}
	if text, unread := Read(nested, DefaultLimits); unread != UnknownContent || bytes.Contains(text, []byte("innermost")) {
		t.Errorf("%q %q", text, unread)
	}
}

func TestPlainText(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"empty":               {"", ""},
		"csv":                 {"name,card\nAda,5105105105105100\n", "name,card\nAda,5105105105105100\n"},
		"mark of UTF-8":       {"\xef\xbb\xbfhé", "hé"},
		"UTF-16 little":       {"\xff\xfeh\x00\xe9\x00=\xd8\x00\xde", "hé😀"},
		"UTF-16 big":          {"\xfe\xff\x00h\x00\xe9", "hé"},
		"begins like a magic": {"ID3 is not always music", "ID3 is not always music"},
		"markdown":            {"# Title\n<b>x</b>", "# Title\n<b>x</b>"},
	} {
		if text := clean(t, []byte(c.file)); string(text) != c.want {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

func TestPages(t *testing.T) {
	text := clean(t, []byte(`<!doctype html><html><head><title>T</title><script>var key = "s3cret&amp;";</script></head><body>
		<p>Card <b>5105</b>1051<i>0510</i>5100 &#53;&eacute;</p><p>next</p><!-- hidden remark --><img alt="a badge" title="tip"><a href="mailto:ada@example.org">write</a>
		<input value="524-71-8836" name="ssn"><table><tr><th>Name</th><th>Born</th></tr><tr><td>Ada</td><td>3 Feb, 1990</td></tr></table></body></html>`))
	has(t, text, "Card 5105105105105100 5é\nnext", `var key = "s3cret&amp;";`, "hidden remark", "alt: a badge", "title: tip", "mailto:ada@example.org", "value: 524-71-8836", "Name,Born\nAda,\"3 Feb, 1990\"\n")
}

func TestRichText(t *testing.T) {
	text := clean(t, []byte(`{\rtf1\ansi\ansicpg1252{\fonttbl\f0 Arial;}\f0\fs24 Card 5105\b 1051\b0 05105100\par caf\'e9 \u8364?\uc0\u55357\u56832 \{x\}\tab y}`))
	has(t, text, "Card 5105105105105100\ncafé €😀{x}\ty")
	for file, want := range map[string]string{`{\rtf1 a{\pict 00ff}}`: Image, `{\rtf1 a{\objdata 00}}`: UnknownContent, `{\rtf1 a`: MalformedDocument, `{\rtf1\bin5 abcdef}`: UnknownContent, `{\rtf1\ansicpg932 x}`: UnknownContent} {
		if _, unread := Read([]byte(file), DefaultLimits); unread != want {
			t.Errorf("%s: %q, want %q", file, unread, want)
		}
	}
}

func TestReasonsAreInOrder(t *testing.T) {
	r := &reading{why: map[string]bool{Image: true, Encrypted: true}}
	if r.reason() != Encrypted || len(slices.Compact(slices.Sorted(slices.Values(reasons[:])))) != len(reasons) {
		t.Errorf("%s of %v", r.reason(), reasons)
	}
}
