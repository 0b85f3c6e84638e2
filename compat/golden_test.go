package compat

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/writtest"
)

// Two frames as the service sends them: a contentBlockDelta with the text "Hi",
// and the throttlingException "Too many requests".
const (
	goldenDelta = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970650700" +
		"106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b22636f6e74656e74426c6f636b496e646578223a" +
		"302c2264656c7461223a7b2274657874223a224869227d7d1f944657"
	goldenException = "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d" +
		"747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009657863657074696f6e7b226d657373616765223a" +
		"22546f6f206d616e79207265717565737473227de67f8005"
)

// goldenStream ends as a throttled stream does.
func goldenStream(t *testing.T) []byte {
	t.Helper()
	all, err := hex.DecodeString(goldenDelta + goldenDelta + goldenException)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// dribble is an upstream that answers every call with the same stream, in
// pieces that respect no frame.
type dribble struct{ stream []byte }

func (d dribble) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	for piece := range slices.Chunk(d.stream, 7) {
		w.Write(piece)
		http.NewResponseController(w).Flush()
	}
}

// TestGoldenFramesPassUnchanged replays frames that neither the gateway nor the
// stand-in made, so that the two cannot share a mistake about them.
func TestGoldenFramesPassUnchanged(t *testing.T) {
	stream := goldenStream(t)
	s := openWrit(t, dribble{stream}, openIssuer(t))
	keys := s.Session(t, "compat")
	for _, operation := range []string{"converse-stream", "invoke-with-response-stream"} {
		body := writtest.Say("hello")
		if operation != "converse-stream" {
			body = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":64,"messages":[{"role":"user","content":"hello"}]}`
		}
		got := writtest.Do(t, writtest.Sign(t, keys, writtest.Request{
			URL: s.Gateway + "/model/" + writtest.Escape(standInModel) + "/" + operation, Body: body,
		}))
		if got.Status != http.StatusOK || got.Err != nil || got.Body != string(stream) {
			t.Errorf("%s: status %d, %v, and the frames\n%x\nwant\n%x", operation, got.Status, got.Err, got.Body, stream)
		}
	}
	to := Target{Runtime: s.Gateway, Env: environment(keys), Broken: standInModel}
	for _, c := range present(t) {
		if !c.can("stream-error") || c.calls[0] != "Converse" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			got := one(t, c.run(t, "stream", to.plain(to.Broken), nil))
			if got.Text != "HiHi" || got.Events < 2 || got.Class != c.broken || !strings.Contains(got.Message, "Too many requests") {
				t.Errorf("got %+v, want the text and then %s", got, c.broken)
			}
		})
	}
}
