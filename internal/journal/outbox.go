package journal

import (
	"fmt"
	"sync"

	"github.com/writ-project/writ/auditlog"
)

// maxUnpublished is how many bytes of finished tiles may wait for the
// publisher before appends wait for it, too.
const maxUnpublished = 128 << 20

// publication is what leads from what is published to a head.
type publication struct {
	head Head
	full []auditlog.TileData // finished tiles and bundles, in order
	edge []auditlog.TileData // partial ones at the head
}

// outbox carries publications from the writer to the publisher. A new one
// replaces the edge and the head of one that was not fetched yet.
type outbox struct {
	mu      sync.Mutex
	changed sync.Cond // of any field
	next    publication
	bytes   int // in next.full
	replies []chan<- error
	ready   bool
	closed  bool
	err     error // of the last attempt to publish
}

func newOutbox() *outbox {
	o := &outbox{}
	o.changed.L = &o.mu
	return o
}

// put adds a publication. While too much waits it blocks, and when the last
// attempt to publish had failed it returns why.
func (o *outbox) put(p publication, bytes int, reply chan<- error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next.head, o.next.edge = p.head, p.edge
	o.next.full = append(o.next.full, p.full...)
	o.bytes += bytes
	if reply != nil {
		o.replies = append(o.replies, reply)
	}
	o.ready = true
	o.changed.Broadcast()
	for o.bytes > maxUnpublished && !o.closed {
		if o.err != nil {
			return fmt.Errorf("publishing fell behind: %w", o.err)
		}
		o.changed.Wait()
	}
	return nil
}

// fetch waits for a publication and returns it, with who wants to know how it
// went. It returns false when the outbox is closed and empty.
func (o *outbox) fetch() (publication, []chan<- error, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.ready && !o.closed {
		o.changed.Wait()
	}
	if !o.ready {
		return publication{}, nil, false
	}
	p, replies := o.next, o.replies
	o.next, o.replies, o.ready = publication{}, nil, false
	return p, replies, true
}

// finish notes how a publication went. A failed one goes back, to be tried
// again with the next; its tiles still count as waiting.
func (o *outbox) finish(p publication, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
	if err == nil {
		for _, t := range p.full {
			o.bytes -= len(t.Data)
		}
	} else {
		o.next.full = append(p.full, o.next.full...)
	}
	o.changed.Broadcast()
}

func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.changed.Broadcast()
}

func (o *outbox) lastError() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
