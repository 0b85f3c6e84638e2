package bedrock

import (
	"strconv"
	"strings"
)

// answerReader reads what an answer, or one event of a streamed one, says
// about itself. The shapes of Converse and of every provider are joined: where
// their names meet they mean the same, so it need not be told who answered.
type answerReader struct {
	jsonReader
	answerState
}

// answerState is what an answerReader knows of the answer at hand.
type answerState struct {
	answer      Answer
	converse    bool    // usage is AWS's own
	theirs      figures // the provider's
	aws         figures // AWS's own, the larger of each where they differ
	hasAWS      bool
	one         figures // AWS's, while they are read
	official    bool    // and that they are
	embedding   bool    // the answer has no output tokens
	implausible bool    // a figure cannot be, or an event could not be read

	blockType, blockName string // of the content block being read
	encoded              []byte // a chunk's event, as a JSON string of base64
	detail               detail
}

type answerShape = members[*answerReader]

var (
	answerMembers = answerShape{
		// Converse, Amazon Nova
		"output":            (*answerReader).output,
		"stopReason":        (*answerReader).stopReason,
		"usage":             (*answerReader).usage,
		"trace":             (*answerReader).trace,
		"contentBlockStart": (*answerReader).nested,
		"messageStop":       (*answerReader).nested,
		"metadata":          (*answerReader).nested,
		// Anthropic
		"content":       (*answerReader).blocks,
		"content_block": (*answerReader).block,
		"delta":         (*answerReader).nested,
		"message":       (*answerReader).message,
		"stop_reason":   (*answerReader).stopReason,
		// Amazon Titan
		"completionReason":          (*answerReader).stopReason,
		"embedding":                 (*answerReader).noOutput,
		"embeddingsByType":          (*answerReader).noOutput,
		"inputTextTokenCount":       (*answerReader).inputTokens,
		"results":                   (*answerReader).choices,
		"totalOutputTextTokenCount": (*answerReader).outputTokens,
		// Meta
		"generation_token_count": (*answerReader).outputTokens,
		"prompt_token_count":     (*answerReader).inputTokens,
		// OpenAI and those like it
		"choices": (*answerReader).choices,
		// Mistral
		"outputs": (*answerReader).choices,
		// Cohere
		"embeddings":    (*answerReader).noOutput,
		"finish_reason": (*answerReader).stopReason,
		"generations":   (*answerReader).choices,
		"meta":          (*answerReader).cohereMeta,
		"tool_calls":    (*answerReader).toolCalls,
		// AWS, in any answer
		"serviceTier":          (*answerReader).serviceTier,
		"service_tier":         (*answerReader).tier,
		"performanceConfig":    (*answerReader).performance,
		"amazon-bedrock-trace": (*answerReader).trace,
		// AWS, in the last chunk of a stream
		"amazon-bedrock-invocationMetrics": (*answerReader).metrics,
	}
	// nestedMembers are what an event wraps once more.
	nestedMembers = answerShape{
		"start":       (*answerReader).blockStart,
		"stopReason":  (*answerReader).stopReason,
		"stop_reason": (*answerReader).stopReason,
		"usage":       (*answerReader).usage,
		"trace":       (*answerReader).trace,

		"serviceTier":       (*answerReader).serviceTier,
		"performanceConfig": (*answerReader).performance,
	}
	outputShape   = answerShape{"message": (*answerReader).message}
	messageShape  = answerShape{"content": (*answerReader).blocks, "tool_calls": (*answerReader).toolCalls, "usage": (*answerReader).usage}
	traceShape    = answerShape{"promptRouter": (*answerReader).promptRouter, "guardrail": (*answerReader).assessed}
	servedShape   = answerShape{"type": (*answerReader).tier}
	latencyShape  = answerShape{"latency": (*answerReader).latency}
	routerShape   = answerShape{"invokedModelId": (*answerReader).invokedModel}
	toolUseShape  = answerShape{"name": (*answerReader).toolUseName}
	startShape    = answerShape{"toolUse": (*answerReader).toolUse}
	toolCallShape = answerShape{"name": (*answerReader).toolUseName, "function": (*answerReader).toolUse}
	cohereShape   = answerShape{"billed_units": (*answerReader).usage}
	cachedShape   = answerShape{"cached_tokens": func(r *answerReader) error { return r.figure(&r.at().cached) }}
	blockShape    = answerShape{"toolUse": (*answerReader).toolUse, "type": (*answerReader).typeOfBlock, "name": (*answerReader).nameOfBlock}
	chunkShape    = answerShape{"bytes": (*answerReader).chunk}
	choiceMembers = answerShape{
		"completionReason": (*answerReader).stopReason,
		"delta":            (*answerReader).message,
		"finish_reason":    (*answerReader).stopReason,
		"message":          (*answerReader).message,
		"stop_reason":      (*answerReader).stopReason,
		"tokenCount":       (*answerReader).outputTokens,
	}
	usageMembers = answerShape{
		"inputTokens":           (*answerReader).inputTokens, // Converse, Nova
		"outputTokens":          (*answerReader).outputTokens,
		"cacheReadInputTokens":  (*answerReader).cacheRead,
		"cacheWriteInputTokens": (*answerReader).cacheWrite,

		"inputTokenCount":           (*answerReader).inputTokens, // invocation metrics
		"outputTokenCount":          (*answerReader).outputTokens,
		"cacheReadInputTokenCount":  (*answerReader).cacheRead,
		"cacheWriteInputTokenCount": (*answerReader).cacheWrite,

		"input_tokens":                (*answerReader).inputTokens, // Anthropic, Cohere
		"output_tokens":               (*answerReader).outputTokens,
		"cache_read_input_tokens":     (*answerReader).cacheRead,
		"cache_creation_input_tokens": (*answerReader).cacheWrite,
		"cacheDetails":                (*answerReader).cacheDetails, // Converse
		"cache_creation":              (*answerReader).cacheCreation,

		"prompt_tokens":         (*answerReader).inputTokens, // OpenAI
		"completion_tokens":     (*answerReader).outputTokens,
		"prompt_tokens_details": (*answerReader).promptDetails,
	}
)

// pass skips an unknown member.
func (r *answerReader) pass(string) error { return r.skip() }

// shape reads an object; anything else in its place says nothing.
func (r *answerReader) shape(known answerShape) error {
	if r.dec.PeekKind() != '{' {
		return r.skip()
	}
	return object(&r.jsonReader, r, known, r.pass)
}

// each reads an array of objects; anything else in its place says nothing.
func (r *answerReader) each(read func() error) error {
	if r.dec.PeekKind() != '[' {
		return r.skip()
	}
	return r.array(read)
}

func (r *answerReader) nested() error        { return r.shape(nestedMembers) }
func (r *answerReader) output() error        { return r.shape(outputShape) }
func (r *answerReader) message() error       { return r.shape(messageShape) }
func (r *answerReader) trace() error         { return r.shape(traceShape) }
func (r *answerReader) promptRouter() error  { return r.shape(routerShape) }
func (r *answerReader) promptDetails() error { return r.shape(cachedShape) }
func (r *answerReader) cohereMeta() error    { return r.shape(cohereShape) }
func (r *answerReader) toolUse() error       { return r.shape(toolUseShape) }
func (r *answerReader) blockStart() error    { return r.shape(startShape) }
func (r *answerReader) choice() error        { return r.shape(choiceMembers) }
func (r *answerReader) toolCall() error      { return r.shape(toolCallShape) }
func (r *answerReader) choices() error       { return r.each(r.choice) }
func (r *answerReader) toolCalls() error     { return r.each(r.toolCall) }
func (r *answerReader) serviceTier() error   { return r.shape(servedShape) }
func (r *answerReader) blocks() error        { return r.each(r.block) }

// metrics are AWS's own figures, which end every discussion.
func (r *answerReader) metrics() error {
	r.answer.Final = true
	return r.own()
}

// own reads figures of AWS's. Two of them that differ are no reason to believe
// the smaller.
func (r *answerReader) own() error {
	r.one, r.official = figures{}, true
	err := r.shape(usageMembers)
	r.official = false
	if !r.hasAWS {
		r.aws, r.hasAWS = r.one, true
		return err
	}
	both, differ := r.aws.most(r.one)
	r.aws, r.answer.Disputed = both, r.answer.Disputed || differ
	return err
}

// at is where figures go.
func (r *answerReader) at() *figures {
	if r.official {
		return &r.one
	}
	return &r.theirs
}

// block reads a content block: Anthropic's have a type, Converse's are unions.
func (r *answerReader) block() error {
	r.blockType, r.blockName = "", ""
	if err := r.shape(blockShape); err != nil {
		return err
	}
	if strings.HasSuffix(r.blockType, "tool_use") {
		r.addToolUse(r.blockName)
	}
	return nil
}

func (r *answerReader) typeOfBlock() (err error) {
	r.blockType, err = r.word()
	return err
}

func (r *answerReader) nameOfBlock() (err error) {
	r.blockName, err = r.word()
	return err
}

func (r *answerReader) toolUseName() error {
	name, err := r.word()
	if err == nil {
		r.addToolUse(name)
	}
	return err
}

func (r *answerReader) addToolUse(name string) {
	if name != "" && len(r.answer.ToolUses) < maxTools {
		r.answer.ToolUses = append(r.answer.ToolUses, name)
	}
}

func (r *answerReader) stopReason() error {
	s, err := r.word()
	if s != "" {
		r.answer.StopReason = s
	}
	return err
}

func (r *answerReader) invokedModel() (err error) {
	r.answer.InvokedModel, err = r.word()
	return err
}

// word reads a short string; anything else in its place says nothing.
func (r *answerReader) word() (string, error) {
	if r.dec.PeekKind() != '"' {
		return "", r.skip()
	}
	return r.text(maxModelID)
}

func (r *answerReader) chunk() (err error) {
	r.encoded, err = r.raw()
	return err
}

func (r *answerReader) noOutput() error {
	r.embedding = true
	return r.skip()
}

func (r *answerReader) inputTokens() error {
	r.at().hasInput = true
	return r.figure(&r.at().Input)
}

func (r *answerReader) outputTokens() error {
	r.at().hasOutput = true
	return r.figure(&r.at().Output)
}

func (r *answerReader) cacheRead() error {
	r.at().hasRead = true
	return r.figure(&r.at().CacheRead)
}

func (r *answerReader) cacheWrite() error {
	r.at().hasWrite = true
	return r.figure(&r.at().CacheWrite)
}

// usage reads what was used, by the word of whoever answers.
func (r *answerReader) usage() error {
	if r.converse {
		return r.own()
	}
	return r.shape(usageMembers)
}

// figure reads a token count; one that cannot be makes all usage unknown. Of
// several counts of one thing the largest stands: providers count as they go.
func (r *answerReader) figure(to *int64) error {
	if r.dec.PeekKind() != '0' {
		r.implausible = true
		return r.skip()
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	n, err := strconv.ParseUint(string(v), 10, 31)
	if err != nil || n > maxPlausible {
		r.implausible = true
		return nil
	}
	*to = max(*to, int64(n))
	return nil
}

// finished is the answer as far as it was read. whole says that nothing that
// had to be read was not.
func (r *answerReader) finished(source string, whole bool) Answer {
	a, said := r.answer, r.theirs
	if r.hasAWS {
		said = r.aws.instead(r.theirs)
	}
	if said.hasInput || said.hasOutput {
		a.Usage.Source = source
	}
	said, sound := said.finished()
	a.Usage.Known = whole && sound && !r.implausible && said.hasInput && (said.hasOutput || r.embedding)
	if a.Usage.Known {
		a.Usage.Tokens, a.Usage.Split = said.tokens(), said.split
	}
	return a
}
