package bedrock

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const importedARN = "arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001"

// imported is the sample organisation's pricing model.
func imported() Model {
	return Model{ID: importedARN, Base: "meta.llama3-1-70b-instruct-v1:0", Regions: []string{"us-east-1"}, Requires: []string{PromptHandling}}
}

func mustWith(t *testing.T, cat *Catalogue, models []Model, profiles []Profile) *Catalogue {
	t.Helper()
	out, err := cat.With(models, profiles)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWithOverridesWhatAnEntryStates(t *testing.T) {
	below, _ := Embedded().Model(sonnet)
	cat := mustWith(t, Embedded(), []Model{{ID: sonnet, Impact: "high", Requires: []string{DataRetention}, DataHandling: DataHandling{RetentionDays: 30}}}, nil)
	want := below
	want.Impact, want.Requires, want.DataHandling = "high", []string{DataRetention}, DataHandling{RetentionDays: 30}
	got, _ := cat.Model(sonnet)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if again, _ := Embedded().Model(sonnet); again.Impact != "" {
		t.Error("the catalogue below changed")
	}
	if len(cat.Models()) != len(Embedded().Models()) {
		t.Error("an override added a model")
	}
}

func TestWithRepricesProfiles(t *testing.T) {
	unpriced := "eu.anthropic.claude-opus-4-8"
	cat := mustWith(t, Embedded(), nil, []Profile{{ID: unpriced, Price: Price{Input: usd(5.5)}}})
	if p, ok := cat.PriceOf("anthropic.claude-opus-4-8", unpriced); !ok || *p.Input != 5.5 {
		t.Errorf("price %+v, %v", p, ok)
	}
	kept := mustWith(t, cat, nil, []Profile{{ID: unpriced, Destinations: map[string][]string{"eu-west-1": {"eu-west-1"}}}})
	if p, ok := kept.PriceOf("anthropic.claude-opus-4-8", unpriced); !ok || *p.Input != 5.5 {
		t.Errorf("after another layer: price %+v, %v", p, ok)
	}
}

func TestWithSuppliesDestinations(t *testing.T) {
	routes := map[string][]string{"us-east-1": {"us-east-1", "us-west-2"}}
	cat := mustWith(t, Embedded(), nil, []Profile{{ID: "us.anthropic.claude-opus-5", Model: "anthropic.claude-opus-5", Destinations: routes}})
	p, _ := cat.Profile("us.anthropic.claude-opus-5")
	if d := cmp.Diff(routes, p.Destinations); d != "" {
		t.Error(d)
	}
}

func TestWithAddsNewModelsAndGeographies(t *testing.T) {
	cat := mustWith(t, Embedded(),
		[]Model{{ID: "anthropic.claude-next", Family: "anthropic.claude"}},
		[]Profile{{ID: "uk.anthropic.claude-next", Model: "anthropic.claude-next", Destinations: map[string][]string{"eu-west-2": {"eu-west-2"}}}})
	m, _ := cat.Model("anthropic.claude-next")
	if d := cmp.Diff(Model{ID: "anthropic.claude-next", Kind: FoundationModel, Provider: "anthropic", Family: "anthropic.claude", Modality: ModalityText}, m); d != "" {
		t.Error(d)
	}
	if _, ok := cat.Profile("uk.anthropic.claude-next"); !ok {
		t.Error("the profile is not listed")
	}
}

// TestS1_CustomModelIsInItsBasesFamily holds that an ARN takes from its base
// what rules are written about, in any order of entries.
func TestS1_CustomModelIsInItsBasesFamily(t *testing.T) {
	base := Model{ID: "meta.llama3-1-70b-instruct-v1:0", Requires: []string{OutputRestriction}}
	for _, models := range [][]Model{{imported(), base}, {base, imported()}} {
		m, ok := mustWith(t, Embedded(), models, nil).Model(importedARN)
		if !ok || m.Family != "meta.llama" || m.Provider != "meta" || m.Kind != ImportedModel || !m.Custom() {
			t.Errorf("%+v", m)
		}
		if d := cmp.Diff([]string{OutputRestriction, PromptHandling}, m.Requires); d != "" {
			t.Error(d)
		}
		if m.Price != (Price{}) {
			t.Errorf("an imported model has its base's price: %+v", m.Price)
		}
	}
}

func TestWithRefuses(t *testing.T) {
	arn := func(change func(*Model)) Model { m := imported(); change(&m); return m }
	application := "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
	tests := []struct {
		name    string
		model   Model
		profile Profile
		want    string
	}{
		{name: "moved to another family", model: Model{ID: sonnet, Family: "anthropic.other"}, want: "family"},
		{name: "moved to another provider", model: Model{ID: sonnet, Provider: "acme"}, want: "provider"},
		{name: "new model without family", model: Model{ID: "acme.model"}, want: "family"},
		{name: "new model in another's family", model: Model{ID: "acme.model", Family: "anthropic.claude"}, want: "family"},
		{name: "foundation model of a kind", model: Model{ID: sonnet, Kind: ImportedModel}, want: "for ARNs only"},
		{name: "foundation model with regions", model: Model{ID: sonnet, Regions: []string{"us-east-1"}}, want: "for ARNs only"},
		{name: "profile id as a model", model: Model{ID: usSonnet, Family: "us.x"}, want: "apply it as a Profile"},
		{name: "foundation ARN as a model", model: Model{ID: "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet}, want: "cannot be listed"},
		{name: "prompt as a model", model: Model{ID: "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ"}, want: "cannot be listed"},
		{name: "custom model itself", model: Model{ID: "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/abc"}, want: "cannot be listed"},
		{name: "no base", model: arn(func(m *Model) { m.Base = "" }), want: "base"},
		{name: "unknown base", model: arn(func(m *Model) { m.Base = "meta.llama3-1-70b-instruct-v1:1" }), want: `did you mean "meta.llama3-1-70b-instruct-v1:0"?`},
		{name: "base is itself custom", model: arn(func(m *Model) { m.Base = importedARN }), want: "not a listed foundation model"},
		{name: "family other than the base's", model: arn(func(m *Model) { m.Family = "amazon.nova" }), want: "family"},
		{name: "no regions", model: arn(func(m *Model) { m.Regions = nil }), want: "regions is required"},
		{name: "own region missing", model: arn(func(m *Model) { m.Regions = []string{"us-west-2"} }), want: "us-east-1, which the ARN names"},
		{name: "region twice", model: arn(func(m *Model) { m.Regions = []string{"us-east-1", "us-east-1"} }), want: "twice"},
		{name: "region of another partition", model: arn(func(m *Model) { m.Regions = []string{"us-east-1", "us-gov-west-1"} }), want: "not in partition"},
		{name: "wrong kind", model: arn(func(m *Model) { m.Kind = ProvisionedModel }), want: "kind"},
		{name: "unknown validation", model: arn(func(m *Model) { m.Requires = []string{"vibes"} }), want: "requires"},
		{name: "unknown impact", model: arn(func(m *Model) { m.Impact = "huge" }), want: "impact"},
		{name: "unknown modality", model: arn(func(m *Model) { m.Modality = "smell" }), want: "modality"},
		{name: "negative limit", model: arn(func(m *Model) { m.MaxOutput = -1 }), want: "negative"},
		{name: "negative price", model: arn(func(m *Model) { m.Price.Input = usd(-1) }), want: "price"},
		{name: "negative retention", model: arn(func(m *Model) { m.DataHandling.RetentionDays = -1 }), want: "retentionDays"},

		{name: "profile of another model", profile: Profile{ID: usSonnet, Model: "amazon.nova-pro-v1:0"}, want: "model"},
		{name: "profile of no model", profile: Profile{ID: "us.acme.model", Model: "acme.model"}, want: "not a listed foundation model"},
		{name: "profile whose id is another model's", profile: Profile{ID: "us.acme.model", Model: sonnet}, want: "want <geography>."},
		{name: "global with destinations", profile: Profile{ID: "global." + sonnet, Destinations: map[string][]string{"us-east-1": {"us-east-1"}}}, want: "unbounded"},
		{name: "geographic as global", profile: Profile{ID: usSonnet, Global: true}, want: "global"},
		{name: "destination that is no region", profile: Profile{ID: usSonnet, Destinations: map[string][]string{"us-east-1": {"moon"}}}, want: "not a region"},
		{name: "source that is no region", profile: Profile{ID: usSonnet, Destinations: map[string][]string{"moon": {"us-east-1"}}}, want: "not a region"},
		{name: "destination in another partition", profile: Profile{ID: usSonnet, Destinations: map[string][]string{"us-east-1": {"cn-north-1"}}}, want: "not in partition"},
		{name: "no destinations from a source", profile: Profile{ID: usSonnet, Destinations: map[string][]string{"us-east-1": {}}}, want: "none from"},
		{name: "application profile of another region", profile: Profile{ID: application, Model: sonnet, Destinations: map[string][]string{"us-west-2": {"us-west-2"}}}, want: "the ARN is of us-east-1"},
		{name: "application profile with routes", profile: Profile{ID: application, Model: sonnet, Routes: []string{"amazon.nova-pro-v1:0"}}, want: "routes"},
		{name: "router of one model", profile: Profile{ID: "arn:aws:bedrock:us-east-1:111122223333:prompt-router/a1b2c3d4e5f6", Model: sonnet}, want: "routes"},
		{name: "router of a model twice", profile: Profile{ID: "arn:aws:bedrock:us-east-1:111122223333:prompt-router/a1b2c3d4e5f6", Model: sonnet, Routes: []string{sonnet}}, want: "twice"},
		{name: "profile ARN", profile: Profile{ID: "arn:aws:bedrock:us-east-1:111122223333:inference-profile/" + usSonnet, Model: sonnet}, want: "bare id"},
		{name: "imported model as a profile", profile: Profile{ID: importedARN, Model: sonnet}, want: "is not a profile"},
		{name: "model by ARN", profile: Profile{ID: application, Model: "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet}, want: "bare id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var models []Model
			var profiles []Profile
			if tt.model.ID != "" {
				models = append(models, tt.model)
			} else {
				profiles = append(profiles, tt.profile)
			}
			if _, err := Embedded().With(models, profiles); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestBaseIsNeverCustom(t *testing.T) {
	cat := mustWith(t, Embedded(), []Model{imported()}, nil)
	other := Model{ID: importedARN + "x", Base: importedARN, Regions: []string{"us-east-1"}}
	if _, err := cat.With([]Model{other}, nil); err == nil || !strings.Contains(err.Error(), "not a listed foundation model") {
		t.Errorf("error %v", err)
	}
}

// TestRouterHasNoPriceButItsOwn: which model answers is not known beforehand.
func TestRouterHasNoPriceButItsOwn(t *testing.T) {
	router := Profile{ID: "arn:aws:bedrock:us-east-1:111122223333:prompt-router/a1b2c3d4e5f6", Model: sonnet, Routes: []string{"amazon.nova-pro-v1:0"}}
	if p, ok := mustWith(t, Embedded(), nil, []Profile{router}).PriceOf(sonnet, router.ID); ok {
		t.Errorf("price %+v", p)
	}
	router.Price = Price{Input: usd(3), Output: usd(15)}
	if p, ok := mustWith(t, Embedded(), nil, []Profile{router}).PriceOf("amazon.nova-pro-v1:0", router.ID); !ok || *p.Output != 15 {
		t.Errorf("price %+v, %v", p, ok)
	}
}

func TestWithRefusesTwoEntriesForOneID(t *testing.T) {
	if _, err := Embedded().With([]Model{imported(), imported()}, nil); err == nil || !strings.Contains(err.Error(), "two entries") {
		t.Errorf("two models: error %v", err)
	}
	twice := Profile{ID: usSonnet, Price: Price{Input: usd(1)}}
	if _, err := Embedded().With(nil, []Profile{twice, twice}); err == nil || !strings.Contains(err.Error(), "two entries") {
		t.Errorf("two profiles: error %v", err)
	}
}

func TestWithNothingIsTheSame(t *testing.T) {
	if cat := mustWith(t, Embedded(), nil, nil); cat != Embedded() {
		t.Error("no entries made another catalogue")
	}
}

// TestLayersDoNotPileUp holds that entries laid one after another and all at
// once make the same catalogue, on the same tables.
func TestLayersDoNotPileUp(t *testing.T) {
	one := mustWith(t, Embedded(), []Model{imported()}, nil)
	two := mustWith(t, one, []Model{{ID: sonnet, Impact: "low"}}, nil)
	both := mustWith(t, Embedded(), []Model{{ID: sonnet, Impact: "low"}, imported()}, nil)
	if two.under != Embedded() {
		t.Error("a second layer lies on the first")
	}
	if two.Version() != both.Version() || two.Version() == one.Version() || one.Version() == Embedded().Version() {
		t.Errorf("versions: %s, %s, %s", one.Version(), two.Version(), both.Version())
	}
	if d := cmp.Diff(both.Models(), two.Models()); d != "" {
		t.Error(d)
	}
	if _, ok := one.Model(importedARN); !ok {
		t.Error("the first layer lost its entry")
	}
	if m, _ := one.Model(sonnet); m.Impact != "" {
		t.Error("the second layer changed the first")
	}
}

func BenchmarkWith(b *testing.B) {
	cat := Embedded()
	models := []Model{imported(), {ID: sonnet, Impact: "high"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cat.With(models, nil); err != nil {
			b.Fatal(err)
		}
	}
}
