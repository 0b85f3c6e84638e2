package bedrock

import (
	"bytes"
	"io"
	"slices"
	"strconv"
)

// RewriteTail makes of the end of a stream what is let out of it, as
// RewriteToolCalls does of a whole answer. The units, frames or events as they
// were received, are the last that the watch was fed, up to the stream's end.
// Dropped calls leave no gap: later blocks and calls are numbered anew. An edited
// call has its arguments in one piece. A note is a text of its own before the
// end, or at the end where the stream has none; usage, and whatever else is not
// about a call, stays. Units in which nothing changes are as they were, byte for byte.
//
// A call that began before the first of the units can be neither dropped nor
// edited: that, as what cannot be done otherwise, is a *FixedError. Other errors
// are ErrVerdicts, the watch's own, and those of units that it was not fed.
func RewriteTail(op Operation, units [][]byte, w *ToolWatch, verdicts []Verdict, note string) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	changes, err := checkVerdicts(w.Calls(), verdicts)
	if err != nil {
		return nil, err
	}
	t := newTail(op, w, verdicts, note)
	if t.at = w.fed - len(units); t.at < 0 {
		return nil, confused("units that were not watched")
	}
	for i, v := range verdicts {
		if (v.Drop || v.Arguments != nil) && w.calls[i].began < t.at {
			return nil, &FixedError{Index: i}
		}
	}
	all := bytes.Join(units, nil)
	if !changes && note == "" {
		return all, nil
	}
	return t.rewrite(units, all)
}

// tail rewrites the end of a stream.
type tail struct {
	w        *ToolWatch
	op       Operation
	verdicts []Verdict
	note     string // still to be written
	at       int    // the number of the next unit
	out      []byte
	form     streamForm
	edited   map[int]bool      // calls whose arguments were written
	last     map[int]int       // of each call, the last unit with arguments
	blocks   []int             // those that are dropped, sorted
	calls    map[int][]int     // of each choice, the indices of the calls that are dropped, sorted
	listed   []int             // of Cohere's list, likewise
	heads    map[int]*jsonTree // of each choice an event, to make others like it
}

func newTail(op Operation, w *ToolWatch, verdicts []Verdict, note string) *tail {
	t := &tail{
		w: w, op: op, verdicts: verdicts, note: note, edited: make(map[int]bool), heads: make(map[int]*jsonTree),
		last: make(map[int]int), calls: make(map[int][]int),
	}
	for n, parts := range w.parts {
		for _, p := range parts {
			if p.args != none {
				t.last[p.call] = max(t.last[p.call], n)
			}
		}
	}
	for n, at := range w.blocks {
		if verdicts[at.call].Drop {
			t.blocks = append(t.blocks, n)
		}
	}
	slices.Sort(t.blocks)
	for key, call := range w.chat {
		if key.index >= 0 && verdicts[call].Drop {
			t.calls[key.choice] = append(t.calls[key.choice], key.index)
		}
	}
	for _, list := range t.calls {
		slices.Sort(list)
	}
	for at, call := range w.listed {
		if verdicts[call].Drop {
			t.listed = append(t.listed, at)
		}
	}
	return t
}

// tailUnit is a unit of a stream.
type tailUnit struct {
	raw   []byte
	frame Frame
	event Event
	json  []byte // what it says; nil: nothing that is read
}

func (t *tail) rewrite(units [][]byte, all []byte) ([]byte, error) {
	t.out = make([]byte, 0, len(all)+len(t.note)+maxName)
	frames := NewFrameReader(bytes.NewReader(all))
	for _, raw := range units {
		u, err := t.read(raw, frames)
		if err != nil {
			return nil, err
		}
		if err := t.unit(u); err != nil {
			return nil, err
		}
		t.at++
	}
	if err := t.annotate(); err != nil {
		return nil, err
	}
	return t.out, t.verify(t.at - len(units))
}

func (t *tail) read(raw []byte, frames *FrameReader) (u tailUnit, err error) {
	u.raw = raw
	if t.op.OpenAI() {
		u.event, err = readEvent(raw)
		if !u.event.Done() {
			u.json = u.event.Data
		}
		return u, err
	}
	if u.frame, err = frames.Next(); err == nil && u.frame.Message == "event" {
		u.json, err = frameJSON(t.op, u.frame)
	}
	return u, err
}

// unit writes a unit, or what is left of it.
func (t *tail) unit(u tailUnit) error {
	if len(u.json) == 0 {
		if u.event.Done() || u.frame.Message == "exception" || u.frame.Message == "error" {
			if err := t.annotate(); err != nil {
				return err
			}
		}
		t.out = append(t.out, u.raw...)
		return nil
	}
	tree, err := readTree("event", u.json)
	if err != nil {
		return err
	}
	b, err := blockEventOf(tree, t.op, u.frame.Type)
	if err != nil {
		return err
	}
	t.learn(tree)
	if t.ending(tree, u.frame.Type) {
		if err := t.annotate(); err != nil {
			return err
		}
	}
	e := edit(tree)
	extra, keep, err := t.change(e, b)
	if err != nil || !keep {
		return err
	}
	if err := t.write(u, e); err != nil {
		return err
	}
	t.out = append(t.out, extra...)
	return nil
}

// change carries out in a unit what the verdicts are on the calls that it has
// parts of. It returns what is to come behind the unit, and whether it stays.
func (t *tail) change(e *treeEditor, b blockEvent) (extra []byte, keep bool, err error) {
	for _, p := range t.w.parts[t.at] {
		if !p.whole && p.node >= len(e.nodes) || p.args >= len(e.nodes) || p.whole && b.kind == noBlock {
			return nil, false, &RequestError{Where: "event", Problem: "not the one that was watched"}
		}
		v := t.verdicts[p.call]
		switch {
		case v.Drop && p.whole:
			return nil, false, nil
		case v.Drop:
			e.removed[p.node] = true
		case v.Arguments != nil:
			more, stays := t.edit(e, p, b)
			if !stays {
				return nil, false, nil
			}
			extra = append(extra, more...)
		}
	}
	if len(e.removed) > 0 {
		e.emptied()
		if !e.saysSomething() {
			return nil, false, nil
		}
	}
	t.renumber(e, b)
	t.mend(e)
	return extra, true, nil
}

// edit puts a call's new arguments in the place of the first part of the old,
// and nothing in that of the others.
func (t *tail) edit(e *treeEditor, p callPart, b blockEvent) (extra []byte, keep bool) {
	arguments := bytes.TrimSpace(t.verdicts[p.call].Arguments)
	written := t.edited[p.call]
	switch {
	case p.args != none && written && p.whole:
		return nil, false
	case p.args != none && e.is(p.args, '"') && len(e.text(p.args)) == 0 && !written && p.begins && t.last[p.call] > t.at:
		// the pieces are still to come
	case p.args != none && written && !p.repeats:
		e.setText(p.args, nil)
	case p.args != none && e.is(p.args, '"'):
		e.setText(p.args, arguments)
		t.edited[p.call] = true
	case p.args != none:
		e.set(p.args, arguments)
		t.edited[p.call] = true
	case p.begins && t.last[p.call] <= t.at && p.whole:
		t.edited[p.call] = true
		number := t.newNumber(b.index)
		return t.argumentEvent(number, arguments), true
	case p.repeats, p.begins && t.last[p.call] <= t.at && p.kind != siteUnknown:
		e.add(e.argumentsOf(p.fields), argumentsMember(p.kind, arguments))
		t.edited[p.call] = true
	}
	return nil, true
}

// renumber gives blocks, and the calls of a choice, the numbers that they have
// when none is missing.
func (t *tail) renumber(e *treeEditor, b blockEvent) {
	if b.kind != noBlock {
		t.number(e, b.number, b.index, t.newNumber(b.index))
		return
	}
	for _, p := range t.w.parts[t.at] {
		at, dropped := none, t.calls[t.w.calls[p.call].message]
		if !p.whole && !t.verdicts[p.call].Drop && (p.kind == siteCall || p.kind == sitePart) {
			at = e.child(p.node, "index")
		}
		if p.kind == sitePart {
			dropped = t.listed
		}
		if old, ok := e.jsonTree.number(at); ok {
			fewer, _ := slices.BinarySearch(dropped, old)
			t.number(e, at, old, old-fewer)
		}
	}
}

func (t *tail) number(e *treeEditor, node, old, now int) {
	if old != now {
		e.set(node, strconv.AppendInt(nil, int64(now), 10))
	}
}

// newNumber is a block's number without the blocks that are dropped.
func (t *tail) newNumber(block int) int {
	fewer, _ := slices.BinarySearch(t.blocks, block)
	return block - fewer
}

// mend has a message end as one that calls for nothing, where nothing that it
// calls for is left.
func (t *tail) mend(e *treeEditor) {
	for c := range e.children(e.child(0, "choices")) {
		if t.emptied(e.choiceNumber(c)) {
			e.endPlainly(c)
		}
	}
	if t.form == formChat || !t.emptied(0) {
		return
	}
	e.endPlainly(0)
	for _, name := range [...]string{"messageStop", "delta", "response"} {
		if n := e.child(0, name); n != none {
			e.endPlainly(n)
		}
	}
}

// emptied reports whether a message had calls dropped, and has none left that
// the caller is to make.
func (t *tail) emptied(message int) bool {
	dropped := false
	for i := range t.w.calls {
		if t.w.calls[i].message != message {
			continue
		}
		if t.verdicts[i].Drop {
			dropped = true
		} else if !t.w.calls[i].Server {
			return false
		}
	}
	return dropped
}

// write writes a unit with its changes.
func (t *tail) write(u tailUnit, e *treeEditor) error {
	if !e.changed() {
		t.out = append(t.out, u.raw...)
		return nil
	}
	json := e.bytes()
	if t.op.OpenAI() {
		t.out = append(t.out, withData(u.event.Raw, json)...)
		return nil
	}
	payload, err := wrapped(t.op, u.frame, json)
	if err != nil {
		return err
	}
	frame, err := withPayload(u.frame, payload)
	t.out = append(t.out, frame...)
	return err
}

// verify reads what was written once more, after the calls that began before
// the first unit: it has exactly the calls that it may have.
func (t *tail) verify(first int) error {
	w := t.w.before(first)
	next := len(w.calls)
	if err := w.feed(t.out); err != nil {
		return err
	}
	was, now := t.w.Calls(), w.Calls()
	for i := next; i < len(was); i++ {
		v := t.verdicts[i]
		if v.Drop {
			continue
		}
		want := was[i].Arguments
		if v.Arguments != nil {
			want = bytes.TrimSpace(v.Arguments)
		}
		if next == len(now) || now[next].ID != was[i].ID || now[next].Name != was[i].Name || !bytes.Equal(now[next].Arguments, want) {
			return &FixedError{Index: i}
		}
		next++
	}
	if next != len(now) {
		return confused("more tool calls than were let out")
	}
	return nil
}

// before is what a watch knew of the calls that began before a unit.
func (w *ToolWatch) before(unit int) *ToolWatch {
	p := NewToolWatch(w.op)
	given := make(map[int]int)
	for n, parts := range w.parts {
		for _, part := range parts {
			if n < unit {
				given[part.call] += part.size
			}
		}
	}
	for i, c := range w.calls {
		if c.began < unit {
			c.ended, c.inOne, c.given = false, false, bytes.Clone(c.given[:given[i]])
			p.calls = append(p.calls, c)
		}
	}
	for n, at := range w.blocks {
		if at.call < len(p.calls) {
			p.blocks[n] = at
		}
	}
	for key, call := range w.chat {
		if call < len(p.calls) {
			p.chat[key] = call
		}
	}
	for _, call := range w.listed {
		if call < len(p.calls) {
			p.listed = append(p.listed, call)
		}
	}
	return p
}

// feed takes many units.
func (w *ToolWatch) feed(units []byte) error {
	frames, events := NewFrameReader(bytes.NewReader(units)), NewEventReader(bytes.NewReader(units))
	for {
		var err error
		if w.op.OpenAI() {
			var e Event
			if e, err = events.Next(); err == nil {
				_, err = w.Event(e)
			}
		} else {
			var f Frame
			if f, err = frames.Next(); err == nil {
				_, err = w.Frame(f)
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// silent are the members that say nothing of an answer.
var silent = []string{"id", "object", "created", "model", "system_fingerprint", "service_tier", "event_type", "generation_id", "index", "type", "p", "obfuscation"}

// saysSomething reports whether an event, without what is removed of it, still
// says something.
func (e *treeEditor) saysSomething() bool {
	for c := range e.children(0) {
		switch {
		case e.removed[c] || slices.Contains(silent, e.nodes[c].name):
		case e.nodes[c].name == "choices":
			for choice := range e.children(c) {
				if e.saysEnd(choice) || e.speaks(e.child(choice, "delta")) || e.speaks(e.child(choice, "message")) {
					return true
				}
			}
		case e.loud(c):
			return true
		}
	}
	return false
}

// speaks reports whether a message has anything left in it.
func (e *treeEditor) speaks(n int) bool {
	for c := range e.children(n) {
		if !e.removed[c] && e.loud(c) {
			return true
		}
	}
	return false
}

// loud reports whether a value is something.
func (t *jsonTree) loud(n int) bool {
	switch t.nodes[n].kind {
	case 'n', 'f':
		return false
	case '"':
		return len(t.text(n)) > 0
	}
	return true
}
