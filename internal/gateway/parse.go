package gateway

import (
	"errors"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
)

// parse reads the operation and the model from the escaped path, by hand:
// http.ServeMux redirects `//` and `..`, which breaks signatures, and a path
// that two readers read differently is a hole. It also fixes the state that the
// whole exchange is decided upon.
func (x *exchange) parse() *refusal {
	if refused := x.begin(); refused != nil {
		return refused
	}
	target, err := bedrock.ParseTarget(x.r.Method, x.r.URL.EscapedPath())
	var unknown *bedrock.UnknownOperationError
	switch {
	case errors.As(err, &unknown):
		return refuse("unknown_operation", bedrock.Error{Type: bedrock.UnknownOperationException, Message: unknown.Error()})
	case err != nil:
		return refuse("malformed", invalid(err.Error()))
	}
	x.target = target
	return nil
}

// begin checks that the gateway may decide at all: fresh rules, under a clock
// that did not step, and a working log. Otherwise nothing is served (design §5, fail closed).
func (x *exchange) begin() *refusal {
	now := time.Now()
	x.start = now.UTC()
	x.state = x.g.cfg.State.Current()
	if x.state == nil {
		return unready(errors.New("no rules are loaded yet"))
	}
	x.locate()
	x.announce()
	if err := x.g.cfg.State.Fresh(now); err != nil {
		return unready(err)
	}
	if err := x.g.cfg.Journal.Err(); err != nil {
		return unready(err)
	}
	return x.plain()
}

// plain refuses what neither SDKs send nor a signature or a rule would see
// through: other framings, encodings and parameters.
func (x *exchange) plain() *refusal {
	// SDKs in AWS Lambda add this header after signing. Nothing here reads it
	// and it is never forwarded, so it is dropped rather than refused as an
	// unsigned x-amzn header (security S14).
	x.r.Header.Del("X-Amzn-Trace-Id")
	switch {
	case len(x.r.TransferEncoding) > 0:
		// Where a Content-Length stands beside it, a front may have counted
		// differently: what follows on this connection is nobody's request
		// (RFC 9112 §6.1).
		x.w.Header().Set("Connection", "close")
		return refuse("malformed", invalid("Transfer-Encoding is not accepted: send Content-Length"))
	case x.r.URL.ForceQuery || x.r.URL.RawQuery != "" && !x.queried():
		return refuse("malformed", invalid("a query string has no meaning here; presigned requests are not accepted"))
	case len(x.r.Header["Content-Encoding"]) > 0:
		return refuse("malformed", invalid("Content-Encoding is not accepted: what cannot be read cannot be authorised"))
	}
	return nil
}

func unready(err error) *refusal {
	return &refusal{kind: "not_ready", err: bedrock.Error{
		Type: bedrock.ServiceUnavailableException, Message: "Writ lets no call through now: " + err.Error(),
	}}
}
