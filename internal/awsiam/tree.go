package awsiam

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// The limits of a document. AWS's own are far lower: 10,240 characters for the
// largest policy, and no nesting beyond condition values.
const (
	maxDepth  = 16
	maxValues = 200_000
)

// value is a JSON value that knows where it stands.
type value struct {
	kind   byte // as jsontext: '{' '[' '"' '0' 't' 'f' 'n'; 0: none
	text   string
	items  []value // of an array, or the members of an object in order
	offset int64
	name   string // of a member; two may have the same
	nameAt int64
}

// readTree reads one JSON value and nothing after it. The value is the
// reader's, and good until the next one.
func (r *treeReader) readTree(data []byte) (value, error) {
	r.doc, r.utf8 = string(data), utf8.Valid(data)
	r.count, r.open, r.kept = 0, r.open[:0], r.kept[:0]
	// The decoder reads from a buffer in place.
	r.dec.Reset(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := r.value(0)
	if err != nil {
		return v, err
	}
	switch _, err := r.dec.ReadToken(); {
	case errors.Is(err, io.EOF):
		return v, nil
	case err != nil:
		return v, err
	}
	return v, errMore
}

var (
	errMore  = errors.New("there is more after the end of the JSON")
	errLarge = fmt.Errorf("nested deeper than %d, or more than %d values", maxDepth, maxValues)
)

type treeReader struct {
	doc   string // what the strings of the tree are parts of
	utf8  bool   // all of it
	dec   jsontext.Decoder
	count int
	open  []value // whose array or object has not ended
	kept  []value // the others
}

// readers are for the many small documents of an account: a tree is forgotten
// as soon as its policy is made.
var readers = sync.Pool{New: func() any { return new(treeReader) }}

// release gives the reader back without its input, unless it has grown beyond
// the usual.
func (r *treeReader) release() {
	r.doc = ""
	r.dec.Reset(new(bytes.Buffer))
	if cap(r.kept) <= 4096 && cap(r.open) <= 4096 {
		readers.Put(r)
	}
}

func (r *treeReader) value(depth int) (v value, err error) {
	if r.count++; r.count > maxValues || depth > maxDepth {
		return v, errLarge
	}
	v.kind = byte(r.dec.PeekKind())
	switch v.kind {
	case '{', '[':
		if _, err := r.dec.ReadToken(); err != nil {
			return v, err
		}
		v.offset = r.dec.InputOffset() - 1
		v.items, err = r.inside(v.kind, depth)
		return v, err
	}
	v.text, v.offset, err = r.scalar()
	return v, err
}

// scalar reads a string, a number or a name, and where it begins.
func (r *treeReader) scalar() (text string, offset int64, err error) {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return "", 0, err
	}
	end := r.dec.InputOffset()
	offset = end - int64(len(raw))
	if raw[0] != '"' {
		return r.doc[offset:end], offset, nil
	}
	if r.utf8 && bytes.IndexByte(raw, '\\') < 0 {
		return r.doc[offset+1 : end-1], offset, nil
	}
	// The decoder has taken it: an error is of bytes that have been replaced.
	plain, _ := jsontext.AppendUnquote(nil, raw)
	return string(plain), offset, nil
}

// inside reads the items of an array, or the members of an object, to its end.
func (r *treeReader) inside(kind byte, depth int) ([]value, error) {
	from, end := len(r.open), jsontext.Kind(kind+2) // ] and } in ASCII
	for r.dec.PeekKind() != end {
		name, at, err := "", int64(0), error(nil)
		if kind == '{' {
			name, at, err = r.scalar()
		}
		if err != nil {
			return nil, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.name, v.nameAt = name, at
		r.open = append(r.open, v)
	}
	_, err := r.dec.ReadToken()
	items := r.keep(r.open[from:])
	r.open = r.open[:from]
	return items, err
}

// keep copies values to where they stay, even if those after them move on.
func (r *treeReader) keep(list []value) []value {
	from := len(r.kept)
	r.kept = append(r.kept, list...)
	return r.kept[from:len(r.kept):len(r.kept)]
}

// plain says where and what is wrong in the words of someone who edits the
// file, and names the commonest cause.
func (r *treeReader) plain(data []byte, err error) (at int, why string) {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		at = int(r.dec.InputOffset())
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return at, endsEarly
		}
		return at, err.Error()
	}
	at = min(int(syntax.ByteOffset), len(data))
	rest := data[at:]
	switch {
	case bytes.HasPrefix(rest, []byte("//")) || bytes.HasPrefix(rest, []byte("/*")) || bytes.HasPrefix(rest, []byte("#")):
		return at, "a comment, which JSON does not have"
	case errors.Is(err, io.ErrUnexpectedEOF) || at == len(data):
		return at, endsEarly
	}
	return at, syntax.Err.Error()
}

const endsEarly = "the JSON ends too early: is the file cut off?"
