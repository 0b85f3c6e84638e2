package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/writtest"
)

// refuses sends a request and wants one AWS error back and nothing sent on.
func (s *site) refuses(t testing.TB, req *http.Request, mark, want string) {
	t.Helper()
	if a := writtest.Do(t, req); a.ErrorType() != want || a.Status < 400 || a.Status > 499 {
		t.Errorf("answered %d %s %s, want %s", a.Status, a.ErrorType(), a.Body, want)
	}
	s.notReached(t, mark)
}

func TestReplayOutsideTheWindowIsRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	for name, skew := range map[string]time.Duration{"six minutes old": -6 * time.Minute, "six minutes ahead": 6 * time.Minute, "a day old": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			r := s.request(sonnet, "converse", writtest.Say("skewed "+name))
			r.Time = time.Now().Add(skew)
			s.refuses(t, writtest.Sign(t, s.session(t, "support-agent"), r), "skewed "+name, "RequestTimeTooSkewed")
		})
	}
	r := s.request(sonnet, "converse", writtest.Say("four minutes old"))
	r.Time = time.Now().Add(-4 * time.Minute)
	if a := writtest.Do(t, writtest.Sign(t, s.session(t, "support-agent"), r)); a.Status != 200 {
		t.Errorf("within the window: answered %d %s", a.Status, a.Body)
	}
}

func TestForeignScopesAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, c := range []struct{ service, region string }{{"bedrock", "eu-west-1"}, {"bedrock-runtime", "us-east-1"}, {"s3", "us-east-1"}, {"sts", "us-east-1"}, {"bedrock", "us-east-1x"}} {
		r := s.request(sonnet, "converse", writtest.Say("scoped"))
		r.Name, r.Region = c.service, c.region
		s.refuses(t, writtest.Sign(t, s.session(t, "support-agent"), r), "scoped", "InvalidSignatureException")
	}
}

// What is changed after signing does not pass, whatever it is.
func TestSignedRequestsCannotBeChanged(t *testing.T) {
	t.Parallel()
	s := shared()
	other := s.session(t, "sales-agent")
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	swap := func(old, with string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, with, 1))
		}
	}
	signature := regexp.MustCompile(`Signature=[0-9a-f]+`)
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"the path":            {func(r *http.Request) { r.URL.Path = "/model/" + pro + "/converse"; r.URL.RawPath = "" }, "InvalidSignatureException"},
		"the method":          {func(r *http.Request) { r.Method = http.MethodPut }, "ValidationException"},
		"the host":            {func(r *http.Request) { r.Host = "bedrock-runtime.us-east-1.amazonaws.com" }, "InvalidSignatureException"},
		"the content type":    {header("Content-Type", "application/octet-stream"), "InvalidSignatureException"},
		"the date":            {header("X-Amz-Date", time.Now().Add(time.Minute).UTC().Format("20060102T150405Z")), "InvalidSignatureException"},
		"the date's absence":  {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, "InvalidSignatureException"},
		"the token":           {header("X-Amz-Security-Token", other.SessionToken), "UnrecognizedClientException"},
		"the token's absence": {func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, "InvalidSignatureException"},
		"the signature": {func(r *http.Request) {
			swap(signature.FindString(r.Header.Get("Authorization")), "Signature="+strings.Repeat("0", 64))(r)
		}, "InvalidSignatureException"},
		"a guardrail added":      {header("X-Amzn-Bedrock-Guardrailidentifier", "abc"), "InvalidSignatureException"},
		"an x-amz header added":  {header("X-Amz-Anything", "1"), "InvalidSignatureException"},
		"a target added":         {header("X-Amz-Target", "x"), "InvalidSignatureException"},
		"UNSIGNED-PAYLOAD added": {header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), "InvalidSignatureException"},
		"unsorted headers":       {swap("SignedHeaders=content-length;content-type", "SignedHeaders=content-type;content-length"), "IncompleteSignatureException"},
		"a header named twice":   {swap("SignedHeaders=content-length;", "SignedHeaders=content-length;content-length;"), "IncompleteSignatureException"},
		"the host not signed":    {swap(";host;", ";"), "InvalidSignatureException"},
		"an absent header":       {swap(";host;", ";host;range;"), "InvalidSignatureException"},
		"another algorithm":      {swap("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), "IncompleteSignatureException"},
		"SigV4A":                 {swap("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "IncompleteSignatureException"},
		"no algorithm":           {swap("AWS4-HMAC-SHA256 ", ""), "IncompleteSignatureException"},
		"two authorizations":     {func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, "IncompleteSignatureException"},
		"none":                   {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
	} {
		t.Run(name, func(t *testing.T) {
			req := writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, "converse", writtest.Say("changed: "+name)))
			c.change(req)
			s.refuses(t, req, "changed: "+name, c.want)
		})
	}
	t.Run("the body", func(t *testing.T) {
		text := wire(writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, "converse", writtest.Say("good morning"))))
		got := s.say(t, strings.Replace(text, "good morning", "evil morning", 1))
		if len(got) != 1 || got[0].ErrorType() != "InvalidSignatureException" {
			t.Errorf("answered %+v", got)
		}
		s.notReached(t, "evil morning")
	})
}

func TestS14_UnsignedAndChunkedPayloadsAreRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, sum := range []string{"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-EVENTS", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"} {
		r := s.request(sonnet, "converse", writtest.Say("unsigned payload"))
		r.Header = http.Header{"X-Amz-Content-Sha256": {sum}}
		s.refuses(t, writtest.Sign(t, s.session(t, "support-agent"), r), "unsigned payload", "InvalidSignatureException")
	}
}

// Keys, tokens and ids of two sessions do not mix.
func TestSessionsDoNotMix(t *testing.T) {
	t.Parallel()
	s := shared()
	a, b := s.session(t, "support-agent"), s.session(t, "sales-agent")
	for name, k := range map[string]writtest.Keys{
		"another's token":  {AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: b.SessionToken},
		"another's id":     {AccessKeyID: b.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken},
		"another's secret": {AccessKeyID: a.AccessKeyID, SecretAccessKey: b.SecretAccessKey, SessionToken: a.SessionToken},
		"no secret":        {AccessKeyID: a.AccessKeyID, SecretAccessKey: "x", SessionToken: a.SessionToken},
		"a token cut":      {AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken[:len(a.SessionToken)-1]},
		"a token extended": {AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken + "A"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.call(t, k, sonnet, "converse", writtest.Say("mixed "+name))
			if got.Status != 403 || got.ErrorType() != "UnrecognizedClientException" && got.ErrorType() != "InvalidSignatureException" {
				t.Errorf("answered %d %s", got.Status, got.Body)
			}
			s.notReached(t, "mixed "+name)
		})
	}
}

func TestS10_SessionTokenIsNoBearerTokenNorTheReverse(t *testing.T) {
	t.Parallel()
	s := shared()
	k, bearer := s.session(t, "support-agent"), s.bearer(t, "support-agent")
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	if a := s.CallBearer(t, bearer, path, writtest.Say("hello")); a.Status != 200 {
		t.Fatalf("a bearer token: answered %d %s", a.Status, a.Body)
	}
	trimmed := strings.TrimPrefix(bearer, regexp.MustCompile(`^[^A-Za-z0-9]*[a-z]+[-_.]?`).FindString(bearer))
	for name, token := range map[string]string{"session token": k.SessionToken, "without its mark": trimmed, "secret key": k.SecretAccessKey, "access key id": k.AccessKeyID} {
		if a := s.CallBearer(t, token, path, writtest.Say("as bearer")); a.Status != 403 || a.ErrorType() != "UnrecognizedClientException" {
			t.Errorf("%s as bearer token: answered %d %s", name, a.Status, a.Body)
		}
	}
	k.SessionToken = bearer
	if a := s.call(t, k, sonnet, "converse", writtest.Say("as session")); a.Status != 403 || a.ErrorType() != "UnrecognizedClientException" {
		t.Errorf("bearer token as session token: answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "as bearer")
	s.notReached(t, "as session")
}

// An SDK that is told ExpiredToken fetches new credentials and tries again.
func TestS14_RevokedIsAccessDeniedNotExpired(t *testing.T) {
	s := shared()
	old, bearer := s.freshSession(t, "ci-summariser"), s.bearer(t, "ci-summariser")
	s.MustRun(t, "sessions", "revoke", "ci-summariser")
	path := "/model/" + writtest.Escape(haiku) + "/converse"
	eventually(t, "revoked sessions are refused", func() bool {
		return s.call(t, old, haiku, "converse", writtest.Say("still there?")).Status == 403
	})
	for name, a := range map[string]writtest.Answer{
		"session": s.call(t, old, haiku, "converse", writtest.Say("after revocation")),
		"bearer":  s.CallBearer(t, bearer, path, writtest.Say("after revocation")),
	} {
		if a.Status != 403 || a.ErrorType() != "AccessDeniedException" {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	s.notReached(t, "after revocation")
	k, a := s.assume(t, s.token(t, "demo:ci-summariser", "writ", map[string]any{"again": true}), "ci-summariser")
	if a.Status != 200 {
		t.Fatalf("proving itself again: %d %s", a.Status, a.Body)
	}
	if a := s.call(t, k, haiku, "converse", writtest.Say("proved again")); a.Status != 200 {
		t.Errorf("a session minted after the revocation: answered %d %s", a.Status, a.Body)
	}
}

func TestExpiredSessionIsToldSo(t *testing.T) {
	t.Parallel()
	s := shared()
	token := strings.TrimSpace(s.MustRun(t, "credentials", "--identity", "support-agent", "--ttl", "1s", "--format", "bearer"))
	s.keep(token)
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	eventually(t, "the session expires", func() bool {
		return s.CallBearer(t, token, path, writtest.Say("hello")).ErrorType() == "ExpiredTokenException"
	})
}

// CVE-2026-42208: SQL built from the Authorization header, on the error path,
// before authentication. Whatever a credential field holds, it is refused as a
// credential, before and after the fields that make it well formed.
func TestCVE_2026_42208_CredentialFieldsAreOnlyCompared(t *testing.T) {
	t.Parallel()
	s := shared()
	poison := map[string]string{
		"quotes":       `' OR '1'='1`,
		"double":       `"; DROP TABLE key; --`,
		"comment":      `x'/**/UNION/**/SELECT/**/1--`,
		"backslashes":  `\'\"\\`,
		"format":       `%s%n%x{}{{.}}${jndi:ldap://x}`,
		"path":         `../../../../etc/passwd`,
		"NUL":          "a\x00b",
		"broken UTF-8": "\xff\xfe\xc0\xaf",
		"overlong":     "\xf0\x82\x82\xac",
		"surrogate":    "\xed\xa0\x80",
		"long":         strings.Repeat("'", 7000),
		"line break":   "a\r\nX-Amz-Evil: 1",
	}
	good := wire(writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, "converse", writtest.Say("poisoned"))))
	k := s.session(t, "support-agent")
	for name, p := range poison {
		t.Run(name, func(t *testing.T) {
			for field, text := range map[string]string{
				"access key id": strings.Replace(good, k.AccessKeyID, p, 1),
				"session token": strings.Replace(good, k.SessionToken, p, 1),
				"token's end":   strings.Replace(good, k.SessionToken, k.SessionToken+p, 1),
				"scope":         strings.Replace(good, "/us-east-1/", "/"+p+"/", 1),
				"signed":        strings.Replace(good, "SignedHeaders=", "SignedHeaders="+p+";", 1),
				"signature":     strings.Replace(good, "Signature=", "Signature="+p, 1),
				"date":          strings.Replace(good, "X-Amz-Date: ", "X-Amz-Date: "+p, 1),
				"bearer":        rawCall("/model/x/converse", s.host(), p, "", "{}"),
				"scheme":        strings.Replace(good, "AWS4-HMAC-SHA256 ", p+" ", 1),
			} {
				if text == good {
					t.Fatalf("%s: nothing was poisoned", field)
				}
				got := s.say(t, text)
				refusedOnly(t, got)
			}
			for _, field := range []string{"WebIdentityToken", "RoleArn", "RoleSessionName", "DurationSeconds", "Action", "Version", p} {
				form := url.Values{
					"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"test"},
					"RoleArn": {"arn:aws:iam::" + demo.Account + ":role/support-agent"}, "WebIdentityToken": {s.token(t, "demo:support-agent", "writ", nil)},
				}
				form.Set(field, p)
				if a := s.sts(t, form); a.Status < 400 || a.Status > 499 {
					t.Errorf("STS %.20q: answered %d %s", field, a.Status, a.Body)
				}
			}
		})
	}
	s.notReached(t, "poisoned")
	a := s.call(t, k, sonnet, "converse", writtest.Say("unharmed"))
	if a.Status != 200 {
		t.Fatalf("afterwards: answered %d %s", a.Status, a.Body)
	}
	s.told(t, a, auditlog.KindIntent)
}

// The poison on the success path: names that are no credentials, but that a
// caller chooses and that are recorded.
func TestCVE_2026_42208_ChosenNamesAreRecordedAsText(t *testing.T) {
	t.Parallel()
	s := shared()
	for i, agent := range []string{`'; DROP TABLE record; --`, "\"\\\u00e9\u202e", strings.Repeat("x", 8000), "{\"kind\":\"mint\"}"} {
		r := s.request(sonnet, "converse", writtest.Say(fmt.Sprintf("named %d", i)))
		r.Header = http.Header{"User-Agent": {agent}}
		a := writtest.Do(t, writtest.Sign(t, s.session(t, "support-agent"), r))
		if a.Status != 200 {
			t.Errorf("%.30q: answered %d %s", agent, a.Status, a.Body)
			continue
		}
		if w := s.told(t, a, auditlog.KindIntent).Where; w == nil || strings.Contains(w.UserAgent, agent) {
			t.Errorf("%.30q: recorded as %+v", agent, w)
		}
	}
	if out := s.MustRun(t, "audit", "verify"); !strings.Contains(out, "self-consistent") {
		t.Error(out)
	}
}

func TestSTSServesOnlyItsOwnSessions(t *testing.T) {
	t.Parallel()
	s := shared()
	form := url.Values{"Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"}}.Encode()
	ask := func(service string, k writtest.Keys) writtest.Answer {
		return writtest.Do(t, writtest.Sign(t, k, writtest.Request{
			URL: s.Gateway + "/", Body: form, Name: service, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		}))
	}
	k := s.session(t, "support-agent")
	if a := ask("sts", k); a.Status != 200 || !strings.Contains(a.Body, "assumed-role/support-agent/") {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if a := ask("bedrock", k); a.Status != 403 {
		t.Errorf("signed for bedrock: answered %d %s", a.Status, a.Body)
	}
	k.SecretAccessKey += "x"
	if a := ask("sts", k); a.Status != 403 {
		t.Errorf("with a wrong key: answered %d %s", a.Status, a.Body)
	}
}
