package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
)

// Case is one expectation of `writ policy test`: a question, and what the
// rules must answer.
type Case struct {
	Name      string          `json:"name"`                  // required, unique
	Identity  string          `json:"identity"`              // required
	Model     string          `json:"model"`                 // required
	Operation string          `json:"operation,omitempty"`   // empty means Converse
	Region    string          `json:"region,omitempty"`      // empty means the runner's
	Account   string          `json:"account,omitempty"`     // empty means the runner's, the gateway's own
	At        time.Time       `json:"at,omitzero"`           // zero means the runner's now
	Context   json.RawMessage `json:"context,omitempty"`     // a partial context, as for explain
	Expect    string          `json:"expect"`                // required: permit, deny or hold
	Policies  []string        `json:"policies,omitempty"`    // each must be among the reasons
	Obliges   []string        `json:"obligations,omitempty"` // each must be imposed
}

// ParseCases reads cases from YAML (or JSON): a list, with no unknown names.
func ParseCases(data []byte) ([]Case, error) {
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, fmt.Errorf("reading cases: %w", err)
	}
	var out []Case
	if err := strictJSON(text, &out); err != nil {
		return nil, fmt.Errorf("reading cases: %w", err)
	}
	return out, nil
}

// Bench is where cases are tried.
type Bench struct {
	Identities map[string]*identity.Identity // required: who the cases speak of
	Region     string                        // required: where a case names none
	Account    string                        // required: twelve digits
	Now        time.Time                     // required: when a case names no time
}

// CaseResult is how a case came out.
type CaseResult struct {
	Case        Case        `json:"case"`
	Passed      bool        `json:"passed"`
	Failures    []string    `json:"failures,omitempty"` // how the answer differs
	Explanation Explanation `json:"explanation"`
}

// Try runs cases against the bundle, in order.
func (b *Bundle) Try(cases []Case, on Bench) []CaseResult {
	out := make([]CaseResult, 0, len(cases))
	seen := map[string]bool{}
	for _, c := range cases {
		r := b.try(c, on)
		if c.Name == "" || seen[c.Name] {
			r.Failures = append(r.Failures, fmt.Sprintf("name %q is empty or taken", c.Name))
		}
		seen[c.Name] = true
		r.Passed = len(r.Failures) == 0
		out = append(out, r)
	}
	return out
}

func (b *Bundle) try(c Case, on Bench) CaseResult {
	out := CaseResult{Case: c}
	if !slices.Contains([]string{ExplainPermit, ExplainDeny, ExplainHold}, c.Expect) {
		out.Failures = append(out.Failures, fmt.Sprintf("expect %q: want permit, deny or hold", c.Expect))
	}
	who := on.Identities[c.Identity]
	if who == nil {
		out.Failures = append(out.Failures, fmt.Sprintf("identity %q does not exist", c.Identity))
		return out
	}
	q := Question{
		Identity: who, Model: c.Model, Operation: bedrock.Operation(c.Operation), Region: otherwise(c.Region, on.Region),
		Account: otherwise(c.Account, on.Account), Home: on.Account, Now: on.Now, Context: c.Context,
	}
	if !c.At.IsZero() {
		q.Now = c.At
	}
	r, err := b.Request(q)
	if err != nil {
		out.Failures = append(out.Failures, err.Error())
		return out
	}
	out.Explanation = b.Explain(r)
	out.Failures = append(out.Failures, c.differs(out.Explanation)...)
	return out
}

// differs lists how an explanation is not what the case expects.
func (c Case) differs(e Explanation) []string {
	var out []string
	if e.Decision != c.Expect {
		out = append(out, fmt.Sprintf("decision is %s (%s), want %s", e.Decision, e.Code, c.Expect))
	}
	for _, p := range c.Policies {
		if !slices.ContainsFunc(e.Reasons, func(r Reason) bool { return names(r.Policy, p) && r.Effect != EffectNearMiss }) {
			out = append(out, fmt.Sprintf("policy %s is not among the reasons", p))
		}
	}
	for _, name := range c.Obliges {
		if !slices.ContainsFunc(e.Obligations, func(o Obligation) bool { return o.Name == name }) {
			out = append(out, fmt.Sprintf("obligation %s is not imposed", name))
		}
	}
	return out
}

// names reports whether a rule's id is the one meant: in full, or without the
// number of a grant's permit ("grant:g1" for "grant:g1/3").
func names(id, meant string) bool {
	return id == meant || strings.HasPrefix(id, grantPrefix) && strings.HasPrefix(id, meant+"/")
}
