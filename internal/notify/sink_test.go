package notify

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// received is what a test server got.
type received struct {
	header http.Header
	body   []byte
}

// receiver is a TLS server that remembers and answers with a status.
func receiver(t *testing.T, status int) (*httptest.Server, *received) {
	t.Helper()
	got := &received{}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.header = r.Header
		got.body, _ = io.ReadAll(r.Body)
		w.Header().Set("Location", "https://elsewhere.example.com/")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s, got
}

// local is a sink at a test server.
func local(s *httptest.Server, kind SinkKind) Sink {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return Sink{Name: "x", Kind: kind, URL: s.URL + "/T000/secret-path", Secret: testSecret, AllowLocal: true, Roots: roots}
}

func mustSender(t *testing.T, s Sink) sender {
	t.Helper()
	out, err := s.sender("writ.example/log/0")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func anEvent() Event {
	until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return Event{ID: idOf("x"), Type: RequestNeeds, Subject: "Request/r1", Time: until, Data: Data{
		Summary: "rita asks for chat", By: "rita", Reason: "the demo", Request: "r1", Version: 12, Until: &until, Record: &Record{"0", 7},
	}}
}

func TestWebhooksAreSigned(t *testing.T) {
	s, got := receiver(t, http.StatusAccepted)
	if err := mustSender(t, local(s, WebhookSink)).send(t.Context(), parcel{Event: anEvent()}); err != nil {
		t.Fatal(err)
	}
	id, stamp := got.header.Get("webhook-id"), got.header.Get("webhook-timestamp")
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(testSecret), "whsec_"))
	if want := signature(key, id, stamp, got.body); got.header.Get("webhook-signature") != want {
		t.Errorf("the signature is %q, want %q", got.header.Get("webhook-signature"), want)
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute {
		t.Errorf("the timestamp is %q", stamp)
	}
	var e struct{ ID, Type, Source string }
	if err := json.Unmarshal(got.body, &e); err != nil || e.ID != id || e.Type != RequestNeeds || e.Source != "writ.example/log/0" {
		t.Errorf("the body is %s", got.body)
	}
	if kind := got.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/cloudevents+json") {
		t.Errorf("content type %q", kind)
	}
}

// The vector was computed with openssl dgst -sha256 -mac HMAC.
func TestSignatureVector(t *testing.T) {
	key := []byte("01234567890123456789012345678901")
	if got := signature(key, "msg", "1700000000", []byte(`{"a":1}`)); got != "v1,rChRj5XePKfohk2mxlc8gJlPFG/umxStRh8BHuwwKC4=" {
		t.Errorf("signed as %s", got)
	}
}

func TestAnswersThatAreNotTwoHundredFail(t *testing.T) {
	for status, permanent := range map[int]bool{301: false, 307: false, 400: false, 401: false, 410: true, 429: false, 500: false} {
		s, _ := receiver(t, status)
		err := mustSender(t, local(s, WebhookSink)).send(t.Context(), parcel{Event: anEvent()})
		var p permanentError
		if err == nil || errors.As(err, &p) != permanent || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

// A sink cannot be pointed at the machine itself, or at metadata services, unless
// its owner says so; and metadata services not even then.
func TestSinksDoNotReachInside(t *testing.T) {
	s, got := receiver(t, 200)
	outside := local(s, WebhookSink)
	outside.AllowLocal = false
	if err := mustSender(t, outside).send(t.Context(), parcel{Event: anEvent()}); err == nil || got.header != nil || strings.Contains(err.Error(), "secret-path") {
		t.Errorf("loopback was reached: %v", err)
	}
	for _, u := range []string{"https://169.254.169.254/latest", "https://[fd00:ec2::254]/", "https://0.0.0.0/"} {
		inside := hook
		inside.URL, inside.AllowLocal = u, true
		if err := mustSender(t, inside).send(t.Context(), parcel{Event: anEvent()}); err == nil || !strings.Contains(err.Error(), "never connected to") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestSinksAreChecked(t *testing.T) {
	good := []Sink{hook, {Name: "s", Kind: SlackSink, URL: "https://hooks.slack.com/services/x"},
		{Name: "m", Kind: MailSink, Mail: Mail{Server: "mail.example.com:587", From: "writ@example.com"}, Events: []string{"request.*"}, Audience: []string{Approvers}}}
	for _, s := range good {
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
	}
	for name, change := range map[string]func(*Sink){
		"no name":         func(s *Sink) { s.Name = "" },
		"a kind":          func(s *Sink) { s.Kind = "pigeon" },
		"a plain URL":     func(s *Sink) { s.URL = "http://hooks.example.com" },
		"a user":          func(s *Sink) { s.URL = "https://u:p@hooks.example.com" },
		"no URL":          func(s *Sink) { s.URL = "" },
		"no secret":       func(s *Sink) { s.Secret = "" },
		"a short secret":  func(s *Sink) { s.Secret = "whsec_c2hvcnQ=" },
		"a bare secret":   func(s *Sink) { s.Secret = testSecret[6:] },
		"an event":        func(s *Sink) { s.Events = []string{"requests.*"} },
		"a pattern":       func(s *Sink) { s.Events = []string{"["} },
		"an audience":     func(s *Sink) { s.Audience = []string{"everybody"} },
		"mail, no server": func(s *Sink) { s.Kind, s.Mail = MailSink, Mail{From: "writ@example.com"} },
		"mail, no sender": func(s *Sink) { s.Kind, s.Mail = MailSink, Mail{Server: "m:25"} },
		"mail, to a line": func(s *Sink) {
			s.Kind, s.Mail = MailSink, Mail{Server: "m:25", From: "writ@example.com", To: []string{"a@example.com\r\nBcc: b@example.com"}}
		},
	} {
		s := hook
		change(&s)
		if s.Validate() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := New(Config{Sinks: []Sink{hook, hook}}); err == nil {
		t.Error("two sinks of one name were accepted")
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	text, err := json.Marshal(hook)
	for _, shown := range []string{fmt.Sprint(hook), fmt.Sprintf("%+v %#v %s %x", hook, hook, hook.Secret, hook.Secret), string(text)} {
		if strings.Contains(shown, string(testSecret[6:])) || strings.Contains(shown, fmt.Sprintf("%x", string(testSecret))) || err != nil {
			t.Errorf("it is shown: %s %v", shown, err)
		}
	}
}

func TestSlackTextIsTextOnly(t *testing.T) {
	s, got := receiver(t, 200)
	sink := local(s, SlackSink)
	sink.Buttons = true
	e := anEvent()
	e.Data.Summary = "<!channel> *urgent* <https://evil.example.com|click> & `x` _y_"
	e.Data.Reason = "<@U123> " + strings.Repeat("long ", 1000)
	e.Data.Link = "https://writ.example.com/requests/r1"
	if err := mustSender(t, sink).send(t.Context(), parcel{Event: e}); err != nil {
		t.Fatal(err)
	}
	var m struct {
		Text   string
		Blocks []struct {
			Type     string
			Text     struct{ Type, Text string }
			Elements []struct {
				ActionID string `json:"action_id"`
				Value    string
			}
		}
	}
	if err := json.Unmarshal(got.body, &m); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{m.Text, m.Blocks[0].Text.Text} {
		for _, bad := range []string{"<!channel>", "<https://evil", "<@U123>", "*urgent*", "`x`", "_y_"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q is in %.200s", bad, text)
			}
		}
		if len(text) > 3000 {
			t.Errorf("%d bytes", len(text))
		}
	}
	if len(m.Blocks) != 3 || m.Blocks[2].Elements[0].ActionID != approveAction || m.Blocks[2].Elements[1].Value != "r1@12" {
		t.Errorf("blocks: %+v", m.Blocks)
	}
	e.Type = RequestEnded
	if got := (&slack{buttons: true}).blocks(&e); len(got) != 1 {
		t.Errorf("an outcome has buttons: %v", got)
	}
}
