package policy

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
)

// The entity types of the schema.
const (
	identityType   uidType = "Writ::Identity"
	modelType      uidType = "Writ::Model"
	profileType    uidType = "Writ::Profile"
	familyType     uidType = "Writ::Family"
	providerType   uidType = "Writ::Provider"
	guardrailType  uidType = "Writ::Guardrail"
	systemToolType uidType = "Writ::SystemTool"
	objectType     uidType = "Writ::Object"
	keyType        uidType = "Writ::Key"
	asyncType      uidType = "Writ::AsyncInvoke"
	actionType     uidType = "Writ::Action"
)

// forever stands for "no end" where the schema wants a time.
var forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// stage is how an entity looks from a time on: validations come into force
// and expire while a bundle lives.
type stage struct {
	from   time.Time
	entity entity
	until  time.Time // when the first validation it rests on ends; forever if none
}

// atlas holds every entity that requests do not bring themselves, built once
// per bundle.
type atlas struct {
	fixed    entityMap
	staged   map[uid][]stage // models and profiles; stages ascending, the first from the zero time
	lineages map[uid][]uid   // every entity with its ancestors, itself first
	actions  map[uid][]uid   // every concrete action with its groups, itself first

	vocabulary *vocabulary
	shapes     sync.Map // shape → nil or the error found
	records    records
}

// shape is all in which the questions of this package can differ in type.
// Their values come from Go's typed fields through one builder, so when one
// question of a shape conforms to the schema, all of that shape do; asking the
// validator each time would cost as much as the decision.
type shape struct {
	action   uid
	resource uidType
	known    bool // network.ip is present
	purpose  bool // asserted.purpose is present
}

// conforms validates the first question of each shape.
func (a *atlas) conforms(s shape, q *query) error {
	if found, ok := a.shapes.Load(s); ok {
		err, _ := found.(error)
		return err
	}
	err := a.vocabulary.CheckQuery(*q)
	a.shapes.Store(s, err)
	return err
}

// newAtlas lays out the catalogue and validates each entity.
func newAtlas(v *vocabulary, cat *bedrock.Catalogue, validations []bedrock.Validation) (*atlas, error) {
	a := &atlas{fixed: v.ActionEntities(), staged: map[uid][]stage{}, lineages: map[uid][]uid{}, actions: map[uid][]uid{}, vocabulary: v}
	for id, lineage := range v.Actions() {
		if v.Concrete(id) {
			a.actions[id] = lineage
		}
	}
	known := map[string][]bedrock.Validation{}
	for _, w := range validations {
		if _, ok := cat.Model(w.Model); !ok {
			return nil, fmt.Errorf("validation %q: model %q is not in the catalogue", w.ID, w.Model)
		}
		if err := w.Validate(); err != nil {
			return nil, fmt.Errorf("validation %q: %w", w.ID, err)
		}
		known[w.Model] = append(known[w.Model], w)
	}
	for _, m := range cat.Models() {
		if err := a.addModel(m, known[m.ID]); err != nil {
			return nil, err
		}
	}
	for _, p := range cat.Profiles() {
		if err := a.addProfile(p, cat, known); err != nil {
			return nil, err
		}
	}
	if err := a.addModel(bedrock.Model{ID: noModel, Provider: noModel, Family: noModel}, nil); err != nil {
		return nil, err
	}
	for id := range a.fixed {
		a.lineages[id] = a.trace(id, nil)
	}
	for id := range a.staged {
		a.lineages[id] = a.trace(id, nil)
	}
	return a, a.check(v)
}

// noModel is the model, family and provider of a call that invokes none, so
// that context.request.model is an entity for every rule and no forbid fails on
// it. No catalogue can list it: it has no dot.
const noModel = "none"

// trace collects an entity and everything it is in, as Cedar's `in` sees it.
func (a *atlas) trace(id uid, seen []uid) []uid {
	if slices.Contains(seen, id) {
		return seen
	}
	seen = append(seen, id)
	e := a.fixed[id]
	if stages := a.staged[id]; len(stages) > 0 {
		e = stages[0].entity // parents are the same at every stage
	}
	for parent := range e.Parents.All() {
		seen = a.trace(parent, seen)
	}
	return seen
}

// split separates the actions of the decision from those of obligations, which
// are asked in a set of their own (security S8).
func (a *atlas) split() (decisions, duties map[uid][]uid) {
	decisions, duties = map[uid][]uid{}, map[uid][]uid{}
	for id, lineage := range a.actions {
		if slices.Contains(lineage, groupOblige) {
			duties[id] = lineage
		} else {
			decisions[id] = lineage
		}
	}
	return decisions, duties
}

// check validates every entity against the schema.
func (a *atlas) check(v *vocabulary) error {
	for id, e := range a.fixed {
		if id.Type == actionType {
			continue // they are the schema's own
		}
		if err := v.CheckEntity(e); err != nil {
			return fmt.Errorf("entity %s: %w", id, err)
		}
	}
	for id, stages := range a.staged {
		for _, s := range stages {
			if err := v.CheckEntity(s.entity); err != nil {
				return fmt.Errorf("entity %s: %w", id, err)
			}
		}
	}
	return nil
}

// addFamily makes sure that a family and its provider exist.
func (a *atlas) addFamily(family, provider string) uid {
	f, p := newUID(familyType, family), newUID(providerType, provider)
	if _, ok := a.fixed[f]; !ok {
		a.fixed[f] = entity{UID: f, Parents: newUIDSet(p)}
		a.fixed[p] = entity{UID: p}
	}
	return f
}

// addModel adds a model. One without a family is refused: no rule on families
// would reach it (security S1).
func (a *atlas) addModel(m bedrock.Model, known []bedrock.Validation) error {
	if m.Family == "" || m.Provider == "" {
		return fmt.Errorf("model %q: it has no family or no provider, so no rule on them would reach it", m.ID)
	}
	id := newUID(modelType, m.ID)
	parents := []uid{a.addFamily(m.Family, m.Provider)}
	if m.Base != "" {
		parents = append(parents, newUID(modelType, m.Base))
	}
	for _, c := range coverageOf(m.Requires, known) {
		attributes := c.attributes(m)
		attributes["custom"] = boolValue(m.Custom())
		a.stage(id, parents, attributes, c)
	}
	return nil
}

// addProfile adds a profile, which is in the families of all its models and
// needs the validations of all of them.
func (a *atlas) addProfile(p bedrock.Profile, cat *bedrock.Catalogue, known map[string][]bedrock.Validation) error {
	first, ok := cat.Model(p.Model)
	if !ok {
		return fmt.Errorf("profile %q: model %q is not in the catalogue", p.ID, p.Model)
	}
	var parents []uid
	var requires []need
	for _, name := range append([]string{p.Model}, p.Routes...) {
		m, ok := cat.Model(name)
		if !ok {
			return fmt.Errorf("profile %q: model %q is not in the catalogue", p.ID, name)
		}
		parents = append(parents, newUID(familyType, m.Family))
		requires = append(requires, needs(m.Requires, known[m.ID])...)
	}
	id := newUID(profileType, p.ID)
	for _, c := range coverage(requires) {
		attributes := c.attributes(first)
		attributes["global"] = boolValue(p.Global)
		a.stage(id, parents, attributes, c)
	}
	return nil
}

func (a *atlas) stage(id uid, parents []uid, attributes fields, c cover) {
	e := entity{UID: id, Parents: newUIDSet(parents...), Attributes: newRecord(attributes)}
	a.staged[id] = append(a.staged[id], stage{from: c.from, entity: e, until: c.until})
}

// attributes are those that models and profiles share.
func (c cover) attributes(m bedrock.Model) fields {
	return fields{
		"provider": textValue(m.Provider),
		"family":   textValue(m.Family),
		"modality": textValue(otherwise(m.Modality, bedrock.ModalityText)),
		"impact":   textValue(otherwise(m.Impact, "medium")),
		"dataHandling": newRecord(fields{
			"retentionDays": numberValue(m.DataHandling.RetentionDays),
			"trainsOnData":  boolValue(m.DataHandling.TrainsOnData),
			"residency":     textValue(m.DataHandling.Residency),
		}),
		"missingValidations": setValue(c.missing),
		"validUntil":         timeValue(c.until),
	}
}

func otherwise(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// stageAt is the stage in force at a time; ok is false for other entities.
func (a *atlas) stageAt(id uid, now time.Time) (stage, bool) {
	stages := a.staged[id]
	for i := len(stages) - 1; i >= 0; i-- {
		if !now.Before(stages[i].from) {
			return stages[i], true
		}
	}
	return stage{}, false
}

// lineageOf is an entity with its ancestors; one that the catalogue does not
// hold has none.
func (a *atlas) lineageOf(id uid) []uid {
	if l, ok := a.lineages[id]; ok {
		return l
	}
	return []uid{id}
}

// scene is the entities of one request: the atlas, the identity, and the one
// resource that the request itself brought.
type scene struct {
	atlas     *atlas
	now       time.Time
	principal entity
	brought   entity
}

// Get implements types.EntityGetter.
func (s *scene) Get(id uid) (entity, bool) {
	switch id {
	case s.principal.UID:
		return s.principal, true
	case s.brought.UID:
		return s.brought, true
	}
	if st, ok := s.atlas.stageAt(id, s.now); ok {
		return st.entity, true
	}
	e, ok := s.atlas.fixed[id]
	return e, ok
}

// principalOf is an identity as an entity.
func principalOf(i *identity.Identity) entity {
	attributes := fields{
		"kind":        textValue(i.Kind),
		"environment": textValue(i.Environment),
		"team":        textValue(i.Team),
		"purposes":    setValue(i.Purposes),
		"shared":      boolValue(i.Shared),
		"state":       textValue(i.Current()),
	}
	if i.Sponsor != "" {
		attributes["sponsor"] = textValue(i.Sponsor)
	}
	return entity{UID: newUID(identityType, i.ID), Attributes: newRecord(attributes)}
}

// modalityOf is the modality of a model or profile as an entity.
func modalityOf(e entity) string {
	m, _ := e.Attributes.Get("modality")
	return textOf(m)
}
