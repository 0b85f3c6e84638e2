package awsiam

import (
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/glob"
)

// Cuts are what the conditions on one key tell apart: values that lie alike to
// all of them are the same to every policy. The zero value tells nothing apart.
type Cuts struct {
	Patterns []glob.Pattern // of strings and ARNs
	Numbers  []*big.Rat
	Dates    []time.Time
	Prefixes []netip.Prefix
	Boolean  bool
	Binary   bool // Patterns are literals in base64
	// Conditions are those that were cut by, each once for what its variables
	// stood for, which Given has.
	Conditions []*Condition
	Given      []Context
}

// Cut adds what a condition tells apart, its variables resolved in a context.
func (c *Condition) Cut(ctx Context, cuts *Cuts) {
	given := c.given(ctx)
	for i, d := range cuts.Conditions {
		if d == c && maps.EqualFunc(cuts.Given[i], given, Value.Equal) {
			return
		}
	}
	cuts.Conditions, cuts.Given = append(cuts.Conditions, c), append(cuts.Given, given)
	for i := range c.tests {
		c.cutTest(&c.tests[i], ctx, cuts)
	}
}

// given is what a context holds for the variables of the condition's values.
func (c *Condition) given(ctx Context) Context {
	var given Context
	for _, k := range c.Variables() {
		if v, ok := ctx[k]; ok {
			if given == nil {
				given = Context{}
			}
			given[k] = v
		}
	}
	return given
}

// Answer is the truth of the i-th condition that was cut by for a value of its
// key.
func (c *Cuts) Answer(i int, v Value) Truth {
	ctx := make(Context, len(c.Given[i])+1)
	maps.Copy(ctx, c.Given[i])
	ctx[c.Conditions[i].name] = v
	t, _ := c.Conditions[i].Test(ctx)
	return t
}

// Values are the i-th condition's values, variables replaced by what they stood
// for. One that has no value matches nothing, and is left out.
func (c *Cuts) Values(i int) []string {
	if len(c.Conditions[i].Texts()) == 0 {
		return c.Conditions[i].Values
	}
	var out []string
	for _, t := range c.Conditions[i].tests {
		if p, known := t.text.Resolve(c.Given[i]); known == True {
			out = append(out, p.String())
		}
	}
	return out
}

func (c *Condition) cutTest(t *test, ctx Context, cuts *Cuts) {
	switch k := c.kind; {
	case k == nullKind:
	case k == boolKind:
		cuts.Boolean = true
	case k == ipKind:
		cuts.Prefixes = append(cuts.Prefixes, t.prefix)
	case k == binaryKind:
		cuts.Binary = true
		cuts.Patterns = append(cuts.Patterns, glob.Literal(c.valueOf(t)))
	case k >= numericEqual && k <= numericGreaterEqual:
		cuts.Numbers = append(cuts.Numbers, t.number)
	case k >= dateEqual && k <= dateGreaterEqual:
		cuts.Dates = append(cuts.Dates, t.date)
	default:
		if p, ok := c.pattern(t, ctx); ok {
			cuts.Patterns = append(cuts.Patterns, p)
		}
	}
}

func (c *Condition) valueOf(t *test) string {
	for i := range c.tests {
		if &c.tests[i] == t {
			return c.Values[i]
		}
	}
	return ""
}

// pattern is the pattern that a test compares with.
func (c *Condition) pattern(t *test, ctx Context) (glob.Pattern, bool) {
	p, known := t.text.Resolve(ctx)
	switch {
	case known != True:
		return glob.Pattern{}, false
	case c.kind == arnKind:
		return p.SegmentWise()
	case c.kind == stringFoldKind:
		return p.Fold(), true
	}
	return p, true
}

// Variables lists the keys, in lower case, that the condition's values refer
// to, each once.
func (c *Condition) Variables() []string {
	var keys []string
	for i := range c.tests {
		for _, k := range c.tests[i].text.Variables() {
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// Texts are the condition's values that hold variables.
func (c *Condition) Texts() []Text {
	var out []Text
	for i := range c.tests {
		if len(c.tests[i].text.parts) > 0 {
			out = append(out, c.tests[i].text)
		}
	}
	return out
}

// Fillings returns the values of the text's one variable with which the text
// could match s, others being resolved in a context: every part of s that the
// pattern around the variable leaves. It is not ok when another variable has no
// single known value, or the one occurs twice. With fold, case does not count.
func (t Text) Fillings(variable, s string, ctx Context, fold bool) (values []string, ok bool) {
	before, after, ok := t.around(variable, ctx)
	if !ok {
		return nil, false
	}
	head, tail := glob.Compile(before), glob.Compile(after)
	if fold {
		head, tail = head.Fold(), tail.Fold()
	}
	starts := splits(head, s, func(i int) string { return s[:i] })
	ends := splits(tail, s, func(i int) string { return s[i:] })
	for _, i := range starts {
		for _, j := range ends {
			if i <= j && !slices.Contains(values, s[i:j]) {
				values = append(values, s[i:j])
			}
		}
	}
	return values, true
}

func splits(p glob.Pattern, s string, part func(int) string) (at []int) {
	for i := 0; i <= len(s); i++ {
		if p.Match(part(i)) {
			at = append(at, i)
		}
	}
	return at
}

// around returns the tokens before and after the one occurrence of a variable.
func (t Text) around(variable string, ctx Context) (before, after []glob.Token, ok bool) {
	seen := false
	for i, p := range t.parts {
		if p.variable == "" {
			continue
		}
		if p.variable != variable {
			if v, present := ctx.Get(p.variable); present && (v.Doubt != "" || len(v.Items) != 1) {
				return nil, nil, false
			}
			continue
		}
		if seen {
			return nil, nil, false
		}
		seen = true
		if before, ok = resolveParts(t.parts[:i], ctx); !ok {
			return nil, nil, false
		}
		if after, ok = resolveParts(t.parts[i+1:], ctx); !ok {
			return nil, nil, false
		}
	}
	return before, after, seen
}

func resolveParts(parts []textPart, ctx Context) ([]glob.Token, bool) {
	tokens, known := Text{parts: parts}.resolveTokens(ctx)
	return tokens, known == True
}

// Correlation is a fact of AWS that ties two keys of one request together.
type Correlation struct {
	A, B  string // keys in lower case
	Fact  string
	Holds func(a, b Value) bool // an absent key is a Value without items
}

func absent(v Value) bool { return len(v.Items) == 0 && v.Doubt == "" }

func together(a, b Value) bool { return absent(a) == absent(b) }
func apart(a, b Value) bool    { return absent(a) != absent(b) }

// correlations of requests that a principal makes itself
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
var correlations = []Correlation{
	{"aws:sourcevpce", "aws:sourcevpc", "a call through a VPC endpoint comes from a VPC", together},
	{"aws:sourcevpce", "aws:vpcsourceip", "a call through a VPC endpoint has an address in the VPC", together},
	{"aws:sourcevpc", "aws:vpcsourceip", "a call from a VPC has an address in it", together},
	{"aws:sourcevpce", "aws:sourceip", "a call through a VPC endpoint has no public address", apart},
	{"aws:sourcevpc", "aws:sourceip", "a call from a VPC has no public address", apart},
	{"aws:vpcsourceip", "aws:sourceip", "a call has an address in a VPC or a public one", apart},
	{"aws:multifactorauthage", "aws:multifactorauthpresent", "an age of MFA means that MFA was used", func(age, mfa Value) bool {
		return absent(age) || !absent(mfa) && strings.EqualFold(mfa.Items[0], "true")
	}},
	{"aws:multifactorauthpresent", "aws:tokenissuetime", "only temporary credentials say whether MFA was used", func(mfa, issued Value) bool {
		return absent(mfa) || !absent(issued)
	}},
	{"aws:multifactorauthage", "aws:tokenissuetime", "only temporary credentials say whether MFA was used", func(age, issued Value) bool {
		return absent(age) || !absent(issued)
	}},
}

// Correlations lists what AWS ties together.
func Correlations() []Correlation { return correlations }

// Impossible says which correlation a context breaks; empty when none. Keys
// that the context does not hold at all are free and break nothing.
func (c Context) Impossible() string {
	for _, k := range correlations {
		a, hasA := c[k.A]
		b, hasB := c[k.B]
		if hasA && hasB && !k.Holds(a, b) {
			return k.Fact
		}
	}
	return ""
}

// Fold reports whether the condition is blind to case.
func (c *Condition) Fold() bool { return c.kind == stringFoldKind }

// ARN reports whether the condition compares ARNs.
func (c *Condition) ARN() bool { return c.kind == arnKind }
