package meter_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// A dollar, 256 callers, two replicas on PostgreSQL: what is settled is at most the
// dollar, next to nothing of it is left over, and the store is asked seldom.
func TestTwoReplicasSpendOneDollarToTheMicroDollar(t *testing.T) {
	dsn := storetest.Postgres(t)
	db := storetest.MustOpen(t, dsn)
	const dollar, worst = 1_000_000, 80
	l := lines(line("dollar", budget.USD, dollar), line("calls", budget.Requests, 1_000_000))
	var spent, granted, refused atomic.Int64
	var replicas []*process
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for _, shard := range []string{"a", "b"} {
		p := start(t, storetest.MustOpen(t, dsn), shard, &ledger{})
		running.Go(func() { p.Run(ctx) })
		replicas = append(replicas, p)
	}
	var callers sync.WaitGroup
	for i := range 256 {
		callers.Go(func() {
			for p := replicas[i%2]; ; {
				r, err := p.reserve(ctx, l, worst)
				if e, ok := errors.AsType[*meter.Exceeded](err); ok {
					refused.Add(1)
					if !e.Soon {
						return
					}
					time.Sleep(50 * time.Millisecond)
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				took := rand.Int64N(worst) + 1
				time.Sleep(time.Duration(took) * 50 * time.Microsecond)
				r.Settle(settlement(took))
				spent.Add(took)
				granted.Add(1)
			}
		})
	}
	callers.Wait()
	stop()
	running.Wait()
	var leases int64
	for _, p := range replicas {
		leases += p.store.leases.Load()
	}
	a := accountOf(t, db, "dollar")
	if a.Settled != spent.Load() || a.Settled > dollar || a.Out != 0 || a.Reserved != 0 {
		t.Errorf("%d were spent: %+v", spent.Load(), a)
	}
	if left := dollar - a.Settled; left >= worst {
		t.Errorf("%d are left, which is enough for a call", left)
	}
	rows, err := db.Spend(t.Context(), store.SpendQuery{})
	if err != nil || len(rows) != 1 || rows[0].MicroUSD != spent.Load() || rows[0].Requests != granted.Load() {
		t.Errorf("%+v, %v", rows, err)
	}
	t.Logf("%d calls, %d refused, %d micro-USD settled of %d, the store asked %d times", granted.Load(), refused.Load(), a.Settled, int64(dollar), leases)
	if leases*100 > granted.Load() {
		t.Errorf("the store was asked %d times for %d calls: more than 1 %%", leases, granted.Load())
	}
}
