package main

import (
	"path/filepath"
	"testing"

	"github.com/writ-project/writ/internal/store/storetest"
)

// A small organisation takes every step of the measurement, on both engines.
func TestPeopleAreMeasuredOnBothEngines(t *testing.T) {
	p := &people{crowd: crowd{Identities: 60, Grants: 300, Pending: 70}}
	for name, dsn := range map[string]string{"PostgreSQL": storetest.Postgres(t), "SQLite": "sqlite:" + filepath.Join(t.TempDir(), "writ.db")} {
		e, err := p.measureEngine(t.Context(), name, dsn, t.TempDir())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e.Cold <= 0 || len(e.Changes) != 3 || len(e.Pages) != 4 || len(e.Requests.Acts) != 3 {
			t.Errorf("%s: %+v", name, e)
		}
		p.Engines = append(p.Engines, e)
	}
	wants(t, p.table(), "60 identities and 300 grants", "| cold load of the snapshot, s |", "| a grant changed, live in ms, p50 / p99 |", "| 100 grants by state, ms, p50 / p99 |", "while 70 wait", "| a request approved |")
}

func TestQuantileOf(t *testing.T) {
	all := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantileOf(all, q); got != want {
			t.Errorf("quantileOf %v is %v, want %v", q, got, want)
		}
	}
}
