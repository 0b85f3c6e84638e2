package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/grant"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// HoldVerdict is what a decider says of a hold.
type HoldVerdict struct {
	Version int64 // of the hold that the decider saw; 0: whichever
	Verdict hold.Choice
	// Calls say of each call that waits what becomes of it, with the arguments of
	// those that are edited. Empty, to release: every one as the model asked for it.
	Calls  []hold.CallChoice
	Reason string // required to reject
	For    string // the operator in whose place; empty: oneself
}

// ErrNoHolds: this server holds nothing.
var ErrNoHolds = errors.New("nothing is held here")

// rightEnded marks a hold that nobody can release any more.
type rightEnded struct{ why string }

func (e *rightEnded) Error() string { return "it is rejected: " + e.why }

func (e *rightEnded) Is(target error) bool { return target == ErrOver }

// DecideHold is one person's word on a hold. A release of a right that has ended
// rejects the hold instead, and is ErrOver.
func (o *Office) DecideHold(ctx context.Context, a Actor, id string, v HoldVerdict) (HoldView, error) {
	if o.holds == nil {
		return HoldView{}, ErrNoHolds
	}
	if err := o.holds.keepEdits(ctx, a, id, v); err != nil {
		return HoldView{}, err
	}
	var over error
	err := o.holds.commit(ctx, act{a, "hold.decide", "hold/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		next, ended, err := o.decidedHold(ctx, s, a, id, v)
		if over = ended; err != nil {
			return nil, err
		}
		c, err := update(manifest.Hold, id, &next)
		return []store.Change{c}, err
	})
	if err = errors.Join(err, over); err != nil {
		return HoldView{}, err
	}
	return o.HoldOf(ctx, a, id)
}

// decidedHold is the hold after a decision. ended says that it was withdrawn
// instead.
func (o *Office) decidedHold(ctx context.Context, s *snapshot.Snapshot, a Actor, id string, v HoldVerdict) (next hold.Hold, ended, err error) {
	k, place, err := o.toDecideHold(ctx, s, a, id, v)
	if err != nil {
		return next, nil, err
	}
	now := o.cfg.Now()
	if why := endedFor(s, &k.Hold, o.cfg.Now()); why != "" && v.Verdict == hold.Release {
		next, err = k.Withdraw(why, now)
		return next, &rightEnded{why}, mappedHold(err)
	}
	next, err = k.Decide(hold.Decision{By: a.Party(), For: place, Verdict: v.Verdict, Calls: v.choices(&k.Hold), Reason: v.Reason}, now)
	next.ID = id
	return next, nil, mappedHold(err)
}

// choices are what the decider says of each call.
func (v *HoldVerdict) choices(h *hold.Hold) []hold.CallChoice {
	if len(v.Calls) > 0 || v.Verdict != hold.Release {
		return v.Calls
	}
	var out []hold.CallChoice
	for _, c := range h.Calls {
		out = append(out, hold.CallChoice{Index: c.Index, Verdict: hold.Release})
	}
	return out
}

// toDecideHold reads the hold and checks that the actor may decide on it.
func (o *Office) toDecideHold(ctx context.Context, s *snapshot.Snapshot, a Actor, id string, v HoldVerdict) (holdRow, *request.Party, error) {
	k, err := o.holds.look(ctx, id)
	if err != nil {
		return k, nil, err
	}
	place, err := o.mayDecideHold(ctx, s, o.panelOf(s, &k.Hold), a, v.For)
	if err != nil {
		return k, nil, err
	}
	if v.Version != 0 && v.Version != k.version {
		return k, nil, ErrStaleView
	}
	return k, place, nil
}

// keepEdits seals the edited arguments of a decision before it is made, once it is
// known that its actor may make it.
func (h *Holds) keepEdits(ctx context.Context, a Actor, id string, v HoldVerdict) error {
	edits := slices.DeleteFunc(slices.Clone(v.Calls), func(c hold.CallChoice) bool { return c.Verdict != hold.Edit })
	if len(edits) == 0 || v.Verdict != hold.Release {
		return nil
	}
	s, err := h.office.present(ctx)
	if err != nil {
		return err
	}
	if _, ended, err := h.office.decidedHold(ctx, s, a, id, v); err != nil || ended != nil {
		return err // what ended is said by whoever decides
	}
	for _, c := range edits {
		digest, err := hold.Digest(c.Arguments)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		err = h.office.cfg.Store.KeepHeld(ctx, h.sealed(id, editPart(c.Index, digest), c.Arguments))
		if err != nil && !errors.Is(err, store.ErrConflict) { // the same arguments, by somebody before
			return err
		}
	}
	return nil
}

func mappedHold(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hold.ErrOver), errors.Is(err, hold.ErrExpired):
		return fmt.Errorf("%w: %w", ErrOver, err)
	case errors.Is(err, hold.ErrAlready):
		return fmt.Errorf("%w: %w", ErrIneligible, err)
	}
	return fmt.Errorf("%w: %w", ErrInvalid, err)
}

// panel is a hold among people: who is too close to it to decide, and whom each of
// the rights that it stands on names. Whoever decides must be named by every one.
type panel struct {
	*circle
	hold *hold.Hold
}

// panelOf gathers them. Those who asked for the rights decide as little as those who
// answer for the identity (security S24).
func (o *Office) panelOf(s *snapshot.Snapshot, h *hold.Hold) panel {
	c := &circle{state: s, rules: o.cfg.Authority, action: authority.DecideHold, may: make(map[string][]string)}
	c.identity, _ = s.Identity(h.Identity)
	c.close = c.tooClose(&request.Request{})
	c.close[strings.ToLower(h.Identity)] = "they are the identity itself"
	requester := ""
	for _, name := range h.Grants() {
		if g, ok := s.Grant(name); ok && g.From != nil && g.From.Requester != "" {
			requester = g.From.Requester
			for _, person := range c.persons(requester) {
				c.close[person] = "they asked for the right"
			}
		}
	}
	what := ""
	if len(h.Panels) > 0 {
		what = h.Panels[0].Entitlement
	}
	c.entitlement, _ = s.Entitlement(what)
	c.object = objectOf(s, "Hold", h.ID, h.Identity, what)
	c.object.Requester = requester
	return panel{c, h}
}

// names reports whether every right names an operator, and which does not.
func (p panel) names(op *operator.Operator) (missing []string, ok bool) {
	for _, right := range p.hold.Panels {
		at := p.at(&request.Stage{Entitlement: right.Entitlement, Grant: right.Grant})
		if !slices.ContainsFunc(right.Approvers, func(sel string) bool { return at.matches(sel, op) }) {
			return right.Approvers, false
		}
	}
	return nil, true
}

// allows asks the rules, for every right.
func (p panel) allows(who authority.Subject) authority.Decision {
	var d authority.Decision
	for _, right := range p.hold.Panels {
		if d = p.at(&request.Stage{Entitlement: right.Entitlement, Grant: right.Grant}).decides(who); !d.Allowed {
			break
		}
	}
	return d
}

// deciders are the operators that may decide, by name.
func (p panel) deciders() []string {
	if may, known := p.may[""]; known {
		return may
	}
	var out []string
	for _, op := range p.state.Operators() {
		if op.Disabled || p.excludes(op) != "" {
			continue
		}
		if _, named := p.names(op); named && p.allows(authority.Subject{Operator: op}).Allowed {
			out = append(out, op.ID)
		}
	}
	slices.Sort(out)
	p.may[""] = slices.Clip(out)
	return p.may[""]
}

// mayDecideHold checks that somebody may decide, in the place of another where one
// is named, who is returned. To who may not even see it, there is no such hold.
func (o *Office) mayDecideHold(ctx context.Context, s *snapshot.Snapshot, p panel, a Actor, inPlaceOf string) (*request.Party, error) {
	if a.Operator == nil {
		return nil, ErrIneligible
	}
	who, holder := a.subject(), a.Operator
	var place *request.Party
	if inPlaceOf != "" {
		absent, err := o.delegator(s, a, inPlaceOf)
		if err != nil {
			return nil, err
		}
		holder, who.Place = absent, absent
		place = &request.Party{Operator: absent.ID, Person: absent.Behind()}
	}
	err := p.stands(a, who, holder)
	if err != nil && !o.seesHold(ctx, a, p) {
		return nil, fmt.Errorf("hold %q: %w", p.hold.ID, store.ErrNotFound)
	}
	return place, err
}

// stands reports why somebody may not decide, or nil.
func (p panel) stands(a Actor, who authority.Subject, holder *operator.Operator) error {
	missing, named := p.names(holder)
	switch {
	case p.excludes(a.Operator) != "":
		return fmt.Errorf("%w: %s", ErrSelf, p.excludes(a.Operator))
	case p.excludesMaker(a) != "":
		return fmt.Errorf("%w: %s made the credential that you act by: %s", ErrSelf, a.Maker, p.excludesMaker(a))
	case p.excludes(holder) != "":
		return fmt.Errorf("%w: %s, in whose place you would decide: %s", ErrSelf, holder.ID, p.excludes(holder))
	case !named:
		return fmt.Errorf("%w: it waits for %s", ErrIneligible, strings.Join(missing, ", "))
	}
	if d := p.allows(who); !d.Allowed {
		return &ForbiddenError{Action: p.action, Reasons: d.Reasons}
	}
	return nil
}

// seesHold reports whether the actor may see that there is such a hold, and what
// became of it; not what it holds.
func (o *Office) seesHold(ctx context.Context, a Actor, p panel) bool {
	on := p.object
	on.Eligible = slices.Clip(p.deciders())
	for _, d := range p.hold.Decisions {
		on.Eligible = append(on.Eligible, d.By.Operator)
	}
	return o.sees(ctx, a, on) || o.standsIn(p.state, a, on.Eligible)
}

// readsHold reports whether the actor may see what is held: who may decide on it,
// by themselves or in another's place, and nobody else.
func (o *Office) readsHold(s *snapshot.Snapshot, p panel, a Actor) bool {
	if a.Operator == nil || p.excludes(a.Operator) != "" || p.excludesMaker(a) != "" {
		return false
	}
	on := p.object
	on.Eligible = p.deciders()
	if o.cfg.Authority.Decide(a.subject(), authority.ViewHold, on).Allowed {
		return true
	}
	now := o.cfg.Now()
	return slices.ContainsFunc(s.Delegations(), func(d *operator.Delegation) bool {
		from, ok := s.Operator(d.From)
		if d.To != a.Name || !d.During(now) || !ok || from.Disabled {
			return false
		}
		who := a.subject()
		who.Place = from
		return o.cfg.Authority.Decide(who, authority.ViewHold, on).Allowed
	})
}

// haltedFor says why an identity may have nothing released any more, or "".
func haltedFor(s *snapshot.Snapshot, h *hold.Hold) string {
	i, ok := s.Identity(h.Identity)
	if !ok {
		return "the identity is gone"
	}
	if i.Current().Halted() {
		return "the identity is " + string(i.Current())
	}
	for _, q := range s.Quarantines() {
		if stops(q, i, h) {
			return "it is quarantined: " + q.ID
		}
	}
	return ""
}

// stops reports whether a quarantine names the caller of a held call. What stops
// networks and models stops calls, not what was answered.
func stops(q *rights.Quarantine, i *identity.Identity, h *hold.Hold) bool {
	switch q.Target.Kind {
	case rights.TargetIdentity:
		return q.Target.Name == i.ID
	case rights.TargetSession:
		return q.Target.Name == h.Session
	case rights.TargetTag:
		return slices.Contains(i.Tags, q.Target.Name)
	}
	return false
}

// endedFor says why a hold can be released no more, or "": its identity is stopped,
// or a right that it stood on has ended.
func endedFor(s *snapshot.Snapshot, h *hold.Hold, now time.Time) string {
	if why := haltedFor(s, h); why != "" {
		return why
	}
	for _, name := range h.Grants() {
		if g, ok := s.Grant(name); !ok || !grant.Live(*g, now) {
			return fmt.Sprintf("the grant %s has ended", name)
		}
	}
	return ""
}
