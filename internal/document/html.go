package document

import (
	"bytes"
	"io"

	"golang.org/x/net/html"
)

// markup reports whether a text is one of HTML or XML.
func markup(text []byte) bool {
	head := bytes.ToLower(bytes.TrimSpace(text[:min(len(text), 512)]))
	if len(head) == 0 || head[0] != '<' {
		return false
	}
	for _, start := range []string{"<!doctype", "<html", "<?xml", "<svg", "<head", "<body", "<div", "<p>", "<p ", "<table", "<span", "<!--", "<script", "<style", "<h1", "<ul", "<meta", "<title"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

// html writes the text of a page as a reader sees it, and beside it what he
// does not see: comments and attributes. Scripts stay where they are.
func (r *reading) html(text []byte) {
	page := htmlText{r: r, rows: rows{r: r}}
	for z := html.NewTokenizer(bytes.NewReader(text)); ; {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				r.miss(MalformedDocument)
			}
			page.rows.endTable()
			return
		case html.TextToken:
			page.text(z.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			page.open(string(name))
			page.attributes(z, more)
		case html.EndTagToken:
			name, _ := z.TagName()
			page.close(string(name))
		case html.CommentToken, html.DoctypeToken:
			r.note(z.Text())
		}
	}
}

type htmlText struct {
	r    *reading
	rows rows
}

func (p *htmlText) text(b []byte) {
	if len(bytes.TrimSpace(b)) == 0 && len(p.rows.cells) > 0 && !p.rows.top().open {
		return // white space between cells is none of the table's
	}
	p.r.write(b)
}

func (p *htmlText) open(name string) {
	switch name {
	case "table":
		p.rows.table()
	case "tr":
		p.rows.row()
	case "td", "th":
		p.rows.cell()
	default:
		p.edge(name)
	}
}

func (p *htmlText) close(name string) {
	switch name {
	case "table":
		p.rows.endTable()
	case "tr":
		p.rows.endCell()
		p.r.newline()
	case "td", "th":
		p.rows.endCell()
	default:
		p.edge(name)
	}
}

// edge parts the text at elements that a browser gives lines of their own;
// within a line an element parts nothing, or markup would hide a number.
func (p *htmlText) edge(name string) {
	switch name {
	case "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label", "mark", "nobr",
		"q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr":
	default:
		p.r.newline()
	}
}

// attributes notes every value that can hold text, under its name.
func (p *htmlText) attributes(z *html.Tokenizer, more bool) {
	for more {
		var name, value []byte
		name, value, more = z.TagAttr()
		switch string(name) {
		case "class", "style", "width", "height", "rel", "target", "type", "lang", "dir", "charset", "xmlns":
			if len(value) < 8 {
				continue // too short to hold anything
			}
		}
		if len(value) > 0 {
			line := append(append(bytes.Clone(name), ": "...), value...)
			p.r.note(line)
		}
	}
}
