package rights

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// Access says how an entitlement is asked for.
type Access struct {
	// Requesters are selectors of who may ask; empty means sponsor, owner,
	// deputy and team of the identity.
	Requesters []string `json:"requesters,omitempty" yaml:"requesters,omitempty"`
	// Stages must each be passed, in order, as far as their filter matches. An
	// entitlement without stages is approved by anyone with the role approver.
	Stages []Stage `json:"stages,omitempty" yaml:"stages,omitempty"`
	// Automatic rules decide at submission, before any stage. Deny beats approve.
	Automatic []Automatic `json:"automatic,omitempty" yaml:"automatic,omitempty"`
	// Standing lets a grant last until its next recertification, every Recertify;
	// otherwise a grant is just in time: for maxDuration at most.
	Standing  bool              `json:"standing,omitempty" yaml:"standing,omitempty"`
	Recertify identity.Duration `json:"recertify,omitempty" yaml:"recertify,omitempty"`
	// BreakGlass is how long an emergency grant lasts; zero: there is none.
	BreakGlass identity.Duration `json:"breakGlass,omitempty" yaml:"breakGlass,omitempty"`
	// Waits is how long a request may wait for its decisions; zero: seven days.
	Waits identity.Duration `json:"waits,omitempty" yaml:"waits,omitempty"`
}

// Selectors name people by what they are to a request:
//
//	role:ROLE          holders of a role, within the role's own scope
//	team:NAME          members of a team
//	operator:NAME      one account
//	owner              the entitlement's owner
//	model-owner        owners of the entitlement's models
//	sponsor, identity-owner, deputy, identity-team   of the identity
//	anyone             every operator

// Stage is one step of an approval.
type Stage struct {
	Name      string   `json:"name" yaml:"name"`           // required, unique within the entitlement
	Approvers []string `json:"approvers" yaml:"approvers"` // required: selectors; one of them must match
	// Needed approvals pass the stage, Denials denials end the request; zero means 1.
	Needed  int `json:"needed,omitempty" yaml:"needed,omitempty"`
	Denials int `json:"denials,omitempty" yaml:"denials,omitempty"`
	// Timeout is how long the stage waits before Escalate may decide too; without
	// Escalate the request expires. Zero: as long as the request waits.
	Timeout  identity.Duration `json:"timeout,omitempty" yaml:"timeout,omitempty"`
	Escalate []string          `json:"escalate,omitempty" yaml:"escalate,omitempty"` // selectors
	When     Filter            `json:"when,omitzero" yaml:"when,omitempty"`          // the stage applies to these requests only
}

// Automatic is a rule that decides without a human.
type Automatic struct {
	Name    string `json:"name" yaml:"name"`       // required
	Verdict string `json:"verdict" yaml:"verdict"` // required: approve or deny
	When    Filter `json:"when,omitzero" yaml:"when,omitempty"`
}

// Filter picks requests: every field that is set must match.
type Filter struct {
	Tiers        []string          `json:"tiers,omitempty" yaml:"tiers,omitempty"`               // the entitlement's risk tier
	Environments []string          `json:"environments,omitempty" yaml:"environments,omitempty"` // the identity's
	Kinds        []string          `json:"kinds,omitempty" yaml:"kinds,omitempty"`               // the identity's
	Levels       []string          `json:"levels,omitempty" yaml:"levels,omitempty"`             // highest level of data asked for; "restricted" where there is no limit
	Regulated    *bool             `json:"regulated,omitempty" yaml:"regulated,omitempty"`       // regulated data asked for
	Longer       identity.Duration `json:"longer,omitempty" yaml:"longer,omitempty"`             // asked for longer than this
	SpendOver    *int64            `json:"spendOver,omitempty" yaml:"spendOver,omitempty"`       // expected to spend more USD a month than this; an unstated spend is over every figure
	Emergency    *bool             `json:"emergency,omitempty" yaml:"emergency,omitempty"`       // break-glass
}

// Narrowing makes a grant less than its entitlement. It only ever takes away:
// what holds under it is what the entitlement allows and the narrowing allows too.
type Narrowing struct {
	Models       []string          `json:"models,omitempty" yaml:"models,omitempty"`     // a subset of the entitlement's
	Actions      []string          `json:"actions,omitempty" yaml:"actions,omitempty"`   // a subset
	Networks     []string          `json:"networks,omitempty" yaml:"networks,omitempty"` // a subset; any, where the entitlement names none
	Regions      []string          `json:"regions,omitempty" yaml:"regions,omitempty"`   // likewise
	Purposes     []string          `json:"purposes,omitempty" yaml:"purposes,omitempty"` // likewise
	MaxLevel     string            `json:"maxLevel,omitempty" yaml:"maxLevel,omitempty"`
	Forbid       []string          `json:"forbid,omitempty" yaml:"forbid,omitempty"` // further classes of data refused
	NoRegulated  bool              `json:"noRegulated,omitempty" yaml:"noRegulated,omitempty"`
	NoUnscanned  bool              `json:"noUnscanned,omitempty" yaml:"noUnscanned,omitempty"`
	Redact       bool              `json:"redact,omitempty" yaml:"redact,omitempty"` // of prompts and answers
	NoTools      bool              `json:"noTools,omitempty" yaml:"noTools,omitempty"`
	MaxTokens    int64             `json:"maxTokens,omitempty" yaml:"maxTokens,omitempty"`
	HoldAnswer   bool              `json:"holdAnswer,omitempty" yaml:"holdAnswer,omitempty"`
	MaxSession   identity.Duration `json:"maxSessionAge,omitempty" yaml:"maxSessionAge,omitempty"`
	ServiceTiers []string          `json:"serviceTiers,omitempty" yaml:"serviceTiers,omitempty"`
	SpendUSD     *int64            `json:"spendUSD,omitempty" yaml:"spendUSD,omitempty"` // what the grant may cost a month of UTC, in whole USD; nil: no such limit
}

// GrantState is a step of a grant's life. The empty state is that of a grant
// made by files: it counts as active.
type GrantState string

// The states that a grant is kept in. `drifted` is not among them: it is seen,
// where a replica's snapshot differs from the store.
const (
	GrantScheduled        GrantState = "scheduled"         // approved; its time has not come
	GrantActivating       GrantState = "activating"        // in force where it is known; not yet known everywhere
	GrantActive           GrantState = "active"            // in force on every replica
	GrantActivationFailed GrantState = "activation_failed" // could not be put in force
	GrantRevoking         GrantState = "revoking"          // taken away; not yet known everywhere
	GrantRevokeFailed     GrantState = "revoke_failed"     // taken away, and a replica cannot be shown to know
	GrantEnded            GrantState = "ended"
)

// EndReason is why a grant ended.
type EndReason string

// The reasons.
const (
	EndExpired    EndReason = "expired"
	EndRevoked    EndReason = "revoked"
	EndSuperseded EndReason = "superseded"
	EndOffboarded EndReason = "offboarded"
)

// Confers reports whether a grant in this state gives its right, within its time.
func (s GrantState) Confers() bool {
	return s == "" || s == GrantActivating || s == GrantActive
}

// Provenance is where a grant comes from: what was asked, who agreed, and to what.
type Provenance struct {
	Request   string   `json:"request,omitempty" yaml:"request,omitempty"`     // the request's id
	Requester string   `json:"requester,omitempty" yaml:"requester,omitempty"` // operator
	Approvers []string `json:"approvers,omitempty" yaml:"approvers,omitempty"` // operators, or automatic:RULE
	// Pin is the digest of everything the approvers saw the grant refer to
	// (security S18); the request lists it item by item.
	Pin string `json:"pin,omitempty" yaml:"pin,omitempty"`
}

// Quarantine stops a target at once, reversibly, whatever is granted.
type Quarantine struct {
	ID     string    `json:"-" yaml:"-"`
	Target Target    `json:"target" yaml:"target"` // required
	Reason string    `json:"reason" yaml:"reason"` // required
	By     string    `json:"by" yaml:"by"`         // required: operator
	At     time.Time `json:"at" yaml:"at"`         // required
}

// TargetKind is a kind of thing that can be stopped.
type TargetKind string

// The kinds of target.
const (
	TargetIdentity TargetKind = "identity" // by name
	TargetModel    TargetKind = "model"    // by model id, profile id, ARN, family:… or provider:…
	TargetSession  TargetKind = "session"  // by session id
	TargetNetwork  TargetKind = "network"  // by name, or a CIDR
	TargetTag      TargetKind = "tag"      // every identity with the tag
	TargetGrant    TargetKind = "grant"    // by name; for revocation
)

// QuarantineKinds lists what can be quarantined.
var QuarantineKinds = []TargetKind{TargetIdentity, TargetModel, TargetSession, TargetNetwork, TargetTag}

// Target names what is stopped.
type Target struct {
	Kind TargetKind `json:"kind" yaml:"kind"`
	Name string     `json:"name" yaml:"name"`
}

func (t Target) String() string { return string(t.Kind) + "/" + t.Name }

// Validate reports what is wrong with a quarantine, or nil.
func (q *Quarantine) Validate() error {
	switch {
	case !identity.ValidName(q.ID):
		return fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", q.ID)
	case !slices.Contains(QuarantineKinds, q.Target.Kind):
		return fmt.Errorf("target.kind %q: want one of %v", q.Target.Kind, QuarantineKinds)
	case q.Target.Name == "":
		return errors.New("target.name is required")
	case q.Reason == "" || q.By == "" || q.At.IsZero():
		return errors.New("reason, by and at are required")
	}
	return nil
}
