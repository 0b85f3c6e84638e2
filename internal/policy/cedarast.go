package policy

import (
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"
)

// node is an expression of a policy under construction.
type node = xast.Node

// at names an attribute of the context: at("prompt", "regulated").
func at(path ...string) node { return attribute(xast.Context(), path) }

func ofPrincipal(path ...string) node { return attribute(xast.Principal(), path) }

func ofResource(path ...string) node { return attribute(xast.Resource(), path) }

func attribute(n node, path []string) node {
	for _, name := range path {
		n = n.Access(types.String(name))
	}
	return n
}

func text(s string) node   { return xast.String(s) }
func number(n int64) node  { return xast.Long(n) }
func theEntity(u uid) node { return xast.EntityUID(u.Type, u.ID) }
func theResource() node    { return xast.Resource() }
func not(n node) node      { return xast.Not(n) }
func always() node         { return xast.True() }
func never() node          { return xast.False() }
func anyOf(n []node) node  { return fold(n, node.Or, never) }
func allOf(n []node) node  { return fold(n, node.And, always) }
func like(n node, prefix string) node {
	return n.Like(cedar.NewPattern(prefix, cedar.Wildcard{}))
}

func fold(list []node, join func(a, b node) node, empty func() node) node {
	if len(list) == 0 {
		return empty()
	}
	out := list[0]
	for _, n := range list[1:] {
		out = join(out, n)
	}
	return out
}

// textSet is a literal set of strings. Strict validation has no type for an
// empty literal, so callers test emptiness apart.
func textSet(items []string) node {
	nodes := make([]node, len(items))
	for i, s := range items {
		nodes[i] = xast.String(s)
	}
	return xast.Set(nodes...)
}

// instant is a literal datetime. The validator knows it only as a call of the
// extension function; the compiler folds that to a constant.
func instant(t time.Time) node {
	return xast.ExtensionCall("datetime", xast.String(t.UTC().Format("2006-01-02T15:04:05.000Z")))
}

// newPermit is an empty permit for one principal.
func newPermit(principal uid) *policyTree { return xast.Permit().PrincipalEq(principal) }

func compilePolicy(p *policyTree) *compiledPolicy {
	return cedar.NewPolicyFromAST((*ast.Policy)(p))
}

// withoutAction is a copy of the policy for any action.
func withoutAction(p *policyTree) *policyTree {
	open := *p
	open.Action = xast.ScopeTypeAll{}
	return &open
}

func treeOf(p *compiledPolicy) *policyTree { return (*policyTree)(p.AST()) }

func forbids(p *policyTree) bool { return p.Effect == xast.EffectForbid }

// annotation returns the value of @key, or "".
func annotation(p *policyTree, key string) string {
	for _, a := range p.Annotations {
		if string(a.Key) == key {
			return string(a.Value)
		}
	}
	return ""
}

// lineOf is where a parsed policy begins, from 1.
func lineOf(p *policyTree) int { return p.Position.Line }

// conjuncts splits a policy's conditions into the parts that must all hold,
// each with its own text.
func conjuncts(p *policyTree) []clause {
	var out []clause
	for _, c := range p.Conditions {
		n := xast.NewNode(c.Body)
		if c.Condition == xast.ConditionUnless {
			out = append(out, clause{node: not(n), text: "not (" + sourceOf(n) + ")"})
			continue
		}
		for _, part := range splitAnd(n) {
			out = append(out, clause{node: part, text: sourceOf(part)})
		}
	}
	return out
}

func splitAnd(n node) []node {
	and, ok := n.AsIsNode().(xast.NodeTypeAnd)
	if !ok {
		return []node{n}
	}
	return append(splitAnd(xast.NewNode(and.Left)), splitAnd(xast.NewNode(and.Right))...)
}

// sourceOf writes an expression as Cedar text, by way of a policy that holds it.
func sourceOf(n node) string {
	text := string(compilePolicy(xast.Permit().When(n)).MarshalCedar())
	if i := strings.Index(text, "when {"); i >= 0 {
		text = strings.TrimSuffix(strings.TrimSpace(text[i+len("when {"):]), "};")
	}
	return strings.Join(strings.Fields(text), " ")
}

// traits are what the linter asks about a policy's conditions.
type traits struct {
	arithmetic bool // has + - * or negation: it can overflow, and then the policy fails
	asserted   bool // reads context.asserted
	wholesale  bool // uses context as a value, not by attribute
}

func traitsOf(p *policyTree) traits {
	var t traits
	for _, c := range p.Conditions {
		xast.Inspect(xast.NewNode(c.Body), func(n xast.IsNode) bool {
			t.note(n)
			return !ofContext(n)
		})
	}
	return t
}

// readsLeg reports whether a policy's conditions may read of a leg anything but
// its profile, which all legs of a call share. Any use of context is taken for
// that, other than one attribute which is not the leg.
func readsLeg(p *policyTree) bool {
	found := false
	for _, c := range p.Conditions {
		xast.Inspect(xast.NewNode(c.Body), func(n xast.IsNode) bool {
			if v, ok := n.(xast.NodeTypeVariable); ok {
				found = found || v.Name == "context"
			}
			return !found && !sharedByLegs(n)
		})
	}
	return found
}

// readsOutput reports whether a policy's conditions may read context.output.
func readsOutput(p *policyTree) bool {
	found := false
	for _, c := range p.Conditions {
		xast.Inspect(xast.NewNode(c.Body), func(n xast.IsNode) bool {
			switch a := n.(type) {
			case xast.NodeTypeVariable:
				found = found || a.Name == "context" // as a whole
			case xast.NodeTypeAccess:
				found = found || ofContext(a) && a.Value == "output"
			case xast.NodeTypeHas:
				found = found || ofContext(a) && a.Value == "output"
			}
			return !found && !ofContext(n)
		})
	}
	return found
}

// sharedByLegs reports whether n is context.leg.profile, or any context.x but
// context.leg.
func sharedByLegs(n xast.IsNode) bool {
	a, ok := n.(xast.NodeTypeAccess)
	switch {
	case !ok:
		return false
	case ofContext(a):
		return a.Value != "leg"
	}
	inner, ok := a.Arg.(xast.NodeTypeAccess)
	return ok && ofContext(inner) && inner.Value == "leg" && a.Value == "profile"
}

// ofContext reports whether n reads one attribute of context itself; below it
// there is nothing but the variable.
func ofContext(n xast.IsNode) bool {
	var arg xast.IsNode
	switch a := n.(type) {
	case xast.NodeTypeAccess:
		arg = a.Arg
	case xast.NodeTypeHas:
		arg = a.Arg
	default:
		return false
	}
	v, ok := arg.(xast.NodeTypeVariable)
	return ok && v.Name == "context"
}

func (t *traits) note(n xast.IsNode) {
	switch a := n.(type) {
	case xast.NodeTypeAdd, xast.NodeTypeSub, xast.NodeTypeMult, xast.NodeTypeNegate:
		t.arithmetic = true
	case xast.NodeTypeAccess:
		t.asserted = t.asserted || a.Value == "asserted"
	case xast.NodeTypeHas:
		t.asserted = t.asserted || a.Value == "asserted"
	case xast.NodeTypeVariable:
		t.wholesale = t.wholesale || a.Name == "context"
	}
}

// setHead constrains a permit's actions and resource.
func setHead(p *policyTree, actions []uid, resource scope) {
	p.ActionInSet(actions...)
	switch resource.op {
	case scopeEq:
		p.ResourceEq(resource.ids[0])
	case scopeIn:
		p.ResourceIn(resource.ids[0])
	case scopeIs:
		p.ResourceIs(resource.typ)
	}
}

// headOf reads a policy's head.
func headOf(p *policyTree) head {
	return head{principal: scopeOf(p.Principal), action: scopeOf(p.Action), resource: scopeOf(p.Resource)}
}

func scopeOf(n xast.IsScopeNode) scope {
	switch s := n.(type) {
	case xast.ScopeTypeEq:
		return scope{op: scopeEq, ids: []uid{s.Entity}}
	case xast.ScopeTypeIn:
		return scope{op: scopeIn, ids: []uid{s.Entity}}
	case xast.ScopeTypeInSet:
		return scope{op: scopeIn, ids: s.Entities}
	case xast.ScopeTypeIs:
		return scope{op: scopeIs, typ: s.Type}
	case xast.ScopeTypeIsIn:
		return scope{op: scopeIsIn, ids: []uid{s.Entity}, typ: s.Type}
	default:
		return scope{}
	}
}
