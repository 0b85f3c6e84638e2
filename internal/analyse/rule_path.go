package analyse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// pathRules are about ways to rights that a principal does not hold itself.
var pathRules = []rule{
	{report.Rule{
		ID: "BR-PATH-01", Title: "A principal that cannot invoke models comes to it by a detour", Severity: report.High,
		Help: "The principal's own policies let it invoke nothing, but it can take on rights that do: by assuming a role, by passing a role to a service, by rewriting a policy or a trust policy, by making credentials for somebody else, or by another surface. " +
			"A review that looks at Bedrock's actions alone does not see it. " +
			"Cut the path at its weakest hop: name the roles in iam:PassRole and sts:AssumeRole, and leave policies to those who administer them.",
		Reference: []string{"https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html", "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-trust-policy.html", "https://pathfinding.cloud/"},
	}, pathDetours},
	{report.Rule{
		ID: "BR-PATH-02", Title: "AgentCore runs code of a principal's own under a role that invokes", Severity: report.High,
		Help: "Whoever may create a code interpreter or a runtime of AgentCore and pass it a role, or may run commands in one that has a role, has that role's credentials: code in it reads them like code on a server does. " +
			"Name the roles that may be passed to bedrock-agentcore.amazonaws.com, and give them no more than the code needs.",
		Reference: []string{"https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/code-interpreter-tool.html", "https://pathfinding.cloud/"},
	}, pathAgentCore},
}

func pathDetours(s *scan, yield func(report.Finding)) string {
	f := s.pathfinder()
	if err := f.spread(defaultHops); err != nil {
		return ""
	}
	for _, n := range f.order {
		if n.depth == 0 || n.p.ServiceLinked {
			continue
		}
		path := f.path(n)
		yield(s.pathFinding(n.p, detourHit(path), severityOf(path), path))
	}
	return ""
}

// pathFinding is a finding about a path. Its witness is the request that whoever
// is at the end makes.
func (s *scan) pathFinding(p *estate.Principal, h hit, severity report.Severity, path Path) report.Finding {
	x := s.finding(p, p, h, severity)
	x.Path = s.hops(path.Hops)
	x.Statements = x.Path[0].Statements
	if path.End.Witness != nil {
		x.Witness = asJSON(path.End.Witness)
	}
	return x
}

// pathfinder looks for paths to any target of the matrix, among the principals
// as the rules see them.
func (s *scan) pathfinder() *pathfinder {
	g := &goal{Analysis: s.Analysis, checks: map[string][]Checks{}, best: map[*estate.Principal]Checks{}, region: s.matrix.Targets[0].Region}
	var all []*estate.Principal
	for _, x := range s.subjects() {
		all = append(all, x.Principal)
	}
	f := s.finder(s.ctx, g, all)
	for _, x := range s.subjects() {
		if best, cell := s.bestCell(x); cell.Can() {
			g.best[x.Principal] = best
			g.add(x.Principal.Principal.Account, best)
			f.begin(x.Principal, cell.Decision(), nil)
		}
	}
	for _, acct := range s.Estate.Accounts {
		if len(g.checks[acct.ID]) == 0 {
			g.add(acct.ID, s.checksFor(acct, 0, 0))
		}
	}
	return f
}

// mostQuestions bounds how many targets are tried for somebody who would have
// other policies.
const mostQuestions = 6

func (g *goal) add(account string, c Checks) {
	same := func(d Checks) bool {
		return d.List[0].Resource == c.List[0].Resource && d.List[0].Action == c.List[0].Action
	}
	if list := g.checks[account]; len(list) < mostQuestions && !slices.ContainsFunc(list, same) {
		g.checks[account] = append(list, c)
	}
}

// bestCell is the target that a subject can invoke with the most certainty.
func (s *scan) bestCell(x *subject) (best Checks, cell Cell) {
	at := 0
	for i, c := range x.row {
		if c > cell {
			at, cell = i, c
		}
	}
	if cell.Can() {
		best = s.checksFor(x.Account, at/len(s.matrix.Actions), at%len(s.matrix.Actions))
	}
	return best, cell
}

// checksFor are the checks of a target for callers of an account.
func (s *scan) checksFor(acct *estate.Account, target, action int) Checks {
	t := &s.matrix.Targets[target]
	c, err := s.Checks(Question{Action: s.matrix.Actions[action], Resource: t.ID, Region: t.Region}, acct.ID)
	if err != nil { // the matrix asked the same
		return Checks{Doubt: err.Error()}
	}
	c.List = s.bind(c.List, acct)
	return c
}

// severityOf is lower for what depends on things that the input does not say,
// and lowest for a surface of which it does not say that it calls models.
func severityOf(p Path) report.Severity {
	switch {
	case p.End.Decision != rights.Undetermined:
		return report.High
	case p.Hops[len(p.Hops)-1].Edge == DoorEdge:
		return report.Low
	}
	return report.Medium
}

// detourHit is a path in words.
func detourHit(p Path) hit {
	last := p.Hops[len(p.Hops)-1]
	h := hit{resource: last.To, condition: p.Hops[0].Condition}
	verb := "reaches"
	if p.End.Decision == rights.Undetermined {
		verb = "may reach"
	}
	h.title = fmt.Sprintf("%s model invocation in %s by %s", verb, count(len(p.Hops), "hop"), p.Hops[0].By)
	h.detail = "It cannot invoke anything itself. " + story(p.Hops)
	if last.Edge == DoorEdge {
		h.title = verb + " models by another door, " + last.By
		h.detail = "It cannot invoke anything through bedrock-runtime, and may call " + last.By + ", which no statement about bedrock:InvokeModel binds."
		if len(p.Hops) > 1 {
			h.detail += " " + story(p.Hops)
		}
	}
	for _, hop := range p.Hops {
		if hop.Doubt != "" {
			h.detail += " Undetermined: " + hop.Doubt + "."
			break
		}
	}
	return h
}

// story tells a path in sentences.
func story(hops []Hop) string {
	var parts []string
	for i, h := range hops {
		subject := "It"
		if i > 0 {
			subject = "As " + shortARN(h.From) + " it"
		}
		object := " to " + shortARN(h.To)
		if h.From == h.To {
			object = " on itself"
		}
		parts = append(parts, subject+" may use "+h.By+object+".")
	}
	return strings.Join(parts, " ")
}

// shortARN is the part of an ARN that names the resource.
func shortARN(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[5]
	}
	return arn
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// hops are hops as reports have them.
func (s *scan) hops(hops []Hop) []report.Hop {
	var out []report.Hop
	for _, h := range hops {
		r := report.Hop{From: h.From, To: h.To, By: h.By, Condition: h.Condition}
		for _, ref := range h.Statements {
			r.Statements = append(r.Statements, s.hopStatement(h, ref))
		}
		out = append(out, r)
	}
	return out
}

// hopStatement is a statement that a hop stands on: of who takes it, or of the
// trust policy of whom it leads to.
func (s *scan) hopStatement(h Hop, ref awsiam.Ref) report.Statement {
	if ref.Layer == awsiam.ResourceLayer {
		if to := s.Estate.Principal(h.To); to != nil && to.Trust != nil && to.Trust.Name == ref.Document {
			return statementOf(to.Trust, string(trustLayer), ref.Index)
		}
	}
	for _, arn := range []string{h.From, h.To} {
		if p := s.Estate.Principal(arn); p != nil {
			for _, d := range s.documents(p, ref) {
				if d.Name == ref.Document {
					return statementOf(d, string(ref.Layer), ref.Index)
				}
			}
		}
	}
	return report.Statement{Policy: ref.Document, Layer: string(ref.Layer), Sid: ref.Sid, Index: ref.Index, Effect: ref.Effect}
}

func pathAgentCore(s *scan, yield func(report.Finding)) string {
	f := s.pathfinder()
	f.prepare(f.order)
	roles := slices.DeleteFunc(slices.Clone(f.order), func(n *node) bool { return n.trusts(agentCore) == nil })
	found := make([]*node, len(f.actors))
	subjects := s.subjects()
	_ = inParallel(s.ctx, len(f.actors), func(i int) {
		act := f.actors[i]
		if act.p.ServiceLinked || slices.Contains(s.opts.Gateway, act.p.ARN) || s.administrator(subjects[i]) {
			return
		}
		for _, to := range roles {
			if hop, ok := f.agentCore(act, to); ok && to.p != act.p {
				found[i] = &node{p: act.p, hops: []Hop{hop}, next: to}
				return
			}
		}
	})
	for _, n := range found {
		if n != nil {
			yield(s.agentCoreFinding(n.p, n.hops[0], f.end(n.next)))
		}
	}
	return ""
}

// agentCore is the hop through AgentCore alone, with all of the role's
// credentials.
func (f *pathfinder) agentCore(act *actor, to *node) (Hop, bool) {
	g := *f
	g.workers = map[string][]worker{}
	for _, w := range f.workers[to.p.ARN] {
		if w.kind.full {
			g.workers[to.p.ARN] = append(g.workers[to.p.ARN], w)
		}
	}
	if hop, ok := g.use(act, to); ok {
		return hop, true
	}
	only := &node{p: to.p, services: []trusted{*to.trusts(agentCore)}, depth: 1} // not one that only calls models
	return f.pass(act, only)
}

func (s *scan) agentCoreFinding(p *estate.Principal, hop Hop, end rights.Answer) report.Finding {
	h := hit{resource: hop.To, condition: hop.Condition, title: "has the credentials of an invoking role by " + hop.By,
		detail: "Code that it runs in AgentCore works as " + shortARN(hop.To) + ", which may invoke models: it reads the role's credentials there."}
	if hop.Doubt != "" {
		h.detail += " Undetermined: " + hop.Doubt + "."
	}
	return s.pathFinding(p, h, report.High, Path{Hops: []Hop{hop}, End: end})
}
