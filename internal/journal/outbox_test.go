package journal

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-project/writ/auditlog"
)

// TestAppendsWaitForAPublisherFarBehind: memory stays bounded.
func TestAppendsWaitForAPublisherFarBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox()
		tile := auditlog.TileData{Data: make([]byte, maxUnpublished+1)}
		full := publication{full: []auditlog.TileData{tile}}
		returned := false
		go func() {
			if err := o.put(full, len(tile.Data), nil); err != nil {
				t.Errorf("put: %v", err)
			}
			returned = true
		}()
		synctest.Wait()
		p, _, ok := o.fetch()
		if returned || !ok || len(p.full) != 1 {
			t.Fatalf("put returned: %v; fetched %d tiles", returned, len(p.full))
		}
		o.finish(p, nil)
		synctest.Wait()
		if !returned {
			t.Error("put still waits after everything was published")
		}
	})
}

// TestPublisherThatFailsFarBehindIsAnError: waiting would be for ever.
func TestPublisherThatFailsFarBehindIsAnError(t *testing.T) {
	o, broken := newOutbox(), errors.New("broken")
	tile := auditlog.TileData{Data: make([]byte, maxUnpublished)}
	if err := o.put(publication{full: []auditlog.TileData{tile}}, len(tile.Data), nil); err != nil {
		t.Fatal(err)
	}
	p, _, _ := o.fetch()
	o.finish(p, broken)
	if err := o.put(publication{}, 0, nil); err != nil {
		t.Errorf("within bounds: %v", err)
	}
	if err := o.put(publication{full: []auditlog.TileData{{Data: []byte("x")}}}, 1, nil); !errors.Is(err, broken) {
		t.Errorf("put = %v, want the publisher's error", err)
	}
	p, _, _ = o.fetch()
	if len(p.full) != 2 || &p.full[0].Data[0] != &tile.Data[0] {
		t.Errorf("the failed tiles do not come first again: %d", len(p.full))
	}
	o.close()
	if _, _, ok := o.fetch(); ok {
		t.Error("fetched from a closed and empty outbox")
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue(65536, 0, time.Hour)
	entry := make([]byte, auditlog.MaxEntry)
	added := 0
	for ; ; added++ {
		if _, err := q.add(entry, auditlog.Hash{}); errors.Is(err, ErrBusy) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if added != maxQueuedBytes/auditlog.MaxEntry {
		t.Errorf("took %d entries", added)
	}
	next := uint64(0)
	for b := q.take(); b != nil; b = q.take() {
		if b.first != next || len(b.buf) > maxBatchBytes {
			t.Errorf("a batch of %d bytes from %d, want it from %d", len(b.buf), b.first, next)
		}
		next += uint64(len(b.leaves))
		q.recycle(b)
	}
	if next != uint64(added) || q.queued != 0 {
		t.Errorf("took %d of %d entries, %d bytes still counted", next, added, q.queued)
	}
	if _, err := q.add(entry, auditlog.Hash{}); err != nil {
		t.Errorf("after draining: %v", err)
	}
}

func TestBatchesEndWithTheirSegment(t *testing.T) {
	q := newQueue(256, 250, time.Hour)
	for range 520 {
		if _, err := q.add([]byte("x"), auditlog.Hash{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []struct {
		first uint64
		count int
	}{{250, 6}, {256, 256}, {512, 256}, {768, 2}} {
		if b := q.take(); b.first != want.first || len(b.leaves) != want.count {
			t.Errorf("a batch of %d from %d, want %d from %d", len(b.leaves), b.first, want.count, want.first)
		}
	}
}
