package api

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/store"
)

func bare() *Server {
	rules, err := authority.New(nil)
	if err != nil {
		panic(err)
	}
	return New(Config{
		Office: governance.New(governance.Config{Authority: rules}),
		Token:  NewToken(), Metrics: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler),
		DemoToken: func(string, string, time.Duration) (string, error) { return "t", nil },
	})
}

// post asks for credentials with the right token.
func post(s *Server, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", root+"/credentials", strings.NewReader(body))
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.cfg.Token.Reveal())
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestRequestsAreReadStrictly(t *testing.T) {
	s := bare()
	for name, body := range map[string]string{
		"unknown field": `{"identity":"a","imp":true}`, "not JSON": `identity=a`, "empty": ``, "wrong type": `{"identity":7}`,
		"twice": `{"identity":"a","identity":"b"}`, "another case": `{"Identity":"a"}`, "two values": `{"identity":"a"}{}`, "an array": `[]`, "null": `null`,
		"no UTF-8": "{\"identity\":\"\xff\"}", "nothing required": `{}`,
	} {
		if w := post(s, body); w.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d %s", name, w.Code, w.Body)
		}
	}
}

func TestS17_ImpersonationIsOffByDefault(t *testing.T) {
	s := bare()
	w := post(s, `{"identity":"support-agent"}`)
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "impersonation: true") {
		t.Errorf("status %d %s", w.Code, w.Body)
	}
}

func TestProblemsHaveAStatus(t *testing.T) {
	for want, err := range map[int]error{
		http.StatusNotFound:            fmt.Errorf("x: %w", store.ErrNotFound),
		http.StatusConflict:            fmt.Errorf("x: %w", store.ErrConflict),
		http.StatusForbidden:           governance.ErrBootstrapOver,
		http.StatusServiceUnavailable:  errUnavailable,
		http.StatusUnprocessableEntity: errors.New("anything else"),
		http.StatusBadRequest:          &proof.Refusal{Reason: proof.TooLong},
	} {
		p := problemOf(err)
		if p.Status != want || p.Title == "" || !strings.HasPrefix(p.Type, urn) {
			t.Errorf("%v: %+v, want status %d", err, p, want)
		}
	}
}

func TestTokensStaySecret(t *testing.T) {
	token := NewToken()
	for _, s := range []string{fmt.Sprint(token), fmt.Sprintf("%+v %#v %s", token, token, &token), slog.Any("t", token).String()} {
		if strings.Contains(s, token.Reveal()) {
			t.Errorf("printed: %s", s)
		}
	}
	if (Token{}).Is("") {
		t.Error("no token equals no token")
	}
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token.Reveal()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadToken(path); err != nil || !got.Is(token.Reveal()) {
		t.Errorf("loading: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadToken(path); err == nil {
		t.Error("a token file that others can read was used")
	}
}

func TestClientReportsProblems(t *testing.T) {
	s := bare()
	srv := httptest.NewServer(s)
	defer srv.Close()
	c := NewClient(srv.URL, s.cfg.Token)
	if !c.Alive(t.Context()) {
		t.Fatal("not alive")
	}
	_, err := c.Mint(t.Context(), MintRequest{Identity: "x"})
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusForbidden || p.Hint == "" {
		t.Errorf("got %v", err)
	}
	if _, err := c.DemoToken(t.Context(), DemoTokenRequest{}); err != nil {
		t.Error(err)
	}
	if NewClient("http://127.0.0.1:1", s.cfg.Token).Alive(t.Context()) {
		t.Error("nobody is alive")
	}
	resp, err := http.Get(srv.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("metrics without a token: %d", resp.StatusCode)
	}
}
