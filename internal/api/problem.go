package api

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
)

// Problem is an error answer (RFC 9457).
type Problem struct {
	// Type is a URN that stays the same for one kind of problem, whatever the text says.
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Hint   string `json:"hint,omitempty"` // what to do
	// Conflicts are the duties that would meet.
	Conflicts []sod.Conflict `json:"conflicts,omitempty"`
	// Eligible are the operators that may decide, where they are too few, and
	// Excluded those who could but for what ties them to the request.
	Eligible []string          `json:"eligible,omitempty"`
	Excluded map[string]string `json:"excluded,omitempty"`
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// urn begins the type of every problem.
const urn = "urn:writ:problem:"

// refusal is what is wrong with a request as such.
type refusal struct {
	status           int
	slug, text, hint string
}

func (r *refusal) Error() string { return r.text }

// bad is a request that cannot be read.
func bad(format string, args ...any) error {
	return &refusal{http.StatusBadRequest, "malformed", fmt.Sprintf(format, args...), ""}
}

var (
	errImpersonationOff = errors.New("the right impersonate is off: sessions are minted for workloads by their own proof only")
	errUnavailable      = errors.New("no rules are loaded yet")
)

// problems is the one place where an error becomes a status, a type and advice.
// The first that an error is, counts.
var problems = []struct {
	is     error
	status int
	slug   string
	hint   string
}{
	{store.ErrNotFound, http.StatusNotFound, "not-found", "the list verbs show what there is; what you may not see is not found either"},
	{governance.ErrStaleView, http.StatusPreconditionFailed, "stale", "look at it again, and decide on what it says now"},
	{governance.ErrNoHolds, http.StatusNotFound, "no-holds", ""},
	{hold.ErrAlready, http.StatusConflict, "already-decided", "somebody else has to agree; writ hold show names who may"},
	{hold.ErrReason, http.StatusUnprocessableEntity, "reason-required", "say why: the caller is told"},
	{hold.ErrMalformed, http.StatusUnprocessableEntity, "malformed-arguments", "writ hold show says what can become of each call; writ hold release ID --call N releases some of them"},
	{governance.ErrSelf, http.StatusForbidden, "own-request", "somebody else has to decide; writ request show, or writ hold show, names who may"},
	{governance.ErrIneligible, http.StatusForbidden, "ineligible", "writ request show, or writ hold show, names who may decide now"},
	{governance.ErrForbidden, http.StatusForbidden, "forbidden", "writ whoami lists what you may do"},
	{governance.ErrNoApprover, http.StatusUnprocessableEntity, "no-approver", "writ operator create makes an account with the role; it must be somebody who is not tied to the request"},
	{governance.ErrDuties, http.StatusUnprocessableEntity, "duties-conflict", "writ waiver request asks for a dated exception"},
	{governance.ErrOver, http.StatusConflict, "over", "writ request show, or writ hold show, says how it ended"},
	{governance.ErrNeedsRequest, http.StatusConflict, "needs-request", "apply it: a request is opened for what it widens"},
	{governance.ErrNotOffered, http.StatusUnprocessableEntity, "not-offered", "writ get entitlement NAME says how it can be asked for"},
	{governance.ErrNothing, http.StatusConflict, "nothing-to-do", ""},
	{governance.ErrInvalid, http.StatusUnprocessableEntity, "invalid", ""},
	{request.ErrAlready, http.StatusConflict, "already-decided", ""},
	{request.ErrStale, http.StatusPreconditionFailed, "stale", "look at it again, and decide on what it says now"},
	{request.ErrSelf, http.StatusForbidden, "own-request", "somebody else has to decide; writ request show, or writ hold show, names who may"},
	{request.ErrOver, http.StatusConflict, "over", "writ request show, or writ hold show, says how it ended"},
	{request.ErrReason, http.StatusUnprocessableEntity, "reason-required", "say why: the requester is told"},
	{request.ErrWider, http.StatusUnprocessableEntity, "wider", "an approver may give less than was asked, never more"},
	{rights.ErrWider, http.StatusUnprocessableEntity, "wider", "a narrowing only takes away: name what the entitlement gives"},
	{rights.ErrNothingLeft, http.StatusUnprocessableEntity, "nothing-left", ""},
	{store.ErrKeyReused, http.StatusUnprocessableEntity, "key-reused", "use a new Idempotency-Key for a new request"},
	{store.ErrInWork, http.StatusConflict, "in-work", "ask again in a moment"},
	{store.ErrCursor, http.StatusBadRequest, "malformed", "after is the next of the page before"},
	{store.ErrConflict, http.StatusConflict, "conflict", "someone else changed the state meanwhile: look at the plan again"},
	{governance.ErrObserving, http.StatusConflict, "observing", "writ observe off ends it"},
	{governance.ErrReplayed, http.StatusConflict, "replayed", "make another with writ observe statement, and have it signed again"},
	{governance.ErrNotObserving, http.StatusConflict, "not-observing", ""},
	{governance.ErrBootstrapOver, http.StatusForbidden, "bootstrap-over", "open a request for the grant instead"},
	{errImpersonationOff, http.StatusForbidden, "impersonation-off", "set impersonation: true in the configuration, or let the workload prove itself at the STS endpoint"},
	{errUnavailable, http.StatusServiceUnavailable, "unavailable", ""},
	{snapshot.ErrUnauthorised, http.StatusServiceUnavailable, "not-vouched", "the store holds what the audit log does not vouch for: writ doctor says what"},
	{sql.ErrConnDone, http.StatusServiceUnavailable, "store-unavailable", ""},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "store-unavailable", ""},
}

// problemOf words an error. What has no entry is something about the request
// that the rules refuse, and says so itself.
func problemOf(err error) *Problem {
	p := &Problem{Type: urn + "invalid", Status: http.StatusUnprocessableEntity, Detail: err.Error()}
	var own *refusal
	var refused *proof.Refusal
	var unreachable net.Error
	switch {
	case errors.As(err, &own):
		p.Type, p.Status, p.Hint = urn+own.slug, own.status, own.hint
	case errors.As(err, &refused):
		p.Type, p.Status = urn+"proof-refused", refused.Answer().Status
	default:
		p.look(err)
		if p.Type == urn+"invalid" && (errors.As(err, &unreachable) || store.Broken(err)) {
			p.Type, p.Status, p.Detail = urn+"store-unavailable", http.StatusServiceUnavailable, "the store cannot be reached"
		}
	}
	p.Title = http.StatusText(p.Status)
	p.extend(err)
	return p
}

// look finds an error in the list.
func (p *Problem) look(err error) {
	for _, known := range problems {
		if errors.Is(err, known.is) {
			p.Type, p.Status, p.Hint = urn+known.slug, known.status, known.hint
			return
		}
	}
}

// extend adds what programs read.
func (p *Problem) extend(err error) {
	var duties *governance.DutiesError
	if errors.As(err, &duties) {
		p.Conflicts = duties.Conflicts
	}
	var none *governance.NoApproverError
	if errors.As(err, &none) {
		p.Eligible, p.Excluded = none.Eligible, none.Excluded
	}
}

// refuse answers with a problem.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.cfg.Log.Info("an operator's request was refused", "path", r.URL.Path, "err", err)
	p := problemOf(err)
	answer(w, p.Status, encode(p))
}

// problem answers with a status that no act led to.
func problem(w http.ResponseWriter, status int, slug, text string) {
	answer(w, status, encode(&Problem{Type: urn + slug, Title: http.StatusText(status), Status: status, Detail: text}))
}
