package governance

import (
	"time"

	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
)

// Submission is what somebody asks for; one of the asks is set.
type Submission struct {
	Ask           request.Ask
	Justification string
	Ticket        string
	Answers       string // decision id of the refusal that it answers
}

// Verdict is what a decider says of a request.
type Verdict struct {
	Verdict  request.Verdict
	Reason   string            // required to deny
	Narrow   *rights.Narrowing // approve less
	Duration time.Duration     // approve for less; zero: as asked
	For      string            // the operator in whose place; empty: oneself
	// Seen is the version of the request that the decider saw; 0: whichever.
	Seen int64
}

// Page is part of a list. Next is empty at its end.
type Page[T any] struct {
	Items []T
	Next  string
}

// RequestView is a request as its reader may see it.
type RequestView struct {
	ID      string `json:"id"`
	Version int64  `json:"version"` // of the row, for optimistic concurrency
	request.Request
	// Eligible are the operators that may decide on the open stage now.
	Eligible []string `json:"eligible,omitempty"`
	// Conflicts are duties that would meet if it were approved, waived ones too.
	Conflicts []sod.Conflict `json:"conflicts,omitempty"`
	// May lists what the reader may do with it: decide, cancel.
	May []string `json:"may,omitempty"`
}

// Preview says what would become of a submission, before it is made.
type Preview struct {
	Stages    []request.Stage `json:"stages"`
	Automatic string          `json:"automatic,omitempty"` // the rule that would decide it at once
	Conflicts []sod.Conflict  `json:"conflicts,omitempty"`
	Duration  time.Duration   `json:"duration"`
}

// RequestQuery picks requests.
type RequestQuery struct {
	Kind     request.Kind
	State    request.State // empty: those that are not over
	Over     bool          // those that are over instead
	Identity string
	Mine     bool // that the reader made
	ToDecide bool // that the reader may decide on
	After    string
	Limit    int
}

// GrantView is a grant as its reader may see it.
type GrantView struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	rights.Grant
	// Standing is what the state comes to now: scheduled, active, expired, …,
	// or drifted where the server's snapshot differs from the store.
	Standing string    `json:"standing"`
	Ended    time.Time `json:"ended,omitzero"`
	// Others are live grants of the same right: ending this one leaves them.
	Others []string `json:"others,omitempty"`
}

// GrantQuery picks grants.
type GrantQuery struct {
	Identity    string
	Entitlement string
	State       rights.GrantState
	Ended       bool // those that have ended instead
	After       string
	Limit       int
}

// Order has something taken away.
type Order struct {
	Target rights.Target
	Reason string // required
}

// Revocation is how far taking away has come (security S19).
type Revocation struct {
	Target   rights.Target `json:"target"`
	Grants   []string      `json:"grants,omitempty"`
	Sessions []string      `json:"sessions,omitempty"` // identities whose sessions are void
	Spread   Spread        `json:"spread"`
	// Quarantine is the name of the quarantine, when it is one.
	Quarantine string `json:"quarantine,omitempty"`
	// StillGiven are live grants that give the same right and were not revoked.
	StillGiven []string `json:"stillGiven,omitempty"`
}

// Spread is which replicas know of a revision.
type Spread struct {
	Revision int64           `json:"revision"`
	Everyone bool            `json:"everyone"` // every registered replica knows, or its lease has ended
	Replicas []ReplicaSpread `json:"replicas"`
}

// ReplicaSpread is how far one replica has come.
type ReplicaSpread struct {
	Name     string    `json:"name"`
	Revision int64     `json:"revision"`
	Knows    bool      `json:"knows"`
	Fenced   bool      `json:"fenced"` // its lease has ended: it decides nothing
	Until    time.Time `json:"until"`  // when its lease ends
}
