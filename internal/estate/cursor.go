package estate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/writ-project/writ/internal/awsiam"
)

// cursor reads one JSON value from its first byte to its last. A part of the
// wrong kind is a problem and is passed over; only broken JSON is an error.
type cursor struct {
	raw      []byte
	start    awsiam.Position // of raw in its file
	what     string          // how problems call it
	problems []awsiam.Problem
	// doubt is the first reason why what was read may not be all there is.
	doubt string
	dec   *jsontext.Decoder
	buf   bytes.Buffer
	seen  map[string]remembered // documents by their text
	names []string              // of the members of the objects being read
}

func newCursor() *cursor { return &cursor{dec: jsontext.NewDecoder(bytes.NewReader(nil))} }

// begin starts on a value.
func (c *cursor) begin(raw []byte, start awsiam.Position, what string) {
	c.raw, c.start, c.what, c.problems, c.doubt = raw, start, what, nil, ""
	c.names = c.names[:0]
	c.buf = *bytes.NewBuffer(raw)
	c.dec.Reset(&c.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if i := invalidUTF8(raw); i >= 0 {
		c.problem(int64(i), "bytes that are not UTF-8 are read as U+FFFD")
	}
}

func invalidUTF8(raw []byte) int {
	if utf8.Valid(raw) {
		return -1
	}
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// position is where an offset of the value stands in its file.
func (c *cursor) position(offset int64) awsiam.Position {
	before := c.raw[:min(offset, int64(len(c.raw)))]
	at := c.start
	at.Offset += offset
	if i := bytes.LastIndexByte(before, '\n'); i >= 0 {
		at.Line += bytes.Count(before, []byte("\n"))
		at.Column = len(before) - i
	} else {
		at.Column += len(before)
	}
	return at
}

func (c *cursor) problem(offset int64, format string, args ...any) {
	c.problems = append(c.problems, awsiam.Problem{Position: c.position(offset), Document: c.what, Statement: -1, Reason: fmt.Sprintf(format, args...)})
}

// unsure is a problem that leaves open what the input would have said.
func (c *cursor) unsure(offset int64, format string, args ...any) {
	c.problem(offset, format, args...)
	if c.doubt == "" {
		c.doubt = c.problems[len(c.problems)-1].Reason
	}
}

// broken puts a syntax error in the words of someone who edits the file.
func (c *cursor) broken(err error) error {
	var syntax *jsontext.SyntacticError
	at, reason := int64(len(c.raw)), "the JSON ends too early: is the file cut off?"
	if errors.As(err, &syntax) && syntax.ByteOffset < at && !errors.Is(err, io.ErrUnexpectedEOF) {
		at, reason = syntax.ByteOffset, syntax.Err.Error()
	}
	rest, hint := c.raw[at:], ""
	if bytes.HasPrefix(rest, []byte("/")) || bytes.HasPrefix(rest, []byte("#")) {
		reason, hint = "a comment, which JSON does not have", "remove the comments"
	}
	return &InputError{Position: c.position(at), Reason: reason, Hint: hint}
}

// value takes the next value as it stands, and says where.
func (c *cursor) value() (raw []byte, offset int64, err error) {
	v, err := c.dec.ReadValue()
	if err != nil {
		return nil, 0, c.broken(err)
	}
	end := c.dec.InputOffset()
	offset = end - int64(len(v))
	return c.raw[offset:end], offset, nil
}

func (c *cursor) skip() error {
	if err := c.dec.SkipValue(); err != nil {
		return c.broken(err)
	}
	return nil
}

// kinds names the kinds of JSON value.
var kinds = map[jsontext.Kind]string{'{': "an object", '[': "a list", '"': "a string", '0': "a number", 't': "true", 'f': "false", 'n': "null"}

// wrong passes over a value of the wrong kind.
func (c *cursor) wrong(name, want string) error {
	raw, at, err := c.value()
	if err != nil {
		return err
	}
	c.unsure(at, "%s is %s, not %s", name, kinds[jsontext.Value(raw).Kind()], want)
	return nil
}

// enter takes an opening bracket. Null is nothing at all.
func (c *cursor) enter(open jsontext.Kind, name string) (bool, error) {
	switch c.dec.PeekKind() {
	case open:
		if _, err := c.dec.ReadToken(); err != nil {
			return false, c.broken(err)
		}
		return true, nil
	case 'n':
		return false, c.skip()
	}
	return false, c.wrong(name, kinds[open])
}

func (c *cursor) leave() error {
	if _, err := c.dec.ReadToken(); err != nil {
		return c.broken(err)
	}
	return nil
}

// members visits an object's members; visit takes the value. Of two of one name
// the first counts, and that there were two is a doubt.
func (c *cursor) members(what string, visit func(name string) error) error {
	ok, err := c.enter('{', what)
	if !ok {
		return err
	}
	names := nameSet{c: c, from: len(c.names)}
	defer func() { c.names = c.names[:names.from] }()
	for c.dec.PeekKind() != '}' {
		raw, at, err := c.value()
		if err != nil {
			return err
		}
		member := name(raw)
		if !names.add(member) {
			c.unsure(at, "%.60q stands twice in %s", member, what)
			if err := c.skip(); err != nil {
				return err
			}
			continue
		}
		if err := visit(member); err != nil {
			return err
		}
	}
	return c.leave()
}

// nameSet is the names that an object has had so far: the end of the cursor's
// list, below the names of the objects around it; a map once they are many.
type nameSet struct {
	c    *cursor
	from int
	many map[string]bool
}

// add reports false for a name that was there before.
func (n *nameSet) add(name string) bool {
	if n.many != nil {
		before := len(n.many)
		n.many[name] = true
		return len(n.many) > before
	}
	own := n.c.names[n.from:]
	if slices.Contains(own, name) {
		return false
	}
	n.c.names = append(n.c.names, name)
	if len(own) == 24 {
		n.many = map[string]bool{name: true}
		for _, x := range own {
			n.many[x] = true
		}
	}
	return true
}

// name is a member's name.
func name(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	return unquote(raw)
}

// items visits a list's items; visit takes the value.
func (c *cursor) items(what string, visit func() error) error {
	ok, err := c.enter('[', what)
	if !ok {
		return err
	}
	for c.dec.PeekKind() != ']' {
		if err := visit(); err != nil {
			return err
		}
	}
	return c.leave()
}

// text takes a string; null is empty.
func (c *cursor) text(what string, into *string) error {
	switch c.dec.PeekKind() {
	case '"':
		raw, _, err := c.value()
		if err == nil {
			*into = name(raw)
		}
		return err
	case 'n':
		return c.skip()
	}
	return c.wrong(what, "a string")
}

// texts takes a list of strings.
func (c *cursor) texts(what string, into *[]string) error {
	return c.items(what, func() error {
		var s string
		before := len(c.problems)
		if err := c.text("an item of "+what, &s); err != nil || len(c.problems) > before {
			return err
		}
		*into = append(*into, s)
		return nil
	})
}

func (c *cursor) boolean(what string, into *bool) error {
	switch c.dec.PeekKind() {
	case 't', 'f':
		tok, err := c.dec.ReadToken()
		if err != nil {
			return c.broken(err)
		}
		*into = tok.Bool()
		return nil
	case 'n':
		return c.skip()
	}
	return c.wrong(what, "true or false")
}

// integer takes a whole number that is not negative.
func (c *cursor) integer(what string, into *int64) error {
	if c.dec.PeekKind() != '0' {
		return c.wrong(what, "a number")
	}
	raw, at, err := c.value()
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(string(raw), 10, 63)
	if err != nil || n > math.MaxInt64 {
		c.unsure(at, "%s is %.30s, not a whole number", what, raw)
		return nil
	}
	*into = int64(n)
	return nil
}

// when takes a time as the CLI writes it, or seconds since 1970.
func (c *cursor) when(what string, into *time.Time) error {
	k := c.dec.PeekKind()
	if k == 'n' {
		return c.skip()
	}
	if k != '"' && k != '0' {
		return c.wrong(what, "a time")
	}
	raw, at, err := c.value()
	if err != nil {
		return err
	}
	t, ok := parseTime(string(bytes.Trim(raw, `"`)))
	if !ok {
		c.problem(at, "%s is %.40s, not a time", what, raw)
		return nil
	}
	*into = t
	return nil
}

func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), true
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n < 1e11) {
		return time.Time{}, false
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(part*1e3)*1e6).UTC(), true
}

// end says whether anything follows the value.
func (c *cursor) end() error {
	if c.dec.PeekKind() == 0 {
		if _, err := c.dec.ReadToken(); errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return c.broken(err)
		}
	}
	_, at, err := c.value()
	if err != nil {
		return err
	}
	return &InputError{Position: c.position(at), Reason: "more than one JSON value"}
}
