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
	if len(a.calls) > 0 {
		message["tool_calls"] = mistralCalls(a)
	}
	return mistralChoice(a, "chat.completion", "message", message, plainReason(a.stop))
}

// mistralCalls carries the arguments as a string, as chat completion has them.
func mistralCalls(a answer) []object {
	var out []object
	for i, c := range a.calls {
		out = append(out, object{"id": a.callID("", 9, i), "type": "function", "function": object{
			"name": c.name, "arguments": string(c.input),
		}})
	}
	return out
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
	return append(events, event{tokens: tokensOf(a.calls), payload: part("", mistralCalls(a), plainReason(a.stop))})
}
