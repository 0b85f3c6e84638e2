package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func TestARequestSentAgainHasItsFirstAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		one, two := sha256.Sum256([]byte("1")), sha256.Sum256([]byte("2"))
		begin := func(operator string, digest [32]byte) (*store.Answer, error) {
			return db.Begin(t.Context(), operator, "k", digest)
		}
		if a, err := begin("ann", one); a != nil || err != nil {
			t.Fatalf("the first time: %v, %v", a, err)
		}
		if _, err := begin("ann", one); !errors.Is(err, store.ErrInWork) || !errors.Is(err, store.ErrConflict) {
			t.Errorf("while it is worked on: %v", err)
		}
		if err := db.Finish(t.Context(), "ann", "k", 201, []byte("made")); err != nil {
			t.Fatal(err)
		}
		if a, err := begin("ann", one); err != nil || a == nil || a.Status != 201 || string(a.Body) != "made" {
			t.Errorf("again: %+v, %v", a, err)
		}
		if _, err := begin("ann", two); !errors.Is(err, store.ErrKeyReused) || !errors.Is(err, store.ErrConflict) {
			t.Errorf("with another request: %v", err)
		}
		if a, err := begin("bob", two); a != nil || err != nil {
			t.Errorf("another operator's key is another: %v, %v", a, err)
		}
		if err := db.GiveUp(t.Context(), "bob", "k"); err != nil {
			t.Error(err)
		}
		if err := db.GiveUp(t.Context(), "ann", "k"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an answer was given up: %v", err)
		}
		if a, err := begin("bob", one); a != nil || err != nil {
			t.Errorf("given up, it may be tried again: %v, %v", a, err)
		}
		if err := db.Forget(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if a, err := begin("ann", two); a != nil || err != nil {
			t.Errorf("once forgotten: %v, %v", a, err)
		}
	})
}

func TestOfManyAtOnceOneBeginsAndOneUses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var begun, used atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := db.Begin(context.Background(), "ann", "k", [32]byte{}); err == nil {
					begun.Add(1)
				} else if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
				if err := db.UseOnce(context.Background(), "link", noon); err == nil {
					used.Add(1)
				} else if !errors.Is(err, store.ErrUsed) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if begun.Load() != 1 || used.Load() != 1 {
			t.Errorf("%d began and %d used it", begun.Load(), used.Load())
		}
	})
}
