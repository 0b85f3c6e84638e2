package proof

import (
	"fmt"
	"net/http"
)

// Reason says why a proof was refused: for the record and for operators.
type Reason string

// The reasons for refusal.
const (
	MalformedRequest Reason = "malformed_request"
	UnknownAction    Reason = "unknown_action"
	Unsupported      Reason = "unsupported_parameter"
	Throttled        Reason = "throttled"
	MalformedProof   Reason = "malformed_proof"
	ClaimsIncomplete Reason = "claims_incomplete"
	IssuerUnknown    Reason = "issuer_unknown"
	IssuerAmbiguous  Reason = "issuer_ambiguous"
	AlgorithmRefused Reason = "algorithm_refused"
	KeyUnknown       Reason = "key_unknown"
	KeysUnavailable  Reason = "keys_unavailable"
	SignatureInvalid Reason = "signature_invalid"
	ProofExpired     Reason = "proof_expired"
	ProofNotYetValid Reason = "proof_not_yet_valid"
	ProofTooLong     Reason = "proof_lifetime"
	RoleUnknown      Reason = "role_unknown"
	NoBinding        Reason = "binding_none"
	BindingAmbiguous Reason = "binding_ambiguous"
	AWSAudience      Reason = "audience_aws"
	OutsideNetwork   Reason = "network"
	IdentityUnknown  Reason = "identity_unknown"
	IdentityHalted   Reason = "identity_halted"
	Quarantined      Reason = "quarantined"
	TooLong          Reason = "session_too_long"
	NotRecorded      Reason = "not_recorded"
	NotSealed        Reason = "not_sealed"
	ProofMissing     Reason = "proof_missing"
	ProofRevoked     Reason = "proof_revoked"
	CertificateForm  Reason = "certificate_form"
	Misdirected      Reason = "host"
	Forwarded        Reason = "forwarded"
	CallerUnproven   Reason = "caller_unproven" // GetCallerIdentity without a session that counts
	CallerExpired    Reason = "caller_expired"
)

// Refusal is the error of this package's exported functions.
type Refusal struct {
	Reason Reason
	// Message is for the caller. It is empty, and then the reason's opaque
	// sentence is sent, unless what is wrong is plain from the request alone.
	Message string
	// Err is for operators: what exactly was wrong. It holds no part of a
	// token but claims.
	Err error
}

func (r *Refusal) Error() string {
	if r.Err == nil {
		return fmt.Sprintf("refusing proof: %s", r.Reason)
	}
	return fmt.Sprintf("refusing proof: %s: %v", r.Reason, r.Err)
}

func (r *Refusal) Unwrap() error { return r.Err }

func refuse(why Reason, err error) *Refusal { return &Refusal{Reason: why, Err: err} }

// Answer is what a caller is told: an STS error code, its HTTP status and a
// sentence that does not say which check failed (security S20).
type Answer struct {
	Code    string
	Status  int
	Message string
}

// The answers, with the codes and statuses of
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
// and .../CommonErrors.html.
var (
	invalidRequest = Answer{"ValidationError", http.StatusBadRequest, "The request is not valid."}
	invalidAction  = Answer{"InvalidAction", http.StatusBadRequest, "The action is not valid for this endpoint."}
	throttling     = Answer{"Throttling", http.StatusBadRequest, "Rate exceeded."}
	invalidToken   = Answer{"InvalidIdentityToken", http.StatusBadRequest, "The web identity token could not be validated."}
	expiredToken   = Answer{"ExpiredTokenException", http.StatusBadRequest, "The web identity token has expired."}
	rejectedClaim  = Answer{"IDPRejectedClaim", http.StatusForbidden, "The web identity token's claims are not acceptable."}
	unreachable    = Answer{"IDPCommunicationError", http.StatusBadRequest, "The identity provider could not be reached."}
	accessDenied   = Answer{"AccessDenied", http.StatusForbidden, "Not authorized to perform sts:AssumeRoleWithWebIdentity."}
	unavailable    = Answer{"ServiceUnavailable", http.StatusServiceUnavailable, "No session can be issued at the moment."}
	unproven       = Answer{"SignatureDoesNotMatch", http.StatusForbidden, "The request is not signed with a session that counts here."}
	unproved       = Answer{"MissingAuthenticationToken", http.StatusForbidden, "The request carries no proof of who asks."}
	unaddressed    = Answer{"AccessDenied", http.StatusForbidden, "Credentials are not given out in answer to this request."}
	callerExpired  = Answer{"ExpiredToken", http.StatusForbidden, "The security token included in the request is expired."}
	internal       = Answer{"InternalFailure", http.StatusInternalServerError, "The request could not be answered."}
)

var answers = map[Reason]Answer{
	MalformedRequest: invalidRequest,
	UnknownAction:    invalidAction,
	Unsupported:      invalidRequest,
	TooLong:          invalidRequest,
	Throttled:        throttling,
	MalformedProof:   invalidToken,
	IssuerUnknown:    invalidToken,
	IssuerAmbiguous:  invalidToken,
	AlgorithmRefused: invalidToken,
	KeyUnknown:       invalidToken,
	SignatureInvalid: invalidToken,
	KeysUnavailable:  unreachable,
	ProofExpired:     expiredToken,
	ClaimsIncomplete: rejectedClaim,
	ProofNotYetValid: rejectedClaim,
	ProofTooLong:     rejectedClaim,
	RoleUnknown:      accessDenied,
	NoBinding:        accessDenied,
	BindingAmbiguous: accessDenied,
	AWSAudience:      accessDenied,
	OutsideNetwork:   accessDenied,
	IdentityUnknown:  accessDenied,
	IdentityHalted:   accessDenied,
	Quarantined:      accessDenied,
	NotRecorded:      unavailable,
	NotSealed:        unavailable,
	ProofMissing:     unproved,
	ProofRevoked:     accessDenied,
	CertificateForm:  invalidToken,
	Misdirected:      unaddressed,
	Forwarded:        unaddressed,
	CallerUnproven:   unproven,
	CallerExpired:    callerExpired,
}

// Answer maps the refusal to what its caller is told.
func (r *Refusal) Answer() Answer {
	a, ok := answers[r.Reason]
	if !ok {
		return internal
	}
	if r.Message != "" {
		a.Message = r.Message
	}
	return a
}
