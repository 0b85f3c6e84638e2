package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// warmUp precedes every round, uncounted.
const warmUp = 200 * time.Millisecond

// sample is what one round came to: of requests, or of frames where the load
// is paced.
type sample struct {
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Mean    float64 `json:"mean_us,omitempty"`
	Rate    float64 `json:"per_second"`
	CPU     float64 `json:"cpu_us"` // of the target, per request
	Memory  float64 `json:"rss_mb"` // of the target, after the round
	Answers int     `json:"answers"`
}

// load is a closed loop over kept-alive connections: each sends its next
// request when the last answer is complete.
type load struct {
	target      *process
	requests    [][]byte // complete HTTP/1.1 requests, sent in turn
	connections int
	length      time.Duration
	paced       bool  // frames are timed, by when the stand-in wrote them
	calls       int64 // where not zero, the load ends after so many, and length does not count

	phase atomic.Int32 // warming, counting or over
	begun atomic.Int64
	some  atomic.Bool // something counts
}

const (
	warming int32 = iota
	counting
	over
)

// run drives the target for one round. Any answer but 200 is an error.
func (l *load) run(ctx context.Context) (sample, error) {
	took := make([][]uint32, l.connections)
	group, ctx := errgroup.WithContext(ctx)
	for i := range l.connections {
		group.Go(func() (err error) {
			took[i], err = l.client(ctx, i)
			return err
		})
	}
	var used, length time.Duration
	group.Go(func() (err error) {
		defer l.phase.Store(over)
		used, length, err = l.conduct(ctx)
		return err
	})
	if err := group.Wait(); err != nil {
		return sample{}, fmt.Errorf("loading %s: %w", l.target.name, err)
	}
	bytes, err := memory(l.target.pid)
	if err != nil {
		return sample{}, err
	}
	s, err := summary(slices.Concat(took...), used, length)
	s.Memory = float64(bytes) / (1 << 20)
	return s, err
}

// conduct times the phases and reads the target's CPU time around the one that counts.
func (l *load) conduct(ctx context.Context) (used, length time.Duration, err error) {
	if err := sleep(ctx, warmUp); err != nil {
		return 0, 0, err
	}
	before, err := cpuTime(l.target.pid)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	l.phase.Store(counting)
	if err := sleep(ctx, l.length); err != nil {
		return 0, 0, err
	}
	for !l.some.Load() { // a round too short for this machine
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return 0, 0, err
		}
	}
	l.phase.Store(over)
	length = time.Since(began)
	after, err := cpuTime(l.target.pid)
	return after - before, length, err
}

// client is one connection's loop; it returns the nanoseconds of each answer,
// or of each frame.
func (l *load) client(ctx context.Context, n int) ([]uint32, error) {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", l.target.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	in := bufio.NewReaderSize(conn, 16<<10)
	took := make([]uint32, 0, 1<<14)
	frames := frameClock{counts: l.counts}
	for turn := n; ; turn++ {
		phase := l.phase.Load()
		if phase == over || l.calls > 0 && l.begun.Add(1) > l.calls {
			return append(took, frames.delays...), nil
		}
		began := time.Now()
		if _, err := conn.Write(l.requests[turn%len(l.requests)]); err != nil {
			return nil, err
		}
		if err := l.answer(in, &frames); err != nil {
			return nil, err
		}
		if phase == counting && !l.paced {
			took = append(took, uint32(time.Since(began)))
			l.counts()
		}
	}
}

// counts reports whether what is done now counts, and notes that something does.
func (l *load) counts() bool {
	if l.phase.Load() != counting {
		return false
	}
	if !l.some.Load() {
		l.some.Store(true)
	}
	return true
}

// answer reads one answer to its end.
func (l *load) answer(in *bufio.Reader, frames *frameClock) error {
	var keep io.Writer
	if l.paced {
		keep = frames
	}
	status, err := readResponse(in, keep)
	if err == nil && status != http.StatusOK {
		return fmt.Errorf("status %d", status)
	}
	return err
}

// drive makes a number of calls and returns how long they took.
func (l *load) drive(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i := range l.connections {
		group.Go(func() error {
			_, err := l.client(ctx, i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("loading %s: %w", l.target.name, err)
	}
	return time.Since(began), nil
}

// summary reduces a round to its figures. An answer that was begun while
// counting counts, also when it came a little later; a frame counts that came
// while counting.
func summary(took []uint32, used, length time.Duration) (sample, error) {
	if len(took) == 0 {
		return sample{}, errors.New("no answer within the round")
	}
	slices.Sort(took)
	n := float64(len(took))
	var sum uint64
	for _, t := range took {
		sum += uint64(t)
	}
	return sample{
		P50: quantile(took, 0.50), P99: quantile(took, 0.99), Mean: float64(sum) / n / 1000,
		Rate: n / length.Seconds(), CPU: float64(used.Nanoseconds()) / 1000 / n, Answers: len(took),
	}, nil
}

// quantile returns the q-quantile of sorted nanoseconds by the nearest rank,
// in microseconds.
func quantile(sorted []uint32, q float64) float64 {
	rank := int(q * float64(len(sorted)))
	return float64(sorted[min(rank, len(sorted)-1)]) / 1000
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
