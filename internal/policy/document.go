package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/writ-project/writ/internal/cedarset"
)

// The names that only Writ gives.
const (
	builtinName = "builtin"
	grantPrefix = "grant:"
)

// loadDocument parses a document and validates each policy strictly, and by
// Writ's own rules. A policy is named <document>/<@id, else its number from 1>.
func loadDocument(v *vocabulary, d Document) ([]*rule, error) {
	parsed, err := cedarset.Parse(d.Name, d.Text)
	if err != nil {
		return nil, err
	}
	var errs []error
	rules := make([]*rule, 0, len(parsed))
	for i, p := range parsed {
		tree := treeOf(p)
		r := newRule(nameOf(d.Name, tree, i), describe(tree), tree)
		r.clauses = conjuncts(tree)
		for _, p := range inspect(v, r) {
			if p.Severity == SeverityError {
				errs = append(errs, fmt.Errorf("%s:%d: policy %s: %s", d.Name, lineOf(tree), r.id, p.Text))
			}
		}
		rules = append(rules, r)
	}
	return rules, errors.Join(errs...)
}

func nameOf(document string, p *policyTree, i int) string {
	if id := annotation(p, "id"); id != "" {
		return document + "/" + id
	}
	return document + "/" + strconv.Itoa(i+1)
}

// describe is the policy's @text, else what it does in general.
func describe(p *policyTree) string {
	switch {
	case annotation(p, "text") != "":
		return annotation(p, "text")
	case forbids(p):
		return "forbidden by a rule of the organisation"
	default:
		return "permitted by a rule of the organisation"
	}
}

// boundAnnotation states the most tokens of an answer that a policy lets be asked
// for.
const boundAnnotation = "max_output_tokens"

// boundOf is the bound that a policy states; 0 when it states none that is one.
func boundOf(p *policyTree) int64 {
	n, err := strconv.ParseInt(annotation(p, boundAnnotation), 10, 32)
	if err != nil || n < 1 {
		return 0
	}
	return n
}

func boundText(n int64) string {
	return fmt.Sprintf("@%s(%q)", boundAnnotation, strconv.FormatInt(n, 10))
}

// checkBound holds a policy's bound against what it is about.
func checkBound(r *rule) string {
	limits := r.head.action.op != scopeAny && r.head.action.matches(obligation(ObligeMaxOutputTokens), []uid{obligation(ObligeMaxOutputTokens), groupOblige})
	stated := annotation(r.tree, boundAnnotation)
	switch {
	case limits && r.bound == 0:
		return fmt.Sprintf("@%s(%q): want the most tokens that may be asked for, from 1", boundAnnotation, stated)
	case !limits && stated != "":
		return fmt.Sprintf("@%s says nothing: the policy does not impose %s", boundAnnotation, obligation(ObligeMaxOutputTokens).ID)
	}
	return ""
}

// obligationsNamed reports whether some, and whether all, of the actions that a
// rule names are obligations. A rule for any action names none: else it would
// impose, or lift, every obligation by saying nothing.
func obligationsNamed(r *rule, actions map[uid][]uid) (some, all bool) {
	if r.head.action.op == scopeAny {
		return false, false
	}
	others := false
	for id, lineage := range actions {
		if r.head.action.matches(id, lineage) {
			if slices.Contains(lineage, groupOblige) {
				some = true
			} else {
				others = true
			}
		}
	}
	return some, some && !others
}
