package bedrock

import "bytes"

// blockKind is what an event says of a content block.
type blockKind uint8

const (
	noBlock blockKind = iota
	blockStart
	blockDelta
	blockStop
)

// blockKinds are the events about blocks: of ConverseStream and Nova, and of
// Anthropic, by name or by type.
var blockKinds = map[string]blockKind{
	"contentBlockStart": blockStart, "contentBlockDelta": blockDelta, "contentBlockStop": blockStop,
	"content_block_start": blockStart, "content_block_delta": blockDelta, "content_block_stop": blockStop,
}

// blockEvent is an event about a content block.
type blockEvent struct {
	kind   blockKind
	node   int // the object that says so
	index  int // the block's
	number int // the node of the index
}

// blockEventOf is what an event of a stream of op says of a block. The name is
// that of its frame.
func blockEventOf(t *jsonTree, op Operation, name string) (blockEvent, error) {
	b := blockEvent{node: 0}
	if op == ConverseStream {
		b.kind = blockKinds[name]
	} else if b.kind = blockKinds[string(t.text(t.child(0, "type")))]; b.kind == noBlock {
		for c := range t.children(0) {
			kind := blockKinds[t.nodes[c].name]
			if kind == noBlock {
				continue
			}
			if b.kind != noBlock {
				return b, confused("two blocks in one event")
			}
			b.kind, b.node = kind, c
		}
	}
	if b.kind == noBlock {
		return b, nil
	}
	var ok bool
	for _, member := range [...]string{"contentBlockIndex", "index"} {
		if n := t.child(b.node, member); n != none && !ok {
			b.number = n
			b.index, ok = t.number(n)
		}
	}
	if !ok {
		return b, confused("a block without an index")
	}
	return b, nil
}

// block takes an event about a block.
func (w *ToolWatch) block(f *callFinder, b blockEvent) error {
	at, known := w.blocks[b.index]
	switch {
	case b.kind == blockStart && known:
		return confused("a block that begins twice")
	case b.kind == blockStart:
		return w.beginBlock(f, b)
	case !known:
		return w.elsewhere(f.jsonTree, b)
	case b.kind == blockStop:
		if !at.result {
			w.calls[at.call].ended = true
		}
		w.part(callPart{call: at.call, whole: true, args: none})
		return nil
	case at.result:
		w.part(callPart{call: at.call, whole: true, args: none})
		f.skip = f.child(b.node, "delta")
		return nil
	}
	return w.piece(f, b, at.call)
}

// elsewhere refuses arguments for a block that is no call.
func (w *ToolWatch) elsewhere(t *jsonTree, b blockEvent) error {
	if t.child(b.node, "delta", "partial_json") != none || t.child(b.node, "delta", "toolUse") != none {
		return confused("arguments without a call")
	}
	return nil
}

// piece takes a piece of a call's arguments. Nothing else belongs in its block.
func (w *ToolWatch) piece(f *callFinder, b blockEvent, call int) error {
	delta := f.child(b.node, "delta")
	args := f.child(delta, "partial_json")
	if use := f.child(delta, "toolUse"); use != none {
		f.skip, args = use, f.child(use, "input")
	}
	if !f.is(args, '"') {
		return confused("something else in a call's block")
	}
	w.part(callPart{call: call, whole: true, args: args})
	return w.give(f.jsonTree, call, args)
}

// beginBlock takes the beginning of a block, if it is that of a call or of what
// came out of one.
func (w *ToolWatch) beginBlock(f *callFinder, b blockEvent) error {
	s := callSite{kind: siteBlock, args: none}
	started := f.child(b.node, "content_block")
	if use := f.child(b.node, "start", "toolUse"); f.is(use, '{') {
		s.fields = use
	} else if isCallType(f.text(f.child(started, "type"))) {
		s.fields = started
	} else {
		w.beginResult(f, b)
		return nil
	}
	if err := f.describe(&s); err != nil {
		return err
	}
	if err := f.within(s.fields); err != nil {
		return err
	}
	f.skip = s.fields
	call, err := w.begin(s, 0)
	if err != nil {
		return err
	}
	w.blocks[b.index] = watchedBlock{call: call}
	if s.args != none && string(bytes.Trim(f.raw(s.args), "{ }")) == "" {
		s.args = none // arguments to come begin as an empty object
	}
	w.part(callPart{call: call, whole: true, begins: true, args: s.args})
	return w.give(f.jsonTree, call, s.args)
}

func (w *ToolWatch) beginResult(f *callFinder, b blockEvent) {
	for _, at := range [...]int{f.child(b.node, "content_block", "tool_use_id"), f.child(b.node, "start", "toolResult", "toolUseId")} {
		id := string(f.text(at))
		for i := range w.calls {
			if id != "" && w.calls[i].ID == id {
				w.blocks[b.index] = watchedBlock{call: i, result: true}
				w.part(callPart{call: i, whole: true, args: none})
				f.skip = f.nodes[at].parent
				return
			}
		}
	}
}
