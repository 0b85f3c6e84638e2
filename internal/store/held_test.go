package store_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// heldSpec is a hold that waits.
const heldSpec = `{"identity":"bot","panels":[{"approvers":["role:approver"]}],"model":"m","operation":"Converse","decision":"d","record":1,"whole":true,"size":1,` +
	`"mode":"pending","needed":1,"receipt":"15m0s","keep":"1h0m0s","created":"2026-11-26T12:00:00Z","expires":"2026-11-26T13:00:00Z","state":"pending"}`

func TestWhatIsHeldIsKeptOnceAndForgottenWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		part := store.HeldPart{Hold: "h1", Part: "answer", Sealed: []byte("sealed one"), Created: noon}
		calls := []store.HeldCall{{Identity: "bot", ToolUse: "t1", Position: 3}, {Identity: "bot", ToolUse: "t2", Position: 4}}
		if err := db.KeepHeld(t.Context(), part, calls...); err != nil {
			t.Fatal(err)
		}
		if err := db.KeepHeld(t.Context(), store.HeldPart{Hold: "h1", Part: "answer", Sealed: []byte("another"), Created: noon}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("kept twice: %v", err)
		}
		if got, err := db.Held(t.Context(), "h1", "answer"); err != nil || !bytes.Equal(got, part.Sealed) {
			t.Errorf("%q, %v", got, err)
		}
		if err := db.KeepHeld(t.Context(), store.HeldPart{Hold: "h2", Part: "answer", Sealed: []byte("x"), Created: noon}, calls[0]); err != nil {
			t.Fatal(err)
		}
		if hold, at, err := db.HeldBy(t.Context(), "bot", "t1"); hold != "h2" || at != 3 || err != nil {
			t.Errorf("the newest: %s, %d, %v", hold, at, err)
		}
		if _, _, err := db.HeldBy(t.Context(), "other", "t1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another's: %v", err)
		}
		for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
			if err := db.NoteCollected(t.Context(), "h1", at); err != nil {
				t.Fatal(err)
			}
		}
		if at, err := db.Collected(t.Context(), "h1"); !at.Equal(noon) || err != nil {
			t.Errorf("first collected at %v, %v", at, err)
		}
		if err := db.ForgetHeld(t.Context(), []string{"h1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Held(t.Context(), "h1", "answer"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("forgotten: %v", err)
		}
		if _, _, err := db.HeldBy(t.Context(), "bot", "t2"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("its calls: %v", err)
		}
		if at, err := db.Collected(t.Context(), "h1"); !at.IsZero() || err != nil {
			t.Errorf("when it was collected: %v, %v", at, err)
		}
		if _, err := db.Held(t.Context(), "h2", "answer"); err != nil {
			t.Errorf("another's is gone too: %v", err)
		}
	})
}

func TestHoldsAreInNoStateAndFoundByTheirChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, name := range []string{"h1", "h2"} {
			if err := db.KeepHeld(t.Context(), store.HeldPart{Hold: name, Part: "answer", Sealed: []byte("x"), Created: noon}); err != nil {
				t.Fatal(err)
			}
		}
		commit(t, db, 0, agent(manifest.Create, "bot", 0))
		commit(t, db, 1, store.Change{Op: manifest.Create, Kind: manifest.Hold, Name: "h1", Spec: []byte(heldSpec)})
		for _, since := range []int64{0, 1} {
			rows, rev, err := db.Load(t.Context(), since)
			if err != nil || rev != 2 || slices.Contains(names(rows), "h1") {
				t.Errorf("since %d: %v at %d, %v", since, names(rows), rev, err)
			}
		}
		for since, want := range map[int64]int{0: 1, 1: 1, 2: 0, 9: 0} {
			if got, rev, err := db.ChangedHolds(t.Context(), since); len(got) != want || rev != 2 || err != nil {
				t.Errorf("changed since %d: %v at %d, %v", since, got, rev, err)
			}
		}
		if rows, err := db.Due(t.Context(), manifest.Hold, noon.AddDate(10, 0, 0), 9); len(rows) != 1 || err != nil {
			t.Errorf("due: %v, %v", names(rows), err)
		}
		if alone, err := db.HeldAlone(t.Context(), noon.Add(time.Second), 9); !slices.Equal(alone, []string{"h2"}) || err != nil {
			t.Errorf("without a hold: %v, %v", alone, err)
		}
		if alone, err := db.HeldAlone(t.Context(), noon, 9); len(alone) > 0 || err != nil {
			t.Errorf("without a hold, and young: %v, %v", alone, err)
		}
	})
}

func TestUpgradeFromSchema3HasRoomForHolds(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		old, err := store.OpenAt(t, dsn, 3)
		if err != nil {
			t.Fatal(err)
		}
		commit(t, old, 0, agent(manifest.Create, "bot", 2))
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		db := storetest.MustOpen(t, dsn)
		if rows, rev, err := db.Load(t.Context(), 0); len(rows) != 1 || rev != 1 || err != nil {
			t.Errorf("%d rows at %d, %v", len(rows), rev, err)
		}
		if err := db.KeepHeld(t.Context(), store.HeldPart{Hold: "h1", Part: "answer", Sealed: []byte("x"), Created: noon}); err != nil {
			t.Error(err)
		}
		commit(t, db, 1, store.Change{Op: manifest.Create, Kind: manifest.Hold, Name: "h1", Spec: []byte(heldSpec)})
	})
}
