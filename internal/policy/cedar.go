package policy

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	xast "github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/eval"

	"github.com/writ-project/writ/internal/cedarset"
)

// This file, cedarast.go and reads.go are the only ones here that know cedar-go;
// its validator, which is experimental, is in package cedarset (security S6).

// Names for cedar-go's own types, as the rest of the package uses them.
type (
	uid       = cedar.EntityUID
	uidType   = cedar.EntityType
	uidSet    = cedar.EntityUIDSet
	entity    = cedar.Entity
	value     = cedar.Value
	fields    = cedar.RecordMap
	record    = cedar.Record
	entityMap = cedar.EntityMap
	query     = cedar.Request

	vocabulary = cedarset.Vocabulary
)

func newUID(t uidType, id string) uid        { return cedar.NewEntityUID(t, cedar.String(id)) }
func newUIDSet(ids ...uid) uidSet            { return cedar.NewEntityUIDSet(ids...) }
func newRecord(f fields) record              { return cedar.NewRecord(f) }
func textValue[T ~string](s T) value         { return cedar.String(s) }
func numberValue[T ~int | ~int64](n T) value { return cedar.Long(n) }
func boolValue(b bool) value                 { return cedar.Boolean(b) }
func timeValue(t time.Time) value            { return cedar.NewDatetime(t) }

// textOf is a string's text; "" for other values.
func textOf(v value) string {
	s, _ := v.(cedar.String)
	return string(s)
}

// addressValue is an address as Cedar's ipaddr; a must be valid.
func addressValue(a netip.Addr) value { return cedar.IPAddr(netip.PrefixFrom(a, a.BitLen())) }

// fieldName is a string as a record's key.
func fieldName[T ~string](s T) cedar.String { return cedar.String(s) }

var emptySet value = cedar.NewSet()

// setValue is a set of strings.
func setValue[T ~string](items []T) value {
	if len(items) == 0 {
		return emptySet
	}
	values := make([]value, len(items))
	for i, s := range items {
		values[i] = cedar.String(s)
	}
	return cedar.NewSet(values...)
}

// policyTree is a policy as it is built and read, before it is compiled.
type policyTree = xast.Policy

// compiledPolicy is a policy ready to be evaluated.
type compiledPolicy = cedar.Policy

// ruleList offers rules to cedar-go one by one, in order.
type ruleList []*rule

// All implements cedar.PolicyIterator.
func (l ruleList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range l {
			if !yield(cedar.PolicyID(r.id), r.compiled) {
				return
			}
		}
	}
}

// find is the place of the rule with the given name, which the list holds.
func (l ruleList) find(id cedar.PolicyID) int {
	return slices.IndexFunc(l, func(r *rule) bool { return r.id == string(id) })
}

// verdict is Cedar's answer over a list of rules.
type verdict struct {
	allowed bool
	reasons []*rule // the forbids if any held, else the permits that held
	errors  []ruleError
}

type ruleError struct {
	rule    *rule
	message string
}

// ask evaluates every rule of the list; nothing is cut short, so that every
// reason and every error is seen.
func ask(rules ruleList, entities types.EntityGetter, q query) verdict {
	if len(rules) == 0 {
		return verdict{}
	}
	decision, diagnostic := cedar.Authorize(rules, entities, q)
	v := verdict{allowed: decision == cedar.Allow}
	// Reasons and errors come in the order of the list, so that one pass over
	// it turns their names back into rules.
	v.reasons = make([]*rule, 0, len(diagnostic.Reasons))
	i := 0
	for _, reason := range diagnostic.Reasons {
		i += rules[i:].find(reason.PolicyID)
		v.reasons = append(v.reasons, rules[i])
	}
	i = 0
	for _, e := range diagnostic.Errors {
		i += rules[i:].find(e.PolicyID)
		v.errors = append(v.errors, ruleError{rule: rules[i], message: e.Message})
	}
	return v
}

// holds evaluates one condition of a policy by itself.
func holds(n node, entities types.EntityGetter, q query) (bool, error) {
	v, err := eval.Eval(n.AsIsNode(), eval.Env{
		Entities: entities, Principal: q.Principal, Action: q.Action, Resource: q.Resource, Context: q.Context,
	})
	if err != nil {
		return false, err
	}
	b, ok := v.(cedar.Boolean)
	if !ok {
		return false, fmt.Errorf("a condition is not true or false but %s", v.MarshalCedar())
	}
	return bool(b), nil
}

// cedarText is a policy in Cedar, without its annotations: what it says, however it
// was written down.
func cedarText(p *policyTree) string {
	bare := *p
	bare.Annotations = nil
	return string(compilePolicy(&bare).MarshalCedar())
}

// lookup writes the value at a path below a record as Cedar text.
func lookup(r record, path []string) string {
	var v value = r
	for _, name := range path {
		inner, ok := v.(cedar.Record)
		if !ok {
			return "absent"
		}
		if v, ok = inner.Get(cedar.String(name)); !ok {
			return "absent"
		}
	}
	return string(v.MarshalCedar())
}
