package awsiam

import (
	"strings"
	"testing"
)

func TestActionsAreBlindToCase(t *testing.T) {
	for _, x := range []struct {
		pattern, action string
		want            bool
	}{
		{"bedrock:InvokeModel", "bedrock:InvokeModel", true},
		{"BEDROCK:invokemodel", "bedrock:InvokeModel", true},
		{"bedrock:InvokeModel", "Bedrock:INVOKEMODEL", true},
		{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", false},
		{"bedrock:Invoke*", "bedrock:INVOKEmodel", true},
		{"bedrock:*Model*", "bedrock:InvokeModelWithResponseStream", true},
		{"bedrock:?nvokeModel", "bedrock:InvokeModel", true},
		{"bedrock:?InvokeModel", "bedrock:InvokeModel", false},
		{"bedrock:*", "bedrock-agentcore:InvokeAgentRuntime", false},
		{"bedrock:*", "bedrock:Rerank", true},
		{"bedrock:Converse", "bedrock:InvokeModel", false},
		{"*", "bedrock:InvokeModel", true},
		{"*:*", "bedrock:InvokeModel", true},
		{"s3-object-lambda:Get*", "s3-object-lambda:GetObject", true},
	} {
		a, _, err := ParseAction(x.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Match(x.action); got != x.want {
			t.Errorf("%s of %s: %v", x.pattern, x.action, got)
		}
	}
}

func TestActionThatAWSRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"": "not service:name", "bedrock": "not service:name", ":x": "not service:name", "bedrock:": "not service:name",
		"**": "not service:name", "bed*:Invoke*": "wildcard in its service", "*:InvokeModel": "wildcard in its service",
		"b?drock:*": "wildcard in its service", "bedrock:a:b": "characters", "bedrock:${*}": "characters",
		" bedrock:x": "characters", "bedrock:x ": "characters", "bedrock:é": "characters",
	} {
		if _, _, err := ParseAction(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", s, err, want)
		}
	}
}

func TestNotActionIsAllButItsList(t *testing.T) {
	s := &policy(t, `{"Effect":"Allow","NotAction":["iam:*","bedrock:Delete*"],"Resource":"*"}`).Statements[0]
	for action, want := range map[string]Truth{"iam:GetRole": False, "bedrock:DeleteGuardrail": False, "bedrock:InvokeModel": True, "madeup:Thing": True} {
		if got := s.MatchAction(action); got != want {
			t.Errorf("%s: %v", action, got)
		}
	}
	s = &policy(t, `{"Effect":"Allow","NotAction":"*","Resource":"*"}`).Statements[0]
	if got := s.MatchAction("iam:GetRole"); got != False {
		t.Errorf("NotAction *: %v", got)
	}
}

func TestNotResourceIsAllButItsList(t *testing.T) {
	const s = `{"Effect":"Deny","Action":"*","NotResource":["arn:aws:s3:::a","arn:aws:s3:::b*"]}`
	for resource, want := range map[string]Truth{"arn:aws:s3:::a": False, "arn:aws:s3:::bb": False, "arn:aws:s3:::c": True, "*": True, model: True} {
		if got := matches(t, s, resource, nil); got != want {
			t.Errorf("%s: %v", resource, got)
		}
	}
	if got := matches(t, `{"Effect":"Deny","Action":"*","NotResource":"*"}`, "*", nil); got != False {
		t.Errorf("NotResource *: %v", got)
	}
}

// Patterns are matched against the whole ARN; where the reading segment by
// segment would say otherwise, SegmentsDiffer says so.
func TestResourcesMatchTheWholeARN(t *testing.T) {
	for _, x := range []struct {
		pattern, resource string
		want, differ      bool
	}{
		{"*", model, true, false},
		{"*", "*", true, false},
		{model, model, true, false},
		{strings.Replace(model, "anthropic", "Anthropic", 1), model, false, false},
		{strings.Replace(model, "us-east-1", "US-EAST-1", 1), model, false, false},
		{"arn:aws:bedrock:*", "*", false, false}, // an action without a resource
		{"arn:aws:bedrock:*::foundation-model/anthropic.*", model, true, false},
		{"arn:aws:bedrock:*:*:foundation-model/anthropic.*", model, true, false}, // an empty account
		{"arn:aws:bedrock:*::foundation-model/x", "arn:aws:bedrock:::foundation-model/x", true, false},
		{"arn:aws:bedrock:us-east-1:111122223333:foundation-model/*", model, false, false},
		{"arn:aws:bedrock:us-*::foundation-model/anthropic.claude-3*", model, true, false},
		{"arn:aws:bedrock:us-east-?::foundation-model/*", model, true, false},
		{"arn:aws:bedrock:us-east-1::foundation-model/*haiku-20240307-v1", model, false, false},
		// The three that iam-lens denies.
		{"arn:aws:bedrock:*:foundation-model/anthropic.*", model, true, true},
		{"arn:aws:bedrock:*claude*", model, true, true},
		{"arn:aws:bedrock:*:*:*-model/*", model, true, false},
		// A wildcard that crosses colons.
		{"arn:aws:*:foundation-model/*:x:y", "arn:aws:bedrock:us-east-1::foundation-model/a:x:y", true, true},
		{"arn:aws:bedrock:us-east-1*:x", "arn:aws:bedrock:us-east-1::custom-model/x:x", true, true},
		{"arn:aws:bedrock", model, false, true},   // short: some tools add what is missing
		{"arn:aws:bedrock:*", model, true, false}, // short, and alike
		{"arn:aws:s3:::b*", model, false, false},
	} {
		s := &policy(t, `{"Effect":"Allow","Action":"*","Resource":"`+x.pattern+`"}`).Statements[0]
		if got := s.MatchResource(x.resource, nil); got != Of(x.want) {
			t.Errorf("%s of %s: %v", x.pattern, x.resource, got)
		}
		if got := s.SegmentsDiffer(x.resource); got != x.differ {
			t.Errorf("%s of %s: segments differ %v", x.pattern, x.resource, got)
		}
	}
}

func TestResourceThatIsNoARNIsUnknown(t *testing.T) {
	for _, s := range []string{"b", "a*", "bucket/*", "ARN:aws:s3:::b", "?rn:aws:s3:::b", ""} {
		got := odd(t, `{"Effect":"Allow","Action":"*","Resource":["`+s+`","arn:aws:s3:::b"]}`, "is no ARN")
		for resource, want := range map[string]Truth{"arn:aws:s3:::b": True, model: Unknown} {
			if truth := got.MatchResource(resource, nil); truth != want {
				t.Errorf("%q, %s: %v", s, resource, truth)
			}
		}
	}
}

func TestAccountOfAnARN(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:bedrock:us-east-1:111122223333:guardrail/g": home, model: "", "arn:aws:s3:::b": "",
		"arn:aws:iam::aws:policy/x": "", "111122223333": "", "arn:aws:iam::111122223333": "", "*": "",
	} {
		if got := AccountOf(arn); got != want {
			t.Errorf("%s: %q", arn, got)
		}
	}
}
