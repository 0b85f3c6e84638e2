package meter_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
)

// BenchmarkReserveAndSettle is the whole road of a call between two leases: reserve,
// intend, settle.
func BenchmarkReserveAndSettle(b *testing.B) {
	for _, n := range []int{0, 1, 5} {
		for _, workers := range []int{1, 64} {
			b.Run(fmt.Sprintf("lines=%d/workers=%d", n, workers), func(b *testing.B) { benchmark(b, n, workers) })
		}
	}
}

func benchmark(b *testing.B, n, workers int) {
	log := &ledger{}
	var head atomic.Uint64
	p := &process{log: log, store: &weak{DB: sqlite(b)}}
	p.Meter = meter.New(meter.Through(meter.Config{Shard: "a", Head: head.Load}, p.store))
	if _, err := p.Recover(b.Context(), log.scan); err != nil {
		b.Fatal(err)
	}
	limit, c := budget.Money(1e15), callOf("call", 1e12)
	var budgets []*budget.Budget
	for i := range n {
		budgets = append(budgets, &budget.Budget{ID: fmt.Sprintf("b%d", i), Terms: budget.Terms{Limits: budget.Limits{USD: &limit}, Window: budget.Day}})
	}
	all := budget.NewBook(budgets, nil).Covering(c.Subject)
	if len(all) != n {
		b.Fatalf("%d lines, want %d", len(all), n)
	}
	r, err := p.Reserve(b.Context(), all, c) // leases more than the benchmark spends
	if err != nil {
		b.Fatal(err)
	}
	r.Abort()
	c.Worst.MicroUSD = 100
	before := p.Stats().Leases
	b.ReportAllocs()
	b.ResetTimer()
	one := func() {
		r, err := p.Reserve(context.Background(), all, c)
		if err != nil {
			b.Error(err)
			return
		}
		r.Intended(1)
		r.Settle(settlement(40))
	}
	if workers == 1 {
		for b.Loop() {
			one()
		}
	} else {
		b.SetParallelism(workers / 2)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				one()
			}
		})
	}
	b.StopTimer()
	if after := p.Stats().Leases; after != before {
		b.Errorf("%d calls of the store", after-before)
	}
}
