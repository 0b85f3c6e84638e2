package gateway

import (
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/policy"
)

// decide asks Cedar once per leg over the rules that can match. Where content
// has to be replaced first, that is done, and what comes of it decided upon.
func (x *exchange) decide() *refusal {
	refused := x.judge()
	for n := 0; n < redactions && refused == nil && x.decision.Code == policy.CodeRedact; n++ {
		refused = x.redact()
	}
	switch {
	case refused != nil:
		return refused
	case x.decision.Code == policy.CodeRedact:
		return unredacted // what was put in its place looks like what it replaced
	case x.decision.Permit == nil && !x.observed():
		return x.denied()
	}
	if unmet := x.unmet(); unmet != "" {
		return &refusal{kind: "obligation", err: accessDenied(unmet)}
	}
	return nil
}

// judge asks, in every account that the call may be for.
func (x *exchange) judge() *refusal {
	began := time.Now()
	defer func() { x.decided += time.Since(began) }()
	x.decision = x.state.Bundle.Decide(x.question())
	if len(x.others) > 0 {
		return x.choose()
	}
	return nil
}

// question is everything that the decision may depend on.
func (x *exchange) question() policy.Request {
	return policy.Request{
		Identity:  x.identity,
		Session:   x.proven.session,
		Origin:    x.origin,
		Now:       x.start,
		Operation: x.target.Operation,
		Account:   x.account,
		Home:      x.g.cfg.Account,
		Region:    x.region,
		Caps:      x.caps,
		BodyBytes: len(x.body.Bytes()),
		Legs:      x.legs,
		Prompt:    x.prompt,
		Asserted:  x.asserted,
		Digest:    x.outbound().Digest(),
	}
}

// denied words a refusal as AWS does, and says what right is missing. Which
// rule refused is for operators, by the decision's id (security S20).
func (x *exchange) denied() *refusal {
	named := x.named()
	action, resource := "bedrock:"+x.target.Operation.Action(), named
	for _, leg := range x.decision.Legs {
		if !leg.Allowed {
			action, resource = leg.Leg.Action, leg.Leg.Resource
			break
		}
	}
	why := map[string]string{
		policy.CodeDefaultDeny: "because no grant covers this call as it was made",
		policy.CodeForbid:      "with an explicit deny in an organisation rule",
		policy.CodePolicyError: "because a rule could not be evaluated",
	}[x.decision.Code]
	if content := x.inTheWay(); content != "" {
		why = "because of the prompt: " + content + ", which no right of this call allows"
	}
	if why == "" {
		why = "because the request is not one that can be decided"
	}
	r := &refusal{
		kind: x.decision.Code,
		err:  accessDenied(fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", x.callerARN(), action, resource, why)),
	}
	if x.decision.Code == policy.CodeDefaultDeny {
		r.hint = fmt.Sprintf("ask for an entitlement that gives %s %s on %s, %s", x.identity.ID, x.wanted(), named, x.howToAsk())
	}
	return r
}

// named is the resource that the call is about, as the caller knows it.
func (x *exchange) named() string {
	if !x.target.Operation.Invokes() && len(x.legs) > 0 {
		return x.legs[0].Resource
	}
	return x.target.ModelID
}

// notAuthorized words, as AWS does, why a call that rules permit may not be made.
func (x *exchange) notAuthorized(why string) string {
	return fmt.Sprintf("User: %s is not authorized to perform: bedrock:%s on resource: %s %s", x.callerARN(), x.target.Operation.Action(), x.named(), why)
}

// inTheWay says what content of the prompt alone keeps a call from being
// permitted: classes, never what was found or where (security S20). It is empty
// where something else does too.
func (x *exchange) inTheWay() string {
	if c := x.decision.Code; c != policy.CodeDefaultDeny && c != policy.CodeForbid || !x.passes(dataclass.Label{Redactable: true}) {
		return ""
	}
	refused := dataclass.Label{Level: x.prompt.Level}
	for _, c := range x.prompt.Classes {
		if !x.passes(dataclass.Declared(c)) {
			refused.Classes = append(refused.Classes, c)
		}
	}
	if len(refused.Classes) == 0 {
		refused.Unscanned = x.prompt.Unscanned
	}
	return holds(refused)
}

// passes reports whether the same call would be permitted with another prompt.
func (x *exchange) passes(prompt dataclass.Label) bool {
	q := x.question()
	q.Prompt = prompt
	d := x.state.Bundle.Decide(q)
	return allows(&d)
}

// howToAsk is the command, and where there is a console the link, that fill in a
// request for exactly what was missing. What that is, the record of the refusal
// says to those who may read it; the caller learns its name only (security S20).
func (x *exchange) howToAsk() string {
	command := "with: writ request create --decision " + x.id
	if x.g.cfg.Console == "" {
		return command
	}
	return command + " or at " + strings.TrimSuffix(x.g.cfg.Console, "/") + "/requests/new?decision=" + x.id
}

// unmet names the first obligation that this gateway cannot carry out, or "":
// a permission whose condition cannot be met is no permission (security S8).
func (x *exchange) unmet() string {
	canHold := x.g.cfg.Holds != nil && x.target.Operation.Generates()
	for _, o := range x.decision.Obligations {
		if canHold && (o.Name == policy.ObligeHold || o.Name == policy.ObligeHoldAnswer) {
			continue
		}
		switch o.Name {
		case policy.ObligeHold:
			return "a tool that the request offers may only be called with a human's release, and no hold can be opened here"
		case policy.ObligeHoldAnswer:
			return "the answer may only leave with a human's release, and no hold can be opened here"
		default:
			return fmt.Sprintf("the obligation %q cannot be met here", o.Name)
		}
	}
	return ""
}

// callerARN names the caller in the form that AWS's own messages have.
func (x *exchange) callerARN() string {
	return fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", x.g.cfg.Partition, x.g.cfg.Account, x.identity.ID, x.proven.session.ID)
}
