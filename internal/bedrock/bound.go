package bedrock

import (
	"math"
	"slices"
	"strings"
)

// Bound is the most that one call can use. What is free (counting tokens,
// asking after an invocation) uses nothing.
type Bound struct {
	Input, Output  int64  // tokens; Input counts everything read, cached or not
	CacheWrite     bool   // some of Input may be written to the prompt cache
	CacheHour      bool   // and be kept for an hour
	GuardrailUnits int64  // text units of 1,000 characters, of input and answer
	GuardrailInput int64  // of these, the input's
	How            string // what bounds Input: one of the constants below
}

// What bounds the input of a call.
const (
	HowBytes     = "bytes"     // the length of its text
	HowModel     = "model"     // the most that the model can read
	HowOperation = "operation" // the operation reads no tokens
)

// UnboundedError says that nothing bounds what a call can use. Why holds no
// content of the request.
type UnboundedError struct{ Why string }

func (e *UnboundedError) Error() string { return "nothing bounds what the call can use: " + e.Why }

// Covers reports whether usage stayed within the bound.
func (b Bound) Covers(t Tokens) bool {
	return t.Read() <= b.Input && t.Output <= b.Output && (b.CacheWrite || t.CacheWrite <= 0) && (b.CacheHour || t.CacheWriteHour <= 0)
}

// Over is how many times as high as what was read its bound was; 0 when
// nothing was read.
func (b Bound) Over(t Tokens) float64 {
	if t.Read() <= 0 {
		return 0
	}
	return float64(b.Input) / float64(t.Read())
}

// Guarded is what a guardrail read at most of a call whose answer had so many
// bytes: AWS says how much it was only in a trace.
func (b Bound) Guarded(answerBytes int64) int64 {
	return min(b.GuardrailUnits, capped(b.GuardrailInput, textUnits(max(answerBytes, 0))))
}

// product multiplies two counts without overflow.
func product(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}

// textUnits are the units that a guardrail counts so many characters as
// (https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-how.html).
func textUnits(characters int64) int64 {
	units := characters / perUnit
	if characters%perUnit > 0 {
		units++
	}
	return units
}

const (
	perUnit = 1000
	// perToken is the most characters that one token stands for: the longest
	// tokens of the published vocabularies are runs of 128 blanks.
	perToken = 128
	// perPicture is what a guardrail's price of a picture is in units at most.
	perPicture = 2
)

// Bound returns the most that a call of op can use, by what its request states
// and how long it is, and by what the model is able to. m is the model that
// answers, profile the one it is reached through or empty; of a router, every
// route counts. caps are the request's, as ReadCapabilities read them from the
// same body. An *UnboundedError says that there is no such bound.
func (c *Catalogue) Bound(op Operation, m Model, profile string, caps *Capabilities, body []byte) (Bound, error) {
	switch {
	case op == ApplyGuardrail:
		units := guardedInput(caps, body)
		return Bound{How: HowOperation, GuardrailUnits: units, GuardrailInput: units}, nil
	case op.Async():
		return Bound{}, &UnboundedError{Why: "its answer is written elsewhere, and what it used is not reported"}
	case !op.Generates():
		return Bound{How: HowOperation}, nil
	}
	if err := oneTurn(caps); err != nil {
		return Bound{}, err
	}
	b := Bound{CacheWrite: caps.Load.CacheWrite || caps.Load.CacheHour, CacheHour: caps.Load.CacheHour}
	weight := weigh(body)
	p, _ := c.Profile(profile)
	for _, one := range append([]Model{m}, c.routes(&p)...) {
		if err := b.raise(&one, caps, weight); err != nil {
			return Bound{}, err
		}
		b.CacheWrite = b.CacheWrite || c.writesUnasked(&one, profile)
	}
	if caps.Guardrail != nil {
		b.GuardrailInput = guardedInput(caps, body)
		b.GuardrailUnits = capped(b.GuardrailInput, textUnits(product(b.Output, perToken)))
	}
	return b, nil
}

// routes are the models that a router may choose.
func (c *Catalogue) routes(router *Profile) []Model {
	if len(router.Routes) == 0 {
		return nil
	}
	var out []Model
	for _, id := range append([]string{router.Model}, router.Routes...) {
		m, _ := c.Model(id)
		out = append(out, m)
	}
	return out
}

// writesUnasked reports whether the model may write to the cache although
// nobody asked: Anthropic's do not, and of others nobody promises it.
func (c *Catalogue) writesUnasked(m *Model, profile string) bool {
	if m.Provider == "anthropic" {
		return false
	}
	l, _ := c.Listing(m.ID, profile)
	return l.Price.CacheWrite != nil || slices.ContainsFunc(l.Later, func(d DatedPrice) bool { return d.CacheWrite != nil })
}

// loops begin the extras with which AWS or the provider works on a call by
// itself: each turn reads what the one before wrote.
var loops = []string{"background", "beta:compact", "container", "conversation", "mcp_server", "previous_response_id", "web_search_options"}

// clientTools begin the types of tools that the caller runs although the
// provider defined them.
var clientTools = []string{"bash_", "computer_", "memory_", "text_editor_"}

const serverTool = "server_tool:"

// oneTurn refuses what takes more turns than one, and what is not known.
func oneTurn(caps *Capabilities) error {
	switch {
	case len(caps.UnknownFields) > 0:
		return &UnboundedError{Why: "it has a field whose effect is not known: " + caps.UnknownFields[0]}
	case len(caps.SystemTools) > 0:
		return &UnboundedError{Why: "a system tool runs inside AWS"}
	case caps.Load.Answers >= math.MaxInt32:
		return &UnboundedError{Why: "how many answers it asks for is not a plain number"}
	}
	for _, e := range caps.Extras {
		if startsAny(e, loops) {
			return &UnboundedError{Why: "it asks for " + e}
		}
		if tool, ok := strings.CutPrefix(e, serverTool); ok && !startsAny(tool, clientTools) {
			return &UnboundedError{Why: "the provider runs a tool by itself: " + tool}
		}
	}
	return nil
}

func startsAny(s string, starts []string) bool {
	return slices.ContainsFunc(starts, func(start string) bool { return strings.HasPrefix(s, start) })
}

// raise makes the bound one that holds for a model, too.
func (b *Bound) raise(m *Model, caps *Capabilities, w weight) error {
	switch m.Modality {
	case ModalityImage, ModalityVideo, ModalitySpeech:
		return &UnboundedError{Why: "the model is not charged by the token"}
	}
	input, how, err := boundInput(m, caps, w)
	if err != nil {
		return err
	}
	output, err := boundOutput(m, caps)
	if err != nil {
		return err
	}
	if input > b.Input || b.How == "" {
		b.Input, b.How = input, how
	}
	b.Output = max(b.Output, output)
	return nil
}

// boundOutput is the most that a model can answer, thinking included.
func boundOutput(m *Model, caps *Capabilities) (int64, error) {
	if m.Modality == ModalityEmbedding || m.Modality == ModalityRerank {
		return 0, nil
	}
	most := caps.MaxTokens
	switch {
	case thinksBeyond(caps):
		// The limit is then on something else; the answer still has to fit in
		// what the model can read.
		if m.MaxInput == 0 {
			return 0, &UnboundedError{Why: "the limit of output tokens does not hold for the model's thinking, and how much it can hold is not known"}
		}
		most = max(most, m.MaxOutput, window(m, caps))
	case most == 0 && slices.ContainsFunc(caps.Extras, func(e string) bool { return strings.HasPrefix(e, "beta:output-") }):
		return 0, &UnboundedError{Why: "it raises the model's limit of output tokens and states none"}
	case most == 0:
		most = m.MaxOutput
	}
	if most <= 0 {
		return 0, &UnboundedError{Why: "it states no limit of output tokens, and the model's is not known"}
	}
	return product(most, max(caps.Load.Answers, 1)), nil
}

// thinksBeyond reports whether thinking may take more than the stated limit of
// output: a budget above it, thinking between calls of tools, and Amazon Nova's.
func thinksBeyond(caps *Capabilities) bool {
	return caps.MaxTokens > 0 && caps.Load.Budget > caps.MaxTokens || slices.ContainsFunc(caps.Extras, func(e string) bool {
		return e == "reasoningConfig" || strings.HasPrefix(e, "beta:interleaved-thinking")
	})
}

// longWindow is what the beta flag "context-1m" makes of a model's window.
const longWindow = 1_000_000

// window is the most that a model can read; 0: not known.
func window(m *Model, caps *Capabilities) int64 {
	long := slices.ContainsFunc(caps.Extras, func(e string) bool { return strings.HasPrefix(e, "beta:context-1m") })
	if long && m.MaxInput > 0 {
		return max(m.MaxInput, longWindow)
	}
	return m.MaxInput
}

// guardedInput is the most that a guardrail reads of a request: each block may
// be counted for itself.
func guardedInput(caps *Capabilities, body []byte) int64 {
	return textUnits(int64(len(body))) + perPicture*caps.Load.Blocks
}
