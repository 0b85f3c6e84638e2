package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/spend"
)

type spendReconcileCmd struct {
	dataFlag
	Logs    []string `placeholder:"PATH" type:"existingpath" help:"Bedrock's model invocation logs, as it delivers them to S3: files or directories, also compressed."`
	Billing []string `placeholder:"FILE" type:"existingpath" help:"A billing export in CSV, also compressed: AWS's Cost and Usage Report, or FOCUS."`
	Audit   string   `placeholder:"DIR" help:"Data or log directory with Writ's record, also of a live server; default the data directory."`
	From    string   `placeholder:"DAY" help:"First day, in UTC. Default the first that AWS's side has."`
	To      string   `placeholder:"DAY" help:"Last day. Default the last that AWS's side has."`
	JSON    bool     `help:"Print one JSON object; writ spend --beyond reads it."`
}

func (c *spendReconcileCmd) Help() string {
	return `Calls are matched with the invocation logs by Bedrock's request id; what only the logs
have went around Writ, and is listed by who called. A bill has no request ids: it is
compared by day, account, region and, where it names a model that Writ knows, model, at
the list prices that it states. It reads files only, and needs no server.

Exit status 0: equal; 1: they differ, or not every line could be read; 2: it could not
be compared.`
}

func (c *spendReconcileCmd) Run(ctx context.Context) error {
	if (len(c.Logs) > 0) == (len(c.Billing) > 0) {
		return withHint(errors.New("name what to compare with: --logs or --billing"), "writ spend reconcile --help says what they are")
	}
	period := spend.Period{From: c.From, To: c.To}
	if err := period.Validate(); err != nil {
		return err
	}
	ledger, err := c.ledger(ctx, period)
	if err != nil {
		return err
	}
	found, err := c.compare(ctx, ledger)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(found)
	} else {
		err = tellReconciled(os.Stdout, &found)
	}
	if err == nil && !found.Equal {
		err = &negative{}
	}
	return err
}

// ledger reads Writ's own record.
func (c *spendReconcileCmd) ledger(ctx context.Context, p spend.Period) (*spend.Ledger, error) {
	dirs, err := logDirs(c.Audit, c.dataFlag)
	if err != nil {
		return nil, err
	}
	l := spend.NewLedger(p, bedrock.Embedded())
	for _, dir := range dirs {
		r, err := journal.OpenReader(dir)
		if err != nil {
			return nil, notThere(err, dir)
		}
		if err := r.Scan(ctx, 0, l.Add); err != nil {
			return nil, fmt.Errorf("reading the audit log in %s: %w", dir, err)
		}
		l.EndOfLog()
	}
	return l, nil
}

// compare reads AWS's side.
func (c *spendReconcileCmd) compare(ctx context.Context, l *spend.Ledger) (spend.Reconciliation, error) {
	if len(c.Billing) > 0 {
		b := spend.CompareBill(l)
		err := eachFile(ctx, c.Billing, b.Result(), func(r io.Reader, skip func(int64, string)) error {
			return spend.ReadBill(r, func(v spend.Charge) error { b.Add(v); return ctx.Err() }, skip)
		})
		return b.End(), err
	}
	b := spend.Compare(l)
	err := eachFile(ctx, c.Logs, b.Result(), func(r io.Reader, skip func(int64, string)) error {
		return spend.ReadInvocations(r, func(v spend.Invocation) error { b.Add(v); return ctx.Err() }, skip)
	})
	return b.End(), err
}

// eachFile reads every file below some paths. One that cannot be read to its end is
// noted as skipped, and none at all is an error.
func eachFile(ctx context.Context, paths []string, out *spend.Reconciliation, read func(io.Reader, func(int64, string)) error) error {
	files, err := spend.Files(paths)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("there are no files to compare with")
	}
	for _, name := range files {
		err := unpacked(name, func(r io.Reader) error {
			return read(r, func(line int64, reason string) {
				out.NoteSkipped(spend.Skipped{File: name, Line: line, Reason: reason})
			})
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			out.NoteSkipped(spend.Skipped{File: name, Reason: err.Error()})
		}
		out.Files++
	}
	return nil
}

func unpacked(name string, read func(io.Reader) error) (err error) {
	f, err := spend.OpenFile(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return read(f)
}

// listed differences of each sort in the text; --json has more.
const reconciledLines = 20

func tellReconciled(w io.Writer, r *spend.Reconciliation) error {
	verdict := "they differ"
	if r.Equal {
		verdict = "they are equal"
	}
	fmt.Fprintf(w, "Writ's record and AWS's %s, %s to %s: %s\n\n", r.Source, orDash(r.From), orDash(r.To), verdict)
	rows := [][]string{{"", "CALLS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "USD"}}
	for _, l := range []struct {
		name string
		sums spend.Sums
	}{{"Writ", r.Writ}, {"AWS", r.AWS}, {"only Writ", r.OnlyWrit}, {"beyond Writ", r.Beyond.Sums}, {"no request id", r.Nameless}} {
		rows = append(rows, sumsLine(l.name, l.sums))
	}
	if err := table(w, rows...); err != nil {
		return err
	}
	tellDetails(w, r)
	return nil
}

func sumsLine(name string, s spend.Sums) []string {
	out := []string{name}
	for _, n := range []int64{s.Calls, s.Input, s.Output, s.CacheRead, s.CacheWrite} {
		out = append(out, strconv.FormatInt(n, 10))
	}
	cost := spend.USD(s.CostMicroUSD)
	if s.Unpriced > 0 {
		cost += fmt.Sprintf(" and %d unpriced", s.Unpriced)
	}
	return append(out, cost)
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

func tellDetails(w io.Writer, r *spend.Reconciliation) {
	if r.Matched > 0 {
		fmt.Fprintf(w, "\n%d calls matched by request id, %d of them with other counts\n", r.Matched, r.DifferentCount)
	}
	for _, d := range r.Different[:min(len(r.Different), reconciledLines)] {
		fmt.Fprintf(w, "  %s of %s: Writ %d in %d out, AWS %d in %d out%s\n", d.RequestID, d.Identity, d.Writ.Input, d.Writ.Output, d.AWS.Input, d.AWS.Output, mark(d.Estimated, " (Writ's is estimated)"))
	}
	for _, s := range r.Beyond.By[:min(len(r.Beyond.By), reconciledLines)] {
		fmt.Fprintf(w, "  beyond Writ: %s, %d calls from %s to %s%s\n", orDash(s.Principal), s.Calls, s.First.Format(time.RFC3339), s.Last.Format(time.RFC3339), mark(s.Gateway, " (a role that Writ calls with)"))
	}
	for _, x := range r.Cells[:min(len(r.Cells), reconciledLines)] {
		fmt.Fprintf(w, "  %s %s %s %s: Writ %s USD, AWS %s USD\n", x.Day, x.Account, x.Region, orDash(x.Model), spend.USD(x.Writ.CostMicroUSD), spend.USD(x.AWS.CostMicroUSD))
	}
	if r.BilledMicroUSD != 0 {
		fmt.Fprintf(w, "the bill asks for %s USD\n", spend.USD(r.BilledMicroUSD))
	}
	if r.Elsewhere > 0 {
		fmt.Fprintf(w, "%d of Writ's calls are of operations that the logs do not hold\n", r.Elsewhere)
	}
	for _, s := range r.Skipped[:min(len(r.Skipped), reconciledLines)] {
		fmt.Fprintf(w, "  skipped: %s:%d: %s\n", s.File, s.Line, s.Reason)
	}
	if r.SkippedCount > 0 {
		fmt.Fprintf(w, "%d lines or files could not be read, and are not compared\n", r.SkippedCount)
	}
}

func mark(on bool, text string) string {
	if on {
		return text
	}
	return ""
}
