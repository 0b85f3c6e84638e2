package gateway

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
)

// maxSTSBody fits the longest token STS accepts, form-encoded.
const maxSTSBody = 1 << 16

// serveSTS answers the Query protocol at "/", which is what an SDK with
// AWS_ENDPOINT_URL_STS set speaks to. It is the one door before
// authentication, so everything it costs is bounded here and in proof.
func (x *exchange) serveSTS() {
	x.kind, x.status = doorSTS, http.StatusOK
	if refused := x.begin(); refused != nil {
		x.answerSTS(notBegun(refused))
		return
	}
	if target := x.r.Header.Get("X-Amz-Target"); target != "" {
		// Another of AWS's protocols at the same path: not STS, and not served.
		x.refuse(refuse("unknown_operation", bedrock.Error{Type: bedrock.UnknownOperationException, Message: bedrock.UnservedRPC(target).Error()}))
		return
	}
	body, err := x.stsBody()
	if err != nil {
		x.answerSTS(err)
		return
	}
	call, err := proof.ParseSTS(x.r.Header.Get("Content-Type"), body)
	switch {
	case err != nil:
		x.answerSTS(err)
	case call.Action == proof.GetCallerIdentity:
		x.callerIdentity(body)
	default:
		x.webIdentity(call)
	}
}

// notBegun translates a refusal of begin's into STS's words.
func notBegun(r *refusal) error {
	if r.kind == "malformed" {
		return &proof.Refusal{Reason: proof.MalformedRequest, Message: r.err.Message, Err: r.err}
	}
	return &proof.Refusal{Reason: proof.NotRecorded, Err: r.err}
}

// stsBody reads the form, within a bound and a deadline.
func (x *exchange) stsBody() ([]byte, error) {
	n := x.r.ContentLength
	if n < 0 || n > maxSTSBody || !x.g.flight.acquire(identity.SourceOf(x.origin.Peer), n) {
		return nil, &proof.Refusal{Reason: proof.MalformedRequest, Message: "Content-Length is missing or too large."}
	}
	x.held = n
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, n)
	if _, err := io.ReadFull(x.r.Body, b); err != nil {
		return nil, &proof.Refusal{Reason: proof.MalformedRequest, Message: "The body is shorter than Content-Length."}
	}
	return b, nil
}

func (x *exchange) webIdentity(call proof.Call) {
	minted, err := x.g.cfg.Exchange.WebIdentity(x.r.Context(), x.g.worlds.of(x.state), proof.WebIdentityRequest{
		Token: call.Token, RoleARN: call.RoleARN, SessionName: call.SessionName, Duration: call.Duration, Origin: x.origin,
	})
	if err != nil {
		x.answerSTS(err)
		return
	}
	if err := proof.WriteWebIdentity(x.w, minted, x.id, x.start); err != nil {
		x.g.cfg.Log.Debug("an STS answer was not delivered", "id", x.id, "err", err)
	}
}

// callerIdentity tells the holder of a session who it is; signed for "sts".
func (x *exchange) callerIdentity(body []byte) {
	x.body = bedrock.NewBody(body)
	p, secret, refused := x.presented("sts")
	if refused == nil {
		refused = x.verify(p, secret)
	}
	if refused == nil {
		refused = x.identify()
	}
	if refused != nil {
		x.answerSTS(callerRefused(refused))
		return
	}
	c := proof.NewCaller(x.g.cfg.Partition, x.g.cfg.Account, x.identity.ID, x.proven.session.ID)
	if err := proof.WriteCallerIdentity(x.w, c, x.id, x.start); err != nil {
		x.g.cfg.Log.Debug("an STS answer was not delivered", "id", x.id, "err", err)
	}
}

// callerRefused translates a refusal of the runtime's into STS's words.
func callerRefused(r *refusal) error {
	why := proof.CallerUnproven
	if r.err.Type == bedrock.ExpiredTokenException {
		why = proof.CallerExpired
	}
	return &proof.Refusal{Reason: why, Err: r.err}
}

// answerSTS answers a refusal and counts it: nobody is authenticated yet.
func (x *exchange) answerSTS(err error) {
	err = x.refuseProof(doorSTS, err, (*proof.Refusal).Answer)
	if err := proof.WriteError(x.w, err, x.id, x.start); err != nil {
		x.g.cfg.Log.Debug("an STS answer was not delivered", "id", x.id, "err", err)
	}
}

// refuseProof charges, counts and logs a refusal at one of the doors before
// authentication, and returns the one to answer with.
func (x *exchange) refuseProof(door string, err error, words func(*proof.Refusal) proof.Answer) error {
	err, loud := x.strangersProof(err)
	reason, status := door+"_internal", http.StatusInternalServerError
	var r *proof.Refusal
	if errors.As(err, &r) {
		reason, status = door+"_"+string(r.Reason), words(r).Status
	}
	x.kind, x.status = reason, status
	x.g.before.count(identity.SourceOf(x.origin.Addr), reason, x.id, x.start)
	if loud {
		x.g.cfg.Log.Info("a proof was refused", "id", x.id, "source", x.origin.Addr, "err", err)
	}
	return err
}
