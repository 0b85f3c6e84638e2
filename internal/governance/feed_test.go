package governance

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// replica is an office of several on one store, with a log of its own.
type replica struct {
	house
	dsn, shard string
}

func join(t testing.TB, dsn, dir, shard string) *replica {
	t.Helper()
	r, err := tryJoin(dsn, dir, shard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

func tryJoin(dsn, dir, shard string) (*replica, error) {
	r := &replica{house: house{dir: dir}, dsn: dsn, shard: shard}
	ctx, key := context.Background(), ed25519.NewKeyFromSeed(make([]byte, 32))
	var err error
	if r.store, err = store.Open(ctx, dsn); err != nil {
		return nil, err
	}
	if r.log, err = journal.Open(ctx, journal.Config{Dir: filepath.Join(dir, shard), Origin: "test/" + shard, Key: key}); err != nil {
		return nil, errors.Join(err, r.store.Close())
	}
	r.ledger, err = OpenLedger(ctx, r.log, shard)
	if err == nil {
		err = r.store.RegisterShard(ctx, store.Shard{Name: shard, Origin: "test/" + shard})
	}
	if err == nil {
		err = r.ledger.Join(ctx, FeedConfig{Store: r.store, Key: key, Instance: "i"})
	}
	if err != nil {
		r.close()
		return nil, err
	}
	r.office = New(Config{Store: r.store, Log: r.log, Ledger: r.ledger, Instance: auditlog.Instance{ID: "i", Shard: shard}, Account: "111122223333", Now: time.Now})
	return r, nil
}

// commit is an act like any other.
func (r *replica) commit(changes ...store.Change) (int64, error) {
	ctx := context.Background()
	expect, err := r.store.Revision(ctx)
	if err != nil {
		return 0, err
	}
	c := announcing("test", alice, changes)
	c.Revision = uint64(expect + 1)
	return expect + 1, r.office.act(ctx, c, func(ref store.Ref) error {
		_, err := r.store.Commit(ctx, store.Commit{Record: ref, Expect: expect, Changes: changes})
		return err
	})
}

func (r *replica) must(t testing.TB, changes ...store.Change) {
	t.Helper()
	if _, err := r.commit(changes...); err != nil {
		t.Fatal(err)
	}
}

// announceOnly is an act that ends with its process before it is committed.
func (r *replica) announceOnly(t *testing.T, changes ...store.Change) (store.Ref, int64) {
	t.Helper()
	expect, err := r.store.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := announcing("test", alice, changes)
	c.Revision = uint64(expect + 1)
	index, err := r.office.announce(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r.office.ref(index), expect
}

// believes reads the whole state, and asks the log about every row.
func (r *replica) believes(t testing.TB) (map[string]string, error) {
	t.Helper()
	rows, _, err := r.ledger.Load(context.Background(), r.store, 0)
	if err != nil {
		return nil, err
	}
	state := make(map[string]string)
	for _, row := range rows {
		if row.Stored != row.Digest() {
			return nil, fmt.Errorf("%s: its digest differs", row.Name)
		}
		if err := r.ledger.Authorised(row.Record, row.Change); err != nil {
			return nil, err
		}
		state[string(row.Kind)+"/"+row.Name] = string(row.Spec)
	}
	return state, nil
}

func (r *replica) sees(t testing.TB, names ...string) {
	t.Helper()
	state, err := r.believes(t)
	if err != nil {
		t.Fatalf("replica %s: %v", r.shard, err)
	}
	if len(state) != len(names) {
		t.Errorf("replica %s sees %v, want %v", r.shard, state, names)
	}
	for _, name := range names {
		if _, ok := state["Grant/"+name]; !ok {
			t.Errorf("replica %s does not see %s", r.shard, name)
		}
	}
}

// exec changes the database behind Writ's back.
func (r *replica) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("pgx", r.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.Exec(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		t.Fatalf("%s: touched %d rows, %v", query, n, err)
	}
}

func right(op manifest.Op, name, reason string) store.Change {
	r := manifest.Resource{Kind: manifest.Grant, Name: name, Spec: &rights.Grant{Identity: "bot", Entitlement: "chat", NotAfter: end, Reason: reason}}
	c := store.Change{Op: op, Kind: manifest.Grant, Name: name}
	if op != manifest.Delete {
		c.Spec, _ = r.Encode() // a grant always encodes
	}
	return c
}

func TestReplicasBelieveEachOthersRecords(t *testing.T) {
	dsn := storetest.Postgres(t)
	a, b := join(t, dsn, t.TempDir(), "a"), join(t, dsn, t.TempDir(), "b")
	a.must(t, right(manifest.Create, "one", ""))
	b.must(t, right(manifest.Create, "two", ""), right(manifest.Update, "one", "longer"))
	a.sees(t, "one", "two")
	b.sees(t, "one", "two")
	a.must(t, right(manifest.Close, "one", "over"))
	b.must(t, right(manifest.Create, "one", "again"))
	a.must(t, right(manifest.Delete, "two", ""))
	a.sees(t, "one")
	b.sees(t, "one")
	c := join(t, dsn, t.TempDir(), "c")
	c.sees(t, "one")
	if len(c.ledger.gone) != 0 || len(c.ledger.latest) != 1 {
		t.Errorf("what ended is kept: %v, %v", c.ledger.gone, c.ledger.latest)
	}
}

func TestAReplicaKnowsWhereARecordIs(t *testing.T) {
	dsn := storetest.Postgres(t)
	a, b := join(t, dsn, t.TempDir(), "a"), join(t, dsn, t.TempDir(), "b")
	a.must(t, right(manifest.Create, "one", ""))
	row, err := b.store.Get(t.Context(), manifest.Grant, "one")
	if err != nil {
		t.Fatal(err)
	}
	// The row was read before b heard of its record.
	if err := b.ledger.Vouched(t.Context(), row); err != nil {
		t.Error(err)
	}
	for _, r := range []*replica{a, b} {
		if c, err := r.ledger.Control(t.Context(), row.Record); err != nil || c.Actor != alice.Name {
			t.Errorf("replica %s reads %+v, %v", r.shard, c, err)
		}
		if _, err := r.ledger.Control(t.Context(), store.Ref{Shard: "a", Index: 99}); err == nil {
			t.Errorf("replica %s reads a record that is not there", r.shard)
		}
	}
}

func TestManyActsOnTwoReplicasAtOnce(t *testing.T) {
	dsn := storetest.Postgres(t)
	a, b := join(t, dsn, t.TempDir(), "a"), join(t, dsn, t.TempDir(), "b")
	a.must(t, right(manifest.Create, "shared", ""))
	var wg sync.WaitGroup
	for _, r := range []*replica{a, b} {
		for i := range 12 {
			wg.Go(func() {
				for {
					_, err := r.commit(right(manifest.Update, "shared", fmt.Sprint(r.shard, i)), right(manifest.Create, fmt.Sprintf("%s-%d", r.shard, i), ""))
					if err == nil {
						return
					}
					if !errors.Is(err, store.ErrConflict) {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Go(func() {
			for range 10 {
				if _, err := r.believes(t); err != nil {
					t.Errorf("in the middle of it replica %s: %v", r.shard, err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range []*replica{a, b, join(t, dsn, t.TempDir(), "c")} {
		if state, err := r.believes(t); len(state) != 25 || err != nil {
			t.Errorf("replica %s sees %d grants, %v", r.shard, len(state), err)
		}
		if open := r.ledger.unfinished(); len(open) != 0 {
			t.Errorf("replica %s has open acts %v", r.shard, open)
		}
	}
}

func TestAReplicaTakesUpWhereItWas(t *testing.T) {
	dsn, dir := storetest.Postgres(t), t.TempDir()
	a, b := join(t, dsn, dir, "a"), join(t, dsn, t.TempDir(), "b")
	a.must(t, right(manifest.Create, "one", ""))
	a.close()
	b.must(t, right(manifest.Create, "two", ""))
	a = join(t, dsn, dir, "a")
	a.sees(t, "one", "two")
	a.must(t, right(manifest.Create, "three", ""))
	b.sees(t, "one", "two", "three")
}

// A replica that ends between record and commit blocks nobody, and finds the act
// an orphan when it comes back.
func TestS27_AnActThatWasNeverCommittedIsNothingToTheOthers(t *testing.T) {
	dsn, dir := storetest.Postgres(t), t.TempDir()
	a, b := join(t, dsn, dir, "a"), join(t, dsn, t.TempDir(), "b")
	a.announceOnly(t, right(manifest.Create, "one", ""))
	a.close()
	b.sees(t)
	b.must(t, right(manifest.Create, "one", "b's"))
	b.must(t, right(manifest.Close, "one", "b's"))
	b.sees(t)
	a = join(t, dsn, dir, "a")
	if n, err := a.office.Reconcile(t.Context()); n != 1 || err != nil {
		t.Errorf("%d acts reconciled, %v", n, err)
	}
	a.sees(t)
	b.sees(t)
}

// A replica that ends between commit and outcome has committed.
func TestS27_AnActIsDoneForTheOthersOnceItIsCommitted(t *testing.T) {
	dsn, dir := storetest.Postgres(t), t.TempDir()
	a, b := join(t, dsn, dir, "a"), join(t, dsn, t.TempDir(), "b")
	change := right(manifest.Create, "one", "")
	ref, expect := a.announceOnly(t, change)
	if _, err := a.store.Commit(t.Context(), store.Commit{Record: ref, Expect: expect, Changes: []store.Change{change}}); err != nil {
		t.Fatal(err)
	}
	a.close()
	b.sees(t, "one")
	b.must(t, right(manifest.Close, "one", ""))
	b.sees(t)
	c := join(t, dsn, t.TempDir(), "c")
	c.sees(t)
	a = join(t, dsn, dir, "a")
	if n, err := a.office.Reconcile(t.Context()); n != 1 || err != nil {
		t.Errorf("%d acts reconciled, %v", n, err)
	}
	for _, r := range []*replica{a, b, c} {
		r.sees(t)
	}
}

// A crash between the log and the feed keeps records from the others only until
// their replica is back.
func TestS27_WhatACrashKeptBackIsPublishedAtTheNextStart(t *testing.T) {
	dsn, dir := storetest.Postgres(t), t.TempDir()
	a, b := join(t, dsn, dir, "a"), join(t, dsn, t.TempDir(), "b")
	a.must(t, right(manifest.Create, "one", ""))
	c := announcing("test", alice, []store.Change{right(manifest.Create, "two", "")})
	c.Revision = 2
	entry, err := a.office.record(auditlog.KindControl, func(r *auditlog.Record) { r.Control = &c })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.log.Append(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	a.close()
	a = join(t, dsn, dir, "a")
	if n, err := a.office.Reconcile(t.Context()); n != 1 || err != nil {
		t.Errorf("%d acts reconciled, %v", n, err)
	}
	a.must(t, right(manifest.Create, "two", ""))
	b.sees(t, "one", "two")
}

// While the store cannot be told, nothing is done; when it can, all is told.
func TestS27_NoActWithoutTheOthersKnowing(t *testing.T) {
	dsn := storetest.Postgres(t)
	a, b := join(t, dsn, t.TempDir(), "a"), join(t, dsn, t.TempDir(), "b")
	a.must(t, right(manifest.Create, "one", ""))
	a.exec(t, `INSERT INTO feed (shard, position, record_index, entry, signature) VALUES ('a', 2, 9, 'x', 'x')`)
	if _, err := a.commit(right(manifest.Create, "two", "")); !errors.Is(err, errUnpublished) {
		t.Errorf("the act went on: %v", err)
	}
	a.exec(t, `DELETE FROM feed WHERE position = 2`)
	a.must(t, right(manifest.Create, "two", ""))
	b.sees(t, "one", "two")
}

func TestFloorsOfAllShardsCount(t *testing.T) {
	dsn := storetest.Postgres(t)
	a, b := join(t, dsn, t.TempDir(), "a"), join(t, dsn, t.TempDir(), "b")
	r := manifest.Resource{Kind: manifest.Identity, Name: "bot", Spec: &identity.Identity{Kind: identity.Agent, Environment: "prod", Epoch: 3}}
	spec, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	a.must(t, store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec})
	a.must(t, store.Change{Op: manifest.Close, Kind: r.Kind, Name: r.Name, Spec: spec})
	if err := b.ledger.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.ledger.Floors()["bot"]; got != 4 {
		t.Errorf("the floor is %d, want 4", got)
	}
}
