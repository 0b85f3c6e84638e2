package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/rights"
)

// attributes are the attributes of context that Keys holds, apart from those
// that are keys of AWS.
var attributes = map[string]sort{
	"session.proof": textSort, "session.issuer": textSort, "session.binding": textSort, "request.operation": textSort,
	"request.profile": textSort, "request.region": textSort, "request.serviceTier": textSort, "request.latency": textSort,
	"request.guardrail.id": textSort, "request.guardrail.version": textSort, "asserted.purpose": textSort,

	"session.impersonated": boolSort, "request.streaming": boolSort, "network.known": boolSort,
	"request.guardrail.present": boolSort, "request.guardrail.numeric": boolSort, "request.guardrail.async": boolSort, "request.guardrail.narrowed": boolSort,
	"prompt.regulated": boolSort, "prompt.unscanned": boolSort, "prompt.truncated": boolSort, "prompt.redactable": boolSort,

	"session.age": numberSort, "time.hour": numberSort, "time.weekday": numberSort, "request.maxTokens": numberSort,
	"request.bytes": numberSort, "prompt.level": numberSort, "prompt.confidence": numberSort,

	"network.names": setSort, "request.tools": setSort, "request.toolDigests": setSort, "request.regions": setSort, "request.extras": setSort,
	"request.unknownFields": setSort, "request.systemTools": setSort, "request.unknownContent": setSort, "prompt.classes": setSort,
	"prompt.entities": setSort, "prompt.unscannedReasons": setSort, "asserted.classes": setSort, "asserted.metadata": setSort,
}

// literal are the ways in which one test of the call holds, or does not.
func (q *asking) literal(e *expression, is bool) (ways, error) {
	switch e.op {
	case ".":
		return q.flag(e, is)
	case "has":
		return q.has(e, is)
	case "isEmpty":
		if name, s := e.args[0].attribute(); s == setSort {
			return oneWay("Null", keyOf(name), strconv.FormatBool(is)), nil
		}
	case "==":
		return q.equal(e, is)
	case "!=":
		return q.equal(e, !is)
	case "in":
		return q.in(e, is)
	case "contains":
		return q.contains(e, is)
	case "containsAny":
		return q.containsAny(e, is)
	case "containsAll":
		return q.containsAll(e, is)
	case "isInRange":
		return q.inRange(e, is)
	case "<", "<=", ">", ">=":
		return q.ordered(e, is)
	}
	return nil, unknownTest(e)
}

func unknownTest(e *expression) error { return fmt.Errorf("no key of IAM can express %q", e) }

// attribute is the attribute of context that an expression is, by its path with
// dots. What the legs of a call share is one attribute.
func (e *expression) attribute() (name string, s sort) {
	variable, name := e.path()
	switch {
	case variable != "context":
		return "", noSort
	case name == "leg.profile":
		name = "request.profile"
	case name == "leg.region" || name == "request.account":
		return name, textSort
	}
	return name, attributes[name]
}

// keyOf is the condition key of an attribute.
func keyOf(name string) string {
	switch name {
	case "leg.region":
		return "aws:RequestedRegion"
	case "request.account":
		return "aws:PrincipalAccount"
	}
	return rights.Opaque(name)
}

func (q *asking) flag(e *expression, is bool) (ways, error) {
	if e.is("request.home") {
		return oneWay(negated("StringEquals", is), "aws:PrincipalAccount", q.place.Account), nil
	}
	if name, s := e.attribute(); s == boolSort {
		return oneWay("Bool", keyOf(name), strconv.FormatBool(is)), nil
	}
	return nil, unknownTest(e)
}

// negated is an operator of strings, numbers or dates, or its opposite.
func negated(op string, is bool) string {
	if is {
		return op
	}
	return strings.Replace(op, "Equals", "NotEquals", 1)
}

func (q *asking) has(e *expression, is bool) (ways, error) {
	switch {
	case e.args[0].is("network") && e.name == "ip":
		return oneWay("Null", "aws:SourceIp", strconv.FormatBool(!is)), nil
	case e.args[0].is("asserted") && e.name == "purpose":
		return oneWay("Null", rights.Opaque("asserted", "purpose"), strconv.FormatBool(!is)), nil
	}
	return nil, unknownTest(e)
}

// sides puts the side of two that looks at the call first, and settles the
// other.
func (q *asking) sides(e *expression) (call *expression, o operand, swapped bool, err error) {
	call, other := e.args[0], e.args[1]
	if swapped = !call.reads("context"); swapped {
		call, other = other, call
	}
	o, err = q.operand(other)
	return call, o, swapped, err
}

func (q *asking) equal(e *expression, is bool) (ways, error) {
	call, o, _, err := q.sides(e)
	if err != nil {
		return nil, err
	}
	name, s := call.attribute()
	switch {
	case o.sort == boolSort:
		return q.holds(call, is == o.truth)
	case o.sort == textSort && s == textSort:
		return amongTexts(keyOf(name), []string{o.text}, is), nil
	case o.sort == numberSort && s == numberSort:
		return oneWay(negated("NumericEquals", is), keyOf(name), o.text), nil
	case o.sort == momentSort && call.is("time.now"):
		return oneWay(negated("DateEquals", is), "aws:CurrentTime", o.text), nil
	case o.sort == entitySort && call.is("request.model") && o.uid.Type == modelType:
		return amongTexts(rights.Opaque("request", "model"), []string{modelName(o.uid)}, is), nil
	}
	return nil, unknownTest(e)
}

// modelName is a model as keys have it: none is no model.
func modelName(u uid) string {
	if u.ID == noModel {
		return ""
	}
	return string(u.ID)
}

// amongTexts tests that a string is one of several. The empty one is an absent
// key.
func amongTexts(key string, listed []string, is bool) ways {
	empty := slices.Contains(listed, "")
	var rest []string
	for _, s := range listed {
		if s != "" {
			rest = append(rest, rights.Literal(s))
		}
	}
	switch {
	case len(rest) == 0 && !empty:
		return settled(!is)
	case len(rest) == 0:
		return oneWay("Null", key, strconv.FormatBool(is))
	case !empty:
		return oneWay(negated("StringEquals", is), key, rest...)
	case is:
		return oneWay("StringEqualsIfExists", key, rest...)
	}
	return ways{rights.Term{{Op: "StringNotEquals", Key: key, Values: rest}, {Op: "Null", Key: key, Values: []string{"false"}}}}
}

// in tests that the model called is, or is in, an entity or one of several.
func (q *asking) in(e *expression, is bool) (ways, error) {
	if !e.args[0].is("request.model") {
		return nil, unknownTest(e)
	}
	o, err := q.operand(e.args[1])
	if err != nil {
		return nil, err
	}
	groups := []uid{o.uid}
	if o.sort == setSort {
		groups = nil
		for _, item := range o.set {
			groups = append(groups, item.uid)
		}
	}
	var models []string
	for id, lineage := range q.bundle.atlas.lineages {
		if id.Type == modelType && slices.ContainsFunc(groups, func(u uid) bool { return slices.Contains(lineage, u) }) {
			models = append(models, modelName(id))
		}
	}
	slices.Sort(models)
	return amongTexts(rights.Opaque("request", "model"), models, is), nil
}

func (q *asking) ordered(e *expression, is bool) (ways, error) {
	call, o, swapped, err := q.sides(e)
	if err != nil {
		return nil, err
	}
	relation := relations[e.op]
	if swapped {
		relation = mirrored[relation]
	}
	if !is {
		relation = opposite[relation]
	}
	name, s := call.attribute()
	switch {
	case o.sort == numberSort && s == numberSort:
		return oneWay("Numeric"+relation, keyOf(name), o.text), nil
	case o.sort == momentSort && call.is("time.now"):
		return oneWay("Date"+relation, "aws:CurrentTime", o.text), nil
	}
	return nil, unknownTest(e)
}

var (
	relations = map[string]string{"<": "LessThan", "<=": "LessThanEquals", ">": "GreaterThan", ">=": "GreaterThanEquals"}
	mirrored  = map[string]string{"LessThan": "GreaterThan", "LessThanEquals": "GreaterThanEquals", "GreaterThan": "LessThan", "GreaterThanEquals": "LessThanEquals"}
	opposite  = map[string]string{"LessThan": "GreaterThanEquals", "LessThanEquals": "GreaterThan", "GreaterThan": "LessThanEquals", "GreaterThanEquals": "LessThan"}
)
