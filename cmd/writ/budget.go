package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/governance"
)

type budgetCmd struct {
	List     budgetListCmd     `cmd:"" help:"List budgets, and how they stand."`
	Show     budgetShowCmd     `cmd:"" help:"Show one budget with its accounts."`
	Unfreeze budgetUnfreezeCmd `cmd:"" help:"Let a frozen budget be spent from again."`
}

func (c *budgetCmd) Help() string {
	return `A budget limits what calls may take over a window. Budgets are made by writ apply, as
resources of kind Budget; entitlements have limits of their own, listed as
entitlement:NAME, and a grant the spend that it was approved with, as grant:NAME.

  writ budget list
  writ budget show organisation
  writ budget unfreeze organisation --reason "AWS counted twice, case 4711"`
}

type budgetListCmd struct {
	dataFlag
	JSON bool `help:"Print one JSON object per line."`
}

func (c *budgetListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := every(0, url.Values{}, func(q url.Values) (api.List[governance.BudgetView], error) { return client.Budgets(ctx, q) })
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all)
	}
	rows := [][]string{{"NAME", "COVERS", "PER", "LIMIT", "SETTLED", "RESERVED", "LEFT", "USED", "FROZEN", "RESETS IN"}}
	for i := range all {
		for j := range all[i].Limits {
			rows = append(rows, limitLine(&all[i], &all[i].Limits[j]))
		}
	}
	return table(os.Stdout, rows...)
}

// limitLine is one limit: where it has many accounts, its fullest one.
func limitLine(v *governance.BudgetView, l *governance.LimitView) []string {
	per := orDash(v.Per)
	if l.Accounts > 1 {
		per += fmt.Sprintf(" (%d)", l.Accounts)
	}
	out := []string{v.Name, shortened(covered(&v.Covers), 48), per, limited(l)}
	a := l.Fullest
	if a == nil {
		return append(out, budget.Figure(l.Unit, 0), budget.Figure(l.Unit, 0), budget.Figure(l.Unit, l.Limit), "0 %", "—", "—")
	}
	frozen := "—"
	if l.Frozen > 0 {
		frozen = strconv.Itoa(l.Frozen)
	}
	return append(out, budget.Figure(l.Unit, a.Settled), budget.Figure(l.Unit, a.Reserved), budget.Figure(l.Unit, a.Left), fmt.Sprintf("%d %%", a.Percent), frozen, resets(a.End))
}

// limited is a limit in words: 10.00 USD a day, 5 streams.
func limited(l *governance.LimitView) string {
	text := budget.Figure(l.Unit, l.Limit)
	if l.Unit != budget.USD {
		text += " " + strings.ReplaceAll(string(l.Unit), "_", " ")
	}
	switch l.Window {
	case "":
		return text
	case budget.Hour:
		return text + " an hour"
	}
	return text + " a " + string(l.Window)
}

// shortened is a text of at most n characters; writ budget show has all of it.
func shortened(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func resets(end time.Time) string {
	if end.IsZero() {
		return "—"
	}
	return max(0, time.Until(end)).Round(time.Second).String()
}

// covered is what a budget covers, in one line.
func covered(c *budget.Covers) string {
	var out []string
	for _, l := range []struct {
		what  string
		names []string
	}{{"identity", c.Identities}, {"grant", c.Grants}, {"entitlement", c.Entitlements}, {"team", c.Teams}, {"model", c.Models}} {
		if len(l.names) > 0 {
			out = append(out, l.what+" "+strings.Join(l.names, ","))
		}
	}
	if len(out) == 0 {
		return "everything"
	}
	return strings.Join(out, " and ")
}

type budgetShowCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the budget; entitlement:NAME or grant:NAME for their limits."`
	JSON bool   `help:"Print JSON."`
}

func (c *budgetShowCmd) Run(ctx context.Context) error {
	return showOne(ctx, c.dataFlag, c.JSON, func(client *api.Client) (governance.BudgetView, error) {
		return client.Budget(ctx, c.Name)
	}, printBudget)
}

func printBudget(v *governance.BudgetView) error {
	rows := [][]string{{"name", v.Name}, {"title", orDash(v.Title)}, {"owner", orDash(v.Owner)}, {"covers", covered(&v.Covers)}, {"per", orDash(v.Per)}, {"time zone", orDash(v.TimeZone)}}
	for _, l := range v.Limits {
		rows = append(rows, []string{"limit", limited(&l)})
	}
	if err := table(os.Stdout, rows...); err != nil {
		return err
	}
	fmt.Println()
	rows = [][]string{{"ACCOUNT", "SETTLED", "RESERVED", "LEFT", "USED", "FROZEN", "RESETS IN"}}
	for i := range v.Accounts {
		a := &v.Accounts[i]
		rows = append(rows, []string{
			a.ID, budget.Figure(a.Unit, a.Settled), budget.Figure(a.Unit, a.Reserved), budget.Figure(a.Unit, a.Left), fmt.Sprintf("%d %%", a.Percent), orDash(a.Frozen), resets(a.End),
		})
	}
	return table(os.Stdout, rows...)
}

type budgetUnfreezeCmd struct {
	dataFlag
	Name    string `arg:"" help:"Name of the budget, as writ budget list has it."`
	Account string `help:"Only this account, by its id; default every frozen one." placeholder:"ID"`
	Reason  string `required:"" help:"Why; it is recorded." placeholder:"TEXT"`
	JSON    bool   `help:"Print JSON."`
}

func (c *budgetUnfreezeCmd) Run(ctx context.Context) error {
	return showOne(ctx, c.dataFlag, c.JSON, func(client *api.Client) (governance.Unfreezing, error) {
		return client.Unfreeze(ctx, c.Name, governance.UnfreezeOrder{Account: c.Account, Reason: c.Reason})
	}, func(u *governance.Unfreezing) error {
		for _, id := range u.Accounts {
			fmt.Fprintf(os.Stderr, "unfroze %s\n", id)
		}
		return nil
	})
}
