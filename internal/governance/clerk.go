package governance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Clerk does what time and other replicas bring about: grants begin, are known
// everywhere, and end; requests run out or go up; holds expire; waivers, delegations and tokens
// expire. Every replica has one; where two do the same, one of them conflicts and
// looks again. It decides nothing that people are asked about.
type Clerk struct {
	office *Office
	log    *slog.Logger
	// Drifted, if not nil, is told of each living grant that the store has and this
	// server could not load, once a revision.
	Drifted func(ctx context.Context, g rights.Grant, revision int64)
	told    map[string]int64 // of drifted grants: the revision that was told
	tidied  time.Time        // when replicas that are gone were last forgotten
	held    holdRounds
}

// NewClerk makes the clerk of an office.
func NewClerk(o *Office, log *slog.Logger) *Clerk { return &Clerk{office: o, log: log} }

const (
	clerkEvery = time.Second
	clerkBatch = batch / 2 // a step may be two changes
	// revokeWithin is how long the word of a revocation may take: longer than any
	// lease that can be configured, which is a minute. After it the grant is shown
	// as revoke_failed until everyone knows.
	revokeWithin = 90 * time.Second
	tidyEvery    = time.Hour
)

var clerkActor = Actor{Name: Self, Via: "writ"}

// Run goes round until ctx ends. A round that fails is told and tried again.
func (c *Clerk) Run(ctx context.Context) {
	tick := time.NewTicker(clerkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := c.Round(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("what is due could not be done; it is tried again", "err", err)
		}
	}
}

// CatchUp does everything that is due, before anything is served (rule R9).
func (c *Clerk) CatchUp(ctx context.Context) error {
	for {
		n, err := c.Round(ctx)
		if err != nil {
			return fmt.Errorf("doing what came due: %w", err)
		}
		if n == 0 {
			return nil
		}
	}
}

// Round does a batch of what is due and returns how many things it did.
func (c *Clerk) Round(ctx context.Context) (int, error) {
	done := 0
	var errs []error
	for _, part := range []func(context.Context) (int, error){
		c.office.settleLeft, c.expireGrants, c.ripenRequests, c.settleGrants, c.ripenHolds, c.expireOthers, c.tellDrift, c.tidy,
	} {
		n, err := part(ctx)
		done, errs = done+n, append(errs, err)
	}
	return done, errors.Join(errs...)
}

// expireGrants ends the grants whose time is over and begins those whose time has
// come. The permit of an expired grant has ended by itself; this is the record.
func (c *Clerk) expireGrants(ctx context.Context) (int, error) {
	return c.due(ctx, manifest.Grant, "grant.clock", func(s *snapshot.Snapshot, row store.Row, now time.Time) (*store.Change, error) {
		g, ok := s.Grant(row.Name)
		if !ok {
			return nil, nil
		}
		if g.State == rights.GrantScheduled {
			return c.activate(s, g, now)
		}
		next, err := grant.Expire(*g, now)
		if err != nil {
			return nil, nil // it is ending by another road
		}
		return single(closing(manifest.Grant, g.ID, &next))
	})
}

// activate begins a scheduled grant, or says why it cannot.
func (c *Clerk) activate(s *snapshot.Snapshot, g *rights.Grant, now time.Time) (*store.Change, error) {
	next, err := grant.Activate(*g, now)
	if errors.Is(err, grant.ErrTooLate) { // all its time passed while nobody looked
		if next, err = grant.Expire(*g, g.NotBefore.Add(time.Duration(g.Duration))); err == nil {
			return single(closing(manifest.Grant, g.ID, &next))
		}
	}
	if err != nil {
		return nil, nil
	}
	change, err := single(update(manifest.Grant, g.ID, &next))
	if err != nil {
		return nil, err
	}
	cause := c.office.tried(s, []store.Change{*change})
	if cause == nil {
		return change, nil
	}
	if next, err = grant.FailActivation(*g, cause.Error()); err != nil {
		return nil, nil
	}
	return single(update(manifest.Grant, g.ID, &next))
}

func single(c store.Change, err error) (*store.Change, error) { return &c, err }

// settleGrants moves the grants on that wait for every replica to know of them.
func (c *Clerk) settleGrants(ctx context.Context) (int, error) {
	done := 0
	for _, state := range []rights.GrantState{rights.GrantActivating, rights.GrantRevoking, rights.GrantRevokeFailed} {
		rows, err := c.office.cfg.Store.Page(ctx, store.Query{Kind: manifest.Grant, State: string(state), Limit: clerkBatch})
		if err != nil || len(rows) == 0 {
			if err != nil {
				return done, err
			}
			continue
		}
		n, err := c.settle(ctx, state, rows)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (c *Clerk) settle(ctx context.Context, state rights.GrantState, rows []store.Row) (int, error) {
	spread, err := c.spreads(ctx, rows)
	if err != nil {
		return 0, err
	}
	done := 0
	_, err = c.office.commit(ctx, act{clerkActor, "grant.settle", ""}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		var out []store.Change
		for _, row := range rows {
			g, ok := s.Grant(row.Name)
			if !ok || g.State != state {
				continue
			}
			change, err := c.settled(g, spread[row.Name], c.office.cfg.Now().Sub(row.Updated))
			if err != nil {
				return nil, err
			}
			if change != nil {
				out = append(out, *change)
			}
		}
		done = len(out)
		return out, nil
	})
	return done, err
}

// spreads says of each row's revision whether everyone knows it.
func (c *Clerk) spreads(ctx context.Context, rows []store.Row) (map[string]bool, error) {
	replicas, now, err := c.office.cfg.Store.Replicas(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(rows))
	for _, row := range rows {
		out[row.Name] = c.office.spreadAmong(replicas, now, row.Revision).Everyone
	}
	return out, nil
}

// settled is the next state of a grant that waits, nil while it has to wait on.
func (c *Clerk) settled(g *rights.Grant, everyone bool, waited time.Duration) (*store.Change, error) {
	now := c.office.cfg.Now()
	switch {
	case g.State == rights.GrantActivating && everyone:
		next, err := grant.Confirmed(*g)
		if err != nil {
			return nil, err
		}
		return single(update(manifest.Grant, g.ID, &next))
	case g.State == rights.GrantActivating:
		return nil, nil
	case everyone:
		next, err := grant.Ended(*g, now)
		if err != nil {
			return nil, err
		}
		return single(closing(manifest.Grant, g.ID, &next))
	case g.State == rights.GrantRevoking && waited > revokeWithin:
		c.log.Error("a revocation is not known on every replica, and a lease that should have ended has not", "grant", g.ID, "waited", waited)
		next, err := grant.RevokeFailed(*g, "a replica has neither acknowledged it nor lost its lease")
		if err != nil {
			return nil, err
		}
		return single(update(manifest.Grant, g.ID, &next))
	}
	return nil, nil
}

// ripenRequests lets time pass on requests, and has rules decide those that were
// filed for one and not decided, as after a crash.
func (c *Clerk) ripenRequests(ctx context.Context) (int, error) {
	filed, err := c.office.cfg.Store.Page(ctx, store.Query{Kind: manifest.Request, State: string(request.Submitted), Limit: clerkBatch})
	if err != nil {
		return 0, err
	}
	for _, row := range filed {
		if c.office.cfg.Now().Sub(row.Updated) < clerkEvery {
			continue // whoever filed it is at it
		}
		err := c.office.decideAutomatically(ctx, row.Name)
		if err = c.passOver(row, err); err != nil {
			return 0, err
		}
	}
	return c.due(ctx, manifest.Request, "request.clock", func(s *snapshot.Snapshot, row store.Row, now time.Time) (*store.Change, error) {
		w, err := c.office.believed(ctx, row)
		if errors.Is(err, ErrOver) || err == nil && w.version != row.Revision {
			return nil, nil // somebody was faster
		}
		if err != nil {
			return nil, err
		}
		next, changed := w.Tick(now)
		next.ID = row.Name
		switch {
		case !changed:
			return nil, nil
		case next.State.Over():
			return single(closing(manifest.Request, row.Name, &next))
		}
		return single(update(manifest.Request, row.Name, &next))
	})
}

// passOver makes an error of a row that the log does not vouch for a line of the
// server's own log: it counts for nothing, and must not keep what does from ending.
func (c *Clerk) passOver(row store.Row, err error) error {
	if errors.Is(err, snapshot.ErrUnauthorised) {
		c.log.Error("a row that the audit log does not vouch for is passed over", "kind", row.Kind, "name", row.Name, "err", err)
		return nil
	}
	return err
}

// expireOthers closes what has a time and nothing else to it.
func (c *Clerk) expireOthers(ctx context.Context) (int, error) {
	done := 0
	for _, kind := range []manifest.Kind{manifest.Waiver, manifest.Delegation, manifest.Token} {
		n, err := c.due(ctx, kind, "expire", func(s *snapshot.Snapshot, row store.Row, _ time.Time) (*store.Change, error) {
			r, ok := s.Resource(row.Kind, row.Name)
			if !ok {
				return nil, nil
			}
			return single(closing(kind, row.Name, r.Spec))
		})
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// tellDrift says which grants differ between the store and what this server decides
// on: those that changed since the last state that could be loaded.
func (c *Clerk) tellDrift(ctx context.Context) (int, error) {
	if c.office.state.Err() == nil || c.Drifted == nil {
		return 0, nil
	}
	rows, _, err := c.office.cfg.Store.Load(ctx, c.office.state.Current().Revision)
	if err != nil {
		return 0, err
	}
	if c.told == nil {
		c.told = make(map[string]int64)
	}
	for _, row := range rows {
		if row.Kind != manifest.Grant || row.Deleted() || c.told[row.Name] == row.Revision {
			continue
		}
		if r, err := row.Resource(); err == nil {
			c.told[row.Name] = row.Revision
			c.Drifted(ctx, *r.Spec.(*rights.Grant), row.Revision)
		}
	}
	return 0, nil
}

// tidy forgets replicas that are long gone. It is no act: nobody counts on them.
func (c *Clerk) tidy(ctx context.Context) (int, error) {
	now := c.office.cfg.Now()
	if now.Sub(c.tidied).Abs() < tidyEvery {
		return 0, nil
	}
	n, err := c.office.cfg.Store.ForgetReplicas(ctx)
	if err == nil {
		c.tidied = now
	}
	return int(n), err
}

// due has step say what becomes of each row of a kind whose time has come, and
// commits it. Rows are read anew for every attempt.
func (c *Clerk) due(ctx context.Context, kind manifest.Kind, action string, step func(*snapshot.Snapshot, store.Row, time.Time) (*store.Change, error)) (int, error) {
	done := 0
	rows, err := c.office.cfg.Store.Due(ctx, kind, c.office.cfg.Now(), clerkBatch)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	_, err = c.office.commit(ctx, act{clerkActor, action, ""}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		var out []store.Change
		now := c.office.cfg.Now()
		rows, err := c.office.cfg.Store.Due(ctx, kind, now, clerkBatch)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			change, err := step(s, row, now)
			if err = c.passOver(row, err); err != nil {
				return nil, fmt.Errorf("%s/%s: %w", kind, row.Name, err)
			}
			if change != nil {
				out = append(out, *change)
			}
		}
		done = len(out)
		return out, nil
	})
	return done, err
}
