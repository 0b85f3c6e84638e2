package journal

import (
	"sync"
	"time"

	"github.com/writ-project/writ/auditlog"
)

const (
	// maxBatchBytes and maxBatchEntries bound one frame: a flush should take
	// milliseconds, and a reader holds a frame in memory.
	maxBatchBytes   = 4 << 20
	maxBatchEntries = 4096
	// maxQueuedBytes bounds what waits for the disk.
	maxQueuedBytes = 64 << 20
	// maxSpare is how many used buffers are kept.
	maxSpare = 4
)

// batch is the entries that will share a frame.
type batch struct {
	first  uint64
	buf    []byte // room for the frame header, then encoded entries
	leaves []auditlog.Hash
	flush  *flush
}

// flush tells the callers of one batch how it ended. err is set before done is
// closed.
type flush struct {
	done chan struct{}
	err  error
}

func (f *flush) end(err error) {
	f.err = err
	close(f.done)
}

// queue gathers entries into batches, in order. A batch never crosses the end
// of a segment. It is due when it holds an entry that is wanted: somebody waits
// for it, it has lingered, or the batch after it has begun.
type queue struct {
	segment uint64        // entries per segment
	linger  time.Duration // how long an entry may stay unwanted
	wake    chan struct{} // has room for one; a token means that a batch is due

	mu      sync.Mutex
	next    uint64      // index of the next entry
	wanted  uint64      // all entries before this index are wanted
	late    *time.Timer // fires when the first unwanted entry has lingered
	waiting []*batch    // oldest first; only the last one still grows
	queued  int         // bytes in waiting
	spare   []*batch    // for reuse
	closed  bool
	err     error // why the journal stopped
}

func newQueue(segment int, next uint64, linger time.Duration) *queue {
	q := &queue{segment: uint64(segment), linger: linger, next: next, wanted: next, wake: make(chan struct{}, 1)}
	q.late = time.AfterFunc(linger, func() { q.wantAll() })
	return q
}

// add queues an entry that is wanted.
func (q *queue) add(entry []byte, leaf auditlog.Hash) (*Pending, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p, err := q.place(entry, leaf)
	if err == nil {
		q.wantUntil(q.next)
	}
	return p, err
}

// addLater queues an entry that is not wanted yet.
func (q *queue) addLater(entry []byte, leaf auditlog.Hash) (*Pending, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p, err := q.place(entry, leaf)
	if err == nil && p.index == q.wanted { // the first one that lingers
		q.late.Reset(q.linger)
	}
	return p, err
}

// place puts an entry into a batch. The caller holds mu.
func (q *queue) place(entry []byte, leaf auditlog.Hash) (*Pending, error) {
	switch {
	case q.err != nil:
		return nil, q.err
	case q.closed:
		return nil, ErrClosed
	case q.queued+len(entry) > maxQueuedBytes:
		return nil, ErrBusy
	}
	b := q.growing(len(entry))
	b.buf = auditlog.AppendEntry(b.buf, entry)
	b.leaves = append(b.leaves, leaf)
	q.queued += len(entry)
	p := &Pending{index: q.next, flush: b.flush, queue: q}
	q.next++
	return p, nil
}

// wantUntil makes the entries before an index wanted. The caller holds mu.
func (q *queue) wantUntil(end uint64) {
	if end <= q.wanted {
		return
	}
	q.wanted = end
	select {
	case q.wake <- struct{}{}:
	default: // the writer has a token already
	}
}

// want hurries the entry with the given index, and all before it.
func (q *queue) want(index uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wantUntil(index + 1)
}

// wantAll hurries every entry, and returns the index that follows the last.
func (q *queue) wantAll() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wantUntil(q.next)
	return q.next
}

// growing returns the last batch if it can take another entry, else a new one.
// The caller holds mu.
func (q *queue) growing(n int) *batch {
	if len(q.waiting) > 0 {
		b := q.waiting[len(q.waiting)-1]
		if len(b.buf)+n < maxBatchBytes && len(b.leaves) < maxBatchEntries && q.next%q.segment != 0 {
			return b
		}
	}
	q.wantUntil(q.next) // the batch before is complete, if not taken
	b := q.fresh()
	b.first = q.next
	b.flush = &flush{done: make(chan struct{})}
	q.waiting = append(q.waiting, b)
	return b
}

func (q *queue) fresh() *batch {
	if n := len(q.spare); n > 0 {
		b := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return b
	}
	return &batch{buf: make([]byte, auditlog.FrameHeaderSize, 64<<10)}
}

// take removes the oldest batch if it is due, or returns nil. It belongs to the
// caller.
func (q *queue) take() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || q.waiting[0].first >= q.wanted {
		return nil
	}
	b := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	if len(q.waiting) == 0 {
		q.waiting, q.queued = nil, 0
	} else {
		q.queued -= len(b.buf) - auditlog.FrameHeaderSize - 2*len(b.leaves)
	}
	return b
}

// recycle takes back a batch that nobody refers to any more.
func (q *queue) recycle(b *batch) {
	b.buf, b.leaves, b.flush = b.buf[:auditlog.FrameHeaderSize], b.leaves[:0], nil
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.spare) < maxSpare {
		q.spare = append(q.spare, b)
	}
}

// fail stops the queue for good and tells everybody who waits.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	for _, b := range q.waiting {
		b.flush.end(q.err)
	}
	q.waiting, q.queued = nil, 0
}

// failure is why the journal stopped, or nil.
func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.late.Stop()
}
