package analyse

import (
	"fmt"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/report"
)

// excess reports how much of the rights is not used, over the days of the scan,
// and a month and a year where the evidence reaches.
func (m *measuring) excess() {
	const definition = "Rights held and not used within the window, of all rights held: over all principals, and the median of each one's"
	days := m.unusedDays()
	u, why := m.usage(days)
	if why != "" {
		m.unmeasured("Excess-privilege ratio", definition, why)
		m.unmeasured("Weighted excess-privilege ratio", "The same, with every right weighed by its model's price", why)
		m.unmeasured("Statement-level excess", "Allow statements for invocation that no use needed, of all such statements", why)
		return
	}
	e := m.excessOf(u)
	m.ratio("Excess-privilege ratio", definition, u, e, true)
	m.weighted(u, e)
	m.statements(u)
	for _, other := range []int{30, 365} {
		if u, why := m.usage(other); why == "" && other != days {
			m.ratio(fmt.Sprintf("Excess-privilege ratio, %d days", other), definition, u, m.excessOf(u), false)
		}
	}
}

// excess is what a window comes to.
type excess struct {
	held, idle       int
	heldUSD, idleUSD float64
	unpriced         int
	shares           []float64 // of each principal
	unknown          int       // principals that the evidence does not reach
}

func (m *measuring) excessOf(u *usage) (e excess) {
	prices := m.prices()
	for _, x := range m.invokers(true) {
		if !u.known(x.Principal) {
			e.unknown++
			continue
		}
		held, idle, used := 0, 0, u.cells(x.whole)
		for i, c := range x.row {
			if !c.Can() {
				continue
			}
			price, priced := prices[i/len(m.matrix.Actions)], prices[i/len(m.matrix.Actions)] > 0
			if held++; priced {
				e.heldUSD += price
			} else {
				e.unpriced++
			}
			if !used[i] {
				idle++
				e.idleUSD += price
			}
		}
		e.held, e.idle = e.held+held, e.idle+idle
		e.shares = append(e.shares, float64(idle)/float64(held))
	}
	slices.Sort(e.shares)
	return e
}

// prices are the sums of a target's list prices for a million tokens in and
// out; zero: not known.
func (m *measuring) prices() []float64 {
	out := make([]float64, len(m.matrix.Targets))
	for i, t := range m.matrix.Targets {
		profile := ""
		if t.Profile {
			profile = t.ID
		}
		price, _ := m.Catalogue.PriceOf(t.Model, profile)
		out[i] = perMillion(price)
	}
	return out
}

func perMillion(p bedrock.Price) (usd float64) {
	for _, f := range []*float64{p.Input, p.Output} {
		if f != nil {
			usd += *f
		}
	}
	return usd
}

func (m *measuring) ratio(name, definition string, u *usage, e excess, alone bool) {
	if e.held == 0 {
		m.unmeasured(name, definition, "no principal that the evidence reaches holds a right")
		return
	}
	m.say(report.Measure{Name: name, Value: fmt.Sprintf("%s, median %.3f", ratio(float64(e.idle), float64(e.held)), e.shares[len(e.shares)/2]), Definition: definition,
		Note: fmt.Sprintf("%d of %d rights in %d days; %s left out as unknown: not reached by the evidence, or younger than %d days. %s", e.idle, e.held, u.days, plural(e.unknown, "principal"), graceDays, m.pinned)})
}

func (m *measuring) weighted(_ *usage, e excess) {
	const name, definition = "Weighted excess-privilege ratio", "Rights held and not used, of all rights held, each weighed by its model's list price for a million tokens in and a million out"
	if e.heldUSD == 0 {
		m.unmeasured(name, definition, "no right is to a model whose price is known")
		return
	}
	m.say(report.Measure{Name: name, Value: ratio(e.idleUSD, e.heldUSD), Definition: definition,
		Note: fmt.Sprintf("%d rights to models without a known price weigh nothing; classes of data and write-back are not in the input. %s", e.unpriced, m.pinned)})
}

// statements measures by statement, which a model that AWS adds does not change.
func (m *measuring) statements(u *usage) {
	const name, definition = "Statement-level excess", "Allow statements for invocation that no use needed, of all such statements of principals"
	all, idle := 0, 0
	for _, x := range m.invokers(true) {
		if !u.known(x.Principal) {
			continue
		}
		resources := u.resources(x)
		for _, d := range x.Identity {
			for i := range d.Statements {
				st := &d.Statements[i]
				if st.Effect != awsiam.Allow || !aboutInvoking(st) {
					continue
				}
				if all++; !slices.ContainsFunc(resources, func(r deed) bool {
					return st.MatchAction(r.action) != awsiam.False && st.MatchResource(r.resource, m.Known(x.Principal)) != awsiam.False
				}) {
					idle++
				}
			}
		}
	}
	if all == 0 {
		m.unmeasured(name, definition, "no principal that the evidence reaches has such a statement")
		return
	}
	m.say(report.Measure{Name: name, Value: ratio(float64(idle), float64(all)), Definition: definition, Note: fmt.Sprintf("%d of %d statements in %d days", idle, all, u.days)})
}

// resources are all that the uses of a subject were checked on.
func (u *usage) resources(x *subject) (out []deed) {
	for i, used := range u.cells(x.whole) {
		if !used {
			continue
		}
		for _, k := range u.s.checksOf(x.Account.ID)[i].List {
			out = append(out, deed{k.Action, k.Resource})
		}
	}
	return out
}

// standingDays is how far away an end may be for a right not to be standing.
const standingDays = 30

// standing measures rights without an end. Only who has a condition on the time
// needs to be asked.
func (m *measuring) standing() {
	const name, definition = "Standing ratio", "Rights without an end, or whose end is more than 30 days away, of all rights held"
	held, standing := 0, 0
	for _, x := range m.invokers(true) {
		n := 0
		for _, c := range x.row {
			if c.Can() {
				n++
			}
		}
		held += n
		if m.ending(x) {
			n = m.lasting(x)
		}
		standing += n
	}
	if held == 0 {
		m.unmeasured(name, definition, "no principal can invoke")
		return
	}
	m.say(report.Measure{Name: name, Value: ratio(float64(standing), float64(held)), Definition: definition,
		Note: fmt.Sprintf("%d of %d rights, as they stand at the time of the scan; a single look cannot weigh them by hours. %s", standing, held, m.pinned)})
}

// ending reports whether a date stands in any policy of a subject.
func (s *scan) ending(x *subject) bool {
	l := s.Layers(x.Principal)
	all := slices.Concat(l.Identity, l.Sessions)
	for _, level := range l.SCPs {
		all = append(all, level...)
	}
	if l.Boundary != nil {
		all = append(all, l.Boundary)
	}
	return slices.ContainsFunc(all, func(d *awsiam.Document) bool {
		return slices.ContainsFunc(d.Statements, func(st awsiam.Statement) bool { return limits(&st, "aws:currenttime", "aws:epochtime") })
	})
}

// lasting counts a subject's rights that do not end soon.
func (m *measuring) lasting(x *subject) (n int) {
	soon := m.Now.Add(standingDays * 24 * time.Hour)
	for i, c := range x.row {
		if !c.Can() {
			continue
		}
		if ans := m.ask(x, i/len(m.matrix.Actions), i%len(m.matrix.Actions), nil); ans.Until.IsZero() || ans.Until.After(soon) {
			n++
		}
	}
	return n
}
