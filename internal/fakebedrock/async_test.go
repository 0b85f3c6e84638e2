package fakebedrock

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ask sends a request to a stand-in that lives on.
func ask(s *Server, method, path, body string) (int, object) {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	var out object
	_ = json.Unmarshal(w.Body.Bytes(), &out)
	out["error"] = w.Header().Get("X-Amzn-Errortype")
	return w.Code, out
}

func startOf(token, text string) string {
	return `{"clientRequestToken":"` + token + `","modelId":"amazon.nova-reel-v1:1","modelInput":{"text":"` + text + `"},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://out/"}}}`
}

func TestAsyncInvocationsGoOn(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	s := New(Config{Anonymous: true, AsyncTime: time.Second, Now: func() time.Time { return now }})
	_, started := ask(s, http.MethodPost, "/async-invoke", startOf("a", "x"))
	_, failing := ask(s, http.MethodPost, "/async-invoke", startOf("b", "fail"))
	arn, _ := started["invocationArn"].(string)
	if len(arn) == 0 || failing["invocationArn"] == arn {
		t.Fatalf("started %v and %v", started, failing)
	}
	path := func(o object) string {
		return "/async-invoke/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(o["invocationArn"].(string))
	}
	for _, want := range []string{"InProgress", "Completed"} {
		if code, got := ask(s, http.MethodGet, path(started), ""); code != 200 || got["status"] != want || got["clientRequestToken"] != "a" || got["invocationArn"] != arn {
			t.Errorf("%d %v, want %s", code, got, want)
		}
		now = now.Add(2 * time.Second)
	}
	if _, got := ask(s, http.MethodGet, path(failing), ""); got["status"] != "Failed" || got["failureMessage"] == nil {
		t.Errorf("got %v", got)
	}
	if _, got := ask(s, http.MethodGet, "/async-invoke?maxResults=1", ""); len(got["asyncInvokeSummaries"].([]any)) != 1 {
		t.Errorf("listed %v", got)
	}
	if _, got := ask(s, http.MethodGet, "/async-invoke", ""); len(got["asyncInvokeSummaries"].([]any)) != 2 {
		t.Errorf("listed %v", got)
	}
}

func TestAsyncTokensAreTheAccounts(t *testing.T) {
	s := New(Config{Anonymous: true})
	_, first := ask(s, http.MethodPost, "/async-invoke", startOf("a", "x"))
	if _, again := ask(s, http.MethodPost, "/async-invoke", startOf("a", "x")); again["invocationArn"] != first["invocationArn"] {
		t.Errorf("the same request: %v, first %v", again, first)
	}
	if code, other := ask(s, http.MethodPost, "/async-invoke", startOf("a", "y")); code != 400 || other["error"] != "ConflictException" {
		t.Errorf("another request with the token: %d %v", code, other)
	}
}

func TestAsyncValidation(t *testing.T) {
	s := New(Config{Anonymous: true})
	good := startOf("a", "x")
	for name, c := range map[string][2]string{
		"token":  {strings.Replace(good, `"a"`, `"a b"`, 1), "clientRequestToken"},
		"model":  {strings.Replace(good, "modelId", "model", 1), "modelId"},
		"input":  {strings.Replace(good, `{"text":"x"}`, `"x"`, 1), "modelInput"},
		"output": {strings.Replace(good, "s3://out/", "out", 1), "s3Uri"},
		"JSON":   {"{", "Malformed"},
	} {
		code, got := ask(s, http.MethodPost, "/async-invoke", c[0])
		if message, _ := got["message"].(string); code != 400 || got["error"] != "ValidationException" || !strings.Contains(message, c[1]) {
			t.Errorf("%s: %d %v", name, code, got)
		}
	}
	if code, got := ask(s, http.MethodPost, "/async-invoke", strings.Replace(good, "amazon.nova-reel", "nobody.reel", 1)); code != 404 {
		t.Errorf("%d %v", code, got)
	}
	for _, path := range []string{"/async-invoke/arn%3Ax", "/async-invoke?maxResults=0", "/async-invoke?maxResults=x"} {
		if code, got := ask(s, http.MethodGet, path, ""); code != 400 || got["error"] != "ValidationException" {
			t.Errorf("%s: %d %v", path, code, got)
		}
	}
}
