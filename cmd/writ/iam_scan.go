package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

type iamScanCmd struct {
	iamInput
	Format      string   `help:"text, json, sarif, csv or html." enum:"text,json,sarif,csv,html" default:"text"`
	Output      string   `short:"o" help:"Write the report to a file instead of stdout." placeholder:"FILE"`
	FailOn      string   `help:"Exit status 1 if a finding is at least as severe: info, low, medium, high or critical." enum:"info,low,medium,high,critical" default:"high"`
	Baseline    string   `help:"JSON report of an earlier scan: findings that it has are left out." placeholder:"FILE"`
	Used        []string `help:"Used rights, JSON lines: what the logs say was invoked." placeholder:"FILE"`
	Credentials []string `help:"Credential report, and outputs of list-access-keys and list-service-specific-credentials." placeholder:"FILE"`
	Bedrock     []string `help:"Agents, flows, knowledge bases and their roles, from the Bedrock APIs." placeholder:"FILE"`

	Region           []string `help:"Region that models are called in; may be repeated." default:"us-east-1" placeholder:"R"`
	Approved         []string `help:"Approved model or profile, family:ID or provider:ID." placeholder:"ID"`
	Residency        []string `help:"Region that data may be processed in." placeholder:"R"`
	RequireGuardrail bool     `help:"A guardrail is mandatory on every invocation."`
	RequireEnd       bool     `help:"Every right must have an end."`
	GatewayRole      []string `help:"Role of the gateway, which is meant to invoke." placeholder:"ARN"`
	UnusedDays       int      `help:"After how many days a right counts as unused." default:"90"`
	Colour           string   `name:"color" help:"auto, always or never." enum:"auto,always,never" default:"auto"`
}

func (c *iamScanCmd) Help() string {
	return `Looks for rights to invoke that are too wide, unguarded, shared, forgotten or
reachable by a detour, on what is effective after SCPs, boundaries and denies:

  aws iam get-account-authorization-details > account.json
  writ iam scan --account account.json
  writ iam scan --account account.json --format html -o report.html

Every finding names the statements it stands on and a request that shows it. A
rule whose input was not given is not evaluable, and says what it needs. Exit
status 0: no finding at or above --fail-on; 1: some; 2: it could not be done.`
}

func (c *iamScanCmd) Run(ctx context.Context) error {
	known, err := c.baseline()
	if err != nil {
		return err
	}
	a, err := c.load(ctx, func(s *estate.Sources) { s.Used, s.Credentials, s.Bedrock = c.Used, c.Credentials, c.Bedrock })
	if err != nil {
		return err
	}
	out, done, err := c.output()
	if err != nil {
		return err
	}
	counted := &counting{Handler: c.renderer(out), at: report.Severity(c.FailOn)}
	var h report.Handler = counted
	if known != nil {
		h = report.Baseline(counted, known)
	}
	if err := c.scan(ctx, a, h); err != nil {
		return err
	}
	if err := done(); err != nil {
		return err
	}
	if counted.found > 0 {
		return &negative{}
	}
	return nil
}

func (c *iamScanCmd) scan(ctx context.Context, a *analyse.Analysis, h report.Handler) error {
	p := newProgress("deciding")
	opts := analyse.ScanOptions{Regions: c.Region, Approved: c.Approved, Residency: c.Residency, Guardrail: c.RequireGuardrail, NeedsEnd: c.RequireEnd,
		Gateway: c.GatewayRole, UnusedDays: c.UnusedDays, Version: version(), NoRights: c.Format == "csv" || c.Format == "sarif", Progress: func(done, total int, what string) { p.say("%s: %d of %d", what, done, total) }}
	if err := a.Scan(ctx, opts, h); err != nil {
		return err
	}
	p.done()
	return h.Flush()
}

func (c *iamScanCmd) baseline() (map[string]bool, error) {
	if c.Baseline == "" {
		return nil, nil
	}
	f, err := openFile(c.Baseline)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	known, err := report.ReadBaseline(f)
	if err != nil {
		return nil, withHint(fmt.Errorf("--baseline: %w", err), "writ iam scan --format json -o baseline.json makes one")
	}
	return known, nil
}

// output is where the report goes, and what finishes it. A file is opened before
// the work, and what it held is replaced only by a report.
func (c *iamScanCmd) output() (io.Writer, func() error, error) {
	if c.Output == "" || c.Output == "-" {
		return os.Stdout, func() error { return nil }, nil
	}
	f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, err
	}
	return &replacing{file: f}, func() error {
		err := f.Close()
		if err == nil {
			fmt.Fprintln(os.Stderr, "wrote", c.Output)
		}
		return err
	}, nil
}

// replacing keeps what a file holds until the first byte of what replaces it.
type replacing struct {
	file  *os.File
	begun bool
}

func (r *replacing) Write(b []byte) (int, error) {
	if !r.begun {
		r.begun = true
		if info, err := r.file.Stat(); err == nil && info.Mode().IsRegular() {
			if err := r.file.Truncate(0); err != nil {
				return 0, err
			}
		}
	}
	return r.file.Write(b)
}

func (c *iamScanCmd) renderer(w io.Writer) report.Handler {
	rules := analyse.Rules()
	switch c.Format {
	case "json":
		return report.JSON(w)
	case "sarif":
		return report.SARIF(w, rules)
	case "csv":
		return report.CSV(w)
	case "html":
		return report.HTML(w, rules)
	}
	colour := c.Colour == "always" || c.Colour == "auto" && c.Output == "" && terminal(os.Stdout) && os.Getenv("NO_COLOR") == ""
	return report.Text(w, rules, report.TextOptions{Width: width(), Color: colour})
}

// counting counts the findings that decide the exit status.
type counting struct {
	report.Handler
	at    report.Severity
	found int
}

func (c *counting) Finding(f report.Finding) error {
	if f.Suppressed == "" && f.Severity.Rank() >= c.at.Rank() {
		c.found++
	}
	return c.Handler.Finding(f)
}

type iamWhatCanCmd struct {
	iamInput
	Principal string   `required:"" help:"ARN, or role/NAME." placeholder:"ARN"`
	Region    []string `help:"Region that models are called in; may be repeated." default:"us-east-1" placeholder:"R"`
	JSON      bool     `help:"Print JSON, one object a line."`
}

func (c *iamWhatCanCmd) Help() string {
	return `Lists every model and inference profile of the catalogue that a principal can
invoke, each as a whole invocation with all its legs.

  writ iam what-can --account account.json --principal role/support-agent

Exit status 0: it can invoke some; 1: none.`
}

func (c *iamWhatCanCmd) Run(ctx context.Context) error {
	a, err := c.load(ctx, nil)
	if err != nil {
		return err
	}
	p, err := findPrincipal(a, c.Principal)
	if err != nil {
		return err
	}
	rows, err := a.WhatCan(ctx, p, a.Targets(c.Region))
	if err != nil {
		return err
	}
	lines := [][]string{}
	for _, r := range rows {
		if c.JSON {
			if err := printJSON(r); err != nil {
				return err
			}
			continue
		}
		lines = append(lines, []string{string(r.Decision), r.Target, r.Region, r.Action, r.Condition})
	}
	if !c.JSON {
		tell(a.Estate.Problems)
		lines = slices.Insert(lines, 0, []string{"DECISION", "TARGET", "REGION", "ACTION", "WHEN"})
		if err := table(os.Stdout, lines...); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		return &negative{}
	}
	return nil
}
