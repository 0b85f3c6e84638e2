package gateway_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/writtest"
)

func TestAnswersNameTheirRecordAndDate(t *testing.T) {
	t.Parallel()
	s := shared()
	permitted := s.call(t, s.session(t, "support-agent"), sonnet, "converse", writtest.Say("hello"))
	if permitted.Status != 200 {
		t.Fatalf("%d %s", permitted.Status, permitted.Body)
	}
	if o := s.outcome(t, permitted).Outcome; o.Ended != "complete" || o.Status != 200 {
		t.Errorf("outcome %+v", o)
	}
	refused := s.call(t, s.session(t, "support-agent"), pro, "converse", writtest.Say("hello"))
	if refused.Status != 403 || refused.ErrorType() != "AccessDeniedException" {
		t.Fatalf("%d %s", refused.Status, refused.Body)
	}
	s.told(t, refused, auditlog.KindRefusal)
	for name, a := range map[string]writtest.Answer{"permitted": permitted, "refused": refused} {
		if a.Header.Get("Date") == "" || a.Header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: headers %v", name, a.Header)
		}
	}
}

// A path that two readers could read differently is refused as it stands, and
// never redirected to what somebody thinks was meant.
func TestCVE_2026_29791_PathsAreNeverNormalised(t *testing.T) {
	t.Parallel()
	s, token := shared(), shared().bearer(t, "support-agent")
	model := writtest.Escape(sonnet)
	for name, path := range map[string]string{
		"two slashes first":      "//model/" + model + "/converse",
		"two slashes":            "/model//" + model + "/converse",
		"dot dot":                "/model/x/../" + model + "/converse",
		"escaped dot dot":        "/model/%2e%2e/converse",
		"dot":                    "/./model/" + model + "/converse",
		"climbing in the id":     "/model/a%2F..%2F" + model + "/converse",
		"escaped slash at start": "/model/%2F" + model + "/converse",
		"NUL":                    "/model/" + model + "%00/converse",
		"CR LF":                  "/model/" + model + "%0d%0aX-Evil:%201/converse",
		"double escape":          "/model/" + strings.ReplaceAll(model, "%3A", "%253A") + "/converse",
		"escaped question mark":  "/model/" + model + "%3Fx/converse",
		"escaped hash":           "/model/" + model + "%23x/converse",
		"trailing slash":         "/model/" + model + "/converse/",
		"matrix parameter":       "/model/" + model + ";x=1/converse",
		"half an escape":         "/model/" + model + "%2/converse",
		"bare slash in an id":    "/model/amazon/nova/converse",
		"two in an ARN":          "/model/arn:aws:bedrock:us-east-1:111122223333:imported-model/pricing0001/x/converse",
		"overlong UTF-8 slash":   "/model/%c0%af" + model + "/converse",
	} {
		t.Run(name, func(t *testing.T) {
			mark := "path " + name
			got := s.say(t, rawCall(path, s.host(), token, "", writtest.Say(mark)))
			if len(got) != 1 || got[0].Status != 400 && got[0].Status != 404 || got[0].Header.Get("Location") != "" {
				t.Errorf("answered %+v, want one 400 or 404", got)
			}
			s.notReached(t, mark)
		})
	}
}

func TestS14_QueryStringsAndPresignedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s, token := shared(), shared().bearer(t, "support-agent")
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	for _, query := range []string{"?", "?x=1", "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + strings.Repeat("0", 64), "?region=eu-west-1"} {
		got := s.say(t, rawCall(path+query, s.host(), token, "", writtest.Say("query "+query)))
		if len(got) != 1 || got[0].Status != 400 {
			t.Errorf("%s: answered %+v, want 400", query, got)
		}
		s.notReached(t, "query "+query)
	}
}

func TestOtherMethodsAndOperationsAreRefusedByName(t *testing.T) {
	t.Parallel()
	s := shared()
	for target, want := range map[string]string{
		"GET /model/" + writtest.Escape(sonnet) + "/converse":                          "ValidationException",
		"POST /model/" + writtest.Escape(sonnet) + "/invoke-with-bidirectional-stream": "UnknownOperationException",
		"GET /foundation-models":       "UnknownOperationException",
		"POST /v1/messages":            "UnknownOperationException",
		"GET /":                        "",
		"PUT /writ/v1/anything":        "",
		"OPTIONS *":                    "",
		"CONNECT example.com:443":      "",
		"POST http://example.com/x":    "",
		"TRACE /model/x/converse":      "",
		"POST /model/x/converse/extra": "",
	} {
		got := s.say(t, target+" HTTP/1.1\r\nHost: "+s.host()+"\r\nContent-Length: 0\r\n\r\n")
		if len(got) != 1 || got[0].Status < 400 || got[0].Status > 499 || want != "" && got[0].ErrorType() != want {
			t.Errorf("%s: answered %+v, want %s", target, got, want)
		}
	}
}

func TestMalformedHostIsRefused(t *testing.T) {
	t.Parallel()
	s, token := shared(), shared().bearer(t, "support-agent")
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	for name, host := range map[string]string{"slash": "a/b", "question mark": "a?b", "hash": "a#b", "at": "user@a b", "two": "a\r\nHost: b"} {
		got := s.say(t, rawCall(path, host, token, "", writtest.Say("host "+name)))
		if len(got) != 1 || got[0].Status != 400 {
			t.Errorf("%s: answered %+v, want 400", name, got)
		}
		s.notReached(t, "host "+name)
	}
	none := strings.Replace(rawCall(path, "x", token, "", "{}"), "Host: x\r\n", "", 1)
	if got := s.say(t, none); len(got) != 1 || got[0].Status != 400 {
		t.Errorf("without Host: answered %+v, want 400", got)
	}
}

// Requests on which a front and the gateway could disagree about where one
// ends and the next begins. The second request hides in the first one's body;
// it must never be served.
func TestRequestSmuggling(t *testing.T) {
	t.Parallel()
	s, token := shared(), shared().bearer(t, "support-agent")
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	head := "POST " + path + " HTTP/1.1\r\nHost: " + s.host() + "\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\n"
	for name, framing := range map[string]string{
		"CL and TE":               "Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s",
		"TE and CL":               "Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s",
		"TE twice":                "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s",
		"TE unknown":              "Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s",
		"TE with a tab":           "Transfer-Encoding:\tchunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s",
		"TE with a blank":         "Transfer-Encoding : chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s",
		"two lengths":             "Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s",
		"a list of lengths":       "Content-Length: 0, %d\r\n\r\n%s",
		"a signed length":         "Content-Length: +%d\r\n\r\n%s",
		"a hexadecimal length":    "Content-Length: 0x%x\r\n\r\n%s",
		"a folded length":         "Content-Length:\r\n %d\r\n\r\n%s",
		"a length behind a LF":    "X-A: b\nContent-Length: 0\nContent-Length: %d\r\n\r\n%s",
		"a length in HTTP/1.0 TE": "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n%s",
	} {
		t.Run(name, func(t *testing.T) {
			mark := "smuggled by " + name
			hidden := rawCall(path, s.host(), token, "", writtest.Say(mark))
			got := s.say(t, head+fmt.Sprintf(framing, len(hidden), hidden))
			refusedOnly(t, got)
			if len(got) > 1 {
				t.Errorf("%d answers: the hidden request was served: %+v", len(got), got)
			}
			s.notReached(t, mark)
		})
	}
}

// A folded or line-broken header is either refused or read as one header, of
// which every byte is signed.
func TestHeaderFoldingAndBareLineFeeds(t *testing.T) {
	t.Parallel()
	s := shared()
	for name, bend := range map[string]func(string) string{
		"folded content type": func(r string) string {
			return strings.Replace(r, "application/json\r\n", "application/json\r\n ;charset=utf-7\r\n", 1)
		},
		"folded authorization": func(r string) string {
			return strings.Replace(r, "SignedHeaders=", "\r\n\tSignedHeaders=content-type;", 1)
		},
		"an x-amz header behind a line feed": func(r string) string {
			return strings.Replace(r, "\r\n\r\n", "\r\nUser-Agent: a\nX-Amz-Target: b\r\n\r\n", 1)
		},
		"a carriage return in a value": func(r string) string {
			return strings.Replace(r, "\r\n\r\n", "\r\nUser-Agent: a\rX-Amz-Target: b\r\n\r\n", 1)
		},
		"a NUL in a value": func(r string) string {
			return strings.Replace(r, "\r\n\r\n", "\r\nUser-Agent: a\x00b\r\n\r\n", 1)
		},
		"a blank before the colon": func(r string) string {
			return strings.Replace(r, "X-Amz-Date:", "X-Amz-Date :", 1)
		},
		"an x-amz header twice": func(r string) string {
			_, date, _ := strings.Cut(r, "X-Amz-Date: ")
			date, _, _ = strings.Cut(date, "\r\n")
			return strings.Replace(r, "\r\n\r\n", "\r\nX-Amz-Date: "+date+"\r\n\r\n", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			mark := "bent: " + name
			text := bend(wire(writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, "converse", writtest.Say(mark)))))
			refusedOnly(t, s.say(t, text))
			s.notReached(t, mark)
		})
	}
}

func TestOversizedBodyIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	s := shared()
	text := wire(writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, "converse", "{}")))
	got := s.say(t, strings.Replace(text, "Content-Length: 2\r\n", "Content-Length: 25000001\r\n", 1))
	if len(got) != 1 || got[0].Status != 400 || !strings.Contains(got[0].Body, "25000001") {
		t.Errorf("answered %+v", got)
	}
}

func TestTruncatedBodyIsRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	text := wire(writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, "converse", writtest.Say("cut short"))))
	refusedOnly(t, sayTo(t, s.host(), text[:len(text)-5], true))
	s.notReached(t, "cut sh")
}

func TestLargestBodyPasses(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{}) // the shared one is searched often
	body := writtest.Say("as long as can be")
	body += strings.Repeat(" ", 25_000_000-len(body))
	if a := s.call(t, s.session(t, "support-agent"), sonnet, "converse", body); a.Status != 200 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
}

func TestCVE_2026_42208_AMegabyteOfCredentialIsRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	long := strings.Repeat("a", 1<<20)
	refusedOnly(t, s.say(t, rawCall("/model/x/converse", s.host(), long, "", "{}")))
	form := "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=test&RoleArn=x&WebIdentityToken=" + long
	got := s.say(t, fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", s.host(), len(form), form))
	if len(got) != 1 || got[0].Status != 400 {
		t.Errorf("STS: answered %+v, want 400", got)
	}
}

func TestContentEncodingIsRefused(t *testing.T) {
	t.Parallel()
	s := shared()
	for _, coding := range []string{"gzip", "identity", ""} {
		r := s.request(sonnet, "converse", writtest.Say("encoded as "+coding))
		r.Header = http.Header{"Content-Encoding": {coding}}
		if a := writtest.Do(t, writtest.Sign(t, s.session(t, "support-agent"), r)); a.Status != 400 {
			t.Errorf("%q: answered %d %s", coding, a.Status, a.Body)
		}
		s.notReached(t, "encoded as")
	}
}

func TestS14_UpgradeToHTTP2IsIgnored(t *testing.T) {
	t.Parallel()
	s, token := shared(), shared().bearer(t, "support-agent")
	got := s.say(t, rawCall("/model/"+writtest.Escape(sonnet)+"/converse", s.host(), token,
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n", writtest.Say("upgrade")))
	if len(got) != 1 || got[0].Status != 200 {
		t.Errorf("answered %+v, want 200 over HTTP/1.1", got)
	}
}

func TestEveryTransportOnOnePort(t *testing.T) {
	t.Parallel()
	s := shared()
	k := s.session(t, "support-agent")
	h1, h2, h2c := new(http.Protocols), new(http.Protocols), new(http.Protocols)
	h1.SetHTTP1(true)
	h2.SetHTTP2(true)
	h2c.SetUnencryptedHTTP2(true)
	for name, c := range map[string]struct {
		base      string
		protocols *http.Protocols
		want      int
	}{
		"HTTP/1.1":              {s.Gateway, h1, 1},
		"h2 by prior knowledge": {s.Gateway, h2c, 2},
		"HTTP/1.1 over TLS":     {s.GatewayTLS, h1, 1},
		"h2 over TLS":           {s.GatewayTLS, h2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &http.Transport{Protocols: c.protocols, TLSClientConfig: s.TLS(t)}
			defer tr.CloseIdleConnections()
			req := writtest.Sign(t, k, writtest.Request{URL: c.base + "/model/" + writtest.Escape(sonnet) + "/converse", Body: writtest.Say("hello")})
			resp, err := tr.RoundTrip(req.WithContext(context.Background()))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 200 || resp.ProtoMajor != c.want {
				t.Errorf("%d over %s", resp.StatusCode, resp.Proto)
			}
		})
	}
}

// A key that AWS has no CA for: a client that does not trust ours must not get through.
func TestTheLocalCAIsNotTrustedByDefault(t *testing.T) {
	t.Parallel()
	s := shared()
	tr := &http.Transport{}
	req, err := http.NewRequest(http.MethodPost, s.GatewayTLS+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := tr.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Error("a client without the CA was served")
	}
}

func TestS14_PlainTextOnlyOnLoopback(t *testing.T) {
	t.Parallel()
	r := writtest.Run(t, t.TempDir(), "up", "--listen", "0.0.0.0:0", "--admin-listen", "0.0.0.0:0", "--demo")
	if r.Code == 0 || !strings.Contains(r.Stderr, "beyond this machine") {
		t.Errorf("the control plane beyond loopback: exit status %d\n%s", r.Code, r.Stderr)
	}
	s := openSite(t, siteOptions{Options: writtest.Options{Args: []string{"--listen", "0.0.0.0:0"}}})
	if !strings.HasPrefix(s.Gateway, "https://") {
		t.Errorf("the ready line offers %s", s.Gateway)
	}
	if got := sayTo(t, strings.TrimPrefix(s.GatewayTLS, "https://"), rawCall("/model/x/converse", "x", "y", "", "{}"), false); len(got) != 0 {
		t.Errorf("a plain connection was answered: %+v", got)
	}
}

func TestS14_UnsignedTraceIDIsAcceptedAndDropped(t *testing.T) {
	t.Parallel()
	s := shared()
	req := writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, "converse", writtest.Say("traced")))
	req.Header.Set("X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")
	if a := writtest.Do(t, req); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	for _, r := range s.reached("traced") {
		if r.Header.Get("X-Amzn-Trace-Id") != "" {
			t.Error("the client's trace id was forwarded")
		}
	}
}

func TestEscapedAndUnescapedModelIDsNameTheSame(t *testing.T) {
	t.Parallel()
	s, token := shared(), shared().bearer(t, "support-agent")
	for _, id := range []string{sonnet, writtest.Escape(sonnet), strings.ToLower(writtest.Escape(sonnet))} {
		path, mark := "/model/"+id+"/converse", "spelled "+rand.Text()
		got := s.say(t, rawCall(path, s.host(), token, "", writtest.Say(mark)))
		if len(got) != 1 || got[0].Status != 200 {
			t.Errorf("%s: answered %+v", id, got)
			continue
		}
		if r := s.reached(mark); len(r) != 1 || r[0].Path != path {
			t.Errorf("%s: the stand-in was asked for %+v", id, r)
		}
	}
	arn := "arn:aws:bedrock:us-east-1:" + demo.Account + ":imported-model/pricing0001"
	got := s.say(t, rawCall("/model/"+writtest.Escape(arn)+"/converse", s.host(), s.bearer(t, "sales-agent"), "", writtest.Say("price")))
	if len(got) != 1 || got[0].Status != 403 {
		t.Errorf("a model without its validations: answered %+v, want 403", got)
	}
}

// An ARN with a bare slash is the model it names, and leaves as AWS routes it.
func TestAnARNMayBeTypedAsItStands(t *testing.T) {
	t.Parallel()
	s, token := shared(), shared().bearer(t, "support-agent")
	arn := "arn:aws:bedrock:us-east-1:111122223333:inference-profile/" + sonnet
	got := s.say(t, rawCall("/model/"+arn+"/converse", s.host(), token, "", writtest.Say("an ARN as it stands")))
	if len(got) != 1 || got[0].Status != 200 {
		t.Fatalf("answered %+v", got)
	}
	for _, r := range s.reached("an ARN as it stands") {
		if !strings.HasPrefix(r.Path, "/model/arn:aws:bedrock:us-east-1:111122223333:inference-profile%2F") {
			t.Errorf("forwarded as %s", r.Path)
		}
	}
}
