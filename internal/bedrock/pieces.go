package bedrock

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Piece is a text in one event of a streamed answer.
type Piece struct {
	// Channel names what the piece is a part of: pieces of one channel make one
	// text in the order that they come in. It is the path to the piece, with the
	// numbers that the stream gives as indices, and without what only says that
	// this is a part: "0.text", "1.toolUse.input", "choices.0.content".
	Channel string
	Field   string
	Kind    TextKind
	Value   []byte
	// Start and End are the piece's place in Pieces.JSON, quotes included. Both
	// are 0 where no other text can be put in its place.
	Start, End int
	// Whole: the piece is no fragment, but a name, a title or a message, which
	// must be passed on or refused as it is.
	Whole bool
}

// Spliceable reports whether RewriteFrame can put another text in its place.
func (p *Piece) Spliceable() bool { return p.End > p.Start && p.Kind != Name && p.Kind != Number }

// Pieces are all texts of one event.
type Pieces struct {
	List []Piece
	// Closed are the beginnings of the channels that end with this event, after
	// its pieces; "" is the beginning of all.
	Closed []string
	JSON   []byte // what the event says: the payload, or the provider's event in it

	event string // which event it is, where streams have several
	block int    // the content block that it is about; -1: none
}

// FramePieces lists the texts in a frame of a stream of op: of ConverseStream
// the event's, of InvokeModelWithResponseStream those of the provider's event
// inside, and of an exception its message. Nothing is left out but the wire's
// own words and AWS's padding. What it returns may be a part of f.
//
// An error is a *RequestError, and means that the frame holds something else
// than an event in JSON.
func FramePieces(op Operation, f Frame) (Pieces, error) {
	if len(f.Payload) == 0 {
		return Pieces{Closed: closedBy(f, ""), block: -1}, nil
	}
	if op == InvokeModelWithResponseStream && f.Message == "event" && f.Type == "chunk" {
		return chunkPieces(f.Payload)
	}
	p, err := eventPieces("frame", f.Payload)
	if err != nil {
		return Pieces{}, err
	}
	p.event = f.Type
	for _, c := range closedBy(f, p.root) {
		p.close(c)
	}
	return p.Pieces, nil
}

// closedBy is what ends with a frame whatever it holds; root is the beginning
// of the channels that the frame is about.
func closedBy(f Frame, root string) []string {
	switch {
	case f.Message != "event", f.Type == "messageStop":
		return []string{""}
	case f.Type == "contentBlockStop":
		return []string{root}
	}
	return nil
}

// close notes that the channels that begin so have ended.
func (p *Pieces) close(channels string) {
	if !slices.Contains(p.Closed, channels) {
		p.Closed = append(p.Closed, channels)
	}
}

// EventPieces lists the texts in a server-sent event of a chat completion, as
// FramePieces does for a frame. The event that ends the stream closes all.
func EventPieces(e Event) (Pieces, error) {
	switch {
	case e.Data == nil:
		return Pieces{}, nil
	case e.Done():
		return Pieces{Closed: []string{""}}, nil
	}
	p, err := eventPieces("event", e.Data)
	return p.Pieces, err
}

// chunkPieces lists the texts of the event inside a chunk, and of what is
// beside it in the chunk.
func chunkPieces(payload []byte) (Pieces, error) {
	outer, err := eventPieces("frame", payload)
	if err != nil {
		return Pieces{}, err
	}
	inner, _, err := innerEvent(outer.texts)
	if err != nil {
		return Pieces{}, err
	}
	p, err := eventPieces("chunk", inner)
	if err != nil {
		return Pieces{}, err
	}
	for _, beside := range outer.List {
		if beside.Channel != "bytes" {
			beside.Start, beside.End, beside.Whole = 0, 0, true
			p.List = append(p.List, beside)
		}
	}
	return p.Pieces, nil
}

// innerEvent is the event inside a chunk, and its place in the payload.
func innerEvent(payload Texts) ([]byte, *Text, error) {
	for i := range payload.List {
		t := &payload.List[i]
		if t.Field != "bytes" || t.node != 0 || t.step >= 0 || t.Kind == Name {
			continue
		}
		inner, err := base64.StdEncoding.Strict().AppendDecode(nil, t.Value)
		if err != nil {
			break
		}
		return inner, t, nil
	}
	return nil, nil, &RequestError{Where: "frame", Problem: "a chunk without an event in base64"}
}

// readPieces are pieces, and what they were made of.
type readPieces struct {
	Pieces
	texts Texts
	root  string // the beginning of every channel of the event
}

func eventPieces(where string, json []byte) (readPieces, error) {
	r := textReaders.Get().(*textReader)
	defer r.release()
	r.answer, r.stream = true, true
	if err := r.read(where, json, spot{zone: zoneWire, place: &noPlace, node: -1, step: -1}); err != nil {
		return readPieces{}, err
	}
	out := readPieces{texts: r.texts, Pieces: Pieces{JSON: json}}
	if len(r.texts.nodes) > 0 {
		out.root = r.texts.channel(0)
	}
	out.event, out.block = r.texts.event()
	last, node := int32(-1), ""
	for i := range r.texts.List {
		t := &r.texts.List[i]
		if t.Kind == Skipped || t.padding() {
			continue
		}
		if t.node != last {
			last, node = t.node, r.texts.channel(t.node)
		}
		out.List = append(out.List, Piece{
			Channel: r.texts.channelOf(t, node), Field: t.Field, Kind: t.Kind, Value: t.Value,
			Start: t.Start, End: t.End, Whole: t.Kind == Name || t.Kind == Number || wholeMember(t.Field),
		})
	}
	for _, node := range r.ended {
		out.close(r.texts.channel(node))
	}
	return out, nil
}

// paddingOf is what AWS pads events with, cut to some length, so that the size
// of a frame does not tell that of the text.
const paddingOf = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// padding reports whether the text is AWS's padding, and nothing else.
func (t *Text) padding() bool {
	return t.Field == "p" && t.node == 0 && t.step < 0 && t.Kind != Name && bytes.HasPrefix([]byte(paddingOf), t.Value)
}

// fragments are the members whose strings come in parts.
var fragments = map[string]bool{
	"text": true, "content": true, "input": true, "partial_json": true, "thinking": true, "arguments": true,
	"outputText": true, "generation": true, "completion": true, "reasoning": true, "reasoning_content": true,
	"refusal": true, "signature": true, "redactedContent": true, "bytes": true, "data": true, "token": true,
	"transcript": true, "tool_plan": true,
}

// wholeMember reports whether a member is known to hold a string that does not
// go on in the next event. One that nobody knows may be a new kind of delta.
func wholeMember(field string) bool { return places[field] != nil && !fragments[field] }

// partOnly are the members that only say that what they hold is a part, or in
// which phase it comes. What is in them continues what is in others of them.
var partOnly = map[string]bool{
	"delta": true, "start": true, "content_block": true, "message": true, "contentBlockStart": true, "contentBlockDelta": true,
	"contentBlockStop": true, "messageStart": true, "messageStop": true,
}

// maxChannel bounds a channel's name, in bytes. Those that begin alike beyond
// it are taken for one: no stream has them.
const maxChannel = 128

// channelOf is the channel of a text in an event.
func (t *Texts) channelOf(text *Text, node string) string {
	name := text.Field
	if text.Kind == Name {
		name = "name " + string(text.Value[:min(len(text.Value), maxStep)])
	}
	if text.step >= 0 {
		return bounded(node + strconv.Itoa(int(text.step)))
	}
	return bounded(pathTo(strings.TrimSuffix(node, "."), name))
}

func bounded(channel string) string {
	if len(channel) > maxChannel {
		return strings.ToValidUTF8(channel[:maxChannel], "")
	}
	return channel
}

// channel is the beginning of the channels of what is in a node: empty, or
// ending in a dot.
func (t *Texts) channel(id int32) string {
	var parts []string
	for id >= 0 {
		n := &t.nodes[id]
		mark := n.mark
		if mark == "" && n.step >= 0 {
			mark = strconv.Itoa(int(n.step))
		}
		if mark != "" {
			parts = append(parts, mark)
		}
		if n.step < 0 && n.parent >= 0 && !partOnly[string(n.name)] {
			parts = append(parts, pathTo("", string(n.name[:min(len(n.name), maxStep)])))
		}
		id = n.parent
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Reverse(parts)
	return bounded(strings.Join(parts, ".")) + "."
}
