package writtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Request is one call to the gateway, before it is signed.
type Request struct {
	Method string // empty means POST
	URL    string // complete, escaped as it shall go out
	Body   string
	Header http.Header // further headers, signed
	Region string      // empty means us-east-1
	Name   string      // the scope's service; empty means bedrock
	Time   time.Time   // of the signature; zero means now
}

// Answer is what came back, read in full.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	Err    error // of reading the body: an answer that broke off
}

// ErrorType is the exception's name, as SDKs read it.
func (a Answer) ErrorType() string { return a.Header.Get("X-Amzn-Errortype") }

// Sign makes an HTTP request signed by the AWS SDK's own signer.
func Sign(t testing.TB, k Keys, in Request) *http.Request {
	t.Helper()
	if in.Method == "" {
		in.Method = http.MethodPost
	}
	req, err := http.NewRequest(in.Method, in.URL, strings.NewReader(in.Body))
	if err != nil {
		t.Fatal(err)
	}
	if in.Method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, v := range in.Header {
		req.Header[name] = v
	}
	if in.Region == "" {
		in.Region = "us-east-1"
	}
	if in.Name == "" {
		in.Name = "bedrock"
	}
	if in.Time.IsZero() {
		in.Time = time.Now()
	}
	sum := sha256.Sum256([]byte(in.Body))
	creds := aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, req, hex.EncodeToString(sum[:]), in.Name, in.Region, in.Time); err != nil {
		t.Fatal(err)
	}
	return req
}

// Do sends a request over a connection of its own and reads the answer.
func Do(t testing.TB, req *http.Request) Answer {
	t.Helper()
	return DoOver(t, &http.Transport{DisableKeepAlives: true}, req)
}

// DoOver sends a request over a transport and reads the answer.
func DoOver(t testing.TB, over http.RoundTripper, req *http.Request) Answer {
	t.Helper()
	resp, err := over.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return Answer{resp.StatusCode, resp.Header, string(body), err}
}

// Converse calls a model as an identity's session, with a whole request body.
func (s *Server) Converse(t testing.TB, k Keys, model, body string) Answer {
	t.Helper()
	return Do(t, Sign(t, k, Request{URL: s.Gateway + "/model/" + Escape(model) + "/converse", Body: body}))
}

// CallBearer posts a body with a bearer token.
func (s *Server) CallBearer(t testing.TB, token, path, body string) Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.Gateway+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	return Do(t, req)
}

// Escape percent-encodes a model id as the AWS SDKs do: everything but
// unreserved characters (RFC 3986 §2.3).
func Escape(id string) string {
	var b strings.Builder
	for i := range len(id) {
		c := id[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{c})))
		}
	}
	return b.String()
}

// Say is the body of a Converse call with one user message.
func Say(text string) string {
	return `{"messages":[{"role":"user","content":[{"text":"` + text + `"}]}],"inferenceConfig":{"maxTokens":64}}`
}

// TLS is a client configuration that trusts the server's CA.
func (s *Server) TLS(t testing.TB) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(s.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("the CA file holds no certificate")
	}
	return &tls.Config{RootCAs: roots}
}
