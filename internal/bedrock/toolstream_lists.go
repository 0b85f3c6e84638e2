package bedrock

import "bytes"

// site takes a part of a call that stands in a list, or where nobody knows calls.
func (w *ToolWatch) site(t *jsonTree, s callSite) error {
	switch s.kind {
	case siteCall, siteFunction:
		if choice, ok := t.choiceOf(s.holder); ok {
			return w.inChoice(t, s, choice)
		}
		if s.kind == siteCall && t.holdsList(s.holder) {
			return w.inList(t, s)
		}
	case siteEcho:
		return w.echo(t, s)
	case sitePart:
		return w.inPart(t, s)
	}
	return w.fixed(t, s)
}

// fixed begins a call that stands where none is known to stand.
func (w *ToolWatch) fixed(t *jsonTree, s callSite) error {
	call, err := w.begin(s, 0)
	if err != nil {
		return err
	}
	w.calls[call].Fixed = true
	w.part(callPart{call: call, begins: true, node: none, args: none})
	return w.give(t, call, s.args)
}

// choiceOf is the number of the choice that a message, or a delta of one, is in.
func (t *jsonTree) choiceOf(message int) (int, bool) {
	if message == none || !t.nodes[message].member {
		return 0, false
	}
	choice := t.nodes[message].parent
	if t.nodes[choice].member || t.nodes[choice].parent == none {
		return 0, false
	}
	list := t.nodes[choice].parent
	if t.nodes[list].name != "choices" || t.nodes[list].parent != 0 {
		return 0, false
	}
	return t.choiceNumber(choice), true
}

// choiceNumber is the number that a choice gives itself; the first is 0.
func (t *jsonTree) choiceNumber(choice int) int {
	n, _ := t.number(t.child(choice, "index"))
	return n
}

// inChoice takes a part of a call in a chat completion: all of it where it has
// no index, or the next piece of that with its index.
func (w *ToolWatch) inChoice(t *jsonTree, s callSite, choice int) error {
	key := chatCall{choice, functionCall}
	if s.kind == siteCall {
		n, ok := t.number(t.child(s.node, "index"))
		if !ok {
			return w.inOne(t, s, choice)
		}
		key.index = n
	}
	call, known := w.chat[key]
	if !known {
		var err error
		if call, err = w.begin(s, choice); err != nil {
			return err
		}
		w.chat[key] = call
	} else if err := w.more(&w.calls[call], s); err != nil {
		return err
	}
	w.part(callPart{call: call, begins: !known, kind: s.kind, node: s.node, fields: s.fields, args: s.args})
	return w.give(t, call, s.args)
}

// more checks what a later part says of a call. A name or an id in two parts is
// one thing to those who join them and another to those who do not.
func (w *ToolWatch) more(c *watchedCall, s callSite) error {
	switch {
	case c.ended:
		return confused("more of a call that has ended")
	case s.name != "" && c.Name != "", s.id != "" && c.ID != "" && s.id != c.ID:
		return confused("a call that says twice what it is")
	}
	if s.name != "" {
		c.Name, c.Odd = s.name, odd(s.name)
	}
	if s.id != "" {
		c.ID = s.id
	}
	return nil
}

// inOne takes a call that came whole.
func (w *ToolWatch) inOne(t *jsonTree, s callSite, choice int) error {
	if s.name == "" {
		return confused("a part of a call that it does not name")
	}
	for i := range w.calls {
		if s.id != "" && w.calls[i].ID == s.id {
			return confused("two calls of one id")
		}
	}
	call, err := w.begin(s, choice)
	if err != nil {
		return err
	}
	w.part(callPart{call: call, begins: true, kind: s.kind, node: s.node, fields: s.fields, args: s.args})
	if err := w.give(t, call, s.args); err != nil {
		return err
	}
	w.calls[call].inOne, w.calls[call].ended = true, true
	return nil
}

// holdsList reports whether an object is one that Cohere has its lists in.
func (t *jsonTree) holdsList(n int) bool {
	return n == 0 || n != none && t.nodes[n].parent == 0 && t.nodes[n].name == "response"
}

// inList takes a call of one of Cohere's lists: the next of the list, if the
// calls were told before, or else a new one.
func (w *ToolWatch) inList(t *jsonTree, s callSite) error {
	at := 0
	for c := range t.children(t.nodes[s.node].parent) {
		if c == s.node {
			break
		}
		at++
	}
	if at < len(w.listed) {
		return w.repeat(t, s, w.listed[at])
	}
	if err := w.inOne(t, s, 0); err != nil {
		return err
	}
	w.listed = append(w.listed, len(w.calls)-1)
	return nil
}

// echo takes a call from the conversation that Cohere repeats at the end.
func (w *ToolWatch) echo(t *jsonTree, s callSite) error {
	if len(w.senses) == 0 {
		w.senses = senses(w.Calls())
	}
	here := t.call(s)
	if i, known := w.senses[here.sense()]; known {
		return w.repeat(t, s, i)
	}
	return w.inOne(t, s, 0)
}

// repeat takes a site that has the same call once more, if it has.
func (w *ToolWatch) repeat(t *jsonTree, s callSite, call int) error {
	have, here := ToolCall{Name: w.calls[call].Name}, t.call(s)
	have.readArguments(bytes.Clone(w.calls[call].given))
	if have.sense() != here.sense() || w.calls[call].Fixed {
		return confused("a call that is not the same when it is repeated")
	}
	w.calls[call].ended = true
	w.part(callPart{call: call, repeats: true, kind: s.kind, node: s.node, fields: s.fields, args: s.args})
	return nil
}

// inPart takes a piece of a call from Cohere.
func (w *ToolWatch) inPart(t *jsonTree, s callSite) error {
	index, ok := t.number(t.child(s.node, "index"))
	if !ok || index > len(w.listed) {
		return confused("a piece of no call")
	}
	begins := index == len(w.listed)
	if begins {
		call, err := w.begin(s, 0)
		if err != nil {
			return err
		}
		w.listed = append(w.listed, call)
	}
	call := w.listed[index]
	if !begins {
		if err := w.more(&w.calls[call], s); err != nil {
			return err
		}
	}
	w.part(callPart{call: call, begins: begins, kind: s.kind, node: s.node, fields: s.fields, args: s.args})
	return w.give(t, call, s.args)
}

// ends notes the calls that end with what they are a part of.
func (w *ToolWatch) ends(t *jsonTree) {
	for c := range t.children(t.child(0, "choices")) {
		if t.saysEnd(c) {
			number := t.choiceNumber(c)
			w.endCalls(func(k *watchedCall) bool { return k.message == number })
		}
		for _, member := range [...]string{"delta", "message"} {
			w.said = w.said || len(t.text(t.child(c, member, "content"))) > 0
		}
	}
	if t.is(t.child(0, "is_finished"), 't') {
		w.endCalls(func(*watchedCall) bool { return true })
	}
}

// saysEnd reports whether an object says how its message ended.
func (t *jsonTree) saysEnd(n int) bool {
	for _, name := range endMembers {
		if t.is(t.child(n, name), '"') {
			return true
		}
	}
	return false
}
