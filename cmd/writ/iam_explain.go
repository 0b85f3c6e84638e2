package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/writ-project/writ/internal/rights"
)

type iamExplainCmd struct {
	onePrincipal
	JSON bool `help:"Print JSON."`
}

func (c *iamExplainCmd) Help() string {
	return `Says why a principal can or cannot: every leg, the statements, a request that is
allowed, and for each key that matters the nearest request that is denied.

  writ iam explain --account account.json --principal role/support-agent \
    --resource us.anthropic.claude-sonnet-4-5-20250929-v1:0

Exit status 0: it can; 1: it cannot. With --json the status is 0.`
}

func (c *iamExplainCmd) Run(ctx context.Context) error {
	a, p, q, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	ans, flips, err := a.Explain(p, q)
	if err != nil {
		return err
	}
	out := answerOf(a, p, q.Action, ans)
	if c.JSON {
		return printJSON(struct {
			iamAnswer
			Flips []rights.Flip `json:"flips"`
		}{out, orEmpty(flips)})
	}
	tell(a.Estate.Problems)
	printAnswer(out, q)
	printWitness(out.Witness)
	for i, f := range flips {
		if i == 0 {
			fmt.Println("denied if one of these changes")
		}
		fmt.Printf("  %s: %s instead of %s", f.Key, shown(f.Other), shown(f.Value))
		for _, by := range f.By {
			fmt.Printf("\n      by %s", by)
		}
		fmt.Println()
	}
	if !ans.Decision.Can() {
		return &negative{}
	}
	return nil
}

// printWitness prints a request, a key a line.
func printWitness(w *rights.Witness) {
	if w == nil {
		return
	}
	fmt.Println("for example")
	fmt.Printf("  %s on %s\n", w.Action, w.Resource)
	for _, k := range slices.Sorted(maps.Keys(w.Context)) {
		fmt.Printf("  %s = %s\n", k, shown(w.Context[k]))
	}
	for _, k := range w.Absent {
		fmt.Printf("  %s absent\n", k)
	}
}

func shown(v any) string {
	if v == nil {
		return "(absent)"
	}
	return fmt.Sprint(v)
}
