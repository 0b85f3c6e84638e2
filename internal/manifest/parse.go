package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// MaxFile is the largest file that Parse reads, in bytes.
const MaxFile = 8 << 20

// maxDepth bounds nesting: the deepest field of any kind is six levels down.
const maxDepth = 32

// Parse reads the resources of one file: Cedar when its name ends in .cedar,
// which makes one policy named after the file, and a stream of YAML documents
// otherwise. It returns the resources that are sound, and the others' problems
// joined, each a *Problem. A caller that acts on the result needs a nil error.
func Parse(file string, data []byte) ([]Resource, error) {
	s := &source{file: file}
	switch {
	case len(data) > MaxFile:
		return nil, s.problem(nil, fmt.Sprintf("file has %d bytes: want at most %d", len(data), MaxFile))
	case !utf8.Valid(data):
		return nil, s.problem(nil, "file is not UTF-8")
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	s.lines = strings.Split(text, "\n")
	if path.Ext(file) == ".cedar" {
		return s.cedar(text)
	}
	docs, err := s.documents(text)
	if err != nil {
		return nil, err
	}
	var out []Resource
	var errs []error
	for _, doc := range docs {
		r, err := s.resource(doc)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, r)
	}
	return out, errors.Join(errs...)
}

// LoadDir parses every .yaml, .yml and .cedar file below the root of fsys, in
// path order. Hidden files and directories are passed over. It returns what is
// sound and every file's problems joined.
func LoadDir(fsys fs.FS) ([]Resource, error) {
	var out []Resource
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || !readable(name):
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		found, err := Parse(name, data)
		out = append(out, found...)
		errs = append(errs, err)
		return nil
	})
	if err != nil {
		errs = append(errs, fmt.Errorf("reading manifests: %w", err))
	}
	return out, errors.Join(errs...)
}

func readable(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".cedar":
		return true
	}
	return false
}

// source is one file while it is being read.
type source struct {
	file  string
	lines []string
}

// problem places a text at a token; a nil token places it in the file.
func (s *source) problem(at *token.Token, text string) *Problem {
	p := &Problem{File: s.file, Text: text}
	if at == nil || at.Position == nil {
		return p
	}
	p.Line, p.Column = at.Position.Line, at.Position.Column
	if p.Line >= 1 && p.Line <= len(s.lines) {
		p.source = s.lines[p.Line-1]
	}
	return p
}

func (s *source) cedar(text string) ([]Resource, error) {
	r := Resource{Kind: PolicyKind, Name: strings.TrimSuffix(path.Base(s.file), ".cedar"), Spec: &Policy{Text: text}, File: s.file, Line: 1}
	r.settle()
	if err := r.Validate(); err != nil {
		p := s.problem(nil, err.Error())
		p.Hint = "the policy is named after its file"
		return nil, p
	}
	return []Resource{r}, nil
}

// documents splits a stream into the bodies of its documents; documents that
// hold only comments are left out.
func (s *source) documents(text string) (bodies []ast.Node, err error) {
	// The parser is a third party's and reads what operators upload.
	defer func() {
		if r := recover(); r != nil {
			bodies, err = nil, s.problem(nil, "the YAML cannot be read")
		}
	}()
	tokens := lexer.Tokenize(text)
	if at := tooDeep(tokens); at != nil {
		return nil, s.problem(at, fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	f, err := parser.Parse(tokens, 0)
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok {
			return nil, s.problem(e.GetToken(), e.GetMessage())
		}
		return nil, s.problem(nil, err.Error())
	}
	for _, doc := range f.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	return bodies, nil
}

// tooDeep finds the first token nested deeper than the parser should be asked
// to recurse: open brackets, and entries on one line. Nesting by indentation
// costs its square in bytes and is caught when the tree is read.
func tooDeep(tokens token.Tokens) *token.Token {
	open, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType, token.AnchorType, token.TagType:
			entries++
		}
		if open > maxDepth || (open == 0 && entries > maxDepth) {
			return t
		}
	}
	return nil
}
