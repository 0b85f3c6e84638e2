package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// guarded is a server with nothing behind its doors: a request that is let in
// panics.
func guarded() (*Server, Token) {
	token := NewToken()
	return New(Config{
		Token: token, Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("let in") }),
		Status:    func(context.Context) Status { panic("let in") },
		DemoToken: func(string, string, time.Duration) (string, error) { panic("let in") },
	}), token
}

func ask(s *Server, method, path, host, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader("{}"))
	r.Host = host
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// TestS21_EveryRouteWantsTheToken walks the routes that there are, so that one
// added later is walked too.
func TestS21_EveryRouteWantsTheToken(t *testing.T) {
	patterns := []string{"GET /metrics"}
	for _, r := range (&Server{}).table() {
		patterns = append(patterns, r.pattern())
	}
	if len(patterns) < 30 {
		t.Fatalf("there are only %d routes", len(patterns))
	}
	for _, pattern := range patterns {
		method, path, _ := strings.Cut(pattern, " ")
		s, token := guarded()
		for _, authorization := range []string{"", "Bearer ", "Bearer wrong", "Basic " + token.Reveal(), token.Reveal(), "Bearer " + token.Reveal() + "x", "bearer " + token.Reveal()} {
			if w := ask(s, method, path, "localhost", authorization); w.Code != http.StatusUnauthorized {
				t.Errorf("%s with %q: status %d", pattern, authorization, w.Code)
			}
		}
	}
}

func TestS21_OnlyOurOwnHostsAreAnswered(t *testing.T) {
	s, _ := guarded()
	s.cfg.Hosts = []string{"writ.internal"}
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8081": 200, "127.0.0.1:8081": 200, "[::1]:8081": 200, "127.9.9.9": 200, "WRIT.internal:443": 200,
		"evil.example": 421, "evil.example:8081": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421,
		"192.0.2.1": 421, "169.254.169.254": 421, "": 421, "[::1].evil.example": 421, "localhost/x?y#z": 421,
	} {
		if w := ask(s, "GET", "/healthz", host, ""); w.Code != want {
			t.Errorf("host %q: status %d, want %d", host, w.Code, want)
		}
	}
}

func TestS21_WrongTokensAreLimited(t *testing.T) {
	s, _ := guarded()
	for n := range 100 {
		if ask(s, "GET", root+"/status", "localhost", "Bearer guess").Code == http.StatusTooManyRequests {
			if n < 20 {
				t.Errorf("after %d guesses already", n)
			}
			return
		}
	}
	t.Error("a hundred guesses were answered")
}

// A wrong token at /readyz is refused like anywhere else, and counts: whether
// the answer is long is no way to try tokens.
func TestS21_ReadinessIsNoPlaceToTryTokens(t *testing.T) {
	s, _ := guarded()
	if got := ask(s, "GET", "/readyz", "localhost", "Bearer guess").Code; got != http.StatusUnauthorized {
		t.Errorf("a wrong token: answered %d", got)
	}
	for range 100 {
		if ask(s, "GET", "/readyz", "localhost", "Bearer guess").Code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("wrong tokens are not limited")
}
