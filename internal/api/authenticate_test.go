package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/login"
)

// doored is a server with a door and a ring, and nothing behind it: whoever is
// looked up there, which panics, was taken for an operator.
func doored(t *testing.T) (*Server, *credential.Ring, Token) {
	t.Helper()
	var keys []credential.Key
	for _, purpose := range []credential.Purpose{credential.SealPurpose, credential.DerivePurpose} {
		keys = append(keys, credential.NewKey(1, purpose, 0, time.Now()))
	}
	ring, err := credential.NewRing(credential.RingConfig{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	door, err := login.New(login.Config{
		Session: time.Hour, Ring: func() *credential.Ring { return ring }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Once: func(context.Context, string, time.Time) error { return errors.New("not here") },
	})
	if err != nil {
		t.Fatal(err)
	}
	s, token := guarded()
	s.cfg.Login, s.cfg.Log = door, slog.New(slog.DiscardHandler)
	return s, ring, token
}

func TestS21_WorkloadsAreNoOperators(t *testing.T) {
	s, ring, _ := doored(t)
	now := time.Now()
	session := identity.Session{ID: "s1", Identity: "bot", Proof: identity.ProofOIDC, Issued: now, Expires: now.Add(time.Minute)}
	signed, err := ring.SealSession(session)
	bearer, err2 := ring.SealBearer(session)
	in := credential.SignIn{ID: "i1", Operator: "dana", Issued: now, Expires: now.Add(time.Minute)}
	link, err3 := ring.SealLink(in)
	code, err4 := ring.SealCode(in)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a session token": signed.SessionToken.Reveal(), "a bearer token": bearer.Token.Reveal(), "a link": link.Token.Reveal(), "a code": code.Token.Reveal(),
		"a bearer token as a sign-in": "writo.v1." + strings.TrimPrefix(bearer.Token.Reveal(), "writb.v1."), "a key": signed.AccessKeyID,
	} {
		for _, path := range []string{"/api/v1/status", "/api/v1/whoami", "/access/v1/search/subject", "/metrics"} {
			method := http.MethodGet
			if strings.HasPrefix(path, "/access") {
				method = http.MethodPost
			}
			if w := ask(s, method, path, "localhost", "Bearer "+text); w.Code != http.StatusUnauthorized {
				t.Errorf("%s at %s: status %d", name, path, w.Code)
			}
		}
		s.failures = newFailures()
	}
}

func TestS21_OtherSitesCannotActByACookie(t *testing.T) {
	s, _, token := doored(t)
	for _, c := range []struct {
		method string
		header map[string]string
		want   int
	}{
		{http.MethodPost, map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		{http.MethodPost, map[string]string{"Sec-Fetch-Site": "same-site"}, http.StatusForbidden},
		{http.MethodDelete, map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		{http.MethodPut, nil, http.StatusForbidden},
		// From here on the cookie is looked at, and is the local administrator's.
		{http.MethodPost, map[string]string{"Sec-Fetch-Site": "same-origin"}, 0},
		{http.MethodPost, map[string]string{"Writ-Via": "console"}, 0},
		{http.MethodPost, map[string]string{"Origin": "http://localhost"}, 0},
		{http.MethodGet, nil, 0},
	} {
		r := httptest.NewRequest(c.method, "/api/v1/x", nil)
		r.Host = "localhost"
		r.AddCookie(&http.Cookie{Name: "writ", Value: token.Reveal()})
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		a, ok := s.authenticate(w, r)
		if want := c.want == 0; ok != want || !ok && w.Code != c.want {
			t.Errorf("%s %v: let in %v, status %d", c.method, c.header, ok, w.Code)
		}
		if ok && (a.Name != governance.LocalAdmin || a.Via != "console") {
			t.Errorf("acts as %+v", a)
		}
	}
	// A header, even a wrong one, is what counts where there is one.
	r := httptest.NewRequest(http.MethodGet, "/api/v1/x", nil)
	r.AddCookie(&http.Cookie{Name: "writ", Value: token.Reveal()})
	r.Header.Set("Authorization", "Basic x")
	if _, ok := s.authenticate(httptest.NewRecorder(), r); ok {
		t.Error("a cookie counts beside a header")
	}
	r.Header["Authorization"] = []string{"Bearer " + token.Reveal(), "Bearer x"}
	if _, ok := s.authenticate(httptest.NewRecorder(), r); ok {
		t.Error("one of two headers counts")
	}
}

func TestByWhichFaceSomebodyActs(t *testing.T) {
	s, _, token := doored(t)
	for said, want := range map[string]string{"": "api", "cli": "cli", "console": "console", "chat": "api", "writ": "api", "CLI": "api", "x\ny": "api"} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/x", nil)
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
		r.Header["Writ-Via"] = []string{said}
		if a, ok := s.authenticate(httptest.NewRecorder(), r); !ok || a.Via != want {
			t.Errorf("%q: %+v", said, a)
		}
	}
}

func TestS21_OneSourcesGuessesCostNobodyElse(t *testing.T) {
	s, _, token := doored(t)
	from := func(source, authorization string) int {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/status", nil)
		r.Host, r.RemoteAddr = "localhost", source
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		if _, ok := s.authenticate(w, r); ok {
			return http.StatusOK
		}
		return w.Code
	}
	for i := range failuresAtOnce + 5 {
		want := http.StatusUnauthorized
		if i >= failuresAtOnce {
			want = http.StatusTooManyRequests
		}
		if got := from(fmt.Sprintf("[2001:db8::%x]:1", i+1), "Bearer wrong"); got != want {
			t.Errorf("attempt %d: status %d", i, got)
		}
	}
	if got := from("[2001:db8::1]:1", "Bearer "+token.Reveal()); got != http.StatusOK {
		t.Errorf("the right token from there: %d", got)
	}
	if got := from("[2001:db8:0:1::1]:1", "Bearer wrong"); got != http.StatusUnauthorized {
		t.Errorf("another source: %d", got)
	}
	for i := range maxSources + 100 {
		from(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), "Bearer wrong")
	}
	if n := len(s.failures.sources); n > maxSources {
		t.Errorf("%d sources are kept", n)
	}
}
