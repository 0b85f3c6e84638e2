package analyse

import (
	"cmp"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// goal is what paths lead to: one of some questions, for callers of each
// account.
type goal struct {
	*Analysis
	checks map[string][]Checks // by account, bound
	best   map[*estate.Principal]Checks
	known  awsiam.Context
	model  string // foundation model; empty: any
	region string
}

// goalOf is the goal of one question.
func (a *Analysis) goalOf(q Question) (*goal, error) {
	g := &goal{Analysis: a, checks: map[string][]Checks{}, known: q.Known, region: cmp.Or(regionIn(q.Resource), q.Region, defaultRegion)}
	for _, acct := range a.Estate.Accounts {
		c, err := a.Checks(q, acct.ID)
		if err != nil {
			return nil, err
		}
		c.List = a.bind(c.List, acct)
		g.checks[acct.ID] = []Checks{c}
	}
	g.model, _ = a.foundationOf(q.Resource)
	return g, nil
}

// foundationOf is the foundation model that a model or profile comes down to.
func (a *Analysis) foundationOf(id string) (string, bool) {
	ref, err := bedrock.ParseModelID(id)
	if err != nil {
		if _, model, ok := strings.Cut(id, ":foundation-model/"); ok {
			return model, true
		}
		return "", false
	}
	id = ref.CatalogueID()
	if p, ok := a.Catalogue.Profile(id); ok {
		return p.Model, true
	}
	if m, ok := a.Catalogue.Model(id); ok {
		return cmp.Or(m.Base, m.ID), true
	}
	return id, ref.Kind == bedrock.FoundationRef
}

// is reports whether a workload that is set up for a model calls the goal's.
func (g *goal) is(configured string) awsiam.Truth {
	if g.model == "" {
		return awsiam.True
	}
	model, ok := g.foundationOf(configured)
	if !ok {
		return awsiam.Unknown
	}
	return awsiam.Of(model == g.model)
}

// embeds reports whether the goal may be a model for embeddings.
func (g *goal) embeds() bool {
	m, ok := g.Catalogue.Model(g.model)
	return g.model == "" || ok && m.Modality == bedrock.ModalityEmbedding
}

// answer is the full answer of a principal that can on its own.
func (g *goal) answer(p *estate.Principal) rights.Answer {
	if c, ok := g.best[p]; ok {
		return g.Analysis.answer(p, c, g.known)
	}
	return g.with(p, func(*rights.Case) {})
}

// with is the best answer that a principal would get if its case were another.
func (g *goal) with(p *estate.Principal, change func(*rights.Case)) (best rights.Answer) {
	best.Decision = rights.ImplicitDeny
	for _, checks := range g.checks[p.Principal.Account] {
		c := g.Case(p, checks.List, g.known)
		change(c)
		ans := rights.Solve(g.universe(), c)
		if checks.Doubt != "" && ans.Decision.Can() {
			ans.Decision, ans.Doubts = rights.Undetermined, append(ans.Doubts, checks.Doubt)
		}
		if certainty(ans.Decision) > certainty(best.Decision) {
			best = ans
		}
		if best.Decision == rights.Allowed {
			break
		}
	}
	return best
}
