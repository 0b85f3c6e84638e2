package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// gathered is the stream so far: what every renderer keeps until Flush.
type gathered struct {
	run      Run
	findings []Finding
	rights   rightTable
	missing  []NotEvaluable
	measures []Measure
}

func (g *gathered) Config(r Run) error {
	if r.Tool == "" {
		r.Tool = "Writ"
	}
	g.run = r
	return nil
}

// Progress is not part of a report.
func (g *gathered) Progress(string) error { return nil }

func (g *gathered) Finding(f Finding) error {
	if err := wellFormed(f); err != nil {
		return fmt.Errorf("reporting a finding of rule %q: %w", f.Rule, err)
	}
	if f.Fingerprint == "" {
		f.Fingerprint = Fingerprint(f)
	}
	g.findings = append(g.findings, f)
	return nil
}

func (g *gathered) Right(r Right) error { g.rights.add(r); return nil }

func (g *gathered) NotEvaluable(n NotEvaluable) error {
	g.missing = append(g.missing, n)
	return nil
}

func (g *gathered) Measure(m Measure) error {
	g.measures = append(g.measures, m)
	return nil
}

// wellFormed refuses what no renderer could write down.
func wellFormed(f Finding) error {
	if f.Rule == "" || f.Severity.Rank() == 0 {
		return fmt.Errorf("severity %q, title %q: a rule and a known severity are required", f.Severity, f.Title)
	}
	raws := []json.RawMessage{f.Witness}
	if f.Proposal != nil {
		raws = append(raws, f.Proposal.Policy)
	}
	for _, s := range f.Statements {
		raws = append(raws, s.Text)
	}
	for _, h := range f.Path {
		for _, s := range h.Statements {
			raws = append(raws, s.Text)
		}
	}
	for _, raw := range raws {
		if len(raw) > 0 && !json.Valid(raw) {
			return fmt.Errorf("%.40q is not JSON", raw)
		}
	}
	return nil
}

// sort puts everything into the order of every report. Measures keep theirs:
// the analyser puts the headline first.
func (g *gathered) sort() {
	slices.SortFunc(g.findings, compareFindings)
	slices.SortFunc(g.missing, func(a, b NotEvaluable) int {
		return cmp.Or(strings.Compare(a.Rule, b.Rule), strings.Compare(a.Reason, b.Reason), strings.Compare(a.Input, b.Input))
	})
	slices.SortFunc(g.run.Inputs, func(a, b Input) int {
		return cmp.Or(strings.Compare(a.File, b.File), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Digest, b.Digest))
	})
	g.run.Incomplete = slices.Compact(slices.Sorted(slices.Values(g.run.Incomplete)))
	g.rights.sort()
}

// plain is everything but the rights, sorted, as it may be shown.
func (g *gathered) plain() {
	g.sort()
	g.run = shown(g.run)
	g.findings = shown(g.findings)
	g.missing = shown(g.missing)
	g.measures = shown(g.measures)
	for i, w := range g.rights.words {
		g.rights.words[i] = plain(w)
	}
}

// compareFindings orders by severity, rule, principal and then whatever else
// differs, so that no order of arrival shows.
func compareFindings(a, b Finding) int {
	if c := cmp.Or(
		cmp.Compare(b.Severity.Rank(), a.Severity.Rank()),
		strings.Compare(a.Rule, b.Rule),
		strings.Compare(a.Account, b.Account),
		strings.Compare(a.Principal, b.Principal),
		strings.Compare(a.Resource, b.Resource),
		strings.Compare(a.Title, b.Title),
		strings.Compare(a.Fingerprint, b.Fingerprint),
	); c != 0 {
		return c
	}
	return bytes.Compare(asJSON(a), asJSON(b))
}

// asJSON is a message as JSON without escapes for HTML; every message has one,
// since raw parts were checked when they came.
func asJSON(message any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(message); err != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
