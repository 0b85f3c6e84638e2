package bedrock

// Operation is a runtime API operation, by its AWS name.
type Operation string

// The operations that Writ serves.
const (
	Converse                      Operation = "Converse"
	ConverseStream                Operation = "ConverseStream"
	InvokeModel                   Operation = "InvokeModel"
	InvokeModelWithResponseStream Operation = "InvokeModelWithResponseStream"
)

// operation is all that is known of an operation without a call of it.
type operation struct {
	// action is the IAM action (without prefix) that authorises it on what it
	// names: Converse counts as InvokeModel
	// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html).
	action  string
	shape   shape // of the request's body
	streams bool  // the answer comes in pieces
	invokes bool  // it names a model, whose legs it needs
}

// shape is how a request's body is to be read.
type shape int

const (
	noShape       shape = iota // none that is known: nothing is accepted
	converseShape              // Converse's
	nativeShape                // the model provider's own
)

// operations is the one list of what Writ serves; routes says where each is
// found. An operation that is not listed is nothing: it has no action, no body
// that could be read, and no rule can speak about it.
var operations = map[Operation]operation{
	Converse:                      {action: "InvokeModel", shape: converseShape, invokes: true},
	ConverseStream:                {action: "InvokeModelWithResponseStream", shape: converseShape, invokes: true, streams: true},
	InvokeModel:                   {action: "InvokeModel", shape: nativeShape, invokes: true},
	InvokeModelWithResponseStream: {action: "InvokeModelWithResponseStream", shape: nativeShape, invokes: true, streams: true},
}

// Known reports whether Writ serves the operation.
func (o Operation) Known() bool { return operations[o].action != "" }

// Streams reports whether the answer comes in pieces.
func (o Operation) Streams() bool { return operations[o].streams }

// Conversational reports whether the body has the Converse shape.
func (o Operation) Conversational() bool { return operations[o].shape == converseShape }

// Action is the IAM action (without prefix) that authorises the operation;
// empty for one that Writ does not serve.
func (o Operation) Action() string { return operations[o].action }

// Invokes reports whether the operation is about a model, which its legs then
// check. One that is not names other resources only.
func (o Operation) Invokes() bool { return operations[o].invokes }
