package login

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/writ-project/writ/internal/credential"
)

const client = "writ-console"

// idp is an OpenID Connect provider that does what a test tells it to.
type idp struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu        sync.Mutex
	codes     map[string]url.Values // what the code was asked with
	subject   string
	claims    map[string]any // over the usual ones; nil takes one away
	document  map[string]any // likewise
	access    string
	lax       bool // takes a code again, and without PKCE
	signWith  *ecdsa.PrivateKey
	exchanged int
}

func newIDP(t testing.TB) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key, codes: map[string]url.Values{}, subject: "00u1", access: "opaque"}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	p.Server = httptest.NewTLSServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	doc := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256", "none"}, "code_challenge_methods_supported": []string{"S256", "plain"},
	}
	overlay(doc, p.document)
	_ = json.NewEncoder(w).Encode(doc)
}

func overlay(doc, over map[string]any) {
	maps.Copy(doc, over)
	maps.DeleteFunc(doc, func(_ string, v any) bool { return v == nil })
}

func (p *idp) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := rand.Text()
	p.codes[code] = r.URL.Query()
	http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}}.Encode(), http.StatusFound)
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exchanged++
	asked, known := p.codes[r.PostFormValue("code")]
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	met := asked.Get("code_challenge_method") == "S256" && asked.Get("code_challenge") == base64.RawURLEncoding.EncodeToString(sum[:])
	user, secret, _ := r.BasicAuth()
	if user != client || secret != "s3cret" || !known || !met && !p.lax {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"the code s3cret is used"}`)
		return
	}
	if !p.lax {
		delete(p.codes, r.PostFormValue("code"))
	}
	now := time.Now()
	all := map[string]any{
		"iss": p.URL, "sub": p.subject, "aud": client, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "nonce": asked.Get("nonce"),
		"email": "Dana@Example.com", "email_verified": true, "auth_time": now.Unix(),
	}
	overlay(all, p.claims)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": p.access, "token_type": "Bearer", "id_token": p.sign(all)})
}

func (p *idp) sign(all map[string]any) string {
	key := p.key
	if p.signWith != nil {
		key = p.signWith
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	if err != nil {
		panic(err)
	}
	payload, _ := json.Marshal(all)
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, _ := signed.CompactSerialize()
	return text
}

// caFile is the provider's certificate as a file.
func (p *idp) caFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// house is a Door with a provider, and a browser before it.
type house struct {
	*idp
	door    *Door
	server  *httptest.Server
	browser *http.Client
	log     *strings.Builder

	mu       sync.Mutex
	used     map[string]bool
	admitted []Person
	accounts map[string]Account // by subject, or address
	skew     time.Duration
}

func ring(t testing.TB) *credential.Ring {
	t.Helper()
	var keys []credential.Key
	for _, purpose := range []credential.Purpose{credential.SealPurpose, credential.DerivePurpose} {
		keys = append(keys, credential.NewKey(1, purpose, 0, time.Now()))
	}
	r, err := credential.NewRing(credential.RingConfig{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newHouse(t testing.TB, adjust func(*Config)) *house {
	t.Helper()
	h := &house{idp: newIDP(t), used: map[string]bool{}, accounts: map[string]Account{"00u1": {"dana", 3, ""}}, log: new(strings.Builder)}
	sealed := ring(t)
	h.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.door.ServeHTTP(w, r) }))
	t.Cleanup(h.server.Close)
	cfg := Config{
		Provider: Provider{
			Issuer: h.URL, ClientID: client, ClientSecret: "s3cret", Redirect: h.server.URL + "/login/callback",
			Scopes: []string{"email"}, CAFile: h.caFile(t), AllowLocal: true,
		},
		Session: 8 * time.Hour, Ring: func() *credential.Ring { return sealed }, Once: h.once, Admit: h.admit,
		AdmitLink: func(_ context.Context, name, maker string) (Account, error) { return Account{name, 0, maker}, nil },
		Now:       func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return time.Now().Add(h.skew) },
		Log:       slog.New(slog.NewTextHandler(h.log, nil)),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	var err error
	if h.door, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	h.browser = h.newBrowser(t)
	return h
}

func (h *house) newBrowser(t testing.TB) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := h.Client() // trusts the provider
	return &http.Client{Jar: jar, Transport: c.Transport}
}

func (h *house) once(_ context.Context, id string, _ time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.used[id] {
		return errors.New("used")
	}
	h.used[id] = true
	return nil
}

func (h *house) admit(_ context.Context, p Person) (Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.admitted = append(h.admitted, p)
	for _, name := range []string{p.Subject, p.Email} {
		if a, ok := h.accounts[name]; ok {
			return a, nil
		}
	}
	return Account{}, ErrNoAccount
}

// get has the browser follow an address of the server.
func (h *house) get(t testing.TB, c *http.Client, path string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(h.server.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

// cookie is the browser's sign-in, opened.
func (h *house) cookie(t testing.TB, c *http.Client) (credential.SignIn, bool) {
	t.Helper()
	u, _ := url.Parse(h.server.URL)
	for _, k := range c.Jar.Cookies(u) {
		if k.Name == sessionCookie {
			s, err := h.door.cfg.Ring().OpenSignIn(k.Value)
			if err != nil {
				t.Fatal(err)
			}
			return s, true
		}
	}
	return credential.SignIn{}, false
}
