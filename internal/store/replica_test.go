package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
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

// A renewal that was held up on its way must not shorten what a later one gave:
// the replica counts on that.
func TestS19_ARenewalThatComesLateTakesNothingBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := store.Replica{Name: "a", Boot: "1", Lease: time.Hour, Revision: 9}
		until, err := db.Renew(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		store.Exec(t, db, `UPDATE replicas SET renewed = renewed + 60000000`) // a later one was there first
		a.Revision = 5
		if _, err := db.Renew(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		all, _, err := db.Replicas(t.Context())
		if err != nil || all[0].Revision != 9 || all[0].Until().Before(until.Add(59*time.Second)) {
			t.Errorf("the late one counted: %+v, %v", all, err)
		}
		if err := db.Leave(t.Context(), "a", "1"); err != nil {
			t.Fatal(err)
		}
		a.Boot = "2"
		if _, err := db.Renew(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if all, _, err := db.Replicas(t.Context()); err != nil || all[0].Revision != 5 {
			t.Errorf("another process begins with what it knows: %+v, %v", all, err)
		}
	})
}

// A lease is renewed however busy the store's other connections are.
func TestS19_RenewalsDoNotQueueBehindOtherWork(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var busy, done sync.WaitGroup
		release := make(chan struct{})
		for range 20 { // more than there are connections
			busy.Add(1)
			begun := sync.OnceFunc(busy.Done)
			done.Go(func() {
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(100*time.Millisecond, begun) // those that wait for a connection
				defer cancel()
				_ = db.View(ctx, func(*store.View) error { begun(); <-release; return nil })
			})
		}
		busy.Wait()
		if _, err := db.Renew(t.Context(), store.Replica{Name: "a", Boot: "1", Lease: time.Hour}); err != nil {
			t.Error(err)
		}
		close(release)
		done.Wait()
	})
}

// A replica that is stopped in the middle of a commit holds the lock that orders
// them. The others must get it within a lease.
func TestS19_AStoppedCommitDoesNotHoldUpTheOthers(t *testing.T) {
	dsn := storetest.Postgres(t)
	stopped, other := storetest.MustOpen(t, dsn), storetest.MustOpen(t, dsn)
	store.Hang(t, stopped)
	if _, err := other.Commit(t.Context(), store.Commit{Record: ref(1), Changes: []store.Change{policy(manifest.Create, "a", "1")}}); err != nil {
		t.Fatal(err)
	}
	if rev, err := stopped.Revision(t.Context()); rev != 1 || err != nil {
		t.Errorf("the one that was stopped reads revision %d, %v", rev, err)
	}
}

func TestReplicasThatAreLongGoneAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, lease := range map[string]time.Duration{"lives": time.Hour, "yesterday": -23 * time.Hour, "long-gone": -25 * time.Hour, "left": time.Hour} {
			if _, err := db.Renew(t.Context(), store.Replica{Name: name, Boot: "1", Lease: lease}); err != nil {
				t.Fatal(err)
			}
		}
		store.Exec(t, db, `UPDATE replicas SET left_at = 1 WHERE name = 'left'`)
		n, err := db.ForgetReplicas(t.Context())
		all, _, _ := db.Replicas(t.Context())
		if n != 2 || err != nil || len(all) != 2 || all[0].Name != "lives" || all[1].Name != "yesterday" {
			t.Errorf("%d forgotten, %v; there are %+v", n, err, all)
		}
	})
}
