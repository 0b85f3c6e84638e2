package main

import (
	"context"
	"fmt"
	"os"
)

type sessionsCmd struct {
	Revoke sessionsRevokeCmd `cmd:"" help:"Void every session that an identity holds; cut its open calls."`
}

type sessionsRevokeCmd struct {
	dataFlag
	Identity string `arg:"" help:"Identity whose sessions end."`
}

func (c *sessionsRevokeCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if err := client.RevokeSessions(ctx, c.Identity); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "every session of %s minted until now is void\n", c.Identity)
	return nil
}

type keysCmd struct {
	Rotate keysRotateCmd `cmd:"" help:"Make new session and receipt keys; what the old ones made counts until it expires."`
}

type keysRotateCmd struct {
	dataFlag
	Emergency bool `help:"Void every session and receipt at once, without overlap."`
}

func (c *keysRotateCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if err := client.Rotate(ctx, c.Emergency); err != nil {
		return err
	}
	if c.Emergency {
		fmt.Fprintln(os.Stderr, "new keys are in use; every session minted and receipt signed until now is void")
	} else {
		fmt.Fprintln(os.Stderr, "new keys are in use; sessions and receipts made until now count until they expire")
	}
	return nil
}
