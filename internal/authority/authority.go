// Package authority decides what an operator may do with the control plane. It is
// the second Cedar schema of Writ: the same engine and the same care as for calls
// (package policy) — default deny, forbid wins, a forbid that fails to evaluate
// denies, strict validation — over operators, roles and the things they act on.
//
// The package is pure. It trusts the caller for facts: who acts, by which token,
// and what the object is. It promises that no role sees by being able to decide,
// nor decides by being able to see.
package authority

// Action is something that an operator may do.
type Action string

// The actions. Those that only look are "view.…".
const (
	ViewState     Action = "view.state"     // status, configuration resources, metrics, explanations
	ViewPeople    Action = "view.people"    // operators, tokens of others, delegations
	ViewRight     Action = "view.right"     // a request, a grant, an identity: row by row
	ViewRecord    Action = "view.record"    // the audit log
	ViewDecision  Action = "view.decision"  // AuthZEN: what would be decided, and who could
	ViewSpend     Action = "view.spend"     // what was spent by whom, and how budgets stand
	AskGrant      Action = "ask.grant"      // submit a request for a grant
	AskEmergency  Action = "ask.emergency"  // take an emergency grant
	AskChange     Action = "ask.change"     // submit a change of resources
	AskLift       Action = "ask.lift"       // ask for the end of a quarantine
	AskWaiver     Action = "ask.waiver"     // ask for an exception
	Cancel        Action = "cancel"         // withdraw a request
	Decide        Action = "decide"         // approve or deny one
	CloseReview   Action = "close.review"   // close the review of an emergency
	ViewHold      Action = "view.hold"      // what a hold holds: tool calls and answers that wait
	DecideHold    Action = "decide.hold"    // release or reject them
	Unfreeze      Action = "unfreeze"       // let a frozen budget be spent from again
	Configure     Action = "configure"      // change resources that widen nothing
	Inventory     Action = "inventory"      // add identities and facts about them
	Confirm       Action = "confirm"        // vouch that an identity is still needed
	Attest        Action = "attest"         // record a validation of a model
	ManagePeople  Action = "manage.people"  // operators and their roles
	IssueToken    Action = "issue.token"    // an API token, for oneself
	RevokeToken   Action = "revoke.token"   // any token
	Delegate      Action = "delegate"       // have another decide in one's place
	Revoke        Action = "revoke"         // end a grant or sessions
	Quarantine    Action = "quarantine"     // stop a target
	Impersonate   Action = "impersonate"    // mint a session for an identity
	RotateKeys    Action = "rotate.keys"    // the keys that seal sessions
	SwitchObserve Action = "switch.observe" // observe mode, with a signed statement
	BackUp        Action = "back.up"        // take a copy of the whole state
)

// Actions lists every action, for scopes of tokens and help texts.
var Actions = []Action{
	ViewState, ViewPeople, ViewRight, ViewRecord, ViewDecision, ViewSpend, AskGrant, AskEmergency, AskChange, AskLift, AskWaiver,
	Cancel, Decide, CloseReview, ViewHold, DecideHold, Unfreeze, Configure, Inventory, Confirm, Attest, ManagePeople, IssueToken, RevokeToken, Delegate,
	Revoke, Quarantine, Impersonate, RotateKeys, SwitchObserve, BackUp,
}

// Object is what is acted on: the facts that rules may ask about. Fields that mean
// nothing for an object are empty.
type Object struct {
	Kind        string // Grant, Request, Hold, Identity, Model, Operator, System, …
	Name        string
	Tier        string   // risk tier of the entitlement
	Environment string   // of the identity
	Team        string   // of the identity
	Entitlement string   // name
	Models      []string // as the entitlement names them
	// People tied to the object, by account name: whom it belongs to.
	Requester string
	Sponsors  []string // sponsor, owner and deputy of the identity
	Owners    []string // of the entitlement and its models
	// Eligible are the operators that the open stage's selectors name.
	Eligible []string
	// Barred are those whose own it is in a wider sense: siblings' sponsors, who
	// last edited the rule, other accounts of the same people (rule R2).
	Barred []string
	// Automation tells an operator that is a program.
	Automation bool
}
