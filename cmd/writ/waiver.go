package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
)

type waiverCmd struct {
	Request waiverRequestCmd `cmd:"" help:"Ask for a dated exception to a rule of separated duties."`
	List    waiverListCmd    `cmd:"" help:"List the exceptions that hold."`
	End     waiverEndCmd     `cmd:"" help:"End one before its time."`
}

type waiverRequestCmd struct {
	dataFlag
	Rule         string        `arg:"" help:"Id of the rule; writ sod says it."`
	Subject      string        `arg:"" help:"Whom it excuses: Identity/NAME or Operator/NAME."`
	For          time.Duration `required:"" help:"How long." placeholder:"720h"`
	Reason       string        `required:"" help:"Why; the approvers read it." placeholder:"TEXT"`
	Compensating string        `help:"What is done instead." placeholder:"TEXT"`
	JSON         bool          `help:"Print JSON."`
}

func (c *waiverRequestCmd) Run(ctx context.Context) error {
	return filed(ctx, c.dataFlag, c.JSON, api.SubmitRequest{Justification: c.Reason, Waiver: &api.WaiverOrder{
		Rule: c.Rule, Subject: c.Subject, Duration: identity.Duration(c.For), Compensating: c.Compensating,
	}})
}

type waiverListCmd struct {
	dataFlag
	JSON bool `help:"Print one JSON object per line."`
}

func (c *waiverListCmd) Run(ctx context.Context) error {
	return listed(ctx, c.dataFlag, c.JSON, func(client *api.Client) ([]governance.WaiverView, error) {
		all, err := client.Waivers(ctx)
		return all.Items, err
	}, []string{"NAME", "RULE", "SUBJECT", "UNTIL", "APPROVED BY", "REASON"}, func(w *governance.WaiverView) []string {
		return []string{w.ID, w.Rule, w.Subject, w.Expires.Format(time.RFC3339), strings.Join(w.Approvers, ", "), w.Reason}
	})
}

type waiverEndCmd struct {
	dataFlag
	Name   string `arg:"" help:"Name of the waiver."`
	Reason string `required:"" help:"Why." placeholder:"TEXT"`
}

func (c *waiverEndCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if err := client.EndWaiver(ctx, c.Name, c.Reason); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "the waiver %s has ended\n", c.Name)
	return nil
}
