package bedrock

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxModelID = 2048 // AWS: InvokeModelIdentifier
	// maxPath leaves room for an identifier of which every byte is escaped.
	maxPath = 3*maxModelID + len("/model//invoke-with-response-stream")
)

// PathError says that a method and path have no shape that Writ accepts.
type PathError struct {
	Problem string // what is wrong, without quoting the caller's bytes
}

func (e *PathError) Error() string { return "request path: " + e.Problem }

// UnknownOperationError says that a well-formed path names an operation that
// Writ does not serve.
type UnknownOperationError struct {
	Name string // AWS's name of the operation or surface; empty when it is none we know
	Hint string // what the caller can do instead
}

func (e *UnknownOperationError) Error() string {
	if e.Name == "" {
		return "unknown operation: " + e.Hint
	}
	return fmt.Sprintf("operation %s is not served: %s", e.Name, e.Hint)
}

// operations maps the last path segment to the operation it names.
var operations = map[string]Operation{
	"converse":                    Converse,
	"converse-stream":             ConverseStream,
	"invoke":                      InvokeModel,
	"invoke-with-response-stream": InvokeModelWithResponseStream,
}

// ParseTarget reads the operation and model from a request's method and its
// path as received, still escaped: URL.EscapedPath of an http.Request, whose
// query the caller must then refuse itself, or its RequestURI. Working on the
// decoded path, or on one that a router has cleaned, would lose what was signed.
//
// A model identifier is exactly one raw segment, percent-decoded once. An ARN
// may also arrive with its one '/' unescaped, as people type it: the two
// segments are then one identifier, and Target.Path has the slash escaped,
// because AWS routes on raw segments. Nothing else is guessed.
// Query strings are refused, and with them presigned requests (security S14).
//
// Errors are *PathError for what is malformed and *UnknownOperationError for
// what is well formed but not served.
func ParseTarget(method, escapedPath string) (Target, error) {
	if err := checkPath(escapedPath); err != nil {
		return Target{}, err
	}
	segments := strings.Split(escapedPath[1:], "/")
	if err := checkSegments(segments); err != nil {
		return Target{}, err
	}
	op, known := operations[segments[len(segments)-1]]
	if segments[0] != "model" || !known {
		return Target{}, unserved(method, segments)
	}
	if len(segments) == 4 && strings.HasPrefix(segments[1], "arn:") {
		segments = []string{segments[0], segments[1] + "%2F" + segments[2], segments[3]}
	}
	if len(segments) != 3 {
		return Target{}, &PathError{"the model identifier must be one segment: escape '/' as %2F"}
	}
	if method != http.MethodPost {
		return Target{}, &PathError{"want method POST"}
	}
	id, err := decodeModelID(segments[1])
	if err != nil {
		return Target{}, err
	}
	return Target{Operation: op, ModelID: id, Path: "/" + strings.Join(segments, "/")}, nil
}

// checkPath refuses bytes that RFC 3986 §3.3 does not allow in a path.
func checkPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return &PathError{"want an absolute path"}
	case len(p) > maxPath:
		return &PathError{"too long"}
	case strings.Contains(p, "?"):
		return &PathError{"query strings and presigned requests are not accepted"}
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c != '/' && c != '%' && !modelIDByte(c) && !strings.ContainsRune("~!$&'()*+,;=@", rune(c)) {
			return &PathError{"holds a byte that must be escaped"}
		}
	}
	return nil
}

// checkSegments refuses whatever another parser could normalise into a
// different path: empty and dot segments, escaped or not, and broken escapes.
func checkSegments(segments []string) error {
	for _, raw := range segments {
		s, err := url.PathUnescape(raw)
		if err != nil {
			return &PathError{"holds an invalid percent escape"}
		}
		if s == "" || s == "." || s == ".." {
			return &PathError{"holds an empty or dot segment"}
		}
		for i := 0; i < len(s); i++ {
			if s[i] < 0x20 || s[i] == 0x7f {
				return &PathError{"holds a control character"}
			}
		}
	}
	return nil
}

// decodeModelID decodes a segment that checkSegments accepted. What remains
// must be made of the bytes that AWS's pattern for identifiers uses, so a
// second escape, a query or a header break cannot hide in it.
func decodeModelID(raw string) (string, error) {
	id, err := url.PathUnescape(raw)
	if err != nil {
		return "", &PathError{"holds an invalid percent escape"}
	}
	if len(id) > maxModelID {
		return "", &PathError{"the model identifier is too long"}
	}
	for i := 0; i < len(id); i++ {
		if id[i] != '/' && !modelIDByte(id[i]) {
			return "", &PathError{"the model identifier holds a byte that no identifier has"}
		}
	}
	for part := range strings.SplitSeq(id, "/") {
		if part == "" || part == "." || part == ".." {
			return "", &PathError{"the model identifier holds an empty or dot segment"}
		}
	}
	return id, nil
}

func modelIDByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == ':' || c == '.' || c == '_'
}

// Hints for operations that are refused by name.
const (
	hintServed  = "Writ serves POST /model/{modelId}/ with converse, converse-stream, invoke or invoke-with-response-stream"
	hintRuntime = "Writ serves Converse, ConverseStream, InvokeModel and InvokeModelWithResponseStream only"
	hintStream  = "use ConverseStream or InvokeModelWithResponseStream"
	hintAsync   = "asynchronous results leave Writ's sight; use Converse or InvokeModel"
	hintConvert = "use Converse, or the provider's own body with InvokeModel"
	hintControl = "this is Bedrock's control plane; point only AWS_ENDPOINT_URL_BEDROCK_RUNTIME at Writ"
	hintAgents  = "this is bedrock-agent-runtime, which runs models under a service role; point only AWS_ENDPOINT_URL_BEDROCK_RUNTIME at Writ"
)

// unservedPaths lists AWS operations that callers may expect here. "*" stands
// for one segment; a pattern matches every path that begins with it, and the
// first match wins. Method "" is any.
var unservedPaths = []struct{ method, pattern, name, hint string }{
	{"", "model/*/count-tokens", "CountTokens", hintRuntime},
	{"", "model/*/invoke-with-bidirectional-stream", "InvokeModelWithBidirectionalStream", hintStream},
	{"", "guardrail/*/version/*/apply", "ApplyGuardrail", "name the guardrail in the invocation itself"},
	{"", "guardrail-checks/invoke", "InvokeGuardrailChecks", "name a guardrail in the invocation itself"},
	{http.MethodPost, "async-invoke", "StartAsyncInvoke", hintAsync},
	{http.MethodGet, "async-invoke/*", "GetAsyncInvoke", hintAsync},
	{http.MethodGet, "async-invoke", "ListAsyncInvokes", hintAsync},
	{"", "openai/v1/chat/completions", "OpenAI Chat Completions", hintConvert},
	{"", "openai/v1/responses", "OpenAI Responses", hintConvert},
	{"", "openai", "OpenAI API", hintConvert},
	{"", "v1/chat/completions", "OpenAI Chat Completions", hintConvert},
	{"", "v1/responses", "OpenAI Responses", hintConvert},
	{"", "v1/embeddings", "OpenAI Embeddings", hintConvert},
	{"", "v1/messages", "Anthropic Messages", hintConvert},
	{"", "anthropic/v1/messages/count_tokens", "Anthropic CountTokens", hintConvert},
	{"", "anthropic", "Anthropic Messages", hintConvert},
	{"", "v1", "OpenAI API", hintConvert},
	{http.MethodGet, "foundation-models/*", "GetFoundationModel", hintControl},
	{http.MethodGet, "foundation-models", "ListFoundationModels", hintControl},
	{http.MethodGet, "inference-profiles/*", "GetInferenceProfile", hintControl},
	{http.MethodGet, "inference-profiles", "ListInferenceProfiles", hintControl},
	{http.MethodPost, "inference-profiles", "CreateInferenceProfile", hintControl},
	{"", "guardrails", "guardrail administration", hintControl},
	{"", "custom-models", "custom model administration", hintControl},
	{"", "imported-models", "imported model administration", hintControl},
	{"", "provisioned-model-throughput", "provisioned throughput administration", hintControl},
	{"", "provisioned-model-throughputs", "ListProvisionedModelThroughputs", hintControl},
	{http.MethodPost, "model-invocation-job", "CreateModelInvocationJob", hintControl},
	{"", "model-invocation-job", "model invocation jobs", hintControl},
	{"", "model-invocation-jobs", "ListModelInvocationJobs", hintControl},
	{"", "logging/modelinvocations", "model invocation logging configuration", hintControl},
	{"", "agents/*/agentAliases/*/sessions/*/text", "InvokeAgent", hintAgents},
	{"", "agents/*/sessions", "InvokeInlineAgent", hintAgents},
	{"", "agents", "agents", hintAgents},
	{"", "flows", "InvokeFlow", hintAgents},
	{"", "knowledgebases/*/retrieve", "Retrieve", hintAgents},
	{"", "knowledgebases", "knowledge bases", hintAgents},
	{"", "retrieveAndGenerate", "RetrieveAndGenerate", hintAgents},
	{"", "retrieveAndGenerateStream", "RetrieveAndGenerateStream", hintAgents},
	{"", "generateQuery", "GenerateQuery", hintAgents},
	{"", "optimize-prompt", "OptimizePrompt", hintAgents},
	{"", "rerank", "Rerank", hintAgents},
}

func unserved(method string, segments []string) error {
	for _, u := range unservedPaths {
		if (u.method == "" || u.method == method) && beginsWith(segments, u.pattern) {
			return &UnknownOperationError{Name: u.name, Hint: u.hint}
		}
	}
	return &UnknownOperationError{Hint: hintServed}
}

func beginsWith(segments []string, pattern string) bool {
	i := 0
	for want := range strings.SplitSeq(pattern, "/") {
		if i == len(segments) || want != "*" && want != segments[i] {
			return false
		}
		i++
	}
	return true
}
