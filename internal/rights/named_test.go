package rights

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
)

const keyID = "1234abcd-12ab-34cd-56ef-1234567890ab"

// TestS3_EveryNamedResourceIsALeg holds that nothing a body names is used
// without a right of its own.
func TestS3_EveryNamedResourceIsALeg(t *testing.T) {
	inv := call("amazon.nova-pro-v1:0")
	inv.Caps = bedrock.Capabilities{
		Guardrail:   &bedrock.Guardrail{ID: "gr0001", Version: "DRAFT"},
		SystemTools: []string{"nova_grounding"},
		S3:          []string{"s3://finance-docs/2026/invoice 7.pdf", "s3://finance-docs/2026/invoice 7.pdf"},
		KMSKeys:     []string{keyID},
	}
	got, err := Legs(inv, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	want := []Leg{
		{Kind: GuardrailLeg, Action: "bedrock:ApplyGuardrail", Resource: arnPrefix + "guardrail/gr0001", Region: "us-east-1"},
		{Kind: SystemToolLeg, Action: "bedrock:InvokeTool", Resource: "arn:aws:bedrock::111122223333:system-tool/nova_grounding", Region: "us-east-1"},
		{Kind: ObjectLeg, Action: "s3:GetObject", Resource: "arn:aws:s3:::finance-docs/2026/invoice 7.pdf", Region: "us-east-1"},
		{Kind: KeyLeg, Action: "kms:GenerateDataKey", Resource: "arn:aws:kms:us-east-1:111122223333:key/" + keyID, Region: "us-east-1"},
	}
	if d := cmp.Diff(want, got[1:]); d != "" {
		t.Error(d)
	}
	if got[0].Kind != SourceLeg {
		t.Errorf("first leg %+v, want the model's", got[0])
	}
}

func TestNamedByARN(t *testing.T) {
	inv := call("amazon.nova-pro-v1:0")
	inv.Caps.Guardrail = &bedrock.Guardrail{ID: arnPrefix + "guardrail/gr0001", Version: "1"}
	inv.Caps.KMSKeys = []string{"arn:aws:kms:us-east-1:111122223333:key/" + keyID}
	legs, err := Legs(inv, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{foundation("us-east-1", "amazon.nova-pro-v1:0"), arnPrefix + "guardrail/gr0001", "arn:aws:kms:us-east-1:111122223333:key/" + keyID}
	if d := cmp.Diff(want, resources(legs)); d != "" {
		t.Error(d)
	}
}

func TestS3_NamedResourceRefused(t *testing.T) {
	guardrail := func(id string) bedrock.Capabilities {
		return bedrock.Capabilities{Guardrail: &bedrock.Guardrail{ID: id, Version: "1"}}
	}
	tool := func(name string) bedrock.Capabilities { return bedrock.Capabilities{SystemTools: []string{name}} }
	object := func(uri string) bedrock.Capabilities { return bedrock.Capabilities{S3: []string{uri}} }
	key := func(name string) bedrock.Capabilities { return bedrock.Capabilities{KMSKeys: []string{name}} }
	many := make([]string, maxNamed+1)
	for i := range many {
		many[i] = fmt.Sprintf("s3://bucket/%d", i)
	}
	tests := []struct {
		name   string
		caps   bedrock.Capabilities
		reason string
	}{
		{"guardrail without id", guardrail(""), "no valid id"},
		{"guardrail with a path", guardrail("gr/../x"), "no valid id"},
		{"guardrail with a wildcard", guardrail("*"), "no valid id"},
		{"guardrail of another account", guardrail("arn:aws:bedrock:us-east-1:444455556666:guardrail/gr1"), "in account 444455556666"},
		{"guardrail of another region", guardrail("arn:aws:bedrock:us-west-2:111122223333:guardrail/gr1"), "in region us-west-2"},
		{"guardrail without account", guardrail("arn:aws:bedrock:us-east-1::guardrail/gr1"), "not one"},
		{"guardrail profile", guardrail(arnPrefix + "guardrail-profile/us.guardrail.v1:0"), "not one"},
		{"another resource as a guardrail", guardrail(arnPrefix + "imported-model/x"), "not one"},

		{"tool without name", tool(""), "no valid name"},
		{"tool with a wildcard", tool("*"), "no valid name"},
		{"tool with a path", tool("a/b"), "no valid name"},

		{"other scheme", object("https://bucket/key"), "s3://"},
		{"upper-case scheme", object("S3://bucket/key"), "s3://"},
		{"no bucket", object("s3:///key"), "valid bucket"},
		{"short bucket", object("s3://ab/key"), "valid bucket"},
		{"upper-case bucket", object("s3://Bucket/key"), "valid bucket"},
		{"bucket of dots", object("s3://a..b/key"), "valid bucket"},
		{"bucket wildcard", object("s3://buck*/key"), "valid bucket"},
		{"no key", object("s3://bucket"), "valid key"},
		{"empty key", object("s3://bucket/"), "valid key"},
		{"long key", object("s3://bucket/" + strings.Repeat("a", 1025)), "valid key"},
		{"parent", object("s3://bucket/a/../b"), "relative"},
		{"parent at the end", object("s3://bucket/a/.."), "relative"},
		{"here", object("s3://bucket/./a"), "relative"},
		{"empty segment", object("s3://bucket/a//b"), "empty"},
		{"leading slash", object("s3://bucket//b"), "empty"},
		{"folder", object("s3://bucket/a/"), "empty"},
		{"wildcard", object("s3://bucket/a*"), "wildcards"},
		{"single wildcard", object("s3://bucket/a?"), "wildcards"},
		{"policy variable", object("s3://bucket/${aws:username}"), "variables"},
		{"percent escape", object("s3://bucket/%2e%2e/a"), "escapes"},
		{"backslash", object(`s3://bucket/a\b`), "escapes"},
		{"control character", object("s3://bucket/a\nb"), "control"},
		{"next line", object("s3://bucket/a\u0085b"), "control"},
		{"broken UTF-8", object("s3://bucket/a\xff"), "control"},
		{"too many", bedrock.Capabilities{S3: many}, "may name 64"},

		{"alias", key("alias/mine"), "no valid id"},
		{"alias ARN", key("arn:aws:kms:us-east-1:111122223333:alias/mine"), "not a key's"},
		{"key of another account", key("arn:aws:kms:us-east-1:444455556666:key/" + keyID), "in account 444455556666"},
		{"key wildcard", key("*"), "no valid id"},
		{"key of another service", key("arn:aws:s3:us-east-1:111122223333:key/" + keyID), "not a key's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inv := call("amazon.nova-pro-v1:0")
			inv.Caps = tt.caps
			wantUnresolved(t, inv, tt.reason, "")
		})
	}
}

// FuzzObjectPath holds that an accepted URI has one spelling and nothing that
// IAM reads as more than a name.
func FuzzObjectPath(f *testing.F) {
	for _, s := range []string{"s3://bucket/key", "s3://bucket/a/../b", "s3://b", "s3://bucket/é", "x", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		path, reason := ObjectPath(uri)
		if (path == "") != (reason != "") {
			t.Fatalf("ObjectPath(%q) = %q, %q", uri, path, reason)
		}
		if reason == "" && ("s3://"+path != uri || strings.ContainsAny(path, "*?%\\\x00\n") || strings.Contains(path+"/", "/../")) {
			t.Errorf("ObjectPath(%q) = %q", uri, path)
		}
	})
}
