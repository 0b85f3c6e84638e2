package governance

import (
	"context"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

// Spread says which replicas know of a revision.
func (o *Office) Spread(ctx context.Context, a Actor, revision int64) (Spread, error) {
	if err := o.May(ctx, a, authority.ViewState, authority.Object{Kind: "System"}); err != nil {
		if err := o.May(ctx, a, authority.Revoke, authority.Object{Kind: "System"}); err != nil {
			return Spread{}, err
		}
	}
	return o.spread(ctx, revision)
}

// Waiting is how many requests and reviews nobody has closed yet, and how many
// replicas know of this server's own revision, for whoever runs the server.
func (o *Office) Waiting(ctx context.Context) (requests int64, replicas Spread, err error) {
	if requests, err = o.cfg.Store.Count(ctx, manifest.Request); err != nil {
		return 0, Spread{}, err
	}
	var revision int64
	if s := o.state.Current(); s != nil {
		revision = s.Revision
	}
	replicas, err = o.spread(ctx, revision)
	return requests, replicas, err
}

// leaseSlack is added to a lease before it counts as ended: what the clock of the
// database may be stepped by.
const leaseSlack = 500 * time.Millisecond

// spread asks the store, which is where replicas register before they serve: one
// that is not there decides nothing. A replica knows when it has acknowledged the
// revision; it is fenced when its lease has ended by the database's clock, which
// is later than the end that it goes by itself (security S19).
func (o *Office) spread(ctx context.Context, revision int64) (Spread, error) {
	all, now, err := o.cfg.Store.Replicas(ctx)
	if err != nil {
		return Spread{}, err
	}
	return o.spreadAmong(all, now, revision), nil
}

func (o *Office) spreadAmong(all []store.Replica, now time.Time, revision int64) Spread {
	out := Spread{Revision: revision, Everyone: o.knows(revision)}
	for _, r := range all {
		view := replicaSpread(r, revision, now)
		out.Replicas = append(out.Replicas, view)
		out.Everyone = out.Everyone && (view.Knows || view.Fenced)
	}
	return out
}

func replicaSpread(r store.Replica, revision int64, now time.Time) ReplicaSpread {
	until := r.Renewed.Add(r.Lease)
	return ReplicaSpread{
		Name: r.Name, Revision: r.Revision, Until: until,
		Knows:  r.Revision >= revision,
		Fenced: !r.Left.IsZero() || now.After(until.Add(leaseSlack)),
	}
}

// knows reports whether this process has reached a revision, where it decides at all.
func (o *Office) knows(revision int64) bool {
	s := o.state.Current()
	return s != nil && s.Revision >= revision
}
