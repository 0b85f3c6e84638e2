package snapshot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

const leased = 5 * time.Second

// registry is where replicas renew their leases.
type registry struct {
	mu    sync.Mutex
	err   error
	hang  bool
	acked []int64
	at    []time.Time
}

func (r *registry) renew(ctx context.Context, revision int64) error {
	r.mu.Lock()
	hang := r.hang
	r.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.acked, r.at = append(r.acked, revision), append(r.at, time.Now())
	}
	return r.err
}

func (r *registry) set(hang bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hang, r.err = hang, err
}

func (r *registry) acknowledged() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.acked)
}

// lease opens a source that renews at r.
func lease(t *testing.T, f *faulty, r *registry) *Source {
	t.Helper()
	s, err := Open(t.Context(), Config{
		Load:       f.load,
		Watch:      func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
		Lease:      &Lease{For: leased, Renew: r.renew},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func following(t *testing.T, s *Source) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// TestS19_AReplicaWithoutItsDatabaseStopsWithItsLease: it keeps deciding on what
// it knows, not a moment longer than the others wait for it, and says why.
func TestS19_AReplicaWithoutItsDatabaseStopsWithItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, r := &faulty{}, &registry{}
		s := lease(t, f, r)
		following(t, s)
		gone := errors.New("connection refused")
		f.fail(gone)
		r.set(false, gone)
		time.Sleep(leased)
		if err := s.Fresh(time.Now()); err != nil {
			t.Errorf("within the lease: %v", err)
		}
		if !errors.Is(s.Err(), gone) {
			t.Errorf("the source says %v", s.Err())
		}
		time.Sleep(time.Nanosecond)
		if err := s.Fresh(time.Now()); !errors.Is(err, ErrFenced) || !errors.Is(err, gone) {
			t.Errorf("past the lease: %v", err)
		}
		f.fail(nil)
		r.set(false, nil)
		time.Sleep(leased / 5)
		synctest.Wait()
		if err := errors.Join(s.Fresh(time.Now()), s.Err()); err != nil {
			t.Errorf("connected again: %v", err)
		}
	})
}

// TestS19_RenewalsThatHangAreGivenUp: the lease counts from before the last
// renewal that succeeded was sent, and one that hangs does not keep the next
// from being tried.
func TestS19_RenewalsThatHangAreGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		s := lease(t, &faulty{}, r)
		following(t, s)
		r.set(true, nil)
		time.Sleep(leased + time.Nanosecond)
		if err := s.Fresh(time.Now()); !errors.Is(err, ErrFenced) {
			t.Errorf("while renewals hang: %v", err)
		}
		r.set(false, nil)
		time.Sleep(leased)
		synctest.Wait()
		if err := s.Fresh(time.Now()); err != nil {
			t.Errorf("answered again: %v", err)
		}
	})
}

func TestS19_LeasesAreRenewedFiveTimesInTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		following(t, lease(t, &faulty{}, r))
		time.Sleep(2*leased + time.Millisecond)
		synctest.Wait()
		if n := len(r.acknowledged()); n != 11 {
			t.Errorf("%d renewals in two leases, want 10 and the first", n)
		}
	})
}

// TestS19_ARevisionIsAcknowledgedOnceItsCallsAreCut: at once, and after whoever
// cuts calls was told.
func TestS19_ARevisionIsAcknowledgedOnceItsCallsAreCut(t *testing.T) {
	w, r := newWorld(t), &registry{}
	cfg := w.config()
	cfg.Lease = &Lease{For: time.Hour, Renew: r.renew}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var before []int64
	s.Subscribe(func(Ended) {
		_ = s.tenure.renew(t.Context()) // as its own time may come just now
		before = r.acknowledged()
	})
	w.commit(changeOf(grant(nil), manifest.Delete))
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int64{1, 1}, before); d != "" {
		t.Errorf("acknowledged when calls were being cut: %s", d)
	}
	if d := cmp.Diff([]int64{1, 1, 2}, r.acknowledged()); d != "" {
		t.Errorf("acknowledged in the end: %s", d)
	}
}

// TestS19_ARevisionThatIsNotBelievedIsNotAcknowledged: what the log does not
// vouch for changes nothing here, and the others must not think that it did.
func TestS19_ARevisionThatIsNotBelievedIsNotAcknowledged(t *testing.T) {
	w, r := newWorld(t), &registry{}
	cfg := w.config()
	cfg.Lease = &Lease{For: time.Hour, Renew: r.renew}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.commitAs(false, changeOf(grant(nil), manifest.Delete))
	if err := s.Refresh(t.Context()); !errors.Is(err, ErrUnauthorised) {
		t.Errorf("refresh gave %v", err)
	}
	_ = s.tenure.renew(t.Context())
	if d := cmp.Diff([]int64{1, 1}, r.acknowledged()); d != "" {
		t.Error(d)
	}
}

// TestS19_ASuspendedMachineDoesNotDecideOnItsOldLease: while a machine sleeps
// its monotonic clock may stand still; the wall clock does not. Both the lease
// and the snapshot see it, however short the monotonic clock says it was.
func TestS19_ASuspendedMachineDoesNotDecideOnItsOldLease(t *testing.T) {
	for _, c := range []struct {
		age, wall time.Duration
		fenced    bool
	}{
		{time.Second, time.Second, false},
		{leased, leased, false},
		{time.Second, leased + time.Nanosecond, true},              // asleep
		{leased + time.Nanosecond, time.Second, true},              // the wall clock was set back
		{leased + time.Nanosecond, leased + time.Nanosecond, true}, // stopped: both clocks went on
		{time.Second, -time.Hour, false},                           // set back, and the lease still runs
	} {
		err := (&renewal{sent: time.Now()}).judge(c.age, c.wall, leased)
		if errors.Is(err, ErrFenced) != c.fenced {
			t.Errorf("%v by the monotonic and %v by the wall clock: %v", c.age, c.wall, err)
		}
	}
	now := time.Now()
	asleep := (&health{read: now, highest: now.Round(0)}).judge(now.Add(time.Minute), time.Millisecond, time.Minute, DefaultMaxAge)
	if !errors.Is(asleep, ErrClock) {
		t.Errorf("a minute asleep: the snapshot is judged %v", asleep)
	}
}

func TestS19_WithoutALeaseNothingIsServed(t *testing.T) {
	cfg := Config{
		Load:       (&faulty{}).load,
		Watch:      func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
		Lease:      &Lease{For: leased, Renew: (&registry{err: errors.New("name taken")}).renew},
	}
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "name taken") {
		t.Errorf("a source whose lease is refused opened: %v", err)
	}
	cfg.Lease = &Lease{Renew: (&registry{}).renew}
	if _, err := Open(t.Context(), cfg); err == nil {
		t.Error("a lease for no time was taken")
	}
}

// TestS19_ALeaseThatBeganAnewCountsFromTheNextLook: while there was none, the
// others may have shown a right as taken away. Being heard again is not enough to
// know of it.
func TestS19_ALeaseThatBeganAnewCountsFromTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, r := &faulty{}, &registry{}
		s := lease(t, f, r)
		following(t, s)
		gone := errors.New("connection refused")
		f.fail(gone)
		r.set(false, gone)
		time.Sleep(leased + time.Nanosecond)
		r.set(false, nil)
		time.Sleep(leased)
		synctest.Wait()
		if err := s.tenure.err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Fresh(time.Now()); !errors.Is(err, ErrFenced) || !strings.Contains(err.Error(), "not been read since") {
			t.Errorf("renewed, and not looked: %v", err)
		}
		f.fail(nil)
		time.Sleep(DefaultEvery)
		synctest.Wait()
		if err := s.Fresh(time.Now()); err != nil {
			t.Errorf("looked again: %v", err)
		}
	})
}

// TestS19_ALookThatBeganBeforeTheLeaseDoesNotCount: it may not have seen what was
// done while there was no lease.
func TestS19_ALookThatBeganBeforeTheLeaseDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &registry{}
		read, answer := make(chan struct{}, 1), make(chan struct{}, 2)
		answer <- struct{}{}
		answer <- struct{}{} // the two of opening
		s, err := Open(t.Context(), Config{
			Load: func(context.Context, int64) ([]store.Row, int64, error) {
				select {
				case read <- struct{}{}:
				default:
				}
				<-answer
				return nil, 0, nil
			},
			Watch:      func(context.Context) <-chan struct{} { return nil },
			Authorised: func(store.Ref, store.Change) error { return nil },
			Lease:      &Lease{For: leased, Renew: r.renew},
		})
		if err != nil {
			t.Fatal(err)
		}
		<-read
		go func() { _ = s.Refresh(t.Context()) }()
		<-read
		time.Sleep(leased + time.Nanosecond)
		if err := s.tenure.renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		answer <- struct{}{}
		synctest.Wait()
		if err := s.Fresh(time.Now()); !errors.Is(err, ErrFenced) {
			t.Errorf("on a look from before: %v", err)
		}
		answer <- struct{}{}
		if err := errors.Join(s.Refresh(t.Context()), s.Fresh(time.Now())); err != nil {
			t.Errorf("on a look from after: %v", err)
		}
	})
}

// A server may take longer to start than a lease lasts.
func TestS19_TheLeaseIsRenewedWhenTheSourceRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := lease(t, &faulty{}, &registry{})
		if err := s.Fresh(time.Now()); err != nil {
			t.Errorf("just opened: %v", err)
		}
		time.Sleep(2 * leased)
		if err := s.Fresh(time.Now()); !errors.Is(err, ErrFenced) {
			t.Errorf("opened two leases ago: %v", err)
		}
		if err := errors.Join(s.Renew(t.Context()), s.Fresh(time.Now())); err != nil {
			t.Errorf("about to serve: %v", err)
		}
		time.Sleep(2 * leased)
		following(t, s)
		synctest.Wait()
		if err := s.Fresh(time.Now()); err != nil {
			t.Errorf("running: %v", err)
		}
	})
}

// TestS19_AClockThatIsSetUnderALeaseGivesNothingBack: forward, it looks like time
// in which nothing was heard; back, it stays wrong however often the lease is renewed, until
// it has caught up. What was over by it is not live again.
func TestS19_AClockThatIsSetUnderALeaseGivesNothingBack(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	now := start
	r := &registry{}
	s, err := Open(t.Context(), Config{
		Load: (&faulty{}).load, Watch: func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
		Lease:      &Lease{For: leased, Renew: r.renew}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		to   time.Duration // since the start
		want error         // at once, and
		then error         // once the lease was renewed and the store read
	}{
		{time.Second, nil, nil},
		{4 * time.Hour, ErrStale, nil},  // over what ended in between
		{time.Hour, ErrClock, ErrClock}, // and back before its end
		{4*time.Hour - clockSlack - 1, ErrClock, ErrClock},
		{4 * time.Hour, nil, nil},
		{4*time.Hour - clockSlack, nil, nil}, // as an hour may be slewed
	} {
		now = start.Add(step.to)
		if err := s.Fresh(now); !errors.Is(err, step.want) {
			t.Errorf("set to %v: %v, want %v", step.to, err, step.want)
		}
		if err := s.Renew(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Fresh(now); !errors.Is(err, step.then) {
			t.Errorf("set to %v, and looked again: %v, want %v", step.to, err, step.then)
		}
	}
}
