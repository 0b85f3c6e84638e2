package meter_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/store"
)

// paper is a store for one replica in memory, for tests in which time stands still.
type paper struct {
	mu       sync.Mutex
	accounts map[string]*store.Leased
	leases   int
	forgot   int
	down     bool
	last     store.LeaseReport
}

func (p *paper) ClaimMark(context.Context, string, string) (store.Claimed, error) {
	return store.Claimed{}, nil
}

func (p *paper) Lease(_ context.Context, r store.LeaseReport, asks []store.LeaseAsk) (out []store.Leased, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leases++
	if p.down {
		return nil, errBroken
	}
	if r.Seq > p.last.Seq {
		for _, e := range r.Entries {
			a := p.of(e.Account)
			a.Settled, a.Slice, a.Reserved = a.Settled+e.Settled, min(a.Slice-e.Settled, e.Keep), e.Reserved
			out = append(out, *a)
		}
		p.last = r
	}
	for _, ask := range asks {
		a := p.of(ask.Account)
		if room := a.Limit - a.Settled - a.Slice; a.Frozen == "" && room >= max(ask.Need, 1) {
			a.Slice += min(max(ask.Want, ask.Need), room)
		}
		out = append(out, *a)
	}
	return out, nil
}

func (p *paper) of(a store.LeaseAccount) *store.Leased {
	if p.accounts[a.ID] == nil {
		p.accounts[a.ID] = &store.Leased{Account: a.ID}
	}
	p.accounts[a.ID].Limit = a.Limit
	return p.accounts[a.ID]
}

func (p *paper) ForgetMoney(context.Context, time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgot++
	return nil
}

// seen is what a test looks at.
type seen struct {
	store.Leased   // the only account
	leases, forgot int
	last           store.LeaseReport
}

func (p *paper) look() seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := seen{leases: p.leases, forgot: p.forgot, last: p.last}
	for _, a := range p.accounts {
		s.Leased = *a
	}
	return s
}

func (p *paper) fail(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// onPaper runs a meter in a bubble until f returns.
func onPaper(t *testing.T, f func(t *testing.T, p *process, s *paper)) {
	synctest.Test(t, func(t *testing.T) {
		s, log := &paper{accounts: map[string]*store.Leased{}}, &ledger{}
		p := &process{log: log}
		p.Meter = meter.New(meter.Through(meter.Config{Shard: "a", Head: log.head, Now: func() time.Time { return noon }}, s))
		if _, err := p.Recover(t.Context(), log.scan); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		f(t, p, s)
		stop()
		running.Wait()
	})
}

// pass lets so many seconds go by, and half of one.
func pass(seconds int) {
	time.Sleep(time.Duration(seconds)*time.Second + time.Second/2)
	synctest.Wait()
}

func TestWhatNobodyUsesGoesBackWithinTwoSeconds(t *testing.T) {
	onPaper(t, func(t *testing.T, p *process, s *paper) {
		mustReserve(t, p, lines(line("b", budget.USD, 1000)), 10).Settle(settlement(4))
		if a := s.look(); a.Slice <= 10 {
			t.Errorf("one call's worth was leased: %+v", a)
		}
		pass(1)
		if a := s.look(); a.Settled != 4 {
			t.Errorf("after a second: %+v", a)
		}
		pass(1)
		if a := s.look(); a.Slice != 0 {
			t.Errorf("after two: %+v", a)
		}
		asked := s.look().leases
		pass(60)
		if s.look().leases != asked {
			t.Errorf("the store was asked %d times for nothing", s.look().leases-asked)
		}
		if n := p.Stats().Accounts; n != 0 {
			t.Errorf("%d accounts are remembered", n)
		}
	})
}

func TestAStreamThatLastsKeepsWhatIsReserved(t *testing.T) {
	onPaper(t, func(t *testing.T, p *process, s *paper) {
		r := mustReserve(t, p, lines(line("b", budget.USD, 1000)), 10)
		r.Intended(0)
		pass(600)
		if a := s.look(); a.Slice != 10 || a.Reserved != 10 || len(s.look().last.Mark.Open) != 1 {
			t.Errorf("%+v %+v", a, s.look().last.Mark)
		}
		if s.look().leases > 5 {
			t.Errorf("the store was asked %d times", s.look().leases)
		}
		r.Settle(settlement(7))
		pass(2)
		if a := s.look(); a.Slice != 0 || a.Settled != 7 || len(s.look().last.Mark.Open) != 0 {
			t.Errorf("%+v %+v", a, s.look().last.Mark)
		}
	})
}

func TestLeavingReportsAllAndGivesBackAll(t *testing.T) {
	var at *paper
	onPaper(t, func(t *testing.T, p *process, s *paper) {
		mustReserve(t, p, lines(line("b", budget.USD, 1000)), 10).Settle(settlement(4))
		at = s
	})
	if a := at.look(); a.Settled != 4 || a.Slice != 0 || at.look().last.Spend[0].MicroUSD != 4 {
		t.Errorf("%+v %+v", a, at.look().last)
	}
}

func TestAnOverrunIsReportedAtOnce(t *testing.T) {
	onPaper(t, func(t *testing.T, p *process, s *paper) {
		mustReserve(t, p, lines(line("b", budget.USD, 1000)), 10).Settle(settlement(11))
		synctest.Wait()
		if len(s.look().last.Entries) != 1 || s.look().last.Entries[0].Freeze == "" || s.look().last.Entries[0].Settled != 11 {
			t.Errorf("%+v", s.look().last)
		}
	})
}

func TestAStoreThatFailsIsLeftAloneForAMoment(t *testing.T) {
	onPaper(t, func(t *testing.T, p *process, s *paper) {
		s.fail(true)
		asked := s.look().leases
		for range 100 {
			if _, err := p.reserve(t.Context(), lines(line("b", budget.USD, 1000)), 10); !errors.Is(err, meter.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if s.look().leases != asked+1 {
			t.Errorf("it was asked %d times", s.look().leases-asked)
		}
		s.fail(false)
		pass(0)
		mustReserve(t, p, lines(line("b", budget.USD, 1000)), 10).Abort()
	})
}

func TestAnAccountWithoutRoomIsNotAskedForWithEveryCall(t *testing.T) {
	onPaper(t, func(t *testing.T, p *process, s *paper) {
		l := lines(line("b", budget.USD, 100))
		r := mustReserve(t, p, l, 95)
		asked := s.look().leases
		for range 100 {
			if _, err := p.reserve(t.Context(), l, 10); err == nil {
				t.Fatal("it passed")
			}
		}
		if s.look().leases != asked+1 {
			t.Errorf("the store was asked %d times", s.look().leases-asked)
		}
		r.Settle(settlement(0))
		mustReserve(t, p, l, 10).Abort() // what came back is here, and needs no store
	})
}

func TestWhatIsOldIsForgottenEveryHour(t *testing.T) {
	onPaper(t, func(t *testing.T, _ *process, s *paper) {
		pass(3 * 60 * 60)
		if s.look().forgot < 3 || s.look().forgot > 4 {
			t.Errorf("%d times in three hours", s.look().forgot)
		}
	})
}
