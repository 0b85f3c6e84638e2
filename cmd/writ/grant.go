package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
)

type grantCmd struct {
	List   grantListCmd   `cmd:"" help:"List grants: who holds which right until when."`
	Show   grantShowCmd   `cmd:"" help:"Show one grant, who agreed to it, and what else gives the same."`
	Extend grantExtendCmd `cmd:"" help:"Ask for a grant that takes the place of one that ends."`
}

type grantListCmd struct {
	dataFlag
	Identity    string `help:"Only those of this identity." placeholder:"ID"`
	Entitlement string `help:"Only those of this entitlement." placeholder:"NAME"`
	Ended       bool   `help:"Those that have ended, newest first."`
	Limit       int    `default:"0" help:"How many at most. Default: all." placeholder:"N"`
	JSON        bool   `help:"Print one JSON object per line."`
}

func (c *grantListCmd) Run(ctx context.Context) error {
	q := query("identity", c.Identity, "entitlement", c.Entitlement)
	switches(q, map[string]bool{"ended": c.Ended})
	return listed(ctx, c.dataFlag, c.JSON, func(client *api.Client) ([]governance.GrantView, error) {
		return every(c.Limit, q, func(q url.Values) (api.List[governance.GrantView], error) { return client.Grants(ctx, q) })
	}, []string{"NAME", "IDENTITY", "ENTITLEMENT", "STANDING", "UNTIL"}, func(g *governance.GrantView) []string {
		return []string{g.ID, g.Identity, g.Entitlement, g.Standing, g.NotAfter.Format(time.RFC3339)}
	})
}

type grantShowCmd struct {
	dataFlag
	Name string `arg:"" help:"Name of the grant."`
	JSON bool   `help:"Print JSON."`
}

func (c *grantShowCmd) Run(ctx context.Context) error {
	return showOne(ctx, c.dataFlag, c.JSON, func(client *api.Client) (governance.GrantView, error) { return client.Grant(ctx, c.Name) }, printGrant)
}

func printGrant(g *governance.GrantView) error {
	rows := [][]string{
		{"grant", g.ID}, {"identity", g.Identity}, {"entitlement", g.Entitlement}, {"standing", g.Standing},
		{"from", when(g.NotBefore)}, {"until", when(g.NotAfter)}, {"origin", g.Origin},
	}
	if f := g.From; f != nil {
		rows = append(rows, []string{"request", f.Request}, []string{"asked by", f.Requester}, []string{"approved by", strings.Join(f.Approvers, ", ")})
	}
	for _, row := range [][]string{{"reason", g.Reason}, {"taken away by", g.Ending.String()}, {"detail", g.Detail}, {"ended", when(g.Ended)}, {"also given by", strings.Join(g.Others, ", ")}} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	return table(os.Stdout, rows...)
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

type grantExtendCmd struct {
	dataFlag
	Name   string        `arg:"" help:"Name of the grant."`
	For    time.Duration `help:"How long the new one lasts. Default: as long as the entitlement allows." placeholder:"720h"`
	Reason string        `help:"Why; the approvers read it." placeholder:"TEXT"`
	JSON   bool          `help:"Print JSON."`
}

func (c *grantExtendCmd) Help() string {
	return `Files a request for a grant of the same right, judged like any other. When it comes
into force the present one ends as superseded; until then it stays as it is.`
}

func (c *grantExtendCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	g, err := client.Grant(ctx, c.Name)
	if err != nil {
		return err
	}
	r, err := client.Submit(ctx, api.SubmitRequest{Justification: c.Reason, Grant: &api.GrantOrder{
		Identity: g.Identity, Entitlement: g.Entitlement, Duration: identity.Duration(c.For), Narrow: g.Narrow, Replaces: g.ID,
	}})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(r)
	}
	fmt.Println(r.ID)
	return sayWhere(r)
}
