// Package grant is the life of a grant: from an approved request to a right in
// force, and to its end. It is a state machine over rights.Grant values: which
// step may follow which, and what each does to the grant's window. Whether every
// replica knows of a step (and so whether a grant may be called active, or ended)
// is settled by the caller.
//
// The package is pure: no I/O and no clock. It trusts its caller for the time and
// for what has spread. It promises that a grant gives no more than its request's
// approvals said, for no longer; nothing before it is activated; and nothing, ever
// again, from the step that takes it away.
package grant

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

// What can stand in the way of a step.
var (
	ErrState    = errors.New("the grant is not at that step")
	ErrTooEarly = errors.New("the grant's time has not come")
	ErrTooLate  = errors.New("the time that the grant was approved for has passed")
)

// step is something that happens to a grant.
type step string

const (
	activate       step = "activate"
	confirm        step = "confirm"
	failActivation step = "fail to activate"
	revoke         step = "revoke"
	failRevocation step = "fail to revoke"
	end            step = "end"
	expire         step = "expire"
)

// maxDetail is how much is kept of why a step failed, in bytes: it goes into a record.
const maxDetail = 1024

// fromFiles is the state of grants that files made: active.
const fromFiles rights.GrantState = ""

// steps is the machine: from which states a step leads to which. Nothing leads out
// of ended, and from revoking only on to it: what is taken away stays so.
var steps = map[step]struct {
	from []rights.GrantState
	to   rights.GrantState
}{
	activate:       {[]rights.GrantState{rights.GrantScheduled, rights.GrantActivationFailed}, rights.GrantActivating},
	confirm:        {[]rights.GrantState{rights.GrantActivating}, rights.GrantActive},
	failActivation: {[]rights.GrantState{rights.GrantScheduled, rights.GrantActivating}, rights.GrantActivationFailed},
	revoke:         {notTakenAway, rights.GrantRevoking},
	failRevocation: {[]rights.GrantState{rights.GrantRevoking}, rights.GrantRevokeFailed},
	end:            {[]rights.GrantState{rights.GrantRevoking, rights.GrantRevokeFailed}, rights.GrantEnded},
	expire:         {notTakenAway, rights.GrantEnded},
}

var notTakenAway = []rights.GrantState{
	fromFiles, rights.GrantScheduled, rights.GrantActivating, rights.GrantActive, rights.GrantActivationFailed,
}

// take moves a grant by a step.
func take(g rights.Grant, s step) (rights.Grant, error) {
	row := steps[s]
	if !slices.Contains(row.from, g.State) {
		return g, fmt.Errorf("%w: it is %s, and cannot %s", ErrState, Word(g.State), s)
	}
	g.State = row.to
	return g, nil
}

// Word is a state as people read it; that of a grant from files is active.
func Word(s rights.GrantState) string {
	if s == fromFiles {
		s = rights.GrantActive
	}
	return string(s)
}

// FromRequest is the grant that an approved request leads to: activating from now,
// or scheduled for the start that was asked for. pin is the digest of what its
// approvers saw it refer to. The error is ErrTooLate where all the time asked for
// passed while the request waited.
func FromRequest(r request.Request, id, pin string, now time.Time) (rights.Grant, error) {
	ask := r.Ask.Grant
	if ask == nil {
		return rights.Grant{}, fmt.Errorf("a request for a %s leads to no grant", r.Kind)
	}
	narrow, duration, err := r.Granted()
	if err != nil {
		return rights.Grant{}, err
	}
	if !identity.ValidName(id) {
		return rights.Grant{}, fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", id)
	}
	g := rights.Grant{
		ID: id, Identity: ask.Identity, Entitlement: ask.Entitlement, Origin: origin(ask),
		State: rights.GrantScheduled, Duration: identity.Duration(duration), Narrow: narrow,
		From: &rights.Provenance{Request: r.ID, Requester: r.Requester.Operator, Approvers: r.Approvers(), Pin: pin},
	}
	g = window(g, ask.Start)
	if ask.Start.IsZero() {
		g = window(g, now)
	}
	if now.Before(g.NotBefore) {
		return g, nil
	}
	return Activate(g, now)
}

func origin(ask *request.GrantAsk) string {
	if ask.Emergency {
		return rights.OriginBreakGlass
	}
	return rights.OriginRequested
}

// window has the grant's clock run from a time.
func window(g rights.Grant, from time.Time) rights.Grant {
	g.NotBefore = instant(from)
	g.NotAfter = g.NotBefore.Add(time.Duration(g.Duration))
	return g
}

// instant is a time as grants keep it.
func instant(t time.Time) time.Time { return t.UTC().Round(0) }

// Activate puts a grant in force. The clock of a scheduled one runs from here, not
// from its submission or approval (rule R5). One that failed to activate keeps the
// window it had: it may have been in force for part of it.
func Activate(g rights.Grant, now time.Time) (rights.Grant, error) {
	n, err := take(g, activate)
	switch {
	case err != nil:
		return g, err
	case now.Before(g.NotBefore):
		return g, ErrTooEarly
	case !now.Before(g.NotAfter):
		return g, ErrTooLate
	}
	n.Detail = ""
	if g.State == rights.GrantScheduled {
		n = window(n, now)
	}
	return n, nil
}

// Confirmed is a grant that every replica knows to be in force.
func Confirmed(g rights.Grant) (rights.Grant, error) { return take(g, confirm) }

// FailActivation is a grant that could not be put in force, and why.
func FailActivation(g rights.Grant, why string) (rights.Grant, error) {
	return failed(g, failActivation, why)
}

// RevokeFailed is a grant that was taken away, while a replica cannot be shown to
// know. It confers nothing; somebody must look.
func RevokeFailed(g rights.Grant, why string) (rights.Grant, error) {
	return failed(g, failRevocation, why)
}

func failed(g rights.Grant, s step, why string) (rights.Grant, error) {
	n, err := take(g, s)
	if err != nil {
		return g, err
	}
	n.Detail = strings.ToValidUTF8(why[:min(len(why), maxDetail)], "")
	return n, nil
}

// Revoke takes a grant away. It is shown as revoked only after Ended. That a
// grant's time has passed is no revocation: see Expire.
func Revoke(g rights.Grant, reason rights.EndReason, now time.Time) (rights.Grant, error) {
	if reason != rights.EndRevoked && reason != rights.EndSuperseded && reason != rights.EndOffboarded {
		return g, fmt.Errorf("end %q: want revoked, superseded or offboarded", reason)
	}
	if over(g, now) {
		return g, fmt.Errorf("%w: it has expired", ErrState)
	}
	n, err := take(g, revoke)
	if err != nil {
		return g, err
	}
	n.End, n.Detail = reason, ""
	return n, nil
}

// Ended is a grant of which every replica knows that it was taken away, or can no
// longer decide (rule R8). What was left of its window closes.
func Ended(g rights.Grant, now time.Time) (rights.Grant, error) {
	n, err := take(g, end)
	if err != nil {
		return g, err
	}
	n.Detail = ""
	if now.After(n.NotBefore) && now.Before(n.NotAfter) {
		n.NotAfter = instant(now)
	}
	return n, nil
}

// Expire ends a grant at the end of its window. No replica needs to be told: each
// knows the window.
func Expire(g rights.Grant, now time.Time) (rights.Grant, error) {
	if !over(g, now) {
		return g, ErrTooEarly
	}
	n, err := take(g, expire)
	if err != nil {
		return g, err
	}
	n.End = rights.EndExpired
	return n, nil
}

// over reports whether a grant's window has passed.
func over(g rights.Grant, now time.Time) bool { return !now.Before(g.NotAfter) }

// Live reports whether a grant gives its right at a time.
func Live(g rights.Grant, now time.Time) bool {
	return g.State.Confers() && !now.Before(g.NotBefore) && !over(g, now)
}
