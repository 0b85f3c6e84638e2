package rights

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
)

const reel = "amazon.nova-reel-v1:1"

func startOf(output bedrock.Output) Invocation {
	inv := call(reel)
	inv.Operation, inv.Caps = bedrock.StartAsyncInvoke, bedrock.Capabilities{Output: &output}
	return inv
}

func TestS3_AsyncLegs(t *testing.T) {
	inv := startOf(bedrock.Output{URI: "s3://out/x/", KMSKey: keyID, BucketOwner: account})
	inv.Caps.Tags, inv.Caps.KMSKeys, inv.Caps.S3 = []string{"a=b"}, []string{keyID}, []string{"s3://inputs/a"}
	got, err := Legs(inv, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	any := arnPrefix + "async-invoke/*"
	want := []Leg{
		{Kind: SourceLeg, Action: "bedrock:InvokeModel", Resource: foundation("us-east-1", reel), Region: "us-east-1", Model: reel},
		{Kind: AsyncLeg, Action: "bedrock:InvokeModel", Resource: any, Region: "us-east-1", Model: reel},
		{Kind: TagLeg, Action: "bedrock:TagResource", Resource: any, Region: "us-east-1", Model: reel},
		{Kind: OutputLeg, Action: "s3:PutObject", Resource: "arn:aws:s3:::out/x/*", Region: "us-east-1"},
		{Kind: ObjectLeg, Action: "s3:GetObject", Resource: "arn:aws:s3:::inputs/a", Region: "us-east-1"},
		{Kind: KeyLeg, Action: "kms:GenerateDataKey", Resource: "arn:aws:kms:us-east-1:111122223333:key/" + keyID, Region: "us-east-1"},
		{Kind: KeyLeg, Action: "kms:Decrypt", Resource: "arn:aws:kms:us-east-1:111122223333:key/" + keyID, Region: "us-east-1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	inv = call("amazon.nova-pro-v1:0")
	inv.Operation, inv.Target = bedrock.GetAsyncInvoke, arnPrefix+"async-invoke/abcdefghijk1"
	if got, err = Legs(inv, bedrock.Embedded()); err != nil || len(got) != 1 || got[0].Resource != inv.Target || got[0].Action != "bedrock:GetAsyncInvoke" || got[0].Model != "amazon.nova-pro-v1:0" {
		t.Errorf("reading: %+v, %v", got, err)
	}
	if inv.ModelID = "amazon.gone-v1:0"; true {
		if _, err := Legs(inv, bedrock.Embedded()); err == nil {
			t.Error("the model of an invocation is not in the catalogue, and no rule on families would see it")
		}
	}
	inv = call("")
	inv.Operation = bedrock.ListAsyncInvokes
	if got, err = Legs(inv, bedrock.Embedded()); err != nil || len(got) != 1 || got[0].Resource != any || got[0].Action != "bedrock:ListAsyncInvokes" {
		t.Errorf("listing: %+v, %v", got, err)
	}
}

func TestS3_OutputLocations(t *testing.T) {
	for uri, want := range map[string]string{
		"s3://out": "out/", "s3://out/": "out/", "s3://out/a": "out/a", "s3://out/a/": "out/a/", "s3://out/a b/c.d": "out/a b/c.d",
	} {
		if got, reason := OutputPath(uri); got != want || reason != "" {
			t.Errorf("OutputPath(%q) = %q, %q, want %q", uri, got, reason, want)
		}
	}
	for _, uri := range []string{"", "s3://", "s3:///a", "s3://o", "S3://out/", "s3://out//", "s3://out/a//", "s3://out//a", "s3://out/../x", "s3://out/..", "s3://out/./", "s3://out/*", "s3://out/a?", "s3://out/%2e%2e/", `s3://out/a\b`,
		"s3://out/${aws:username}/", "s3://out/a\x00", "s3://OUT/", "s3://a..b/", "arn:aws:s3:::out/x", "https://out.s3.amazonaws.com/", "s3://out/" + strings.Repeat("x", 1025)} {
		if path, reason := OutputPath(uri); reason == "" {
			t.Errorf("OutputPath(%q) = %q", uri, path)
		}
		if got, err := Legs(startOf(bedrock.Output{URI: uri}), bedrock.Embedded()); err == nil {
			t.Errorf("%q: resolved to %+v", uri, got)
		}
	}
	if _, err := Legs(startOf(bedrock.Output{URI: "s3://out/", BucketOwner: "444455556666"}), bedrock.Embedded()); err == nil || !strings.Contains(err.Error(), "444455556666") {
		t.Errorf("another account's bucket: %v", err)
	}
	inv := startOf(bedrock.Output{})
	inv.Caps.Output = nil
	if _, err := Legs(inv, bedrock.Embedded()); err == nil {
		t.Error("an answer that goes nowhere")
	}
}

func TestAsyncEntitlements(t *testing.T) {
	whole := Entitlement{ID: "e", Models: []string{reel}, Actions: []string{"StartAsyncInvoke", "TagResource"}, Conditions: Conditions{Outputs: []string{"s3://out/*", "s3://out/a", "s3://out/b/"}}}
	if err := whole.Validate(bedrock.Embedded()); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		change func(*Entitlement)
		want   string
	}{
		"no outputs":       {func(e *Entitlement) { e.Conditions.Outputs = nil }, "needs conditions.outputs"},
		"not started":      {func(e *Entitlement) { e.Actions = []string{"InvokeModel"} }, "without StartAsyncInvoke"},
		"tags of nothing":  {func(e *Entitlement) { e.Actions, e.Conditions.Outputs = []string{"TagResource"}, nil }, "nothing to tag"},
		"every bucket":     {func(e *Entitlement) { e.Conditions.Outputs = []string{"s3://*"} }, "whole bucket"},
		"buckets like one": {func(e *Entitlement) { e.Conditions.Outputs = []string{"s3://out*"} }, "whole bucket"},
		"star inside":      {func(e *Entitlement) { e.Conditions.Outputs = []string{"s3://out/*/x"} }, "wildcards"},
		"parent":           {func(e *Entitlement) { e.Conditions.Outputs = []string{"s3://out/../*"} }, "relative"},
		"empty":            {func(e *Entitlement) { e.Conditions.Outputs = []string{""} }, "outputs"},
		"twice":            {func(e *Entitlement) { e.Conditions.Outputs = []string{"s3://out/*", "s3://out/*"} }, "twice"},
	} {
		e := whole
		c.change(&e)
		if err := e.Validate(bedrock.Embedded()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want one about %q", name, err, c.want)
		}
	}
}
