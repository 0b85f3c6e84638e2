package classifier

import (
	"slices"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
)

func TestAnOrganisationsOwnLabels(t *testing.T) {
	c := plain(t,
		dataclass.CustomLabel{ID: "project-falcon", Level: "restricted", Regulated: true, Words: []string{"Falcon", "Project Falcon", "Żółw"}},
		dataclass.CustomLabel{ID: "part-number", Level: "internal", Patterns: []string{`\bPN-[0-9]{6}\b`}, CaseSensitive: true},
	)
	tests := []struct {
		text      string
		classes   []dataclass.Class
		level     dataclass.Level
		regulated bool
	}{
		{"the FALCON lands", []dataclass.Class{"custom:project-falcon"}, dataclass.Restricted, true},
		{"project\n  falcon", []dataclass.Class{"custom:project-falcon"}, dataclass.Restricted, true},
		{"Ｆａｌｃｏｎ", []dataclass.Class{"custom:project-falcon"}, dataclass.Restricted, true},
		{"żółw", []dataclass.Class{"custom:project-falcon"}, dataclass.Restricted, true},
		{"falconry is a sport", nil, dataclass.Public, false},
		{"order PN-123456", []dataclass.Class{"custom:part-number"}, dataclass.Internal, false},
		{"order pn-123456", nil, dataclass.Public, false},
	}
	for _, tt := range tests {
		l := c.Text([]byte(tt.text)).Label
		if !slices.Equal(l.Classes, tt.classes) || l.Level != tt.level || l.Regulated != tt.regulated {
			t.Errorf("%q: %+v", tt.text, l)
		}
	}
}

// TestAVersionNamesTheLabels: a decision can be traced to the rules it was made by.
func TestAVersionNamesTheLabels(t *testing.T) {
	a := dataclass.CustomLabel{ID: "a", Words: []string{"one"}}
	b := dataclass.CustomLabel{ID: "b", Words: []string{"two"}}
	changed := b
	changed.Regulated = true
	if x, y := plain(t, a, b).Version(), plain(t, b, a).Version(); x != y {
		t.Errorf("the order of labels changes %s to %s", x, y)
	}
	seen := map[string]bool{}
	for _, labels := range [][]dataclass.CustomLabel{nil, {a}, {b}, {a, b}, {a, changed}} {
		seen[plain(t, labels...).Version()] = true
	}
	if len(seen) != 5 {
		t.Errorf("five sets of labels have %d versions", len(seen))
	}
}

func TestALabelThatCannotBeLookedForIsAnError(t *testing.T) {
	for _, l := range []dataclass.CustomLabel{
		{ID: "Bad Name", Words: []string{"x"}},
		{ID: "nothing"},
		{ID: "broken", Patterns: []string{"("}},
		{ID: "vast", Patterns: []string{"((x{100}){100}){100}"}}, // more memory than there is for one
	} {
		if _, err := New([]dataclass.CustomLabel{l}); err == nil {
			t.Errorf("%+v was taken", l)
		}
	}
}
