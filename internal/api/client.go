package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client speaks to a live server's admin listener.
type Client struct {
	base  string
	token Token
	http  *http.Client
}

// NewClient returns a client for base, such as http://127.0.0.1:8081.
func NewClient(base string, token Token) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), token: token, http: &http.Client{Timeout: 5 * time.Minute}}
}

// Alive reports whether a server answers there.
func (c *Client) Alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Apply plans or applies resources.
func (c *Client) Apply(ctx context.Context, in ApplyRequest) (out ApplyAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/apply", in, &out)
}

// Get lists the resources of a kind, or the one named.
func (c *Client) Get(ctx context.Context, kind, name string) (out []Item, err error) {
	return out, c.call(ctx, http.MethodGet, "/resources?"+url.Values{"kind": {kind}, "name": {name}}.Encode(), nil, &out)
}

// Delete deletes a resource.
func (c *Client) Delete(ctx context.Context, kind, name string) (out ApplyAnswer, err error) {
	return out, c.call(ctx, http.MethodDelete, "/resources?"+url.Values{"kind": {kind}, "name": {name}}.Encode(), nil, &out)
}

// Mint mints a session.
func (c *Client) Mint(ctx context.Context, in MintRequest) (out MintAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/credentials", in, &out)
}

// Explain asks what would be decided; the answer is policy.Explanation's JSON.
func (c *Client) Explain(ctx context.Context, in ExplainRequest) (out json.RawMessage, err error) {
	return out, c.call(ctx, http.MethodPost, "/explain", in, &out)
}

// RevokeSessions voids every session of an identity.
func (c *Client) RevokeSessions(ctx context.Context, identity string) error {
	return c.call(ctx, http.MethodPost, "/sessions/revoke", SessionsOrder{identity}, nil)
}

// Rotate makes new keys; an emergency rotation voids every session.
func (c *Client) Rotate(ctx context.Context, emergency bool) error {
	return c.call(ctx, http.MethodPost, "/keys/rotate", RotateOrder{emergency}, nil)
}

// Status asks how the replica is.
func (c *Client) Status(ctx context.Context) (out Status, err error) {
	return out, c.call(ctx, http.MethodGet, "/status", nil, &out)
}

// Whoami asks who the token acts as.
func (c *Client) Whoami(ctx context.Context) (out Whoami, err error) {
	return out, c.call(ctx, http.MethodGet, "/whoami", nil, &out)
}

// DemoToken has the demo's issuer sign a token.
func (c *Client) DemoToken(ctx context.Context, in DemoTokenRequest) (out DemoTokenAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/demo/token", in, &out)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	return c.send(ctx, message{method: method, path: path, in: in}, out)
}

// message is one request to the API.
type message struct {
	method, path string
	in           any    // nil: no body
	key          string // Idempotency-Key; empty: none
	match        string // If-Match; empty: none
}

func (c *Client) send(ctx context.Context, m message, out any) (err error) {
	req, err := c.request(ctx, m)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 256<<20))
	if err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	if resp.StatusCode >= 300 {
		return problemIn(resp, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func problemIn(resp *http.Response, body []byte) *Problem {
	p := &Problem{Title: resp.Status, Status: resp.StatusCode}
	_ = json.Unmarshal(body, p) // an answer that is no problem document is told by its status
	return p
}

func (c *Client) request(ctx context.Context, m message) (*http.Request, error) {
	var body io.Reader
	if m.in != nil {
		b, err := json.Marshal(m.in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, m.method, c.base+root+m.path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	req.Header.Set("Writ-Via", "cli")
	for name, value := range map[string]string{"Idempotency-Key": m.key, "If-Match": m.match} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if m.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// Do asks for an operation by its path below /api/v1.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	return c.call(ctx, method, path, in, out)
}

// Download writes what an operation answers, which is no JSON, to w.
func (c *Client) Download(ctx context.Context, path string, w io.Writer) (err error) {
	req, err := c.request(ctx, message{method: http.MethodGet, path: path})
	if err != nil {
		return err
	}
	stream := *c.http
	stream.Timeout = 0 // as long as the context allows
	resp, err := stream.Do(req)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return problemIn(resp, b)
	}
	_, err = io.Copy(w, resp.Body)
	return err
}
