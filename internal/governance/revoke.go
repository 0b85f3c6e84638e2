package governance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Revoke takes rights away for good: a grant; all grants and sessions of an
// identity, or of every identity with a tag; one session. It needs no approval.
// The answer says how far the word has spread: what is revoked is revoked
// everywhere only when Spread.Everyone is true (security S19).
func (o *Office) Revoke(ctx context.Context, a Actor, order Order) (Revocation, error) {
	if err := checkReason(order.Reason); err != nil {
		return Revocation{}, err
	}
	switch order.Target.Kind {
	case rights.TargetGrant:
		return o.revokeGrants(ctx, a, order, []string{order.Target.Name}, nil)
	case rights.TargetIdentity:
		return o.revokeIdentities(ctx, a, order, []string{order.Target.Name})
	case rights.TargetTag:
		s, err := o.present(ctx)
		if err != nil {
			return Revocation{}, err
		}
		names := s.IdentitiesTagged(order.Target.Name)
		if len(names) == 0 {
			return Revocation{}, fmt.Errorf("identities with the tag %q: %w", order.Target.Name, store.ErrNotFound)
		}
		return o.revokeIdentities(ctx, a, order, names)
	case rights.TargetSession:
		return o.Quarantine(ctx, a, order) // a session cannot be taken back: it is refused until it expires
	}
	return Revocation{}, fmt.Errorf("%w: %s is stopped with quarantine; grants, identities, tags and sessions can be revoked", ErrInvalid, order.Target.Kind)
}

func (o *Office) revokeIdentities(ctx context.Context, a Actor, order Order, names []string) (Revocation, error) {
	s, err := o.present(ctx)
	if err != nil {
		return Revocation{}, err
	}
	var grants []string
	for _, name := range names {
		if _, ok := s.Identity(name); !ok {
			return Revocation{}, fmt.Errorf("identity %q: %w", name, store.ErrNotFound)
		}
		for _, g := range s.GrantsOf(name) {
			if o.endable(g) {
				grants = append(grants, g.ID)
			}
		}
	}
	return o.revokeGrants(ctx, a, order, grants, names)
}

// endable reports whether a grant gives a right, or will, that can be taken away.
func (o *Office) endable(g *rights.Grant) bool {
	switch g.State {
	case rights.GrantRevoking, rights.GrantRevokeFailed, rights.GrantEnded:
		return false
	case rights.GrantScheduled:
		return true
	}
	return o.cfg.Now().Before(g.NotAfter) // past it, the clerk ends it as expired
}

// revokeGrants ends grants and voids the sessions of identities, as many in one
// commit as a record holds.
func (o *Office) revokeGrants(ctx context.Context, a Actor, order Order, grants, sessions []string) (Revocation, error) {
	out := Revocation{Target: order.Target, Grants: grants, Sessions: sessions}
	var revision int64
	var err error
	for {
		nowGrants, nowSessions := grants[:min(len(grants), batch/2)], sessions[:min(len(sessions), batch/2)]
		revision, err = o.commit(ctx, act{a, "revoke", order.Target.String()}, func(s *snapshot.Snapshot) ([]store.Change, error) {
			return o.revoking(ctx, a, s, nowGrants, nowSessions, order.Reason)
		})
		if err != nil {
			return out, err
		}
		grants, sessions = grants[len(nowGrants):], sessions[len(nowSessions):]
		if len(grants)+len(sessions) == 0 {
			break
		}
	}
	out.StillGiven = o.stillGiven(out.Grants)
	out.Spread, err = o.spread(ctx, revision)
	return out, err
}

func (o *Office) revoking(ctx context.Context, a Actor, s *snapshot.Snapshot, grants, sessions []string, reason string) ([]store.Change, error) {
	var out []store.Change
	for _, name := range grants {
		g, ok := s.Grant(name)
		if !ok {
			return nil, fmt.Errorf("grant %q: %w", name, store.ErrNotFound)
		}
		on := objectOf(s, "Grant", name, g.Identity, g.Entitlement)
		if err := o.mayOnRow(ctx, a, authority.Revoke, on); err != nil {
			return nil, err
		}
		next, err := grant.Revoke(*g, rights.EndRevoked, o.cfg.Now())
		if err != nil {
			return nil, fmt.Errorf("%w: grant %q: %w", ErrInvalid, name, err)
		}
		next.Ending = &identity.Remark{By: a.Name, Reason: reason}
		c, err := update(manifest.Grant, name, &next)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	for _, name := range sessions {
		i, ok := s.Identity(name)
		if !ok {
			return nil, fmt.Errorf("identity %q: %w", name, store.ErrNotFound)
		}
		if err := o.mayOnRow(ctx, a, authority.Revoke, objectOf(s, "Identity", name, name, "")); err != nil {
			return nil, err
		}
		c, err := voided(i)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// mayOnRow is May over a row that the actor has to be able to see; one that it
// cannot does not exist for it.
func (o *Office) mayOnRow(ctx context.Context, a Actor, action authority.Action, on authority.Object) error {
	err := o.May(ctx, a, action, on)
	if err != nil && !o.sees(ctx, a, on) {
		return fmt.Errorf("%s %q: %w", strings.ToLower(on.Kind), on.Name, store.ErrNotFound)
	}
	return err
}

// voided raises an identity's epoch: every session minted so far is refused.
func voided(i *identity.Identity) (store.Change, error) {
	next := *i
	if next.Epoch++; next.Epoch == 0 {
		return store.Change{}, fmt.Errorf("%w: the epoch cannot go higher", ErrInvalid)
	}
	return update(manifest.Identity, i.ID, &next)
}

// stillGiven are live grants of the same rights that were not revoked (rule R6).
func (o *Office) stillGiven(revoked []string) []string {
	s := o.state.Current()
	var out []string
	for _, name := range revoked {
		if g, ok := s.Grant(name); ok {
			out = append(out, others(s, g, o.cfg.Now())...)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(name string) bool { return slices.Contains(revoked, name) })
}

// Quarantine stops a target at once, whatever is granted, until somebody else
// agrees to lift it. Of an identity it voids the sessions too.
func (o *Office) Quarantine(ctx context.Context, a Actor, order Order) (Revocation, error) {
	if err := checkReason(order.Reason); err != nil {
		return Revocation{}, err
	}
	name := quarantineName(order.Target)
	out := Revocation{Target: order.Target, Quarantine: name}
	revision, err := o.commit(ctx, act{a, "quarantine", order.Target.String()}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		on, err := targetObject(s, order.Target)
		if err != nil {
			return nil, err
		}
		if err := o.mayOnRow(ctx, a, authority.Quarantine, on); err != nil {
			return nil, err
		}
		if _, there := s.Quarantine(name); there {
			return nil, nil
		}
		return quarantining(s, &rights.Quarantine{ID: name, Target: order.Target, Reason: order.Reason, By: a.Name, At: o.cfg.Now().UTC()})
	})
	if err != nil {
		return out, err
	}
	out.Spread, err = o.spread(ctx, revision)
	return out, err
}

func quarantining(s *snapshot.Snapshot, q *rights.Quarantine) ([]store.Change, error) {
	c, err := create(manifest.Quarantine, q.ID, q)
	if err != nil {
		return nil, err
	}
	out := []store.Change{c}
	if q.Target.Kind != rights.TargetIdentity {
		return out, nil
	}
	i, _ := s.Identity(q.Target.Name)
	c, err = voided(i)
	return append(out, c), err
}

// quarantineName is the one name that a quarantine of a target can have, so that
// there are no two.
func quarantineName(t rights.Target) string {
	plain := string(t.Kind) + "." + t.Name
	if identity.ValidName(plain) {
		return plain
	}
	sum := sha256.Sum256([]byte(t.Name))
	return string(t.Kind) + "." + hex.EncodeToString(sum[:12])
}

// targetObject checks that a target makes sense, and is what rules know of it.
func targetObject(s *snapshot.Snapshot, t rights.Target) (authority.Object, error) {
	on := authority.Object{Kind: "Quarantine", Name: t.String()}
	switch t.Kind {
	case rights.TargetIdentity:
		if _, ok := s.Identity(t.Name); !ok {
			return on, fmt.Errorf("identity %q: %w", t.Name, store.ErrNotFound)
		}
		on = objectOf(s, "Quarantine", t.String(), t.Name, "")
	case rights.TargetModel:
		if _, err := rights.ParseSelector(t.Name, s.Catalogue); err != nil {
			return on, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	case rights.TargetNetwork:
		_, named := s.Network(t.Name)
		if _, ranged := t.Prefix(); !named && !ranged {
			return on, fmt.Errorf("%w: %q is neither a network nor a range of addresses", ErrInvalid, t.Name)
		}
	case rights.TargetTag, rights.TargetSession:
		if t.Name == "" || len(t.Name) > 256 {
			return on, fmt.Errorf("%w: the %s needs a name", ErrInvalid, t.Kind)
		}
	default:
		return on, fmt.Errorf("%w: %q cannot be quarantined: want one of %v", ErrInvalid, t.Kind, rights.QuarantineKinds)
	}
	return on, nil
}

// offboard ends every grant of an identity that is no more, and voids its
// sessions; the changes are for the caller's own commit.
func (o *Office) offboard(a Actor, s *snapshot.Snapshot, name, reason string) ([]store.Change, error) {
	var out []store.Change
	for _, g := range s.GrantsOf(name) {
		next, err := grant.Revoke(*g, rights.EndOffboarded, o.cfg.Now())
		if err != nil {
			continue // it is ending already
		}
		next.Ending = &identity.Remark{By: a.Name, Reason: reason}
		c, err := update(manifest.Grant, g.ID, &next)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
