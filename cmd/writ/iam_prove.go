package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/estate"
)

type iamProveCmd struct {
	iamInput
	Assertions []string `arg:"" help:"Files of assertions, YAML."`
	Bedrock    []string `help:"Agents, flows, knowledge bases and their roles, from the Bedrock APIs." placeholder:"FILE"`
	JSON       bool     `help:"Print JSON, one object a line."`
}

func (c *iamProveCmd) Help() string {
	return `Proves what is to hold of an account, or names who it does not hold for, with the
request that shows it. For a build that must fail when the account gets wider:

  assertions:
    - name: nobody invokes without a guardrail
      principals: {except: ["*:role/writ-gateway"]}
      cannot: {actions: [invoke], models: ["*"], when: {bedrock:GuardrailIdentifier: absent}}
    - name: the gateway can
      principals: {arns: ["*:role/writ-gateway"]}
      can: {actions: [invoke], models: [us.anthropic.claude-sonnet-4-5-20250929-v1:0]}

models "*" is every model, of today and to come. An assertion about no principal
is vacuous, and does not hold. Exit status 0: all are proved; 1: some are not.`
}

func (c *iamProveCmd) Run(ctx context.Context) error {
	var list []analyse.Assertion
	for _, path := range c.Assertions {
		text, err := readFile(path)
		if err != nil {
			return err
		}
		read, err := analyse.ReadAssertions(path, text)
		if err != nil {
			return withHint(err, "writ iam prove --help shows an example")
		}
		list = append(list, read...)
	}
	a, err := c.load(ctx, func(s *estate.Sources) { s.Bedrock = c.Bedrock })
	if err != nil {
		return err
	}
	proofs, err := a.Prove(ctx, list)
	if err != nil {
		return err
	}
	if !c.JSON {
		tell(a.Estate.Problems)
	}
	failed := 0
	for _, p := range proofs {
		if p.Verdict != analyse.Proved {
			failed++
		}
		if c.JSON {
			if err := printJSON(p); err != nil {
				return err
			}
			continue
		}
		printProof(p)
	}
	if failed > 0 {
		return &negative{}
	}
	return nil
}

func printProof(p analyse.Proof) {
	fmt.Printf("%-12s %s (%d principals)\n", p.Verdict, p.Name, p.Principals)
	if p.Verdict != analyse.Proved {
		fact("  because", p.Reason)
	}
	for _, x := range p.Against {
		fmt.Printf("  %s: %s %s", x.Decision, x.Principal, x.Action)
		if x.Target != "" {
			fmt.Printf(" on %s", x.Target)
		}
		if x.Condition != "" {
			fmt.Printf(" when %s", x.Condition)
		}
		for _, h := range x.Path {
			fmt.Printf(" via %s", shortName(h.To))
		}
		fmt.Println()
		if x.Why != "" {
			fact("    why", x.Why)
		}
	}
	if p.More > 0 {
		fmt.Printf("  and %d more\n", p.More)
	}
	for _, i := range p.Incomplete {
		fact("  incomplete", i)
	}
}

type iamTightenCmd struct {
	iamInput
	Principal string   `required:"" help:"ARN, or role/NAME." placeholder:"ARN"`
	Keep      []string `help:"Model or profile that must stay invocable; may be repeated. Without it: what --used says, or with --effective all that is in effect." placeholder:"ID"`
	Action    []string `help:"Action that must stay, with --keep." default:"bedrock:InvokeModel,bedrock:InvokeModelWithResponseStream" placeholder:"A"`
	Region    []string `help:"Region called." default:"us-east-1" placeholder:"R"`
	Effective bool     `help:"Keep everything that is in effect now, but name it."`
	Inline    bool     `help:"Write inline policies instead of managed ones."`
	Used      []string `help:"Used rights, JSON lines: what the logs say was invoked." placeholder:"FILE"`
	JSON      bool     `help:"Print JSON."`
}

func (c *iamTightenCmd) Help() string {
	return `Proposes the least-privilege policy of a principal for what must stay, and proves
two things of it: it grants nothing that the principal does not have, and what
must stay still holds under the conditions it had. A proposal that is not proven
is not printed.

  writ iam tighten --account account.json --principal role/app \
    --keep us.anthropic.claude-sonnet-4-5-20250929-v1:0

The policies go to stdout; what to change in those that exist, and what is lost,
to stderr. Exit status 0: proven; 1: not.`
}

func (c *iamTightenCmd) Run(ctx context.Context) error {
	a, err := c.load(ctx, func(s *estate.Sources) { s.Used = c.Used })
	if err != nil {
		return err
	}
	p, err := findPrincipal(a, c.Principal)
	if err != nil {
		return err
	}
	if len(c.Keep) == 0 && len(c.Used) == 0 && !c.Effective {
		return withHint(errors.New("nothing says what must stay"), "name models with --keep, give --used, or say --effective")
	}
	opts := analyse.TightenOptions{Effective: c.Effective, Inline: c.Inline, Regions: c.Region}
	for _, id := range c.Keep {
		for _, action := range c.Action {
			for _, r := range c.Region {
				opts.Rights = append(opts.Rights, analyse.GivenRight{Action: action, Target: id, Region: r})
			}
		}
	}
	t, err := a.Tighten(p, opts)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(t)
	}
	return printTightened(t)
}

func printTightened(t analyse.Tightened) error {
	for _, p := range t.Policy {
		if err := printIndented(string(p)); err != nil {
			return err
		}
	}
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	for _, e := range t.Edits {
		say("%s: statement %d of %s", e.Change, e.Index+1, e.Policy)
		if e.Replacement != nil {
			say("  with %s", e.Replacement)
		}
	}
	say("keeps %d rights, takes %d away (%d models and profiles)", len(t.Kept), t.Removed.Rights, t.Removed.Targets)
	for _, k := range t.Absent {
		say("not held, so not kept: %s on %s", k.Action, k.Target)
	}
	for _, n := range t.Notes {
		say("note: %s", n)
	}
	say("grants nothing new: %s (%d actions, every resource, every condition key)", t.Proof.Verdict, t.Proof.Actions)
	say("covers what must stay: %s", t.Coverage.Verdict)
	if !t.Proven() {
		return &negative{text: "not proven: " + strings.TrimSpace(t.Proof.Reason+" "+t.Coverage.Reason)}
	}
	return nil
}

type iamChokepointCmd struct {
	iamInput
	Role    []string `required:"" help:"Role of the gateway: the only door; may be repeated." placeholder:"ARN"`
	Kind    string   `help:"scp or boundary." enum:"scp,boundary" default:"scp"`
	Region  []string `help:"Region that the gateway calls in." default:"us-east-1" placeholder:"R"`
	Without []string `help:"Service to leave open, such as sagemaker." placeholder:"S"`
	Bedrock []string `help:"Agents, flows, knowledge bases and their roles, from the Bedrock APIs." placeholder:"FILE"`
	Status  bool     `help:"Only say whether there is a chokepoint already."`
	JSON    bool     `help:"Print JSON."`
}

func (c *iamChokepointCmd) Help() string {
	return `Prints the service control policy, or boundary, that leaves the gateway's role as
the only door to models in every namespace, and proves it: whoever else asks,
with whatever policy, is denied. It says what the policy would break today, whom
it cannot bind, and who could take it away.

  writ iam chokepoint --account account.json --role arn:aws:iam::111122223333:role/writ-gateway

The policy goes to stdout, the rest to stderr. Exit status 0: proven, or with
--status enforced; 1: not.`
}

func (c *iamChokepointCmd) Run(ctx context.Context) error {
	a, err := c.load(ctx, func(s *estate.Sources) { s.Bedrock = c.Bedrock })
	if err != nil {
		return err
	}
	if c.Status {
		return c.status(ctx, a)
	}
	k, err := a.Chokepoint(ctx, analyse.ChokepointOptions{Roles: c.Role, Kind: c.Kind, Regions: c.Region, Without: c.Without})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(k)
	}
	return printChokepoint(k)
}

func (c *iamChokepointCmd) status(ctx context.Context, a *analyse.Analysis) error {
	s, err := a.Status(ctx, c.Role)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s)
	}
	if s.Enforced {
		fmt.Printf("enforced: no direct path, as of %s\n", stamp(s.Dated))
		return nil
	}
	fmt.Printf("advisory: direct path open (%d principals)\n", s.Open)
	for _, x := range s.Accounts {
		fact("  "+x.Account, x.Why)
	}
	return &negative{}
}

func printChokepoint(k analyse.Chokepoint) error {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	if k.Proven() {
		if err := printIndented(string(k.Policy)); err != nil {
			return err
		}
	}
	say("closes %s; %d characters", strings.Join(k.Namespaces, ", "), k.Chars)
	say("every other door is closed: %s (%d actions, every resource, every condition key)", k.Closed.Verdict, k.Closed.Actions)
	for _, p := range k.Passes {
		say("the gateway %s loses nothing: %s; it can make %d invocations", shortName(p.Role), p.Lost.Verdict, p.Rights)
	}
	say("would break %d principals that can today:", len(k.Breaks))
	for i, b := range k.Breaks {
		if i == 20 {
			say("  and %d more", len(k.Breaks)-i)
			break
		}
		say("  %s (%s) %s", b.Principal, b.Action, strings.Join(append(b.Service, b.Workloads...), ", "))
	}
	for _, x := range k.LeftOpen {
		say("left open: %s", x)
	}
	for _, x := range k.CannotBind {
		say("cannot bind: %s", x)
	}
	for _, u := range k.Undo {
		say("can undo it: %s by %s", u.Principal, u.Action)
	}
	for _, n := range k.Notes {
		say("note: %s", n)
	}
	if !k.Proven() {
		return &negative{text: "not proven: " + k.Closed.Reason}
	}
	return nil
}

type iamVerifyCmd struct {
	Certificates []string `arg:"" help:"Files of certificates, one JSON object a line."`
}

func (c *iamVerifyCmd) Help() string {
	return `Checks certificates that can, compare or explain wrote with --certificate, by the
plain evaluator alone: that the classes of values are complete for the policies
in the certificate, that every combination of them was decided as it says, and
that the answer follows. It needs no other input.

Exit status 0: all hold; 1: one does not; 2: it could not be checked.`
}

func (c *iamVerifyCmd) Run(context.Context) error {
	for _, path := range c.Certificates {
		n := 0
		err := eachLine(path, func(line []byte) error {
			n++
			return certificate.Check(line)
		})
		switch {
		case errors.Is(err, certificate.ErrBeyond):
			return err
		case err != nil:
			return &negative{text: "does not hold: " + err.Error()}
		case n == 0:
			return fmt.Errorf("%s holds no certificate", path)
		}
		fmt.Printf("holds: %s (%d)\n", path, n)
	}
	return nil
}
