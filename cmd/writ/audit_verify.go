package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/auditlog"
)

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
