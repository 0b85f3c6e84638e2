package bedrock

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/go-json-experiment/json/jsontext"
)

// Edit puts another text in the place of one string of a JSON text.
type Edit struct {
	Start, End int    // the string's place, quotes included
	Value      []byte // the new text, in UTF-8, without escapes
}

// ErrBadEdit says that an edit is not of exactly one string value, overlaps
// another, or comes out of order.
var ErrBadEdit = errors.New("an edit that is not of one string")

// Splice returns a copy of a JSON text in which the strings that the edits name
// are others, written with as few escapes as JSON allows. Every other byte is as
// it was. A member's name cannot be edited, nor a number.
//
// It reads the whole text: a range that only looks like a string, being a part
// of one, is refused with an error wrapping ErrBadEdit, as are edits that
// overlap or are out of order; a text that is no JSON is a *RequestError.
func Splice(body []byte, edits []Edit) ([]byte, error) {
	s := splicer{edits: edits, out: make([]byte, 0, len(body)+added(edits))}
	s.lenient = true
	s.reset("body", body)
	if err := s.value(); err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	if len(s.edits) > 0 {
		return nil, ErrBadEdit
	}
	return append(s.out, body[s.copied:]...), nil
}

// added is how much longer the edits make a text at most, unless they need escapes.
func added(edits []Edit) int {
	n := 0
	for _, e := range edits {
		n += len(e.Value)
	}
	return n
}

// splicer copies a JSON text while it reads it.
type splicer struct {
	jsonReader
	edits  []Edit // those still to come
	out    []byte
	copied int // how much of the text is in out
}

// value reads one value of any kind, and edits the strings in it.
func (s *splicer) value() error {
	for {
		if s.dec.PeekKind() != '"' {
			if _, err := s.token(); err != nil {
				return err
			}
		} else if err := s.text(); err != nil {
			return err
		}
		if s.dec.StackDepth() == 0 {
			return nil
		}
	}
}

// text reads a string, which in an object is a name if an even number of names
// and values is before it.
func (s *splicer) text() error {
	around, before := s.dec.StackIndex(s.dec.StackDepth())
	v, err := s.dec.ReadValue()
	if err != nil {
		return s.syntax(err)
	}
	return s.edit(int(s.dec.InputOffset()), len(v), around == '{' && before%2 == 0)
}

// edit replaces the string just read, if the next edit is of it.
func (s *splicer) edit(end, length int, isName bool) error {
	if len(s.edits) == 0 {
		return nil
	}
	start, e := end-length, s.edits[0]
	switch {
	case e.Start >= end:
		return nil
	case e.Start != start || e.End != end || isName:
		return ErrBadEdit
	}
	s.out = append(s.out, s.body[s.copied:start]...)
	var err error
	if s.out, err = jsontext.AppendQuote(s.out, e.Value); err != nil {
		return fmt.Errorf("%w: its text is not UTF-8", ErrBadEdit)
	}
	s.copied, s.edits = end, s.edits[1:]
	return nil
}

// RewriteFrame returns a frame like f, in which the texts that the edits name
// are others; their places are those that FramePieces gives. Headers are kept
// as they are, and so is everything else in the payload, AWS's padding with it.
// The frame is a whole one, with its own lengths and checksums.
//
// What was held back of a channel can be let out as a rewritten copy of the
// channel's last frame, with its other fragments made empty.
func RewriteFrame(op Operation, f Frame, edits []Edit) ([]byte, error) {
	payload, err := rewritePayload(op, f, edits)
	if err != nil {
		return nil, err
	}
	return withPayload(f, payload)
}

// withPayload is a frame with the headers of f and another payload.
func withPayload(f Frame, payload []byte) ([]byte, error) {
	headers, ok := frameHeaders(f.Raw)
	if !ok {
		return nil, fmt.Errorf("%w: headers", ErrBadFrame)
	}
	size := preludeLen + len(headers) + len(payload) + checksumLen
	if size > maxFrame {
		return nil, fmt.Errorf("%w: %d bytes long", ErrBadFrame, size)
	}
	out := binary.BigEndian.AppendUint32(make([]byte, 0, size), uint32(size))
	out = binary.BigEndian.AppendUint32(out, uint32(len(headers)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, headers...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out)), nil
}

// frameHeaders are the bytes of a whole frame's headers.
func frameHeaders(raw []byte) ([]byte, bool) {
	if len(raw) < preludeLen+checksumLen {
		return nil, false
	}
	n := int(binary.BigEndian.Uint32(raw[4:]))
	if n > len(raw)-preludeLen-checksumLen {
		return nil, false
	}
	return raw[preludeLen : preludeLen+n], true
}

// rewritePayload is the payload of a frame with its texts edited: in a chunk
// those of the event inside.
func rewritePayload(op Operation, f Frame, edits []Edit) ([]byte, error) {
	if len(edits) == 0 {
		return f.Payload, nil
	}
	if op != InvokeModelWithResponseStream || f.Message != "event" || f.Type != "chunk" {
		return Splice(f.Payload, edits)
	}
	outer, err := eventPieces("frame", f.Payload)
	if err != nil {
		return nil, err
	}
	inner, _, err := innerEvent(outer.texts)
	if err != nil {
		return nil, err
	}
	if inner, err = Splice(inner, edits); err != nil {
		return nil, err
	}
	return wrapped(op, f, inner)
}

// wrapped is the payload of a frame like f whose event is another.
func wrapped(op Operation, f Frame, event []byte) ([]byte, error) {
	if op != InvokeModelWithResponseStream || f.Type != "chunk" {
		return event, nil
	}
	outer, err := eventPieces("frame", f.Payload)
	if err != nil {
		return nil, err
	}
	_, at, err := innerEvent(outer.texts)
	if err != nil {
		return nil, err
	}
	encoded := base64.StdEncoding.AppendEncode(nil, event)
	return Splice(f.Payload, []Edit{{Start: at.Start, End: at.End, Value: encoded}})
}

// RewriteEvent is RewriteFrame for a server-sent event. Its other fields and
// its comments are kept; its data becomes one field, in the place of the first.
func RewriteEvent(e Event, edits []Edit) ([]byte, error) {
	if len(edits) == 0 {
		return bytes.Clone(e.Raw), nil
	}
	data, err := Splice(e.Data, edits)
	if err != nil {
		return nil, err
	}
	return withData(e.Raw, data), nil
}

// withData is an event with other data.
func withData(raw, data []byte) []byte {
	out, written := make([]byte, 0, len(raw)+len(data)), false
	for line := range bytes.SplitAfterSeq(raw, []byte("\n")) {
		switch isData := bytes.HasPrefix(line, []byte("data:")) || string(bytes.TrimRight(line, "\r\n")) == "data"; {
		case !isData:
			out = append(out, line...)
		case !written:
			out, written = appendData(out, data), true
		}
	}
	return out
}

// appendData appends the fields of an event's data: one for each line of it.
func appendData(dst, data []byte) []byte {
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		dst = append(append(append(dst, "data: "...), line...), '\n')
	}
	return dst
}
