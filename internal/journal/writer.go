package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/writ-project/writ/auditlog"
)

// maxHeldBytes is how many bytes of finished tiles the writer holds before it
// hands them over without waiting for the next tick.
const maxHeldBytes = 8 << 20

// noOffer is no size of a tree.
const noOffer = 1<<64 - 1

// writer is the state of the one goroutine that writes the tail. Nothing else
// touches it.
type writer struct {
	*Journal
	tree    *auditlog.Tree
	current *segment
	bundle  []byte              // entries of the unfinished bundle, encoded
	bundled uint64              // entries in all bundles, finished or not
	done    []auditlog.TileData // finished since the last hand-over
	held    int                 // bytes in done
	offered uint64              // size of the tree at the last hand-over; noOffer before the first
}

// run writes batches until the journal is closed.
func (w *writer) run() {
	defer close(w.written)
	defer w.outbox.close()
	tick := time.NewTicker(w.cfg.PublishEvery)
	defer tick.Stop()
	for {
		// Callers that are about to append get their turn first: where the
		// processors are busy, the more of them share a flush the less each
		// costs; where they are not, this returns at once.
		runtime.Gosched()
		if b := w.queue.take(); b != nil {
			w.write(b)
			select {
			case <-tick.C:
				w.offer(nil)
			case reply := <-w.publishNow:
				w.catchUp()
				w.offer(reply)
			default:
			}
			continue
		}
		select {
		case <-w.queue.wake:
		case <-tick.C:
			w.offer(nil)
		case reply := <-w.publishNow:
			w.catchUp()
			w.offer(reply)
		case <-w.stop: // and nothing is queued any more
			w.catchUp()
			w.offer(nil)
			return
		}
	}
}

// catchUp writes everything that is queued now, unless the journal stops.
func (w *writer) catchUp() {
	for end := w.queue.wantAll(); w.tree.Size() < end; {
		b := w.queue.take()
		if b == nil {
			return
		}
		w.write(b)
	}
}

// write flushes one batch and ends it. After a failure, nothing is written any
// more: what the disk holds is only known again after the next start.
func (w *writer) write(b *batch) {
	err := w.queue.failure()
	if err == nil {
		err = w.timed(b)
	}
	if err != nil {
		w.stopWith(err)
		b.flush.end(w.queue.failure())
		return
	}
	b.flush.end(nil)
	for rest := b.entries(); len(rest) > 0; {
		rest = rest[w.collect(rest):]
	}
	w.queue.recycle(b)
	if err := w.rotate(); err != nil {
		w.stopWith(err)
	}
}

// stopWith makes the journal refuse everything from here on.
func (w *writer) stopWith(err error) {
	if w.queue.failure() == nil {
		w.cfg.Logger.Error("audit log stopped: no further call will be recorded or forwarded", "err", err)
	}
	w.queue.fail(err)
}

// entries is the encoded entries of a batch, before or after it was sealed.
func (b *batch) entries() []byte {
	n := 0
	for range b.leaves {
		n += 2 + int(binary.BigEndian.Uint16(b.buf[auditlog.FrameHeaderSize+n:]))
	}
	return b.buf[auditlog.FrameHeaderSize : auditlog.FrameHeaderSize+n]
}

// flush makes a batch durable and moves the head.
func (w *writer) flush(b *batch) error {
	for _, leaf := range b.leaves {
		w.hold(w.tree.Add(leaf)...)
	}
	head, err := w.sign()
	if err != nil {
		return err
	}
	b.buf = auditlog.SealFrame(b.buf, b.first, len(b.leaves), head.Checkpoint)
	n, err := w.current.file.Write(b.buf)
	if err == nil && n < len(b.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	if err := w.current.file.Sync(); err != nil {
		return fmt.Errorf("flushing the audit log: %w", err)
	}
	w.segmentsMu.Lock()
	w.current.extend(len(b.buf), b.entries())
	w.segmentsMu.Unlock()
	head.At = w.cfg.Now()
	w.head.Store(&head)
	return nil
}

// sign returns the head of the writer's tree, signed.
func (w *writer) sign() (Head, error) {
	c := auditlog.Checkpoint{Origin: w.cfg.Origin, Size: w.tree.Size(), Root: w.tree.Root()}
	c, err := c.Sign(w.signer)
	if err != nil {
		return Head{}, err
	}
	return Head{Size: c.Size, Root: c.Root, Checkpoint: c.Note}, nil
}

// collect moves one encoded entry, the first of rest, to the open bundle, and
// returns its length.
func (w *writer) collect(rest []byte) int {
	n := 2 + int(binary.BigEndian.Uint16(rest))
	w.bundle = append(w.bundle, rest[:n]...)
	w.bundled++
	if w.bundled%auditlog.TileWidth == 0 {
		t := auditlog.Tile{Level: auditlog.EntriesLevel, N: w.bundled/auditlog.TileWidth - 1, Width: auditlog.TileWidth}
		w.hold(auditlog.TileData{Tile: t, Data: w.bundle})
		w.bundle = make([]byte, 0, len(w.bundle)+len(w.bundle)/8) // the next one will be alike
	}
	return n
}

func (w *writer) hold(tiles ...auditlog.TileData) {
	for _, t := range tiles {
		w.done = append(w.done, t)
		w.held += len(t.Data)
	}
}

// rotate starts a new segment when the current one is full, and hands over
// what was finished when there is much of it.
func (w *writer) rotate() error {
	if w.current.end()-w.current.first < w.queue.segment {
		if w.held >= maxHeldBytes {
			w.offer(nil)
		}
		return nil
	}
	s, err := w.newSegment(w.current.end())
	if err != nil {
		return err
	}
	w.current = s
	w.offer(nil)
	return nil
}

// offer hands what was finished, and copies of the unfinished edge, to the
// publisher. It waits only when the publisher is far behind. A reply, if not
// nil, receives the result.
func (w *writer) offer(reply chan<- error) {
	head := w.Head()
	if err := w.queue.failure(); err != nil {
		if reply != nil {
			reply <- err
		}
		return
	}
	if reply == nil && head.Size == w.offered && w.outbox.lastError() == nil {
		return
	}
	edge := w.tree.Edge()
	if width := int(w.bundled % auditlog.TileWidth); width > 0 {
		t := auditlog.Tile{Level: auditlog.EntriesLevel, N: w.bundled / auditlog.TileWidth, Width: width}
		edge = append(edge, auditlog.TileData{Tile: t, Data: bytes.Clone(w.bundle)})
	}
	err := w.outbox.put(publication{head: head, full: w.done, edge: edge}, w.held, reply)
	w.done, w.held, w.offered = nil, 0, head.Size
	if err != nil {
		w.stopWith(err)
	}
}
