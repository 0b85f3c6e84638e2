package api

import (
	_ "embed" // comments.json
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// comments are the doc comments of the types that operations speak in, gathered
// from their sources by a test: types carry none at run time.
//
//go:embed comments.json
var comments []byte

// Document returns the OpenAPI 3.1 document of the API, made from the same table
// that serves it. It is the same for every installation.
func Document() []byte {
	s := &Server{}
	b, err := json.MarshalIndent(describe(s.table()), "", "  ")
	if err != nil {
		panic(err) // maps of plain values
	}
	return append(b, '\n')
}

const about = `The control plane of Writ. Everything needs a bearer token: an API token (writ operator token issue),
a sign-in (writ login), or the data directory's own. Rows that the token's operator may not see are answered with 404.

Errors are problem documents (RFC 9457) whose type is a URN that does not change. Lists are read page by page: follow next
by the parameter after. A POST that creates something takes an Idempotency-Key; repeated with the same key it does
nothing and answers the same. What must not act on a stale view wants If-Match with the ETag that was seen.`

func describe(all []route) schema {
	found := &schemas{named: map[string]schema{}, types: map[string]reflect.Type{}, docs: map[string]string{}}
	if err := json.Unmarshal(comments, &found.docs); err != nil {
		panic(err) // embedded, and a test reads it
	}
	found.of(reflect.TypeFor[Problem]())
	paths := map[string]map[string]any{}
	tags := map[string]bool{}
	for _, r := range all {
		if paths[root+r.path] == nil {
			paths[root+r.path] = map[string]any{}
		}
		paths[root+r.path][strings.ToLower(r.method)] = operationOf(&r, found)
		tags[r.tag] = true
	}
	return schema{
		"openapi": "3.1.0",
		"info":    schema{"title": "Writ", "version": "1", "description": about, "license": schema{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"servers": []schema{{"url": "/", "description": "The admin listener."}},
		"tags":    tagsOf(tags), "paths": paths,
		"security": []schema{{"bearer": []string{}}},
		"components": schema{
			"schemas":         found.named,
			"securitySchemes": schema{"bearer": schema{"type": "http", "scheme": "bearer"}},
			"responses":       schema{"Problem": problemResponse},
		},
	}
}

var problemResponse = schema{
	"description": "What is wrong, and what to do.",
	"content":     schema{"application/problem+json": schema{"schema": schema{"$ref": "#/components/schemas/Problem"}}},
}

func tagsOf(names map[string]bool) []schema {
	var out []schema
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, schema{"name": name})
	}
	return out
}

func operationOf(r *route, found *schemas) schema {
	out := schema{
		"operationId": r.id, "summary": r.summary, "tags": []string{r.tag},
		"parameters": parametersOf(r), "responses": responsesOf(r, found),
	}
	text := r.text
	if r.action != "" {
		text = strings.TrimSpace(text + "\n\nNeeds the right " + string(r.action) + ".")
		out["x-writ-action"] = string(r.action)
	}
	if text != "" {
		out["description"] = text
	}
	if r.do.in != nil {
		out["requestBody"] = schema{"required": true, "content": schema{"application/json": schema{"schema": found.of(r.do.in)}}}
	}
	return out
}

func parametersOf(r *route) []schema {
	out := []schema{}
	for _, part := range strings.Split(r.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, schema{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": schema{"type": "string", "maxLength": maxParam}})
		}
	}
	for _, p := range r.query {
		out = append(out, schema{"name": p.name, "in": "query", "required": p.required, "description": p.text, "schema": p.schema()})
	}
	if r.creates {
		out = append(out, schema{"name": "Idempotency-Key", "in": "header", "schema": schema{"type": "string", "maxLength": maxKey}, "description": "Makes repeating the request harmless."})
	}
	if r.matches {
		out = append(out, schema{"name": "If-Match", "in": "header", "required": true, "schema": schema{"type": "string", "pattern": `^(\*|"[1-9][0-9]*")$`}, "description": "The ETag of what was seen, or *."})
	}
	return out
}

func (p *param) schema() schema {
	out := schema{"type": "string", "maxLength": maxParam}
	switch {
	case p.kind == "integer":
		out = schema{"type": "integer", "minimum": 0}
	case p.kind == "boolean":
		out = schema{"type": "boolean"}
	case len(p.values) > 0:
		out = schema{"type": "string", "enum": p.values}
	}
	return out
}

// refusals are the statuses that a route can refuse with.
func (r *route) refusals() []int {
	out := append([]int{400, 401, 403, 404, 409, 421, 422, 429, 503}, r.errors...)
	if r.do.in != nil {
		out = append(out, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if r.matches {
		out = append(out, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func responsesOf(r *route, found *schemas) schema {
	success := schema{"description": "Done.", "content": schema{"application/zstd": schema{}}}
	if r.do.stream == nil {
		success["content"] = schema{"application/json": schema{"schema": found.of(r.do.out)}}
	}
	if r.do.stream == nil && versioned(r.do.out) {
		success["headers"] = schema{"ETag": schema{"schema": schema{"type": "string"}, "description": "The version shown."}}
	}
	out := schema{strconv.Itoa(max(r.status, http.StatusOK)): success}
	for _, status := range r.refusals() {
		out[strconv.Itoa(status)] = schema{"$ref": "#/components/responses/Problem"}
	}
	return out
}

func (s *Server) document(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
	_, _ = w.Write(Document())
}
