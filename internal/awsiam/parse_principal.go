package awsiam

import "strings"

func (p *parser) principals(s *Statement, yes, no value) {
	v, not, doubt := p.either(s, "Principal", yes, no)
	if v.kind == 0 {
		s.Doubts.Principal += doubt // none is right in an identity's policy
		return
	}
	s.Principal = &Principals{Not: not}
	if not && s.Effect == Allow {
		p.problem(s.Index, v.nameAt, "NotPrincipal stands with Allow, which AWS does not support")
	}
	switch {
	case v.kind == '"' && v.text == "*":
		s.Principal.Anyone = true
	case v.kind == '{' && len(v.items) > 0:
		for i := range v.items {
			p.principal(s, &v.items[i])
		}
		if name := twice(v.items); name != "" {
			p.problem(s.Index, v.offset, "%.60q stands twice in Principal", name)
			s.Doubts.Principal = "a kind of principal stands twice"
		}
	default:
		p.problem(s.Index, v.offset, `Principal is neither "*" nor an object`)
		s.Doubts.Principal = "its principal cannot be read"
	}
}

// twice is a name that two members have, whatever its case; empty if none.
func twice(members []value) string {
	if len(members) < 2 {
		return ""
	}
	seen := make(map[string]bool, len(members))
	for i := range members {
		name := strings.ToLower(members[i].name)
		if seen[name] {
			return members[i].name
		}
		seen[name] = true
	}
	return ""
}

func (p *parser) principal(s *Statement, kind *value) {
	list, ok := p.texts(s.Index, "Principal", *kind)
	if !ok {
		s.Doubts.Principal = "its principals cannot all be read"
	}
	into := s.Principal.kind(kind.name)
	if into == nil {
		p.problem(s.Index, kind.nameAt, "%.60q is no kind of principal", kind.name)
		s.Doubts.Principal = "a kind of principal is unknown"
		return
	}
	for _, item := range list {
		if strings.ContainsAny(item.text, "*?") && (item.text != "*" || kind.name != "AWS") {
			p.problem(s.Index, item.offset, "principal %.120q holds a wildcard where AWS takes none", item.text)
			s.Doubts.Principal = "a principal holds a wildcard"
		}
		*into = append(*into, item.text)
	}
}

// kind is the list of a kind of principals, nil if there is no such kind.
func (e *Principals) kind(name string) *[]string {
	switch name {
	case "AWS":
		return &e.AWS
	case "Service":
		return &e.Service
	case "Federated":
		return &e.Federated
	case "CanonicalUser":
		return &e.Canonical
	}
	return nil
}

func (p *parser) conditions(s *Statement, v value) {
	switch v.kind {
	case 0:
		return
	case '{':
	default:
		p.problem(s.Index, v.offset, "Condition is not an object")
		s.Doubts.Condition = "its condition cannot be read"
		return
	}
	if name := twice(v.items); name != "" {
		p.twiceInCondition(s, v.offset, name)
		return
	}
	for i := range v.items {
		op := &v.items[i]
		if op.kind != '{' || len(op.items) == 0 {
			p.problem(s.Index, op.nameAt, "condition operator %.60q holds no keys", op.name)
			s.Doubts.Condition = "a condition cannot be read"
			continue
		}
		if name := twice(op.items); name != "" {
			p.twiceInCondition(s, op.nameAt, name)
			continue
		}
		for j := range op.items {
			p.condition(s, op.name, &op.items[j])
		}
	}
}

// twiceInCondition reports a name that stands twice: which AWS would read is
// not known, so that none is.
func (p *parser) twiceInCondition(s *Statement, offset int64, name string) {
	p.problem(s.Index, offset, "%.60q stands twice in Condition", name)
	s.Doubts.Condition = "a part of its condition stands twice"
}

func (p *parser) condition(s *Statement, operator string, key *value) {
	items := key.items
	if key.kind != '[' {
		items = []value{*key}
	}
	values := make([]string, len(items))
	for i := range items {
		switch items[i].kind {
		case '{', '[', 'n':
			p.problem(s.Index, items[i].offset, "a value of condition %.60s on %.60s is no string", operator, key.name)
			s.Doubts.Condition = "a condition's value cannot be read"
			return
		}
		values[i] = items[i].text
	}
	c, err := ParseCondition(operator, key.name, values, p.doc.Version == currentVersion)
	if err != nil {
		p.problem(s.Index, key.nameAt, "%v", err)
	}
	s.Conditions = append(s.Conditions, c)
}
