package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func TestAReplicaHoldsItsNameWhileItsLeaseLasts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := store.Replica{Name: "a", Shard: "a", Boot: "1", Started: noon, Lease: time.Hour, Revision: 4}
		until, err := db.Renew(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		a.Revision = 5
		again, err := db.Renew(t.Context(), a)
		if err != nil || again.Before(until) {
			t.Errorf("renewed until %v, after %v: %v", again, until, err)
		}
		all, now, err := db.Replicas(t.Context())
		if err != nil || len(all) != 1 || all[0].Revision != 5 || !all[0].Until().Equal(again.Truncate(time.Microsecond)) || !now.Before(again) {
			t.Errorf("the replicas are %+v at %v, %v", all, now, err)
		}
		other := a
		other.Boot = "2"
		if _, err := db.Renew(t.Context(), other); !errors.Is(err, store.ErrNameTaken) {
			t.Errorf("another process has the name: %v", err)
		}
		if err := db.Leave(t.Context(), "a", "1"); err != nil {
			t.Fatal(err)
		}
		if all, now, err = db.Replicas(t.Context()); err != nil || all[0].Left.IsZero() || all[0].Until().After(now) {
			t.Errorf("after leaving: %+v at %v, %v", all, now, err)
		}
		if _, err := db.Renew(t.Context(), other); err != nil {
			t.Errorf("the name is free: %v", err)
		}
		// A process that was thought dead must not end its successor's lease.
		if err := db.Leave(t.Context(), "a", "1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the first process left again: %v", err)
		}
	})
}

func TestANameIsFreeOnceItsLeaseHasEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if _, err := db.Renew(t.Context(), store.Replica{Name: "a", Boot: "1", Lease: -time.Second}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Renew(t.Context(), store.Replica{Name: "a", Boot: "2", Lease: time.Hour}); err != nil {
			t.Errorf("the lease is over: %v", err)
		}
	})
}
