package bedrock

import (
	"bytes"
	"maps"
	"slices"
)

// calling is an answer with its tool calls.
type calling struct {
	*jsonTree
	calls []ToolCall
	sites [][]callSite // of each call: all that repeat it
	after [][]int      // of each call: blocks with what came out of it
}

func readCalling(body []byte) (*calling, error) {
	tree, err := readTree("answer", body)
	if err != nil {
		return nil, err
	}
	found, err := findCalls(tree)
	if err != nil {
		return nil, err
	}
	a := &calling{jsonTree: tree}
	for _, s := range found.sites {
		a.take(s)
	}
	a.echoes(found.sites)
	a.after = make([][]int, len(a.calls))
	for _, r := range found.results {
		for i := range a.calls {
			if a.calls[i].ID == r.id {
				a.after[i] = append(a.after[i], r.node)
			}
		}
	}
	return a, nil
}

// take adds the call at a site, unless it may be an echo of another.
func (a *calling) take(s callSite) {
	if s.kind == siteEcho {
		return
	}
	a.append(s)
}

// echoes adds each echo to the first call that it may be one of, or as its own:
// the conversation of which it is a part may be longer than the answer.
func (a *calling) echoes(sites []callSite) {
	if !slices.ContainsFunc(sites, func(s callSite) bool { return s.kind == siteEcho }) {
		return
	}
	first := senses(a.calls)
	for _, s := range sites {
		if s.kind != siteEcho {
			continue
		}
		c := a.call(s)
		if i, known := first[c.sense()]; known {
			a.sites[i] = append(a.sites[i], s)
		} else {
			a.append(s)
		}
	}
}

// senses are the first of the calls that make one sense.
func senses(calls []ToolCall) map[string]int {
	first := make(map[string]int)
	for i := range calls {
		sense := calls[i].sense()
		if _, known := first[sense]; !known && !calls[i].Fixed {
			first[sense] = i
		}
	}
	return first
}

func (a *calling) append(s callSite) {
	c := a.call(s)
	c.Index = len(a.calls)
	a.calls, a.sites = append(a.calls, c), append(a.sites, []callSite{s})
}

// call is the call at a site.
func (t *jsonTree) call(s callSite) ToolCall {
	c := ToolCall{ID: s.id, Name: s.name, Odd: odd(s.name), Server: s.server, Fixed: s.kind == siteUnknown}
	var given []byte
	if t.is(s.args, '"') {
		given = t.text(s.args)
	} else if s.args != none {
		given = t.raw(s.args)
	}
	c.readArguments(given)
	return c
}

// RewriteToolCalls makes of a whole answer what is let out of it: without the
// calls that are dropped, and what came out of them, with others as edited, and
// with a note where one is given. An answer with no call of its own left in a
// message ends as one that calls for nothing. All else is as it was, byte for
// byte, and where nothing is to be done it is body itself.
//
// There must be a verdict for each call that ReadToolCalls lists. Errors are
// those of ReadToolCalls, ErrVerdicts, and *FixedError.
func RewriteToolCalls(op Operation, body []byte, verdicts []Verdict, note string) ([]byte, error) {
	a := &calling{}
	if len(verdicts) > 0 || note != "" {
		var err error
		if a, err = readCalling(body); err != nil {
			return nil, err
		}
	}
	changes, err := checkVerdicts(a.calls, verdicts)
	if err != nil {
		return nil, err
	}
	if !changes && note == "" {
		return body, nil
	}
	e := edit(a.jsonTree)
	touched := make(map[int]bool) // messages that a call was taken out of
	for i, v := range verdicts {
		a.judge(e, i, v, touched)
	}
	e.emptied()
	left := a.remaining(verdicts)
	messages := a.messages(op)
	for _, m := range messages {
		if touched[m.holder] && !left[m.holder] {
			e.endPlainly(m.ender)
		}
	}
	if note != "" && !annotate(e, messages, touched, note) {
		return nil, &FixedError{Index: none}
	}
	return verified(e.bytes(), a.calls, verdicts)
}

// judge carries a verdict out.
func (a *calling) judge(e *treeEditor, call int, v Verdict, touched map[int]bool) {
	arguments := bytes.TrimSpace(v.Arguments)
	for _, s := range a.sites[call] {
		switch {
		case v.Drop:
			e.removed[s.node], touched[s.holder] = true, true
		case v.Arguments == nil:
		case s.args == none:
			e.add(e.argumentsOf(s.fields), argumentsMember(s.kind, arguments))
		case a.is(s.args, '"'):
			e.setText(s.args, arguments)
		default:
			e.set(s.args, arguments)
		}
	}
	if v.Drop {
		for _, n := range a.after[call] {
			e.removed[n] = true
		}
	}
}

// argumentsOf is the object that a call's arguments belong in.
func (t *jsonTree) argumentsOf(fields int) int {
	if f := t.child(fields, "function"); t.is(f, '{') {
		return f
	}
	return fields
}

// argumentsMember is the member that a call without arguments gets.
func argumentsMember(kind siteKind, arguments []byte) []byte {
	switch kind {
	case siteBlock:
		return append([]byte(`"input":`), arguments...)
	case siteFunction, siteCall:
		return appendText([]byte(`"arguments":`), string(arguments))
	}
	return append([]byte(`"parameters":`), arguments...)
}

// emptied takes out lists of calls in which none is left.
func (e *treeEditor) emptied() {
	for _, n := range slices.Collect(maps.Keys(e.removed)) {
		list := e.nodes[n].parent
		if e.nodes[list].member && isCallName(e.nodes[list].name) && e.is(list, '[') && e.left(list) == 0 {
			e.removed[list] = true
		}
	}
}

// remaining are the holders of calls that the caller is still to make.
func (a *calling) remaining(verdicts []Verdict) map[int]bool {
	left := make(map[int]bool)
	for i, v := range verdicts {
		for _, s := range a.sites[i] {
			if !v.Drop && !a.calls[i].Server {
				left[s.holder] = true
			}
		}
	}
	return left
}

// speech is a message of an answer.
type speech struct {
	holder  int    // the object that the message is
	ender   int    // the object that says how it ended
	content string // the member that text goes in
	block   noteForm
}

// noteForm is how a message holds a text.
type noteForm uint8

const (
	noteTyped noteForm = iota // {"type":"text","text":…}
	noteUnion                 // {"text":…}
)

// messages are the messages of an answer, as far as its shape is known.
func (t *jsonTree) messages(op Operation) []speech {
	if m := t.child(0, "output", "message"); t.is(t.child(m, "content"), '[') {
		return []speech{{m, 0, "content", noteUnion}}
	}
	if choices := t.child(0, "choices"); t.is(choices, '[') {
		var list []speech
		for c := range t.children(choices) {
			for _, name := range [...]string{"message", "delta"} {
				if m := t.child(c, name); t.is(m, '{') {
					list = append(list, speech{m, c, "content", noteTyped})
				}
			}
		}
		return list
	}
	switch {
	case op.OpenAI() || op.Conversational():
	case t.is(t.child(0, "content"), '['):
		return []speech{{0, 0, "content", noteTyped}}
	case t.is(t.child(0, "message"), '{'):
		return []speech{{t.child(0, "message"), 0, "content", noteTyped}}
	case t.is(t.child(0, "text"), '"'):
		return []speech{{0, 0, "text", noteTyped}}
	}
	return nil
}

// plainEnds are the ends of an answer that calls for nothing, by those of one
// that calls for tools.
var plainEnds = map[string]string{
	"tool_use": "end_turn", "tool_calls": "stop", "tool_call": "stop", "function_call": "stop",
	"TOOL_CALL": "COMPLETE", "TOOL_CALLS": "COMPLETE", "TOOL_USE": "COMPLETE",
}

// endMembers are where an answer says how it ended.
var endMembers = [...]string{"stopReason", "stop_reason", "finish_reason", "finishReason"}

// endPlainly has an object say that the answer calls for nothing.
func (e *treeEditor) endPlainly(n int) {
	for _, name := range endMembers {
		at := e.child(n, name)
		if end, ok := plainEnds[string(e.text(at))]; ok {
			e.setText(at, []byte(end))
		}
	}
}

// annotate writes a note into the messages that something was taken out of, or
// into the last; false when there is no place for it.
func annotate(e *treeEditor, messages []speech, touched map[int]bool, note string) bool {
	noted := false
	for i, m := range messages {
		if touched[m.holder] || i == len(messages)-1 && !noted {
			if !e.note(m, note) {
				return false
			}
			noted = true
		}
	}
	return noted
}

// note writes a note at the end of a message's text.
func (e *treeEditor) note(m speech, note string) bool {
	at := e.child(m.holder, m.content)
	switch {
	case at == none:
		e.add(m.holder, appendText(append(appendText(nil, m.content), ':'), note))
	case e.is(at, '['):
		e.add(at, m.block.write(note))
	case len(e.text(at)) > 0:
		e.setText(at, append(append(bytes.Clone(e.text(at)), "\n\n"...), note...))
	case e.is(at, '"'), e.is(at, 'n'):
		e.setText(at, []byte(note))
	default:
		return false
	}
	return true
}

func (f noteForm) write(note string) []byte {
	if f == noteUnion {
		return append(appendText([]byte(`{"text":`), note), '}')
	}
	return append(appendText([]byte(`{"type":"text","text":`), note), '}')
}

// verified reads a rewritten answer once more: what is let out has exactly the
// calls that it may have.
func verified(out []byte, calls []ToolCall, verdicts []Verdict) ([]byte, error) {
	a, err := readCalling(out)
	if err != nil {
		return nil, err
	}
	kept := 0
	for i, v := range verdicts {
		if v.Drop {
			continue
		}
		want := calls[i].Arguments
		if v.Arguments != nil {
			want = bytes.TrimSpace(v.Arguments)
		}
		if kept == len(a.calls) || a.calls[kept].Name != calls[i].Name || !bytes.Equal(a.calls[kept].Arguments, want) {
			return nil, &FixedError{Index: i}
		}
		kept++
	}
	if kept != len(a.calls) {
		return nil, confused("more tool calls than were let out")
	}
	return out, nil
}
