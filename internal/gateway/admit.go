package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/snapshot"
)

// admit sets aside what the call may cost, and makes its intent durable before
// anything leaves: no durable record, no call. From here on the call is registered and can be cut.
func (x *exchange) admit() *refusal {
	x.ctx, x.cancel = context.WithCancelCause(x.r.Context())
	x.register()
	// A revocation is published before open calls are reconsidered, so a call
	// is either registered in time for that or sees the newer rules here.
	if latest := x.g.cfg.State.Current(); latest != x.state && !x.call.reconsider(latest) {
		return &refusal{kind: "revoked", err: accessDenied("the right to make this call ended while it was being decided")}
	}
	if refused := x.reserve(); refused != nil {
		return refused
	}
	entry, err := x.intentRecord()
	if errors.Is(err, auditlog.ErrTooLarge) {
		return refuse("malformed", invalid("the request names more than a record can hold"))
	}
	if err != nil {
		return unready(err)
	}
	// The client's leaving must not leave the intent's fate unknown: the log
	// answers within one flush.
	if x.intent, err = x.g.cfg.Journal.Append(context.WithoutCancel(x.ctx), entry); err != nil {
		return unready(err)
	}
	x.ordered = true
	if r := x.money.reservation; r != nil {
		r.Intended(x.intent)
	}
	x.shout()
	return nil
}

// register lists the call as open. It is judged later by its facts, which
// serving the call does not change.
func (x *exchange) register() {
	cancel := x.cancel
	x.call = &Call{
		Identity: x.identity.ID, Session: x.proven.session.ID, Grants: x.decision.Grants, Streams: x.target.Operation.Streams(), cut: cancel,
		judge: func(s *snapshot.Snapshot) (time.Time, bool) {
			again := exchange{facts: x.facts, ctx: x.ctx}
			ok := again.stands(s)
			return again.end(), ok
		},
		ends: time.AfterFunc(time.Until(x.end()), func() { cancel(&cutError{why: "the right ended"}) }),
	}
	x.g.open.add(x.call)
}

// end is when the right that the call stands on ends: the earliest of grant
// end, validation expiry and session end (security S9).
func (x *exchange) end() time.Time {
	end := x.proven.session.Expires
	if u := x.decision.Until; !u.IsZero() && u.Before(end) {
		end = u
	}
	return end
}

// stands walks the deciding steps again under other rules.
func (x *exchange) stands(s *snapshot.Snapshot) bool {
	x.state, x.start = s, time.Now().UTC()
	x.locate()
	for _, step := range []func() *refusal{x.usable, x.identify, x.resolve, x.classify, x.decide} {
		if step() != nil {
			return false
		}
	}
	return true
}
