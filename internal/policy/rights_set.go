package policy

import "github.com/writ-project/writ/internal/rights"

// contains tests a string of the call against a set, or a set of the call
// against a string.
func (q *asking) contains(e *expression, is bool) (ways, error) {
	call, o, swapped, err := q.sides(e)
	if err != nil {
		return nil, err
	}
	if !swapped {
		if o.sort != textSort {
			return nil, unknownTest(e)
		}
		return q.some(call, []string{o.text}, is)
	}
	listed, ok := o.texts()
	name, s := call.attribute()
	if !ok || s != textSort {
		return nil, unknownTest(e)
	}
	return amongTexts(keyOf(name), listed, is), nil
}

func (q *asking) containsAny(e *expression, is bool) (ways, error) {
	call, o, _, err := q.sides(e)
	if err != nil {
		return nil, err
	}
	listed, ok := o.texts()
	if !ok {
		return nil, unknownTest(e)
	}
	return q.some(call, listed, is)
}

// some tests that a set of the call holds one of some strings, or none.
func (q *asking) some(call *expression, listed []string, is bool) (ways, error) {
	name, s := call.attribute()
	switch {
	case s != setSort:
		return nil, unknownTest(call)
	case len(listed) == 0:
		return settled(!is), nil
	case name == "network.names":
		return q.networks(listed, is), nil
	case is:
		return oneWay("ForAnyValue:StringEquals", keyOf(name), literalsOf(listed)...), nil
	}
	return oneWay("ForAllValues:StringNotEquals", keyOf(name), literalsOf(listed)...), nil
}

// containsAll tests that a set of the call holds all of some strings, or that
// all it holds is among them.
func (q *asking) containsAll(e *expression, is bool) (ways, error) {
	call, o, swapped, err := q.sides(e)
	if err != nil {
		return nil, err
	}
	listed, ok := o.texts()
	name, s := call.attribute()
	switch {
	case !ok || s != setSort:
		return nil, unknownTest(e)
	case !swapped:
		return q.each(call, listed, is)
	case len(listed) == 0 && is:
		return oneWay("Null", keyOf(name), "true"), nil
	case len(listed) == 0:
		return oneWay("Null", keyOf(name), "false"), nil
	case is:
		return oneWay("ForAllValues:StringEquals", keyOf(name), literalsOf(listed)...), nil
	}
	return oneWay("ForAnyValue:StringNotEquals", keyOf(name), literalsOf(listed)...), nil
}

// each tests that a set of the call holds every one of some strings.
func (q *asking) each(call *expression, listed []string, is bool) (ways, error) {
	all := settled(is)
	for _, s := range listed {
		w, err := q.some(call, []string{s}, is)
		if err == nil && is {
			all, err = all.and(w)
		} else if err == nil {
			all, err = all.or(w)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// networks tests that the caller's address is in one of some networks, or in
// none. One that does not exist holds no address.
func (q *asking) networks(names []string, is bool) ways {
	var ranges []string
	for _, name := range names {
		prefixes, err := q.place.Networks.Prefixes([]string{name})
		if err != nil {
			continue
		}
		for _, p := range prefixes {
			ranges = append(ranges, p.String())
		}
	}
	if len(ranges) == 0 {
		return settled(!is)
	}
	return oneWay(addressOperator(is), "aws:SourceIp", ranges...)
}

func addressOperator(is bool) string {
	if is {
		return "IpAddress"
	}
	return "NotIpAddress"
}

// inRange tests context.network.ip against a range.
func (q *asking) inRange(e *expression, is bool) (ways, error) {
	if len(e.args) != 2 || !e.args[0].is("network.ip") {
		return nil, unknownTest(e)
	}
	o, err := q.operand(e.args[1])
	if err != nil {
		return nil, err
	}
	if o.sort != rangeSort {
		return nil, unknownTest(e)
	}
	return oneWay(addressOperator(is), "aws:SourceIp", o.text), nil
}

func literalsOf(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = rights.Literal(s)
	}
	return out
}
