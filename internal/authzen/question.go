package authzen

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/snapshot"
)

// The types of subject and resource that questions are about.
const (
	subjectIdentity   = "identity"
	subjectNHI        = "nhi" // the same, in the words of others
	resourceModel     = "model"
	resourceProfile   = "inference_profile"
	resourceGuardrail = "guardrail"
)

// Codes of answers that no rule was asked for; the others are policy's.
const (
	codeSubject     = "unknown_subject"
	codeAction      = "unknown_action"
	codeResource    = "unknown_resource"
	codeUnresolved  = "unresolved"
	codeHalted      = "halted"
	codeQuarantined = "quarantined"
	codeInvalid     = policy.CodeInvalidRequest
)

// session is one request at work, on one state.
type session struct {
	p      *point
	http   *http.Request
	reader Reader
	state  *snapshot.Snapshot
	now    time.Time
	known  map[string][]string // identities by AWS principal; made when asked
	offers int                 // hypothetical grants that may still be tried
}

func (p *point) begin(r *http.Request, reader Reader) (*session, error) {
	state, err := p.cfg.State()
	if err != nil {
		return nil, err
	}
	if state == nil {
		return nil, errNoState
	}
	return &session{p: p, http: r, reader: reader, state: state, now: p.cfg.Now(), offers: maxOffers}, nil
}

// question is what a tuple asks of whichever identity, in Writ's words.
type question struct {
	operation bedrock.Operation
	model     string // empty for a guardrail
	region    string
	account   string // empty: wherever the identity's grants are for
	stated    circumstances
	context   []byte // stated, as policy reads it
	ignored   []string
}

// refusal is why a question needs no rule to be answered with no.
type refusal struct{ code, text string }

// subject finds the identity that a subject names: by name, or by an AWS
// principal that is listed for one identity only.
func (s *session) subject(e *entity) (*identity.Identity, *refusal) {
	if !subjectType(e.Type) {
		return nil, &refusal{codeSubject, "subjects are of type identity or nhi"}
	}
	name := e.ID
	if strings.HasPrefix(name, "arn:") {
		names := s.principals()[name]
		if len(names) > 1 {
			return nil, &refusal{codeSubject, "several identities are known by this principal"}
		}
		if name = ""; len(names) == 1 {
			name = names[0]
		}
	}
	if who, ok := s.state.Identity(name); ok {
		return who, nil
	}
	return nil, &refusal{codeSubject, "there is no such identity"}
}

func subjectType(t string) bool { return t == subjectIdentity || t == subjectNHI }

func (s *session) principals() map[string][]string {
	if s.known == nil {
		s.known = make(map[string][]string)
		for _, i := range s.state.Identities() {
			for _, arn := range i.Principals {
				s.known[arn] = append(s.known[arn], i.ID)
			}
		}
	}
	return s.known
}

// operationOf reads an action: an operation of Bedrock's runtime by its name,
// with or without the prefix, or an IAM action with the operation in its
// properties (api, streaming).
func operationOf(v *verb) (bedrock.Operation, *refusal) {
	op := bedrock.Operation(strings.TrimPrefix(v.Name, "bedrock:"))
	if !op.Known() {
		return "", &refusal{codeAction, "the action is no operation that Writ serves"}
	}
	var api string
	var streaming bool
	if v.Properties.read("api", &api) != nil || v.Properties.read("streaming", &streaming) != nil {
		return "", &refusal{codeInvalid, "action.properties: want api as a string and streaming as a boolean"}
	}
	if api != "" {
		named := bedrock.Operation(api)
		if !named.Known() || named.Permission() != op.Permission() {
			return "", &refusal{codeAction, "action.properties.api is no operation of this action"}
		}
		op = named
	}
	if streaming && !op.Streams() {
		twin, ok := streamed[op]
		if !ok {
			return "", &refusal{codeAction, "the operation has no streaming form"}
		}
		op = twin
	}
	return op, nil
}

// streamed is the streaming form of each operation that has one.
var streamed = map[bedrock.Operation]bedrock.Operation{
	bedrock.Converse:        bedrock.ConverseStream,
	bedrock.InvokeModel:     bedrock.InvokeModelWithResponseStream,
	bedrock.ChatCompletions: bedrock.ChatCompletionsStream,
}

// actionName is how the searches name an operation: as IAM does where the two
// names are the same.
func actionName(op bedrock.Operation) string {
	if name := "bedrock:" + string(op); name == op.Permission() {
		return name
	}
	return string(op)
}

// read decodes a member, if it is there, into a pointer.
func (p properties) read(name string, into any) error {
	text, ok := p[name]
	if !ok {
		return nil
	}
	return json.Unmarshal(text, into)
}

// resource reads what a question is about, and where.
func (s *session) resource(e *entity, q *question) *refusal {
	q.region = s.p.cfg.Region
	if e.Properties.read("region", &q.region) != nil || e.Properties.read("account", &q.account) != nil {
		return &refusal{codeInvalid, "resource.properties: want region and account as strings"}
	}
	q.ignored = append(q.ignored, e.Properties.others("resource.properties", "region", "account", "version")...)
	switch e.Type {
	case resourceModel, resourceProfile:
		return s.model(e, q)
	case resourceGuardrail:
		return s.guardrail(e, q)
	}
	return &refusal{codeResource, "resources are of type model, inference_profile or guardrail"}
}

func (s *session) model(e *entity, q *question) *refusal {
	if !q.operation.Invokes() {
		return &refusal{codeResource, "the action is about no model"}
	}
	ref, err := bedrock.ParseModelID(e.ID)
	if err != nil {
		return &refusal{codeResource, "the id is no model's"}
	}
	id := ref.CatalogueID()
	_, profile := s.state.Catalogue.Profile(id)
	_, model := s.state.Catalogue.Model(id)
	switch {
	case !profile && !model:
		return &refusal{codeResource, "the catalogue does not list it"}
	case profile != (e.Type == resourceProfile):
		return &refusal{codeResource, "the catalogue lists it as another type of resource"}
	}
	if _, stated := e.Properties["region"]; !stated && ref.Region != "" {
		q.region = ref.Region
	}
	if ref.Account != "" && q.account == "" {
		q.account = ref.Account
	}
	q.model = e.ID
	return nil
}

// guardrail reads a guardrail by id or ARN; its version follows after a colon
// or stands in the properties.
func (s *session) guardrail(e *entity, q *question) *refusal {
	if q.operation != bedrock.ApplyGuardrail {
		return &refusal{codeResource, "the action is about no guardrail"}
	}
	id, version := splitVersion(e.ID)
	if e.Properties.read("version", &version) != nil {
		return &refusal{codeInvalid, "resource.properties.version: want a string"}
	}
	if part := strings.SplitN(id, ":", 6); len(part) == 6 {
		if _, stated := e.Properties["region"]; !stated {
			q.region = part[3]
		}
		if q.account == "" {
			q.account = part[4]
		}
	}
	_ = q.stated.set("request", "guardrail", map[string]string{"id": id, "version": version}) // the first to be stated
	return nil
}

// splitVersion cuts a number behind the last colon off a guardrail's id.
func splitVersion(s string) (id, version string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.Trim(s[i+1:], "0123456789") != "" {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// others names the members that nobody reads, sorted, each behind a prefix.
func (p properties) others(prefix string, read ...string) []string {
	var out []string
	for name := range p {
		if !slices.Contains(read, name) {
			out = append(out, prefix+"."+name)
		}
	}
	slices.Sort(out)
	return out
}

// read turns a tuple into a question. Of the three parts that a search may
// leave open only the action can be: operation is then the one to ask about.
func (s *session) read(t *tuple, op bedrock.Operation) (*question, *refusal) {
	q := &question{operation: op, stated: circumstances{}}
	if op == "" {
		var no *refusal
		if q.operation, no = operationOf(t.Action); no != nil {
			return nil, no
		}
	}
	if t.Action != nil {
		q.ignored = append(q.ignored, t.Action.Properties.others("action.properties", "api", "streaming")...)
	}
	if no := s.resource(t.Resource, q); no != nil {
		return nil, no
	}
	q.ignored = append(q.ignored, t.Subject.Properties.others("subject.properties", "ip_address")...)
	return q, s.circumstances(t, q)
}
