package governance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Plan is what an apply would do, computed from one revision of the state.
type Plan struct {
	Changes  []manifest.Change
	Revision int64
}

// Steps counts the changes that do something.
func (p Plan) Steps() int {
	n := 0
	for _, c := range p.Changes {
		if c.Op != manifest.Unchanged {
			n++
		}
	}
	return n
}

// ErrBootstrapOver means that grants can no longer be applied from files.
var ErrBootstrapOver = errors.New("grants are no longer applied from files: the second operator ended bootstrap")

// Plan checks what is wanted against the present state and says what would
// change. With prune, resources that are not wanted are deleted.
func (o *Office) Plan(ctx context.Context, wanted []manifest.Resource, prune bool) (Plan, error) {
	current, revision, err := o.cfg.Store.Resources(ctx)
	if err != nil {
		return Plan{}, err
	}
	floors, err := o.cfg.Store.Floors(ctx)
	if err != nil {
		return Plan{}, err
	}
	for i, r := range wanted {
		wanted[i] = bootstrapped(r)
		if r.Kind == manifest.Identity {
			wanted[i] = manifest.WithEpoch(r, floors[r.Name])
		}
	}
	p := Plan{Changes: manifest.Plan(current, wanted, prune), Revision: revision}
	if err := o.restate(ctx, p.Changes); err != nil {
		return Plan{}, err
	}
	if err := o.mayGrant(ctx, p.Changes); err != nil {
		return Plan{}, err
	}
	return p, o.check(manifest.After(current, p.Changes))
}

// restate makes an update of what would not change but stands in the store
// without the log's word, as after restoring an older state: applying it anew
// is how an operator vouches for it.
func (o *Office) restate(ctx context.Context, changes []manifest.Change) error {
	rows, _, err := o.cfg.Store.Load(ctx, 0)
	if err != nil {
		return err
	}
	stale := make(map[string]bool)
	for _, row := range rows {
		if o.cfg.Ledger.Authorised(row.Record, row.Change) != nil {
			stale[string(row.Kind)+"/"+row.Name] = true
		}
	}
	for i, c := range changes {
		if c.Op == manifest.Unchanged && stale[c.Resource.ID()] {
			changes[i].Op = manifest.Update
		}
	}
	return nil
}

// bootstrapped marks a grant that comes from a file as what it is.
func bootstrapped(r manifest.Resource) manifest.Resource {
	g, ok := r.Spec.(*rights.Grant)
	if !ok {
		return r
	}
	marked := *g
	marked.Origin = rights.OriginBootstrap
	r.Spec = &marked
	return r
}

// mayGrant refuses grants from files once bootstrap has ended (security S17).
func (o *Office) mayGrant(ctx context.Context, changes []manifest.Change) error {
	grants := slices.ContainsFunc(changes, func(c manifest.Change) bool {
		return c.Resource.Kind == manifest.Grant && c.Op != manifest.Unchanged && c.Op != manifest.Delete
	})
	if !grants {
		return nil
	}
	_, err := o.cfg.Store.Fact(ctx, store.BootstrapEnded)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	default:
		return ErrBootstrapOver
	}
}

// check refuses a state that the gateway would not load: what one resource
// says of another, and every rule against the schema.
func (o *Office) check(all []manifest.Resource) error {
	if err := manifest.Check(all); err != nil {
		return err
	}
	_, err := snapshot.Of(all, o.cfg.Now())
	return err
}

// batch is how many changes one control record names: as many as surely fit.
const batch = 48

// Apply carries out a plan and returns the revision it led to. A plan of many
// changes is committed in batches, in an order in which each prefix is a valid
// state; a failure leaves the batches before it in force, and says so.
func (o *Office) Apply(ctx context.Context, actor Actor, action string, p Plan) (int64, error) {
	changes, err := store.Changes(p.Changes)
	if err != nil {
		return 0, err
	}
	revision, done := p.Revision, 0
	for part := range slices.Chunk(changes, batch) {
		err := o.act(ctx, announcing(action, actor, part), func(ref store.Ref) error {
			next, err := o.cfg.Store.Commit(ctx, store.Commit{Record: ref, Expect: revision, Changes: part})
			if err == nil {
				revision = next
			}
			return err
		})
		if err != nil {
			return revision, fmt.Errorf("applying (%d of %d changes are in force): %w", done, len(changes), err)
		}
		done += len(part)
	}
	return revision, nil
}

func announcing(action string, actor Actor, changes []store.Change) auditlog.Control {
	c := auditlog.Control{Action: action, Actor: actor.Name, ChangeCount: len(changes)}
	for _, ch := range changes {
		c.Changes = append(c.Changes, worded(ch))
	}
	return c
}

// worded is how records name a change.
func worded(c store.Change) auditlog.Change {
	sum := c.Digest()
	out := auditlog.Change{Kind: string(c.Kind), Name: c.Name, Op: string(c.Op), Digest: hex.EncodeToString(sum[:])}
	if r, err := manifest.Decode(c.Kind, c.Name, c.Spec); err == nil && c.Kind == manifest.Identity {
		out.Epoch = r.Spec.(*identity.Identity).Epoch
	}
	return out
}

// Delete plans the deletion of one resource; what still refers to it is an error.
func (o *Office) Delete(ctx context.Context, kind manifest.Kind, name string) (Plan, error) {
	current, revision, err := o.cfg.Store.Resources(ctx)
	if err != nil {
		return Plan{}, err
	}
	i := slices.IndexFunc(current, func(r manifest.Resource) bool { return r.Kind == kind && r.Name == name })
	if i < 0 {
		return Plan{}, fmt.Errorf("%s/%s: %w", kind, name, store.ErrNotFound)
	}
	p := Plan{Changes: []manifest.Change{{Op: manifest.Delete, Resource: current[i], Before: &current[i]}}, Revision: revision}
	if err := o.check(manifest.After(current, p.Changes)); err != nil {
		return Plan{}, fmt.Errorf("%s/%s is still in use: without it %w", kind, name, err)
	}
	return p, nil
}

// RevokeSessions voids every session of an identity minted so far and returns
// its new epoch.
func (o *Office) RevokeSessions(ctx context.Context, actor Actor, name string) (uint32, error) {
	var last uint64
	epoch, _, err := o.cfg.Store.RevokeSessions(ctx, name, func(c store.Change) (store.Ref, error) {
		ctl := announcing("revoke_sessions", actor, []store.Change{c})
		entry, err := o.record(auditlog.KindControl, func(r *auditlog.Record) { r.Control = &ctl })
		if err != nil {
			return store.Ref{}, err
		}
		if last, err = o.cfg.Log.Append(ctx, entry); err == nil {
			o.cfg.Ledger.announce(last, ctl.Changes)
		}
		return store.Ref{Shard: o.cfg.Instance.Shard, Index: last}, err
	})
	if errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	return epoch, errors.Join(err, o.close(context.WithoutCancel(ctx), last, err))
}
