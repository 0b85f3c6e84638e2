package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/operator"
)

type operatorCmd struct {
	Create   operatorCreateCmd   `cmd:"" help:"Make an account, or ask for it."`
	List     operatorListCmd     `cmd:"" help:"List accounts and their roles."`
	Show     operatorShowCmd     `cmd:"" help:"Show one account."`
	Disable  operatorDisableCmd  `cmd:"" help:"Suspend an account: its sign-ins and tokens are void at once."`
	Link     operatorLinkCmd     `cmd:"" help:"Make a link that signs a person in, once."`
	Token    operatorTokenCmd    `cmd:"" help:"Issue, list and revoke API tokens."`
	Delegate operatorDelegateCmd `cmd:"" help:"Have somebody decide in your place for a time."`
}

type operatorCreateCmd struct {
	dataFlag
	Name       string   `arg:"" help:"Name of the account."`
	Email      string   `required:"" help:"Address by which sponsors and owners are named." placeholder:"ADDRESS"`
	Role       []string `help:"A role, and over what: approver, or approver:teams=fraud+claims,tiers=high. May be repeated." placeholder:"ROLE" sep:"none"`
	Team       []string `help:"A team. May be repeated." placeholder:"NAME"`
	Automation bool     `help:"The account is a program's."`
	Person     string   `help:"Who is behind it, where somebody has several accounts." placeholder:"NAME"`
	Issuer     string   `help:"The provider that it signs in with." placeholder:"URL"`
	Subject    string   `help:"Its subject there." placeholder:"SUB"`
	Reason     string   `help:"Why, for those who are asked." placeholder:"TEXT"`
	JSON       bool     `help:"Print JSON."`
}

func (c *operatorCreateCmd) Help() string {
	return `Roles are separate rights:

  requester      asks for rights
  approver       decides on requests, within the role's scope
  auditor        sees everything, decides nothing
  remediator     revokes and quarantines, changes no decision
  break_glass    may take an emergency grant
  administrator  configures and manages people; cannot approve

A scope is any of tiers, teams, entitlements and models, each a list joined by +;
all that are given must match. The first account ends bootstrap for good: from then
on grants in files become requests. Once there is an approver who is neither you
nor the account, a new account becomes a request too.

  writ operator create dana --email dana@example.com --role requester
  writ operator create omar --email omar@example.com --role approver:teams=fraud,tiers=low+medium`
}

func (c *operatorCreateCmd) Run(ctx context.Context) error {
	in, err := c.order()
	if err != nil {
		return err
	}
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	out, err := client.CreateOperator(ctx, in)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return printJSON(out)
	case out.Request != "":
		fmt.Printf("asked for: request %s\n", out.Request)
	default:
		fmt.Printf("operator/%s created\n", c.Name)
	}
	return nil
}

func (c *operatorCreateCmd) order() (api.NewOperator, error) {
	op := operator.Operator{Email: strings.ToLower(c.Email), Person: c.Person, Teams: c.Team}
	if c.Automation {
		op.Kind = operator.Automation
	}
	if c.Issuer != "" || c.Subject != "" {
		op.Login = &operator.Login{Issuer: c.Issuer, Subject: c.Subject}
	}
	for _, text := range c.Role {
		held, err := heldFrom(text)
		if err != nil {
			return api.NewOperator{}, err
		}
		op.Roles = append(op.Roles, held)
	}
	return api.NewOperator{Name: c.Name, OperatorOrder: api.OperatorOrder{Operator: op, Why: c.Reason}}, nil
}

// heldFrom reads a role as the command line names it: ROLE or ROLE:LIST=A+B,LIST=C.
func heldFrom(text string) (operator.Held, error) {
	role, scope, scoped := strings.Cut(text, ":")
	h := operator.Held{Role: operator.Role(role)}
	if !slices.Contains(operator.Roles, h.Role) {
		return h, withHint(fmt.Errorf("role %q is unknown", role), "want one of %v", operator.Roles)
	}
	if !scoped {
		return h, nil
	}
	lists := map[string]*[]string{"tiers": &h.Tiers, "teams": &h.Teams, "entitlements": &h.Entitlements, "models": &h.Models}
	for _, part := range strings.Split(scope, ",") {
		name, values, ok := strings.Cut(part, "=")
		list, known := lists[name]
		if !ok || !known || values == "" || len(*list) > 0 {
			return h, withHint(fmt.Errorf("role %q: %q is no scope", text, part), "want tiers, teams, entitlements or models, such as approver:teams=fraud+claims")
		}
		*list = strings.Split(values, "+")
	}
	return h, nil
}

// heldText is a role as heldFrom reads it.
func heldText(h operator.Held) string {
	var parts []string
	for _, l := range []struct {
		name string
		list []string
	}{{"tiers", h.Tiers}, {"teams", h.Teams}, {"entitlements", h.Entitlements}, {"models", h.Models}} {
		if len(l.list) > 0 {
			parts = append(parts, l.name+"="+strings.Join(l.list, "+"))
		}
	}
	if len(parts) == 0 {
		return string(h.Role)
	}
	return string(h.Role) + ":" + strings.Join(parts, ",")
}

func rolesText(op *operator.Operator) string {
	var out []string
	for _, h := range op.Roles {
		out = append(out, heldText(h))
	}
	return strings.Join(out, " ")
}

type operatorListCmd struct {
	dataFlag
	Role string `help:"Only those who hold this role." placeholder:"ROLE"`
	JSON bool   `help:"Print one JSON object per line."`
}

func (c *operatorListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := every(0, query("role", c.Role), func(q url.Values) (api.List[governance.OperatorView], error) { return client.Operators(ctx, q) })
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all)
	}
	rows := [][]string{{"NAME", "EMAIL", "KIND", "STATE", "ROLES"}}
	for _, op := range all {
		rows = append(rows, []string{op.ID, op.Email, kindText(&op.Operator), stateText(&op.Operator), rolesText(&op.Operator)})
	}
	return table(os.Stdout, rows...)
}

func kindText(op *operator.Operator) string {
	if op.Kind == operator.Automation {
		return string(op.Kind)
	}
	return string(operator.Human)
}

func stateText(op *operator.Operator) string {
	if op.Disabled {
		return "disabled"
	}
	return "enabled"
}

type operatorShowCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the account."`
	JSON bool   `help:"Print JSON."`
}

func (c *operatorShowCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	op, err := client.Operator(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(op)
	}
	rows := [][]string{{"operator", op.ID}, {"email", op.Email}, {"kind", kindText(&op.Operator)}, {"state", stateText(&op.Operator)}}
	for _, row := range [][]string{{"person", op.Person}, {"teams", strings.Join(op.Teams, ", ")}, {"roles", rolesText(&op.Operator)}} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if op.Login != nil {
		rows = append(rows, []string{"signs in as", op.Login.Subject + " at " + op.Login.Issuer})
	}
	return table(os.Stdout, rows...)
}

type operatorDisableCmd struct {
	dataFlag
	Name   string `arg:"" help:"Name of the account."`
	Reason string `required:"" help:"Why." placeholder:"TEXT"`
}

func (c *operatorDisableCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if _, err := client.DisableOperator(ctx, c.Name, c.Reason); err != nil {
		return err
	}
	fmt.Printf("operator/%s disabled: its sign-ins and tokens are void\n", c.Name)
	return nil
}

type operatorLinkCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the account."`
}

func (c *operatorLinkCmd) Help() string {
	return `For people that no provider vouches for. The link is good for fifteen minutes, once.
By what comes of it, its holder decides on nothing that is your own: you have had
the link in your hands too.`
}

func (c *operatorLinkCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	link, err := client.LinkOperator(ctx, c.Name)
	if err != nil {
		return err
	}
	fmt.Println(link.URL)
	return nil
}

type operatorDelegateCmd struct {
	To   operatorDelegateToCmd   `cmd:"" help:"Have somebody decide in your place."`
	List operatorDelegateListCmd `cmd:"" help:"List delegations."`
	End  operatorDelegateEndCmd  `cmd:"" help:"End a delegation before its time."`
}

type operatorDelegateToCmd struct {
	dataFlag
	Name   string        `arg:"" help:"Account that decides in your place."`
	For    time.Duration `required:"" help:"For how long; at most 2160h." placeholder:"DURATION"`
	From   time.Time     `help:"From when, as 2026-12-24T00:00:00Z. Default: now." placeholder:"TIME"`
	Reason string        `help:"Why." placeholder:"TEXT"`
	JSON   bool          `help:"Print JSON."`
}

func (c *operatorDelegateToCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	from := c.From
	if from.IsZero() {
		from = time.Now()
	}
	if c.For <= 0 {
		return errors.New("--for: want more than nothing")
	}
	d, err := client.Delegate(ctx, governance.DelegationOrder{To: c.Name, NotBefore: c.From, NotAfter: from.Add(c.For), Reason: c.Reason})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(d)
	}
	fmt.Printf("delegation/%s: %s decides in the place of %s until %s\n", d.ID, d.To, d.From, when(d.NotAfter))
	return nil
}

type operatorDelegateListCmd struct {
	dataFlag
	JSON bool `help:"Print one JSON object per line."`
}

func (c *operatorDelegateListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := client.Delegations(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all.Items)
	}
	rows := [][]string{{"NAME", "FROM", "TO", "SINCE", "UNTIL"}}
	for _, d := range all.Items {
		rows = append(rows, []string{d.ID, d.From, d.To, when(d.NotBefore), when(d.NotAfter)})
	}
	return table(os.Stdout, rows...)
}

type operatorDelegateEndCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the delegation."`
}

func (c *operatorDelegateEndCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if err := client.EndDelegation(ctx, c.Name); err != nil {
		return err
	}
	fmt.Printf("delegation/%s ended\n", c.Name)
	return nil
}
