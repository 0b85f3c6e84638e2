package rights

import (
	"cmp"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/diagram"
)

// Test is one test on one key, with the operators of IAM. Its JSON has the
// names that other analysers of IAM use.
type Test struct {
	Op       string   `json:"op"`
	Key      string   `json:"key"`
	Values   []string `json:"values"`
	Inverted bool     `json:"inverted,omitempty"`
}

func (t Test) String() string {
	s := t.Key + " " + wording(t.Op) + " " + strings.Join(t.Values, " or ")
	switch {
	case t.Op == "" && t.Inverted:
		return "not: " + t.Key
	case t.Op == "":
		return t.Key
	case t.Op == "Null":
		if len(t.Values) == 1 && t.Values[0] == "true" {
			return t.Key + " is absent"
		}
		return t.Key + " is present"
	case t.Inverted:
		return "not (" + s + ")"
	}
	return s
}

// wordings are how operators read in a sentence.
var wordings = map[string]string{
	"StringEquals": "=", "StringLike": "~", "StringNotEquals": "≠", "StringNotLike": "!~", "ArnLike": "~", "ArnEquals": "=", "ArnNotLike": "!~", "ArnNotEquals": "≠",
	"IpAddress": "in", "NotIpAddress": "not in", "Bool": "=", "DateLessThan": "before", "DateGreaterThan": "after", "DateLessThanEquals": "until", "DateGreaterThanEquals": "from",
	"NumericLessThan": "<", "NumericLessThanEquals": "≤", "NumericGreaterThan": ">", "NumericGreaterThanEquals": "≥", "NumericEquals": "=", "NumericNotEquals": "≠",
}

func wording(op string) string { return cmp.Or(wordings[op], op) }

// opposites are pairs of operators of which exactly one holds of any value, and
// when the key is absent.
var opposites = func() map[string]string {
	both := map[string]string{}
	for a, b := range map[string]string{
		"StringEquals": "StringNotEquals", "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase", "StringLike": "StringNotLike", "ArnEquals": "ArnNotEquals",
		"ArnLike": "ArnNotLike", "IpAddress": "NotIpAddress", "NumericEquals": "NumericNotEquals", "DateEquals": "DateNotEquals",
	} {
		both[a], both[b] = b, a
	}
	return both
}()

// not is the opposite test.
func (t Test) not() Test {
	op, ok := opposites[t.Op]
	switch {
	case t.Op == "Null" && len(t.Values) == 1 && t.Values[0] == "true":
		t.Values = []string{"false"}
	case t.Op == "Null" && len(t.Values) == 1 && t.Values[0] == "false":
		t.Values = []string{"true"}
	case ok:
		t.Op = op
	default:
		t.Inverted = !t.Inverted
	}
	return t
}

// Term is a conjunction of tests; without any, it always holds.
type Term []Test

func (t Term) String() string {
	parts := make([]string, len(t))
	for i, x := range t {
		parts[i] = x.String()
	}
	return strings.Join(parts, " AND ")
}

// Terms writes alternatives, the simplest first.
func Terms(terms []Term) string {
	parts := make([]string, len(terms))
	for i, t := range terms {
		parts[i] = t.String()
		if len(terms) > 1 && len(t) > 1 {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " OR ")
}

// maxTerms bounds how long a condition is written out.
const maxTerms = 64

// terms writes a function as alternatives, given what holds anyway.
func (f *Frame) terms(fn, care diagram.Node) []Term {
	cubes, ok := f.space.Cover(f.space.Exists(fn, f.hidden()...), f.space.Exists(care, f.hidden()...), maxTerms)
	var terms []Term
	for _, c := range cubes {
		product := []Term{nil}
		for _, l := range c {
			product = times(product, f.literal(l))
		}
		terms = append(terms, product...)
	}
	if !ok || len(terms) > maxTerms {
		return []Term{{{Op: "", Key: "more alternatives than can be written out"}}}
	}
	slices.SortStableFunc(terms, func(a, b Term) int { return cmp.Compare(len(a), len(b)) })
	return terms
}

// hidden are the variables that a condition is not written over: time is told
// by From and Until.
func (f *Frame) hidden() []int {
	if v := f.byKey[timeKey]; v != nil && !f.u.Now.IsZero() {
		return []int{v.index}
	}
	return nil
}

// literal writes that a variable is in a set of atoms: by the conditions that
// the policies have, as few as it takes, or else by the values themselves.
func (f *Frame) literal(l diagram.Literal) []Term {
	if f.open != nil && l.Var == f.open.index {
		var names []string
		for i := range l.Atoms.All() {
			names = append(names, f.open.names[i])
		}
		return []Term{{{Op: "like", Key: "resource", Values: names}}}
	}
	v := f.vars[l.Var]
	if v.opaque != "" {
		return []Term{{{Key: v.opaque, Inverted: !l.Atoms.Has(1)}}}
	}
	return v.written(l.Atoms)
}

// narrower finds the condition, or its opposite, that keeps all wanted atoms
// and drops most others.
func (v *variable) narrower(left, wanted diagram.Set) (best diagram.Set, test Test) {
	size := left.Len()
	try := func(set diagram.Set, t Test) {
		if n := set.Intersect(left).Len(); n < size && set.Intersect(wanted).Equal(wanted) {
			best, test, size = set, t, n
		}
	}
	for n, c := range v.cuts.Conditions {
		values := v.cuts.Values(n)
		if len(values) == 0 {
			continue
		}
		var holds diagram.Set
		for i := range v.atoms {
			if v.answer(n, v.atoms[i].value) == awsiam.True {
				holds.Add(i)
			}
		}
		t := Test{Op: c.Operator, Key: c.Key, Values: values}
		try(holds, t)
		try(holds.Complement(len(v.atoms)), t.not())
	}
	if len(v.atoms) > 0 && absentValue(v.atoms[0].value) {
		null := v.null()
		try(diagram.SetOf(0), null)
		try(diagram.SetOf(0).Complement(len(v.atoms)), null.not())
	}
	return best, test
}

func absentValue(v awsiam.Value) bool { return len(v.Items) == 0 }

// networkKeys are the keys that say where a call comes from.
var networkKeys = []string{"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip", "aws:sourcevpcarn", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths"}

// notRequired lists the controls that people ask about and that a right does
// without: it holds for some request from any network, without MFA, without a
// guardrail.
func (r *reading) notRequired(may diagram.Node) (out []string) {
	if r.without(r.lacking(may, "aws:multifactorauthage"), "aws:multifactorauthpresent", true) {
		out = append(out, "mfa")
	}
	if r.without(may, "bedrock:guardrailidentifier", false) {
		out = append(out, "guardrail")
	}
	if r.anyNetwork(may) {
		out = append(out, "network")
	}
	return out
}

// lacking is a function where a key is absent.
func (r *reading) lacking(fn diagram.Node, key string) diagram.Node {
	if v := r.byKey[key]; v != nil && absentValue(v.atoms[0].value) {
		return r.space.And(fn, r.space.In(v.index, diagram.SetOf(0)))
	}
	if !absentValue(r.c.Known[key]) {
		return diagram.False
	}
	return fn
}

// without reports whether a function holds with a key absent, or false.
func (r *reading) without(fn diagram.Node, key string, orFalse bool) bool {
	v := r.byKey[key]
	if v == nil {
		value, known := r.c.Known[key]
		return fn != diagram.False && (!known || absentValue(value) || orFalse && value.Items[0] == "false")
	}
	var set diagram.Set
	for i, a := range v.atoms {
		if absentValue(a.value) || orFalse && a.value.Items[0] == "false" {
			set.Add(i)
		}
	}
	return r.space.And(fn, r.space.In(v.index, set)) != diagram.False
}

// anyNetwork reports whether a function can hold whatever the network is: some
// values of the other keys do for every network that is possible.
func (r *reading) anyNetwork(fn diagram.Node) bool {
	var vars []int
	for _, key := range networkKeys {
		if v := r.byKey[key]; v != nil {
			vars = append(vars, v.index)
		}
		if v, known := r.c.Known[key]; known && !absentValue(v) {
			return false
		}
	}
	everywhere := r.space.Forall(r.space.Or(fn, r.space.Not(r.at)), vars...)
	return r.space.And(everywhere, r.space.Exists(r.at, vars...)) != diagram.False
}
