package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
)

type operatorTokenCmd struct {
	Issue  operatorTokenIssueCmd  `cmd:"" help:"Make an API token and print its secret, once."`
	List   operatorTokenListCmd   `cmd:"" help:"List API tokens, without their secrets."`
	Revoke operatorTokenRevokeCmd `cmd:"" help:"End an API token at once."`
}

type operatorTokenIssueCmd struct {
	dataFlag
	Operator string   `help:"Account that the token acts as. Default: your own." placeholder:"NAME"`
	Scope    []string `required:"" help:"An action that it may do, such as view.right; \"*\" for all of the account's. May be repeated." placeholder:"ACTION"`
	Life     string   `help:"How long it lives, such as 720h, which is the default; at most a year." placeholder:"DURATION"`
	Note     string   `help:"What it is for." placeholder:"TEXT"`
	JSON     bool     `help:"Print JSON, with the secret."`
}

func (c *operatorTokenIssueCmd) Help() string {
	return `Prints the secret on stdout, and what is known of the token on stderr. Nothing keeps
the secret: a token that was lost is revoked, and another made. Everybody makes
tokens for themselves; administrators make them for programs. A token never does
more than its account may, nor than the token that it was made by.

  export WRIT_TOKEN=$(writ operator token issue --operator deploy-bot --scope ask.grant --scope view.right)`
}

func (c *operatorTokenIssueCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	t, err := client.IssueToken(ctx, api.TokenOrder{Operator: c.Operator, Scopes: c.Scope, Life: c.Life, Note: c.Note})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t)
	}
	fmt.Fprintf(os.Stderr, "token/%s acts as %s until %s (%s)\n", t.ID, t.Operator, when(t.Expires), strings.Join(t.Scopes, ", "))
	fmt.Println(t.Secret)
	return nil
}

type operatorTokenListCmd struct {
	dataFlag
	Operator string `help:"Only those of this account." placeholder:"NAME"`
	JSON     bool   `help:"Print one JSON object per line."`
}

func (c *operatorTokenListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := every(0, query("operator", c.Operator), func(q url.Values) (api.List[governance.TokenView], error) { return client.Tokens(ctx, q) })
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all)
	}
	rows := [][]string{{"NAME", "OPERATOR", "UNTIL", "SCOPES", "NOTE", "VOID"}}
	for _, t := range all {
		rows = append(rows, []string{t.ID, t.Operator, when(t.Expires), strings.Join(t.Scopes, ","), t.Note, t.Void})
	}
	return table(os.Stdout, rows...)
}

type operatorTokenRevokeCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the token."`
}

func (c *operatorTokenRevokeCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if err := client.RevokeToken(ctx, c.Name); err != nil {
		return err
	}
	fmt.Printf("token/%s revoked\n", c.Name)
	return nil
}
