package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// operand is what an expression comes to that does not look at the call.
type operand struct {
	sort  sort
	text  string // of a string; a number, a moment or a range as IAM writes it
	truth bool
	uid   uid
	set   []operand
}

// sort is the type of an operand, or of an attribute of context.
type sort int

const (
	noSort sort = iota
	textSort
	numberSort
	boolSort
	setSort
	momentSort
	rangeSort
	entitySort
)

// operand settles an expression that does not look at the call.
func (q *asking) operand(e *expression) (operand, error) {
	if e.reads("context") {
		return operand{}, errors.New("it compares two attributes of the call with one another")
	}
	if err := q.told(e); err != nil {
		return operand{}, err
	}
	switch e.op {
	case "Value":
		var v struct{ Value json.RawMessage }
		if err := json.Unmarshal(e.raw, &v); err != nil {
			return operand{}, err
		}
		return readOperand(v.Value)
	case "Set":
		return q.listed(e)
	case "datetime", "ip":
		arg, err := q.operand(e.args[0])
		if err != nil {
			return operand{}, err
		}
		return extension(e.op, arg.text)
	case "Var":
		return operand{sort: entitySort, uid: map[string]uid{"principal": q.query.Principal, "action": q.query.Action, "resource": q.query.Resource}[e.name]}, nil
	}
	return q.attribute(e)
}

func (q *asking) listed(e *expression) (operand, error) {
	out := operand{sort: setSort}
	for _, a := range e.args {
		item, err := q.operand(a)
		if err != nil {
			return operand{}, err
		}
		out.set = append(out.set, item)
	}
	return out, nil
}

// attribute is an attribute of the identity or of the object.
func (q *asking) attribute(e *expression) (operand, error) {
	variable, path := e.path()
	of := map[string]entity{"principal": q.principal, "resource": q.object.entity}
	from, ok := of[variable]
	if !ok || path == "" {
		return operand{}, fmt.Errorf("%q cannot be settled", e)
	}
	var v value = from.Attributes
	for name := range strings.SplitSeq(path, ".") {
		r, isRecord := v.(record)
		if !isRecord {
			return operand{}, fmt.Errorf("%q cannot be settled", e)
		}
		if v, ok = r.Get(fieldName(name)); !ok {
			return operand{}, fmt.Errorf("%q is absent", e)
		}
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return operand{}, err
	}
	return readOperand(raw)
}

// readOperand reads a value in Cedar's JSON form.
func readOperand(raw json.RawMessage) (operand, error) {
	switch raw[0] {
	case '"':
		o := operand{sort: textSort}
		return o, json.Unmarshal(raw, &o.text)
	case 't', 'f':
		return operand{sort: boolSort, truth: raw[0] == 't'}, nil
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return operand{}, err
		}
		out := operand{sort: setSort}
		for _, item := range items {
			o, err := readOperand(item)
			if err != nil {
				return operand{}, err
			}
			out.set = append(out.set, o)
		}
		return out, nil
	case '{':
		return readObject(raw)
	}
	return operand{sort: numberSort, text: string(raw)}, nil
}

func readObject(raw json.RawMessage) (operand, error) {
	var o struct {
		Entity *struct{ Type, ID string } `json:"__entity"`
		Extn   *struct{ Fn, Arg string }  `json:"__extn"`
	}
	switch err := json.Unmarshal(raw, &o); {
	case err != nil:
		return operand{}, err
	case o.Entity != nil:
		return operand{sort: entitySort, uid: newUID(uidType(o.Entity.Type), o.Entity.ID)}, nil
	case o.Extn != nil:
		return extension(o.Extn.Fn, o.Extn.Arg)
	}
	return operand{}, errors.New("it compares records")
}

// extension reads a moment or a range of addresses.
func extension(fn, arg string) (operand, error) {
	switch fn {
	case "datetime":
		t, err := awsiam.ParseDate(arg)
		return operand{sort: momentSort, text: t.Format(time.RFC3339Nano)}, err
	case "ip":
		p, err := awsiam.ParsePrefix(arg)
		return operand{sort: rangeSort, text: p.String()}, err
	}
	return operand{}, fmt.Errorf("no key of IAM can express %s", fn)
}

// texts are the strings of a set, sorted.
func (o operand) texts() (out []string, ok bool) {
	for _, item := range o.set {
		if item.sort != textSort {
			return nil, false
		}
		out = append(out, item.text)
	}
	slices.Sort(out)
	return out, o.sort == setSort
}
