package gateway_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/writtest"
)

// marked is a body whose prompt can be searched for, with further members.
func marked(mark, members string) string {
	return fmt.Sprintf(`{"messages":[{"role":"user","content":[{"text":%q}]}]%s}`, mark, members)
}

// messagesBody is an Anthropic Messages body with further members.
func messagesBody(mark, members string) string {
	return fmt.Sprintf(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":32,"messages":[{"role":"user","content":%q}]%s}`, mark, members)
}

// GHSA-4gph-2hhr-5mwg: a name that one reader matches by case and another does
// not, or that both find twice.
func TestGHSA_4gph_DuplicateAndCaseVariantKeysAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "support-agent")
	say := `[{"role":"user","content":[{"text":"keys"}]}]`
	for name, body := range map[string]string{
		"twice":                 `{"messages":` + say + `,"messages":` + say + `}`,
		"in two cases":          `{"messages":` + say + `,"Messages":` + say + `}`,
		"in the wrong case":     `{"Messages":` + say + `}`,
		"escaped":               `{"messages":` + say + `,"\u006dessages":` + say + `}`,
		"nested":                `{"messages":[{"role":"user","Role":"system","content":[{"text":"keys"}]}]}`,
		"in a block":            `{"messages":[{"role":"user","content":[{"text":"keys","Text":"other"}]}]}`,
		"in a tool":             `{"messages":` + say + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","Name":"b","inputSchema":{"json":{}}}}]}}`,
		"unknown, in two cases": `{"messages":` + say + `,"extraField":1,"ExtraField":2}`,
		"Kelvin sign":           `{"messages":` + say + `,"tool\u212aonfig":{}}`,
		"two texts":             `{"messages":` + say + `}{"messages":` + say + `}`,
		"trailing comma":        `{"messages":` + say + `,}`,
		"broken UTF-8":          "{\"messages\":" + say + ",\"x\":\"\xff\"}",
		"lone surrogate":        `{"messages":` + say + `,"x":"\ud800"}`,
		"a comment":             `{"messages":` + say + `/**/}`,
		"byte order mark":       "\ufeff{\"messages\":" + say + "}",
		"UTF-16":                "{\x00}\x00",
		"deep":                  `{"messages":` + say + `,"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
		"no object":             `[]`,
		"empty":                 ``,
	} {
		t.Run(name, func(t *testing.T) {
			a := s.call(t, k, sonnet, "converse", body)
			if name == "Kelvin sign" && a.Status == 403 {
				return // an unknown field, and refused as one
			}
			if a.Status != 400 || a.ErrorType() != "ValidationException" {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			if a.Header.Get("X-Writ-Record") != "" {
				s.told(t, a, auditlog.KindRefusal)
			}
		})
	}
	s.notReached(t, `"keys"`)
}

// What was decided upon is what leaves, to the byte.
func TestGHSA_4gph_BodiesAreForwardedByteForByte(t *testing.T) {
	t.Parallel()
	s := shared()
	body := " {\n\t\"messages\" : [ {\"content\":[{\"text\":\"caf\\u00e9 \u00e9 \\/ \\ud83d\\ude00 as is\"}],\"role\":\"user\"} ] , \"inferenceConfig\":{\"temperature\":1.0e0,\"maxTokens\":32}}\r\n "
	mark := rand.Text()
	body = strings.Replace(body, "as is", mark, 1)
	if a := s.call(t, s.session(t, "support-agent"), sonnet, "converse", body); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	if r := s.reached(mark); len(r) != 1 || string(r[0].Body) != body {
		t.Errorf("the stand-in got %+v", r)
	}
}

// Everything that a body can switch on and that was not granted is refused.
func TestS2_CapabilitiesAreAnAllowList(t *testing.T) {
	t.Parallel()
	s := shared()
	support := s.session(t, "support-agent")
	tool := `"toolConfig":{"tools":[%s]}`
	for name, c := range map[string]struct{ operation, members string }{
		"unknown field":            {"converse", `,"futureField":{"a":1}`},
		"unknown additional field": {"converse", `,"additionalModelRequestFields":{"future_field":1}`},
		"beta flag":                {"converse", `,"additionalModelRequestFields":{"anthropic_beta":["computer-use-2025-01-24"]}`},
		"additional fields, list":  {"converse", `,"additionalModelRequestFields":[1]`},
		"system tool":              {"converse", `,` + fmt.Sprintf(tool, `{"systemTool":{"name":"nova_grounding"}}`)},
		"tool":                     {"converse", `,` + fmt.Sprintf(tool, `{"toolSpec":{"name":"post_payment","inputSchema":{"json":{}}}}`)},
		"unknown kind of tool":     {"converse", `,` + fmt.Sprintf(tool, `{"futureTool":{"name":"x"}}`)},
		"priority tier":            {"converse", `,"serviceTier":{"type":"priority"}`},
		"guardrail":                {"converse", `,"guardrailConfig":{"guardrailIdentifier":"abcdefgh1234","guardrailVersion":"1"}`},
		"guardrail's draft":        {"converse", `,"guardrailConfig":{"guardrailIdentifier":"abcdefgh1234","guardrailVersion":"DRAFT"}`},
		"guardrail, async":         {"converse-stream", `,"guardrailConfig":{"guardrailIdentifier":"abcdefgh1234","guardrailVersion":"1","streamProcessingMode":"async"}`},
		"guardrail's trace":        {"converse", `,"guardrailConfig":{"guardrailIdentifier":"abcdefgh1234","guardrailVersion":"1","trace":"enabled"}`},
		"beta flag in the body":    {"invoke", `,"anthropic_beta":["computer-use-2025-01-24"]`},
		"server tool":              {"invoke", `,"tools":[{"type":"web_search_20250305","name":"web_search"}]`},
		"code execution":           {"invoke", `,"tools":[{"type":"code_execution_20250522","name":"code_execution"}]`},
		"MCP server":               {"invoke", `,"mcp_servers":[{"type":"url","url":"https://mcp.example","name":"m"}]`},
		"client tool":              {"invoke", `,"tools":[{"name":"post_payment","input_schema":{"type":"object"}}]`},
		"container":                {"invoke", `,"container":{"id":"x"}`},
		"unknown body field":       {"invoke-with-response-stream", `,"future_field":true`},
	} {
		t.Run(name, func(t *testing.T) {
			mark := "capability " + name
			body := marked(mark, c.members)
			if strings.HasPrefix(c.operation, "invoke") {
				body = messagesBody(mark, c.members)
			}
			a := s.call(t, support, sonnet, c.operation, body)
			if a.Status != 403 || a.ErrorType() != "AccessDeniedException" {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			s.notReached(t, mark)
			if r := s.told(t, a, auditlog.KindRefusal); r.Decision.Decision != "deny" {
				t.Errorf("recorded as %+v", r.Decision)
			}
		})
	}
	for name, body := range map[string]string{"converse": marked("nothing special", `,"inferenceConfig":{"maxTokens":9}`), "invoke": messagesBody("nothing special", "")} {
		if a := s.call(t, support, sonnet, name, body); a.Status != 200 {
			t.Errorf("%s without any: answered %d %s", name, a.Status, a.Body)
		}
	}
}

func TestS3_ObjectsInBodiesAreLegsOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "analytics")
	for name, block := range map[string]string{
		"image":    `{"image":{"format":"png","source":{"s3Location":{"uri":"s3://payroll/salaries.png"}}}}`,
		"document": `{"document":{"format":"pdf","name":"d","source":{"s3Location":{"uri":"s3://payroll/salaries.pdf","bucketOwner":"111122223333"}}}}`,
		"video":    `{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://payroll/x.mp4"}}}}`,
		"unknown":  `{"hologram":{"at":" s3://payroll/x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"messages":[{"role":"user","content":[{"text":"object ` + name + `"},` + block + `]}]}`
			a := s.call(t, k, pro, "converse", body)
			if a.Status != 403 {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			s.notReached(t, "object "+name)
		})
	}
}

func TestS4_HalfNamedGuardrailsAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "support-agent")
	for name, c := range map[string]struct {
		operation, body string
		header          http.Header
	}{
		"no version":          {"converse", marked("half", `,"guardrailConfig":{"guardrailIdentifier":"abcdefgh1234"}`), nil},
		"no identifier":       {"converse", marked("half", `,"guardrailConfig":{"guardrailVersion":"1"}`), nil},
		"empty":               {"converse", marked("half", `,"guardrailConfig":{}`), nil},
		"identifier alone":    {"invoke", messagesBody("half", ""), http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {"abcdefgh1234"}}},
		"version alone":       {"invoke", messagesBody("half", ""), http.Header{"X-Amzn-Bedrock-Guardrailversion": {"1"}}},
		"headers on Converse": {"converse", marked("half", ""), http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {"abcdefgh1234"}, "X-Amzn-Bedrock-Guardrailversion": {"1"}}},
	} {
		r := s.request(sonnet, c.operation, c.body)
		r.Header = c.header
		if a := writtest.Do(t, writtest.Sign(t, k, r)); a.Status != 400 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	s.notReached(t, `"half"`)
}

// In Cedar an entity without parents is in no family, so that a rule on a
// family would not see an ARN that nobody has said anything about.
func TestS1_UnresolvableModelsAreRefusedBeforeAnyRule(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "analytics")
	account := "arn:aws:bedrock:us-east-1:" + demo.Account + ":"
	for name, model := range map[string]string{
		"provisioned throughput":    account + "provisioned-model/abcdefghijkl",
		"custom model":              account + "custom-model/amazon.nova-pro-v1:0:300k/abcdefghijkl",
		"imported model":            account + "imported-model/abcdefghijkl",
		"application profile":       account + "application-inference-profile/abcdefghijkl",
		"prompt router":             account + "default-prompt-router/amazon.nova:1",
		"endpoint":                  "arn:aws:sagemaker:us-east-1:" + demo.Account + ":endpoint/nova",
		"prompt":                    account + "prompt/ABCDEFGHIJ:1",
		"model of another region":   "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-pro-v1:0",
		"another account's profile": "arn:aws:bedrock:us-east-1:444455556666:inference-profile/us.amazon.nova-pro-v1:0",
		"another partition":         "arn:aws-cn:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
		"unknown model":             "amazon.nova-pro-v9:0",
		"case variant":              "Amazon.Nova-Pro-v1:0",
		"unknown profile":           "xx.amazon.nova-pro-v1:0",
	} {
		t.Run(name, func(t *testing.T) {
			mark := "unresolvable " + name
			a := s.call(t, k, model, "converse", writtest.Say(mark))
			if a.Status != 403 && a.Status != 400 {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			s.notReached(t, mark)
			if r := s.told(t, a, auditlog.KindRefusal); r.Decision.Code != "unresolved" && r.Decision.Code != "malformed" {
				t.Errorf("refused as %s, want before any rule", r.Decision.Code)
			}
		})
	}
	if a := s.call(t, k, pro, "converse", writtest.Say("resolved")); a.Status != 200 {
		t.Errorf("a model of the family: answered %d %s", a.Status, a.Body)
	}
}

func TestS5_DeclarationsOnlyRaise(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "support-agent")
	for name, c := range map[string]struct {
		metadata string
		want     int
	}{
		"health data":        {`{"writ.classes":"health"}`, 403},
		"one of several":     {`{"writ.classes":"source_code,health"}`, 403},
		"its purpose":        {`{"writ.purpose":"customer-support"}`, 200},
		"another purpose":    {`{"writ.purpose":"payroll"}`, 403},
		"no class there is":  {`{"writ.classes":"public"}`, 400},
		"nothing that helps": {`{"writ.classes":"source_code"}`, 200},
	} {
		if a := s.call(t, k, sonnet, "converse", marked("declared", `,"requestMetadata":`+c.metadata)); a.Status != c.want {
			t.Errorf("%s: answered %d %s, want %d", name, a.Status, a.Body, c.want)
		}
	}
}

// An erroring policy is skipped by Cedar; a forbid that was skipped must not
// let anything through.
func TestS6_ErroringForbidDenies(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	if a := s.call(t, s.session(t, "support-agent"), sonnet, "converse", writtest.Say("before the rule")); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	head := `@id("late") forbid (principal, action in Writ::Action::"Invoke", resource) when { `
	for _, when := range []string{
		`context.request.maxTokens + 9223372036854775807 > 0`,
		`context.asserted.purpose == "payroll"`,
		`principal.sponsor == "nobody"`,
		`context.network.ip.isLoopback()`,
	} {
		if r := s.tryApply(t, "late.cedar", head+when+` };`); r.Code == 0 {
			t.Errorf("a rule that can fail was loaded: %s", when)
		}
	}
	r := s.tryApply(t, "late.cedar", head+`context.time.now.offset(duration("106751991167d")) < context.time.now };`)
	if r.Code != 0 {
		return // then no rule that can fail is ever loaded
	}
	a := s.call(t, s.session(t, "support-agent"), sonnet, "converse", writtest.Say("after the rule"))
	if a.Status != 403 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "after the rule")
	if got := s.told(t, a, auditlog.KindRefusal); got.Decision.Code != "policy_error" {
		t.Errorf("recorded as %+v", got.Decision)
	}
}

// Where nothing keeps what a person must release, it is not asked for.
func TestS8_ObligationThatCannotBeMetRefuses(t *testing.T) {
	t.Parallel()
	in, _ := newHolding(t, rights.Hold{}, func(c *gateway.Config) { c.Holds = nil })
	if a := in.call(t, "converse", writtest.Say("no tools")); a.Status != 200 {
		t.Errorf("a call that obliges nothing: answered %d %s", a.Status, a.Body)
	}
	if a := in.call(t, "converse", offering("writes")); a.Status != 403 {
		t.Errorf("a tool that writes: answered %d %s", a.Status, a.Body)
	}
	if got := in.entries(t, auditlog.KindRefusal); len(got) != 1 || got[0].Decision.Code != "obligation" {
		t.Errorf("recorded as %+v", got)
	}
	if n := len(in.seen.Requests()); n != 1 {
		t.Errorf("%d requests reached Bedrock, want the one that obliges nothing", n)
	}
}

func TestS15_ForwardedForIsReadFromTheRight(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "partner-inference")
	for name, c := range map[string]struct {
		hops []string
		want int
	}{
		"no proxy":              {nil, 200},
		"its own network":       {[]string{"127.0.0.9"}, 200},
		"mapped":                {[]string{"::ffff:127.0.0.9"}, 200},
		"from outside":          {[]string{"203.0.113.9"}, 403},
		"outside, then a proxy": {[]string{"203.0.113.9, 127.0.0.1"}, 403},
		"a lie on the left":     {[]string{"127.0.0.1, 203.0.113.9"}, 403},
		"over two lines":        {[]string{"127.0.0.1", "203.0.113.9"}, 403},
		"unreadable":            {[]string{"unknown"}, 403},
		"unreadable on right":   {[]string{"127.0.0.9, _hidden"}, 403},
		"with a zone":           {[]string{"::1%eth0"}, 403},
		"octal":                 {[]string{"0177.0.0.1"}, 403},
	} {
		req := writtest.Sign(t, k, s.request(lite, "converse", writtest.Say("hops "+name)))
		req.Header["X-Forwarded-For"] = c.hops
		if a := writtest.Do(t, req); a.Status != c.want {
			t.Errorf("%s: answered %d %s, want %d", name, a.Status, a.Body, c.want)
		}
	}
}

// Callers learn that they were refused, what they may ask for and an id: not
// which rules there are.
func TestS20_RefusalsAreNoOracle(t *testing.T) {
	t.Parallel()
	s := shared()
	a := s.call(t, s.session(t, "shared-runtime"), sonnet, "converse", writtest.Say("oracle"))
	if a.Status != 403 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	r := s.told(t, a, auditlog.KindRefusal)
	if !strings.Contains(strings.Join(r.Decision.Policies, " "), "shared-identities-may-not-invoke") {
		t.Errorf("operators are told %+v", r.Decision)
	}
	if strings.Contains(a.Body, "shared-identities") || strings.Contains(a.Body, "everything") {
		t.Errorf("the caller is told %s", a.Body)
	}
	if !strings.Contains(a.Body, r.ID) {
		t.Errorf("the caller is not told the decision's id: %s", a.Body)
	}
}

// A grant is not in force before its time nor after it.
func TestS9_GrantsHoldOnlyInTheirTime(t *testing.T) {
	s := shared()
	grant := func(name string, from, to time.Duration) string {
		return fmt.Sprintf(`apiVersion: writ/v1
kind: Grant
name: ci-summariser.%s
spec: {identity: ci-summariser, entitlement: nova-family, notBefore: %s, notAfter: %s, reason: test}
`, name, time.Now().Add(from).UTC().Format(time.RFC3339), time.Now().Add(to).UTC().Format(time.RFC3339))
	}
	s.apply(t, grant("tomorrow", 24*time.Hour, 48*time.Hour)+"---\n"+grant("yesterday", -48*time.Hour, -24*time.Hour))
	if a := s.call(t, s.freshSession(t, "ci-summariser"), lite, "converse", writtest.Say("out of time")); a.Status != 403 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "out of time")
}
