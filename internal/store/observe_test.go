package store_test

import (
	"maps"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func TestFactsByTheBeginningOfTheirNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, value := range map[store.Fact]string{"observe_on/a": "1", "observe_on/b": "2", "observe_off/a": "3", "observe_onward": "4"} {
			if _, err := db.SetFact(t.Context(), name, value); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.FactsOf(t.Context(), store.ObserveOn)
		if err != nil || !maps.Equal(got, map[string]string{"a": "1", "b": "2"}) {
			t.Errorf("got %v, %v", got, err)
		}
		if stands, err := db.SetFact(t.Context(), "observe_on/a", "other"); err != nil || stands != "1" {
			t.Errorf("a fact was set twice: %q, %v", stands, err)
		}
	})
}

func TestClockIsTheDatabases(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now, _, err := db.Clock(t.Context())
		if err != nil || time.Since(now).Abs() > time.Minute {
			t.Errorf("the clock says %v, %v", now, err)
		}
	})
}
