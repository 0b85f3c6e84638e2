package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/upstream"
)

type upstreamCmd struct {
	Policy upstreamPolicyCmd `cmd:"" help:"Print the least IAM policy that the gateway's calls need."`
	Check  upstreamCheckCmd  `cmd:"" help:"Ask STS whose credentials the gateway calls with."`
}

type upstreamPolicyCmd struct {
	dataFlag
	Account   string `help:"AWS account whose role it is for; needed where there are several." placeholder:"ID"`
	Trust     bool   `xor:"which" help:"Print the trust policy of the account's role instead."`
	Base      bool   `xor:"which" help:"Print what Writ's own credentials need to assume the roles instead."`
	Principal string `help:"With --trust: ARN of the role or user whose credentials Writ runs with." placeholder:"ARN"`
	Config    string `help:"Configuration file, where no server is running." placeholder:"FILE" type:"path"`
	JSON      bool   `help:"Print JSON: every account in one object."`
}

func (c *upstreamPolicyCmd) Help() string {
	return `Computes, from the live grants, their entitlements and the catalogue, exactly what
the role that Writ calls Bedrock with has to be allowed: every model in every
region a call may be routed to, the profiles, the region-less models of global
profiles, guardrails, system tools and objects. Nothing else is in it, so make it
anew when grants change. What organisation rules forbid is not subtracted, and
what they permit by themselves is not added.

  writ upstream policy --account 444455556666 > policy.json
  aws iam put-role-policy --role-name writ-gateway --policy-name writ --policy-document file://policy.json

A policy that is longer than a managed policy may be (6,144 characters) comes as
several documents, one after the other.`
}

func (c *upstreamPolicyCmd) Run(ctx context.Context) error {
	all, err := c.compute(ctx)
	if err != nil {
		return err
	}
	if c.Base {
		if all.Base == nil {
			return withHint(errors.New("no role is assumed: Writ calls with its own credentials"), "set upstream.assumeRole, or upstream.accounts; docs/accounts.md")
		}
		return printDocuments(*all.Base)
	}
	if c.JSON && !c.Trust {
		return printJSON(all)
	}
	one, err := c.pick(all)
	if err != nil {
		return err
	}
	if c.Trust {
		return c.trust(one)
	}
	for _, s := range one.Skipped {
		fmt.Fprintln(os.Stderr, "note:", s)
	}
	if len(one.Documents) == 0 {
		return withHint(fmt.Errorf("no live grant leads to a call in account %s", one.Account), "an account's grants are those whose entitlement names it")
	}
	if n := len(one.Documents); n > 1 {
		fmt.Fprintf(os.Stderr, "note: %d documents of %d characters together; attach each as a managed policy", n, one.Length)
		if one.Length > upstream.InlineLimit {
			fmt.Fprintf(os.Stderr, ", for they exceed the %d that a role's inline policies may have", upstream.InlineLimit)
		}
		fmt.Fprintln(os.Stderr)
	}
	return printDocuments(one.Documents...)
}

func (c *upstreamPolicyCmd) trust(one api.UpstreamPolicy) error {
	switch {
	case one.Role == "":
		return withHint(fmt.Errorf("no role is assumed in account %s", one.Account), "set assumeRole for it; docs/accounts.md")
	case c.Principal == "":
		return withHint(errors.New("--trust needs --principal: who assumes the role"), "the role or user that `aws sts get-caller-identity` shows for Writ's own credentials, such as arn:aws:iam::%s:role/writ-base", one.Account)
	}
	text, err := upstream.Trust(c.Principal, one.ExternalID, one.PerGrant)
	if err != nil {
		return err
	}
	return printIndented(text)
}

// pick is the account asked for, or the only one.
func (c *upstreamPolicyCmd) pick(all api.UpstreamPolicies) (api.UpstreamPolicy, error) {
	var names []string
	for _, a := range all.Accounts {
		names = append(names, a.Account)
	}
	i := slices.Index(names, c.Account)
	if c.Account == "" && len(names) == 1 {
		i = 0
	}
	switch {
	case i >= 0:
		return all.Accounts[i], nil
	case c.Account == "":
		return api.UpstreamPolicy{}, withHint(fmt.Errorf("there are several accounts: %s", strings.Join(names, ", ")), "choose one with --account, or print all with --json")
	}
	return api.UpstreamPolicy{}, withHint(fmt.Errorf("account %s is not configured", c.Account), "the accounts are %s", strings.Join(names, ", "))
}

// compute asks the live server, or reads the state that no server uses.
func (c *upstreamPolicyCmd) compute(ctx context.Context) (api.UpstreamPolicies, error) {
	d, err := c.existing()
	if err != nil {
		return api.UpstreamPolicies{}, err
	}
	client, _, err := d.live(ctx)
	if err != nil {
		return api.UpstreamPolicies{}, err
	}
	if client != nil {
		return client.UpstreamPolicies(ctx)
	}
	if c.Config == "" {
		return api.UpstreamPolicies{}, withHint(errors.New("no server is running, and its configuration is not known"), "name it with --config, or start the server")
	}
	cfg, err := config.Load(c.Config)
	if err != nil {
		return api.UpstreamPolicies{}, err
	}
	state, err := stored(ctx, d)
	if err != nil {
		return api.UpstreamPolicies{}, err
	}
	return api.PoliciesOf(state, scopeOf(cfg), configured(cfg)), nil
}

// scopeOf is what a configuration says of the calls that are made.
func scopeOf(cfg config.Config) upstream.Scope {
	return upstream.Scope{Home: cfg.Account, Accounts: cfg.AccountRegions(), Regions: cfg.AllRegions(), Now: time.Now()}
}

// configured is how accounts would be reached.
func configured(cfg config.Config) []upstream.Standing {
	role := func(a config.Account) upstream.Standing {
		s := upstream.Standing{Account: a.Account, Role: a.AssumeRole, PerGrant: a.AssumeRole != "" && cfg.ByGrant(a)}
		if a.AssumeRole != "" && a.ExternalIDFile != "" {
			s.ExternalID = upstream.ExternalIDHere
		}
		return s
	}
	out := []upstream.Standing{role(config.Account{Account: cfg.Account, AssumeRole: cfg.Upstream.AssumeRole, ExternalIDFile: cfg.Upstream.ExternalIDFile})}
	for _, a := range cfg.Upstream.Accounts {
		out = append(out, role(a))
	}
	return out
}

func printDocuments(docs ...upstream.Document) error {
	for _, d := range docs {
		text, err := d.Text()
		if err != nil {
			return err
		}
		if err := printIndented(text); err != nil {
			return err
		}
	}
	return nil
}

func printIndented(text string) error {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", "  "); err != nil {
		return err
	}
	_, err := fmt.Println(b.String())
	return err
}

type upstreamCheckCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *upstreamCheckCmd) Help() string {
	return `Has the live server assume the role of every account, with the right to do nothing,
and ask STS who it is then. Exit status 0: calls would be signed as meant; 1: some
would not.`
}

func (c *upstreamCheckCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	found, err := client.CheckUpstream(ctx)
	if err != nil {
		return err
	}
	bad := slices.ContainsFunc(found, func(f upstream.Checked) bool { return f.Problem != "" })
	if c.JSON {
		err = printJSON(found)
	} else {
		err = printChecked(found)
	}
	if err == nil && bad {
		err = &negative{}
	}
	return err
}

func printChecked(found []upstream.Checked) error {
	rows := [][]string{{"ACCOUNT", "CALLS AS", "SESSIONS", "STATE"}}
	for _, f := range found {
		sessions := "shared"
		if f.PerGrant {
			sessions = strconv.Itoa(f.Sessions) + " of grants"
		}
		rows = append(rows, []string{f.Account, cmp.Or(f.Caller, "-"), sessions, cmp.Or(f.Problem, "ok")})
	}
	return table(os.Stdout, rows...)
}
