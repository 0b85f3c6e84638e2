package analyse

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const deputyReference = "https://docs.aws.amazon.com/bedrock/latest/userguide/cross-service-confused-deputy-prevention.html"

// workloadRules are about workloads that invoke: who shares a role, what an
// agent's role may do beyond its work, and rights of the workshop in production.
var workloadRules = []rule{
	{report.Rule{
		ID: "BR-SHARE-01", Title: "One role that invokes models is used by several workloads", Severity: report.Medium,
		Help: "The role's trust policy lets in several services or principals, or several of Bedrock's own resources work as it. " +
			"What one of them needs, all of them may do; and who called a model can no longer be told from the log. " +
			"Give each workload a role of its own.",
		Reference: []string{"https://docs.aws.amazon.com/wellarchitected/latest/generative-ai-lens/gensec05-bp01.html", "https://docs.aws.amazon.com/bedrock/latest/userguide/agents-permissions.html"},
	}, workloadShared},
	{report.Rule{
		ID: "BR-AGENT-01", Title: "The role of an agent, flow or knowledge base is wider than its work", Severity: report.High,
		Help: "A service role that Bedrock works as needs the models that it is set up for, and a trust policy that names your own account. " +
			"With a *FullAccess policy whoever steers the agent's prompt steers far more; without aws:SourceAccount or aws:SourceArn in its trust policy, Bedrock may be made to use it on behalf of another account. " +
			"Allow the configured model alone, and add both conditions.",
		Reference: []string{"https://docs.aws.amazon.com/bedrock/latest/userguide/agents-permissions.html", deputyReference},
	}, agentRoles},
	{report.Rule{
		ID: "BR-AGENT-02", Title: "Rights of the workshop on a role of production", Severity: report.Medium,
		Help: "The role is tagged as one of production and may do what belongs to trying things out: invoke inline agents, create agents, have prompts rewritten by a model, or pass roles to Bedrock. " +
			"What runs in production is deployed by a pipeline; the workload itself needs none of these. " +
			"Remove the actions from the role, or deny them in its boundary.",
		Reference: []string{"https://docs.aws.amazon.com/bedrock/latest/userguide/agents-create-inline.html", "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"},
	}, agentWorkshop},
}

func workloadShared(s *scan, yield func(report.Finding)) string {
	byRole := s.workersByRole()
	for _, x := range s.invokers(true) {
		if x.Kind != estate.Role || x.ServiceLinked || slices.Contains(s.opts.Gateway, x.ARN) {
			continue
		}
		if who := s.parties(x.whole); len(who) > 1 {
			yield(s.sharedFinding(x, "trust", "trusts "+count(len(who), "workload")+" at once", "It may be assumed by "+listed(who, 5)+": what one of them needs, all of them may do.", s.trustRefs(x.whole)))
		}
		if who := workersOf(byRole[x.ARN]); len(who) > 1 {
			yield(s.sharedFinding(x, "bedrock", "is the service role of "+count(len(who), "resource")+" of Bedrock", "It is the role of "+listed(who, 5)+".", nil))
		}
	}
	if s.Estate.Bedrock == nil {
		return "which agents share a role: needs --bedrock"
	}
	return ""
}

func (s *scan) sharedFinding(x *subject, resource, title, detail string, refs []awsiam.Ref) report.Finding {
	target, action := s.first(x, func(int) bool { return true })
	h := hit{resource: resource, title: title, detail: detail, witness: s.ask(x, target, action, nil).Witness}
	f := s.finding(x.Principal, x.Principal, h, report.Medium)
	for _, r := range refs {
		f.Statements = append(f.Statements, statementOf(x.whole.Trust, string(trustLayer), r.Index))
	}
	return f
}

// parties are the workloads that a role's trust policy lets in: services by
// their name, principals, and identity providers. The account itself is none:
// that leaves it to the account's own policies.
func (s *scan) parties(role *estate.Principal) (names []string) {
	if role.Trust == nil || role.Trust.Doubt != "" {
		return nil
	}
	f := s.prober(s.ctx)
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, principal := range servicesIn(role.Trust) {
		if !f.trustIn(role, awsiam.Principal{Service: principal}).Decision.Can() {
			continue
		}
		if known, ok := s.Facts.Service(principal); ok {
			principal = known.Service
		}
		add(principal)
	}
	for i := range role.Trust.Statements {
		st := &role.Trust.Statements[i]
		if st.Effect != awsiam.Allow || st.Principal == nil || st.Principal.Not {
			continue
		}
		for _, name := range st.Principal.AWS {
			if p, err := awsiam.ParsePrincipal(name); err == nil && (!p.Root() || p.Account != role.Principal.Account) && p.ARN != role.ARN {
				add(name)
			}
		}
		for _, name := range st.Principal.Federated {
			add(name)
		}
	}
	return names
}

func (s *scan) trustRefs(role *estate.Principal) (refs []awsiam.Ref) {
	for i := range role.Trust.Statements {
		if st := &role.Trust.Statements[i]; st.Effect == awsiam.Allow {
			refs = append(refs, refTo(trustLayer, role.Trust, st))
		}
	}
	return refs
}

// workersOf names resources, each once.
func workersOf(list []worker) (names []string) {
	for _, w := range list {
		if name := w.kind.name + " " + shortARN(w.ARN); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// workerServices are the services whose resources work as roles and call models.
var workerServices = []string{"bedrock.amazonaws.com", agentCore}

func agentRoles(s *scan, yield func(report.Finding)) string {
	byRole := s.workersByRole()
	f := s.prober(s.ctx)
	for _, x := range s.invokers(true) {
		if x.Kind != estate.Role || x.ServiceLinked {
			continue
		}
		serves := servesBedrock(f, x.whole)
		if serves == "" {
			continue
		}
		s.deputy(f, x, serves, yield)
		s.fullAccess(x, yield)
		s.beyond(x, byRole[x.ARN], yield)
	}
	if s.Estate.Bedrock == nil {
		return "which models agents are set up for: needs --bedrock"
	}
	return ""
}

// servesBedrock is the service of Bedrock's that a role trusts; empty: none.
func servesBedrock(f *pathfinder, role *estate.Principal) string {
	if role.Trust == nil || role.Trust.Doubt != "" {
		return ""
	}
	for _, name := range servicesIn(role.Trust) {
		if slices.Contains(workerServices, name) && f.trustIn(role, awsiam.Principal{Service: name}).Decision.Can() {
			return name
		}
	}
	return ""
}

// deputy finds roles that the service may assume on behalf of another account.
func (s *scan) deputy(f *pathfinder, x *subject, service string, yield func(report.Finding)) {
	known := awsiam.Context{}
	known.Set("aws:SourceAccount", awsiam.One(elsewhere))
	known.Set("aws:SourceArn", awsiam.One("arn:"+x.Account.Partition+":"+strings.TrimSuffix(service, ".amazonaws.com")+":us-east-1:"+elsewhere+":agent/AAAAAAAAAA"))
	known.Set("aws:SourceOrgID", awsiam.One("o-outside000"))
	known.Set("aws:PrincipalIsAWSService", awsiam.One("true"))
	known.Set("aws:PrincipalServiceName", awsiam.One(service))
	c := &rights.Case{Principal: awsiam.Principal{Service: service}, Checks: []rights.Check{f.becoming(x.whole, nil)}, Known: known}
	ans := rights.Solve(s.universe(), c)
	if ans.Decision != rights.Allowed && ans.Decision != rights.Conditional {
		return
	}
	h := hit{resource: "trust", title: "its trust policy lets " + service + " act for any account", condition: rights.Terms(ans.Condition),
		detail: "Neither aws:SourceAccount nor aws:SourceArn is asked for: the service may be made to work as this role on behalf of somebody in another account (the confused deputy)."}
	finding := s.finding(x.Principal, x.Principal, h, report.High)
	for _, ref := range ans.Statements {
		if ref.Layer == awsiam.ResourceLayer {
			finding.Statements = append(finding.Statements, statementOf(x.whole.Trust, string(trustLayer), ref.Index))
		}
	}
	yield(finding)
}

// fullAccess finds roles of the service that may do everything in Bedrock.
func (s *scan) fullAccess(x *subject, yield func(report.Finding)) {
	ans := s.on(x.Principal, anyBedrockAction, "*", nil)
	if !ans.Decision.Can() {
		return
	}
	h := hit{resource: "bedrock:*", title: "a service role that may do everything in Bedrock",
		detail: "Whoever steers what the role works on, if only by a prompt, may have it change guardrails, make agents and switch off the log."}
	for _, arn := range x.Attached {
		if strings.HasSuffix(arn, "FullAccess") || strings.HasSuffix(arn, "/AdministratorAccess") {
			h.title = "a service role with " + arn[strings.LastIndexByte(arn, '/')+1:]
			break
		}
	}
	yield(s.finding(x.Principal, x.Principal, h.of(ans), report.High))
}

// beyond finds roles that may invoke models which none of what works as them is
// set up for.
func (s *scan) beyond(x *subject, list []worker, yield func(report.Finding)) {
	configured := map[string]bool{}
	for _, w := range list {
		model, ok := s.foundationOf(w.Model)
		if w.kind.full || w.kind.name == "agent runtime" || w.Model == "" || !ok {
			return // what it calls is not known
		}
		configured[model] = true
	}
	more := map[string]bool{}
	target, action := s.first(x, func(t int) bool { return !configured[s.matrix.Targets[t].Model] })
	if len(configured) == 0 || target < 0 {
		return
	}
	for i, c := range x.row {
		if model := s.matrix.Targets[i/len(s.matrix.Actions)].Model; c.Can() && !configured[model] {
			more[model] = true
		}
	}
	h := hit{resource: "models", title: "a service role that may invoke " + count(len(more), "model") + " beyond what it is set up for",
		detail: "It is the role of " + strings.Join(workersOf(list), ", ") + ", and may invoke " + s.matrix.Targets[target].ID + " too, which none of them calls."}
	yield(s.finding(x.Principal, x.Principal, h.of(s.ask(x, target, action, nil)), report.High))
}

// workshopActions belong to trying things out.
var workshopActions = []string{"bedrock:InvokeInlineAgent", "bedrock:CreateAgent", "bedrock:CreateAgentActionGroup", "bedrock:CreateAgentAlias", "bedrock:OptimizePrompt"}

func agentWorkshop(s *scan, yield func(report.Finding)) string {
	f := s.prober(s.ctx)
	tagged := false
	for _, x := range s.subjects() {
		if x.Kind != estate.Role || x.ServiceLinked || !inProduction(x.Tags) {
			continue
		}
		tagged = true
		var best rights.Answer
		var may []string
		for _, action := range append(slices.Clone(workshopActions), passRole) {
			if ans := f.somewhere(x.Principal, action); ans.Decision.Can() {
				if may = append(may, action); len(may) == 1 {
					best = ans
				}
			}
		}
		if len(may) > 0 {
			h := hit{resource: "workshop", title: "a role of production may use " + strings.Join(may, ", "),
				detail: "Its tags say that it is one of production; these rights are for building and trying agents, and give whoever controls the workload a way to make others."}
			yield(s.finding(x.Principal, x.Principal, h.of(best), report.Medium))
		}
	}
	if !tagged {
		return "needs tags: no role has one such as environment=production"
	}
	return ""
}

// somewhere answers for an action on some resource of its kind in the account;
// for iam:PassRole, of a role to Bedrock.
func (f *pathfinder) somewhere(p *estate.Principal, action string) (best rights.Answer) {
	best.Decision = rights.ImplicitDeny
	form := map[string]string{passRole: arnHead + "iam::{account}:role/?*", "bedrock:CreateAgentAlias": agent, "bedrock:CreateAgentActionGroup": agent}[action]
	if form == "" {
		form = noResource
	}
	for _, arn := range f.fits(p, []string{action}, form, []string{defaultRegion}) {
		k := f.deed(p, action, arn, defaultRegion)
		if action == passRole {
			k.Known.Set("iam:PassedToService", awsiam.One(bedrockService))
		}
		if ans := f.may(p, k); certainty(ans.Decision) > certainty(best.Decision) {
			best = ans
			if action == passRole {
				tell(best.Witness, "iam:PassedToService", bedrockService)
			}
		}
	}
	return best
}

// inProduction reports whether tags say so.
func inProduction(tags map[string]string) bool {
	for key, value := range tags {
		switch strings.ToLower(key) {
		case "environment", "env", "stage", "tier", "environmenttype":
			if v := strings.ToLower(value); v == "prod" || v == "production" || v == "prd" || v == "live" {
				return true
			}
		}
	}
	return false
}
