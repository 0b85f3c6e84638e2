package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/estate"
)

type iamWhoCanCmd struct {
	iamInput
	askFlags
	certificateFlag
	Hops int  `help:"How long a chain of roles is followed; 0: none." default:"4" placeholder:"N"`
	Root bool `help:"List the account's root user too, which only SCPs bind."`
	JSON bool `help:"Print JSON, one object a line."`
}

func (c *iamWhoCanCmd) Help() string {
	return `Lists every user and role that can do what is asked, with its condition, its end
and the statements it stands on. A profile asks for the whole invocation: every
leg must be allowed. Whoever gets there by assuming roles is listed with the
number of hops.

  writ iam who-can --account account.json --resource anthropic.claude-haiku-4-5-20251001-v1:0

Exit status 0: some can; 1: none.`
}

func (c *iamWhoCanCmd) Run(ctx context.Context) error {
	a, err := c.load(ctx, nil)
	if err != nil {
		return err
	}
	q, err := c.question(a.Facts)
	if err != nil {
		return err
	}
	all := a.Principals()
	if c.Root {
		for _, acct := range a.Estate.Accounts {
			all = append([]*estate.Principal{analyse.Root(acct)}, all...)
		}
	}
	out := bufio.NewWriter(os.Stdout)
	n := 0
	var certs []*certificate.Certificate
	err = a.WhoCan(ctx, q, all, c.Hops, func(h analyse.Holder) error {
		n++
		if c.Certificate != "" && len(h.Path) == 0 {
			cert, err := a.Certify(h.Principal, q)
			if err != nil {
				return fmt.Errorf("certifying the answer for %s: %w", h.Principal.ARN, err)
			}
			certs = append(certs, cert)
		}
		o := answerOf(a, h.Principal, q.Action, h.Answer)
		hops := len(h.Path)
		o.Hops, o.Path = &hops, h.Path
		if c.JSON {
			enc := json.NewEncoder(out)
			enc.SetEscapeHTML(false)
			return enc.Encode(o)
		}
		return whoCanLine(out, o)
	})
	if err = errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if err := c.write(certs, nil); err != nil {
		return err
	}
	if said := map[string]bool{}; !c.JSON {
		tell(a.Estate.Problems)
		fmt.Fprintf(os.Stderr, "%d of %d principals\n", n, len(all))
		for _, p := range all {
			for _, what := range a.Incomplete(p, q.Action) {
				if !said[what] {
					fmt.Fprintln(os.Stderr, "incomplete:", what)
				}
				said[what] = true
			}
		}
	}
	if n == 0 {
		return &negative{}
	}
	return nil
}

func whoCanLine(w *bufio.Writer, o iamAnswer) error {
	fmt.Fprintf(w, "%-12s %s", o.Decision, o.Principal)
	if o.Condition != nil {
		fmt.Fprintf(w, "  when %s", *o.Condition)
	}
	if o.Until != nil {
		fmt.Fprintf(w, "  until %s", *o.Until)
	}
	if len(o.Path) > 0 {
		via := make([]string, len(o.Path))
		for i, h := range o.Path {
			via[i] = shortName(h.To)
		}
		fmt.Fprintf(w, "  via %s", strings.Join(via, " → "))
	}
	_, err := fmt.Fprintln(w)
	return err
}
