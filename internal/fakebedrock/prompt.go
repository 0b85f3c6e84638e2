package fakebedrock

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"
)

// prompt is what a request asks, with the provider's dialect taken off.
type prompt struct {
	model     string // as the caller named it
	last      string // the last text of the user's
	digest    string // hex; over the model and every word, not over the JSON around them
	input     int    // tokens, cached ones included
	cached    int    // of them, how many lie before the last cache point
	laterTurn bool   // an assistant has spoken before: the cache is read, not written
	maxTokens int    // 0: no limit
	stops     []string
	tools     []tool
	choice    string // a tool's name, or one of the constants below
	shape     shape
}

// shape is what a dialect must remember of the request to answer in kind.
type shape struct {
	dimensions int  // Titan embeddings: the length asked for; 0: not stated
	chat       bool // Mistral: messages were sent, not a prompt
}

// What a caller may say about tools, beside naming one.
const (
	choiceFree   = ""      // text and a call
	choiceForced = "\x00a" // a call of some tool, no text
	choiceNone   = "\x00n" // no call
)

type tool struct {
	name   string
	schema json.RawMessage
}

// tally reads a prompt's parts in order, counting tokens by a simple rule: a
// word of text is one token, a message four, and any other block one per eight
// bytes of its JSON.
type tally struct {
	prompt
	sum      hash.Hash
	answered bool // the last message so far carries a tool's result
}

func newTally(model string) *tally {
	t := &tally{prompt: prompt{model: model}, sum: sha256.New()}
	t.sum.Write([]byte(model))
	return t
}

func (t *tally) message(role string) {
	t.input += 4
	t.sum.Write([]byte("\x00" + role))
	t.laterTurn = t.laterTurn || role == "assistant"
	t.answered = false
}

func (t *tally) text(role, s string) {
	t.input += len(strings.Fields(s))
	t.sum.Write([]byte("\x00" + s))
	if role == "user" {
		t.last = s
	}
}

// block counts a part that is not text, by the length of its compact JSON.
func (t *tally) block(raw any) {
	compact := encode(raw)
	t.input += len(compact) / 8
	t.sum.Write(compact)
}

// offer adds a tool; its schema is normalised so that clients that write JSON
// differently offer the same tool.
func (t *tally) offer(name string, schema json.RawMessage) {
	var v any
	if json.Unmarshal(schema, &v) == nil {
		t.block(v)
	}
	t.tools = append(t.tools, tool{name: name, schema: schema})
}

// cachePoint marks everything so far as cacheable.
func (t *tally) cachePoint() { t.cached = t.input }

// finish ends the reading. A conversation that ends in a tool's result gets
// text, or it would never end.
func (t *tally) finish() prompt {
	if t.answered {
		t.choice = choiceNone
	}
	t.digest = hex.EncodeToString(t.sum.Sum(nil))
	return t.prompt
}

// usage is the token count of an invocation; input excludes cached tokens.
type usage struct{ input, output, cacheRead, cacheWrite int }

// account splits the input as the service does: a conversation's first turn
// writes the cache, later turns read it.
func (p prompt) account(output int) usage {
	u := usage{input: p.input - p.cached, output: output}
	if p.laterTurn {
		u.cacheRead = p.cached
	} else {
		u.cacheWrite = p.cached
	}
	return u
}
