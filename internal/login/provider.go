package login

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/proof"
)

// provider is what was discovered of the provider, for a while.
type provider struct {
	mu     sync.Mutex
	until  time.Time
	found  *discovered
	failed error // the last time, until it may be asked again
}

type discovered struct {
	client   *http.Client
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// How long a discovery is good for, and how long one that failed is not repeated.
const (
	discoveryLife  = time.Hour
	discoveryPause = 5 * time.Second
)

// maxAnswer bounds what a provider may answer.
const maxAnswer = 1 << 20

// discover returns the provider's endpoints, from its document or from memory.
func (d *Door) discover(ctx context.Context) (*discovered, error) {
	d.provider.mu.Lock()
	defer d.provider.mu.Unlock()
	if d.cfg.Now().Before(d.provider.until) {
		return d.provider.found, d.provider.failed
	}
	found, err := d.ask(ctx)
	life := discoveryLife
	if err != nil {
		err, life = fmt.Errorf("asking the provider who it is: %w", err), discoveryPause
	}
	d.provider.found, d.provider.failed, d.provider.until = found, err, d.cfg.Now().Add(life)
	return found, err
}

func (d *Door) ask(ctx context.Context) (*discovered, error) {
	p := &d.cfg.Provider
	client, err := proof.Client(p.CAFile, p.AllowLocal)
	if err != nil {
		return nil, err
	}
	client.Timeout, client.Transport = askLimit, bounded{client.Transport}
	// The context's end must not be that of later fetches of keys.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), client), p.Issuer)
	if err != nil {
		return nil, err
	}
	var doc document
	if err := found.Claims(&doc); err != nil {
		return nil, err
	}
	if err := doc.check(p); err != nil {
		return nil, err
	}
	return &discovered{
		client: client,
		oauth: oauth2.Config{
			ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: doc.endpoint(p), RedirectURL: p.Redirect,
			Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...),
		},
		verifier: found.Verifier(&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: p.algorithms(), Now: d.cfg.Now}),
	}, nil
}

// document is what is read of a discovery document (OpenID Connect Discovery 1.0
// §3; RFC 8414 §2), beside its issuer, which NewProvider compares.
type document struct {
	Authorize  string   `json:"authorization_endpoint"`
	Token      string   `json:"token_endpoint"`
	JWKS       string   `json:"jwks_uri"`
	Challenges []string `json:"code_challenge_methods_supported"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
}

func (doc *document) check(p *Provider) error {
	if len(doc.Challenges) > 0 && !slices.Contains(doc.Challenges, "S256") {
		return errors.New("it does not do PKCE with S256")
	}
	for _, where := range []string{doc.Authorize, doc.Token, doc.JWKS} {
		if err := p.endpoint(where); err != nil {
			return err
		}
	}
	return nil
}

// endpoint says how the client shows its secret: in the header, which is the
// default, unless the provider takes it in the form only. Trying both would use
// up the code.
func (doc *document) endpoint(p *Provider) oauth2.Endpoint {
	style := oauth2.AuthStyleInHeader
	if p.ClientSecret == "" || len(doc.Methods) > 0 && !slices.Contains(doc.Methods, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	return oauth2.Endpoint{AuthURL: doc.Authorize, TokenURL: doc.Token, AuthStyle: style}
}

func (p *Provider) algorithms() []string {
	if len(p.Algorithms) > 0 {
		return p.Algorithms
	}
	return []string{oidc.RS256, oidc.ES256}
}

// endpoint refuses an endpoint that is not the issuer's own or a configured host's
// (security S12).
func (p *Provider) endpoint(raw string) error {
	u, err := url.Parse(raw)
	own, err2 := url.Parse(p.Issuer)
	switch {
	case err != nil || err2 != nil || u.Host == "" || u.User != nil:
		return fmt.Errorf("its endpoint %.200q is not a plain URL", raw)
	case u.Scheme != "https" && !(p.AllowLocal && u.Scheme == "http"):
		return fmt.Errorf("its endpoint %.200q: want https", raw)
	case !strings.EqualFold(u.Host, own.Host) && !slices.Contains(p.Hosts, u.Host):
		return fmt.Errorf("its endpoint is on host %q, not on the issuer's: name it in login.hosts to allow that", u.Host)
	}
	return nil
}

// claims are what is read of an ID token beside what its verifier checks.
type claims struct {
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
	Party    string `json:"azp"`
	AuthTime int64  `json:"auth_time"`
}

// skew is how far the provider's clock may be from ours.
const skew = time.Minute

// person takes a code to the provider and verifies what it answers.
func (d *Door) person(ctx context.Context, found *discovered, f *credential.Flow, code string) (Person, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, found.client), askLimit)
	defer cancel()
	answer, err := found.oauth.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Person{}, fmt.Errorf("taking the code to the provider: %w", worded(err))
	}
	raw, ok := answer.Extra("id_token").(string)
	if !ok {
		return Person{}, errors.New("the provider answered without an ID token")
	}
	token, err := found.verifier.Verify(ctx, raw)
	if err != nil {
		return Person{}, fmt.Errorf("verifying the ID token: %w", err)
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return Person{}, errors.New("verifying the ID token: its claims are not of the expected shape")
	}
	if err := d.judge(token, &c, f, answer.AccessToken); err != nil {
		return Person{}, fmt.Errorf("verifying the ID token: %w", err)
	}
	who := Person{Issuer: token.Issuer, Subject: token.Subject}
	if d.cfg.Provider.TrustEmail && c.Verified {
		who.Email = strings.ToLower(c.Email)
	}
	return who, nil
}

// judge is OpenID Connect Core 1.0 §3.1.3.7 beyond what the verifier checks. The
// issuer is compared here too: the verifier forgives one provider another name.
func (d *Door) judge(t *oidc.IDToken, c *claims, f *credential.Flow, access string) error {
	now, p := d.cfg.Now(), &d.cfg.Provider
	switch {
	case t.Issuer != p.Issuer:
		return errors.New("it is another issuer's")
	case t.Subject == "":
		return errors.New("it names nobody")
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(f.Nonce)) != 1:
		return errors.New("it is for another sign-in")
	case len(t.Audience) > 1 && c.Party == "":
		return errors.New("it is for several parties and names none")
	case c.Party != "" && c.Party != p.ClientID:
		return errors.New("it was issued to another party")
	case t.IssuedAt.After(now.Add(skew)) || t.IssuedAt.Before(now.Add(-flowLife-skew)):
		return errors.New("it was not issued just now")
	case p.MaxAge > 0 && (c.AuthTime == 0 || time.Unix(c.AuthTime, 0).Before(now.Add(-p.MaxAge-skew))):
		return errors.New("who signed in proved themselves too long ago")
	case t.AccessTokenHash != "" && t.VerifyAccessToken(access) != nil:
		return errors.New("it goes with another access token")
	}
	return nil
}

// worded leaves out the provider's answer, which may hold what was sent to it.
func worded(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return fmt.Errorf("it answered %s", cmp.Or(refused.ErrorCode, "with an error"))
	}
	return err
}

// bounded ends answers that are too long.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}
