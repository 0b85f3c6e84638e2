package rights

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
)

// word is a condition key, with what made-up policies compare it to and what
// made-up requests hold for it. A request lacks it, too, unless it is always
// there.
type word struct {
	key      string
	ops      []string
	values   []string
	requests []awsiam.Value
	always   bool
}

var (
	textOps   = []string{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"}
	numberOps = []string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"}
	dateOps   = []string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"}
	arnOps    = []string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"}
	setOps    = func() (ops []string) {
		for _, op := range textOps {
			ops = append(ops, "ForAllValues:"+op, "ForAnyValue:"+op)
		}
		return append(ops, "StringEquals", "StringNotLike")
	}()
)

func ones(items ...string) (out []awsiam.Value) {
	for _, s := range items {
		out = append(out, awsiam.One(s))
	}
	return out
}

const (
	guardrail1 = "arn:aws:bedrock:us-east-1:111122223333:guardrail/g1"
	guardrail2 = "arn:aws:bedrock:us-east-1:111122223333:guardrail/g2:1"
	profileARN = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-x"
	modelEast  = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x"
	modelWest  = "arn:aws:bedrock:us-west-2::foundation-model/anthropic.claude-x"
	modelNova  = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-a"
)

// vocabulary has a key of every type, with few values, so that policies and
// requests meet.
var vocabulary = []word{
	{key: "aws:SourceVpce", ops: textOps, values: []string{"vpce-1", "vpce-2", "vpce-*", "VPCE-1", "vpce-?", "", "${aws:username}", "vpce-${aws:PrincipalTag/team}"},
		requests: ones("vpce-1", "vpce-2", "vpce-a", "VPCE-1", "x", "ann")},
	{key: "aws:SourceVpc", ops: textOps, values: []string{"vpc-1", "vpc-2*", "${aws:SourceVpce}"}, requests: ones("vpc-1", "vpc-22", "vpce-1")},
	{key: "aws:SourceIp", ops: []string{"IpAddress", "NotIpAddress"}, values: []string{"10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32"},
		requests: ones("10.1.2.3", "10.2.0.1", "192.0.2.7", "192.0.2.8", "2001:db8::1", "2001:db9::1")},
	{key: "aws:MultiFactorAuthPresent", ops: []string{"Bool"}, values: []string{"true", "false", "TRUE"}, requests: ones("true", "false")},
	{key: "aws:MultiFactorAuthAge", ops: numberOps, values: []string{"0", "300", "3600", "300.5"}, requests: ones("0", "299", "300", "301", "3600", "9999")},
	{key: "aws:TokenIssueTime", ops: slices.Concat(dateOps, []string{"NumericLessThan"}), values: []string{"2026-01-01T00:00:00Z", "1767225600", "2027-01-01"}[:],
		requests: ones("2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z")},
	{key: "aws:CurrentTime", ops: dateOps, values: []string{"2026-01-01T00:00:00Z", "2027-01-01", "2028-06-01T12:00:00Z"}, always: true},
	{key: "aws:EpochTime", ops: slices.Concat(dateOps, numberOps), values: []string{"1767225600", "1798761600", "1800000000"}, always: true},
	{key: "aws:RequestedRegion", ops: textOps, values: []string{"us-east-1", "us-west-2", "us-*", "eu-*", "unspecified"}, requests: ones("us-east-1", "us-west-2", "eu-west-1", "unspecified", "ap-south-1"), always: true},
	{key: "bedrock:GuardrailIdentifier", ops: slices.Concat(arnOps, textOps), values: []string{guardrail1, guardrail1 + "*", "arn:aws:bedrock:*:111122223333:guardrail/*", guardrail2, "arn:aws:bedrock:${aws:RequestedRegion}:*:guardrail/*", "arn:aws:bedrock:*:*:guardrail/${aws:PrincipalTag/team}"},
		requests: ones(guardrail1, guardrail1+":3", guardrail2, "arn:aws:bedrock:eu-west-1:444455556666:guardrail/a")},
	{key: "aws:PrincipalTag/team", ops: textOps, values: []string{"a", "b", "A", "*", "${aws:username}"}, requests: ones("a", "b", "A", "g1", "anthropic.claude-x")},
	{key: "aws:username", ops: textOps, values: []string{"ann", "bob", "${aws:PrincipalTag/team}"}, requests: ones("ann", "bob", "a")},
	{key: "aws:TagKeys", ops: setOps, values: []string{"a", "b", "c*", "${aws:PrincipalTag/team}"},
		requests: []awsiam.Value{awsiam.Many("a"), awsiam.Many("b"), awsiam.Many("a", "b"), awsiam.Many("c1"), awsiam.Many("a", "x"), awsiam.Many("A", "b", "c2"), awsiam.Many("x")}},
	{key: "custom:size", ops: numberOps, values: []string{"1", "1.5", "-2", "2"}, requests: ones("-3", "-2", "0", "1", "1.2", "1.5", "1.75", "2", "7")},
	{key: "custom:blob", ops: []string{"BinaryEquals"}, values: []string{"YQ==", "YWI="}, requests: ones("YQ==", "YWI=", "Yg==")},
	{key: "custom:flag", ops: []string{"Bool", "StringEquals"}, values: []string{"true", "false"}, requests: ones("true", "false")},
}

func wordFor(key string) word {
	i := slices.IndexFunc(vocabulary, func(w word) bool { return w.key == key })
	return vocabulary[i]
}

var arns = []string{
	"*", modelEast, modelWest, profileARN, "arn:aws:bedrock:*::foundation-model/*", "arn:aws:bedrock:*::foundation-model/anthropic.*", "arn:aws:bedrock:us-*", "arn:aws:bedrock:*claude*",
	"arn:aws:bedrock:*:*:inference-profile/us.*", "arn:aws:bedrock:${aws:RequestedRegion}::foundation-model/*", "arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/team}",
	"arn:aws:bedrock:*:*:${aws:username}/${aws:PrincipalTag/team}", "arn:aws:bedrock:*::foundation-model/${aws:PrincipalTag/team, 'anthropic.claude-x'}",
}

var actions = []string{"*", "bedrock:*", "bedrock:InvokeModel", "BEDROCK:invokemodel*", "bedrock:Invoke?odel", "bedrock:InvokeModelWithResponseStream", "bedrock:Converse", "s3:GetObject"}

const (
	annARN     = "arn:aws:iam::111122223333:user/ann"
	roleARN    = "arn:aws:iam::111122223333:role/app"
	sessionARN = "arn:aws:sts::111122223333:assumed-role/app/s1"
)

var principals = []any{
	"*", map[string]any{"AWS": annARN}, map[string]any{"AWS": roleARN}, map[string]any{"AWS": []string{sessionARN, annARN}},
	map[string]any{"AWS": "111122223333"}, map[string]any{"Service": "lambda.amazonaws.com"}, map[string]any{"AWS": "arn:aws:iam::444455556666:root"},
}

// speech makes policies of a few words.
type speech struct {
	words []word
	// plain leaves out what is undetermined whatever a request holds.
	plain bool
}

func speechOf(t *rapid.T) speech {
	s := speech{plain: rapid.IntRange(0, 3).Draw(t, "plain") > 0}
	for range rapid.IntRange(1, 4).Draw(t, "words") {
		s.words = append(s.words, vocabulary[rapid.IntRange(0, len(vocabulary)-1).Draw(t, "word")])
	}
	return s
}

func pick[T any](t *rapid.T, label string, list []T) T {
	return list[rapid.IntRange(0, len(list)-1).Draw(t, label)]
}

func chance(t *rapid.T, label string, in int) bool { return rapid.IntRange(1, in).Draw(t, label) == 1 }

func some(t *rapid.T, label string, list []string) []string {
	out := []string{pick(t, label, list)}
	if chance(t, label+" more", 3) {
		out = append(out, pick(t, label, list))
	}
	return out
}

func (s speech) conditions(t *rapid.T) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		w := pick(t, "key", s.words)
		op, values := pick(t, "operator", w.ops), some(t, "value", w.values)
		if strings.HasPrefix(op, "Numeric") && w.key == "aws:TokenIssueTime" {
			values = []string{"1767225600"}
		}
		switch {
		case chance(t, "null", 6):
			op, values = "Null", []string{pick(t, "absent", []string{"true", "false"})}
		case chance(t, "ifexists", 4):
			op += "IfExists"
		}
		if out[op] == nil {
			out[op] = map[string][]string{}
		}
		out[op][w.key] = values
	}
	if !s.plain && chance(t, "unknown operator", 8) {
		out["StringMatches"] = map[string][]string{"aws:username": {"ann"}}
	}
	return out
}

func (s speech) statement(t *rapid.T, named bool) map[string]any {
	st := map[string]any{"Effect": pick(t, "effect", []string{"Allow", "Allow", "Deny"})}
	st[pick(t, "action kind", []string{"Action", "Action", "Action", "NotAction"})] = some(t, "action", actions)
	st[pick(t, "resource kind", []string{"Resource", "Resource", "Resource", "NotResource"})] = some(t, "resource", arns)
	if c := s.conditions(t); len(c) > 0 {
		st["Condition"] = c
	}
	if named {
		st[pick(t, "principal kind", []string{"Principal", "Principal", "Principal", "NotPrincipal"})] = pick(t, "principal", principals)
	}
	if !s.plain && chance(t, "unreadable", 12) {
		st["Effect"] = "allow"
	}
	return st
}

func (s speech) document(t *rapid.T, name string, named bool) *awsiam.Document {
	var list []any
	for range rapid.IntRange(1, 3).Draw(t, name+" statements") {
		list = append(list, s.statement(t, named))
	}
	return document(name, map[string]any{"Version": "2012-10-17", "Statement": list})
}

func document(name string, policy any) *awsiam.Document {
	text, err := json.Marshal(policy)
	if err != nil {
		panic(err)
	}
	d, _ := awsiam.Parse(name+" "+string(text), text, awsiam.Position{})
	return d
}

func (s speech) optional(t *rapid.T, name string, in int) *awsiam.Document {
	if !chance(t, name, in) {
		return nil
	}
	return s.document(t, name, false)
}

func (s speech) layers(t *rapid.T) awsiam.Layers {
	l := awsiam.Layers{Identity: []*awsiam.Document{s.document(t, "identity", false)}, Boundary: s.optional(t, "boundary", 4), Endpoint: s.optional(t, "endpoint", 4)}
	if d := s.optional(t, "group", 3); d != nil {
		l.Identity = append(l.Identity, d)
	}
	if d := s.optional(t, "session", 4); d != nil {
		l.Sessions = []*awsiam.Document{d}
	}
	for range rapid.IntRange(0, 2).Draw(t, "levels") {
		l.SCPs = append(l.SCPs, []*awsiam.Document{full, s.document(t, "scp", false)}[rapid.IntRange(0, 1).Draw(t, "full"):])
	}
	return l
}

var full = document("FullAWSAccess", map[string]any{"Version": "2012-10-17", "Statement": map[string]any{"Effect": "Allow", "Action": "*", "Resource": "*"}})

// check is one check with its own region, as an invocation's legs have it.
func (s speech) check(t *rapid.T) Check {
	k := Check{Action: pick(t, "asked", []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}), Resource: pick(t, "on", []string{modelEast, modelWest, profileARN, modelNova}), Known: awsiam.Context{}}
	if chance(t, "region known", 2) {
		k.Known.Set("aws:RequestedRegion", awsiam.One(regionOf(k.Resource)))
	}
	if chance(t, "resource policy", 4) {
		k.Policy, k.Trust = s.document(t, "resource", true), chance(t, "trust", 3)
	}
	k.Account = pick(t, "owner", []string{"", "", "111122223333", "444455556666"})
	if chance(t, "rcp", 5) {
		k.RCPs = [][]*awsiam.Document{{full, s.document(t, "rcp", false)}}
	}
	return k
}

var askers = []awsiam.Principal{
	{ARN: annARN, Account: "111122223333"}, {ARN: roleARN, Account: "111122223333"}, {ARN: roleARN, Session: sessionARN, Account: "111122223333"},
	{Service: "lambda.amazonaws.com"},
}

func (s speech) asks(t *rapid.T) *Case {
	c := &Case{Principal: pick(t, "principal", askers), Layers: s.layers(t), Known: awsiam.Context{}}
	for range rapid.IntRange(1, 2).Draw(t, "checks") {
		c.Checks = append(c.Checks, s.check(t))
	}
	ctx := s.request(t)
	for _, w := range vocabulary {
		if key := awsiam.Key(w.key); !w.always && chance(t, "known "+w.key, 5) {
			c.Known[key] = ctx[key]
		}
	}
	return c
}

// request is what a request holds for every key of the vocabulary.
func (s speech) request(t *rapid.T) awsiam.Context {
	ctx := awsiam.Context{}
	for _, w := range vocabulary {
		switch {
		case w.key == "aws:CurrentTime":
			at := time.Unix(pick(t, w.key, []int64{1767225599, 1767225600, 1767225601, 1798761599, 1798761600, 1798761700, 1800000000, 1800000001, 1843473600, 1900000000}), 0).UTC()
			ctx.Set(w.key, awsiam.One(at.Format(time.RFC3339)))
			ctx.Set("aws:EpochTime", epoch(awsiam.One(at.Format(time.RFC3339))))
		case w.key == "aws:EpochTime":
		case !w.always && chance(t, "absent "+w.key, 3):
			ctx.Set(w.key, awsiam.Value{})
		default:
			ctx.Set(w.key, pick(t, w.key, w.requests))
		}
	}
	return ctx
}

// outcome is what the plain evaluator makes of a case when a request holds a
// context: of all its checks.
func outcome(c *Case, ctx awsiam.Context) awsiam.Truth {
	all := awsiam.True
	for i := range c.Checks {
		k := &c.Checks[i]
		all = all.And(truthOf(awsiam.Evaluate(c.request(k, over(over(ctx, c.Known), k.Known), k.Resource), c.layers(k)).Outcome))
	}
	return all
}

func truthOf(o awsiam.Outcome) awsiam.Truth {
	switch o {
	case awsiam.Allowed:
		return awsiam.True
	case awsiam.Undetermined:
		return awsiam.Unknown
	}
	return awsiam.False
}
