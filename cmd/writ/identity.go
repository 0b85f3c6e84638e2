package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
)

type identityCmd struct {
	List    identityListCmd    `cmd:"" help:"List identities, with what somebody should look at."`
	Show    identityShowCmd    `cmd:"" help:"Show one identity: who answers for it, and its flags with their reasons."`
	Import  identityImportCmd  `cmd:"" help:"Add identities from files, a spreadsheet, or what IAM says of an account."`
	Confirm identityConfirmCmd `cmd:"" help:"Vouch that an identity is still needed, as its sponsor, owner or deputy."`
	Move    identityMoveCmd    `cmd:"" help:"Take an identity to another state of its life."`
}

func (c *identityCmd) Help() string {
	return `The life of an identity: discovered, claimed (somebody answers for it), governed
(every right of it was agreed to), dormant, decommissioned. A quarantine stops it
in any of them.

Flags are found from facts and kept nowhere: orphaned (nobody answers for it),
unknown_sponsor, unconfirmed (for 180 days), shared.`
}

type identityListCmd struct {
	dataFlag
	Kind    string `help:"Only those of this kind." placeholder:"KIND"`
	State   string `help:"Only those in this state." placeholder:"STATE"`
	Team    string `help:"Only those of this team." placeholder:"NAME"`
	Sponsor string `help:"Only those with this sponsor." placeholder:"EMAIL"`
	Tag     string `help:"Only those with this tag." placeholder:"TAG"`
	Flag    string `help:"Only those with this flag: orphaned, unknown_sponsor, unconfirmed or shared." placeholder:"FLAG"`
	Limit   int    `default:"0" help:"How many at most. Default: all." placeholder:"N"`
	JSON    bool   `help:"Print one JSON object per line."`
	CSV     bool   `name:"csv" help:"Print comma-separated values, as import reads them."`
}

func (c *identityListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	q := query("kind", c.Kind, "state", c.State, "team", c.Team, "sponsor", c.Sponsor, "tag", c.Tag, "flag", c.Flag)
	all, err := every(c.Limit, q, func(q url.Values) (api.List[governance.IdentityView], error) { return client.Identities(ctx, q) })
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return printEach(all)
	case c.CSV:
		rows := make([]identity.Row, 0, len(all))
		for _, v := range all {
			rows = append(rows, identity.Row{Name: v.ID, Identity: v.Identity})
		}
		return identity.WriteCSV(os.Stdout, rows)
	}
	rows := [][]string{{"NAME", "KIND", "ENVIRONMENT", "STATE", "SPONSOR", "GRANTS", "FLAGS"}}
	for _, v := range all {
		rows = append(rows, []string{v.ID, string(v.Kind), v.Environment, string(v.Standing), v.Sponsor, strconv.Itoa(v.Grants), flagNames(v.Flags)})
	}
	return table(os.Stdout, rows...)
}

func flagNames(flags []identity.Flag) string {
	var names []string
	for _, f := range flags {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

type identityShowCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the identity."`
	JSON bool   `help:"Print JSON."`
}

func (c *identityShowCmd) Run(ctx context.Context) error {
	return showOne(ctx, c.dataFlag, c.JSON, func(client *api.Client) (governance.IdentityView, error) { return client.Identity(ctx, c.Name) }, printIdentity)
}

func printIdentity(v *governance.IdentityView) error {
	rows := [][]string{{"identity", v.ID}, {"kind", string(v.Kind)}, {"environment", v.Environment}, {"state", string(v.Standing)}}
	confirmed := ""
	if !v.Confirmed.IsZero() {
		confirmed = when(v.Confirmed) + " by " + v.ConfirmedBy
	}
	for _, row := range [][]string{
		{"team", v.Team}, {"purposes", strings.Join(v.Purposes, ", ")}, {"sponsor", v.Sponsor}, {"owner", v.Owner}, {"deputy", v.Deputy},
		{"tags", strings.Join(v.Tags, ", ")}, {"principals", strings.Join(v.Principals, ", ")}, {"confirmed", confirmed},
		{"grants", strconv.Itoa(v.Grants)},
	} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	for _, f := range v.Flags {
		rows = append(rows, []string{f.Name, strings.Join(f.Reasons, "; ")})
	}
	return table(os.Stdout, rows...)
}

type identityConfirmCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the identity."`
	JSON bool   `help:"Print JSON."`
}

func (c *identityConfirmCmd) Help() string {
	return `Shows the identity as it stands, and records that you vouch for it. It is for its
sponsor, its owner and its deputy, and lasts 180 days.`
}

func (c *identityConfirmCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	v, err := client.Identity(ctx, c.Name)
	if err != nil {
		return err
	}
	if v, err = client.Confirm(ctx, c.Name, v.Version); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(v)
	}
	return printIdentity(&v)
}

type identityMoveCmd struct {
	dataFlag
	Name   string `arg:"" help:"Name of the identity."`
	To     string `arg:"" help:"claimed, governed, dormant or decommissioned."`
	Reason string `help:"Why; required to decommission." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *identityMoveCmd) Help() string {
	return `Decommissioning ends every grant of the identity and voids its sessions, and is for
good. To stop an identity for a time, quarantine it:

  writ quarantine add identity NAME --reason TEXT`
}

func (c *identityMoveCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	v, err := client.Identity(ctx, c.Name)
	if err != nil {
		return err
	}
	v, err = client.Move(ctx, c.Name, v.Version, api.MoveOrder{To: identity.State(c.To), Reason: c.Reason})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(v)
	}
	fmt.Fprintf(os.Stderr, "%s is %s\n", v.ID, v.Standing)
	return nil
}
