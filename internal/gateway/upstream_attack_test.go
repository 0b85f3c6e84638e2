package gateway_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/writtest"
)

// fromWrit checks that a request left as every request must: to the configured
// host, in the region called, under Writ's own key, with nothing of the
// client's but what is listed.
func (s *site) fromWrit(t testing.TB, r fakebedrock.Request) {
	t.Helper()
	if r.Host != strings.TrimPrefix(s.url, "http://") || r.Verified != upstreamKeyID {
		t.Errorf("sent to %s, signed by %q", r.Host, r.Verified)
	}
	if !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/bedrock/aws4_request") {
		t.Errorf("signed as %s", r.Header.Get("Authorization"))
	}
	known := []string{"Accept", "Content-Type", "Content-Length", "Authorization", "User-Agent", "X-Amz-Date", "X-Amz-Content-Sha256", "Accept-Encoding"}
	for name := range r.Header {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "X-Amzn-Bedrock-") {
			t.Errorf("header %s was forwarded", name)
		}
	}
	if ua := r.Header.Get("User-Agent"); ua != "writ-gateway" {
		t.Errorf("the client's User-Agent was forwarded: %s", ua)
	}
}

// CVE-2024-6587: the caller chooses the upstream, the gateway adds its key.
func TestCVE_2024_6587_NothingChoosesTheUpstream(t *testing.T) {
	t.Parallel()
	s := shared()
	var evil atomic.Int32
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { evil.Add(1) }))
	defer trap.Close()
	there := strings.TrimPrefix(trap.URL, "http://")
	k, token := s.session(t, "support-agent"), s.bearer(t, "support-agent")
	for _, name := range []string{
		"X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Url", "X-Rewrite-Url", "X-Upstream", "Api-Base", "X-Endpoint-Url", "Location",
		"Proxy", "Via", "Authorization-Upstream", "Cookie", "X-Writ-Upstream", "X-Writ-Region", "X-Api-Key", "Proxy-Authorization", "Referer", "Origin",
	} {
		req := writtest.Sign(t, k, s.request(sonnet, "converse", writtest.Say("header "+name+".")))
		req.Header.Set(name, trap.URL)
		if a := writtest.Do(t, req); a.Status != 200 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	for _, name := range []string{"api_base", "base_url", "endpoint_url", "aws_bedrock_runtime_endpoint", "region", "aws_region_name", "aws_access_key_id", "credentials", "headers", "extra_headers"} {
		for _, body := range []string{marked("field", fmt.Sprintf(`,%q:%q`, name, trap.URL)), marked("field", fmt.Sprintf(`,"additionalModelRequestFields":{%q:%q}`, name, trap.URL))} {
			if a := s.call(t, k, sonnet, "converse", body); a.Status != 403 {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
			}
		}
	}
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	for name, text := range map[string]string{
		"absolute form": rawCall(trap.URL+path, s.host(), token, "", writtest.Say("header absolute.")),
		"host":          rawCall(path, there, token, "", writtest.Say("header host.")),
		"authority":     rawCall("//"+there+path, s.host(), token, "", writtest.Say("header authority.")),
	} {
		got := s.say(t, text)
		if len(got) != 1 || got[0].Status != 200 && got[0].Status != 400 {
			t.Errorf("%s: answered %+v", name, got)
		}
	}
	for _, r := range s.reached("header ") {
		s.fromWrit(t, r)
	}
	if n := evil.Load(); n > 0 {
		t.Errorf("the caller's own server was asked %d times", n)
	}
	s.notReached(t, `"field"`)
}

// The region called is the scope's, which is checked; a bearer token's is the home region.
func TestCVE_2024_6587_RegionIsTheScopes(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Config: "regions: [us-east-1, us-west-2]\n"})
	r := s.request(haiku, "converse", writtest.Say("from the west"))
	r.Region = "us-west-2"
	if a := writtest.Do(t, writtest.Sign(t, s.session(t, "ci-summariser"), r)); a.Status != 200 || len(s.reached("from the west")) != 1 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	for _, got := range s.reached("from the west") {
		if !strings.Contains(got.Header.Get("Authorization"), "/us-west-2/bedrock/aws4_request") {
			t.Errorf("signed as %s", got.Header.Get("Authorization"))
		}
	}
	r.Region, r.Body = "eu-west-1", writtest.Say("from abroad")
	s.refuses(t, writtest.Sign(t, s.session(t, "ci-summariser"), r), "from abroad", "InvalidSignatureException")
}

// litellm#17115: one caller's credential, or answer, reused for another.
func TestLitellm_17115_InterleavedCallersShareNothing(t *testing.T) {
	t.Parallel()
	s := shared()
	models := map[string]string{"support-agent": sonnet, "sales-agent": sonnet, "analytics": lite, "invoice-triage": pro}
	var group sync.WaitGroup
	for who, model := range models {
		k := s.session(t, who)
		for i := range 20 {
			group.Go(func() {
				mark := fmt.Sprintf("this is %s number %d, %s.", who, i, rand.Text())
				a := s.call(t, k, model, "converse", writtest.Say(mark))
				if a.Status != 200 || !strings.Contains(a.Body, mark) {
					t.Errorf("%s got %d %s", mark, a.Status, a.Body)
					return
				}
				sent := s.reached(mark)
				if len(sent) != 1 || sent[0].Model != model {
					t.Errorf("%s left as %+v", mark, sent)
					return
				}
				s.fromWrit(t, sent[0])
				if r := s.told(t, a, auditlog.KindIntent); r.Who.Identity != who || r.Call.ModelRequested != model {
					t.Errorf("%s is recorded as %+v %+v", mark, r.Who, r.Call)
				}
			})
		}
	}
	group.Wait()
}

// What a failing Bedrock does to a call without a stream: an error that an SDK
// knows, and an outcome that says what happened.
func TestUpstreamFaultsOfWholeAnswers(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "support-agent")
	for fault, want := range map[string]struct {
		status int
		kind   string
		ended  string
	}{
		"refuse/0":     {429, "ThrottlingException", "complete"}, // Bedrock's own word is passed on
		"drop/0":       {503, "ServiceUnavailableException", "upstream_error"},
		"cut/0":        {503, "ServiceUnavailableException", "upstream_error"},
		"half_close/0": {503, "ServiceUnavailableException", "upstream_error"},
		// What cannot be read is not let out, whatever it is.
		"truncate/0": {403, "AccessDeniedException", "refused"},
		"garbage/0":  {403, "AccessDeniedException", "refused"},
	} {
		t.Run(strings.TrimSuffix(fault, "/0"), func(t *testing.T) {
			t.Parallel()
			mark := rand.Text() + " fault=" + fault
			a := s.call(t, k, sonnet, "converse", writtest.Say(mark))
			if a.Status != want.status || a.ErrorType() != want.kind {
				t.Errorf("answered %d %s %s", a.Status, a.ErrorType(), a.Body)
			}
			o := s.outcome(t, a).Outcome
			if o.Ended != want.ended || o.Status != want.status && want.ended == "complete" {
				t.Errorf("recorded as %+v, want %s", o, want.ended)
			}
			if n := len(s.reached(mark)); n != 1 {
				t.Errorf("Bedrock was asked %d times: a model call is not repeated", n)
			}
		})
	}
}

func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	s := openSite(t, siteOptions{Upstream: closed.URL})
	for _, operation := range []string{"converse", "converse-stream"} {
		a := s.call(t, s.session(t, "support-agent"), sonnet, operation, writtest.Say("anybody there?"))
		if a.Status != 503 || a.ErrorType() != "ServiceUnavailableException" {
			t.Errorf("%s: answered %d %s", operation, a.Status, a.Body)
		}
		if o := s.outcome(t, a).Outcome; o.Ended != "upstream_error" {
			t.Errorf("%s: recorded as %+v", operation, o)
		}
		if strings.Contains(a.Body, closed.URL) || strings.Contains(a.Body, "refused") {
			t.Errorf("the caller learns of the inside: %s", a.Body)
		}
	}
}
