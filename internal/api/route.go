package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/governance"
)

// root is where the API is; there is one version of it.
const root = "/api/v1"

// route is one operation, as it is served and as the OpenAPI document has it.
type route struct {
	method, path string // the path is below root
	id, tag      string
	summary      string
	text         string // what the summary leaves out
	// action is asked of the office before anything is done, over the system as a
	// whole. Empty: the office's method judges, row by row.
	action  authority.Action
	query   []param
	creates bool  // takes an Idempotency-Key
	matches bool  // needs If-Match: the version that the caller saw
	large   bool  // takes the files of a whole organisation
	status  int   // of success; zero: 200
	errors  []int // refusals beyond those that every operation has
	do      endpoint
}

// endpoint is what a route does, with the shapes that go in and out.
type endpoint struct {
	in, out reflect.Type // in is nil where no body is taken
	act     func(*call) (any, error)
	// stream writes what is no JSON; in its place, act is nil.
	stream func(*call, io.Writer) error
}

// takes makes an endpoint of a handler that reads a body.
func takes[In, Out any](act func(*call, In) (Out, error)) endpoint {
	return endpoint{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](), act: func(c *call) (any, error) {
		var in In
		if err := c.decode(&in); err != nil {
			return nil, err
		}
		return act(c, in)
	}}
}

// gives makes an endpoint of a handler that reads none.
func gives[Out any](act func(*call) (Out, error)) endpoint {
	return endpoint{out: reflect.TypeFor[Out](), act: func(c *call) (any, error) { return act(c) }}
}

// call is one request whose caller is known.
type call struct {
	*http.Request
	header http.Header // of the answer
	actor  governance.Actor
	body   []byte
	seen   int64 // the version in If-Match; 0: whichever
}

func (c *call) ctx() context.Context { return c.Context() }

// Bounds of a body, in bytes.
const (
	maxBody  = 256 << 10
	maxFiles = 64 << 20 // an apply of a large organisation
)

func (r *route) limit() int64 {
	if r.large {
		return maxFiles
	}
	return maxBody
}

// pattern is how the mux knows the route.
func (r *route) pattern() string { return r.method + " " + root + r.path }

// serve is every operation: who calls, may they, what do they ask, act, answer.
func (s *Server) serve(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		actor, ok := s.authenticate(w, req)
		if !ok {
			return
		}
		c := &call{Request: req, header: w.Header(), actor: actor}
		if err := s.admit(w, c, &r); err != nil {
			s.refuse(w, req, err)
			return
		}
		if r.do.stream != nil {
			s.stream(w, c, &r)
			return
		}
		if key := req.Header.Get("Idempotency-Key"); key != "" {
			s.once(w, c, &r, key)
			return
		}
		status, body := s.perform(c, &r)
		answer(w, status, body)
	})
}

// admit checks everything about a request that does not need its act.
func (s *Server) admit(w http.ResponseWriter, c *call, r *route) error {
	if r.action != "" {
		if err := s.cfg.Office.May(c.ctx(), c.actor, r.action, system); err != nil {
			return err
		}
	}
	if err := checkQuery(c.Request, r); err != nil {
		return err
	}
	if err := c.match(r); err != nil {
		return err
	}
	if c.Header.Get("Idempotency-Key") != "" && !r.creates {
		return bad("this operation takes no Idempotency-Key")
	}
	return c.read(w, r)
}

// read takes the body off the wire.
func (c *call) read(w http.ResponseWriter, r *route) error {
	if r.do.in == nil {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(c.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &refusal{http.StatusUnsupportedMediaType, "media-type", "the body must be application/json", "set Content-Type: application/json"}
	}
	var err error
	c.body, err = io.ReadAll(http.MaxBytesReader(w, c.Body, r.limit()))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return &refusal{http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("the body is larger than %d bytes", over.Limit), "a justification holds 16384 bytes at most: put the rest into a ticket and name it"}
	}
	if err != nil {
		return bad("reading the request: %v", err)
	}
	return wellFormed(c.body, r.do.in)
}

// wellFormed refuses what decoders read differently: names given twice, bytes
// that are no UTF-8, names in another case, more than one value.
func wellFormed(body []byte, in reflect.Type) error {
	if !jsontext.Value(body).IsValid() {
		return bad("the body is not one JSON value with every name once")
	}
	if in.Kind() != reflect.Struct {
		return nil
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(body, &given); err != nil || given == nil {
		return bad("the body is not a JSON object")
	}
	known := make(map[string]bool)
	for _, f := range fieldsOf(in) {
		known[f.name] = true
		if _, ok := given[f.name]; !ok && f.required {
			return bad("%s is required", f.name)
		}
	}
	for name := range given {
		if !known[name] {
			return bad("there is no field %.80q", name)
		}
	}
	return nil
}

func (c *call) decode(into any) error {
	dec := json.NewDecoder(bytes.NewReader(c.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return bad("reading the request: %v", err)
	}
	return nil
}

// match reads If-Match, which names the version that the caller saw.
func (c *call) match(r *route) error {
	text := c.Header.Get("If-Match")
	switch {
	case text == "" && r.matches:
		return &refusal{http.StatusPreconditionRequired, "precondition-required", "If-Match is required: what you decide on must be what you saw", `send the ETag of what you looked at, such as If-Match: "12", or * for whichever`}
	case text == "" || text == "*" && r.matches:
		return nil
	case !r.matches:
		return bad("this operation takes no If-Match")
	}
	n, err := strconv.ParseInt(strings.Trim(text, `"`), 10, 64)
	if err != nil || n <= 0 || text != etag(n) {
		return bad(`If-Match: want an ETag such as "12"`)
	}
	c.seen = n
	return nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// perform acts and words the answer.
func (s *Server) perform(c *call, r *route) (int, []byte) {
	out, err := r.do.act(c)
	if err != nil {
		s.cfg.Log.Info("an operator's request was refused", "operation", r.id, "operator", c.actor.Name, "err", err)
		p := problemOf(err)
		return p.Status, encode(p)
	}
	if v := versionOf(out); v > 0 {
		c.header.Set("ETag", etag(v))
	}
	return max(r.status, http.StatusOK), encode(out)
}

// stream answers with what is no JSON. What fails before the first byte is told;
// after it the connection is cut, so that nothing incomplete looks complete.
func (s *Server) stream(w http.ResponseWriter, c *call, r *route) {
	out := &late{ResponseWriter: w}
	err := r.do.stream(c, out)
	switch {
	case err == nil:
	case !out.begun:
		s.refuse(w, c.Request, err)
	default:
		s.cfg.Log.Warn("an answer broke off", "operation", r.id, "err", err)
		panic(http.ErrAbortHandler)
	}
}

// late states its content type with the first byte.
type late struct {
	http.ResponseWriter
	begun bool
}

func (l *late) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.Header().Set("Content-Type", "application/zstd")
	}
	return l.ResponseWriter.Write(b)
}

// versionOf is the version of what is shown, for optimistic concurrency; views of
// one row have it in a field of that name.
func versionOf(v any) int64 {
	if r := reflect.ValueOf(v); versioned(r.Type()) {
		return r.FieldByName("Version").Int()
	}
	return 0
}

// versioned reports whether answers of a type carry an ETag.
func versioned(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	f, ok := t.FieldByName("Version")
	return ok && f.Type.Kind() == reflect.Int64
}

func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // the shapes of answers are ours, and a test encodes each
	}
	return b.Bytes()
}

func answer(w http.ResponseWriter, status int, body []byte) {
	kind := "application/json"
	if status >= 400 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// param is a query parameter.
type param struct {
	name, text string
	kind       string   // string, integer or boolean; empty: string
	values     []string // empty: any
	required   bool
}

// maxParam bounds a parameter's value, in bytes; the longest is an ARN.
const maxParam = 2048

// checkQuery refuses parameters that the operation does not have, or twice, and
// values of another kind; and what cannot be in any name.
func checkQuery(req *http.Request, r *route) error {
	q, err := queryOf(req)
	if err != nil {
		return err
	}
	for name := range q {
		if !slices.ContainsFunc(r.query, func(p param) bool { return p.name == name }) {
			return bad("there is no query parameter %.80q", name)
		}
	}
	for _, p := range r.query {
		if err := p.check(q[p.name]); err != nil {
			return err
		}
	}
	for _, part := range strings.Split(r.path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok && !plain(req.PathValue(strings.TrimSuffix(name, "}"))) {
			return bad("the path holds what no name holds")
		}
	}
	return nil
}

func (p *param) check(given []string) error {
	switch {
	case len(given) == 0 && p.required:
		return bad("the query parameter %s is required", p.name)
	case len(given) == 0:
		return nil
	case len(given) > 1:
		return bad("the query parameter %s is given %d times", p.name, len(given))
	}
	v := given[0]
	switch {
	case !plain(v):
		return bad("the query parameter %s holds what no name holds", p.name)
	case p.kind == "integer":
		if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < 0 {
			return bad("the query parameter %s: want a number", p.name)
		}
	case p.kind == "boolean" && v != "true" && v != "false":
		return bad("the query parameter %s: want true or false", p.name)
	case len(p.values) > 0 && !slices.Contains(p.values, v):
		return bad("the query parameter %s: want one of %v", p.name, p.values)
	}
	return nil
}

// plain reports whether a text can be a name of something: no control
// characters, which databases and terminals read in their own ways.
func plain(s string) bool {
	return len(s) <= maxParam && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func (c *call) param(name string) string { return c.URL.Query().Get(name) }

func (c *call) flag(name string) bool { return c.param(name) == "true" }

func (c *call) number(name string) int64 {
	n, _ := strconv.ParseInt(c.param(name), 10, 64) // checked before, or absent
	return n
}
