package bedrock

// Operation is a runtime API operation, by its AWS name.
type Operation string

// The operations that Writ serves.
const (
	Converse                      Operation = "Converse"
	ConverseStream                Operation = "ConverseStream"
	InvokeModel                   Operation = "InvokeModel"
	InvokeModelWithResponseStream Operation = "InvokeModelWithResponseStream"
	StartAsyncInvoke              Operation = "StartAsyncInvoke"
	GetAsyncInvoke                Operation = "GetAsyncInvoke"
	ListAsyncInvokes              Operation = "ListAsyncInvokes"
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
	async   bool  // the model's answer goes elsewhere, later
	queried bool  // its query string has a meaning
}

// shape is how a request's body is to be read.
type shape int

const (
	noShape       shape = iota // none that is known: nothing is accepted
	converseShape              // Converse's
	nativeShape                // the model provider's own
	asyncShape                 // StartAsyncInvoke's, with the provider's own inside
	emptyShape                 // no body at all
)

// operations is the one list of what Writ serves; routes says where each is
// found. An operation that is not listed is nothing: it has no action, no body
// that could be read, and no rule can speak about it.
var operations = map[Operation]operation{
	Converse:                      {action: "InvokeModel", shape: converseShape, invokes: true},
	ConverseStream:                {action: "InvokeModelWithResponseStream", shape: converseShape, invokes: true, streams: true},
	InvokeModel:                   {action: "InvokeModel", shape: nativeShape, invokes: true},
	InvokeModelWithResponseStream: {action: "InvokeModelWithResponseStream", shape: nativeShape, invokes: true, streams: true},
	StartAsyncInvoke:              {action: "InvokeModel", shape: asyncShape, invokes: true, async: true},
	GetAsyncInvoke:                {action: "GetAsyncInvoke", shape: emptyShape},
	ListAsyncInvokes:              {action: "ListAsyncInvokes", shape: emptyShape, queried: true},
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

// Async reports whether the model's answer is written elsewhere, after the
// call has ended: it never passes here.
func (o Operation) Async() bool { return operations[o].async }

// Bodiless reports whether a request must come without a body.
func (o Operation) Bodiless() bool { return operations[o].shape == emptyShape }

// Queried reports whether a query string has a meaning.
func (o Operation) Queried() bool { return operations[o].queried }
