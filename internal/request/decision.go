package request

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// Decide adds a decision on the open stage, which passes or fails by it, or waits
// on. Stage and Round say what the decider saw; At is set. Who may decide is the
// caller's to know; that nobody decides on a request of their own, or twice, is
// checked here too, by person: a second account or a deputy has no second voice.
func (r Request) Decide(d Decision, now time.Time) (Request, error) {
	n, err := r.hear(d, now)
	if err != nil {
		return r, err
	}
	n.conclude(d.Reason, now)
	return r.step(n)
}

// DecideFailed adds a decision that would approve the request, and ends it as
// Failed: what was asked for can no longer be. The error is ErrState where the
// decision would not approve it.
func (r Request) DecideFailed(d Decision, why string, now time.Time) (Request, error) {
	n, err := r.hear(d, now)
	if err != nil {
		return r, err
	}
	if n.conclude(d.Reason, now); n.State != Approved {
		return r, fmt.Errorf("%w: the decision does not approve it", ErrState)
	}
	n.end(Failed, why, now)
	return r.step(n)
}

// hear adds a decision, if it may be one.
func (r Request) hear(d Decision, now time.Time) (Request, error) {
	n, _ := r.Tick(now)
	if n.State != InStage {
		return r, n.refuse()
	}
	if d.Stage != n.Stage || d.Round != n.Round {
		return r, fmt.Errorf("%w: stage %d of round %d is open", ErrStale, n.Stage, n.Round)
	}
	d.At = instant(now)
	if err := n.admit(&d); err != nil {
		return r, err
	}
	n = n.copy()
	n.Decisions = append(n.Decisions, d)
	return n, nil
}

// admit reports why a decision is none, or nil.
func (r *Request) admit(d *Decision) error {
	switch {
	case d.By.Person == "" || d.For != nil && d.For.Person == "":
		return errors.New("by: the person who decides is required")
	case d.Automatic != "":
		return errors.New("automatic: rules decide at submission only")
	case r.own(d):
		return ErrSelf
	case slices.ContainsFunc(d.voices(), func(v string) bool { return slices.Contains(r.Voices(r.Stage), v) }):
		return ErrAlready
	case d.Verdict == Deny && strings.TrimSpace(d.Reason) == "":
		return ErrReason
	}
	if err := r.checkDecision(d); err != nil {
		return err
	}
	if d.Verdict == Approve {
		_, err := r.left(d.Narrow)
		return err
	}
	return nil
}

// conclude moves on, as far as the decisions allow.
func (r *Request) conclude(reason string, now time.Time) {
	s, approvals, denials, human := r.tally(r.Stage)
	switch {
	case denials >= s.Denials:
		r.end(Denied, reason, now)
	case approvals < s.Needed || s.Human && !human:
	case r.Stage+1 < len(r.Stages):
		r.enter(r.Stage+1, now)
	default:
		r.end(Approved, reason, now)
	}
}

// tally counts a stage's decisions of this round: each voice once, and none of
// the requester's. human says whether a human is among those who approved.
func (r *Request) tally(stage int) (s Stage, approvals, denials int, human bool) {
	for _, d := range r.counted(stage) {
		if d.Verdict == Deny {
			denials++
			continue
		}
		approvals++
		human = human || !d.Automation
	}
	return r.Stages[stage], approvals, denials, human
}

// counted are the decisions of this round on a stage. Decide lets no voice be
// heard twice and no requester's at all; a request that was read is not believed
// to have come that way.
func (r *Request) counted(stage int) (out []Decision) {
	var heard []string
	for _, d := range r.Decisions {
		if d.Round != r.Round || d.Stage != stage || d.Automatic != "" || r.own(&d) {
			continue
		}
		voices := d.voices()
		if slices.ContainsFunc(voices, func(v string) bool { return slices.Contains(heard, v) }) {
			continue
		}
		heard = append(heard, voices...)
		out = append(out, d)
	}
	return out
}

// own reports whether a decision is by, or in the place of, whoever the request
// is of: who asked, and in a review who took the emergency.
func (r *Request) own(d *Decision) bool {
	of := []string{voice(r.Requester), strings.ToLower(r.Requester.Operator)}
	if r.Ask.Review != nil {
		of = append(of, voice(r.Ask.Review.By), strings.ToLower(r.Ask.Review.By.Operator))
	}
	said := append(d.voices(), strings.ToLower(d.By.Operator))
	if d.For != nil {
		said = append(said, strings.ToLower(d.For.Operator))
	}
	return slices.ContainsFunc(said, func(v string) bool { return slices.Contains(of, v) })
}

// voices are the persons that a decision uses the voice of: who decides, and in
// whose place.
func (d *Decision) voices() []string {
	said := []string{voice(d.By)}
	if d.For != nil && voice(*d.For) != said[0] {
		said = append(said, voice(*d.For))
	}
	return said
}

func voice(p Party) string { return strings.ToLower(cmp.Or(p.Person, p.Operator)) }

// Voices are the persons, in lower case, whose voice is used in a stage of this round.
func (r Request) Voices(stage int) (out []string) {
	for _, d := range r.Decisions {
		if d.Round == r.Round && d.Stage == stage {
			out = append(out, d.voices()...)
		}
	}
	return out
}

// Approvals are the approvals of this round that count, stage by stage; a rule's
// verdict, where one decided.
func (r Request) Approvals() (out []Decision) {
	if len(r.Stages) == 0 {
		for _, d := range r.Decisions {
			if d.Round == r.Round && d.Automatic != "" && d.Verdict == Approve {
				out = append(out, d)
			}
		}
	}
	for stage := range r.Stages {
		for _, d := range r.counted(stage) {
			if d.Verdict == Approve {
				out = append(out, d)
			}
		}
	}
	return out
}

// Approvers names who approved: accounts, and automatic:RULE.
func (r Request) Approvers() (out []string) {
	for _, d := range r.Approvals() {
		name := d.By.Operator
		if d.Automatic != "" {
			name = "automatic:" + d.Automatic
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Granted is what an approved request gives: what was asked for, less what any of
// its approvals left out, for the shortest of the durations. The duration is zero
// for requests that have none. The error is ErrState where it is not approved.
func (r Request) Granted() (narrow *rights.Narrowing, d time.Duration, err error) {
	if r.State != Approved {
		return nil, 0, fmt.Errorf("%w: it is %s", ErrState, r.State)
	}
	d = r.Ask.duration()
	for _, a := range r.Approvals() {
		if a.Duration > 0 {
			d = min(d, a.Duration)
		}
	}
	narrow, err = r.left(nil)
	return narrow, d, err
}

// left is what a further narrowing leaves of the ask and of what was approved.
func (r *Request) left(further *rights.Narrowing) (*rights.Narrowing, error) {
	if r.Ask.Grant == nil {
		return nil, nil
	}
	out, err := r.Ask.Grant.limited()
	if err != nil {
		return nil, err
	}
	for _, a := range r.Approvals() {
		if out, err = both(out, a.Narrow); err != nil {
			return nil, err
		}
	}
	return both(out, further)
}

// limited is the narrowing that is asked for, with the spend that was stated: those
// who approve agree to that, and so the grant may cost no more.
func (a *GrantAsk) limited() (*rights.Narrowing, error) {
	if a.SpendUSD == nil {
		return a.Narrow, nil
	}
	return both(a.Narrow, &rights.Narrowing{SpendUSD: a.SpendUSD})
}

func both(a, b *rights.Narrowing) (*rights.Narrowing, error) {
	if a == nil || b == nil {
		return cmp.Or(a, b), nil
	}
	n, err := a.And(*b)
	if err != nil {
		return nil, fmt.Errorf("narrow: %w", err)
	}
	return &n, nil
}

// wider reports names in a narrowing that the one asked for leaves out. A list
// that was not given leaves nothing out; the entitlement's own limits are the
// caller's to check.
func wider(asked, n *rights.Narrowing) error {
	if asked == nil || n == nil {
		return nil
	}
	for _, f := range []struct {
		field       string
		asked, said []string
	}{
		{"models", asked.Models, n.Models},
		{"actions", asked.Actions, n.Actions},
		{"networks", asked.Networks, n.Networks},
		{"regions", asked.Regions, n.Regions},
		{"purposes", asked.Purposes, n.Purposes},
		{"serviceTiers", asked.ServiceTiers, n.ServiceTiers},
	} {
		for _, name := range f.said {
			if len(f.asked) > 0 && !slices.Contains(f.asked, name) {
				return fmt.Errorf("narrow.%s: %q: %w", f.field, name, ErrWider)
			}
		}
	}
	return nil
}
