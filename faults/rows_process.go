package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"
)

// processRows are what can happen to the process itself.
func processRows() []row {
	const group = "process"
	return []row{
		{group: group, name: "kill -9 under load", how: "8 callers; killed after 30 to 300 ms, restarted on the same directory", unknown: true, ends: []string{"200", "broke off", "no answer"}, run: killedAgainAndAgain},
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
