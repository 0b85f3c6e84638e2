package gateway_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/writtest"
)

// Readiness goes red before anything else changes: a load balancer that has
// not noticed yet still gets its answers. A second signal waits for nothing.
func TestReadinessGoesRedFirstAndASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Config: "drain: {delay: 5m, within: 1h}"})
	keys := s.session(t, "support-agent")
	st := begin(t, s.streaming(t, keys, sonnet, "converse-stream", "hurried"))
	if _, err := st.next(); err != nil {
		t.Fatal(err)
	}
	if got := s.readiness(t, ""); got != "ready\n" {
		t.Errorf("before: %q", got)
	}
	s.Terminate()
	eventually(t, "readiness is red", func() bool { return s.readiness(t, "") == "not ready\n" })
	if got := s.readiness(t, s.operator); got != "not ready: the server is stopping\n" {
		t.Errorf("an operator is told %q", got)
	}
	if a := s.call(t, keys, sonnet, "converse", writtest.Say("sent all the same")); a.Status != 200 {
		t.Errorf("a call while readiness is red: %d %s", a.Status, a.Body)
	}
	if r := s.Run(t, "status", "--ready"); r.Code != 1 {
		t.Errorf("status --ready: exit status %d, want 1", r.Code)
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

// readiness is what /readyz says, with or without a token.
func (s *site) readiness(t testing.TB, token string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.Admin+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	a := writtest.Do(t, req)
	if (a.Status == 200) != (a.Body == "ready\n") {
		t.Errorf("status %d says %q", a.Status, a.Body)
	}
	return a.Body
}

// An HTTP/2 connection is told to go away (RFC 9113 §6.8).
func TestSIGTERMSendsGOAWAY(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	c, err := net.Dial("tcp", s.host())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	const preface, settings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	if _, err := io.WriteString(c, preface+settings); err != nil {
		t.Fatal(err)
	}
	if kind := frameType(t, c); kind != 4 {
		t.Fatalf("the first frame is of type %d, want SETTINGS", kind)
	}
	s.Terminate()
	for kind := byte(0); kind != 7; {
		kind = frameType(t, c)
	}
	if err := s.Exit(20 * time.Second); err != nil {
		t.Errorf("stopping: %v\n%s", err, s.Stderr())
	}
}

// frameType reads one HTTP/2 frame and returns its type.
func frameType(t testing.TB, r io.Reader) byte {
	t.Helper()
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatalf("reading a frame: %v", err)
	}
	length := int64(binary.BigEndian.Uint32(head[:4]) >> 8)
	if _, err := io.CopyN(io.Discard, r, length); err != nil {
		t.Fatal(err)
	}
	return head[3]
}
