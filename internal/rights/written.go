package rights

import (
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/diagram"
)

// times is every alternative of one list with every one of another.
func times(a, b []Term) (out []Term) {
	if len(a)*len(b) > 16*maxTerms {
		return slices.Repeat([]Term{nil}, maxTerms+1) // too many to write
	}
	for _, x := range a {
		for _, y := range b {
			out = append(out, slices.Concat(x, y))
		}
	}
	return out
}

// part is a test, and the atoms that pass it.
type part struct {
	test  Test
	atoms diagram.Set
}

func termOf(parts []part) (t Term) {
	for _, p := range parts {
		t = append(t, p.test)
	}
	return t
}

// within reports whether one set is inside another.
func within(a, b diagram.Set) bool { return a.Intersect(b).Equal(a) }

// written writes that a variable is in a set of atoms, as alternatives.
func (v *variable) written(wanted diagram.Set) (out []Term) {
	parts := v.narrowed(wanted)
	if v.all(parts).Equal(wanted) {
		return []Term{termOf(parts)}
	}
	if t, ok := v.named(wanted); ok {
		return []Term{t}
	}
	for rest := wanted; rest.Len() > 0; {
		term, covered := v.some(rest, wanted)
		out = append(out, term)
		rest = rest.Intersect(covered.Complement(len(v.atoms)))
	}
	return out
}

// narrowed are the tests that keep what is wanted and leave as little else as
// they can.
func (v *variable) narrowed(wanted diagram.Set) (parts []part) {
	for left := diagram.Full(len(v.atoms)); !left.Equal(wanted); {
		best, test := v.narrower(left, wanted)
		if best == nil {
			break
		}
		left, parts = left.Intersect(best), append(parts, part{test, best})
	}
	return parts
}

// all is where all tests pass.
func (v *variable) all(parts []part) diagram.Set {
	left := diagram.Full(len(v.atoms))
	for _, p := range parts {
		left = left.Intersect(p.atoms)
	}
	return left
}

// named writes a set of atoms by the values that policies name: that it is one
// of them, or none of them.
func (v *variable) named(wanted diagram.Set) (Term, bool) {
	var in, out []string
	inNamed, outNamed, absent, mayBeAbsent := true, true, false, false
	for i, a := range v.atoms {
		switch has := wanted.Has(i); {
		case absentValue(a.value):
			mayBeAbsent, absent = true, has
		case a.value.Multi:
			return nil, false
		case has:
			in, inNamed = append(in, a.value.Items[0]), inNamed && v.names(a)
		default:
			out, outNamed = append(out, a.value.Items[0]), outNamed && v.names(a)
		}
	}
	switch t := (Test{Op: "StringEquals", Key: v.spelling()}); {
	case inNamed && !absent:
		t.Values = in
		return Term{t}, true
	case outNamed && absent:
		t.Op, t.Values = "StringNotEquals", out
		return Term{t}, true
	case outNamed && mayBeAbsent:
		t.Op, t.Values = "StringNotEquals", out
		return Term{t, v.null().not()}, true
	case outNamed:
		t.Op, t.Values = "StringNotEquals", out
		return Term{t}, true
	}
	return nil, false
}

// names reports whether a policy names the one value of an atom.
func (v *variable) names(a atom) bool {
	for _, p := range v.cuts.Patterns {
		if s, literal := p.IsLiteral(); literal && s == a.value.Items[0] {
			return true
		}
	}
	return false
}

func (v *variable) null() Test {
	return Test{Op: "Null", Key: v.spelling(), Values: []string{"true"}}
}

// some writes an alternative that covers a part of the rest, and nothing that
// is not wanted: what all conditions answer alike to, with as few of them as that
// takes.
func (v *variable) some(rest, wanted diagram.Set) (Term, diagram.Set) {
	var first diagram.Set
	for i := range rest.All() {
		first = diagram.SetOf(i)
		break
	}
	parts := v.narrowed(first)
	class := v.all(parts)
	if !within(class, wanted) {
		return v.among(parts, class, class.Intersect(wanted))
	}
	for i := 0; i < len(parts); {
		if fewer := slices.Delete(slices.Clone(parts), i, i+1); within(v.all(fewer), wanted) {
			parts = fewer
			continue
		}
		i++
	}
	return termOf(parts), v.all(parts)
}

// among writes some of the atoms that no condition tells apart: what policies
// compare with the key itself does.
func (v *variable) among(parts []part, class, some diagram.Set) (Term, diagram.Set) {
	if t, ok := v.named(some); ok {
		return t, some
	}
	if t, ok := v.named(some.Union(class.Complement(len(v.atoms)))); ok {
		return append(termOf(parts), t...), some
	}
	return Term{v.spelledOut(some)}, some
}

// spelledOut names the values one by one.
func (v *variable) spelledOut(atoms diagram.Set) Test {
	t := Test{Op: "is like one of", Key: v.spelling()}
	for i := range atoms.All() {
		switch value := v.atoms[i].value; {
		case absentValue(value):
			t.Values = append(t.Values, "(absent)")
		case value.Multi:
			t.Values = append(t.Values, "{"+strings.Join(value.Items, ", ")+"}")
		default:
			t.Values = append(t.Values, value.Items[0])
		}
	}
	return t
}
