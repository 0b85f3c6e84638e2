package governance

import (
	"errors"
	"fmt"
	"strings"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/sod"
)

// Errors that faces tell apart. A row that its reader may not see is
// store.ErrNotFound, so that asking tells nothing.
var (
	// ErrForbidden: the actor has no right to this. A *ForbiddenError says which.
	ErrForbidden = errors.New("not allowed")
	// ErrSelf: nobody decides on what is their own (rules R1, R2).
	ErrSelf = errors.New("nobody decides on their own request")
	// ErrIneligible: the open stage asks for other people.
	ErrIneligible = errors.New("the open stage is for others to decide")
	// ErrNoApprover: nobody could decide; a *NoApproverError says whom it would take (rule R4).
	ErrNoApprover = errors.New("nobody can approve this")
	// ErrDuties: duties would meet in one hand; a *DutiesError says which.
	ErrDuties = errors.New("duties would meet that must be kept apart")
	// ErrOver: the request has ended, or its stage is past.
	ErrOver = errors.New("the request is over")
	// ErrStaleView: it has changed since it was looked at.
	ErrStaleView = errors.New("it has changed since you looked at it")
	// ErrNeedsRequest: the change would widen what was approved, and has to be asked for.
	ErrNeedsRequest = errors.New("this widens what was approved: it takes a request")
	// ErrNotOffered: the entitlement, or the kind of access, cannot be asked for here.
	ErrNotOffered = errors.New("this cannot be asked for")
	// ErrNothing: there is nothing to take away or to do.
	ErrNothing = errors.New("there is nothing to do")
	// ErrInvalid: what was asked for makes no sense; the text says why.
	ErrInvalid = errors.New("this cannot be done")
)

// ForbiddenError is an action that no rule allows the actor.
type ForbiddenError struct {
	Action  authority.Action
	Reasons []string
}

func (e *ForbiddenError) Error() string {
	text := fmt.Sprintf("%v: it takes the right %s", ErrForbidden, e.Action)
	if len(e.Reasons) > 0 {
		text += " (" + strings.Join(e.Reasons, "; ") + ")"
	}
	return text
}

// Is reports ErrForbidden.
func (e *ForbiddenError) Is(target error) bool { return target == ErrForbidden }

// NoApproverError names the stage that nobody could pass, and who could if they
// were not tied to the request.
type NoApproverError struct {
	Stage    string
	Want     []string          // selectors
	Needed   int               // approvals
	Eligible []string          // who may decide: fewer than needed
	Excluded map[string]string // who would match, and why they may not
}

func (e *NoApproverError) Error() string {
	text := fmt.Sprintf("%v: stage %q needs %d of %s, and there is %s", ErrNoApprover, e.Stage, e.Needed, strings.Join(e.Want, ", "), countOf(e.Eligible))
	for _, name := range sortedKeys(e.Excluded) {
		text += fmt.Sprintf("; %s may not: %s", name, e.Excluded[name])
	}
	return text
}

func countOf(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return "only " + strings.Join(names, ", ")
}

// Is reports ErrNoApprover.
func (e *NoApproverError) Is(target error) bool { return target == ErrNoApprover }

// DutiesError lists the conflicts that no waiver excuses.
type DutiesError struct{ Conflicts []sod.Conflict }

func (e *DutiesError) Error() string {
	var parts []string
	said := make(map[string]bool)
	for _, c := range e.Conflicts {
		if said[c.Rule+c.Subject] {
			continue // once a rule and hand, however many models it is about
		}
		said[c.Rule+c.Subject] = true
		parts = append(parts, fmt.Sprintf("%s: %s would %s and %s (rule %s)", c.Title, c.Subject, c.Left.Duty, c.Right.Duty, c.Rule))
	}
	return fmt.Sprintf("%v: %s", ErrDuties, strings.Join(parts, "; "))
}

// Is reports ErrDuties.
func (e *DutiesError) Is(target error) bool { return target == ErrDuties }
