package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/upstream"
)

// Observation is what an exchange came to, for metrics: low cardinality only.
type Observation struct {
	Operation string // AWS name, sts, credentials, holds, or none
	Result    string // permit, observed, or the kind of refusal
	Status    int
	// Preauth: whoever it was had not proved anything.
	Preauth bool
	// Unrecorded: the call's outcome could not be written to the log.
	Unrecorded bool
	// UpstreamError is how Bedrock failed; empty: it did not.
	UpstreamError string
	Total         time.Duration // from the first byte in to the last out
	Added         time.Duration // Writ's own part, up to forwarding; 0: it was not forwarded
	Upstream      time.Duration // from forwarding to the answer's head; 0: none came
	Decision      time.Duration // within Added; 0: nothing was decided
	Classified    time.Duration // within Added: reading the prompt; 0: it was not read
	// Prompt and Answer are what was found in them.
	Prompt, Answer dataclass.Label
	// Used is what the call used, where it is known, and CostMicroUSD what was
	// charged for it; Estimated: what was reserved, since nobody said.
	Used         bedrock.Tokens
	CostMicroUSD int64
	Estimated    bool
	// Over is how many times more input was reserved than was used; 0: unknown.
	Over float64
}

// How Bedrock failed.
const (
	UpstreamTimeout     = "timeout"
	UpstreamDNS         = "dns"
	UpstreamTLS         = "tls"
	UpstreamRefused     = "refused"     // no connection
	UpstreamBroken      = "broken"      // the connection or the answer broke off
	UpstreamCredentials = "credentials" // Writ has none of its own
	UpstreamThrottled   = "throttled"   // answered 429
	UpstreamStatus      = "5xx"         // answered so
)

func (x *exchange) observation() Observation {
	op := string(x.target.Operation)
	if op == "" {
		op = x.ours()
	}
	o := Observation{
		Operation: op, Result: x.comes(), Status: x.status, Preauth: !x.proven.whole && x.kind != doorSTS && x.kind != doorCredentials, Unrecorded: x.unrecorded,
		UpstreamError: x.upstreamFailed(), Total: time.Since(x.began), Added: x.added, Decision: x.decided,
		Classified: x.classified, Prompt: x.prompt, Answer: x.answered.label,
	}
	if x.settled {
		o.Used, o.Estimated, o.CostMicroUSD = x.bill.tokens, !x.bill.known, x.charged()
		if x.bill.known {
			o.Over = x.money.bound.Over(x.bill.tokens)
		}
	}
	if x.result.firstByte > x.added {
		o.Upstream = x.result.firstByte - x.added
	}
	return o
}

// The doors at which a proof is exchanged: what x.kind is when it was, and what
// it begins with when it was refused.
const (
	doorSTS         = "sts"
	doorCredentials = "credentials"
)

// ours names what was asked of Writ itself, in the place of an operation of AWS's.
func (x *exchange) ours() string {
	switch door, _, _ := strings.Cut(x.kind, "_"); door {
	case doorSTS, doorCredentials, keptHolds:
		return door
	}
	return "none"
}

// upstreamFailed names how Bedrock failed this exchange, if it did.
func (x *exchange) upstreamFailed() string {
	switch {
	case x.failed != "":
		return x.failed
	case x.result.status == 429:
		return UpstreamThrottled
	case x.result.status >= 500 && x.resp != nil:
		return UpstreamStatus
	}
	return ""
}

// failure sorts an error of the upstream into one of a few.
func failure(err error) string {
	var dns *net.DNSError
	var record *tls.RecordHeaderError
	var cert *tls.CertificateVerificationError
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	var none *upstream.CredentialsError
	switch {
	case errors.As(err, &none): // whatever it was that kept them
		return UpstreamCredentials
	case errors.As(err, &dns):
		return UpstreamDNS
	case errors.As(err, &record), errors.As(err, &cert):
		return UpstreamTLS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return UpstreamTimeout
	case errors.As(err, &op) && op.Op == "dial":
		return UpstreamRefused
	}
	return UpstreamBroken
}
