package authzen

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

var errNoState = errors.New("there is no state to decide on")

// outcome is an answer before it is worded.
type outcome struct {
	allowed  bool
	code     string
	text     string // what nobody needs a right to know
	decision policy.Decision
	request  policy.Request // what was decided on; without legs when it was not resolved
}

func no(code, format string, args ...any) outcome {
	return outcome{code: code, text: fmt.Sprintf(format, args...)}
}

// decide answers a question for one identity as the gateway would: lifecycle
// and quarantine first, then the rules, in every account that the call might be
// for. It may be made in exactly one.
func (s *session) decide(q *question, who *identity.Identity) outcome {
	if state := who.Current(); state.Halted() {
		return no(codeHalted, "the identity is %s", state)
	}
	accounts := []string{q.account}
	if q.account == "" {
		accounts = s.state.Bundle.AccountsAt(s.p.cfg.Account, who.ID)
	}
	var first *outcome
	var chosen *outcome
	for _, account := range accounts {
		o := s.decideIn(q, who, account)
		if first == nil || first.code == codeUnresolved {
			first = &o
		}
		switch {
		case o.allowed && chosen != nil:
			return no(codeUnresolved, "the resource is granted in several AWS accounts, and the question does not say which is meant: state resource.properties.account")
		case o.allowed:
			chosen = &o
		}
	}
	if chosen != nil {
		return *chosen
	}
	return *first
}

func (s *session) decideIn(q *question, who *identity.Identity, account string) outcome {
	r, err := s.state.Bundle.Request(policy.Question{
		Identity: who, Model: q.model, Operation: q.operation, Region: q.region, Account: account,
		Home: s.p.cfg.Account, Now: s.now, Context: q.context,
	})
	var unresolved *rights.UnresolvedError
	switch {
	case errors.As(err, &unresolved):
		return no(codeUnresolved, "%s", unresolved.Error())
	case err != nil:
		return no(codeInvalid, "%s", err.Error())
	}
	if s.stopped(&r, q.model) {
		return outcome{code: codeQuarantined, text: "it is quarantined", request: r}
	}
	d := s.state.Bundle.Decide(r)
	return outcome{allowed: d.Permit != nil, code: d.Code, text: meanings[d.Code], decision: d, request: r}
}

// stopped reports whether a quarantine stops a call before any rule is asked, as
// the gateway looks for one. The question is of no session, so of sessions it
// knows nothing.
func (s *session) stopped(r *policy.Request, called string) bool {
	stops := s.state.Stops
	return stops.Caller(r.Identity, "", r.Origin) != "" || stops.Model(s.state.Catalogue, called, r.Legs) != ""
}

// meanings are what codes of policy say without a rule's text (security S20).
var meanings = map[string]string{
	policy.CodeDefaultDeny:    "no grant permits it",
	policy.CodeForbid:         "a rule forbids it",
	policy.CodePolicyError:    "a rule could not be evaluated",
	policy.CodeInvalidRequest: "it is not a call that rules can speak about",
}

// answer is one decision as the specification has it.
type answer struct {
	Decision bool    `json:"decision"`
	Context  *reason `json:"context,omitzero"`
}

// reason is the context of a decision. Members besides the specification's own
// are Writ's.
type reason struct {
	Code        string            `json:"code"`
	ReasonUser  map[string]string `json:"reason_user,omitempty"`
	ReasonAdmin map[string]string `json:"reason_admin,omitempty"` // for readers with the right only
	// Obligations are in the shape of the obligations profile (draft 1): who
	// enforces the decision and cannot do them must refuse.
	Obligations []obligation `json:"obligations,omitempty"`
	Until       *time.Time   `json:"until,omitzero"`  // when the answer ends by itself
	Grants      []string     `json:"grants,omitzero"` // that it rests on; for readers with the right
	Ignored     []string     `json:"ignored,omitempty"`
	Request     *offer       `json:"writ_request,omitzero"` // how to ask for what is missing
}

type obligation struct {
	ID         string            `json:"id"`
	Type       string            `json:"type"`
	Properties map[string]string `json:"properties"`
}

// word puts an outcome into an answer for the session's reader.
func (s *session) word(q *question, o outcome) answer {
	c := &reason{Code: o.code}
	if q != nil {
		c.Ignored = q.ignored
	}
	if o.text != "" {
		c.ReasonUser = map[string]string{"en": o.text}
	}
	if o.allowed {
		for _, duty := range o.decision.Obligations {
			c.Obligations = append(c.Obligations, obligation{duty.Name, "custom", map[string]string{"name": "writ:" + duty.Name}})
		}
		if until := o.decision.Until; !until.IsZero() {
			c.Until = &until
		}
	}
	if s.reader.Rights {
		c.Grants = o.decision.Grants
		c.ReasonAdmin = texts(o.decision.Reasons)
	}
	if o.code == policy.CodeDefaultDeny {
		c.Request = s.offer(q, o)
	}
	return answer{Decision: o.allowed, Context: c}
}

// texts are what the rules say that determined an answer, as the specification
// words reasons: by language.
func texts(reasons []policy.Reason) map[string]string {
	if len(reasons) == 0 {
		return nil
	}
	var all []string
	for _, r := range reasons {
		all = append(all, r.Effect+" "+r.Policy+": "+r.Text)
	}
	return map[string]string{"en": strings.Join(all, "; ")}
}

// evaluation answers one question.
func (p *point) evaluation(s *session, m *message) (any, error) {
	if name := m.missing(true, true, true); name != "" {
		return nil, bad("%s is required", name)
	}
	return s.evaluate(&m.tuple), nil
}

func (s *session) evaluate(t *tuple) answer {
	who, refused := s.subject(t.Subject)
	if refused != nil {
		return s.word(nil, no(refused.code, "%s", refused.text))
	}
	q, refused := s.read(t, "")
	if refused != nil {
		return s.word(q, no(refused.code, "%s", refused.text))
	}
	return s.word(q, s.decide(q, who))
}

// The semantics of a batch.
const (
	executeAll    = "execute_all"
	firstDeny     = "deny_on_first_deny"
	firstPermit   = "permit_on_first_permit"
	semanticsText = executeAll + ", " + firstDeny + " or " + firstPermit
)

type batch struct {
	Evaluations []answer `json:"evaluations"`
}

// evaluations answers a batch; one that lists no questions is a single one. A
// question that lacks something is answered with no, the others are answered.
func (p *point) evaluations(s *session, m *message) (any, error) {
	if len(m.Evaluations) == 0 {
		return p.evaluation(s, m)
	}
	semantic := m.Options.Semantic
	if semantic != "" && semantic != executeAll && semantic != firstDeny && semantic != firstPermit {
		return nil, bad("options.evaluations_semantic: want %s", semanticsText)
	}
	out := batch{Evaluations: []answer{}}
	for _, one := range m.Evaluations {
		if err := s.http.Context().Err(); err != nil {
			return nil, err
		}
		t := one.over(&m.tuple)
		a := s.evaluateWhole(&t)
		out.Evaluations = append(out.Evaluations, a)
		if semantic == firstDeny && !a.Decision || semantic == firstPermit && a.Decision {
			break
		}
	}
	return out, nil
}

func (s *session) evaluateWhole(t *tuple) answer {
	if name := t.missing(true, true, true); name != "" {
		return s.word(nil, no(codeInvalid, "%s is required", name))
	}
	return s.evaluate(t)
}

// operations are those that a question about a type of resource can name.
func operations(resource string) []bedrock.Operation {
	var out []bedrock.Operation
	for _, op := range bedrock.Operations() {
		if resource == resourceGuardrail && op == bedrock.ApplyGuardrail ||
			resource != resourceGuardrail && op.Invokes() {
			out = append(out, op)
		}
	}
	return out
}
