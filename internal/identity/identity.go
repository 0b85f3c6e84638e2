// Package identity holds the facts about who a request is for: non-human
// identities, the bindings by which they prove themselves, the networks they
// call from, and the session that a proof was exchanged for.
//
// The package is pure: no I/O and no clock. It trusts nothing; every value is
// validated by its Validate method before a store or a snapshot accepts it.
package identity

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kind says what sort of non-human identity this is.
type Kind string

// The kinds of identity.
const (
	Workload       Kind = "workload"
	Agent          Kind = "agent"
	CIPipeline     Kind = "ci_pipeline"
	ServiceAccount Kind = "service_account"
	ThirdParty     Kind = "third_party"
)

// Kinds lists every kind, for validation and help texts.
var Kinds = []Kind{Workload, Agent, CIPipeline, ServiceAccount, ThirdParty}

// State is a step of an identity's life.
type State string

// The lifecycle states, in their usual order.
const (
	Discovered     State = "discovered"
	Claimed        State = "claimed"
	Governed       State = "governed"
	Dormant        State = "dormant"
	Quarantined    State = "quarantined"
	Decommissioned State = "decommissioned"
)

// States lists every state, for validation and help texts.
var States = []State{Discovered, Claimed, Governed, Dormant, Quarantined, Decommissioned}

// Halted reports whether an identity in this state is refused before any
// policy is asked.
func (s State) Halted() bool { return s == Quarantined || s == Decommissioned }

// Identity is one non-human identity.
type Identity struct {
	ID          string   `json:"-" yaml:"-"`                     // the resource's name
	Kind        Kind     `json:"kind" yaml:"kind"`               // required
	Environment string   `json:"environment" yaml:"environment"` // required: prod, dev, …
	Team        string   `json:"team,omitempty" yaml:"team,omitempty"`
	Purposes    []string `json:"purposes,omitempty" yaml:"purposes,omitempty"` // what it is approved to be used for
	Sponsor     string   `json:"sponsor,omitempty" yaml:"sponsor,omitempty"`   // the accountable human
	Owner       string   `json:"owner,omitempty" yaml:"owner,omitempty"`       // the technical owner
	Deputy      string   `json:"deputy,omitempty" yaml:"deputy,omitempty"`
	Tags        []string `json:"tags,omitempty" yaml:"tags,omitempty"`     // free labels, in the form of names; quarantine can go by them
	Shared      bool     `json:"shared,omitempty" yaml:"shared,omitempty"` // declared to be used by more than one workload
	// Principals are the AWS principals (ARNs) that the analyser knows it by.
	Principals []string `json:"principals,omitempty" yaml:"principals,omitempty"`
	// Confirmed is when sponsor or owner last said that this is still needed,
	// and as stated here; ConfirmedBy who did.
	Confirmed   time.Time `json:"confirmed,omitzero" yaml:"confirmed,omitempty"`
	ConfirmedBy string    `json:"confirmedBy,omitempty" yaml:"confirmedBy,omitempty"`
	State       State     `json:"state,omitempty" yaml:"state,omitempty"` // empty means governed
	Moved       *Remark   `json:"moved,omitempty" yaml:"moved,omitempty"` // who put it in that state, and why
	// Epoch invalidates sessions: one minted at a lower epoch is refused.
	// Revoking sessions raises it; nothing lowers it (security S17).
	Epoch uint32 `json:"epoch,omitempty" yaml:"epoch,omitempty"`
	// MaxSession caps every session of the identity; zero means DefaultMaxSession.
	MaxSession Duration `json:"maxSession,omitempty" yaml:"maxSession,omitempty"`
}

// DefaultMaxSession is the cap where an identity or binding sets none.
const DefaultMaxSession = time.Hour

// SessionLimit is the longest session the identity may hold.
func (i *Identity) SessionLimit() time.Duration {
	if i.MaxSession == 0 {
		return DefaultMaxSession
	}
	return time.Duration(i.MaxSession)
}

// ValidName reports whether s may name an identity, binding, network,
// entitlement or policy: 1–64 of a–z, 0–9, dot, underscore and hyphen,
// beginning and ending with a letter or digit.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > 64 || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if !alphanumeric(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }

// Validate reports what is wrong with an identity, or nil.
func (i *Identity) Validate() error {
	var errs []error
	if !ValidName(i.ID) {
		errs = append(errs, fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", i.ID))
	}
	if !slices.Contains(Kinds, i.Kind) {
		errs = append(errs, fmt.Errorf("kind %q: want one of %v", i.Kind, Kinds))
	}
	if i.Environment == "" {
		errs = append(errs, errors.New("environment is required"))
	}
	if i.State != "" && !slices.Contains(States, i.State) {
		errs = append(errs, fmt.Errorf("state %q: want one of %v", i.State, States))
	}
	if d := time.Duration(i.MaxSession); d < 0 || d > 12*time.Hour {
		errs = append(errs, fmt.Errorf("maxSession %v: want at most 12h", d))
	}
	return errors.Join(errs...)
}

// Current is the identity's state with the default filled in.
func (i *Identity) Current() State {
	if i.State == "" {
		return Governed
	}
	return i.State
}

// Duration is a time.Duration that reads and writes as text ("15m").
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

func (d Duration) String() string { return time.Duration(d).String() }
