package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/upstream"
	"github.com/writ-project/writ/internal/writtest"
)

// TestS27_StrictModeReleasesNothingUnrecorded loses the log while Bedrock
// answers: the end of the answer must not get out.
func TestS27_StrictModeReleasesNothingUnrecorded(t *testing.T) {
	t.Parallel()
	const usage = `"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2},"metrics":{"latencyMs":1}`
	stream := bedrock.AppendEvent(nil, "messageStart", []byte(`{"role":"assistant"}`))
	stream = bedrock.AppendEvent(stream, "messageStop", []byte(`{"stopReason":"end_turn"}`))
	stream = bedrock.AppendEvent(stream, "metadata", []byte("{"+usage+"}"))
	for operation, answer := range map[string]struct{ kind, body string }{
		"converse":        {"application/json", `{"output":{"message":{"role":"assistant","content":[{"text":"secret"}]}},"stopReason":"end_turn",` + usage + `}`},
		"converse-stream": {"application/vnd.amazon.eventstream", string(stream)},
	} {
		in := newInside(t, 0, func(c *gateway.Config) {
			c.Strict = true
			journal := c.Journal
			c.Upstream = answering(t, func(w http.ResponseWriter) {
				_ = journal.Close()
				w.Header().Set("Content-Type", answer.kind)
				_, _ = w.Write([]byte(answer.body))
			})
		})
		a := in.call(t, operation, writtest.Say("hello"))
		if strings.Contains(a.Body, "secret") || strings.Contains(a.Body, "inputTokens") {
			t.Errorf("%s: the end of an unrecorded answer got out: %q", operation, a.Body)
		}
		if operation == "converse" && a.Status != 503 || operation != "converse" && !strings.Contains(a.Body, "internalServerException") {
			t.Errorf("%s: answered %d %q", operation, a.Status, a.Body)
		}
	}
}

// answering is an upstream that answers every call the same way.
func answering(t *testing.T, answer func(http.ResponseWriter)) *upstream.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	t.Cleanup(srv.Close)
	client, err := upstream.New(upstream.Config{Account: "111122223333", Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// TestS9_AGrantMadeShorterCutsAtItsNewEnd: what an open stream stands on may
// change while it is open.
func TestS9_AGrantMadeShorterCutsAtItsNewEnd(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	began := time.Now().Add(-time.Minute).UTC()
	grant := func(d time.Duration) string {
		return fmt.Sprintf(`apiVersion: writ/v1
kind: Grant
name: ci-summariser.made-shorter
spec: {identity: ci-summariser, entitlement: nova-family, notBefore: %s, notAfter: %s, reason: test}
`, began.Format(time.RFC3339), time.Now().Add(d).UTC().Format(time.RFC3339))
	}
	s.apply(t, grant(time.Hour))
	st := begin(t, s.streaming(t, s.session(t, "ci-summariser"), lite, "converse-stream", "made shorter"))
	if st.answer.Status != 200 {
		t.Fatalf("answered %d", st.answer.Status)
	}
	s.apply(t, grant(3*time.Second))
	st.cutShort(t, "the right ended")
	if o := s.outcome(t, st.answer).Outcome; o.Ended != "cut" {
		t.Errorf("recorded as %+v", o)
	}
}
