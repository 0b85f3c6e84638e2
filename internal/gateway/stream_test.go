package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/writtest"
)

// stream is an answer in progress, as an SDK reads it.
type stream struct {
	answer writtest.Answer // status and headers
	body   io.ReadCloser
	leave  func()
	dec    *eventstream.Decoder
}

// frame is one decoded message.
type frame struct {
	kind    string // event, exception or error
	name    string
	payload []byte
}

// begin starts a streaming call and returns once the headers are here.
func begin(t testing.TB, req *http.Request) *stream {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &stream{
		answer: writtest.Answer{Status: resp.StatusCode, Header: resp.Header}, body: resp.Body,
		leave: func() { resp.Body.Close() }, dec: eventstream.NewDecoder(),
	}
}

// next reads one frame.
func (s *stream) next() (frame, error) {
	m, err := s.dec.Decode(s.body, nil)
	if err != nil {
		return frame{}, err
	}
	f := frame{kind: text(m, ":message-type"), payload: m.Payload}
	for _, name := range []string{":event-type", ":exception-type", ":error-code"} {
		if v := text(m, name); v != "" {
			f.name = v
		}
	}
	return f, nil
}

func text(m eventstream.Message, name string) string {
	v, ok := m.Headers.Get(name).(eventstream.StringValue)
	if !ok {
		return ""
	}
	return string(v)
}

// rest reads to the end and returns every frame.
func (s *stream) rest(t testing.TB) []frame {
	t.Helper()
	var out []frame
	for {
		f, err := s.next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("after %d frames: %v", len(out), err)
		}
		out = append(out, f)
	}
}

// cutShort wants a stream that ends with the exception a cut ends with, of the
// SDK's own type and with the status that a refusal would have had.
func (s *stream) cutShort(t testing.TB, why string) {
	t.Helper()
	frames := s.rest(t)
	if len(frames) == 0 {
		t.Fatal("the stream ended without a frame")
	}
	last := frames[len(frames)-1]
	var e struct {
		OriginalStatusCode int
		Message            string
	}
	if err := json.Unmarshal(last.payload, &e); err != nil {
		t.Fatalf("reading %s: %v", last.payload, err)
	}
	if last.kind != "exception" || last.name != "modelStreamErrorException" || e.OriginalStatusCode != 403 || !strings.Contains(e.Message, why) {
		t.Errorf("ended with %s %s %s", last.kind, last.name, last.payload)
	}
}

// streaming signs a call whose answer stops after two frames.
func (s *site) streaming(t testing.TB, k writtest.Keys, model, operation, mark string) *http.Request {
	t.Helper()
	body := writtest.Say(mark + " held-after-two-frames")
	if strings.HasPrefix(operation, "invoke") {
		body = messagesBody(mark+" held-after-two-frames", "")
	}
	return writtest.Sign(t, k, s.request(model, operation, body))
}

// The client has the first frame while Bedrock still holds the rest.
func TestFirstFrameIsOutBeforeTheLastIsIn(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	for _, operation := range []string{"converse-stream", "invoke-with-response-stream"} {
		st := begin(t, s.streaming(t, s.session(t, "support-agent"), sonnet, operation, "slowly"))
		if f, err := st.next(); err != nil || f.kind != "event" {
			t.Fatalf("%s: first frame %+v, %v", operation, f, err)
		}
		st.leave()
	}
	close(s.gate)
	st := begin(t, s.streaming(t, s.session(t, "support-agent"), sonnet, "converse-stream", "to the end"))
	frames := st.rest(t)
	if n := len(frames); n < 4 || frames[n-1].name != "metadata" {
		t.Errorf("%d frames: %+v", n, frames)
	}
	r := s.outcome(t, st.answer)
	if r.Outcome.Ended != "complete" || r.Outcome.Frames != int64(len(frames)) || r.Usage.Source != "stream" {
		t.Errorf("recorded as %+v %+v", r.Outcome, r.Usage)
	}
}

func TestClientLeavingCancelsUpstream(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	st := begin(t, s.streaming(t, s.session(t, "support-agent"), sonnet, "converse-stream", "about to leave"))
	if _, err := st.next(); err != nil {
		t.Fatal(err)
	}
	if n := s.open.Load(); n != 1 {
		t.Fatalf("%d requests are open at Bedrock, want 1", n)
	}
	st.leave()
	eventually(t, "the request to Bedrock ends", func() bool { return s.open.Load() == 0 })
	if o := s.outcome(t, st.answer).Outcome; o.Ended != "client_gone" {
		t.Errorf("recorded as %+v", o)
	}
}

func TestRevocationCutsOpenStreams(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"converse-stream", "invoke-with-response-stream"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			s := openSite(t, siteOptions{})
			st := begin(t, s.streaming(t, s.session(t, "support-agent"), sonnet, operation, "revoked in mid-stream"))
			if _, err := st.next(); err != nil {
				t.Fatal(err)
			}
			other := begin(t, s.streaming(t, s.session(t, "sales-agent"), sonnet, operation, "not concerned"))
			s.MustRun(t, "sessions", "revoke", "support-agent")
			st.cutShort(t, "the right was withdrawn")
			if o := s.outcome(t, st.answer).Outcome; o.Ended != "cut" || o.ErrorType != "AccessDeniedException" {
				t.Errorf("recorded as %+v", o)
			}
			close(s.gate)
			if frames := other.rest(t); frames[len(frames)-1].kind != "event" {
				t.Errorf("another identity's stream ended with %+v", frames[len(frames)-1])
			}
		})
	}
}

// A call whose answer has not begun is refused like any other.
func TestRevocationCutsWaitingCalls(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	k := s.session(t, "support-agent")
	done := make(chan writtest.Answer, 1)
	req := writtest.Sign(t, k, s.request(sonnet, "converse", writtest.Say("fault=stall/0")))
	go func() { done <- writtest.Do(t, req) }()
	eventually(t, "Bedrock is asked", func() bool { return len(s.reached("fault=stall")) == 1 })
	if a := s.call(t, s.session(t, "sales-agent"), sonnet, "converse", writtest.Say("meanwhile")); a.Status != 200 {
		t.Errorf("another call, meanwhile: answered %d %s", a.Status, a.Body)
	}
	s.MustRun(t, "sessions", "revoke", "support-agent")
	a := <-done
	if a.Status != 403 || a.ErrorType() != "AccessDeniedException" {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if o := s.outcome(t, a).Outcome; o.Ended != "cut" {
		t.Errorf("recorded as %+v", o)
	}
	eventually(t, "the request to Bedrock ends", func() bool { return s.open.Load() == 0 })
}

// Whatever takes the right away ends the stream: here the grant is deleted,
// the identity quarantined, and a rule against it applied.
func TestAnyLossOfTheRightCutsOpenStreams(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	for _, c := range []struct {
		name, identity, model string
		take                  func()
	}{
		{"the grant is deleted", "sales-agent", sonnet, func() { s.MustRun(t, "delete", "grant", "sales-agent.sales-drafting") }},
		{"the identity is quarantined", "analytics", lite, func() {
			s.apply(t, `apiVersion: writ/v1
kind: Identity
name: analytics
spec: {kind: service_account, environment: prod, team: analytics, purposes: [reporting], sponsor: ivan@example.com, owner: data-platform@example.com, state: quarantined}
`)
		}},
		{"a rule forbids it", "support-agent", sonnet, func() {
			r := s.tryApply(t, "stop.cedar", `@id("stop") @text("stopped") forbid (principal == Writ::Identity::"support-agent", action in Writ::Action::"Invoke", resource);`)
			if r.Code != 0 {
				t.Fatal(r.Stderr)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := begin(t, s.streaming(t, s.session(t, c.identity), c.model, "converse-stream", c.name))
			if _, err := st.next(); err != nil {
				t.Fatal(err)
			}
			c.take()
			st.cutShort(t, "the right was withdrawn")
			if o := s.outcome(t, st.answer).Outcome; o.Ended != "cut" {
				t.Errorf("recorded as %+v", o)
			}
		})
	}
}

func TestS9_GrantEndingCutsOpenStreams(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	s.apply(t, fmt.Sprintf(`apiVersion: writ/v1
kind: Grant
name: ci-summariser.for-a-moment
spec: {identity: ci-summariser, entitlement: nova-family, notBefore: %s, notAfter: %s, reason: test}
`, time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), time.Now().Add(3*time.Second).UTC().Format(time.RFC3339)))
	st := begin(t, s.streaming(t, s.session(t, "ci-summariser"), lite, "converse-stream", "for a moment"))
	if st.answer.Status != 200 {
		t.Fatalf("answered %d", st.answer.Status)
	}
	st.cutShort(t, "the right ended")
	if o := s.outcome(t, st.answer).Outcome; o.Ended != "cut" {
		t.Errorf("recorded as %+v", o)
	}
}

func TestS9_SessionEndingCutsOpenStreams(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	var k struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
	}
	out := s.MustRun(t, "credentials", "--identity", "support-agent", "--ttl", "2s", "--format", "process")
	if err := json.Unmarshal([]byte(out), &k); err != nil {
		t.Fatal(err)
	}
	s.keep(k.SecretAccessKey, k.SessionToken)
	st := begin(t, s.streaming(t, writtest.Keys{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken}, sonnet, "converse-stream", "short session"))
	st.cutShort(t, "the right ended")
	if o := s.outcome(t, st.answer).Outcome; o.Ended != "cut" {
		t.Errorf("recorded as %+v", o)
	}
}

// An upstream that fails in mid-stream: what was whole is delivered, and what
// the client gets last is an exception that its SDK knows.
func TestUpstreamFaultsInMidStream(t *testing.T) {
	t.Parallel()
	s := shared()
	for fault, want := range map[string]struct{ kind, name, ended string }{
		"cut":          {"exception", "internalServerException", "upstream_error"},
		"half_close":   {"exception", "internalServerException", "upstream_error"},
		"truncate":     {"exception", "internalServerException", "upstream_error"},
		"garbage":      {"exception", "internalServerException", "upstream_error"},
		"corrupt":      {"exception", "internalServerException", "upstream_error"},
		"exception":    {"exception", "throttlingException", "complete"}, // Bedrock's own, passed on
		"stream_error": {"error", "ThrottlingException", "complete"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			for _, operation := range []string{"converse-stream", "invoke-with-response-stream"} {
				body := writtest.Say("fault=" + fault + "/2")
				if operation != "converse-stream" {
					body = messagesBody("fault="+fault+"/2", "")
				}
				st := begin(t, writtest.Sign(t, s.session(t, "support-agent"), s.request(sonnet, operation, body)))
				frames := st.rest(t)
				if len(frames) != 3 || frames[0].kind != "event" || frames[1].kind != "event" {
					t.Fatalf("%s: got %+v, want two events and an error", operation, frames)
				}
				if last := frames[2]; last.kind != want.kind || last.name != want.name {
					t.Errorf("%s: ended with %s %s %s", operation, last.kind, last.name, last.payload)
				}
				if o := s.outcome(t, st.answer).Outcome; o.Ended != want.ended || o.ErrorType == "" {
					t.Errorf("%s: recorded as %+v, want %s", operation, o, want.ended)
				}
			}
		})
	}
}

// A stop lets open calls finish, and accepts no new ones.
func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	st := begin(t, s.streaming(t, s.session(t, "support-agent"), sonnet, "converse-stream", "drained"))
	if _, err := st.next(); err != nil {
		t.Fatal(err)
	}
	s.Terminate()
	eventually(t, "new connections are refused", func() bool {
		resp, err := http.Post(s.Gateway, "", nil)
		if err == nil {
			resp.Body.Close()
		}
		return err != nil
	})
	close(s.gate)
	frames := st.rest(t)
	if len(frames) == 0 || frames[len(frames)-1].name != "metadata" {
		t.Errorf("the stream was not drained: %+v", frames)
	}
	if err := s.Exit(20 * time.Second); err != nil {
		t.Errorf("stopping: %v\n%s", err, s.Stderr())
	}
	if o := s.outcome(t, st.answer).Outcome; o.Ended != "complete" {
		t.Errorf("recorded as %+v", o)
	}
	all := s.records(t)
	if last := all[len(all)-1]; last.Kind != auditlog.KindLifecycle || last.Lifecycle.Event != "stop" {
		t.Errorf("the log ends with %+v", last)
	}
}

// A call that will not end is cut when the time for draining is over.
func TestSIGTERMCutsWhatWillNotEnd(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Config: "drain: {within: 1s}"})
	st := begin(t, s.streaming(t, s.session(t, "support-agent"), sonnet, "converse-stream", "endless"))
	if _, err := st.next(); err != nil {
		t.Fatal(err)
	}
	s.Terminate()
	st.cutShort(t, "the gateway is stopping")
	if err := s.Exit(20 * time.Second); err != nil {
		t.Errorf("stopping: %v\n%s", err, s.Stderr())
	}
	if o := s.outcome(t, st.answer).Outcome; o.Ended != "cut" {
		t.Errorf("recorded as %+v", o)
	}
}

// Frames pass as they came, to the byte.
func TestFramesAreForwardedByteForByte(t *testing.T) {
	t.Parallel()
	s := shared()
	body := writtest.Say("byte for byte in frames")
	through := s.call(t, s.session(t, "support-agent"), sonnet, "converse-stream", body)
	var direct bytes.Buffer
	st := begin(t, writtest.Sign(t, writtest.Keys{AccessKeyID: upstreamKeyID, SecretAccessKey: s.upstreamKey},
		writtest.Request{URL: s.url + "/model/" + writtest.Escape(sonnet) + "/converse-stream", Body: body}))
	if _, err := direct.ReadFrom(st.body); err != nil {
		t.Fatal(err)
	}
	if through.Body != direct.String() || through.Err != nil || direct.Len() == 0 {
		t.Errorf("%d bytes through the gateway (%v), %d without", len(through.Body), through.Err, direct.Len())
	}
}
