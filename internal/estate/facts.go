package estate

// BedrockFacts is Bedrock's own resources, one set per account and region.
type BedrockFacts struct {
	Regions []BedrockRegion // sorted by account and region
}

// BedrockRegion is what one account has in one region. A list that the input
// does not have is nil: unknown, not empty.
type BedrockRegion struct {
	Account, Region  string
	Agents           []BedrockResource
	Flows            []BedrockResource
	KnowledgeBases   []BedrockResource
	AgentRuntimes    []BedrockResource // AgentCore
	CodeInterpreters []BedrockResource // AgentCore
	BatchRoles       []string          // ARNs of roles that batch jobs run as
	Guardrails       []Guardrail
	Profiles         []Profile
	Logging          *Logging // nil: unknown
}

// BedrockResource is something that acts as a role of its own.
type BedrockResource struct {
	ARN, Name, Role  string // Role is the ARN of its service role; empty: none, or unknown
	Model            string // foundation model or profile of an agent, as AWS has it
	Guardrail        string // id or ARN of an agent's guardrail; empty: none
	GuardrailVersion string
}

// Guardrail is a guardrail in one version.
type Guardrail struct{ ARN, ID, Name, Version, Status string }

// Logging is the model invocation logging of an account in a region.
type Logging struct {
	Enabled                       bool // somewhere
	Text, Image, Embedding, Video bool
	Bucket, LogGroup, LogRole     string
}
