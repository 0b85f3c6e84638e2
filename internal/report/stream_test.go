package report

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

const account = "111122223333"

// rules of the hand-made stream.
func testRules() []Rule {
	return []Rule{
		{ID: "BR-WIDE-01", Title: "Every Bedrock action on a principal that is no administrator", Severity: High,
			Help:      "The principal may call every action of Amazon Bedrock, those that AWS adds later included. It can invoke any model, switch off the record of invocations and change guardrails. Replace the grant by the actions and models that are used; writ iam tighten writes that policy.",
			Reference: []string{"https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html", "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"}},
		{ID: "BR-KEY-01", Title: "A Bedrock API key that never expires", Severity: High,
			Help: "A long-term API key is a password for models that anybody who finds it can use from anywhere. Delete it and use a role, or at least give it an end."},
		{ID: "BR-PATH-01", Title: "A principal without the right reaches it through others", Severity: High,
			Help: "The principal may not invoke the model itself, but may become a principal that can. What counts is where the path ends. Break the cheapest hop: usually the trust policy of the role at the end."},
		{ID: "BR-COND-03", Title: "A condition that can never hold", Severity: Low,
			Help: "The key in the condition is never present for the action, so the statement does nothing. Remove it, or use the key that was meant."},
		{ID: "BR-USE-01", Title: "A right that was not used", Severity: Medium,
			Help: "The right was not used in the window. Unknown is not unused: see what the logs cover first."},
		{ID: "BR-DATA-01", Title: "Something needed for the answer was not given", Severity: Info,
			Help: "A policy is attached whose document is not among the inputs. Answers that depend on it are undetermined."},
	}
}

func testRun() Run {
	return Run{
		Version: "0.4.0", CatalogueVersion: "2026-11-02", At: "2026-11-26T12:00:00Z",
		Inputs: []Input{
			{"gaad/main account.json", "account authorization details", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
			{"./org.json", "organization", "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"},
		},
		Incomplete: []string{"no resource control policies were given: they could deny more", "the document of managed policy arn:aws:iam::111122223333:policy/Missing is not among the inputs"},
		Principals: 31, Accounts: 2,
		Advisory: "advisory: direct path open (7 principals)",
	}
}

func role(name string) string { return "arn:aws:iam::" + account + ":role/" + name }
func user(name string) string { return "arn:aws:iam::" + account + ":user/" + name }

func at(line, column int) Position {
	return Position{File: "gaad/main account.json", Offset: int64(line * 40), Line: line, Column: column}
}

var fullAccess = Statement{
	Policy: "managed policy arn:aws:iam::aws:policy/AmazonBedrockFullAccess", Layer: "identity", Sid: "BedrockAll", Effect: "Allow",
	Text: json.RawMessage(`{ "Sid": "BedrockAll", "Effect": "Allow", "Action": ["bedrock:*"], "Resource": "*" }`), Position: at(120, 13),
}

func wide(principal string) Finding {
	return Finding{
		Rule: "BR-WIDE-01", Severity: High, Account: account, Principal: principal, Resource: "bedrock:*",
		Title:      "bedrock:* on every resource",
		Detail:     "All 214 models and profiles of the catalogue can be invoked, in every region, without a guardrail.",
		Statements: []Statement{fullAccess},
		Witness:    json.RawMessage(`{"principal":"` + principal + `","action":"bedrock:InvokeModel","resource":"arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0","context":{"aws:RequestedRegion":"us-east-1"}}`),
		Proposal: &Proposal{
			Text:   "Replace AmazonBedrockFullAccess by this policy: it keeps the two models that were used.",
			Policy: json.RawMessage(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["bedrock:InvokeModel"],"Resource":["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0","arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"]}]}`),
			Proof:  "grants nothing new, and covers all 1,204 invocations seen from 2026-08-28 to 2026-11-26",
		},
	}
}

func chain() Finding {
	trust := Statement{Policy: "trust policy of role/Batch", Layer: "trust", Index: 2, Effect: "Allow", Position: at(301, 5)}
	return Finding{
		Rule: "BR-PATH-01", Severity: Critical, Account: account, Principal: user("dev"), Resource: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
		Title: "reaches the model in 2 hops", Condition: "aws:SourceIp in 203.0.113.0/24 and not aws:MultiFactorAuthPresent",
		Path: []Hop{
			{From: user("dev"), To: role("Deploy"), By: "sts:AssumeRole", Condition: "sts:ExternalId = build"},
			{From: role("Deploy"), To: role("Batch"), By: "iam:PassRole and lambda:CreateFunction", Statements: []Statement{trust}},
		},
		Statements: []Statement{trust},
		Proposal:   &Proposal{Text: "Let only lambda functions of the account's pipeline assume role/Batch: add aws:SourceArn to its trust policy."},
	}
}

// hostile is what somebody may call a role's path, a policy and a Sid who wants
// the report to lie.
const hostile = "role/<script>alert(1)</script></script><!--\u202egnp\x1b[31m\nOK\u0007\xff"

func hostileFinding() Finding {
	return Finding{
		Rule: "BR-COND-03", Severity: Low, Account: account, Principal: "arn:aws:iam::" + account + ":" + hostile,
		Title: "=HYPERLINK(\"https://example.com\",\"fine\")", Detail: "See [here](https://example.com) \u2028 and {0}.",
		Statements: []Statement{{Policy: "inline policy \u202ep\x1b]0;x\x07 of " + hostile, Layer: "identity", Sid: "</script>\u200b", Effect: "Deny",
			Text: json.RawMessage("{\"Sid\":\"</script>\u200b\u007f\",\"Effect\":\"Deny\"}"), Position: Position{File: "gaad/main account.json", Offset: 99}}},
		Witness: json.RawMessage("{\"principal\":\"\u202e</script>\"}"),
	}
}

func testFindings() []Finding {
	suppressed := Finding{Rule: "BR-KEY-01", Severity: High, Account: account, Principal: user("legacy"), Title: "key ACCA…7Q has no end",
		Suppressed: "accepted until 2026-12-31 by the platform team"}
	missing := Finding{Rule: "BR-DATA-01", Severity: Info, Account: "444455556666", Title: "a boundary document is missing", Position: at(17, 9),
		Resource: "arn:aws:iam::444455556666:policy/Boundary"}
	key := Finding{Rule: "BR-KEY-01", Severity: Critical, Account: account, Principal: user("ci"), Title: "key ACCA…3M has no end and was made 412 days ago", Position: at(77, 3)}
	highKey := Finding{Rule: "BR-KEY-01", Severity: High, Account: account, Principal: user("lab"), Title: "key ACCA…9K has no end", Position: at(80, 3)}
	all := []Finding{wide(role("App")), missing, hostileFinding(), key, highKey, wide(role("Analytics")), suppressed, chain()}
	for _, name := range []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"} {
		all = append(all, wide(role("service-role/reporting/"+name)))
	}
	return all
}

func testRights() []Right {
	var all []Right
	right := func(principal, kind, target, decision string, also func(*Right)) {
		for _, action := range []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"} {
			r := Right{Account: account, Principal: principal, Kind: kind, Action: action, Target: target, Region: "us-east-1", Decision: decision, Used: "unknown"}
			if also != nil {
				also(&r)
			}
			all = append(all, r)
		}
	}
	const nova, sonnet = "amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	for _, name := range []string{"App", "Analytics", "service-role/reporting/one"} {
		right(role(name), "role", nova, "allowed", nil)
		right(role(name), "role", sonnet, "allowed", func(r *Right) { r.Used = "unused" })
	}
	right(user("dev"), "user", sonnet, "conditional", func(r *Right) { r.Hops, r.Condition = 2, "aws:SourceIp in 203.0.113.0/24" })
	right(user("dev"), "user", nova, "implicit_deny", nil)
	right("arn:aws:iam::"+account+":"+hostile, "role", nova, "undetermined", func(r *Right) { r.Condition = "aws:PrincipalTag/\u202ex = 1" })
	right(user("ci"), "user", nova, "explicit_deny", nil)
	right(user("ci"), "user", sonnet, "allowed", func(r *Right) { r.Until = "2026-12-31T00:00:00Z" })
	return all
}

func testMeasures() []Measure {
	return []Measure{
		{"excess-privilege ratio", "0.83", "", "rights not used in 90 days / all rights, over the fleet", "catalogue 2026-11-02: a new model raises it with no change of policy"},
		{"standing ratio", "1.00", "", "privilege-hours from grants with no expiry or over 30 days / all privilege-hours", ""},
		{"governed share", "0", "%", "rights traced to an approved, unexpired grant / all rights found", "no grants were given"},
	}
}

// send puts the hand-made stream through a handler, findings in the given order.
func send(t testing.TB, h Handler, findings []Finding) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(h.Config(testRun()))
	check(h.Progress("evaluating 31 principals"))
	for _, f := range findings {
		check(h.Finding(f))
	}
	for _, r := range testRights() {
		check(h.Right(r))
	}
	check(h.NotEvaluable(NotEvaluable{"BR-USE-01", "no used rights were given", "--used FILE"}))
	check(h.NotEvaluable(NotEvaluable{"BR-KEY-02", "no credential report was given", "--credentials FILE"}))
	for _, m := range testMeasures() {
		check(h.Measure(m))
	}
	check(h.Flush())
}

// renderers are all of them, by the name of their golden file.
var renderers = map[string]func(io.Writer) Handler{
	"report.txt":   func(w io.Writer) Handler { return Text(w, testRules(), TextOptions{}) },
	"narrow.txt":   func(w io.Writer) Handler { return Text(w, testRules(), TextOptions{Width: 60}) },
	"report.json":  JSON,
	"report.csv":   CSV,
	"report.sarif": func(w io.Writer) Handler { return SARIF(w, testRules()) },
	"report.html":  func(w io.Writer) Handler { return HTML(w, testRules()) },
}

func rendered(t testing.TB, name string, findings []Finding) string {
	t.Helper()
	var b bytes.Buffer
	send(t, renderers[name](&b), findings)
	return b.String()
}
