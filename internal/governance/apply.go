package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Plan is what an apply would do, computed from one revision of the state.
type Plan struct {
	Changes  []manifest.Change
	Revision int64
	// Requests are what the files ask for and nobody may simply do: grants, once
	// there are operators, and changes that widen what was approved (security S17,
	// S18). Applying the plan files them.
	Requests []Submission
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

// ErrBootstrapOver means that grants are changed by requests and revocations now.
var ErrBootstrapOver = errors.New("grants are no longer changed by files: the first operator ended bootstrap")

// Plan checks what is wanted against the present state and says what would
// change. With prune, resources that are not wanted are deleted; grants that
// people approved are left alone.
func (o *Office) Plan(ctx context.Context, a Actor, wanted []manifest.Resource, prune bool) (Plan, error) {
	current, revision, err := o.cfg.Store.Resources(ctx)
	if err != nil {
		return Plan{}, err
	}
	floors, err := o.cfg.Store.Floors(ctx)
	if err != nil {
		return Plan{}, err
	}
	standing := untouched(current)
	wanted, err = fromFiles(wanted, standing, floors)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Changes: manifest.Plan(current, append(wanted, standing...), prune), Revision: revision}
	newcomers(p.Changes, o.cfg.Now())
	if err := o.restate(ctx, p.Changes); err != nil {
		return Plan{}, err
	}
	over, err := o.bootstrapOver(ctx, current)
	if err != nil {
		return Plan{}, err
	}
	if over {
		if err := o.divert(ctx, a, &p, current); err != nil {
			return Plan{}, err
		}
	}
	return p, o.check(manifest.After(current, p.Changes))
}

// fromFiles checks that what is wanted is for files to say, and marks it as said by
// them. A grant that people approved may be in a file as it is, and not otherwise.
func fromFiles(wanted, standing []manifest.Resource, floors map[string]uint32) ([]manifest.Resource, error) {
	approved := make(map[string]manifest.Resource)
	for _, r := range standing {
		approved[r.ID()] = r
	}
	var out []manifest.Resource
	for _, r := range wanted {
		if !r.Kind.InFiles() {
			return nil, fmt.Errorf("%w: %s is not made by files", ErrInvalid, r.ID())
		}
		if was, ok := approved[r.ID()]; ok {
			if was.Digest() != r.Digest() {
				return nil, fmt.Errorf("%w: %s was approved by people, and files do not change it", ErrInvalid, r.ID())
			}
			continue
		}
		if g, ok := r.Spec.(*rights.Grant); ok && (g.State != "" || g.From != nil || g.End != "" || g.Duration != 0) {
			return nil, fmt.Errorf("%w: %s: state, from, end and duration are not for files", ErrInvalid, r.ID())
		}
		if r = bootstrapped(r); r.Kind == manifest.Identity {
			r = manifest.WithEpoch(r, floors[r.Name])
		}
		out = append(out, r)
	}
	return out, nil
}

// untouched are the resources that files neither make nor prune.
func untouched(current []manifest.Resource) []manifest.Resource {
	var out []manifest.Resource
	for _, r := range current {
		g, grant := r.Spec.(*rights.Grant)
		if !r.Kind.InFiles() || grant && g.Origin != rights.OriginBootstrap {
			out = append(out, r)
		}
	}
	return out
}

// restate makes an update of what would not change but stands in the store
// without the log's word, as after restoring an older state: applying it anew
// is how an operator vouches for it.
func (o *Office) restate(ctx context.Context, changes []manifest.Change) error {
	rows, _, err := o.cfg.Store.Load(ctx, 0)
	if err == nil {
		err = o.cfg.Ledger.Follow(ctx) // other replicas' records
	}
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
		if c.Op == manifest.Unchanged && c.Resource.Kind.InFiles() && stale[c.Resource.ID()] {
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

// bootstrapOver reports whether there are, or ever were, named operators.
func (o *Office) bootstrapOver(ctx context.Context, current []manifest.Resource) (bool, error) {
	_, err := o.cfg.Store.Fact(ctx, store.BootstrapEnded)
	switch {
	case err == nil:
		return true, nil
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	return slices.ContainsFunc(current, func(r manifest.Resource) bool { return r.Kind == manifest.Operator }), nil
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

// Apply carries out a plan and returns the revision it led to, and the requests
// that it filed. A plan of many changes is committed in batches, in an order in
// which each prefix is a valid state; a failure leaves the batches before it in
// force, and says so.
func (o *Office) Apply(ctx context.Context, actor Actor, action string, p Plan) (revision int64, filed []string, err error) {
	changes, err := store.Changes(p.Changes)
	if err != nil {
		return 0, nil, err
	}
	if err := o.mayChange(ctx, actor, changes); err != nil {
		return 0, nil, err
	}
	revision, done := p.Revision, 0
	for part := range slices.Chunk(changes, batch) {
		c := announcing(action, actor, part)
		c.Revision = uint64(revision + 1)
		err := o.act(ctx, c, func(ref store.Ref) error {
			next, err := o.cfg.Store.Commit(ctx, store.Commit{Record: ref, Expect: revision, Changes: part})
			if err == nil {
				revision = next
			}
			return err
		})
		if err != nil {
			return revision, nil, fmt.Errorf("applying (%d of %d changes are in force): %w", done, len(changes), err)
		}
		done += len(part)
	}
	if slices.ContainsFunc(changes, func(c store.Change) bool { return c.Kind == manifest.Operator }) {
		if err := o.endBootstrap(ctx); err != nil {
			return revision, nil, err
		}
	}
	for _, in := range p.Requests {
		r, err := o.Submit(ctx, actor, in)
		if err != nil {
			return revision, filed, fmt.Errorf("filing a request for %s: %w", described(in.Ask), err)
		}
		filed = append(filed, r.ID)
	}
	return revision, filed, nil
}

// endBootstrap ends, for good, the time in which files make grants (security S17).
func (o *Office) endBootstrap(ctx context.Context) error {
	_, err := o.cfg.Store.SetFact(ctx, store.BootstrapEnded, o.cfg.Now().UTC().Format(time.RFC3339))
	return err
}

// mayChange asks for the rights that a set of changes takes.
func (o *Office) mayChange(ctx context.Context, a Actor, changes []store.Change) error {
	for _, c := range changes {
		action := authority.Configure
		switch c.Kind {
		case manifest.Operator:
			action = authority.ManagePeople
		case manifest.Identity:
			action = authority.Inventory
		}
		if err := o.May(ctx, a, action, authority.Object{Kind: string(c.Kind), Name: c.Name}); err != nil {
			return err
		}
	}
	return nil
}

func announcing(action string, actor Actor, changes []store.Change) auditlog.Control {
	c := auditlog.Control{Action: action, Actor: actor.Name, ChangeCount: len(changes)}
	for _, ch := range changes {
		c.Changes = append(c.Changes, worded(ch))
	}
	return c
}

// Delete plans the deletion of one resource; what still refers to it is an error.
func (o *Office) Delete(ctx context.Context, a Actor, kind manifest.Kind, name string) (Plan, error) {
	if !kind.InFiles() {
		return Plan{}, fmt.Errorf("%w: %s/%s is not made by files, nor deleted so", ErrInvalid, kind, name)
	}
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
	over, err := o.bootstrapOver(ctx, current)
	switch {
	case err != nil:
		return Plan{}, err
	case over && kind == manifest.Grant:
		return Plan{}, ErrBootstrapOver
	case over:
		err = o.divert(ctx, a, &p, current)
	}
	return p, err
}

// RevokeSessions voids every session of an identity minted so far and returns
// its new epoch.
func (o *Office) RevokeSessions(ctx context.Context, actor Actor, name string) (uint32, error) {
	var last *uint64
	epoch, _, err := o.cfg.Store.RevokeSessions(ctx, name, func(c store.Change, revision int64) (store.Ref, error) {
		if last != nil { // somebody's commit came between
			if err := o.close(ctx, *last, store.ErrConflict); err != nil {
				return store.Ref{}, err
			}
			last = nil
		}
		ctl := announcing("revoke_sessions", actor, []store.Change{c})
		ctl.Revision = uint64(revision)
		index, err := o.announce(ctx, ctl)
		if err == nil {
			last = &index
		}
		return o.ref(index), err
	})
	if last == nil {
		return 0, err
	}
	return epoch, errors.Join(err, o.close(context.WithoutCancel(ctx), *last, err))
}
