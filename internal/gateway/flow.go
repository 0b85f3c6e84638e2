package gateway

import (
	"bytes"
	"io"

	"github.com/writ-project/writ/internal/bedrock"
)

// The content types of streamed answers.
const (
	eventStream      = "application/vnd.amazon.eventstream"
	serverSentEvents = "text/event-stream"
)

// unit is one whole piece of a streamed answer, the way its surface cuts it: a
// frame, or an event.
type unit struct {
	frame bedrock.Frame
	event bedrock.Event
}

func (u *unit) raw() []byte {
	if u.frame.Raw != nil {
		return u.frame.Raw
	}
	return u.event.Raw
}

// keep copies a unit, which is valid until the next is read.
func (u *unit) keep() unit {
	if u.frame.Raw != nil {
		f := u.frame
		f.Raw = bytes.Clone(f.Raw)
		f.Payload = within(f.Raw, u.frame.Raw, u.frame.Payload)
		return unit{frame: f}
	}
	e := u.event
	e.Raw = bytes.Clone(e.Raw)
	e.Data = bytes.Clone(e.Data) // lines of data are joined: not always a part of Raw
	return unit{event: e}
}

// within is the part of a copy that a part of its original is.
func within(copied, original, part []byte) []byte {
	start := cap(original) - cap(part)
	if cap(part) == 0 || start < 0 || start+len(part) > len(copied) {
		return bytes.Clone(part)
	}
	return copied[start : start+len(part) : start+len(part)]
}

// flow is a streamed answer. read may be called from another goroutine than the
// rest.
type flow interface {
	read() (unit, error)    // the next unit, valid until the call after; the error at the stream's end
	ready() bool            // the next unit is there whole, so read would not wait
	note(u *unit) error     // gathers usage and such; an error does not keep the unit from being passed on
	last(u *unit) bool      // the unit, which was noted, ends the answer
	answer() bedrock.Answer // what was gathered so far
	pieces(u *unit) (bedrock.Pieces, error)
	rewrite(u *unit, edits []bedrock.Edit) ([]byte, error)
	passed(u *unit)                 // the unit went to the client
	end(e bedrock.Error) []byte     // the stream's end for an answer that may not go on
	exception(bedrock.Error) []byte // the same for one that cannot
}

// frames is a flow of AWS's event stream.
type frames struct {
	op     bedrock.Operation
	reader *bedrock.FrameReader
	watch  *bedrock.Collector
	ending *bedrock.Ending
}

func newFrames(op bedrock.Operation, body io.Reader) *frames {
	return &frames{op: op, reader: bedrock.NewFrameReader(body), watch: bedrock.NewCollector(op), ending: bedrock.NewEnding(op)}
}

func (f *frames) read() (unit, error) {
	frame, err := f.reader.Next()
	return unit{frame: frame}, err
}

func (f *frames) ready() bool            { return f.reader.Ready() }
func (f *frames) note(u *unit) error     { return f.watch.Add(u.frame) }
func (f *frames) last(*unit) bool        { return f.watch.Answer().Final }
func (f *frames) answer() bedrock.Answer { return f.watch.Answer() }
func (f *frames) passed(u *unit)         { f.ending.PassFrame(u.frame) }

func (f *frames) pieces(u *unit) (bedrock.Pieces, error) { return bedrock.FramePieces(f.op, u.frame) }

func (f *frames) rewrite(u *unit, edits []bedrock.Edit) ([]byte, error) {
	return bedrock.RewriteFrame(f.op, u.frame, edits)
}

// end is an exception, which AWS's SDKs raise: a native end would look like an
// answer that is complete (security S23; compat drives the SDKs against it).
func (f *frames) end(e bedrock.Error) []byte {
	return f.ending.Append(nil, bedrock.EndException, e)
}

func (f *frames) exception(e bedrock.Error) []byte { return bedrock.AppendException(nil, f.op, e) }

// events is a flow of server-sent events.
type events struct {
	reader *bedrock.EventReader
	watch  *bedrock.EventCollector
	ending *bedrock.Ending
}

func newEvents(op bedrock.Operation, body io.Reader) *events {
	return &events{reader: bedrock.NewEventReader(body), watch: bedrock.NewEventCollector(), ending: bedrock.NewEnding(op)}
}

func (e *events) read() (unit, error) {
	event, err := e.reader.Next()
	return unit{event: event}, err
}

func (e *events) ready() bool            { return e.reader.Ready() }
func (e *events) note(u *unit) error     { return e.watch.Add(u.event) }
func (e *events) last(u *unit) bool      { return u.event.Done() }
func (e *events) answer() bedrock.Answer { return e.watch.Answer() }
func (e *events) passed(u *unit)         { e.ending.PassEvent(u.event) }

func (e *events) pieces(u *unit) (bedrock.Pieces, error) { return bedrock.EventPieces(u.event) }

func (e *events) rewrite(u *unit, edits []bedrock.Edit) ([]byte, error) {
	return bedrock.RewriteEvent(u.event, edits)
}

// end is an error event, which OpenAI's clients raise.
func (e *events) end(err bedrock.Error) []byte {
	return e.ending.Append(nil, bedrock.EndException, err)
}

func (e *events) exception(err bedrock.Error) []byte { return bedrock.AppendErrorEvent(nil, err) }
