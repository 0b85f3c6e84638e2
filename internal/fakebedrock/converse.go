package fakebedrock

import (
	"encoding/json"
	"maps"
	"slices"
)

// converseBody is the part of a Converse request that the answer depends on;
// Nova's own InvokeModel bodies have the same shape.
type converseBody struct {
	Messages []struct {
		Role    string                       `json:"role"`
		Content []map[string]json.RawMessage `json:"content"`
	} `json:"messages"`
	System          []map[string]json.RawMessage `json:"system"`
	InferenceConfig struct {
		MaxTokens     int      `json:"maxTokens"`
		NovaMaxTokens int      `json:"max_new_tokens"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
	ToolConfig struct {
		Tools []struct {
			ToolSpec *struct {
				Name        string `json:"name"`
				InputSchema struct {
					JSON json.RawMessage `json:"json"`
				} `json:"inputSchema"`
			} `json:"toolSpec"`
			CachePoint *object `json:"cachePoint"`
		} `json:"tools"`
		ToolChoice map[string]struct {
			Name string `json:"name"`
		} `json:"toolChoice"`
	} `json:"toolConfig"`
	PerformanceConfig json.RawMessage `json:"performanceConfig"`
	ServiceTier       json.RawMessage `json:"serviceTier"`
}

// readConverse reads a body in Converse's shape.
func readConverse(t *tally, body []byte) *apiError {
	_, refused := parseConverse(t, body)
	return refused
}

func parseConverse(t *tally, body []byte) (converseBody, *apiError) {
	var b converseBody
	if err := json.Unmarshal(body, &b); err != nil {
		return b, malformed(err.Error())
	}
	if len(b.Messages) == 0 || b.Messages[0].Role != "user" {
		return b, validation("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
	// Tools precede the system prompt, and it the messages, in what a cache
	// point covers.
	b.tools(t)
	for _, block := range b.System {
		converseBlock(t, "system", block)
	}
	for _, m := range b.Messages {
		if len(m.Content) == 0 {
			return b, validation("The content field in the Message object is empty.")
		}
		t.message(m.Role)
		for _, block := range m.Content {
			converseBlock(t, m.Role, block)
		}
	}
	t.maxTokens = max(b.InferenceConfig.MaxTokens, b.InferenceConfig.NovaMaxTokens)
	t.stops = b.InferenceConfig.StopSequences
	return b, nil
}

func (b converseBody) tools(t *tally) {
	for _, offered := range b.ToolConfig.Tools {
		if offered.ToolSpec != nil {
			t.offer(offered.ToolSpec.Name, offered.ToolSpec.InputSchema.JSON)
		}
		if offered.CachePoint != nil {
			t.cachePoint()
		}
	}
	for kind, c := range b.ToolConfig.ToolChoice {
		switch kind {
		case "any":
			t.choice = choiceForced
		case "tool":
			t.choice = c.Name
		}
	}
}

func converseBlock(t *tally, role string, block map[string]json.RawMessage) {
	for _, kind := range slices.Sorted(maps.Keys(block)) {
		var text string
		var v any
		switch {
		case kind == "cachePoint":
			t.cachePoint()
		case kind == "text" && json.Unmarshal(block[kind], &text) == nil:
			t.text(role, text)
		case json.Unmarshal(block[kind], &v) == nil:
			t.block(v)
			t.answered = t.answered || kind == "toolResult"
		}
	}
}

func (s *Server) replyConverse(req Request, fam *family) (reply, *apiError) {
	if fam.embeds {
		return reply{}, validation("This action doesn't support the model that you provided. Try again with a supported text or chat model.")
	}
	t := newTally(req.Model)
	b, refused := parseConverse(t, req.Body)
	if refused != nil {
		return reply{}, refused
	}
	out := reply{answer: compose(t.finish(), s.cfg.Answer)}
	tail := object{
		"metrics": object{"latencyMs": s.milliseconds(out.answer.usage.output)},
	}
	if u := out.answer.told.whole(converseUsage(out.answer.usage)); u != nil {
		tail["usage"] = u
	}
	if b.PerformanceConfig != nil {
		tail["performanceConfig"] = b.PerformanceConfig
	}
	if b.ServiceTier != nil {
		tail["serviceTier"] = b.ServiceTier
	}
	if req.Operation == opConverseStream {
		out.events = append(converseEvents(out.answer), event{name: "metadata", payload: tail})
		for _, u := range out.answer.told.again(func(name string) string { return name }) {
			out.events = append(out.events, event{name: "metadata", payload: object{"usage": u}})
		}
		return out, nil
	}
	tail["output"] = object{"message": converseMessage(out.answer)}
	tail["stopReason"] = out.answer.stop
	out.body = tail
	return out, nil
}

// converseUsage gives the cache's figures only where there is a cache, with
// the split by lifetime of what was written.
func converseUsage(u usage) object {
	out := object{
		"inputTokens":  u.input,
		"outputTokens": u.output,
		"totalTokens":  u.input + u.output + u.cacheRead + u.cacheWrite,
	}
	if u.cacheRead+u.cacheWrite > 0 {
		out["cacheReadInputTokens"] = u.cacheRead
		out["cacheWriteInputTokens"] = u.cacheWrite
	}
	if u.cacheWrite > 0 {
		out["cacheDetails"] = []object{{"ttl": "5m", "inputTokens": u.cacheWrite}}
	}
	return out
}

func converseMessage(a answer) object {
	content := []object{}
	if len(a.pieces) > 0 {
		content = append(content, object{"text": a.text()})
	}
	for i, c := range a.calls {
		use := converseTool(a, i)
		use["input"] = c.whole()
		content = append(content, object{"toolUse": use})
		if c.server {
			content = append(content, object{"toolResult": object{"toolUseId": a.callID("tooluse_", 22, i), "content": []object{}}})
		}
	}
	return object{"role": "assistant", "content": content}
}

// converseEvents are all events up to messageStop. A text block starts with
// its first delta, as the service has it; a tool block is announced.
func converseEvents(a answer) []event {
	events := []event{{name: "messageStart", payload: object{"role": "assistant"}}}
	index := 0
	if len(a.pieces) > 0 {
		for _, piece := range a.pieces {
			events = append(events, converseDelta(index, object{"text": piece}))
		}
		events = append(events, event{name: "contentBlockStop", payload: object{"contentBlockIndex": index}})
		index++
	}
	for i, c := range a.calls {
		events = append(events, event{name: "contentBlockStart", payload: object{
			"contentBlockIndex": index,
			"start":             object{"toolUse": converseTool(a, i)},
		}})
		for _, fragment := range c.fragments {
			events = append(events, converseDelta(index, object{"toolUse": object{"input": fragment}}))
		}
		events = append(events, event{name: "contentBlockStop", payload: object{"contentBlockIndex": index}})
		index++
		if c.server {
			events = append(events, converseResult(a, i, index)...)
			index++
		}
	}
	return append(events, event{name: "messageStop", payload: object{"stopReason": a.stop}})
}

func converseDelta(index int, delta object) event {
	return event{name: "contentBlockDelta", payload: object{"contentBlockIndex": index, "delta": delta}, tokens: 1}
}

// wholeNova is Nova's own answer: Converse's, with its own names for the cache.
func wholeNova(a answer) any {
	return object{
		"output":     object{"message": converseMessage(a)},
		"stopReason": a.stop,
		"usage":      novaUsage(a.usage),
	}
}

func novaUsage(u usage) object {
	return object{
		"inputTokens":               u.input,
		"outputTokens":              u.output,
		"totalTokens":               u.input + u.output + u.cacheRead + u.cacheWrite,
		"cacheReadInputTokenCount":  u.cacheRead,
		"cacheWriteInputTokenCount": u.cacheWrite,
	}
}

// eventsNova are Converse's events, each wrapped in its name.
func eventsNova(a answer) []event {
	events := converseEvents(a)
	events = append(events, event{name: "metadata", payload: object{
		"usage": novaUsage(a.usage), "metrics": object{}, "trace": object{},
	}})
	for i, e := range events {
		events[i].payload = object{e.name: e.payload}
	}
	return events
}
