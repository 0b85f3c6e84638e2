package authzen

import (
	"bytes"
	"cmp"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// message is a request of any endpoint. Fields that it does not name are
// ignored, as the specification asks.
type message struct {
	tuple
	Evaluations []*tuple `json:"evaluations"`
	Options     struct {
		Semantic string `json:"evaluations_semantic"`
	} `json:"options"`
	Page *page `json:"page"`
}

// tuple is one question.
type tuple struct {
	Subject  *entity    `json:"subject"`
	Action   *verb      `json:"action"`
	Resource *entity    `json:"resource"`
	Context  properties `json:"context"`
}

// entity is a subject or a resource.
type entity struct {
	Type       string     `json:"type"`
	ID         string     `json:"id"`
	Properties properties `json:"properties"`
}

// verb is an action.
type verb struct {
	Name       string     `json:"name"`
	Properties properties `json:"properties"`
}

// properties is a JSON object whose members are read as they are needed.
type properties map[string]jsontext.Value

// page is which part of a search's results is wanted.
type page struct {
	Token string `json:"token"`
	Limit *int64 `json:"limit"`
}

// parseMessage reads a body strictly: names as they are spelt, none twice,
// every value of its type.
func parseMessage(text []byte) (*message, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, bad("the body is empty")
	}
	if text := bytes.TrimSpace(text); text[0] != '{' {
		return nil, bad("the body is not a JSON object")
	}
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, bad("the body is not JSON of the right shape: %.300s", err)
	}
	if len(m.Evaluations) > maxEvaluations {
		return nil, bad("evaluations: %d of them: want at most %d", len(m.Evaluations), maxEvaluations)
	}
	return &m, nil
}

// missing names the first required key that a question lacks; empty: none. A
// search leaves the id of what it searches for unsaid, or the action.
func (t *tuple) missing(subjectID, action, resourceID bool) string {
	switch {
	case t.Subject == nil:
		return "subject"
	case t.Subject.Type == "":
		return "subject.type"
	case subjectID && t.Subject.ID == "":
		return "subject.id"
	case action && t.Action == nil:
		return "action"
	case action && t.Action.Name == "":
		return "action.name"
	case t.Resource == nil:
		return "resource"
	case t.Resource.Type == "":
		return "resource.type"
	case resourceID && t.Resource.ID == "":
		return "resource.id"
	}
	return ""
}

// over is the question with defaults for what it leaves out. An object that it
// states replaces the default whole, but for a required key that it leaves out.
func (t *tuple) over(d *tuple) tuple {
	out := *d
	if t == nil {
		return out
	}
	out.Subject, out.Resource = t.Subject.over(d.Subject), t.Resource.over(d.Resource)
	if t.Action != nil {
		v := *t.Action
		if d.Action != nil {
			v.Name = cmp.Or(v.Name, d.Action.Name)
		}
		out.Action = &v
	}
	if t.Context != nil {
		out.Context = t.Context
	}
	return out
}

func (e *entity) over(d *entity) *entity {
	if e == nil || d == nil {
		return cmp.Or(e, d)
	}
	v := *e
	v.Type, v.ID = cmp.Or(v.Type, d.Type), cmp.Or(v.ID, d.ID)
	return &v
}
