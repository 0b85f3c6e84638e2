package bedrock

import (
	"encoding/base64"
	"strconv"
)

// formCohere is a stream of Cohere's.
const formCohere = formChat + 1

// learn notes whose stream it is, and what its events have in common.
func (t *tail) learn(tree *jsonTree) {
	switch kind := string(tree.text(tree.child(0, "type"))); {
	case t.op == ConverseStream:
		t.form = formConverse
	case tree.is(tree.child(0, "choices"), '['):
		t.form = formChat
		for c := range tree.children(tree.child(0, "choices")) {
			if n := tree.choiceNumber(c); t.heads[n] == nil {
				t.heads[n] = tree
			}
		}
	case t.form != formUnknown:
	case blockKinds[kind] != noBlock, kind == "message_start", kind == "message_delta", kind == "message_stop":
		t.form = formAnthropic
	case tree.is(tree.child(0, "event_type"), '"'):
		t.form = formCohere
	default:
		for c := range tree.children(0) {
			if n := tree.nodes[c].name; blockKinds[n] != noBlock || n == "messageStart" || n == "messageStop" {
				t.form = formNova
			}
		}
	}
}

// ending reports whether an event begins the end of the message that a note
// belongs in.
func (t *tail) ending(tree *jsonTree, name string) bool {
	switch t.form {
	case formConverse:
		return name == "messageStop" || name == "metadata"
	case formNova:
		return tree.child(0, "messageStop") != none || tree.child(0, "metadata") != none
	case formAnthropic:
		kind := string(tree.text(tree.child(0, "type")))
		return kind == "message_delta" || kind == "message_stop"
	case formCohere:
		return tree.is(tree.child(0, "is_finished"), 't')
	case formChat:
		return t.choiceEnds(tree)
	}
	return false
}

func (t *tail) choiceEnds(tree *jsonTree) bool {
	ends := true // an event without choices comes after all of them
	for c := range tree.children(tree.child(0, "choices")) {
		ends = tree.choiceNumber(c) == t.noted() && tree.saysEnd(c)
		if ends {
			break
		}
	}
	return ends
}

// noted is the choice that a note belongs in: that of the first call dropped.
func (t *tail) noted() int {
	for i, v := range t.verdicts {
		if v.Drop {
			return t.w.calls[i].message
		}
	}
	return 0
}

// annotate writes the note, unless that was done.
func (t *tail) annotate() error {
	if t.note == "" {
		return nil
	}
	note := t.note
	t.note = ""
	number := t.newNumber(t.w.highest + 1)
	index := strconv.Itoa(number)
	switch t.form {
	case formConverse:
		t.event("contentBlockDelta", appendText([]byte(`{"contentBlockIndex":`+index+`,"delta":{"text":`), note), "}}")
		t.event("contentBlockStop", nil, `{"contentBlockIndex":`+index+`}`)
	case formNova:
		t.event("chunk", appendText([]byte(`{"contentBlockDelta":{"delta":{"text":`), note), `},"contentBlockIndex":`+index+`}}`)
		t.event("chunk", nil, `{"contentBlockStop":{"contentBlockIndex":`+index+`}}`)
	case formAnthropic:
		t.event("chunk", nil, `{"type":"content_block_start","index":`+index+`,"content_block":{"type":"text","text":""}}`)
		t.event("chunk", appendText([]byte(`{"type":"content_block_delta","index":`+index+`,"delta":{"type":"text_delta","text":`), note), `}}`)
		t.event("chunk", nil, `{"type":"content_block_stop","index":`+index+`}`)
	case formCohere:
		t.event("chunk", appendText([]byte(`{"is_finished":false,"event_type":"text-generation","text":`), note), "}")
	case formChat:
		return t.chatNote(note)
	default:
		return &FixedError{Index: none}
	}
	return nil
}

// chatNote writes a note as another event of a chat completion, made of one of
// its own.
func (t *tail) chatNote(note string) error {
	head := t.heads[t.noted()]
	if head == nil {
		return &FixedError{Index: none}
	}
	if t.w.said {
		note = "\n\n" + note
	}
	e := edit(head)
	for _, name := range [...]string{"usage", "amazon-bedrock-invocationMetrics"} {
		if n := head.child(0, name); n != none {
			e.removed[n] = true
		}
	}
	member, end := "delta", "finish_reason"
	for c := range head.children(head.child(0, "choices")) {
		if head.child(c, "delta") == none && head.child(c, "message") != none {
			member = "message"
		}
		if head.child(c, "stop_reason") != none && head.child(c, "finish_reason") == none {
			end = "stop_reason"
		}
	}
	choice := []byte(`[{"index":` + strconv.Itoa(t.noted()) + `,"` + member + `":{"content":`)
	choice = append(appendText(choice, note), `},"`+end+`":null}]`...)
	e.set(head.child(0, "choices"), choice)
	t.event("chunk", e.bytes(), "")
	return nil
}

// argumentEvent is the event that gives a call in a block its arguments.
func (t *tail) argumentEvent(block int, arguments []byte) []byte {
	index, text := strconv.Itoa(block), string(arguments)
	switch t.form {
	case formConverse:
		return appendUnit(nil, t.op, "contentBlockDelta", append(appendText([]byte(`{"contentBlockIndex":`+index+`,"delta":{"toolUse":{"input":`), text), "}}}"...))
	case formNova:
		return appendUnit(nil, t.op, "chunk", append(appendText([]byte(`{"contentBlockDelta":{"delta":{"toolUse":{"input":`), text), `}},"contentBlockIndex":`+index+`}}`...))
	}
	return appendUnit(nil, t.op, "chunk", append(appendText([]byte(`{"type":"content_block_delta","index":`+index+`,"delta":{"type":"input_json_delta","partial_json":`), text), "}}"...))
}

// event writes an event of its own: its beginning, and the rest.
func (t *tail) event(name string, json []byte, rest string) {
	t.out = appendUnit(t.out, t.op, name, append(json, rest...))
}

// appendUnit appends an event of a stream of op; the name is that of its frame.
func appendUnit(dst []byte, op Operation, name string, json []byte) []byte {
	switch {
	case op.OpenAI():
		return append(append(append(dst, "data: "...), json...), "\n\n"...)
	case name == "chunk":
		chunk := append([]byte(`{"bytes":"`), base64.StdEncoding.EncodeToString(json)...)
		return AppendEvent(dst, name, append(chunk, `"}`...))
	}
	return AppendEvent(dst, name, json)
}
