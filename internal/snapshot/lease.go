package snapshot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFenced: the lease by which other replicas count on this one has ended. They
// may have taken a right away, and shown it as taken away, without this one
// having heard of it.
var ErrFenced = errors.New("the replica's lease has ended")

// Lease is what a replica among others decides by (security S19). Whoever takes
// a right away waits until every replica has acknowledged that, or its lease has
// ended by the database's clock; so a replica must stop no later than that.
type Lease struct {
	// For is how long a renewal holds. Required, > 0.
	For time.Duration
	// Renew tells the others that this replica decides on a revision, and that
	// it will stop For after the renewal at the latest, unless it renews again. A
	// revision is told only once calls that it ends were cut. Required.
	Renew func(ctx context.Context, revision int64) error
}

// every is how often a lease is renewed.
func (l *Lease) every() time.Duration { return l.For / 5 }

// tenure is how a Source stands with its lease. It does nothing without one.
type tenure struct {
	*Lease
	now     func() time.Time
	settled atomic.Int64  // the revision that open calls were judged by
	begun   atomic.Uint64 // looks at the store that were begun
	state   atomic.Pointer[renewal]
	anew    chan struct{} // receives when the lease began anew
	mu      sync.Mutex    // one renewal at a time
}

// renewal is the outcome of the last one.
type renewal struct {
	sent  time.Time // before the last that succeeded was sent; zero: none has
	after uint64    // looks that were begun when the lease began anew: they do not count
	err   error     // why the last failed; nil when it succeeded
}

func newTenure(l *Lease, now func() time.Time) *tenure {
	t := &tenure{Lease: l, now: now, anew: make(chan struct{}, 1)}
	t.state.Store(&renewal{})
	return t
}

// check reports ErrFenced once the lease has ended. After that a renewal alone is
// not enough: while there was no lease the others may have shown a right as taken
// away. What they did is in the store by the time that it grants the lease, so a
// look at the store that began later has seen it. look is the last that succeeded.
func (t *tenure) check(now time.Time, look uint64) error {
	if t.Lease == nil {
		return nil
	}
	r := t.state.Load()
	if err := t.lapsed(r, now); err != nil {
		return err
	}
	if look <= r.after {
		return fmt.Errorf("%w: it was renewed, and the state has not been read since", ErrFenced)
	}
	return nil
}

// lapsed reports that a renewal holds no longer.
func (t *tenure) lapsed(r *renewal, now time.Time) error {
	if r.sent.IsZero() {
		return fmt.Errorf("%w: it was never granted", ErrFenced)
	}
	return r.judge(now.Sub(r.sent), now.Round(0).Sub(r.sent.Round(0)), t.For)
}

// judge goes by whichever clock says that more time has passed: the monotonic
// one may stand still while the machine is suspended, and the wall clock may be
// set back.
func (r *renewal) judge(age, wall, limit time.Duration) error {
	passed := max(age, wall)
	switch {
	case passed <= limit:
		return nil
	case r.err != nil:
		return fmt.Errorf("%w: last renewed %v ago: %w", ErrFenced, passed.Round(time.Millisecond), r.err)
	}
	return fmt.Errorf("%w: last renewed %v ago", ErrFenced, passed.Round(time.Millisecond))
}

// err is why the last renewal failed.
func (t *tenure) err() error {
	if err := t.state.Load().err; err != nil {
		return fmt.Errorf("renewing the lease: %w", err)
	}
	return nil
}

// renew renews the lease now. An answer that takes too long is not waited for,
// so that the next attempt still comes in time.
func (t *tenure) renew(ctx context.Context) error {
	if t.Lease == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, t.For/2)
	defer cancel()
	last, sent := t.state.Load(), t.now()
	err := t.Renew(ctx, t.settled.Load())
	if err != nil {
		t.state.Store(&renewal{sent: last.sent, after: last.after, err: err})
		return err
	}
	r := &renewal{sent: sent, after: last.after}
	if t.lapsed(last, t.now()) != nil {
		r.after = t.begun.Load()
	}
	t.state.Store(r)
	if r.after != last.after {
		t.lookAgain()
	}
	return nil
}

func (t *tenure) lookAgain() {
	select {
	case t.anew <- struct{}{}:
	default:
	}
}

// run renews the lease until ctx ends. It begins at once when the time to renew
// has passed since the source was opened.
func (t *tenure) run(ctx context.Context) {
	if t.Lease == nil {
		return
	}
	if t.now().Sub(t.state.Load().sent) > t.every() {
		_ = t.renew(ctx) // as below
	}
	tick := time.NewTicker(t.every())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = t.renew(ctx) // kept for check and err
		}
	}
}
