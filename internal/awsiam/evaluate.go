package awsiam

import (
	"fmt"
	"slices"
)

// Request is one question that AWS asks of the policies.
type Request struct {
	Principal Principal
	Action    string
	Resource  string // ARN, or * for actions without one
	// Account owns the resource; empty: the principal's own. Foundation models
	// belong to no account and take no policy: they count as the caller's.
	Account string
	Context Context
}

// Layers are the policies that apply to a request. A nil layer is one that does
// not apply, and allows.
type Layers struct {
	Identity []*Document   // the identity's own, and its groups'
	SCPs     [][]*Document // one level each, from the organisation's root to the account; an empty level allows nothing
	RCPs     [][]*Document // the same for the resource's account
	Boundary *Document     // permissions boundary
	Sessions []*Document   // session policies; not nil: one of them must allow
	Resource *Document     // resource policy; a role's trust policy for sts:AssumeRole
	Trust    bool          // Resource is a trust policy, without which nothing is allowed
	Endpoint *Document     // of the VPC endpoint that calls with an aws:SourceVpce come through
}

// Outcome is what AWS answers.
type Outcome string

// The outcomes. An undetermined one depends on what AWS does not document or
// the policies do not say.
const (
	Allowed      Outcome = "allowed"
	ImplicitDeny Outcome = "implicit_deny"
	ExplicitDeny Outcome = "explicit_deny"
	Undetermined Outcome = "undetermined"
)

// Layer names a layer in answers.
type Layer string

// The layers.
const (
	IdentityLayer Layer = "identity"
	SCPLayer      Layer = "scp"
	RCPLayer      Layer = "rcp"
	BoundaryLayer Layer = "boundary"
	SessionLayer  Layer = "session"
	ResourceLayer Layer = "resource"
	EndpointLayer Layer = "endpoint"
)

// Ref names a statement.
type Ref struct {
	Layer    Layer  `json:"layer"`
	Level    int    `json:"level,omitempty"` // of an SCP or RCP, from 0 at the root
	Document string `json:"policy"`
	Index    int    `json:"index"`
	Sid      string `json:"sid,omitempty"`
	Effect   string `json:"effect"`
}

// Decision is the answer to a request, with what it rests on: for an explicit
// deny the statements that deny, otherwise those that allow.
type Decision struct {
	Outcome    Outcome
	Statements []Ref
	Missing    []Layer  // layers that allow nothing, when the deny is implicit
	Doubts     []string // what made it undetermined
}

// Evaluate decides a request
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
func Evaluate(r Request, l Layers) Decision {
	r.Principal.Bounded = r.Principal.Bounded || l.Boundary != nil
	e := evaluation{req: r, deny: False}
	identity := e.any(IdentityLayer, 0, l.Identity)
	boundary := e.optional(BoundaryLayer, l.Boundary)
	session := True
	if l.Sessions != nil {
		session = e.any(SessionLayer, 0, l.Sessions)
	}
	resource := e.resource(l)
	limits := e.levels(SCPLayer, l.SCPs).And(e.levels(RCPLayer, l.RCPs))
	limits = limits.And(e.endpoint(l.Endpoint))
	return e.decide(limits.And(e.granted(l, identity, boundary, session, resource)))
}

// endpoint is what the policy of a VPC endpoint allows: everything, to calls
// that do not come through it.
func (e *evaluation) endpoint(d *Document) Truth {
	v, through := e.req.Context.Get("aws:sourcevpce")
	if !through {
		return True
	}
	before := e.deny
	allowed := e.optional(EndpointLayer, d)
	if v.Doubt != "" { // and so may not be one
		e.doubt(v.Doubt)
		e.deny = max(before, min(e.deny, Unknown))
		return allowed.Or(Unknown)
	}
	return allowed
}

// byForm is how far a resource policy allows, by the form in which it names the
// principal.
type byForm [ByService + 1]Truth

func (b byForm) from(f Form) Truth {
	t := False
	for ; int(f) < len(b); f++ {
		t = t.Or(b[f])
	}
	return t
}

type evaluation struct {
	req     Request
	deny    Truth
	denies  []Ref
	allows  []Ref
	missing []Layer
	doubts  []string
}

func (e *evaluation) doubt(why string) {
	if why != "" && !slices.Contains(e.doubts, why) {
		e.doubts = append(e.doubts, why)
	}
}

// lacks notes a layer that allows nothing.
func (e *evaluation) lacks(layer Layer) {
	if !slices.Contains(e.missing, layer) {
		e.missing = append(e.missing, layer)
	}
}

// granted combines identity and resource policies. In one account either may
// grant: a policy that names the user or session grants past every other, one
// that names the role not past boundary and session, one that names the account
// leaves it to the identity's policies. Across accounts both must, and a role's
// trust policy always must.
func (e *evaluation) granted(l Layers, identity, boundary, session Truth, resource byForm) Truth {
	own := identity.And(boundary).And(session)
	direct := resource[BySession].Or(resource[ByService])
	if e.req.Principal.User() {
		direct = direct.Or(resource[ByARN]).Or(e.anyone(resource[ByAnyone].And(session), boundary))
	}
	limited := resource[ByARN].Or(resource[ByAnyone]).And(boundary).And(session)
	switch {
	case e.req.Principal.Service != "" || e.req.Principal.Federated != "":
		return resource[ByService].Or(resource[ByAnyone])
	case e.account() != e.req.Principal.Account:
		return own.And(resource.from(ByAccount))
	case l.Trust:
		return direct.Or(limited).Or(own.And(resource[ByAccount]))
	}
	return own.Or(direct).Or(limited)
}

// anyone is what a resource policy that names anyone grants a user past a
// boundary that does not allow it: AWS says it of a policy that names the user,
// and of this one nothing.
func (e *evaluation) anyone(allowed, boundary Truth) Truth {
	t := allowed.And(boundary.Not()).And(Unknown)
	if t == Unknown {
		e.doubt("AWS does not say whether a permissions boundary limits what a resource policy grants to anyone")
	}
	return t
}

// account owns the resource.
func (e *evaluation) account() string {
	if e.req.Account == "" {
		return e.req.Principal.Account
	}
	return e.req.Account
}

func (e *evaluation) resource(l Layers) (b byForm) {
	if l.Resource != nil {
		e.document(ResourceLayer, 0, l.Resource, func(t Truth, f Form) { b[f] = b[f].Or(t) })
	}
	needed := l.Trust || e.account() != e.req.Principal.Account // also by services, which have no account
	if needed && b.from(ByAccount) == False {
		e.lacks(ResourceLayer)
	}
	return b
}

func (e *evaluation) optional(layer Layer, d *Document) Truth {
	if d == nil {
		return True
	}
	return e.any(layer, 0, []*Document{d})
}

func (e *evaluation) levels(layer Layer, levels [][]*Document) Truth {
	t := True
	for i, docs := range levels {
		t = t.And(e.any(layer, i, docs))
	}
	return t
}

// any reports whether one of the documents allows, and notes whether one denies.
func (e *evaluation) any(layer Layer, level int, docs []*Document) Truth {
	allowed := False
	for _, d := range docs {
		e.document(layer, level, d, func(t Truth, _ Form) { allowed = allowed.Or(t) })
	}
	if allowed == False {
		e.lacks(layer)
	}
	return allowed
}

// document reports the truth of every statement that allows, and gathers those
// that deny.
func (e *evaluation) document(layer Layer, level int, d *Document, allow func(Truth, Form)) {
	if d.Doubt != "" {
		e.doubt(d.Name + ": " + d.Doubt)
		e.deny = e.deny.Or(Unknown)
		allow(Unknown, ByService) // the most that it could be
		return
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		t, form, why := s.Applies(e.req)
		if layer == ResourceLayer && s.Principal == nil && t != False {
			t, form, why = Unknown, ByService, "a resource policy has to name a principal"
		}
		if t == False {
			continue
		}
		if t == Unknown {
			e.doubt(fmt.Sprintf("%s, statement %d: %s", d.Name, s.Index, why))
		}
		ref := Ref{layer, level, d.Name, s.Index, s.Sid, s.Effect.String()}
		if s.Effect != Allow {
			u := t
			if s.Effect == NoEffect {
				u = Unknown
			}
			if e.deny = e.deny.Or(u); u == True {
				e.denies = append(e.denies, ref)
			}
		}
		if s.Effect != Deny {
			if s.Effect == NoEffect {
				t = Unknown
			}
			allow(t, form)
			e.allows = append(e.allows, ref)
		}
	}
}

// Applies reports whether a statement is about a request, in which form it
// names the principal, and why that is Unknown when it is.
func (s *Statement) Applies(r Request) (t Truth, form Form, why string) {
	t = s.MatchAction(r.Action)
	if t != False {
		t = t.And(s.MatchResource(r.Resource, r.Context))
	}
	if t != False {
		var named Truth
		named, form = s.MatchPrincipal(r.Principal)
		t = t.And(named)
	}
	if t == Unknown {
		why = s.Doubts.First()
		switch {
		case why != "":
		case s.Principal != nil && s.Principal.Not:
			why = "AWS does not say clearly whom its NotPrincipal spares"
		default:
			why = "what it names depends on a value that is not known"
		}
	}
	for i := range s.Conditions {
		if t == False {
			return False, form, ""
		}
		u, reason := s.Conditions[i].Test(r.Context)
		if t = t.And(u); u == Unknown {
			why = reason
		}
	}
	if s.Doubts.Condition != "" {
		t, why = t.And(Unknown), s.Doubts.Condition
	}
	if s.Effect == NoEffect && t == True {
		t, why = Unknown, s.Doubts.Effect
	}
	return t, form, why
}

func (e *evaluation) decide(allowed Truth) Decision {
	switch {
	case e.deny == True:
		return Decision{Outcome: ExplicitDeny, Statements: e.denies}
	case allowed == False:
		return Decision{Outcome: ImplicitDeny, Missing: e.missing}
	case allowed == True && e.deny == False:
		return Decision{Outcome: Allowed, Statements: e.allows}
	}
	return Decision{Outcome: Undetermined, Statements: e.allows, Doubts: e.doubts}
}

// String names the statement for people, who count from one.
func (r Ref) String() string {
	s := fmt.Sprintf("%s: %s, statement %d", r.Layer, r.Document, r.Index+1)
	if r.Sid != "" {
		s += " (" + r.Sid + ")"
	}
	return s
}
