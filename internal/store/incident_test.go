package store_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// poison is text that ends a string of SQL, or that an engine reads otherwise
// than it was written.
var poison = []string{
	`' OR '1'='1`, `'; DROP TABLE salts; --`, `"; DELETE FROM resources; --`, `x'/**/UNION/**/SELECT/**/1--`, `\'; --`, `$1`, `?`, `%s%n`, `:name`, `@p1`,
	"é\u202e\u2028", strings.Repeat("'", 1<<20),
}

// CVE-2026-42208: SQL made of a credential. Whatever text reaches the store,
// on either engine, is a value: it comes back as it went in, selects nothing
// else, and changes no other row.
func TestIncident_CVE_2026_42208_TextIsNeverSQL(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		kept, err := db.Salt(t.Context(), "support-agent", day)
		if err != nil {
			t.Fatal(err)
		}
		rev := commit(t, db, 0, policy(manifest.Create, "kept", "permit"))
		for i, text := range poison {
			rev = commit(t, db, rev, policy(manifest.Create, "named "+text[:min(len(text), 40)]+string(rune('a'+i)), text))
			if len(text) <= 4096 { // a key of an index has a bound in PostgreSQL
				salt, err := db.Salt(t.Context(), text, day)
				if err != nil || bytes.Equal(salt, kept) {
					t.Errorf("%.20q: a salt of its own: %v", text, err)
				}
				if n, err := db.EraseSalts(t.Context(), text); n != 1 || err != nil {
					t.Errorf("%.20q: erased %d salts, %v, want 1", text, n, err)
				}
			}
			if found, err := db.Get(t.Context(), manifest.PolicyKind, text); err == nil {
				t.Errorf("%.20q: as a name it finds %+v", text, found)
			}
		}
		rows, _, err := db.Load(t.Context(), 0)
		if err != nil || len(rows) != 1+len(poison) {
			t.Fatalf("%d rows, %v, want %d", len(rows), err, 1+len(poison))
		}
		if again, err := db.Salt(t.Context(), "support-agent", day); err != nil || !bytes.Equal(again, kept) {
			t.Errorf("the salt of another changed: %v", err)
		}
	})
}
