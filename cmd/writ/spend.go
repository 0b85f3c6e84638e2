package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/spend"
)

type spendCmd struct {
	Show      spendShowCmd      `cmd:"" default:"withargs" help:"Say what was spent, by whom and on what."`
	Reconcile spendReconcileCmd `cmd:"" help:"Compare Writ's record with what AWS says."`
}

func (c *spendCmd) Help() string {
	return `Costs are at list price, from Writ's price table, and what has no price is counted
beside them. What cannot be said whose it is, or what it cost, has lines of its own.

  writ spend --by team,model --from 2026-11-01
  writ spend --format focus > bedrock.csv
  writ spend reconcile --logs s3-copy/AWSLogs --json > compared.json
  writ spend --beyond compared.json`
}

type spendShowCmd struct {
	dataFlag
	By             string `default:"identity" placeholder:"D,…" help:"What to tell it by: some of day, identity, owner, sponsor, team, environment, entitlement, model, profile, region, account, operation, tier."`
	From           string `placeholder:"DAY" help:"First day, in UTC, such as 2026-11-01. Default the first of this month."`
	To             string `placeholder:"DAY" help:"Last day. Default today."`
	Format         string `default:"table" enum:"table,json,csv,focus" help:"table, json, csv, or focus: a FOCUS 1.2 dataset, at list price."`
	Beyond         string `placeholder:"FILE" type:"existingfile" help:"What writ spend reconcile --json printed, to show what AWS has beyond Writ."`
	BillingAccount string `placeholder:"ID" help:"AWS account that gets the bill, for focus. Default the account that was called."`
}

func (c *spendShowCmd) Run(ctx context.Context) error {
	by := c.By
	if c.Format == "focus" {
		by = joined(spend.Dimensions)
	}
	if _, err := spend.ParseDimensions(by); err != nil {
		return fmt.Errorf("--by: %w", err)
	}
	report, err := c.ask(ctx, by)
	if err != nil {
		return err
	}
	if report.Unattributed.Beyond, err = c.beyond(&report); err != nil {
		return err
	}
	switch c.Format {
	case "json":
		return printJSON(report)
	case "csv":
		return spendCSV(os.Stdout, &report)
	case "focus":
		return c.focus(&report)
	}
	return spendTable(os.Stdout, &report)
}

func joined(list []spend.Dimension) string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = string(d)
	}
	return strings.Join(out, ",")
}

// ask gets the whole report, page by page.
func (c *spendShowCmd) ask(ctx context.Context, by string) (spend.Report, error) {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return spend.Report{}, err
	}
	var out spend.Report
	rows, err := every(0, query("by", by, "from", c.From, "to", c.To), func(q url.Values) (api.List[spend.Row], error) {
		page, err := client.Spend(ctx, q)
		out = page.Report
		return api.List[spend.Row]{Items: page.Rows, Next: page.Next}, err
	})
	out.Rows = append([]spend.Row{}, rows...)
	return out, err
}

// beyond reads a saved comparison; nil when none is named.
func (c *spendShowCmd) beyond(r *spend.Report) (*spend.Beyond, error) {
	if c.Beyond == "" {
		return nil, nil
	}
	f, err := os.Open(c.Beyond)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	saved, err := spend.ReadReconciliation(f)
	if err != nil {
		return nil, fmt.Errorf("--beyond %s: %w", c.Beyond, err)
	}
	if saved.From != r.From || saved.To != r.To {
		fmt.Fprintf(os.Stderr, "the comparison is of %s to %s, and the report of %s to %s\n", saved.From, saved.To, r.From, r.To)
	}
	return &saved.Beyond, nil
}

func (c *spendShowCmd) focus(r *spend.Report) error {
	left, err := spend.WriteFOCUS(os.Stdout, r.Rows, spend.FOCUSOptions{BillingAccount: c.BillingAccount})
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "costs are list prices, and not what AWS bills")
	if left > 0 {
		fmt.Fprintf(os.Stderr, "%d requests without a price are left out: what they cost is not known\n", left)
	}
	return nil
}

// spendTable prints a report for people: what is not attributed has its lines also
// when there is none.
func spendTable(w io.Writer, r *spend.Report) error {
	var heading []string
	for _, d := range r.By {
		heading = append(heading, strings.ToUpper(string(d)))
	}
	rows := [][]string{append(heading, "REQUESTS", "TOKENS", "USD", "ESTIMATED", "UNPRICED", "SHARE")}
	for i := range r.Rows {
		row := &r.Rows[i]
		rows = append(rows, append(keysOf(row, r.By), totalsOf(&row.Totals, fmt.Sprintf("%.1f %%", 100*row.Share))...))
	}
	total := make([]string, len(r.By))
	total[0] = "total"
	rows = append(rows, append(total, totalsOf(&r.Total, "")...))
	if err := table(w, rows...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s to %s, at list price\n%s", r.From, r.To, unattributed(r))
	return err
}

func keysOf(row *spend.Row, by []spend.Dimension) []string {
	out := make([]string, len(by))
	for i, d := range by {
		if out[i] = row.Of(d); out[i] == "" {
			out[i] = "(none)"
		}
	}
	return out
}

func totalsOf(t *spend.Totals, share string) []string {
	cost := spend.USD(t.CostMicroUSD)
	if t.Requests > 0 && t.Unpriced == t.Requests {
		cost = "unknown"
	}
	return []string{
		strconv.FormatInt(t.Requests, 10), strconv.FormatInt(t.Tokens(), 10), cost, spend.USD(t.EstimatedMicroUSD), strconv.FormatInt(t.Unpriced, 10), share,
	}
}

// unattributed says what the report cannot say whose it is, or what it cost.
func unattributed(r *spend.Report) string {
	u := &r.Unattributed
	var b strings.Builder
	fmt.Fprintf(&b, "unattributed: %d requests without a price, in no sum above\n", u.Unpriced)
	fmt.Fprintf(&b, "unattributed: %s USD of %d requests with nothing in what it is told by\n", spend.USD(u.Keyless.CostMicroUSD), u.Keyless.Requests)
	switch x := u.Beyond; {
	case x == nil:
		b.WriteString("unattributed: what AWS has beyond Writ is not known: writ spend reconcile compares\n")
	case x.Source == "bill":
		fmt.Fprintf(&b, "unattributed: %s USD beyond Writ, by AWS's bill\n", spend.USD(x.CostMicroUSD))
	default:
		fmt.Fprintf(&b, "unattributed: %s USD of %d calls beyond Writ, and %d calls without a price, by AWS's invocation logs\n", spend.USD(x.CostMicroUSD), x.Calls-x.Unpriced, x.Unpriced)
	}
	return b.String()
}

// spendCSV prints a report for other programs; the costs are in US dollars.
func spendCSV(w io.Writer, r *spend.Report) error {
	out := csv.NewWriter(w)
	var heading []string
	for _, d := range r.By {
		heading = append(heading, string(d))
	}
	heading = append(heading, "requests", "input", "output", "cache_read", "cache_write", "cache_write_hour", "guardrail_units", "cost_usd", "estimated_usd", "unpriced", "share")
	if err := out.Write(heading); err != nil {
		return err
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		var fields []string
		for _, d := range r.By {
			fields = append(fields, row.Of(d))
		}
		for _, n := range []int64{row.Requests, row.Input, row.Output, row.CacheRead, row.CacheWrite, row.CacheWriteHour, row.GuardrailUnits} {
			fields = append(fields, strconv.FormatInt(n, 10))
		}
		cost := spend.USD(row.CostMicroUSD)
		if row.Unpriced == row.Requests {
			cost = "" // not known
		}
		fields = append(fields, cost, spend.USD(row.EstimatedMicroUSD), strconv.FormatInt(row.Unpriced, 10), strconv.FormatFloat(row.Share, 'f', 4, 64))
		if err := out.Write(fields); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
