package policy

import "slices"

// scopeOp is how a policy's head constrains one of principal, action, resource.
type scopeOp int

const (
	scopeAny  scopeOp = iota // unconstrained
	scopeEq                  // == entity
	scopeIn                  // in entity, or in one of several
	scopeIs                  // is type
	scopeIsIn                // is type in entity
)

// scope is one constraint of a policy's head.
type scope struct {
	op  scopeOp
	ids []uid   // for scopeEq, scopeIn and scopeIsIn
	typ uidType // for scopeIs and scopeIsIn
}

// matches reports whether an entity satisfies the constraint, exactly as Cedar
// would say. lineage holds the entity itself and all its ancestors.
func (s scope) matches(u uid, lineage []uid) bool {
	switch s.op {
	case scopeAny:
		return true
	case scopeEq:
		return u == s.ids[0]
	case scopeIs:
		return u.Type == s.typ
	case scopeIsIn:
		return u.Type == s.typ && slices.Contains(lineage, s.ids[0])
	default:
		return slices.ContainsFunc(s.ids, func(id uid) bool { return slices.Contains(lineage, id) })
	}
}

// keyed reports whether the constraint names entities to index by.
func (s scope) keyed() bool { return s.op == scopeEq || s.op == scopeIn || s.op == scopeIsIn }

// head is the three constraints of a policy.
type head struct {
	principal, action, resource scope
}

// index finds the rules whose head matches a question, without looking at the
// others (security S6: slicing must change neither decision nor errors, so the
// head is tested exactly and never approximated).
type index struct {
	byAction map[uid]*shelf
}

// shelf holds the rules for one action, each in exactly one place.
type shelf struct {
	byPrincipal map[uid][]*rule
	byResource  map[uid][]*rule
	byType      map[uidType][]*rule
	rest        []*rule
}

// newIndex places rules. actions maps each action that can be asked to its
// lineage.
func newIndex(rules []*rule, actions map[uid][]uid) *index {
	x := &index{byAction: make(map[uid]*shelf)}
	for action, lineage := range actions {
		var s *shelf
		for _, r := range rules {
			if !r.head.action.matches(action, lineage) {
				continue
			}
			if s == nil {
				s = &shelf{}
				x.byAction[action] = s
			}
			s.place(r)
		}
	}
	return x
}

func (s *shelf) place(r *rule) {
	switch {
	case r.head.principal.keyed():
		s.byPrincipal = file(s.byPrincipal, r.head.principal.ids, r)
	case r.head.resource.keyed():
		s.byResource = file(s.byResource, r.head.resource.ids, r)
	case r.head.resource.op == scopeIs:
		s.byType = file(s.byType, []uidType{r.head.resource.typ}, r)
	default:
		s.rest = append(s.rest, r)
	}
}

func file[K comparable](m map[K][]*rule, keys []K, r *rule) map[K][]*rule {
	if m == nil {
		m = make(map[K][]*rule)
	}
	for _, k := range keys {
		m[k] = append(m[k], r)
	}
	return m
}

// about reports whether any rule is about an action. A nil index has none.
func (x *index) about(action uid) bool { return x != nil && x.byAction[action] != nil }

// slice appends to dst the rules whose head matches the question. A nil index
// has none.
func (x *index) slice(dst ruleList, q *query, principals, resources []uid) ruleList {
	if !x.about(q.Action) {
		return dst
	}
	s := x.byAction[q.Action]
	keep := func(rules []*rule) {
		for _, r := range rules {
			if r.head.principal.matches(q.Principal, principals) && r.head.resource.matches(q.Resource, resources) {
				dst = append(dst, r)
			}
		}
	}
	for _, p := range principals {
		keep(s.byPrincipal[p])
	}
	for _, u := range resources {
		keep(s.byResource[u])
	}
	keep(s.byType[q.Resource.Type])
	keep(s.rest)
	return dst
}
