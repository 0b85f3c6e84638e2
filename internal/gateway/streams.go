package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/snapshot"
)

// cutError is the cause a call's context is cancelled with when its right
// ended under it.
type cutError struct{ why string }

func (e *cutError) Error() string { return fmt.Sprintf("the call was cut: %s", e.why) }

// lost cuts a call under way when the gateway can no longer know whether its
// right still holds (security S19), and reports whether it did.
func (x *exchange) lost() bool {
	err := x.g.cfg.State.Fresh(time.Now())
	if err == nil {
		return false
	}
	x.g.cfg.Log.Warn("a call was cut since its right cannot be known", "id", x.id, "err", err)
	x.cancel(&cutError{why: "whether its right still holds cannot be known"})
	return true
}

// Call is one call between admission and settlement.
type Call struct {
	Identity string
	Session  string
	Streams  bool // its answer is a stream
	Grants   []string

	// judge says whether the call would be let through under other rules, and
	// until when.
	judge func(*snapshot.Snapshot) (end time.Time, ok bool)
	cut   context.CancelCauseFunc
	ends  *time.Timer // cuts the call when its right ends
}

// reconsider judges the call anew: it goes on until its right ends under these
// rules, or reports that it has none.
func (c *Call) reconsider(s *snapshot.Snapshot) bool {
	end, ok := c.judge(s)
	if ok {
		c.ends.Reset(time.Until(end))
	}
	return ok
}

// openCalls registers every call in progress so that it can be cut.
type openCalls struct {
	mu    sync.Mutex
	calls map[*Call]struct{}
}

func newOpenCalls() *openCalls { return &openCalls{calls: make(map[*Call]struct{})} }

func (o *openCalls) add(c *Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls[c] = struct{}{}
}

func (o *openCalls) remove(c *Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.calls, c)
}

func (o *openCalls) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.calls)
}

// all copies the list, so that judging a call holds up no other.
func (o *openCalls) all() []*Call {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := make([]*Call, 0, len(o.calls))
	for c := range o.calls {
		out = append(out, c)
	}
	return out
}

// cut ends every call that match picks and returns how many there were.
func (o *openCalls) cut(why string, match func(*Call) bool) int {
	n := 0
	for _, c := range o.all() {
		if match(c) {
			c.cut(&cutError{why: why})
			n++
		}
	}
	return n
}
