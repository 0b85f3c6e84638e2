package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// refusedBefore counts refusals of callers who did not authenticate. They are
// written to the log once a minute per source and reason, with a few samples,
// so that noise from outside can fill neither disk nor log (security S16).
type refusedBefore struct {
	write func(context.Context, aggregate) error
	log   *slog.Logger

	mu   sync.Mutex
	seen map[aggregateKey]*aggregate
}

type aggregateKey struct {
	source netip.Prefix
	reason string
}

// aggregate is what one source was refused for within one period.
type aggregate struct {
	Source      netip.Prefix
	Reason      string
	Count       int64
	First, Last time.Time
	Samples     []string // request ids, at most maxSamples
}

const (
	maxSamples    = 5
	maxAggregates = 1000 // beyond it sources are counted together
)

func newRefusedBefore(log *slog.Logger, write func(context.Context, aggregate) error) *refusedBefore {
	return &refusedBefore{write: write, log: log, seen: make(map[aggregateKey]*aggregate)}
}

func (r *refusedBefore) count(source netip.Prefix, reason, id string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := aggregateKey{source, reason}
	if r.seen[key] == nil && len(r.seen) >= maxAggregates {
		key.source = netip.Prefix{}
	}
	a := r.seen[key]
	if a == nil {
		a = &aggregate{Source: key.source, Reason: reason, First: now}
		r.seen[key] = a
	}
	a.Count++
	a.Last = now
	if len(a.Samples) < maxSamples {
		a.Samples = append(a.Samples, id)
	}
}

// flush writes and forgets what was counted.
func (r *refusedBefore) flush(ctx context.Context) error {
	r.mu.Lock()
	seen := r.seen
	r.seen = make(map[aggregateKey]*aggregate)
	r.mu.Unlock()
	var errs []error
	for _, a := range seen {
		errs = append(errs, r.write(ctx, *a))
	}
	return errors.Join(errs...)
}

// run flushes every minute until ctx ends, and once more then.
func (r *refusedBefore) run(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := r.flush(ctx); err != nil {
				r.log.Warn("refusals before authentication were counted but not recorded", "err", err)
			}
		case <-ctx.Done():
			if err := r.flush(context.WithoutCancel(ctx)); err != nil {
				r.log.Warn("refusals before authentication were counted but not recorded", "err", err)
			}
			return
		}
	}
}
