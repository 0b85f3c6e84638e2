package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"hash"
	"net/http"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
)

// relay passes on a stream, one whole unit at a time, and flushes before it
// would wait for the next: the first byte is out when the first unit is in, and
// units that came together leave together. What the answer says is read on the
// way; where it may depend on that whether the answer is let out, a sluice holds
// back what is not decided. In strict mode the end is held until the outcome is
// durable (security S27).
func (x *exchange) relay(in flow) {
	x.writeHead(-1)
	r := &relaying{x: x, in: in, out: http.NewResponseController(x.w), sent: sha256.New(), came: sha256.New()}
	_ = r.out.Flush()
	defer x.hurryWhenCut(r.out)()
	if x.waits != nil {
		r.gate = newGate(r, x.waits)
	}
	if x.governed() {
		r.held()
	} else {
		r.straight()
	}
	r.finish()
}

// relaying is one streamed answer on its way.
type relaying struct {
	x    *exchange
	in   flow
	out  *http.ResponseController
	sent hash.Hash // of what went to the client
	came hash.Hash // of what came from Bedrock
	left bool      // something was written and not flushed
	gate *gate     // keeps back what waits for a human; nil: nothing can
}

// straight passes units on as they come, and reads them afterwards: what they
// say is for the record only.
func (r *relaying) straight() {
	x := r.x
	reading := newReading(x, r.in)
	for {
		u, err := r.in.read()
		if err != nil {
			x.streamEnded(r.in, err)
			break
		}
		r.arrived(&u)
		if !r.pass(&u, u.raw(), r.in.last(&u), !r.in.ready()) {
			break
		}
		if reading.take(&u); reading.stream.Fresh() >= readTogether {
			reading.stream.Read()
		}
	}
	reading.done()
}

// arrived notes a unit.
func (r *relaying) arrived(u *unit) {
	if err := r.in.note(u); err != nil {
		r.x.g.cfg.Log.Warn("a part of a stream could not be read", "id", r.x.id, "err", err)
	}
	r.came.Write(u.raw())
}

// pass writes a unit's bytes to the client where the call may still go on, and
// reports whether it does. The last one ends the answer. What waits for a human is
// kept back here, after all else is decided.
func (r *relaying) pass(u *unit, raw []byte, last, flush bool) bool {
	x := r.x
	// What is held, or was read ahead, must not go out after the right ended.
	if x.lost() || x.ctx.Err() != nil {
		x.streamEnded(r.in, context.Canceled)
		return false
	}
	if r.gate != nil && !r.gate.take(u, raw) {
		r.flush()
		return true
	}
	x.result.frames++
	x.result.bytes += int64(len(raw))
	r.sent.Write(raw)
	if x.g.cfg.Strict && !x.settled && last {
		r.sums()
		x.result.ended = endedComplete
		if err := x.settle(); err != nil {
			x.writeException(r.in, bedrock.Error{Type: bedrock.InternalServerException, Message: "the outcome could not be recorded"})
			return false
		}
	}
	if !x.writeFrame(r.out, raw, flush) {
		x.result.ended = x.writeFailed()
		return false
	}
	r.left = !flush
	return true
}

// flush sends what was written before the stream is waited for.
func (r *relaying) flush() {
	if r.left {
		r.left = false
		_ = r.out.Flush() // a client that is gone is noticed at the next write
	}
}

// sums notes the digests of what was passed on so far, and of what came where
// that is something else.
func (r *relaying) sums() {
	x := r.x
	r.sent.Sum(x.result.sum[:0])
	if x.answered.redacted > 0 || x.result.withheld != "" || x.waited != nil {
		x.answered.changed = true
		r.came.Sum(x.answered.received[:0])
	}
	x.gather(r.in.answer())
}

// finish notes what the stream came to.
func (r *relaying) finish() {
	if r.gate != nil && r.gate.keeping && r.x.result.ended == endedComplete {
		r.gate.open()
	}
	if !r.x.settled {
		r.sums()
	}
}

// arrival is a unit that came, or the stream's end.
type arrival struct {
	u   unit
	err error
}

// arrivals reads units in a goroutine of its own, so that a stall can be told
// from an end. The goroutine ends with the answer's body.
func (r *relaying) arrivals(done <-chan struct{}) <-chan arrival {
	c := make(chan arrival, 64)
	go func() {
		defer close(c)
		for {
			u, err := r.in.read()
			if err == nil {
				u = u.keep()
			}
			select {
			case c <- arrival{u, err}:
			case <-done:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return c
}

// held passes units on once what they say is decided.
func (r *relaying) held() {
	x := r.x
	done := make(chan struct{})
	defer close(done)
	s := newSluice(r)
	coming := r.arrivals(done)
	longest := cmp.Or(x.g.cfg.Limits.HoldTime, DefaultLimits.HoldTime)
	stall := time.NewTimer(longest)
	defer stall.Stop()
	for {
		stall.Reset(longest)
		select {
		case a := <-coming:
			if a.err != nil {
				s.ended(a.err)
				return
			}
			r.arrived(&a.u)
			more := len(coming) > 0
			if !s.take(a.u, more) {
				return
			}
			if !more {
				r.flush()
			}
		case <-stall.C:
			if !s.settle() || !s.letGo(true) {
				return
			}
		}
	}
}
