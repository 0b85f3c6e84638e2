package policy

import (
	"fmt"
	"strings"

	"github.com/writ-project/writ/internal/rights"
)

// modelLeg reports whether a leg of this kind is about a model.
func modelLeg(k rights.LegKind) bool {
	return k == rights.SourceLeg || k == rights.DestinationLeg || k == rights.GlobalLeg || k == rights.CustomLeg
}

// named is the leg of the resource that the call invokes: the profile, else the
// first model; nil when it invokes none.
func (f *facts) named(legs []rights.Leg) *rights.Leg {
	for i := range legs {
		if legs[i].Kind == rights.ProfileLeg || modelLeg(legs[i].Kind) {
			return &legs[i]
		}
	}
	return nil
}

// subject is the action and the resource that a leg asks about. A model or
// profile that the catalogue does not hold is an error: as an entity it would
// be in no family, and no rule on families would see it (security S1).
func (h *hearing) subject(l *rights.Leg) (act uid, resource entity, err error) {
	if l.Kind == rights.ProfileLeg || modelLeg(l.Kind) {
		return h.invoked(l)
	}
	switch l.Kind {
	case rights.GuardrailLeg:
		return actApplyGuardrail, entity{UID: newUID(guardrailType, l.Resource)}, nil
	case rights.SystemToolLeg:
		_, name, ok := strings.Cut(l.Resource, ":system-tool/")
		if !ok || name == "" {
			return act, resource, fmt.Errorf("%q is no system tool", l.Resource)
		}
		return actInvokeTool, entity{UID: newUID(systemToolType, name)}, nil
	case rights.ObjectLeg:
		_, path, ok := strings.Cut(l.Resource, ":s3:::")
		if !ok || path == "" {
			return act, resource, fmt.Errorf("%q is no S3 object", l.Resource)
		}
		uri := newRecord(fields{"uri": textValue("s3://" + path)})
		return actUseObject, entity{UID: newUID(objectType, l.Resource), Attributes: uri}, nil
	case rights.AsyncLeg, rights.TagLeg, rights.OutputLeg:
		return h.detachedSubject(l)
	case rights.KeyLeg:
		return actUseKey, entity{UID: newUID(keyType, l.Resource)}, nil
	}
	return act, resource, fmt.Errorf("no rule can speak about a leg of kind %q", l.Kind)
}

// invoked is the subject of a leg about a model or profile.
func (h *hearing) invoked(l *rights.Leg) (act uid, resource entity, err error) {
	act = action(h.r.Operation.Action())
	if h.r.Operation.Async() {
		act = actStartAsync
	}
	id := newUID(modelType, l.Model)
	if l.Kind == rights.ProfileLeg {
		id = newUID(profileType, l.Profile)
	}
	stage, ok := h.bundle.atlas.stageAt(id, h.r.Now)
	switch {
	case !ok:
		err = fmt.Errorf("%s is not in the catalogue", id)
	case l.Action != h.r.Operation.Permission():
		err = fmt.Errorf("action %q does not fit operation %s", l.Action, h.r.Operation)
	case l.Profile != h.facts.profile:
		err = fmt.Errorf("it is reached through %q, another leg through %q", l.Profile, h.facts.profile)
	}
	return act, stage.entity, err
}
