package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/writtest"
)

// containerKeys is the answer of the container-credentials endpoint.
type containerKeys struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      time.Time

	Code    string `json:"code"`
	Message string `json:"message"`
}

func (c containerKeys) keys() writtest.Keys {
	return writtest.Keys{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.Token}
}

// askContainer asks for credentials; edit may change the request.
func (s *site) askContainer(t testing.TB, path, authorization string, edit func(*http.Request)) (containerKeys, writtest.Answer) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.Gateway+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	if edit != nil {
		edit(req)
	}
	return s.readContainer(t, writtest.Do(t, req))
}

func (s *site) readContainer(t testing.TB, a writtest.Answer) (containerKeys, writtest.Answer) {
	t.Helper()
	var out containerKeys
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil {
		t.Errorf("answered %d %q: %v", a.Status, a.Body, err)
	}
	if a.Header.Get("Cache-Control") != "no-store" || (a.Status == 200) != (out.Token != "") || (a.Status == 200) == (out.Code != "") {
		t.Errorf("answered %d %v %s", a.Status, a.Header, a.Body)
	}
	if out.Token != "" {
		s.keep(out.SecretAccessKey, out.Token)
	}
	return out, a
}

const containerPath = "/writ/v1/credentials"

func TestContainerCredentials(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, path := range []string{containerPath, containerPath + "/support-agent"} {
		got, a := s.askContainer(t, path, s.token(t, "demo:support-agent", "writ", map[string]any{"run": path}), nil)
		if a.Status != 200 || time.Until(got.Expiration) <= 0 || a.Header.Get("Date") == "" {
			t.Fatalf("%s: answered %d %s", path, a.Status, a.Body)
		}
		called := s.call(t, got.keys(), sonnet, "converse", writtest.Say("container "+path))
		if r := s.told(t, called, auditlog.KindIntent); r.Who.Identity != "support-agent" || r.Proof.Kind != "oidc" {
			t.Errorf("called as %+v by %+v", r.Who, r.Proof)
		}
	}
	for path, want := range map[string]int{
		containerPath + "/sales-agent": 403, containerPath + "/": 404, containerPath + "/a/b": 404, containerPath + "/%73upport-agent": 404,
		containerPath + "s": 404, "/writ/": 404, "/writ/v1/": 404, "/writ/v2/credentials": 404, "//writ/v1/credentials": 404,
	} {
		req, err := http.NewRequest(http.MethodGet, s.Gateway+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", s.token(t, "demo:support-agent", "writ", nil))
		if a := writtest.Do(t, req); a.Status < 400 || a.Status > 499 || want == 403 && a.Status != 403 || strings.Contains(a.Body, "SecretAccessKey") {
			t.Errorf("%s: answered %d %s", path, a.Status, a.Body)
		}
	}
}

// The same door gives bearer tokens, which are recorded as such.
func TestBearerForAProof(t *testing.T) {
	t.Parallel()
	s := shared()
	token := s.token(t, "demo:support-agent", "writ", nil)
	req, err := http.NewRequest(http.MethodGet, s.Gateway+"/writ/v1/bearer", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", token)
	a := writtest.Do(t, req)
	var out struct{ Token, Expiration string }
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != 200 || !strings.HasPrefix(out.Token, "writb.") {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	s.keep(out.Token)
	called := s.CallBearer(t, out.Token, "/model/"+writtest.Escape(sonnet)+"/converse", writtest.Say("bearer for a proof"))
	r := s.told(t, called, auditlog.KindIntent)
	for _, mint := range s.records(t) {
		if mint.index == *r.Credential.MintRecord && (mint.Credential.Kind != "bearer" || mint.Proof.Kind != "oidc") {
			t.Errorf("the mint is recorded as %+v by %+v", mint.Credential, mint.Proof)
		}
	}
}

func TestS13_OnlyNamesOfThisServerAreAnswered(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Config: "hosts: [writ.example.com, 192.0.2.80]\ntls: {names: [writ.internal]}\n"})
	token := s.token(t, "demo:support-agent", "writ", nil)
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:1": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "[::1]": 200, "writ.example.com": 200, "Writ.Internal:443": 200, "192.0.2.80": 200,
		"evil.example": 403, "writ.example.com.evil.example": 403, "evil-writ.example.com": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example": 403,
		"169.254.170.23": 403, "169.254.169.254": 403, "0.0.0.0": 403, "2130706433": 403, "127.1": 403, "192.0.2.81": 403,
	} {
		if _, a := s.askContainer(t, containerPath, token, func(r *http.Request) { r.Host = host }); a.Status != want {
			t.Errorf("Host %q: answered %d %s, want %d", host, a.Status, a.Body, want)
		}
	}
	absolute := fmt.Sprintf("GET http://localhost%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n\r\n", containerPath, token)
	if got := s.say(t, absolute); len(got) != 1 || got[0].Status != 403 {
		t.Errorf("as through a proxy: answered %+v", got)
	}
}

func TestS13_PassedOnRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	token := s.token(t, "demo:support-agent", "writ", nil)
	for _, name := range []string{
		"Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Client-Cert", "X-Forwarded-Anything", "Via", "X-Real-IP",
		"X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Original-URL", "X-Envoy-External-Address", "Client-Cert", "X-SSL-Client-Cert", "X-Amzn-Mtls-Clientcert",
		"Origin", "Referer", "Cookie", "Sec-Fetch-Site", "Proxy-Authorization",
	} {
		for _, value := range []string{"127.0.0.1", ""} {
			_, a := s.askContainer(t, containerPath, token, func(r *http.Request) { r.Header.Set(name, value) })
			if a.Status != 403 {
				t.Errorf("%s %q: answered %d %s", name, value, a.Status, a.Body)
			}
		}
	}
	for name, edit := range map[string]func(*http.Request){
		"POST":          func(r *http.Request) { r.Method = http.MethodPost },
		"HEAD":          func(r *http.Request) { r.Method = "HEAD" },
		"a body":        func(r *http.Request) { *r = *mustRequest(t, http.MethodGet, r.URL.String(), token, "x") },
		"a query":       func(r *http.Request) { r.URL.RawQuery = "role=support-agent" },
		"a scheme":      func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
		"two headers":   func(r *http.Request) { r.Header.Add("Authorization", token) },
		"no proof":      func(r *http.Request) { r.Header.Del("Authorization") },
		"another realm": func(r *http.Request) { r.Header.Set("Authorization", s.operator) },
	} {
		req := mustRequest(t, http.MethodGet, s.Gateway+containerPath, token, "")
		edit(req)
		if a := writtest.Do(t, req); a.Status < 400 || a.Status > 499 || strings.Contains(a.Body, "SecretAccessKey") {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
}

func mustRequest(t testing.TB, method, url, authorization, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", authorization)
	return req
}

// Sessions, bearers and secret keys are no proofs; a container token calls no model.
func TestS10_ContainerTokensAndSessionsAreNotInterchangeable(t *testing.T) {
	t.Parallel()
	s := shared()
	k, bearer := s.freshSession(t, "support-agent"), s.bearer(t, "support-agent")
	for name, text := range map[string]string{"session": k.SessionToken, "bearer": bearer, "secret key": k.SecretAccessKey} {
		if _, a := s.askContainer(t, containerPath, text, nil); a.Status != 400 {
			t.Errorf("%s as a proof: answered %d %s", name, a.Status, a.Body)
		}
	}
	token := s.containerToken(t, "support-agent")
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	for name, text := range map[string]string{"as it is": token, "renamed": "writb" + token[5:]} {
		if a := s.CallBearer(t, text, path, writtest.Say("container token as bearer")); a.Status != 403 {
			t.Errorf("container token as bearer, %s: answered %d %s", name, a.Status, a.Body)
		}
	}
	if a := s.call(t, writtest.Keys{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: "writs" + token[5:]}, sonnet, "converse", writtest.Say("container token as session")); a.Status != 403 {
		t.Errorf("container token as session: answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "container token as")
}

// containerToken mints a container token by the right impersonate.
func (s *site) containerToken(t testing.TB, identity string, args ...string) string {
	t.Helper()
	out := s.MustRun(t, append([]string{"credentials", "--identity", identity, "--format", "container"}, args...)...)
	_, rest, ok := strings.Cut(out, "export AWS_CONTAINER_AUTHORIZATION_TOKEN='")
	token, _, end := strings.Cut(rest, "'")
	if !ok || !end || !strings.HasPrefix(token, "writc.") {
		t.Fatalf("writ credentials printed\n%s", out)
	}
	s.keep(token)
	return token
}

func TestS13_ContainerTokenOfAnotherNetworkIsRefused(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	s.apply(t, `apiVersion: writ/v1
kind: Network
name: elsewhere
spec: {cidrs: ["203.0.113.0/24"]}
`)
	here := s.containerToken(t, "support-agent")
	got, a := s.askContainer(t, containerPath+"/support-agent", here, nil)
	if a.Status != 200 {
		t.Fatalf("where it was minted for: answered %d %s", a.Status, a.Body)
	}
	called := s.call(t, got.keys(), sonnet, "converse", writtest.Say("a container token's session"))
	if r := s.told(t, called, auditlog.KindIntent); !r.Who.Impersonated || r.Proof.Kind != "local_admin" {
		t.Errorf("S17: recorded as %+v by %+v", r.Who, r.Proof)
	}
	for _, args := range [][]string{{"--network", "elsewhere"}, {"--source", "203.0.113.9"}} {
		there := s.containerToken(t, "support-agent", args...)
		if _, a := s.askContainer(t, containerPath, there, nil); a.Status != 403 {
			t.Errorf("%v: answered %d %s", args, a.Status, a.Body)
		}
		// Nor does it help to say that one is there.
		if _, a := s.askContainer(t, containerPath, there, func(r *http.Request) { r.Header.Set("X-Forwarded-For", "203.0.113.9") }); a.Status != 403 {
			t.Errorf("%v, as if from there: answered %d %s", args, a.Status, a.Body)
		}
	}
	if _, a := s.askContainer(t, containerPath+"/sales-agent", here, nil); a.Status != 403 {
		t.Errorf("for another identity: answered %d %s", a.Status, a.Body)
	}
	s.MustRun(t, "sessions", "revoke", "support-agent")
	if _, a := s.askContainer(t, containerPath, here, nil); a.Status != 403 {
		t.Errorf("after revocation: answered %d %s", a.Status, a.Body)
	}
}

// Refusals are counted together; a mint is on record when its keys arrive.
func TestS13_MintsAreRecordedAndRefusalsCounted(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	before := len(s.records(t))
	for range 50 {
		s.askContainer(t, containerPath, "writc.v1.AAAA", nil)
		s.askContainer(t, containerPath, "", func(r *http.Request) { r.Host = "evil.example" })
	}
	if n := len(s.records(t)) - before; n != 0 {
		t.Errorf("100 refusals made %d records, want none before the minute is over", n)
	}
	_, a := s.askContainer(t, containerPath, s.token(t, "demo:support-agent", "writ", nil), nil)
	all := s.records(t)
	if last := all[len(all)-1]; a.Status != 200 || last.Kind != auditlog.KindMint || last.Credential.Kind != "session" || last.Proof.Binding == "" {
		t.Errorf("answered %d, and the last record is %+v", a.Status, last)
	}
	s.Terminate()
	if err := s.Exit(40 * time.Second); err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, r := range s.records(t) {
		if r.Kind == auditlog.KindPreauth {
			counted[r.Preauth.Reason] += r.Preauth.Count
		}
	}
	if counted["credentials_malformed_proof"] != 50 || counted["credentials_host"] != 50 {
		t.Errorf("counted %v", counted)
	}
}

// Whatever stands in the header is read or refused, and stops nobody else.
func TestCVE_2026_42208_ContainerProofsAreOnlyRead(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, value := range []string{
		"' OR 1=1 --", "\"; DROP TABLE sessions; --", "writc.v1.' OR '1'='1", "writc.v1.", "writc.v1.AAAA\x00", "writc.v2.AAAA", "..", "{}", "a.b.c", "%00", "\xff\xfe",
		strings.Repeat("A", 20001), "writc.v1." + strings.Repeat("A", 19000), "eyJhbGciOiJub25lIn0.e30.", strings.Repeat("a.", 10000),
	} {
		got := s.say(t, "GET "+containerPath+" HTTP/1.1\r\nHost: "+s.host()+"\r\nAuthorization: "+value+"\r\nConnection: close\r\n\r\n")
		refusedOnly(t, got)
		if len(got) != 1 {
			t.Errorf("%.40q: %d answers", value, len(got))
		}
	}
	for _, name := range []string{"'", "..", "a%2fb", "a;b", "a%00", strings.Repeat("a", 65), "A", "é"} {
		refusedOnly(t, s.say(t, "GET "+containerPath+"/"+name+" HTTP/1.1\r\nHost: "+s.host()+"\r\nAuthorization: x\r\nConnection: close\r\n\r\n"))
	}
	if _, a := s.askContainer(t, containerPath, s.token(t, "demo:support-agent", "writ", nil), nil); a.Status != 200 {
		t.Errorf("afterwards: answered %d %s", a.Status, a.Body)
	}
}

// Container tokens are minted by the right impersonate; where it is off, one
// that was minted before is no proof.
func TestS17_NoContainerTokensWithoutImpersonation(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	token := s.containerToken(t, "support-agent")
	if _, a := s.askContainer(t, containerPath, token, nil); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	config := filepath.Join(t.TempDir(), "writ.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "account: %q\nimpersonation: false\nupstream: {endpoint: %q}\n", demo.Account, s.url), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Terminate()
	if err := s.Exit(40 * time.Second); err != nil {
		t.Fatal(err)
	}
	again := writtest.Start(t, writtest.Options{Data: s.Data, NoDemo: true, Args: []string{"--config", config}, Env: []string{
		"AWS_ACCESS_KEY_ID=" + upstreamKeyID, "AWS_SECRET_ACCESS_KEY=" + s.upstreamKey,
	}})
	s.Server = again
	if _, a := s.askContainer(t, containerPath, token, nil); a.Status != 400 {
		t.Errorf("with impersonation off: answered %d %s", a.Status, a.Body)
	}
	if _, a := s.askContainer(t, containerPath, s.token(t, "demo:support-agent", "writ", nil), nil); a.Status != 200 {
		t.Errorf("a workload's own proof: answered %d %s", a.Status, a.Body)
	}
}

// Many at once, of many identities: nobody gets another's session.
func TestContainerSessionsDoNotMix(t *testing.T) {
	t.Parallel()
	s := shared()
	var all sync.WaitGroup
	for i := range 24 {
		who := []string{"support-agent", "sales-agent", "analytics"}[i%3]
		all.Go(func() {
			got, a := s.askContainer(t, containerPath, s.token(t, "demo:"+who, "writ", map[string]any{"run": i}), nil)
			if a.Status != 200 {
				t.Errorf("%s: answered %d %s", who, a.Status, a.Body)
				return
			}
			called := s.call(t, got.keys(), lite, "converse", writtest.Say("mixed"))
			kind := auditlog.KindRefusal
			if called.Status == 200 {
				kind = auditlog.KindIntent
			}
			if r := s.told(t, called, kind); r.Who.Identity != who {
				t.Errorf("%s called as %s", who, r.Who.Identity)
			}
		})
	}
	all.Wait()
}
