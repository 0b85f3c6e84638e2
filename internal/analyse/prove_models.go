package analyse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/glob"
	"github.com/writ-project/writ/internal/rights"
)

const profileKey = "bedrock:inferenceprofilearn"

// modelSet is the models that an assertion is about.
type modelSet struct {
	any         bool     // every model, of today and to come
	foundations []string // ids
	custom      []string // ARNs of an account's own models
	profiles    []bedrock.Profile
}

// modelSet resolves selectors: "*", a model's or profile's id or ARN,
// "family:<id>" or "provider:<id>". A profile stands for itself only; a family
// for its models, however they are reached.
func (a *Analysis) modelSet(selectors []string) (*modelSet, error) {
	m := &modelSet{}
	for _, s := range selectors {
		if s == "*" {
			m.any = true
			continue
		}
		sel, err := rights.ParseSelector(s, a.Catalogue)
		if err != nil {
			return nil, err
		}
		m.add(a.Catalogue, sel)
	}
	if len(m.foundations)+len(m.custom)+len(m.profiles) == 0 && !m.any {
		return nil, fmt.Errorf("no model is meant by %s", strings.Join(selectors, ", "))
	}
	for _, p := range a.Catalogue.Profiles() {
		if m.any || slices.ContainsFunc(append([]string{p.Model}, p.Routes...), func(id string) bool { return slices.Contains(m.foundations, id) }) {
			m.profiles = append(m.profiles, p)
		}
	}
	return m, nil
}

func (m *modelSet) add(cat *bedrock.Catalogue, sel rights.Selector) {
	for _, x := range cat.Models() {
		switch sel.Kind {
		case rights.SelectModel:
			if x.ID != sel.ID && x.Base != sel.ID {
				continue
			}
		case rights.SelectFamily:
			if x.Family != sel.ID {
				continue
			}
		case rights.SelectProvider:
			if x.Provider != sel.ID {
				continue
			}
		default:
			continue
		}
		if strings.HasPrefix(x.ID, "arn:") {
			m.custom = append(m.custom, x.ID)
		} else {
			m.foundations = append(m.foundations, x.ID)
		}
	}
	if p, ok := cat.Profile(sel.ID); ok && sel.Kind == rights.SelectProfile {
		m.profiles = append(m.profiles, p)
	}
}

// forms are the ARNs of the set's foundation models.
func (m *modelSet) forms(partition string) (out []glob.Pattern) {
	if m.any {
		return anyFoundation(partition)
	}
	for _, id := range m.foundations {
		out = append(out, foundations(partition, id)...)
	}
	return out
}

// reach decides whether a principal can invoke one of the models by any road: a
// model named directly, in any region; a model of an account's own; a profile
// that the catalogue knows, with every leg; and a profile that nobody has listed.
func (q *inquiry) reach(p *estate.Principal, action string) reply {
	f := reply{action: action, answer: rights.Answer{Decision: rights.ImplicitDeny}}
	if q.silent(p, action) {
		return f
	}
	forms := q.models.forms(p.Account.Partition)
	if len(forms) > 0 {
		f.take("*", q.anywhere(p, action, ground{within: forms}, q.with(profileKey, awsiam.Value{})))
	}
	if q.models.any {
		own := ofAccount(p.Account.Partition, p.Principal.Account, invocable)
		f.take("*", q.anywhere(p, action, ground{within: own, shared: ofAccount(p.Account.Partition, "????????????", invocable)}, q.known))
	}
	for _, arn := range q.models.custom {
		f.take(arn, q.anywhere(p, action, ground{within: []glob.Pattern{glob.Literal(arn)}}, q.known))
	}
	if f.decided() {
		return f
	}
	if !q.throughAny(p, action, forms) {
		return f
	}
	q.throughKnown(p, action, &f)
	if !f.decided() && len(forms) > 0 {
		q.throughUnknown(p, action, forms, &f)
	}
	return f
}

// throughAny reports whether a profile could be called at all, and a model behind
// it.
func (q *inquiry) throughAny(p *estate.Principal, action string, forms []glob.Pattern) bool {
	partition := p.Account.Partition
	profiles := ground{within: ofAccount(partition, p.Principal.Account, routes), shared: ofAccount(partition, "????????????", routes)}
	return q.anywhere(p, action, profiles, q.known).Decision.Can() &&
		(len(forms) == 0 || q.anywhere(p, action, ground{within: forms}, q.known).Decision.Can())
}

// throughKnown asks for every profile of the set, from every region that it can
// be called in.
func (q *inquiry) throughKnown(p *estate.Principal, action string, f *reply) {
	for _, x := range q.models.profiles {
		for _, region := range q.sources(x) {
			checks := q.legs(p.Principal.Account, action, x.ID, region)
			if checks.List == nil {
				f.take(x.ID, rights.Answer{Decision: rights.Undetermined, Doubts: []string{checks.Doubt}})
				continue
			}
			// Most fail at the profile or its first model, which is decided sooner.
			if first := (Checks{List: checks.List[:min(2, len(checks.List))]}); q.answer(p, first, q.known).Decision.Can() {
				f.take(x.ID, q.answer(p, checks, q.known))
			}
			if f.decided() {
				return
			}
		}
	}
}

// legs are the checks of an invocation, resolved once for all principals of an
// account. Without any, the doubt says why.
func (q *inquiry) legs(account, action, target, region string) Checks {
	key := strings.Join([]string{account, action, target, region}, " ")
	q.resolving.Lock()
	defer q.resolving.Unlock()
	checks, ok := q.resolved[key]
	if !ok {
		var err error
		if checks, err = q.Checks(Question{Action: action, Resource: target, Region: region}, account); err != nil {
			checks = Checks{Doubt: err.Error()}
		}
		q.resolved[key] = checks
	}
	return checks
}

// sources are the regions that a profile can be called in. Where a global one
// can, AWS does not list: they are all regions that any profile is called in.
func (q *inquiry) sources(x bedrock.Profile) []string {
	if r := regionIn(x.ID); r != "" {
		return []string{r}
	}
	if !x.Global {
		return slices.Sorted(maps.Keys(x.Destinations))
	}
	all := map[string]bool{defaultRegion: true}
	for _, r := range q.regions {
		all[r] = true
	}
	for _, y := range q.Catalogue.Profiles() {
		for r := range y.Destinations {
			all[r] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// throughUnknown asks whether a profile that the input does not list could be
// called, and a model behind it. If so it depends on whether there is one.
func (q *inquiry) throughUnknown(p *estate.Principal, action string, forms []glob.Pattern, f *reply) {
	known := maps.Clone(q.Analysis.Known(p))
	maps.Copy(known, q.known)
	docs := policiesOf(q.Layers(p))
	c := classing{action: action, known: known}
	for _, d := range docs {
		for i := range d.Statements {
			c.statement(&d.Statements[i])
			c.values(&d.Statements[i], profileKey)
		}
	}
	classes, err := glob.Atoms(c.patterns, ofAccount(p.Account.Partition, p.Principal.Account, routes), glob.Limit{})
	models, doubt := q.resourceClasses(action, forms, known, docs)
	if err != nil || doubt != "" || c.doubt != "" {
		f.take("*", rights.Answer{Decision: rights.Undetermined, Doubts: []string{"the profiles that it may call cannot be told apart"}})
		return
	}
	for _, x := range classes {
		for _, model := range models {
			leg := q.openCheck(action, model)
			leg.Known.Set(profileKey, awsiam.One(x.Witness))
			checks := q.bind([]rights.Check{q.openCheck(action, x.Witness), leg}, p.Account)
			if ans := rights.Solve(q.universe(), q.Case(p, checks, q.known)); ans.Decision.Can() {
				ans.Decision, ans.Witness = rights.Undetermined, nil
				ans.Doubts = []string{"it may call a profile that the input does not list, such as " + x.Witness + ", and a model behind it: give --profiles"}
				f.take(model, ans)
				return
			}
		}
	}
}

// values adds what conditions on a key tell apart.
func (c *classing) values(s *awsiam.Statement, key string) {
	if s.MatchAction(c.action) == awsiam.False {
		return
	}
	for i := range s.Conditions {
		x := &s.Conditions[i]
		if x.Name() != key {
			continue
		}
		var cuts awsiam.Cuts
		x.Cut(c.known, &cuts)
		for _, p := range cuts.Patterns {
			c.add(p)
		}
		if slices.ContainsFunc(x.Variables(), func(v string) bool { return !given(c.known, v) }) {
			c.doubt = "a condition on the profile depends on what is not known"
		}
	}
}
