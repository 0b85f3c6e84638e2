package bedrock

import "strings"

// zone is a part of a body in which strings are read alike.
type zone uint8

const (
	zoneSame     zone = iota // of a place: that of what is around it
	zoneWire                 // the shapes of Bedrock and of the providers
	zoneResult               // these, in a tool's result
	zoneMedia                // these, in the source of a document or picture
	zoneAside                // these, in what only repeats or comments
	zoneData                 // a document without a shape that is known: nothing in it is the wire's
	zoneAsserted             // the caller's labels: likewise
	zoneCount                // CountTokens' wrapping
)

// rule is what a place makes of a string.
type rule uint8

const (
	asText   rule = iota
	asWord        // one of the wire's own words, if it looks like one
	asData        // JSON in a string
	asBytes       // base64
	asImage       // base64 or a URL, if it is long enough to be a picture
	asURL         // of content: data: has it in itself
	asFile        // the id of a file that the provider has
	asS3          // an s3:// location of content
	asOpaque      // signed or encrypted by the provider
)

// says is what a member tells about the object that it is in.
type says uint8

const (
	saysNothing says = iota
	saysType         // what the object is
	saysRole         // who speaks
	saysFormat       // that there are bytes of some format
	saysData         // the data itself, which the type tells how to read
	saysIndex        // stream: what the object is a part of
	saysStop         // stream: that it has ended, unless null
	saysStopped      // stream: that what is in it has ended
)

// A chain is a sequence of texts that may be read as one.
const (
	chainTalk   = 1 // the conversation's
	chainTokens = 2 // those that log probabilities are given for
	chains      = 2
)

// place is what is known of the members of one name.
type place struct {
	name  string
	zone  zone // of the objects and arrays there
	rule  rule
	says  says
	chain uint8
}

// places are the names that the wire has. The shapes of Bedrock and of every
// provider are joined, so it need not be told whose body it is: where their
// names meet they mean nearly the same, and what a place makes of a string is
// checked against the string. A test holds the list against the shapes that
// ReadCapabilities and ReadAnswer know.
var places = placeTable([]place{
	// texts of a conversation
	{name: "text", chain: chainTalk},
	{name: "content", chain: chainTalk},
	{name: "message", chain: chainTalk},
	{name: "token", chain: chainTokens},
	{name: "top_logprobs", zone: zoneAside},

	// tools
	{name: "input", zone: zoneData, rule: asData},
	{name: "json", zone: zoneData, rule: asData},
	{name: "arguments", zone: zoneData, rule: asData},
	{name: "partial_json", zone: zoneData, rule: asData},
	{name: "schema", zone: zoneData, rule: asData},
	{name: "inputSchema", zone: zoneData},
	{name: "input_schema", zone: zoneData},
	{name: "input_examples", zone: zoneData},
	{name: "parameters", zone: zoneData},
	{name: "parameter_definitions", zone: zoneData},
	{name: "toolResult", zone: zoneResult},
	{name: "tool_results", zone: zoneResult},
	{name: "documents", zone: zoneData, rule: asData},
	{name: "response_format", zone: zoneData},

	// content that is not text
	{name: "image", zone: zoneMedia, rule: asImage},
	{name: "images", zone: zoneMedia, rule: asImage},
	{name: "document", zone: zoneMedia},
	{name: "video", zone: zoneMedia, rule: asImage},
	{name: "audio", zone: zoneMedia, rule: asImage},
	{name: "source", zone: zoneMedia},
	{name: "mediaSource", zone: zoneMedia},
	{name: "image_url", zone: zoneMedia, rule: asURL},
	{name: "video_url", zone: zoneMedia, rule: asURL},
	{name: "audio_url", zone: zoneMedia, rule: asURL},
	{name: "input_audio", zone: zoneMedia},
	{name: "file", zone: zoneMedia},
	{name: "bytes", rule: asBytes},
	{name: "base64", rule: asImage},
	{name: "base64String", rule: asBytes},
	{name: "file_data", rule: asURL},
	{name: "file_id", rule: asFile},
	{name: "data", says: saysData},
	{name: "inputImage", zone: zoneMedia, rule: asImage},
	{name: "maskImage", rule: asImage},
	{name: "conditionImage", rule: asImage},
	{name: "referenceImage", rule: asImage},
	{name: "sourceImage", rule: asImage},
	{name: "styleImage", rule: asImage},
	{name: "init_image", rule: asImage},
	{name: "init_images", rule: asImage},
	{name: "mask_image", rule: asImage},
	{name: "mask", rule: asImage},
	{name: "subject_image", rule: asImage},
	{name: "style_image", rule: asImage},
	{name: "b64_json", rule: asImage},
	{name: "url"},
	{name: "uri", rule: asS3},
	{name: "s3Location", zone: zoneMedia, rule: asS3},
	{name: "keyframes", zone: zoneMedia},

	// what the provider alone reads
	{name: "signature", rule: asOpaque},
	{name: "redactedContent", rule: asOpaque},
	{name: "encrypted_content", rule: asOpaque},
	{name: "thoughtSignature", rule: asOpaque},

	// the caller's own labels
	{name: "requestMetadata", zone: zoneAsserted},
	{name: "metadata", zone: zoneAsserted},
	{name: "tags", zone: zoneAsserted},

	// words
	{name: "role", rule: asWord, says: saysRole},
	{name: "type", rule: asWord, says: saysType},
	{name: "format", rule: asWord, says: saysFormat},
	{name: "media_type", rule: asWord},
	{name: "mime_type", rule: asWord},
	{name: "id", rule: asWord},
	{name: "toolUseId", rule: asWord},
	{name: "tool_use_id", rule: asWord},
	{name: "tool_call_id", rule: asWord},
	{name: "modelId", rule: asWord},
	{name: "invokedModelId", rule: asWord},
	{name: "model", rule: asWord},
	{name: "object", rule: asWord},
	{name: "event_type", rule: asWord},
	{name: "status", rule: asWord},
	{name: "qualifiers", rule: asWord},
	{name: "ttl", rule: asWord},
	{name: "detail", rule: asWord},
	{name: "display", rule: asWord},
	{name: "effort", rule: asWord},
	{name: "latency", rule: asWord},
	{name: "service_tier", rule: asWord},
	{name: "system_fingerprint", rule: asWord},
	{name: "reasoning_effort", rule: asWord},
	{name: "verbosity", rule: asWord},
	{name: "trace", rule: asWord},
	{name: bodyTrace, rule: asWord},
	{name: "amazon-bedrock-guardrailAction", rule: asWord},
	{name: "guardrailVersion", rule: asWord},
	{name: "streamProcessingMode", rule: asWord},
	{name: "outputScope", rule: asWord},
	{name: "action", rule: asWord},
	{name: "anthropic_version", rule: asWord},
	{name: "anthropic_beta", rule: asWord},
	{name: "schemaVersion", rule: asWord},
	{name: "additionalModelResponseFieldPaths", rule: asWord},
	{name: "api_version", rule: asWord},
	{name: "input_type", rule: asWord},
	{name: "inputType", rule: asWord},
	{name: "embedding_types", rule: asWord},
	{name: "embeddingTypes", rule: asWord},
	{name: "embeddingOption", rule: asWord},
	{name: "return_likelihoods", rule: asWord},
	{name: "prompt_truncation", rule: asWord},
	{name: "truncate", rule: asWord},
	{name: "textTruncate", rule: asWord},
	{name: "taskType", rule: asWord},
	{name: "aspect_ratio", rule: asWord},
	{name: "resolution", rule: asWord},
	{name: "duration", rule: asWord},
	{name: "dimension", rule: asWord},
	{name: "quality", rule: asWord},
	{name: "output_format", rule: asWord},
	{name: "prompt_cache_retention", rule: asWord},

	// ends
	{name: "stopReason", rule: asWord, says: saysStop},
	{name: "stop_reason", rule: asWord, says: saysStop},
	{name: "finish_reason", rule: asWord, says: saysStop},
	{name: "finishReason", rule: asWord, says: saysStop},
	{name: "completionReason", rule: asWord, says: saysStop},
	{name: "contentBlockStop", says: saysStopped},
	{name: "messageStop", says: saysStopped},
	{name: "index", says: saysIndex},
	{name: "contentBlockIndex", says: saysIndex},
}, plainPlaces)

// plainPlaces are names of which nothing more is known than that the wire has
// them: what they hold is read as the text that it is.
const plainPlaces = `
$schema accepted_prediction_tokens additionalModelRequestFields additionalModelResponseFields additionalProperties allOf
amazon-bedrock-guardrailConfig amazon-bedrock-invocationMetrics annotations any anyOf artifacts assessments audio_tokens auto background
billed_units body bucketOwner budget_tokens cacheDetails cachePoint cacheReadInputTokenCount cacheReadInputTokens cacheWriteInputTokenCount
cacheWriteInputTokens cache_control cache_creation cache_creation_input_tokens cache_read_input_tokens cached_tokens call_id cfg_scale
chat_history choices citation citations citationsConfig citationsContent cited_text clientRequestToken code completion completion_tokens
completion_tokens_details container contentBlockDelta contentBlockStart content_block context context_management conversation converse
countPenalty created default delta description dimensions documentChar documentChunk documentIndex documentPage document_index
document_title domain embedding embeddingConfig embeddings embeddingsByType enabled end endSec end_char_index enum ephemeral_1h_input_tokens
ephemeral_5m_input_tokens error filename firstByteLatency floats frequencyPenalty frequency_penalty function function_call generation
generation_token_count generations guardContent guardrail guardrailConfig guardrailIdentifier height imageGenerationConfig
imageVariationParams inPaintingParams include_usage inferenceConfig inputPrompt inputText inputTextTokenCount inputTokenCount inputTokens
input_tokens inputs int8 invocationArn invocationLatency invokeModel is_error is_finished items jsonSchema json_schema k key kmsKeyId
latencyMs lengthSec location logit_bias logprob logprobs loop maxItems maxLength maxTokenCount maxTokens max_completion_tokens max_gen_len
max_new_tokens max_tokens max_tokens_per_doc max_tokens_to_sample maximum mcp_servers messageStart message_id messages meta metrics
minClipSec minItems minLength minimum modelInput multiShotAutomatedParams multiShotManualParams n name negativeText negative_prompt
normalize numResults num_generations numberOfImages oneOf originalMessage originalStatusCode outPaintingParams output outputConfig
outputDataConfig outputText outputTokenCount outputTokens output_config output_dimension output_tokens outputs p parallel_tool_calls pattern
performanceConfig preamble presencePenalty presence_penalty previous_response_id prompt promptRouter promptVariables prompt_cache_key
prompt_token_count prompt_tokens prompt_tokens_details properties query raw_prompting reasoning reasoningConfig reasoningContent
reasoningText reasoning_config reasoning_content reasoning_tokens refusal rejected_prediction_tokens relevance_score required resourceName
response_id results return_prompt s3OutputDataConfig s3Uri safety_identifier searchResult searchResultIndex searchResultLocation
search_queries search_queries_only seed seeds segmentedEmbeddingParams serverName server_name serviceTier similarityStrength
singleEmbeddingParams snippet sourceContent source_content start startSec start_char_index steps stop stopSequences stop_sequence
stop_sequences store stream stream_options strict structure style_preset system systemTool tagSuffix temperature textFormat
textGenerationConfig textToImageParams textToVideoParams text_image text_prompts texts thinking title tokenCount tokens tool toolAddition
toolChoice toolConfig toolRemoval toolSpec toolUse toolUses tool_calls tool_choice tool_plan tools topK topP top_k top_n top_p
totalOutputTextTokenCount totalTokens total_tokens uint8 usage useFixedLengthSec user user_id value videoGenerationConfig web
web_search_options weight width
`

// zoneOf is the zone of the objects and arrays that a member holds.
func (r *textReader) zoneOf(s spot, p *place) zone {
	switch {
	case s.zone == zoneCount:
		if p.name == "converse" {
			return zoneWire
		}
		return zoneCount
	case p.zone == zoneSame, p.zone == zoneAsserted && r.answer:
		return s.zone
	case s.zone == zoneAside:
		return max(p.zone, zoneAside)
	}
	return p.zone
}

// noPlace is that of a member that nothing is known of.
var noPlace place

// placeTable is the places by their names.
func placeTable(special []place, plain string) map[string]*place {
	table := make(map[string]*place, 512)
	for name := range strings.FieldsSeq(plain) {
		table[name] = &place{name: name}
	}
	for i := range special {
		table[special[i].name] = &special[i]
	}
	return table
}
