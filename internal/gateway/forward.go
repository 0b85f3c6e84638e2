package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/upstream"
)

// outbound is the request that may leave: the very bytes and headers that were
// decided upon.
func (x *exchange) outbound() upstream.Outbound {
	return upstream.Outbound{
		Method: x.r.Method, Path: x.target.Path, Account: x.account, Region: x.region, Header: x.forwarded, Body: x.body,
	}
}

// forward sends the call under Writ's own credentials. A call past this point
// has an intent in the log, so every way out of here ends in an outcome.
func (x *exchange) forward() *refusal {
	x.added = time.Since(x.began)
	// Recording the intent took its time, or the process was stopped meanwhile.
	if err := x.g.cfg.State.Fresh(time.Now()); err != nil {
		x.result.ended = endedRefused
		return unready(err)
	}
	if err := x.ctx.Err(); err != nil { // cut, or left, meanwhile: nothing leaves, and nothing is charged
		return x.unreached(err)
	}
	if refused, done := x.forwardAsync(); done {
		return refused
	}
	x.sent = true
	resp, err := x.g.cfg.Upstream.Do(x.ctx, x.decision.Permit, x.outbound())
	if err != nil {
		return x.unreached(err)
	}
	x.resp = resp
	x.result.firstByte = time.Since(x.began)
	return nil
}

// unreached says why no answer came, and settles the intent.
func (x *exchange) unreached(err error) *refusal {
	var cut *cutError
	switch {
	case errors.As(context.Cause(x.ctx), &cut):
		x.result.ended = endedCut
		return &refusal{kind: "cut", err: accessDenied(cut.Error())}
	case x.r.Context().Err() != nil:
		x.result.ended = endedClientGone
		return &refusal{kind: "client_gone", err: accessDenied("the client left")}
	}
	x.result.ended, x.failed = endedUpstreamError, failure(err)
	switch x.failed {
	case UpstreamCredentials, UpstreamRefused, UpstreamDNS:
		x.sent = false // there was nobody to send it to
	}
	var none *upstream.CredentialsError
	if errors.As(err, &none) {
		x.g.cfg.Log.Warn("a call could not be signed", "id", x.id, "err", err)
		return unsigned(none)
	}
	x.g.cfg.Log.Warn("Bedrock could not be reached", "id", x.id, "err", err)
	return &refusal{kind: "upstream", err: bedrock.Error{
		Type: bedrock.ServiceUnavailableException, Message: "Bedrock could not be reached through Writ",
	}}
}
