package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

type iamShadowCmd struct {
	dataFlag
	iamInput
	Rights      string   `short:"f" help:"Manifests of grants; without it, the installation's own." placeholder:"DIR"`
	Map         []string `help:"Whose identity a principal is: ARN with * and ?, then = and the identity; without = and a name, nobody's. The first that matches counts." placeholder:"ARN=ID"`
	Home        string   `help:"The gateway's own AWS account; by default that of the first principal." placeholder:"ACCOUNT"`
	GatewayRole []string `help:"Role of the gateway, which is meant to invoke." placeholder:"ARN"`
	Region      []string `help:"Region that models are called in; may be repeated." default:"us-east-1" placeholder:"R"`
	JSON        bool     `help:"Print JSON, one object a line."`
}

func (c *iamShadowCmd) Help() string {
	return `Subtracts what Writ grants from what AWS allows: every right to invoke that AWS
gives a principal and no live grant of its identity covers.

  writ iam shadow --account account.json -f rights/ \
    --map 'arn:aws:iam::111122223333:role/analytics=analytics'

A right that AWS leaves wider than the grant is partly covered. Exit status 0: no
right without a grant; 1: some.`
}

// shadowRight is the JSON of a right that no grant covers in full.
type shadowRight struct {
	Principal string          `json:"principal"`
	Identity  string          `json:"identity,omitempty"`
	Grants    []string        `json:"grants,omitempty"`
	Action    string          `json:"action"`
	Target    string          `json:"target"`
	Region    string          `json:"region"`
	Coverage  rights.Coverage `json:"coverage"`
	InAWS     rights.Decision `json:"inAWS"`
	Condition string          `json:"uncoveredWhen,omitempty"`
	Remainder []string        `json:"grantAlsoNeeds,omitempty"`
}

func (c *iamShadowCmd) Run(ctx context.Context) error {
	state, err := c.granted(ctx)
	if err != nil {
		return err
	}
	a, err := c.load(ctx, nil)
	if err != nil {
		return err
	}
	opts, err := c.options(a, state)
	if err != nil {
		return err
	}
	s, err := a.Shadow(ctx, opts)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printShadowJSON(s.Rights)
	} else {
		err = printShadow(s.Rights)
	}
	if err != nil {
		return err
	}
	t := s.Totals
	share := "no rights found"
	if x, ok := t.GovernedShare(); ok {
		share = fmt.Sprintf("governed share %.2f", x)
	}
	fmt.Fprintf(os.Stderr, "%d rights of %d principals: %d covered, %d partly, %d without a grant, %d undetermined; %s\n",
		t.Rights, t.Principals, t.Covered+t.Narrower, t.Partly, t.Uncovered, t.Unknown, share)
	for id, list := range s.Unconverted {
		for _, u := range list {
			fmt.Fprintf(os.Stderr, "not converted for %s: %s %s: %s\n", id, u.Effect, u.Rule, u.Reason)
		}
	}
	if t.Uncovered+t.Unknown > 0 {
		return &negative{}
	}
	return nil
}

func printShadowJSON(list []analyse.ShadowRight) error {
	for _, r := range list {
		err := printJSON(shadowRight{Principal: r.Principal.ARN, Identity: r.Identity, Grants: r.Grants, Action: r.Action, Target: r.Target.ID, Region: r.Target.Region,
			Coverage: r.Coverage, InAWS: r.InAWS, Condition: rights.Terms(r.Condition), Remainder: r.Remainder})
		if err != nil {
			return err
		}
	}
	return nil
}

// printShadow prints a line for every principal and coverage. Rights that a
// grant covers as far as AWS could tell are not worth one.
func printShadow(list []analyse.ShadowRight) error {
	const shown = 2 // targets named
	type group struct {
		principal string
		coverage  rights.Coverage
	}
	targets := map[group][]string{}
	count := map[group]int{}
	var order []group
	for _, r := range list {
		g := group{r.Principal.ARN, r.Coverage}
		if r.Coverage == rights.Narrower {
			continue
		}
		if count[g]++; count[g] == 1 {
			order = append(order, g)
		}
		if !slices.Contains(targets[g], r.Target.ID) {
			targets[g] = append(targets[g], r.Target.ID)
		}
	}
	rows := [][]string{{"COVERAGE", "PRINCIPAL", "RIGHTS", "TARGETS"}}
	for _, g := range order {
		names := strings.Join(targets[g][:min(shown, len(targets[g]))], ", ")
		if more := len(targets[g]) - shown; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		rows = append(rows, []string{string(g.coverage), g.principal, strconv.Itoa(count[g]), names})
	}
	return table(os.Stdout, rows...)
}

// granted is the state whose grants are subtracted.
func (c *iamShadowCmd) granted(ctx context.Context) (*snapshot.Snapshot, error) {
	return (&policyTestCmd{dataFlag: c.dataFlag, File: c.Rights}).state(ctx)
}

func (c *iamShadowCmd) options(a *analyse.Analysis, state *snapshot.Snapshot) (analyse.ShadowOptions, error) {
	o := analyse.ShadowOptions{Bundle: state.Bundle, Identities: map[string]*identity.Identity{}, Account: c.Home, Gateway: c.GatewayRole, Regions: c.Region}
	for _, m := range c.Map {
		arn, id, _ := strings.Cut(m, "=")
		o.Mapping = append(o.Mapping, analyse.Mapping{Principal: arn, Identity: id})
		if id == "" {
			continue
		}
		found, ok := state.Identity(id)
		if !ok {
			return o, withHint(fmt.Errorf("--map: there is no identity %q", id), "writ get identities lists them")
		}
		o.Identities[id] = found
	}
	if o.Account == "" {
		if len(a.Estate.Accounts) == 0 {
			return o, errors.New("the input holds no account")
		}
		o.Account = a.Estate.Accounts[0].ID
	}
	return o, nil
}
