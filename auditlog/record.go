package auditlog

// Version is the version of the record schema that this package writes.
const Version = 1

// Kind says what a record is about.
type Kind string

// The kinds of record. Each requires the groups that [Record.Validate] names.
const (
	KindIntent         Kind = "intent"          // a call that is about to leave for Bedrock
	KindOutcome        Kind = "outcome"         // how the call of an intent ended
	KindRefusal        Kind = "refusal"         // an authenticated call that was refused
	KindCollected      Kind = "collected"       // a held answer went out to its caller, after its release
	KindPreauth        Kind = "preauth"         // unauthenticated refusals of one minute, aggregated
	KindMint           Kind = "mint"            // a session was issued
	KindControl        Kind = "control"         // a control action is about to be committed
	KindControlOutcome Kind = "control_outcome" // how a control action ended
	KindLifecycle      Kind = "lifecycle"       // start, stop, recovery or key rotation of an instance
)

// Record is one entry of the audit log. Groups that do not apply are nil.
type Record struct {
	V          int         `json:"v"`    // schema version; Marshal sets it
	Kind       Kind        `json:"kind"` // required
	ID         string      `json:"id"`   // required: unique; the decision id that a caller is told
	Time       Time        `json:"time"` // required
	Instance   *Instance   `json:"instance,omitempty"`
	Call       *Call       `json:"call,omitempty"`
	Who        *Who        `json:"who,omitempty"`
	Where      *Where      `json:"where,omitempty"`
	Credential *Credential `json:"credential,omitempty"`
	Proof      *Proof      `json:"proof,omitempty"`
	Right      *Right      `json:"right,omitempty"`
	Decision   *Decision   `json:"decision,omitempty"`
	Data       *Data       `json:"data,omitempty"`
	Request    *Request    `json:"request,omitempty"`
	Content    *Content    `json:"content,omitempty"`
	Budget     *Budget     `json:"budget,omitempty"`
	Usage      *Usage      `json:"usage,omitempty"`
	Outcome    *Outcome    `json:"outcome,omitempty"`
	Hold       *Held       `json:"hold,omitempty"`
	Control    *Control    `json:"control,omitempty"`
	Preauth    *Preauth    `json:"preauth,omitempty"`
	Lifecycle  *Lifecycle  `json:"lifecycle,omitempty"`
	// Truncated names the capped lists that Marshal cut, such as "call.legs".
	Truncated []string `json:"truncated,omitempty"`
}

// Instance is the server that wrote the record.
type Instance struct {
	ID      string `json:"id"`                // unique per process start
	Version string `json:"version,omitempty"` // of the program
	Shard   string `json:"shard,omitempty"`   // the log's name among its peers
}

// Call is what was asked for.
type Call struct {
	Operation      string `json:"operation"` // AWS's name, such as ConverseStream
	ModelRequested string `json:"model_requested,omitempty"`
	Model          string `json:"model,omitempty"`     // as the catalogue names it
	Profile        string `json:"profile,omitempty"`   // inference profile it is reached through
	Legs           []Leg  `json:"legs,omitempty"`      // capped: the first 64
	LegCount       int    `json:"leg_count,omitempty"` // before the cap
	RegionCalled   string `json:"region_called,omitempty"`
	Account        string `json:"account,omitempty"` // AWS account called
	Stream         bool   `json:"stream,omitempty"`
	Endpoint       string `json:"endpoint,omitempty"` // runtime, sts, …
}

// Leg is one authorisation check of an invocation.
type Leg struct {
	Kind     string `json:"kind"`
	Resource string `json:"resource"`
	Region   string `json:"region,omitempty"`
}

// Who is the identity on whose behalf the call was made.
type Who struct {
	Identity     string `json:"identity"`
	Kind         string `json:"kind,omitempty"`
	Environment  string `json:"environment,omitempty"`
	Team         string `json:"team,omitempty"`
	Session      string `json:"session,omitempty"`
	Impersonated bool   `json:"impersonated,omitempty"` // an operator holds the session, not the workload
}

// Where is the place the call came from.
type Where struct {
	SourceIP     string   `json:"source_ip,omitempty"` // the client; empty when a proxy named it unreadably
	PeerIP       string   `json:"peer_ip,omitempty"`   // the connection's other end
	Networks     []string `json:"networks,omitempty"`  // capped: the first 32
	ClientFamily string   `json:"client_family,omitempty"`
	UserAgent    string   `json:"user_agent,omitempty"` // a commitment, never the text
	TLSVersion   string   `json:"tls_version,omitempty"`
}

// Credential is what the call was authenticated with.
type Credential struct {
	Kind    string `json:"kind"` // session, bearer or container
	ID      string `json:"id"`
	Issued  Time   `json:"issued,omitzero"`
	Expires Time   `json:"expires,omitzero"`
	// MintRecord is the index of the mint record, in the log MintLog names; in
	// a mint record, that of the container token which the session was got with.
	MintRecord *uint64 `json:"mint_record,omitempty"`
	MintLog    string  `json:"mint_log,omitempty"` // origin of that log; empty means this one
}

// Proof is what a session was exchanged for.
type Proof struct {
	Kind        string `json:"kind"` // oidc, spiffe_x509 or local_admin
	Issuer      string `json:"issuer,omitempty"`
	Subject     string `json:"subject,omitempty"`
	Binding     string `json:"binding,omitempty"`
	TokenSHA256 string `json:"token_sha256,omitempty"` // of the token or certificate: first 16 bytes, hex; never the token
}

// Right is what allowed the call.
type Right struct {
	Grants       []string `json:"grants,omitempty"`       // capped: the first 64
	Entitlements []string `json:"entitlements,omitempty"` // capped: the first 64
	Until        Time     `json:"until,omitzero"`         // when the first of them ends
}

// Decision is what was decided, by what.
type Decision struct {
	Decision         string   `json:"decision"` // permit, deny, hold, or observed: let through although Code would have refused
	Code             string   `json:"code,omitempty"`
	Policies         []string `json:"policies,omitempty"`    // capped: the first 64
	Reasons          []string `json:"reasons,omitempty"`     // capped: the first 32
	Obligations      []string `json:"obligations,omitempty"` // never cut
	BundleDigest     string   `json:"bundle_digest,omitempty"`
	SnapshotRevision uint64   `json:"snapshot_revision,omitempty"`
	EvaluatedUS      int64    `json:"evaluated_us,omitempty"` // microseconds
}

// Data is what was found in a prompt or an answer: never a part of its text.
type Data struct {
	Level     string         `json:"level,omitempty"`
	Classes   []string       `json:"classes,omitempty"`  // never cut
	Entities  []string       `json:"entities,omitempty"` // capped: the first 64 types
	Counts    map[string]int `json:"counts,omitempty"`   // findings per class; never cut
	Regulated bool           `json:"regulated,omitempty"`
	Unscanned []string       `json:"unscanned,omitempty"` // capped: the first 32 reasons
	Truncated bool           `json:"truncated,omitempty"` // a limit stopped the reading
	Declared  []string       `json:"declared,omitempty"`  // capped: the first 32; the caller's word
	Detectors string         `json:"detectors,omitempty"` // version of the detector set
	Findings  []Found        `json:"findings,omitempty"`  // capped: the first 16
	Redacted  int            `json:"redacted,omitempty"`  // spans that were replaced
}

// Found is one place where something was found.
type Found struct {
	Entity string `json:"entity"`
	// Where is the part of the body that it is in, such as
	// messages[0].content[1].text. Writers keep it short: it is not cut here.
	Where string `json:"where,omitempty"`
	Start int    `json:"start"` // bytes in that part, decoded
	End   int    `json:"end"`   // exclusive
	Score int    `json:"score"` // 0–100
}

// Request is the size and shape of the request.
type Request struct {
	MaxTokens int64    `json:"max_tokens,omitempty"`
	Tools     []string `json:"tools,omitempty"` // capped: the first 128
	Guardrail string   `json:"guardrail,omitempty"`
	Tier      string   `json:"tier,omitempty"`
	Extras    []string `json:"extras,omitempty"` // capped: the first 64; names of additional fields
	Bytes     int64    `json:"bytes,omitempty"`
}

// Content holds commitments to the bodies; see [Commit].
type Content struct {
	Request  string `json:"request,omitempty"`
	Response string `json:"response,omitempty"`
	// Received is of the request's body before Writ rewrote it; empty when it
	// was forwarded as received.
	Received string `json:"received,omitempty"`
	Scheme   string `json:"scheme"` // CommitmentScheme
}

// Usage is what a call consumed, in tokens and money.
type Usage struct {
	Input          int64  `json:"input,omitempty"` // without what was read from or written to a cache
	Output         int64  `json:"output,omitempty"`
	CacheRead      int64  `json:"cache_read,omitempty"`
	CacheWrite     int64  `json:"cache_write,omitempty"`      // to a cache of five minutes
	CacheWriteHour int64  `json:"cache_write_hour,omitempty"` // to a cache of an hour
	GuardrailUnits int64  `json:"guardrail_units,omitempty"`  // of text, as guardrails are billed
	Source         string `json:"source"`                     // header, body, stream, estimate or none
	// CostMicroUSD is in millionths of a US dollar; nil means unpriced.
	CostMicroUSD *int64 `json:"cost_micro_usd,omitempty"`
	PriceTable   string `json:"price_table,omitempty"`
	// Settled is what was charged to the accounts that the intent names.
	Settled *Budget `json:"settled,omitempty"`
}

// Budget is what a call takes of budgets: on an intent what is reserved, the most
// that it can cost; in an outcome what was charged. Every account is charged the
// same; one that counts something else takes no notice.
type Budget struct {
	Accounts []string `json:"accounts,omitempty"` // on an intent; never cut
	MicroUSD int64    `json:"micro_usd,omitempty"`
	Unpriced bool     `json:"unpriced,omitempty"` // no price is known: MicroUSD is not what it costs
	Input    int64    `json:"input,omitempty"`    // tokens, read from and written to caches included
	Output   int64    `json:"output,omitempty"`
	Requests int64    `json:"requests,omitempty"`
	Streams  int64    `json:"streams,omitempty"` // answers in progress; given back at the outcome
	// Estimated: nobody said what the call used, so what was reserved is charged.
	Estimated bool `json:"estimated,omitempty"`
	// Overrun: more was used than reserved, and the accounts are frozen.
	Overrun bool `json:"overrun,omitempty"`
}

// Outcome is how a call, or a control action, ended.
type Outcome struct {
	Intent            uint64 `json:"intent"` // index of the intent or control record, in this log
	Status            int    `json:"status,omitempty"`
	UpstreamRequestID string `json:"upstream_request_id,omitempty"`
	ErrorType         string `json:"error_type,omitempty"`
	StopReason        string `json:"stop_reason,omitempty"`
	// ToolsCalled names the tools that the model asked to call; capped: the first 64.
	ToolsCalled []string `json:"tools_called,omitempty"`
	FirstByteMS int64    `json:"first_byte_ms,omitempty"`
	DurationMS  int64    `json:"duration_ms,omitempty"`
	Bytes       int64    `json:"bytes,omitempty"`
	Frames      int64    `json:"frames,omitempty"`
	Ended       string   `json:"ended"` // complete, client_gone, cut, upstream_error or refused
	// Async is the asynchronous invocation that the call started.
	Async *Async `json:"async,omitempty"`
	// Output is what was found in the answer; nil when nobody looked.
	Output *Data `json:"output,omitempty"`
	// Hold is what of the answer waited for a human; nil: nothing did.
	Hold *Held `json:"hold,omitempty"`
}

// Held is an answer, or some of its tool calls, that waits or waited for a human.
type Held struct {
	ID    string `json:"id,omitempty"` // of the hold; empty: none could be opened
	Mode  string `json:"mode,omitempty"`
	State string `json:"state"`           // when the record was written: pending, released, rejected, expired or refused
	Whole bool   `json:"whole,omitempty"` // the whole answer waits, not its calls alone
	Calls int64  `json:"calls,omitempty"` // how many of its calls wait
	// Dropped is how many calls were taken out without waiting: of tools that
	// nobody classified, where those are refused.
	Dropped int64 `json:"dropped,omitempty"`
}

// Async is an asynchronous invocation that was started: all that is needed to
// know whose it is without asking anybody.
type Async struct {
	Invocation  string `json:"invocation"` // ARN
	ModelARN    string `json:"model_arn,omitempty"`
	Token       string `json:"token,omitempty"`        // client token as Bedrock got it, never the caller's own
	Output      string `json:"output,omitempty"`       // S3 location
	OutputKey   string `json:"output_key,omitempty"`   // KMS key named for it
	OutputOwner string `json:"output_owner,omitempty"` // account named as the bucket's
}

// Control is one control action: who changed what.
type Control struct {
	Action      string   `json:"action"`
	Actor       string   `json:"actor"`
	Target      string   `json:"target,omitempty"`
	Changes     []Change `json:"changes,omitempty"`      // capped: the first 64
	ChangeCount int      `json:"change_count,omitempty"` // before the cap
	Note        string   `json:"note,omitempty"`         // a commitment when it is free text
	// Revision is the store's that the changes would make: it orders the last
	// word on a resource across shards. 0: they are of another sort.
	Revision uint64 `json:"revision,omitempty"`
}

// Change is one changed object of a control action.
type Change struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Op     string `json:"op"` // create, update, delete or close
	Digest string `json:"digest,omitempty"`
	// Epoch is an identity's after the change: sessions minted below it are
	// void, also after an older state was restored.
	Epoch uint32 `json:"epoch,omitempty"`
}

// Preauth aggregates refusals of callers that were not authenticated.
type Preauth struct {
	Reason  string   `json:"reason"`
	Source  string   `json:"source,omitempty"`
	Count   int64    `json:"count"`
	First   Time     `json:"first"`
	Last    Time     `json:"last"`
	Samples []string `json:"samples,omitempty"` // capped: the first 8
}

// Lifecycle is an event of the instance itself.
type Lifecycle struct {
	Event  string `json:"event"`            // start, stop, recovery or key_rotation
	Detail string `json:"detail,omitempty"` // such as what recovery removed
	Key    string `json:"key,omitempty"`    // the verifier key in use from here on
}
