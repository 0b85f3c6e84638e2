package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text"), bytes.Repeat([]byte("not a database\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{"", "state.db", "mysql://x", "sqlite:", "sqlite::memory:", "sqlite:" + dir, "sqlite:" + dir + "/none/state.db", "sqlite:" + dir + "/text",
		"postgres://u:s3cret@127.0.0.1:1/x?connect_timeout=1", "postgres://u:s3cret@%zz"} {
		db, err := store.Open(t.Context(), dsn)
		if err == nil {
			t.Errorf("%s was opened", dsn)
			db.Close()
			continue
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	if _, err := store.OpenReadOnly(t.Context(), "sqlite:"+dir+"/none.db"); err == nil {
		t.Error("a store that is not there was opened for reading")
	}
}

func TestStoreSurvivesReopening(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		for rev := range int64(3) {
			db, err := store.Open(t.Context(), dsn)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := db.Revision(t.Context()); got != rev || err != nil {
				t.Errorf("opened at %d, want %d: %v", got, rev, err)
			}
			commit(t, db, rev, policy(manifest.Create, "p"+string(rune('a'+rev)), "1"))
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOpenAtOnce(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				db, err := store.Open(context.Background(), dsn)
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestReadOnly(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		if _, err := store.OpenReadOnly(t.Context(), dsn); err == nil {
			t.Error("an empty store was opened for reading")
		}
		live := storetest.MustOpen(t, dsn)
		commit(t, live, 0, policy(manifest.Create, "a", "1"))
		db, err := store.OpenReadOnly(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		commit(t, live, 1, policy(manifest.Create, "b", "1"))
		if rows, rev, err := db.Load(t.Context(), 0); len(rows) != 2 || rev != 2 || err != nil {
			t.Errorf("beside a live store: %d rows at %d, %v", len(rows), rev, err)
		}
		if _, err := db.Commit(t.Context(), store.Commit{Expect: 2, Changes: []store.Change{policy(manifest.Create, "c", "1")}}); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("a commit gave %v", err)
		}
		if _, err := db.SetFact(t.Context(), store.LogOrigin, "x"); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("a fact gave %v", err)
		}
	})
}

func TestSQLiteFilesArePrivate(t *testing.T) {
	dsn := storetest.SQLite(t)
	commit(t, storetest.MustOpen(t, dsn), 0, policy(manifest.Create, "a", "1"))
	path := strings.TrimPrefix(dsn, "sqlite:")
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", info.Name(), info.Mode())
		}
	}
}

func TestSQLitePathsAreTakenLiterally(t *testing.T) {
	for _, name := range []string{"a b.db", "what?.db", "50%.db", "#1.db", "a&b=c.db", "x?mode=memory"} {
		path := filepath.Join(t.TempDir(), name)
		storetest.MustOpen(t, "sqlite:"+path)
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamageIsReported(t *testing.T) {
	dsn := storetest.SQLite(t)
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, db, 0, policy(manifest.Create, "a", strings.Repeat("x", 100000)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(dsn, "sqlite:")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	db, err = store.Open(t.Context(), dsn)
	if err == nil {
		_, _, err = db.Load(t.Context(), 0)
		db.Close()
	}
	if err == nil {
		t.Error("half a database was read without complaint")
	}
}

func TestANewerStoreIsRefused(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storetest.MustOpen(t, dsn)
		store.SetSchemaVersion(t, db, 1000)
		for name, open := range map[string]func(context.Context, string) (*store.DB, error){"open": store.Open, "read": store.OpenReadOnly} {
			if _, err := open(t.Context(), dsn); err == nil || !strings.Contains(err.Error(), "schema 1000") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2026, 11, 1, 12, 0, 0, 123000, time.UTC)
		one := store.Key{Purpose: "seal", ID: 65535, Wrapped: []byte{0, 1, 255}, Epoch: 4294967295, Created: at, Record: ref(7)}
		two := store.Key{Purpose: "seal", ID: 2, Wrapped: []byte{2}, Created: at, Record: ref(8)}
		for _, k := range []store.Key{one, two} {
			if err := db.AddKey(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.AddKey(t.Context(), two); !errors.Is(err, store.ErrConflict) {
			t.Errorf("the same key again: %v", err)
		}
		if err := db.RemoveKey(t.Context(), "seal", 2); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("removing a key in use: %v", err)
		}
		if err := db.RetireKey(t.Context(), "seal", 2, at.Add(time.Hour), ref(9)); err != nil {
			t.Fatal(err)
		}
		if err := db.RetireKey(t.Context(), "seal", 2, at, ref(10)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("retiring twice: %v", err)
		}
		two.Retired, two.Record = at.Add(time.Hour), ref(9)
		keys, err := db.Keys(t.Context())
		if d := cmp.Diff([]store.Key{two, one}, keys); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
		if err := db.RemoveKey(t.Context(), "seal", 2); err != nil {
			t.Error(err)
		}
	})
}

func TestSalts(t *testing.T) {
	day := time.Date(2026, 11, 1, 23, 30, 0, 0, time.FixedZone("", -3600))
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		salts := make([][]byte, 8)
		var wg sync.WaitGroup
		for i := range salts {
			wg.Go(func() {
				var err error
				if salts[i], err = db.Salt(t.Context(), "bot", day); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, s := range salts {
			if !bytes.Equal(s, salts[0]) || len(s) != store.SaltSize {
				t.Fatal("callers at once got different salts")
			}
		}
		for name, other := range map[string]func() ([]byte, error){
			"another subject": func() ([]byte, error) { return db.Salt(t.Context(), "bob", day) },
			"another day":     func() ([]byte, error) { return db.Salt(t.Context(), "bot", day.Add(24*time.Hour)) },
		} {
			if s, err := other(); err != nil || bytes.Equal(s, salts[0]) {
				t.Errorf("%s has the same salt, %v", name, err)
			}
		}
		if s, err := db.Salt(t.Context(), "bot", time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)); err != nil || !bytes.Equal(s, salts[0]) {
			t.Error("the day is not taken in UTC")
		}
		if n, err := db.EraseSalts(t.Context(), "bot"); n != 2 || err != nil {
			t.Errorf("erased %d, %v", n, err)
		}
		if s, err := db.Salt(t.Context(), "bot", day); err != nil || bytes.Equal(s, salts[0]) {
			t.Error("the salt is still there")
		}
	})
}

func TestS26_AnErasedSaltIsNotInTheFiles(t *testing.T) {
	dsn := storetest.SQLite(t)
	db := storetest.MustOpen(t, dsn)
	salt, err := db.Salt(t.Context(), "bot", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	held := func() (in []string) {
		files, err := filepath.Glob(strings.TrimPrefix(dsn, "sqlite:") + "*")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, salt) {
				in = append(in, filepath.Base(f))
			}
		}
		return in
	}
	if len(held()) == 0 {
		t.Fatal("the salt was nowhere to begin with")
	}
	if _, err := db.EraseSalts(t.Context(), "bot"); err != nil {
		t.Fatal(err)
	}
	if in := held(); len(in) != 0 {
		t.Errorf("the salt is still in %v", in)
	}
}

func TestFactsAreSetOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if _, err := db.Fact(t.Context(), store.InstanceID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before: %v", err)
		}
		for _, try := range []string{"one", "two"} {
			if got, err := db.SetFact(t.Context(), store.InstanceID, try); got != "one" || err != nil {
				t.Errorf("setting %s gives %s, %v", try, got, err)
			}
		}
	})
}

func TestRevokeSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, agent(manifest.Create, "bot", 3))
		index := uint64(100)
		var told store.Change
		var would int64
		record := func(c store.Change, revision int64) (store.Ref, error) {
			told, would = c, revision
			index++
			if index == 101 { // somebody comes between
				commit(t, db, 1, policy(manifest.Create, "a", "1"))
			}
			return ref(index), nil
		}
		epoch, rev, err := db.RevokeSessions(t.Context(), "bot", record)
		if epoch != 4 || rev != 3 || would != rev || err != nil {
			t.Fatalf("epoch %d at %d, announced for %d: %v", epoch, rev, would, err)
		}
		row, err := db.Get(t.Context(), manifest.Identity, "bot")
		if err != nil || row.Digest() != told.Digest() || row.Record != ref(102) {
			t.Errorf("the row is not what was recorded: %+v, %v", row, err)
		}
		r, err := row.Resource()
		if err != nil || r.Spec.(*identity.Identity).Epoch != 4 {
			t.Errorf("%+v, %v", r.Spec, err)
		}
		if _, _, err := db.RevokeSessions(t.Context(), "nobody", record); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("nobody's sessions: %v", err)
		}
		full := errors.New("disk full")
		if _, _, err := db.RevokeSessions(t.Context(), "bot", func(store.Change, int64) (store.Ref, error) { return store.Ref{}, full }); !errors.Is(err, full) {
			t.Errorf("without a record: %v", err)
		}
	})
}

func TestS17_EpochsOutliveTheirIdentity(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, agent(manifest.Create, "bot", 3))
		commit(t, db, 1, agent(manifest.Delete, "bot", 0))
		refused(t, db, store.ErrEpoch, store.Commit{Record: ref(999), Expect: 2, Changes: []store.Change{agent(manifest.Create, "bot", 3)}})
		if err := db.RaiseFloors(t.Context(), map[string]uint32{"bot": 2, "other": 9}); err != nil {
			t.Fatal(err)
		}
		floors, err := db.Floors(t.Context())
		if d := cmp.Diff(map[string]uint32{"bot": 4, "other": 9}, floors); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
		commit(t, db, 2, agent(manifest.Create, "bot", 4), agent(manifest.Create, "other", 9))
	})
}

func TestWatch(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		here, there := storetest.MustOpen(t, dsn), storetest.MustOpen(t, dsn)
		ctx, cancel := context.WithCancel(t.Context())
		changed := there.Watch(ctx)
		seen := func() int64 {
			for range changed {
				if rev, err := there.Revision(t.Context()); err != nil || rev > 0 {
					return rev
				}
			}
			return -1
		}
		commit(t, here, 0, policy(manifest.Create, "a", "1"))
		if rev := seen(); rev != 1 {
			t.Errorf("saw revision %d", rev)
		}
		cancel()
		for range changed { // ends only when the watch closes its channel
		}
	})
}

func TestCloseEndsWatches(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		db, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		changed := db.Watch(t.Context())
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		for range changed {
		}
	})
}
