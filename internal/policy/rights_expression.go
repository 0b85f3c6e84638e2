package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// expression is a condition of a rule in Cedar's JSON form of policies
// (https://docs.cedarpolicy.com/policies/json-format.html), which is documented
// and stable where the syntax tree of cedar-go is not (security S6).
type expression struct {
	op   string // as the form has it: ==, &&, ".", Value, Var; or an extension function
	args []*expression
	name string // of an attribute or a variable, or the type that "is" asks about
	raw  json.RawMessage

	compiled *compiledPolicy // to settle it, once that was asked for
}

// condition is one when or unless of a policy.
type condition struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
	expr *expression
}

// conditionsOf reads the conditions of a policy.
func conditionsOf(p *policyTree) ([]condition, error) {
	text, err := compilePolicy(p).MarshalJSON()
	if err != nil {
		return nil, err
	}
	var read struct {
		Conditions []condition `json:"conditions"`
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, err
	}
	for i := range read.Conditions {
		c := &read.Conditions[i]
		if c.expr, err = readExpression(c.Body); err != nil {
			return nil, err
		}
	}
	return read.Conditions, nil
}

// operands are the members by which an operator names its operands.
type operands struct {
	Left       json.RawMessage `json:"left"`
	Right      json.RawMessage `json:"right"`
	Arg        json.RawMessage `json:"arg"`
	If         json.RawMessage `json:"if"`
	Then       json.RawMessage `json:"then"`
	Else       json.RawMessage `json:"else"`
	In         json.RawMessage `json:"in"`
	Attr       string          `json:"attr"`
	EntityType string          `json:"entity_type"`
}

func readExpression(raw json.RawMessage) (*expression, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || len(members) != 1 {
		return nil, errors.New("a condition is not in Cedar's JSON form")
	}
	e := &expression{raw: raw}
	for op, body := range members {
		e.op = op
		if err := e.read(body); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *expression) read(body json.RawMessage) error {
	switch {
	case e.op == "Value" || e.op == "Record" || e.op == "like":
		return nil
	case e.op == "Var":
		return json.Unmarshal(body, &e.name)
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")): // Set, or a function
		var list []json.RawMessage
		if err := json.Unmarshal(body, &list); err != nil {
			return err
		}
		return e.operands(list...)
	}
	var o operands
	if err := json.Unmarshal(body, &o); err != nil {
		return err
	}
	e.name = o.Attr + o.EntityType
	return e.operands(o.Arg, o.If, o.Then, o.Else, o.Left, o.Right, o.In)
}

func (e *expression) operands(list ...json.RawMessage) error {
	for _, raw := range list {
		if len(raw) == 0 {
			continue
		}
		arg, err := readExpression(raw)
		if err != nil {
			return err
		}
		e.args = append(e.args, arg)
	}
	return nil
}

// policy is a permit that holds where the expression does.
func (e *expression) policy() (*compiledPolicy, error) {
	if e.compiled != nil {
		return e.compiled, nil
	}
	anyone := map[string]string{"op": "All"}
	text, err := json.Marshal(map[string]any{
		"effect": "permit", "principal": anyone, "action": anyone, "resource": anyone,
		"conditions": []condition{{Kind: "when", Body: e.raw}},
	})
	if err != nil {
		return nil, err
	}
	p := new(compiledPolicy)
	if err := p.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	e.compiled = p
	return p, nil
}

// String is the expression as Cedar writes it.
func (e *expression) String() string {
	p, err := e.policy()
	if err != nil {
		return string(e.raw)
	}
	var parts []string
	for _, c := range conjuncts(treeOf(p)) {
		parts = append(parts, c.text)
	}
	return strings.Join(parts, " && ")
}

// path is the attributes that an expression reads of a variable: of
// context.prompt.level, context and prompt.level. It is empty for other
// expressions.
func (e *expression) path() (variable, attributes string) {
	switch e.op {
	case "Var":
		return e.name, ""
	case ".":
		variable, attributes = e.args[0].path()
		return variable, strings.TrimPrefix(attributes+"."+e.name, ".")
	}
	return "", ""
}

// is reports whether an expression is an attribute of context.
func (e *expression) is(attributes string) bool {
	variable, path := e.path()
	return variable == "context" && path == attributes
}

// reads reports whether an expression looks at a variable at all.
func (e *expression) reads(variable string) bool {
	if e.op == "Var" {
		return e.name == variable
	}
	if e.op == "like" || e.op == "Record" { // which are not taken apart
		return bytes.Contains(e.raw, []byte(`"`+variable+`"`))
	}
	for _, a := range e.args {
		if a.reads(variable) {
			return true
		}
	}
	return false
}

// names reports whether an expression depends on which object of a type is
// meant: it reads an attribute of the resource, or compares with one of the type.
func (e *expression) names(t uidType) bool {
	if !e.reads("resource") {
		return false
	}
	if variable, attributes := e.path(); variable == "resource" && attributes != "" || e.op == "has" && e.args[0].op == "Var" {
		return true
	}
	return e.op == "like" || e.op == "Record" || bytes.Contains(e.raw, fmt.Appendf(nil, "%q", t)) && e.op != "is" || anyNames(e.args, t)
}

func anyNames(list []*expression, t uidType) bool {
	for _, e := range list {
		if e.names(t) {
			return true
		}
	}
	return false
}
