package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// iam is what the analysis of AWS rights takes, as kept in bench/results.
type iam struct {
	occasion
	Rounds     int          `json:"rounds"`
	Principals int          `json:"principals"` // of the one account
	Size       float64      `json:"account_mb"`
	Notes      []string     `json:"notes,omitempty"` // what was left out, and why
	WhoCan     []iamTarget  `json:"who_can,omitempty"`
	Matrix     []iamTarget  `json:"matrix,omitempty"`
	Compare    []comparing  `json:"compare,omitempty"`
	Certified  []certifying `json:"certificates,omitempty"`
	Estate     *estateRun   `json:"accounts,omitempty"`
}

// iamTarget is one program's answer to a question, as a process of its own.
type iamTarget struct {
	Name   string  `json:"name"`
	Median usage   `json:"median"`
	Rounds []usage `json:"rounds"`
	Found  int     `json:"found"` // principals, or cells, that can
	// Missing is what Writ finds and this does not; More the reverse.
	Missing int `json:"missing"`
	More    int `json:"more"`
	Chained int `json:"chained,omitempty"` // beside Found: those that can by assuming roles
	Cells   int `json:"cells,omitempty"`
}

// estateRun is what many accounts take.
type estateRun struct {
	Accounts   int         `json:"accounts"`
	Principals int         `json:"principals"` // of each
	Size       float64     `json:"mb"`
	Targets    []iamTarget `json:"commands"`
}

// The sizes of what is asked about.
const (
	iamPrincipals  = 5000
	iamShort       = 500
	estateAccounts = 100
	estateShort    = 5
	estateEach     = 1000
	estateRounds   = 3
	peerRounds     = 3 // it takes so long that one slow moment is not all of a round
	askedModel     = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0"
	naiveName      = "naive"
	peerName       = "iam-simulate"
)

// The parts of a run, for -only.
const (
	whoCanPart  = "who-can"
	matrixPart  = "matrix"
	comparePart = "compare"
	estatePart  = "accounts"
)

// iamRole is the first argument of a process that measures a part, or is
// measured.
const iamRole = "iam-"

// serveIAM plays a role of the measurement.
func serveIAM(args []string) error {
	switch {
	case args[0] == iamRole+"naive" && len(args) == 3:
		return naiveWhoCan(args[1], args[2])
	case args[0] == iamRole+"naive-matrix" && len(args) == 4:
		return naiveMatrix(args[1], args[2], args[3])
	case args[0] == iamRole+"matrix" && len(args) == 4:
		return writMatrix(args[1], args[2], args[3])
	case args[0] == iamRole+"algebra" && len(args) == 3:
		return writAlgebra(args[1], args[2])
	}
	return fmt.Errorf("no role %s", strings.Join(args, " "))
}

// iamRun is a measurement under way.
type iamRun struct {
	*bench
	out          *iam
	account, scp string // files
}

func measureIAM(ctx context.Context, s settings) (_ *iam, err error) {
	b, err := newBench(s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	r := &iamRun{bench: b, account: filepath.Join(b.dir, "account.json"), scp: filepath.Join(b.dir, "scp.json")}
	r.out = &iam{occasion: b.occasion, Rounds: s.Rounds, Principals: iamPrincipals}
	if s.Short {
		r.out.Principals = iamShort
	}
	size, err := madeAccount{0, r.out.Principals}.save(r.account)
	if err != nil {
		return nil, err
	}
	r.out.Size = float64(size) / 1e6
	if err := os.WriteFile(r.scp, []byte(regionPolicy), 0o644); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{whoCanPart, r.whoCan}, {matrixPart, r.matrix}, {comparePart, r.compare}, {estatePart, r.estate}} {
		if !s.Only.MatchString(part.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "measuring %s …\n", part.name)
		if err := part.run(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return r.out, nil
}

// contender is one program that is measured.
type contender struct {
	name   string
	argv   []string
	status int // the exit status, besides 0, that is no failure
	most   int // rounds that it takes part in; 0: all
	// after looks at what a round printed.
	after func(t *iamTarget, u *usage, stdout []byte) error
}

// rounds measures contenders in turn. Each round begins with another, so that a
// slow moment of the machine meets all of them.
func (r *iamRun) rounds(ctx context.Context, n int, all []contender) ([]iamTarget, error) {
	out := make([]iamTarget, len(all))
	for i, c := range all {
		out[i].Name = c.name
	}
	for round := range n {
		for i := range all {
			i = (i + round) % len(all)
			c := all[i]
			if c.most > 0 && round >= c.most {
				continue
			}
			u, stdout, err := runOnce(ctx, c.status, c.argv...)
			if err == nil && c.after != nil {
				err = c.after(&out[i], &u, stdout)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			out[i].Rounds = append(out[i].Rounds, u)
		}
	}
	for i := range out {
		out[i].Median = medianUsage(out[i].Rounds)
	}
	return out, nil
}

// whoCan asks one account about one model.
func (r *iamRun) whoCan(ctx context.Context) error {
	found := map[string][]string{}
	keep := func(read func([]byte) ([]string, int, error)) func(*iamTarget, *usage, []byte) error {
		return func(t *iamTarget, _ *usage, stdout []byte) (err error) {
			var names []string
			names, t.Chained, err = read(stdout)
			if t.Found = len(names); t.Found == 0 && err == nil {
				err = errors.New("nobody can")
			}
			slices.Sort(names)
			found[t.Name] = names
			return err
		}
	}
	all := []contender{
		{name: writName, argv: []string{r.binary, "iam", "who-can", "--account", r.account, "--scp", r.scp, "--resource", askedModel, "--json"}, after: keep(holders)},
		{name: naiveName, argv: []string{r.self, iamRole + "naive", r.account, askedModel}, after: keep(lines)},
	}
	script, why := r.peer(ctx)
	if why == "" {
		all = append(all, contender{name: peerName, most: peerRounds, argv: []string{"node", script, r.account, r.scp, invoke[0], askedModel}, after: keep(lines)})
	} else {
		r.out.Notes = append(r.out.Notes, "Without "+peerName+": "+why)
	}
	targets, err := r.rounds(ctx, r.settings.Rounds, all)
	for i := range targets {
		t := &targets[i]
		t.Missing, t.More = differences(found[writName], found[t.Name])
	}
	r.out.WhoCan = targets
	return err
}

// holders reads what `writ iam who-can --json` prints: those that can
// themselves, and how many can by a chain of roles.
func holders(stdout []byte) (own []string, chained int, err error) {
	for d := json.NewDecoder(bytes.NewReader(stdout)); d.More(); {
		var one struct {
			Principal string
			Hops      int
		}
		if err := d.Decode(&one); err != nil {
			return nil, 0, fmt.Errorf("reading who-can: %w", err)
		}
		if one.Hops > 0 {
			chained++
		} else {
			own = append(own, one.Principal)
		}
	}
	return own, chained, nil
}

func lines(stdout []byte) ([]string, int, error) { return strings.Fields(string(stdout)), 0, nil }

// differences counts what only one of two sorted lists has.
func differences(a, b []string) (onlyA, onlyB int) {
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); !ok {
			onlyA++
		}
	}
	return onlyA, onlyA + len(b) - len(a)
}

// matrix decides every principal's right to every model and profile.
func (r *iamRun) matrix(ctx context.Context) error {
	cells, err := matrixCells(madeAccount{}.id())
	if err != nil {
		return err
	}
	text, err := json.Marshal(cells)
	if err != nil {
		return err
	}
	path := filepath.Join(r.dir, "cells.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	answers := func(name string) string { return filepath.Join(r.dir, "matrix-"+name) }
	report := func(t *iamTarget, u *usage, stdout []byte) error {
		var m matrixReport
		if err := json.Unmarshal(stdout, &m); err != nil {
			return fmt.Errorf("reading the matrix: %w", err)
		}
		u.Load, u.Decide, t.Cells, t.Found = m.Load, m.Decide, m.Cells, m.Can
		return nil
	}
	r.out.Matrix, err = r.rounds(ctx, r.settings.Rounds, []contender{
		{name: writName, argv: []string{r.self, iamRole + "matrix", r.account, r.scp, answers(writName)}, after: report},
		{name: naiveName, argv: []string{r.self, iamRole + "naive-matrix", r.account, path, answers(naiveName)}, after: report},
	})
	if err != nil {
		return err
	}
	n := &r.out.Matrix[1]
	n.Missing, n.More, err = compareMatrices(answers(writName), answers(naiveName))
	return err
}

// compare compares policies and makes certificates, in a process of its own.
func (r *iamRun) compare(ctx context.Context) error {
	pairs := comparedPairs
	if r.settings.Short {
		pairs = comparedPairs / 10
	}
	_, stdout, err := runOnce(ctx, 0, r.self, iamRole+"algebra", fmt.Sprint(r.settings.Rounds), fmt.Sprint(pairs))
	if err != nil {
		return err
	}
	var a algebraReport
	if err := json.Unmarshal(stdout, &a); err != nil {
		return fmt.Errorf("reading the comparisons: %w", err)
	}
	r.out.Compare, r.out.Certified = a.Compare, a.Certificates
	return nil
}

// estate asks and scans many accounts at once.
func (r *iamRun) estate(ctx context.Context) error {
	e := &estateRun{Accounts: estateAccounts, Principals: estateEach}
	n := min(r.settings.Rounds, estateRounds)
	if r.settings.Short {
		e.Accounts = estateShort
	}
	dir, report := filepath.Join(r.dir, "accounts"), filepath.Join(r.dir, "report.json")
	size, err := writeAccounts(dir, e.Accounts, e.Principals)
	if err != nil {
		return err
	}
	e.Size = float64(size) / 1e6
	count := func(t *iamTarget, _ *usage, stdout []byte) error {
		own, chained, err := holders(stdout)
		t.Found, t.Chained = len(own), chained
		return err
	}
	written := func(t *iamTarget, u *usage, _ []byte) error {
		info, err := os.Stat(report)
		if err == nil {
			u.Output = float64(info.Size()) / 1e6
			t.Found, err = countFindings(report)
		}
		return err
	}
	e.Targets, err = r.rounds(ctx, n, []contender{
		{name: "writ iam who-can", argv: []string{r.binary, "iam", "who-can", "--account", dir, "--scp", r.scp, "--resource", askedModel, "--json"}, after: count},
		{name: "writ iam scan", argv: []string{r.binary, "iam", "scan", "--account", dir, "--scp", r.scp, "--format", "json", "-o", report}, status: 1, after: written},
	})
	r.out.Estate = e
	return err
}

// countFindings counts the lines of a JSON report that begin a finding, without
// holding it.
func countFindings(path string) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	begins := true
	for in := bufio.NewReaderSize(f, 1<<16); ; {
		line, more, err := in.ReadLine()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if begins && bytes.HasPrefix(line, []byte(`{"rule":`)) && bytes.Contains(line, []byte(`"severity":`)) {
			n++
		}
		begins = !more
	}
}
