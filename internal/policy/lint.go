package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/cedarset"
)

// Severity says whether a problem keeps a document from being loaded.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Problem is something wrong, or doubtful, with a policy document.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line"` // from 1; 0 when unknown
	Policy   string   `json:"policy,omitempty"`
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Severity, p.Text)
}

// Lint examines documents as NewBundle would, and warns of what it would
// accept. Problems come in the order of documents and lines.
func Lint(docs []Document) []Problem {
	v := theVocabulary()
	var out []Problem
	seen := map[string]bool{}
	for _, d := range docs {
		out = append(out, lintDocument(v, d, seen)...)
	}
	return out
}

func lintDocument(v *vocabulary, d Document, seen map[string]bool) []Problem {
	parsed, err := cedarset.Parse(d.Name, d.Text)
	if err != nil {
		return []Problem{{File: d.Name, Line: lineIn(err.Error()), Severity: SeverityError, Text: err.Error()}}
	}
	var out []Problem
	for i, p := range parsed {
		r := newRule(nameOf(d.Name, treeOf(p), i), "", treeOf(p))
		found := inspect(v, r)
		if seen[r.id] {
			found = append(found, problem("the name %s is taken", r.id))
		}
		seen[r.id] = true
		for _, f := range found {
			f.File, f.Line, f.Policy = d.Name, lineOf(treeOf(p)), r.id
			out = append(out, f)
		}
	}
	return out
}

func problem(format string, args ...any) Problem {
	return Problem{Severity: SeverityError, Text: fmt.Sprintf(format, args...)}
}

func warning(format string, args ...any) Problem {
	return Problem{Severity: SeverityWarning, Text: fmt.Sprintf(format, args...)}
}

// inspect applies the strict validator and Writ's own rules to one policy.
func inspect(v *vocabulary, r *rule) []Problem {
	tree := r.tree
	var out []Problem
	if err := v.CheckPolicy("", tree); err != nil {
		lines := strings.Split(err.Error(), "\n")
		slices.Sort(lines)
		for _, line := range slices.Compact(lines) {
			out = append(out, problem("%s", line))
		}
	}
	if wrong := checkBound(r); wrong != "" {
		out = append(out, problem("%s", wrong))
	}
	return append(append(out, inspectTraits(r, traitsOf(tree))...), inspectHead(v, r)...)
}

// inspectTraits applies the rules on conditions.
func inspectTraits(r *rule, t traits) []Problem {
	var out []Problem
	if t.arithmetic {
		out = append(out, problem("arithmetic can overflow, and a policy that fails is skipped: compare the numbers instead"))
	}
	if t.wholesale {
		out = append(out, problem("context is read by attribute, never as a whole"))
	}
	switch {
	case t.asserted && !r.forbid:
		out = append(out, problem("a permit must not rest on context.asserted: it is the caller's own word (security S5)"))
	case t.asserted:
		out = append(out, warning("context.asserted is the caller's own word: a forbid that it can lift protects nothing"))
	}
	return out
}

// inspectHead applies the rules on what a policy is about.
func inspectHead(v *vocabulary, r *rule) []Problem {
	some, all := obligationsNamed(r, v.Actions())
	h := r.head
	switch {
	case some && !all:
		return []Problem{problem("a policy is about obligations or about other actions, not both")}
	case some && r.forbid:
		return []Problem{problem("obligations are imposed by permit and cannot be forbidden")}
	case !r.forbid && !some && h.principal.op == scopeAny:
		return []Problem{warning("a permit for every identity: grants are the way to permit")}
	case !r.forbid && !some && (h.action.op == scopeAny || h.resource.op == scopeAny):
		return []Problem{warning("a permit for every action or resource")}
	}
	return nil
}

// lineIn finds the line in a parser's message ("… at <input>:3:7 …").
func lineIn(message string) int {
	for _, word := range strings.FieldsFunc(message, func(c rune) bool { return c == ' ' || c == ',' }) {
		var line, column int
		parts := strings.Split(strings.TrimSuffix(word, ":"), ":")
		if len(parts) < 3 {
			continue
		}
		tail := strings.Join(parts[len(parts)-2:], ":")
		if n, _ := fmt.Sscanf(tail, "%d:%d", &line, &column); n == 2 {
			return line
		}
	}
	return 0
}
