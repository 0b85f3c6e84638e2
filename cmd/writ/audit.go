package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Re-derive the whole log and compare."`
	Tail   auditTailCmd   `cmd:"" help:"Print records."`
	Prove  auditProveCmd  `cmd:"" help:"Print a proof for somebody who does not have the log."`
}

// logDirs finds the logs below a data directory, or the one that dir is.
func logDirs(arg string, flag dataFlag) ([]string, error) {
	if arg == "" {
		d, err := flag.dir()
		if err != nil {
			return nil, err
		}
		arg = string(d)
	}
	if _, err := os.Stat(filepath.Join(arg, auditlog.KeyPath)); err == nil {
		return []string{arg}, nil
	}
	shards, err := filepath.Glob(filepath.Join(arg, "log", "*"))
	if err != nil || len(shards) == 0 {
		return nil, withHint(fmt.Errorf("there is no audit log in %s", arg), "name a data directory, or a log directory within one")
	}
	return shards, nil
}

type auditVerifyCmd struct {
	dataFlag
	Dir   string   `arg:"" optional:"" help:"Data or log directory; also of a live server."`
	Key   []string `help:"Verifier key to trust, or a file with one; the directory's own otherwise." placeholder:"K"`
	Since string   `help:"Checkpoint kept elsewhere: the log must extend it." placeholder:"FILE"`
	JSON  bool     `help:"Print the report as JSON."`
}

func (c *auditVerifyCmd) Help() string {
	return `Derives the tree anew from the entries and compares every stored hash, signature
and record. Without --key or --since the log can only be found self-consistent:
whoever holds its key could have written it anew. A checkpoint kept elsewhere
(--since) anchors it.

Exit status 0: as found; 1: tampered, and where; 2: the check could not be made.`
}

func (c *auditVerifyCmd) Run(ctx context.Context) error {
	dirs, err := logDirs(c.Dir, c.dataFlag)
	if err != nil {
		return err
	}
	opts, err := c.options()
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		report, err := auditlog.Verify(ctx, os.DirFS(dir), opts)
		if err := c.tell(dir, report, err); err != nil {
			return err
		}
	}
	return nil
}

func (c *auditVerifyCmd) options() (auditlog.VerifyOptions, error) {
	var opts auditlog.VerifyOptions
	var verifiers []note.Verifier
	for _, k := range c.Key {
		if b, err := os.ReadFile(k); err == nil {
			k = string(b)
		}
		k = strings.TrimSpace(k)
		v, err := note.NewVerifier(k)
		if err != nil {
			return opts, withHint(fmt.Errorf("--key: %w", err), "a verifier key has the form name+hash+key; the file named key in a log directory holds one")
		}
		opts.Keys, verifiers = append(opts.Keys, k), append(verifiers, v)
	}
	if c.Since == "" {
		return opts, nil
	}
	b, err := os.ReadFile(c.Since)
	if err != nil {
		return opts, err
	}
	info, err := os.Stat(c.Since)
	if err != nil {
		return opts, err
	}
	if len(verifiers) == 0 {
		return opts, withHint(errors.New("--since without --key proves nothing"), "name the log's verifier key too: whoever rewrote the log may have replaced the one beside it")
	}
	kept, err := auditlog.ParseCheckpoint(b, verifiers...)
	if err != nil {
		return opts, fmt.Errorf("--since: %w", err)
	}
	opts.Since = &auditlog.Anchor{Name: filepath.Base(c.Since), At: info.ModTime(), Checkpoint: kept}
	return opts, nil
}

// contradictions are findings that no honest writer leaves behind.
var contradictions = []auditlog.FindingKind{auditlog.StrayOutcome, auditlog.UnmintedCredential}

// tell prints one log's verdict, and turns tampering into exit status 1.
func (c *auditVerifyCmd) tell(dir string, r auditlog.Report, failed error) error {
	var damage *auditlog.DamageError
	if failed != nil && !errors.As(failed, &damage) {
		return failed
	}
	verdict := r.Verdict()
	if damage != nil {
		verdict = "TAMPERED: " + damage.Error()
	}
	if c.JSON {
		out := struct {
			Dir     string `json:"dir"`
			Verdict string `json:"verdict"`
			auditlog.Report
		}{dir, verdict, r}
		if err := printJSON(out); err != nil {
			return err
		}
	} else {
		fmt.Printf("%s: %s\n", dir, verdict)
		if damage == nil {
			printReport(r)
		}
	}
	if damage != nil {
		return &negative{}
	}
	for _, k := range contradictions {
		if r.Counts[k] > 0 {
			return &negative{fmt.Sprintf("%d records contradict each other (%s)", r.Counts[k], k)}
		}
	}
	return nil
}

func printReport(r auditlog.Report) {
	fmt.Printf("  %d records of %s, root %s\n", r.Size, r.Origin, r.Root)
	if r.Size > 0 {
		fmt.Printf("  from %s to %s\n", r.First.Format(time.RFC3339), r.Last.Format(time.RFC3339))
	}
	for _, f := range r.Findings {
		fmt.Printf("  %s: record %d (%s) %s\n", f.Kind, f.Index, f.ID, f.Text)
	}
}

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
	return (c.ID == "" || r.ID == c.ID) &&
		(c.Kind == "" || string(r.Kind) == c.Kind) &&
		(c.Identity == "" || (r.Who != nil && r.Who.Identity == c.Identity)) &&
		(!c.Unknown || r.Kind == auditlog.KindIntent)
}

func (c *auditTailCmd) printLine(l line) {
	if c.JSON {
		fmt.Printf(`{"index":%d,"record":%s}`+"\n", l.index, l.entry)
		return
	}
	fmt.Printf("%6d  %s  %-15s %s\n", l.index, l.Time.Format(time.RFC3339), l.Kind, summary(&l.Record))
}

// summary is a record in one line.
func summary(r *auditlog.Record) string {
	switch {
	case r.Control != nil:
		return fmt.Sprintf("%s %s (%d changes)", r.Control.Actor, r.Control.Action, r.Control.ChangeCount)
	case r.Outcome != nil && r.Kind == auditlog.KindControlOutcome:
		return fmt.Sprintf("of %d: %s %s", r.Outcome.Intent, r.Outcome.Ended, r.Outcome.ErrorType)
	case r.Outcome != nil:
		tokens := "usage unknown"
		if r.Usage != nil && r.Usage.Source != "none" {
			tokens = fmt.Sprintf("%d tokens in, %d out", r.Usage.Input, r.Usage.Output)
		}
		return fmt.Sprintf("of %d: %s, status %d, %s, %d ms %s", r.Outcome.Intent, r.Outcome.Ended, r.Outcome.Status, tokens, r.Outcome.DurationMS, r.Outcome.ErrorType)
	case r.Preauth != nil:
		return fmt.Sprintf("%s from %s, %d times", r.Preauth.Reason, r.Preauth.Source, r.Preauth.Count)
	case r.Lifecycle != nil:
		return r.Lifecycle.Event
	case r.Kind == auditlog.KindMint:
		return fmt.Sprintf("%s by %s %s", r.Who.Identity, r.Proof.Kind, r.Proof.Subject)
	case r.Call != nil && r.Who != nil:
		return fmt.Sprintf("%s %s %s: %s (%s) %s", r.Who.Identity, r.Call.Operation, r.Call.ModelRequested, r.Decision.Decision, r.Decision.Code, strings.Join(r.Decision.Reasons, "; "))
	case r.Decision != nil:
		return r.Decision.Decision + " " + r.Decision.Code
	}
	return ""
}

type auditProveCmd struct {
	dataFlag
	Index *uint64 `arg:"" optional:"" help:"Record to prove the presence of."`
	Dir   string  `help:"Data or log directory." placeholder:"DIR"`
	Since string  `help:"Instead: prove that the log extends this checkpoint." placeholder:"FILE"`
	Entry bool    `help:"Print the record itself instead of its proof."`
}

func (c *auditProveCmd) Help() string {
	return `Prints a C2SP tlog-proof: whoever has the record, the proof and the log's verifier
key can check that the record is in the log, without the log. With --since it is a
proof that nothing before a checkpoint kept elsewhere was changed.`
}

func (c *auditProveCmd) Run() error {
	dirs, err := logDirs(c.Dir, c.dataFlag)
	if err != nil {
		return err
	}
	if len(dirs) != 1 {
		return withHint(errors.New("there are several logs"), "name one with --dir")
	}
	r, err := journal.OpenReader(dirs[0])
	if err != nil {
		return notThere(err, dirs[0])
	}
	switch {
	case c.Since != "":
		return c.consistency(r, dirs[0])
	case c.Index == nil:
		return withHint(errors.New("nothing to prove"), "name a record by its index, or a checkpoint with --since")
	case c.Entry:
		entry, err := r.Entry(*c.Index)
		if err == nil {
			_, err = os.Stdout.Write(append(entry, '\n'))
		}
		return err
	}
	p, err := auditlog.ProveInclusion(r, r.View.Head(), *c.Index)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(p.Marshal())
	return err
}

func (c *auditProveCmd) consistency(r *journal.Reader, dir string) error {
	b, err := os.ReadFile(c.Since)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(dir, auditlog.KeyPath))
	if err != nil {
		return err
	}
	v, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	older, err := auditlog.ParseCheckpoint(b, v)
	if err != nil {
		return err
	}
	p, err := auditlog.ProveConsistency(r, older, r.View.Head())
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(p.Marshal())
	return err
}

func notThere(err error, dir string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("there is no audit log in %s", dir), "name a data directory, or a log directory within one")
	}
	return err
}
