package bedrock

import (
	_ "embed"
	"encoding/csv"
	"net/http"
	"strings"
	"sync"
)

// Hints for operations that are refused by name.
const (
	hintServed     = "Writ serves POST /model/{modelId}/ with converse, converse-stream, invoke, invoke-with-response-stream or count-tokens, /guardrail/{id}/version/{version}/apply and /openai/v1/chat/completions"
	hintStream     = "use ConverseStream or InvokeModelWithResponseStream: what goes both ways at once cannot be decided on before it leaves"
	hintChecks     = "it names no guardrail that a right could be for; use ApplyGuardrail, or name a guardrail in the invocation itself"
	hintResponses  = "it stores answers, and its tools run inside AWS, where nothing can be held; use POST /openai/v1/chat/completions or Converse"
	hintStored     = "answers that Bedrock keeps belong to the account and to nobody in it, so no right to one can be told from another"
	hintMessages   = "only bedrock-mantle serves it, which Writ does not stand in front of; send the same body to POST /model/{modelId}/invoke, as Anthropic's Bedrock client does"
	hintMantle     = "this is bedrock-mantle, which Writ does not stand in front of: set the base URL to Writ's /openai/v1"
	hintOpenAI     = "of OpenAI's API Writ serves POST /openai/v1/chat/completions"
	hintModels     = "the caller's rights are the list of its models; configure the model's id"
	hintControl    = "this is Bedrock's control plane; point only AWS_ENDPOINT_URL_BEDROCK_RUNTIME at Writ"
	hintAgents     = "this is bedrock-agent-runtime, which runs models under a service role; point only AWS_ENDPOINT_URL_BEDROCK_RUNTIME at Writ"
	hintAgentBuild = "this is bedrock-agent, which administers what runs models; point only AWS_ENDPOINT_URL_BEDROCK_RUNTIME at Writ"
	hintAgentCore  = "this is bedrock-agentcore, which runs code and models under a role of its own; point only AWS_ENDPOINT_URL_BEDROCK_RUNTIME at Writ"
	hintAutomation = "this is Bedrock Data Automation, which runs models of its own choice; point only AWS_ENDPOINT_URL_BEDROCK_RUNTIME at Writ"
)

// unservedPath is a path of AWS's that callers may expect here.
type unservedPath struct{ method, pattern, name, hint string }

// unservedPaths lists AWS operations that callers may expect here. "*" stands
// for one segment; a pattern matches every path that begins with it, and the
// first match wins. Method "" is any.
var unservedPaths = []unservedPath{
	// bedrock-runtime
	{"", "model/*/invoke-with-bidirectional-stream", "InvokeModelWithBidirectionalStream", hintStream},
	{"", "guardrail-checks/invoke", "InvokeGuardrailChecks", hintChecks},
	{http.MethodPost, "openai/v1/responses/*/cancel", "CancelInvoke (OpenAI Responses)", hintStored},
	{http.MethodPost, "openai/v1/responses", "OpenAI Responses", hintResponses},
	{http.MethodGet, "openai/v1/responses/*", "GetInvoke (OpenAI Responses)", hintStored},
	{http.MethodDelete, "openai/v1/responses/*", "DeleteInvoke (OpenAI Responses)", hintStored},
	{"", "openai/v1/responses", "OpenAI Responses", hintResponses},
	{"", "openai/v1/models", "OpenAI Models", hintModels},
	{"", "openai/v1/embeddings", "OpenAI Embeddings", "send the provider's own body to POST /model/{modelId}/invoke"},
	{"", "openai", "OpenAI API", hintOpenAI},
	// bedrock-mantle
	{"", "v1/responses", "CreateInference (OpenAI Responses on bedrock-mantle)", hintMantle},
	{"", "v1/chat/completions", "CreateInference (OpenAI Chat Completions on bedrock-mantle)", hintMantle},
	{"", "v1/embeddings", "CreateInference (OpenAI Embeddings on bedrock-mantle)", hintMantle},
	{"", "v1/messages/count_tokens", "CountTokens (Anthropic Messages on bedrock-mantle)", "use POST /model/{modelId}/count-tokens"},
	{"", "v1/messages", "CreateInference (Anthropic Messages on bedrock-mantle)", hintMessages},
	{"", "anthropic/v1/messages/count_tokens", "CountTokens (Anthropic Messages on bedrock-mantle)", "use POST /model/{modelId}/count-tokens"},
	{"", "anthropic", "CreateInference (Anthropic Messages on bedrock-mantle)", hintMessages},
	{"", "v1/models", "ListModels (OpenAI Models on bedrock-mantle)", hintModels},
	{"", "v1", "OpenAI API on bedrock-mantle", hintMantle},
}

// services are the other services of AWS that have to do with Bedrock, in the
// order in which a path is looked for among them, each with its hint.
var services = []struct{ name, hint string }{
	{"bedrock-agent-runtime", hintAgents},
	{"bedrock", hintControl},
	{"bedrock-agent", hintAgentBuild},
	{"bedrock-agentcore", hintAgentCore},
	{"bedrock-data-automation", hintAutomation},
}

// unservedTable is every operation of these services with its method and path,
// from the service models of botocore 1.43.11 (Apache-2.0). "*" stands for one
// segment.
//
//go:embed data/unserved.csv
var unservedTable string

// foreignOperation is one row of it.
type foreignOperation struct {
	service, method, name string
	segments              []string
	words                 int // segments that are not "*"
}

// foreign is the table in the order of services; the package's tests read it.
var foreign = sync.OnceValue(func() []foreignOperation {
	rows, err := csv.NewReader(strings.NewReader(unservedTable)).ReadAll()
	if err != nil {
		panic("reading the embedded table of operations: " + err.Error())
	}
	var out []foreignOperation
	for _, s := range services {
		for _, row := range rows {
			if row[0] != s.name {
				continue
			}
			op := foreignOperation{service: row[0], method: row[1], name: row[3], segments: strings.Split(row[2], "/")}
			op.words = len(op.segments) - strings.Count(row[2], "*")
			out = append(out, op)
		}
	}
	return out
})

// unserved names the operation that a path nobody here serves is AWS's for.
func unserved(method string, segments []string) error {
	for _, u := range unservedPaths {
		if (u.method == "" || u.method == method) && beginsWith(segments, u.pattern) {
			return &UnknownOperationError{Name: u.name, Hint: u.hint}
		}
	}
	name, service := elsewhere(method, segments)
	for _, s := range services {
		if s.name == service {
			return &UnknownOperationError{Name: name, Hint: s.hint}
		}
	}
	return &UnknownOperationError{Hint: hintServed}
}

// elsewhere finds a path among the operations of other services: the one with
// its method and most words in common, or else a service that has its first
// word, which then stands for the operation.
func elsewhere(method string, segments []string) (name, service string) {
	best := -1
	for _, op := range foreign() {
		if service == "" && op.segments[0] == segments[0] {
			name, service = "of "+op.service, op.service
		}
		if op.method == method && op.words > best && len(segments) == len(op.segments) && begins(segments, op.segments) {
			name, service, best = op.name, op.service, op.words
		}
	}
	return name, service
}

func beginsWith(segments []string, pattern string) bool {
	return begins(segments, strings.Split(pattern, "/"))
}

func begins(segments, pattern []string) bool {
	for i, want := range pattern {
		if i == len(segments) || want != "*" && want != segments[i] {
			return false
		}
	}
	return true
}

// targetHints are AWS services that speak JSON-RPC: POST / with the operation
// in X-Amz-Target.
var targetHints = map[string]string{
	"AmazonBedrockKeystoneRuntimeService": hintAutomation,
	"AmazonBedrockKeystoneBuildTime":      hintAutomation,
}

// UnservedRPC names the operation of a JSON-RPC request to AWS, by its
// X-Amz-Target header. Nothing that Writ serves has one.
func UnservedRPC(target string) *UnknownOperationError {
	service, op, _ := strings.Cut(target, ".")
	service, _, _ = strings.Cut(service, "_") // a version
	hint, known := targetHints[service]
	if !known || !isSymbol(op) {
		return &UnknownOperationError{Hint: "AWS's JSON-RPC services are not Bedrock's runtime; " + hintServed}
	}
	return &UnknownOperationError{Name: op, Hint: hint}
}
