package rights

import (
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

func (f *Frame) and(a, b Bounds) Bounds {
	return Bounds{f.space.And(a.Must, b.Must), f.space.And(a.May, b.May)}
}

func (f *Frame) or(a, b Bounds) Bounds {
	return Bounds{f.space.Or(a.Must, b.Must), f.space.Or(a.May, b.May)}
}

func (f *Frame) not(a Bounds) Bounds { return Bounds{f.space.Not(a.May), f.space.Not(a.Must)} }

func bound(t awsiam.Truth) Bounds { return [...]Bounds{never, maybe, always}[t] }

// clause is a statement that can match, with where it does.
type clause struct {
	ref awsiam.Ref
	at  Bounds
	// statement is asked, once an answer rests on it, whether reading its resources
	// segment by segment would give another.
	statement *awsiam.Statement
}

// function is one check as a function of the free keys.
type function struct {
	allowed Bounds // before explicit denies
	denied  Bounds // by an explicit deny
	result  Bounds
	allows  []clause
	denies  []clause
	missing []awsiam.Layer // layers that allow nothing, whatever the keys
	doubts  []string
}

// build makes the function of one check. It mirrors awsiam.Evaluate, which is
// its oracle.
func (f *Frame) build(c *Case, k *Check) *function {
	b := builder{Frame: f, c: c, k: k, known: lazy{under: c.Known, upper: k.Known}, fn: &function{denied: never}}
	l := c.layers(k)
	identity := b.any(awsiam.IdentityLayer, 0, l.Identity)
	boundary := b.optional(awsiam.BoundaryLayer, l.Boundary)
	session := always
	if l.Sessions != nil {
		session = b.any(awsiam.SessionLayer, 0, l.Sessions)
	}
	granted := b.granted(l, identity, boundary, session)
	for _, x := range []Bounds{b.levels(awsiam.SCPLayer, l.SCPs), b.levels(awsiam.RCPLayer, l.RCPs)} {
		granted = f.and(granted, x)
	}
	granted = f.and(granted, b.endpoint(l.Endpoint))
	b.fn.allowed = granted
	b.fn.result = f.and(granted, f.not(b.fn.denied))
	return b.fn
}

type builder struct {
	*Frame
	c *Case
	k *Check
	// known is made, and ctx set to it, when a statement is about the check.
	known lazy
	ctx   awsiam.Context
	fn    *function
}

func (b *builder) granted(l awsiam.Layers, identity, boundary, session Bounds) Bounds {
	var forms [awsiam.ByService + 1]Bounds
	for i := range forms {
		forms[i] = never
	}
	if l.Resource != nil {
		b.document(awsiam.ResourceLayer, 0, l.Resource, func(at Bounds, form awsiam.Form) { forms[form] = b.or(forms[form], at) })
	}
	named := func(from awsiam.Form) Bounds {
		x := never
		for _, y := range forms[from:] {
			x = b.or(x, y)
		}
		return x
	}
	p, account := b.c.Principal, b.k.Account
	own := b.and(b.and(identity, boundary), session)
	direct := b.or(forms[awsiam.BySession], forms[awsiam.ByService])
	if p.User() {
		direct = b.or(b.or(direct, forms[awsiam.ByARN]), b.anyone(b.and(forms[awsiam.ByAnyone], session), boundary))
	}
	limited := b.and(b.and(b.or(forms[awsiam.ByARN], forms[awsiam.ByAnyone]), boundary), session)
	switch {
	case p.Service != "" || p.Federated != "":
		return b.or(forms[awsiam.ByService], forms[awsiam.ByAnyone])
	case account != "" && account != p.Account:
		return b.and(own, named(awsiam.ByAccount))
	case l.Trust:
		return b.or(b.or(direct, limited), b.and(own, forms[awsiam.ByAccount]))
	}
	return b.or(b.or(own, direct), limited)
}

// anyone is what a resource policy that names anyone may grant a user past a
// boundary: AWS does not say.
func (b *builder) anyone(allowed, boundary Bounds) Bounds {
	past := b.and(allowed, b.not(boundary))
	if past.May == diagram.False {
		return never
	}
	b.doubtful("AWS does not say whether a permissions boundary limits what a resource policy grants to anyone")
	return Bounds{diagram.False, past.May}
}

func (b *builder) optional(layer awsiam.Layer, d *awsiam.Document) Bounds {
	if d == nil {
		return always
	}
	return b.any(layer, 0, []*awsiam.Document{d})
}

// endpoint is what the policy of a VPC endpoint allows: everything, to calls
// that do not come through it.
func (b *builder) endpoint(d *awsiam.Document) Bounds {
	if d == nil {
		return always
	}
	via := always
	if v := b.byKey[endpointKey]; v != nil {
		n := b.space.In(v.index, diagram.SetOf(0).Complement(len(v.atoms)))
		via = Bounds{n, n}
	} else if value := b.known.get()[endpointKey]; value.Doubt != "" {
		b.doubtful(value.Doubt)
		via = maybe
	} else if absentValue(value) {
		return always
	}
	before := b.fn.denied
	allowed := b.optional(awsiam.EndpointLayer, d)
	b.fn.denied = b.or(before, b.and(b.fn.denied, via))
	return b.or(allowed, b.not(via))
}

func (b *builder) levels(layer awsiam.Layer, levels [][]*awsiam.Document) Bounds {
	x := always
	for i, docs := range levels {
		x = b.and(x, b.any(layer, i, docs))
	}
	return x
}

func (b *builder) any(layer awsiam.Layer, level int, docs []*awsiam.Document) Bounds {
	x := never
	for _, d := range docs {
		b.document(layer, level, d, func(at Bounds, _ awsiam.Form) { x = b.or(x, at) })
	}
	if x.May == diagram.False && !slices.Contains(b.fn.missing, layer) {
		b.fn.missing = append(b.fn.missing, layer)
	}
	return x
}

func (b *builder) document(layer awsiam.Layer, level int, d *awsiam.Document, allow func(Bounds, awsiam.Form)) {
	if d.Doubt != "" {
		b.doubtful(d.Name + ": " + d.Doubt)
		b.fn.denied = b.or(b.fn.denied, maybe)
		allow(maybe, awsiam.ByAnyone)
		return
	}
	for i := range d.Statements {
		s := &d.Statements[i]
		at, form := b.statement(s)
		if at.May == diagram.False {
			continue
		}
		if why := s.Doubts.First(); why != "" {
			b.doubtful(d.Name + ": " + why)
		}
		if s.Effect == awsiam.NoEffect {
			at.Must = diagram.False
		}
		cl := clause{ref: awsiam.Ref{Layer: layer, Level: level, Document: d.Name, Index: s.Index, Sid: s.Sid, Effect: s.Effect.String()}, at: at, statement: s}
		if s.Effect != awsiam.Allow {
			b.fn.denied = b.or(b.fn.denied, at)
			b.fn.denies = append(b.fn.denies, cl)
		}
		if s.Effect != awsiam.Deny {
			b.fn.allows = append(b.fn.allows, cl)
			allow(at, form)
		}
	}
}

func (b *builder) doubtful(why string) {
	if !slices.Contains(b.fn.doubts, why) {
		b.fn.doubts = append(b.fn.doubts, why)
	}
}

// statement is where a statement matches.
func (b *builder) statement(s *awsiam.Statement) (Bounds, awsiam.Form) {
	at := bound(s.MatchAction(b.k.Action))
	if at.May == diagram.False {
		return never, awsiam.NotNamed
	}
	named, form := s.MatchPrincipal(b.c.asking())
	if at = b.and(at, bound(named)); at.May == diagram.False {
		return never, form
	}
	b.ctx = b.known.get()
	if at = b.and(at, b.resource(s)); at.May == diagram.False {
		return never, form
	}
	for i := range s.Conditions {
		if at = b.and(at, b.condition(&s.Conditions[i])); at.May == diagram.False {
			return never, form
		}
	}
	if s.Doubts.Condition != "" {
		at.Must = diagram.False
	}
	return at, form
}

// resource is where a statement's resources match.
func (b *builder) resource(s *awsiam.Statement) Bounds {
	free := freeVariables(s.Resources, b.ctx)
	switch {
	case len(free) > 0 && b.opaque[tiedResource(s, b.k, b.ctx)] != nil:
		b.doubtful(resourceText(s) + " depends on " + free[0] + ", which is free")
		return b.opaquely(tiedResource(s, b.k, b.ctx))
	case len(free) > 0:
		return b.over(b.byKey[variableKey(free[0])], func() (awsiam.Truth, string) { return s.MatchResource(b.k.Resource, b.ctx), "" })
	case b.k.Resource != "":
		return bound(s.MatchResource(b.k.Resource, b.ctx))
	}
	return b.openResource(s)
}

func (b *builder) openResource(s *awsiam.Statement) Bounds {
	all := func(t awsiam.Text) bool { return t.Source == "*" }
	if b.open.doubt != "" && !slices.ContainsFunc(s.Resources, all) {
		return maybe
	}
	var must, may diagram.Set
	for i, name := range b.open.names {
		switch s.MatchResource(name, b.ctx) {
		case awsiam.True:
			must.Add(i)
			may.Add(i)
		case awsiam.Unknown:
			may.Add(i)
		}
	}
	return Bounds{b.space.In(b.open.index, must), b.space.In(b.open.index, may)}
}

func (b *builder) opaquely(tie string) Bounds {
	n := b.space.In(b.opaque[tie].index, diagram.SetOf(1))
	return Bounds{n, n}
}

// condition is where a condition holds.
func (b *builder) condition(c *awsiam.Condition) Bounds {
	known := isKnown(b.ctx, c.Name())
	free := freeVariables(c.Texts(), b.ctx)
	test := func() (awsiam.Truth, string) { return c.Test(b.ctx) }
	switch {
	case c.Doubt() != "":
		b.doubtful(c.Doubt())
		return maybe
	case known && (len(free) == 0 || absentValue(b.ctx[c.Name()])):
		t, why := c.Test(b.ctx)
		if t == awsiam.Unknown {
			b.doubtful(why)
		}
		return bound(t)
	case len(free) > 0 && b.opaque[tiedCondition(c, b.ctx)] != nil:
		return b.opaquely(tiedCondition(c, b.ctx))
	case known:
		return b.over(b.byKey[variableKey(free[0])], test)
	}
	v := b.byKey[variableKey(c.Name())]
	if len(c.Texts()) > 0 {
		return b.over(v, test)
	}
	at, ok := v.leaves[c]
	if !ok {
		at = b.over(v, test)
		v.leaves[c] = at
	}
	return at
}

func variableKey(key string) string {
	if key == epochKey {
		return timeKey
	}
	return key
}

// over asks a test of every atom of a variable.
func (b *builder) over(v *variable, test func() (awsiam.Truth, string)) Bounds {
	if v.doubt != "" {
		return maybe
	}
	var must, may diagram.Set
	for i := range v.atoms {
		b.ctx[v.key] = v.atoms[i].value
		if v.key == timeKey {
			b.ctx[epochKey] = epoch(v.atoms[i].value)
		}
		switch t, why := test(); t {
		case awsiam.True:
			must.Add(i)
			may.Add(i)
		case awsiam.Unknown:
			b.doubtful(why)
			may.Add(i)
		}
	}
	delete(b.ctx, v.key)
	if v.key == timeKey {
		delete(b.ctx, epochKey)
	}
	return Bounds{b.space.In(v.index, must), b.space.In(v.index, may)}
}
