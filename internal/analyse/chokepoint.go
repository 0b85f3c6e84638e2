package analyse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// The kinds of policy that make a chokepoint.
const (
	SCPKind      = "scp"
	BoundaryKind = "boundary"
)

// ChokepointOptions say what is to be the only door.
type ChokepointOptions struct {
	Roles   []string // ARNs of the gateway's roles, without wildcards; required
	Kind    string   // scp or boundary; empty: scp
	Regions []string // in which the gateway calls, for the legs that must pass; empty: the default one
	// Without are services left out, such as sagemaker where endpoints serve
	// models of one's own: their doors stay open, and the proof says so.
	Without []string
}

// Chokepoint is the policy that leaves the gateway's roles as the only door to
// inference, and what is to be known of it.
type Chokepoint struct {
	Kind   string          `json:"kind"`
	Roles  []string        `json:"roles"`
	Policy json.RawMessage `json:"policy"`
	Chars  int             `json:"chars"`
	// Namespaces are the services whose inference it denies; LeftOpen the actions
	// that it does not deny although they yield inference.
	Namespaces []string `json:"namespaces"`
	LeftOpen   []string `json:"leftOpen,omitempty"`
	// Closed is that nobody else can pass, whatever policies, whatever principal,
	// in the input or not: every action on every resource, every value of every key.
	Closed Evidence `json:"closed"`
	// Passes is that the gateway's roles lose nothing, one for each role in the input.
	Passes []Passage `json:"passes"`
	Breaks []Break   `json:"breaks"` // what can today, and could not then
	// CannotBind is whom no such policy reaches.
	CannotBind []string `json:"cannotBind"`
	Undo       []Undo   `json:"undo"`              // who may take it away
	Becomes    []Undo   `json:"becomes,omitempty"` // who may become the gateway
	Notes      []string `json:"notes,omitempty"`
	Dated      string   `json:"dated"` // RFC 3339
}

// Proven reports whether the policy may be offered: it closes every other door.
func (c Chokepoint) Proven() bool { return c.Closed.Proven() }

// Passage is what the policy does to one of the gateway's roles.
type Passage struct {
	Role   string   `json:"role"`
	Lost   Evidence `json:"lost"`
	Rights int      `json:"rights"` // targets by actions that it can invoke with the policy
}

// Break is something that the policy would end.
type Break struct {
	Principal string          `json:"principal"`
	Action    string          `json:"action"` // the first that it can do today
	Decision  rights.Decision `json:"decision"`
	Service   []string        `json:"services,omitempty"`  // that a role works for
	Workloads []string        `json:"workloads,omitempty"` // agents, flows and others that act as it
}

// Undo is a principal that can take a chokepoint away, or become the gateway.
type Undo struct {
	Principal string          `json:"principal"`
	Action    string          `json:"action"`
	Decision  rights.Decision `json:"decision"`
	Condition string          `json:"condition,omitempty"`
}

// maxSCP is the limit of a service control policy, in characters
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html).
const maxSCP = 5120

// Chokepoint makes the policy and proves it. It is an error if the options make
// no sense or the policy would not fit.
func (a *Analysis) Chokepoint(ctx context.Context, o ChokepointOptions) (Chokepoint, error) {
	if o.Kind == "" {
		o.Kind = SCPKind
	}
	if err := o.check(); err != nil {
		return Chokepoint{}, fmt.Errorf("chokepoint: %w", err)
	}
	b := chokepoint{atlas: a.atlas(), o: o, actions: a.closed(o.Without)}
	if err := b.write(); err != nil {
		return Chokepoint{}, fmt.Errorf("chokepoint: %w", err)
	}
	out := Chokepoint{Kind: o.Kind, Roles: o.Roles, Policy: b.raw, Chars: b.doc.Chars, LeftOpen: b.leftOpen(), Dated: stamp(a.Now)}
	for _, action := range b.actions {
		if s := serviceOf(action); !slices.Contains(out.Namespaces, s) {
			out.Namespaces = append(out.Namespaces, s)
		}
	}
	out.Closed = b.closes(b.layers(awsiam.Layers{}), b.o.Roles, b.actions, "")
	out.Passes = b.passes()
	out.CannotBind = b.cannotBind()
	out.Notes = b.notes()
	var err error
	if out.Breaks, err = b.breaks(ctx); err != nil {
		return out, err
	}
	if out.Undo, err = b.undo(ctx); err != nil {
		return out, err
	}
	out.Becomes, err = b.becomes(ctx)
	return out, err
}

func (o *ChokepointOptions) check() error {
	switch {
	case o.Kind != SCPKind && o.Kind != BoundaryKind:
		return fmt.Errorf("kind %q: want scp or boundary", o.Kind)
	case len(o.Roles) == 0:
		return errors.New("name the gateway's role: without one, nobody could invoke a model")
	}
	for _, arn := range o.Roles {
		p, err := awsiam.ParsePrincipal(arn)
		if err != nil || !p.Role() || p.Session != "" || strings.ContainsAny(arn, "*?$") {
			return fmt.Errorf("%q is not the ARN of one role", arn)
		}
	}
	o.Roles = slices.Sorted(slices.Values(o.Roles))
	o.Roles = slices.Compact(o.Roles)
	for _, s := range o.Without {
		if !slices.Contains(inferenceServices, s) {
			return fmt.Errorf("there is no service %q to leave out: they are %s", s, strings.Join(inferenceServices, ", "))
		}
	}
	return nil
}

// closed are the actions that a chokepoint denies.
func (a *Analysis) closed(without []string) []string {
	return slices.DeleteFunc(a.Inference(), func(s string) bool { return slices.Contains(without, serviceOf(s)) })
}

// chokepoint is one in the making.
type chokepoint struct {
	*atlas
	o       ChokepointOptions
	actions []string // denied
	raw     json.RawMessage
	doc     *awsiam.Document
}

// write makes the policy: one deny of every action on every resource, for all
// but the gateway's roles. aws:PrincipalArn is a session's role, and is there on
// calls that a service passes on, which are denied alike.
func (b *chokepoint) write() error {
	deny := statement{Sid: "WritOnlyDoor", Effect: "Deny", Action: denied(b.actions), Resource: []string{"*"}, Condition: conditions{}}
	deny.Condition.add("ArnNotEquals", "aws:PrincipalArn", b.o.Roles...)
	list, limit := []statement{deny}, maxSCP
	if b.o.Kind == BoundaryKind {
		list, limit = []statement{{Sid: "WritEverythingElse", Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}, deny}, maxManaged
	}
	b.raw = policyOf(list)
	if n := policyChars(b.raw); n > limit {
		return fmt.Errorf("the policy has %d characters and IAM takes %d: name fewer roles", n, limit)
	}
	var problems []awsiam.Problem
	if b.doc, problems = awsiam.Parse("the chokepoint", b.raw, awsiam.Position{}); len(problems) > 0 {
		return errors.New(problems[0].Reason)
	}
	return nil
}

// denied writes actions for a deny. The two that invoke stand as a pattern, so
// that a variant of them to come is denied as well.
func denied(actions []string) (out []string) {
	for _, s := range actions {
		if strings.HasPrefix(s, "bedrock:InvokeModel") {
			s = "bedrock:InvokeModel*"
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fullAccess is the SCP that AWS attaches everywhere at first.
var fullAccess, _ = awsiam.Parse("FullAWSAccess", policyOf([]statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}}), awsiam.Position{})

// layers are some layers with the policy added: an SCP beside what is attached
// at the account's root, or a boundary in place of the one there is.
func (b *chokepoint) layers(l awsiam.Layers) awsiam.Layers {
	if b.o.Kind == BoundaryKind {
		l.Boundary = b.doc
		return l
	}
	return withSCP(l, b.doc)
}

func withSCP(l awsiam.Layers, d *awsiam.Document) awsiam.Layers {
	levels := slices.Clone(l.SCPs)
	if len(levels) == 0 {
		levels = [][]*awsiam.Document{{fullAccess}}
	}
	levels[0] = append(slices.Clone(levels[0]), d)
	l.SCPs = levels
	return l
}

// closes compares what SCPs and a boundary leave to a principal that may do
// everything, whoever it is, with what only the gateway's roles may. Nothing new
// means that nobody else can do any of the actions, whatever policies it has.
// account is where the principal is; empty: anywhere.
func (a *atlas) closes(limits awsiam.Layers, roles, actions []string, account string) Evidence {
	only := conditions{}
	only.add("ArnEquals", "aws:PrincipalArn", roles...)
	gateway, _ := awsiam.Parse("the gateway's roles only", policyOf([]statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}, Condition: only}}), awsiam.Position{})
	known := awsiam.Context{}
	known.Set("aws:PrincipalIsAWSService", awsiam.One("false"))
	known.Set("aws:PrincipalServiceName", awsiam.Value{})
	known.Set("aws:PrincipalServiceNamesList", awsiam.Value{})
	if account != "" {
		known.Set("aws:PrincipalAccount", awsiam.One(account))
	}
	limits.Identity = []*awsiam.Document{everything}
	c := contest{atlas: a, who: &estate.Principal{Account: placeless},
		old:  side{awsiam.Layers{Identity: []*awsiam.Document{gateway}}, known, a.Analysis, placeless},
		next: side{limits, known, a.Analysis, placeless}}
	e, _ := c.run(actions)
	return e
}

// placeless stands for any account, in any partition.
var placeless = &estate.Account{Partition: "*"}

// passes compares the rights of the gateway's roles with and without the policy.
func (b *chokepoint) passes() (out []Passage) {
	for _, arn := range b.o.Roles {
		p := b.Estate.Principal(arn)
		if p == nil {
			continue
		}
		now := side{b.Layers(p), b.undirected(p), b.Analysis, p.Account}
		then := now
		then.layers = b.layers(now.layers)
		c := contest{atlas: b.atlas, who: p, old: then, next: now}
		lost, _ := c.run(b.actions)
		out = append(out, Passage{Role: arn, Lost: lost, Rights: b.rightsOf(p, then.layers)})
	}
	return out
}

// rightsOf counts what a principal can invoke under some layers, of the
// catalogue's targets.
func (b *chokepoint) rightsOf(p *estate.Principal, l awsiam.Layers) (n int) {
	pl, err := b.plan(p.Account, b.Targets(b.o.Regions))
	if err != nil {
		return 0
	}
	for _, cell := range pl.cells {
		c := b.Case(p, cell.List, nil)
		c.Layers = l
		if rights.Solve(b.universe(), c).Decision.Can() {
			n++
		}
	}
	return n
}

// Status is whether the estate has a chokepoint as it stands.
type Status struct {
	// Enforced is that an SCP of every account denies inference to everyone but
	// the roles given, and that none of those whom SCPs do not bind can either.
	Enforced   bool            `json:"enforced"`
	Open       int             `json:"open"` // principals with a direct path, those of which it is not excluded included
	Principals []string        `json:"principals,omitempty"`
	Accounts   []AccountStatus `json:"accounts"`
	Dated      time.Time       `json:"dated"`
}

// AccountStatus is the status of one account.
type AccountStatus struct {
	Account  string   `json:"account"`
	Enforced bool     `json:"enforced"`
	Open     int      `json:"open"`
	Why      string   `json:"why,omitempty"` // it is not enforced
	Closed   Evidence `json:"closed"`        // what its SCPs leave to anyone else
}

// Words are what every report must say of the status: empty only if enforced.
func (s Status) Words() string {
	if s.Enforced {
		return ""
	}
	return fmt.Sprintf("advisory: direct path open (%d principals)", s.Open)
}

// Status decides whether the roles given are the only door already.
func (a *Analysis) Status(ctx context.Context, roles []string) (Status, error) {
	s := Status{Dated: a.Now}
	world := a.atlas()
	open, err := world.open(ctx, roles, a.Inference())
	if err != nil {
		return s, err
	}
	for i, p := range a.Principals() {
		if open[i].Action != "" {
			s.Principals = append(s.Principals, p.ARN)
		}
	}
	s.Open = len(s.Principals)
	s.Enforced = len(a.Estate.Accounts) > 0
	for _, acct := range a.Estate.Accounts {
		x := world.statusOf(acct, roles)
		for i, p := range a.Principals() {
			if p.Account == acct && open[i].Action != "" {
				x.Open++
			}
		}
		if x.Enforced = x.Enforced && x.Open == 0; !x.Enforced && x.Why == "" {
			x.Why = fmt.Sprintf("%d principals that no SCP binds can", x.Open)
		}
		s.Enforced = s.Enforced && x.Enforced
		s.Accounts = append(s.Accounts, x)
	}
	return s, nil
}

func (a *atlas) statusOf(acct *estate.Account, roles []string) AccountStatus {
	x := AccountStatus{Account: acct.ID}
	switch {
	case acct.Management:
		x.Why = "it is the organization's management account, which no SCP binds"
	case len(acct.SCPs) == 0:
		x.Why = "no SCP is in the input"
	case len(roles) == 0:
		x.Why = "no gateway's role was named"
	default:
		x.Closed = a.closes(awsiam.Layers{SCPs: acct.SCPs}, roles, a.Inference(), acct.ID)
		if x.Enforced = x.Closed.Proven(); !x.Enforced {
			x.Why = "its SCPs leave " + x.Closed.Action + " to others: " + x.Closed.Reason
		}
	}
	return x
}
