package estate

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/writ-project/writ/internal/awsiam"
)

// framer cuts a stream of JSON into values, without holding more than one. It
// finds where values begin and end; what is between is for a cursor to check.
// A value that is too large or too deep is passed over in constant memory, so
// that it does not hide the rest.
type framer struct {
	r        io.Reader
	file     string
	maxValue int
	maxDepth int

	buf      []byte // window on the stream
	pos, end int    // what of it is not yet used
	lent     bool   // values are still parts of buf: it must not be written to
	base     int64  // offset in the file of buf[0]
	mark     int    // up to where in buf line and lineAt are counted
	line     int    // lines that end before mark
	lineAt   int64  // offset where the line of mark begins
}

const windowSize = 1 << 18

func newFramer(in *input, limits Limits) *framer {
	return &framer{r: in.text, file: in.name, base: in.start, maxValue: limits.Value, maxDepth: limits.Depth, buf: make([]byte, windowSize)}
}

// errSkipped says that a value was passed over.
var errSkipped = errors.New("passed over")

// fill moves the window on. It fails with io.EOF when the stream ends.
func (f *framer) fill() error {
	f.count(f.pos)
	f.base += int64(f.pos)
	f.mark -= f.pos
	rest := f.buf[f.pos:f.end]
	if f.lent {
		f.buf, f.lent = make([]byte, windowSize), false
	}
	f.end = copy(f.buf, rest)
	f.pos = 0
	for range 100 {
		n, err := f.r.Read(f.buf[f.end:])
		f.end += n
		switch {
		case n > 0:
			return nil
		case err != nil:
			return err
		}
	}
	return io.ErrNoProgress
}

// count counts lines up to a place in the window.
func (f *framer) count(to int) {
	if to <= f.mark {
		return
	}
	part := f.buf[f.mark:to]
	f.line += bytes.Count(part, []byte("\n"))
	if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
		f.lineAt = f.base + int64(f.mark+i) + 1
	}
	f.mark = to
}

// here is the position of the next byte.
func (f *framer) here() awsiam.Position {
	f.count(f.pos)
	at := f.base + int64(f.pos)
	return awsiam.Position{File: f.file, Offset: at, Line: f.line + 1, Column: int(at-f.lineAt) + 1}
}

func (f *framer) fail(format string, args ...any) error {
	return &InputError{Position: f.here(), Reason: fmt.Sprintf(format, args...)}
}

// cut says that the stream ended, or could not be read, inside a value.
func (f *framer) cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return f.fail("the JSON ends too early: is the file cut off?")
	}
	if errors.Is(err, errTooLong) {
		return f.fail("the file is longer than the limit once decompressed")
	}
	return fmt.Errorf("reading %s: %w", f.file, err)
}

// peek returns the next byte that is not white space.
func (f *framer) peek() (byte, error) {
	for {
		for ; f.pos < f.end; f.pos++ {
			if class[f.buf[f.pos]] != space {
				return f.buf[f.pos], nil
			}
		}
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
}

// odd says what is wrong with the next byte, and names the commonest cause.
func (f *framer) odd() error {
	switch c := f.buf[f.pos]; c {
	case '/', '#':
		return &InputError{Position: f.here(), Reason: "a comment, which JSON does not have", Hint: "remove the comments"}
	case 0:
		return f.fail("a NUL byte between JSON values")
	default:
		return f.fail("character %q where JSON has none", rune(c))
	}
}

// expect takes one byte.
func (f *framer) expect(want byte) error {
	c, err := f.peek()
	if err != nil {
		return f.cut(err)
	}
	if c != want {
		if class[c] == bad {
			return f.odd()
		}
		return f.fail("character %q where %q belongs", rune(c), rune(want))
	}
	f.pos++
	return nil
}

// list visits what stands between two brackets, separated by commas.
func (f *framer) list(open, shut byte, visit func() error) error {
	if err := f.expect(open); err != nil {
		return err
	}
	for n := 0; ; n++ {
		c, err := f.peek()
		switch {
		case err != nil:
			return f.cut(err)
		case c == shut:
			f.pos++
			return nil
		}
		if n > 0 {
			if err := f.expect(','); err != nil {
				return err
			}
		}
		if err := visit(); err != nil {
			return err
		}
	}
}

// object visits an object's members; visit takes the value.
func (f *framer) object(visit func(name string, at awsiam.Position) error) error {
	return f.list('{', '}', func() error {
		c, err := f.peek()
		if err != nil {
			return f.cut(err)
		}
		at := f.here()
		if c != '"' {
			if class[c] == bad {
				return f.odd()
			}
			return f.fail("character %q where a member's name belongs", rune(c))
		}
		raw, err := f.value()
		if err != nil && !errors.Is(err, errSkipped) {
			return err
		}
		if err := f.expect(':'); err != nil {
			return err
		}
		return visit(unquote(raw), at)
	})
}

// array visits a list's items; visit takes the value.
func (f *framer) array(visit func() error) error { return f.list('[', ']', visit) }

// unquote is the text of a JSON string; bytes that are not UTF-8 become U+FFFD.
func unquote(raw []byte) string {
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil && len(text) == 0 {
		return string(raw)
	}
	return string(text)
}
