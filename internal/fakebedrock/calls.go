package fakebedrock

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// call asks the caller, or the provider, to run a tool.
type call struct {
	name      string
	input     json.RawMessage
	fragments []string // the input, one token each
	server    bool     // the provider runs it
	broken    bool     // the input is no JSON
}

// readCall reads a script's line of that kind: a tool's name and its input,
// which still has its bars.
func readCall(kind, text string) (c call, ok bool) {
	name, input, _ := strings.Cut(text, " ")
	valid := json.Valid([]byte(strings.ReplaceAll(input, "|", "")))
	c = call{name: name, input: json.RawMessage(input), server: kind == "server", broken: kind == "broken" && !valid}
	return c, name != "" && (valid || kind == "broken")
}

// whole is the input where the wire has it in one piece. What is no JSON can
// only be a string there.
func (c call) whole() any {
	if c.broken {
		return string(c.input)
	}
	return c.input
}

// tokensOf is how many tokens the calls take to say.
func tokensOf(calls []call) int {
	n := 0
	for _, c := range calls {
		n += len(c.fragments)
	}
	return n
}

// stopFor is why an answer with calls ends: only those that the caller is to
// make are a reason to stop.
func stopFor(calls []call) string {
	for _, c := range calls {
		if !c.server {
			return stopTool
		}
	}
	return stopEnd
}

// callID is the id of the answer's i-th call.
func (a answer) callID(prefix string, n, i int) string {
	if i == 0 {
		return a.id(prefix, n)
	}
	sum := sha256.Sum256([]byte(a.digest + strconv.Itoa(i)))
	return prefix + hex.EncodeToString(sum[:])[:n]
}

// converseTool is a call of Converse's without its input.
func converseTool(a answer, i int) object {
	use := object{"toolUseId": a.callID("tooluse_", 22, i), "name": a.calls[i].name}
	if a.calls[i].server {
		use["type"] = "server_tool_use"
	}
	return use
}

// converseResult is the block that a server tool's call leads to.
func converseResult(a answer, i, index int) []event {
	return []event{
		{name: "contentBlockStart", payload: object{"contentBlockIndex": index, "start": object{"toolResult": object{"toolUseId": a.callID("tooluse_", 22, i)}}}},
		{name: "contentBlockStop", payload: object{"contentBlockIndex": index}},
	}
}
