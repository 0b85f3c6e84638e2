package main

import (
	"context"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/rights"
)

type quarantineCmd struct {
	Add  quarantineAddCmd  `cmd:"" help:"Stop an identity, model, session, network or tag at once."`
	List quarantineListCmd `cmd:"" help:"List what is quarantined."`
	Lift quarantineLiftCmd `cmd:"" help:"Ask for the end of a quarantine; somebody else has to agree."`
}

func (c *quarantineCmd) Help() string {
	return `A quarantine refuses every call of its target, whatever is granted, cuts open calls and
gives no sessions. It takes nothing away: once lifted, everything is as before. One
person sets it, at once; lifting it takes another's approval.

  writ quarantine add identity invoice-triage --reason "answers leak to a paste site"
  writ quarantine add model family:anthropic.claude --reason "vendor advisory"
  writ quarantine add network 192.0.2.0/24 --reason "compromised subnet"
  writ quarantine add tag team-payments --reason "credential found in a repository"`
}

type quarantineAddCmd struct {
	dataFlag
	Kind    string        `arg:"" enum:"identity,model,session,network,tag" help:"identity, model, session, network or tag."`
	Name    string        `arg:"" help:"Its name: a model's id, profile, ARN, family:… or provider:…; a network's name or CIDR; a session's id."`
	Reason  string        `required:"" help:"Why; it is recorded, and told to whom it concerns." placeholder:"TEXT"`
	NoWait  bool          `help:"Do not wait until every replica knows."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the replicas."`
	JSON    bool          `help:"Print JSON."`
}

func (c *quarantineAddCmd) Run(ctx context.Context) error {
	return stop{c.dataFlag, api.StopOrder{Target: rights.Target{Kind: rights.TargetKind(c.Kind), Name: c.Name}, Reason: c.Reason}, "quarantined", !c.NoWait, c.Timeout, c.JSON}.run(ctx, (*api.Client).Quarantine)
}

type quarantineListCmd struct {
	dataFlag
	JSON bool `help:"Print one JSON object per line."`
}

func (c *quarantineListCmd) Run(ctx context.Context) error {
	return listed(ctx, c.dataFlag, c.JSON, func(client *api.Client) ([]governance.QuarantineView, error) {
		all, err := client.Quarantines(ctx)
		return all.Items, err
	}, []string{"NAME", "TARGET", "BY", "SINCE", "REASON"}, func(q *governance.QuarantineView) []string {
		return []string{q.ID, q.Target.String(), q.By, q.At.Format(time.RFC3339), q.Reason}
	})
}

type quarantineLiftCmd struct {
	dataFlag
	Name   string `arg:"" help:"Name of the quarantine; writ quarantine list says it."`
	Reason string `required:"" help:"Why it can end; the approver reads it." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *quarantineLiftCmd) Run(ctx context.Context) error {
	return filed(ctx, c.dataFlag, c.JSON, api.SubmitRequest{Lift: &api.LiftOrder{Quarantine: c.Name}, Justification: c.Reason})
}
