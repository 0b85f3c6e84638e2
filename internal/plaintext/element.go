package plaintext

import "bytes"

const (
	maxTag     = 1024 // bytes of a tag
	maxContent = 4096 // bytes of an element's text
)

// element reads the tag that begins at i: its attributes, and the text of an
// element that holds nothing but text. It returns where to go on; i if this is
// no tag.
func (r *Reader) element(i int) int {
	at := i + 1
	if at < len(r.b) && r.b[at] == '/' {
		r.close(i)
		return r.tagName(at + 1)
	}
	if at >= len(r.b) || !isLetter(r.b[at]) && r.b[at] != '_' {
		return i
	}
	nameEnd := r.tagName(at)
	tag := r.b[at:nameEnd]
	if kind := cellKind(tag); kind != noCell {
		r.close(i)
		if next := r.tagRow(i); next > i {
			return next
		}
	}
	end, named := r.attributes(nameEnd, min(len(r.b), i+maxTag))
	if end < 0 {
		return i
	}
	r.close(i)
	content := bytes.IndexByte(r.b[end:min(len(r.b), end+maxContent)], '<')
	if content < 0 || !bytes.HasPrefix(r.b[end+content+1:], []byte("/")) || !bytes.HasPrefix(r.b[end+content+2:], tag) {
		return end
	}
	if named == noName && !isStructure(tag) {
		named = r.intern(tag[bytes.LastIndexByte(tag, ':')+1:])
	}
	if named == noName {
		return end
	}
	r.add(named, end, end+content)
	return end + content
}

func (r *Reader) tagName(i int) int {
	for i < len(r.b) && (isAlnum(r.b[i]) || r.b[i] == '_' || r.b[i] == '-' || r.b[i] == ':' || r.b[i] == '.') {
		i++
	}
	return i
}

// attributes reads the attributes of a tag from i on. It returns the offset
// after the tag, -1 if it is none, and the name that an attribute gives to the
// element's value (<field name="ssn">).
func (r *Reader) attributes(i, limit int) (end, named int) {
	named = noName
	for i < limit {
		switch c := r.b[i]; {
		case c == '>':
			return i + 1, named
		case isBlank(c), c == '\n', c == '/':
			i++
		case isLetter(c), c == '_', c == '@', c == ':':
			key := i
			i = r.tagName(i + 1)
			var value cell
			value, i = r.attributeValue(i, limit)
			if i < 0 {
				return -1, noName
			}
			named = r.attribute(r.b[key:value.start], value, named)
		default:
			return -1, noName
		}
	}
	return -1, noName
}

// attributeValue reads ="value" and returns it with the offset after it; an
// attribute without a value gets an empty one.
func (r *Reader) attributeValue(i, limit int) (cell, int) {
	at := r.skipBlanks(i, limit)
	if at >= limit || r.b[at] != '=' {
		return cell{i, i}, i
	}
	at = r.skipBlanks(at+1, limit)
	if at >= limit {
		return cell{}, -1
	}
	if q := r.b[at]; q == '"' || q == '\'' {
		n := bytes.IndexByte(r.b[at+1:limit], q)
		if n < 0 {
			return cell{}, -1
		}
		return cell{at + 1, at + 1 + n}, at + n + 2
	}
	end := at
	for end < limit && !isBlank(r.b[end]) && r.b[end] != '\n' && r.b[end] != '>' {
		end++
	}
	return cell{at, end}, end
}

// attribute adds one attribute and returns the name for the element's value.
func (r *Reader) attribute(key []byte, value cell, named int) int {
	key = bytes.TrimRight(key, "=\"' \t\r\n")
	switch string(key) {
	case "name", "key", "field", "label", "id":
		if name := r.intern(r.b[value.start:value.end]); name != noName && value.end-value.start <= maxName {
			return name
		}
	case "value", "content":
		if named != noName {
			r.add(named, value.start, value.end)
			return noName
		}
	case "class", "style", "href", "src", "type", "rel", "xmlns", "width", "height":
		return named
	}
	r.add(r.intern(key), value.start, value.end)
	return named
}

// isStructure reports whether a tag of HTML says nothing about what it holds.
func isStructure(tag []byte) bool {
	if len(tag) > 8 {
		return string(tag) == "blockquote"
	}
	var buf [8]byte
	for i, c := range tag {
		buf[i] = c | 0x20
	}
	switch string(buf[:len(tag)]) {
	case "a", "b", "i", "u", "p", "s", "q", "em", "td", "th", "tr", "li", "ul", "ol", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6",
		"pre", "div", "sub", "sup", "svg", "bdi", "span", "code", "font", "form", "html", "head", "body", "main", "mark", "abbr", "cite",
		"label", "table", "tbody", "thead", "small", "style", "strong", "script", "button", "option", "legend", "header", "footer",
		"caption", "section", "article", "summary", "center", "big", "del", "ins", "kbd", "samp", "var", "value", "string", "item", "text", "content":
		return true
	}
	return false
}
