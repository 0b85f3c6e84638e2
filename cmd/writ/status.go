package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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
	return table(os.Stdout,
		[]string{"version", s.Version},
		[]string{"ready", ready},
		[]string{"up for", time.Since(s.Started).Round(time.Second).String()},
		[]string{"standing", s.Standing},
		[]string{"upstream", upstream},
		[]string{"state", fmt.Sprintf("revision %d, %d identities, %d grants", s.Revision, s.Identities, s.Grants)},
		[]string{"rules", s.Bundle},
		[]string{"audit log", fmt.Sprintf("%s, %d records, root %s", s.LogOrigin, s.LogSize, s.LogRoot)},
		[]string{"open calls", strconv.Itoa(s.OpenCalls)},
		[]string{"observe mode", observeLine(s.Observe)},
	)
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
