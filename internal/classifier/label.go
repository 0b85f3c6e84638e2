package classifier

import (
	"slices"

	"github.com/writ-project/writ/internal/dataclass"
)

// labelOf joins findings into a label. What is merely possible says nothing,
// and a diagnosis says nothing where nobody is named.
func labelOf(c *Classifier, found []Found, unread []string) dataclass.Label {
	l := dataclass.Label{Redactable: true, Detectors: c.version}
	person := slices.ContainsFunc(found, func(f Found) bool { return f.Counts() && pointsAtSomebody(f.Finding) })
	for _, t := range tallies(found, person) {
		l.Entities = append(l.Entities, string(t.entity))
		if t.class != "" {
			c.raise(&l, &t)
			l.Redactable = l.Redactable && t.exact
		}
	}
	if len(unread) > 0 {
		slices.Sort(unread)
		l.Level, l.Unscanned = dataclass.Restricted, slices.Compact(unread)
	}
	slices.Sort(l.Entities)
	l.Entities = slices.Compact(l.Entities)
	return l
}

// tally is what findings of one entity and class say together.
type tally struct {
	entity dataclass.Entity
	rule   string
	class  dataclass.Class
	count  int
	lowest int  // score
	exact  bool // all can be replaced
}

// tallies sums up the findings that count.
func tallies(found []Found, person bool) (out []tally) {
	last := -1
	for i := range found {
		f := &found[i]
		if !f.Counts() || !person && f.Entity.Kind().WithPerson {
			continue
		}
		if last < 0 || !out[last].of(f) {
			if last = slices.IndexFunc(out, func(t tally) bool { return t.of(f) }); last < 0 {
				last = len(out)
				out = append(out, tally{f.Entity, ofLabel(f), f.Class(), 0, f.Score, true})
			}
		}
		t := &out[last]
		t.count++
		t.lowest = min(t.lowest, f.Score)
		t.exact = t.exact && (f.Exact || !Replaced(f.Finding))
	}
	return out
}

func (t *tally) of(f *Found) bool { return t.entity == f.Entity && t.rule == ofLabel(f) }

// ofLabel is the organisation's label that a finding is of, if it is of one.
func ofLabel(f *Found) string {
	if f.Entity == dataclass.Custom {
		return f.Rule
	}
	return ""
}

// raise adds a class to a label.
func (c *Classifier) raise(l *dataclass.Label, t *tally) {
	level, regulated := t.class.Level(), t.class.Regulated()
	if own := c.ownLabel(t.class); own != nil {
		level, regulated = own.level, own.regulated
	}
	l.Level = max(l.Level, level)
	if regulated && (!l.Regulated || t.lowest < l.Confidence) {
		l.Regulated, l.Confidence = true, t.lowest
	}
	if i, ok := slices.BinarySearch(l.Classes, t.class); !ok {
		l.Classes = slices.Insert(l.Classes, i, t.class)
	}
	if l.Counts == nil {
		l.Counts = make(map[dataclass.Class]int)
	}
	l.Counts[t.class] += t.count
}

// pointsAtSomebody reports whether a finding says whose data stands beside it.
func pointsAtSomebody(f dataclass.Finding) bool {
	switch f.Entity {
	case dataclass.Age, dataclass.Postcode, dataclass.Username, dataclass.PractitionerID, dataclass.VIN, dataclass.LicensePlate:
		return false
	}
	switch k := f.Entity.Kind(); k.Class {
	case dataclass.PersonalContact, dataclass.RegulatedPersonal:
		return true
	case dataclass.Health:
		return !k.WithPerson
	}
	return false
}
