package analyse

import (
	"context"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
)

// proven decides one assertion.
func proven(t *testing.T, a *Analysis, text string) Proof {
	t.Helper()
	list, err := ReadAssertions("checks.yaml", []byte("assertions:\n  - name: n\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.Prove(context.Background(), list)
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

const (
	trustOps   = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ops"},"Action":"sts:AssumeRole"}`
	profileFor = `arn:aws:bedrock:us-east-1:111122223333:inference-profile/` + sonnetUS
)

func TestVerdicts(t *testing.T) {
	guarded := `{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*","Condition":{"StringEquals":{"bedrock:GuardrailIdentifier":"arn:aws:bedrock:us-east-1:111122223333:guardrail/g:1"}}}`
	a := trial{roles: map[string]trialRole{
		"gateway": {policies: []string{invokeAll}, trust: trustOps},
		"ops":     {policies: []string{`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`}, tags: map[string]string{"env": "dev"}},
		"nova":    {policies: []string{`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/amazon.nova-*"}`}, tags: map[string]string{"Env": "test"}},
		"guarded": {policies: []string{guarded}, tags: map[string]string{"env": "prod"}},
		"later":   {policies: []string{`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}}`}},
		"gone":    {attached: []string{"Gone"}},
		"profile": {policies: []string{`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":["` + profileFor + `"]},` +
			`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/` + sonnet + `","Condition":{"StringLike":{"bedrock:InferenceProfileArn":"` + profileFor + `"}}}`}},
		"half": {policies: []string{`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"` + profileFor + `"}`}},
		"secret": {policies: []string{`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/*"},` +
			`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/*","Condition":{"Null":{"bedrock:InferenceProfileArn":"false"}}}`}},
	}}.load(t)
	only := func(name string) string { return "    principals: {arns: ['*:role/" + name + "']}\n" }
	any := "    cannot: {actions: [invoke], models: ['*']}\n"
	claude := "    cannot: {actions: [invoke], models: ['family:anthropic.claude']}\n"
	for _, tt := range []struct {
		name, text string
		want       ProofVerdict
	}{
		{"one can", only("gateway") + any, Refuted},
		{"one cannot", only("ops") + any, Proved},
		{"one can by assuming a role", only("ops") + any + "    hops: 1\n", Refuted},
		{"another family", only("nova") + claude, Proved},
		{"any model", only("nova") + any, Refuted},
		{"a model of the family", only("guarded") + claude, Refuted},
		{"a guardrail is needed", only("guarded") + "    cannot: {actions: [invoke], models: ['*'], when: {bedrock:GuardrailIdentifier: absent}}\n", Proved},
		{"no guardrail is needed", only("gateway") + "    cannot: {actions: [invoke], models: ['*'], when: {bedrock:GuardrailIdentifier: absent}}\n", Refuted},
		{"by tag, whose key has no case", "    principals: {tags: {ENV: [dev, te*]}}\n" + claude, Proved},
		{"a right that begins later", only("later") + any, Proved},
		{"a policy that is not there", only("gone") + any, Unproved},
		{"only through a profile", only("profile") + any, Refuted},
		{"the profile and no model", only("half") + any, Proved},
		{"a profile that is not listed", only("secret") + any, Unproved},
		{"nobody is meant", only("nobody") + any, Vacuous},
		{"the root user", "    principals: {kinds: [root]}\n" + any, Refuted},
		{"except", "    principals: {except: ['*']}\n" + any, Vacuous},
		{"inference on anything", only("ops") + "    cannot: {actions: [inference], resources: ['*']}\n", Proved},
		{"inference on anything, refuted", only("nova") + "    cannot: {actions: [inference], resources: ['*']}\n", Refuted},
		{"resources by pattern", only("nova") + "    cannot: {actions: [invoke], resources: ['arn:aws:bedrock:*::foundation-model/anthropic.*']}\n", Proved},
		{"can", only("gateway") + "    can: {actions: [invoke], models: [" + sonnetUS + "]}\n", Proved},
		{"can through a profile", only("profile") + "    can: {actions: [InvokeModel], models: [" + sonnetUS + "]}\n", Proved},
		{"cannot without the models", only("half") + "    can: {actions: [InvokeModel], models: [" + sonnetUS + "]}\n", Refuted},
		{"can, given a key", only("guarded") + "    can: {actions: [InvokeModel], models: [" + sonnet + "], when: {bedrock:GuardrailIdentifier: 'arn:aws:bedrock:us-east-1:111122223333:guardrail/g:1'}}\n", Proved},
		{"cannot, given a key", only("guarded") + "    can: {actions: [InvokeModel], models: [" + sonnet + "], when: {bedrock:GuardrailIdentifier: absent}}\n", Refuted},
		{"all must be able", "    principals: {arns: ['*:role/gateway', '*:role/nova']}\n    can: {actions: [InvokeModel], models: [" + sonnet + "]}\n", Refuted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := proven(t, a, tt.text)
			if got.Verdict != tt.want || got.Reason == "" {
				t.Fatalf("%s, want %s: %+v", got.Verdict, tt.want, got)
			}
			if got.Verdict == Refuted && strings.Contains(tt.text, "cannot:") {
				x := got.Against[0]
				if x.Witness == nil {
					t.Fatalf("no witness: %+v", x)
				}
				p := a.Estate.Principal(x.Witness.Principal)
				if p == nil {
					p = Root(a.Estate.Accounts[0])
				}
				confirm(t, a, p, a.Layers(p), x.Witness, true)
			}
		})
	}
	if p := proven(t, a, only("later")+any); p.Until.IsZero() || p.Until.Year() != 2027 {
		t.Errorf("until %v", p.Until)
	}
	if p := proven(t, a, only("ops")+any+"    hops: 1\n"); len(p.Against[0].Path) != 1 || p.Against[0].Path[0].To != roleARN("gateway") {
		t.Errorf("path %+v", p.Against)
	}
}

func TestWhatDoesNotExistIsAnErrorWithItsPlace(t *testing.T) {
	a := doors().load(t)
	for _, what := range []string{"models: [family:claud]", "resources: [arn:aws:bedrock:us-east-1::foundation-modl/x.y]", "resources: [arn:aws:s3:::bucket]"} {
		list, err := ReadAssertions("checks.yaml", []byte("assertions:\n  - name: n\n    cannot: {actions: [invoke], "+what+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Prove(context.Background(), list); err == nil || !strings.Contains(err.Error(), "checks.yaml:2:5") {
			t.Errorf("%s: err = %v", what, err)
		}
	}
}

func TestAssertionsAreReadStrictly(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "one document"},
		{"assertions: []", "1:1: assertions is no list"},
		{"rules:\n  - name: n", "want a list called assertions"},
		{"assertions:\n  - name: n\n    cannt: {}", "3:5"},
		{"assertions:\n  - name: n\n    cannot: {actions: [invoke], models: ['*'], model: x}", "unknown field"},
		{"assertions:\n  - name: n", "2:5: assertion \"n\": want either can or cannot"},
		{"assertions:\n  - cannot: {actions: [invoke], models: ['*']}", "a name is required"},
		{"assertions:\n  - name: n\n    cannot: {actions: [invoke]}", "either models or resources"},
		{"assertions:\n  - name: n\n    cannot: {models: ['*']}", "actions are required"},
		{"assertions:\n  - name: n\n    cannot: {actions: ['bedrock:*'], models: ['*']}", "wildcard"},
		{"assertions:\n  - name: n\n    cannot: {actions: [Invok], models: ['*']}", "is not service:name"},
		{"assertions:\n  - name: n\n    can: {actions: [invoke], models: ['*']}", "one by one"},
		{"assertions:\n  - name: n\n    can: {actions: [inference], resources: ['*']}", "no identity needs"},
		{"assertions:\n  - name: n\n    can: {actions: [invoke], models: [x]}\n    hops: 1", "hops go with cannot"},
		{"assertions:\n  - name: n\n    cannot: {actions: [invoke], models: ['*']}\n    hops: 99", "hops is 99"},
		{"assertions:\n  - name: n\n    principals: {kinds: [group]}\n    cannot: {actions: [invoke], models: ['*']}", "want user, role or root"},
		{"assertions:\n  - name: n\n    principals: {accounts: [12]}\n    cannot: {actions: [invoke], models: ['*']}", "twelve digits"},
		{"assertions:\n  - name: n\n    cannot: {actions: [invoke], models: ['*'], when: {Guardrail: absent}}", "is not service:name"},
		{"assertions:\n  - name: n\n    cannot: {actions: [invoke], models: ['*'], when: {a:b: {}}}", "no text"},
		{"assertions:\n  - &x\n    name: n", "anchors"},
		{"assertions:\n  - name: n\n    name: m", "3:5"},
		{"assertions: " + strings.Repeat("[", 100), "nested"},
		{"assertions:\n  - name: n\n    cannot: {actions: [invoke], models: ['*']}\n  - name: n\n    cannot: {actions: [invoke], models: ['*']}", "4:5: a second assertion"},
		{"\xff", "UTF-8"},
	} {
		if _, err := ReadAssertions("f.yaml", []byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: err = %v, want %q", tt.text, err, tt.want)
		}
	}
	got, err := ReadAssertions("f.yaml", []byte("\ufeffassertions:\r\n  - name: n # remark\r\n    cannot: {actions: [invoke], models: ['*'], when: {a:b: absent, a:c: [x, y], a:d: true}}\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	w := got[0].Cannot.When
	if len(w["a:b"].Items) != 0 || !w["a:c"].Equal(awsiam.Many("x", "y")) || !w["a:d"].Equal(awsiam.One("true")) || got[0].Position.Line != 2 {
		t.Errorf("%+v at %+v", w, got[0].Position)
	}
}

func FuzzReadAssertions(f *testing.F) {
	f.Add([]byte("assertions:\n  - name: n\n    principals: {tags: {env: [dev]}}\n    cannot: {actions: [invoke], models: ['*']}\n"))
	f.Add([]byte("assertions: [{name: a, can: {actions: [Converse], models: [m], when: {a:b: absent}}}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ReadAssertions("f.yaml", text)
		if err != nil && !strings.HasPrefix(err.Error(), "f.yaml") {
			t.Errorf("error without its file: %v", err)
		}
		for _, x := range list {
			if x.Name == "" || x.Position.Line < 1 || (x.Can == nil) == (x.Cannot == nil) {
				t.Errorf("%+v", x)
			}
		}
	})
}
