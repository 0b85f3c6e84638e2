package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/writtest"
)

// refusesProof wants an STS error and no session.
func (s *site) refusesProof(t testing.TB, token, role, want string) {
	t.Helper()
	k, a := s.assume(t, token, role)
	if a.Status < 400 || !strings.Contains(a.Body, "<Code>"+want+"</Code>") || k.SessionToken != "" {
		t.Errorf("answered %d %s, want %s", a.Status, a.Body, want)
	}
}

// forged assembles a token whose signature is made by sign, or empty.
func forged(header, payload string, sign func(string) []byte) string {
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(payload))
	if sign == nil {
		return text + "."
	}
	return text + "." + enc.EncodeToString(sign(text))
}

// claims is a payload that a genuine token could have.
func (s *site) claims(subject string) string {
	return fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":"writ","iat":%d,"exp":%d,"jti":"forged"}`,
		s.issuer.URL(), subject, time.Now().Unix(), time.Now().Add(10*time.Minute).Unix())
}

// publicKey fetches the issuer's key set: what an attacker has too.
func (s *site) publicKey(t testing.TB) (keyID string, set []byte) {
	t.Helper()
	resp, err := http.Get(s.issuer.URL() + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if set, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	var keys struct {
		Keys []struct{ Kid, X, Y string }
	}
	if err := json.Unmarshal(set, &keys); err != nil || len(keys.Keys) == 0 {
		t.Fatalf("reading the key set: %v %s", err, set)
	}
	return keys.Keys[0].Kid, set
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	kid, set := s.publicKey(t)
	payload := s.claims("demo:support-agent")
	hs := func(key []byte) func(string) []byte {
		return func(text string) []byte {
			m := hmac.New(sha256.New, key)
			m.Write([]byte(text))
			return m.Sum(nil)
		}
	}
	genuine := s.token(t, "demo:support-agent", "writ", nil)
	parts := strings.Split(genuine, ".")
	swapped := base64.RawURLEncoding.EncodeToString([]byte(s.claims("demo:sales-agent")))
	for name, token := range map[string]string{
		"alg none":                    forged(`{"alg":"none","typ":"JWT"}`, payload, nil),
		"alg None with a key id":      forged(`{"alg":"None","kid":"`+kid+`"}`, payload, nil),
		"no alg":                      forged(`{"typ":"JWT","kid":"`+kid+`"}`, payload, nil),
		"HS256 under the key set":     forged(`{"alg":"HS256","kid":"`+kid+`"}`, payload, hs(set)),
		"HS256 under nothing":         forged(`{"alg":"HS256","kid":"`+kid+`"}`, payload, hs(nil)),
		"ES256 with an empty key id":  forged(`{"alg":"ES256","kid":""}`, payload, hs(set)),
		"ES256 of zeroes":             forged(`{"alg":"ES256","kid":"`+kid+`"}`, payload, func(string) []byte { return make([]byte, 64) }),
		"a key of its own":            forged(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`, payload, hs(set)),
		"a key set of its own":        forged(`{"alg":"ES256","jku":"http://127.0.0.1:1/","kid":"`+kid+`"}`, payload, hs(set)),
		"another payload":             parts[0] + "." + swapped + "." + parts[2],
		"no signature":                parts[0] + "." + parts[1] + ".",
		"the signature cut":           genuine[:len(genuine)-2],
		"two parts":                   parts[0] + "." + parts[1],
		"a critical header":           forged(`{"alg":"ES256","crit":["b64"],"b64":false,"kid":"`+kid+`"}`, payload, hs(set)),
		"an issuer nobody configured": forged(`{"alg":"ES256","kid":"`+kid+`"}`, strings.Replace(payload, s.issuer.URL(), "https://issuer.example", 1), hs(set)),
	} {
		t.Run(name, func(t *testing.T) { s.refusesProof(t, token, "support-agent", "InvalidIdentityToken") })
	}
}

// A token that also works at AWS could be replayed there by whoever sees it here.
func TestS11_TokenMeantForAWSIsRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	s.refusesProof(t, s.token(t, "demo:support-agent", "sts.amazonaws.com", nil), "support-agent", "AccessDenied")
	s.refusesProof(t, s.token(t, "demo:support-agent", "somebody-else", nil), "support-agent", "AccessDenied")
}

func TestS11_RoleARNConfersNothing(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, role := range []string{"sales-agent", "shared-runtime", "nobody", "support-agent-2"} {
		s.refusesProof(t, s.token(t, "demo:support-agent", "writ", map[string]any{"role": role}), role, "AccessDenied")
	}
}

func TestS11_AmbiguousBindingsAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	s.apply(t, `apiVersion: writ/v1
kind: Identity
name: twice-bound
spec: {kind: workload, environment: prod, team: t, sponsor: a@example.com, owner: b@example.com}
---
apiVersion: writ/v1
kind: Binding
name: twice-bound.exact
spec: {identity: twice-bound, issuer: demo, audience: writ, subject: "demo:twice-bound"}
---
apiVersion: writ/v1
kind: Binding
name: twice-bound.pattern
spec: {identity: twice-bound, issuer: demo, audience: writ, subject: "demo:twice-*"}
`)
	s.refusesProof(t, s.token(t, "demo:twice-bound", "writ", nil), "twice-bound", "AccessDenied")
	if _, a := s.assume(t, s.token(t, "demo:twice-told", "writ", nil), "twice-bound"); a.Status != 200 {
		t.Errorf("a subject that only one binding fits: answered %d %s", a.Status, a.Body)
	}
}

// Two subjects on one binding are one identity, but never one session.
func TestS11_TwoSubjectsOfOneBindingAreToldApart(t *testing.T) {
	t.Parallel()
	s := shared()
	s.apply(t, `apiVersion: writ/v1
kind: Identity
name: repository
spec: {kind: ci_pipeline, environment: dev, team: t, sponsor: a@example.com, owner: b@example.com}
---
apiVersion: writ/v1
kind: Binding
name: repository
spec: {identity: repository, issuer: demo, audience: writ, subject: "repo:acme/*"}
`)
	tokens := map[string]string{}
	for _, subject := range []string{"repo:acme/one", "repo:acme/two"} {
		k, a := s.assume(t, s.token(t, subject, "writ", nil), "repository")
		if a.Status != 200 {
			t.Fatalf("%s: answered %d %s", subject, a.Status, a.Body)
		}
		tokens[subject] = k.SessionToken
	}
	if tokens["repo:acme/one"] == tokens["repo:acme/two"] {
		t.Error("two subjects share a session")
	}
	seen := map[string]bool{}
	for _, r := range s.records(t) {
		if r.Kind == auditlog.KindMint && r.Who.Identity == "repository" {
			seen[r.Proof.Subject] = true
		}
	}
	if !seen["repo:acme/one"] || !seen["repo:acme/two"] {
		t.Errorf("mints of the subjects %v are recorded, want both", seen)
	}
	s.refusesProof(t, s.token(t, "repo:other/one", "writ", nil), "repository", "AccessDenied")
}

// CVE-2026-35030: a cache keyed by the first characters of a token.
func TestCVE_2026_35030_TokensWithALongCommonPrefix(t *testing.T) {
	t.Parallel()
	s := shared()
	pad := map[string]any{"aaa_padding": strings.Repeat("x", 3000)} // sorts before sub
	a, b := s.token(t, "demo:support-agent", "writ", pad), s.token(t, "demo:sales-agent", "writ", pad)
	if a[:3000] != b[:3000] {
		t.Fatal("the tokens have no long common prefix")
	}
	for range 2 { // the second time from whatever cache there is
		ka, answer := s.assume(t, a, "support-agent")
		if answer.Status != 200 {
			t.Fatalf("answered %d %s", answer.Status, answer.Body)
		}
		s.refusesProof(t, b, "support-agent", "AccessDenied")
		kb, answer := s.assume(t, b, "sales-agent")
		if answer.Status != 200 || ka.SessionToken == kb.SessionToken {
			t.Fatalf("answered %d %s", answer.Status, answer.Body)
		}
		for who, k := range map[string]writtest.Keys{"support-agent": ka, "sales-agent": kb} {
			got := s.call(t, k, sonnet, "converse", writtest.Say("prefix"))
			if r := s.told(t, got, auditlog.KindIntent); r.Who.Identity != who {
				t.Errorf("%s called as %s", who, r.Who.Identity)
			}
		}
		s.refusesProof(t, a[:len(a)-4]+b[len(b)-4:], "support-agent", "InvalidIdentityToken")
	}
}

func TestS11_PolicyParametersAreRefusedNotIgnored(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, field := range []string{"Policy", "PolicyArns.member.1.arn", "ProviderId", "Tags.member.1.Key"} {
		form := url.Values{
			"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"test"}, field: {"x"},
			"RoleArn": {"arn:aws:iam::" + demo.Account + ":role/support-agent"}, "WebIdentityToken": {s.token(t, "demo:support-agent", "writ", nil)},
		}
		if a := s.sts(t, form); a.Status != 400 {
			t.Errorf("%s: answered %d %s", field, a.Status, a.Body)
		}
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"test"},
		"RoleArn": {"arn:aws:iam::" + demo.Account + ":role/support-agent"}, "WebIdentityToken": {s.token(t, "demo:support-agent", "writ", nil)},
	}
	req := post(s.Gateway+"/?Policy=%7B%7D", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
	if a := writtest.Do(t, req); a.Status != 400 {
		t.Errorf("Policy in the query string: answered %d %s", a.Status, a.Body)
	}
}

// issuerYAML configures an issuer and a binding of support-agent to it.
func issuerYAML(name, url, rest string) string {
	return fmt.Sprintf(`apiVersion: writ/v1
kind: Issuer
name: %[1]s
spec: {url: %[2]q%[3]s}
---
apiVersion: writ/v1
kind: Binding
name: %[1]s
spec: {identity: support-agent, issuer: %[1]s, audience: writ, subject: "demo:support-agent"}
`, name, url, rest)
}

// The issuer's key set lies on a loopback address that the configuration does
// not allow: it is refused after name resolution, and nothing connects there.
func TestS12_JWKSOnLoopbackRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	var asked atomic.Int32
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			asked.Add(1)
		}
	}
	srv.StartTLS()
	defer srv.Close()
	for name, url := range map[string]string{
		"jwks-by-address": srv.URL,
		"jwks-by-name":    strings.Replace(srv.URL, "127.0.0.1", "localhost", 1),
		"jwks-mapped":     strings.Replace(srv.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1),
		"jwks-metadata":   "https://169.254.169.254",
	} {
		s.apply(t, issuerYAML(name, url, ""))
		issuer, err := demo.NewIssuer(url)
		if err != nil {
			t.Fatal(err)
		}
		token, err := issuer.Token("demo:support-agent", "writ", nil, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		s.refusesProof(t, token, "support-agent", "IDPCommunicationError")
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("%d connections were made to the loopback address", n)
	}
	if r := s.tryApply(t, "http.yaml", issuerYAML("plain", "http://127.0.0.1:1", "")); r.Code == 0 || !strings.Contains(r.Stderr, "want https") {
		t.Errorf("an issuer over plain http was accepted: %d %s", r.Code, r.Stderr)
	}
}

func TestS12_JWKSDown(t *testing.T) {
	t.Parallel()
	s := shared()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down := "http://" + l.Addr().String()
	l.Close()
	s.apply(t, issuerYAML("jwks-down", down, ", allowLocal: true"))
	issuer, err := demo.NewIssuer(down)
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Token("demo:support-agent", "writ", nil, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.refusesProof(t, token, "support-agent", "IDPCommunicationError")
	if a := s.call(t, s.session(t, "support-agent"), sonnet, "converse", writtest.Say("one issuer is down")); a.Status != 200 {
		t.Errorf("sessions of another issuer: answered %d %s", a.Status, a.Body)
	}
}
