package meter

import (
	"sync"

	"github.com/writ-project/writ/internal/store"
)

// openShards is in how many parts the open calls are kept, so that those who add
// and remove some do not wait for each other.
const openShards = 16

// openCalls is one part of the calls that are reserved and not settled.
type openCalls struct {
	mu    sync.Mutex
	calls map[*Reservation]struct{}
	_     [48]byte // a cache line of its own
}

// begin notes that a call is open; the caller holds m.mu for reading. The log's
// size now is the least that the index of its intent can be.
func (m *Meter) begin(r *Reservation) {
	r.from = m.cfg.Head()
	r.shard = &m.open[m.counts.numbers.Add(1)%openShards]
	r.shard.mu.Lock()
	r.shard.calls[r] = struct{}{}
	r.shard.mu.Unlock()
	m.counts.calls.Add(1)
	m.moved.Store(true)
}

// finish notes that a call has ended.
func (m *Meter) finish(r *Reservation) {
	r.shard.mu.Lock()
	delete(r.shard.calls, r)
	r.shard.mu.Unlock()
	m.counts.calls.Add(-1)
	m.moved.Store(true)
}

// mark says where the log stands and which calls are open; the caller holds m.mu
// alone. A call that was settled before has its intent below Head, since that was
// durable first; one that is open is named; one that comes later has its intent at
// Head or after it.
func (m *Meter) mark() store.Mark {
	head := m.cfg.Head()
	k := store.Mark{Head: head, First: head}
	for i := range m.open {
		o := &m.open[i]
		o.mu.Lock()
		for r := range o.calls {
			k.Open = append(k.Open, r.call.ID)
			at := r.from
			if r.intent != noIntent {
				at = r.intent
			}
			k.First = min(k.First, at)
		}
		o.mu.Unlock()
	}
	return k
}
