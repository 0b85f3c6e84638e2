package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
)

type identityImportCmd struct {
	dataFlag
	iamInput
	Files  []string `arg:"" optional:"" help:"Files of identities: .csv with a header row, .yaml as for apply, or - for CSV on standard input." placeholder:"FILE"`
	Region []string `help:"Regions in which the account is asked about. Default: us-east-1." placeholder:"R"`
	DryRun bool     `help:"Say what would change, and change nothing."`
	Print  bool     `help:"Print the rows as CSV, and ask no server: to look at, complete and import."`
	JSON   bool     `help:"Print JSON."`
}

func (c *identityImportCmd) Help() string {
	return `From files, identities enter as claimed when they name a sponsor, and as discovered
when they do not. With --account, the users and roles that can invoke a model enter
as discovered; what they are is a guess, and the report says so:

  aws iam get-account-authorization-details > account.json
  writ identity import --account account.json --dry-run
  writ identity import identities.csv

The columns of a .csv are name, kind, environment, team, purposes, sponsor, owner,
deputy, tags, shared, principals, maxSession; lists have semicolons between.

An identity that is there, by its name or by an AWS principal, is never given more:
kind, environment, team, purposes and maxSession stay, and are for writ apply.
Exit status 1: some rows cannot be imported, and none was.`
}

func (c *identityImportCmd) Run(ctx context.Context) error {
	order, err := c.order(ctx)
	if err != nil {
		return err
	}
	if c.Print {
		return identity.WriteCSV(os.Stdout, order.Rows)
	}
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	report, err := client.Import(ctx, order)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(report)
	} else {
		err = c.tell(&report)
	}
	if err == nil && len(report.Problems) > 0 {
		err = &negative{}
	}
	return err
}

func (c *identityImportCmd) order(ctx context.Context) (governance.ImportOrder, error) {
	order := governance.ImportOrder{DryRun: c.DryRun}
	switch {
	case len(c.Files) > 0 && len(c.Account) > 0:
		return order, withHint(errors.New("there are files and --account"), "import one after the other: what is found in an account counts less than what somebody states")
	case len(c.Account) > 0:
		a, err := c.load(ctx, nil)
		if err != nil {
			return order, err
		}
		order.Found = true
		order.Rows, err = a.Identities(ctx, c.Region)
		return order, err
	case len(c.Files) == 0:
		return order, withHint(errors.New("there is nothing to import"), "name files, or an account with --account")
	}
	for _, name := range c.Files {
		rows, err := rowsIn(name)
		if err != nil {
			return order, fmt.Errorf("%s: %w", name, err)
		}
		order.Rows = append(order.Rows, rows...)
	}
	return order, nil
}

// rowsIn reads a file of identities. Other resources in a YAML file are for apply.
func rowsIn(name string) ([]identity.Row, error) {
	if name == "-" {
		return identity.ReadCSV(io.LimitReader(os.Stdin, maxImport))
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if len(b) > maxImport {
		return nil, fmt.Errorf("it has %d bytes: want at most %d", len(b), maxImport)
	}
	switch filepath.Ext(name) {
	case ".csv":
		return identity.ReadCSV(strings.NewReader(string(b)))
	case ".yaml", ".yml", ".json":
		return rowsOf(name, b)
	}
	return nil, withHint(errors.New("it is neither .csv nor .yaml"), "name the file for what it holds")
}

// maxImport is the longest file in bytes.
const maxImport = 48 << 20

func rowsOf(name string, b []byte) (rows []identity.Row, _ error) {
	all, err := manifest.Parse(name, b)
	if err != nil {
		return nil, err
	}
	for _, r := range all {
		i, ok := r.Spec.(*identity.Identity)
		if !ok {
			return nil, withHint(fmt.Errorf("line %d: %s is no identity", r.Line, r.ID()), "writ apply is for everything else")
		}
		rows = append(rows, identity.Row{Line: r.Line, Name: r.Name, Identity: *i})
	}
	return rows, nil
}

func (c *identityImportCmd) tell(r *governance.ImportReport) error {
	for _, p := range r.Problems {
		at := ""
		if p.Line > 0 {
			at = "line " + strconv.Itoa(p.Line) + ": "
		}
		fmt.Printf("%s%s: %s\n", at, p.Name, p.Text)
	}
	if len(r.Problems) > 0 {
		fmt.Fprintln(os.Stderr, "nothing was imported")
		return nil
	}
	rows := [][]string{}
	for _, i := range r.Items {
		if i.Op == manifest.Unchanged && len(i.Kept) == 0 {
			continue
		}
		rows = append(rows, []string{string(i.Op), i.Name, notes(&i)})
	}
	if err := table(os.Stdout, rows...); err != nil {
		return err
	}
	did := "imported"
	if c.DryRun {
		did = "would be imported"
	}
	fmt.Fprintf(os.Stderr, "%s: %d new, %d updated, %d unchanged\n", did, r.Created, r.Updated, r.Unchanged)
	return nil
}

func notes(i *governance.ImportItem) string {
	var out []string
	if len(i.Fields) > 0 {
		out = append(out, strings.Join(i.Fields, ", "))
	}
	if len(i.Guessed) > 0 && i.Op == manifest.Create {
		out = append(out, "guessed: "+strings.Join(slices.Sorted(slices.Values(i.Guessed)), ", "))
	}
	if len(i.Kept) > 0 {
		out = append(out, "kept: "+strings.Join(i.Kept, ", "))
	}
	return strings.Join(out, "; ")
}
