// Package bedrock knows what Amazon Bedrock's wire says: operations and their
// paths, model identifiers, request bodies, where in bodies, answers and streams
// there is text, errors, event streams, token usage, prices, and the catalogue
// of models and inference profiles.
//
// The package is pure: no I/O and no clock. It trusts no byte it reads: what
// it does not understand it reports by name, and leaves the bytes untouched,
// because what was authorised must be byte for byte what is forwarded. Splice
// alone makes other bytes, which are to be authorised anew.
package bedrock

import (
	"crypto/sha256"
	"net/http"
)

// Body is the exact bytes of a request body with their SHA-256, computed once.
type Body struct {
	bytes []byte
	sum   [sha256.Size]byte
}

// NewBody takes ownership of b, which must not change afterwards.
func NewBody(b []byte) Body { return Body{bytes: b, sum: sha256.Sum256(b)} }

// Bytes returns the body; callers must not change it.
func (b Body) Bytes() []byte { return b.bytes }

// Sum returns the body's SHA-256.
func (b Body) Sum() [sha256.Size]byte { return b.sum }

// Tool is a tool offered to the model by the caller.
type Tool struct {
	Name   string
	Digest [sha256.Size]byte // over the description and the input schema's exact bytes
}

// Guardrail is a guardrail that a request asks for.
type Guardrail struct {
	ID      string // id or ARN, as named
	Version string // number or DRAFT
	Async   bool   // stream processing mode async: text may leave before the check
	// Narrowed: tags or guardContent blocks limit the check to a part of the content.
	Narrowed bool
}

// Output is where the answer of an asynchronous invocation is to be written.
type Output struct {
	URI         string // s3://bucket, with or without the beginning of a key
	KMSKey      string // empty: the bucket's own
	BucketOwner string // empty: the account called
}

// Capabilities is what a request's headers and body switch on (security S2).
// Names are reported, sorted and unique; values never are.
type Capabilities struct {
	MaxTokens     int64 // 0: not stated
	Tools         []Tool
	SystemTools   []string   // Converse systemTool names: they run inside AWS
	Guardrail     *Guardrail // nil: none asked for
	ServiceTier   string     // as stated; empty means default
	Latency       string     // performanceConfig.latency; empty means standard
	Extras        []string   // known fields with an effect of their own: beta:<flag>, server_tool:<type>, mcp_server, store, thinking, latency:<value>, …
	UnknownFields []string   // top-level and additional fields the family's list does not have, as a path
	S3            []string   // every s3:// URI named
	KMSKeys       []string   // every KMS key named
	Output        *Output    // where an asynchronous answer is to be written; nil: nowhere
	Tags          []string   // put on an asynchronous invocation, as "key=value"
	Metadata      map[string]string
	// UnknownContent names roles and content blocks that the reader does not
	// know; they are forwarded, and count as unscanned.
	UnknownContent []string
	Load           Load
}

// Load is what in a body weighs on a call's cost, beside the body's length.
type Load struct {
	// Unread: something of the input is no text of this body: pictures, documents,
	// sound, what lies in S3 or at a URL, or what only the provider can read.
	Unread  bool
	Answers int64 // how many are asked for; 0: one
	Budget  int64 // tokens of a stated thinking budget; 0: none stated
	Blocks  int64 // of content: what a guardrail may count each for itself
	// Documents are the bytes of tools' schemas, inputs and results, which are
	// written anew, and maybe at greater length, before the model reads them.
	Documents  int64
	CacheWrite bool // writing to the prompt cache is asked for
	CacheHour  bool // and that it be kept for longer than usual
}

// ForwardHeaders are the request headers that Bedrock gives a meaning to; no
// other client header is ever forwarded.
var ForwardHeaders = []string{
	"Accept",
	"Content-Type",
	"X-Amzn-Bedrock-Accept",
	"X-Amzn-Bedrock-Guardrailidentifier",
	"X-Amzn-Bedrock-Guardrailversion",
	"X-Amzn-Bedrock-Performanceconfig-Latency",
	"X-Amzn-Bedrock-Request-Metadata",
	"X-Amzn-Bedrock-Service-Tier",
	"X-Amzn-Bedrock-Trace",
}

// Forwardable copies the headers of ForwardHeaders out of h.
func Forwardable(h http.Header) http.Header {
	out := make(http.Header, 4)
	for _, k := range ForwardHeaders {
		if v := h[k]; len(v) > 0 {
			out[k] = v
		}
	}
	return out
}
