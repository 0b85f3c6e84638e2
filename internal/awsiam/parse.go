package awsiam

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Parse reads a policy document. It never gives up on the whole for a part: a
// statement that AWS would have refused stays, with what could not be read of
// it Unknown, and is named in the problems. Only JSON that is broken leaves
// nothing, and then Document.Doubt says so. at is where data begins in its file.
func Parse(name string, data []byte, at Position) (*Document, []Problem) {
	p := parser{doc: &Document{Name: name, Version: olderVersion}, data: data, at: at, line: 1}
	r := readers.Get().(*treeReader)
	defer r.release()
	tree, err := r.readTree(data)
	if err != nil {
		offset, why := r.plain(data, err)
		p.problem(-1, int64(offset), "%s", why)
		at := p.problems[0].Position
		p.doc.Doubt = fmt.Sprintf("line %d, column %d: %s", at.Line, at.Column, why)
		return p.doc, p.problems
	}
	if !r.utf8 {
		p.problem(-1, firstInvalid(data), "it is not UTF-8; what is not is read as U+FFFD")
	}
	p.doc.Chars = compactChars(data)
	p.document(tree)
	return p.doc, p.problems
}

// firstInvalid is where data stops being UTF-8.
func firstInvalid(data []byte) int64 {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return int64(at)
}

// compactChars counts characters as IAM does for its limits: not white space.
func compactChars(data []byte) int {
	n := utf8.RuneCount(data)
	for _, space := range []string{" ", "\t", "\n", "\r"} {
		n -= bytes.Count(data, []byte(space))
	}
	return n
}

type parser struct {
	doc      *Document
	data     []byte
	at       Position
	problems []Problem

	// The line that was asked for last: most questions go on from there.
	line            int
	seen, lineStart int
}

func (p *parser) problem(statement int, offset int64, format string, args ...any) {
	p.problems = append(p.problems, Problem{Position: p.position(offset), Document: p.doc.Name, Statement: statement, Reason: fmt.Sprintf(format, args...)})
}

// position is where an offset of the document stands in its file.
func (p *parser) position(offset int64) Position {
	line, column := p.lineOf(int(offset))
	pos := Position{File: p.at.File, Offset: p.at.Offset + offset, Line: line, Column: column}
	if p.at.Line > 0 {
		if line == 1 {
			pos.Column += max(p.at.Column-1, 0)
		}
		pos.Line += p.at.Line - 1
	}
	return pos
}

// lineOf is the line and column, from 1, of a byte.
func (p *parser) lineOf(at int) (line, column int) {
	from, to := min(p.seen, at), max(p.seen, at)
	n := bytes.Count(p.data[from:to], []byte("\n"))
	if at < p.seen {
		n = -n
	}
	if p.line, p.seen = p.line+n, at; n != 0 {
		p.lineStart = bytes.LastIndexByte(p.data[:at], '\n') + 1
	}
	return p.line, at - p.lineStart + 1
}

// elements are the members of an object whose names a list knows, in its order.
type elements struct {
	names  []string
	values [9]value
	odd    []string // names that are unknown
	twice  []string // names that stand twice: which AWS would read is not known
}

func (e *elements) get(name string) value { return e.values[slices.Index(e.names, name)] }

// elements sorts out an object's members, and reports what is odd. Of a name
// that stands twice it keeps neither value.
func (p *parser) elements(v value, statement int, names []string) (e elements) {
	e.names = names
	what := "statement"
	if statement < 0 {
		what = "policy, and is passed over"
	}
	for i := range v.items {
		m := &v.items[i]
		switch at := slices.Index(names, m.name); {
		case at < 0:
			p.problem(statement, m.nameAt, "%.60q is no element of a "+what, m.name)
			e.odd = append(e.odd, m.name)
		case e.values[at].kind != 0 || slices.Contains(e.twice, m.name):
			p.problem(statement, m.nameAt, "%.60q stands twice", m.name)
			e.values[at] = value{}
			if !slices.Contains(e.twice, m.name) {
				e.twice = append(e.twice, m.name)
			}
		default:
			e.values[at] = *m
		}
	}
	return e
}

var documentElements = []string{"Version", "Id", "Statement"}

func (p *parser) document(v value) {
	if v.kind != '{' {
		p.problem(-1, v.offset, "a policy document is a JSON object")
		p.doc.Doubt = "it is not a JSON object"
		return
	}
	e := p.elements(v, -1, documentElements)
	p.version(e.get("Version"))
	list := e.get("Statement")
	switch {
	case slices.Contains(e.twice, "Statement") || slices.Contains(e.twice, "Version"):
		p.doc.Doubt = fmt.Sprintf("%q stands twice", e.twice[0])
		return
	case list.kind == 0:
		p.problem(-1, v.offset, "the policy has no Statement")
		p.doc.Doubt = "it has no Statement"
		return
	case list.kind == '{':
		list.items = []value{list}
	case list.kind != '[':
		p.problem(-1, list.offset, "Statement is neither an object nor a list")
		p.doc.Doubt = "its Statement cannot be read"
		return
	}
	p.doc.Statements = make([]Statement, len(list.items))
	for i := range list.items {
		p.statement(i, &list.items[i])
	}
}

// version sets the document's version; one that AWS does not have is taken for
// the current one.
func (p *parser) version(v value) {
	switch {
	case v.kind == 0:
	case v.kind == '"' && (v.text == currentVersion || v.text == olderVersion):
		p.doc.Version = v.text
	default:
		p.problem(-1, v.offset, "version %.40q is not %q or %q; it is read as the former", v.text, currentVersion, olderVersion)
		p.doc.Version = currentVersion
	}
}
