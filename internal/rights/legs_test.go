package rights

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
)

const (
	account   = "111122223333"
	sonnet    = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	usSonnet  = "us." + sonnet
	arnPrefix = "arn:aws:bedrock:us-east-1:" + account + ":"
	imported  = arnPrefix + "imported-model/pricing0001"
	appProf   = arnPrefix + "application-inference-profile/a1b2c3d4e5f6"
	router    = arnPrefix + "prompt-router/a1b2c3d4e5f6"
	endpoint  = "arn:aws:sagemaker:us-east-1:" + account + ":endpoint/My-Endpoint"
	provision = arnPrefix + "provisioned-model/a1b2c3d4e5f6"
)

// organisation is the embedded catalogue with one of everything an account
// can have of its own.
func organisation(t testing.TB) *bedrock.Catalogue {
	t.Helper()
	llama := "meta.llama3-1-70b-instruct-v1:0"
	cat, err := bedrock.Embedded().With([]bedrock.Model{
		{ID: imported, Base: llama, Regions: []string{"us-east-1"}},
		{ID: endpoint, Base: llama, Regions: []string{"us-east-1"}},
		{ID: provision, Base: sonnet, Regions: []string{"us-west-2", "us-east-1"}},
	}, []bedrock.Profile{
		{ID: appProf, Model: sonnet, Destinations: map[string][]string{"us-east-1": {"us-east-1", "us-west-2"}}},
		{ID: router, Model: sonnet, Routes: []string{"anthropic.claude-3-haiku-20240307-v1:0"}, Destinations: map[string][]string{"us-east-1": {"us-east-1"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func call(model string) Invocation {
	return Invocation{Operation: bedrock.Converse, ModelID: model, Region: "us-east-1", Account: account}
}

func foundation(region, model string) string {
	return "arn:aws:bedrock:" + region + "::foundation-model/" + model
}

// TestGeographicProfile is the worked example of AWS's documentation: the
// profile, the model where it is called, and the model in each other region.
func TestGeographicProfile(t *testing.T) {
	want := []Leg{
		{Kind: ProfileLeg, Resource: arnPrefix + "inference-profile/" + usSonnet, Region: "us-east-1", Profile: usSonnet},
		{Kind: SourceLeg, Resource: foundation("us-east-1", sonnet), Region: "us-east-1", Model: sonnet, Profile: usSonnet},
		{Kind: DestinationLeg, Resource: foundation("us-east-2", sonnet), Region: "us-east-2", Model: sonnet, Profile: usSonnet},
		{Kind: DestinationLeg, Resource: foundation("us-west-2", sonnet), Region: "us-west-2", Model: sonnet, Profile: usSonnet},
	}
	for operation, action := range map[bedrock.Operation]string{
		bedrock.Converse: "bedrock:InvokeModel", bedrock.InvokeModel: "bedrock:InvokeModel",
		bedrock.ConverseStream:                "bedrock:InvokeModelWithResponseStream",
		bedrock.InvokeModelWithResponseStream: "bedrock:InvokeModelWithResponseStream",
	} {
		for i := range want {
			want[i].Action = action
		}
		for _, named := range []string{usSonnet, arnPrefix + "inference-profile/" + usSonnet} {
			inv := call(named)
			inv.Operation = operation
			got, err := Legs(inv, bedrock.Embedded())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s %s: %s", operation, named, d)
			}
		}
	}
}

func TestModelLegs(t *testing.T) {
	invoke := "bedrock:InvokeModel"
	nova := "amazon.nova-pro-v1:0"
	haiku := "anthropic.claude-3-haiku-20240307-v1:0"
	source := func(model, profile string) Leg {
		return Leg{Kind: SourceLeg, Action: invoke, Resource: foundation("us-east-1", model), Region: "us-east-1", Model: model, Profile: profile}
	}
	tests := []struct {
		name, model string
		want        []Leg
	}{
		{"foundation model", nova, []Leg{source(nova, "")}},
		{"foundation model by ARN", foundation("us-east-1", nova), []Leg{source(nova, "")}},
		{"global profile", "global." + sonnet, []Leg{
			{Kind: ProfileLeg, Action: invoke, Resource: arnPrefix + "inference-profile/global." + sonnet, Region: "us-east-1", Profile: "global." + sonnet},
			source(sonnet, "global."+sonnet),
			{Kind: GlobalLeg, Action: invoke, Resource: "arn:aws:bedrock:::foundation-model/" + sonnet, Region: "unspecified", Model: sonnet, Profile: "global." + sonnet},
		}},
		{"application profile", appProf, []Leg{
			{Kind: ProfileLeg, Action: invoke, Resource: appProf, Region: "us-east-1", Profile: appProf},
			source(sonnet, appProf),
			{Kind: DestinationLeg, Action: invoke, Resource: foundation("us-west-2", sonnet), Region: "us-west-2", Model: sonnet, Profile: appProf},
		}},
		{"prompt router: every model it may choose", router, []Leg{
			{Kind: ProfileLeg, Action: invoke, Resource: router, Region: "us-east-1", Profile: router},
			source(sonnet, router), source(haiku, router),
		}},
		{"imported model", imported, []Leg{{Kind: CustomLeg, Action: invoke, Resource: imported, Region: "us-east-1", Model: imported}}},
		{"marketplace endpoint: IAM's fixed resource", endpoint, []Leg{
			{Kind: CustomLeg, Action: invoke, Resource: arnPrefix + "marketplace/model-endpoint/all-access", Region: "us-east-1", Model: endpoint},
		}},
		{"provisioned model: every region it may run in", provision, []Leg{
			{Kind: CustomLeg, Action: invoke, Resource: provision, Region: "us-east-1", Model: provision},
			{Kind: CustomLeg, Action: invoke, Resource: provision, Region: "us-west-2", Model: provision},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Legs(call(tt.model), organisation(t))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestGovCloudIsItsOwnPartition(t *testing.T) {
	inv := call("us-gov." + sonnet)
	inv.Region = "us-gov-east-1"
	got, err := Legs(inv, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"arn:aws-us-gov:bedrock:us-gov-east-1:111122223333:inference-profile/us-gov." + sonnet,
		"arn:aws-us-gov:bedrock:us-gov-east-1::foundation-model/" + sonnet,
		"arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/" + sonnet,
	}
	if d := cmp.Diff(want, resources(got)); d != "" {
		t.Error(d)
	}
}

func resources(legs []Leg) []string {
	out := make([]string, len(legs))
	for i, l := range legs {
		out[i] = l.Resource
	}
	return out
}

// TestS1_UnresolvableRefused lists what is refused before any policy is asked.
func TestS1_UnresolvableRefused(t *testing.T) {
	in := func(model string, change func(*Invocation)) Invocation { inv := call(model); change(&inv); return inv }
	region := func(r string) func(*Invocation) { return func(i *Invocation) { i.Region = r } }
	tests := []struct {
		name   string
		inv    Invocation
		reason string
		hint   string
	}{
		{"unknown model", call("amazon.nova-pr-v1:0"), "does not list", `did you mean "amazon.nova-pro-v1:0"?`},
		{"unknown model far from any", call("acme.model"), "does not list", "writ apply"},
		{"malformed", call("amazon.nova-*"), "want provider.model", ""},
		{"context variant", call("anthropic.claude-3-sonnet-20240229-v1:0:200k"), "does not list", ""},
		{"unknown profile", call("us.acme.model"), "does not list", "writ apply"},
		{"model as a profile's ARN", call(arnPrefix + "inference-profile/amazon.nova-pro-v1:0"), "does not list", ""},
		{"profile as a model's ARN", call(foundation("us-east-1", usSonnet)), "does not list", ""},
		{"profile without destinations", call("us.anthropic.claude-opus-5"), "not known", "GetInferenceProfile"},
		{"profile from another source", in(usSonnet, region("eu-west-1")), "from eu-west-1 is not known", "call a region it lists"},
		{"application profile not listed", call(arnPrefix + "application-inference-profile/zzzz"), "does not list", "Profile"},
		{"router not listed", call(arnPrefix + "prompt-router/zzzz"), "does not list", "Profile"},
		{"default router not listed", call(arnPrefix + "default-prompt-router/anthropic.claude:1"), "does not list", "Profile"},
		{"imported model not listed", call(arnPrefix + "imported-model/zzzz"), "base model and regions are unknown", "Model"},
		{"provisioned model not listed", call(arnPrefix + "provisioned-model/zzzz"), "base model and regions are unknown", "Model"},
		{"deployment not listed", call(arnPrefix + "custom-model-deployment/zzzz"), "base model and regions are unknown", "Model"},
		{"endpoint not listed", call(endpoint + "x"), "base model and regions are unknown", "Model"},
		{"custom model", call(arnPrefix + "custom-model/amazon.nova-lite-v1:0/abc"), "deployment", "that ARN"},
		{"managed prompt", call(arnPrefix + "prompt/ABCDEFGHIJ:1"), "chooses the model inside", "the model itself"},
		{"model of another region", call(foundation("us-west-2", "amazon.nova-pro-v1:0")), "in region us-west-2, the call in us-east-1", ""},
		{"model of another partition", call("arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0"), "in partition aws-us-gov", ""},
		{"profile of another account", call("arn:aws:bedrock:us-east-1:444455556666:inference-profile/" + usSonnet), "in account 444455556666", ""},
		{"imported model of another account", call("arn:aws:bedrock:us-east-1:444455556666:imported-model/pricing0001"), "in account 444455556666", ""},
		{"imported model from another region", in(imported, region("us-west-2")), "in region us-east-1, the call in us-west-2", ""},
		{"no region", in(usSonnet, region("")), "region called", ""},
		{"region that is none", in(usSonnet, region("us-east-1:x")), "region called", ""},
		{"no account", in(usSonnet, func(i *Invocation) { i.Account = "" }), "account", "configure"},
		{"partition that is not the region's", in(usSonnet, func(i *Invocation) { i.Partition = "aws-cn" }), "not in partition", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantUnresolved(t, tt.inv, tt.reason, tt.hint) })
	}
}

// wantUnresolved holds that an invocation is refused, with no legs, for a
// reason and with a hint.
func wantUnresolved(t *testing.T, inv Invocation, reason, hint string) {
	t.Helper()
	legs, err := Legs(inv, organisation(t))
	if legs != nil {
		t.Errorf("legs beside an error: %v", legs)
	}
	var u *UnresolvedError
	if !errors.As(err, &u) {
		t.Fatalf("error %v, want an UnresolvedError", err)
	}
	if !strings.Contains(u.Reason, reason) || !strings.Contains(u.Hint, hint) || u.ModelID != inv.ModelID {
		t.Errorf("%+v, want a reason about %q and a hint about %q", u, reason, hint)
	}
}

// TestEveryDestinationIsExactlyOneLeg walks every profile of the tables from
// every source: the possible regions of the legs are the source and the
// destinations, each once, and no leg occurs twice.
func TestEveryDestinationIsExactlyOneLeg(t *testing.T) {
	for _, p := range bedrock.Embedded().Profiles() {
		for source, to := range p.Destinations {
			inv := call(p.ID)
			inv.Region = source
			legs, err := Legs(inv, bedrock.Embedded())
			if err != nil {
				t.Fatalf("%s from %s: %v", p.ID, source, err)
			}
			seen := map[string]int{}
			for _, l := range legs[1:] {
				seen[l.Region]++
				if l.Model != p.Model || l.Profile != p.ID || !strings.Contains(l.Resource, ":"+l.Region+"::foundation-model/"+p.Model) {
					t.Errorf("%s from %s: leg %+v", p.ID, source, l)
				}
			}
			want := map[string]int{source: 1}
			for _, region := range to {
				want[region] = 1
			}
			if d := cmp.Diff(want, seen); d != "" {
				t.Errorf("%s from %s: %s", p.ID, source, d)
			}
		}
	}
}

// TestLegsOfAnyProfile does the same for tables that nobody wrote, and holds
// that the answer is the same twice.
func TestLegsOfAnyProfile(t *testing.T) {
	regions := []string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-west-1"}
	rapid.Check(t, func(t *rapid.T) {
		to := rapid.SliceOfNDistinct(rapid.SampledFrom(regions), 1, len(regions), rapid.ID).Draw(t, "destinations")
		source := rapid.SampledFrom(regions).Draw(t, "source")
		cat, err := bedrock.Embedded().With(nil, []bedrock.Profile{{ID: usSonnet, Destinations: map[string][]string{source: to}}})
		if err != nil {
			t.Fatal(err)
		}
		inv := call(usSonnet)
		inv.Region = source
		legs, err := Legs(inv, cat)
		if err != nil {
			t.Fatal(err)
		}
		want := len(to) + 1
		if !slices.Contains(to, source) {
			want++
		}
		if len(legs) != want || legs[0].Kind != ProfileLeg || legs[1].Kind != SourceLeg {
			t.Fatalf("%d legs for %v from %s: %v", len(legs), to, source, legs)
		}
		again, err := Legs(inv, cat)
		if err != nil || !slices.Equal(legs, again) {
			t.Fatalf("another answer: %v, %v", again, err)
		}
	})
}

// FuzzLegs holds that whatever is resolved lies in the call's account and
// partition and names no wildcard, and that everything else is an
// UnresolvedError.
func FuzzLegs(f *testing.F) {
	f.Add(usSonnet, "us-east-1", "gr1", "web_search", "s3://bucket/key", "")
	f.Add(imported, "us-east-1", "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1", "", "s3://b/../x", "k")
	f.Add("", "", "", "", "", "")
	cat := organisation(f)
	f.Fuzz(func(t *testing.T, model, region, guardrail, tool, uri, key string) {
		inv := Invocation{Operation: bedrock.ConverseStream, ModelID: model, Region: region, Account: account}
		inv.Caps.Guardrail = &bedrock.Guardrail{ID: guardrail}
		for list, s := range map[*[]string]string{&inv.Caps.SystemTools: tool, &inv.Caps.S3: uri, &inv.Caps.KMSKeys: key} {
			if s != "" {
				*list = []string{s}
			}
		}
		legs, err := Legs(inv, cat)
		var u *UnresolvedError
		if err != nil {
			if !errors.As(err, &u) || legs != nil {
				t.Errorf("%v beside %v", err, legs)
			}
			return
		}
		for _, l := range legs {
			parts := strings.SplitN(l.Resource, ":", 6)
			if len(parts) != 6 || parts[0] != "arn" || parts[1] != bedrock.PartitionOf(region) || parts[4] != "" && parts[4] != account {
				t.Errorf("leg %+v is not of this account", l)
			}
			if strings.ContainsAny(l.Resource, "*?\x00\n") || strings.Contains(l.Resource, "${") || strings.Contains(l.Resource, "/../") {
				t.Errorf("leg %+v names a wildcard or a path", l)
			}
		}
	})
}

func BenchmarkLegs(b *testing.B) {
	cat := organisation(b)
	for name, inv := range map[string]Invocation{"profile": call(usSonnet), "model": call(sonnet), "imported": call(imported)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Legs(inv, cat); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
