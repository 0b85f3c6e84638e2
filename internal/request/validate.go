package request

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// Validate reports what is wrong with a request taken alone, or nil. A request
// whose state does not follow from its decisions is wrong: an Approved one without
// the approvals for it above all.
func (r Request) Validate() error {
	if !identity.ValidName(r.ID) {
		return fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", r.ID)
	}
	return r.check()
}

// check is Validate for a request that has no name yet.
func (r *Request) check() error {
	if r.Created.IsZero() {
		return errors.New("created is required")
	}
	return errors.Join(r.checkAsk(), r.checkWords(), checkParty("requester", r.Requester), r.checkCourse())
}

// checkCourse judges stages, decisions and state.
func (r *Request) checkCourse() error {
	if err := r.checkStages(); err != nil {
		return err
	}
	for i := range r.Decisions {
		d := &r.Decisions[i]
		if d.Round < 0 || d.Round > r.Round {
			return fmt.Errorf("decisions: %d: round %d has not been", i, d.Round)
		}
		if err := r.checkDecision(d); err != nil {
			return fmt.Errorf("decisions: %d: %w", i, err)
		}
	}
	for name, digest := range r.Pins {
		if sum, err := hex.DecodeString(digest); name == "" || err != nil || len(sum) != 32 {
			return fmt.Errorf("pins: %s: want a SHA-256 digest, in hex", name)
		}
	}
	return r.checkState()
}

func (r *Request) checkWords() error {
	errs := []error{
		CheckText("justification", r.Justification), CheckText("reason", r.Reason), CheckText("voided", r.Voided),
		checkLine("ticket", r.Ticket, 256), checkLine("answers", r.Answers, 128), checkLine("outcome", r.Outcome, 256),
	}
	needed := r.Kind == ForWaiver || r.Ask.Grant != nil && r.Ask.Grant.Emergency
	if needed && strings.TrimSpace(r.Justification) == "" {
		errs = append(errs, errors.New("justification is required for an emergency and for a waiver"))
	}
	return errors.Join(errs...)
}

// checkAsk judges what is asked for: the part of the request's kind and no other.
func (r *Request) checkAsk() error {
	a := r.Ask
	parts := 0
	for _, set := range []bool{a.Grant != nil, a.Change != nil, a.Lift != nil, a.Waiver != nil, a.Review != nil} {
		if set {
			parts++
		}
	}
	if parts != 1 {
		return errors.New("ask: want exactly one of grant, change, lift, waiver and review")
	}
	switch {
	case r.Kind == ForGrant && a.Grant != nil:
		return a.Grant.check(r.Created)
	case r.Kind == ForChange && a.Change != nil:
		return a.Change.check()
	case r.Kind == ForLift && a.Lift != nil:
		return a.Lift.check()
	case r.Kind == ForWaiver && a.Waiver != nil:
		return a.Waiver.check()
	case r.Kind == ForReview && a.Review != nil:
		return a.Review.check()
	}
	return fmt.Errorf("kind %q: want the kind of what is asked for", r.Kind)
}

// duration is how long what is asked for lasts; zero where it has no end.
func (a *Ask) duration() time.Duration {
	switch {
	case a.Grant != nil:
		return a.Grant.Duration
	case a.Waiver != nil:
		return a.Waiver.Duration
	}
	return 0
}

func (a *GrantAsk) check(created time.Time) error {
	switch {
	case !identity.ValidName(a.Identity) || !identity.ValidName(a.Entitlement):
		return errors.New("ask.grant: identity and entitlement are required, by name")
	case a.Replaces != "" && !identity.ValidName(a.Replaces):
		return errors.New("ask.grant: replaces: want the name of a grant")
	case a.SpendUSD != nil && (*a.SpendUSD < 0 || *a.SpendUSD > rights.MaxSpendUSD):
		return fmt.Errorf("ask.grant: spendUSD: want 0 to %d", rights.MaxSpendUSD)
	case !a.Start.IsZero() && a.Start.After(created.Add(MaxAhead)):
		return errors.New("ask.grant: start: want a time within a year")
	}
	if a.Narrow != nil {
		if err := a.Narrow.Validate(); err != nil {
			return fmt.Errorf("ask.grant: narrow: %w", err)
		}
	}
	return checkDuration("ask.grant: duration", a.Duration)
}

func (a *ChangeAsk) check() error {
	if len(a.Changes) == 0 || len(a.Widens) == 0 {
		return errors.New("ask.change: changes, and what they widen, are required")
	}
	for i, c := range a.Changes {
		if err := c.check(); err != nil {
			return fmt.Errorf("ask.change: changes: %d: %w", i, err)
		}
	}
	for i, w := range a.Widens {
		if w.Cause == "" || w.Text == "" {
			return fmt.Errorf("ask.change: widens: %d: cause and text are required", i)
		}
	}
	return nil
}

// check judges a change's form: what it creates has no predecessor, and what it
// deletes has no successor.
func (c *Change) check() error {
	if c.Kind == "" || c.Name == "" {
		return errors.New("kind and name are required")
	}
	if sum, err := hex.DecodeString(c.Before); c.Before != "" && (err != nil || len(sum) != 32) {
		return errors.New("before: want a SHA-256 digest, in hex")
	}
	had, has := c.Before != "", len(c.Spec) > 0
	if c.Op == "create" && !had && has || c.Op == "update" && had && has || c.Op == "delete" && had && !has {
		return nil
	}
	return fmt.Errorf("op %q: want create with spec, update with both, or delete with before", c.Op)
}

func (a *LiftAsk) check() error {
	if !identity.ValidName(a.Quarantine) || !slices.Contains(rights.QuarantineKinds, a.Target.Kind) || a.Target.Name == "" {
		return errors.New("ask.lift: the name of a quarantine, and its target, are required")
	}
	return nil
}

func (a *WaiverAsk) check() error {
	kind, name, _ := strings.Cut(a.Subject, "/")
	if !identity.ValidName(a.Rule) || name == "" || kind != "Identity" && kind != "Operator" {
		return errors.New("ask.waiver: a rule, and a subject Identity/name or Operator/name, are required")
	}
	return errors.Join(
		checkDuration("ask.waiver: duration", a.Duration),
		checkLine("ask.waiver: subject", a.Subject, 512),
		CheckText("ask.waiver: compensating", a.Compensating),
	)
}

func (a *ReviewAsk) check() error {
	if !identity.ValidName(a.Grant) || !identity.ValidName(a.Identity) {
		return errors.New("ask.review: grant and identity are required, by name")
	}
	return checkParty("ask.review: by", a.By)
}

func checkDuration(field string, d time.Duration) error {
	if d <= 0 || d > MaxLife {
		return fmt.Errorf("%s: %v: want more than nothing, and at most %v", field, d, MaxLife)
	}
	return nil
}

func (r *Request) checkStages() error {
	seen := make(map[string]bool)
	for _, s := range r.Stages {
		if err := s.check(); err != nil {
			return fmt.Errorf("stages: %q: %w", s.Name, err)
		}
		if seen[s.Name] {
			return fmt.Errorf("stages: %q is there twice", s.Name)
		}
		seen[s.Name] = true
		if r.Kind == ForReview && s.Timeout > 0 && len(s.Escalate) == 0 {
			return fmt.Errorf("stages: %q: a review does not expire: want escalate with timeout", s.Name)
		}
	}
	return nil
}

func (s *Stage) check() error {
	switch {
	case s.Name == "":
		return errors.New("name is required")
	case len(s.Approvers) == 0:
		return errors.New("approvers is required")
	case s.Needed < 1 || s.Denials < 1:
		return errors.New("needed and denials: want at least 1")
	case s.Timeout < 0 || s.Timeout > MaxLife:
		return fmt.Errorf("timeout: want at most %v", MaxLife)
	}
	errs := []error{checkLine("name", s.Name, 200), checkLine("entitlement", s.Entitlement, 64), checkLine("grant", s.Grant, 64)}
	for _, selector := range slices.Concat(s.Approvers, s.Escalate) {
		_, err := rights.ParsePeople(selector)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// checkDecision judges a decision's form, and that it gives no more than was asked
// for (rule R10).
func (r *Request) checkDecision(d *Decision) error {
	asked := r.Ask.duration()
	switch {
	case d.Stage < 0 || d.Round == r.Round && d.Stage > 0 && d.Stage >= len(r.Stages):
		return fmt.Errorf("stage: there is no stage %d", d.Stage)
	case d.Verdict != Approve && d.Verdict != Deny:
		return fmt.Errorf("verdict %q: want approve or deny", d.Verdict)
	case d.At.IsZero():
		return errors.New("at is required")
	case d.Duration < 0 || d.Duration > asked:
		return fmt.Errorf("duration: %v: %w: %v", d.Duration, ErrWider, asked)
	case d.Narrow != nil && r.Ask.Grant == nil:
		return errors.New("narrow: only a grant can be narrowed")
	}
	errs := []error{CheckText("reason", d.Reason), checkLine("automatic", d.Automatic, 128), checkParty("by", d.By)}
	if d.For != nil {
		errs = append(errs, checkParty("for", *d.For))
	}
	if d.Narrow != nil {
		errs = append(errs, d.Narrow.Validate(), wider(r.Ask.Grant.Narrow, d.Narrow))
	}
	return errors.Join(errs...)
}

// checkState judges whether the state follows from the rest.
func (r *Request) checkState() error {
	switch {
	case !slices.Contains(States, r.State):
		return fmt.Errorf("state %q: want one of %v", r.State, States)
	case r.Round < 0:
		return errors.New("round must not be negative")
	case r.State.Over() == r.Ended.IsZero():
		return errors.New("ended: want the time at which it ended, and none before")
	case r.State == Draft && !r.Submitted.IsZero():
		return errors.New("submitted: a draft has not been")
	}
	if r.Submitted.IsZero() {
		return r.checkUnsubmitted()
	}
	return r.checkSubmitted()
}

func (r *Request) checkUnsubmitted() error {
	if r.State != Draft && r.State != Cancelled && r.State != Failed {
		return fmt.Errorf("state %q: want the time at which it was submitted", r.State)
	}
	if len(r.Stages)+len(r.Decisions)+r.Round > 0 {
		return errors.New("stages: nothing is decided of a draft")
	}
	return nil
}

func (r *Request) checkSubmitted() error {
	switch {
	case (r.Kind == ForReview) != r.Expires.IsZero():
		return errors.New("expires: want a time, for all but a review")
	case r.Kind == ForReview && (r.State == Expired || r.State == Cancelled):
		return errors.New("state: a review is closed by a decision")
	case r.Stage < 0 || len(r.Stages) > 0 && (r.Stage >= len(r.Stages) || r.Since.IsZero()):
		return fmt.Errorf("stage: there is no stage %d, or it never opened", r.Stage)
	case r.State == InStage && len(r.Stages) == 0, r.State == Submitted && len(r.Stages) > 0:
		return fmt.Errorf("state %q: the stages say otherwise", r.State)
	case r.State == Approved && !r.passed(len(r.Stages)), r.State == InStage && !r.passed(r.Stage):
		return fmt.Errorf("state %q: the approvals for it are missing", r.State)
	case r.State == Denied && !r.refused():
		return errors.New("state: the denials for it are missing")
	}
	if r.State == Approved {
		_, err := r.left(nil)
		return err
	}
	return nil
}

// passed reports whether the first n stages have the approvals they need; where
// there are no stages, whether a rule approved.
func (r *Request) passed(n int) bool {
	if len(r.Stages) == 0 {
		return r.Kind == ForGrant && len(r.Approvals()) > 0 && !r.refused()
	}
	for i := range n {
		s, approvals, denials, human := r.tally(i)
		if approvals < s.Needed || denials >= s.Denials || s.Human && !human {
			return false
		}
	}
	return true
}

// refused reports whether the open stage has the denials it takes, or a rule denied.
func (r *Request) refused() bool {
	if len(r.Stages) == 0 {
		return slices.ContainsFunc(r.Decisions, func(d Decision) bool { return d.Automatic != "" && d.Verdict == Deny })
	}
	s, _, denials, _ := r.tally(r.Stage)
	return denials >= s.Denials
}
