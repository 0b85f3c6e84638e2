package manifest

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/writ-project/writ/internal/budget"
)

// frame is a document before its kind is known.
type frame struct {
	APIVersion string         `json:"apiVersion"`
	Kind       Kind           `json:"kind"`
	Name       string         `json:"name"`
	Spec       jsontext.Value `json:"spec"`
}

// resource reads one document.
func (s *source) resource(body ast.Node) (Resource, error) {
	text, err := s.json(body)
	if err != nil {
		return Resource{}, err
	}
	var f frame
	if err := unmarshal(text, &f); err != nil {
		return Resource{}, s.explain(body, "", "", err)
	}
	if p := s.checkFrame(body, f); p != nil {
		return Resource{}, p
	}
	r := Resource{Kind: f.Kind, Name: f.Name, File: s.file, Line: s.first + start(body).Position.Line}
	if r.Spec, err = newSpec(f.Kind); err != nil {
		return Resource{}, err
	}
	if err := unmarshal(f.Spec, r.Spec); err != nil {
		return Resource{}, s.explain(body, "/spec", r.ID(), err)
	}
	r.settle()
	if err := r.Validate(); err != nil {
		return Resource{}, s.invalid(body, r, err)
	}
	return r, nil
}

// checkFrame judges the four fields every document has.
func (s *source) checkFrame(body ast.Node, f frame) *Problem {
	p := s.problem(start(body), "")
	at := func(field string) *Problem {
		if n := find(body, jsontext.Pointer("/"+field)); n != nil {
			p = s.problem(start(n), "")
		}
		return p
	}
	switch {
	case f.APIVersion != APIVersion:
		at("apiVersion").Text = fmt.Sprintf("apiVersion %q: want %s", f.APIVersion, APIVersion)
	case f.Kind == "":
		p.Text = "kind is required"
	case f.Name == "":
		p.Text = "name is required"
	case f.Spec == nil:
		p.Text = "spec is required"
	default:
		if _, err := newSpec(f.Kind); err == nil {
			return nil
		}
		at("kind").Text = fmt.Sprintf("kind %q: want one of %v", f.Kind, Kinds)
	}
	return p
}

// invalid places the complaints of a Validate method: at the field when the
// complaint begins with its name, at the document otherwise.
func (s *source) invalid(body ast.Node, r Resource, err error) error {
	var errs []error
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSuffix(line, "\n")
		p := s.problem(start(body), line)
		field, _, _ := strings.Cut(line, " ")
		node := find(body, jsontext.Pointer("/spec/"+field))
		if field == "name" {
			node = find(body, "/name")
		}
		if node != nil {
			p = s.problem(start(node), line)
		}
		p.About = r.ID()
		errs = append(errs, p)
	}
	return errors.Join(errs...)
}

// unmarshal reads JSON strictly: names as written, each known and given once,
// every value of its field's type. A plain time.Duration is a number of
// nanoseconds, as Encode writes it.
func unmarshal(data []byte, into any) error {
	return json.Unmarshal(data, into, json.RejectUnknownMembers(true), jsonv1.FormatDurationAsNano(true))
}

// explain turns a decoding error into a problem at the field it is about.
func (s *source) explain(body ast.Node, root jsontext.Pointer, about string, err error) *Problem {
	e, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		p := s.problem(start(body), err.Error())
		p.About = about
		return p
	}
	node := find(body, root+e.JSONPointer)
	unknown := errors.Is(e.Err, json.ErrUnknownName)
	if unknown {
		node = findKey(body, root+e.JSONPointer)
	}
	if node == nil {
		node = body
	}
	p := s.problem(start(node), "")
	p.About = about
	if unknown {
		p.Text = fmt.Sprintf("unknown field %q", e.JSONPointer.LastToken())
		p.Hint = "known here: " + strings.Join(fieldsOf(e.GoType), ", ")
		return p
	}
	p.Text, p.Hint = mismatch(e)
	p.Text = fieldName(e.JSONPointer) + ": " + p.Text
	return p
}

// mismatch says why a value is not what its field takes, and what to write.
func mismatch(e *json.SemanticError) (text, hint string) {
	switch {
	case errors.Is(e.Err, strconv.ErrSyntax):
		return fmt.Sprintf("want %s, not %s", wanted(e.GoType), e.JSONValue), ""
	case errors.Is(e.Err, strconv.ErrRange):
		return fmt.Sprintf("%s is out of range", e.JSONValue), ""
	case e.GoType == reflect.TypeFor[time.Time]():
		return "want a time", "write it as 2026-11-01T09:30:00Z"
	case errors.Is(e.Err, budget.ErrMoney):
		return e.Err.Error(), ""
	case e.Err != nil && e.JSONKind == '"':
		return e.Err.Error(), ""
	case e.GoType != nil && e.GoType.Kind() == reflect.String:
		hint = "put the value in quotes"
	}
	return fmt.Sprintf("want %s, not %s", wanted(e.GoType), given(e.JSONKind)), hint
}

// start is where a node begins for a reader: a mapping at its first key.
func start(n ast.Node) *token.Token {
	if m := members(n); len(m) > 0 {
		return m[0].Key.GetToken()
	}
	if n == nil {
		return nil
	}
	return n.GetToken()
}

// fieldName writes a pointer the way people do: conditions.networks[0].
func fieldName(p jsontext.Pointer) string {
	var b strings.Builder
	for t := range p.Tokens() {
		switch {
		case strings.Trim(t, "0123456789") == "" && b.Len() > 0:
			b.WriteString("[" + t + "]")
		case b.Len() > 0:
			b.WriteString("." + t)
		default:
			b.WriteString(t)
		}
	}
	if b.Len() == 0 {
		return "the value"
	}
	return b.String()
}

// fieldsOf lists the JSON names of a struct's fields.
func fieldsOf(t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			out = append(out, name)
		}
	}
	return out
}

func wanted(t reflect.Type) string {
	if t == nil {
		return "another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map:
		return "a mapping"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Struct:
		if t.PkgPath() == "time" || t.PkgPath() == "net/netip" {
			return "text"
		}
		return "a mapping"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not below 0"
	}
	if t.PkgPath() != "" {
		return "a duration such as 15m"
	}
	return "a whole number"
}

func given(k jsontext.Kind) string {
	switch k {
	case '"':
		return "text"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	case '[':
		return "a list"
	case '{':
		return "a mapping"
	}
	return "that"
}
