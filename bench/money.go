package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // database/sql's driver

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// money is what budgets cost a call, and that they hold, as kept in bench/results.
type money struct {
	occasion
	Steps  []step  `json:"steps"`
	Hammer *hammer `json:"hammer"`
}

// step is what reserving and settling takes a call, in nanoseconds.
type step struct {
	What    string  `json:"what"`
	Limits  int     `json:"limits"` // that cover the call
	Workers int     `json:"workers"`
	PerCall float64 `json:"ns_a_call"`
	// Leases a call: how often the store was asked.
	Leases float64 `json:"leases_a_call"`
}

func (s *step) perLimit() float64 { return s.PerCall / float64(s.Limits) }

// How a step is named in the table.
const (
	stepMeter  = "reserved and settled by the meter"
	stepUpdate = "one row of the database changed twice instead"
)

func measureMoney(ctx context.Context, s settings) (_ *money, err error) {
	dir, err := os.MkdirTemp(s.Dir, "writ-bench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := &money{}
	if out.occasion, err = describeOccasion(dir); err != nil {
		return nil, err
	}
	dsn, err := storetest.Serve()
	if err != nil {
		return nil, err
	}
	for _, shape := range []struct{ limits, workers int }{{1, 1}, {5, 1}, {1, 64}, {5, 64}} {
		one, err := meterStep(ctx, "sqlite:"+filepath.Join(dir, fmt.Sprintf("meter-%d-%d.db", shape.limits, shape.workers)), shape.limits, shape.workers, s.Time)
		if err != nil {
			return nil, err
		}
		out.Steps = append(out.Steps, one)
	}
	for _, workers := range []int{1, 64} {
		one, err := updateStep(ctx, dsn, workers, s.Time)
		if err != nil {
			return nil, err
		}
		out.Steps = append(out.Steps, one)
	}
	out.Hammer, err = hammered(ctx, dir, dsn, s)
	return out, err
}

// meterStep measures a meter whose limits are far away.
func meterStep(ctx context.Context, dsn string, limits, workers int, long time.Duration) (out step, err error) {
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	m := meter.New(meter.Config{Store: db, Replica: "bench", Shard: store.FirstShard, Head: func() uint64 { return 0 }, Log: slog.New(slog.DiscardHandler)})
	nothing := func(context.Context, uint64, func(uint64, []byte) error) error { return nil }
	if _, err := m.Recover(ctx, nothing); err != nil {
		return out, err
	}
	running, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { m.Run(running) })
	defer background.Wait()
	defer stop()
	subject := &budget.Subject{Identity: "bench", Model: "amazon.nova-pro-v1:0", Family: "amazon.nova", Provider: "amazon"}
	lines := farAway(limits).Covering(subject)
	call := func() error {
		r, err := m.Reserve(ctx, lines, meter.Call{ID: "bench", At: time.Now(), Subject: subject, Worst: budget.Amounts{MicroUSD: 900, Input: 200, Output: 250, Requests: 1}})
		if err != nil {
			return err
		}
		r.Intended(1)
		r.Settle(meter.Settlement{Amounts: budget.Amounts{MicroUSD: 300, Input: 100, Output: 60, Requests: 1}, Priced: true})
		return nil
	}
	out = step{What: stepMeter, Limits: limits, Workers: workers}
	for _, round := range []time.Duration{long / 4, long} { // the first until slices have grown
		before := m.Stats().Leases
		calls, took, err := inParallel(workers, round, call)
		if err != nil {
			return out, err
		}
		out.PerCall, out.Leases = float64(took.Nanoseconds())/float64(calls), float64(m.Stats().Leases-before)/float64(calls)
	}
	return out, nil
}

// farAway is a book with so many limits on one identity, none of which is met.
func farAway(limits int) *budget.Book {
	dollars, many := budget.Money(1_000_000*budget.Dollar), int64(1)<<50
	var all []*budget.Budget
	for i := range limits {
		t := budget.Terms{Window: budget.Month}
		if i%2 == 0 {
			t.USD = &dollars
		} else {
			t.TotalTokens = &many
		}
		all = append(all, &budget.Budget{ID: fmt.Sprintf("bench-%d", i), Terms: t, Covers: budget.Covers{Identities: []string{"bench"}}})
	}
	return budget.NewBook(all, nil)
}

// updateStep measures what keeping one counter in the database takes, as gateways
// do that ask it at every call: once before the call, once after.
func updateStep(ctx context.Context, dsn string, workers int, long time.Duration) (out step, err error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(32)
	db.SetMaxIdleConns(32)
	for _, text := range []string{`CREATE TABLE IF NOT EXISTS counter (spent BIGINT)`, `DELETE FROM counter`, `INSERT INTO counter VALUES (0)`} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return out, err
		}
	}
	add := func(n int64) error {
		_, err := db.ExecContext(ctx, `UPDATE counter SET spent = spent + $1 WHERE spent + $1 <= 1000000000000`, n)
		return err
	}
	calls, took, err := inParallel(workers, long, func() error { return errors.Join(add(900), add(-600)) })
	out = step{What: stepUpdate, Limits: 1, Workers: workers, Leases: 2}
	if err == nil {
		out.PerCall = float64(took.Nanoseconds()) / float64(calls)
	}
	return out, err
}

// inParallel runs a call over and over, and says how many were made, and how long
// the workers were at it: wall clock, since that is what a call waits.
func inParallel(workers int, long time.Duration, call func() error) (calls int64, took time.Duration, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for range workers {
		all.Go(func() {
			n, failed := int64(0), error(nil)
			for time.Since(began) < long && failed == nil {
				for range 16 {
					failed = errors.Join(failed, call())
					n++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			calls, err = calls+n, errors.Join(err, failed)
		})
	}
	all.Wait()
	return calls, time.Since(began), err
}
