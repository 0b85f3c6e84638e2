package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// template is an entitlement compiled as far as it can be without a grant. A
// grant adds the identity and the window of time.
type template struct {
	ent     rights.Entitlement
	note    string // what people are told of it beside its name
	permits []permitTemplate
}

// permitTemplate is one permit of an entitlement.
type permitTemplate struct {
	actions  []uid
	resource scope
	clauses  []clause
}

// newTemplate compiles an entitlement. Every permit carries every condition,
// so that none can be met by one grant for the model and by another for what
// the call makes use of.
func newTemplate(ent rights.Entitlement, cat *bedrock.Catalogue, nets *identity.Networks) (*template, error) {
	t := &template{ent: ent}
	p, err := planOf(ent.Actions)
	if err != nil {
		return nil, err
	}
	if err := checkConditions(&ent.Conditions, nets); err != nil {
		return nil, err
	}
	if len(p.invoke) > 0 {
		if err := t.invoking(p.invoke, cat); err != nil {
			return nil, err
		}
	}
	if p.count {
		if err := t.counting(cat); err != nil {
			return nil, err
		}
	}
	if p.apply {
		t.applying()
	}
	return t, t.asynchronous(&p, cat)
}

// invoking adds the permits of calls that a model answers.
func (t *template) invoking(actions []uid, cat *bedrock.Catalogue) error {
	targets, err := targetsOf(t.ent.Models, cat)
	if err != nil {
		return err
	}
	c := t.ent.Conditions
	shared := append([]clause{accountClause(t.ent.Account)}, conditionClauses(c)...)
	if streaming, ok := streamingClause(actions); ok {
		shared = append(shared, streaming)
	}
	prompted := append(slices.Clone(shared), promptClauses(c.Data)...)
	for _, w := range targets {
		t.add(actions, w.resource, prompted, w.clauses...)
	}
	prompted = append(slices.Clip(prompted), during(bedrock.Operation.Generates))
	t.addUses(&c, prompted, targets)
	t.addReleases(targets)
	t.addObligations(prompted, targets)
	t.addRedaction(append(slices.Clip(shared), during(bedrock.Operation.Generates)), targets)
	return nil
}

func (t *template) add(actions []uid, resource scope, shared []clause, more ...clause) {
	t.permits = append(t.permits, permitTemplate{actions: actions, resource: resource, clauses: append(slices.Clip(shared), more...)})
}

// addUses permits what a call may make use of beside the model: guardrails,
// system tools and objects, and only together with the entitlement's models.
func (t *template) addUses(c *rights.Conditions, shared []clause, targets []target) {
	aimed := append(slices.Clip(shared), aimedAt(targets))
	if len(c.Guardrails) > 0 {
		t.add([]uid{actApplyGuardrail}, scope{op: scopeIs, typ: guardrailType}, aimed, guardrailResource(c.Guardrails))
	}
	for _, name := range c.SystemTools {
		t.add([]uid{actInvokeTool}, scope{op: scopeEq, ids: []uid{newUID(systemToolType, name)}}, aimed)
	}
	if len(c.Objects) > 0 {
		t.add([]uid{actUseObject}, scope{op: scopeIs, typ: objectType}, aimed, objectClause(c.Objects))
	}
}

// addReleases lets answers out. Which other conditions held is settled by then:
// only the grants that permitted the call are asked to release its answer.
func (t *template) addReleases(targets []target) {
	answer := t.ent.Conditions.Data.Answer()
	rules := contentClauses("output", answer)
	for _, w := range targets {
		t.add([]uid{actRelease}, w.resource, rules, w.clauses...)
		if answer.Redact {
			t.add([]uid{obligation(ObligeRedactAnswer)}, w.resource, nil, w.clauses...)
		}
	}
}

// addRedaction demands that prompts are redacted, whatever they hold.
func (t *template) addRedaction(shared []clause, targets []target) {
	if !t.ent.Conditions.Data.Redact {
		return
	}
	for _, w := range targets {
		t.add([]uid{obligation(ObligeRedact)}, w.resource, shared, w.clauses...)
	}
}

// addObligations imposes what the entitlement demands of a call it permits.
func (t *template) addObligations(shared []clause, targets []target) {
	c := &t.ent.Conditions
	for _, w := range targets {
		if c.HoldAnswer {
			t.add([]uid{obligation(ObligeHoldAnswer)}, w.resource, shared, w.clauses...)
		}
		if len(c.Tools.Write) > 0 || c.Tools.Any {
			t.add([]uid{obligation(ObligeHold)}, w.resource, shared, append(slices.Clone(w.clauses), writingClause(c.Tools))...)
		}
	}
}

// stamp turns the template into a grant's rules.
func (t *template) stamp(g *rights.Grant) []*rule {
	out := make([]*rule, 0, len(t.permits))
	window := windowClauses(g)
	text := fmt.Sprintf("grant %s of entitlement %s%s", g.ID, t.ent.ID, t.note)
	for i, pt := range t.permits {
		p := newPermit(newUID(identityType, g.Identity))
		setHead(p, pt.actions, pt.resource)
		clauses := append(slices.Clone(window), pt.clauses...)
		for _, c := range clauses {
			p.When(c.node)
		}
		r := newRule(fmt.Sprintf("grant:%s/%d", g.ID, i+1), text, p)
		r.clauses, r.grant = clauses, g
		out = append(out, r)
	}
	return out
}

// target is one way in which an entitlement names models.
type target struct {
	resource scope
	clauses  []clause // how the resource must be reached
	aimed    node     // that the whole call is aimed at it, whatever the leg
}

// targetsOf reads the entitlement's models. A model's id covers only direct
// calls; a profile's id covers the profile, and its models when reached
// through it; a family or provider covers all of its own either way.
func targetsOf(names []string, cat *bedrock.Catalogue) ([]target, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("models is required")
	}
	var out []target
	for _, name := range names {
		targets, err := targetOf(name, cat)
		if err != nil {
			return nil, err
		}
		out = append(out, targets...)
	}
	return out, nil
}

func targetOf(name string, cat *bedrock.Catalogue) ([]target, error) {
	if family, ok := strings.CutPrefix(name, "family:"); ok {
		return groupTarget(familyType, family, cat.Families())
	}
	if provider, ok := strings.CutPrefix(name, "provider:"); ok {
		return groupTarget(providerType, provider, cat.Providers())
	}
	if p, ok := cat.Profile(name); ok {
		return profileTargets(p), nil
	}
	if _, ok := cat.Model(name); !ok {
		return nil, fmt.Errorf("model %q is not in the catalogue", name)
	}
	id := newUID(modelType, name)
	return []target{{
		resource: scope{op: scopeEq, ids: []uid{id}},
		clauses:  []clause{reachedBy("")},
		aimed:    at("request", "model").Equal(theEntity(id)).And(at("request", "profile").Equal(text(""))),
	}}, nil
}

func groupTarget(t uidType, name string, known []string) ([]target, error) {
	if !slices.Contains(known, name) {
		return nil, fmt.Errorf("no model in the catalogue is in %s %q", t, name)
	}
	id := newUID(t, name)
	return []target{{resource: scope{op: scopeIn, ids: []uid{id}}, aimed: at("request", "model").In(theEntity(id))}}, nil
}

func profileTargets(p bedrock.Profile) []target {
	aimed := at("request", "profile").Equal(text(p.ID))
	out := []target{{resource: scope{op: scopeEq, ids: []uid{newUID(profileType, p.ID)}}, aimed: aimed}}
	for _, m := range append([]string{p.Model}, p.Routes...) {
		out = append(out, target{
			resource: scope{op: scopeEq, ids: []uid{newUID(modelType, m)}},
			clauses:  []clause{reachedBy(p.ID)},
			aimed:    aimed,
		})
	}
	return out
}

func reachedBy(profile string) clause {
	want := fmt.Sprintf("must be %q", profile)
	if profile == "" {
		want = "must be empty: the model itself is granted, not a profile"
	}
	return clause{node: at("leg", "profile").Equal(text(profile)), path: []string{"context", "leg", "profile"}, text: want}
}

// aimedAt demands that the call goes to one of the targets.
func aimedAt(targets []target) clause {
	nodes := make([]node, len(targets))
	for i, w := range targets {
		nodes[i] = w.aimed
	}
	return clause{node: anyOf(nodes), path: []string{"context", "request", "model"}, text: "must be one that the entitlement names"}
}

// streamingClause says by context what the actions say by name, for the
// permits whose action is another.
func streamingClause(actions []uid) (clause, bool) {
	stream, plain := slices.Contains(actions, actInvokeStream), slices.Contains(actions, actInvoke)
	if stream && plain {
		return clause{}, false
	}
	c := clause{node: at("request", "streaming"), path: []string{"context", "request", "streaming"}, text: "must be true"}
	if plain {
		c.node, c.text = not(c.node), "must be false"
	}
	return c, true
}
