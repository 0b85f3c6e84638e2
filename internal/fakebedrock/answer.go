package fakebedrock

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Stop reasons in Converse's words; dialects translate them.
const (
	stopEnd      = "end_turn"
	stopTool     = "tool_use"
	stopLength   = "max_tokens"
	stopSequence = "stop_sequence"
)

// answer is what the stand-in says, before a dialect puts it into JSON.
type answer struct {
	digest   string   // the prompt's: ids are cut from it
	model    string   // as named
	pieces   []string // the text, one token each
	calls    []call   // of tools, all at once
	stop     string
	sequence string // the stop sequence met, if stop says so
	usage    usage
	shape    shape
	pause    time.Duration // before each token, beside what the configuration says
	told     told
}

func (a answer) text() string { return strings.Join(a.pieces, "") }

// id cuts an identifier of n ≤ 64 hexadecimal digits from the digest.
func (a answer) id(prefix string, n int) string { return prefix + a.digest[:n] }

// compose answers a prompt; say overrides the built-in sentence when not nil,
// and a script either of them.
func compose(p prompt, say func(model, prompt string) string) answer {
	words := p.last
	if say != nil {
		words = say(p.model, p.last)
	}
	a := answer{digest: p.digest, model: p.model, stop: stopEnd, shape: p.shape}
	s, ok := readScript(words)
	a.told = s.told
	if ok {
		a.follow(s, p.stops)
	} else {
		if say == nil {
			words = p.sentence()
		}
		a.say(words, p)
	}
	a.applyLimit(p.maxTokens)
	a.usage = p.account(len(a.pieces) + tokensOf(a.calls))
	return a
}

// follow answers with what a script says.
func (a *answer) follow(s script, stops []string) {
	a.pieces, a.pause = s.pieces, s.pause
	a.applyStops(stops)
	if a.stop == stopEnd && len(s.calls) > 0 {
		a.stop, a.calls = stopFor(s.calls), s.calls
	}
}

// say answers with words, and with a call of a tool where there is one to call.
func (a *answer) say(words string, p prompt) {
	wanted, asked := p.wantedTool()
	if !asked || p.choice == choiceFree {
		a.pieces = pieces(words)
	}
	a.applyStops(p.stops)
	if a.stop == stopEnd && asked {
		a.stop = stopTool
		input := encode(example(wanted.schema, 0))
		a.calls = []call{{name: wanted.name, input: input, fragments: chunks(string(input), 12)}}
	}
}

var closings = []string{
	"Nothing was thought about it.",
	"No model was asked.",
	"The same question gets the same answer.",
	"Reading it cost nothing.",
}

// maxEcho is how much of a prompt is repeated, in runes.
const maxEcho = 300

// sentence is an echo that nobody mistakes for a model's words.
func (p prompt) sentence() string {
	last := p.last
	if echo := []rune(last); len(echo) > maxEcho {
		last = string(echo[:maxEcho]) + "…"
	}
	closing := closings[int(p.digest[0])%len(closings)]
	return fmt.Sprintf("This is a stand-in for %s, not a model. You said: %q. %s (%s)", p.model, last, closing, p.digest[:8])
}

// wantedTool is the tool to call: the one the caller names, else the first.
func (p prompt) wantedTool() (tool, bool) {
	if p.choice == choiceNone || len(p.tools) == 0 {
		return tool{}, false
	}
	for _, t := range p.tools {
		if t.name == p.choice {
			return t, true
		}
	}
	return p.tools[0], true
}

// applyStops ends the text before the first stop sequence in it.
func (a *answer) applyStops(stops []string) {
	text, at := a.text(), -1
	for _, s := range stops {
		if i := strings.Index(text, s); s != "" && i >= 0 && (at < 0 || i < at) {
			at, a.sequence = i, s
		}
	}
	if at >= 0 {
		a.pieces, a.stop = pieces(text[:at]), stopSequence
	}
}

// applyLimit cuts the answer at max tokens; a call that does not fit whole is
// not made.
func (a *answer) applyLimit(limit int) {
	if limit <= 0 {
		return
	}
	if len(a.pieces) > limit {
		a.pieces, a.stop, a.sequence = a.pieces[:limit], stopLength, ""
	}
	for len(a.calls) > 0 && len(a.pieces)+tokensOf(a.calls) > limit {
		a.calls, a.stop = a.calls[:len(a.calls)-1], stopLength
	}
}

// pieces cuts text into tokens: a word with the blank behind it.
func pieces(text string) []string {
	if text == "" {
		return nil
	}
	return slices.DeleteFunc(strings.SplitAfter(text, " "), func(s string) bool { return s == "" })
}

// chunks cuts text into parts of n runes.
func chunks(text string, n int) []string {
	var out []string
	for part := range slices.Chunk([]rune(text), n) {
		out = append(out, string(part))
	}
	return out
}

// maxSchemaDepth ends the reading of schemas that nest without bound.
const maxSchemaDepth = 8

// example makes a value that fits the plain parts of a JSON schema: types,
// enums, properties and items.
func example(schema json.RawMessage, depth int) any {
	var s struct {
		Type       any                        `json:"type"`
		Enum       []any                      `json:"enum"`
		Minimum    *float64                   `json:"minimum"`
		Properties map[string]json.RawMessage `json:"properties"`
		Items      json.RawMessage            `json:"items"`
	}
	if json.Unmarshal(schema, &s) != nil || depth > maxSchemaDepth {
		return object{}
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	switch s.Type {
	case "string":
		return "stand-in"
	case "number", "integer":
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case "boolean":
		return true
	case "array":
		return []any{example(s.Items, depth+1)}
	}
	out := object{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		out[name] = example(s.Properties[name], depth+1)
	}
	return out
}
