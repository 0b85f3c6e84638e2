package bedrock

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	maxModelID = 2048 // AWS: InvokeModelIdentifier
	// maxPath leaves room for an identifier of which every byte is escaped.
	maxPath = 3*maxModelID + len("/model//invoke-with-response-stream")
)

// PathError says that a method and path have no shape that Writ accepts.
type PathError struct {
	Problem string // what is wrong, without quoting the caller's bytes
}

func (e *PathError) Error() string { return "request path: " + e.Problem }

// UnknownOperationError says that a well-formed path names an operation that
// Writ does not serve.
type UnknownOperationError struct {
	Name string // AWS's name of the operation or surface; empty when it is none we know
	Hint string // what the caller can do instead
}

func (e *UnknownOperationError) Error() string {
	if e.Name == "" {
		return "unknown operation: " + e.Hint
	}
	return fmt.Sprintf("operation %s is not served: %s", e.Name, e.Hint)
}

// Target is what a request names: by its method and path, and, for the
// operations whose body names the model, by that.
type Target struct {
	Operation Operation
	ModelID   string // percent-decoded, as the caller named it; empty when nothing names one
	Path      string // the escaped path as AWS routes it: as received, but for an ARN's bare slash

	GuardrailID      string // ApplyGuardrail: an id or ARN
	GuardrailVersion string // a number or DRAFT

	// Invocation is the asynchronous invocation named, percent-decoded and not
	// read yet: see ParseInvocation.
	Invocation string
}

// route says which operation a method and path name. A segment in braces
// stands for one identifier and goes into the Target's field of that name.
type route struct {
	method   string
	segments []string
	op       Operation
}

// routes is the one list of the paths that Writ serves.
var routes = []route{
	at(http.MethodPost, "model/{model}/converse", Converse),
	at(http.MethodPost, "model/{model}/converse-stream", ConverseStream),
	at(http.MethodPost, "model/{model}/invoke", InvokeModel),
	at(http.MethodPost, "model/{model}/invoke-with-response-stream", InvokeModelWithResponseStream),
	at(http.MethodPost, "model/{model}/count-tokens", CountTokens),
	at(http.MethodPost, "guardrail/{guardrail}/version/{version}/apply", ApplyGuardrail),
	at(http.MethodPost, "openai/v1/chat/completions", ChatCompletions),
	at(http.MethodPost, "async-invoke", StartAsyncInvoke),
	at(http.MethodGet, "async-invoke", ListAsyncInvokes),
	at(http.MethodGet, "async-invoke/{invocation}", GetAsyncInvoke),
}

func at(method, pattern string, op Operation) route {
	return route{method, strings.Split(pattern, "/"), op}
}

func identifies(segment string) bool { return segment[0] == '{' }

// name puts an identifier into the field that a route's segment stands for.
func (t *Target) name(segment, id string) {
	switch segment {
	case "{model}":
		t.ModelID = id
	case "{guardrail}":
		t.GuardrailID = id
	case "{version}":
		t.GuardrailVersion = id
	case "{invocation}":
		t.Invocation = id
	default:
		panic("no field for the segment " + segment)
	}
}

// ParseTarget reads the operation, and what it is about, from a request's method and its
// path as received, still escaped: URL.EscapedPath of an http.Request, whose
// query the caller must then refuse itself, or its RequestURI. Working on the
// decoded path, or on one that a router has cleaned, would lose what was signed.
//
// An identifier is exactly one raw segment, percent-decoded once. An ARN
// may also arrive with its one '/' unescaped, as people type it: the two
// segments are then one identifier, and Target.Path has the slash escaped,
// because AWS routes on raw segments. Nothing else is guessed.
// Query strings are refused, and with them presigned requests (security S14).
//
// Errors are *PathError for what is malformed and *UnknownOperationError for
// what is well formed but not served.
func ParseTarget(method, escapedPath string) (Target, error) {
	if err := checkPath(escapedPath); err != nil {
		return Target{}, err
	}
	segments := strings.Split(escapedPath[1:], "/")
	if err := checkSegments(segments); err != nil {
		return Target{}, trailing(method, segments, err)
	}
	var wrong error // what keeps a path from being one of ours
	for i := range routes {
		found, fits := routes[i].fit(segments)
		switch {
		case fits && routes[i].method == method:
			return routes[i].target(found)
		case fits:
			wrong = &PathError{"want method " + routes[i].method}
		case wrong == nil && routes[i].around(segments):
			wrong = &PathError{"an identifier must be one segment: escape '/' as %2F"}
		}
	}
	if wrong == nil {
		wrong = unserved(method, segments)
	}
	return Target{}, wrong
}

// trailing names the operation of a path that ends in a slash, as many of the
// agents' do and none that is served; any other malformed path stays what it is.
func trailing(method string, segments []string, malformed error) error {
	n := len(segments) - 1
	if n == 0 || segments[n] != "" || checkSegments(segments[:n]) != nil {
		return malformed
	}
	if name, _ := elsewhere(method, segments[:n]); name == "" {
		return malformed
	}
	return unserved(method, segments[:n])
}

// fit reports whether a path has the route's segments, and returns them with
// an ARN's two segments joined.
func (r *route) fit(segments []string) ([]string, bool) {
	if len(segments) == len(r.segments)+1 {
		segments = joinARN(r.segments, segments)
	}
	if len(segments) != len(r.segments) {
		return nil, false
	}
	for i, want := range r.segments {
		if !identifies(want) && want != segments[i] {
			return nil, false
		}
	}
	return segments, true
}

// joinARN makes one segment of an ARN with a bare slash, where an identifier
// is expected.
func joinARN(pattern, segments []string) []string {
	i := slices.IndexFunc(segments, func(s string) bool { return strings.HasPrefix(s, "arn:") })
	if i < 0 || i >= len(pattern) || !identifies(pattern[i]) {
		return segments
	}
	joined := append(slices.Clone(segments[:i]), segments[i]+"%2F"+segments[i+1])
	return append(joined, segments[i+2:]...)
}

// around reports whether a path begins and ends as the route does and has
// something else in the place of its identifiers.
func (r *route) around(segments []string) bool {
	first, last := r.segments[0], r.segments[len(r.segments)-1]
	return slices.ContainsFunc(r.segments, identifies) && segments[0] == first && len(segments) > 1 && segments[len(segments)-1] == last
}

// target reads the identifiers of a path that fits.
func (r *route) target(segments []string) (Target, error) {
	t := Target{Operation: r.op, Path: "/" + strings.Join(segments, "/")}
	for i, want := range r.segments {
		if !identifies(want) {
			continue
		}
		id, err := decodeID(segments[i])
		if err != nil {
			return Target{}, err
		}
		t.name(want, id)
	}
	return t, nil
}

// Complete is the target with what only the body names: the model of an
// asynchronous invocation; a chat completion's, and whether it streams. Operations whose path names everything are
// complete as they are. Errors are *RequestError.
func (t Target) Complete(body []byte) (Target, error) {
	switch {
	case t.Operation == StartAsyncInvoke:
		start, err := ReadAsyncStart(body)
		t.ModelID = start.ModelID
		return t, err
	case !t.Operation.OpenAI():
		return t, nil
	}
	named, err := readChatTarget(body)
	if err != nil {
		return t, err
	}
	t.ModelID, t.Operation = named.model, ChatCompletions
	if named.stream {
		t.Operation = ChatCompletionsStream
	}
	return t, nil
}

// Join adds what the path names to what the body does.
func (t Target) Join(c *Capabilities) {
	if t.Operation != ApplyGuardrail {
		return
	}
	if c.Guardrail == nil {
		c.Guardrail = &Guardrail{}
	}
	c.Guardrail.ID, c.Guardrail.Version = t.GuardrailID, t.GuardrailVersion
}

// checkPath refuses bytes that RFC 3986 §3.3 does not allow in a path.
func checkPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"):
		return &PathError{"want an absolute path"}
	case len(p) > maxPath:
		return &PathError{"too long"}
	case strings.Contains(p, "?"):
		return &PathError{"query strings and presigned requests are not accepted"}
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c != '/' && c != '%' && !modelIDByte(c) && !strings.ContainsRune("~!$&'()*+,;=@", rune(c)) {
			return &PathError{"holds a byte that must be escaped"}
		}
	}
	return nil
}

// checkSegments refuses whatever another parser could normalise into a
// different path: empty and dot segments, escaped or not, and broken escapes.
func checkSegments(segments []string) error {
	for _, raw := range segments {
		s, err := url.PathUnescape(raw)
		if err != nil {
			return &PathError{"holds an invalid percent escape"}
		}
		if s == "" || s == "." || s == ".." {
			return &PathError{"holds an empty or dot segment"}
		}
		for i := 0; i < len(s); i++ {
			if s[i] < 0x20 || s[i] == 0x7f {
				return &PathError{"holds a control character"}
			}
		}
	}
	return nil
}

// decodeID decodes a segment that checkSegments accepted. What remains
// must be made of the bytes that AWS's pattern for identifiers uses, so a
// second escape, a query or a header break cannot hide in it.
func decodeID(raw string) (string, error) {
	id, err := url.PathUnescape(raw)
	if err != nil {
		return "", &PathError{"holds an invalid percent escape"}
	}
	if len(id) > maxModelID {
		return "", &PathError{"the identifier is too long"}
	}
	for i := 0; i < len(id); i++ {
		if id[i] != '/' && !modelIDByte(id[i]) {
			return "", &PathError{"the identifier holds a byte that no identifier has"}
		}
	}
	for part := range strings.SplitSeq(id, "/") {
		if part == "" || part == "." || part == ".." {
			return "", &PathError{"the identifier holds an empty or dot segment"}
		}
	}
	return id, nil
}

func modelIDByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == ':' || c == '.' || c == '_'
}
