package request

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// What can stand in the way of a transition.
var (
	ErrOver    = errors.New("the request has ended")
	ErrState   = errors.New("the request is not at that step")
	ErrStale   = errors.New("the decision is about another stage or round")
	ErrAlready = errors.New("this person has decided on this stage already")
	ErrSelf    = errors.New("nobody decides on a request of their own")
	ErrWider   = errors.New("an approval cannot give more than was asked for")
	ErrReason  = errors.New("a denial needs a reason")
	ErrNobody  = errors.New("nobody, or too few, could decide")
)

// Words are what a requester says of a request.
type Words struct {
	Justification string // at most MaxText bytes
	Ticket        string // one line
	Answers       string // decision id of the refusal that it answers
}

// New is a draft of a request. It has no ID yet.
func New(kind Kind, ask Ask, by Party, words Words, now time.Time) (Request, error) {
	r := Request{
		Kind: kind, Ask: ask, Requester: by, State: Draft, Created: instant(now),
		Justification: words.Justification, Ticket: words.Ticket, Answers: words.Answers,
	}
	if err := r.check(); err != nil {
		return Request{}, err
	}
	return r, nil
}

// Submit hands a draft in: its first stage opens. Without stages it waits for an
// Automatic verdict. It ends at expires if nobody decides; a review never does,
// and needs a zero time. The error is ErrNobody where a stage needs more deciders
// than it has Eligible (rule R4), save for a review, which must be possible to
// file even when nobody can close it yet.
func (r Request) Submit(stages []Stage, pins map[string]string, expires, now time.Time) (Request, error) {
	if r.State != Draft {
		return r, r.refuse()
	}
	if !expires.IsZero() && !expires.After(now) {
		return r, errors.New("expires: want a time to come")
	}
	n := r.copy()
	n.Submitted, n.Expires, n.Pins, n.State = instant(now), instant(expires), maps.Clone(pins), Submitted
	if len(stages) == 0 {
		return r.step(n)
	}
	if err := n.begin(stages, now); err != nil {
		return r, err
	}
	return r.step(n)
}

// begin fixes the stages and opens the first.
func (r *Request) begin(stages []Stage, now time.Time) error {
	for _, s := range stages {
		if r.Kind != ForReview && len(s.Eligible) < s.Needed {
			return fmt.Errorf("stage %q: %w: it needs %d, and there are %d", s.Name, ErrNobody, s.Needed, len(s.Eligible))
		}
	}
	r.Stages = slices.Clone(stages)
	r.enter(0, now)
	return nil
}

func (r *Request) enter(stage int, now time.Time) {
	r.State, r.Stage, r.Since, r.Escalated = InStage, stage, instant(now), false
}

// Automatic is the verdict of a rule, by name, at submission: before any stage, so
// only on a request that was submitted without. It is for grants; nothing else is
// given by rule.
func (r Request) Automatic(rule string, v Verdict, reason string, now time.Time) (Request, error) {
	n, _ := r.Tick(now)
	if n.State != Submitted {
		return r, n.refuse()
	}
	if rule == "" || n.Kind != ForGrant {
		return r, errors.New("automatic: want the name of a rule, and a request for a grant")
	}
	reason = cmp.Or(reason, fmt.Sprintf("by the rule %q", rule))
	n = n.copy()
	n.Decisions = append(n.Decisions, Decision{Round: n.Round, By: Party{Operator: "writ", Via: "writ"}, Verdict: v, Reason: reason, At: instant(now), Automatic: rule})
	switch v {
	case Approve:
		n.end(Approved, reason, now)
	case Deny:
		n.end(Denied, reason, now)
	}
	return r.step(n)
}

// Cancel withdraws a request. A review cannot be withdrawn: only closed by the
// judgement of somebody else (rule R17).
func (r Request) Cancel(why string, now time.Time) (Request, error) {
	if r.Kind == ForReview && !r.State.Over() {
		return r, fmt.Errorf("%w: a review is closed by a decision", ErrState)
	}
	return r.finish(Cancelled, why, now)
}

// Fail ends a request since what was asked for can no longer be.
func (r Request) Fail(why string, now time.Time) (Request, error) {
	return r.finish(Failed, why, now)
}

func (r Request) finish(s State, why string, now time.Time) (Request, error) {
	if r.State.Over() {
		return r, r.refuse()
	}
	n := r.copy()
	n.end(s, why, now)
	return r.step(n)
}

// Void starts anew since what the request refers to has changed: a new round, in
// which no earlier decision counts. Without stages it keeps those it has.
func (r Request) Void(stages []Stage, pins map[string]string, why string, now time.Time) (Request, error) {
	n, _ := r.Tick(now)
	if n.State != InStage {
		return r, n.refuse()
	}
	n = n.copy()
	n.Round++
	n.Voided, n.Pins = why, maps.Clone(pins)
	if len(stages) == 0 {
		stages = n.Stages
	}
	if err := n.begin(stages, now); err != nil {
		return r, err
	}
	return r.step(n)
}

// Tick is what time does to a request: the open stage's escalation, or the
// request's end. It reports whether anything changed.
func (r Request) Tick(now time.Time) (Request, bool) {
	if due := r.Due(); due.IsZero() || now.Before(due) {
		return r, false
	}
	n := r.copy()
	s, open := n.Open()
	switch {
	case !n.Expires.IsZero() && !now.Before(n.Expires):
		n.end(Expired, "it was not decided in time", now)
	case open && len(s.Escalate) > 0:
		n.Escalated = true
	default:
		n.end(Expired, fmt.Sprintf("stage %q was not decided in time", s.Name), now)
	}
	return n, true
}

// Due is when time next changes the request; zero: it does not.
func (r Request) Due() time.Time {
	if r.State != Submitted && r.State != InStage {
		return time.Time{}
	}
	due := r.Expires
	if s, open := r.Open(); open && s.Timeout > 0 && !r.Escalated {
		if t := r.Since.Add(s.Timeout); due.IsZero() || t.Before(due) {
			due = t
		}
	}
	return due
}

// Open is the stage that waits for decisions, if one does.
func (r Request) Open() (Stage, bool) {
	if r.State != InStage || r.Stage < 0 || r.Stage >= len(r.Stages) {
		return Stage{}, false
	}
	return r.Stages[r.Stage], true
}

func (r *Request) end(s State, why string, now time.Time) {
	r.State, r.Reason, r.Ended = s, why, instant(now)
}

// refuse says why a request cannot be changed.
func (r *Request) refuse() error {
	if r.State.Over() {
		return fmt.Errorf("%w: %s", ErrOver, r.State)
	}
	return fmt.Errorf("%w: it is %s", ErrState, r.State)
}

// copy shares nothing with r that a transition changes.
func (r Request) copy() Request {
	r.Stages, r.Decisions, r.Pins = slices.Clone(r.Stages), slices.Clone(r.Decisions), maps.Clone(r.Pins)
	return r
}

// step returns the request as next, or as it was and what is wrong with next.
func (r Request) step(next Request) (Request, error) {
	if err := next.check(); err != nil {
		return r, err
	}
	return next, nil
}

// instant is a time as requests keep it.
func instant(t time.Time) time.Time { return t.UTC().Round(0) }
