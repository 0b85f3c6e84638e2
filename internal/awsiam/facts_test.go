package awsiam

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustAction(t *testing.T, name string) ActionFact {
	t.Helper()
	a, ok := EmbeddedFacts().Action(name)
	if !ok {
		t.Fatalf("%s is not listed", name)
	}
	return a
}

func TestFactsAreDated(t *testing.T) {
	if _, err := time.Parse(time.DateOnly, EmbeddedFacts().Date()); err != nil {
		t.Error(err)
	}
}

func TestInvokeModelHasTwelveResourceTypes(t *testing.T) {
	a := mustAction(t, "BEDROCK:invokemodel")
	want := []string{"application-inference-profile", "async-invoke", "bedrock-marketplace-model-endpoint", "custom-model-deployment", "default-prompt-router", "foundation-model", "imported-model", "inference-profile", "project", "prompt-router", "provisioned-model", "system-tool"}
	if diff := cmp.Diff(want, a.Resources); diff != "" {
		t.Error(diff)
	}
	if a.Name != "bedrock:InvokeModel" || a.Class != ClassInvoke || a.Optional != nil {
		t.Errorf("%+v", a)
	}
	stream := mustAction(t, "bedrock:InvokeModelWithResponseStream")
	if slices.Contains(stream.Resources, "project") || slices.Contains(stream.Resources, "async-invoke") || len(stream.Resources) != 10 {
		t.Errorf("the stream is checked on %v", stream.Resources)
	}
}

func TestActionsThatDoNotExistAreNotListed(t *testing.T) {
	for _, name := range []string{"bedrock:Converse", "bedrock:ConverseStream", "bedrock:StartAsyncInvoke", "bedrock:InvokeModelWithBidirectionalStream", "InvokeModel", ""} {
		if a, ok := EmbeddedFacts().Action(name); ok {
			t.Errorf("%q is listed as %+v", name, a)
		}
	}
}

func TestClassesOfActions(t *testing.T) {
	for name, want := range map[string]ActionClass{
		"bedrock-mantle:CreateInference":                    ClassDoor,
		"sagemaker:InvokeEndpoint":                          ClassDoor,
		"aws-external-anthropic:CreateInference":            ClassDoor,
		"bedrock-agentcore:InvokeGateway":                   ClassDoor,
		"bedrock:CallWithBearerToken":                       ClassGate,
		"bedrock-mantle:CallWithBearerToken":                ClassGate,
		"bedrock:ApplyGuardrail":                            ClassGate,
		"bedrock:CreateModelInvocationJob":                  ClassIndirect,
		"bedrock:InvokeAgent":                               ClassIndirect,
		"iam:PassRole":                                      ClassEscalate,
		"sts:AssumeRole":                                    ClassEscalate,
		"iam:CreateServiceSpecificCredential":               ClassEscalate,
		"bedrock-agentcore:InvokeCodeInterpreter":           ClassEscalate,
		"bedrock:DeleteModelInvocationLoggingConfiguration": ClassHide,
		"cloudtrail:StopLogging":                            ClassHide,
		"bedrock:DeleteGuardrail":                           ClassLoosen,
		"aws-marketplace:Subscribe":                         ClassLoosen,
		"bedrock:PutAccountDataRetention":                   ClassLoosen,
		"bedrock:CountTokens":                               ClassOther,
	} {
		if a := mustAction(t, name); a.Class != want {
			t.Errorf("%s: %s, not %s", name, a.Class, want)
		}
	}
}

func TestEveryClassIsListedSortedWithNotes(t *testing.T) {
	listed := 0
	for _, class := range actionClasses {
		list := EmbeddedFacts().Actions(class)
		listed += len(list)
		if len(list) == 0 {
			t.Errorf("no action is of class %s", class)
		}
		if !slices.IsSortedFunc(list, func(a, b ActionFact) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("class %s is not sorted", class)
		}
		for _, a := range list {
			if a.Note == "" || a.Class != class {
				t.Errorf("%+v in class %s", a, class)
			}
		}
	}
	if listed != len(EmbeddedFacts().actions) {
		t.Errorf("the classes list %d of %d actions", listed, len(EmbeddedFacts().actions))
	}
	if got := EmbeddedFacts().Actions("none"); got != nil {
		t.Errorf("a class that is none lists %v", got)
	}
}

func TestInvokeClassIsTheTwoActionsThatCheckAModel(t *testing.T) {
	var names []string
	for _, a := range EmbeddedFacts().Actions(ClassInvoke) {
		names = append(names, a.Name)
	}
	if diff := cmp.Diff([]string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}, names); diff != "" {
		t.Error(diff)
	}
}

// TestBearerTokenTypeBelongsToCallWithBearerTokenOnly: on InvokeModel the same
// key never has a value, and a condition on it is dead.
func TestBearerTokenTypeBelongsToCallWithBearerTokenOnly(t *testing.T) {
	for _, class := range actionClasses {
		for _, a := range EmbeddedFacts().Actions(class) {
			if got, want := a.Has("bedrock:bearerTokenType"), a.Name == "bedrock:CallWithBearerToken"; got != want {
				t.Errorf("%s has the key: %v", a.Name, got)
			}
		}
	}
	if !mustAction(t, "bedrock:InvokeModel").Has("bedrock:GuardrailIdentifier") {
		t.Error("InvokeModel lacks bedrock:GuardrailIdentifier")
	}
	if mustAction(t, "bedrock:CountTokens").Has("bedrock:GuardrailIdentifier") {
		t.Error("CountTokens has bedrock:GuardrailIdentifier")
	}
	if !mustAction(t, "bedrock:InvokeModel").Has("aws:RequestTag/Team") || mustAction(t, "bedrock:CallWithBearerToken").Has("aws:RequestTag/Team") {
		t.Error("tags of a request: InvokeModel takes them, CallWithBearerToken does not")
	}
}

func TestActionsWithoutResourceLevelSupportHaveNoTypes(t *testing.T) {
	for _, name := range []string{"bedrock:CallWithBearerToken", "bedrock:RetrieveAndGenerate", "bedrock:Rerank", "bedrock:OptimizePrompt", "bedrock:PutModelInvocationLoggingConfiguration"} {
		if a := mustAction(t, name); a.Resources != nil {
			t.Errorf("%s is checked on %v", name, a.Resources)
		}
	}
	guardrail := mustAction(t, "bedrock:ApplyGuardrail")
	if diff := cmp.Diff([]string{"guardrail-profile"}, guardrail.Optional); diff != "" {
		t.Error(diff)
	}
}

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		key  string
		want KeyFact
	}{
		{"aws:PrincipalOrgPaths", KeyFact{Name: "aws:principalorgpaths", Type: StringArrayType, Multi: true, When: WithOrganisation, Principal: true}},
		{"AWS:PrincipalTag/Team", KeyFact{Name: "aws:principaltag/team", Type: StringType, When: WithTag, Principal: true}},
		{"aws:RequestTag/a/b:c", KeyFact{Name: "aws:requesttag/a/b:c", Type: StringType, When: WithRequest}},
		{"bedrock:GuardrailIdentifier", KeyFact{Name: "bedrock:guardrailidentifier", Type: ARNType, When: WithBedrock}},
		{"aws:TagKeys", KeyFact{Name: "aws:tagkeys", Type: StringArrayType, Multi: true, When: WithRequest}},
		{"aws:CalledVia", KeyFact{Name: "aws:calledvia", Type: StringArrayType, Multi: true, When: NeverDirect}},
		{"aws:SourceVpce", KeyFact{Name: "aws:sourcevpce", Type: StringType, When: WithEndpoint}},
		{"aws:SourceIp", KeyFact{Name: "aws:sourceip", Type: IPType, When: WithoutEndpoint}},
		{"aws:CurrentTime", KeyFact{Name: "aws:currenttime", Type: DateType, When: Always}},
		{"aws:MultiFactorAuthAge", KeyFact{Name: "aws:multifactorauthage", Type: NumericType, When: WithSession}},
		{"aws:SecureTransport", KeyFact{Name: "aws:securetransport", Type: BoolType, When: Always}},
		{"aws:username", KeyFact{Name: "aws:username", Type: StringType, When: WithUser, Principal: true}},
		{"token.actions.githubusercontent.com:SUB", KeyFact{Name: "token.actions.githubusercontent.com:sub", Type: StringType, When: WithTrust}},
		{"iam:PassedToService", KeyFact{Name: "iam:passedtoservice", Type: StringType, When: WithAction}},
		{"aws:InferenceProfileArn", KeyFact{Name: "aws:inferenceprofilearn", Type: StringType, Unknown: true}},
		{"aws:PrincipalTag", KeyFact{Name: "aws:principaltag", Type: StringType, Unknown: true}},
		{"aws:PrincipalTag/", KeyFact{Name: "aws:principaltag/", Type: StringType, Unknown: true}},
		{"oidc.eks.us-east-1.amazonaws.com/id/ABC:sub", KeyFact{Name: "oidc.eks.us-east-1.amazonaws.com/id/abc:sub", Type: StringType, Unknown: true}},
		{"", KeyFact{Type: StringType, Unknown: true}},
	} {
		got := EmbeddedFacts().Key(test.key)
		got.Note = ""
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.key, diff)
		}
	}
}

func TestOnlyArraysAreMultivalued(t *testing.T) {
	for name, k := range EmbeddedFacts().keys {
		if k.Multi != strings.HasPrefix(string(k.Type), "ArrayOf") {
			t.Errorf("%s: %+v", name, k)
		}
	}
}

func TestEveryKeyOfAnActionIsKnown(t *testing.T) {
	for _, a := range EmbeddedFacts().actions {
		for _, key := range a.Keys {
			if _, ok := EmbeddedFacts().keys[key]; !ok {
				t.Errorf("%s has %s, which is not in keys.csv", a.Name, key)
			}
		}
	}
}

// TestEveryResourceTypeOfABedrockActionHasAForm: otherwise Resource could not
// say what an action is checked on.
func TestEveryResourceTypeOfABedrockActionHasAForm(t *testing.T) {
	known, services := map[string]bool{}, map[string]bool{}
	for _, forms := range EmbeddedFacts().resources {
		for _, form := range forms {
			known[form.fact.Service+" "+form.fact.Type] = true
			services[form.fact.Service] = true
		}
	}
	for _, a := range EmbeddedFacts().actions {
		service, _, _ := strings.Cut(a.Name, ":")
		for _, r := range a.Resources {
			if services[service] && service != "sagemaker" && !known[service+" "+r] {
				t.Errorf("%s is checked on %s, which has no form", a.Name, r)
			}
		}
		if _, ok := EmbeddedFacts().Service(service); !ok {
			t.Errorf("the service of %s is not in services.csv", a.Name)
		}
	}
}

func TestServicesThatRCPsBind(t *testing.T) {
	for service, want := range map[string]Truth{"bedrock": False, "bedrock-mantle": False, "sts": True, "STS": True, "s3": True, "lambda": False, "no-such-service": Unknown, "": Unknown} {
		if got := EmbeddedFacts().RCP(service); got != want {
			t.Errorf("%q: %v, not %v", service, got, want)
		}
	}
}

func TestServicesByNameAndPrincipal(t *testing.T) {
	for name, want := range map[string]string{
		"bedrock": "bedrock", "Bedrock.amazonaws.com": "bedrock", "bedrock-agentcore.amazonaws.com": "bedrock-agentcore",
		"lambda.amazonaws.com": "lambda", "ecs-tasks.amazonaws.com": "ecs", "pods.eks.amazonaws.com": "eks", "nothing.amazonaws.com": "",
	} {
		s, ok := EmbeddedFacts().Service(name)
		if s.Service != want || ok != (want != "") {
			t.Errorf("%s: %+v, %v", name, s, ok)
		}
	}
}

func TestManagedPolicies(t *testing.T) {
	for _, test := range []struct {
		name       string
		want       string
		effect     Effect
		surprising bool
	}{
		{"AmazonBedrockLimitedAccess", "AmazonBedrockLimitedAccess", Allow, true},
		{"arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier", "AWSElasticBeanstalkWebTier", Allow, true},
		{"arn:aws-us-gov:iam::aws:policy/AdministratorAccess", "AdministratorAccess", Allow, false},
		{"arn:aws:iam::aws:policy/service-role/AmazonDataZoneBedrockModelConsumptionPolicy", "AmazonDataZoneBedrockModelConsumptionPolicy", Allow, true},
		{"AWSCompromisedKeyQuarantineV3", "AWSCompromisedKeyQuarantineV3", Deny, false},
		{"arn:aws:iam::111122223333:policy/AdministratorAccess", "", NoEffect, false},
		{"arn:aws:iam::aws:role/AdministratorAccess", "", NoEffect, false},
		{"ReadOnlyAccess", "", NoEffect, false},
		{"arn:aws:iam", "", NoEffect, false},
		{"", "", NoEffect, false},
	} {
		m, ok := EmbeddedFacts().Managed(test.name)
		if m.Name != test.want || m.Effect != test.effect || m.Surprising != test.surprising || ok != (test.want != "") {
			t.Errorf("%q: %+v, %v", test.name, m, ok)
		}
	}
	limited, _ := EmbeddedFacts().Managed("AmazonBedrockLimitedAccess")
	if !slices.Contains(limited.Actions, "bedrock-mantle:CreateInference") {
		t.Errorf("AmazonBedrockLimitedAccess grants %v", limited.Actions)
	}
}
