package api

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/spend"
)

// field is one field of a struct as encoding/json writes it.
type field struct {
	name     string
	typ      reflect.Type
	required bool         // always written, and wanted where it is read
	owner    reflect.Type // the struct that declares it
	goName   string
}

// fieldsOf lists the fields of a struct, those of embedded ones among them: an
// outer field hides an inner one of its name.
func fieldsOf(t reflect.Type) []field {
	var own, inner []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-", !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "":
			inner = append(inner, fieldsOf(deref(f.Type))...)
		default:
			own = append(own, field{cmp.Or(name, f.Name), f.Type, !strings.Contains(options, "omit"), t, f.Name})
		}
	}
	for _, f := range inner {
		if !slices.ContainsFunc(own, func(o field) bool { return o.name == f.name }) {
			own = append(own, f)
		}
	}
	return own
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// words are the values of types that are words.
var words = map[reflect.Type][]string{
	reflect.TypeFor[request.State]():     texts(request.States),
	reflect.TypeFor[request.Kind]():      texts(requestKinds),
	reflect.TypeFor[request.Verdict]():   {string(request.Approve), string(request.Deny)},
	reflect.TypeFor[rights.GrantState](): texts(grantStates),
	reflect.TypeFor[rights.EndReason]():  {string(rights.EndExpired), string(rights.EndRevoked), string(rights.EndSuperseded), string(rights.EndOffboarded)},
	reflect.TypeFor[rights.TargetKind](): texts(append(slices.Clone(rights.QuarantineKinds), rights.TargetGrant)),
	reflect.TypeFor[operator.Role]():     texts(operator.Roles),
	reflect.TypeFor[operator.Kind]():     {string(operator.Human), string(operator.Automation)},
	reflect.TypeFor[identity.Kind]():     texts(identity.Kinds),
	reflect.TypeFor[identity.State]():    texts(identity.States),
	reflect.TypeFor[manifest.Kind]():     texts(manifest.Kinds),
	reflect.TypeFor[hold.State]():        texts(hold.States),
	reflect.TypeFor[hold.Choice]():       texts(holdChoices),
	reflect.TypeFor[spend.Dimension]():   texts(spend.Dimensions),
	reflect.TypeFor[budget.Unit]():       texts(budget.Units),
	reflect.TypeFor[budget.Window]():     texts(budget.Windows),
}

var requestKinds = []request.Kind{request.ForGrant, request.ForChange, request.ForLift, request.ForWaiver, request.ForReview}

var grantStates = []rights.GrantState{
	rights.GrantScheduled, rights.GrantActivating, rights.GrantActive, rights.GrantActivationFailed,
	rights.GrantRevoking, rights.GrantRevokeFailed, rights.GrantEnded,
}

func texts[T ~string](list []T) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, string(v))
	}
	return out
}

// schema is a JSON Schema (2020-12) object.
type schema = map[string]any

// schemas collects the schemas of the types that operations speak in.
type schemas struct {
	named map[string]schema
	types map[string]reflect.Type // of the names, to see that no two share one
	docs  map[string]string       // comments, by package.Type or package.Type.Field
}

// fixed are types whose JSON is not that of their fields.
var fixed = map[reflect.Type]schema{
	reflect.TypeFor[time.Time]():         {"type": "string", "format": "date-time"},
	reflect.TypeFor[json.RawMessage]():   {"description": "Any JSON value."},
	reflect.TypeFor[[]byte]():            {"type": []string{"string", "null"}, "contentEncoding": "base64"},
	reflect.TypeFor[identity.Duration](): {"type": "string", "pattern": `^-?([0-9.]+(ns|us|µs|ms|s|m|h))+$|^0$`, "description": "A duration such as 90m or 8h30m."},
	reflect.TypeFor[time.Duration]():     {"type": "integer", "format": "int64", "description": "Nanoseconds."},
}

// of returns the schema of a type; structs are named and referred to.
func (s *schemas) of(t reflect.Type) schema {
	if known, ok := fixed[t]; ok {
		return known
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.ofStruct(t)
	case reflect.Slice, reflect.Array:
		return schema{"type": []string{"array", "null"}, "items": s.of(t.Elem())}
	case reflect.Map:
		return schema{"type": []string{"object", "null"}, "additionalProperties": s.of(t.Elem())}
	}
	return plainSchema(t)
}

var (
	marshalsText = reflect.TypeFor[encoding.TextMarshaler]()
	marshalsJSON = reflect.TypeFor[json.Marshaler]()
)

func plainSchema(t reflect.Type) schema {
	if values, ok := words[t]; ok {
		return schema{"type": "string", "enum": values}
	}
	if t.Implements(marshalsText) {
		return schema{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return schema{"type": "integer", "minimum": 0}
	case reflect.Int64:
		return schema{"type": "integer", "format": "int64"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32:
		return schema{"type": "integer"}
	}
	return schema{}
}

func (s *schemas) ofStruct(t reflect.Type) schema {
	switch {
	case t.Implements(marshalsJSON): // its JSON is not that of its fields
		return schema{}
	case t.Implements(marshalsText):
		return schema{"type": "string"}
	}
	name := nameOf(t)
	if name == "" {
		return s.object(t)
	}
	ref := schema{"$ref": "#/components/schemas/" + name}
	if was, ok := s.types[name]; ok {
		if was != t {
			panic("two types are named " + name)
		}
		return ref
	}
	s.types[name] = t // before its fields: types may hold themselves
	s.named[name] = s.object(t)
	return ref
}

func (s *schemas) object(t reflect.Type) schema {
	properties, required := schema{}, []string{}
	for _, f := range fieldsOf(t) {
		properties[f.name] = s.property(f)
		if f.required {
			required = append(required, f.name)
		}
	}
	slices.Sort(required)
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	if text := s.docs[docName(t)]; text != "" {
		out["description"] = text
	}
	return out
}

// property is a field's schema; one that is left out when empty is never null.
func (s *schemas) property(f field) schema {
	out := s.of(f.typ)
	if kinds, ok := out["type"].([]string); ok && !f.required {
		out["type"] = kinds[0]
	}
	if text := s.docs[docName(f.owner)+"."+f.goName]; text != "" {
		described := schema{"description": text}
		for k, v := range out {
			if k != "description" {
				described[k] = v
			}
		}
		return described
	}
	return out
}

// nameOf is a type's name in the document: those of rooms other than this and
// governance carry the room's name. Types without a name have none.
func nameOf(t reflect.Type) string {
	name := t.Name()
	if outer, inner, generic := strings.Cut(name, "["); generic {
		inner = strings.TrimSuffix(inner, "]")
		return outer + "." + inner[strings.LastIndexByte(inner, '.')+1:]
	}
	room := t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:]
	if name == "" || room == "api" || room == "governance" {
		return name
	}
	return room + "." + name
}

// docName is how comments are kept.
func docName(t reflect.Type) string {
	return t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:] + "." + t.Name()
}
