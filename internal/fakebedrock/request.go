package fakebedrock

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxBody is what the service accepts as a request body, in bytes
// (InvokeModel API reference: 25,000,000).
const maxBody = 25_000_000

// The operations served, by AWS's names.
const (
	opConverse       = "Converse"
	opConverseStream = "ConverseStream"
	opInvoke         = "InvokeModel"
	opInvokeStream   = "InvokeModelWithResponseStream"
	opCount          = "CountTokens"
	opApply          = "ApplyGuardrail"
	opChat           = "ChatCompletions" // AWS has no name for it
	opChatStream     = "ChatCompletionsStream"
)

// operations maps the last path segment to the operation.
var operations = map[string]string{
	"converse":                    opConverse,
	"converse-stream":             opConverseStream,
	"invoke":                      opInvoke,
	"invoke-with-response-stream": opInvokeStream,
	"count-tokens":                opCount,
}

// Request is what the stand-in received, kept even when it was refused.
type Request struct {
	Method    string
	Path      string // escaped path and query, exactly as received
	Proto     string // HTTP/1.1 or HTTP/2.0
	TLS       bool
	Host      string // the Host header or :authority
	Header    http.Header
	Body      []byte
	Operation string // empty: the path names none
	Model     string // decoded, as the caller named it; empty: the path names none
	// Verified says who signed: an access key id, or "bearer"; empty when
	// nobody was verified.
	Verified string
	// Region is the one of the signature's scope.
	Region string
	// Session is the role's session that signed; nil: it was none.
	Session *Session
}

// Recorder keeps requests in the order of their arrival; the zero value is
// ready. It is safe for concurrent use.
type Recorder struct {
	mu       sync.Mutex // guards requests
	requests []Request
}

func (r *Recorder) add(req Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req)
}

// Requests returns a copy of what was kept so far.
func (r *Recorder) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Reset forgets everything.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = nil
}

// receive reads, routes and authenticates; the request is as complete as it
// could be made when it comes with a refusal.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (Request, *apiError) {
	req := Request{
		Method: r.Method,
		Path:   r.RequestURI,
		Proto:  r.Proto,
		TLS:    r.TLS != nil,
		Host:   r.Host,
		Header: r.Header.Clone(),
	}
	var err error
	if req.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		return req, validation("Reading the request body failed: " + err.Error())
	}
	if asksSTS(req.Method, req.Path) {
		req.Operation = "sts"
		var refused *apiError
		req.Verified, refused = s.authenticate(&req, "sts")
		return req, refused
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	op, model, refused := asyncRoute(r.Method, path, req.Body)
	if op == "" && refused == nil {
		op, model, refused = route(r.Method, path, req.Body)
	}
	if refused != nil {
		return req, refused
	}
	req.Operation, req.Model = op, model
	if req.Verified, refused = s.authenticate(&req, "bedrock"); refused == nil {
		refused = s.authorise(req)
	}
	return req, refused
}

// route finds the operation that an escaped path names, and the model that it,
// or for chat completions the body, does. A model id with unescaped slashes is
// accepted, as everything between the two fixed segments.
func route(method, path string, body []byte) (op, model string, refused *apiError) {
	unknown := &apiError{status: http.StatusNotFound, name: "UnknownOperationException",
		message: "The stand-in serves Converse, ConverseStream, InvokeModel, InvokeModelWithResponseStream, CountTokens, ApplyGuardrail and OpenAI's chat completions."}
	switch {
	case method != http.MethodPost:
		return "", "", unknown
	case path == chatPath:
		return routeChat(body)
	case strings.HasPrefix(path, "/guardrail/") && strings.HasSuffix(path, "/apply"):
		return opApply, "", nil
	}
	rest, ok := strings.CutPrefix(path, "/model/")
	cut := strings.LastIndexByte(rest, '/')
	if !ok || cut < 0 || operations[rest[cut+1:]] == "" {
		return "", "", unknown
	}
	model, err := url.PathUnescape(rest[:cut])
	if err != nil || model == "" || len(model) > 2048 {
		return "", "", validation("The provided model identifier is invalid.")
	}
	return operations[rest[cut+1:]], model, nil
}
