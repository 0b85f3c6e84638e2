package compat

import (
	"net/http"
	"slices"
	"sync"
	"testing"
)

// client is what is driven, with what is to be expected of it. docs/clients.md
// is written from this.
type client struct {
	name, title string
	sdk         bool // one of AWS's own SDKs
	// prepare installs what the client needs and returns how to run it; an error
	// means that a prerequisite is missing.
	prepare func() ([]string, error)
	// play plays a verb with a client that is itself a command; nil: what
	// prepare returns is a program that knows the verbs.
	play func(*testing.T, tool, string) []step
	// theirs says that nothing in this repository can install the client: it is
	// left out, not skipped, where the machine has none.
	theirs bool

	calls []string // what it calls: each API whole and then, if it can, its stream
	// lacks are the scenarios that the client has no means for.
	lacks []string

	// models pairs the models of a Target with those that the client can call in
	// their place.
	models []string
	// bearerOnly says that the client takes nothing but a token.
	bearerOnly bool
	// ownEndpoint says that an AWS profile cannot tell the client where to call.
	ownEndpoint bool

	plain, secure string // the protocols spoken over http:// and https://
	signed        string // the headers signed, as SignedHeaders lists them
	rawColon      bool   // the colons of a model's id go out unescaped
	// bearerOverTLS says that the client sends bearer tokens to https:// only.
	bearerOverTLS bool

	refused string // the class for AccessDeniedException
	// noStatus says that the client does not show a status.
	noStatus bool
	// noHead says that the client does not show the head of an answer.
	noHead bool
	// throttled is the class for ThrottlingException when one more attempt is
	// allowed, attempts how many requests it took.
	throttled string
	attempts  int
	broken    string // the class for a throttlingException in mid-stream
	cut       string // the class for the modelStreamErrorException that ends a cut stream
	// cutStatus is what the client shows of that exception's originalStatusCode;
	// 0: nothing.
	cutStatus int
}

func (c client) can(scenario string) bool { return !slices.Contains(c.lacks, scenario) }

// bedrockCalls are Bedrock's two APIs, each with its stream.
var bedrockCalls = []string{"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"}

// Models that OpenAI's SDK can call, for those of the stand-in.
const (
	ossModel   = "openai.gpt-oss-120b-1:0"
	ossRefused = "openai.gpt-oss-safeguard-20b"
	ossBusy    = "openai.gpt-oss-20b-1:0"
	ossBroken  = "openai.gpt-oss-120b"
	ossStalled = "openai.gpt-oss-20b"
	ossCovered = "openai.gpt-oss-safeguard-120b"
)

// openai speaks to other gateways too.
var openai = client{
	name: "openai", title: "`openai`", prepare: program("js/openai.js"), calls: []string{"ChatCompletions", "ChatCompletions (stream)"},
	lacks:  []string{"keys", "federated", "federated-tls", "renew", "profile", "profile-renewed", "container", "count-tokens", "guardrail", "async", "caller-identity"},
	models: []string{standInModel, ossModel, standInRefused, ossRefused, standInBusy, ossBusy, standInBroken, ossBroken, stalled, ossStalled, covered, ossCovered, pending, ossPending, waits, ossWaits, triageModel, ossPending, waitsModel, ossWaits},
	plain:  "HTTP/1.1", secure: "HTTP/1.1", bearerOnly: true,
	refused: "PermissionDeniedError", throttled: "RateLimitError", attempts: 2, broken: "APIError", cut: "APIError",
}

const python, cli = "python", "cli"

var clients = []client{
	{
		name: "go", title: "AWS SDK for Go v2", sdk: true, prepare: sync.OnceValues(prepareGo), calls: bedrockCalls,
		plain: "HTTP/1.1", secure: "HTTP/2.0", bearerOverTLS: true,
		signed:  "amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-security-token",
		refused: "*types.AccessDeniedException", throttled: "*types.ThrottlingException", attempts: 2, broken: "*types.ThrottlingException", cut: "*types.ModelStreamErrorException", cutStatus: http.StatusForbidden,
	},
	{
		name: "js", title: "AWS SDK for JavaScript v3", sdk: true, prepare: program("js/main.js"), calls: bedrockCalls,
		plain: "HTTP/2.0", secure: "HTTP/2.0",
		signed:  ":authority;amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-user-agent",
		refused: "AccessDeniedException", throttled: "ThrottlingException", attempts: 2, broken: "ThrottlingException", cut: "ModelStreamErrorException", cutStatus: http.StatusForbidden,
	},
	{
		name: python, title: "boto3", sdk: true, prepare: sync.OnceValues(preparePython), theirs: true, calls: bedrockCalls,
		plain: "HTTP/1.1", secure: "HTTP/1.1",
		signed:  "content-type;host;x-amz-date;x-amz-security-token",
		refused: "AccessDeniedException", throttled: "ThrottlingException", attempts: 2, broken: "EventStreamError", cut: "EventStreamError",
	},
	{
		name: cli, title: "AWS CLI", prepare: sync.OnceValues(prepareCLI), play: playCLI, theirs: true,
		calls: []string{"Converse", "InvokeModel"}, lacks: []string{"stream", "stream-error", "cut"},
		plain: "HTTP/1.1", secure: "HTTP/1.1",
		signed:  "content-type;host;x-amz-date;x-amz-security-token",
		refused: "exit status 255", throttled: "exit status 255", attempts: 2, noStatus: true, noHead: true,
	},
	{
		name: "anthropic", title: "`@anthropic-ai/bedrock-sdk`", prepare: program("js/anthropic.js"),
		calls: bedrockCalls[2:], ownEndpoint: true, lacks: []string{"count-tokens", "guardrail", "async", "caller-identity"},
		models: []string{triageModel, pending, waitsModel, waits},
		plain:  "HTTP/1.1", secure: "HTTP/1.1", rawColon: true,
		signed:  "accept;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-stainless-arch;x-stainless-lang;x-stainless-os;x-stainless-package-version;x-stainless-retry-count;x-stainless-runtime;x-stainless-runtime-version;x-stainless-timeout",
		refused: "PermissionDeniedError", throttled: "RateLimitError", attempts: 2, broken: "APIError", cut: "APIError",
	},
	{
		name: "ai", title: "`@ai-sdk/amazon-bedrock`", prepare: program("js/ai.js"), calls: bedrockCalls,
		ownEndpoint: true, lacks: []string{"payment", "count-tokens", "guardrail", "async", "caller-identity"},
		plain: "HTTP/1.1", secure: "HTTP/1.1",
		signed:  "host;x-amz-date;x-amz-security-token",
		refused: "APICallError", throttled: "RetryError", attempts: 2, broken: "StreamProviderError", cut: "StreamProviderError",
	},
	{
		name: "langchain", title: "`@langchain/aws`", prepare: program("js/langchain.js"), calls: bedrockCalls[:2],
		lacks: []string{"count-tokens", "guardrail", "async", "caller-identity"},
		plain: "HTTP/2.0", secure: "HTTP/2.0",
		signed:  ":authority;amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-user-agent",
		refused: "AccessDeniedException", throttled: "ThrottlingException", attempts: 2, broken: "ThrottlingException", cut: "ModelStreamErrorException", cutStatus: http.StatusForbidden, noHead: true,
	},
	openai,
	{
		name: "curl", title: "`curl --aws-sigv4`", prepare: prepareCurl, play: playCurl, calls: bedrockCalls,
		lacks: []string{"profile", "profile-renewed", "container"},
		plain: "HTTP/1.1", secure: "HTTP/2.0",
		signed:  "content-type;host;x-amz-date;x-amz-security-token",
		refused: "AccessDeniedException", throttled: "ThrottlingException", attempts: 1, broken: "throttlingException", cut: "modelStreamErrorException", cutStatus: http.StatusForbidden,
	},
}

// present are the clients to drive.
func present(t *testing.T) []client {
	return slices.DeleteFunc(slices.Clone(clients), func(c client) bool {
		if !c.theirs {
			return false
		}
		_, err := c.prepare()
		if err != nil {
			t.Logf("%s is left out: %v", c.title, err)
		}
		return err != nil
	})
}
