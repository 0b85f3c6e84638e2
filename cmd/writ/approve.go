package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

type approveCmd struct {
	dataFlag
	ID      string            `arg:"" help:"Id of the request."`
	For     time.Duration     `help:"Approve for less time than was asked." placeholder:"4h"`
	Narrow  map[string]string `help:"Approve less than was asked." placeholder:"K=V"`
	Reason  string            `help:"Why; the requester is told." placeholder:"TEXT"`
	As      string            `help:"Operator in whose place, who delegated to you." placeholder:"NAME"`
	Version int64             `help:"Refuse if the request is no longer at the version that was seen; writ request show --json says which. Default: what is shown before asking." placeholder:"N"`
	Yes     bool              `short:"y" help:"Do not ask. Nobody is asked either where standard input is no terminal."`
	JSON    bool              `help:"Print JSON; implies --yes."`
}

func (c *approveCmd) Help() string {
	return `Shows the request, asks, and approves its open stage, as it was shown: if it changes
meanwhile the approval is refused. Nobody approves their own, nor that of an identity
they answer for.

An approval may give less than was asked, never more. --narrow takes models, actions,
networks, regions, purposes, forbid or serviceTiers with a comma-separated list;
maxLevel, maxTokens or maxSessionAge with a value; noRegulated, noUnscanned, redact,
noTools or holdAnswer with true:

  writ approve 9a3e… --for 4h --narrow regions=eu-central-1 --narrow noTools=true`
}

func (c *approveCmd) Run(ctx context.Context) error {
	narrow, err := narrowing(c.Narrow)
	if err != nil {
		return err
	}
	in := api.DecideRequest{Verdict: request.Approve, Reason: c.Reason, Narrow: narrow, Duration: identity.Duration(c.For), For: c.As}
	return decide(ctx, c.dataFlag, c.ID, c.Version, in, c.Yes || c.JSON, c.JSON)
}

type denyCmd struct {
	dataFlag
	ID     string `arg:"" help:"Id of the request."`
	Reason string `required:"" help:"Why; the requester is told." placeholder:"TEXT"`
	As     string `help:"Operator in whose place, who delegated to you." placeholder:"NAME"`
	JSON   bool   `help:"Print JSON."`
}

func (c *denyCmd) Run(ctx context.Context) error {
	return decide(ctx, c.dataFlag, c.ID, 0, api.DecideRequest{Verdict: request.Deny, Reason: c.Reason, For: c.As}, true, c.JSON)
}

// decide shows a request, asks, and decides on what was shown.
func decide(ctx context.Context, data dataFlag, id string, version int64, in api.DecideRequest, sure, asJSON bool) error {
	client, _, err := data.needLive(ctx)
	if err != nil {
		return err
	}
	r, err := client.Request(ctx, id)
	if err != nil {
		return err
	}
	if version == 0 {
		version = r.Version
	}
	if !asJSON {
		if err := printRequest(os.Stderr, &r); err != nil {
			return err
		}
	}
	if !sure && !agreed(os.Stdin, os.Stderr, string(in.Verdict)+" this? [y/N] ") {
		return &negative{"nothing was decided"}
	}
	if r, err = client.Decide(ctx, id, version, in); err != nil {
		return err
	}
	if asJSON {
		return printJSON(r)
	}
	return sayWhere(r)
}

func sayWhere(r governance.RequestView) error {
	fmt.Fprintf(os.Stderr, "%s %s\n", r.ID, standing(&r))
	return nil
}

// narrowing reads --narrow: each field by its name in the JSON of a narrowing.
func narrowing(given map[string]string) (*rights.Narrowing, error) {
	if len(given) == 0 {
		return nil, nil
	}
	kinds := map[string]reflect.Kind{}
	for t, i := reflect.TypeFor[rights.Narrowing](), 0; i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		kinds[name] = t.Field(i).Type.Kind()
	}
	fields := map[string]any{}
	for name, text := range given {
		v, err := narrowed(name, text, kinds[name])
		if err != nil {
			return nil, err
		}
		fields[name] = v
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	out := new(rights.Narrowing)
	if err := dec.Decode(out); err != nil {
		return nil, fmt.Errorf("--narrow: %w", err)
	}
	return out, out.Validate()
}

func narrowed(name, text string, kind reflect.Kind) (any, error) {
	switch {
	case kind == reflect.Slice:
		return strings.Split(text, ","), nil
	case kind == reflect.Bool:
		return strconv.ParseBool(text)
	case name == "maxTokens" || name == "spendUSD":
		return strconv.ParseInt(text, 10, 64)
	case kind == reflect.Invalid:
		return nil, withHint(fmt.Errorf("--narrow %s: there is no such limit", name), "writ approve --help lists them")
	case text == "":
		return nil, errors.New("--narrow " + name + ": want a value")
	}
	return text, nil
}
