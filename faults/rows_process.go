package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"time"
)

// processRows are what can happen to the process itself.
func processRows() []row {
	const group = "process"
	return []row{
		{group: group, name: "kill -9 under load", how: "8 callers; killed after 30 to 300 ms, restarted on the same directory", unknown: true, ends: []string{"200", "broke off", "no answer"}, run: killedAgainAndAgain},
		{group: group, name: "kill -9 during the first start", how: "a new directory each time; killed within the time that a start takes; then started to its end", run: killedAtFirst},
		{group: group, name: "power cut during the first start", how: "the same, on a disk that loses what was not flushed", run: cutAtFirst},
		{group: group, name: "SIGTERM under load", how: "8 callers with streams of 54 × 5 ms; restarted", ends: []string{"200", "no answer"}, run: terminated},
		{group: group, name: "a second server on the same directory", how: "`writ up` beside a running one", ends: []string{"200"}, run: secondServer},
	}
}

func killedAgainAndAgain(ctx context.Context, t *trial) error {
	if err := t.opens(ctx, options{}); err != nil {
		return err
	}
	began, kills := time.Now(), 0
	var slowest time.Duration
	for ; kills < t.cfg.Kills && (t.cfg.For == 0 || time.Since(began) < t.cfg.For); kills++ {
		if err := t.killOnce(ctx); err != nil {
			return fmt.Errorf("kill %d: %w", kills+1, err)
		}
		again := time.Now()
		if err := t.site.start(ctx); err != nil {
			return fmt.Errorf("starting after kill %d: %w", kills+1, err)
		}
		slowest = max(slowest, time.Since(again))
	}
	t.note("killed %d times; at most %v to the ready line", kills, slowest.Round(time.Millisecond))
	return t.heals(ctx)
}

// killOnce loads the process and kills it in the middle of it.
func (t *trial) killOnce(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- t.during(ctx, load{workers: 8, streams: true, patient: 5 * time.Second}) }()
	err := sleep(ctx, time.Duration(30+rand.IntN(270))*time.Millisecond)
	t.site.process.kill()
	cancel()
	return errors.Join(err, <-done)
}

// slowly streams at a model's pace.
func slowly(c net.Conn, r *request) bool {
	if !r.streams {
		return well(c, r)
	}
	if _, err := io.WriteString(c, streamHead); err != nil {
		return false
	}
	for _, f := range frames() {
		if _, err := c.Write(chunk(f)); err != nil {
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	_, err := io.WriteString(c, "0\r\n\r\n")
	return err == nil
}

func terminated(ctx context.Context, t *trial) error {
	if err := t.opens(ctx, options{}); err != nil {
		return err
	}
	t.site.upstream.set(slowly)
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- t.during(calling, load{workers: 8, streams: true, pause: time.Millisecond}) }()
	if err := sleep(ctx, 700*time.Millisecond); err != nil {
		return err
	}
	err := t.stops(ctx)
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	t.site.upstream.set(well)
	if err := t.site.start(ctx); err != nil {
		return err
	}
	return t.heals(ctx)
}

func secondServer(ctx context.Context, t *trial) error {
	if err := t.opens(ctx, options{}); err != nil {
		return err
	}
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- t.during(calling, load{workers: 4, streams: true, pause: 5 * time.Millisecond}) }()
	for range 3 {
		if p, err := t.site.launch(ctx); err == nil {
			p.kill()
			cancel()
			return errors.Join(errors.New("a second server started on the same directory"), <-done)
		}
	}
	cancel()
	if err := <-done; err != nil {
		return err
	}
	return t.heals(ctx)
}

// killedAtFirst kills starts on empty directories at every moment: whatever of
// keys, certificates, tables and log was made by then, the next start goes on
// from there.
func killedAtFirst(ctx context.Context, t *trial) error {
	began := time.Now()
	if err := t.opens(ctx, options{}); err != nil {
		return err
	}
	return t.killStarts(ctx, t.site.dir, time.Since(began), func() error { return nil })
}

// cutAtFirst does the same and loses what was not flushed.
func cutAtFirst(ctx context.Context, t *trial) error {
	disk, err := t.loopDisk(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := t.opens(ctx, options{}); err != nil {
		return err
	}
	return t.killStarts(ctx, disk.dir, time.Since(began), func() error {
		return errors.Join(disk.abort(ctx), disk.anew(ctx))
	})
}

// killStarts kills starts within half the time that opening a site takes, and
// has something happen to what they left.
func (t *trial) killStarts(ctx context.Context, dir string, takes time.Duration, then func() error) error {
	times := 100
	if t.cfg.Short {
		times = 12
	}
	for i := range times {
		after := takes * time.Duration(i) / time.Duration(2*times)
		if err := t.killStart(ctx, filepath.Join(dir, fmt.Sprintf("first-%d", i)), after, then); err != nil {
			return fmt.Errorf("a first start, killed after %v: %w", after, err)
		}
	}
	t.note("%d directories", times)
	return t.heals(ctx)
}

// killStart kills a first start after some time, and starts again.
func (t *trial) killStart(ctx context.Context, data string, after time.Duration, then func() error) error {
	s := *t.site
	s.data, s.process = data, nil
	hasty, cancel := context.WithTimeout(ctx, after)
	p, err := s.launch(hasty) // killed when its time is up
	cancel()
	if err == nil {
		p.kill()
	}
	if err := then(); err != nil {
		return err
	}
	if p, err = s.launch(ctx); err != nil {
		return err
	}
	p.kill()
	_, err = s.verb(ctx, "audit", "verify", s.data)
	return errors.Join(err, os.RemoveAll(s.data))
}
