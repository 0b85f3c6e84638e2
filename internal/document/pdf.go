package document

import (
	"bytes"
	"strconv"
)

// pdfFile is a PDF document (ISO 32000-2), read by going through its bytes for
// objects rather than by its table of them: a broken table hides nothing, and
// each byte is looked at once.
type pdfFile struct {
	r       *reading
	b       []byte
	objects map[int]pdfObject
	order   []int       // object numbers as they came
	starts  map[int]int // where objects start, and which
	fonts   map[int]*pdfFont
	inherit map[int]pdfValue // resources of nodes of the page tree
	room    int
	pages   int
}

type pdfObject struct {
	value  pdfValue
	stream []byte
	data   bool // it is a stream
}

func (r *reading) pdf(b []byte) {
	f := &pdfFile{r: r, b: b, objects: make(map[int]pdfObject), starts: make(map[int]int), fonts: make(map[int]*pdfFont), inherit: make(map[int]pdfValue), room: pdfValues}
	tail := b[max(0, len(b)-2048):]
	if !bytes.Contains(tail, []byte("startxref")) || !bytes.Contains(tail, []byte("%%EOF")) {
		r.miss(MalformedDocument)
	}
	f.scan()
	if f.encrypted() {
		r.miss(Encrypted)
		return
	}
	f.objectStreams()
	f.audit()
	f.read()
}

func (f *pdfFile) lexer(b []byte, at int) *pdfLexer {
	return &pdfLexer{r: f.r, b: b, at: at, room: &f.room, refs: true}
}

// scan collects the objects that stand in the file itself.
func (f *pdfFile) scan() {
	for at := 0; at < len(f.b); {
		n := bytes.Index(f.b[at:], []byte("obj"))
		if n < 0 {
			return
		}
		at += n + 3
		number, start, ok := f.header(at - 3)
		if !ok {
			continue
		}
		l := f.lexer(f.b, at)
		o := pdfObject{value: l.value(0)}
		at = max(at, l.at)
		l.space()
		if rest := f.b[min(l.at, len(f.b)):]; o.value.kind == pdfDict && bytes.HasPrefix(rest, []byte("stream")) {
			o.data = true
			o.stream, at = f.stream(o.value, l.at+len("stream"))
		}
		f.starts[start] = number
		f.define(number, o)
	}
}

func (f *pdfFile) define(number int, o pdfObject) {
	if _, again := f.objects[number]; !again {
		f.order = append(f.order, number)
	}
	f.objects[number] = o
}

// header reads backwards the number and generation before "obj".
func (f *pdfFile) header(at int) (number, start int, ok bool) {
	i, generation := f.digitsBefore(at)
	if generation < 0 || i == at {
		return 0, 0, false
	}
	start, number = f.digitsBefore(i)
	return number, start, number >= 0
}

// digitsBefore skips white space and then digits, backwards.
func (f *pdfFile) digitsBefore(at int) (start, n int) {
	end := at
	for end > 0 && end > at-32 && isPDFSpace(f.b[end-1]) {
		end--
	}
	start = end
	for start > 0 && end-start < 10 && f.b[start-1] >= '0' && f.b[start-1] <= '9' {
		start--
	}
	n, err := strconv.Atoi(string(f.b[start:end]))
	if err != nil {
		return at, -1
	}
	return start, n
}

// stream is the bytes of a stream: as long as the dictionary says if "endstream"
// stands there, else up to the next one.
func (f *pdfFile) stream(dict pdfValue, at int) (data []byte, end int) {
	if at < len(f.b) && f.b[at] == '\r' {
		at++
	}
	if at < len(f.b) && f.b[at] == '\n' {
		at++
	}
	if n := dict.get("Length"); n.kind == pdfNumber && n.num >= 0 && f.ends(at, n.num) {
		return f.b[at : at+int(n.num)], at + int(n.num)
	}
	n := bytes.Index(f.b[min(at, len(f.b)):], []byte("endstream"))
	if n < 0 {
		f.r.miss(MalformedDocument)
		return f.b[min(at, len(f.b)):], len(f.b)
	}
	return f.b[at : at+n], at + n
}

func (f *pdfFile) ends(at int, length float64) bool {
	if length > float64(len(f.b)-at) {
		return false
	}
	end := at + int(length)
	return bytes.HasPrefix(bytes.TrimLeft(f.b[end:min(len(f.b), end+16)], "\r\n "), []byte("endstream"))
}

// encrypted looks for a security handler in trailers and their streams.
func (f *pdfFile) encrypted() bool {
	for at := 0; ; {
		n := bytes.Index(f.b[at:], []byte("trailer"))
		if n < 0 {
			break
		}
		l := f.lexer(f.b, at+n+len("trailer"))
		if l.value(0).get("Encrypt").kind != pdfNothing {
			return true
		}
		at = max(at+n+7, l.at)
	}
	for _, o := range f.objects {
		if o.data && o.value.get("Type").is(pdfName, "XRef") && o.value.get("Encrypt").kind != pdfNothing {
			return true
		}
	}
	return false
}

// objectStreams unpacks the objects that are kept in streams. One that stands
// in the file itself too keeps that, which came later or is equal.
func (f *pdfFile) objectStreams() {
	for _, number := range f.order[:len(f.order):len(f.order)] {
		o := f.objects[number]
		if !o.data || !o.value.get("Type").is(pdfName, "ObjStm") {
			continue
		}
		data := f.decode(o)
		n, first := f.resolve(o.value.get("N")), f.resolve(o.value.get("First"))
		if first.num < 0 || first.num > float64(len(data)) {
			f.r.miss(MalformedDocument)
			continue
		}
		f.packed(data, int(max(0, min(n.num, float64(len(data))))), int(first.num))
	}
}

func (f *pdfFile) packed(data []byte, n, first int) {
	head := f.lexer(data[:first], 0)
	for range n {
		number, offset := head.value(0), head.value(0)
		if number.kind != pdfNumber || offset.kind != pdfNumber || offset.num < 0 || number.num < 0 || first+int(min(offset.num, 1<<30)) >= len(data) {
			f.r.miss(MalformedDocument)
			return
		}
		l := f.lexer(data, first+int(offset.num))
		o := pdfObject{value: l.value(0)}
		if !f.r.spend(max(0, l.at-first-int(offset.num))) {
			return
		}
		if _, before := f.objects[int(number.num)]; !before {
			f.define(int(number.num), o)
		}
	}
}

// resolve follows references; a chain of them ends soon in real files.
func (f *pdfFile) resolve(v pdfValue) pdfValue {
	for range 8 {
		if v.kind != pdfRef {
			return v
		}
		v = f.objects[int(v.num)].value
	}
	return pdfValue{}
}

// object is the object behind a reference, with its stream.
func (f *pdfFile) object(v pdfValue) (pdfObject, bool) {
	for range 8 {
		if v.kind != pdfRef {
			return pdfObject{}, false
		}
		o, ok := f.objects[int(v.num)]
		if !ok || o.value.kind != pdfRef {
			return o, ok
		}
		v = o.value
	}
	return pdfObject{}, false
}

// read writes the text of every page and form, and beside it every string.
func (f *pdfFile) read() {
	for _, number := range f.order {
		o := f.objects[number]
		switch {
		case o.data:
			f.streamObject(o)
		case o.value.get("Type").is(pdfName, "Page"):
			f.page(o.value)
		}
		f.strings(o.value)
	}
	if f.pages == 0 {
		f.r.miss(MalformedDocument)
	}
}

func (f *pdfFile) page(page pdfValue) {
	if f.pages++; f.pages > f.r.limits.Pages {
		f.r.miss(TooLarge)
		return
	}
	var content []byte
	for _, ref := range f.contents(page.get("Contents")) {
		o, ok := f.object(ref)
		if !ok {
			f.r.miss(MalformedDocument)
			continue
		}
		content = append(append(content, f.decode(o)...), '\n')
	}
	if f.show(content, f.resources(page)) {
		f.r.miss(UnknownContent) // letters may be drawn as shapes
	}
}

// contents are the references to a page's streams.
func (f *pdfFile) contents(v pdfValue) []pdfValue {
	switch resolved := f.resolve(v); {
	case resolved.kind == pdfArray:
		return resolved.list
	case v.kind == pdfRef:
		return []pdfValue{v}
	}
	return nil
}

// resources are a page's own, or those of a node above it.
func (f *pdfFile) resources(node pdfValue) pdfValue {
	var path []int
	found := pdfValue{}
	for range 64 {
		if own := f.resolve(node.get("Resources")); own.kind == pdfDict {
			found = own
			break
		}
		parent := node.get("Parent")
		if parent.kind != pdfRef {
			break
		}
		known, ok := f.inherit[int(parent.num)]
		if ok {
			found = known
			break
		}
		path = append(path, int(parent.num))
		node = f.resolve(parent)
	}
	for _, number := range path {
		f.inherit[number] = found
	}
	return found
}

// streamObject looks at a stream by what its dictionary says it is.
func (f *pdfFile) streamObject(o pdfObject) {
	kind, sub := string(o.value.get("Type").bytes), string(f.resolve(o.value.get("Subtype")).bytes)
	switch {
	case sub == "Image":
		f.r.miss(Image)
	case sub == "Form", o.value.get("PatternType").kind == pdfNumber && o.value.get("Resources").kind != pdfNothing:
		f.show(f.decode(o), f.resolve(o.value.get("Resources")))
	case kind == "Metadata":
		f.r.records(&xmlPart{r: f.r, b: f.r.xmlBytes(f.decode(o))})
	case kind == "EmbeddedFile":
		f.r.embedded(f.decode(o))
	case sub == "U3D", sub == "PRC", kind == "Sound", kind == "Movie":
		f.r.miss(UnknownContent)
	}
}

// strings notes what people wrote outside of pages: titles, annotations, the
// values of forms, links, scripts.
func (f *pdfFile) strings(v pdfValue) {
	switch v.kind {
	case pdfString:
		f.r.note(pdfText(v.bytes))
	case pdfArray:
		for _, item := range v.list {
			f.strings(item)
		}
	case pdfDict:
		f.dictStrings(v)
	}
}

func (f *pdfFile) dictStrings(v pdfValue) {
	if name, value := v.get("T"), f.resolve(v.get("V")); name.kind == pdfString && value.kind == pdfString {
		f.r.record(pdfText(name.bytes), pdfText(value.bytes))
	}
	for i := 0; i+1 < len(v.list); i += 2 {
		switch string(v.list[i].bytes) {
		case "ID", "CreationDate", "ModDate", "M", "Registry", "Ordering", "Panose", "CharSet", "DA", "Lang", "NM", "O", "U", "Checksum", "CheckSum":
		case "Cert":
		case "Contents":
			if v.get("ByteRange").kind == pdfNothing { // else a signature
				f.strings(v.list[i+1])
			}
		case "XFA":
			f.r.miss(UnknownContent)
		case "JS":
			if o, ok := f.object(v.list[i+1]); ok && o.data {
				f.r.note(f.decode(o))
			}
			f.strings(v.list[i+1])
		default:
			f.strings(v.list[i+1])
		}
	}
}

// pdfText decodes a text string: UTF-16 or UTF-8 with a mark, else the format's
// own encoding, which is near enough to Windows-1252.
func pdfText(b []byte) []byte {
	if len(b) > 1 && b[0] == 0xfe && b[1] == 0xff || bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		text, _ := plain(b)
		return bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	return latin(b)
}

// audit compares with the table of objects that readers go by: an object that
// stands where the scan saw none is hidden in something else.
func (f *pdfFile) audit() {
	n := bytes.LastIndex(f.b, []byte("startxref"))
	if n < 0 {
		return
	}
	at := int(f.lexer(f.b, n+len("startxref")).value(0).num)
	for range 64 {
		if at <= 0 || at >= len(f.b) {
			break
		}
		next, ok := f.table(at)
		if !ok {
			f.r.miss(MalformedDocument)
			return
		}
		at = next
	}
}

// table checks one table of objects and tells where the one before it is.
func (f *pdfFile) table(at int) (before int, ok bool) {
	room := len(f.b)
	l := &pdfLexer{r: f.r, b: f.b, at: at, room: &room, refs: true}
	if !l.value(0).is(pdfWord, "xref") {
		return f.tableStream(at)
	}
	for f.r.spend(1) {
		first, count := l.value(0), l.value(0)
		if first.is(pdfWord, "trailer") {
			// the dictionary has been taken as count
			return int(count.get("Prev").num), true
		}
		if first.kind != pdfNumber || count.kind != pdfNumber {
			return 0, false
		}
		for i := range int(max(0, min(count.num, float64(len(f.b))))) {
			offset, _, use := l.value(0), l.value(0), l.value(0)
			if l.end || !f.r.spend(20) || use.is(pdfWord, "n") && !f.at(int(offset.num), int(first.num)+i) {
				return 0, false
			}
		}
	}
	return 0, false
}

// at reports whether the scan saw that object there, white space apart.
func (f *pdfFile) at(offset, number int) bool {
	if offset == 0 {
		return true // some writers mark unused objects so
	}
	for range 4 {
		if n, ok := f.starts[offset]; ok {
			return n == number
		}
		if offset < 0 || offset >= len(f.b) || !isPDFSpace(f.b[offset]) {
			return false
		}
		offset++
	}
	return false
}

// tableStream is table for those that are streams.
func (f *pdfFile) tableStream(at int) (before int, ok bool) {
	number, ok := f.starts[at]
	o := f.objects[number]
	widths := f.all(o.value.get("W"))
	if !ok || !o.data || len(widths) != 3 {
		return 0, false
	}
	var w [3]int
	for i := range w {
		w[i] = int(max(0, min(f.resolve(widths[i]).num, 8)))
	}
	data, size := f.decode(o), w[0]+w[1]+w[2]
	index := f.all(o.value.get("Index"))
	if len(index) == 0 {
		index = []pdfValue{{kind: pdfNumber}, f.resolve(o.value.get("Size"))}
	}
	for ; len(index) > 1; index = index[2:] {
		first := int(index[0].num)
		for i := 0; float64(i) < index[1].num && size > 0 && len(data) >= size; i++ {
			kind := 1
			if w[0] > 0 {
				kind = field(data[:w[0]])
			}
			if kind == 1 && !f.at(field(data[w[0]:w[0]+w[1]]), first+i) {
				return 0, false
			}
			data = data[size:]
		}
	}
	return int(o.value.get("Prev").num), true
}

func field(b []byte) int {
	n := 0
	for _, c := range b {
		n = n<<8 | int(c)
	}
	return n
}
