// Package storetest runs tests on both engines of the store: SQLite in a
// temporary directory, and PostgreSQL in a schema of its own. The PostgreSQL
// server is the one that WRIT_TEST_POSTGRES names, or one started from the
// machine's own binaries for the life of the test binary.
package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/writ-project/writ/internal/store"
)

// Each runs f on a fresh store of each engine.
func Each(t *testing.T, f func(t *testing.T, db *store.DB)) {
	EachDSN(t, func(t *testing.T, dsn string) { f(t, MustOpen(t, dsn)) })
}

// EachDSN runs f on the name of a fresh store of each engine, for tests that
// open it themselves.
func EachDSN(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// SQLite names a fresh SQLite store.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "state.db")
}

// Postgres names a fresh schema on the PostgreSQL server; it skips the test
// where there is none.
func Postgres(t testing.TB) string {
	t.Helper()
	dsn, missing, err := server()
	if missing != "" {
		t.Skip(missing)
	}
	if err != nil {
		t.Fatalf("starting PostgreSQL: %v", err)
	}
	schema := "t_" + strings.ToLower(rand.Text())
	sql := func(text string) {
		t.Helper()
		ctx := context.Background() // also after the test's own has ended
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatalf("connecting to PostgreSQL: %v", err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	name := pgx.Identifier{schema}.Sanitize()
	sql("CREATE SCHEMA " + name)
	t.Cleanup(func() { sql("DROP SCHEMA " + name + " CASCADE") })
	return within(t, dsn, schema)
}

// within names a schema of the server.
func within(t testing.TB, dsn, schema string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("WRIT_TEST_POSTGRES: want a postgres:// URL: %v", err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// MustOpen opens a store and closes it with the test.
func MustOpen(t testing.TB, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
