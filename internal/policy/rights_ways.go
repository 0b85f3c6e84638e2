package policy

import (
	"errors"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/rights"
)

// ways are alternatives, one of which must hold; none is never, and one that is
// empty is always.
type ways []rights.Term

// maxWays bounds the alternatives of one condition.
const maxWays = 256

var (
	neverWay  = ways(nil)
	alwaysWay = ways{nil}
)

var errTooMany = errors.New("it has too many alternatives to write out")

func settled(is bool) ways {
	if is {
		return alwaysWay
	}
	return neverWay
}

func oneWay(op, key string, values ...string) ways {
	return ways{rights.Term{{Op: op, Key: key, Values: values}}}
}

func (w ways) or(v ways) (ways, error) {
	if len(w)+len(v) > maxWays {
		return nil, errTooMany
	}
	return slices.Concat(w, v), nil
}

func (w ways) and(v ways) (ways, error) {
	if len(w)*len(v) > maxWays {
		return nil, errTooMany
	}
	var out ways
	for _, a := range w {
		for _, b := range v {
			t, possible, err := together(a, b)
			if err != nil {
				return nil, err
			}
			if possible {
				out = append(out, t)
			}
		}
	}
	return out, nil
}

// together is two conjunctions as one, in which no operator stands on a key
// twice: a statement has no room for that. possible is false when they exclude
// one another.
func together(a, b rights.Term) (t rights.Term, possible bool, err error) {
	t = slices.Clone(a)
	for _, x := range b {
		x = aside(x, t)
		i := slices.IndexFunc(t, func(y rights.Test) bool { return y.Op == x.Op && y.Key == x.Key })
		if i < 0 {
			t = append(t, x)
			continue
		}
		if t[i], possible, err = both(t[i], x); err != nil || !possible {
			return nil, false, err
		}
	}
	return t, true, nil
}

// aside writes a test that a set holds some string by another operator, where
// one for another string is there already.
func aside(x rights.Test, t rights.Term) rights.Test {
	const equal, like = "ForAnyValue:StringEquals", "ForAnyValue:StringLike"
	taken := func(y rights.Test) bool { return y.Op == equal && y.Key == x.Key && !slices.Equal(y.Values, x.Values) }
	if x.Op != equal || !slices.ContainsFunc(t, taken) {
		return x
	}
	x.Op, x.Values = like, slices.Clone(x.Values)
	for i, v := range x.Values {
		x.Values[i] = starless.Replace(v)
	}
	return x
}

// starless keeps wildcards of a text that is a literal otherwise from counting.
var starless = strings.NewReplacer("*", "${*}", "?", "${?}")

// both is two tests of one key by one operator as one.
func both(x, y rights.Test) (z rights.Test, possible bool, err error) {
	z = x
	switch {
	case slices.Equal(x.Values, y.Values):
		return z, true, nil
	case strings.Contains(x.Op, "Not"): // none of some and none of others
		z.Values = slices.Concat(x.Values, y.Values)
		return z, true, nil
	case x.Op == "Bool" || x.Op == "Null":
		return z, false, nil
	case x.Op == "StringEquals" || x.Op == "ForAllValues:StringEquals":
		z.Values = slices.DeleteFunc(slices.Clone(x.Values), func(s string) bool { return !slices.Contains(y.Values, s) })
		if len(z.Values) == 0 && x.Op != "StringEquals" {
			z.Op, z.Values = "Null", []string{"true"}
			return z, true, nil
		}
		return z, len(z.Values) > 0, nil
	case strings.Contains(x.Op, "Less"), strings.Contains(x.Op, "Greater"):
		z.Values, err = tighter(x, y)
		return z, err == nil, err
	}
	return z, false, errors.New("it tests " + x.Key + " twice in a way that one statement cannot")
}

// tighter is the narrower one of two bounds on a number or a date.
func tighter(x, y rights.Test) ([]string, error) {
	order, err := compareBounds(x.Op, x.Values[0], y.Values[0])
	if (order < 0) == strings.Contains(x.Op, "Less") {
		return x.Values, err
	}
	return y.Values, err
}

func compareBounds(op, a, b string) (int, error) {
	if strings.HasPrefix(op, "Date") {
		s, err := awsiam.ParseDate(a)
		t, errT := awsiam.ParseDate(b)
		return s.Compare(t), errors.Join(err, errT)
	}
	m, err := awsiam.ParseNumber(a)
	n, errN := awsiam.ParseNumber(b)
	if err := errors.Join(err, errN); err != nil {
		return 0, err
	}
	return m.Cmp(n), nil
}
