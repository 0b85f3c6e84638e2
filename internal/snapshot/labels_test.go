package snapshot

import (
	"slices"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

func labelOf(name string, words ...string) manifest.Resource {
	return manifest.Resource{Kind: manifest.DataLabel, Name: name, Spec: &dataclass.CustomLabel{ID: name, Words: words}}
}

func changeTo(t *testing.T, op manifest.Op, r manifest.Resource) store.Change {
	t.Helper()
	spec, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if op == manifest.Delete {
		spec = nil
	}
	return store.Change{Op: op, Kind: r.Kind, Name: r.Name, Spec: spec}
}

// TestLabelsMakeTheClassifier: a change of one makes another, and no other change
// does.
func TestLabelsMakeTheClassifier(t *testing.T) {
	s, err := Of([]manifest.Resource{labelOf("b", "kite"), labelOf("a", "falcon")}, then)
	if err != nil {
		t.Fatal(err)
	}
	if l := s.Labels(); len(l) != 2 || l[0].ID != "a" || l[1].ID != "b" || s.Classifier == nil {
		t.Fatalf("labels %v", l)
	}
	with := func(s *Snapshot, op manifest.Op, r manifest.Resource) *Snapshot {
		t.Helper()
		next, err := s.With([]store.Change{changeTo(t, op, r)}, then)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	other := with(s, manifest.Create, dana())
	if other.Classifier != s.Classifier || !slices.Equal(other.Labels(), s.Labels()) {
		t.Error("the classifier was made anew for nothing")
	}
	changed := with(other, manifest.Update, labelOf("a", "falcon", "osprey"))
	if changed.Classifier == s.Classifier || len(changed.Labels()[0].Words) != 2 || len(s.Labels()[0].Words) != 1 {
		t.Error("a changed label changes nothing")
	}
	if gone := with(changed, manifest.Delete, labelOf("a")); len(gone.Labels()) != 1 || gone.Classifier == changed.Classifier {
		t.Error("a label that is gone is there")
	}
	if _, err := s.With([]store.Change{changeTo(t, manifest.Create, manifest.Resource{Kind: manifest.DataLabel, Name: "c", Spec: &dataclass.CustomLabel{Patterns: []string{"("}}})}, then); err == nil {
		t.Error("a label with a broken pattern is taken")
	}
}
