package proof

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/writ-project/writ/internal/identity"
)

const (
	testAudience = "writ"
	testSubject  = "system:serviceaccount:prod:support"
	testRole     = "arn:aws:iam::111122223333:role/support-agent"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// idp is an OIDC issuer on a TLS loopback server.
type idp struct {
	*httptest.Server
	t      *testing.T
	caFile string

	mu      sync.Mutex
	keys    []jose.JSONWebKey // public, as published
	hits    map[string]int    // requests by path
	handler http.HandlerFunc  // answers in the issuer's place, when set
	doc     map[string]any    // overrides in the discovery document
}

func newIDP(t *testing.T, keys ...testKey) *idp {
	t.Helper()
	p := &idp{t: t, hits: map[string]int{}, doc: map[string]any{}}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	p.caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}
	if err := os.WriteFile(p.caFile, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	p.publish(keys...)
	return p
}

func (p *idp) publish(keys ...testKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = nil
	for _, k := range keys {
		p.keys = append(p.keys, jose.JSONWebKey{Key: k.public(), KeyID: k.id, Algorithm: k.alg, Use: "sig"})
	}
}

func (p *idp) answer(h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler = h
}

func (p *idp) fetches(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[path]
}

func (p *idp) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.hits[r.URL.Path]++
	h := p.handler
	doc := map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys"}
	maps.Copy(doc, p.doc)
	keys := jose.JSONWebKeySet{Keys: p.keys}
	p.mu.Unlock()
	switch {
	case h != nil:
		h(w, r)
	case r.URL.Path == "/keys":
		json.NewEncoder(w).Encode(keys)
	case r.URL.Path == "/.well-known/openid-configuration":
		json.NewEncoder(w).Encode(doc)
	default:
		http.NotFound(w, r)
	}
}

func (p *idp) issuer() identity.Issuer {
	return identity.Issuer{ID: "cluster", URL: p.URL, AllowLocal: true, CAFile: p.caFile, Algorithms: []string{"RS256", "ES256"}}
}

// testKey signs tokens.
type testKey struct {
	id, alg string
	signer  crypto.Signer
}

func (k testKey) public() crypto.PublicKey { return k.signer.Public() }

func ecKey(t testing.TB, id string) testKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return testKey{id: id, alg: "ES256", signer: k}
}

func rsaKey(t testing.TB, id string) testKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return testKey{id: id, alg: "RS256", signer: k}
}

func segment(v any) string {
	b, ok := v.([]byte)
	if !ok {
		var err error
		if b, err = json.Marshal(v); err != nil {
			panic(err)
		}
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// sign makes a token out of any header and claims: maps, or raw JSON.
func (k testKey) sign(t testing.TB, header, claims any) Token {
	t.Helper()
	input := segment(header) + "." + segment(claims)
	sum := sha256.Sum256([]byte(input))
	var sig []byte
	switch key := k.signer.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		var err error
		if sig, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:]); err != nil {
			t.Fatal(err)
		}
	}
	return Token(input + "." + segment(sig))
}

func (k testKey) header() map[string]any {
	return map[string]any{"alg": k.alg, "kid": k.id, "typ": "JWT"}
}

// token signs the usual claims of an issuer, changed as edit says.
func (k testKey) token(t testing.TB, iss string, now time.Time, edit func(claims map[string]any)) Token {
	t.Helper()
	c := map[string]any{
		"iss": iss, "sub": testSubject, "aud": testAudience,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if edit != nil {
		edit(c)
	}
	return k.sign(t, k.header(), c)
}

// office is an exchange with everything around it that a test may look at.
type office struct {
	*Exchange
	t     *testing.T
	clock *clock
	idp   *idp
	key   testKey
	world World
	ids   map[string]*identity.Identity

	mu        sync.Mutex
	steps     []string // "record", "seal", in order
	mints     []Mint
	recordErr error
	sealErr   error
}

// open starts an issuer with one key, and an exchange that knows the identity
// support-agent through one binding. edit may change its configuration.
func open(t *testing.T, edit func(*Config)) *office {
	t.Helper()
	o := &office{t: t, clock: &clock{t: epoch}, key: ecKey(t, "k1")}
	o.idp = newIDP(t, o.key)
	o.ids = map[string]*identity.Identity{
		"support-agent": {ID: "support-agent", Kind: identity.Agent, Environment: "prod", Epoch: 7},
		"analytics":     {ID: "analytics", Kind: identity.ServiceAccount, Environment: "prod"},
	}
	o.world = World{
		Issuers: map[string]identity.Issuer{"cluster": o.idp.issuer()},
		Bindings: []identity.Binding{
			{ID: "support-in-cluster", Identity: "support-agent", Issuer: "cluster", Audience: testAudience, Subject: testSubject},
		},
		Identity: func(id string) (*identity.Identity, bool) { i, ok := o.ids[id]; return i, ok },
		Networks: identity.NewNetworks([]identity.Network{
			{ID: "office", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
			{ID: "lab", CIDRs: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
		}),
	}
	cfg := Config{Record: o.record, Seal: o.seal, Now: o.clock.Now}
	if edit != nil {
		edit(&cfg)
	}
	var err error
	if o.Exchange, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) record(_ context.Context, m Mint) (uint64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps = append(o.steps, "record")
	if o.recordErr != nil {
		return 0, o.recordErr
	}
	o.mints = append(o.mints, m)
	return uint64(100 + len(o.mints)), nil
}

func (o *office) seal(s identity.Session) (Credentials, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps = append(o.steps, "seal")
	if o.sealErr != nil {
		return Credentials{}, o.sealErr
	}
	return Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "canary-secret", SessionToken: "canary-token-" + s.ID, Expires: s.Expires}, nil
}

func (o *office) token(edit func(map[string]any)) Token {
	o.t.Helper()
	return o.key.token(o.t, o.idp.URL, o.clock.Now(), edit)
}

func (o *office) request(tok Token) WebIdentityRequest {
	return WebIdentityRequest{Token: tok, RoleARN: testRole, SessionName: "s1", Origin: from("192.0.2.10")}
}

func from(addr string) identity.Origin {
	a := netip.MustParseAddr(addr)
	return identity.Origin{Addr: a, Peer: a}
}

// allow exchanges a request and expects a session.
func (o *office) allow(req WebIdentityRequest) Minted {
	o.t.Helper()
	m, err := o.WebIdentity(o.t.Context(), o.world, req)
	if err != nil {
		o.t.Fatalf("WebIdentity: %v", err)
	}
	return m
}

// deny exchanges a request and expects a refusal for this reason, and neither
// a record nor a credential.
func (o *office) deny(want Reason, req WebIdentityRequest) *Refusal {
	o.t.Helper()
	o.mu.Lock()
	before := len(o.steps)
	o.mu.Unlock()
	m, err := o.WebIdentity(o.t.Context(), o.world, req)
	r := refusal(o.t, err, want)
	if m.Credentials != (Credentials{}) {
		o.t.Errorf("a refusal came with credentials")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.steps) != before {
		o.t.Errorf("a refused proof caused %v", o.steps[before:])
	}
	return r
}

func refusal(t testing.TB, err error, want Reason) *Refusal {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error %v: want a refusal for %s", err, want)
	}
	if r.Reason != want {
		t.Fatalf("refused for %s (%v): want %s", r.Reason, r.Err, want)
	}
	return r
}

func with(name string, v any) func(map[string]any) {
	return func(c map[string]any) { c[name] = v }
}

func without(name string) func(map[string]any) {
	return func(c map[string]any) { delete(c, name) }
}

func hang(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func fail(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "down", http.StatusServiceUnavailable)
}
