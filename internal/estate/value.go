package estate

import "fmt"

// The classes of bytes that the framer tells apart.
const (
	plain byte = iota // numbers, literals, commas, colons
	space
	quote
	opens
	shuts
	bad // stands in no JSON outside strings
)

// class is by byte; inString says which bytes matter inside a string.
var class, inString = func() (c [256]byte, s [256]bool) {
	for i := range c {
		c[i] = bad
	}
	for _, b := range []byte("+-.,:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		c[b] = plain
	}
	for _, b := range []byte(" \t\r\n") {
		c[b] = space
	}
	c['"'] = quote
	c['{'], c['['] = opens, opens
	c['}'], c[']'] = shuts, shuts
	s['"'], s['\\'], s['\n'] = true, true, true
	return c, s
}()

// extent finds the end of one value.
type extent struct {
	depth, deepest int
	quoted         bool // inside a string
	escaped        bool // after a backslash
}

// value takes the next value. It returns errSkipped if that is too large or too
// deep to be held.
func (f *framer) value() ([]byte, error) {
	c, err := f.peek()
	if err != nil {
		return nil, f.cut(err)
	}
	if class[c] == bad || class[c] == shuts || c == ',' || c == ':' {
		return nil, f.odd()
	}
	if class[c] == plain {
		return f.scalar()
	}
	var e extent
	var raw []byte
	size := 0
	for {
		from := f.pos
		done, err := e.scan(f)
		size += f.pos - from
		if err != nil {
			return nil, err
		}
		switch {
		case size > f.maxValue || e.deepest > f.maxDepth:
			raw = nil
		case done && raw == nil: // the usual case: no copy
			raw, f.lent = f.buf[from:f.pos:f.pos], true
		default:
			raw = append(raw, f.buf[from:f.pos]...)
		}
		if done {
			break
		}
		if err := f.fill(); err != nil {
			return nil, f.cut(err)
		}
	}
	switch {
	case size > f.maxValue:
		return nil, fmt.Errorf("%w: a value of %d bytes, where the limit is %d", errSkipped, size, f.maxValue)
	case e.deepest > f.maxDepth:
		return nil, fmt.Errorf("%w: a value nested %d deep, where the limit is %d", errSkipped, e.deepest, f.maxDepth)
	}
	return raw, nil
}

// scan goes on to the value's end or the window's.
func (e *extent) scan(f *framer) (done bool, err error) {
	buf, pos := f.buf[:f.end], f.pos
	for pos < len(buf) {
		if e.quoted {
			if pos = e.text(buf, pos); pos < len(buf) && e.quoted {
				f.pos = pos
				return false, f.fail("a line break inside a string")
			}
			if !e.quoted && e.depth == 0 {
				f.pos = pos
				return true, nil
			}
			continue
		}
		c := class[buf[pos]]
		switch {
		case c <= space:
		case c == quote:
			e.quoted = true
		case c == opens:
			e.depth++
			e.deepest = max(e.deepest, e.depth)
		case c == shuts:
			if e.depth--; e.depth == 0 {
				f.pos = pos + 1
				return true, nil
			}
		default:
			f.pos = pos
			return false, f.odd()
		}
		pos++
	}
	f.pos = pos
	return false, nil
}

// text goes on to the end of a string or of the window. It stops at a line
// break, which means that a quotation mark is missing: from there on nothing
// could be told apart. Other control characters are left to the cursor.
func (e *extent) text(buf []byte, pos int) int {
	for ; pos < len(buf); pos++ {
		c := buf[pos]
		switch {
		case e.escaped:
			e.escaped = false
		case !inString[c]:
		case c == '"':
			e.quoted = false
			return pos + 1
		case c == '\\':
			e.escaped = true
		default:
			return pos
		}
	}
	return pos
}

// scalar takes a number or a literal.
func (f *framer) scalar() ([]byte, error) {
	var raw []byte
	for {
		for ; f.pos < f.end; f.pos++ {
			c := f.buf[f.pos]
			if class[c] != plain || c == ',' || c == ':' {
				return raw, nil
			}
			if len(raw) >= 4096 {
				return nil, f.fail("a number or literal of more than 4096 bytes")
			}
			raw = append(raw, c)
		}
		if err := f.fill(); err != nil {
			return raw, nil // the next read says why
		}
	}
}
