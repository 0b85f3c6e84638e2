package dataclass

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// genFound draws what detectors could say of one content.
func genFound(t *rapid.T) Label {
	l := Declared(rapid.SliceOfNDistinct(rapid.SampledFrom(append(Classes(), "custom:falcon")), 0, 4, rapid.ID[Class]).Draw(t, "classes")...)
	l.Redactable = rapid.IntRange(0, 3).Draw(t, "exact") > 0
	l.Truncated = rapid.IntRange(0, 5).Draw(t, "truncated") == 0
	for _, e := range rapid.SliceOfNDistinct(rapid.SampledFrom(Entities()), 0, 4, rapid.ID[Entity]).Draw(t, "entities") {
		l.Entities = append(l.Entities, string(e))
	}
	slices.Sort(l.Entities)
	for _, c := range l.Classes {
		if l.Counts == nil {
			l.Counts = map[Class]int{}
		}
		l.Counts[c] = rapid.IntRange(1, 9).Draw(t, "count")
	}
	if rapid.IntRange(0, 3).Draw(t, "own level") == 0 {
		l.Level = Restricted // by an organisation's label, or by rule
	}
	if rapid.IntRange(0, 3).Draw(t, "unscanned") == 0 {
		l.Level, l.Unscanned = Restricted, []string{"image"}
	}
	return l
}

// TestRedactedNeverRises: what is left is a part of what was there, and redaction
// takes nothing more the second time.
func TestRedactedNeverRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := genFound(t)
		before := l.Join(Label{Redactable: true}) // a copy
		r := l.Redacted()
		if r.Level > l.Level || r.Regulated && !l.Regulated || r.Confidence > l.Confidence || r.Truncated != l.Truncated {
			t.Fatalf("%+v rose to %+v", l, r)
		}
		for _, c := range r.Classes {
			if !slices.Contains(l.Classes, c) || r.Level < min(c.Level(), l.Level) || c.Regulated() && !r.Regulated {
				t.Fatalf("%+v came of %+v", r, l)
			}
		}
		for _, c := range l.Classes {
			if gone := !slices.Contains(r.Classes, c); gone != (c.Redactable() && l.Redactable) || gone && r.Counts[c] > 0 {
				t.Fatalf("class %s of %+v: %+v", c, l, r)
			}
		}
		for _, e := range r.Entities {
			if !slices.Contains(l.Entities, e) {
				t.Fatalf("entity %s came of %+v", e, l)
			}
		}
		if l.Redactable && r.ToRedact() || cmp.Diff(r, r.Redacted()) != "" || cmp.Diff(l.Unscanned, r.Unscanned) != "" {
			t.Fatalf("%+v is redacted to %+v, and then to %+v", l, r, r.Redacted())
		}
		if len(l.Unscanned) > 0 && r.Level != l.Level {
			t.Fatalf("what was not read became %s", r.Level)
		}
		if cmp.Diff(before, l.Join(Label{Redactable: true})) != "" || !maps.Equal(before.Counts, l.Counts) {
			t.Fatal("the original was changed")
		}
	})
}

func TestRedacted(t *testing.T) {
	found := func(classes ...Class) Label {
		l := Declared(classes...)
		l.Redactable = true
		return l
	}
	own := found("custom:falcon", Health)
	for name, tc := range map[string]struct{ of, want Label }{
		"nothing":        {found(), found()},
		"a number":       {found(RegulatedPersonal), Label{Redactable: true}},
		"code stays":     {found(RegulatedPersonal, SourceCode), found(SourceCode)},
		"not exactly":    {Declared(Health), Declared(Health)},
		"credentials":    {found(Credential, OnlineIdentifier), Label{Redactable: true}},
		"an own label's": {own, Label{Level: own.Level, Classes: []Class{"custom:falcon"}, Regulated: true, Confidence: 100, Redactable: true}},
	} {
		if d := cmp.Diff(tc.want, tc.of.Redacted()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	l := found(Health)
	l.Entities = []string{"CUSTOM", "EMAIL", "URL"}
	if got := l.Redacted().Entities; !slices.Equal(got, []string{"CUSTOM", "URL"}) {
		t.Errorf("entities %v", got)
	}
}
