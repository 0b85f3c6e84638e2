package analyse

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/rights"
)

// Quirks of Bedrock's policies that its documentation has, or implies.

// may is whether the role r may do an action on a resource.
func may(t *testing.T, a *Analysis, action, resource string, want rights.Decision) {
	t.Helper()
	ans, err := a.Can(who(t, a, "role/r"), Question{Action: action, Resource: resource})
	if err != nil || ans.Decision != want {
		t.Errorf("%s on %s: %s %v, want %s", action, resource, ans.Decision, err, want)
	}
}

func TestQuirk01_ADenyOfConverseDeniesNothing(t *testing.T) {
	a := one(t, allow("bedrock:*", "*"), deny("bedrock:Converse bedrock:ConverseStream", "*"))
	may(t, a, "Converse", haiku, rights.Allowed)
	may(t, a, "InvokeModel", haiku, rights.Allowed)
}

func TestQuirk02_ADenyOfStreamsLeavesTheRest(t *testing.T) {
	a := one(t, allow("bedrock:*", "*"), deny("bedrock:InvokeModelWithResponseStream", "*"))
	may(t, a, "InvokeModelWithResponseStream", haiku, rights.ExplicitDeny)
	may(t, a, "ConverseStream", haiku, rights.ExplicitDeny)
	may(t, a, "InvokeModel", haiku, rights.Allowed)
	may(t, a, "InvokeModelWithBidirectionalStream", haiku, rights.Allowed)
}

func TestQuirk03_ModelsWithoutTheProfile(t *testing.T) {
	a := one(t, allow("bedrock:*", "arn:aws:bedrock:*::foundation-model/*"))
	may(t, a, "InvokeModel", haiku, rights.Allowed)
	may(t, a, "InvokeModel", haikuUS, rights.ImplicitDeny)
}

func TestQuirk04_ProfilesWithoutTheModel(t *testing.T) {
	a := one(t, allow("bedrock:*", "arn:aws:bedrock:*:*:inference-profile/*"))
	may(t, a, "InvokeModel", haikuUS, rights.ImplicitDeny)
	may(t, a, "InvokeModel", haikuGlobal, rights.ImplicitDeny)
}

func TestQuirk05_ARegionListBreaksWhatLeavesIt(t *testing.T) {
	for list, want := range map[string][3]bool{
		`"us-east-1"`:                         {true, false, false},
		`"us-east-1","us-east-2","us-west-2"`: {true, true, false},
		`"us-east-1","unspecified"`:           {true, false, true},
		`"eu-west-1","eu-central-1"`:          {false, false, false},
		`"us-*"`:                              {false, false, false}, // StringNotEquals knows no wildcard
	} {
		c := newCast()
		c.role("r", byLambda, allow("bedrock:*", "*"))
		a := c.analysis(t, regionsOnly(t, list))
		for i, model := range []string{haiku, haikuUS, haikuGlobal} {
			if ans := asked(t, a, "role/r", model); ans.Decision.Can() != want[i] {
				t.Errorf("regions %s, %s: %s", list, model, ans.Decision)
			}
		}
	}
}

func TestQuirk06_AStarForTheRegionIsAlsoNone(t *testing.T) {
	regionless := "arn:aws:bedrock:::foundation-model/" + haiku
	may(t, one(t, allow("bedrock:*", "arn:aws:bedrock:*::foundation-model/*")), "InvokeModel", regionless, rights.Allowed)
	may(t, one(t, allow("bedrock:*", "arn:aws:bedrock:us-*::foundation-model/*")), "InvokeModel", regionless, rights.ImplicitDeny)
	may(t, one(t, allow("bedrock:*", "arn:aws:bedrock:?*::foundation-model/*")), "InvokeModel", regionless, rights.ImplicitDeny)
}

func TestQuirk07_AStarForTheAccountIsAlsoNone(t *testing.T) {
	may(t, one(t, allow("bedrock:*", "arn:aws:bedrock:us-east-1:*:foundation-model/*")), "InvokeModel", haiku, rights.Allowed)
}

func TestQuirk08_AModelHasNoAccount(t *testing.T) {
	may(t, one(t, allow("bedrock:*", "arn:aws:bedrock:us-east-1:"+home+":foundation-model/*")), "InvokeModel", haiku, rights.ImplicitDeny)
}

func TestQuirk09_ADenyOfModelsSaysNothingOfOtherDoors(t *testing.T) {
	a := one(t, allow("bedrock:*", "*"), deny("bedrock:*", "arn:aws:bedrock:*::foundation-model/*"))
	may(t, a, "InvokeModel", haiku, rights.ExplicitDeny)
	may(t, a, "InvokeModel", haikuUS, rights.ExplicitDeny)
	for _, kind := range []string{"provisioned-model/abcdefghijkl", "custom-model-deployment/abcdefghijkl", "imported-model/abcdefghijkl", "marketplace/model-endpoint/all-access"} {
		ans := asked(t, a, "role/r", "arn:aws:bedrock:us-east-1:"+home+":"+kind)
		if !ans.Decision.Can() || ans.Legs[0].Decision != rights.Allowed {
			t.Errorf("%s: %s, on itself %s", kind, ans.Decision, ans.Legs[0].Decision)
		}
	}
}

func TestQuirk10_BearerTokensHaveTwoGates(t *testing.T) {
	a := one(t, allow("*", "*"), deny("bedrock:CallWithBearerToken", "*"))
	may(t, a, "bedrock:CallWithBearerToken", "*", rights.ExplicitDeny)
	may(t, a, "bedrock-mantle:CallWithBearerToken", "*", rights.Allowed)
}

func TestQuirk11_AnAddressListEndsAtAnEndpoint(t *testing.T) {
	a := one(t, allow("bedrock:*", "*", condition(`{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","10.0.0.0/8"]}}`)))
	decides(t, a, "role/r", haiku, rights.Conditional)
	nobody(t, a, "role/r", haiku, awsiam.Context{"aws:SourceVpce": awsiam.One("vpce-1")})
}

func TestQuirk12_BoolIfExistsLetsLongTermKeysPass(t *testing.T) {
	c := newCast()
	c.user("ann", allow("bedrock:*", "*", condition(`{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}`)))
	c.user("bob", allow("bedrock:*", "*", condition(`{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`)))
	a := c.analysis(t, nil)
	longTerm := awsiam.Context{"aws:MultiFactorAuthPresent": awsiam.Value{}}
	decides(t, a, "user/ann", haiku, rights.Allowed, longTerm)
	nobody(t, a, "user/bob", haiku, longTerm)
}

func TestQuirk13_ADenyThatNamesATagThatIsMissing(t *testing.T) {
	denied := func(op string) *Analysis {
		return one(t, allow("bedrock:*", "*"), deny("bedrock:*", "*", condition(`{"`+op+`":{"bedrock:ServiceTier":"${aws:PrincipalTag/tier}"}}`)))
	}
	flex := awsiam.Context{"bedrock:ServiceTier": awsiam.One("flex")}
	decides(t, denied("StringEquals"), "role/r", haiku, rights.Allowed, flex)
	decides(t, denied("StringNotEquals"), "role/r", haiku, rights.ExplicitDeny, flex)
}

func TestQuirk14_AllButIAMIsAllOfBedrock(t *testing.T) {
	a := one(t, `{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}`)
	for _, model := range []string{haiku, haikuUS, haikuGlobal} {
		may(t, a, "InvokeModel", model, rights.Allowed)
	}
	may(t, a, "bedrock-mantle:CreateInference", "arn:aws:bedrock-mantle:us-east-1:"+home+":project/default", rights.Allowed)
}

func TestQuirk15_TheDefaultVersionCounts(t *testing.T) {
	c := newCast()
	arn := c.policy("models")
	c.policies[0]["DefaultVersionId"] = "v2"
	c.policies[0]["PolicyVersionList"] = []any{
		map[string]any{"Document": body(allow("bedrock:*", "*")), "VersionId": "v3", "IsDefaultVersion": false},
		map[string]any{"Document": body(allow("s3:*", "*")), "VersionId": "v2", "IsDefaultVersion": true},
		map[string]any{"Document": body(allow("bedrock:*", "*")), "VersionId": "v1", "IsDefaultVersion": false},
	}
	c.role("r", byLambda)["AttachedManagedPolicies"] = attached(arn)
	may(t, c.analysis(t, nil), "InvokeModel", haiku, rights.ImplicitDeny)
}

func TestQuirk16_APatternOfProfilesThatIsNotAnchored(t *testing.T) {
	through := func(pattern, profile string) rights.Decision {
		a := one(t, allow("bedrock:*", "*", condition(`{"StringLike":{"bedrock:InferenceProfileArn":"`+pattern+`"}}`)), allow("bedrock:*", "arn:aws:bedrock:*:*:inference-profile/*"))
		return asked(t, a, "role/r", profile).Decision
	}
	for pattern, want := range map[string][2]bool{"*us.*": {true, false}, "arn:aws:bedrock:*:*:inference-profile/us.*": {true, false}, "*.anthropic.*": {true, true}} {
		if us, global := through(pattern, haikuUS).Can(), through(pattern, haikuGlobal).Can(); [2]bool{us, global} != want {
			t.Errorf("%s: us %v, global %v", pattern, us, global)
		}
	}
	const other = "arn:aws:bedrock:us-east-1:" + home + ":inference-profile/other-us.x"
	for pattern, matches := range map[string]bool{"*us.*": true, "arn:aws:bedrock:*:*:inference-profile/us.*": false} {
		d, _ := awsiam.ParseCondition("StringLike", "bedrock:InferenceProfileArn", []string{pattern}, true)
		if got, _ := d.Test(awsiam.Context{"bedrock:inferenceprofilearn": awsiam.One(other)}); got != awsiam.Of(matches) {
			t.Errorf("%s on %s: %v", pattern, other, got)
		}
	}
}

func TestQuirk17_ModelsAreLowerCase(t *testing.T) {
	may(t, one(t, allow("bedrock:*", strings.Replace(haikuAt, "claude", "Claude", 1))), "InvokeModel", haiku, rights.ImplicitDeny)
	may(t, one(t, allow("bedrock:*", "arn:aws:bedrock:US-EAST-1::foundation-model/*")), "InvokeModel", haiku, rights.ImplicitDeny)
}

func TestQuirk18_AStarInAModelCrossesItsColons(t *testing.T) {
	a := one(t, allow("bedrock:*", "arn:aws:bedrock:*::foundation-model/anthropic.claude-3*"))
	for _, id := range []string{"anthropic.claude-3-sonnet-20240229-v1:0:200k", "anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-7-sonnet-20250219-v1:0"} {
		may(t, a, "InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/"+id, rights.Allowed)
	}
	may(t, a, "InvokeModel", haiku, rights.ImplicitDeny)
}
