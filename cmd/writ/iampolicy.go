package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// maxManaged is how long a managed policy may be, white space apart
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const maxManaged = 6144

type configIAMPolicyCmd struct {
	dataFlag
	Config string `required:"" help:"Configuration file: account, partition and regions." placeholder:"FILE" type:"path"`
}

func (c *configIAMPolicyCmd) Help() string {
	return `Prints the least that the gateway's own AWS role must be allowed: every leg of every
entitlement that somebody holds now, in every region that a caller may name, and
nothing else. Models of a family or provider are listed one by one, since a pattern
would also cover those that come later.

Print it again after a change of grants; what it lists is what callers may use
together, never what one of them may.`
}

func (c *configIAMPolicyCmd) Run(ctx context.Context) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	if cfg.Account == "" {
		return withHint(errors.New("no AWS account is configured"), "set account in %s", c.Config)
	}
	d, err := c.existing()
	if err != nil {
		return err
	}
	all, err := resourcesOf(ctx, d, cfg)
	if err != nil {
		return err
	}
	state, err := snapshot.Of(all, time.Now())
	if err != nil {
		return err
	}
	text, err := leastPolicy(rights.Allowances(held(all, time.Now()), state.Catalogue, rights.Place{
		Account: cfg.Account, Partition: cfg.Partition, Regions: cfg.AllRegions(),
	}))
	if err != nil {
		return err
	}
	if n := len(strings.Join(strings.Fields(text), "")); n > maxManaged {
		fmt.Fprintf(os.Stderr, "hint: %d characters; a managed policy has %d at most: split its resources, or grant fewer models\n", n, maxManaged)
	}
	fmt.Print(text)
	return nil
}

// resourcesOf reads the state, also beside a live server.
func resourcesOf(ctx context.Context, d dataDir, cfg config.Config) ([]manifest.Resource, error) {
	dsn, err := dsnOf(cfg)
	if err != nil {
		return nil, err
	}
	if dsn == "" {
		if err := d.needStore(); err != nil {
			return nil, err
		}
		dsn = d.dsn()
	}
	db, err := store.OpenReadOnly(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	all, _, err := db.Resources(ctx)
	return all, err
}

// held are the entitlements of grants that are not over.
func held(all []manifest.Resource, now time.Time) (out []rights.Entitlement) {
	by := make(map[string]bool)
	for _, r := range all {
		if g, ok := r.Spec.(*rights.Grant); ok && (g.NotAfter.IsZero() || now.Before(g.NotAfter)) {
			by[g.Entitlement] = true
		}
	}
	for _, r := range all {
		if e, ok := r.Spec.(*rights.Entitlement); ok && by[e.ID] {
			out = append(out, *e)
		}
	}
	return out
}

type iamStatement struct {
	Effect   string
	Action   []string
	Resource []string
}

// leastPolicy words allowances as an IAM policy; actions on the same resources
// share a statement.
func leastPolicy(allow map[string][]string) (string, error) {
	if len(allow) == 0 {
		return "", withHint(errors.New("nobody holds anything that could be invoked"), "apply grants first")
	}
	doc := struct {
		Version   string
		Statement []iamStatement
	}{Version: "2012-10-17"}
	for _, action := range slices.Sorted(maps.Keys(allow)) {
		resources := allow[action]
		i := slices.IndexFunc(doc.Statement, func(s iamStatement) bool { return slices.Equal(s.Resource, resources) })
		if i >= 0 {
			doc.Statement[i].Action = append(doc.Statement[i].Action, action)
			continue
		}
		doc.Statement = append(doc.Statement, iamStatement{"Allow", []string{action}, resources})
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	return string(b) + "\n", err
}
