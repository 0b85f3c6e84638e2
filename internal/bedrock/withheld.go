package bedrock

import (
	"encoding/base64"
	"encoding/json"
)

// Withheld is an answer that says nothing but a note, in the place of one that may
// not go out yet. It has the shape in which the operation, and the model where the
// shape is its own, answer; the second result is its content type. It is false for
// models whose shape is not known here.
func Withheld(op Operation, m Model, note string, used Tokens) (body []byte, contentType string, ok bool) {
	n := withheldNote{model: m.ID, text: note, used: used}
	form := n.form(op, m)
	if form == formUnknown {
		return nil, "", false
	}
	if !op.Streams() {
		return encoded(n.whole(form)), "application/json", true
	}
	events := n.events(form)
	for _, e := range events {
		body = e.append(body, op, form)
	}
	if op.OpenAI() {
		return append(append(append(body, "data: "...), doneMark...), "\n\n"...), "text/event-stream", true
	}
	return body, "application/vnd.amazon.eventstream", true
}

// withheldNote is the note, and what the shapes repeat.
type withheldNote struct {
	model, text string
	used        Tokens
}

type jsonFields map[string]any

// form finds the shape: Converse's and OpenAI's are the operation's, the others
// the model's.
func (n *withheldNote) form(op Operation, m Model) streamForm {
	switch {
	case op == Converse || op == ConverseStream:
		return formConverse
	case op.OpenAI():
		return formChat
	}
	switch m.Family {
	case "anthropic.claude":
		return formAnthropic
	case "amazon.nova":
		return formNova
	case "amazon.titan":
		return formTitan
	case "meta.llama":
		return formMeta
	case "openai.gpt", "openai.gpt-oss", "qwen.qwen", "deepseek.v3", "moonshotai.kimi", "zai.glm", "minimax.minimax", "nvidia.nemotron", "google.gemma":
		return formChat
	}
	return formUnknown
}

func (n *withheldNote) whole(form streamForm) jsonFields {
	switch form {
	case formAnthropic:
		m := n.anthropic()
		m["content"] = []any{jsonFields{"type": "text", "text": n.text}}
		m["stop_reason"] = "end_turn"
		return m
	case formTitan:
		return jsonFields{"inputTextTokenCount": n.used.Input, "results": []any{jsonFields{"tokenCount": n.used.Output, "outputText": n.text, "completionReason": "FINISH"}}}
	case formMeta:
		return n.meta()
	case formChat:
		return n.chat("chat.completion", jsonFields{"index": 0, "finish_reason": "stop", "message": jsonFields{"role": "assistant", "content": n.text}})
	}
	message := jsonFields{"role": "assistant", "content": []any{jsonFields{"text": n.text}}}
	out := jsonFields{"output": jsonFields{"message": message}, "stopReason": "end_turn", "usage": n.usage()}
	if form == formConverse {
		out["metrics"] = jsonFields{"latencyMs": 0}
	}
	return out
}

func (n *withheldNote) usage() jsonFields {
	return jsonFields{"inputTokens": n.used.Input, "outputTokens": n.used.Output, "totalTokens": n.used.Input + n.used.Output}
}

func (n *withheldNote) anthropic() jsonFields {
	return jsonFields{
		"id": "msg_withheld", "type": "message", "role": "assistant", "model": n.model, "content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": jsonFields{"input_tokens": n.used.Input, "output_tokens": n.used.Output},
	}
}

func (n *withheldNote) meta() jsonFields {
	return jsonFields{"generation": n.text, "prompt_token_count": n.used.Input, "generation_token_count": n.used.Output, "stop_reason": "stop"}
}

func (n *withheldNote) chat(object string, choice jsonFields) jsonFields {
	return jsonFields{
		"id": "chatcmpl-withheld", "object": object, "created": 0, "model": n.model, "choices": []any{choice},
		"usage": jsonFields{"prompt_tokens": n.used.Input, "completion_tokens": n.used.Output, "total_tokens": n.used.Input + n.used.Output},
	}
}

// withheldEvent is one event of a stream; name is that of Converse's frames.
type withheldEvent struct {
	name    string
	payload jsonFields
}

func (n *withheldNote) events(form streamForm) []withheldEvent {
	switch form {
	case formAnthropic:
		return n.anthropicEvents()
	case formTitan:
		return []withheldEvent{{"", jsonFields{"index": 0, "outputText": n.text, "completionReason": "FINISH", "inputTextTokenCount": n.used.Input, "totalOutputTextTokenCount": n.used.Output}}}
	case formMeta:
		return []withheldEvent{{"", n.meta()}}
	case formChat:
		const object = "chat.completion.chunk"
		return []withheldEvent{
			{"", n.chat(object, jsonFields{"index": 0, "delta": jsonFields{"role": "assistant", "content": n.text}, "finish_reason": nil})},
			{"", n.chat(object, jsonFields{"index": 0, "delta": jsonFields{}, "finish_reason": "stop"})},
		}
	}
	metadata := jsonFields{"usage": n.usage(), "metrics": jsonFields{"latencyMs": 0}}
	return []withheldEvent{
		{"messageStart", jsonFields{"role": "assistant"}},
		{"contentBlockDelta", jsonFields{"contentBlockIndex": 0, "delta": jsonFields{"text": n.text}}},
		{"contentBlockStop", jsonFields{"contentBlockIndex": 0}},
		{"messageStop", jsonFields{"stopReason": "end_turn"}},
		{"metadata", metadata},
	}
}

func (n *withheldNote) anthropicEvents() []withheldEvent {
	return []withheldEvent{
		{"", jsonFields{"type": "message_start", "message": n.anthropic()}},
		{"", jsonFields{"type": "content_block_start", "index": 0, "content_block": jsonFields{"type": "text", "text": ""}}},
		{"", jsonFields{"type": "content_block_delta", "index": 0, "delta": jsonFields{"type": "text_delta", "text": n.text}}},
		{"", jsonFields{"type": "content_block_stop", "index": 0}},
		{"", jsonFields{"type": "message_delta", "delta": jsonFields{"stop_reason": "end_turn", "stop_sequence": nil}, "usage": jsonFields{"output_tokens": n.used.Output}}},
		{"", jsonFields{"type": "message_stop"}},
	}
}

// append writes an event as its surface does: an event of OpenAI's, a frame of
// Converse's, or a chunk with the model's own event inside.
func (e *withheldEvent) append(dst []byte, op Operation, form streamForm) []byte {
	payload := e.payload
	if form == formNova {
		payload = jsonFields{e.name: payload}
	}
	text := encoded(payload)
	switch {
	case op.OpenAI():
		return append(append(append(dst, "data: "...), text...), "\n\n"...)
	case form == formConverse:
		return AppendEvent(dst, e.name, text)
	}
	chunk := append([]byte(`{"bytes":"`), base64.StdEncoding.EncodeToString(text)...)
	return AppendEvent(dst, "chunk", append(chunk, `"}`...))
}

// encoded is a value of texts and numbers as JSON, which cannot fail.
func encoded(v jsonFields) []byte {
	text, _ := json.Marshal(v)
	return text
}
