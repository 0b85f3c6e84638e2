package bedrock

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// ToolCall is a call of a tool in an answer: what the model asks the caller, or
// the provider, to do.
type ToolCall struct {
	ID, Name string
	// Arguments is the JSON that the model gave, taken out of the string that
	// some wires have it in. Empty or absent arguments are {}.
	Arguments []byte
	Malformed bool // Arguments are no single JSON object with unique names, or were cut off
	Odd       bool // Name is empty, or has characters outside [A-Za-z0-9_-]: it may look like another
	Server    bool // the provider runs the tool itself; the result is in the answer too
	// Fixed: the call stands where none is known to stand. It can neither be
	// taken out nor edited; whoever must hold it holds all of the answer.
	Fixed bool
	Index int // place among the answer's calls
}

// Verdict is what becomes of a tool call.
type Verdict struct {
	Drop bool
	// Arguments, when not nil, take the place of the model's: a JSON object with
	// unique names. A dropped call has no use for them.
	Arguments []byte
}

// ErrVerdicts says that there is not one verdict for each call, or that a
// verdict's arguments are no JSON object.
var ErrVerdicts = errors.New("verdicts that do not fit the tool calls")

// FixedError says that an answer cannot be written without, or with another
// form of, one of its tool calls, or with a note.
type FixedError struct {
	Index int // of the call; -1: there is no place for the note
}

func (e *FixedError) Error() string {
	if e.Index < 0 {
		return "the answer has no known place for a note"
	}
	return fmt.Sprintf("tool call %d cannot be taken out of the answer or edited in it", e.Index)
}

// ReadToolCalls lists the calls of tools in a successful, whole answer, in its
// order; nil where there are none, for the price of a look over the bytes.
//
// It knows the shapes of Converse and of the providers: Amazon Nova, Anthropic
// (tool_use, server_tool_use, mcp_tool_use), Mistral, AI21, Cohere, and OpenAI's,
// which others share (tool_calls, and the older function_call). Elsewhere
// everything that a shape might call a tool call by name or type counts as one,
// and is Fixed. What Meta's Llama writes to call a tool is text among other text,
// with no mark that could be relied on: such a call is not recognised, as
// nothing that text merely says is (security S24).
//
// An error is a *RequestError: parsers may disagree about what the answer says,
// or there are more than 1024 calls. All of such an answer is to be held.
func ReadToolCalls(op Operation, body []byte) ([]ToolCall, error) {
	if !op.Generates() || !mayCall(body) {
		return nil, nil
	}
	a, err := readCalling(body)
	if err != nil {
		return nil, err
	}
	return a.calls, nil
}

// mayCall reports whether a JSON text can have a tool call in it. Names and
// types that mean one end in use or call; a name might be written with escapes,
// and a text with zero bytes might be UTF-16 to somebody.
func mayCall(body []byte) bool {
	if bytes.Contains(body, []byte(`\u`)) || bytes.IndexByte(body, 0) >= 0 {
		return true
	}
	for at := 0; ; at++ {
		i := bytes.IndexByte(body[at:], '"')
		if i < 0 {
			return false
		}
		at += i
		if endsLikeCall(body[:at]) {
			return true
		}
	}
}

// callEnds are the ends of all that isCallName and isCallType accept, and of
// the deltas that continue a call.
var callEnds = [...]string{"use", "uses", "call", "calls", "calldelta", "call_delta", "call-delta"}

func endsLikeCall(b []byte) bool {
	if len(b) < 3 {
		return false
	}
	switch b[len(b)-1] | 0x20 {
	case 'e', 's', 'l', 'a':
	default:
		return false
	}
	for _, end := range callEnds {
		if len(b) >= len(end) && hasPrefixFold(b[len(b)-len(end):], end) {
			return true
		}
	}
	return false
}

// readArguments sets a call's arguments from the JSON that the model gave.
func (c *ToolCall) readArguments(given []byte) {
	if len(bytes.Trim(given, " \t\r\n")) == 0 {
		c.Arguments = []byte("{}")
		return
	}
	c.Arguments, c.Malformed = given, !isObject(given)
}

// isObject reports whether b is one JSON object in UTF-8 with unique names, and
// not nested beyond what is read elsewhere.
func isObject(b []byte) bool {
	r := jsonReader{lenient: true}
	r.reset("arguments", b)
	return r.dec.PeekKind() == '{' && r.skip() == nil && r.end() == nil
}

// odd reports whether a tool's name has characters that no wire allows in one.
func odd(name string) bool {
	for i := range len(name) {
		if c := name[i]; !isLetterOrDigit(c) && c != '_' && c != '-' {
			return true
		}
	}
	return name == ""
}

// sense is the same for calls of one tool with the same arguments, whatever
// their white space, order of members and escapes. Numbers are as written.
func (c *ToolCall) sense() string {
	arguments := jsontext.Value(bytes.Clone(c.Arguments))
	if arguments.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)) != nil {
		arguments = c.Arguments
	}
	return c.Name + "\x00" + string(arguments)
}

// checkVerdicts checks that there is a fitting verdict for each call, and
// reports whether any changes something.
func checkVerdicts(calls []ToolCall, verdicts []Verdict) (changes bool, err error) {
	if len(calls) != len(verdicts) {
		return false, ErrVerdicts
	}
	for i, v := range verdicts {
		switch {
		case !v.Drop && v.Arguments == nil:
			continue
		case !v.Drop && !isObject(v.Arguments):
			return false, ErrVerdicts
		case calls[i].Fixed:
			return false, &FixedError{Index: i}
		}
		changes = true
	}
	return changes, nil
}
