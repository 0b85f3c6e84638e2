package bedrock

// dialect is what is known of one provider's bodies.
type dialect struct {
	top        members[*capReader] // an InvokeModel body
	additional members[*capReader] // Converse's additionalModelRequestFields
	async      members[*capReader] // a modelInput that only StartAsyncInvoke takes; top is known there too
	block      members[*capReader] // a content block of a message
	blockTypes []string            // the values its "type" may have
	roles      []string
	tool       members[*capReader] // an offered tool
	toolType   string              // the "type" of a tool that the caller runs; absent means that too
}

// dialects is keyed by the catalogue's provider. Where a provider's models take
// more than one body, the lists are joined: every member in them is either
// without effect beyond the answer's text, or reported as what it does.
//
// Sources: the "inference request parameters" pages of the Bedrock user guide
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html).
var dialects = map[string]*dialect{
	"anthropic": {
		top:        anthropicTop,
		additional: anthropicAdditional,
		block:      anthropicBlock,
		blockTypes: []string{"text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking", "search_result", "server_tool_use"},
		roles:      []string{"user", "assistant"},
		tool:       anthropicTool,
		toolType:   "custom",
	},
	"amazon":     {top: amazonTop, additional: amazonAdditional, async: amazonAsync},
	"openai":     openAIDialect(openAITop),
	"qwen":       openAIDialect(openAITop),
	"deepseek":   openAIDialect(openAITop),
	"mistral":    openAIDialect(mistralTop),
	"ai21":       openAIDialect(ai21Top),
	"meta":       {top: metaTop},
	"cohere":     {top: cohereTop, additional: cohereAdditional, tool: cohereTool, toolType: "function"},
	"luma":       {async: lumaAsync},
	"twelvelabs": {async: twelveLabsAsync},
}

func openAIDialect(top members[*capReader]) *dialect {
	return &dialect{
		top:        top,
		additional: sampling,
		block:      openAIPart,
		blockTypes: []string{"text", "image_url", "input_audio", "refusal"},
		roles:      []string{"system", "developer", "user", "assistant", "tool"},
		tool:       openAITool,
		toolType:   "function",
	}
}

// The members that AWS itself adds to an InvokeModel body.
const (
	bodyGuardrail = "amazon-bedrock-guardrailConfig"
	bodyTrace     = "amazon-bedrock-trace"
)

var (
	anthropicTop = members[*capReader]{
		bodyGuardrail:          (*capReader).bodyGuardrailConfig,
		bodyTrace:              (*capReader).bodyTrace,
		"anthropic_version":    (*capReader).skipText,
		"anthropic_beta":       (*capReader).betas,
		"cache_control":        (*capReader).cachePoint,
		"container":            switchedOn("container"),
		"context_management":   switchedOn("context_management"),
		"max_tokens":           (*capReader).maxTokens,
		"max_tokens_to_sample": (*capReader).maxTokens,
		"mcp_servers":          switchedOn("mcp_server"),
		"messages":             (*capReader).messages,
		"metadata":             (*capReader).skip,
		"output_config":        (*capReader).document,
		"output_format":        (*capReader).document,
		"prompt":               (*capReader).skipText,
		"stop_sequences":       (*capReader).skip,
		"system":               (*capReader).textOrBlocks,
		"temperature":          (*capReader).skip,
		"thinking":             (*capReader).thinking,
		"tool_choice":          (*capReader).skip,
		"tools":                (*capReader).tools,
		"top_k":                (*capReader).skip,
		"top_p":                (*capReader).skip,
	}
	anthropicAdditional = members[*capReader]{
		"anthropic_beta":     (*capReader).betas,
		"container":          switchedOn("container"),
		"context_management": switchedOn("context_management"),
		"mcp_servers":        switchedOn("mcp_server"),
		"output_config":      (*capReader).document,
		"reasoning_config":   (*capReader).thinking,
		"thinking":           (*capReader).thinking,
		"tool_choice":        (*capReader).skip,
		"tools":              (*capReader).tools,
		"top_k":              (*capReader).skip,
	}
	anthropicTool = members[*capReader]{
		"type":           (*capReader).toolKind,
		"name":           (*capReader).toolName,
		"description":    (*capReader).toolDescription,
		"input_schema":   (*capReader).toolSchema,
		"cache_control":  (*capReader).cachePoint,
		"input_examples": (*capReader).skip,
		"strict":         (*capReader).skip,
	}
	anthropicBlock = members[*capReader]{
		"type":          (*capReader).blockType,
		"text":          (*capReader).skipText,
		"source":        (*capReader).anthropicSource,
		"content":       (*capReader).textOrBlocks,
		"cache_control": (*capReader).cachePoint,
		"citations":     (*capReader).skip,
		"context":       (*capReader).skip,
		"data":          (*capReader).opaque,
		"id":            (*capReader).skip,
		"input":         (*capReader).document,
		"is_error":      (*capReader).skip,
		"name":          (*capReader).skip,
		"signature":     (*capReader).opaque,
		"thinking":      (*capReader).skip,
		"title":         (*capReader).skip,
		"tool_use_id":   (*capReader).skip,
	}
	anthropicSources = members[*capReader]{
		"type":       (*capReader).sourceType,
		"media_type": (*capReader).skip,
		"data":       (*capReader).skip,
		"content":    (*capReader).textOrBlocks,
		"url":        (*capReader).unread,
		"file_id":    (*capReader).unread,
	}
	messageMembers = members[*capReader]{
		"role":              (*capReader).messageRole,
		"content":           (*capReader).textOrBlocks,
		"name":              (*capReader).skip,
		"reasoning_content": (*capReader).skip,
		"refusal":           (*capReader).skip,
		"tool_call_id":      (*capReader).skip,
		"tool_calls":        (*capReader).document,
	}
)

var (
	amazonTop = members[*capReader]{
		bodyGuardrail:          (*capReader).bodyGuardrailConfig,
		bodyTrace:              (*capReader).bodyTrace,
		"schemaVersion":        (*capReader).skip, // Nova
		"messages":             (*capReader).converseMessages,
		"system":               (*capReader).converseSystem,
		"inferenceConfig":      (*capReader).novaInference,
		"toolConfig":           (*capReader).toolConfig,
		"reasoningConfig":      switchedOn("reasoningConfig"),
		"inputText":            (*capReader).skipText, // Titan
		"textGenerationConfig": (*capReader).titanText,
		"inputImage":           (*capReader).picture,
		"dimensions":           (*capReader).skip,
		"embeddingConfig":      (*capReader).skip,
		"embeddingTypes":       (*capReader).skip,
		"normalize":            (*capReader).skip,
	}
	novaInferenceMembers = members[*capReader]{
		"maxTokens":       (*capReader).maxTokens,
		"max_new_tokens":  (*capReader).maxTokens,
		"reasoningConfig": switchedOn("reasoningConfig"),
		"stopSequences":   (*capReader).skip,
		"temperature":     (*capReader).skip,
		"topK":            (*capReader).skip,
		"topP":            (*capReader).skip,
		"top_k":           (*capReader).skip,
		"top_p":           (*capReader).skip,
	}
	titanTextMembers = members[*capReader]{
		"maxTokenCount": (*capReader).maxTokens,
		"stopSequences": (*capReader).skip,
		"temperature":   (*capReader).skip,
		"topP":          (*capReader).skip,
	}
	amazonAdditional = members[*capReader]{
		"inferenceConfig": (*capReader).novaAdditional,
		"reasoningConfig": switchedOn("reasoningConfig"),
		"topK":            (*capReader).skip,
	}
	novaAdditionalMembers = members[*capReader]{"topK": (*capReader).skip}
	metaTop               = members[*capReader]{
		bodyGuardrail: (*capReader).bodyGuardrailConfig,
		bodyTrace:     (*capReader).bodyTrace,
		"images":      (*capReader).unread,
		"max_gen_len": (*capReader).maxTokens,
		"prompt":      (*capReader).skipText,
		"temperature": (*capReader).skip,
		"top_p":       (*capReader).skip,
	}
)

var (
	openAITop = members[*capReader]{
		bodyGuardrail:           (*capReader).bodyGuardrailConfig,
		bodyTrace:               (*capReader).bodyTrace,
		"background":            unlessFalse("background"),
		"conversation":          switchedOn("conversation"),
		"frequency_penalty":     (*capReader).skip,
		"logit_bias":            (*capReader).skip,
		"logprobs":              (*capReader).skip,
		"max_completion_tokens": (*capReader).maxTokens,
		"max_tokens":            (*capReader).maxTokens,
		"messages":              (*capReader).messages,
		"metadata":              (*capReader).skip,
		"model":                 switchedOn("model"),
		"n":                     (*capReader).answers,
		"parallel_tool_calls":   (*capReader).skip,
		"presence_penalty":      (*capReader).skip,
		"previous_response_id":  switchedOn("previous_response_id"),
		"prompt":                (*capReader).skipText,
		"reasoning_effort":      (*capReader).skip,
		"response_format":       (*capReader).document,
		"seed":                  (*capReader).skip,
		"service_tier":          (*capReader).tier,
		"stop":                  (*capReader).skip,
		"store":                 unlessFalse("store"),
		"stream":                (*capReader).skip,
		"stream_options":        (*capReader).skip,
		"temperature":           (*capReader).skip,
		"tool_choice":           (*capReader).skip,
		"tools":                 (*capReader).tools,
		"top_k":                 (*capReader).skip,
		"top_logprobs":          (*capReader).skip,
		"top_p":                 (*capReader).skip,
		"user":                  (*capReader).skip,
		"web_search_options":    switchedOn("web_search_options"),
	}
	openAITool = members[*capReader]{
		"type":     (*capReader).toolKind,
		"function": (*capReader).toolFunction,
	}
	toolFunctionMembers = members[*capReader]{
		"name":        (*capReader).toolName,
		"description": (*capReader).toolDescription,
		"parameters":  (*capReader).toolSchema,
		"strict":      (*capReader).skip,
	}
	openAIPart = members[*capReader]{
		"type":        (*capReader).blockType,
		"text":        (*capReader).skipText,
		"refusal":     (*capReader).skipText,
		"image_url":   (*capReader).imageURL,
		"input_audio": (*capReader).opaque,
	}
	imageURLMembers = members[*capReader]{
		"url":    (*capReader).sourceURL,
		"detail": (*capReader).skip,
	}
	sampling = members[*capReader]{
		"frequency_penalty": (*capReader).skip,
		"presence_penalty":  (*capReader).skip,
		"reasoning_effort":  (*capReader).skip,
		"seed":              (*capReader).skip,
		"top_k":             (*capReader).skip,
	}
	mistralTop = members[*capReader]{
		bodyGuardrail:     (*capReader).bodyGuardrailConfig,
		bodyTrace:         (*capReader).bodyTrace,
		"max_tokens":      (*capReader).maxTokens,
		"messages":        (*capReader).messages,
		"prompt":          (*capReader).skipText,
		"response_format": (*capReader).document,
		"stop":            (*capReader).skip,
		"temperature":     (*capReader).skip,
		"tool_choice":     (*capReader).skip,
		"tools":           (*capReader).tools,
		"top_k":           (*capReader).skip,
		"top_p":           (*capReader).skip,
	}
	ai21Top = members[*capReader]{
		bodyGuardrail:       (*capReader).bodyGuardrailConfig,
		bodyTrace:           (*capReader).bodyTrace,
		"countPenalty":      (*capReader).skip, // Jurassic
		"documents":         (*capReader).document,
		"frequencyPenalty":  (*capReader).skip,
		"frequency_penalty": (*capReader).skip,
		"maxTokens":         (*capReader).maxTokens,
		"max_tokens":        (*capReader).maxTokens,
		"messages":          (*capReader).messages,
		"n":                 (*capReader).answers,
		"numResults":        (*capReader).answers,
		"presencePenalty":   (*capReader).skip,
		"presence_penalty":  (*capReader).skip,
		"prompt":            (*capReader).skipText,
		"response_format":   (*capReader).document,
		"stop":              (*capReader).skip,
		"stopSequences":     (*capReader).skip,
		"temperature":       (*capReader).skip,
		"tools":             (*capReader).tools,
		"topP":              (*capReader).skip,
		"top_p":             (*capReader).skip,
	}
)

var (
	cohereTop = members[*capReader]{
		bodyGuardrail:         (*capReader).bodyGuardrailConfig,
		bodyTrace:             (*capReader).bodyTrace,
		"api_version":         (*capReader).skip,
		"chat_history":        (*capReader).skip,
		"documents":           (*capReader).document,
		"embedding_types":     (*capReader).skip,
		"frequency_penalty":   (*capReader).skip,
		"images":              (*capReader).unread,
		"input_type":          (*capReader).skip,
		"inputs":              (*capReader).unread,
		"k":                   (*capReader).skip,
		"logit_bias":          (*capReader).skip,
		"max_tokens":          (*capReader).maxTokens,
		"max_tokens_per_doc":  (*capReader).skip,
		"message":             (*capReader).skipText,
		"num_generations":     (*capReader).answers,
		"output_dimension":    (*capReader).skip,
		"p":                   (*capReader).skip,
		"preamble":            (*capReader).skipText,
		"presence_penalty":    (*capReader).skip,
		"prompt":              (*capReader).skipText,
		"prompt_truncation":   (*capReader).skip,
		"query":               (*capReader).skipText,
		"raw_prompting":       (*capReader).skip,
		"return_likelihoods":  (*capReader).skip,
		"return_prompt":       (*capReader).skip,
		"search_queries_only": (*capReader).skip,
		"seed":                (*capReader).skip,
		"stop_sequences":      (*capReader).skip,
		"stream":              (*capReader).skip,
		"temperature":         (*capReader).skip,
		"texts":               (*capReader).skip,
		"tool_results":        (*capReader).document,
		"tools":               (*capReader).tools,
		"top_n":               (*capReader).skip,
		"truncate":            (*capReader).skip,
	}
	cohereAdditional = members[*capReader]{
		"frequency_penalty": (*capReader).skip,
		"k":                 (*capReader).skip,
		"presence_penalty":  (*capReader).skip,
		"seed":              (*capReader).skip,
	}
	cohereTool = members[*capReader]{
		"name":                  (*capReader).toolName,
		"description":           (*capReader).toolDescription,
		"parameter_definitions": (*capReader).toolSchema,
	}
)
