package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// IdentityQuery picks identities; every field that is set must match.
type IdentityQuery struct {
	Kind    identity.Kind
	State   identity.State
	Team    string
	Sponsor string
	Tag     string
	Flag    string // one of identity.FlagNames
	After   string
	Limit   int
}

// IdentityView is an identity as its reader may see it.
type IdentityView struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	identity.Identity
	// Standing is its state with what else is known: one that a quarantine stops
	// is quarantined, whatever its state.
	Standing identity.State  `json:"standing"`
	Flags    []identity.Flag `json:"flags,omitempty"`
	Grants   int             `json:"grants"` // that have not ended
	// Next are the states that it may take now.
	Next []identity.State `json:"next,omitempty"`
}

// maxLook is how many rows one page looks at: a reader who may see few of many
// gets what was found so far, and a place to go on from.
const maxLook = 20_000

// Identities lists the identities that the actor may see, by name. A page may
// hold fewer than its limit and still have a next one.
func (o *Office) Identities(ctx context.Context, a Actor, q IdentityQuery) (Page[IdentityView], error) {
	if q.Flag != "" && !slices.Contains(identity.FlagNames, q.Flag) {
		return Page[IdentityView]{}, fmt.Errorf("%w: flag %q: want one of %v", ErrInvalid, q.Flag, identity.FlagNames)
	}
	s, err := o.present(ctx)
	if err != nil {
		return Page[IdentityView]{}, err
	}
	look := lookIn(s)
	find := store.Query{Kind: manifest.Identity, State: string(q.State), Subject: q.Sponsor, Parent: q.Team, After: q.After}
	return pageOf(ctx, o.cfg.Store, find, q.Limit, func(row store.Row) (IdentityView, bool) {
		i, ok := s.Identity(row.Name)
		if !ok || !q.picks(i) || !o.sees(ctx, a, objectOf(s, "Identity", i.ID, i.ID, "")) {
			return IdentityView{}, false
		}
		v := look.view(i, row.Revision, o)
		return v, q.Flag == "" || slices.ContainsFunc(v.Flags, func(f identity.Flag) bool { return f.Name == q.Flag })
	})
}

func (q IdentityQuery) picks(i *identity.Identity) bool {
	return (q.Kind == "" || i.Kind == q.Kind) && (q.Tag == "" || slices.Contains(i.Tags, q.Tag))
}

// pageOf reads living rows by name until a page is full of what pick takes.
func pageOf[T any](ctx context.Context, db *store.DB, q store.Query, limit int, pick func(store.Row) (T, bool)) (Page[T], error) {
	limit = pageSize(limit)
	out := Page[T]{Items: []T{}}
	q.Limit = limit + 1
	for looked := 0; looked < maxLook; looked += q.Limit {
		rows, err := db.Page(ctx, q)
		if err != nil {
			return Page[T]{}, err
		}
		for _, row := range rows {
			item, ok := pick(row)
			if ok && len(out.Items) == limit {
				out.Next = q.After
				return out, nil
			}
			q.After = row.Name
			if ok {
				out.Items = append(out.Items, item)
			}
		}
		if len(rows) < q.Limit {
			return out, nil
		}
	}
	out.Next = q.After
	return out, nil
}

// Identity returns one identity; store.ErrNotFound where there is none that the
// actor may see.
func (o *Office) Identity(ctx context.Context, a Actor, name string) (IdentityView, error) {
	s, err := o.present(ctx)
	if err != nil {
		return IdentityView{}, err
	}
	i, ok := s.Identity(name)
	if !ok || !o.sees(ctx, a, objectOf(s, "Identity", name, name, "")) {
		return IdentityView{}, fmt.Errorf("identity %q: %w", name, store.ErrNotFound)
	}
	row, err := o.cfg.Store.Get(ctx, manifest.Identity, name)
	if err != nil {
		return IdentityView{}, err
	}
	return lookIn(s).view(i, row.Revision, o), nil
}

// lookout knows who is known, for many identities of one state.
type lookout struct {
	state  *snapshot.Snapshot
	people map[string]identity.Standing
}

func lookIn(s *snapshot.Snapshot) lookout {
	l := lookout{state: s, people: make(map[string]identity.Standing)}
	for _, op := range s.Operators() {
		standing := identity.Live
		if op.Disabled {
			standing = identity.Disabled
		}
		// One person can have several accounts with one address.
		for _, name := range []string{op.ID, op.Email} {
			l.people[folded(name)] = max(l.people[folded(name)], standing)
		}
	}
	return l
}

func (l lookout) view(i *identity.Identity, version int64, o *Office) IdentityView {
	v := IdentityView{ID: i.ID, Version: version, Identity: *i, Standing: i.Current(), Next: i.Current().Next()}
	v.Flags = i.Flags(identity.FlagFacts{
		Of:       func(name string) identity.Standing { return l.people[folded(name)] },
		Bindings: l.state.BindingsOfIdentity(i.ID), Now: o.cfg.Now(),
	})
	for _, g := range l.state.GrantsOf(i.ID) {
		if g.State != rights.GrantEnded {
			v.Grants++
		}
	}
	if !i.Current().Halted() && stopped(l.state, i) {
		v.Standing = identity.Quarantined
	}
	return v
}

// stopped reports whether a quarantine names the identity or a tag of it.
func stopped(s *snapshot.Snapshot, i *identity.Identity) bool {
	return slices.ContainsFunc(s.Quarantines(), func(q *rights.Quarantine) bool {
		return q.Target.Kind == rights.TargetIdentity && q.Target.Name == i.ID ||
			q.Target.Kind == rights.TargetTag && slices.Contains(i.Tags, q.Target.Name)
	})
}

// Confirm notes that sponsor, owner or deputy vouch that an identity is still
// needed, and as it is stated. seen is the version that they looked at; 0 is
// whichever.
func (o *Office) Confirm(ctx context.Context, a Actor, name string, seen int64) (IdentityView, error) {
	_, err := o.commit(ctx, act{a, "identity.confirm", "identity/" + name}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		i, err := o.identityToChange(ctx, a, s, name, seen, authority.Confirm)
		if err != nil {
			return nil, err
		}
		if a.Operator != nil && a.Operator.Kind == operator.Automation {
			return nil, &ForbiddenError{Action: authority.Confirm, Reasons: []string{"a program cannot vouch for an identity"}}
		}
		if i.Current() == identity.Decommissioned {
			return nil, fmt.Errorf("%w: %s is decommissioned", ErrInvalid, name)
		}
		next := *i
		next.Confirmed, next.ConfirmedBy = o.cfg.Now().UTC(), a.Name
		return alone(update(manifest.Identity, name, &next))
	})
	if err != nil {
		return IdentityView{}, err
	}
	return o.Identity(ctx, a, name)
}

func alone(c store.Change, err error) ([]store.Change, error) { return []store.Change{c}, err }

// identityToChange returns an identity that the actor may do something to, by
// one of the actions, as it was seen.
func (o *Office) identityToChange(ctx context.Context, a Actor, s *snapshot.Snapshot, name string, seen int64, by ...authority.Action) (*identity.Identity, error) {
	i, ok := s.Identity(name)
	if !ok {
		return nil, fmt.Errorf("identity %q: %w", name, store.ErrNotFound)
	}
	on := objectOf(s, "Identity", name, name, "")
	var err error
	for _, action := range by {
		if err = o.mayOnRow(ctx, a, action, on); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return i, o.asSeen(ctx, manifest.Identity, name, seen)
}

// asSeen reports ErrStaleView when a resource is of another version than the
// actor saw.
func (o *Office) asSeen(ctx context.Context, kind manifest.Kind, name string, seen int64) error {
	if seen == 0 {
		return nil
	}
	row, err := o.cfg.Store.Get(ctx, kind, name)
	if err == nil && row.Revision != seen {
		err = fmt.Errorf("%s/%s: %w: it is at version %d, you saw %d", kind, name, ErrStaleView, row.Revision, seen)
	}
	return err
}

// Move takes an identity to another state of its life. Decommissioning ends its
// grants as offboarded and voids its sessions, and is for good; it needs a reason.
func (o *Office) Move(ctx context.Context, a Actor, name string, to identity.State, reason string, seen int64) (IdentityView, error) {
	if to == identity.Decommissioned {
		if err := checkReason(reason); err != nil {
			return IdentityView{}, err
		}
	}
	for first := true; ; first = false {
		left := 0
		_, err := o.commit(ctx, act{a, "identity.move", "identity/" + name}, func(s *snapshot.Snapshot) ([]store.Change, error) {
			i, err := o.identityToChange(ctx, a, s, name, seen, authority.Inventory, authority.Confirm)
			if err != nil {
				return nil, err
			}
			var changes []store.Change
			if first {
				if changes, err = moved(s, i, to, &identity.Remark{By: a.Name, Reason: reason}); err != nil {
					return nil, err
				}
			}
			if to == identity.Decommissioned {
				var ending []store.Change
				ending, err = o.offboard(a, s, name, reason)
				room := min(len(ending), batch-len(changes))
				changes, left = append(changes, ending[:room]...), len(ending)-room
			}
			return changes, err
		})
		if err != nil {
			return IdentityView{}, err
		}
		if left == 0 {
			return o.Identity(ctx, a, name)
		}
		seen = 0 // the version moved with what was done so far
	}
}

// moved is an identity in its new state. Its end voids its sessions.
func moved(s *snapshot.Snapshot, i *identity.Identity, to identity.State, why *identity.Remark) ([]store.Change, error) {
	if err := i.CanBecome(to, heldBy(s, i.ID)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	next := *i
	next.State, next.Moved = to, why
	if to == identity.Decommissioned {
		if next.Epoch++; next.Epoch == 0 {
			return nil, errors.New("the epoch cannot go higher")
		}
	}
	return alone(update(manifest.Identity, i.ID, &next))
}

// heldBy is what an identity holds. A right is traced when a request led to it,
// or, before there were operators, a file gave it.
func heldBy(s *snapshot.Snapshot, name string) (held identity.Held) {
	for _, g := range s.GrantsOf(name) {
		if g.State == rights.GrantEnded || g.State == rights.GrantRevoking {
			continue
		}
		held.Live++
		if (g.From == nil || g.From.Request == "") && g.Origin != rights.OriginBootstrap {
			held.Untraced = append(held.Untraced, g.ID)
		}
	}
	return held
}
