package bedrock

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// maxListed bounds each list of a Capabilities: a body that names more is
// refused, so that every name can be decided upon and recorded.
const maxListed = 64

// capReader reads a request's capabilities. One value serves one request.
type capReader struct {
	jsonReader
	capState
}

// capState is what a capReader knows of the request at hand.
type capState struct {
	op      Operation
	dialect *dialect
	caps    Capabilities

	within       string    // path to what the provider's dialect describes: empty, or additionalModelRequestFields
	tool         toolOffer // the tool being read
	off          bool      // the setting being read says that it is disabled
	guardrail    halfGuardrail
	inner        []byte // CountTokens: the InvokeModel body inside
	found        bool   // CountTokens: there is something to count
	guardContent bool   // a block asks for a guardrail on itself only
	tagged       bool   // the body limits the guardrail to tagged text
	input        bool   // an asynchronous invocation brings its model's input
	output       Output
	tag          [2]string // the tag being read: key and value
}

// halfGuardrail is a guardrail as its parts arrive.
type halfGuardrail struct{ id, version, mode string }

// capReaders keeps readers, and with them the decoder's buffers, for reuse.
var capReaders = sync.Pool{New: func() any { return new(capReader) }}

// ReadCapabilities reads what a request switches on from its headers and body
// (security S2, S3, S4). provider is the catalogue's provider of the model that
// answers; the members of an InvokeModel body, and of Converse's
// additionalModelRequestFields, are known per provider, and of an unlisted
// provider none is. Headers must have canonical keys, as net/http makes them.
//
// What is unknown is reported by name and never refused here; what is known but
// contradictory, malformed or readable in two ways is a *RequestError. A
// member that is null counts as absent.
func ReadCapabilities(op Operation, provider string, h http.Header, body []byte) (Capabilities, error) {
	r := capReaders.Get().(*capReader)
	defer func() {
		r.release()
		capReaders.Put(r)
	}()
	r.op, r.dialect = op, dialects[provider]
	if r.dialect == nil {
		r.dialect = &dialect{}
	}
	if err := r.readHeaders(h); err != nil {
		return Capabilities{}, err
	}
	r.reset("body", body)
	if err := r.readBody(); err != nil {
		return Capabilities{}, err
	}
	if err := r.finish(); err != nil {
		return Capabilities{}, err
	}
	return r.caps, nil
}

// release lets go of everything that belongs to the request.
func (r *capReader) release() {
	r.reset("", nil)
	clear(r.unknown[:cap(r.unknown)])
	r.capState = capState{}
}

func (r *capReader) readBody() error {
	var known members[*capReader]
	switch operations[r.op].shape {
	case converseShape:
		known = converseTop
	case nativeShape:
		known = r.dialect.top
	case asyncShape:
		known = asyncTop
	case emptyShape:
		if len(r.body) > 0 {
			return r.fail("want none")
		}
		return nil
	case countShape:
		known = countTop
	case guardrailShape:
		known = applyTop
	case chatShape:
		r.dialect, known = chatDialect, chatDialect.top
	default:
		return &RequestError{Where: "operation", Problem: "not one whose body is known"}
	}
	if len(r.body) == 0 {
		return r.fail("empty")
	}
	if err := r.members("", known); err != nil {
		return err
	}
	if err := r.end(); err != nil || r.op != CountTokens {
		return err
	}
	return r.counted()
}

// members reads an object whose unknown members are unknown fields.
func (r *capReader) members(path string, known members[*capReader]) error {
	return object(&r.jsonReader, r, known, func(name string) error {
		if err := r.list(&r.caps.UnknownFields, path+quoteName(name)); err != nil {
			return err
		}
		return r.scan()
	})
}

// content reads an object whose unknown members are unknown content.
func (r *capReader) content(path string, known members[*capReader]) error {
	r.caps.Load.Blocks++
	return object(&r.jsonReader, r, known, func(name string) error {
		return r.unknownContent(path + quoteName(name))
	})
}

// unknownContent reports content under a name, and passes over it.
func (r *capReader) unknownContent(name string) error {
	if err := r.list(&r.caps.UnknownContent, name); err != nil {
		return err
	}
	return r.scan()
}

// quoteName makes a name safe to be a part of a dotted path: one that holds a
// dot, or anything else unusual, is quoted, so that no single name can read
// like a path of several.
func quoteName(name string) string {
	for i := 0; i < len(name); i++ {
		if name[i] == '.' || name[i] != '/' && !modelIDByte(name[i]) {
			return strconv.Quote(name)
		}
	}
	return name
}

// list adds a name to one of the lists of the result, once.
func (r *capReader) list(to *[]string, name string) error {
	if slices.Contains(*to, name) {
		return nil
	}
	if len(*to) == maxListed {
		return r.fail(fmt.Sprintf("more than %d of a kind named", maxListed))
	}
	*to = append(*to, name)
	return nil
}

func (r *capReader) extra(name string) error { return r.list(&r.caps.Extras, name) }

// switchedOn reads a member whose presence alone is an effect to decide on.
func switchedOn(name string) func(*capReader) error {
	return func(r *capReader) error {
		if err := r.extra(name); err != nil {
			return err
		}
		return r.scan()
	}
}

// unlessFalse reads a member that has an effect unless it is false.
func unlessFalse(name string) func(*capReader) error {
	return func(r *capReader) error {
		if r.dec.PeekKind() == 'f' {
			return r.skip()
		}
		return switchedOn(name)(r)
	}
}

// answers reads how many answers are asked for.
func (r *capReader) answers() error {
	if err := r.extra("n"); err != nil {
		return err
	}
	if r.dec.PeekKind() != '0' {
		r.caps.Load.Answers = math.MaxInt32 // nobody can say
		return r.skip()
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	n, err := strconv.ParseInt(string(v), 10, 32)
	if err != nil {
		n = math.MaxInt32
	}
	r.caps.Load.Answers = max(r.caps.Load.Answers, n)
	return nil
}

// unread passes over content that is no text here.
func (r *capReader) unread() error {
	r.caps.Load.Unread = true
	return r.scan()
}

// picture passes over a picture in a string.
func (r *capReader) picture() error {
	r.caps.Load.Unread = true
	return r.skipText()
}

// document passes over a JSON document of the caller's.
func (r *capReader) document() error {
	start := r.dec.InputOffset()
	err := r.skip()
	r.caps.Load.Documents += r.dec.InputOffset() - start
	return err
}

// opaque passes over what the provider made and alone can read.
func (r *capReader) opaque() error {
	r.caps.Load.Unread = true
	return r.skip()
}

var cacheMembers = members[*capReader]{"ttl": (*capReader).cacheTTL}

// cachePoint notes that writing to the cache is asked for.
func (r *capReader) cachePoint() error {
	r.caps.Load.CacheWrite = true
	if r.dec.PeekKind() != '{' {
		return r.skip()
	}
	return object(&r.jsonReader, r, cacheMembers, func(string) error { return r.skip() })
}

func (r *capReader) cacheTTL() error {
	v, err := r.dec.ReadValue()
	if err != nil {
		return r.syntax(err)
	}
	r.caps.Load.CacheHour = r.caps.Load.CacheHour || string(v) != `"5m"`
	return nil
}

func (r *capReader) maxTokens() error {
	n, err := r.count()
	if err != nil {
		return err
	}
	if n == 0 {
		return r.fail("want at least 1")
	}
	r.caps.MaxTokens = max(r.caps.MaxTokens, n)
	return nil
}

// symbol reads a string that is one of AWS's or a provider's symbolic names.
func (r *capReader) symbol() (string, error) {
	s, err := r.text(maxName)
	if err == nil && !isSymbol(s) {
		err = r.fail("want a symbolic name")
	}
	return s, err
}

func isSymbol(s string) bool {
	for i := 0; i < len(s); i++ {
		if !modelIDByte(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// scan passes over a value whose shape is not known, or not worth knowing, and
// reports every string in it that names a resource of AWS: our upstream role
// must not fetch for a caller what the caller has no right to (security S3).
func (r *capReader) scan() error {
	depth := r.dec.StackDepth()
	for {
		if r.dec.PeekKind() == '"' {
			v, err := r.dec.ReadValue()
			if err != nil {
				return r.syntax(err)
			}
			if err := r.noteResource(v); err != nil {
				return err
			}
		} else if _, err := r.token(); err != nil {
			return err
		}
		if r.dec.StackDepth() <= depth {
			return nil
		}
	}
}

func (r *capReader) noteResource(v jsontext.Value) error {
	const longest = 2048 // no URI of S3 or ARN is longer
	if len(v) > 6*longest {
		return nil
	}
	raw, err := unquote(v)
	if err != nil {
		return r.syntax(err)
	}
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) > longest:
		return nil
	case hasPrefixFold(raw, "s3://"):
		return r.list(&r.caps.S3, string(raw))
	case !hasPrefixFold(raw, "arn:"):
		return nil
	}
	switch parts := bytes.SplitN(raw, []byte(":"), 4); {
	case len(parts) < 4:
		return nil
	case bytes.EqualFold(parts[2], []byte("kms")):
		return r.list(&r.caps.KMSKeys, string(raw))
	case bytes.EqualFold(parts[2], []byte("s3")):
		return r.list(&r.caps.S3, string(raw))
	}
	return nil
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// guardrailID and guardrailVersion are AWS's patterns, without the empty string
// that they also allow: a guardrail that is asked for has a name.
var (
	guardrailID      = regexp.MustCompile(`^([a-z0-9]{1,64}|arn:aws(-[^:]{1,20})?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]{1,64})$`)
	guardrailVersion = regexp.MustCompile(`^([1-9][0-9]{0,7}|DRAFT)$`)
)

// finish joins what is spread over the request and puts the lists in order.
func (r *capReader) finish() error {
	if err := r.finishGuardrail(); err != nil {
		return err
	}
	if err := r.finishAsync(); err != nil {
		return err
	}
	c := &r.caps
	if c.Latency != "" && c.Latency != "standard" {
		if err := r.extra("latency:" + c.Latency); err != nil { // it has a price of its own
			return err
		}
	}
	for _, l := range [...][]string{c.SystemTools, c.Extras, c.UnknownFields, c.S3, c.KMSKeys, c.Tags, c.UnknownContent} {
		slices.Sort(l)
	}
	slices.SortFunc(c.Tools, func(a, b Tool) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(c.Tools); i++ {
		if c.Tools[i].Name == c.Tools[i-1].Name {
			return &RequestError{Where: "body", Problem: "two tools have the same name"}
		}
	}
	return nil
}

func (r *capReader) finishGuardrail() error {
	g := r.guardrail
	if r.op == ApplyGuardrail { // the path names it
		r.caps.Guardrail = &Guardrail{Narrowed: r.guardContent}
		return nil
	}
	if g == (halfGuardrail{}) {
		if r.tagged {
			return &RequestError{Where: "body", Problem: "narrows a guardrail without naming one"}
		}
		if r.guardContent {
			// An account's enforced guardrail may honour it.
			return r.extra("guard_content")
		}
		return nil
	}
	if g.id == "" || g.version == "" {
		return &RequestError{Where: "guardrail", Problem: "needs both an identifier and a version"}
	}
	if !guardrailID.MatchString(g.id) || !guardrailVersion.MatchString(g.version) {
		return &RequestError{Where: "guardrail", Problem: "want an id or ARN, and a number or DRAFT as version"}
	}
	r.caps.Guardrail = &Guardrail{
		ID:       g.id,
		Version:  g.version,
		Async:    g.mode == "async",
		Narrowed: r.guardContent || r.tagged,
	}
	return nil
}
