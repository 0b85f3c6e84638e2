package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// forbidding converts forbids for one identity. Who it is and what a model is
// are known, so conditions on them are settled; what is left is conditions on
// the call, as keys.
type forbidding struct {
	bundle    *Bundle
	place     rights.Place
	principal entity
	objects   []object
}

// object is something that rules speak of as a resource, with what IAM calls it.
type object struct {
	entity entity
	arns   []string
	when   rights.Term // tells it from others of the same ARN, or one time of it from another
	any    bool        // stands for all of its type, whose names are not known
	first  bool        // a call can name it: it is a model or a profile
}

func newForbidding(b *Bundle, i *identity.Identity, place rights.Place) *forbidding {
	f := &forbidding{bundle: b, place: place, principal: principalOf(i)}
	for id, stages := range b.atlas.staged {
		if id.ID != noModel {
			f.stages(id, stages)
		}
	}
	slices.SortFunc(f.objects, func(a, b object) int { return strings.Compare(string(a.entity.UID.ID), string(b.entity.UID.ID)) })
	arn := func(rest string) []string { return []string{"arn:" + place.Partition + rest} }
	for _, o := range []object{
		{entity: entity{UID: newUID(guardrailType, "")}, arns: arn(":bedrock:*:*:guardrail/*")},
		{entity: entity{UID: newUID(systemToolType, "")}, arns: arn(":bedrock:*:*:system-tool/*")},
		{entity: entity{UID: newUID(objectType, "")}, arns: arn(":s3:::*")},
		{entity: entity{UID: newUID(keyType, "")}, arns: arn(":kms:*:*:key/*")},
		{entity: entity{UID: newUID(asyncType, "")}, arns: arn(":bedrock:*:*:async-invoke/*")},
	} {
		o.any = true
		f.objects = append(f.objects, o)
	}
	return f
}

// stages adds a model or profile once for every time between turns of its
// validations.
func (f *forbidding) stages(id uid, stages []stage) {
	arns, when := f.resources(id)
	for n, s := range stages {
		o := object{entity: s.entity, arns: arns, when: slices.Clone(when), first: true}
		if n > 0 {
			o.when = append(o.when, rights.Test{Op: "DateGreaterThanEquals", Key: "aws:CurrentTime", Values: []string{s.from.UTC().Format(time.RFC3339Nano)}})
		}
		if n+1 < len(stages) {
			o.when = append(o.when, rights.Test{Op: "DateLessThan", Key: "aws:CurrentTime", Values: []string{stages[n+1].from.UTC().Format(time.RFC3339Nano)}})
		}
		f.objects = append(f.objects, o)
	}
}

// resources are the ARNs of a model or profile, in whatever region and account.
func (f *forbidding) resources(id uid) (arns []string, when rights.Term) {
	name := string(id.ID)
	ref, err := bedrock.ParseModelID(name)
	switch {
	case err == nil && ref.Kind == bedrock.MarketplaceEndpointRef:
		when = rights.Term{{Op: "StringEquals", Key: rights.Opaque("request", "model"), Values: []string{name}}}
		return []string{"arn:" + ref.Partition + ":bedrock:" + ref.Region + ":" + ref.Account + ":marketplace/model-endpoint/all-access"}, when
	case strings.HasPrefix(name, "arn:"):
		return []string{name}, nil
	case id.Type == profileType:
		return []string{"arn:" + f.place.Partition + ":bedrock:*:*:inference-profile/" + name}, nil
	}
	return []string{"arn:" + f.place.Partition + ":bedrock:*::foundation-model/" + name}, nil
}

// asked is an action of the schema with what IAM checks for it.
type asked struct {
	action uid
	iam    []string
	types  []uidType
	when   rights.Term
}

// askedActions lists what Decide asks. A model's leg of StartAsyncInvoke is
// asked as InvokeModel too, as in IAM, so a deny of that needs no operation.
// Release is asked beside Invoke, of the same resource.
var askedActions = []asked{
	{actInvoke, []string{bedrock.InvokeModel.Permission()}, []uidType{modelType, profileType}, nil},
	{actInvokeStream, []string{bedrock.InvokeModelWithResponseStream.Permission()}, []uidType{modelType, profileType}, nil},
	{actCountTokens, []string{bedrock.CountTokens.Permission()}, []uidType{modelType}, nil},
	{actStartAsync, []string{bedrock.InvokeModel.Permission()}, []uidType{modelType, profileType, asyncType}, starting},
	{actApplyGuardrail, []string{bedrock.ApplyGuardrail.Permission()}, []uidType{guardrailType}, nil},
	{actInvokeTool, []string{"bedrock:InvokeTool"}, []uidType{systemToolType}, nil},
	{actUseObject, []string{"s3:GetObject"}, []uidType{objectType}, nil},
	{actWriteObject, []string{"s3:PutObject"}, []uidType{objectType}, nil},
	{actUseKey, []string{"kms:GenerateDataKey", "kms:Decrypt"}, []uidType{keyType}, nil},
	{actGetAsync, []string{bedrock.GetAsyncInvoke.Permission()}, []uidType{asyncType}, nil},
	{actListAsync, []string{bedrock.ListAsyncInvokes.Permission()}, []uidType{asyncType}, nil},
	{actTag, []string{"bedrock:TagResource"}, []uidType{asyncType}, nil},
}

var starting = rights.Term{{Op: "StringEquals", Key: rights.Opaque("request", "operation"), Values: []string{string(bedrock.StartAsyncInvoke)}}}

// about reports whether a rule's head names an action.
func (f *forbidding) about(r *rule, action uid) bool {
	return r.head.action.matches(action, f.bundle.atlas.actions[action])
}

// aims reports whether a rule's head may name an object. Of objects whose names
// are not known, one that is named is narrower than all.
func (f *forbidding) aims(r *rule, o *object) bool {
	u := o.entity.UID
	if o.any && (r.head.resource.op == scopeEq || r.head.resource.op == scopeIn) {
		return slices.ContainsFunc(r.head.resource.ids, func(id uid) bool { return id.Type == u.Type })
	}
	return r.head.resource.matches(u, f.bundle.atlas.lineageOf(u))
}

// exactly converts a forbid, or says why it cannot.
func (f *forbidding) exactly(r *rule) ([]rights.Statement, error) {
	if f.about(r, actRelease) && (!f.about(r, actInvoke) || !f.about(r, actInvokeStream)) {
		return nil, errors.New("it is about answers, which IAM knows nothing of")
	}
	list, err := conditionsOf(r.tree)
	if err != nil {
		return nil, err
	}
	var out denials
	for _, a := range askedActions {
		if !f.about(r, a.action) {
			continue
		}
		for i := range f.objects {
			o := &f.objects[i]
			if !slices.Contains(a.types, o.entity.UID.Type) || !f.aims(r, o) {
				continue
			}
			if o.any && r.head.resource.op != scopeAny && r.head.resource.op != scopeIs {
				return nil, fmt.Errorf("it names a %s", o.entity.UID.Type)
			}
			when, err := f.conditions(list, a.action, o)
			if err != nil {
				return nil, err
			}
			if err := out.add(a, o, when); err != nil {
				return nil, err
			}
		}
	}
	if err := f.released(r, &out); err != nil {
		return nil, err
	}
	return out.statements(), nil
}

// released denies starting what a rule on answers is about: its answer never
// passes here.
func (f *forbidding) released(r *rule, out *denials) error {
	if !f.about(r, actRelease) || r.head.action.op == scopeAny || strings.HasPrefix(r.id, builtinName+"/") {
		return nil
	}
	itself := rights.Term{{Op: "Null", Key: "bedrock:InferenceProfileArn", Values: []string{"true"}}}
	for i := range f.objects {
		if o := &f.objects[i]; o.first && f.aims(r, o) {
			if err := out.add(asked{iam: []string{bedrock.InvokeModel.Permission()}, when: starting}, o, ways{itself}); err != nil {
				return err
			}
		}
	}
	return nil
}

// roughly denies all that a rule's head names wherever the rule holds, which is
// a key of its own.
func (f *forbidding) roughly(r *rule) ([]rights.Statement, error) {
	holds := ways{rights.Term{{Op: "Bool", Key: rights.Opaque("rule", r.id), Values: []string{"true"}}}}
	var out denials
	for _, a := range askedActions {
		if !f.about(r, a.action) && !f.about(r, actRelease) {
			continue
		}
		for i := range f.objects {
			if o := &f.objects[i]; slices.Contains(a.types, o.entity.UID.Type) && f.aims(r, o) {
				if err := out.add(a, o, holds); err != nil {
					return nil, err
				}
			}
		}
	}
	return out.statements(), nil
}

// denials gathers statements; those under the same conditions become one.
type denials struct {
	order []string
	by    map[string]*rights.Statement
}

func (d *denials) add(a asked, o *object, when ways) error {
	under, err := ways{a.when}.and(ways{o.when})
	if err != nil {
		return err
	}
	if when, err = under.and(when); err != nil {
		return err
	}
	for _, t := range when {
		key := fmt.Sprintf("%q", a.iam) + keyOfTerm(t)
		s := d.by[key]
		if s == nil {
			s = &rights.Statement{Effect: awsiam.Deny, Actions: a.iam, When: t}
			if d.by == nil {
				d.by = map[string]*rights.Statement{}
			}
			d.by[key], d.order = s, append(d.order, key)
		}
		s.Resources = append(s.Resources, o.arns...)
	}
	return nil
}

func keyOfTerm(t rights.Term) string {
	var b strings.Builder
	for _, x := range t {
		fmt.Fprintf(&b, "%q%q%q", x.Op, x.Key, x.Values)
	}
	return b.String()
}

func (d *denials) statements() []rights.Statement {
	out := make([]rights.Statement, 0, len(d.order))
	for i, key := range d.order {
		s := *d.by[key]
		s.Sid = fmt.Sprintf("Forbid%d", i+1)
		out = append(out, s)
	}
	return out
}
