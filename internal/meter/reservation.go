package meter

import (
	"sync"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
)

// noIntent: the index of an intent that is not durable yet.
const noIntent = ^uint64(0)

// Reservation holds what one call may take. Settle or Abort ends it.
type Reservation struct {
	meter *Meter
	call  Call
	lines []budget.Line
	parts []part
	room  [6]part // what parts mostly fits in

	mu    sync.Mutex
	ended bool // guarded by mu

	from   uint64 // the intent is at this index or after it
	intent uint64 // guarded by the shard of open calls
	shard  *openCalls
}

// part is what is reserved in one account.
type part struct {
	account *account
	amount  int64
}

// Accounts lists the accounts in which something is reserved, for the intent.
func (r *Reservation) Accounts() []string {
	ids := make([]string, len(r.parts))
	for i, p := range r.parts {
		ids[i] = p.account.id
	}
	return ids
}

// Reserved is what is reserved, for the intent.
func (r *Reservation) Reserved() budget.Amounts { return r.call.Worst }

// Intended says at which index of the log the call's intent is durable.
func (r *Reservation) Intended(index uint64) {
	r.shard.mu.Lock()
	defer r.shard.mu.Unlock()
	r.intent = index
}

// Settlement is what a call took.
type Settlement struct {
	Amounts        budget.Amounts
	Tokens         bedrock.Tokens
	GuardrailUnits int64
	Priced         bool // MicroUSD is what it cost
	Estimated      bool // nobody said: Amounts is what was reserved
}

// Overrun names the accounts that a call froze by taking more than was reserved.
type Overrun struct {
	Accounts []string // none: it did not
	Why      string
}

// Settle charges a call with what it took, instead of what was reserved. It counts
// once: a second does nothing, and neither does one after Abort. A count that cannot
// be, and a price that is not known, are charged as reserved.
//
// The outcome must have its place in the log before: what Settle sets free may be
// reserved again at once, and should the process crash, the log must not know of the
// second call and have lost how the first one ended.
func (r *Reservation) Settle(s Settlement) Overrun {
	s = s.sound(r.call)
	return r.end(&s)
}

// Sound is what Settle would charge, for the outcome that is written before.
func (r *Reservation) Sound(s Settlement) Settlement { return s.sound(r.call) }

// Exceeds reports whether Settle would freeze an account.
func (r *Reservation) Exceeds(s Settlement) bool {
	s = r.Sound(s)
	for _, p := range r.parts {
		if s.Amounts.Of(budget.Unit(p.account.leased.Unit)) > p.amount {
			return true
		}
	}
	return false
}

// Abort gives everything back: nothing has left for Bedrock. If the intent is in the
// log, an outcome that charges nothing must be there before.
func (r *Reservation) Abort() { r.end(nil) }

// sound replaces what cannot be by what was reserved.
func (s Settlement) sound(c Call) Settlement {
	s.Amounts.Streams = 0
	if !s.Priced || s.Amounts.MicroUSD < 0 {
		s.Amounts.MicroUSD = c.Worst.MicroUSD
		s.Estimated = s.Estimated || s.Priced
	}
	for _, n := range []struct {
		is    *int64
		worst int64
	}{{&s.Amounts.Input, c.Worst.Input}, {&s.Amounts.Output, c.Worst.Output}, {&s.Amounts.Requests, c.Worst.Requests}} {
		if *n.is < 0 {
			*n.is, s.Estimated = n.worst, true
		}
		*n.is = min(*n.is, largestAmount)
	}
	s.Amounts.MicroUSD = min(s.Amounts.MicroUSD, largestAmount)
	for _, n := range []*int64{&s.Tokens.Input, &s.Tokens.Output, &s.Tokens.CacheRead, &s.Tokens.CacheWrite, &s.Tokens.CacheWriteHour, &s.GuardrailUnits} {
		*n = min(max(*n, 0), largestAmount)
	}
	return s
}

// end ends a reservation: nil gives it back.
func (r *Reservation) end(s *Settlement) (over Overrun) {
	m := r.meter
	m.mu.RLock()
	defer m.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return Overrun{}
	}
	r.ended = true
	if s == nil {
		r.giveBack()
	} else {
		over = r.charge(s)
		m.spent.add(&r.call, s)
	}
	m.finish(r)
	if len(over.Accounts) > 0 {
		m.report(over)
	}
	return over
}

// giveBack lets go of what is reserved.
func (r *Reservation) giveBack() {
	for _, p := range r.parts {
		p.account.mu.Lock()
		p.account.reserved -= p.amount
		r.meter.dirty.note(p.account)
		p.account.mu.Unlock()
	}
	if r.shard == nil {
		r.parts = r.parts[:0] // it never held all of them
	}
}

// charge turns what is reserved into what was taken.
func (r *Reservation) charge(s *Settlement) (over Overrun) {
	for _, p := range r.parts {
		a := p.account
		a.mu.Lock()
		took := s.Amounts.Of(budget.Unit(a.leased.Unit))
		a.reserved -= p.amount
		a.spent += took
		if took > p.amount {
			over.Accounts, over.Why = append(over.Accounts, a.id), overrun
			a.freeze(overrun)
		}
		r.meter.dirty.note(a)
		a.mu.Unlock()
	}
	return over
}

// overrun is why accounts freeze.
const overrun = "a call used more than was reserved for it"

func (a *account) freeze(why string) {
	if a.frozen == "" {
		a.frozen, a.freezeNews = why, true
	}
}

// report says that accounts froze, and has the store told without delay.
func (m *Meter) report(over Overrun) {
	m.counts.overruns.Add(1)
	m.cfg.Log.Error("a call used more than was reserved for it; its budgets are frozen", "accounts", over.Accounts)
	m.hurry()
}

func (m *Meter) hurry() {
	select {
	case m.urgent <- struct{}{}:
	default:
	}
}
