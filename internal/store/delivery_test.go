package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func waiting(n int, subject string) []store.Delivery {
	var out []store.Delivery
	for i := range n {
		out = append(out, store.Delivery{ID: fmt.Sprintf("%s-%d", subject, i), Subject: subject, Event: []byte(`{}`)})
	}
	return out
}

func deliveries(t *testing.T, db *store.DB, state string) []store.Delivery {
	t.Helper()
	all, err := db.Deliveries(t.Context(), store.DeliveryQuery{Sink: "hook", State: state, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestASinkIsHeldByOneReplica(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		commit(t, db, 0, policy(manifest.Create, "before", "1"))
		h, err := db.HoldSink(ctx, "hook", "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if events, err := db.HistoryAfter(ctx, h.Cursor, 10); err != nil || len(events) != 0 {
			t.Errorf("a new sink is told of what was: %v %v", events, err)
		}
		if _, err := db.HoldSink(ctx, "hook", "b", time.Minute); !errors.Is(err, store.ErrHeld) {
			t.Errorf("it was taken from its holder: %v", err)
		}
		if again, err := db.HoldSink(ctx, "hook", "a", time.Millisecond); err != nil || !again.Since.Equal(h.Since) {
			t.Errorf("the holder could not keep it: %v %v", again, err)
		}
		time.Sleep(5 * time.Millisecond)
		taken, err := db.HoldSink(ctx, "hook", "b", time.Minute)
		if err != nil || taken.Cursor != h.Cursor {
			t.Fatalf("a lease that ended holds it: %v %v", taken, err)
		}
		if err := db.Enqueue(ctx, h, h.Cursor, waiting(1, "x")); !errors.Is(err, store.ErrHeld) {
			t.Errorf("who lost it can still queue: %v", err)
		}
		if err := db.ReleaseSink(ctx, "hook", "b"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.HoldSink(ctx, "hook", "a", time.Minute); err != nil {
			t.Errorf("it was released and cannot be taken: %v", err)
		}
	})
}

func TestTheCursorMovesWithTheEvents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		h, err := db.HoldSink(ctx, "hook", "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		commit(t, db, 0, policy(manifest.Create, "p", "1"), policy(manifest.Create, "q", "1"))
		events, err := db.HistoryAfter(ctx, h.Cursor, 1)
		if err != nil || len(events) != 1 || events[0].Name != "p" {
			t.Fatalf("the first change: %v %v", events, err)
		}
		at := store.Cursor{Revision: events[0].Revision, Position: events[0].Position}
		if err := db.Enqueue(ctx, h, at, waiting(2, "p")); err != nil {
			t.Fatal(err)
		}
		// A crash before the cursor was known to have moved: the same again.
		if err := db.Enqueue(ctx, h, at, waiting(3, "p")); err != nil {
			t.Fatal(err)
		}
		if h, err = db.HoldSink(ctx, "hook", "a", time.Minute); err != nil || h.Cursor != at {
			t.Errorf("the cursor is at %v, want %v: %v", h.Cursor, at, err)
		}
		if events, _ := db.HistoryAfter(ctx, h.Cursor, 9); len(events) != 1 || events[0].Name != "q" {
			t.Errorf("what follows the cursor: %v", events)
		}
		got := deliveries(t, db, store.DeliveryWaiting)
		if len(got) != 3 || got[0].Seq >= got[1].Seq || got[1].Seq >= got[2].Seq || got[2].ID != "p-2" {
			t.Errorf("waiting: %+v", got)
		}
		if err := db.Post(ctx, "nowhere", waiting(1, "y")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("posted to a sink that nobody holds: %v", err)
		}
	})
}

func TestDeliveriesDieAndRevive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		h, err := db.HoldSink(ctx, "hook", "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Post(ctx, "hook", waiting(2, "x")); err != nil {
			t.Fatal(err)
		}
		d := deliveries(t, db, store.DeliveryWaiting)[0]
		next := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		d.Attempts, d.Next, d.Error, d.State = 3, next, "it's down", store.DeliveryWaiting
		if err := db.Attempted(ctx, h, d); err != nil {
			t.Fatal(err)
		}
		if got := deliveries(t, db, store.DeliveryWaiting)[0]; got.Attempts != 3 || !got.Next.Equal(next) || got.Error != "it's down" {
			t.Errorf("an attempt that failed left %+v", got)
		}
		if err := db.Revive(ctx, d.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("what waits was revived: %v", err)
		}
		d.State = store.DeliveryDead
		if err := db.Attempted(ctx, h, d); err != nil {
			t.Fatal(err)
		}
		if err := db.Attempted(ctx, h, d); !errors.Is(err, store.ErrHeld) {
			t.Errorf("settled twice: %v", err)
		}
		if s, err := db.SinkState(ctx, "hook"); err != nil || s.Dead != 1 || s.Waiting != 1 || s.Delivered != 0 || s.Holder != "a" {
			t.Errorf("the sink is %+v, %v", s, err)
		}
		if err := db.Revive(ctx, d.ID); err != nil {
			t.Fatal(err)
		}
		if got := deliveries(t, db, store.DeliveryWaiting)[0]; got.ID != d.ID || got.Attempts != 0 || !got.Next.IsZero() {
			t.Errorf("revived as %+v", got)
		}
		if _, err := db.HoldSink(ctx, "hook", "b", time.Minute); !errors.Is(err, store.ErrHeld) {
			t.Error(err)
		}
		other := h
		other.Holder = "b"
		if err := db.Attempted(ctx, other, d); !errors.Is(err, store.ErrHeld) {
			t.Errorf("settled by who does not hold it: %v", err)
		}
		for _, d := range deliveries(t, db, store.DeliveryWaiting) {
			d.State = store.DeliveryDelivered
			if err := db.Attempted(ctx, h, d); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.ForgetDeliveries(ctx, time.Now().Add(time.Hour)); err != nil || len(deliveries(t, db, store.DeliveryDelivered)) != 0 {
			t.Errorf("what was delivered is kept: %v", err)
		}
	})
}
