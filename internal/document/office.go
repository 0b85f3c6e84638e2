package document

import (
	"bytes"
	"strings"
)

// xml reads one part by what its root element says it is.
func (r *reading) xml(p part, book *workbook) {
	text := r.xmlBytes(p.data)
	if !r.spend(len(text)) {
		return
	}
	x := &xmlPart{r: r, b: text}
	switch root(r, text) {
	case "worksheet":
		book.sheet(x)
	case "sst", "styleSheet":
		// learnt before; the strings stand where cells refer to them
	case "document-content", "document-styles", "html", "svg":
		r.body(x, true)
	case "Types", "theme", "fonts", "webSettings", "":
		r.loose(x)
	case "coreProperties", "cp:coreProperties", "Properties", "document-meta":
		r.records(x)
	default:
		if strings.HasPrefix(p.name, "customXml/") {
			r.records(x)
			return
		}
		r.body(x, false)
	}
}

// xmlBytes decodes UTF-16. Other encodings than those two are not read as what
// they are, which is said.
func (r *reading) xmlBytes(b []byte) []byte {
	text, ok := plain(b)
	if !ok {
		r.miss(MalformedDocument)
	}
	head := bytes.ToLower(text[:min(len(text), 128)])
	if n := bytes.Index(head, []byte("encoding=")); n >= 0 && len(head) > n+14 && bytes.HasPrefix(head, []byte("<?xml")) {
		if name := head[n+10:]; !bytes.HasPrefix(name, []byte("utf")) && !bytes.HasPrefix(name, []byte("us-")) {
			r.miss(UnknownContent)
		}
	}
	return text
}

// root is the local name of the first element.
func root(r *reading, text []byte) string {
	probe := &xmlPart{r: &reading{limits: r.limits, why: make(map[string]bool)}, b: text}
	for {
		e, name, _, _ := probe.next()
		if e == opened {
			return string(name)
		}
		if e == ended || e == closed {
			return ""
		}
	}
}

// loose keeps what text there is in parts that should have none.
func (r *reading) loose(x *xmlPart) {
	for {
		switch e, _, _, _ := x.next(); e {
		case ended:
			return
		case content, comment:
			r.note(x.buf)
		}
	}
}

// prose is the walk through paragraphs and tables of a text, a slide or an
// OpenDocument file.
type prose struct {
	r     *reading
	rows  rows
	aside int    // elements around the place whose text is not in the flow
	flow  bool   // all text is in the flow, as in OpenDocument
	in    string // the element that was opened or closed last
}

func (r *reading) body(x *xmlPart, open bool) {
	p := &prose{r: r, rows: rows{r: r}, flow: open}
	for {
		e, name, attributes, empty := x.next()
		switch e {
		case ended:
			for len(p.rows.cells) > 0 {
				p.rows.endTable()
			}
			r.newline()
			return
		case content:
			p.text(x.buf)
		case comment:
			r.note(x.buf)
		case opened:
			p.in = string(name)
			p.open(p.in, empty)
			r.attributes(x, attributes)
			if empty {
				p.close(string(name))
			}
		case closed:
			p.in = ""
			if hidden(string(name)) {
				p.aside--
			}
			p.close(string(name))
		}
	}
}

// hidden elements hold text that was deleted, or that makes other text.
func hidden(name string) bool {
	return name == "delText" || name == "instrText" || name == "tracked-changes"
}

func (p *prose) text(b []byte) {
	switch {
	case bytes.IndexByte(b, '\n') >= 0 && len(bytes.TrimSpace(b)) == 0:
	case p.in == "posOffset", p.in == "pctWidth", p.in == "pctHeight", p.in == "align": // places of pictures
	case p.aside > 0 || !p.flow && p.in != "t":
		p.r.note(b)
	default:
		p.r.write(b)
	}
}

func (p *prose) open(name string, empty bool) {
	switch name {
	case "tbl", "table":
		p.rows.table()
	case "tr", "table-row":
		p.rows.row()
	case "tc", "table-cell", "covered-table-cell":
		p.rows.cell()
	case "tab":
		p.r.write([]byte{'\t'})
	case "br", "cr", "line-break":
		p.r.newline()
	case "s":
		p.r.write([]byte{' '})
	case "noBreakHyphen":
		p.r.write([]byte{'-'})
	}
	if hidden(name) && !empty {
		p.aside++
	}
}

func (p *prose) close(name string) {
	switch name {
	case "tbl", "table":
		p.rows.endTable()
	case "tr", "table-row":
		p.rows.endCell()
		p.r.newline()
	case "tc", "table-cell", "covered-table-cell":
		p.rows.endCell()
	case "p", "h", "si", "comment", "v", "pt":
		p.r.newline()
	}
}

// attributes notes the values of those that hold what people wrote.
func (r *reading) attributes(x *xmlPart, raw []byte) {
	for name, value, rest := x.attribute(raw); name != nil; name, value, rest = x.attribute(rest) {
		switch string(name) {
		case "descr", "title", "tooltip", "author", "prompt", "promptTitle", "error", "alias", "displayName", "display", "string-value", "creator", "lastModifiedBy", "contentStatus":
			r.note(value)
		case "Target", "href":
			if bytes.IndexByte(value, ':') > 0 { // outside of the document
				r.note(value)
			}
		case "v", "text", "content": // of caches and of drawings
			if len(value) > 3 {
				r.note(value)
			}
		}
	}
}

// records writes data that somebody put into a document: each value under the
// name of its element, or of the attribute that names it.
func (r *reading) records(x *xmlPart) {
	var label, named []byte
	for {
		e, name, attributes, _ := x.next()
		switch e {
		case ended:
			return
		case opened:
			label = name
			if value := x.value(attributes, "name"); value != nil {
				named = value
			}
			r.values(x, attributes)
		case closed:
			if string(name) == "property" || string(name) == "user-defined" {
				named = nil
			}
		case comment:
			r.note(x.buf)
		case content:
			if by := named; by != nil {
				r.record(by, x.buf)
			} else {
				r.record(label, x.buf)
			}
		}
	}
}

func (r *reading) record(label, value []byte) {
	if value = bytes.TrimSpace(value); len(value) > 0 {
		r.note(append(append(bytes.Clone(label[:min(len(label), 128)]), ": "...), value...))
	}
}

// values notes attributes that are data and not the format's own.
func (r *reading) values(x *xmlPart, raw []byte) {
	for name, value, rest := x.attribute(raw); name != nil; name, value, rest = x.attribute(rest) {
		switch string(name) {
		case "fmtid", "pid", "size", "baseType", "itemID", "uri", "type", "name", "xml", "schemaLocation", "xsi", "vt":
		default:
			if !bytes.HasPrefix(value, []byte("http://schemas.")) && !bytes.HasPrefix(value, []byte("http://purl.org/")) && !bytes.HasPrefix(value, []byte("http://www.w3.org/")) {
				r.record(name, value)
			}
		}
	}
}
