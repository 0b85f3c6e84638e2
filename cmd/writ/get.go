package main

import (
	"context"
	"fmt"
	"os"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

type getCmd struct {
	dataFlag
	Kind   string `arg:"" help:"Kind: identity, binding, issuer, network, model, profile, validation, entitlement, grant or policy."`
	Name   string `arg:"" optional:"" help:"Name; without it all are listed."`
	Output string `short:"o" enum:"name,yaml,json" default:"name" help:"name, yaml or json (one object per line). A named resource prints as YAML."`
	JSON   bool   `help:"The same as -o json."`
}

func (c *getCmd) Run(ctx context.Context) error {
	kind, err := manifest.ParseKind(c.Kind)
	if err != nil {
		return err
	}
	items, err := c.items(ctx, kind)
	if err != nil {
		return err
	}
	for i, item := range items {
		switch {
		case c.JSON || c.Output == "json":
			err = printJSON(map[string]any{"kind": item.Kind, "name": item.Name, "spec": item.Spec})
		case c.Output == "yaml" || c.Name != "":
			if i > 0 {
				fmt.Println("---")
			}
			_, err = os.Stdout.WriteString(item.YAML)
		default:
			fmt.Println(item.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// items asks the live server, or reads the store where there is none.
func (c *getCmd) items(ctx context.Context, kind manifest.Kind) ([]api.Item, error) {
	d, err := c.existing()
	if err != nil {
		return nil, err
	}
	client, _, err := d.live(ctx)
	if err != nil {
		return nil, err
	}
	if client != nil {
		return client.Get(ctx, string(kind), c.Name)
	}
	if err := d.needStore(); err != nil {
		return nil, err
	}
	db, err := store.OpenReadOnly(ctx, d.dsn())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return api.Get(ctx, db, kind, c.Name)
}

type deleteCmd struct {
	dataFlag
	Kind string `arg:"" help:"Kind of the resource."`
	Name string `arg:"" help:"Its name."`
}

func (c *deleteCmd) Run(ctx context.Context) error {
	kind, err := manifest.ParseKind(c.Kind)
	if err != nil {
		return err
	}
	d, err := c.existing()
	if err != nil {
		return err
	}
	client, _, err := d.live(ctx)
	if err != nil {
		return err
	}
	if client != nil {
		_, err = client.Delete(ctx, string(kind), c.Name)
	} else {
		err = c.offline(ctx, d, kind)
	}
	if err != nil {
		return fmt.Errorf("deleting %s/%s: %w", kind, c.Name, err)
	}
	fmt.Fprintf(os.Stderr, "deleted %s/%s\n", kind, c.Name)
	return nil
}

func (c *deleteCmd) offline(ctx context.Context, d dataDir, kind manifest.Kind) error {
	k, err := openKernel(ctx, d, quietLog())
	if err != nil {
		return err
	}
	defer k.Close()
	_, err = api.Delete(ctx, k.office, governance.Local("cli"), kind, c.Name)
	return err
}
