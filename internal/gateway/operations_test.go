package gateway_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/writtest"
)

const (
	oss       = "openai.gpt-oss-120b-1:0"
	sol       = "global.openai.gpt-5.6-sol"
	guardrail = "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1"
)

// operator's manifest: an identity that may do everything there is, and one
// that may only invoke, by an entitlement that names no actions.
func (s *site) operations(t testing.TB) (all, invoking writtest.Keys) {
	t.Helper()
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	var docs []string
	for name, actions := range map[string]string{
		"all-operations": "actions: [InvokeModel, InvokeModelWithResponseStream, CountTokens, ApplyGuardrail], ", "invoking": "",
	} {
		docs = append(docs, fmt.Sprintf(`apiVersion: writ/v1
kind: Identity
name: %[1]s
spec: {kind: workload, environment: prod, team: t, sponsor: a@example.com, owner: b@example.com}
---
apiVersion: writ/v1
kind: Binding
name: %[1]s
spec: {identity: %[1]s, issuer: demo, audience: writ, subject: "demo:%[1]s"}
---
apiVersion: writ/v1
kind: Entitlement
name: %[1]s
spec: {%[2]smodels: [%[3]q, %[4]q, %[5]q, %[6]q], conditions: {data: {unscanned: true}, tools: {read: [lookup]}, guardrails: ["%[7]s:1"]}}
---
apiVersion: writ/v1
kind: Grant
name: %[1]s
spec: {identity: %[1]s, entitlement: %[1]s, notAfter: %[8]s}
`, name, actions, sonnet, haiku, oss, sol, guardrail, until))
	}
	s.apply(t, strings.Join(docs, "---\n"))
	return s.session(t, "all-operations"), s.session(t, "invoking")
}

// post signs a body for a path.
func (s *site) post(t testing.TB, k writtest.Keys, path, body string) writtest.Answer {
	t.Helper()
	return writtest.Do(t, writtest.Sign(t, k, writtest.Request{URL: s.Gateway + path, Body: body}))
}

func chat(model, mark, members string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":%q}]%s}`, model, mark, members)
}

func applied(mark string) string {
	return fmt.Sprintf(`{"source":"INPUT","content":[{"text":{"text":%q}}]}`, mark)
}

func counted(mark string) string {
	return fmt.Sprintf(`{"input":{"converse":{"messages":[{"role":"user","content":[{"text":%q}]}]}}}`, mark)
}

// oneCall is a call of each operation. A new operation needs its own.
var oneCall = map[bedrock.Operation]struct {
	path string
	body func(mark string) string
	leg  string // the resource of its first leg
}{
	bedrock.Converse:       {"/model/" + haiku + "/converse", writtest.Say, "foundation-model/" + haiku},
	bedrock.ConverseStream: {"/model/" + haiku + "/converse-stream", writtest.Say, "foundation-model/" + haiku},
	bedrock.InvokeModel: {"/model/" + haiku + "/invoke",
		func(mark string) string { return messagesBody(mark, "") }, "foundation-model/" + haiku},
	bedrock.InvokeModelWithResponseStream: {"/model/" + haiku + "/invoke-with-response-stream",
		func(mark string) string { return messagesBody(mark, "") }, "foundation-model/" + haiku},
	bedrock.CountTokens:    {"/model/" + haiku + "/count-tokens", counted, "foundation-model/" + haiku},
	bedrock.ApplyGuardrail: {"/guardrail/gr1/version/1/apply", applied, guardrail},
	bedrock.ChatCompletions: {"/openai/v1/chat/completions",
		func(mark string) string { return chat(oss, mark, "") }, "foundation-model/" + oss},
	bedrock.ChatCompletionsStream: {"/openai/v1/chat/completions",
		func(mark string) string { return chat(sol, mark, `,"stream":true`) }, "inference-profile/" + sol},
}

// ofOneCall are the operations of one call and its answer. Asynchronous
// invocations take several: async_attack_test.go is about them.
func ofOneCall() []bedrock.Operation {
	return slices.DeleteFunc(bedrock.Operations(), func(op bedrock.Operation) bool { return op.Async() || op.Bodiless() })
}

// TestEveryOperationTakesTheWholePath: identity, rule, admission and settlement
// each ran, for whatever operation there is.
func TestEveryOperationTakesTheWholePath(t *testing.T) {
	s := openSite(t, siteOptions{})
	all, _ := s.operations(t)
	partner := s.session(t, "sales-agent")
	for _, op := range ofOneCall() {
		t.Run(string(op), func(t *testing.T) {
			c, ok := oneCall[op]
			if !ok {
				t.Fatal("no call of this operation is tried")
			}
			a := s.post(t, all, c.path, c.body("whole "+string(op)))
			if a.Status != http.StatusOK || a.Err != nil {
				t.Fatalf("answered %d %s, %v", a.Status, a.Body, a.Err)
			}
			intent, outcome := s.told(t, a, auditlog.KindIntent), s.outcome(t, a)
			if intent.Who.Identity != "all-operations" || intent.Call.Operation != string(op) || intent.Call.Stream != op.Streams() ||
				!slices.Contains(intent.Right.Grants, "all-operations") || len(intent.Decision.Policies) == 0 || intent.Content.Request == "" {
				t.Errorf("the intent is %+v %+v %+v", intent.Who, intent.Call, intent.Right)
			}
			if len(intent.Call.Legs) == 0 || !strings.HasSuffix(intent.Call.Legs[0].Resource, c.leg) {
				t.Errorf("its legs are %+v, want %s first", intent.Call.Legs, c.leg)
			}
			if o := outcome.Outcome; o.Ended != "complete" || o.Status != 200 || o.UpstreamRequestID == "" || o.Bytes == 0 {
				t.Errorf("the outcome is %+v", o)
			}
			if r := s.reached("whole " + string(op) + `"`); len(r) != 1 || r[0].Operation != string(op) || r[0].Verified != upstreamKeyID {
				t.Errorf("Bedrock saw %d requests: %+v", len(r), r)
			}
			s.refusesWithoutRight(t, partner, op)
		})
	}
}

// refusesWithoutRight: the same call by somebody without a grant for it, and by
// nobody, stays here.
func (s *site) refusesWithoutRight(t *testing.T, k writtest.Keys, op bedrock.Operation) {
	t.Helper()
	c, mark := oneCall[op], "without right "+string(op)
	a := s.post(t, k, c.path, c.body(mark))
	if a.Status != http.StatusForbidden || a.ErrorType() != "AccessDeniedException" || !strings.Contains(a.Body, "bedrock:"+op.Action()) {
		t.Errorf("without a grant: %d %s", a.Status, a.Body)
	}
	if r := s.told(t, a, auditlog.KindRefusal); r.Call.Operation != string(op) || r.Decision.Code != "default_deny" {
		t.Errorf("recorded as %+v %+v", r.Call, r.Decision)
	}
	req, err := http.NewRequest(http.MethodPost, s.Gateway+c.path, strings.NewReader(c.body(mark)))
	if err != nil {
		t.Fatal(err)
	}
	if a := writtest.Do(t, req); a.ErrorType() != "MissingAuthenticationTokenException" {
		t.Errorf("without a credential: %d %s", a.Status, a.Body)
	}
	s.notReached(t, mark)
}

// An entitlement that names no actions gives what it gave before there were
// more: counting and applying must be named.
func TestNewActionsAreOptIn(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	_, invoking := s.operations(t)
	for _, op := range ofOneCall() {
		c := oneCall[op]
		a := s.post(t, invoking, c.path, c.body("opt in "+string(op)))
		want := http.StatusOK
		if op == bedrock.CountTokens || op == bedrock.ApplyGuardrail {
			want = http.StatusForbidden
		}
		if a.Status != want {
			t.Errorf("%s: answered %d %s, want %d", op, a.Status, a.Body, want)
		}
	}
}

func TestS2_CountedRequestIsHeldToTheSameRules(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	k, _ := s.operations(t)
	path := "/model/" + haiku + "/count-tokens"
	inner := func(body string) string {
		return `{"input":{"invokeModel":{"body":"` + base64.StdEncoding.EncodeToString([]byte(body)) + `"}}}`
	}
	say := `"messages":[{"role":"user","content":[{"text":"counted"}]}]`
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"a plain request":      {`{"input":{"converse":{` + say + `}}}`, ""},
		"a provider's own":     {inner(messagesBody("counted", "")), ""},
		"a tool that may be":   {`{"input":{"converse":{` + say + `,"toolConfig":{"tools":[{"toolSpec":{"name":"lookup","inputSchema":{"json":{}}}}]}}}}`, ""},
		"a tool that may not":  {`{"input":{"converse":{` + say + `,"toolConfig":{"tools":[{"toolSpec":{"name":"pay","inputSchema":{"json":{}}}}]}}}}`, "AccessDeniedException"},
		"an unknown field":     {`{"input":{"converse":{` + say + `,"autopilot":true}}}`, "AccessDeniedException"},
		"one further out":      {`{"input":{"converse":{` + say + `}},"autopilot":true}`, "AccessDeniedException"},
		"an MCP server inside": {inner(messagesBody("counted", `,"mcp_servers":[{"url":"https://x"}]`)), "AccessDeniedException"},
		"an object":            {`{"input":{"converse":{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"s3://bkt/k"}}}}]}]}}}`, "AccessDeniedException"},
		"two inputs":           {`{"input":{"converse":{` + say + `},"invokeModel":{"body":"e30="}}}`, "ValidationException"},
		"no input":             {`{"input":{}}`, "ValidationException"},
		"nothing":              {`{}`, "ValidationException"},
		"names twice inside":   {inner(`{"messages":[],"messages":[]}`), "ValidationException"},
		"not base64":           {`{"input":{"invokeModel":{"body":"%%"}}}`, "ValidationException"},
	} {
		a := s.post(t, k, path, c.body)
		if a.ErrorType() != c.want {
			t.Errorf("%s: answered %d %s, want %q", name, a.Status, a.Body, c.want)
		}
		if c.want == "" && !strings.Contains(a.Body, `"inputTokens":`) {
			t.Errorf("%s: answered %s", name, a.Body)
		}
	}
	if a := s.post(t, k, "/model/"+sonnet+"/count-tokens", counted("by profile")); a.Status != 403 || !strings.Contains(a.Body, "anthropic.claude-sonnet-4-5-20250929-v1:0") {
		t.Errorf("a profile: answered %d %s", a.Status, a.Body)
	}
	// The profile's model may be counted for by whoever may count for the profile.
	a := s.post(t, k, "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/count-tokens", counted("its model"))
	if a.Status != 200 {
		t.Fatalf("a profile's model: answered %d %s", a.Status, a.Body)
	}
	if u := s.outcome(t, a).Usage; u.CostMicroUSD == nil || *u.CostMicroUSD != 0 || u.Input != 0 {
		t.Errorf("counting cost %+v", u)
	}
}

func TestS4_GuardrailsAreAppliedByNumberOnly(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	k, _ := s.operations(t)
	escaped := strings.NewReplacer(":", "%3A", "/", "%2F").Replace(guardrail)
	for path, want := range map[string]int{
		"/guardrail/gr1/version/1/apply":                                                 200,
		"/guardrail/" + escaped + "/version/1/apply":                                     200,
		"/guardrail/gr1/version/DRAFT/apply":                                             403,
		"/guardrail/gr1/version/draft/apply":                                             403,
		"/guardrail/gr1/version/2/apply":                                                 403,
		"/guardrail/gr1/version/01/apply":                                                403,
		"/guardrail/gr2/version/1/apply":                                                 403,
		"/guardrail/GR1/version/1/apply":                                                 403,
		"/guardrail/" + escaped + "%2Fx/version/1/apply":                                 403,
		"/guardrail/arn%3Aaws%3As3%3A%3A%3Agr1/version/1/apply":                          403,
		strings.Replace("/guardrail/"+escaped, "11112", "99992", 1) + "/version/1/apply": 403,
	} {
		if a := s.post(t, k, path, applied("by number")); a.Status != want {
			t.Errorf("%s: answered %d %s, want %d", path, a.Status, a.Body, want)
		}
	}
	for body, want := range map[string]string{
		`{"source":"OUTPUT","outputScope":"FULL","content":[{"text":{"text":"BLOCKME","qualifiers":["guard_content","query"]}}]}`: "",
		`{"source":"INPUT","content":[{"image":{"format":"png","source":{"bytes":"aGk="}}}]}`:                                     "",
		`{"source":"INPUT","content":[{"text":{"text":"a"}}],"autopilot":true}`:                                                   "AccessDeniedException",
		`{"source":"BOTH","content":[]}`:                                  "ValidationException",
		`{"source":"INPUT","content":[{"text":{"text":"a"},"image":{}}]}`: "ValidationException",
		`{"source":"INPUT","source":"OUTPUT","content":[]}`:               "ValidationException",
	} {
		if a := s.post(t, k, "/guardrail/gr1/version/1/apply", body); a.ErrorType() != want {
			t.Errorf("%s: answered %d %s, want %q", body, a.Status, a.Body, want)
		}
	}
	a := s.post(t, k, "/guardrail/gr1/version/1/apply", applied("BLOCKME"))
	if !strings.Contains(a.Body, "GUARDRAIL_INTERVENED") {
		t.Errorf("answered %s", a.Body)
	}
	if r := s.told(t, a, auditlog.KindIntent); r.Request.Guardrail != "gr1:1" || r.Call.ModelRequested != "" || r.Call.Legs[0].Kind != "guardrail" {
		t.Errorf("recorded as %+v %+v", r.Request, r.Call)
	}
}

// The grant for the guardrail's use in an invocation does not lend itself to
// applying it, nor the other way round (security S3).
func TestS3_ObjectsOfOneGrantAreNotLentToACount(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	k, _ := s.operations(t)
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	s.apply(t, fmt.Sprintf(`apiVersion: writ/v1
kind: Entitlement
name: with-objects
spec: {actions: [InvokeModel], models: [%q], conditions: {data: {unscanned: true}, objects: ["s3://bkt/*"]}}
---
apiVersion: writ/v1
kind: Grant
name: with-objects
spec: {identity: all-operations, entitlement: with-objects, notAfter: %s}
`, haiku, until))
	object := `"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"s3://bkt/k"}}}}]}]`
	if a := s.post(t, k, "/model/"+haiku+"/converse", "{"+object+"}"); a.Status != 200 {
		t.Errorf("the invocation: %d %s", a.Status, a.Body)
	}
	if a := s.post(t, k, "/model/"+haiku+"/count-tokens", `{"input":{"converse":{`+object+`}}}`); a.Status != 403 {
		t.Errorf("the count: %d %s", a.Status, a.Body)
	}
}
