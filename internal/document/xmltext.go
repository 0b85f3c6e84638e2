package document

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// xmlPart walks one XML part of a document. It knows what such parts consist
// of and nothing of DTDs, which they may not have: entities of their own, and
// so entities of entities, are never expanded.
type xmlPart struct {
	r     *reading
	b     []byte
	at    int
	depth int
	buf   []byte // of the last text or value
}

// event is what next has come to.
type event int

const (
	ended   event = iota // of the part
	opened               // of an element: name and attributes follow
	closed               // of an element
	content              // text, in buf
	comment              // in buf
)

// next moves to the next event. name is the element's, without its prefix;
// attributes are its raw bytes; an empty element opens only, with empty set.
func (x *xmlPart) next() (e event, name, attributes []byte, empty bool) {
	for x.at < len(x.b) {
		if x.b[x.at] != '<' {
			x.content()
			return content, nil, nil, false
		}
		rest := x.b[x.at:]
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			x.until("-->", 4)
			return comment, nil, nil, false
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			x.until("]]>", 9)
			return content, nil, nil, false
		case bytes.HasPrefix(rest, []byte("<?")):
			x.until("?>", 2)
		case bytes.HasPrefix(rest, []byte("<!")):
			x.r.miss(MalformedDocument)
			x.until(">", 2)
		case bytes.HasPrefix(rest, []byte("</")):
			x.until(">", 2)
			if x.depth--; x.depth < 0 {
				x.r.miss(MalformedDocument)
				return ended, nil, nil, false
			}
			return closed, local(bytes.TrimRight(x.buf, " \t\r\n")), nil, false
		default:
			return x.tag()
		}
	}
	if x.depth != 0 {
		x.r.miss(MalformedDocument)
	}
	return ended, nil, nil, false
}

// until puts what stands before the end mark into buf and moves behind it.
func (x *xmlPart) until(end string, skip int) {
	x.at += skip
	n := bytes.Index(x.b[x.at:], []byte(end))
	if n < 0 {
		x.r.miss(MalformedDocument)
		x.buf, x.at = x.b[x.at:], len(x.b)
		return
	}
	x.buf = x.b[x.at : x.at+n]
	x.at += n + len(end)
}

// tag reads a start tag; the end of it is outside of quotes.
func (x *xmlPart) tag() (event, []byte, []byte, bool) {
	start, quote := x.at+1, byte(0)
	for i := start; i < len(x.b); i++ {
		switch c := x.b[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			x.at = i + 1
			return x.open(x.b[start:i])
		}
	}
	x.r.miss(MalformedDocument)
	x.buf, x.at = x.b[start:], len(x.b)
	return comment, nil, nil, false
}

func (x *xmlPart) open(inside []byte) (event, []byte, []byte, bool) {
	empty := bytes.HasSuffix(inside, []byte("/"))
	inside = bytes.TrimSuffix(inside, []byte("/"))
	name, attributes := inside, []byte(nil)
	if n := bytes.IndexAny(inside, " \t\r\n"); n >= 0 {
		name, attributes = inside[:n], inside[n:]
	}
	if !empty {
		if x.depth++; x.depth > x.r.limits.Depth {
			x.r.miss(TooLarge)
			return ended, nil, nil, false
		}
	}
	return opened, local(name), attributes, empty
}

// local is a name without its prefix.
func local(name []byte) []byte {
	return name[bytes.LastIndexByte(name, ':')+1:]
}

func (x *xmlPart) content() {
	n := bytes.IndexByte(x.b[x.at:], '<')
	if n < 0 {
		n = len(x.b) - x.at
	}
	x.buf = x.unescape(x.b[x.at : x.at+n])
	x.at += n
}

// unescape replaces character references. An entity that is none of XML's five
// is left as it stands, and the part is malformed.
func (x *xmlPart) unescape(b []byte) []byte {
	if bytes.IndexByte(b, '&') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		n := bytes.IndexByte(b, '&')
		if n < 0 {
			return append(out, b...)
		}
		out, b = append(out, b[:n]...), b[n:]
		end := bytes.IndexByte(b[:min(len(b), 16)], ';')
		c, ok := rune('&'), false
		if end > 0 {
			c, ok = entity(string(b[1:end]))
		}
		if !ok {
			x.r.miss(MalformedDocument)
			out, b = append(out, '&'), b[1:]
			continue
		}
		out, b = utf8.AppendRune(out, c), b[end+1:]
	}
	return out
}

func entity(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, radix := name[1:], 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, radix = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, radix, 21)
	return rune(n), err == nil && n > 0 && utf8.ValidRune(rune(n))
}

// attribute takes the next attribute off raw bytes; name is empty at the end.
func (x *xmlPart) attribute(raw []byte) (name, value, rest []byte) {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	n := bytes.IndexByte(raw, '=')
	if n <= 0 {
		return nil, nil, nil
	}
	name = local(bytes.TrimSpace(raw[:n]))
	raw = bytes.TrimLeft(raw[n+1:], " \t\r\n")
	if len(raw) == 0 || raw[0] != '"' && raw[0] != '\'' {
		x.r.miss(MalformedDocument)
		return nil, nil, nil
	}
	end := bytes.IndexByte(raw[1:], raw[0])
	if end < 0 {
		x.r.miss(MalformedDocument)
		return nil, nil, nil
	}
	return name, x.unescape(raw[1 : 1+end]), raw[end+2:]
}

// value is that of one attribute, or nil.
func (x *xmlPart) value(attributes []byte, wanted string) []byte {
	for name, value, rest := x.attribute(attributes); name != nil; name, value, rest = x.attribute(rest) {
		if string(name) == wanted {
			return value
		}
	}
	return nil
}
