// Package demo holds the parts of the world that a demonstration has to bring
// along because it never reaches outside the machine. Nothing in it is for
// production, and everything it makes says so.
package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/.well-known/jwks.json"
	// Mark is the claim that every demo token carries.
	Mark = "writ_demo"
)

// Issuer is an OIDC token issuer that signs whatever it is asked to, with an
// ES256 key that lives as long as the process. It serves its discovery document
// and key set (it is an http.Handler) and is meant for loopback: configure it
// with identity.Issuer{URL: …, AllowLocal: true}.
type Issuer struct {
	base   string // the issuer's URL
	path   string // the URL's path
	keyID  string
	key    *ecdsa.PrivateKey
	signer jose.Signer
}

// NewIssuer makes an issuer with a fresh key. base is its URL and the iss of
// its tokens, such as http://127.0.0.1:8080 or http://127.0.0.1:8080/issuer.
func NewIssuer(base string) (*Issuer, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(base, "/") {
		return nil, fmt.Errorf("making demo issuer: %q is not a plain URL without a final slash", base)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making demo issuer: %w", err)
	}
	keyID := "writ-demo-" + strings.ToLower(rand.Text()[:8])
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}},
		(&jose.SignerOptions{}).WithType("JWT"),
	)
	if err != nil {
		return nil, fmt.Errorf("making demo issuer: %w", err)
	}
	return &Issuer{base: base, path: u.Path, keyID: keyID, key: key, signer: signer}, nil
}

// URL is the issuer's URL, exactly as its tokens' iss has it.
func (i *Issuer) URL() string { return i.base }

// ServeHTTP serves the discovery document and the key set, below the path of
// the issuer's URL, and nothing else.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var doc any
	path, below := strings.CutPrefix(r.URL.Path, i.path)
	switch {
	case below && path == discoveryPath:
		doc = map[string]any{
			"issuer":                                i.URL(),
			"jwks_uri":                              i.URL() + keysPath,
			"id_token_signing_alg_values_supported": []string{"ES256"},
			"response_types_supported":              []string{"id_token"},
			"subject_types_supported":               []string{"public"},
			Mark:                                    true,
		}
	case below && path == keysPath:
		doc = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: i.key.Public(), KeyID: i.keyID, Algorithm: "ES256", Use: "sig"}}}
	default:
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, "encoding document", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Writ-Demo", "true")
	w.Write(body)
}

// reserved are the claims that Token sets itself.
var reserved = []string{"iss", "sub", "aud", "iat", "exp", "jti", Mark}

// Token signs a token for a subject and an audience, valid for ttl from now.
// claims are added to it; they cannot replace the claims that Token sets.
func (i *Issuer) Token(subject, audience string, claims map[string]any, ttl time.Duration) (string, error) {
	if subject == "" || audience == "" || ttl <= 0 {
		return "", errors.New("signing demo token: subject, audience and a positive ttl are required")
	}
	all := maps.Clone(claims)
	if all == nil {
		all = map[string]any{}
	}
	for _, name := range reserved {
		if _, ok := all[name]; ok {
			return "", fmt.Errorf("signing demo token: claim %q is not free", name)
		}
	}
	now := time.Now()
	all["iss"], all["sub"], all["aud"] = i.URL(), subject, audience
	all["iat"], all["exp"] = now.Unix(), now.Add(ttl).Unix()
	all["jti"], all[Mark] = rand.Text(), true
	payload, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("signing demo token: %w", err)
	}
	signed, err := i.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing demo token: %w", err)
	}
	return signed.CompactSerialize()
}
