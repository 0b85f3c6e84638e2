package config

import (
	_ "embed"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// Reference is a configuration file that names every field, says what it is
// for, and gives it its default or an example. It is the manual: docs/operate.md
// repeats it, and the schema takes its descriptions from it.
//
//go:embed reference.yaml
var Reference string

// SchemaID is the schema's name.
const SchemaID = "https://github.com/writ-project/writ/docs/config.schema.json"

// keywords are words of JSON Schema beside those that a Go type implies.
type keywords map[string]any

// duration is what time.ParseDuration reads and is not negative; JSON Schema
// cannot bound it, so the bounds are in the descriptions and in Validate.
const duration = `^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*$|^0$`

// hostOrAddress is a name or an IP address, as far as a pattern can say it.
const hostOrAddress = `^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$`

// bounds are what Validate wants, as far as JSON Schema can say it, by path.
// Those of a list's items have [] behind its name.
var bounds = map[string]keywords{
	"account":                        {"pattern": `^([0-9]{12})?$`},
	"region":                         {"pattern": regionPattern.String()},
	"regions":                        {"items": keywords{"type": "string", "pattern": regionPattern.String()}},
	"partition":                      {"enum": partitions},
	"hosts":                          {"items": keywords{"type": "string", "pattern": hostOrAddress}},
	"upstream.assumeRole":            {"pattern": "^$|" + rolePattern.String()},
	"upstream.accounts[]":            {"required": []string{"account", "assumeRole"}},
	"upstream.accounts[].account":    {"pattern": accountPattern.String()},
	"upstream.accounts[].assumeRole": {"pattern": rolePattern.String()},
	"upstream.accounts[].regions":    {"items": keywords{"type": "string", "pattern": regionPattern.String()}},
	"tls": {"dependentRequired": keywords{
		"cert": []string{"key"}, "key": []string{"cert"},
	}},
	"replica.name":                 {"pattern": replicaPattern.String()},
	"replica.lease":                {"pattern": duration},
	"log.reserveMB":                {"minimum": 0},
	"limits.bodyMB":                {"minimum": 1, "maximum": 25},
	"limits.inFlightMB":            {"minimum": 1},
	"limits.sourceMB":              {"minimum": 1},
	"limits.freshness":             {"pattern": duration},
	"limits.connections":           {"minimum": 1, "maximum": maxConnections},
	"limits.sourceConnections":     {"minimum": 1, "maximum": maxConnections},
	"limits.strangers.failures":    {"minimum": 1, "maximum": maxPerMinute},
	"limits.strangers.allFailures": {"minimum": 1, "maximum": maxPerMinute},
	"limits.strangers.proofs":      {"minimum": 1, "maximum": maxPerMinute},
	"limits.strangers.allProofs":   {"minimum": 1, "maximum": maxPerMinute},
	"limits.strangers.unprovenMB":  {"minimum": 1, "maximum": maxUnprovenMB},
	"drain.delay":                  {"pattern": duration},
	"drain.within":                 {"pattern": duration},
	"holds.maxKB":                  {"minimum": 1, "maximum": maxHeldKB},
	"holds.keep":                   {"pattern": duration},
	"notify.sinks[]":               {"required": []string{"name", "kind"}},
	"notify.sinks[].name":          {"pattern": sinkName.String()},
	"notify.sinks[].kind":          {"enum": sinkKinds},
	"notify.chat.users[]":          {"required": []string{"user", "operator"}},
	"login.maxAge":                 {"pattern": duration},
	"login.session":                {"pattern": duration},
	"observe.approvers": {
		"items":       keywords{"type": "string", "pattern": `^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$`},
		"uniqueItems": true, "anyOf": []keywords{{"maxItems": 0}, {"minItems": 2}},
	},
}

// Schema is the file's JSON Schema, draft 2020-12: made from the Go type, the
// reference's comments and the bounds.
func Schema() ([]byte, error) {
	root := describe("", reflect.TypeFor[Config](), reflect.ValueOf(Default()), comments(Reference))
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaID
	root["title"] = "Writ's configuration file"
	b, err := json.MarshalIndent(root, "", "  ")
	return append(b, '\n'), err
}

// describe is the schema of one field, standard being its default.
func describe(path string, t reflect.Type, standard reflect.Value, said map[string]string) keywords {
	out := keywords{}
	if d := said[path]; d != "" {
		out["description"] = d
	}
	switch {
	case t == reflect.TypeFor[time.Duration]():
		out["type"] = "string"
		out["default"] = standard.Interface().(time.Duration).String()
	case t.Kind() == reflect.Struct:
		out["type"], out["additionalProperties"] = "object", false
		fields := keywords{}
		for i := range t.NumField() {
			if !t.Field(i).IsExported() {
				continue
			}
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
			fields[name] = describe(strings.TrimPrefix(path+"."+name, "."), t.Field(i).Type, standard.Field(i), said)
		}
		out["properties"] = fields
	case t.Kind() == reflect.Slice:
		out["type"], out["items"] = "array", describe(path+"[]", t.Elem(), reflect.Zero(t.Elem()), said)
	case t.Kind() == reflect.Pointer: // what may be left out: it has no default of its own
		return describe(path, t.Elem(), reflect.Zero(t.Elem()), said)
	default:
		out["type"] = map[reflect.Kind]string{
			reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "integer", reflect.Uint64: "integer",
		}[t.Kind()]
		if !standard.IsZero() {
			out["default"] = standard.Interface()
		}
	}
	maps.Copy(out, bounds[path])
	return out
}

var (
	keyLine     = regexp.MustCompile(`^( *)(- )?([A-Za-z]+):`)
	commentLine = regexp.MustCompile(`^ *# ?(.*)$`)
)

// comments reads what a commented file says of each field, by path. Of fields
// that stand together under one comment each gets it. Those of a list's items
// are told by the one item that is there.
func comments(text string) map[string]string {
	out := make(map[string]string)
	type parent struct {
		path   string
		indent int
	}
	var parents []parent
	var words []string
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := commentLine.FindStringSubmatch(line); m != nil {
			words = append(words, m[1])
			continue
		}
		m := keyLine.FindStringSubmatch(line)
		if m == nil {
			words, last = nil, ""
			continue
		}
		indent := len(m[1] + m[2])
		for len(parents) > 0 && parents[len(parents)-1].indent >= indent {
			parents = parents[:len(parents)-1]
		}
		path := m[3]
		if n := len(parents); n > 0 {
			if m[2] != "" { // the first field of a list's item
				parents[n-1].path += "[]"
			}
			path = parents[n-1].path + "." + path
		}
		parents = append(parents, parent{path, indent})
		if len(words) > 0 {
			last = strings.Join(words, " ")
		}
		out[path], words = last, nil
		if strings.HasSuffix(line, ":") {
			last = ""
		}
	}
	return out
}
