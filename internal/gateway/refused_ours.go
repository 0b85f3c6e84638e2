package gateway

import (
	"errors"
	"net/http"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// Answers of Bedrock's that are not passed on.
var (
	errEncoded = errors.New("the answer is encoded")
	errOurs    = errors.New("the gateway's own credentials or signature were not accepted")
)

// aboutUs are AWS's words for credentials and signatures: those that the
// request left with, which are Writ's and none of the caller's.
var aboutUs = map[string]bool{
	string(bedrock.ExpiredTokenException):               true,
	string(bedrock.IncompleteSignatureException):        true,
	string(bedrock.InvalidSignatureException):           true,
	string(bedrock.MissingAuthenticationTokenException): true,
	string(bedrock.UnrecognizedClientException):         true,
	"InvalidClientTokenId":                              true,
	"RequestTimeTooSkewed":                              true,
	"SignatureDoesNotMatch":                             true,
}

// unfit says why an answer is kept from the caller, or nil. One in an encoding
// that nobody asked for cannot be inspected, nor read by the client, who would
// not be told of it. One about Writ's own credentials would have the caller's
// SDK throw away its own, and AWS's message quotes the signed headers, the
// security token among them.
func unfit(resp *http.Response) error {
	if len(resp.Header["Content-Encoding"]) > 0 {
		return errEncoded
	}
	name, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	if resp.StatusCode >= 400 && aboutUs[name] {
		return errOurs
	}
	return nil
}
