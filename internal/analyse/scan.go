package analyse

import (
	"context"
	"fmt"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// ScanOptions say what a scan takes for right.
type ScanOptions struct {
	Regions    []string // called; empty: the default one
	Approved   []string // ids of approved models, "family:<id>" or "provider:<id>"; empty: no list
	Residency  []string // regions that data may be processed in; empty: no rule
	Guardrail  bool     // a guardrail is mandatory
	NeedsEnd   bool     // rights must have an end
	Gateway    []string // ARNs of the gateway's roles, which are meant to invoke
	UnusedDays int      // days after which a right counts as unused; 0: 90
	Progress   func(done, total int, what string)
	Version    string // of Writ, for the report
	// NoRights leaves the rights themselves out, where a report has no place for
	// them: of a hundred accounts they are most of the work.
	NoRights bool
}

// rule is one thing that is looked for. Its find function yields findings and
// says, by its text, why the rule cannot be evaluated; empty: it could.
type rule struct {
	report.Rule
	find func(s *scan, yield func(report.Finding)) (notEvaluable string)
}

// rules are all rules, in the order of their ids.
func rules() []rule {
	return slices.Concat(wideRules, regionRules, guardrailRules, conditionRules, keyRules, accountRules, pathRules, workloadRules, useRules, controlRules)
}

// Rules are the rules as reports describe them.
func Rules() []report.Rule {
	var out []report.Rule
	for _, r := range rules() {
		out = append(out, r.Rule)
	}
	return out
}

// scan is what the rules look at.
type scan struct {
	*Analysis
	ctx    context.Context
	opts   ScanOptions
	matrix *Matrix
	index  map[*estate.Principal]int // row of the matrix
	shared subjects
}

// Scan decides the matrix, runs every rule on it and reports what they find. It
// does not flush the report.
func (a *Analysis) Scan(ctx context.Context, opts ScanOptions, h report.Handler) error {
	if err := a.understood(opts); err != nil {
		return err
	}
	all := a.Principals()
	m, err := a.Matrix(ctx, all, a.Targets(opts.Regions), func(done, total int) {
		if opts.Progress != nil {
			opts.Progress(done, total, "principals")
		}
	})
	if err != nil {
		return err
	}
	s := &scan{Analysis: a, ctx: ctx, opts: opts, matrix: m, index: map[*estate.Principal]int{}}
	for i, p := range all {
		s.index[p] = i
	}
	about, err := s.about()
	if err == nil {
		err = h.Config(about)
	}
	if err != nil {
		return err
	}
	for i, r := range rules() {
		if opts.Progress != nil {
			opts.Progress(i, len(rules()), r.ID)
		}
		if err := s.run(r, h); err != nil {
			return err
		}
	}
	return s.measures(h)
}

// understood reports options that mean nothing. A slip in one would leave a rule
// out, and a build would pass for it.
func (a *Analysis) understood(o ScanOptions) error {
	for _, entry := range o.Approved {
		if _, err := rights.ParseSelector(entry, a.Catalogue); err != nil {
			return fmt.Errorf("approved: %w", err)
		}
	}
	for _, region := range slices.Concat(o.Regions, o.Residency) {
		if !bedrock.ValidRegion(region) {
			return fmt.Errorf("%q is no region", region)
		}
	}
	for _, arn := range o.Gateway {
		if p, err := awsiam.ParsePrincipal(arn); err != nil || !p.Role() {
			return fmt.Errorf("the gateway's role %q is not the ARN of a role", arn)
		}
	}
	return nil
}

func (s *scan) run(r rule, h report.Handler) error {
	var failed error
	why := r.find(s, func(f report.Finding) {
		f.Rule = r.ID
		if f.Severity == "" {
			f.Severity = r.Severity
		}
		if err := h.Finding(f); err != nil && failed == nil {
			failed = fmt.Errorf("rule %s: %w", r.ID, err)
		}
	})
	if why != "" && failed == nil {
		failed = h.NotEvaluable(report.NotEvaluable{Rule: r.ID, Reason: why})
	}
	if failed == nil {
		failed = s.ctx.Err()
	}
	return failed
}

// about describes what the scan is about, and where the account stands: rights
// are advice until a chokepoint is proved (security S28).
func (s *scan) about() (report.Run, error) {
	run := report.Run{Tool: "Writ", Version: s.opts.Version, CatalogueVersion: s.Catalogue.Version(), At: stamp(s.Now), Principals: len(s.matrix.Principals), Accounts: len(s.Estate.Accounts)}
	for _, in := range s.Estate.Inputs {
		run.Inputs = append(run.Inputs, report.Input{File: in.File, Kind: in.Kind, Digest: "sha256:" + in.Digest})
	}
	for _, i := range s.Estate.Incomplete {
		if !slices.Contains(run.Incomplete, i.What) {
			run.Incomplete = append(run.Incomplete, i.What)
		}
	}
	status, err := s.standing()
	run.Advisory = status.Words()
	return run, err
}

// standing says whether a gateway is the only door. Without a gateway, whoever
// can invoke has a direct path.
func (s *scan) standing() (Status, error) {
	if len(s.opts.Gateway) > 0 {
		return s.Status(s.ctx, s.opts.Gateway)
	}
	status := Status{Dated: s.Now}
	for i := range s.matrix.Principals {
		if s.matrix.Any(i) {
			status.Open++
		}
	}
	return status, nil
}
