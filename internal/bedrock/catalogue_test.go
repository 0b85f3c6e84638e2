package bedrock

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	sonnet   = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	usSonnet = "us." + sonnet
)

func TestEmbeddedEntriesAreValid(t *testing.T) {
	cat := Embedded()
	for _, m := range cat.Models() {
		if err := m.Validate(); err != nil {
			t.Errorf("model %s: %v", m.ID, err)
		}
	}
	for _, p := range cat.Profiles() {
		if err := p.Validate(); err != nil {
			t.Errorf("profile %s: %v", p.ID, err)
		}
		if _, ok := cat.Model(p.Model); !ok {
			t.Errorf("profile %s: model %s is not listed", p.ID, p.Model)
		}
	}
	if n, p := len(cat.Models()), len(cat.Profiles()); n < 150 || p < 120 {
		t.Errorf("%d models and %d profiles are listed: a table was cut short", n, p)
	}
}

// TestEmbeddedLeavesMantleOnlyModelsOut holds that no id is listed that the
// bedrock-runtime endpoint does not serve.
func TestEmbeddedLeavesMantleOnlyModelsOut(t *testing.T) {
	for _, id := range []string{"moonshotai.kimi-k2-thinking", "qwen.qwen3-32b", "zai.glm-4.6", "google.gemma-4-31b", "deepseek.v3.1"} {
		if _, ok := Embedded().Model(id); ok {
			t.Errorf("%s is listed", id)
		}
	}
}

func TestFamilies(t *testing.T) {
	family := map[string][]string{}
	for _, m := range Embedded().Models() {
		family[m.Family] = append(family[m.Family], m.ID)
	}
	nova := []string{
		"amazon.nova-2-lite-v1:0", "amazon.nova-2-multimodal-embeddings-v1:0", "amazon.nova-2-sonic-v1:0", "amazon.nova-canvas-v1:0",
		"amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0", "amazon.nova-premier-v1:0", "amazon.nova-pro-v1:0",
		"amazon.nova-reel-v1:0", "amazon.nova-reel-v1:1", "amazon.nova-sonic-v1:0",
	}
	if d := cmp.Diff(nova, family["amazon.nova"]); d != "" {
		t.Error(d)
	}
	for id, want := range map[string]string{
		sonnet: "anthropic.claude", "meta.llama3-1-70b-instruct-v1:0": "meta.llama",
		"moonshot.kimi-k2-thinking": "moonshotai.kimi", "moonshotai.kimi-k2.5": "moonshotai.kimi",
		"openai.gpt-oss-120b-1:0": "openai.gpt-oss", "openai.gpt-5.6-sol": "openai.gpt",
		"stability.sd3-5-large-v1:0": "stability.stable-diffusion",
	} {
		if m, _ := Embedded().Model(id); m.Family != want {
			t.Errorf("%s is of family %q, want %q", id, m.Family, want)
		}
	}
	if fs := Embedded().Families(); !slices.IsSorted(fs) || len(fs) != len(family) {
		t.Errorf("Families() = %v", fs)
	}
	if ps := Embedded().Providers(); !slices.Contains(ps, "moonshotai") || slices.Contains(ps, "moonshot") {
		t.Errorf("Providers() = %v", ps)
	}
}

func TestDestinationsAreAsAWSDocuments(t *testing.T) {
	for _, tt := range []struct{ profile, source, want string }{
		{usSonnet, "us-east-1", "us-east-1 us-east-2 us-west-2"},
		{usSonnet, "ca-central-1", "ca-central-1 us-east-1 us-east-2 us-west-2"},
		{"us.anthropic.claude-3-haiku-20240307-v1:0", "us-east-2", "us-east-1 us-east-2 us-west-2"},
		{"us.anthropic.claude-3-haiku-20240307-v1:0", "us-west-2", "us-east-1 us-west-2"},
		{"us-gov." + sonnet, "us-gov-east-1", "us-gov-west-1"},
		{"jp." + sonnet, "ap-northeast-3", "ap-northeast-1 ap-northeast-3"},
		{"eu." + sonnet, "eu-west-2", "eu-central-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3"},
	} {
		p, _ := Embedded().Profile(tt.profile)
		if got := strings.Join(p.Destinations[tt.source], " "); got != tt.want {
			t.Errorf("%s from %s: %q, want %q", tt.profile, tt.source, got, tt.want)
		}
	}
	if p, ok := Embedded().Profile("us.anthropic.claude-opus-5"); !ok || p.Destinations != nil {
		t.Errorf("destinations of a profile that nobody documented: %v", p.Destinations)
	}
}

// TestDestinationsStayInTheirGeography catches a slip in the table: a
// residency rule trusts that "eu" means Europe, and Israel where it is called
// from there.
func TestDestinationsStayInTheirGeography(t *testing.T) {
	within := map[string][]string{
		"us": {"us-", "ca-"}, "us-gov": {"us-gov-"}, "eu": {"eu-", "il-"}, "apac": {"ap-", "me-"},
		"au": {"ap-southeast-2", "ap-southeast-4"}, "jp": {"ap-northeast-1", "ap-northeast-3"}, "ca": {"ca-"},
	}
	for _, p := range Embedded().Profiles() {
		geography, _, _ := strings.Cut(p.ID, ".")
		for source, to := range p.Destinations {
			for _, region := range append([]string{source}, to...) {
				if !slices.ContainsFunc(within[geography], func(start string) bool { return strings.HasPrefix(region, start) }) {
					t.Errorf("%s from %s reaches %s", p.ID, source, region)
				}
				if (geography == "us") && strings.HasPrefix(region, "us-gov-") {
					t.Errorf("%s reaches GovCloud", p.ID)
				}
			}
		}
	}
}

func TestPriceOf(t *testing.T) {
	cat := Embedded()
	input := func(model, profile string) (float64, bool) {
		p, ok := cat.PriceOf(model, profile)
		if !ok || p.Input == nil {
			return 0, false
		}
		return *p.Input, true
	}
	for _, tt := range []struct {
		name, model, profile string
		want                 float64
		ok                   bool
	}{
		{"model", sonnet, "", 3, true},
		{"profile's own", sonnet, "eu." + sonnet, 3.3, true},
		{"premium not settled: errs high", sonnet, usSonnet, 3.3, true},
		{"sources disagree", "anthropic.claude-opus-4-8", "eu.anthropic.claude-opus-4-8", 0, false},
		{"not in the price table", "amazon.nova-2-lite-v1:0", "us.amazon.nova-2-lite-v1:0", 0, false},
		{"model with no public price", "twelvelabs.pegasus-1-2-v1:0", "", 0, false},
		{"conflicting model price", "meta.llama3-1-70b-instruct-v1:0", "", 0, false},
		{"another model's profile", "amazon.nova-pro-v1:0", usSonnet, 0, false},
		{"no such profile", sonnet, "us.x.y", 0, false},
		{"no such model", "a.b", "", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := input(tt.model, tt.profile); got != tt.want || ok != tt.ok {
				t.Errorf("input price %v, %v, want %v, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestNear(t *testing.T) {
	for in, want := range map[string]string{
		"amazon.nova-pr-v1:0":               "amazon.nova-pro-v1:0",
		"amazon.nova-pro-v1":                "amazon.nova-pro-v1:0",
		"us.amazon.nova-prov1:0":            "us.amazon.nova-pro-v1:0",
		"amazon.nova-pro-v1:0":              "amazon.nova-pro-v1:0",
		"wholly.different":                  "",
		"":                                  "",
		"amazon." + strings.Repeat("n", 99): "",
	} {
		if got := Embedded().Near(in); got != want {
			t.Errorf("Near(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNearBreaksTiesTheSameWay(t *testing.T) {
	for range 50 { // maps are walked in another order each time
		if got := Embedded().Near("amazon.nova-reel-v1:2"); got != "amazon.nova-reel-v1:0" {
			t.Fatalf("Near = %q", got)
		}
	}
}

func TestVersionNamesTheMonthAndTheTables(t *testing.T) {
	if v := Embedded().Version(); !strings.HasPrefix(v, AsOf+"+") || len(v) != len(AsOf)+1+16 {
		t.Errorf("Version() = %q", v)
	}
	changed, err := parseTables(modelsTable, profilesTable, destinationsTable+"us.amazon.nova-pro-v1:0,us-west-99,us-east-1\n")
	if err != nil {
		t.Fatal(err)
	}
	if changed.Version() == Embedded().Version() {
		t.Error("another table has the same version")
	}
}

func TestDamagedTablesRefused(t *testing.T) {
	for name, tt := range map[string]struct{ models, profiles, destinations, want string }{
		"empty":               {"", "", "", "column names"},
		"missing column":      {"a,b\n", "", "", "wrong number of fields"},
		"price":               {modelRow("a.b", "x"), "", "", "price"},
		"limit":               {strings.Replace(modelRow("a.b", "1"), ",,,\n", ",x,,\n", 1), "", "", "invalid syntax"},
		"model twice":         {modelRow("a.b", "") + strings.SplitAfter(modelRow("a.b", ""), "\n")[1], "", "", "twice"},
		"profile of no model": {modelRow("a.b", ""), "1,2,3,4,5,6,7\nus.c.d,c.d,,,,,\n", "", "not listed"},
		"route of no profile": {modelRow("a.b", ""), "1,2,3,4,5,6,7\n", "1,2,3\nus.a.b,us-east-1,us-east-1\n", "not listed"},
		"route twice":         {modelRow("a.b", ""), "1,2,3,4,5,6,7\nus.a.b,a.b,,,,,\n", "1,2,3\nus.a.b,us-east-1,us-east-1\nus.a.b,us-east-1,us-east-2\n", "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseTables(tt.models, tt.profiles, tt.destinations); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

// modelRow is a table of one model with a given input price.
func modelRow(id, input string) string {
	return "1,2,3,4,5,6,7,8,9,10,11\n" + id + ",a,a.b,," + input + ",,,,,,\n"
}

// FuzzParseTables holds that no table makes the reader panic, and that what it
// accepts can be listed.
func FuzzParseTables(f *testing.F) {
	f.Add(modelRow("a.b", "1"), "1,2,3,4,5,6,7\nus.a.b,a.b,1,2,,,\n", "1,2,3\nus.a.b,us-east-1,us-east-1 us-west-2\n")
	f.Add("", "", "")
	f.Add("\"", "1,2", "\x00")
	f.Fuzz(func(t *testing.T, models, profiles, destinations string) {
		cat, err := parseTables(models, profiles, destinations)
		if err != nil {
			return
		}
		for _, m := range cat.Models() {
			if got, ok := cat.Model(m.ID); !ok || got.ID != m.ID {
				t.Errorf("model %q is lost", m.ID)
			}
		}
		for _, p := range cat.Profiles() {
			if _, ok := cat.Model(p.Model); !ok {
				t.Errorf("profile %q has no model", p.ID)
			}
		}
	})
}

// BenchmarkParseTables measures what the first call of Embedded costs.
func BenchmarkParseTables(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseTables(modelsTable, profilesTable, destinationsTable); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNear measures a refusal's near miss, which an authenticated caller
// can ask for at will.
func BenchmarkNear(b *testing.B) {
	cat := Embedded()
	for b.Loop() {
		cat.Near("us.anthropic.claude-sonnet-4-5-20250929-v9:9")
	}
}
