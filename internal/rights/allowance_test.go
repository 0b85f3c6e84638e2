package rights

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
)

func TestAllowancesAreTheLegsAndNothingElse(t *testing.T) {
	at := Place{Account: "111122223333", Partition: "aws", Regions: []string{"us-east-1"}}
	cat := bedrock.Embedded()
	guard := "arn:aws:bedrock:us-east-1:111122223333:guardrail/abc123"
	got := Allowances([]Entitlement{{ID: "e", Models: []string{"us.amazon.nova-lite-v1:0"}, Conditions: Conditions{
		Guardrails: []string{guard + ":3"}, Objects: []string{"s3://bucket/in/*"},
	}}}, cat, at)
	const model = "::foundation-model/amazon.nova-lite-v1:0"
	if !slices.Contains(got["bedrock:InvokeModel"], "arn:aws:bedrock:us-east-1"+model) ||
		!slices.Contains(got["bedrock:InvokeModel"], "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-lite-v1:0") {
		t.Errorf("the profile's legs are not there: %v", got)
	}
	if diff := cmp.Diff(got["bedrock:InvokeModel"], got["bedrock:InvokeModelWithResponseStream"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string][]string{"g": {guard}, "s": {"arn:aws:s3:::bucket/in/*"}},
		map[string][]string{"g": got["bedrock:ApplyGuardrail"], "s": got["s3:GetObject"]}); diff != "" {
		t.Error(diff)
	}
	for _, resources := range got {
		for _, r := range resources {
			if strings.Contains(r, "foundation-model/") && !strings.HasSuffix(r, model) {
				t.Errorf("%s is of another model", r)
			}
		}
	}
	if got := Allowances(nil, cat, at); len(got) != 0 {
		t.Errorf("nothing held, and %v allowed", got)
	}
	family := Allowances([]Entitlement{{ID: "e", Models: []string{"family:amazon.nova"}}}, cat, at)["bedrock:InvokeModel"]
	for _, r := range family {
		if strings.Contains(r, "*") || !strings.Contains(r, "amazon.nova") {
			t.Errorf("the family's allowance is %s", r)
		}
	}
	if len(family) < 3 {
		t.Errorf("the family has %d resources", len(family))
	}
}
