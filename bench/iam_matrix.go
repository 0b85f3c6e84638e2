package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// matrixCell is one column of the matrix, with the checks that AWS makes for it.
type matrixCell struct {
	Target, Action string
	Legs           []matrixLeg
}

type matrixLeg struct{ Action, Resource string }

// everyTarget is every model and profile of the catalogue, once: models as
// called in us-east-1, profiles in the first region that they can be called in.
// A profile of which the catalogue does not know where it routes to has to be
// asked about by its ARN, in the caller's account.
func everyTarget(c *bedrock.Catalogue, account string) (out []analyse.Target) {
	const usual = "us-east-1"
	for _, m := range c.Models() {
		out = append(out, analyse.Target{ID: m.ID, Region: usual, Family: m.Family, Model: m.ID})
	}
	for _, p := range c.Profiles() {
		t := analyse.Target{ID: p.ID, Profile: true, Region: usual, Model: p.Model}
		switch {
		case len(p.Destinations) > 0 && len(p.Destinations[usual]) == 0:
			t.Region = slices.Min(slices.Collect(maps.Keys(p.Destinations)))
		case len(p.Destinations) == 0 && !p.Global:
			t.ID = "arn:aws:bedrock:" + usual + ":" + account + ":inference-profile/" + p.ID
		}
		out = append(out, t)
	}
	return out
}

// matrixCells are the columns for the callers of an account: by target, then by
// action, as analyse.Matrix has them.
func matrixCells(account string) ([]matrixCell, error) {
	a := analyse.New(analyse.Config{Estate: &estate.Estate{}, Catalogue: bedrock.Embedded(), Now: time.Now()})
	var out []matrixCell
	for _, t := range everyTarget(a.Catalogue, account) {
		for _, action := range rights.InvokeActions {
			checks, err := a.Checks(analyse.Question{Action: action, Resource: t.ID, Region: t.Region}, account)
			if err != nil {
				return nil, err
			}
			c := matrixCell{Target: t.ID, Action: action}
			for _, k := range checks.List {
				c.Legs = append(c.Legs, matrixLeg{k.Action, k.Resource})
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// writMatrix is a role: it decides every cell as `writ iam scan` does, and
// leaves the answers in a file.
func writMatrix(account, scp, answers string) error {
	ctx := context.Background()
	began := time.Now()
	e, err := estate.Load(ctx, estate.Sources{Accounts: []string{account}, SCPs: []string{scp}})
	if err != nil {
		return err
	}
	loaded := time.Since(began)
	began = time.Now()
	a := analyse.New(analyse.Config{Estate: e, Now: time.Now()})
	m, err := a.Matrix(ctx, a.Principals(), everyTarget(a.Catalogue, madeAccount{}.id()), nil)
	if err != nil {
		return err
	}
	decided := time.Since(began)
	verdicts := map[string][]byte{}
	for i, p := range m.Principals {
		var row []byte
		for j := range m.Targets {
			for k := range m.Actions {
				row = append(row, verdictOf(m.At(i, j, k)))
			}
		}
		verdicts[p.ARN] = row
	}
	return finishMatrix(answers, verdicts, loaded, decided)
}

func verdictOf(c analyse.Cell) byte {
	if c.Can() {
		return '1'
	}
	return '0'
}

// matrixReport is what a role that decided a matrix prints.
type matrixReport struct {
	Load   float64 `json:"load_s"`
	Decide float64 `json:"decide_s"`
	Cells  int     `json:"cells"`
	Can    int     `json:"can"` // cells that are not denied
}

// finishMatrix writes a line for each principal, a digit for each cell, and the
// report.
func finishMatrix(path string, verdicts map[string][]byte, loaded, decided time.Duration) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := matrixReport{Load: loaded.Seconds(), Decide: decided.Seconds()}
	out := bufio.NewWriter(f)
	for _, arn := range slices.Sorted(maps.Keys(verdicts)) {
		fmt.Fprintf(out, "%s %s\n", arn, verdicts[arn])
		r.Cells += len(verdicts[arn])
		r.Can += bytes.Count(verdicts[arn], []byte("1"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// compareMatrices counts the cells that one can and the other cannot.
func compareMatrices(writ, other string) (missing, more int, err error) {
	a, err := os.ReadFile(writ)
	if err != nil {
		return 0, 0, err
	}
	b, err := os.ReadFile(other)
	if err != nil {
		return 0, 0, err
	}
	if len(a) != len(b) {
		return 0, 0, fmt.Errorf("%s and %s are not of the same principals and cells", writ, other)
	}
	for i := range a {
		switch {
		case a[i] == b[i]:
		case a[i] == '1' && b[i] == '0':
			missing++
		case a[i] == '0' && b[i] == '1':
			more++
		default:
			return 0, 0, fmt.Errorf("%s and %s are not of the same principals and cells", writ, other)
		}
	}
	return missing, more, nil
}
