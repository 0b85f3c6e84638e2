package api

import (
	"encoding/json"
	"time"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/notify"
)

// File is one manifest as the caller read it; errors refer to it by name.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// ApplyRequest asks for the files' resources to become the state.
type ApplyRequest struct {
	Files  []File `json:"files"`
	Prune  bool   `json:"prune,omitempty"`  // delete what the files do not have
	DryRun bool   `json:"dryRun,omitempty"` // only say what would change
	// Revision, when not zero, is what the caller was shown a plan for: the
	// apply is refused if the state moved since.
	Revision int64 `json:"revision,omitempty"`
}

// Step is one change of a plan.
type Step struct {
	Op     string  `json:"op"` // create, update, delete, unchanged
	Kind   string  `json:"kind"`
	Name   string  `json:"name"`
	Fields []Field `json:"fields,omitempty"` // of an update
	// Warnings say what is allowed and should be looked at twice.
	Warnings []string `json:"warnings,omitempty"`
}

// Field is one field that an update touches; values are JSON.
type Field struct {
	Path   string `json:"path"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// ApplyAnswer says what was, or would be, done.
type ApplyAnswer struct {
	Steps    []Step `json:"steps"`
	Revision int64  `json:"revision"` // after the apply; of the plan, in a dry run
	Applied  bool   `json:"applied"`
	// Asks says what others have to agree to: it is asked for, not done. Requests
	// are the ids of the requests that an apply filed for it.
	Asks     []string `json:"asks,omitempty"`
	Requests []string `json:"requests,omitempty"`
}

// Item is one resource.
type Item struct {
	Kind string          `json:"kind"`
	Name string          `json:"name"`
	Spec json.RawMessage `json:"spec"`
	YAML string          `json:"yaml"`
}

// MintRequest asks for a session on an identity's behalf, by the right impersonate.
type MintRequest struct {
	Identity string `json:"identity"`
	TTL      string `json:"ttl,omitempty"` // a duration; empty means the identity's maximum
	Bearer   bool   `json:"bearer,omitempty"`
	// Container asks for a container token, which gets sessions and is bound to
	// Networks by name, or to Source, an address; without either, to where the
	// identity may be, else to where the operator is.
	Container bool     `json:"container,omitempty"`
	Networks  []string `json:"networks,omitempty"`
	Source    string   `json:"source,omitempty"`
}

// MintAnswer holds the credentials; the only answer that carries a secret.
type MintAnswer struct {
	AccessKeyID     string    `json:"accessKeyId,omitempty"`
	SecretAccessKey string    `json:"secretAccessKey,omitempty"`
	SessionToken    string    `json:"sessionToken,omitempty"`
	Bearer          string    `json:"bearer,omitempty"`
	Container       string    `json:"container,omitempty"`
	Expires         time.Time `json:"expires"`
	Region          string    `json:"region"`
	Gateway         string    `json:"gateway"`
	Record          uint64    `json:"record"` // index of the mint record
}

// ExplainRequest asks what would be decided.
type ExplainRequest struct {
	Identity  string          `json:"identity"`
	Model     string          `json:"model"`
	Operation string          `json:"operation,omitempty"` // default Converse
	Region    string          `json:"region,omitempty"`    // default the home region
	Account   string          `json:"account,omitempty"`   // default: where the ARN or the identity's grants say
	Context   json.RawMessage `json:"context,omitempty"`   // partial Cedar context over the defaults
}

// DemoTokenRequest asks the demo's issuer for an OIDC token.
type DemoTokenRequest struct {
	Subject  string `json:"subject"`
	Audience string `json:"audience"`
	Seconds  int    `json:"seconds"`
}

// DemoTokenAnswer holds the token.
type DemoTokenAnswer struct {
	Token string `json:"token"`
}

// Status is what a replica says of itself.
type Status struct {
	Version  string    `json:"version"`
	Instance string    `json:"instance"`
	Started  time.Time `json:"started"`
	Ready    bool      `json:"ready"`
	Reason   string    `json:"reason,omitempty"` // why not ready
	Upstream string    `json:"upstream"`
	// Standing says whether Writ is the only way to the models (security S28).
	Standing   string `json:"standing"`
	StandIn    bool   `json:"standIn"` // the upstream is the local stand-in, not Bedrock
	Revision   int64  `json:"revision"`
	Bundle     string `json:"bundle"`
	OpenCalls  int    `json:"openCalls"`
	LogOrigin  string `json:"logOrigin"`
	LogSize    uint64 `json:"logSize"`
	LogRoot    string `json:"logRoot"`
	Identities int    `json:"identities"`
	Grants     int    `json:"grants"`

	Observe     ObserveStatus `json:"observe"`
	Draining    bool          `json:"draining"`
	SnapshotAge float64       `json:"snapshotAgeSeconds"`
	StateError  string        `json:"stateError,omitempty"` // why the store could not be read last
	LogError    string        `json:"logError,omitempty"`   // why the log takes nothing
	Connections int           `json:"connections"`
	Gateway     string        `json:"gateway"`
	Config      string        `json:"config,omitempty"` // path of the configuration file
	CertExpires time.Time     `json:"certExpires,omitzero"`
	CertNames   []string      `json:"certNames,omitempty"`
	OpenFiles   uint64        `json:"openFilesLimit"` // RLIMIT_NOFILE
	// Validations are those that models need and that end within 30 days, or have
	// ended, or were never made, the most urgent first.
	Validations []governance.ValidationDue `json:"validations,omitempty"`

	Replica   string                     `json:"replica"`
	LeaseLeft float64                    `json:"leaseLeftSeconds"` // for how long it decides unless it renews
	Replicas  []governance.ReplicaSpread `json:"replicas,omitempty"`
	Requests  int64                      `json:"requestsWaiting"` // requests and reviews that nobody has closed yet
	Sinks     []notify.SinkView          `json:"sinks,omitempty"`
	// PeopleError is why replicas, requests and sinks could not be asked for.
	PeopleError string `json:"peopleError,omitempty"`
}
