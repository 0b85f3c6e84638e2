package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/writtest"
)

const chatPath = "/openai/v1/chat/completions"

// chatError is a refusal as OpenAI's SDKs read it.
type chatError struct {
	Error struct {
		Message, Type, Code string
		Param               *string
	}
}

func readChatError(t testing.TB, text string) chatError {
	t.Helper()
	var e chatError
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.Error.Message == "" {
		t.Errorf("not an error of OpenAI's: %s", text)
	}
	return e
}

// bearerChat posts a chat completion as OpenAI's SDKs do.
func (s *site) bearerChat(t testing.TB, token, body string, header http.Header) writtest.Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.Gateway+chatPath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	for name, v := range header {
		req.Header[name] = v
	}
	return writtest.Do(t, req)
}

func TestChatCompletions(t *testing.T) {
	s := openSite(t, siteOptions{})
	k, _ := s.operations(t)
	token := s.bearer(t, "all-operations")
	t.Run("recorded", func(t *testing.T) {
		lookup := `,"tools":[{"type":"function","function":{"name":"lookup","parameters":{"type":"object"}}}],"tool_choice":"required"`
		a := s.post(t, k, chatPath, chat(oss, "recorded", lookup))
		if a.Status != 200 {
			t.Fatalf("answered %d %s", a.Status, a.Body)
		}
		intent, outcome := s.told(t, a, auditlog.KindIntent), s.outcome(t, a)
		if intent.Call.ModelRequested != oss || intent.Request.Tools[0] != "lookup" {
			t.Errorf("the intent is %+v %+v", intent.Call, intent.Request)
		}
		if o, u := outcome.Outcome, outcome.Usage; o.StopReason != "tool_calls" || o.ToolsCalled[0] != "lookup" || u.Source != "body" || u.Input == 0 || u.Output == 0 || u.CostMicroUSD == nil {
			t.Errorf("the outcome is %+v %+v", o, u)
		}
	})
	t.Run("byte for byte", func(t *testing.T) {
		body := chat(oss, "byte for byte", ",\n \"stream\" : true ,\"stream_options\":{\"include_usage\":true}")
		a := s.bearerChat(t, token, body, http.Header{"Openai-Organization": {"org-1"}, "X-Stainless-Lang": {"js"}, "Openai-Project": {"default"}})
		if a.Status != 200 || a.Header.Get("Content-Type") != "text/event-stream" || !strings.HasSuffix(a.Body, "\n\ndata: [DONE]\n\n") {
			t.Fatalf("answered %d %v %s", a.Status, a.Header, a.Body)
		}
		seen := s.reached("byte for byte")
		if len(seen) != 1 || string(seen[0].Body) != body {
			t.Fatalf("Bedrock saw %+v", seen)
		}
		for name := range seen[0].Header {
			if strings.HasPrefix(name, "Openai-") || strings.HasPrefix(name, "X-Stainless-") {
				t.Errorf("header %s was forwarded", name)
			}
		}
		outcome := s.outcome(t, a)
		if o, u := outcome.Outcome, outcome.Usage; o.Bytes != int64(len(a.Body)) || o.Frames != int64(strings.Count(a.Body, "\n\n")) || u.Source != "stream" || u.Output == 0 || o.StopReason != "stop" || o.Ended != "complete" {
			t.Errorf("the outcome is %+v %+v", o, u)
		}
	})
	t.Run("S22 usage nobody asked for is unknown", func(t *testing.T) {
		a := s.bearerChat(t, token, chat(oss, "no usage", `,"stream":true`), nil)
		if u := s.outcome(t, a).Usage; a.Status != 200 || u.Source != "estimate" || u.CostMicroUSD != nil {
			t.Errorf("answered %d, the usage is %+v", a.Status, u)
		}
		if seen := s.reached("no usage"); len(seen) != 1 || strings.Contains(string(seen[0].Body), "include_usage") {
			t.Errorf("Bedrock saw %+v", seen)
		}
	})
	t.Run("S2", func(t *testing.T) { s.chatAllowList(t, k) })
	t.Run("guardrail", func(t *testing.T) { s.chatGuardrail(t, token) })
	t.Run("errors", func(t *testing.T) { s.chatErrors(t, token) })
	t.Run("breaks", func(t *testing.T) { s.chatBreaks(t, token) })
}

// chatAllowList: what a chat completion switches on is refused unless the
// entitlement lists it, whoever made the model.
func (s *site) chatAllowList(t *testing.T, k writtest.Keys) {
	for members, want := range map[string]string{
		`,"store":false,"temperature":0.5,"verbosity":"low"`: "",
		`,"store":true`:                   "AccessDeniedException",
		`,"web_search_options":{}`:        "AccessDeniedException",
		`,"n":2`:                          "AccessDeniedException",
		`,"background":true`:              "AccessDeniedException",
		`,"previous_response_id":"r"`:     "AccessDeniedException",
		`,"prompt_cache_retention":"24h"`: "AccessDeniedException",
		`,"autopilot":1`:                  "AccessDeniedException",
		`,"modalities":["audio"]`:         "AccessDeniedException",
		`,"functions":[{"name":"pay"}]`:   "AccessDeniedException",
		`,"service_tier":"priority"`:      "AccessDeniedException",
		`,"prompt":"x"`:                   "AccessDeniedException",
		`,"tools":[{"type":"function","function":{"name":"pay"}}]`: "AccessDeniedException",
		`,"tools":[{"type":"web_search"}]`:                         "AccessDeniedException",
		`,"tools":[{"type":"mcp","server_url":"https://x"}]`:       "AccessDeniedException",
		`,"model":"` + oss + `"`:                                   "ValidationException", // twice
		`,"Model":"amazon.nova-pro-v1:0"`:                          "ValidationException",
		`,"Stream":true`:                                           "ValidationException",
		`,"stream":"true"`:                                         "ValidationException",
		`,"stream":1`:                                              "ValidationException",
		`,"tools":{}`:                                              "ValidationException",
		`}{"model":"x"`:                                            "ValidationException",
	} {
		for _, model := range []string{oss, haiku} {
			a := s.post(t, k, chatPath, chat(model, "allow list "+model, members))
			if a.ErrorType() != want {
				t.Errorf("%s %s: answered %d %s, want %q", model, members, a.Status, a.Body, want)
			}
		}
	}
	for body, want := range map[string]string{
		`{"messages":[]}`:          "ValidationException",
		`{"model":null}`:           "ValidationException",
		`{"model":""}`:             "ValidationException",
		`{"model":7}`:              "ValidationException",
		`{"model":"a%2Fb"}`:        "ValidationException",
		`{"model":"../x"}`:         "ValidationException",
		`{"model":"gpt-5"}`:        "AccessDeniedException",
		`{"model":"` + lite + `"}`: "AccessDeniedException",
		``:                         "ValidationException",
		`[]`:                       "ValidationException",
	} {
		if a := s.post(t, k, chatPath, body); a.ErrorType() != want {
			t.Errorf("%s: answered %d %s, want %q", body, a.Status, a.Body, want)
		}
	}
}

func (s *site) chatGuardrail(t *testing.T, token string) {
	named := func(id, version string) http.Header {
		return http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {id}, "X-Amzn-Bedrock-Guardrailversion": {version}}
	}
	for name, c := range map[string]struct {
		header  http.Header
		members string
		want    int
	}{
		"listed":                 {named(guardrail, "1"), "", 200},
		"another":                {named(guardrail+"x", "1"), "", 403},
		"half":                   {http.Header{"X-Amzn-Bedrock-Guardrailversion": {"1"}}, "", 400},
		"tagged without one":     {nil, `,"amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}`, 400},
		"its trace":              {http.Header{"X-Amzn-Bedrock-Trace": {"ENABLED"}}, "", 403},
		"a header of Converse's": {http.Header{"X-Amzn-Bedrock-Service-Tier": {"default"}}, "", 400},
		"another project":        {http.Header{"Openai-Project": {"proj_1"}}, "", 400},
	} {
		if a := s.bearerChat(t, token, chat(oss, "guarded", c.members), c.header); a.Status != c.want {
			t.Errorf("%s: answered %d %s, want %d", name, a.Status, a.Body, c.want)
		}
	}
}

// chatErrors: every refusal is one that OpenAI's SDKs and AWS's both know, and
// none is tried again.
func (s *site) chatErrors(t *testing.T, token string) {
	for name, c := range map[string]struct {
		token, path, body string
		status            int
		kind, code        string
	}{
		"no such token":     {"x", chatPath, chat(oss, "e", ""), 401, "authentication_error", "UnrecognizedClientException"},
		"no right":          {token, chatPath, chat(lite, "e", ""), 403, "permission_error", "AccessDeniedException"},
		"not a body":        {token, chatPath, `{"model"`, 400, "invalid_request_error", "ValidationException"},
		"responses":         {token, "/openai/v1/responses", `{}`, 404, "invalid_request_error", "UnknownOperationException"},
		"mantle's":          {token, "/v1/chat/completions", `{}`, 404, "invalid_request_error", "UnknownOperationException"},
		"with a query":      {token, chatPath + "?a=b", chat(oss, "e", ""), 400, "invalid_request_error", "ValidationException"},
		"Bedrock refuses":   {token, chatPath, `{"model":"` + oss + `","messages":[]}`, 400, "ValidationException", "ValidationException"},
		"Bedrock throttles": {token, chatPath, chat(oss, "fault=refuse/0", ""), 429, "ThrottlingException", "ThrottlingException"},
	} {
		a := s.CallBearer(t, c.token, c.path, c.body)
		e := readChatError(t, a.Body).Error
		if a.Status != c.status || e.Type != c.kind || e.Code != c.code || a.ErrorType() != c.code || e.Param != nil {
			t.Errorf("%s: answered %d %s %s", name, a.Status, a.ErrorType(), a.Body)
		}
		own := a.Header.Get("X-Writ-Decision") != "" && !strings.HasPrefix(name, "Bedrock")
		if own && (a.Header.Get("X-Should-Retry") != "false" || a.Header.Get("X-Request-Id") == "" || a.Header.Get("Date") == "") {
			t.Errorf("%s: headers %v", name, a.Header)
		}
	}
}

// chatBreaks: a stream that breaks off ends with an event that OpenAI's SDKs
// raise, after whole events only.
func (s *site) chatBreaks(t *testing.T, token string) {
	for fault, want := range map[string]string{
		"cut": "broke off", "half_close": "broke off", "garbage": "broke off",
		"truncate": "broke off", "exception": "the stand-in was told to", "stream_error": "the stand-in was told to",
	} {
		a := s.bearerChat(t, token, chat(oss, "fault="+fault+"/3", `,"stream":true,"stream_options":{"include_usage":true}`), nil)
		events := strings.Split(strings.TrimSuffix(a.Body, "\n\n"), "\n\n")
		last, ok := strings.CutPrefix(events[len(events)-1], "data: ")
		if a.Status != 200 || a.Err != nil || !ok || len(events) != 4 {
			t.Errorf("%s: answered %d %q, %v", fault, a.Status, a.Body, a.Err)
			continue
		}
		if e := readChatError(t, last); !strings.Contains(e.Error.Message, want) {
			t.Errorf("%s: ended with %s", fault, last)
		}
		outcome := s.outcome(t, a)
		if outcome.Usage.Source != "estimate" || outcome.Usage.CostMicroUSD != nil || outcome.Outcome.ErrorType == "" {
			t.Errorf("%s: settled as %+v %+v", fault, outcome.Outcome, outcome.Usage)
		}
	}
}

// heldChat begins a stream that stops after two events.
func (s *site) heldChat(t *testing.T, k writtest.Keys, mark string) *http.Response {
	t.Helper()
	body := chat(oss, mark+" held-after-two-frames", `,"stream":true,"stream_options":{"include_usage":true}`)
	req := writtest.Sign(t, k, writtest.Request{URL: s.Gateway + chatPath, Body: body})
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	first := make([]byte, len("data: "))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "data: " {
		t.Fatalf("the first event did not come: %q, %v", first, err)
	}
	return resp
}

func TestRevocationCutsOpenChats(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	k, _ := s.operations(t)
	resp := s.heldChat(t, k, "revoked")
	s.MustRun(t, "delete", "grant", "all-operations")
	rest, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	events := strings.Split(strings.TrimSuffix(string(rest), "\n\n"), "\n\n")
	last := strings.TrimPrefix(events[len(events)-1], "data: ")
	if e := readChatError(t, last).Error; e.Code != "AccessDeniedException" || e.Type != "permission_error" || !strings.Contains(e.Message, "withdrawn") {
		t.Errorf("ended with %q", last)
	}
}

func TestS27_StrictModeHoldsTheLastEventUntilItIsRecorded(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Config: "log: {strict: true}\n"})
	k, _ := s.operations(t)
	resp := s.heldChat(t, k, "strict")
	close(s.gate)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Fatalf("read %q, %v", rest, err)
	}
	// No waiting: the outcome was on disk before the last event was sent.
	id := resp.Header.Get("X-Writ-Decision")
	for _, r := range s.records(t) {
		if r.Kind == auditlog.KindOutcome && r.ID == id {
			whole := append([]byte("data: "), rest...)
			if r.Usage.Output == 0 || r.Outcome.Bytes != int64(len(whole)) || r.Outcome.Ended != "complete" {
				t.Errorf("recorded %+v %+v of %d bytes", r.Outcome, r.Usage, len(whole))
			}
			return
		}
	}
	t.Error("the last event came before the outcome was recorded")
}
