package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/rights"
)

// allowed is what a policy allows, as pairs of action and resource. It fails on
// anything that IAM would not read as exactly one pair each.
func allowed(t interface{ Fatalf(string, ...any) }, text string) map[[2]string]bool {
	var doc struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource any
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Version != "2012-10-17" {
		t.Fatalf("%v in %s", err, text)
	}
	list := func(v any) (out []string) {
		if s, ok := v.(string); ok {
			return []string{s}
		}
		for _, s := range v.([]any) {
			out = append(out, s.(string))
		}
		return out
	}
	out := map[[2]string]bool{}
	for _, s := range doc.Statement {
		if s.Effect != "Allow" {
			t.Fatalf("effect %q", s.Effect)
		}
		for _, action := range list(s.Action) {
			for _, resource := range list(s.Resource) {
				out[[2]string{action, resource}] = true
			}
		}
	}
	return out
}

// A session policy allows its legs and nothing else, whatever they are; or
// there is none.
func TestS3_ASessionPolicyIsExactlyTheLegs(t *testing.T) {
	odd := rapid.SampledFrom([]string{"a*", "a?", "${aws:userid}", "\x00", "\x7f", "\u0085", "\xff"})
	fine := rapid.OneOf(rapid.StringMatching(`[a-z0-9./:_-]{1,40}`), rapid.SampledFrom([]string{"$", "{}", "é", "日本", "😀", `"`, `\`, "<&>", "\u2028"}))
	leg := rapid.Custom(func(t *rapid.T) rights.Leg {
		l := rights.Leg{
			Action:   rapid.SampledFrom([]string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "s3:GetObject"}).Draw(t, "action"),
			Resource: rapid.SampledFrom([]string{"arn:aws:s3:::b/", "arn:aws:bedrock:us-east-1::foundation-model/"}).Draw(t, "start") + fine.Draw(t, "name"),
		}
		if rapid.IntRange(0, 19).Draw(t, "odd") == 0 {
			l.Resource += odd.Draw(t, "more")
		}
		return l
	})
	written := 0
	rapid.Check(t, func(t *rapid.T) {
		legs := rapid.SliceOfN(leg, 1, 8).Draw(t, "legs")
		text, err := SessionPolicy(legs)
		var unfit *PolicyError
		if errors.As(err, &unfit) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got := allowed(t, text)
		for _, l := range legs {
			if !got[[2]string{l.Action, l.Resource}] {
				t.Fatalf("%+v is not allowed by %s", l, text)
			}
		}
		for pair := range got {
			if !slices.ContainsFunc(legs, func(l rights.Leg) bool { return l.Action == pair[0] && l.Resource == pair[1] }) {
				t.Fatalf("%v is allowed, and no leg is about it", pair)
			}
		}
		if len(text) > SessionPolicyLimit || strings.ContainsAny(text, "*?\n") || strings.Contains(text, "${") || strings.ContainsFunc(text, func(c rune) bool { return c > '~' }) {
			t.Fatalf("AWS would not take it, or read more into it: %s", text)
		}
		written++
	})
	if written < 30 {
		t.Errorf("only %d policies were written", written)
	}
}

func TestS3_NoPatternGetsIntoASessionPolicy(t *testing.T) {
	const fine = "arn:aws:s3:::bucket/key"
	for name, l := range map[string]rights.Leg{
		"star":              {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/*"},
		"question mark":     {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/ke?"},
		"variable":          {Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/${aws:username}"},
		"everything":        {Action: "s3:GetObject", Resource: "*"},
		"no ARN":            {Action: "s3:GetObject", Resource: "bucket/key"},
		"half an ARN":       {Action: "s3:GetObject", Resource: "arn:aws:s3"},
		"control character": {Action: "s3:GetObject", Resource: fine + "\n"},
		"broken text":       {Action: "s3:GetObject", Resource: fine + "\xff"},
		"any action":        {Action: "*", Resource: fine},
		"actions":           {Action: "s3:Get*", Resource: fine},
		"no service":        {Action: "GetObject", Resource: fine},
		"no action":         {Action: "s3:", Resource: fine},
		"two actions":       {Action: "s3:GetObject,s3:PutObject", Resource: fine},
		"nothing":           {},
	} {
		var unfit *PolicyError
		if text, err := SessionPolicy([]rights.Leg{{Action: "s3:GetObject", Resource: fine}, l}); !errors.As(err, &unfit) {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if text, err := SessionPolicy(nil); err == nil {
		t.Errorf("no legs: %s", text)
	}
}

// Resources that are used alike share a statement, so that many fit.
func TestSessionPoliciesAreShort(t *testing.T) {
	text, err := SessionPolicy([]rights.Leg{
		{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1:1:inference-profile/p"},
		{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/m"},
		{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/m"},
		{Action: "bedrock:ApplyGuardrail", Resource: "arn:aws:bedrock:us-east-1:1:guardrail/g"},
	})
	const want = `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"bedrock:ApplyGuardrail","Resource":"arn:aws:bedrock:us-east-1:1:guardrail/g"},` +
		`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":["arn:aws:bedrock:us-east-1:1:inference-profile/p","arn:aws:bedrock:us-east-1::foundation-model/m"]}]}`
	if err != nil || text != want {
		t.Errorf("%v\n%s, want\n%s", err, text, want)
	}
	var unfit *PolicyError
	var many []rights.Leg
	for i := range 60 {
		many = append(many, rights.Leg{Action: "s3:GetObject", Resource: fmt.Sprintf("arn:aws:s3:::bucket/a/long/enough/key/%d", i)})
	}
	if _, err := SessionPolicy(many); !errors.As(err, &unfit) || unfit.Hint == "" || !strings.Contains(err.Error(), "2048") {
		t.Errorf("a policy that AWS would not take: %v", err)
	}
}

// Every profile of the catalogue, from everywhere, fits.
func TestEveryProfileFitsASession(t *testing.T) {
	n := 0
	for _, where := range everywhere(t) {
		legs, err := rights.Legs(where.Invocation, where.catalogue)
		if err != nil {
			continue
		}
		text, err := SessionPolicy(legs)
		if err != nil {
			t.Errorf("%s from %s: %v", where.ModelID, where.Region, err)
		}
		n = max(n, len(text))
	}
	if n == 0 {
		t.Fatal("there is no profile")
	}
	t.Logf("the longest policy has %d characters", n)
}
