package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// send asks as the local administrator.
func send(s *Server, method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, root+path, strings.NewReader(body))
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.cfg.Token.Reveal())
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func problemIs(t *testing.T, w *httptest.ResponseRecorder, status int, slug string) {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Type != urn+slug || p.Status != status {
		t.Errorf("status %d %s, want %d %s (%v)", w.Code, w.Body, status, slug, err)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("a problem of type %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("a problem that may be cached: %q", got)
	}
}

func TestWhatIsNotServedIsAProblem(t *testing.T) {
	s := bare()
	problemIs(t, send(s, "GET", "/nowhere", "", nil), http.StatusNotFound, "no-such-operation")
	problemIs(t, send(s, "PATCH", "/requests", "", nil), http.StatusMethodNotAllowed, "no-such-operation")
	if got := send(s, "PATCH", "/requests", "", nil).Header().Get("Allow"); !strings.Contains(got, "POST") {
		t.Errorf("Allow is %q", got)
	}
	// There is one version, and one way to it.
	r := httptest.NewRequest("GET", "/v1/status", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	problemIs(t, w, http.StatusNotFound, "no-such-operation")
}

func TestQueriesAreReadStrictly(t *testing.T) {
	s := bare()
	for _, query := range []string{
		"?colour=red", "?limit=5&limit=6", "?limit=many", "?limit=-1", "?state=done", "?mine=yes", "?identity=%00", "?identity=%ff", "?identity=a%0ab",
		"?identity=" + strings.Repeat("x", maxParam+1), "?%zz", "?limit=5;mine=true",
	} {
		problemIs(t, send(s, "GET", "/requests"+query, "", nil), http.StatusBadRequest, "malformed")
	}
	problemIs(t, send(s, "DELETE", "/resources?kind=Grant", "", nil), http.StatusBadRequest, "malformed")
}

func TestADecisionIsOnWhatWasSeen(t *testing.T) {
	s := bare()
	const path, body = "/requests/x/decisions", `{"verdict":"approve"}`
	problemIs(t, send(s, "POST", path, body, nil), http.StatusPreconditionRequired, "precondition-required")
	for _, match := range []string{`12`, `"0"`, `"-1"`, `"012"`, `W/"12"`, `"1", "2"`, `""`, `"99999999999999999999"`} {
		problemIs(t, send(s, "POST", path, body, map[string]string{"If-Match": match}), http.StatusBadRequest, "malformed")
	}
	problemIs(t, send(s, "POST", "/requests", `{"answers":"x"}`, map[string]string{"If-Match": `"12"`}), http.StatusBadRequest, "malformed")
}

func TestBodiesAreBounded(t *testing.T) {
	s := bare()
	long := `{"justification":"` + strings.Repeat("ü", 1<<19) + `","answers":"x"}`
	problemIs(t, send(s, "POST", "/requests", long, nil), http.StatusRequestEntityTooLarge, "too-large")
	problemIs(t, send(s, "POST", "/requests", `answers=x`, map[string]string{"Content-Type": "application/x-www-form-urlencoded"}), http.StatusUnsupportedMediaType, "media-type")
}

func TestKeysGoWithWhatCreates(t *testing.T) {
	s := bare()
	problemIs(t, send(s, "POST", "/keys/rotate", `{}`, map[string]string{"Idempotency-Key": "k"}), http.StatusBadRequest, "malformed")
	for _, key := range []string{strings.Repeat("k", maxKey+1), "a\x7fb"} {
		problemIs(t, send(s, "POST", "/requests", `{"answers":"x"}`, map[string]string{"Idempotency-Key": key}), http.StatusBadRequest, "malformed")
	}
}

func TestASubmissionAsksForOneThing(t *testing.T) {
	s := bare()
	for _, body := range []string{
		`{}`, `{"justification":"please"}`, `{"lift":{"quarantine":"q"},"waiver":{"rule":"r","subject":"Identity/a","duration":"1h"}}`,
		`{"grant":{}}`, `{"grant":{"identity":"a"}}`, `{"grant":{"identity":"a","entitlement":"e","duration":28800}}`, `{"grant":{"identity":"a","entitlement":"e","duration":"eight"}}`,
		`{"grant":{"identity":"a","entitlement":"e","narrow":{"regons":["x"]}}}`,
	} {
		problemIs(t, send(s, "POST", "/requests", body, nil), http.StatusBadRequest, "malformed")
	}
}

func TestAStopNamesItsTarget(t *testing.T) {
	s := bare()
	for _, body := range []string{
		`{"target":{"kind":"identity","name":"a"},"reason":""}`, `{"target":{"kind":"identity","name":""},"reason":"r"}`,
		`{"target":{"kind":"grant","name":"g"},"reason":"r"}`, `{"target":{"kind":"planet","name":"g"},"reason":"r"}`, "{\"target\":{\"kind\":\"tag\",\"name\":\"a\\u0000\"},\"reason\":\"r\"}",
	} {
		problemIs(t, send(s, "POST", "/quarantines", body, nil), http.StatusBadRequest, "malformed")
	}
}
