package proof

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/writ-project/writ/internal/identity"
)

const maxSources = 4096

// budget bounds the work that callers who have proved nothing yet can cause
// (security S16): proofs per source, and signature verifications in total.
type budget struct {
	each int
	all  *rate.Limiter

	mu      sync.Mutex
	sources map[netip.Prefix]*rate.Limiter
	others  *rate.Limiter // shared by the sources for which no room was left
}

func newBudget(each, total int) *budget {
	return &budget{
		each:    each,
		all:     perMinute(total),
		sources: map[netip.Prefix]*rate.Limiter{},
		others:  perMinute(each),
	}
}

// perMinute allows n at once, refilled at n a minute.
func perMinute(n int) *rate.Limiter { return rate.NewLimiter(rate.Limit(float64(n)/60), n) }

// source spends one of a source's proofs.
func (b *budget) source(o identity.Origin, now time.Time) bool {
	return b.limiter(sourceOf(o), now).AllowN(now, 1)
}

// verification spends one of everybody's verifications.
func (b *budget) verification(now time.Time) bool { return b.all.AllowN(now, 1) }

// sourceOf is the unit that is counted: an IPv4 address, or the /64 that one
// IPv6 host can pick addresses from. A client that a proxy named unreadably
// counts as the proxy.
func sourceOf(o identity.Origin) netip.Prefix {
	a := o.Addr
	if !a.IsValid() {
		a = o.Peer
	}
	return identity.SourceOf(a)
}

func (b *budget) limiter(source netip.Prefix, now time.Time) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l, ok := b.sources[source]; ok {
		return l
	}
	if len(b.sources) >= maxSources {
		b.forget(now)
	}
	if len(b.sources) >= maxSources {
		return b.others
	}
	l := perMinute(b.each)
	b.sources[source] = l
	return l
}

// forget drops the sources whose budget is full again: forgetting them gives
// nobody anything.
func (b *budget) forget(now time.Time) {
	for s, l := range b.sources {
		if l.TokensAt(now) >= float64(b.each) {
			delete(b.sources, s)
		}
	}
}
