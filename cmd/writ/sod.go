package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/writ-project/writ/internal/sod"
)

type sodCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *sodCmd) Help() string {
	return `Lists where two duties meet in one hand that must be kept apart, with the waiver that
excuses it if there is one, and what of the rules cannot be looked for. The built-in
rules are in docs/separation-of-duties.md; your own are resources of kind SoDRule.

Exit status 0: nothing that no waiver excuses; 1: something.`
}

func (c *sodCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := client.Conflicts(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(all)
	}
	open := 0
	rows := [][]string{{"RULE", "SEVERITY", "SUBJECT", "MEETS", "WITH", "WAIVER"}}
	for _, k := range all.Items {
		if k.Waiver == "" {
			open++
		}
		rows = append(rows, []string{k.Rule, k.Severity, k.Subject, dutyText(k.Left), dutyText(k.Right), k.Waiver})
	}
	if len(all.Items) == 0 {
		fmt.Fprintln(os.Stderr, "no duties meet that must be kept apart, as far as can be seen")
	} else if err := table(os.Stdout, rows...); err != nil {
		return err
	}
	for _, line := range gapLines(all.NotEvaluable) {
		fmt.Fprintln(os.Stderr, line)
	}
	if open > 0 {
		return &negative{fmt.Sprintf("%d conflicts that no waiver excuses", open)}
	}
	return nil
}

// gapLines say what could not be looked for, one line for a duty.
func gapLines(gaps []sod.Gap) []string {
	var order []string
	rules := make(map[string][]string)
	for _, g := range gaps {
		what := fmt.Sprintf("who may %s (%s)", g.Duty.Text(), g.Reason)
		if rules[what] == nil {
			order = append(order, what)
		}
		rules[what] = append(rules[what], g.Rule)
	}
	var out []string
	for _, what := range order {
		out = append(out, "not wholly known: "+what+"; rules "+strings.Join(rules[what], ", "))
	}
	return out
}

func dutyText(h sod.Held) string {
	if h.Object == "" {
		return string(h.Duty)
	}
	return string(h.Duty) + " " + h.Object
}
