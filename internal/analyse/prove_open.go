package analyse

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/glob"
	"github.com/writ-project/writ/internal/rights"
)

// inferenceServices are the namespaces in which a right yields an answer of a
// model by itself. Functions, state machines and jobs that invoke do so under
// roles, which are principals themselves.
var inferenceServices = []string{"bedrock", "bedrock-mantle", "bedrock-agentcore", "bedrock-websearch", "aws-external-anthropic", "sagemaker"}

// Inference are the actions that yield an answer of a model, or are needed for
// one, in every namespace: those that invoke come first.
func (a *Analysis) Inference() []string {
	var out []string
	for _, class := range []awsiam.ActionClass{awsiam.ClassInvoke, awsiam.ClassDoor, awsiam.ClassGate, awsiam.ClassIndirect} {
		for _, f := range a.Facts.Actions(class) {
			if slices.Contains(inferenceServices, serviceOf(f.Name)) {
				out = append(out, f.Name)
			}
		}
	}
	return out
}

func serviceOf(action string) string {
	service, _, _ := strings.Cut(action, ":")
	return strings.ToLower(service)
}

// sane is a region in patterns.
const sane = "??*-?*-?"

// invocable are the types of resource that a call can name as its model and
// that lead to no other: after the account, the ARN's last part.
var invocable = []string{"provisioned-model/?*", "custom-model-deployment/?*", "imported-model/?*", "marketplace/model-endpoint/all-access"}

// routes are the types of resource that lead to foundation models.
var routes = []string{"inference-profile/?*", "application-inference-profile/?*", "prompt-router/?*", "default-prompt-router/?*"}

// beside are the other resources that the invoking actions are checked on.
var beside = []string{"async-invoke/?*", "project/?*"}

func segmentsOf(s string) glob.Pattern {
	p, _ := glob.SegmentWise(s)
	return p
}

// narrowly reads every wildcard as one that stays within its segment: what an
// account has, has no colon in its id.
func narrowly(s string) glob.Pattern {
	var tokens []glob.Token
	for _, r := range s {
		switch r {
		case '*':
			tokens = append(tokens, glob.StarInSegment)
		case '?':
			tokens = append(tokens, glob.OneInSegment)
		default:
			tokens = append(tokens, glob.Token(r))
		}
	}
	return glob.Compile(tokens)
}

// foundations are the ARNs of a model in any region, or in none.
func foundations(partition, model string) []glob.Pattern {
	return []glob.Pattern{
		narrowly("arn:" + partition + ":bedrock:" + sane + "::foundation-model/" + model),
		narrowly("arn:" + partition + ":bedrock:::foundation-model/" + model),
	}
}

// anyFoundation are the ARNs of all models, whose ids have a dot.
func anyFoundation(partition string) (out []glob.Pattern) {
	for _, colons := range versions {
		out = append(out, foundations(partition, "?*.?*"+colons)...)
	}
	return out
}

// versions are the ends of ids: with up to two colons, and nothing between them
// that is empty.
var versions = []string{"", ":?*", ":?*:?*"}

// ofAccount are the ARNs of an account's own resources of some types.
func ofAccount(partition, account string, types []string) (out []glob.Pattern) {
	for _, t := range types {
		for _, colons := range versions {
			out = append(out, narrowly("arn:"+partition+":bedrock:"+sane+":"+account+":"+t+colons))
		}
	}
	return out
}

// atlas remembers, for one piece of work, what actions are checked on and what
// policies tell apart there: most principals of an account have policies like
// those of others.
type atlas struct {
	*Analysis
	mu      sync.Mutex
	grounds map[string][]glob.Pattern // by action, partition and account
	classes map[string]classed        // by the patterns that tell apart
	absent  map[string]awsiam.Context // by action
}

// classed is a resource of every class, or that there are too many.
type classed struct {
	names   []string
	tooMany bool
}

func (a *Analysis) atlas() *atlas {
	return &atlas{Analysis: a, grounds: map[string][]glob.Pattern{}, classes: map[string]classed{}, absent: map[string]awsiam.Context{}}
}

// forms are what an action can be checked on: what the facts say, or else every
// ARN of the action's service. The account is that of the caller or, as "*", any.
func (a *atlas) forms(action, partition, account string) []glob.Pattern {
	key := action + " " + partition + " " + account
	a.mu.Lock()
	defer a.mu.Unlock()
	out, ok := a.grounds[key]
	if !ok {
		out = a.formsOf(action, partition, account)
		a.grounds[key] = out
	}
	return out
}

func (a *Analysis) formsOf(action, partition, account string) []glob.Pattern {
	f, known := a.Facts.Action(action)
	nothing := []glob.Pattern{glob.Literal("*")}
	if known && len(f.Resources) == 0 {
		return nothing
	}
	if account == "*" {
		account = strings.Repeat("?", 12)
	}
	if f.Class == awsiam.ClassInvoke {
		tools := narrowly("arn:" + partition + ":bedrock::" + account + ":system-tool/?*")
		return append(append(anyFoundation(partition), tools), ofAccount(partition, account, slices.Concat(invocable, routes, beside))...)
	}
	out := nothing
	if known && len(f.Optional) < len(f.Resources) {
		out = nil
	}
	start := "arn:" + partition + ":" + serviceOf(action) + ":"
	for _, place := range []string{sane + ":" + account, ":" + account, sane + ":", ":"} {
		out = append(out, segmentsOf(start+place+":?*"))
	}
	return out
}

// policiesOf are all documents of layers.
func policiesOf(layers ...awsiam.Layers) (all []*awsiam.Document) {
	for _, l := range layers {
		all = append(append(all, l.Identity...), l.Sessions...)
		for _, level := range slices.Concat(l.SCPs, l.RCPs) {
			all = append(all, level...)
		}
		for _, d := range []*awsiam.Document{l.Boundary, l.Resource, l.Endpoint} {
			if d != nil {
				all = append(all, d)
			}
		}
	}
	return all
}

// classing finds what policies tell apart among the resources of an action.
type classing struct {
	action   string
	known    awsiam.Context
	patterns []glob.Pattern
	doubt    string
}

// resourceClasses returns one resource for every class that policies tell apart
// in checks of an action, of those that one of the patterns within covers. A
// doubt says why the classes may be too coarse to rely on. Patterns in also leave
// only what one of them covers.
func (a *atlas) resourceClasses(action string, within []glob.Pattern, known awsiam.Context, docs []*awsiam.Document, also ...glob.Pattern) (names []string, doubt string) {
	c := classing{action: action, known: known, patterns: slices.Clone(also)}
	for _, d := range docs {
		for i := range d.Statements {
			c.statement(&d.Statements[i])
		}
	}
	x := a.tell(c.patterns, within, also)
	if x.tooMany {
		return nil, "the resource patterns of " + action + " are too many to tell apart"
	}
	return slices.Clip(x.names), c.doubt
}

// tell finds the classes, once for equal patterns.
func (a *atlas) tell(patterns, within, also []glob.Pattern) classed {
	var b strings.Builder
	for _, list := range [][]glob.Pattern{within, also, patterns} {
		for _, p := range list {
			b.WriteString(p.Key())
			b.WriteByte(0)
		}
		b.WriteByte(1)
	}
	a.mu.Lock()
	x, ok := a.classes[b.String()]
	a.mu.Unlock()
	if ok {
		return x
	}
	found, err := glob.Atoms(patterns, within, glob.Limit{})
	x.tooMany = err != nil
	for _, c := range found {
		if len(also) == 0 || slices.ContainsFunc(also, func(p glob.Pattern) bool { return p.Match(c.Witness) }) {
			x.names = append(x.names, c.Witness)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.classes[b.String()] = x
	return x
}

func (c *classing) statement(s *awsiam.Statement) {
	if s.MatchAction(c.action) == awsiam.False {
		return
	}
	for i := range s.Resources {
		t := &s.Resources[i]
		for _, v := range t.Variables() {
			if !given(c.known, v) {
				c.doubt = "the resource " + t.Source + " depends on " + v + ", which is not known"
			}
		}
		if p, ok := t.Resolve(c.known); ok == awsiam.True {
			c.add(p)
		}
	}
	for i := range s.Conditions {
		if s.Conditions[i].Name() == requestedRegion {
			c.regions(&s.Conditions[i])
		}
	}
}

const requestedRegion = "aws:requestedregion"

// regions adds what a condition on the region tells apart, put where an ARN has
// its region: a check's region is that of what it is on.
func (c *classing) regions(x *awsiam.Condition) {
	for _, v := range x.Variables() {
		if !given(c.known, v) {
			c.doubt = "a condition on the region depends on " + v + ", which is not known"
		}
	}
	var cuts awsiam.Cuts
	x.Cut(c.known, &cuts)
	for _, p := range cuts.Patterns {
		s, literal := p.IsLiteral()
		if !literal {
			s = p.String()
		}
		at := segmentsOf("arn:*:*:" + strings.ReplaceAll(s, ":", "?") + ":*:*")
		c.add(at)
		c.add(at.Fold())
	}
}

func (c *classing) add(p glob.Pattern) {
	if !slices.ContainsFunc(c.patterns, p.Equal) {
		c.patterns = append(c.patterns, p)
	}
}

// given reports whether a context says what a key holds, be it nothing.
func given(ctx awsiam.Context, key string) bool {
	if _, ok := ctx[key]; ok {
		return true
	}
	family, _, tagged := strings.Cut(key, "/")
	_, ok := ctx[family+"/*"]
	return tagged && ok
}

// openCheck is the check of an action on a resource that stands for its class.
// Through what a model is reached stays open.
func (a *atlas) openCheck(action, resource string) rights.Check {
	k := rights.Check{Action: action, Resource: resource, Account: awsiam.AccountOf(resource), Known: a.without(action)}
	switch region := regionIn(resource); {
	case region != "":
		k.Known.Set(requestedRegion, awsiam.One(region))
	case regionless(resource):
		k.Known.Set(requestedRegion, awsiam.One(rights.UnspecifiedRegion))
	}
	if k.Account != "" {
		k.Known.Set("aws:ResourceAccount", awsiam.One(k.Account))
	}
	if strings.Contains(resource, "::foundation-model/") {
		k.Known.Set("aws:ResourceTag/*", awsiam.Value{})
	}
	return k
}

// without is the keys that checks of an action never have.
func (a *atlas) without(action string) awsiam.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, ok := a.absent[action]
	if !ok {
		c = a.Facts.Absent(action)
		a.absent[action] = c
	}
	return maps.Clone(c)
}

// shared are the resources of the estate that have a policy of their own and
// that one of the patterns covers.
func (a *Analysis) shared(within []glob.Pattern) (arns []string) {
	for _, acct := range a.Estate.Accounts {
		for _, arn := range slices.Sorted(maps.Keys(acct.Resource)) {
			if arn != "" && !slices.Contains(arns, arn) && slices.ContainsFunc(within, func(p glob.Pattern) bool { return p.Match(arn) }) {
				arns = append(arns, arn)
			}
		}
	}
	return arns
}

// ground is what an action is asked of: every resource within, and those that
// have a policy of their own and that shared covers, whosever they are.
type ground struct {
	within, shared []glob.Pattern
	// also, unless empty, holds patterns of which one must cover a resource too.
	also []glob.Pattern
}

// everywhere is all that an action can be checked on for a principal.
func (a *atlas) everywhere(p *estate.Principal, action string) ground {
	partition := p.Account.Partition
	return ground{within: a.forms(action, partition, p.Principal.Account), shared: a.forms(action, partition, "*")}
}

// openly are the checks that an action on a ground comes to for a principal, one
// for every class of resources, and why the classes may be too coarse.
func (a *atlas) openly(p *estate.Principal, action string, on ground, more awsiam.Context) ([]rights.Check, string) {
	known := a.Known(p)
	if len(more) > 0 {
		known = maps.Clone(known)
		maps.Copy(known, more)
	}
	names, doubt := a.resourceClasses(action, on.within, known, policiesOf(a.Layers(p)), on.also...)
	checks := make([]rights.Check, 0, len(names))
	for _, name := range append(names, a.shared(on.shared)...) {
		checks = append(checks, a.openCheck(action, name))
	}
	return a.bind(checks, p.Account), doubt
}

// silent reports whether nothing can allow a principal an action: no policy of
// its own speaks of it, and no resource has one.
func (a *Analysis) silent(p *estate.Principal, action string) bool {
	if p.Account.Resource[""] != nil || slices.ContainsFunc(a.Estate.Accounts, func(x *estate.Account) bool { return len(x.Resource) > 0 }) {
		return false
	}
	return !slices.ContainsFunc(p.Identity, func(d *awsiam.Document) bool { return mentions(d, action) })
}

// anywhere decides whether a principal can do an action somewhere on a ground: it
// returns the answer for the first resource on which it can, for one that is not
// known rather than for none.
func (a *atlas) anywhere(p *estate.Principal, action string, on ground, more awsiam.Context) rights.Answer {
	none := rights.Answer{Decision: rights.ImplicitDeny}
	if a.silent(p, action) {
		return none
	}
	checks, doubt := a.openly(p, action, on, more)
	for _, k := range checks {
		switch ans := rights.Solve(a.universe(), a.Case(p, []rights.Check{k}, more)); {
		case ans.Decision == rights.Undetermined:
			none = ans
		case ans.Decision.Can():
			return ans
		case none.From.IsZero() || !ans.From.IsZero() && ans.From.Before(none.From):
			none.From = ans.From
		}
	}
	if doubt != "" && none.Decision != rights.Undetermined {
		none.Decision, none.Doubts = rights.Undetermined, []string{doubt}
	}
	return none
}
