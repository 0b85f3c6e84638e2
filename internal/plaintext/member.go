package plaintext

import "bytes"

const (
	maxNesting = 32 // containers within containers
	maxStrings = 3  // JSON in a string of JSON
)

// container is an object, or an array with the name that its elements inherit.
type container struct {
	object bool
	name   int
}

// token is a string or a bare word of JSON, without its quotes.
type token struct {
	start, end, next int
	quoted           bool
}

// json reads JSON within [i, limit) as far as it goes, and returns where it
// stopped; i if nothing there looks like it. Keys may also be bare or in single
// quotes, as programs print them. Elements of an array inherit its name. depth
// counts strings within strings.
func (r *Reader) json(i, limit, name, depth int) int {
	slashes, ok := r.beginsJSON(i, limit, name)
	if !ok {
		return i
	}
	var stack [maxNesting]container
	n, key, wantKey := 0, name, false
	for {
		if i = r.skipSpace(i, limit, slashes); i >= limit {
			return limit
		}
		switch c := r.b[i]; c {
		case '{', '[':
			if n == maxNesting {
				return i + 1
			}
			stack[n] = container{c == '{', key}
			n, wantKey = n+1, c == '{'
			i++
		case '}', ']':
			if n--; n == 0 {
				return i + 1
			}
			key, wantKey = stack[n-1].name, false
			i++
		case ',':
			key, wantKey = stack[n-1].name, stack[n-1].object
			i++
		default:
			t := r.token(i, limit, slashes)
			if t.next < 0 {
				return i
			}
			if i = t.next; !wantKey {
				r.member(key, t, depth)
				continue
			}
			if i = r.skipSpace(i, limit, slashes); i >= limit || r.b[i] != ':' {
				return i
			}
			key, wantKey = r.intern(r.b[t.start:t.end]), false
			i++
		}
	}
}

// beginsJSON reports whether the brace or bracket at i begins JSON, and how many
// backslashes its quotes carry. A bracket without a name must hold quotes or
// objects: prose has brackets too.
func (r *Reader) beginsJSON(i, limit, name int) (slashes int, ok bool) {
	at := r.skipSpace(i+1, limit, 1)
	for slashes = 0; at < limit && r.b[at] == '\\' && slashes < 8; at++ {
		slashes++
	}
	if at >= limit {
		return 0, false
	}
	switch c := r.b[at]; {
	case c == '"':
		return slashes, slashes&(slashes+1) == 0
	case slashes > 0:
		return 0, false
	case c == '\'', c == '{', c == '[', name != noName:
		return r.slashesAhead(at, limit), true
	}
	return 0, r.b[i] == '{' && isLetter(r.b[at])
}

// slashesAhead is the number of backslashes before the next quote.
func (r *Reader) slashesAhead(i, limit int) int {
	n := bytes.IndexByte(r.b[i:min(limit, i+256)], '"')
	if n <= 0 {
		return 0
	}
	slashes := 0
	for slashes < min(n, 8) && r.b[i+n-1-slashes] == '\\' {
		slashes++
	}
	if slashes&(slashes+1) != 0 {
		return 0
	}
	return slashes
}

// skipSpace skips white space, also where it is written as an escape in a
// string.
func (r *Reader) skipSpace(i, limit, slashes int) int {
	for i < limit {
		c := r.b[i]
		switch {
		case isBlank(c), c == '\n':
			i++
		case c == '\\' && slashes > 0 && i+slashes < limit && isSpaceEscape(r.b[i+slashes]) && r.b[i+slashes-1] == '\\':
			i += slashes + 1
		default:
			return i
		}
	}
	return i
}

func isSpaceEscape(c byte) bool { return c == 'n' || c == 't' || c == 'r' }

// token reads a string or a bare word; next is -1 if there is neither.
func (r *Reader) token(i, limit, slashes int) token {
	at := i + slashes
	if at < limit && r.b[at] == '"' && (slashes == 0 || r.b[i] == '\\') {
		end := r.stringEnd(at+1, limit, slashes)
		if end < 0 {
			return token{next: -1}
		}
		return token{at + 1, end - slashes, end + 1, true}
	}
	if r.b[i] == '\'' {
		n := r.closingQuote(i+1, limit, '\'')
		if n < 0 {
			return token{next: -1}
		}
		return token{i + 1, i + 1 + n, i + n + 2, true}
	}
	end := bareEnd(r.b[:limit], i)
	if end == i {
		return token{next: -1}
	}
	return token{i, end, end, false}
}

// stringEnd is the offset of the quote that ends a string whose quotes carry the
// given number of backslashes; -1 if the string does not end. A backslash in
// such a string is written as twice as many and two.
func (r *Reader) stringEnd(i, limit, slashes int) int {
	for begin := i; i < limit; i++ {
		n := bytes.IndexByte(r.b[i:limit], '"')
		if n < 0 {
			return -1
		}
		i += n
		before := 0
		for i-before > begin && r.b[i-before-1] == '\\' {
			before++
		}
		if before < slashes {
			return -1
		}
		if before%(2*(slashes+1)) == slashes {
			return i
		}
	}
	return -1
}

func bareEnd(b []byte, i int) int {
	for i < len(b) && (isAlnum(b[i]) || b[i] == '_' || b[i] == '-' || b[i] == '+' || b[i] == '.' || b[i] == '$') {
		i++
	}
	return i
}

// member adds a value under its name, unless it is a word such as null.
func (r *Reader) member(name int, t token, depth int) {
	if t.quoted {
		r.quoted(name, t.start, t.end, depth)
		return
	}
	switch string(r.b[t.start:t.end]) {
	case "null", "true", "false", "None", "True", "False", "undefined", "nil":
	default:
		r.add(name, t.start, t.end)
	}
}

// quoted adds a string under its name, or the members of it if it holds JSON.
func (r *Reader) quoted(name, start, end, depth int) {
	if at := r.skipBlanks(start, end); depth < maxStrings && at < end && (r.b[at] == '{' || r.b[at] == '[') {
		before := len(r.fields)
		r.json(at, end, name, depth+1)
		if len(r.fields) > before {
			return
		}
	}
	r.add(name, start, end)
}
