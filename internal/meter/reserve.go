package meter

import (
	"context"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/store"
)

// Tags say what a call is, for the sums of spend.
type Tags = store.SpendTags

// Call is a call that is about to leave.
type Call struct {
	ID       string    // of its intent; required, unique
	At       time.Time // when it began; zero: now
	Subject  *budget.Subject
	Worst    budget.Amounts // the most that it can take
	Streams  bool           // it answers in a stream, which takes a place where streams are limited
	Unpriced bool           // no price is known: Worst.MicroUSD is not what it costs
	// Tags are what spend is summed by; those that Subject says, and the day, may
	// be left empty.
	Tags Tags
}

// largestAmount is more than a call can take of anything: amounts stay so small
// that sums of them do not overflow.
const largestAmount = 1e15

// longestWait is how long a call asks for more while others are faster than it.
const longestWait = 2 * time.Second

// Reserve takes the most that a call can cost out of every account that covers it,
// or of none. It fails with *Exceeded, *Frozen, an error of the context, or one
// that wraps ErrUnavailable. The call's lines may be none: it is metered only.
func (m *Meter) Reserve(ctx context.Context, lines []budget.Line, c Call) (*Reservation, error) {
	if !m.ready.Load() {
		return nil, fmt.Errorf("%w: the log has not been read yet", ErrUnavailable)
	}
	r := m.reservation(lines, c)
	var since time.Time // when the call first had to ask
	for {
		short, err := m.take(r)
		switch {
		case err != nil || len(short) == 0:
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > longestWait:
			err = short[0].refusal(r.call.At)
		}
		if err != nil {
			m.counts.refused.Add(1)
			return nil, err
		}
		if len(short) == 0 {
			if len(lines) > 0 && m.lacking.Load() != nil {
				m.lacking.Store(nil) // there is something to go on with
			}
			return r, nil
		}
		if err := m.more(ctx, short); err != nil {
			return nil, err
		}
	}
}

// reservation prepares a reservation that holds nothing yet.
func (m *Meter) reservation(lines []budget.Line, c Call) *Reservation {
	if c.At.IsZero() {
		c.At = m.cfg.Now()
	}
	c.Worst.Streams = 0
	if c.Streams {
		c.Worst.Streams = 1
	}
	r := &Reservation{meter: m, call: c, lines: lines, intent: noIntent}
	r.parts = r.room[:0]
	return r
}

// shortage is what a slice lacks for a call.
type shortage struct {
	account *account
	need    int64
}

func (s shortage) refusal(now time.Time) error {
	s.account.mu.Lock()
	defer s.account.mu.Unlock()
	return s.account.exceeded(s.need, now)
}

// take reserves in every account, or says which slices are too small and reserves
// in none.
func (m *Meter) take(r *Reservation) (short []shortage, err error) {
	for {
		m.mu.RLock()
		missing := -1
		short, missing, err = m.takeAll(r)
		if err == nil && missing < 0 && len(short) == 0 {
			m.begin(r)
			m.mu.RUnlock()
			return nil, nil
		}
		r.giveBack()
		m.mu.RUnlock()
		if missing < 0 {
			return short, err
		}
		m.meet(r, missing)
	}
}

// takeAll goes through the lines; missing is the first whose account is not known
// here, or -1.
func (m *Meter) takeAll(r *Reservation) (short []shortage, missing int, err error) {
	for i := range r.lines {
		b := r.lines[i].Account(r.call.At)
		a := m.accounts[b.ID]
		if a == nil {
			return nil, i, nil
		}
		need := r.call.Worst.Of(b.Line.Unit)
		if b.Line.Unit == budget.Streams && need == 0 {
			continue
		}
		ok, err := m.takeOne(a, &r.lines[i], need, r.call.At)
		if err != nil {
			return nil, -1, err
		}
		if ok {
			r.parts = append(r.parts, part{a, need})
		} else {
			short = append(short, shortage{a, need})
		}
	}
	return short, -1, nil
}

// takeOne reserves in one account.
func (m *Meter) takeOne(a *account, line *budget.Line, need int64, now time.Time) (ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.follow(line)
	a.touched = true
	m.dirty.note(a)
	a.largest = max(a.largest, need)
	switch {
	case a.frozen != "":
		return false, &Frozen{Line: *line, Account: a.shown, Why: a.frozen}
	case need < 0 || need > min(line.Limit, largestAmount) || line.Limit == 0:
		return false, a.exceeded(need, now)
	case a.take(need):
		return true, nil
	case !a.limitFell && a.dry(need):
		return false, a.exceeded(need, now)
	}
	return false, nil
}

// follow takes over a limit that has changed. When it fell, what the slice still
// has was granted under another: the store must say what is left of it.
func (a *account) follow(line *budget.Line) {
	if line.Limit == a.leased.Limit {
		return
	}
	if line.Limit < a.leased.Limit {
		a.limitFell = true
	}
	a.leased.Limit, a.leased.Notify = line.Limit, line.Notify
	a.shown.Line = *line
	a.dryNeed = 0
}

// meet makes the account of a line known.
func (m *Meter) meet(r *Reservation, line int) {
	b := r.lines[line].Account(r.call.At)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.accounts[b.ID] == nil {
		m.accounts[b.ID] = newAccount(b)
	}
}
