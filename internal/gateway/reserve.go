package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/meter"
)

// reserved is the most that the call can cost, and where it was set aside.
type reserved struct {
	bound  bedrock.Bound
	priced bool // it is known what that costs at most
	worst  budget.Amounts
	// reservation is nil where nothing is metered.
	reservation *meter.Reservation
	charged     bool // the reservation was settled, or given back
}

// reserve sets aside, in every budget that covers the call, the most that it can
// cost. A budget in money or tokens covers only calls of which that is known: an
// unknown price is never zero (security S22).
func (x *exchange) reserve() *refusal {
	subject := x.subject()
	lines := x.state.Budgets.Covering(&subject)
	if x.g.cfg.Meter == nil {
		if len(lines) > 0 {
			return unready(errors.New("there are budgets, and nothing that keeps account of them"))
		}
		return nil
	}
	if refused := x.estimate(lines); refused != nil {
		return refused
	}
	var err error
	x.money.reservation, err = x.g.cfg.Meter.Reserve(x.ctx, lines, meter.Call{
		ID: x.id, At: x.start, Subject: &subject, Worst: x.money.worst, Streams: x.target.Operation.Streams(), Unpriced: !x.money.priced, Tags: x.tags(),
	})
	return x.overBudget(err)
}

// subject is what budgets may go by.
func (x *exchange) subject() budget.Subject {
	i := x.identity
	s := budget.Subject{
		Identity: i.ID, Session: x.proven.session.ID, SessionEnds: x.proven.session.Expires, Team: i.Team, Environment: i.Environment, Owner: i.Owner, Sponsor: i.Sponsor,
		Model: x.model.ID, Profile: x.profile, Family: x.model.Family, Provider: x.model.Provider,
	}
	for _, name := range x.decision.Grants {
		if g, ok := x.state.Grant(name); ok {
			s.Held = append(s.Held, g.Held())
		}
	}
	return s
}

// tags are what the call's spend is told apart by, beside its subject.
func (x *exchange) tags() meter.Tags {
	return meter.Tags{Operation: string(x.target.Operation), Region: x.region, Account: x.account, Tier: x.caps.ServiceTier}
}

// estimate finds the most that the call can use and cost. Where a budget needs
// to know and it cannot be known, the call is refused.
func (x *exchange) estimate(lines []budget.Line) *refusal {
	m := &x.money
	m.worst = budget.Amounts{Requests: 1}
	if x.target.Operation.Streams() {
		m.worst.Streams = 1
	}
	if x.target.Operation.Free() {
		m.priced = true
		return nil
	}
	var err error
	m.bound, err = x.state.Catalogue.Bound(x.target.Operation, x.model, x.profile, &x.caps, x.body.Bytes())
	if err != nil {
		if counted(lines) {
			return &refusal{kind: "unbounded", err: accessDenied(x.notAuthorized("because a budget covers it, and " + err.Error())), hint: "state a limit of output tokens, or use an operation whose use is bounded"}
		}
		return nil
	}
	m.worst.Input, m.worst.Output = m.bound.Input, m.bound.Output
	if quote, ok := x.state.Catalogue.Quote(x.priceQuestion()); ok {
		var cost int64
		cost, m.priced = quote.Worst(m.bound)
		m.worst.MicroUSD = budget.Money(cost)
	}
	if !m.priced && budget.LimitsUSD(lines) {
		return &refusal{kind: "unpriced", err: accessDenied(x.notAuthorized("because a budget covers it, and its price is not known")), hint: "an operator can set one for the model, tier or profile"}
	}
	return nil
}

func (x *exchange) priceQuestion() bedrock.PriceQuestion {
	return bedrock.PriceQuestion{Model: x.model.ID, Profile: x.profile, Tier: x.caps.ServiceTier, Latency: x.caps.Latency, At: x.start}
}

// counted reports whether a budget counts what is known of a call only when
// something bounds it.
func counted(lines []budget.Line) bool {
	for i := range lines {
		if u := lines[i].Unit; u != budget.Requests && u != budget.Streams {
			return true
		}
	}
	return false
}

// overBudget words the refusal for a budget (security S23). An SDK repeats what
// is throttled: it is told so only where a moment later there may be room.
func (x *exchange) overBudget(err error) *refusal {
	var over *meter.Exceeded
	var frozen *meter.Frozen
	switch {
	case err == nil:
		return nil
	case errors.As(err, &frozen):
		return &refusal{kind: "budget_frozen", err: accessDenied(x.notAuthorized("because a budget that covers it is frozen")), hint: "whoever answers for the budget can find out why and unfreeze it"}
	case !errors.As(err, &over):
		if refused := x.leaves(); refused != nil { // while it waited for the store
			return refused
		}
		return unready(err)
	}
	if over.Soon {
		return &refusal{kind: "budget", err: bedrock.Error{Type: bedrock.ThrottlingException, Message: "the call has to wait: " + limitText(&over.Line) + " is reached for the moment"}}
	}
	return &refusal{kind: "budget", err: accessDenied(x.notAuthorized("because " + limitText(&over.Line) + " is reached")), hint: overHint(over)}
}

// limitText says which sort of limit a line is: not whose, nor how high.
func limitText(l *budget.Line) string {
	unit := map[budget.Unit]string{
		budget.USD: "US dollars", budget.InputTokens: "input tokens", budget.OutputTokens: "output tokens",
		budget.TotalTokens: "tokens", budget.Requests: "requests", budget.Streams: "streams at once",
	}[l.Unit]
	if l.Window == "" {
		return "a limit of " + unit
	}
	return fmt.Sprintf("a limit of %s for the %s", unit, l.Window)
}

func overHint(over *meter.Exceeded) string {
	hint := "whoever answers for the budget can raise it"
	if !over.Account.End.IsZero() {
		hint = "it begins anew at " + over.Account.End.UTC().Format(time.RFC3339) + "; " + hint
	}
	if over.Left > 0 && over.Line.Unit != budget.Requests && over.Line.Unit != budget.Streams {
		hint += "; a call that states a smaller limit of output tokens may still fit"
	}
	return hint
}

// release gives a reservation back of which nothing was used: nothing left.
func (m *reserved) release() {
	if m.reservation != nil && !m.charged {
		m.charged = true
		m.reservation.Abort()
	}
}
