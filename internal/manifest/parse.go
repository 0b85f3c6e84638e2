package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
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
	var out []Resource
	var errs []error
	for _, doc := range s.split() {
		body, err := doc.tree()
		if err == nil && body != nil {
			var r Resource
			if r, err = doc.resource(body); err == nil {
				out = append(out, r)
			}
		}
		errs = append(errs, err)
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
		case d.IsDir() || !Readable(name):
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

// Readable reports whether a file is a manifest, by its name.
func Readable(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".cedar":
		return true
	}
	return false
}

// source is one file, or one document of it, while it is being read.
type source struct {
	file  string
	first int      // lines of the file before lines[0]
	lines []string // without their ends
}

// split cuts a stream into its documents. The parser is given one at a time,
// because it loses those that follow an empty one.
func (s *source) split() []*source {
	var out []*source
	start := 0
	for i, line := range s.lines {
		if i > start && marker(line, "---") {
			out = append(out, &source{s.file, start, append(slices.Clip(s.lines[start:i]), "")}) // each line ends
			start = i
		}
	}
	return append(out, &source{s.file, start, s.lines[start:]})
}

// marker reports whether a line is a document marker: those stand at the left
// edge, where no text of a document can (YAML 1.2.2, §9.1.2).
func marker(line, mark string) bool {
	rest, ok := strings.CutPrefix(line, mark)
	return ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// problem places a text at a token; a nil token places it in the file.
func (s *source) problem(at *token.Token, text string) *Problem {
	p := &Problem{File: s.file, Text: text}
	if at == nil || at.Position == nil {
		return p
	}
	p.Line, p.Column = s.first+at.Position.Line, at.Position.Column
	if n := at.Position.Line; n >= 1 && n <= len(s.lines) {
		p.source = s.lines[n-1]
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

// tree parses one document; one that holds only comments has none.
func (s *source) tree() (body ast.Node, err error) {
	// The parser is a third party's and reads what operators upload.
	defer func() {
		if r := recover(); r != nil {
			body, err = nil, &Problem{File: s.file, Line: s.first + 1, Text: "the YAML cannot be read"}
		}
	}()
	if i := slices.IndexFunc(s.lines, func(l string) bool { return marker(l, "...") }); i >= 0 {
		return nil, &Problem{File: s.file, Line: s.first + i + 1, Text: "document end markers are not accepted", Hint: "begin the next document with ---", source: s.lines[i]}
	}
	tokens := lexer.Tokenize(strings.Join(s.lines, "\n"))
	if at := tooDeep(tokens); at != nil {
		return nil, s.problem(at, fmt.Sprintf("nested more than %d deep", maxDepth))
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // refused below, with the right line
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok {
			return nil, s.problem(e.GetToken(), e.GetMessage())
		}
		return nil, s.problem(nil, err.Error())
	}
	if len(f.Docs) > 1 {
		return nil, s.problem(f.Docs[1].Start, "want one document")
	}
	if len(f.Docs) == 1 {
		body = f.Docs[0].Body
	}
	return body, nil
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
