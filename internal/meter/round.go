package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// storeWithin is how long the store may take to answer: one that is silent holds no
// call open for ever.
const storeWithin = 5 * time.Second

// purpose says why there is a round.
type purpose int

const (
	asking  purpose = iota // callers wait: no report, unless one is due
	urgent                 // something must be reported now
	ticking                // the time has come: slices are sized, too
	leaving                // all that is free is given back
)

// round talks to the store once. After an error it is not known what has been done:
// the report is sent again with the next round, and answers say how things stand,
// not what has changed.
func (m *Meter) round(g *gathering, why purpose) error {
	m.rounds <- struct{}{}
	defer func() { <-m.rounds }()
	report, asks := m.due(g, why)
	if report == nil {
		return nil
	}
	asks = g.asks(asks)
	m.turn++
	report.Turn = m.turn
	leased, err := m.call(report, asks)
	if err != nil {
		m.doubt(asks, g)
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		if len(g.wants) > 0 {
			m.lacking.Store(&err)
		}
		return err
	}
	m.pending = nil
	m.lacking.Store(nil)
	m.apply(leased, g)
	return nil
}

// call leases, with a limit of time: whoever waits gives up before.
func (m *Meter) call(r *store.LeaseReport, asks []store.LeaseAsk) ([]store.Leased, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeWithin)
	defer cancel()
	m.counts.leases.Add(1)
	leased, err := m.cfg.leaser.Lease(ctx, *r, asks)
	if err != nil {
		m.counts.failures.Add(1)
	}
	if errors.Is(err, store.ErrFenced) && m.ready.Swap(false) {
		m.cfg.Log.Error("another process settles the accounts of this shard; nothing is let through any more", "replica", m.cfg.Replica, "shard", m.cfg.Shard)
	}
	return leased, err
}

// due is the report that goes with a round, and what slices should be filled up
// with; nil: there is nothing to say.
func (m *Meter) due(g *gathering, why purpose) (*store.LeaseReport, []store.LeaseAsk) {
	if m.pending != nil {
		return m.pending, nil
	}
	if why == asking && !g.full {
		return &store.LeaseReport{Shard: m.cfg.Shard, Boot: m.boot, Seq: m.seq}, nil // its number has come before: only the asks count
	}
	r, asks := m.cut(why)
	if r == nil {
		return nil, nil
	}
	m.pending = r
	return r, asks
}

// cut takes all that has happened since the last cut, at one moment.
func (m *Meter) cut(why purpose) (*store.LeaseReport, []store.LeaseAsk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := &store.LeaseReport{Shard: m.cfg.Shard, Boot: m.boot, Spend: m.spent.take()}
	list := m.dirty.list
	m.dirty.list = nil
	var asks []store.LeaseAsk
	for _, a := range list {
		a.listed = false
		e, news := a.cut(why)
		if news {
			r.Entries = append(r.Entries, e)
		}
		if ask, ok := a.topUp(why); ok {
			asks = append(asks, ask)
		}
		a.tick(why)
		if a.granted != 0 || a.reserved != 0 {
			m.dirty.note(a) // to be looked at until it has nothing
		} else if !news && a.quiet() {
			delete(m.accounts, a.id)
		}
	}
	if !m.moved.Swap(false) && len(r.Entries) == 0 && len(r.Spend) == 0 {
		return nil, nil
	}
	m.seq++
	r.Seq, r.Mark = m.seq, m.mark()
	return r, asks
}

// doubt notes that the store may have granted what this replica does not know of:
// the next report says what it holds.
func (m *Meter) doubt(asks []store.LeaseAsk, g *gathering) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remember(g)
	for i := range asks {
		if a := m.accounts[asks[i].Account.ID]; a != nil {
			a.unsure = true
			m.dirty.note(a)
		}
	}
}

// remember finds accounts again that were forgotten after somebody had asked for
// more of them: the store may have granted it.
func (m *Meter) remember(g *gathering) {
	for a := range g.wants {
		if m.accounts[a.id] == nil {
			m.accounts[a.id] = a
		}
	}
}

// apply takes over how the accounts stand.
func (m *Meter) apply(leased []store.Leased, g *gathering) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remember(g)
	for _, got := range leased {
		a := m.accounts[got.Account]
		if a == nil {
			continue
		}
		a.apply(got, g.wants[a])
		if a.granted != 0 {
			m.dirty.note(a)
		} else if !a.listed && a.quiet() {
			delete(m.accounts, a.id)
		}
	}
}
