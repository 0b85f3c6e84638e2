package analyse

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// run is a recipe as a principal may carry it out: the checks, on concrete
// resources, and what they come to.
type run struct {
	by     string // its actions
	region string
	checks []rights.Check
	answer rights.Answer
}

// mostTries bounds the combinations of resources that are tried for a recipe.
const mostTries = 64

// ran carries out a recipe once for a principal.
func (f *pathfinder) ran(act *actor, r *recipe) *run {
	if done := act.runs[r]; done != nil {
		return done
	}
	if act.runs == nil {
		act.runs = map[*recipe]*run{}
	}
	done := f.run(act.p, r, f.regions)
	act.runs[r] = done
	return done
}

// run finds resources on which a principal may make all calls of a recipe, in
// one of some regions: the first of them if it can be any.
func (f *pathfinder) run(p *estate.Principal, r *recipe, regions []string) *run {
	best := &run{by: actionsOf(*r), answer: rights.Answer{Decision: rights.ImplicitDeny}}
	first := regions[:1]
	for _, some := range [][]string{first, regions} {
		t := attempt{pathfinder: f, p: p, r: *r, best: best, left: mostTries}
		t.try(some, nil)
		if best.answer.Decision.Can() || len(regions) == 1 {
			break
		}
	}
	return best
}

func actionsOf(r recipe) string {
	var names []string
	for _, c := range r {
		if !slices.Contains(names, c.action) {
			names = append(names, c.action)
		}
	}
	return strings.Join(names, " + ")
}

// attempt looks for the resources of a recipe, form by form.
type attempt struct {
	*pathfinder
	p    *estate.Principal
	r    recipe
	best *run
	left int
}

// try takes the next form whose resource is not chosen yet. The first resource
// with a region sets it for the others.
func (t *attempt) try(regions []string, checks []rights.Check) {
	if len(checks) == len(t.r) {
		if ans := t.may(t.p, checks...); certainty(ans.Decision) > certainty(t.best.answer.Decision) {
			t.best.answer, t.best.checks, t.best.region = ans, slices.Clone(checks), regions[0]
		}
		return
	}
	form := t.r[len(checks)].form
	var actions []string
	for _, c := range t.r[len(checks):] {
		if c.form != form {
			break
		}
		actions = append(actions, c.action)
	}
	for _, arn := range t.fits(t.p, actions, form, regions) {
		if t.left--; t.left < 0 || t.best.answer.Decision == rights.Allowed {
			return
		}
		t.on(arn, actions, regions, checks)
	}
}

// on makes some calls on a resource and goes on if they may be made.
func (t *attempt) on(arn string, actions []string, regions []string, checks []rights.Check) {
	in := regions
	if r := regionIn(arn); r != "" {
		in = []string{r}
	}
	if arn == noResource && len(regions) > 1 {
		for _, r := range t.toldApart(regions, actions) {
			t.on(arn, actions, []string{r}, checks)
		}
		return
	}
	more := slices.Clone(checks)
	for _, action := range actions {
		region := in[0]
		if strings.HasPrefix(action, "iam:") {
			region = iamRegion(t.p.Account.Partition)
		}
		more = append(more, t.deed(t.p, action, arn, region))
	}
	if len(more) == len(t.r) || t.may(t.p, more[len(checks):]...).Decision.Can() {
		t.try(in, more)
	}
}

// toldApart are regions of which the policies tell each from the others.
func (t *attempt) toldApart(regions, actions []string) (out []string) {
	seen := map[string]bool{}
	for _, arn := range t.fits(t.p, actions, "arn:{partition}:any:{region}:{account}:?*", regions) {
		if r := regionIn(arn); !seen[r] {
			seen[r], out = true, append(out, r)
		}
	}
	return out
}

// callRegions are the regions that calls are tried in: the one asked about, then
// those of the catalogue.
func (a *Analysis) callRegions(first string) []string {
	out := []string{first}
	for _, p := range a.Catalogue.Profiles() {
		for region := range p.Destinations {
			if !slices.Contains(out, region) {
				out = append(out, region)
			}
		}
	}
	slices.Sort(out[1:])
	return out
}

// prepare finds out which services the roles among nodes trust.
func (f *pathfinder) prepare(nodes []*node) {
	_ = inParallel(f.ctx, len(nodes), func(i int) {
		n := nodes[i]
		if n.p.Kind != estate.Role || n.p.ServiceLinked {
			return
		}
		for _, name := range servicesIn(n.p.Trust) {
			if ans := f.trustIn(n.p, awsiam.Principal{Service: name}); ans.Decision.Can() {
				n.services = append(n.services, trusted{name, ans})
			}
		}
	})
}

// servicesIn are the services that a trust policy names. One that cannot be read
// may name any.
func servicesIn(trust *awsiam.Document) (names []string) {
	if trust == nil || trust.Doubt != "" {
		return serviceNames
	}
	for i := range trust.Statements {
		s := &trust.Statements[i]
		if s.Effect == awsiam.Deny || s.Principal == nil {
			continue
		}
		for _, name := range s.Principal.Service {
			if name = strings.ToLower(name); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// serviceNames are the services that paths lead through.
var serviceNames = func() (names []string) {
	for _, s := range slices.Concat(passed, running) {
		if !slices.Contains(names, s.principal) {
			names = append(names, s.principal)
		}
	}
	return names
}()

// trustIn decides whether a service may assume a role on behalf of the role's own
// account.
func (f *pathfinder) trustIn(role *estate.Principal, service awsiam.Principal) rights.Answer {
	known := awsiam.Context{}
	known.Set("aws:SourceAccount", awsiam.One(role.Principal.Account))
	known.Set("aws:PrincipalIsAWSService", awsiam.One("true"))
	known.Set("aws:PrincipalServiceName", awsiam.One(service.Service))
	known.Set("aws:ViaAWSService", awsiam.One("false"))
	if id := role.Account.OrgID; id != "" {
		known.Set("aws:SourceOrgID", awsiam.One(id))
	}
	c := &rights.Case{Principal: service, Checks: []rights.Check{f.becoming(role, nil)}, Known: known}
	return rights.Solve(f.universe(), c)
}

const passRole = "iam:PassRole"

// pass is the hop of having a service work as a role.
func (f *pathfinder) pass(act *actor, to *node) (Hop, bool) {
	if len(to.services) == 0 || act.p.Account != to.p.Account || !act.touches(passRole, to.p.ARN) {
		return Hop{}, false
	}
	return f.through(act, to, passed, func(s *service, done *run) rights.Answer {
		k := f.deed(act.p, passRole, to.p.ARN, done.region)
		k.Known.Set("iam:PassedToService", awsiam.One(s.principal))
		tagged(&k, to.p)
		return f.may(act.p, append([]rights.Check{k}, done.checks...)...)
	})
}

// enter is the hop of directing what may work as a role already.
func (f *pathfinder) enter(act *actor, to *node) (Hop, bool) {
	if len(to.services) == 0 || act.p.Account != to.p.Account {
		return Hop{}, false
	}
	return f.through(act, to, running, func(_ *service, done *run) rights.Answer { return done.answer })
}

// through finds the first of some services, and the first way in it, by which a
// principal has something work as a role.
func (f *pathfinder) through(act *actor, to *node, list []service, decide func(*service, *run) rights.Answer) (best Hop, found bool) {
	for i := range list {
		s := &list[i]
		serves := to.trusts(s.principal)
		if serves == nil || !f.suits(s, to) {
			continue
		}
		for _, done := range f.open(act, s) {
			hop, ok := hopOf(edgeOf(list), act.p.ARN, to.p.ARN, byOf(list, done), decide(s, done), serves.answer)
			if hop = doubted(hop, s.doubt); ok && (!found || certainty(hop.Decision) > certainty(best.Decision)) {
				best, found = hop, true
			}
			if found && best.Decision == rights.Allowed {
				return best, true
			}
		}
	}
	return best, found
}

// open are the ways in which a principal can have something run in a service,
// for whatever role.
func (f *pathfinder) open(act *actor, s *service) []*run {
	if out, ok := act.open[s]; ok {
		return out
	}
	var out []*run
	for i := range s.runs {
		if !act.mayAll(s.runs[i]) {
			continue
		}
		if done := f.run(act.p, &s.runs[i], f.regions); done.answer.Decision.Can() {
			out = append(out, done)
		}
	}
	if act.open == nil {
		act.open = map[*service][]*run{}
	}
	act.open[s] = out
	return out
}

func edgeOf(list []service) Edge {
	if &list[0] == &passed[0] {
		return PassEdge
	}
	return ComputeEdge
}

func byOf(list []service, done *run) string {
	if edgeOf(list) == PassEdge {
		return passRole + " + " + done.by
	}
	return done.by
}

// suits reports whether a way through a service fits a role: whether it has an
// instance profile, and whether it has more to give than its own calls of
// models.
func (f *pathfinder) suits(s *service, to *node) bool {
	switch {
	case s.profile == withProfile && len(to.p.InstanceProfiles) == 0, s.profile == withoutProfile && len(to.p.InstanceProfiles) > 0:
		return false
	case s.embeds && !f.goal.embeds():
		return false
	}
	return s.full || to.depth == 0
}
