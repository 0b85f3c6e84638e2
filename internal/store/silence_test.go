package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// A server that went away without a word costs one attempt, not one for every
// connection that there was to it.
func TestConnectionsToASilentServerAreGivenUpTogether(t *testing.T) {
	wire := storetest.Through(t, storetest.Postgres(t))
	db := storetest.MustOpen(t, wire.DSN)
	look := func(limit time.Duration, meanwhile func()) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		return db.View(ctx, func(*store.View) error { meanwhile(); return nil })
	}
	var all, there sync.WaitGroup
	there.Add(6)
	for range 6 { // so many connections are idle afterwards
		all.Go(func() {
			if err := look(time.Minute, func() { there.Done(); there.Wait() }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wire.Lose()
	if err := look(500*time.Millisecond, func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("by a connection that leads nowhere: %v", err)
	}
	if err := look(time.Minute, func() {}); err != nil {
		t.Errorf("the next look: %v", err)
	}
	if _, err := db.Renew(t.Context(), store.Replica{Name: "a", Boot: "1", Lease: time.Hour}); err != nil {
		t.Error(err)
	}
}
