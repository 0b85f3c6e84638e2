package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const (
	guardrailReference = "https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html"
	multiReference     = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"
)

// guardrailRules are about calls without a guardrail.
var guardrailRules = []rule{
	{report.Rule{
		ID: "BR-GUARD-01", Title: "A model can be invoked without the mandatory guardrail", Severity: report.High,
		Help: "Guardrails are mandatory here, and AWS would accept this principal's call without one. " +
			"A guardrail that callers may leave out protects from accidents only. " +
			"Allow invocation with the condition StringEquals on bedrock:GuardrailIdentifier, and deny it with StringNotEquals on the same value, which also meets calls that name none.",
		Reference: []string{guardrailReference},
	}, guardrailAbsent},
	{report.Rule{
		ID: "BR-GUARD-02", Title: "A guardrail condition that does not bind", Severity: report.Medium,
		Help: "A policy asks for a guardrail, and a call without one, or with its unfinished draft, is allowed all the same. " +
			"An operator with IfExists or ForAllValues in an Allow is true when the key is absent; a condition on one Allow does not limit another; an identifier without a version means the draft, which whoever may update the guardrail can change. " +
			"Use StringEquals with the ARN and :version in the Allow, and a Deny with StringNotEquals beside it.",
		Reference: []string{guardrailReference, multiReference},
	}, guardrailHollow},
	{report.Rule{
		ID: "BR-GUARD-03", Title: "A guardrail on one route, and another route without", Severity: report.Medium,
		Help: "InvokeModel is allowed with a guardrail only, but the principal reaches a model by another action that the condition does not meet: the streaming one, an agent or a flow, whose own role calls the model, a batch job, or the mantle endpoint, where guardrails do not apply. " +
			"Put the same condition on both invoke actions, and deny the routes that have no guardrail of their own. " +
			"RetrieveAndGenerate is not among them: it checks the caller's InvokeModel, so the same condition refuses it.",
		Reference: []string{guardrailReference, actionsReference},
	}, guardrailRoutes},
}

const guardrailKey = "bedrock:guardrailidentifier"

// withoutGuardrail is what is known of a call that names no guardrail.
func withoutGuardrail() awsiam.Context { return awsiam.Context{guardrailKey: {}} }

func guardrailAbsent(s *scan, yield func(report.Finding)) string {
	if !s.opts.Guardrail {
		return "needs to know that a guardrail is mandatory"
	}
	s.sweep(s.invokers(false), report.High, yield, func(x *subject) []hit {
		ans, ok := s.unguarded(x, withoutGuardrail())
		if !ok {
			return nil
		}
		return []hit{hit{title: "may invoke a model without a guardrail", asked: withoutGuardrail(),
			detail: "Its policies allow the call when bedrock:GuardrailIdentifier is absent."}.of(ans)}
	})
	return ""
}

// unguarded is the first target that a subject can invoke with what is known of
// the guardrail. If an action is allowed on nothing at all then, no target needs
// to be asked.
func (s *scan) unguarded(x *subject, known awsiam.Context) (rights.Answer, bool) {
	for i, action := range s.matrix.Actions {
		if ans, ok := s.unguardedBy(x, i, action, known); ok {
			return ans, true
		}
	}
	return rights.Answer{}, false
}

func (s *scan) unguardedBy(x *subject, i int, action string, known awsiam.Context) (rights.Answer, bool) {
	if !s.any(x.Principal, action, s.Layers(x.Principal), known).Decision.Can() {
		return rights.Answer{}, false
	}
	for t := range s.matrix.Targets {
		if !s.cell(x, t, i).Can() {
			continue
		}
		if ans := s.ask(x, t, i, known); ans.Decision.Can() {
			return ans, true
		}
	}
	return rights.Answer{}, false
}

func guardrailHollow(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(true), report.Medium, yield, func(x *subject) []hit {
		asked := s.guarding(x)
		if len(asked) == 0 {
			return nil
		}
		if ans, ok := s.unguarded(x, withoutGuardrail()); ok {
			h := hit{title: "has a guardrail condition, and may invoke a model without a guardrail", detail: why(asked), asked: withoutGuardrail()}.of(ans)
			h.refs = refsOf(asked, h.refs)
			return []hit{h}
		}
		return s.draft(x, asked)
	})
	return ""
}

// guard is a statement with a condition on the guardrail.
type guard struct {
	layer awsiam.Layer
	doc   *awsiam.Document
	st    *awsiam.Statement
	cond  *awsiam.Condition
}

func refsOf(asked []guard, more []awsiam.Ref) (refs []awsiam.Ref) {
	for _, g := range asked {
		refs = append(refs, refTo(g.layer, g.doc, g.st))
	}
	for _, r := range more {
		if !slices.Contains(refs, r) {
			refs = append(refs, r)
		}
	}
	return refs
}

// guarding lists the statements about invocation that ask for a guardrail.
func (s *scan) guarding(x *subject) (out []guard) {
	l := s.Layers(x.Principal)
	add := func(layer awsiam.Layer, docs ...*awsiam.Document) {
		for _, d := range docs {
			for i := range d.Statements {
				st := &d.Statements[i]
				for j := range st.Conditions {
					if c := &st.Conditions[j]; c.Name() == guardrailKey && aboutInvoking(st) {
						out = append(out, guard{layer, d, st, c})
					}
				}
			}
		}
	}
	add(awsiam.IdentityLayer, l.Identity...)
	if l.Boundary != nil {
		add(awsiam.BoundaryLayer, l.Boundary)
	}
	return out
}

// aboutInvoking reports whether a statement is about one of the invoke actions.
func aboutInvoking(st *awsiam.Statement) bool {
	return slices.ContainsFunc(rights.InvokeActions, func(a string) bool { return st.MatchAction(a) != awsiam.False })
}

// why says what is wrong with a guardrail condition that a call without a
// guardrail passes.
func why(asked []guard) string {
	for _, g := range asked {
		c, allow := g.cond, g.st.Effect == awsiam.Allow
		switch {
		case allow && c.IfExists():
			return c.Operator + " in an Allow is true when the call names no guardrail."
		case allow && c.Quantifier() == awsiam.ForAllValues:
			return c.Operator + " in an Allow is true of no values at all: when the call names no guardrail."
		case allow && c.Negated():
			return c.Operator + " in an Allow is true when the call names no guardrail."
		case !allow && c.Quantifier() == awsiam.ForAnyValue:
			return c.Operator + " in a Deny is false when the call names no guardrail, so nothing is denied."
		case !allow && c.Null() && slices.Contains(c.Values, "false"):
			return "The Deny with Null false meets calls with a guardrail, and lets those without pass."
		case !allow && !c.Negated() && !c.Null() && !c.IfExists():
			return c.Operator + " in a Deny is false when the call names no guardrail, so nothing is denied."
		}
	}
	return "Another statement allows the call without the condition, and no Deny with StringNotEquals on bedrock:GuardrailIdentifier stands beside it."
}

// draft finds that a guardrail's draft satisfies the condition.
func (s *scan) draft(x *subject, asked []guard) []hit {
	for _, g := range asked {
		for _, v := range g.cond.Values {
			arn, version, _ := strings.Cut(strings.TrimPrefix(v, "arn:"), ":guardrail/")
			if arn == "" || version == "" || strings.Contains(version, ":") || strings.Contains(v, "${") {
				continue
			}
			draft := strings.NewReplacer("*", "x", "?", "x").Replace(v)
			known := awsiam.Context{guardrailKey: awsiam.One(draft)}
			ans, ok := s.unguarded(x, known)
			if !ok {
				continue
			}
			h := hit{resource: v, title: "may invoke a model with the draft of a guardrail", asked: known,
				detail: fmt.Sprintf("%s %s names no version, so the draft satisfies it: what it checks can change at any time, without a new version.", g.cond.Operator, v)}.of(ans)
			h.refs = refsOf([]guard{g}, h.refs)
			return []hit{h}
		}
	}
	return nil
}

// route is another way to a model's answer.
type route struct {
	action, resource, what string // resource: with %s for the account
}

// guardless are the routes that a guardrail condition on InvokeModel does not
// meet.
var guardless = []route{
	{"bedrock:InvokeAgent", "arn:aws:bedrock:us-east-1:%s:agent-alias/AGENT00000/ALIAS00000", "an agent, under the agent's role"},
	{"bedrock:InvokeInlineAgent", "*", "an agent that the caller makes up"},
	{"bedrock:InvokeFlow", "arn:aws:bedrock:us-east-1:%s:flow/FLOW000000/alias/ALIAS00000", "a flow, under the flow's role"},
	{"bedrock:CreateModelInvocationJob", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "a batch job, under the role passed"},
	{"bedrock-mantle:CreateInference", "arn:aws:bedrock-mantle:us-east-1:%s:project/default", "the mantle endpoint, where guardrails do not apply"},
	{"aws-external-anthropic:CreateInference", "arn:aws:aws-external-anthropic:us-east-1:%s:workspace/default", "Claude Platform on AWS"},
}

func guardrailRoutes(s *scan, yield func(report.Finding)) string {
	s.sweep(s.invokers(false), report.Medium, yield, func(x *subject) (hits []hit) {
		enforced := len(s.guarding(x)) > 0 || s.guardedAbove(x)
		t, _ := s.first(x, anyTarget)
		if !enforced || t < 0 || !slices.ContainsFunc(s.column(x, 0), Cell.Can) {
			return nil
		}
		if _, open := s.unguardedBy(x, 0, s.matrix.Actions[0], withoutGuardrail()); open {
			return nil
		}
		if ans, open := s.unguardedBy(x, 1, s.matrix.Actions[1], withoutGuardrail()); open {
			hits = append(hits, routed(s.matrix.Actions[1], "the streaming action").of(ans))
		}
		for _, r := range guardless {
			resource := r.resource
			if strings.Contains(resource, "%s") {
				resource = fmt.Sprintf(resource, x.Account.ID)
			}
			if ans, ok := s.anywhere(x.Principal, r.action, resource, withoutGuardrail()); ok {
				hits = append(hits, routed(r.action, r.what).of(ans))
			}
		}
		return hits
	})
	return ""
}

func routed(action, what string) hit {
	return hit{resource: action, asked: withoutGuardrail(), title: "needs a guardrail for InvokeModel, and none for " + action,
		detail: "It reaches a model by " + what + ", without the guardrail that InvokeModel asks for."}
}

// column is a subject's cells of one action.
func (s *scan) column(x *subject, action int) (out []Cell) {
	for t := range s.matrix.Targets {
		out = append(out, s.cell(x, t, action))
	}
	return out
}

// guardedAbove reports whether an SCP asks for a guardrail.
func (s *scan) guardedAbove(x *subject) bool {
	for _, level := range s.Layers(x.Principal).SCPs {
		for _, d := range level {
			for i := range d.Statements {
				if st := &d.Statements[i]; aboutInvoking(st) && limits(st, guardrailKey) {
					return true
				}
			}
		}
	}
	return false
}
