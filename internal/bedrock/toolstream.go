package bedrock

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// Touch is what a unit of a stream, a frame or an event, has to do with tool calls.
type Touch struct {
	Began   []ToolCall // calls that begin with the unit, whose arguments are still to come
	Touches []int      // indices of the calls that the unit has a part of, the Began among them
	Other   bool       // the unit says something else too; one that touches no call always does
}

// ToolWatch follows the tool calls of a streamed answer, unit by unit. It knows
// the streams of the shapes that ReadToolCalls knows; in any other, what might be
// a call is Fixed. It is not for concurrent use.
type ToolWatch struct {
	op    Operation
	calls []watchedCall
	// blocks are the content blocks that are calls, or what came out of one.
	blocks  map[int]watchedBlock
	chat    map[chatCall]int
	listed  []int          // the calls of Cohere's lists, in their order
	senses  map[string]int // the calls, by what they mean; from where Cohere repeats them
	parts   map[int][]callPart
	fed     int  // units so far
	highest int  // of the content blocks so far
	said    bool // a chat completion has said something beside its calls
	err     error
}

// watchedCall is a call, as far as it has come.
type watchedCall struct {
	ToolCall
	given   []byte // arguments
	inOne   bool   // they came whole
	ended   bool
	began   int // the unit
	message int // the choice that it is of, in a chat completion
}

// watchedBlock is a content block of a call.
type watchedBlock struct {
	call   int
	result bool // what came out of it
}

// chatCall is where a chat completion has a call: its choice, and its index there.
type chatCall struct{ choice, index int }

// functionCall is the index of the call that function_call is.
const functionCall = -1

// callPart is what one unit has of a call. Nodes are those of the unit's tree.
type callPart struct {
	call    int
	whole   bool     // all that the unit is about
	begins  bool     // the call
	repeats bool     // what earlier units said of it
	kind    siteKind // unless whole
	node    int      // what is the call's in the unit; unless whole
	fields  int
	args    int // a piece of the arguments, or all of them; none: nothing
	size    int // of that, in bytes
}

// maxGiven bounds the arguments of one call of a stream, in bytes.
const maxGiven = maxFrame

// NewToolWatch watches a stream of op from its beginning.
func NewToolWatch(op Operation) *ToolWatch {
	return &ToolWatch{
		op: op, highest: none,
		blocks: make(map[int]watchedBlock), chat: make(map[chatCall]int), parts: make(map[int][]callPart),
	}
}

// Frame takes the stream's next frame, and keeps nothing of it. An error, which
// is a *RequestError and stays, means that it cannot be told what tools the
// stream calls: all from this unit on is to be held, and none of it let out.
func (w *ToolWatch) Frame(f Frame) (Touch, error) {
	w.fed++
	if w.err != nil {
		return Touch{}, w.err
	}
	var json []byte
	if f.Message == "event" {
		json, w.err = frameJSON(w.op, f)
	}
	return w.look(f.Type, json)
}

// Event is Frame for a server-sent event.
func (w *ToolWatch) Event(e Event) (Touch, error) {
	w.fed++
	if w.err != nil {
		return Touch{}, w.err
	}
	if e.Done() {
		w.endCalls(func(*watchedCall) bool { return true })
		return Touch{Other: true}, nil
	}
	return w.look("", e.Data)
}

// Units is how many units the watch was fed.
func (w *ToolWatch) Units() int { return w.fed }

// Calls lists the calls so far. Their arguments are complete at the stream's end.
func (w *ToolWatch) Calls() []ToolCall {
	var list []ToolCall
	for i := range w.calls {
		c := w.calls[i].ToolCall
		c.readArguments(bytes.Clone(w.calls[i].given))
		c.Malformed = c.Malformed || !w.calls[i].ended && !c.Fixed
		c.Odd = odd(c.Name)
		list = append(list, c)
	}
	return list
}

// frameJSON is what an event's frame says: of a chunk, the event inside.
func frameJSON(op Operation, f Frame) ([]byte, error) {
	if op != InvokeModelWithResponseStream || f.Type != "chunk" {
		return f.Payload, nil
	}
	t, err := readTree("frame", f.Payload)
	if err != nil {
		return nil, err
	}
	event := t.child(0, "bytes")
	inner, err := base64.StdEncoding.Strict().AppendDecode(nil, t.text(event))
	if err != nil || event == none || mayCall(f.Payload) {
		return nil, &RequestError{Where: "frame", Problem: "a chunk that is not an event in base64 alone"}
	}
	return inner, nil
}

// look reads a unit. Nothing is read of what comes before the first call.
func (w *ToolWatch) look(name string, json []byte) (Touch, error) {
	if w.err == nil && len(json) > 0 {
		if len(w.calls) > 0 || mayCall(json) {
			return w.study(name, json)
		}
		w.glance(json)
	}
	return Touch{Other: true}, w.err
}

// glance notes what a unit without calls says that RewriteTail has to know.
func (w *ToolWatch) glance(json []byte) {
	if _, after, ok := bytes.Cut(json, []byte(`ndex":`)); ok {
		n, digits := 0, 0
		for _, c := range bytes.TrimLeft(after[:min(len(after), maxStep)], " ") {
			if c < '0' || c > '9' || digits > 6 {
				break
			}
			n, digits = 10*n+int(c-'0'), digits+1
		}
		if digits > 0 {
			w.highest = max(w.highest, n)
		}
	}
	if _, after, ok := bytes.Cut(json, []byte(`"content":`)); ok {
		w.said = w.said || !bytes.HasPrefix(bytes.TrimLeft(after, " "), []byte(`""`)) && !bytes.HasPrefix(bytes.TrimLeft(after, " "), []byte("null"))
	}
}

// study reads a unit that may have to do with calls.
func (w *ToolWatch) study(name string, json []byte) (Touch, error) {
	t, err := readTree("event", json)
	if err != nil {
		w.err = err
		return Touch{}, err
	}
	before := len(w.calls)
	if w.err = w.unit(t, name); w.err != nil {
		return Touch{}, w.err
	}
	touch := w.touched(t)
	for _, c := range w.calls[before:] {
		touch.Began = append(touch.Began, c.ToolCall)
	}
	return touch, nil
}

// touched is what the unit at hand has of calls, and whether that is all.
func (w *ToolWatch) touched(t *jsonTree) Touch {
	touch := Touch{Other: true}
	parts := w.parts[w.fed-1]
	if len(parts) == 0 {
		return touch
	}
	e := edit(t)
	for _, p := range parts {
		if !slices.Contains(touch.Touches, p.call) {
			touch.Touches = append(touch.Touches, p.call)
		}
		touch.Other = touch.Other && !p.whole
		if !p.whole && p.node != none {
			e.removed[p.node] = true
		}
	}
	if touch.Other {
		e.emptied()
		touch.Other = e.saysSomething()
	}
	return touch
}

// unit takes a unit's parts of calls.
func (w *ToolWatch) unit(t *jsonTree, name string) error {
	b, err := blockEventOf(t, w.op, name)
	if err != nil {
		return err
	}
	f := &callFinder{jsonTree: t, skip: none}
	if b.kind != noBlock {
		w.highest = max(w.highest, b.index)
		if err := w.block(f, b); err != nil {
			return err
		}
	}
	if err := f.walk(0, zoneRoot, none); err != nil {
		return err
	}
	for _, s := range f.sites {
		if err := w.site(t, s); err != nil {
			return err
		}
	}
	w.ends(t)
	return nil
}

// begin adds a call, of which the unit at hand has the first part.
func (w *ToolWatch) begin(s callSite, message int) (int, error) {
	if len(w.calls) == maxTools {
		return none, confused("more tool calls than a stream may have")
	}
	w.calls = append(w.calls, watchedCall{
		ToolCall: ToolCall{ID: s.id, Name: s.name, Odd: odd(s.name), Server: s.server, Index: len(w.calls)},
		began:    w.fed - 1, message: message,
	})
	return len(w.calls) - 1, nil
}

// give adds to a call's arguments what stands at a node: a piece of them in a
// string, or all of them. The part was noted just before.
func (w *ToolWatch) give(t *jsonTree, call, args int) error {
	c := &w.calls[call]
	if args == none || t.is(args, 'n') {
		return nil
	}
	given := t.text(args)
	if !t.is(args, '"') {
		given = t.raw(args)
	}
	switch {
	case len(given) == 0:
		return nil
	case c.ended, c.inOne, len(c.given) > 0 && !t.is(args, '"'):
		return confused("arguments after all of a call's arguments")
	case len(c.given)+len(given) > maxGiven:
		return confused("arguments that are too long")
	}
	c.inOne = !t.is(args, '"')
	c.given = append(c.given, given...)
	parts := w.parts[w.fed-1]
	parts[len(parts)-1].size = len(given)
	return nil
}

// part notes what the unit at hand has of a call.
func (w *ToolWatch) part(p callPart) { w.parts[w.fed-1] = append(w.parts[w.fed-1], p) }

// endCalls notes that calls have ended.
func (w *ToolWatch) endCalls(which func(*watchedCall) bool) {
	for i := range w.calls {
		if which(&w.calls[i]) {
			w.calls[i].ended = true
		}
	}
}
