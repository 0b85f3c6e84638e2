package awsiam

import (
	"fmt"
	"slices"
	"strings"
)

var statementElements = []string{"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}

func (p *parser) statement(i int, v *value) {
	s := &p.doc.Statements[i]
	s.Index, s.Position = i, p.position(v.offset)
	if v.kind != '{' {
		const why = "the statement is not an object"
		p.problem(i, v.offset, "a statement is a JSON object")
		s.Doubts = Doubts{Effect: why, Action: why, Resource: why, Principal: why}
		return
	}
	e := p.elements(*v, i, statementElements)
	for _, name := range e.twice {
		s.doubt(name)
	}
	for _, name := range e.odd {
		s.doubt(name)
	}
	s.Sid = e.get("Sid").text
	p.effect(s, e.get("Effect"), v.offset)
	p.actions(s, e.get("Action"), e.get("NotAction"), v.offset)
	p.resources(s, e.get("Resource"), e.get("NotResource"))
	p.principals(s, e.get("Principal"), e.get("NotPrincipal"))
	p.conditions(s, e.get("Condition"))
	if len(s.Resources) == 0 && s.Principal == nil && s.Doubts.Resource == "" && s.Doubts.Principal == "" {
		p.problem(i, v.offset, "the statement has neither Resource nor Principal")
		s.Doubts.Resource = "the statement has no Resource"
	}
}

// doubt marks what a member that cannot be relied on was to say. Of a member
// that is unknown, nothing is known: it may have narrowed the statement.
func (s *Statement) doubt(name string) {
	why := fmt.Sprintf("%.60q cannot be relied on", name)
	switch name {
	case "Sid":
	case "Effect":
		s.Doubts.Effect = why
	case "Action", "NotAction":
		s.Doubts.Action = why
	case "Resource", "NotResource":
		s.Doubts.Resource = why
	case "Principal", "NotPrincipal":
		s.Doubts.Principal = why
	default:
		s.Doubts.Condition = why
	}
}

func (p *parser) effect(s *Statement, v value, offset int64) {
	switch {
	case s.Doubts.Effect != "":
	case v.kind == '"' && v.text == "Allow":
		s.Effect = Allow
	case v.kind == '"' && v.text == "Deny":
		s.Effect = Deny
	default:
		p.problem(s.Index, max(offset, v.offset), "Effect is %.40q, not Allow or Deny", v.text)
		s.Doubts.Effect = "the effect cannot be read"
	}
}

// either returns whichever of two members is there, and complains of both.
func (p *parser) either(s *Statement, name string, yes, no value) (v value, not bool, doubt string) {
	switch {
	case yes.kind != 0 && no.kind != 0:
		p.problem(s.Index, no.nameAt, "%s and Not%s stand side by side", name, name)
		return value{}, false, name + " and Not" + name + " stand side by side"
	case no.kind != 0:
		return no, true, ""
	}
	return yes, false, ""
}

// texts reads a string or a list of strings. What is no string it reports and
// leaves out; then it is not ok.
func (p *parser) texts(statement int, what string, v value) (list []value, ok bool) {
	switch v.kind {
	case '"':
		return []value{v}, true
	case '[':
	default:
		p.problem(statement, v.offset, "%s is neither a string nor a list of strings", what)
		return nil, false
	}
	if len(v.items) == 0 {
		p.problem(statement, v.offset, "%s is an empty list", what)
		return nil, false
	}
	odd := func(item value) bool { return item.kind != '"' }
	if !slices.ContainsFunc(v.items, odd) {
		return v.items, true
	}
	for _, item := range v.items {
		if odd(item) {
			p.problem(statement, item.offset, "%s holds what is no string", what)
			continue
		}
		list = append(list, item)
	}
	return list, false
}

func (p *parser) actions(s *Statement, yes, no value, offset int64) {
	v, not, doubt := p.either(s, "Action", yes, no)
	if v.kind == 0 {
		if doubt == "" && s.Doubts.Action == "" {
			doubt = "the statement has no Action"
			p.problem(s.Index, offset, "%s", doubt)
		}
		s.Doubts.Action += doubt
		return
	}
	s.NotAction = not
	list, ok := p.texts(s.Index, "Action", v)
	if !ok {
		s.Doubts.Action = "its actions cannot all be read"
	}
	s.Actions = make([]Action, 0, len(list))
	for i := range list {
		a, remark, err := ParseAction(list[i].text)
		if remark != "" {
			p.problem(s.Index, list[i].offset, "%s", remark)
		}
		if err != nil {
			p.problem(s.Index, list[i].offset, "%v", err)
			s.Doubts.Action = err.Error()
			continue
		}
		s.Actions = append(s.Actions, a)
	}
}

func (p *parser) resources(s *Statement, yes, no value) {
	v, not, doubt := p.either(s, "Resource", yes, no)
	if v.kind == 0 {
		s.Doubts.Resource += doubt // none at all is right in a trust policy
		return
	}
	s.NotResource = not
	list, ok := p.texts(s.Index, "Resource", v)
	if !ok {
		s.Doubts.Resource = "its resources cannot all be read"
	}
	s.Resources = make([]Text, 0, len(list))
	for i := range list {
		t, err := p.resource(list[i].text)
		if err != nil {
			p.problem(s.Index, list[i].offset, "resource %v", err)
			s.Doubts.Resource = err.Error()
			continue
		}
		s.Resources = append(s.Resources, t)
	}
}

// resource reads a pattern of ARNs. AWS takes no other, but for *; one that
// begins with a wildcard is read all the same, as it can only mean one thing.
func (p *parser) resource(s string) (Text, error) {
	if !strings.HasPrefix(s, "arn:") && !strings.HasPrefix(s, "*") && !strings.HasPrefix(s, "${") {
		return Text{}, fmt.Errorf("%.120q is no ARN", s)
	}
	return ParseText(s, true, p.doc.Version == currentVersion)
}
