package authzen

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/writ-project/writ/internal/dataclass"
)

// circumstances turn a question's context into policy's. What is not known is
// ignored and told; what is known must make sense, since a condition misread
// would be a condition not asked about.
func (s *session) circumstances(t *tuple, q *question) *refusal {
	c := q.stated
	if text, ok := t.Subject.Properties["ip_address"]; ok {
		if err := c.address(text); err != nil {
			return &refusal{codeInvalid, "subject.properties.ip_address: " + err.Error()}
		}
	}
	for name, text := range t.Context {
		take, ok := readers[name]
		if !ok {
			q.ignored = append(q.ignored, "context."+name)
			continue
		}
		if err := take(c, text); err != nil {
			return &refusal{codeInvalid, fmt.Sprintf("context.%s: %v", name, err)}
		}
	}
	if len(c) == 0 {
		return nil
	}
	text, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		return &refusal{codeInvalid, "context: " + err.Error()}
	}
	q.context = text
	return nil
}

// circumstances is policy's partial context while it is put together: parts by
// name, and in each its members.
type circumstances map[string]map[string]any

// set states one member. Saying one thing twice, in two ways, is refused.
func (c circumstances) set(part, name string, v any) error {
	if c[part] == nil {
		c[part] = map[string]any{}
	}
	if _, ok := c[part][name]; ok {
		return fmt.Errorf("%s.%s is stated twice", part, name)
	}
	c[part][name] = v
	return nil
}

// readers are the members of a context that mean something here: the parts of
// policy's own context, and beside them short names for what others send.
var readers = map[string]func(circumstances, jsontext.Value) error{
	"network":             circumstances.network,
	"session":             whole("session"),
	"request":             whole("request"),
	"asserted":            whole("asserted"),
	"prompt":              whole("prompt"),
	"time":                circumstances.time,
	"ip":                  circumstances.address,
	"ip_address":          circumstances.address,
	"data_class":          circumstances.classes,
	"data_classification": circumstances.classes,
	"guardrail":           circumstances.guardrail,
	"max_tokens":          number("request", "maxTokens"),
	"service_tier":        word("request", "serviceTier"),
	"purpose":             word("asserted", "purpose"),
}

// whole takes a part as policy has it. Its members are judged there.
func whole(part string) func(circumstances, jsontext.Value) error {
	return func(c circumstances, text jsontext.Value) error {
		var members map[string]jsontext.Value
		if err := json.Unmarshal(text, &members); err != nil {
			return fmt.Errorf("want an object")
		}
		for name, v := range members {
			if err := c.set(part, name, v); err != nil {
				return err
			}
		}
		return nil
	}
}

func number(part, name string) func(circumstances, jsontext.Value) error {
	return func(c circumstances, text jsontext.Value) error {
		var n int64
		if json.Unmarshal(text, &n) != nil || text.Kind() != '0' {
			return fmt.Errorf("want a whole number")
		}
		return c.set(part, name, n)
	}
}

func word(part, name string) func(circumstances, jsontext.Value) error {
	return func(c circumstances, text jsontext.Value) error {
		v, err := stringOf(text)
		if err != nil {
			return err
		}
		return c.set(part, name, v)
	}
}

func stringOf(text jsontext.Value) (v string, err error) {
	if text.Kind() != '"' || json.Unmarshal(text, &v) != nil {
		return "", fmt.Errorf("want a string")
	}
	return v, nil
}

// network takes a network's name, or policy's own part.
func (c circumstances) network(text jsontext.Value) error {
	if text.Kind() != '"' {
		return whole("network")(c, text)
	}
	name, err := stringOf(text)
	if err != nil {
		return err
	}
	return c.set("network", "names", []string{name})
}

func (c circumstances) address(text jsontext.Value) error {
	v, err := stringOf(text)
	if err != nil {
		return err
	}
	return c.set("network", "ip", v)
}

// layouts are the ways in which times are written in questions.
var layouts = []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly}

// time takes an instant, or policy's own part.
func (c circumstances) time(text jsontext.Value) error {
	if text.Kind() == '{' {
		return whole("time")(c, text)
	}
	v, err := stringOf(text)
	if err != nil {
		return err
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, v); err == nil {
			return c.set("time", "now", at.UTC().Format(time.RFC3339))
		}
	}
	return fmt.Errorf("want a time such as 2026-01-31T15:04:05Z")
}

// classes takes the name of a level or class of data, or several of classes.
func (c circumstances) classes(text jsontext.Value) error {
	if v, err := stringOf(text); err == nil {
		if level, err := dataclass.ParseLevel(v); err == nil {
			return c.set("prompt", "level", int(level))
		}
		return c.set("prompt", "classes", []string{v})
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return fmt.Errorf("want a level, a class or a list of classes")
	}
	return c.set("prompt", "classes", names)
}

// guardrail takes ID:VERSION, or policy's own object.
func (c circumstances) guardrail(text jsontext.Value) error {
	v, err := stringOf(text)
	if err != nil {
		return c.set("request", "guardrail", text)
	}
	id, version := splitVersion(v)
	return c.set("request", "guardrail", map[string]string{"id": strings.TrimSpace(id), "version": version})
}
