package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/writtest"
)

// wire renders a signed request as it goes over the wire, so that a test can
// bend it in ways that no HTTP client would.
func wire(req *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", req.Method, req.URL.EscapedPath(), req.URL.Host, req.ContentLength)
	names := make([]string, 0, len(req.Header))
	for name := range req.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range req.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	b.WriteString("\r\n")
	body, _ := io.ReadAll(req.Body) // a strings.Reader
	b.Write(body)
	return b.String()
}

// rawCall posts a body with a bearer token, by hand.
func rawCall(target, host, token, extra, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s",
		target, host, token, extra, len(body), body)
}

// say sends bytes to the gateway over one connection and returns every answer
// that comes back.
func (s *site) say(t testing.TB, text string) []writtest.Answer {
	t.Helper()
	return sayTo(t, s.host(), text, false)
}

// sayTo ends its half of the connection after the first answer, or at once:
// net/http takes the end for the client's leaving.
func sayTo(t testing.TB, addr, text string, half bool) []writtest.Answer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		_, _ = io.WriteString(c, text) // the gateway need not read it all
		if half {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	r := bufio.NewReader(c)
	var out []writtest.Answer
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
		if err != nil {
			return out
		}
		body, err := io.ReadAll(resp.Body)
		out = append(out, writtest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body), Err: err})
		_ = c.(*net.TCPConn).CloseWrite()
	}
}

func (s *site) host() string { return strings.TrimPrefix(s.Gateway, "http://") }

// refusedOnly fails unless every answer is a refusal of the client's doing.
func refusedOnly(t testing.TB, all []writtest.Answer) {
	t.Helper()
	for _, a := range all {
		if (a.Status < 400 || a.Status >= 500) && a.Status != http.StatusNotImplemented {
			t.Errorf("answered %d %s", a.Status, a.Body)
		}
	}
}
