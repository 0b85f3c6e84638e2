package api

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/writ-project/writ/internal/identity"
)

// failures counts wrong credentials by source, so that one source's guessing costs
// nobody else (security S21). Who has a right one is never counted, nor kept out.
type failures struct {
	mu      sync.Mutex
	sources map[netip.Prefix]*rate.Limiter
	others  *rate.Limiter // shared by the sources for which no room is left
}

// What a source may get wrong: twenty at once, and one more each second.
const (
	failuresAtOnce = 20
	maxSources     = 4096
)

func newFailures() *failures {
	return &failures{sources: make(map[netip.Prefix]*rate.Limiter), others: newFailureLimit()}
}

func newFailureLimit() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Second), failuresAtOnce) }

// allow counts one, and reports whether its source is still to be told so.
func (f *failures) allow(r *http.Request) bool { return f.limiter(r).Allow() }

func (f *failures) limiter(r *http.Request) *rate.Limiter {
	source := sourceOf(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.sources[source]; ok {
		return l
	}
	if len(f.sources) >= maxSources {
		f.forget()
	}
	if len(f.sources) >= maxSources {
		return f.others
	}
	l := newFailureLimit()
	f.sources[source] = l
	return l
}

// forget drops the sources that have been quiet for long enough to owe nothing.
func (f *failures) forget() {
	for source, l := range f.sources {
		if l.Tokens() >= failuresAtOnce {
			delete(f.sources, source)
		}
	}
}

// sourceOf is the unit that is counted: an IPv4 address, or the /64 that one IPv6
// host can pick addresses from.
func sourceOf(r *http.Request) netip.Prefix {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return identity.SourceOf(peer.Addr().Unmap().WithZone(""))
}
