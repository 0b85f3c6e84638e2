package bedrock

import "time"

// ModelKind says what stands behind a model identifier.
type ModelKind string

// The kinds of model resource that an invocation can end at.
const (
	FoundationModel  ModelKind = "foundation_model"
	ImportedModel    ModelKind = "imported_model"
	CustomDeployment ModelKind = "custom_model_deployment"
	ProvisionedModel ModelKind = "provisioned_model"
	MarketplaceModel ModelKind = "marketplace_endpoint"
)

// Model is one catalogue entry: a foundation model by its bare id, or an
// account's own model by its full ARN.
type Model struct {
	ID       string    `json:"-" yaml:"-"`
	Kind     ModelKind `json:"kind,omitempty" yaml:"kind,omitempty"` // empty means foundation_model
	Provider string    `json:"provider,omitempty" yaml:"provider,omitempty"`
	Family   string    `json:"family,omitempty" yaml:"family,omitempty"`
	// Modality is text, embedding, image, video, speech or rerank; empty means text.
	Modality string `json:"modality,omitempty" yaml:"modality,omitempty"`
	// Base is the foundation model behind an ARN; required for one, because
	// rules on families must reach it (security S1).
	Base string `json:"base,omitempty" yaml:"base,omitempty"`
	// Regions where an invocation of an ARN may run; required for one.
	Regions []string `json:"regions,omitempty" yaml:"regions,omitempty"`

	Owner        string       `json:"owner,omitempty" yaml:"owner,omitempty"` // who answers for its use: an operator's name or email
	DataHandling DataHandling `json:"dataHandling,omitzero" yaml:"dataHandling,omitempty"`
	Impact       string       `json:"impact,omitempty" yaml:"impact,omitempty"` // low, medium, high; empty means medium
	// Requires names the validations without which the model may not be invoked.
	Requires []string `json:"requires,omitempty" yaml:"requires,omitempty"`

	MaxInput  int64 `json:"maxInputTokens,omitempty" yaml:"maxInputTokens,omitempty"`
	MaxOutput int64 `json:"maxOutputTokens,omitempty" yaml:"maxOutputTokens,omitempty"`
	Price     Price `json:"price,omitzero" yaml:"price,omitempty"`
	// Prices take the place of Price, each from its day on.
	Prices []DatedPrice `json:"prices,omitempty" yaml:"prices,omitempty"`
}

// DataHandling is a model's data profile.
type DataHandling struct {
	RetentionDays int    `json:"retentionDays,omitempty" yaml:"retentionDays,omitempty"`
	TrainsOnData  bool   `json:"trainsOnData,omitempty" yaml:"trainsOnData,omitempty"`
	Residency     string `json:"residency,omitempty" yaml:"residency,omitempty"`
}

// Profile is an inference profile: a system-defined one by its bare id
// (us.anthropic.…), or an application profile or prompt router by its ARN.
type Profile struct {
	ID    string `json:"-" yaml:"-"`
	Model string `json:"model" yaml:"model"` // required: the foundation model's bare id
	// Routes lists the other foundation models that a prompt router may choose;
	// required for a router's ARN, and for nothing else.
	Routes []string `json:"routes,omitempty" yaml:"routes,omitempty"`
	// Destinations lists, per source region, every region a call may be routed
	// to. A global profile has none: its destinations are unbounded.
	Destinations map[string][]string `json:"destinations,omitempty" yaml:"destinations,omitempty"`
	Global       bool                `json:"global,omitempty" yaml:"global,omitempty"`
	Price        Price               `json:"price,omitzero" yaml:"price,omitempty"` // without figures: the model's
	// Prices take the place of Price, each from its day on.
	Prices []DatedPrice `json:"prices,omitempty" yaml:"prices,omitempty"`
}

// The validations an organisation can require of a model.
const (
	PromptHandling    = "prompt_handling"
	OutputRestriction = "output_restriction"
	DataRetention     = "data_retention"
)

// ValidationKinds lists them.
var ValidationKinds = []string{DataRetention, OutputRestriction, PromptHandling}

// Validation is a dated, expiring attestation that a model passed a review.
type Validation struct {
	ID       string    `json:"-" yaml:"-"`
	Model    string    `json:"model" yaml:"model"` // required: bare id or ARN
	Kind     string    `json:"kind" yaml:"kind"`   // required: one of ValidationKinds
	By       string    `json:"by" yaml:"by"`       // required: who attests
	At       time.Time `json:"at" yaml:"at"`       // required
	Expires  time.Time `json:"expires" yaml:"expires"`
	Evidence string    `json:"evidence,omitempty" yaml:"evidence,omitempty"` // link
}
