package governance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/widening"
)

// stored is a request that is not over, as the log vouches for it.
type stored struct {
	request.Request
	version int64
}

// waiting reads a request to act on. One that has ended is ErrOver.
func (o *Office) waiting(ctx context.Context, id string) (stored, error) {
	row, _, err := o.cfg.Store.Last(ctx, manifest.Request, id)
	if err != nil {
		return stored{}, err
	}
	return o.believed(ctx, row)
}

// believed decodes a request's row once the log vouches for it.
func (o *Office) believed(ctx context.Context, row store.Row) (stored, error) {
	row, err := o.vouched(ctx, row)
	switch {
	case err != nil:
		return stored{}, err
	case row.Deleted():
		return stored{}, ErrOver
	}
	r, err := row.Resource()
	if err != nil {
		return stored{}, err
	}
	return stored{*r.Spec.(*request.Request), row.Revision}, nil
}

// Decide is one person's word on a request: by themselves, or in the place of one
// who delegated to them. What the request refers to must still be what its
// deciders saw (security S18); when it is not, the approvals so far are void and
// the answer is ErrStaleView.
func (o *Office) Decide(ctx context.Context, a Actor, id string, v Verdict) (RequestView, error) {
	var voided bool
	_, err := o.commit(ctx, act{a, "request.decide", "request/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		w, err := o.toDecide(ctx, s, a, id, v)
		if err != nil {
			return nil, err
		}
		pins, err := widening.Pins(s, w.request.Ask)
		if err != nil {
			return nil, err
		}
		if voided = w.request.Kind != request.ForReview && !maps.Equal(pins, w.request.Pins); voided {
			return o.void(s, w, pins)
		}
		return o.decided(s, w, v)
	})
	switch {
	case errors.Is(err, errOutcome):
		return o.decideFailed(ctx, a, id, v, err)
	case err != nil:
		return RequestView{}, err
	case voided:
		return RequestView{}, fmt.Errorf("%w: what it refers to is no longer what was asked about, and the approvals so far are void", ErrStaleView)
	}
	return o.Request(ctx, a, id)
}

// errOutcome marks an approval whose outcome cannot be.
var errOutcome = errors.New("what was asked for can no longer be")

// word is a decision being made.
type word struct {
	request request.Request
	circle  *circle
	actor   Actor
	by      request.Party
	place   *request.Party // in whose place
	seen    bool           // the actor is known to see it
}

// toDecide checks that the actor may decide on the open stage.
func (o *Office) toDecide(ctx context.Context, s *snapshot.Snapshot, a Actor, id string, v Verdict) (*word, error) {
	r, err := o.waiting(ctx, id)
	if err != nil {
		return nil, err
	}
	w := &word{request: r.Request, actor: a, by: a.Party()}
	editors, err := o.editors(ctx, &w.request)
	if err != nil {
		return nil, err
	}
	w.circle = o.circleOf(s, &w.request, editors)
	if err := o.mayDecide(ctx, s, w, v.For); err != nil {
		return nil, err
	}
	if v.Seen != 0 && v.Seen != r.version {
		return nil, ErrStaleView
	}
	return w, nil
}

func (o *Office) mayDecide(ctx context.Context, s *snapshot.Snapshot, w *word, inPlaceOf string) error {
	st, open := w.request.Open()
	if !open {
		return ErrOver
	}
	if w.actor.Operator == nil {
		return ErrIneligible
	}
	hidden := !w.seen && !o.seesRequest(ctx, w.actor, w.circle, &w.request)
	selectors, at := stageSelectors(&st, w.request.Escalated), w.circle.at(&st)
	who := w.actor.subject()
	holder := w.actor.Operator
	if inPlaceOf != "" {
		delegator, err := o.delegator(s, w.actor, inPlaceOf)
		if err != nil {
			return err
		}
		holder, who.Place, hidden = delegator, delegator, false
		w.place = &request.Party{Operator: delegator.ID, Person: delegator.Behind()}
	}
	var err error
	switch {
	case w.circle.excludes(w.actor.Operator) != "":
		err = fmt.Errorf("%w: %s", ErrSelf, w.circle.excludes(w.actor.Operator))
	case w.circle.excludesMaker(w.actor) != "":
		err = fmt.Errorf("%w: %s made the credential that you act by: %s", ErrSelf, w.actor.Maker, w.circle.excludesMaker(w.actor))
	case w.circle.excludes(holder) != "":
		err = fmt.Errorf("%w: %s, in whose place you would decide: %s", ErrSelf, holder.ID, w.circle.excludes(holder))
	case !slices.ContainsFunc(selectors, func(sel string) bool { return at.matches(sel, holder) }):
		err = fmt.Errorf("%w: it waits for %s", ErrIneligible, strings.Join(selectors, ", "))
	default:
		if d := at.decides(who); !d.Allowed {
			err = &ForbiddenError{Action: w.circle.action, Reasons: d.Reasons}
		}
	}
	if err != nil && hidden {
		return fmt.Errorf("request %q: %w", w.request.ID, store.ErrNotFound)
	}
	return err
}

// delegator is the operator in whose place the actor may decide now. A delegation
// does not chain: only the holder's own right counts, which the stage is asked about.
func (o *Office) delegator(s *snapshot.Snapshot, a Actor, name string) (*operator.Operator, error) {
	now := o.cfg.Now()
	for _, d := range s.Delegations() {
		if d.From == name && d.To == a.Name && d.During(now) {
			from, ok := s.Operator(name)
			if ok && !from.Disabled {
				return from, nil
			}
		}
	}
	return nil, fmt.Errorf("%w: %s has not delegated to you", ErrIneligible, name)
}

// void starts a new round: the deciders are asked anew about what now is.
func (o *Office) void(s *snapshot.Snapshot, w *word, pins map[string]string) ([]store.Change, error) {
	changed := changedPins(w.request.Pins, pins)
	p := &plan{request: w.request, circle: w.circle}
	if err := o.route(s, p); err != nil {
		return nil, err
	}
	if p.automatic != "" {
		p.stages = nil // a rule decides only what is filed for it: the people who were asked go on
	}
	r, err := w.request.Void(p.stages, pins, "changed since it was asked: "+strings.Join(changed, ", "), o.cfg.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	c, err := update(manifest.Request, w.request.ID, &r)
	return []store.Change{c}, err
}

func changedPins(before, after map[string]string) []string {
	var out []string
	for name := range before {
		if after[name] != before[name] {
			out = append(out, name)
		}
	}
	for name := range after {
		if _, had := before[name]; !had {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (w *word) decision(v Verdict) request.Decision {
	d := request.Decision{
		Stage: w.request.Stage, Round: w.request.Round, By: w.by, For: w.place, Verdict: v.Verdict, Reason: v.Reason,
		Narrow: v.Narrow, Duration: v.Duration, Automation: w.actor.Operator.Kind == operator.Automation,
	}
	return d
}

// decided words what a decision changes.
func (o *Office) decided(s *snapshot.Snapshot, w *word, v Verdict) ([]store.Change, error) {
	if v.Verdict == request.Approve {
		if blocking := sod.Preventing(o.would(s, &w.request)); len(blocking) > 0 {
			return nil, &DutiesError{blocking}
		}
		if err := narrows(w.circle.entitlement, w.request.Ask.Grant, v); err != nil {
			return nil, err
		}
	}
	next, err := w.request.Decide(w.decision(v), o.cfg.Now())
	if err != nil {
		return nil, mapped(err)
	}
	next.ID = w.request.ID
	if !next.State.Over() {
		c, err := update(manifest.Request, next.ID, &next)
		return []store.Change{c}, err
	}
	changes, err := o.outcome(s, &next)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errOutcome, err)
	}
	if err := o.tried(s, changes); err != nil {
		return nil, fmt.Errorf("%w: %w", errOutcome, err)
	}
	return changes, nil
}

// narrows checks that an approver's narrowing takes away from what was asked for
// (rule R10): it may not name what the entitlement does not give.
func narrows(e *rights.Entitlement, ask *request.GrantAsk, v Verdict) error {
	if v.Narrow == nil {
		return nil
	}
	if ask == nil || e == nil {
		return fmt.Errorf("%w: only a grant can be narrowed", ErrInvalid)
	}
	asked, err := rights.Narrow(*e, ask.Narrow)
	if err == nil {
		_, err = rights.Narrow(asked, v.Narrow)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// decideFailed ends a request whose approval cannot take effect, so that nobody
// waits for it, and says so to the decider too.
func (o *Office) decideFailed(ctx context.Context, a Actor, id string, v Verdict, cause error) (RequestView, error) {
	_, err := o.commit(ctx, act{a, "request.fail", "request/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		w, err := o.toDecide(ctx, s, a, id, v)
		if err != nil {
			return nil, err
		}
		next, err := w.request.DecideFailed(w.decision(v), cause.Error(), o.cfg.Now())
		if err != nil {
			return nil, mapped(err)
		}
		next.ID = id
		c, err := closing(manifest.Request, id, &next)
		return []store.Change{c}, err
	})
	return RequestView{}, errors.Join(cause, err)
}

// mapped turns the machine's refusals into the office's.
func mapped(err error) error {
	switch {
	case errors.Is(err, request.ErrOver), errors.Is(err, request.ErrState):
		return fmt.Errorf("%w: %w", ErrOver, err)
	case errors.Is(err, request.ErrStale):
		return fmt.Errorf("%w: %w", ErrStaleView, err)
	case errors.Is(err, request.ErrSelf):
		return fmt.Errorf("%w: %w", ErrSelf, err)
	case errors.Is(err, request.ErrAlready):
		return fmt.Errorf("%w: %w", ErrIneligible, err)
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// decideAutomatically has a rule, or an emergency, decide a request that was filed
// for it. What the rules say is asked again, so that a crash between filing and
// deciding decides nothing by what was.
func (o *Office) decideAutomatically(ctx context.Context, id string) error {
	self := Actor{Name: Self, Via: "writ"}
	_, err := o.commit(ctx, act{self, "request.automatic", "request/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		r, err := o.waiting(ctx, id)
		if err != nil {
			return nil, err
		}
		next, err := o.automatic(s, &r.Request)
		if err != nil {
			return nil, err
		}
		return o.outcome(s, &next)
	})
	if errors.Is(err, ErrOver) {
		return nil // another replica was faster
	}
	return err
}

func (o *Office) automatic(s *snapshot.Snapshot, r *request.Request) (request.Request, error) {
	p := &plan{request: *r, circle: o.circleOf(s, r, nil)}
	if blocking := sod.Preventing(o.would(s, r)); len(blocking) > 0 {
		return r.Fail((&DutiesError{blocking}).Error(), o.cfg.Now())
	}
	if err := o.route(s, p); err != nil || p.automatic == "" {
		return r.Fail("the rule that would have decided it is gone", o.cfg.Now())
	}
	next, err := r.Automatic(p.automatic, p.verdict, "", o.cfg.Now())
	next.ID = r.ID
	return next, err
}

// Cancel withdraws a request.
func (o *Office) Cancel(ctx context.Context, a Actor, id, reason string, seen int64) (RequestView, error) {
	_, err := o.commit(ctx, act{a, "request.cancel", "request/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		r, err := o.waiting(ctx, id)
		if err != nil {
			return nil, err
		}
		on := requestObject(s, &r.Request)
		if err := o.May(ctx, a, authority.Cancel, on); err != nil {
			if !o.seesRequest(ctx, a, o.circleOf(s, &r.Request, nil), &r.Request) {
				return nil, fmt.Errorf("request %q: %w", id, store.ErrNotFound)
			}
			return nil, err
		}
		if seen != 0 && seen != r.version {
			return nil, ErrStaleView
		}
		next, err := r.Request.Cancel(reason, o.cfg.Now())
		if err != nil {
			return nil, mapped(err)
		}
		c, err := closing(manifest.Request, id, &next)
		return []store.Change{c}, err
	})
	if err != nil {
		return RequestView{}, err
	}
	return o.Request(ctx, a, id)
}
