package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
)

// request tells of everything that a request has come through. It is told with
// the newest change, and each step has an id of its own: what was told before is
// not told again.
func (n *news) request(q *request.Request) []Event {
	if n.overtaken() {
		return nil
	}
	r := &steps{news: n, q: q}
	r.add(q.Submitted, RequestSubmitted, "submitted", r.data("%s asks for %s", q.Requester.Operator, asked(q)), append(n.sponsors(identityOf(q)), r.requester())...)
	for i, d := range q.Decisions {
		r.decision(i, d)
	}
	if q.Voided != "" && q.Round > 0 {
		d := r.data("what %s asked for has changed: earlier decisions no longer count", q.Requester.Operator)
		d.Reason = clip(q.Voided)
		r.add(n.At, RequestVoided, fmt.Sprintf("voided/%d", q.Round), d, append(r.approvers(), r.requester())...)
	}
	if q.State == request.InStage {
		r.waits()
	}
	if q.State.Over() {
		r.ended()
	}
	return r.events
}

// steps gathers the events of one request.
type steps struct {
	*news
	q      *request.Request
	events []Event
}

// clockSlack is how far the clocks of replicas and the database may be apart.
const clockSlack = 5 * time.Minute

// add tells of a step, unless it happened before the sink was there.
func (r *steps) add(at time.Time, kind, key string, d Data, to ...Recipient) {
	if at.IsZero() || at.Before(r.since.Add(-clockSlack)) {
		return
	}
	e := r.event(kind, key, d, to...)
	e.Time = at
	r.events = append(r.events, e)
}

func (r *steps) data(text string, args ...any) Data {
	d := Data{
		Summary: fmt.Sprintf(text, args...), Request: r.Name, Version: r.row.Revision, State: string(r.q.State),
		By: r.q.Requester.Operator, Via: r.q.Requester.Via, Reason: clip(r.q.Justification), Identity: identityOf(r.q),
		Command: "writ request show " + r.Name,
	}
	if g := r.q.Ask.Grant; g != nil {
		d.Entitlement = g.Entitlement
	}
	return d
}

func (r *steps) requester() Recipient { return Recipient{Requester, r.q.Requester.Operator} }

func (r *steps) decision(i int, d request.Decision) {
	who := d.By.Operator
	if d.Automatic != "" {
		who = "rule " + d.Automatic
	}
	word := map[request.Verdict]string{request.Approve: "approves", request.Deny: "denies"}[d.Verdict]
	data := r.data("%s %s what %s asked for", who, word, r.q.Requester.Operator)
	data.By, data.Via, data.Reason = who, d.By.Via, clip(d.Reason)
	if d.Stage >= 0 && d.Stage < len(r.q.Stages) {
		data.Stage = r.q.Stages[d.Stage].Name
	}
	r.add(d.At, RequestDecided, fmt.Sprintf("decision/%d", i), data, r.requester())
}

// waits tells those who may decide now. Every decision makes the request another
// version, so they are told again with each: what they then decide on is what
// they were shown.
func (r *steps) waits() {
	q := r.q
	if q.Stage < 0 || q.Stage >= len(q.Stages) {
		return
	}
	stage := q.Stages[q.Stage]
	d := r.data("%s asks for %s: your decision is wanted", q.Requester.Operator, asked(q))
	d.Stage = stage.Name
	if !q.Expires.IsZero() {
		d.Until = &q.Expires
	}
	d.Command = "writ approve " + r.Name + "   or   writ deny " + r.Name + " --reason TEXT"
	key := fmt.Sprintf("needs/%d/%d/%d", q.Round, q.Stage, len(q.Decisions))
	r.add(r.At, RequestNeeds, key, d, r.approvers()...)
	if q.Escalated {
		d.Summary = fmt.Sprintf("nobody has decided on what %s asked for in time: it is escalated", q.Requester.Operator)
		r.add(r.At, RequestEscalated, fmt.Sprintf("escalated/%d/%d", q.Round, q.Stage), d, append(r.selected(stage.Escalate), r.requester())...)
	}
}

// approvers are those who could decide on the open stage and have not.
func (r *steps) approvers() []Recipient {
	q := r.q
	if q.State != request.InStage || q.Stage < 0 || q.Stage >= len(q.Stages) {
		return nil
	}
	var to []Recipient
	for _, name := range q.Stages[q.Stage].Eligible {
		spoke := slices.ContainsFunc(q.Decisions, func(d request.Decision) bool {
			return d.Round == q.Round && d.Stage == q.Stage && d.By.Operator == name
		})
		if !spoke {
			to = append(to, Recipient{Approvers, name})
		}
	}
	if q.Escalated {
		to = append(to, r.selected(q.Stages[q.Stage].Escalate)...)
	}
	return to
}

// selected finds the operators that selectors name by role, team or account.
// Whether each may decide is asked when it does.
func (r *steps) selected(selectors []string) []Recipient {
	if r.state == nil {
		return nil
	}
	var to []Recipient
	for _, o := range r.state.Operators() {
		if !o.Disabled && slices.ContainsFunc(selectors, func(s string) bool { return picks(s, o) }) {
			to = append(to, Recipient{Approvers, o.ID})
		}
	}
	return to
}

func picks(selector string, o *operator.Operator) bool {
	kind, name, _ := strings.Cut(selector, ":")
	switch kind {
	case "role":
		return o.Has(operator.Role(name))
	case "team":
		return slices.Contains(o.Teams, name)
	case "operator":
		return name == o.ID
	}
	return false
}

// ended tells the requester of the outcome, whichever it is (rule R13), and
// those who answer for the identity.
func (r *steps) ended() {
	q := r.q
	d := r.data("what %s asked for (%s) is %s", q.Requester.Operator, asked(q), q.State)
	d.By, d.Via, d.Reason = "", "", clip(q.Reason)
	if name, ok := strings.CutPrefix(q.Outcome, "Grant/"); ok {
		d.Grant = name
	}
	if n := len(q.Decisions); n > 0 && (q.State == request.Approved || q.State == request.Denied) {
		last := q.Decisions[n-1]
		d.By, d.Via = last.By.Operator, last.By.Via
		if d.Reason == "" {
			d.Reason = clip(last.Reason)
		}
	}
	at := q.Ended
	if at.IsZero() {
		at = r.At
	}
	r.add(at, RequestEnded, "ended", d, append(r.sponsors(identityOf(q)), r.requester())...)
}

func identityOf(q *request.Request) string {
	switch {
	case q.Ask.Grant != nil:
		return q.Ask.Grant.Identity
	case q.Ask.Review != nil:
		return q.Ask.Review.Identity
	}
	return ""
}

// asked names what is asked for, in a few words.
func asked(q *request.Request) string {
	switch a := q.Ask; {
	case a.Grant != nil:
		return fmt.Sprintf("%s for %s", a.Grant.Entitlement, a.Grant.Identity)
	case a.Change != nil:
		return fmt.Sprintf("%d changes that give more than was approved", len(a.Change.Changes))
	case a.Lift != nil:
		return fmt.Sprintf("the end of the quarantine of %s", a.Lift.Target)
	case a.Waiver != nil:
		return fmt.Sprintf("an exception from %s for %s", a.Waiver.Rule, a.Waiver.Subject)
	case a.Review != nil:
		return fmt.Sprintf("a review of the emergency grant %s", a.Review.Grant)
	}
	return "something"
}
