package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

type notifyCmd struct {
	List  notifyListCmd  `cmd:"" help:"List the sinks, and how each is doing."`
	Test  notifyTestCmd  `cmd:"" help:"Send a test to a sink."`
	Dead  notifyDeadCmd  `cmd:"" help:"List the notifications that were given up."`
	Retry notifyRetryCmd `cmd:"" help:"Try notifications again that were given up."`
}

func (c *notifyCmd) Help() string {
	return `Sinks are places that are told of what happens on the people's road: webhooks that are
signed, mail, and Slack. They are set up under notify in the configuration file. What
cannot be sent is tried again for a good five hours, then kept as dead.

  writ notify test security
  writ notify dead
  writ notify retry --all`
}

type notifyListCmd struct {
	dataFlag
	JSON bool `help:"Print one JSON object per line."`
}

func (c *notifyListCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := client.Sinks(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all.Items)
	}
	rows := [][]string{{"NAME", "KIND", "WAITING", "DELIVERED", "DEAD", "TOLD BY"}}
	for _, s := range all.Items {
		rows = append(rows, []string{s.Name, string(s.Kind), strconv.FormatInt(s.Waiting, 10), strconv.FormatInt(s.Delivered, 10), strconv.FormatInt(s.Dead, 10), s.Holder})
	}
	return table(os.Stdout, rows...)
}

type notifyTestCmd struct {
	dataFlag
	Sink string `arg:"" help:"Name of the sink."`
}

func (c *notifyTestCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if err := client.TestSink(ctx, c.Sink); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "the receiver of %s has taken a test\n", c.Sink)
	return nil
}

type notifyDeadCmd struct {
	dataFlag
	JSON bool `help:"Print one JSON object per line."`
}

func (c *notifyDeadCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := client.DeadLetters(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printEach(all.Items)
	}
	rows := [][]string{{"ID", "SINK", "ABOUT", "SINCE", "ATTEMPTS", "ERROR"}}
	for _, d := range all.Items {
		rows = append(rows, []string{d.ID, d.Sink, d.Subject, d.Created.Format(time.RFC3339), strconv.Itoa(d.Attempts), d.Error})
	}
	return table(os.Stdout, rows...)
}

type notifyRetryCmd struct {
	dataFlag
	IDs []string `arg:"" optional:"" name:"id" help:"What to try again, as writ notify dead names it."`
	All bool     `help:"Everything that was given up."`
}

func (c *notifyRetryCmd) Run(ctx context.Context) error {
	if c.All == (len(c.IDs) > 0) {
		return withHint(fmt.Errorf("say which, or --all"), "writ notify dead lists them")
	}
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if c.All {
		dead, err := client.DeadLetters(ctx)
		if err != nil {
			return err
		}
		for _, d := range dead.Items {
			c.IDs = append(c.IDs, d.ID)
		}
	}
	for _, id := range c.IDs {
		if err := client.RetryLetter(ctx, id); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%d will be tried again\n", len(c.IDs))
	return nil
}
