package proof

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/writ-project/writ/internal/identity"
)

const (
	maxDocument = 1 << 20 // bytes of a discovery document or key set
	maxKeys     = 256     // keys of a set
	minRSABits  = 2048
)

// keySource is the part of an issuer's configuration that says where its keys
// are; it is comparable, so that a change of configuration is another source.
type keySource struct {
	issuer string // URL
	jwks   string // URL; empty means discovery
	caFile string
	local  bool
}

func keySourceOf(i identity.Issuer) keySource {
	return keySource{issuer: i.URL, jwks: i.JWKS, caFile: i.CAFile, local: i.AllowLocal}
}

// fetch gets the issuer's keys. Each fetch has a client of its own: fetches
// are rare, and a CA file may have been replaced since the last.
func (s keySource) fetch(ctx context.Context) (keySet, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	where := s.jwks
	if where == "" {
		if where, err = s.discover(ctx, client); err != nil {
			return nil, err
		}
	}
	body, err := s.get(ctx, client, where)
	if err != nil {
		return nil, fmt.Errorf("fetching keys: %w", err)
	}
	return parseKeys(body)
}

// discover finds where the keys are (OpenID Connect Discovery 1.0, §4). What
// the document says is held against the issuer it is to speak for: the exact
// issuer URL, and keys on the issuer's own host.
func (s keySource) discover(ctx context.Context, client *http.Client) (string, error) {
	body, err := s.get(ctx, client, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", fmt.Errorf("discovering keys: %w", err)
	}
	var doc struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return "", errors.New("discovering keys: the document is not strict JSON of the expected shape")
	}
	if doc.Issuer != s.issuer {
		return "", fmt.Errorf("discovering keys: the document speaks for %.200q", doc.Issuer)
	}
	own, err := s.parse(s.issuer)
	if err != nil {
		return "", err
	}
	keys, err := s.parse(doc.JWKS)
	if err != nil {
		return "", fmt.Errorf("discovering keys: %w", err)
	}
	if authority(own) != authority(keys) {
		return "", fmt.Errorf("discovering keys: jwks_uri is on host %q, not on the issuer's: pin it in the issuer's jwks to allow that", keys.Host)
	}
	return doc.JWKS, nil
}

// parse accepts a URL that keys may be fetched from: https, or http too for a
// local issuer, and no user name in it.
func (s keySource) parse(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return nil, fmt.Errorf("%.200q is not a plain URL", raw)
	}
	if u.Scheme != "https" && !(s.local && u.Scheme == "http") {
		return nil, fmt.Errorf("%.200q: want https", raw)
	}
	return u, nil
}

// authority is a URL's scheme, host and port, in one spelling.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// get fetches one document of at most maxDocument bytes.
func (s keySource) get(ctx context.Context, client *http.Client, where string) ([]byte, error) {
	if _, err := s.parse(where); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", where, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", where, err)
	}
	if len(body) > maxDocument {
		return nil, fmt.Errorf("%s is longer than %d bytes", where, maxDocument)
	}
	return body, nil
}

// client returns an HTTP client that follows no redirect, keeps no connection
// and connects to no address that guard refuses. The environment's proxy is
// not used: it would resolve the name where guard cannot see.
func (s keySource) client() (*http.Client, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.caFile != "" {
		pem, err := os.ReadFile(s.caFile)
		if err != nil {
			return nil, fmt.Errorf("reading CA file: %w", err)
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading CA file: no certificate in %s", s.caFile)
		}
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            Dialer(s.local, 3*time.Second).DialContext,
			TLSClientConfig:        trust,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("redirects are not followed")
		},
	}, nil
}

// parseKeys reads a JWK set (RFC 7517 §5) and keeps the public keys that may
// verify signatures. Keys of other kinds, and those that cannot be read, are
// skipped, as §5 asks; a set without a single usable key is an error.
func parseKeys(b []byte) (keySet, error) {
	var doc struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, errors.New("reading key set: not strict JSON of the expected shape")
	}
	if len(doc.Keys) > maxKeys {
		return nil, fmt.Errorf("reading key set: %d keys: want at most %d", len(doc.Keys), maxKeys)
	}
	set := keySet{}
	for _, raw := range doc.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err == nil && verifies(&key) {
			set[key.KeyID] = append(set[key.KeyID], key)
		}
	}
	if len(set) == 0 {
		return nil, errors.New("reading key set: no usable key")
	}
	return set, nil
}

// verifies reports whether a key may verify signatures: public, named, long
// enough, and not meant for encryption. Symmetric keys never do, so a token
// cannot be signed with what its issuer publishes.
func verifies(k *jose.JSONWebKey) bool {
	if k.KeyID == "" || !k.IsPublic() || !k.Valid() || (k.Use != "" && k.Use != "sig") {
		return false
	}
	if r, ok := k.Key.(*rsa.PublicKey); ok {
		return r.N.BitLen() >= minRSABits
	}
	return true
}
