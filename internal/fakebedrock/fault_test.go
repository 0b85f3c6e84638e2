package fakebedrock

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// dial starts a stand-in and returns a client that speaks the protocol named.
func dial(t *testing.T, s *Server, proto string) (*http.Client, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	transport := &http.Transport{Protocols: new(http.Protocols), DisableKeepAlives: true}
	scheme := "http://"
	switch proto {
	case "http/1.1":
		transport.Protocols.SetHTTP1(true)
	case "h2c":
		transport.Protocols.SetUnencryptedHTTP2(true)
	case "h2":
		scheme = "https://"
		transport.Protocols.SetHTTP2(true)
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // the certificate is made up below
	}
	go func() {
		if proto == "h2" {
			served <- s.ServeTLS(l, madeUp(t))
		} else {
			served <- s.Serve(l)
		}
	}()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return &http.Client{Transport: transport}, scheme + l.Addr().String()
}

func madeUp(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Error(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Error(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestProtocols(t *testing.T) {
	for proto, want := range map[string]string{"http/1.1": "HTTP/1.1", "h2c": "HTTP/2.0", "h2": "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			recorder := new(Recorder)
			var log bytes.Buffer
			client, url := dial(t, New(Config{Anonymous: true, Recorder: recorder, Log: slog.New(slog.NewTextHandler(&log, nil))}), proto)
			r, err := client.Post(url+modelPath(claude, "converse-stream"), "application/json", strings.NewReader(hello))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			if got := frames(t, read(t, r)); len(got) < 5 || r.Proto != want {
				t.Errorf("got %d frames over %s, want several over %s", len(got), r.Proto, want)
			}
			if got := recorder.Requests()[0]; got.Proto != want || got.TLS != (proto == "h2") || got.Path != modelPath(claude, "converse-stream") {
				t.Errorf("recorded %s, TLS %v, %s", got.Proto, got.TLS, got.Path)
			}
			if !strings.Contains(log.String(), "stand-in") {
				t.Errorf("log %q does not name a stand-in", log.String())
			}
		})
	}
}

func TestOnlyLoopbackIsServed(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := New(Config{})
	s.Close() // should a listener be accepted, serving ends at once
	if err := s.Serve(l); err == nil {
		t.Error("served a listener on every address")
	}
	if err := s.ServeTLS(l, madeUp(t)); err == nil {
		t.Error("served TLS on every address")
	}
}

// outcome is what a client saw of an answer.
type outcome struct {
	sent   error // of the request
	status int
	typ    string
	body   []byte
	ended  error // of the body
}

func play(t *testing.T, proto, operation string, f Fault) outcome {
	t.Helper()
	s := New(Config{Anonymous: true})
	s.Inject(f)
	client, url := dial(t, s, proto)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+modelPath(claude, operation), strings.NewReader(hello))
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.Do(req)
	if err != nil {
		return outcome{sent: err}
	}
	defer r.Body.Close()
	o := outcome{status: r.StatusCode, typ: r.Header.Get("X-Amzn-Errortype")}
	if f.Kind == Stall { // the caller has to end it
		first := make([]byte, 1)
		if n, _ := io.ReadFull(r.Body, first); n == 1 {
			o.body = first
		}
		cancel()
		return o
	}
	o.body, o.ended = io.ReadAll(r.Body)
	return o
}

// intact counts the frames before the first bad one, and returns its error.
func intact(raw []byte) (int, error) {
	d, r := eventstream.NewDecoder(), bytes.NewReader(raw)
	for n := 0; ; n++ {
		if _, err := d.Decode(r, nil); err != nil {
			return n, err
		}
	}
}

func TestStreamFaults(t *testing.T) {
	for _, proto := range []string{"http/1.1", "h2c"} {
		for _, c := range []struct {
			kind       FaultKind
			frames     int
			clean, cut bool // the frames end at a frame's end; the body ends in an error
		}{
			{Cut, 3, true, true},
			{HalfClose, 3, true, true},
			{Truncate, 3, true, false},
			{Garbage, 3, false, false},
			{Corrupt, 3, false, false},
			{Exception, 4, true, false},
			{StreamError, 4, true, false},
		} {
			t.Run(proto+"/"+string(c.kind), func(t *testing.T) {
				o := play(t, proto, "converse-stream", Fault{Kind: c.kind, After: 3, Type: "ThrottlingException", Message: "m"})
				n, err := intact(o.body)
				if o.sent != nil || o.status != 200 || n != c.frames {
					t.Fatalf("got %d frames, status %d, %v; want %d with 200", n, o.status, o.sent, c.frames)
				}
				if errors.Is(err, io.EOF) != c.clean {
					t.Errorf("behind %d frames: %v", n, err)
				}
				if (o.ended != nil) != c.cut {
					t.Errorf("the body ended with %v", o.ended)
				}
			})
		}
	}
}

func TestWholeFaults(t *testing.T) {
	for _, c := range []struct {
		kind      FaultKind
		json, cut bool
	}{
		{Cut, false, true},
		{HalfClose, false, true},
		{Truncate, false, false},
		{Garbage, false, false},
		{Corrupt, false, false},
	} {
		o := play(t, "http/1.1", "converse", Fault{Kind: c.kind})
		if o.sent != nil || o.status != 200 || len(o.body) == 0 || (o.ended != nil) != c.cut || bytes.HasSuffix(o.body, []byte("}}")) {
			t.Errorf("%s: got %+v", c.kind, o)
		}
	}
	for _, kind := range []FaultKind{Refuse, Exception, StreamError} {
		o := play(t, "http/1.1", "converse", Fault{Kind: kind, Status: 429, Type: "ThrottlingException", Message: "m"})
		if o.status != 429 || o.typ != "ThrottlingException" || string(o.body) != `{"message":"m"}` {
			t.Errorf("%s: got %+v", kind, o)
		}
	}
	if o := play(t, "http/1.1", "converse", Fault{Kind: Refuse}); o.status != 500 {
		t.Errorf("status %d, want 500 by default", o.status)
	}
}

func TestDropAndStall(t *testing.T) {
	for _, proto := range []string{"http/1.1", "h2c"} {
		if o := play(t, proto, "converse-stream", Fault{Kind: Drop}); o.sent == nil {
			t.Errorf("%s: dropped, and got %+v", proto, o)
		}
		for _, operation := range []string{"converse", "converse-stream"} {
			if o := play(t, proto, operation, Fault{Kind: Stall, After: 1}); o.status != 200 || len(o.body) != 1 {
				t.Errorf("%s %s: stalled, and got %+v", proto, operation, o)
			}
		}
	}
}

func TestFaultsAreTakenInTurn(t *testing.T) {
	s := New(Config{Anonymous: true, Fault: func(r Request) Fault {
		return Fault{Kind: Refuse, Status: 424, Type: "ModelErrorException", Message: r.Model}
	}})
	s.Inject(Fault{Kind: Refuse, Status: 429, Type: "ThrottlingException"}, Fault{})
	for i, want := range []int{429, 200, 424, 424} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, modelPath(claude, "converse"), strings.NewReader(hello)))
		if w.Code != want {
			t.Errorf("request %d: status %d, want %d", i, w.Code, want)
		}
	}
}

// TestPace runs on a false clock: the figures are exact.
func TestPace(t *testing.T) {
	cfg := Config{
		Anonymous:       true,
		Latency:         2 * time.Second,
		TokensPerSecond: 10,
		Answer:          func(string, string) string { return "one two three four" },
	}
	for _, operation := range []string{"converse", "converse-stream"} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			r := post(t, cfg, modelPath(claude, operation), hello)
			if took := time.Since(start); took != 2400*time.Millisecond {
				t.Errorf("%s took %v, want 2.4s", operation, took)
			}
			if !bytes.Contains(read(t, r), []byte(`"latencyMs":2400`)) {
				t.Errorf("%s does not report its latency", operation)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start, w := time.Now(), httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, modelPath(claude, "converse"), strings.NewReader(hello))
		New(cfg).ServeHTTP(w, r)
		if took := time.Since(start); took != time.Second || w.Body.Len() != 0 {
			t.Errorf("answered %d bytes in %v to a caller who left after 1s", w.Body.Len(), took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		slow := Config{Fault: func(Request) Fault { return Fault{Delay: time.Minute} }}
		start := time.Now()
		readObject(t, post(t, slow, modelPath(claude, "converse"), hello))
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v, want a minute", took)
		}
	})
}
