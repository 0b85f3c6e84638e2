package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

type explainCmd struct {
	dataFlag
	Identity  string `required:"" help:"Who would call." placeholder:"ID"`
	Model     string `help:"Model or inference profile, by id or ARN; every operation needs one but ApplyGuardrail and ListAsyncInvokes." placeholder:"M"`
	Operation string `help:"Converse (default), ConverseStream, InvokeModel, InvokeModelWithResponseStream, ChatCompletions, ChatCompletionsStream, CountTokens, ApplyGuardrail, StartAsyncInvoke, GetAsyncInvoke or ListAsyncInvokes." placeholder:"O"`
	Region    string `help:"Region called; the gateway's own by default." placeholder:"R"`
	Context   string `help:"Part of a Cedar context, laid over the defaults." placeholder:"JSON"`
	Account   string `help:"AWS account called; by default that of the ARN, or the one that the identity's grants are for." placeholder:"ID"`
	JSON      bool   `help:"Print JSON."`
}

func (c *explainCmd) Help() string {
	return `Asks the gateway's own decision about a call that nobody made, and on a refusal
says which condition of which grant did not hold. Unless --context says otherwise
the call comes from 127.0.0.1, now, over a fresh session, with a prompt that was
read and holds nothing:

  writ explain --identity support-agent --model us.anthropic.claude-sonnet-4-5-20250929-v1:0 \
    --context '{"prompt":{"regulated":true}}'

A guardrail that is applied on its own is named in the context:

  writ explain --identity support-agent --operation ApplyGuardrail \
    --context '{"request":{"guardrail":{"id":"gr123","version":"1"}}}'

Exit status 0: permit or hold; 1: deny. With --json a deny is an answer like any
other, in the field decision, and the status is 0.`
}

func (c *explainCmd) Run(ctx context.Context) error {
	if err := c.complete(); err != nil {
		return err
	}
	in := api.ExplainRequest{Identity: c.Identity, Model: c.Model, Operation: c.Operation, Region: c.Region, Account: c.Account}
	if c.Context != "" {
		in.Context = json.RawMessage(c.Context)
		if !json.Valid(in.Context) {
			return withHint(errors.New("--context is not JSON"), `for example: --context '{"prompt":{"regulated":true}}'`)
		}
	}
	e, err := c.ask(ctx, in)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e)
	}
	err = printExplanation(e)
	if err == nil && e.Decision == policy.ExplainDeny {
		err = &negative{}
	}
	return err
}

// complete checks that the question can be asked.
func (c *explainCmd) complete() error {
	op := bedrock.Operation(c.Operation)
	if op == "" {
		op = bedrock.Converse
	}
	switch {
	case !op.Known():
		return withHint(fmt.Errorf("operation %q is not served", c.Operation), "one of %v", bedrock.Operations())
	case op.Invokes() && c.Model == "":
		return withHint(fmt.Errorf("%s needs --model", op), "a model or inference profile, by id or ARN")
	case !op.Invokes() && c.Model != "":
		return withHint(fmt.Errorf("%s is about no model", op), "leave --model out; name the guardrail in --context")
	}
	return nil
}

func (c *explainCmd) ask(ctx context.Context, in api.ExplainRequest) (e policy.Explanation, err error) {
	d, err := c.existing()
	if err != nil {
		return e, err
	}
	client, _, err := d.live(ctx)
	if err != nil {
		return e, err
	}
	if client != nil {
		raw, err := client.Explain(ctx, in)
		if err == nil {
			err = json.Unmarshal(raw, &e)
		}
		return e, err
	}
	state, err := stored(ctx, d)
	if err != nil {
		return e, err
	}
	return api.Explain(state, api.Place{Account: cmp.Or(c.Account, demoAccount), Region: "us-east-1"}, in, time.Now())
}

// stored is the state in a store that no server uses.
func stored(ctx context.Context, d dataDir) (*snapshot.Snapshot, error) {
	if err := d.needStore(); err != nil {
		return nil, err
	}
	db, err := store.OpenReadOnly(ctx, d.dsn())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	all, _, err := db.Resources(ctx)
	if err != nil {
		return nil, err
	}
	return snapshot.Of(all, time.Now())
}

func printExplanation(e policy.Explanation) error {
	fmt.Printf("%s (%s)\n", e.Decision, e.Code)
	if e.Grant != "" {
		fmt.Printf("by grant %s until %s\n", e.Grant, e.Until.Format(time.RFC3339))
	}
	rows := [][]string{}
	for _, l := range e.Legs {
		mark := "no"
		if l.Allowed {
			mark = "yes"
		}
		rows = append(rows, []string{"  " + mark, string(l.Kind), l.Action, l.Resource})
	}
	if err := table(os.Stdout, rows...); err != nil {
		return err
	}
	said := make(map[string]bool) // the policies of one grant say the same
	for _, r := range e.Reasons {
		if !said[r.Text] {
			fmt.Printf("%s %s: %s\n", r.Effect, r.Policy, r.Text)
		}
		said[r.Text] = true
	}
	for _, o := range e.Obligations {
		fmt.Printf("obligation %s by %s\n", o.Name, strings.Join(o.Policies, ", "))
	}
	return nil
}
