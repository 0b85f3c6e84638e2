package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/hold"
)

type holdCmd struct {
	List    holdListCmd    `cmd:"" help:"List what waits for a human, or waited."`
	Show    holdShowCmd    `cmd:"" help:"Show who asks for what, with the exact arguments."`
	Release holdReleaseCmd `cmd:"" help:"Let what waits go on, or some of its calls."`
	Edit    holdEditCmd    `cmd:"" help:"Release a call with other arguments."`
	Reject  holdRejectCmd  `cmd:"" help:"Reject what waits."`
}

func (c *holdCmd) Help() string {
	return `An answer, or the tool calls in it that write, can wait until people have looked at
them. Nobody decides on what an identity asked for that they answer for.

  writ hold list --to-decide
  writ hold show 9a3e…
  writ hold release 9a3e… --reason "invoice 7 is due"
  writ hold edit 9a3e… --call 0 --arguments '{"invoice": 7, "amount": 1200}'
  writ hold reject 9a3e… --reason "paid already"

What is released carries a receipt for the system that carries it out: see
writ receipt verify.`
}

type holdListCmd struct {
	dataFlag
	ToDecide bool   `help:"Only those that you may decide on now."`
	State    string `enum:",pending,released,rejected,expired" default:"" help:"Only those that are pending, released, rejected or expired. Default: pending."`
	Over     bool   `help:"Those that were decided or expired, whichever."`
	Purged   bool   `help:"Those whose content is gone."`
	Identity string `help:"Only those of this identity." placeholder:"ID"`
	Limit    int    `default:"0" help:"How many at most. Default: all." placeholder:"N"`
	JSON     bool   `help:"Print one JSON object per line."`
}

func (c *holdListCmd) Run(ctx context.Context) error {
	q := query("identity", c.Identity, "state", c.State)
	switches(q, map[string]bool{"toDecide": c.ToDecide, "over": c.Over, "purged": c.Purged})
	return listed(ctx, c.dataFlag, c.JSON, func(client *api.Client) ([]governance.HoldView, error) {
		return every(c.Limit, q, func(q url.Values) (api.List[governance.HoldView], error) { return client.Holds(ctx, q) })
	}, []string{"ID", "IDENTITY", "WAITS", "STATE", "EXPIRES"}, func(v *governance.HoldView) []string {
		return []string{v.ID, v.Identity, asksFor(v), heldStanding(v), expiry(v)}
	})
}

// maxNamed is how many tools are named where there is little room.
const maxNamed = 3

// asksFor is what waits, in a few words.
func asksFor(v *governance.HoldView) string {
	var tools []string
	for _, call := range v.Calls {
		if !slices.Contains(tools, call.Tool) {
			tools = append(tools, call.Tool)
		}
	}
	if len(tools) > maxNamed {
		tools = append(tools[:maxNamed], "…")
	}
	if v.Whole {
		tools = append([]string{"the whole answer"}, tools...)
	}
	return strings.Join(tools, ", ")
}

// heldStanding is where a hold is, in a few words.
func heldStanding(v *governance.HoldView) string {
	switch {
	case v.State != hold.Pending && v.Reason != "":
		return string(v.State) + ": " + shownInline(v.Reason)
	case v.State != hold.Pending:
		return string(v.State)
	}
	text := "waits"
	if v.Wanted > 1 {
		text = fmt.Sprintf("waits, %d of %d have agreed", v.Given, v.Wanted)
	}
	if len(v.Eligible) > 0 {
		return text + ", for " + strings.Join(v.Eligible, ", ")
	}
	return text + ", and nobody may decide"
}

func expiry(v *governance.HoldView) string {
	if v.State != hold.Pending {
		return "—"
	}
	return "in " + max(0, time.Until(v.Expires)).Round(time.Second).String()
}

// shownInline is a text that somebody wrote, as one line that is safe to print.
func shownInline(text string) string {
	return strings.ReplaceAll(hold.Readable(text), "\n", " / ")
}

type holdShowCmd struct {
	dataFlag
	ID   string `arg:"" help:"Id of the hold."`
	JSON bool   `help:"Print JSON."`
}

func (c *holdShowCmd) Run(ctx context.Context) error {
	return showOne(ctx, c.dataFlag, c.JSON, func(client *api.Client) (governance.HoldView, error) { return client.Hold(ctx, c.ID) },
		func(v *governance.HoldView) error { return printHold(os.Stdout, v) })
}
