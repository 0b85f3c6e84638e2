package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// madeAccount is an AWS account that does not exist: so many users and roles,
// always the same for a number. Of them 85 % are roles; 30 % hold a grant of a
// model or a family, a third of these under a condition; 8 % hold bedrock:*, 2 %
// hold everything but what a NotAction names; 10 % have a Deny and 3 % a
// boundary; 2 % of the roles trust the whole account, and 2 % of all may assume
// one of them.
type madeAccount struct {
	number, principals int
}

// regionPolicy is the service control policy that binds all of them.
const regionPolicy = `{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "*", "Resource": "*"},
  {"Sid": "Regions", "Effect": "Deny", "Action": "bedrock:*", "Resource": "*",
   "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-east-2", "us-west-2"]}}}]}
`

func (a madeAccount) id() string             { return fmt.Sprintf("%012d", 111122220000+a.number) }
func (a madeAccount) arn(rest string) string { return "arn:aws:iam::" + a.id() + ":" + rest }

// writeAccounts writes accounts into a directory, a file each, and returns how
// many bytes they are.
func writeAccounts(dir string, accounts, principals int) (total int64, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	for n := range accounts {
		size, err := madeAccount{n, principals}.save(filepath.Join(dir, fmt.Sprintf("account-%03d.json", n)))
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}

func (a madeAccount) save(path string) (int64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if err := a.write(w); err != nil {
		return 0, fmt.Errorf("writing %s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Close()
}

// write writes the account as `aws iam get-account-authorization-details` does:
// users before roles, indented. Nothing but one entity is ever held.
func (a madeAccount) write(w io.Writer) error {
	l := &listing{w: w}
	for _, kind := range []string{"User", "Group", "Role"} {
		l.begin(kind + "DetailList")
		for i := range a.principals {
			if e := a.entity(i); e.kind() == kind {
				l.item(e)
			}
		}
	}
	l.begin("Policies")
	for _, p := range a.policies() {
		l.item(p)
	}
	l.end()
	return l.err
}

// listing writes an object of lists, item by item.
type listing struct {
	w     io.Writer
	lists int
	items int // of the open list
	err   error
}

func (l *listing) put(text string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, text)
	}
}

func (l *listing) begin(name string) {
	if l.lists == 0 {
		l.put("{\n")
	} else {
		l.put("\n    ],\n")
	}
	l.put("    \"" + name + "\": [")
	l.lists, l.items = l.lists+1, 0
}

func (l *listing) item(v any) {
	text, err := json.MarshalIndent(v, "        ", "    ")
	if err != nil {
		l.err = err
		return
	}
	if l.items > 0 {
		l.put(",")
	}
	l.put("\n        " + string(text))
	l.items++
}

func (l *listing) end() { l.put("\n    ]\n}\n") }

// dice are those of one entity, so that it is the same wherever it is written.
func (a madeAccount) dice(i int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(a.number)+1, uint64(i)))
}

// entity is the user or role with a number.
func (a madeAccount) entity(i int) entity {
	d := a.dice(i)
	name := fmt.Sprintf("p%05d", i)
	e := entity{Path: "/", CreateDate: "2025-01-01T00:00:00+00:00", Tags: []tag{{"team", string(rune('a' + d.IntN(3)))}}}
	policy := document{Version: policyVersion, Statement: a.work(i)}
	managed := a.grant(d, &policy)
	if d.Float64() < 0.10 {
		policy.Statement = append(policy.Statement, a.deny(d))
	}
	if d.Float64() < 0.02 {
		policy.Statement = append(policy.Statement, statement{Effect: allow, Action: words{"sts:AssumeRole"}, Resource: words{a.arn(fmt.Sprintf("role/p%05d", d.IntN(a.principals)))}})
	}
	e.AttachedManagedPolicies = managed
	if d.Float64() < 0.03 {
		e.PermissionsBoundary = &boundary{"Policy", a.arn("policy/" + boundaries[d.IntN(len(boundaries))])}
	}
	inline := []inlinePolicy{{"work", policy}}
	if d.Float64() < 0.85 {
		e.RoleName, e.RoleID, e.Arn, e.RolePolicyList, e.RoleLastUsed = name, fmt.Sprintf("AROA%016d", i), a.arn("role/"+name), inline, &struct{}{}
		e.AssumeRolePolicyDocument = a.trust(d)
	} else {
		e.UserName, e.UserID, e.Arn, e.UserPolicyList = name, fmt.Sprintf("AIDA%016d", i), a.arn("user/"+name), inline
	}
	return e
}

// work is what nearly every principal may do, which has nothing to do with
// models.
func (a madeAccount) work(i int) []statement {
	bucket := fmt.Sprintf("arn:aws:s3:::bucket-%d", i)
	return []statement{
		{Effect: allow, Action: words{"s3:GetObject", "s3:PutObject", "s3:ListBucket"}, Resource: words{bucket, bucket + "/*"}},
		{Effect: allow, Action: words{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}, Resource: words{"*"}},
	}
}

// invoke are the two actions behind a model's answer.
var invoke = words{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}

// grantable are what policies name as models.
var grantable = []string{
	"anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-*", "anthropic.*",
	"amazon.nova-pro-v1:0", "amazon.nova-*", "meta.llama*", "mistral.*", "cohere.embed-*", "*",
}

// grant gives the rights to invoke, if there are any, by the principal's own
// policy or by those that it returns.
func (a madeAccount) grant(d *rand.Rand, own *document) []attached {
	switch r := d.Float64(); {
	case r < 0.30:
		model := grantable[d.IntN(len(grantable))]
		s := statement{Effect: allow, Action: invoke, Resource: words{"arn:aws:bedrock:*::foundation-model/" + model}}
		if d.IntN(2) == 0 {
			s.Resource = append(s.Resource, "arn:aws:bedrock:*:"+a.id()+":inference-profile/us."+model)
		}
		if d.IntN(3) == 0 {
			s.Condition = a.condition(d)
		}
		own.Statement = append(own.Statement, s)
	case r < 0.34:
		own.Statement = append(own.Statement, statement{Effect: allow, Action: words{"bedrock:*"}, Resource: words{"*"}})
	case r < 0.38:
		return []attached{{fullPolicy, a.arn("policy/" + fullPolicy)}}
	case r < 0.40:
		own.Statement = append(own.Statement, statement{Effect: allow, NotAction: words{"iam:*", "organizations:*", "account:*"}, Resource: words{"*"}})
	}
	return nil
}

// condition is one of those that policies put on a grant.
func (a madeAccount) condition(d *rand.Rand) conditions {
	switch d.IntN(6) {
	case 0:
		return conditions{"StringEquals": {"bedrock:GuardrailIdentifier": {"arn:aws:bedrock:us-east-1:" + a.id() + ":guardrail/gr1:1"}}}
	case 1:
		return conditions{"StringEquals": {"aws:SourceVpce": {"vpce-1", "vpce-2"}}}
	case 2:
		return conditions{"IpAddress": {"aws:SourceIp": {"203.0.113.0/24", "198.51.100.0/25"}}}
	case 3:
		return conditions{"StringEquals": {"aws:PrincipalTag/team": {"a"}}}
	case 4:
		return conditions{"DateLessThan": {"aws:CurrentTime": {"2035-01-01T00:00:00Z"}}}
	}
	return conditions{"StringEquals": {"aws:RequestedRegion": {"us-east-1", "eu-west-1"}}}
}

// deny takes something away: regions, a family, or calls without a guardrail.
func (a madeAccount) deny(d *rand.Rand) statement {
	s := statement{Effect: "Deny", Action: words{"bedrock:*"}, Resource: words{"*"}}
	switch d.IntN(3) {
	case 0:
		s.Condition = conditions{"StringNotEquals": {"aws:RequestedRegion": {"us-east-1", "us-west-2", "us-east-2"}}}
	case 1:
		s.Action, s.Resource = words{"bedrock:InvokeModel*"}, words{"arn:aws:bedrock:*::foundation-model/anthropic.*"}
	default:
		s.Action, s.Condition = invoke, conditions{"Null": {"bedrock:GuardrailIdentifier": {"true"}}}
	}
	return s
}

// trust is a service, mostly.
func (a madeAccount) trust(d *rand.Rand) *document {
	who := map[string]string{"Service": []string{"lambda.amazonaws.com", "ec2.amazonaws.com", "ecs-tasks.amazonaws.com"}[d.IntN(3)]}
	if d.Float64() < 0.02 {
		who = map[string]string{"AWS": a.arn("root")}
	}
	return &document{Version: policyVersion, Statement: []statement{{Effect: allow, Principal: who, Action: words{"sts:AssumeRole"}}}}
}

const fullPolicy = "ModelsFull"

// boundaries: the second leaves no model.
var boundaries = []string{"BoundaryWide", "BoundaryStorage"}

// policies are the account's managed policies.
func (a madeAccount) policies() []managedPolicy {
	return []managedPolicy{
		a.managed(fullPolicy, words{"bedrock:*"}),
		a.managed(boundaries[0], words{"s3:*", "logs:*", "bedrock:*", "sts:*"}),
		a.managed(boundaries[1], words{"s3:*", "logs:*"}),
	}
}

func (a madeAccount) managed(name string, actions words) managedPolicy {
	d := document{Version: policyVersion, Statement: []statement{{Effect: allow, Action: actions, Resource: words{"*"}}}}
	return managedPolicy{PolicyName: name, Arn: a.arn("policy/" + name), Path: "/", DefaultVersionID: "v1", PolicyVersionList: []policyEdition{{d, "v1", true}}}
}
