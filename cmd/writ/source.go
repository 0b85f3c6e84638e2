package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/login"
)

// sourceFlags say by what right, or on what proof, a session is obtained.
type sourceFlags struct {
	dataFlag
	Identity             string `group:"By the operator's right impersonate" help:"Identity to act as." placeholder:"ID"`
	WebIdentityTokenFile string `group:"By a proof" help:"File with an OIDC token; read anew for every session." placeholder:"FILE" type:"path"`
	Cert                 string `group:"By a proof" help:"File with a client certificate with a SPIFFE ID, and its chain (PEM); read anew for every session." placeholder:"FILE" type:"path"`
	Key                  string `group:"By a proof" help:"File with the certificate's key (PEM)." placeholder:"FILE" type:"path"`
	Gateway              string `group:"By a proof" help:"Gateway that the proof is shown to." placeholder:"URL"`
	CA                   string `name:"ca" group:"By a proof" help:"CA that verifies the gateway (PEM); the system's roots by default." placeholder:"FILE" type:"path"`
	Role                 string `group:"By a proof" help:"Identity to ask for, where the proof satisfies several; a role's ARN will do." placeholder:"ID"`
	Region               string `group:"By a proof" help:"Region for the SDK (default: $$AWS_REGION, else us-east-1)." placeholder:"R"`
}

// source gets sessions of one identity, as often as it is asked.
type source struct {
	gateway string // for clients
	ca      string // file that verifies it; empty: the system's roots, or plain HTTP
	mint    func(ctx context.Context, form string) (api.MintAnswer, error)
}

// Forms of a credential that a source is asked for.
const (
	asSession = "session"
	asBearer  = "bearer"
)

// open checks that the flags name one source, and makes it ready.
func (f *sourceFlags) open(ctx context.Context, ttl *time.Duration) (*source, error) {
	proofs := 0
	for _, file := range []string{f.WebIdentityTokenFile, f.Cert} {
		if file != "" {
			proofs++
		}
	}
	switch {
	case f.Identity != "" && proofs+len(f.Key)+len(f.Gateway)+len(f.CA)+len(f.Role)+len(f.Region) > 0:
		return nil, errors.New("--identity is minted by the operator's right: it goes with no proof")
	case f.Identity != "":
		return f.openAdmin(ctx, ttl)
	case proofs != 1:
		return nil, withHint(errors.New("whose session is not said"), "give --identity ID (an operator's right), or one proof: --web-identity-token-file FILE, or --cert FILE --key FILE, with --gateway URL")
	case (f.Cert == "") != (f.Key == ""):
		return nil, errors.New("--cert and --key go together")
	case ttl != nil:
		return nil, errors.New("--ttl goes with --identity: a session got by a proof lasts as long as its binding allows")
	}
	return f.openProof()
}

func (f *sourceFlags) openAdmin(ctx context.Context, ttl *time.Duration) (*source, error) {
	client, e, err := f.needLive(ctx)
	if err != nil {
		return nil, err
	}
	s := &source{gateway: e.Gateway}
	if strings.HasPrefix(e.Gateway, "https:") {
		s.ca = e.CA
	}
	s.mint = func(ctx context.Context, form string) (api.MintAnswer, error) {
		in := api.MintRequest{Identity: f.Identity, Bearer: form == asBearer}
		if ttl != nil {
			in.TTL = ttl.String()
		}
		return client.Mint(ctx, in)
	}
	return s, nil
}

// openProof makes a source that needs no data directory: what it has to show
// is in files.
func (f *sourceFlags) openProof() (*source, error) {
	u, err := url.Parse(f.Gateway)
	switch {
	case f.Gateway == "":
		return nil, withHint(errors.New("a proof is shown to a gateway"), "name it: --gateway https://…")
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("--gateway %q: want https://HOST[:PORT]", f.Gateway)
	case u.Scheme == "http" && f.Cert != "":
		return nil, errors.New("a certificate is shown over TLS: --gateway must be https")
	case u.Scheme == "http" && !login.LoopbackName(u.Hostname()):
		return nil, withHint(fmt.Errorf("--gateway %s: the proof would cross the network in the clear", f.Gateway), "use https, and --ca FILE if Writ made its own CA")
	}
	base := u.Scheme + "://" + u.Host
	s := &source{gateway: base, ca: f.CA}
	region := cmp.Or(f.Region, os.Getenv("AWS_REGION"), "us-east-1")
	s.mint = func(ctx context.Context, form string) (api.MintAnswer, error) {
		out, err := f.prove(ctx, base, form)
		out.Region, out.Gateway = region, base
		return out, err
	}
	return s, nil
}

// prove shows the proof, as it is now on disk, and returns what it is worth.
func (f *sourceFlags) prove(ctx context.Context, base, form string) (out api.MintAnswer, err error) {
	client, err := f.client()
	if err != nil {
		return out, err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	token := ""
	if f.WebIdentityTokenFile != "" {
		text, err := os.ReadFile(f.WebIdentityTokenFile)
		if err != nil {
			return out, fmt.Errorf("reading the token: %w", err)
		}
		token = strings.TrimSpace(string(text))
		if f.Role != "" && form == asSession {
			return f.assume(ctx, client, base, token)
		}
	}
	return f.ask(ctx, client, base, token, form)
}

// client trusts what the flags say and shows the certificate, if one is the
// proof. A redirect is an answer: a proof goes to the gateway and nowhere else.
func (f *sourceFlags) client() (*http.Client, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the gateway's CA: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", f.CA)
		}
	}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: conf, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// assume exchanges a token at the STS endpoint, as SDKs do.
func (f *sourceFlags) assume(ctx context.Context, client *http.Client, base, token string) (out api.MintAnswer, err error) {
	role := f.Role
	if !strings.HasPrefix(role, "arn:") {
		role = "arn:aws:iam::000000000000:role/" + role // the account confers nothing
	}
	door := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: &base, HTTPClient: client, Credentials: aws.AnonymousCredentials{}})
	got, err := door.AssumeRoleWithWebIdentity(ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("writ-cli"), WebIdentityToken: &token,
	})
	if err != nil {
		return out, withHint(fmt.Errorf("exchanging the token at %s: %w", base, err), "docs/identity-providers.md says what each refusal means; the reason is in the gateway's log")
	}
	c := got.Credentials
	out.AccessKeyID, out.SecretAccessKey, out.SessionToken, out.Expires = *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken, *c.Expiration
	return out, nil
}

// ask gets credentials where containers do.
func (f *sourceFlags) ask(ctx context.Context, client *http.Client, base, token, form string) (out api.MintAnswer, err error) {
	path := "/writ/v1/credentials"
	if form == asBearer {
		path = "/writ/v1/bearer"
	}
	if f.Role != "" {
		path += "/" + url.PathEscape(f.Role[strings.LastIndexByte(f.Role, '/')+1:])
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return out, err
	}
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return out, withHint(fmt.Errorf("asking the gateway: %w", err), "is %s the gateway, and does --ca verify it?", base)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return out, fmt.Errorf("reading the gateway's answer: %w", err)
	}
	return readAnswer(resp.StatusCode, body, form)
}

func readAnswer(status int, body []byte, form string) (out api.MintAnswer, err error) {
	var a struct {
		AccessKeyID                           string `json:"AccessKeyId"`
		SecretAccessKey, Token, Code, Message string
		Expiration                            time.Time
	}
	err = json.Unmarshal(body, &a)
	if status != http.StatusOK {
		return out, withHint(fmt.Errorf("the gateway gives no credentials: %s (%s, status %d)", cmp.Or(a.Message, http.StatusText(status)), cmp.Or(a.Code, "no code"), status),
			"docs/identity-providers.md says what each refusal means; the reason is in the gateway's log")
	}
	if err != nil || a.Token == "" || a.Expiration.IsZero() || form == asSession && (a.AccessKeyID == "" || a.SecretAccessKey == "") {
		return out, errors.New("the gateway's answer is not one of credentials")
	}
	out.Expires = a.Expiration
	if form == asBearer {
		out.Bearer = a.Token
		return out, nil
	}
	out.AccessKeyID, out.SecretAccessKey, out.SessionToken = a.AccessKeyID, a.SecretAccessKey, a.Token
	return out, nil
}
