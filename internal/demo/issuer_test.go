package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
)

// start serves a demo issuer below a path of a plain loopback listener.
func start(t *testing.T, path string) *Issuer {
	t.Helper()
	var i *Issuer
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	var err error
	if i, err = NewIssuer(srv.URL + path); err != nil {
		t.Fatal(err)
	}
	return i
}

func exchange(t *testing.T, i *Issuer, token string) (proof.Minted, error) {
	t.Helper()
	x, err := proof.New(proof.Config{
		Record: func(context.Context, proof.Mint) (uint64, error) { return 1, nil },
		Seal:   func(s identity.Session) (proof.Credentials, error) { return proof.Credentials{Expires: s.Expires}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	issuer := identity.Issuer{ID: "demo", URL: i.URL(), AllowLocal: true}
	binding := identity.Binding{
		ID: "ci", Identity: "ci-summariser", Issuer: "demo", Audience: "writ", Subject: "repo:acme/summariser:environment:dev",
		Claims: map[string]string{"repository": "acme/summariser", Mark: "true"},
	}
	id := &identity.Identity{ID: "ci-summariser", Kind: identity.CIPipeline, Environment: "dev"}
	for _, err := range []error{issuer.Validate(), binding.Validate(), id.Validate()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return x.WebIdentity(t.Context(), proof.World{
		Issuers:  map[string]identity.Issuer{"demo": issuer},
		Bindings: []identity.Binding{binding},
		Identity: func(name string) (*identity.Identity, bool) { return id, name == id.ID },
	}, proof.WebIdentityRequest{
		Token: proof.Token(token), RoleARN: "arn:aws:iam::111122223333:role/ci-summariser", SessionName: "demo",
		Origin: identity.Origin{Addr: netip.MustParseAddr("127.0.0.1")},
	})
}

func TestDemoTokensAreExchanged(t *testing.T) {
	for _, path := range []string{"", "/demo/issuer"} {
		i := start(t, path)
		token, err := i.Token("repo:acme/summariser:environment:dev", "writ", map[string]any{"repository": "acme/summariser"}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		m, err := exchange(t, i, token)
		if err != nil {
			t.Fatal(err)
		}
		if m.Session.Identity != "ci-summariser" || m.Session.Issuer != i.URL() {
			t.Errorf("session %+v", m.Session)
		}
	}
}

func TestOneDemoIssuerDoesNotSpeakForAnother(t *testing.T) {
	one, two := start(t, ""), start(t, "")
	token, err := two.Token("repo:acme/summariser:environment:dev", "writ", map[string]any{"repository": "acme/summariser"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	_, err = exchange(t, one, token)
	var r *proof.Refusal
	if !errors.As(err, &r) || r.Reason != proof.IssuerUnknown {
		t.Errorf("error %v: want a refusal for the issuer", err)
	}
}

func TestEverythingSaysDemo(t *testing.T) {
	i := start(t, "")
	for _, path := range []string{discoveryPath, keysPath} {
		resp, err := http.Get(i.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !json.Valid(body) {
			t.Fatalf("%s: %s, %v", path, body, err)
		}
		if resp.Header.Get("X-Writ-Demo") != "true" || !strings.Contains(string(body), "demo") {
			t.Errorf("%s does not say that it is a demo: %s", path, body)
		}
		if strings.Contains(string(body), `"d":`) {
			t.Errorf("%s publishes the private key", path)
		}
	}
}

func TestDemoIssuerServesNothingElse(t *testing.T) {
	i := start(t, "/issuer")
	for path, want := range map[string]int{
		"/issuer" + keysPath: http.StatusOK, "/issuer": http.StatusNotFound, keysPath: http.StatusNotFound, "/issuer/token": http.StatusNotFound,
	} {
		resp, err := http.Get(strings.TrimSuffix(i.URL(), "/issuer") + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
	resp, err := http.Post(i.URL()+keysPath, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", resp.StatusCode)
	}
}

func TestDemoIssuerRefusesWhatItCannotSign(t *testing.T) {
	i := start(t, "")
	for name, sign := range map[string]func() (string, error){
		"no subject":  func() (string, error) { return i.Token("", "writ", nil, time.Minute) },
		"no audience": func() (string, error) { return i.Token("s", "", nil, time.Minute) },
		"no lifetime": func() (string, error) { return i.Token("s", "writ", nil, 0) },
		"another iss": func() (string, error) {
			return i.Token("s", "writ", map[string]any{"iss": "https://id.example"}, time.Minute)
		},
		"not a demo":    func() (string, error) { return i.Token("s", "writ", map[string]any{Mark: false}, time.Minute) },
		"unmarshalable": func() (string, error) { return i.Token("s", "writ", map[string]any{"f": func() {}}, time.Minute) },
	} {
		if token, err := sign(); err == nil {
			t.Errorf("%s: signed %s", name, token)
		}
	}
	for _, base := range []string{"", "127.0.0.1:80", "http://127.0.0.1/", "http://127.0.0.1?x=1"} {
		if _, err := NewIssuer(base); err == nil {
			t.Errorf("an issuer at %q", base)
		}
	}
}
