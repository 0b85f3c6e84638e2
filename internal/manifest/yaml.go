package manifest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// YAML writes the resource as a document that Parse reads back as the same
// resource, fields in the order of their type. Text is quoted unless no
// reader of YAML could take it for anything else.
func (r Resource) YAML() ([]byte, error) {
	spec, err := r.Encode()
	if err != nil {
		return nil, err
	}
	w := yamlWriter{dec: jsontext.NewDecoder(bytes.NewReader(spec))}
	fmt.Fprintf(&w.out, "apiVersion: %s\nkind: %s\nname: %s\nspec:", APIVersion, r.Kind, scalar(r.Name))
	if err := w.value(1); err != nil {
		return nil, fmt.Errorf("writing %s: %w", r.ID(), err)
	}
	return w.out.Bytes(), nil
}

// yamlWriter turns a stream of JSON tokens into block-style YAML. Every value
// is written after its key's colon or its item's dash, and ends its line.
type yamlWriter struct {
	dec *jsontext.Decoder
	out bytes.Buffer
}

func (w *yamlWriter) value(depth int) error {
	t, err := w.dec.ReadToken()
	if err != nil {
		return err
	}
	switch t.Kind() {
	case '{':
		return w.members(depth)
	case '[':
		return w.items(depth)
	case '"':
		w.text(t.String(), depth)
	default:
		fmt.Fprintf(&w.out, " %s\n", t)
	}
	return nil
}

func (w *yamlWriter) members(depth int) error {
	if w.dec.PeekKind() == '}' {
		w.out.WriteString(" {}")
	}
	w.out.WriteByte('\n')
	for w.dec.PeekKind() != '}' {
		key, err := w.dec.ReadToken()
		if err != nil {
			return err
		}
		fmt.Fprintf(&w.out, "%s%s:", indent(depth), scalar(key.String()))
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	_, err := w.dec.ReadToken()
	return err
}

func (w *yamlWriter) items(depth int) error {
	if w.dec.PeekKind() == ']' {
		w.out.WriteString(" []")
	}
	w.out.WriteByte('\n')
	for w.dec.PeekKind() != ']' {
		fmt.Fprintf(&w.out, "%s-", indent(depth))
		if err := w.value(depth + 1); err != nil {
			return err
		}
	}
	_, err := w.dec.ReadToken()
	return err
}

// text writes lines of text as a literal block where that is exact, and as one
// scalar otherwise.
func (w *yamlWriter) text(s string, depth int) {
	if !block(s) {
		fmt.Fprintf(&w.out, " %s\n", scalar(s))
		return
	}
	w.out.WriteString(" |\n")
	for line := range strings.Lines(s) {
		if line != "\n" {
			w.out.WriteString(indent(depth))
		}
		w.out.WriteString(line)
	}
}

// block reports whether a text reads back from a literal block as it is: it
// begins with a visible character, ends with exactly one line end, and holds
// nothing but lines of printable characters.
func block(s string) bool {
	body, ok := strings.CutSuffix(s, "\n")
	if !ok || !strings.Contains(body, "\n") || body[0] <= ' ' || strings.HasSuffix(body, "\n") {
		return false
	}
	for line := range strings.Lines(s) {
		if line = strings.TrimSuffix(line, "\n"); strings.TrimSpace(line) == "" && line != "" {
			return false
		}
	}
	return strings.IndexFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }) < 0
}

// plain is text that needs no quotes: it looks like a word or a path, not like
// a number, a date, or anything with a meaning in YAML.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./@+-]*(:[A-Za-z0-9_./@+-]+)*( [A-Za-z0-9_./@+-]+)*$`)

// reserved are the words that some reader of YAML takes for something else.
var reserved = map[string]bool{"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true, "null": true, "nan": true, "inf": true}

// scalar quotes a text where needed. JSON's quoting is YAML's too; characters
// beyond the printable are escaped for readers that fold or drop them.
func scalar(s string) string {
	if plain.MatchString(s) && !reserved[strings.ToLower(s)] {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func indent(depth int) string { return strings.Repeat("  ", depth) }
