package rights

import (
	"strings"
	"testing"
)

func TestParseSelector(t *testing.T) {
	for in, want := range map[string]Selector{
		"amazon.nova-pro-v1:0":    {SelectModel, "amazon.nova-pro-v1:0"},
		imported:                  {SelectModel, imported},
		endpoint:                  {SelectModel, endpoint},
		usSonnet:                  {SelectProfile, usSonnet},
		appProf:                   {SelectProfile, appProf},
		"family:amazon.nova":      {SelectFamily, "amazon.nova"},
		"provider:anthropic":      {SelectProvider, "anthropic"},
		"anthropic.claude-v2:1":   {SelectModel, "anthropic.claude-v2:1"},
		"global." + sonnet:        {SelectProfile, "global." + sonnet},
		"family:openai.gpt-oss":   {SelectFamily, "openai.gpt-oss"},
		"provider:moonshotai":     {SelectProvider, "moonshotai"},
		"us.amazon.nova-pro-v1:0": {SelectProfile, "us.amazon.nova-pro-v1:0"},
	} {
		got, err := ParseSelector(in, organisation(t))
		if err != nil || got != want {
			t.Errorf("ParseSelector(%q) = %+v, %v, want %+v", in, got, err, want)
		}
		if got.String() != in {
			t.Errorf("String() = %q, want %q", got.String(), in)
		}
	}
}

func TestParseSelectorRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "model id",
		"*":                   "model id",
		"amazon.nova-*":       "model id",
		"amazon.nova-pr-v1:0": `did you mean "amazon.nova-pro-v1:0"?`,
		"family:amazon.novas": "want one of",
		"family:":             "want one of",
		"provider:acme":       "want one of",
		"provider:moonshot":   "want one of",
		"Family:amazon.nova":  "model id",
		"model:amazon.nova":   "model id",
		imported + "x":        "not in the catalogue",
		"us.acme.model":       "not in the catalogue",
		foundation("us-east-1", "amazon.nova-pro-v1:0"): "holds in every region",
		arnPrefix + "inference-profile/" + usSonnet:     "holds in every region",
		arnPrefix + "prompt/ABCDEFGHIJ":                 "not in the catalogue",
	} {
		if got, err := ParseSelector(in, organisation(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSelector(%q) = %+v, %v, want an error about %q", in, got, err, want)
		}
	}
}

// FuzzParseSelector holds that what is accepted is written back unchanged.
func FuzzParseSelector(f *testing.F) {
	for _, s := range []string{"amazon.nova-pro-v1:0", usSonnet, imported, "family:amazon.nova", "provider:amazon", "", "family:*"} {
		f.Add(s)
	}
	cat := organisation(f)
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := ParseSelector(s, cat); err == nil && got.String() != s {
			t.Errorf("ParseSelector(%q) is written %q", s, got)
		}
	})
}
