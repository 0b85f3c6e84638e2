package store_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// TestAWholeStateIsWhatIsListed: however long and odd the names and specs are, and
// however many there are of them.
func TestAWholeStateIsWhatIsListed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		rev := int64(0)
		for n := range 12 {
			var changes []store.Change
			for i := range 60 {
				name := fmt.Sprintf("p-%d-%d-%s", n, i, strings.Repeat("ö", 40*(i%4)))
				changes = append(changes, policy(manifest.Create, name, strings.Repeat("ж'\x01", 300*(i%7)*(i%5))))
			}
			rev = commit(t, db, rev, changes...)
		}
		rev = commit(t, db, rev, policy(manifest.Create, "long", strings.Repeat("x", 1<<20)), policy(manifest.Create, "empty", ""))
		commit(t, db, rev, policy(manifest.Delete, "p-3-3-"+strings.Repeat("ö", 120), ""))
		loaded, _, err := db.Load(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		listed, err := db.List(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		byName := func(a, b store.Row) int { return strings.Compare(a.Name, b.Name) }
		slices.SortFunc(loaded, byName)
		slices.SortFunc(listed, byName)
		if d := cmp.Diff(listed, loaded, cmp.Comparer(bytes.Equal)); d != "" || len(loaded) != 12*60+1 {
			t.Errorf("%d rows, listed − loaded +:\n%.2000s", len(loaded), d)
		}
		for _, r := range loaded {
			if r.Stored != r.Digest() {
				t.Errorf("%.20s: the digest is another's", r.Name)
			}
		}
	})
}

func TestARowWithACutDigestIsNotLoaded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		commit(t, db, 0, policy(manifest.Create, "a", "1"))
		store.Exec(t, db, `UPDATE resources SET digest = $1`, []byte("short"))
		if _, _, err := db.Load(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "the digest has 5 bytes") {
			t.Errorf("loaded: %v", err)
		}
	})
}
