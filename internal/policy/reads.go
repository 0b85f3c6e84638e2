package policy

import (
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"
)

// reads is what rules look at among the facts that differ from one call of a
// workload to its next. An answer may serve again for as long as none of what
// the rules read has changed.
type reads struct {
	age      bool // context.session.age
	calendar bool // context.time.hour or weekday
	bytes    bool // context.request.bytes
	metadata bool // context.asserted.metadata
	// clock: the present time in a way that turns cannot describe. Answers of
	// such rules never serve again.
	clock bool
	// turns are the instants, in milliseconds since 1970, at which a comparison
	// with the present time changes. Sorted.
	turns []int64
}

// readsOf finds what a policy's conditions read. What it cannot place counts
// as read.
func readsOf(p *policyTree) reads {
	var r reads
	for _, c := range p.Conditions {
		xast.Inspect(xast.NewNode(c.Body), r.visit)
	}
	slices.Sort(r.turns)
	return r
}

// visit notes one node and reports whether the nodes below it matter too.
func (r *reads) visit(n xast.IsNode) bool {
	if r.turn(n) {
		return false
	}
	if path, ok := contextPath(n); ok {
		r.note(path)
		return false
	}
	return true
}

// note marks an attribute of context, or a record that holds several, as read.
func (r *reads) note(path []string) {
	touches := func(group, name string) bool {
		return len(path) == 0 || path[0] == group && (len(path) == 1 || path[1] == name)
	}
	r.age = r.age || touches("session", "age")
	r.calendar = r.calendar || touches("time", "hour") || touches("time", "weekday")
	r.bytes = r.bytes || touches("request", "bytes")
	r.metadata = r.metadata || touches("asserted", "metadata")
	r.clock = r.clock || touches("time", "now")
}

// contextPath is the attributes that an expression reads from context, without
// any for context itself; ok is false for other expressions.
func contextPath(n xast.IsNode) (path []string, ok bool) {
	switch a := n.(type) {
	case xast.NodeTypeVariable:
		return nil, a.Name == "context"
	case xast.NodeTypeAccess:
		path, ok = contextPath(a.Arg)
		return append(path, string(a.Value)), ok
	case xast.NodeTypeHas:
		path, ok = contextPath(a.Arg)
		return append(path, string(a.Value)), ok
	}
	return nil, false
}

// turn notes a comparison of the present time with an instant that is written
// down, or that an entity's validations end at, which are turns of the atlas.
func (r *reads) turn(n xast.IsNode) bool {
	pair, ok := comparison(n)
	if !ok {
		return false
	}
	if !isNow(pair.Left) {
		pair.Left, pair.Right = pair.Right, pair.Left
	}
	if !isNow(pair.Left) {
		return false
	}
	if a, ok := pair.Right.(xast.NodeTypeAccess); ok && a.Value == "validUntil" {
		_, variable := a.Arg.(xast.NodeTypeVariable)
		return variable // resource.validUntil
	}
	at, ok := writtenInstant(pair.Right)
	if ok {
		r.turns = append(r.turns, at)
	}
	return ok
}

func comparison(n xast.IsNode) (xast.BinaryNode, bool) {
	switch c := n.(type) {
	case xast.NodeTypeLessThan:
		return c.BinaryNode, true
	case xast.NodeTypeLessThanOrEqual:
		return c.BinaryNode, true
	case xast.NodeTypeGreaterThan:
		return c.BinaryNode, true
	case xast.NodeTypeGreaterThanOrEqual:
		return c.BinaryNode, true
	case xast.NodeTypeEquals:
		return c.BinaryNode, true
	case xast.NodeTypeNotEquals:
		return c.BinaryNode, true
	}
	return xast.BinaryNode{}, false
}

func isNow(n xast.IsNode) bool {
	path, ok := contextPath(n)
	return ok && slices.Equal(path, []string{"time", "now"})
}

// writtenInstant reads datetime("…").
func writtenInstant(n xast.IsNode) (ms int64, ok bool) {
	call, ok := n.(xast.NodeTypeExtensionCall)
	if !ok || call.Name != "datetime" || len(call.Args) != 1 {
		return 0, false
	}
	literal, ok := call.Args[0].(xast.NodeValue)
	if !ok {
		return 0, false
	}
	text, ok := literal.Value.(types.String)
	if !ok {
		return 0, false
	}
	at, err := types.ParseDatetime(string(text))
	return at.Milliseconds(), err == nil
}

// readsOfAll joins what several rules read.
func readsOfAll(rules []*rule) reads {
	var all reads
	for _, r := range rules {
		all = all.and(readsOf(r.tree))
	}
	return all
}

// and joins what two sets of rules read. It shares turns with neither.
func (r reads) and(other reads) reads {
	turns := slices.Concat(r.turns, other.turns)
	slices.Sort(turns)
	return reads{
		age: r.age || other.age, calendar: r.calendar || other.calendar, bytes: r.bytes || other.bytes,
		metadata: r.metadata || other.metadata, clock: r.clock || other.clock, turns: slices.Compact(turns),
	}
}

// turnsOf are the instants at which entities change.
func turnsOf(staged map[uid][]stage) []int64 {
	var out []int64
	for _, stages := range staged {
		for _, s := range stages {
			out = append(out, s.from.UnixMilli(), s.until.UnixMilli())
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// span is the time between the turns before and after an instant, as
// milliseconds that belong to it no longer; ok is false on a turn itself.
func (r *reads) span(now time.Time) (from, until int64, ok bool) {
	ms := now.UnixMilli()
	i, turning := slices.BinarySearch(r.turns, ms)
	from, until = -1<<63, 1<<63-1
	if i > 0 {
		from = r.turns[i-1]
	}
	if i < len(r.turns) {
		until = r.turns[i]
	}
	return from, until, !turning
}
