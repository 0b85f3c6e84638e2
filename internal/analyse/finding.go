package analyse

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// hit is what a rule found of a principal, in words that hold for everyone who
// has the same rights.
type hit struct {
	resource  string // keeps hits of one rule and principal apart; byStatement: the first statement does
	title     string
	detail    string
	condition string
	refs      []awsiam.Ref
	witness   *rights.Witness
	asked     awsiam.Context // keys that the question fixed, beside who asks
	proposal  *report.Proposal
}

// byStatement is the resource of a hit about one statement, whoever has it.
const byStatement = "statement"

// of is a hit that an answer shows: with its statements, when it holds, and a
// request that does it.
func (h hit) of(ans rights.Answer) hit {
	h.refs, h.witness = ans.Statements, ans.Witness
	h.condition = rights.Terms(ans.Condition)
	if ans.Decision == rights.Undetermined && len(ans.Doubts) > 0 {
		h.detail += " Undetermined: " + ans.Doubts[0] + "."
	}
	return h
}

// finding writes a hit down for a principal. It was found by looking at another
// one, or the same, whose policies say the same in the same places.
func (s *scan) finding(p, seen *estate.Principal, h hit, severity report.Severity) report.Finding {
	f := report.Finding{
		Severity: severity, Account: p.Principal.Account, Principal: p.ARN, Resource: h.resource, Title: h.title, Detail: h.detail,
		Condition: h.condition, Statements: s.statements(p, seen, h.refs), Proposal: h.proposal, Position: reportPosition(p.Position),
	}
	if h.resource == byStatement && len(f.Statements) > 0 {
		f.Resource = statementName(f.Statements[0].Policy, f.Statements[0].Index)
	}
	if why := s.exposed(p); why != "" {
		f.Severity = severity.Raise()
		f.Detail += " One step more severe because " + why + "."
	}
	if h.witness != nil {
		f.Witness = asJSON(h.told(p.ARN))
	}
	return f
}

// statementName names a statement within its policy.
func statementName(policy string, index int) string { return fmt.Sprintf("%s#%d", policy, index) }

// told is the request that a hit shows, with what the question fixed.
func (h hit) told(arn string) rights.Witness {
	w := *h.witness
	w.Principal, w.Context, w.Absent = arn, maps.Clone(w.Context), slices.Clone(w.Absent)
	for _, k := range slices.Sorted(maps.Keys(h.asked)) {
		if v := h.asked[k]; len(v.Items) == 1 {
			w.Context[spelled(k)] = v.Items[0]
		} else if !slices.Contains(w.Absent, spelled(k)) {
			w.Absent = append(w.Absent, spelled(k))
		}
	}
	return w
}

// spelled is a key as AWS's documents spell it.
func spelled(key string) string {
	switch key {
	case guardrailKey:
		return "bedrock:GuardrailIdentifier"
	case mantleModelKey:
		return "bedrock-mantle:Model"
	}
	return key
}

func asJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil { // strings, lists and maps of them always marshal
		return nil
	}
	return text
}

// statements are the statements that refs name, as a principal has them.
func (s *scan) statements(p, seen *estate.Principal, refs []awsiam.Ref) []report.Statement {
	var out []report.Statement
	for _, r := range refs {
		was, is := s.documents(seen, r), s.documents(p, r)
		i := slices.IndexFunc(was, func(d *awsiam.Document) bool { return d.Name == r.Document })
		if i < 0 || i >= len(is) {
			out = append(out, report.Statement{Policy: r.Document, Layer: string(r.Layer), Sid: r.Sid, Index: r.Index, Effect: r.Effect})
			continue
		}
		out = append(out, statementOf(is[i], string(r.Layer), r.Index))
	}
	return out
}

// trustLayer names a role's trust policy in statements.
const trustLayer awsiam.Layer = "trust"

// documents are the documents among which a ref names one.
func (s *scan) documents(p *estate.Principal, r awsiam.Ref) []*awsiam.Document {
	l := s.Layers(p)
	one := func(d *awsiam.Document) []*awsiam.Document {
		if d == nil {
			return nil
		}
		return []*awsiam.Document{d}
	}
	switch r.Layer {
	case awsiam.IdentityLayer:
		return l.Identity
	case awsiam.BoundaryLayer:
		return one(l.Boundary)
	case awsiam.SessionLayer:
		return l.Sessions
	case awsiam.EndpointLayer:
		return one(l.Endpoint)
	case trustLayer:
		return one(p.Trust)
	case awsiam.SCPLayer:
		if r.Level < len(l.SCPs) {
			return l.SCPs[r.Level]
		}
	case awsiam.ResourceLayer:
		var all []*awsiam.Document
		for _, d := range p.Account.Resource {
			all = append(all, d)
		}
		return all
	}
	return nil
}

// statementOf is a statement of a document, by its index.
func statementOf(d *awsiam.Document, layer string, index int) report.Statement {
	out := report.Statement{Policy: d.Name, Layer: layer, Index: index}
	for i := range d.Statements {
		if st := &d.Statements[i]; st.Index == index {
			out.Sid, out.Effect, out.Text, out.Position = st.Sid, st.Effect.String(), statementText(st), reportPosition(st.Position)
		}
	}
	return out
}

// refTo names a statement as answers do.
func refTo(layer awsiam.Layer, d *awsiam.Document, st *awsiam.Statement) awsiam.Ref {
	return awsiam.Ref{Layer: layer, Document: d.Name, Index: st.Index, Sid: st.Sid, Effect: st.Effect.String()}
}

// statementJSON is a statement in the order of AWS's own examples.
type statementJSON struct {
	Sid          string                         `json:"Sid,omitempty"`
	Effect       string                         `json:"Effect"`
	Principal    any                            `json:"Principal,omitempty"`
	NotPrincipal any                            `json:"NotPrincipal,omitempty"`
	Action       []string                       `json:"Action,omitempty"`
	NotAction    []string                       `json:"NotAction,omitempty"`
	Resource     []string                       `json:"Resource,omitempty"`
	NotResource  []string                       `json:"NotResource,omitempty"`
	Condition    map[string]map[string][]string `json:"Condition,omitempty"`
}

// statementText is what a statement says, as JSON. What could not be read of it
// is left out.
func statementText(st *awsiam.Statement) json.RawMessage {
	out := statementJSON{Sid: st.Sid, Effect: st.Effect.String()}
	actions, resources := make([]string, len(st.Actions)), make([]string, len(st.Resources))
	for i, a := range st.Actions {
		actions[i] = a.Source
	}
	for i, r := range st.Resources {
		resources[i] = r.Source
	}
	out.Action, out.Resource = actions, resources
	if st.NotAction {
		out.Action, out.NotAction = nil, actions
	}
	if st.NotResource {
		out.Resource, out.NotResource = nil, resources
	}
	if st.Principal != nil {
		out.Principal = principalsText(st.Principal)
		if st.Principal.Not {
			out.Principal, out.NotPrincipal = nil, out.Principal
		}
	}
	for _, c := range st.Conditions {
		if out.Condition == nil {
			out.Condition = map[string]map[string][]string{}
		}
		if out.Condition[c.Operator] == nil {
			out.Condition[c.Operator] = map[string][]string{}
		}
		out.Condition[c.Operator][c.Key] = c.Values
	}
	return asJSON(out)
}

func principalsText(p *awsiam.Principals) any {
	if p.Anyone {
		return "*"
	}
	out := map[string][]string{}
	for kind, names := range map[string][]string{"AWS": p.AWS, "Service": p.Service, "Federated": p.Federated, "CanonicalUser": p.Canonical} {
		if len(names) > 0 {
			out[kind] = names
		}
	}
	return out
}

func reportPosition(p awsiam.Position) report.Position {
	return report.Position{File: p.File, Offset: p.Offset, Line: p.Line, Column: p.Column}
}

// exposed says why a principal's rights are closer to an attacker than others:
// it holds a credential that does not end, or can be assumed from outside its
// account. Empty: not as far as the input tells.
func (s *scan) exposed(p *estate.Principal) string {
	if p.Kind == estate.User {
		return longTerm(s.Estate.Credentials, p)
	}
	if who := outsider(p); who != "" {
		return who + " may assume it from outside the account"
	}
	return ""
}

// longTerm says which active long-term credential a user holds, as far as the
// input tells.
func longTerm(c *estate.Credentials, p *estate.Principal) string {
	if c == nil || p.Kind != estate.User {
		return ""
	}
	held := c.Of(p)
	if held == nil {
		return ""
	}
	if slices.ContainsFunc(held.ServiceSpecific, func(x estate.ServiceSpecific) bool { return x.Active }) {
		return "it holds an active service-specific credential"
	}
	if slices.ContainsFunc(held.AccessKeys, func(x estate.AccessKey) bool { return x.Active }) {
		return "it holds an active access key"
	}
	return ""
}

// outsider names somebody outside the account whom a role's trust policy lets
// in: another account, anyone, or a web identity without a limit on its subject.
func outsider(p *estate.Principal) string {
	if p.Trust == nil {
		return ""
	}
	for i := range p.Trust.Statements {
		st := &p.Trust.Statements[i]
		if st.Effect != awsiam.Allow || st.Principal == nil {
			continue
		}
		if who := stranger(st, p.Principal.Account); who != "" {
			return who
		}
	}
	return ""
}

func stranger(st *awsiam.Statement, home string) string {
	anyone := st.Principal.Anyone || st.Principal.Not || slices.Contains(st.Principal.AWS, "*")
	if anyone && !limits(st, "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths", "aws:principalarn") {
		return "anyone"
	}
	for _, who := range st.Principal.AWS {
		if q, err := awsiam.ParsePrincipal(who); err == nil && q.Account != "" && q.Account != home {
			return "account " + q.Account
		}
	}
	for _, who := range st.Principal.Federated {
		saml := strings.Contains(who, ":saml-provider/")
		if !saml && !slices.ContainsFunc(st.Conditions, func(c awsiam.Condition) bool { return strings.HasSuffix(c.Name(), ":sub") }) {
			return "any subject of " + who
		}
	}
	return ""
}

// limits reports whether a statement has a condition on one of the keys.
func limits(st *awsiam.Statement, keys ...string) bool {
	return slices.ContainsFunc(st.Conditions, func(c awsiam.Condition) bool { return slices.Contains(keys, c.Name()) })
}
