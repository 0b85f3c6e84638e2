package rights

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
)

// Place says what a grant's names stand for where it holds.
type Place struct {
	Catalogue *bedrock.Catalogue // required
	Account   string             // required: the gateway's own, which entitlements that name none are for
	Partition string             // empty: aws
	// Networks are the ranges behind the names of networks. When nil a network
	// stays a name, which no IAM key knows.
	Networks *identity.Networks
	// Endpoints are the VPC endpoints (vpce-…) of a network, by its name. Calls
	// through an endpoint have no public address, and an address inside a VPC
	// says nothing without the VPC: only a network with endpoints covers them.
	Endpoints map[string][]string
}

// GrantedPolicy is a grant as an IAM policy: what its holder may do, leg by
// leg. It says exactly what the gateway decides on, as far as that is a
// question of rights; keys that begin with "writ:" stand for what no key of AWS
// expresses.
type GrantedPolicy struct {
	Grant, Entitlement, Identity string
	Account                      string    // whose models
	From, Until                  time.Time // From is zero when it has no beginning
	PolicyText
	// Remainder lists the writ: keys that the rights depend on, sorted: what
	// makes them narrower than anything AWS can enforce.
	Remainder []string
}

// Granted is a grant of an entitlement as a policy, where networks are mere
// names; Place.Granted knows their ranges.
func Granted(e Entitlement, g Grant, cat *bedrock.Catalogue, account string) (GrantedPolicy, error) {
	return Place{Catalogue: cat, Account: account}.Granted(e, g)
}

// Granted is a grant of an entitlement as a policy, under the grant's narrowing.
// It allows nothing while the grant's state does not confer the right, or when
// nothing is left of it. The error names what of the entitlement or grant means
// nothing.
func (p Place) Granted(e Entitlement, g Grant) (GrantedPolicy, error) {
	p.Partition = cmp.Or(p.Partition, "aws")
	given, left := e.Under(g.Narrow)
	c := converter{Place: p, ent: given, grant: g, account: cmp.Or(e.Account, p.Account)}
	if left && g.State.Confers() {
		if err := c.convert(); err != nil {
			return GrantedPolicy{}, fmt.Errorf("converting grant %q of entitlement %q: %w", g.ID, e.ID, err)
		}
	}
	text, err := WritePolicy("grant "+g.ID, c.statements)
	if err != nil {
		return GrantedPolicy{}, fmt.Errorf("converting grant %q of entitlement %q: %w", g.ID, e.ID, err)
	}
	return GrantedPolicy{
		Grant: g.ID, Entitlement: e.ID, Identity: g.Identity, Account: c.account,
		From: g.NotBefore, Until: g.NotAfter, PolicyText: text, Remainder: remainderOf(c.statements),
	}, nil
}

// remainderOf lists the keys of statements that AWS does not know.
func remainderOf(statements []Statement) []string {
	var keys []string
	for _, s := range statements {
		for _, t := range s.When {
			if IsOpaque(t.Key) {
				keys = append(keys, t.Key)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// converter turns one grant into statements. It says what package policy
// compiles to Cedar, permit by permit.
type converter struct {
	Place
	ent        Entitlement
	grant      Grant
	account    string
	where      []Term // ways to come from an allowed network
	always     Term   // account and window, which every statement has
	statements []Statement
}

func (c *converter) convert() error {
	if !bedrock.ValidAccount(c.account) {
		return fmt.Errorf("account %q: want twelve digits", c.account)
	}
	var err error
	if c.always, err = c.window(); err != nil {
		return err
	}
	c.always = append(c.always, equals("aws:PrincipalAccount", c.account))
	if c.where, err = c.networks(); err != nil {
		return err
	}
	return c.actions()
}

// window is the grant's time. The gateway decides on whole milliseconds: the
// beginning is rounded up and the end down.
func (c *converter) window() (t Term, err error) {
	g := &c.grant
	if g.NotAfter.IsZero() || !g.NotAfter.After(g.NotBefore) {
		return nil, errors.New("notAfter is required, and after notBefore")
	}
	if !g.NotBefore.IsZero() {
		t = append(t, Test{Op: "DateGreaterThanEquals", Key: "aws:CurrentTime", Values: []string{instant(g.NotBefore.Add(time.Millisecond - 1))}})
	}
	return append(t, Test{Op: "DateLessThan", Key: "aws:CurrentTime", Values: []string{instant(g.NotAfter)}}), nil
}

func instant(t time.Time) string { return t.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano) }

// networks are the ways to be in one of the networks: by a public address, or
// through an endpoint of the network and by an address inside its VPC.
func (c *converter) networks() ([]Term, error) {
	names := c.ent.Conditions.Networks
	switch {
	case len(names) == 0:
		return []Term{{}}, nil
	case c.Networks == nil:
		return []Term{{Test{Op: "ForAnyValue:StringEquals", Key: Opaque("network", "names"), Values: names}}}, nil
	}
	all, err := c.ranges(names)
	if err != nil {
		return nil, err
	}
	ways := []Term{{Test{Op: "IpAddress", Key: "aws:SourceIp", Values: all}}}
	for _, name := range names {
		if endpoints := c.Endpoints[name]; len(endpoints) > 0 {
			inside, err := c.ranges([]string{name})
			if err != nil {
				return nil, err
			}
			ways = append(ways, Term{equals("aws:SourceVpce", endpoints...), Test{Op: "IpAddress", Key: "aws:VpcSourceIp", Values: inside}})
		}
	}
	return ways, nil
}

func (c *converter) ranges(names []string) ([]string, error) {
	prefixes, err := c.Networks.Prefixes(names)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(prefixes))
	for i, p := range prefixes {
		out[i] = p.String()
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("networks %s have no ranges", strings.Join(names, ", "))
	}
	return out, nil
}

// allow adds what is allowed under all the conditions given, once for every way
// to come from a network.
func (c *converter) allow(sid string, actions, resources []string, when ...Term) {
	c.add(awsiam.Allow, sid, actions, resources, when...)
}

func (c *converter) add(effect awsiam.Effect, sid string, actions, resources []string, when ...Term) {
	if len(resources) == 0 {
		return
	}
	for _, way := range c.where {
		t := slices.Concat(append([]Term{c.always, way}, when...)...)
		s := Statement{Sid: fmt.Sprintf("%s%d", sid, len(c.statements)+1), Effect: effect, Actions: actions, Resources: resources, When: t}
		c.statements = append(c.statements, s)
	}
}

// actions adds the statements of every action that the entitlement names.
func (c *converter) actions() error {
	names := c.ent.Actions
	if len(names) == 0 {
		names = []string{bedrock.InvokeModel.Action(), bedrock.InvokeModelWithResponseStream.Action()}
	}
	if known := bedrock.Actions(); !subset(names, known) {
		return fmt.Errorf("actions %s: want some of %s", strings.Join(names, ", "), strings.Join(known, ", "))
	}
	reach, err := c.reach(c.ent.Models)
	if err != nil {
		return err
	}
	if err := c.checkGuardrails(); err != nil {
		return err
	}
	c.invoking(names, reach)
	if slices.Contains(names, bedrock.CountTokens.Action()) {
		c.counting(reach)
	}
	if slices.Contains(names, bedrock.ApplyGuardrail.Action()) {
		c.applying()
	}
	c.asynchronous(names, reach)
	return nil
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// checkGuardrails refuses entries that are no ARN and version.
func (c *converter) checkGuardrails() error {
	for _, g := range c.ent.Conditions.Guardrails {
		if i := strings.LastIndexByte(g, ':'); i < 0 || !strings.HasPrefix(g, "arn:") || !strings.Contains(g[:i], ":guardrail/") {
			return fmt.Errorf("guardrail %q: want <ARN>:<version>", g)
		}
	}
	return nil
}
