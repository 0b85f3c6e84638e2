package fakebedrock

import "encoding/json"

// metaBody is a body of Meta's Llama models.
type metaBody struct {
	Prompt string `json:"prompt"`
	MaxLen int    `json:"max_gen_len"`
}

func readMeta(t *tally, body []byte) *apiError {
	var b metaBody
	if err := json.Unmarshal(body, &b); err != nil {
		return malformed(err.Error())
	}
	if b.Prompt == "" {
		return malformed("#: required key [prompt] not found")
	}
	t.text("user", b.Prompt)
	t.maxTokens = b.MaxLen
	return nil
}

// plainReason translates stop reasons for Meta and Mistral.
func plainReason(stop string) string {
	switch stop {
	case stopLength:
		return "length"
	case stopTool:
		return "tool_calls"
	}
	return "stop"
}

func wholeMeta(a answer) any {
	return object{
		"generation":             a.text(),
		"prompt_token_count":     a.usage.input,
		"generation_token_count": a.usage.output,
		"stop_reason":            plainReason(a.stop),
	}
}

// eventsMeta tells the prompt's tokens in the first event only.
func eventsMeta(a answer) []event {
	var events []event
	for i, piece := range a.pieces {
		events = append(events, event{tokens: 1, payload: object{
			"generation": piece, "prompt_token_count": nil, "generation_token_count": i + 1, "stop_reason": nil,
		}})
	}
	events = append(events, event{payload: object{
		"generation": "", "prompt_token_count": nil, "generation_token_count": a.usage.output,
		"stop_reason": plainReason(a.stop),
	}})
	events[0].payload["prompt_token_count"] = a.usage.input
	return events
}
