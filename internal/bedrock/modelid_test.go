package bedrock

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const account = "111122223333"

func TestParseModelIDReadsEveryDocumentedForm(t *testing.T) {
	home := func(kind RefKind, id string) ModelRef {
		return ModelRef{Kind: kind, Partition: "aws", Region: "us-east-1", Account: account, ID: id}
	}
	tests := []struct {
		in        string
		want      ModelRef
		catalogue string // empty: the input itself
	}{
		{in: "amazon.nova-pro-v1:0", want: ModelRef{Kind: FoundationRef, ID: "amazon.nova-pro-v1:0"}},
		{in: "openai.gpt-5.6-sol", want: ModelRef{Kind: FoundationRef, ID: "openai.gpt-5.6-sol"}},
		{in: "anthropic.claude-3-sonnet-20240229-v1:0:200k", want: ModelRef{Kind: FoundationRef, ID: "anthropic.claude-3-sonnet-20240229-v1:0:200k"}},
		{in: "us.anthropic.claude-opus-5", want: ModelRef{Kind: ProfileRef, ID: "us.anthropic.claude-opus-5"}},
		{in: "us-gov.anthropic.claude-sonnet-5", want: ModelRef{Kind: ProfileRef, ID: "us-gov.anthropic.claude-sonnet-5"}},
		{in: "global.xai.grok-4.6", want: ModelRef{Kind: ProfileRef, ID: "global.xai.grok-4.6"}},
		{in: "us.short", want: ModelRef{Kind: FoundationRef, ID: "us.short"}}, // no model follows the prefix
		{
			in:        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
			want:      ModelRef{Kind: FoundationRef, Partition: "aws", Region: "us-east-1", ID: "amazon.nova-pro-v1:0"},
			catalogue: "amazon.nova-pro-v1:0",
		},
		{
			in:        "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/us-gov.anthropic.claude-sonnet-5",
			want:      ModelRef{Kind: ProfileRef, Partition: "aws-us-gov", Region: "us-gov-west-1", Account: account, ID: "us-gov.anthropic.claude-sonnet-5"},
			catalogue: "us-gov.anthropic.claude-sonnet-5",
		},
		{in: "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6", want: home(ApplicationProfileRef, "a1b2c3d4e5f6")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/a1b2c3d4e5f6", want: home(ProvisionedRef, "a1b2c3d4e5f6")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0:300k/a1b2c3d4e5f6", want: home(CustomModelRef, "amazon.nova-lite-v1:0:300k/a1b2c3d4e5f6")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/a1b2c3d4e5f6", want: home(CustomDeploymentRef, "a1b2c3d4e5f6")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001", want: home(ImportedRef, "pricing0001")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ", want: home(PromptRef, "ABCDEFGHIJ")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ:12", want: home(PromptRef, "ABCDEFGHIJ:12")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:prompt-router/a1b2c3d4e5f6", want: home(PromptRouterRef, "a1b2c3d4e5f6")},
		{in: "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1", want: home(DefaultPromptRouterRef, "anthropic.claude:1")},
		{in: "arn:aws:sagemaker:us-east-1:111122223333:endpoint/My-Endpoint", want: home(MarketplaceEndpointRef, "My-Endpoint")},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseModelID(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if got.String() != tt.in {
				t.Errorf("String() = %q", got.String())
			}
			if tt.catalogue == "" {
				tt.catalogue = tt.in
			}
			if got.CatalogueID() != tt.catalogue {
				t.Errorf("CatalogueID() = %q, want %q", got.CatalogueID(), tt.catalogue)
			}
		})
	}
}

func TestS1_OtherFormsOfModelIDRefused(t *testing.T) {
	for name, in := range map[string]string{
		"empty":                     "",
		"no provider":               "claude",
		"provisioned by name":       "my-provisioned-model",
		"upper case":                "Anthropic.claude-v2",
		"upper case ARN id":         "arn:aws:bedrock:us-east-1::foundation-model/Amazon.nova-pro-v1:0",
		"wildcard":                  "amazon.nova-*",
		"wildcard ARN":              "arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0",
		"question mark":             "amazon.nova-pr?-v1:0",
		"path":                      "amazon.nova-pro-v1:0/../x",
		"dot segment":               "amazon..nova",
		"leading dot":               ".amazon.nova",
		"trailing dot":              "amazon.nova.",
		"trailing colon":            "amazon.nova:",
		"leading hyphen":            "-amazon.nova",
		"colon before dot":          "amazon:nova.pro",
		"percent":                   "amazon.nova%2dpro",
		"newline":                   "amazon.nova-pro-v1:0\n",
		"nul":                       "amazon.nova\x00pro",
		"non-ASCII":                 "amazon.nоva-pro-v1:0", // Cyrillic о
		"space":                     "amazon.nova pro",
		"backslash":                 `amazon\nova.pro`,
		"too long":                  "amazon." + strings.Repeat("a", 2048),
		"long segment":              "amazon." + strings.Repeat("a", 64),
		"unknown partition":         "arn:aws-x:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
		"region-less":               "arn:aws:bedrock:::foundation-model/amazon.nova-pro-v1:0",
		"no region form":            "arn:aws:bedrock:useast1::foundation-model/amazon.nova-pro-v1:0",
		"account on foundation":     "arn:aws:bedrock:us-east-1:111122223333:foundation-model/amazon.nova-pro-v1:0",
		"no account":                "arn:aws:bedrock:us-east-1::imported-model/a1b2c3d4e5f6",
		"short account":             "arn:aws:bedrock:us-east-1:1111:imported-model/a1b2c3d4e5f6",
		"aws account":               "arn:aws:bedrock:us-east-1:aws:imported-model/a1b2c3d4e5f6",
		"other service":             "arn:aws:bedrock-mantle:us-east-1:111122223333:project/a1b2c3d4e5f6",
		"other resource":            "arn:aws:bedrock:us-east-1:111122223333:guardrail/a1b2c3d4e5f6",
		"agent":                     "arn:aws:bedrock:us-east-1:111122223333:agent/ABCDEFGHIJ",
		"endpoint of bedrock":       "arn:aws:bedrock:us-east-1:111122223333:endpoint/x",
		"imported of sagemaker":     "arn:aws:sagemaker:us-east-1:111122223333:imported-model/a1b2c3d4e5f6",
		"no id":                     "arn:aws:bedrock:us-east-1:111122223333:imported-model",
		"empty id":                  "arn:aws:bedrock:us-east-1:111122223333:imported-model/",
		"nested id":                 "arn:aws:bedrock:us-east-1:111122223333:imported-model/a/b",
		"upper-case opaque id":      "arn:aws:bedrock:us-east-1:111122223333:imported-model/ABC",
		"prompt too short":          "arn:aws:bedrock:us-east-1:111122223333:prompt/ABC",
		"prompt draft":              "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ:DRAFT",
		"prompt empty version":      "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ:",
		"custom model without base": "arn:aws:bedrock:us-east-1:111122223333:custom-model/a1b2c3d4e5f6",
		"five parts":                "arn:aws:bedrock:us-east-1:111122223333",
		"upper-case arn":            "ARN:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
	} {
		t.Run(name, func(t *testing.T) {
			if ref, err := ParseModelID(in); err == nil {
				t.Errorf("ParseModelID(%q) = %+v, want an error", in, ref)
			}
		})
	}
}

func TestModelRefARN(t *testing.T) {
	for _, tt := range []struct{ id, region, want string }{
		{"amazon.nova-pro-v1:0", "us-east-1", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"},
		{"us.amazon.nova-pro-v1:0", "us-east-1", "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-pro-v1:0"},
		{"us-gov.anthropic.claude-sonnet-5", "us-gov-west-1", "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/us-gov.anthropic.claude-sonnet-5"},
		{"arn:aws:sagemaker:us-east-1:444455556666:endpoint/E", "us-west-2", "arn:aws:sagemaker:us-east-1:444455556666:endpoint/E"},
	} {
		ref, err := ParseModelID(tt.id)
		if err != nil {
			t.Fatal(err)
		}
		if got := ref.ARN(tt.region, account); got != tt.want {
			t.Errorf("%s: ARN = %q, want %q", tt.id, got, tt.want)
		}
	}
}

// FuzzParseModelID holds that what is accepted is written back unchanged, has
// an ARN that is accepted too, and carries nothing that a policy or a path
// would read as more than a name.
func FuzzParseModelID(f *testing.F) {
	for _, s := range []string{
		"amazon.nova-pro-v1:0", "us.anthropic.claude-opus-5", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
		"arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001", "arn:aws:bedrock:us-east-1:111122223333:prompt/ABCDEFGHIJ:12",
		"arn:aws:sagemaker:us-east-1:111122223333:endpoint/My-Endpoint", "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-lite-v1:0/a1b2",
		"", "arn:", "a.b/../c", "A.b", "a.*",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseModelID(s)
		if err != nil {
			return
		}
		if ref.String() != s {
			t.Errorf("String() = %q, want %q", ref.String(), s)
		}
		if strings.ContainsAny(s, "*?%$\\ \x00\r\n") || strings.Contains(s, "..") || len(s) > 2048 {
			t.Errorf("%q was accepted", s)
		}
		full, err := ParseModelID(ref.ARN("us-east-1", account))
		if err != nil {
			t.Fatalf("ARN %q: %v", ref.ARN("us-east-1", account), err)
		}
		if full.CatalogueID() != ref.CatalogueID() || full.Kind != ref.Kind {
			t.Errorf("%q and its ARN %q are listed differently", s, full)
		}
	})
}
