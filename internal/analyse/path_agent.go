package analyse

import (
	"cmp"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// worker is one of Bedrock's own resources, which works as a role.
type worker struct {
	estate.BedrockResource
	kind *workerKind
}

// workerKind is a kind of them.
type workerKind struct {
	name      string // as findings call it
	principal string // that its role trusts
	full      bool   // whoever uses it has the role's credentials
	embeds    bool
	runs      []recipe // {id} is the resource's own
	of        func(*estate.BedrockRegion) []estate.BedrockResource
}

// workerKinds are the kinds, and how they are used. What retrieves and
// generates at once (RetrieveAndGenerate) calls the model in the caller's own
// right, and is not among them
// (https://docs.aws.amazon.com/bedrock/latest/userguide/kb-permissions.html).
var workerKinds = []workerKind{
	{name: "agent", principal: "bedrock.amazonaws.com", of: func(r *estate.BedrockRegion) []estate.BedrockResource { return r.Agents },
		runs: []recipe{{{"bedrock:InvokeAgent", arnHead + "bedrock" + here + "agent-alias/{id}/?*"}}}},
	{name: "flow", principal: "bedrock.amazonaws.com", of: func(r *estate.BedrockRegion) []estate.BedrockResource { return r.Flows },
		runs: []recipe{{{"bedrock:InvokeFlow", arnHead + "bedrock" + here + "flow/{id}/alias/?*"}}, {{"bedrock:StartFlowExecution", arnHead + "bedrock" + here + "flow/{id}/alias/?*"}}}},
	{name: "knowledge base", principal: "bedrock.amazonaws.com", embeds: true, of: func(r *estate.BedrockRegion) []estate.BedrockResource { return r.KnowledgeBases },
		runs: []recipe{{{"bedrock:Retrieve", arnHead + "bedrock" + here + "knowledge-base/{id}"}}, {{"bedrock:StartIngestionJob", arnHead + "bedrock" + here + "knowledge-base/{id}"}}}},
	{name: "agent runtime", principal: agentCore, full: true, of: func(r *estate.BedrockRegion) []estate.BedrockResource { return r.AgentRuntimes },
		runs: []recipe{{{"bedrock-agentcore:InvokeAgentRuntimeCommand", arnHead + "bedrock-agentcore" + here + "runtime/{id}"}},
			{{"bedrock-agentcore:InvokeAgentRuntimeCommandShell", arnHead + "bedrock-agentcore" + here + "runtime/{id}"}}}},
	{name: "agent runtime", principal: agentCore, of: func(r *estate.BedrockRegion) []estate.BedrockResource { return r.AgentRuntimes },
		runs: []recipe{{{"bedrock-agentcore:InvokeAgentRuntime", arnHead + "bedrock-agentcore" + here + "runtime/{id}"}}}},
	{name: "code interpreter", principal: agentCore, full: true, of: func(r *estate.BedrockRegion) []estate.BedrockResource { return r.CodeInterpreters },
		runs: []recipe{{{"bedrock-agentcore:StartCodeInterpreterSession", arnHead + "bedrock-agentcore" + here + "code-interpreter-custom/{id}"},
			{"bedrock-agentcore:InvokeCodeInterpreter", arnHead + "bedrock-agentcore" + here + "code-interpreter-custom/{id}"}}}},
	{name: "harness", principal: agentCore, of: func(*estate.BedrockRegion) []estate.BedrockResource { return nil },
		runs: []recipe{{{"bedrock-agentcore:InvokeHarness", arnHead + "bedrock-agentcore" + here + "harness/{id}"}}}},
}

// unknownWorkers is why a way through resources that were not given is open.
const unknownWorkers = "the input does not say which agents, flows, runtimes or interpreters work as this role (--bedrock does): it holds if one does that may be used"

// workersByRole are Bedrock's own resources by the ARN of their role.
func (a *Analysis) workersByRole() map[string][]worker {
	out := map[string][]worker{}
	if a.Estate.Bedrock == nil {
		return out
	}
	for i := range a.Estate.Bedrock.Regions {
		for k := range workerKinds {
			for _, r := range workerKinds[k].of(&a.Estate.Bedrock.Regions[i]) {
				out[r.Role] = append(out[r.Role], worker{r, &workerKinds[k]})
			}
		}
	}
	return out
}

// listed reports whether the input lists an account's resources of a kind.
func (a *Analysis) listed(account string, kind *workerKind) bool {
	if a.Estate.Bedrock == nil {
		return false
	}
	return slices.ContainsFunc(a.Estate.Bedrock.Regions, func(r estate.BedrockRegion) bool { return r.Account == account && kind.of(&r) != nil })
}

// use is the hop of using a resource that works as a role.
func (f *pathfinder) use(act *actor, to *node) (best Hop, found bool) {
	for _, w := range f.workers[to.p.ARN] {
		serves := to.trusts(w.kind.principal)
		if serves == nil || awsiam.AccountOf(w.ARN) != act.p.Principal.Account || !f.calls(w, to) {
			continue
		}
		for _, r := range w.kind.runs {
			if !act.mayAll(r) {
				continue
			}
			ran := f.run(act.p, w.only(r), []string{regionIn(w.ARN)})
			if hop, ok := hopOf(ComputeEdge, act.p.ARN, to.p.ARN, ran.by, ran.answer, serves.answer); ok {
				return doubted(hop, w.doubt(f.goal)), true
			}
		}
	}
	return best, found
}

// only is a recipe for one resource.
func (w worker) only(r recipe) *recipe {
	id := w.ARN[strings.LastIndexByte(w.ARN, '/')+1:]
	out := slices.Clone(r)
	for i := range out {
		out[i].form = strings.ReplaceAll(out[i].form, "{id}", id)
	}
	return &out
}

// calls reports whether what a resource does as its role may be what is asked.
func (f *pathfinder) calls(w worker, to *node) bool {
	switch {
	case w.kind.full:
		return true
	case to.depth > 0 || w.kind.embeds && !f.goal.embeds():
		return false
	}
	return w.Model == "" || f.goal.is(w.Model) != awsiam.False
}

// doubt is why it is not certain that a resource calls what is asked.
func (w worker) doubt(g *goal) string {
	switch {
	case w.kind.full || g.model == "":
		return ""
	case w.Model == "":
		return "which model the " + w.kind.name + " calls, the input does not say"
	case g.is(w.Model) == awsiam.Unknown:
		return "which model " + w.Model + " is, the catalogue does not say"
	}
	return ""
}

// useUnknown is the hop of using a resource that works as a role, where the
// input lists none.
func (f *pathfinder) useUnknown(act *actor, to *node) (Hop, bool) {
	if act.p.Account != to.p.Account {
		return Hop{}, false
	}
	for i := range workerKinds {
		kind := &workerKinds[i]
		serves := to.trusts(kind.principal)
		if serves == nil || f.listed(act.p.Principal.Account, kind) || !f.calls(worker{kind: kind}, to) {
			continue
		}
		for j := range kind.runs {
			if !act.mayAll(kind.runs[j]) {
				continue
			}
			ran := f.ran(act, &unknownRuns[i][j])
			if hop, ok := hopOf(ComputeEdge, act.p.ARN, to.p.ARN, ran.by, ran.answer, serves.answer); ok {
				return doubted(hop, cmp.Or(hop.Doubt, unknownWorkers)), true
			}
		}
	}
	return Hop{}, false
}

// unknownRuns are the recipes of workerKinds for whatever resource there is.
var unknownRuns = func() (out [][]recipe) {
	for _, k := range workerKinds {
		var runs []recipe
		for _, r := range k.runs {
			runs = append(runs, *worker{BedrockResource: estate.BedrockResource{ARN: "?*"}}.only(r))
		}
		out = append(out, runs)
	}
	return out
}()

// mayAll reports whether a principal's own policies may allow all calls of a
// recipe.
func (act *actor) mayAll(r recipe) bool {
	return !slices.ContainsFunc(r, func(c call) bool { return !act.may(c.action) })
}

// trusted is a service that a role trusts, as far as it does.
type trusted struct {
	principal string
	answer    rights.Answer
}

// trusts is what a node's role says of a service; nil: it does not trust it.
func (n *node) trusts(principal string) *trusted {
	for i := range n.services {
		if strings.EqualFold(n.services[i].principal, principal) {
			return &n.services[i]
		}
	}
	return nil
}
