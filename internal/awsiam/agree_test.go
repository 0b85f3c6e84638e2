package awsiam

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// keyWords is the vocabulary of conditions: a key, what policies compare it
// with and by what, and what requests hold.
type keyWords struct {
	key       string
	operators []string
	values    []string // in policies
	items     []string // in requests
	multi     bool
}

var vocabulary = []keyWords{
	{"aws:PrincipalTag/Team", []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"},
		[]string{"red", "RED", "r*", "?ed", "${aws:PrincipalTag/Own}", "${aws:principaltag/own, 'red'}", "r${*}", ""}, []string{"red", "Red", "r*", "blue", ""}, false},
	{"aws:PrincipalTag/Own", []string{"StringEquals", "StringNotLike"}, []string{"red", "*e*"}, []string{"red", "blue", "r*", "*"}, false},
	{"aws:MultiFactorAuthAge", []string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
		[]string{"3600", "3600.0", "0", "-1.5"}, []string{"3600", "3599.5", "0", "-2"}, false},
	{"aws:CurrentTime", []string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
		[]string{"2030-01-01T00:00:00Z", "1893456000", "2029-06-01T00:00:00+02:00"}, []string{"2030-01-01T00:00:00Z", "1893455999", "2029-05-31T22:00:00Z"}, false},
	{"aws:SecureTransport", []string{"Bool"}, []string{"true", "False"}, []string{"true", "false"}, false},
	{"test:Hash", []string{"BinaryEquals"}, []string{"QUJD", "YWJj"}, []string{"QUJD", "YWJj"}, false},
	{"aws:SourceIp", []string{"IpAddress", "NotIpAddress"}, []string{"10.0.0.0/8", "10.1.0.0/16", "203.0.113.7", "2001:db8::/32"}, []string{"10.1.2.3", "10.2.0.0", "203.0.113.7", "2001:db8::1"}, false},
	{"aws:SourceArn", []string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
		[]string{"arn:aws:s3:::b/*", "arn:aws:*:::?", "arn:aws:s3:*:b", "arn:aws:s3:::${aws:PrincipalTag/Own}", "arn:aws:*:*:*:*"}, []string{"arn:aws:s3:::b", "arn:aws:s3:::b/x:y", "arn:aws:sns:us-east-1:1:b", "arn:aws:s3:::red"}, false},
	{"aws:TagKeys", []string{"StringEquals", "StringLike", "StringNotEquals"}, []string{"a", "b", "c*"}, []string{"a", "b", "cc", "d"}, true},
}

var (
	actionWords   = []string{"bedrock:InvokeModel", "BEDROCK:invokemodel", "bedrock:Invoke*", "bedrock:?nvoke*Stream", "*", "s3:*", "bedrock:*"}
	resourceWords = []string{
		"*", model, "arn:aws:bedrock:*::foundation-model/anthropic.*", "arn:aws:bedrock:*claude*", "arn:aws:bedrock:us-east-?:*", "arn:aws:s3:::*",
		"arn:aws:s3:::${aws:PrincipalTag/Own}/*", "arn:aws:s3:::${aws:PrincipalTag/Team, 'none'}*", "arn:aws:s3:::${*}", "arn:aws:s3:::Red/x",
	}
	requestActions   = []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream", "s3:GetObject"}
	requestResources = []string{model, "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.x", "arn:aws:s3:::red/x", "arn:aws:s3:::*/x", "arn:aws:s3:::none", "*"}
)

func some(t *rapid.T, words []string, most int) any {
	list := rapid.SliceOfN(rapid.SampledFrom(words), 1, most).Draw(t, "list")
	if len(list) == 1 && rapid.Bool().Draw(t, "alone") {
		return list[0]
	}
	return list
}

func drawConditions(t *rapid.T) object {
	conditions := object{}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		k := rapid.SampledFrom(vocabulary).Draw(t, "key")
		operator, values := rapid.SampledFrom(k.operators).Draw(t, "operator"), some(t, k.values, 2)
		set := rapid.SampledFrom([]string{"", "", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set")
		if k.multi && set == "" && rapid.IntRange(0, 9).Draw(t, "odd") > 0 {
			set = "ForAnyValue:"
		}
		switch rapid.IntRange(0, 5).Draw(t, "form") {
		case 0:
			operator = set + operator + "IfExists"
		case 1:
			operator, values = "Null", rapid.SampledFrom([]string{"true", "false"}).Draw(t, "null")
		default:
			operator = set + operator
		}
		keys, _ := conditions[operator].(object)
		if keys == nil {
			keys = object{}
		}
		keys[k.key] = values
		conditions[operator] = keys
	}
	return conditions
}

func drawStatement(t *rapid.T, principals []any) object {
	s := object{"Effect": rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect")}
	not := func() string { return rapid.SampledFrom([]string{"", "", "", "Not"}).Draw(t, "not") }
	s[not()+"Action"] = some(t, actionWords, 2)
	s[not()+"Resource"] = some(t, resourceWords, 2)
	if c := drawConditions(t); len(c) > 0 {
		s["Condition"] = c
	}
	if principals != nil {
		s["Principal"] = rapid.SampledFrom(principals).Draw(t, "principal")
	}
	return s
}

func drawDocument(t *rapid.T, principals []any) object {
	statements := []object{}
	for range rapid.IntRange(0, 3).Draw(t, "statements") {
		statements = append(statements, drawStatement(t, principals))
	}
	if rapid.Bool().Draw(t, "all") {
		all := object{"Effect": "Allow", "Action": "*", "Resource": "*"}
		if principals != nil {
			all["Principal"] = "*"
		}
		statements = append(statements, all)
	}
	return object{"Version": "2012-10-17", "Statement": statements}
}

func drawRequest(t *rapid.T) oracleRequest {
	who := rapid.SampledFrom([]string{bob, app, session}).Draw(t, "who")
	r := oracleRequest{
		who:      who,
		action:   rapid.SampledFrom(requestActions).Draw(t, "action"),
		resource: rapid.SampledFrom(requestResources).Draw(t, "resource"),
		account:  rapid.SampledFrom([]string{"", home, away}).Draw(t, "account"),
		ctx:      map[string][]string{},
	}
	if who == session {
		r.who, r.session = app, session
	}
	for _, k := range vocabulary {
		key, most := strings.ToLower(k.key), 1
		if k.multi {
			r.multi, most = append(r.multi, key), 3
		}
		if rapid.IntRange(0, 2).Draw(t, "present") > 0 {
			r.ctx[key] = rapid.SliceOfN(rapid.SampledFrom(k.items), 1, most).Draw(t, k.key)
		}
	}
	return r
}

func drawLayers(t *rapid.T) oracleLayers {
	var l oracleLayers
	optional := func() bool { return rapid.IntRange(0, 3).Draw(t, "optional") == 0 }
	documents := func(most int) []object {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) object { return drawDocument(t, nil) }), 0, most).Draw(t, "documents")
	}
	l.identity = documents(2)
	if optional() {
		l.boundary = drawDocument(t, nil)
	}
	if optional() {
		l.sessions = documents(2)
	}
	if optional() {
		l.scps = [][]object{documents(2), documents(2)}
	}
	if rapid.Bool().Draw(t, "resource policy") {
		l.trust = optional()
		l.resource = drawDocument(t, []any{"*", object{"AWS": home}, object{"AWS": app}, object{"AWS": []string{bob, session}}, object{"AWS": away}})
	}
	return l
}

// parsed reads a document, which is sound unless a statement has been spoiled.
func parsed(t *rapid.T, d object) *Document {
	if d == nil {
		return nil
	}
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	doc, problems := Parse("drawn", data, Position{})
	if (len(problems) > 0) != bytes.Contains(data, []byte(spoiled)) {
		t.Fatalf("%v in %s", problems, data)
	}
	return doc
}

func parsedAll(t *rapid.T, docs []object) []*Document {
	if docs == nil {
		return nil
	}
	out := make([]*Document, len(docs))
	for i, d := range docs {
		out[i] = parsed(t, d)
	}
	return out
}

func parsedLayers(t *rapid.T, l oracleLayers) Layers {
	out := Layers{Identity: parsedAll(t, l.identity), Boundary: parsed(t, l.boundary), Sessions: parsedAll(t, l.sessions), Resource: parsed(t, l.resource), Trust: l.trust}
	for _, level := range l.scps {
		out.SCPs = append(out.SCPs, parsedAll(t, level))
	}
	return out
}

func parsedRequest(t *rapid.T, r oracleRequest) Request {
	who := r.who
	if r.session != "" {
		who = r.session
	}
	p, err := ParsePrincipal(who)
	if err != nil {
		t.Fatal(err)
	}
	out := Request{Principal: p, Action: r.action, Resource: r.resource, Account: r.account, Context: Context{}}
	for key, items := range r.ctx {
		v := One(items[0])
		for _, k := range r.multi {
			if k == key {
				v = Many(items...)
			}
		}
		out.Context.Set(key, v)
	}
	return out
}

// On random policies and requests the evaluator agrees with the oracle, unless
// it is undetermined, which is seldom.
func TestEvaluateAgreesWithTheOracle(t *testing.T) {
	cases, outcomes := 0, map[Outcome]int{}
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayers(t)
		layers := parsedLayers(t, l)
		for range 30 {
			r := drawRequest(t)
			got := Evaluate(parsedRequest(t, r), layers)
			allowed, denied := oracleDecide(r, l)
			cases++
			outcomes[got.Outcome]++
			switch {
			case got.Outcome == Undetermined:
			case (got.Outcome == Allowed) != allowed, got.Outcome == ExplicitDeny && !denied:
				t.Fatalf("%+v, oracle: allowed %v, denied %v", got, allowed, denied)
			}
		}
	})
	t.Logf("%d cases: %v", cases, outcomes)
	if outcomes[Undetermined]*4 > cases || outcomes[Allowed]*50 < cases || outcomes[ExplicitDeny]*50 < cases {
		t.Errorf("the cases say too little: %v of %d", outcomes, cases)
	}
}
