package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/sigv4"
)

// authenticate proves the caller. Everything that can be known before the body
// is read is checked before it is read: token, scope, expiry, identity state,
// Content-Length and the in-flight budget (security S16).
func (x *exchange) authenticate() *refusal {
	authorization := x.r.Header["Authorization"]
	switch {
	case len(authorization) == 0:
		return unauthenticated(bedrock.MissingAuthenticationTokenException, "the request carries no credentials")
	case len(authorization) > 1:
		return unauthenticated(bedrock.IncompleteSignatureException, "the request carries several Authorization headers")
	case strings.HasPrefix(authorization[0], "Bearer "):
		return x.bearer(strings.TrimPrefix(authorization[0], "Bearer "))
	default:
		return x.signed("bedrock")
	}
}

// bearer accepts a Writ bearer token, as AWS_BEARER_TOKEN_BEDROCK sends it.
func (x *exchange) bearer(token string) *refusal {
	if refused := x.mayOpen(); refused != nil {
		return refused
	}
	session, err := x.g.cfg.Ring().OpenBearer(token)
	if err != nil {
		return unauthenticated(bedrock.UnrecognizedClientException, "the bearer token is not one of Writ's")
	}
	x.proven = proven{session: session, kind: credentialBearer, whole: true}
	x.region = x.g.cfg.Home
	if refused := x.usable(); refused != nil {
		return refused
	}
	return x.readBody()
}

// signed accepts a SigV4 signature made with a session that Writ minted.
func (x *exchange) signed(service string) *refusal {
	p, secret, refused := x.presented(service)
	if refused != nil {
		return refused
	}
	if refused := x.readBody(); refused != nil {
		return refused
	}
	return x.verify(p, secret)
}

// presented opens the session that a signature claims to be made with and
// checks that it still counts. Nothing is proved until verify.
func (x *exchange) presented(service string) (*sigv4.Presented, credential.Secret, *refusal) {
	var none credential.Secret
	read := sigv4.Parse
	if x.target.Operation.Queried() {
		read = sigv4.ParseQueried
	}
	p, err := read(x.r)
	if err == nil {
		err = p.In(sigv4.Want{Service: service, Regions: x.g.cfg.Regions})
	}
	if err != nil {
		return nil, none, signatureRefused(err)
	}
	if refused := x.mayOpen(); refused != nil {
		return nil, none, refused
	}
	session, secret, err := x.g.cfg.Ring().OpenSession(p.AccessKeyID(), p.SessionToken())
	if err != nil {
		return nil, none, unauthenticated(bedrock.UnrecognizedClientException, "The security token included in the request is invalid.")
	}
	x.proven = proven{session: session, kind: credentialSession}
	x.region = p.Scope().Region
	return p, secret, x.usable()
}

func (x *exchange) verify(p *sigv4.Presented, secret credential.Secret) *refusal {
	err := x.g.keys.Verify(p, secret.Reveal(), x.body.Sum(), x.start)
	if x.judged(err == nil); err != nil {
		return signatureRefused(err)
	}
	x.proven.whole = true
	return nil
}

// usable checks that the opened session still counts here and now.
func (x *exchange) usable() *refusal {
	s := x.proven.session
	x.identity, _ = x.state.Identity(s.Identity)
	err := x.g.cfg.Ring().Check(&s, x.identity, x.origin, x.start)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, credential.ErrExpired):
		return unauthenticated(bedrock.ExpiredTokenException, "The security token included in the request is expired")
	case errors.Is(err, credential.ErrNetwork):
		return &refusal{kind: "network", err: accessDenied("the session may not be used from this network")}
	default:
		// Not ExpiredToken: an SDK would refresh and try again (security S14).
		return &refusal{kind: "revoked", err: accessDenied("the session no longer counts")}
	}
}

// readBody reads exactly what was announced, within the budgets.
func (x *exchange) readBody() *refusal {
	n := x.r.ContentLength
	switch {
	case x.target.Operation.Bodiless():
		return x.readNothing()
	case n < 0:
		return refuse("malformed", invalid("Content-Length is required"))
	case n > x.g.cfg.Limits.Body:
		return refuse("too_large", invalid(fmt.Sprintf("the body has %d bytes; at most %d are accepted", n, x.g.cfg.Limits.Body)))
	case !x.g.flight.acquire(identity.SourceOf(x.origin.Peer), n):
		return refuse("throttled", bedrock.Error{Type: bedrock.ThrottlingException, Message: "too many request bytes are in flight", RetryAfter: time.Second})
	}
	x.held = n
	if refused := x.lend(); refused != nil {
		return refused
	}
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(x.g.cfg.Limits.BodyTime))
	b := make([]byte, n)
	if _, err := io.ReadFull(x.r.Body, b); err != nil {
		return refuse("malformed", invalid("the body ended before Content-Length or took too long"))
	}
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	x.body = bedrock.NewBody(b)
	return nil
}

func unauthenticated(code bedrock.ErrorType, message string) *refusal {
	return &refusal{kind: "unauthenticated", err: bedrock.Error{Type: code, Message: message}}
}

func signatureRefused(err error) *refusal {
	var e *sigv4.Error
	if errors.As(err, &e) {
		return unauthenticated(bedrock.ErrorType(e.Code), e.Reason)
	}
	return unauthenticated(bedrock.InvalidSignatureException, "the signature could not be read")
}
