package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func grants(from, n int) []store.Change {
	out := make([]store.Change, n)
	for i := range out {
		r := manifest.Resource{Kind: manifest.Grant, Name: fmt.Sprintf("g%d", from+i), Spec: &rights.Grant{
			Identity: fmt.Sprintf("bot%d", i%1000), Entitlement: "nova", NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		}}
		spec, _ := r.Encode() // a grant always encodes
		out[i] = store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec}
	}
	return out
}

// BenchmarkState commits grants in chunks and loads them all; the commit
// figure is per chunk, the load figure for everything.
func BenchmarkState(b *testing.B) {
	const all, chunk = 100_000, 1000
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := storetest.MustOpen(b, dsn(b))
			began := time.Now()
			for rev := range int64(all / chunk) {
				c := store.Commit{Record: ref(uint64(rev)), Expect: rev, Changes: grants(int(rev)*chunk, chunk)}
				if _, err := db.Commit(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
			committed := time.Since(began)
			b.ReportAllocs()
			for b.Loop() {
				if rows, _, err := db.Load(b.Context(), 0); len(rows) != all || err != nil {
					b.Fatal(len(rows), err)
				}
			}
			b.ReportMetric(float64(committed.Milliseconds())*chunk/all, "ms/chunk") // kept only after the loop
		})
	}
}

// BenchmarkPoll is a look at a store that has not changed.
func BenchmarkPoll(b *testing.B) {
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := storetest.MustOpen(b, dsn(b))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := db.Load(b.Context(), 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
