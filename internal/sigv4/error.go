package sigv4

import "net/http"

// Code is the name of an authentication failure as AWS's SDKs know it
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).
type Code string

// The codes. ExpiredToken is for sessions that the signature's checker found
// expired, so that one table answers for all of authentication.
const (
	MissingAuthenticationToken Code = "MissingAuthenticationTokenException"
	IncompleteSignature        Code = "IncompleteSignatureException"
	InvalidSignature           Code = "InvalidSignatureException"
	RequestTimeTooSkewed       Code = "RequestTimeTooSkewed"
	UnrecognizedClient         Code = "UnrecognizedClientException"
	ExpiredToken               Code = "ExpiredTokenException"
)

// Status is the HTTP status that goes with the code.
func (c Code) Status() int {
	if c == IncompleteSignature {
		return http.StatusBadRequest
	}
	return http.StatusForbidden
}

// Error says why a signature is not accepted. Reason is safe to show to the
// caller: it holds no secret, no token and no value that the caller sent.
type Error struct {
	Code   Code
	Reason string
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Reason }

func refuse(c Code, reason string) error { return &Error{Code: c, Reason: reason} }
