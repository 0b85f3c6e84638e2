package governance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// DelegationOrder has somebody decide in the actor's place for a time.
type DelegationOrder struct {
	To        string    `json:"to"`
	NotBefore time.Time `json:"notBefore,omitzero"` // zero: now
	NotAfter  time.Time `json:"notAfter"`
	Reason    string    `json:"reason,omitempty"`
}

// DelegationView is a delegation as its reader may see it.
type DelegationView struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	operator.Delegation
	Now bool `json:"now"` // it holds now
}

func delegationObject(d *operator.Delegation) authority.Object {
	return authority.Object{Kind: "Delegation", Name: d.ID, Requester: d.From, Eligible: []string{d.To}}
}

// Delegate lets another decide in the actor's place for a time (rule R16). What
// was delegated to the actor is not passed on: a delegate decides where the absent
// could by a right of their own, and is held to what binds both of them.
func (o *Office) Delegate(ctx context.Context, a Actor, in DelegationOrder) (DelegationView, error) {
	now := o.cfg.Now().UTC()
	if in.NotBefore.IsZero() {
		in.NotBefore = now
	}
	id := "d." + NewID()[:16]
	d := operator.Delegation{ID: id, From: a.Name, To: in.To, NotBefore: in.NotBefore.UTC(), NotAfter: in.NotAfter.UTC(), Reason: in.Reason}
	_, err := o.commit(ctx, act{a, "delegation.create", "delegation/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		if err := o.May(ctx, a, authority.Delegate, delegationObject(&d)); err != nil {
			return nil, err
		}
		if err := d.Validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if !d.NotAfter.After(now) {
			return nil, fmt.Errorf("%w: it has ended before it begins", ErrInvalid)
		}
		if in.Reason != "" {
			if err := checkReason(in.Reason); err != nil {
				return nil, err
			}
		}
		if err := delegable(s, &d); err != nil {
			return nil, err
		}
		return just(create(manifest.Delegation, id, &d))
	})
	if err != nil {
		return DelegationView{}, err
	}
	row, err := o.cfg.Store.Get(ctx, manifest.Delegation, id)
	return DelegationView{ID: id, Version: row.Revision, Delegation: d, Now: d.During(now)}, err
}

// delegable refuses delegations that would come to nothing, or go round.
func delegable(s *snapshot.Snapshot, d *operator.Delegation) error {
	from, err := known(s, d.From)
	if err != nil {
		return err
	}
	to, err := known(s, d.To)
	switch {
	case err != nil:
		return err
	case from.Behind() == to.Behind():
		return fmt.Errorf("%w: %s and %s are one person", ErrInvalid, from.ID, to.ID)
	case to.Kind == operator.Automation:
		return fmt.Errorf("%w: %s is a program: a person decides in another's place", ErrInvalid, to.ID)
	case to.Has(operator.Administrator):
		return fmt.Errorf("%w: %s is an administrator, who decides nothing", ErrInvalid, to.ID)
	case !from.Has(operator.Approver) && !owns(s, from):
		return fmt.Errorf("%w: %s decides on nothing of their own; what was delegated to them cannot be delegated on", ErrInvalid, from.ID)
	}
	back := func(e *operator.Delegation) bool {
		return e.From == d.To && e.To == d.From && e.NotBefore.Before(d.NotAfter) && d.NotBefore.Before(e.NotAfter)
	}
	if slices.ContainsFunc(s.Delegations(), back) {
		return fmt.Errorf("%w: %s has delegated to %s for that time", ErrInvalid, d.To, d.From)
	}
	return nil
}

// owns reports whether an account owns an entitlement or a model, and so decides
// without the role.
func owns(s *snapshot.Snapshot, op *operator.Operator) bool {
	for _, e := range s.Entitlements() {
		if op.Is(e.Owner) {
			return true
		}
	}
	for _, m := range s.Models() {
		if op.Is(m.Owner) {
			return true
		}
	}
	return false
}

// EndDelegation ends a delegation before its time: by either side, or an
// administrator.
func (o *Office) EndDelegation(ctx context.Context, a Actor, id string) error {
	_, err := o.commit(ctx, act{a, "delegation.end", "delegation/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		i := slices.IndexFunc(s.Delegations(), func(d *operator.Delegation) bool { return d.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("delegation %q: %w", id, store.ErrNotFound)
		}
		d := s.Delegations()[i]
		on := delegationObject(d)
		if o.May(ctx, a, authority.ViewPeople, on) != nil {
			return nil, fmt.Errorf("delegation %q: %w", id, store.ErrNotFound)
		}
		either := on
		if a.Name == d.To {
			either.Requester = d.To // to give back what one was given
		}
		err := o.May(ctx, a, authority.Delegate, either)
		if err != nil && o.May(ctx, a, authority.ManagePeople, on) != nil {
			return nil, err
		}
		return just(closing(manifest.Delegation, id, d))
	})
	return err
}

// Delegations lists the delegations that the actor may see, by name.
func (o *Office) Delegations(ctx context.Context, a Actor) ([]DelegationView, error) {
	s, err := o.present(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := o.cfg.Store.List(ctx, manifest.Delegation)
	if err != nil {
		return nil, err
	}
	out := []DelegationView{}
	for _, d := range s.Delegations() {
		if o.May(ctx, a, authority.ViewPeople, delegationObject(d)) != nil {
			continue
		}
		v := DelegationView{ID: d.ID, Delegation: *d, Now: d.During(o.cfg.Now())}
		for _, row := range rows {
			if row.Name == d.ID {
				v.Version = row.Revision
			}
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b DelegationView) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}
