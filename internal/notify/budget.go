package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/store"
)

// BudgetNews is how an account of a budget stood when there was something to tell.
// Amounts are in its unit; US dollars are in millionths.
type BudgetNews struct {
	Name     string `json:"name"`
	Key      string `json:"key,omitempty"` // the identity, team, model … that the account is of
	Unit     string `json:"unit"`
	Percent  int    `json:"percent,omitempty"` // of the limit that was reached; absent: it froze
	Settled  int64  `json:"settled"`
	Reserved int64  `json:"reserved,omitempty"`
	Limit    int64  `json:"limit"`
}

// toldFor is how long after it happened a crossing is still news.
const toldFor = 7 * 24 * time.Hour

// budgets tells of accounts that came to a percentage of their limit, and of those
// that froze. After a restart it looks at all of them again: their ids are the same,
// so nobody is told twice.
func (k *keeper) budgets(ctx context.Context, hold store.Hold) error {
	const batch = 200
	for {
		found, err := k.n.cfg.Store.CrossingsAfter(ctx, k.crossed, batch)
		if err != nil || len(found) == 0 {
			return err
		}
		var events []Event
		for i := range found {
			if c := &found[i]; !c.At.Before(hold.Since) && k.now().Sub(c.At) < toldFor {
				events = append(events, k.crossing(c))
			}
		}
		queue, err := k.pack(events)
		if err == nil && len(queue) > 0 {
			err = k.n.cfg.Store.Post(ctx, k.sink.Name, queue)
		}
		if err != nil {
			return err
		}
		k.crossed = found[len(found)-1].Seq
	}
}

// crossing words one event.
func (k *keeper) crossing(c *store.Crossing) Event {
	unit := budget.Unit(c.Unit)
	e := Event{
		ID:   idOf(fmt.Sprintf("Budget/%s/%d/%d", c.Account, c.Percent, c.At.UnixMicro())),
		Type: BudgetThreshold, Subject: "Budget/" + c.Budget, Time: c.At,
		Data: Data{
			Command: "writ budget show " + c.Budget, Reason: clip(c.Why),
			Budget: &BudgetNews{Name: c.Budget, Key: c.Key, Unit: c.Unit, Percent: c.Percent, Settled: c.Settled, Reserved: c.Reserved, Limit: c.Limit},
		},
	}
	whose := "budget " + c.Budget
	if c.Key != "" {
		whose += " of " + c.Key
	}
	e.Data.Summary = fmt.Sprintf("%s is used to %d %%: %s of %s", whose, c.Percent, budget.Figure(unit, c.Settled+c.Reserved), budget.Figure(unit, c.Limit))
	if c.Percent == 0 {
		e.Type, e.Data.Command = BudgetFrozen, "writ budget unfreeze "+c.Budget
		e.Data.Summary = whose + " is frozen: a call used more than was reserved for it"
	}
	if !c.End.IsZero() {
		until := c.End
		e.Data.Until = &until
	}
	k.concern(c, &e)
	return e
}

// concern finds whom an event of a budget is for: its owner, and whoever answers for
// the identity that the account is of.
func (k *keeper) concern(c *store.Crossing, e *Event) {
	n := &news{state: k.n.cfg.State()}
	if n.state == nil {
		return
	}
	owner := ""
	if b, ok := n.state.Budget(c.Budget); ok {
		owner = b.Owner
	}
	if name, ok := strings.CutPrefix(c.Budget, "entitlement:"); ok {
		if en, ok := n.state.Entitlement(name); ok {
			owner = en.Owner
		}
	}
	if owner != "" {
		e.To = append(e.To, Recipient{Owner, owner})
	}
	e.Data.Identity = k.identityOf(c)
	if e.Data.Identity != "" {
		e.To = append(e.To, n.sponsors(e.Data.Identity)...)
	}
}

// identityOf is the one identity that an account is of; empty: it is of more, or of
// something else.
func (k *keeper) identityOf(c *store.Crossing) string {
	s := k.n.cfg.State()
	if _, ok := s.Identity(c.Key); ok {
		return c.Key
	}
	for _, name := range []string{c.Key, strings.TrimPrefix(c.Budget, "grant:")} {
		if g, ok := s.Grant(name); ok {
			return g.Identity
		}
	}
	return ""
}
