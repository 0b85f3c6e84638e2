package gateway_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/writ-project/writ/internal/writtest"
)

// An answer in an encoding that nobody asked for cannot be read here, nor by
// the client, who would not be told of the encoding: it is no answer.
func TestEncodedAnswersAreNotPassedOn(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(`{"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`))
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b.Bytes()) // the gateway may have left
	}))
	defer up.Close()
	s := openSite(t, siteOptions{Upstream: up.URL})
	for _, operation := range []string{"converse", "converse-stream"} {
		a := s.call(t, s.session(t, "support-agent"), sonnet, operation, writtest.Say("packed"))
		if a.Status != 503 || a.ErrorType() != "ServiceUnavailableException" {
			t.Errorf("%s: answered %d %q", operation, a.Status, a.Body)
		}
		if o := s.outcome(t, a).Outcome; o.Ended != "upstream_error" {
			t.Errorf("%s: recorded as %+v", operation, o)
		}
	}
}
