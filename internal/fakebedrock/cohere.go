package fakebedrock

import "encoding/json"

// cohereBody is a body of Cohere's Command R models.
type cohereBody struct {
	Message   string   `json:"message"`
	MaxTokens int      `json:"max_tokens"`
	Stops     []string `json:"stop_sequences"`
	History   []struct {
		Role    string `json:"role"`
		Message string `json:"message"`
	} `json:"chat_history"`
	Tools []struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameter_definitions"`
	} `json:"tools"`
	Results []object `json:"tool_results"`
}

func readCohere(t *tally, body []byte) *apiError {
	var b cohereBody
	if err := json.Unmarshal(body, &b); err != nil {
		return malformed(err.Error())
	}
	if b.Message == "" {
		return malformed("#: required key [message] not found")
	}
	for _, offered := range b.Tools {
		t.offer(offered.Name, offered.Parameters)
	}
	for _, m := range b.History {
		t.message(m.Role)
		t.text(m.Role, m.Message)
	}
	t.message("user")
	t.text("user", b.Message)
	for _, r := range b.Results {
		t.block(r)
		t.answered = true
	}
	t.maxTokens, t.stops = b.MaxTokens, b.Stops
	return nil
}

func cohereReason(stop string) string {
	if stop == stopLength {
		return "MAX_TOKENS"
	}
	return "COMPLETE"
}

// wholeCohere tells the conversation once more, as the service does.
func wholeCohere(a answer) any {
	said := object{"role": "CHATBOT", "message": a.text()}
	out := object{
		"response_id":   a.id("", 32),
		"generation_id": a.id("", 24),
		"text":          a.text(),
		"finish_reason": cohereReason(a.stop),
		"chat_history":  []object{said},
	}
	if len(a.calls) > 0 {
		out["tool_calls"], said["tool_calls"] = cohereCalls(a), cohereCalls(a)
	}
	return out
}

func cohereCalls(a answer) []object {
	var out []object
	for _, c := range a.calls {
		out = append(out, object{"name": c.name, "parameters": c.whole()})
	}
	return out
}

// eventsCohere tell a call three times: in pieces, whole, and at the end.
func eventsCohere(a answer) []event {
	var events []event
	add := func(kind string, tokens int, payload object) {
		payload["event_type"], payload["is_finished"] = kind, kind == "stream-end"
		events = append(events, event{tokens: tokens, payload: payload})
	}
	for _, piece := range a.pieces {
		add("text-generation", 1, object{"text": piece})
	}
	for i, c := range a.calls {
		add("tool-calls-chunk", 0, object{"tool_call_delta": object{"index": i, "name": c.name}})
		for _, f := range c.fragments {
			add("tool-calls-chunk", 1, object{"tool_call_delta": object{"index": i, "parameters": f}})
		}
	}
	if len(a.calls) > 0 {
		add("tool-calls-generation", 0, object{"tool_calls": cohereCalls(a)})
	}
	add("stream-end", 0, object{"finish_reason": cohereReason(a.stop), "response": wholeCohere(a)})
	return events
}
