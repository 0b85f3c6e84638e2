package governance

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver of the database that is attacked

	"github.com/writ-project/writ/internal/manifest"
)

// exec changes the database behind Writ's back.
func (h *house) exec(query string, args ...any) error {
	db, err := sql.Open("sqlite", filepath.Join(h.dir, "writ.db"))
	if err != nil {
		return err
	}
	_, err = db.Exec(query, args...)
	return errors.Join(err, db.Close())
}

// restore puts a backup of the database in its place.
func restore(t *testing.T, backup, path string) {
	t.Helper()
	b, err := os.ReadFile(backup)
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(path + "-wal") // of the newer state, if it is there
	_ = os.Remove(path + "-shm")
}

// oldDigest is the digest that the grant had before it was shortened.
func (h *house) oldDigest(t *testing.T) []byte {
	t.Helper()
	row, err := h.store.Get(t.Context(), manifest.Grant, "bot.chat")
	if err != nil {
		t.Fatal(err)
	}
	r, err := row.Resource()
	if err != nil {
		t.Fatal(err)
	}
	was := organisation(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))[2]
	spec, err := bootstrapped(was).Encode()
	if err != nil {
		t.Fatal(err)
	}
	sum := manifest.DigestOf(r.Kind, r.Name, spec)
	return sum[:]
}
