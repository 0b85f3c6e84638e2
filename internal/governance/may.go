package governance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// May reports, by a *ForbiddenError, an action that no rule allows the actor.
// Writ itself may do what its own rounds do.
func (o *Office) May(_ context.Context, a Actor, action authority.Action, on authority.Object) error {
	if a.Name == Self && a.Operator == nil {
		return nil
	}
	d := o.cfg.Authority.Decide(a.subject(), action, on)
	if d.Allowed {
		return nil
	}
	return &ForbiddenError{Action: action, Reasons: d.Reasons}
}

// sees reports whether the actor may see a row.
func (o *Office) sees(ctx context.Context, a Actor, on authority.Object) bool {
	return o.May(ctx, a, authority.ViewRight, on) == nil
}

// objectOf is what rules may know of a right: of an identity under an entitlement,
// either of which may be missing.
func objectOf(s *snapshot.Snapshot, kind, name, who, what string) authority.Object {
	out := authority.Object{Kind: kind, Name: name, Entitlement: what}
	if i, ok := s.Identity(who); ok {
		out.Environment, out.Team, out.Sponsors = i.Environment, i.Team, accountsOf(s, i.Sponsor, i.Owner, i.Deputy)
	}
	if e, ok := s.Entitlement(what); ok {
		out.Tier, out.Models = e.Tier(), e.Models
		owners := []string{e.Owner}
		for _, m := range e.Models {
			if entry, ok := s.Catalogue.Model(m); ok {
				owners = append(owners, entry.Owner)
			}
		}
		out.Owners = accountsOf(s, owners...)
	}
	return out
}

// requestObject is what rules may know of a request.
func requestObject(s *snapshot.Snapshot, r *request.Request) authority.Object {
	var who, what string
	switch ask := r.Ask; {
	case ask.Grant != nil:
		who, what = ask.Grant.Identity, ask.Grant.Entitlement
	case ask.Lift != nil && ask.Lift.Target.Kind == rights.TargetIdentity:
		who = ask.Lift.Target.Name
	case ask.Waiver != nil:
		who, _ = strings.CutPrefix(ask.Waiver.Subject, "Identity/")
	case ask.Review != nil:
		who = ask.Review.Identity
		if g, ok := s.Grant(ask.Review.Grant); ok {
			what = g.Entitlement
		}
	}
	out := objectOf(s, "Request", r.ID, who, what)
	out.Requester = r.Requester.Operator
	return out
}

// accountsOf are the accounts that names, as sponsors and owners are written, mean.
func accountsOf(s *snapshot.Snapshot, names ...string) []string {
	var out []string
	for _, op := range s.Operators() {
		if slices.ContainsFunc(names, op.Is) {
			out = append(out, op.ID)
		}
	}
	return out
}

// approverBeside reports whether somebody who is none of the given people holds
// the role approver: whether there is anybody to ask.
func approverBeside(s *snapshot.Snapshot, people ...string) bool {
	return slices.ContainsFunc(s.Operators(), func(op *operator.Operator) bool {
		return !op.Disabled && op.Has(operator.Approver) && !slices.Contains(people, op.Behind()) && !slices.Contains(people, op.ID)
	})
}

// need returns an identity and an entitlement that a right is about.
func need(s *snapshot.Snapshot, who, what string) (*identity.Identity, *rights.Entitlement, error) {
	i, ok := s.Identity(who)
	if !ok {
		return nil, nil, fmt.Errorf("%w: there is no identity %q", ErrInvalid, who)
	}
	e, ok := s.Entitlement(what)
	if !ok {
		return nil, nil, fmt.Errorf("%w: there is no entitlement %q", ErrInvalid, what)
	}
	return i, e, nil
}
