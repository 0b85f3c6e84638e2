package bedrock

import (
	"crypto/sha256"
	"math"
	"slices"
	"strconv"
	"strings"
)

var (
	guardrailBodyMembers = members[*capReader]{
		"tagSuffix":            (*capReader).tagSuffix,
		"streamProcessingMode": (*capReader).bodyGuardrailMode,
	}
	thinkingMembers = members[*capReader]{
		"type":          (*capReader).thinkingType,
		"budget_tokens": (*capReader).thinkingBudget,
		"display":       (*capReader).skip,
	}
)

// bodyGuardrailConfig reads what an InvokeModel body says about the guardrail
// that its headers name.
func (r *capReader) bodyGuardrailConfig() error {
	if r.guardrail.id == "" {
		r.tagged = true
	}
	return r.members(bodyGuardrail+".", guardrailBodyMembers)
}

func (r *capReader) tagSuffix() error {
	r.tagged = true
	return r.skip()
}

func (r *capReader) bodyGuardrailMode() error {
	s, err := r.symbol()
	if err != nil {
		return err
	}
	switch s {
	case "SYNCHRONOUS":
		r.guardrail.mode = "sync"
	case "ASYNCHRONOUS":
		r.guardrail.mode = "async"
	default:
		return r.fail("want SYNCHRONOUS or ASYNCHRONOUS")
	}
	return nil
}

func (r *capReader) bodyTrace() error {
	s, err := r.symbol()
	on, ok := traceSettings[s]
	switch {
	case err != nil:
		return err
	case !ok:
		return r.fail(wantTrace)
	case on:
		return r.extra(extraTrace)
	}
	return nil
}

func (r *capReader) novaInference() error {
	return r.members("inferenceConfig.", novaInferenceMembers)
}

func (r *capReader) novaAdditional() error {
	return r.members(r.within+"inferenceConfig.", novaAdditionalMembers)
}

func (r *capReader) titanText() error {
	return r.members("textGenerationConfig.", titanTextMembers)
}

// betas reads beta flags, a list or a single one.
func (r *capReader) betas() error {
	read := func() error {
		s, err := r.symbol()
		if err != nil {
			return err
		}
		return r.extra("beta:" + s)
	}
	if r.dec.PeekKind() == '"' {
		return read()
	}
	return r.array(read)
}

// thinking reads a reasoning setting, which counts unless it says disabled.
func (r *capReader) thinking() error {
	r.off = false
	if err := r.members(r.within+"thinking.", thinkingMembers); err != nil {
		return err
	}
	if r.off {
		return nil
	}
	return r.extra("thinking")
}

// thinkingBudget reads how many tokens thinking may take.
func (r *capReader) thinkingBudget() error {
	v, err := r.raw()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(v), 10, 32)
	if err != nil {
		n = math.MaxInt32 // nobody can say
	}
	r.caps.Load.Budget = max(r.caps.Load.Budget, n)
	return nil
}

func (r *capReader) thinkingType() error {
	s, err := r.symbol()
	r.off = s == "disabled"
	return err
}

func (r *capReader) messages() error {
	return r.array(func() error { return r.content("messages.", messageMembers) })
}

func (r *capReader) messageRole() error { return r.role(r.dialect.roles...) }

// textOrBlocks reads content that is a text, a block, or a list of either.
func (r *capReader) textOrBlocks() error {
	switch r.dec.PeekKind() {
	case '"':
		return r.skipText()
	case '{':
		return r.content("messages.content.", r.dialect.block)
	}
	return r.array(r.textOrBlocks)
}

func (r *capReader) blockType() error {
	s, err := r.symbol()
	if err != nil || slices.Contains(r.dialect.blockTypes, s) {
		return err
	}
	return r.list(&r.caps.UnknownContent, "messages.content:"+s)
}

func (r *capReader) anthropicSource() error {
	if r.dec.PeekKind() == '"' { // a search result's source is a label
		return r.skipText()
	}
	return r.content("messages.content.source.", anthropicSources)
}

// sourceType reports sources that the provider fetches by itself.
func (r *capReader) sourceType() error {
	s, err := r.symbol()
	r.caps.Load.Unread = r.caps.Load.Unread || s != "text" && s != "content"
	if err != nil || s == "base64" || s == "text" || s == "content" {
		return err
	}
	return r.extra("source:" + s)
}

func (r *capReader) imageURL() error {
	if r.dec.PeekKind() == '"' {
		return r.sourceURL()
	}
	return r.content("messages.content.image_url.", imageURLMembers)
}

// sourceURL reads a URL that the provider would fetch, unless it is the data.
func (r *capReader) sourceURL() error {
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	r.caps.Load.Unread = true
	if strings.HasPrefix(string(v[:min(len(v), 6)]), `"data:`) {
		return nil
	}
	if v.Kind() != '"' {
		return r.fail("want a string")
	}
	if err := r.noteResource(v); err != nil {
		return err
	}
	return r.extra("source:url")
}

func (r *capReader) tools() error { return r.array(r.providerTool) }

// providerTool reads one tool in the provider's shape. A tool of a type of its
// own may run inside AWS, or be one that the model was trained on; it is
// reported by type, and offered by name too if it has one, since the model may
// then call for it.
func (r *capReader) providerTool() error {
	start := r.dec.InputOffset()
	r.tool = toolOffer{}
	err := object(&r.jsonReader, r, r.dialect.tool, func(name string) error {
		if len(r.tool.unknown) < maxUnknown {
			r.tool.unknown = append(r.tool.unknown, name)
		}
		return r.scan()
	})
	if err != nil {
		return err
	}
	r.caps.Load.Documents += r.dec.InputOffset() - start
	if r.tool.kind == "" || r.tool.kind == r.dialect.toolType {
		for _, name := range r.tool.unknown {
			if err := r.list(&r.caps.UnknownFields, r.within+"tools."+quoteName(name)); err != nil {
				return err
			}
		}
		return r.offerTool(r.tool.digest())
	}
	if err := r.extra("server_tool:" + r.tool.kind); err != nil || r.tool.name == "" {
		return err
	}
	return r.offerTool(sha256.Sum256(r.since(start)))
}

func (r *capReader) toolKind() (err error) {
	r.tool.kind, err = r.symbol()
	return err
}

func (r *capReader) toolFunction() error {
	return r.members(r.within+"tools.function.", toolFunctionMembers)
}
