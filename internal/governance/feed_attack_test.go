package governance

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// two are replicas with a history: a made one and two, and closed one.
func two(t *testing.T) (a, b *replica) {
	t.Helper()
	dsn := storetest.Postgres(t)
	a, b = join(t, dsn, t.TempDir(), "a"), join(t, dsn, t.TempDir(), "b")
	a.must(t, right(manifest.Create, "one", ""))
	a.must(t, right(manifest.Create, "two", ""))
	a.must(t, right(manifest.Close, "one", "over"))
	return a, b
}

// Whoever writes the store cannot write another replica's log: neither one that
// has read it before nor one that starts takes what the key did not sign.
func TestS17_AForgedFeedIsRefused(t *testing.T) {
	for name, query := range map[string]string{
		"another entry":     `UPDATE feed SET entry = convert_to(replace(convert_from(entry, 'UTF8'), 'alice', 'mallo'), 'UTF8') WHERE shard = 'a' AND position = 2`,
		"another signature": `UPDATE feed SET signature = (SELECT signature FROM feed WHERE shard = 'a' AND position = 0) WHERE shard = 'a' AND position = 3`,
		"another index":     `UPDATE feed SET record_index = record_index + 1 WHERE shard = 'a' AND position = 5`,
		"a gap":             `DELETE FROM feed WHERE shard = 'a' AND position = 2`,
		"no beginning":      `DELETE FROM feed WHERE shard = 'a' AND position = 0`,
		"another shard's":   `UPDATE feed SET shard = 'z' WHERE shard = 'a'`,
		"one more": `INSERT INTO feed (shard, position, record_index, entry, signature)
			SELECT shard, 6, record_index, entry, signature FROM feed WHERE shard = 'a' AND position = 0`,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := two(t)
			a.exec(t, query)
			if name == "another shard's" {
				a.exec(t, `INSERT INTO shards (name, origin, registered) VALUES ('z', 'z', 0)`)
			}
			if _, err := b.believes(t); err == nil {
				t.Error("a replica that runs takes it")
			}
			if c, err := tryJoin(a.dsn, t.TempDir(), "c"); err == nil {
				_, err = c.believes(t)
				c.close()
				if err == nil {
					t.Error("a replica that starts takes it")
				}
			}
		})
	}
}

// What a replica has read it does not let go.
func TestS17_AFeedDoesNotGoBack(t *testing.T) {
	for name, queries := range map[string][]string{
		"its end cut":   {`DELETE FROM feed WHERE shard = 'a' AND position > 1`},
		"all of it":     {`DELETE FROM feed WHERE shard = 'a'`},
		"and the shard": {`DELETE FROM feed WHERE shard = 'a'`, `DELETE FROM shards WHERE name = 'a'`},
		"and the rows": {
			`DELETE FROM feed WHERE shard = 'a' AND position > 1`, `DELETE FROM resources WHERE name = 'two'`,
			`UPDATE head SET revision = 1`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := two(t)
			b.sees(t, "two")
			for _, query := range queries {
				a.exec(t, query)
			}
			if _, err := b.believes(t); !errors.Is(err, ErrFeed) {
				t.Errorf("the other replica says %v", err)
			}
			if err := b.ledger.Follow(t.Context()); !errors.Is(err, ErrFeed) {
				t.Errorf("it says only once: %v", err)
			}
		})
	}
}

// A log that is shorter than what was published from it is an old copy.
func TestS17_AnOldCopyOfALogDoesNotStart(t *testing.T) {
	dsn := storetest.Postgres(t)
	a := join(t, dsn, t.TempDir(), "a")
	a.must(t, right(manifest.Create, "one", ""))
	if _, err := tryJoin(dsn, t.TempDir(), "a"); err == nil || !strings.Contains(err.Error(), "old copy") {
		t.Errorf("an empty log of that shard: %v", err)
	}
	other := t.TempDir()
	fresh := join(t, storetest.Postgres(t), other, "a")
	fresh.must(t, right(manifest.Create, "zwei", ""))
	fresh.must(t, right(manifest.Create, "drei", ""))
	fresh.close()
	if _, err := tryJoin(dsn, other, "a"); !errors.Is(err, ErrFeed) {
		t.Errorf("another log of that shard: %v", err)
	}
}

// An old row that is put back is refused by every replica, whoever wrote it and
// whoever closed it.
func TestS17_AnOldRowIsRefusedAcrossShards(t *testing.T) {
	a, b := two(t)
	old := right(manifest.Create, "one", "")
	digest := old.Digest()
	var index int64
	for at := range b.ledger.open { // none: everything is closed
		t.Errorf("record %v is open", at)
	}
	c, err := a.ledger.Control(t.Context(), store.Ref{Shard: "a", Index: 0})
	if err != nil || c.Changes[0].Name != "one" {
		t.Fatalf("record 0 is %+v, %v", c, err)
	}
	for _, revision := range []int64{1, 9} {
		a.exec(t, `UPDATE resources SET spec = $1, digest = $2, op = 'create', revision = $3, record_shard = 'a', record_index = $4 WHERE name = 'one'`,
			string(old.Spec), digest[:], revision, index)
		for _, r := range []*replica{a, b, join(t, a.dsn, t.TempDir(), fmt.Sprint("c", revision))} {
			if _, err := r.believes(t); err == nil {
				t.Errorf("replica %s takes the old row at revision %d", r.shard, revision)
			}
		}
	}
}

func TestS17_ARowThatIsTakenAwayIsMissedByEveryReplica(t *testing.T) {
	for name, query := range map[string]string{
		"gone":         `DELETE FROM resources WHERE name = 'two'`,
		"marked":       `UPDATE resources SET op = 'delete', spec = '' WHERE name = 'two'`,
		"marked ended": `UPDATE resources SET op = 'close', spec = '' WHERE name = 'two'`,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := two(t)
			a.exec(t, query)
			for _, r := range []*replica{a, b, join(t, a.dsn, t.TempDir(), "c")} {
				if _, err := r.believes(t); err == nil || !strings.Contains(err.Error(), "missing") {
					t.Errorf("replica %s: %v", r.shard, err)
				}
			}
		})
	}
}

// A tombstone that no record made takes nothing away from a replica that follows.
func TestS17_AForgedTombstoneIsRefused(t *testing.T) {
	a, b := two(t)
	b.sees(t, "two")
	gone := right(manifest.Delete, "two", "")
	digest := gone.Digest()
	a.exec(t, `UPDATE resources SET op = 'delete', spec = '', digest = $1, revision = 4 WHERE name = 'two'`, digest[:])
	a.exec(t, `UPDATE head SET revision = 4`)
	rows, _, err := b.ledger.Load(t.Context(), b.store, 3)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, ref := range []store.Ref{rows[0].Record, {Shard: "a", Index: 4}, {Shard: "b"}, {Shard: "z", Index: 1}} {
		if err := b.ledger.Authorised(ref, rows[0].Change); err == nil {
			t.Errorf("record %v is taken for a deletion", ref)
		}
	}
}

// An act that was refused is not made good by writing that it was committed.
func TestS17_ARefusedActIsNotCommittedByTheStore(t *testing.T) {
	a, b := two(t)
	change := right(manifest.Create, "three", "")
	ref, expect := a.announceOnly(t, change)
	b.must(t, right(manifest.Create, "four", "")) // takes the revision
	digest := change.Digest()
	a.exec(t, `INSERT INTO control_ops (record_shard, record_index, revision) VALUES ('a', $1, $2)`, int64(ref.Index), expect+1)
	a.exec(t, `INSERT INTO resources (kind, name, spec, digest, op, revision, record_shard, record_index, updated_at)
		VALUES ('Grant', 'three', $1, $2, 'create', $3, 'a', $4, 0)`, string(change.Spec), digest[:], expect+1, int64(ref.Index))
	_, _ = b.believes(t) // as long as the outcome is not known it is as the store says
	if err := a.office.close(context.Background(), ref.Index, store.ErrConflict); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := b.believes(t); err == nil {
			t.Error("the log says refused, and the row counts")
		}
	}
	if _, err := join(t, a.dsn, t.TempDir(), "c").believes(t); err == nil {
		t.Error("a replica that starts believes the row")
	}
}

// A feed signed by another installation's key, or for another installation, is
// nobody's.
func TestS17_AnotherInstallationsFeedIsRefused(t *testing.T) {
	a, _ := two(t)
	seed := make([]byte, 32)
	seed[0] = 1
	for name, cfg := range map[string]FeedConfig{
		"key":          {Key: ed25519.NewKeyFromSeed(seed), Instance: "i"},
		"installation": {Key: ed25519.NewKeyFromSeed(make([]byte, 32)), Instance: "j"},
	} {
		c := join(t, storetest.Postgres(t), t.TempDir(), "c")
		c.ledger.feed = nil
		cfg.Store = a.store
		if err := c.ledger.Join(t.Context(), cfg); !errors.Is(err, ErrFeed) {
			t.Errorf("of another %s: %v", name, err)
		}
	}
}
