package bedrock

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrorType is the name of an exception of the bedrock-runtime API, or of one
// that AWS's front end raises before it.
type ErrorType string

// The exceptions that clients can be sent
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors
// and https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).
const (
	AccessDeniedException               ErrorType = "AccessDeniedException"
	ValidationException                 ErrorType = "ValidationException"
	ResourceNotFoundException           ErrorType = "ResourceNotFoundException"
	ConflictException                   ErrorType = "ConflictException"
	ServiceQuotaExceededException       ErrorType = "ServiceQuotaExceededException"
	ThrottlingException                 ErrorType = "ThrottlingException"
	ModelNotReadyException              ErrorType = "ModelNotReadyException"
	ModelTimeoutException               ErrorType = "ModelTimeoutException"
	ModelErrorException                 ErrorType = "ModelErrorException"
	ModelStreamErrorException           ErrorType = "ModelStreamErrorException"
	InternalServerException             ErrorType = "InternalServerException"
	ServiceUnavailableException         ErrorType = "ServiceUnavailableException"
	InvalidSignatureException           ErrorType = "InvalidSignatureException"
	UnrecognizedClientException         ErrorType = "UnrecognizedClientException"
	ExpiredTokenException               ErrorType = "ExpiredTokenException"
	MissingAuthenticationTokenException ErrorType = "MissingAuthenticationTokenException"
	IncompleteSignatureException        ErrorType = "IncompleteSignatureException"
	RequestTimeTooSkewed                ErrorType = "RequestTimeTooSkewed"
	UnknownOperationException           ErrorType = "UnknownOperationException"
)

var errorStatus = map[ErrorType]int{
	AccessDeniedException:               http.StatusForbidden,
	ValidationException:                 http.StatusBadRequest,
	ResourceNotFoundException:           http.StatusNotFound,
	ConflictException:                   http.StatusBadRequest,
	ServiceQuotaExceededException:       http.StatusBadRequest,
	ThrottlingException:                 http.StatusTooManyRequests,
	ModelNotReadyException:              http.StatusTooManyRequests,
	ModelTimeoutException:               http.StatusRequestTimeout,
	ModelErrorException:                 http.StatusFailedDependency,
	ModelStreamErrorException:           http.StatusFailedDependency,
	InternalServerException:             http.StatusInternalServerError,
	ServiceUnavailableException:         http.StatusServiceUnavailable,
	InvalidSignatureException:           http.StatusForbidden,
	UnrecognizedClientException:         http.StatusForbidden,
	ExpiredTokenException:               http.StatusForbidden,
	MissingAuthenticationTokenException: http.StatusForbidden,
	IncompleteSignatureException:        http.StatusBadRequest,
	RequestTimeTooSkewed:                http.StatusForbidden,
	UnknownOperationException:           http.StatusNotFound,
}

// Status is the HTTP status that goes with the exception; a name that AWS does
// not have counts as an internal error.
func (t ErrorType) Status() int {
	if s, ok := errorStatus[t]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// Error is a refusal or failure in the form that AWS's SDKs understand.
type Error struct {
	Type    ErrorType // required
	Message string    // for the caller: must not be an oracle (security S20)
	// RetryAfter tells SDKs how long to wait; zero sends no hint. They add it
	// to their own backoff only up to about 5 s.
	RetryAfter time.Duration
	// OriginalStatus is what the model answered, for ModelErrorException and
	// ModelStreamErrorException; zero omits it.
	OriginalStatus  int
	OriginalMessage string // ModelStreamErrorException only
	ResourceName    string // ModelErrorException only
}

func (e Error) Error() string { return string(e.Type) + ": " + e.Message }

// DecisionHeader carries the opaque id under which operators find a decision.
const DecisionHeader = "X-Writ-Decision"

// WriteError answers with e in AWS's envelope. The type goes into a header
// because SDKs that find none report only a status; Date lets them correct
// their clocks. decisionID may be empty, when nothing was decided yet.
func WriteError(w http.ResponseWriter, e Error, requestID, decisionID string, now time.Time) {
	if _, known := errorStatus[e.Type]; !known {
		e.Type = InternalServerException
	}
	body := appendErrorBody(nil, e)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-Amzn-Errortype", string(e.Type))
	h.Set("X-Amzn-Requestid", requestID)
	if decisionID != "" {
		h.Set(DecisionHeader, decisionID)
	}
	if e.RetryAfter > 0 {
		h.Set("X-Amz-Retry-After", strconv.FormatInt(e.RetryAfter.Milliseconds(), 10))
	}
	w.WriteHeader(e.Type.Status())
	// A caller that has gone away cannot be told anything.
	_, _ = w.Write(body)
}

// openAIKinds are OpenAI's words for the statuses that its SDKs tell apart.
var openAIKinds = map[int]string{
	http.StatusBadRequest:      "invalid_request_error",
	http.StatusUnauthorized:    "authentication_error",
	http.StatusForbidden:       "permission_error",
	http.StatusNotFound:        "invalid_request_error",
	http.StatusTooManyRequests: "rate_limit_error",
}

// unproven are the exceptions that OpenAI's SDKs know as one, by status 401.
var unproven = map[ErrorType]bool{
	ExpiredTokenException: true, IncompleteSignatureException: true, InvalidSignatureException: true,
	MissingAuthenticationTokenException: true, RequestTimeTooSkewed: true, UnrecognizedClientException: true,
}

// OpenAIStatus is the HTTP status of the exception on OpenAI's surface.
func (t ErrorType) OpenAIStatus() int {
	if unproven[t] {
		return http.StatusUnauthorized
	}
	return t.Status()
}

// OpenAIPath reports whether a path is on OpenAI's surface, where clients
// expect its errors.
func OpenAIPath(path string) bool {
	return strings.HasPrefix(path, "/openai/") || strings.HasPrefix(path, "/v1/")
}

// WriteOpenAIError is WriteError for OpenAI's surface: the body is what its
// SDKs read, with AWS's name as the code, and AWS's headers are there as well.
// Its SDKs try again on what looks passing unless told not to: a refusal says so.
func WriteOpenAIError(w http.ResponseWriter, e Error, requestID, decisionID string, now time.Time) {
	if _, known := errorStatus[e.Type]; !known {
		e.Type = InternalServerException
	}
	body := appendOpenAIError(nil, e)
	status := e.Type.OpenAIStatus()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("X-Amzn-Errortype", string(e.Type))
	h.Set("X-Amzn-Requestid", requestID)
	h.Set("X-Request-Id", requestID)
	if decisionID != "" {
		h.Set(DecisionHeader, decisionID)
	}
	if status < 500 && status != http.StatusTooManyRequests {
		h.Set("X-Should-Retry", "false")
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After-Ms", strconv.FormatInt(e.RetryAfter.Milliseconds(), 10))
	}
	w.WriteHeader(status)
	// A caller that has gone away cannot be told anything.
	_, _ = w.Write(body)
}

func appendOpenAIError(dst []byte, e Error) []byte {
	kind, ok := openAIKinds[e.Type.OpenAIStatus()]
	if !ok {
		kind = "server_error"
	}
	dst = appendText(append(dst, `{"error":{"message":`...), e.Message)
	dst = appendText(append(dst, `,"type":`...), kind)
	dst = appendText(append(dst, `,"param":null,"code":`...), string(e.Type))
	return append(dst, `}}`...)
}

// AppendErrorEvent appends the server-sent event that ends a stream of chat
// completions with e, at which OpenAI's SDKs raise an error and do not retry.
func AppendErrorEvent(dst []byte, e Error) []byte {
	return append(appendOpenAIError(append(dst, "data: "...), e), "\n\n"...)
}

func appendErrorBody(dst []byte, e Error) []byte {
	dst = appendText(append(dst, `{"message":`...), e.Message)
	if e.OriginalStatus != 0 {
		dst = strconv.AppendInt(append(dst, `,"originalStatusCode":`...), int64(e.OriginalStatus), 10)
	}
	if e.OriginalMessage != "" {
		dst = appendText(append(dst, `,"originalMessage":`...), e.OriginalMessage)
	}
	if e.ResourceName != "" {
		dst = appendText(append(dst, `,"resourceName":`...), e.ResourceName)
	}
	return append(dst, '}')
}

// appendText appends s as a JSON string. AppendQuote reports an error only for
// invalid UTF-8, which is replaced beforehand.
func appendText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\uFFFD"))
	return dst
}

// AppendException appends the event-stream frame that ends a stream of op with
// e. A stream's modelled exceptions are fewer than an operation's: what is
// neither an internal, a validation nor (for InvokeModel streams) a timeout
// error is sent as modelStreamErrorException with the status that e would have
// had. Throttling and unavailability are never sent: SDKs retry them, and a
// stream cut by policy or budget must not be paid for twice (security S23).
func AppendException(dst []byte, op Operation, e Error) []byte {
	name := "modelStreamErrorException"
	switch {
	case e.Type == InternalServerException:
		name = "internalServerException"
	case e.Type == ValidationException:
		name = "validationException"
	case e.Type == ModelTimeoutException && op == InvokeModelWithResponseStream:
		name = "modelTimeoutException"
	case e.Type != ModelStreamErrorException:
		e = Error{Type: e.Type, Message: e.Message, OriginalStatus: e.Type.Status(), OriginalMessage: e.Message}
	}
	return appendFrame(dst, ":exception-type", name, "exception", appendErrorBody(nil, e))
}
