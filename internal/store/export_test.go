package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
)

// SetSchemaVersion pretends that a release of another age wrote the store.
func SetSchemaVersion(t *testing.T, db *DB, version int) {
	t.Helper()
	Exec(t, db, `INSERT INTO schema_version (version) VALUES ($1)`, version)
}

// Exec runs a statement behind the store's back.
func Exec(t *testing.T, db *DB, query string, args ...any) {
	t.Helper()
	err := db.update(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// OpenAt opens a store as a release does that knows this many migrations.
func OpenAt(t *testing.T, dsn string, version int) (*DB, error) {
	t.Helper()
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	db, err := connect(dsn, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.migrate(context.Background(), steps[:version]); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// ColumnsOf are the columns of a table as a backup has them.
func ColumnsOf(t Table) []string { return t.columns }

// Hang begins a commit and never goes on, like a process that is stopped.
func Hang(t *testing.T, db *DB) {
	t.Helper()
	tx, err := db.write.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() }) // before the store is closed
	if _, err := tx.Exec(`UPDATE head SET revision = revision WHERE one = 1`); err != nil {
		t.Fatal(err)
	}
}
