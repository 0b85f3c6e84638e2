package notify

import (
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// TestAThresholdIsToldOnceToWhomItConcerns: also after a restart, which looks at all
// of them again.
func TestAThresholdIsToldOnceToWhomItConcerns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var got recorder
		k := w.keeper("a", hook, &got)
		w.pass(k)
		settle := func(turn, settled int64, freeze string) {
			t.Helper()
			if _, err := db.ClaimMark(t.Context(), "0", "boot"); err != nil {
				t.Fatal(err)
			}
			a := store.LeaseAccount{
				ID: "entitlement:chat|agent|usd|month|x", Budget: "entitlement:chat", Key: "agent", Unit: "usd", Window: "month",
				Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour), Limit: 1_000_000, Notify: []int{50, 80, 100},
			}
			_, err := db.Lease(t.Context(), store.LeaseReport{Shard: "0", Boot: "boot", Turn: turn, Seq: turn, Entries: []store.LeaseEntry{{Account: a, Settled: settled, Freeze: freeze}}}, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		settle(1, 600_000, "")
		w.pass(k)
		w.pass(k)
		settle(2, 100, "more than reserved")
		w.pass(w.keeper("a", hook, &got)) // a process that begins anew
		if want := []string{BudgetThreshold, BudgetFrozen}; !slices.Equal(got.types(), want) {
			t.Fatalf("told %v, want %v", got.types(), want)
		}
		e := got.sent[0].Event
		if b := e.Data.Budget; b == nil || b.Percent != 50 || b.Settled != 600_000 || b.Limit != 1_000_000 || b.Key != "agent" || e.Data.Until == nil {
			t.Errorf("%+v", e.Data)
		}
		for _, want := range []Recipient{{Owner, "erik"}, {Sponsor, "sam@example.com"}, {Sponsor, "olga"}} {
			if !slices.Contains(e.To, want) {
				t.Errorf("it is not for %v: %v", want, e.To)
			}
		}
	})
}
