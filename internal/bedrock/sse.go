package bedrock

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The framing of text/event-stream, in which OpenAI's surface streams
// (https://html.spec.whatwg.org/multipage/server-sent-events.html): an event is
// lines of "field: value" up to an empty one. Lines end in LF or CRLF; a CR
// alone, which the standard also allows, is refused, since readers that do not
// know it would see other events than those that do.

// Event is one server-sent event. Its slices belong to the EventReader and are
// valid until its next read.
type Event struct {
	Raw  []byte // the whole event with its empty line, exactly as received
	Data []byte // its data; nil for a comment or a keep-alive
}

// doneMark is the data of the event that ends a stream of OpenAI's.
var doneMark = []byte("[DONE]")

// Done reports whether the event says that the stream has ended well.
func (e Event) Done() bool { return bytes.Equal(e.Data, doneMark) }

// EventReader cuts a stream into server-sent events, without changing a byte.
type EventReader struct {
	src        io.Reader
	buf        []byte
	start, end int // the unread part of buf
}

// NewEventReader reads events from src.
func NewEventReader(src io.Reader) *EventReader {
	return &EventReader{src: src, buf: make([]byte, firstBuffer)}
}

// Next returns the next event. It returns io.EOF where the stream ends between
// two events, an error wrapping io.ErrUnexpectedEOF where it ends within one,
// and an error wrapping ErrBadFrame for an event that is larger than 16 MiB or
// ambiguous. After an error it cannot go on.
func (r *EventReader) Next() (Event, error) {
	seen := 0 // how much of the unread part holds no end for certain
	for {
		unread := r.buf[r.start:r.end]
		if n := eventEnd(unread, seen); n > 0 {
			r.start += n
			return readEvent(unread[:n:n])
		}
		seen = max(len(unread)-2, 0)
		if err := r.fill(); err != nil {
			return Event{}, err
		}
	}
}

// Ready reports whether the next event has arrived whole, so that Next would
// not wait for it.
func (r *EventReader) Ready() bool { return eventEnd(r.buf[r.start:r.end], 0) > 0 }

// fill reads more into the buffer, which it makes larger when it is full.
func (r *EventReader) fill() error {
	if r.end == len(r.buf) {
		have := r.end - r.start
		to := r.buf
		if have > len(to)/2 {
			if have >= maxFrame {
				return fmt.Errorf("%w: more than %d bytes long", ErrBadFrame, maxFrame)
			}
			to = make([]byte, 2*len(to))
		}
		copy(to, r.buf[r.start:r.end])
		r.buf, r.start, r.end = to, 0, have
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	switch {
	case n > 0 || err == nil:
		return nil
	case err == io.EOF && r.start == r.end:
		return io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading server-sent events: %w", err)
}

// eventEnd is the length of the event that b begins with, its empty line
// included, or 0 when its end has not come. No line that ends before from is
// followed by an empty one.
func eventEnd(b []byte, from int) int {
	if n := emptyLine(b); n > 0 {
		return n
	}
	for i := from; i < len(b); i++ {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return 0
		}
		i += j
		if n := emptyLine(b[i+1:]); n > 0 {
			return i + 1 + n
		}
	}
	return 0
}

// emptyLine is the length of the empty line that b begins with, or 0.
func emptyLine(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte("\n")):
		return 1
	case bytes.HasPrefix(b, []byte("\r\n")):
		return 2
	}
	return 0
}

var errBareCR = fmt.Errorf("%w: a carriage return alone", ErrBadFrame)

// readEvent finds the data of a whole event.
func readEvent(raw []byte) (Event, error) {
	e := Event{Raw: raw}
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		if bytes.IndexByte(line, '\r') >= 0 {
			return Event{}, errBareCR
		}
		value, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok && string(line) != "data" { // a name alone has an empty value
			continue
		}
		if !ok {
			value = line[len(line):]
		}
		value = bytes.TrimPrefix(value, []byte(" "))
		if e.Data == nil {
			e.Data = value[:len(value):len(value)]
		} else {
			e.Data = append(append(e.Data, '\n'), value...) // a copy: its room ends where it does
		}
	}
	return e, nil
}

// EventCollector gathers an Answer from a chat completion's events as they pass.
type EventCollector struct{ reader answerReader }

// NewEventCollector collects from one stream.
func NewEventCollector() *EventCollector {
	return &EventCollector{reader: answerReader{jsonReader: jsonReader{lenient: true}}}
}

var (
	chatEventMembers = answerShape{
		"choices": (*answerReader).choices,
		"usage":   (*answerReader).usage,
		"error":   (*answerReader).failure,
	}
	failureMembers = answerShape{
		"type": (*answerReader).failureName,
		"code": (*answerReader).failureName,
	}
)

// failure reads an error that came in the place of an event.
func (r *answerReader) failure() error {
	r.answer.Exception = "error"
	return r.shape(failureMembers)
}

func (r *answerReader) failureName() error {
	s, err := r.word()
	if s != "" {
		r.answer.Exception = s
	}
	return err
}

// Add looks at one event. It does not keep the event. An error says that its
// data is not what a chat completion's is; usage is unknown from then on.
func (c *EventCollector) Add(e Event) error {
	r := &c.reader
	switch {
	case e.Data == nil:
		return nil
	case e.Done():
		r.answer.Final = true
		return nil
	}
	r.reset("event", e.Data)
	err := object(&r.jsonReader, r, chatEventMembers, r.pass)
	if err == nil {
		err = r.end()
	}
	if err != nil {
		r.implausible = true
		return errors.Join(errors.New("reading event"), err)
	}
	return nil
}

// Answer is what was collected so far. A stream whose caller did not ask for
// usage brings none: it is unknown, and never zero (security S22).
func (c *EventCollector) Answer() Answer {
	said := c.reader.answer
	a := c.reader.finished("stream", said.Final || said.StopReason != "")
	a.ToolUses = append([]string(nil), a.ToolUses...)
	return a
}
