package gateway

import (
	"net/netip"
	"sync"
)

// inFlight bounds the request bytes held in memory, in total and per source,
// so that no one source, authenticated or not, can take the memory of the
// others (security S16). Sources are single IPv4 addresses and IPv6 /64s.
type inFlight struct {
	total, perSource int64 // limits in bytes

	mu     sync.Mutex
	held   int64
	source map[netip.Prefix]int64
}

func newInFlight(total, perSource int64) *inFlight {
	return &inFlight{total: total, perSource: perSource, source: make(map[netip.Prefix]int64)}
}

// acquire reserves n bytes for a source, or reports that they are not to be had.
func (f *inFlight) acquire(key netip.Prefix, n int64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held+n > f.total || f.source[key]+n > f.perSource {
		return false
	}
	f.held += n
	f.source[key] += n
	return true
}

func (f *inFlight) release(key netip.Prefix, n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held -= n
	if f.source[key] -= n; f.source[key] <= 0 {
		delete(f.source, key)
	}
}
