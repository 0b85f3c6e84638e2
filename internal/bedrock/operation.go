package bedrock

import (
	"maps"
	"slices"
	"strings"
)

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
	CountTokens                   Operation = "CountTokens"
	ApplyGuardrail                Operation = "ApplyGuardrail"
	// Bedrock's OpenAI-compatible chat completions have no name in AWS's API:
	// one path, which the body's stream member makes two operations of.
	ChatCompletions       Operation = "ChatCompletions"
	ChatCompletionsStream Operation = "ChatCompletionsStream"
)

// operation is all that is known of an operation without a call of it.
type operation struct {
	// action is the IAM action that authorises it on what it names: Converse
	// counts as InvokeModel
	// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html).
	action  string
	shape   shape // of the request's body
	streams bool  // the answer comes in pieces
	invokes bool  // it names a model, whose legs it needs
	async   bool  // the model's answer goes elsewhere, later
	queried bool  // its query string has a meaning
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
	asyncShape                  // StartAsyncInvoke's, with the provider's own inside
	emptyShape                  // no body at all
)

// operations is the one list of what Writ serves; routes says where each is
// found. An operation that is not listed is nothing: it has no action, no body
// that could be read, and no rule can speak about it.
var operations = map[Operation]operation{
	Converse:                      {action: actInvoke, shape: converseShape, invokes: true, generates: true},
	ConverseStream:                {action: actInvokeStream, shape: converseShape, invokes: true, generates: true, streams: true},
	InvokeModel:                   {action: actInvoke, shape: nativeShape, invokes: true, generates: true},
	InvokeModelWithResponseStream: {action: actInvokeStream, shape: nativeShape, invokes: true, generates: true, streams: true},
	CountTokens:                   {action: actionPrefix + "CountTokens", shape: countShape, invokes: true, direct: true},
	ApplyGuardrail:                {action: actionPrefix + "ApplyGuardrail", shape: guardrailShape},
	StartAsyncInvoke:              {action: actInvoke, shape: asyncShape, invokes: true, async: true},
	GetAsyncInvoke:                {action: actionPrefix + "GetAsyncInvoke", shape: emptyShape},
	ListAsyncInvokes:              {action: actionPrefix + "ListAsyncInvokes", shape: emptyShape, queried: true},
	ChatCompletions:               {action: actInvoke, shape: chatShape, invokes: true, generates: true},
	ChatCompletionsStream:         {action: actInvokeStream, shape: chatShape, invokes: true, generates: true, streams: true},
}

const (
	actionPrefix    = "bedrock:"
	actInvoke       = actionPrefix + "InvokeModel"
	actInvokeStream = actionPrefix + "InvokeModelWithResponseStream"
)

// Operations lists the operations that Writ serves, sorted.
func Operations() []Operation { return slices.Sorted(maps.Keys(operations)) }

// Actions lists the actions that an entitlement may name, sorted: IAM's, and
// beside them StartAsyncInvoke, which IAM counts as InvokeModel and which must
// be named here to be given.
func Actions() []string {
	all := []string{string(StartAsyncInvoke), TagResource}
	for o := range operations {
		all = append(all, o.Action())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TagResource is IAM's action for tags put on what is started.
const TagResource = "TagResource"

// Known reports whether Writ serves the operation.
func (o Operation) Known() bool { return operations[o].action != "" }

// Streams reports whether the answer comes in pieces.
func (o Operation) Streams() bool { return operations[o].streams }

// Conversational reports whether the body has the Converse shape.
func (o Operation) Conversational() bool { return operations[o].shape == converseShape }

// Action is the IAM action (without prefix) that authorises the operation;
// empty for one that Writ does not serve.
func (o Operation) Action() string { return strings.TrimPrefix(operations[o].action, actionPrefix) }

// Permission is the same action with its prefix.
func (o Operation) Permission() string { return operations[o].action }

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
