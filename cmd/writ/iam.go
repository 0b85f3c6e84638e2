package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
)

type iamCmd struct {
	Scan       iamScanCmd       `cmd:"" help:"Look for rights that are too wide, unguarded, shared or reachable by a detour."`
	Can        iamCanCmd        `cmd:"" help:"Say whether a principal can, under which condition and by which statements."`
	WhoCan     iamWhoCanCmd     `cmd:"" help:"List every principal that can, itself or by a chain of roles."`
	WhatCan    iamWhatCanCmd    `cmd:"" help:"List everything a principal can invoke."`
	Explain    iamExplainCmd    `cmd:"" help:"Say why a principal can or cannot, and what would change it."`
	Compare    iamCompareCmd    `cmd:"" help:"Say whether one policy, or a whole account, allows what another does not."`
	Prove      iamProveCmd      `cmd:"" help:"Prove assertions about an account, for a build."`
	Tighten    iamTightenCmd    `cmd:"" help:"Propose the least-privilege policy of a principal, proven."`
	Chokepoint iamChokepointCmd `cmd:"" help:"Make the policy that leaves the gateway as the only door, proven."`
	Shadow     iamShadowCmd     `cmd:"" help:"Subtract what Writ grants from what AWS allows."`
	Verify     iamVerifyCmd     `cmd:"" help:"Check certificates without the algebra."`
}

func (c *iamCmd) Help() string {
	return `Reads what AWS says of an account, from files, and says exactly who can invoke
which model. Nothing is deployed and no credentials are needed beyond those that
made the file:

  aws iam get-account-authorization-details > account.json
  writ iam scan --account account.json`
}

// iamInput is what every question about IAM can be given.
type iamInput struct {
	Account  []string `help:"Output of get-account-authorization-details, whole or in parts, an iam-collect directory, or gz of them; may be repeated." placeholder:"FILE"`
	Org      string   `help:"The organization: its tree, its policies and where they are attached." placeholder:"FILE"`
	SCP      []string `help:"A level of service control policies, from the root down: a policy or a list of them." placeholder:"FILE"`
	RCP      []string `help:"A level of resource control policies." placeholder:"FILE"`
	Boundary string   `help:"Permissions boundary, instead of the principal's own." placeholder:"FILE"`
	Session  []string `help:"Session policy." placeholder:"FILE"`
	Resource []string `name:"resource-policy" help:"Resource policy, or a map of them by ARN." placeholder:"FILE"`
	Endpoint string   `name:"endpoint-policy" help:"Policy of the VPC endpoint that calls go through." placeholder:"FILE"`
	Profiles []string `help:"Output of list-inference-profiles: where profiles route calls." placeholder:"FILE"`
	Time     string   `help:"When the question is asked; now by default." placeholder:"RFC3339"`
	Facts    string   `help:"Directory of tables that replace the embedded ones on actions, keys and managed policies." placeholder:"DIR"`
}

// load reads the files and prepares the analysis.
func (c *iamInput) load(ctx context.Context, more func(*estate.Sources)) (*analyse.Analysis, error) {
	if len(c.Account) == 0 {
		return nil, withHint(errors.New("--account is missing"), "aws iam get-account-authorization-details > account.json makes the file")
	}
	now, err := c.now()
	if err != nil {
		return nil, err
	}
	s := estate.Sources{Accounts: c.Account, Org: c.Org, SCPs: c.SCP, RCPs: c.RCP, Boundary: c.Boundary, Session: c.Session,
		Resource: c.Resource, Endpoint: c.Endpoint, Profiles: c.Profiles}
	if more != nil {
		more(&s)
	}
	collectRarely(true)
	p := newProgress("reading")
	s.Progress = p.bytes
	e, err := estate.Load(ctx, s)
	p.done()
	if err != nil {
		return nil, withHint(err, "writ iam --help says which AWS CLI commands make each input")
	}
	facts, err := c.facts()
	if err != nil {
		return nil, err
	}
	a := analyse.New(analyse.Config{Estate: e, Facts: facts, Now: now})
	collectRarely(len(a.Principals()) < manyPrincipals)
	return a, nil
}

// collectRarely has memory collected later than usual: of an ordinary account an
// analysis is done within a second and a few dozen megabytes. Who sets GOGC knows
// better.
func collectRarely(is bool) {
	switch {
	case os.Getenv("GOGC") != "":
	case is:
		debug.SetGCPercent(300)
	default:
		debug.SetGCPercent(100)
	}
}

// manyPrincipals is where memory begins to matter more than time.
const manyPrincipals = 20_000

func (c *iamInput) facts() (*awsiam.Facts, error) {
	if c.Facts == "" {
		return awsiam.EmbeddedFacts(), nil
	}
	return awsiam.ReadFacts(os.DirFS(c.Facts))
}

func (c *iamInput) now() (time.Time, error) {
	if c.Time == "" {
		return time.Now().UTC().Truncate(time.Second), nil
	}
	t, err := awsiam.ParseDate(c.Time)
	if err != nil {
		return t, withHint(fmt.Errorf("--time: %w", err), "for example: --time 2030-01-31T12:00:00Z")
	}
	return t, nil
}

// principal finds a principal by its ARN, or by user/NAME or role/NAME where
// that is unambiguous.
func findPrincipal(a *analyse.Analysis, name string) (*estate.Principal, error) {
	if p := a.Estate.Principal(name); p != nil {
		return p, nil
	}
	var near []*estate.Principal
	for _, acct := range a.Estate.Accounts {
		root := analyse.Root(acct)
		if name == root.ARN || name == "root" && len(a.Estate.Accounts) == 1 {
			return root, nil
		}
		for _, p := range acct.Principals {
			if string(p.Kind)+"/"+p.Name == name || p.ARN == name {
				near = append(near, p)
			}
		}
	}
	switch len(near) {
	case 1:
		return near[0], nil
	case 0:
		return nil, withHint(fmt.Errorf("no principal %q in the input", name), "writ iam who-can lists principals; name one by its ARN, or as role/NAME")
	}
	return nil, withHint(fmt.Errorf("%q is in %d accounts", name, len(near)), "name it by its ARN, for example %s", near[0].ARN)
}

// contextKeys reads --context-key K=V; K= says that the key is absent.
func contextKeys(list []string, facts *awsiam.Facts) (awsiam.Context, error) {
	ctx := awsiam.Context{}
	for _, kv := range list {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || !strings.Contains(k, ":") {
			return nil, withHint(fmt.Errorf("--context-key %q is not KEY=VALUE", kv), "for example: --context-key aws:SourceVpce=vpce-1; KEY= says that the key is absent")
		}
		switch {
		case v == "":
			ctx.Set(k, awsiam.Value{})
		case facts.Key(k).Multi:
			ctx.Set(k, awsiam.Many(append(ctx[awsiam.Key(k)].Items, v)...))
		default:
			ctx.Set(k, awsiam.One(v))
		}
	}
	return ctx, nil
}

// readPolicy reads one policy file.
func readPolicy(path string) (*awsiam.Document, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	d, problems := awsiam.Parse(filepath.Base(path), text, awsiam.Position{File: path, Line: 1, Column: 1})
	tell(problems)
	if d.Doubt != "" {
		return nil, fmt.Errorf("%s: %s", path, problems[0].Reason)
	}
	return d, nil
}

// tell prints what could not be read.
func tell(problems []awsiam.Problem) {
	for i, p := range problems {
		if i == 20 {
			fmt.Fprintf(os.Stderr, "warning: and %d more problems in the input\n", len(problems)-i)
			return
		}
		fmt.Fprintf(os.Stderr, "warning: %s: %s\n", where(p), p.Reason)
	}
}

func where(p awsiam.Problem) string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	if p.Document != "" && p.Document != filepath.Base(p.File) {
		s += ": " + p.Document
	}
	if p.Statement >= 0 && p.Document != "" {
		s += fmt.Sprintf(", statement %d", p.Statement+1)
	}
	return strings.TrimPrefix(s, ": ")
}
