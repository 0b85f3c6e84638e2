package bedrock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The framing of application/vnd.amazon.eventstream
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
// describes the same one):
//
//	uint32 length of the whole frame
//	uint32 length of the headers
//	uint32 CRC-32 (IEEE) of the eight bytes before
//	headers: uint8 length, name, uint8 type, value, repeated
//	payload
//	uint32 CRC-32 of everything before
//
// Integers are big-endian.
const (
	preludeLen  = 12
	checksumLen = 4
	maxFrame    = 16 << 20
	firstBuffer = 8 << 10
)

// ErrBadFrame says that a stream holds something other than whole, intact frames.
var ErrBadFrame = errors.New("bad event stream frame")

// Frame is one frame of an event stream. Its slices belong to the FrameReader
// and are valid until its next read.
type Frame struct {
	Raw     []byte // the whole frame, exactly as received
	Message string // the header :message-type: event, exception or error
	Type    string // :event-type, :exception-type or :error-code
	Payload []byte // JSON
}

// FrameReader cuts an event stream into frames, without changing a byte.
type FrameReader struct {
	src        io.Reader
	buf        []byte
	start, end int // the unread part of buf
}

// NewFrameReader reads frames from src.
func NewFrameReader(src io.Reader) *FrameReader {
	return &FrameReader{src: src, buf: make([]byte, firstBuffer)}
}

// Next returns the next frame. It returns io.EOF where the stream ends between
// two frames, an error wrapping io.ErrUnexpectedEOF where it ends within one,
// and an error wrapping ErrBadFrame for a frame that is damaged, larger than
// 16 MiB, or ambiguous about what it is. After an error it cannot go on.
func (f *FrameReader) Next() (Frame, error) {
	if err := f.fill(preludeLen); err != nil {
		return Frame{}, err
	}
	prelude := f.buf[f.start : f.start+preludeLen]
	size := int(binary.BigEndian.Uint32(prelude))
	headers := int(binary.BigEndian.Uint32(prelude[4:]))
	switch {
	case crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]):
		return Frame{}, fmt.Errorf("%w: prelude checksum", ErrBadFrame)
	case size > maxFrame:
		return Frame{}, fmt.Errorf("%w: %d bytes long", ErrBadFrame, size)
	case size < preludeLen+checksumLen || headers > size-preludeLen-checksumLen:
		return Frame{}, fmt.Errorf("%w: lengths contradict each other", ErrBadFrame)
	}
	if err := f.fill(size); err != nil {
		return Frame{}, err
	}
	raw := f.buf[f.start : f.start+size : f.start+size]
	body := raw[:size-checksumLen]
	if crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(raw[len(body):]) {
		return Frame{}, fmt.Errorf("%w: checksum", ErrBadFrame)
	}
	frame := Frame{Raw: raw, Payload: body[preludeLen+headers:]}
	if err := frame.readHeaders(body[preludeLen : preludeLen+headers]); err != nil {
		return Frame{}, err
	}
	f.start += size
	return frame, nil
}

// Ready reports whether the next frame has arrived whole, so that Next would
// not wait for it.
func (f *FrameReader) Ready() bool {
	have := f.end - f.start
	return have >= preludeLen && have >= int(binary.BigEndian.Uint32(f.buf[f.start:]))
}

// fill makes at least n unread bytes available.
func (f *FrameReader) fill(n int) error {
	have := f.end - f.start
	if have >= n {
		return nil
	}
	if n > len(f.buf)-f.start {
		to := f.buf
		if n > len(to) {
			to = make([]byte, max(n, min(2*len(to), maxFrame)))
		}
		copy(to, f.buf[f.start:f.end])
		f.buf, f.start, f.end = to, 0, have
	}
	got, err := io.ReadAtLeast(f.src, f.buf[f.end:], n-have)
	f.end += got
	switch {
	case err == nil:
		return nil
	case err == io.EOF && have == 0:
		return io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading event stream: %w", err)
}

// Value types of a header.
const (
	headerBytes  = 6
	headerString = 7
)

// headerSizes are the sizes of the values of fixed length, by type: true,
// false, int8, int16, int32, int64, (bytes, string,) timestamp, uuid.
var headerSizes = [...]int{0, 0, 1, 2, 4, 8, -1, -1, 8, 16}

func (f *Frame) readHeaders(h []byte) error {
	for len(h) > 0 {
		name, value, kind, rest, ok := nextHeader(h)
		if !ok {
			return fmt.Errorf("%w: headers", ErrBadFrame)
		}
		h = rest
		var into *string
		switch string(name) {
		case ":message-type":
			into = &f.Message
		case ":event-type", ":exception-type", ":error-code":
			into = &f.Type
		default:
			continue
		}
		if kind != headerString || *into != "" || len(value) == 0 {
			return fmt.Errorf("%w: header %s", ErrBadFrame, name)
		}
		*into = intern(value)
	}
	if f.Message == "" || f.Type == "" {
		return fmt.Errorf("%w: no message type", ErrBadFrame)
	}
	return nil
}

func nextHeader(h []byte) (name, value []byte, kind byte, rest []byte, ok bool) {
	n := int(h[0])
	if n == 0 || len(h) < 1+n+1 {
		return nil, nil, 0, nil, false
	}
	name, kind, h = h[1:1+n], h[1+n], h[2+n:]
	if int(kind) >= len(headerSizes) {
		return nil, nil, 0, nil, false
	}
	size := headerSizes[kind]
	if kind == headerBytes || kind == headerString {
		if len(h) < 2 {
			return nil, nil, 0, nil, false
		}
		size, h = int(binary.BigEndian.Uint16(h)), h[2:]
	}
	if len(h) < size {
		return nil, nil, 0, nil, false
	}
	return name, h[:size], kind, h[size:], true
}

// intern returns the names that nearly every frame has without allocating.
func intern(b []byte) string {
	switch string(b) {
	case "event":
		return "event"
	case "chunk":
		return "chunk"
	case "contentBlockDelta":
		return "contentBlockDelta"
	}
	return string(b)
}

// AppendEvent appends a frame holding an event whose payload is JSON.
func AppendEvent(dst []byte, eventType string, payload []byte) []byte {
	return appendFrame(dst, ":event-type", eventType, "event", payload)
}

// appendFrame appends a frame with the three headers that AWS sends, in AWS's order.
func appendFrame(dst []byte, typeHeader, typ, message string, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, preludeLen)...)
	dst = appendHeader(dst, typeHeader, typ)
	dst = appendHeader(dst, ":content-type", "application/json")
	dst = appendHeader(dst, ":message-type", message)
	headers := len(dst) - start - preludeLen
	dst = append(dst, payload...)
	prelude := dst[start : start+preludeLen]
	binary.BigEndian.PutUint32(prelude, uint32(len(dst)-start+checksumLen))
	binary.BigEndian.PutUint32(prelude[4:], uint32(headers))
	binary.BigEndian.PutUint32(prelude[8:], crc32.ChecksumIEEE(prelude[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(dst[start:]))
}

func appendHeader(dst []byte, name, value string) []byte {
	dst = append(append(dst, byte(len(name))), name...)
	dst = binary.BigEndian.AppendUint16(append(dst, headerString), uint16(len(value)))
	return append(dst, value...)
}
