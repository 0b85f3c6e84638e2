package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestDecisionsArePermits(t *testing.T) {
	f := &feed{}
	now := time.Now().UTC()
	if err := f.fill(20, now); err != nil {
		t.Fatal(err)
	}
	source, err := openFeed(f)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newAsker(source.Current(), "agent-1", now)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.ask(a.repeated()), a.ask(a.fresh())); err != nil {
		t.Error(err)
	}
	before := source.Current().Bundle.Digest()
	if err := errors.Join(f.change(now.Add(time.Hour)), source.Refresh(context.Background())); err != nil {
		t.Fatal(err)
	}
	if source.Current().Bundle.Digest() == before {
		t.Error("a reload without a change is measured")
	}
}

// TestQuestionsDiffer: a repeated question differs from the last in what every
// call has of its own, a new one also in what grants have conditions on.
func TestQuestionsDiffer(t *testing.T) {
	f := &feed{}
	now := time.Now().UTC()
	if err := f.fill(10, now); err != nil {
		t.Fatal(err)
	}
	source, err := openFeed(f)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newAsker(source.Current(), "agent-0", now)
	if err != nil {
		t.Fatal(err)
	}
	one, two := a.repeated(), a.repeated()
	if one.Digest == two.Digest || one.Now.Equal(two.Now) || one.BodyBytes == two.BodyBytes {
		t.Error("a repeated question is the same call")
	}
	if one.Caps.MaxTokens != two.Caps.MaxTokens {
		t.Error("a repeated question has another shape")
	}
	seen := make(map[int64]bool)
	for range 10_000 {
		seen[a.fresh().Caps.MaxTokens] = true
	}
	if len(seen) != 10_000 {
		t.Errorf("%d of 10,000 new questions are new", len(seen))
	}
}

func TestTimed(t *testing.T) {
	calls := 0
	got, err := timed(3, 30*time.Millisecond, func() error { calls++; return nil })
	if err != nil || calls < 48 || len(got.Rounds) != 3 || got.Micros <= 0 {
		t.Errorf("%d calls, %+v: %v", calls, got, err)
	}
	if _, err := timed(1, time.Hour, func() error { return errors.New("no") }); err == nil {
		t.Error("an act that fails is measured")
	}
}
