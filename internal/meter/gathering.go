package meter

import (
	"context"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// pause is how long the store is left alone after it failed.
const pause = 250 * time.Millisecond

// gathering collects what callers lack; all of them wait for one round.
type gathering struct {
	wants map[*account]*want
	full  bool // a report must go with it
	done  chan struct{}
	err   error // once done
}

// want is what the callers of one gathering need of an account.
type want struct {
	least, sum int64
}

func (g *gathering) add(s shortage) {
	w := g.wants[s.account]
	if w == nil {
		w = &want{least: s.need}
		g.wants[s.account] = w
	}
	w.least, w.sum = min(w.least, s.need), min(w.sum+s.need, largestAmount)
	s.account.mu.Lock()
	g.full = g.full || s.account.limitFell
	s.account.mu.Unlock()
}

// more asks the store for what slices lack, together with whoever else lacks
// something, and waits for its answer.
func (m *Meter) more(ctx context.Context, short []shortage) error {
	g, err := m.join(short)
	if err != nil {
		return err
	}
	select {
	case <-g.done:
		return g.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for room in budgets: %w", ctx.Err())
	}
}

func (m *Meter) join(short []shortage) (*gathering, error) {
	m.waitMu.Lock()
	defer m.waitMu.Unlock()
	if m.failed != nil && time.Since(m.failedAt) < pause {
		return nil, m.failed
	}
	if m.next == nil {
		m.next = &gathering{wants: make(map[*account]*want), done: make(chan struct{})}
	}
	for _, s := range short {
		m.next.add(s)
	}
	if !m.leading {
		m.leading = true
		go m.lead()
	}
	return m.next, nil
}

// lead runs rounds as long as somebody waits for one.
func (m *Meter) lead() {
	for {
		g := m.gathered()
		if g == nil {
			return
		}
		g.err = m.round(g, asking)
		m.waitMu.Lock()
		m.failed, m.failedAt = g.err, time.Now()
		m.waitMu.Unlock()
		close(g.done)
	}
}

// gathered takes what has gathered; nil: nothing, and nobody leads any more.
func (m *Meter) gathered() *gathering {
	m.waitMu.Lock()
	defer m.waitMu.Unlock()
	g := m.next
	m.next, m.leading = nil, m.next != nil
	return g
}

// asks words what callers lack.
func (g *gathering) asks(into []store.LeaseAsk) []store.LeaseAsk {
	for a, w := range g.wants {
		a.mu.Lock()
		into = append(into, a.miss(w))
		a.mu.Unlock()
	}
	return into
}

// miss asks for what callers need, and for so much more that the next ones need
// not ask.
func (a *account) miss(w *want) store.LeaseAsk {
	a.target = min(max(2*a.target, firstCalls*w.least), largestAmount)
	free := max(0, a.free())
	return store.LeaseAsk{Account: a.leased, Want: max(0, w.sum-free) + a.target, Need: max(0, w.least-free)}
}
