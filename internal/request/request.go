// Package request is the life of a request: somebody asks for something that
// another must agree to, stage by stage, until it is approved, denied, withdrawn
// or out of time. It is a state machine over facts, and nothing else: who may
// decide is settled by the caller (eligibility is a question of people and rules),
// and what an approval leads to happens elsewhere. A request is not the grant that
// it leads to.
//
// The package is pure: no I/O and no clock. It trusts its caller for the time and
// for who acts. It promises that Approved is reached only from the last stage, with
// as many approvals of eligible, different people in every stage as the stage needs;
// that a request that ended never changes; and that no approval is wider than what
// was asked.
package request

import (
	"encoding/json"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// State is a step of a request's life.
type State string

// The states. What the last five have in common is that they are the end.
const (
	Draft     State = "draft"
	Submitted State = "submitted" // accepted; no stage has begun
	InStage   State = "in_stage"  // Request.Stage says which
	Approved  State = "approved"
	Denied    State = "denied"
	Expired   State = "expired"
	Cancelled State = "cancelled"
	Failed    State = "failed" // approved or not, what was asked for can no longer be
)

// States lists every state.
var States = []State{Draft, Submitted, InStage, Approved, Denied, Expired, Cancelled, Failed}

// Over reports whether a state is an end.
func (s State) Over() bool {
	switch s {
	case Approved, Denied, Expired, Cancelled, Failed:
		return true
	}
	return false
}

// Kind says what is asked for.
type Kind string

// The kinds of request.
const (
	ForGrant  Kind = "grant"  // a right
	ForChange Kind = "change" // changes of resources that would widen what live grants give, or what operators may do
	ForLift   Kind = "lift"   // the end of a quarantine
	ForWaiver Kind = "waiver" // an exception to a rule
	ForReview Kind = "review" // the review of an emergency that was: approving closes it as justified
)

// Party is who acted, as a face authenticated it.
type Party struct {
	Operator string `json:"operator"`         // account
	Person   string `json:"person,omitempty"` // who is behind it
	Via      string `json:"via,omitempty"`    // cli, api, console, chat, writ
}

// Request is one request. It is a value: transitions return a new one.
type Request struct {
	ID            string    `json:"-" yaml:"-"`
	Kind          Kind      `json:"kind"`
	Ask           Ask       `json:"ask"`
	Requester     Party     `json:"requester"`
	Justification string    `json:"justification,omitempty"` // at most MaxText bytes
	Ticket        string    `json:"ticket,omitempty"`
	Answers       string    `json:"answers,omitempty"` // decision id of the refusal that it answers
	Created       time.Time `json:"created"`
	Submitted     time.Time `json:"submitted,omitzero"`
	Expires       time.Time `json:"expires,omitzero"` // when it ends undecided; zero: never, as for reviews

	State  State     `json:"state"`
	Stages []Stage   `json:"stages,omitempty"` // fixed at submission
	Stage  int       `json:"stage"`            // index of the stage that is open
	Since  time.Time `json:"since,omitzero"`   // when it opened
	// Escalated says that the open stage's Escalate may decide too.
	Escalated bool `json:"escalated,omitempty"`

	Decisions []Decision `json:"decisions,omitempty"` // in order; those of void rounds included
	// Round counts how often the decisions were voided since what is asked for
	// refers to had changed; only decisions of this round count.
	Round int `json:"round,omitempty"`
	// Voided is why the round before this one was: shown to everyone concerned.
	Voided string `json:"voided,omitempty"`
	// Pins are the digests of what the request refers to, by resource id, as the
	// deciders of this round see it (security S18).
	Pins map[string]string `json:"pins,omitempty"`

	Ended   time.Time `json:"ended,omitzero"`
	Reason  string    `json:"reason,omitempty"`  // why it ended so: shown to the requester
	Outcome string    `json:"outcome,omitempty"` // the resource that it led to: Grant/name, …; the caller sets it with the approval
}

// Limits of a request.
const (
	MaxText  = 16 << 10                  // the longest free text, in bytes
	MaxLife  = 10 * 366 * 24 * time.Hour // the longest duration, and the longest timeout of a stage
	MaxAhead = 366 * 24 * time.Hour      // how far ahead of the request a grant can start
)

// Ask is what is asked for: the part of the request's kind.
type Ask struct {
	Grant  *GrantAsk  `json:"grant,omitempty"`
	Change *ChangeAsk `json:"change,omitempty"`
	Lift   *LiftAsk   `json:"lift,omitempty"`
	Waiver *WaiverAsk `json:"waiver,omitempty"`
	Review *ReviewAsk `json:"review,omitempty"`
}

// ReviewAsk asks for somebody's judgement of an emergency grant after its use.
type ReviewAsk struct {
	Grant    string `json:"grant"` // its name
	Identity string `json:"identity"`
	By       Party  `json:"by"` // who took it, and cannot review it
}

// GrantAsk asks for a grant.
type GrantAsk struct {
	Identity    string            `json:"identity"`
	Entitlement string            `json:"entitlement"`
	Duration    time.Duration     `json:"duration"`            // from activation, in nanoseconds
	Start       time.Time         `json:"start,omitzero"`      // zero: once approved
	Narrow      *rights.Narrowing `json:"narrow,omitempty"`    // less than the entitlement
	Emergency   bool              `json:"emergency,omitempty"` // break-glass
	SpendUSD    *int64            `json:"spendUSD,omitempty"`  // expected a month, and what the grant may then cost at most; nil: unstated
	Replaces    string            `json:"replaces,omitempty"`  // grant that this one supersedes, as a renewal does
}

// ChangeAsk asks for changes of resources.
type ChangeAsk struct {
	Changes []Change `json:"changes"`
	Widens  []Widens `json:"widens"` // why it takes a request
}

// Change is one change, in the words of package manifest.
type Change struct {
	Op     string          `json:"op"`
	Kind   string          `json:"kind"`
	Name   string          `json:"name"`
	Spec   json.RawMessage `json:"spec,omitempty"`
	Before string          `json:"before,omitempty"` // digest of what it replaces, hex; empty: nothing
}

// Widens is one way in which a change gives more than was approved.
type Widens struct {
	Grant    string          `json:"grant,omitempty"`    // the live grant that it widens
	Operator string          `json:"operator,omitempty"` // or whose roles
	Cause    string          `json:"cause"`              // the changed resource: Kind/name
	Text     string          `json:"text"`               // what becomes possible
	Witness  json.RawMessage `json:"witness,omitempty"`  // a request that becomes possible
}

// LiftAsk asks for the end of a quarantine.
type LiftAsk struct {
	Quarantine string        `json:"quarantine"` // its name
	Target     rights.Target `json:"target"`
}

// WaiverAsk asks for an exception to a rule.
type WaiverAsk struct {
	Rule         string        `json:"rule"`
	Subject      string        `json:"subject"`                // Identity/name or Operator/name
	Duration     time.Duration `json:"duration"`               // in nanoseconds
	Compensating string        `json:"compensating,omitempty"` // what is done instead
}

// Stage is one step of the approval, as fixed at submission.
type Stage struct {
	Name      string   `json:"name"`
	Approvers []string `json:"approvers"` // selectors; see rights.Stage
	Escalate  []string `json:"escalate,omitempty"`
	Needed    int      `json:"needed"`  // ≥ 1
	Denials   int      `json:"denials"` // ≥ 1
	// Human requires that one of the approvals is a human's (rule R3): set above
	// the lowest risk tier.
	Human   bool          `json:"human,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // in nanoseconds; zero: none
	// Entitlement and Grant say whose deciders the stage is for, where the request
	// itself is about several, as a change is that widens live grants.
	Entitlement string `json:"entitlement,omitempty"`
	Grant       string `json:"grant,omitempty"`
	// Eligible are the operators that could decide at submission: shown to the
	// requester; who may is judged anew at every decision.
	Eligible []string `json:"eligible,omitempty"`
}

// Verdict is what a decider says.
type Verdict string

// The verdicts.
const (
	Approve Verdict = "approve"
	Deny    Verdict = "deny"
)

// Decision is one decider's word on one stage.
type Decision struct {
	Stage     int               `json:"stage"`
	Round     int               `json:"round,omitempty"`
	By        Party             `json:"by"`
	For       *Party            `json:"for,omitempty"` // in whose place (delegation)
	Verdict   Verdict           `json:"verdict"`
	Reason    string            `json:"reason,omitempty"` // at most MaxText bytes; required to deny
	At        time.Time         `json:"at"`
	Narrow    *rights.Narrowing `json:"narrow,omitempty"`    // approve less
	Duration  time.Duration     `json:"duration,omitempty"`  // approve for less; zero: as asked
	Automatic string            `json:"automatic,omitempty"` // the rule, where no human decided
	// Automation marks a decider that is a program.
	Automation bool `json:"automation,omitempty"`
}
