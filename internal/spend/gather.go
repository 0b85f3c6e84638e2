package spend

import (
	"context"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/store"
)

// Period is a number of days, in UTC, both ends among them; an end that is empty
// is open.
type Period struct{ From, To string }

// Validate reports an end that is no day, or a beginning behind the end.
func (p Period) Validate() error {
	for _, day := range []string{p.From, p.To} {
		if day == "" {
			continue
		}
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return fmt.Errorf("%.40q is no day: want one such as 2026-11-26", day)
		}
	}
	if p.From != "" && p.To != "" && p.From > p.To {
		return fmt.Errorf("the time begins on %s, after its end on %s", p.From, p.To)
	}
	return nil
}

// Holds reports whether a moment is within it.
func (p Period) Holds(at time.Time) bool {
	day := at.UTC().Format(time.DateOnly)
	return (p.From == "" || p.From <= day) && (p.To == "" || day <= p.To)
}

// OrMonth is the period, which is of the month so far when neither end is given.
func (p Period) OrMonth(now time.Time) Period {
	now = now.UTC()
	if p.From == "" && p.To == "" {
		p.From = now.Format("2006-01") + "-01"
	}
	if p.To == "" {
		p.To = now.Format(time.DateOnly)
	}
	return p
}

// Gather reports what the store has added up.
func Gather(ctx context.Context, db *store.DB, p Period, by []Dimension) (Report, error) {
	columns := make([]string, len(by))
	for i, d := range by {
		columns[i] = string(d)
	}
	found, err := db.Spend(ctx, store.SpendQuery{From: p.From, To: p.To, By: columns})
	if err != nil {
		return Report{}, fmt.Errorf("adding up the spend: %w", err)
	}
	rows := make([]Row, len(found))
	for i := range found {
		rows[i] = rowOf(&found[i])
	}
	out := NewReport(rows, by)
	out.From, out.To = p.From, p.To
	return out, nil
}

func rowOf(r *store.SpendRow) Row {
	return Row{
		Keys: Keys{
			Day: r.Day, Identity: r.Identity, Owner: r.Owner, Sponsor: r.Sponsor, Team: r.Team, Environment: r.Environment,
			Entitlement: r.Entitlement, Model: r.Model, Profile: r.Profile, Region: r.Region, Account: r.Account, Operation: r.Operation, Tier: r.Tier,
		},
		Totals: Totals{
			Requests: r.Requests, Input: r.Input, Output: r.Output, CacheRead: r.CacheRead, CacheWrite: r.CacheWrite, CacheWriteHour: r.CacheWriteHour,
			GuardrailUnits: r.GuardrailUnits, CostMicroUSD: r.MicroUSD, EstimatedMicroUSD: r.EstimatedMicroUSD, Estimated: r.Estimated, Unpriced: r.Unpriced,
		},
	}
}
