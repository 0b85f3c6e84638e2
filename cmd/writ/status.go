package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/governance"
)

type statusCmd struct {
	dataFlag
	JSON  bool `help:"Print JSON."`
	Ready bool `help:"Only say whether calls would be let through, by the exit status: 0 yes, 1 no. For probes."`
}

func (c *statusCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if c.Ready {
		if !s.Ready {
			return &negative{"not ready: " + s.Reason}
		}
		return nil
	}
	if c.JSON {
		return printJSON(s)
	}
	ready, upstream := "yes", s.Upstream
	if !s.Ready {
		ready = "NO: " + s.Reason
	}
	if s.StandIn {
		upstream += " (stand-in, not Bedrock)"
	}
	rows := [][]string{
		{"version", s.Version},
		{"ready", ready},
		{"up for", time.Since(s.Started).Round(time.Second).String()},
		{"standing", s.Standing},
		{"upstream", upstream},
		{"state", fmt.Sprintf("revision %d, %d identities, %d grants", s.Revision, s.Identities, s.Grants)},
		{"rules", s.Bundle},
		{"audit log", fmt.Sprintf("%s, %d records, root %s", s.LogOrigin, s.LogSize, s.LogRoot)},
		{"open calls", strconv.Itoa(s.OpenCalls)},
		{"observe mode", observeLine(s.Observe)},
		{"validations", validationsLine(s.Validations)},
	}
	return table(os.Stdout, append(rows, peopleRows(s)...)...)
}

// validationsLine says what a model needs soon, the most urgent first.
func validationsLine(due []governance.ValidationDue) string {
	if len(due) == 0 {
		return "none ends within 30 days"
	}
	more := ""
	if len(due) > 1 {
		more = fmt.Sprintf(", and %d more", len(due)-1)
	}
	return dueText(&due[0]) + more
}

func dueText(d *governance.ValidationDue) string {
	text := fmt.Sprintf("%s of %s is %s", d.Validation.Kind, d.Model, d.Validation.State)
	if d.Left > 0 {
		text = fmt.Sprintf("%s of %s ends in %d days", d.Validation.Kind, d.Model, int(d.Left.Hours())/24)
	}
	if len(d.Identities) > 0 {
		text += "; it stops " + strings.Join(d.Identities, ", ")
	}
	return text
}

type whoamiCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *whoamiCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	who, err := client.Whoami(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(who)
	}
	fmt.Printf("%s (may %s)\n", who.Operator, strings.Join(who.Rights, ", "))
	return nil
}
