package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// dump is the whole state by table.
func dump(t *testing.T, db *store.DB) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := db.Dump(t.Context(), func(int64) error { return nil }, func(table string, line []byte) error {
		out[table] += string(line) + "\n"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func fill(ctx context.Context, db *store.DB, from map[string]string) error {
	f, err := db.Fill(ctx)
	if err != nil {
		return err
	}
	for name, lines := range from {
		table, ok := store.TableOf(name)
		if !ok {
			return errors.Join(fmt.Errorf("no table %s", name), f.Drop())
		}
		if err := f.Rows(ctx, table, strings.NewReader(lines)); err != nil {
			return errors.Join(err, f.Drop())
		}
	}
	return f.Done(ctx)
}

// lived makes a store with something in it.
func lived(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	commit(t, db, 0, agent(manifest.Create, "a", 3), policy(manifest.Create, "p", "permit … \u2028 \x00é"))
	commit(t, db, 1, policy(manifest.Delete, "p", ""))
	if err := db.AddKey(ctx, store.Key{Purpose: "seal", ID: 1, Wrapped: []byte{0, 0xff, 7}, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Salt(ctx, "a", time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.SetFact(ctx, store.InstanceID, "i"); err != nil {
		t.Fatal(err)
	}
	a := claim(t, db, "a", "1")
	r := a.report(store.LeaseEntry{Account: money("m", 10), Settled: 6}, store.LeaseEntry{Account: money("n", 10), Settled: 20, Freeze: "too much"})
	r.Spend = []store.SpendRow{{SpendTags: store.SpendTags{Day: "2026-05-14", Identity: "a"}, Requests: 1, MicroUSD: 6}}
	a.lease(r, store.LeaseAsk{Account: money("m", 10), Want: 1})
}

func TestABackupOfOneEngineFillsTheOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, from *store.DB) {
		lived(t, from)
		want := dump(t, from)
		for _, dsn := range []string{storetest.SQLite(t), storetest.Postgres(t)} {
			to := storetest.MustOpen(t, dsn)
			if err := fill(t.Context(), to, want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, dump(t, to)); diff != "" {
				t.Error(diff)
			}
			if _, err := to.Get(t.Context(), manifest.Identity, "a"); err != nil {
				t.Error(err)
			}
			commit(t, to, 2, agent(manifest.Update, "a", 4)) // it goes on where it stopped
		}
	})
}

func TestEveryTableIsInTheBackup(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		storetest.MustOpen(t, dsn)
		want := columnsOf(t, dsn)
		left := []string{"replicas", "schema_version"}
		for name, columns := range want {
			table, ok := store.TableOf(name)
			if ok == slices.Contains(left, name) {
				t.Errorf("table %s: in the backup: %t", name, ok)
			}
			if got := store.ColumnsOf(table); ok && !slices.Equal(slices.Sorted(slices.Values(got)), columns) {
				t.Errorf("table %s: the backup has %v, the schema %v", name, got, columns)
			}
		}
		if len(want) != len(store.Tables)+len(left) {
			t.Errorf("%d tables in the schema, %d in the backup", len(want), len(store.Tables))
		}
	})
}

// columnsOf reads the schema: sorted columns by table.
func columnsOf(t *testing.T, dsn string) map[string][]string {
	t.Helper()
	driver, query := "pgx", `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()`
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", path
		query = `SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := make(map[string][]string)
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		out[table] = append(out[table], column)
	}
	for _, c := range out {
		slices.Sort(c)
	}
	return out
}

func TestABackupIsOfOneMoment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		lived(t, db)
		var b bytes.Buffer
		var at int64
		err := db.Dump(t.Context(), func(revision int64) error {
			at = revision
			commit(t, db, 2, policy(manifest.Create, "later", "x")) // while the view is held
			return nil
		}, func(_ string, line []byte) error { b.Write(line); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if at != 2 || strings.Contains(b.String(), "later") {
			t.Errorf("the view of revision %d holds what came after it", at)
		}
	})
}

func TestABackupFillsOnlyAnEmptyStore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		lived(t, db)
		if err := fill(t.Context(), db, dump(t, db)); !errors.Is(err, store.ErrNotEmpty) {
			t.Errorf("filling a store in use gave %v", err)
		}
	})
}

func TestABrokenBackupLeavesTheStoreAsItWas(t *testing.T) {
	for name, lines := range map[string]string{
		"a missing column": `{"one":1}`, "another column": `{"one":1,"revision":2,"x":3}`, "another type": `{"one":1,"revision":"; DROP TABLE head"}`,
		"a float": `{"one":1,"revision":2.5}`, "no JSON": `{"one":`, "two heads": "{\"one\":1,\"revision\":2}\n{\"one\":1,\"revision\":2}", "no head": "",
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				if err := fill(t.Context(), db, map[string]string{"head": lines}); err == nil {
					t.Fatal("it was filled in")
				}
				if err := fill(t.Context(), db, map[string]string{"head": `{"one":1,"revision":7}`}); err != nil {
					t.Errorf("afterwards a sound backup cannot be filled in: %v", err)
				}
			})
		})
	}
}
