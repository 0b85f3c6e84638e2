package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

type iamCompareCmd struct {
	certificateFlag
	Base           string   `help:"Policy that is the measure." placeholder:"POLICY"`
	Candidate      string   `help:"Policy that may allow no more." placeholder:"POLICY"`
	BaseAccount    []string `help:"Account that is the measure, instead of policies." placeholder:"FILE"`
	Account        []string `help:"Account that may allow no more: principal by principal, every action that yields an answer." placeholder:"FILE"`
	SCP            []string `help:"A level of service control policies, for both accounts." placeholder:"FILE"`
	Org            string   `help:"The organization, for both accounts." placeholder:"FILE"`
	Pairs          string   `help:"Compare a batch of pairs instead, JSON lines from a file or -." placeholder:"FILE"`
	Actions        []string `help:"IAM actions that count; by default the two that invoke a model, and inference for every action that yields an answer." placeholder:"A"`
	NoCorrelations bool     `help:"Let every condition key take any value on its own, and any ARN of Bedrock be a resource."`
	Facts          string   `help:"Directory of tables that replace the embedded ones." placeholder:"DIR"`
	JSON           bool     `help:"Print JSON."`
}

func (c *iamCompareCmd) Help() string {
	return `Says exactly whether the candidate allows a request that the base does not, over
every resource and every value of every condition key: a proof, or a request that
is new.

  writ iam compare --base old.json --candidate new.json
  writ iam compare --base old.json --candidate new.json --actions inference
  writ iam compare --base-account yesterday.json --account today.json

Exit status 0: no new access; 1: new access, or undetermined. With --json the
status is 0 whatever the answer.`
}

func (c *iamCompareCmd) Run(ctx context.Context) error {
	facts, err := (&iamInput{Facts: c.Facts}).facts()
	if err != nil {
		return err
	}
	u := rights.Universe{Facts: facts, Correlated: !c.NoCorrelations}
	actions := comparedActions(c.Actions, facts)
	switch {
	case len(c.BaseAccount) > 0 || len(c.Account) > 0:
		return c.accounts(ctx)
	case c.Pairs != "":
		return comparePairs(c.Pairs, u, actions)
	case c.Base == "" || c.Candidate == "":
		return withHint(errors.New("--base and --candidate, or --pairs, are needed"), "writ iam compare --help shows both")
	}
	base, err := readPolicy(c.Base)
	if err != nil {
		return err
	}
	candidate, err := readPolicy(c.Candidate)
	if err != nil {
		return err
	}
	u.Counted = catalogueModels(bedrock.Embedded())
	if c.Certificate != "" {
		_, certs, err := rights.CompareCertified(u, identityOnly(base), identityOnly(candidate), actions)
		if err := c.write(certs, err); err != nil {
			return err
		}
	}
	out := comparisonOf(rights.Compare(u, identityOnly(base), identityOnly(candidate), actions), actions)
	if c.JSON {
		return printJSON(out)
	}
	return out.print()
}

// accounts compares whole accounts, and prints every principal whose rights
// differ.
func (c *iamCompareCmd) accounts(ctx context.Context) error {
	if len(c.BaseAccount) == 0 || len(c.Account) == 0 {
		return withHint(errors.New("--base-account and --account are both needed"), "writ iam compare --help shows both")
	}
	read := func(files []string) (*analyse.Analysis, error) {
		return (&iamInput{Account: files, SCP: c.SCP, Org: c.Org, Facts: c.Facts}).load(ctx, nil)
	}
	base, err := read(c.BaseAccount)
	if err != nil {
		return err
	}
	candidate, err := read(c.Account)
	if err != nil {
		return err
	}
	diffs, err := candidate.CompareAccounts(ctx, base)
	if err != nil {
		return err
	}
	wider := 0
	for _, d := range diffs {
		if !d.New.Proven() {
			wider++
		}
		if c.JSON {
			if err := printJSON(d); err != nil {
				return err
			}
			continue
		}
		printDifference(d)
	}
	if c.JSON {
		return nil
	}
	fmt.Fprintf(os.Stderr, "%d of %d principals can do more, %d differ\n", wider, len(candidate.Principals()), len(diffs))
	if wider > 0 {
		return &negative{}
	}
	return nil
}

func printDifference(d analyse.AccountDifference) {
	switch {
	case !d.New.Proven():
		fmt.Printf("%-14s %s  %s", d.New.Verdict, d.Principal, d.New.Action)
		if d.New.Witness != nil {
			fmt.Printf(" on %s", d.New.Witness.Resource)
		}
		if d.New.Condition != "" {
			fmt.Printf(" when %s", d.New.Condition)
		}
		fmt.Println()
	default:
		fmt.Printf("%-14s %s  can do less\n", "NARROWER", d.Principal)
	}
}

// catalogueModels are the foundation models, in every region that a profile
// routes to and in none.
func catalogueModels(cat *bedrock.Catalogue) (arns []string) {
	regions := map[string]bool{"": true}
	for _, p := range cat.Profiles() {
		for source, destinations := range p.Destinations {
			regions[source] = true
			for _, r := range destinations {
				regions[r] = true
			}
		}
	}
	order := slices.Sorted(maps.Keys(regions))
	slices.Reverse(order) // those of the United States first, none last
	for _, r := range order {
		for _, m := range cat.Models() {
			arns = append(arns, "arn:"+bedrock.PartitionOf(r)+":bedrock:"+r+"::foundation-model/"+m.ID)
		}
	}
	return arns
}

func identityOnly(d *awsiam.Document) rights.Policies {
	return rights.Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{d}}}
}

// comparedActions are the actions that a comparison is about.
func comparedActions(list []string, facts *awsiam.Facts) []string {
	if len(list) == 0 {
		return rights.InvokeActions
	}
	var out []string
	for _, a := range list {
		if a != "inference" {
			out = append(out, a)
			continue
		}
		for _, class := range []awsiam.ActionClass{awsiam.ClassInvoke, awsiam.ClassDoor, awsiam.ClassGate, awsiam.ClassIndirect} {
			for _, f := range facts.Actions(class) {
				out = append(out, f.Name)
			}
		}
	}
	return out
}

// iamComparison is the JSON of a comparison; a contract. NewAccess is null when
// it is undetermined.
type iamComparison struct {
	NewAccess *bool           `json:"new_access"`
	Reason    string          `json:"reason"`
	Witness   *rights.Witness `json:"witness"`
	Condition string          `json:"condition,omitempty"`
	// NewModels is how many models in regions of the catalogue are new.
	NewModels int      `json:"new_models,omitempty"`
	Scope     []string `json:"scope"`
}

func comparisonOf(c rights.Comparison, actions []string) iamComparison {
	out := iamComparison{Reason: c.Reason, Witness: c.Witness, Scope: actions, Condition: rights.Terms(c.Condition), NewModels: c.Count}
	if c.Verdict != rights.Undecided {
		is := c.Verdict == rights.NewAccess
		out.NewAccess = &is
	}
	return out
}

func (o iamComparison) print() error {
	scope := strings.Join(o.Scope, ", ")
	if len(o.Scope) > 4 {
		scope = fmt.Sprintf("%d actions that yield an answer", len(o.Scope))
	}
	switch {
	case o.NewAccess == nil:
		fmt.Printf("undetermined: %s\n", o.Reason)
	case !*o.NewAccess:
		fmt.Printf("no new access (for %s): %s\n", scope, o.Reason)
		return nil
	default:
		fmt.Printf("new access: %s\n", o.Reason)
		printWitness(o.Witness)
		fact("whenever", o.Condition)
		fact("how much", fmt.Sprintf("%d of the catalogue's models in its regions", o.NewModels))
	}
	return &negative{}
}

// comparePairs compares pairs in both directions, a line each; a contract.
func comparePairs(path string, u rights.Universe, actions []string) error {
	out := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	err := eachLine(path, func(line []byte) error {
		var pair struct {
			ID            string          `json:"id"`
			Existing, New json.RawMessage `json:",omitempty"`
		}
		if err := json.Unmarshal(line, &pair); err != nil {
			return err
		}
		existing, fresh := policyOf("existing", pair.Existing), policyOf("new", pair.New)
		if existing == nil || fresh == nil {
			return fmt.Errorf("pair %q lacks a policy", pair.ID)
		}
		forth, back := rights.CompareBoth(u, identityOnly(existing), identityOnly(fresh), actions)
		return enc.Encode(map[string]any{"id": pair.ID, "newVsExisting": forth.Verdict, "witness": forth.Witness,
			"existingVsNew": back.Verdict, "reverseWitness": back.Witness})
	})
	return errors.Join(err, out.Flush())
}
