package analyse

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/rights"
)

const allowAll = `{"Effect":"Allow","Action":"*","Resource":"*"}`

var bothActions = []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}

// tightened runs Tighten and wants a proven proposal.
func tightened(t *testing.T, a *Analysis, role string, o TightenOptions) Tightened {
	t.Helper()
	got, err := a.Tighten(a.role(t, role), o)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Proven() {
		t.Fatalf("not proven: %+v %+v", got.Proof, got.Coverage)
	}
	return got
}

// statementsOf are the statements of a proposal by Sid.
func statementsOf(t *testing.T, got Tightened) map[string]statement {
	t.Helper()
	out := map[string]statement{}
	for _, raw := range got.Policy {
		var d struct {
			Version   string
			Statement []statement
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatal(err)
		}
		if d.Version != "2012-10-17" {
			t.Errorf("version %q", d.Version)
		}
		for _, s := range d.Statement {
			out[s.Sid] = s
		}
	}
	return out
}

func TestAWideRightBecomesTheProfileAndItsModelsBehindIt(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{
		`{"Sid":"S3","Effect":"Allow","Action":"s3:GetObject","Resource":"*"},{"Sid":"Wide","Effect":"Allow","Action":["bedrock:InvokeModel*","s3:PutObject"],"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`,
	}}}}.load(t)
	got := tightened(t, a, "app", TightenOptions{Rights: []GivenRight{{"Converse", sonnetUS, "us-east-1"}, {"ConverseStream", sonnetUS, "us-east-1"}}})
	s := statementsOf(t, got)
	profile := "arn:aws:bedrock:us-east-1:111122223333:inference-profile/" + sonnetUS
	if x := s["WritProfiles"]; !slices.Equal(x.Action, bothActions) || !slices.Equal(x.Resource, []string{profile}) {
		t.Errorf("profiles: %+v", x)
	}
	models := s["WritModelsThroughProfiles"]
	if !slices.Equal(models.Condition["ArnEquals"]["bedrock:InferenceProfileArn"], []string{profile}) || !slices.Equal(models.Condition["Bool"]["aws:SecureTransport"], []string{"true"}) {
		t.Errorf("conditions: %v", models.Condition)
	}
	for _, region := range []string{"us-east-1", "us-east-2", "us-west-2"} {
		if !slices.Contains(models.Resource, "arn:aws:bedrock:"+region+"::foundation-model/"+sonnet) {
			t.Errorf("no model in %s: %v", region, models.Resource)
		}
	}
	if len(s) != 2 || len(got.Edits) != 1 || got.Edits[0].Change != Narrow || !strings.Contains(string(got.Edits[0].Replacement), `"Action":["s3:PutObject"]`) {
		t.Errorf("statements %v, edits %+v", s, got.Edits)
	}
	if got.Removed.Rights < 50 || !got.Kept[0].Covered {
		t.Errorf("removed %+v, kept %+v", got.Removed, got.Kept)
	}
}

func TestAnAdministratorsMixedStatementIsSplit(t *testing.T) {
	a := trial{roles: map[string]trialRole{"admin": {policies: []string{allowAll}}}}.load(t)
	got := tightened(t, a, "admin", TightenOptions{Rights: []GivenRight{{"InvokeModel", sonnet, "us-east-1"}}})
	if len(got.Edits) != 1 || got.Edits[0].Change != Narrow {
		t.Fatalf("edits %+v", got.Edits)
	}
	r := string(got.Edits[0].Replacement)
	if !strings.Contains(r, `"NotAction":[`) || !strings.Contains(r, "bedrock-mantle:CreateInference") || strings.Contains(r, "s3:") || strings.Contains(r, "sagemaker") {
		t.Errorf("replacement %s", r)
	}
	if !slices.Contains(got.Removed.Actions, "bedrock-mantle:CreateInference") || slices.Contains(got.Removed.Actions, "bedrock:InvokeModel") {
		t.Errorf("removed %v", got.Removed.Actions)
	}
}

func TestAPatternThatCannotBeTakenApartIsGuarded(t *testing.T) {
	a := trial{roles: map[string]trialRole{"dev": {policies: []string{`{"Effect":"Allow","Action":"bedrock:*","Resource":"*"}`}}}}.load(t)
	got := tightened(t, a, "dev", TightenOptions{Rights: []GivenRight{{"InvokeModel", sonnetUS, "us-east-1"}}})
	s := statementsOf(t, got)
	if got.Edits[0].Change != Stay || s["WritNothingElse"].Effect != "Deny" || s["WritOnlyThroughProfiles"].Effect != "Deny" {
		t.Errorf("edits %+v, statements %v", got.Edits, s)
	}
	p := a.role(t, "dev")
	l := a.Layers(p)
	for _, raw := range got.Policy {
		d, _ := awsiam.Parse("proposal", raw, awsiam.Position{})
		l.Identity = append(slices.Clone(l.Identity), d)
	}
	model := "arn:aws:bedrock:us-east-1::foundation-model/" + sonnet
	direct := awsiam.Context{}
	direct.Set("bedrock:InferenceProfileArn", awsiam.Value{})
	if o := a.plainly(p, l, "bedrock:InvokeModel", model, direct); o == awsiam.Allowed {
		t.Error("the model can still be invoked directly")
	}
	if o := a.plainly(p, l, "bedrock:ListFoundationModels", "*", nil); o != awsiam.Allowed {
		t.Error("a right that is none to inference is lost:", o)
	}
	through := awsiam.Context{}
	through.Set("bedrock:InferenceProfileArn", awsiam.One("arn:aws:bedrock:us-east-1:111122223333:inference-profile/"+sonnetUS))
	if o := a.plainly(p, l, "bedrock:InvokeModel", model, through); o != awsiam.Allowed {
		t.Error("the model cannot be invoked through its profile:", o)
	}
}

func TestConditionsOfEveryWayAreKeptAndNoneIsDropped(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{
		`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"},"ArnLike":{"bedrock:GuardrailIdentifier":"arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1:1"}}},` +
			`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:*::foundation-model/anthropic.*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},` +
			`{"Effect":"Allow","Action":"bedrock:ApplyGuardrail","Resource":"*"}`,
	}}}}.load(t)
	got := tightened(t, a, "app", TightenOptions{Rights: []GivenRight{{"InvokeModel", sonnet, "us-east-1"}}})
	var vpce, mfa, guardrail bool
	for _, s := range statementsOf(t, got) {
		if s.Action[0] == "bedrock:ApplyGuardrail" {
			guardrail = slices.Equal(s.Resource, []string{"arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1"})
			continue
		}
		vpce = vpce || s.Condition["StringEquals"]["aws:SourceVpce"] != nil && s.Condition["ArnLike"]["bedrock:GuardrailIdentifier"] != nil
		mfa = mfa || s.Condition["Bool"]["aws:MultiFactorAuthPresent"] != nil
		if len(s.Condition) == 0 {
			t.Errorf("%s has lost its conditions", s.Sid)
		}
	}
	if !vpce || !mfa || !guardrail {
		t.Errorf("vpce %t, mfa %t, guardrail %t: %s", vpce, mfa, guardrail, got.Policy)
	}
}

func TestAGlobalProfileKeepsItsModelWithoutARegion(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{allowAll}}}}.load(t)
	got := tightened(t, a, "app", TightenOptions{Rights: []GivenRight{{"InvokeModel", "global." + sonnet, "us-east-1"}}})
	if s := statementsOf(t, got)["WritModelsThroughProfiles"]; !slices.Contains(s.Resource, "arn:aws:bedrock:::foundation-model/"+sonnet) {
		t.Errorf("resources %v", s.Resource)
	}
}

func TestWhatIsNotThereIsNotGranted(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{
		`{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.*"}`}}}}.load(t)
	got := tightened(t, a, "app", TightenOptions{Rights: []GivenRight{{"InvokeModel", sonnet, "us-east-1"}, {"InvokeModel", "amazon.nova-lite-v1:0", "us-east-1"}}})
	if len(got.Absent) != 1 || got.Absent[0].Decision != rights.ImplicitDeny || strings.Contains(string(got.Policy[0]), "nova") {
		t.Errorf("absent %+v in %s", got.Absent, got.Policy)
	}
	if _, err := a.Tighten(a.role(t, "app"), TightenOptions{Rights: []GivenRight{{"InvokeModel", "amazon.nova-lite-v1:0", "us-east-1"}}}); err == nil {
		t.Error("a proposal without any right")
	}
}

func TestWithoutUsedRightsNothingIsTakenForUnused(t *testing.T) {
	x := trial{roles: map[string]trialRole{"app": {policies: []string{allowAll}}}}
	if _, err := x.load(t).Tighten(x.load(t).role(t, "app"), TightenOptions{}); err == nil || !strings.Contains(err.Error(), "not known") {
		t.Errorf("err = %v", err)
	}
	x.used = `{"principal":"` + roleARN("other") + `","action":"bedrock:InvokeModel","model":"` + sonnet + `","region":"us-east-1"}` + "\n"
	a := x.load(t)
	if _, err := a.Tighten(a.role(t, "app"), TightenOptions{}); err == nil || !strings.Contains(err.Error(), "does not mean") {
		t.Errorf("err = %v", err)
	}
	x.used += `{"principal":"` + roleARN("app") + `","action":"bedrock:InvokeModel","model":"` + sonnet + `","region":"us-east-1"}` + "\n"
	a = x.load(t)
	if got := tightened(t, a, "app", TightenOptions{}); len(got.Kept) != 1 {
		t.Errorf("kept %+v", got.Kept)
	}
}

func TestDenyStatementsStayAndBind(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{allowAll,
		`{"Sid":"Mandatory","Effect":"Deny","Action":"bedrock:Invoke*","Resource":"*","Condition":{"Null":{"bedrock:GuardrailIdentifier":"true"}}}`}}}}.load(t)
	got := tightened(t, a, "app", TightenOptions{Rights: []GivenRight{{"InvokeModel", sonnet, "us-east-1"}}})
	if got.Kept[0].Decision != rights.Conditional || slices.ContainsFunc(got.Edits, func(e Edit) bool { return e.Sid == "Mandatory" }) {
		t.Errorf("kept %+v, edits %+v", got.Kept, got.Edits)
	}
}

func TestADocumentThatIsNotThereLeavesNothingProven(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{allowAll}, attached: []string{"Gone"}}}}.load(t)
	got, err := a.Tighten(a.role(t, "app"), TightenOptions{Rights: []GivenRight{{"InvokeModel", sonnet, "us-east-1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Proven() || got.Policy != nil || got.Edits != nil || got.Proof.Reason == "" {
		t.Errorf("offered without a proof: %+v", got)
	}
}

func TestWhatIsInEffectBecomesExplicit(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{
		`{"Effect":"Allow","Action":["bedrock:Invoke*","bedrock-mantle:CreateInference"],"Resource":["arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-5*","arn:aws:bedrock-mantle:*:*:project/blue"]}`}}}}.load(t)
	got := tightened(t, a, "app", TightenOptions{Effective: true, Regions: []string{"us-east-1"}})
	text := string(got.Policy[0])
	if !strings.Contains(text, "project/blue") || !strings.Contains(text, `:foundation-model/`+sonnet) || strings.Contains(text, "foundation-model/anthropic.claude-sonnet-4-5*\"],\"Cond") {
		t.Errorf("%s", text)
	}
	if got.Removed.Rights != 0 {
		t.Errorf("removed %+v", got.Removed)
	}
}

func TestLimitsOfIAMSplitTheProposalOrRefuseIt(t *testing.T) {
	a := trial{roles: map[string]trialRole{"app": {policies: []string{allowAll}}}}.load(t)
	var many []GivenRight
	for i, x := range a.Targets([]string{"us-east-1"}) {
		if i%2 == 0 {
			many = append(many, GivenRight{"InvokeModel", x.ID, "us-east-1"})
		}
	}
	got := tightened(t, a, "app", TightenOptions{Rights: many})
	if len(got.Policy) < 2 {
		t.Fatalf("%d documents", len(got.Policy))
	}
	for i, raw := range got.Policy {
		if policyChars(raw) > 6144 || got.Chars[i] != policyChars(raw) {
			t.Errorf("document %d has %d characters, said %d", i, policyChars(raw), got.Chars[i])
		}
	}
	if _, err := a.Tighten(a.role(t, "app"), TightenOptions{Rights: many, Inline: true}); err == nil {
		t.Error("an inline policy beyond IAM's limit")
	}
}

func TestTheSameQuestionGivesTheSameBytes(t *testing.T) {
	x := trial{roles: map[string]trialRole{"app": {policies: []string{allowAll}}}}
	o := TightenOptions{Rights: []GivenRight{{"InvokeModel", sonnetUS, "us-east-1"}, {"InvokeModel", sonnet, "us-west-2"}, {"ConverseStream", sonnet, "us-west-2"}}}
	first := tightened(t, x.load(t), "app", o)
	slices.Reverse(o.Rights)
	if second := tightened(t, x.load(t), "app", o); string(first.Policy[0]) != string(second.Policy[0]) {
		t.Errorf("%s\n%s", first.Policy[0], second.Policy[0])
	}
}
