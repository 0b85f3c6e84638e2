package bedrock

import (
	"maps"
	"slices"
)

// Operation is a runtime API operation, by its AWS name.
type Operation string

// The operations that Writ serves.
const (
	Converse                      Operation = "Converse"
	ConverseStream                Operation = "ConverseStream"
	InvokeModel                   Operation = "InvokeModel"
	InvokeModelWithResponseStream Operation = "InvokeModelWithResponseStream"
	CountTokens                   Operation = "CountTokens"
	ApplyGuardrail                Operation = "ApplyGuardrail"
	// Bedrock's OpenAI-compatible chat completions have no name in AWS's API:
	// one path, which the body's stream member makes two operations of.
	ChatCompletions       Operation = "ChatCompletions"
	ChatCompletionsStream Operation = "ChatCompletionsStream"
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
	// generates: the model answers. Only then is there an answer to release,
	// and something for obligations on answers to hold back.
	generates bool
	// direct: the model is named by itself, never by a profile.
	direct bool
}

// shape is how a request's body is to be read.
type shape int

const (
	noShape        shape = iota // none that is known: nothing is accepted
	converseShape               // Converse's
	nativeShape                 // the model provider's own
	countShape                  // either of these, wrapped once more
	guardrailShape              // ApplyGuardrail's
	chatShape                   // OpenAI's chat completions, whoever made the model
)

// operations is the one list of what Writ serves; routes says where each is
// found. An operation that is not listed is nothing: it has no action, no body
// that could be read, and no rule can speak about it.
var operations = map[Operation]operation{
	Converse:                      {action: actInvoke, shape: converseShape, invokes: true, generates: true},
	ConverseStream:                {action: actInvokeStream, shape: converseShape, invokes: true, generates: true, streams: true},
	InvokeModel:                   {action: actInvoke, shape: nativeShape, invokes: true, generates: true},
	InvokeModelWithResponseStream: {action: actInvokeStream, shape: nativeShape, invokes: true, generates: true, streams: true},
	CountTokens:                   {action: "CountTokens", shape: countShape, invokes: true, direct: true},
	ApplyGuardrail:                {action: "ApplyGuardrail", shape: guardrailShape},
	ChatCompletions:               {action: actInvoke, shape: chatShape, invokes: true, generates: true},
	ChatCompletionsStream:         {action: actInvokeStream, shape: chatShape, invokes: true, generates: true, streams: true},
}

const (
	actInvoke       = "InvokeModel"
	actInvokeStream = "InvokeModelWithResponseStream"
)

// Operations lists the operations that Writ serves, sorted.
func Operations() []Operation { return slices.Sorted(maps.Keys(operations)) }

// Actions lists the IAM actions that operations need, sorted.
func Actions() []string {
	var all []string
	for _, o := range operations {
		all = append(all, o.action)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// OperationsUnder lists the operations that any of some actions authorises,
// sorted.
func OperationsUnder(actions ...string) []Operation {
	return slices.DeleteFunc(Operations(), func(o Operation) bool { return !slices.Contains(actions, o.Action()) })
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

// Generates reports whether a model answers. Counting tokens names a model and
// does not have it say anything.
func (o Operation) Generates() bool { return operations[o].generates }

// Direct reports whether the operation takes a model only, and no profile.
func (o Operation) Direct() bool { return operations[o].direct }

// OpenAI reports whether the operation speaks OpenAI's wire: its errors, and
// server-sent events in the place of AWS's event stream.
func (o Operation) OpenAI() bool { return operations[o].shape == chatShape }

// Free reports whether AWS charges nothing for the operation
// (https://docs.aws.amazon.com/bedrock/latest/userguide/count-tokens.html).
func (o Operation) Free() bool { return o == CountTokens }
