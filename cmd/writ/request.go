package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
)

type requestCmd struct {
	Create requestCreateCmd `cmd:"" help:"Ask for a right; show first who would decide."`
	List   requestListCmd   `cmd:"" help:"List requests: those that wait, or those that are over."`
	Show   requestShowCmd   `cmd:"" help:"Show one request, who may decide, and how it ended."`
	Cancel requestCancelCmd `cmd:"" help:"Withdraw a request that you made."`
}

func (c *requestCmd) Help() string {
	return `A right to invoke is asked for, judged by somebody who may judge, and held for a
time. A refused call tells its decision id; a request made from it asks for exactly
what was missing:

  writ request create --decision 5f0c… --for 8h --reason "month-end close"
  writ request list --to-decide
  writ approve 9a3e…
  writ grant list --identity invoice-triage`
}

type requestCreateCmd struct {
	dataFlag
	Decision    string            `help:"Decision id of a refused call, which says identity and entitlement." placeholder:"ID"`
	Identity    string            `help:"Identity that would hold the right." placeholder:"ID"`
	Entitlement string            `help:"Entitlement asked for." placeholder:"NAME"`
	For         time.Duration     `help:"How long, from activation. Default: as long as the entitlement allows." placeholder:"8h"`
	Start       time.Time         `help:"When it begins (RFC 3339). Default: once approved." placeholder:"TIME"`
	Reason      string            `help:"Why; the approvers read it." placeholder:"TEXT"`
	Ticket      string            `help:"Where the reason is kept." placeholder:"ID"`
	Narrow      map[string]string `help:"Ask for less than the entitlement: models, regions, networks … = a comma-separated list; see writ approve --help." placeholder:"K=V"`
	Spend       *int64            `help:"Expected spend, USD a month." placeholder:"USD"`
	Emergency   bool              `help:"Break-glass: in force at once, for the shortest time, told to everyone, reviewed afterwards."`
	Preview     bool              `help:"Only show who would decide."`
	Wait        bool              `help:"Wait until it is decided; exit status 1 unless it is approved."`
	JSON        bool              `help:"Print JSON."`
}

func (c *requestCreateCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	in, err := c.order(ctx, client)
	if err != nil {
		return err
	}
	p, err := client.Preview(ctx, in)
	if err != nil {
		return err
	}
	if c.Preview && c.JSON {
		return printJSON(p)
	}
	printPreview(os.Stderr, in, p)
	if c.Preview {
		return nil
	}
	r, err := client.Submit(ctx, in)
	if err != nil {
		return err
	}
	if c.Wait {
		if r, err = c.follow(ctx, client, r); err != nil {
			return err
		}
	}
	return c.answer(r)
}

// order words what is asked for. From a decision it takes the identity, and the
// entitlement where only one would do.
func (c *requestCreateCmd) order(ctx context.Context, client *api.Client) (api.SubmitRequest, error) {
	in := api.SubmitRequest{Justification: c.Reason, Ticket: c.Ticket, Answers: c.Decision}
	narrow, err := narrowing(c.Narrow)
	if err != nil {
		return in, err
	}
	g := api.GrantOrder{
		Identity: c.Identity, Entitlement: c.Entitlement, Duration: identity.Duration(c.For), Start: c.Start, Narrow: narrow,
		Emergency: c.Emergency, SpendUSD: c.Spend,
	}
	if c.Decision != "" {
		if err := choose(ctx, client, c.Decision, &g); err != nil {
			return in, err
		}
	}
	if g.Identity == "" || g.Entitlement == "" {
		return in, withHint(errors.New("what is asked for is not said"), "give --decision ID, or --identity ID and --entitlement NAME; writ get entitlements lists them")
	}
	in.Grant = &g
	return in, nil
}

// choose completes an order by the call that was refused.
func choose(ctx context.Context, client *api.Client, decision string, g *api.GrantOrder) error {
	d, err := client.Decision(ctx, decision)
	if err != nil {
		return err
	}
	g.Identity = cmp.Or(g.Identity, d.Identity)
	fmt.Fprintf(os.Stderr, "%s was refused %s of %s (%s)\n", d.Identity, d.Operation, cmp.Or(d.Model, "no model"), d.Time.Format(time.RFC3339))
	if g.Entitlement != "" {
		return nil
	}
	offers, err := client.Offers(ctx, decision)
	if err != nil {
		return err
	}
	switch len(offers.Items) {
	case 0:
		return withHint(errors.New("no entitlement would permit that call"), "writ explain --identity %s --model %s says which rule refuses it", d.Identity, cmp.Or(d.Model, "…"))
	case 1:
		g.Entitlement = offers.Items[0].Name
		return nil
	}
	rows := [][]string{{"ENTITLEMENT", "TIER", "TITLE"}}
	for _, o := range offers.Items {
		rows = append(rows, []string{o.Name, o.Tier, o.Title})
	}
	if err := table(os.Stderr, rows...); err != nil {
		return err
	}
	return withHint(errors.New("several entitlements would permit that call"), "name the one that is meant: --entitlement NAME")
}

func printPreview(w io.Writer, in api.SubmitRequest, p governance.Preview) {
	fmt.Fprintf(w, "asking for %s under %s for %v\n", in.Grant.Identity, in.Grant.Entitlement, p.Duration)
	if p.Automatic != "" {
		fmt.Fprintf(w, "decided at once by the rule %s\n", p.Automatic)
	}
	for i, s := range p.Stages {
		fmt.Fprintf(w, "stage %d %s: %d of %s\n", i+1, s.Name, s.Needed, strings.Join(s.Eligible, ", "))
	}
	for _, c := range p.Conflicts {
		fmt.Fprintf(w, "duties meet: %s: %s (rule %s)%s\n", c.Subject, c.Title, c.Rule, waived(c.Waiver))
	}
}

func waived(name string) string {
	if name == "" {
		return ""
	}
	return ", excused by the waiver " + name
}

// follow asks until the request is decided, telling each step once.
func (c *requestCreateCmd) follow(ctx context.Context, client *api.Client, r governance.RequestView) (governance.RequestView, error) {
	said := ""
	for !r.State.Over() {
		if now := standing(&r); now != said {
			fmt.Fprintf(os.Stderr, "%s: %s\n", r.ID, now)
			said = now
		}
		select {
		case <-ctx.Done():
			return r, withHint(errors.New("stopped waiting; the request still waits"), "writ request show %s", r.ID)
		case <-time.After(2 * time.Second):
		}
		var err error
		if r, err = client.Request(ctx, r.ID); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (c *requestCreateCmd) answer(r governance.RequestView) error {
	if c.JSON {
		if err := printJSON(r); err != nil {
			return err
		}
	} else {
		fmt.Println(r.ID)
		fmt.Fprintf(os.Stderr, "%s\n", standing(&r))
	}
	if c.Wait && r.State != request.Approved {
		return &negative{}
	}
	return nil
}

// standing is where a request is, in a few words.
func standing(r *governance.RequestView) string {
	switch {
	case r.State == request.InStage && r.Stage < len(r.Stages):
		text := fmt.Sprintf("waits at stage %d of %d, %s", r.Stage+1, len(r.Stages), r.Stages[r.Stage].Name)
		if len(r.Eligible) > 0 {
			text += ", for " + strings.Join(r.Eligible, ", ")
		}
		return text
	case r.Outcome != "" && r.State == request.Approved:
		return fmt.Sprintf("%s: %s", r.State, r.Outcome)
	case r.Reason != "":
		return fmt.Sprintf("%s: %s", r.State, r.Reason)
	}
	return string(r.State)
}

type requestListCmd struct {
	dataFlag
	ToDecide bool   `help:"Only those that you may decide on now."`
	Mine     bool   `help:"Only those that you made."`
	Over     bool   `help:"Those that have ended, newest first."`
	Identity string `help:"Only those about this identity." placeholder:"ID"`
	Kind     string `enum:",grant,change,lift,waiver,review" default:"" help:"Only grant, change, lift, waiver or review."`
	Limit    int    `default:"0" help:"How many at most. Default: all." placeholder:"N"`
	JSON     bool   `help:"Print one JSON object per line."`
}

func (c *requestListCmd) Run(ctx context.Context) error {
	q := query("identity", c.Identity, "kind", c.Kind)
	switches(q, map[string]bool{"toDecide": c.ToDecide, "mine": c.Mine, "over": c.Over})
	return listed(ctx, c.dataFlag, c.JSON, func(client *api.Client) ([]governance.RequestView, error) {
		return every(c.Limit, q, func(q url.Values) (api.List[governance.RequestView], error) { return client.Requests(ctx, q) })
	}, []string{"ID", "KIND", "ABOUT", "BY", "STATE"}, func(r *governance.RequestView) []string {
		return []string{r.ID, string(r.Kind), subject(r), r.Requester.Operator, standing(r)}
	})
}

// subject is what a request is about, in a few words.
func subject(r *governance.RequestView) string {
	switch a := r.Ask; {
	case a.Grant != nil && a.Grant.Emergency:
		return "EMERGENCY " + a.Grant.Identity + " under " + a.Grant.Entitlement
	case a.Grant != nil:
		return a.Grant.Identity + " under " + a.Grant.Entitlement
	case a.Change != nil:
		var names []string
		for _, ch := range a.Change.Changes {
			names = append(names, ch.Op+" "+ch.Kind+"/"+ch.Name)
		}
		return strings.Join(names, ", ")
	case a.Lift != nil:
		return "lift " + a.Lift.Quarantine + " of " + a.Lift.Target.String()
	case a.Waiver != nil:
		return a.Waiver.Rule + " for " + a.Waiver.Subject
	case a.Review != nil:
		return "emergency " + a.Review.Grant + " taken by " + a.Review.By.Operator
	}
	return "nothing"
}

type requestShowCmd struct {
	dataFlag
	ID   string `arg:"" help:"Id of the request."`
	JSON bool   `help:"Print JSON."`
}

func (c *requestShowCmd) Run(ctx context.Context) error {
	return showOne(ctx, c.dataFlag, c.JSON, func(client *api.Client) (governance.RequestView, error) { return client.Request(ctx, c.ID) },
		func(r *governance.RequestView) error { return printRequest(os.Stdout, r) })
}

func printRequest(w io.Writer, r *governance.RequestView) error {
	rows := [][]string{
		{"request", r.ID}, {"kind", string(r.Kind)}, {"about", subject(r)}, {"by", r.Requester.Operator + " (" + r.Requester.Via + ")"},
		{"made", r.Created.Format(time.RFC3339)}, {"state", standing(r)},
	}
	for _, row := range [][]string{{"reason", r.Justification}, {"ticket", r.Ticket}, {"answers", r.Answers}, {"outcome", r.Outcome}} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if !r.State.Over() && !r.Expires.IsZero() {
		rows = append(rows, []string{"expires", r.Expires.Format(time.RFC3339)})
	}
	if a := r.Ask.Grant; a != nil {
		rows = append(rows, []string{"for", a.Duration.String()})
	}
	rows = append(rows, changed(r)...)
	for _, d := range r.Decisions {
		rows = append(rows, []string{string(d.Verdict), spoken(&d)})
	}
	for _, k := range r.Conflicts {
		rows = append(rows, []string{"duties meet", fmt.Sprintf("%s: %s (rule %s)%s", k.Subject, k.Title, k.Rule, waived(k.Waiver))})
	}
	return table(w, rows...)
}

// changed lists what a change would widen, which is what its deciders judge.
func changed(r *governance.RequestView) [][]string {
	if r.Ask.Change == nil {
		return nil
	}
	var rows [][]string
	for _, wide := range r.Ask.Change.Widens {
		rows = append(rows, []string{"widens", fmt.Sprintf("%s: %s (by %s)", cmp.Or(wide.Grant, wide.Operator), wide.Text, wide.Cause)})
	}
	return rows
}

func spoken(d *request.Decision) string {
	who := cmp.Or(d.By.Operator, "rule "+d.Automatic)
	if d.For != nil {
		who += " for " + d.For.Operator
	}
	text := fmt.Sprintf("%s at %s", who, d.At.Format(time.RFC3339))
	if d.Duration > 0 {
		text += fmt.Sprintf(", for %v", d.Duration)
	}
	if d.Reason != "" {
		text += ": " + d.Reason
	}
	return text
}

type requestCancelCmd struct {
	dataFlag
	ID     string `arg:"" help:"Id of the request."`
	Reason string `help:"Why." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *requestCancelCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	r, err := client.Cancel(ctx, c.ID, c.Reason)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(r)
	}
	fmt.Fprintf(os.Stderr, "%s is withdrawn\n", r.ID)
	return nil
}
