package journal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-project/writ/internal/journal"
)

// withFlushes counts the flushes of the tail, and calls before, if not nil,
// ahead of each.
func withFlushes(cfg journal.Config, before func() error) (journal.Config, *atomic.Int64) {
	flushes := &atomic.Int64{}
	return cfg.WithTail(func(path string) (journal.TailFile, error) {
		f, err := journal.OpenTailFile(path)
		return faultyFile{f, journal.TailFile.Write, func() error {
			if before != nil {
				if err := before(); err != nil {
					return err
				}
			}
			flushes.Add(1)
			return f.Sync()
		}}, err
	}), flushes
}

func mustEnqueue(t testing.TB, j *journal.Journal, n uint64) *journal.Pending {
	t.Helper()
	p, err := j.Enqueue(entry(n))
	if err != nil {
		t.Fatalf("Enqueue: %v", err)
	}
	return p
}

// settled lets the writer come to rest, and then wants so many durable entries
// by so many flushes.
func settled(t testing.TB, j *journal.Journal, flushes *atomic.Int64, size uint64, want int64) {
	t.Helper()
	synctest.Wait()
	if got := j.Head().Size; got != size || flushes.Load() != want {
		t.Errorf("%d entries durable after %d flushes, want %d after %d", got, flushes.Load(), size, want)
	}
}

// lingering runs a test in a bubble, with an open journal; whatever the test
// does without sleeping takes no time there.
func lingering(t *testing.T, test func(t *testing.T, j *journal.Journal, flushes *atomic.Int64)) {
	cfg, flushes := withFlushes(config(t.TempDir()), nil)
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, cfg)
		test(t, j, flushes)
		mustClose(t, j)
	})
}

func TestLoneEntryIsDurableAfterItsLinger(t *testing.T) {
	for set, want := range map[time.Duration]time.Duration{0: 5 * time.Millisecond, time.Minute: time.Minute} {
		cfg, flushes := withFlushes(config(t.TempDir()), nil)
		cfg.Linger = set
		synctest.Test(t, func(t *testing.T) {
			j := mustOpen(t, cfg)
			time.Sleep(time.Hour) // the delay counts from the entry, not from the start
			for n := range uint64(2) {
				mustEnqueue(t, j, n)
				time.Sleep(want - 1)
				settled(t, j, flushes, n, int64(n))
				time.Sleep(time.Nanosecond)
				settled(t, j, flushes, n+1, int64(n)+1)
			}
			mustClose(t, j)
		})
	}
}

// TestLingerIsNotProlonged: entries that keep coming share the first one's.
func TestLingerIsNotProlonged(t *testing.T) {
	lingering(t, func(t *testing.T, j *journal.Journal, flushes *atomic.Int64) {
		for n := range uint64(5) {
			mustEnqueue(t, j, n)
			settled(t, j, flushes, 0, 0)
			time.Sleep(time.Millisecond)
		}
		settled(t, j, flushes, 5, 1)
	})
}

func TestAppendCarriesWhatLingers(t *testing.T) {
	lingering(t, func(t *testing.T, j *journal.Journal, flushes *atomic.Int64) {
		start := time.Now()
		for n := range uint64(3) {
			mustEnqueue(t, j, n)
		}
		if index, err := j.Append(t.Context(), entry(3)); err != nil || index != 3 {
			t.Errorf("Append = %d, %v; want the index after those that linger", index, err)
		}
		settled(t, j, flushes, 4, 1)
		mustEnqueue(t, j, 4)
		if took := time.Since(start); took != 0 {
			t.Errorf("Append waited for %v", took)
		}
		time.Sleep(5*time.Millisecond - 1) // what lingers now has a delay of its own
		settled(t, j, flushes, 4, 1)
		time.Sleep(time.Nanosecond)
		settled(t, j, flushes, 5, 2)
	})
}

// TestWhoWaitsHurries: each of these flushes what lingers without delay.
func TestWhoWaitsHurries(t *testing.T) {
	for name, wait := range map[string]func(t *testing.T, j *journal.Journal, p *journal.Pending) error{
		"Wait": func(t *testing.T, _ *journal.Journal, p *journal.Pending) error {
			_, err := p.Wait(t.Context())
			return err
		},
		"Publish": func(_ *testing.T, j *journal.Journal, _ *journal.Pending) error { return j.Publish() },
		"Close":   func(_ *testing.T, j *journal.Journal, _ *journal.Pending) error { return j.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			lingering(t, func(t *testing.T, j *journal.Journal, flushes *atomic.Int64) {
				start := time.Now()
				mustEnqueue(t, j, 0)
				p := mustEnqueue(t, j, 1)
				if err := wait(t, j, p); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("waited for %v", took)
				}
				settled(t, j, flushes, 2, 1)
			})
		})
	}
}

// TestWaitHurriesNoMoreThanItsBatch: a later Wait for what is durable already
// leaves alone what lingers.
func TestWaitHurriesNoMoreThanItsBatch(t *testing.T) {
	lingering(t, func(t *testing.T, j *journal.Journal, flushes *atomic.Int64) {
		p := mustEnqueue(t, j, 0)
		for range 2 {
			if _, err := p.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			settled(t, j, flushes, 1, 1)
			mustEnqueue(t, j, 1)
		}
		settled(t, j, flushes, 1, 1)
	})
}

func TestPublishCoversWhatLingers(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Linger = time.Hour
	j := mustOpen(t, cfg)
	for n := range uint64(600) { // of two segments
		mustEnqueue(t, j, n)
	}
	if err := j.Publish(); err != nil {
		t.Fatal(err)
	}
	if r := mustVerify(t, dir); r.Published != 600 {
		t.Errorf("%d of 600 entries published", r.Published)
	}
}

// TestEntriesDuringAFlushLinger: the end of one flush does not begin the next.
func TestEntriesDuringAFlushLinger(t *testing.T) {
	var release chan struct{}
	cfg, flushes := withFlushes(config(t.TempDir()), func() error { <-release; return nil })
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		j := mustOpen(t, cfg)
		go func() {
			if _, err := j.Append(t.Context(), entry(0)); err != nil {
				t.Errorf("Append: %v", err)
			}
		}()
		synctest.Wait()
		mustEnqueue(t, j, 1)
		close(release)
		settled(t, j, flushes, 1, 1)
		time.Sleep(5 * time.Millisecond)
		settled(t, j, flushes, 2, 2)
		mustClose(t, j)
	})
}

// TestLingerOfTheFirstEntryAfterAFlush: it does not inherit what is left of the
// delay of one that joined that flush.
func TestLingerOfTheFirstEntryAfterAFlush(t *testing.T) {
	var release chan struct{}
	cfg, flushes := withFlushes(config(t.TempDir()), func() error { <-release; return nil })
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		j := mustOpen(t, cfg)
		for n := range uint64(2) { // one is being flushed, one makes the next batch due
			go func() {
				if _, err := j.Append(t.Context(), entry(n)); err != nil {
					t.Errorf("Append: %v", err)
				}
			}()
			synctest.Wait()
		}
		mustEnqueue(t, j, 2)
		time.Sleep(3 * time.Millisecond)
		close(release)
		settled(t, j, flushes, 3, 2)
		mustEnqueue(t, j, 3)
		time.Sleep(5*time.Millisecond - 1)
		settled(t, j, flushes, 3, 2)
		time.Sleep(time.Nanosecond)
		settled(t, j, flushes, 4, 3)
		mustClose(t, j)
	})
}

// TestFullBatchDoesNotLinger: only the last batch can still have company.
func TestFullBatchDoesNotLinger(t *testing.T) {
	lingering(t, func(t *testing.T, j *journal.Journal, flushes *atomic.Int64) {
		for n := range uint64(513) {
			mustEnqueue(t, j, n)
		}
		settled(t, j, flushes, 512, 1) // a segment's worth
		time.Sleep(5 * time.Millisecond)
		settled(t, j, flushes, 513, 2)
	})
}

func TestLingeringEntryOfAStoppedJournal(t *testing.T) {
	cfg, _ := withFlushes(config(t.TempDir()), func() error { return syscall.EIO })
	cfg.Linger = time.Hour
	j := mustOpen(t, cfg)
	p := mustEnqueue(t, j, 0)
	if _, err := j.Append(t.Context(), entry(1)); !errors.Is(err, syscall.EIO) {
		t.Errorf("Append = %v", err)
	}
	if _, err := p.Wait(t.Context()); !errors.Is(err, syscall.EIO) {
		t.Errorf("Wait = %v, want what stopped the journal", err)
	}
	if err := j.Close(); !errors.Is(err, syscall.EIO) || !errors.Is(j.Err(), syscall.EIO) {
		t.Errorf("Close = %v, Err = %v, want what stopped the journal", err, j.Err())
	}
}

// TestCrashLosesOnlyWhatLingers: a directory copied at that moment is a log
// without the entry, not a damaged one.
func TestCrashLosesOnlyWhatLingers(t *testing.T) {
	dir, crashed := t.TempDir(), filepath.Join(t.TempDir(), "log")
	cfg := config(dir)
	cfg.Linger, cfg.PublishEvery = time.Hour, time.Hour
	j := mustOpen(t, cfg)
	mustAppend(t, j, 3)
	if err := j.Publish(); err != nil { // so that no file comes or goes meanwhile
		t.Fatal(err)
	}
	mustEnqueue(t, j, 3)
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, config(crashed))
	if index, err := j.Append(t.Context(), entry(4)); err != nil || index != 3 {
		t.Errorf("Append after the crash = %d, %v; want the lost index", index, err)
	}
	mustVerify(t, crashed)
}

// TestNobodyIsForgotten: with a linger that never ends, whoever waits must
// still be woken, whatever was queued in between.
func TestNobodyIsForgotten(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.Linger = 1000 * time.Hour
	j := mustOpen(t, cfg)
	const callers, calls = 8, 300
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range calls {
				index, err := j.Append(context.Background(), entry(0))
				if err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				if _, err := j.Enqueue(entry(1)); err != nil {
					t.Errorf("Enqueue: %v", err)
				}
				p, err := j.Enqueue(entry(2))
				if err != nil {
					t.Errorf("Enqueue: %v", err)
					return
				}
				if later, err := p.Wait(context.Background()); err != nil || later < index+2 {
					t.Errorf("Wait = %d, %v after entry %d", later, err, index)
				}
				if _, err := j.Enqueue(entry(3)); err != nil {
					t.Errorf("Enqueue: %v", err)
				}
			}
		})
	}
	wg.Wait()
	mustClose(t, j)
	if r := mustVerify(t, dir); r.Size != callers*calls*4 {
		t.Errorf("%d entries, want %d", r.Size, callers*calls*4)
	}
}
