package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

// lessee is a process that leases.
type lessee struct {
	t     *testing.T
	db    *store.DB
	shard string
	boot  string
	turn  int64
	seq   int64
}

func claim(t *testing.T, db *store.DB, shard, boot string) *lessee {
	t.Helper()
	c, err := db.ClaimMark(t.Context(), shard, boot)
	if err != nil {
		t.Fatal(err)
	}
	return &lessee{t, db, shard, boot, c.Turn, c.Seq}
}

func (l *lessee) report(entries ...store.LeaseEntry) store.LeaseReport {
	l.turn++
	l.seq++
	return store.LeaseReport{Shard: l.shard, Boot: l.boot, Turn: l.turn, Seq: l.seq, Entries: entries}
}

func (l *lessee) lease(r store.LeaseReport, asks ...store.LeaseAsk) []store.Leased {
	l.t.Helper()
	got, err := l.db.Lease(l.t.Context(), r, asks)
	if err != nil {
		l.t.Fatal(err)
	}
	return got
}

// ask asks for one account and says what the slice is then.
func (l *lessee) ask(a store.LeaseAccount, want, need int64) int64 {
	l.t.Helper()
	return l.lease(l.report(), store.LeaseAsk{Account: a, Want: want, Need: need})[0].Slice
}

func money(name string, limit int64) store.LeaseAccount {
	return store.LeaseAccount{ID: name + "||usd|day|x", Budget: name, Unit: "usd", Window: "day", Start: noon, End: noon.Add(24 * time.Hour), Limit: limit, Notify: []int{50, 100}}
}

func oneAccount(t *testing.T, db *store.DB, f store.BudgetFilter) store.BudgetAccount {
	t.Helper()
	all, err := db.BudgetAccounts(t.Context(), f)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

func TestALeaseNeverGoesBeyondTheLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, b := claim(t, db, "a", "1"), claim(t, db, "b", "1")
		m := money("m", 1000)
		if got := a.ask(m, 600, 10); got != 600 {
			t.Errorf("a has %d", got)
		}
		if got := b.ask(m, 600, 10); got != 200 {
			t.Errorf("b has %d: of what is left, the other gets a share", got)
		}
		if got := b.ask(m, 0, 200); got != 400 {
			t.Errorf("b has %d: what a call needs is no matter of shares", got)
		}
		if got := b.ask(m, 500, 1); got != 400 {
			t.Errorf("b has %d, and there was nothing left", got)
		}
		back := a.lease(a.report(store.LeaseEntry{Account: m, Settled: 100, Keep: 50, Reserved: 30}))[0]
		if diff := cmp.Diff(store.Leased{Account: m.ID, Slice: 50, Limit: 1000, Settled: 100, Out: 450, Reserved: 30, Others: 1}, back); diff != "" {
			t.Error(diff)
		}
		if got := b.ask(m, 1000, 451); got != 400 {
			t.Errorf("b has %d, and less was left than was needed", got)
		}
		m.Limit = 500
		if got := b.ask(m, 100, 1); got != 400 {
			t.Errorf("b has %d of a limit that fell", got)
		}
		if got := oneAccount(t, db, store.BudgetFilter{}); got.Limit != 500 || got.Settled != 100 || got.Out != 450 || got.Reserved != 30 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAReportCountsOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := claim(t, db, "a", "1")
		m := money("m", 1000)
		a.ask(m, 600, 1)
		r := a.report(store.LeaseEntry{Account: m, Settled: 100, Keep: 300})
		r.Spend = []store.SpendRow{{SpendTags: store.SpendTags{Day: "2026-05-14"}, Requests: 1, MicroUSD: 100}}
		r.Mark = store.Mark{Head: 7, First: 3, Open: []string{"x", "y"}}
		first := a.lease(r)
		a.turn++
		late := r
		r.Turn = a.turn
		if diff := cmp.Diff(first, a.lease(r)); diff != "" {
			t.Errorf("the second time: %s", diff)
		}
		if _, err := db.Lease(t.Context(), late, nil); !errors.Is(err, store.ErrFenced) {
			t.Errorf("what came late: %v", err)
		}
		if got := oneAccount(t, db, store.BudgetFilter{}); got.Settled != 100 || got.Out != 300 {
			t.Errorf("%+v", got)
		}
		if rows, err := db.Spend(t.Context(), store.SpendQuery{}); err != nil || rows[0].MicroUSD != 100 {
			t.Errorf("%+v, %v", rows, err)
		}
		c, err := db.ClaimMark(t.Context(), "a", "2")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(store.Claimed{Mark: r.Mark, Turn: a.turn, Seq: a.seq}, c); diff != "" {
			t.Error(diff)
		}
		if _, err := db.Lease(t.Context(), a.report(), nil); !errors.Is(err, store.ErrFenced) {
			t.Errorf("the process before: %v", err)
		}
	})
}

func TestAnewGivesBackWhatTheProcessBeforeHeld(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := claim(t, db, "a", "1")
		m, n := money("m", 1000), money("n", 1000)
		a.ask(m, 600, 1)
		a.ask(n, 600, 1)
		next := claim(t, db, "a", "2")
		r := next.report(store.LeaseEntry{Account: store.LeaseAccount{ID: m.ID, Budget: "m", Unit: "usd", Limit: -1}, Settled: 70})
		r.Anew = true
		next.lease(r)
		for name, settled := range map[string]int64{"m": 70, "n": 0} {
			if got := oneAccount(t, db, store.BudgetFilter{Budget: name}); got.Settled != settled || got.Out != 0 || got.Limit != 1000 || !got.End.Equal(m.End) {
				t.Errorf("%+v", got)
			}
		}
	})
}

func TestAFrozenLimitGrantsNothingInAnyWindow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := claim(t, db, "a", "1")
		m, next := money("m", 1000), money("m", 1000)
		next.ID += "+1"
		a.ask(m, 10, 1)
		got := a.lease(a.report(store.LeaseEntry{Account: m, Settled: 40, Freeze: "too much"}), store.LeaseAsk{Account: m, Want: 5})[0]
		if got.Frozen != "too much" || got.Slice != 0 || got.Settled != 40 {
			t.Errorf("%+v", got)
		}
		if got := a.ask(next, 5, 1); got != 0 {
			t.Errorf("the next window has %d", got)
		}
		if got := oneAccount(t, db, store.BudgetFilter{Frozen: true, After: m.ID}); got.ID != next.ID || got.Frozen != "too much" || got.FrozenAt.IsZero() {
			t.Errorf("%+v", got)
		}
		told, err := db.CrossingsAfter(t.Context(), 0, 9)
		if err != nil || len(told) != 1 || told[0].Percent != 0 || told[0].Why != "too much" || told[0].Account != m.ID {
			t.Errorf("%+v, %v", told, err)
		}
		if err := db.Unfreeze(t.Context(), next.ID); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{m.ID, "nothing"} {
			if err := db.Unfreeze(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", id, err)
			}
		}
		if got := a.ask(next, 5, 1); got != 5 {
			t.Errorf("%d", got)
		}
		a.lease(a.report(store.LeaseEntry{Account: m, Freeze: "again"}))
		if told, err = db.CrossingsAfter(t.Context(), told[0].Seq, 9); err != nil || len(told) != 1 || told[0].Why != "again" {
			t.Errorf("%+v, %v", told, err)
		}
	})
}

// Two processes that lease the same accounts, and cross thresholds, at once.
func TestLeasesOfManyProcessesDoNotStandInEachOthersWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var all sync.WaitGroup
		for i := range 4 {
			l := claim(t, db, fmt.Sprint(i), "1")
			all.Go(func() {
				for n := range 25 {
					var entries []store.LeaseEntry
					var asks []store.LeaseAsk
					for j := range 5 {
						m := money(fmt.Sprint((j+i)%5), 1000)
						entries = append(entries, store.LeaseEntry{Account: m, Settled: int64(min(n, 10)), Keep: 0})
						asks = append(asks, store.LeaseAsk{Account: m, Want: 10})
					}
					r := l.report(entries...)
					r.Spend = []store.SpendRow{{SpendTags: store.SpendTags{Day: "b"}, Requests: 1}, {SpendTags: store.SpendTags{Day: "a"}, Requests: 1}}
					if _, err := db.Lease(t.Context(), r, asks); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		accounts, err := db.BudgetAccounts(t.Context(), store.BudgetFilter{})
		if err != nil || len(accounts) != 5 {
			t.Fatalf("%+v, %v", accounts, err)
		}
		for _, a := range accounts {
			if a.Settled != 4*195 || a.Out != 40 {
				t.Errorf("%+v", a)
			}
		}
		told, err := db.CrossingsAfter(t.Context(), 0, 99)
		if err != nil || len(told) != 5 {
			t.Errorf("%+v, %v", told, err)
		}
		if rows, err := db.Spend(t.Context(), store.SpendQuery{By: []string{"day"}}); err != nil || len(rows) != 2 || rows[0].Requests != 100 || rows[1].Requests != 100 {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestAccountsAreListedByWhatIsAskedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := claim(t, db, "a", "1")
		places := store.LeaseAccount{ID: "p||streams||", Budget: "p", Unit: "streams", Limit: 3}
		keyed := money("m", 10)
		keyed.ID, keyed.Key = "m|k|usd|day|x", "k"
		for _, m := range []store.LeaseAccount{money("m", 10), keyed, places} {
			a.ask(m, 1, 1)
		}
		for name, c := range map[string]struct {
			f    store.BudgetFilter
			want []string
		}{
			"all":           {store.BudgetFilter{}, []string{"m|k|usd|day|x", "m||usd|day|x", "p||streams||"}},
			"a page":        {store.BudgetFilter{After: "m|k|usd|day|x", Limit: 1}, []string{"m||usd|day|x"}},
			"a budget":      {store.BudgetFilter{Budget: "m"}, []string{"m|k|usd|day|x", "m||usd|day|x"}},
			"a key":         {store.BudgetFilter{Key: "k"}, []string{"m|k|usd|day|x"}},
			"in the window": {store.BudgetFilter{At: noon}, []string{"m|k|usd|day|x", "m||usd|day|x", "p||streams||"}},
			"after it":      {store.BudgetFilter{At: noon.Add(24 * time.Hour)}, []string{"p||streams||"}},
			"before it":     {store.BudgetFilter{At: noon.Add(-1)}, []string{"p||streams||"}},
			"frozen":        {store.BudgetFilter{Frozen: true}, nil},
		} {
			found, err := db.BudgetAccounts(t.Context(), c.f)
			var got []string
			for _, f := range found {
				got = append(got, f.ID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%s: %s %v", name, diff, err)
			}
		}
	})
}

func TestMoneyIsForgottenAfterItsRetention(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := claim(t, db, "a", "1")
		r := a.report(store.LeaseEntry{Account: money("frozen", 10), Settled: 20, Freeze: "x"}, store.LeaseEntry{Account: money("old", 10), Settled: 6})
		for _, day := range []string{"2026-05-14", noon.UTC().Format(time.DateOnly)} {
			r.Spend = append(r.Spend, store.SpendRow{SpendTags: store.SpendTags{Day: day, Tier: day}, Requests: 1})
		}
		a.lease(r, store.LeaseAsk{Account: store.LeaseAccount{ID: "p||streams||", Budget: "p", Unit: "streams", Limit: 3}, Want: 1})
		if err := db.ForgetMoney(t.Context(), time.Now().Add(store.AccountRetention-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if all, err := db.BudgetAccounts(t.Context(), store.BudgetFilter{}); len(all) != 3 || err != nil {
			t.Errorf("too early: %+v, %v", all, err)
		}
		if err := db.ForgetMoney(t.Context(), time.Now().Add(max(store.AccountRetention, store.SpendRetention)+48*time.Hour)); err != nil {
			t.Fatal(err)
		}
		all, err := db.BudgetAccounts(t.Context(), store.BudgetFilter{})
		if len(all) != 2 || err != nil || all[0].Budget != "frozen" || all[1].Budget != "p" {
			t.Errorf("what is frozen, and what is out, stays: %+v, %v", all, err)
		}
		if rows, err := db.Spend(t.Context(), store.SpendQuery{}); len(rows) != 0 || err != nil {
			t.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestSpendIsSummedByWhatIsAskedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a := claim(t, db, "a", "1")
		row := func(day, identity, team, model string, usd int64) store.SpendRow {
			return store.SpendRow{SpendTags: store.SpendTags{Day: day, Identity: identity, Team: team, Model: model, Owner: "o", Sponsor: "s", Environment: "e",
				Entitlement: "n", Profile: "p", Region: "r", Account: "c", Operation: "Converse", Tier: "t"},
				Requests: 1, Unpriced: 2, Estimated: 3, Input: 4, Output: 5, CacheRead: 6, CacheWrite: 7, CacheWriteHour: 8, GuardrailUnits: 9, MicroUSD: usd, EstimatedMicroUSD: 1}
		}
		for range 2 {
			r := a.report()
			r.Spend = []store.SpendRow{row("2026-05-13", "x", "ops", "m1", 10), row("2026-05-14", "x", "ops", "m2", 20), row("2026-05-15", "y", "ops", "m1", 40)}
			a.lease(r)
		}
		whole := row("", "", "", "", 140)
		whole.SpendTags = store.SpendTags{}
		for range 5 {
			one := row("", "", "", "", 0)
			one.SpendTags = store.SpendTags{}
			whole.Add(&one)
		}
		got, err := db.Spend(t.Context(), store.SpendQuery{})
		if diff := cmp.Diff([]store.SpendRow{whole}, got); diff != "" || err != nil {
			t.Errorf("%s %v", diff, err)
		}
		got, err = db.Spend(t.Context(), store.SpendQuery{From: "2026-05-14", To: "2026-05-15", By: []string{"identity", "team"}})
		if err != nil || len(got) != 2 || got[0].Identity != "x" || got[0].Team != "ops" || got[0].MicroUSD != 40 || got[0].Day != "" || got[1].MicroUSD != 80 {
			t.Errorf("%+v, %v", got, err)
		}
		got, err = db.Spend(t.Context(), store.SpendQuery{To: "2026-05-13", By: store.SpendColumns})
		if err != nil || len(got) != 1 || got[0].SpendTags != row("2026-05-13", "x", "ops", "m1", 0).SpendTags {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := db.Spend(t.Context(), store.SpendQuery{By: []string{"day; DROP TABLE spend"}}); err == nil {
			t.Error("it was summed")
		}
	})
}
