package awsiam

import (
	"bytes"
	"fmt"
	"strings"
)

// Quantifier is how a condition meets the several values of a key.
type Quantifier uint8

// The quantifiers.
const (
	NoQuantifier Quantifier = iota
	ForAllValues
	ForAnyValue
)

// Condition is one operator on one key: every condition of a statement must
// hold, and of its values one (none, when negated).
type Condition struct {
	Operator string // as the document spells it
	Key      string // as the document spells it
	Values   []string

	name     string // the key in lower case
	kind     kind
	negated  bool
	ifExists bool
	each     Quantifier
	tests    []test
	doubt    string // why it cannot be read; then it is Unknown
}

// Name is the condition's key in lower case.
func (c *Condition) Name() string { return c.name }

// Negated, IfExists, Quantifier and Null say how the operator is built.
func (c *Condition) Negated() bool          { return c.negated }
func (c *Condition) IfExists() bool         { return c.ifExists }
func (c *Condition) Quantifier() Quantifier { return c.each }
func (c *Condition) Null() bool             { return c.kind == nullKind }

// Doubt says why the condition cannot be read; empty when it can.
func (c *Condition) Doubt() string { return c.doubt }

func (c *Condition) String() string {
	values := strings.Join(c.Values, " | ")
	return c.Operator + " " + c.Key + " " + values
}

// ParseCondition reads an operator applied to a key. Variables count when the
// document's version knows them. What cannot be read is an error, and a
// condition that is Unknown.
func ParseCondition(operator, key string, values []string, variables bool) (Condition, error) {
	c := Condition{Operator: operator, Key: key, Values: values, name: Key(key)}
	err := c.parse(variables)
	if err != nil {
		c.doubt = err.Error()
	}
	return c, err
}

func (c *Condition) parse(variables bool) error {
	if err := c.parseOperator(); err != nil {
		return err
	}
	if len(c.Values) == 0 {
		return fmt.Errorf("condition %s on %.60q has no value", c.Operator, c.Key)
	}
	if service, name, ok := strings.Cut(c.Key, ":"); !ok || service == "" || name == "" {
		return fmt.Errorf("condition key %.60q is not service:name", c.Key)
	}
	c.tests = make([]test, len(c.Values))
	for i, v := range c.Values {
		if err := c.tests[i].parse(c.kind, v, variables); err != nil {
			return fmt.Errorf("condition %s on %s: %w", c.Operator, c.Key, err)
		}
	}
	return nil
}

func (c *Condition) parseOperator() error {
	var room [64]byte // longer than any operator
	name := room[:copy(room[:], c.Operator)]
	for i, b := range name {
		if 'A' <= b && b <= 'Z' {
			name[i] |= 0x20
		}
	}
	if rest, ok := bytes.CutPrefix(name, []byte("forallvalues:")); ok {
		c.each, name = ForAllValues, rest
	} else if rest, ok := bytes.CutPrefix(name, []byte("foranyvalue:")); ok {
		c.each, name = ForAnyValue, rest
	}
	name, c.ifExists = bytes.CutSuffix(name, []byte("ifexists"))
	op, ok := operators[string(name)]
	switch {
	case !ok || len(c.Operator) > len(room):
		return fmt.Errorf("%.60q is no condition operator", c.Operator)
	case op.kind == nullKind && (c.ifExists || c.each != NoQuantifier):
		return fmt.Errorf("%.60q: Null takes no quantifier and no IfExists", c.Operator)
	}
	c.kind, c.negated = op.kind, op.negated
	return nil
}

// Test reports whether the condition holds, and when that is Unknown, why.
func (c *Condition) Test(ctx Context) (Truth, string) {
	if c.doubt != "" {
		return Unknown, c.doubt
	}
	v, present := ctx.Get(c.name)
	if present && v.Doubt != "" {
		return Unknown, v.Doubt
	}
	switch {
	case c.kind == nullKind:
		return c.testNull(present), ""
	case !present:
		return c.absent()
	case c.each == NoQuantifier && v.Multi:
		return Unknown, fmt.Sprintf("%s compares %s, which has several values, without ForAllValues or ForAnyValue", c.Operator, c.Key)
	case c.each == ForAllValues:
		return c.all(v.Items, ctx)
	case c.each == ForAnyValue:
		return c.some(v.Items, ctx)
	}
	return c.item(v.Items[0], ctx)
}

func (c *Condition) testNull(present bool) Truth {
	t := False
	for _, x := range c.tests {
		t = t.Or(Of(x.boolean != present))
	}
	return t
}

// absent is the truth of a condition on a key that the request lacks. What
// ForAnyValue with IfExists means then, AWS does not say.
func (c *Condition) absent() (Truth, string) {
	switch {
	case c.each == ForAnyValue && c.ifExists:
		return Unknown, fmt.Sprintf("AWS does not say what %s means when %s is absent", c.Operator, c.Key)
	case c.each == ForAnyValue:
		return False, ""
	case c.each == ForAllValues || c.ifExists:
		return True, ""
	}
	return Of(c.negated), ""
}

func (c *Condition) all(items []string, ctx Context) (t Truth, why string) {
	t = True
	for _, item := range items {
		u, reason := c.item(item, ctx)
		if t = t.And(u); reason != "" {
			why = reason
		}
	}
	return t, why
}

func (c *Condition) some(items []string, ctx Context) (t Truth, why string) {
	for _, item := range items {
		u, reason := c.item(item, ctx)
		if t = t.Or(u); reason != "" {
			why = reason
		}
	}
	return t, why
}

// item compares one value of the key with the condition's values.
func (c *Condition) item(item string, ctx Context) (t Truth, why string) {
	for i := range c.tests {
		u, reason := c.tests[i].match(c.kind, item, ctx)
		if t = t.Or(u); reason != "" {
			why = reason
		}
		if t == True {
			break
		}
	}
	if c.negated {
		t = t.Not()
	}
	if t != Unknown {
		why = ""
	}
	return t, why
}
