package rights

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
)

// TestActionOfEveryOperation: the legs of the model carry the operation's own
// IAM action, whatever the operation.
func TestActionOfEveryOperation(t *testing.T) {
	want := map[bedrock.Operation]string{
		bedrock.Converse: "bedrock:InvokeModel", bedrock.ConverseStream: "bedrock:InvokeModelWithResponseStream",
		bedrock.InvokeModel: "bedrock:InvokeModel", bedrock.InvokeModelWithResponseStream: "bedrock:InvokeModelWithResponseStream",
		bedrock.ChatCompletions: "bedrock:InvokeModel", bedrock.ChatCompletionsStream: "bedrock:InvokeModelWithResponseStream",
		bedrock.CountTokens: "bedrock:CountTokens", bedrock.ApplyGuardrail: "bedrock:ApplyGuardrail",
	}
	for _, op := range bedrock.Operations() {
		if op.Async() || op.Bodiless() {
			continue // TestS3_AsyncLegs is about them
		}
		inv := call(sonnet)
		inv.Operation = op
		if !op.Invokes() {
			inv.ModelID, inv.Caps.Guardrail = "", &bedrock.Guardrail{ID: "abc", Version: "1"}
		}
		legs, err := Legs(inv, bedrock.Embedded())
		if err != nil || len(legs) != 1 || legs[0].Action != want[op] {
			t.Errorf("%s: %+v, %v; want the action %s", op, legs, err, want[op])
		}
	}
	inv := call(sonnet)
	for _, inv.Operation = range []bedrock.Operation{"", "InvokeAgent"} {
		if legs, err := Legs(inv, bedrock.Embedded()); err == nil {
			t.Errorf("%q has the legs %+v", inv.Operation, legs)
		}
	}
}

func TestTokensAreCountedForAModelOnly(t *testing.T) {
	for id, hint := range map[string]string{
		usSonnet: sonnet, arnPrefix + "inference-profile/" + usSonnet: sonnet, appProf: sonnet, imported: "foundation model", router: sonnet,
	} {
		inv := call(id)
		inv.Operation = bedrock.CountTokens
		_, err := Legs(inv, organisation(t))
		e, ok := errors.AsType[*UnresolvedError](err)
		if !ok || !strings.Contains(e.Hint, hint) {
			t.Errorf("%s: %v", id, err)
		}
	}
	inv := call(foundation("us-east-1", sonnet))
	inv.Operation = bedrock.CountTokens
	if legs, err := Legs(inv, organisation(t)); err != nil || len(legs) != 1 {
		t.Errorf("by the model's ARN: %+v, %v", legs, err)
	}
}

func TestS4_AppliedGuardrailHasANumber(t *testing.T) {
	inv := Invocation{Operation: bedrock.ApplyGuardrail, Region: "us-east-1", Account: account}
	for version, ok := range map[string]bool{"1": true, "12345678": true, "DRAFT": false, "": false, "1a": false, "123456789": false} {
		inv.Caps.Guardrail = &bedrock.Guardrail{ID: "abc", Version: version}
		legs, err := Legs(inv, bedrock.Embedded())
		if (err == nil) != ok {
			t.Errorf("version %q: %v", version, err)
		}
		want := []Leg{{Kind: GuardrailLeg, Action: "bedrock:ApplyGuardrail", Resource: arnPrefix + "guardrail/abc", Region: "us-east-1"}}
		if d := cmp.Diff(want, legs); ok && d != "" {
			t.Error(d)
		}
	}
	for _, g := range []*bedrock.Guardrail{nil, {}, {Version: "1"}, {ID: "a/b", Version: "1"}, {ID: "arn:aws:bedrock:us-east-1:999922223333:guardrail/abc", Version: "1"}} {
		inv.Caps.Guardrail = g
		if legs, err := Legs(inv, bedrock.Embedded()); err == nil {
			t.Errorf("%+v has the legs %+v", g, legs)
		}
	}
}

func TestActionsAndWhatTheyNeed(t *testing.T) {
	guardrails := Conditions{Guardrails: []string{guardrail + ":1"}}
	for name, c := range map[string]struct {
		e    Entitlement
		want string // empty: valid
	}{
		"a guardrail alone":       {Entitlement{Actions: []string{"ApplyGuardrail"}, Conditions: guardrails}, ""},
		"with models":             {Entitlement{Actions: []string{"ApplyGuardrail", "InvokeModel"}, Models: []string{sonnet}, Conditions: guardrails}, ""},
		"which guardrail":         {Entitlement{Actions: []string{"ApplyGuardrail"}}, "must name at least one"},
		"counting which model":    {Entitlement{Actions: []string{"CountTokens"}}, "models is required"},
		"both without a model":    {Entitlement{Actions: []string{"CountTokens", "ApplyGuardrail"}, Conditions: guardrails}, "models is required"},
		"no actions and no model": {Entitlement{}, "models is required"},
		"twice":                   {Entitlement{Actions: []string{"CountTokens", "CountTokens"}, Models: []string{sonnet}}, "named twice"},
		"an operation's name":     {Entitlement{Actions: []string{"Converse"}, Models: []string{sonnet}}, "want one of"},
		"nobody's":                {Entitlement{Actions: []string{"InvokeAgent"}}, "want one of"},
	} {
		c.e.ID = "e"
		err := c.e.Validate(organisation(t))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
