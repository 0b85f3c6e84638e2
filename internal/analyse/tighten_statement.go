package analyse

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// policyVersion is the version of the language that what is written is in.
const policyVersion = "2012-10-17"

// statement is a statement as it is written.
type statement struct {
	Sid         string     `json:",omitempty"`
	Effect      string     // Allow or Deny
	Action      []string   `json:",omitempty"`
	NotAction   []string   `json:",omitempty"`
	Resource    []string   `json:",omitempty"`
	NotResource []string   `json:",omitempty"`
	Condition   conditions `json:",omitempty"`
}

// conditions are values by key by operator.
type conditions map[string]map[string][]string

// add adds a condition, unless the operator has one on the key already.
func (c conditions) add(operator, key string, values ...string) bool {
	if c[operator] == nil {
		c[operator] = map[string][]string{}
	}
	if _, taken := c[operator][key]; taken {
		return false
	}
	c[operator][key] = values
	return true
}

func (c conditions) clone() conditions {
	out := conditions{}
	for op, keys := range c {
		out[op] = maps.Clone(keys)
	}
	return out
}

// within reports whether every condition of c is one of d: whenever d holds, c
// does.
func (c conditions) within(d conditions) bool {
	for op, keys := range c {
		for key, values := range keys {
			if other, ok := d[op][key]; !ok || !slices.Equal(values, other) {
				return false
			}
		}
	}
	return true
}

// key is equal for equal conditions.
func (c conditions) key() string { return string(compactJSON(c)) }

// compactJSON writes a value that has no way of failing, map keys in order.
func compactJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// policyOf is a document of statements.
func policyOf(statements []statement) []byte {
	return compactJSON(struct {
		Version   string
		Statement []statement
	}{policyVersion, statements})
}

// written is a statement of a document as it would be written in the current
// version of the language. It is not ok if that cannot be exact: an element
// could not be read, or two conditions would be one.
func written(d *awsiam.Document, s *awsiam.Statement) (statement, bool) {
	w := statement{Sid: s.Sid, Effect: s.Effect.String()}
	if s.Doubts.First() != "" {
		return w, false
	}
	var actions, resources []string
	for _, x := range s.Actions {
		actions = append(actions, x.Source)
	}
	for _, x := range s.Resources {
		resources = append(resources, modern(d, x.Source))
	}
	if w.Action = actions; s.NotAction {
		w.Action, w.NotAction = nil, actions
	}
	if w.Resource = resources; s.NotResource {
		w.Resource, w.NotResource = nil, resources
	}
	w.Condition = conditions{}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		var values []string
		for _, v := range c.Values {
			values = append(values, modern(d, v))
		}
		if c.Doubt() != "" || !w.Condition.add(c.Operator, c.Key, values...) {
			return w, false
		}
	}
	return w, true
}

// modern is a text in the current version of the language, in which ${ begins a
// variable.
func modern(d *awsiam.Document, s string) string {
	if d.Version == policyVersion {
		return s
	}
	return strings.ReplaceAll(s, "${", "${$}{")
}

// sorted puts the lists of a statement in order, each entry once.
func (s statement) sorted() statement {
	for _, list := range []*[]string{&s.Action, &s.NotAction, &s.Resource, &s.NotResource} {
		l := slices.Clone(*list)
		slices.Sort(l)
		*list = slices.Compact(l)
	}
	return s
}

// parts cuts a statement in two by its resources; false: it has too few.
func (s statement) parts() (a, b statement, ok bool) {
	n := len(s.Resource)
	if s.Effect != awsiam.Allow.String() || n < 2 {
		return s, s, false
	}
	a, b = s, s
	a.Resource, b.Resource = s.Resource[:n/2], s.Resource[n/2:]
	return a, b, true
}
