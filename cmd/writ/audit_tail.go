package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
)

type auditTailCmd struct {
	dataFlag
	Dir      string `arg:"" optional:"" help:"Data or log directory; also of a live server."`
	Unknown  bool   `help:"Only calls whose outcome is unknown: intents without one."`
	ID       string `help:"Only records of this decision." placeholder:"ID"`
	Identity string `help:"Only records of this identity." placeholder:"ID"`
	Kind     string `help:"Only records of this kind: intent, outcome, refusal, mint, control, …" placeholder:"K"`
	Lines    uint64 `short:"n" default:"20" help:"The last N that match; 0: all."`
	Follow   bool   `short:"f" help:"Go on as records come."`
	JSON     bool   `help:"Print records as they are logged, one per line, with their index."`
}

func (c *auditTailCmd) Run(ctx context.Context) error {
	dirs, err := logDirs(c.Dir, c.dataFlag)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		next, err := c.print(ctx, dir, 0, c.Lines)
		if err != nil {
			return err
		}
		for c.Follow && ctx.Err() == nil {
			time.Sleep(500 * time.Millisecond)
			if next, err = c.print(ctx, dir, next, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// line is one record to print.
type line struct {
	index uint64
	entry []byte
	auditlog.Record
}

// print prints what matches from an index on, at most the last n, and returns
// where to go on.
func (c *auditTailCmd) print(ctx context.Context, dir string, from, n uint64) (uint64, error) {
	r, err := journal.OpenReader(dir)
	if err != nil {
		return from, notThere(err, dir)
	}
	var lines []line
	open := make(map[uint64]bool)
	err = r.Scan(ctx, from, func(index uint64, entry []byte) error {
		rec, err := auditlog.ParseRecord(entry)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		switch rec.Kind {
		case auditlog.KindIntent:
			open[index] = true
		case auditlog.KindOutcome:
			delete(open, rec.Outcome.Intent)
		}
		if c.matches(rec) {
			lines = append(lines, line{index, entry, *rec})
		}
		if n > 0 && !c.Unknown && uint64(len(lines)) > 2*n {
			lines = append(lines[:0], lines[uint64(len(lines))-n:]...)
		}
		return nil
	})
	if err != nil {
		return from, err
	}
	if c.Unknown {
		lines = keep(lines, func(l line) bool { return open[l.index] })
	}
	if n > 0 && uint64(len(lines)) > n {
		lines = lines[uint64(len(lines))-n:]
	}
	for _, l := range lines {
		c.printLine(l)
	}
	return r.Head().Size, nil
}

func keep(lines []line, want func(line) bool) []line {
	out := lines[:0]
	for _, l := range lines {
		if want(l) {
			out = append(out, l)
		}
	}
	return out
}

func (c *auditTailCmd) matches(r *auditlog.Record) bool {
	sampled := r.Preauth != nil && slices.Contains(r.Preauth.Samples, c.ID)
	return (c.ID == "" || r.ID == c.ID || sampled) &&
		(c.Kind == "" || string(r.Kind) == c.Kind) &&
		(c.Identity == "" || (r.Who != nil && r.Who.Identity == c.Identity)) &&
		(!c.Unknown || r.Kind == auditlog.KindIntent)
}

func (c *auditTailCmd) printLine(l line) {
	if c.JSON {
		fmt.Printf(`{"index":%d,"record":%s}`+"\n", l.index, l.entry)
		return
	}
	fmt.Printf("%6d  %s  %-15s %s%s\n", l.index, l.Time.Format(time.RFC3339), l.Kind, summary(&l.Record), held(dataOf(&l.Record)))
	if c.ID != "" {
		printFound(dataOf(&l.Record))
	}
}

// dataOf is what was found in the prompt of a call, or in the answer that an
// outcome is of; nil when nothing is said of it.
func dataOf(r *auditlog.Record) *auditlog.Data {
	if r.Outcome != nil {
		return r.Outcome.Output
	}
	return r.Data
}

// held says which classes of data there were, and how often.
func held(d *auditlog.Data) string {
	if d == nil {
		return ""
	}
	var what []string
	for _, class := range d.Classes {
		what = append(what, fmt.Sprintf("%s×%d", class, max(d.Counts[class], 1)))
	}
	for _, reason := range d.Unscanned {
		what = append(what, "unscanned:"+reason)
	}
	if d.Redacted > 0 {
		what = append(what, fmt.Sprintf("%d redacted", d.Redacted))
	}
	if len(what) == 0 {
		return ""
	}
	return " [" + strings.Join(what, ", ") + "]"
}

// printFound says what was found and where, which is all that is recorded.
func printFound(d *auditlog.Data) {
	if d == nil {
		return
	}
	for _, f := range d.Findings {
		fmt.Printf("        found %s in %s, bytes %d–%d, score %d\n", f.Entity, f.Where, f.Start, f.End, f.Score)
	}
}

// summary is a record in one line.
func summary(r *auditlog.Record) string {
	switch {
	case r.Control != nil:
		return fmt.Sprintf("%s %s (%d changes)", r.Control.Actor, r.Control.Action, r.Control.ChangeCount)
	case r.Outcome != nil && r.Kind == auditlog.KindControlOutcome:
		return fmt.Sprintf("of %d: %s %s", r.Outcome.Intent, r.Outcome.Ended, r.Outcome.ErrorType)
	case r.Outcome != nil:
		return fmt.Sprintf("of %d: %s, status %d, %s, %d ms %s", r.Outcome.Intent, r.Outcome.Ended, r.Outcome.Status, used(r.Usage), r.Outcome.DurationMS, r.Outcome.ErrorType)
	case r.Preauth != nil:
		return fmt.Sprintf("%s from %s, %d times", r.Preauth.Reason, r.Preauth.Source, r.Preauth.Count)
	case r.Lifecycle != nil:
		return r.Lifecycle.Event
	case r.Kind == auditlog.KindMint:
		return fmt.Sprintf("%s by %s %s", r.Who.Identity, r.Proof.Kind, r.Proof.Subject)
	case r.Call != nil && r.Who != nil:
		return fmt.Sprintf("%s %s %s: %s (%s) %s", r.Who.Identity, r.Call.Operation, whereto(r), r.Decision.Decision, r.Decision.Code, strings.Join(r.Decision.Reasons, "; "))
	case r.Decision != nil:
		return r.Decision.Decision + " " + r.Decision.Code
	}
	return ""
}

// used is what a call consumed.
func used(u *auditlog.Usage) string {
	switch {
	case u == nil || u.Source == "none" && (u.CostMicroUSD == nil || *u.CostMicroUSD != 0):
		return "usage unknown"
	case u.Source == "none":
		return "free of charge"
	}
	return fmt.Sprintf("%d tokens in, %d out", u.Input, u.Output)
}

// whereto is what a call names: its model, or the guardrail of one without.
func whereto(r *auditlog.Record) string {
	if r.Call.ModelRequested == "" && r.Request != nil && r.Request.Guardrail != "" {
		return "guardrail " + r.Request.Guardrail
	}
	return r.Call.ModelRequested
}
