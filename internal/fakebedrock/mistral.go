package fakebedrock

import "encoding/json"

// mistralBody is a body of Mistral's models: text completion with a prompt,
// or chat completion with messages.
type mistralBody struct {
	Prompt    string   `json:"prompt"`
	MaxTokens int      `json:"max_tokens"`
	Stops     []string `json:"stop"`
	Messages  []struct {
		Role    string `json:"role"`
		Content any    `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Function struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ToolChoice any `json:"tool_choice"`
}

func readMistral(t *tally, body []byte) *apiError {
	var b mistralBody
	if err := json.Unmarshal(body, &b); err != nil {
		return malformed(err.Error())
	}
	t.maxTokens, t.stops = b.MaxTokens, b.Stops
	if b.Prompt != "" {
		t.text("user", b.Prompt)
		return nil
	}
	if len(b.Messages) == 0 {
		return malformed("#: required key [prompt] or [messages] not found")
	}
	t.shape.chat = true
	for _, offered := range b.Tools {
		t.offer(offered.Function.Name, offered.Function.Parameters)
	}
	switch b.ToolChoice {
	case "any":
		t.choice = choiceForced
	case "none":
		t.choice = choiceNone
	}
	for _, m := range b.Messages {
		t.message(m.Role)
		if s, ok := m.Content.(string); ok {
			t.text(m.Role, s)
		} else {
			t.block(m.Content)
		}
	}
	t.answered = b.Messages[len(b.Messages)-1].Role == "tool"
	return nil
}

func wholeMistral(a answer) any {
	if !a.shape.chat {
		return object{"outputs": []object{{"text": a.text(), "stop_reason": plainReason(a.stop)}}}
	}
	message := object{"role": "assistant", "content": a.text()}
	if a.call != nil {
		message["tool_calls"] = mistralCalls(a)
	}
	return mistralChoice(a, "chat.completion", "message", message, plainReason(a.stop))
}

// mistralCalls carries the arguments as a string, as chat completion has them.
func mistralCalls(a answer) []object {
	return []object{{"id": a.id("", 9), "type": "function", "function": object{
		"name": a.call.name, "arguments": string(a.call.input),
	}}}
}

// mistralChoice wraps a message, or a delta of one, in a chat completion.
func mistralChoice(a answer, kind, member string, message object, reason any) object {
	return object{
		"id":      a.id("", 32),
		"object":  kind,
		"model":   a.model,
		"choices": []object{{"index": 0, member: message, "stop_reason": reason}},
		"usage": object{
			"prompt_tokens":     a.usage.input,
			"completion_tokens": a.usage.output,
			"total_tokens":      a.usage.input + a.usage.output,
		},
	}
}

func eventsMistral(a answer) []event {
	part := func(text string, calls []object, reason any) object {
		if !a.shape.chat {
			return object{"outputs": []object{{"text": text, "stop_reason": reason}}}
		}
		message := object{"role": "assistant", "content": text}
		if calls != nil {
			message["tool_calls"] = calls
		}
		return mistralChoice(a, "chat.completion.chunk", "message", message, reason)
	}
	var events []event
	for _, piece := range a.pieces {
		events = append(events, event{tokens: 1, payload: part(piece, nil, nil)})
	}
	var calls []object
	tokens := 0
	if a.call != nil {
		calls, tokens = mistralCalls(a), len(a.call.fragments)
	}
	return append(events, event{tokens: tokens, payload: part("", calls, plainReason(a.stop))})
}
