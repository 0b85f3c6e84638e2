// Package notify tells people and programs what happens on the people's road:
// who asked, who decided and why, what was granted, what ended, what is stopped,
// what is about to run out.
//
// Events are derived from the store's outbox, in its order, for each sink by the
// one replica that holds it. An event has the same id however often it is
// derived, and is sent at least once: a receiver that has seen an id drops it.
// Events about one thing go out in order; what cannot be sent is tried again and
// in the end kept as dead.
//
// Nothing is decided here and nothing depends on it: rows of the store are told
// of as they stand. Who is told is looked up in the snapshot. The chat callback
// trusts a signature of the chat for which account clicked, and hands the rest to
// governance, as that person (rule R12): the bot has no right of its own.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// The types of event, in their first version.
const (
	prefix             = "org.writ."
	RequestSubmitted   = prefix + "request.submitted.v1"
	RequestNeeds       = prefix + "request.needs_decision.v1"
	RequestDecided     = prefix + "request.decided.v1"
	RequestEscalated   = prefix + "request.escalated.v1"
	RequestVoided      = prefix + "request.voided.v1"
	RequestEnded       = prefix + "request.ended.v1" // the outcome, whichever
	HoldNeeds          = prefix + "hold.needs_decision.v1"
	HoldDecided        = prefix + "hold.decided.v1"
	HoldEnded          = prefix + "hold.ended.v1" // released, rejected or expired
	GrantScheduled     = prefix + "grant.scheduled.v1"
	GrantActivated     = prefix + "grant.activated.v1"
	GrantExpiring      = prefix + "grant.expiring.v1"
	GrantFailed        = prefix + "grant.failed.v1"
	GrantEnded         = prefix + "grant.ended.v1"
	GrantDrifted       = prefix + "grant.drifted.v1"
	EmergencyTaken     = prefix + "emergency.taken.v1"
	QuarantineSet      = prefix + "quarantine.set.v1"
	QuarantineLifted   = prefix + "quarantine.lifted.v1"
	ValidationAttested = prefix + "validation.attested.v1"
	ValidationExpiring = prefix + "validation.expiring.v1"
	ValidationExpired  = prefix + "validation.expired.v1"
	DelegationBegun    = prefix + "delegation.begun.v1"
	DelegationEnded    = prefix + "delegation.ended.v1"
	WaiverGranted      = prefix + "waiver.granted.v1"
	WaiverEnded        = prefix + "waiver.ended.v1"
	OperatorChanged    = prefix + "operator.changed.v1"
	TokenIssued        = prefix + "token.issued.v1"
	TokenEnded         = prefix + "token.ended.v1"
	Impersonated       = prefix + "session.impersonated.v1"
	BudgetThreshold    = prefix + "budget.threshold.v1" // used to a percentage that it is to be told at
	BudgetFrozen       = prefix + "budget.frozen.v1"
	SinkTest           = prefix + "notify.test.v1"
)

// Types lists every type, sorted as they are above.
var Types = []string{
	RequestSubmitted, RequestNeeds, RequestDecided, RequestEscalated, RequestVoided, RequestEnded,
	HoldNeeds, HoldDecided, HoldEnded,
	GrantScheduled, GrantActivated, GrantExpiring, GrantFailed, GrantEnded, GrantDrifted, EmergencyTaken,
	QuarantineSet, QuarantineLifted, ValidationAttested, ValidationExpiring, ValidationExpired,
	DelegationBegun, DelegationEnded, WaiverGranted, WaiverEnded, OperatorChanged, TokenIssued, TokenEnded, Impersonated,
	BudgetThreshold, BudgetFrozen, SinkTest,
}

// The audiences of events.
const (
	Requester = "requester" // who asked
	Approvers = "approvers" // who may decide now
	Sponsor   = "sponsor"   // sponsor, owner and deputy of the identity
	Owner     = "owner"     // of the entitlement or model
	Person    = "person"    // whose account, token or delegation it is
	Security  = "security"  // whoever a sink is configured for
)

// Audiences lists them.
var Audiences = []string{Requester, Approvers, Sponsor, Owner, Person, Security}

// Recipient is somebody whom an event concerns: an operator's name, or an
// address as sponsors are written.
type Recipient struct {
	Audience string `json:"audience"`
	Name     string `json:"name"`
}

// Event is one thing that happened.
type Event struct {
	ID      string    `json:"id"` // 32 hex digits, the same for the same happening
	Type    string    `json:"type"`
	Subject string    `json:"subject"` // Kind/name of what it is about
	Time    time.Time `json:"time"`
	Data    Data      `json:"data"`
	// To is whom it concerns, besides those that sinks are configured for.
	To []Recipient `json:"to,omitempty"`
}

// Data says who did what and why. It holds no secret.
type Data struct {
	Summary     string      `json:"summary"` // one sentence
	By          string      `json:"by,omitempty"`
	Via         string      `json:"via,omitempty"`
	Reason      string      `json:"reason,omitempty"` // at most maxReason characters
	Request     string      `json:"request,omitempty"`
	Version     int64       `json:"version,omitempty"` // of the request's or the hold's row, for who decides on it
	Hold        string      `json:"hold,omitempty"`
	Stage       string      `json:"stage,omitempty"`
	State       string      `json:"state,omitempty"`
	Grant       string      `json:"grant,omitempty"`
	Identity    string      `json:"identity,omitempty"`
	Entitlement string      `json:"entitlement,omitempty"`
	Model       string      `json:"model,omitempty"`
	Operator    string      `json:"operator,omitempty"`
	Target      string      `json:"target,omitempty"`
	Until       *time.Time  `json:"until,omitempty"`
	Budget      *BudgetNews `json:"budget,omitempty"`
	Command     string      `json:"command,omitempty"` // what to type to look or act
	Link        string      `json:"link,omitempty"`
	Record      *Record     `json:"record,omitempty"` // of the audit log
}

// Record names a record of the audit log.
type Record struct {
	Shard string `json:"shard"`
	Index uint64 `json:"index"`
}

func recordOf(r store.Ref) *Record { return &Record{r.Shard, r.Index} }

// maxReason is how many characters of free text go out.
const maxReason = 1000

func clip(s string) string {
	if r := []rune(s); len(r) > maxReason {
		return string(r[:maxReason]) + "…"
	}
	return s
}

// idOf makes an event's id from what it is about; see CloudEvents 1.0: source
// and id together name an event.
func idOf(key string) string {
	sum := sha256.Sum256([]byte("writ event v1\n" + key))
	return hex.EncodeToString(sum[:16])
}

// envelope is an event in CloudEvents 1.0's JSON format, structured mode
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
func (e *Event) envelope(source string) ([]byte, error) {
	return json.Marshal(struct {
		SpecVersion     string    `json:"specversion"`
		ID              string    `json:"id"`
		Source          string    `json:"source"`
		Type            string    `json:"type"`
		Subject         string    `json:"subject"`
		Time            time.Time `json:"time"`
		DataContentType string    `json:"datacontenttype"`
		Data            *Data     `json:"data"`
	}{"1.0", e.ID, source, e.Type, e.Subject, e.Time.UTC(), "application/json", &e.Data})
}
