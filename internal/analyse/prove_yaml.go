package analyse

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/writ-project/writ/internal/awsiam"
)

// assertionReader reads one file.
type assertionReader struct {
	file   string
	quotes map[int][]int // columns, by line, at which a quote was put in
}

func (r *assertionReader) errorf(at *token.Token, format string, args ...any) error {
	return fmt.Errorf("%s: %s", placeOf(r.position(at)), fmt.Sprintf(format, args...))
}

// position is where a token stands in the file as it was written.
func (r *assertionReader) position(at *token.Token) awsiam.Position {
	p := awsiam.Position{File: r.file}
	if at != nil && at.Position != nil {
		p.Line, p.Column = at.Position.Line, at.Position.Column
		for _, c := range r.quotes[p.Line] {
			if c < at.Position.Column {
				p.Column--
			}
		}
	}
	return p
}

// placeOf is a position as compilers write it.
func placeOf(p awsiam.Position) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// explain places an error of the YAML library.
func (r *assertionReader) explain(err error, at *token.Token) error {
	if e, ok := errors.AsType[yaml.Error](err); ok {
		return r.errorf(e.GetToken(), "%s", e.GetMessage())
	}
	return r.errorf(at, "%v", err)
}

// items returns the entries of the list of assertions.
func (r *assertionReader) items(text string) (items []ast.Node, err error) {
	// The parser is a third party's and reads what people write.
	defer func() {
		if p := recover(); p != nil {
			items, err = nil, r.errorf(nil, "the YAML cannot be read")
		}
	}()
	tokens := lexer.Tokenize(text)
	if at, why := refused(tokens); at != nil {
		return nil, r.errorf(at, "%s", why)
	}
	tokens = lexer.Tokenize(r.quoted(text, tokens))
	f, err := parser.Parse(tokens, 0)
	switch {
	case err != nil:
		return nil, r.explain(err, nil)
	case len(f.Docs) != 1 || f.Docs[0].Body == nil:
		return nil, r.errorf(nil, "want one document with a list called assertions")
	}
	pairs := pairsOf(f.Docs[0].Body)
	if len(pairs) != 1 || pairs[0].Key.String() != "assertions" {
		return nil, r.errorf(startOf(f.Docs[0].Body), "want a list called assertions, and nothing else")
	}
	list, ok := pairs[0].Value.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		return nil, r.errorf(pairs[0].Key.GetToken(), "assertions is no list, or an empty one")
	}
	return list.Values, nil
}

// refused finds what is not accepted: anchors, tags, and deep nesting.
func refused(tokens token.Tokens) (*token.Token, string) {
	open, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType:
			return t, "anchors, aliases, merges and tags are not accepted"
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		}
		if open > maxNesting || entries > maxNesting || t.Position.Column > 200*maxNesting && t.Type == token.MappingValueType {
			return t, fmt.Sprintf("nested more than %d deep", maxNesting)
		}
	}
	return nil, ""
}

func pairsOf(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// startOf is where a node begins for a reader: a mapping at its first key.
func startOf(n ast.Node) *token.Token {
	if pairs := pairsOf(n); len(pairs) > 0 {
		return pairs[0].Key.GetToken()
	}
	return n.GetToken()
}

// quoted puts texts such as family:anthropic.claude into quotes where they stand
// in braces: a colon with no space behind it belongs to the text (YAML 1.2.2,
// section 7.3.3), and the library takes it for the end of a key there.
func (r *assertionReader) quoted(text string, tokens token.Tokens) string {
	r.quotes = map[int][]int{}
	chars := []rune(text)
	at := offsets(chars)
	var out []rune
	done, depth := 0, 0
	for i, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		if depth == 0 || i+1 == len(tokens) || t.Type != token.StringType || tokens[i+1].Type != token.MappingValueType {
			continue
		}
		from, colon := at(t), at(tokens[i+1])
		to := plainEnd(chars, from)
		if from < done || to <= colon {
			continue
		}
		out = append(append(append(append(out, chars[done:from]...), '"'), chars[from:to]...), '"')
		done = to
		line, column := t.Position.Line, t.Position.Column+len(r.quotes[t.Position.Line])
		r.quotes[line] = append(r.quotes[line], column, column+1+to-from)
	}
	return string(append(out, chars[done:]...))
}

// offsets finds tokens by line and column: the library's own offsets do not
// count comments.
func offsets(chars []rune) func(*token.Token) int {
	starts := []int{0}
	for i, c := range chars {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return func(t *token.Token) int {
		line := min(max(t.Position.Line, 1), len(starts))
		return min(starts[line-1]+max(t.Position.Column, 1)-1, len(chars))
	}
}

// plainEnd is where a plain text in braces ends.
func plainEnd(chars []rune, from int) int {
	const ends = ",[]{}\n"
	for i := from; i < len(chars); i++ {
		c, next := chars[i], ' '
		if i+1 < len(chars) {
			next = chars[i+1]
		}
		switch {
		case strings.ContainsRune(ends, c) || c == '"' || c == '\\':
			return i
		case c == ':' && strings.ContainsRune(ends+" \t", next), c == '#' && i > from && slices.Contains([]rune{' ', '\t'}, chars[i-1]):
			return i
		}
	}
	return len(chars)
}
