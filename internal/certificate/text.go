package certificate

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// Write returns a document as JSON that reads as the same document: what could
// not be read of it is written so that it cannot be read either.
func Write(d *awsiam.Document) Document {
	if d.Doubt != "" {
		return Document{Name: d.Name, Text: "null"}
	}
	statements := make([]string, len(d.Statements))
	for i := range d.Statements {
		statements[i] = writeStatement(&d.Statements[i])
	}
	return Document{Name: d.Name, Text: object(member("Version", quote(d.Version)), member("Statement", array(statements)))}
}

// unreadable is an element that no statement has. It leaves open what the
// statement's condition would have said.
const unreadable = "Unreadable"

func writeStatement(s *awsiam.Statement) string {
	var m []string
	if s.Sid != "" {
		m = append(m, member("Sid", quote(s.Sid)))
	}
	if s.Effect != awsiam.NoEffect {
		m = append(m, member("Effect", quote(s.Effect.String())))
	}
	m = append(m, writePrincipal(s)...)
	m = append(m, member(negated("Action", s.NotAction), list(sources(s.Actions, func(a awsiam.Action) string { return a.Source }), s.Doubts.Action)))
	if len(s.Resources) > 0 || s.Doubts.Resource != "" {
		m = append(m, member(negated("Resource", s.NotResource), list(sources(s.Resources, func(t awsiam.Text) string { return t.Source }), s.Doubts.Resource)))
	}
	if len(s.Conditions) > 0 {
		m = append(m, member("Condition", writeConditions(s.Conditions)))
	}
	if s.Doubts.Condition != "" {
		m = append(m, member(unreadable, "true"))
	}
	return object(m...)
}

func negated(name string, not bool) string {
	if not {
		return "Not" + name
	}
	return name
}

func sources[T any](items []T, source func(T) string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = source(item)
	}
	return out
}

func writePrincipal(s *awsiam.Statement) []string {
	p := s.Principal
	switch {
	case p == nil && s.Doubts.Principal == "":
		return nil
	case s.Doubts.Principal != "":
		return []string{member("Principal", "null")}
	case p.Anyone:
		return []string{member(negated("Principal", p.Not), quote("*"))}
	}
	var m []string
	for _, kind := range []struct {
		name string
		list []string
	}{{"AWS", p.AWS}, {"Service", p.Service}, {"Federated", p.Federated}, {"CanonicalUser", p.Canonical}} {
		if len(kind.list) > 0 {
			m = append(m, member(kind.name, list(kind.list, "")))
		}
	}
	return []string{member(negated("Principal", p.Not), object(m...))}
}

// writeConditions writes conditions by operator, as they stood: one operator
// stands once, and so does a key in it.
func writeConditions(conditions []awsiam.Condition) string {
	var operators, keys []string
	for i := range conditions {
		c := &conditions[i]
		keys = append(keys, member(c.Key, list(c.Values, "")))
		if i+1 == len(conditions) || conditions[i+1].Operator != c.Operator {
			operators, keys = append(operators, member(c.Operator, object(keys...))), nil
		}
	}
	return object(operators...)
}

// list writes strings, and what is none if more could not be read.
func list(items []string, doubt string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = quote(s)
	}
	if doubt != "" {
		out = append(slices.Clip(out), "null")
	}
	return array(out)
}

func quote(s string) string {
	data, _ := json.Marshal(s) // a string always has JSON
	return string(data)
}

func member(name, value string) string { return quote(name) + ":" + value }
func object(members ...string) string  { return "{" + strings.Join(members, ",") + "}" }
func array(items []string) string      { return "[" + strings.Join(items, ",") + "]" }
