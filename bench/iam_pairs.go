package main

import (
	"encoding/json"
	"math/rand/v2"
	"slices"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/rights"
)

// comparedPairs is how many pairs of policies are compared.
const comparedPairs = 300

// policyPair is two policies: of the second, something was changed, or nothing
// but the order, or it has nothing to do with the first.
type policyPair struct{ base, next rights.Policies }

// madePairs are always the same. Policies have two to six statements, with
// globs, NotAction and NotResource, and conditions of all kinds.
func madePairs(n int) []policyPair {
	d := rand.New(rand.NewPCG(42, 0))
	out := make([]policyPair, n)
	for i := range out {
		first := madePolicy(d)
		out[i] = policyPair{parsed(first), parsed(changedPolicy(d, first))}
	}
	return out
}

func parsed(d document) rights.Policies {
	text, _ := json.Marshal(d) // of strings only
	doc, _ := awsiam.Parse("made", text, awsiam.Position{})
	return rights.Policies{Layers: awsiam.Layers{Identity: []*awsiam.Document{doc}}}
}

func madePolicy(d *rand.Rand) document {
	p := document{Version: policyVersion}
	for range 2 + d.IntN(5) {
		p.Statement = append(p.Statement, madeStatement(d))
	}
	return p
}

// changedPolicy leaves the first as it is.
func changedPolicy(d *rand.Rand, first document) document {
	p := document{Version: policyVersion, Statement: slices.Clone(first.Statement)}
	at := d.IntN(len(p.Statement))
	switch d.IntN(8) {
	case 0:
		slices.Reverse(p.Statement)
	case 1:
		p.Statement = append(p.Statement, madeStatement(d))
	case 2:
		p.Statement = slices.Delete(p.Statement, at, at+1)
	case 3:
		p.Statement[at].Condition = nil
	case 4:
		p.Statement[at].Condition = madeConditions(d)
	default:
		return madePolicy(d)
	}
	return p
}

var (
	pairActions = []string{"bedrock:InvokeModel", "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "bedrock:InvokeModel*", "bedrock:Invoke?odel", "bedrock:*", "bedrock:Get*", "s3:*", "iam:*", "*"}
	pairARNs    = []string{
		"*", "arn:aws:bedrock:*", "arn:aws:bedrock:*::foundation-model/anthropic.*", "arn:aws:bedrock:*::foundation-model/amazon.nova-*",
		"arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-????-v1:0", "arn:aws:bedrock:??-west-?::foundation-model/*sonnet*",
		"arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-70b-instruct-v1:0",
		"arn:aws:bedrock:*:111122223333:inference-profile/*.amazon.nova-pro-v1:0", "arn:aws:bedrock:us-west-2:111122223333:inference-profile/us.*",
		"arn:aws:bedrock:*:111122223333:application-inference-profile/abc*", "arn:aws:bedrock:eu-west-1:111122223333:provisioned-model/*",
	}
	// pairKeys are condition keys, with the operators and values that they take.
	pairKeys = []struct {
		key               string
		operators, values []string
	}{
		{"aws:RequestedRegion", []string{"StringEquals", "StringNotEquals", "StringLike"}, []string{"us-east-1", "us-west-2", "eu-*", "eu-west-1"}},
		{"aws:SourceVpce", []string{"StringEquals", "StringNotEquals", "StringEqualsIfExists", "Null"}, []string{"vpce-1", "vpce-2", "vpce-3"}},
		{"aws:SourceIp", []string{"IpAddress", "NotIpAddress", "NotIpAddressIfExists"}, []string{"10.0.0.0/8", "10.1.0.0/16", "192.168.1.0/24", "203.0.113.0/24", "2001:db8::/32"}},
		{"aws:CurrentTime", []string{"DateLessThan", "DateGreaterThanEquals", "DateLessThanEquals", "DateGreaterThan"}, []string{"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2030-06-01T12:00:00Z"}},
		{"aws:MultiFactorAuthAge", []string{"NumericLessThan", "NumericGreaterThan", "NumericNotEquals", "NumericLessThanEqualsIfExists"}, []string{"300", "3600", "43200"}},
		{"aws:MultiFactorAuthPresent", []string{"Bool", "BoolIfExists", "Null"}, []string{"true", "false"}},
		{"aws:PrincipalTag/team", []string{"StringEquals", "StringNotLike", "StringEqualsIgnoreCase", "StringLikeIfExists"}, []string{"fin", "ml-*", "*r", "Platform"}},
		{"bedrock:GuardrailIdentifier", []string{"StringEquals", "StringLike", "StringNotEqualsIfExists", "Null"}, []string{"arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1:1", "arn:aws:bedrock:*:111122223333:guardrail/gr1*"}},
		{"bedrock:InferenceProfileArn", []string{"ArnLike", "ArnNotLike", "StringLike", "Null"}, []string{"arn:aws:bedrock:*:*:inference-profile/us.*", "arn:aws:bedrock:*:111122223333:application-inference-profile/*"}},
		{"bedrock:ServiceTier", []string{"StringEquals", "StringNotEquals"}, []string{"default", "priority", "flex"}},
		{"aws:PrincipalOrgPaths", []string{"ForAnyValue:StringLike", "ForAllValues:StringEquals"}, []string{"o-a/r-b/ou-c/*", "o-a/r-b/ou-c/ou-d/", "o-a/*"}},
	}
)

func madeStatement(d *rand.Rand) statement {
	s := statement{Effect: allow}
	if d.IntN(4) == 0 {
		s.Effect = "Deny"
	}
	if actions := someOf(d, pairActions, 2); d.IntN(8) == 0 {
		s.NotAction = actions
	} else {
		s.Action = actions
	}
	if arns := someOf(d, pairARNs, 2); d.IntN(6) == 0 {
		s.NotResource = arns
	} else {
		s.Resource = arns
	}
	if d.IntN(2) == 0 {
		s.Condition = madeConditions(d)
	}
	return s
}

// madeConditions are one to three, each of another key.
func madeConditions(d *rand.Rand) conditions {
	out := conditions{}
	for _, i := range d.Perm(len(pairKeys))[:1+d.IntN(3)] {
		k := pairKeys[i]
		operator, values := k.operators[d.IntN(len(k.operators))], someOf(d, k.values, 2)
		if operator == "Null" || k.key == "aws:MultiFactorAuthPresent" {
			values = words{[]string{"true", "false"}[d.IntN(2)]}
		}
		if out[operator] == nil {
			out[operator] = map[string]words{}
		}
		out[operator][k.key] = values
	}
	return out
}

// someOf are one to so many of a list.
func someOf(d *rand.Rand, list []string, most int) (out words) {
	for range 1 + d.IntN(most) {
		out = append(out, list[d.IntN(len(list))])
	}
	return out
}
