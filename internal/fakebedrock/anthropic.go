package fakebedrock

import (
	"encoding/json"
	"regexp"
)

// anthropicBody is the part of an Anthropic Messages body that the answer
// depends on.
type anthropicBody struct {
	Version   string          `json:"anthropic_version"`
	MaxTokens int             `json:"max_tokens"`
	System    json.RawMessage `json:"system"` // a string, or blocks
	Messages  []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"` // a string, or blocks
	} `json:"messages"`
	Stops []string `json:"stop_sequences"`
	Tools []struct {
		Name         string          `json:"name"`
		InputSchema  json.RawMessage `json:"input_schema"`
		CacheControl *object         `json:"cache_control"`
	} `json:"tools"`
	ToolChoice struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"tool_choice"`
}

func readAnthropic(t *tally, body []byte) *apiError {
	var b anthropicBody
	if err := json.Unmarshal(body, &b); err != nil {
		return malformed(err.Error())
	}
	switch {
	case b.Version == "":
		return malformed("#: required key [anthropic_version] not found")
	case b.MaxTokens <= 0:
		return malformed("#: required key [max_tokens] not found")
	case len(b.Messages) == 0:
		return validation("messages: at least one message is required")
	}
	for _, offered := range b.Tools {
		t.offer(offered.Name, offered.InputSchema)
		if offered.CacheControl != nil {
			t.cachePoint()
		}
	}
	switch b.ToolChoice.Type {
	case "any":
		t.choice = choiceForced
	case "tool":
		t.choice = b.ToolChoice.Name
	case "none":
		t.choice = choiceNone
	}
	if refused := anthropicContent(t, "system", b.System); refused != nil {
		return refused
	}
	for _, m := range b.Messages {
		t.message(m.Role)
		if refused := anthropicContent(t, m.Role, m.Content); refused != nil {
			return refused
		}
	}
	t.maxTokens, t.stops = b.MaxTokens, b.Stops
	return nil
}

// anthropicContent reads a string or a list of blocks.
func anthropicContent(t *tally, role string, raw json.RawMessage) *apiError {
	var text string
	if len(raw) == 0 {
		return nil
	}
	if json.Unmarshal(raw, &text) == nil {
		t.text(role, text)
		return nil
	}
	var blocks []object
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return malformed(err.Error())
	}
	for _, block := range blocks {
		if s, ok := block["text"].(string); ok && block["type"] == "text" {
			t.text(role, s)
		} else {
			t.block(block)
			t.answered = t.answered || block["type"] == "tool_result"
		}
		if block["cache_control"] != nil {
			t.cachePoint()
		}
	}
	return nil
}

func wholeAnthropic(a answer) any {
	message := anthropicMessage(a)
	content := []object{}
	if len(a.pieces) > 0 {
		content = append(content, object{"type": "text", "text": a.text()})
	}
	for i, c := range a.calls {
		content = append(content, anthropicTool(a, i, c.whole()))
		if c.server {
			content = append(content, anthropicResult(a, i))
		}
	}
	message["content"] = content
	message["stop_reason"], message["stop_sequence"] = a.stop, anthropicSequence(a)
	return message
}

// bedrockSuffix is what Bedrock adds to Anthropic's own model names.
var bedrockSuffix = regexp.MustCompile(`^(?:.*/)?(?:[a-z-]+\.)?anthropic\.|-v\d+(?::\d+)?$`)

// anthropicMessage is a message without content or end.
func anthropicMessage(a answer) object {
	return object{
		"id":            a.id("msg_bdrk_", 24),
		"type":          "message",
		"role":          "assistant",
		"model":         bedrockSuffix.ReplaceAllString(a.model, ""),
		"content":       []object{},
		"stop_reason":   nil,
		"stop_sequence": nil,
		"usage":         anthropicUsage(a.usage, a.usage.output),
	}
}

func anthropicUsage(u usage, output int) object {
	return object{
		"input_tokens":                u.input,
		"output_tokens":               output,
		"cache_read_input_tokens":     u.cacheRead,
		"cache_creation_input_tokens": u.cacheWrite,
		"cache_creation": object{
			"ephemeral_5m_input_tokens": u.cacheWrite,
			"ephemeral_1h_input_tokens": 0,
		},
	}
}

func anthropicTool(a answer, i int, input any) object {
	kind, prefix := "tool_use", "toolu_bdrk_"
	if a.calls[i].server {
		kind, prefix = "server_tool_use", "srvtoolu_bdrk_"
	}
	return object{"type": kind, "id": a.callID(prefix, 24, i), "name": a.calls[i].name, "input": input}
}

// anthropicResult is what a server tool is said to have found: nothing.
func anthropicResult(a answer, i int) object {
	return object{"type": a.calls[i].name + "_tool_result", "tool_use_id": a.callID("srvtoolu_bdrk_", 24, i), "content": []object{}}
}

// anthropicSequence is null unless a stop sequence ended the text.
func anthropicSequence(a answer) any {
	if a.stop != stopSequence {
		return nil
	}
	return a.sequence
}

// eventsAnthropic are the events of Anthropic's streaming Messages API.
func eventsAnthropic(a answer) []event {
	start := anthropicMessage(a)
	start["usage"] = anthropicUsage(a.usage, min(a.usage.output, 1))
	events := []event{{payload: object{"type": "message_start", "message": start}}}
	index := 0
	if len(a.pieces) > 0 {
		events = append(events, anthropicBlock(index, object{"type": "text", "text": ""}, "text_delta", "text", a.pieces)...)
		index++
	}
	for i, c := range a.calls {
		events = append(events, anthropicBlock(index, anthropicTool(a, i, object{}), "input_json_delta", "partial_json", c.fragments)...)
		index++
		if c.server {
			events = append(events, anthropicBlock(index, anthropicResult(a, i), "", "", nil)...)
			index++
		}
	}
	return append(events,
		event{payload: object{
			"type":  "message_delta",
			"delta": object{"stop_reason": a.stop, "stop_sequence": anthropicSequence(a)},
			"usage": object{"output_tokens": a.usage.output},
		}},
		event{payload: object{"type": "message_stop"}})
}

// anthropicBlock streams one content block: its start, a delta per part, its stop.
func anthropicBlock(index int, block object, delta, member string, parts []string) []event {
	events := []event{{payload: object{"type": "content_block_start", "index": index, "content_block": block}}}
	for _, part := range parts {
		events = append(events, event{tokens: 1, payload: object{
			"type": "content_block_delta", "index": index,
			"delta": object{"type": delta, member: part},
		}})
	}
	return append(events, event{payload: object{"type": "content_block_stop", "index": index}})
}
