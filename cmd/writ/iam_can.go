package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/analyse"
	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// askFlags is a question about IAM.
type askFlags struct {
	Action   string   `help:"IAM action, or an operation such as Converse." default:"bedrock:InvokeModel" placeholder:"A"`
	Resource string   `help:"ARN, or the id of a model or an inference profile; a profile asks for the whole invocation, every leg." placeholder:"ARN"`
	Region   string   `help:"Region called, when the resource does not say." placeholder:"R"`
	Keys     []string `name:"context-key" help:"A condition key that is known; KEY= says that it is absent. All others are free." placeholder:"K=V"`
}

func (f *askFlags) question(facts *awsiam.Facts) (analyse.Question, error) {
	known, err := contextKeys(f.Keys, facts)
	if err == nil && f.Resource == "" {
		err = withHint(errors.New("--resource is missing"), "a model or profile by id or ARN, for example --resource us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	}
	return analyse.Question{Action: f.Action, Resource: f.Resource, Region: f.Region, Known: known}, err
}

// onePrincipal asks a question of one principal.
type onePrincipal struct {
	iamInput
	askFlags
	Principal string `help:"ARN, or role/NAME." placeholder:"ARN"`
}

// prepare reads the input and finds who is asked about, and what.
func (c *onePrincipal) prepare(ctx context.Context) (*analyse.Analysis, *estate.Principal, analyse.Question, error) {
	if c.Principal == "" {
		return nil, nil, analyse.Question{}, withHint(errors.New("--principal is missing"), "name one by its ARN, or as role/NAME")
	}
	a, err := c.load(ctx, nil)
	if err != nil {
		return nil, nil, analyse.Question{}, err
	}
	p, err := findPrincipal(a, c.Principal)
	if err != nil {
		return nil, nil, analyse.Question{}, err
	}
	q, err := c.question(a.Facts)
	return a, p, q, err
}

type iamCanCmd struct {
	onePrincipal
	certificateFlag
	Requests string `help:"Decide a batch of concrete requests instead, JSON lines from a file or -." placeholder:"FILE"`
	JSON     bool   `help:"Print JSON."`
}

func (c *iamCanCmd) Help() string {
	return `Answers exactly, over every value of the condition keys that --context-key does not
give: allowed whatever they are, conditional with the condition, or denied and by
what. A profile asks for every leg of the invocation: the profile, the model in
the region called and in every region it may be routed to.

  writ iam can --account account.json --principal role/support-agent \
    --resource us.anthropic.claude-sonnet-4-5-20250929-v1:0

--requests decides concrete requests, one JSON object a line, with their policies:

  {"id":"1","request":{"principal":"arn:…","action":"bedrock:InvokeModel","resource":"arn:…",
   "accountId":"111122223333","context":{}},"identity":[POLICY],"scps":[[POLICY]],"boundary":POLICY}

Exit status 0: allowed, conditional or undetermined; 1: denied. With --json a deny
is an answer like any other, and the status is 0.`
}

func (c *iamCanCmd) Run(ctx context.Context) error {
	if c.Requests != "" {
		return decideBatch(c.Requests, os.Stdout)
	}
	if len(c.Account) == 0 && c.Principal == "" {
		return withHint(errors.New("--account and --principal, or --requests, are needed"), "writ iam can --help shows both")
	}
	a, p, q, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	ans, err := a.Can(p, q)
	if err != nil {
		return err
	}
	if c.Certificate != "" {
		cert, err := a.Certify(p, q)
		if err := c.write([]*certificate.Certificate{cert}, err); err != nil {
			return err
		}
	}
	out := answerOf(a, p, q.Action, ans)
	if c.JSON {
		return printJSON(out)
	}
	tell(a.Estate.Problems)
	printAnswer(out, q)
	if !ans.Decision.Can() {
		return &negative{}
	}
	return nil
}

// iamAnswer is the JSON of an answer; a contract.
type iamAnswer struct {
	Principal   string             `json:"principal"`
	Decision    rights.Decision    `json:"decision"`
	Hops        *int               `json:"hops,omitempty"`
	Incomplete  []string           `json:"incomplete"`
	Condition   *string            `json:"condition"` // null: none
	When        []rights.Term      `json:"when,omitempty"`
	Until       *string            `json:"until"` // RFC 3339; null: no end
	From        *string            `json:"from"`  // null: no beginning to come
	Legs        []rights.LegAnswer `json:"legs"`
	Statements  []awsiam.Ref       `json:"statements"`
	NotRequired []string           `json:"notRequired,omitempty"`
	Path        []analyse.Hop      `json:"path,omitempty"`
	Doubts      []string           `json:"ambiguities,omitempty"`
	Warnings    []string           `json:"warnings,omitempty"`
	Witness     *rights.Witness    `json:"witness,omitempty"`
}

func answerOf(a *analyse.Analysis, p *estate.Principal, action string, ans rights.Answer) iamAnswer {
	return iamAnswer{
		Principal: p.ARN, Decision: ans.Decision, Incomplete: orEmpty(a.Incomplete(p, action)), Condition: orNull(rights.Terms(ans.Condition)), When: ans.Condition,
		Until: orNull(stamp(ans.Until)), From: orNull(stamp(ans.From)), Legs: orEmpty(ans.Legs), Statements: orEmpty(ans.Statements), NotRequired: ans.NotRequired,
		Doubts: ans.Doubts, Warnings: ans.Warnings, Witness: ans.Witness,
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// orNothing is the opposite of orNull.
func orNothing(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// shortName is a principal as people call it.
func shortName(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[5]
	}
	return arn
}

func printAnswer(o iamAnswer, q analyse.Question) {
	fmt.Printf("%s: %s, %s on %s\n", o.Decision, shortName(o.Principal), q.Action, q.Resource)
	fact("when", orNothing(o.Condition))
	fact("until", orNothing(o.Until))
	fact("from", orNothing(o.From))
	rows := [][]string{}
	for _, l := range o.Legs {
		why := ""
		if len(l.Missing) > 0 {
			why = fmt.Sprintf("nothing allows it in: %v", l.Missing)
		}
		rows = append(rows, []string{"  " + string(l.Decision), string(l.Kind), l.Action, l.Resource, why})
	}
	if len(rows) > 0 {
		fmt.Println("legs")
		_ = table(os.Stdout, rows...)
	}
	for i, s := range o.Statements {
		if i == 0 {
			fmt.Println("by")
		}
		sid := ""
		if s.Sid != "" {
			sid = " (" + s.Sid + ")"
		}
		fmt.Printf("  %-5s %s: %s, statement %d%s\n", s.Effect, s.Layer, s.Document, s.Index+1, sid)
	}
	fact("does without", strings.Join(o.NotRequired, ", "))
	for _, d := range o.Doubts {
		fact("undetermined", d)
	}
	for _, w := range o.Warnings {
		fact("warning", w)
	}
	for _, i := range o.Incomplete {
		fact("incomplete", i)
	}
}

func fact(what, text string) {
	if text != "" {
		fmt.Printf("%-13s %s\n", what, text)
	}
}
