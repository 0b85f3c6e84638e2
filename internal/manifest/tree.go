package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"
)

// jsonNumber is what YAML and JSON read as the same number.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// json writes a document's tree as JSON, so that one strict decoder judges
// both YAML and what the store holds. It refuses what has no plain JSON
// counterpart.
func (s *source) json(body ast.Node) ([]byte, error) {
	return s.appendJSON(nil, body, maxDepth)
}

func (s *source) appendJSON(out []byte, n ast.Node, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, s.problem(start(n), fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return s.appendMapping(out, n.Values, depth)
	case *ast.MappingValueNode:
		return s.appendMapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		return s.appendSequence(out, n, depth)
	case *ast.StringNode:
		return jsontext.AppendQuote(out, n.Value)
	case *ast.LiteralNode:
		return jsontext.AppendQuote(out, n.Value.Value)
	case *ast.BoolNode:
		return strconv.AppendBool(out, n.Value), nil
	case *ast.IntegerNode, *ast.FloatNode:
		text := n.GetToken().Value
		if !jsonNumber.MatchString(text) {
			p := s.problem(n.GetToken(), fmt.Sprintf("number %q: want plain decimal digits", text))
			p.Hint = "put the value in quotes if it is text"
			return nil, p
		}
		return append(out, text...), nil
	}
	return nil, s.unreadable(n)
}

// unreadable says why a node is not part of the accepted subset.
func (s *source) unreadable(n ast.Node) *Problem {
	if n == nil {
		return s.problem(nil, "a value is missing")
	}
	p := s.problem(n.GetToken(), "")
	switch n.(type) {
	case *ast.NullNode:
		p.Text, p.Hint = "empty value", "give the field a value, or leave it out"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		p.Text, p.Hint = "anchors, aliases and merges are not accepted", "write the value out where it is used"
	case *ast.TagNode:
		p.Text, p.Hint = "tags are not accepted", "write the plain value"
	default:
		p.Text = "this kind of value is not accepted"
	}
	return p
}

func (s *source) appendMapping(out []byte, values []*ast.MappingValueNode, depth int) ([]byte, error) {
	out = append(out, '{')
	seen := make(map[string]bool, len(values))
	for i, v := range values {
		key, ok := v.Key.(*ast.StringNode)
		if !ok {
			if _, merge := v.Key.(*ast.MergeKeyNode); merge {
				return nil, s.unreadable(v.Key)
			}
			return nil, s.problem(v.Key.GetToken(), "a field's name must be text")
		}
		if seen[key.Value] {
			return nil, s.problem(key.Token, fmt.Sprintf("field %q is given twice", key.Value))
		}
		seen[key.Value] = true
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = jsontext.AppendQuote(out, key.Value); err != nil {
			return nil, s.problem(key.Token, err.Error())
		}
		if out, err = s.appendJSON(append(out, ':'), v.Value, depth-1); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func (s *source) appendSequence(out []byte, n *ast.SequenceNode, depth int) ([]byte, error) {
	out = append(out, '[')
	for i, v := range n.Values {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = s.appendJSON(out, v, depth-1); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// find returns the node at a JSON pointer, or the nearest one above it.
func find(n ast.Node, p jsontext.Pointer) ast.Node {
	for t := range p.Tokens() {
		next := child(n, t)
		if next == nil {
			return nil
		}
		n = next
	}
	return n
}

// findKey returns the key of the member at a JSON pointer.
func findKey(n ast.Node, p jsontext.Pointer) ast.Node {
	parent := find(n, p.Parent())
	if i := slices.IndexFunc(members(parent), func(v *ast.MappingValueNode) bool { return keyText(v) == p.LastToken() }); i >= 0 {
		return members(parent)[i].Key
	}
	return nil
}

func child(n ast.Node, name string) ast.Node {
	if seq, ok := n.(*ast.SequenceNode); ok {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(seq.Values) {
			return seq.Values[i]
		}
		return nil
	}
	for _, v := range members(n) {
		if keyText(v) == name {
			return v.Value
		}
	}
	return nil
}

func members(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func keyText(v *ast.MappingValueNode) string {
	if k, ok := v.Key.(*ast.StringNode); ok {
		return k.Value
	}
	return ""
}
