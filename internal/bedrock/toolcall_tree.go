package bedrock

import (
	"fmt"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonTree is a JSON text with the places of its values.
type jsonTree struct {
	body  []byte
	nodes []jsonNode // in the text's order; the root is the first
}

// jsonNode is a value.
type jsonNode struct {
	kind       jsontext.Kind
	name       string // the member's, where it is one
	member     bool
	parent     int // -1: none
	from       int // where it begins: a member with its name
	start, end int // the value's place
	after      int // the first node that is not in this one
}

// none stands for a node that is not there.
const none = -1

// readTree reads a whole JSON text. It refuses what jsonReader refuses, and more
// than maxTexts values.
func readTree(where string, body []byte) (*jsonTree, error) {
	r := treeReader{tree: &jsonTree{body: body}}
	r.lenient = true
	r.reset(where, body)
	if len(body) == 0 {
		return nil, r.fail("empty")
	}
	if err := r.value(jsonNode{parent: none}); err != nil {
		return nil, err
	}
	return r.tree, r.end()
}

type treeReader struct {
	jsonReader
	tree *jsonTree
}

// value reads the value that stands as n says. Nesting is bounded.
func (r *treeReader) value(n jsonNode) error {
	if len(r.tree.nodes) == maxTexts {
		return r.fail(fmt.Sprintf("more than %d values", maxTexts))
	}
	at := len(r.tree.nodes)
	n.kind = r.dec.PeekKind()
	r.tree.nodes = append(r.tree.nodes, n)
	before := r.dec.InputOffset()
	if err := r.inside(at, n.kind); err != nil {
		return err
	}
	done := &r.tree.nodes[at]
	done.end, done.after = int(r.dec.InputOffset()), len(r.tree.nodes)
	done.start = done.end - len(r.since(before))
	if !n.member {
		done.from = done.start
	}
	return nil
}

func (r *treeReader) inside(at int, kind jsontext.Kind) error {
	switch kind {
	case '{':
		return r.children('}', func() error { return r.memberOf(at) })
	case '[':
		return r.children(']', func() error { return r.value(jsonNode{parent: at}) })
	}
	_, err := r.token()
	return err
}

func (r *treeReader) children(end jsontext.Kind, read func() error) error {
	if _, err := r.token(); err != nil {
		return err
	}
	for r.dec.PeekKind() != end {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

func (r *treeReader) memberOf(at int) error {
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	name, err := unquote(v)
	if err != nil {
		return r.syntax(err)
	}
	from := int(r.dec.InputOffset()) - len(v)
	return r.value(jsonNode{parent: at, member: true, name: string(name), from: from})
}

// children are the members or elements of a node.
func (t *jsonTree) children(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		if n == none {
			return
		}
		for c := n + 1; c < t.nodes[n].after; c = t.nodes[c].after {
			if !yield(c) {
				return
			}
		}
	}
}

// child is the member of that path of names, or none.
func (t *jsonTree) child(n int, path ...string) int {
	for _, name := range path {
		n = t.member(n, name)
	}
	return n
}

func (t *jsonTree) member(n int, name string) int {
	if !t.is(n, '{') {
		return none
	}
	for c := range t.children(n) {
		if t.nodes[c].name == name {
			return c
		}
	}
	return none
}

// is reports whether a node is there, and of a kind.
func (t *jsonTree) is(n int, kind jsontext.Kind) bool { return n != none && t.nodes[n].kind == kind }

// raw is a value as it is written.
func (t *jsonTree) raw(n int) []byte { return t.body[t.nodes[n].start:t.nodes[n].end] }

// text is a string, without quotes and escapes; nil of anything else.
func (t *jsonTree) text(n int) []byte {
	if !t.is(n, '"') {
		return nil
	}
	// The decoder accepted the string before: it has no error to report.
	v, _ := unquote(t.raw(n))
	return v
}

// number is a small whole number from 0 on.
func (t *jsonTree) number(n int) (int, bool) {
	const mostDigits = 9
	if !t.is(n, '0') || len(t.raw(n)) > mostDigits {
		return 0, false
	}
	value := 0
	for _, c := range t.raw(n) {
		if c < '0' || c > '9' {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return value, true
}

// treeEditor makes another text of a tree.
type treeEditor struct {
	*jsonTree
	removed map[int]bool
	added   map[int][]byte // to the end of an object or array: what is written there
	patches []patch
}

// patch puts other bytes in the place of some.
type patch struct {
	start, end int
	bytes      []byte
}

func edit(t *jsonTree) *treeEditor {
	return &treeEditor{jsonTree: t, removed: make(map[int]bool), added: make(map[int][]byte)}
}

// set puts another value in the place of one.
func (e *treeEditor) set(n int, value []byte) {
	e.patches = append(e.patches, patch{e.nodes[n].start, e.nodes[n].end, value})
}

// setText puts a string in the place of a value. What is not UTF-8 in it is replaced.
func (e *treeEditor) setText(n int, text []byte) { e.set(n, appendText(nil, string(text))) }

// add writes an element, or a member with its name, at the end of a container.
func (e *treeEditor) add(n int, written []byte) {
	if len(e.added[n]) > 0 {
		e.added[n] = append(e.added[n], ',')
	}
	e.added[n] = append(e.added[n], written...)
}

// left is how many of a container's children are not removed.
func (e *treeEditor) left(n int) int {
	count := 0
	for c := range e.children(n) {
		if !e.removed[c] {
			count++
		}
	}
	return count
}

// changed reports whether bytes will not be the text as it is.
func (e *treeEditor) changed() bool { return len(e.removed)+len(e.added)+len(e.patches) > 0 }

// bytes is the text with all changes; what none of them is about is as it was.
func (e *treeEditor) bytes() []byte {
	if !e.changed() {
		return e.body
	}
	containers := make(map[int]bool)
	for n := range e.removed {
		containers[e.nodes[n].parent] = true
	}
	for n := range e.added {
		containers[n] = true
	}
	for n := range containers {
		e.container(n)
	}
	return e.apply()
}

// container makes the patches that take children out of an object or array, with
// the commas that parted them, and write what is added behind the others.
func (e *treeEditor) container(n int) {
	kept, run := none, none // the end of the last child kept; the start of those removed since
	for c := range e.children(n) {
		switch {
		case e.removed[c] && run == none:
			run = e.nodes[c].from
		case !e.removed[c]:
			if run != none {
				e.patches = append(e.patches, patch{run, e.nodes[c].from, nil})
			}
			kept, run = e.nodes[c].end, none
		}
	}
	added := e.added[n]
	if kept != none && len(added) > 0 {
		added = append([]byte{','}, added...)
	}
	begin, end := kept, kept
	if kept == none {
		begin, end = e.nodes[n].start+1, e.nodes[n].start+1
	}
	if run != none {
		end = e.nodes[n].end - 1
	}
	e.patches = append(e.patches, patch{begin, end, added})
}

// apply makes the text. A change within what is removed is not made.
func (e *treeEditor) apply() []byte {
	slices.SortStableFunc(e.patches, func(a, b patch) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return b.end - a.end
	})
	out, copied := make([]byte, 0, len(e.body)), 0
	for _, p := range e.patches {
		if p.start < copied {
			continue
		}
		out = append(append(out, e.body[copied:p.start]...), p.bytes...)
		copied = p.end
	}
	return append(out, e.body[copied:]...)
}
