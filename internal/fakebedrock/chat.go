package fakebedrock

import (
	"encoding/json"
	"net/http"
	"time"
)

// chatPath is where Bedrock serves OpenAI's chat completions.
const chatPath = "/openai/v1/chat/completions"

// chatBody is the part of a chat completion that the answer depends on.
type chatBody struct {
	Model         string `json:"model"`
	Stream        bool   `json:"stream"`
	MaxTokens     int    `json:"max_tokens"`
	MaxCompletion int    `json:"max_completion_tokens"`
	Stops         any    `json:"stop"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Messages []struct {
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

func routeChat(body []byte) (op, model string, refused *apiError) {
	var b chatBody
	if err := json.Unmarshal(body, &b); err != nil {
		return "", "", malformed(err.Error())
	}
	if b.Model == "" {
		return "", "", validation("you must provide a model parameter")
	}
	if b.Stream {
		return opChatStream, b.Model, nil
	}
	return opChat, b.Model, nil
}

func (s *Server) replyChat(req Request, fam *family) (reply, *apiError) {
	var b chatBody
	if err := json.Unmarshal(req.Body, &b); err != nil {
		return reply{}, malformed(err.Error())
	}
	if len(b.Messages) == 0 || fam.embeds {
		return reply{}, validation("The stand-in wants messages, and a model that converses.")
	}
	t := newTally(req.Model)
	b.read(t)
	out := reply{answer: compose(t.finish(), s.cfg.Answer)}
	if b.Stream {
		out.events = chatEvents(out.answer, b.StreamOptions.IncludeUsage)
		return out, nil
	}
	out.body = wholeChat(out.answer)
	return out, nil
}

// readChat reads the same body where InvokeModel has it.
func readChat(t *tally, body []byte) *apiError {
	var b chatBody
	if err := json.Unmarshal(body, &b); err != nil {
		return malformed(err.Error())
	}
	if len(b.Messages) == 0 {
		return malformed("#: required key [messages] not found")
	}
	b.read(t)
	return nil
}

func wholeChat(a answer) any {
	message := object{"role": "assistant", "content": a.text(), "refusal": nil}
	if len(a.calls) > 0 {
		message["tool_calls"] = mistralCalls(a)
	}
	out := chatObject(a, "chat.completion", []object{{"index": 0, "message": message, "finish_reason": plainReason(a.stop)}})
	out["usage"] = chatUsage(a.usage)
	return out
}

// eventsChat are the chunks in which InvokeModel streams the same.
func eventsChat(a answer) []event { return chatEvents(a, false) }

func (b chatBody) read(t *tally) {
	t.maxTokens = max(b.MaxTokens, b.MaxCompletion)
	switch s := b.Stops.(type) {
	case string:
		t.stops = []string{s}
	case []any:
		for _, v := range s {
			if text, ok := v.(string); ok {
				t.stops = append(t.stops, text)
			}
		}
	}
	for _, offered := range b.Tools {
		t.offer(offered.Function.Name, offered.Function.Parameters)
	}
	switch c := b.ToolChoice.(type) {
	case string:
		t.choice = map[string]string{"required": choiceForced, "none": choiceNone}[c]
	case map[string]any:
		f, _ := c["function"].(map[string]any)
		t.choice, _ = f["name"].(string)
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
}

func chatObject(a answer, kind string, choices []object) object {
	return object{"id": a.id("chatcmpl-", 32), "object": kind, "created": 1_790_000_000, "model": a.model, "choices": choices}
}

func chatUsage(u usage) object {
	return object{
		"prompt_tokens":     u.input,
		"completion_tokens": u.output,
		"total_tokens":      u.input + u.output,
	}
}

func chatEvents(a answer, withUsage bool) []event {
	part := func(delta object, reason any, tokens int) event {
		return event{tokens: tokens, payload: chatObject(a, "chat.completion.chunk", []object{{"index": 0, "delta": delta, "finish_reason": reason}})}
	}
	events := []event{part(object{"role": "assistant", "content": ""}, nil, 0)}
	for _, piece := range a.pieces {
		events = append(events, part(object{"content": piece}, nil, 1))
	}
	for i, c := range a.calls {
		first := object{"index": i, "id": a.callID("call_", 24, i), "type": "function", "function": object{"name": c.name, "arguments": ""}}
		events = append(events, part(object{"tool_calls": []object{first}}, nil, 0))
		for _, f := range c.fragments {
			more := object{"index": i, "function": object{"arguments": f}}
			events = append(events, part(object{"tool_calls": []object{more}}, nil, 1))
		}
	}
	events = append(events, part(object{}, plainReason(a.stop), 0))
	if withUsage {
		last := event{payload: chatObject(a, "chat.completion.chunk", []object{})}
		last.payload["usage"] = chatUsage(a.usage)
		events = append(events, last)
	}
	return events
}

// streamChat writes the events as server-sent ones, paced, until the fault
// strikes.
func (s *Server) streamChat(w http.ResponseWriter, r *http.Request, a answer, events []event, f Fault) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	for i, e := range events {
		if f.Kind != "" && i == f.After {
			strikeChat(w, r, f)
			return
		}
		if !s.wait(r.Context(), s.perToken(e.tokens)+time.Duration(e.tokens)*a.pause) {
			return
		}
		w.Write(serverSent(encode(e.payload)))
		if control.Flush() != nil {
			return
		}
	}
	if f.Kind != "" {
		strikeChat(w, r, f)
		return
	}
	w.Write(serverSent([]byte("[DONE]")))
}

func strikeChat(w http.ResponseWriter, r *http.Request, f Fault) {
	switch f.Kind {
	case Exception, StreamError:
		w.Write(serverSent(encode(openAIError(f.Type, f.Message))))
	case Garbage:
		w.Write([]byte(garbage))
	case Corrupt:
		w.Write(serverSent([]byte(`{"choices":[`)))
	default:
		breakOff(w, r, f.Kind)
	}
}

func serverSent(data []byte) []byte { return append(append([]byte("data: "), data...), "\n\n"...) }

func openAIError(kind, message string) object {
	return object{"error": object{"message": message, "type": kind, "param": nil, "code": kind}}
}
