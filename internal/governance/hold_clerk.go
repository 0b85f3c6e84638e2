package governance

import (
	"context"
	"errors"
	"time"

	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// holdRounds is what the clerk remembers of holds between its rounds.
type holdRounds struct {
	revision int64     // of the state that pending holds were last compared with
	compared time.Time // when
	swept    time.Time // when what nothing holds was last looked for
}

// How often pending holds are compared with the rights they stand on, where
// nothing changed but the time, and how often what nothing holds is looked for.
const (
	compareEvery = 10 * time.Second
	sweepEvery   = time.Minute
	// openedWithin is how long an opening can take from its content to its hold.
	openedWithin = 10 * time.Minute
)

// ripenHolds expires holds that nobody decided, rejects those whose right has ended,
// and purges those that have been over for as long as their content is kept.
func (c *Clerk) ripenHolds(ctx context.Context) (int, error) {
	if c.office.holds == nil {
		return 0, nil
	}
	c.office.holds.acting.Lock()
	defer c.office.holds.acting.Unlock()
	expired, errExpire := c.holdsDue(ctx)
	withdrawn, errWithdraw := c.withdrawHolds(ctx)
	return expired + withdrawn, errors.Join(errExpire, errWithdraw, c.sweepHeld(ctx))
}

// holdsDue does what the time brings. A purge closes the hold first: content
// without a hold is swept away, and a hold without content would be none.
func (c *Clerk) holdsDue(ctx context.Context) (int, error) {
	var changed, purged []string
	n, err := c.due(ctx, manifest.Hold, "hold.clock", func(_ *snapshot.Snapshot, row store.Row, now time.Time) (*store.Change, error) {
		k, err := c.office.vouchedHold(ctx, row)
		if errors.Is(err, store.ErrNotFound) || err == nil && k.version != row.Revision {
			return nil, nil // somebody was faster
		}
		if err != nil {
			return nil, err
		}
		if k.State.Over() {
			purged = append(purged, row.Name)
			return single(closing(manifest.Hold, row.Name, &k.Hold))
		}
		next, err := k.Expire(now)
		if err != nil {
			return nil, nil // somebody was faster
		}
		next.ID = row.Name
		changed = append(changed, row.Name)
		return single(update(manifest.Hold, row.Name, &next))
	})
	if err != nil {
		return n, err
	}
	c.office.holds.tell(changed)
	return n, c.office.cfg.Store.ForgetHeld(ctx, purged)
}

// withdrawHolds rejects the pending holds that nobody may release any more.
func (c *Clerk) withdrawHolds(ctx context.Context) (int, error) {
	s, now := c.office.state.Current(), c.office.cfg.Now()
	if s.Revision == c.held.revision && now.Sub(c.held.compared).Abs() < compareEvery {
		return 0, nil
	}
	ended, err := c.endedHolds(ctx, s, now)
	if err != nil || len(ended) == 0 {
		if err == nil {
			c.held.revision, c.held.compared = s.Revision, now
		}
		return 0, err
	}
	done := 0
	_, err = c.office.commit(ctx, act{clerkActor, "hold.withdraw", ""}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		out, err := c.withdrawals(ctx, s, ended)
		done = len(out)
		return out, err
	})
	c.office.holds.tell(ended)
	return done, err
}

// endedHolds names a batch of them.
func (c *Clerk) endedHolds(ctx context.Context, s *snapshot.Snapshot, now time.Time) (names []string, err error) {
	find := store.Query{Kind: manifest.Hold, State: string(hold.Pending), Limit: longestPage}
	for {
		rows, err := c.office.cfg.Store.Page(ctx, find)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			k, err := decodedHold(row)
			if err == nil && endedFor(s, &k.Hold, now) != "" && len(names) < clerkBatch {
				names = append(names, row.Name)
			}
		}
		if len(rows) < longestPage || len(names) == clerkBatch {
			return names, nil
		}
		find.After = rows[len(rows)-1].Name
	}
}

func (c *Clerk) withdrawals(ctx context.Context, s *snapshot.Snapshot, names []string) ([]store.Change, error) {
	var out []store.Change
	for _, name := range names {
		row, err := c.office.cfg.Store.Get(ctx, manifest.Hold, name)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		k, err := c.office.vouchedHold(ctx, row)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			if err = c.passOver(row, err); err != nil {
				return nil, err
			}
			continue
		}
		why := endedFor(s, &k.Hold, c.office.cfg.Now())
		next, err := k.Withdraw(why, c.office.cfg.Now())
		if why == "" || err != nil {
			continue // it was decided, or its time is over
		}
		next.ID = name
		change, err := update(manifest.Hold, name, &next)
		if err != nil {
			return nil, err
		}
		out = append(out, change)
	}
	return out, nil
}

// sweepHeld takes content away that belongs to no hold: of openings that came to
// nothing, and of purges that were interrupted.
func (c *Clerk) sweepHeld(ctx context.Context) error {
	now := c.office.cfg.Now()
	if now.Sub(c.held.swept).Abs() < sweepEvery {
		return nil
	}
	alone, err := c.office.cfg.Store.HeldAlone(ctx, now.Add(-openedWithin), clerkBatch)
	if err == nil {
		err = c.office.cfg.Store.ForgetHeld(ctx, alone)
	}
	if err == nil {
		c.held.swept = now
	}
	return err
}
