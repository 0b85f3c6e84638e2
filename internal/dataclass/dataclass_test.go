package dataclass

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func genLabel(t *rapid.T, name string) Label {
	classes := rapid.SliceOfNDistinct(rapid.SampledFrom(Classes()), 0, 3, rapid.ID[Class]).Draw(t, name)
	l := Declared(classes...)
	if rapid.Bool().Draw(t, name+" unscanned") {
		l = l.Join(Unscanned(rapid.SampledFrom([]string{"no_classifier", "encrypted"}).Draw(t, name+" reason")))
	}
	return l
}

// TestJoinIsALattice: order and repetition of the parts do not matter, and the
// whole is never below a part.
func TestJoinIsALattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := genLabel(t, "a"), genLabel(t, "b"), genLabel(t, "c")
		if d := cmp.Diff(a.Join(b), b.Join(a)); d != "" {
			t.Fatalf("order matters: %s", d)
		}
		if d := cmp.Diff(a.Join(b).Join(c), a.Join(b.Join(c))); d != "" {
			t.Fatalf("grouping matters: %s", d)
		}
		j := a.Join(b)
		if d := cmp.Diff(j, j.Join(a)); d != "" {
			t.Fatalf("repetition matters: %s", d)
		}
		if j.Level < a.Level || (a.Regulated && !j.Regulated) || len(j.Unscanned) < len(a.Unscanned) {
			t.Fatalf("%+v fell below %+v", j, a)
		}
		for _, k := range a.Classes {
			if !slices.Contains(j.Classes, k) {
				t.Fatalf("class %s was lost", k)
			}
		}
	})
}

func TestUnscannedIsRestricted(t *testing.T) {
	l := Unscanned("no_classifier")
	if l.Level != Restricted || l.Regulated || !slices.Equal(l.Unscanned, []string{"no_classifier"}) {
		t.Fatalf("got %+v", l)
	}
}

func TestDeclared(t *testing.T) {
	got := Declared(Health, SourceCode, Health)
	want := Label{Level: Restricted, Classes: []Class{Health, SourceCode}, Regulated: true, Confidence: 100}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func FuzzParseClass(f *testing.F) {
	for _, s := range []string{"health", "custom:a-b_1", "custom:", "Health", "custom:A", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseClass(s)
		if err == nil && string(c) != s {
			t.Fatalf("%q was read as %q", s, c)
		}
		if err == nil && c.Level() == Public {
			t.Fatalf("class %q is public", c)
		}
	})
}

func FuzzParseLevel(f *testing.F) {
	f.Add("public")
	f.Add("secret")
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := ParseLevel(s); err == nil && l.String() != s {
			t.Fatalf("%q was read as %v", s, l)
		}
	})
}
