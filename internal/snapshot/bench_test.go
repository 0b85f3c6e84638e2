package snapshot

import (
	"fmt"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

const (
	manyGrants  = 100_000
	manyHolders = 1000
)

func vouch(store.Ref, store.Change) error { return nil }

func rowOf(r manifest.Resource) store.Row {
	c := changeOf(r, manifest.Create)
	return store.Row{Change: c, Stored: c.Digest()}
}

func holder(n int) store.Row {
	r := bot(nil)
	r.Name = fmt.Sprintf("bot%d", n)
	return rowOf(r)
}

func grantFor(n, year int) store.Row {
	return rowOf(grant(func(g *rights.Grant) {
		g.ID, g.Identity = fmt.Sprintf("g%d", n), fmt.Sprintf("bot%d", n%manyHolders)
		g.NotAfter = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}))
}

// full builds a snapshot of 100,000 grants.
func full(b *testing.B) *Snapshot {
	rows := make([]store.Row, 0, manyGrants+manyHolders)
	for n := range manyHolders {
		rows = append(rows, holder(n))
	}
	for n := range manyGrants {
		rows = append(rows, grantFor(n, 2027))
	}
	old := newWorld(b).open().Current()
	began := time.Now()
	s, err := build(old, rows, 2, began, vouch)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("building %d rows at once took %v", len(rows), time.Since(began))
	return s
}

// BenchmarkReload is one changed row beside 100,000 grants, from row to snapshot.
func BenchmarkReload(b *testing.B) {
	old := full(b)
	for name, row := range map[string]func(n int) store.Row{
		"grant":    func(n int) store.Row { return grantFor(n%manyGrants, 2028) },
		"identity": func(n int) store.Row { return holder(manyHolders + n) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				if _, err := build(old, []store.Row{row(n)}, 3, old.At, vouch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
