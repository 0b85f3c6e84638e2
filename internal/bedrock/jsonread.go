package bedrock

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds on a body's structure. They are far above what any SDK sends, and
// keep what a hostile body costs proportional to its length.
const (
	maxDepth   = 128 // nesting, counting every object and array
	maxUnknown = 64  // members of one object that its shape does not have
	maxName    = 256 // bytes of a member's name
)

// RequestError says that a request's headers or body cannot be accepted. It
// never holds a value the caller sent, only the names leading to it.
type RequestError struct {
	Where   string // "body" with a JSON pointer (RFC 6901), or "header" with its name
	Problem string
}

func (e *RequestError) Error() string { return e.Where + ": " + e.Problem }

// members maps the names of an object's known members to what reads each.
type members[R any] map[string]func(R) error

// jsonReader reads one JSON text in a single pass over bytes it never copies or
// changes. It is strict where two parsers could see different things in one
// text: names repeated in an object, invalid UTF-8, lone surrogates, trailing
// data, and, in objects whose shape is known, names that differ from a known
// one or from each other only in case. Objects without a known shape (tool
// schemas, tool inputs) are the caller's documents: there, case is theirs.
type jsonReader struct {
	dec   jsontext.Decoder
	src   bytes.Buffer // over body; the decoder reads from one without copying
	body  []byte
	where string // what is read, for errors
	// lenient accepts any names: for texts from AWS, which nobody else decides on.
	lenient bool
	// unknown stacks the unknown names of the objects being read.
	unknown []string
	// present is how many members of the object last read were not null.
	present int
}

func (r *jsonReader) reset(where string, body []byte) {
	r.where, r.body, r.unknown = where, body, r.unknown[:0]
	r.src = *bytes.NewBuffer(body)
	r.dec.Reset(&r.src)
}

// fail makes an error at the reader's position.
func (r *jsonReader) fail(problem string) error {
	return r.failAt(string(r.dec.StackPointer()), problem)
}

func (r *jsonReader) failAt(pointer, problem string) error {
	const enough = 256
	if len(pointer) > enough {
		pointer = strings.ToValidUTF8(pointer[:enough], "") + "…"
	}
	where := r.where
	if pointer != "" {
		where += " " + pointer
	}
	return &RequestError{Where: where, Problem: problem}
}

// syntax turns a decoder's error into one that quotes nothing.
func (r *jsonReader) syntax(err error) error {
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return r.fail("a name is repeated in an object")
	}
	if se, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return r.failAt(string(se.JSONPointer), "not valid JSON in UTF-8 at byte "+strconv.FormatInt(se.ByteOffset, 10))
	}
	return r.fail("not valid JSON in UTF-8")
}

// token reads the next token, within the depth limit.
func (r *jsonReader) token() (jsontext.Token, error) {
	t, err := r.dec.ReadToken()
	if err != nil {
		return t, r.syntax(err)
	}
	if r.dec.StackDepth() > maxDepth {
		return t, r.fail(fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	return t, nil
}

// open reads the token that begins an object or array.
func (r *jsonReader) open(kind jsontext.Kind, want string) error {
	if k := r.dec.PeekKind(); k != kind && k != 0 {
		return r.fail("want " + want)
	}
	_, err := r.token()
	return err
}

// end reads what must be the end of the text.
func (r *jsonReader) end() error {
	if _, err := r.dec.ReadToken(); err != io.EOF {
		return r.failAt("", "data after the end of the JSON text")
	}
	return nil
}

// object reads an object. A known member goes to its reader, or counts as
// absent when it is null; any other goes to other, which must consume its value.
func object[R any](r *jsonReader, self R, known members[R], other func(name string) error) error {
	if err := r.open('{', "an object"); err != nil {
		return err
	}
	mark, present := len(r.unknown), 0
	for r.dec.PeekKind() != '}' {
		name, err := r.name()
		if err != nil {
			return err
		}
		read, ok := known[string(name)]
		null := r.dec.PeekKind() == 'n'
		if !null {
			present++
		}
		switch {
		case ok && null:
			_, err = r.token()
		case ok:
			err = read(self)
		default:
			n := string(name)
			if err = checkVariant(r, n, known, mark); err == nil {
				err = other(n)
			}
		}
		if err != nil {
			return err
		}
	}
	r.unknown, r.present = r.unknown[:mark], present
	_, err := r.token()
	return err
}

// checkVariant refuses an unknown name that a case-insensitive parser would
// take for a known one or for an unknown one before it
// (GHSA-4gph-2hhr-5mwg is this confusion in another gateway).
func checkVariant[R any](r *jsonReader, name string, known members[R], mark int) error {
	if r.lenient {
		return nil
	}
	for k := range known {
		if strings.EqualFold(k, name) {
			return r.fail("differs from a known name only in case")
		}
	}
	for _, u := range r.unknown[mark:] {
		if strings.EqualFold(u, name) {
			return r.fail("differs from another name only in case")
		}
	}
	if len(r.unknown)-mark == maxUnknown {
		return r.fail(fmt.Sprintf("more than %d unknown names in an object", maxUnknown))
	}
	r.unknown = append(r.unknown, name)
	return nil
}

// array reads an array, each element with read.
func (r *jsonReader) array(read func() error) error {
	if err := r.open('[', "an array"); err != nil {
		return err
	}
	for r.dec.PeekKind() != ']' {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

// name reads a member's name, unquoted. It is valid until the next read.
func (r *jsonReader) name() ([]byte, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return nil, r.syntax(err)
	}
	name, err := unquote(v)
	if err != nil {
		return nil, r.syntax(err)
	}
	if len(name) > maxName && !r.lenient {
		return nil, r.failAt("", fmt.Sprintf("a name is longer than %d bytes", maxName))
	}
	return name, nil
}

// unquote decodes a JSON string that the decoder accepted, without copying
// where it has no escapes.
func unquote(v jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], nil
	}
	return jsontext.AppendUnquote(nil, v)
}

// text reads a string of at most limit bytes.
func (r *jsonReader) text(limit int) (string, error) {
	if k := r.dec.PeekKind(); k != '"' && k != 0 {
		return "", r.fail("want a string")
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return "", r.syntax(err)
	}
	s, err := unquote(v)
	if err != nil {
		return "", r.syntax(err)
	}
	if len(s) > limit {
		return "", r.fail(fmt.Sprintf("longer than %d bytes", limit))
	}
	return string(s), nil
}

// count reads a whole number from 0 to 2³¹−1, written as plain digits.
func (r *jsonReader) count() (int64, error) {
	if k := r.dec.PeekKind(); k != '0' && k != 0 {
		return 0, r.fail("want a number")
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return 0, r.syntax(err)
	}
	n, err := strconv.ParseUint(string(v), 10, 31)
	if err != nil {
		return 0, r.fail("want a whole number from 0 to 2147483647")
	}
	return int64(n), nil
}

// skip passes over one value of any kind.
func (r *jsonReader) skip() error {
	depth := r.dec.StackDepth()
	for {
		if _, err := r.token(); err != nil {
			return err
		}
		if r.dec.StackDepth() <= depth {
			return nil
		}
	}
}

// skipText passes over one string without looking into it.
func (r *jsonReader) skipText() error {
	if k := r.dec.PeekKind(); k != '"' && k != 0 {
		return r.fail("want a string")
	}
	_, err := r.token()
	return err
}

// raw passes over one value and returns its exact bytes.
func (r *jsonReader) raw() ([]byte, error) {
	start := r.dec.InputOffset()
	if err := r.skip(); err != nil {
		return nil, err
	}
	return r.since(start), nil
}

// since returns the exact bytes of the value read since an earlier offset.
func (r *jsonReader) since(start int64) []byte {
	return bytes.TrimLeft(r.body[start:r.dec.InputOffset()], " \t\r\n:,")
}
