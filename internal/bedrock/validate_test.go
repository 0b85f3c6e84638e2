package bedrock

import (
	"strings"
	"testing"
	"time"
)

func TestValidationValidate(t *testing.T) {
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	good := Validation{Model: importedARN, Kind: PromptHandling, By: "risk@example.org", At: at, Expires: at.AddDate(1, 0, 0)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*Validation)
		want   string
	}{
		"of a profile":       {func(v *Validation) { v.Model = usSonnet }, "model"},
		"of a model's ARN":   {func(v *Validation) { v.Model = "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet }, "bare id"},
		"of nothing":         {func(v *Validation) { v.Model = "" }, "model"},
		"of another kind":    {func(v *Validation) { v.Kind = "vibes" }, "kind"},
		"by nobody":          {func(v *Validation) { v.By = "" }, "by"},
		"never attested":     {func(v *Validation) { v.At = time.Time{} }, "for ever"},
		"for ever":           {func(v *Validation) { v.Expires = time.Time{} }, "for ever"},
		"expired when given": {func(v *Validation) { v.Expires = v.At }, "for ever"},
	} {
		t.Run(name, func(t *testing.T) {
			v := good
			tt.change(&v)
			if err := v.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}

func TestProviderOf(t *testing.T) {
	for id, want := range map[string]string{sonnet: "anthropic", "moonshot.kimi-k2-thinking": "moonshotai", "moonshotai.kimi-k2.5": "moonshotai"} {
		if got := ProviderOf(id); got != want {
			t.Errorf("ProviderOf(%q) = %q, want %q", id, got, want)
		}
	}
}
