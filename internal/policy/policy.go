// Package policy decides. It compiles grants and an organisation's own rules
// to Cedar, keeps them as an immutable Bundle, and answers one question: may
// this identity make this exact call, now?
//
// Decide asks Cedar once per leg of the invocation and needs every leg. The
// default is to deny; a forbid wins; a forbid that fails to evaluate denies; a
// permit that fails to evaluate is void. Obligations are asked apart, and one
// that fails to evaluate applies (security S6, S8).
//
// The package is pure: no I/O and no clock. It trusts the caller for facts
// (who, from where, which legs, what the prompt holds) and nobody for rules: a
// bundle loads only when every rule passes Cedar's strict validator for every
// principal, action and resource it could meet. It promises that a Permit
// exists only where Decide permitted, and covers only what was decided upon.
package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/http"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// Digest binds a permit to exactly what will be sent, and where: method,
// escaped path, account, region, forwarded headers and the body's sum.
type Digest [sha256.Size]byte

// DigestOf computes the digest of a call. Every field is preceded by its
// length, so that no two different calls share an encoding. Header names are
// taken as they are (canonical form), in sorted order; values keep theirs.
func DigestOf(method, path, account, region string, forwarded http.Header, body bedrock.Body) Digest {
	text := make([]byte, 0, 2048) // most calls are shorter; the body is there by its sum
	for _, s := range [...]string{"writ/permit/v2", method, path, account, region} {
		text = appendField(text, s)
	}
	text = appendCount(text, len(forwarded))
	var room [16]string
	names := room[:0]
	for name := range forwarded {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text = appendField(text, name)
		text = appendCount(text, len(forwarded[name]))
		for _, v := range forwarded[name] {
			text = appendField(text, v)
		}
	}
	sum := body.Sum()
	return sha256.Sum256(append(text, sum[:]...))
}

func appendField(to []byte, s string) []byte { return append(appendCount(to, len(s)), s...) }

func appendCount(to []byte, n int) []byte { return binary.BigEndian.AppendUint64(to, uint64(n)) }

func writeField(h hash.Hash, s string) { h.Write(appendField(nil, s)) }

// Request is one invocation to decide on. Every field except Asserted is a
// fact established by Writ, not by the caller.
type Request struct {
	Identity  *identity.Identity // required
	Session   identity.Session   // required: the session that authenticated
	Origin    identity.Origin
	Now       time.Time         // required
	Operation bedrock.Operation // required
	Account   string            // the account called; empty where there is only Home
	Home      string            // the gateway's own account: what an entitlement that names none is for
	Region    string            // required: the region called
	Caps      bedrock.Capabilities
	BodyBytes int
	Legs      []rights.Leg     // required, at least one: from rights.Legs
	Prompt    dataclass.Label  // detected joined with declared
	Output    *dataclass.Label // what to suppose of the answer; nil: what can be foreseen of it
	Asserted  Asserted
	Digest    Digest // what a permit will cover
}

// Asserted is what the caller says about itself, and nobody attests
// (security S5).
type Asserted struct {
	Purpose  string   // empty: none stated
	Classes  []string // data classes the caller declared
	Metadata map[string]string
}

// The codes of a decision.
const (
	CodePermit         = "permit"
	CodeDefaultDeny    = "default_deny"    // no rule permits some leg
	CodeForbid         = "forbid"          // a rule forbids, or an obligation cannot be met
	CodeRedact         = "redact"          // it would be permitted once the prompt is redacted, and asked about anew
	CodePolicyError    = "policy_error"    // a forbid could not be evaluated
	CodeInvalidRequest = "invalid_request" // the request is not one the rules can speak about
)

// Decision is the answer to a Request. Slices are sorted and unique.
type Decision struct {
	Permit  *Permit       // nil unless permitted
	Legs    []LegDecision // one per leg, in the request's order
	Reasons []Reason
	// Obligations are what is still to be done for the call to go on. What the
	// call has met already is done: a guardrail that it brings, a limit that it
	// states, a prompt with nothing in it to redact.
	Obligations []Obligation
	Errors      []Failure
	// Grants names the grants whose permits determined the answer.
	Grants []string
	// Until is when the answer ends by itself: the earliest end of a grant or
	// validation it rests on. Zero means no such end; the session's end is the
	// caller's to apply.
	Until time.Time
	Code  string
	Would string // what Code would have been without observe mode; empty: the same
}

// LegDecision is the answer for one leg.
type LegDecision struct {
	Leg     rights.Leg
	Allowed bool
	Reasons []Reason
}

// Reason is a policy that determined an answer.
type Reason struct {
	Policy string `json:"policy"`
	Effect string `json:"effect"` // permit, forbid, or what else happened: deny, unmet, near_miss
	Text   string `json:"text"`
}

// The effects of a reason besides Cedar's own.
const (
	EffectPermit   = "permit"
	EffectForbid   = "forbid"
	EffectDeny     = "deny"      // Writ itself refused: the request is not decidable
	EffectUnmet    = "unmet"     // an obligation cannot be met
	EffectNearMiss = "near_miss" // a permit that would have applied but for one condition
)

// The obligations that a policy can impose.
const (
	ObligeHold            = "hold"              // calls of tools that write wait for a human
	ObligeHoldAnswer      = "hold_answer"       // the whole answer waits for a human
	ObligeRedact          = "redact"            // sensitive spans of the prompt are replaced
	ObligeRedactAnswer    = "redact_answer"     // and those of the answer
	ObligeGuardrail       = "guardrail"         // a guardrail must be applied, in full and in step
	ObligeMaxOutputTokens = "max_output_tokens" // a limit must be stated, of @max_output_tokens at most
)

// Obligation is something that must happen for a permitted call to go on.
type Obligation struct {
	Name     string   `json:"name"`
	Policies []string `json:"policies"` // what imposed it
}

// Failure is a policy that could not be evaluated.
type Failure struct {
	Policy  string `json:"policy"`
	Effect  string `json:"effect"` // permit, forbid or oblige
	Message string `json:"message"`
}

// Permit is proof that Decide permitted a call, or that Observe let it through.
// It can be made nowhere else, and covers one digest.
type Permit struct {
	minted   bool // false in a Permit that anyone wrote down as a literal
	observed bool // no rule permits it: Observe minted it
	digest   Digest
	region   string
	grants   []string
	// answer names the grants that permitted the resource asked for: only
	// their rules on output can release the answer.
	answer []string
	// What the call was decided upon, for whoever gets credentials for it.
	account, identity string
	legs              []rights.Leg
	until             time.Time
}

// Covers reports whether the permit is for exactly this call.
func (p *Permit) Covers(d Digest) bool { return p != nil && p.minted && p.digest == d }

// Region is the region the call may be sent to.
func (p *Permit) Region() string { return p.region }

// Grants names the grants that the permit rests on, sorted.
func (p *Permit) Grants() []string { return slices.Clone(p.grants) }
