// Package upstream is the only door out to Bedrock. It sends what a
// policy.Permit covers and nothing else: the permit carries a digest of method,
// path, account, region, forwarded headers and body, and Do refuses anything
// that differs by a byte. Requests leave signed with Writ's own credentials;
// nothing a client sends chooses host or credentials.
//
// Calls may go to several AWS accounts. The permit says which, and the
// credentials are that account's: a role's session made for the very grant
// (Sessions), or one set of credentials for all calls there.
package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/sigv4"
)

// ErrNotCovered means that the permit was issued for something else. It is a
// programming error on the enforcing path, and the request is not sent.
var ErrNotCovered = errors.New("the permit does not cover this request")

// Config says how to reach Bedrock.
type Config struct {
	// Endpoint overrides Bedrock's own address, for the local stand-in or a
	// VPC endpoint; empty means https://bedrock-runtime.<region>.<suffix>.
	Endpoint string
	// Account is the AWS account that the fields of the same names as Account's
	// are for: the gateway's own.
	Account    string
	Role       string
	ExternalID bool
	STS        STS
	// Credentials sign every request; required unless Sessions are given.
	Credentials aws.CredentialsProvider
	// Sessions are credentials per grant, in place of Credentials.
	Sessions *Sessions
	// Accounts are further accounts that calls may be made in.
	Accounts []Account
	// Partition is aws, aws-us-gov or aws-cn; empty means aws.
	Partition string
	// RootCAs and the other TLS settings of a private endpoint; nil means the system's.
	TLS *tls.Config
	// HeaderTimeout bounds the wait for an answer's first byte; zero means 10 minutes,
	// since a long unary answer is written only when it is complete.
	HeaderTimeout time.Duration
	// Now is the clock that signatures carry; nil means time.Now.
	Now func() time.Time
}

// Client sends permitted requests. It keeps connections open and is safe for
// concurrent use.
type Client struct {
	routes map[string]*route // by account
	suffix string
	keys   *sigv4.Keys
	now    func() time.Time
}

var suffixes = map[string]string{"": "amazonaws.com", "aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}

// New checks the configuration; it opens no connection.
func New(cfg Config) (*Client, error) {
	suffix, ok := suffixes[cfg.Partition]
	if !ok {
		return nil, fmt.Errorf("partition %q has no known Bedrock endpoint", cfg.Partition)
	}
	c := &Client{suffix: suffix, keys: sigv4.NewKeys(4096), now: cfg.Now, routes: map[string]*route{}}
	if c.now == nil {
		c.now = time.Now
	}
	home := Account{ID: cfg.Account, Endpoint: cfg.Endpoint, TLS: cfg.TLS, Credentials: cfg.Credentials, Sessions: cfg.Sessions, Role: cfg.Role, ExternalID: cfg.ExternalID, STS: cfg.STS}
	for _, a := range append([]Account{home}, cfg.Accounts...) {
		if c.routes[a.ID] != nil {
			return nil, fmt.Errorf("account %s is there twice", a.ID)
		}
		r, err := newRoute(a, cfg)
		if err != nil {
			return nil, err
		}
		c.routes[a.ID] = r
	}
	return c, nil
}

// origin reads an origin. Anything beyond that would be silently left out of
// what is sent; the error does not repeat it, since it may be a password.
func origin(what, s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%s: want http(s)://host[:port]", what)
	}
	if s = strings.TrimSuffix(s, "/"); s != u.Scheme+"://"+u.Host {
		return nil, fmt.Errorf("%s: want %s://%s and nothing else", what, u.Scheme, u.Host)
	}
	return u, nil
}

func transport(cfg Config) *http.Transport {
	wait := cfg.HeaderTimeout
	if wait == 0 {
		wait = 10 * time.Minute
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:           dialer.DialContext,
		TLSClientConfig:       cfg.TLS,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: wait,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true, // answers pass byte for byte
		MaxIdleConns:          4096,
		MaxIdleConnsPerHost:   1024,
		IdleConnTimeout:       90 * time.Second,
		WriteBufferSize:       16 << 10,
		ReadBufferSize:        16 << 10,
	}
}

// Outbound is one request as it will leave.
type Outbound struct {
	Method  string
	Path    string // escaped, exactly as the client sent it
	Account string // AWS account called
	Region  string
	Header  http.Header // already reduced to bedrock.ForwardHeaders
	Body    bedrock.Body
}

// Digest is what a permit for this request is bound to.
func (o Outbound) Digest() policy.Digest {
	return policy.DigestOf(o.Method, o.Path, o.Account, o.Region, o.Header, o.Body)
}

// Do signs and sends out, if and only if permit covers it. The caller closes
// the response's body; cancelling ctx ends the exchange. Nothing is retried
// once a byte has left, since a model call is not idempotent.
func (c *Client) Do(ctx context.Context, permit *policy.Permit, out Outbound) (*http.Response, error) {
	if permit == nil || !permit.Covers(out.Digest()) {
		return nil, ErrNotCovered
	}
	to := c.routes[permit.Account()]
	if to == nil || permit.Account() != out.Account || permit.Region() != out.Region {
		return nil, ErrNotCovered
	}
	req, err := c.request(ctx, to, out)
	if err != nil {
		return nil, err
	}
	if err := c.sign(ctx, req, to, permit, out); err != nil {
		return nil, err
	}
	resp, err := to.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("reaching Bedrock: %w", err)
	}
	return resp, nil
}

func (c *Client) request(ctx context.Context, to *route, out Outbound) (*http.Request, error) {
	if !bedrock.ValidRegion(out.Region) {
		return nil, fmt.Errorf("%q is not a region", out.Region)
	}
	path, err := url.PathUnescape(out.Path)
	if err != nil {
		return nil, fmt.Errorf("reading the path to forward: %w", err)
	}
	u := &url.URL{Scheme: "https", Host: "bedrock-runtime." + out.Region + "." + c.suffix}
	if to.base != nil {
		u.Scheme, u.Host = to.base.Scheme, to.base.Host
	}
	u.Path, u.RawPath = path, out.Path
	if u.EscapedPath() != out.Path {
		return nil, fmt.Errorf("path %q would not be forwarded as it was received", out.Path)
	}
	body := out.Body.Bytes()
	req := &http.Request{
		Method: out.Method, URL: u, Host: u.Host, Header: make(http.Header, len(out.Header)+4),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(body)),
		Body:          io.NopCloser(bytes.NewReader(body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	}
	if len(body) == 0 {
		req.Body, req.GetBody = http.NoBody, nil // else its length would count as unknown
	}
	for k, v := range out.Header {
		req.Header[k] = v
	}
	req.Header["User-Agent"] = userAgent
	return req.WithContext(ctx), nil
}

var userAgent = []string{"writ-gateway"}

func (c *Client) sign(ctx context.Context, req *http.Request, to *route, permit *policy.Permit, out Outbound) error {
	creds, err := to.credentials(ctx, permit)
	if err != nil {
		return &CredentialsError{Account: out.Account, Err: err}
	}
	err = c.keys.Sign(req, out.Body.Sum(), sigv4.Outbound{Credentials: creds, Service: "bedrock", Region: out.Region, Time: c.now()})
	if err != nil {
		return fmt.Errorf("signing for Bedrock: %w", err)
	}
	return nil
}

// Close drops idle connections.
func (c *Client) Close() {
	for _, r := range c.routes {
		r.transport.CloseIdleConnections()
	}
}
