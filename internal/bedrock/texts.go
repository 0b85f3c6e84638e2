package bedrock

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// TextKind says what a text in a body is, as far as its place tells.
type TextKind uint8

// The kinds of text.
const (
	Prose    TextKind = iota // to be read as written
	Data                     // a value of a tool's input or result, of a schema or of a cited document: the member's name says what it is
	Asserted                 // the caller's own labels: request metadata and tags
	Name                     // a member's name that the wire does not have
	Number                   // a number as written, where one can be a datum
	Bytes                    // base64 of a document, an image, a video or sound
	S3                       // where content lies in S3, which nobody here sees
	Remote                   // a URL or a file's id, whose content the provider fetches
	Opaque                   // what the provider signed or encrypted, and alone can read
	Skipped                  // one of the wire's own words, which says nothing
)

var textKindNames = [...]string{"prose", "data", "asserted", "name", "number", "bytes", "s3", "remote", "opaque", "skipped"}

func (k TextKind) String() string {
	if int(k) >= len(textKindNames) {
		return "TextKind(" + strconv.Itoa(int(k)) + ")"
	}
	return textKindNames[k]
}

// Text is one string (or number) of a body.
type Text struct {
	Field string // name of the nearest member; empty at the root
	// Value is the text without quotes and escapes; of Bytes the base64 alone,
	// without the head of a data: URI. It is a part of the body where it can be.
	Value []byte
	// Start and End are the text's place in the body, quotes included. Both are
	// 0 inside CountTokens' inner body, which is not a part of the outer one.
	Start, End int
	Kind       TextKind
	// Runs: a reader may take the text to go on from the one at index After,
	// such as the next block of a message, or the next message.
	Runs  bool
	After int

	node, step int32 // its container, and where it is in it; step -1: a member
}

// Spliceable reports whether Splice can put another text in its place.
func (t *Text) Spliceable() bool { return t.End > t.Start && t.Kind != Name && t.Kind != Number }

// Texts are all texts of a body, in its order.
type Texts struct {
	List  []Text
	nodes []textNode
}

// textNode is an object or array of the body.
type textNode struct {
	parent, step int32  // step -1: it is a member of its parent
	name         []byte // the member's
	mark         string // the number that a stream's object gives as its index
}

// Bounds on a path, in bytes: of all of it, and of each name in it.
const (
	maxWhere = 256
	maxStep  = 64
)

// Where is the path to the text at index i, such as "messages[2].content[0].text".
// Names that are not plain are quoted, and a long path is cut.
func (t *Texts) Where(i int) string {
	text := &t.List[i]
	name := text.Field
	if text.Kind == Name {
		name = string(text.Value)
	}
	path := t.path(text.node, 0)
	switch {
	case text.step >= 0:
		path += "[" + strconv.Itoa(int(text.step)) + "]"
	case name != "" || text.Kind == Name:
		path = pathTo(path, name)
	}
	if len(path) > maxWhere {
		path = strings.ToValidUTF8(path[:maxWhere-len("…")], "") + "…"
	}
	return path
}

// path is the path to a node. Nesting is bounded, and so is the recursion.
func (t *Texts) path(id int32, depth int) string {
	if id <= 0 || depth > 2*maxDepth {
		return ""
	}
	n := &t.nodes[id]
	parent := t.path(n.parent, depth+1)
	if len(parent) > maxWhere {
		return parent
	}
	if n.step >= 0 {
		return parent + "[" + strconv.Itoa(int(n.step)) + "]"
	}
	return pathTo(parent, string(n.name))
}

func pathTo(path, name string) string {
	if len(name) > maxStep {
		name = strings.ToValidUTF8(name[:maxStep], "") + "…"
	}
	if path == "" {
		return quoteName(name)
	}
	return path + "." + quoteName(name)
}

// ReadTexts lists every text of a request's body: each string that
// is not empty, whatever the member it is in, each member's name that the wire does not have, and the
// numbers that may be data. What a place makes of a text is its Kind; of what
// is not known, it is Prose or Data. The body of an InvokeModel request that
// CountTokens counts is read as well.
//
// An error is a *RequestError: the body is no JSON that all parsers read alike,
// or not one that an operation of this name has. Nothing in it was then read.
func ReadTexts(op Operation, body []byte) (Texts, error) {
	switch operations[op].shape {
	case noShape:
		return Texts{}, &RequestError{Where: "operation", Problem: "not one whose body is known"}
	case emptyShape:
		if len(body) == 0 {
			return Texts{}, nil
		}
		return Texts{}, &RequestError{Where: "body", Problem: "want none"}
	}
	r := textReaders.Get().(*textReader)
	defer r.release()
	root := zoneWire
	if op == CountTokens {
		root = zoneCount
	}
	if err := r.read("body", body, spot{zone: root, place: &noPlace, node: -1, step: -1}); err != nil {
		return Texts{}, err
	}
	for len(r.counted) > 0 {
		c := r.counted[0]
		r.counted = r.counted[1:]
		r.within = true
		if err := r.read("body of input.invokeModel", c.body, spot{zone: zoneWire, place: &noPlace, node: c.node, step: -1, field: "body", name: []byte("body")}); err != nil {
			return Texts{}, err
		}
	}
	return r.texts, nil
}

// ReadAnswerTexts lists every text of a successful, whole answer, as ReadTexts
// does for a request. Numbers are texts only in what the model says to a tool.
func ReadAnswerTexts(op Operation, body []byte) (Texts, error) {
	if !op.Known() {
		return Texts{}, &RequestError{Where: "operation", Problem: "not one whose answer is known"}
	}
	r := textReaders.Get().(*textReader)
	defer r.release()
	r.answer = true
	if err := r.read("answer", body, spot{zone: zoneWire, place: &noPlace, node: -1, step: -1}); err != nil {
		return Texts{}, err
	}
	return r.texts, nil
}

// textReader walks over a JSON text and lists what it finds.
type textReader struct {
	jsonReader
	textState
	names map[string]string // member names, so that each is allocated once
}

// textState is what a textReader knows of the text at hand.
type textState struct {
	texts   Texts
	answer  bool
	stream  bool          // an event of a stream: indices and ends matter
	within  bool          // the text is not a part of the body that was given
	last    [chains]int   // one more than the index of each chain's last text
	counted []countedBody // bodies still to be read
	ended   []int32       // stream: nodes that say that what they are about has ended
	made    []span        // what data was made of
}

// countedBody is the body of a request that CountTokens is to count.
type countedBody struct {
	body []byte
	node int32
}

// maxTexts bounds the texts, and the objects and arrays, of a body, and so the
// memory that listing them takes. What has more is not read.
const maxTexts = 1 << 18

// maxInterned bounds the names that are kept from allocating again.
const maxInterned = 256

// textReaders keeps readers, and with them the decoder's buffers, for reuse.
var textReaders = sync.Pool{New: func() any {
	return &textReader{jsonReader: jsonReader{lenient: true}, names: make(map[string]string)}
}}

func (r *textReader) release() {
	r.reset("", nil)
	r.textState = textState{}
	clear(r.names)
	textReaders.Put(r)
}

// read lists the texts of one whole JSON text, which stands at s.
func (r *textReader) read(where string, body []byte, s spot) error {
	r.reset(where, body)
	if len(body) == 0 {
		return r.fail("empty")
	}
	if r.texts.List == nil {
		r.texts.List = make([]Text, 0, 4+min(bytes.Count(body, []byte{'"'})/2, maxTexts))
	}
	if err := r.value(s); err != nil {
		return err
	}
	return r.end()
}

// spot is where a value stands.
type spot struct {
	zone  zone
	place *place
	field string // name of the nearest member
	node  int32  // the container; -1: none
	step  int32  // index in an array; -1: a member, or the root
	name  []byte // the member's, where it is one
}

// value reads a value of any kind.
func (r *textReader) value(s spot) error {
	switch r.dec.PeekKind() {
	case '{':
		return r.members(s)
	case '[':
		return r.elements(s)
	case '"':
		return r.stringAt(s)
	case '0':
		return r.numberAt(s)
	}
	_, err := r.token()
	return err
}

// enter adds the container that stands at s, and passes over its first token.
func (r *textReader) enter(s spot) (int32, error) {
	if len(r.texts.nodes) == maxTexts {
		return 0, r.fail(fmt.Sprintf("more than %d objects and arrays", maxTexts))
	}
	r.texts.nodes = append(r.texts.nodes, textNode{parent: s.node, step: s.step, name: s.name})
	_, err := r.token()
	return int32(len(r.texts.nodes) - 1), err
}

func (r *textReader) elements(s spot) error {
	node, err := r.enter(s)
	if err != nil {
		return err
	}
	in := s
	in.node, in.step, in.name = node, 0, nil
	for r.dec.PeekKind() != ']' {
		if err := r.value(in); err != nil {
			return err
		}
		in.step++
	}
	_, err = r.token()
	return err
}

// members reads an object. What its members say about each other is known only
// at its end.
func (r *textReader) members(s spot) error {
	node, err := r.enter(s)
	if err != nil {
		return err
	}
	about := said{first: len(r.texts.List)}
	for r.dec.PeekKind() != '}' {
		in, err := r.member(s, node)
		if err != nil {
			return err
		}
		before, nodes := len(r.texts.List), len(r.texts.nodes)
		if err := r.value(in); err != nil {
			return err
		}
		if in.place.says != saysNothing && in.zone != zoneData && in.zone != zoneAsserted {
			r.note(&about, in, node, before, nodes)
		}
	}
	_, err = r.token()
	r.settle(&about, node)
	return err
}

// member reads a member's name, and finds what its place makes of it.
func (r *textReader) member(s spot, node int32) (spot, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return spot{}, r.syntax(err)
	}
	end := int(r.dec.InputOffset())
	raw := r.body[end-len(v) : end]
	name, err := unquote(raw)
	if err != nil {
		return spot{}, r.syntax(err)
	}
	in := spot{zone: s.zone, place: &noPlace, node: node, step: -1, name: name}
	p := places[string(name)]
	if p != nil {
		in.field = p.name
	} else {
		in.field = r.intern(name)
		if err := r.add(Text{Field: s.field, Value: name, Start: end - len(raw), End: end, Kind: Name, node: node, step: -1}); err != nil {
			return spot{}, err
		}
	}
	if p != nil && s.zone != zoneData && s.zone != zoneAsserted {
		in.place = p
		in.zone = r.zoneOf(s, p)
	}
	return in, nil
}

// intern returns a name as a string, allocated once where names repeat.
func (r *textReader) intern(name []byte) string {
	if s, ok := r.names[string(name)]; ok {
		return s
	}
	s := string(name)
	if len(r.names) < maxInterned {
		r.names[s] = s
	}
	return s
}

// add lists a text. An empty one says nothing; in a stream, it says that a
// channel begins.
func (r *textReader) add(t Text) error {
	if len(t.Value) == 0 && !r.stream {
		return nil
	}
	if len(r.texts.List) == maxTexts {
		return r.fail(fmt.Sprintf("more than %d texts", maxTexts))
	}
	if r.within {
		t.Start, t.End = 0, 0
	}
	r.texts.List = append(r.texts.List, t)
	return nil
}

// stringAt lists a string.
func (r *textReader) stringAt(s spot) error {
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	end := int(r.dec.InputOffset())
	start := end - len(v)
	value, err := unquote(r.body[start:end])
	if err != nil {
		return r.syntax(err)
	}
	t := Text{Field: s.field, Start: start, End: end, node: s.node, step: s.step}
	if s.zone == zoneCount && s.field == "body" {
		return r.countedBody(value, s.node)
	}
	t.Kind, t.Value = s.kindOf(value)
	if s.place.chain > 0 && len(value) > 0 && (t.Kind == Prose || t.Kind == Data) && s.zone != zoneAside {
		at := &r.last[s.place.chain-1]
		t.Runs, t.After = *at > 0, max(*at-1, 0)
		*at = len(r.texts.List) + 1
	}
	return r.add(t)
}

// countedBody keeps a body in base64 to be read later. What is in it is listed
// in its place.
func (r *textReader) countedBody(text []byte, node int32) error {
	// Go's decoder passes over line ends; another might end there.
	body, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil || bytes.ContainsAny(text, "\r\n") {
		return r.fail("not base64")
	}
	r.counted = append(r.counted, countedBody{body, node})
	return nil
}

// digitsThatMatter is from how many digits on a number may be an identifier
// wherever it stands.
const digitsThatMatter = 6

// numberAt lists a number, where it may be a datum.
func (r *textReader) numberAt(s spot) error {
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	if s.zone != zoneData && s.zone != zoneAsserted {
		if s.place.says == saysIndex && r.stream && len(v) <= 9 {
			r.texts.nodes[s.node].mark = string(v)
		}
		if r.answer || len(v) < digitsThatMatter {
			return nil
		}
	}
	end := int(r.dec.InputOffset())
	start := end - len(v)
	return r.add(Text{Field: s.field, Value: r.body[start:end], Start: start, End: end, Kind: Number, node: s.node, step: s.step})
}
