package manifest

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one thing wrong with a resource, at its place in a file.
type Problem struct {
	File   string // as given to Parse
	Line   int    // 1-based; 0 when unknown
	Column int    // 1-based; 0 when unknown
	About  string // "Kind/name" and field, as far as known
	Text   string // what is wrong
	Hint   string // what to do about it; may be empty

	source string // the line's text, without its end
}

// Error says what is wrong and shows where, on up to four lines.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.place())
	if p.About != "" {
		b.WriteString(p.About + ": ")
	}
	b.WriteString(p.Text)
	if p.source != "" {
		b.WriteString("\n" + p.excerpt())
	}
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

func (p *Problem) place() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File + ": "
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: ", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
}

// excerpt shows the line with a caret under the column. Tabs stay tabs in the
// padding, so that the caret stands right whatever their width.
func (p *Problem) excerpt() string {
	const widest = 160
	text := []rune(p.source)
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text[:min(max(p.Column-1, 0), len(text))]))
	if len(text) > widest {
		text = append(text[:widest:widest], '…')
	}
	gutter := fmt.Sprintf("%5d | ", p.Line)
	out := gutter + string(text)
	if p.Column > 0 && p.Column <= widest {
		out += "\n" + strings.Repeat(" ", len(gutter)-2) + "| " + pad + "^"
	}
	return out
}

// Problems takes a joined error of this package apart. Errors that carry no
// place come back as Problems without one.
func Problems(err error) []*Problem {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok && error(p) == err {
		return []*Problem{p}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*Problem
		for _, e := range many.Unwrap() {
			out = append(out, Problems(e)...)
		}
		return out
	}
	return []*Problem{{Text: err.Error()}}
}
