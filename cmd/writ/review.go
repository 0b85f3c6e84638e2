package main

import (
	"context"
	"net/url"
	"os"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/request"
)

type reviewCmd struct {
	List  reviewListCmd  `cmd:"" help:"List emergencies that wait for their review."`
	Close reviewCloseCmd `cmd:"" help:"Say whether an emergency was justified. Who took it cannot."`
}

func (c *reviewCmd) Help() string {
	return `Taking an emergency grant opens a review that stays open until somebody else has looked
at what it was used for (writ audit tail --identity …) and closes it.`
}

type reviewListCmd struct {
	dataFlag
	Over bool `help:"Those that are closed."`
	JSON bool `help:"Print one JSON object per line."`
}

func (c *reviewListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	q := query("kind", string(request.ForReview))
	switches(q, map[string]bool{"over": c.Over})
	all, err := every(0, q, func(q url.Values) (api.List[governance.RequestView], error) { return client.Requests(ctx, q) })
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all)
	}
	rows := [][]string{{"ID", "GRANT", "IDENTITY", "TAKEN BY", "OPEN SINCE", "STATE"}}
	for _, r := range all {
		if a := r.Ask.Review; a != nil {
			rows = append(rows, []string{r.ID, a.Grant, a.Identity, a.By.Operator, r.Created.Format(time.RFC3339), standing(&r)})
		}
	}
	return table(os.Stdout, rows...)
}

type reviewCloseCmd struct {
	dataFlag
	ID          string `arg:"" help:"Id of the review."`
	Unjustified bool   `help:"It was not justified."`
	Reason      string `required:"" help:"What the review found." placeholder:"TEXT"`
	JSON        bool   `help:"Print JSON."`
}

func (c *reviewCloseCmd) Run(ctx context.Context) error {
	in := api.DecideRequest{Verdict: request.Approve, Reason: c.Reason}
	if c.Unjustified {
		in.Verdict = request.Deny
	}
	return decide(ctx, c.dataFlag, c.ID, 0, in, true, c.JSON)
}
