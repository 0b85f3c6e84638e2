package rights

import (
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

// witness finds a concrete request in a function and has the plain evaluator
// confirm it, check by check.
func (r *reading) witness(b Bounds) (*Witness, bool) {
	vector, ok := r.pick(r.space.And(b.Must, r.at))
	if !ok {
		return nil, false
	}
	for i := range r.c.Checks {
		ctx, resource := r.concrete(r.c, &r.c.Checks[i], vector)
		if awsiam.Evaluate(r.c.request(&r.c.Checks[i], ctx, resource), r.c.layers(&r.c.Checks[i])).Outcome != awsiam.Allowed {
			return nil, false
		}
	}
	return r.describe(r.c, vector), true
}

// pick chooses the plainest vector: keys absent where they can be.
func (f *Frame) pick(n diagram.Node) ([]int, bool) { return f.space.Pick(n, nil) }

// concrete is the context and the resource that a vector stands for.
func (f *Frame) concrete(c *Case, k *Check, vector []int) (awsiam.Context, string) {
	known := over(c.Known, k.Known)
	ctx := over(known, nil)
	for _, v := range f.vars {
		if v.opaque != "" || isKnown(known, v.key) {
			continue
		}
		value := v.atoms[vector[v.index]].value
		ctx[v.key] = value
		if v.key == timeKey {
			ctx[epochKey] = epoch(value)
		}
	}
	resource := k.Resource
	if resource == "" {
		resource = f.open.names[vector[f.open.index]]
		if v := f.byKey[regionKey]; v != nil && f.u.Correlated && resource != "*" && !isKnown(known, regionKey) {
			ctx[regionKey] = awsiam.One(regionOf(resource))
		}
	}
	return ctx, resource
}

// describe writes a vector as a request: the keys that policies ask about.
func (f *Frame) describe(c *Case, vector []int) *Witness {
	k := &c.Checks[0]
	if k.Resource == "" {
		f.name(vector[f.open.index])
	}
	ctx, resource := f.concrete(c, k, vector)
	w := &Witness{Principal: c.Principal.ARN, Action: k.Action, Resource: resource, AccountID: c.Principal.Account, Context: map[string]any{}, Absent: []string{}}
	for _, v := range f.vars {
		if v.opaque != "" {
			continue
		}
		value := v.atoms[vector[v.index]].value
		if v.key == regionKey && k.Resource == "" {
			value = ctx[regionKey] // that of the resource
		}
		switch name := v.spelling(); {
		case value.Multi:
			w.Context[name] = value.Items
		case len(value.Items) == 1:
			w.Context[name] = value.Items[0]
		default:
			w.Absent = append(w.Absent, name)
		}
	}
	slices.Sort(w.Absent)
	return w
}

// spelling is the key as the policies spell it.
func (v *variable) spelling() string {
	for _, c := range v.cuts.Conditions {
		if awsiam.Key(c.Key) == v.key {
			return c.Key
		}
	}
	if v.key == timeKey {
		return "aws:CurrentTime"
	}
	return v.key
}
