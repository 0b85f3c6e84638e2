package snapshot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// Defaults of Config.
const (
	DefaultMaxAge = 30 * time.Second
	DefaultEvery  = time.Second
)

// clockSlack is how far the wall clock may leave the monotonic one between two
// looks at the store, and how far it may fall behind its highest reading,
// before it counts as stepped. Slewing stays far below it.
const clockSlack = 2 * time.Second

// Errors of Fresh.
var (
	// ErrStale: the store has not been read for longer than the limit.
	ErrStale = errors.New("the snapshot is stale")
	// ErrClock: the wall clock was set; grants and sessions cannot be judged by it.
	ErrClock = errors.New("the clock stepped")
)

// Config says what a Source follows and whom it believes.
type Config struct {
	// Load is (*store.DB).Load. Required.
	Load func(ctx context.Context, since int64) ([]store.Row, int64, error)
	// Watch is (*store.DB).Watch. Required.
	Watch func(ctx context.Context) <-chan struct{}
	// Authorised reports, by an error, a log record that does not exist, that
	// does not name the change with its operation, kind, name and digest, or
	// that a later record for the same resource has overtaken. It is asked for
	// every row that is loaded. Required.
	Authorised func(store.Ref, store.Change) error
	// MaxAge is how long a snapshot is good for decisions after the store was
	// last read; zero means DefaultMaxAge.
	MaxAge time.Duration
	// Every is how often the store is read when nothing is heard of a change;
	// zero means DefaultEvery. A read that takes longer than MaxAge is given up.
	Every time.Duration
	// Lease is that of a replica among others; nil: there are no others.
	Lease *Lease
	// Now is the clock; nil means time.Now. Its readings should be monotonic.
	Now func() time.Time
}

// Source follows the store. Current and Fresh are for the request path: they
// take no lock.
type Source struct {
	cfg     Config
	current atomic.Pointer[Snapshot]
	health  atomic.Pointer[health]
	tenure  *tenure

	mu   sync.Mutex // guards what follows
	next int
	told map[int]func(Ended)
}

// health is what the last look at the store showed.
type health struct {
	read    time.Time // when the last look that succeeded began
	highest time.Time // the wall clock's highest reading so far
	look    uint64    // number of that look
	err     error     // why the last look failed; nil when it succeeded
}

// Open reads the store once and fails when what it holds is not to be
// believed. Run then keeps the source up to date.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	if cfg.Load == nil || cfg.Watch == nil || cfg.Authorised == nil {
		return nil, errors.New("opening snapshot: Load, Watch and Authorised are required")
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = DefaultMaxAge
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if l := cfg.Lease; l != nil && (l.For <= 0 || l.Renew == nil) {
		return nil, errors.New("opening snapshot: a lease needs For and Renew")
	}
	s := &Source{cfg: cfg, tenure: newTenure(cfg.Lease, cfg.Now), told: make(map[int]func(Ended))}
	s.health.Store(&health{})
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("opening snapshot: %w", err)
	}
	return s, nil
}

// open reads the state and gets a lease on it, which counts from the next look.
func (s *Source) open(ctx context.Context) error {
	if err := s.Refresh(ctx); err != nil {
		return err
	}
	if s.cfg.Lease == nil {
		return nil
	}
	if err := s.tenure.err(); err != nil {
		return err
	}
	return s.Refresh(ctx)
}

// Renew renews the lease and looks again, for whoever is about to serve: opening
// the rest of a server may have taken longer than a lease.
func (s *Source) Renew(ctx context.Context) error {
	if err := s.tenure.renew(ctx); err != nil {
		return fmt.Errorf("renewing the lease: %w", err)
	}
	return s.Refresh(ctx)
}

// Current returns the snapshot to decide on, together with a nil Fresh.
func (s *Source) Current() *Snapshot { return s.current.Load() }

// Fresh reports why the current snapshot must not be decided on: ErrStale,
// ErrClock or ErrFenced; nil when it may.
func (s *Source) Fresh(now time.Time) error {
	h := s.health.Load()
	age := now.Sub(h.read)                      // monotonic, where both readings are
	passed := now.Round(0).Sub(h.read.Round(0)) // the same by the wall clock
	if err := h.judge(now, age, passed, s.cfg.MaxAge); err != nil {
		return err
	}
	return s.tenure.check(now, h.look)
}

func (h *health) judge(now time.Time, age, passed, maxAge time.Duration) error {
	switch step := passed - age; {
	case step.Abs() > clockSlack:
		return fmt.Errorf("%w by %v", ErrClock, step)
	case now.Round(0).Before(h.highest.Add(-clockSlack)):
		return fmt.Errorf("%w back: it has shown %v", ErrClock, h.highest.UTC().Format(time.RFC3339))
	case age > maxAge && h.err != nil:
		return fmt.Errorf("%w: last read %v ago: %w", ErrStale, age.Round(time.Second), h.err)
	case age > maxAge:
		return fmt.Errorf("%w: last read %v ago", ErrStale, age.Round(time.Second))
	}
	return nil
}

// Err returns why the last look at the store, or the last renewal of the lease,
// failed, or nil. It turns up before Fresh does, and is what readiness and the
// doctor show.
func (s *Source) Err() error { return errors.Join(s.health.Load().err, s.tenure.err()) }

// Subscribe calls f after every change that ends something, once the new
// snapshot is current. f must be quick, and of the source's methods may call
// only Current and Fresh. The function returned ends the subscription.
func (s *Source) Subscribe(f func(Ended)) (cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next
	s.next++
	s.told[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.told, id)
	}
}

// Run keeps the source up to date until ctx ends. A look that fails is shown
// by Err and tried again.
func (s *Source) Run(ctx context.Context) error {
	var renewing sync.WaitGroup
	defer renewing.Wait()
	renewing.Go(func() { s.tenure.run(ctx) })
	changed := s.cfg.Watch(ctx)
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, open := <-changed:
			if !open {
				changed = nil // the ticker goes on
				continue
			}
		case <-s.tenure.anew:
		case <-tick.C:
		}
		_ = s.Refresh(ctx) // kept for Err and Fresh
	}
}

// Refresh looks at the store now. It may be called beside Run, by who has just
// committed and wants the change seen.
func (s *Source) Refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	began, look := s.cfg.Now(), s.tenure.begun.Add(1)
	err := s.refresh(ctx, began)
	last := s.health.Load()
	h := &health{read: last.read, highest: last.highest, look: last.look, err: err}
	if wall := began.Round(0); wall.After(h.highest) {
		h.highest = wall
	}
	if err == nil {
		h.read, h.look = began, look
	}
	s.health.Store(h)
	return err
}

func (s *Source) refresh(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.MaxAge)
	defer cancel()
	old := s.current.Load()
	var since int64
	if old != nil {
		since = old.Revision
	}
	rows, revision, err := s.cfg.Load(ctx, since)
	if err != nil {
		return err
	}
	if old != nil && revision == since {
		return nil
	}
	next, err := build(old, rows, revision, now, s.cfg.Authorised)
	if err != nil {
		return fmt.Errorf("building revision %d: %w", revision, err)
	}
	s.current.Store(next)
	if old != nil {
		s.tell(ended(old, next, rows))
	}
	// Acknowledged only now that the calls it ends are cut. Why a renewal failed
	// is kept, and tried again: the snapshot is current all the same.
	s.tenure.settled.Store(revision)
	_ = s.tenure.renew(ctx)
	return nil
}

func (s *Source) tell(e Ended) {
	if e.Nothing() {
		return
	}
	for _, f := range s.told {
		f(e)
	}
}
