package certificate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
)

// questions is a certificate, read.
type questions struct {
	cert       *Certificate
	facts      *awsiam.Facts
	correlated bool
	bounded    map[string]bounds
	sides      []side
	survey     survey
	tables     [][]awsiam.Value // by key, in the order of the certificate
	index      map[string]int
}

// readTables reads the values of every key. No key stands twice.
func (q *questions) readTables() error {
	if len(q.cert.Keys) > maxKeys || slices.ContainsFunc(q.cert.Keys, func(k Key) bool { return len(k.Atoms) > maxAtoms }) {
		return fmt.Errorf("that many free keys, or values of one, are %w", ErrBeyond)
	}
	for i, key := range q.cert.Keys {
		if _, twice := q.index[key.Name]; twice || key.Name != awsiam.Key(key.Name) || key.Name == epochKey || len(key.Atoms) == 0 {
			return fmt.Errorf("key %.80q stands twice, has no values or a name that is none", key.Name)
		}
		q.index[key.Name] = i
		var values []awsiam.Value
		for j := range key.Atoms {
			v, err := key.Atoms[j].read()
			if err != nil || v.Doubt != "" || v.Multi && !ascending(v.Items) || single(key.Name) && (v.Multi || len(v.Items) == 0) {
				return fmt.Errorf("key %s: value %d cannot be read", key.Name, j)
			}
			if slices.ContainsFunc(values, v.Equal) {
				return fmt.Errorf("key %s: value %d stands twice", key.Name, j)
			}
			values = append(values, v)
		}
		q.tables = append(q.tables, values)
	}
	return nil
}

// single reports whether a key always has one value.
func single(key string) bool { return key == ResourceKey || key == regionKey || key == timeKey }

func ascending[T int | string](list []T) bool {
	for i := range list[1:] {
		if list[i] >= list[i+1] {
			return false
		}
	}
	return true
}

// complete verifies that there is a table of every key that is free and asked
// about, and something of each.
func (q *questions) complete(verify func(key string, n *need, values []awsiam.Value) error) error {
	for _, key := range slices.Sorted(maps.Keys(q.survey.needs)) {
		i, ok := q.index[key]
		if !ok {
			return fmt.Errorf("key %s is free and has no table", key)
		}
		if err := verify(key, q.survey.needs[key], q.tables[i]); err != nil {
			return fmt.Errorf("key %s: %w", key, err)
		}
	}
	return nil
}

// plausible verifies that the key can hold its values.
func (q *questions) plausible(key string, n *need, values []awsiam.Value) error {
	if err := q.presence(key, n, values); err != nil {
		return err
	}
	return q.within(key, values)
}

// presence verifies that the key is absent where it can be, and only there, and
// that it is multivalued or not.
func (q *questions) presence(key string, n *need, values []awsiam.Value) error {
	several := q.several(key, n)
	for _, v := range values {
		switch {
		case len(v.Items) == 0 && !several && !q.canBeAbsent(key):
			return errors.New("it is absent, which it never is")
		case len(v.Items) > 0 && v.Multi != several:
			return errors.New("it has one value where it has several, or the other way around")
		}
	}
	return nil
}

func (q *questions) several(key string, n *need) bool {
	if fact := q.facts.Key(key); key == ResourceKey || !fact.Unknown {
		return fact.Multi
	}
	return slices.ContainsFunc(n.asked, func(a asked) bool { return a.condition.Quantifier() != awsiam.NoQuantifier })
}

func (q *questions) canBeAbsent(key string) bool {
	switch {
	case single(key):
		return false
	case !q.correlated:
		return true
	}
	return q.facts.Key(key).When != awsiam.Always
}

// within verifies that values are within what the question states.
func (q *questions) within(key string, values []awsiam.Value) error {
	for _, v := range values {
		for _, item := range v.Items {
			if _, err := matched(item, nil, q.bounded[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// classed verifies that the values have every class.
func (q *questions) classed(key string, n *need, values []awsiam.Value) error {
	if n.trouble != "" {
		return fmt.Errorf("%s: %w", n.trouble, ErrBeyond)
	}
	if key == ResourceKey && q.tied() {
		return q.classedResources(n, values)
	}
	cls, err := n.classes(key, q)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, v := range values {
		for _, item := range v.Items {
			name, err := cls.of(item)
			if err != nil {
				return err
			}
			have[name] = true
		}
		have["absent"] = have["absent"] || len(v.Items) == 0
	}
	several := q.several(key, n)
	if (several || q.canBeAbsent(key)) && !have["absent"] {
		return errors.New("it can be absent, and no value says so")
	}
	if several {
		return n.closed(key, cls, values)
	}
	for name, example := range cls.all {
		if !have[name] {
			return fmt.Errorf("no value stands for %.200q", example)
		}
	}
	return nil
}

// closed verifies that the sets of a multivalued key have every class: that
// adding a value to one leads to another that all conditions answer alike. What
// a condition says of a set with one more value depends only on what it says of
// the set and of the value.
func (n *need) closed(key string, cls classes, sets []awsiam.Value) error {
	have := map[string]bool{}
	for _, set := range sets {
		if len(set.Items) > 0 {
			have[n.answers(key, set)] = true
		}
	}
	if len(sets)*len(cls.all)*(1+len(n.asked)) > maxTests {
		return fmt.Errorf("the sets are %w", ErrBeyond)
	}
	for _, set := range sets {
		for _, item := range cls.all {
			more := append(slices.Clone(set.Items), item)
			if !have[n.answers(key, awsiam.Many(more...))] {
				return fmt.Errorf("no value stands for the set of %.200q", more)
			}
		}
	}
	return nil
}

// answers are what all conditions on the key say of a value.
func (n *need) answers(key string, v awsiam.Value) string {
	var b strings.Builder
	for _, a := range n.asked {
		ctx := maps.Clone(a.known)
		ctx[key] = v
		t, _ := a.condition.Test(ctx)
		b.WriteByte('0' + byte(t))
	}
	return b.String()
}

// tied reports whether the region is that of an open resource.
func (q *questions) tied() bool {
	_, resource := q.index[ResourceKey]
	_, region := q.index[regionKey]
	return resource && region && q.correlated
}

// classedResources verifies that the resources have every class together with
// the region that each is asked about in. The resource * is asked about in any.
func (q *questions) classedResources(n *need, values []awsiam.Value) error {
	region := q.survey.needs[regionKey]
	if region == nil {
		region = &need{}
	}
	if region.folded || region.variable || region.boolean || len(region.numbers)+len(region.dates)+len(region.blocks) > 0 {
		return fmt.Errorf("the region is compared in a way that is %w for an open resource", ErrBeyond)
	}
	s := search{patterns: slices.Concat(n.patterns, inRegion(region.patterns)), bounds: q.bounded[ResourceKey]}
	need, have := map[[2]string]string{}, map[[2]string]bool{}
	name := func(accepted []int) [2]string { return splitRegion(accepted, len(n.patterns), region.patterns) }
	s.found = func(accepted []int, witness string) { need[name(accepted)] = witness }
	if err := s.run(); err != nil {
		return err
	}
	for _, v := range values {
		accepted, err := matched(v.Items[0], s.patterns, s.bounds)
		if err != nil {
			return err
		}
		c := name(accepted)
		have[c] = true
		if v.Items[0] == "*" {
			have[[2]string{c[0], "any"}] = true
		}
	}
	for c, example := range need {
		if !have[c] && !have[[2]string{c[0], "any"}] {
			return fmt.Errorf("no value stands for %.200q", example)
		}
	}
	if s.hold("*") && !slices.ContainsFunc(values, awsiam.One("*").Equal) {
		return errors.New(`no value stands for "*" in every region`)
	}
	return nil
}

// inRegion are patterns of the region as patterns of ARNs, and last that of
// ARNs without a region.
func inRegion(regions []pattern) []pattern {
	var out []pattern
	for _, p := range append(slices.Clone(regions), pattern{}) {
		if colons(p.tokens) > 0 {
			out = append(out, pattern{}) // no region has one
			continue
		}
		arn := slices.Concat(characters("arn:*:*:", true), p.tokens, characters(":*:*", true))
		out = append(out, pattern{tokens: bySegment(arn)})
	}
	return out
}

// splitRegion names the class of a resource, and of its region, by the patterns
// that match: resources' first, then those of inRegion.
func splitRegion(accepted []int, resources int, regions []pattern) [2]string {
	at, _ := slices.BinarySearch(accepted, resources)
	resource, region := accepted[:at], slices.Clone(accepted[at:])
	if slices.Contains(region, resources+len(regions)) {
		region = nil
		for i := range regions {
			if regions[i].match(unspecified) {
				region = append(region, resources+i)
			}
		}
	}
	return [2]string{fmt.Sprint(resource), fmt.Sprint(region)}
}
