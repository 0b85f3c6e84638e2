package bedrock

import (
	"fmt"
	"strings"
)

// callSite is where a tool call stands in a JSON text.
type callSite struct {
	kind   siteKind
	node   int    // the element or member that it is
	fields int    // the object with its name and arguments
	args   int    // its arguments; none: absent
	holder int    // the object whose content it is a part of: a message, a delta, the root
	name   string // the tool's
	id     string
	server bool
}

// siteKind is the kind of a place at which calls stand.
type siteKind uint8

const (
	siteUnknown  siteKind = iota // none that any wire has a call at
	siteBlock                    // a content block: Converse, Nova, Anthropic
	siteCall                     // an element of tool_calls: OpenAI's, Mistral, AI21, Cohere
	siteFunction                 // function_call, as OpenAI had it
	siteEcho                     // an element of tool_calls in Cohere's repetition of the conversation
	sitePart                     // tool_call_delta: Cohere's stream
)

// callZone is a part of an answer.
type callZone uint8

const (
	zoneElsewhere callZone = iota
	zoneRoot               // of the answer, or of one that a stream's last event repeats
	zoneOutput             // Converse's output
	zoneMessage            // a message, or a delta of one
	zoneBlocks             // the content of a message
	zoneBlock              // a block of it
	zoneChoices            // of a chat completion
	zoneChoice
	zoneCalls    // tool_calls
	zoneHistory  // Cohere's chat_history
	zoneEchoed   // a message of it
	zoneEchoes   // its tool_calls
	zoneArgument // what a call gives to its tool: data
)

// callZones are the zones that members of a zone open.
var callZones = map[callZone]map[string]callZone{
	zoneRoot: {
		"output": zoneOutput, "content": zoneBlocks, "choices": zoneChoices, "tool_calls": zoneCalls,
		"message": zoneMessage, "chat_history": zoneHistory, "response": zoneRoot,
	},
	zoneOutput:  {"message": zoneMessage},
	zoneMessage: {"content": zoneBlocks, "tool_calls": zoneCalls},
	zoneChoice:  {"message": zoneMessage, "delta": zoneMessage},
	zoneEchoed:  {"tool_calls": zoneEchoes},
}

// elementZones are the zones of the elements of arrays.
var elementZones = map[callZone]callZone{zoneBlocks: zoneBlock, zoneChoices: zoneChoice, zoneHistory: zoneEchoed}

// callFinder lists the sites of a tree.
type callFinder struct {
	*jsonTree
	sites   []callSite
	results []toolResult
	skip    int // a value that was read already
}

// toolResult is a block with what came out of a server tool's call.
type toolResult struct {
	node int
	id   string // the call's
}

// findCalls lists the sites in a tree, in its order.
func findCalls(t *jsonTree) (*callFinder, error) {
	f := &callFinder{jsonTree: t, skip: none}
	return f, f.walk(0, zoneRoot, none)
}

// walk looks into a value. holder is the object whose content the value is a part of.
func (f *callFinder) walk(n int, z callZone, holder int) error {
	switch f.nodes[n].kind {
	case '[':
		return f.elements(n, z, holder)
	case '{':
		if z == zoneRoot || z == zoneMessage || z == zoneEchoed {
			holder = n
		}
		if z == zoneBlock {
			f.result(n)
		}
		site, err := f.typed(n, z, holder)
		if err != nil {
			return err
		}
		return f.members(n, z, holder, site)
	}
	return nil
}

func (f *callFinder) elements(n int, z callZone, holder int) error {
	kind := siteCall
	if z == zoneEchoes {
		kind = siteEcho
	}
	for c := range f.children(n) {
		var err error
		switch {
		case z != zoneCalls && z != zoneEchoes:
			err = f.walk(c, elementZones[z], holder)
		case !f.is(c, 'n'):
			err = f.add(kind, c, c, holder)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// members looks at the members of an object; called says that it is a call
// itself, as its type told.
func (f *callFinder) members(n int, z callZone, holder int, called bool) error {
	for c := range f.children(n) {
		name := f.nodes[c].name
		into := callZones[z][name]
		listed := (into == zoneCalls || into == zoneEchoes) && f.is(c, '[')
		err := error(nil)
		switch {
		case c == f.skip, called && isArgument(name):
		case !isCallName(name) || f.is(c, 'n') || listed:
			err = f.walk(c, into, holder)
		case called:
			err = confused("a call within a call")
		default:
			err = f.named(n, c, z, holder)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// named adds the calls of a member whose name says that it has some.
func (f *callFinder) named(object, member int, z callZone, holder int) error {
	if f.is(member, '[') {
		for c := range f.children(member) {
			if err := f.add(siteUnknown, c, c, holder); err != nil {
				return err
			}
		}
		return nil
	}
	name := f.nodes[member].name
	switch {
	case z == zoneBlock && name == "toolUse":
		return f.add(siteBlock, object, member, holder)
	case z == zoneMessage && name == "function_call":
		return f.add(siteFunction, member, member, holder)
	case z == zoneRoot && name == "tool_call_delta":
		return f.add(sitePart, member, member, holder)
	}
	return f.add(siteUnknown, member, member, holder)
}

// typed adds an object whose type says that it is a call. Its members are still
// to be looked at.
func (f *callFinder) typed(n int, z callZone, holder int) (bool, error) {
	for c := range f.children(n) {
		if !strings.EqualFold(f.nodes[c].name, "type") || !isCallType(f.text(c)) {
			continue
		}
		kind := siteUnknown
		if z == zoneBlock {
			kind = siteBlock
		}
		return true, f.append(callSite{kind: kind, node: n, fields: n, args: none, holder: holder})
	}
	return false, nil
}

// result notes a block that a server tool's call led to.
func (f *callFinder) result(n int) {
	for _, at := range [...]int{f.child(n, "tool_use_id"), f.child(n, "toolResult", "toolUseId")} {
		if id := f.text(at); len(id) > 0 {
			f.results = append(f.results, toolResult{n, string(id)})
		}
	}
}

// add adds a call, whose name and arguments are in fields, and looks for others
// in what is not its arguments.
func (f *callFinder) add(kind siteKind, node, fields, holder int) error {
	if err := f.append(callSite{kind: kind, node: node, fields: fields, args: none, holder: holder}); err != nil {
		return err
	}
	return f.within(fields)
}

func (f *callFinder) append(s callSite) error {
	if len(f.sites) == maxTools {
		return confused(fmt.Sprintf("more than %d tool calls", maxTools))
	}
	if !f.is(s.fields, '{') {
		s.kind = siteUnknown
	} else if err := f.describe(&s); err != nil {
		return err
	}
	f.sites = append(f.sites, s)
	return nil
}

// within looks for calls in a call, but for its arguments.
func (f *callFinder) within(fields int) error {
	for c := range f.children(fields) {
		if isArgument(f.nodes[c].name) {
			continue
		}
		if isCallName(f.nodes[c].name) && !f.is(c, 'n') {
			return confused("a call within a call")
		}
		if isFunction(f.nodes[c].name) {
			if err := f.within(c); err != nil {
				return err
			}
		} else if err := f.walk(c, zoneElsewhere, none); err != nil {
			return err
		}
	}
	return nil
}

// describe reads what a call says of itself. OpenAI's have it in a member of
// their own. What two readers could read differently is refused.
func (f *callFinder) describe(s *callSite) error {
	var name, args, id int = none, none, none
	take := func(n int) error {
		for c := range f.children(n) {
			to := &id
			switch member := strings.ToLower(f.nodes[c].name); {
			case member == "name":
				to = &name
			case isArgument(member):
				to = &args
			case !callIDs[member]:
				continue
			}
			if *to != none || !callMembers[f.nodes[c].name] {
				return confused("a call that says twice what it is")
			}
			*to = c
		}
		return nil
	}
	if err := take(s.fields); err != nil {
		return err
	}
	for c := range f.children(s.fields) {
		if isFunction(f.nodes[c].name) {
			if err := take(c); err != nil {
				return err
			}
		}
	}
	if name != none && !f.is(name, '"') && !f.is(name, 'n') {
		return confused("a tool's name that is no text")
	}
	s.name, s.id, s.args = string(f.text(name)), string(f.text(id)), args
	kind := f.text(f.child(s.fields, "type"))
	s.server = isServerType(kind)
	return nil
}

// The members of a call that are read, in lower case, and as they are spelled.
var (
	callIDs     = map[string]bool{"id": true, "tooluseid": true}
	callMembers = map[string]bool{"name": true, "id": true, "toolUseId": true, "input": true, "arguments": true, "parameters": true}
)

// isArgument reports whether a call's member of that name is given to its tool.
func isArgument(name string) bool {
	switch strings.ToLower(name) {
	case "input", "arguments", "parameters":
		return true
	}
	return false
}

// isFunction reports whether a call says what it is in a member of that name.
func isFunction(name string) bool { return name == "function" || name == "custom" }

// isCallName reports whether a member's name means tool calls, whoever spells it.
func isCallName(name string) bool {
	switch lowered(name) {
	case "tooluse", "tool_use", "tool-use", "tooluses", "tool_uses", "tool-uses",
		"toolcall", "tool_call", "tool-call", "toolcalls", "tool_calls", "tool-calls",
		"functioncall", "function_call", "function-call", "functioncalls", "function_calls", "function-calls",
		"toolcalldelta", "tool_call_delta", "tool-call-delta":
		return true
	}
	return false
}

// isCallType reports whether an object of that type may be a call.
func isCallType(kind []byte) bool {
	name := lowered(string(kind))
	for _, end := range [...]string{"tooluse", "tool_use", "tool-use", "call"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// isServerType reports whether the provider runs a call of that type.
func isServerType(kind []byte) bool {
	switch string(kind) {
	case "server_tool_use", "mcp_tool_use":
		return true
	}
	return false
}

// lowered is a name in lower case; none that is long means anything.
func lowered(name string) string {
	if len(name) > maxStep {
		return ""
	}
	return strings.ToLower(name)
}

func confused(problem string) error {
	return &RequestError{Where: "answer", Problem: problem}
}
