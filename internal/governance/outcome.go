package governance

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/widening"
)

// outcome words what a decided request leads to, and the request's own end.
func (o *Office) outcome(s *snapshot.Snapshot, r *request.Request) ([]store.Change, error) {
	var out []store.Change
	if r.State == request.Approved {
		made, err := o.grantOutcome(s, r)
		if err != nil {
			return nil, err
		}
		out = made
	}
	c, err := closing(manifest.Request, r.ID, r)
	if err != nil {
		return nil, err
	}
	return append(out, c), nil
}

func (o *Office) grantOutcome(s *snapshot.Snapshot, r *request.Request) ([]store.Change, error) {
	switch ask := r.Ask; {
	case ask.Grant != nil:
		return o.granted(s, r)
	case ask.Change != nil:
		r.Outcome = fmt.Sprintf("%d changes", len(ask.Change.Changes))
		return changesOf(s, ask.Change)
	case ask.Lift != nil:
		q, ok := s.Quarantine(ask.Lift.Quarantine)
		if !ok {
			return nil, fmt.Errorf("%w: the quarantine is gone", ErrNothing)
		}
		r.Outcome = "Quarantine/" + q.ID
		c, err := closing(manifest.Quarantine, q.ID, q)
		return []store.Change{c}, err
	case ask.Waiver != nil:
		return o.waived(r)
	}
	return nil, nil // a review leads to nothing but its end
}

// granted words the grant, what it replaces, and after an emergency its review.
func (o *Office) granted(s *snapshot.Snapshot, r *request.Request) ([]store.Change, error) {
	ask, now := r.Ask.Grant, o.cfg.Now()
	name := grantName(ask.Identity, ask.Entitlement, r.ID)
	g, err := grant.FromRequest(*r, name, widening.PinDigest(r.Pins), now)
	if err != nil {
		return nil, err
	}
	if ask.Emergency {
		g.Origin = rights.OriginBreakGlass
	}
	r.Outcome = "Grant/" + name
	c, err := create(manifest.Grant, name, &g)
	out, errs := []store.Change{c}, []error{err}
	if old, ok := s.Grant(ask.Replaces); ok {
		next, err := grant.Revoke(*old, rights.EndSuperseded, now)
		if err == nil {
			c, err = update(manifest.Grant, old.ID, &next)
			out = append(out, c)
		}
		errs = append(errs, err)
	}
	if ask.Emergency {
		c, err := o.reviewOf(r, name)
		out, errs = append(out, c), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// reviewOf files the review that stays open until somebody else closes it (R17).
func (o *Office) reviewOf(r *request.Request, grantName string) (store.Change, error) {
	id := newRequestID(o.cfg.Now())
	ask := request.Ask{Review: &request.ReviewAsk{Grant: grantName, Identity: r.Ask.Grant.Identity, By: r.Requester}}
	words := request.Words{Justification: r.Justification, Ticket: r.Ticket}
	review, err := request.New(request.ForReview, ask, r.Requester, words, o.cfg.Now())
	if err == nil {
		stage := request.Stage{Name: "review", Approvers: []string{"role:approver"}, Needed: 1, Denials: 1, Human: true}
		review, err = review.Submit([]request.Stage{stage}, nil, time.Time{}, o.cfg.Now())
	}
	if err != nil {
		return store.Change{}, err
	}
	review.ID = id
	return create(manifest.Request, id, &review)
}

func (o *Office) waived(r *request.Request) ([]store.Change, error) {
	ask, now := r.Ask.Waiver, o.cfg.Now().UTC()
	name := "waiver." + r.ID[len(r.ID)-16:]
	r.Outcome = "Waiver/" + name
	c, err := create(manifest.Waiver, name, &sod.Waiver{
		ID: name, Rule: ask.Rule, Subject: ask.Subject, Reason: cmp.Or(r.Justification, r.Ticket), Compensating: ask.Compensating,
		Approvers: r.Approvers(), Request: r.ID, From: now, Expires: now.Add(ask.Duration),
	})
	return []store.Change{c}, err
}

// grantName names a grant after what it is, and the request that led to it.
func grantName(who, what, id string) string {
	tail := "." + id[len(id)-8:]
	name := who + "." + what
	if longest := 64 - len(tail); len(name) > longest {
		name = name[:longest]
	}
	return name + tail
}
