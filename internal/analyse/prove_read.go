package analyse

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
)

// Assertion is something that is to hold, for a build to pass. In a file:
//
//	assertions:
//	  - name: no non-prod identity reaches Claude
//	    principals: {tags: {env: [dev, test]}}
//	    cannot: {actions: [invoke], models: [family:anthropic.claude]}
//	    hops: 2
type Assertion struct {
	Name       string          `yaml:"name"`       // required
	Principals Selection       `yaml:"principals"` // empty: all
	Cannot     *Access         `yaml:"cannot"`     // one of the two is required
	Can        *Access         `yaml:"can"`
	Hops       int             `yaml:"hops"` // of a chain of roles by which it must not be reached either; of cannot only
	Position   awsiam.Position `yaml:"-"`
}

// Selection chooses principals: those that every element given means. ARNs,
// exceptions and tag values are patterns with * and ?.
type Selection struct {
	ARNs     []string            `yaml:"arns"`
	Kinds    []string            `yaml:"kinds"` // user, role, root; empty: user and role
	Accounts []string            `yaml:"accounts"`
	Tags     map[string][]string `yaml:"tags"`
	Except   []string            `yaml:"except"`
}

// Access is what is or is not to be possible.
type Access struct {
	// Actions are IAM actions or operations, "invoke" for the two actions that
	// invoke a model, or "inference" for every action of Analysis.Inference.
	Actions []string `yaml:"actions"`
	// Models are ids, ARNs, family:<id>, provider:<id>, or "*": every model, of
	// today and to come. Resources are ARNs, with * and ? in a cannot. One of the
	// two is required.
	Models    []string `yaml:"models"`
	Resources []string `yaml:"resources"`
	// Regions are those called, of a can; empty: the default one. A cannot is
	// about every region.
	Regions []string `yaml:"regions"`
	// When fixes condition keys: to a value, to a list, or to be absent.
	When map[string]awsiam.Value `yaml:"-"`

	RawWhen map[string]any `yaml:"when"`
}

// The limits of a file of assertions.
const (
	maxAssertions = 1 << 20 // bytes
	maxNesting    = 16
	maxHops       = 10
)

// ReadAssertions reads a file of assertions. Its errors are joined, each with
// file, line and column.
func ReadAssertions(name string, text []byte) ([]Assertion, error) {
	r := &assertionReader{file: name}
	switch {
	case len(text) > maxAssertions:
		return nil, r.errorf(nil, "the file has %d bytes: want at most %d", len(text), maxAssertions)
	case !utf8.Valid(text):
		return nil, r.errorf(nil, "the file is not UTF-8")
	}
	items, err := r.items(strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n"))
	if err != nil {
		return nil, err
	}
	var out []Assertion
	var errs []error
	for _, n := range items {
		x, err := r.assertion(n)
		errs = append(errs, err)
		if slices.ContainsFunc(out, func(o Assertion) bool { return o.Name == x.Name && x.Name != "" }) {
			errs = append(errs, r.errorf(startOf(n), "a second assertion is called %q", x.Name))
		}
		out = append(out, x)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

func (r *assertionReader) assertion(n ast.Node) (x Assertion, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = r.errorf(startOf(n), "the assertion cannot be read")
		}
	}()
	at := startOf(n)
	if err := yaml.NodeToValue(n, &x, yaml.Strict()); err != nil {
		return x, r.explain(err, at)
	}
	x.Position = r.position(at)
	if err := x.check(); err != nil {
		return x, r.errorf(at, "assertion %q: %v", x.Name, err)
	}
	return x, nil
}

func (x *Assertion) check() error {
	switch {
	case x.Name == "":
		return errors.New("a name is required")
	case (x.Can == nil) == (x.Cannot == nil):
		return errors.New("want either can or cannot")
	case x.Hops < 0 || x.Hops > maxHops:
		return fmt.Errorf("hops is %d: want 0 to %d", x.Hops, maxHops)
	case x.Hops > 0 && x.Can != nil:
		return errors.New("hops go with cannot")
	}
	if err := x.Principals.check(); err != nil {
		return err
	}
	if x.Can != nil {
		return x.Can.check(true)
	}
	return x.Cannot.check(false)
}

func (s *Selection) check() error {
	for _, k := range s.Kinds {
		if k != "user" && k != "role" && k != "root" {
			return fmt.Errorf("kind %q: want user, role or root", k)
		}
	}
	for _, id := range s.Accounts {
		if !bedrock.ValidAccount(id) {
			return fmt.Errorf("account %q is not twelve digits: put it in quotes", id)
		}
	}
	for key, values := range s.Tags {
		if len(values) == 0 {
			return fmt.Errorf("tag %q has no values: no principal could be meant", key)
		}
	}
	return nil
}

func (c *Access) check(can bool) error {
	switch {
	case len(c.Actions) == 0:
		return errors.New("actions are required")
	case (len(c.Models) == 0) == (len(c.Resources) == 0):
		return errors.New("want either models or resources")
	case !can && len(c.Regions) > 0:
		return errors.New("regions go with can: a cannot is about every region")
	}
	for _, s := range c.Actions {
		if err := checkAction(s, can); err != nil {
			return err
		}
	}
	for _, s := range slices.Concat(c.Models, c.Resources) {
		if can && (strings.ContainsAny(s, "*?") && s != "*" || s == "*" && len(c.Models) > 0 || strings.HasPrefix(s, "family:") || strings.HasPrefix(s, "provider:")) {
			return fmt.Errorf("%q: what can be invoked is named one by one", s)
		}
		if s == "" {
			return errors.New("a model or resource is empty")
		}
	}
	return c.when()
}

func checkAction(s string, can bool) error {
	switch {
	case s == "inference" && can:
		return errors.New("no identity needs every action of inference: name those that it must have")
	case s == "invoke" || s == "inference":
		return nil
	case strings.ContainsAny(s, "*?"):
		return fmt.Errorf("action %q holds a wildcard: name actions one by one, or inference", s)
	case strings.Contains(s, ":"):
		_, _, err := awsiam.ParseAction(s)
		return err
	case !slices.ContainsFunc(bedrock.Operations(), func(o bedrock.Operation) bool { return strings.EqualFold(string(o), s) }):
		return fmt.Errorf("action %q is not service:name, an operation, invoke or inference", s)
	}
	return nil
}

// when reads the condition keys that are fixed.
func (c *Access) when() error {
	c.When = map[string]awsiam.Value{}
	for key, raw := range c.RawWhen {
		if service, name, ok := strings.Cut(key, ":"); !ok || service == "" || name == "" {
			return fmt.Errorf("condition key %q is not service:name", key)
		}
		switch v := raw.(type) {
		case string:
			if c.When[key] = awsiam.One(v); v == "absent" {
				c.When[key] = awsiam.Value{}
			}
		case bool, int, int64, uint64, float64:
			c.When[key] = awsiam.One(fmt.Sprint(v))
		case []any:
			var items []string
			for _, item := range v {
				items = append(items, fmt.Sprint(item))
			}
			c.When[key] = awsiam.Many(items...)
		default:
			return fmt.Errorf("the value of %s is no text, and no list of texts", key)
		}
	}
	return nil
}
