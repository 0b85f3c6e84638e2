package meter

import (
	"context"
	"errors"
	"time"

	"github.com/writ-project/writ/internal/store"
)

const (
	tickEvery   = time.Second
	forgetEvery = time.Hour
	// leaveWithin is how long leaving may take.
	leaveWithin = 5 * time.Second
)

// Run reports what was settled, sizes the slices and learns of frozen accounts,
// until the context ends; then it reports the rest and gives back what is free. By
// then no calls should be open.
func (m *Meter) Run(ctx context.Context) {
	next := time.NewTimer(tickEvery)
	defer next.Stop()
	var forgot time.Time
	for well := true; ; {
		var err error
		select {
		case <-ctx.Done():
			m.leave()
			return
		case <-m.urgent:
			err = m.round(&gathering{}, urgent)
		case <-next.C:
			began := time.Now()
			err = m.flush(ticking)
			next.Reset(max(tickEvery, 4*time.Since(began)))
		}
		well = m.say(well, err)
		if time.Since(forgot) >= forgetEvery {
			forgot = time.Now()
			m.forget(ctx)
		}
	}
}

// say tells of the first of several failures, and of their end.
func (m *Meter) say(well bool, err error) bool {
	switch {
	case well && err != nil:
		m.cfg.Log.Warn("what was spent cannot be reported; calls pass as far as what was leased before suffices", "error", err)
	case !well && err == nil:
		m.cfg.Log.Info("what was spent is reported again")
	}
	return err == nil
}

func (m *Meter) forget(ctx context.Context) {
	if err := m.cfg.leaser.ForgetMoney(ctx, m.cfg.Now()); err != nil && ctx.Err() == nil {
		m.cfg.Log.Warn("old accounts of budgets stay", "error", err)
	}
}

// leave reports the rest. What was pending goes first, so there may be two rounds.
func (m *Meter) leave() {
	for end := time.Now().Add(leaveWithin); ; {
		err := m.flush(leaving)
		if err == nil || errors.Is(err, store.ErrFenced) {
			return
		}
		if time.Now().Add(pause).After(end) {
			m.cfg.Log.Warn("what was spent could not be reported; the log has it", "error", err)
			return
		}
		time.Sleep(pause)
	}
}

func (m *Meter) flush(why purpose) error {
	if err := m.resend(); err != nil {
		return err
	}
	return m.round(&gathering{}, why)
}

// resend sends a report again that may not have arrived.
func (m *Meter) resend() error {
	m.rounds <- struct{}{}
	due := m.pending != nil
	<-m.rounds
	if !due {
		return nil
	}
	return m.round(&gathering{}, urgent)
}
