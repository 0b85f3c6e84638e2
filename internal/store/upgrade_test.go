package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// insertAt2 writes a row as a release with schema 2 did.
func insertAt2(t *testing.T, db *store.DB, revision int64, c store.Change) {
	t.Helper()
	digest := c.Digest()
	store.Exec(t, db, `INSERT INTO resources (kind, name, spec, digest, op, revision, record_shard, record_index, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, '0', $7, $8)`, string(c.Kind), c.Name, string(c.Spec), digest[:], string(c.Op), revision, revision, noon.UnixMicro())
	store.Exec(t, db, `UPDATE head SET revision = $1`, revision)
}

func TestUpgradeFromSchema2KeepsEverythingAndFindsIt(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, dsn string) {
		old, err := store.OpenAt(t, dsn, 2)
		if err != nil {
			t.Fatal(err)
		}
		insertAt2(t, old, 1, agent(manifest.Create, "bot", 2))
		insertAt2(t, old, 2, right(manifest.Create, "g", "bot", "chat", "", noon.Add(time.Hour)))
		insertAt2(t, old, 3, policy(manifest.Delete, "p", ""))
		insertAt2(t, old, 4, store.Change{Op: manifest.Create, Kind: manifest.Binding, Name: "odd", Spec: []byte(`{"from a future":1}`)})
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		db := storetest.MustOpen(t, dsn)
		if rows, rev, err := db.Load(t.Context(), 0); len(rows) != 3 || rev != 4 || err != nil {
			t.Errorf("%d rows at %d, %v", len(rows), rev, err)
		}
		for _, q := range []store.Query{
			{Kind: manifest.Grant, Subject: "bot"}, {Kind: manifest.Grant, Parent: "chat"}, {Kind: manifest.Grant, State: "active"},
			{Kind: manifest.Identity, State: "governed"},
		} {
			if rows, err := db.Page(t.Context(), q); len(rows) != 1 || err != nil {
				t.Errorf("%+v finds %v, %v", q, names(rows), err)
			}
		}
		if rows, err := db.Due(t.Context(), manifest.Grant, noon.Add(2*time.Hour), 9); len(rows) != 1 || err != nil {
			t.Errorf("due: %v, %v", names(rows), err)
		}
		schema, err := store.Schema()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenAt(t, dsn, 2); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("schema %d", schema)) {
			t.Errorf("the older release opened it: %v", err)
		}
	})
}
