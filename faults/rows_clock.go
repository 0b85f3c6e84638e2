package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// clockRows step the clock under a running writ, by a tracer that changes what
// it reads. The machine's own clock stays as it is.
func clockRows() []row {
	const group = "clock"
	return []row{
		{group: group, name: "half a second forward", how: "wall clock +500 ms", ends: []string{"200"}, run: clockSlewed},
		{group: group, name: "half a minute forward", how: "wall clock +30 s; it heals by itself", ends: []string{"200", unavailable}, run: clockForward},
		{group: group, name: "an hour back", how: "wall clock −1 h, then right again", ends: []string{unavailable}, run: clockBack},
		{group: group, name: "an hour forward and back", how: "wall clock +1 h, then right again; restarted", run: clockFarForward},
		{group: group, name: "eleven minutes pass in no time, under calls that hang", how: "both clocks +11 min while the upstream is silent: the 10 minutes for an answer's first byte end; restarted", ends: []string{unavailable}, run: clockPasses},
	}
}

// clock gives an order to the tracer, and the time to read it.
func (t *trial) clock(ctx context.Context, order string) error {
	if err := t.site.process.order(order); err != nil {
		return err
	}
	return sleep(ctx, 200*time.Millisecond)
}

func clockSlewed(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := t.clock(ctx, "wall 500ms"); err != nil {
		return err
	}
	if err := t.during(ctx, t.few(true)); err != nil {
		return err
	}
	return t.heals(ctx)
}

func clockForward(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := t.site.process.order("wall 30s"); err != nil {
		return err
	}
	if err := t.during(ctx, load{workers: 4, calls: 160, streams: true, pause: 10 * time.Millisecond}); err != nil {
		return err
	}
	return t.heals(ctx)
}

func clockBack(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := t.clock(ctx, "wall -1h"); err != nil {
		return err
	}
	if err := t.during(ctx, t.few(true)); err != nil {
		return err
	}
	if err := sleep(ctx, 1500*time.Millisecond); err != nil { // over the next look at the store
		return err
	}
	if err := errors.Join(t.during(ctx, t.few(true)), t.clock(ctx, "wall 0s")); err != nil {
		return err
	}
	return t.heals(ctx)
}

// clockFarForward makes every session and signature look an hour old: what
// rules and sessions say by the wrong clock must not let anything through that
// has ended, nor, once the clock is right, what was decided by the wrong one.
func clockFarForward(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := t.clock(ctx, "wall 1h1m"); err != nil {
		return err
	}
	for range 3 {
		for _, a := range t.call(ctx, t.few(true)) {
			if a.end() == "200" {
				return fmt.Errorf("call %d was answered by a clock an hour off", a.serial)
			}
		}
		if err := sleep(ctx, 700*time.Millisecond); err != nil {
			return err
		}
	}
	if err := t.clock(ctx, "wall 0s"); err != nil {
		return err
	}
	t.ends = []string{unavailable}
	if err := t.during(ctx, t.few(true)); err != nil {
		return err
	}
	if err := t.restarts(ctx); err != nil {
		return err
	}
	return t.heals(ctx)
}

func clockPasses(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	t.site.upstream.set(hang)
	done := make(chan error, 1)
	waiting := load{workers: 8, calls: 8, streams: true}
	waiting.only = true
	before := t.site.upstream.total()
	go func() { done <- t.during(ctx, waiting) }()
	for t.site.upstream.total()-before < 8 {
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	if err := errors.Join(t.site.process.order("both 11m"), <-done); err != nil {
		return err
	}
	t.site.upstream.set(well)
	if err := t.stops(ctx); err != nil {
		return err
	}
	if err := t.site.start(ctx); err != nil {
		return err
	}
	return t.heals(ctx)
}
