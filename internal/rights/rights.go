// Package rights is the vocabulary of a right to invoke, and its algebra: the legs
// an invocation stands on, the entitlements that name a right, the grants by which
// an identity holds one for a time — and what a set of AWS policies, or of grants,
// allows over every value of every condition key that is left free.
//
// The gateway and the offline analyser resolve invocations through the same
// function, Legs, so that what one finds and what the other enforces are the same
// thing. A question is a Case; a Frame holds what is free in it and the decision
// diagrams over that; answers, differences and certificates are read off a frame,
// never sampled. What AWS does not document lies between two Bounds. The plain
// evaluator (awsiam.Evaluate) confirms every witness. The package is pure: no I/O
// and no clock.
package rights

import (
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/identity"
)

// LegKind says what a leg checks.
type LegKind string

// The kinds of leg.
const (
	ProfileLeg     LegKind = "profile"     // the inference profile named
	SourceLeg      LegKind = "source"      // the model in the region called
	DestinationLeg LegKind = "destination" // the model in a region the call may be routed to
	GlobalLeg      LegKind = "global"      // the region-less model of a global profile
	CustomLeg      LegKind = "custom"      // an account's own model, by ARN
	GuardrailLeg   LegKind = "guardrail"   // ApplyGuardrail on the guardrail
	SystemToolLeg  LegKind = "system_tool" // InvokeTool on a tool that runs inside AWS
	ObjectLeg      LegKind = "s3_object"   // an S3 object the body names
	KeyLeg         LegKind = "kms_key"     // a KMS key the body names
	PromptLeg      LegKind = "prompt"      // RenderPrompt on a managed prompt
	AsyncLeg       LegKind = "async"       // an asynchronous invocation: starting, reading, listing
	TagLeg         LegKind = "tag"         // TagResource on an asynchronous invocation
	OutputLeg      LegKind = "s3_output"   // where an asynchronous answer is written
)

// UnspecifiedRegion is the value of aws:RequestedRegion on a GlobalLeg.
const UnspecifiedRegion = "unspecified"

// Leg is one authorisation check of an invocation; the invocation is the
// conjunction of its legs (security S1).
type Leg struct {
	Kind     LegKind `json:"kind"`
	Action   string  `json:"action"`            // IAM action, with prefix
	Resource string  `json:"resource"`          // ARN
	Region   string  `json:"region,omitempty"`  // aws:RequestedRegion of the check
	Model    string  `json:"model,omitempty"`   // catalogue id of the model checked
	Profile  string  `json:"profile,omitempty"` // catalogue id of the profile the call came through
}

// Entitlement is a requestable, named bundle: what may be invoked, and under
// which conditions. It confers nothing until granted.
type Entitlement struct {
	ID          string `json:"-" yaml:"-"`
	Title       string `json:"title,omitempty" yaml:"title,omitempty"`
	Description string `json:"description,omitempty" yaml:"description,omitempty"`
	// Account is the AWS account whose models are invoked, twelve digits; empty
	// means the gateway's own.
	Account string `json:"account,omitempty" yaml:"account,omitempty"`
	// Actions: InvokeModel, InvokeModelWithResponseStream; empty means these
	// two. CountTokens and ApplyGuardrail must be named. ApplyGuardrail alone
	// needs no models, and is for the guardrails of Conditions.Guardrails.
	// StartAsyncInvoke must be named too, with Conditions.Outputs, and gives
	// GetAsyncInvoke and ListAsyncInvokes; TagResource lets invocations be tagged.
	Actions []string `json:"actions,omitempty" yaml:"actions,omitempty"`
	// Models: bare model ids, profile ids, ARNs, "family:<id>" or
	// "provider:<id>". A profile id covers the profile and its models only
	// when reached through it; a model id covers only direct invocation.
	Models      []string          `json:"models" yaml:"models"`
	Conditions  Conditions        `json:"conditions,omitzero" yaml:"conditions,omitempty"`
	MaxDuration identity.Duration `json:"maxDuration,omitempty" yaml:"maxDuration,omitempty"` // longest grant; zero: no limit
	RiskTier    string            `json:"riskTier,omitempty" yaml:"riskTier,omitempty"`       // low, medium, high
	Owner       string            `json:"owner,omitempty" yaml:"owner,omitempty"`             // who answers for it: an operator's name or email
	Limits      []budget.Terms    `json:"limits,omitempty" yaml:"limits,omitempty"`           // of each grant by itself; beside budgets
	Access      Access            `json:"access,omitzero" yaml:"access,omitempty"`            // how it is asked for
}

// Conditions narrow an entitlement. Every one that is set must hold; the zero
// value of a field says what is allowed without being named.
type Conditions struct {
	Networks     []string `json:"networks,omitempty" yaml:"networks,omitempty"`         // the source is in one of these; empty: anywhere
	Environments []string `json:"environments,omitempty" yaml:"environments,omitempty"` // the identity's environment is one of these; empty: any
	Purposes     []string `json:"purposes,omitempty" yaml:"purposes,omitempty"`         // the identity is approved for one of these; empty: any
	Regions      []string `json:"regions,omitempty" yaml:"regions,omitempty"`           // every region a call could run in is one of these; empty: any
	Data         Data     `json:"data,omitzero" yaml:"data,omitempty"`
	Tools        Tools    `json:"tools,omitzero" yaml:"tools,omitempty"`
	// Guardrails: ARN:version of guardrails that may be used, and, when
	// RequireGuardrail is set, one of which must be.
	Guardrails       []string          `json:"guardrails,omitempty" yaml:"guardrails,omitempty"`
	RequireGuardrail bool              `json:"requireGuardrail,omitempty" yaml:"requireGuardrail,omitempty"`
	MaxTokens        int64             `json:"maxTokens,omitempty" yaml:"maxTokens,omitempty"`         // a limit must be stated and not exceed this; 0: none
	ServiceTiers     []string          `json:"serviceTiers,omitempty" yaml:"serviceTiers,omitempty"`   // empty: default only
	Extras           []string          `json:"extras,omitempty" yaml:"extras,omitempty"`               // capabilities (bedrock.Capabilities.Extras) allowed; empty: none
	UnknownFields    []string          `json:"unknownFields,omitempty" yaml:"unknownFields,omitempty"` // field paths allowed although unknown; empty: none
	SystemTools      []string          `json:"systemTools,omitempty" yaml:"systemTools,omitempty"`     // empty: none
	Objects          []string          `json:"objects,omitempty" yaml:"objects,omitempty"`             // s3:// URIs or prefixes ending in *; empty: none
	Outputs          []string          `json:"outputs,omitempty" yaml:"outputs,omitempty"`             // s3:// locations or prefixes ending in *, for asynchronous answers; empty: none
	MaxSessionAge    identity.Duration `json:"maxSessionAge,omitempty" yaml:"maxSessionAge,omitempty"` // 0: no limit beyond the session's own
	HoldAnswer       bool              `json:"holdAnswer,omitempty" yaml:"holdAnswer,omitempty"`       // the whole answer waits for a human
	Hold             Hold              `json:"hold,omitzero" yaml:"hold,omitempty"`                    // how what waits for a human waits
}

// Data says which prompts an entitlement allows, and which answers. Its zero value allows
// content that was read in full and is not regulated and not a credential.
type Data struct {
	Regulated bool     `json:"regulated,omitempty" yaml:"regulated,omitempty"` // allow regulated data
	Unscanned bool     `json:"unscanned,omitempty" yaml:"unscanned,omitempty"` // allow content that could not be read
	MaxLevel  string   `json:"maxLevel,omitempty" yaml:"maxLevel,omitempty"`   // highest level; empty: no limit
	Forbid    []string `json:"forbid,omitempty" yaml:"forbid,omitempty"`       // classes refused
	// Redact demands that what can be replaced is, before anything else here is
	// asked: what is left counts. Content that was not read cannot be redacted.
	Redact bool `json:"redact,omitempty" yaml:"redact,omitempty"`
	// Output is the same for answers; nil means that what is said of prompts
	// holds for answers too.
	Output *Output `json:"output,omitempty" yaml:"output,omitempty"`
}

// Output says which answers an entitlement lets out, as Data does of prompts.
type Output struct {
	Regulated bool     `json:"regulated,omitempty" yaml:"regulated,omitempty"`
	Unscanned bool     `json:"unscanned,omitempty" yaml:"unscanned,omitempty"`
	MaxLevel  string   `json:"maxLevel,omitempty" yaml:"maxLevel,omitempty"`
	Forbid    []string `json:"forbid,omitempty" yaml:"forbid,omitempty"`
	Redact    bool     `json:"redact,omitempty" yaml:"redact,omitempty"`
}

// Answer is what holds for answers, as said or by what is said of prompts.
func (d Data) Answer() Output {
	if d.Output != nil {
		return *d.Output
	}
	return Output{Regulated: d.Regulated, Unscanned: d.Unscanned, MaxLevel: d.MaxLevel, Forbid: d.Forbid, Redact: d.Redact}
}

// HoldsAnswers reports whether something is demanded of answers that only whoever
// has one before him can meet: one that never passes the gateway (security S3)
// must not be asked for.
func (c *Conditions) HoldsAnswers() bool {
	answer := c.Data.Answer()
	return c.HoldAnswer || len(c.Tools.Write) > 0 || c.Tools.Any || len(answer.Forbid) > 0 || answer.Redact
}

// Tools classifies the tools a caller may offer the model (security S24). When
// all lists are empty no tool may be offered.
type Tools struct {
	Read  []string `json:"read,omitempty" yaml:"read,omitempty"`   // offered freely
	Write []string `json:"write,omitempty" yaml:"write,omitempty"` // calls are held for a human
	// Any lets every other tool be offered too, its calls held.
	Any bool `json:"any,omitempty" yaml:"any,omitempty"`
}

// Grant is an entitlement held by one identity from a time to a time.
type Grant struct {
	ID          string    `json:"-" yaml:"-"`
	Identity    string    `json:"identity" yaml:"identity"`       // required
	Entitlement string    `json:"entitlement" yaml:"entitlement"` // required
	NotBefore   time.Time `json:"notBefore,omitzero" yaml:"notBefore,omitempty"`
	NotAfter    time.Time `json:"notAfter" yaml:"notAfter"` // required: there are no grants for ever
	Origin      string    `json:"origin,omitempty" yaml:"origin,omitempty"`
	Reason      string    `json:"reason,omitempty" yaml:"reason,omitempty"`
	// What follows is not for files: the people's road writes it.
	State    GrantState        `json:"state,omitempty" yaml:"state,omitempty"`
	Duration identity.Duration `json:"duration,omitempty" yaml:"duration,omitempty"` // from activation; sets NotAfter then
	Narrow   *Narrowing        `json:"narrow,omitempty" yaml:"narrow,omitempty"`     // nil: all that the entitlement gives
	From     *Provenance       `json:"from,omitempty" yaml:"from,omitempty"`         // nil for files
	End      EndReason         `json:"end,omitempty" yaml:"end,omitempty"`           // once it is revoking or ended
	Ending   *identity.Remark  `json:"ending,omitempty" yaml:"ending,omitempty"`     // who took it away, and why
	Detail   string            `json:"detail,omitempty" yaml:"detail,omitempty"`     // why it failed
}

// Origins of a grant.
const (
	OriginBootstrap  = "bootstrap"   // `writ apply` made it before operators existed
	OriginRequested  = "requested"   // asked for and approved
	OriginBreakGlass = "break_glass" // an emergency
)
