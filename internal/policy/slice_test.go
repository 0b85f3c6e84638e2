package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/cedarset"
)

// The slicing test draws policies of every head, and conditions that hold, do
// not hold, and fail, and asks both the slice and the whole set.

var (
	someIdentities = []string{`Writ::Identity::"agent"`, `Writ::Identity::"other"`}
	someActions    = []string{`Writ::Action::"InvokeModel"`, `Writ::Action::"Release"`, `Writ::Action::"Invoke"`, `Writ::Action::"Use"`, `Writ::Action::"UseKey"`}
	someResources  = []string{
		`Writ::Model::"` + sonnet + `"`, `Writ::Model::"` + imported + `"`, `Writ::Model::"` + llama + `"`, `Writ::Profile::"` + sonnetUS + `"`,
		`Writ::Family::"anthropic.claude"`, `Writ::Family::"meta.llama"`, `Writ::Provider::"anthropic"`, `Writ::Provider::"meta"`, `Writ::Key::"k"`,
	}
	someConditions = []string{
		"", "when { true }", "when { false }", "unless { true }", "unless { false }",
		"when { 9223372036854775807 + 1 > 0 }",   // overflows
		"unless { 9223372036854775807 + 1 > 0 }", // overflows
		"when { resource.nothing }",              // no such attribute
		"when { principal.shared }", "unless { principal.shared }",
		`when { resource in Writ::Provider::"meta" }`,
		`when { false && resource.nothing }`, `when { context.flag }`,
	}
)

func drawHead(t *rapid.T) string {
	principal := rapid.SampledFrom([]string{"principal", "principal == %s", "principal in %s", "principal is Writ::Identity", "principal is Writ::Key", "principal is Writ::Identity in %s"}).Draw(t, "principal")
	action := rapid.SampledFrom([]string{"action", "action == %s", "action in %s", "action in [%s, %s]"}).Draw(t, "action")
	resource := rapid.SampledFrom([]string{"resource", "resource == %s", "resource in %s", "resource is Writ::Model", "resource is Writ::Profile", "resource is Writ::Model in %s"}).Draw(t, "resource")
	fill := func(form string, from []string) string {
		for strings.Contains(form, "%s") {
			form = strings.Replace(form, "%s", rapid.SampledFrom(from).Draw(t, "entity"), 1)
		}
		return form
	}
	return fill(principal, someIdentities) + ", " + fill(action, someActions) + ", " + fill(resource, someResources)
}

// drawRules returns rules as the bundle holds them, and the same in full.
func drawRules(t *rapid.T) (sliced, whole []*rule) {
	n := rapid.IntRange(0, 12).Draw(t, "policies")
	for i := range n {
		effect := rapid.SampledFrom([]string{"permit", "forbid"}).Draw(t, "effect")
		text := fmt.Sprintf("%s (%s) %s;", effect, drawHead(t), rapid.SampledFrom(someConditions).Draw(t, "condition"))
		parsed, err := cedarset.Parse("drawn", text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r := newRule(fmt.Sprintf("p%02d", i), "", treeOf(parsed[0]))
		full := *r
		full.compiled = parsed[0]
		sliced, whole = append(sliced, r), append(whole, &full)
	}
	return sliced, whole
}

// outcome is all of a verdict, in an order of its own.
func outcome(v verdict) []string {
	out := []string{fmt.Sprint("allowed ", v.allowed)}
	for _, r := range v.reasons {
		out = append(out, "reason "+r.id)
	}
	for _, e := range v.errors {
		out = append(out, "error "+e.rule.id+" "+e.message)
	}
	slices.Sort(out)
	return out
}

// compareSlice asks one drawn question of the slice and of the whole. lineage
// is how the slice finds a resource's ancestors.
func compareSlice(t *rapid.T, a *atlas, lineage func(uid) []uid) string {
	rules, whole := drawRules(t)
	q := query{
		Principal: newUID(identityType, rapid.SampledFrom([]string{"agent", "other"}).Draw(t, "who")),
		Action:    rapid.SampledFrom([]uid{actInvoke, actInvokeStream, actRelease, actUseKey}).Draw(t, "what"),
		Resource: rapid.SampledFrom([]uid{
			newUID(modelType, sonnet), newUID(modelType, imported), newUID(modelType, llama), newUID(profileType, sonnetUS), newUID(keyType, "k"),
		}).Draw(t, "on"),
		Context: newRecord(fields{"flag": boolValue(rapid.Bool().Draw(t, "flag"))}),
	}
	s := &scene{atlas: a, now: noon, principal: entity{UID: q.Principal, Attributes: newRecord(fields{"shared": boolValue(rapid.Bool().Draw(t, "shared"))})}}
	slice := newIndex(rules, a.actions).slice(nil, &q, []uid{q.Principal}, lineage(q.Resource))
	return cmp.Diff(outcome(ask(whole, s, q)), outcome(ask(slice, s, q)))
}

func testAtlas(t *testing.T) *atlas {
	t.Helper()
	a, err := newAtlas(theVocabulary(), testCatalogue(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestS6_SliceAnswersAsTheWholeSet(t *testing.T) {
	a := testAtlas(t)
	rapid.Check(t, func(t *rapid.T) {
		if diff := compareSlice(t, a, a.lineageOf); diff != "" {
			t.Errorf("whole set − slice +:\n%s", diff)
		}
	})
}

// The property above must be able to fail: an index that forgets ancestors, or
// takes another entity for the resource, is caught.
func TestS6_SlicingBugIsCaught(t *testing.T) {
	a := testAtlas(t)
	for name, broken := range map[string]func(uid) []uid{
		"no ancestors":   func(u uid) []uid { return []uid{u} },
		"not itself":     func(u uid) []uid { return a.lineageOf(u)[1:] },
		"other's family": func(u uid) []uid { return append([]uid{u}, newUID(familyType, "meta.llama")) },
	} {
		caught := false
		diffs := rapid.Custom(func(t *rapid.T) string { return compareSlice(t, a, broken) })
		for seed := 0; seed < 500 && !caught; seed++ {
			caught = diffs.Example(seed) != ""
		}
		if !caught {
			t.Errorf("%s: 500 draws saw no difference", name)
		}
	}
}
