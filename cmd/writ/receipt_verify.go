package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/receipt"
)

type receiptVerifyCmd struct {
	keySource
	Token     string `arg:"" help:"The receipt; - reads it from stdin."`
	Tool      string `required:"" help:"Tool that is about to be carried out." placeholder:"T"`
	Arguments string `required:"" help:"Its arguments: JSON, or a file with them." placeholder:"JSON|FILE"`
	Keys      string `help:"File with the public keys, so that nobody is asked." placeholder:"FILE" type:"path"`
	Issuer    string `help:"Installation whose word counts; the one that the keys name otherwise." placeholder:"NAME"`
	Identity  string `help:"Identity that asks; anybody otherwise." placeholder:"ID"`
	Audience  string `help:"Name of this system, for receipts that are for one only." placeholder:"NAME"`
	Nonces    string `help:"File that remembers used receipts; this one is used up by the check." placeholder:"FILE" type:"path"`
	JSON      bool   `help:"Print the verdict and the claims as JSON."`
}

func (c *receiptVerifyCmd) Help() string {
	return `Says whether a human released exactly this: this tool with these arguments. The
receipt comes with the released answer (header X-Writ-Receipt, or GET
/writ/v1/receipts/ID), and everything is checked on this machine:

  writ receipt verify --tool post_payment --arguments payment.json \
    --keys writ-keys.json --nonces used.txt "$RECEIPT"

White space and the order of members make no difference to arguments; anything
else does. A receipt counts once, and only with --nonces is it known whether it
was used before. Programs do the same with the Go package receipt, and remember
a receipt in the transaction that does the write: see docs/receipts.md.

Exit status 0: released; 1: refused, and why; 2: the check could not be made.`
}

// receiptVerdict is what --json prints.
type receiptVerdict struct {
	Verdict   string          `json:"verdict"`              // released or refused
	Reason    string          `json:"reason,omitempty"`     // why it is refused
	SingleUse string          `json:"single_use,omitempty"` // used by this check, or unchecked
	Claims    *receipt.Claims `json:"claims,omitempty"`
}

func (c *receiptVerifyCmd) Run(ctx context.Context) error {
	token, want, err := c.question()
	if err != nil {
		return err
	}
	keys, err := c.trusted(ctx)
	if err != nil {
		return err
	}
	if want.Issuer = cmp.Or(c.Issuer, keys.Issuer); want.Issuer == "" {
		return withHint(errors.New("whose receipts count is not said, and the keys do not say it"), "name the installation: --issuer NAME")
	}
	v := receiptVerdict{Verdict: "released", SingleUse: "unchecked"}
	var claims receipt.Claims
	if c.Nonces == "" {
		claims, err = receipt.Check(token, keys, want)
	} else {
		v.SingleUse = "used by this check"
		claims, err = receipt.Verify(ctx, token, keys, want, nonceFile(c.Nonces))
	}
	switch {
	case errors.Is(err, receipt.ErrNonces):
		return withHint(err, "the receipt is not used up: put the file right and try again")
	case errors.Is(err, receipt.ErrKeys):
		return err
	case err != nil:
		return c.refuse(err)
	}
	v.Claims = &claims
	return c.tell(v)
}

// question reads the token and what is asked about it.
func (c *receiptVerifyCmd) question() (token string, want receipt.Expect, err error) {
	want = receipt.Expect{Tool: c.Tool, Identity: c.Identity, Audience: c.Audience, Now: time.Now()}
	token = c.Token
	if token == "-" {
		b, err := readAtMost("-", receipt.MaxToken+2)
		if err != nil {
			return "", want, err
		}
		token = string(b)
	}
	want.Arguments = []byte(c.Arguments)
	if !strings.ContainsAny(c.Arguments[:min(1, len(c.Arguments))], "{[\" \t\r\n") {
		want.Arguments, err = readAtMost(c.Arguments, receipt.MaxArguments)
		if err != nil {
			return "", want, withHint(fmt.Errorf("reading the arguments: %w", err), "--arguments takes JSON that begins with a brace, or the name of a file with JSON")
		}
	}
	return strings.TrimSpace(token), want, nil
}

// trusted are the keys that count.
func (c *receiptVerifyCmd) trusted(ctx context.Context) (receipt.Keys, error) {
	if c.Keys != "" {
		return keysIn(c.Keys)
	}
	return c.load(ctx)
}

func (c *receiptVerifyCmd) refuse(why error) error {
	if c.JSON {
		if err := printJSON(receiptVerdict{Verdict: "refused", Reason: why.Error()}); err != nil {
			return err
		}
		return &negative{}
	}
	return &negative{"REFUSED: " + why.Error()}
}

func (c *receiptVerifyCmd) tell(v receiptVerdict) error {
	if c.Nonces == "" {
		fmt.Fprintln(os.Stderr, "whether it was used before is not known: --nonces FILE remembers")
	}
	if c.JSON {
		return printJSON(v)
	}
	edited := ""
	if v.Claims.Edited {
		edited = ", with arguments that a human changed"
	}
	by := make([]string, len(v.Claims.Approvers))
	for i, a := range v.Claims.Approvers {
		by[i] = oneLine(a)
	}
	fmt.Printf("released: %s for %s%s\n", oneLine(v.Claims.Tool), oneLine(v.Claims.Identity), edited)
	return table(os.Stdout, [][]string{
		{"  by", strings.Join(by, ", ")},
		{"  at", time.Unix(v.Claims.IssuedAt, 0).UTC().Format(time.RFC3339)},
		{"  until", time.Unix(v.Claims.Expires, 0).UTC().Format(time.RFC3339)},
		{"  hold", oneLine(v.Claims.Hold) + ", call " + oneLine(v.Claims.Call)},
		{"  record", fmt.Sprintf("%d of %s", v.Claims.LogIndex, oneLine(v.Claims.LogOrigin))},
		{"  single use", v.SingleUse},
	}...)
}

// oneLine is text that a model or an installation chose, as a terminal may
// show it.
func oneLine(s string) string {
	if quoted := strconv.QuoteToASCII(s); quoted != `"`+s+`"` {
		return quoted
	}
	return s
}
