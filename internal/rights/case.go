package rights

import (
	"maps"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/glob"
)

// Check is one authorisation check as AWS makes it: an action on a resource,
// with the condition keys that are fixed by what is checked.
type Check struct {
	Kind     LegKind
	Action   string
	Resource string // ARN, "*" for an action without one; empty: any, the frame's own variable
	Account  string // owner of the resource; empty: the caller's, as for foundation models
	// Known holds keys that this check fixes, over those of the case. A key with
	// an empty value is known to be absent.
	Known awsiam.Context
	// Policy is the resource's own policy; Trust says that it is a role's trust
	// policy.
	Policy *awsiam.Document
	Trust  bool
	// RCPs are the levels that bind the resource's account; nil: none.
	RCPs [][]*awsiam.Document
}

// Case asks one thing of a set of policies: may the principal pass all checks?
// Keys that are in no Known are free, and the answer is a function of them. A
// key that ends in "*" stands for all others of its family, such as tags.
type Case struct {
	Principal awsiam.Principal
	Layers    awsiam.Layers // Resource, Trust and RCPs come from each check
	Checks    []Check
	Known     awsiam.Context
	// Within bounds what a free key can hold, by patterns.
	Within map[string][]glob.Pattern
}

// CheckOf is the check of a leg, with the keys that AWS fixes for it: the
// region, and the profile through which a model is reached
// (https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html).
// profileARN is the ARN of the invocation's profile leg, if it has one. Keys
// that the action does not have are absent. What aws:ResourceAccount holds for a
// model that belongs to no account, AWS does not say.
func CheckOf(facts *awsiam.Facts, l Leg, profileARN string) Check {
	c := Check{Kind: l.Kind, Action: l.Action, Resource: l.Resource, Account: awsiam.AccountOf(l.Resource), Known: facts.Absent(l.Action)}
	c.Known.Set("aws:RequestedRegion", awsiam.One(l.Region))
	for _, key := range []string{"bedrock:PromptRouterArn", "bedrock:InferenceProfileArn", "bedrock:ModelArn", "bedrock:ProjectArn"} {
		c.Known.Set(key, awsiam.Value{})
	}
	if c.Account == "" || l.Kind == ProfileLeg && strings.Contains(l.Resource, ":inference-profile/") {
		c.Known.Set("aws:ResourceTag/*", awsiam.Value{})
	}
	if l.Kind != ProfileLeg && profileARN != "" {
		c.Known.Set("bedrock:InferenceProfileArn", awsiam.One(profileARN))
	}
	c.Known.Set("aws:ResourceAccount", awsiam.One(c.Account))
	if c.Account == "" {
		c.Known.Set("aws:ResourceAccount", awsiam.Value{Doubt: "AWS does not say whether aws:ResourceAccount is set for a model that belongs to no account"})
	}
	return c
}

// ChecksOf are the checks of an invocation's legs.
func ChecksOf(facts *awsiam.Facts, legs []Leg) []Check {
	profile := ""
	for _, l := range legs {
		if l.Kind == ProfileLeg {
			profile = l.Resource
		}
	}
	out := make([]Check, len(legs))
	for i, l := range legs {
		out[i] = CheckOf(facts, l, profile)
	}
	return out
}

// Direct are the keys of a call that a principal makes itself over TLS, with
// nothing in between.
func Direct() awsiam.Context {
	c := awsiam.Context{}
	c.Set("aws:ViaAWSService", awsiam.One("false"))
	c.Set("aws:PrincipalIsAWSService", awsiam.One("false"))
	c.Set("aws:SecureTransport", awsiam.One("true"))
	for _, key := range []string{"aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:PrincipalServiceName", "aws:PrincipalServiceNamesList"} {
		c.Set(key, awsiam.Value{})
	}
	return c
}

// over is one context laid over another.
func over(under, upper awsiam.Context) awsiam.Context {
	c := make(awsiam.Context, len(under)+len(upper)+4)
	maps.Copy(c, under)
	maps.Copy(c, upper)
	return c
}

// isKnown reports whether a context says what a key holds, be it nothing.
func isKnown(ctx awsiam.Context, key string) bool {
	if _, ok := ctx[key]; ok {
		return true
	}
	family, _, tagged := strings.Cut(key, "/")
	if !tagged {
		return false
	}
	_, ok := ctx[family+"/*"]
	return ok
}

// request is the check as one concrete request.
func (c *Case) request(k *Check, ctx awsiam.Context, resource string) awsiam.Request {
	return awsiam.Request{Principal: c.Principal, Action: k.Action, Resource: resource, Account: k.Account, Context: ctx}
}

// asking is the principal, with what the layers say of it.
func (c *Case) asking() awsiam.Principal {
	p := c.Principal
	p.Bounded = p.Bounded || c.Layers.Boundary != nil
	return p
}

// layers are the layers that a check meets.
func (c *Case) layers(k *Check) awsiam.Layers {
	l := c.Layers
	l.Resource, l.Trust, l.RCPs = k.Policy, k.Trust, k.RCPs
	return l
}

// Universe says what is taken for granted about the free keys.
type Universe struct {
	Facts *awsiam.Facts
	// Correlated ties keys together as AWS does, and lets a region be only that
	// of the ARN. Otherwise every key takes any value on its own, and only the
	// time and the region are always present.
	Correlated bool
	// Now is when the question is asked; the zero time leaves it free.
	Now   time.Time
	Nodes int // limit of the diagram; 0: diagram's own
	// Counted are resources of which a comparison says how many are new; nil: it
	// does not count.
	Counted []string
	// Classes remembers how patterns split resources, for those who ask many open
	// questions; nil: nothing is remembered.
	Classes *Classes
}
