package snapshot

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// faulty is a store of no rows that can be made to fail.
type faulty struct {
	changed chan struct{}

	mu    sync.Mutex // guards what follows
	err   error
	loads int
}

func (f *faulty) load(context.Context, int64) ([]store.Row, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loads++
	return nil, 0, f.err
}

func (f *faulty) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *faulty) looks() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loads
}

func follow(t *testing.T, f *faulty, now func() time.Time) *Source {
	t.Helper()
	s, err := Open(t.Context(), Config{
		Load:       f.load,
		Watch:      func(context.Context) <-chan struct{} { return f.changed },
		Authorised: func(store.Ref, store.Change) error { return nil },
		Now:        now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASnapshotIsGoodForItsLimitAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{}
		s := follow(t, f, nil)
		gone := errors.New("disk gone")
		f.fail(gone)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		time.Sleep(DefaultMaxAge)
		if err := s.Fresh(time.Now()); err != nil {
			t.Errorf("at the limit: %v", err)
		}
		if !errors.Is(s.Err(), gone) {
			t.Errorf("the source says %v", s.Err())
		}
		time.Sleep(time.Nanosecond)
		if err := s.Fresh(time.Now()); !errors.Is(err, ErrStale) || !errors.Is(err, gone) {
			t.Errorf("past the limit: %v", err)
		}
		f.fail(nil)
		time.Sleep(DefaultEvery)
		synctest.Wait()
		if err := errors.Join(s.Fresh(time.Now()), s.Err()); err != nil {
			t.Errorf("recovered: %v", err)
		}
	})
}

func TestRunLooksRegularlyAndOnWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faulty{changed: make(chan struct{})}
		s := follow(t, f, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go s.Run(ctx)
		time.Sleep(10*DefaultEvery + time.Millisecond)
		synctest.Wait()
		if n := f.looks(); n != 11 {
			t.Errorf("%d looks in ten periods", n-1)
		}
		f.changed <- struct{}{}
		synctest.Wait()
		if f.looks() != 12 {
			t.Error("word of a change was not heard")
		}
		close(f.changed)
		time.Sleep(3 * DefaultEvery)
		synctest.Wait()
		if n := f.looks(); n != 15 {
			t.Errorf("%d looks after the watch ended", n-12)
		}
	})
}

func TestASteppedClockIsNoClock(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	now := start
	s := follow(t, &faulty{}, func() time.Time { return now })
	refresh := func() {
		t.Helper()
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	now = start.Add(-clockSlack)
	if err := s.Fresh(now); err != nil {
		t.Errorf("a small correction: %v", err)
	}
	now = start.Add(-time.Hour)
	refresh() // reading the store does not make the clock right
	if err := s.Fresh(now); !errors.Is(err, ErrClock) {
		t.Errorf("an hour back: %v", err)
	}
	now = start.Add(time.Second)
	refresh()
	if err := s.Fresh(now); err != nil {
		t.Errorf("caught up: %v", err)
	}
}

func TestTheWallClockIsHeldAgainstTheMonotonicOne(t *testing.T) {
	h := &health{read: time.Now()}
	for step, want := range map[time.Duration]error{0: nil, clockSlack: nil, -clockSlack: nil, time.Minute: ErrClock, -time.Minute: ErrClock} {
		if err := h.judge(time.Now(), time.Second, time.Second+step, DefaultMaxAge); !errors.Is(err, want) {
			t.Errorf("stepped by %v: %v, want %v", step, err, want)
		}
	}
}
