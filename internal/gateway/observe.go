package gateway

import (
	"time"

	"github.com/writ-project/writ/auditlog"
)

// Window is a time for which two people switched enforcement off, to see what
// it would refuse (design §4). It is loud: in every answer and record, in the
// log, the metrics and wherever the server says how it is.
type Window struct {
	Nonce string // of the statement that they signed
	Until time.Time
}

// ObserveHeader is on every answer while observe mode is on: "on", or
// "would-deny" where the call went through only because of it.
const ObserveHeader = "X-Writ-Observe"

// observing returns the window that is open at a time.
func (g *Gateway) observing(now time.Time) (Window, bool) {
	if g.cfg.Observing == nil {
		return Window{}, false
	}
	return g.cfg.Observing(now)
}

// announce marks an answer while observe mode is on.
func (x *exchange) announce() {
	if _, on := x.g.observing(x.start); on {
		x.w.Header()[ObserveHeader] = []string{"on"}
	}
}

// observed lets a call through that was denied, where observe mode is on and
// the denial is one that it passes over.
func (x *exchange) observed() bool {
	w, on := x.g.observing(x.start)
	if !on {
		return false
	}
	q := x.question()
	d := x.state.Bundle.Observe(q, w.Until)
	if d.Permit == nil {
		return false
	}
	d.Reasons = x.state.Bundle.Explain(q).Reasons // what each grant lacked, too
	x.decision, x.window = d, w
	return true
}

// shout says aloud that a call goes through without a right.
func (x *exchange) shout() {
	if x.decision.Would == "" {
		return
	}
	x.w.Header()[ObserveHeader] = []string{"would-deny"}
	x.g.cfg.Log.Warn("OBSERVE MODE let a call through that is denied", "id", x.id, "identity", x.identity.ID,
		"operation", x.target.Operation, "would", x.decision.Would)
}

// resultObserved is what a call came to that only observe mode let through.
const resultObserved = "observed"

// comes is what an exchange came to, for metrics.
func (x *exchange) comes() string {
	if x.kind == "permit" && x.decision.Would != "" {
		return resultObserved
	}
	return x.kind
}

// markObserved writes into a decision's record that, and by which statement, it was
// observe mode that let the call through.
func (x *exchange) markObserved(d *auditlog.Decision) {
	if x.decision.Would != "" && x.decision.Permit != nil {
		d.Decision, d.Code = resultObserved, x.decision.Would
		d.Policies = append([]string{"observe:" + x.window.Nonce}, d.Policies...)
	}
}
