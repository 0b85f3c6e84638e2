package estate

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
)

// span is part of a cursor's value; the zero span is none.
type span struct{ from, to int64 }

func (s span) is() bool { return s.to > s.from }

// span takes the next value without reading it. Null is none.
func (c *cursor) span(into *span) error {
	raw, at, err := c.value()
	if err == nil && string(raw) != "null" {
		*into = span{at, at + int64(len(raw))}
	}
	return err
}

// document reads a policy document: an object, a string that holds one, or such
// a string in the percent-encoding of the IAM API (RFC 3986).
func (c *cursor) document(name string, s span) *awsiam.Document {
	raw := c.raw[s.from:s.to]
	if raw[0] != '"' {
		return c.parsed(name, raw, c.position(s.from))
	}
	text, err := decoded(unquote(raw))
	if err != nil {
		c.problem(s.from, "the policy document is a string that cannot be decoded: %v", err)
		return standIn(name, "its encoding cannot be read")
	}
	at := c.position(s.from)
	doc, problems := awsiam.Parse(name, text, at)
	for i := range problems { // what stands inside a string has no place of its own
		problems[i].Position = at
	}
	for i := range doc.Statements {
		doc.Statements[i].Position = at
	}
	c.problems = append(c.problems, problems...)
	return doc
}

// The bounds of what a cursor remembers of documents.
const (
	maxRemembered = 1024
	maxRepeated   = 4096 // bytes of a document
)

// remembered is a document that may come again: most accounts have a few trust
// policies a hundred times over.
type remembered struct {
	doc *awsiam.Document
	at  awsiam.Position
}

// parsed reads a document, or takes one of the same text, under another name and
// in another place. Statements are not changed once read, so what is in them is
// shared.
func (c *cursor) parsed(name string, raw []byte, at awsiam.Position) *awsiam.Document {
	if r, ok := c.seen[string(raw)]; ok {
		return r.again(name, at)
	}
	doc, problems := awsiam.Parse(name, raw, at)
	c.problems = append(c.problems, problems...)
	if len(problems) == 0 && len(raw) <= maxRepeated && len(c.seen) < maxRemembered {
		if c.seen == nil {
			c.seen = map[string]remembered{}
		}
		c.seen[string(raw)] = remembered{doc, at}
	}
	return doc
}

func (r remembered) again(name string, at awsiam.Position) *awsiam.Document {
	doc := *r.doc
	doc.Name = name
	doc.Statements = slices.Clone(r.doc.Statements)
	for i := range doc.Statements {
		p := &doc.Statements[i].Position
		if p.Line == r.at.Line {
			p.Column += at.Column - r.at.Column
		}
		p.File, p.Offset, p.Line = at.File, p.Offset+at.Offset-r.at.Offset, p.Line+at.Line-r.at.Line
	}
	return &doc
}

func decoded(text string) ([]byte, error) {
	if len(text) == 0 || text[0] != '%' {
		return []byte(text), nil
	}
	plain, err := url.PathUnescape(text)
	return []byte(plain), err
}

// wrappers are the members in which the AWS CLI hands out a policy document, by
// how they nest: `organizations describe-policy`, `iam get-policy-version`,
// `iam get-role-policy`, `s3api get-bucket-policy`, `kms get-key-policy`,
// `secretsmanager get-resource-policy`, `bedrock get-resource-policy` …
var wrappers = map[string]bool{
	"Policy": true, "Content": true, "PolicyVersion": true, "Document": true, "PolicyDocument": true,
	"ResourcePolicy": true, "resourcePolicy": true, "policy": true,
}

// policies reads a file of policy documents: one, a list of them, or what the
// CLI wraps them in. Names are the file's, numbered if there are several.
func (c *cursor) policies(name string) ([]*awsiam.Document, error) {
	var whole span
	if err := c.span(&whole); err != nil {
		return nil, err
	}
	if err := c.end(); err != nil {
		return nil, err
	}
	if !whole.is() || c.raw[whole.from] != '[' {
		return []*awsiam.Document{c.unwrapped(name, whole, 0)}, nil
	}
	docs := []*awsiam.Document{}
	in := c.inside(whole)
	err := in.items("the list of policies", func() error {
		var s span
		if err := in.span(&s); err != nil {
			return err
		}
		docs = append(docs, in.unwrapped(fmt.Sprintf("%s[%d]", name, len(docs)), s, 0))
		return nil
	})
	c.problems = append(c.problems, in.problems...)
	return docs, err
}

// inside is a cursor on part of the value.
func (c *cursor) inside(s span) *cursor {
	in := newCursor()
	in.begin(c.raw[s.from:s.to], c.position(s.from), c.what)
	in.problems = nil // UTF-8 was looked at before
	return in
}

// unwrapped reads a document, through up to three wrappers.
func (c *cursor) unwrapped(name string, s span, depth int) *awsiam.Document {
	if !s.is() {
		c.problem(s.from, "null where a policy document belongs")
		return standIn(name, "there is no document")
	}
	if raw := c.raw[s.from:s.to]; raw[0] == '{' && depth < 3 {
		in := c.inside(s)
		inner := in.wrapped()
		if inner.is() {
			doc := in.unwrapped(name, inner, depth+1)
			c.problems = append(c.problems, in.problems...)
			return doc
		}
	}
	return c.document(name, s)
}

// wrapped is the document inside an object that is not one itself.
func (c *cursor) wrapped() (inner span) {
	statement := false
	err := c.members("the object", func(name string) error {
		statement = statement || name == "Statement"
		if wrappers[name] && !inner.is() {
			return c.span(&inner)
		}
		return c.skip()
	})
	c.problems = nil
	if err != nil || statement || !inner.is() || !bytes.ContainsAny(c.raw[inner.from:inner.from+1], `{"`) {
		return span{}
	}
	return inner
}
