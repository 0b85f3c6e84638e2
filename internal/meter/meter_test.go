package meter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

func TestWhatACallTookReplacesWhatWasReserved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := start(t, db, "a", &ledger{})
		r := mustReserve(t, p, lines(line("team", budget.USD, 1000), line("team", budget.TotalTokens, 10_000)), 400)
		mustFlush(t, p)
		all, err := db.BudgetAccounts(t.Context(), store.BudgetFilter{Budget: "team"})
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, a := range all {
			want := map[string]int64{"usd": 400, "total_tokens": 150}[a.Unit]
			if a.Reserved != want || a.Settled != 0 || a.Out < want {
				t.Errorf("reserved: %+v", a)
			}
		}
		r.Settle(settlement(70))
		calm(t, p)
		all, err = db.BudgetAccounts(t.Context(), store.BudgetFilter{Budget: "team"})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			want := map[string]int64{"usd": 70, "total_tokens": 150}[a.Unit]
			if a.Settled != want || a.Reserved != 0 || a.Out != 0 {
				t.Errorf("settled: %+v", a)
			}
		}
		spend, err := db.Spend(t.Context(), store.SpendQuery{By: []string{"day", "identity", "team"}})
		if err != nil || len(spend) != 1 || spend[0].MicroUSD != 70 || spend[0].Input != 100 || spend[0].Requests != 1 || spend[0].Team != "payments" || spend[0].Day != "2026-05-14" {
			t.Errorf("spend: %+v, %v", spend, err)
		}
	})
}

func TestACallPassesEveryLimitOrTakesNothing(t *testing.T) {
	p := start(t, sqlite(t), "a", &ledger{})
	wide, narrow := line("wide", budget.USD, 1000), line("narrow", budget.USD, 100)
	_, err := p.reserve(t.Context(), lines(wide, narrow), 200)
	e, ok := errors.AsType[*meter.Exceeded](err)
	if !ok || e.Line.Budget != "narrow" || e.Need != 200 || e.Soon {
		t.Fatalf("%+v", err)
	}
	mustReserve(t, p, lines(wide), 1000) // all of it is there
}

func TestAnAbortedCallCostsNothing(t *testing.T) {
	db := sqlite(t)
	p := start(t, db, "a", &ledger{})
	l := line("b", budget.USD, 100)
	for range 5 {
		mustReserve(t, p, lines(l), 100).Abort()
	}
	calm(t, p)
	if a := accountOf(t, db, "b"); a.Settled != 0 || a.Out != 0 {
		t.Errorf("%+v", a)
	}
	if rows, err := db.Spend(t.Context(), store.SpendQuery{}); len(rows) != 0 || err != nil {
		t.Errorf("spend: %+v, %v", rows, err)
	}
}

func TestACallIsSettledOnce(t *testing.T) {
	db := sqlite(t)
	p := start(t, db, "a", &ledger{})
	r := mustReserve(t, p, lines(line("b", budget.USD, 100)), 50)
	r.Settle(settlement(20))
	if o := r.Settle(settlement(90)); len(o.Accounts) != 0 {
		t.Errorf("a second settlement counted: %+v", o)
	}
	r.Abort()
	mustFlush(t, p)
	if a := accountOf(t, db, "b"); a.Settled != 20 || a.Frozen != "" {
		t.Errorf("%+v", a)
	}
}

// What cannot be is charged as reserved, never as nothing.
func TestS22_AbsurdUsageSettlesAtTheReserve(t *testing.T) {
	for name, s := range map[string]meter.Settlement{
		"negative money":   {Amounts: budget.Amounts{MicroUSD: -5, Requests: 1}, Priced: true},
		"without a price":  {Amounts: budget.Amounts{MicroUSD: 0, Requests: 1}},
		"negative tokens":  {Amounts: budget.Amounts{MicroUSD: 50, Input: -1, Output: -9, Requests: 1}, Priced: true},
		"negative request": {Amounts: budget.Amounts{MicroUSD: 50, Input: 100, Output: 50, Requests: -1}, Priced: true},
	} {
		t.Run(name, func(t *testing.T) {
			db := sqlite(t)
			p := start(t, db, "a", &ledger{})
			r := mustReserve(t, p, lines(line("b", budget.USD, 100)), 50)
			charged := r.Sound(s).Amounts
			r.Settle(s)
			mustFlush(t, p)
			if a := accountOf(t, db, "b"); a.Settled != 50 || a.Frozen != "" {
				t.Errorf("%+v", a)
			}
			if c := charged; c.MicroUSD != 50 || c.Input < 0 || c.Output < 0 || c.Requests != 1 {
				t.Errorf("charged %+v", c)
			}
		})
	}
}

func TestMoreThanWasReservedFreezesUntilSomebodyLooks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p, other := start(t, db, "a", &ledger{}), start(t, db, "b", &ledger{})
		l := line("b", budget.USD, 1000)
		mustReserve(t, other, lines(l), 10).Settle(settlement(10))
		r := mustReserve(t, p, lines(l), 50)
		o := r.Settle(settlement(2000))
		if len(o.Accounts) != 1 || o.Why == "" {
			t.Fatalf("overrun: %+v", o)
		}
		var frozen *meter.Frozen
		if _, err := p.reserve(t.Context(), lines(l), 1); !errors.As(err, &frozen) {
			t.Errorf("the replica that saw it: %v", err)
		}
		mustFlush(t, p)
		calm(t, other)
		if _, err := other.reserve(t.Context(), lines(l), 1); !errors.As(err, &frozen) {
			t.Errorf("the other replica: %v", err)
		}
		tomorrow := callOf(newID(), 1)
		tomorrow.At = noon.AddDate(0, 0, 1)
		if _, err := p.Reserve(t.Context(), lines(l), tomorrow); !errors.As(err, &frozen) {
			t.Errorf("in the next window: %v", err)
		}
		a := accountOf2(t, db, o.Accounts[0])
		if a.Settled != 2010 || a.Frozen == "" || a.FrozenAt.IsZero() {
			t.Errorf("%+v", a)
		}
		if err := db.Unfreeze(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		if err := db.Unfreeze(t.Context(), a.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unfrozen twice: %v", err)
		}
		l.Limit = 5000
		calm(t, p)
		mustReserve(t, p, lines(l), 1).Abort()
		calm(t, other)
		mustReserve(t, other, lines(l), 1).Abort()
	})
}

func accountOf2(t *testing.T, db *store.DB, id string) store.BudgetAccount {
	t.Helper()
	all, err := db.BudgetAccounts(t.Context(), store.BudgetFilter{})
	for _, a := range all {
		if a.ID == id {
			return a
		}
	}
	t.Fatalf("no account %s in %+v, %v", id, all, err)
	return store.BudgetAccount{}
}

func TestALimitOfNothingLetsNothingThrough(t *testing.T) {
	p := start(t, sqlite(t), "a", &ledger{})
	for _, u := range budget.Units {
		c := callOf(newID(), 0)
		c.Streams = true
		_, err := p.Reserve(t.Context(), lines(line("b", u, 0)), c)
		if _, ok := errors.AsType[*meter.Exceeded](err); !ok {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestBeforeTheLogWasReadNothingIsLetThrough(t *testing.T) {
	m := meter.New(meter.Config{Store: sqlite(t), Shard: "a", Head: (&ledger{}).head})
	if _, err := m.Reserve(t.Context(), nil, callOf(newID(), 1)); !errors.Is(err, meter.ErrUnavailable) {
		t.Errorf("%v", err)
	}
}

func TestWithoutTheStoreAReplicaSpendsWhatItLeased(t *testing.T) {
	db := sqlite(t)
	p := start(t, db, "a", &ledger{})
	l := lines(line("b", budget.USD, 1_000_000))
	mustReserve(t, p, l, 10).Settle(settlement(10))
	p.store.down.Store(true)
	passed := 0
	var err error
	for ; passed < 10_000; passed++ {
		var r *meter.Reservation
		if r, err = p.reserve(t.Context(), l, 10); err != nil {
			break
		}
		r.Settle(settlement(10))
	}
	if !errors.Is(err, meter.ErrUnavailable) || passed == 0 {
		t.Fatalf("%d calls passed, then %v", passed, err)
	}
	if a := accountOf(t, db, "b"); int64(passed+1)*10 > a.Out {
		t.Errorf("%d calls of 10 passed, leased was %d", passed+1, a.Out)
	}
	p.store.down.Store(false)
	time.Sleep(2 * meter.DryFor)
	mustReserve(t, p, l, 10).Abort()
	calm(t, p)
	if a := accountOf(t, db, "b"); a.Settled != int64(passed+1)*10 || a.Out != 0 {
		t.Errorf("%d calls of 10: %+v", passed+1, a)
	}
}

func TestSomebodyWhoGoesAwayDoesNotWait(t *testing.T) {
	p := start(t, sqlite(t), "a", &ledger{})
	p.store.slow.Store(int64(200 * time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.reserve(ctx, lines(line("b", budget.USD, 100)), 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	mustReserve(t, p, lines(line("b", budget.USD, 100)), 100)
}

func TestALimitThatFellHoldsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := start(t, db, "a", &ledger{})
		l := line("b", budget.USD, 1000)
		mustReserve(t, p, lines(l), 100).Settle(settlement(100)) // leaves 800 leased
		l.Limit = 150
		if _, err := p.reserve(t.Context(), lines(l), 100); err == nil {
			t.Error("more than the new limit passed")
		}
		time.Sleep(2 * meter.DryFor)
		mustReserve(t, p, lines(l), 50).Settle(settlement(50))
		calm(t, p)
		if a := accountOf(t, db, "b"); a.Settled != 150 || a.Limit != 150 || a.Out != 0 {
			t.Errorf("%+v", a)
		}
		l.Limit = 400
		mustReserve(t, p, lines(l), 250).Abort()
	})
}

func TestAWindowRollsAndAClockThatGoesBackFindsTheOldOne(t *testing.T) {
	db := sqlite(t)
	p := start(t, db, "a", &ledger{})
	l := lines(line("b", budget.USD, 100))
	at := func(when time.Time, usd int64) error {
		c := callOf(newID(), usd)
		c.At = when
		r, err := p.Reserve(t.Context(), l, c)
		if err == nil {
			r.Settle(settlement(usd))
		}
		return err
	}
	eve := time.Date(2026, 5, 14, 23, 59, 57, 0, time.UTC)
	if err := at(eve, 100); err != nil {
		t.Fatal(err)
	}
	calm(t, p)
	e, ok := errors.AsType[*meter.Exceeded](at(eve, 50))
	if !ok || !e.Soon || e.Wait != 3*time.Second {
		t.Errorf("before midnight: %+v", e)
	}
	if err := at(eve.Add(3*time.Second), 100); err != nil {
		t.Errorf("after midnight: %v", err)
	}
	if err := at(eve, 1); err == nil {
		t.Error("the clock went back, and the window was new")
	}
	calm(t, p)
	if p.Stats().Accounts > 2 {
		t.Errorf("%+v", p.Stats())
	}
}

func TestStreamsHoldAPlaceWhileTheyLast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := start(t, db, "a", &ledger{})
		l := lines(line("b", budget.Streams, 2))
		stream := func() (*meter.Reservation, error) {
			c := callOf(newID(), 1)
			c.Streams = true
			return p.Reserve(t.Context(), l, c)
		}
		one, err := stream()
		if err != nil {
			t.Fatal(err)
		}
		two, err := stream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream(); err == nil {
			t.Error("a third one passed")
		}
		if _, err := p.reserve(t.Context(), l, 1); err != nil {
			t.Errorf("what is no stream takes no place: %v", err)
		}
		one.Settle(settlement(1))
		if one, err = stream(); err != nil {
			t.Errorf("the place is free: %v", err)
		}
		one.Abort()
		two.Settle(settlement(1))
		calm(t, p)
		if a := accountOf(t, db, "b"); a.Settled != 0 || a.Out != 0 {
			t.Errorf("%+v", a)
		}
	})
}

func TestThePlacesOfADeadReplicaComeBackWithItsLease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, lease := range map[string]time.Duration{"live": time.Hour, "dead": -time.Second} {
			if _, err := db.Renew(t.Context(), store.Replica{Name: name, Shard: name, Boot: "1", Lease: lease}); err != nil {
				t.Fatal(err)
			}
			p, other := start(t, db, name, &ledger{}), start(t, db, "other-"+name, &ledger{})
			l := lines(line("of-"+name, budget.Streams, 2))
			c := callOf(newID(), 1)
			c.Streams = true
			for range 2 {
				if _, err := p.Reserve(t.Context(), l, c); err != nil {
					t.Fatal(err)
				}
			}
			p.die()
			if _, err := other.Reserve(t.Context(), l, c); (err == nil) != (name == "dead") {
				t.Errorf("%s: %v", name, err)
			}
			p.store.down.Store(false) // it was thought dead
			mustFlush(t, p)
			if a := accountOf(t, db, "of-"+name); a.Out > 2 || a.Reserved > a.Out {
				t.Errorf("%s: %+v", name, a)
			}
			if name == "dead" {
				if _, err := p.Reserve(t.Context(), l, c); err == nil {
					t.Error("it has places that were taken from it")
				}
			}
		}
	})
}

func TestACallWithoutLimitsIsMetered(t *testing.T) {
	db := sqlite(t)
	p := start(t, db, "a", &ledger{})
	r := mustReserve(t, p, nil, 5)
	if len(r.Accounts()) != 0 || r.Reserved().MicroUSD != 5 {
		t.Errorf("%v %+v", r.Accounts(), r.Reserved())
	}
	s := settlement(3)
	s.Tokens = bedrock.Tokens{Input: 7, CacheRead: 93, Output: 50}
	r.Settle(s)
	c := callOf(newID(), 0)
	c.Unpriced = true
	u, err := p.Reserve(t.Context(), nil, c)
	if err != nil {
		t.Fatal(err)
	}
	u.Settle(meter.Settlement{Amounts: c.Worst, Estimated: true})
	mustFlush(t, p)
	rows, err := db.Spend(t.Context(), store.SpendQuery{})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%+v, %v", rows, err)
	}
	got := rows[0]
	if got.Requests != 2 || got.MicroUSD != 3 || got.Unpriced != 1 || got.Estimated != 1 || got.CacheRead != 93 || got.Input != 107 || got.EstimatedMicroUSD != 0 {
		t.Errorf("%+v", got)
	}
}

func TestAThresholdIsToldOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := start(t, db, "a", &ledger{})
		l := lines(line("b", budget.USD, 1000))
		for range 19 {
			mustReserve(t, p, l, 50).Settle(settlement(50))
			mustFlush(t, p)
		}
		all, err := db.CrossingsAfter(t.Context(), 0, 10)
		if err != nil || len(all) != 2 || all[0].Percent != 50 || all[1].Percent != 80 || all[0].Settled != 500 || all[1].Seq <= all[0].Seq {
			t.Fatalf("%+v, %v", all, err)
		}
		if _, err := p.reserve(t.Context(), l, 60); err == nil {
			t.Fatal("more than there is")
		}
		all, err = db.CrossingsAfter(t.Context(), all[1].Seq, 10)
		if err != nil || len(all) != 1 || all[0].Percent != 100 {
			t.Errorf("a call of ordinary size was refused: %+v, %v", all, err)
		}
	})
}
