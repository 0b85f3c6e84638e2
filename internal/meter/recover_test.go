package meter_test

import (
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// Each story is told up to a crash; what the next process finds is the truth.
func TestS22_AfterACrashTheLogSaysWhatWasSpent(t *testing.T) {
	l := lines(line("b", budget.USD, 1000), line("b", budget.Requests, 10))
	for name, story := range map[string]struct {
		until func(t *testing.T, p *process)
		usd   int64
		calls int64
		found meter.Recovered
	}{
		"reserved, no intent": {func(t *testing.T, p *process) {
			mustReserve(t, p, l, 100)
			mustFlush(t, p)
		}, 0, 0, meter.Recovered{}},
		"an intent and nothing reported": {func(t *testing.T, p *process) {
			p.intend(t, mustReserve(t, p, l, 100))
		}, 100, 1, meter.Recovered{Unknown: 1, MicroUSD: 100}},
		"an intent right after a report": {func(t *testing.T, p *process) {
			mustFlush(t, p)
			p.intend(t, mustReserve(t, p, l, 100))
		}, 100, 1, meter.Recovered{Unknown: 1, MicroUSD: 100}},
		"an intent that the process did not hear of": {func(t *testing.T, p *process) {
			p.unheard(t, mustReserve(t, p, l, 100))
			mustFlush(t, p) // it is open, and below the mark
		}, 100, 1, meter.Recovered{Unknown: 1, MicroUSD: 100}},
		"settled and reported, the outcome lost": {func(t *testing.T, p *process) {
			r := mustReserve(t, p, l, 100)
			p.intend(t, r)
			r.Settle(settlement(30))
			mustFlush(t, p)
		}, 30, 1, meter.Recovered{}},
		"settled and not reported, the outcome lost": {func(t *testing.T, p *process) {
			r := mustReserve(t, p, l, 100)
			p.intend(t, r)
			r.Settle(settlement(30))
		}, 100, 1, meter.Recovered{Unknown: 1, MicroUSD: 100}},
		"settled and not reported, the outcome durable": {func(t *testing.T, p *process) {
			r := mustReserve(t, p, l, 100)
			at := p.intend(t, r)
			r.Settle(settlement(30))
			p.log.append(t, outcomeOf(at, settlement(30)))
		}, 30, 1, meter.Recovered{Settled: 1, MicroUSD: 30}},
		"open at the mark, settled after it": {func(t *testing.T, p *process) {
			r := mustReserve(t, p, l, 100)
			at := p.intend(t, r)
			mustFlush(t, p)
			p.log.append(t, outcomeOf(at, settlement(30)))
			r.Settle(settlement(30))
		}, 30, 1, meter.Recovered{Settled: 1, MicroUSD: 30}},
		"reported, and the answer lost": {func(t *testing.T, p *process) {
			r := mustReserve(t, p, l, 100)
			at := p.intend(t, r)
			p.log.append(t, outcomeOf(at, settlement(30)))
			r.Settle(settlement(30))
			p.store.deaf.Store(true)
			if p.Flush() == nil {
				t.Error("the answer came")
			}
		}, 30, 1, meter.Recovered{}},
		"an outcome without usage": {func(t *testing.T, p *process) {
			r := mustReserve(t, p, l, 100)
			at := p.intend(t, r)
			o := outcomeOf(at, settlement(30))
			o.Usage = nil
			p.log.append(t, o)
		}, 100, 1, meter.Recovered{Settled: 1, MicroUSD: 100}},
		"aborted and reported": {func(t *testing.T, p *process) {
			r := mustReserve(t, p, l, 100)
			p.intend(t, r)
			r.Abort()
			mustFlush(t, p)
		}, 0, 0, meter.Recovered{}},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				log := &ledger{}
				p := start(t, db, "a", log)
				mustReserve(t, p, l, 1).Abort() // so that there is a row
				story.until(t, p)
				p.die()
				_, found := recovered(t, db, "a", log)
				if found.Settled != story.found.Settled || found.Unknown != story.found.Unknown || found.MicroUSD != story.found.MicroUSD {
					t.Errorf("found %+v, want %+v", found, story.found)
				}
				checkSettled(t, db, story.usd, story.calls)
				next, found := recovered(t, db, "a", log)
				if found.Settled+found.Unknown > 0 {
					t.Errorf("a second time it finds %+v", found)
				}
				checkSettled(t, db, story.usd, story.calls)
				mustReserve(t, next, l, 1000-story.usd).Abort() // nothing else is out
				rows, err := db.Spend(t.Context(), store.SpendQuery{})
				if err != nil || story.calls > 0 && (len(rows) != 1 || rows[0].MicroUSD != story.usd || rows[0].Requests != story.calls) {
					t.Errorf("spend: %+v, %v", rows, err)
				}
			})
		})
	}
}

func checkSettled(t *testing.T, db *store.DB, usd, calls int64) {
	t.Helper()
	all, err := db.BudgetAccounts(t.Context(), store.BudgetFilter{Budget: "b"})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, a := range all {
		want := map[string]int64{"usd": usd, "requests": calls}[a.Unit]
		if a.Settled != want || a.Out != 0 || a.Reserved != 0 {
			t.Errorf("want %d settled and nothing out: %+v", want, a)
		}
	}
}

func TestCallsOfATimeBeforeBudgetsCostNothing(t *testing.T) {
	db, log := sqlite(t), &ledger{}
	old := intentOf("old", nil, budget.Amounts{})
	old.Budget = nil
	at := log.append(t, old)
	o := outcomeOf(at, settlement(30))
	o.Usage.Settled = nil
	log.append(t, o)
	_, found := recovered(t, db, "a", log)
	if found.Scanned != 2 || found.Settled+found.Unknown != 0 {
		t.Errorf("%+v", found)
	}
}

func TestAnOverrunThatOnlyTheLogKnowsFreezes(t *testing.T) {
	db, log := sqlite(t), &ledger{}
	p := start(t, db, "a", log)
	r := mustReserve(t, p, lines(line("b", budget.USD, 1000)), 10)
	at := p.intend(t, r)
	log.append(t, outcomeOf(at, settlement(90)))
	p.die()
	_, found := recovered(t, db, "a", log)
	if len(found.Frozen) != 1 {
		t.Errorf("%+v", found)
	}
	if a := accountOf(t, db, "b"); a.Frozen == "" || a.Settled != 90 {
		t.Errorf("%+v", a)
	}
}

// An older copy of the store was put back: what it does not know, the log does.
func TestAnAccountThatTheStoreForgotIsMadeFromTheLog(t *testing.T) {
	log := &ledger{}
	p := start(t, sqlite(t), "a", log)
	l := line("a|b%", budget.USD, 1000)
	p.intend(t, mustReserve(t, p, lines(l), 100))
	db := sqlite(t)
	next := start(t, db, "a", log)
	if a := accountOf(t, db, "a|b%"); a.Settled != 100 || a.Limit != -1 || !a.End.IsZero() || a.Start.IsZero() {
		t.Errorf("%+v", a)
	}
	mustReserve(t, next, lines(l), 900).Abort()
	if a := accountOf(t, db, "a|b%"); a.Limit != 1000 || a.End.IsZero() {
		t.Errorf("%+v", a)
	}
}

func TestARecordThatCannotBeReadStopsRecovery(t *testing.T) {
	for name, entry := range map[string]func(t *testing.T, log *ledger){
		"no record":  func(_ *testing.T, log *ledger) { log.entries, log.durable = append(log.entries, []byte("{}")), 1 },
		"no account": func(t *testing.T, log *ledger) { log.append(t, intentOf("x", []string{"what"}, budget.Amounts{})) },
		"no window": func(t *testing.T, log *ledger) {
			log.append(t, intentOf("x", []string{"b||usd|day|noon"}, budget.Amounts{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &ledger{}
			entry(t, log)
			m := meter.New(meter.Config{Store: sqlite(t), Shard: "a", Head: log.head})
			if _, err := m.Recover(t.Context(), log.scan); err == nil {
				t.Error("it was read")
			}
			if _, err := m.Reserve(t.Context(), nil, callOf("x", 1)); err == nil {
				t.Error("a call is let through")
			}
		})
	}
}

func TestASecondProcessOfAShardEndsTheFirst(t *testing.T) {
	db, log := sqlite(t), &ledger{}
	first := start(t, db, "a", log)
	mustReserve(t, first, lines(line("b", budget.USD, 1000)), 10)
	start(t, db, "a", log)
	if err := first.Flush(); err == nil {
		t.Error("the first one reports")
	}
	if _, err := first.reserve(t.Context(), lines(line("b", budget.USD, 1000)), 10); err == nil {
		t.Error("the first one spends")
	}
}

func FuzzRecoverReadsWhatIsInTheLog(f *testing.F) {
	for _, r := range []auditlog.Record{intentOf("x", []string{"b||usd|day|2026-05-14T00:00:00Z"}, budget.Amounts{MicroUSD: 5, Requests: 1}), outcomeOf(0, settlement(3))} {
		b, err := r.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, entry []byte) { meter.Visit(entry) })
}
