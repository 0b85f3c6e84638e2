package governance

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
	"github.com/writ-project/writ/receipt"
)

// openTwin opens one of several vaults on a store, each with a log of its own that
// the others follow.
func openTwin(t *testing.T, dsn, dir, shard string) *vault {
	t.Helper()
	v := &vault{hall: &hall{lodge: &lodge{now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}}, dsn: dsn, dir: dir}
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	var err error
	fail := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	v.db, err = store.Open(t.Context(), dsn)
	fail(err)
	t.Cleanup(func() { _ = v.db.Close() })
	v.log, err = journal.Open(t.Context(), journal.Config{Dir: filepath.Join(dir, shard), Origin: "test/" + shard, Key: key})
	fail(err)
	t.Cleanup(func() { _ = v.log.Close() })
	kek, err := credential.LoadKEK(filepath.Join(dir, "kek"))
	fail(err)
	v.keys, err = OpenKeys(t.Context(), KeysConfig{Store: v.db, KEK: kek, Shard: shard, Now: func() time.Time { return v.now }, Log: slog.New(slog.DiscardHandler), Issuer: "test/a"}, true)
	fail(err)
	fail(v.db.RegisterShard(t.Context(), store.Shard{Name: shard, Origin: "test/" + shard}))
	v.ledger, err = OpenLedger(t.Context(), v.log, shard)
	fail(err)
	fail(v.ledger.Join(t.Context(), FeedConfig{Store: v.db, Key: key, Instance: "i"}))
	v.office = New(Config{
		Store: v.db, Log: v.log, Ledger: v.ledger, Instance: auditlog.Instance{ID: "i", Version: "v", Shard: shard}, Account: "111122223333",
		Now: func() time.Time { return v.now }, Authority: mustRules(t),
	})
	fail(v.keys.Announce(t.Context(), v.office, v.log.Head().Size))
	v.attach(t)
	v.holds = NewHolds(HoldsConfig{Office: v.office, Keys: v.keys, Origin: "test/" + shard, Log: slog.New(slog.DiscardHandler)})
	v.clerk = NewClerk(v.office, slog.New(slog.DiscardHandler))
	return v
}

func TestAHoldIsDecidedOnAnotherReplicaAndHeardOf(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		dir := t.TempDir()
		if _, err := credential.GenerateKEK(filepath.Join(dir, "kek")); err != nil {
			t.Fatal(err)
		}
		a := openTwin(t, dsn, dir, "a")
		a.apply(t, append(offers(), company()...)...)
		a.put(t, manifest.Create, payments(a.now, rights.Hold{})...)
		b := openTwin(t, dsn, dir, "b")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go a.holds.Run(ctx)

		n := a.opens(t, pay900)
		if got, err := b.holds.Find(t.Context(), "payer", n.ID); err != nil || got.State != hold.Pending {
			t.Fatalf("on the other replica at once: %s, %v", got.State, err)
		}
		heard := make(chan hold.Hold, 1)
		go func() {
			h, err := a.holds.Await(context.Background(), n.ID)
			if err != nil {
				t.Error(err)
			}
			heard <- h
		}()
		if err := b.state.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.releases(t, "alex", n.ID)
		if h := <-heard; h.State != hold.Released {
			t.Fatalf("it hears that it is %s", h.State)
		}
		if _, err := a.decides(t, "sam", n.ID, HoldVerdict{Verdict: hold.Release}); !errors.Is(err, ErrOver) {
			t.Errorf("released twice: %v", err)
		}
		c, err := a.holds.Content(t.Context(), n)
		if err != nil || string(c.Calls[0]) != pay900 {
			t.Errorf("collected where it was opened: %q, %v", c.Calls[0], err)
		}
		first := a.receipt(t, n)
		if b.receipt(t, n) != first {
			t.Error("the replicas give different receipts")
		}
		claims, err := receipt.Check(first, a.keys.Receipts(), receipt.Expect{Issuer: "test/a", Tool: "post_payment", Arguments: []byte(pay900), Now: a.now})
		if err != nil || claims.LogOrigin != "test/b" {
			t.Errorf("%+v, %v", claims, err)
		}
	})
}

// TestBothReplicasDecideAtOnce: one of them is too late, whichever.
func TestBothReplicasDecideAtOnce(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		dir := t.TempDir()
		if _, err := credential.GenerateKEK(filepath.Join(dir, "kek")); err != nil {
			t.Fatal(err)
		}
		a := openTwin(t, dsn, dir, "a")
		a.apply(t, append(offers(), company()...)...)
		a.put(t, manifest.Create, payments(a.now, rights.Hold{})...)
		b := openTwin(t, dsn, dir, "b")
		n := a.opens(t, pay900)
		errs := make(chan error, 2)
		for who, v := range map[string]*vault{"alex": a, "sam": b} {
			actor := v.as(t, who)
			go func() {
				_, err := v.office.DecideHold(context.Background(), actor, n.ID, HoldVerdict{Verdict: hold.Release})
				errs <- err
			}()
		}
		first, second := <-errs, <-errs
		if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), ErrOver) {
			t.Errorf("one: %v; the other: %v", first, second)
		}
		if a.receipt(t, n) != b.receipt(t, n) {
			t.Error("there are two receipts")
		}
	})
}

// TestAnInstallationOfAnOlderReleaseGetsAKeyForHolds, once, and announced.
func TestAnInstallationOfAnOlderReleaseGetsAKeyForHolds(t *testing.T) {
	v := openVault(t, rights.Hold{})
	v.behind(t, `DELETE FROM keys WHERE purpose = 'hold'`)
	v.restart(t)
	n := v.opens(t, pay900)
	v.restart(t)
	v.releases(t, "alex", n.ID)
	if _, err := v.holds.Content(t.Context(), n); err != nil {
		t.Errorf("after another restart: %v", err)
	}
	all, err := v.db.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, k := range all {
		if k.Purpose == string(credential.HoldPurpose) {
			count++
		}
	}
	if count != 1 {
		t.Errorf("there are %d keys for holds", count)
	}
}
