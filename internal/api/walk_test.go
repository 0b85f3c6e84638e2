package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/writtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	writtest.Clean()
	os.Exit(code)
}

// operation is one operation of docs/openapi.json, as a stranger reads it.
type operation struct {
	method, path, name string
	parameters         []parameter
	body               map[string]any // schema; nil: none
	responses          map[string]any
}

type parameter struct {
	name, in string
	required bool
	schema   map[string]any
}

// walker sends what the document allows, and what it does not, to a server.
type walker struct {
	base       string
	operations []operation
	schemas    map[string]any
	compiler   *jsonschema.Compiler
	tokens     map[string]string // by role
}

func newWalker(t *testing.T, base string) *walker {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var d map[string]any
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	w := &walker{base: base, compiler: jsonschema.NewCompiler(), tokens: map[string]string{}}
	w.schemas = d["components"].(map[string]any)["schemas"].(map[string]any)
	w.compiler.DefaultDraft(jsonschema.Draft2020)
	w.compiler.AssertFormat()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = w.compiler.AddResource("openapi.json", parsed)
	}
	if err != nil {
		t.Fatal(err)
	}
	paths := d["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range slices.Sorted(maps.Keys(paths[path].(map[string]any))) {
			w.operations = append(w.operations, readOperation(path, method, paths[path].(map[string]any)[method].(map[string]any)))
		}
	}
	return w
}

func readOperation(path, method string, said map[string]any) operation {
	op := operation{method: strings.ToUpper(method), path: path, name: said["operationId"].(string), responses: said["responses"].(map[string]any)}
	for _, p := range said["parameters"].([]any) {
		p := p.(map[string]any)
		required, _ := p["required"].(bool)
		op.parameters = append(op.parameters, parameter{p["name"].(string), p["in"].(string), required, p["schema"].(map[string]any)})
	}
	if body, ok := said["requestBody"].(map[string]any); ok {
		op.body = body["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
	}
	return op
}

// sent is one request, before it is sent.
type sent struct {
	op     operation
	path   string
	query  url.Values
	header http.Header
	body   []byte
	wrong  string // what is wrong with it; empty: nothing that the document says
}

// names are values by the name of the field or parameter they are for: with these
// some requests get through to the rows.
var names = map[string][]string{
	"identity": {"support-agent", "invoice-triage", "ci-summariser", "nobody-at-all"}, "entitlement": {"support-conversations", "invoice-triage", "code-summaries", "no-such"},
	"kind": {"grant", "identity", "model", "tag", "session", "network", "Grant", "Identity", "Operator", "Request", "Token"}, "name": {"support-agent", "support-agent-chat", "no-such"},
	"model": {"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-pro-v1:0"}, "id": {"0", "support-agent"}, "operator": {"auto-auditor", "auto-requester", "local-admin"},
	"reason": {"because"}, "justification": {"a pilot"}, "why": {"because"}, "note": {"a test"}, "scopes": {"*", "view.state"}, "life": {"1h"}, "duration": {"1h"}, "email": {"new@example.com"},
	"verdict": {"approve", "deny"}, "revision": {"0", "1", "99999999"}, "subject": {"Identity/support-agent"}, "to": {"auto-approver", "claimed", "dormant"}, "role": {"requester"}, "environment": {"dev"}, "seconds": {"60"}, "audience": {"writ"},
}

// hostile are texts that have broken something somewhere.
var hostile = []string{
	"'; DROP TABLE resources; --", `" OR 1=1 --`, "%27%20OR%20%271%27=%271", "../../etc/passwd", "Ω≈ç√∫˜µ≤ 𝔘𝔫𝔦 👩‍👩‍👧", "\u202egpj.exe", "a\u0000b", "{{7*7}}", "${jndi:ldap://x}",
	"<script>alert(1)</script>", strings.Repeat("ä", 9000), "\r\nSet-Cookie: a=b", "-1", "null", "=cmd|' /C calc'!A0",
}

func (w *walker) text(rt *rapid.T, field string) string {
	pool := hostile
	if known := names[field]; known != nil && rapid.IntRange(0, 3).Draw(rt, "known") > 0 {
		pool = known
	}
	if rapid.IntRange(0, 5).Draw(rt, "any") == 0 {
		return rapid.String().Draw(rt, field)
	}
	return rapid.SampledFrom(pool).Draw(rt, field)
}

// value makes a value of a schema.
func (w *walker) value(rt *rapid.T, field string, s map[string]any, depth int) any {
	if ref, ok := s["$ref"].(string); ok {
		return w.value(rt, field, w.schemas[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any), depth)
	}
	if values, ok := s["enum"].([]any); ok {
		return rapid.SampledFrom(values).Draw(rt, field)
	}
	kind, _ := s["type"].(string)
	if kinds, ok := s["type"].([]any); ok {
		kind = kinds[0].(string)
	}
	switch kind {
	case "object":
		return w.object(rt, s, depth)
	case "array":
		out := []any{}
		for range rapid.IntRange(0, 2).Draw(rt, "length") {
			out = append(out, w.value(rt, field, s["items"].(map[string]any), depth+1))
		}
		return out
	case "boolean":
		return rapid.Bool().Draw(rt, field)
	case "integer":
		return rapid.SampledFrom([]int64{0, 1, 2, 7, 500, 1 << 31, 1<<63 - 1}).Draw(rt, field)
	case "string":
		return w.string(rt, field, s)
	}
	return map[string]any{}
}

func (w *walker) string(rt *rapid.T, field string, s map[string]any) string {
	switch {
	case s["format"] == "date-time":
		return rapid.SampledFrom([]string{"2026-11-26T12:00:00Z", "2040-01-01T00:00:00+02:00", "0001-01-01T00:00:00Z"}).Draw(rt, field)
	case s["pattern"] != nil:
		return rapid.SampledFrom([]string{"1h", "15m", "8h30m", "0s", "87600h", "-1h"}).Draw(rt, field)
	}
	return w.text(rt, field)
}

func (w *walker) object(rt *rapid.T, s map[string]any, depth int) map[string]any {
	out := map[string]any{}
	if extra, ok := s["additionalProperties"].(map[string]any); ok {
		for range rapid.IntRange(0, 2).Draw(rt, "members") {
			out[w.text(rt, "key")] = w.value(rt, "value", extra, depth+1)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, any(name)) || depth < 4 && rapid.Bool().Draw(rt, "has "+name) {
			out[name] = w.value(rt, name, properties[name].(map[string]any), depth+1)
		}
	}
	return out
}

// request makes a request of an operation; every third is wrong in a way that the
// document rules out.
func (w *walker) request(rt *rapid.T, op operation) sent {
	r := sent{op: op, path: op.path, query: url.Values{}, header: http.Header{}}
	for _, p := range op.parameters {
		if !p.required && rapid.Bool().Draw(rt, "leave out "+p.name) {
			continue
		}
		v := fmt.Sprint(w.value(rt, p.name, p.schema, 0))
		switch p.in {
		case "path":
			if v == "" || v == "." || v == ".." {
				v = "x"
			}
			r.path = strings.ReplaceAll(r.path, "{"+p.name+"}", url.PathEscape(v))
		case "query":
			r.query.Set(p.name, v)
		case "header":
			r.header.Set(p.name, rapid.SampledFrom([]string{"*", `"1"`, `"7"`}).Draw(rt, p.name))
			if p.name == "Idempotency-Key" {
				r.header.Set(p.name, rapid.StringMatching(`[a-z0-9]{20}`).Draw(rt, "key"))
			}
		}
	}
	if op.body != nil {
		r.body, _ = json.Marshal(w.value(rt, "body", op.body, 0))
		r.header.Set("Content-Type", "application/json")
	}
	if rapid.IntRange(0, 2).Draw(rt, "wrong") == 0 {
		w.spoil(rt, &r)
	}
	return r
}

func (w *walker) spoil(rt *rapid.T, r *sent) {
	kinds := []string{"an unknown parameter"}
	if r.op.body != nil {
		kinds = append(kinds, "an unknown field", "no JSON", "another type", "two values", "no content type", "an empty body", "too much")
	}
	r.wrong = rapid.SampledFrom(kinds).Draw(rt, "spoil")
	switch r.wrong {
	case "an unknown parameter":
		r.query.Set("colour", "red")
	case "an unknown field":
		r.body = append([]byte(`{"colour":"red",`), bytes.TrimPrefix(r.body, []byte("{"))...)
	case "no JSON":
		r.body = r.body[:len(r.body)/2]
	case "another type":
		r.body = []byte(`["body"]`)
	case "two values":
		r.body = append(r.body, r.body...)
	case "no content type":
		r.header.Del("Content-Type")
	case "an empty body":
		r.body = nil
	case "too much":
		r.body = fmt.Appendf(nil, `{"justification":%q,"answers":"x"}`, strings.Repeat("x", 1<<20))
	}
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   []byte
}

func (w *walker) send(r sent, token string) (answered, error) {
	target := w.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequest(r.op.method, target, bytes.NewReader(r.body))
	if err != nil {
		return answered{}, err
	}
	req.Header = r.header.Clone()
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, body}, err
}

// check holds an answer against the document.
func (w *walker) check(r sent, a answered) error {
	status := fmt.Sprint(a.status)
	switch {
	case a.status >= 500:
		return fmt.Errorf("status %d: %s", a.status, a.body)
	case r.op.responses[status] == nil:
		return fmt.Errorf("status %d is not documented: %s", a.status, a.body)
	case r.wrong != "" && a.status < 400:
		return fmt.Errorf("%s was taken: %s", r.wrong, a.body)
	case a.header.Get("Cache-Control") != "no-store":
		return fmt.Errorf("the answer may be cached")
	}
	if a.status >= 400 {
		if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
			return fmt.Errorf("a problem of type %q", kind)
		}
		return w.valid("#/components/schemas/Problem", a.body)
	}
	content := r.op.responses[status].(map[string]any)["content"].(map[string]any)
	if content["application/json"] == nil {
		return nil
	}
	pointer := "#/paths/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(r.op.path) + "/" + strings.ToLower(r.op.method) + "/responses/" + status + "/content/application~1json/schema"
	return w.valid(pointer, a.body)
}

func (w *walker) valid(pointer string, body []byte) error {
	s, err := w.compiler.Compile("openapi.json" + strings.NewReplacer("{", "%7B", "}", "%7D").Replace(pointer))
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	if err := s.Validate(v); err != nil {
		return fmt.Errorf("%w in %s", err, body)
	}
	return nil
}

func adminToken(t *testing.T, s *writtest.Server) string {
	t.Helper()
	token, err := api.LoadToken(s.Data + "/run/admin.token")
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

// learn makes a request, and tells the walker what some things are called.
func (w *walker) learn(t *testing.T) {
	t.Helper()
	for _, entitlement := range []string{"sales-drafting", "nova-family"} {
		var made struct{ ID string }
		a := w.as(t, "auto-sponsor", "POST", "/api/v1/requests", `{"grant":{"identity":"support-agent","entitlement":"`+entitlement+`","duration":"1h"},"justification":"a pilot"}`)
		if err := json.Unmarshal(a.body, &made); err != nil || a.status != 201 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		names["id"] = append(names["id"], made.ID)
	}
	var grants api.List[struct{ ID string }]
	if err := json.Unmarshal(w.as(t, "local-admin", "GET", "/api/v1/grants", "").body, &grants); err != nil || len(grants.Items) == 0 {
		t.Fatal(err)
	}
	for _, g := range grants.Items {
		names["name"] = append(names["name"], g.ID)
	}
}

func TestTheServerIsWhatTheDocumentSays(t *testing.T) {
	s := writtest.Start(t, writtest.Options{})
	w := newWalker(t, s.Admin)
	w.tokens["local-admin"] = adminToken(t, s)
	w.hire(t, s)
	w.learn(t)
	taken := map[string]int{} // successes, by operation
	for _, op := range w.operations {
		t.Run(op.name, func(t *testing.T) {
			if a, err := w.send(sent{op: op, path: strings.NewReplacer("{", "", "}", "").Replace(op.path), header: http.Header{"Content-Type": {"application/json"}}, query: url.Values{}}, ""); err != nil || a.status != http.StatusUnauthorized && a.status != http.StatusTooManyRequests {
				t.Fatalf("without a token: status %d (%v)", a.status, err)
			}
			rapid.Check(t, func(rt *rapid.T) {
				role := rapid.SampledFrom(slices.Sorted(maps.Keys(w.tokens))).Draw(rt, "role")
				r := w.request(rt, op)
				a, err := w.send(r, w.tokens[role])
				if err == nil {
					err = w.check(r, a)
				}
				if a.status < 300 {
					taken[op.name]++
				}
				if err != nil {
					rt.Fatalf("%s %s?%s as %s\n%.2000s\n%v", op.method, r.path, r.query.Encode(), role, r.body, err)
				}
			})
		})
	}
	// A walk on which nothing is ever taken would prove little.
	if len(taken) < len(w.operations)/2 {
		t.Errorf("only %d of %d operations were ever taken: %v", len(taken), len(w.operations), taken)
	}
	t.Logf("taken: %v", taken)
}
