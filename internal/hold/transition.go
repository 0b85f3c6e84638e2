package hold

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/request"
)

// What can stand in the way of a transition.
var (
	ErrOver      = errors.New("the hold is over")
	ErrExpired   = errors.New("the hold has expired")
	ErrAlready   = errors.New("this person has agreed to this already")
	ErrReason    = errors.New("a rejection needs a reason")
	ErrChoices   = errors.New("a decision says of each call that waits what becomes of it")
	ErrMalformed = errors.New("the arguments are no JSON that everybody reads alike")
	ErrTooMany   = errors.New("too many decisions: it can only be rejected, or expire")
	ErrTooLarge  = errors.New("too large to be held")
)

// At is the hold as it stands at an instant: one whose time is over has expired,
// whether or not somebody wrote that down.
func (h Hold) At(now time.Time) Hold {
	if h.State == Pending && !now.Before(h.Expires) {
		h.end(Expired, "nobody decided in time", h.Expires)
	}
	return h
}

// Expire ends a hold that nobody decided on in time.
func (h Hold) Expire(now time.Time) (Hold, error) {
	if h.State.Over() {
		return h, ErrOver
	}
	n := h.At(now)
	if n.State != Expired {
		return h, errors.New("its time is not over")
	}
	return n, n.check()
}

// Decide adds a person's decision. Round and At are set. A rejection ends the hold;
// a release counts together with those before it that agree with it in every call,
// and voids those that do not. At the instant of Expires it is too late.
func (h Hold) Decide(d Decision, now time.Time) (Hold, error) {
	if err := h.open(now); err != nil {
		return h, err
	}
	d.At, d.Round, d.Automatic, d.Calls = instant(now), h.Round, false, slices.Clone(d.Calls)
	n := h
	n.Decisions = slices.Clone(h.Decisions)
	if err := n.hear(&d); err != nil {
		return h, err
	}
	n.conclude(now)
	if err := n.check(); err != nil {
		return h, err
	}
	return n, nil
}

// Withdraw rejects a hold in Writ's own name: the right that it stood on has ended.
func (h Hold) Withdraw(why string, now time.Time) (Hold, error) {
	if err := h.open(now); err != nil {
		return h, err
	}
	n := h
	n.Decisions = append(slices.Clone(h.Decisions), Decision{
		Round: h.Round, By: request.Party{Operator: "writ", Via: "writ"}, Verdict: Reject, Reason: why, At: instant(now), Automatic: true,
	})
	n.end(Rejected, why, now)
	if err := n.check(); err != nil {
		return h, err
	}
	return n, nil
}

func (h *Hold) open(now time.Time) error {
	switch h.At(now).State {
	case Pending:
		return nil
	case Expired:
		return ErrExpired
	}
	return fmt.Errorf("%w: %s", ErrOver, h.State)
}

// hear adds a decision, if it may be one.
func (h *Hold) hear(d *Decision) error {
	if d.By.Person == "" || d.For != nil && d.For.Person == "" {
		return errors.New("by: the person who decides is required")
	}
	if d.Verdict == Reject {
		return h.hearRejection(d)
	}
	if d.Verdict != Release {
		return fmt.Errorf("verdict %q: want release or reject", d.Verdict)
	}
	slices.SortFunc(d.Calls, func(a, b CallChoice) int { return cmp.Compare(a.Index, b.Index) })
	if err := h.judge(d.Calls); err != nil {
		return err
	}
	return h.hearRelease(d)
}

func (h *Hold) hearRejection(d *Decision) error {
	if strings.TrimSpace(d.Reason) == "" {
		return ErrReason
	}
	d.Calls = nil
	h.Decisions = append(h.Decisions, *d)
	return nil
}

func (h *Hold) hearRelease(d *Decision) error {
	if len(h.Decisions) >= MaxDecisions-1 {
		return ErrTooMany
	}
	if agreed := h.counted(); len(agreed) > 0 {
		if !alike(agreed[0].Calls, d.Calls) {
			h.Round++ // what was agreed on so far is no more
			d.Round = h.Round
		} else if heard := voicesOf(agreed); slices.ContainsFunc(d.voices(), func(v string) bool { return slices.Contains(heard, v) }) {
			return ErrAlready
		}
	}
	h.Decisions = append(h.Decisions, *d)
	return nil
}

// judge fills in the choices of a release, and reports what is wrong with them.
// Something must be released: to reject every call is to reject.
func (h *Hold) judge(choices []CallChoice) error {
	if len(choices) != len(h.Calls) {
		return ErrChoices
	}
	released := h.Whole
	for i := range choices {
		call, ok := h.Call(choices[i].Index)
		if !ok || i > 0 && choices[i-1].Index == choices[i].Index {
			return ErrChoices
		}
		if err := choices[i].judge(h, call); err != nil {
			return fmt.Errorf("call %d: %w", call.Index, err)
		}
		released = released || choices[i].Verdict != Reject
	}
	if !released {
		return fmt.Errorf("%w: to release none of them is to reject", ErrChoices)
	}
	return nil
}

func (c *CallChoice) judge(h *Hold, call Call) error {
	arguments := c.Arguments
	c.Edited, c.Needed, c.Arguments = "", 0, nil
	switch {
	case c.Verdict == Reject:
		return nil
	case call.Why == Malformed:
		return fmt.Errorf("%w: it can only be rejected", ErrMalformed)
	case c.Verdict == Release && call.Digest == "":
		return fmt.Errorf("%w: it can only be edited or rejected", ErrMalformed)
	case c.Verdict == Release:
		return nil
	case c.Verdict != Edit:
		return fmt.Errorf("verdict %q: want release, edit or reject", c.Verdict)
	}
	digest, err := Digest(arguments)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	c.Needed = NeededFor(h.Thresholds, call.Tool, arguments)
	if digest == call.Digest { // an edit that changes nothing is none
		c.Verdict, c.Needed = Release, 0
		return nil
	}
	c.Edited = digest
	return nil
}

// conclude ends the hold, as far as the decisions allow.
func (h *Hold) conclude(now time.Time) {
	last := h.Decisions[len(h.Decisions)-1]
	if last.Verdict == Reject {
		h.end(Rejected, last.Reason, now)
		return
	}
	if agreed := h.counted(); len(agreed) >= h.needed(agreed) {
		h.release(agreed[0].Calls)
		h.end(Released, last.Reason, now)
	}
}

// release writes down what becomes of each call.
func (h *Hold) release(choices []CallChoice) {
	h.Calls = slices.Clone(h.Calls)
	for i := range h.Calls {
		for _, c := range choices {
			if c.Index == h.Calls[i].Index {
				h.Calls[i].Verdict, h.Calls[i].Edited = c.Verdict, c.Edited
			}
		}
	}
}

func (h *Hold) end(s State, why string, now time.Time) {
	h.State, h.Reason, h.Ended = s, why, instant(now)
}

// needed is how many people must agree on what was agreed on: edited arguments can
// be over a threshold that the model's were not.
func (h *Hold) needed(agreed []Decision) int {
	n := max(h.Needed, 1)
	for _, d := range agreed {
		for _, c := range d.Calls {
			n = max(n, c.Needed)
		}
	}
	return n
}

// Given is how many people have agreed to the release that stands, and how many it
// takes.
func (h Hold) Given() (given, needed int) {
	agreed := h.counted()
	return len(agreed), h.needed(agreed)
}

// Agreed are the choices of the release that stands, by people who have agreed;
// nil while there is none.
func (h Hold) Agreed() []CallChoice {
	if agreed := h.counted(); len(agreed) > 0 {
		return agreed[0].Calls
	}
	return nil
}

// counted are the releases of this round that agree with its first, each voice
// once. A hold that was read is not believed to have come the way that Decide lets.
func (h *Hold) counted() (out []Decision) {
	var heard []string
	for _, d := range h.Decisions {
		if d.Round != h.Round || d.Verdict != Release || d.Automatic || len(out) > 0 && !alike(out[0].Calls, d.Calls) {
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

func alike(a, b []CallChoice) bool {
	return slices.EqualFunc(a, b, func(x, y CallChoice) bool {
		return x.Index == y.Index && x.Verdict == y.Verdict && x.Edited == y.Edited
	})
}

func voicesOf(decisions []Decision) (out []string) {
	for i := range decisions {
		out = append(out, decisions[i].voices()...)
	}
	return out
}

// voices are the persons that a decision uses the voice of.
func (d *Decision) voices() []string {
	said := []string{voice(d.By)}
	if d.For != nil && voice(*d.For) != said[0] {
		said = append(said, voice(*d.For))
	}
	return said
}

func voice(p request.Party) string { return strings.ToLower(cmp.Or(p.Person, p.Operator)) }

// Approvers names the accounts that released it.
func (h Hold) Approvers() (out []string) {
	if h.State != Released {
		return nil
	}
	for _, d := range h.counted() {
		out = append(out, d.By.Operator)
	}
	return out
}
