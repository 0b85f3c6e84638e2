package policy

import (
	"fmt"
)

// conditions are the ways in which a rule's conditions hold of an action on an
// object.
func (f *forbidding) conditions(list []condition, action uid, o *object) (ways, error) {
	all := alwaysWay
	q := asking{
		forbidding: f, object: o,
		scene: scene{atlas: f.bundle.atlas, principal: f.principal, brought: o.entity},
		query: query{Principal: f.principal.UID, Action: action, Resource: o.entity.UID, Context: newRecord(nil)},
	}
	for _, c := range list {
		w, err := q.holds(c.expr, c.Kind == "when")
		if err == nil {
			all, err = all.and(w)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// asking is a condition with all that is known of who asks what.
type asking struct {
	*forbidding
	object *object
	scene  scene
	query  query
}

// holds are the ways in which an expression is true, or is false.
func (q *asking) holds(e *expression, is bool) (ways, error) {
	switch e.op {
	case "!":
		return q.holds(e.args[0], !is)
	case "&&":
		return q.joined(e.args[0], e.args[1], is, is)
	case "||":
		return q.joined(e.args[0], e.args[1], is, !is)
	case "if-then-else":
		return q.choice(e, is)
	}
	if !e.reads("context") {
		return q.known(e, is)
	}
	return q.literal(e, is)
}

// joined are both sides together, or either.
func (q *asking) joined(a, b *expression, is, together bool) (ways, error) {
	left, err := q.holds(a, is)
	if err != nil {
		return nil, err
	}
	switch {
	case together && len(left) == 0: // Cedar does not look at the right side
		return neverWay, nil
	case !together && len(left) == 1 && len(left[0]) == 0:
		return alwaysWay, nil
	}
	right, err := q.holds(b, is)
	if err != nil {
		return nil, err
	}
	if together {
		return left.and(right)
	}
	return left.or(right)
}

func (q *asking) choice(e *expression, is bool) (ways, error) {
	var all ways
	for i, when := range []bool{true, false} {
		w, err := q.holds(e.args[0], when)
		if err != nil {
			return nil, err
		}
		if len(w) == 0 {
			continue
		}
		v, err := q.holds(e.args[1+i], is)
		if err == nil {
			v, err = w.and(v)
		}
		if err == nil {
			all, err = all.or(v)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// known settles an expression about who asks, what for and which object, by
// asking Cedar.
func (q *asking) known(e *expression, is bool) (ways, error) {
	if err := q.told(e); err != nil {
		return nil, err
	}
	p, err := e.policy()
	if err != nil {
		return nil, err
	}
	v := ask(ruleList{{id: "condition", compiled: p}}, &q.scene, q.query)
	if len(v.errors) > 0 {
		return nil, fmt.Errorf("%q cannot be settled: %s", e, v.errors[0].message)
	}
	return settled(v.allowed == is), nil
}

// told refuses what depends on which object it is where that is not known.
func (q *asking) told(e *expression) error {
	if t := q.object.entity.UID.Type; q.object.any && e.names(t) {
		return fmt.Errorf("it depends on which %s is used", t)
	}
	return nil
}
