package gateway

import (
	"net/http"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
)

// settle records the outcome, linked to its intent, and charges what the call
// used. The record joins a later flush of the log; in strict mode settle waits
// for it, and its error keeps the last byte from being released (security S27).
func (x *exchange) settle() error {
	if !x.ordered || x.settled {
		return nil
	}
	if x.g.cfg.Strict {
		_, err := x.settleNow()
		return err
	}
	entry, err := x.close()
	if err == nil {
		_, err = x.g.cfg.Journal.Enqueue(entry)
	}
	x.charge()
	return x.noteUnrecorded(err)
}

// settleNow is settle for an outcome that must be durable before the answer
// leaves; it returns where.
func (x *exchange) settleNow() (index uint64, err error) {
	entry, err := x.close()
	if err == nil {
		index, err = x.g.cfg.Journal.Append(x.g.background, entry)
	}
	x.charge()
	return index, x.noteUnrecorded(err)
}

// close finds out what the call used, and words its outcome. That has its place in
// the log before anything is charged: what is set free may be set aside for another
// call at once, and after a crash the log must know of both or of neither.
func (x *exchange) close() ([]byte, error) {
	x.settled = true
	x.bill = x.used()
	return x.outcomeRecord()
}

// noteUnrecorded notes that an outcome was lost. The intent stays, listed as
// outcome unknown; a failed journal also stops every later call.
func (x *exchange) noteUnrecorded(err error) error {
	if err != nil {
		x.unrecorded = true
		x.g.cfg.Log.Error("the outcome could not be recorded", "id", x.id, "intent", x.intent, "err", err)
	}
	return err
}

// bill is what a call used, and what that costs.
type bill struct {
	tokens  bedrock.Tokens
	units   int64 // of text, that a guardrail read
	known   bool  // somebody said what was used
	unspent bool  // no model ran
	cost    *int64
}

// charge replaces what was reserved by what was used. Where nobody says what
// that was, what was reserved stays (security S22).
func (x *exchange) charge() {
	m := &x.money
	if m.reservation == nil || m.charged {
		return
	}
	if !x.sent {
		m.release()
		return
	}
	m.charged = true
	if over := m.reservation.Settle(x.settlement()); len(over.Accounts) > 0 {
		x.g.cfg.Log.Error("a call used more than was reserved for it, and its budgets are frozen", "id", x.id, "accounts", over.Accounts, "why", over.Why)
	}
}

// settlement is what the call is charged; −1 stands for what nobody knows.
func (x *exchange) settlement() meter.Settlement {
	b := &x.bill
	s := meter.Settlement{
		Amounts: budget.Amounts{MicroUSD: -1, Input: -1, Output: -1, Requests: 1},
		Tokens:  b.tokens, GuardrailUnits: b.units, Priced: b.cost != nil, Estimated: !b.known,
	}
	if b.known {
		s.Amounts.Input, s.Amounts.Output = b.tokens.Read(), b.tokens.Output
	}
	if b.cost != nil {
		s.Amounts.MicroUSD = budget.Money(*b.cost)
	}
	return x.money.reservation.Sound(s)
}

// charged is what the call costs, as far as it is known or was reserved.
func (x *exchange) charged() int64 {
	switch {
	case x.bill.cost != nil:
		return *x.bill.cost
	case x.money.reservation != nil:
		return int64(x.settlement().Amounts.MicroUSD)
	}
	return 0
}

// used finds out what the call used.
func (x *exchange) used() bill {
	nothing := new(int64)
	switch {
	case !x.sent || x.unspent():
		return bill{known: true, unspent: true, cost: nothing}
	case x.target.Operation.Free():
		return bill{known: true, cost: nothing}
	case !x.result.usage.Known:
		return bill{}
	}
	b := bill{tokens: x.result.usage.For(x.caps.Load), known: true, units: x.result.guardrail}
	if b.units == 0 && x.caps.Guardrail != nil {
		b.units = x.money.bound.Guarded(x.result.bytes)
	}
	if quote, ok := x.finalQuote(); ok {
		if cost, ok := quote.Cost(b.tokens, b.units); ok {
			b.cost = &cost
		}
	}
	return b
}

// finalQuote is the price of the model and tier that answered, as far as the
// answer says.
func (x *exchange) finalQuote() (bedrock.Quote, bool) {
	q := x.priceQuestion()
	q.Answered = x.result.invoked
	if x.result.tier != "" {
		q.Tier = x.result.tier
	}
	return x.state.Catalogue.Quote(q)
}

// unspent reports whether Bedrock's answer shows that no model ran: the request
// was refused, or there was no capacity. An error after a model began is not one.
func (x *exchange) unspent() bool {
	if x.resp == nil {
		return false
	}
	switch status := x.resp.StatusCode; status {
	case http.StatusRequestTimeout, http.StatusFailedDependency:
		return false // ModelTimeoutException, ModelErrorException
	case http.StatusServiceUnavailable:
		return true
	default:
		return status >= 400 && status < 500
	}
}

// usageGroup is what a record says of what was used and charged.
func (x *exchange) usageGroup() *auditlog.Usage {
	b, u := &x.bill, &auditlog.Usage{Source: "none"}
	u.CostMicroUSD = b.cost
	if b.known && !b.unspent && !x.target.Operation.Free() {
		t := b.tokens
		u.Input, u.Output, u.CacheRead, u.CacheWrite, u.CacheWriteHour = t.Input, t.Output, t.CacheRead, t.CacheWrite, t.CacheWriteHour
		u.GuardrailUnits, u.Source, u.PriceTable = b.units, x.result.usage.Source, x.state.Catalogue.PriceVersion()
	}
	switch r := x.money.reservation; {
	case r == nil:
	case !x.sent:
		u.Settled = budgetGroup(budget.Amounts{}, true)
	default:
		s := x.settlement()
		u.Settled = budgetGroup(s.Amounts, b.cost != nil || x.money.priced)
		u.Settled.Estimated, u.Settled.Overrun = s.Estimated, r.Exceeds(s)
		if !b.known {
			u.Source = "estimate"
		}
	}
	return u
}

// budgetGroup words amounts for a record.
func budgetGroup(a budget.Amounts, priced bool) *auditlog.Budget {
	return &auditlog.Budget{MicroUSD: int64(a.MicroUSD), Unpriced: !priced, Input: a.Input, Output: a.Output, Requests: a.Requests, Streams: a.Streams}
}

// reservedGroup is what an intent says of what is set aside.
func (x *exchange) reservedGroup() *auditlog.Budget {
	r := x.money.reservation
	if r == nil {
		return nil
	}
	g := budgetGroup(r.Reserved(), x.money.priced)
	g.Accounts = r.Accounts()
	return g
}

// took is the exchange's duration so far.
func (x *exchange) took() time.Duration { return time.Since(x.began) }
