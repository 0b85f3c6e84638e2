// Package hold is the life of a hold: an answer, or some of its tool calls, that
// waits until people release or reject it, or nobody does in time. It says what a
// hold is made of, how many must agree, and what a decision changes; who may decide
// is settled by the caller, and the content waits elsewhere, sealed.
//
// The package is pure: no I/O and no clock. It trusts its caller for the time and
// for who acts. It promises that Released is reached only by as many different
// people as are needed, who agreed on the same calls with the same arguments; that
// a hold is not released at or after the instant at which it expires; and that one
// that was decided never changes. Arguments are outside bytes, and are believed
// nothing.
package hold

import (
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

// State is a step of a hold's life.
type State string

// The states. All but the first are the end.
const (
	Pending  State = "pending"
	Released State = "released" // some of it at least: the calls say which
	Rejected State = "rejected"
	Expired  State = "expired"
)

// States lists every state.
var States = []State{Pending, Released, Rejected, Expired}

// Over reports whether a state is an end.
func (s State) Over() bool { return s == Released || s == Rejected || s == Expired }

// Why a tool call waits.
const (
	Write     = "write"     // its tool writes
	Unknown   = "unknown"   // its tool is not in a class, or was not offered
	Changed   = "changed"   // its tool is in a class, with another schema or description
	Malformed = "malformed" // its arguments are no JSON: it can only be rejected
)

// Call is a tool call that waits. What it asks for is sealed, not here: only
// digests are.
type Call struct {
	Index      int    `json:"index"` // its place among the answer's calls, from 0
	ID         string `json:"id,omitempty"`
	Tool       string `json:"tool"`                 // as the model named it
	ToolDigest string `json:"toolDigest,omitempty"` // of what was offered by that name
	Why        string `json:"why"`
	// Digest is SHA-256 of the arguments in canonical form (RFC 8785), in hex; empty
	// where they have none, and it takes an edit to release the call.
	Digest string `json:"digest,omitempty"`
	// Needed are the people that its thresholds ask for; 0: no threshold applies.
	Needed int `json:"needed,omitempty"`
	// What follows is set once the hold is released.
	Verdict Choice `json:"verdict,omitempty"`
	Edited  string `json:"edited,omitempty"` // digest of the arguments that it is released with
}

// Choice is what becomes of one call.
type Choice string

// The choices.
const (
	Release Choice = "release"
	Edit    Choice = "edit" // release with other arguments
	Reject  Choice = "reject"
)

// Label sums up the data classes of a text.
type Label struct {
	Level     string   `json:"level,omitempty"`
	Classes   []string `json:"classes,omitempty"`
	Unscanned bool     `json:"unscanned,omitempty"`
}

// Hold is one hold. It is a value: transitions return a new one. Times are UTC.
type Hold struct {
	ID          string `json:"-" yaml:"-"`
	Identity    string `json:"identity"`
	Session     string `json:"session,omitempty"`
	Environment string `json:"environment,omitempty"`
	Team        string `json:"team,omitempty"`
	// Panels are the rights that the call stood on, each with who decides about it:
	// whoever decides must be on every one.
	Panels []Panel `json:"panels"`
	// Eligible are the operators that could decide when it was opened: they are told.
	// Who may is judged anew at every decision.
	Eligible  []string `json:"eligible,omitempty"`
	Model     string   `json:"model"`
	Operation string   `json:"operation"`
	Region    string   `json:"region,omitempty"`
	Account   string   `json:"account,omitempty"`
	Decision  string   `json:"decision"`        // id of the call
	Shard     string   `json:"shard,omitempty"` // of the intent's record
	Record    uint64   `json:"record"`          // its index
	Prompt    Label    `json:"prompt,omitzero"`
	Answer    Label    `json:"answer,omitzero"`
	Calls     []Call   `json:"calls,omitempty"`
	Whole     bool     `json:"whole,omitempty"` // the whole answer waits, not its calls alone
	Size      int64    `json:"size"`            // bytes of the answer

	Mode       string             `json:"mode"`   // rights.HoldPending or HoldWait
	Needed     int                `json:"needed"` // people who must agree, thresholds counted in
	Thresholds []rights.Threshold `json:"thresholds,omitempty"`
	Receipt    identity.Duration  `json:"receipt"` // how long receipts count
	Keep       identity.Duration  `json:"keep"`    // how long the content is kept after the end

	Created   time.Time  `json:"created"`
	Expires   time.Time  `json:"expires"`
	State     State      `json:"state"`
	Round     int        `json:"round,omitempty"` // how often what was agreed on changed
	Decisions []Decision `json:"decisions,omitempty"`
	Ended     time.Time  `json:"ended,omitzero"`
	Reason    string     `json:"reason,omitempty"` // why it ended so: shown to the caller
}

// Panel is one right that a held call stood on, and who decides about it.
type Panel struct {
	Grant       string   `json:"grant,omitempty"`
	Entitlement string   `json:"entitlement,omitempty"`
	Approvers   []string `json:"approvers"` // selectors; one of them must match
}

// Decision is one person's word.
type Decision struct {
	Round   int            `json:"round,omitempty"`
	By      request.Party  `json:"by"`
	For     *request.Party `json:"for,omitempty"` // in whose place (delegation)
	Verdict Choice         `json:"verdict"`       // Release, or Reject: of everything
	Calls   []CallChoice   `json:"calls,omitempty"`
	Reason  string         `json:"reason,omitempty"` // required to reject
	At      time.Time      `json:"at"`
	// Automatic says that Writ rejected it, since the right had ended.
	Automatic bool `json:"automatic,omitempty"`
}

// CallChoice is what a decision does with one call.
type CallChoice struct {
	Index   int    `json:"index"`
	Verdict Choice `json:"verdict"`
	Edited  string `json:"edited,omitempty"` // digest of Arguments
	Needed  int    `json:"needed,omitempty"` // what thresholds ask of the edited arguments
	// Arguments are the edited ones; they are sealed, never in the hold.
	Arguments []byte `json:"-"`
}

// Limits of a hold.
const (
	MaxCalls     = 128
	MaxDecisions = 64
	MaxArguments = 256 << 10 // bytes of one call's arguments that are edited
	MaxName      = 512       // bytes of a tool's name or a call's id
)

// Due is when time next does something to a hold: its expiry, then the end of its
// content.
func (h *Hold) Due() time.Time {
	if h.State.Over() {
		return h.Ended.Add(time.Duration(h.Keep))
	}
	return h.Expires
}

// Call finds a call by its place among the answer's calls.
func (h *Hold) Call(index int) (Call, bool) {
	for _, c := range h.Calls {
		if c.Index == index {
			return c, true
		}
	}
	return Call{}, false
}

// Grants are the grants that the held call stood on.
func (h *Hold) Grants() []string {
	var out []string
	for _, p := range h.Panels {
		if p.Grant != "" {
			out = append(out, p.Grant)
		}
	}
	return out
}
