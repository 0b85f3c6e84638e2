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
	return out, c.call(ctx, http.MethodPost, "/v1/apply", in, &out)
}

// Get lists the resources of a kind, or the one named.
func (c *Client) Get(ctx context.Context, kind, name string) (out []Item, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/resources?"+url.Values{"kind": {kind}, "name": {name}}.Encode(), nil, &out)
}

// Delete deletes a resource.
func (c *Client) Delete(ctx context.Context, kind, name string) (out ApplyAnswer, err error) {
	return out, c.call(ctx, http.MethodDelete, "/v1/resources?"+url.Values{"kind": {kind}, "name": {name}}.Encode(), nil, &out)
}

// Mint mints a session.
func (c *Client) Mint(ctx context.Context, in MintRequest) (out MintAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/credentials", in, &out)
}

// Explain asks what would be decided; the answer is policy.Explanation's JSON.
func (c *Client) Explain(ctx context.Context, in ExplainRequest) (out json.RawMessage, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/explain", in, &out)
}

// Revoke voids every session of an identity.
func (c *Client) Revoke(ctx context.Context, identity string) error {
	return c.call(ctx, http.MethodPost, "/v1/sessions/revoke", map[string]string{"identity": identity}, nil)
}

// Rotate makes new keys; an emergency rotation voids every session.
func (c *Client) Rotate(ctx context.Context, emergency bool) error {
	return c.call(ctx, http.MethodPost, "/v1/keys/rotate", map[string]bool{"emergency": emergency}, nil)
}

// Status asks how the replica is.
func (c *Client) Status(ctx context.Context) (out Status, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/status", nil, &out)
}

// Whoami asks who the token acts as.
func (c *Client) Whoami(ctx context.Context) (out Whoami, err error) {
	return out, c.call(ctx, http.MethodGet, "/v1/whoami", nil, &out)
}

// DemoToken has the demo's issuer sign a token.
func (c *Client) DemoToken(ctx context.Context, in DemoTokenRequest) (out DemoTokenAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/v1/demo/token", in, &out)
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
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
		p := &Problem{Title: resp.Status, Status: resp.StatusCode}
		_ = json.Unmarshal(b, p) // an answer that is no problem document is told by its status
		return p
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}
