package fakebedrock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const profilePath = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"

// TestGoldenSignatures recomputes what botocore, the JavaScript SDK and the Go
// SDK were seen to send, each with the secret "SECRET".
func TestGoldenSignatures(t *testing.T) {
	const hi = `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for name, c := range map[string]struct {
		req          Request
		signed, want string
	}{
		"botocore": {
			Request{Method: "POST", Path: profilePath, Host: "bedrock-runtime.us-east-1.amazonaws.com", Body: []byte(hi),
				Header: header("Content-Type", "application/json", "X-Amz-Date", "20260102T030405Z")},
			"content-type;host;x-amz-date",
			"aa28755c623e6713345eccee7a37363494be94a77c4299a83c3d033e5bd16157",
		},
		"javascript": {
			Request{Method: "POST", Path: profilePath, Host: "127.0.0.1:18081", Body: []byte(hi),
				Header: header("Content-Type", "application/json", "X-Amz-Date", "20261123T071958Z",
					"Amz-Sdk-Invocation-Id", "140855ae-7259-42da-9e61-cf659780cfbf", "Amz-Sdk-Request", "attempt=1; max=1",
					"X-Amz-Content-Sha256", "c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0",
					"X-Amz-Security-Token", "TOK", "X-Amz-User-Agent", "aws-sdk-js/3.1163.0")},
			":authority;amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-user-agent",
			"3bcf3c9410b20189a924e727c46f904cd67f1af5893a80466c01ae52bb5dcb1f",
		},
		"go": {
			Request{Method: "POST", Path: "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", Host: "127.0.0.1:18080",
				Body: []byte(`{"messages":[{"content":[{"text":"hi"}],"role":"user"}],"requestMetadata":{"team":"a"}}`),
				Header: header("Content-Type", "application/json", "X-Amz-Date", "20261123T071750Z",
					"Amz-Sdk-Invocation-Id", "761d30e3-ca72-4d78-a5e5-6e146b679daa", "Amz-Sdk-Request", "attempt=1; max=1",
					"X-Amz-Security-Token", "TOK")},
			"amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-security-token",
			"d7f68dfade3add566d06cb2e1193e5a0939a58b711392081c326e2b367769aee",
		},
	} {
		sig := authorization{day: c.req.Header.Get("X-Amz-Date")[:8], region: "us-east-1", service: "bedrock", signedHeaders: strings.Split(c.signed, ";")}
		if got := sign(c.req, sig, "SECRET"); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

var signedAt = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// signedRequest is what the SDK's own signer makes of a call.
func signedRequest(t *testing.T, secret, token, service, region string, when time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, modelPath(claude, "converse"), strings.NewReader(hello))
	r.Header.Set("Content-Type", "application/json")
	credentials := aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: secret, SessionToken: token}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hexSum([]byte(hello)), service, region, when); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSignatures(t *testing.T) {
	plain := func(change func(*http.Request)) *http.Request {
		r := signedRequest(t, "SECRET", "TOK", "bedrock", "us-east-1", signedAt)
		change(r)
		return r
	}
	set := func(name, value string) *http.Request {
		return plain(func(r *http.Request) { r.Header.Set(name, value) })
	}
	for name, c := range map[string]struct {
		req  *http.Request
		want string // the error, or empty
	}{
		"right":         {plain(func(*http.Request) {}), ""},
		"bearer":        {set("Authorization", "Bearer open-sesame"), ""},
		"trace id":      {set("X-Amzn-Trace-Id", "Root=1"), ""},
		"wrong bearer":  {set("Authorization", "Bearer open-sesam"), "AccessDeniedException"},
		"none":          {plain(func(r *http.Request) { r.Header.Del("Authorization") }), "MissingAuthenticationTokenException"},
		"two":           {plain(func(r *http.Request) { r.Header.Add("Authorization", "Bearer open-sesame") }), "MissingAuthenticationTokenException"},
		"wrong secret":  {signedRequest(t, "WRONG", "TOK", "bedrock", "us-east-1", signedAt), "InvalidSignatureException"},
		"wrong token":   {signedRequest(t, "SECRET", "OTHER", "bedrock", "us-east-1", signedAt), "UnrecognizedClientException"},
		"no token":      {signedRequest(t, "SECRET", "", "bedrock", "us-east-1", signedAt), "UnrecognizedClientException"},
		"wrong service": {signedRequest(t, "SECRET", "TOK", "bedrock-runtime", "us-east-1", signedAt), "InvalidSignatureException"},
		"wrong region":  {signedRequest(t, "SECRET", "TOK", "bedrock", "eu-west-1", signedAt), "InvalidSignatureException"},
		"old":           {signedRequest(t, "SECRET", "TOK", "bedrock", "us-east-1", signedAt.Add(-maxSkew-time.Second)), "InvalidSignatureException"},
		"early":         {signedRequest(t, "SECRET", "TOK", "bedrock", "us-east-1", signedAt.Add(maxSkew+time.Second)), "InvalidSignatureException"},
		"other host":    {plain(func(r *http.Request) { r.Host = "127.0.0.1:8081" }), "InvalidSignatureException"},
		"other path":    {plain(func(r *http.Request) { r.RequestURI = modelPath(claude, "converse-stream") }), "InvalidSignatureException"},
		"other query":   {plain(func(r *http.Request) { r.RequestURI += "?a=b" }), "InvalidSignatureException"},
		"unsigned":      {set("X-Amzn-Bedrock-Request-Metadata", "{}"), "InvalidSignatureException"},
		"false hash":    {set("X-Amz-Content-Sha256", hexSum(nil)), "InvalidSignatureException"},
		"other body": {plain(func(r *http.Request) {
			r.Body = http.NoBody
		}), "InvalidSignatureException"},
		"other day": {plain(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "20261123", "20261122", 1))
		}), "InvalidSignatureException"},
		"no host signed": {plain(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";host", "", 1))
		}), "InvalidSignatureException"},
		"unsorted": {plain(func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "content-type;host", "host;content-type", 1))
		}), "InvalidSignatureException"},
		"half":       {set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261123/us-east-1/bedrock/aws4_request"), "IncompleteSignatureException"},
		"other form": {set("Authorization", "Basic QUtJQTpTRUNSRVQ="), "IncompleteSignatureException"},
	} {
		s := New(Config{
			Credentials: []Credential{{AccessKeyID: "AKIA", SecretAccessKey: "SECRET", SessionToken: "TOK"}, {BearerToken: "open-sesame"}},
			Now:         func() time.Time { return signedAt },
		})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, c.req)
		if got := w.Header().Get("X-Amzn-Errortype"); got != c.want {
			t.Errorf("%s: got %d %q, want %q: %s", name, w.Code, got, c.want, w.Body)
		}
		if c.want != "" && w.Code != http.StatusForbidden && c.want != "IncompleteSignatureException" {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}

// TestRightSignatureIsNotEnough signs correctly what must be refused anyhow.
func TestRightSignatureIsNotEnough(t *testing.T) {
	for name, c := range map[string]struct{ day, signed, hash, want string }{
		"in order":   {"20261123", "host;x-amz-content-sha256;x-amz-date", hexSum([]byte(hello)), ""},
		"false hash": {"20261123", "host;x-amz-content-sha256;x-amz-date", hexSum(nil), "InvalidSignatureException"},
		"other day":  {"20261122", "host;x-amz-content-sha256;x-amz-date", hexSum([]byte(hello)), "InvalidSignatureException"},
		"unsorted":   {"20261123", "x-amz-content-sha256;host;x-amz-date", hexSum([]byte(hello)), "InvalidSignatureException"},
		"repeated":   {"20261123", "host;host;x-amz-content-sha256;x-amz-date", hexSum([]byte(hello)), "InvalidSignatureException"},
		"no host":    {"20261123", "x-amz-content-sha256;x-amz-date", hexSum([]byte(hello)), "InvalidSignatureException"},
	} {
		r := httptest.NewRequest(http.MethodPost, modelPath(claude, "converse"), strings.NewReader(hello))
		r.Header.Set("X-Amz-Date", signedAt.Format("20060102T150405Z"))
		r.Header.Set("X-Amz-Content-Sha256", c.hash)
		sig := authorization{day: c.day, region: "us-east-1", service: "bedrock", signedHeaders: strings.Split(c.signed, ";")}
		req := Request{Method: r.Method, Path: r.RequestURI, Host: r.Host, Header: r.Header, Body: []byte(hello)}
		r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=AKIA/%s/us-east-1/bedrock/aws4_request, SignedHeaders=%s, Signature=%s",
			c.day, c.signed, sign(req, sig, "SECRET")))
		w := httptest.NewRecorder()
		New(Config{
			Credentials: []Credential{{AccessKeyID: "AKIA", SecretAccessKey: "SECRET"}},
			Now:         func() time.Time { return signedAt },
		}).ServeHTTP(w, r)
		if got := w.Header().Get("X-Amzn-Errortype"); got != c.want {
			t.Errorf("%s: got %d %q, want %q: %s", name, w.Code, got, c.want, w.Body)
		}
	}
}

func TestZeroConfigRefuses(t *testing.T) {
	w := httptest.NewRecorder()
	New(Config{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, modelPath(claude, "converse"), strings.NewReader(hello)))
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d", w.Code)
	}
}

func TestCredentialHidesItself(t *testing.T) {
	c := Credential{AccessKeyID: "AKIA", SecretAccessKey: "canary-1", SessionToken: "canary-2", BearerToken: "canary-3"}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d", c, c, c, c, c, c, []Credential{c})
	fmt.Fprint(&out, c.LogValue(), Config{Credentials: []Credential{c}})
	if b, err := json.Marshal(c); err == nil {
		t.Errorf("encoded as %s", b)
	}
	if strings.Contains(out.String(), "canary") {
		t.Errorf("printed %s", out.String())
	}
}

func TestRecorder(t *testing.T) {
	recorder := new(Recorder)
	s := New(Config{Anonymous: true, Recorder: recorder})
	s.Admit(Credential{BearerToken: "open-sesame"})
	r := httptest.NewRequest(http.MethodPost, modelPath(claude, "converse"), strings.NewReader(hello))
	r.Header.Set("Authorization", "Bearer open-sesame")
	s.ServeHTTP(httptest.NewRecorder(), r)
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?q=1", nil))
	got := recorder.Requests()
	if len(got) != 2 {
		t.Fatalf("got %d requests, want 2", len(got))
	}
	first := got[0]
	if first.Verified != "bearer" || first.Model != claude || first.Operation != "Converse" ||
		string(first.Body) != hello || first.Path != modelPath(claude, "converse") {
		t.Errorf("got %+v", first)
	}
	if got[1].Path != "/?q=1" || got[1].Operation != "" || got[1].Verified != "" {
		t.Errorf("got %+v", got[1])
	}
	if recorder.Reset(); len(recorder.Requests()) != 0 {
		t.Error("kept requests after Reset")
	}
}
