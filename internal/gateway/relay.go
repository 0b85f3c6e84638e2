package gateway

import (
	"context"
	"crypto/sha256"
	"io"
	"net/http"

	"github.com/writ-project/writ/internal/bedrock"
)

// The content types of streamed answers.
const (
	eventStream      = "application/vnd.amazon.eventstream"
	serverSentEvents = "text/event-stream"
)

// flow is a streamed answer in whole pieces, the way its surface cuts it.
type flow interface {
	// next returns the next piece's bytes, valid until the call after, and the
	// error at the stream's end. unread is why the piece could not be read,
	// which does not keep it from being passed on.
	next() (raw []byte, unread, err error)
	ready() bool            // the next piece is there whole, so next would not wait
	last() bool             // what next returned ends the answer
	answer() bedrock.Answer // what was gathered so far
}

// frames is a flow of AWS's event stream.
type frames struct {
	reader *bedrock.FrameReader
	watch  *bedrock.Collector
}

func newFrames(op bedrock.Operation, body io.Reader) *frames {
	return &frames{reader: bedrock.NewFrameReader(body), watch: bedrock.NewCollector(op)}
}

func (f *frames) next() (raw []byte, unread, err error) {
	frame, err := f.reader.Next()
	if err != nil {
		return nil, nil, err
	}
	return frame.Raw, f.watch.Add(frame), nil
}

func (f *frames) ready() bool            { return f.reader.Ready() }
func (f *frames) last() bool             { return f.watch.Answer().Final }
func (f *frames) answer() bedrock.Answer { return f.watch.Answer() }

// events is a flow of server-sent events.
type events struct {
	reader *bedrock.EventReader
	watch  *bedrock.EventCollector
	done   bool
}

func newEvents(body io.Reader) *events {
	return &events{reader: bedrock.NewEventReader(body), watch: bedrock.NewEventCollector()}
}

func (e *events) next() (raw []byte, unread, err error) {
	event, err := e.reader.Next()
	if err != nil {
		return nil, nil, err
	}
	e.done = event.Done()
	return event.Raw, e.watch.Add(event), nil
}

func (e *events) ready() bool            { return e.reader.Ready() }
func (e *events) last() bool             { return e.done }
func (e *events) answer() bedrock.Answer { return e.watch.Answer() }

// relay passes on a stream, one whole piece at a time, and flushes before it
// would wait for the next: the first byte is out when the first piece is in,
// and pieces that came together leave together. In strict mode the end is held
// until the outcome is durable (security S27).
func (x *exchange) relay(in flow) {
	x.writeHead(-1)
	out := http.NewResponseController(x.w)
	_ = out.Flush()
	defer x.hurryWhenCut(out)()
	digest := sha256.New()
	for {
		raw, unread, err := in.next()
		if err != nil {
			x.streamEnded(err, in.answer())
			break
		}
		if x.lost() {
			x.streamEnded(context.Canceled, in.answer())
			break
		}
		if unread != nil {
			x.g.cfg.Log.Warn("a part of a stream could not be read", "id", x.id, "err", unread)
		}
		x.result.frames++
		x.result.bytes += int64(len(raw))
		digest.Write(raw)
		if x.g.cfg.Strict && !x.settled && in.last() {
			digest.Sum(x.result.sum[:0])
			x.gather(in.answer())
			x.result.ended = endedComplete
			if err := x.settle(); err != nil {
				x.writeException(bedrock.Error{Type: bedrock.InternalServerException, Message: "the outcome could not be recorded"})
				break
			}
		}
		if !x.writeFrame(out, raw, !in.ready()) {
			x.result.ended = x.writeFailed()
			break
		}
	}
	digest.Sum(x.result.sum[:0])
	x.gather(in.answer())
}
