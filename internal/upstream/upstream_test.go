package upstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

const (
	keyID  = "AKIWRITUPSTREAM00001"
	secret = "canary-upstream-secret-0123456789abcdef"
	lite   = "amazon.nova-lite-v1:0"
)

// permit asks the sample organisation for leave to send out, as analytics.
func permit(t *testing.T, out Outbound) *policy.Permit {
	t.Helper()
	now := time.Now().UTC()
	all, err := demo.Organisation("http://127.0.0.1:1", now)
	if err != nil {
		t.Fatal(err)
	}
	state, err := snapshot.Of(all, now)
	if err != nil {
		t.Fatal(err)
	}
	who, _ := state.Identity("analytics")
	target, err := bedrock.ParseTarget(out.Method, out.Path)
	if err != nil {
		t.Fatal(err)
	}
	legs, err := rights.Legs(rights.Invocation{
		Operation: target.Operation, ModelID: target.ModelID, Region: "us-east-1", Account: demo.Account, Partition: "aws",
	}, state.Catalogue)
	if err != nil {
		t.Fatal(err)
	}
	d := state.Bundle.Decide(policy.Request{
		Identity: who, Session: identity.Session{Identity: "analytics", Proof: identity.ProofOIDC, Issued: now, Expires: now.Add(time.Hour)},
		Now: now, Operation: target.Operation, Region: "us-east-1", Legs: legs, Prompt: dataclass.Label{Redactable: true}, Digest: out.Digest(),
	})
	if d.Permit == nil {
		t.Fatalf("refused: %+v", d)
	}
	return d.Permit
}

// sample is a request that analytics may send.
func sample() Outbound {
	return Outbound{
		Method: http.MethodPost, Path: "/model/" + lite + "/converse", Region: "us-east-1",
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   bedrock.NewBody([]byte(`{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`)),
	}
}

// standIn is a Bedrock that knows Writ's key, and a client for it.
func standIn(t *testing.T) (*Client, *fakebedrock.Recorder) {
	t.Helper()
	seen := new(fakebedrock.Recorder)
	srv := httptest.NewServer(fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: keyID, SecretAccessKey: secret}}, Recorder: seen,
	}))
	t.Cleanup(srv.Close)
	c, err := New(Config{Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, seen
}

func TestNothingLeavesWithoutItsOwnPermit(t *testing.T) {
	c, seen := standIn(t)
	good := permit(t, sample())
	for name, bend := range map[string]func(*Outbound){
		"another method":  func(o *Outbound) { o.Method = http.MethodPut },
		"another path":    func(o *Outbound) { o.Path = "/model/amazon.nova-pro-v1:0/converse" },
		"another escape":  func(o *Outbound) { o.Path = strings.Replace(o.Path, ":", "%3A", 1) },
		"another region":  func(o *Outbound) { o.Region = "us-west-2" },
		"another header":  func(o *Outbound) { o.Header = http.Header{"Content-Type": {"application/octet-stream"}} },
		"one header more": func(o *Outbound) { o.Header = o.Header.Clone(); o.Header.Set("Accept", "*/*") },
		"no header":       func(o *Outbound) { o.Header = nil },
		"another body":    func(o *Outbound) { o.Body = bedrock.NewBody(append(bytes.Clone(o.Body.Bytes()), ' ')) },
		"no body":         func(o *Outbound) { o.Body = bedrock.Body{} },
	} {
		out := sample()
		bend(&out)
		if _, err := c.Do(t.Context(), good, out); !errors.Is(err, ErrNotCovered) {
			t.Errorf("%s: %v, want ErrNotCovered", name, err)
		}
	}
	for name, p := range map[string]*policy.Permit{"nil": nil, "zero": {}} {
		if _, err := c.Do(t.Context(), p, sample()); !errors.Is(err, ErrNotCovered) {
			t.Errorf("%s permit: %v, want ErrNotCovered", name, err)
		}
	}
	if n := len(seen.Requests()); n != 0 {
		t.Fatalf("%d requests left", n)
	}
	resp, err := c.Do(t.Context(), good, sample())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := seen.Requests(); resp.StatusCode != 200 || len(got) != 1 || got[0].Verified != keyID {
		t.Errorf("the permitted request: %d, %+v", resp.StatusCode, got)
	}
}

func TestPathsLeaveByteForByte(t *testing.T) {
	c, seen := standIn(t)
	for _, id := range []string{lite, "amazon.nova-lite-v1%3A0", "amazon.nova-lite-v1%3a0", "%61mazon.nova-lite-v1:0"} {
		seen.Reset()
		out := sample()
		out.Path = "/model/" + id + "/converse"
		resp, err := c.Do(t.Context(), permit(t, out), out)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		resp.Body.Close()
		if got := seen.Requests(); len(got) != 1 || got[0].Path != out.Path || got[0].Verified != keyID || !bytes.Equal(got[0].Body, out.Body.Bytes()) {
			t.Errorf("%s left as %+v", id, got)
		}
	}
}

func TestOnlyPlainEndpointsAreAccepted(t *testing.T) {
	for _, endpoint := range []string{"ftp://x", "https://", "x", "https://x/path", "https://x?query", "https://user:word@x", "https://x/#f", "http://[::1", "//x"} {
		if _, err := New(Config{Endpoint: endpoint}); err == nil || strings.Contains(err.Error(), "word") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	for _, endpoint := range []string{"", "https://vpce-1.example", "http://127.0.0.1:1/"} {
		if _, err := New(Config{Endpoint: endpoint}); err != nil {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	if _, err := New(Config{Partition: "aws-elsewhere"}); err == nil {
		t.Error("an unknown partition was accepted")
	}
}

func TestCVE_2024_6587_HostIsMadeOfARegionOnly(t *testing.T) {
	for partition, want := range map[string]string{
		"": "https://bedrock-runtime.us-east-1.amazonaws.com", "aws-us-gov": "https://bedrock-runtime.us-east-1.amazonaws.com",
		"aws-cn": "https://bedrock-runtime.us-east-1.amazonaws.com.cn",
	} {
		c, err := New(Config{Partition: partition})
		if err != nil {
			t.Fatal(err)
		}
		req, err := c.request(t.Context(), c.routes[""], sample())
		if err != nil || req.URL.Scheme+"://"+req.URL.Host != want || req.Host != req.URL.Host {
			t.Errorf("%q: %v, %v, want %s", partition, req, err, want)
		}
		for _, region := range []string{"", "evil.example/", "us-east-1.evil.example", "us-east-1@evil", "us-east-1:80", "US-EAST-1", "us-east-1#", "us east 1", "..", strings.Repeat("a", 300)} {
			out := sample()
			out.Region = region
			if req, err := c.request(t.Context(), c.routes[""], out); err == nil {
				t.Errorf("region %q: would be sent to %s", region, req.URL.Host)
			}
		}
	}
}

func TestClientHeadersDoNotReachBedrock(t *testing.T) {
	c, seen := standIn(t)
	out := sample()
	resp, err := c.Do(t.Context(), permit(t, out), out)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := seen.Requests()[0].Header; got.Get("User-Agent") != "writ-gateway" || got.Get("Accept-Encoding") != "" {
		t.Errorf("left with %v", got)
	}
	if len(out.Header) != 1 {
		t.Errorf("the caller's headers were changed: %v", out.Header)
	}
}

// failing is a source of credentials that has none.
type failing struct{}

func (failing) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("no credentials")
}

func TestErrorsSayWhereTheyComeFromAndHoldNoSecret(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, c := range map[string]struct {
		provider aws.CredentialsProvider
		want     string
	}{
		"no credentials": {failing{}, "getting Writ's own AWS credentials"},
		"nobody there":   {credentials.NewStaticCredentialsProvider(keyID, secret, ""), "reaching Bedrock"},
	} {
		client, err := New(Config{Endpoint: closed.URL, Credentials: c.provider})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(t.Context(), permit(t, sample()), sample())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// A redirect of the upstream's is an answer like any other, and not followed:
// it would carry a signed request to where nobody decided.
func TestRedirectsAreNotFollowed(t *testing.T) {
	asked := 0
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer trap.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, trap.URL, http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	c, err := New(Config{Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(t.Context(), permit(t, sample()), sample())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || asked != 0 {
		t.Errorf("answered %d, and the other server was asked %d times", resp.StatusCode, asked)
	}
}

// A model call is not repeated.
func TestNothingIsSentTwice(t *testing.T) {
	asked := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		if len(asked) > 1 {
			panic(http.ErrAbortHandler) // on a connection that was used before, which invites a retry
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer srv.Close()
	c, err := New(Config{Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, "")})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		resp, err := c.Do(t.Context(), permit(t, sample()), sample())
		if (err == nil) != want {
			t.Errorf("call %d: %v", i, err)
		}
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	if len(asked) != 2 {
		t.Errorf("asked %d times for 2 calls", len(asked))
	}
}
