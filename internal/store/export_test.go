package store

import (
	"context"
	"database/sql"
	"testing"
)

// SetSchemaVersion pretends that a release of another age wrote the store.
func SetSchemaVersion(t *testing.T, db *DB, version int) {
	t.Helper()
	err := db.update(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO schema_version (version) VALUES ($1)`, version)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
