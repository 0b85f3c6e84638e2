package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/snapshot"
)

type policyCmd struct {
	Validate policyValidateCmd `cmd:"" help:"Check Cedar files against the schema and the linter's rules."`
	Test     policyTestCmd     `cmd:"" help:"Ask a set of questions and compare the answers."`
	Schema   policySchemaCmd   `cmd:"" help:"Print the Cedar schema that policies are written in."`
}

type policyValidateCmd struct {
	Paths []string `arg:"" help:"Cedar files, or directories of manifests."`
	JSON  bool     `help:"Print one JSON object per problem."`
}

func (c *policyValidateCmd) Help() string {
	return `Every policy must pass Cedar's strict validator for every principal, action and
resource it could meet, and the linter: a permit must not rest on what a caller
asserts, numbers of a request are compared but never calculated with, and an
obligation is only ever imposed. Exit status 1 when a policy is wrong.`
}

func (c *policyValidateCmd) Run() error {
	docs, err := documents(c.Paths)
	if err != nil {
		return err
	}
	problems, wrong := policy.Lint(docs), 0
	for _, p := range problems {
		if p.Severity == policy.SeverityError {
			wrong++
		}
		if c.JSON {
			err = printJSON(p)
		} else {
			_, err = fmt.Println(p)
		}
		if err != nil {
			return err
		}
	}
	if wrong > 0 {
		return &negative{fmt.Sprintf("%d of %d problems are errors", wrong, len(problems))}
	}
	fmt.Fprintf(os.Stderr, "%d files are sound\n", len(docs))
	return nil
}

// documents reads Cedar files, also those within manifests.
func documents(paths []string) ([]policy.Document, error) {
	var docs []policy.Document
	for _, path := range paths {
		err := eachResource(path, func(file string, r manifest.Resource) {
			if p, ok := r.Spec.(*manifest.Policy); ok {
				docs = append(docs, policy.Document{Name: file, Text: p.Text})
			}
		})
		if err != nil {
			return nil, err
		}
	}
	if len(docs) == 0 {
		return nil, errors.New("no policies in " + strings.Join(paths, ", "))
	}
	return docs, nil
}

// eachResource reads the manifests of a file or directory.
func eachResource(path string, do func(file string, r manifest.Resource)) error {
	files, err := readFiles(path)
	if err != nil {
		return err
	}
	for _, f := range files {
		found, err := manifest.Parse(f.Name, []byte(f.Text))
		if err != nil {
			return err
		}
		for _, r := range found {
			do(f.Name, r)
		}
	}
	return nil
}

type policyTestCmd struct {
	dataFlag
	Cases   string `arg:"" help:"YAML or JSON list of cases: name, identity, model, context, expect."`
	File    string `short:"f" help:"Manifests to test instead of an installation's state." placeholder:"PATH"`
	Account string `help:"AWS account." default:"111122223333"`
	Region  string `help:"Region of cases that name none." default:"us-east-1"`
	JSON    bool   `help:"Print one JSON object per case."`
}

func (c *policyTestCmd) Help() string {
	return `A case says who calls which model in what context, and what must come of it:
permit, deny or hold.

  # cases.yaml
  - name: support may not send health data
    identity: support-agent
    model: us.anthropic.claude-sonnet-4-5-20250929-v1:0
    context: {prompt: {classes: [health], regulated: true}}
    expect: deny

Exit status 1 when an answer differs.`
}

func (c *policyTestCmd) Run(ctx context.Context) error {
	text, err := os.ReadFile(c.Cases)
	if err != nil {
		return err
	}
	cases, err := policy.ParseCases(text)
	if err != nil {
		return err
	}
	state, err := c.state(ctx)
	if err != nil {
		return err
	}
	who := make(map[string]*identity.Identity)
	for _, i := range state.Identities() {
		who[i.ID] = i
	}
	failed := 0
	for _, r := range state.Bundle.Try(cases, policy.Bench{Identities: who, Region: c.Region, Account: c.Account, Now: time.Now()}) {
		if !r.Passed {
			failed++
		}
		if err := c.print(r); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &negative{fmt.Sprintf("%d of %d cases failed", failed, len(cases))}
	}
	return nil
}

func (c *policyTestCmd) print(r policy.CaseResult) error {
	if c.JSON {
		return printJSON(r)
	}
	mark := "ok  "
	if !r.Passed {
		mark = "FAIL"
	}
	fmt.Printf("%s  %s\n", mark, r.Case.Name)
	for _, f := range r.Failures {
		fmt.Printf("      %s\n", f)
	}
	return nil
}

// state is what is tested: manifests, or an installation's.
func (c *policyTestCmd) state(ctx context.Context) (*snapshot.Snapshot, error) {
	if c.File == "" {
		d, err := c.existing()
		if err != nil {
			return nil, err
		}
		return stored(ctx, d)
	}
	all, err := manifest.LoadDir(os.DirFS(filepath.Clean(c.File)))
	if err == nil {
		err = manifest.Check(all)
	}
	if err != nil {
		return nil, err
	}
	return snapshot.Of(all, time.Now())
}

type policySchemaCmd struct{}

func (c *policySchemaCmd) Run() error {
	fmt.Print(policy.Schema)
	return nil
}
