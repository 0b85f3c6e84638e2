package proof

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/identity"
)

// ContainerRequest asks for credentials as AWS SDKs ask the endpoint that
// AWS_CONTAINER_CREDENTIALS_FULL_URI names (security S13).
type ContainerRequest struct {
	// Authorization is the header's value: an OIDC token or a container token.
	// Empty means that Chain is the proof.
	Authorization Token
	// Chain is the client's certificate and those it sent along. Whoever
	// terminated TLS saw that the client has the certificate's key, and no more.
	Chain    []*x509.Certificate
	Identity string // the one asked for; empty means whichever single one is proved
	Form     Form
	Origin   identity.Origin
}

// containerName stands for the session name that such a request has no place for.
const containerName = "container"

// ParseAuthorization reads the values of a request's Authorization header: at
// most one, sent as it stands in the token's file, without a scheme. None is no
// error: a certificate may be the proof.
func ParseAuthorization(values []string) (Token, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", malformed("The request carries several Authorization headers.")
	}
	v := values[0]
	printable := func(r rune) bool { return r > ' ' && r < 0x7f }
	if v == "" || len(v) > maxToken || slices.ContainsFunc([]rune(v), func(r rune) bool { return !printable(r) }) {
		return "", malformed("Authorization is not a token as it stands: 1 to %d visible characters, no scheme such as Bearer before it.", maxToken)
	}
	return Token(v), nil
}

// Container verifies whatever proof the request brings and mints a session, by
// the same bindings and budgets as WebIdentity. Every error is a *Refusal.
func (x *Exchange) Container(ctx context.Context, w World, req ContainerRequest) (Minted, error) {
	now := x.cfg.Now()
	if !x.budget.source(req.Origin, now) {
		return Minted{}, refuse(Throttled, errors.New("too many proofs from this source"))
	}
	ask := WebIdentityRequest{
		Token: req.Authorization, Identity: req.Identity, SessionName: containerName, Form: req.Form, Origin: req.Origin,
	}
	var p verified
	var err error
	switch {
	case credential.IsContainer(string(req.Authorization)):
		return x.fromContainerToken(ctx, w, ask, now)
	case req.Authorization != "":
		p, err = x.verify(ctx, w, req.Authorization, now)
	case len(req.Chain) > 0:
		ask.Token = Token(req.Chain[0].Raw) // names the proof in records, and tells repeats apart
		p, err = x.verifyCertificate(w, req.Chain, now)
	default:
		err = refuse(ProofMissing, errors.New("neither an Authorization header nor a client certificate"))
	}
	if err != nil {
		return Minted{}, err
	}
	return x.exchange(ctx, w, p, ask, now)
}

// fromContainerToken mints a session on a container token. It is of the token's
// own proof, so that what an operator obtained stays marked as such (security
// S17), confined as the token is, and ends no later than it.
func (x *Exchange) fromContainerToken(ctx context.Context, w World, req WebIdentityRequest, now time.Time) (Minted, error) {
	if x.cfg.Ring == nil {
		return Minted{}, refuse(MalformedProof, errors.New("no container tokens are accepted"))
	}
	ring := x.cfg.Ring()
	t, err := ring.OpenContainer(string(req.Token))
	if err != nil {
		return Minted{}, containerRefused(err)
	}
	id, _ := w.Identity(t.Identity)
	if err := ring.Check(&t, id, req.Origin, now); err != nil {
		return Minted{}, containerRefused(err)
	}
	if err := w.stopped(id, t.ID, req.Origin); err != nil {
		return Minted{}, err
	}
	if req.Identity != "" && req.Identity != t.Identity {
		return Minted{}, refuse(NoBinding, fmt.Errorf("the container token is %s's, not %s's", t.Identity, req.Identity))
	}
	s := newSession(id, now, id.SessionLimit())
	if t.Expires.Before(s.Expires) {
		s.Expires = t.Expires
	}
	if !s.Issued.Before(s.Expires) {
		return Minted{}, refuse(ProofExpired, errors.New("less than a second of the container token is left"))
	}
	s.Proof, s.Issuer, s.Subject, s.Binding = t.Proof, t.Issuer, t.Subject, t.Binding
	s.ProofID = proofID(req.Token)
	s.Networks = t.Networks
	m := Mint{Session: s, SessionName: req.SessionName, Form: req.Form, From: &t.Record, FromShard: t.Shard, Origin: req.Origin}
	return x.repeat(ctx, w, fingerprint(req, m), m, now)
}

// containerRefused translates what a key ring says of a token.
func containerRefused(err error) *Refusal {
	why := MalformedProof
	switch {
	case errors.Is(err, credential.ErrExpired):
		why = ProofExpired
	case errors.Is(err, credential.ErrRevoked):
		why = ProofRevoked
	case errors.Is(err, credential.ErrHalted):
		why = IdentityHalted
	case errors.Is(err, credential.ErrNetwork):
		why = OutsideNetwork
	}
	return refuse(why, err)
}

type containerAnswer struct {
	AccessKeyID string `json:"AccessKeyId"`
	Secret      string `json:"SecretAccessKey"`
	Token       string `json:"Token"`
	Expiration  string `json:"Expiration"`
}

type bearerAnswer struct {
	Token      string `json:"Token"`
	Expiration string `json:"Expiration"`
}

type containerError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// WriteContainer answers a request for container credentials.
func WriteContainer(w http.ResponseWriter, m Minted, requestID string, now time.Time) error {
	return writeJSON(w, http.StatusOK, requestID, now, containerAnswer{
		AccessKeyID: m.Credentials.AccessKeyID, Secret: m.Credentials.SecretAccessKey,
		Token: m.Credentials.SessionToken, Expiration: m.Credentials.Expires.UTC().Format(time.RFC3339),
	})
}

// WriteBearer answers a request for a bearer token.
func WriteBearer(w http.ResponseWriter, b credential.Bearer, requestID string, now time.Time) error {
	return writeJSON(w, http.StatusOK, requestID, now, bearerAnswer{
		Token: b.Token.Reveal(), Expiration: b.Expires.UTC().Format(time.RFC3339),
	})
}

// WriteContainerError answers with a refusal, in the shape that SDKs read from
// such an endpoint: {"code","message"}.
func WriteContainerError(w http.ResponseWriter, err error, requestID string, now time.Time) error {
	a := internal
	var r *Refusal
	if errors.As(err, &r) {
		a = r.ContainerAnswer()
	}
	return writeJSON(w, a.Status, requestID, now, containerError{Code: a.Code, Message: a.Message})
}

// ContainerAnswer is Answer with the words and statuses of this endpoint, whose
// callers know nothing of STS: 429 makes an SDK wait.
func (r *Refusal) ContainerAnswer() Answer {
	a := r.Answer()
	switch {
	case r.Message != "":
	case a == accessDenied:
		a.Message = "Not authorized to get credentials."
	case a == invalidToken || a == expiredToken || a == rejectedClaim:
		a.Message = "The proof of identity is not acceptable."
	}
	if a.Code == throttling.Code {
		a.Status = http.StatusTooManyRequests
	}
	return a
}

// writeJSON sends one document, as write does.
func writeJSON(w http.ResponseWriter, status int, requestID string, now time.Time, doc any) error {
	body, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-Amzn-Requestid", requestID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("sending the answer: %w", err)
	}
	return nil
}
